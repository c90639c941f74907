//! What can go wrong between shop, book and gateway.

use crate::book::BookError;
use crate::client::CallError;
use crate::order::Order;
use crate::verify::Rejected;
use gerai_protocol::Failure;

/// Why an order could not be registered.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// The gateway has not done it, or nobody knows whether it has; the call's error says which, and what to do. Where the
    /// identical request is answered again, the shop fetches a lost answer by itself, and calling this again does so at
    /// once.
    #[error(transparent)]
    Call(CallError),
    /// The number belongs to another order.
    #[error("`referenceNo` {0} is used for another order; give a new order a new number")]
    Used(String),
    /// An earlier registration's answer was lost, and the gateway may refuse the same request as a duplicate.
    #[error(
        "it is not known whether order {0} was registered; look for it in the gateway's back office, and register it under a \
         new number if it is not there"
    )]
    Unknown(String),
    /// The order book.
    #[error(transparent)]
    Book(#[from] BookError),
}

/// Why the status of an order could not be had. The order stays as it was.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The gateway has not told it.
    #[error(transparent)]
    Call(CallError),
    /// There is no payment to ask about: the order was not registered, or it is not known whether it was.
    #[error("order {0} has no payment whose status could be asked for")]
    NoPayment(String),
    /// The order book.
    #[error(transparent)]
    Book(#[from] BookError),
}

/// Why an order was not cancelled.
#[derive(Debug, thiserror::Error)]
pub enum CancelError {
    /// It can no longer be cancelled; the order's state says why. Money is given back by the gateway's operator (S15).
    #[error("order {} can no longer be cancelled: it is {}", order.reference_no, order.state)]
    TooLate {
        /// The order as the gateway confirms it.
        order: Box<Order>,
        /// The gateway's refusal.
        error: CallError,
    },
    /// The gateway has not done it, or nobody knows whether it has.
    #[error(transparent)]
    Call(CallError),
    /// There is nothing to cancel.
    #[error("order {0} has no payment that could be cancelled")]
    NoPayment(String),
    /// The order book.
    #[error(transparent)]
    Book(BookError),
}

impl From<CheckError> for CancelError {
    fn from(error: CheckError) -> Self {
        match error {
            CheckError::Call(error) => Self::Call(error),
            CheckError::NoPayment(reference_no) => Self::NoPayment(reference_no),
            CheckError::Book(error) => Self::Book(error),
        }
    }
}

/// Why a notification or a callback has led to nothing. No order has changed.
#[derive(Debug, thiserror::Error)]
pub enum HintError {
    /// The notification is not the gateway's.
    #[error(transparent)]
    Rejected(#[from] Rejected),
    /// The callback cannot be read.
    #[error("it is no callback: {0}")]
    Malformed(Failure),
    /// There is no such order.
    #[error("there is no order of this number")]
    UnknownOrder,
    /// It says something else of the order than the book: the field is named.
    #[error("its {0} is not the order's")]
    Differs(&'static str),
    /// Too many callbacks at once; the order is looked at later.
    #[error("too many callbacks at once")]
    Busy,
    /// The status could not be had; it is asked for again.
    #[error(transparent)]
    NotConfirmed(CheckError),
}

impl HintError {
    /// The HTTP status to answer with: 5xx has the gateway send a notification again.
    #[must_use]
    pub fn http_status(&self) -> u16 {
        match self {
            Self::Rejected(Rejected::Malformed(_)) | Self::Malformed(_) => 400,
            Self::Rejected(Rejected::Token | Rejected::SignatureMissing | Rejected::Signature) => 401,
            Self::Rejected(Rejected::SignatureTime | Rejected::Sender(_)) => 403,
            Self::UnknownOrder => 404,
            Self::Differs(_) => 409,
            Self::Busy | Self::NotConfirmed(_) => 503,
        }
    }

    /// A few words that stay the same, for the log.
    pub(crate) fn words(&self) -> &'static str {
        match self {
            Self::Rejected(Rejected::Malformed(_)) | Self::Malformed(_) => "malformed",
            Self::Rejected(Rejected::Token) => "wrong token",
            Self::Rejected(Rejected::SignatureMissing) => "no signature",
            Self::Rejected(Rejected::Signature) => "wrong signature",
            Self::Rejected(Rejected::SignatureTime) => "stale signature",
            Self::Rejected(Rejected::Sender(_)) => "wrong sender",
            Self::UnknownOrder => "unknown order",
            Self::Differs(_) => "another payment",
            Self::Busy => "busy",
            Self::NotConfirmed(_) => "not confirmed",
        }
    }
}
