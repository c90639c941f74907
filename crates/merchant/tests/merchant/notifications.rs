//! Notifications (S13, S21, S29, S30): true, forged, repeated, flipped, held back, reordered, lost. The order ends where the
//! gateway says, and acts once.

use crate::shop::{Change, Special, Stage};
use crate::support::store::{ALMA, INDO};
use crate::support::until;
use gerai_merchant::{DirectRegistration, MitraCd, OrderState, Senders};
use serde_json::json;

const PAID: (OrderState, OrderState) = (OrderState::Unpaid, OrderState::Paid);
const TAKEN_BACK: (OrderState, OrderState) = (OrderState::Paid, OrderState::Unpaid);

#[tokio::test]
async fn m02_a_paid_order_is_asked_for_and_paid_once() {
    let stage = Stage::set().await;
    let code = stage.unpaid("ORD-1").await;
    stage.gateway.pay_whole(INDO, &code.pay_no, "T1").await;
    assert_eq!(stage.answered(&code.t_xid).await, [Some(200)]);
    assert_eq!(stage.inquiries(&code.t_xid).await, 1);
    let order = stage.order("ORD-1").await;
    assert_eq!((order.state, order.receipt_code.is_some(), order.paid_at.is_some()), (OrderState::Paid, true, true));
    assert_eq!(stage.effects().await, [PAID]);
}

#[tokio::test]
async fn s10_cash_that_the_store_has_not_confirmed_is_no_payment() {
    let stage = Stage::set().await;
    let order = DirectRegistration::new("ORD-1", 10_000, MitraCd::Alma, "Kopi", crate::shop::buyer());
    let code = stage.shop.register_direct(&order).await.unwrap();
    assert_eq!(stage.gateway.pay(ALMA, &code.pay_no, "T1").await.code(), "2002500");
    let order = stage.shop.check("ORD-1").await.unwrap();
    assert!(!order.state.is_paid());
    assert_eq!(order.state, OrderState::ReadyToCommit);
    assert_eq!(stage.gateway.commit(ALMA, &code.pay_no, "T1").await.code(), "2002600");
    assert_eq!(stage.answered(&code.t_xid).await, [Some(200)]);
    assert_eq!(stage.state("ORD-1").await, OrderState::Paid);
}

#[tokio::test]
async fn m03_m04_a_forged_notification_pays_nothing_s30() {
    let stage = Stage::set().await;
    let code = stage.unpaid("ORD-1").await;
    for (token, signature, answer) in [
        ("wrong", "none", 401),
        ("wrong", "right", 401),
        ("right", "wrong", 401),
        // From somebody with the key: it is asked for, and is not so.
        ("right", "none", 200),
        ("right", "right", 200),
    ] {
        let forged = json!({ "tXid": code.t_xid, "token": token, "signature": signature });
        assert_eq!(stage.forge(forged).await, answer, "{token} {signature}");
        assert_eq!(stage.state("ORD-1").await, OrderState::Unpaid, "{token} {signature}");
    }
    assert_eq!(stage.inquiries(&code.t_xid).await, 2, "only what has a right token is asked about");
    assert_eq!(stage.effects().await, []);
}

#[tokio::test]
async fn s30_what_does_not_come_from_the_gateways_addresses_is_turned_away() {
    let elsewhere: Change = |gateway| gateway.with_senders(Senders::Only(vec!["203.0.113.0/24".parse().unwrap()]));
    let here: Change = |gateway| gateway.with_senders(Senders::Only(vec!["127.0.0.0/8".parse().unwrap()]));
    for (other_side, answer) in [(elsewhere, 403), (here, 200)] {
        let stage = Stage::with(Special { other_side: Some(other_side), ..Special::default() }).await;
        let code = stage.unpaid("ORD-1").await;
        assert_eq!(stage.forge(json!({ "tXid": code.t_xid, "signature": "right" })).await, answer);
        assert_eq!(stage.inquiries(&code.t_xid).await, usize::from(answer == 200));
    }
}

#[tokio::test]
async fn m05_another_amount_or_another_orders_payment_pays_nothing_s30() {
    let stage = Stage::set().await;
    let code = stage.unpaid("ORD-1").await;
    let other = stage.unpaid("ORD-2").await;
    stage.gateway.pay_whole(INDO, &other.pay_no, "T1").await;
    stage.answered(&other.t_xid).await;
    for (set, answer) in [
        (json!({ "amt": "1" }), 409),
        (json!({ "tXid": other.t_xid }), 409),
        (json!({ "referenceNo": "ORD-2" }), 409),
        (json!({ "referenceNo": "ORD-9" }), 404),
    ] {
        let forged = json!({ "tXid": code.t_xid, "set": set, "signature": "right" });
        assert_eq!(stage.forge(forged).await, answer, "{set}");
        assert_eq!(stage.state("ORD-1").await, OrderState::Unpaid, "{set}");
    }
    assert_eq!(stage.inquiries(&code.t_xid).await, 0);
    assert_eq!(stage.effects().await, [PAID], "the other order's own");
}

