//! The heart: payment + command + rules + now → events, or a refusal. Synchronous, total and pure, so that the table
//! of states and commands is a table in a test.

use crate::chain::{Brand, Chain};
use crate::event::EventKind;
use crate::exception::{ExceptionKind, ListedException};
use crate::merchant::Partner;
use crate::money::Rupiah;
use crate::pay_no::PayNo;
use crate::payment::{Attempt, AttemptState, Cancellation, MAX_ATTEMPTS, Payment, Phase, State, has_passed};
use crate::receipt::{Receipt, receipt_code};
use crate::rules::Rules;
use crate::tx_id::TxId;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Where and by whom a number is keyed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreVisit {
    /// The chain that calls.
    pub partner: Partner,
    /// The brand over the door; it belongs to the partner's chain.
    pub brand: Brand,
    /// The store.
    pub store_code: String,
    /// The till.
    pub terminal_id: String,
    /// Whether this is the sandbox's simulated store, which opening hours do not bind (rule 12).
    pub simulated: bool,
}

/// What is wanted of a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// The customer chooses the store (Redirect).
    ChooseStore {
        /// Which chain.
        chain: Chain,
        /// Whether the merchant's terms open it.
        open_to_merchant: bool,
        /// Whether the merchant is AutoPaid in this gateway.
        auto_paid: bool,
    },
    /// A counter takes the money.
    Pay {
        /// Where.
        visit: StoreVisit,
        /// How much.
        amount: Rupiah,
        /// The chain's name for this attempt.
        trace_no: String,
        /// The biller's name as the till shows it (S14).
        biller: String,
        /// The merchant's own receipt lines.
        own_lines: Vec<String>,
    },
    /// A two-step chain confirms.
    Commit {
        /// Who calls.
        partner: Partner,
        /// The attempt.
        trace_no: String,
    },
    /// The chain takes an attempt back.
    Reverse {
        /// Who calls.
        partner: Partner,
        /// The attempt.
        trace_no: String,
        /// Why.
        reason: String,
    },
    /// The merchant cancels.
    Cancel {
        /// The amount it names.
        amount: Rupiah,
        /// Its reason.
        message: Option<String>,
    },
    /// An operator has given the money back.
    Return {
        /// Who.
        operator: String,
        /// Why.
        reason: String,
    },
    /// An operator has looked at an exception and settled it.
    ResolveException {
        /// What was listed.
        kind: ExceptionKind,
        /// The attempt.
        trace_no: String,
        /// Who.
        operator: String,
        /// What was found and done.
        note: String,
    },
    /// The simulated store was refused and stops trying.
    GiveUpAutoPay {
        /// What it was told.
        reason: String,
    },
    /// Write what the clock alone has changed.
    Sweep,
}

/// Randomness for one decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draw {
    /// For a receipt code.
    pub receipt: u64,
    /// For a payment number.
    pub pay_no: u64,
    /// For a cancellation's id.
    pub cancel_serial: u16,
    /// How many seconds after now a cancellation's id lies; above 0 when ids of this second were found taken.
    pub cancel_ahead_secs: u32,
}

/// What a decision comes to. The events are to be written also when the command is refused: the clock's own, and
/// what an operator must look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What happened, in order.
    pub events: Vec<EventKind>,
    /// The command's answer.
    pub verdict: Result<Outcome, Refusal>,
}

/// A command that was done, or had been done before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// A store was chosen and a number issued.
    StoreChosen {
        /// The number.
        pay_no: PayNo,
    },
    /// The money was taken, or its taking confirmed.
    Taken(Taken),
    /// The attempt no longer stands.
    Reversed {
        /// Which.
        trace_no: String,
    },
    /// The payment is cancelled.
    Cancelled(Cancellation),
    /// The payment is returned.
    Returned,
    /// Nothing to say.
    Done,
}

/// An attempt that stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// Whether it is confirmed.
    pub status: TakenStatus,
    /// Its name.
    pub trace_no: String,
    /// Its receipt code.
    pub receipt_code: String,
    /// Its receipt.
    pub receipt: Vec<String>,
    /// When the money was taken.
    pub taken_at: Timestamp,
}

/// How far an attempt that stands has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TakenStatus {
    /// A commit is awaited.
    ReadyToCommit,
    /// It counts.
    Paid,
}

