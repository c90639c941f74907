//! Cancel (S4, S15): only before payment, only by the merchant that owns it, and for good.

use crate::support::Gateway;
use crate::support::merchant::{CANCEL, OTHERSHOP1, cancel, direct_of, redirect};
use crate::support::store::{ALMA, INDO};
use serde_json::Value;

const KEYS: &str = "resultCd resultMsg tXid referenceNo transDt transTm description amt canceltXid";

#[tokio::test]
async fn s4_a_payment_is_cancelled_before_it_is_paid() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let payment = gateway.register("INDO", "ORD1").await;
    gateway.advance("PT90S").await;
    let answer = gateway.ask_done(&cancel(&payment.tx_id).set("cancelMsg", "sold out")).await;
    assert_eq!(answer.keys().join(" "), KEYS);
    for (key, value) in [
        ("resultMsg", "SUCCESS"),
        ("tXid", payment.tx_id.as_str()),
        ("referenceNo", "ORD1"),
        ("transDt", "20310505"),
        ("transTm", "100130"),
        ("description", "sold out"),
        ("amt", "10000"),
    ] {
        assert_eq!(answer.field(key), value, "{key}");
    }
    let cancel_id = answer.field("canceltXid");
    assert!(cancel_id.len() == 30 && cancel_id != payment.tx_id, "{cancel_id}");
    assert_eq!(gateway.events(&payment.tx_id).await, ["registered", "cancelled"]);
}

#[tokio::test]
async fn rule_10_every_further_cancel_gets_the_first_ones_answer() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let payment = gateway.register("INDO", "ORD1").await;
    let first = gateway.ask_done(&cancel(&payment.tx_id).set("cancelMsg", "sold out")).await.text();
    for (what, again) in [
        ("as it was", cancel(&payment.tx_id).set("cancelMsg", "sold out")),
        ("another message", cancel(&payment.tx_id).set("cancelMsg", "changed my mind")),
        ("another time", cancel(&payment.tx_id).set("timeStamp", "20310505110000")),
        ("the other method", cancel(&payment.tx_id).set("payMethod", "00")),
        ("with the reference", cancel(&payment.tx_id).set("referenceNo", "ORD1")),
    ] {
        gateway.advance("PT1H").await;
        assert_eq!(gateway.ask(&again).await.text(), first, "{what}");
    }
    gateway.advance("P30D").await;
    assert_eq!(gateway.ask(&cancel(&payment.tx_id)).await.text(), first, "after the deadline");
    assert_eq!(gateway.events(&payment.tx_id).await, ["registered", "cancelled"]);
}

#[tokio::test]
async fn s4_redirect_payments_are_cancelled_with_either_method() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    for (reference, method) in [("ORD1", "00"), ("ORD2", "03")] {
        let tx_id = gateway.ask_done(&redirect(reference)).await.field("tXid");
        gateway.ask_done(&cancel(&tx_id).set("payMethod", method)).await;
    }
}

#[tokio::test]
async fn s15_after_payment_nothing_is_cancelled_over_the_api() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let ready = gateway.register("ALMA", "READY").await;
    assert_eq!(gateway.pay(ALMA, &ready.pay_no, "T1").await.code(), "2002500");
    let paid = gateway.register("INDO", "PAID").await;
    gateway.pay_whole(INDO, &paid.pay_no, "T1").await;
    let returned = gateway.register("INDO", "RETURNED").await;
    gateway.pay_whole(INDO, &returned.pay_no, "T1").await;
    gateway.give_back(&returned.pay_no).await;
    for payment in [&ready, &paid, &returned] {
        let before = gateway.status(payment).await;
        let answer = gateway.ask(&cancel(&payment.tx_id)).await;
        assert_eq!((answer.status, answer.code().as_str()), (200, "9314"), "{}", payment.reference);
        assert_eq!(answer.keys().join(" "), KEYS);
        assert_eq!(answer.json()["canceltXid"], Value::Null);
        assert_eq!(gateway.status(payment).await, before);
    }
    let expired = gateway.register("INDO", "EXPIRED").await;
    gateway.advance("P8D").await;
    assert_eq!(gateway.ask(&cancel(&expired.tx_id)).await.code(), "9314");
}

