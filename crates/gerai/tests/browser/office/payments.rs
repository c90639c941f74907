//! Payments: found, looked at, exported, and what is done to one by hand.

use super::{GERAITEST1, JAVASCRIPT, NO_JAVASCRIPT, OPERATOR, With};
use crate::browser::Browser;
use crate::sandbox::{Payment, Purchase, Sandbox};
use crate::support::receiver::Receiver;
use crate::support::{Order, Shop};
use gerai_protocol::MitraCd;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

/// The order numbers of the list, from top to bottom.
const LISTED: &str = "return [...document.querySelectorAll('#payments tbody th')].map((order) => order.innerText);";

/// A payment of another merchant than GERAITEST1; its tXid.
async fn of_another_merchant(sandbox: &Sandbox) -> String {
    let inbox = format!("{}/sandbox/v1/inbox/other", sandbox.url());
    Shop::ionpaytest().register(&sandbox.server, &Order::at(MitraCd::Alma, "OTHER-1", &inbox)).await.t_xid
}

impl Browser {
    /// Searches with one field.
    async fn find_by(&self, sandbox: &Sandbox, field: &str, value: &str) {
        self.office(sandbox, "/payments").await;
        if field != "#q" {
            self.click("#find summary").await;
        }
        match field {
            "#state" | "#chain" => self.choose(field, value).await,
            "#from" | "#to" => self.choose_day(field, value).await,
            _ => self.fill(field, value).await,
        }
        self.click("#find button").await;
    }

    async fn payment(&self, sandbox: &Sandbox, tx_id: &str) {
        self.office(sandbox, &format!("/payments/{tx_id}")).await;
    }
}

async fn found_by_each_filter(with: With) {
    let (sandbox, browser) = with.signed_in(OPERATOR).await;
    let first = sandbox.register(&Purchase::at(MitraCd::Alma, "KOPI-1")).await;
    let second = sandbox.register(&Purchase::at(MitraCd::Indo, "KOPI-2")).await;
    sandbox.pay(&second, true).await;
    sandbox.register(&Purchase::new("TEH-1")).await;
    sandbox.advance("24h").await;
    of_another_merchant(&sandbox).await;
    let number = sandbox.number_of(&first).await;
    for (field, value, orders) in [
        ("#q", "KOPI", &["KOPI-2", "KOPI-1"][..]),
        ("#q", &first.tx_id, &["KOPI-1"]),
        ("#q", &number, &["KOPI-1"]),
        ("#from", "2031-05-06", &["OTHER-1"]),
        ("#to", "2031-05-05", &["TEH-1", "KOPI-2", "KOPI-1"]),
        ("#state", "paid", &["KOPI-2"]),
        ("#chain", "ALMA", &["OTHER-1", "KOPI-1"]),
        ("#amount", "10.000", &["OTHER-1"]),
        ("#referenceNo", "TEH", &["TEH-1"]),
        ("#merchant", "GERAITEST1", &["TEH-1", "KOPI-2", "KOPI-1"]),
    ] {
        browser.find_by(&sandbox, field, value).await;
        browser.comes_to(LISTED, &json!(orders)).await;
        assert_eq!(browser.value(field).await, value, "the search stays in its field");
        browser.fits(field).await;
    }
    // Two together, as an address that a colleague can be sent.
    browser.office(&sandbox, "/payments?chain=ALMA&merchant=GERAITEST1").await;
    browser.comes_to(LISTED, &json!(["KOPI-1"])).await;
    browser.find_by(&sandbox, "#q", "SUSU").await;
    browser.sees(".empty", "No payment is like this").await;
    browser.find_by(&sandbox, "#amount", "banyak").await;
    browser.sees("#amount-wrong", "Write whole rupiah").await;
    browser.fits("a search that is wrong").await;
    browser.office(&sandbox, "/payments").await;
    browser.click("#payments tbody tr:last-child a").await;
    browser.sees("h1", "Payment KOPI-1").await;
    browser.kept_to(&[sandbox.url()]).await;
}

#[tokio::test]
async fn a_payment_is_found_by_each_filter() {
    found_by_each_filter(JAVASCRIPT).await;
}

#[tokio::test]
async fn a_payment_is_found_by_each_filter_without_javascript_too() {
    found_by_each_filter(NO_JAVASCRIPT).await;
}

