//! Payment numbers (rule 3): twelve digits whose check digit catches what people do wrong when they read or key them.

use gerai_domain::{PayNo, PayNoError, damm_check_digit};
use proptest::prelude::{ProptestConfig, any, proptest};
use proptest::{prop_assert, prop_assert_eq};
use std::collections::BTreeSet;

fn digits(text: &str) -> Vec<u8> {
    text.bytes().map(|byte| byte - b'0').collect()
}

/// A cheap stream of draws, so that the tables below are the same in every run.
fn draws(count: u64) -> impl Iterator<Item = u64> {
    (1..=count).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31).wrapping_mul(0xbf58_476d_1ce4_e5b9))
}

#[test]
fn rule_3_s19_the_check_digit_catches_every_single_error_and_every_neighbour_swap() {
    // One digit leads to each of the ten interim digits, so these tables cover every number of any length: an error
    // changes the interim digit, and no digit that follows brings two different interim digits together again.
    let leads: BTreeSet<u8> = (0..10).map(|digit| damm_check_digit([digit])).collect();
    assert_eq!(leads.len(), 10);
    for lead in 0..10 {
        for x in 0..10 {
            for y in (0..10).filter(|y| *y != x) {
                assert_ne!(damm_check_digit([lead, x]), damm_check_digit([lead, y]), "{lead}: {x} for {y}");
                assert_ne!(damm_check_digit([lead, x, y]), damm_check_digit([lead, y, x]), "{lead}: {x}{y} swapped");
                assert_ne!(damm_check_digit([x, lead]), damm_check_digit([y, lead]), "{x} and {y} meet at {lead}");
            }
        }
    }
}

#[test]
fn rule_3_the_check_digit_is_damms() {
    // The example that descriptions of the algorithm use.
    assert_eq!(damm_check_digit([5, 7, 2]), 4);
    assert_eq!(damm_check_digit([5, 7, 2, 4]), 0);
}

#[test]
fn rule_3_s19_every_mistyped_digit_of_many_numbers_is_refused() {
    for random in draws(1_000) {
        let right = PayNo::draw(1, random).to_string();
        for position in 0..12 {
            for digit in b'0'..=b'9' {
                let mut typed = right.clone().into_bytes();
                if typed[position] == digit {
                    continue;
                }
                typed[position] = digit;
                let typed = String::from_utf8(typed).unwrap();
                let told = typed.parse::<PayNo>();
                // A number never begins with 0, so that is told by its shape already.
                let expected = if typed.starts_with('0') { PayNoError::Shape } else { PayNoError::CheckDigit };
                assert_eq!(told, Err(expected), "{typed} for {right}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn rule_3_s19_a_wrong_digit_anywhere_is_refused(cell in 1_u8..=9, random: u64, position in 0_usize..12, by in 1_u8..10) {
        let right = PayNo::draw(cell, random).to_string();
        let mut typed = right.into_bytes();
        typed[position] = b'0' + (typed[position] - b'0' + by) % 10;
        prop_assert!(String::from_utf8(typed).unwrap().parse::<PayNo>().is_err());
    }

    #[test]
    fn rule_3_s19_a_swap_of_two_neighbours_is_refused(cell in 1_u8..=9, random: u64) {
        let right = PayNo::draw(cell, random).to_string();
        for position in 0..11 {
            let mut typed = right.clone().into_bytes();
            typed.swap(position, position + 1);
            let typed = String::from_utf8(typed).unwrap();
            prop_assert_eq!(typed.parse::<PayNo>().is_err(), typed != right, "{} for {}", typed, right);
        }
    }

    #[test]
    fn rule_3_a_number_says_its_cell_and_its_draw(cell in 1_u8..=9, random: u64) {
        let number = PayNo::draw(cell, random);
        let text = number.to_string();
        prop_assert_eq!(text.len(), 12);
        prop_assert_eq!(&text[..1], cell.to_string());
        prop_assert_eq!(&text[1..11], format!("{:010}", random % 10_000_000_000));
        prop_assert_eq!(damm_check_digit(digits(&text)), 0);
        prop_assert_eq!(text.parse(), Ok(number));
        prop_assert_eq!(PayNo::new(number.get()), Ok(number));
    }

    #[test]
    fn rule_3_no_text_makes_the_reader_panic(text in any::<String>()) {
        if let Ok(number) = text.parse::<PayNo>() {
            prop_assert_eq!(number.to_string(), text);
        }
    }
}

#[test]
fn rule_3_a_number_of_another_shape_is_no_payment_number() {
    let right = PayNo::draw(1, 42).to_string();
    let wrong = [
        String::new(),
        right[..11].into(),
        format!("{right}0"),
        format!(" {right}"),
        format!("+{}", &right[1..]),
        format!("-{}", &right[1..]),
        format!("{} {} {}", &right[..4], &right[4..8], &right[8..]),
        format!("0{}", &right[1..]),
        "000000000000".into(),
        "12345678901a".into(),
        // Twelve bytes, but neither twelve characters nor ASCII digits.
        "１２３４".into(),
        "\u{661}\u{662}\u{663}\u{664}\u{665}\u{666}".into(),
    ];
    for text in wrong {
        assert_eq!(text.parse::<PayNo>(), Err(PayNoError::Shape), "`{text}`");
    }
    for number in [0, 1, 99_999_999_999, 1_000_000_000_000, u64::MAX] {
        assert_eq!(PayNo::new(number), Err(PayNoError::Shape), "{number}");
    }
}

#[test]
fn rule_3_the_first_digit_is_the_cell_also_when_the_cell_is_out_of_range() {
    for (cell, first) in [(0, '1'), (1, '1'), (2, '2'), (9, '9'), (10, '9'), (255, '9')] {
        assert!(PayNo::draw(cell, 7).to_string().starts_with(first), "{cell}");
    }
}

#[test]
fn rule_3_draws_spread_over_the_whole_space() {
    assert_eq!(&PayNo::draw(1, 0).to_string()[..11], "10000000000");
    assert_eq!(&PayNo::draw(1, 9_999_999_999).to_string()[..11], "19999999999");
    let drawn: Vec<String> = draws(20_000).map(|random| PayNo::draw(1, random).to_string()).collect();
    let distinct: BTreeSet<&String> = drawn.iter().collect();
    assert_eq!(distinct.len(), drawn.len());
    for position in 1..12 {
        for digit in b'0'..=b'9' {
            let seen = drawn.iter().filter(|text| text.as_bytes()[position] == digit).count();
            // 2,000 expected; six standard deviations are some 255.
            assert!((1_745..=2_255).contains(&seen), "digit {} at {position}: {seen} times", digit - b'0');
        }
    }
}

#[test]
fn rule_3_numbers_are_read_out_in_groups_of_four() {
    let number = PayNo::draw(1, 2_345_678_901);
    let text = number.to_string();
    assert_eq!(number.grouped(), format!("1234 5678 901{}", &text[11..]));
}

#[test]
fn rule_3_numbers_are_texts_in_json_and_checked_when_read() {
    let number = PayNo::draw(1, 42);
    let json = serde_json::to_string(&number).unwrap();
    assert_eq!(json, format!("\"{number}\""));
    assert_eq!(serde_json::from_str::<PayNo>(&json).unwrap(), number);
    assert!(serde_json::from_str::<PayNo>("\"123456789012\"").is_err());
    assert!(serde_json::from_str::<PayNo>(&number.get().to_string()).is_err());
}
