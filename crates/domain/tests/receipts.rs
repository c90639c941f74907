//! What the till prints (S11), what the cashier is told (S14), and how much of a buyer's name that is.

mod support;

use gerai_domain::{Brand, PayNo, Receipt, printable, receipt_code, shorten_name};
use support::{noon, rupiah};

#[test]
fn a_buyers_name_is_shortened_for_the_cashier() {
    let rows = [
        ("Sinta Amalina", "Si*** Am*****"),
        ("Sinta", "Si***"),
        ("Budi Santoso Wijaya", "Bu** Sa***** Wi****"),
        ("Ana", "An*"),
        ("Al", "A*"),
        ("A", "*"),
        ("A B", "* *"),
        ("  Sinta   Amalina  ", "Si*** Am*****"),
        ("Sinta\tAmalina\n", "Si*** Am*****"),
        ("Éric Müller", "Ér** Mü****"),
        ("王小明", "王小*"),
        ("", ""),
        (" \u{0} ", ""),
    ];
    for (name, shown) in rows {
        assert_eq!(shorten_name(name), shown, "`{name}`");
    }
}

fn receipt<'a>(brand: Brand, store_code: &'a str, biller: &'a str, own_lines: &'a [String]) -> Receipt<'a> {
    Receipt {
        brand,
        store_code,
        taken_at: noon(),
        biller,
        pay_no: PayNo::draw(1, 2_345_678_901),
        amount: rupiah(1_250_000),
        code: "ABCDEFGH1234",
        own_lines,
    }
}

#[test]
fn s11_s14_a_receipt_says_chain_store_time_biller_number_amount_and_code() {
    let own = ["Terima kasih".to_owned(), "toko-sinta.example".to_owned()];
    let number = PayNo::draw(1, 2_345_678_901).grouped();
    assert_eq!(
        receipt(Brand::Alfamart, "S001", "NICEPAY - Toko Sinta", &own).lines(),
        [
            "Alfamart (Alfa Group)",
            "Store    S001",
            "2026-03-02 12:00:00 WIB",
            "NICEPAY - Toko Sinta",
            &format!("Pay no   {number}"),
            "Amount   Rp 1.250.000",
            "Receipt  ABCDEFGH1234",
            "Terima kasih",
            "toko-sinta.example",
        ]
    );
}

#[test]
fn s11_a_receipt_names_the_brand_over_the_door() {
    let rows = [
        (Brand::Alfamart, "Alfamart (Alfa Group)"),
        (Brand::Alfamidi, "Alfamidi (Alfa Group)"),
        (Brand::DanDan, "Dan+Dan (Alfa Group)"),
        (Brand::Lawson, "Lawson (Alfa Group)"),
        (Brand::Indomaret, "Indomaret"),
    ];
    for (brand, first) in rows {
        assert_eq!(receipt(brand, "S001", "NICEPAY - Toko Sinta", &[]).lines()[0], first);
    }
}

#[test]
fn s11_receipt_lines_have_at_most_40_characters() {
    let long = "長".repeat(60);
    let own = [long.clone(), "y".repeat(41), "a third line is not printed".to_owned()];
    let lines = receipt(Brand::Alfamidi, &long, &format!("NICEPAY - {long}"), &own).lines();
    assert_eq!(lines.len(), 9, "two own lines at most");
    for line in &lines {
        assert!(line.chars().count() <= 40, "{line}");
    }
    assert_eq!(lines[7], "長".repeat(40));
    assert_eq!(lines[8], "y".repeat(40));
    // What matters is never what is cut off.
    assert!(lines[4].ends_with(&PayNo::draw(1, 2_345_678_901).grouped()));
    assert!(lines[6].ends_with("ABCDEFGH1234"));
}

#[test]
fn s11_no_control_character_reaches_the_till() {
    let own = ["\u{1b}[2Jcleared".to_owned(), "two\r\nlines".to_owned()];
    let lines = receipt(Brand::Lawson, "S\n001", "NICEPAY\u{0} - \u{85}Toko", &own).lines();
    assert!(lines.iter().flat_map(|line| line.chars()).all(|c| !c.is_control()), "{lines:?}");
    assert_eq!(lines[1], "Store    S 001");
    assert_eq!(lines[8], "two  lines");
    assert_eq!(printable("a\tb\u{7f}c"), "a b c");
}

#[test]
fn s11_a_receipt_code_has_twelve_characters_that_nobody_misreads() {
    for random in [0, 1, u64::MAX, 0x0123_4567_89ab_cdef] {
        let code = receipt_code(random);
        assert_eq!(code.len(), 12);
        assert!(code.chars().all(|c| c.is_ascii_digit() || (c.is_ascii_uppercase() && !"ILOU".contains(c))), "{code}");
    }
    assert_eq!(receipt_code(0), "000000000000");
    // Each of the sixty low bits counts.
    let codes: std::collections::BTreeSet<String> = (0..60).map(|bit| receipt_code(1 << bit)).collect();
    assert_eq!(codes.len(), 60);
}
