//! The numbers that an operator asks for, by their names.

use crate::support::merchant::{cancel, direct, redirect};
use crate::support::receiver::Receiver;
use crate::support::store::{ALMA, INDO};
use crate::support::{Gateway, until};

/// The value of one series; fails when there is none.
fn value(text: &str, series: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {series} in\n{text}")).parse().unwrap()
}

#[tokio::test]
async fn payments_and_amounts_are_counted_once_however_often_a_till_asks() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let first = gateway.register("INDO", "ORD1").await;
    gateway.ask_done(&direct("ORD1")).await;
    gateway.ask_done(&redirect("ORD2")).await;
    for _ in 0..3 {
        gateway.pay_whole(INDO, &first.pay_no, "T1").await;
    }
    let second = gateway.register("ALMA", "ORD3").await;
    gateway.pay_whole(ALMA, &second.pay_no, "T1").await;
    gateway.reverse(ALMA, &second.pay_no, "T1").await;
    let third = gateway.register("ALMA", "ORD4").await;
    gateway.pay(ALMA, &third.pay_no, "T1").await;
    let text = gateway.get("/metrics").await.text();
    for (series, expected) in [
        ("gerai_registrations_total{kind=\"direct\"}", 3.0),
        ("gerai_registrations_total{kind=\"redirect\"}", 1.0),
        ("gerai_payments_total{chain=\"INDO\"}", 1.0),
        ("gerai_payments_total{chain=\"ALMA\"}", 1.0),
        ("gerai_paid_rupiah_total{chain=\"INDO\"}", 10_000.0),
        ("gerai_reversals_total{chain=\"ALMA\"}", 1.0),
        ("gerai_reversals_total{chain=\"INDO\"}", 0.0),
        ("gerai_exceptions_open", 0.0),
        ("gerai_connections_open", 1.0),
    ] {
        assert_eq!(value(&text, series), expected, "{series} in\n{text}");
    }
    let commits = value(&text, "gerai_ledger_commits_total");
    assert!(commits > 0.0);
    assert_eq!(value(&text, "gerai_ledger_commit_seconds_count"), commits);
    assert_eq!(value(&text, "gerai_ledger_commit_seconds_bucket{le=\"+Inf\"}"), commits);
    assert_eq!(value(&text, "gerai_ledger_batch_commands_count"), commits);
    assert_eq!(value(&text, "gerai_ledger_batch_commands_sum"), value(&text, "gerai_ledger_commands_total"));
}

#[tokio::test]
async fn the_oldest_undelivered_notification_has_an_age_until_it_is_taken() {
    let receiver = Receiver::answering(&[500, 500]).await;
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let payment = gateway.registered(&direct("ORD1").set("dbProcessUrl", receiver.url.clone())).await;
    let text = gateway.get("/metrics").await.text();
    assert_eq!(value(&text, "gerai_oldest_notification_age_seconds"), 0.0);
    assert_eq!(value(&text, "gerai_notifications_undelivered"), 0.0);
    gateway.pay_whole(INDO, &payment.pay_no, "T1").await;
    receiver.wait_for(1).await;
    // What waits in the ledger is read at most once a second.
    let shows = async |series: &str, expected: f64| value(&gateway.get("/metrics").await.text(), series) == expected;
    until("it is retried", async || {
        shows("gerai_notification_attempts_total{outcome=\"refused\"}", 1.0).await
            && shows("gerai_notifications_in_flight", 0.0).await
    })
    .await;
    gateway.advance("PT25S").await;
    until("it is as old as its event", async || shows("gerai_oldest_notification_age_seconds", 25.0).await).await;
    assert!(shows("gerai_notifications_undelivered", 1.0).await);
    gateway.advance("PT1H").await;
    until("it is delivered", async || shows("gerai_notifications_undelivered", 0.0).await).await;
    let text = gateway.get("/metrics").await.text();
    assert_eq!(value(&text, "gerai_oldest_notification_age_seconds"), 0.0);
    assert_eq!(value(&text, "gerai_notification_attempts_total{outcome=\"accepted\"}"), 1.0);
}

#[tokio::test]
async fn a_notification_that_is_given_up_and_an_exception_stay_visible() {
    let receiver = Receiver::answering(&[500; 11]).await;
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let payment = gateway.registered(&direct("ORD1").set("dbProcessUrl", receiver.url.clone())).await;
    gateway.pay_whole(INDO, &payment.pay_no, "T1").await;
    receiver.wait_for(1).await;
    let late = gateway.register("ALMA", "ORD2").await;
    gateway.pay(ALMA, &late.pay_no, "T1").await;
    gateway.advance("PT10M").await;
    gateway.ask_done(&cancel(&late.tx_id)).await;
    assert_eq!(gateway.commit(ALMA, &late.pay_no, "T1").await.code(), "4042616");
    for _ in 0..4 {
        gateway.advance("P1D").await;
    }
    until("both are shown", async || {
        let text = gateway.get("/metrics").await.text();
        value(&text, "gerai_notifications_failed") == 1.0 && value(&text, "gerai_exceptions_open") == 1.0
    })
    .await;
    let text = gateway.get("/metrics").await.text();
    assert_eq!(value(&text, "gerai_notifications_given_up_total"), 1.0);
    assert_eq!(value(&text, "gerai_oldest_notification_age_seconds"), 0.0, "what was given up waits for nobody");
}

/// Each metric has a help text and a type, and what only grows is a counter.
#[tokio::test]
async fn every_metric_is_described_and_named_by_the_conventions() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    gateway.register("INDO", "ORD1").await;
    let text = gateway.get("/metrics").await.text();
    let mut described = 0;
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            described += 1;
            assert!(name.starts_with("gerai_"), "{name}");
            assert!(text.contains(&format!("# HELP {name} ")), "{name}");
            let sample = |suffix: &str| {
                let begins = [format!("{name}{suffix} "), format!("{name}{suffix}{{")];
                text.lines().any(|line| begins.iter().any(|begin| line.starts_with(begin)))
            };
            match kind {
                "counter" => assert!(sample("_total"), "{name}"),
                "histogram" => assert!(sample("_bucket") && sample("_sum") && sample("_count"), "{name}"),
                "gauge" => assert!(sample(""), "{name}"),
                other => panic!("{name} is a {other}"),
            }
        }
    }
    assert!(described > 20, "{described}");
}
