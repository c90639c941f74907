//! The status inquiry (S3): every state as a merchant reads it, and what it does not tell.

use crate::support::Gateway;
use crate::support::client::Answer;
use crate::support::merchant::{
    Body, GERAITEST1, INQUIRY, OTHERSHOP1, Registered, cancel, direct, direct_of, inquiry, redirect,
};
use crate::support::store::{ALMA, INDO};
use serde_json::Value;

const KEYS: &str = "resultCd resultMsg tXid iMid referenceNo payMethod amt cancelAmt reqDt reqTm transDt transTm \
                    depositDt depositTm currency goodsNm billingNm status mitraCd payNo payValidDt payValidTm \
                    receiptCode instmntMon instmntType cardNo preauthToken acquBankCd issuBankCd vacctValidDt \
                    vacctValidTm vacctNo bankCd recurringToken ccTransType mRefNo acquStatus cardExpYymm acquBankNm \
                    issuBankNm";

const ALWAYS_NULL: &str = "cardNo preauthToken acquBankCd issuBankCd vacctValidDt vacctValidTm vacctNo bankCd \
                           recurringToken ccTransType acquStatus cardExpYymm acquBankNm issuBankNm";

async fn ask(gateway: &Gateway, payment: &Registered) -> Answer {
    let answer = gateway.ask_done(&inquiry(&payment.tx_id, &payment.reference)).await;
    assert_eq!(answer.keys().join(" "), KEYS);
    let json = answer.json();
    for key in ALWAYS_NULL.split(' ') {
        assert_eq!(json[key], Value::Null, "{key}");
    }
    answer
}

fn assert_fields(answer: &Answer, expected: &[(&str, Option<&str>)]) {
    let json = answer.json();
    for (key, value) in expected {
        assert_eq!(json[*key].as_str(), *value, "{key} in {json}");
    }
}

#[tokio::test]
async fn s3_s12_an_inquiry_follows_a_payment_through_unpaid_ready_paid_and_returned() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let payment = gateway.register("ALMA", "ORD1").await;
    gateway.advance("PT1M").await;
    assert_fields(
        &ask(&gateway, &payment).await,
        &[
            ("resultMsg", Some("unpaid")),
            ("status", Some("3")),
            ("tXid", Some(&payment.tx_id)),
            ("iMid", Some("GERAITEST1")),
            ("referenceNo", Some("ORD1")),
            ("payMethod", Some("03")),
            ("amt", Some("10000")),
            ("cancelAmt", None),
            ("reqDt", Some("20310505")),
            ("reqTm", Some("100000")),
            ("transDt", None),
            ("transTm", None),
            ("depositDt", None),
            ("depositTm", None),
            ("currency", Some("IDR")),
            ("goodsNm", Some("Kopi & Teh")),
            ("billingNm", Some("Sinta Amalina")),
            ("mitraCd", Some("ALMA")),
            ("payNo", Some(&payment.pay_no)),
            ("payValidDt", Some("20310512")),
            ("payValidTm", Some("100000")),
            ("receiptCode", None),
        ],
    );
    let receipt = gateway.pay(ALMA, &payment.pay_no, "T1").await.field("receiptCode");
    assert_fields(
        &ask(&gateway, &payment).await,
        &[("resultMsg", Some("ready to commit")), ("status", Some("5")), ("transDt", None), ("cancelAmt", None)],
    );
    gateway.advance("PT1M").await;
    assert_eq!(gateway.commit(ALMA, &payment.pay_no, "T1").await.code(), "2002600");
    let paid = [
        ("reqTm", Some("100000")),
        ("transDt", Some("20310505")),
        ("transTm", Some("100100")),
        ("depositDt", Some("20310505")),
        ("depositTm", Some("100100")),
        ("receiptCode", Some(receipt.as_str())),
    ];
    let answer = ask(&gateway, &payment).await;
    assert_fields(&answer, &[("resultMsg", Some("paid")), ("status", Some("0")), ("cancelAmt", None)]);
    assert_fields(&answer, &paid);
    gateway.give_back(&payment.pay_no).await;
    let answer = ask(&gateway, &payment).await;
    assert_fields(&answer, &[("resultMsg", Some("returned")), ("status", Some("4")), ("cancelAmt", Some("10000"))]);
    assert_fields(&answer, &paid);
}

#[tokio::test]
async fn s3_a_redirect_payment_is_asked_for_at_the_same_address() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let answer = gateway.ask_done(&redirect("ORD1")).await;
    let payment = Registered { tx_id: answer.field("tXid"), pay_no: String::new(), reference: "ORD1".into() };
    assert_fields(
        &ask(&gateway, &payment).await,
        &[
            ("resultMsg", Some("init")),
            ("status", Some("9")),
            ("payMethod", Some("03")),
            ("payNo", None),
            ("mitraCd", None),
        ],
    );
    gateway.move_to("2031-05-12T10:00:00").await;
    assert_fields(&ask(&gateway, &payment).await, &[("status", Some("9"))]);
    gateway.advance("PT1S").await;
    assert_fields(&ask(&gateway, &payment).await, &[("resultMsg", Some("expired")), ("status", Some("4"))]);
    // With the store given, there is a number at once.
    let answer = gateway.ask_done(&redirect("ORD2").set("mitraCd", "INDO")).await;
    let payment = Registered { tx_id: answer.field("tXid"), pay_no: String::new(), reference: "ORD2".into() };
    let answer = ask(&gateway, &payment).await;
    assert_fields(&answer, &[("status", Some("3")), ("mitraCd", Some("INDO")), ("payMethod", Some("03"))]);
    gateway.pay_whole(INDO, &answer.field("payNo"), "T1").await;
    assert_fields(&ask(&gateway, &payment).await, &[("resultMsg", Some("paid")), ("status", Some("0"))]);
}

