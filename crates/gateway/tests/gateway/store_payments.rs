//! What a till is told in each state, in one step and in two (rules 7 to 9), with the moments that decide.

use crate::support::Gateway;
use crate::support::merchant::{cancel, direct};
use crate::support::store::{ALMA, INDO, PAY};
use serde_json::json;

#[tokio::test]
async fn s8_to_s12_alfa_pays_in_two_steps_and_a_reversal_leads_back() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let payment = gateway.register("ALMA", "ORD1").await;
    let pay_no = payment.pay_no.as_str();
    assert_eq!(gateway.status(&payment).await.0, "3");
    let paid = gateway.pay(ALMA, pay_no, "T1").await;
    assert_eq!((paid.code().as_str(), paid.field("status").as_str()), ("2002500", "READY_TO_COMMIT"));
    assert_eq!(gateway.status(&payment).await.0, "5");
    let committed = gateway.commit(ALMA, pay_no, "T1").await;
    assert_eq!((committed.code().as_str(), committed.field("status").as_str()), ("2002600", "PAID"));
    for key in ["payNo", "traceNo", "receiptCode", "paidAt"] {
        assert_eq!(committed.field(key), paid.field(key), "{key}");
    }
    assert_eq!(committed.json()["receipt"], paid.json()["receipt"]);
    assert_eq!(gateway.status(&payment).await.0, "0");
    let reversed = gateway.reverse(ALMA, pay_no, "T1").await;
    assert_eq!(
        reversed.json(),
        json!({ "responseCode": "2002700", "responseMessage": "Successful", "payNo": pay_no,
                "status": "REVERSED", "traceNo": "T1" })
    );
    assert_eq!(gateway.status(&payment).await, ("3".into(), "unpaid".into()));
    assert_eq!(gateway.events(&payment.tx_id).await, ["registered", "taken", "committed", "reversed"]);
    gateway.pay_whole(ALMA, pay_no, "T2").await;
    assert_eq!(gateway.status(&payment).await.0, "0", "it can be paid again");
}

#[tokio::test]
async fn s8_to_s12_indomaret_pays_in_one_step() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let payment = gateway.register("INDO", "ORD1").await;
    let paid = gateway.pay(INDO, &payment.pay_no, "T1").await;
    assert_eq!((paid.code().as_str(), paid.field("status").as_str()), ("2002500", "PAID"));
    assert_eq!(gateway.status(&payment).await.0, "0");
    // A commit of what is paid confirms it, and changes nothing.
    let committed = gateway.commit(INDO, &payment.pay_no, "T1").await;
    assert_eq!((committed.code().as_str(), committed.field("receiptCode")), ("2002600", paid.field("receiptCode")));
    assert_eq!(gateway.events(&payment.tx_id).await, ["registered", "taken"]);
}

/// Inquiry, payment with a new trace, commit and reversal of an unknown one.
async fn told(gateway: &Gateway, till: crate::support::store::Partner, pay_no: &str) -> [String; 3] {
    [
        gateway.look(till, pay_no).await.code(),
        gateway.pay(till, pay_no, "NEW").await.code(),
        gateway.commit(till, pay_no, "NONE").await.code(),
    ]
}

#[tokio::test]
async fn s19_each_state_has_its_own_answer_for_a_till() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let ready = gateway.register("ALMA", "READY").await;
    assert_eq!(gateway.pay(ALMA, &ready.pay_no, "T1").await.code(), "2002500");
    let paid = gateway.register("INDO", "PAID").await;
    gateway.pay_whole(INDO, &paid.pay_no, "T1").await;
    let cancelled = gateway.register("INDO", "CANCELLED").await;
    gateway.ask_done(&cancel(&cancelled.tx_id)).await;
    let returned = gateway.register("INDO", "RETURNED").await;
    gateway.pay_whole(INDO, &returned.pay_no, "T1").await;
    gateway.give_back(&returned.pay_no).await;
    let expired = direct("EXPIRED").set("payValidDt", "20310505").set("payValidTm", "100001");
    let expired = gateway.registered(&expired).await;
    gateway.advance("PT2S").await;

    assert_eq!(told(&gateway, ALMA, &ready.pay_no).await, ["4092405", "4092505", "4042616"], "ready to commit");
    assert_eq!(told(&gateway, INDO, &paid.pay_no).await, ["4042414", "4042514", "4042616"], "paid");
    assert_eq!(told(&gateway, INDO, &cancelled.pay_no).await, ["4042412", "4042512", "4042616"], "cancelled");
    assert_eq!(told(&gateway, INDO, &returned.pay_no).await, ["4042412", "4042512", "4042616"], "returned");
    assert_eq!(told(&gateway, INDO, &expired.pay_no).await, ["4042419", "4042519", "4042616"], "expired");
    // The trace that stands, where one does.
    assert_eq!(gateway.pay(ALMA, &ready.pay_no, "T1").await.field("status"), "READY_TO_COMMIT");
    assert_eq!(gateway.pay(INDO, &paid.pay_no, "T1").await.field("status"), "PAID");
    assert_eq!(gateway.commit(INDO, &returned.pay_no, "T1").await.code(), "4042616");
    assert_eq!(gateway.reverse(INDO, &returned.pay_no, "T1").await.code(), "4032718");
}