#[tokio::test]
async fn s12_a_payments_page_that_is_open_follows_it_and_tells_its_history() {
    let (sandbox, browser) = JAVASCRIPT.signed_in(OPERATOR).await;
    let payment = sandbox.register(&Purchase::at(MitraCd::Alma, "ORD1")).await;
    browser.payment(&sandbox, &payment.tx_id).await;
    browser.sees("#state", "Unpaid").await;
    sandbox.pay(&payment, true).await;
    browser.sees("#state", "Paid").await;
    let history = browser.text(".timeline").await;
    let events = ["Registered", "Rp 150.000, payable until", "Money taken", "Confirmed by the chain"];
    let places = events.map(|event| history.find(event).unwrap_or_else(|| panic!("no {event} in {history}")));
    assert!(places.is_sorted(), "{history}");
    browser.sees(".message", "Deposit (status 0)").await;
    browser.click("[data-copy]").await;
    browser.sees("#said", "Copied").await;
    assert_eq!(browser.clipboard().await, payment.tx_id);
    browser.kept_to(&[sandbox.url()]).await;
}

/// The shop's server is down for days; once it is up again an operator has the notification sent anew.
async fn sent_again(with: With) {
    let (sandbox, browser) = with.signed_in(OPERATOR).await;
    let answers = Arc::new(AtomicU16::new(500));
    let answer = Arc::clone(&answers);
    let shop = Receiver::start(move |_| answer.load(Ordering::SeqCst)).await;
    let purchase = Purchase { db_process_url: Some(shop.url.clone()), ..Purchase::at(MitraCd::Alma, "ORD1") };
    let payment = sandbox.register(&purchase).await;
    sandbox.pay(&payment, true).await;
    sandbox.advance("3d").await;
    browser.office(&sandbox, "").await;
    browser.sees_in_the_end("#failed-notifications", "1\nfailed notification").await;
    browser.click("#failed-notifications").await;
    browser.sees("#failed", "HTTP 500, after 11 attempts").await;
    browser.fits("a failed notification").await;
    browser.click("#failed a").await;
    browser.sees(".message .badge", "Failed").await;
    browser.click(".attempt summary").await;
    browser.sees(".attempt[open]", "webhook-id").await;
    browser.sees(".attempt[open]", &payment.tx_id).await;
    browser.fits("what was sent").await;
    let refused = shop.came().len();
    answers.store(200, Ordering::SeqCst);
    browser.click(".message form button").await;
    browser.sees("#done", "The notification is in the queue again").await;
    if with.javascript {
        browser.sees(".message .badge", "Accepted").await;
    } else {
        browser.sees_in_the_end(".message .badge", "Accepted").await;
    }
    let came = shop.came();
    assert_eq!((refused, came.len()), (11, 12));
    let last = came.last().unwrap();
    assert_eq!((last.field("tXid"), last.field("status")), (payment.tx_id.as_str(), "0"));
    assert_eq!(last.webhook_id, came[0].webhook_id, "it is the same one");
    browser.is_logged(&sandbox, "Notification replayed", "operator:operator", &payment.tx_id).await;
    browser.office(&sandbox, "/notifications").await;
    browser.sees(".empty", "No notification has failed").await;
    browser.kept_to(&[sandbox.url()]).await;
}

#[tokio::test]
async fn rule_12_a_notification_that_a_shop_refused_to_the_end_is_sent_again() {
    sent_again(JAVASCRIPT).await;
}

#[tokio::test]
async fn rule_12_a_notification_that_a_shop_refused_to_the_end_is_sent_again_without_javascript_too() {
    sent_again(NO_JAVASCRIPT).await;
}

async fn returned_by_hand(with: With) {
    let (sandbox, browser) = with.signed_in(OPERATOR).await;
    let payment = sandbox.register(&Purchase::at(MitraCd::Alma, "ORD1")).await;
    sandbox.pay(&payment, true).await;
    browser.payment(&sandbox, &payment.tx_id).await;
    browser.click("#return summary").await;
    browser.fill("#reason", "   ").await;
    browser.click("#return button").await;
    browser.sees("#reason-wrong", "").await;
    browser.fits("a return without a reason").await;
    browser.fill("#reason", "Barang dikembalikan").await;
    browser.click("#return button").await;
    browser.sees("#done", "The return is noted").await;
    browser.sees("#state", "Returned").await;
    let history = browser.text(".timeline li:last-child").await;
    for part in ["Returned by hand", "Barang dikembalikan", "Operator operator"] {
        assert!(history.contains(part), "{part}: {history}");
    }
    assert_eq!(browser.count("#return").await, 0, "it is done once");
    browser.sees_in_the_end(".message:last-child .head", "Reversal (status 1)\nAccepted").await;
    assert_eq!(sandbox.status_of(&payment).await, "4");
    browser.is_logged(&sandbox, "Payment returned", "operator:operator", &payment.tx_id).await;
    browser.goto(&payment.url).await;
    browser.sees("h1", "Dana dikembalikan").await;
    browser.kept_to(&[sandbox.url()]).await;
}

