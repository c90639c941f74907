//! The answers, letter for letter: every documented key, in the documented order, `null` where empty, amounts as strings;
//! and how tolerantly a client reads them.

use gerai_protocol::{
    BareAnswer, CancelAnswer, DirectAnswer, Echo, Failure, InquiryAnswer, RedirectAnswer, ResultCode, StatusWords,
};

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn echo() -> Echo {
    Echo {
        t_xid: text("T1"),
        imid: text("IONPAYTEST"),
        reference_no: text("ORD1"),
        pay_method: text("03"),
        amt: text("10000"),
        currency: text("IDR"),
        goods_nm: text("Kopi \"A\""),
        billing_nm: text("Siti"),
        description: text("Pesanan"),
        mitra_cd: text("ALMA"),
    }
}

fn failure() -> Failure {
    Failure::with(ResultCode::TokenWrong, "No.")
}

#[test]
fn a_direct_registration_is_answered_exactly_s6() {
    let answer = DirectAnswer {
        t_xid: text("IONPAYTEST03201801231005051234"),
        reference_no: text("ORD1"),
        pay_method: text("03"),
        amt: text("10000"),
        currency: text("IDR"),
        goods_nm: text("Kopi"),
        billing_nm: text("Siti"),
        trans_dt: text("20180123"),
        trans_tm: text("100505"),
        description: text(""),
        mitra_cd: text("ALMA"),
        pay_no: text("112345678903"),
        pay_valid_dt: text("20180130"),
        pay_valid_tm: text("100505"),
        ..DirectAnswer::succeeded()
    };
    assert_eq!(
        answer.to_json(),
        concat!(
            r#"{"resultCd":"0000","resultMsg":"SUCCESS","tXid":"IONPAYTEST03201801231005051234","referenceNo":"ORD1","#,
            r#""payMethod":"03","amt":"10000","currency":"IDR","goodsNm":"Kopi","billingNm":"Siti","transDt":"20180123","#,
            r#""transTm":"100505","description":null,"bankCd":null,"vacctNo":null,"vacctValidDt":null,"vacctValidTm":null,"#,
            r#""mitraCd":"ALMA","payNo":"112345678903","payValidDt":"20180130","payValidTm":"100505"}"#
        )
    );
    let read = DirectAnswer::parse(answer.to_json().as_bytes()).unwrap();
    assert_eq!(read, DirectAnswer { description: None, ..answer });
    assert_eq!(read.code(), Some(ResultCode::Success));
}

#[test]
fn a_refused_direct_registration_has_the_same_keys_s27() {
    assert_eq!(
        DirectAnswer::refused(&failure(), &echo()).to_json(),
        concat!(
            r#"{"resultCd":"9010","resultMsg":"No.","tXid":null,"referenceNo":"ORD1","payMethod":"03","amt":"10000","#,
            r#""currency":"IDR","goodsNm":"Kopi \"A\"","billingNm":"Siti","transDt":null,"transTm":null,"#,
            r#""description":"Pesanan","bankCd":null,"vacctNo":null,"vacctValidDt":null,"vacctValidTm":null,"#,
            r#""mitraCd":"ALMA","payNo":null,"payValidDt":null,"payValidTm":null}"#
        )
    );
    assert_eq!(
        DirectAnswer::refused(&failure(), &Echo::default()).to_json(),
        concat!(
            r#"{"resultCd":"9010","resultMsg":"No.","tXid":null,"referenceNo":null,"payMethod":null,"amt":null,"#,
            r#""currency":null,"goodsNm":null,"billingNm":null,"transDt":null,"transTm":null,"description":null,"#,
            r#""bankCd":null,"vacctNo":null,"vacctValidDt":null,"vacctValidTm":null,"mitraCd":null,"payNo":null,"#,
            r#""payValidDt":null,"payValidTm":null}"#
        )
    );
}

