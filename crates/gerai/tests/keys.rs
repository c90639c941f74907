//! Keys that change while everything goes on: merchant keys, webhook secrets and chains' secrets with their overlaps
//! (rule 13, S24), and the master key that seals them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what it expects by failing")]

mod support;

use gerai_protocol::{MerchantKey, MitraCd, notification_token};
use http::HeaderMap;
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use support::receiver::{Came, Receiver};
use support::{INDOMARET, Order, Registered, Said, Server, Shop, Till, gerai, http, run, text, tomorrow_at};
use tempfile::TempDir;

const OLD_KEY: &str = "gerai-sandbox-key";
const OLD_WEBHOOK_SECRET: &str = "whsec_Z2VyYWktc2FuZGJveC1nZXJhaXRlc3QxLXNlY3JldDE=";

/// A sandbox whose clock stands still, tomorrow at ten.
struct Sandbox {
    server: Server,
    folder: TempDir,
}

impl Sandbox {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::sandbox(&folder.path().join("data"));
        server.clock(json!({ "set": tomorrow_at("10:00:00"), "freeze": true })).await;
        Self { server, folder }
    }

    fn say(&self, arguments: &str) -> Said {
        let data = self.folder.path().join("data").display().to_string();
        run(arguments.split(' ').chain(["--data", &data]))
    }

    async fn advance(&self, by: &str) {
        self.server.clock(json!({ "advance": by })).await;
    }

    async fn paid(&self, reference: &str, url: &str) -> Registered {
        let order = Order::at(MitraCd::Indo, reference, url);
        let (_, answer) = self.server.post(order.path(), current(self).registration(&order)).await;
        let pay_no = text(&answer, "payNo").to_owned();
        INDOMARET.payment(&pay_no, 10_000, "T1").must(&http(), &self.server.url, "2002500").await;
        Registered { t_xid: text(&answer, "tXid").to_owned(), pay_no }
    }
}

/// The merchant with the key in force, whatever it is.
fn current(sandbox: &Sandbox) -> Shop {
    let shown = sandbox.say("merchant show GERAITEST1 --key --json").done().json();
    Shop::new("GERAITEST1", text(&shown, "merchantKey"))
}

