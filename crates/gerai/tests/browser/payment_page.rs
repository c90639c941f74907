//! The payment page as a customer meets it.

use crate::browser::{Browser, DESKTOP, PHONE, Setup};
use crate::paper::Paper;
use crate::sandbox::{AMOUNT, MORNING, Payment, Purchase, Sandbox};
use crate::shop::{THANKS, WebShop};
use crate::support::PATIENCE;
use crate::symbols;
use gerai_protocol::{Callback, MitraCd, PayMethod};
use std::time::Instant;

/// What a page weighs at most, with all that it loads.
const HEAVIEST: u64 = 40_000;

const NUMBER: &str = ".number [aria-hidden]";

/// One language of the page, as far as these tests read it.
struct Words {
    languages: &'static str,
    code: &'static str,
    choose: &'static str,
    pay_at: &'static str,
    or: &'static str,
    amount: &'static str,
    confirming: &'static str,
    paid: &'static str,
    paid_at: &'static str,
}

const INDONESIAN: Words = Words {
    languages: "id-ID,id",
    code: "id",
    choose: "Pilih toko tempat Anda membayar",
    pay_at: "Bayar di",
    or: "atau",
    amount: "Rp 150.000",
    confirming: "Sedang dikonfirmasi",
    paid: "Sudah dibayar",
    paid_at: "Dibayar di Alfamart pada Senin, 5 Mei 2031, 10:06:00 WIB.",
};

const ENGLISH: Words = Words {
    languages: "en-GB,en",
    code: "en",
    choose: "Choose the store to pay at",
    pay_at: "Pay at",
    or: "or",
    amount: "Rp 150,000",
    confirming: "Being confirmed",
    paid: "Paid",
    paid_at: "Paid at Alfamart on Monday, 5 May 2031, 10:06:00 WIB.",
};

const EXPIRED: &str = "Batas waktu sudah lewat";

fn grouped(number: &str) -> String {
    format!("{} {} {}", &number[..4], &number[4..8], &number[8..])
}

fn as_symbols(number: &str) -> [String; 2] {
    [format!("CODE-128:{number}"), format!("QR-Code:{number}")]
}

/// A payment that can be paid at the Alfa group.
async fn unpaid(sandbox: &Sandbox) -> Payment {
    sandbox.register(&Purchase::at(MitraCd::Alma, "ALFA1")).await
}

/// The customer comes from the shop, chooses a store, sees the number and goes back.
async fn from_registration_to_callback(javascript: bool) {
    let sandbox = Sandbox::at(MORNING).await;
    let shop = WebShop::open().await;
    for words in [&INDONESIAN, &ENGLISH] {
        let mut browser = Browser::open(Setup { languages: words.languages, javascript }).await;
        for (look, mitra_cd, stores) in [
            (PHONE, MitraCd::Alma, format!("Alfamart, Alfamidi, Dan+Dan {} Lawson", words.or)),
            (DESKTOP, MitraCd::Indo, "Indomaret".to_owned()),
        ] {
            browser.look(look).await;
            let reference_no = format!("ORD/{}&{}", words.code, look.width);
            let call_back_url = format!("{}/thanks?order=1", shop.url);
            let purchase = Purchase { call_back_url, ..Purchase::new(&reference_no) };
            let payment = sandbox.register(&purchase).await;

            browser.goto(&payment.url).await;
            browser.sees("h1", words.choose).await;
            assert_eq!(browser.find("html").await.attr("lang").await.unwrap().as_deref(), Some(words.code));
            browser.fits("the choice").await;
            assert!(!browser.shows(".back").await, "there is no number to go back with yet");
            browser.click(&format!("input[value={}]", mitra_cd.as_str())).await;
            browser.click(".choose button").await;

            browser.sees("h1", &format!("{} {stores}", words.pay_at)).await;
            browser.fits("the number").await;
            let number = sandbox.number_of(&payment).await;
            assert_eq!(browser.text(NUMBER).await, grouped(&number));
            assert!(browser.text(".amount").await.contains(words.amount));
            assert_eq!(
                browser.text(".say blockquote[lang=id]").await,
                "Saya mau bayar lewat NICEPAY, Gerai Test.",
                "the cashier speaks Indonesian (S14)"
            );
            assert!(browser.text(".say").await.contains("NICEPAY - Gerai Test"), "what the till shows (S14)");
            for of_the_script in ["[data-copy]", "[data-print]", ".left"] {
                assert_eq!(browser.shows(of_the_script).await, javascript, "{of_the_script}");
            }

            browser.click(".back button").await;
            browser.sees("h1", THANKS).await;
            let query = shop.last_visit("/thanks");
            let callback =
                Callback::parse(query.strip_prefix("order=1&").expect("the shop's own comes first")).unwrap();
            let expected = Callback {
                result_cd: "0000".into(),
                result_msg: "SUCCESS".into(),
                t_xid: payment.tx_id.clone(),
                reference_no,
                pay_method: Some(PayMethod::Cvs),
                amt: AMOUNT.to_string(),
                currency: "IDR".into(),
                pay_no: Some(number),
                mitra_cd: Some(mitra_cd),
                trans_dt: Some("20310505".into()),
                trans_tm: Some("100000".into()),
                pay_valid_dt: Some("20310512".into()),
                pay_valid_tm: Some("100000".into()),
            };
            assert_eq!(callback, expected);
            browser.kept_to(&[sandbox.url(), &shop.url]).await;
        }
    }
}

