//! How many connections are open at a time: one too many is closed at once, and the others are served.

use crate::support::client::{Connection, Request};
use crate::support::merchant::{DIRECT, direct};
use crate::support::{Gateway, sandbox_settings, until};
use gerai_gateway::{ConnectionLimits, Settings};

async fn healthy(connection: &mut Connection) {
    connection.write(&Request::new("GET", "/healthz").bytes()).await;
    assert_eq!(connection.answer().await.expect("an answer").status, 200);
}

async fn full(limits: ConnectionLimits, places: usize, reason: &str) {
    let gateway = Gateway::with(Settings { connections: limits, ..sandbox_settings() }).await;
    until("the connection that asked whether it is ready has gone", async || {
        gateway.get("/metrics").await.text().contains("gerai_connections_open 1\n")
    })
    .await;
    let mut open = Vec::new();
    while open.len() < places {
        let mut connection = Connection::open(gateway.addr).await;
        connection.write(&Request::new("GET", "/healthz").bytes()).await;
        // The one that looked at the metrics may not have gone yet.
        if connection.answer().await.is_some() {
            open.push(connection);
        }
    }
    for _ in 0..5 {
        let mut one_too_many = Connection::open(gateway.addr).await;
        one_too_many.write(&Request::post(DIRECT, direct("ORD1").to_json()).bytes()).await;
        assert!(one_too_many.answer().await.is_none(), "it is closed without an answer");
    }
    for connection in &mut open {
        healthy(connection).await;
    }
    open[0].write(&Request::new("GET", "/metrics").bytes()).await;
    let text = open[0].answer().await.unwrap().text();
    assert!(text.contains(&format!("gerai_connections_open {places}\n")), "{text}");
    let counted = format!("gerai_connections_refused_total{{reason=\"{reason}\"}} ");
    let refused: u32 = text.lines().find_map(|line| line.strip_prefix(&counted)).unwrap().parse().unwrap();
    assert!(refused >= 5, "{refused}");
    drop(open);
    until("there is room again", async || {
        let mut connection = Connection::open(gateway.addr).await;
        connection.write(&Request::post(DIRECT, direct("ORD1").to_json()).bytes()).await;
        connection.answer().await.is_some_and(|answer| answer.code() == "0000")
    })
    .await;
}

#[tokio::test]
async fn one_too_many_is_closed_at_once_and_the_others_are_served() {
    full(ConnectionLimits { overall: 4, per_address: None }, 4, "too_many").await;
}

#[tokio::test]
async fn one_address_does_not_take_all_the_places() {
    full(ConnectionLimits { overall: 100, per_address: Some(3) }, 3, "too_many_of_address").await;
}
