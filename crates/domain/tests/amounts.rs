//! Amounts (rule 2): whole rupiah, digits only.

use gerai_domain::{AmountError, Rupiah};

#[test]
fn rule_2_an_amount_is_one_to_twelve_digits() {
    let rows: [(&str, Result<u64, AmountError>); 22] = [
        ("0", Ok(0)),
        ("1", Ok(1)),
        ("10000", Ok(10_000)),
        ("5000000", Ok(5_000_000)),
        ("000000010000", Ok(10_000)),
        ("999999999999", Ok(999_999_999_999)),
        ("1000000000000", Err(AmountError::TooLong)),
        ("0000000000001", Err(AmountError::TooLong)),
        ("99999999999999999999999999", Err(AmountError::TooLong)),
        ("", Err(AmountError::NotDigits)),
        (" ", Err(AmountError::NotDigits)),
        ("-1", Err(AmountError::NotDigits)),
        ("+1", Err(AmountError::NotDigits)),
        ("1.0", Err(AmountError::NotDigits)),
        ("10000.00", Err(AmountError::NotDigits)),
        ("10,000", Err(AmountError::NotDigits)),
        ("1e3", Err(AmountError::NotDigits)),
        ("0x10", Err(AmountError::NotDigits)),
        (" 1", Err(AmountError::NotDigits)),
        ("1\n", Err(AmountError::NotDigits)),
        ("１００", Err(AmountError::NotDigits)),
        ("\u{661}\u{660}", Err(AmountError::NotDigits)),
    ];
    for (text, expected) in rows {
        assert_eq!(Rupiah::parse(text).map(Rupiah::get), expected, "`{text}`");
    }
}

#[test]
fn rule_2_a_number_of_rupiah_has_at_most_twelve_digits() {
    assert_eq!(Rupiah::new(999_999_999_999), Ok(Rupiah::MAX));
    assert_eq!(Rupiah::new(1_000_000_000_000), Err(AmountError::TooLong));
    assert_eq!(Rupiah::new(u64::MAX), Err(AmountError::TooLong));
    assert!(serde_json::from_str::<Rupiah>("1000000000000").is_err());
    for json in ["-1", "1.5", "\"1\"", "null"] {
        assert!(serde_json::from_str::<Rupiah>(json).is_err(), "{json}");
    }
    assert_eq!(serde_json::to_string(&Rupiah::new(10_000).unwrap()).unwrap(), "10000");
}

#[test]
fn rule_2_amounts_are_shown_as_indonesians_write_them() {
    let rows = [
        (0, "Rp 0"),
        (999, "Rp 999"),
        (1_000, "Rp 1.000"),
        (10_000, "Rp 10.000"),
        (100_000, "Rp 100.000"),
        (1_250_000, "Rp 1.250.000"),
        (999_999_999_999, "Rp 999.999.999.999"),
    ];
    for (amount, text) in rows {
        let amount = Rupiah::new(amount).unwrap();
        assert_eq!(amount.pretty(), text);
        assert_eq!(amount.to_string(), amount.get().to_string());
    }
}
