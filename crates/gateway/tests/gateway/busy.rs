//! A gateway that cannot answer in time says so (9002, 500SS00), and the same request again finds out what became of it.

use crate::support::merchant::{cancel, direct, inquiry};
use crate::support::store::INDO;
use crate::support::{Gateway, sandbox_settings};
use gerai_gateway::Settings;
use std::time::Duration;

fn no_time() -> Settings {
    Settings { answer_timeout: Duration::ZERO, ..sandbox_settings() }
}

#[tokio::test]
async fn a_busy_gateway_answers_9002_with_200_and_a_retry_gets_the_payment() {
    let gateway = Gateway::with(no_time()).await;
    let answer = gateway.ask(&direct("ORD1")).await;
    assert_eq!((answer.status, answer.code().as_str()), (200, "9002"), "{}", answer.text());
    assert_eq!(answer.keys().len(), 20, "with the keys of any other refusal");
    let gateway = gateway.restart(sandbox_settings()).await;
    let first = gateway.ask_done(&direct("ORD1")).await;
    assert_eq!(gateway.ask(&direct("ORD1")).await.text(), first.text());
    assert_eq!(gateway.events(&first.field("tXid")).await, ["registered"]);
}

#[tokio::test]
async fn a_busy_gateway_tells_a_till_so_and_a_retry_gets_the_receipt() {
    let gateway = Gateway::sandbox().await;
    gateway.freeze_at("2031-05-05T10:00:00").await;
    let payment = gateway.register("INDO", "ORD1").await;
    let gateway = gateway.restart(no_time()).await;
    let busy = gateway.pay(INDO, &payment.pay_no, "T1").await;
    assert_eq!((busy.status, busy.code().as_str()), (500, "5002500"));
    let cancelled = gateway.ask(&cancel(&payment.tx_id)).await;
    assert_eq!((cancelled.status, cancelled.code().as_str()), (200, "9002"));
    let gateway = gateway.restart(sandbox_settings()).await;
    assert_eq!(gateway.pay(INDO, &payment.pay_no, "T1").await.code(), "2002500");
    assert_eq!(gateway.ask_done(&inquiry(&payment.tx_id, "ORD1")).await.field("resultMsg"), "paid");
    assert_eq!(gateway.events(&payment.tx_id).await, ["registered", "taken"]);
}
