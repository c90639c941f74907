//! Random requests: whatever comes, an answer of the client's own making goes back, and the server stays.

use crate::support::Gateway;
use crate::support::client::Request;
use crate::support::merchant::{Body, CANCEL, DIRECT, INQUIRY, REDIRECT, cancel, direct, inquiry, redirect};
use crate::support::store::{ALMA, COMMIT, INDO, LOOK, PAY, REVERSE, new_external_id};
use crate::{unharmed, watch_for_panics};
use jiff::Timestamp;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof};
use proptest::strategy::Union;
use proptest::test_runner::TestRunner;
use serde_json::Value;
use tokio::runtime::Runtime;

const CASES: u32 = 400;

/// Sends a random request per case; each is answered, below 500 but for what the sandbox is asked to do.
fn throw(requests: impl Strategy<Value = Request>) {
    watch_for_panics();
    let runtime = Runtime::new().unwrap();
    let gateway = runtime.block_on(Gateway::at("2031-05-05T10:00:00"));
    let config = ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() };
    TestRunner::new(config)
        .run(&requests, |request| {
            let answer = runtime.block_on(gateway.send(&request));
            proptest::prop_assert!((200..500).contains(&answer.status), "{}: {}", answer.status, answer.text());
            if !answer.body.is_empty() && request.path != "/metrics" && !request.path.ends_with('z') {
                let kind = answer.header("content-type").unwrap_or_default();
                proptest::prop_assert!(
                    kind == "application/json" && serde_json::from_slice::<Value>(&answer.body).is_ok()
                        || request.path.starts_with("/sandbox"),
                    "{kind}: {}",
                    answer.text()
                );
            }
            Ok(())
        })
        .unwrap();
    runtime.block_on(unharmed(&gateway, "STILL"));
}

fn paths() -> impl Strategy<Value = String> {
    let known = [
        DIRECT,
        REDIRECT,
        INQUIRY,
        CANCEL,
        LOOK,
        PAY,
        COMMIT,
        REVERSE,
        "/sandbox/v1/notifications?tXid=1",
        "/sandbox/v1/payments/123456789012/pay",
        "/sandbox/v1/inbox/x",
        "/healthz",
        "/readyz",
        "/metrics",
    ];
    prop_oneof![
        4 => proptest::sample::select(known.to_vec()).prop_map(str::to_owned),
        1 => "/[!-\"$-~]{0,60}".prop_map(|path| path),
        1 => "/(nicepay|store|sandbox)/[a-z0-9/%.]{0,40}".prop_map(|path| path),
    ]
}

fn headers() -> impl Strategy<Value = Vec<(String, String)>> {
    let names = [
        "Content-Type",
        "Accept",
        "Accept-Encoding",
        "User-Agent",
        "X-PARTNER-ID",
        "X-TIMESTAMP",
        "X-SIGNATURE",
        "X-EXTERNAL-ID",
        "X-Request-Id",
        "Cookie",
        "Authorization",
        "Content-Encoding",
        "X-Forwarded-For",
        "Range",
    ];
    let header =
        (proptest::sample::select(names.to_vec()), "[ -~]{0,80}").prop_map(|(name, value)| (name.to_owned(), value));
    proptest::collection::vec(header, 0..8)
}

#[test]
fn any_method_path_headers_and_bytes_are_answered() {
    // HEAD has no body, and CONNECT no path: `framing` has them.
    let method = prop_oneof![
        3 => Just("POST".to_owned()),
        1 => "[A-Z]{1,10}".prop_filter("see above", |method| method != "HEAD" && method != "CONNECT"),
    ];
    let body = proptest::collection::vec(any::<u8>(), 0..600);
    throw((method, paths(), headers(), body).prop_map(|(method, path, headers, body)| {
        let headers = headers.into_iter().collect();
        // A body needs its length, whatever the method.
        Request { method, path, headers, body }
    }));
}

/// One thing that goes wrong with a body on its way.
#[derive(Debug, Clone)]
enum Damage {
    Flip(usize, u8),
    Insert(usize, Vec<u8>),
    Delete(usize, usize),
    Cut(usize),
    Repeat(usize, usize),
}

