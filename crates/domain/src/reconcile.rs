//! A chain's end-of-day file against what was paid here. Each line of the file and each payment of the day lands in
//! exactly one class; nothing is matched by guessing: the number says which payment, the trace which attempt.
//!
//! Both sides may be long, so they are given one by one: first every line of the file, then every payment of the day.

use crate::chain::Chain;
use crate::money::Rupiah;
use crate::pay_no::{PayNo, PayNoError};
use crate::payment::{AttemptState, Payment, Phase};
use crate::wib;
use jiff::civil::{Date, Time};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, HashMap};

/// A chain's business day: 24 hours that end at its cut-off, in WIB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BusinessDay {
    from: Timestamp,
    until: Timestamp,
}

impl BusinessDay {
    /// The day that is called `date` where days end at `cut_off`. A cut-off before noon lies in the following night:
    /// `00:00` is midnight at the end of the day, `02:00` two hours later. `None` outside the range of time.
    #[must_use]
    pub fn of(date: Date, cut_off: Time) -> Option<Self> {
        let ends_on = if cut_off.hour() < 12 { date.tomorrow().ok()? } else { date };
        let until = wib::instant(ends_on.to_datetime(cut_off))?;
        let from = until.checked_sub(SignedDuration::from_hours(24)).ok()?;
        Some(Self { from, until })
    }

    /// The date of the last day that has ended by `now`.
    #[must_use]
    pub fn last_ended(now: Timestamp, cut_off: Time) -> Option<Date> {
        let mut date = wib::wall(now).date();
        while Self::of(date, cut_off)?.until > now {
            date = date.yesterday().ok()?;
        }
        Some(date)
    }

    /// Its first instant.
    #[must_use]
    pub const fn from(&self) -> Timestamp {
        self.from
    }

    /// The first instant after it.
    #[must_use]
    pub const fn until(&self) -> Timestamp {
        self.until
    }

    /// Whether `at` lies in it.
    #[must_use]
    pub fn contains(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.until
    }
}

/// A line of a chain's file: cash that it says to have taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CashLine {
    /// Where it stands in the file, from 1.
    pub line: u32,
    /// The payment number as it stands there.
    pub number: String,
    /// How much.
    pub amount: Rupiah,
    /// The attempt, where the file names it.
    pub trace_no: Option<String>,
}

impl CashLine {
    /// The payment number, to look the payment up by.
    ///
    /// # Errors
    /// When it is no payment number.
    pub fn pay_no(&self) -> Result<PayNo, PayNoError> {
        self.number.parse()
    }
}

/// What a line of the file comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CashClass {
    /// Paid here, by this attempt, on this day, for this amount.
    Matched,
    /// Paid here, but for another amount.
    AmountDiffers,
    /// The same attempt stands in the file before.
    Duplicate,
    /// Nothing was paid here that this cash could be for.
    WithoutPayment(WhyNoPayment),
    /// It does not say how much of what.
    Unreadable,
}

/// Why cash has no payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WhyNoPayment {
    /// Not twelve digits.
    NoNumber,
    /// Twelve digits that contradict each other: mistyped (S19).
    CheckDigit,
    /// No payment has this number.
    UnknownNumber,
    /// The number is another chain's (rule 5).
    OtherChain,
    /// It was not paid, and still can be.
    Unpaid,
    /// It was taken, and the commit has not come yet (rule 7).
    NotCommitted,
    /// It was not paid in time (rule 1).
    Expired,
    /// Its merchant has cancelled it (rule 10).
    Cancelled,
    /// The chain has taken this attempt back (rule 9).
    Reversed,
    /// It was paid by another attempt, so this cash came twice (rule 8).
    OtherTrace,
    /// It was paid on another day, whose file it belongs to.
    OtherDay,
}

/// What a payment of the day comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PaymentClass {
    /// The file has it.
    Matched,
    /// The file has it with another amount.
    AmountDiffers,
    /// The file does not have it.
    WithoutCash,
}

