//! The connector as a shop sees it: orders over JSON, webhooks back, and the gateway's side done in between.

use crate::shop::{WEBHOOK_SECRET, client, open_book};
use crate::support::client::{Answer, Connection, Request, send};
use crate::support::merchant::{CANCEL, DIRECT};
use crate::support::receiver::Receiver;
use crate::support::store::INDO;
use crate::support::{Gateway, sandbox_settings, until};
use gerai_gateway::Settings;
use gerai_merchant::{
    Clock, Connector, ConnectorError, Gateway as OtherSide, Pace, ShopWebhook, openapi, run_connector,
};
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use tempfile::TempDir;
use tokio_util::sync::{CancellationToken, DropGuard};

const TOKEN: &str = "a-token-of-the-shops-own";
const SHOPS_SECRET: &str = "whsec_c2hvcHMtb3duLXNlY3JldC1zaG9wcy1vd24=";

struct Stage {
    gateway: Gateway,
    addr: SocketAddr,
    shop: Receiver,
    _stop: DropGuard,
    _dir: TempDir,
}

impl Stage {
    async fn set() -> Self {
        Self::hearing(&[]).await
    }

    /// The shop answers its first webhooks with these statuses.
    async fn hearing(script: &[u16]) -> Self {
        Self::with(script, true).await
    }

    async fn with(script: &[u16], with_webhook: bool) -> Self {
        let clock = gerai_gateway::Clock::system();
        let gateway = Gateway::with(Settings { clock: clock.clone(), ..sandbox_settings() }).await;
        gateway.freeze_at("2031-05-05T10:00:00").await;
        let shop = Receiver::answering(script).await;
        let dir = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let url = format!("http://{addr}");
        let connector = Connector {
            client: client(OtherSide::at(&format!("http://{}", gateway.addr)).unwrap())
                .notify_at(format!("{url}/notification"))
                .call_back_at(format!("{url}/callback"))
                .clock(Clock::from_fn(move || clock.now())),
            book: Arc::new(open_book(&dir)),
            api_token: TOKEN.into(),
            webhook: with_webhook.then(|| ShopWebhook { url: shop.url.clone(), secret: SHOPS_SECRET.into() }),
            return_url: Some("https://toko.example/thanks?lang=id".into()),
            pace: Pace::default(),
            trusted_hops: 0,
            require_signature: true,
        };
        let stop = CancellationToken::new();
        tokio::spawn(run_connector(connector, listener, stop.clone()));
        let stage = Self { gateway, addr, shop, _stop: stop.drop_guard(), _dir: dir };
        until("the connector is ready", async || stage.ask("GET", "/readyz", "").await.status == 200).await;
        stage
    }

    async fn ask(&self, method: &str, path: &str, body: impl Into<Vec<u8>>) -> Answer {
        let request = Request { body: body.into(), ..Request::new(method, path) };
        send(self.addr, &request.header("Authorization", &format!("Bearer {TOKEN}"))).await
    }

    async fn place(&self, order: &Value) -> Answer {
        self.ask("POST", "/orders", order.to_string()).await
    }

    /// An order that waits for its payment.
    async fn unpaid(&self, reference_no: &str) -> Value {
        let answer = self.place(&order(reference_no)).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()
    }

    async fn state(&self, reference_no: &str) -> String {
        self.ask("GET", &format!("/orders/{reference_no}"), "").await.field("state")
    }

    async fn paid(&self, order: &Value) {
        self.gateway.pay_whole(INDO, order["payNo"].as_str().unwrap(), "T1").await;
        self.gateway.advance("PT0S").await;
    }

    /// The webhooks that the shop has been sent, once there are so many.
    async fn heard(&self, count: usize) -> Vec<Value> {
        let received = self.shop.wait_for(count).await;
        let verify = Webhook::new(SHOPS_SECRET).unwrap();
        let read = |one: &crate::support::receiver::Received| {
            verify.verify(one.body.as_bytes(), &one.headers).unwrap();
            let told: Value = serde_json::from_str(&one.body).unwrap();
            assert_eq!(told["id"], one.header("webhook-id"));
            told
        };
        received.iter().map(read).collect()
    }
}

