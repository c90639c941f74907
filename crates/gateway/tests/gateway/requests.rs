//! What the gateway was asked (S20, S21): so that a test sees whether a merchant asked for the status.

use crate::support::Gateway;
use crate::support::client::Request;
use crate::support::merchant::{GERAITEST1, IONPAYTEST, direct, direct_of, inquiry};
use crate::support::store::INDO;
use serde_json::{Value, json};

async fn page(gateway: &Gateway, query: &str) -> Value {
    let answer = gateway.get(&format!("/sandbox/v1/requests{query}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

#[tokio::test]
async fn s20_s21_every_call_of_both_apis_is_noted_with_its_outcome() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let payment = gateway.register("INDO", "ORD1").await;
    gateway.advance("PT1H").await;
    gateway.ask_done(&inquiry(&payment.tx_id, "ORD1")).await;
    gateway.look(INDO, &payment.pay_no).await;
    gateway.ask(&inquiry(&payment.tx_id, "ORD2")).await;
    gateway.post("/nicepay/direct/v2/registration", "no JSON").await;
    gateway.get("/nicepay/direct/v1/inquiry").await;
    gateway.get("/store/v1/payment").await;
    let asked = gateway.requests("").await;
    let told: Vec<String> = asked
        .iter()
        .map(|one| {
            let text = |name: &str| one[name].as_str().unwrap_or("-").to_owned();
            [
                one["seq"].to_string(),
                text("at"),
                text("api"),
                text("method"),
                text("path"),
                text("call"),
                text("iMid"),
                text("referenceNo"),
                text("code"),
                one["status"].to_string(),
            ]
            .join(" ")
        })
        .collect();
    let ten = "2031-05-05T10:00:00+07:00";
    let eleven = "2031-05-05T11:00:00+07:00";
    let expected = [
        format!(
            "1 {ten} merchant-api POST /nicepay/direct/v2/registration direct_registration GERAITEST1 ORD1 0000 200"
        ),
        format!("2 {eleven} merchant-api POST /nicepay/direct/v2/inquiry inquiry GERAITEST1 ORD1 0000 200"),
        format!("3 {eleven} store-api POST /store/v1/inquiry store_inquiry - - 2002400 200"),
        format!("4 {eleven} merchant-api POST /nicepay/direct/v2/inquiry inquiry GERAITEST1 ORD2 9528 200"),
        format!("5 {eleven} merchant-api POST /nicepay/direct/v2/registration direct_registration - - 9001 400"),
        format!("6 {eleven} merchant-api GET /nicepay/direct/v1/inquiry unknown - - 9001 404"),
        format!("7 {eleven} store-api GET /store/v1/payment store_unknown - - 4050000 405"),
    ];
    assert_eq!(told, expected);
    for one in &asked {
        assert!(one["tookMs"].is_u64() && one["fault"].is_null(), "{one}");
        let real: jiff::Timestamp = one["realAt"].as_str().unwrap().parse().unwrap();
        assert!(real.duration_since(jiff::Timestamp::now()).abs() < jiff::SignedDuration::from_mins(1));
    }
    for (one, known) in asked.iter().zip([true, true, true, true, false, false, false]) {
        assert_eq!(one["tXid"].as_str(), known.then_some(payment.tx_id.as_str()), "{one}");
    }
    assert_eq!(asked[2]["payNo"], payment.pay_no.as_str());
}

#[tokio::test]
async fn whoever_asks_for_what_came_since_misses_nothing_and_sees_nothing_twice() {
    let gateway = Gateway::sandbox().await;
    assert_eq!(page(&gateway, "?since=0").await, json!({ "requests": [], "next": 0, "oldest": null }));
    for n in 0..5 {
        gateway.ask_done(&direct(&format!("ORD{n}"))).await;
        gateway.ask_done(&direct_of(IONPAYTEST, &format!("ORD{n}"))).await;
    }
    let mut since = 0;
    let mut seen = Vec::new();
    loop {
        let page = page(&gateway, &format!("?since={since}&limit=3")).await;
        let requests = page["requests"].as_array().unwrap();
        seen.extend(requests.iter().map(|one| one["seq"].as_u64().unwrap()));
        since = page["next"].as_u64().unwrap();
        if requests.is_empty() {
            break;
        }
    }
    assert_eq!((seen, since), ((1..=10).collect(), 10));
    let of_one = page(&gateway, "?iMid=IONPAYTEST&limit=4").await;
    let of_one: Vec<(&Value, &Value)> =
        of_one["requests"].as_array().unwrap().iter().map(|one| (&one["seq"], &one["iMid"])).collect();
    assert_eq!(of_one.len(), 4);
    assert!(of_one.iter().all(|(_, imid)| **imid == "IONPAYTEST"), "{of_one:?}");
    // Past what was not wanted, too.
    assert_eq!(page(&gateway, "?call=cancel&since=3").await["next"], 10);
    assert_eq!(gateway.requests("?call=direct_registration&since=9").await.len(), 1);
}

#[tokio::test]
async fn a_query_that_is_not_understood_is_refused_by_name() {
    let gateway = Gateway::sandbox().await;
    for (query, word) in [
        ("?since=x", "`since`"),
        ("?since=-1", "`since`"),
        ("?limit=0", "`limit`"),
        ("?limit=1001", "`limit`"),
        ("?limit=99999999999999999999", "`limit`"),
        ("?imid=GERAITEST1", "`imid`"),
    ] {
        let answer = gateway.get(&format!("/sandbox/v1/requests{query}")).await;
        assert_eq!(answer.status, 400, "{query}");
        assert!(answer.field("error").contains(word), "{query}: {}", answer.text());
    }
}

#[tokio::test]
async fn nothing_that_proves_who_asked_is_noted_and_nothing_without_bounds() {
    let gateway = Gateway::sandbox().await;
    let body = direct("ORD1");
    let payment = gateway.registered(&body).await;
    let long = "z".repeat(5_000);
    gateway.ask(&direct(&long).set("iMid", long.clone()).set("tXid", long.clone())).await;
    gateway.send(&Request::post(&format!("/nicepay/{long}?merchantToken=secret-in-query"), "{}")).await;
    gateway.pay(INDO, &payment.pay_no, "T1").await;
    let told = gateway.get("/sandbox/v1/requests").await.text();
    for secret in [body.token(), GERAITEST1.key.into(), INDO.secret.into(), "secret-in-query".into()] {
        assert!(!told.contains(&secret), "{secret}");
    }
    assert!(!told.contains("X-SIGNATURE") && !told.contains("merchantToken"));
    assert_eq!(gateway.requests("").await.len(), 4);
    assert!(told.len() < 4_000, "{}", told.len());
}
