//! What somebody does in the first quarter of an hour, typed as they would type it: start the sandbox, paste its `curl`,
//! be the cashier, move the clock, add a merchant. The numbers of the source's statements (S5 …) and of the payment
//! rules (rule 1 …) stand beside what they ask for.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what it expects by failing")]

mod support;

use gerai_protocol::{MitraCd, notification_token};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use support::{IONPAYTEST_KEY, Order, Said, Server, Shop, gerai, run, text, tomorrow_at};
use tempfile::TempDir;

/// A sandbox in a folder of its own, which goes with it.
struct Trial {
    server: Server,
    folder: TempDir,
}

impl Trial {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { server: Server::sandbox(&folder.path().join("data")), folder }
    }

    /// One whose clock stands still, tomorrow at this time of day.
    async fn start_at(time: &str) -> Self {
        let trial = Self::start();
        trial.server.clock(json!({ "set": tomorrow_at(time), "freeze": true })).await;
        trial
    }

    fn data(&self) -> String {
        self.folder.path().join("data").display().to_string()
    }

    fn inbox(&self) -> String {
        format!("{}/sandbox/v1/inbox/shop", self.server.url)
    }

    /// `gerai store …` with a journal of its own.
    fn store(&self, arguments: &str) -> Said {
        let mut command = gerai();
        command.arg("store").args(arguments.split(' ')).args(["--url", &self.server.url]);
        Said::of(command.arg("--journal").arg(self.folder.path().join("till.json")))
    }

    fn clock(&self, arguments: &str) -> Said {
        run(["clock"].into_iter().chain(arguments.split(' ')).chain(["--url", &self.server.url]))
    }

    fn merchant(&self, arguments: &str) -> Said {
        run(["merchant"].into_iter().chain(arguments.split(' ')).chain(["--data", &self.data()]))
    }

    async fn messages(&self) -> Vec<Value> {
        let (_, answer) = self.server.get("/sandbox/v1/inbox/shop").await;
        let answer: Value = serde_json::from_str(&answer).unwrap();
        answer["messages"].as_array().unwrap().clone()
    }

    /// Waits for so many messages in the inbox.
    async fn wait_for_messages(&self, count: usize) -> Vec<Value> {
        let begun = Instant::now();
        loop {
            let messages = self.messages().await;
            if messages.len() >= count || begun.elapsed() > Duration::from_secs(10) {
                assert_eq!(messages.len(), count, "{messages:?}");
                return messages;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Carries out a `curl` of the banner: by `curl` itself where there is one, otherwise its address and `-d` are posted.
async fn paste(server: &Server, line: &str) -> Value {
    if Command::new("curl").arg("--version").output().is_ok() {
        let said = Said::of(Command::new("sh").arg("-c").arg(line).env_remove("http_proxy")).done();
        return said.json();
    }
    let url = line.split_whitespace().find(|word| word.starts_with("http://")).unwrap();
    let path = url.strip_prefix(&server.url).unwrap();
    match line.split_once(" -d '") {
        Some((_, body)) => server.post(path, body.strip_suffix('\'').unwrap().to_owned()).await.1,
        None => serde_json::from_str(&server.get(path).await.1).unwrap(),
    }
}

fn lines_with<'a>(banner: &'a str, beginning: &str) -> Vec<&'a str> {
    banner.lines().filter(|line| line.starts_with(beginning)).collect()
}

fn is_digits(text: &str, count: usize) -> bool {
    text.len() == count && text.bytes().all(|b| b.is_ascii_digit())
}

#[tokio::test]
async fn the_banners_own_curl_registers_a_payment_that_is_paid_by_itself_and_announced_s5_s6_s12_s13() {
    let trial = Trial::start();
    let banner = trial.server.out();
    let [register, look] = lines_with(&banner, "curl ")[..] else { panic!("two curls in {banner}") };
    let answer = paste(&trial.server, register).await;
    assert_eq!(text(&answer, "resultCd"), "0000", "{answer}");
    let (t_xid, pay_no) = (text(&answer, "tXid"), text(&answer, "payNo"));
    assert!(t_xid.starts_with("IONPAYTEST03") && is_digits(&t_xid[12..], 18), "{t_xid}");
    assert!(is_digits(pay_no, 12) && pay_no.starts_with('1'), "{pay_no}");

    let moved = trial.clock("advance 10s").done();
    assert!(moved.out.contains("+07:00"), "{moved:?}");

    let shop = Shop::ionpaytest();
    let inquiry = shop.inquiry(t_xid, text(&answer, "referenceNo"), 10_000);
    let (_, asked) = trial.server.post("/nicepay/direct/v2/inquiry", inquiry).await;
    assert_eq!((text(&asked, "status"), text(&asked, "resultMsg")), ("0", "paid"), "{asked}");

    let inbox = paste(&trial.server, look).await;
    let [message] = &inbox["messages"].as_array().unwrap()[..] else { panic!("one message in {inbox}") };
    let fields = &message["fields"];
    assert_eq!((text(fields, "status"), text(fields, "tXid"), text(fields, "payNo")), ("0", t_xid, pay_no));
    assert_eq!(text(fields, "merchantToken"), notification_token("IONPAYTEST", t_xid, "10000", &shop.key));
    assert_eq!(text(fields, "receiptCode"), text(&asked, "receiptCode"));
    trial.server.stop();
}

#[tokio::test]
async fn an_autopaid_payment_waits_its_ten_seconds_and_no_other_is_paid_by_itself_s5_rule_12() {
    // Opening hours do not bind the simulated store.
    let trial = Trial::start_at("23:30:00").await;
    let order = Order::at(MitraCd::Alma, "AUTO-1", &trial.inbox());
    let (auto, other) = (Shop::ionpaytest(), Shop::geraitest1());
    let paid = auto.register(&trial.server, &order).await;
    let unpaid = other.register(&trial.server, &order).await;
    trial.clock("advance 9s").done();
    assert_eq!(auto.status(&trial.server, &order, &paid).await, "3");
    assert_eq!(trial.messages().await.len(), 0);
    trial.clock("advance 1s").done();
    assert_eq!(auto.status(&trial.server, &order, &paid).await, "0");
    assert_eq!(trial.wait_for_messages(1).await.len(), 1);
    trial.clock("advance 1h").done();
    assert_eq!(other.status(&trial.server, &order, &unpaid).await, "3");
    assert_eq!(trial.messages().await.len(), 1);
}

#[tokio::test]
async fn banner_and_log_hold_no_key_and_name_the_command_that_shows_one() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut command = gerai();
    command.args(["sandbox", "--listen", "127.0.0.1:0", "--log-level", "trace", "--data"]).arg(&data);
    let server = Server::start_sandbox(command);
    // Something for the log to speak of.
    let inbox = format!("{}/sandbox/v1/inbox/shop", server.url);
    server.clock(json!({ "set": tomorrow_at("10:00:00") })).await;
    let order = Order::at(MitraCd::Alma, "ORD-1", &inbox);
    Shop::ionpaytest().register(&server, &order).await;
    server.clock(json!({ "advance": "10s" })).await;
    let registered = Shop::geraitest1().register(&server, &order).await;
    let till = support::ALFAMART;
    till.payment(&registered.pay_no, 10_000, "T1").must(&support::http(), &server.url, "2002500").await;

    let banner = server.out();
    let master_key = std::fs::read_to_string(data.join("master.key")).unwrap();
    let (_, show_key) = banner.split_once("their keys: ").unwrap();
    let said = Said::of(Command::new("sh").arg("-c").arg(show_key.lines().next().unwrap())).done();
    assert!(said.out.contains(IONPAYTEST_KEY), "{said:?}");
    let log = server.stop();
    assert!(log.contains("direct_registration") && log.contains("TRACE"), "the log says too little");
    let shown = format!("{banner}{log}");
    for secret in [
        IONPAYTEST_KEY,
        "Z2VyYWktc2FuZGJveC1pb25wYXl0ZXN0LXNlY3JldDE",
        "gerai-sandbox-key",
        "Z2VyYWktc2FuZGJveC1nZXJhaXRlc3QxLXNlY3JldDE",
        "alma-sandbox-secret",
        "indo-sandbox-secret",
        master_key.trim(),
    ] {
        assert!(!shown.contains(secret), "{secret} is shown");
    }
    assert!(banner.contains("IONPAYTEST") && banner.contains("GERAITEST1"), "{banner}");
}

