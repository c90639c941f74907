//! The sandbox's clock: forward only, through all that falls due, and kept over a restart.

use crate::support::client::{Answer, Request};
use crate::support::merchant::{GERAITEST1, IONPAYTEST, Registered, direct, direct_of, redirect};
use crate::support::receiver::Receiver;
use crate::support::store::{ALMA, INDO};
use crate::support::{Gateway, sandbox_settings, until};
use gerai_ledger::Ledger;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

const CLOCK: &str = "/sandbox/v1/clock";

async fn clock(gateway: &Gateway, body: &str) -> Answer {
    gateway.post(CLOCK, body).await
}

#[tokio::test]
async fn a_fresh_sandbox_shows_real_time_and_runs() {
    let gateway = Gateway::sandbox().await;
    let answer = gateway.get(CLOCK).await;
    assert_eq!(answer.json().as_object().unwrap().len(), 2, "now and frozen");
    assert_eq!(answer.json()["frozen"], false);
    assert!(answer.field("now").ends_with("+07:00"), "{}", answer.text());
    let off = gateway.now().await.duration_since(Timestamp::now()).abs();
    assert!(off < SignedDuration::from_secs(10), "{off}");
}

#[tokio::test]
async fn the_clock_is_set_advanced_frozen_and_let_go() {
    let gateway = Gateway::sandbox().await;
    let frozen = clock(&gateway, r#"{"set":"2999-01-01T21:59:50+07:00","freeze":true}"#).await;
    assert_eq!(frozen.json(), json!({ "now": "2999-01-01T21:59:50+07:00", "frozen": true }));
    for (by, now) in [
        ("PT10S", "2999-01-01T22:00:00+07:00"),
        ("PT3H", "2999-01-02T01:00:00+07:00"),
        ("P7D", "2999-01-09T01:00:00+07:00"),
        ("90m", "2999-01-09T02:30:00+07:00"),
        ("8h", "2999-01-09T10:30:00+07:00"),
        ("P1M", "2999-02-09T10:30:00+07:00"),
        ("PT0S", "2999-02-09T10:30:00+07:00"),
    ] {
        let answer = gateway.advance(by).await;
        assert_eq!(answer.json(), json!({ "now": now, "frozen": true }), "{by}");
    }
    let utc = clock(&gateway, r#"{"set":"2999-02-09T04:00:00Z"}"#).await;
    assert_eq!(utc.field("now"), "2999-02-09T11:00:00+07:00");
    assert_eq!(clock(&gateway, r#"{"freeze":false}"#).await.json()["frozen"], false);
    let stood: Timestamp = "2999-02-09T04:00:00Z".parse().unwrap();
    until("the clock runs on", async || gateway.now().await > stood).await;
    let soon = gateway.now().await;
    assert!(soon.to_string().starts_with("2999-02-09T04:00:"), "from where it stood: {soon}");
}

#[tokio::test]
async fn the_clock_never_goes_back() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    for body in [r#"{"set":"2031-05-05T09:59:59+07:00"}"#, r#"{"advance":"-PT1S"}"#, r#"{"advance":"-1h"}"#] {
        let answer = clock(&gateway, body).await;
        assert_eq!(answer.status, 409, "{body}: {}", answer.text());
    }
    assert_eq!(gateway.get(CLOCK).await.field("now"), "2031-05-05T10:00:00+07:00");
}

#[tokio::test]
async fn a_body_that_makes_no_sense_is_refused_and_changes_nothing() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    for body in [
        "",
        "{}",
        "[]",
        "null",
        "{",
        r#"{"advance":3}"#,
        r#"{"advance":""}"#,
        r#"{"advance":"soon"}"#,
        r#"{"advance":"P10000Y"}"#,
        r#"{"advance":"P99999999999999999999D"}"#,
        r#"{"set":"2031-05-05T11:00:00"}"#,
        r#"{"set":"tomorrow"}"#,
        r#"{"set":"3000-01-01T00:00:00+07:00"}"#,
        r#"{"set":"2031-13-05T11:00:00+07:00"}"#,
        r#"{"advance":"PT1H","set":"2031-05-05T11:00:00+07:00"}"#,
        r#"{"freeze":"yes"}"#,
        r#"{"rewind":"PT1H"}"#,
    ] {
        let answer = clock(&gateway, body).await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.text());
        assert!(answer.json()["error"].as_str().is_some_and(|sentence| sentence.len() > 10), "{body}");
    }
    let big = clock(&gateway, &format!(r#"{{"advance":"{}"}}"#, "x".repeat(70_000))).await;
    assert_eq!(big.status, 413);
    assert_eq!(gateway.get(CLOCK).await.json(), json!({ "now": "2031-05-05T10:00:00+07:00", "frozen": true }));
}

#[tokio::test]
async fn s5_autopaid_payments_are_paid_at_their_own_seconds_when_the_clock_jumps_far() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let mut payments = Vec::new();
    for n in 0..5 {
        let chain = if n % 2 == 0 { "INDO" } else { "ALMA" };
        let body = direct_of(IONPAYTEST, &format!("ORD{n}")).set("mitraCd", chain);
        payments.push(gateway.registered(&body).await);
        gateway.advance("PT3S").await;
    }
    gateway.advance("P30D").await;
    for (n, payment) in payments.iter().enumerate() {
        let ask = crate::support::merchant::inquiry(&payment.tx_id, &payment.reference);
        let answer = gateway.ask_done(&ask.set("iMid", "IONPAYTEST").signed_by(IONPAYTEST)).await;
        assert_eq!(answer.field("resultMsg"), "paid");
        let expected = format!("1000{:02}", 10 + 3 * n);
        assert_eq!((answer.field("transDt").as_str(), answer.field("transTm")), ("20310505", expected));
    }
    let events = gateway.events(&payments[1].tx_id).await;
    assert_eq!(events, ["registered", "taken", "committed"], "through the very same steps");
}

#[tokio::test]
async fn a_jump_passes_through_expiry_commit_time_outs_autopaid_and_retries_in_their_order() {
    let receiver = Receiver::answering(&[500, 500]).await;
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let to = |body: crate::support::merchant::Body| body.set("dbProcessUrl", receiver.url.clone());
    let expiring = to(direct("EXPIRES")).set("payValidDt", "20310505").set("payValidTm", "110000");
    let expiring = gateway.registered(&expiring).await;
    let lapsing = gateway.registered(&to(direct("LAPSES")).set("mitraCd", "ALMA")).await;
    assert_eq!(gateway.pay(ALMA, &lapsing.pay_no, "T1").await.code(), "2002500");
    let auto = gateway.registered(&to(direct_of(IONPAYTEST, "AUTO"))).await;
    gateway.advance("P1D").await;
    let times = async |payment: &Registered| -> Vec<String> {
        let history = gateway.ledger.history(&payment.tx_id.parse().unwrap()).await.unwrap();
        history.iter().map(|event| gerai_domain::wib::time(event.at)).collect()
    };
    assert_eq!(times(&expiring).await, ["100000", "110001"]);
    assert_eq!(times(&lapsing).await, ["100000", "100000", "100501"]);
    assert_eq!(times(&auto).await, ["100000", "100010"]);
    let list = gateway.notifications(&auto.tx_id).await;
    let attempts: Vec<&str> =
        list[0]["attempts"].as_array().unwrap().iter().map(|one| &one["at"].as_str().unwrap()[11..19]).collect();
    assert_eq!(attempts, ["10:00:10", "10:00:20", "10:00:50"]);
}

#[tokio::test]
async fn rule_12_a_simulated_payment_that_falls_due_in_the_deadlines_second_counts() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let body = |reference, time| direct_of(IONPAYTEST, reference).set("payValidDt", "20310505").set("payValidTm", time);
    let in_time = gateway.registered(&body("ORD1", "100010")).await;
    let too_late = gateway.registered(&body("ORD2", "100009")).await;
    gateway.advance("PT1H").await;
    assert_eq!(gateway.events(&in_time.tx_id).await, ["registered", "taken"]);
    assert_eq!(gateway.events(&too_late.tx_id).await, ["registered", "expired"]);
}

#[tokio::test]
async fn rule_12_opening_hours_do_not_bind_the_simulated_store() {
    let gateway = Gateway::at("2031-05-05T23:30:00").await;
    let payments = [
        gateway.registered(&direct_of(IONPAYTEST, "A").set("mitraCd", "ALMA")).await,
        gateway.registered(&direct_of(IONPAYTEST, "B")).await,
    ];
    gateway.advance("PT10S").await;
    for payment in payments {
        assert!(gateway.events(&payment.tx_id).await.contains(&"taken".to_owned()));
    }
}

#[tokio::test]
async fn s5_on_a_running_clock_an_autopaid_payment_is_paid_by_itself() {
    let mut settings = sandbox_settings();
    settings.rules.auto_pay_delay = SignedDuration::from_millis(300);
    let gateway = Gateway::with(settings).await;
    let payment = gateway.registered(&direct_of(IONPAYTEST, "ORD1")).await;
    let not_auto = gateway.registered(&direct_of(GERAITEST1, "ORD2")).await;
    until("it is paid", async || gateway.events(&payment.tx_id).await == ["registered", "taken"]).await;
    assert_eq!(gateway.events(&not_auto.tx_id).await, ["registered"]);
}

#[tokio::test]
async fn s5_an_autopaid_redirect_payment_with_a_store_is_paid_too() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let body = redirect("ORD1").set("iMid", "IONPAYTEST").signed_by(IONPAYTEST);
    let chosen = gateway.ask_done(&body.clone().set("mitraCd", "ALMA")).await.field("tXid");
    let open = gateway.ask_done(&body.set("referenceNo", "ORD2")).await.field("tXid");
    gateway.advance("PT1M").await;
    assert_eq!(gateway.events(&chosen).await, ["registered", "taken", "committed"]);
    assert_eq!(gateway.events(&open).await, ["registered"], "it has no number yet");
}

