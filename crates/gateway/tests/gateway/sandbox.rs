//! The sandbox's other controls: the simulated store, the inbox, the list of notifications, the reset. And that a
//! gateway which is no sandbox has none of them.

use crate::support::client::Request;
use crate::support::merchant::{IONPAYTEST, direct, direct_of};
use crate::support::store::INDO;
use crate::support::{Gateway, sandbox_settings, until};
use gerai_domain::wib;
use gerai_gateway::Settings;
use gerai_ledger::Ledger;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

async fn simulate(gateway: &Gateway, pay_no: &str, call: &str, body: &str) -> (u16, Value) {
    let answer = gateway.post(&format!("/sandbox/v1/payments/{pay_no}/{call}"), body).await;
    (answer.status, answer.json())
}

#[tokio::test]
async fn a_simulated_store_runs_the_whole_visit_and_shows_its_three_answers() {
    let gateway = Gateway::at("2031-05-05T23:30:00").await;
    let alma = gateway.register("ALMA", "ORD1").await;
    let (status, told) = simulate(&gateway, &alma.pay_no, "pay", r#"{"storeBrand":"ALFAMIDI","commit":true}"#).await;
    assert_eq!(status, 200, "hours do not bind it: {told}");
    assert_eq!(told["inquiry"]["responseCode"], "2002400");
    assert_eq!(told["payment"]["responseCode"], "2002500");
    assert_eq!(told["commit"]["responseCode"], "2002600");
    assert_eq!(told["receipt"][0], "Alfamidi (Alfa Group)");
    assert_eq!(gateway.status(&alma).await.0, "0");
    let indo = gateway.register("INDO", "ORD2").await;
    let (status, told) = simulate(&gateway, &indo.pay_no, "pay", "").await;
    assert_eq!((status, &told["commit"], &told["receipt"][0]), (200, &Value::Null, &json!("Indomaret")));
    assert_eq!(gateway.status(&indo).await.0, "0");
}

#[tokio::test]
async fn a_simulated_payment_may_stop_before_its_commit_and_be_taken_back() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let payment = gateway.register("ALMA", "ORD1").await;
    let (status, told) = simulate(&gateway, &payment.pay_no, "pay", r#"{"commit":false}"#).await;
    assert_eq!((status, &told["commit"]), (200, &Value::Null));
    assert_eq!(gateway.status(&payment).await.0, "5");
    let (status, told) = simulate(&gateway, &payment.pay_no, "pay", "{}").await;
    assert_eq!((status, told["inquiry"]["responseCode"].as_str()), (409, Some("4092405")));
    assert_eq!((&told["payment"], &told["receipt"]), (&Value::Null, &Value::Null));
    let (status, told) = simulate(&gateway, &payment.pay_no, "reverse", "").await;
    assert_eq!((status, told["responseCode"].as_str()), (200, Some("2002700")));
    assert_eq!(gateway.status(&payment).await.0, "3");
    assert_eq!(simulate(&gateway, &payment.pay_no, "pay", "{}").await.0, 200);
    gateway.advance("PT16M").await;
    let (status, told) = simulate(&gateway, &payment.pay_no, "reverse", "").await;
    assert_eq!((status, told["responseCode"].as_str()), (403, Some("4032718")));
}

#[tokio::test]
async fn a_simulated_store_is_refused_as_a_real_one_would_be() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let payment = gateway.register("INDO", "ORD1").await;
    let pay_no = &payment.pay_no;
    let (status, told) = simulate(&gateway, pay_no, "pay", r#"{"storeBrand":"LAWSON"}"#).await;
    assert_eq!((status, told["inquiry"]["responseCode"].as_str()), (403, Some("4032415")));
    assert_eq!(simulate(&gateway, pay_no, "reverse", "").await.0, 409, "nothing was paid");
    for (number, call) in [("123", "pay"), ("100000000000", "pay"), ("%ff", "pay"), ("x/y", "pay"), ("123", "reverse")]
    {
        let answer = gateway.post(&format!("/sandbox/v1/payments/{number}/{call}"), "{}").await;
        assert!((400..500).contains(&answer.status), "{number} {}", answer.status);
    }
    for body in [r#"{"storeBrand":"SEVEN"}"#, r#"{"commit":"yes"}"#, r#"{"brand":"LAWSON"}"#, "["] {
        assert_eq!(simulate(&gateway, pay_no, "pay", body).await.0, 400, "{body}");
    }
    assert_eq!(gateway.events(&payment.tx_id).await, ["registered"]);
}

#[tokio::test]
async fn an_inbox_keeps_what_comes_for_who_has_no_server_yet() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let url = format!("http://{}/sandbox/v1/inbox/my-shop", gateway.addr);
    let payment = gateway.registered(&direct("ORD1").set("dbProcessUrl", url)).await;
    gateway.pay_whole(INDO, &payment.pay_no, "T1").await;
    gateway.advance("PT0S").await;
    let inbox = gateway.get("/sandbox/v1/inbox/my-shop").await.json();
    let messages = inbox["messages"].as_array().unwrap();
    assert_eq!((inbox["name"].as_str(), messages.len()), (Some("my-shop"), 1));
    assert_eq!(messages[0]["fields"]["tXid"], payment.tx_id);
    assert_eq!(messages[0]["fields"]["goodsNm"], "Kopi & Teh");
    assert_eq!(messages[0]["at"], "2031-05-05T10:00:00+07:00");
    assert!(messages[0]["body"].as_str().unwrap().starts_with("tXid="));
    assert!(messages[0]["headers"]["webhook-signature"].as_str().unwrap().starts_with("v1,"));
    assert_eq!(gateway.notifications(&payment.tx_id).await[0]["state"], "delivered");
    assert_eq!(gateway.get("/sandbox/v1/inbox/other").await.json()["messages"], json!([]));
}

