//! What an operator does by hand, beside a running server: settle an exception, look at a payment, note a manual
//! return, send a notification again (rules 7, 9, 11, 13, 16; S15).

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what it expects by failing")]

mod support;

use gerai_protocol::MitraCd;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use support::receiver::{Came, Receiver};
use support::{ALFAMART, INDOMARET, Order, Registered, Said, Server, Shop, http, run, text, tomorrow_at};
use tempfile::TempDir;

/// A sandbox whose clock stands still, tomorrow at ten.
struct Gateway {
    server: Server,
    folder: TempDir,
}

impl Gateway {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::sandbox(&folder.path().join("data"));
        server.clock(json!({ "set": tomorrow_at("10:00:00"), "freeze": true })).await;
        Self { server, folder }
    }

    /// A command of `gerai`, with these arguments, on its data.
    fn run(&self, arguments: &[&str]) -> Said {
        let data = self.folder.path().join("data").display().to_string();
        run(arguments.iter().copied().chain(["--data", &data]))
    }

    /// The same, split at the blanks.
    fn say(&self, arguments: &str) -> Said {
        self.run(&arguments.split(' ').collect::<Vec<_>>())
    }

    async fn register(&self, mitra_cd: MitraCd, reference: &str, url: &str) -> Registered {
        Shop::geraitest1().register(&self.server, &Order::at(mitra_cd, reference, url)).await
    }

    /// Registered at Indomaret and paid under the trace `T1`.
    async fn paid(&self, reference: &str, url: &str) -> Registered {
        let registered = self.register(MitraCd::Indo, reference, url).await;
        let pay = INDOMARET.payment(&registered.pay_no, 10_000, "T1");
        pay.must(&http(), &self.server.url, "2002500").await;
        registered
    }

    async fn advance(&self, by: &str) {
        self.server.clock(json!({ "advance": by })).await;
    }
}

const NOWHERE: &str = "http://127.0.0.1:9/notify";