#[tokio::test]
async fn offset_and_freeze_survive_a_restart() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let payment = gateway.register("INDO", "ORD1").await;
    gateway.advance("PT1H").await;
    let gateway = gateway.restart(sandbox_settings()).await;
    assert_eq!(gateway.get(CLOCK).await.json(), json!({ "now": "2031-05-05T11:00:00+07:00", "frozen": true }));
    assert_eq!(gateway.status(&payment).await.0, "3");
    assert_eq!(clock(&gateway, r#"{"freeze":false}"#).await.status, 200);
    let gateway = gateway.restart(sandbox_settings()).await;
    let answer = gateway.get(CLOCK).await;
    assert_eq!(answer.json()["frozen"], false);
    assert!(answer.field("now").starts_with("2031-05-05T11:0"), "{}", answer.text());
}

#[tokio::test]
async fn s17_the_clock_rules_opening_hours() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let payment = gateway.register("INDO", "ORD1").await;
    assert_eq!(gateway.look(INDO, &payment.pay_no).await.code(), "2002400");
    gateway.move_to("2031-05-05T23:00:00").await;
    assert_eq!(gateway.look(INDO, &payment.pay_no).await.code(), "4032415");
}

#[tokio::test]
async fn the_clock_has_a_get_and_a_post_alone() {
    let gateway = Gateway::sandbox().await;
    for method in ["PUT", "DELETE", "PATCH"] {
        assert_eq!(gateway.send(&Request::new(method, CLOCK)).await.status, 405, "{method}");
    }
}

#[tokio::test]
async fn no_time_at_all_is_not_the_past_on_a_running_clock() {
    let gateway = Gateway::sandbox().await;
    for _ in 0..20 {
        gateway.advance("PT0S").await;
    }
}
