//! The greatest length of each field that has no shape of its own: as many characters are taken, one more is refused with
//! the code that the list names.

use crate::support::Gateway;
use crate::support::merchant::{Body, cancel, direct, redirect};

/// So many characters, of more than one byte each.
fn text(length: usize) -> String {
    "é".repeat(length)
}

fn address(length: usize) -> String {
    let start = "https://shop.example/";
    format!("{start}{}", "x".repeat(length - start.len()))
}

/// The field is taken at its greatest length; with one character more it is refused with 9001, by its name.
async fn ends_at(gateway: &Gateway, body: &Body, field: &str, longest: &str, too_long: &str) {
    let answer = gateway.ask(&body.clone().set(field, too_long)).await;
    assert_eq!((answer.status, answer.code().as_str()), (200, "9001"), "{field}: {}", answer.text());
    assert!(answer.field("resultMsg").contains(field), "{field}: {}", answer.text());
    gateway.ask_done(&body.clone().set(field, longest)).await;
}

#[tokio::test]
async fn what_a_registration_keeps_has_at_most_255_characters_a_field() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    for (n, field) in [
        "deliveryNm",
        "deliveryPhone",
        "deliveryAddr",
        "deliveryCity",
        "deliveryState",
        "deliveryPostCd",
        "deliveryCountry",
        "vat",
        "fee",
        "notaxAmt",
    ]
    .into_iter()
    .enumerate()
    {
        for body in [direct(&format!("D{n}")), redirect(&format!("R{n}"))] {
            ends_at(&gateway, &body, field, &text(255), &text(256)).await;
        }
    }
}

#[tokio::test]
async fn an_address_has_at_most_255_characters() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let (longest, too_long) = (address(255), address(256));
    ends_at(&gateway, &redirect("ORD1"), "callBackUrl", &longest, &too_long).await;
    ends_at(&gateway, &redirect("ORD2"), "dbProcessUrl", &longest, &too_long).await;
    ends_at(&gateway, &direct("ORD3"), "dbProcessUrl", &longest, &too_long).await;
}

#[tokio::test]
async fn what_a_cancel_does_not_look_at_may_be_of_any_length() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let payment = gateway.register("INDO", "ORD1").await;
    let mut body = cancel(&payment.tx_id);
    for field in [
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
        body = body.set(field, text(1_000));
    }
    gateway.ask_done(&body).await;
}

#[tokio::test]
async fn s4_a_field_of_a_cancel_that_is_too_long_has_the_code_that_the_list_names() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let payment = gateway.register("INDO", "ORD1").await;
    let right = cancel(&payment.tx_id);
    for (field, too_long, expected) in [
        ("timeStamp", "203105051000021".to_owned(), "9031"),
        ("tXid", format!("{}0", payment.tx_id), "9528"),
        ("iMid", "GERAITEST11".into(), "9011"),
        ("payMethod", "003".into(), "9012"),
        ("cancelType", "01".into(), "9301"),
        ("amt", "0000000010000".into(), "9312"),
        ("merchantToken", "0".repeat(256), "9525"),
        ("referenceNo", text(41), "9507"),
        ("cancelMsg", text(256), "9001"),
    ] {
        let answer = gateway.ask(&right.clone().set(field, too_long)).await;
        assert_eq!((answer.status, answer.code().as_str()), (200, expected), "{field}: {}", answer.text());
    }
    assert_eq!(gateway.status(&payment).await.0, "3", "nothing was cancelled");
    gateway.ask_done(&right.set("cancelMsg", text(255))).await;
}
