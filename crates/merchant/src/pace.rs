//! When an order's status is asked for without anybody having said that it changed. A notification that a firewall eats is
//! so made up for within minutes, and an order expires on time.

use crate::order::OrderState;
use jiff::{SignedDuration, Timestamp};

/// How often the status of an order is asked for.
///
/// ```
/// use gerai_merchant::Pace;
/// use jiff::SignedDuration;
///
/// let patient = Pace { usual: SignedDuration::from_mins(15), ..Pace::default() };
/// assert_eq!(patient.quick, SignedDuration::from_mins(1));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pace {
    /// In the first and in the last half hour in which an order can be paid; after its deadline, at first. Default 1 minute.
    pub quick: SignedDuration,
    /// In between. Default 5 minutes.
    pub usual: SignedDuration,
    /// While a store has taken the cash and not confirmed it. Default 20 s.
    pub committing: SignedDuration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            quick: SignedDuration::from_mins(1),
            usual: SignedDuration::from_mins(5),
            committing: SignedDuration::from_secs(20),
        }
    }
}

/// What the pace depends on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standing {
    pub(crate) state: OrderState,
    pub(crate) since: Timestamp,
    pub(crate) opened_at: Timestamp,
    pub(crate) payable_until: Option<Timestamp>,
}

/// How long an order is young, or near its end.
const BUSY_TIME: SignedDuration = SignedDuration::from_mins(30);

/// The default period (S16), for a gateway that does not say its deadline.
const DEFAULT_PERIOD: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How rarely anything is asked for that may still change.
const LONGEST: SignedDuration = SignedDuration::from_hours(24);

/// A store may take a payment back for 15 minutes (rule 9); its notification may be lost too.
const AFTER_PAYMENT: [SignedDuration; 3] =
    [SignedDuration::from_mins(5), SignedDuration::from_mins(16), SignedDuration::from_mins(60)];

/// A commit may come late, of a payment that was taken before the deadline (rule 7).
const AFTER_EXPIRY: [SignedDuration; 4] = [
    SignedDuration::from_mins(2),
    SignedDuration::from_mins(10),
    SignedDuration::from_mins(60),
    SignedDuration::from_hours(24),
];

impl Pace {
    /// When to ask next, after a status was confirmed at `now`; `None` when nothing more is expected.
    pub(crate) fn next(&self, standing: Standing, now: Timestamp) -> Option<Timestamp> {
        let Standing { state, since, opened_at, payable_until } = standing;
        let at = |from: Timestamp, wait: SignedDuration| from.saturating_add(wait).unwrap_or(Timestamp::MAX);
        let step = |steps: &[SignedDuration]| steps.iter().map(|step| at(since, *step)).find(|next| *next > now);
        match state {
            OrderState::NotRegistered | OrderState::Cancelled | OrderState::Returned => None,
            OrderState::Registering => Some(at(now, self.quick)),
            OrderState::ReadyToCommit => Some(at(now, self.committing)),
            OrderState::Paid => step(&AFTER_PAYMENT),
            OrderState::Expired => step(&AFTER_EXPIRY),
            OrderState::AwaitingStore | OrderState::Unpaid => {
                // The deadline's own second still counts.
                let deadline = payable_until.unwrap_or_else(|| at(opened_at, DEFAULT_PERIOD));
                let over = at(deadline, SignedDuration::from_secs(1));
                let busy_until = at(opened_at, BUSY_TIME);
                let busy_from = deadline.saturating_sub(BUSY_TIME).unwrap_or(Timestamp::MIN);
                let next = if now >= over {
                    // One that the gateway itself does not let go of is asked for ever more rarely.
                    at(now, now.duration_since(over).clamp(self.quick, LONGEST.max(self.quick)))
                } else if now < busy_until || now >= busy_from {
                    at(now, self.quick)
                } else {
                    at(now, self.usual).min(busy_from.max(at(now, self.quick)))
                };
                Some(if now < over { next.min(over) } else { next })
            }
        }
    }

