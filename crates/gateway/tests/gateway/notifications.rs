//! What a merchant's `dbProcessUrl` gets (S13, rule 13): the form, its two signatures, order, retries, and the end of
//! the schedule. The waits are followed by moving the clock.

use crate::support::merchant::{Account, Body, GERAITEST1, Registered, direct, redirect};
use crate::support::receiver::{Received, Receiver};
use crate::support::store::{ALMA, INDO};
use crate::support::{Gateway, sandbox_settings};
use gerai_gateway::Settings;
use gerai_ledger::RetiredKey;
use gerai_protocol::{MerchantKey, notification_token};
use http::HeaderMap;
use serde_json::Value;
use standardwebhooks::Webhook;

const SECRET: &str = "whsec_Z2VyYWktc2FuZGJveC1nZXJhaXRlc3QxLXNlY3JldDE=";
const FIELDS: &str = "tXid merchantToken referenceNo payMethod amt transDt transTm currency goodsNm billingNm matchCl \
                      status mitraCd payNo payValidDt payValidTm receiptCode depositDt depositTm instmntType \
                      instmntMon mRefNo";

fn told(reference: &str, receiver: &Receiver) -> Body {
    direct(reference).set("dbProcessUrl", receiver.url.clone())
}

/// Registers a payment whose notifications go to the receiver.
async fn register(gateway: &Gateway, chain: &str, receiver: &Receiver) -> Registered {
    gateway.registered(&told("ORD1", receiver).set("mitraCd", chain)).await
}

fn token(key: &str, payment: &Registered) -> String {
    notification_token("GERAITEST1", &payment.tx_id, "10000", &MerchantKey::new(key.to_owned()))
}

fn webhook_headers(received: &Received) -> HeaderMap {
    let names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
    names.into_iter().map(|name| (name.parse().unwrap(), received.header(name).parse().unwrap())).collect()
}

#[tokio::test]
async fn s13_a_payment_is_pushed_as_a_form_with_every_field_in_order() {
    let receiver = Receiver::start().await;
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let payment = register(&gateway, "ALMA", &receiver).await;
    gateway.advance("PT1H").await;
    let receipt = gateway.pay(ALMA, &payment.pay_no, "T1").await.field("receiptCode");
    gateway.advance("PT1M").await;
    assert_eq!(receiver.received().len(), 0, "rule 7: nothing is said before the commit");
    assert_eq!(gateway.commit(ALMA, &payment.pay_no, "T1").await.code(), "2002600");
    let received = receiver.wait_for(1).await.remove(0);
    assert_eq!(received.path, "/notify");
    assert_eq!(received.header("content-type"), "application/x-www-form-urlencoded");
    assert_eq!(received.header("user-agent"), "Jakarta Commons-HttpClient/3.1");
    let names: Vec<String> = received.fields().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names.join(" "), FIELDS);
    for (name, value) in [
        ("tXid", payment.tx_id.as_str()),
        ("merchantToken", &token(GERAITEST1.key, &payment)),
        ("referenceNo", "ORD1"),
        ("payMethod", "03"),
        ("amt", "10000"),
        ("transDt", "20310505"),
        ("transTm", "110000"),
        ("currency", "IDR"),
        ("goodsNm", "Kopi & Teh"),
        ("billingNm", "Sinta Amalina"),
        ("matchCl", "1"),
        ("status", "0"),
        ("mitraCd", "ALMA"),
        ("payNo", &payment.pay_no),
        ("payValidDt", "20310512"),
        ("payValidTm", "100000"),
        ("receiptCode", &receipt),
        ("depositDt", "20310505"),
        ("depositTm", "110000"),
        ("instmntType", ""),
        ("instmntMon", ""),
        ("mRefNo", ""),
    ] {
        assert_eq!(received.field(name), value, "{name}");
    }
    Webhook::new(SECRET).unwrap().verify(received.body.as_bytes(), &webhook_headers(&received)).unwrap();
    let tampered = received.body.replace("status=0", "status=1");
    assert!(Webhook::new(SECRET).unwrap().verify(tampered.as_bytes(), &webhook_headers(&received)).is_err());
}

#[tokio::test]
async fn a_redirect_payment_is_announced_as_a_store_payment() {
    let receiver = Receiver::start().await;
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let body = redirect("ORD1").set("mitraCd", "INDO").set("dbProcessUrl", receiver.url.clone());
    let tx_id = gateway.ask_done(&body).await.field("tXid");
    let ask = crate::support::merchant::inquiry(&tx_id, "ORD1");
    let pay_no = gateway.ask_done(&ask).await.field("payNo");
    gateway.pay_whole(INDO, &pay_no, "T1").await;
    assert_eq!(receiver.wait_for(1).await[0].field("payMethod"), "03");
}

