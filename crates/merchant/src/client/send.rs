//! One call on the wire: attempts, their time-outs, and what each outcome allows.

use crate::answers::Misread;
use crate::client::error::{CallError, ClientError, Refusal};
use crate::client::{Limits, passes, says_not_done};
use crate::clock::Clock;
use crate::exchange::{Call, Exchange, Journal, kept};
use axum::body::Bytes;
use gerai_protocol::{AnswerError, BareAnswer, CancelAnswer, DirectAnswer, InquiryAnswer, RedirectAnswer, ResultCode};
use http::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use http::{HeaderValue, Method, StatusCode};
use reqwest::{Request, Response};
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout_at};
use url::Url;

/// The longest answer that is read. A call's own have about 2 KiB.
const ANSWER_BYTES: usize = 64 * 1024;

/// Kept short: many servers close idle connections after 2 to 5 s, and a registration that meets the close may be one of
/// which nobody knows whether it was carried out.
const POOL_IDLE: Duration = Duration::from_secs(1);

/// The longest wait that an answer can ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// What sending a call again does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// It asks, and changes nothing.
    Harmless,
    /// It gets the first answer.
    AnsweredAgain,
    /// It may do harm, unless the first was never sent or never taken.
    OnlyUnsent,
}

/// One call.
pub(crate) struct Ask<'a> {
    pub(crate) url: &'a Url,
    pub(crate) call: Call,
    pub(crate) reference_no: &'a str,
    pub(crate) t_xid: Option<&'a str>,
    pub(crate) body: Bytes,
    pub(crate) repeat: Repeat,
    pub(crate) patience: Duration,
}

/// The connections and their limits.
pub(crate) struct Wire {
    client: reqwest::Client,
    limits: Limits,
    calls: Semaphore,
    clock: Clock,
    journal: Option<Arc<dyn Journal>>,
}

/// An answer of the gateway, whichever call it belongs to.
pub(crate) trait Answered: Sized {
    fn parse(body: &[u8]) -> Result<Self, AnswerError>;
    fn result(&self) -> (&str, &str);
}

macro_rules! answered {
    ($($name:ident)*) => {$(
        impl Answered for $name {
            fn parse(body: &[u8]) -> Result<Self, AnswerError> {
                $name::parse(body)
            }
            fn result(&self) -> (&str, &str) {
                (&self.result_cd, &self.result_msg)
            }
        }
    )*};
}
answered!(BareAnswer DirectAnswer RedirectAnswer InquiryAnswer CancelAnswer);

/// What came of one attempt that brought nothing.
struct Failed {
    error: CallError,
    /// Whether the gateway may have carried it out, or may still do so.
    perhaps_done: bool,
    /// Whether another attempt may end otherwise.
    passes: bool,
    /// How long the gateway asks to wait.
    wait: Option<Duration>,
}

/// An answer's status and body, as they came.
struct Came {
    status: StatusCode,
    wait: Option<Duration>,
    body: Vec<u8>,
}

