//! The registration request (S1, S6, S27): which code each missing or malformed field gets, which of several errors wins,
//! what a refusal echoes, and what makes two requests the same.

mod samples;

use gerai_protocol::{Kind, MitraCd, ParseFailure, PayMethod, RegistrationRequest};
use samples::{KINDS, bytes, code, key, refused, register, registration, with};
use serde_json::{Value, json};

/// Field, greatest length, code when missing (Direct, Redirect; `""` where it is optional), code when too long.
const FIELDS: [(&str, usize, &str, &str, &str); 34] = [
    ("timeStamp", 14, "9031", "", "9031"),
    ("iMid", 10, "9011", "9011", "9011"),
    ("payMethod", 2, "9012", "9012", "9012"),
    ("currency", 3, "9013", "9013", "9013"),
    ("amt", 12, "9007", "9007", "9008"),
    ("referenceNo", 40, "9014", "9014", "9507"),
    ("goodsNm", 100, "9015", "9015", "9001"),
    ("billingNm", 100, "9016", "9016", "9001"),
    ("billingPhone", 15, "9017", "9017", "9001"),
    ("billingEmail", 40, "9018", "9018", "9001"),
    ("billingAddr", 100, "9030", "", "9001"),
    ("billingCity", 50, "9025", "9025", "9001"),
    ("billingState", 50, "9026", "9026", "9001"),
    ("billingPostCd", 10, "9027", "9027", "9001"),
    ("billingCountry", 10, "9028", "9028", "9001"),
    ("cartData", 4000, "", "9022", "9001"),
    ("mitraCd", 4, "9505", "", "9505"),
    ("dbProcessUrl", 255, "9020", "9020", "9001"),
    ("callBackUrl", 255, "", "9019", "9001"),
    ("merchantToken", 255, "9010", "9010", "9010"),
    ("payValidDt", 8, "", "", "9511"),
    ("payValidTm", 6, "", "", "9511"),
    ("userIP", 45, "", "", "9001"),
    ("description", 1000, "", "", "9001"),
    ("deliveryNm", 255, "", "", "9001"),
    ("deliveryPhone", 255, "", "", "9001"),
    ("deliveryAddr", 255, "", "", "9001"),
    ("deliveryCity", 255, "", "", "9001"),
    ("deliveryState", 255, "", "", "9001"),
    ("deliveryPostCd", 255, "", "", "9001"),
    ("deliveryCountry", 255, "", "", "9001"),
    ("vat", 255, "", "", "9001"),
    ("fee", 255, "", "", "9001"),
    ("notaxAmt", 255, "", "", "9001"),
];

const NOT_KEPT: [&str; 24] = [
    "reqDt",
    "reqTm",
    "reqDomain",
    "reqServerIP",
    "reqClientVer",
    "userSessionID",
    "userAgent",
    "userLanguage",
    "instmntType",
    "instmntMon",
    "recurrOpt",
    "bankCd",
    "vacctValidDt",
    "vacctValidTm",
    "paymentExpDt",
    "paymentExpTm",
    "merFixAcctId",
    "sellers",
    "shopId",
    "msId",
    "msFee",
    "msFeeType",
    "mbFee",
    "mbFeeType",
];

/// Free texts: whose content nothing but the length and control characters decides.
const FREE: [&str; 19] = [
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
    "userIP",
    "description",
    "deliveryNm",
    "deliveryPhone",
    "deliveryAddr",
    "deliveryCity",
    "deliveryState",
    "deliveryPostCd",
    "deliveryCountry",
];

fn missing(kind: Kind, row: &(&str, usize, &'static str, &'static str, &str)) -> &'static str {
    match kind {
        Kind::Direct => row.2,
        Kind::Redirect => row.3,
    }
}

#[test]
fn a_right_request_is_read_field_by_field_s1() {
    let request = register(Kind::Redirect, &registration(Kind::Redirect)).unwrap();
    assert_eq!(request.pay_method, PayMethod::Any);
    assert_eq!(request.billing_phone, "+62 811-1234");
    assert_eq!(request.billing_post_cd, "SW1A 1AA");
    assert_eq!(request.goods_nm, "Kopi & teh");
    assert_eq!(request.mitra_cd, Some(MitraCd::Alma));
    assert_eq!(request.call_back_url.as_deref(), Some("https://toko.example/back"));
    assert_eq!(register(Kind::Direct, &registration(Kind::Direct)).unwrap().call_back_url, None);
}

