//! A reset leaves nothing of what was before it, also of what was on its way.

use crate::support::client::{Request, send};
use crate::support::merchant::direct;
use crate::support::store::INDO;
use crate::support::{Gateway, sandbox_settings, until};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use gerai_gateway::Settings;
use parking_lot::Mutex;
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

/// How far a message has come on its way through a slow relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Journey {
    NotSent,
    OnItsWay,
    Arrived,
}

/// A relay that takes its time before it hands a notification on to an inbox.
async fn slow_relay(gateway: &Gateway, way: Arc<Mutex<Journey>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/notify", listener.local_addr().unwrap());
    let inbox = gateway.addr;
    let router = Router::new()
        .fallback(move |State(way): State<Arc<Mutex<Journey>>>, body: Bytes| async move {
            *way.lock() = Journey::OnItsWay;
            tokio::time::sleep(Duration::from_millis(300)).await;
            let request = Request::post("/sandbox/v1/inbox/shop", body.to_vec());
            let answer = send(inbox, &request).await;
            assert_eq!(answer.status, 200);
            *way.lock() = Journey::Arrived;
        })
        .with_state(way);
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

#[tokio::test]
async fn what_was_on_its_way_to_an_inbox_is_not_in_it_after_a_reset() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let way = Arc::new(Mutex::new(Journey::NotSent));
    let url = slow_relay(&gateway, Arc::clone(&way)).await;
    let payment = gateway.registered(&direct("ORD1").set("dbProcessUrl", url)).await;
    gateway.pay_whole(INDO, &payment.pay_no, "T1").await;
    until("it is on its way", async || *way.lock() == Journey::OnItsWay).await;
    assert_eq!(gateway.post("/sandbox/v1/reset", "").await.status, 200);
    until("it has arrived", async || *way.lock() == Journey::Arrived).await;
    assert_eq!(gateway.get("/sandbox/v1/inbox/shop").await.json()["messages"], json!([]));
}

#[tokio::test]
async fn a_reset_waits_for_nobody_who_hangs() {
    let gateway = Gateway::with(Settings { move_patience: Duration::from_millis(300), ..sandbox_settings() }).await;
    gateway.freeze_at("2031-05-05T10:00:00").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/notify", listener.local_addr().unwrap());
    let payment = gateway.registered(&direct("ORD1").set("dbProcessUrl", url)).await;
    gateway.pay_whole(INDO, &payment.pay_no, "T1").await;
    let (_hangs, _) = listener.accept().await.unwrap();
    let asked = Instant::now();
    let answer = gateway.post("/sandbox/v1/reset", r#"{"clock":"2026-01-01T09:00:00+07:00"}"#).await;
    assert_eq!((answer.status, answer.field("now").as_str()), (200, "2026-01-01T09:00:00+07:00"));
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
}
