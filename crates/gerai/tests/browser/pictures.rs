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
