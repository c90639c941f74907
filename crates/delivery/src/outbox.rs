//! The outbox as the courier sees it: what it asks for, what it is given, and what it reports back. Order within a
//! payment, persistence and the business clock are the outbox's own affair; nothing here depends on how it keeps them.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use crate::guard::Blocked;

/// Where messages wait until a receiver has accepted them.
#[async_trait]
pub trait Outbox: Send + Sync + 'static {
    /// Leases out messages that are due, oldest first, at most what `request` allows.
    ///
    /// Only messages that may go now: where messages have an order among themselves, the outbox gives the head of each
    /// queue and keeps the rest back until that one is settled.
    async fn claim(&self, request: ClaimRequest) -> Result<Vec<Due>, OutboxError>;

    /// Writes down one attempt and what follows from it, and ends the lease. May be called again with the same values
    /// when it failed.
    async fn settle(&self, id: i64, attempt: Attempt, verdict: Verdict) -> Result<(), OutboxError>;

    /// Real time until the next message falls due: zero when one is due now, `None` when none waits. Messages under a
    /// lease do not count. The courier asks again at least once a second, so a business clock may be moved.
    async fn next_due_in(&self) -> Result<Option<Duration>, OutboxError>;

    /// Takes back messages that were leased and never sent: they are due as before, and no attempt is counted.
    ///
    /// An outbox that does nothing here is correct, only slower: the messages wait until their lease runs out.
    async fn release(&self, ids: &[i64]) -> Result<(), OutboxError> {
        let _ = ids;
        Ok(())
    }
}

/// What a claim may return.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimRequest {
    /// The most messages altogether.
    pub limit: usize,
    /// The most messages for each of these hosts; 0 means none. A host not named here has `default_per_host`.
    pub per_host: HashMap<String, usize>,
    /// The most messages for each host that `per_host` does not name.
    pub default_per_host: usize,
    /// How long the messages are ours, in real time: if they are not settled by then, the courier has died and they
    /// are due again. A business clock that is moved must not end a lease early, or a message goes out twice at once.
    pub lease: Duration,
}

impl ClaimRequest {
    /// The most messages that may be returned for `host`.
    pub fn allowed(&self, host: &str) -> usize {
        self.per_host.get(host).copied().unwrap_or(self.default_per_host)
    }
}

/// One message that is due and now leased to the courier.
#[derive(Clone, PartialEq, Eq)]
pub struct Due {
    /// The outbox's own key for it.
    pub id: i64,
    /// The `webhook-id`: the same at every attempt, so that a receiver can tell a repetition.
    pub message_id: String,
    /// On whose behalf it goes out, and so whose keys sign it.
    pub sender: String,
    /// Where it goes: an absolute http(s) address.
    pub url: String,
    /// What is isolated from what, usually `scheme://host:port` of `url`.
    pub host: String,
    /// How many attempts have failed so far.
    pub attempts_made: u32,
    /// What [`Prepare`](crate::Prepare) makes the body from; opaque to the courier.
    pub payload: String,
}

/// Without `url` and `payload`: the one may hold the receiver's own secrets, the other a customer's data.
impl fmt::Debug for Due {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Due")
            .field("id", &self.id)
            .field("message_id", &self.message_id)
            .field("sender", &self.sender)
            .field("host", &self.host)
            .field("attempts_made", &self.attempts_made)
            .finish_non_exhaustive()
    }
}

/// What was sent and what came back, for the record.
#[derive(Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The headers that went with it, names in lower case. Empty if nothing could be prepared.
    pub sent_headers: Vec<(String, String)>,
    /// The body that went out, signatures and all. Empty if nothing could be prepared.
    pub sent_body: String,
    /// What the receiver said, or why it said nothing.
    pub answer: Answer,
    /// Real time from the first step of the attempt to its end.
    pub took: Duration,
}

/// Without the body, which holds the sender's signature and a customer's data.
impl fmt::Debug for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempt")
            .field("sent_body_bytes", &self.sent_body.len())
            .field("answer", &self.answer)
            .field("took", &self.took)
            .finish_non_exhaustive()
    }
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The receiver answered in time.
    Status {
        /// The HTTP status.
        code: u16,
        /// The beginning of the body, as text without control characters; whatever was not UTF-8 is replaced.
        body_excerpt: String,
    },
    /// No answer.
    Failed(SendFailure),
}

impl Answer {
    /// Whether the receiver took the message: any 2xx.
    pub fn is_accepted(&self) -> bool {
        match self {
            Self::Status { code, .. } => (200..300).contains(code),
            Self::Failed(_) => false,
        }
    }
}

/// Why an attempt brought no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum SendFailure {
    /// No status line within the time-out.
    #[error("no answer in time")]
    TimedOut,
    /// The egress guard does not let us go there.
    #[error("refused by the egress guard: {0}")]
    Blocked(Blocked),
    /// The address is not an absolute http(s) URL.
    #[error("not an absolute http(s) address")]
    BadAddress,
    /// The name has no address.
    #[error("the host name could not be resolved")]
    NameNotResolved,
    /// Nobody accepted the connection.
    #[error("could not connect")]
    NotConnected,
    /// The TLS handshake failed, a certificate was not trusted.
    #[error("the TLS handshake failed")]
    TlsFailed,
    /// The connection broke before an answer was complete, or the answer was not HTTP.
    #[error("the connection broke, or the answer was not HTTP")]
    Broken,
    /// The body or its signature could not be made; nothing was sent.
    #[error("the message could not be prepared")]
    NotPrepared,
    /// A fault of our own, with its trace in the log.
    #[error("internal fault")]
    Internal,
}

impl SendFailure {
    /// A short name that stays the same from version to version, for records and metrics.
    pub fn code(self) -> &'static str {
        match self {
            Self::TimedOut => "timed-out",
            Self::Blocked(_) => "blocked",
            Self::BadAddress => "bad-address",
            Self::NameNotResolved => "name-not-resolved",
            Self::NotConnected => "not-connected",
            Self::TlsFailed => "tls-failed",
            Self::Broken => "broken",
            Self::NotPrepared => "not-prepared",
            Self::Internal => "internal",
        }
    }
}

/// What becomes of a message after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The receiver has it: done.
    Accepted,
    /// Try again.
    Retry {
        /// How long from now, on the outbox's clock.
        after: Duration,
    },
    /// The schedule is used up: it stays visible until someone replays it.
    Exhausted,
}

/// The outbox could not do what was asked. The courier waits a little and asks again.
#[derive(Debug, thiserror::Error)]
#[error("the outbox failed")]
pub struct OutboxError {
    #[source]
    source: Box<dyn Error + Send + Sync>,
}

impl OutboxError {
    /// Wraps whatever went wrong.
    pub fn new(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { source: source.into() }
    }
}
