//! What the page says, in the languages that it speaks; a file for each.

mod en;
mod id;

use gerai_domain::{Chain, wib};
use jiff::Timestamp;

/// A language of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Indonesian,
    English,
}

impl Language {
    /// By its code.
    pub(super) fn from_code(code: &str) -> Option<Self> {
        match code {
            "id" => Some(Self::Indonesian),
            "en" => Some(Self::English),
            _ => None,
        }
    }

    /// The one of ours that `Accept-Language` wants most; Indonesian when it wants neither.
    pub(super) fn accepted(header: &str) -> Self {
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

    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Indonesian => "id",
            Self::English => "en",
        }
    }

    /// Its name in itself.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Indonesian => "Bahasa Indonesia",
            Self::English => "English",
        }
    }

    pub(super) const fn other(self) -> Self {
        match self {
            Self::Indonesian => Self::English,
            Self::English => Self::Indonesian,
        }
    }

    pub(super) const fn texts(self) -> &'static Texts {
        match self {
            Self::Indonesian => &id::TEXTS,
            Self::English => &en::TEXTS,
        }
    }
}

/// Something that is over, or wrong: a heading and what to do about it.
pub(super) struct Words {
    pub(super) head: &'static str,
    pub(super) text: &'static str,
}

/// Every text of the page in one language.
pub(super) struct Texts {
    weekdays: [&'static str; 7],
    months: [&'static str; 12],
    pub(super) skip: &'static str,
    pub(super) merchant: &'static str,
    pub(super) goods: &'static str,
    pub(super) amount: &'static str,
    /// Where there is nothing to pay any more.
    pub(super) bare_amount: &'static str,
    pub(super) exactly: &'static str,
    pub(super) choose_title: &'static str,
    pub(super) choose_lead: &'static str,
    pub(super) choose_button: &'static str,
    pub(super) choose_once: &'static str,
    pub(super) pay_title: fn(&str) -> String,
    pub(super) number: &'static str,
    pub(super) copy: &'static str,
    pub(super) copied: &'static str,
    pub(super) barcode: &'static str,
    pub(super) qr: &'static str,
    pub(super) scan: &'static str,
    pub(super) pay_by: &'static str,
    pub(super) time_left: &'static str,
    /// Of one day, and of any other count.
    pub(super) day: &'static str,
    pub(super) days: &'static str,
    pub(super) last_moments: &'static str,
    pub(super) too_late: &'static str,
    pub(super) closed_until: fn(&str) -> String,
    pub(super) wib: &'static str,
    pub(super) tell_cashier: &'static str,
    /// What to say, of who carries the payment and the merchant.
    pub(super) say: fn(&str, &str) -> String,
    /// What the till shows.
    pub(super) till_shows: fn(&str) -> String,
    pub(super) how: &'static str,
    /// Step by step, of the stores, what to ask for and the amount.
    pub(super) steps: fn(Chain, &str, &str, &str) -> Vec<String>,
    pub(super) or: &'static str,
    pub(super) print: &'static str,
    pub(super) print_by_hand: &'static str,
    pub(super) watching: &'static str,
    pub(super) back: &'static str,
    pub(super) paid_at: fn(&str, &str) -> String,
    pub(super) paid: Words,
    pub(super) confirming: Words,
    pub(super) expired: Words,
    pub(super) cancelled: Words,
    pub(super) returned: Words,
    pub(super) no_store: Words,
    pub(super) unknown: Words,
    pub(super) limited: Words,
    pub(super) busy: Words,
    pub(super) hint_form_too_old: &'static str,
    pub(super) hint_unread: &'static str,
    pub(super) hint_choose_one: &'static str,
    pub(super) hint_store_not_open: &'static str,
}

impl Texts {
    /// `Selasa, 6 Mei 2031, 21:59:59 WIB`.
    pub(super) fn moment(&self, at: Timestamp) -> String {
        let wall = wib::wall(at);
        let name = |names: &[&'static str], number: i8| {
            usize::try_from(number - 1).ok().and_then(|index| names.get(index)).copied().unwrap_or_default()
        };
        let weekday = name(&self.weekdays, wall.weekday().to_monday_one_offset());
        let month = name(&self.months, wall.month());
        let (day, year, time) = (wall.day(), wall.year(), self.time(at));
        format!("{weekday}, {day} {month} {year}, {time}")
    }

    /// `21:59:59 WIB`.
    pub(super) fn time(&self, at: Timestamp) -> String {
        let wall = wib::wall(at);
        format!("{:02}:{:02}:{:02} WIB", wall.hour(), wall.minute(), wall.second())
    }

    /// `Alfamart, Alfamidi atau Lawson`.
    pub(super) fn any_of(&self, names: &[&str]) -> String {
        match names {
            [] => String::new(),
            [one] => (*one).to_owned(),
            [rest @ .., last] => format!("{} {} {last}", rest.join(", "), self.or),
        }
    }
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
    fn a_moment_is_told_in_jakartas_time_and_named_so() {
        let at: Timestamp = "2031-05-06T14:59:59Z".parse().unwrap();
        assert_eq!(Language::Indonesian.texts().moment(at), "Selasa, 6 Mei 2031, 21:59:59 WIB");
        assert_eq!(Language::English.texts().moment(at), "Tuesday, 6 May 2031, 21:59:59 WIB");
        let sunday: Timestamp = "2031-12-27T17:00:00Z".parse().unwrap();
        assert_eq!(Language::Indonesian.texts().moment(sunday), "Minggu, 28 Desember 2031, 00:00:00 WIB");
    }

    #[test]
    fn names_are_joined_as_a_person_would() {
        let texts = Language::Indonesian.texts();
        assert_eq!(texts.any_of(&["Indomaret"]), "Indomaret");
        assert_eq!(texts.any_of(&["Alfamart", "Alfamidi", "Lawson"]), "Alfamart, Alfamidi atau Lawson");
    }
}