#[test]
fn the_banners_commands_can_be_pasted_whatever_the_folder_is_called() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::sandbox(&folder.path().join("Budi's data"));
    let banner = server.out();
    let (_, show_key) = banner.split_once("their keys: ").unwrap();
    let said = Said::of(Command::new("sh").arg("-c").arg(show_key.lines().next().unwrap())).done();
    assert!(said.out.contains(IONPAYTEST_KEY), "{said:?}");
}

#[test]
fn a_key_is_shown_on_request_alone() {
    let trial = Trial::start();
    let shown = trial.merchant("show IONPAYTEST --key").done();
    assert!(shown.out.contains(IONPAYTEST_KEY), "{shown:?}");
    assert!(shown.out.contains("whsec_Z2VyYWktc2FuZGJveC1pb25wYXl0ZXN0LXNlY3JldDE="), "{shown:?}");
    let shown = trial.merchant("show IONPAYTEST --key --json").done().json();
    assert_eq!(text(&shown, "merchantKey"), IONPAYTEST_KEY);
    for arguments in ["show IONPAYTEST", "show IONPAYTEST --json", "list", "list --json", "set IONPAYTEST --period 3d"]
    {
        let said = trial.merchant(arguments).done();
        assert!(said.out.contains("IONPAYTEST"), "{said:?}");
        for secret in [IONPAYTEST_KEY, "gerai-sandbox-key", "whsec_", "merchantKey"] {
            assert!(!said.out.contains(secret) && !said.err.contains(secret), "{said:?}");
        }
    }
}

