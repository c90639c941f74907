//! The status inquiry gone wrong (S27, M10): slow, HTTP 500, half an answer, none at all, a lie. Nothing is paid that was
//! not confirmed, and everything comes right once the gateway is back.

use crate::shop::{Special, Stage};
use crate::support::merchant::INQUIRY;
use crate::support::store::INDO;
use gerai_merchant::{CallError, CheckError, ClientBuilder, OrderState};
use serde_json::{Value, json};
use std::time::Duration;

fn impatient() -> Special {
    let client: fn(ClientBuilder) -> ClientBuilder = |client| client.timeout(Duration::from_millis(300));
    Special { client: Some(client), ..Special::default() }
}

/// Whether an error is called what it should be.
type Named = fn(&CallError) -> bool;

/// Every way in which a question fails, with what it is called.
fn failures() -> Vec<(Value, Named)> {
    vec![
        (json!({ "fault": "delay", "for": "PT1S" }), |error| matches!(error, CallError::TimedOut)),
        (json!({ "fault": "status", "httpStatus": 500 }), |error| {
            matches!(error, CallError::NotUnderstood { http_status: 500, .. })
        }),
        (json!({ "fault": "broken-json" }), |error| matches!(error, CallError::NotUnderstood { http_status: 200, .. })),
        (json!({ "fault": "drop" }), |error| matches!(error, CallError::BrokenOff(_))),
        (json!({ "fault": "answer", "set": { "amt": "1" } }), |error| matches!(error, CallError::NotUnderstood { .. })),
        (json!({ "fault": "answer", "set": { "status": "3" } }), |error| {
            matches!(error, CallError::NotUnderstood { .. })
        }),
    ]
}

#[tokio::test]
async fn m10_a_question_that_fails_once_is_asked_again() {
    let stage = Stage::with(impatient()).await;
    for (number, (fault, _)) in failures().into_iter().enumerate() {
        let reference = format!("ORD-{number}");
        let code = stage.unpaid(&reference).await;
        stage.spoil(INQUIRY, fault.clone()).await;
        stage.gateway.pay_whole(INDO, &code.pay_no, "T1").await;
        assert_eq!(stage.answered(&code.t_xid).await, [Some(200)], "{fault}");
        assert_eq!(stage.state(&reference).await, OrderState::Paid, "{fault}");
    }
}

#[tokio::test]
async fn m10_a_question_that_keeps_failing_pays_nothing_and_comes_right_by_the_gateways_next_notification() {
    let stage = Stage::with(impatient()).await;
    for (number, (mut fault, named)) in failures().into_iter().enumerate() {
        let reference = format!("ORD-{number}");
        let code = stage.unpaid(&reference).await;
        fault["count"] = json!(10_000);
        stage.spoil(INQUIRY, fault.clone()).await;
        stage.gateway.pay_whole(INDO, &code.pay_no, "T1").await;
        assert_eq!(stage.answered(&code.t_xid).await, [Some(503)], "{fault}");
        assert_eq!(stage.state(&reference).await, OrderState::Unpaid, "{fault}");
        let failed = stage.shop.check(&reference).await;
        assert!(matches!(&failed, Err(CheckError::Call(error)) if named(error)), "{fault}: {failed:?}");
        assert_eq!(stage.order(&reference).await.checks_failed, 2, "{fault}");
        assert_eq!(stage.gateway.disarm("").await.status, 200);
        stage.gateway.advance("PT10S").await;
        assert_eq!(stage.answered(&code.t_xid).await, [Some(503), Some(200)], "{fault}");
        assert_eq!(stage.state(&reference).await, OrderState::Paid, "{fault}");
    }
    let effects = stage.effects().await;
    assert_eq!(effects, vec![(OrderState::Unpaid, OrderState::Paid); failures().len()]);
}

#[tokio::test]
async fn m10_without_another_notification_the_shop_asks_again_by_itself() {
    let stage = Stage::set().await;
    let code = stage.unpaid("ORD-1").await;
    stage.spoil(INQUIRY, json!({ "fault": "status", "httpStatus": 500, "count": 3 })).await;
    stage.spoil_notifications(json!({ "fault": "drop", "count": 10_000 })).await;
    stage.gateway.pay_whole(INDO, &code.pay_no, "T1").await;
    stage.shop.check("ORD-1").await.unwrap_err();
    stage.gateway.advance("PT10S").await;
    assert_eq!(stage.shop.reconcile().await.unwrap(), 1);
    assert_eq!(stage.state("ORD-1").await, OrderState::Paid);
}

#[tokio::test]
async fn an_older_answer_that_comes_last_changes_nothing() {
    let stage = Stage::set().await;
    let code = stage.unpaid("ORD-1").await;
    // The first question's answer, unpaid, is under way while the order is paid and asked about.
    stage.spoil(INQUIRY, json!({ "fault": "delay", "for": "PT1S", "when": "after" })).await;
    let shop = stage.shop.clone();
    let slow = tokio::spawn(async move { shop.check("ORD-1").await });
    crate::support::until("the first question is being answered", async || {
        stage.gateway.get("/sandbox/v1/faults").await.text().contains("\"struck\":1")
    })
    .await;
    stage.gateway.pay_whole(INDO, &code.pay_no, "T1").await;
    assert_eq!(stage.shop.check("ORD-1").await.unwrap().state, OrderState::Paid);
    let older = slow.await.unwrap().unwrap();
    assert_eq!(older.state, OrderState::Paid, "the order as it stands, not as it stood");
    assert_eq!(stage.state("ORD-1").await, OrderState::Paid);
    assert_eq!(stage.effects().await, [(OrderState::Unpaid, OrderState::Paid)]);
}