#[test]
fn a_redirect_registration_is_answered_exactly_s1() {
    let answer = RedirectAnswer {
        t_xid: text("T1"),
        reference_no: text("ORD1"),
        pay_method: text("00"),
        amt: text("10000"),
        trans_dt: text("20180123"),
        trans_tm: text("100505"),
        description: text("Pesanan"),
        currency: text("IDR"),
        goods_nm: text("Kopi"),
        billing_nm: text("Siti"),
        pay_valid_dt: text("20180130"),
        pay_valid_tm: text("100505"),
        payment_url: text("https://pay.example/nicepay/redirect/v2/payment"),
        ..RedirectAnswer::succeeded()
    };
    assert_eq!(
        answer.to_json(),
        concat!(
            r#"{"resultCd":"0000","resultMsg":"SUCCESS","tXid":"T1","referenceNo":"ORD1","payMethod":"00","amt":"10000","#,
            r#""transDt":"20180123","transTm":"100505","description":"Pesanan","currency":"IDR","goodsNm":"Kopi","#,
            r#""billingNm":"Siti","payValidDt":"20180130","payValidTm":"100505","#,
            r#""paymentURL":"https://pay.example/nicepay/redirect/v2/payment"}"#
        )
    );
    assert_eq!(RedirectAnswer::parse(answer.to_json().as_bytes()).unwrap(), answer);
    assert_eq!(
        RedirectAnswer::refused(&failure(), &echo()).to_json(),
        concat!(
            r#"{"resultCd":"9010","resultMsg":"No.","tXid":null,"referenceNo":"ORD1","payMethod":"03","amt":"10000","#,
            r#""transDt":null,"transTm":null,"description":"Pesanan","currency":"IDR","goodsNm":"Kopi \"A\"","#,
            r#""billingNm":"Siti","payValidDt":null,"payValidTm":null,"paymentURL":null}"#
        )
    );
}

const NO_CARD: &str = concat!(
    r#""instmntMon":null,"instmntType":null,"cardNo":null,"preauthToken":null,"acquBankCd":null,"issuBankCd":null,"#,
    r#""vacctValidDt":null,"vacctValidTm":null,"vacctNo":null,"bankCd":null,"recurringToken":null,"ccTransType":null,"#,
    r#""mRefNo":null,"acquStatus":null,"cardExpYymm":null,"acquBankNm":null,"issuBankNm":null}"#
);

#[test]
fn an_inquiry_is_answered_exactly_s3() {
    let answer = InquiryAnswer {
        t_xid: text("T1"),
        imid: text("IONPAYTEST"),
        reference_no: text("ORD1"),
        pay_method: text("03"),
        amt: text("10000"),
        req_dt: text("20180123"),
        req_tm: text("100505"),
        trans_dt: text("20180124"),
        trans_tm: text("110606"),
        deposit_dt: text("20180124"),
        deposit_tm: text("110606"),
        currency: text("IDR"),
        goods_nm: text("Kopi"),
        billing_nm: text("Siti"),
        mitra_cd: text("INDO"),
        pay_no: text("112345678903"),
        pay_valid_dt: text("20180130"),
        pay_valid_tm: text("100505"),
        receipt_code: text("R1"),
        ..InquiryAnswer::found(StatusWords::Paid)
    };
    let expected = concat!(
        r#"{"resultCd":"0000","resultMsg":"paid","tXid":"T1","iMid":"IONPAYTEST","referenceNo":"ORD1","payMethod":"03","#,
        r#""amt":"10000","cancelAmt":null,"reqDt":"20180123","reqTm":"100505","transDt":"20180124","transTm":"110606","#,
        r#""depositDt":"20180124","depositTm":"110606","currency":"IDR","goodsNm":"Kopi","billingNm":"Siti","status":"0","#,
        r#""mitraCd":"INDO","payNo":"112345678903","payValidDt":"20180130","payValidTm":"100505","receiptCode":"R1","#
    );
    assert_eq!(answer.to_json(), format!("{expected}{NO_CARD}"));
    assert_eq!(InquiryAnswer::parse(answer.to_json().as_bytes()).unwrap(), answer);
}

#[test]
fn a_refused_inquiry_has_the_same_keys_s27() {
    let expected = concat!(
        r#"{"resultCd":"9010","resultMsg":"No.","tXid":"T1","iMid":"IONPAYTEST","referenceNo":"ORD1","payMethod":null,"#,
        r#""amt":"10000","cancelAmt":null,"reqDt":null,"reqTm":null,"transDt":null,"transTm":null,"depositDt":null,"#,
        r#""depositTm":null,"currency":null,"goodsNm":null,"billingNm":null,"status":null,"mitraCd":null,"payNo":null,"#,
        r#""payValidDt":null,"payValidTm":null,"receiptCode":null,"#
    );
    let inquiry_echo = Echo { pay_method: None, ..echo() };
    assert_eq!(InquiryAnswer::refused(&failure(), &inquiry_echo).to_json(), format!("{expected}{NO_CARD}"));
}

