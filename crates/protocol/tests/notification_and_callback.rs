//! The notification (S2, S13) and the callback (S2, S20): exact on output, tolerant on input, strict about repeated fields.

mod samples;

use gerai_protocol::{
    Callback, MatchCl, MitraCd, NOTIFICATION_MAX_BYTES, Notification, NotificationStatus, PayMethod, ResultCode,
    notification_token,
};
use samples::key;

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn notification() -> Notification {
    Notification {
        t_xid: "T1".to_owned(),
        merchant_token: notification_token("IONPAYTEST", "T1", "10000", &key()),
        reference_no: "ORD/1".to_owned(),
        pay_method: PayMethod::Cvs,
        amt: "10000".to_owned(),
        trans_dt: "20180124".to_owned(),
        trans_tm: "110606".to_owned(),
        currency: "IDR".to_owned(),
        goods_nm: "Kopi & teh = é+".to_owned(),
        billing_nm: "Siti N".to_owned(),
        match_cl: MatchCl::Match,
        status: NotificationStatus::Deposit,
        mitra_cd: Some(MitraCd::Alma),
        pay_no: text("112345678903"),
        pay_valid_dt: text("20180130"),
        pay_valid_tm: text("100505"),
        receipt_code: text("R1"),
        deposit_dt: text("20180124"),
        deposit_tm: text("110606"),
        instmnt_type: None,
        instmnt_mon: None,
        m_ref_no: None,
    }
}

#[test]
fn a_notification_is_written_exactly_s13() {
    // SHA-256 of `IONPAYTEST`, `T1`, `10000` and the key, made with another program.
    let token = "633aaa669179352d230e61282ee7b695e5798c183be11414d8c75a28be3a7a5b";
    assert_eq!(
        notification().to_form("IONPAYTEST", &key()),
        format!(
            "tXid=T1&merchantToken={token}&referenceNo=ORD%2F1&payMethod=03&amt=10000&transDt=20180124&transTm=110606\
             &currency=IDR&goodsNm=Kopi+%26+teh+%3D+%C3%A9%2B&billingNm=Siti+N&matchCl=1&status=0&mitraCd=ALMA\
             &payNo=112345678903&payValidDt=20180130&payValidTm=100505&receiptCode=R1&depositDt=20180124\
             &depositTm=110606&instmntType=&instmntMon=&mRefNo="
        )
    );
}

#[test]
fn a_notification_is_read_back_and_its_token_checked_s24() {
    let form = notification().to_form("IONPAYTEST", &key());
    let read = Notification::parse(form.as_bytes()).unwrap();
    assert!(read == notification());
    assert!(read.token_is_right("IONPAYTEST", &key()));
    assert!(!read.token_is_right("IONPAYTESX", &key()));
    for (from, to) in [("tXid=T1", "tXid=T2"), ("amt=10000", "amt=10001")] {
        assert!(!Notification::parse(form.replace(from, to).as_bytes()).unwrap().token_is_right("IONPAYTEST", &key()));
    }
}

#[test]
fn the_token_does_not_cover_the_status_so_merchants_ask_s29_s30() {
    let form = notification().to_form("IONPAYTEST", &key()).replace("status=0", "status=1");
    let flipped = Notification::parse(form.as_bytes()).unwrap();
    assert_eq!(flipped.status, NotificationStatus::Reversal);
    assert!(flipped.token_is_right("IONPAYTEST", &key()));
}