#[tokio::test]
async fn the_user_agent_can_be_configured() {
    let receiver = Receiver::start().await;
    let gateway = Gateway::with(Settings { notification_user_agent: "Gerai/1".into(), ..sandbox_settings() }).await;
    gateway.freeze_at("2031-05-05T10:00:00").await;
    let payment = register(&gateway, "INDO", &receiver).await;
    gateway.pay_whole(INDO, &payment.pay_no, "T1").await;
    assert_eq!(receiver.wait_for(1).await[0].header("user-agent"), "Gerai/1");
}

#[tokio::test]
async fn rule_13_a_reversal_and_a_return_are_announced_with_status_1() {
    for by_operator in [false, true] {
        let receiver = Receiver::start().await;
        let gateway = Gateway::at("2031-05-05T10:00:00").await;
        let payment = register(&gateway, "INDO", &receiver).await;
        gateway.pay_whole(INDO, &payment.pay_no, "T1").await;
        gateway.advance("PT2M").await;
        if by_operator {
            gateway.give_back(&payment.pay_no).await;
            gateway.advance("PT0S").await;
        } else {
            assert_eq!(gateway.reverse(INDO, &payment.pay_no, "T1").await.code(), "2002700");
        }
        let received = receiver.wait_for(2).await;
        let (first, second) = (&received[0], &received[1]);
        assert_eq!((first.field("status"), second.field("status")), ("0".into(), "1".into()));
        assert_eq!(second.field("transTm"), "100200");
        assert_eq!(second.field("depositTm"), "100000");
        assert_eq!(second.field("receiptCode"), first.field("receiptCode"));
        assert_eq!(second.field("merchantToken"), first.field("merchantToken"), "it signs neither status nor time");
        assert_ne!(second.header("webhook-id"), first.header("webhook-id"));
        Webhook::new(SECRET).unwrap().verify(second.body.as_bytes(), &webhook_headers(second)).unwrap();
    }
}

#[tokio::test]
async fn rule_13_what_was_never_paid_is_not_announced() {
    let receiver = Receiver::start().await;
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let payment = register(&gateway, "ALMA", &receiver).await;
    assert_eq!(gateway.pay(ALMA, &payment.pay_no, "T1").await.code(), "2002500");
    assert_eq!(gateway.reverse(ALMA, &payment.pay_no, "T1").await.code(), "2002700");
    assert_eq!(gateway.reverse(ALMA, &payment.pay_no, "UNKNOWN").await.code(), "2002700");
    assert_eq!(gateway.pay(ALMA, &payment.pay_no, "T2").await.code(), "2002500");
    gateway.advance("PT6M").await;
    gateway.advance("P8D").await;
    assert_eq!(gateway.events(&payment.tx_id).await.last().unwrap(), "expired");
    assert_eq!(receiver.received().len(), 0);
    assert_eq!(gateway.notifications(&payment.tx_id).await.len(), 0);
}

#[tokio::test]
async fn rule_13_notifications_of_a_payment_stay_in_order_and_a_new_event_tries_the_head_at_once() {
    let receiver = Receiver::answering(&[500, 500]).await;
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let payment = register(&gateway, "INDO", &receiver).await;
    gateway.pay_whole(INDO, &payment.pay_no, "T1").await;
    gateway.advance("PT1S").await;
    assert_eq!(receiver.received().len(), 1, "its next attempt is not due");
    // Not due for another nine seconds, but something new has happened.
    assert_eq!(gateway.reverse(INDO, &payment.pay_no, "T1").await.code(), "2002700");
    gateway.advance("PT0S").await;
    let states: Vec<Value> = gateway.notifications(&payment.tx_id).await;
    assert_eq!((states[0]["state"].as_str(), states[1]["state"].as_str()), (Some("pending"), Some("waiting")));
    gateway.advance("PT1M").await;
    let statuses: Vec<String> = receiver.wait_for(4).await.iter().map(|received| received.field("status")).collect();
    assert_eq!(statuses, ["0", "0", "0", "1"]);
    let states = gateway.notifications(&payment.tx_id).await;
    assert!(states.iter().all(|notification| notification["state"] == "delivered"), "{states:?}");
}

