//! Amounts as chains write them: with or without points between thousands, with or without sen that are always zero.
//! The way is told by an example.

use gerai_domain::{AmountError, Rupiah};
use serde::{Deserialize, Deserializer};
use std::str::FromStr;

/// How amounts are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct AmountFormat {
    thousands: Option<char>,
    decimals: Option<char>,
}

const EXAMPLES: &str = "write an amount as the file does, as 10000, 10000.00, 10000,00, 10.000, 10.000,00, 10,000 or \
                        10,000.00";

/// What may stand between digits.
const SEPARATORS: [char; 4] = ['.', ',', ' ', '\''];

impl FromStr for AmountFormat {
    type Err = String;
    fn from_str(example: &str) -> Result<Self, String> {
        let separators: Vec<(usize, char)> = example.char_indices().filter(|(_, c)| !c.is_ascii_digit()).collect();
        let format = match separators.as_slice() {
            [] => Self::default(),
            [.., (at, last)] => {
                let (behind, others) = (example.len() - at - 1, &separators[..separators.len() - 1]);
                let thousands = others.last().map(|(_, c)| *c);
                match behind {
                    2 => Self { thousands, decimals: Some(*last) },
                    3 => Self { thousands: Some(*last), decimals: None },
                    _ => return Err(EXAMPLES.into()),
                }
            }
        };
        let known = [format.thousands, format.decimals].into_iter().flatten().all(|c| SEPARATORS.contains(&c));
        let distinct = format.thousands.is_none() || format.thousands != format.decimals;
        if known && distinct && format.parse(example).is_ok() { Ok(format) } else { Err(EXAMPLES.into()) }
    }
}

impl<'de> Deserialize<'de> for AmountFormat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl AmountFormat {
    /// Reads an amount; what is wrong with it otherwise.
    pub(crate) fn parse(self, text: &str) -> Result<Rupiah, &'static str> {
        let text = text.trim();
        let text = ["Rp.", "Rp", "IDR"]
            .into_iter()
            .find_map(|sign| text.get(..sign.len()).filter(|start| start.eq_ignore_ascii_case(sign)).map(|s| s.len()))
            .map_or(text, |length| text[length..].trim_start());
        if text.starts_with(['-', '(']) {
            return Err("is negative; a file of takings holds no refunds");
        }
        let whole = match self.decimals.and_then(|decimals| text.rsplit_once(decimals)) {
            Some((whole, sen)) => {
                if sen.is_empty() || sen.len() > 2 || !sen.bytes().all(|b| b.is_ascii_digit()) {
                    return Err("is not written as --amount-format says");
                }
                if sen.bytes().any(|b| b != b'0') {
                    return Err("has sen; amounts are whole rupiah");
                }
                whole
            }
            None => text,
        };
        let digits: String = match self.thousands.filter(|thousands| whole.contains(*thousands)) {
            Some(thousands) => {
                let mut groups = whole.split(thousands);
                let first = groups.next().unwrap_or_default();
                if !(1..=3).contains(&first.len()) || !groups.all(|group| group.len() == 3) {
                    return Err("is not written as --amount-format says");
                }
                whole.chars().filter(|c| *c != thousands).collect()
            }
            None => whole.to_owned(),
        };
        // Files of fixed width fill up with zeros.
        let significant = digits.trim_start_matches('0');
        Rupiah::parse(if significant.is_empty() && !digits.is_empty() { "0" } else { significant }).map_err(|error| {
            match error {
                AmountError::NotDigits => "is not written as --amount-format says",
                AmountError::TooLong => "has more than 12 digits",
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_says_how_amounts_are_written() {
        for (example, same, other) in [
            ("10000", &["10000", " 1 ", "0", "Rp10000", "000000010000"][..], &["10.000", "10,000", "10000.00"][..]),
            ("10000.00", &["10000.00", "10000", "0.00", "10000.0"], &["10,000.00", "10000,00"]),
            ("10000,00", &["10000,00", "10000"], &["10.000,00", "10000.00"]),
            ("10.000", &["10.000", "10000", "1.234.567", "Rp 10.000"], &["10,000", "10.00", "10.0000", "1000.000"]),
            ("10,000", &["10,000", "1,234,567"], &["10.000", "10,00", ",000", "10,,000"]),
            ("10.000,00", &["10.000,00", "10000,00", "10.000", "IDR 1.000.000,00"], &["10,000.00", "10.000,000"]),
            ("10,000.00", &["10,000.00", "10000.00", "10,000"], &["10.000,00", "1,0000.00"]),
            ("10 000,00", &["10 000,00"], &["10.000,00"]),
            ("1.234.567,00", &["1.234.567,00"], &["1,234,567.00"]),
        ] {
            let format: AmountFormat = example.parse().unwrap();
            for text in same {
                assert!(format.parse(text).is_ok(), "{text} where {example} is an example");
            }
            for text in other.iter().chain(&["", "abc", "1e5", "0x10", "١٢٣", "10000-", "Rp"]) {
                assert!(format.parse(text).is_err(), "{text} where {example} is an example");
            }
        }
        for wrong in ["", "10000.0", "10.00.000", "10;000", "1.0000,00", "10.000.00", "ten", "10,000,00"] {
            assert!(wrong.parse::<AmountFormat>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_amount_is_read_to_the_rupiah() {
        let format: AmountFormat = "10.000,00".parse().unwrap();
        for (text, amount) in [("1.234.567,00", 1_234_567), ("999.999.999.999,00", 999_999_999_999), ("0,00", 0)] {
            assert_eq!(format.parse(text).map(Rupiah::get), Ok(amount), "{text}");
        }
        for (text, why) in [
            ("10.000,50", "sen"),
            ("-10.000,00", "negative"),
            ("(10.000,00)", "negative"),
            ("Rp -10.000", "negative"),
            ("1.000.000.000.000,00", "12 digits"),
        ] {
            assert!(format.parse(text).is_err_and(|error| error.contains(why)), "{text}");
        }
    }
}
