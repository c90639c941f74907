//! Faults of notifications (S13, S27, S30): what arrives at a `dbProcessUrl`, in which order and how often, and that the
//! payment's own queue comes right afterwards. Everything that was sent stands in the list of attempts.

use crate::support::merchant::{Registered, direct};
use crate::support::receiver::{Received, Receiver};
use crate::support::store::{ALMA, INDO};
use crate::support::{Gateway, sandbox_settings, until};
use serde_json::{Value, json};

async fn gateway() -> Gateway {
    Gateway::at("2031-05-05T10:00:00").await
}

/// Registers a payment whose notifications go to the receiver.
async fn register(gateway: &Gateway, receiver: &Receiver, reference: &str) -> Registered {
    gateway.registered(&direct(reference).set("dbProcessUrl", receiver.url.clone())).await
}

async fn paid(gateway: &Gateway, receiver: &Receiver, reference: &str) -> Registered {
    let payment = register(gateway, receiver, reference).await;
    gateway.pay_whole(INDO, &payment.pay_no, "T1").await;
    gateway.advance("PT0S").await;
    payment
}

fn statuses(received: &[Received]) -> Vec<String> {
    received.iter().map(|one| one.field("status")).collect()
}

/// The names of the faults of each attempt of a notification.
fn faults(notification: &Value) -> Vec<Vec<String>> {
    let name = |fault: &Value| fault["fault"].as_str().unwrap().to_owned();
    let names = |attempt: &Value| attempt["faults"].as_array().unwrap().iter().map(name).collect();
    notification["attempts"].as_array().unwrap().iter().map(names).collect()
}

#[tokio::test]
async fn s13_a_lost_notification_never_comes_and_counts_as_delivered() {
    let receiver = Receiver::start().await;
    let gateway = gateway().await;
    let fault = gateway.arm(json!({ "on": "notification", "fault": "lose" })).await;
    let payment = paid(&gateway, &receiver, "ORD1").await;
    gateway.advance("P3D").await;
    assert_eq!(receiver.received().len(), 0);
    let list = gateway.notifications(&payment.tx_id).await;
    assert_eq!((list[0]["state"].as_str(), faults(&list[0])), (Some("delivered"), vec![vec!["lose".into()]]));
    let attempt = &list[0]["attempts"][0];
    assert_eq!(attempt["faults"][0]["id"], fault);
    assert_eq!((&attempt["body"], &attempt["headers"]), (&json!(""), &json!({})), "nothing was sent");
    assert!(attempt["answer"]["failure"].as_str().unwrap().contains("not sent"), "{attempt}");
    assert_eq!(gateway.status(&payment).await.0, "0", "whoever asks learns of it");
    gateway.give_back(&payment.pay_no).await;
    gateway.advance("PT0S").await;
    assert_eq!(statuses(&receiver.wait_for(1).await), ["1"], "the next one comes");
}

#[tokio::test]
async fn s13_a_lost_notification_does_not_hold_up_the_next_of_its_payment() {
    let receiver = Receiver::start().await;
    let gateway = gateway().await;
    gateway.arm(json!({ "on": "notification", "status": 0, "fault": "lose" })).await;
    let payment = register(&gateway, &receiver, "ORD1").await;
    gateway.pay_whole(INDO, &payment.pay_no, "T1").await;
    assert_eq!(gateway.reverse(INDO, &payment.pay_no, "T1").await.code(), "2002700");
    gateway.advance("PT0S").await;
    assert_eq!(statuses(&receiver.received()), ["1"], "the clock waits for what is due after it");
}

#[tokio::test]
async fn s13_a_dropped_notification_fails_and_is_retried_on_schedule() {
    let receiver = Receiver::start().await;
    let gateway = gateway().await;
    gateway.arm(json!({ "on": "notification", "fault": "drop", "count": 2 })).await;
    let payment = paid(&gateway, &receiver, "ORD1").await;
    let list = gateway.notifications(&payment.tx_id).await;
    assert_eq!(list[0]["state"], "pending");
    assert_eq!(list[0]["nextAttemptAt"], "2031-05-05T10:00:10+07:00");
    gateway.advance("PT39S").await;
    assert_eq!(receiver.received().len(), 0);
    gateway.advance("PT1S").await;
    assert_eq!(receiver.received().len(), 1);
    let list = gateway.notifications(&payment.tx_id).await;
    assert_eq!(list[0]["state"], "delivered");
    let dropped = || vec!["drop".to_owned()];
    assert_eq!(faults(&list[0]), [dropped(), dropped(), vec![]]);
    let times: Vec<&str> =
        list[0]["attempts"].as_array().unwrap().iter().map(|one| &one["at"].as_str().unwrap()[11..19]).collect();
    assert_eq!(times, ["10:00:00", "10:00:10", "10:00:40"]);
}

