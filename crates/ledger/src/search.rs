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
    /// At most so many payments are looked at, so that a search for what is rare ends in bounded time however many there
    /// are; it then says how far back it came. Passing by another merchant's payment costs a sixteenth of a look.
    pub effort: usize,
}

/// What was found. The order is that of the seconds in the payments' ids, which is that of registration; where the clock
/// was set back in between, ids go on from the later second. Within a second the order is a fixed one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The payments, newest first.
    pub payments: Vec<Payment>,
    /// Where the search goes on; `None` when all has been looked at.
    pub next: Option<SearchKey>,
    /// When the search ended because of its effort: it has looked at everything registered at this instant or later.
    pub looked_back_to: Option<Timestamp>,
}

/// A place in the list of payments, newest first. As text it is opaque: letters, digits and dashes. One that a
/// merchant's search gives names no other merchant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SearchKey {
    /// The second in the payment's id, since 1970 (UTC).
    pub(crate) second: i64,
    /// Which of its second it is.
    pub(crate) count: u32,
    /// The merchant's id.
    pub(crate) merchant: [u8; 10],
    /// By how it was registered: what has a smaller code comes behind.
    pub(crate) kind: u8,
}

/// A text that names no place in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no place in the list of payments")]
pub struct NoSearchKey;

impl SearchKey {
    pub(crate) fn merchant(&self) -> &str {
        std::str::from_utf8(&self.merchant).unwrap_or_default()
    }
}

impl fmt::Display for SearchKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{:x}-{}-{:x}", self.second, self.count, self.merchant(), self.kind)
    }
}

impl FromStr for SearchKey {
    type Err = NoSearchKey;
    fn from_str(text: &str) -> Result<Self, NoSearchKey> {
        let parts: Vec<&str> = text.splitn(5, '-').collect();
        let [second, count, merchant, kind] = parts[..] else { return Err(NoSearchKey) };
        let merchant: MerchantId = merchant.parse().map_err(|_| NoSearchKey)?;
        Ok(Self {
            second: u64::from_str_radix(second, 16).map_err(|_| NoSearchKey)?.cast_signed(),
            count: u32::from_str_radix(count, 16).map_err(|_| NoSearchKey)?,
            merchant: merchant.as_str().as_bytes().try_into().map_err(|_| NoSearchKey)?,
            kind: u8::from_str_radix(kind, 16).map_err(|_| NoSearchKey)?,
        })
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_place_is_read_back_from_its_text(second: i64, count: u32, kind: u8, merchant in "[A-Za-z0-9]{10}") {
            let merchant = merchant.as_bytes().try_into().unwrap();
            let key = SearchKey { second, count, merchant, kind };
            let text = key.to_string();
            prop_assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'), "{}", text);
            prop_assert_eq!(text.parse(), Ok(key));
        }

        #[test]
        fn any_other_text_is_refused(text in "\\PC{0,40}") {
            if let Ok(key) = text.parse::<SearchKey>() {
                prop_assert_eq!(key.to_string().parse(), Ok(key));
            }
        }
    }

    #[test]
    fn a_wrong_text_is_no_place() {
        let long = "f".repeat(17);
        for wrong in [
            "",
            "-",
            "1-2",
            "1-2-GERAITEST1",
            "1-2-GERAITEST1-0-0",
            "1-2-GERAI-0",
            "x-2-GERAITEST1-0",
            "1-2-GERAITEST1-100",
        ]
        .into_iter()
        .chain([format!("{long}-2-GERAITEST1-0").as_str()])
        {
            assert_eq!(wrong.parse::<SearchKey>(), Err(NoSearchKey), "{wrong}");
        }
    }
}
