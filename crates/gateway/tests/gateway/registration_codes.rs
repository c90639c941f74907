//! Every result code that a registration can be refused with, and which one wins when several things are wrong.

use crate::support::Gateway;
use crate::support::merchant::{Body, GERAITEST1, OTHERSHOP1, direct, direct_of, redirect};
use gerai_domain::Chain;
use gerai_ledger::Ledger;
use serde_json::{Value, json};

const DIRECT_REQUIRED: [(&str, &str); 19] = [
    ("timeStamp", "9031"),
    ("iMid", "9011"),
    ("payMethod", "9012"),
    ("currency", "9013"),
    ("amt", "9007"),
    ("referenceNo", "9014"),
    ("goodsNm", "9015"),
    ("billingNm", "9016"),
    ("billingPhone", "9017"),
    ("billingEmail", "9018"),
    ("billingAddr", "9030"),
    ("billingCity", "9025"),
    ("billingState", "9026"),
    ("billingPostCd", "9027"),
    ("billingCountry", "9028"),
    ("mitraCd", "9505"),
    ("dbProcessUrl", "9020"),
    ("merchantToken", "9010"),
    ("", "0000"),
];

const REDIRECT_REQUIRED: [(&str, &str); 18] = [
    ("iMid", "9011"),
    ("payMethod", "9012"),
    ("currency", "9013"),
    ("amt", "9007"),
    ("referenceNo", "9014"),
    ("goodsNm", "9015"),
    ("billingNm", "9016"),
    ("billingPhone", "9017"),
    ("billingEmail", "9018"),
    ("billingCity", "9025"),
    ("billingState", "9026"),
    ("billingPostCd", "9027"),
    ("billingCountry", "9028"),
    ("cartData", "9022"),
    ("dbProcessUrl", "9020"),
    ("callBackUrl", "9019"),
    ("merchantToken", "9010"),
    ("", "0000"),
];

/// The code of a body that is sent as it stands, with the token it has.
async fn code(gateway: &Gateway, body: &Body) -> String {
    let answer = gateway.post(body.path, body.to_json_without_token()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.code()
}

#[tokio::test]
async fn a_missing_field_has_its_own_code_and_the_first_missing_one_wins() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    for (whole, required) in
        [(direct("ORD1"), &DIRECT_REQUIRED[..]), (redirect("ORD2").unset("timeStamp"), &REDIRECT_REQUIRED[..])]
    {
        let whole = whole.clone().set("merchantToken", whole.token());
        // All of them missing at first, then one more given in each round.
        let mut growing = required.iter().fold(whole.clone(), |body, (name, _)| body.unset(name));
        for (name, expected) in required {
            assert_eq!(code(&gateway, &growing).await, *expected, "{} from {name} on", whole.path);
            if name.is_empty() {
                continue;
            }
            for nothing in [Value::Null, Value::from("")] {
                let body = growing.clone().set(name, nothing);
                assert_eq!(code(&gateway, &body).await, *expected, "{} {name}", whole.path);
            }
            growing = growing.set(name, whole.value(name));
        }
    }
}

type Change = (&'static str, Value, &'static str);

fn text(length: usize) -> Value {
    "x".repeat(length).into()
}

