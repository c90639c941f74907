//! What happened to a payment. Events are only ever added (rule 16), and the payment's standing is their fold.

use crate::chain::Chain;
use crate::exception::ExceptionKind;
use crate::merchant::MerchantId;
use crate::money::Rupiah;
use crate::notice::NoticeStatus;
use crate::pay_no::PayNo;
use crate::payment::{Attempt, AttemptState};
use crate::tx_id::TxId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// An event with who, when, and from which request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its place in the payment's history, from 1.
    pub seq: u32,
    /// The gateway's time.
    pub at: Timestamp,
    /// Who, as [`Actor`] writes it.
    pub actor: String,
    /// The id of the request that brought it, if one did.
    pub request_id: Option<String>,
    /// What.
    pub kind: EventKind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum EventKind {
    /// A merchant registered the payment.
    Registered {
        /// What is owed.
        amount: Rupiah,
        /// The last second in which it may be taken.
        deadline: Timestamp,
        /// The chain, if it was given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        chain: Option<Chain>,
        /// The number, if it was issued.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pay_no: Option<PayNo>,
        /// When the simulated store pays.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        auto_pay_at: Option<Timestamp>,
    },
    /// The customer chose the store on the payment page.
    StoreChosen {
        /// Which chain.
        chain: Chain,
        /// The number issued for it.
        pay_no: PayNo,
        /// When the simulated store pays.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        auto_pay_at: Option<Timestamp>,
    },
    /// A counter took the money.
    Taken {
        /// The attempt; its state says whether a commit is awaited.
        attempt: Attempt,
    },
    /// The chain confirmed what it had taken.
    Committed {
        /// The attempt.
        trace_no: String,
        /// Whether the commit came after its time.
        late: bool,
    },
    /// No commit came in time.
    CommitLapsed {
        /// The attempt.
        trace_no: String,
    },
    /// The chain took an attempt back.
    Reversed {
        /// The attempt.
        trace_no: String,
        /// Whether the payment was Paid by it, so that the merchant has to be told.
        was_paid: bool,
        /// The chain's reason.
        reason: String,
    },
    /// A reversal came for a trace that nothing is known of.
    ReversalMarked {
        /// The trace.
        trace_no: String,
        /// The chain's reason.
        reason: String,
    },
    /// The merchant cancelled.
    Cancelled {
        /// The cancellation's own id.
        cancel_tx_id: TxId,
        /// The merchant's reason.
        message: Option<String>,
    },
    /// An operator gave the money back (rule 11).
    Returned {
        /// Who.
        operator: String,
        /// Why.
        reason: String,
    },
    /// The deadline passed.
    Expired,
    /// The simulated store could not pay.
    AutoPayGivenUp {
        /// What it was told.
        reason: String,
    },
    /// Something that an operator must look at.
    ExceptionListed {
        /// What.
        kind: ExceptionKind,
        /// The attempt.
        trace_no: String,
    },
    /// An operator has looked at it and settled it.
    ExceptionResolved {
        /// What.
        kind: ExceptionKind,
        /// The attempt.
        trace_no: String,
        /// Who.
        operator: String,
        /// What was found and done.
        note: String,
    },
}

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// The merchant, over its API.
    Merchant(MerchantId),
    /// A store chain, over the store API.
    Partner(Chain),
    /// The sandbox's simulated store.
    SimulatedStore,
    /// The customer, on the payment page.
    Customer,
    /// An operator, by name.
    Operator(String),
    /// Somebody who works for a merchant, in the back office.
    User {
        /// For which one.
        merchant: MerchantId,
        /// The user's name.
        name: String,
    },
    /// Time.
    Clock,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Merchant(id) => write!(f, "merchant:{id}"),
            Self::Partner(chain) => write!(f, "chain:{chain}"),
            Self::SimulatedStore => f.write_str("simulated-store"),
            Self::Customer => f.write_str("customer"),
            Self::Operator(name) => write!(f, "operator:{name}"),
            Self::User { merchant, name } => write!(f, "user:{name}@{merchant}"),
            Self::Clock => f.write_str("clock"),
        }
    }
}

impl EventKind {
    /// Whether the merchant is told of it, and as what (rule 13).
    #[must_use]
    pub fn notifies(&self) -> Option<NoticeStatus> {
        match self {
            Self::Taken { attempt } => match attempt.state {
                AttemptState::Paid => Some(NoticeStatus::Deposit),
                AttemptState::ReadyToCommit { .. } | AttemptState::Lapsed | AttemptState::Reversed => None,
            },
            Self::Committed { .. } => Some(NoticeStatus::Deposit),
            Self::Reversed { was_paid: true, .. } | Self::Returned { .. } => Some(NoticeStatus::Reversal),
            Self::Reversed { was_paid: false, .. }
            | Self::Registered { .. }
            | Self::StoreChosen { .. }
            | Self::CommitLapsed { .. }
            | Self::ReversalMarked { .. }
            | Self::Cancelled { .. }
            | Self::Expired
            | Self::AutoPayGivenUp { .. }
            | Self::ExceptionListed { .. }
            | Self::ExceptionResolved { .. } => None,
        }
    }
}