#[tokio::test]
async fn at_alfamart_a_cashier_leads_a_payment_from_3_over_5_to_0_and_back_s9_s10_s11_s14_rule_7() {
    let trial = Trial::start_at("10:00:00").await;
    let shop = Shop::geraitest1();
    let order = Order::at(MitraCd::Alma, "ORD-ALFA", &trial.inbox());
    let registered = shop.register(&trial.server, &order).await;
    let number = &registered.pay_no;
    assert_eq!(shop.status(&trial.server, &order, &registered).await, "3");

    // In groups of four, as the customer reads it out.
    let groups = format!("{} {} {}", &number[..4], &number[4..8], &number[8..]);
    let looked = trial.store(&format!("inquiry {groups}")).done();
    for said in ["NICEPAY - Gerai Test", "Rp 10.000", "Kopi Gayo 250 g", "Si** Am****"] {
        assert!(looked.out.contains(said), "{said} in {}", looked.out);
    }
    assert!(!looked.out.contains("Siti Aminah"), "{}", looked.out);
    assert_eq!(shop.status(&trial.server, &order, &registered).await, "3");

    let paid = trial.store(&format!("pay {number}")).done();
    assert!(paid.out.contains("READY_TO_COMMIT") && paid.out.contains("Not paid yet"), "{}", paid.out);
    assert_eq!(shop.status(&trial.server, &order, &registered).await, "5");
    assert_eq!(trial.messages().await.len(), 0);

    let committed = trial.store(&format!("commit {number}")).done();
    assert!(committed.out.contains("Status         PAID"), "{}", committed.out);
    let asked = shop.ask(&trial.server, &order, &registered).await;
    let receipt_code = text(&asked, "receiptCode");
    assert_eq!(text(&asked, "status"), "0");
    for receipt in [&paid.out, &committed.out] {
        let printed: Vec<&str> = receipt.lines().filter(|line| line.starts_with("| ")).collect();
        assert!(!printed.is_empty() && printed.iter().all(|line| line.chars().count() == 44), "{receipt}");
        let printed = printed.join("\n");
        for said in ["NICEPAY - Gerai Test", receipt_code, number, "10.000"] {
            assert!(printed.replace(' ', "").contains(&said.replace(' ', "")), "{said} in {printed}");
        }
    }
    let messages = trial.wait_for_messages(1).await;
    assert_eq!(text(&messages[0]["fields"], "status"), "0");

    // It is paid, and that is what the next counter hears.
    let again = trial.store(&format!("pay {number}")).refused();
    assert!(again.err.contains("4042414") && again.err.contains("paid already"), "{again:?}");

    let reversed = trial.store(&format!("reverse {number}")).done();
    assert!(reversed.out.contains("REVERSED"), "{}", reversed.out);
    assert_eq!(shop.status(&trial.server, &order, &registered).await, "3");
    let messages = trial.wait_for_messages(2).await;
    assert_eq!(text(&messages[1]["fields"], "status"), "1");
}