impl CashClass {
    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Matched => "matched",
            Self::AmountDiffers => "amount differs",
            Self::Duplicate => "duplicate",
            Self::WithoutPayment(_) => "cash without payment",
            Self::Unreadable => "unreadable",
        }
    }

    /// Why there is no payment, where that is it.
    #[must_use]
    pub const fn why(self) -> Option<WhyNoPayment> {
        match self {
            Self::WithoutPayment(why) => Some(why),
            Self::Matched | Self::AmountDiffers | Self::Duplicate | Self::Unreadable => None,
        }
    }
}

impl WhyNoPayment {
    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::NoNumber => "not a payment number",
            Self::CheckDigit => "check digit wrong",
            Self::UnknownNumber => "unknown number",
            Self::OtherChain => "number of another chain",
            Self::Unpaid => "unpaid",
            Self::NotCommitted => "taken, not committed",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::Reversed => "reversed",
            Self::OtherTrace => "paid under another trace",
            Self::OtherDay => "paid on another day",
        }
    }
}

impl PaymentClass {
    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Matched => "matched",
            Self::AmountDiffers => "amount differs",
            Self::WithoutCash => "payment without cash",
        }
    }
}

/// How many, and how much in whole rupiah.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sum {
    /// How many.
    pub count: u64,
    /// How much. Any number of lines that fits into a file stays far below the end of the type.
    pub rupiah: u64,
}

impl Sum {
    fn add(&mut self, amount: u64) {
        self.count += 1;
        self.rupiah = self.rupiah.saturating_add(amount);
    }

    fn of<'a>(sums: impl IntoIterator<Item = &'a Self>) -> Self {
        sums.into_iter().fold(Self::default(), |all, sum| Self {
            count: all.count + sum.count,
            rupiah: all.rupiah.saturating_add(sum.rupiah),
        })
    }
}

/// The sums by class. What an unreadable line says of money is not known: it counts as nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Totals {
    /// The lines of the file, with the amounts that it gives.
    pub file: BTreeMap<CashClass, Sum>,
    /// The payments of the day, with the amounts that were paid here.
    pub payments: BTreeMap<PaymentClass, Sum>,
}

impl Totals {
    /// All lines of the file.
    #[must_use]
    pub fn whole_file(&self) -> Sum {
        Sum::of(self.file.values())
    }

    /// All payments of the day.
    #[must_use]
    pub fn all_payments(&self) -> Sum {
        Sum::of(self.payments.values())
    }

    /// Whether both sides say the same.
    #[must_use]
    pub fn all_matched(&self) -> bool {
        self.file.keys().all(|class| *class == CashClass::Matched)
            && self.payments.keys().all(|class| *class == PaymentClass::Matched)
    }
}

/// What is remembered of a line: where it stands, and what it came to.
#[derive(Debug, Clone, Copy)]
struct Seen {
    line: u32,
    class: CashClass,
}

/// A reconciliation under way.
#[derive(Debug)]
pub struct Reconciliation {
    chain: Chain,
    day: BusinessDay,
    now: Timestamp,
    /// By number and trace.
    seen: HashMap<Box<str>, Seen>,
    /// Whether the file names its attempts.
    traced: bool,
    totals: Totals,
}

impl Reconciliation {
    /// Begins one. `traced` says whether the file names its attempts; without that, a number stands for its payment's
    /// one paid attempt. `now` is what a deadline is read by.
    #[must_use]
    pub fn new(chain: Chain, day: BusinessDay, traced: bool, now: Timestamp) -> Self {
        Self { chain, day, now, seen: HashMap::new(), traced, totals: Totals::default() }
    }

