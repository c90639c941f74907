//! The `merchantToken` against answers that NICEPAY itself has published, and against what stands in a body (S24).

mod samples;

use gerai_protocol::{
    CancelRequest, InquiryRequest, Kind, RegistrationRequest, cancel_token, notification_token, registration_token,
};
use samples::{bytes, cancel, inquiry, key, registration, with};
use serde_json::json;

#[test]
fn published_registration_tokens_come_out_exactly_s24() {
    for (time_stamp, reference_no, amt, expected) in [
        ("20180123100505", "ORD12345", "10000", "f9d30f6c972e2b5718751bd087b178534673a91bbac845f8a24e60e8e4abbbc5"),
        (
            "20170822170942",
            "OrdNo2017717942577",
            "1000",
            "b5149659e1a2f1271fb0833f8ea20e174b6fd389db26bc6ad036cc0dae6fa797",
        ),
        ("20200923132509", "JWB20092188", "529500", "a571183b8fd6c6051bcfa85b09c2bf2013e055ce313d00494dfb04b17a6a13ab"),
    ] {
        assert_eq!(registration_token(time_stamp, "IONPAYTEST", reference_no, amt, &key()), expected);

        for kind in samples::KINDS {
            let mut body = registration(kind);
            for (field, value) in
                [("timeStamp", time_stamp), ("referenceNo", reference_no), ("merchantToken", expected)]
            {
                body.insert(field.to_owned(), json!(value));
            }
            // As a number, too: its text is what is signed.
            for amt in [json!(amt), json!(amt.parse::<u64>().unwrap())] {
                body.insert("amt".to_owned(), amt);
                assert!(samples::register(kind, &body).unwrap().token_is_right(&key()));
            }
        }
    }
}

#[test]
fn the_published_cancel_token_comes_out_exactly_s24() {
    let expected = "49974dde3c4a311030bd2095431443ce3689d79c90caaa88f4186050abb77cf9";
    let token = cancel_token("20221212101278", "IONPAYTEST", "IONPAYTEST03202212121030529316", "10000", &key());
    assert_eq!(token, expected);
    assert!(CancelRequest::parse(&bytes(&cancel())).unwrap().token_is_right(&key()));
}

#[test]
fn each_token_is_over_its_own_fields_joined_with_nothing_s24() {
    // A notification's fields, put where another token has its first ones, make the same text.
    assert_eq!(notification_token("A", "B", "1", &key()), registration_token("", "A", "B", "1", &key()));
    assert_eq!(notification_token("A", "B", "1", &key()), cancel_token("", "A", "B", "1", &key()));
    assert_ne!(notification_token("A", "B", "1", &key()), notification_token("B", "A", "1", &key()));
    assert_ne!(
        notification_token("A", "B", "1", &key()),
        notification_token("A", "B", "1", &gerai_protocol::MerchantKey::new("k"))
    );
}

#[test]
fn registration_and_inquiry_of_one_second_have_the_same_token_s24() {
    assert!(InquiryRequest::parse(&bytes(&inquiry())).unwrap().token_is_right(&key()));
    assert_eq!(inquiry()["merchantToken"], registration(Kind::Direct)["merchantToken"]);
}

#[test]
fn an_absent_time_stamp_is_hashed_as_nothing_s24() {
    let token = registration_token("", "IONPAYTEST", "ORD12345", "10000", &key());
    let body = with(&registration(Kind::Redirect), "timeStamp", None);
    let request = samples::register(Kind::Redirect, &with(&body, "merchantToken", json!(token))).unwrap();
    assert_eq!(request.time_stamp, None);
    assert!(request.token_is_right(&key()));
}

#[test]
fn the_amount_is_signed_as_it_stood_s24() {
    let token = registration_token("20180123100505", "IONPAYTEST", "ORD12345", "000010000", &key());
    let body = with(&registration(Kind::Direct), "amt", json!("000010000"));
    let request = samples::register(Kind::Direct, &with(&body, "merchantToken", json!(token))).unwrap();
    assert_eq!((request.amt.as_str(), request.amount()), ("000010000", 10_000));
    assert!(request.token_is_right(&key()));
}

#[test]
fn numbers_of_any_size_keep_their_text_s24() {
    let text = String::from_utf8(bytes(&registration(Kind::Direct))).unwrap();
    // Beyond 2^64 and with digits that a float would lose: the reference number is still letter for letter the one sent.
    let reference_no = "123456789012345678901234567890.1234500";
    let body = text.replace("\"ORD12345\"", reference_no).replace("\"20180123100505\"", "20180123100505");
    let request = RegistrationRequest::parse(Kind::Direct, body.as_bytes()).unwrap();
    assert_eq!(request.reference_no, reference_no);
    assert_eq!(request.time_stamp.as_deref(), Some("20180123100505"));
}

#[test]
fn a_token_is_taken_in_upper_case_and_not_when_wrong_s24() {
    let body = registration(Kind::Direct);
    let token = body["merchantToken"].as_str().unwrap();
    for (given, right) in [
        (token.to_uppercase(), true),
        (token.to_owned(), true),
        (token.replace('f', "e"), false),
        (token[1..].to_owned(), false),
        ("x".to_owned(), false),
    ] {
        let request = samples::register(Kind::Direct, &with(&body, "merchantToken", json!(given))).unwrap();
        assert_eq!(request.token_is_right(&key()), right, "{given}");
    }
}

#[test]
fn a_change_to_any_signed_field_makes_the_token_wrong_s24() {
    for (field, value) in
        [("timeStamp", "20180123100506"), ("iMid", "IONPAYTESX"), ("referenceNo", "ORD12346"), ("amt", "10001")]
    {
        let body = with(&registration(Kind::Direct), field, json!(value));
        assert!(!samples::register(Kind::Direct, &body).unwrap().token_is_right(&key()), "{field}");
        let body = with(&inquiry(), field, json!(value));
        assert!(!InquiryRequest::parse(&bytes(&body)).unwrap().token_is_right(&key()), "{field}");
    }
    for (field, value) in
        [("timeStamp", "20180123100506"), ("iMid", "IONPAYTESX"), ("tXid", "ORD12346"), ("amt", "10001")]
    {
        let body = with(&cancel(), field, json!(value));
        assert!(!CancelRequest::parse(&bytes(&body)).unwrap().token_is_right(&key()), "{field}");
    }
}
