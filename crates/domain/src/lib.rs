//! What a payment is and what may happen to it: payment numbers, deadlines, brands, opening hours, and the one pure
//! function [`decide`] through which every change goes. No I/O and no clock: time and randomness are arguments, so
//! each rule is a row in a test's table.

mod chain;
mod deadline;
mod decide;
mod event;
mod exception;
mod hours;
mod merchant;
mod money;
mod notice;
mod pay_no;
mod payment;
mod receipt;
mod reconcile;
mod register;
mod rules;
mod tx_id;
pub mod wib;

pub use chain::{Brand, Chain};
pub use deadline::{DeadlineError, deadline, last_moment};
pub use decide::{Command, Decision, Draw, Outcome, Refusal, StoreVisit, Taken, TakenStatus, decide, look_up};
pub use event::{Actor, Event, EventKind};
pub use exception::{ExceptionKind, ListedException, Resolution};
pub use hours::{HoursError, OpeningHours};
pub use merchant::{Kind, MerchantId, MerchantTerms, Partner, TermsError};
pub use money::{AmountError, Rupiah};
pub use notice::{Notice, NoticeStatus};
pub use pay_no::{PayNo, PayNoError, damm_check_digit};
pub use payment::{
    Attempt, AttemptState, Cancellation, MAX_ATTEMPTS, Payment, PaymentTerms, Phase, Return, Standing, State,
};
pub use receipt::{Receipt, receipt_code, shorten_name};
pub use reconcile::{BusinessDay, CashClass, CashLine, PaymentClass, Reconciliation, Sum, Totals, WhyNoPayment};
pub use register::{Ask, NewPayment, RegistrationRefusal, register};
pub use rules::{ChainLimits, Rules};
pub use tx_id::{TxId, TxIdError, TxIdParts};

/// Turns what a person may type into what a receipt or a log line can carry: control characters become spaces.
///
/// Also used for names that come from configuration, which no request has checked.
#[must_use]
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