#[tokio::test]
async fn an_inbox_takes_any_body_and_names_that_are_plain() {
    let gateway = Gateway::sandbox().await;
    for body in [&b""[..], b"\xff\xfe\x00", b"<b>hi</b>", &[b'x'; 65_536]] {
        assert_eq!(gateway.post("/sandbox/v1/inbox/a.B-c_9", body).await.status, 200);
    }
    assert_eq!(gateway.get("/sandbox/v1/inbox/a.B-c_9").await.json()["messages"].as_array().unwrap().len(), 4);
    assert_eq!(gateway.post("/sandbox/v1/inbox/a", vec![b'x'; 65_537]).await.status, 413);
    for name in ["%2e%2e%2f", "a%20b", "%3Cscript%3E", "%C3%A9", &"x".repeat(41)] {
        assert_eq!(gateway.post(&format!("/sandbox/v1/inbox/{name}"), "x").await.status, 400, "{name}");
        assert_eq!(gateway.get(&format!("/sandbox/v1/inbox/{name}")).await.status, 400, "{name}");
    }
}

#[tokio::test]
async fn the_list_of_notifications_asks_for_a_payments_id() {
    let gateway = Gateway::sandbox().await;
    for query in ["", "?tXid=", "?tXid=short", "?txid=GERAITEST1032031050510000099999", "?tXid=%00"] {
        let answer = gateway.get(&format!("/sandbox/v1/notifications{query}")).await;
        assert_eq!(answer.status, 400, "{query}");
    }
    let unknown = gateway.notifications("GERAITEST103203105051000009999").await;
    assert_eq!(unknown, Vec::<Value>::new());
}

