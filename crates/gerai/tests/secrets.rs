//! Secrets stay where they belong: a bit of everything is run through the built program with its log at its most
//! talkative, and then every key, secret and token is looked for in all that it wrote, counted and traced, as it is and
//! in whatever dress it might have got there.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what it expects by failing")]

mod support;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use gerai_domain::{Actor, Chain};
use gerai_ledger::{Deed, Ledger, MasterKey, PartnerAccount, SqliteLedger, SqliteSettings};
use gerai_protocol::MitraCd;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use support::collector::{Collector, holds};
use support::place::{MASTER_KEY, Place};
use support::receiver::Receiver;
use support::{ALFAMART, INDOMARET, IONPAYTEST_KEY, Order, PATIENCE, Said, Server, Shop, gerai, http, post, text};

/// What must be found nowhere.
#[derive(Default)]
struct Secrets(Vec<(String, Vec<u8>)>);

impl Secrets {
    fn add(&mut self, name: &str, secret: &str) {
        assert!(secret.len() >= 8, "{name} is too short to be looked for: {secret}");
        self.0.push((name.to_owned(), secret.as_bytes().to_vec()));
    }

    /// A secret that is written in base64 is one in its raw bytes too.
    fn add_base64(&mut self, name: &str, secret: &str) {
        self.add(name, secret);
        let raw = STANDARD.decode(secret.trim_start_matches("whsec_").trim_start_matches("v1,")).unwrap();
        self.0.push((format!("{name}, raw"), raw));
    }

    /// The token of a merchant's request, or any field of it that is one.
    fn add_token(&mut self, name: &str, body: &str) {
        let body: Value = serde_json::from_str(body).unwrap();
        self.add(name, text(&body, "merchantToken"));
    }

    #[track_caller]
    fn are_not_in(&self, place: &str, said: &[u8]) {
        let said = said.to_ascii_lowercase();
        for (name, secret) in &self.0 {
            for dress in dresses(secret) {
                assert!(!holds(&said, &dress.to_ascii_lowercase()), "{name} is in {place}");
            }
        }
    }
}

/// A secret as it is, in hexadecimal, percent-encoded, and in base64 at each of the three places that it can have in
/// something longer.
fn dresses(secret: &[u8]) -> Vec<Vec<u8>> {
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let encoded: String = url::form_urlencoded::byte_serialize(secret).collect();
    let escaped: String = secret.escape_ascii().to_string();
    let mut all = vec![secret.to_vec(), hex.into_bytes(), encoded.into_bytes(), escaped.into_bytes()];
    for before in 0..3 {
        let mut longer = vec![0; before];
        longer.extend_from_slice(secret);
        for engine in [STANDARD, URL_SAFE] {
            let text = engine.encode(&longer);
            // What its neighbours have a part in is left out: at the front what the padding reaches, at the end the rest.
            let (front, end) = ([0, 2, 3][before], longer.len() / 3 * 4);
            all.push(text.as_bytes()[front..end].to_vec());
        }
    }
    all
}

#[test]
fn a_secret_is_found_in_whatever_dress() {
    let mut secrets = Secrets::default();
    secrets.add("the key", "sëcret/key+1");
    for (dress, said) in [
        ("as it is", "x sëcret/key+1 y".to_owned()),
        ("in capitals", "SëCRET/KEY+1".to_owned()),
        ("in hexadecimal", "73C3AB637265742F6B65792B31".to_owned()),
        ("percent-encoded", "k=s%C3%ABcret%2Fkey%2B1&".to_owned()),
        ("base64", STANDARD.encode("sëcret/key+1")),
        ("base64 behind one byte", STANDARD.encode("xsëcret/key+1 and more")),
        ("base64 behind two", URL_SAFE.encode("xysëcret/key+1")),
        ("as bytes in a log", format!("{:?}", String::from_utf8_lossy("sëcret/key+1".as_bytes()))),
    ] {
        let found = std::panic::catch_unwind(|| secrets.are_not_in("a place", said.as_bytes()));
        assert!(found.is_err(), "{dress}");
    }
    secrets.are_not_in("another", b"nothing of it: cret/key+");
}

