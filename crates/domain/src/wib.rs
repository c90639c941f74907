//! Western Indonesian Time, the time of every date on the wire: UTC+7 all year. A fixed offset, because slim images
//! carry no zone files.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;

/// UTC+7.
pub const WIB: Offset = jiff::tz::offset(7);

/// The wall clock in Jakarta at `at`.
#[must_use]
pub fn wall(at: Timestamp) -> DateTime {
    WIB.to_datetime(at)
}

/// The instant at which Jakarta's wall clock shows `wall`; `None` outside the range of time that can be told.
#[must_use]
pub fn instant(wall: DateTime) -> Option<Timestamp> {
    WIB.to_timestamp(wall).ok()
}

/// `yyyyMMdd`.
#[must_use]
pub fn date(at: Timestamp) -> String {
    let d = wall(at);
    format!("{:04}{:02}{:02}", d.year(), d.month(), d.day())
}

/// `HHmmss`.
#[must_use]
pub fn time(at: Timestamp) -> String {
    let d = wall(at);
    format!("{:02}{:02}{:02}", d.hour(), d.minute(), d.second())
}

/// `yyyyMMddHHmmss`.
#[must_use]
pub fn stamp(at: Timestamp) -> String {
    let d = wall(at);
    format!("{:04}{:02}{:02}{:02}{:02}{:02}", d.year(), d.month(), d.day(), d.hour(), d.minute(), d.second())
}

/// For people: `2026-01-31 21:59:59 WIB`.
#[must_use]
pub fn human(at: Timestamp) -> String {
    let d = wall(at);
    format!("{:04}-{:02}-{:02} {:02}:{:02}:{:02} WIB", d.year(), d.month(), d.day(), d.hour(), d.minute(), d.second())
}

/// ISO 8601 with offset, whole seconds: `2026-01-31T21:59:59+07:00`.
#[must_use]
pub fn iso(at: Timestamp) -> String {
    let d = wall(at);
    format!("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}+07:00", d.year(), d.month(), d.day(), d.hour(), d.minute(), d.second())
}

fn number(digits: &str) -> Option<i16> {
    if digits.bytes().all(|b| b.is_ascii_digit()) { digits.parse().ok() } else { None }
}

/// Reads `yyyyMMdd`; `None` for anything that is no real date.
#[must_use]
pub fn parse_date(text: &str) -> Option<Date> {
    if text.len() != 8 || !text.is_ascii() {
        return None;
    }
    let (year, month, day) = (number(&text[..4])?, number(&text[4..6])?, number(&text[6..])?);
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

/// Reads `HHmmss`; `None` for anything that is no real time of day (there is no second 60).
#[must_use]
pub fn parse_time(text: &str) -> Option<Time> {
    if text.len() != 6 || !text.is_ascii() {
        return None;
    }
    let part = |range: std::ops::Range<usize>| i8::try_from(number(&text[range])?).ok();
    Time::new(part(0..2)?, part(2..4)?, part(4..6)?, 0).ok()
}