#[tokio::test]
async fn rule_13_a_notification_is_retried_on_schedule_until_it_is_accepted() {
    let receiver = Receiver::answering(&[500, 404, 301, 302]).await;
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let payment = register(&gateway, "INDO", &receiver).await;
    gateway.pay_whole(INDO, &payment.pay_no, "T1").await;
    // The wait, and how many attempts there are one second before it is over and when it is.
    for (wait, before) in [(10, 1), (30, 2), (120, 3), (600, 4)] {
        gateway.advance(&format!("PT{}S", wait - 1)).await;
        assert_eq!(receiver.received().len(), before, "one second before {wait} s");
        gateway.advance("PT1S").await;
        assert_eq!(receiver.received().len(), before + 1, "after {wait} s");
    }
    gateway.advance("P3D").await;
    let received = receiver.received();
    assert_eq!(received.len(), 5, "accepted: no more attempts");
    assert!(received.iter().all(|one| one.path == "/notify"), "redirects are not followed");
    assert!(received.iter().all(|one| one.header("webhook-id") == received[0].header("webhook-id")));
    assert!(received.iter().all(|one| one.body == received[0].body));
    let list = gateway.notifications(&payment.tx_id).await;
    assert_eq!(list.len(), 1);
    assert_eq!((list[0]["state"].as_str(), &list[0]["nextAttemptAt"]), (Some("delivered"), &Value::Null));
    let attempts = list[0]["attempts"].as_array().unwrap();
    let seen: Vec<String> =
        attempts.iter().map(|one| format!("{} {}", one["at"].as_str().unwrap(), one["answer"]["status"])).collect();
    assert_eq!(
        seen,
        [
            "2031-05-05T10:00:00+07:00 500",
            "2031-05-05T10:00:10+07:00 404",
            "2031-05-05T10:00:40+07:00 301",
            "2031-05-05T10:02:40+07:00 302",
            "2031-05-05T10:12:40+07:00 200",
        ]
    );
    assert_eq!(attempts[0]["body"].as_str(), Some(received[0].body.as_str()));
    assert_eq!(attempts[0]["headers"]["webhook-id"].as_str(), Some(received[0].header("webhook-id")));
}

