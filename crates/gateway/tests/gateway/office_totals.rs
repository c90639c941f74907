//! The daily totals of the back office: which days, whose, and the same as CSV.

use crate::support::Gateway;
use crate::support::merchant::{OTHERSHOP1, direct, direct_of};
use crate::support::office::Browser;
use crate::support::store::{ALMA, INDO};

const TOTALS: &str = "/office/totals";

/// Three days with payments at both chains, of two merchants; one is returned a day later.
async fn three_days() -> Gateway {
    let gateway = Gateway::at("2031-05-03T10:00:00").await;
    gateway.add_merchant(OTHERSHOP1, "Other Shop").await;
    let first = gateway.register("INDO", "A1").await;
    gateway.pay_whole(INDO, &first.pay_no, "T1").await;
    gateway.move_to("2031-05-04T10:00:00").await;
    let second = gateway.register("ALMA", "A2").await;
    gateway.pay_whole(ALMA, &second.pay_no, "T2").await;
    let other = gateway.registered(&direct_of(OTHERSHOP1, "O1")).await;
    gateway.pay_whole(INDO, &other.pay_no, "T3").await;
    gateway.give_back(&first.pay_no).await;
    gateway.move_to("2031-05-05T10:00:00").await;
    let third = gateway.registered(&direct("A3")).await;
    gateway.pay_whole(INDO, &third.pay_no, "T4").await;
    gateway
}

impl Browser<'_> {
    async fn csv(&self, query: &str) -> Vec<String> {
        let answer = self.get(&format!("{TOTALS}.csv?{query}")).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.text());
        assert_eq!(answer.header("content-type"), Some("text/csv; charset=utf-8"));
        let text = answer.text();
        let text = text.strip_prefix('\u{feff}').expect("the mark that spreadsheets look for");
        let mut lines = text.split("\r\n").map(ToOwned::to_owned).collect::<Vec<_>>();
        assert_eq!(lines.remove(0), "day,mitraCd,iMid,paid,paidAmt,returned,returnedAmt");
        assert_eq!(lines.pop().as_deref(), Some(""), "each line ends");
        lines
    }
}

#[tokio::test]
async fn totals_are_per_day_chain_and_merchant_and_a_merchants_user_sees_the_own_ones() {
    let gateway = three_days().await;
    let (operator, user) = (gateway.operator().await, gateway.user_of("GERAITEST1").await);
    let mut all = operator.csv("").await;
    all.sort();
    assert_eq!(
        all,
        [
            "2031-05-03,INDO,GERAITEST1,1,10000,0,0",
            "2031-05-04,ALMA,GERAITEST1,1,10000,0,0",
            "2031-05-04,INDO,GERAITEST1,0,0,1,10000",
            "2031-05-04,INDO,OTHERSHOP1,1,10000,0,0",
            "2031-05-05,INDO,GERAITEST1,1,10000,0,0",
        ]
    );
    for (query, lines) in [
        ("from=2031-05-04&to=2031-05-04", 3),
        ("from=2031-05-04&to=2031-05-04&chain=INDO", 2),
        ("merchant=OTHERSHOP1", 1),
        ("merchant=NOSUCHSHOP", 0),
        ("to=2031-05-03", 1),
        ("from=2031-05-06", 0),
    ] {
        assert_eq!(operator.csv(query).await.len(), lines, "{query}");
    }
    for query in ["", "merchant=OTHERSHOP1", "merchant=OTHERSHOP1&chain=INDO"] {
        let own = user.csv(query).await;
        assert!(!own.is_empty() && own.iter().all(|line| line.contains("GERAITEST1")), "{query}: {own:?}");
    }
    let page = operator.page(TOTALS).await;
    for part in ["2031-05-03", "2031-05-04", "2031-05-05", "Rp 40.000", "OTHERSHOP1", "All days"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let page = user.page(TOTALS).await;
    assert!(page.contains("Rp 30.000") && !page.contains("OTHERSHOP1"), "{page}");
    assert!(!page.contains(r#"name="merchant""#), "there is nobody else to ask for");
    let exported = gateway.deeds().await.into_iter().filter(|deed| deed.what == "totals-exported");
    let exported: Vec<_> = exported.map(|deed| (deed.by, deed.subject, deed.detail)).collect();
    assert_eq!(exported.len(), 10);
    assert_eq!(exported[9], ("operator:rini".into(), "2031-04-29 to 2031-05-05".into(), String::new()));
}

#[tokio::test]
async fn days_that_make_no_sense_are_told_beside_their_field_and_kept() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let operator = gateway.operator().await;
    for (query, wrong, kept) in [
        ("from=yesterday", "Write the day as 2026-01-31.", r#"value="yesterday""#),
        ("to=2031-02-29", "Write the day as 2026-01-31.", r#"value="2031-02-29""#),
        ("from=2031-05-05&to=2031-05-04", "This is before the first day.", r#"value="2031-05-04""#),
        ("from=2031-01-01&to=2031-05-05", "At most 92 days are shown at once.", r#"value="2031-01-01""#),
        ("chain=OTHER", "Choose one of the chains.", ""),
        ("merchant=%3Cb%3E", "An iMid is exactly 10 letters and digits.", "&#60;b&#62;"),
    ] {
        let answer = operator.get(&format!("{TOTALS}?{query}")).await;
        let page = answer.text();
        assert_eq!(answer.status, 400, "{query}: {page}");
        assert!(page.contains(wrong) && page.contains(kept), "{query}: {page}");
        assert!(!page.contains(r#"id="csv""#), "{query}");
        assert_eq!(operator.get(&format!("{TOTALS}.csv?{query}")).await.status, 404, "{query}");
    }
    let page = operator.page(TOTALS).await;
    assert!(page.contains("Nothing was paid"), "{page}");
    assert!(page.contains(r#"value="2031-04-29""#) && page.contains(r#"value="2031-05-05""#), "{page}");
}
