//! What an engine counts of its own work: payments and their amounts, by what each transaction brought, and how large
//! and how long transactions are.

use gerai_domain::{Chain, Kind, Notice, NoticeStatus};
use std::sync::atomic::{AtomicU64, Ordering};

/// How many bounds a distribution of [`LedgerStats`](crate::LedgerStats) has.
pub const BUCKETS: usize = 10;

/// Counts by upper bound.
#[derive(Debug, Default)]
pub(crate) struct Distribution([AtomicU64; BUCKETS + 1]);

impl Distribution {
    pub(crate) fn note(&self, bounds: &[u64; BUCKETS], value: u64) {
        let place = bounds.partition_point(|bound| *bound < value);
        self.0[place].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> [u64; BUCKETS + 1] {
        std::array::from_fn(|place| self.0[place].load(Ordering::Relaxed))
    }
}

/// What was paid, and what was given back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Taking {
    /// Payments that became Paid.
    pub payments: u64,
    /// Their amounts, in rupiah.
    pub rupiah: u64,
    /// Payments that were Paid and were reversed by the chain or returned by an operator.
    pub reversals: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Takings {
    payments: AtomicU64,
    rupiah: AtomicU64,
    reversals: AtomicU64,
}

impl Takings {
    pub(crate) fn add(&self, more: &Taking) {
        self.payments.fetch_add(more.payments, Ordering::Relaxed);
        self.rupiah.fetch_add(more.rupiah, Ordering::Relaxed);
        self.reversals.fetch_add(more.reversals, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> Taking {
        Taking {
            payments: self.payments.load(Ordering::Relaxed),
            rupiah: self.rupiah.load(Ordering::Relaxed),
            reversals: self.reversals.load(Ordering::Relaxed),
        }
    }
}

/// What the commands of a transaction have brought, counted when it is on disk.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    pub(crate) direct: u64,
    pub(crate) redirect: u64,
    pub(crate) alma: Taking,
    pub(crate) indo: Taking,
}

impl Tally {
    pub(crate) fn registered(&mut self, kind: Kind) {
        match kind {
            Kind::Direct => self.direct += 1,
            Kind::Redirect => self.redirect += 1,
        }
    }

    /// What merchants are told of is what was paid and given back (rule 13).
    pub(crate) fn told(&mut self, notice: &Notice) {
        let taking = match notice.chain {
            Some(Chain::Alma) => &mut self.alma,
            Some(Chain::Indo) => &mut self.indo,
            // Nobody pays where no store was chosen.
            None => return,
        };
        match notice.status {
            NoticeStatus::Deposit => {
                taking.payments += 1;
                taking.rupiah += notice.amount.get();
            }
            NoticeStatus::Reversal => taking.reversals += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_counts_under_the_first_bound_that_holds_it() {
        let bounds = [1, 2, 4, 8, 16, 32, 64, 128, 256, 1024];
        let distribution = Distribution::default();
        for value in [0, 1, 2, 3, 1024, 1025, u64::MAX] {
            distribution.note(&bounds, value);
        }
        assert_eq!(distribution.read(), [2, 1, 1, 0, 0, 0, 0, 0, 0, 1, 2]);
    }
}