/// Why a command is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    /// The number is another chain's (rule 5).
    #[error("the number belongs to another chain")]
    OtherChain,
    /// The operator has switched the chain off.
    #[error("the chain is switched off")]
    SwitchedOff,
    /// The brand is closed now (rule 6).
    #[error("the brand is closed now")]
    Closed,
    /// Cancelled or returned: the number is dead.
    #[error("the number is not valid any more")]
    InvalidNumber,
    /// Not the amount owed (S10).
    #[error("the amount is not the one owed")]
    InvalidAmount,
    /// Paid already.
    #[error("already paid")]
    AlreadyPaid,
    /// The deadline has passed.
    #[error("the payment has expired")]
    Expired,
    /// Another attempt waits for its commit.
    #[error("another attempt is under way")]
    UnderWay,
    /// The trace names no attempt, or one that was reversed.
    #[error("no such attempt, or it was reversed")]
    NoSuchAttempt,
    /// The same trace with other content, or more attempts than a payment remembers.
    #[error("this trace stands for another attempt")]
    Conflict,
    /// The reversal window is over (rule 9).
    #[error("too late to reverse")]
    TooLateToReverse,
    /// Cancel: not the payment's amount.
    #[error("the amount is not the payment's")]
    AmountMismatch,
    /// Cancel: paid, ready to commit, expired or returned (S15).
    #[error("the payment can no longer be cancelled")]
    NotCancellable,
    /// Return: the payment is not paid.
    #[error("only a paid payment can be returned")]
    NotPaid,
    /// Store choice: the chain is not open to this merchant.
    #[error("the chain is not open to this merchant")]
    ChainNotOpen,
    /// Store choice: the chain does not take this amount.
    #[error("the chain does not take this amount")]
    OutsideChainLimits,
    /// Store choice: one was chosen before, or there is nothing left to choose for.
    #[error("the store cannot be chosen any more")]
    NothingToChoose,
    /// Resolution: nothing like it was listed.
    #[error("no such exception is listed for this attempt")]
    NoSuchException,
    /// Resolution: it was resolved before.
    #[error("this exception was resolved before")]
    AlreadyResolved,
    /// There is no simulated payment to give up.
    #[error("no simulated payment is planned")]
    NoAutoPay,
}

/// What a counter is told before it takes money: `Ok` when the number can be paid there now.
///
/// # Errors
/// In this order: other chain, switched off, closed, then the state.
pub fn look_up(payment: &Payment, visit: &StoreVisit, rules: &Rules, now: Timestamp) -> Result<(), Refusal> {
    admit(payment, visit, rules, now)?;
    payable(payment, now)
}

fn of_chain(payment: &Payment, partner: Partner) -> Result<(), Refusal> {
    if payment.standing.chain == Some(partner.chain) { Ok(()) } else { Err(Refusal::OtherChain) }
}

fn admit(payment: &Payment, visit: &StoreVisit, rules: &Rules, now: Timestamp) -> Result<(), Refusal> {
    of_chain(payment, visit.partner)?;
    if !visit.partner.enabled {
        return Err(Refusal::SwitchedOff);
    }
    if !visit.simulated && !rules.hours(visit.brand).is_open(now) {
        return Err(Refusal::Closed);
    }
    Ok(())
}

fn payable(payment: &Payment, now: Timestamp) -> Result<(), Refusal> {
    match payment.phase(now) {
        Phase::Unpaid => Ok(()),
        Phase::ReadyToCommit => Err(Refusal::UnderWay),
        Phase::Paid => Err(Refusal::AlreadyPaid),
        Phase::Expired => Err(Refusal::Expired),
        Phase::AwaitingStore | Phase::Cancelled | Phase::Returned => Err(Refusal::InvalidNumber),
    }
}

/// Decides what a command does to a payment at `now`.
///
/// The clock's own changes come first: a commit that is overdue lapses, a deadline that has passed is noted. The
/// command is then judged against what is left.
#[must_use]
pub fn decide(payment: &Payment, command: &Command, rules: &Rules, now: Timestamp, draw: Draw) -> Decision {
    let mut payment = payment.clone();
    let mut events = Vec::new();
    let mut happen = |payment: &mut Payment, event: EventKind| {
        payment.standing.apply(&event, now);
        events.push(event);
    };
    if let State::ReadyToCommit = payment.standing.state
        && payment.phase(now) != Phase::ReadyToCommit
        && let Some(trace_no) = payment.standing.standing_attempt().map(|attempt| attempt.trace_no.clone())
    {
        happen(&mut payment, EventKind::CommitLapsed { trace_no });
    }
    if payment.phase(now) == Phase::Expired && !payment.standing.expiry_noted {
        happen(&mut payment, EventKind::Expired);
    }
    let (event, verdict) = judge(&payment, command, rules, now, draw);
    if let Some(event) = event {
        happen(&mut payment, event);
    }
    Decision { events, verdict }
}

