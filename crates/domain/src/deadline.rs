//! Until when a payment may be taken (rule 1, S16, S28), and the real last moment at a given brand (rule 6). A
//! deadline is a whole second, and that second still counts.

use crate::hours::OpeningHours;
use crate::wib;
use jiff::civil::{Date, Time};
use jiff::{SignedDuration, Timestamp};

/// Why a wished-for deadline cannot be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DeadlineError {
    /// A time of day without its date.
    #[error("payValidTm needs payValidDt")]
    TimeWithoutDate,
    /// At or before now.
    #[error("the deadline is not in the future")]
    NotInFuture,
    /// Beyond the gateway's longest period.
    #[error("the deadline is further away than the gateway allows")]
    TooFar,
}

/// The deadline in force for a registration at `now`.
///
/// Without a date it is `now + period`; a date alone means that day's 23:59:59 (WIB).
///
/// # Errors
/// See [`DeadlineError`]; `longest` is counted from `now`.
pub fn deadline(
    now: Timestamp,
    period: SignedDuration,
    date: Option<Date>,
    time: Option<Time>,
    longest: SignedDuration,
) -> Result<Timestamp, DeadlineError> {
    let wanted = match (date, time) {
        (None, Some(_)) => return Err(DeadlineError::TimeWithoutDate),
        (None, None) => now.checked_add(period).map_err(|_| DeadlineError::TooFar)?,
        (Some(date), time) => {
            let time = time.unwrap_or(jiff::civil::time(23, 59, 59, 0));
            wib::instant(date.to_datetime(time)).ok_or(DeadlineError::TooFar)?
        }
    };
    if wanted.as_second() <= now.as_second() {
        return Err(DeadlineError::NotInFuture);
    }
    if now.checked_add(longest).is_ok_and(|limit| wanted.as_second() > limit.as_second()) {
        return Err(DeadlineError::TooFar);
    }
    Timestamp::from_second(wanted.as_second()).map_err(|_| DeadlineError::TooFar)
}

/// The real last moment to pay at a brand with these hours: the deadline, less the closed period it falls in.
///
/// `None` when there is no such moment at or after `from` (rule 6).
#[must_use]
pub fn last_moment(from: Timestamp, deadline: Timestamp, hours: OpeningHours) -> Option<Timestamp> {
    hours.last_open(deadline).filter(|last| last.as_second() >= from.as_second())
}