#[test]
fn each_missing_field_has_its_code_whether_null_empty_or_absent_s27() {
    for kind in KINDS {
        for row in &FIELDS {
            for value in [None, Some(Value::Null), Some(json!(""))] {
                let outcome = register(kind, &with(&registration(kind), row.0, value.clone()));
                match missing(kind, row) {
                    "" => assert!(outcome.is_ok(), "{kind:?} {} {value:?}: {outcome:?}", row.0),
                    expected => {
                        let (number, message, _) = refused(outcome);
                        assert_eq!(number, expected, "{kind:?} {} {value:?}", row.0);
                        assert!(message.contains(&format!("`{}`", row.0)), "{message}");
                    }
                }
            }
        }
    }
}

#[test]
fn the_first_missing_field_wins_s27() {
    // From the last field to the first, each one taken away as well: its code is then the answer.
    for kind in KINDS {
        let mut body = registration(kind);
        let mut looked_at = 0;
        for row in FIELDS.iter().rev() {
            body.remove(row.0);
            let expected = missing(kind, row);
            if !expected.is_empty() {
                assert_eq!(code(register(kind, &body)), expected, "{kind:?} {}", row.0);
                looked_at += 1;
            }
        }
        assert_eq!(looked_at, if kind == Kind::Direct { 18 } else { 17 });
    }
}

#[test]
fn an_earlier_malformed_field_wins_over_a_later_missing_one_s27() {
    for kind in KINDS {
        let order: Vec<_> = FIELDS.iter().filter(|row| !missing(kind, row).is_empty()).collect();
        for pair in order.windows(2) {
            let long = json!("1".repeat(5000));
            let body = with(&with(&registration(kind), pair[0].0, long.clone()), pair[1].0, None);
            assert_eq!(code(register(kind, &body)), pair[0].4, "{kind:?} {}", pair[0].0);
            let body = with(&with(&registration(kind), pair[1].0, long), pair[0].0, None);
            assert_eq!(code(register(kind, &body)), missing(kind, pair[0]), "{kind:?} {}", pair[0].0);
        }
    }
}

#[test]
fn a_text_may_have_its_greatest_length_in_characters_and_no_more_s27() {
    for kind in KINDS {
        for (field, max, _, _, too_long) in FIELDS {
            if FREE.contains(&field) {
                // Two bytes each: it is characters that count.
                let body = with(&registration(kind), field, json!("é".repeat(max)));
                assert!(register(kind, &body).is_ok(), "{kind:?} {field}");
            }
            let body = with(&registration(kind), "payValidDt", json!("20991231"));
            let outcome = register(kind, &with(&body, field, json!("1".repeat(max + 1))));
            if field == "callBackUrl" && kind == Kind::Direct {
                assert!(outcome.is_ok(), "a Direct's callBackUrl is ignored");
                continue;
            }
            let (number, message, _) = refused(outcome);
            assert_eq!(number, too_long, "{kind:?} {field}");
            assert!(message.contains(&format!("`{field}`")), "{message}");
        }
        let address = |length: usize| format!("https://toko.example/{:a<1$}", "", length - 21);
        for field in ["dbProcessUrl", "callBackUrl"] {
            assert!(register(kind, &with(&registration(kind), field, json!(address(255)))).is_ok());
        }
        assert_eq!(code(register(kind, &with(&registration(kind), "dbProcessUrl", json!(address(256))))), "9001");
    }
    let cart = format!("{{\"x\":\"{:é<1$}\"}}", "", 4000 - 8);
    assert_eq!(cart.chars().count(), 4000);
    assert!(register(Kind::Redirect, &with(&registration(Kind::Redirect), "cartData", json!(cart))).is_ok());
}

#[test]
fn control_characters_are_refused_and_everything_else_is_free_text_s27() {
    for kind in KINDS {
        for field in FREE {
            for free in ["Ñú & <b>", "' OR 1=1", "한국", "\u{200b}🛒", " ", "-"] {
                assert!(register(kind, &with(&registration(kind), field, json!(free))).is_ok(), "{field} {free}");
            }
            for control in ["\u{0}", "a\nb", "a\tb", "\r", "\u{7f}", "\u{85}", "\u{1b}[31m"] {
                let (number, message, _) = refused(register(kind, &with(&registration(kind), field, json!(control))));
                assert_eq!(number, "9001", "{field} {control:?}");
                assert!(message.contains(&format!("`{field}`")), "{message}");
            }
        }
    }
}