type Judgement = (Option<EventKind>, Result<Outcome, Refusal>);

fn refuse(refusal: Refusal) -> Judgement {
    (None, Err(refusal))
}

fn judge(payment: &Payment, command: &Command, rules: &Rules, now: Timestamp, draw: Draw) -> Judgement {
    match command {
        Command::ChooseStore { chain, open_to_merchant, auto_paid } => {
            choose_store(payment, *chain, *open_to_merchant, *auto_paid, rules, now, draw)
        }
        Command::Pay { visit, amount, trace_no, biller, own_lines } => {
            pay(payment, &Tender { visit, amount: *amount, trace_no, biller, own_lines }, rules, now, draw)
        }
        Command::Commit { partner, trace_no } => commit(payment, *partner, trace_no),
        Command::Reverse { partner, trace_no, reason } => reverse(payment, *partner, trace_no, reason, rules, now),
        Command::Cancel { amount, message } => cancel(payment, *amount, message.as_ref(), now, draw),
        Command::Return { operator, reason } => match payment.standing.state {
            State::Paid => {
                let event = EventKind::Returned { operator: operator.clone(), reason: reason.clone() };
                (Some(event), Ok(Outcome::Returned))
            }
            State::AwaitingStore | State::Unpaid | State::ReadyToCommit | State::Cancelled | State::Returned => {
                refuse(Refusal::NotPaid)
            }
        },
        Command::ResolveException { kind, trace_no, operator, note } => {
            resolve(payment, *kind, trace_no, operator, note)
        }
        Command::GiveUpAutoPay { reason } => match payment.standing.auto_pay_at {
            Some(_) => (Some(EventKind::AutoPayGivenUp { reason: reason.clone() }), Ok(Outcome::Done)),
            None => refuse(Refusal::NoAutoPay),
        },
        Command::Sweep => (None, Ok(Outcome::Done)),
    }
}

fn choose_store(
    payment: &Payment,
    chain: Chain,
    open_to_merchant: bool,
    auto_paid: bool,
    rules: &Rules,
    now: Timestamp,
    draw: Draw,
) -> Judgement {
    match (payment.phase(now), payment.standing.chain, payment.standing.pay_no) {
        (Phase::Unpaid, Some(chosen), Some(pay_no)) if chosen == chain => (None, Ok(Outcome::StoreChosen { pay_no })),
        (Phase::Expired, _, _) => refuse(Refusal::Expired),
        (Phase::AwaitingStore, _, _) => {
            let limits = rules.limits(chain);
            if !open_to_merchant {
                return refuse(Refusal::ChainNotOpen);
            }
            if payment.terms.amount < limits.min || payment.terms.amount > limits.max {
                return refuse(Refusal::OutsideChainLimits);
            }
            let pay_no = PayNo::draw(rules.cell, draw.pay_no);
            let auto_pay_at = auto_paid.then(|| rules.auto_pay_at(now));
            (Some(EventKind::StoreChosen { chain, pay_no, auto_pay_at }), Ok(Outcome::StoreChosen { pay_no }))
        }
        (Phase::Unpaid | Phase::ReadyToCommit | Phase::Paid | Phase::Cancelled | Phase::Returned, _, _) => {
            refuse(Refusal::NothingToChoose)
        }
    }
}

struct Tender<'a> {
    visit: &'a StoreVisit,
    amount: Rupiah,
    trace_no: &'a str,
    biller: &'a str,
    own_lines: &'a [String],
}

