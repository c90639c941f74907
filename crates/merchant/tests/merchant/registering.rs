//! Registration (S1, S6, rule 14): a lost answer never makes two payments of one order.

use crate::shop::{Special, Stage, credentials, direct, redirect};
use crate::support::merchant::DIRECT;
use gerai_domain::wib;
use gerai_merchant::{
    CallError, Client, Gateway as OtherSide, MitraCd, OrderState, RegisterError, Resends, ResultCode, SignedDuration,
    StatusWords,
};
use serde_json::json;

#[tokio::test]
async fn s1_s6_a_direct_registration_brings_a_payment_number() {
    let stage = Stage::set().await;
    let order = direct("ORD-1").valid_for(SignedDuration::from_hours(24)).description("gift");
    let code = stage.shop.register_direct(&order).await.unwrap();
    assert_eq!((code.pay_no.len(), code.amount, code.mitra_cd), (12, 10_000, MitraCd::Indo));
    assert_eq!(wib::iso(code.payable_until.unwrap()), "2031-05-06T10:00:00+07:00");
    let status = stage.shop.client().inquire(&code.t_xid, "ORD-1", 10_000).await.unwrap();
    assert_eq!((status.state, status.pay_no), (StatusWords::Unpaid, Some(code.pay_no)));
}

#[tokio::test]
async fn s1_a_redirect_registration_brings_the_payment_pages_address() {
    let stage = Stage::set().await;
    let page = stage.shop.register_redirect(&redirect("ORD-1")).await.unwrap();
    assert_eq!(page.url, format!("https://pay.example/nicepay/redirect/v2/payment?tXid={}", page.t_xid));
    let order = stage.order("ORD-1").await;
    assert_eq!((order.state, order.pay_no, order.payment_url), (OrderState::AwaitingStore, None, Some(page.url)));
    let chosen = stage.shop.register_redirect(&redirect("ORD-2").at_store(MitraCd::Alma)).await.unwrap();
    assert_eq!(stage.state("ORD-2").await, OrderState::Unpaid);
    let checked = stage.shop.check("ORD-2").await.unwrap();
    assert!(checked.pay_no.is_some(), "{checked:?} {}", chosen.t_xid);
}

#[tokio::test]
async fn rule_14_the_same_order_twice_is_one_payment_and_another_one_is_refused() {
    let stage = Stage::set().await;
    let first = stage.shop.register_direct(&direct("ORD-1")).await.unwrap();
    let again = stage.shop.register_direct(&direct("ORD-1")).await.unwrap();
    assert_eq!(first, again);
    assert_eq!(stage.registrations().await.len(), 1);
    let other = stage.shop.register_direct(&direct("ORD-1").description("another wish")).await;
    assert!(matches!(&other, Err(RegisterError::Used(reference)) if reference == "ORD-1"), "{other:?}");
}

#[tokio::test]
async fn m11_a_lost_answer_is_fetched_by_the_identical_request() {
    let stage = Stage::set().await;
    stage.spoil(DIRECT, json!({ "fault": "drop", "when": "after" })).await;
    stage.spoil(DIRECT, json!({ "fault": "broken-json" })).await;
    let code = stage.shop.register_direct(&direct("ORD-1")).await.unwrap();
    let asked = stage.registrations().await;
    assert_eq!(asked.len(), 3, "{asked:?}");
    assert!(asked.iter().all(|one| one["tXid"] == code.t_xid.as_str()), "one payment: {asked:?}");
    assert_eq!(stage.state("ORD-1").await, OrderState::Unpaid);
}

#[tokio::test]
async fn m11_an_answer_that_stays_lost_is_fetched_later_with_its_number() {
    let stage = Stage::set().await;
    stage.spoil(DIRECT, json!({ "fault": "drop", "when": "after", "count": 3 })).await;
    let lost = stage.shop.register_direct(&direct("ORD-1")).await;
    assert!(matches!(&lost, Err(RegisterError::Call(CallError::Unknown(_)))), "{lost:?}");
    assert_eq!(stage.state("ORD-1").await, OrderState::Registering);
    assert_eq!(stage.shop.reconcile().await.unwrap(), 0, "not yet");
    stage.gateway.advance("PT1M").await;
    assert_eq!(stage.shop.reconcile().await.unwrap(), 1);
    let order = stage.order("ORD-1").await;
    let asked = stage.registrations().await;
    assert!(asked.iter().all(|one| one["tXid"].as_str() == order.t_xid.as_deref()), "one payment: {asked:?}");
    assert_eq!((order.state, order.request), (OrderState::Unpaid, None));
    // Whoever registers it again meanwhile gets the same number.
    let code = stage.shop.register_direct(&direct("ORD-1")).await.unwrap();
    assert_eq!(Some(code.pay_no), order.pay_no);
}