#[test]
fn an_inquirys_status_stands_in_words_and_as_its_number_s3() {
    for (words, message, status) in [
        (StatusWords::Paid, "paid", "0"),
        (StatusWords::Unpaid, "unpaid", "3"),
        (StatusWords::Expired, "expired", "4"),
        (StatusWords::Cancelled, "cancelled", "4"),
        (StatusWords::Returned, "returned", "4"),
        (StatusWords::ReadyToCommit, "ready to commit", "5"),
        (StatusWords::Init, "init", "9"),
    ] {
        let answer = InquiryAnswer::found(words);
        assert_eq!((answer.result_cd.as_str(), answer.result_msg.as_str()), ("0000", message));
        assert_eq!(answer.status.as_deref(), Some(status));
    }
}

#[test]
fn a_cancel_is_answered_exactly_s4() {
    let answer = CancelAnswer {
        t_xid: text("T1"),
        reference_no: text("ORD1"),
        trans_dt: text("20180124"),
        trans_tm: text("110606"),
        amt: text("10000"),
        cancel_t_xid: text("T2"),
        ..CancelAnswer::succeeded()
    };
    assert_eq!(
        answer.to_json(),
        concat!(
            r#"{"resultCd":"0000","resultMsg":"SUCCESS","tXid":"T1","referenceNo":"ORD1","transDt":"20180124","#,
            r#""transTm":"110606","description":null,"amt":"10000","canceltXid":"T2"}"#
        )
    );
    assert_eq!(CancelAnswer::parse(answer.to_json().as_bytes()).unwrap(), answer);
    assert_eq!(
        CancelAnswer::refused(&failure(), &echo()).to_json(),
        concat!(
            r#"{"resultCd":"9010","resultMsg":"No.","tXid":"T1","referenceNo":"ORD1","transDt":null,"transTm":null,"#,
            r#""description":null,"amt":"10000","canceltXid":null}"#
        )
    );
}

#[test]
fn what_is_no_call_is_answered_with_the_two_fields_s27() {
    assert_eq!(BareAnswer::refused(&failure()).to_json(), r#"{"resultCd":"9010","resultMsg":"No."}"#);
    assert!(
        BareAnswer::from(ResultCode::Busy)
            .to_json()
            .starts_with(r#"{"resultCd":"9002","resultMsg":"The gateway is busy"#)
    );
}

#[test]
fn a_client_reads_answers_tolerantly_s3() {
    let body = "\u{feff} {\"resultMsg\":null,\"amt\":10000,\"status\":3,\"payNo\":\"\",\"new\":[[{}]],\"cardNo\":\"1\",\
                \"tXid\":null,\"goodsNm\":[1,[2]],\"billingNm\":{\"a\":{}},\"mitraCd\":true,\"cancelAmt\":-1.5,\"resultCd\":\"0000\"}";
    let expected = InquiryAnswer {
        result_msg: String::new(),
        amt: text("10000"),
        status: text("3"),
        cancel_amt: text("-1.5"),
        ..InquiryAnswer::succeeded()
    };
    assert_eq!(InquiryAnswer::parse(body.as_bytes()).unwrap(), expected);
    for wrong in [
        "",
        "[]",
        "[\"0000\",\"SUCCESS\"]",
        "{}",
        r#"{"resultCd":null}"#,
        r#"{"resultCd":""}"#,
        "<html>",
        r#"{"resultCd":"0000"}x"#,
    ] {
        assert!(InquiryAnswer::parse(wrong.as_bytes()).is_err(), "{wrong}");
        assert!(BareAnswer::parse(wrong.as_bytes()).is_err(), "{wrong}");
    }
    let deep = format!("{{\"resultCd\":\"9002\",\"x\":{0},\"amt\":{0}}}", "[".repeat(100_000) + &"]".repeat(100_000));
    assert_eq!(InquiryAnswer::parse(deep.as_bytes()).unwrap().code(), Some(ResultCode::Busy));
    assert_eq!(BareAnswer::parse(br#"{"resultCd":"1234"}"#).unwrap().code(), None);
}