    /// Judges a line of the file; `payment` is the one with its number. For a duplicate, also the line that it repeats.
    pub fn cash(&mut self, cash: &CashLine, payment: Option<&Payment>) -> (CashClass, Option<u32>) {
        let key = self.key(&cash.number, cash.trace_no.as_deref());
        let (class, first) = match self.seen.get(&key) {
            Some(first) => (CashClass::Duplicate, Some(first.line)),
            None => {
                let class = match (cash.pay_no(), payment) {
                    (Err(PayNoError::Shape), _) => CashClass::WithoutPayment(WhyNoPayment::NoNumber),
                    (Err(PayNoError::CheckDigit), _) => CashClass::WithoutPayment(WhyNoPayment::CheckDigit),
                    (Ok(_), None) => CashClass::WithoutPayment(WhyNoPayment::UnknownNumber),
                    (Ok(_), Some(payment)) => self.judge(cash, payment),
                };
                self.seen.insert(key, Seen { line: cash.line, class });
                (class, None)
            }
        };
        self.totals.file.entry(class).or_default().add(cash.amount.get());
        (class, first)
    }

    /// Counts a line that cannot be read.
    pub fn unreadable(&mut self) -> CashClass {
        self.totals.file.entry(CashClass::Unreadable).or_default().add(0);
        CashClass::Unreadable
    }

    /// Judges a payment of the day, once all lines have been.
    pub fn payment(&mut self, payment: &Payment) -> PaymentClass {
        let number = payment.standing.pay_no.map(|number| number.to_string()).unwrap_or_default();
        let trace_no = payment.paid_attempt().map(|attempt| attempt.trace_no.as_str());
        let class = match self.seen.get(&self.key(&number, trace_no)).map(|seen| seen.class) {
            Some(CashClass::Matched) => PaymentClass::Matched,
            Some(CashClass::AmountDiffers) => PaymentClass::AmountDiffers,
            // Others were judged when the payment was not paid yet.
            Some(CashClass::Duplicate | CashClass::WithoutPayment(_) | CashClass::Unreadable) | None => {
                PaymentClass::WithoutCash
            }
        };
        self.totals.payments.entry(class).or_default().add(payment.terms.amount.get());
        class
    }

    /// The sums so far.
    #[must_use]
    pub const fn totals(&self) -> &Totals {
        &self.totals
    }

    fn key(&self, number: &str, trace_no: Option<&str>) -> Box<str> {
        match trace_no {
            // No number holds this character.
            Some(trace_no) if self.traced => format!("{number}\n{trace_no}").into(),
            Some(_) | None => number.into(),
        }
    }

    fn judge(&self, cash: &CashLine, payment: &Payment) -> CashClass {
        use WhyNoPayment::{Cancelled, Expired, NotCommitted, OtherChain, OtherDay, OtherTrace, Reversed, Unpaid};
        let standing = &payment.standing;
        let trace_no = cash.trace_no.as_deref().filter(|_| self.traced);
        if standing.chain != Some(self.chain) {
            return CashClass::WithoutPayment(OtherChain);
        }
        let reversed = match trace_no {
            Some(trace_no) => {
                let attempt = standing.attempt(trace_no);
                attempt.is_some_and(|attempt| attempt.state == AttemptState::Reversed)
                    || standing.marks.iter().any(|mark| mark == trace_no)
            }
            None => standing.attempts.last().is_some_and(|attempt| attempt.state == AttemptState::Reversed),
        };
        match payment.paid_attempt() {
            Some(paid) if trace_no.is_none_or(|trace_no| trace_no == paid.trace_no) => {
                if !self.day.contains(paid.taken_at) {
                    CashClass::WithoutPayment(OtherDay)
                } else if cash.amount == payment.terms.amount {
                    CashClass::Matched
                } else {
                    CashClass::AmountDiffers
                }
            }
            Some(_) | None if reversed => CashClass::WithoutPayment(Reversed),
            Some(_) => CashClass::WithoutPayment(OtherTrace),
            None => CashClass::WithoutPayment(match payment.phase(self.now) {
                Phase::ReadyToCommit => NotCommitted,
                Phase::Expired => Expired,
                Phase::Cancelled => Cancelled,
                // The last two have a paid attempt.
                Phase::AwaitingStore | Phase::Unpaid | Phase::Paid | Phase::Returned => Unpaid,
            }),
        }
    }
}
