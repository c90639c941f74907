//! Merchants and users: added, and their keys and passwords, which are shown once.

use super::{GERAITEST1, JAVASCRIPT, NO_JAVASCRIPT, OPERATOR, With};
use crate::browser::Browser;
use crate::sandbox::Sandbox;
use crate::support::{Order, Shop, text};
use gerai_protocol::MitraCd;

const IMID: &str = "TOKOKOPI01";

/// What a registration under this key is answered.
async fn registers_with(sandbox: &Sandbox, key: &str, reference_no: &str) -> String {
    let inbox = format!("{}/sandbox/v1/inbox/{IMID}", sandbox.url());
    let order = Order::at(MitraCd::Alma, reference_no, &inbox);
    let (_, answer) = sandbox.server.post(order.path(), Shop::new(IMID, key).registration(&order)).await;
    text(&answer, "resultMsg").to_owned()
}

impl Browser {
    /// Replaces the merchant key on the merchant's page, and gives the new one.
    async fn replace_the_key(&self, sandbox: &Sandbox, overlap: &str, force: bool) {
        self.office(sandbox, &format!("/merchants/{IMID}")).await;
        let form = format!("form[action$='/{IMID}/key']");
        self.click(&format!("details:has({form}) summary")).await;
        self.click(&format!("{form} [value='{overlap}']")).await;
        if force {
            self.click(&format!("{form} [name=force]")).await;
        }
        self.click("#replace-key").await;
    }
}

async fn added_with_keys(with: With) {
    let (sandbox, browser) = with.signed_in(OPERATOR).await;
    browser.office(&sandbox, "/merchants").await;
    browser.click("#add-merchant").await;
    browser.sees("h1", "Add a merchant").await;
    browser.fill("#imid", "TOO-SHORT").await;
    browser.fill("#name", "Toko Kopi").await;
    browser.click("#add").await;
    browser.sees("#imid-wrong", "exactly 10 letters and digits").await;
    assert_eq!(browser.value("#name").await, "Toko Kopi", "it need not be typed anew");
    browser.fits("an iMid that is wrong").await;
    browser.fill("#imid", IMID).await;
    browser.click("#add").await;
    browser.sees("h1", "Toko Kopi is added").await;
    browser.fits("the keys").await;
    let first = browser.text("#merchant-key").await;
    assert_eq!(browser.shows("[data-copy]").await, with.javascript);
    if with.javascript {
        browser.click("[data-copy]").await;
        assert_eq!(browser.clipboard().await, first);
    }
    assert_eq!(registers_with(&sandbox, &first, "ORD1").await, "SUCCESS");
    browser.is_logged(&sandbox, "Merchant added", "operator:operator", IMID).await;
    assert!(!browser.text("main").await.contains(&first), "the log holds no key");

    browser.replace_the_key(&sandbox, "24h", false).await;
    browser.sees("h1", "Toko Kopi has a new merchant key").await;
    browser.sees(".notice", "The old one still counts until").await;
    let second = browser.text("#merchant-key").await;
    assert_eq!(registers_with(&sandbox, &second, "ORD2").await, "SUCCESS");
    assert_eq!(registers_with(&sandbox, &first, "ORD3").await, "SUCCESS", "for another day");
    browser.is_logged(&sandbox, "Merchant key rotated", "operator:operator", IMID).await;

    browser.replace_the_key(&sandbox, "24h", false).await;
    browser.sees("#key-wrong", "or tick the box").await;
    browser.fits("a replacement within another").await;
    browser.replace_the_key(&sandbox, "none", true).await;
    browser.sees(".notice", "The old one has ended.").await;
    let third = browser.text("#merchant-key").await;
    assert_eq!(registers_with(&sandbox, &third, "ORD4").await, "SUCCESS");
    for leaked in [first, second] {
        assert_ne!(registers_with(&sandbox, &leaked, "ORD5").await, "SUCCESS");
    }
    browser.kept_to(&[sandbox.url()]).await;
}

#[tokio::test]
async fn a_merchant_is_added_registers_with_its_key_and_gets_another_one() {
    added_with_keys(JAVASCRIPT).await;
}

