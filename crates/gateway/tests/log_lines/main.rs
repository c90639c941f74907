//! The log: one line for each request, with the outcome (S22), and no secret anywhere. In a binary of its own, since
//! what listens to the log listens to the whole process.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what it expects by failing")]

#[path = "../support/mod.rs"]
mod support;

use gerai_gateway::Settings;
use gerai_ledger::Ledger;
use parking_lot::Mutex;
use serde_json::Value;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;
use support::client::{Answer, Connection, Request};
use support::merchant::{DIRECT, GERAITEST1, IONPAYTEST, cancel, direct, direct_of, inquiry, redirect};
use support::office::{PASSWORD, PAYMENTS, shown_once};
use support::receiver::Receiver;
use support::store::{ALMA, INDO, LOOK, PAY, Partner};
use support::{Gateway, sandbox_settings, until};
use tracing_subscriber::fmt::MakeWriter;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;
    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().clone()).unwrap()
    }

    /// The one line of a request.
    fn line_of(&self, answer: &Answer) -> Value {
        let id = answer.header("x-request-id").unwrap();
        let lines: Vec<Value> = self
            .text()
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            .filter(|line| line["target"] == "gerai::request" && line["fields"]["request_id"] == id)
            .collect();
        assert_eq!(lines.len(), 1, "{lines:?}");
        lines[0]["fields"].clone()
    }
}

fn assert_line(log: &Log, answer: &Answer, call: &str, code: &str, tx_id: Option<&str>) {
    let line = log.line_of(answer);
    assert_eq!((line["call"].as_str(), line["code"].as_str()), (Some(call), Some(code)), "{line}");
    assert_eq!(line["tx_id"].as_str(), tx_id, "{line}");
    assert_eq!(line["status"], answer.status, "{line}");
    assert!(line["took_us"].is_u64() && line["path"].is_string() && line["method"].is_string(), "{line}");
}

