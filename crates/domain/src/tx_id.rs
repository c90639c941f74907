//! The transaction id: `iMid` + payment method + local time + four drawn digits (rule 4). The address of the payment
//! page is made of it, so the four digits are drawn and never counted up.

use crate::merchant::{Kind, MerchantId};
use crate::wib;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Thirty characters that name one payment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TxId(String);

/// What a payment's id is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TxIdParts<'a> {
    /// The merchant's id.
    pub merchant: &'a str,
    /// How it was registered.
    pub kind: Kind,
    /// Seconds since 1970 (UTC).
    pub second: i64,
    /// The last four digits.
    pub serial: u16,
}

/// A text that is not thirty printable ASCII characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a tXid has 30 letters and digits")]
pub struct TxIdError;

impl TxId {
    /// How many ids one merchant has in one second, by method.
    pub const SERIALS_PER_SECOND: u16 = 10_000;

    /// Makes the id for a registration at `second`, with `serial` (taken modulo 10,000) as its last four digits.
    #[must_use]
    pub fn new(merchant: &MerchantId, kind: Kind, second: Timestamp, serial: u16) -> Self {
        Self(format!("{merchant}{}{}{:04}", kind.method_code(), wib::stamp(second), serial % Self::SERIALS_PER_SECOND))
    }

    /// Makes the id of a cancellation. It has a method code of its own (`90`), so it never meets a payment's.
    #[must_use]
    pub fn of_cancel(merchant: &MerchantId, at: Timestamp, serial: u16) -> Self {
        Self(format!("{merchant}90{}{:04}", wib::stamp(at), serial % Self::SERIALS_PER_SECOND))
    }

    /// The first 26 characters: what all ids of one merchant, method and second share.
    #[must_use]
    pub fn second_prefix(&self) -> &str {
        &self.0[..26]
    }

    /// The last four digits.
    #[must_use]
    pub fn serial(&self) -> u16 {
        self.0[26..].parse().unwrap_or(0)
    }

    /// What the id is made of; `None` for one that is no payment's.
    #[must_use]
    pub fn parts(&self) -> Option<TxIdParts<'_>> {
        let kind = [Kind::Direct, Kind::Redirect].into_iter().find(|kind| kind.method_code() == &self.0[10..12])?;
        let wall = wib::parse_date(&self.0[12..20])?.to_datetime(wib::parse_time(&self.0[20..26])?);
        let second = wib::instant(wall)?.as_second();
        let serial = self.0[26..].bytes().all(|b| b.is_ascii_digit()).then(|| self.serial())?;
        Some(TxIdParts { merchant: &self.0[..10], kind, second, serial })
    }

    /// The id as it goes over the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TxId {
    type Err = TxIdError;
    fn from_str(text: &str) -> Result<Self, TxIdError> {
        if text.len() == 30 && text.bytes().all(|b| b.is_ascii_alphanumeric()) {
            Ok(Self(text.into()))
        } else {
            Err(TxIdError)
        }
    }
}

impl TryFrom<String> for TxId {
    type Error = TxIdError;
    fn try_from(text: String) -> Result<Self, TxIdError> {
        text.parse()
    }
}

impl From<TxId> for String {
    fn from(id: TxId) -> Self {
        id.0
    }
}

impl fmt::Display for TxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