#[tokio::test]
async fn s16_a_payment_is_expired_from_the_second_after_its_deadline() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let payment = gateway.register("INDO", "ORD1").await;
    gateway.move_to("2031-05-12T10:00:00").await;
    assert_eq!(gateway.status(&payment).await, ("3".into(), "unpaid".into()));
    gateway.advance("PT1S").await;
    assert_eq!(gateway.status(&payment).await, ("4".into(), "expired".into()));
    assert_fields(&ask(&gateway, &payment).await, &[("cancelAmt", None), ("transDt", None)]);
    assert_eq!(gateway.events(&payment.tx_id).await, ["registered", "expired"], "rule 16");
}

#[tokio::test]
async fn a_cancelled_payment_says_so_and_how_much() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let payment = gateway.register("INDO", "ORD1").await;
    gateway.ask_done(&cancel(&payment.tx_id)).await;
    assert_fields(
        &ask(&gateway, &payment).await,
        &[("resultMsg", Some("cancelled")), ("status", Some("4")), ("cancelAmt", Some("10000")), ("transDt", None)],
    );
}

#[tokio::test]
async fn a_missing_field_has_its_own_code_and_the_first_missing_one_wins() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let payment = gateway.register("INDO", "ORD1").await;
    let whole = inquiry(&payment.tx_id, "ORD1");
    let whole = whole.clone().set("merchantToken", whole.token());
    let required = [
        ("timeStamp", "9031"),
        ("tXid", "9528"),
        ("iMid", "9011"),
        ("referenceNo", "9014"),
        ("amt", "9007"),
        ("merchantToken", "9525"),
        ("", "0000"),
    ];
    let mut growing = required.iter().fold(whole.clone(), |body, (name, _)| body.unset(name));
    for (name, expected) in required {
        let answer = gateway.post(INQUIRY, growing.to_json_without_token()).await;
        assert_eq!((answer.status, answer.code().as_str()), (200, expected), "from {name} on");
        assert_eq!(answer.keys().join(" "), KEYS, "a refusal has the same keys");
        if !name.is_empty() {
            growing = growing.set(name, whole.value(name));
        }
    }
}

#[tokio::test]
async fn s24_id_merchant_reference_and_amount_must_belong_to_one_payment() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let payment = gateway.register("INDO", "ORD1").await;
    let other = gateway.register("INDO", "ORD2").await;
    let right = inquiry(&payment.tx_id, "ORD1");
    for (body, expected) in [
        (right.clone().set("amt", "10001"), "9528"),
        (right.clone().set("amt", "ten"), "9008"),
        (right.clone().set("referenceNo", "ORD2"), "9528"),
        (right.clone().set("referenceNo", "ord1"), "9528"),
        (right.clone().set("referenceNo", "x".repeat(41)), "9507"),
        (right.clone().set("tXid", other.tx_id.clone()), "9528"),
        (right.clone().set("tXid", "GERAITEST1032031050510000099999"), "9528"),
        (right.clone().set("tXid", "x"), "9528"),
        (right.clone().set("iMid", "NOBODY0001"), "9011"),
        (right.clone().set("merchantToken", "00"), "9525"),
        (right.clone().set("timeStamp", "now"), "9031"),
        (right.clone().set("amt", 10_000), "0000"),
        (right.clone().set("merchantToken", right.token().to_uppercase()), "0000"),
    ] {
        assert_eq!(gateway.ask(&body).await.code(), expected, "{}", body.to_json());
    }
}

#[tokio::test]
async fn s24_what_is_another_merchants_looks_as_if_it_did_not_exist() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    gateway.add_merchant(OTHERSHOP1, "Other Shop").await;
    let theirs = gateway.registered(&direct_of(OTHERSHOP1, "ORD1")).await;
    gateway.ask_done(&direct("ORD1")).await;
    let by_us = |body: Body| body.set("iMid", GERAITEST1.imid).signed_by(GERAITEST1);
    let mut unknown = theirs.tx_id.clone().into_bytes();
    unknown[29] = if unknown[29] == b'9' { b'8' } else { unknown[29] + 1 };
    let unknown = String::from_utf8(unknown).unwrap();
    for ask in [|id: &str| inquiry(id, "ORD1"), |id: &str| cancel(id)] {
        let answers = [gateway.ask(&by_us(ask(&theirs.tx_id))).await, gateway.ask(&by_us(ask(&unknown))).await];
        let [theirs_told, unknown_told] = answers.map(|answer| answer.text());
        assert!(unknown_told.contains("9528"), "{unknown_told}");
        assert_eq!(theirs_told.replace(&theirs.tx_id, "-"), unknown_told.replace(&unknown, "-"));
    }
}
