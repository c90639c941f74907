//! Exceptions in the back office: listed, settled with a note, once (rules 7, 9).

use crate::support::Gateway;
use crate::support::merchant::{Registered, cancel};
use crate::support::store::{ALMA, INDO};

const EXCEPTIONS: &str = "/office/exceptions";

/// A gateway with one exception of each kind.
async fn with_both() -> (Gateway, Registered, Registered) {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let late = gateway.register("INDO", "LATE").await;
    gateway.pay_whole(INDO, &late.pay_no, "T1").await;
    let cash = gateway.register("ALMA", "CASH").await;
    gateway.pay(ALMA, &cash.pay_no, "T2").await;
    gateway.advance("PT16M").await;
    gateway.ask_done(&cancel(&cash.tx_id)).await;
    assert_eq!(gateway.commit(ALMA, &cash.pay_no, "T2").await.code(), "4042616");
    gateway.advance("PT1M").await;
    assert_eq!(gateway.reverse(INDO, &late.pay_no, "T1").await.code(), "4032718");
    (gateway, cash, late)
}

/// The addresses of the listed exceptions, from top to bottom.
fn listed(page: &str) -> Vec<String> {
    let rows = page.split(r#"<th scope="row" class="stack"><a href=""#).skip(1);
    rows.map(|row| row.split('"').next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn an_exception_is_listed_and_settled_with_a_note_that_stays() {
    let (gateway, cash, late) = with_both().await;
    let operator = gateway.operator().await;
    assert!(operator.page("/office").await.contains("<b>2</b>"));
    let page = operator.page(EXCEPTIONS).await;
    let places = listed(&page);
    assert_eq!(places.len(), 2, "{page}");
    assert!(places[0].contains(&cash.tx_id) && places[1].contains(&late.tx_id), "oldest first: {places:?}");
    for part in ["Cash possibly taken", "Too late to reverse", "Rp 10.000", "T2", &cash.pay_no, "Alfa Group"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let one = operator.page(&places[0]).await;
    assert!(one.contains("The cash may lie in its drawer") && one.contains("CASH"), "{one}");

    for wrong in ["", "   ", "two\nlines", &"x".repeat(501)] {
        let answer = operator.post(&places[0], &[("note", wrong)]).await;
        assert_eq!(answer.status, 400, "{wrong:?}");
        assert!(answer.text().contains("Write one line of 1 to 500 characters."), "{}", answer.text());
        assert!(answer.text().contains(wrong.trim()), "what was typed is kept");
    }
    let note = "the store gave the cash back <b>& closed</b>";
    let page = operator.post_done(&places[0], &[("note", note)]).await;
    assert!(page.contains("The exception is resolved."), "{page}");
    assert_eq!(listed(&page), places[1..]);
    let deed = gateway.deeds().await.remove(0);
    assert_eq!((deed.by.as_str(), deed.what.as_str()), ("operator:rini", "exception-resolved"));
    assert_eq!(deed.subject, cash.tx_id);
    assert!(deed.detail.contains(note), "{deed:?}");
    let shown = operator.page(&places[0]).await;
    assert!(
        shown.contains("the store gave the cash back &#60;b&#62;&#38; closed") && shown.contains("rini"),
        "{shown}"
    );
    assert!(!shown.contains(r#"id="resolve""#), "{shown}");

    // Twice is told, and the second note is not lost.
    let deeds = gateway.deeds().await.len();
    let again = operator.post(&places[0], &[("note", "another note")]).await;
    assert_eq!(again.status, 409);
    assert!(again.text().contains("resolved meanwhile") && again.text().contains("another note"), "{}", again.text());
    assert_eq!(gateway.deeds().await.len(), deeds);
    let all = operator.page(&format!("{EXCEPTIONS}?show=all")).await;
    assert_eq!(listed(&all), places);
    assert!(all.contains("the store gave the cash back &#60;b&#62;"), "{all}");
    assert_eq!(gateway.exceptions().await, ["TooLateToReverse T1"]);
}

#[tokio::test]
async fn a_long_list_goes_on_from_page_to_page() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let operator = gateway.operator().await;
    assert!(operator.page(EXCEPTIONS).await.contains("No exception is open"));
    let mut payments = Vec::new();
    for n in 0..52 {
        let payment = gateway.register("INDO", &format!("ORD{n}")).await;
        gateway.pay_whole(INDO, &payment.pay_no, "T1").await;
        payments.push(payment);
    }
    gateway.advance("PT16M").await;
    for payment in &payments {
        assert_eq!(gateway.reverse(INDO, &payment.pay_no, "T1").await.code(), "4032718");
    }
    let first = operator.page(EXCEPTIONS).await;
    let next = crate::support::office::after(&first, r#"rel="next" id="next" href=""#);
    let second = operator.page(&next).await;
    let (first, second) = (listed(&first), listed(&second));
    assert_eq!((first.len(), second.len()), (50, 2));
    let found: std::collections::BTreeSet<_> = first.into_iter().chain(second).collect();
    assert_eq!(found.len(), 52, "none twice, none left out");
}
