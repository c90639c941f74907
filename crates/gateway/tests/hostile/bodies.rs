//! Bodies: too large, too deep, of the wrong type, no text at all.

use crate::support::Gateway;
use crate::support::client::{Answer, Connection, Request};
use crate::support::merchant::{Body, CANCEL, DIRECT, INQUIRY, REDIRECT, cancel, direct, inquiry, redirect};
use crate::support::store::{COMMIT, INDO, LOOK, PAY, REVERSE};
use crate::{unharmed, watch_for_panics};
use serde_json::{Value, json};

const LIMIT: usize = 64 * 1024;
const MERCHANT: [&str; 4] = [DIRECT, REDIRECT, INQUIRY, CANCEL];

fn padded(reference: &str, length: usize) -> Vec<u8> {
    let mut body = direct(reference).to_json().into_bytes();
    body.resize(length, b' ');
    body
}

async fn chunked(gateway: &Gateway, path: &str, body: &[u8]) -> Option<Answer> {
    let mut connection = Connection::open(gateway.addr).await;
    connection.write(format!("POST {path} HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n").as_bytes()).await;
    for chunk in body.chunks(1000) {
        connection.write(format!("{:x}\r\n", chunk.len()).as_bytes()).await;
        connection.write(chunk).await;
        connection.write(b"\r\n").await;
    }
    connection.write(b"0\r\n\r\n").await;
    connection.answer().await
}

#[tokio::test]
async fn a_body_of_64_kib_is_taken_and_one_byte_more_is_413() {
    watch_for_panics();
    let gateway = Gateway::sandbox().await;
    assert_eq!(gateway.post(DIRECT, padded("ORD1", LIMIT)).await.code(), "0000");
    assert_eq!(chunked(&gateway, DIRECT, &padded("ORD2", LIMIT)).await.unwrap().code(), "0000");
    for path in MERCHANT {
        for answer in [
            gateway.post(path, padded("ORD3", LIMIT + 1)).await,
            chunked(&gateway, path, &padded("ORD3", LIMIT + 1)).await.unwrap(),
        ] {
            assert_eq!((answer.status, answer.code().as_str()), (413, "9001"), "{path}");
            assert_eq!(answer.keys(), ["resultCd", "resultMsg"]);
        }
    }
    for path in [LOOK, PAY, COMMIT, REVERSE] {
        let answer = gateway.post(path, vec![b' '; LIMIT + 1]).await;
        assert_eq!(answer.status, 413, "{path}");
        assert!(answer.json()["responseCode"].is_string() && answer.json()["responseMessage"].is_string());
    }
    unharmed(&gateway, "STILL").await;
}

#[tokio::test]
async fn a_body_that_never_ends_is_cut_off() {
    watch_for_panics();
    let gateway = Gateway::sandbox().await;
    for head in [
        format!("POST {DIRECT} HTTP/1.1\r\nHost: g\r\nContent-Length: 18446744073709551615\r\n\r\n"),
        format!("POST {DIRECT} HTTP/1.1\r\nHost: g\r\nContent-Length: 9000000000\r\n\r\n"),
    ] {
        let mut connection = Connection::open(gateway.addr).await;
        connection.write(head.as_bytes()).await;
        for _ in 0..200 {
            connection.write(&[b'x'; 65_536]).await;
        }
        // The answer may be lost to a client that goes on sending; what counts is that it is not read for ever.
        if let Some(answer) = connection.answer().await {
            assert!((400..500).contains(&answer.status), "{}", answer.status);
        }
        assert!(connection.ended().await);
    }
    unharmed(&gateway, "STILL").await;
}

#[tokio::test]
async fn what_is_no_json_object_is_400_with_both_fields() {
    watch_for_panics();
    let gateway = Gateway::sandbox().await;
    let valid = direct("ORD1").to_json();
    let half = &valid.as_bytes()[..valid.len() / 2];
    let twice = valid.repeat(2);
    let mut cut_utf8 = valid.replace("Kopi", "Kopí").into_bytes();
    let at = cut_utf8.iter().position(|byte| *byte == 0xc3).unwrap();
    cut_utf8.remove(at + 1);
    let utf16: Vec<u8> = valid.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let deep = [vec![b'['; 30_000], vec![b']'; 30_000]].concat();
    let bodies: [&[u8]; 20] = [
        b"",
        b" ",
        b"null",
        b"true",
        b"1",
        b"\"x\"",
        b"[]",
        b"[{}]",
        b"{",
        b"{]",
        b"{\"a\"}",
        b"{\"a\":01}",
        b"{'a':1}",
        b"\x00",
        b"\xff\xfe\xfd",
        half,
        twice.as_bytes(),
        &cut_utf8,
        &utf16,
        &deep,
    ];
    for path in MERCHANT {
        for body in bodies {
            let answer = gateway.post(path, body).await;
            let shown = String::from_utf8_lossy(&body[..body.len().min(40)]);
            assert_eq!((answer.status, answer.code().as_str()), (400, "9001"), "{path} {shown}");
            assert_eq!(answer.keys(), ["resultCd", "resultMsg"], "{path} {shown}");
        }
    }
    unharmed(&gateway, "STILL").await;
}