fn damages() -> impl Strategy<Value = Vec<Damage>> {
    let place = 0_usize..2000;
    let one = prop_oneof![
        (place.clone(), any::<u8>()).prop_map(|(at, byte)| Damage::Flip(at, byte)),
        (place.clone(), proptest::collection::vec(any::<u8>(), 1..8)).prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
        (place.clone(), "[\\[\\]{}\",:0-9a-z\\\\-]{1,8}").prop_map(|(at, text)| Damage::Insert(at, text.into_bytes())),
        (place.clone(), 1_usize..40).prop_map(|(at, length)| Damage::Delete(at, length)),
        place.clone().prop_map(Damage::Cut),
        (place, 1_usize..200).prop_map(|(at, length)| Damage::Repeat(at, length)),
    ];
    proptest::collection::vec(one, 1..4)
}

fn damaged(mut body: Vec<u8>, damages: Vec<Damage>) -> Vec<u8> {
    for damage in damages {
        let length = body.len();
        let within = |at: usize| at % length.max(1);
        match damage {
            _ if length == 0 => {}
            Damage::Flip(at, byte) => body[within(at)] ^= byte,
            Damage::Insert(at, bytes) => drop(body.splice(within(at)..within(at), bytes)),
            Damage::Delete(at, count) => drop(body.drain(within(at)..(within(at) + count).min(length))),
            Damage::Cut(at) => body.truncate(within(at)),
            Damage::Repeat(at, count) => {
                let piece = body[within(at)..(within(at) + count).min(length)].to_vec();
                drop(body.splice(within(at)..within(at), piece));
            }
        }
    }
    body
}

fn valid_bodies() -> Vec<Body> {
    let tx_id = "GERAITEST103203105051000001234";
    vec![direct("ORD1"), redirect("ORD2"), inquiry(tx_id, "ORD1"), cancel(tx_id)]
}

#[test]
fn damaged_merchant_requests_are_answered() {
    let body = proptest::sample::select(valid_bodies());
    throw(
        (body, damages())
            .prop_map(|(body, damages)| Request::post(body.path, damaged(body.to_json().into_bytes(), damages))),
    );
}

#[test]
fn damaged_store_requests_that_are_signed_are_answered() {
    let paths = [LOOK, PAY, COMMIT, REVERSE];
    let request = (proptest::sample::select(paths.to_vec()), any::<bool>(), damages());
    throw(request.prop_map(|(path, alma, damages)| {
        let till = if alma { ALMA } else { INDO };
        let mut body = till.pay_body("123456789012", "T1");
        body["reason"] = "none".into();
        let bytes = damaged(body.to_string().into_bytes(), damages);
        // What is signed is text here; damage beyond UTF-8 is covered without a signature.
        let text = String::from_utf8_lossy(&bytes).into_owned();
        till.request_with(path, &text, &Timestamp::now().to_string(), &new_external_id())
    }));
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,50}".prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[0-9]{1,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 20, 5, |inner| {
        Union::new([
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from).boxed(),
            proptest::collection::vec(("[a-z]{1,8}", inner), 0..5)
                .prop_map(|fields| Value::Object(fields.into_iter().collect()))
                .boxed(),
        ])
    })
}

#[test]
fn any_value_in_any_field_is_answered() {
    let fields = [
        "timeStamp",
        "iMid",
        "payMethod",
        "currency",
        "amt",
        "referenceNo",
        "goodsNm",
        "billingNm",
        "billingPostCd",
        "cartData",
        "mitraCd",
        "payValidDt",
        "payValidTm",
        "dbProcessUrl",
        "callBackUrl",
        "merchantToken",
        "tXid",
        "cancelType",
        "description",
        "sellers",
        "userIP",
    ];
    let changes = proptest::collection::vec((proptest::sample::select(fields.to_vec()), values()), 1..4);
    throw((proptest::sample::select(valid_bodies()), changes).prop_map(|(body, changes)| {
        let body = changes.into_iter().fold(body, |body, (field, value)| body.set(field, value));
        Request::post(body.path, body.to_json())
    }));
}
