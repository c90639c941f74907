//! A gateway whose disk does not answer in time says so (9002), and the same request again finds out what
//! became of it. Here another process holds the database's write lock.

use crate::support::merchant::direct;
use crate::support::{Gateway, sandbox_settings};
use gerai_gateway::Settings;
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