#[tokio::test]
async fn s13_no_notification_ever_comes_through_a_firewall_and_the_schedule_ends() {
    let receiver = Receiver::start().await;
    let gateway = gateway().await;
    gateway.arm(json!({ "on": "notification", "iMid": "GERAITEST1", "fault": "drop", "count": 1000 })).await;
    let payment = paid(&gateway, &receiver, "ORD1").await;
    gateway.advance("P3D").await;
    assert_eq!(receiver.received().len(), 0);
    let list = gateway.notifications(&payment.tx_id).await;
    assert_eq!((list[0]["state"].as_str(), list[0]["attempts"].as_array().unwrap().len()), (Some("failed"), 11));
    assert_eq!(gateway.status(&payment).await.0, "0");
}

#[tokio::test]
async fn s27_a_delayed_notification_comes_by_itself() {
    let receiver = Receiver::start().await;
    let gateway = gateway().await;
    let fault = gateway.arm(json!({ "on": "notification", "fault": "delay", "for": "PT0.3S" })).await;
    let payment = register(&gateway, &receiver, "ORD1").await;
    let began = std::time::Instant::now();
    gateway.pay_whole(INDO, &payment.pay_no, "T1").await;
    receiver.wait_for(1).await;
    assert!(began.elapsed() >= std::time::Duration::from_millis(300), "{:?}", began.elapsed());
    gateway.advance("PT0S").await;
    let list = gateway.notifications(&payment.tx_id).await;
    assert_eq!((list[0]["state"].as_str(), faults(&list[0])), (Some("delivered"), vec![vec!["delay".into()]]));
    assert_eq!(list[0]["attempts"][0]["faults"][0]["id"], fault);
    assert_eq!(list[0]["attempts"][0]["body"], receiver.received()[0].body);
}

#[tokio::test]
async fn s13_a_notification_that_is_held_back_waits_with_those_behind_it_until_it_is_let_go() {
    for way in ["release", "delete", "delete all"] {
        let receiver = Receiver::start().await;
        let gateway = gateway().await;
        let fault = gateway.arm(json!({ "on": "notification", "fault": "hold-back" })).await;
        let payment = paid(&gateway, &receiver, "ORD1").await;
        assert_eq!(gateway.reverse(INDO, &payment.pay_no, "T1").await.code(), "2002700");
        gateway.advance("PT1H").await;
        let other = paid(&gateway, &receiver, "ORD2").await;
        let received = receiver.wait_for(1).await;
        assert_eq!((received.len(), received[0].field("tXid")), (1, other.tx_id), "others pass");
        let list = gateway.notifications(&payment.tx_id).await;
        assert_eq!((list[0]["state"].as_str(), list[1]["state"].as_str()), (Some("pending"), Some("waiting")));
        assert_eq!(list[0]["heldBackBy"], json!({ "id": fault, "fault": "hold-back" }));
        assert_eq!(list[1]["heldBackBy"], Value::Null);
        let holding = json!([{ "notification": list[0]["id"], "tXid": payment.tx_id }]);
        assert_eq!(gateway.fault(fault).await["holding"], holding);
        let released = match way {
            "release" => gateway.post(&format!("/sandbox/v1/faults/{fault}/release"), "").await,
            "delete" => gateway.disarm(&format!("/{fault}")).await,
            _ => gateway.disarm("").await,
        };
        assert_eq!((released.status, &released.json()["released"]), (200, &json!(1)), "{way}");
        let received = receiver.wait_for(3).await;
        assert_eq!(statuses(&received[1..]), ["0", "1"], "{way}: in order");
        gateway.advance("PT0S").await;
        let list = gateway.notifications(&payment.tx_id).await;
        assert!(list.iter().all(|one| one["state"] == "delivered" && one["heldBackBy"].is_null()), "{list:?}");
        assert_eq!((faults(&list[0]), faults(&list[1])), (vec![vec!["hold-back".into()]], vec![vec![]]));
    }
}

