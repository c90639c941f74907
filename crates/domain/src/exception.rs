//! Exceptions: where cash and ledger may differ, so that an operator has to look (rules 7, 9). They are listed by
//! events and resolved by events.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What an operator must look at, since cash and ledger may differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ExceptionKind {
    /// A commit came for an attempt that can no longer be taken (rule 7).
    CashPossiblyTaken,
    /// A reversal came for a payment that can no longer be taken back (rule 9).
    TooLateToReverse,
}

impl ExceptionKind {
    /// In words, for operators.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::CashPossiblyTaken => "cash possibly taken",
            Self::TooLateToReverse => "too late to reverse",
        }
    }
}

/// An exception of a payment. While it is open, the same attempt is not listed for the same again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedException {
    /// What.
    pub kind: ExceptionKind,
    /// The attempt.
    pub trace_no: String,
    /// How it was settled; `None` while it is open.
    pub resolved: Option<Resolution>,
}

/// How an operator has settled an exception.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolution {
    /// When.
    pub at: Timestamp,
    /// Which operator.
    pub operator: String,
    /// What was found and done.
    pub note: String,
}

impl ListedException {
    /// Whether it is this one, and open.
    pub(crate) fn is_open(&self, kind: ExceptionKind, trace_no: &str) -> bool {
        self.resolved.is_none() && self.is(kind, trace_no)
    }

    /// Whether it is about this, open or not.
    pub(crate) fn is(&self, kind: ExceptionKind, trace_no: &str) -> bool {
        self.kind == kind && self.trace_no == trace_no
    }
}