#[tokio::test]
async fn s1_s2_s6_from_registration_to_callback_on_phone_and_desktop_in_both_languages() {
    from_registration_to_callback(true).await;
}

#[tokio::test]
async fn s1_s2_s6_from_registration_to_callback_without_javascript_too() {
    from_registration_to_callback(false).await;
}

#[tokio::test]
async fn s12_a_page_that_is_open_follows_the_payment_by_itself_until_it_is_paid() {
    for words in [&INDONESIAN, &ENGLISH] {
        let sandbox = Sandbox::at(MORNING).await;
        let payment = unpaid(&sandbox).await;
        let browser = Browser::open(Setup { languages: words.languages, ..Setup::default() }).await;
        browser.goto(&payment.url).await;
        browser.sees("h1", words.pay_at).await;
        sandbox.pay(&payment, false).await;
        browser.sees("h1", words.confirming).await;
        // The store does not confirm it in time (rule 7): the number is good again.
        sandbox.advance("6m").await;
        browser.sees("h1", words.pay_at).await;
        sandbox.pay(&payment, true).await;
        browser.sees("h1", words.paid).await;
        browser.sees(".lead", words.paid_at).await;
        // The store takes it back (rule 9).
        sandbox.take_back(&payment).await;
        browser.sees("h1", words.pay_at).await;
        browser.kept_to(&[sandbox.url()]).await;
    }
}

#[tokio::test]
async fn s12_without_javascript_the_page_looks_again_and_shows_that_it_is_paid() {
    let sandbox = Sandbox::at(MORNING).await;
    let payment = unpaid(&sandbox).await;
    let browser = Browser::open(Setup { languages: ENGLISH.languages, javascript: false }).await;
    browser.goto(&payment.url).await;
    browser.sees("h1", ENGLISH.pay_at).await;
    assert_eq!(browser.count("meta[http-equiv=refresh]").await, 0, "nothing takes the number away at a till");
    assert!(!browser.shows("[data-watching]").await, "nobody watches");
    sandbox.pay(&payment, false).await;
    browser.click(".again a").await;
    browser.sees("h1", ENGLISH.confirming).await;
    assert_eq!(browser.count("noscript meta[http-equiv=refresh][content='60']").await, 1, "once a minute");
    sandbox.advance("6m").await;
    browser.reload().await;
    browser.sees("#begun", "do not pay or order again").await;
    sandbox.pay(&payment, true).await;
    browser.click(".again a").await;
    browser.sees("h1", ENGLISH.paid).await;
    browser.sees(".lead", "Paid at Alfamart").await;
}

#[tokio::test]
async fn s16_a_page_that_is_open_when_the_deadline_passes_says_so() {
    let sandbox = Sandbox::at(MORNING).await;
    let browser = Browser::open(Setup::default()).await;
    let payment = unpaid(&sandbox).await;
    let undecided = sandbox.register(&Purchase::new("ORD2")).await;
    browser.goto(&payment.url).await;
    browser.sees("h1", INDONESIAN.pay_at).await;
    sandbox.advance("7d").await;
    // Up to and including the deadline's second (rule 1).
    browser.reload().await;
    browser.sees("h1", INDONESIAN.pay_at).await;
    sandbox.advance("1s").await;
    browser.sees("h1", EXPIRED).await;
    browser.fits("expired").await;
    assert!(!browser.shows("svg").await, "nothing is left to be scanned");
    browser.goto(&undecided.url).await;
    browser.sees("h1", EXPIRED).await;
    browser.kept_to(&[sandbox.url()]).await;
}

