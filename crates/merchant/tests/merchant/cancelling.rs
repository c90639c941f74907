//! Cancel (S4, S15, M14).

use crate::shop::{Special, Stage, direct};
use crate::support::merchant::CANCEL;
use crate::support::store::INDO;
use gerai_merchant::{CancelError, Gateway as OtherSide, OrderState, Resends, ResultCode};
use serde_json::json;

#[tokio::test]
async fn m14_an_unpaid_order_is_cancelled_and_confirmed_s4() {
    let stage = Stage::set().await;
    let code = stage.unpaid("ORD-1").await;
    let (cancelled, order) = stage.shop.cancel("ORD-1").await.unwrap();
    assert_eq!((cancelled.t_xid.as_str(), order.state), (code.t_xid.as_str(), OrderState::Cancelled));
    assert_eq!(order.next_check, None, "nothing more is expected");
    let (again, _) = stage.shop.cancel("ORD-1").await.unwrap();
    assert_eq!(again.cancel_t_xid, cancelled.cancel_t_xid, "the first answer again");
    assert_eq!(stage.effects().await, [(OrderState::Unpaid, OrderState::Cancelled)]);
}

#[tokio::test]
async fn m14_a_paid_order_cannot_be_and_the_shop_is_told_why_s15() {
    let stage = Stage::set().await;
    let code = stage.unpaid("ORD-1").await;
    stage.spoil_notifications(json!({ "fault": "lose" })).await;
    stage.gateway.pay_whole(INDO, &code.pay_no, "T1").await;
    let refused = stage.shop.cancel("ORD-1").await;
    let Err(CancelError::TooLate { order, error }) = &refused else { panic!("{refused:?}") };
    assert_eq!((order.state, error.code()), (OrderState::Paid, Some(ResultCode::NotCancellable)));
    assert_eq!(stage.effects().await, [(OrderState::Unpaid, OrderState::Paid)], "and so it learns of the payment");
}

#[tokio::test]
async fn s27_a_cancel_whose_answer_was_lost_is_sent_again() {
    let stage = Stage::set().await;
    stage.unpaid("ORD-1").await;
    stage.spoil(CANCEL, json!({ "fault": "drop", "when": "after", "count": 2 })).await;
    let (_, order) = stage.shop.cancel("ORD-1").await.unwrap();
    assert_eq!(order.state, OrderState::Cancelled);
}

#[tokio::test]
async fn s27_where_it_may_not_be_sent_again_the_status_says_whether_it_was_done() {
    let other_side: fn(OtherSide) -> OtherSide = |gateway| gateway.with_resends(Resends::MayBeRefused);
    let stage = Stage::with(Special { other_side: Some(other_side), ..Special::default() }).await;
    stage.unpaid("ORD-1").await;
    stage.spoil(CANCEL, json!({ "fault": "drop", "when": "after" })).await;
    let (_, order) = stage.shop.cancel("ORD-1").await.unwrap();
    assert_eq!(order.state, OrderState::Cancelled);
    stage.shop.register_direct(&direct("ORD-2")).await.unwrap();
    stage.spoil(CANCEL, json!({ "fault": "drop", "when": "before" })).await;
    let unknown = stage.shop.cancel("ORD-2").await;
    assert!(matches!(&unknown, Err(CancelError::Call(error)) if error.is_unknown()), "{unknown:?}");
    assert_eq!(stage.state("ORD-2").await, OrderState::Unpaid);
}

#[tokio::test]
async fn s27_a_proxys_word_after_a_lost_answer_does_not_make_a_cancel_a_refused_one() {
    let stage = Stage::set().await;
    stage.unpaid("ORD-1").await;
    stage.spoil(CANCEL, json!({ "fault": "drop", "when": "after" })).await;
    stage.spoil(CANCEL, json!({ "fault": "status", "httpStatus": 403 })).await;
    let (_, order) = stage.shop.cancel("ORD-1").await.unwrap();
    assert_eq!(order.state, OrderState::Cancelled);
}
