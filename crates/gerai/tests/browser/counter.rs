//! The counter as somebody meets it who plays the cashier.

use crate::browser::{Browser, DESKTOP, PHONE, Setup};
use crate::paper::Paper;
use crate::sandbox::{MORNING, Payment, Purchase, Sandbox};
use gerai_protocol::MitraCd;
use serde_json::json;

/// One language of the counter, as far as these tests read it.
struct Words {
    languages: &'static str,
    code: &'static str,
    counter: &'static str,
    bill: &'static str,
    until: &'static str,
    missing: &'static str,
    too_little: &'static str,
    change: &'static str,
    ready: &'static str,
    lapsed: &'static str,
    paid: &'static str,
    /// What stands on the buttons beside a receipt.
    beside: [&'static str; 2],
    reversed: &'static str,
    other_counter: &'static str,
}

const INDONESIAN: Words = Words {
    languages: "id-ID,id",
    code: "id",
    counter: "Kasir",
    bill: "Tagihan",
    until: "Senin, 12 Mei 2031, 10:00:00 WIB",
    missing: "Masih kurang Rp 50.000",
    too_little: "Uangnya kurang",
    change: "Kembalian Rp 50.000",
    ready: "Diterima, belum di-commit",
    lapsed: "Waktu commit berakhir Senin, 5 Mei 2031, 10:05:00 WIB",
    paid: "Lunas",
    beside: ["Cetak struk", "Pelanggan berikutnya"],
    reversed: "Pembayaran dibatalkan",
    other_counter: "Sedang diproses kasir lain",
};

const ENGLISH: Words = Words {
    languages: "en-GB,en",
    code: "en",
    counter: "Counter",
    bill: "To be paid",
    until: "Monday, 12 May 2031, 10:00:00 WIB",
    missing: "Still missing Rp 50.000",
    too_little: "That is less than the amount",
    change: "Change Rp 50.000",
    ready: "Taken, not committed yet",
    lapsed: "The time to commit ended at Monday, 5 May 2031, 10:05:00 WIB",
    paid: "Paid",
    beside: ["Print the receipt", "Next customer"],
    reversed: "Taken back",
    other_counter: "Another counter is at it",
};

const RECEIPT: &str = "#receipt pre";

fn grouped(number: &str) -> String {
    format!("{} {} {}", &number[..4], &number[4..8], &number[8..])
}

async fn browser_of(words: &Words, javascript: bool) -> Browser {
    Browser::open(Setup { languages: words.languages, javascript }).await
}

/// A payment that can be paid at the Alfa group.
async fn unpaid(sandbox: &Sandbox, reference_no: &str) -> Payment {
    sandbox.register(&Purchase::at(MitraCd::Alma, reference_no)).await
}

impl Browser {
    async fn go_to_the_counter(&self, sandbox: &Sandbox) {
        self.goto(&format!("{}/counter", sandbox.url())).await;
    }