/// One field of an otherwise right request, and the code that it brings.
fn changes() -> Vec<Change> {
    vec![
        ("timeStamp", json!("2031050510000"), "9031"),
        ("timeStamp", json!("203105051000000"), "9031"),
        ("timeStamp", json!("2031-05-05 1:0"), "9031"),
        ("timeStamp", json!("20310505109978"), "0000"),
        ("iMid", json!("NOBODY0001"), "9011"),
        ("iMid", json!("GERAITEST11"), "9011"),
        ("iMid", json!("../../etc"), "9011"),
        ("iMid", json!(["GERAITEST1"]), "9011"),
        ("payMethod", json!("02"), "9012"),
        ("payMethod", json!("3"), "9012"),
        ("payMethod", json!({}), "9012"),
        ("currency", json!("USD"), "9013"),
        ("currency", json!("idr"), "9013"),
        ("amt", json!("10.000"), "9008"),
        ("amt", json!("10000.00"), "9008"),
        ("amt", json!("-10000"), "9008"),
        ("amt", json!("+10000"), "9008"),
        ("amt", json!(" 10000"), "9008"),
        ("amt", json!("1e4"), "9008"),
        ("amt", json!(10000.5), "9008"),
        ("amt", json!("٣٠٠٠"), "9008"),
        ("amt", json!("1234567890123"), "9008"),
        ("amt", json!("5000001"), "9008"),
        ("amt", json!("5000000"), "0000"),
        ("amt", json!("1"), "0000"),
        ("amt", json!("0"), "9509"),
        ("amt", json!("000000000000"), "9509"),
        ("amt", json!(true), "9008"),
        ("referenceNo", text(41), "9507"),
        ("referenceNo", text(40), "0000"),
        ("referenceNo", json!("ORD\n1"), "9001"),
        ("goodsNm", text(101), "9001"),
        ("goodsNm", json!("é".repeat(100)), "0000"),
        ("goodsNm", json!("Kopi\u{7}"), "9001"),
        ("goodsNm", json!([1]), "9001"),
        ("billingNm", text(101), "9001"),
        ("billingNm", json!("Zoë O'Brien & Söhne"), "0000"),
        ("billingPhone", text(16), "9001"),
        ("billingPhone", json!("-"), "0000"),
        ("billingEmail", text(41), "9001"),
        ("billingAddr", text(101), "9001"),
        ("billingCity", text(51), "9001"),
        ("billingState", text(51), "9001"),
        ("billingPostCd", text(11), "9001"),
        ("billingPostCd", json!("SW1A 1AA"), "0000"),
        ("billingCountry", text(11), "9001"),
        ("cartData", json!("no json"), "9022"),
        ("cartData", json!("[1,2]"), "9022"),
        ("cartData", json!("{}"), "0000"),
        ("cartData", json!({"item":[{"goods_amt":"9999"}]}).to_string().into(), "9023"),
        ("cartData", json!({"item":[{"goods_amt":"4000"},{"goods_amt":"6000"}]}).to_string().into(), "0000"),
        ("cartData", json!({"item":[{"goods_amt":"5000","goods_quantity":"2"}]}).to_string().into(), "0000"),
        ("cartData", text(4001), "9001"),
        ("mitraCd", json!("ALFAX"), "9505"),
        ("mitraCd", json!("CIRC"), "9505"),
        ("mitraCd", json!("alma"), "9505"),
        ("mitraCd", json!("ALFA"), "0000"),
        ("payValidDt", json!("2031051"), "9511"),
        ("payValidDt", json!("203105120"), "9511"),
        ("payValidDt", json!("20310532"), "9510"),
        ("payValidDt", json!("20310230"), "9510"),
        ("payValidDt", json!("2031-5-5"), "9510"),
        ("payValidDt", json!("20310504"), "9536"),
        ("payValidDt", json!("20311231"), "9536"),
        ("payValidDt", json!("20310505"), "0000"),
        ("payValidTm", json!("120000"), "9511"),
        ("dbProcessUrl", json!("shop.example/notify"), "9020"),
        ("dbProcessUrl", json!("/notify"), "9020"),
        ("dbProcessUrl", json!("ftp://shop.example/notify"), "9020"),
        ("dbProcessUrl", json!("javascript:alert(1)"), "9020"),
        ("dbProcessUrl", json!("http://"), "9020"),
        ("dbProcessUrl", json!(format!("https://shop.example/{}", "x".repeat(255))), "9001"),
        ("merchantToken", json!("0".repeat(64)), "9010"),
        ("merchantToken", json!("x"), "9010"),
        ("merchantToken", text(256), "9010"),
        ("userIP", text(46), "9001"),
        ("description", text(1001), "9001"),
        ("deliveryNm", text(256), "9001"),
        ("callBackUrl", json!("anything at all"), "0000"),
        ("vacctValidDt", json!("not looked at"), "0000"),
    ]
}

