//! The languages that pages speak, and how each tells a moment.

use gerai_domain::{Rupiah, wib};
use jiff::Timestamp;

/// A language of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    Indonesian,
    English,
}

impl Language {
    /// By its code.
    pub(crate) fn from_code(code: &str) -> Option<Self> {
        match code {
            "id" => Some(Self::Indonesian),
            "en" => Some(Self::English),
            _ => None,
        }
    }

    /// The one of ours that `Accept-Language` wants most; Indonesian when it wants neither.
    pub(crate) fn accepted(header: &str) -> Self {
        let wanted = |entry: &str| {
            let mut parts = entry.split(';');
            let tag = parts.next()?.trim().to_ascii_lowercase();
            let language = match tag.split('-').next()? {
                // "in" is what Indonesian was called before 1989, and what some phones still say.
                "id" | "in" => Self::Indonesian,
                "en" => Self::English,
                _ => return None,
            };
            let weight = parts.find_map(|part| part.trim().strip_prefix("q=").map(str::trim));
            let weight: f32 = weight.map_or(Some(1.0), |weight| weight.parse().ok())?;
            (weight > 0.0).then_some((language, weight))
        };
        // The first of those that are wanted equally.
        let better = |best: (Self, f32), next: (Self, f32)| if next.1 > best.1 { next } else { best };
        header.split(',').take(50).filter_map(wanted).reduce(better).map_or(Self::Indonesian, |(language, _)| language)
    }

    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Indonesian => "id",
            Self::English => "en",
        }
    }

    /// Its name in itself.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Indonesian => "Bahasa Indonesia",
            Self::English => "English",
        }
    }

    pub(crate) const fn other(self) -> Self {
        match self {
            Self::Indonesian => Self::English,
            Self::English => Self::Indonesian,
        }
    }

    /// `Selasa, 6 Mei 2031, 21:59:59 WIB`.
    pub(crate) fn moment(self, at: Timestamp) -> String {
        format!("{}, {}", self.day(at), self.time(at))
    }

    /// `Selasa, 6 Mei 2031`.
    pub(crate) fn day(self, at: Timestamp) -> String {
        let (weekdays, months) = match self {
            Self::Indonesian => (&id::WEEKDAYS, &id::MONTHS),
            Self::English => (&en::WEEKDAYS, &en::MONTHS),
        };
        let wall = wib::wall(at);
        let name = |names: &[&'static str], number: i8| {
            usize::try_from(number - 1).ok().and_then(|index| names.get(index)).copied().unwrap_or_default()
        };
        let weekday = name(weekdays, wall.weekday().to_monday_one_offset());
        let month = name(months, wall.month());
        let (day, year) = (wall.day(), wall.year());
        format!("{weekday}, {day} {month} {year}")
    }

    /// `21:59:59 WIB`, which reads the same in each of them.
    pub(crate) fn time(self, at: Timestamp) -> String {
        let wall = wib::wall(at);
        format!("{:02}:{:02}:{:02} WIB", wall.hour(), wall.minute(), wall.second())
    }

    /// `Rp 10.000`, with the separator that the language's readers take for one of thousands.
    pub(crate) fn rupiah(self, amount: Rupiah) -> String {
        match self {
            Self::Indonesian => amount.pretty(),
            Self::English => amount.pretty().replace('.', ","),
        }
    }
}

/// Bahasa Indonesia.
mod id {
    pub(super) const WEEKDAYS: [&str; 7] = ["Senin", "Selasa", "Rabu", "Kamis", "Jumat", "Sabtu", "Minggu"];
    pub(super) const MONTHS: [&str; 12] = [
        "Januari",
        "Februari",
        "Maret",
        "April",
        "Mei",
        "Juni",
        "Juli",
        "Agustus",
        "September",
        "Oktober",
        "November",
        "Desember",
    ];
}

/// English.
mod en {
    pub(super) const WEEKDAYS: [&str; 7] =
        ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
    pub(super) const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_that_is_wanted_most_is_spoken_and_else_indonesian() {
        use Language::{English, Indonesian};
        for (header, language) in [
            ("", Indonesian),
            ("*", Indonesian),
            ("de-DE,de;q=0.9", Indonesian),
            ("en", English),
            ("EN-gb", English),
            ("en-US,en;q=0.9,id;q=0.8", English),
            ("id-ID,id;q=0.9,en-US;q=0.8,en;q=0.7", Indonesian),
            ("in-ID", Indonesian),
            ("id;q=0.5, en;q=0.7", English),
            ("en;q=0, id;q=0.1", Indonesian),
            ("en;q=0", Indonesian),
            ("en;q=x", Indonesian),
            ("de, en;q=0.1", English),
            ("id,en", Indonesian),
            ("en,id", English),
        ] {
            assert_eq!(Language::accepted(header), language, "{header}");
        }
    }

    #[test]
    fn an_amount_has_the_separators_of_the_language() {
        let amount = Rupiah::new(1_250_000).unwrap();
        assert_eq!(Language::Indonesian.rupiah(amount), "Rp 1.250.000");
        assert_eq!(Language::English.rupiah(amount), "Rp 1,250,000");
    }

    #[test]
    fn a_moment_is_told_in_jakartas_time_and_named_so() {
        let at: Timestamp = "2031-05-06T14:59:59Z".parse().unwrap();
        assert_eq!(Language::Indonesian.moment(at), "Selasa, 6 Mei 2031, 21:59:59 WIB");
        assert_eq!(Language::English.moment(at), "Tuesday, 6 May 2031, 21:59:59 WIB");
        let sunday: Timestamp = "2031-12-27T17:00:00Z".parse().unwrap();
        assert_eq!(Language::Indonesian.moment(sunday), "Minggu, 28 Desember 2031, 00:00:00 WIB");
    }
}