/// What a merchant's bad day looks like: right and wrong registrations, inquiries and cancels.
async fn merchants_day(server: &Server, shop: &Shop, key: &str, url: &str, secrets: &mut Secrets) -> (String, String) {
    let client = http();
    let impostor = Shop::new(&shop.imid, "an impostor's own key");
    secrets.add("an impostor's key", "an impostor's own key");
    let order = Order::at(MitraCd::Alma, "SECRET-1", url);
    let registered = shop.register(server, &order).await;
    let right = shop.registration(&order);
    secrets.add_token("the token of a registration", &right);
    let mut bodies = vec![(order.path(), right.clone())];
    for (what, body) in [
        ("a wrong token", impostor.registration(&order)),
        ("another content", shop.registration(&Order { amt: 20_000, ..order.clone() })),
        (
            "an internal address",
            shop.registration(&Order { db_process_url: "http://10.0.0.1/n".into(), ..order.clone() }),
        ),
    ] {
        secrets.add_token(what, &body);
        bodies.push((order.path(), body));
    }
    let t_xid = &registered.t_xid;
    for body in [shop.inquiry(t_xid, &order.reference_no, order.amt), impostor.inquiry(t_xid, "SECRET-1", 1)] {
        secrets.add_token("the token of an inquiry", &body);
        bodies.push(("/nicepay/direct/v2/inquiry", body));
    }
    for body in [shop.cancel(t_xid, 1), impostor.cancel(t_xid, order.amt)] {
        secrets.add_token("the token of a cancel", &body);
        bodies.push(("/nicepay/direct/v2/cancel", body));
    }
    // The key itself, where it does not belong: in a field, in a path, in a query, as what is no JSON.
    bodies.push((order.path(), right.replace("Siti Aminah", key)));
    bodies.push((order.path(), right.replace("SECRET-1", key)));
    bodies.push((order.path(), key.to_owned()));
    bodies.push((order.path(), right[..right.len() - 3].to_owned()));
    for (path, body) in bodies {
        post(&client, &server.url, path, body).await.unwrap();
    }
    let query: String = url::form_urlencoded::byte_serialize(key.as_bytes()).collect();
    server.get(&format!("/nicepay/redirect/v2/payment?key={query}")).await;
    let request = client.get(format!("{}/nowhere", server.url));
    request
        .header("authorization", format!("Bearer {query}"))
        .header("cookie", format!("s={query}"))
        .send()
        .await
        .unwrap();
    (registered.t_xid, registered.pay_no)
}