#[tokio::test]
async fn at_indomaret_one_step_pays_s9_s10_s11_s14_rule_7() {
    let trial = Trial::start_at("10:00:00").await;
    let shop = Shop::geraitest1();
    let order = Order::at(MitraCd::Indo, "ORD-INDO", &trial.inbox());
    let registered = shop.register(&trial.server, &order).await;
    assert_eq!(shop.status(&trial.server, &order, &registered).await, "3");
    let looked = trial.store(&format!("inquiry {} --brand INDOMARET", registered.pay_no)).done();
    assert!(looked.out.contains("NICEPAY - Gerai Test") && looked.out.contains("Rp 10.000"), "{}", looked.out);
    let paid = trial.store(&format!("pay {} --brand INDOMARET", registered.pay_no)).done();
    assert!(paid.out.contains("Status         PAID") && !paid.out.contains("Not paid yet"), "{}", paid.out);
    let asked = shop.ask(&trial.server, &order, &registered).await;
    assert_eq!(text(&asked, "status"), "0");
    assert!(paid.out.contains(text(&asked, "receiptCode")), "{}", paid.out);
    assert_eq!(trial.wait_for_messages(1).await.len(), 1);
}

#[tokio::test]
async fn a_refusal_at_the_counter_ends_with_1_its_code_and_a_sentence_s17_s18_s19() {
    let trial = Trial::start_at("10:00:00").await;
    let shop = Shop::geraitest1();
    let alma = shop.register(&trial.server, &Order::at(MitraCd::Alma, "R-1", &trial.inbox())).await.pay_no;
    let indo = shop.register(&trial.server, &Order::at(MitraCd::Indo, "R-2", &trial.inbox())).await.pay_no;
    let refused = |arguments: &str, code: &str, sentence: &str| {
        for arguments in [arguments.to_owned(), format!("{arguments} --json")] {
            let said = trial.store(&arguments).refused();
            let told = if arguments.ends_with("--json") {
                assert_eq!(said.err, "", "{arguments}");
                let answer = said.json();
                format!("{} {}", text(&answer, "responseCode"), text(&answer, "responseMessage"))
            } else {
                assert_eq!(said.out, "", "{arguments}");
                said.err
            };
            assert!(told.contains(code) && told.contains(sentence), "{arguments}: {told}");
        }
    };
    // The last digit checks the others: any other last digit is a mistyped number (rule 3).
    let last = alma.as_bytes()[11] - b'0';
    let mistyped = format!("{}{}", &alma[..11], (last + 1) % 10);
    refused(&format!("inquiry {mistyped}"), "4042412", "mistyped");
    refused(&format!("pay {mistyped}"), "4042412", "mistyped");
    refused("inquiry 123", "4042412", "12 digits");
    refused(&format!("inquiry {alma} --brand INDOMARET"), "4032415", "another store chain");
    refused(&format!("pay {indo} --brand LAWSON"), "4032415", "another store chain");
    refused(&format!("pay {alma} --amount 9999"), "4042513", "exactly");
    refused(&format!("commit {alma} --trace NONE"), "4042616", "No such attempt");
    let unnamed = trial.store(&format!("commit {indo}")).refused();
    assert!(unnamed.err.contains("--trace"), "{unnamed:?}");

    // 22:30: Alfamart and Alfamidi are closed, Indomaret and Lawson are not; 23:30: only Lawson is open.
    trial.clock(&format!("set {}", tomorrow_at("22:30:00"))).done();
    refused(&format!("inquiry {alma}"), "4032415", "Alfamart takes no payments now");
    refused(&format!("pay {alma} --brand ALFAMIDI"), "4032415", "Alfamidi takes no payments now");
    trial.store(&format!("inquiry {alma} --brand LAWSON")).done();
    trial.store(&format!("inquiry {indo} --brand INDOMARET")).done();
    trial.clock(&format!("set {}", tomorrow_at("23:30:00"))).done();
    refused(&format!("inquiry {indo} --brand INDOMARET"), "4032415", "Indomaret takes no payments now");
    // The way out that the refusal names.
    trial.clock("advance 8h").done();
    trial.store(&format!("pay {alma}")).done();
    // Nothing of all that was paid at the wrong place.
    trial.store(&format!("pay {indo} --brand INDOMARET")).done();
}