#[tokio::test]
async fn m11_a_gateway_that_is_away_meanwhile_does_not_make_a_lost_registration_a_refused_one() {
    let stage = Stage::set().await;
    stage.spoil(DIRECT, json!({ "fault": "drop", "when": "after", "count": 3 })).await;
    stage.shop.register_direct(&direct("ORD-1")).await.unwrap_err();
    // A firewall of one's own: nothing was heard of this request, and it says nothing of the one before.
    stage.spoil(DIRECT, json!({ "fault": "status", "httpStatus": 403 })).await;
    stage.spoil(DIRECT, json!({ "fault": "answer", "set": { "resultCd": "9010", "resultMsg": "No." } })).await;
    for _ in 0..2 {
        stage.gateway.advance("PT1M").await;
        assert_eq!(stage.shop.reconcile().await.unwrap(), 0);
        assert_eq!(stage.state("ORD-1").await, OrderState::Registering);
    }
    stage.gateway.advance("PT1M").await;
    assert_eq!(stage.shop.reconcile().await.unwrap(), 1);
    let order = stage.order("ORD-1").await;
    let asked = stage.registrations().await;
    assert!(
        asked.iter().filter(|one| one["tXid"].is_string()).all(|one| one["tXid"].as_str() == order.t_xid.as_deref())
    );
    assert_eq!(order.state, OrderState::Unpaid);
}

#[tokio::test]
async fn m11_what_a_proxy_or_a_doubtful_gateway_says_after_a_lost_answer_settles_nothing() {
    for (number, refusal) in [
        json!({ "fault": "status", "httpStatus": 403 }),
        json!({ "fault": "status", "httpStatus": 404 }),
        json!({ "fault": "answer", "set": { "resultCd": "9010", "resultMsg": "No." } }),
        json!({ "fault": "answer", "set": { "resultCd": "9011", "resultMsg": "No." } }),
    ]
    .into_iter()
    .enumerate()
    {
        let stage = Stage::set().await;
        let reference = format!("ORD-{number}");
        stage.spoil(DIRECT, json!({ "fault": "drop", "when": "after" })).await;
        stage.spoil(DIRECT, refusal.clone()).await;
        let lost = stage.shop.register_direct(&direct(&reference)).await;
        assert!(matches!(&lost, Err(RegisterError::Call(CallError::Unknown(_)))), "{refusal}: {lost:?}");
        assert_eq!(stage.state(&reference).await, OrderState::Registering, "{refusal}");
        stage.gateway.advance("PT1M").await;
        assert_eq!(stage.shop.reconcile().await.unwrap(), 1, "{refusal}");
        assert_eq!(stage.state(&reference).await, OrderState::Unpaid, "{refusal}");
    }
}

#[tokio::test]
async fn m11_registering_again_after_a_lost_answer_brings_the_first_number() {
    let stage = Stage::set().await;
    stage.spoil(DIRECT, json!({ "fault": "status", "httpStatus": 504, "when": "after", "count": 3 })).await;
    let lost = stage.shop.register_direct(&direct("ORD-1")).await;
    assert!(matches!(&lost, Err(RegisterError::Call(error)) if error.is_unknown()), "{lost:?}");
    stage.gateway.advance("PT20S").await;
    let code = stage.shop.register_direct(&direct("ORD-1")).await.unwrap();
    let asked = stage.registrations().await;
    assert_eq!(asked.len(), 4);
    assert!(asked.iter().all(|one| one["tXid"] == code.t_xid.as_str()), "one payment: {asked:?}");
}