/// Tries again until it is so: a running server notices within moments what the command line has written.
async fn soon(what: &str, mut so: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !so().await {
        assert!(begun.elapsed() < Duration::from_secs(10), "still not: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What a shop's inquiry is answered.
async fn inquiry(server: &Server, shop: &Shop, order: &Order, registered: &Registered) -> String {
    let body = shop.inquiry(&registered.t_xid, &order.reference_no, order.amt);
    let (status, answer) = server.post("/nicepay/direct/v2/inquiry", body).await;
    assert_eq!(status, 200, "{answer}");
    text(&answer, "resultCd").to_owned()
}

#[tokio::test]
async fn during_a_key_rotations_overlap_both_keys_count_and_the_old_one_signs_rule_13_s24() {
    let sandbox = Sandbox::start().await;
    let well = Arc::new(AtomicBool::new(false));
    let receiver = {
        let well = Arc::clone(&well);
        Receiver::start(move |_| if well.load(Ordering::Relaxed) { 200 } else { 500 }).await
    };
    let old = Shop::geraitest1();
    let order = Order::at(MitraCd::Indo, "ORD-1", &receiver.url);
    let registered = old.register(&sandbox.server, &order).await;
    let rotated = sandbox.say("merchant rotate-key GERAITEST1 --overlap 1h --json").done().json();
    let new_key = text(&rotated, "merchantKey").to_owned();
    let new = Shop::new("GERAITEST1", &new_key);
    assert_eq!(text(&rotated, "oldKeyCountsUntil"), tomorrow_at("11:00:00"));
    let (server, asked) = (&sandbox.server, &registered);
    soon("the new key counts", async || inquiry(server, &new, &order, asked).await == "0000").await;

    // Every call takes either.
    for (shop, reference) in [(&old, "BY-OLD"), (&new, "BY-NEW")] {
        let order = Order::at(MitraCd::Alma, reference, &receiver.url);
        let registered = shop.register(server, &order).await;
        for asks in [&old, &new] {
            assert_eq!(inquiry(server, asks, &order, &registered).await, "0000");
        }
        let (_, answer) = server.post("/nicepay/direct/v2/cancel", shop.cancel(&registered.t_xid, 10_000)).await;
        assert_eq!(text(&answer, "resultCd"), "0000", "{answer}");
    }

    // The notification is refused again and again: it is signed anew each time, with the old key until the overlap
    // ends and with the new one after that.
    INDOMARET.payment(&registered.pay_no, 10_000, "T1").must(&http(), &server.url, "2002500").await;
    // What is due now is attempted first.
    sandbox.advance("PT0S").await;
    for _ in 0..4 {
        sandbox.advance("PT30M").await;
    }
    sandbox.advance("PT4H").await;
    let token =
        |key: &str| notification_token("GERAITEST1", &registered.t_xid, "10000", &MerchantKey::new(key.to_owned()));
    let signed: Vec<bool> = receiver
        .came()
        .iter()
        .map(|came| {
            let by_new = came.field("merchantToken") == token(&new_key);
            assert!(by_new || came.field("merchantToken") == token(OLD_KEY), "signed by nobody: {came:?}");
            by_new
        })
        .collect();
    // After 10 s, 30 s, 2 min, 10 min, 30 min it is 10:42; the next one is an hour later.
    assert_eq!(signed.iter().filter(|by_new| !**by_new).count(), 6, "{signed:?}");
    assert!(signed.is_sorted() && signed.len() >= 8, "{signed:?}");

    assert_ne!(inquiry(server, &old, &order, &registered).await, "0000");
    assert_eq!(inquiry(server, &new, &order, &registered).await, "0000");
    let shown = sandbox.say("merchant show GERAITEST1").done().out;
    assert!(!shown.contains(&new_key) && !shown.contains(OLD_KEY), "{shown}");
}

#[tokio::test]
async fn a_rotation_within_an_overlap_is_refused_unless_it_is_meant() {
    let sandbox = Sandbox::start().await;
    let (server, url) = (&sandbox.server, "https://shop.example/n");
    let order = Order::at(MitraCd::Indo, "ORD-1", url);
    let registered = Shop::geraitest1().register(server, &order).await;
    let rotate = |options: &str| sandbox.say(&format!("merchant rotate-key GERAITEST1 {options} --json"));
    let shop = |said: Said| Shop::new("GERAITEST1", text(&said.json(), "merchantKey"));
    let second = shop(rotate("--overlap 1h").done());
    let refused = rotate("--overlap 1h").refused();
    assert!(refused.err.contains("11:00:00 WIB") && refused.err.contains("--force"), "{refused:?}");
    assert_eq!(inquiry(server, &Shop::geraitest1(), &order, &registered).await, "0000", "nothing has changed");

    let third = shop(rotate("--overlap 1h --force").done());
    soon("the third key counts", async || inquiry(server, &third, &order, &registered).await == "0000").await;
    assert_eq!(inquiry(server, &second, &order, &registered).await, "0000");
    assert_ne!(inquiry(server, &Shop::geraitest1(), &order, &registered).await, "0000");
    // A key that has leaked ends at once.
    let fourth = shop(rotate("--no-overlap").done());
    soon("the fourth key counts", async || inquiry(server, &fourth, &order, &registered).await == "0000").await;
    for gone in [&second, &third] {
        assert_ne!(inquiry(server, gone, &order, &registered).await, "0000");
    }
    assert_eq!(rotate("--overlap 1h --no-overlap").code, 2);
}

fn verifies(came: &Came, secret: &str) -> bool {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("webhook-id", &came.webhook_id),
        ("webhook-timestamp", &came.webhook_timestamp),
        ("webhook-signature", &came.webhook_signature),
    ] {
        headers.insert(name, value.parse().unwrap());
    }
    Webhook::new(secret).unwrap().verify(came.body.as_bytes(), &headers).is_ok()
}

#[tokio::test]
async fn during_a_webhook_secrets_overlap_either_verifies_a_notification_rule_13() {
    let sandbox = Sandbox::start().await;
    let receiver = Receiver::start(|_| 200).await;
    let rotated = sandbox.say("merchant rotate-webhook-secret GERAITEST1 --overlap 1h --json").done().json();
    let new = text(&rotated, "webhookSecret").to_owned();
    assert!(new.starts_with("whsec_") && new != OLD_WEBHOOK_SECRET);
    assert_eq!(text(&rotated, "oldWebhookSecretSignsUntil"), tomorrow_at("11:00:00"));
    assert_eq!(text(&rotated, "merchantKey"), OLD_KEY, "the merchant key is another matter");
    let count = AtomicUsize::new(0);
    let next = async || {
        let number = count.fetch_add(1, Ordering::Relaxed);
        sandbox.paid(&format!("ORD-{number}"), &receiver.url).await;
        soon("it is told", async || receiver.came().len() > number).await;
        receiver.came().pop().unwrap()
    };
    soon("the server signs with both", async || next().await.webhook_signature.contains(' ')).await;
    let both = next().await;
    assert!(verifies(&both, OLD_WEBHOOK_SECRET) && verifies(&both, &new), "{both:?}");
    sandbox.advance("PT61M").await;
    let after = next().await;
    assert!(!verifies(&after, OLD_WEBHOOK_SECRET) && verifies(&after, &new), "{after:?}");
    assert!(!after.webhook_signature.contains(' '), "{after:?}");
}

#[tokio::test]
async fn a_chains_secret_overlaps_and_a_chain_is_switched_off_and_on() {
    let sandbox = Sandbox::start().await;
    let (client, url) = (http(), sandbox.server.url.clone());
    let order = Order::at(MitraCd::Indo, "ORD-1", "https://shop.example/n");
    let number = Shop::geraitest1().register(&sandbox.server, &order).await.pay_no;
    let code = async |till: Till| {
        let (_, answer) = till.inquiry(&number).send(&client, &url).await.unwrap();
        text(&answer, "responseCode").to_owned()
    };
    let rotated = sandbox.say("partner rotate-secret INDO --overlap 1h --json").done().json();
    let secret = text(&rotated, "secret").to_owned();
    assert_eq!(text(&rotated, "oldSecretCountsUntil"), tomorrow_at("11:00:00"));
    let new = INDOMARET.with_secret(&secret);
    soon("the new secret counts", async || code(new).await == "2002400").await;
    assert_eq!(code(INDOMARET).await, "2002400", "and so does the old one");
    assert_eq!(code(INDOMARET.with_secret("another")).await, "4012400");
    // Nobody sees it a second time.
    for command in ["partner list", "partner list --json", "partner show INDO", "partner show INDO --json"] {
        let out = sandbox.say(command).done().out;
        assert!(out.contains("INDO") && !out.contains(&secret) && !out.contains("indo-sandbox-secret"), "{out}");
    }
    let refused = sandbox.say("partner rotate-secret INDO").refused();
    assert!(refused.err.contains("--force"), "{refused:?}");
    sandbox.advance("PT61M").await;
    assert_eq!((code(INDOMARET).await, code(new).await), ("4012400".into(), "2002400".into()));

    new.payment(&number, 10_000, "T1").must(&client, &url, "2002500").await;
    let off = sandbox.say("partner disable INDO --json").done().json();
    assert_eq!((off["enabled"].as_bool(), off.get("secret")), (Some(false), None));
    soon("it is switched off", async || code(new).await == "4032415").await;
    assert!(sandbox.say("partner list").done().out.contains("INDO  off"));
    // What was taken before can still be taken back.
    new.reversal(&number, "T1").must(&client, &url, "2002700").await;
    sandbox.say("partner enable INDO").done();
    soon("it is switched on", async || code(new).await == "2002400").await;
    let there = sandbox.say("partner add INDO").refused();
    assert!(there.err.contains("rotate-secret"), "{there:?}");
    assert_eq!(sandbox.say("partner show KIOSK").code, 2);
}

/// A gateway for real, in a folder of its own.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        std::fs::write(place.path("master.key"), "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n").unwrap();
        std::fs::set_permissions(place.path("master.key"), std::fs::Permissions::from_mode(0o600)).unwrap();
        let example = run(["serve", "--example"]).done().out;
        let adjusted = example
            .replace("127.0.0.1:8080", "127.0.0.1:0")
            .replace("/var/lib/gerai/gerai.db", &place.path("gerai.db").display().to_string())
            .replace("/etc/gerai/master.key", &place.path("master.key").display().to_string());
        std::fs::write(place.path("gerai.toml"), adjusted).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = gerai();
        command.args(arguments.split(' ')).arg("--config").arg(self.path("gerai.toml"));
        command
    }

    fn say(&self, arguments: &str) -> Said {
        Said::of(&mut self.command(arguments))
    }

    fn serve(&self) -> Server {
        Server::start_gateway(self.command("serve"))
    }

    fn shop(&self) -> Shop {
        let added = self.say("merchant add TOKOKOPI01 --name Kopi --json").done().json();
        Shop::new("TOKOKOPI01", text(&added, "merchantKey"))
    }

    fn key_lines(&self) -> Vec<String> {
        std::fs::read_to_string(self.path("master.key")).unwrap().lines().map(str::to_owned).collect()
    }
}

