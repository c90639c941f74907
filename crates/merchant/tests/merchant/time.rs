//! What the clock brings (S16, S23, S28, M12, M13): without a single notification the shop learns of payments within minutes,
//! and orders expire on time.

use crate::shop::{Stage, direct};
use crate::support::store::INDO;
use gerai_merchant::{OrderState, SignedDuration};
use serde_json::json;

#[tokio::test]
async fn m12_a_shop_whose_firewall_eats_notifications_learns_within_minutes_s23() {
    let stage = Stage::set().await;
    stage.spoil_notifications(json!({ "fault": "drop", "count": 10_000 })).await;
    let code = stage.unpaid("ORD-1").await;
    for _ in 0..40 {
        stage.gateway.advance("PT1M").await;
        stage.shop.reconcile().await.unwrap();
    }
    let asked = stage.inquiries(&code.t_xid).await;
    assert!((30..=40).contains(&asked), "{asked}");
    stage.gateway.pay_whole(INDO, &code.pay_no, "T1").await;
    let mut minutes = 0;
    while stage.state("ORD-1").await != OrderState::Paid {
        minutes += 1;
        assert!(minutes <= 5, "it has not learnt of it");
        stage.gateway.advance("PT1M").await;
        stage.shop.reconcile().await.unwrap();
    }
    // And of the reversal, which a store may make within 15 minutes.
    assert_eq!(stage.gateway.reverse(INDO, &code.pay_no, "T1").await.code(), "2002700");
    for _ in 0..16 {
        stage.gateway.advance("PT1M").await;
        stage.shop.reconcile().await.unwrap();
    }
    assert_eq!(stage.state("ORD-1").await, OrderState::Unpaid);
    let paid_and_back = [(OrderState::Unpaid, OrderState::Paid), (OrderState::Paid, OrderState::Unpaid)];
    assert_eq!(stage.effects().await, paid_and_back);
}

#[tokio::test]
async fn m13_an_order_expires_right_after_its_deadline_s16_s28() {
    let stage = Stage::set().await;
    let order = direct("ORD-1").valid_for(SignedDuration::from_mins(90));
    stage.shop.register_direct(&order).await.unwrap();
    stage.gateway.move_to("2031-05-05T11:29:59").await;
    stage.shop.reconcile().await.unwrap();
    stage.gateway.move_to("2031-05-05T11:30:00").await;
    stage.shop.reconcile().await.unwrap();
    assert_eq!(stage.state("ORD-1").await, OrderState::Unpaid, "the deadline's own second still counts");
    stage.gateway.move_to("2031-05-05T11:30:01").await;
    assert_eq!(stage.shop.reconcile().await.unwrap(), 1);
    assert_eq!(stage.state("ORD-1").await, OrderState::Expired);
    assert_eq!(stage.effects().await, [(OrderState::Unpaid, OrderState::Expired)]);
}

#[tokio::test]
async fn what_has_nothing_to_expect_is_not_asked_about() {
    let stage = Stage::set().await;
    let code = stage.unpaid("ORD-1").await;
    stage.shop.cancel("ORD-1").await.unwrap();
    let asked = stage.inquiries(&code.t_xid).await;
    stage.gateway.advance("P2D").await;
    assert_eq!(stage.shop.reconcile().await.unwrap(), 0);
    assert_eq!(stage.inquiries(&code.t_xid).await, asked);
}

#[tokio::test]
async fn the_shops_own_work_goes_on_by_itself_and_ends_when_it_is_told() {
    let stage = Stage::set().await;
    stage.spoil_notifications(json!({ "fault": "drop", "count": 10_000 })).await;
    let code = stage.unpaid("ORD-1").await;
    let stop = tokio_util::sync::CancellationToken::new();
    let working = tokio::spawn(stage.shop.clone().run(stop.clone()));
    stage.gateway.pay_whole(INDO, &code.pay_no, "T1").await;
    stage.gateway.advance("PT1M").await;
    crate::support::until("the change is handled", async || {
        let transitions = stage.shop.book().transitions("ORD-1").await.unwrap();
        transitions.iter().any(|(transition, handled)| transition.to == OrderState::Paid && *handled)
    })
    .await;
    stop.cancel();
    working.await.unwrap();
}
