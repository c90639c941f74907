//! Transaction ids (rule 4) and the ids that they are made of.

mod support;

use gerai_domain::{Kind, MerchantId, TermsError, TxId, TxIdError, TxIdParts};
use support::wib;

fn ionpay() -> MerchantId {
    "IONPAYTEST".parse().expect("ten letters")
}

#[test]
fn rule_4_a_txid_is_merchant_method_local_time_and_four_digits() {
    let rows = [
        (Kind::Direct, "2026-03-02 12:34:56", 42, "IONPAYTEST03202603021234560042"),
        (Kind::Redirect, "2026-03-02 12:34:56", 42, "IONPAYTEST00202603021234560042"),
        // Still the old year in London, the new one in Jakarta.
        (Kind::Direct, "2026-12-31 23:59:59", 9_999, "IONPAYTEST03202612312359599999"),
        (Kind::Direct, "2027-01-01 00:00:00", 0, "IONPAYTEST03202701010000000000"),
        (Kind::Direct, "2028-02-29 06:59:59", 1, "IONPAYTEST03202802290659590001"),
        // Serials wrap; nothing grows past thirty characters.
        (Kind::Direct, "2026-03-02 12:34:56", 10_000, "IONPAYTEST03202603021234560000"),
        (Kind::Direct, "2026-03-02 12:34:56", u16::MAX, "IONPAYTEST03202603021234565535"),
    ];
    for (kind, second, serial, text) in rows {
        let id = TxId::new(&ionpay(), kind, wib(second), serial);
        assert_eq!(id.as_str(), text);
        assert_eq!(id.to_string().len(), 30);
        assert_eq!(id.serial(), serial % 10_000);
        assert_eq!(id.second_prefix(), &text[..26]);
        let parts =
            TxIdParts { merchant: "IONPAYTEST", kind, second: wib(second).as_second(), serial: serial % 10_000 };
        assert_eq!(id.parts(), Some(parts));
        assert_eq!(text.parse(), Ok(id));
    }
}

#[test]
fn rule_4_the_method_codes_are_03_and_00() {
    assert_eq!(Kind::Direct.method_code(), "03");
    assert_eq!(Kind::Redirect.method_code(), "00");
}

#[test]
fn rule_4_the_ids_of_a_second_are_all_different() {
    let ids: std::collections::BTreeSet<TxId> = (0..TxId::SERIALS_PER_SECOND)
        .map(|serial| TxId::new(&ionpay(), Kind::Direct, wib("2026-03-02 12:34:56"), serial))
        .collect();
    assert_eq!(ids.len(), 10_000);
}

#[test]
fn rule_4_what_is_no_payments_id_has_no_parts() {
    for text in [
        "IONPAYTEST90202603021234560042", // a cancellation's
        "IONPAYTEST03202613021234560042", // month 13
        "IONPAYTEST03202603022434560042", // hour 24
        "IONPAYTEST0320260302123456004x",
        "abcdefghijklmnopqrstuvwxyzABCD",
    ] {
        assert_eq!(text.parse::<TxId>().expect("thirty characters").parts(), None, "{text}");
    }
}

#[test]
fn rule_4_a_cancellations_id_never_meets_a_payments() {
    let at = wib("2026-03-02 12:34:56");
    let id = TxId::of_cancel(&ionpay(), at, 42);
    assert_eq!(id.as_str(), "IONPAYTEST90202603021234560042");
    for kind in [Kind::Direct, Kind::Redirect] {
        assert_ne!(id, TxId::new(&ionpay(), kind, at, 42));
    }
}

#[test]
fn rule_4_another_shape_is_no_txid() {
    let right = "IONPAYTEST03202603021234560042";
    let wrong = [
        String::new(),
        right[..29].into(),
        format!("{right}0"),
        format!("{} ", &right[..29]),
        format!("{}-", &right[..29]),
        format!("{}/", &right[..29]),
        // Thirty bytes of fewer characters.
        "é".repeat(15),
        "値".repeat(10),
    ];
    for text in wrong {
        assert_eq!(text.parse::<TxId>(), Err(TxIdError), "`{text}`");
        assert!(serde_json::from_value::<TxId>(text.clone().into()).is_err(), "`{text}`");
    }
    // What another system made is still thirty characters long, and asking for its serial does no harm.
    assert_eq!("abcdefghijklmnopqrstuvwxyzABCD".parse::<TxId>().unwrap().serial(), 0);
}

#[test]
fn rule_4_a_merchant_id_is_ten_letters_and_digits() {
    for text in ["IONPAYTEST", "GERAITEST1", "0123456789", "abcdefghij"] {
        assert_eq!(text.parse::<MerchantId>().unwrap().to_string(), text);
    }
    for text in ["", "IONPAYTES", "IONPAYTESTS", "IONPAY TES", "IONPAYTES\n", "ééééé", "IONPAY-TES"] {
        assert_eq!(text.parse::<MerchantId>(), Err(TermsError::Id), "`{text}`");
        assert!(serde_json::from_value::<MerchantId>(text.into()).is_err(), "`{text}`");
    }
}
