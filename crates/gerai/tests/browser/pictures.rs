//! The pictures of the guides. Each run takes them and holds them to their size; `cargo xtask pictures` says where to,
//! and keeps them.

use crate::browser::{Browser, DESKTOP, Look, PHONE, Setup};
use crate::sandbox::{Purchase, Sandbox};
use gerai_protocol::MitraCd;
use std::path::PathBuf;

/// Beyond this a guide loads slowly.
const LARGEST: usize = 200_000;

/// Takes the page as it is now, once on a phone and once on a desktop.
async fn take(browser: &mut Browser, name: &str) {
    for look in [PHONE, DESKTOP] {
        browser.look(look).await;
        keep(&browser.picture().await, name, look);
    }
}

fn keep(png: &[u8], name: &str, look: Look) {
    let name = format!("{name}-{}.png", look.width);
    // A PNG says its width in the header that it begins with.
    assert_eq!(png[16..20], look.width.to_be_bytes(), "{name}");
    assert!(png.len() <= LARGEST, "{name} has {} bytes", png.len());
    if let Some(folder) = std::env::var_os("PICTURES_TO") {
        std::fs::write(PathBuf::from(folder).join(name), png).unwrap();
    }
}

#[tokio::test]
async fn the_payment_page_from_the_choice_of_the_store_to_paid() {
    let sandbox = Sandbox::at("2027-03-01T10:00:00").await;
    let mut browser = Browser::open(Setup { languages: "en-GB,en", ..Setup::default() }).await;
    browser.goto(&sandbox.register(&Purchase::new("INV-2027-0301")).await.url).await;
    take(&mut browser, "payment-store").await;
    let payment = sandbox.register(&Purchase::at(MitraCd::Alma, "INV-2027-0302")).await;
    browser.goto(&payment.url).await;
    take(&mut browser, "payment-number").await;
    sandbox.pay(&payment, true).await;
    browser.sees("h1", "Paid").await;
    take(&mut browser, "payment-paid").await;
}

#[tokio::test]
async fn the_counter_with_a_bill_and_a_receipt() {
    let sandbox = Sandbox::at("2027-03-01T10:00:00").await;
    let mut browser = Browser::open(Setup { languages: "en-GB,en", ..Setup::default() }).await;
    let payment = sandbox.register(&Purchase::at(MitraCd::Alma, "INV-2027-0301")).await;
    browser.look_up(&sandbox, &sandbox.number_of(&payment).await).await;
    browser.sees("h1", "To be paid").await;
    browser.fill("#given", "200.000").await;
    browser.sees("#change", "Rp 50.000").await;
    take(&mut browser, "counter-bill").await;
    browser.enter("#given").await;
    browser.sees("h1", "Paid").await;
    take(&mut browser, "counter-receipt").await;
}

#[tokio::test]
async fn the_back_office_after_a_few_days() {
    let sandbox = Sandbox::at("2027-03-01T10:00:00").await;
    let mut browser = Browser::open(Setup { languages: "en-GB,en", ..Setup::default() }).await;
    let mut shown = None;
    for (day, orders) in [2, 3, 2, 4].into_iter().enumerate() {
        for order in 0..orders {
            let mitra_cd = if order == 1 { MitraCd::Indo } else { MitraCd::Alma };
            let reference_no = format!("INV-0{}-{}", day + 1, order + 1);
            let amt = [85_000, 150_000, 47_500, 1_250_000][order] + 12_500 * day as u64;
            let payment = sandbox.register(&Purchase { amt, ..Purchase::at(mitra_cd, &reference_no) }).await;
            match (day, order) {
                (3, 3) => {}
                (3, 2) => sandbox.pay(&payment, false).await,
                (2, 0) => sandbox.cancel(&payment).await,
                (1, 2) => {
                    sandbox.pay(&payment, true).await;
                    sandbox.give_back(&payment);
                }
                _ => {
                    sandbox.pay(&payment, true).await;
                    shown = Some(payment);
                }
            }
            sandbox.advance("1m").await;
        }
        if day < 3 {
            sandbox.advance("24h").await;
        }
    }
    browser.sign_in(&sandbox, "operator", "operator").await;
    for (path, head, name) in [
        ("/payments".to_owned(), "Payments", "office-payments"),
        (format!("/payments/{}", shown.unwrap().tx_id), "Payment INV", "office-payment"),
        ("/totals".to_owned(), "Daily totals", "office-totals"),
        ("/merchants".to_owned(), "Merchants", "office-merchants"),
    ] {
        browser.office(&sandbox, &path).await;
        browser.sees("h1", head).await;
        take(&mut browser, name).await;
    }
}