#[tokio::test]
async fn a_notification_is_held_back_once_by_a_fault_that_strikes_often() {
    let receiver = Receiver::answering(&[500]).await;
    let gateway = gateway().await;
    let fault = gateway.arm(json!({ "on": "notification", "fault": "hold-back", "count": 5 })).await;
    let payment = paid(&gateway, &receiver, "ORD1").await;
    let release = format!("/sandbox/v1/faults/{fault}/release");
    assert_eq!(gateway.post(&release, "").await.json(), json!({ "released": 1 }));
    receiver.wait_for(1).await;
    gateway.advance("PT10S").await;
    assert_eq!(receiver.received().len(), 2, "its second attempt is not held back again");
    assert_eq!(gateway.reverse(INDO, &payment.pay_no, "T1").await.code(), "2002700");
    gateway.advance("PT0S").await;
    assert_eq!(receiver.received().len(), 2, "but another notification is");
    assert_eq!(gateway.post(&release, "").await.json(), json!({ "released": 1 }));
    assert_eq!(gateway.post(&release, "").await.json(), json!({ "released": 0 }));
    receiver.wait_for(3).await;
}

#[tokio::test]
async fn rule_15_what_was_held_back_goes_out_after_a_restart() {
    let receiver = Receiver::start().await;
    let gateway = gateway().await;
    gateway.arm(json!({ "on": "notification", "fault": "hold-back" })).await;
    paid(&gateway, &receiver, "ORD1").await;
    assert_eq!(receiver.received().len(), 0);
    let _gateway = gateway.restart(sandbox_settings()).await;
    receiver.wait_for(1).await;
}

#[tokio::test]
async fn s13_a_notification_is_sent_several_times_at_once_or_apart() {
    for apart in [None, Some("PT0.05S")] {
        let receiver = Receiver::start().await;
        let gateway = gateway().await;
        let fault = json!({ "on": "notification", "fault": "duplicate", "times": 3, "apart": apart });
        let fault = gateway.arm(fault).await;
        let payment = paid(&gateway, &receiver, "ORD1").await;
        let received = receiver.wait_for(3).await;
        for one in &received {
            assert_eq!(one.body, received[0].body);
            assert_eq!(one.header("webhook-id"), received[0].header("webhook-id"), "the same message");
            assert_eq!(one.signature(), "right");
        }
        let copies = async || gateway.notifications(&payment.tx_id).await[0]["copies"].as_array().unwrap().clone();
        until("the copies are noted", async || copies().await.len() == 2).await;
        for copy in copies().await {
            assert_eq!((&copy["body"], &copy["answer"]["status"]), (&json!(received[0].body), &json!(200)));
            assert_eq!(copy["faults"], json!([{ "id": fault, "fault": "duplicate" }]));
        }
        let list = gateway.notifications(&payment.tx_id).await;
        assert_eq!((list[0]["state"].as_str(), faults(&list[0])), (Some("delivered"), vec![vec!["duplicate".into()]]));
        gateway.give_back(&payment.pay_no).await;
        gateway.advance("PT0S").await;
        assert_eq!(receiver.wait_for(4).await.len(), 4, "the next one comes once");
    }
}

#[tokio::test]
async fn a_copy_that_has_not_gone_yet_is_not_sent_once_its_fault_is_disarmed() {
    let receiver = Receiver::start().await;
    let gateway = gateway().await;
    let fault = json!({ "on": "notification", "fault": "duplicate", "times": 10, "apart": "PT0.1S" });
    let fault = gateway.arm(fault).await;
    paid(&gateway, &receiver, "ORD1").await;
    receiver.wait_for(2).await;
    gateway.disarm(&format!("/{fault}")).await;
    let sent = receiver.received().len();
    assert!(sent < 10, "{sent}");
    // The same again, to its end: by then all of the first would have come.
    gateway.arm(json!({ "on": "notification", "fault": "duplicate", "times": 10, "apart": "PT0.1S" })).await;
    let other = paid(&gateway, &receiver, "ORD2").await;
    let of_other = || receiver.received().iter().filter(|one| one.field("tXid") == other.tx_id).count();
    until("all of the second come", async || of_other() == 10).await;
    // One may have been on its way.
    assert!(receiver.received().len() - of_other() <= sent + 1, "{}", receiver.received().len());
}

