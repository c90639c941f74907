//! How a call can end other than well, and what to do then.

use crate::answers::Misread;
use crate::gateway::GatewayError;
use gerai_protocol::{Failure, ResultCode};
use std::error::Error;

/// Why a call did not bring what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The gateway would refuse it, so it was not sent. Change what the sentence names.
    #[error("the request was not sent: {0}")]
    NotSent(Failure),
    /// The gateway has refused it: nothing was done. The code says what to change.
    #[error("the gateway refused it: {0}")]
    Refused(Refusal),
    /// No connection came about, so nothing was sent. Try again; look at the address, the network, the certificate.
    #[error("the gateway could not be reached")]
    Unreachable(#[source] Box<dyn Error + Send + Sync>),
    /// No answer came in time. Ask again.
    #[error("the gateway did not answer in time")]
    TimedOut,
    /// The connection broke before there was a whole answer. Ask again.
    #[error("the connection to the gateway broke before it had answered")]
    BrokenOff(#[source] Box<dyn Error + Send + Sync>),
    /// What came is not this call's answer: a page of a proxy, half of an answer, an answer about another payment.
    /// Ask again; look at what stands between you and the gateway.
    #[error("the gateway's answer was not understood (HTTP {http_status}): {why}")]
    NotUnderstood {
        /// The status it came with.
        http_status: u16,
        /// What is wrong with it.
        why: String,
    },
    /// A registration or a cancel that may have been carried out or not: the answer was lost, and sending it again has
    /// not helped or could not be tried. Do not register the order under another number before it is known. This
    /// project's gateway gives the first answer to the identical request, later too, and an order book sends it; with
    /// NICEPAY look into the back office. The status of a cancel can be asked for.
    #[error("it is not known whether the gateway has carried it out: {0}")]
    Unknown(#[source] Box<CallError>),
}

/// What the gateway said when it refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{number}: {message}")]
pub struct Refusal {
    /// `resultCd`, four digits.
    pub number: String,
    /// `resultMsg`, the gateway's own sentence.
    pub message: String,
    /// The HTTP status that it came with.
    pub http_status: u16,
}

impl Refusal {
    /// The result code, or `None` if the list has none such.
    #[must_use]
    pub fn code(&self) -> Option<ResultCode> {
        ResultCode::from_number(&self.number)
    }
}

impl CallError {
    /// The result code of a refusal, the gateway's own or the one that it would have given.
    #[must_use]
    pub fn code(&self) -> Option<ResultCode> {
        match self {
            Self::NotSent(failure) => Some(failure.code),
            Self::Refused(refusal) => refusal.code(),
            Self::Unknown(source) => source.code(),
            Self::Unreachable(_) | Self::TimedOut | Self::BrokenOff(_) | Self::NotUnderstood { .. } => None,
        }
    }

    /// Whether it is not known what the gateway has done.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        match self {
            Self::Unknown(_) => true,
            Self::NotSent(_)
            | Self::Refused(_)
            | Self::Unreachable(_)
            | Self::TimedOut
            | Self::BrokenOff(_)
            | Self::NotUnderstood { .. } => false,
        }
    }

    /// A few words that stay the same, for the log.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::NotSent(failure) => format!("not sent: {}", failure.code),
            Self::Refused(refusal) => refusal.number.chars().take(8).collect(),
            Self::Unreachable(_) => "unreachable".to_owned(),
            Self::TimedOut => "timed out".to_owned(),
            Self::BrokenOff(_) => "broken off".to_owned(),
            Self::NotUnderstood { .. } => "not understood".to_owned(),
            Self::Unknown(source) => format!("unknown: {}", source.words()),
        }
    }

    pub(crate) fn misread(http_status: u16, why: Misread) -> Self {
        Self::NotUnderstood { http_status, why: why.to_string() }
    }
}

/// A client that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// A time-out, the number of attempts or the number of calls is zero.
    #[error("time-outs, attempts and calls at one time must be more than zero")]
    Zero,
    /// The gateway's address cannot be used.
    #[error(transparent)]
    Address(#[from] GatewayError),
    /// The HTTP client cannot be built.
    #[error("the HTTP client could not be built")]
    Http(#[source] Box<dyn Error + Send + Sync>),
}
