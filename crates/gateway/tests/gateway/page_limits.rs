//! How much one address may ask of the payment page, and that one visitor takes nothing from the others.

use crate::page::{PAGE, after, form, page_of, token_of};
use crate::support::client::{Answer, Request};
use crate::support::merchant::{INQUIRY, inquiry, redirect};
use crate::support::{Gateway, PATIENCE, sandbox_settings};
use gerai_gateway::{Rate, Rates, Settings, Stopwatch};
use rusqlite::Connection;
use std::time::Duration;
use tokio::time::timeout;

const UNKNOWN: &str = "GERAITEST100203105051000000000";

/// A sandbox behind one proxy with these limits, and the time that they run by.
async fn limited(rates: Rates) -> (Gateway, Stopwatch) {
    let stopwatch = Stopwatch::held();
    let settings = Settings { rates: Some(rates), stopwatch: stopwatch.clone(), trusted_hops: 1, ..sandbox_settings() };
    (Gateway::with(settings).await, stopwatch)
}

impl Gateway {
    async fn get_from(&self, address: &str, path: &str) -> Answer {
        self.send(&Request::new("GET", path).header("X-Forwarded-For", address)).await
    }
}

#[tokio::test]
async fn unknown_pages_are_limited_by_address_and_then_only_those_are_shown_that_were_before() {
    let page_misses = Some(Rate::new(60, 3));
    let (gateway, stopwatch) =
        limited(Rates { page_misses, address: Some(Rate::new(60, 3)), ..Rates::default() }).await;
    let (mine, others) = (gateway.register("INDO", "ORD1").await, gateway.register("INDO", "ORD2").await);
    let (known, new, unknown) = (page_of(&mine.tx_id), page_of(&others.tx_id), page_of(UNKNOWN));
    for _ in 0..10 {
        assert_eq!(gateway.get_from("203.0.113.7", &known).await.status, 200, "what is found is not counted");
    }
    for _ in 0..3 {
        assert_eq!(gateway.get_from("203.0.113.7", &unknown).await.status, 404);
    }
    let events = format!("{PAGE}/events?tXid={}", others.tx_id);
    for path in [unknown.as_str(), new.as_str(), events.as_str()] {
        let held = gateway.get_from("203.0.113.7", path).await;
        assert_eq!((held.status, held.header("retry-after")), (429, Some("1")), "{path}");
    }
    let held = gateway.get_from("203.0.113.7", &new).await;
    assert!(held.text().contains("Terlalu banyak percobaan"), "{}", held.text());
    assert_eq!(gateway.get_from("203.0.113.7", &known).await.status, 200, "nobody loses the own page to a neighbour");
    assert_eq!(gateway.get_from("203.0.113.8", &new).await.status, 200, "another address is its own");
    stopwatch.advance(Duration::from_secs(1));
    assert_eq!(gateway.get_from("203.0.113.7", &new).await.status, 200);
}

#[tokio::test]
async fn what_merchants_ask_for_in_vain_does_not_count_for_pages_nor_the_other_way() {
    let misses = Some(Rate::new(60, 2));
    let (gateway, _) = limited(Rates { page_misses: misses, address_misses: misses, ..Rates::default() }).await;
    let payment = gateway.register("INDO", "ORD1").await;
    let body = inquiry("GERAITEST103203105051000009999", "ORD1").to_json();
    let ask = async || {
        gateway.send(&Request::post(INQUIRY, body.clone()).header("X-Forwarded-For", "203.0.113.7")).await.code()
    };
    for _ in 0..2 {
        assert_eq!(ask().await, "9528");
    }
    assert_eq!(ask().await, "9002");
    assert_eq!(gateway.get_from("203.0.113.7", &page_of(&payment.tx_id)).await.status, 200);
    assert_eq!(gateway.get_from("203.0.113.7", &page_of(UNKNOWN)).await.status, 404);
}