fn pay(payment: &Payment, tender: &Tender<'_>, rules: &Rules, now: Timestamp, draw: Draw) -> Judgement {
    let visit = tender.visit;
    if let Err(refusal) = of_chain(payment, visit.partner) {
        return refuse(refusal);
    }
    let same_content = |attempt: &Attempt| {
        attempt.brand == visit.brand && attempt.store_code == visit.store_code && tender.amount == payment.terms.amount
    };
    // A retry of the attempt that stands is no new payment: it gets its receipt also when the store has closed or the
    // chain was switched off meanwhile (rule 8).
    let standing = match payment.standing.state {
        State::Returned => None,
        State::AwaitingStore | State::Unpaid | State::ReadyToCommit | State::Paid | State::Cancelled => {
            payment.standing.standing_attempt().filter(|attempt| attempt.trace_no == tender.trace_no)
        }
    };
    if let Some(attempt) = standing.filter(|attempt| same_content(attempt)) {
        return (None, taken(attempt));
    }
    if let Err(refusal) = admit(payment, visit, rules, now) {
        return refuse(refusal);
    }
    if standing.is_some() {
        return refuse(Refusal::Conflict);
    }
    let known = payment.standing.attempt(tender.trace_no);
    let reversed = known.is_some_and(|attempt| attempt.state == AttemptState::Reversed);
    if reversed || payment.standing.marks.iter().any(|mark| mark == tender.trace_no) {
        return refuse(Refusal::NoSuchAttempt);
    }
    if let Err(refusal) = payable(payment, now) {
        return refuse(refusal);
    }
    if known.is_some_and(|attempt| !same_content(attempt)) {
        return refuse(Refusal::Conflict);
    }
    if tender.amount != payment.terms.amount {
        return refuse(Refusal::InvalidAmount);
    }
    if known.is_none() && !remembers_more(payment) {
        return refuse(Refusal::Conflict);
    }
    let Some(pay_no) = payment.standing.pay_no else { return refuse(Refusal::InvalidNumber) };
    let code = known.map_or_else(|| receipt_code(draw.receipt), |attempt| attempt.receipt_code.clone());
    let attempt = Attempt {
        trace_no: tender.trace_no.to_owned(),
        brand: visit.brand,
        store_code: visit.store_code.clone(),
        terminal_id: visit.terminal_id.clone(),
        taken_at: now,
        receipt: Receipt {
            brand: visit.brand,
            store_code: &visit.store_code,
            taken_at: now,
            biller: tender.biller,
            pay_no,
            amount: payment.terms.amount,
            code: &code,
            own_lines: tender.own_lines,
        }
        .lines(),
        receipt_code: code,
        state: if visit.partner.chain.two_steps() {
            AttemptState::ReadyToCommit { commit_by: rules.commit_by(now) }
        } else {
            AttemptState::Paid
        },
        flagged: false,
    };
    let outcome = taken(&attempt);
    (Some(EventKind::Taken { attempt }), outcome)
}

fn remembers_more(payment: &Payment) -> bool {
    payment.standing.attempts.len() + payment.standing.marks.len() < MAX_ATTEMPTS
}

fn taken(attempt: &Attempt) -> Result<Outcome, Refusal> {
    let status = match attempt.state {
        AttemptState::ReadyToCommit { .. } => TakenStatus::ReadyToCommit,
        AttemptState::Paid => TakenStatus::Paid,
        AttemptState::Lapsed | AttemptState::Reversed => return Err(Refusal::NoSuchAttempt),
    };
    Ok(Outcome::Taken(Taken {
        status,
        trace_no: attempt.trace_no.clone(),
        receipt_code: attempt.receipt_code.clone(),
        receipt: attempt.receipt.clone(),
        taken_at: attempt.taken_at,
    }))
}

fn commit(payment: &Payment, partner: Partner, trace_no: &str) -> Judgement {
    if let Err(refusal) = of_chain(payment, partner) {
        return refuse(refusal);
    }
    let Some(attempt) = payment.standing.attempt(trace_no) else { return refuse(Refusal::NoSuchAttempt) };
    let confirm = |late| {
        let confirmed = Attempt { state: AttemptState::Paid, ..attempt.clone() };
        (Some(EventKind::Committed { trace_no: trace_no.to_owned(), late }), taken(&confirmed))
    };
    match (attempt.state, payment.standing.state) {
        (AttemptState::ReadyToCommit { .. }, State::ReadyToCommit) => confirm(false),
        (AttemptState::Paid, State::Paid) => (None, taken(attempt)),
        // The clock has been read before: what lapsed may still be cash in the drawer (rule 7).
        (AttemptState::Lapsed, State::Unpaid) => confirm(true),
        (AttemptState::Lapsed, State::ReadyToCommit | State::Paid | State::Cancelled | State::Returned) => {
            (list(payment, attempt, ExceptionKind::CashPossiblyTaken), Err(Refusal::NoSuchAttempt))
        }
        (AttemptState::Lapsed, State::AwaitingStore)
        | (AttemptState::Reversed, _)
        | (
            AttemptState::ReadyToCommit { .. },
            State::AwaitingStore | State::Unpaid | State::Paid | State::Cancelled | State::Returned,
        )
        | (
            AttemptState::Paid,
            State::AwaitingStore | State::Unpaid | State::ReadyToCommit | State::Cancelled | State::Returned,
        ) => refuse(Refusal::NoSuchAttempt),
    }
}

