//! The callback (S2, S20, M09): a browser brings it, so it proves nothing and leads to a question.

use crate::shop::Stage;
use crate::support::client::{Answer, Request, send};
use crate::support::store::INDO;
use gerai_merchant::{Callback, OrderState, PayCode};

async fn come_back(stage: &Stage, query: &str) -> Answer {
    let addr = stage.url.strip_prefix("http://").unwrap().parse().unwrap();
    send(addr, &Request::new("GET", &format!("/callback?{query}"))).await
}

fn callback(code: &PayCode) -> Callback {
    Callback {
        result_cd: "0000".into(),
        result_msg: "SUCCESS".into(),
        t_xid: code.t_xid.clone(),
        reference_no: code.reference_no.clone(),
        pay_method: None,
        amt: code.amount.to_string(),
        currency: "IDR".into(),
        pay_no: Some(code.pay_no.clone()),
        mitra_cd: None,
        trans_dt: None,
        trans_tm: None,
        pay_valid_dt: None,
        pay_valid_tm: None,
    }
}

#[tokio::test]
async fn m09_a_callback_leads_to_a_question_s20() {
    let stage = Stage::set().await;
    let code = stage.unpaid("ORD-1").await;
    let waiting = come_back(&stage, &callback(&code).to_query()).await;
    assert_eq!(waiting.status, 200);
    assert!(waiting.text().contains("waiting for your payment"), "{}", waiting.text());
    assert_eq!(waiting.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(stage.inquiries(&code.t_xid).await, 1);
    stage.spoil_notifications(serde_json::json!({ "fault": "lose" })).await;
    stage.gateway.pay_whole(INDO, &code.pay_no, "T1").await;
    stage.gateway.advance("PT3S").await;
    let paid = come_back(&stage, &callback(&code).to_query()).await;
    assert!(paid.text().contains("received your payment"), "{}", paid.text());
    assert_eq!(stage.state("ORD-1").await, OrderState::Paid);
}

#[tokio::test]
async fn m09_a_forged_callback_changes_nothing_s20() {
    let stage = Stage::set().await;
    let code = stage.unpaid("ORD-1").await;
    let other = stage.unpaid("ORD-2").await;
    let forged = |change: fn(&mut Callback, &PayCode)| {
        let mut callback = callback(&code);
        change(&mut callback, &other);
        callback.to_query()
    };
    for (query, status) in [
        (forged(|callback, _| callback.result_msg = "paid".into()), 200),
        (forged(|callback, _| callback.amt = "1".into()), 404),
        (forged(|callback, other| callback.t_xid.clone_from(&other.t_xid)), 404),
        (forged(|callback, _| callback.reference_no = "ORD-9".into()), 404),
        (forged(|callback, _| callback.t_xid = "x".repeat(30)), 404),
        ("tXid=%00".to_owned(), 404),
        (String::new(), 404),
        (format!("{}&status=0&tXid=2", callback(&code).to_query()), 404),
    ] {
        let answer = come_back(&stage, &query).await;
        assert_eq!(answer.status, status, "{query}");
        assert!(!answer.text().contains("ORD-"), "nothing of the address is shown: {}", answer.text());
    }
    assert_eq!((stage.state("ORD-1").await, stage.state("ORD-2").await), (OrderState::Unpaid, OrderState::Unpaid));
    assert_eq!((stage.inquiries(&code.t_xid).await, stage.inquiries(&other.t_xid).await), (1, 0));
    assert_eq!(stage.effects().await, []);
}

#[tokio::test]
async fn whoever_comes_back_again_and_again_does_not_have_the_gateway_asked_each_time() {
    let stage = Stage::set().await;
    let code = stage.unpaid("ORD-1").await;
    for _ in 0..5 {
        assert_eq!(come_back(&stage, &callback(&code).to_query()).await.status, 200);
    }
    assert_eq!(stage.inquiries(&code.t_xid).await, 1);
}
