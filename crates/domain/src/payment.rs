//! A payment as it stands: its terms, which never change, and its standing, which is the fold of its events and
//! nothing else.

use crate::chain::{Brand, Chain};
use crate::event::EventKind;
use crate::exception::{ListedException, Resolution};
use crate::merchant::{Kind, MerchantId};
use crate::money::Rupiah;
use crate::pay_no::PayNo;
use crate::rules::Rules;
use crate::tx_id::TxId;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How many attempts and marks one payment remembers. One more is refused as a conflict, so that no partner can make
/// a payment grow without end.
pub const MAX_ATTEMPTS: usize = 100;

/// One payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// What was registered.
    pub terms: PaymentTerms,
    /// What has become of it.
    pub standing: Standing,
}

/// What was registered; fixed for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentTerms {
    /// Whose it is.
    pub merchant: MerchantId,
    /// Its id.
    pub tx_id: TxId,
    /// Direct or Redirect.
    pub kind: Kind,
    /// The merchant's order number.
    pub reference_no: String,
    /// What is owed.
    pub amount: Rupiah,
    /// When it was registered.
    pub registered_at: Timestamp,
    /// The last second in which it may be taken.
    pub deadline: Timestamp,
    /// What is bought.
    pub goods_nm: String,
    /// Who buys.
    pub billing_nm: String,
    /// Free text of the merchant's.
    pub description: Option<String>,
    /// Where notifications go.
    pub db_process_url: String,
    /// Where the browser goes back to (Redirect).
    pub call_back_url: Option<String>,
    /// Tells an identical request from another one with the same reference (rule 14).
    pub fingerprint: [u8; 32],
    /// The other fields that are kept, as one text that only the gateway reads.
    pub details: String,
}

/// The states that are stored. Expired is none of them: see [`Phase`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum State {
    /// Redirect, and the customer has not chosen the store yet.
    AwaitingStore,
    /// It has a number that can be paid.
    Unpaid,
    /// Taken at a two-step chain; waits for the commit.
    ReadyToCommit,
    /// Paid.
    Paid,
    /// Cancelled by its merchant.
    Cancelled,
    /// Paid, and given back by an operator.
    Returned,
}

/// The state as it is read at a moment: the stored one and the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// See [`State::AwaitingStore`].
    AwaitingStore,
    /// See [`State::Unpaid`].
    Unpaid,
    /// See [`State::ReadyToCommit`].
    ReadyToCommit,
    /// See [`State::Paid`].
    Paid,
    /// The deadline has passed.
    Expired,
    /// See [`State::Cancelled`].
    Cancelled,
    /// See [`State::Returned`].
    Returned,
}

impl Phase {
    /// Every phase, in the order of a payment's life.
    pub const ALL: [Self; 7] = [
        Self::AwaitingStore,
        Self::Unpaid,
        Self::ReadyToCommit,
        Self::Paid,
        Self::Returned,
        Self::Expired,
        Self::Cancelled,
    ];

    /// The phase in a word, for addresses, log lines and files.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::AwaitingStore => "awaiting_store",
            Self::Unpaid => "unpaid",
            Self::ReadyToCommit => "ready_to_commit",
            Self::Paid => "paid",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::Returned => "returned",
        }
    }
}

/// What has become of a payment: the fold of its events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The stored state.
    pub state: State,
    /// The chain, once chosen.
    pub chain: Option<Chain>,
    /// The number, once issued.
    pub pay_no: Option<PayNo>,
    /// What the chain tried, oldest first; only what succeeded.
    pub attempts: Vec<Attempt>,
    /// Traces that were reversed before anything was known of them: their payment is refused if it comes after all.
    pub marks: Vec<String>,
    /// Whether the event that says "expired" has been written since the payment last became unpaid.
    pub expiry_noted: bool,
    /// When the simulated store pays, for an AutoPaid merchant.
    pub auto_pay_at: Option<Timestamp>,
    /// The cancellation.
    pub cancelled: Option<Cancellation>,
    /// The manual return.
    pub returned: Option<Return>,
    /// What was listed for operators, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exceptions: Vec<ListedException>,
}

/// One attempt to pay that succeeded when it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The chain's name for it.
    pub trace_no: String,
    /// At which brand.
    pub brand: Brand,
    /// In which store.
    pub store_code: String,
    /// At which till.
    pub terminal_id: String,
    /// When the money was taken.
    pub taken_at: Timestamp,
    /// Drawn once, kept through commit and retries (rule 8).
    pub receipt_code: String,
    /// The receipt's lines, as they were printed.
    pub receipt: Vec<String>,
    /// Where it stands.
    pub state: AttemptState,
    /// Whether an exception was listed for it.
    pub flagged: bool,
}