#[tokio::test]
async fn a_gateway_gets_its_chains_by_the_command_line() {
    let place = Place::new();
    let server = place.serve();
    assert!(place.say("partner list").done().out.contains("gerai partner add"));
    let unknown = place.say("partner rotate-secret INDO").refused();
    assert!(unknown.err.contains("gerai partner add"), "{unknown:?}");
    let added = place.say("partner add INDO --json").done().json();
    let till = INDOMARET.with_secret(text(&added, "secret"));
    let (client, number) = (http(), "112345678903");
    let code = async |till: Till| {
        let (_, answer) = till.inquiry(number).send(&client, &server.url).await.unwrap();
        text(&answer, "responseCode").to_owned()
    };
    soon("the chain can call", async || code(till).await == "4042412").await;
    assert_eq!(code(INDOMARET).await, "4012400", "the sandbox's secret is nobody's here");
    // One that the chain has drawn.
    std::fs::write(place.path("secret"), "drawn-by-the-chain-itself\n").unwrap();
    let file = place.path("secret").display().to_string();
    place.say(&format!("partner rotate-secret INDO --no-overlap --secret-file {file}")).done();
    let drawn = INDOMARET.with_secret("drawn-by-the-chain-itself");
    soon("the chain's own secret counts", async || code(drawn).await == "4042412").await;
    assert_eq!(code(till).await, "4012400");
    server.stop();
}

