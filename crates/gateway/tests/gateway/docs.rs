//! The APIs' description, held against the running gateway: what it calls required is, what it shows is accepted, and
//! what it says of an answer is what comes.

use crate::support::client::{Answer, Request};
use crate::support::merchant::{Account, CANCEL, DIRECT, GERAITEST1, IONPAYTEST, REDIRECT, direct};
use crate::support::store::{ALMA, PAY, new_external_id};
use crate::support::{Gateway, sandbox_settings};
use gerai_delivery::EgressGuard;
use gerai_gateway::{DeliverySettings, Settings, sign_store_request};
use gerai_protocol::{MerchantKey, ResultCode, cancel_token, notification_token, registration_token};
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

const NOW: &str = "2031-05-05T10:00:00";
const SECRETS: [&str; 6] =
    [GERAITEST1.key, IONPAYTEST.key, "alma-sandbox-secret", "indo-sandbox-secret", "whsec_", "Z2VyYWktc2FuZGJveC"];

/// A call as the JSON describes it.
#[derive(Debug, Clone)]
struct Described {
    path: String,
    method: String,
    operation: Value,
    spec: Value,
}

impl Described {
    fn id(&self) -> &str {
        self.operation["operationId"].as_str().unwrap()
    }

    fn schema(&self, reference: &Value) -> Value {
        let name = reference["$ref"].as_str().unwrap_or_else(|| panic!("a reference: {reference}"));
        self.spec.pointer(name.strip_prefix('#').unwrap()).unwrap_or_else(|| panic!("{name}")).clone()
    }

    fn request(&self) -> Option<Value> {
        let content = self.operation["requestBody"]["content"].get("application/json")?;
        Some(self.schema(&content["schema"]))
    }

    /// The examples of the body, by name.
    fn examples(&self) -> Vec<(String, Map<String, Value>)> {
        let examples = &self.operation["requestBody"]["content"]["application/json"]["examples"];
        let Some(examples) = examples.as_object() else { return Vec::new() };
        examples.iter().map(|(name, example)| (name.clone(), example["value"].as_object().unwrap().clone())).collect()
    }

    fn example(&self) -> Map<String, Value> {
        self.examples().swap_remove(0).1
    }

    fn done(&self) -> &Value {
        &self.operation["responses"]["200"]["content"]["application/json"]
    }

    fn parameters(&self) -> &[Value] {
        self.operation["parameters"].as_array().map_or(&[], Vec::as_slice)
    }

    fn is_signed(&self) -> bool {
        self.operation["security"].is_array()
    }
}

async fn spec(gateway: &Gateway) -> Value {
    let answer = gateway.get("/docs/openapi.json").await;
    assert_eq!(answer.status, 200);
    answer.json()
}

/// All calls, in no particular order.
async fn described(gateway: &Gateway) -> Vec<Described> {
    let spec = spec(gateway).await;
    let mut calls = Vec::new();
    for (path, item) in spec["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let (path, method, operation) = (path.clone(), method.to_uppercase(), operation.clone());
            calls.push(Described { path, method, operation, spec: spec.clone() });
        }
    }
    calls
}

fn find(calls: &[Described], id: &str) -> Described {
    calls.iter().find(|call| call.id() == id).unwrap_or_else(|| panic!("no {id}")).clone()
}

fn account(body: &Map<String, Value>) -> Account {
    if body.get("iMid").and_then(Value::as_str) == Some(IONPAYTEST.imid) { IONPAYTEST } else { GERAITEST1 }
}

fn text<'a>(body: &'a Map<String, Value>, name: &str) -> &'a str {
    body.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The token that a merchant's body ought to carry.
fn token(path: &str, body: &Map<String, Value>) -> String {
    let key = MerchantKey::new(account(body).key);
    let (time, imid, amt) = (text(body, "timeStamp"), text(body, "iMid"), text(body, "amt"));
    if path == CANCEL {
        cancel_token(time, imid, text(body, "tXid"), amt, &key)
    } else {
        registration_token(time, imid, text(body, "referenceNo"), amt, &key)
    }
}

fn with(mut body: Map<String, Value>, changes: &[(&str, &str)]) -> Map<String, Value> {
    for (name, value) in changes {
        body.insert((*name).into(), Value::from(*value));
    }
    body
}

