//! Failed notifications in the back office: sent again one by one, or all of them (rule 13).

use crate::support::merchant::{Registered, direct};
use crate::support::office::Browser;
use crate::support::receiver::Receiver;
use crate::support::store::INDO;
use crate::support::{Gateway, sandbox_settings, until};
use gerai_gateway::{DeliverySettings, Settings};
use std::time::Duration;

const FAILED: &str = "/office/notifications";

/// A gateway that gives up after the second attempt.
async fn impatient() -> Gateway {
    let usual = sandbox_settings();
    let delivery = DeliverySettings { schedule: vec![Duration::from_secs(10)], ..usual.delivery.clone() };
    let gateway = Gateway::with(Settings { delivery, ..usual }).await;
    gateway.freeze_at("2031-05-05T10:00:00").await;
    gateway
}

impl Gateway {
    /// Payments whose merchant's server has refused what it was told, until nobody tried any more.
    async fn failed(&self, receiver: &Receiver, count: usize) -> Vec<Registered> {
        let mut payments = Vec::new();
        for n in 0..count {
            let payment = self.registered(&direct(&format!("ORD{n}")).set("dbProcessUrl", receiver.url.as_str())).await;
            self.pay_whole(INDO, &payment.pay_no, "T1").await;
            payments.push(payment);
        }
        receiver.wait_for(count).await;
        until("the first attempts are settled", async || self.all_next_at(&payments).await).await;
        self.advance("PT30S").await;
        until("they have failed", async || {
            gerai_ledger::Ledger::backlog(self.ledger.as_ref()).await.unwrap().failed == count as u64
        })
        .await;
        payments
    }

    async fn all_next_at(&self, payments: &[Registered]) -> bool {
        for payment in payments {
            let told = self.notifications(&payment.tx_id).await;
            if told[0]["attempts"].as_array().unwrap().is_empty() {
                return false;
            }
        }
        true
    }
}

/// The forms that send one again, from top to bottom.
fn one_by_one(page: &str) -> Vec<String> {
    let forms = page.split(r#"action="/office/notifications/"#).skip(1);
    let actions = forms.map(|form| form.split('"').next().unwrap()).filter(|action| action.ends_with("/replay"));
    actions.map(|action| format!("{FAILED}/{action}")).collect()
}

impl Browser<'_> {
    async fn failed(&self) -> Vec<String> {
        one_by_one(&self.page(FAILED).await)
    }
}

#[tokio::test]
async fn failed_notifications_are_sent_again_one_by_one_or_all_of_them() {
    let gateway = impatient().await;
    let operator = gateway.operator().await;
    assert!(operator.page(FAILED).await.contains("No notification has failed"));
    let receiver = Receiver::answering(&[500; 6]).await;
    let payments = gateway.failed(&receiver, 3).await;
    let page = operator.page(FAILED).await;
    let forms = one_by_one(&page);
    assert_eq!(forms.len(), 3, "{page}");
    for part in ["Send all 3 again", "HTTP 500", "after 2 attempts", &payments[0].tx_id, "Rp 10.000"] {
        assert!(page.contains(part), "{part}: {page}");
    }

    let page = operator.post_done(&forms[0], &[]).await;
    assert!(page.contains("1 notification is put back") && page.contains("2 more wait."), "{page}");
    receiver.wait_for(7).await;
    let deed = gateway.deeds().await.remove(0);
    assert_eq!((deed.by.as_str(), deed.what.as_str()), ("operator:rini", "notification-replayed"));
    assert!(payments.iter().any(|payment| payment.tx_id == deed.subject), "{deed:?}");
    assert_eq!(deed.merchant.unwrap().as_str(), "GERAITEST1");
    assert_eq!(operator.failed().await.len(), 2);

    // Once more there is nothing to do, and nothing is said to be done.
    let deeds = gateway.deeds().await.len();
    let page = operator.post_done(&forms[0], &[]).await;
    assert!(page.contains("is no failed one any more"), "{page}");
    for path in
        [format!("{FAILED}/0/replay"), format!("{FAILED}/-9223372036854775808/replay"), format!("{FAILED}/x/replay")]
    {
        let answer = operator.post(&path, &[]).await;
        assert!(matches!(answer.status, 303 | 404), "{path}: {}", answer.status);
    }
    assert_eq!(gateway.deeds().await.len(), deeds);

    let page = operator.post_done(&format!("{FAILED}/replay"), &[]).await;
    assert!(page.contains("2 notifications are put back") && page.contains("No notification has failed"), "{page}");
    receiver.wait_for(9).await;
    let deeds = gateway.deeds_in_short().await;
    assert_eq!(deeds[0], "operator:rini notifications-replayed all");
    let page = operator.post_done(&format!("{FAILED}/replay"), &[]).await;
    assert!(page.contains("nothing was put back"), "{page}");
    assert_eq!(gateway.deeds().await.len(), deeds.len(), "nothing was done");
}