impl Wire {
    pub(crate) fn new(limits: &Limits, clock: Clock, journal: Option<Arc<dyn Journal>>) -> Result<Self, ClientError> {
        let zero = limits.connect_timeout.is_zero() || limits.timeout.is_zero() || limits.patience.is_zero();
        if zero || limits.attempts == 0 || limits.calls == 0 {
            return Err(ClientError::Zero);
        }
        // The first to come sets the provider for the whole process; it does not matter who that is.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = || {
            let builder = reqwest::Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .retry(reqwest::retry::never())
                .referer(false)
                .http1_only()
                .connect_timeout(limits.connect_timeout)
                .pool_max_idle_per_host(limits.calls)
                .pool_idle_timeout(POOL_IDLE);
            if limits.proxy_from_environment { builder } else { builder.no_proxy() }
        };
        let client = builder().build().or_else(|error| {
            // A slim image without root certificates can still talk plain http to a sandbox.
            tracing::warn!(
                error = &error as &dyn Error,
                "no usable root certificates: no https gateway will be trusted"
            );
            builder().tls_certs_only([]).build()
        });
        Ok(Self {
            client: client.map_err(|error| ClientError::Http(error.into()))?,
            limits: limits.clone(),
            calls: Semaphore::new(limits.calls),
            clock,
            journal,
        })
    }

    pub(crate) fn patience(&self) -> Duration {
        self.limits.patience
    }

    /// Sends a call, again where that is allowed and may help, and reads its answer.
    pub(crate) async fn call<A: Answered, T>(
        &self,
        ask: Ask<'_>,
        read: impl Fn(A) -> Result<T, Misread>,
    ) -> Result<T, CallError> {
        let give_up = Instant::now() + ask.patience;
        let Ok(Ok(_turn)) = timeout_at(give_up, self.calls.acquire()).await else {
            return Err(CallError::Unreachable("too many calls are under way".into()));
        };
        let mut perhaps_done = false;
        let mut wait = self.limits.wait;
        for attempt in 1_u32.. {
            let failed = match self.attempt(&ask, give_up, &read).await {
                Ok(answer) => return Ok(answer),
                Err(failed) => failed,
            };
            perhaps_done |= failed.perhaps_done;
            let allowed = match ask.repeat {
                Repeat::Harmless | Repeat::AnsweredAgain => true,
                Repeat::OnlyUnsent => !perhaps_done,
            };
            let pause = failed.wait.unwrap_or_else(|| wait.mul_f64(1.0 + rand::random::<f64>() / 4.0));
            let again = allowed && failed.passes && attempt < self.limits.attempts && Instant::now() + pause < give_up;
            if !again {
                let known = match ask.repeat {
                    Repeat::Harmless => true,
                    Repeat::AnsweredAgain => !perhaps_done || says_not_done(&failed.error),
                    Repeat::OnlyUnsent => !perhaps_done,
                };
                return Err(if known { failed.error } else { CallError::Unknown(Box::new(failed.error)) });
            }
            sleep(pause).await;
            wait = wait.saturating_mul(3);
        }
        unreachable!("attempts are counted up to a limit")
    }

    async fn attempt<A: Answered, T>(
        &self,
        ask: &Ask<'_>,
        give_up: Instant,
        read: &impl Fn(A) -> Result<T, Misread>,
    ) -> Result<T, Failed> {
        let begun = Instant::now();
        let at = self.clock.now();
        let came = self.exchange(ask, give_up.min(begun + self.limits.timeout)).await;
        let took = begun.elapsed();
        let (outcome, status, body) = match came {
            Ok(came) => (understand(&came, read), Some(came.status.as_u16()), came.body),
            Err(failed) => (Err(failed), None, Vec::new()),
        };
        let words = outcome.as_ref().err().map_or_else(|| ResultCode::Success.number().to_owned(), |f| f.error.words());
        tracing::debug!(
            call = ask.call.as_str(),
            reference_no = ask.reference_no,
            t_xid = ask.t_xid,
            outcome = words,
            status,
            took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            "asked the gateway"
        );
        if let Some(journal) = &self.journal {
            let received = kept(&body);
            let t_xid = ask.t_xid.map(str::to_owned).or_else(|| t_xid_of(&body));
            let exchange = Exchange {
                at,
                took,
                call: ask.call,
                reference_no: Some(ask.reference_no.to_owned()),
                t_xid,
                message_id: None,
                outcome: words,
                http_status: status,
                authentic: true,
                sent: kept(&ask.body),
                received,
            };
            journal.record(exchange).await;
        }
        outcome
    }

    async fn exchange(&self, ask: &Ask<'_>, deadline: Instant) -> Result<Came, Failed> {
        let mut request = Request::new(Method::POST, ask.url.clone());
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("gerai-merchant/", env!("CARGO_PKG_VERSION"))));
        *request.body_mut() = Some(ask.body.clone().into());
        let timed_out = || Failed { error: CallError::TimedOut, perhaps_done: true, passes: true, wait: None };
        let mut response = match timeout_at(deadline, self.client.execute(request)).await {
            Err(_) => return Err(timed_out()),
            Ok(Err(error)) if error.is_connect() => {
                let error = CallError::Unreachable(error.without_url().into());
                return Err(Failed { error, perhaps_done: false, passes: true, wait: None });
            }
            Ok(Err(error)) if error.is_timeout() => return Err(timed_out()),
            Ok(Err(error)) => return Err(broken_off(error)),
            Ok(Ok(response)) => response,
        };
        let mut body = Vec::with_capacity(2048);
        loop {
            match timeout_at(deadline, response.chunk()).await {
                Err(_) => return Err(timed_out()),
                Ok(Err(error)) => return Err(broken_off(error)),
                Ok(Ok(None)) => break,
                Ok(Ok(Some(chunk))) if body.len() + chunk.len() > ANSWER_BYTES => {
                    let error = not_understood(response.status(), "it is larger than 64 KiB");
                    return Err(Failed { error, perhaps_done: true, passes: true, wait: None });
                }
                Ok(Ok(Some(chunk))) => body.extend_from_slice(&chunk),
            }
        }
        Ok(Came { status: response.status(), wait: wait_of(&response), body })
    }
}

fn broken_off(error: reqwest::Error) -> Failed {
    let error = CallError::BrokenOff(error.without_url().into());
    Failed { error, perhaps_done: true, passes: true, wait: None }
}