/// A merchant's body, signed for what stands in it.
fn signed(path: &str, mut body: Map<String, Value>) -> String {
    let token = token(path, &body);
    body.insert("merchantToken".into(), token.into());
    Value::Object(body).to_string()
}

/// A store's request with all its headers.
fn store_request(path: &str, body: &Map<String, Value>) -> Request {
    let body = Value::Object(body.clone());
    ALMA.request_with(path, &body.to_string(), &Timestamp::now().to_string(), &new_external_id())
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap_or_else(|| panic!("an object: {value}")).keys().map(String::as_str).collect()
}

/// The keys of objects are the same, all the way down; where the example has `null` or an empty list, anything may stand.
fn assert_same_shape(example: &Value, answer: &Value, at: &str) {
    match (example, answer) {
        (Value::Object(shown), Value::Object(_)) => {
            // The keys of these are not ours.
            if at.ends_with(".headers") || at.ends_with(".fields") {
                return;
            }
            assert_eq!(keys(example), keys(answer), "{at}");
            for (key, value) in shown {
                assert_same_shape(value, &answer[key], &format!("{at}.{key}"));
            }
        }
        (Value::Array(shown), Value::Array(items)) => {
            for item in items {
                assert_same_shape(shown.first().unwrap_or(&Value::Null), item, &format!("{at}[]"));
            }
        }
        (Value::Null, _) | (_, Value::Null) => {}
        _ => assert_eq!(
            std::mem::discriminant(example),
            std::mem::discriminant(answer),
            "{at}: {example} is shown, {answer} came"
        ),
    }
}

fn assert_done(call: &Described, answer: &Answer) -> Value {
    let json = answer.json();
    assert_eq!(answer.status, 200, "{}: {json}", call.id());
    match call.path.split('/').nth(1) {
        Some("nicepay") => assert_eq!(json["resultCd"], "0000", "{}: {json}", call.id()),
        Some("store") => assert!(json["responseCode"].as_str().unwrap().ends_with("00"), "{}: {json}", call.id()),
        _ => {}
    }
    let schema = call.schema(&call.done()["schema"]);
    assert_eq!(keys(&schema["properties"]), keys(&json), "{}: the described keys", call.id());
    assert_same_shape(&call.done()["example"], &json, call.id());
    json
}