#[tokio::test]
async fn a_payment_refused_makes_the_till_forget_no_payment_taken() {
    let trial = Trial::start_at("10:00:00").await;
    let order = Order::at(MitraCd::Alma, "TWICE", &trial.inbox());
    let number = Shop::geraitest1().register(&trial.server, &order).await.pay_no;
    trial.store(&format!("pay {number} --amount 10000")).done();
    let again = trial.store(&format!("pay {number} --amount 10000")).refused();
    assert!(again.err.contains("4092505"), "{again:?}");
    // The commit is for the attempt that stands, without its name being given.
    trial.store(&format!("commit {number}")).done();
}

#[tokio::test]
async fn json_is_the_answer_as_the_gateway_gave_it() {
    let trial = Trial::start_at("10:00:00").await;
    let order = Order::at(MitraCd::Indo, "J-1", &trial.inbox());
    let number = Shop::geraitest1().register(&trial.server, &order).await.pay_no;
    let looked = trial.store(&format!("inquiry {number} --brand INDOMARET --json")).done().json();
    assert_eq!((text(&looked, "responseCode"), text(&looked, "payNo")), ("2002400", number.as_str()));
    assert_eq!(text(&looked["amount"], "value"), "10000.00");
    let paid = trial.store(&format!("pay {number} --brand INDOMARET --trace MINE --json")).done().json();
    assert_eq!((text(&paid, "status"), text(&paid, "traceNo")), ("PAID", "MINE"));
    assert!(paid["receipt"].as_array().is_some_and(|lines| !lines.is_empty()), "{paid}");
    let shown = trial.clock("show --json").done().json();
    assert_eq!((text(&shown, "now"), shown["frozen"].as_bool()), (tomorrow_at("10:00:00").as_str(), Some(true)));
}

#[test]
fn wrong_usage_ends_with_2() {
    for arguments in [
        "",
        "sell",
        "store",
        "store pay",
        "store pay 112345678905 --brand KIOSK",
        "sandbox --listen nowhere",
        "sandbox --listen 127.0.0.1:99999",
        "sandbox --ephemeral --data here",
        "merchant add SHORT --name Short",
        "merchant rotate-key IONPAYTEST --overlap soon",
        "clock",
        "clock advance",
        "serve --listen 127.0.0.1:1",
    ] {
        let said = run(arguments.split_whitespace());
        assert_eq!(said.code, 2, "{arguments}: {said:?}");
        assert!(!said.err.is_empty() && said.out.is_empty(), "{arguments}: {said:?}");
    }
}

