//! How much anybody may ask for: each limit has a count of its own, what is one too many is answered with 429 and the
//! time to come again, and nobody pays for somebody else's.

use crate::support::client::{Answer, Connection, Request};
use crate::support::merchant::{DIRECT, GERAITEST1, INQUIRY, OTHERSHOP1, direct, direct_of, inquiry};
use crate::support::store::{ALMA, INDO, LOOK, PAY, Partner};
use crate::support::{Gateway, sandbox_settings};
use gerai_gateway::{Rate, Rates, Settings, Stopwatch};
use serde_json::json;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// Nothing is limited; each test says what is.
const UNLIMITED: Rates = Rates {
    merchant: None,
    partner: None,
    terminal: None,
    address: None,
    partner_misses: None,
    terminal_misses: None,
    merchant_misses: None,
    address_misses: None,
    pages: None,
    page_misses: None,
};

/// One a second, and so many at once.
const fn burst(burst: u32) -> Option<Rate> {
    Some(Rate::new(60, burst))
}

/// A gateway with these limits, and the time that they run by.
async fn limited(rates: Rates) -> (Gateway, Stopwatch) {
    let stopwatch = Stopwatch::held();
    let settings = Settings { rates: Some(rates), stopwatch: stopwatch.clone(), trusted_hops: 1, ..sandbox_settings() };
    let gateway = Gateway::with(settings).await;
    gateway.freeze_at("2031-05-05T10:00:00").await;
    (gateway, stopwatch)
}

#[track_caller]
fn assert_limited(answer: &Answer, code: &str, seconds: &str) {
    assert_eq!((answer.status, answer.code().as_str()), (429, code), "{}", answer.text());
    assert_eq!(answer.header("retry-after"), Some(seconds));
    assert_eq!(answer.keys().len(), 2, "the two fields: {}", answer.text());
    assert!(answer.header("x-request-id").is_some());
}

#[tokio::test]
async fn a_merchant_is_limited_by_its_own_requests_alone() {
    let (gateway, time) = limited(Rates { merchant: burst(3), ..UNLIMITED }).await;
    gateway.add_merchant(OTHERSHOP1, "Other").await;
    // Whoever does not have its key does not use it up.
    for n in 0..10 {
        let forged = direct(&format!("FORGED{n}")).set("merchantToken", "f".repeat(64));
        assert_eq!(gateway.ask(&forged).await.code(), "9010");
    }
    let first = gateway.register("INDO", "ORD1").await;
    gateway.register("INDO", "ORD2").await;
    assert_eq!(gateway.status(&first).await.0, "3", "the third");
    for body in [direct("ORD3"), inquiry(&first.tx_id, "ORD1")] {
        assert_limited(&gateway.ask(&body).await, "9002", "1");
    }
    gateway.ask_done(&direct_of(OTHERSHOP1, "ORD3")).await;
    time.advance(SECOND);
    // What was refused has changed nothing.
    gateway.ask_done(&direct("ORD3")).await;
    assert_limited(&gateway.ask(&direct("ORD4")).await, "9002", "1");
    let text = gateway.get("/metrics").await.text();
    assert!(text.contains("gerai_requests_limited_total{limit=\"merchant\"} 3\n"), "{text}");
}

#[tokio::test]
async fn who_proves_nobody_counts_against_the_address() {
    let (gateway, time) = limited(Rates { address: Some(Rate::new(20, 6)), ..UNLIMITED }).await;
    let from = |request: Request, address: &str| request.header("X-Forwarded-For", address);
    let forger = Partner { secret: "guessed", ..INDO };
    let strangers = [
        Request::post(DIRECT, direct("ORD1").set("merchantToken", "f".repeat(64)).to_json()),
        Request::post(DIRECT, direct("ORD1").set("iMid", "NOBODY0001").to_json()),
        Request::post(INQUIRY, "nonsense"),
        Request::new("GET", "/nowhere"),
        Request::new("GET", DIRECT),
        forger.request(LOOK, &INDO.look_body("1")),
    ];
    for request in &strangers {
        let answer = gateway.send(&from(request.clone(), "203.0.113.7")).await;
        assert_ne!(answer.status, 429, "{}", answer.text());
    }
    let codes = ["9002", "9002", "9002", "9002", "9002", "4292400"];
    for (request, code) in strangers.iter().zip(codes) {
        assert_limited(&gateway.send(&from(request.clone(), "203.0.113.7")).await, code, "3");
    }
    // Nobody else is held back: not another address, nor who proves somebody from this one.
    assert_eq!(gateway.send(&from(strangers[0].clone(), "203.0.113.8")).await.code(), "9010");
    let right = Request::post(DIRECT, direct("ORD1").to_json());
    let answer = gateway.send(&from(right, "203.0.113.7")).await;
    assert_eq!((answer.status, answer.code().as_str()), (200, "0000"), "{}", answer.text());
    let looked = INDO.request(LOOK, &INDO.look_body(&answer.field("payNo")));
    assert_eq!(gateway.send(&from(looked, "203.0.113.7")).await.code(), "2002400");
    for path in ["/healthz", "/readyz", "/metrics", "/sandbox/v1/clock"] {
        assert_eq!(gateway.send(&from(Request::new("GET", path), "203.0.113.7")).await.status, 200, "{path}");
    }
    // What a client writes into the header by itself stands further left than what the proxy appends.
    let forged = from(strangers[0].clone(), "198.51.100.1, 203.0.113.7");
    assert_limited(&gateway.send(&forged).await, "9002", "3");
    time.advance(3 * SECOND);
    assert_eq!(gateway.send(&forged).await.code(), "9010");
}

