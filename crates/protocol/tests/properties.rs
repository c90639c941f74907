//! What holds for every input: nothing panics, both sides read what the other writes, and two requests have the same
//! fingerprint just when they say the same.

#![allow(clippy::unwrap_used)]

mod samples;

use gerai_protocol::{
    Callback, CancelAnswer, CancelRequest, DirectAnswer, InquiryRequest, Kind, MatchCl, MitraCd, Notification,
    NotificationStatus, ParseFailure, PayMethod, RegistrationRequest, check_cart, token_matches,
};
use proptest::option;
use proptest::prelude::{Just, Strategy, any, prop, prop_assert, prop_assert_eq, prop_compose, prop_oneof, proptest};
use samples::{bytes, key, registration, with};
use serde_json::{Map, Value, json};

/// Free text of 1 to `max` characters, none of them a control character.
fn text(max: usize) -> impl Strategy<Value = String> {
    // Not filtered: with many fields and many cases that would reject too often.
    let printable = any::<char>().prop_map(|char| if char.is_control() { '\u{fffd}' } else { char });
    prop::collection::vec(printable, 1..=max).prop_map(String::from_iter)
}

fn digits(length: std::ops::RangeInclusive<usize>) -> impl Strategy<Value = String> {
    prop::collection::vec(prop::char::range('0', '9'), length).prop_map(String::from_iter)
}

fn address() -> impl Strategy<Value = String> {
    ("[a-z]{1,20}", "[ -\\[\\]-~é]{0,100}").prop_map(|(host, path)| format!("https://{host}.example/{path}"))
}

fn mitra_cd() -> impl Strategy<Value = MitraCd> {
    prop::sample::select(MitraCd::ALL)
}

fn deadline() -> impl Strategy<Value = (Option<String>, Option<String>)> {
    let date = (1..=9999, 1..=12, 1..=28).prop_map(|(year, month, day)| format!("{year:04}{month:02}{day:02}"));
    let time = (0..24, 0..60, 0..60).prop_map(|(hour, minute, second)| format!("{hour:02}{minute:02}{second:02}"));
    option::of((date, option::of(time))).prop_map(|deadline| match deadline {
        Some((date, time)) => (Some(date), time),
        None => (None, None),
    })
}

prop_compose! {
    fn request()(
        kind in prop::sample::select(samples::KINDS.as_slice()),
        cvs in any::<bool>(),
        (time_stamp, without_time_stamp) in (digits(14..=14), any::<bool>()),
        (imid, amt, reference_no, goods_nm) in (text(10), digits(1..=12), text(40), text(100)),
        (billing_nm, billing_phone, billing_email, billing_addr) in (text(100), text(15), text(40), text(100)),
        (billing_city, billing_state, billing_post_cd, billing_country) in (text(50), text(50), text(10), text(10)),
        (without_addr, cart_data, mitra, without_mitra) in (any::<bool>(), text(200), mitra_cd(), any::<bool>()),
        (pay_valid_dt, pay_valid_tm) in deadline(),
        (db_process_url, call_back_url) in (address(), address()),
        (user_ip, description, delivery_nm, delivery_phone) in (option::of(text(45)), option::of(text(1000)), option::of(text(255)), option::of(text(255))),
        (delivery_addr, delivery_city, delivery_state) in (option::of(text(255)), option::of(text(255)), option::of(text(255))),
        (delivery_post_cd, delivery_country) in (option::of(text(255)), option::of(text(255))),
        (vat, fee, notax_amt) in (option::of(text(255)), option::of(text(255)), option::of(text(255))),
    ) -> RegistrationRequest {
        let redirect = kind == Kind::Redirect;
        let mut request = RegistrationRequest {
            time_stamp: (!(redirect && without_time_stamp)).then_some(time_stamp),
            imid, amt, reference_no, goods_nm, billing_nm, billing_phone, billing_email,
            billing_addr: (!(redirect && without_addr)).then_some(billing_addr),
            billing_city, billing_state, billing_post_cd, billing_country,
            cart_data: (redirect || without_addr).then_some(cart_data),
            mitra_cd: (!(redirect && without_mitra)).then_some(mitra),
            pay_valid_dt, pay_valid_tm, db_process_url,
            call_back_url: redirect.then_some(call_back_url),
            user_ip, description, delivery_nm, delivery_phone, delivery_addr, delivery_city, delivery_state,
            delivery_post_cd, delivery_country, vat, fee, notax_amt,
            ..RegistrationRequest::new(kind)
        };
        if redirect && cvs {
            request.pay_method = PayMethod::Cvs;
        }
        request.merchant_token = request.expected_token(&key());
        request
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[0-9]{0,16}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..6).prop_map(|map| Value::from(Map::from_iter(map))),
        ]
    })
}

