//! The inquiry (S3) and cancel (S4) requests: which code each missing or malformed field gets, and which error wins (S27).

#![allow(clippy::unwrap_used)]

mod samples;

use gerai_protocol::{CancelRequest, InquiryRequest, ParseFailure, PayMethod};
use samples::{Body, bytes, cancel, code, inquiry, key, refused, with};
use serde_json::{Value, json};

/// Field, code when missing, code when malformed, malformed values.
type Row = (&'static str, &'static str, &'static str, &'static [&'static str]);

const TOO_LONG: &str = "11111111111111111111111111111111111111111";

const INQUIRY: [Row; 6] = [
    ("timeStamp", "9031", "9031", &["2018012310050", "201801231005050", "2018012310050x"]),
    ("tXid", "9528", "9528", &["IONPAYTEST032018012310050512345", "a\nb"]),
    ("iMid", "9011", "9011", &["IONPAYTESTX", "\u{0}"]),
    ("referenceNo", "9014", "9507", &[TOO_LONG]),
    ("amt", "9007", "9008", &["1.0", "-1", "x", "1234567890123"]),
    ("merchantToken", "9525", "9525", &["a\u{0}"]),
];

const CANCEL: [Row; 7] = [
    ("timeStamp", "9031", "9031", &["2018012310050", "201801231005050", "2018012310050x"]),
    ("tXid", "9528", "9528", &["IONPAYTEST032018012310050512345", "a\nb"]),
    ("iMid", "9011", "9011", &["IONPAYTESTX", "\u{0}"]),
    ("payMethod", "9012", "9012", &["01", "3", "003"]),
    ("cancelType", "9301", "9301", &["2", "0", "11", "x"]),
    ("amt", "9312", "9312", &["1.0", "-1", "x", "1234567890123"]),
    ("merchantToken", "9525", "9525", &["a\u{0}"]),
];

fn check<T: std::fmt::Debug>(right: &Body, rows: &[Row], parse: fn(&[u8]) -> Result<T, ParseFailure>) {
    assert!(parse(&bytes(right)).is_ok());
    for (field, missing, malformed, wrong) in rows {
        for value in [None, Some(Value::Null), Some(json!(""))] {
            assert_eq!(code(parse(&bytes(&with(right, field, value.clone())))), *missing, "{field} {value:?}");
        }
        for value in *wrong {
            assert_eq!(code(parse(&bytes(&with(right, field, json!(value))))), *malformed, "{field} {value}");
        }
        for value in [json!(true), json!([]), json!({"a": 1})] {
            let expected = if *field == "referenceNo" { "9001" } else { malformed };
            assert_eq!(code(parse(&bytes(&with(right, field, value)))), expected, "{field}");
        }
        let text = String::from_utf8(bytes(right)).unwrap().replacen('{', &format!("{{\"{field}\":null,"), 1);
        let (number, message, _) = refused(parse(text.as_bytes()));
        assert_eq!(number, "9001");
        assert!(message.contains(&format!("`{field}`")), "{message}");
    }
    let mut body = right.clone();
    for (field, missing, ..) in rows.iter().rev() {
        body.remove(*field);
        assert_eq!(code(parse(&bytes(&body))), *missing, "the first missing field wins: {field}");
    }
    assert!(matches!(parse(b"[]"), Err(ParseFailure::NotAnObject(_))));
}

#[test]
fn each_wrong_field_of_an_inquiry_has_its_code_s3_s27() {
    check(&inquiry(), &INQUIRY, InquiryRequest::parse);
}

#[test]
fn each_wrong_field_of_a_cancel_has_its_code_s4_s27() {
    check(&cancel(), &CANCEL, CancelRequest::parse);
}

#[test]
fn a_cancel_is_of_the_full_amount_whatever_the_method_s4() {
    for method in [PayMethod::Any, PayMethod::Cvs] {
        let body = with(&with(&cancel(), "payMethod", json!(method.as_str())), "cancelType", json!(1));
        assert_eq!(CancelRequest::parse(&bytes(&body)).unwrap().pay_method, method);
    }
    assert_eq!(code(CancelRequest::parse(&bytes(&with(&cancel(), "cancelType", json!(2))))), "9301");
}

#[test]
fn a_cancels_optional_fields_are_optional_s4() {
    for (field, wrong, expected) in [
        ("referenceNo", "x".repeat(41), "9507"),
        ("referenceNo", "\u{0}".to_owned(), "9001"),
        ("cancelMsg", "x".repeat(256), "9001"),
        ("cancelMsg", "\u{0}".to_owned(), "9001"),
    ] {
        assert_eq!(code(CancelRequest::parse(&bytes(&with(&cancel(), field, json!(wrong))))), expected, "{field}");
        for nothing in [None, Some(Value::Null), Some(json!(""))] {
            assert!(CancelRequest::parse(&bytes(&with(&cancel(), field, nothing))).is_ok());
        }
    }
    assert!(CancelRequest::parse(&bytes(&with(&cancel(), "cancelMsg", json!("é".repeat(255))))).is_ok());
    for ignored in [
        "preauthToken",
        "fee",
        "vat",
        "notaxAmt",
        "cancelServerIp",
        "cancelUserId",
        "cancelUserIp",
        "cancelUserInfo",
        "cancelRetryCnt",
        "worker",
    ] {
        for value in [json!("x".repeat(3000)), json!(["\u{0}"]), json!(true)] {
            assert!(CancelRequest::parse(&bytes(&with(&cancel(), ignored, value))).is_ok(), "{ignored}");
        }
    }
}

#[test]
fn a_refusal_echoes_what_can_be_read_s27() {
    let (_, _, echo) = refused(InquiryRequest::parse(&bytes(&with(&inquiry(), "timeStamp", None))));
    assert_eq!(echo, InquiryRequest::parse(&bytes(&inquiry())).unwrap().echo());
    assert_eq!(echo.t_xid.as_deref(), Some("IONPAYTEST03201801231005051234"));
    assert_eq!(echo.goods_nm, None);

    let (_, _, echo) = refused(CancelRequest::parse(&bytes(&with(&cancel(), "cancelType", json!("2")))));
    assert_eq!(echo, CancelRequest::parse(&bytes(&cancel())).unwrap().echo());
    assert_eq!(echo.reference_no.as_deref(), Some("ORD12345"));

    let (_, _, echo) = refused(InquiryRequest::parse(&bytes(&with(&inquiry(), "tXid", json!("x".repeat(31))))));
    assert_eq!(echo.t_xid, None);
}

#[test]
fn a_client_writes_the_documented_fields_s3_s4() {
    let request = InquiryRequest::parse(&bytes(&inquiry())).unwrap();
    assert_eq!(
        request.to_json(&key()),
        concat!(
            r#"{"timeStamp":"20180123100505","tXid":"IONPAYTEST03201801231005051234","iMid":"IONPAYTEST","#,
            r#""referenceNo":"ORD12345","amt":"10000","#,
            r#""merchantToken":"f9d30f6c972e2b5718751bd087b178534673a91bbac845f8a24e60e8e4abbbc5"}"#
        )
    );
    let mut request = CancelRequest::parse(&bytes(&cancel())).unwrap();
    request.reference_no = None;
    request.merchant_token = "not written".to_owned();
    assert_eq!(
        request.to_json(&key()),
        concat!(
            r#"{"timeStamp":"20221212101278","tXid":"IONPAYTEST03202212121030529316","iMid":"IONPAYTEST","#,
            r#""payMethod":"03","cancelType":"1","amt":"10000","#,
            r#""merchantToken":"49974dde3c4a311030bd2095431443ce3689d79c90caaa88f4186050abb77cf9","cancelMsg":"habis"}"#
        )
    );
    assert_eq!((request.amount(), CancelRequest::new().amount(), InquiryRequest::default().amount()), (10_000, 0, 0));
}
