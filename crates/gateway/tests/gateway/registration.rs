//! Registration, Direct and Redirect (S1, S6): what real clients send, what they get, which error wins.

use crate::support::Gateway;
use crate::support::client::Request;
use crate::support::merchant::{DIRECT, REDIRECT, direct, redirect};
use serde_json::Value;

const DIRECT_KEYS: &str = "resultCd resultMsg tXid referenceNo payMethod amt currency goodsNm billingNm transDt \
                           transTm description bankCd vacctNo vacctValidDt vacctValidTm mitraCd payNo payValidDt \
                           payValidTm";
const REDIRECT_KEYS: &str = "resultCd resultMsg tXid referenceNo payMethod amt transDt transTm description currency \
                             goodsNm billingNm payValidDt payValidTm paymentURL";

#[tokio::test]
async fn s1_s6_a_direct_registration_is_answered_with_a_payment_number() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let answer = gateway.ask_done(&direct("ORD1").set("description", "two cups")).await;
    assert_eq!(answer.keys().join(" "), DIRECT_KEYS);
    let json = answer.json();
    let pay_no = answer.field("payNo");
    assert!(pay_no.len() == 12 && pay_no.starts_with('1') && pay_no.bytes().all(|b| b.is_ascii_digit()), "{pay_no}");
    let tx_id = answer.field("tXid");
    assert_eq!((tx_id.len(), &tx_id[..26]), (30, "GERAITEST10320310505100000"), "rule 4");
    for (key, value) in [
        ("resultMsg", "SUCCESS"),
        ("referenceNo", "ORD1"),
        ("payMethod", "03"),
        ("amt", "10000"),
        ("currency", "IDR"),
        ("goodsNm", "Kopi & Teh"),
        ("billingNm", "Sinta Amalina"),
        ("transDt", "20310505"),
        ("transTm", "100000"),
        ("description", "two cups"),
        ("mitraCd", "INDO"),
        ("payValidDt", "20310512"),
        ("payValidTm", "100000"),
    ] {
        assert_eq!(json[key], value, "{key}");
    }
    for key in ["bankCd", "vacctNo", "vacctValidDt", "vacctValidTm"] {
        assert_eq!(json[key], Value::Null, "{key}");
    }
}

#[tokio::test]
async fn s1_a_redirect_registration_is_answered_with_the_address_of_the_payment_page() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let answer = gateway.ask_done(&redirect("ORD1")).await;
    assert_eq!(answer.keys().join(" "), REDIRECT_KEYS);
    assert_eq!(answer.field("paymentURL"), "https://pay.example/nicepay/redirect/v2/payment");
    assert_eq!(answer.field("payMethod"), "00");
    assert_eq!(&answer.field("tXid")[..26], "GERAITEST10020310505100000", "rule 4");
}

#[tokio::test]
async fn a_refusal_has_the_same_keys_in_the_same_order() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let answer = gateway.ask(&direct("ORD1").set("merchantToken", "00")).await;
    assert_eq!((answer.status, answer.code().as_str()), (200, "9010"));
    assert_eq!(answer.keys().join(" "), DIRECT_KEYS);
    let json = answer.json();
    for key in ["tXid", "payNo", "transDt", "transTm", "payValidDt", "payValidTm"] {
        assert_eq!(json[key], Value::Null, "{key}");
    }
    assert_eq!((json["referenceNo"].as_str(), json["amt"].as_str()), (Some("ORD1"), Some("10000")));
    let answer = gateway.ask(&redirect("ORD1").set("merchantToken", "00")).await;
    assert_eq!((answer.status, answer.code().as_str()), (200, "9010"));
    assert_eq!(answer.keys().join(" "), REDIRECT_KEYS);
    assert_eq!(answer.json()["paymentURL"], Value::Null);
    assert_eq!(answer.json()["tXid"], Value::Null);
}

#[tokio::test]
async fn whatever_content_type_and_headers_a_client_sends_the_answer_is_plain_json() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let types = [
        Some("application/json"),
        Some("application/json; charset=UTF-8"),
        Some("APPLICATION/JSON;charset=utf-8"),
        Some("text/json"),
        None,
    ];
    for (n, kind) in types.into_iter().enumerate() {
        let mut request = Request::post(DIRECT, direct(&format!("ORD{n}")).to_json()).without_header("Content-Type");
        if let Some(kind) = kind {
            request = request.header("Content-Type", kind);
        }
        let answer = gateway.send(&request).await;
        assert_eq!((answer.status, answer.code().as_str()), (200, "0000"), "{kind:?}");
        assert!(answer.header("content-type").unwrap().starts_with("application/json"));
        assert_eq!(answer.header("content-encoding"), None);
        assert_eq!(answer.body.first(), Some(&b'{'), "no byte order mark");
        assert!(answer.header("x-request-id").is_some_and(|id| !id.is_empty()));
    }
    let with_all = Request::post(DIRECT, direct("ORDX").to_json())
        .header("User-Agent", "NICEPAY-SDK/2")
        .header("Accept-Encoding", "gzip, deflate, br")
        .header("Accept", "text/html");
    assert_eq!(gateway.send(&with_all).await.code(), "0000");
}

#[tokio::test]
async fn values_may_be_numbers_null_or_empty_and_unknown_fields_are_ignored() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let body = direct("ORD1")
        .set("amt", 10_000)
        .set("timeStamp", 20_310_505_100_000_u64)
        .set("billingPostCd", 12_345)
        .set("payValidDt", Value::Null)
        .set("payValidTm", "")
        .set("description", Value::Null)
        .set("userIP", "")
        .set("somethingNew", serde_json::json!({ "deep": [1, null, { "a": "b" }] }));
    let answer = gateway.ask_done(&body).await;
    assert_eq!(answer.field("amt"), "10000", "amounts are strings");
    assert_eq!(answer.json()["description"], Value::Null);
}

#[tokio::test]
async fn s24_a_token_in_upper_case_is_the_same_token() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let body = direct("ORD1");
    let token = body.token().to_uppercase();
    gateway.ask_done(&body.set("merchantToken", token)).await;
}

#[tokio::test]
async fn a_redirect_may_leave_the_time_out_and_its_token_is_over_the_rest() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    gateway.ask_done(&redirect("ORD1").unset("timeStamp")).await;
    let direct = gateway.ask(&direct("ORD2").unset("timeStamp")).await;
    assert_eq!(direct.code(), "9031", "a Direct one must not");
    assert_eq!(redirect("x").path, REDIRECT);
}
