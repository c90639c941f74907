//! The store chains ("mitra") and their brands: which counter takes which number, and in how many steps (rules 5, 7).

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A store chain, as a payment is registered for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Chain {
    /// The Alfa group: Alfamart, Alfamidi, Dan+Dan, Lawson. Pays in two steps.
    #[serde(rename = "ALMA")]
    Alma,
    /// Indomaret. Pays in one step.
    #[serde(rename = "INDO")]
    Indo,
}

/// A store brand, as it stands over the door.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Brand {
    /// Alfamart.
    #[serde(rename = "ALFAMART")]
    Alfamart,
    /// Alfamidi.
    #[serde(rename = "ALFAMIDI")]
    Alfamidi,
    /// Dan+Dan.
    #[serde(rename = "DANDAN")]
    DanDan,
    /// Lawson.
    #[serde(rename = "LAWSON")]
    Lawson,
    /// Indomaret.
    #[serde(rename = "INDOMARET")]
    Indomaret,
}

/// A code that names no chain or no brand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such chain or brand")]
pub struct UnknownCode;

impl Chain {
    /// Every chain.
    pub const ALL: [Self; 2] = [Self::Alma, Self::Indo];

    /// The mitra code on the wire: `ALMA`, `INDO`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Alma => "ALMA",
            Self::Indo => "INDO",
        }
    }

    /// The name that people know it by.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Alma => "Alfa Group",
            Self::Indo => "Indomaret",
        }
    }

    /// The brands whose counters take this chain's numbers (S8).
    #[must_use]
    pub const fn brands(self) -> &'static [Brand] {
        match self {
            Self::Alma => &[Brand::Alfamart, Brand::Alfamidi, Brand::DanDan, Brand::Lawson],
            Self::Indo => &[Brand::Indomaret],
        }
    }

    /// Whether a payment waits for a commit before it counts (rule 7).
    #[must_use]
    pub const fn two_steps(self) -> bool {
        match self {
            Self::Alma => true,
            Self::Indo => false,
        }
    }
}

impl Brand {
    /// Every brand.
    pub const ALL: [Self; 5] = [Self::Alfamart, Self::Alfamidi, Self::DanDan, Self::Lawson, Self::Indomaret];

    /// The code on the wire: `ALFAMART`, …
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Alfamart => "ALFAMART",
            Self::Alfamidi => "ALFAMIDI",
            Self::DanDan => "DANDAN",
            Self::Lawson => "LAWSON",
            Self::Indomaret => "INDOMARET",
        }
    }

    /// The name over the door.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Alfamart => "Alfamart",
            Self::Alfamidi => "Alfamidi",
            Self::DanDan => "Dan+Dan",
            Self::Lawson => "Lawson",
            Self::Indomaret => "Indomaret",
        }
    }

    /// The chain that the brand belongs to.
    #[must_use]
    pub const fn chain(self) -> Chain {
        match self {
            Self::Alfamart | Self::Alfamidi | Self::DanDan | Self::Lawson => Chain::Alma,
            Self::Indomaret => Chain::Indo,
        }
    }
}

impl FromStr for Chain {
    type Err = UnknownCode;
    fn from_str(code: &str) -> Result<Self, UnknownCode> {
        Self::ALL.into_iter().find(|chain| chain.code() == code).ok_or(UnknownCode)
    }
}

impl FromStr for Brand {
    type Err = UnknownCode;
    fn from_str(code: &str) -> Result<Self, UnknownCode> {
        Self::ALL.into_iter().find(|brand| brand.code() == code).ok_or(UnknownCode)
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Display for Brand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
