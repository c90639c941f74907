//! Why a step was refused, or why nobody knows what came of it, as far as a cashier must tell them apart (S19).

use crate::store::sentence;

/// Why there is nothing to show but words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// It has not twelve digits.
    TwelveDigits,
    /// Its check digit does not fit.
    Mistyped,
    /// Nobody has it.
    Unknown,
    /// Its payment was cancelled or returned.
    NoLongerValid,
    /// It cannot be paid for another reason.
    InvalidNumber,
    /// It belongs to another chain.
    OtherChain,
    /// The chain may not take anything now.
    SwitchedOff,
    /// The brand is closed.
    Closed,
    /// Not permitted for another reason.
    NotPermitted,
    /// The time to take it back has passed.
    TooLateToReverse,
    /// Not what is owed.
    InvalidAmount,
    /// Somebody has paid it.
    AlreadyPaid,
    /// No such attempt stands.
    NoSuchAttempt,
    /// Its time has passed.
    Expired,
    /// The trace number names another attempt.
    Conflict,
    /// Another counter is at it.
    UnderWay,
    /// A field is wrong.
    InvalidField,
    /// A field is missing.
    MissingField,
    /// The signature is wrong, or the chain unknown.
    Unauthorised,
    /// Too many requests.
    Limited,
    /// The gateway could not do it now.
    GeneralError,
    /// A code that no list has.
    Other,
    /// The connection ended without an answer.
    NoAnswer,
    /// The till did not wait any longer.
    Late,
    /// The answer is not what it should be.
    Unreadable,
    /// Something else answered in the gateway's place.
    Proxy,
    /// The chain is not set up here.
    NoPartner,
    /// It never left the till.
    NotSent,
    /// The form was written before the last start.
    FormTooOld,
}

impl Why {
    /// Of a code and the sentence beside it.
    pub(super) fn of(code: &str, message: &str) -> Self {
        // The two digits between are the service.
        match (code.get(..3), code.get(5..)) {
            (Some("400"), Some("01")) => Self::InvalidField,
            (Some("400"), Some("02")) => Self::MissingField,
            (Some("401"), Some("00")) => Self::Unauthorised,
            (Some("403"), Some("15")) => match message {
                sentence::OTHER_CHAIN => Self::OtherChain,
                sentence::SWITCHED_OFF => Self::SwitchedOff,
                _ if message.contains(sentence::CLOSED) => Self::Closed,
                _ => Self::NotPermitted,
            },
            (Some("403"), Some("18")) => Self::TooLateToReverse,
            (Some("404"), Some("12")) => match message {
                sentence::TWELVE_DIGITS => Self::TwelveDigits,
                sentence::MISTYPED => Self::Mistyped,
                sentence::NOT_KNOWN => Self::Unknown,
                sentence::NO_LONGER_VALID => Self::NoLongerValid,
                _ => Self::InvalidNumber,
            },
            (Some("404"), Some("13")) => Self::InvalidAmount,
            (Some("404"), Some("14")) => Self::AlreadyPaid,
            (Some("404"), Some("16")) => Self::NoSuchAttempt,
            (Some("404"), Some("19")) => Self::Expired,
            (Some("409"), Some("00")) => Self::Conflict,
            (Some("409"), Some("05")) => Self::UnderWay,
            (Some("429"), Some("00")) => Self::Limited,
            (Some("500"), Some("00")) => Self::GeneralError,
            _ => Self::Other,
        }
    }

    /// Whether nobody at the till knows if it was done.
    pub(super) fn uncertain(self) -> bool {
        matches!(self, Self::NoAnswer | Self::Late | Self::Unreadable | Self::Proxy | Self::GeneralError)
    }

    /// Whether the same request may do better in a while.
    pub(super) fn again(self) -> bool {
        self.uncertain() || matches!(self, Self::UnderWay | Self::Limited | Self::NotSent | Self::FormTooOld)
    }

    /// Whether the cashier can do it better: by typing again, or with another attempt.
    pub(super) fn correctable(self) -> bool {
        match self {
            Self::TwelveDigits
            | Self::Mistyped
            | Self::Unknown
            | Self::InvalidAmount
            | Self::NoSuchAttempt
            | Self::Conflict
            | Self::InvalidField
            | Self::MissingField => true,
            Self::NoLongerValid
            | Self::InvalidNumber
            | Self::OtherChain
            | Self::SwitchedOff
            | Self::Closed
            | Self::NotPermitted
            | Self::TooLateToReverse
            | Self::AlreadyPaid
            | Self::Expired
            | Self::UnderWay
            | Self::Unauthorised
            | Self::Limited
            | Self::GeneralError
            | Self::Other
            | Self::NoAnswer
            | Self::Late
            | Self::Unreadable
            | Self::Proxy
            | Self::NoPartner
            | Self::NotSent
            | Self::FormTooOld => false,
        }
    }
}