fn order(reference_no: &str) -> Value {
    json!({
        "referenceNo": reference_no, "kind": "direct", "amount": 10_000, "goodsNm": "Kopi", "mitraCd": "INDO",
        "buyer": { "name": "Sinta Amalina", "phone": "0812-3456", "email": "sinta@example.com" },
    })
}

fn types(heard: &[Value]) -> Vec<&str> {
    heard.iter().map(|told| told["type"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn s1_an_order_is_placed_once() {
    let stage = Stage::set().await;
    let placed = stage.unpaid("ORD-1").await;
    assert_eq!((placed["state"].as_str(), placed["amount"].as_u64()), (Some("unpaid"), Some(10_000)));
    assert_eq!(placed["payableUntil"], "2031-05-12T10:00:00+07:00");
    let again = stage.place(&order("ORD-1")).await;
    assert_eq!((again.status, again.field("payNo")), (200, placed["payNo"].as_str().unwrap().to_owned()));
    let mut other = order("ORD-1");
    other["amount"] = json!(20_000);
    let refused = stage.place(&other).await;
    assert_eq!((refused.status, refused.field("error")), (409, "used".to_owned()));
    assert_eq!(stage.gateway.requests("?call=direct_registration").await.len(), 1);
}

#[tokio::test]
async fn s1_a_redirect_order_brings_the_payment_page() {
    let stage = Stage::set().await;
    let mut wish = order("ORD-1");
    wish["kind"] = json!("redirect");
    wish.as_object_mut().unwrap().remove("mitraCd");
    wish["items"] = json!([{ "name": "Kopi", "amount": 5_000, "quantity": 2 }]);
    wish["payableFor"] = json!("PT24H");
    let placed = stage.place(&wish).await;
    assert_eq!(placed.status, 201, "{}", placed.text());
    assert!(placed.field("paymentUrl").starts_with("https://pay.example/nicepay/redirect/v2/payment?tXid="));
    assert_eq!(
        (placed.field("state"), placed.field("payableUntil")),
        ("awaiting-store".into(), "2031-05-06T10:00:00+07:00".into())
    );
}

#[tokio::test]
async fn whoever_has_no_token_is_turned_away() {
    let stage = Stage::set().await;
    for path in ["/orders", "/orders/ORD-1", "/exchanges", "/metrics"] {
        for authorization in [None, Some(""), Some("Bearer "), Some("Bearer a-token-of-the-shops-owm"), Some(TOKEN)] {
            let mut request = Request::new("GET", path);
            if let Some(authorization) = authorization {
                request = request.header("Authorization", authorization);
            }
            let answer = send(stage.addr, &request).await;
            assert_eq!(
                (answer.status, answer.header("www-authenticate")),
                (401, Some("Bearer")),
                "{path} {authorization:?}"
            );
        }
    }
    for path in ["/orders", "/orders/ORD-1/cancel", "/orders/ORD-1/check"] {
        let post = Request { body: order("ORD-1").to_string().into(), ..Request::new("POST", path) };
        assert_eq!(send(stage.addr, &post).await.status, 401, "{path}");
    }
    assert_eq!(stage.gateway.requests("").await.len(), 0, "nothing was done");
    for path in ["/healthz", "/readyz", "/openapi.json"] {
        assert_eq!(send(stage.addr, &Request::new("GET", path)).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn s27_what_is_wrong_with_an_order_is_named() {
    let stage = Stage::set().await;
    let with = |change: fn(&mut Value)| {
        let mut order = order("ORD-1");
        change(&mut order);
        order.to_string()
    };
    for (body, status, named) in [
        ("{".to_owned(), 400, "JSON"),
        ("[]".to_owned(), 400, "JSON"),
        (with(|order| order["amonut"] = json!(1)), 400, "amonut"),
        (with(|order| order["buyer"]["nmae"] = json!("x")), 400, "nmae"),
        (with(|order| order["amount"] = json!(-1)), 400, "amount"),
        (with(|order| order["amount"] = json!("10000")), 400, "amount"),
        (with(|order| order["kind"] = json!("cash")), 400, "cash"),
        (with(|order| order["mitraCd"] = Value::Null), 422, "mitraCd"),
        (with(|order| order["referenceNo"] = json!("")), 422, "referenceNo"),
        (with(|order| order["goodsNm"] = json!("x".repeat(101))), 422, "goodsNm"),
        (with(|order| order["items"] = json!([{ "name": "Kopi", "amount": 1 }])), 422, "cartData"),
        (with(|order| order["payableUntil"] = json!("2031-05-05T09:00:00+07:00")), 422, "9536"),
        ("x".repeat(64 * 1024 + 1), 413, "64 KiB"),
    ] {
        let answer = stage.ask("POST", "/orders", body.clone()).await;
        assert_eq!(answer.status, status, "{body:.80} {}", answer.text());
        assert!(answer.text().contains(named), "{named} in {}", answer.text());
    }
    let both = with(|order| {
        order["payableUntil"] = json!("2031-05-06T09:00:00+07:00");
        order["payableFor"] = json!("PT1H");
    });
    assert_eq!(stage.ask("POST", "/orders", both).await.status, 422);
}

#[tokio::test]
async fn m02_m07_the_shop_hears_of_each_change_in_order_and_signed() {
    let stage = Stage::set().await;
    let placed = stage.unpaid("ORD-1").await;
    stage.paid(&placed).await;
    assert_eq!(stage.gateway.reverse(INDO, placed["payNo"].as_str().unwrap(), "T1").await.code(), "2002700");
    stage.gateway.advance("PT0S").await;
    let heard = stage.heard(3).await;
    assert_eq!(types(&heard), ["order.unpaid", "order.paid", "order.unpaid"]);
    let data = &heard[1]["data"];
    assert_eq!(
        data,
        &json!({ "referenceNo": "ORD-1", "tXid": placed["tXid"], "amount": 10_000, "from": "unpaid", "to": "paid", "seq": 2 })
    );
    assert_eq!(stage.state("ORD-1").await, "unpaid");
}

#[tokio::test]
async fn a_webhook_that_the_shop_does_not_take_comes_again_with_its_id_and_holds_up_what_follows() {
    let stage = Stage::hearing(&[500]).await;
    let placed = stage.unpaid("ORD-1").await;
    stage.heard(1).await;
    stage.paid(&placed).await;
    until("the order is paid", async || stage.state("ORD-1").await == "paid").await;
    stage.gateway.advance("PT15S").await;
    let heard = stage.heard(3).await;
    assert_eq!(types(&heard), ["order.unpaid", "order.unpaid", "order.paid"]);
    assert_eq!(heard[0]["id"], heard[1]["id"], "the same change again");
    let text = stage.ask("GET", "/metrics", "").await.text();
    assert!(text.contains(r#"gerai_connect_orders{state="paid"} 1"#), "{text}");
}

#[tokio::test]
async fn s23_without_a_webhook_no_change_is_taken_for_told() {
    let stage = Stage::with(&[], false).await;
    let placed = stage.unpaid("ORD-1").await;
    stage.paid(&placed).await;
    until("the order is paid", async || stage.state("ORD-1").await == "paid").await;
    // What is done meanwhile takes many times as long as a handler that does nothing.
    for reference in ["ORD-2", "ORD-3", "ORD-4"] {
        let placed = stage.unpaid(reference).await;
        stage.paid(&placed).await;
        until("the order is paid", async || stage.state(reference).await == "paid").await;
    }
    let text = stage.ask("GET", "/metrics", "").await.text();
    assert!(text.contains("gerai_connect_unhandled_changes 8\n"), "{text}");
}

#[tokio::test]
async fn m11_the_answer_to_a_shop_that_has_hung_up_is_kept() {
    let stage = Stage::set().await;
    let slow = json!({ "on": "merchant-api", "path": DIRECT, "fault": "delay", "for": "PT1S", "when": "after" });
    stage.gateway.arm(slow).await;
    let place = Request { body: order("ORD-1").to_string().into(), ..Request::new("POST", "/orders") };
    let mut connection = Connection::open(stage.addr).await;
    connection.write(&place.header("Authorization", &format!("Bearer {TOKEN}")).bytes()).await;
    until("it is under way", async || stage.ask("GET", "/orders/ORD-1", "").await.status == 200).await;
    drop(connection);
    until("the answer is in the book", async || stage.state("ORD-1").await == "unpaid").await;
    assert_eq!(stage.gateway.requests("?call=direct_registration").await.len(), 1, "it was not fetched again");
}

#[tokio::test]
async fn m03_a_forged_notification_pays_nothing() {
    let stage = Stage::set().await;
    let placed = stage.unpaid("ORD-1").await;
    for (token, signature, answered) in [("wrong", "none", 401), ("right", "none", 401), ("right", "right", 200)] {
        let forged = json!({ "tXid": placed["tXid"], "token": token, "signature": signature });
        let told = stage.gateway.post("/sandbox/v1/notifications", forged.to_string()).await.json();
        assert_eq!(told["answer"]["status"], answered, "{token} {signature}: {told}");
        assert_eq!(stage.state("ORD-1").await, "unpaid", "{token} {signature}");
    }
}

#[tokio::test]
async fn m11_an_order_whose_answer_was_lost_is_told_as_not_known_and_ends_with_one_number() {
    let stage = Stage::set().await;
    let fault = json!({ "on": "merchant-api", "path": DIRECT, "fault": "drop", "when": "after", "count": 3 });
    stage.gateway.arm(fault).await;
    let lost = stage.place(&order("ORD-1")).await;
    assert_eq!((lost.status, lost.field("error")), (504, "unknown".to_owned()), "{}", lost.text());
    assert_eq!(lost.json()["order"]["state"], "registering");
    stage.gateway.advance("PT1M").await;
    let heard = stage.heard(1).await;
    assert_eq!(types(&heard), ["order.unpaid"], "the answer was fetched");
    let placed = stage.place(&order("ORD-1")).await;
    assert_eq!(placed.status, 200);
    let asked = stage.gateway.requests("?call=direct_registration").await;
    assert!(asked.iter().all(|one| one["tXid"] == placed.json()["tXid"]), "one payment: {asked:?}");
}

#[tokio::test]
async fn m14_an_order_is_cancelled_or_it_is_said_why_not() {
    let stage = Stage::set().await;
    stage.unpaid("ORD-1").await;
    let cancelled = stage.ask("POST", "/orders/ORD-1/cancel", "").await;
    assert_eq!((cancelled.status, &cancelled.json()["order"]["state"]), (200, &json!("cancelled")));
    let placed = stage.unpaid("ORD-2").await;
    stage.paid(&placed).await;
    let late = stage.ask("POST", "/orders/ORD-2/cancel", "").await;
    assert_eq!((late.status, late.field("error"), late.field("resultCd")), (409, "too-late".into(), "9314".into()));
    assert_eq!(late.json()["order"]["state"], "paid");
    stage.unpaid("ORD-3").await;
    let broken = json!({ "on": "merchant-api", "path": CANCEL, "fault": "status", "httpStatus": 500, "count": 10 });
    stage.gateway.arm(broken).await;
    assert_eq!(stage.ask("POST", "/orders/ORD-3/cancel", "").await.status, 504);
    assert_eq!(stage.ask("POST", "/orders/ORD-9/cancel", "").await.status, 404);
}

#[tokio::test]
async fn orders_and_exchanges_are_listed_a_page_at_a_time_without_secrets_s22() {
    let stage = Stage::set().await;
    for number in 1..=3 {
        stage.unpaid(&format!("ORD-{number}")).await;
    }
    assert_eq!(stage.ask("POST", "/orders/ORD-2/check", "").await.field("state"), "unpaid");
    let page = stage.ask("GET", "/orders?limit=2", "").await.json();
    let next = page["next"].as_i64().unwrap();
    let rest = stage.ask("GET", &format!("/orders?limit=2&before={next}&state=unpaid"), "").await.json();
    let names = |page: &Value| {
        let orders = page["orders"].as_array().unwrap().clone();
        orders.iter().map(|order| order["referenceNo"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!((names(&page), names(&rest)), (vec!["ORD-3".into(), "ORD-2".into()], vec!["ORD-1".into()]));
    assert_eq!(rest["next"], Value::Null);
    let log = stage.ask("GET", "/exchanges?referenceNo=ORD-2", "").await;
    let calls: Vec<Value> = log.json()["exchanges"].as_array().unwrap().iter().map(|one| one["call"].clone()).collect();
    assert_eq!(calls, [json!("inquiry"), json!("direct")]);
    for secret in [TOKEN, "gerai-sandbox-key", &WEBHOOK_SECRET["whsec_".len()..]] {
        assert!(!log.text().contains(secret));
    }
    for wrong in ["/orders?state=payed", "/orders?limit=0", "/orders?limit=x", "/orders?page=2", "/exchanges?call=x"] {
        assert_eq!(stage.ask("GET", wrong, "").await.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn m09_a_customer_who_comes_back_goes_on_to_the_shop() {
    let stage = Stage::set().await;
    let placed = stage.unpaid("ORD-1").await;
    stage.paid(&placed).await;
    let query = format!("resultCd=0000&tXid={}&referenceNo=ORD-1&amt=10000", placed["tXid"].as_str().unwrap());
    let answer = send(stage.addr, &Request::new("GET", &format!("/callback?{query}"))).await;
    assert_eq!(answer.status, 303);
    let location = answer.header("location").unwrap();
    assert_eq!(location, "https://toko.example/thanks?lang=id&referenceNo=ORD-1&state=paid");
    let stranger = send(stage.addr, &Request::new("GET", "/callback?resultCd=0000&tXid=x")).await;
    assert_eq!(stranger.status, 404);
}

#[tokio::test]
async fn what_cannot_work_is_refused_at_the_start() {
    let start = async |token: &str, hook: &str, secret: &str| {
        let dir = tempfile::tempdir().unwrap();
        let connector = Connector {
            client: client(OtherSide::at("http://127.0.0.1:9").unwrap()),
            book: Arc::new(open_book(&dir)),
            api_token: token.into(),
            webhook: Some(ShopWebhook { url: hook.into(), secret: secret.into() }),
            return_url: None,
            pace: Pace::default(),
            trusted_hops: 0,
            require_signature: false,
        };
        let stopped = CancellationToken::new();
        stopped.cancel();
        run_connector(connector, TcpListener::bind("127.0.0.1:0").unwrap(), stopped).await
    };
    let hook = "http://127.0.0.1:9/";
    assert!(matches!(start("short", hook, SHOPS_SECRET).await, Err(ConnectorError::Token)));
    assert!(matches!(start(TOKEN, "toko.example", SHOPS_SECRET).await, Err(ConnectorError::Address("webhook.url"))));
    assert!(matches!(start(TOKEN, hook, "whsec_%%").await, Err(ConnectorError::WebhookSecret)));
    start(TOKEN, hook, SHOPS_SECRET).await.unwrap();
}

#[test]
fn the_description_names_every_call_and_the_webhook() {
    let description = serde_json::to_value(openapi()).unwrap();
    let paths = description["paths"].as_object().unwrap();
    for (path, methods) in [
        ("/orders", vec!["get", "post"]),
        ("/orders/{referenceNo}", vec!["get"]),
        ("/orders/{referenceNo}/cancel", vec!["post"]),
        ("/orders/{referenceNo}/check", vec!["post"]),
        ("/exchanges", vec!["get"]),
    ] {
        let mut described: Vec<&str> = paths[path].as_object().unwrap().keys().map(String::as_str).collect();
        described.sort_unstable();
        assert_eq!(described, methods, "{path}");
    }
    assert_eq!(paths.len(), 5);
    let schemas = description["components"]["schemas"].as_object().unwrap();
    for name in ["PlaceOrder", "OrderAnswer", "ErrorAnswer", "Changed"] {
        assert!(schemas.contains_key(name), "{name} in {:?}", schemas.keys());
    }
    assert_eq!(schemas["PlaceOrder"]["properties"]["amount"]["type"], "integer");
    assert_eq!(description["components"]["securitySchemes"]["token"]["scheme"], "bearer");
}