#[tokio::test]
async fn rule_1_a_payment_is_taken_up_to_and_including_the_deadlines_second() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let until = |reference| direct(reference).set("payValidDt", "20310505").set("payValidTm", "100010");
    let (in_time, late) = (gateway.registered(&until("A")).await, gateway.registered(&until("B")).await);
    gateway.advance("PT10S").await;
    assert_eq!(gateway.pay(INDO, &in_time.pay_no, "T1").await.code(), "2002500");
    gateway.advance("PT1S").await;
    assert_eq!(gateway.pay(INDO, &late.pay_no, "T1").await.code(), "4042519");
}

#[tokio::test]
async fn rule_7_without_a_commit_in_time_a_payment_falls_back_to_unpaid() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let payment = gateway.register("ALMA", "ORD1").await;
    let pay_no = payment.pay_no.as_str();
    let first = gateway.pay(ALMA, pay_no, "T1").await;
    gateway.advance("PT5M").await;
    assert_eq!(gateway.status(&payment).await.0, "5", "the last second still counts");
    gateway.advance("PT1S").await;
    assert_eq!(gateway.status(&payment).await, ("3".into(), "unpaid".into()));
    assert_eq!(gateway.events(&payment.tx_id).await, ["registered", "taken", "commit_lapsed"]);
    // A commit that comes late, with its own trace, is still taken: the cash may be in the drawer.
    let late = gateway.commit(ALMA, pay_no, "T1").await;
    assert_eq!((late.code().as_str(), late.field("receiptCode")), ("2002600", first.field("receiptCode")));
    assert_eq!(gateway.status(&payment).await.0, "0");
    assert_eq!(gateway.exceptions().await, [""; 0]);
}

#[tokio::test]
async fn rule_7_a_late_commit_is_taken_of_an_expired_payment_too() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let body = direct("ORD1").set("mitraCd", "ALMA").set("payValidDt", "20310505").set("payValidTm", "100100");
    let payment = gateway.registered(&body).await;
    assert_eq!(gateway.pay(ALMA, &payment.pay_no, "T1").await.code(), "2002500");
    gateway.advance("PT6M").await;
    assert_eq!(gateway.status(&payment).await.0, "4");
    assert_eq!(gateway.commit(ALMA, &payment.pay_no, "T2").await.code(), "4042616", "with its own trace alone");
    assert_eq!(gateway.commit(ALMA, &payment.pay_no, "T1").await.code(), "2002600");
    assert_eq!(gateway.status(&payment).await.0, "0");
}

#[tokio::test]
async fn rule_7_a_late_commit_is_refused_and_listed_when_another_attempt_stands_or_the_merchant_cancelled() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let (retaken, cancelled) = (gateway.register("ALMA", "ORD1").await, gateway.register("ALMA", "ORD2").await);
    for payment in [&retaken, &cancelled] {
        assert_eq!(gateway.pay(ALMA, &payment.pay_no, "T1").await.code(), "2002500");
    }
    gateway.advance("PT6M").await;
    assert_eq!(gateway.pay(ALMA, &retaken.pay_no, "T2").await.code(), "2002500");
    gateway.ask_done(&cancel(&cancelled.tx_id)).await;
    assert_eq!(gateway.commit(ALMA, &retaken.pay_no, "T1").await.code(), "4042616");
    assert_eq!(gateway.commit(ALMA, &cancelled.pay_no, "T1").await.code(), "4042616");
    assert_eq!(gateway.exceptions().await, ["CashPossiblyTaken T1", "CashPossiblyTaken T1"]);
    assert_eq!(gateway.commit(ALMA, &retaken.pay_no, "T1").await.code(), "4042616");
    assert_eq!(gateway.exceptions().await.len(), 2, "a retry is not listed again");
    assert_eq!(gateway.commit(ALMA, &retaken.pay_no, "T2").await.code(), "2002600");
}

#[tokio::test]
async fn rule_8_a_retry_of_the_attempt_that_stands_gets_the_same_receipt() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let payment = gateway.register("ALMA", "ORD1").await;
    let pay_no = payment.pay_no.as_str();
    let first = gateway.pay(ALMA, pay_no, "T1").await;
    gateway.advance("PT1M").await;
    assert_eq!(gateway.pay(ALMA, pay_no, "T1").await.text(), first.text());
    let committed = gateway.commit(ALMA, pay_no, "T1").await;
    gateway.advance("P2D").await;
    assert_eq!(gateway.commit(ALMA, pay_no, "T1").await.text(), committed.text());
    let told = gateway.pay(ALMA, pay_no, "T1").await;
    assert_eq!((told.code().as_str(), told.field("status").as_str()), ("2002500", "PAID"), "the present status");
    assert_eq!(told.field("receiptCode"), first.field("receiptCode"));
    assert_eq!(told.field("paidAt"), first.field("paidAt"));
}

