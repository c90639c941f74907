//! What the page says, in the languages that it speaks; a file for each.

mod en;
mod id;

use crate::language::Language;
use gerai_domain::{Chain, OpeningHours, Rupiah};
use jiff::Timestamp;

/// Something that is over, or wrong: a heading and what to do about it.
pub(super) struct Words {
    pub(super) head: &'static str,
    pub(super) text: &'static str,
}

/// Every text of the page in one language.
pub(super) struct Texts {
    language: Language,
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
    /// Of the daily closed period: `22:00–01:00 WIB`.
    pub(super) closed_daily: fn(&str) -> String,
    pub(super) wib: &'static str,
    pub(super) tell_cashier: &'static str,
    /// What the Indonesian sentence for the cashier means, of who carries the payment and the merchant; for whoever
    /// reads another language.
    pub(super) meaning: Option<fn(&str, &str) -> String>,
    /// What the till shows.
    pub(super) till_shows: fn(&str) -> String,
    pub(super) how: &'static str,
    /// Step by step, of the stores, what to ask for and the amount.
    pub(super) steps: fn(Chain, &str, &str, &str) -> Vec<String>,
    pub(super) or: &'static str,
    /// To pay it without a walk to the store, in a sandbox.
    pub(super) counter: &'static str,
    pub(super) print: &'static str,
    pub(super) print_by_hand: &'static str,
    pub(super) watching: &'static str,
    pub(super) look_again: &'static str,
    pub(super) back: &'static str,
    pub(super) paid_at: fn(&str, &str) -> String,
    pub(super) paid: Words,
    pub(super) confirming: Words,
    /// A store took the money and has not confirmed it in time (rule 7).
    pub(super) begun: Words,
    /// The deadline has not passed, but no store opens before it does.
    pub(super) all_too_late: Words,
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
    pub(super) hint_store_too_late: &'static str,
}

impl Texts {
    /// The texts in a language.
    pub(super) const fn of(language: Language) -> &'static Self {
        match language {
            Language::Indonesian => &id::TEXTS,
            Language::English => &en::TEXTS,
        }
    }

    /// `Selasa, 6 Mei 2031, 21:59:59 WIB`.
    pub(super) fn moment(&self, at: Timestamp) -> String {
        self.language.moment(at)
    }

    /// `21:59:59 WIB`.
    pub(super) fn time(&self, at: Timestamp) -> String {
        self.language.time(at)
    }

    /// `Rp 10.000`.
    pub(super) fn rupiah(&self, amount: Rupiah) -> String {
        self.language.rupiah(amount)
    }

    /// When a brand is closed each day; `None` for one that never is.
    pub(super) fn closed_each_day(&self, hours: OpeningHours) -> Option<String> {
        let OpeningHours::ClosedBetween { closes, opens } = hours else { return None };
        let period =
            format!("{:02}:{:02}–{:02}:{:02} WIB", closes.hour(), closes.minute(), opens.hour(), opens.minute());
        Some((self.closed_daily)(&period))
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

/// What to tell the cashier, who speaks Indonesian whatever the page does (S14).
pub(super) fn said_to_cashier(carrier: &str, merchant: &str) -> String {
    format!("Saya mau bayar lewat {carrier}, {merchant}.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_joined_as_a_person_would() {
        let texts = Texts::of(Language::Indonesian);
        assert_eq!(texts.any_of(&["Indomaret"]), "Indomaret");
        assert_eq!(texts.any_of(&["Alfamart", "Alfamidi", "Lawson"]), "Alfamart, Alfamidi atau Lawson");
    }
}
