//! Money: whole rupiah in an integer. There is no other unit and no fraction anywhere inside.

use serde::{Deserialize, Serialize};
use std::fmt;

/// An amount in whole rupiah, at most twelve digits (rule 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct Rupiah(u64);

/// Why a text or a number is no amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Something other than the digits 0-9: a sign, a decimal point, a letter, nothing at all.
    #[error("an amount is whole rupiah, digits only")]
    NotDigits,
    /// More than twelve digits.
    #[error("an amount has at most 12 digits")]
    TooLong,
}

impl Rupiah {
    /// The greatest amount that twelve digits can say.
    pub const MAX: Self = Self(999_999_999_999);

    /// Takes a number of whole rupiah.
    ///
    /// # Errors
    /// [`AmountError::TooLong`] above [`Rupiah::MAX`].
    pub const fn new(rupiah: u64) -> Result<Self, AmountError> {
        if rupiah > Self::MAX.0 { Err(AmountError::TooLong) } else { Ok(Self(rupiah)) }
    }

    /// Reads digits; leading zeros are allowed within the twelve.
    ///
    /// # Errors
    /// Anything but one to twelve ASCII digits.
    pub fn parse(text: &str) -> Result<Self, AmountError> {
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(AmountError::NotDigits);
        }
        if text.len() > 12 {
            return Err(AmountError::TooLong);
        }
        Ok(Self(text.bytes().fold(0, |sum, b| sum * 10 + u64::from(b - b'0'))))
    }

    /// The number of rupiah.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// As Indonesians write it: `Rp 1.250.000`.
    #[must_use]
    pub fn pretty(self) -> String {
        let digits = self.0.to_string();
        let mut text = String::from("Rp ");
        for (i, digit) in digits.chars().enumerate() {
            if i > 0 && (digits.len() - i).is_multiple_of(3) {
                text.push('.');
            }
            text.push(digit);
        }
        text
    }
}

impl TryFrom<u64> for Rupiah {
    type Error = AmountError;
    fn try_from(rupiah: u64) -> Result<Self, AmountError> {
        Self::new(rupiah)
    }
}

impl From<Rupiah> for u64 {
    fn from(amount: Rupiah) -> Self {
        amount.0
    }
}

impl fmt::Display for Rupiah {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