#[tokio::test]
async fn s28_the_countdown_begins_at_the_gateways_clock_and_moves() {
    let sandbox = Sandbox::at(MORNING).await;
    let valid_until = Some(("20310506", "105959"));
    let payment = sandbox.register(&Purchase { valid_until, ..Purchase::at(MitraCd::Indo, "ORD1") }).await;
    let browser = Browser::open(Setup { languages: ENGLISH.languages, ..Setup::default() }).await;
    browser.goto(&payment.url).await;
    // A second less than 25 hours in all. The device's own clock is years behind.
    browser.sees(".left", "Time left 1 day 00:59:").await;
    let first = browser.text("[role=timer]").await;
    let begun = Instant::now();
    let next = loop {
        let now = browser.text("[role=timer]").await;
        if now != first {
            break now;
        }
        assert!(begun.elapsed() < PATIENCE, "it stands still at {now}");
    };
    assert!(next < first, "{first} before {next}");
    assert!(next.starts_with("1 day 00:59:"), "{next}");
}

#[tokio::test]
async fn s28_the_countdown_follows_when_the_gateways_clock_is_moved() {
    let sandbox = Sandbox::at(MORNING).await;
    let payment = sandbox.register(&Purchase::at(MitraCd::Indo, "ORD1")).await;
    let browser = Browser::open(Setup { languages: ENGLISH.languages, ..Setup::default() }).await;
    browser.goto(&payment.url).await;
    browser.sees(".left", "Time left 6 days 23:59:").await;
    sandbox.advance("3h").await;
    browser.sees(".left", "Time left 6 days 20:59:").await;
}

#[tokio::test]
async fn s17_an_open_page_is_written_anew_when_the_store_closes() {
    let sandbox = Sandbox::at("2031-05-05T21:59:58").await;
    let payment = unpaid(&sandbox).await;
    let browser = Browser::open(Setup::default()).await;
    browser.goto(&payment.url).await;
    browser.sees(".hours", "Tutup 22:00–01:00 WIB tiap hari.").await;
    assert!(!browser.text(".hours").await.contains("Saat ini tutup"));
    sandbox.advance("2s").await;
    browser.sees(".hours", "Saat ini tutup").await;
    browser.kept_to(&[sandbox.url()]).await;
}

/// A page that is not looked at leaves its place to others, and looks again when it is.
#[tokio::test]
async fn s12_a_page_in_the_background_does_not_listen_and_catches_up_when_it_is_seen_again() {
    let sandbox = Sandbox::at(MORNING).await;
    let payment = unpaid(&sandbox).await;
    let browser = Browser::open(Setup::default()).await;
    browser.goto(&payment.url).await;
    browser.sees("h1", INDONESIAN.pay_at).await;
    let put = async |state: &str| {
        let script = "const state = arguments[0]; \
            Object.defineProperty(document, 'visibilityState', { get: () => state, configurable: true }); \
            document.dispatchEvent(new Event('visibilitychange'));";
        browser.run(script, vec![state.into()]).await;
    };
    // From here on it is known which streams are open.
    put("hidden").await;
    let watch = "window.streams = []; const Known = EventSource; \
        window.EventSource = class extends Known { constructor(url) { super(url); streams.push(this); } };";
    browser.run(watch, vec![]).await;
    let open = "return streams.filter((stream) => stream.readyState !== EventSource.CLOSED).length;";
    put("visible").await;
    assert_eq!(browser.run(open, vec![]).await, 1, "it listens");
    put("hidden").await;
    assert_eq!(browser.run(open, vec![]).await, 0, "it has left");
    sandbox.pay(&payment, true).await;
    assert!(browser.text("h1").await.contains(INDONESIAN.pay_at), "nobody sees it");
    put("visible").await;
    browser.sees("h1", INDONESIAN.paid).await;
}