/// Waits until as many have come.
async fn came(receiver: &Receiver, count: usize) -> Vec<Came> {
    let begun = Instant::now();
    loop {
        let came = receiver.came();
        if came.len() >= count {
            return came;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "{count} are awaited, {} came", came.len());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn rules_7_and_9_exceptions_are_listed_and_settled_with_a_note() {
    let gateway = Gateway::start().await;
    assert_eq!(gateway.say("exceptions list").done().out, "No exception is open.\n");
    assert_eq!(gateway.say("exceptions list --json").done().json(), json!([]));

    // A reversal that comes too late, and a commit that comes after the cancel.
    let late = gateway.paid("LATE", NOWHERE).await;
    let cash = gateway.register(MitraCd::Alma, "CASH", NOWHERE).await;
    let (client, url) = (http(), &gateway.server.url);
    ALFAMART.payment(&cash.pay_no, 10_000, "T2").must(&client, url, "2002500").await;
    gateway.advance("PT16M").await;
    let cancel = Shop::geraitest1().cancel(&cash.t_xid, 10_000);
    let (_, answer) = gateway.server.post("/nicepay/direct/v2/cancel", cancel).await;
    assert_eq!(text(&answer, "resultCd"), "0000", "{answer}");
    ALFAMART.commit(&cash.pay_no, "T2").must(&client, url, "4042616").await;
    gateway.advance("PT1M").await;
    INDOMARET.reversal(&late.pay_no, "T1").must(&client, url, "4032718").await;

    let listed = gateway.say("exceptions list").done().out;
    let lines: Vec<&str> = listed.lines().collect();
    assert_eq!(lines.len(), 2, "{listed}");
    for part in ["10:16:00 WIB", "cash possibly taken", &cash.t_xid, "trace T2", "ALMA", &cash.pay_no, "Rp 10.000"] {
        assert!(lines[0].contains(part), "{part} in {listed}");
    }
    assert!(lines[1].contains("too late to reverse") && lines[1].contains(&late.t_xid), "{listed}");
    let listed = gateway.say("exceptions list --json").done().json();
    assert_eq!(text(&listed[1], "tXid"), late.t_xid);
    assert_eq!((text(&listed[1], "kind"), text(&listed[1], "traceNo")), ("TooLateToReverse", "T1"));
    assert_eq!(listed[1]["resolved"], Value::Null);

    // By the attempt's trace, and by the exception's own number.
    let resolve = |payment: &str, which: &[&str]| {
        let note = ["--note", "the cash is back", "--by", "rini"];
        gateway.run(&[&["exceptions", "resolve", payment], which, &note].concat())
    };
    assert!(resolve(&cash.t_xid, &["T2"]).done().out.contains("cash possibly taken"));
    let number = listed[1]["number"].to_string();
    assert!(resolve(&late.pay_no, &["--number", &number]).done().out.contains("too late to reverse"));
    assert_eq!(gateway.say("exceptions list --json").done().json(), json!([]));
    let all = gateway.say("exceptions list --all").done().out;
    assert_eq!(all.matches("by rini: the cash is back").count(), 2, "{all}");
    let all = gateway.say("exceptions list --all --json").done().json();
    assert_eq!(all[0]["resolved"], json!({ "at": tomorrow_at("10:17:00"), "by": "rini", "note": "the cash is back" }));

    // Twice is told; what is not there is told with the way out.
    for which in [&["T1"][..], &["--number", &number]] {
        let again = resolve(&late.t_xid, which).refused();
        assert!(again.err.contains("resolved before") && again.err.contains("rini: the cash is back"), "{again:?}");
    }
    for (payment, which, sentence) in [
        (late.t_xid.as_str(), &["T9"][..], "nothing is listed"),
        (&late.t_xid, &["--number", "99"], "no exception of the number 99"),
        ("GERAITEST103202601010000000000", &["T1"], "no payment GERAITEST1"),
    ] {
        let refused = resolve(payment, which).refused();
        assert!(refused.err.contains(sentence), "{refused:?}");
    }
    let shown = gateway.say(&format!("payment show {}", late.t_xid)).done().out;
    assert!(shown.contains("operator:rini") && shown.contains("too late to reverse, trace T1: resolved"), "{shown}");
}

#[tokio::test]
async fn s15_rule_11_a_manual_return_is_recorded_and_told_to_the_merchant_by_the_running_server() {
    let gateway = Gateway::start().await;
    let receiver = Receiver::start(|_| 200).await;
    let paid = gateway.paid("ORD-1", &receiver.url).await;
    came(&receiver, 1).await;
    gateway.advance("PT2H").await;
    let give_back = |payment: &str| {
        gateway.run(&["payment", "return", payment, "--reason", "goods came back", "--by", "rini", "--json"])
    };
    let returned = give_back(&paid.t_xid).done().json();
    assert_eq!(returned, json!({ "tXid": paid.t_xid, "returned": tomorrow_at("12:00:00"), "amt": 10_000 }));
    // Nobody has touched the server: it notices by itself.
    let told = came(&receiver, 2).await;
    assert_eq!((told[1].field("status"), told[1].field("transTm")), ("1", "120000"));
    let order = Order::at(MitraCd::Indo, "ORD-1", &receiver.url);
    let asked = Shop::geraitest1().ask(&gateway.server, &order, &paid).await;
    assert_eq!((text(&asked, "status"), text(&asked, "resultMsg")), ("4", "returned"));

    let again = give_back(&paid.pay_no).refused();
    assert!(again.err.contains("returned before") && again.err.contains("rini: goods came back"), "{again:?}");
    let unpaid = gateway.register(MitraCd::Alma, "ORD-2", NOWHERE).await;
    let refused = give_back(&unpaid.t_xid).refused();
    assert!(refused.err.contains("only a paid payment") && refused.err.contains("this one is unpaid"), "{refused:?}");
    assert_eq!(receiver.came().len(), 2);
}

#[tokio::test]
async fn rule_16_a_payment_is_shown_with_its_fields_its_history_and_its_notifications() {
    let gateway = Gateway::start().await;
    let receiver = Receiver::start(|n| if n == 0 { 503 } else { 200 }).await;
    let paid = gateway.paid("ORD-1", &receiver.url).await;
    came(&receiver, 1).await;
    gateway.advance("PT11S").await;
    came(&receiver, 2).await;

    let shown = gateway.say(&format!("payment show {}", paid.pay_no)).done().out;
    for part in [
        &paid.t_xid,
        "GERAITEST1",
        "ORD-1",
        "Rp 10.000",
        "State           paid",
        "INDO (Indomaret)",
        "Kopi Gayo 250 g",
        "siti@example.com",
        &receiver.url,
        "trace T1, Indomaret S001 till 1",
        "merchant:GERAITEST1",
        "chain:INDO",
        "money taken",
        "HTTP 503",
        "delivered",
    ] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    let json = gateway.say(&format!("payment show {} --json", paid.t_xid)).done().json();
    assert_eq!((text(&json, "tXid"), text(&json, "payNo")), (paid.t_xid.as_str(), paid.pay_no.as_str()));
    assert_eq!(json["details"]["billingCity"], "Jakarta", "{json}");
    let events: Vec<&str> =
        json["history"].as_array().unwrap().iter().map(|event| event["what"]["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["registered", "taken"]);
    assert_eq!(json["notifications"][0]["attempts"].as_array().unwrap().len(), 2);
    // Signatures are not for everybody's screen.
    for secret in ["merchantToken", "webhook-signature", "gerai-sandbox-key"] {
        assert!(!shown.contains(secret) && !json.to_string().contains(secret), "{secret}");
    }
    let listed = gateway.say(&format!("notifications list --payment {}", paid.t_xid)).done().out;
    assert!(listed.contains("HTTP 503") && listed.contains("HTTP 200"), "{listed}");
    // One wrong digit: the check digit catches every one, as it does not catch several.
    let mistyped = format!("2{}", &paid.pay_no[1..]);
    for (name, code, sentence) in [("ORD-1", 2, "30 characters"), (&mistyped, 2, "12 digits")] {
        let said = gateway.say(&format!("payment show {name}"));
        assert_eq!(said.code, code, "{said:?}");
        assert!(said.err.contains(sentence) || said.err.contains("mistyped"), "{said:?}");
    }
}

#[tokio::test]
async fn rule_13_what_has_failed_is_listed_and_sent_again_by_the_running_server() {
    let gateway = Gateway::start().await;
    let well = Arc::new(AtomicBool::new(false));
    let receiver = {
        let well = Arc::clone(&well);
        Receiver::start(move |_| if well.load(Ordering::Relaxed) { 200 } else { 500 }).await
    };
    let first = gateway.paid("ORD-1", &receiver.url).await;
    gateway.paid("ORD-2", &receiver.url).await;
    gateway.paid("ORD-3", &receiver.url).await;
    assert_eq!(gateway.say("notifications list --failed").done().out, "No notification has failed.\n");
    // The whole schedule, and a day more for its jitter.
    for _ in 0..3 {
        gateway.advance("P1D").await;
    }
    let failed = gateway.say("notifications list --failed --json").done().json();
    let failed = failed.as_array().unwrap();
    assert_eq!(failed.len(), 3, "{failed:?}");
    assert_eq!((text(&failed[0], "tXid"), text(&failed[0], "lastAnswer")), (first.t_xid.as_str(), "HTTP 500"));
    assert_eq!((failed[0]["attempts"].as_u64(), text(&failed[0], "status")), (Some(11), "deposit"));
    let listed = gateway.say("notifications list --failed").done().out;
    assert!(listed.lines().count() == 3 && listed.contains("11 attempts, last: HTTP 500"), "{listed}");

    well.store(true, Ordering::Relaxed);
    let before = receiver.came().len();
    let id = failed[0]["id"].to_string();
    assert_eq!(gateway.say(&format!("notifications replay {id}")).done().out, "1 put back in the queue\n");
    let sent = came(&receiver, before + 1).await.pop().unwrap();
    assert_eq!((sent.field("tXid"), sent.answered), (first.t_xid.as_str(), 200));
    assert_eq!(sent.webhook_id, text(&failed[0], "webhookId"), "under the same name");
    let again = gateway.say(&format!("notifications replay {id} 999999")).refused();
    assert!(again.err.contains(&id) && again.err.contains("999999"), "{again:?}");

    assert_eq!(gateway.say("notifications replay --all-failed --json").done().json(), json!({ "replayed": 2 }));
    came(&receiver, before + 3).await;
    assert_eq!(gateway.say("notifications replay --all-failed --json").done().json(), json!({ "replayed": 0 }));
    assert_eq!(gateway.say("notifications list --failed --json").done().json(), json!([]));
}

#[test]
fn wrong_usage_of_the_operators_commands_ends_with_2() {
    for arguments in [
        "exceptions",
        "exceptions resolve",
        "exceptions resolve GERAITEST103202601010000000000 T1",
        "exceptions resolve GERAITEST103202601010000000000 --note n",
        "exceptions resolve GERAITEST103202601010000000000 T1 --number 4 --note n",
        "payment return GERAITEST103202601010000000000 --reason r",
        "payment return GERAITEST103202601010000000000 --by rini",
        "notifications list",
        "notifications replay",
        "notifications replay 1 --all-failed",
        "notifications replay one",
    ] {
        let said = run(arguments.split(' '));
        assert_eq!(said.code, 2, "{arguments}: {said:?}");
        assert!(!said.err.is_empty() && said.out.is_empty(), "{arguments}: {said:?}");
    }
    for command in ["exceptions", "payment", "notifications"] {
        let help = run([command, "--help"]).done().out;
        assert!(help.contains("Example:") && help.contains(&format!("gerai {command}")), "{help}");
    }
}
