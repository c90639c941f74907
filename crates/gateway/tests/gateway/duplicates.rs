//! The same registration again (rule 14): a retry gets its first answer, whatever has happened since; anything else
//! with a used reference is refused.

use crate::support::client::{Request, send};
use crate::support::merchant::{Body, GERAITEST1, OTHERSHOP1, cancel, direct, direct_of, inquiry, redirect};
use crate::support::store::INDO;
use crate::support::{Gateway, sandbox_settings};
use gerai_domain::Chain;
use serde_json::Value;
use tokio::task::JoinSet;

#[tokio::test]
async fn rule_14_a_retry_gets_the_first_answer_whatever_has_become_of_the_payment() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let same = async |body: &Body, what: &str, first: &str| {
        assert_eq!(gateway.ask(body).await.text(), first, "{what}");
    };
    for (n, body) in [direct("ORD1"), redirect("ORD2"), redirect("ORD3").set("mitraCd", "INDO")].iter().enumerate() {
        let body = &body.clone().set("payValidDt", "20310506");
        let answer = gateway.ask_done(body).await;
        let first = answer.text();
        same(body, "at once", &first).await;
        gateway.ask_done(&cancel(&answer.field("tXid"))).await;
        same(body, "after its cancel", &first).await;
        gateway.advance("P1D").await;
        gateway.advance("P1D").await;
        same(body, "after its own deadline", &first).await;
        gateway.freeze_at(&format!("2031-05-05T10:00:0{}", n + 1)).await;
    }
}

#[tokio::test]
async fn rule_14_a_retry_after_the_payment_expired_or_was_paid_gets_the_first_answer() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let dated = direct("ORD1").set("payValidDt", "20310505").set("payValidTm", "100001");
    let (expired, paid) = (gateway.ask_done(&dated).await, gateway.ask_done(&direct("ORD2")).await);
    gateway.pay_whole(INDO, &paid.field("payNo"), "T1").await;
    gateway.advance("PT2S").await;
    assert_eq!(gateway.ask(&dated).await.text(), expired.text());
    assert_eq!(gateway.ask(&direct("ORD2")).await.text(), paid.text());
}

#[tokio::test]
async fn rule_14_a_retry_after_the_merchants_terms_changed_gets_the_first_answer() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let (first_direct, first_redirect) =
        (gateway.ask_done(&direct("ORD1")).await, gateway.ask_done(&redirect("R")).await);
    gateway
        .change_merchant(GERAITEST1.imid, |account| {
            account.terms.direct = false;
            account.terms.redirect = false;
            account.terms.chains = vec![Chain::Alma];
            account.terms.period_secs = 60;
        })
        .await;
    assert_eq!(gateway.ask(&direct("ORD1")).await.text(), first_direct.text());
    assert_eq!(gateway.ask(&redirect("R")).await.text(), first_redirect.text());
    assert_eq!(gateway.ask(&direct("ORD2")).await.code(), "9012");
}

#[tokio::test]
async fn rule_14_a_retry_after_a_restart_gets_the_first_answer() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let first = gateway.ask_done(&direct("ORD1")).await;
    let gateway = gateway.restart(sandbox_settings()).await;
    assert_eq!(gateway.ask(&direct("ORD1")).await.text(), first.text());
}

#[tokio::test]
async fn rule_14_content_is_the_known_fields_after_parsing() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let body = direct("ORD1");
    let first = gateway.ask_done(&body).await.text();
    let token = body.token();
    for (what, retry) in [
        ("null", body.clone().set("description", Value::Null).set("userIP", Value::Null)),
        ("empty", body.clone().set("description", "").set("vat", "").set("shopId", "")),
        ("a number", body.clone().set("amt", 10_000)),
        ("an unknown field", body.clone().set("callId", "77")),
        ("the token in upper case", body.clone().set("merchantToken", token.to_uppercase())),
    ] {
        assert_eq!(gateway.ask(&retry).await.text(), first, "{what}");
    }
}

#[tokio::test]
async fn rule_14_anything_else_with_a_used_reference_is_refused() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let body = direct("ORD1");
    gateway.ask_done(&body).await;
    for (field, value) in [
        ("timeStamp", "20310505100001"),
        ("amt", "10001"),
        ("goodsNm", "Teh"),
        ("billingNm", "Budi"),
        ("mitraCd", "ALMA"),
        ("payValidDt", "20310601"),
        ("description", "new"),
        ("dbProcessUrl", "http://127.0.0.1:9/other"),
        ("billingAddr", "Jl. Mawar 1"),
        ("cartData", "{}"),
        ("deliveryNm", "Budi"),
        ("reqDomain", "shop.example"),
    ] {
        let answer = gateway.ask(&body.clone().set(field, value)).await;
        assert_eq!((answer.status, answer.code().as_str()), (200, "9009"), "{field}");
        assert_eq!(answer.json()["payNo"], Value::Null, "{field}");
        assert_eq!(answer.json()["tXid"], Value::Null, "{field}");
    }
    assert_eq!(gateway.ask(&redirect("ORD1")).await.code(), "9009", "the other call");
}

#[tokio::test]
async fn rule_14_a_reference_is_unique_per_merchant_alone() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    gateway.add_merchant(OTHERSHOP1, "Other Shop").await;
    let ours = gateway.ask_done(&direct("ORD1")).await;
    let theirs = gateway.ask_done(&direct_of(OTHERSHOP1, "ORD1")).await;
    assert_ne!(ours.field("tXid"), theirs.field("tXid"));
    assert_ne!(ours.field("payNo"), theirs.field("payNo"));
}

#[tokio::test]
async fn rule_14_a_refused_registration_uses_up_no_reference() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    for (field, value, code) in [
        ("amt", "5000001", "9008"),
        ("payValidDt", "20310504", "9536"),
        ("merchantToken", "00", "9010"),
        ("goodsNm", "", "9015"),
        ("cartData", r#"{"item":[{"goods_amt":"1"}]}"#, "9023"),
    ] {
        assert_eq!(gateway.ask(&direct("ORD1").set(field, value)).await.code(), code);
    }
    gateway.ask_done(&direct("ORD1")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_14_64_identical_registrations_at_once_make_one_payment() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let mut answers = JoinSet::new();
    for _ in 0..64 {
        let (addr, request) = (gateway.addr, Request::post(direct("ORD1").path, direct("ORD1").to_json()));
        answers.spawn(async move { send(addr, &request).await.text() });
    }
    let answers = answers.join_all().await;
    assert!(answers[0].contains(r#""resultCd":"0000""#), "{}", answers[0]);
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    let tx_id: Value = serde_json::from_str(&answers[0]).unwrap();
    let tx_id = tx_id["tXid"].as_str().unwrap();
    assert_eq!(gateway.events(tx_id).await, ["registered"]);
    gateway.ask_done(&inquiry(tx_id, "ORD1")).await;
}