#[tokio::test]
async fn a_wrong_field_has_the_code_that_the_list_names() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    for (n, (field, value, expected)) in changes().into_iter().enumerate() {
        let body = direct(&format!("ORD{n}")).set(field, value.clone());
        let answer = gateway.ask(&body).await;
        assert_eq!((answer.status, answer.code().as_str()), (200, expected), "{field} = {value}: {}", answer.text());
        let message = answer.field("resultMsg");
        assert!(!message.is_empty() && message.len() < 300, "{message}");
    }
}

#[tokio::test]
async fn a_redirect_has_codes_for_its_own_fields() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let rows = [
        ("callBackUrl", json!("shop.example"), "9019"),
        ("callBackUrl", json!("javascript:alert(1)"), "9019"),
        ("payMethod", json!("03"), "0000"),
        ("payMethod", json!("01"), "9012"),
        ("mitraCd", json!("ALMA"), "0000"),
        ("mitraCd", json!("NONE"), "9505"),
        ("amt", json!("5000001"), "9008"),
        ("amt", json!("0"), "9509"),
        ("timeStamp", json!("soon"), "9031"),
        ("cartData", json!({"item":[{"goods_amt":"1"}]}).to_string().into(), "9023"),
        ("cartData", json!("{"), "9022"),
    ];
    for (n, (field, value, expected)) in rows.into_iter().enumerate() {
        let answer = gateway.ask(&redirect(&format!("ORD{n}")).set(field, value.clone())).await;
        assert_eq!((answer.status, answer.code().as_str()), (200, expected), "{field} = {value}");
    }
    let direct = gateway.ask(&direct("ORDX").set("payMethod", "00")).await;
    assert_eq!(direct.code(), "9012", "a Direct one pays by 03 alone");
}

#[tokio::test]
async fn a_field_that_stands_twice_is_refused() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let twice = direct("ORD1").to_json().replacen('{', r#"{"amt":"1","#, 1);
    let answer = gateway.post(direct("ORD1").path, twice).await;
    assert_eq!((answer.status, answer.code().as_str()), (200, "9001"));
}

#[tokio::test]
async fn shape_wins_then_merchant_token_rights_amount_deadline_cart_and_last_the_duplicate() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    gateway.add_merchant(OTHERSHOP1, "Other Shop").await;
    gateway.ask_done(&direct_of(OTHERSHOP1, "USED")).await;
    gateway
        .change_merchant("OTHERSHOP1", |account| {
            account.terms.direct = false;
            account.terms.chains = vec![Chain::Alma];
        })
        .await;
    let all_wrong = direct_of(OTHERSHOP1, "USED")
        .set("goodsNm", "x".repeat(101))
        .set("iMid", "NOBODY0001")
        .set("merchantToken", "wrong")
        .set("amt", "5000001")
        .set("payValidDt", "20310504")
        .set("cartData", r#"{"item":[{"goods_amt":"1"}]}"#);
    assert_eq!(gateway.ask(&all_wrong).await.code(), "9001", "shape");
    let body = all_wrong.set("goodsNm", "Kopi");
    assert_eq!(gateway.ask(&body).await.code(), "9011", "merchant");
    let body = body.set("iMid", "OTHERSHOP1");
    assert_eq!(gateway.ask(&body).await.code(), "9010", "token");
    let body = body.unset("merchantToken");
    assert_eq!(gateway.ask(&body).await.code(), "9012", "method");
    gateway.change_merchant("OTHERSHOP1", |account| account.terms.direct = true).await;
    assert_eq!(gateway.ask(&body).await.code(), "9505", "chain");
    gateway.change_merchant("OTHERSHOP1", |account| account.terms.chains = Chain::ALL.to_vec()).await;
    assert_eq!(gateway.ask(&body).await.code(), "9008", "amount");
    let body = body.set("amt", "10000");
    assert_eq!(gateway.ask(&body).await.code(), "9536", "deadline");
    let body = body.unset("payValidDt");
    assert_eq!(gateway.ask(&body).await.code(), "9023", "cart");
    let body = body.set("cartData", "{}");
    assert_eq!(gateway.ask(&body).await.code(), "9009", "duplicate");
    gateway.ask_done(&body.set("referenceNo", "NEW")).await;
}

