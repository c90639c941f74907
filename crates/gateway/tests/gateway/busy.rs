//! A gateway whose disk does not answer in time says so (9002, 500SS00), and the same request again finds out
//! what became of it. Here another process holds the database's write lock.

use crate::support::client::{Connection as Client, Request};
use crate::support::merchant::{DIRECT, cancel, direct, inquiry};
use crate::support::store::INDO;
use crate::support::{Gateway, PATIENCE, sandbox_settings, until};
use gerai_gateway::{Rate, Rates, Settings, Stopwatch};
use gerai_ledger::Ledger;
use rusqlite::Connection;
use std::time::{Duration, Instant};

async fn impatient() -> Gateway {
    let gateway = Gateway::with(Settings { answer_timeout: Duration::from_secs(1), ..sandbox_settings() }).await;
    gateway.freeze_at("2031-05-05T10:00:00").await;
    gateway
}

/// Keeps the gateway from writing until it is dropped.
fn hold(gateway: &Gateway) -> Connection {
    let connection = Connection::open(gateway.database()).unwrap();
    connection.busy_timeout(Duration::from_secs(5)).unwrap();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    connection
}

#[tokio::test]
async fn a_busy_gateway_answers_9002_with_200_and_a_retry_gets_the_payment() {
    let gateway = impatient().await;
    let held = hold(&gateway);
    let asked = Instant::now();
    let answer = gateway.ask(&direct("ORD1")).await;
    assert_eq!((answer.status, answer.code().as_str()), (200, "9002"), "{}", answer.text());
    assert_eq!(answer.keys().len(), 20, "with the keys of any other refusal");
    assert!(asked.elapsed() < Duration::from_secs(10));
    drop(held);
    let first = gateway.ask_done(&direct("ORD1")).await;
    assert_eq!(gateway.ask(&direct("ORD1")).await.text(), first.text());
    assert_eq!(gateway.events(&first.field("tXid")).await, ["registered"]);
}

#[tokio::test]
async fn a_busy_gateway_tells_a_till_so_and_a_retry_gets_the_receipt() {
    let gateway = impatient().await;
    let payment = gateway.register("INDO", "ORD1").await;
    let held = hold(&gateway);
    let busy = gateway.pay(INDO, &payment.pay_no, "T1").await;
    assert_eq!((busy.status, busy.code().as_str()), (500, "5002500"));
    let refused = gateway.ask(&cancel(&payment.tx_id)).await;
    assert_eq!((refused.status, refused.code().as_str()), (200, "9002"));
    assert_eq!(gateway.status(&payment).await.0, "3", "reading goes on");
    drop(held);
    assert_eq!(gateway.pay(INDO, &payment.pay_no, "T1").await.code(), "2002500");
    assert_eq!(gateway.ask_done(&inquiry(&payment.tx_id, "ORD1")).await.field("resultMsg"), "paid");
    assert_eq!(gateway.events(&payment.tx_id).await, ["registered", "taken"]);
}

#[tokio::test]
async fn a_gateway_that_cannot_write_is_alive_but_not_ready() {
    let gateway = impatient().await;
    let held = hold(&gateway);
    assert_eq!(gateway.get("/healthz").await.status, 200);
    until("it is not ready", async || gateway.get("/readyz").await.status == 503).await;
    assert_eq!(gateway.post(DIRECT, "nonsense").await.status, 400, "what needs no disk is answered");
    drop(held);
    until("it is ready again", async || gateway.get("/readyz").await.status == 200).await;
}

#[tokio::test]
async fn however_many_ask_whether_it_is_ready_it_writes_at_most_once_a_second() {
    let gateway = impatient().await;
    let (begun, before) = (Instant::now(), gateway.ledger.stats().commands());
    let mut client = Client::open(gateway.addr).await;
    for _ in 0..200 {
        client.write(&Request::new("GET", "/readyz").bytes()).await;
        assert_eq!(client.answer().await.unwrap().status, 200);
    }
    let written = gateway.ledger.stats().commands() - before;
    assert!(written <= 2 + begun.elapsed().as_secs(), "{written} in {:?}", begun.elapsed());
}

#[tokio::test]
async fn who_asks_whether_it_is_ready_and_hangs_up_leaves_nothing_in_the_queue() {
    let gateway = impatient().await;
    let _held = hold(&gateway);
    until("it is not ready", async || gateway.get("/readyz").await.status == 503).await;
    let mut told = 0;
    for _ in 0..50 {
        let mut client = Client::open(gateway.addr).await;
        client.write(&Request::new("GET", "/readyz").bytes()).await;
        if let Ok(Some(answer)) = tokio::time::timeout(Duration::from_millis(10), client.answer()).await {
            assert_eq!(answer.status, 503);
            told += 1;
        }
    }
    let queued = gateway.ledger.stats().queued();
    assert!(queued <= 5, "{queued} wait in the queue, and {told} were told");
}

#[tokio::test]
async fn a_client_that_hangs_up_counts_against_its_address_and_finds_out_later() {
    let rates = Rates { address: Some(Rate::new(1, 2)), ..Rates::default() };
    let settings = Settings { answer_timeout: PATIENCE, stopwatch: Stopwatch::held(), ..sandbox_settings() };
    let gateway = Gateway::with(Settings { rates: Some(rates), ..settings }).await;
    gateway.freeze_at("2031-05-05T10:00:00").await;
    let held = hold(&gateway);
    for n in 0..2 {
        let queued = gateway.ledger.stats().queued();
        let mut client = Client::open(gateway.addr).await;
        client.write(&Request::post(DIRECT, direct(&format!("ORD{n}")).to_json()).bytes()).await;
        until("it is under way", async || gateway.ledger.stats().queued() > queued).await;
    }
    let counted = "gerai_answers_total{call=\"direct_registration\",code=\"\",status=\"499\"} 2\n";
    until("both are counted", async || gateway.get("/metrics").await.text().contains(counted)).await;
    assert_eq!(gateway.get("/nowhere").await.status, 429);
    drop(held);
    let first = gateway.ask_done(&direct("ORD0")).await;
    assert_eq!(gateway.events(&first.field("tXid")).await, ["registered"]);
}
