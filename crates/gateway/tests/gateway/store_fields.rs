//! What a till must send, field by field, and what it gets back.

use crate::support::Gateway;
use crate::support::merchant::{GERAITEST1, direct};
use crate::support::store::{ALMA, COMMIT, INDO, LOOK, PAY, Partner, REVERSE, commit_body, partner, reverse_body};
use serde_json::{Value, json};

fn edited(mut body: Value, field: &str, value: Option<Value>) -> Value {
    let fields = body.as_object_mut().unwrap();
    match value {
        Some(value) => fields.insert(field.into(), value),
        None => fields.remove(field),
    };
    body
}

#[tokio::test]
async fn a_field_that_is_missing_or_invalid_is_named_by_the_code() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let payment = gateway.register("INDO", "ORD1").await;
    let pay_no = payment.pay_no.as_str();
    let bodies = [
        (LOOK, "24", INDO.look_body(pay_no)),
        (PAY, "25", INDO.pay_body(pay_no, "T1")),
        (COMMIT, "26", commit_body(pay_no, "T1")),
        (REVERSE, "27", reverse_body(pay_no, "T1")),
    ];
    let too_long = |field: &str| match field {
        "payNo" => 33,
        "reason" => 101,
        _ => 21,
    };
    for (path, service, body) in &bodies {
        for field in body.as_object().unwrap().keys() {
            for nothing in [None, Some(Value::Null), Some(json!(""))] {
                let answer = gateway.send(&INDO.request(path, &edited(body.clone(), field, nothing))).await;
                assert_eq!((answer.status, answer.code()), (400, format!("400{service}02")), "{path} {field}");
            }
            let mut wrong = vec![json!([1]), json!({}), json!(true)];
            if field != "amount" {
                wrong.extend([json!("x".repeat(too_long(field))), json!("a\nb"), json!("\u{0}")]);
            }
            for value in wrong {
                let answer = gateway.send(&INDO.request(path, &edited(body.clone(), field, Some(value.clone())))).await;
                assert_eq!((answer.status, answer.code()), (400, format!("400{service}01")), "{path} {field} {value}");
            }
        }
        for text in ["", "[]", "null", "\"x\"", "{", "{}x", "\u{feff}x", "[[[["] {
            let request = INDO.request_with(path, text, &jiff::Timestamp::now().to_string(), "e1");
            let answer = gateway.send(&request).await;
            assert_eq!((answer.status, answer.code()), (400, format!("400{service}01")), "{path} {text}");
        }
    }
    assert_eq!(gateway.events(&payment.tx_id).await, ["registered"]);
}

#[tokio::test]
async fn s10_an_amount_is_whole_rupiah_in_snaps_form_and_exactly_what_is_owed() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let payment = gateway.register("INDO", "ORD1").await;
    let with = |amount| edited(INDO.pay_body(&payment.pay_no, "T1"), "amount", Some(amount));
    let of = |value: Value| json!({ "value": value, "currency": "IDR" });
    for (amount, expected) in [
        (of(json!("10000.50")), "4002501"),
        (of(json!("10000.0")), "4002501"),
        (of(json!("10000.000")), "4002501"),
        (of(json!("10,000")), "4002501"),
        (of(json!("-10000.00")), "4002501"),
        (of(json!("")), "4002501"),
        (of(json!(".00")), "4002501"),
        (of(json!(10_000)), "4002501"),
        (of(json!("1234567890123.00")), "4002501"),
        (json!({ "value": "10000.00", "currency": "USD" }), "4002501"),
        (json!({ "value": "10000.00" }), "4002501"),
        (json!("10000.00"), "4002501"),
        (of(json!("9999.00")), "4042513"),
        (of(json!("10001.00")), "4042513"),
        (of(json!("0.00")), "4042513"),
        (of(json!("100000000.00")), "4042513"),
        (of(json!("10000.00")), "2002500"),
    ] {
        assert_eq!(gateway.send(&INDO.request(PAY, &with(amount.clone()))).await.code(), expected, "{amount}");
    }
}

