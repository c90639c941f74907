//! The store chains in the back office: what their page shows, and switching one off and on.

use crate::support::Gateway;
use crate::support::store::{ALMA, INDO};

const CHAINS: &str = "/office/chains";

/// What of the page is about a chain.
fn part<'a>(page: &'a str, code: &str) -> &'a str {
    page.split_once(&format!(r#"id="{code}""#)).unwrap().1.split("</section>").next().unwrap()
}

#[tokio::test]
async fn s17_s18_a_chain_shows_whether_it_is_on_its_limits_and_which_stores_are_open_now() {
    let gateway = Gateway::at("2031-05-05T22:30:00").await;
    let operator = gateway.operator().await;
    let page = operator.page(CHAINS).await;
    let (alma, indo) = (part(&page, "ALMA"), part(&page, "INDO"));
    for expected in [
        "switched on",
        "01:00 to 22:00 WIB; opens <time datetime=\"2031-05-06T01:00:00+07:00\">2031-05-06 01:00:00 WIB",
        "around the clock",
        "Rp 1 to Rp 5.000.000",
        "Commit within",
    ] {
        assert!(alma.contains(expected), "{expected}: {alma}");
    }
    assert_eq!((alma.matches("closed now").count(), alma.matches("open now").count()), (2, 2), "{alma}");
    assert!(indo.contains("open now") && indo.contains("01:00 to 23:00 WIB"), "{indo}");
    assert!(!indo.contains("Commit within"), "{indo}");
    gateway.move_to("2031-05-05T23:00:00").await;
    assert!(part(&operator.page(CHAINS).await, "INDO").contains("closed now"));
    for secret in ["alma-sandbox-secret", "indo-sandbox-secret"] {
        assert!(!page.contains(secret));
    }
}

#[tokio::test]
async fn a_chain_is_switched_off_and_on_again_each_with_its_deed() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let operator = gateway.operator().await;
    let (before, after) = (gateway.register("ALMA", "ORD1").await, gateway.register("INDO", "ORD2").await);
    let page = operator.post_done("/office/chains/ALMA", &[("switch", "off")]).await;
    assert!(page.contains("The chain is switched off") && part(&page, "ALMA").contains("switched off"), "{page}");
    assert_ne!(gateway.pay(ALMA, &before.pay_no, "T1").await.code(), "2002500");
    assert_eq!(gateway.pay(INDO, &after.pay_no, "T2").await.code(), "2002500", "the other one goes on");
    let page = operator.post_done("/office/chains/ALMA", &[("switch", "on")]).await;
    assert!(part(&page, "ALMA").contains("switched on"), "{page}");
    assert_eq!(gateway.pay(ALMA, &before.pay_no, "T3").await.code(), "2002500");
    let deeds = gateway.deeds_in_short().await;
    assert_eq!(deeds[..2], ["operator:rini chain-switched-on ALMA", "operator:rini chain-switched-off ALMA"]);
    for fields in [&[][..], &[("switch", "maybe")]] {
        assert_eq!(operator.post("/office/chains/ALMA", fields).await.status, 404);
    }
    assert_eq!(gateway.deeds_in_short().await.len(), deeds.len());
}