#[tokio::test]
async fn a_reset_forgets_payments_and_inboxes_and_may_set_the_clock_to_any_time() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let url = format!("http://{}/sandbox/v1/inbox/shop", gateway.addr);
    let payment = gateway.registered(&direct("ORD1").set("dbProcessUrl", url)).await;
    let auto = gateway.registered(&direct_of(IONPAYTEST, "ORD1")).await;
    gateway.pay_whole(INDO, &payment.pay_no, "T1").await;
    let answer = gateway.post("/sandbox/v1/reset", r#"{"clock":"2026-01-01T09:00:00+07:00"}"#).await;
    assert_eq!(answer.json(), json!({ "now": "2026-01-01T09:00:00+07:00", "frozen": true }));
    assert_eq!(gateway.look(INDO, &payment.pay_no).await.code(), "4042412");
    assert_eq!(gateway.events(&payment.tx_id).await, [""; 0]);
    gateway.advance("P1D").await;
    assert_eq!(gateway.events(&auto.tx_id).await, [""; 0]);
    gateway.register("INDO", "ORD1").await;
    for body in [r#"{"clock":"soon"}"#, r#"{"when":"now"}"#, "[1]"] {
        assert_eq!(gateway.post("/sandbox/v1/reset", body).await.status, 400, "{body}");
    }
    assert_eq!(gateway.post("/sandbox/v1/reset", "").await.status, 200);
    assert_eq!(gateway.get("/sandbox/v1/inbox/shop").await.json()["messages"], json!([]));
    assert_eq!(gateway.get("/sandbox/v1/clock").await.field("now"), "2026-01-02T09:00:00+07:00", "kept");
}

#[tokio::test]
async fn a_gateway_that_is_no_sandbox_has_no_controls_and_no_autopaid() {
    let mut settings = Settings { sandbox: false, ..sandbox_settings() };
    settings.rules.auto_pay_delay = SignedDuration::ZERO;
    let gateway = Gateway::with(settings).await;
    let payment = gateway.registered(&direct_of(IONPAYTEST, "ORD1")).await;
    for (method, path) in [
        ("GET", "/sandbox/v1/clock".to_owned()),
        ("POST", "/sandbox/v1/clock".into()),
        ("POST", "/sandbox/v1/reset".into()),
        ("POST", format!("/sandbox/v1/payments/{}/pay", payment.pay_no)),
        ("POST", format!("/sandbox/v1/payments/{}/reverse", payment.pay_no)),
        ("GET", format!("/sandbox/v1/notifications?tXid={}", payment.tx_id)),
        ("POST", "/sandbox/v1/inbox/x".into()),
        ("GET", "/sandbox/v1/inbox/x".into()),
    ] {
        let answer = gateway.send(&Request::new(method, &path)).await;
        assert_eq!(answer.status, 404, "{method} {path}");
        assert_eq!(answer.keys(), ["resultCd", "resultMsg"], "as any unknown path");
    }
    let stored = gateway.ledger.find_by_tx_id(&payment.tx_id.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(stored.standing.auto_pay_at, None);
    assert_eq!(gateway.events(&payment.tx_id).await, ["registered"]);
}

#[tokio::test]
async fn what_a_sandbox_left_behind_does_not_move_a_real_gateways_clock() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let gateway = gateway.restart(Settings { sandbox: false, ..sandbox_settings() }).await;
    let answer = gateway.ask_done(&direct("ORD2")).await;
    assert_ne!(answer.field("transDt"), "20310505");
}

#[tokio::test]
async fn what_a_sandbox_left_behind_is_not_paid_by_itself_in_a_real_gateway() {
    // Stands still before the simulated payment falls due, which by real time it has been for a day.
    let yesterday = wib::iso(Timestamp::now() - SignedDuration::from_hours(24));
    let gateway = Gateway::at(yesterday.strip_suffix("+07:00").unwrap()).await;
    let auto = gateway.registered(&direct_of(IONPAYTEST, "ORD1")).await;
    gateway.change_merchant("GERAITEST1", |account| account.terms.period_secs = 60).await;
    let expiring = gateway.register("INDO", "ORD2").await;
    let gateway = gateway.restart(Settings { sandbox: false, ..sandbox_settings() }).await;
    // Both are due at once; the expiry is written, the payment is not.
    until("the clock's work is done", async || gateway.events(&expiring.tx_id).await == ["registered", "expired"])
        .await;
    assert_eq!(gateway.events(&auto.tx_id).await, ["registered"]);
}