#[tokio::test]
async fn s22_each_request_has_one_line_with_its_outcome_and_no_secret_is_ever_logged() {
    let log = Log::default();
    tracing_subscriber::fmt()
        .json()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(log.clone())
        .init();
    let receiver = Receiver::answering(&[500]).await;
    let settings = Settings { body_timeout: Duration::from_millis(500), ..sandbox_settings() };
    let gateway = Gateway::with(settings).await;
    gateway.freeze_at("2031-05-05T10:00:00").await;
    let to = |body: support::merchant::Body| body.set("dbProcessUrl", receiver.url.clone());

    let registered = to(direct("ORD1").set("mitraCd", "ALMA"));
    let answer = gateway.ask_done(&registered).await;
    let (tx_id, pay_no) = (answer.field("tXid"), answer.field("payNo"));
    assert_line(&log, &answer, "direct_registration", "0000", Some(&tx_id));
    assert_eq!(log.line_of(&answer)["imid"], "GERAITEST1");
    assert_eq!(log.line_of(&answer)["pay_no"], pay_no.as_str());
    let answer = gateway.ask_done(&to(redirect("ORD2"))).await;
    assert_line(&log, &answer, "redirect_registration", "0000", Some(&answer.field("tXid")));
    let wrong = "deadbeef".repeat(8);
    let answer = gateway.ask(&direct("ORD3").set("merchantToken", wrong.clone())).await;
    assert_line(&log, &answer, "direct_registration", "9010", None);
    let asked = inquiry(&tx_id, "ORD1");
    assert_line(&log, &gateway.ask(&asked).await, "inquiry", "0000", Some(&tx_id));
    let none = inquiry("GERAITEST103203105051000009999", "ORD1");
    assert_line(&log, &gateway.ask(&none).await, "inquiry", "9528", Some("GERAITEST103203105051000009999"));
    let answer = gateway.post(DIRECT, "nonsense").await;
    assert_line(&log, &answer, "direct_registration", "9001", None);

    let pay = ALMA.request(PAY, &ALMA.pay_body(&pay_no, "T1"));
    let looked = gateway.look(ALMA, &pay_no).await;
    assert_line(&log, &looked, "store_inquiry", "2002400", Some(&tx_id));
    assert_line(&log, &gateway.send(&pay).await, "store_payment", "2002500", Some(&tx_id));
    assert_line(&log, &gateway.commit(ALMA, &pay_no, "T1").await, "store_commit", "2002600", Some(&tx_id));
    let refused = gateway.ask(&cancel(&tx_id)).await;
    assert_line(&log, &refused, "cancel", "9314", Some(&tx_id));
    assert_line(&log, &gateway.reverse(ALMA, &pay_no, "T1").await, "store_reversal", "2002700", Some(&tx_id));
    let forger = Partner { secret: "a-guessed-secret", ..INDO };
    let forged = forger.request(LOOK, &INDO.look_body(&pay_no));
    assert_line(&log, &gateway.send(&forged).await, "store_inquiry", "4012400", None);
    let lost = gateway.send(&Request::new("GET", "/nowhere?merchantToken=in-a-query")).await;
    assert_line(&log, &lost, "unknown", "9001", None);
    // What is refused before it is a request of anybody's has its line too, and says where it came from.
    let refused = [
        (Request::new("PUT", DIRECT), 405, "9001"),
        (Request::post(DIRECT, "[]"), 400, "9001"),
        (Request::post(DIRECT, vec![b' '; 65 * 1024]), 413, "9001"),
    ];
    let mut answers = Vec::new();
    for (request, status, code) in refused {
        answers.push((gateway.send(&request).await, status, code));
    }
    let mut stalled = Connection::open(gateway.addr).await;
    stalled.write(format!("POST {DIRECT} HTTP/1.1\r\nHost: g\r\nContent-Length: 10\r\n\r\n{{").as_bytes()).await;
    answers.push((stalled.answer().await.unwrap(), 408, "9001"));
    for (answer, status, code) in answers {
        assert_eq!(answer.status, status, "{}", answer.text());
        let line = log.line_of(&answer);
        assert_eq!((line["code"].as_str(), line["client"].as_str()), (Some(code), Some("127.0.0.1")), "{line}");
    }
    // Nor is a client forgotten that hangs up while its request is carried out; here the disk keeps it waiting.
    let disk = rusqlite::Connection::open(gateway.database()).unwrap();
    disk.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut gone = Connection::open(gateway.addr).await;
    let queued = gateway.ledger.stats().queued();
    gone.write(&Request::post(DIRECT, direct("GONE").to_json()).bytes()).await;
    until("it is under way", async || gateway.ledger.stats().queued() > queued).await;
    drop(gone);
    until("its line", async || log.text().contains(r#""not answered""#)).await;
    drop(disk);
    let text = log.text();
    let line = text.lines().find(|line| line.contains(r#""not answered""#)).unwrap();
    let line: Value = serde_json::from_str::<Value>(line).unwrap()["fields"].take();
    assert_eq!((line["status"].as_u64(), line["call"].as_str()), (Some(499), Some("direct_registration")), "{line}");
    assert_eq!((line["client"].as_str(), line["path"].as_str()), (Some("127.0.0.1"), Some(DIRECT)), "{line}");

    let office = gateway.operator().await;
    let mistyped = "a-mistyped-password";
    assert_line(&log, &gateway.try_to_sign_in("rini", mistyped).await, "back_office", "wrong_password", None);
    assert_line(&log, &office.get(PAYMENTS).await, "back_office", "page", None);
    assert_line(&log, &gateway.get(PAYMENTS).await, "back_office", "sign_in_first", None);
    assert_line(&log, &office.get(&format!("{PAYMENTS}/x?q=Amalina")).await, "back_office", "not_found", None);
    let form_token = office.token().await;
    // What the back office draws is shown on a page, once.
    let terms = [("name", "Toko Kopi"), ("period", "7d"), ("direct", "on"), ("chain", "INDO"), ("imid", "TOKOKOPI01")];
    let added = office.post("/office/merchants/add", &terms).await;
    let user = office.post("/office/users/add", &[("name", "budi"), ("role", "operator")]).await;
    let renewed = office.post("/office/users/named/budi/password", &[]).await;
    let drawn = [(&added, "merchant-key"), (&added, "webhook-secret"), (&user, "password"), (&renewed, "password")];
    let drawn = drawn.map(|(answer, id)| shown_once(answer, id));

    let auto = to(direct_of(IONPAYTEST, "AUTO"));
    gateway.ask_done(&auto).await;
    gateway.advance("P1D").await;
    let received = receiver.wait_for(4).await;
    let log = log.text();
    assert!(log.lines().count() > 20 && log.contains("gerai::request"));
    let mut secrets = vec![
        GERAITEST1.key.to_owned(),
        IONPAYTEST.key.to_owned(),
        ALMA.secret.to_owned(),
        INDO.secret.to_owned(),
        forger.secret.to_owned(),
        "Z2VyYWktc2FuZGJveC1nZXJhaXRlc3QxLXNlY3JldDE".to_owned(),
        "Z2VyYWktc2FuZGJveC1pb25wYXl0ZXN0LXNlY3JldDE".to_owned(),
        "in-a-query".to_owned(),
        PASSWORD.to_owned(),
        mistyped.to_owned(),
        "argon2id".to_owned(),
        office.cookie.split_once('=').unwrap().1.to_owned(),
        form_token,
        wrong,
        registered.token(),
        asked.token(),
        auto.token(),
        cancel(&tx_id).token(),
    ];
    secrets.extend([&pay, &forged].map(|request| request.headers.last().unwrap().1.clone()));
    secrets.extend(drawn);
    for one in &received {
        secrets.push(one.field("merchantToken"));
        secrets.push(one.header("webhook-signature").trim_start_matches("v1,").to_owned());
    }
    // Nor the buyer.
    secrets.extend(["sinta@example.com", "812-3456", "Melati", "Amalina"].map(str::to_owned));
    for secret in secrets {
        assert!(secret.len() > 5);
        let found = log.lines().find(|line| line.to_lowercase().contains(&secret.to_lowercase()));
        assert_eq!(found, None, "{secret}");
    }
}