#[tokio::test]
async fn a_form_is_no_json_whatever_it_calls_itself() {
    let gateway = Gateway::sandbox().await;
    for kind in ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/json", "?;=,"] {
        let request = Request::post(DIRECT, "iMid=GERAITEST1&amt=10000").without_header("Content-Type");
        let answer = gateway.send(&request.header("Content-Type", kind)).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "9001"), "{kind}");
    }
}

#[tokio::test]
async fn depth_is_no_harm() {
    watch_for_panics();
    let gateway = Gateway::sandbox().await;
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        let depth = 60_000 / (open.len() + close.len());
        let deep = format!("{}1{}", open.repeat(depth), close.repeat(depth));
        for field in ["unknown", "cartData", "goodsNm", "sellers", "amt"] {
            let valid = direct("ORD1").unset(field).to_json();
            let body = format!("{},\"{field}\":{deep}}}", valid.strip_suffix('}').unwrap());
            let answer = gateway.post(DIRECT, body).await;
            assert!(answer.status == 200 || answer.status == 400, "{field}: {}", answer.text());
        }
        let cart = direct("ORD9").set("cartData", &format!("{{\"item\":{}}}", &deep[..3000])[..]);
        assert_eq!(gateway.ask(&cart).await.code(), "9022");
        let answer = gateway.send(&INDO.request_with(PAY, &deep, &jiff::Timestamp::now().to_string(), "e")).await;
        assert_eq!(answer.code(), "4002501");
        assert_eq!(gateway.post("/sandbox/v1/clock", deep).await.status, 400);
    }
    unharmed(&gateway, "STILL").await;
}

#[tokio::test]
async fn every_field_of_every_call_stands_any_value() {
    watch_for_panics();
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let payment = gateway.register("INDO", "ORD0").await;
    let fields = [
        "timeStamp",
        "iMid",
        "payMethod",
        "currency",
        "amt",
        "referenceNo",
        "goodsNm",
        "billingNm",
        "billingPhone",
        "billingEmail",
        "billingAddr",
        "billingCity",
        "billingState",
        "billingPostCd",
        "billingCountry",
        "cartData",
        "mitraCd",
        "payValidDt",
        "payValidTm",
        "dbProcessUrl",
        "callBackUrl",
        "merchantToken",
        "userIP",
        "description",
        "deliveryNm",
        "vat",
        "fee",
        "notaxAmt",
        "reqDt",
        "sellers",
        "tXid",
        "cancelType",
        "cancelMsg",
    ];
    let values: Vec<Value> = vec![
        json!(true),
        json!([]),
        json!({}),
        json!([["x"]]),
        json!(-1),
        json!(1.5e300),
        json!(0),
        json!("x".repeat(60_000)),
        json!("\u{0}"),
        json!("a\r\nX-Injected: 1"),
        json!("\u{202e}\u{feff}\u{1f600}"),
        json!("' OR 1=1 --"),
        json!("%00%0d%0a"),
        json!("é".repeat(41)),
    ];
    let calls: [Body; 4] = [direct("ORD1"), redirect("ORD2"), inquiry(&payment.tx_id, "ORD0"), cancel(&payment.tx_id)];
    for body in calls {
        for field in fields {
            for value in &values {
                let answer = gateway.ask(&body.clone().set(field, value.clone())).await;
                let code = answer.code();
                assert!(answer.status == 200 && code != "9002", "{} {field} {code}", body.path);
                assert_eq!(answer.header("x-injected"), None);
                if code != "0000" {
                    assert!(answer.body.len() < 8_000, "{} {field}: a refusal stays short", body.path);
                }
            }
        }
    }
    unharmed(&gateway, "STILL").await;
}