#[tokio::test]
async fn a_cancelled_number_is_dead() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let payment = gateway.register("INDO", "ORD1").await;
    gateway.ask_done(&cancel(&payment.tx_id)).await;
    assert_eq!(gateway.look(INDO, &payment.pay_no).await.code(), "4042412");
    assert_eq!(gateway.pay(INDO, &payment.pay_no, "T1").await.code(), "4042512");
}

#[tokio::test]
async fn a_wrong_cancel_has_the_code_that_the_list_names() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let payment = gateway.register("INDO", "ORD1").await;
    let right = cancel(&payment.tx_id);
    for (field, value, expected) in [
        ("amt", "10001", "9319"),
        ("amt", "1", "9319"),
        ("amt", "ten", "9312"),
        ("amt", "", "9312"),
        ("cancelType", "2", "9301"),
        ("cancelType", "", "9301"),
        ("cancelType", "11", "9301"),
        ("payMethod", "01", "9012"),
        ("payMethod", "", "9012"),
        ("merchantToken", "00", "9525"),
        ("timeStamp", "x", "9031"),
        ("tXid", "x", "9528"),
        ("tXid", "GERAITEST103203105051000000000", "9528"),
        ("iMid", "NOBODY0001", "9011"),
        ("referenceNo", "ORD2", "9528"),
        ("referenceNo", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "9507"),
    ] {
        let answer = gateway.ask(&right.clone().set(field, value)).await;
        assert_eq!((answer.status, answer.code().as_str()), (200, expected), "{field} = {value:?}");
    }
    assert_eq!(gateway.status(&payment).await.0, "3", "nothing was cancelled");
    // Numbers are as good as texts, and what is optional changes nothing.
    let body = right.set("amt", 10_000).set("cancelType", 1).set("cancelUserIp", "127.0.0.1").set("worker", "w");
    gateway.ask_done(&body.set("merchantToken", cancel(&payment.tx_id).token().to_uppercase())).await;
}

#[tokio::test]
async fn a_missing_field_has_its_own_code_and_the_first_missing_one_wins() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let payment = gateway.register("INDO", "ORD1").await;
    let whole = cancel(&payment.tx_id);
    let whole = whole.clone().set("merchantToken", whole.token());
    let required = [
        ("timeStamp", "9031"),
        ("tXid", "9528"),
        ("iMid", "9011"),
        ("payMethod", "9012"),
        ("cancelType", "9301"),
        ("amt", "9312"),
        ("merchantToken", "9525"),
        ("", "0000"),
    ];
    let mut growing = required.iter().fold(whole.clone(), |body, (name, _)| body.unset(name));
    for (name, expected) in required {
        let answer = gateway.post(CANCEL, growing.to_json_without_token()).await;
        assert_eq!((answer.status, answer.code().as_str()), (200, expected), "from {name} on");
        assert_eq!(answer.keys().join(" "), KEYS, "a refusal has the same keys");
        if !name.is_empty() {
            growing = growing.set(name, whole.value(name));
        }
    }
}

#[tokio::test]
async fn s15_only_the_merchant_that_owns_a_payment_cancels_it() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    gateway.add_merchant(OTHERSHOP1, "Other Shop").await;
    let theirs = gateway.registered(&direct_of(OTHERSHOP1, "ORD1")).await;
    assert_eq!(gateway.ask(&cancel(&theirs.tx_id)).await.code(), "9528");
    assert_eq!(gateway.look(INDO, &theirs.pay_no).await.code(), "2002400", "it can still be paid");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancel_and_a_payment_at_once_never_both_succeed() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    for n in 0..20 {
        let payment = gateway.register("INDO", &format!("ORD{n}")).await;
        let body = cancel(&payment.tx_id);
        let (paid, cancelled) = tokio::join!(gateway.pay(INDO, &payment.pay_no, "T1"), gateway.ask(&body));
        let status = gateway.status(&payment).await.1;
        match (paid.code().as_str(), cancelled.code().as_str()) {
            ("2002500", "9314") => assert_eq!(status, "paid"),
            ("4042512", "0000") => assert_eq!(status, "cancelled"),
            both => panic!("{both:?}"),
        }
    }
}