/// Where an attempt stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttemptState {
    /// Waits for its commit, through the second of `commit_by`.
    ReadyToCommit {
        /// The last second in which the commit is in time.
        commit_by: Timestamp,
    },
    /// It is the payment.
    Paid,
    /// No commit came in time.
    Lapsed,
    /// Taken back.
    Reversed,
}

/// A cancellation by the merchant, as its first answer told it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancellation {
    /// When.
    pub at: Timestamp,
    /// Its own id.
    pub cancel_tx_id: TxId,
    /// The merchant's reason.
    pub message: Option<String>,
}

/// A manual return by an operator (rule 11).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Return {
    /// When.
    pub at: Timestamp,
    /// Which operator.
    pub operator: String,
    /// Why.
    pub reason: String,
}

/// Whether the named second lies behind us. A moment's own second still counts.
pub(crate) fn has_passed(moment: Timestamp, now: Timestamp) -> bool {
    now.as_second() > moment.as_second()
}

/// The first instant at which [`has_passed`] holds.
pub(crate) fn passes_at(moment: Timestamp) -> Timestamp {
    Timestamp::from_second(moment.as_second().saturating_add(1)).unwrap_or(Timestamp::MAX)
}

impl Payment {
    /// The state as it is read at `now`.
    #[must_use]
    pub fn phase(&self, now: Timestamp) -> Phase {
        let open = |phase| if has_passed(self.terms.deadline, now) { Phase::Expired } else { phase };
        match self.standing.state {
            State::AwaitingStore => open(Phase::AwaitingStore),
            State::Unpaid => open(Phase::Unpaid),
            State::ReadyToCommit => match self.standing.standing_attempt().map(|attempt| attempt.state) {
                Some(AttemptState::ReadyToCommit { commit_by }) if !has_passed(commit_by, now) => Phase::ReadyToCommit,
                _ => open(Phase::Unpaid),
            },
            State::Paid => Phase::Paid,
            State::Cancelled => Phase::Cancelled,
            State::Returned => Phase::Returned,
        }
    }

    /// When the clock alone will next change the phase, so that a sweep can write the event; `None` when it won't.
    #[must_use]
    pub fn due_at(&self) -> Option<Timestamp> {
        match self.standing.state {
            State::ReadyToCommit => match self.standing.standing_attempt()?.state {
                AttemptState::ReadyToCommit { commit_by } => Some(passes_at(commit_by)),
                AttemptState::Paid | AttemptState::Lapsed | AttemptState::Reversed => None,
            },
            State::AwaitingStore | State::Unpaid if !self.standing.expiry_noted => Some(passes_at(self.terms.deadline)),
            State::AwaitingStore | State::Unpaid | State::Paid | State::Cancelled | State::Returned => None,
        }
    }

    /// The attempt that made it paid; also after a return.
    #[must_use]
    pub fn paid_attempt(&self) -> Option<&Attempt> {
        match self.standing.state {
            State::Paid | State::Returned => {
                self.standing.attempts.iter().find(|attempt| attempt.state == AttemptState::Paid)
            }
            State::AwaitingStore | State::Unpaid | State::ReadyToCommit | State::Cancelled => None,
        }
    }
}

impl Standing {
    /// What a fresh registration stands at.
    #[must_use]
    pub const fn fresh(chain: Option<Chain>, pay_no: Option<PayNo>, auto_pay_at: Option<Timestamp>) -> Self {
        Self {
            state: if pay_no.is_some() { State::Unpaid } else { State::AwaitingStore },
            chain,
            pay_no,
            attempts: Vec::new(),
            marks: Vec::new(),
            expiry_noted: false,
            auto_pay_at,
            cancelled: None,
            returned: None,
            exceptions: Vec::new(),
        }
    }