/// Lists an attempt for the operators: once, also when the attempt has been made anew since, until that is resolved.
/// Otherwise a chain could make a payment grow without end.
fn list(payment: &Payment, attempt: &Attempt, kind: ExceptionKind) -> Option<EventKind> {
    let open = payment.standing.exceptions.iter().any(|listed| listed.is_open(kind, &attempt.trace_no));
    (!attempt.flagged && !open).then(|| EventKind::ExceptionListed { kind, trace_no: attempt.trace_no.clone() })
}

fn resolve(payment: &Payment, kind: ExceptionKind, trace_no: &str, operator: &str, note: &str) -> Judgement {
    let listed: Vec<&ListedException> =
        payment.standing.exceptions.iter().filter(|listed| listed.is(kind, trace_no)).collect();
    if listed.is_empty() {
        return refuse(Refusal::NoSuchException);
    }
    if listed.iter().all(|listed| listed.resolved.is_some()) {
        return refuse(Refusal::AlreadyResolved);
    }
    let event = EventKind::ExceptionResolved {
        kind,
        trace_no: trace_no.to_owned(),
        operator: operator.to_owned(),
        note: note.to_owned(),
    };
    (Some(event), Ok(Outcome::Done))
}

fn reverse(
    payment: &Payment,
    partner: Partner,
    trace_no: &str,
    reason: &str,
    rules: &Rules,
    now: Timestamp,
) -> Judgement {
    if let Err(refusal) = of_chain(payment, partner) {
        return refuse(refusal);
    }
    let done = Ok(Outcome::Reversed { trace_no: trace_no.to_owned() });
    let Some(attempt) = payment.standing.attempt(trace_no) else {
        if payment.standing.marks.iter().any(|mark| mark == trace_no) {
            return (None, done);
        }
        if !remembers_more(payment) {
            return refuse(Refusal::Conflict);
        }
        let event = EventKind::ReversalMarked { trace_no: trace_no.to_owned(), reason: reason.to_owned() };
        return (Some(event), done);
    };
    let take_back =
        |was_paid| EventKind::Reversed { trace_no: trace_no.to_owned(), was_paid, reason: reason.to_owned() };
    match attempt.state {
        AttemptState::Reversed => (None, done),
        // Nothing stands any more, but the mark keeps a late commit or retry out.
        AttemptState::Lapsed | AttemptState::ReadyToCommit { .. } => (Some(take_back(false)), done),
        AttemptState::Paid => {
            let in_time = !has_passed(rules.reversible_until(attempt.taken_at), now);
            if payment.standing.state == State::Paid && in_time {
                (Some(take_back(true)), done)
            } else {
                (list(payment, attempt, ExceptionKind::TooLateToReverse), Err(Refusal::TooLateToReverse))
            }
        }
    }
}

fn cancel(payment: &Payment, amount: Rupiah, message: Option<&String>, now: Timestamp, draw: Draw) -> Judgement {
    if amount != payment.terms.amount {
        return refuse(Refusal::AmountMismatch);
    }
    match payment.phase(now) {
        Phase::AwaitingStore | Phase::Unpaid => {
            let second = now.saturating_add(SignedDuration::from_secs(draw.cancel_ahead_secs.into())).unwrap_or(now);
            let cancellation = Cancellation {
                at: now,
                cancel_tx_id: TxId::of_cancel(&payment.terms.merchant, second, draw.cancel_serial),
                message: message.cloned(),
            };
            let event = EventKind::Cancelled {
                cancel_tx_id: cancellation.cancel_tx_id.clone(),
                message: cancellation.message.clone(),
            };
            (Some(event), Ok(Outcome::Cancelled(cancellation)))
        }
        Phase::Cancelled => match &payment.standing.cancelled {
            Some(first) => (None, Ok(Outcome::Cancelled(first.clone()))),
            None => refuse(Refusal::NotCancellable),
        },
        Phase::ReadyToCommit | Phase::Paid | Phase::Expired | Phase::Returned => refuse(Refusal::NotCancellable),
    }
}