#[tokio::test]
async fn the_description_changes_only_together_with_its_snapshot() {
    let gateway = Gateway::sandbox().await;
    let answer = gateway.get("/docs/openapi.json").await;
    let text = answer.text().replace(&format!(r#""version": "{}""#, env!("CARGO_PKG_VERSION")), r#""version": "…""#);
    insta::assert_snapshot!("openapi", text);
}

#[tokio::test]
async fn s24_every_token_that_is_shown_is_right_and_some_are_the_published_ones() {
    let gateway = Gateway::at(NOW).await;
    let calls = described(&gateway).await;
    let mut shown = BTreeSet::new();
    for id in ["directRegistration", "redirectRegistration", "inquiry", "cancel"] {
        let call = find(&calls, id);
        let examples = call.examples();
        assert_eq!(examples.len(), 2, "{id}");
        for (name, body) in examples {
            assert_eq!(text(&body, "merchantToken"), token(&call.path, &body), "{id} {name}");
            shown.insert(text(&body, "merchantToken").to_owned());
        }
    }
    for published in [
        "f9d30f6c972e2b5718751bd087b178534673a91bbac845f8a24e60e8e4abbbc5",
        "b5149659e1a2f1271fb0833f8ea20e174b6fd389db26bc6ad036cc0dae6fa797",
        "49974dde3c4a311030bd2095431443ce3689d79c90caaa88f4186050abb77cf9",
    ] {
        assert!(shown.contains(published), "{published}");
    }
    let form = calls[0].spec["webhooks"]["notification"]["post"]["requestBody"]["content"]
        ["application/x-www-form-urlencoded"]["example"]
        .as_object()
        .unwrap()
        .clone();
    let key = MerchantKey::new(GERAITEST1.key);
    let right = notification_token(GERAITEST1.imid, text(&form, "tXid"), text(&form, "amt"), &key);
    assert_eq!(text(&form, "merchantToken"), right);
}

#[tokio::test]
async fn s25_every_merchant_example_is_accepted_and_answered_as_described() {
    let gateway = Gateway::at(NOW).await;
    let calls = described(&gateway).await;
    let (direct, redirect) = (find(&calls, "directRegistration"), find(&calls, "redirectRegistration"));
    let mut registered = Vec::new();
    for call in [&redirect, &direct] {
        for (_, body) in call.examples() {
            let answer = gateway.post(&call.path, Value::Object(body.clone()).to_string()).await;
            let json = assert_done(call, &answer);
            registered.push((text(&body, "referenceNo").to_owned(), json["tXid"].as_str().unwrap().to_owned()));
        }
    }
    // The gateway alone knows the `tXid`: it is put in where the example has one of its kind.
    let tx_id_of = |reference: &str| {
        registered.iter().find(|(known, _)| known == reference).map(|(_, tx_id)| tx_id.clone()).unwrap()
    };
    let inquiry = find(&calls, "inquiry");
    for (_, body) in inquiry.examples() {
        let body = with(body.clone(), &[("tXid", &tx_id_of(text(&body, "referenceNo")))]);
        assert_done(&inquiry, &gateway.post(&inquiry.path, Value::Object(body).to_string()).await);
    }
    let cancel = find(&calls, "cancel");
    for ((_, body), reference) in cancel.examples().into_iter().zip(["ORD12345", "KOPI-1001"]) {
        let body = with(body, &[("tXid", &tx_id_of(reference))]);
        assert_done(&cancel, &gateway.post(CANCEL, signed(CANCEL, body)).await);
    }
}

#[tokio::test]
async fn merchant_answers_have_the_described_keys_in_the_described_order() {
    let gateway = Gateway::at(NOW).await;
    // Text, since a parsed object forgets the order.
    let spec = gateway.get("/docs/openapi.json").await.text();
    for (call, answer) in [
        ("DirectRegistrationAnswer", gateway.ask(&direct("ORD1")).await),
        ("RedirectRegistrationAnswer", gateway.post(REDIRECT, "{}").await),
        ("InquiryAnswer", gateway.post("/nicepay/direct/v2/inquiry", "{}").await),
        ("CancelAnswer", gateway.post(CANCEL, "{}").await),
    ] {
        let schema = spec.split(&format!("\"{call}\": {{")).nth(1).unwrap();
        let required = schema.split("\"required\": [").nth(1).unwrap().split(']').next().unwrap();
        let described: Vec<&str> = required.split('"').skip(1).step_by(2).collect();
        assert_eq!(described, answer.keys(), "{call}");
    }
}

#[tokio::test]
async fn s9_to_s11_every_store_example_is_accepted_and_answered_as_described() {
    let gateway = Gateway::at(NOW).await;
    let calls = described(&gateway).await;
    let payment = gateway.register("ALMA", "ORD1").await;
    for id in ["storeInquiry", "storePayment", "storeCommit", "storeReversal"] {
        let call = find(&calls, id);
        let body = with(call.example(), &[("payNo", &payment.pay_no)]);
        assert_done(&call, &gateway.send(&store_request(&call.path, &body)).await);
    }
}

#[tokio::test]
async fn every_sandbox_example_is_accepted_and_answered_as_described() {
    let gateway = Gateway::at(NOW).await;
    let calls = described(&gateway).await;
    let inbox = format!("http://{}/sandbox/v1/inbox/shop", gateway.addr);
    let mut done = BTreeSet::new();
    let order = [
        "showClock",
        "moveClock",
        "simulatePayment",
        "listNotifications",
        "readInbox",
        "simulateReversal",
        "putIntoInbox",
        "reset",
    ];
    let payment = gateway.registered(&direct("ORD1").set("mitraCd", "ALMA").set("dbProcessUrl", inbox.clone())).await;
    for id in order {
        let call = find(&calls, id);
        let filled = |path: &str, pay_no: &str| path.replace("{payNo}", pay_no).replace("{name}", "shop");
        let mut path = filled(&call.path, &payment.pay_no);
        if id == "listNotifications" {
            gateway.advance("PT0S").await;
            path = format!("{path}?tXid={}", payment.tx_id);
        }
        let examples = call.examples();
        if examples.is_empty() {
            assert_done(&call, &gateway.send(&Request::new(&call.method, &path)).await);
        }
        for (name, body) in examples {
            // The number is paid by one of the two.
            if name == "noCommit" {
                path = filled(&call.path, &gateway.register("ALMA", &name).await.pay_no);
            } else if name == "whole" {
                path = filled(&call.path, &payment.pay_no);
            }
            let answer = gateway.post(&path, Value::Object(body).to_string()).await;
            let json = answer.json();
            if name == "noCommit" {
                assert_eq!((answer.status, &json["payment"]["status"]), (200, &json!("READY_TO_COMMIT")));
            } else {
                assert_done(&call, &answer);
            }
        }
        done.insert(id.to_owned());
    }
    let sandbox = calls.iter().filter(|call| call.path.starts_with("/sandbox/"));
    assert_eq!(done, sandbox.map(|call| call.id().to_owned()).collect(), "all have been tried");
}

#[tokio::test]
async fn a_control_refuses_in_json_what_cannot_even_be_read() {
    let gateway = Gateway::sandbox().await;
    for (method, path, status) in [
        ("GET", "/sandbox/v1/notifications?tXid=a&tXid=b", 400),
        ("GET", "/sandbox/v1/notifications?tXid=%ff", 400),
        ("POST", "/sandbox/v1/payments/%ff/pay", 404),
        ("POST", "/sandbox/v1/payments/%ff/reverse", 404),
        ("POST", "/sandbox/v1/inbox/%ff", 400),
        ("GET", "/sandbox/v1/inbox/%ff", 400),
    ] {
        let answer = gateway.send(&Request::new(method, path)).await;
        assert_eq!(answer.status, status, "{method} {path}");
        assert_eq!(keys(&answer.json()), ["error"], "{method} {path}");
    }
}

#[tokio::test]
async fn a_described_path_takes_the_described_methods_and_no_other() {
    let gateway = Gateway::at(NOW).await;
    let calls = described(&gateway).await;
    for call in &calls {
        let path = call.path.replace("{payNo}", "148203665718").replace("{name}", "shop");
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            let answer = gateway.send(&Request::new(method, &path)).await;
            let known = calls.iter().any(|other| other.path == call.path && other.method == method);
            assert_eq!(answer.status == 405, !known, "{method} {path}: {}", answer.status);
            if !known {
                assert!(answer.header("allow").is_some_and(|allow| allow.contains(&call.method)), "{method} {path}");
            }
        }
    }
}

#[tokio::test]
async fn s27_every_required_field_of_a_merchant_is_required_and_has_the_described_code() {
    let gateway = Gateway::at(NOW).await;
    for call in described(&gateway).await.iter().filter(|call| call.path.starts_with("/nicepay/")) {
        let schema = call.request().unwrap();
        let required: Vec<String> = serde_json::from_value(schema["required"].clone()).unwrap();
        assert!(required.len() >= 6, "{}", call.id());
        let codes: Vec<String> =
            serde_json::from_value(call.schema(&call.done()["schema"])["properties"]["resultCd"]["enum"].clone())
                .unwrap();
        for field in required {
            let code = schema["properties"][&field]["x-missing-code"].as_str().unwrap();
            assert!(codes.iter().any(|known| known == code), "{} {code}", call.id());
            for nothing in [None, Some(Value::Null), Some(json!(""))] {
                let mut body = call.example();
                body.remove(&field).unwrap_or_else(|| panic!("{} shows no {field}", call.id()));
                if let Some(nothing) = nothing {
                    body.insert(field.clone(), nothing);
                }
                let answer = gateway.post(&call.path, Value::Object(body).to_string()).await;
                assert_eq!((answer.status, answer.code().as_str()), (200, code), "{} {field}", call.id());
            }
        }
    }
}

#[tokio::test]
async fn s27_every_required_field_and_header_of_a_store_is_required_and_has_the_described_code() {
    let gateway = Gateway::at(NOW).await;
    let payment = gateway.register("ALMA", "ORD1").await;
    for call in described(&gateway).await.iter().filter(|call| call.path.starts_with("/store/")) {
        let schema = call.request().unwrap();
        let body = with(call.example(), &[("payNo", &payment.pay_no)]);
        let required: Vec<String> = serde_json::from_value(schema["required"].clone()).unwrap();
        assert_eq!(required.len(), schema["properties"].as_object().unwrap().len(), "{}", call.id());
        for field in required {
            let code = schema["properties"][&field]["x-missing-code"].as_str().unwrap();
            let mut body = body.clone();
            body.remove(&field).unwrap();
            let answer = gateway.send(&store_request(&call.path, &body)).await;
            assert_eq!((answer.status, answer.code().as_str()), (400, code), "{} {field}", call.id());
        }
        for header in call.parameters() {
            let (name, code) = (header["name"].as_str().unwrap(), header["x-missing-code"].as_str().unwrap());
            let answer = gateway.send(&store_request(&call.path, &body).without_header(name)).await;
            assert_eq!(answer.code(), code, "{} {name}", call.id());
        }
        assert!(call.is_signed());
        let answer = gateway.send(&store_request(&call.path, &body).without_header("X-SIGNATURE")).await;
        assert_eq!(answer.status, 401, "{}", call.id());
    }
    let pay = with(find(&described(&gateway).await, "storePayment").example(), &[("payNo", &payment.pay_no)]);
    for inside in ["value", "currency"] {
        let mut body = pay.clone();
        body["amount"].as_object_mut().unwrap().remove(inside).unwrap();
        assert_eq!(gateway.send(&store_request(PAY, &body)).await.code(), "4002501", "amount.{inside}");
    }
}

/// A text of so many characters that the field may hold.
fn filled(call: &str, field: &str, length: usize) -> String {
    match field {
        "referenceNo" => format!("{call:é<length$}"),
        "dbProcessUrl" | "callBackUrl" => format!("https://shop.example/{:x<1$}", "", length - 21),
        "cartData" => format!("{{{}}}", " ".repeat(length - 2)),
        _ => "é".repeat(length),
    }
}

#[tokio::test]
async fn s27_every_length_is_the_described_one_to_the_character() {
    let gateway = Gateway::at(NOW).await;
    let calls = described(&gateway).await;
    let mut tried = 0;
    for (id, path) in [("directRegistration", DIRECT), ("redirectRegistration", REDIRECT)] {
        let call = find(&calls, id);
        for (field, schema) in call.request().unwrap()["properties"].as_object().unwrap() {
            let Some(longest) = schema["maxLength"].as_u64() else { continue };
            // Only one value is right for these.
            if ["iMid", "merchantToken"].contains(&field.as_str()) {
                continue;
            }
            let longest = usize::try_from(longest).unwrap();
            let reference = format!("{id}-{field}");
            let body = with(call.example(), &[("referenceNo", &reference), (field, &filled(id, field, longest))]);
            let answer = gateway.post(path, signed(path, body)).await;
            assert_eq!(answer.code(), "0000", "{id} {field}: {}", answer.text());
            let body = with(call.example(), &[("referenceNo", &reference), (field, &filled(id, field, longest + 1))]);
            let code = gateway.post(path, signed(path, body)).await.code();
            assert!(["9001", "9507"].contains(&code.as_str()), "{id} {field}: {code}");
            tried += 1;
        }
    }
    assert!(tried > 40, "{tried}");
}

#[tokio::test]
async fn what_is_described_as_not_used_may_hold_anything_and_the_optional_may_be_null() {
    let gateway = Gateway::at(NOW).await;
    for (id, path) in [("directRegistration", DIRECT), ("redirectRegistration", REDIRECT)] {
        let call = find(&described(&gateway).await, id);
        let schema = call.request().unwrap();
        let mut body = with(call.example(), &[("referenceNo", id)]);
        let (mut unused, mut optional) = (0, 0);
        for (field, schema) in schema["properties"].as_object().unwrap() {
            if schema.get("type").is_none() {
                body.insert(field.clone(), json!({ "any": [1, "thing"] }));
                unused += 1;
            } else if schema["type"].as_array().is_some_and(|types| types.contains(&json!("null"))) {
                body.insert(field.clone(), Value::Null);
                optional += 1;
            }
        }
        assert!(unused == 24 && optional > 10, "{id} {unused} {optional}");
        assert_eq!(gateway.post(path, signed(path, body)).await.code(), "0000", "{id}");
    }
}

#[tokio::test]
async fn s27_every_result_code_is_described_where_it_may_come_and_no_other() {
    let gateway = Gateway::sandbox().await;
    let mut described_codes = BTreeSet::new();
    for call in described(&gateway).await.iter().filter(|call| call.path.starts_with("/nicepay/")) {
        let codes = &call.schema(&call.done()["schema"])["properties"]["resultCd"]["enum"];
        let codes: BTreeSet<String> = serde_json::from_value(codes.clone()).unwrap();
        for code in &codes {
            let words = call.operation["responses"]["200"]["description"].as_str().unwrap();
            assert!(words.contains(&format!("`{code}`")), "{} {code}", call.id());
        }
        described_codes.extend(codes);
    }
    let all: BTreeSet<String> = ResultCode::ALL.iter().map(|code| code.number().to_owned()).collect();
    assert_eq!(described_codes, all);
}

#[tokio::test]
async fn the_page_reads_without_a_script_and_takes_nothing_from_elsewhere() {
    let gateway = Gateway::sandbox().await;
    let answer = gateway.get("/docs").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let policy = answer.header("content-security-policy").unwrap();
    for directive in ["default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"] {
        assert!(policy.contains(directive), "{policy}");
    }
    assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.header("cache-control"), Some("no-cache"));
    let page = answer.text();
    for call in described(&gateway).await {
        for expected in [&format!(r#"id="{}""#, call.id()), &call.path] {
            assert!(page.contains(expected.as_str()), "{expected}");
        }
        for field in call.request().iter().flat_map(|schema| keys(&schema["properties"])) {
            assert!(
                page.contains(&format!("<code class=\"name\">{field}</code>"))
                    || page.contains(&format!("<code>{field}</code>")),
                "{} {field}",
                call.id()
            );
        }
    }
    assert!(!page.contains("style=") && !page.contains("<style"), "no style in the page");
    assert!(page.matches("<script").count() == page.matches("<script src=\"/docs/assets/").count(), "no script in it");
    assert!(!page.contains(" onclick") && !page.contains("javascript:"));
    for source in ["src=\"http", "href=\"http", "url(", "//cdn"] {
        assert!(!page.contains(source), "{source}");
    }
}

/// The addresses of the files that the page needs.
fn assets(page: &str) -> BTreeSet<String> {
    let found = page.split('"').filter(|part| part.starts_with("/docs/assets/"));
    found.map(str::to_owned).collect()
}

#[tokio::test]
async fn the_pages_files_are_what_their_type_says_and_may_be_kept_for_good() {
    let gateway = Gateway::sandbox().await;
    let found = assets(&gateway.get("/docs").await.text());
    assert_eq!(found.len(), 4, "{found:?}");
    for path in &found {
        let answer = gateway.get(path).await;
        let kind = match path.rsplit('.').next().unwrap() {
            "css" => "text/css; charset=utf-8",
            "js" => "text/javascript; charset=utf-8",
            "svg" => "image/svg+xml",
            other => panic!("{other}"),
        };
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(kind)), "{path}");
        assert_eq!(answer.header("cache-control"), Some("public, max-age=31536000, immutable"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert!(answer.header("content-security-policy").is_some(), "{path}");
        assert!(!answer.text().contains("http://") || path.ends_with(".svg"), "{path} takes nothing from elsewhere");
    }
    for path in ["docs.css", "docs.000000000000.css", "", "..%2f..%2fCargo.toml", "%ff", "docs.js/"] {
        assert_eq!(gateway.get(&format!("/docs/assets/{path}")).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn no_secret_is_in_the_page_the_description_or_their_files() {
    let gateway = Gateway::sandbox().await;
    let mut paths = assets(&gateway.get("/docs").await.text());
    paths.extend(["/docs".to_owned(), "/docs/openapi.json".to_owned()]);
    for path in paths {
        let text = gateway.get(&path).await.text();
        for secret in SECRETS {
            assert!(!text.contains(secret), "{path}");
        }
    }
}

#[tokio::test]
async fn an_address_of_the_gateway_is_text_wherever_it_stands() {
    let evil = "https://pay.example/'\"><script>alert(1)</script>";
    let gateway = Gateway::with(Settings { public_url: evil.into(), ..sandbox_settings() }).await;
    let page = gateway.get("/docs").await.text();
    assert!(page.contains("pay.example") && !page.contains("<script>alert"));
    assert!(!page.contains(evil));
}

#[tokio::test]
async fn a_real_gateway_describes_what_it_has_and_offers_no_form() {
    let gateway = Gateway::with(Settings { sandbox: false, ..sandbox_settings() }).await;
    let paths = described(&gateway).await;
    assert_eq!(paths.len(), 8);
    assert!(paths.iter().all(|call| !call.path.starts_with("/sandbox")));
    let page = gateway.get("/docs").await.text();
    for absent in ["<form", "<script", "<input", "sandbox/v1", "IONPAYTEST</code> (paid"] {
        assert!(!page.contains(absent), "{absent}");
    }
    assert!(page.contains("/nicepay/direct/v2/registration"));
}

#[tokio::test]
async fn a_description_that_is_switched_off_is_not_there() {
    let gateway = Gateway::with(Settings { docs: false, ..sandbox_settings() }).await;
    for path in ["/docs", "/docs/openapi.json", "/docs/assets/docs.css"] {
        let answer = gateway.get(path).await;
        assert_eq!((answer.status, answer.code().as_str()), (404, "9001"), "{path}");
    }
}

#[tokio::test]
async fn where_notifications_to_itself_are_refused_the_examples_name_another_address() {
    let delivery = DeliverySettings { guard: EgressGuard::On, ..sandbox_settings().delivery };
    let settings = Settings { delivery, public_url: "http://192.168.1.7:8080".into(), ..sandbox_settings() };
    let gateway = Gateway::with(settings).await;
    let call = find(&described(&gateway).await, "directRegistration");
    assert_done(&call, &gateway.post(DIRECT, Value::Object(call.example()).to_string()).await);
}

/// The page's own script, as it is served, in an engine without `crypto`: what a browser has over plain http.
fn run_script(script: &str, expression: &str) -> String {
    let runtime = rquickjs::Runtime::new().unwrap();
    let context = rquickjs::Context::full(&runtime).unwrap();
    context.with(|context| {
        let source = format!("{script}\n{expression}");
        let promise: rquickjs::Promise<'_> = context.eval(source).unwrap();
        promise.finish().unwrap()
    })
}

async fn signing_script(gateway: &Gateway) -> String {
    let found = assets(&gateway.get("/docs").await.text());
    let path = found.iter().find(|path| path.contains("/signing.")).unwrap();
    gateway.get(path).await.text()
}

#[tokio::test]
async fn s24_the_pages_script_makes_the_published_token() {
    let gateway = Gateway::sandbox().await;
    let script = signing_script(&gateway).await;
    let made = run_script(
        &script,
        &format!(
            r#"signing.merchantToken(["20180123100505", "IONPAYTEST", "ORD12345", "10000"], "{}")"#,
            IONPAYTEST.key
        ),
    );
    assert_eq!(made, "f9d30f6c972e2b5718751bd087b178534673a91bbac845f8a24e60e8e4abbbc5");
}

#[tokio::test]
async fn the_pages_script_signs_as_a_store_does_whatever_is_signed() {
    let gateway = Gateway::sandbox().await;
    let script = signing_script(&gateway).await;
    // Around the blocks of both hashes (64 and 128 bytes), longer keys than a block, and characters of all widths.
    for length in [0, 1, 8, 40, 55, 56, 63, 64, 65, 111, 112, 127, 128, 129, 200] {
        let (secret, body) = ("s".repeat(length), format!("{}é名\u{1f600}", "x".repeat(length)));
        let (path, timestamp) = ("/store/v1/inquiry", "2026-01-05T10:15:12+07:00");
        let arguments = serde_json::to_string(&[&secret, path, &body, timestamp]).unwrap();
        let made = run_script(&script, &format!("signing.storeSignature(...{arguments})"));
        let right = sign_store_request(&SecretString::from(secret), path, body.as_bytes(), timestamp);
        assert_eq!(made, right, "{length}");
    }
}
