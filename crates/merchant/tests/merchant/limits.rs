//! What comes from outside is bounded: answers that are too large, too slow or elsewhere, and bodies at the shop's own door.

use crate::shop::{Stage, client};
use crate::support::client::{Request, send};
use axum::Router;
use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use gerai_merchant::{CallError, ClientError, Gateway as OtherSide};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A gateway that answers everything alike; its address, and how often it was asked.
async fn answering(answer: fn() -> axum::response::Response) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let server: Router = Router::new().fallback(move || {
        count.fetch_add(1, Ordering::SeqCst);
        async move { answer() }
    });
    tokio::spawn(async move { axum::serve(listener, server).await });
    (addr, asked)
}

fn at(addr: SocketAddr) -> OtherSide {
    OtherSide::at(&format!("http://{addr}")).unwrap()
}

#[tokio::test]
async fn an_answer_that_does_not_end_is_not_read_to_the_end_s27() {
    let (addr, _) = answering(|| Body::from(vec![b' '; 1 << 20]).into_response()).await;
    let refused = client(at(addr)).attempts(1).build().unwrap().inquire("TXID", "ORD-1", 10_000).await;
    assert!(matches!(&refused, Err(CallError::NotUnderstood { why, .. }) if why.contains("64 KiB")), "{refused:?}");
}

#[tokio::test]
async fn a_redirect_is_not_followed_s23() {
    let (addr, asked) = answering(|| (StatusCode::FOUND, [(header::LOCATION, "/elsewhere")], "").into_response()).await;
    let refused = client(at(addr)).build().unwrap().inquire("TXID", "ORD-1", 10_000).await;
    assert!(matches!(&refused, Err(CallError::NotUnderstood { http_status: 302, .. })), "{refused:?}");
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn whoever_is_told_to_wait_waits_no_longer_than_its_patience_s27() {
    let answer = || {
        let body = r#"{"resultCd":"9002","resultMsg":"Too many requests."}"#;
        (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "3600")], body).into_response()
    };
    let (addr, asked) = answering(answer).await;
    let begun = std::time::Instant::now();
    let refused = client(at(addr)).patience(Duration::from_secs(5)).build().unwrap();
    let refused = refused.inquire("TXID", "ORD-1", 10_000).await;
    assert!(matches!(&refused, Err(CallError::Refused(refusal)) if refusal.http_status == 429), "{refused:?}");
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    assert!(begun.elapsed() < Duration::from_secs(5), "it does not wait in vain");
}

#[tokio::test]
async fn a_gateway_that_says_nothing_is_given_up_s27() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let impatient = client(at(addr)).timeout(Duration::from_millis(50)).attempts(2).build().unwrap();
    let silent = impatient.inquire("TXID", "ORD-1", 10_000).await;
    assert!(matches!(&silent, Err(CallError::TimedOut)), "{silent:?}");
}

#[test]
fn limits_of_zero_are_refused() {
    let gateway = || OtherSide::at("http://127.0.0.1:9").unwrap();
    for refused in [
        client(gateway()).timeout(Duration::ZERO),
        client(gateway()).connect_timeout(Duration::ZERO),
        client(gateway()).patience(Duration::ZERO),
        client(gateway()).attempts(0),
        client(gateway()).calls_at_one_time(0),
    ] {
        assert!(matches!(refused.build(), Err(ClientError::Zero)));
    }
}

#[tokio::test]
async fn the_shops_door_takes_a_post_of_a_form_and_nothing_else_s23() {
    let stage = Stage::set().await;
    let addr: SocketAddr = stage.url.strip_prefix("http://").unwrap().parse().unwrap();
    for (request, status) in [
        (Request::new("GET", "/notification"), 405),
        (Request::new("PUT", "/notification"), 405),
        (Request::post("/notification", "{}"), 400),
        (Request::post("/notification", vec![b'x'; 64 * 1024 + 1]), 413),
        (Request::post("/elsewhere", "{}"), 404),
    ] {
        let answer = send(addr, &request).await;
        assert_eq!(answer.status, status, "{} {}", request.method, request.path);
        assert!(answer.text().trim().is_empty(), "it tells nothing: {}", answer.text());
    }
}