#[test]
fn a_field_that_is_no_text_has_its_own_code_s27() {
    let own = |field: &str| match field {
        "timeStamp" => "9031",
        "iMid" => "9011",
        "payMethod" => "9012",
        "currency" => "9013",
        "amt" => "9008",
        "mitraCd" => "9505",
        "dbProcessUrl" => "9020",
        "callBackUrl" => "9019",
        "merchantToken" => "9010",
        "payValidDt" | "payValidTm" => "9510",
        "cartData" => "9022",
        _ => "9001",
    };
    for kind in KINDS {
        for (field, ..) in FIELDS {
            for wrong in [json!(true), json!(false), json!([]), json!(["a"]), json!({}), json!({"a": null})] {
                let structured = wrong.is_array() || wrong.is_object();
                let outcome = register(kind, &with(&registration(kind), field, wrong.clone()));
                if (field == "cartData" && structured) || (field == "callBackUrl" && kind == Kind::Direct) {
                    assert!(outcome.is_ok(), "{kind:?} {field} {wrong}");
                } else {
                    assert_eq!(code(outcome), own(field), "{kind:?} {field} {wrong}");
                }
            }
        }
    }
}

#[test]
fn malformed_values_have_their_codes_s27() {
    let cases: &[(&str, &[&str], &str)] = &[
        (
            "timeStamp",
            &["2018012310050", "2018-01-23 100", "2018012310050a", "２０１８０１２３１００５０５", "+2018012310050"],
            "9031",
        ),
        ("payMethod", &["01", "02", "3", "O3", " 03", "CVS"], "9012"),
        ("currency", &["USD", "idr", "ID", "360"], "9013"),
        (
            "amt",
            &["10.000", "10,000", "-1", "+1", "1e4", "0x10", "10000.0", " 1", "1 ", "Rp1", "１０００", "1234567890123"],
            "9008",
        ),
        ("mitraCd", &["alma", "ALF", "INDM", "LAWS", "    "], "9505"),
        (
            "dbProcessUrl",
            &[
                "toko.example/n",
                "/n",
                "ftp://toko.example/",
                "http://",
                "https://a:b@toko.example/",
                "https://a@toko.example/",
                "http:/x",
                "javascript:alert(1)",
                "https://toko.example\\@x/",
                "https://x\n/",
            ],
            "9020",
        ),
        ("merchantToken", &["a\u{0}b"], "9010"),
        ("iMid", &["IONPAYTESTX", "ION\nPAY"], "9011"),
    ];
    for kind in KINDS {
        for (field, values, expected) in cases {
            for value in *values {
                assert_eq!(
                    code(register(kind, &with(&registration(kind), field, json!(value)))),
                    *expected,
                    "{field} {value}"
                );
            }
        }
    }
    for value in cases[5].1 {
        let redirect = with(&registration(Kind::Redirect), "callBackUrl", json!(value));
        assert_eq!(code(register(Kind::Redirect, &redirect)), "9019", "{value}");
        assert!(register(Kind::Direct, &with(&registration(Kind::Direct), "callBackUrl", json!(value))).is_ok());
    }
}

#[test]
fn each_call_has_its_payment_methods_s1() {
    for (kind, method, open) in [
        (Kind::Direct, "03", true),
        (Kind::Direct, "00", false),
        (Kind::Redirect, "03", true),
        (Kind::Redirect, "00", true),
    ] {
        let outcome = register(kind, &with(&registration(kind), "payMethod", json!(method)));
        if open {
            assert_eq!(outcome.unwrap().pay_method.as_str(), method);
        } else {
            assert_eq!(code(outcome), "9012");
        }
    }
}

#[test]
fn a_time_stamp_need_only_have_the_shape_s24() {
    for impossible in ["20221212101278", "99999999999999", "00000000000000"] {
        let body = with(&registration(Kind::Direct), "timeStamp", json!(impossible));
        assert_eq!(register(Kind::Direct, &body).unwrap().time_stamp.as_deref(), Some(impossible));
    }
}