/// The names whose values decide something, to change at random.
fn field() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
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
        "sellers",
        "reqDt",
        "tXid",
        "cancelType",
        "cancelMsg",
        "unknown",
    ])
}

fn parse_everything(body: &[u8]) {
    for kind in samples::KINDS {
        if let Err(ParseFailure::Refused { failure, echo }) = RegistrationRequest::parse(kind, body) {
            let answer = DirectAnswer::refused(&failure, &echo).to_json();
            assert!(serde_json::from_str::<Value>(&answer).is_ok());
        }
    }
    drop(InquiryRequest::parse(body));
    if let Err(ParseFailure::Refused { failure, echo }) = CancelRequest::parse(body) {
        assert!(CancelAnswer::parse(CancelAnswer::refused(&failure, &echo).to_json().as_bytes()).is_ok());
    }
    drop(Notification::parse(body));
    drop(DirectAnswer::parse(body));
    if let Ok(text) = std::str::from_utf8(body) {
        drop(Callback::parse(text));
        drop(check_cart(text, 1));
        assert!(token_matches(text, text));
    }
}

proptest! {
    #![proptest_config(proptest::test_runner::Config { failure_persistence: None, ..Default::default() })]

    #[test]
    fn no_bytes_make_a_parser_panic_s27(body in prop::collection::vec(any::<u8>(), 0..400)) {
        parse_everything(&body);
    }

    #[test]
    fn no_json_makes_a_parser_panic_s27(body in any_json()) {
        parse_everything(body.to_string().as_bytes());
    }

    #[test]
    fn no_values_in_known_fields_make_a_parser_panic_s27(
        kind in prop::sample::select(samples::KINDS.as_slice()),
        changes in prop::collection::vec((field(), any_json()), 1..5),
    ) {
        let body = changes.into_iter().fold(registration(kind), |body, (field, value)| with(&body, field, value));
        parse_everything(&bytes(&body));
    }

    #[test]
    fn half_a_body_or_one_changed_byte_makes_no_parser_panic_s27(cut in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut body = bytes(&registration(Kind::Direct));
        let position = cut.index(body.len());
        parse_everything(&body[..position]);
        body[position] = byte;
        parse_everything(&body);
    }

    #[test]
    fn a_gateway_reads_the_registration_that_a_client_writes_s1(request in request()) {
        let read = RegistrationRequest::parse(request.kind, request.to_json(&key()).as_bytes()).unwrap();
        prop_assert!(read.token_is_right(&key()));
        prop_assert_eq!(read.fingerprint(), request.fingerprint());
        prop_assert!(read == request, "{:?} {:?}", read, request);
    }

    #[test]
    fn a_gateway_reads_the_inquiry_and_the_cancel_that_a_client_writes_s3_s4(
        (time_stamp, t_xid, imid, amt, reference_no) in (digits(14..=14), text(30), text(10), digits(1..=12), text(40)),
        (optional, cancel_msg, any_method) in (option::of(text(40)), option::of(text(255)), any::<bool>()),
    ) {
        let mut inquiry = InquiryRequest {
            time_stamp, t_xid, imid, amt, reference_no, merchant_token: String::new(),
        };
        inquiry.merchant_token = inquiry.expected_token(&key());
        prop_assert_eq!(&InquiryRequest::parse(inquiry.to_json(&key()).as_bytes()).unwrap(), &inquiry);
        prop_assert!(inquiry.token_is_right(&key()));

        let InquiryRequest { time_stamp, t_xid, imid, amt, .. } = inquiry;
        let mut cancel = CancelRequest {
            time_stamp, t_xid, imid, amt, reference_no: optional, cancel_msg,
            pay_method: if any_method { PayMethod::Any } else { PayMethod::Cvs },
            merchant_token: String::new(),
        };
        cancel.merchant_token = cancel.expected_token(&key());
        prop_assert_eq!(&CancelRequest::parse(cancel.to_json(&key()).as_bytes()).unwrap(), &cancel);
        prop_assert!(cancel.token_is_right(&key()));
    }

    #[test]
    fn a_client_reads_the_answer_that_a_gateway_writes_s6(
        values in prop::collection::vec(option::of(text(50)), 14),
        (result_cd, result_msg) in (digits(4..=4), text(80)),
    ) {
        let mut values = values.into_iter();
        let mut next = || values.next().unwrap();
        let answer = DirectAnswer {
            t_xid: next(), reference_no: next(), pay_method: next(), amt: next(), currency: next(), goods_nm: next(),
            billing_nm: next(), trans_dt: next(), trans_tm: next(), description: next(), mitra_cd: next(), pay_no: next(),
            pay_valid_dt: next(), pay_valid_tm: next(), result_cd, result_msg, ..DirectAnswer::succeeded()
        };
        prop_assert_eq!(DirectAnswer::parse(answer.to_json().as_bytes()).unwrap(), answer);
    }

    #[test]
    fn a_client_reads_the_notification_that_a_gateway_writes_s13(
        (t_xid, reference_no, amt, goods_nm, billing_nm) in (text(30), text(40), digits(1..=12), text(100), text(100)),
        (deposit, match_cl, mitra) in (any::<bool>(), prop::sample::select(MatchCl::ALL), option::of(mitra_cd())),
        optional in prop::collection::vec(option::of(text(40)), 9),
    ) {
        let mut optional = optional.into_iter();
        let mut next = || optional.next().unwrap();
        let mut notification = Notification {
            t_xid, reference_no, amt, goods_nm, billing_nm, match_cl,
            merchant_token: String::new(),
            pay_method: PayMethod::Cvs,
            trans_dt: "20180124".to_owned(),
            trans_tm: "110606".to_owned(),
            currency: "IDR".to_owned(),
            status: if deposit { NotificationStatus::Deposit } else { NotificationStatus::Reversal },
            mitra_cd: mitra,
            pay_no: next(), pay_valid_dt: next(), pay_valid_tm: next(), receipt_code: next(), deposit_dt: next(),
            deposit_tm: next(), instmnt_type: next(), instmnt_mon: next(), m_ref_no: next(),
        };
        notification.merchant_token = notification.expected_token("IONPAYTEST", &key());
        let read = Notification::parse(notification.to_form("IONPAYTEST", &key()).as_bytes()).unwrap();
        prop_assert!(read.token_is_right("IONPAYTEST", &key()));
        prop_assert!(read == notification);
    }

    #[test]
    fn a_client_reads_the_callback_that_a_gateway_sends_s20(
        texts in prop::collection::vec(text(40), 6),
        optional in prop::collection::vec(option::of(text(20)), 5),
        (shop, mitra) in (address(), option::of(mitra_cd())),
    ) {
        let (mut texts, mut optional) = (texts.into_iter(), optional.into_iter());
        let mut text = || texts.next().unwrap();
        let mut next = || optional.next().unwrap();
        let callback = Callback {
            result_cd: text(), result_msg: text(), t_xid: text(), reference_no: text(), amt: text(), currency: text(),
            pay_method: Some(PayMethod::Cvs), mitra_cd: mitra, pay_no: next(), trans_dt: next(), trans_tm: next(),
            pay_valid_dt: next(), pay_valid_tm: next(),
        };
        prop_assert_eq!(&Callback::parse(&callback.to_query()).unwrap(), &callback);

        let location = callback.append_to(&shop);
        prop_assert!(location.bytes().all(|byte| byte.is_ascii_graphic()));
        let location = url::Url::parse(&location).unwrap();
        let shop = url::Url::parse(&shop).unwrap();
        prop_assert_eq!((location.origin(), location.path()), (shop.origin(), shop.path()));
        prop_assert_eq!(location.fragment().is_some(), shop.fragment().is_some());
        prop_assert!(location.query().unwrap().ends_with(&callback.to_query()));
    }

    #[test]
    fn two_requests_have_the_same_fingerprint_just_when_they_say_the_same(
        kind in prop::sample::select(samples::KINDS.as_slice()),
        field in prop::sample::select(vec!["goodsNm", "billingNm", "description", "deliveryNm", "sellers", "reqDt", "mbFee"]),
        (one, two) in (text(30), text(30)),
    ) {
        let fingerprint = |value: &str| {
            let body = with(&registration(kind), field, json!(value));
            samples::register(kind, &body).unwrap().fingerprint()
        };
        prop_assert_eq!(fingerprint(&one), fingerprint(&one));
        prop_assert_eq!(fingerprint(&one) == fingerprint(&two), one == two);
    }

    #[test]
    fn the_order_and_spacing_of_a_body_change_nothing(seed in any::<u64>()) {
        let body = registration(Kind::Redirect);
        let mut fields: Vec<_> = body.iter().collect();
        fields.sort_by_key(|(name, _)| name.bytes().fold(seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)));
        let shuffled: Vec<String> = fields.iter().map(|(name, value)| format!("\n\t\"{name}\" : {value} ")).collect();
        let shuffled = format!("{{{}}}", shuffled.join(","));
        let read = RegistrationRequest::parse(Kind::Redirect, shuffled.as_bytes()).unwrap();
        let expected = samples::register(Kind::Redirect, &body).unwrap();
        prop_assert_eq!(read.fingerprint(), expected.fingerprint());
        prop_assert!(read == expected);
    }
}

