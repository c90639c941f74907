//! What a rotation of any key or secret has in common, on the command line and in the back office: how a new one is
//! drawn, and how long the old one still counts.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gerai_domain::wib;
use gerai_ledger::RetiredKey;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;

/// How long the old one still counts beside the new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overlap {
    /// Not at all: it has leaked.
    None,
    /// So long.
    Lasting {
        /// The length.
        length: SignedDuration,
        /// Also while an earlier rotation's overlap lasts; what was replaced then ends at once.
        force: bool,
    },
}

/// A rotation within an overlap, which would end the oldest one at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the one before the last rotation still counts until {}, and would end at once", wib::human(*.until))]
pub struct StillCounts {
    /// Until when the oldest one counts.
    pub until: Timestamp,
}

impl Overlap {
    /// What is kept of `old` when it is replaced at `now`; `earlier` is what a rotation before has left.
    ///
    /// # Errors
    /// [`StillCounts`] while an earlier overlap lasts, unless forced.
    pub fn retire(
        self,
        old: SecretString,
        earlier: Option<&RetiredKey>,
        now: Timestamp,
    ) -> Result<Option<RetiredKey>, StillCounts> {
        match self {
            Self::None => Ok(None),
            Self::Lasting { length, force } => match earlier.filter(|earlier| earlier.counts(now) && !force) {
                Some(earlier) => Err(StillCounts { until: earlier.until }),
                None => Ok(Some(RetiredKey { key: old, until: now.checked_add(length).unwrap_or(Timestamp::MAX) })),
            },
        }
    }
}

/// 64 random bytes in base64: as long as the keys that NICEPAY gives out.
#[must_use]
pub fn draw_key() -> SecretString {
    let bytes: [u8; 64] = std::array::from_fn(|_| rand::random());
    STANDARD.encode(bytes).into()
}

/// A Standard Webhooks secret.
#[must_use]
pub fn draw_webhook_secret() -> SecretString {
    let bytes: [u8; 32] = rand::random();
    format!("whsec_{}", STANDARD.encode(bytes)).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    const DAY: Overlap = Overlap::Lasting { length: SignedDuration::from_hours(24), force: false };

    #[test]
    fn a_second_rotation_within_an_overlap_has_to_be_forced() {
        let now: Timestamp = "2026-01-31T03:00:00Z".parse().unwrap();
        let until = now + SignedDuration::from_hours(24);
        let first = DAY.retire("one".into(), None, now).unwrap().unwrap();
        assert_eq!((first.key.expose_secret(), first.until), ("one", until));

        assert_eq!(DAY.retire("two".into(), Some(&first), until).unwrap_err(), StillCounts { until });
        let forced = Overlap::Lasting { length: SignedDuration::from_hours(1), force: true };
        assert_eq!(forced.retire("two".into(), Some(&first), now).unwrap().unwrap().key.expose_secret(), "two");
        assert!(Overlap::None.retire("two".into(), Some(&first), now).unwrap().is_none());
        let after = until + SignedDuration::from_secs(1);
        assert!(DAY.retire("two".into(), Some(&first), after).unwrap().is_some());
    }
}