    /// Looks a number up at the brand that the counter begins with.
    pub(crate) async fn look_up(&self, sandbox: &Sandbox, number: &str) {
        self.go_to_the_counter(sandbox).await;
        self.scan_into("#payNo", number).await;
    }
}

/// A cashier scans the number, asks for the rest, takes the cash, hands out the receipt, and takes the payment back.
async fn from_the_number_to_the_receipt_and_back(javascript: bool) {
    let sandbox = Sandbox::at(MORNING).await;
    for words in [&INDONESIAN, &ENGLISH] {
        let mut browser = browser_of(words, javascript).await;
        for look in [PHONE, DESKTOP] {
            browser.look(look).await;
            let payment = unpaid(&sandbox, &format!("{}{}", words.code, look.width)).await;
            let number = sandbox.number_of(&payment).await;
            browser.go_to_the_counter(&sandbox).await;
            browser.sees("h1", words.counter).await;
            assert_eq!(browser.find("html").await.attr("lang").await.unwrap().as_deref(), Some(words.code));
            browser.fits("the number").await;
            browser.scan_into("#payNo", &number).await;

            browser.sees("h1", words.bill).await;
            browser.fits("the bill").await;
            for (css, text) in [
                ("#amount", "Rp 150.000"),
                ("#biller", "NICEPAY - Gerai Test"),
                ("#customer", "Si** Am****"),
                ("#goods", "Kopi Gayo 250 g"),
                ("#payableUntil", words.until),
                (".bill", &grouped(&number)),
            ] {
                assert!(browser.text(css).await.contains(text), "{css}: {}", browser.text(css).await);
            }
            browser.fill("#given", "100.000").await;
            assert_eq!(browser.shows("#change").await, javascript);
            if javascript {
                browser.sees("#change", words.missing).await;
            }
            browser.enter("#given").await;
            browser.sees("#hint", words.too_little).await;
            assert_eq!(browser.value("#given").await, "100.000", "it need not be typed anew");
            assert_eq!(sandbox.status_of(&payment).await, "3", "nothing was sent");
            browser.fits("too little cash").await;
            browser.fill("#given", "200.000").await;
            if javascript {
                browser.sees("#change", words.change).await;
            }
            browser.enter("#given").await;

            browser.sees("h1", words.paid).await;
            browser.fits("the receipt").await;
            assert_eq!(browser.text("#change").await, "Rp 50.000");
            assert_eq!(browser.shows("[data-print]").await, javascript);
            assert_eq!(sandbox.status_of(&payment).await, "0");
            let receipt = browser.text(RECEIPT).await;
            let lines = [
                "NICEPAY - Gerai Test",
                "2031-05-05 10:00:00 WIB",
                "Amount   Rp 150.000",
                "Cash     Rp 200.000",
                "Change   Rp 50.000",
            ];
            let paper = Paper::of(&browser.print(80.0, 160.0).await);
            let printed = paper.text();
            for line in lines {
                assert!(receipt.contains(line), "{line} in {receipt}");
                assert!(printed.contains(line), "{line} in {printed}");
            }
            assert_eq!(paper.pages(), 1, "{printed}");
            for button in words.beside {
                assert!(browser.text("#paid").await.contains(button) || !javascript, "{button}");
                assert!(!printed.contains(button), "{button} in {printed}");
            }
            assert_eq!(printed.split_whitespace().collect::<Vec<_>>(), receipt.split_whitespace().collect::<Vec<_>>());
            let calls = sandbox.calls_of_stores("/store/v1/payment").await;
            browser.reload().await;
            browser.sees(RECEIPT, &receipt).await;
            assert_eq!(sandbox.calls_of_stores("/store/v1/payment").await, calls, "nothing is sent again");

            browser.click("#paid summary").await;
            browser.fill("#reason", "Struk sobek").await;
            browser.click("#reversal button").await;
            browser.sees("h1", words.reversed).await;
            browser.fits("taken back").await;
            assert_eq!(browser.text("#giveBack").await, "Rp 150.000");
            assert_eq!(sandbox.status_of(&payment).await, "3");
            browser.click("#look button").await;
            browser.sees("h1", words.bill).await;
            browser.click("#next").await;
            browser.sees("h1", words.counter).await;
            assert_eq!(browser.value("#payNo").await, "", "for the next customer");
            browser.kept_to(&[sandbox.url()]).await;
        }
    }
}

#[tokio::test]
async fn s9_s10_s11_s14_from_the_number_to_the_receipt_and_back_on_phone_and_desktop_in_both_languages() {
    from_the_number_to_the_receipt_and_back(true).await;
}

#[tokio::test]
async fn s9_s10_s11_s14_from_the_number_to_the_receipt_and_back_without_javascript_too() {
    from_the_number_to_the_receipt_and_back(false).await;
}

#[tokio::test]
async fn s12_a_payment_page_that_is_open_turns_to_paid_by_itself_when_the_counter_has_taken_the_cash() {
    let sandbox = Sandbox::at(MORNING).await;
    let payment = unpaid(&sandbox, "ORD1").await;
    let mut browser = browser_of(&ENGLISH, true).await;
    browser.goto(&payment.url).await;
    browser.sees("h1", "Pay at Alfamart").await;
    let link = browser.find("#counter").await.prop("href").await.unwrap().unwrap();
    let page = browser.open_window().await;
    browser.look(DESKTOP).await;
    browser.goto(&link).await;
    assert_eq!(browser.value("#payNo").await, sandbox.number_of(&payment).await, "the page's link has it filled in");
    browser.enter("#payNo").await;
    browser.sees("h1", ENGLISH.bill).await;
    browser.click("#exact").await;
    browser.sees("h1", ENGLISH.paid).await;

    browser.go_on_in(page).await;
    browser.look(PHONE).await;
    browser.sees("h1", "Paid").await;
    browser.sees(".lead", "Paid at Alfamart on Monday, 5 May 2031, 10:00:00 WIB.").await;
    browser.kept_to(&[sandbox.url()]).await;
}

/// A cashier stops between the two steps, and another counter comes across the number.
async fn in_two_steps(javascript: bool) {
    let sandbox = Sandbox::at(MORNING).await;
    for words in [&INDONESIAN, &ENGLISH] {
        let browser = browser_of(words, javascript).await;
        for lapses in [false, true] {
            sandbox.control("reset", json!({ "clock": format!("{MORNING}+07:00") })).await;
            sandbox.control("clock", json!({ "freeze": true })).await;
            let payment = unpaid(&sandbox, "ORD1").await;
            let number = sandbox.number_of(&payment).await;
            browser.look_up(&sandbox, &number).await;
            browser.sees("h1", words.bill).await;
            browser.click("input[value=later]").await;
            browser.click("#exact").await;
            browser.sees("#ready", words.ready).await;
            browser.fits("ready").await;
            assert_eq!(browser.count("#receipt").await, 0, "no receipt before the commit");
            assert_eq!(sandbox.status_of(&payment).await, "5");
            let address = browser.address().await;
            browser.look_up(&sandbox, &number).await;
            browser.sees("#refusal", words.other_counter).await;
            browser.goto(&address).await;
            if lapses {
                browser.click("#lapse button").await;
                browser.sees("#ready", words.lapsed).await;
                assert_eq!(sandbox.status_of(&payment).await, "3");
            }
            browser.click("#commit button").await;
            browser.sees("h1", words.paid).await;
            assert!(browser.text(RECEIPT).await.contains("Rp 150.000"));
            assert_eq!(sandbox.status_of(&payment).await, "0");
        }
        browser.kept_to(&[sandbox.url()]).await;
    }
}

#[tokio::test]
async fn rule_7_a_cashier_can_stop_before_the_commit_and_commit_in_time_or_late() {
    in_two_steps(true).await;
}

#[tokio::test]
async fn rule_7_a_cashier_can_stop_before_the_commit_without_javascript_too() {
    in_two_steps(false).await;
}

#[tokio::test]
async fn s19_a_refusal_says_in_words_what_is_so_and_leads_on() {
    let sandbox = Sandbox::at(MORNING).await;
    let soon = Purchase { valid_until: Some(("20310505", "100500")), ..Purchase::at(MitraCd::Alma, "ORD-expired") };
    let expired = sandbox.number_of(&sandbox.register(&soon).await).await;
    sandbox.advance("6m").await;
    let paid = unpaid(&sandbox, "ORD-paid").await;
    sandbox.pay(&paid, true).await;
    let paid = sandbox.number_of(&paid).await;
    let elsewhere = sandbox.register(&Purchase::at(MitraCd::Indo, "ORD-elsewhere")).await;
    let elsewhere = sandbox.number_of(&elsewhere).await;
    let mut mistyped = elsewhere.clone();
    let last = if mistyped.pop() == Some('0') { '1' } else { '0' };
    mistyped.push(last);
    for (words, heads) in [
        (
            &INDONESIAN,
            ["Bukan nomor pembayaran", "Salah ketik", "Kedaluwarsa", "Sudah dibayar", "Untuk jaringan toko lain"],
        ),
        (&ENGLISH, ["Not a payment number", "Mistyped", "Expired", "Already paid", "For another chain"]),
    ] {
        let browser = browser_of(words, true).await;
        let numbers = ["12345", mistyped.as_str(), expired.as_str(), paid.as_str(), elsewhere.as_str()];
        let codes = ["4042412", "4042412", "4042419", "4042414", "4032415"];
        for ((number, code), head) in numbers.into_iter().zip(codes).zip(heads) {
            browser.look_up(&sandbox, number).await;
            browser.sees("#refusal", head).await;
            assert_eq!(browser.text("#responseCode").await, code);
            browser.fits(head).await;
            if browser.shows("#correct").await {
                browser.click("#correct").await;
                browser.sees("h1", words.counter).await;
                assert_eq!(browser.value("#payNo").await, number, "it is there to be corrected");
            }
        }
        // The last one is paid elsewhere: one click looks it up there.
        browser.click(".elsewhere button").await;
        browser.sees("h1", words.bill).await;
        browser.sees("#bill", "Indomaret").await;
        browser.kept_to(&[sandbox.url()]).await;
    }
}

/// At night a chain takes nothing; from the refusal and from the first page a button leads to the morning.
async fn closed_at_night(javascript: bool) {
    let sandbox = Sandbox::at("2031-05-05T22:30:00").await;
    let number = sandbox.number_of(&unpaid(&sandbox, "ORD1").await).await;
    let browser = browser_of(&ENGLISH, javascript).await;
    browser.look_up(&sandbox, &number).await;
    browser.sees("#refusal", "Closed for payments now").await;
    browser.click("#opening button").await;
    browser.sees("h1", ENGLISH.counter).await;
    browser.sees("#clock", "01:00:00 WIB").await;
    assert!(!browser.shows(".night").await, "all are open");
    browser.scan_into("#payNo", "").await;
    browser.sees("h1", ENGLISH.bill).await;

    sandbox.advance("21h30m").await;
    browser.go_to_the_counter(&sandbox).await;
    browser.sees(".night", "Alfamart, Alfamidi: closed for payments until Wednesday, 7 May 2031, 01:00:00 WIB.").await;
    assert!(browser.shows(".hours.closed").await);
    browser.fits("closed").await;
    browser.click(".opening button").await;
    browser.sees("#clock", "Wednesday, 7 May 2031, 01:00:00 WIB").await;
    assert!(!browser.shows(".night").await, "all are open");
    browser.kept_to(&[sandbox.url()]).await;
}

#[tokio::test]
async fn s17_s18_closed_now_is_said_and_a_button_moves_the_clock_to_the_opening() {
    closed_at_night(true).await;
}

#[tokio::test]
async fn s17_s18_closed_now_is_said_and_the_clock_moved_without_javascript_too() {
    closed_at_night(false).await;
}

#[tokio::test]
async fn rule_8_a_button_that_is_pressed_again_while_the_till_waits_sends_nothing_more() {
    let sandbox = Sandbox::at(MORNING).await;
    let number = sandbox.number_of(&unpaid(&sandbox, "ORD1").await).await;
    let browser = browser_of(&ENGLISH, true).await;
    browser.look_up(&sandbox, &number).await;
    browser.sees("h1", ENGLISH.bill).await;
    let slow = json!({ "on": "store-api", "path": "/store/v1/payment", "fault": "delay", "for": "PT1S", "count": 2 });
    sandbox.control("faults", slow).await;
    let twice = "const exact = document.getElementById('exact'); exact.click(); setTimeout(() => exact.click(), 200);";
    browser.run(twice, vec![]).await;
    browser.sees("h1", ENGLISH.paid).await;
    assert_eq!(sandbox.calls_of_stores("/store/v1/payment").await, 1);
}

#[tokio::test]
async fn the_gateways_clock_goes_on_the_counter() {
    let sandbox = Sandbox::at(MORNING).await;
    let browser = browser_of(&ENGLISH, true).await;
    browser.go_to_the_counter(&sandbox).await;
    browser.sees(".clock", "stands still").await;
    assert!(browser.text("#clock").await.ends_with("Monday, 5 May 2031, 10:00:00 WIB"));
    sandbox.control("clock", json!({ "advance": "13h59m58s" })).await;
    sandbox.control("clock", json!({ "freeze": false })).await;
    browser.reload().await;
    // Past midnight without another look at the server; the device's own clock is years behind.
    browser.sees("#clock", "Tuesday, 6 May 2031, 00:00:0").await;
}

#[tokio::test]
async fn s14_what_people_write_is_shown_as_text_whatever_it_looks_like() {
    let sandbox = Sandbox::at(MORNING).await;
    let browser = browser_of(&ENGLISH, true).await;
    let goods_nm = "</dd><script>alert(1)</script><img src=x onerror=alert(2)>\"'&amp;<b>";
    let purchase = Purchase { goods_nm: goods_nm.to_owned(), ..Purchase::at(MitraCd::Alma, "ORD1") };
    let number = sandbox.number_of(&sandbox.register(&purchase).await).await;
    let tag = "\"><script>alert(3)</script>";
    browser.look_up(&sandbox, &number).await;
    browser.sees("#goods", goods_nm).await;
    let as_text = async |browser: &Browser| {
        browser.asks_nothing().await;
        assert_eq!(browser.count("script:not([src]), main img, main b").await, 0, "no element came of it");
    };
    as_text(&browser).await;
    browser.fill("#given", tag).await;
    browser.enter("#given").await;
    browser.sees("#hint", "Type the cash given").await;
    assert_eq!(browser.value("#given").await, tag[..20], "the field takes no more");
    as_text(&browser).await;
    browser.look_up(&sandbox, tag).await;
    browser.sees("#refused", tag).await;
    as_text(&browser).await;
    browser.go_to_the_counter(&sandbox).await;
    browser.click(".till summary").await;
    browser.fill("#storeCode", "<b>Toko</b>").await;
    browser.fill("#payNo", &number).await;
    browser.enter("#payNo").await;
    browser.sees("#bill", "<b>Toko</b>").await;
    as_text(&browser).await;
    browser.kept_to(&[sandbox.url()]).await;
}

/// Every state that the counter can show, at the windows and colours that it is looked at with.
#[tokio::test]
async fn every_state_of_the_counter_is_accessible_and_fits_on_phone_and_desktop_light_and_dark() {
    let sandbox = Sandbox::at(MORNING).await;
    let words = &INDONESIAN;
    let mut browser = browser_of(words, true).await;
    let goods_nm = "W".repeat(100);
    let long = sandbox.register(&Purchase { goods_nm, ..Purchase::at(MitraCd::Alma, "ORD-long") }).await;
    let long = sandbox.number_of(&long).await;
    let payment = unpaid(&sandbox, "ORD1").await;
    let number = sandbox.number_of(&payment).await;

    browser.go_to_the_counter(&sandbox).await;
    browser.click(".till summary").await;
    browser.looks_good("the number").await;
    browser.look_up(&sandbox, &long).await;
    browser.sees("h1", words.bill).await;
    browser.looks_good("a bill with a name without a gap").await;
    browser.fill("#given", "100000").await;
    browser.sees("#change", words.missing).await;
    browser.looks_good("cash that is too little").await;
    browser.enter("#given").await;
    browser.sees("#hint", words.too_little).await;
    browser.looks_good("cash that was too little").await;

    browser.look_up(&sandbox, &number).await;
    browser.sees("h1", words.bill).await;
    browser.click("input[value=later]").await;
    browser.fill("#given", "200000").await;
    browser.enter("#given").await;
    browser.sees("#ready", words.ready).await;
    browser.click("#ready + .card summary").await;
    browser.looks_good("ready to commit").await;
    browser.click("#lapse button").await;
    browser.sees("#ready", words.lapsed).await;
    browser.looks_good("lapsed").await;
    browser.click("#commit button").await;
    browser.sees("h1", words.paid).await;
    browser.click("#paid summary").await;
    browser.looks_good("paid").await;
    browser.click("#reversal button").await;
    browser.sees("h1", words.reversed).await;
    browser.looks_good("taken back").await;

    browser.look_up(&sandbox, "12345").await;
    browser.sees("#refusal", "Bukan nomor pembayaran").await;
    browser.looks_good("a refusal").await;
    browser.go_to_the_counter(&sandbox).await;
    browser.click("input[value=INDOMARET]").await;
    browser.fill("#payNo", &number).await;
    browser.enter("#payNo").await;
    browser.sees("#refusal", "Untuk jaringan toko lain").await;
    browser.looks_good("for another chain").await;
    sandbox.control("faults", json!({ "on": "store-api", "fault": "drop", "path": "/store/v1/payment" })).await;
    browser.look_up(&sandbox, &number).await;
    browser.sees("h1", words.bill).await;
    browser.click("#exact").await;
    browser.sees("#refusal", "Tidak ada jawaban").await;
    browser.click("#refused summary").await;
    browser.looks_good("no answer").await;
    browser.click("#again button").await;
    browser.sees("h1", words.paid).await;
    browser.goto(&format!("{}/counter/slips/none", sandbox.url())).await;
    browser.sees("#hint", "Lembar ini sudah tidak ada").await;
    browser.looks_good("a slip that is gone").await;

    sandbox.advance("12h30m").await;
    browser.go_to_the_counter(&sandbox).await;
    browser.sees(".night", "tutup untuk pembayaran").await;
    browser.looks_good("closed").await;
    browser.look_up(&sandbox, &long).await;
    browser.sees("#refusal", "Tutup untuk pembayaran").await;
    browser.looks_good("refused because it is closed").await;
}
