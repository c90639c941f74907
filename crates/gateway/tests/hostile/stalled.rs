//! Clients that begin a request and send no more: they are ended after their time, and meanwhile the others are served.

use crate::support::client::{Connection, Request};
use crate::support::merchant::{DIRECT, direct};
use crate::support::store::LOOK;
use crate::support::{Gateway, sandbox_settings};
use crate::{unharmed, watch_for_panics};
use gerai_gateway::Settings;
use std::time::{Duration, Instant};

const CLIENTS: usize = 400;

fn settings(limit: Duration) -> Settings {
    Settings { header_timeout: limit, body_timeout: limit, ..sandbox_settings() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s27_800_stalled_clients_do_not_keep_the_others_waiting() {
    watch_for_panics();
    let limit = Duration::from_secs(4);
    let gateway = Gateway::with(settings(limit)).await;
    let request = Request::post(DIRECT, direct("STALLED").to_json()).bytes();
    let head = request.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let began = Instant::now();
    let (mut in_body, mut in_headers) = (Vec::new(), Vec::new());
    for _ in 0..CLIENTS {
        let mut connection = Connection::open(gateway.addr).await;
        connection.write(&request[..request.len() - 100]).await;
        in_body.push(connection);
        let mut connection = Connection::open(gateway.addr).await;
        connection.write(&request[..head - 20]).await;
        in_headers.push(connection);
    }
    for n in 0..50 {
        let asked = Instant::now();
        gateway.ask_done(&direct(&format!("ORD{n}"))).await;
        assert!(asked.elapsed() < Duration::from_secs(1), "took {:?}", asked.elapsed());
    }
    assert!(began.elapsed() < limit, "they were still stalled");
    for mut connection in in_body {
        let answer = connection.answer().await.expect("an answer");
        assert_eq!((answer.status, answer.code().as_str()), (408, "9001"));
        assert!(connection.ended().await);
    }
    for mut connection in in_headers {
        if let Some(answer) = connection.answer().await {
            assert_eq!(answer.status, 408);
        }
        assert!(connection.ended().await);
    }
    let took = began.elapsed();
    assert!(took >= limit && took < limit * 3, "they were ended in their time: {took:?}");
    unharmed(&gateway, "STALLED").await;
}

#[tokio::test]
async fn a_body_that_drips_is_ended_as_a_whole() {
    watch_for_panics();
    let limit = Duration::from_millis(500);
    let gateway = Gateway::with(settings(limit)).await;
    for path in [DIRECT, LOOK] {
        let request = Request::post(path, direct("DRIP").to_json()).bytes();
        let mut connection = Connection::open(gateway.addr).await;
        let head = request.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
        connection.write(&request[..head]).await;
        let began = Instant::now();
        let answer = loop {
            connection.write(b" ").await;
            tokio::select! {
                answer = connection.answer() => break answer,
                () = tokio::time::sleep(Duration::from_millis(20)) => {}
            }
            assert!(began.elapsed() < Duration::from_secs(5), "it is never ended");
        };
        let answer = answer.expect("an answer");
        assert_eq!(answer.status, 408, "{path}");
        assert!(answer.code().starts_with(if path == LOOK { "4" } else { "9001" }));
    }
    unharmed(&gateway, "DRIP").await;
}

#[tokio::test]
async fn headers_that_drip_and_connections_that_idle_are_ended() {
    watch_for_panics();
    let gateway = Gateway::with(settings(Duration::from_millis(300))).await;
    let mut idle = Connection::open(gateway.addr).await;
    idle.write(&Request::new("GET", "/healthz").bytes()).await;
    assert_eq!(idle.answer().await.unwrap().status, 200);
    assert!(idle.ended().await, "after its answer");
    let mut silent = Connection::open(gateway.addr).await;
    assert!(silent.answer().await.is_none(), "before anything was sent");
    let mut dripping = Connection::open(gateway.addr).await;
    dripping.write(b"GET / HTTP/1.1\r\n").await;
    let began = Instant::now();
    let ended = loop {
        dripping.write(b"X: y\r\n").await;
        tokio::select! {
            answer = dripping.answer() => break answer.is_none_or(|answer| answer.status == 408),
            () = tokio::time::sleep(Duration::from_millis(50)) => {}
        }
        assert!(began.elapsed() < Duration::from_secs(4), "it is never ended");
    };
    assert!(ended);
    unharmed(&gateway, "STILL").await;
}