#[tokio::test]
async fn rule_13_any_2xx_is_accepted() {
    for status in [200, 201, 202, 204, 299] {
        let receiver = Receiver::answering(&[status, 500, 500]).await;
        let gateway = Gateway::at("2031-05-05T10:00:00").await;
        let payment = register(&gateway, "INDO", &receiver).await;
        gateway.pay_whole(INDO, &payment.pay_no, "T1").await;
        gateway.advance("P2D").await;
        assert_eq!(receiver.received().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn rule_13_when_the_schedule_ends_it_is_marked_as_failed_and_no_longer_holds_up_what_follows() {
    let receiver = Receiver::answering(&[500; 11]).await;
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let payment = register(&gateway, "INDO", &receiver).await;
    gateway.pay_whole(INDO, &payment.pay_no, "T1").await;
    // 10 s, 30 s, 2 min, 10 min, 30 min, 1 h, 3 h, 6 h, 12 h, 24 h: 46 h 42 min 40 s in all.
    gateway.move_to("2031-05-07T08:42:39").await;
    assert_eq!(receiver.received().len(), 10);
    assert_eq!(gateway.notifications(&payment.tx_id).await[0]["state"], "pending");
    gateway.advance("PT1S").await;
    assert_eq!(receiver.received().len(), 11);
    gateway.advance("P30D").await;
    assert_eq!(receiver.received().len(), 11, "nothing after the end");
    let list = gateway.notifications(&payment.tx_id).await;
    assert_eq!((list[0]["state"].as_str(), &list[0]["nextAttemptAt"]), (Some("failed"), &Value::Null));
    let attempts = list[0]["attempts"].as_array().unwrap();
    let times: Vec<&str> = attempts.iter().map(|attempt| &attempt["at"].as_str().unwrap()[..19]).collect();
    assert_eq!(
        times,
        [
            "2031-05-05T10:00:00",
            "2031-05-05T10:00:10",
            "2031-05-05T10:00:40",
            "2031-05-05T10:02:40",
            "2031-05-05T10:12:40",
            "2031-05-05T10:42:40",
            "2031-05-05T11:42:40",
            "2031-05-05T14:42:40",
            "2031-05-05T20:42:40",
            "2031-05-06T08:42:40",
            "2031-05-07T08:42:40",
        ]
    );
    gateway.give_back(&payment.pay_no).await;
    gateway.advance("PT0S").await;
    assert_eq!(receiver.wait_for(12).await[11].field("status"), "1");
}

#[tokio::test]
async fn a_receiver_that_is_down_is_told_once_it_is_up() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    // Nobody listens there any more.
    let dead = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/notify", listener.local_addr().unwrap())
    };
    let payment = gateway.registered(&direct("ORD1").set("dbProcessUrl", dead)).await;
    gateway.pay_whole(INDO, &payment.pay_no, "T1").await;
    gateway.advance("PT0S").await;
    let list = gateway.notifications(&payment.tx_id).await;
    let attempts = list[0]["attempts"].as_array().unwrap();
    assert_eq!((attempts.len(), list[0]["state"].as_str()), (1, Some("pending")));
    assert!(attempts[0]["answer"]["failure"].is_string(), "{attempts:?}");
    assert_eq!(list[0]["nextAttemptAt"], "2031-05-05T10:00:10+07:00");
}

#[tokio::test]
async fn rule_15_what_was_due_before_a_restart_is_sent_after_it() {
    let receiver = Receiver::answering(&[503]).await;
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let payment = register(&gateway, "INDO", &receiver).await;
    gateway.pay_whole(INDO, &payment.pay_no, "T1").await;
    gateway.advance("PT0S").await;
    let gateway = gateway.restart(sandbox_settings()).await;
    gateway.advance("PT10S").await;
    let received = receiver.wait_for(2).await;
    assert_eq!(received[0].header("webhook-id"), received[1].header("webhook-id"));
}

#[tokio::test]
async fn a_payment_is_announced_at_once() {
    let receiver = Receiver::start().await;
    let gateway = Gateway::sandbox().await;
    gateway.freeze_at("2031-05-05T10:00:00").await;
    let mut payments = Vec::new();
    for n in 0..10 {
        payments.push(gateway.registered(&told(&format!("ORD{n}"), &receiver)).await);
    }
    let began = std::time::Instant::now();
    for (n, payment) in payments.iter().enumerate() {
        gateway.pay_whole(INDO, &payment.pay_no, "T1").await;
        receiver.wait_for(n + 1).await;
    }
    // Whoever looks into the outbox once in a while takes most of a second for each.
    assert!(began.elapsed() < std::time::Duration::from_secs(5), "{:?}", began.elapsed());
}

#[tokio::test]
async fn one_merchant_that_fails_delays_no_other() {
    let (bad, good) = (Receiver::answering(&[500; 50]).await, Receiver::start().await);
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    for n in 0..5 {
        for (name, receiver) in [("BAD", &bad), ("GOOD", &good)] {
            let payment = gateway.registered(&told(&format!("{name}{n}"), receiver)).await;
            gateway.pay_whole(INDO, &payment.pay_no, "T1").await;
        }
    }
    assert_eq!(good.wait_for(5).await.len(), 5);
    assert!(!bad.wait_for(5).await.is_empty());
}

#[tokio::test]
async fn during_a_key_rotation_both_keys_are_accepted_and_the_old_one_signs() {
    const NEW: Account = Account { imid: "GERAITEST1", key: "the new key of the merchant" };
    let receiver = Receiver::answering(&[500]).await;
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    gateway
        .change_merchant(GERAITEST1.imid, |account| {
            let until = "2031-05-05T11:00:00+07:00".parse().unwrap();
            account.retired_key = Some(RetiredKey { key: account.key.clone(), until });
            account.key = NEW.key.into();
        })
        .await;
    let by_old = gateway.registered(&told("OLD", &receiver)).await;
    gateway.ask_done(&told("NEW", &receiver).signed_by(NEW)).await;
    gateway.pay_whole(INDO, &by_old.pay_no, "T1").await;
    assert_eq!(receiver.wait_for(1).await[0].field("merchantToken"), token(GERAITEST1.key, &by_old));
    gateway.move_to("2031-05-05T10:00:09").await;
    assert_eq!(receiver.received().len(), 1);
    gateway.advance("PT1S").await;
    assert_eq!(receiver.wait_for(2).await[1].field("merchantToken"), token(GERAITEST1.key, &by_old));
    gateway.move_to("2031-05-05T11:00:00").await;
    gateway.ask_done(&told("OLD2", &receiver)).await;
    gateway.advance("PT1S").await;
    assert_eq!(gateway.ask(&told("OLD3", &receiver)).await.code(), "9010", "the overlap is over");
    let by_new = gateway.registered(&told("NEW3", &receiver).signed_by(NEW)).await;
    receiver.script(&[500]);
    gateway.pay_whole(INDO, &by_new.pay_no, "T1").await;
    assert_eq!(receiver.wait_for(3).await[2].field("merchantToken"), token(NEW.key, &by_new));
}

#[tokio::test]
async fn an_attempt_is_signed_with_the_key_that_is_in_force_when_it_is_made() {
    const NEW: Account = Account { imid: "GERAITEST1", key: "the new key of the merchant" };
    let receiver = Receiver::answering(&[500]).await;
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let payment = register(&gateway, "INDO", &receiver).await;
    gateway.pay_whole(INDO, &payment.pay_no, "T1").await;
    assert_eq!(receiver.wait_for(1).await[0].field("merchantToken"), token(GERAITEST1.key, &payment));
    gateway.change_merchant(GERAITEST1.imid, |account| account.key = NEW.key.into()).await;
    gateway.advance("PT10S").await;
    let received = receiver.wait_for(2).await;
    assert_eq!(received[1].field("merchantToken"), token(NEW.key, &payment));
    Webhook::new(SECRET).unwrap().verify(received[1].body.as_bytes(), &webhook_headers(&received[1])).unwrap();
}
