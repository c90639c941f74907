//! Every page of the back office, at the windows and colours that it is looked at with.

use super::{GERAITEST1, JAVASCRIPT, OPERATOR, operations};
use crate::browser::{Browser, PHONE};
use crate::sandbox::{MORNING, Purchase, Sandbox};
use crate::support::receiver::Receiver;
use gerai_protocol::MitraCd;

impl Browser {
    /// Goes to a page of this head, which must look good.
    async fn page_looks_good(&mut self, sandbox: &Sandbox, path: &str, head: &str) {
        self.office(sandbox, path).await;
        self.sees("h1", head).await;
        self.looks_good(path).await;
    }
}

#[tokio::test]
async fn signing_in_and_what_does_not_exist_are_accessible_and_fit() {
    let sandbox = Sandbox::at(MORNING).await;
    let mut browser = JAVASCRIPT.browser().await;
    browser.page_looks_good(&sandbox, "/sign-in", "Sign in to the back office").await;
    browser.fill("#name", OPERATOR).await;
    browser.fill("#password", "not the password").await;
    browser.click("#sign-in").await;
    browser.sees("#wrong", "wrong").await;
    browser.looks_good("a wrong password").await;
    browser.fill("#password", OPERATOR).await;
    browser.click("#sign-in").await;
    browser.sees("h1", "Overview").await;
    browser.page_looks_good(&sandbox, "/none", "There is no such page").await;
}

#[tokio::test]
async fn pages_without_anything_in_them_are_accessible_and_fit() {
    let (sandbox, mut browser) = JAVASCRIPT.signed_in(OPERATOR).await;
    for (path, head) in [
        ("", "Overview"),
        ("/payments", "Payments"),
        ("/payments?q=x&amount=x", "Payments"),
        ("/totals", "Daily totals"),
        ("/exceptions", "Exceptions"),
        ("/notifications", "Notifications that failed"),
        ("/audit?subject=x", "Audit log"),
    ] {
        browser.page_looks_good(&sandbox, path, head).await;
    }
}

/// With names as long as they can be, and without a gap.
#[tokio::test]
async fn the_pages_of_payments_are_accessible_and_fit() {
    let (sandbox, mut browser) = JAVASCRIPT.signed_in(OPERATOR).await;
    let shop = Receiver::start(|_| 500).await;
    let long = Purchase {
        goods_nm: "W".repeat(100),
        db_process_url: Some(format!("{}?{}", shop.url, "w".repeat(120))),
        ..Purchase::at(MitraCd::Alma, &"M".repeat(40))
    };
    let failed = sandbox.register(&long).await;
    sandbox.pay(&failed, true).await;
    sandbox.advance("3d").await;
    operations::two_days(&sandbox).await;
    let late = sandbox.register(&Purchase::at(MitraCd::Alma, "LATE")).await;
    browser.look_up(&sandbox, &sandbox.number_of(&late).await).await;
    browser.click("#exact").await;
    browser.click("#paid summary").await;
    sandbox.advance("16m").await;
    browser.click("#reversal button").await;
    browser.sees("#refusal", "Terlambat").await;
    browser.office(&sandbox, "/notifications").await;
    browser.sees_in_the_end("#failed", "after 11 attempts").await;

    for (path, head) in
        [("", "Overview"), ("/payments", "Payments"), ("/totals", "Daily totals"), ("/exceptions", "Exceptions")]
    {
        browser.page_looks_good(&sandbox, path, head).await;
    }
    browser.look(PHONE).await;
    browser.click(".menu summary").await;
    browser.is_accessible("the menu").await;
    browser.office(&sandbox, "/notifications").await;
    browser.click("main details summary").await;
    browser.looks_good("failed notifications").await;
    browser.office(&sandbox, &format!("/payments/{}", failed.tx_id)).await;
    browser.click(".attempt summary").await;
    browser.click(".card .more summary").await;
    browser.click("#return summary").await;
    browser.looks_good("a payment with a failed notification").await;
    browser.fill("#reason", " ").await;
    browser.click("#return button").await;
    browser.sees("#reason-wrong", "").await;
    browser.looks_good("a return without a reason").await;
    browser.office(&sandbox, "/exceptions").await;
    browser.click("#exceptions tbody a").await;
    browser.sees("h1", "Too late to reverse").await;
    browser.looks_good("an exception").await;
    browser.fill("#note", "The chain kept the cash").await;
    browser.click("#resolve").await;
    browser.sees("#done", "resolved").await;
    browser.page_looks_good(&sandbox, "/exceptions?show=all", "Exceptions").await;
}

#[tokio::test]
async fn the_pages_of_merchants_chains_users_and_the_log_are_accessible_and_fit() {
    let (sandbox, mut browser) = JAVASCRIPT.signed_in(OPERATOR).await;
    browser.office(&sandbox, "/merchants/add").await;
    browser.fill("#imid", "x").await;
    browser.fill("#name", "Toko").await;
    browser.click("[name=direct]").await;
    browser.click("[name=redirect]").await;
    browser.click("#add").await;
    browser.sees("#imid-wrong", "").await;
    browser.looks_good("a merchant that is wrong").await;
    browser.fill("#imid", "TOKOKOPI01").await;
    browser.fill("#name", &"W".repeat(60)).await;
    browser.click("[name=direct]").await;
    browser.click("#add").await;
    browser.sees("#merchant-key", "").await;
    browser.looks_good("a merchant's keys").await;
    browser.office(&sandbox, "/merchants/TOKOKOPI01").await;
    browser.click("details:has(#replace-key) summary").await;
    browser.click("#replace-key").await;
    browser.sees("#merchant-key", "").await;
    browser.office(&sandbox, "/merchants/TOKOKOPI01").await;
    for which in ["key", "webhook-secret"] {
        browser.click(&format!("details:has(#replace-{which}) summary")).await;
    }
    browser.looks_good("a merchant").await;
    browser.office(&sandbox, "/chains").await;
    browser.click("#ALMA summary").await;
    browser.click("#ALMA-off").await;
    browser.sees("#done", "switched off").await;
    browser.click("#INDO summary").await;
    browser.looks_good("chains").await;
    browser.office(&sandbox, "/users/add").await;
    browser.fill("#name", &"w".repeat(40)).await;
    browser.click("#add").await;
    browser.sees("h1", "may sign in").await;
    browser.office(&sandbox, &format!("/users/named/{}", "w".repeat(40))).await;
    browser.click("details:has(#disable) summary").await;
    browser.looks_good("a user").await;
    for (path, head) in [
        ("/merchants", "Merchants"),
        ("/users", "Users"),
        ("/users/add", "Add a user"),
        ("/audit", "Audit log"),
        ("/password", "Change your password"),
    ] {
        browser.page_looks_good(&sandbox, path, head).await;
    }
}

#[tokio::test]
async fn the_pages_of_a_merchants_user_are_accessible_and_fit() {
    let (sandbox, mut browser) = JAVASCRIPT.signed_in(GERAITEST1).await;
    let payment = sandbox.register(&Purchase::at(MitraCd::Alma, "ORD1")).await;
    browser.office(&sandbox, &format!("/payments/{}", payment.tx_id)).await;
    browser.click("#cancel summary").await;
    browser.looks_good("an own payment").await;
    for (path, head) in
        [("", "Overview"), ("/payments", "Payments"), ("/totals", "Daily totals"), ("/merchant", "Gerai Test")]
    {
        browser.page_looks_good(&sandbox, path, head).await;
    }
}