#[test]
fn a_notification_is_read_tolerantly_and_within_bounds_s13() {
    let least = "tXid=T1&merchantToken=x&referenceNo=O&payMethod=03&amt=1&transDt=20180124&transTm=110606&status=0";
    let read = Notification::parse(least.as_bytes()).unwrap();
    assert_eq!((read.match_cl, read.mitra_cd, read.pay_no.as_deref()), (MatchCl::Match, None, None));
    assert!(Notification::parse(format!("{least}&new=1&new=2&=&&mitraCd=").as_bytes()).is_ok());

    let padded = |length: usize| format!("{least}&pad={}", "x".repeat(length - least.len() - 5));
    assert!(Notification::parse(padded(NOTIFICATION_MAX_BYTES).as_bytes()).is_ok());
    assert!(Notification::parse(padded(NOTIFICATION_MAX_BYTES + 1).as_bytes()).is_err());

    for name in ["tXid", "merchantToken", "referenceNo", "payMethod", "amt", "transDt", "transTm", "status"] {
        let without = least.replacen(&format!("{name}="), "z=", 1);
        let failure = Notification::parse(without.as_bytes()).unwrap_err();
        assert_eq!(failure.code, ResultCode::Malformed);
        assert!(failure.message.contains(&format!("`{name}`")), "{failure}");
        let twice = Notification::parse(format!("{least}&{name}=0").as_bytes()).unwrap_err();
        assert!(twice.message.contains(&format!("`{name}`")), "{twice}");
    }
    for (from, to) in [
        ("status=0", "status=2"),
        ("payMethod=03", "payMethod=3"),
        ("tXid=T1", "tXid=T%00"),
        ("amt=1", "mitraCd=X&amt=1"),
    ] {
        assert!(Notification::parse(least.replace(from, to).as_bytes()).is_err(), "{to}");
    }
    for nothing in [&b""[..], b"{}", b"\xff\xfe", b"%", b"%zz=%"] {
        assert!(Notification::parse(nothing).is_err());
    }
}

#[test]
fn a_notification_in_a_log_shows_nothing_of_the_buyer() {
    let shown = format!("{:?}", notification());
    assert!(shown.contains("T1") && !shown.contains("Siti") && !shown.contains(&notification().merchant_token));
}

fn callback() -> Callback {
    Callback {
        result_cd: "0000".to_owned(),
        result_msg: "SUCCESS".to_owned(),
        t_xid: "T1".to_owned(),
        reference_no: "ORD 1&2".to_owned(),
        pay_method: Some(PayMethod::Cvs),
        amt: "10000".to_owned(),
        currency: "IDR".to_owned(),
        pay_no: text("112345678903"),
        mitra_cd: Some(MitraCd::Indo),
        trans_dt: text("20180123"),
        trans_tm: text("100505"),
        pay_valid_dt: None,
        pay_valid_tm: None,
    }
}

const QUERY: &str = "resultCd=0000&resultMsg=SUCCESS&tXid=T1&referenceNo=ORD+1%262&payMethod=03&amt=10000&currency=IDR\
                     &payNo=112345678903&mitraCd=INDO&transDt=20180123&transTm=100505&payValidDt=&payValidTm=";

#[test]
fn a_callbacks_query_is_written_exactly_and_read_back_s2() {
    assert_eq!(callback().to_query(), QUERY);
    assert_eq!(Callback::parse(QUERY), Ok(callback()));
    assert_eq!(Callback::parse(&format!("?order=7&{QUERY}&order=8")), Ok(callback()));
    for wrong in [
        "",
        "resultCd=0000",
        "tXid=T1",
        "resultCd=0000&tXid=T1&tXid=T2",
        "resultCd=0000&tXid=T1&mitraCd=X",
        "resultCd=0000&tXid=%0a",
    ] {
        assert_eq!(Callback::parse(wrong).unwrap_err().code, ResultCode::Malformed, "{wrong}");
    }
}

#[test]
fn a_callback_keeps_the_shops_own_address_s2() {
    for (shop, start, end) in [
        ("https://toko.example/back", "https://toko.example/back?", ""),
        ("https://toko.example", "https://toko.example?", ""),
        ("https://toko.example/back?", "https://toko.example/back?", ""),
        ("https://toko.example/?a=b%20c", "https://toko.example/?a=b%20c&", ""),
        ("https://toko.example/?a=b&", "https://toko.example/?a=b&", ""),
        ("https://toko.example/#/done?x", "https://toko.example/?", "#/done?x"),
        ("https://toko.example/?a=b#c", "https://toko.example/?a=b&", "#c"),
        ("https://toko.example/é x", "https://toko.example/%C3%A9%20x?", ""),
        ("https://toko.example/\r\nSet-Cookie: a#\nb", "https://toko.example/%0D%0ASet-Cookie:%20a?", "#%0Ab"),
        (" https://toko.example/ ", "https://toko.example/?", ""),
    ] {
        assert_eq!(callback().append_to(shop), format!("{start}{QUERY}{end}"), "{shop}");
    }
}
