//! The counter of a sandbox: what a cashier sees at each step, and that each step is a real request to the store API.

use crate::support::client::{Answer, Request};
use crate::support::merchant::{cancel, direct, redirect};
use crate::support::store::{ALMA, INDO};
use crate::support::{Gateway, PATIENCE, sandbox_settings};
use gerai_gateway::Settings;
use gerai_ledger::PartnerAccount;
use serde_json::json;
use std::time::{Duration, Instant};

const COUNTER: &str = "/counter";
const FORMS: [&str; 5] =
    ["/counter/inquiry", "/counter/payment", "/counter/commit", "/counter/reversal", "/counter/clock"];

type Pairs = Vec<(String, String)>;

/// A form as it stands on a page: its address and its hidden fields.
#[derive(Debug, Clone)]
struct Form {
    action: String,
    fields: Pairs,
}

fn unescaped(text: &str) -> String {
    let text = text.replace("&#60;", "<").replace("&#62;", ">").replace("&#34;", "\"").replace("&#39;", "'");
    text.replace("&#38;", "&")
}

fn after<'a>(text: &'a str, before: &str) -> &'a str {
    let rest = text.split_once(before).unwrap_or_else(|| panic!("no {before} in {text}")).1;
    rest.split('"').next().unwrap()
}

/// What stands in the element with this id, as a person reads it.
fn seen(page: &Answer, id: &str) -> String {
    let text = page.text();
    let rest = text.split_once(&format!(r#" id="{id}""#)).unwrap_or_else(|| panic!("no {id} in {text}")).1;
    unescaped(rest.split_once('>').unwrap().1.split("</").next().unwrap()).trim().to_owned()
}

fn has(page: &Answer, id: &str) -> bool {
    page.text().contains(&format!(r#" id="{id}""#))
}

impl Form {
    /// The form with this id or class.
    fn on(page: &Answer, name: &str) -> Self {
        let text = page.text();
        let begins = [format!(r#"<form id="{name}""#), format!(r#"<form class="{name}""#)];
        let rest = begins.iter().find_map(|begin| Some(text.split_once(begin.as_str())?.1));
        let form = rest.unwrap_or_else(|| panic!("no form {name} in {text}")).split("</form>").next().unwrap();
        let hidden = form.split(r#"<input type="hidden" name=""#).skip(1).map(|input| {
            let (name, rest) = input.split_once(r#"" value=""#).unwrap();
            (name.to_owned(), unescaped(rest.split('"').next().unwrap()))
        });
        Self { action: unescaped(after(form, r#"action=""#)), fields: hidden.collect() }
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.retain(|(given, _)| given != name);
        self.fields.push((name.into(), value.into()));
        self
    }

    fn value(&self, name: &str) -> &str {
        &self.fields.iter().find(|(given, _)| given == name).unwrap_or_else(|| panic!("no {name}")).1
    }

    fn request(&self) -> Request {
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(&self.fields);
        Request { body: body.finish().into_bytes(), ..Request::new("POST", &self.action) }
            .header("Content-Type", "application/x-www-form-urlencoded")
    }
}

impl Gateway {
    /// Sends a form, and goes where it leads.
    async fn press(&self, form: &Form) -> Answer {
        let answer = self.send(&form.request()).await;
        assert_eq!(answer.status, 303, "{}", answer.text());
        let slip = self.get(answer.header("location").unwrap()).await;
        assert_eq!(slip.status, 200, "{}", slip.text());
        slip
    }

    async fn counter(&self, language: &str) -> Form {
        let page = self.get(&format!("{COUNTER}?lang={language}")).await;
        assert_eq!(page.status, 200, "{}", page.text());
        Form::on(&page, "inquiry")
    }

    /// Looks a number up in this language.
    async fn look_up_in(&self, language: &str, brand: &str, pay_no: &str) -> Answer {
        self.press(&self.counter(language).await.with("storeBrand", brand).with("payNo", pay_no)).await
    }

    async fn look_up(&self, brand: &str, pay_no: &str) -> Answer {
        self.look_up_in("en", brand, pay_no).await
    }

    /// The calls that the store API was asked, with their codes and faults.
    async fn asked(&self) -> Vec<String> {
        let asked = self.requests("?limit=1000").await;
        let of_store = asked.iter().filter(|one| one["api"] == "store-api");
        let told = of_store.map(|one| {
            let fault = one["fault"].as_object().map_or("", |_| " fault");
            format!("{} {}{fault}", one["call"].as_str().unwrap(), one["code"].as_str().unwrap_or("-"))
        });
        told.collect()
    }
}

async fn gateway() -> Gateway {
    Gateway::at("2031-05-05T10:00:00").await
}

#[tokio::test]
async fn s9_s14_the_cashier_sees_the_biller_the_shortened_name_what_is_bought_and_the_amount() {
    let gateway = gateway().await;
    let payment = gateway.register("ALMA", "ORD1").await;
    let (a, rest) = payment.pay_no.split_at(4);
    let (b, c) = rest.split_at(4);
    for typed in
        [payment.pay_no.clone(), format!("{a} {b} {c}"), format!(" {a}-{b}-{c} "), format!("{a}\u{a0}{b}{c}\t")]
    {
        let bill = gateway.look_up("LAWSON", &typed).await;
        for (id, text) in [
            ("biller", "NICEPAY - Gerai Test"),
            ("customer", "Si*** Am*****"),
            ("goods", "Kopi & Teh"),
            ("amount", "Rp 10.000"),
        ] {
            assert_eq!(seen(&bill, id), text, "{typed}");
        }
        for text in ["Monday, 12 May 2031, 10:00:00 WIB", "Lawson · GERAI01 · 1", &format!("{a} {b} {c}")] {
            assert!(bill.text().contains(text), "{text}: {}", bill.text());
        }
    }
    let bill = gateway.look_up_in("id", "ALFAMART", &payment.pay_no).await;
    assert!(bill.text().contains("Senin, 12 Mei 2031, 10:00:00 WIB"), "{}", bill.text());
    assert_eq!(gateway.asked().await, ["store_inquiry 2002400"; 5]);
    let asked = &gateway.requests("").await[1];
    assert_eq!((asked["method"].as_str(), asked["path"].as_str()), (Some("POST"), Some("/store/v1/inquiry")));
    assert_eq!(asked["payNo"], payment.pay_no);
}

#[tokio::test]
async fn s10_s11_s12_the_cash_is_taken_the_change_told_and_the_receipt_printed() {
    let gateway = gateway().await;
    for (chain, brand, calls) in [
        ("ALMA", "ALFAMIDI", &["store_inquiry 2002400", "store_payment 2002500", "store_commit 2002600"][..]),
        ("INDO", "INDOMARET", &["store_inquiry 2002400", "store_payment 2002500"]),
    ] {
        let payment = gateway.register(chain, chain).await;
        let before = gateway.asked().await.len();
        let bill = gateway.look_up(brand, &payment.pay_no).await;
        assert_eq!(bill.text().contains(r#"name="commit""#), chain == "ALMA", "one step or two");
        let paid = gateway.press(&Form::on(&bill, "payment").with("note", "50000").with("commit", "now")).await;
        assert_eq!(seen(&paid, "change"), "Rp 40.000");
        let roll = after(&paid.text(), "<pre>").to_owned();
        let lines: Vec<&str> = roll.split("</pre>").next().unwrap().lines().collect();
        let trace_no = Form::on(&paid, "reversal").value("traceNo").to_owned();
        for line in [
            "Store    GERAI01".to_owned(),
            "2031-05-05 10:00:00 WIB".into(),
            "NICEPAY - Gerai Test".into(),
            "Amount   Rp 10.000".into(),
            "Cash     Rp 50.000".into(),
            "Change   Rp 40.000".into(),
            format!("Trace    {trace_no}"),
        ] {
            assert!(lines.contains(&line.as_str()), "{line}: {lines:?}");
        }
        assert!(lines.iter().all(|line| line.chars().count() <= 40), "{lines:?}");
        assert_eq!(gateway.status(&payment).await.0, "0");
        assert_eq!(gateway.asked().await[before..], *calls);
    }
}

#[tokio::test]
async fn s10_cash_that_is_too_little_or_no_number_is_refused_and_nothing_is_sent() {
    let gateway = gateway().await;
    let payment = gateway.register("ALMA", "ORD1").await;
    for (language, short, unread) in [
        ("en", "less than the amount", "Type the cash given"),
        ("id", "kurang dari jumlah tagihan", "Ketik uang yang diterima"),
    ] {
        let bill = gateway.look_up_in(language, "ALFAMART", &payment.pay_no).await;
        let before = gateway.asked().await;
        let form = Form::on(&bill, "payment");
        for (given, hint) in [
            ("9999", short),
            ("0", short),
            ("9.999", short),
            ("", unread),
            ("-20000", unread),
            ("20.000,50", unread),
            ("lots", unread),
            ("9999999999999", unread),
        ] {
            let answer = gateway.send(&form.clone().with("given", given).with("commit", "later").request()).await;
            assert_eq!(answer.status, 400, "{given}");
            assert!(seen(&answer, "hint").contains(hint), "{given}: {}", answer.text());
            assert_eq!(seen(&answer, "amount"), "Rp 10.000", "the bill is still there");
            assert!(answer.text().contains(&format!(r#"name="given" value="{given}""#)), "{}", answer.text());
            assert!(answer.text().contains(r#"value="later" checked"#), "the choice is kept");
            assert_eq!(Form::on(&answer, "payment").value("traceNo"), form.value("traceNo"), "the same attempt");
        }
        assert_eq!(gateway.asked().await, before);
    }
    let exact = gateway.look_up("ALFAMART", &payment.pay_no).await;
    let paid = gateway.press(&Form::on(&exact, "payment").with("given", "Rp 10.000")).await;
    assert_eq!(seen(&paid, "change"), "Rp 0");
}

#[tokio::test]
async fn rule_8_a_form_that_is_sent_twice_pays_once_and_a_page_that_is_loaded_again_sends_nothing() {
    let gateway = gateway().await;
    let payment = gateway.register("ALMA", "ORD1").await;
    let form = Form::on(&gateway.look_up("ALFAMART", &payment.pay_no).await, "payment").with("note", "20000");
    let (one, two) = tokio::join!(gateway.press(&form), gateway.press(&form));
    let third = gateway.press(&form).await;
    let receipt = |page: &Answer| page.text().split_once("<pre>").unwrap().1.split_once("</pre>").unwrap().0.to_owned();
    assert_eq!((receipt(&one), receipt(&two)), (receipt(&third), receipt(&third)));
    assert_eq!(gateway.events(&payment.tx_id).await, ["registered", "taken", "committed"]);
    let sent = gateway.send(&form.request()).await;
    let slip = sent.header("location").unwrap();
    let before = gateway.asked().await;
    for language in ["en", "id"] {
        let again = gateway.get(&format!("{}?lang={language}", slip.split('?').next().unwrap())).await;
        assert_eq!(receipt(&again), receipt(&third));
    }
    assert_eq!(gateway.asked().await, before);
}

#[tokio::test]
async fn rule_7_a_cashier_can_stop_before_the_commit_see_the_lapse_and_commit_late() {
    let gateway = gateway().await;
    let payment = gateway.register("ALMA", "ORD1").await;
    let bill = gateway.look_up("ALFAMART", &payment.pay_no).await;
    let ready = gateway.press(&Form::on(&bill, "payment").with("note", "10000").with("commit", "later")).await;
    assert!(has(&ready, "ready") && !has(&ready, "receipt"), "{}", ready.text());
    assert!(ready.text().contains("10:05:00 WIB"), "{}", ready.text());
    assert_eq!(gateway.status(&payment).await.0, "5");
    let other = gateway.press(&Form::on(&ready, "look")).await;
    assert_eq!(
        (seen(&other, "refusal"), seen(&other, "responseCode")),
        ("Another counter is at it".into(), "4092405".into())
    );
    let lapsed = gateway.press(&Form::on(&ready, "lapse")).await;
    assert!(lapsed.text().contains("The time to commit ended at"), "{}", lapsed.text());
    assert_eq!(gateway.get("/sandbox/v1/clock").await.field("now"), "2031-05-05T10:05:01+07:00");
    assert_eq!(gateway.status(&payment).await.0, "3");
    let paid = gateway.press(&Form::on(&lapsed, "commit")).await;
    assert!(has(&paid, "receipt"), "{}", paid.text());
    assert_eq!(gateway.status(&payment).await.0, "0");
}

#[tokio::test]
async fn rule_9_what_was_taken_is_taken_back_with_a_reason_and_refused_when_it_is_too_late() {
    let gateway = gateway().await;
    for (commit, reference) in [("now", "ORD1"), ("later", "ORD2")] {
        let payment = gateway.register("ALMA", reference).await;
        let bill = gateway.look_up("DANDAN", &payment.pay_no).await;
        let taken = gateway.press(&Form::on(&bill, "payment").with("note", "10000").with("commit", commit)).await;
        let form = Form::on(&taken, "reversal").with("reason", "wrong order");
        let back = gateway.press(&form).await;
        assert_eq!(seen(&back, "giveBack"), "Rp 10.000");
        assert_eq!(gateway.status(&payment).await.0, "3");
        assert!(has(&gateway.press(&form).await, "reversed"), "a second one does no harm");
        let anew = gateway.press(&Form::on(&back, "look")).await;
        assert_ne!(Form::on(&anew, "payment").value("traceNo"), form.value("traceNo"));
        assert!(has(&gateway.press(&Form::on(&anew, "payment").with("note", "10000")).await, "paid"));
        // The first attempt is never paid again.
        let dead = gateway.press(&Form::on(&bill, "payment").with("note", "10000")).await;
        assert_eq!(seen(&dead, "refusal"), "Attempt was taken back");
    }
    let payment = gateway.register("INDO", "ORD3").await;
    let bill = gateway.look_up("INDOMARET", &payment.pay_no).await;
    let paid = gateway.press(&Form::on(&bill, "payment").with("note", "10000")).await;
    assert!(paid.text().contains("10:15:00 WIB"), "until when it is possible: {}", paid.text());
    gateway.advance("PT15M1S").await;
    let late = gateway.press(&Form::on(&paid, "reversal").with("reason", "x")).await;
    assert_eq!(
        (seen(&late, "refusal"), seen(&late, "responseCode")),
        ("Too late to take back".into(), "4032718".into())
    );
    assert_eq!(gateway.exceptions().await.len(), 1, "the operator has been told");
}

#[tokio::test]
async fn s19_every_refusal_has_words_of_its_own_in_both_languages_and_its_code_beside() {
    let gateway = gateway().await;
    let of = async |reference| gateway.register("ALMA", reference).await.pay_no;
    let (fresh, paid, held, returned) = (of("FRESH").await, of("PAID").await, of("HELD").await, of("BACK").await);
    let cancelled = gateway.register("ALMA", "CANCEL").await;
    gateway.ask_done(&cancel(&cancelled.tx_id)).await;
    let mut expiring = direct("EXPIRED").set("mitraCd", "ALMA");
    expiring = expiring.set("payValidDt", "20310505").set("payValidTm", "100001");
    let expired = gateway.registered(&expiring).await.pay_no;
    gateway.advance("PT2S").await;
    gateway.pay_whole(ALMA, &paid, "T1").await;
    gateway.pay_whole(ALMA, &returned, "T1").await;
    gateway.give_back(&returned).await;
    assert_eq!(gateway.pay(ALMA, &held, "T1").await.code(), "2002500");
    let mut mistyped = fresh.clone().into_bytes();
    mistyped[11] = if mistyped[11] == b'9' { b'0' } else { mistyped[11] + 1 };
    let mistyped = String::from_utf8(mistyped).unwrap();
    // It fits its check digit and nobody has it: the number of another payment, forgotten since.
    let unknown = gerai_domain::PayNo::draw(9, 4_073_037_432).to_string();
    for (pay_no, brand, code, english, indonesian) in [
        (mistyped.as_str(), "ALFAMART", "4042412", "Mistyped", "Salah ketik"),
        ("12345", "ALFAMART", "4042412", "Not a payment number", "Bukan nomor pembayaran"),
        ("12345678901x", "ALFAMART", "4042412", "Not a payment number", "Bukan nomor pembayaran"),
        (unknown.as_str(), "ALFAMART", "4042412", "Number not known", "Nomor tidak dikenal"),
        (cancelled.pay_no.as_str(), "ALFAMART", "4042412", "No longer valid", "Tidak berlaku lagi"),
        (returned.as_str(), "ALFAMART", "4042412", "No longer valid", "Tidak berlaku lagi"),
        (expired.as_str(), "ALFAMART", "4042419", "Expired", "Kedaluwarsa"),
        (paid.as_str(), "ALFAMART", "4042414", "Already paid", "Sudah dibayar"),
        (held.as_str(), "ALFAMART", "4092405", "Another counter is at it", "Sedang diproses kasir lain"),
        (fresh.as_str(), "INDOMARET", "4032415", "For another chain", "Untuk jaringan toko lain"),
        (&"1".repeat(33), "ALFAMART", "4002401", "A field is wrong", "Isian salah"),
    ] {
        for (language, words) in [("en", english), ("id", indonesian)] {
            let slip = gateway.look_up_in(language, brand, pay_no).await;
            assert_eq!((seen(&slip, "refusal"), seen(&slip, "responseCode")), (words.into(), code.into()), "{pay_no}");
        }
    }
    let elsewhere = gateway.look_up("INDOMARET", &fresh).await;
    let there = gateway.press(&Form::on(&elsewhere, "elsewhere")).await;
    assert!(there.text().contains("Alfamart · GERAI01"), "one click to the chain that takes it: {}", there.text());
    let mistyped = gateway.look_up("ALFAMART", &mistyped).await;
    let correct = unescaped(after(&mistyped.text(), r#"id="correct" href=""#));
    assert!(gateway.get(&correct).await.text().contains(r#"name="payNo" value="1"#), "{correct}");
    let off = PartnerAccount {
        chain: gerai_domain::Chain::Alma,
        enabled: false,
        secret: ALMA.secret.into(),
        retired_secret: None,
    };
    gateway.change_partner(off).await;
    assert_eq!(seen(&gateway.look_up("ALFAMART", &fresh).await, "refusal"), "Chain switched off");
}

#[tokio::test]
async fn s19_every_code_that_a_chain_can_be_refused_with_has_words_at_every_step() {
    let gateway = gateway().await;
    let payment = gateway.register("ALMA", "ORD1").await;
    let bill = gateway.look_up("ALFAMART", &payment.pay_no).await;
    let ready = gateway.press(&Form::on(&bill, "payment").with("note", "10000").with("commit", "later")).await;
    let inquiry = gateway.counter("en").await.with("payNo", &payment.pay_no);
    let steps = [
        ("/store/v1/inquiry", "24", inquiry),
        ("/store/v1/payment", "25", Form::on(&bill, "payment").with("note", "10000")),
        ("/store/v1/commit", "26", Form::on(&ready, "commit")),
        ("/store/v1/reversal", "27", Form::on(&ready, "reversal").with("reason", "x")),
    ];
    for (code, words) in [
        ("400SS01", "A field is wrong"),
        ("400SS02", "A field is missing"),
        ("401SS00", "Till not accepted"),
        ("403SS15", "Refused"),
        ("403SS18", "Too late to take back"),
        ("404SS12", "Number not valid"),
        ("404SS13", "Wrong amount"),
        ("404SS14", "Already paid"),
        ("404SS16", ""),
        ("404SS19", "Expired"),
        ("409SS00", "Trace already used"),
        ("409SS05", "Another counter is at it"),
        ("429SS00", "Too many requests"),
        ("500SS00", "The gateway could not do it"),
        ("403SS99", "Refused"),
    ] {
        for (path, service, form) in &steps {
            gateway.arm(json!({ "on": "store-api", "path": path, "fault": "reject", "code": code })).await;
            let slip = gateway.press(form).await;
            let words = match (words, *service) {
                ("", "24" | "25") => "Attempt was taken back",
                ("", _) => "No such attempt",
                (words, _) => words,
            };
            assert_eq!(seen(&slip, "refusal"), words, "{code} at {path}");
            assert_eq!(seen(&slip, "responseCode"), code.replace("SS", service));
            assert!(slip.text().contains("A fault of this sandbox"), "{}", slip.text());
            let sure = !matches!(code, "409SS05" | "429SS00" | "500SS00");
            assert_eq!(has(&slip, "again"), !sure, "{code} at {path}");
        }
    }
    assert_eq!(gateway.events(&payment.tx_id).await, ["registered", "taken"]);
}

#[tokio::test]
async fn s17_s18_a_closed_brand_says_until_when_and_one_click_moves_the_clock_to_its_opening() {
    let gateway = Gateway::at("2031-05-05T22:30:00").await;
    let payment = gateway.register("ALMA", "ORD1").await;
    let page = gateway.get("/counter?lang=en").await;
    for text in [
        "Alfamart, Alfamidi: closed for payments until Tuesday, 6 May 2031, 01:00:00 WIB.",
        "closed until 01:00 WIB",
        "open until 23:00 WIB",
        "open day and night",
        "Monday, 5 May 2031</span>, <span data-time>22:30:00 WIB",
    ] {
        assert!(page.text().contains(text), "{text}: {}", page.text());
    }
    let indonesian = gateway.get(COUNTER).await.text();
    assert!(indonesian.contains("tutup untuk pembayaran sampai Selasa, 6 Mei 2031, 01:00:00 WIB."), "{indonesian}");
    let closed = gateway.look_up("ALFAMIDI", &payment.pay_no).await;
    assert_eq!(
        (seen(&closed, "refusal"), seen(&closed, "responseCode")),
        ("Closed for payments now".into(), "4032415".into())
    );
    let opened = gateway.press(&Form::on(&closed, "opening")).await;
    assert_eq!(gateway.get("/sandbox/v1/clock").await.field("now"), "2031-05-06T01:00:00+07:00");
    for text in [format!(r#"name="payNo" value="{}""#, payment.pay_no), r#"value="ALFAMIDI" checked"#.into()] {
        assert!(opened.text().contains(&text), "{text}: {}", opened.text());
    }
    assert!(!opened.text().contains("closed until"), "{}", opened.text());
    let bill = gateway.look_up("ALFAMIDI", &payment.pay_no).await;
    assert_eq!(seen(&bill, "amount"), "Rp 10.000");
    // From the first page, too; and a form from before moves nothing back.
    gateway.move_to("2031-05-06T23:30:00").await;
    let night = gateway.get("/counter?lang=en").await;
    assert!(night.text().contains("Alfamart, Alfamidi, Indomaret: closed"), "{}", night.text());
    gateway.press(&Form::on(&night, "opening")).await;
    assert_eq!(gateway.get("/sandbox/v1/clock").await.field("now"), "2031-05-07T01:00:00+07:00");
    gateway.press(&Form::on(&closed, "opening")).await;
    assert_eq!(gateway.get("/sandbox/v1/clock").await.field("now"), "2031-05-07T01:00:00+07:00");
    for far in ["2099-01-01T00:00:00Z", "tomorrow", ""] {
        let form = Form::on(&night, "opening").with("until", far);
        assert_eq!(gateway.send(&form.request()).await.status, 400, "{far}");
    }
    assert_eq!(gateway.get("/sandbox/v1/clock").await.field("now"), "2031-05-07T01:00:00+07:00");
}

#[tokio::test]
async fn s27_without_a_good_answer_the_same_trace_is_asked_again_and_nobody_pays_twice() {
    let settings = Settings { till_patience: Duration::from_secs(1), ..sandbox_settings() };
    let gateway = Gateway::with(settings).await;
    gateway.freeze_at("2031-05-05T10:00:00").await;
    for (number, (fault, words)) in [
        (json!({ "fault": "drop" }), "No answer"),
        (json!({ "fault": "drop", "when": "after" }), "No answer"),
        (json!({ "fault": "status", "httpStatus": 500 }), "An error page in place of an answer"),
        (json!({ "fault": "status", "httpStatus": 502, "when": "after" }), "An error page in place of an answer"),
        (json!({ "fault": "broken-json" }), "Answer cannot be read"),
        (json!({ "fault": "delay", "for": "PT30S" }), "No answer in time"),
        (json!({ "fault": "delay", "for": "PT30S", "when": "after" }), "No answer in time"),
    ]
    .into_iter()
    .enumerate()
    {
        let payment = gateway.register("ALMA", &format!("ORD{number}")).await;
        let arm = async |path: &str| {
            let mut fault = fault.clone();
            fault["on"] = "store-api".into();
            fault["path"] = path.into();
            gateway.arm(fault).await;
        };
        let begun = Instant::now();
        arm("/store/v1/inquiry").await;
        let lost = gateway.look_up("ALFAMART", &payment.pay_no).await;
        assert_eq!(seen(&lost, "refusal"), words, "{fault}");
        let bill = gateway.press(&Form::on(&lost, "again")).await;
        arm("/store/v1/payment").await;
        let form = Form::on(&bill, "payment").with("note", "50000").with("commit", "now");
        let lost = gateway.press(&form).await;
        assert_eq!(seen(&lost, "refusal"), words, "{fault}");
        assert!(lost.text().contains("nobody pays twice"), "{}", lost.text());
        assert_eq!(seen(&lost, "traceNo"), form.value("traceNo"));
        arm("/store/v1/commit").await;
        let lost = gateway.press(&Form::on(&lost, "again")).await;
        assert_eq!(seen(&lost, "refusal"), words, "{fault}");
        assert!(lost.text().contains("send the same commit again"), "{}", lost.text());
        let paid = gateway.press(&Form::on(&lost, "again")).await;
        assert_eq!(seen(&paid, "change"), "Rp 40.000", "the cash in hand has come along");
        assert_eq!(gateway.events(&payment.tx_id).await, ["registered", "taken", "committed"], "{fault}");
        arm("/store/v1/reversal").await;
        let lost = gateway.press(&Form::on(&paid, "reversal").with("reason", "x")).await;
        assert_eq!(seen(&lost, "refusal"), words, "{fault}");
        assert!(has(&gateway.press(&Form::on(&lost, "again")).await, "reversed"));
        assert!(begun.elapsed() < PATIENCE, "no longer than a till waits");
    }
    let asked = gateway.asked().await;
    assert_eq!(asked.iter().filter(|one| one.ends_with(" fault")).count(), 7 * 4, "{asked:?}");
}

#[tokio::test]
async fn s27_what_nobody_knows_of_can_be_taken_back_before_it_is_asked_again() {
    let gateway = gateway().await;
    let payment = gateway.register("INDO", "ORD1").await;
    let bill = gateway.look_up("INDOMARET", &payment.pay_no).await;
    gateway.arm(json!({ "on": "store-api", "path": "/store/v1/payment", "fault": "drop", "when": "after" })).await;
    let lost = gateway.press(&Form::on(&bill, "payment").with("note", "10000")).await;
    assert_eq!(gateway.status(&payment).await.0, "0");
    let back = gateway.press(&Form::on(&lost, "reversal").with("reason", "no answer")).await;
    assert_eq!(seen(&back, "giveBack"), "Rp 10.000");
    assert_eq!(gateway.status(&payment).await.0, "3");
}

#[tokio::test]
async fn a_form_that_is_not_the_counters_own_does_nothing() {
    let gateway = Gateway::at("2031-05-05T22:30:00").await;
    let payment = gateway.register("INDO", "ORD1").await;
    let bill = gateway.look_up("INDOMARET", &payment.pay_no).await;
    let night = gateway.get(COUNTER).await;
    let mut form = Form::on(&bill, "payment").with("note", "10000").with("reason", "x");
    form = form.with("until", Form::on(&night, "opening").value("until"));
    let right = form.value("csrf").to_owned();
    let before = gateway.asked().await;
    for action in FORMS {
        form.action = action.into();
        for wrong in ["", "x", &right[..32], &"0".repeat(64)] {
            let refused = gateway.send(&form.clone().with("csrf", wrong).request()).await;
            assert_eq!(refused.status, 403, "{action} {wrong}");
        }
        for site in ["cross-site", "same-site"] {
            let refused = gateway.send(&form.request().header("Sec-Fetch-Site", site)).await;
            assert_eq!(refused.status, 403, "{action} {site}");
            assert!(!refused.text().contains(&payment.pay_no), "what another site made up is not shown");
        }
        let large = Request { body: vec![b'a'; 64 * 1024 + 1], ..form.request() };
        assert_eq!(gateway.send(&large).await.status, 413, "{action}");
        assert_eq!(gateway.get(action).await.status, 405, "{action}");
    }
    assert_eq!(gateway.asked().await, before);
    assert_eq!(gateway.now().await.to_string(), "2031-05-05T15:30:00Z", "the clock has not moved");
    assert_eq!(gateway.events(&payment.tx_id).await, ["registered"]);
    form.action = "/counter/payment".into();
    let own = gateway.send(&form.request().header("Sec-Fetch-Site", "same-origin")).await;
    assert_eq!(own.status, 303);
}

#[tokio::test]
async fn a_page_from_before_a_restart_goes_on_with_its_trace() {
    let gateway = gateway().await;
    let payment = gateway.register("INDO", "ORD1").await;
    let form = Form::on(&gateway.look_up("INDOMARET", &payment.pay_no).await, "payment").with("note", "20000");
    let gateway = gateway.restart(sandbox_settings()).await;
    let paid = gateway.press(&form).await;
    assert_eq!(seen(&paid, "change"), "Rp 10.000");
    assert_eq!(Form::on(&paid, "reversal").value("traceNo"), form.value("traceNo"));
}

#[tokio::test]
async fn what_people_have_typed_comes_out_as_text() {
    let gateway = gateway().await;
    let nasty = "\"><script>x</script>";
    let payment = gateway
        .registered(&direct("ORD1").set("goodsNm", "<script>alert(1)</script>").set("billingNm", "<b>Sinta</b>"))
        .await;
    let start = gateway.get("/counter?payNo=%22%3E%3Cscript%3Ex&storeCode=%22%3E%3Cscript%3E&lang=en").await;
    let form = gateway.counter("en").await.with("storeBrand", "INDOMARET");
    let bill = gateway
        .press(&form.clone().with("payNo", &payment.pay_no).with("storeCode", nasty).with("terminalId", "<i>"))
        .await;
    assert!(bill.text().contains("&#60;script&#62;alert(1)"), "{}", bill.text());
    let paid = gateway.press(&Form::on(&bill, "payment").with("given", "20000")).await;
    assert!(paid.text().contains("Store    &#34;&#62;&#60;script&#62;"), "{}", paid.text());
    let refused = gateway.press(&form.with("payNo", nasty)).await;
    let short = gateway.send(&Form::on(&bill, "payment").with("given", nasty).request()).await;
    for page in [start, bill, paid, refused, short] {
        let text = page.text();
        assert_eq!(text.matches("<script").count(), 1, "our own: {text}");
        assert!(!text.contains("<b>") && !text.contains("<i>"), "{text}");
    }
}

#[tokio::test]
async fn every_page_is_guarded_and_what_it_needs_is_small() {
    let gateway = gateway().await;
    let payment = gateway.register("INDO", "ORD1").await;
    let bill = gateway.look_up("INDOMARET", &payment.pay_no).await;
    let form = Form::on(&bill, "payment").with("note", "10000");
    let sent = gateway.send(&form.request()).await;
    let paid = gateway.get(sent.header("location").unwrap()).await;
    for answer in [&gateway.get(COUNTER).await, &bill, &sent, &paid, &gateway.get("/counter/slips/x").await] {
        let policy = answer.header("content-security-policy").unwrap();
        for part in
            ["default-src 'none'", "script-src 'self'", "style-src 'self'", "base-uri 'none'", "frame-ancestors 'none'"]
        {
            assert!(policy.contains(part) && !policy.contains("unsafe"), "{part}: {policy}");
        }
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("set-cookie"), None);
        for inline in ["<script>", "<style", " style=", " onclick=", "javascript:", "http://", "https://"] {
            assert!(!answer.text().contains(inline), "{inline}");
        }
        for secret in [ALMA.secret, INDO.secret] {
            assert!(!answer.text().contains(secret));
        }
    }
    let text = paid.text();
    let mut weight = text.len();
    for before in [r#"rel="stylesheet" href=""#, r#"<script src=""#, r#"rel="icon" href=""#] {
        let part = gateway.get(after(&text, before)).await;
        assert_eq!(part.status, 200);
        assert!(part.header("cache-control").unwrap().contains("immutable"));
        weight += part.body.len();
    }
    assert!(weight < 40_000, "{weight} bytes");
    assert_eq!(gateway.get("/counter/assets/counter.000000000000.css").await.status, 404);
}

#[tokio::test]
async fn a_reset_throws_the_slips_away_and_says_so() {
    let gateway = gateway().await;
    let payment = gateway.register("INDO", "ORD1").await;
    let looked = gateway.counter("en").await.with("storeBrand", "INDOMARET").with("payNo", &payment.pay_no);
    let sent = gateway.send(&looked.request()).await;
    let slip = sent.header("location").unwrap();
    assert_eq!(gateway.get(slip).await.status, 200);
    gateway.post("/sandbox/v1/reset", "{}").await;
    let gone = gateway.get(slip).await;
    assert_eq!(gone.status, 404);
    assert!(seen(&gone, "hint").contains("This slip is gone"), "{}", gone.text());
    for id in ["", "x", "%00", &"f".repeat(33)] {
        assert_eq!(gateway.get(&format!("/counter/slips/{id}")).await.status, 404, "{id}");
    }
    let empty = gateway.send(&looked.with("payNo", " - ").request()).await;
    assert_eq!(empty.status, 400);
    assert!(seen(&empty, "hint").contains("payment number first"), "{}", empty.text());
}

#[tokio::test]
async fn the_till_signs_with_the_chains_secret_in_force() {
    let gateway = gateway().await;
    let payment = gateway.register("INDO", "ORD1").await;
    let rotated = PartnerAccount {
        chain: gerai_domain::Chain::Indo,
        enabled: true,
        secret: "another secret of the chain".into(),
        retired_secret: None,
    };
    gateway.change_partner(rotated).await;
    let bill = gateway.look_up("INDOMARET", &payment.pay_no).await;
    assert_eq!(seen(&bill, "amount"), "Rp 10.000");
}

#[tokio::test]
async fn a_gateway_that_is_no_sandbox_has_no_counter_and_no_link_to_one() {
    let sandbox = gateway().await;
    let real = Gateway::with(Settings { sandbox: false, ..sandbox_settings() }).await;
    for path in ["/counter", "/counter/", "/counter/slips/0", "/counter/assets/x.css"] {
        assert_eq!(real.get(path).await.status, 404, "{path}");
    }
    for path in FORMS {
        let form = Form { action: path.into(), fields: vec![("payNo".into(), "1".into())] };
        assert_eq!(real.send(&form.request()).await.status, 404, "{path}");
    }
    for (gateway, linked) in [(&sandbox, true), (&real, false)] {
        for (chain, brand) in [("ALMA", "ALFAMART"), ("INDO", "INDOMARET")] {
            let answer = gateway.ask_done(&redirect(chain).set("mitraCd", chain)).await;
            let page = format!("/nicepay/redirect/v2/payment?tXid={}", answer.field("tXid"));
            for (language, words) in [("en", "pay this at the counter"), ("id", "bayar nomor ini di kasir")] {
                let page = gateway.get(&format!("{page}&lang={language}")).await;
                assert_eq!(page.text().contains(words), linked, "{}", page.text());
                assert_eq!(page.text().contains("/counter"), linked, "{}", page.text());
                if linked {
                    let address = unescaped(after(&page.text(), r#"id="counter" href=""#));
                    let counter = gateway.get(&address).await;
                    let form = Form::on(&counter, "inquiry");
                    let pay_no = after(&counter.text(), r#"name="payNo" value=""#).to_owned();
                    assert!(counter.text().contains(&format!(r#"value="{brand}" checked"#)), "{}", counter.text());
                    let bill = gateway.press(&form.with("payNo", &pay_no).with("storeBrand", brand)).await;
                    assert_eq!(seen(&bill, "amount"), "Rp 10.000", "the number is the page's own");
                }
            }
        }
    }
}
