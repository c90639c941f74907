//! What a fault is: what it is aimed at, how often it strikes, and what it does.

use axum::http::StatusCode;
use gerai_domain::{Chain, Notice, NoticeStatus};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use serde_json::{Map, Value};
use std::time::Duration;

/// Where a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum On {
    /// A merchant's call.
    MerchantApi,
    /// A chain's call.
    StoreApi,
    /// An attempt to deliver a notification.
    Notification,
}

/// Before or after the gateway has done its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// Nothing was done.
    Before,
    /// It was done, and only the answer suffers.
    After,
}

/// What befalls a call.
#[derive(Debug, Clone)]
pub(crate) enum CallFault {
    /// It takes so much longer, in real time.
    Delay(Duration, When),
    /// The connection is closed without an answer.
    Drop(When),
    /// A proxy's page with this status in place of the answer.
    Status(StatusCode, When),
    /// The answer's body ends half-way.
    BrokenJson,
    /// The chain's call is refused with this case.
    Reject(StatusCode, u8),
    /// The answer has these fields in place of its own.
    Answer(Vec<(String, Value)>),
}

/// What befalls a notification before it is sent, once for each message.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Timing {
    /// It waits so much longer, in real time.
    Delay(Duration),
    /// It is not sent; the attempt counts as failed.
    Drop,
    /// It is not sent; it counts as delivered.
    Lose,
    /// It waits until it is let go.
    HoldBack,
    /// It waits until the payment's next one has gone before it.
    Reorder,
}

/// What befalls a notification as it is sent.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    /// It is sent so many times in all, this far apart.
    Duplicate { times: u32, apart: Duration },
    /// It says something else.
    Alter(Alteration),
}

/// The `merchantToken` of an altered notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token {
    /// The one that the merchant computes over the fields as they are sent.
    Right,
    /// One made with another key.
    Wrong,
}

/// The `webhook-signature` of an altered notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signature {
    /// Made with the merchant's webhook secret over the body as it is sent.
    Right,
    /// Made with another secret.
    Wrong,
    /// No such header.
    None,
}

/// How a notification differs from the true one.
#[derive(Debug, Clone)]
pub(crate) struct Alteration {
    /// `status` 0 becomes 1, 1 becomes 0.
    pub(crate) flip: bool,
    /// Fields in place of its own.
    pub(crate) set: Vec<(String, String)>,
    /// Its token.
    pub(crate) token: Token,
    /// Its signature.
    pub(crate) signature: Signature,
    /// Whether the body ends half-way.
    pub(crate) cut: bool,
}

impl Alteration {
    /// Nothing yet, as by somebody who has no webhook secret.
    pub(super) const NONE: Self =
        Self { flip: false, set: Vec::new(), token: Token::Right, signature: Signature::Wrong, cut: false };
}

/// What a fault does.
#[derive(Debug, Clone)]
pub(crate) enum Effect {
    Call(CallFault),
    Timing(Timing),
    Content(Content),
}

/// What a call or a notification is known by. As the aim of a fault: what those that it strikes have in common.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    pub(crate) on: On,
    pub(crate) path: Option<&'static str>,
    pub(crate) imid: Option<String>,
    pub(crate) tx_id: Option<String>,
    pub(crate) reference_no: Option<String>,
    pub(crate) pay_no: Option<String>,
    pub(crate) chain: Option<Chain>,
    pub(crate) status: Option<NoticeStatus>,
}

impl Subject {
    /// Whatever comes by there.
    pub(crate) const fn any(on: On) -> Self {
        Self { on, path: None, imid: None, tx_id: None, reference_no: None, pay_no: None, chain: None, status: None }
    }

    pub(crate) fn notification(notice: &Notice) -> Self {
        Self {
            on: On::Notification,
            path: None,
            imid: Some(notice.merchant.to_string()),
            tx_id: Some(notice.tx_id.to_string()),
            reference_no: Some(notice.reference_no.clone()),
            pay_no: notice.pay_no.map(|number| number.to_string()),
            chain: notice.chain,
            status: Some(notice.status),
        }
    }

    /// As an aim: whether it is this one, by all that the aim names.
    pub(crate) fn covers(&self, seen: &Self) -> bool {
        fn fits<T: PartialEq>(asked: &Option<T>, there: &Option<T>) -> bool {
            asked.is_none() || asked == there
        }
        let Self { on, path, imid, tx_id, reference_no, pay_no, chain, status } = self;
        *on == seen.on
            && fits(path, &seen.path)
            && fits(imid, &seen.imid)
            && fits(tx_id, &seen.tx_id)
            && fits(reference_no, &seen.reference_no)
            && fits(pay_no, &seen.pay_no)
            && fits(chain, &seen.chain)
            && fits(status, &seen.status)
    }
}

/// How often a fault strikes what it is aimed at.
#[derive(Debug, Clone)]
pub(crate) struct Odds {
    /// How often still; `None` without an end.
    left: Option<u64>,
    chance: Option<Chance>,
}

#[derive(Debug, Clone)]
struct Chance {
    probability: f64,
    draws: Xoshiro256PlusPlus,
}

impl Odds {
    /// Whatever it meets, so many times.
    pub(crate) const fn counted(times: u64) -> Self {
        Self { left: Some(times), chance: None }
    }

    /// What a draw decides on; the same seed gives the same sequence. At most `most` times, if that is given.
    pub(crate) fn drawn(probability: f64, seed: u64, most: Option<u64>) -> Self {
        Self { left: most, chance: Some(Chance { probability, draws: Xoshiro256PlusPlus::seed_from_u64(seed) }) }
    }

    /// Whether it strikes what it has just met.
    pub(crate) fn strikes(&mut self) -> bool {
        if self.left == Some(0)
            || !self.chance.as_mut().is_none_or(|Chance { probability, draws }| draws.random_bool(*probability))
        {
            return false;
        }
        if let Some(left) = &mut self.left {
            *left -= 1;
        }
        true
    }

    pub(crate) fn left(&self) -> Option<u64> {
        self.left
    }
}

/// A fault as it was asked for.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    pub(crate) name: &'static str,
    pub(crate) aim: Subject,
    pub(crate) odds: Odds,
    pub(crate) effect: Effect,
    /// The JSON that it was made from, with the seed if that was drawn here.
    pub(crate) told: Map<String, Value>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_sequence_each_time_and_a_count_bounds_it() {
        let sequence = |mut odds: Odds| -> Vec<bool> { (0..1_000).map(|_| odds.strikes()).collect() };
        let first = sequence(Odds::drawn(0.3, 7, None));
        assert_eq!(first, sequence(Odds::drawn(0.3, 7, None)));
        assert_ne!(first, sequence(Odds::drawn(0.3, 8, None)));
        let strikes = first.iter().filter(|struck| **struck).count();
        assert!((250..350).contains(&strikes), "{strikes}");
        // Written down, so that a sequence that somebody relies on does not change with a library.
        let positions: Vec<usize> = first.iter().enumerate().filter(|(_, struck)| **struck).map(|(n, _)| n).collect();
        assert_eq!(positions[..6], [0, 1, 9, 10, 11, 13]);
        let bounded = sequence(Odds::drawn(0.3, 7, Some(4)));
        assert_eq!(bounded.iter().filter(|struck| **struck).count(), 4);
    }
}