    /// The standing that a history of events leads to; `None` unless it begins with the registration.
    #[must_use]
    pub fn fold<'a>(events: impl IntoIterator<Item = (&'a EventKind, Timestamp)>) -> Option<Self> {
        let mut standing: Option<Self> = None;
        for (event, at) in events {
            match (&mut standing, event) {
                (None, EventKind::Registered { chain, pay_no, auto_pay_at, .. }) => {
                    standing = Some(Self::fresh(*chain, *pay_no, *auto_pay_at));
                }
                (None, _) => return None,
                (Some(standing), event) => standing.apply(event, at),
            }
        }
        standing
    }

    /// The attempt that stands unreversed: ready to commit, or paid. There is at most one.
    #[must_use]
    pub fn standing_attempt(&self) -> Option<&Attempt> {
        self.attempts.iter().find(|attempt| match attempt.state {
            AttemptState::ReadyToCommit { .. } | AttemptState::Paid => true,
            AttemptState::Lapsed | AttemptState::Reversed => false,
        })
    }

    /// The attempt with this trace.
    #[must_use]
    pub fn attempt(&self, trace_no: &str) -> Option<&Attempt> {
        self.attempts.iter().find(|attempt| attempt.trace_no == trace_no)
    }

    fn set_attempt(&mut self, trace_no: &str, state: AttemptState) {
        if let Some(attempt) = self.attempts.iter_mut().find(|attempt| attempt.trace_no == trace_no) {
            attempt.state = state;
        }
    }

    /// Takes one event in. Total: an event that does not fit changes what it names and no more.
    pub fn apply(&mut self, event: &EventKind, at: Timestamp) {
        match event {
            EventKind::Registered { .. } => {}
            EventKind::StoreChosen { chain, pay_no, auto_pay_at } => {
                self.chain = Some(*chain);
                self.pay_no = Some(*pay_no);
                self.auto_pay_at = *auto_pay_at;
                self.state = State::Unpaid;
            }
            EventKind::Taken { attempt } => {
                self.attempts.retain(|other| other.trace_no != attempt.trace_no);
                self.attempts.push(attempt.clone());
                self.state = match attempt.state {
                    AttemptState::ReadyToCommit { .. } => State::ReadyToCommit,
                    AttemptState::Paid => State::Paid,
                    AttemptState::Lapsed | AttemptState::Reversed => self.state,
                };
                // A simulated store that has taken the money still has to commit: its plan ends when it is paid.
                if self.state == State::Paid {
                    self.auto_pay_at = None;
                }
                self.expiry_noted = false;
            }
            EventKind::Committed { trace_no, .. } => {
                self.set_attempt(trace_no, AttemptState::Paid);
                self.state = State::Paid;
                // What was listed before is settled by this; a reversal that comes too late is news again.
                if let Some(attempt) = self.attempts.iter_mut().find(|attempt| attempt.trace_no == *trace_no) {
                    attempt.flagged = false;
                }
                self.auto_pay_at = None;
                self.expiry_noted = false;
            }
            EventKind::CommitLapsed { trace_no } => {
                self.set_attempt(trace_no, AttemptState::Lapsed);
                self.state = State::Unpaid;
            }
            EventKind::Reversed { trace_no, .. } => {
                let stood = self.standing_attempt().is_some_and(|attempt| attempt.trace_no == *trace_no);
                self.set_attempt(trace_no, AttemptState::Reversed);
                if stood {
                    self.state = State::Unpaid;
                }
            }
            EventKind::ReversalMarked { trace_no, .. } => self.marks.push(trace_no.clone()),
            EventKind::Cancelled { cancel_tx_id, message } => {
                self.cancelled =
                    Some(Cancellation { at, cancel_tx_id: cancel_tx_id.clone(), message: message.clone() });
                self.state = State::Cancelled;
                self.auto_pay_at = None;
            }
            EventKind::Returned { operator, reason } => {
                self.returned = Some(Return { at, operator: operator.clone(), reason: reason.clone() });
                self.state = State::Returned;
            }
            EventKind::Expired => {
                self.expiry_noted = true;
                self.auto_pay_at = None;
            }
            EventKind::AutoPayGivenUp { .. } => self.auto_pay_at = None,
            EventKind::ExceptionListed { kind, trace_no } => {
                if let Some(attempt) = self.attempts.iter_mut().find(|attempt| attempt.trace_no == *trace_no) {
                    attempt.flagged = true;
                    let listed = ListedException { kind: *kind, trace_no: trace_no.clone(), resolved: None };
                    self.exceptions.push(listed);
                }
            }
            EventKind::ExceptionResolved { kind, trace_no, operator, note } => {
                for exception in self.exceptions.iter_mut().filter(|listed| listed.is_open(*kind, trace_no)) {
                    exception.resolved = Some(Resolution { at, operator: operator.clone(), note: note.clone() });
                }
            }
        }
    }
}

impl Rules {
    /// The last second in which a payment taken at `taken_at` is committed in time.
    #[must_use]
    pub fn commit_by(&self, taken_at: Timestamp) -> Timestamp {
        taken_at.checked_add(self.commit_timeout).unwrap_or(Timestamp::MAX)
    }

    /// The last second in which a payment taken at `taken_at` can be taken back.
    #[must_use]
    pub fn reversible_until(&self, taken_at: Timestamp) -> Timestamp {
        taken_at.checked_add(self.reversal_window).unwrap_or(Timestamp::MAX)
    }

    /// When the simulated store pays what becomes payable at `now`.
    #[must_use]
    pub fn auto_pay_at(&self, now: Timestamp) -> Timestamp {
        now.checked_add(self.auto_pay_delay.max(SignedDuration::ZERO)).unwrap_or(Timestamp::MAX)
    }
}