#[tokio::test]
async fn s15_rule_11_an_operator_notes_a_return_with_a_reason_and_the_merchant_is_told() {
    returned_by_hand(JAVASCRIPT).await;
}

#[tokio::test]
async fn s15_rule_11_an_operator_notes_a_return_without_javascript_too() {
    returned_by_hand(NO_JAVASCRIPT).await;
}

async fn cancelled_by_the_merchants_user(with: With) {
    let (sandbox, browser) = with.signed_in(GERAITEST1).await;
    let payment = sandbox.register(&Purchase::at(MitraCd::Alma, "ORD1")).await;
    let other = of_another_merchant(&sandbox).await;
    browser.office(&sandbox, "/payments").await;
    browser.comes_to(LISTED, &json!(["ORD1"])).await;
    browser.find_by(&sandbox, "#q", &other).await;
    browser.sees(".empty", "No payment is like this").await;
    browser.traffic().await;
    browser.payment(&sandbox, &other).await;
    browser.sees("h1", "There is no such page").await;
    let address = format!("{}/office/payments/{other}", sandbox.url());
    assert!(browser.traffic().await.answered.contains(&(address, 404)));

    browser.payment(&sandbox, &payment.tx_id).await;
    browser.click("#cancel summary").await;
    browser.fill("#reason", "Stok habis").await;
    browser.click("#cancel button").await;
    browser.sees("#done", "The payment is cancelled").await;
    browser.sees("#state", "Cancelled").await;
    browser.sees(".timeline li:last-child", "geraitest1 of GERAITEST1").await;
    browser.sees("#nothing-to-do", "It is cancelled, for good.").await;
    browser.is_logged(&sandbox, "Payment cancelled", "user:geraitest1@GERAITEST1", &payment.tx_id).await;
    browser.goto(&payment.url).await;
    browser.sees("h1", "Dibatalkan").await;
    browser.kept_to(&[sandbox.url()]).await;
}

#[tokio::test]
async fn rule_10_a_merchants_user_cancels_an_own_payment_and_sees_no_other_merchants() {
    cancelled_by_the_merchants_user(JAVASCRIPT).await;
}

#[tokio::test]
async fn rule_10_a_merchants_user_cancels_an_own_payment_without_javascript_too() {
    cancelled_by_the_merchants_user(NO_JAVASCRIPT).await;
}

#[tokio::test]
async fn what_a_search_finds_is_downloaded_as_csv() {
    let (sandbox, browser) = JAVASCRIPT.signed_in(OPERATOR).await;
    let paid: Payment = sandbox.register(&Purchase::at(MitraCd::Alma, "=1+1")).await;
    sandbox.pay(&paid, true).await;
    sandbox.register(&Purchase::new("ORD2")).await;
    browser.office(&sandbox, "/payments?state=paid").await;
    browser.comes_to(LISTED, &json!(["=1+1"])).await;
    let (name, text) = browser.download("#export").await;
    assert!(name.starts_with("payments-20310505-100000"), "{name}");
    let lines: Vec<_> = text.strip_prefix('\u{feff}').unwrap().lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(lines[0].starts_with("tXid,iMid,referenceNo,amt,state,"), "{text}");
    assert!(lines[1].starts_with(&format!("{},GERAITEST1,'=1+1,150000,paid,", paid.tx_id)), "{text}");
    browser.office(&sandbox, "/audit").await;
    browser.sees("#deeds tbody tr", "Payments exported").await;
}

#[tokio::test]
async fn s14_what_a_merchant_sends_is_shown_as_text_whatever_it_looks_like() {
    let (sandbox, browser) = JAVASCRIPT.signed_in(OPERATOR).await;
    let goods_nm = "</dd><script>alert(1)</script><img src=x onerror=alert(2)>\"'&amp;<b>";
    let reference_no = "<script>alert(3)</script>";
    let purchase = Purchase { goods_nm: goods_nm.to_owned(), ..Purchase::at(MitraCd::Alma, reference_no) };
    let payment = sandbox.register(&purchase).await;
    browser.office(&sandbox, "/payments").await;
    browser.comes_to(LISTED, &json!([reference_no])).await;
    browser.payment(&sandbox, &payment.tx_id).await;
    browser.sees("h1", reference_no).await;
    browser.sees("main", goods_nm).await;
    browser.asks_nothing().await;
    assert_eq!(browser.count("script:not([src]), main img, main b").await, 0, "no element came of it");
    browser.kept_to(&[sandbox.url()]).await;
}