#[tokio::test]
async fn pages_and_their_streams_are_counted_by_address_and_a_person_is_told_so() {
    let (gateway, stopwatch) = limited(Rates { pages: Some(Rate::new(60, 3)), ..Rates::default() }).await;
    let payment = gateway.register("INDO", "ORD1").await;
    let (path, events) = (page_of(&payment.tx_id), format!("{PAGE}/events?tXid={}", payment.tx_id));
    assert_eq!(gateway.get_from("203.0.113.7", &path).await.status, 200);
    let post = form(&path, &[("mitraCd", "INDO")]).header("X-Forwarded-For", "203.0.113.7");
    for _ in 0..2 {
        assert_eq!(gateway.send(&post).await.status, 403);
    }
    let held = gateway.get_from("203.0.113.7", &path).await;
    assert_eq!((held.status, held.header("retry-after")), (429, Some("1")));
    assert!(held.text().contains("<h1>Terlalu banyak percobaan</h1>"), "{}", held.text());
    assert_eq!(gateway.get_from("203.0.113.7", &events).await.status, 429);
    assert_eq!(gateway.get_from("203.0.113.8", &path).await.status, 200, "another address is its own");
    stopwatch.advance(Duration::from_secs(1));
    assert_eq!(gateway.get_from("203.0.113.7", &path).await.status, 200);
}

#[tokio::test]
async fn what_a_page_needs_does_not_count_as_a_request_that_proves_nobody() {
    let (gateway, _) = limited(Rates { address: Some(Rate::new(60, 2)), ..Rates::default() }).await;
    let payment = gateway.register("INDO", "ORD1").await;
    let path = page_of(&payment.tx_id);
    let page = gateway.get_from("203.0.113.7", &path).await.text();
    for before in [r#"rel="stylesheet" href=""#, r#"<script src=""#, r#"rel="icon" href=""#] {
        for _ in 0..3 {
            assert_eq!(gateway.get_from("203.0.113.7", after(&page, before)).await.status, 200);
        }
    }
    for _ in 0..3 {
        assert_eq!(gateway.get_from("203.0.113.7", &page_of(UNKNOWN)).await.status, 404, "pages have their own count");
    }
    let asset = format!("{PAGE}/assets/page.000000000000.css");
    for status in [404, 404, 429] {
        assert_eq!(gateway.get_from("203.0.113.7", &asset).await.status, status, "one that does not exist");
    }
    assert_eq!(gateway.get_from("203.0.113.7", after(&page, r#"href=""#)).await.status, 200);
}

#[tokio::test]
async fn the_sandboxs_paths_are_counted_where_there_is_no_sandbox() {
    let rates = Some(Rates { address: Some(Rate::new(60, 2)), ..Rates::default() });
    let settings = Settings { rates, stopwatch: Stopwatch::held(), sandbox: false, ..sandbox_settings() };
    let gateway = Gateway::with(settings).await;
    for status in [404, 404, 429] {
        assert_eq!(gateway.get("/sandbox/v1/clock").await.status, status);
    }
    let (sandbox, _) = limited(Rates { address: Some(Rate::new(60, 2)), ..Rates::default() }).await;
    for _ in 0..5 {
        assert_eq!(sandbox.get("/sandbox/v1/nowhere").await.status, 404, "a developer's own");
    }
}

/// Whoever has one form of a page may send it as often as they please.
#[tokio::test]
async fn a_choice_that_was_made_gives_the_ledger_no_more_to_write() {
    let gateway = Gateway::with(Settings { answer_timeout: Duration::from_secs(1), ..sandbox_settings() }).await;
    gateway.freeze_at("2031-05-05T10:00:00").await;
    let tx_id = gateway.page_registered(&redirect("ORD1")).await;
    let token = token_of(&gateway.page(&tx_id).await);
    let post = form(&page_of(&tx_id), &[("csrf", &token), ("mitraCd", "INDO")]);
    let held = Connection::open(gateway.database()).unwrap();
    held.execute_batch("BEGIN IMMEDIATE").unwrap();
    let busy = gateway.send(&post).await;
    assert!(busy.status == 503 && busy.text().contains("pembayaran Anda tidak berubah"), "{}", busy.text());
    drop(held);
    assert_eq!(gateway.send(&post).await.status, 303);
    let held = Connection::open(gateway.database()).unwrap();
    held.execute_batch("BEGIN IMMEDIATE").unwrap();
    for _ in 0..10 {
        let again = timeout(PATIENCE, gateway.send(&post)).await.unwrap();
        assert_eq!(again.status, 303, "{}", again.text());
    }
    drop(held);
    assert_eq!(gateway.events(&tx_id).await, ["registered", "store_chosen"]);
}