#[tokio::test]
async fn a_chain_that_is_switched_off_while_its_new_secret_is_waited_for_stays_off() {
    let place = Place::new();
    place.say("partner add ALMA").done();
    let mut rotation = place
        .command("partner rotate-secret ALMA --secret-file - --json")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // It has the database open once it has read what it needs, and waits for the secret.
    let open = || {
        let files = std::fs::read_dir(format!("/proc/{}/fd", rotation.id())).unwrap();
        files
            .flatten()
            .filter_map(|file| std::fs::read_link(file.path()).ok())
            .any(|file| file == place.path("gerai.db"))
    };
    soon("it has the database open", async || open()).await;
    place.say("partner disable ALMA").done();
    rotation.stdin.take().unwrap().write_all(b"drawn-by-the-chain-itself\n").unwrap();
    let rotated = rotation.wait_with_output().unwrap();
    assert!(rotated.status.success());
    let rotated: Value = serde_json::from_slice(&rotated.stdout).unwrap();
    assert_eq!((&rotated["secret"], &rotated["enabled"]), (&json!("drawn-by-the-chain-itself"), &json!(false)));
    assert_eq!(place.say("partner show ALMA --json").done().json()["enabled"], json!(false));
}

/// A shop that registers and asks without a pause; whatever is not answered well is a failure.
struct Traffic {
    stop: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<usize>,
}