#[test]
fn nobody_at_the_address_ends_with_3() {
    // A port that was free a moment ago.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    for arguments in ["clock show", "store inquiry 112345678905", "store pay 112345678905"] {
        let folder = tempfile::tempdir().unwrap();
        let mut command = gerai();
        command.args(arguments.split(' ')).args(["--url", &url]).env("XDG_STATE_HOME", folder.path());
        let said = Said::of(&mut command);
        assert_eq!(said.code, 3, "{arguments}: {said:?}");
        assert!(said.err.contains(&url) && said.err.contains("gerai sandbox"), "{arguments}: {said:?}");
    }
}

#[tokio::test]
async fn the_clock_is_shown_moved_frozen_and_kept_over_a_restart() {
    let trial = Trial::start();
    let (ten, eleven) = (tomorrow_at("10:00:00"), tomorrow_at("11:00:00"));
    trial.clock("freeze").done();
    let set = trial.clock(&format!("set {ten}")).done();
    assert_eq!(set.out.trim(), format!("{ten}  (frozen)"));
    assert_eq!(trial.clock("show").done().out, set.out);
    assert_eq!(trial.clock("advance 1h").done().out.trim(), format!("{eleven}  (frozen)"));
    for (wrong, sentence) in [
        (format!("set {ten}"), "forward only"),
        ("set yesterday".into(), "offset"),
        ("advance soon".into(), "length of time"),
    ] {
        let said = trial.clock(&wrong).refused();
        assert!(said.err.contains(sentence), "{wrong}: {said:?}");
    }
    assert_eq!(text(&trial.clock("show --json").done().json(), "now"), eleven);

    let Trial { server, folder } = trial;
    server.stop();
    let server = Server::sandbox(&folder.path().join("data"));
    assert!(server.out().contains("(frozen)"), "{}", server.out());
    let trial = Trial { server, folder };
    assert_eq!(text(&trial.clock("show --json").done().json(), "now"), eleven);
    let goes = trial.clock("unfreeze").done().out;
    assert!(goes.starts_with(&eleven[..16]) && !goes.contains("frozen"), "{goes}");
}

/// Asks until the answer has this code: the running server notices what the command line wrote within moments.
async fn soon(trial: &Trial, shop: &Shop, order: &Order, code: &str) {
    let begun = Instant::now();
    let mut round = 0;
    loop {
        round += 1;
        let order = Order { reference_no: format!("{}-{code}-{round}", order.reference_no), ..order.clone() };
        let (_, answer) = trial.server.post(order.path(), shop.registration(&order)).await;
        if text(&answer, "resultCd") == code {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(5), "{code} is awaited, {answer}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn what_the_command_line_does_to_a_merchant_counts_in_the_running_server() {
    let trial = Trial::start_at("10:00:00").await;
    let mut add = gerai();
    add.args(["merchant", "add", "TOKOKOPI01", "--name", "Toko Kopi", "--period", "24h", "--json", "--data"]);
    let added = Said::of(add.arg(trial.data())).done().json();
    let first = Shop::new("TOKOKOPI01", text(&added, "merchantKey"));
    let order = Order::at(MitraCd::Alma, "TOKO", &trial.inbox());
    // The very next request is served.
    let registered = first.register(&trial.server, &order).await;
    let asked = first.ask(&trial.server, &order, &registered).await;
    let moment = |day: &str, time: &str| -> jiff::civil::DateTime {
        format!("{}T{}", text(&asked, day), text(&asked, time)).parse().unwrap()
    };
    let period = moment("payValidDt", "payValidTm").duration_since(moment("reqDt", "reqTm"));
    assert_eq!(period, jiff::SignedDuration::from_hours(24));
    assert!(trial.merchant("list").done().out.contains("TOKOKOPI01"));
    let twice = trial.merchant("add TOKOKOPI01 --name Other").refused();
    assert!(twice.err.contains("TOKOKOPI01") && twice.err.contains("merchant set"), "{twice:?}");

    trial.merchant("set TOKOKOPI01 --chains INDO --receipt-line Terima-kasih").done();
    soon(&trial, &first, &order, "9505").await;
    let shown = trial.merchant("show TOKOKOPI01 --json").done().json();
    assert_eq!((text(&shown, "name"), &shown["chains"]), ("Toko Kopi", &json!(["INDO"])));
    let at_indo = Order { mitra_cd: Some(MitraCd::Indo), ..order.clone() };
    let paid = first.register(&trial.server, &Order { reference_no: "LINE".into(), ..at_indo.clone() }).await;
    let receipt = trial.store(&format!("pay {} --brand INDOMARET", paid.pay_no)).done();
    assert!(receipt.out.contains("Terima-kasih"), "{}", receipt.out);

    let rotated = trial.merchant("rotate-key TOKOKOPI01 --overlap 1h --json").done().json();
    let second = Shop::new("TOKOKOPI01", text(&rotated, "merchantKey"));
    soon(&trial, &second, &at_indo, "0000").await;
    // Until the overlap ends both keys count; it runs by the sandbox's clock.
    let overlap = Order { reference_no: "OVERLAP".into(), ..at_indo.clone() };
    first.register(&trial.server, &overlap).await;
    assert_eq!(text(&rotated, "oldKeyCountsUntil"), tomorrow_at("11:00:00"));
    trial.clock("advance 61m").done();
    let (_, answer) = trial.server.post(overlap.path(), first.registration(&overlap)).await;
    assert_ne!(text(&answer, "resultCd"), "0000", "{answer}");
    second.register(&trial.server, &Order { reference_no: "AFTER".into(), ..at_indo }).await;
    let nobody = trial.merchant("show NOBODY0001").refused();
    assert!(nobody.err.contains("no merchant NOBODY0001"), "{nobody:?}");
}

fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).unwrap().next().is_none()
}

