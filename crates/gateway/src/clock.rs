//! The gateway's clock, which rules business time: deadlines, opening hours, commit time, the reversal window, AutoPaid
//! and the retry schedule. In a sandbox it can be moved and frozen; elsewhere it is the system's.

use jiff::{SignedDuration, Timestamp};
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Tells the gateway's time. Clones tell the same.
#[derive(Debug, Clone, Default)]
pub struct Clock(Arc<RwLock<Shift>>);

/// How the gateway's time differs from real time. Kept by the ledger, so that it survives a restart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Shift {
    offset: SignedDuration,
    frozen_at: Option<Timestamp>,
}

impl Shift {
    fn now(&self) -> Timestamp {
        self.frozen_at.unwrap_or_else(|| Timestamp::now().saturating_add(self.offset).unwrap_or(Timestamp::MAX))
    }

    /// Shows `to` from now on; keeps standing still if it does.
    fn show(&mut self, to: Timestamp) {
        match &mut self.frozen_at {
            Some(at) => *at = to,
            None => self.offset = to.duration_since(Timestamp::now()),
        }
    }
}

impl Clock {
    /// The system's time.
    #[must_use]
    pub fn system() -> Self {
        Self::default()
    }

    /// Now, by the gateway.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        // Read under the lock, so that whoever is overtaken by a move does not tell a time from before it.
        self.0.read().now()
    }

    /// Whether it stands still.
    #[must_use]
    pub fn frozen(&self) -> bool {
        self.0.read().frozen_at.is_some()
    }

    /// How far it is ahead of real time (behind, when negative).
    #[must_use]
    pub fn ahead(&self) -> SignedDuration {
        self.now().duration_since(Timestamp::now())
    }

    pub(crate) fn shift(&self) -> Shift {
        *self.0.read()
    }

    pub(crate) fn restore(&self, shift: Shift) {
        *self.0.write() = shift;
    }

    /// Shows `to` from now on, be it later or earlier; keeps standing still if it does.
    pub(crate) fn jump(&self, to: Timestamp) {
        self.0.write().show(to);
    }

    /// Shows `to` from now on, unless it has come that far already: then it stays as it is.
    pub(crate) fn forward(&self, to: Timestamp) {
        let mut shift = self.0.write();
        if to > shift.now() {
            shift.show(to);
        }
    }

    /// Stands still, or goes on from where it stood.
    pub(crate) fn freeze(&self, frozen: bool) {
        let mut shift = self.0.write();
        let now = shift.now();
        if frozen {
            shift.frozen_at = Some(now);
        } else if shift.frozen_at.take().is_some() {
            shift.offset = now.duration_since(Timestamp::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frozen_clock_stands_still_and_goes_on_from_there() {
        let clock = Clock::system();
        let far: Timestamp = "2031-05-01T00:00:00Z".parse().unwrap();
        clock.freeze(true);
        clock.jump(far);
        assert_eq!((clock.now(), clock.now(), clock.frozen()), (far, far, true));
        clock.freeze(false);
        let went = clock.now().duration_since(far);
        assert!(went >= SignedDuration::ZERO && went < SignedDuration::from_secs(60), "{went}");
    }

    #[test]
    fn a_running_clock_that_has_passed_the_time_it_is_moved_to_stays_as_it_is() {
        let clock = Clock::system();
        let target = clock.now() + SignedDuration::from_secs(60);
        // Whoever moved it has waited meanwhile, and it has run on.
        clock.jump(target + SignedDuration::from_secs(2));
        clock.forward(target);
        assert!(clock.now() >= target + SignedDuration::from_secs(2));
        clock.freeze(true);
        let stands = clock.now();
        clock.forward(target);
        assert_eq!(clock.now(), stands);
        clock.forward(stands + SignedDuration::from_secs(1));
        assert_eq!(clock.now(), stands + SignedDuration::from_secs(1));
    }

    #[test]
    fn a_shift_survives_being_written_down() {
        let clock = Clock::system();
        clock.jump("2031-05-01T00:00:00Z".parse().unwrap());
        let text = serde_json::to_string(&clock.shift()).unwrap();
        let again = Clock::system();
        again.restore(serde_json::from_str(&text).unwrap());
        assert!(again.now().duration_since(clock.now()).abs() < SignedDuration::from_secs(60));
    }
}
