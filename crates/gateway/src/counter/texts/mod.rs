//! What the counter says, in the languages that it speaks; a file for each.

mod en;
mod id;

use super::why::Why;
use crate::language::Language;
use crate::store::Service;

/// What has happened, and what the cashier does now.
pub(super) struct Words {
    pub(super) head: &'static str,
    pub(super) text: &'static str,
}

/// Every text of the counter in one language.
pub(super) struct Texts {
    pub(super) skip: &'static str,
    pub(super) title: &'static str,
    pub(super) sandbox: &'static str,
    pub(super) lead: &'static str,
    pub(super) docs: &'static str,
    pub(super) clock: &'static str,
    pub(super) frozen: &'static str,
    pub(super) number: &'static str,
    pub(super) number_help: &'static str,
    pub(super) look_up: &'static str,
    pub(super) store: &'static str,
    pub(super) till: &'static str,
    pub(super) store_code: &'static str,
    pub(super) terminal: &'static str,
    pub(super) always_open: &'static str,
    pub(super) open_until: fn(&str) -> String,
    pub(super) closed_until: fn(&str) -> String,
    /// Which brands, until when.
    pub(super) closed_now: fn(&str, &str) -> String,
    pub(super) move_clock: fn(&str) -> String,
    pub(super) bill_title: &'static str,
    pub(super) biller: &'static str,
    pub(super) customer: &'static str,
    pub(super) goods: &'static str,
    pub(super) amount: &'static str,
    pub(super) payable_until: &'static str,
    pub(super) trace: &'static str,
    pub(super) cash_title: &'static str,
    pub(super) cash: &'static str,
    pub(super) cash_help: &'static str,
    pub(super) quick: &'static str,
    pub(super) exact: &'static str,
    pub(super) change_is: fn(&str) -> String,
    pub(super) short_by: &'static str,
    pub(super) change: &'static str,
    pub(super) steps: &'static str,
    pub(super) pay_and_commit: &'static str,
    pub(super) pay_only: &'static str,
    pub(super) pay_only_help: &'static str,
    /// Away from a bill that is not paid here.
    pub(super) leave: &'static str,
    pub(super) take: &'static str,
    pub(super) ready_title: &'static str,
    pub(super) ready_text: &'static str,
    pub(super) commit_by: fn(&str) -> String,
    pub(super) lapsed: fn(&str) -> String,
    pub(super) commit: &'static str,
    pub(super) commit_late: &'static str,
    pub(super) let_lapse: &'static str,
    pub(super) look_again: &'static str,
    pub(super) paid_title: &'static str,
    pub(super) paid_text: &'static str,
    pub(super) receipt: &'static str,
    pub(super) print: &'static str,
    pub(super) next: &'static str,
    pub(super) reverse_title: &'static str,
    pub(super) reverse_until: fn(&str) -> String,
    pub(super) reason: &'static str,
    /// The first is what stands in the field.
    pub(super) reasons: [&'static str; 3],
    pub(super) reverse: &'static str,
    pub(super) reversed_title: &'static str,
    pub(super) reversed_text: &'static str,
    pub(super) give_back: &'static str,
    pub(super) again: &'static str,
    pub(super) correct: &'static str,
    pub(super) at_brand: fn(&str) -> String,
    pub(super) code: &'static str,
    pub(super) by_fault: &'static str,
    pub(super) why: fn(Why, Service) -> Words,
    pub(super) hint_form_too_old: &'static str,
    pub(super) hint_unread: &'static str,
    pub(super) hint_slip_gone: &'static str,
    pub(super) hint_number_missing: &'static str,
    pub(super) hint_cash_unread: &'static str,
    pub(super) hint_cash_short: &'static str,
    pub(super) hint_clock_busy: &'static str,
}

impl Texts {
    /// The texts in a language.
    pub(super) const fn of(language: Language) -> &'static Self {
        match language {
            Language::Indonesian => &id::TEXTS,
            Language::English => &en::TEXTS,
        }
    }
}
