//! When a store brand takes payments (rule 6, S17, S18). Closed from a time of day until another, in WIB, usually
//! across midnight.

use crate::wib;
use jiff::civil::Time;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A brand's daily hours, in WIB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum OpeningHours {
    /// No rule: open around the clock.
    Always,
    /// Closed from `closes` (that second is closed) until `opens` (that second is open).
    ClosedBetween {
        /// The first closed second.
        closes: Time,
        /// The first open second.
        opens: Time,
    },
}

/// A text that says no hours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("hours are `always`, or the closed period as HH:MM-HH:MM in WIB with two different times, not `{0}`")]
pub struct HoursError(String);

impl OpeningHours {
    /// Closed from one whole hour to another.
    #[must_use]
    pub const fn closed_between(closes: i8, opens: i8) -> Self {
        Self::ClosedBetween { closes: jiff::civil::time(closes, 0, 0, 0), opens: jiff::civil::time(opens, 0, 0, 0) }
    }

    /// Whether the brand takes payments at `at`.
    #[must_use]
    pub fn is_open(self, at: Timestamp) -> bool {
        match self {
            Self::Always => true,
            Self::ClosedBetween { closes, opens } => {
                let now = wib::wall(at).time();
                if closes < opens { now < closes || now >= opens } else { now < closes && now >= opens }
            }
        }
    }

    /// The last open second before the closed period that `at` falls in; `at` itself when open.
    #[must_use]
    pub fn last_open(self, at: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Always => Some(at),
            Self::ClosedBetween { closes, .. } => {
                if self.is_open(at) {
                    return Some(at);
                }
                let wall = wib::wall(at);
                let day = if wall.time() >= closes { wall.date() } else { wall.date().yesterday().ok()? };
                wib::instant(day.to_datetime(closes))?.checked_sub(SignedDuration::from_secs(1)).ok()
            }
        }
    }

    /// The moment from which the brand is open again; `at` itself when open.
    #[must_use]
    pub fn next_open(self, at: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Always => Some(at),
            Self::ClosedBetween { opens, .. } => {
                if self.is_open(at) {
                    return Some(at);
                }
                let wall = wib::wall(at);
                let day = if wall.time() < opens { wall.date() } else { wall.date().tomorrow().ok()? };
                wib::instant(day.to_datetime(opens))
            }
        }
    }

    /// The moment after `at` at which the brand next closes or opens; `None` for one that never does.
    #[must_use]
    pub fn changes_after(self, at: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Always => None,
            Self::ClosedBetween { closes, opens } => {
                let next = if self.is_open(at) { closes } else { opens };
                let wall = wib::wall(at);
                let day = if wall.time() < next { wall.date() } else { wall.date().tomorrow().ok()? };
                wib::instant(day.to_datetime(next))
            }
        }
    }
}

impl FromStr for OpeningHours {
    type Err = HoursError;
    fn from_str(text: &str) -> Result<Self, HoursError> {
        let wrong = || HoursError(text.chars().take(40).collect());
        if text == "always" {
            return Ok(Self::Always);
        }
        let (closes, opens) = text.split_once('-').ok_or_else(wrong)?;
        let read = |part: &str| {
            let (hour, minute) = part.split_once(':')?;
            if hour.len() != 2 || minute.len() != 2 {
                return None;
            }
            wib::parse_time(&format!("{hour}{minute}00"))
        };
        match (read(closes), read(opens)) {
            (Some(closes), Some(opens)) if closes != opens => Ok(Self::ClosedBetween { closes, opens }),
            _ => Err(wrong()),
        }
    }
}

impl TryFrom<String> for OpeningHours {
    type Error = HoursError;
    fn try_from(text: String) -> Result<Self, HoursError> {
        text.parse()
    }
}

impl From<OpeningHours> for String {
    fn from(hours: OpeningHours) -> Self {
        hours.to_string()
    }
}

impl fmt::Display for OpeningHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Always => f.write_str("always"),
            Self::ClosedBetween { closes, opens } => {
                write!(f, "{:02}:{:02}-{:02}:{:02}", closes.hour(), closes.minute(), opens.hour(), opens.minute())
            }
        }
    }
}