#[tokio::test]
async fn one_ipv6_network_is_one_client() {
    let (gateway, _) = limited(Rates { address: burst(2), ..UNLIMITED }).await;
    let from = |address: &str| Request::new("GET", "/nowhere").header("X-Forwarded-For", address);
    for (address, status) in
        [("2001:db8:1:2::1", 404), ("2001:db8:1:2::2", 404), ("2001:db8:1:2:ffff::3", 429), ("2001:db8:1:3::1", 404)]
    {
        assert_eq!(gateway.send(&from(address)).await.status, status, "{address}");
    }
}

#[tokio::test]
async fn a_chain_and_a_terminal_are_limited_with_429ss00() {
    let (gateway, time) = limited(Rates { partner: burst(4), terminal: burst(2), ..UNLIMITED }).await;
    let payment = gateway.register("INDO", "ORD1").await;
    for _ in 0..2 {
        assert_eq!(gateway.look(INDO, &payment.pay_no).await.code(), "2002400");
    }
    let pay = INDO.pay_body(&payment.pay_no, "T1");
    assert_limited(&gateway.send(&INDO.request(PAY, &pay)).await, "4292500", "1");
    // Another till of the same store, and one with this name in another store.
    let mut elsewhere = INDO.look_body(&payment.pay_no);
    elsewhere["storeCode"] = json!("T002");
    assert_eq!(gateway.send(&INDO.request(LOOK, &elsewhere)).await.code(), "2002400");
    for (answer, code) in [
        (gateway.look(INDO, &payment.pay_no).await, "4292400"),
        (gateway.pay(INDO, &payment.pay_no, "T1").await, "4292500"),
        (gateway.commit(INDO, &payment.pay_no, "T1").await, "4292600"),
        (gateway.reverse(INDO, &payment.pay_no, "T1").await, "4292700"),
    ] {
        assert_limited(&answer, code, "1");
    }
    assert_eq!(gateway.look(ALMA, &payment.pay_no).await.code(), "4032415", "another chain is served");
    time.advance(SECOND);
    assert_eq!(gateway.pay(INDO, &payment.pay_no, "T1").await.code(), "2002500");
    assert_eq!(gateway.events(&payment.tx_id).await, ["registered", "taken"]);
}

#[tokio::test]
async fn rule_3_a_terminal_that_asks_for_numbers_in_vain_is_held_back_from_all() {
    let (gateway, time) = limited(Rates { terminal_misses: burst(3), ..UNLIMITED }).await;
    let payment = gateway.register("INDO", "ORD1").await;
    let cancelled = gateway.register("INDO", "ORD2").await;
    gateway.ask_done(&crate::support::merchant::cancel(&cancelled.tx_id)).await;
    // Too short, mistyped, cancelled: to the till all are numbers that are none.
    for number in ["1", &payment.pay_no.replace(|_| true, "1"), &cancelled.pay_no] {
        assert_eq!(gateway.look(INDO, number).await.code(), "4042412", "{number}");
    }
    assert_eq!(gateway.look(INDO, &payment.pay_no).await.code(), "2002400", "what is found costs nothing");
    assert_limited(&gateway.pay(INDO, "1", "T1").await, "4292500", "1");
    assert_limited(&gateway.look(INDO, &payment.pay_no).await, "4292400", "1");
    assert_limited(&gateway.pay(INDO, &payment.pay_no, "T1").await, "4292500", "1");
    let mut elsewhere = INDO.look_body(&payment.pay_no);
    elsewhere["terminalId"] = json!("2");
    assert_eq!(gateway.send(&INDO.request(LOOK, &elsewhere)).await.code(), "2002400");
    time.advance(SECOND);
    assert_eq!(gateway.pay(INDO, &payment.pay_no, "T1").await.code(), "2002500");
}