#[test]
fn the_deadline_has_real_dates_and_times_s28() {
    let none = "";
    for (date, time, expected) in [
        ("20991231", "235959", "ok"),
        ("20991231", none, "ok"),
        ("20240229", "000000", "ok"),
        (none, "235959", "9511"),
        (none, "xx", "9511"),
        ("2099123", none, "9511"),
        ("209912310", none, "9511"),
        ("2099-12-31", none, "9511"),
        ("20991231", "2359", "9511"),
        ("20991231", "2359590", "9511"),
        ("20230229", none, "9510"),
        ("19000229", none, "9510"),
        ("20991301", none, "9510"),
        ("20990431", none, "9510"),
        ("2099123a", none, "9510"),
        ("٢٠٩٩١٢٣١", none, "9510"),
        ("20991231", "240000", "9510"),
        ("20991231", "236000", "9510"),
        ("20991231", "23595a", "9510"),
        ("20230229", "1", "9510"),
        ("2023022", "240000", "9511"),
    ] {
        for kind in KINDS {
            let body = with(&with(&registration(kind), "payValidDt", json!(date)), "payValidTm", json!(time));
            match expected {
                "ok" => {
                    let request = register(kind, &body).unwrap();
                    assert_eq!(request.pay_valid_dt.as_deref(), Some(date));
                    assert_eq!(request.pay_valid_tm.as_deref(), (!time.is_empty()).then_some(time));
                }
                expected => assert_eq!(code(register(kind, &body)), expected, "{date} {time}"),
            }
        }
    }
}

#[test]
fn the_older_name_of_the_alfa_group_is_read_s8() {
    let body = with(&registration(Kind::Direct), "mitraCd", json!("ALFA"));
    assert_eq!(register(Kind::Direct, &body).unwrap().mitra_cd, Some(MitraCd::Alma));
}

#[test]
fn a_cart_may_be_an_object_and_is_taken_as_it_stood_s1() {
    let text = String::from_utf8(bytes(&registration(Kind::Redirect))).unwrap();
    for cart in ["{}", "{ \"item\" : [ {\"goods_amt\":1e0} ] }", "{\r\n\t\"item\": []\n}", "[1]"] {
        let body = text.replace("\"cartData\":\"{}\"", &format!("\"cartData\":{cart}"));
        let request = RegistrationRequest::parse(Kind::Redirect, body.as_bytes()).unwrap();
        assert_eq!(request.cart_data.as_deref(), Some(cart));
        let quoted = with(&registration(Kind::Redirect), "cartData", json!(cart));
        assert_eq!(register(Kind::Redirect, &quoted).unwrap().cart_data.as_deref(), Some(cart));
    }
    let control = with(&registration(Kind::Redirect), "cartData", json!("{\u{0}}"));
    assert_eq!(code(register(Kind::Redirect, &control)), "9001");
}