fn not_understood(status: StatusCode, why: impl Into<String>) -> CallError {
    CallError::NotUnderstood { http_status: status.as_u16(), why: why.into() }
}

/// Reads what came. HTTP 200 carries the call's own answer; anything else at best the two fields of a result.
fn understand<A: Answered, T>(came: &Came, read: &impl Fn(A) -> Result<T, Misread>) -> Result<T, Failed> {
    let Came { status, wait, body } = came;
    let wait = *wait;
    if *status != StatusCode::OK {
        // Who was turned away at the door, or sent elsewhere, was not heard.
        let unheard = status.is_redirection()
            || (status.is_client_error() && *status != StatusCode::REQUEST_TIMEOUT && status.as_u16() != 499);
        let passes = status.is_server_error()
            || matches!(*status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT)
            || status.as_u16() == 499;
        let error = match BareAnswer::parse(body) {
            Ok(answer) if status.is_client_error() || status.is_server_error() => refused(&answer, *status),
            Ok(_) | Err(_) => not_understood(*status, "it is no answer of a gateway"),
        };
        return Err(Failed { error, perhaps_done: !unheard, passes, wait });
    }
    let answer =
        A::parse(body).map_err(|error| lost(CallError::NotUnderstood { http_status: 200, why: error.to_string() }))?;
    if answer.result().0 != ResultCode::Success.number() {
        let code = ResultCode::from_number(answer.result().0);
        return Err(Failed {
            error: refused(&answer, *status),
            // A gateway that is busy may have given up waiting for its own work.
            perhaps_done: code == Some(ResultCode::Busy),
            passes: passes(code),
            wait,
        });
    }
    read(answer).map_err(|misread| lost(CallError::misread(200, misread)))
}

/// An answer came, and with it nothing that is known.
fn lost(error: CallError) -> Failed {
    Failed { error, perhaps_done: true, passes: true, wait: None }
}

fn refused(answer: &impl Answered, status: StatusCode) -> CallError {
    let (number, message) = answer.result();
    let short = |text: &str, most| text.chars().filter(|c| !c.is_control()).take(most).collect();
    CallError::Refused(Refusal { number: short(number, 8), message: short(message, 500), http_status: status.as_u16() })
}

/// `Retry-After` in seconds, within bounds.
fn wait_of(response: &Response) -> Option<Duration> {
    let seconds: u64 = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_WAIT))
}

/// The payment that an answer names, for the log.
fn t_xid_of(body: &[u8]) -> Option<String> {
    InquiryAnswer::parse(body).ok()?.t_xid.filter(|t_xid| t_xid.len() <= 30)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(status: u16, body: &str) -> (String, bool, bool) {
        let came = Came { status: StatusCode::from_u16(status).unwrap(), wait: None, body: body.as_bytes().to_vec() };
        match understand(&came, &|answer: InquiryAnswer| answer.status.ok_or(Misread::Missing("`status`"))) {
            Ok(status) => (status, false, false),
            Err(Failed { error, perhaps_done, passes, wait: _ }) => (error.words(), perhaps_done, passes),
        }
    }

    #[test]
    fn each_outcome_says_whether_it_may_have_been_done_and_whether_to_ask_again_s27() {
        let refused = |code: &str| format!(r#"{{"resultCd":"{code}","resultMsg":"No."}}"#);
        for (status, body, words, perhaps_done, passes) in [
            (200, r#"{"resultCd":"0000","status":"0"}"#.to_owned(), "0", false, false),
            (200, r#"{"resultCd":"0000"}"#.to_owned(), "not understood", true, true),
            (200, r#"{"resultCd":"0000","sta"#.to_owned(), "not understood", true, true),
            (200, String::new(), "not understood", true, true),
            (200, "<html>".to_owned(), "not understood", true, true),
            (200, refused("9009"), "9009", false, false),
            (200, refused("9002"), "9002", true, true),
            (200, refused("9503"), "9503", false, true),
            (302, String::new(), "not understood", false, false),
            (400, refused("9001"), "9001", false, false),
            (403, "<html>".to_owned(), "not understood", false, false),
            (408, refused("9001"), "9001", true, true),
            (429, refused("9002"), "9002", false, true),
            (500, "<html>".to_owned(), "not understood", true, true),
            (503, refused("9002"), "9002", true, true),
            (201, r#"{"resultCd":"0000","status":"0"}"#.to_owned(), "not understood", true, false),
        ] {
            let expected = (words.to_owned(), perhaps_done, passes);
            assert_eq!(outcome(status, &body), expected, "{status} {body}");
        }
    }
}