#[tokio::test]
async fn s13_what_a_copy_is_answered_changes_nothing() {
    // Whichever arrives first, one of the two is refused.
    let receiver = Receiver::answering(&[200, 500]).await;
    let gateway = gateway().await;
    gateway.arm(json!({ "on": "notification", "fault": "duplicate", "apart": "PT0.2S" })).await;
    let payment = paid(&gateway, &receiver, "ORD1").await;
    receiver.wait_for(2).await;
    gateway.advance("P1D").await;
    let list = gateway.notifications(&payment.tx_id).await;
    assert_eq!((list[0]["state"].as_str(), list[0]["attempts"].as_array().unwrap().len()), (Some("delivered"), 1));
    assert_eq!(receiver.received().len(), 2);
}

#[tokio::test]
async fn s13_a_payment_and_its_reversal_arrive_swapped() {
    for refusing in [false, true] {
        let receiver = Receiver::answering(if refusing { &[500] } else { &[] }).await;
        let gateway = gateway().await;
        let fault = gateway.arm(json!({ "on": "notification", "status": 0, "fault": "reorder" })).await;
        let payment = paid(&gateway, &receiver, "ORD1").await;
        gateway.advance("PT5M").await;
        assert_eq!(receiver.received().len(), 0, "it waits for the next one");
        let list = gateway.notifications(&payment.tx_id).await;
        assert_eq!(list[0]["heldBackBy"], json!({ "id": fault, "fault": "reorder" }));
        assert_eq!(gateway.reverse(INDO, &payment.pay_no, "T1").await.code(), "2002700");
        gateway.advance("PT0S").await;
        gateway.advance("PT1M").await;
        let expected: &[&str] = if refusing { &["1", "1", "0"] } else { &["1", "0"] };
        assert_eq!(statuses(&receiver.received()), expected);
        let list = gateway.notifications(&payment.tx_id).await;
        assert!(list.iter().all(|one| one["state"] == "delivered" && one["heldBackBy"].is_null()), "{list:?}");
        let reordered = || vec!["reorder".to_owned()];
        assert_eq!(faults(&list[0]), [reordered(), reordered()], "passed over, then sent");
        assert!(receiver.received().iter().all(|one| one.signature() == "right" && one.token_is_right()));
        assert_eq!(gateway.events(&payment.tx_id).await, ["registered", "taken", "reversed"]);
        assert_eq!(gateway.status(&payment).await.0, "3", "what the gateway confirms is the end of it");
        // In order again.
        gateway.pay_whole(INDO, &payment.pay_no, "T2").await;
        assert_eq!(gateway.reverse(INDO, &payment.pay_no, "T2").await.code(), "2002700");
        gateway.advance("PT0S").await;
        assert_eq!(statuses(&receiver.received()[expected.len()..]), ["0", "1"]);
    }
}

#[tokio::test]
async fn s13_of_three_notifications_the_first_comes_second() {
    let receiver = Receiver::start().await;
    let gateway = gateway().await;
    gateway.arm(json!({ "on": "notification", "fault": "hold-back" })).await;
    let payment = paid(&gateway, &receiver, "ORD1").await;
    assert_eq!(gateway.reverse(INDO, &payment.pay_no, "T1").await.code(), "2002700");
    gateway.pay_whole(INDO, &payment.pay_no, "T2").await;
    // All three wait when the first is let go, and meets the other fault.
    gateway.arm(json!({ "on": "notification", "fault": "reorder" })).await;
    gateway.disarm("/1").await;
    let received = receiver.wait_for(3).await;
    let told: Vec<String> =
        received.iter().map(|one| one.header("webhook-id").rsplit('-').next().unwrap().to_owned()).collect();
    assert_eq!(told, ["3", "2", "4"], "by the numbers of their events");
    gateway.advance("PT0S").await;
    let list = gateway.notifications(&payment.tx_id).await;
    assert!(list.iter().all(|one| one["state"] == "delivered"), "{list:?}");
}

