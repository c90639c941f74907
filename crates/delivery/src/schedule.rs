//! When to try again. Pure arithmetic: the random number comes in as an argument.

use std::time::Duration;

use crate::outbox::Verdict;
use crate::settings::SettingsError;

/// The waits between attempts, with jitter.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    waits: Vec<Duration>,
    jitter: f64,
}

impl Schedule {
    /// The n-th of `waits` follows the n-th failed attempt; `jitter` is the fraction by which each may be longer or
    /// shorter, from 0 up to but not including 1.
    pub fn new(waits: Vec<Duration>, jitter: f64) -> Result<Self, SettingsError> {
        if !(0.0..1.0).contains(&jitter) {
            return Err(SettingsError::Jitter);
        }
        // Keeps the multiplication below far from a Duration's end.
        if waits.iter().any(|wait| *wait > Self::LONGEST) {
            return Err(SettingsError::Schedule);
        }
        Ok(Self { waits, jitter })
    }

    const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);

    /// What follows once `failures` attempts have failed, the present one included. `luck` is uniform in `0.0..1.0`
    /// and decides the jitter.
    pub fn after_failures(&self, failures: u32, luck: f64) -> Verdict {
        let index = usize::try_from(failures.saturating_sub(1)).unwrap_or(usize::MAX);
        match self.waits.get(index) {
            Some(wait) => {
                Verdict::Retry { after: wait.mul_f64(1.0 + self.jitter * (2.0 * luck.clamp(0.0, 1.0) - 1.0)) }
            }
            None => Verdict::Exhausted,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Strategy, prop_assert, prop_assert_eq, proptest};

    use super::{Duration, Schedule, SettingsError, Verdict};
    use crate::settings::Settings;

    fn as_specified() -> Schedule {
        let Settings { schedule, .. } = Settings::default();
        Schedule::new(schedule, 0.1).unwrap()
    }

    #[test]
    fn rule_13_waits_10_s_to_24_h_and_then_gives_up() {
        let waits_s = [10, 30, 120, 600, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400];
        let schedule = as_specified();
        for (failures, wait_s) in (1..).zip(waits_s) {
            let wait = Duration::from_secs(wait_s);
            for (luck, expected) in [(0.0, 0.9), (0.5, 1.0), (1.0, 1.1)] {
                let Verdict::Retry { after } = schedule.after_failures(failures, luck) else {
                    panic!("gave up after {failures} failures");
                };
                let off = after.as_secs_f64() - wait.as_secs_f64() * expected;
                assert!(off.abs() < 1e-6, "{failures} failures: {after:?}");
            }
        }
        assert_eq!(schedule.after_failures(11, 0.5), Verdict::Exhausted);
        assert_eq!(schedule.after_failures(u32::MAX, 0.5), Verdict::Exhausted);
    }

    #[test]
    fn an_empty_schedule_never_tries_again() {
        let schedule = Schedule::new(Vec::new(), 0.0).unwrap();
        assert_eq!(schedule.after_failures(1, 0.0), Verdict::Exhausted);
    }

    #[test]
    fn jitter_outside_its_range_and_absurd_waits_are_refused() {
        for jitter in [-0.1, 1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(Schedule::new(Vec::new(), jitter), Err(SettingsError::Jitter));
        }
        assert_eq!(Schedule::new(vec![Duration::MAX], 0.1), Err(SettingsError::Schedule));
    }

    proptest! {
        #[test]
        fn every_wait_stays_within_its_jitter(
            waits_ms in proptest::collection::vec(0_u64..100_000_000, 0..12),
            jitter in 0.0_f64..1.0,
            failures in 1_u32..16,
            luck in (0_u32..=1000).prop_map(|n| f64::from(n) / 1000.0),
        ) {
            let waits: Vec<_> = waits_ms.iter().copied().map(Duration::from_millis).collect();
            let schedule = Schedule::new(waits.clone(), jitter).unwrap();
            match schedule.after_failures(failures, luck) {
                Verdict::Retry { after } => {
                    let wait = waits[failures as usize - 1].as_secs_f64();
                    prop_assert!(after.as_secs_f64() >= wait * (1.0 - jitter) - 1e-6);
                    prop_assert!(after.as_secs_f64() <= wait * (1.0 + jitter) + 1e-6);
                }
                Verdict::Exhausted => prop_assert!(failures as usize > waits.len()),
                Verdict::Accepted => prop_assert_eq!(true, false),
            }
        }
    }
}
