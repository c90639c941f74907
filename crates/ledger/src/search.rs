//! Finding payments as people look for them: by what they know of one, newest first, page by page; and what a day took.

use gerai_domain::{Chain, MerchantId, PayNo, Payment, Phase, Rupiah, TxId};
use jiff::Timestamp;
use jiff::civil::Date;
use std::fmt;
use std::str::FromStr;

/// Which payments to find. What is `None` does not matter; what is given must all hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentSearch {
    /// Whose. `None` is for operators alone.
    pub merchant: Option<MerchantId>,
    /// Registered in this instant or later.
    pub from: Option<Timestamp>,
    /// Registered before this instant.
    pub until: Option<Timestamp>,
    /// As it reads at `now`.
    pub phase: Option<Phase>,
    /// For this chain.
    pub chain: Option<Chain>,
    /// The merchant's order number, or its beginning.
    pub reference_no: Option<String>,
    /// Its id.
    pub tx_id: Option<TxId>,
    /// Its number.
    pub pay_no: Option<PayNo>,
    /// What is owed, exactly.
    pub amount: Option<Rupiah>,
    /// The gateway's time, which the phase is read at.
    pub now: Timestamp,
    /// Only what comes behind this place.
    pub after: Option<SearchKey>,
    /// At most so many payments.
    pub limit: usize,
    /// At most about so many rows are looked at, so that a search for what is rare ends in bounded time however many
    /// payments there are; it then says how far back it came. A merchant's search goes on to the end of a second.
    pub effort: usize,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The payments, newest first.
    pub payments: Vec<Payment>,
    /// Where the search goes on; `None` when all has been looked at.
    pub next: Option<SearchKey>,
    /// When the search ended because of its effort: it has looked at everything registered in this instant or later.
    pub looked_back_to: Option<Timestamp>,
}

/// A place in the list of payments, newest first. As text it is safe in an address. One that a merchant's search gives
/// says nothing of other merchants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchKey {
    /// The second in the payment's id, and its count in that second.
    pub(crate) second: i64,
    pub(crate) count: i64,
    pub(crate) merchant: MerchantId,
    /// By how it was registered; what comes behind the place is smaller.
    pub(crate) kind: i64,
}

/// A text that names no place in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no place in the list of payments")]
pub struct NoSearchKey;

impl fmt::Display for SearchKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}.{}", self.second, self.count, self.merchant, self.kind)
    }
}

impl FromStr for SearchKey {
    type Err = NoSearchKey;
    fn from_str(text: &str) -> Result<Self, NoSearchKey> {
        let mut parts = text.split('.');
        let mut part = || parts.next().ok_or(NoSearchKey);
        let key = Self {
            second: part()?.parse().map_err(|_| NoSearchKey)?,
            count: part()?.parse().map_err(|_| NoSearchKey)?,
            merchant: part()?.parse().map_err(|_| NoSearchKey)?,
            kind: part()?.parse().map_err(|_| NoSearchKey)?,
        };
        if parts.next().is_none() { Ok(key) } else { Err(NoSearchKey) }
    }
}

/// Which days' totals to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TotalsQuery {
    /// Whose. `None` is for operators alone.
    pub merchant: Option<MerchantId>,
    /// At which chain.
    pub chain: Option<Chain>,
    /// The first day, in WIB.
    pub first: Date,
    /// The last day, in WIB.
    pub last: Date,
}

/// What one merchant's customers paid at one chain on one day (WIB).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many payments.
    pub count: u64,
    /// How much in all, in rupiah; more than one amount can be.
    pub rupiah: u64,
}

/// One line of the daily totals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayTotal {
    /// The day in WIB.
    pub day: Date,
    /// The chain.
    pub chain: Chain,
    /// The merchant.
    pub merchant: MerchantId,
    /// What was taken on that day and is paid, also what was returned by hand since.
    pub paid: Sum,
    /// What was returned by hand on that day.
    pub returned: Sum,
}