#[tokio::test]
async fn rule_5_a_brand_belongs_to_its_chain_and_so_does_a_number() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    for chain in ["ALMA", "INDO"] {
        let payment = gateway.register(chain, chain).await;
        for brand in ["ALFAMART", "ALFAMIDI", "DANDAN", "LAWSON", "INDOMARET", "SEVENELEVEN", "alfamart"] {
            let ours = match brand {
                "ALFAMART" | "ALFAMIDI" | "DANDAN" | "LAWSON" => Some("ALMA"),
                "INDOMARET" => Some("INDO"),
                _ => None,
            };
            for asking in ["ALMA", "INDO"] {
                let till = partner(asking).at(brand);
                let code = gateway.look(till, &payment.pay_no).await.code();
                let expected = match (ours, asking == chain) {
                    (Some(ours), _) if ours != asking => "4002401",
                    (None, _) => "4002401",
                    (Some(_), true) => "2002400",
                    (Some(_), false) => "4032415",
                };
                assert_eq!(code, expected, "{brand} of {asking}, a number for {chain}");
            }
        }
    }
}

#[tokio::test]
async fn s8_a_number_of_another_chain_is_refused_at_every_call() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let payment = gateway.register("INDO", "ORD1").await;
    gateway.pay_whole(INDO, &payment.pay_no, "T1").await;
    assert_eq!(gateway.look(ALMA, &payment.pay_no).await.code(), "4032415");
    assert_eq!(gateway.pay(ALMA, &payment.pay_no, "T1").await.code(), "4032515");
    assert_eq!(gateway.commit(ALMA, &payment.pay_no, "T1").await.code(), "4032615");
    assert_eq!(gateway.reverse(ALMA, &payment.pay_no, "T1").await.code(), "4032715");
    assert_eq!(gateway.status(&payment).await.0, "0");
}

#[tokio::test]
async fn s19_a_mistyped_number_is_refused_as_such_at_every_digit() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let payment = gateway.register("INDO", "ORD1").await;
    let right = payment.pay_no.as_bytes();
    for place in 0..12 {
        for digit in b'0'..=b'9' {
            let mut typed = right.to_vec();
            typed[place] = digit;
            if typed == right {
                continue;
            }
            let typed = String::from_utf8(typed).unwrap();
            let answer = gateway.look(INDO, &typed).await;
            assert_eq!((answer.status, answer.code().as_str()), (404, "4042412"), "{typed} for {}", payment.pay_no);
        }
        // Two neighbours in the wrong order.
        if place > 0 && right[place] != right[place - 1] {
            let mut typed = right.to_vec();
            typed.swap(place, place - 1);
            let typed = String::from_utf8(typed).unwrap();
            assert_eq!(gateway.pay(INDO, &typed, "T1").await.code(), "4042512", "{typed}");
        }
    }
    for odd in ["1", "12345678901", "1234567890123", "12345678901x", "１２３４５６７８９０１２", "-00000000001"]
    {
        for (call, code) in [(LOOK, "4042412"), (PAY, "4042512"), (COMMIT, "4042612"), (REVERSE, "4042712")] {
            let mut body = INDO.pay_body(odd, "T1");
            body["reason"] = "none".into();
            assert_eq!(gateway.send(&INDO.request(call, &body)).await.code(), code, "{odd}");
        }
    }
}

/// A number with a right check digit that nobody has been given.
async fn unknown_number(gateway: &Gateway) -> String {
    let payment = gateway.register("INDO", "GONE").await;
    let reset = gateway.post("/sandbox/v1/reset", "").await;
    assert_eq!(reset.status, 200);
    payment.pay_no
}

#[tokio::test]
async fn s19_an_unknown_number_is_refused_at_every_call() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let number = unknown_number(&gateway).await;
    assert_eq!(gateway.look(INDO, &number).await.code(), "4042412");
    assert_eq!(gateway.pay(INDO, &number, "T1").await.code(), "4042512");
    assert_eq!(gateway.commit(INDO, &number, "T1").await.code(), "4042612");
    assert_eq!(gateway.reverse(INDO, &number, "T1").await.code(), "4042712");
}