#[tokio::test]
async fn m06_the_same_notification_at_once_and_apart_acts_once() {
    let stage = Stage::set().await;
    let code = stage.unpaid("ORD-1").await;
    stage.spoil_notifications(json!({ "fault": "duplicate", "times": 3 })).await;
    stage.gateway.pay_whole(INDO, &code.pay_no, "T1").await;
    stage.answered(&code.t_xid).await;
    until("all three are asked about", async || stage.inquiries(&code.t_xid).await >= 3).await;
    assert_eq!(stage.forge(json!({ "tXid": code.t_xid, "signature": "right" })).await, 200);
    assert_eq!(stage.state("ORD-1").await, OrderState::Paid);
    assert_eq!(stage.effects().await, [PAID]);
}

#[tokio::test]
async fn m07_a_reversal_takes_the_payment_back() {
    let stage = Stage::set().await;
    let code = stage.unpaid("ORD-1").await;
    stage.gateway.pay_whole(INDO, &code.pay_no, "T1").await;
    stage.answered(&code.t_xid).await;
    assert_eq!(stage.gateway.reverse(INDO, &code.pay_no, "T1").await.code(), "2002700");
    assert_eq!(stage.answered(&code.t_xid).await, [Some(200), Some(200)]);
    let order = stage.order("ORD-1").await;
    assert_eq!((order.state, order.receipt_code), (OrderState::Unpaid, None));
    assert_eq!(stage.effects().await, [PAID, TAKEN_BACK]);
}

#[tokio::test]
async fn m07_a_return_by_the_operator_is_told_s15() {
    let stage = Stage::set().await;
    let code = stage.unpaid("ORD-1").await;
    stage.gateway.pay_whole(INDO, &code.pay_no, "T1").await;
    stage.answered(&code.t_xid).await;
    stage.gateway.give_back(&code.pay_no).await;
    stage.answered(&code.t_xid).await;
    assert_eq!(stage.state("ORD-1").await, OrderState::Returned);
    assert_eq!(stage.effects().await, [PAID, (OrderState::Paid, OrderState::Returned)]);
}

#[tokio::test]
async fn m08_out_of_order_they_end_where_the_gateway_is() {
    let stage = Stage::set().await;
    let code = stage.unpaid("ORD-1").await;
    stage.spoil_notifications(json!({ "status": 0, "fault": "reorder" })).await;
    stage.gateway.pay_whole(INDO, &code.pay_no, "T1").await;
    assert_eq!(stage.gateway.reverse(INDO, &code.pay_no, "T1").await.code(), "2002700");
    stage.answered(&code.t_xid).await;
    until("both are asked about", async || stage.inquiries(&code.t_xid).await >= 2).await;
    // Both came after the reversal: it was never seen paid, and that is true of now.
    assert_eq!(stage.state("ORD-1").await, OrderState::Unpaid);
    assert_eq!(stage.effects().await, []);
}

#[tokio::test]
async fn s30_a_flipped_status_is_not_believed_either_way() {
    let stage = Stage::set().await;
    let code = stage.unpaid("ORD-1").await;
    stage.spoil_notifications(json!({ "fault": "flip-status", "signature": "none" })).await;
    stage.gateway.pay_whole(INDO, &code.pay_no, "T1").await;
    stage.answered(&code.t_xid).await;
    assert_eq!(stage.state("ORD-1").await, OrderState::Paid, "it says reversed, and the gateway says paid");
    let reversed = json!({ "tXid": code.t_xid, "set": { "status": "1" } });
    assert_eq!(stage.forge(reversed).await, 200);
    assert_eq!(stage.state("ORD-1").await, OrderState::Paid);
    assert_eq!(stage.effects().await, [PAID]);
}

#[tokio::test]
async fn s30_what_was_spoilt_on_its_way_is_refused_and_comes_again_whole() {
    let stage = Stage::set().await;
    for (number, fault) in ["forge-token", "broken-body", "flip-status"].into_iter().enumerate() {
        let reference = format!("ORD-{number}");
        let code = stage.unpaid(&reference).await;
        stage.spoil_notifications(json!({ "fault": fault, "signature": "wrong" })).await;
        stage.gateway.pay_whole(INDO, &code.pay_no, "T1").await;
        let first = stage.answered(&code.t_xid).await;
        assert!(matches!(first.as_slice(), [Some(400 | 401)]), "{fault}: {first:?}");
        assert_eq!(stage.state(&reference).await, OrderState::Unpaid, "{fault}");
        stage.gateway.advance("PT10S").await;
        assert_eq!(stage.answered(&code.t_xid).await[1..], [Some(200)], "{fault}");
        assert_eq!(stage.state(&reference).await, OrderState::Paid, "{fault}");
    }
}

#[tokio::test]
async fn s13_one_that_is_held_back_tells_what_is_so_when_it_comes() {
    let stage = Stage::set().await;
    let code = stage.unpaid("ORD-1").await;
    let fault = stage.spoil_notifications(json!({ "fault": "hold-back" })).await;
    stage.gateway.pay_whole(INDO, &code.pay_no, "T1").await;
    assert_eq!(stage.gateway.reverse(INDO, &code.pay_no, "T1").await.code(), "2002700");
    let released = stage.gateway.post(&format!("/sandbox/v1/faults/{fault}/release"), "{}").await;
    assert_eq!(released.status, 200, "{}", released.text());
    stage.answered(&code.t_xid).await;
    assert_eq!(stage.state("ORD-1").await, OrderState::Unpaid);
    assert_eq!(stage.effects().await, []);
}