#[tokio::test]
async fn a_merchant_is_added_and_gets_another_key_without_javascript_too() {
    added_with_keys(NO_JAVASCRIPT).await;
}

#[tokio::test]
async fn s17_a_chain_that_is_not_agreed_with_a_merchant_takes_no_registration_of_it_any_more() {
    let (sandbox, browser) = JAVASCRIPT.signed_in(OPERATOR).await;
    browser.office(&sandbox, "/merchants?q=geraitest").await;
    browser.click("#merchants tbody a").await;
    browser.sees("h1", "Gerai Test").await;
    browser.click("[name=chain][value=ALMA]").await;
    browser.click("#change").await;
    browser.sees("#done", "The terms are changed.").await;
    let inbox = format!("{}/sandbox/v1/inbox/shop", sandbox.url());
    let order = Order::at(MitraCd::Alma, "ORD1", &inbox);
    let (_, answer) = sandbox.server.post(order.path(), Shop::geraitest1().registration(&order)).await;
    assert_ne!(text(&answer, "resultCd"), "0000", "{answer}");
    Shop::geraitest1().register(&sandbox.server, &Order { mitra_cd: Some(MitraCd::Indo), ..order }).await;
    browser.is_logged(&sandbox, "Merchant changed", "operator:operator", "GERAITEST1").await;
}

async fn added_and_switched_off(with: With) {
    const NAME: &str = "kasir@geraitest1";
    let (sandbox, browser) = with.signed_in(OPERATOR).await;
    browser.office(&sandbox, "/users").await;
    browser.sees("#users", GERAITEST1).await;
    browser.click("#add-user").await;
    browser.fill("#name", NAME).await;
    browser.click("#role-merchant").await;
    browser.fill("#merchant", "NOTTHERE01").await;
    browser.click("#add").await;
    browser.sees("#merchant-wrong", "There is no merchant with this iMid.").await;
    browser.fill("#merchant", "GERAITEST1").await;
    browser.click("#add").await;
    browser.sees("h1", &format!("{NAME} may sign in")).await;
    browser.fits("the password").await;
    let drawn = browser.text("#password").await;
    browser.is_logged(&sandbox, "User added", "operator:operator", NAME).await;
    browser.sign_out().await;

    browser.sign_in(&sandbox, NAME, &drawn).await;
    browser.click(".me a").await;
    browser.sees("h1", "Change your password").await;
    for (again, wrong) in [("kopi susu manis", "This is not the same"), ("kopi susu panas", "")] {
        browser.fill("#old", &drawn).await;
        browser.fill("#new", "kopi susu panas").await;
        browser.fill("#again", again).await;
        browser.click("#change-password").await;
        if !wrong.is_empty() {
            browser.sees("#again-wrong", wrong).await;
        }
    }
    browser.sees("#done", "Your password is changed.").await;
    browser.sign_out().await;
    browser.sign_in(&sandbox, NAME, "kopi susu panas").await;
    browser.sign_out().await;

    browser.sign_in(&sandbox, OPERATOR, OPERATOR).await;
    browser.office(&sandbox, &format!("/users/named/{NAME}")).await;
    browser.click("details:has(#disable) summary").await;
    browser.click("#disable").await;
    browser.sees("#done", "Signing in is switched off").await;
    browser.fits("a user who is switched off").await;
    browser.is_logged(&sandbox, "User disabled", "operator:operator", NAME).await;
    browser.sign_out().await;
    browser.fill("#name", NAME).await;
    browser.fill("#password", "kopi susu panas").await;
    browser.click("#sign-in").await;
    browser.sees("#wrong", "").await;
    browser.kept_to(&[sandbox.url()]).await;
}

#[tokio::test]
async fn a_user_is_added_changes_the_password_and_is_switched_off() {
    added_and_switched_off(JAVASCRIPT).await;
}

#[tokio::test]
async fn a_user_is_added_and_switched_off_without_javascript_too() {
    added_and_switched_off(NO_JAVASCRIPT).await;
}