/// The numbers and traces after the day, and all that was written.
async fn look_everywhere(server: Server, collector: Option<&Collector>, secrets: &Secrets) {
    let (status, metrics) = server.get("/metrics").await;
    assert!(status == 200 && metrics.contains("gerai_answers_total"));
    secrets.are_not_in("the metrics", metrics.as_bytes());
    let out = server.out();
    secrets.are_not_in("standard output", out.as_bytes());
    let log = tokio::task::spawn_blocking(|| server.stop()).await.unwrap();
    assert!(log.contains("direct_registration") && log.contains("TRACE"), "it is talkative: {log}");
    secrets.are_not_in("the log", log.as_bytes());
    if let Some(collector) = collector {
        let traces = collector.bytes();
        assert!(holds(&traces, b"direct_registration"));
        secrets.are_not_in("the traces", &traces);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s22_a_sandbox_tells_no_secret() {
    let mut secrets = Secrets::default();
    secrets.add_base64("IONPAYTEST's key", IONPAYTEST_KEY);
    secrets.add("GERAITEST1's key", "gerai-sandbox-key");
    secrets.add("the Alfa group's secret", "alma-sandbox-secret");
    secrets.add("Indomaret's secret", "indo-sandbox-secret");
    for secret in
        ["whsec_Z2VyYWktc2FuZGJveC1pb25wYXl0ZXN0LXNlY3JldDE=", "whsec_Z2VyYWktc2FuZGJveC1nZXJhaXRlc3QxLXNlY3JldDE="]
    {
        secrets.add_base64("a webhook secret", secret);
    }
    // Notifications go to an address that holds a secret of the merchant's own, and are refused at first.
    let receiver = Receiver::start(|n| if n == 0 { 500 } else { 200 }).await;
    secrets.add("the merchant's own", "merchants-own-secret");
    let url = format!("{}?pass=merchants-own-secret", receiver.url);
    let folder = tempfile::tempdir().unwrap();
    let mut command = gerai();
    command.args(["sandbox", "--listen", "127.0.0.1:0", "--log", "json", "--log-level", "trace", "--limits", "--data"]);
    let server = Server::start_sandbox({
        command.arg(folder.path());
        command
    });
    let master = std::fs::read_to_string(folder.path().join("master.key")).unwrap();
    secrets.add_base64("the master key", master.trim());
    server.clock(json!({ "set": support::tomorrow_at("10:00:00") })).await;

    let (client, shop) = (http(), Shop::geraitest1());
    let (t_xid, pay_no) = merchants_day(&server, &shop, "gerai-sandbox-key", &url, &mut secrets).await;
    let auto = Order::at(MitraCd::Indo, "SECRET-AUTO", &url);
    secrets.add_token("an AutoPaid registration's", &Shop::ionpaytest().registration(&auto));
    Shop::ionpaytest().register(&server, &auto).await;
    for (ask, code) in [
        (ALFAMART.inquiry(&pay_no), "2002400"),
        (ALFAMART.inquiry("1"), "4042412"),
        (INDOMARET.inquiry(&pay_no), "4032415"),
        (ALFAMART.payment(&pay_no, 1, "T"), "4042513"),
        (ALFAMART.payment(&pay_no, 10_000, "T"), "2002500"),
        (ALFAMART.commit(&pay_no, "T"), "2002600"),
        (ALFAMART.reversal(&pay_no, "T"), "2002700"),
    ] {
        ask.must(&client, &server.url, code).await;
    }
    // A till's signature that is not its own, and headers that are none.
    for signature in ["alma-sandbox-secret", "gerai-sandbox-key", "MDAwMDAwMDA="] {
        let request = client.post(format!("{}/store/v1/inquiry", server.url)).body("{}");
        let request = request.header("x-partner-id", "ALMA").header("x-timestamp", "2026-01-01T10:00:00+07:00");
        let status = request.header("x-signature", signature).send().await.unwrap().status().as_u16();
        assert_eq!(status, 401);
    }
    server.clock(json!({ "advance": "PT1H" })).await;
    let begun = Instant::now();
    while receiver.came().len() < 4 {
        assert!(begun.elapsed() < PATIENCE, "{:?}\n{}", receiver.came(), server.err());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for came in receiver.came() {
        secrets.add("a notification's token", came.field("merchantToken"));
    }
    let (_, sent) = server.get(&format!("/sandbox/v1/notifications?tXid={t_xid}")).await;
    let sent: Value = serde_json::from_str(&sent).unwrap();
    let signature = text(&sent["notifications"][0]["attempts"][0]["headers"], "webhook-signature").to_owned();
    secrets.add_base64("a notification's signature", &signature);
    while server.get("/nowhere").await.0 == 404 {}
    look_everywhere(server, None, &secrets).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s22_a_gateway_tells_no_secret_to_its_log_its_metrics_or_its_traces() {
    let collector = Collector::start().await;
    let place = Place::new().with(|config| format!("{config}\n[traces]\nendpoint = \"{}\"\n", collector.endpoint));
    let mut secrets = Secrets::default();
    secrets.add_base64("the master key", MASTER_KEY);
    let added = place.merchant("add TOKOKOPI01 --name Kopi --json").done().json();
    let key = text(&added, "merchantKey").to_owned();
    secrets.add("the merchant's key", &key);
    secrets.add_base64("the webhook secret", text(&added, "webhookSecret"));
    let beside =
        SqliteLedger::open(SqliteSettings::beside(place.path("gerai.db")), MasterKey::parse(MASTER_KEY).unwrap());
    let partner =
        |chain, secret: &str| PartnerAccount { chain, enabled: true, secret: secret.into(), retired_secret: None };
    let beside = beside.unwrap();
    let deed = Deed::new(&Actor::Operator("test".into()), Timestamp::UNIX_EPOCH, "chain-added", "ALMA");
    assert!(beside.add_partner(partner(Chain::Alma, "alma-sandbox-secret"), deed).await.unwrap());
    drop(beside);
    secrets.add("the Alfa group's secret", "alma-sandbox-secret");

    let mut command = place.command();
    command.args(["--log-level", "trace"]);
    let server = Server::start_gateway(command);
    let (client, shop) = (http(), Shop::new("TOKOKOPI01", &key));
    let url = "https://shop.invalid/n?pass=merchants-own-secret";
    secrets.add("the merchant's own", "merchants-own-secret");
    let (_, pay_no) = merchants_day(&server, &shop, &key, url, &mut secrets).await;
    // Open or closed, by the hour of day.
    for ask in [
        ALFAMART.inquiry(&pay_no),
        ALFAMART.payment(&pay_no, 10_000, "T"),
        ALFAMART.commit(&pay_no, "T"),
        ALFAMART.reversal(&pay_no, "T"),
        INDOMARET.inquiry(&pay_no),
    ] {
        ask.send(&client, &server.url).await.unwrap();
    }
    look_everywhere(server, Some(&collector), &secrets).await;
    // And what it does not start with is no place for them either.
    let place = place.with(|config| config.replace("[rates]", "[rates]\nx = 1"));
    let refused = Said::of(place.command().env("GERAI_MASTER_KEY", MASTER_KEY)).refused();
    secrets.are_not_in("a refusal to start", format!("{refused:?}").as_bytes());
}