#[tokio::test]
async fn s30_a_flipped_status_keeps_the_token_right_and_the_signature_shows_it() {
    for (asked, expected) in
        [(None, "wrong"), (Some("wrong"), "wrong"), (Some("none"), "none"), (Some("right"), "right")]
    {
        // The merchant sees through it, so it comes again.
        let receiver = Receiver::answering(&[400]).await;
        let gateway = gateway().await;
        gateway.arm(json!({ "on": "notification", "fault": "flip-status", "signature": asked })).await;
        let payment = paid(&gateway, &receiver, "ORD1").await;
        gateway.advance("PT10S").await;
        let received = receiver.wait_for(2).await;
        assert_eq!(statuses(&received), ["1", "0"]);
        assert!(received.iter().all(Received::token_is_right));
        assert_eq!((received[0].signature(), received[1].signature()), (expected, "right"), "{asked:?}");
        assert_eq!(received[0].header("webhook-id"), received[1].header("webhook-id"));
        assert_eq!(received[0].body.replace("status=1", "status=0"), received[1].body, "nothing else is different");
        let list = gateway.notifications(&payment.tx_id).await;
        assert_eq!(faults(&list[0]), [vec!["flip-status".to_owned()], vec![]]);
        assert_eq!(list[0]["attempts"][0]["body"], received[0].body, "as it was really sent");
        assert_eq!(list[0]["state"], "delivered");
    }
}

#[tokio::test]
async fn s30_a_forged_token_an_amount_that_is_not_the_payments_and_another_tx_id() {
    let receiver = Receiver::answering(&[400, 400, 400, 400]).await;
    let gateway = gateway().await;
    let other = register(&gateway, &receiver, "ORD0").await;
    let override_with = |set: Value, more: Value| {
        let mut fault = json!({ "on": "notification", "fault": "override", "set": set });
        fault.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        fault
    };
    gateway.arm(json!({ "on": "notification", "fault": "forge-token" })).await;
    gateway.arm(override_with(json!({ "amt": 1, "goodsNm": "Kopi & Teh é" }), json!({}))).await;
    let set = json!({ "tXid": other.tx_id, "referenceNo": "ORD0", "extra": "x" });
    gateway.arm(override_with(set, json!({ "token": "wrong", "signature": "none" }))).await;
    gateway
        .arm(override_with(json!({ "merchantToken": "ffff", "depositDt": null }), json!({ "signature": "right" })))
        .await;
    paid(&gateway, &receiver, "ORD1").await;
    gateway.advance("PT1H").await;
    let received = receiver.wait_for(5).await;
    let [forged, amount, tx_id, given, true_one] = &received[..] else { panic!("{received:?}") };
    assert!(!forged.token_is_right());
    assert_eq!((forged.field("merchantToken").len(), forged.signature()), (64, "wrong"));
    assert_eq!((amount.field("amt"), amount.field("goodsNm")), ("1".into(), "Kopi & Teh é".into()));
    assert!(amount.token_is_right(), "as if made with the merchant's key");
    assert_eq!(amount.signature(), "wrong");
    assert_eq!((tx_id.field("tXid"), tx_id.field("extra")), (other.tx_id, "x".into()));
    assert!(!tx_id.token_is_right());
    assert_eq!(tx_id.signature(), "none");
    assert_eq!((given.field("merchantToken"), given.field("depositDt")), ("ffff".into(), String::new()));
    assert_eq!(given.signature(), "right");
    assert!(true_one.token_is_right());
    assert_eq!((true_one.field("amt"), true_one.field("referenceNo")), ("10000".into(), "ORD1".into()));
    let names: Vec<Vec<String>> =
        received.iter().map(|one| one.fields().into_iter().map(|(name, _)| name).collect()).collect();
    assert_eq!(names[1], names[4], "in the documented order");
}

