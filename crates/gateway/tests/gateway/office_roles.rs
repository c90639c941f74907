//! Who sees which page of the back office: what is not for somebody's role does not exist for them.

use crate::support::Gateway;
use crate::support::merchant::direct;
use crate::support::office::{OFFICE, form};
use crate::support::store::INDO;

/// A page, and whether an operator and a merchant's user see it.
const PAGES: [(&str, bool, bool); 19] = [
    ("/office", true, true),
    ("/office/", true, true),
    ("/office/payments", true, true),
    ("/office/totals", true, true),
    ("/office/totals.csv", true, true),
    ("/office/audit", true, true),
    ("/office/password", true, true),
    ("/office/merchant", false, true),
    ("/office/exceptions", true, false),
    ("/office/exceptions?show=all", true, false),
    ("/office/notifications", true, false),
    ("/office/merchants", true, false),
    ("/office/merchants/add", true, false),
    ("/office/merchants/GERAITEST1", true, false),
    ("/office/merchants/IONPAYTEST", true, false),
    ("/office/chains", true, false),
    ("/office/users", true, false),
    ("/office/users/add", true, false),
    ("/office/users/named/rini", true, false),
];

#[tokio::test]
async fn each_page_is_there_for_its_roles_alone_and_the_list_of_pages_names_no_other() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let (operator, user) = (gateway.operator().await, gateway.user_of("GERAITEST1").await);
    let (operators_first, users_first) = (operator.page(OFFICE).await, user.page(OFFICE).await);
    for (path, for_operators, for_merchants) in PAGES {
        let nobody = gateway.get(path).await;
        assert_eq!(nobody.status, 303, "{path}");
        assert!(nobody.header("location").unwrap().starts_with("/office/sign-in"), "{path}");
        for (browser, first, sees) in
            [(&operator, &operators_first, for_operators), (&user, &users_first, for_merchants)]
        {
            let answer = browser.get(path).await;
            assert_eq!(answer.status, if sees { 200 } else { 404 }, "{path}: {}", answer.text());
            assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
            if !sees {
                let unknown = browser.get("/office/no-such-page").await;
                assert_eq!(answer.text(), unknown.text(), "{path} is told from no page at all");
                assert!(!first.contains(&format!("href=\"{path}\"")), "{path} is linked");
            }
        }
    }
}

#[tokio::test]
async fn a_merchants_user_reaches_no_form_of_an_operator() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let user = gateway.user_of("GERAITEST1").await;
    let paid = gateway.registered(&direct("ORD1")).await;
    gateway.pay_whole(INDO, &paid.pay_no, "T1").await;
    let before = gateway.deeds_in_short().await;
    for path in [
        "/office/merchants/add",
        "/office/merchants/GERAITEST1",
        "/office/merchants/GERAITEST1/key",
        "/office/merchants/GERAITEST1/webhook-secret",
        "/office/chains/ALMA",
        &format!("/office/exceptions/{}/2", paid.tx_id),
        "/office/notifications/replay",
        "/office/notifications/1/replay",
        "/office/users/add",
        "/office/users/named/operator/disable",
        "/office/users/named/operator/enable",
        "/office/users/named/operator/password",
        "/office/users/named/operator/sessions",
    ] {
        let answer = user.post(path, &[("switch", "off"), ("overlap", "none"), ("note", "x")]).await;
        assert_eq!(answer.status, 404, "{path}");
        // Without a token too: no form of theirs is refused as if it were there.
        assert_eq!(gateway.send(&user.with_cookie(form(path, &[]))).await.status, 404, "{path}");
    }
    assert_eq!(gateway.deeds_in_short().await, before);
}

#[tokio::test]
async fn addresses_that_name_nothing_are_no_pages() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let operator = gateway.operator().await;
    let paid = gateway.registered(&direct("ORD1")).await;
    for path in [
        "/office/merchants/NOSUCHSHOP",
        "/office/merchants/%00%ff",
        "/office/merchants/..%2f..%2fmetrics",
        "/office/chains/OTHER",
        "/office/users/named/nobody",
        "/office/users/named/Rini",
        "/office/users/named/%ff",
        "/office/exceptions/x/1",
        &format!("/office/exceptions/{}/1", paid.tx_id),
        &format!("/office/exceptions/{}/99999999999", paid.tx_id),
        "/office/exceptions?after=x",
        "/office/exceptions?after=1_2_3_4",
        "/office/notifications?after=x",
        "/office/notifications?after=99999999999999999999",
        "/office/audit?before=x",
        "/office/merchant",
    ] {
        assert_eq!(operator.get(path).await.status, 404, "{path}");
    }
    for path in
        ["/office/merchants/NOSUCHSHOP", "/office/merchants/NOSUCHSHOP/key", "/office/users/named/nobody/disable"]
    {
        assert_eq!(operator.post(path, &[]).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn the_first_page_says_what_waits_and_what_today_has_taken() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let (operator, user) = (gateway.operator().await, gateway.user_of("IONPAYTEST").await);
    let page = operator.page(OFFICE).await;
    for part in ["Cash and ledger agree.", "None was given up.", "Every merchant has been told.", "Rp 0"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let paid = gateway.registered(&direct("ORD1")).await;
    gateway.pay_whole(INDO, &paid.pay_no, "T1").await;
    let page = operator.page(OFFICE).await;
    assert!(page.contains("Today, 2031-05-05") && page.contains(r#"<b id="paid-today">Rp 10.000</b>"#), "{page}");
    assert!(user.page(OFFICE).await.contains(r#"<b id="paid-today">Rp 0</b>"#), "another merchant's day");
    assert!(!user.page(OFFICE).await.contains("open exception"), "what waits is for operators");
    gateway.move_to("2031-05-05T22:30:00").await;
    let night = operator.page(OFFICE).await;
    let part = night.split_once("<b>Alfamart</b>").unwrap().1.split("</li>").next().unwrap().to_owned();
    assert!(part.contains("closed now") && part.contains("2031-05-06 01:00:00 WIB"), "{part}");
    let part = night.split_once("<b>Lawson</b>").unwrap().1.split("</li>").next().unwrap().to_owned();
    assert!(part.contains("open now") && part.contains("around the clock"), "{part}");
}