#[tokio::test]
async fn s12_a_page_whose_payment_is_forgotten_says_so_and_asks_no_more() {
    let sandbox = Sandbox::at(MORNING).await;
    let payment = unpaid(&sandbox).await;
    let browser = Browser::open(Setup::default()).await;
    browser.goto(&payment.url).await;
    browser.sees("h1", INDONESIAN.pay_at).await;
    sandbox.reset().await;
    browser.sees("h1", "Pembayaran tidak ditemukan").await;
    assert_eq!(browser.count("script").await, 0, "nothing is left to ask for");
}

#[tokio::test]
async fn s7_the_copy_button_puts_the_bare_number_into_the_clipboard_and_says_so() {
    let sandbox = Sandbox::at(MORNING).await;
    let payment = unpaid(&sandbox).await;
    let browser = Browser::open(Setup { languages: ENGLISH.languages, ..Setup::default() }).await;
    browser.goto(&payment.url).await;
    browser.click("[data-copy]").await;
    browser.sees("[data-copy]", "Number copied").await;
    assert_eq!(browser.run("return document.getElementById('said').textContent;", vec![]).await, "Number copied");
    assert_eq!(browser.clipboard().await, sandbox.number_of(&payment).await);
}

#[tokio::test]
async fn s1_a_second_visit_shows_the_same_number_and_a_given_store_leaves_no_choice() {
    let sandbox = Sandbox::at(MORNING).await;
    let payment = sandbox.register(&Purchase::new("ORD1")).await;
    let browser = Browser::open(Setup::default()).await;
    browser.goto(&payment.url).await;
    browser.click("input[value=INDO]").await;
    browser.click(".choose button").await;
    browser.sees("h1", "Bayar di Indomaret").await;
    let number = browser.text(NUMBER).await;
    browser.goto(&format!("{}/docs", sandbox.url())).await;
    browser.goto(&payment.url).await;
    browser.sees("h1", "Bayar di Indomaret").await;
    assert_eq!(browser.text(NUMBER).await, number);
    assert_eq!(browser.count("[name=mitraCd]").await, 0);

    let given = unpaid(&sandbox).await;
    browser.goto(&given.url).await;
    browser.sees("h1", "Bayar di Alfamart, Alfamidi, Dan+Dan atau Lawson").await;
    assert_eq!(browser.count("[name=mitraCd]").await, 0);
    assert_eq!(browser.text(NUMBER).await, grouped(&sandbox.number_of(&given).await));
}

#[tokio::test]
async fn s4_s15_cancelled_returned_and_unknown_payments_are_named_so() {
    let sandbox = Sandbox::at(MORNING).await;
    let browser = Browser::open(Setup::default()).await;
    let cancelled = sandbox.register(&Purchase::at(MitraCd::Alma, "ORD1")).await;
    browser.goto(&cancelled.url).await;
    browser.sees("h1", INDONESIAN.pay_at).await;
    sandbox.cancel(&cancelled).await;
    browser.sees("h1", "Dibatalkan").await;
    let returned = sandbox.register(&Purchase::at(MitraCd::Indo, "ORD2")).await;
    sandbox.pay(&returned, true).await;
    sandbox.give_back(&returned);
    browser.goto(&returned.url).await;
    browser.sees("h1", "Dana dikembalikan").await;
    browser.goto(&cancelled.url[..cancelled.url.len() - 1]).await;
    browser.sees("h1", "Pembayaran tidak ditemukan").await;
    browser.kept_to(&[sandbox.url()]).await;
}

#[tokio::test]
async fn s1_the_other_language_is_one_click_away_and_stays() {
    let sandbox = Sandbox::at(MORNING).await;
    let payment = sandbox.register(&Purchase::new("ORD1")).await;
    let browser = Browser::open(Setup::default()).await;
    browser.goto(&payment.url).await;
    browser.sees("h1", INDONESIAN.choose).await;
    browser.click(".language").await;
    browser.sees("h1", ENGLISH.choose).await;
    browser.click("input[value=ALMA]").await;
    browser.click(".choose button").await;
    browser.sees("h1", ENGLISH.pay_at).await;
    assert!(browser.address().await.ends_with("&lang=en"));
}

