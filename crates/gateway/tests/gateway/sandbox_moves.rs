//! Moves of the sandbox's clock under difficulties: receivers that hang, a disk that does not write, a client that hangs
//! up. Every moment on the way is passed through all the same, and the answer comes in time.

use crate::support::client::{Connection, Request};
use crate::support::merchant::{GERAITEST1, IONPAYTEST, Registered, direct, direct_of};
use crate::support::receiver::Receiver;
use crate::support::store::{ALMA, INDO};
use crate::support::{Gateway, PATIENCE, sandbox_settings, until};
use axum::Router;
use axum::http::StatusCode;
use gerai_domain::wib;
use gerai_gateway::Settings;
use gerai_ledger::{Ledger, SqliteSettings};
use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection as Database;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

const CLOCK: &str = "/sandbox/v1/clock";

/// A receiver that takes connections and never answers, while the listener is there.
async fn hanging() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/notify", listener.local_addr().unwrap());
    (listener, url)
}

/// A receiver that takes its time, and then refuses.
async fn slow_to_refuse(pause: Duration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/notify", listener.local_addr().unwrap());
    let router = Router::new().fallback(move || async move {
        tokio::time::sleep(pause).await;
        StatusCode::INTERNAL_SERVER_ERROR
    });
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

fn impatient(patience: Duration) -> Settings {
    Settings { move_patience: patience, ..sandbox_settings() }
}

async fn frozen(settings: Settings) -> Gateway {
    let gateway = Gateway::with(settings).await;
    gateway.freeze_at("2031-05-05T10:00:00").await;
    gateway
}

/// When each event of a payment was, and what it was.
async fn timeline(gateway: &Gateway, payment: &Registered) -> Vec<String> {
    let history = gateway.ledger.history(&payment.tx_id.parse().unwrap()).await.unwrap();
    let names = gateway.events(&payment.tx_id).await;
    history.iter().zip(names).map(|(event, name)| format!("{} {name}", wib::time(event.at))).collect()
}

fn attempts(notification: &Value) -> Vec<&str> {
    notification["attempts"].as_array().unwrap().iter().map(|one| &one["at"].as_str().unwrap()[11..19]).collect()
}

#[tokio::test]
async fn what_is_due_already_is_attempted_before_the_clock_moves() {
    let url = slow_to_refuse(Duration::from_millis(300)).await;
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let payment = gateway.registered(&direct("ORD1").set("dbProcessUrl", url)).await;
    gateway.pay_whole(INDO, &payment.pay_no, "T1").await;
    // At once: the first attempt has only just begun.
    gateway.advance("PT1M").await;
    let list = gateway.notifications(&payment.tx_id).await;
    assert_eq!(attempts(&list[0]), ["10:00:00", "10:00:10", "10:00:40"]);
}

#[tokio::test]
async fn every_moment_is_passed_through_also_when_a_receiver_hangs() {
    let (_listener, url) = hanging().await;
    let gateway = frozen(impatient(Duration::from_millis(500))).await;
    let to = |account, reference| direct_of(account, reference).set("dbProcessUrl", url.clone());
    let first = gateway.registered(&to(IONPAYTEST, "FIRST")).await;
    gateway.advance("PT1S").await;
    let second = gateway.registered(&to(IONPAYTEST, "SECOND").set("mitraCd", "ALMA")).await;
    let expiring = to(GERAITEST1, "EXPIRES").set("payValidDt", "20310505").set("payValidTm", "110000");
    let expiring = gateway.registered(&expiring).await;
    let lapsing = gateway.registered(&to(GERAITEST1, "LAPSES").set("mitraCd", "ALMA")).await;
    assert_eq!(gateway.pay(ALMA, &lapsing.pay_no, "T1").await.code(), "2002500");
    gateway.advance("P8D").await;
    let target: Timestamp = "2031-05-13T10:00:01+07:00".parse().unwrap();
    until("the clock is there", async || gateway.now().await == target).await;
    assert_eq!(timeline(&gateway, &first).await, ["100000 registered", "100010 taken"]);
    assert_eq!(timeline(&gateway, &second).await, ["100001 registered", "100011 taken", "100011 committed"]);
    assert_eq!(timeline(&gateway, &expiring).await, ["100001 registered", "110001 expired"]);
    let lapsed = timeline(&gateway, &lapsing).await;
    assert_eq!(lapsed, ["100001 registered", "100001 taken", "100502 commit_lapsed", "100002 expired"]);
}

#[tokio::test]
async fn a_running_clock_that_runs_on_during_a_move_is_not_put_back() {
    let (_listener, url) = hanging().await;
    let gateway = Gateway::with(impatient(Duration::from_millis(2_500))).await;
    gateway.registered(&direct_of(IONPAYTEST, "ORD1").set("dbProcessUrl", url)).await;
    let begun = gateway.now().await;
    // The payment is made on the way, ten seconds from now; while its receiver hangs, the clock passes the target.
    let advance = async { gateway.advance("PT11S").await.field("now").parse::<Timestamp>().unwrap() };
    let watch = async {
        let mut shown = begun;
        loop {
            let now = gateway.now().await;
            assert!(now >= shown, "from {shown} back to {now}");
            shown = now;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let now = tokio::select! { now = advance => now, () = watch => begun };
    let went = now.duration_since(begun);
    assert!(went > SignedDuration::from_millis(11_500), "{went}");
}

#[tokio::test]
async fn a_move_is_answered_in_five_seconds_though_a_receiver_hangs_for_ten() {
    let (_listener, url) = hanging().await;
    let gateway = frozen(sandbox_settings()).await;
    let payment = gateway.registered(&direct("ORD1").set("dbProcessUrl", url)).await;
    gateway.pay_whole(INDO, &payment.pay_no, "T1").await;
    let asked = Instant::now();
    let moved = gateway.advance("P1D").await;
    assert!(asked.elapsed() < Duration::from_secs(9), "{:?}", asked.elapsed());
    assert_eq!(moved.field("now"), "2031-05-06T10:00:00+07:00");
}

#[tokio::test]
async fn a_move_that_takes_longer_than_its_answer_goes_on_and_no_second_one_begins_meanwhile() {
    let ledger = |usual| SqliteSettings { busy: PATIENCE, ..usual };
    let gateway = Gateway::with_ledger(impatient(Duration::from_millis(300)), ledger).await;
    gateway.freeze_at("2031-05-05T10:00:00").await;
    let auto = gateway.registered(&direct_of(IONPAYTEST, "AUTO")).await;
    let disk = Database::open(gateway.database()).unwrap();
    disk.busy_timeout(Duration::from_secs(5)).unwrap();
    disk.execute_batch("BEGIN IMMEDIATE").unwrap();
    let asked = Instant::now();
    let first = gateway.advance("PT1H").await;
    assert_eq!(first.json(), json!({ "now": "2031-05-05T10:00:00+07:00", "frozen": true }), "how far it has come");
    let second = gateway.post(CLOCK, r#"{"advance":"PT1H"}"#).await;
    assert_eq!(second.status, 503, "{}", second.text());
    assert!(second.field("error").contains("try again"), "{}", second.text());
    assert!(asked.elapsed() < PATIENCE / 2, "{:?}", asked.elapsed());
    drop(disk);
    let target: Timestamp = "2031-05-05T11:00:00+07:00".parse().unwrap();
    until("the clock is there", async || gateway.now().await == target).await;
    // The lock is let go a moment later.
    until("it can be moved again", async || gateway.post(CLOCK, r#"{"advance":"PT1S"}"#).await.status == 200).await;
    // Had the second move been put off rather than refused, it would never stand there.
    let next = target + SignedDuration::from_secs(1);
    until("it has moved by that second", async || gateway.now().await == next).await;
    assert_eq!(timeline(&gateway, &auto).await, ["100000 registered", "100010 taken"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_goes_on_to_its_end_when_the_client_hangs_up_and_is_kept_over_a_restart() {
    let (_listener, url) = hanging().await;
    let seen = Receiver::start().await;
    let mut settings = impatient(Duration::from_secs(1));
    settings.delivery.timeout = Duration::from_secs(1);
    let gateway = frozen(settings.clone()).await;
    gateway.registered(&direct_of(IONPAYTEST, "SEEN").set("dbProcessUrl", seen.url.clone())).await;
    gateway.advance("PT1S").await;
    let late = gateway.registered(&direct_of(IONPAYTEST, "LATE").set("dbProcessUrl", url)).await;
    let mut client = Connection::open(gateway.addr).await;
    client.write(&Request::post(CLOCK, r#"{"advance":"P3D"}"#).bytes()).await;
    // It is under way: the first payment has been made.
    seen.wait_for(1).await;
    drop(client);
    let target: Timestamp = "2031-05-08T10:00:01+07:00".parse().unwrap();
    until("the clock is there", async || gateway.now().await == target).await;
    assert_eq!(timeline(&gateway, &late).await, ["100001 registered", "100011 taken"]);
    until("the move is over", async || gateway.post(CLOCK, r#"{"advance":"PT0S"}"#).await.status == 200).await;
    let gateway = gateway.restart(settings).await;
    assert_eq!(gateway.now().await, target);
}

#[tokio::test]
async fn a_move_that_fails_on_the_way_is_kept_as_far_as_it_came() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    gateway.registered(&direct_of(IONPAYTEST, "ORD1")).await;
    // A disk that takes everything but payments.
    let disk = Database::open(gateway.database()).unwrap();
    let trigger = "CREATE TRIGGER worn BEFORE UPDATE ON payments BEGIN SELECT RAISE(ABORT, 'worn out'); END";
    disk.execute_batch(trigger).unwrap();
    let answer = gateway.post(CLOCK, r#"{"advance":"PT1H"}"#).await;
    assert_eq!(answer.status, 503, "{}", answer.text());
    let stands = gateway.now().await;
    assert_eq!(stands, "2031-05-05T10:00:10+07:00".parse().unwrap());
    disk.execute_batch("DROP TRIGGER worn").unwrap();
    drop(disk);
    let gateway = gateway.restart(sandbox_settings()).await;
    assert_eq!(gateway.now().await, stands);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_12_no_payment_is_given_up_because_two_came_to_pay_it() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let mut payments = Vec::new();
    for n in 0..250 {
        let body = direct_of(IONPAYTEST, &format!("ORD{n}")).set("mitraCd", "ALMA");
        payments.push(gateway.registered(&body).await);
    }
    // This takes longer than the wait between two looks of the gateway's own.
    gateway.advance("PT10S").await;
    until("all are paid", async || {
        let mut events = Vec::new();
        for payment in &payments {
            events.extend(gateway.events(&payment.tx_id).await);
        }
        let given_up = events.iter().filter(|event| event.contains("given_up")).count();
        assert_eq!(given_up, 0);
        events.iter().filter(|event| *event == "committed").count() == payments.len()
    })
    .await;
}