#[tokio::test]
async fn s9_s14_the_cashier_reads_what_is_owed_and_to_whom() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let body = direct("ORD1").set("payValidDt", "20310506").set("payValidTm", "123456");
    let payment = gateway.registered(&body).await;
    let answer = gateway.look(INDO, &payment.pay_no).await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.json(),
        json!({
            "responseCode": "2002400",
            "responseMessage": "Successful",
            "payNo": payment.pay_no,
            "billerName": "NICEPAY - Gerai Test",
            "customerName": "Si*** Am*****",
            "goodsNm": "Kopi & Teh",
            "amount": { "value": "10000.00", "currency": "IDR" },
            "payableUntil": "2031-05-06T12:34:56+07:00",
        })
    );
}

#[tokio::test]
async fn s11_s14_a_receipt_has_all_that_it_needs_in_lines_of_at_most_40_characters() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let own = ["Terima kasih, sampai jumpa lagi di Jakart", "two"];
    gateway
        .change_merchant(GERAITEST1.imid, |account| {
            account.terms.name = "A shop whose name is quite a bit longer than a till's paper".into();
            account.terms.receipt_lines = own.map(String::from).to_vec();
        })
        .await;
    for (chain, brand, shown) in [
        ("ALMA", "ALFAMART", "Alfamart (Alfa Group)"),
        ("ALMA", "DANDAN", "Dan+Dan (Alfa Group)"),
        ("INDO", "INDOMARET", "Indomaret"),
    ] {
        let payment = gateway.register(chain, brand).await;
        let till = partner(chain).at(brand);
        let answer = gateway.pay(till, &payment.pay_no, "T1").await;
        let (json, number) = (answer.json(), &payment.pay_no);
        let receipt: Vec<&str> =
            json["receipt"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
        let number = format!("{} {} {}", &number[..4], &number[4..8], &number[8..]);
        assert!(receipt.iter().all(|line| (1..=40).contains(&line.chars().count())), "{receipt:?}");
        let code = answer.field("receiptCode");
        for needed in [shown, "T001", "2031-05-05 10:00:00 WIB", "NICEPAY - A shop", &number, "Rp 10.000", &code] {
            assert!(receipt.iter().any(|line| line.contains(needed)), "{needed} in {receipt:?}");
        }
        assert_eq!(receipt[receipt.len() - 2..], ["Terima kasih, sampai jumpa lagi di Jakar", "two"]);
        assert_eq!((answer.field("paidAt").as_str(), code.len()), ("2031-05-05T10:00:00+07:00", 12));
    }
}

#[tokio::test]
async fn text_that_means_something_elsewhere_comes_out_as_plain_text() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let evil = "<script>alert(\"1\")</script> \\u0000 ${7*7} '; -- 名\u{202e}\u{1f600}";
    gateway.change_merchant(GERAITEST1.imid, |account| account.terms.name = evil.into()).await;
    let body = direct("ORD<1>").set("goodsNm", evil).set("billingNm", "\"};x <b>Sinta</b>");
    let answer = gateway.ask_done(&body).await;
    assert_eq!(answer.field("goodsNm"), evil);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let looked = gateway.look(INDO, &answer.field("payNo")).await;
    assert_eq!(looked.field("goodsNm"), evil);
    assert_eq!(looked.field("billerName"), format!("NICEPAY - {evil}"));
    assert_eq!(looked.field("customerName"), "\"}** <b**********");
    let paid = gateway.pay(INDO, &answer.field("payNo"), "<T>\"1\"").await;
    assert_eq!((paid.code().as_str(), paid.field("traceNo").as_str()), ("2002500", "<T>\"1\""));
}

#[tokio::test]
async fn a_numeric_value_is_as_good_as_its_text() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let payment = gateway.register("INDO", "ORD1").await;
    let mut body = INDO.pay_body(&payment.pay_no, "1");
    body["payNo"] = payment.pay_no.parse::<u64>().unwrap().into();
    body["traceNo"] = 1.into();
    body["terminalId"] = 7.into();
    assert_eq!(gateway.send(&INDO.request(PAY, &body)).await.code(), "2002500");
    assert_eq!(gateway.pay(Partner { ..INDO }, &payment.pay_no, "1").await.field("status"), "PAID");
}