impl Traffic {
    fn start(server: &Server, shop: &Shop) -> Self {
        static ROUND: AtomicUsize = AtomicUsize::new(0);
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, shop, url) = (Arc::clone(&stop), shop.clone(), server.url.clone());
        let round = ROUND.fetch_add(1, Ordering::Relaxed);
        let task = tokio::spawn(async move {
            let client = http();
            let mut count = 0;
            while !stopped.load(Ordering::Relaxed) {
                let order = Order::at(MitraCd::Alma, &format!("T-{round}-{count}"), "https://shop.example/n");
                let body = shop.registration(&order);
                let (_, answer) = support::post(&client, &url, order.path(), body).await.expect("an answer");
                assert_eq!(text(&answer, "resultCd"), "0000", "{answer}");
                let body = shop.inquiry(text(&answer, "tXid"), &order.reference_no, order.amt);
                let asked = support::post(&client, &url, "/nicepay/direct/v2/inquiry", body).await.expect("an answer");
                assert_eq!(text(&asked.1, "resultCd"), "0000", "{}", asked.1);
                count += 1;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            count
        });
        Self { stop, task }
    }

    async fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        assert!(self.task.await.unwrap() > 0, "nothing was asked meanwhile");
    }
}

/// The merchant's key as a command reads it that is started now.
fn merchant_key(place: &Place) -> String {
    text(&place.say("merchant show TOKOKOPI01 --key --json").done().json(), "merchantKey").to_owned()
}