#[test]
fn deep_json_overflows_no_stack_s27() {
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let objects = "{\"a\":".repeat(100_000) + "1" + &"}".repeat(100_000);
    for kind in samples::KINDS {
        let text = String::from_utf8(bytes(&registration(kind))).unwrap();
        for nested in [&deep, &objects] {
            for accepted in ["unknown", "sellers"] {
                let body = text.replacen('{', &format!("{{\"{accepted}\":{nested},"), 1);
                assert!(RegistrationRequest::parse(kind, body.as_bytes()).is_ok(), "{accepted}");
            }
            for (refused, expected) in [("description", "9001"), ("payValidDt", "9510"), ("userIP", "9001")] {
                let body = text.replacen('{', &format!("{{\"{refused}\":{nested},"), 1);
                assert_eq!(samples::code(RegistrationRequest::parse(kind, body.as_bytes())), expected);
            }
            let cart = text.replace("\"cartData\":\"{}\"", &format!("\"cartData\":{nested}"));
            assert_eq!(samples::code(RegistrationRequest::parse(kind, cart.as_bytes())), "9001", "too long");
        }
        // Never closed, and nothing but brackets.
        let open = text.replacen('{', &format!("{{\"unknown\":{},", "[".repeat(100_000)), 1);
        for body in [open.as_str(), &deep, &"[".repeat(100_000), &"{\"a\":".repeat(100_000)] {
            assert!(matches!(RegistrationRequest::parse(kind, body.as_bytes()), Err(ParseFailure::NotAnObject(_))));
        }
    }
}

#[test]
fn a_body_of_64_kib_is_read_s27() {
    let size = 64 * 1024;
    let text = String::from_utf8(bytes(&registration(Kind::Direct))).unwrap();
    let filled = |start: &str, unit: &str, end: &str| {
        let room = size - text.len() - start.len() - end.len();
        let fill = unit.repeat(room / unit.len()) + &" ".repeat(room % unit.len());
        let body = text.replacen('{', &format!("{{{start}{fill}{end}"), 1);
        assert_eq!(body.len(), size);
        RegistrationRequest::parse(Kind::Direct, body.as_bytes())
    };
    assert!(filled("\"unknown\":\"", "x", "\",").is_ok());
    assert!(filled("\"unknown\":\"", "\\u00e9", "\",").is_ok());
    assert!(filled("\"sellers\":\"", "\\n", "\",").is_ok());
    assert!(filled("", "\"x\":1,", "").is_ok());
    assert!(filled("", " ", "").is_ok());
    assert_eq!(samples::code(filled("\"description\":\"", "\\u00e9", "\",")), "9001");
    assert!(samples::refused(filled("\"vat\":1,", "\"vat\":1,", "")).1.contains("`vat`"));
}
