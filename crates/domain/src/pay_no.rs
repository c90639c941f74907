//! The payment number: what the customer reads out at the counter. Its check digit follows Damm (2004): a totally
//! anti-symmetric quasigroup of order ten catches every single wrong digit and every swap of two neighbours, which
//! Luhn's does not (09 and 90 look alike to it).

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Twelve digits: the database cell, ten at random, a check digit (rule 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PayNo(u64);

/// Why a text is no payment number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PayNoError {
    /// Not twelve digits.
    #[error("a payment number has 12 digits")]
    Shape,
    /// Twelve digits that contradict each other: mistyped (S19).
    #[error("the check digit does not fit: the number was mistyped")]
    CheckDigit,
}

/// Ten to the tenth: how many numbers a cell can draw from.
const RANDOM_SPACE: u64 = 10_000_000_000;

/// Damm's quasigroup of order ten: row is the interim digit, column the next digit.
const QUASIGROUP: [[u8; 10]; 10] = [
    [0, 3, 1, 7, 5, 9, 8, 6, 4, 2],
    [7, 0, 9, 2, 1, 5, 4, 8, 6, 3],
    [4, 2, 0, 6, 8, 7, 1, 3, 5, 9],
    [1, 7, 5, 0, 9, 8, 3, 4, 2, 6],
    [6, 1, 2, 3, 0, 4, 5, 9, 7, 8],
    [3, 6, 7, 4, 2, 0, 9, 5, 8, 1],
    [5, 8, 6, 9, 7, 2, 0, 1, 3, 4],
    [8, 9, 4, 5, 3, 6, 2, 0, 1, 7],
    [9, 4, 3, 8, 6, 1, 7, 2, 0, 5],
    [2, 5, 8, 1, 4, 3, 6, 7, 9, 0],
];

/// The Damm digit of a row of decimal digits (each 0-9). A row that ends in its own check digit yields 0.
#[must_use]
pub fn damm_check_digit(digits: impl IntoIterator<Item = u8>) -> u8 {
    digits.into_iter().fold(0, |interim, digit| QUASIGROUP[usize::from(interim % 10)][usize::from(digit % 10)])
}

fn digits_of(number: u64, width: usize) -> impl Iterator<Item = u8> {
    let mut divisor = 10_u64.pow(u32::try_from(width.saturating_sub(1)).unwrap_or(0));
    std::iter::from_fn(move || {
        if divisor == 0 {
            return None;
        }
        // The remainder of a division by ten always fits.
        #[allow(clippy::cast_possible_truncation)]
        let digit = (number / divisor % 10) as u8;
        divisor /= 10;
        Some(digit)
    })
}

impl PayNo {
    /// Makes a number for `cell` (1-9; other values are taken as the nearest of these) out of a random draw.
    #[must_use]
    pub fn draw(cell: u8, random: u64) -> Self {
        let cell = u64::from(cell.clamp(1, 9));
        let body = cell * RANDOM_SPACE + random % RANDOM_SPACE;
        Self(body * 10 + u64::from(damm_check_digit(digits_of(body, 11))))
    }

    /// Takes a number as it is stored.
    ///
    /// # Errors
    /// [`PayNoError`] when it is not one that [`PayNo::draw`] can make.
    pub fn new(number: u64) -> Result<Self, PayNoError> {
        if !(100_000_000_000..1_000_000_000_000).contains(&number) {
            return Err(PayNoError::Shape);
        }
        if damm_check_digit(digits_of(number, 12)) != 0 {
            return Err(PayNoError::CheckDigit);
        }
        Ok(Self(number))
    }

    /// The number as an integer of twelve digits.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// In groups of four, as it is read out: `1234 5678 9012`.
    #[must_use]
    pub fn grouped(self) -> String {
        let text = self.to_string();
        format!("{} {} {}", &text[..4], &text[4..8], &text[8..])
    }
}

impl FromStr for PayNo {
    type Err = PayNoError;
    fn from_str(text: &str) -> Result<Self, PayNoError> {
        if text.len() != 12 || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(PayNoError::Shape);
        }
        text.parse().map_err(|_| PayNoError::Shape).and_then(Self::new)
    }
}

impl TryFrom<String> for PayNo {
    type Error = PayNoError;
    fn try_from(text: String) -> Result<Self, PayNoError> {
        text.parse()
    }
}

impl From<PayNo> for String {
    fn from(number: PayNo) -> Self {
        number.to_string()
    }
}

impl fmt::Display for PayNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:012}", self.0)
    }
}