    /// When to ask again after the `failures`-th time in a row that the status could not be had; `lasting` when the
    /// gateway has refused it in a way that does not pass by itself.
    pub(crate) fn after_failure(&self, failures: u32, lasting: bool, now: Timestamp) -> Timestamp {
        let longest = if lasting { LONGEST } else { self.usual };
        let wait = SignedDuration::from_secs(10 << failures.saturating_sub(1).min(14)).min(longest);
        now.saturating_add(wait).unwrap_or(Timestamp::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPENED: &str = "2031-05-05T03:00:00Z";

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// The moments at which an order would be asked for that stays as it is, in seconds from its opening.
    fn asked(state: OrderState, until: SignedDuration) -> Vec<i64> {
        let opened_at = time(OPENED);
        let deadline = Some(opened_at + SignedDuration::from_hours(24));
        let mut now = opened_at;
        let mut asked = Vec::new();
        loop {
            let standing = Standing { state, since: opened_at, opened_at, payable_until: deadline };
            match Pace::default().next(standing, now) {
                Some(next) if next <= opened_at + until => {
                    assert!(next > now, "time must move on");
                    asked.push(next.duration_since(opened_at).as_secs());
                    now = next;
                }
                Some(_) | None => return asked,
            }
        }
    }

    #[test]
    fn an_open_order_is_never_left_alone_for_more_than_minutes_s23() {
        let asked = asked(OrderState::Unpaid, SignedDuration::from_hours(24) + SignedDuration::from_secs(1));
        let gaps: Vec<i64> = asked.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(gaps.iter().all(|gap| *gap <= 300), "{gaps:?}");
        assert_eq!(asked.first(), Some(&60));
        assert!(asked.len() < 400, "{}", asked.len());
        let last_half_hour: Vec<i64> = asked.iter().copied().filter(|at| *at >= 86_400 - 1_800).collect();
        assert!(last_half_hour.windows(2).all(|pair| pair[1] - pair[0] <= 60), "{last_half_hour:?}");
        assert_eq!(asked.last(), Some(&86_401), "right after the deadline's own second");
    }

    #[test]
    fn what_is_still_unpaid_after_its_deadline_is_asked_for_ever_more_rarely() {
        let day = 86_400;
        let asked = asked(OrderState::Unpaid, SignedDuration::from_hours(24 * 30));
        let after: Vec<i64> = asked.into_iter().filter(|at| *at > day + 1).map(|at| at - day - 1).collect();
        assert_eq!(after.get(..5), Some(&[60, 120, 240, 480, 960][..]));
        assert!(after.len() < 45, "{}", after.len());
        assert!(after.windows(2).all(|pair| pair[1] - pair[0] <= day), "{after:?}");
    }

    #[test]
    fn what_was_paid_or_has_expired_is_looked_at_a_few_times_more() {
        let days = SignedDuration::from_hours(72);
        assert_eq!(asked(OrderState::Paid, days), [300, 960, 3600]);
        assert_eq!(asked(OrderState::Expired, days), [120, 600, 3600, 86_400]);
        for state in [OrderState::Cancelled, OrderState::Returned, OrderState::NotRegistered] {
            assert!(asked(state, days).is_empty(), "{state}");
        }
    }

    #[test]
    fn a_gateway_that_is_away_is_asked_more_and_more_rarely_but_within_minutes() {
        let now = time(OPENED);
        let waits = |lasting| {
            [1, 2, 3, 4, 5, 6, 10, 40, u32::MAX]
                .map(|failures| Pace::default().after_failure(failures, lasting, now).duration_since(now).as_secs())
        };
        assert_eq!(waits(false), [10, 20, 40, 80, 160, 300, 300, 300, 300]);
        // A refusal that does not pass by itself: a payment that is gone, a key that is no longer right.
        assert_eq!(waits(true), [10, 20, 40, 80, 160, 320, 5120, 86_400, 86_400]);
    }
}