#[tokio::test]
async fn a_method_or_chain_that_is_not_open_to_the_merchant_is_refused() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    gateway
        .change_merchant(GERAITEST1.imid, |account| {
            account.terms.redirect = false;
            account.terms.chains = vec![Chain::Indo];
        })
        .await;
    assert_eq!(gateway.ask(&redirect("ORD1")).await.code(), "9012");
    assert_eq!(gateway.ask(&direct("ORD2").set("mitraCd", "ALMA")).await.code(), "9505");
    gateway.ask_done(&direct("ORD3")).await;
}

#[tokio::test]
async fn s24_a_token_over_other_values_or_with_another_key_is_refused() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    gateway.add_merchant(OTHERSHOP1, "Other Shop").await;
    let right = direct("ORD1");
    for (field, value) in [("amt", "10001"), ("referenceNo", "ORD2"), ("timeStamp", "20310505100001")] {
        let stolen = right.clone().set(field, value).set("merchantToken", right.token());
        assert_eq!(gateway.ask(&stolen).await.code(), "9010", "{field}");
    }
    assert_eq!(gateway.ask(&right.clone().signed_by(OTHERSHOP1)).await.code(), "9010");
    let of_other = right.clone().set("iMid", "OTHERSHOP1");
    assert_eq!(gateway.ask(&of_other).await.code(), "9010", "another merchant's id with one's own key");
    gateway.ask_done(&right).await;
}

#[tokio::test]
async fn a_number_is_signed_as_its_text_stands_in_the_body() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let body = direct("ORD1").set("amt", "000010000");
    let answer = gateway.ask_done(&body).await;
    assert_eq!(answer.field("amt"), "10000");
    let tx_id = answer.field("tXid").parse().unwrap();
    let stored = gateway.ledger.find_by_tx_id(&tx_id).await.unwrap().unwrap();
    assert_eq!(stored.terms.amount.get(), 10_000);
}

#[tokio::test]
async fn s16_the_deadline_is_the_merchants_period_unless_the_request_says_otherwise() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let deadline = async |body: &Body| {
        let answer = gateway.ask_done(body).await;
        format!("{} {}", answer.field("payValidDt"), answer.field("payValidTm"))
    };
    assert_eq!(deadline(&direct("ORD1")).await, "20310512 100000", "7 days");
    assert_eq!(deadline(&redirect("ORD2")).await, "20310512 100000", "7 days");
    for (n, (seconds, expected)) in
        [(86_400, "20310506 100000"), (3 * 86_400, "20310508 100000"), (1, "20310505 100001")].into_iter().enumerate()
    {
        gateway.change_merchant(GERAITEST1.imid, |account| account.terms.period_secs = seconds).await;
        assert_eq!(deadline(&direct(&format!("ORDP{n}"))).await, expected);
    }
}

#[tokio::test]
async fn s28_a_request_sets_its_own_deadline_within_bounds() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let rows = [
        ("20310505", None, Ok("20310505 235959")),
        ("20310601", Some("123456"), Ok("20310601 123456")),
        ("20310505", Some("100001"), Ok("20310505 100001")),
        ("20310505", Some("100000"), Err("9536")),
        ("20310505", Some("095959"), Err("9536")),
        // 180 days, to the second.
        ("20311101", Some("100000"), Ok("20311101 100000")),
        ("20311101", Some("100001"), Err("9536")),
        ("20310601", Some("240000"), Err("9510")),
        ("20310601", Some("126000"), Err("9510")),
        ("20310601", Some("12345"), Err("9511")),
        ("20310601", Some("1234567"), Err("9511")),
        ("20310601", Some("12:345"), Err("9510")),
    ];
    for (n, (date, time, expected)) in rows.into_iter().enumerate() {
        let mut body = direct(&format!("ORD{n}")).set("payValidDt", date);
        if let Some(time) = time {
            body = body.set("payValidTm", time);
        }
        let answer = gateway.ask(&body).await;
        match expected {
            Ok(deadline) => {
                assert_eq!(format!("{} {}", answer.field("payValidDt"), answer.field("payValidTm")), deadline);
            }
            Err(expected) => assert_eq!(answer.code(), expected, "{date} {time:?}"),
        }
    }
}
