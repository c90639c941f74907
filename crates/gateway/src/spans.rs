//! What a request comes to, for whoever keeps traces. The gateway knows nothing of how they are kept; where nobody keeps
//! them, nothing is put together.

use std::time::{Duration, SystemTime};

/// One request that was answered, or given up by its client. It holds no secret: no body, no query, no token.
#[derive(Debug, Clone, Copy)]
pub struct RequestSpan<'a> {
    /// The caller's own place in a trace, if it told one: the header `traceparent` (W3C Trace Context).
    pub traceparent: Option<&'a str>,
    /// When the request's headers had come, in real time.
    pub begun: SystemTime,
    /// How long the answer took from then on.
    pub took: Duration,
    /// The HTTP method; `_OTHER` for one that is not among the usual nine.
    pub method: &'static str,
    /// The call, as in log lines and metrics.
    pub call: &'a str,
    /// The result or response code; empty where the call has none.
    pub code: &'a str,
    /// The HTTP status; 499 when the client hung up before its answer.
    pub status: u16,
    /// The request's id, as in its answer and log line.
    pub request_id: &'a str,
    /// Whose payment.
    pub imid: Option<&'a str>,
    /// Which payment.
    pub tx_id: Option<&'a str>,
}

/// Keeps traces.
pub trait KeepSpans: Send + Sync + 'static {
    /// Takes a request that has ended. It is called in the request's own task, so it must not wait.
    fn keep(&self, span: &RequestSpan<'_>);
}
