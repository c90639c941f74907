//! An order as its book knows it, and the changes that it goes through.

use gerai_protocol::{Kind, MitraCd, StatusWords};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use std::fmt;

/// Where an order stands. Everything from [`OrderState::AwaitingStore`] on is what the gateway has said in answer to a
/// question of the shop's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OrderState {
    /// The registration is on its way, or its answer was lost: it is not known whether there is a payment.
    Registering,
    /// The registration was refused, or never reached the gateway: there is no payment. The order may be registered anew
    /// under the same number.
    NotRegistered,
    /// The customer has not chosen a store yet (status 9).
    AwaitingStore,
    /// There is a number that can be paid (status 3).
    Unpaid,
    /// A store has taken the cash and not confirmed it yet (status 5): not paid.
    ReadyToCommit,
    /// Paid (status 0).
    Paid,
    /// The deadline has passed (status 4).
    Expired,
    /// Cancelled by the shop (status 4).
    Cancelled,
    /// The money was given back by hand (status 4).
    Returned,
}

impl OrderState {
    /// Every state.
    pub const ALL: &'static [Self] = &[
        Self::Registering,
        Self::NotRegistered,
        Self::AwaitingStore,
        Self::Unpaid,
        Self::ReadyToCommit,
        Self::Paid,
        Self::Expired,
        Self::Cancelled,
        Self::Returned,
    ];

    /// The name that it is kept and shown under.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Registering => "registering",
            Self::NotRegistered => "not-registered",
            Self::AwaitingStore => "awaiting-store",
            Self::Unpaid => "unpaid",
            Self::ReadyToCommit => "ready-to-commit",
            Self::Paid => "paid",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::Returned => "returned",
        }
    }

    /// The state of this name, or `None`.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|state| state.as_str() == text)
    }

    /// Whether the goods may be handed over. The one state in which they may.
    #[must_use]
    pub const fn is_paid(self) -> bool {
        matches!(self, Self::Paid)
    }

    /// Whether it can still be paid.
    #[must_use]
    pub const fn is_open(self) -> bool {
        match self {
            Self::AwaitingStore | Self::Unpaid | Self::ReadyToCommit => true,
            Self::Registering | Self::NotRegistered | Self::Paid | Self::Expired | Self::Cancelled | Self::Returned => {
                false
            }
        }
    }
}

impl From<StatusWords> for OrderState {
    fn from(words: StatusWords) -> Self {
        match words {
            StatusWords::Paid => Self::Paid,
            StatusWords::Unpaid => Self::Unpaid,
            StatusWords::Expired => Self::Expired,
            StatusWords::ReadyToCommit => Self::ReadyToCommit,
            StatusWords::Init => Self::AwaitingStore,
            StatusWords::Cancelled => Self::Cancelled,
            StatusWords::Returned => Self::Returned,
        }
    }
}

impl fmt::Display for OrderState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An order as it stands in the book. What a program changes in it changes nothing there.
#[derive(Clone, PartialEq, Eq)]
pub struct Order {
    /// `referenceNo`.
    pub reference_no: String,
    /// Which registration.
    pub kind: Kind,
    /// `amt`, rupiah.
    pub amount: u64,
    /// `goodsNm`.
    pub goods_nm: String,
    /// Where it stands.
    pub state: OrderState,
    /// Since when, by the shop's clock.
    pub state_since: Timestamp,
    /// When the shop asked for it first.
    pub opened_at: Timestamp,
    /// `tXid`, once it is known.
    pub t_xid: Option<String>,
    /// `mitraCd`, once a store has been chosen.
    pub mitra_cd: Option<MitraCd>,
    /// `payNo`, once there is one.
    pub pay_no: Option<String>,
    /// The payment page with its `tXid`, for a Redirect order.
    pub payment_url: Option<String>,
    /// The deadline, once it is known.
    pub payable_until: Option<Timestamp>,
    /// When it was paid, by the gateway, as long as it is.
    pub paid_at: Option<Timestamp>,
    /// The number on the customer's receipt (S11), as long as it is paid.
    pub receipt_code: Option<String>,
    /// Why it is not registered.
    pub refusal: Option<String>,
    /// When the status was last confirmed.
    pub checked_at: Option<Timestamp>,
    /// How often in a row the status could not be had.
    pub checks_failed: u32,
    /// When the status is asked for next; `None` when there is nothing to ask.
    pub next_check: Option<Timestamp>,
    /// The registration as it is sent, without its token, until it is answered.
    pub request: Option<String>,
    /// Tells one wish from another under the same number.
    pub fingerprint: [u8; 32],
}

/// Without the goods, the number and the request.
impl fmt::Debug for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Order")
            .field("reference_no", &self.reference_no)
            .field("t_xid", &self.t_xid)
            .field("amount", &self.amount)
            .field("state", &self.state)
            .field("next_check", &self.next_check)
            .finish_non_exhaustive()
    }
}

/// One change of an order's state. The shop's handler is run for each, at least once, in order for each order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// The same each time that the handler is run for it: to tell a repeat.
    pub id: TransitionId,
    /// `referenceNo`.
    pub reference_no: String,
    /// `tXid`, once it is known.
    pub t_xid: Option<String>,
    /// `amt`, rupiah.
    pub amount: u64,
    /// Which change of its order, from 1.
    pub seq: u32,
    /// From this state.
    pub from: OrderState,
    /// To this state.
    pub to: OrderState,
    /// When it was written down, by the shop's clock.
    pub at: Timestamp,
    /// How often the handler has failed.
    pub failures: u32,
}

/// Names a transition: 32 hex digits, made of what it is. A book that was restored from a backup gives the same change the
/// same name again.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TransitionId(String);

impl TransitionId {
    /// The name of the `seq`-th change of an order.
    ///
    /// ```
    /// use gerai_merchant::{OrderState, TransitionId};
    ///
    /// let id = TransitionId::of("ORD-1", 2, OrderState::Unpaid, OrderState::Paid);
    /// assert_eq!(id, TransitionId::of("ORD-1", 2, OrderState::Unpaid, OrderState::Paid));
    /// assert_ne!(id, TransitionId::of("ORD-1", 4, OrderState::Unpaid, OrderState::Paid));
    /// assert_eq!(id.as_str().len(), 32);
    /// ```
    #[must_use]
    pub fn of(reference_no: &str, seq: u32, from: OrderState, to: OrderState) -> Self {
        // The number comes last, since it alone may hold anything.
        let text = format!("{seq} {from} {to} {reference_no}");
        Self(hex::encode(&Sha256::digest(text.as_bytes())[..16]))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TransitionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_is_read_back_from_its_name_and_one_alone_is_paid() {
        for state in OrderState::ALL {
            assert_eq!(OrderState::from_text(state.as_str()), Some(*state));
        }
        assert_eq!(OrderState::from_text("PAID"), None);
        let paid: Vec<_> = OrderState::ALL.iter().filter(|state| state.is_paid()).collect();
        assert_eq!(paid, [&OrderState::Paid]);
    }
}
