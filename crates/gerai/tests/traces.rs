//! Traces over OTLP: one span a request, in its caller's trace, and nothing that a collector does is felt by anybody.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what it expects by failing")]

mod support;

use gerai_protocol::MitraCd;
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::collector::{Collector, holds};
use support::place::Place;
use support::{Order, PATIENCE, Server, http};

fn traced(endpoint: &str) -> Place {
    Place::new().with(|config| format!("{config}\n[traces]\nendpoint = \"{endpoint}\"\nservice_name = \"stall\"\n"))
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "in vain: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn comes(collector: &Arc<Collector>, text: &str) {
    until(text, || holds(&collector.bytes(), text.as_bytes())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_a_span_in_its_callers_trace() {
    let collector = Collector::start().await;
    let place = traced(&collector.endpoint);
    let (server, shop) = (place.start(), place.add_shop());
    let order = Order::at(MitraCd::Alma, "TRACED-1", "https://shop.example.com/n");
    let (trace, parent) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
    let response = http()
        .post(format!("{}{}", server.url, order.path()))
        .header("traceparent", format!("00-{trace}-{parent}-01"))
        .body(shop.registration(&order))
        .send()
        .await
        .unwrap();
    let request_id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    let t_xid = shop.register(&server, &order).await.t_xid;
    let (status, _) = server.get("/nowhere?merchantToken=in-a-query").await;
    assert_eq!(status, 404);

    comes(&collector, "unknown").await;
    for text in ["stall", "direct_registration", "0000", &t_xid, "TOKOKOPI01", &request_id, "POST"] {
        comes(&collector, text).await;
    }
    let bytes = collector.bytes();
    for (what, id) in [("the trace", trace), ("the caller's span", parent)] {
        let raw: Vec<u8> =
            (0..id.len()).step_by(2).map(|at| u8::from_str_radix(&id[at..at + 2], 16).unwrap()).collect();
        assert!(holds(&bytes, &raw), "{what}");
    }
    for never in ["TRACED-1", "Siti", "in-a-query", "/nowhere", "shop.example.com"] {
        assert!(!holds(&bytes, never.as_bytes()), "{never}");
    }
    let batch = &collector.batches()[0];
    assert!(batch.head.starts_with("post /v1/traces "), "{}", batch.head);
    assert!(batch.head.contains("content-type: application/x-protobuf"), "{}", batch.head);
    server.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_left_is_sent_when_the_gateway_stops() {
    let collector = Collector::start().await;
    let place = traced(&collector.endpoint);
    let server = place.start();
    server.get("/nowhere").await;
    // Sooner than a batch would be sent by itself.
    server.stop();
    assert!(holds(&collector.bytes(), b"unknown"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sample_of_nothing_is_nothing_whatever_a_caller_asks_for() {
    let collector = Collector::start().await;
    let place = traced(&collector.endpoint).with(|config| format!("{config}sample = 0.0\n"));
    let server = place.start();
    for (path, flags) in [("/healthz", "00"), ("/nowhere", "01")] {
        let traceparent = format!("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-{flags}");
        let request = http().get(format!("{}{path}", server.url)).header("traceparent", traceparent);
        request.send().await.unwrap();
    }
    // What makes no sense is no trace, and no error either.
    for nonsense in ["", "00-zz", "ff-ff-ff-ff", &"0".repeat(5000)] {
        let request = http().get(format!("{}/readyz", server.url)).header("traceparent", nonsense);
        assert_eq!(request.send().await.unwrap().status(), 200);
    }
    server.stop();
    assert!(collector.batches().is_empty(), "no span at all");
}

async fn nobody_waits(server: Server, place: &Place) -> String {
    let (client, shop) = (http(), place.add_shop());
    // More than the queue holds.
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (client, url) = (client.clone(), server.url.clone());
        clients.spawn(async move {
            for _ in 0..750 {
                client.get(format!("{url}/readyz")).send().await.unwrap();
            }
        });
    }
    let slowest = async {
        let mut slowest = Duration::ZERO;
        for n in 0..20 {
            let begun = Instant::now();
            shop.register(&server, &Order::at(MitraCd::Indo, &format!("ORD-{n}"), "https://shop.example.com/n")).await;
            slowest = slowest.max(begun.elapsed());
        }
        slowest
    }
    .await;
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
    while let Some(ended) = clients.join_next().await {
        ended.unwrap();
    }
    let begun = Instant::now();
    let log = server.stop();
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    log
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_hangs_slows_nobody_down() {
    let collector = Collector::hanging().await;
    let place = traced(&collector.endpoint);
    let server = place.start();
    let log = nobody_waits(server, &place).await;
    assert!(!collector.batches().is_empty(), "it was asked");
    assert!(log.contains("the last traces were not sent"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_not_there_is_said_once() {
    // A port that was free a moment ago.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let place = traced(&format!("http://{nobody}"));
    let server = place.start();
    let log = nobody_waits(server, &place).await;
    let said = log.lines().filter(|line| line.contains("the collector takes no traces")).count();
    assert_eq!(said, 1, "{log}");
}
