//! The slips of paper that the counter's steps end in. A step is asked for with a POST and leads to its slip with a GET,
//! so that a page that is loaded again sends nothing again. They are kept in memory, the newest of them.

use super::carried::Carried;
use super::why::Why;
use crate::store::Service;
use jiff::Timestamp;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// How many are kept.
const KEPT: usize = 500;

/// A slip's name in its address; nobody guesses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SlipId(u128);

impl fmt::Display for SlipId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl FromStr for SlipId {
    type Err = std::num::ParseIntError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u128::from_str_radix(text, 16).map(Self)
    }
}

/// What came of a step.
#[derive(Debug)]
pub(super) struct Slip {
    pub(super) carried: Carried,
    pub(super) what: What,
}

#[derive(Debug)]
pub(super) enum What {
    /// What is owed.
    Bill(Bill),
    /// The money was taken.
    Taken(Taken),
    /// It was given back.
    Reversed,
    /// It was refused, or nobody knows.
    Refused(Refused),
}

/// What an inquiry says.
#[derive(Debug)]
pub(super) struct Bill {
    pub(super) biller: String,
    pub(super) customer: String,
    pub(super) goods: String,
    pub(super) payable_until: Timestamp,
}

/// What a payment or a commit says.
#[derive(Debug)]
pub(super) struct Taken {
    /// Paid; otherwise it waits for its commit.
    pub(super) paid: bool,
    pub(super) receipt: Vec<String>,
    pub(super) paid_at: Timestamp,
}

/// What was refused, and in whose words.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) service: Service,
    pub(super) why: Why,
    /// The code and the sentence that the till was sent, for the developer.
    pub(super) code: Option<String>,
    pub(super) message: Option<String>,
    /// When the brand opens, where it is closed.
    pub(super) opens: Option<Timestamp>,
}

impl What {
    /// Its name in the log.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Bill(_) => "bill",
            Self::Taken(Taken { paid: false, .. }) => "ready_to_commit",
            Self::Taken(Taken { paid: true, .. }) => "paid",
            Self::Reversed => "reversed",
            Self::Refused(_) => "refused",
        }
    }
}

/// The newest slips.
#[derive(Default)]
pub(super) struct Slips(Mutex<VecDeque<(SlipId, Arc<Slip>)>>);

impl Slips {
    pub(super) fn keep(&self, slip: Slip) -> SlipId {
        let id = SlipId(rand::random());
        let mut slips = self.0.lock();
        if slips.len() == KEPT {
            slips.pop_front();
        }
        slips.push_back((id, Arc::new(slip)));
        id
    }

    pub(super) fn find(&self, id: SlipId) -> Option<Arc<Slip>> {
        self.0.lock().iter().rev().find(|(known, _)| *known == id).map(|(_, slip)| Arc::clone(slip))
    }

    pub(super) fn clear(&self) {
        self.0.lock().clear();
    }
}

#[cfg(test)]
mod tests {
    use super::super::carried::Fields;
    use super::*;

    #[test]
    fn the_oldest_slips_go_first() {
        let slips = Slips::default();
        let slip = || Slip { carried: Carried::read(&Fields::read(b"")), what: What::Reversed };
        let first = slips.keep(slip());
        let second = slips.keep(slip());
        for _ in 0..KEPT - 1 {
            slips.keep(slip());
        }
        assert!(slips.find(first).is_none() && slips.find(second).is_some());
        assert_eq!(second.to_string().parse(), Ok(second));
        slips.clear();
        assert!(slips.find(second).is_none());
    }
}