#[tokio::test]
async fn an_ephemeral_sandbox_leaves_nothing_behind() {
    let (temporary, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut command = gerai();
    command.args(["sandbox", "--listen", "127.0.0.1:0", "--ephemeral"]);
    command.env("TMPDIR", temporary.path()).current_dir(here.path());
    let server = Server::start_sandbox(command);
    assert!(server.out().contains("nothing is kept"), "{}", server.out());
    let order = Order::at(MitraCd::Alma, "E-1", "https://shop.example.com/n");
    Shop::geraitest1().register(&server, &order).await;
    assert!(!is_empty(temporary.path()));
    server.stop();
    assert!(is_empty(temporary.path()) && is_empty(here.path()));
}

#[test]
fn a_second_sandbox_on_the_same_folder_is_refused_and_a_killed_one_holds_nothing() {
    let trial = Trial::start();
    let second = run(["sandbox", "--listen", "127.0.0.1:0", "--data", &trial.data()]).refused();
    assert!(second.err.contains("in use by another server") && second.err.contains("gerai.db"), "{second:?}");
    let Trial { server, folder } = trial;
    server.kill();
    Server::sandbox(&folder.path().join("data")).stop();
}

#[test]
fn a_taken_port_is_refused_with_the_way_out() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let said = run(["sandbox", "--listen", &address, "--data", folder.path().to_str().unwrap()]).refused();
    assert!(said.err.contains(&address) && said.err.contains("--listen"), "{said:?}");
}

#[test]
fn a_folder_without_a_gateways_data_is_refused_with_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let said = run(["merchant", "list", "--data", folder.path().to_str().unwrap()]).refused();
    assert!(said.err.contains("gerai sandbox --data"), "{said:?}");
    assert!(is_empty(folder.path()));
}

#[test]
fn every_commands_help_has_an_example() {
    for command in [
        "sandbox",
        "serve",
        "merchant",
        "partner",
        "master-key",
        "payment",
        "exceptions",
        "notifications",
        "reconcile",
        "store",
        "clock",
    ] {
        let said = run([command, "--help"]).done();
        let (_, example) = said.out.split_once("Example:").unwrap_or_else(|| panic!("{command}: {}", said.out));
        assert!(example.contains(&format!("gerai {command}")), "{command}: {}", said.out);
    }
    assert!(run(["--help"]).done().out.contains("Begin with:  gerai sandbox"));
}