/// A server that is started now serves the shop.
async fn opens(place: &Place, shop: &Shop, reference: &str) {
    let server = place.serve();
    shop.register(&server, &Order::at(MitraCd::Alma, reference, "https://shop.example/n")).await;
    server.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_master_key_is_rotated_while_the_server_goes_on() {
    let place = Place::new();
    let server = place.serve();
    let shop = place.shop();
    let key = merchant_key(&place);
    place.say("merchant rotate-key TOKOKOPI01 --overlap 3d").done();
    place.say("partner add ALMA").done();
    let first = place.key_lines();
    let traffic = Traffic::start(&server, &shop);

    let said = place.say("master-key rotate").done();
    assert!(said.out.contains("5 secrets sealed anew"), "{said:?}");
    let second = place.key_lines();
    assert_eq!((first.len(), second.len()), (1, 1));
    assert_ne!(first, second);
    assert!(!said.out.contains(&second[0]) && !said.out.contains(&first[0]), "{said:?}");
    let mode = std::fs::metadata(place.path("master.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o007, 0, "{mode:o}");

    // Both go on: the server serves, also whom the command line adds now, and keys that were rotated still overlap.
    let added = place.say("merchant add TOKOTEH001 --name Teh --json").done().json();
    let other = Shop::new("TOKOTEH001", text(&added, "merchantKey"));
    other.register(&server, &Order::at(MitraCd::Indo, "ORD-1", "https://shop.example/n")).await;
    let rotated = place.say("master-key rotate --keep-old --json").done().json();
    assert_eq!((rotated["resealed"].as_u64(), rotated["oldKept"].as_bool()), (Some(7), Some(true)));
    let third = place.key_lines();
    assert_eq!((third.len(), &third[1]), (2, &second[0]));
    let shown = place.say("master-key show --json").done().json();
    let keys: Vec<_> = shown["keys"].as_array().unwrap().iter().map(|key| (&key["inForce"], &key["secrets"])).collect();
    assert_eq!(keys, [(&json!(true), &json!(7)), (&json!(false), &json!(0))], "{shown}");
    assert_eq!(text(&shown["keys"][0], "id"), text(&rotated, "key"));
    place.say("master-key rotate").done();
    assert_eq!(place.key_lines().len(), 1, "what was kept goes with the next one");
    traffic.end().await;
    let log = server.stop();
    assert!(!log.contains("\"level\":\"ERROR\""), "{log}");

    // And a server that is started with the new key alone has everything.
    opens(&place, &shop, "AFTER").await;
    assert_ne!(merchant_key(&place), key, "it was rotated before");
    std::fs::write(place.path("master.key"), first.join("\n")).unwrap();
    let refused = place.say("merchant list").refused();
    assert!(refused.err.contains("the master key is not the one"), "{refused:?}");
}

/// Starts a rotation, reads what it says until `reached`, and kills it there.
fn kill_when(place: &Place, reached: &str) {
    let mut child = place.command("master-key rotate").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        if line.unwrap().contains(reached) {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wherever_a_rotation_is_killed_everything_opens_and_the_next_one_finishes_it() {
    let place = Place::new();
    let server = place.serve();
    let shop = place.shop();
    let key = merchant_key(&place);
    let traffic = Traffic::start(&server, &shop);
    let check = |when: &str| {
        let lines = place.key_lines();
        assert!((1..=2).contains(&lines.len()), "{when}: {}", lines.len());
        assert_eq!(merchant_key(&place), key, "{when}");
        let done = place.say("master-key rotate").done();
        assert!(done.out.contains("3 secrets sealed anew"), "{when}: {done:?}");
        assert_eq!(place.key_lines().len(), 1, "{when}");
        assert_eq!(merchant_key(&place), key, "{when}");
    };
    for reached in ["added to", "sealed anew", "taken out"] {
        kill_when(&place, reached);
        check(reached);
    }
    // After the file was written, and before anything else: somebody else holds the database.
    let database = rusqlite::Connection::open(place.path("gerai.db")).unwrap();
    database.busy_timeout(Duration::from_secs(5)).unwrap();
    database.execute_batch("BEGIN IMMEDIATE").unwrap();
    kill_when(&place, "added to");
    database.execute_batch("COMMIT").unwrap();
    assert_eq!(place.key_lines().len(), 2);
    let done = place.say("master-key rotate").done();
    assert!(done.out.contains("cut off is taken up"), "{done:?}");
    check("before the announcement");
    traffic.end().await;
    // While it waits for a server that does not answer.
    let signal = |name: &str| {
        let sent = Command::new("sh").arg("-c").arg(format!("kill -{name} {}", server.id())).status().unwrap();
        assert!(sent.success());
    };
    // It must not stop in the middle of a transaction, which would keep everybody out.
    database.busy_timeout(Duration::from_millis(200)).unwrap();
    loop {
        signal("STOP");
        if database.execute_batch("BEGIN IMMEDIATE; ROLLBACK").is_ok() {
            break;
        }
        signal("CONT");
    }
    let mut waiting = place.command("master-key rotate").stdout(Stdio::null()).spawn().unwrap();
    let announced = || -> i64 {
        let sql = "SELECT count(*) FROM settings WHERE name = 'master-key-next'";
        database.query_row(sql, [], |row| row.get(0)).unwrap()
    };
    soon("it waits for the server", async || announced() == 1).await;
    waiting.kill().unwrap();
    waiting.wait().unwrap();
    signal("CONT");
    check("while it waits for the server");
    // And at any other moment.
    for pause_ms in (0..80).step_by(4) {
        let mut child = place.command("master-key rotate").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(pause_ms));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(merchant_key(&place), key, "killed after {pause_ms} ms");
    }
    check("after many");
    let order = Order::at(MitraCd::Alma, "LAST", "https://shop.example/n");
    shop.register(&server, &order).await;
    server.stop();
    opens(&place, &shop, "ANEW").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_in_the_environment_is_rotated_with_two_restarts_and_the_command_says_how() {
    let place = Place::new();
    let old = place.key_lines().remove(0);
    let new = "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=";
    let both = format!("{new} {old}");
    let shop = place.shop();
    let with = |arguments: &str, keys: &str| {
        let mut command = place.command(arguments);
        command.env("GERAI_MASTER_KEY", keys);
        command
    };
    let refused = Said::of(&mut with("master-key rotate", &old)).refused();
    for part in ["GERAI_MASTER_KEY", "master_key_file", "master-key reseal", "openssl rand -base64 32"] {
        assert!(refused.err.contains(part), "{part} in {}", refused.err);
    }
    assert!(!refused.err.contains(&old));
    let server = Server::start_gateway(with("serve", &both));
    let traffic = Traffic::start(&server, &shop);
    let resealed = Said::of(&mut with("master-key reseal --json", &both)).done().json();
    assert_eq!(resealed["resealed"].as_u64(), Some(3));
    traffic.end().await;
    server.stop();
    let server = Server::start_gateway(with("serve", new));
    shop.register(&server, &Order::at(MitraCd::Alma, "AFTER", "https://shop.example/n")).await;
    server.stop();
    assert_eq!(place.key_lines(), [old], "the file is not touched");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_that_the_running_server_cannot_follow_is_taken_back() {
    let place = Place::new();
    let before = place.key_lines();
    let file = place.path("master.key");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o440)).unwrap();
    let shop = place.shop();
    // The server has its key from elsewhere, and does not know of the file.
    let mut command = place.command("serve");
    command.env("GERAI_MASTER_KEY", &before[0]);
    let server = Server::start_gateway(command);
    let refused = place.say("master-key rotate").refused();
    assert!(refused.err.contains("running server") && refused.err.contains("GERAI_MASTER_KEY"), "{refused:?}");
    assert_eq!(place.key_lines(), before);
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o440);
    shop.register(&server, &Order::at(MitraCd::Alma, "ORD-1", "https://shop.example/n")).await;
    server.stop();
    let shown = place.say("master-key show --json").done().json();
    assert_eq!((shown["keys"].as_array().map(Vec::len), &shown["unopened"]), (Some(1), &Value::from(0)));
    // With the server gone, nobody has to follow.
    place.say("master-key rotate").done();
    assert_ne!(place.key_lines(), before);
    opens(&place, &shop, "AFTER").await;
}

#[test]
fn a_key_file_that_everybody_may_read_is_not_rotated_and_stays_as_it_is() {
    let place = Place::new();
    let before = place.key_lines();
    let rights = |mode| std::fs::set_permissions(place.path("master.key"), std::fs::Permissions::from_mode(mode));
    rights(0o644).unwrap();
    let refused = place.say("master-key rotate").refused();
    for part in ["master.key", "chown", "chmod 600"] {
        assert!(refused.err.contains(part), "{part} in {refused:?}");
    }
    assert_eq!(place.key_lines(), before);
    let mode = std::fs::metadata(place.path("master.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o644, "{mode:o}");
    rights(0o600).unwrap();
    place.say("master-key rotate").done();
    assert_ne!(place.key_lines(), before);
}

#[test]
fn a_rotation_adds_no_key_to_a_file_that_could_not_be_read_with_one_more() {
    let place = Place::new();
    let mut lines = place.key_lines();
    lines.extend((1..16).map(|i| format!("{i:064x}")));
    std::fs::write(place.path("master.key"), lines.join("\n")).unwrap();
    let refused = place.say("master-key rotate --keep-old").refused();
    assert!(refused.err.contains("holds 16 keys") && refused.err.contains("master-key show"), "{refused:?}");
    assert_eq!(place.key_lines(), lines);
    place.say("merchant list").done();
    // With one less there is room.
    lines.pop();
    std::fs::write(place.path("master.key"), lines.join("\n")).unwrap();
    place.say("master-key rotate --keep-old").done();
    assert_eq!(place.key_lines().len(), 16);
    place.say("merchant list").done();
}

#[tokio::test]
async fn a_sandboxs_master_key_can_be_rotated_too() {
    let sandbox = Sandbox::start().await;
    let said = sandbox.say("master-key rotate").done();
    assert!(said.out.contains("7 secrets sealed anew"), "{said:?}");
    let order = Order::at(MitraCd::Indo, "ORD-1", "https://shop.example/n");
    Shop::geraitest1().register(&sandbox.server, &order).await;
}

#[test]
fn the_key_commands_help_has_examples_and_wrong_usage_ends_with_2() {
    for command in ["partner", "master-key"] {
        let help = run([command, "--help"]).done().out;
        assert!(help.contains("Example:") && help.contains(&format!("gerai {command}")), "{help}");
    }
    for arguments in ["partner", "partner add", "partner enable KIOSK", "master-key", "master-key rotate now"] {
        let said = run(arguments.split(' '));
        assert_eq!(said.code, 2, "{arguments}: {said:?}");
    }
}