#[tokio::test]
async fn s14_what_a_merchant_writes_is_shown_as_text_whatever_it_looks_like() {
    let sandbox = Sandbox::at(MORNING).await;
    let goods_nm = "</title></dd><script>alert(1)</script><img src=x onerror=alert(2)>\"'&amp;<b>";
    let reference_no = "<script>alert(3)</script>";
    let browser = Browser::open(Setup::default()).await;
    for mitra_cd in [None, Some(MitraCd::Alma)] {
        let reference_no = format!("{reference_no}{}", mitra_cd.map_or("", MitraCd::as_str));
        let purchase = Purchase { goods_nm: goods_nm.to_owned(), mitra_cd, ..Purchase::new(&reference_no) };
        let payment = sandbox.register(&purchase).await;
        browser.goto(&payment.url).await;
        assert!(browser.text(".order").await.contains(goods_nm), "{}", browser.text(".order").await);
        browser.asks_nothing().await;
        assert_eq!(browser.count("script:not([src]), main img, b").await, 0, "no element came of it");
        browser.kept_to(&[sandbox.url()]).await;
    }
}

#[tokio::test]
async fn s14_a_name_without_a_gap_makes_the_page_no_wider() {
    let sandbox = Sandbox::at(MORNING).await;
    let browser = Browser::open(Setup::default()).await;
    for mitra_cd in [None, Some(MitraCd::Alma)] {
        let reference_no = mitra_cd.map_or("none", MitraCd::as_str);
        let purchase = Purchase { goods_nm: "W".repeat(100), mitra_cd, ..Purchase::new(reference_no) };
        browser.goto(&sandbox.register(&purchase).await.url).await;
        browser.fits("a name without a gap").await;
    }
}

#[tokio::test]
async fn s7_barcode_and_qr_code_are_read_off_the_screen_as_the_number() {
    let sandbox = Sandbox::at(MORNING).await;
    let payment = unpaid(&sandbox).await;
    let number = sandbox.number_of(&payment).await;
    let mut browser = Browser::open(Setup::default()).await;
    for look in [PHONE, PHONE.sharp(), PHONE.dark().sharp(), DESKTOP, DESKTOP.dark()] {
        browser.look(look).await;
        browser.goto(&payment.url).await;
        // What a customer holds out to the cashier, not the whole page.
        browser.run("document.querySelector('.symbols').scrollIntoView({ block: 'center' });", vec![]).await;
        assert_eq!(symbols::read(&browser.screen().await), as_symbols(&number), "{look:?}");
    }
}

/// Printed while stores are closed, and with the longest name that a purchase can have.
#[tokio::test]
async fn s7_the_voucher_is_one_page_of_a6_or_of_a_tills_roll_and_can_be_scanned() {
    let sandbox = Sandbox::at("2031-05-05T22:30:00").await;
    let goods_nm = "Kopi Gayo 250 g, Teh Melati, ".repeat(4)[..100].to_owned();
    let payment = sandbox.register(&Purchase { goods_nm, ..Purchase::at(MitraCd::Alma, "ORD1") }).await;
    let number = sandbox.number_of(&payment).await;
    for javascript in [true, false] {
        let mut browser = Browser::open(Setup { javascript, ..Setup::default() }).await;
        for look in [PHONE, DESKTOP.dark()] {
            browser.look(look).await;
            browser.goto(&payment.url).await;
            for (width_mm, height_mm) in [(105.0, 148.0), (80.0, 200.0)] {
                let paper = Paper::of(&browser.print(width_mm, height_mm).await);
                let text = paper.text();
                assert_eq!(paper.pages(), 1, "{width_mm} mm: {text}");
                for printed in [grouped(&number).as_str(), "Rp 150.000", "Gerai Test", "12 Mei 2031, 21:59:59 WIB"] {
                    assert!(text.contains(printed), "{printed} on {width_mm} mm: {text}");
                }
                assert!(!text.contains("Saat ini tutup"), "{width_mm} mm: what is so at the printer: {text}");
                assert_eq!(paper.symbols(), as_symbols(&number), "{width_mm} mm");
            }
        }
    }
}

#[tokio::test]
async fn s1_a_page_weighs_at_most_40_kilobytes_with_all_that_it_loads() {
    let sandbox = Sandbox::at(MORNING).await;
    let choice = sandbox.register(&Purchase::new("ORD2")).await;
    let payment = unpaid(&sandbox).await;
    for payment in [choice, payment] {
        let browser = Browser::open(Setup::default()).await;
        browser.goto(&payment.url).await;
        let traffic = browser.traffic().await;
        assert!(traffic.asked.len() >= 4, "page, style, script and icon: {traffic:?}");
        assert!((1_000..=HEAVIEST).contains(&traffic.bytes), "{traffic:?}");
    }
}