#[tokio::test]
async fn s27_a_broken_body_ends_half_way() {
    let receiver = Receiver::answering(&[400]).await;
    let gateway = gateway().await;
    gateway.arm(json!({ "on": "notification", "fault": "broken-body" })).await;
    paid(&gateway, &receiver, "ORD1").await;
    gateway.advance("PT10S").await;
    let received = receiver.wait_for(2).await;
    assert_eq!(received[0].body, received[1].body[..received[1].body.len() / 2]);
    assert_eq!((received[0].signature(), received[1].signature()), ("right", "right"));
}

#[tokio::test]
async fn what_befalls_a_notification_before_and_as_it_is_sent_can_come_together() {
    let receiver = Receiver::start().await;
    let gateway = gateway().await;
    let hold = gateway.arm(json!({ "on": "notification", "fault": "hold-back" })).await;
    gateway.arm(json!({ "on": "notification", "fault": "duplicate" })).await;
    let payment = paid(&gateway, &receiver, "ORD1").await;
    assert_eq!(receiver.received().len(), 0);
    gateway.disarm(&format!("/{hold}")).await;
    receiver.wait_for(2).await;
    gateway.advance("PT0S").await;
    let list = gateway.notifications(&payment.tx_id).await;
    assert_eq!(faults(&list[0]), [vec!["hold-back".to_owned(), "duplicate".to_owned()]]);
}

#[tokio::test]
async fn a_fault_strikes_the_notifications_that_it_is_aimed_at() {
    let receiver = Receiver::start().await;
    type Aim = fn(&Registered, &Registered) -> Value;
    let aims: [(Aim, [bool; 2]); 9] = [
        (|_, two| json!({ "tXid": two.tx_id }), [false, true]),
        (|_, _| json!({ "referenceNo": "ORD1" }), [true, false]),
        (|one, _| json!({ "payNo": one.pay_no }), [true, false]),
        (|_, _| json!({ "chain": "ALMA" }), [false, true]),
        (|_, _| json!({ "iMid": "GERAITEST1" }), [true, true]),
        (|_, _| json!({ "iMid": "IONPAYTEST" }), [false, false]),
        (|_, _| json!({ "status": 0 }), [true, true]),
        (|_, _| json!({ "status": 1 }), [false, false]),
        (|_, _| json!({ "status": 0, "referenceNo": "ORD2", "chain": "INDO" }), [false, false]),
    ];
    for (aim, struck) in aims {
        let gateway = gateway().await;
        let one = register(&gateway, &receiver, "ORD1").await;
        let two = direct("ORD2").set("mitraCd", "ALMA").set("dbProcessUrl", receiver.url.clone());
        let two = gateway.registered(&two).await;
        let mut fault = aim(&one, &two);
        fault.as_object_mut().unwrap().extend([
            ("on".to_owned(), json!("notification")),
            ("fault".to_owned(), json!("lose")),
            ("count".to_owned(), json!(9)),
        ]);
        gateway.arm(fault.clone()).await;
        gateway.pay_whole(INDO, &one.pay_no, "T1").await;
        gateway.pay_whole(ALMA, &two.pay_no, "T1").await;
        gateway.advance("PT0S").await;
        for (payment, struck) in [(&one, struck[0]), (&two, struck[1])] {
            let list = gateway.notifications(&payment.tx_id).await;
            assert_eq!(faults(&list[0])[0].len(), usize::from(struck), "{fault}: {}", payment.reference);
        }
    }
}

#[tokio::test]
async fn many_notifications_at_once_meet_a_fault_as_often_as_it_is_armed() {
    let receiver = Receiver::start().await;
    let gateway = gateway().await;
    let fault = gateway.arm(json!({ "on": "notification", "fault": "lose", "count": 7 })).await;
    let held = gateway.arm(json!({ "on": "notification", "fault": "hold-back", "count": 5 })).await;
    let mut payments = Vec::new();
    for n in 0..40 {
        payments.push(register(&gateway, &receiver, &format!("ORD{n}")).await);
    }
    for payment in &payments {
        gateway.pay_whole(INDO, &payment.pay_no, "T1").await;
    }
    gateway.advance("PT1M").await;
    assert_eq!(receiver.received().len(), 28);
    assert_eq!((gateway.struck(fault).await, gateway.struck(held).await), (7, 5));
    assert_eq!(gateway.disarm("").await.json(), json!({ "disarmed": 2, "released": 5 }));
    assert_eq!(receiver.wait_for(33).await.len(), 33);
}
