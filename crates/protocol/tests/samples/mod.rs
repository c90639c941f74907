//! Requests that are right in every field, for the tests to change one thing in.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::panic)]

use gerai_protocol::{Echo, Kind, MerchantKey, ParseFailure, RegistrationRequest};
use serde_json::{Map, Value, json};

pub type Body = Map<String, Value>;

pub const KINDS: [Kind; 2] = [Kind::Direct, Kind::Redirect];

/// The key that NICEPAY has published for its public sandbox merchant.
pub fn key() -> MerchantKey {
    MerchantKey::new("33F49GnCMS1mFYlGXisbUDzVf2ATWCl9k3R++d5hDd3Frmuos/XLx8XhXpe+LDYAbpGKZYSwtlyyLOtS/8aD7A==")
}

pub fn registration(kind: Kind) -> Body {
    let body = json!({
        "timeStamp": "20180123100505",
        "iMid": "IONPAYTEST",
        "payMethod": if kind == Kind::Direct { "03" } else { "00" },
        "currency": "IDR",
        "amt": "10000",
        "referenceNo": "ORD12345",
        "goodsNm": "Kopi & teh",
        "billingNm": "Siti Nurbaya",
        "billingPhone": "+62 811-1234",
        "billingEmail": "siti@toko.example",
        "billingAddr": "Jl. Sudirman 1",
        "billingCity": "Jakarta",
        "billingState": "DKI Jakarta",
        "billingPostCd": "SW1A 1AA",
        "billingCountry": "Indonesia",
        "cartData": "{}",
        "mitraCd": "ALMA",
        "dbProcessUrl": "https://toko.example/notify",
        "callBackUrl": "https://toko.example/back",
        "merchantToken": "f9d30f6c972e2b5718751bd087b178534673a91bbac845f8a24e60e8e4abbbc5",
    });
    body.as_object().unwrap().clone()
}

pub fn inquiry() -> Body {
    let body = json!({
        "timeStamp": "20180123100505",
        "tXid": "IONPAYTEST03201801231005051234",
        "iMid": "IONPAYTEST",
        "referenceNo": "ORD12345",
        "amt": "10000",
        "merchantToken": "f9d30f6c972e2b5718751bd087b178534673a91bbac845f8a24e60e8e4abbbc5",
    });
    body.as_object().unwrap().clone()
}

pub fn cancel() -> Body {
    let body = json!({
        "timeStamp": "20221212101278",
        "iMid": "IONPAYTEST",
        "tXid": "IONPAYTEST03202212121030529316",
        "payMethod": "03",
        "cancelType": "1",
        "amt": "10000",
        "merchantToken": "49974dde3c4a311030bd2095431443ce3689d79c90caaa88f4186050abb77cf9",
        "referenceNo": "ORD12345",
        "cancelMsg": "habis",
    });
    body.as_object().unwrap().clone()
}

pub fn bytes(body: &Body) -> Vec<u8> {
    serde_json::to_vec(body).unwrap()
}

/// The body with one field changed, or without it.
pub fn with(body: &Body, field: &str, value: impl Into<Option<Value>>) -> Body {
    let mut body = body.clone();
    match value.into() {
        Some(value) => body.insert(field.to_owned(), value),
        None => body.remove(field),
    };
    body
}

pub fn register(kind: Kind, body: &Body) -> Result<RegistrationRequest, ParseFailure> {
    RegistrationRequest::parse(kind, &bytes(body))
}

/// The code's number and the sentence of a refusal that has something to echo.
pub fn refused<T>(outcome: Result<T, ParseFailure>) -> (String, String, Echo) {
    match outcome {
        Err(ParseFailure::Refused { failure, echo }) => (failure.code.number().to_owned(), failure.message, *echo),
        Err(ParseFailure::NotAnObject(failure)) => panic!("taken for no object: {failure}"),
        Ok(_) => panic!("accepted"),
    }
}

pub fn code<T>(outcome: Result<T, ParseFailure>) -> String {
    refused(outcome).0
}
