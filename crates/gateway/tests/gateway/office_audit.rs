//! The audit log of the back office: filters, paging, and who sees which part of it.

use crate::support::Gateway;
use crate::support::office::{Browser, after};
use gerai_ledger::{Deed, Ledger};

const AUDIT: &str = "/office/audit";

/// What and to what, from top to bottom.
fn deeds(page: &str) -> Vec<String> {
    let rows = page
        .split(
            r#"<tr>
        <th scope="row" class="stack">"#,
        )
        .skip(1);
    rows.map(|row| {
        let what = row.split('<').next().unwrap().trim_end();
        let subject = row.split_once(r#"data-name="To what">"#).unwrap().1.split("</td>").next().unwrap();
        let subject = subject.split_once("\">").map_or("", |(_, rest)| rest.split('<').next().unwrap());
        format!("{what}: {subject}")
    })
    .collect()
}

impl Browser<'_> {
    async fn log(&self, query: &str) -> Vec<String> {
        deeds(&self.page(&format!("{AUDIT}?{query}")).await)
    }
}

#[tokio::test]
async fn the_log_is_filtered_by_who_and_by_what_it_was_done_to() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let operator = gateway.operator().await;
    let user = gateway.user_of("GERAITEST1").await;
    operator.post_done("/office/chains/ALMA", &[("switch", "off")]).await;
    operator.post_done("/office/chains/INDO", &[("switch", "off")]).await;
    user.get("/office/totals.csv").await;
    assert_eq!(operator.log("subject=ALMA").await[0], "Chain switched off: ALMA");
    assert_eq!(operator.log("by=rini&subject=INDO").await, ["Chain switched off: INDO"]);
    assert_eq!(operator.log("by=operator%3Arini").await, operator.log("by=rini").await);
    let own = "by=staff%40geraitest1";
    assert_eq!(operator.log(own).await[0], "Totals exported: 2031-04-29 to 2031-05-05");
    assert_eq!(operator.log(own).await, operator.log("by=user%3Astaff%40geraitest1%40GERAITEST1").await);
    for nobody in ["by=nobody", "by=rin", "subject=AL", "by=%27+or+1%3D1", &format!("subject={}", "x".repeat(3000))] {
        assert_eq!(operator.log(nobody).await, [""; 0], "{nobody}");
    }
}

#[tokio::test]
async fn a_merchants_user_sees_what_concerns_the_merchant_alone() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let operator = gateway.operator().await;
    let user = gateway.user_of("GERAITEST1").await;
    let other = gateway.user_of("IONPAYTEST").await;
    other.get("/office/totals.csv").await;
    operator.post_done("/office/chains/ALMA", &[("switch", "off")]).await;
    let terms = [("name", "Toko Kopi"), ("period", "7d"), ("direct", "on"), ("redirect", "on"), ("chain", "INDO")];
    operator.post_done("/office/merchants/GERAITEST1", &terms).await;
    operator.post_done("/office/merchants/IONPAYTEST", &terms).await;
    let page = user.page(AUDIT).await;
    let seen = deeds(&page);
    assert_eq!(seen[0], "Merchant changed: GERAITEST1");
    assert!(!page.contains("IONPAYTEST") && !page.contains("ALMA</a>") && !page.contains("staff@ionpaytest"), "{page}");
    for query in
        ["subject=IONPAYTEST", "subject=ALMA", "by=staff%40ionpaytest", "by=user%3Astaff%40ionpaytest%40IONPAYTEST"]
    {
        assert_eq!(user.log(query).await, [""; 0], "{query}");
    }
    assert_eq!(user.log("by=rini").await[0], "Merchant changed: GERAITEST1");
}

#[tokio::test]
async fn the_log_goes_on_from_page_to_page_newest_first() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let operator = gateway.operator().await;
    for n in 0..120 {
        let deed = Deed {
            at: gateway.now().await,
            by: "operator:<script>".into(),
            what: "tested".into(),
            subject: format!("N{n}"),
            merchant: None,
            detail: "<b>x</b>".into(),
            request_id: None,
        };
        gateway.ledger.log_deed(deed).await.unwrap();
    }
    let mut path = format!("{AUDIT}?by=operator%3A%3Cscript%3E");
    let mut seen = Vec::new();
    for rows in [50, 50, 20] {
        let page = operator.page(&path).await;
        assert!(!page.contains("<script>") && !page.contains("<b>x"), "what is in the log is text");
        let found = deeds(&page);
        assert_eq!(found.len(), rows);
        seen.extend(found);
        if rows == 50 {
            path = after(&page, r#"rel="next" id="next" href=""#);
        } else {
            assert!(!page.contains(r#"rel="next""#));
        }
    }
    assert_eq!(seen, (0..120).rev().map(|n| format!("Tested: N{n}")).collect::<Vec<_>>());
}