#[test]
fn a_known_field_given_twice_is_refused_and_named_s27() {
    for kind in KINDS {
        let text = String::from_utf8(bytes(&registration(kind))).unwrap();
        for field in FIELDS.iter().map(|row| row.0).chain(NOT_KEPT) {
            for pair in [r#""F":1,"F":1"#, r#""F":null,"F":"""#, r#""F":[],"F":{}"#] {
                let body = with(&registration(kind), field, None);
                let text = String::from_utf8(bytes(&body)).unwrap();
                let text = format!("{{{},{}", pair.replace('F', field), &text[1..]);
                let (number, message, echo) = refused(RegistrationRequest::parse(kind, text.as_bytes()));
                assert_eq!(number, "9001", "{field}");
                assert!(message.contains(&format!("`{field}`")), "{message}");
                if field == "referenceNo" {
                    assert_eq!(echo.reference_no, None, "neither of two values is the one to echo");
                }
            }
        }
        // Written with an escape it is the same field.
        let text = text.replacen('{', r#"{"\u0061mt":1,"#, 1);
        assert!(refused(RegistrationRequest::parse(kind, text.as_bytes())).1.contains("`amt`"));
    }
    let text = String::from_utf8(bytes(&registration(Kind::Direct))).unwrap();
    let unknown = text.replacen('{', r#"{"x":1,"x":2,"Amt":"1","#, 1);
    assert!(RegistrationRequest::parse(Kind::Direct, unknown.as_bytes()).is_ok());
}

#[test]
fn known_fields_that_are_not_kept_may_hold_anything_s1() {
    for kind in KINDS {
        for field in NOT_KEPT {
            for value in
                [json!(true), json!([1, {"a": []}]), json!({}), json!("x".repeat(9000)), json!("\u{0}"), json!(1)]
            {
                assert!(register(kind, &with(&registration(kind), field, value)).is_ok(), "{field}");
            }
        }
    }
}

#[test]
fn what_is_no_object_is_told_apart_s27() {
    let right = bytes(&registration(Kind::Direct));
    let mut trailing = right.clone();
    trailing.push(b'x');
    for body in [&b"[]"[..], b"", b"null", b"\"{}\"", &trailing, &right[..right.len() - 1], b"\xff"] {
        let outcome = RegistrationRequest::parse(Kind::Direct, body);
        assert!(
            matches!(&outcome, Err(ParseFailure::NotAnObject(failure)) if failure.code.number() == "9001"),
            "{outcome:?}"
        );
    }
    let with_mark = [b"\xef\xbb\xbf".as_slice(), b" \r\n", &right, b"\n "].concat();
    assert!(RegistrationRequest::parse(Kind::Direct, &with_mark).is_ok());
}

#[test]
fn a_refusal_echoes_what_can_be_read_s27() {
    let mut body = with(&registration(Kind::Direct), "timeStamp", None);
    body.insert("description".to_owned(), json!("Pesanan"));
    let (_, _, echo) = refused(register(Kind::Direct, &body));
    assert_eq!(echo.t_xid, None);
    assert_eq!(echo.imid.as_deref(), Some("IONPAYTEST"));
    assert_eq!(echo.reference_no.as_deref(), Some("ORD12345"));
    assert_eq!(echo.pay_method.as_deref(), Some("03"));
    assert_eq!(echo.amt.as_deref(), Some("10000"));
    assert_eq!(echo.currency.as_deref(), Some("IDR"));
    assert_eq!(echo.goods_nm.as_deref(), Some("Kopi & teh"));
    assert_eq!(echo.billing_nm.as_deref(), Some("Siti Nurbaya"));
    assert_eq!(echo.description.as_deref(), Some("Pesanan"));
    assert_eq!(echo.mitra_cd.as_deref(), Some("ALMA"));
}

#[test]
fn a_refusal_echoes_nothing_overlong_or_with_control_characters_s27() {
    for (field, max) in [
        ("referenceNo", 40),
        ("goodsNm", 100),
        ("billingNm", 100),
        ("description", 1000),
        ("amt", 12),
        ("payMethod", 2),
    ] {
        for wrong in [json!("x".repeat(max + 1)), json!("\n"), json!([1]), json!(null)] {
            let body = with(&with(&registration(Kind::Direct), "timeStamp", None), field, wrong);
            let (_, _, echo) = refused(register(Kind::Direct, &body));
            let echoed = match field {
                "referenceNo" => echo.reference_no,
                "goodsNm" => echo.goods_nm,
                "billingNm" => echo.billing_nm,
                "description" => echo.description,
                "amt" => echo.amt,
                _ => echo.pay_method,
            };
            assert_eq!(echoed, None, "{field}");
        }
    }
}

#[test]
fn a_request_refused_later_echoes_the_same_s27() {
    let body = with(&registration(Kind::Direct), "description", json!("Pesanan"));
    let (_, _, while_reading) = refused(register(Kind::Direct, &with(&body, "merchantToken", None)));
    assert_eq!(register(Kind::Direct, &body).unwrap().echo(), while_reading);
}

#[test]
fn a_retry_has_the_same_fingerprint_and_any_other_content_another() {
    for kind in KINDS {
        let body = registration(kind);
        let first = register(kind, &body).unwrap().fingerprint();
        assert_eq!(register(kind, &with(&body, "unknown", json!("x"))).unwrap().fingerprint(), first);
        assert_eq!(register(kind, &with(&body, "mitraCd", json!("ALFA"))).unwrap().fingerprint(), first);
        assert_eq!(register(kind, &with(&body, "amt", json!(10000))).unwrap().fingerprint(), first);
        assert_eq!(register(kind, &with(&body, "merchantToken", json!("x"))).unwrap().fingerprint(), first);

        let other = |field: &str| match field {
            "timeStamp" => "20180123100506",
            "payMethod" => "03",
            "mitraCd" => "INDO",
            "dbProcessUrl" | "callBackUrl" => "https://toko.example/other",
            "payValidDt" => "20991231",
            "amt" => "10001",
            _ => "other",
        };
        let fields = FIELDS.iter().map(|row| row.0).chain(NOT_KEPT);
        let mut seen = vec![first];
        for field in fields {
            let changed = match field {
                "currency" | "merchantToken" => continue,
                "payMethod" if kind == Kind::Direct => continue,
                "payValidTm" => with(&with(&body, "payValidDt", json!("20991231")), field, json!("101112")),
                _ => with(&body, field, json!(other(field))),
            };
            let fingerprint = register(kind, &changed).unwrap().fingerprint();
            assert!(!seen.contains(&fingerprint), "{kind:?} {field}");
            seen.push(fingerprint);
        }
        assert!(seen.len() > 50, "{}", seen.len());
    }
}

#[test]
fn null_empty_and_absent_are_one_in_the_fingerprint() {
    for kind in KINDS {
        let optional = FIELDS.iter().filter(|row| missing(kind, row).is_empty()).map(|row| row.0);
        for field in optional.chain(NOT_KEPT) {
            let [absent, null, empty] = [None, Some(Value::Null), Some(json!(""))]
                .map(|value| register(kind, &with(&registration(kind), field, value)).unwrap().fingerprint());
            assert!(absent == null && null == empty, "{kind:?} {field}");
        }
    }
}

#[test]
fn the_fingerprint_tells_neighbouring_fields_and_kinds_apart() {
    let body = |a: &str, b: &str| {
        let body = with(&registration(Kind::Direct), "deliveryNm", json!(a));
        register(Kind::Direct, &with(&body, "deliveryPhone", json!(b))).unwrap().fingerprint()
    };
    assert_ne!(body("ab", "c"), body("a", "bc"));
    assert_ne!(body("ab", ""), body("", "ab"));

    let unsigned =
        with(&with(&registration(Kind::Redirect), "payMethod", json!("03")), "callBackUrl", json!("https://a.example"));
    let direct = register(Kind::Direct, &unsigned).unwrap();
    let redirect = register(Kind::Redirect, &unsigned).unwrap();
    assert_ne!(direct.fingerprint(), redirect.fingerprint());
}

#[test]
fn the_fingerprint_is_stored_so_its_encoding_stays() {
    let mut body = with(&registration(Kind::Direct), "reqDt", json!("20180123"));
    body.insert("sellers".to_owned(), json!([{"id": 1}]));
    let fingerprint = register(Kind::Direct, &body).unwrap().fingerprint();
    let hex: String = fingerprint.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, "9dd9467d13cc3d9cb7594a4809b0f0bc6c7e12d12e477bb2ec43eb13af5178ba");
}

#[test]
fn a_client_writes_the_documented_fields_in_order_s1() {
    let mut request = RegistrationRequest::new(Kind::Direct);
    request.time_stamp = Some("20180123100505".to_owned());
    request.imid = "IONPAYTEST".to_owned();
    request.amt = "10000".to_owned();
    request.reference_no = "ORD12345".to_owned();
    request.goods_nm = "Kopi \"A\"".to_owned();
    request.mitra_cd = Some(MitraCd::Indo);
    request.merchant_token = "not written".to_owned();
    assert_eq!(
        request.to_json(&key()),
        concat!(
            r#"{"timeStamp":"20180123100505","iMid":"IONPAYTEST","payMethod":"03","currency":"IDR","amt":"10000","#,
            r#""referenceNo":"ORD12345","goodsNm":"Kopi \"A\"","mitraCd":"INDO","#,
            r#""merchantToken":"f9d30f6c972e2b5718751bd087b178534673a91bbac845f8a24e60e8e4abbbc5"}"#
        )
    );
    assert_eq!(code(RegistrationRequest::parse(Kind::Direct, request.to_json(&key()).as_bytes())), "9016");
}

#[test]
fn a_request_in_a_log_shows_nothing_of_the_buyer() {
    let shown = format!("{:?}", register(Kind::Direct, &registration(Kind::Direct)).unwrap());
    assert!(shown.contains("ORD12345"));
    for secret in ["Siti", "siti@", "Sudirman", "+62", "f9d30f6c"] {
        assert!(!shown.contains(secret), "{secret}");
    }
}

#[test]
fn an_amount_is_whole_rupiah() {
    let mut request = RegistrationRequest::new(Kind::Direct);
    for (text, rupiah) in [("1", 1), ("999999999999", 999_999_999_999), ("0", 0), ("", 0), ("+5", 0), ("1.5", 0)] {
        request.amt = text.to_owned();
        assert_eq!(request.amount(), rupiah, "{text}");
    }
}