/// Every state that a page can show, at the windows and colours that it is looked at with.
#[tokio::test]
async fn s1_every_state_of_the_page_is_accessible_and_fits_on_phone_and_desktop_light_and_dark() {
    let sandbox = Sandbox::at(MORNING).await;
    let expired =
        sandbox.register(&Purchase { valid_until: Some(("20310505", "100500")), ..Purchase::new("ORD-expired") }).await;
    sandbox.advance("6m").await;
    let choice = sandbox.register(&Purchase::new("ORD-choice")).await;
    let alfa = sandbox.register(&Purchase::at(MitraCd::Alma, "ORD-alfa")).await;
    let soon = Purchase { valid_until: Some(("20310505", "104500")), ..Purchase::at(MitraCd::Indo, "ORD-soon") };
    let soon = sandbox.register(&soon).await;
    let confirming = sandbox.register(&Purchase::at(MitraCd::Alma, "ORD-confirming")).await;
    sandbox.pay(&confirming, false).await;
    let paid = sandbox.register(&Purchase::at(MitraCd::Alma, "ORD-paid")).await;
    sandbox.pay(&paid, true).await;
    let tonight = Some(("20310505", "235959"));
    let late = sandbox.register(&Purchase { valid_until: tonight, ..Purchase::at(MitraCd::Indo, "ORD-late") }).await;
    let half_late = sandbox.register(&Purchase { valid_until: tonight, ..Purchase::new("ORD-half-late") }).await;
    let cancelled = sandbox.register(&Purchase::at(MitraCd::Alma, "ORD-cancelled")).await;
    sandbox.cancel(&cancelled).await;
    let returned = sandbox.register(&Purchase::at(MitraCd::Indo, "ORD-returned")).await;
    sandbox.pay(&returned, true).await;
    sandbox.give_back(&returned);

    let mut browser = Browser::open(Setup::default()).await;
    for (payment, head) in [
        (&choice, INDONESIAN.choose),
        (&alfa, "Bayar di Alfamart"),
        (&soon, "Bayar di Indomaret"),
        (&confirming, INDONESIAN.confirming),
        (&paid, INDONESIAN.paid),
        (&cancelled, "Dibatalkan"),
        (&returned, "Dana dikembalikan"),
        (&expired, EXPIRED),
    ] {
        browser.goto(&payment.url).await;
        looks_good(&mut browser, head).await;
    }
    browser.goto(&choice.url[..choice.url.len() - 1]).await;
    looks_good(&mut browser, "Pembayaran tidak ditemukan").await;
    // A form that was open for too long.
    browser.goto(&choice.url).await;
    browser.run("document.querySelector('.choose [type=hidden]').value = 'old';", vec![]).await;
    browser.click("input[value=INDO]").await;
    browser.click(".choose button").await;
    browser.sees("[role=alert]", "terlalu lama terbuka").await;
    looks_good(&mut browser, INDONESIAN.choose).await;
    // At night (S17).
    sandbox.advance("12h30m").await;
    browser.goto(&alfa.url).await;
    browser.sees(".hours", "Saat ini tutup").await;
    looks_good(&mut browser, "Bayar di Alfamart").await;
    // Too late for one, or for all that take it.
    sandbox.advance("35m").await;
    browser.goto(&half_late.url).await;
    browser.sees("label:has(:disabled)", "Sudah tidak bisa dibayar di sini").await;
    looks_good(&mut browser, INDONESIAN.choose).await;
    browser.goto(&late.url).await;
    looks_good(&mut browser, "Sudah terlambat untuk dibayar").await;
    // A store that never confirmed it, before and after the deadline.
    browser.goto(&confirming.url).await;
    browser.sees("#begun", "jangan membayar atau memesan lagi").await;
    looks_good(&mut browser, "Bayar di Alfamart").await;
    sandbox.advance("7d").await;
    browser.goto(&confirming.url).await;
    browser.sees("#begun", "jangan membayar atau memesan lagi").await;
    looks_good(&mut browser, EXPIRED).await;
}

async fn looks_good(browser: &mut Browser, head: &str) {
    browser.sees("h1", head).await;
    browser.looks_good(head).await;
}