#[tokio::test]
async fn m11_a_paid_order_whose_registrations_answer_was_lost_is_adopted_from_its_notification() {
    let stage = Stage::set().await;
    stage.spoil(DIRECT, json!({ "fault": "drop", "when": "after", "count": 3 })).await;
    stage.shop.register_direct(&direct("ORD-1")).await.unwrap_err();
    let t_xid = stage.registrations().await[0]["tXid"].as_str().unwrap().to_owned();
    let pay_no = stage.shop.client().inquire(&t_xid, "ORD-1", 10_000).await.unwrap().pay_no.unwrap();
    stage.gateway.pay_whole(crate::support::store::INDO, &pay_no, "T1").await;
    assert_eq!(stage.answered(&t_xid).await, [Some(200)]);
    let order = stage.order("ORD-1").await;
    assert_eq!((order.state, order.t_xid, order.pay_no), (OrderState::Paid, Some(t_xid), Some(pay_no)));
}

#[tokio::test]
async fn m11_where_a_repeat_may_be_refused_nothing_is_sent_twice_and_nothing_is_guessed() {
    let other_side: fn(OtherSide) -> OtherSide = |gateway| gateway.with_resends(Resends::MayBeRefused);
    let stage = Stage::with(Special { other_side: Some(other_side), ..Special::default() }).await;
    stage.spoil(DIRECT, json!({ "fault": "drop", "when": "after" })).await;
    let lost = stage.shop.register_direct(&direct("ORD-1")).await;
    assert!(matches!(&lost, Err(RegisterError::Call(CallError::Unknown(_)))), "{lost:?}");
    let again = stage.shop.register_direct(&direct("ORD-1")).await;
    assert!(matches!(&again, Err(RegisterError::Unknown(_))), "{again:?}");
    stage.gateway.advance("P1D").await;
    assert_eq!(stage.shop.reconcile().await.unwrap(), 0);
    assert_eq!(stage.registrations().await.len(), 1);
    assert_eq!(stage.state("ORD-1").await, OrderState::Registering);
}

#[tokio::test]
async fn s27_a_refused_registration_says_the_code_and_can_be_made_anew() {
    let stage = Stage::set().await;
    let past = stage.gateway.now().await - SignedDuration::from_hours(1);
    let refused = stage.shop.register_direct(&direct("ORD-1").valid_until(past)).await;
    let Err(RegisterError::Call(error)) = refused else { panic!("{refused:?}") };
    assert_eq!(error.code(), Some(ResultCode::DeadlineOutOfRange));
    assert!(matches!(&error, CallError::Refused(refusal) if refusal.http_status == 200), "{error:?}");
    let order = stage.order("ORD-1").await;
    assert_eq!(order.state, OrderState::NotRegistered);
    assert!(order.refusal.unwrap().contains("9536"));
    assert_eq!(stage.registrations().await.len(), 1, "a refusal is not tried again");
    stage.shop.register_direct(&direct("ORD-1")).await.unwrap();
    assert_eq!(stage.state("ORD-1").await, OrderState::Unpaid);
}

#[tokio::test]
async fn s27_a_busy_gateway_is_asked_again() {
    let stage = Stage::set().await;
    let busy = json!({ "fault": "answer", "set": { "resultCd": "9002", "resultMsg": "Busy.", "tXid": null } });
    stage.spoil(DIRECT, busy).await;
    stage.unpaid("ORD-1").await;
    assert_eq!(stage.registrations().await.len(), 2);
}

#[tokio::test]
async fn an_answer_about_another_order_is_not_believed() {
    let stage = Stage::set().await;
    let lie = json!({ "fault": "answer", "set": { "referenceNo": "ORD-2" }, "count": 3 });
    stage.spoil(DIRECT, lie).await;
    let lost = stage.shop.register_direct(&direct("ORD-1")).await;
    let Err(RegisterError::Call(CallError::Unknown(why))) = lost else { panic!("{lost:?}") };
    assert!(matches!(*why, CallError::NotUnderstood { http_status: 200, .. }), "{why:?}");
}

#[tokio::test]
async fn s27_a_gateway_that_cannot_be_reached_has_been_sent_nothing() {
    // A port that nobody listens on: it was just given back.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let client = Client::builder(OtherSide::at(&format!("http://{free}")).unwrap(), credentials())
        .notify_at("https://shop.example/notification")
        .wait(std::time::Duration::from_millis(1))
        .build()
        .unwrap();
    let refused = client.register_direct(&direct("ORD-1")).await;
    assert!(matches!(&refused, Err(CallError::Unreachable(_))), "{refused:?}");
}
