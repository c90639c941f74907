//! Who gets in, what they get to, and how they leave.

use super::{GERAITEST1, JAVASCRIPT, NO_JAVASCRIPT, OPERATOR, With};
use crate::browser::{DESKTOP, PHONE};
use crate::sandbox::{MORNING, Sandbox};

async fn in_and_out(with: With) {
    let sandbox = Sandbox::at(MORNING).await;
    let browser = with.browser().await;
    browser.office(&sandbox, "/payments?state=paid").await;
    browser.sees("h1", "Sign in to the back office").await;
    browser.fits("sign in").await;
    browser.fill("#name", OPERATOR).await;
    browser.fill("#password", "not the password").await;
    browser.enter("#password").await;
    browser.sees("#wrong", "The name or the password is wrong.").await;
    assert_eq!(browser.value("#name").await, OPERATOR, "it need not be typed anew");
    assert_eq!(browser.value("#password").await, "");
    browser.fill("#password", OPERATOR).await;
    browser.click("#sign-in").await;
    browser.sees("h1", "Payments").await;
    assert!(browser.address().await.ends_with("/office/payments?state=paid"), "to what was asked for at first");
    assert_eq!(browser.run("return document.cookie;", vec![]).await, "", "no script reads the session");
    browser.sign_out().await;
    browser.office(&sandbox, "/payments").await;
    browser.sees("h1", "Sign in to the back office").await;
    browser.kept_to(&[sandbox.url()]).await;
}

#[tokio::test]
async fn a_wrong_password_is_refused_the_right_one_leads_on_and_signing_out_ends_it() {
    in_and_out(JAVASCRIPT).await;
}

#[tokio::test]
async fn a_wrong_password_is_refused_the_right_one_leads_on_without_javascript_too() {
    in_and_out(NO_JAVASCRIPT).await;
}

#[tokio::test]
async fn five_wrong_passwords_lock_a_name_and_an_operator_lets_it_in_again() {
    let (sandbox, browser) = NO_JAVASCRIPT.signed_in(OPERATOR).await;
    browser.sign_out().await;
    for _ in 0..5 {
        browser.office(&sandbox, "/sign-in").await;
        browser.fill("#name", GERAITEST1).await;
        browser.fill("#password", "not the password").await;
        browser.click("#sign-in").await;
        browser.sees("#wrong", "").await;
    }
    browser.fill("#password", GERAITEST1).await;
    browser.click("#sign-in").await;
    browser.sees("#wrong", "Too many wrong passwords. Wait").await;
    browser.sign_in(&sandbox, OPERATOR, OPERATOR).await;
    browser.office(&sandbox, &format!("/users/named/{GERAITEST1}")).await;
    browser.sees(".head", "locked until").await;
    browser.fits("a user who is locked").await;
    browser.click("#enable").await;
    browser.sees("#done", "Signing in is switched on.").await;
    browser.is_logged(&sandbox, "User enabled", "operator:operator", GERAITEST1).await;
    browser.sign_out().await;
    browser.sign_in(&sandbox, GERAITEST1, GERAITEST1).await;
}

/// Each page is found from the first one, in the menu that fits the window.
async fn from_page_to_page(name: &str, pages: &[(&str, &str)]) {
    for javascript in [true, false] {
        let (sandbox, mut browser) = With { look: PHONE, javascript }.signed_in(name).await;
        for (look, menu) in [(PHONE, "nav[aria-label='Pages, on a small screen']"), (DESKTOP, "nav.side")] {
            browser.look(look).await;
            for (path, head) in pages {
                if look.width == PHONE.width {
                    browser.click(".menu summary").await;
                }
                browser.click(&format!("{menu} a[href$='/office{path}']")).await;
                browser.sees("h1", head).await;
                browser.fits(head).await;
                let current = format!("{menu} a[aria-current=page]");
                let marked = browser.find(&current).await.prop("href").await.unwrap().unwrap();
                assert!(marked.ends_with(path), "{marked} is marked on {path}");
            }
            let links = browser.count(&format!("{menu} a")).await;
            assert_eq!(links, pages.len(), "and to no page besides");
        }
        browser.kept_to(&[sandbox.url()]).await;
    }
}

#[tokio::test]
async fn an_operator_finds_every_page_on_phone_and_desktop_with_and_without_javascript() {
    let pages = [
        ("/payments", "Payments"),
        ("/totals", "Daily totals"),
        ("/exceptions", "Exceptions"),
        ("/notifications", "Notifications that failed"),
        ("/merchants", "Merchants"),
        ("/chains", "Store chains"),
        ("/users", "Users"),
        ("/audit", "Audit log"),
        ("", "Overview"),
    ];
    from_page_to_page(OPERATOR, &pages).await;
}

#[tokio::test]
async fn a_merchants_user_finds_the_own_pages_on_phone_and_desktop_with_and_without_javascript() {
    let pages = [
        ("/payments", "Payments"),
        ("/totals", "Daily totals"),
        ("/merchant", "Gerai Test"),
        ("/audit", "Audit log"),
        ("", "Overview"),
    ];
    from_page_to_page(GERAITEST1, &pages).await;
}

#[tokio::test]
async fn a_merchants_user_is_told_that_pages_of_others_do_not_exist() {
    let (sandbox, browser) = JAVASCRIPT.signed_in(GERAITEST1).await;
    browser.traffic().await;
    let pages = [
        "/merchants",
        "/merchants/GERAITEST1",
        "/chains",
        "/exceptions",
        "/notifications",
        "/users",
        "/users/add",
        "/x",
    ];
    for path in pages {
        browser.office(&sandbox, path).await;
        browser.sees("h1", "There is no such page").await;
        let address = format!("{}/office{path}", sandbox.url());
        assert!(browser.traffic().await.answered.contains(&(address, 404)), "{path}");
    }
}