#[tokio::test]
async fn rule_8_the_same_trace_with_another_amount_brand_or_store_is_a_conflict() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let payment = gateway.register("ALMA", "ORD1").await;
    let body = ALMA.pay_body(&payment.pay_no, "T1");
    assert_eq!(gateway.send(&ALMA.request(PAY, &body)).await.code(), "2002500");
    for (field, value, expected) in [
        ("storeCode", json!("T002"), "4092500"),
        ("storeBrand", json!("LAWSON"), "4092500"),
        ("amount", json!({ "value": "20000.00", "currency": "IDR" }), "4092500"),
        ("terminalId", json!("2"), "2002500"),
    ] {
        let mut other = body.clone();
        other[field] = value;
        assert_eq!(gateway.send(&ALMA.request(PAY, &other)).await.code(), expected, "{field}");
    }
}

#[tokio::test]
async fn rule_8_a_refused_attempt_is_forgotten() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let payment = gateway.register("INDO", "ORD1").await;
    let mut wrong = INDO.pay_body(&payment.pay_no, "T1");
    wrong["amount"]["value"] = "1.00".into();
    assert_eq!(gateway.send(&INDO.request(PAY, &wrong)).await.code(), "4042513");
    assert_eq!(gateway.pay(INDO, &payment.pay_no, "T1").await.code(), "2002500");
}

#[tokio::test]
async fn rule_9_a_reversal_is_in_time_for_15_minutes_to_the_second() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let (in_time, late) = (gateway.register("INDO", "ORD1").await, gateway.register("INDO", "ORD2").await);
    for payment in [&in_time, &late] {
        gateway.pay_whole(INDO, &payment.pay_no, "T1").await;
    }
    gateway.advance("PT15M").await;
    assert_eq!(gateway.reverse(INDO, &in_time.pay_no, "T1").await.code(), "2002700");
    gateway.advance("PT1S").await;
    let refused = gateway.reverse(INDO, &late.pay_no, "T1").await;
    assert_eq!((refused.status, refused.code().as_str()), (403, "4032718"));
    assert_eq!(gateway.exceptions().await, ["TooLateToReverse T1"]);
    assert_eq!(gateway.status(&late).await.0, "0");
}

#[tokio::test]
async fn rule_9_a_reversed_payment_is_expired_once_its_deadline_has_passed() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let body = direct("ORD1").set("payValidDt", "20310505").set("payValidTm", "100100");
    let payment = gateway.registered(&body).await;
    gateway.pay_whole(INDO, &payment.pay_no, "T1").await;
    gateway.advance("PT2M").await;
    assert_eq!(gateway.reverse(INDO, &payment.pay_no, "T1").await.code(), "2002700");
    assert_eq!(gateway.status(&payment).await, ("4".into(), "expired".into()));
    assert_eq!(gateway.look(INDO, &payment.pay_no).await.code(), "4042419");
}

#[tokio::test]
async fn rule_9_a_reversed_trace_is_never_answered_as_paid() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let payment = gateway.register("ALMA", "ORD1").await;
    let pay_no = payment.pay_no.as_str();
    let body = ALMA.pay_body(pay_no, "T1").to_string();
    let request = ALMA.request_with(PAY, &body, &jiff::Timestamp::now().to_string(), "e1");
    assert_eq!(gateway.send(&request).await.code(), "2002500");
    assert_eq!(gateway.reverse(ALMA, pay_no, "T1").await.code(), "2002700");
    assert_eq!(gateway.pay(ALMA, pay_no, "T1").await.code(), "4042516");
    assert_eq!(gateway.send(&request).await.code(), "4042516", "nor under the external id that was answered once");
    assert_eq!(gateway.commit(ALMA, pay_no, "T1").await.code(), "4042616");
    assert_eq!(gateway.reverse(ALMA, pay_no, "T1").await.code(), "2002700", "again");
    gateway.pay_whole(ALMA, pay_no, "T2").await;
    assert_eq!(gateway.pay(ALMA, pay_no, "T1").await.code(), "4042516");
}

#[tokio::test]
async fn rule_9_reversing_an_unknown_trace_leaves_a_mark_that_keeps_its_payment_out() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let payment = gateway.register("INDO", "ORD1").await;
    let pay_no = payment.pay_no.as_str();
    assert_eq!(gateway.reverse(INDO, pay_no, "T1").await.code(), "2002700");
    assert_eq!(gateway.reverse(INDO, pay_no, "T1").await.code(), "2002700", "again");
    assert_eq!(gateway.pay(INDO, pay_no, "T1").await.code(), "4042516");
    assert_eq!(gateway.status(&payment).await.0, "3");
    assert_eq!(gateway.pay(INDO, pay_no, "T2").await.code(), "2002500", "another attempt may come");
    assert_eq!(gateway.events(&payment.tx_id).await, ["registered", "reversal_marked", "taken"]);
}