#[tokio::test]
async fn rule_3_a_chain_that_asks_for_numbers_in_vain_is_held_back_at_every_terminal() {
    let (gateway, time) = limited(Rates { partner_misses: burst(3), ..UNLIMITED }).await;
    let payment = gateway.register("ALMA", "ORD1").await;
    assert_eq!(gateway.pay(ALMA, &payment.pay_no, "T1").await.code(), "2002500");
    // Commits and reversals of numbers that do not exist use up nothing: a chain sends them again and again.
    for n in 0..5 {
        assert_eq!(gateway.commit(ALMA, "1", &format!("C{n}")).await.code(), "4042612");
        assert_eq!(gateway.reverse(ALMA, "1", &format!("R{n}")).await.code(), "4042712");
    }
    for terminal in ["1", "2", "3"] {
        let mut body = ALMA.look_body("1");
        body["terminalId"] = json!(terminal);
        assert_eq!(gateway.send(&ALMA.request(LOOK, &body)).await.code(), "4042412");
    }
    let mut body = ALMA.look_body("1");
    body["terminalId"] = json!("4");
    assert_limited(&gateway.send(&ALMA.request(LOOK, &body)).await, "4292400", "1");
    body["payNo"] = json!(payment.pay_no);
    assert_limited(&gateway.send(&ALMA.request(LOOK, &body)).await, "4292400", "1");
    // The cash is in the drawer: neither is ever held back.
    assert_eq!(gateway.reverse(ALMA, "1", "T9").await.code(), "4042712");
    assert_eq!(gateway.commit(ALMA, &payment.pay_no, "T1").await.code(), "2002600");
    assert_eq!(gateway.reverse(ALMA, &payment.pay_no, "T1").await.code(), "2002700");
    assert_eq!(gateway.look(INDO, "1").await.code(), "4042412", "another chain's misses are its own");
    time.advance(SECOND);
    assert_eq!(gateway.send(&ALMA.request(LOOK, &body)).await.code(), "2002400");
}

#[tokio::test]
async fn a_merchant_that_asks_for_transactions_in_vain_is_limited_and_still_sees_its_own() {
    let (gateway, time) = limited(Rates { merchant_misses: burst(2), ..UNLIMITED }).await;
    let payment = gateway.register("INDO", "ORD1").await;
    let unknown = inquiry("GERAITEST103203105051000009999", "ORD1");
    for _ in 0..2 {
        assert_eq!(gateway.ask(&unknown).await.code(), "9528");
    }
    assert_limited(&gateway.ask(&unknown).await, "9002", "1");
    assert_eq!(gateway.status(&payment).await.0, "3");
    // Somebody else who pretends to be it does not use it up.
    time.advance(SECOND);
    assert_eq!(gateway.ask(&unknown.clone().signed_by(OTHERSHOP1)).await.code(), "9525");
    assert_eq!(gateway.ask(&unknown).await.code(), "9528");
}

#[tokio::test]
async fn transactions_asked_for_in_vain_are_limited_per_address_too() {
    let (gateway, _) = limited(Rates { address_misses: burst(3), ..UNLIMITED }).await;
    gateway.add_merchant(OTHERSHOP1, "Other").await;
    let ask = async |account: crate::support::merchant::Account, address: &str| {
        let unknown = inquiry("GERAITEST103203105051000009999", "ORD1").set("iMid", account.imid).signed_by(account);
        gateway.send(&Request::post(INQUIRY, unknown.to_json()).header("X-Forwarded-For", address)).await
    };
    for account in [GERAITEST1, OTHERSHOP1, GERAITEST1] {
        assert_eq!(ask(account, "203.0.113.7").await.code(), "9528");
    }
    assert_limited(&ask(OTHERSHOP1, "203.0.113.7").await, "9002", "1");
    assert_eq!(ask(OTHERSHOP1, "203.0.113.8").await.code(), "9528");
}

#[tokio::test]
async fn a_sandbox_limits_nothing_unless_it_is_asked_to() {
    let gateway = Gateway::sandbox().await;
    let mut connection = Connection::open(gateway.addr).await;
    let address = Rates::default().address.unwrap();
    for _ in 0..address.burst.get() + 100 {
        connection.write(&Request::new("GET", "/nowhere").bytes()).await;
        assert_eq!(connection.answer().await.unwrap().status, 404);
    }
}
