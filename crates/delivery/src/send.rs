//! One attempt: check the address, make the body, sign it, POST it, read as much of the answer as we need. Whatever
//! happens comes back as an [`Attempt`], and every step is bounded in time and in memory.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use reqwest::{Client, Method, Request, Response};
use secrecy::{ExposeSecret, SecretString};
use standardwebhooks::{HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, Webhook};
use tokio::time::{Instant, timeout_at};
use url::Url;

use crate::guard::{Blocked, EgressGuard};
use crate::outbox::{Answer, Attempt, Due, SendFailure};
use crate::parcel::{Parcel, Prepare, PrepareError};
use crate::resolve::GuardedResolver;
use crate::settings::{CourierError, Settings};

/// The status line decides; for the rest of an answer nobody waits longer than this.
const BODY_PATIENCE: Duration = Duration::from_secs(1);

/// Kept short: many servers close idle connections after 2 to 5 s, and a message that meets the close is lost for one
/// attempt. Under load connections do not get that old.
const POOL_IDLE: Duration = Duration::from_secs(1);

/// Makes attempts, over one shared client. A [`Courier`](crate::Courier) has one of its own; whoever wants to send
/// something that stands in no outbox makes another.
pub struct Sender {
    client: Client,
    guard: EgressGuard,
    timeout: Duration,
    max_answer_bytes: usize,
    excerpt_bytes: usize,
}

impl Sender {
    /// Makes one that keeps to the settings' time-outs, limits and egress guard.
    ///
    /// # Errors
    /// When the HTTP client cannot be built.
    pub fn new(settings: &Settings) -> Result<Self, CourierError> {
        // The first to come sets the provider for the whole process; it does not matter who that is.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = || {
            Client::builder()
                .no_proxy()
                .redirect(reqwest::redirect::Policy::none())
                .retry(reqwest::retry::never())
                .referer(false)
                .http1_only()
                .connect_timeout(settings.connect_timeout)
                .pool_max_idle_per_host(settings.per_host)
                .pool_idle_timeout(POOL_IDLE)
                .dns_resolver(Arc::new(GuardedResolver { lookup: Arc::clone(&settings.lookup), guard: settings.guard }))
        };
        let client = builder().build().or_else(|error| {
            // A slim image without root certificates can still deliver over plain http.
            tracing::warn!(
                error = &error as &dyn Error,
                "no usable root certificates: https receivers will not be trusted"
            );
            builder().tls_certs_only([]).build()
        });
        Ok(Self {
            client: client.map_err(|e| CourierError::Client(e.into()))?,
            guard: settings.guard,
            timeout: settings.timeout,
            max_answer_bytes: settings.max_answer_bytes,
            excerpt_bytes: settings.excerpt_bytes,
        })
    }

    /// Makes one attempt and tells how it ended. Nothing is claimed, settled or tried again.
    pub async fn attempt(&self, prepare: &dyn Prepare, due: &Due) -> Attempt {
        let began = Instant::now();
        let mut attempt = Attempt {
            sent_headers: Vec::new(),
            sent_body: String::new(),
            answer: Answer::Failed(SendFailure::Internal),
            took: Duration::ZERO,
        };
        attempt.answer = match self.request(prepare, due, &mut attempt) {
            Ok(request) => self.send(request, began + self.timeout, due).await,
            Err(failure) => Answer::Failed(failure),
        };
        attempt.took = began.elapsed();
        attempt
    }

    /// Builds the request, and notes in `attempt` what will be sent.
    fn request(&self, prepare: &dyn Prepare, due: &Due, attempt: &mut Attempt) -> Result<Request, SendFailure> {
        let url = Url::parse(&due.url).map_err(|_| SendFailure::BadAddress)?;
        self.guard.check(&url).map_err(SendFailure::Blocked)?;
        let parcel = prepare.prepare(due).map_err(|error| not_prepared(due, &error))?;
        let headers = headers(due, &parcel)?;
        attempt.sent_headers = headers
            .iter()
            .map(|(name, value)| {
                let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                (name.as_str().to_owned(), value)
            })
            .collect();
        attempt.sent_body.clone_from(&parcel.body);
        let mut request = Request::new(Method::POST, url);
        *request.headers_mut() = headers;
        *request.body_mut() = Some(parcel.body.into());
        Ok(request)
    }

    async fn send(&self, request: Request, deadline: Instant, due: &Due) -> Answer {
        match timeout_at(deadline, self.client.execute(request)).await {
            Err(_) => Answer::Failed(SendFailure::TimedOut),
            Ok(Err(error)) => {
                let failure = failure(&error);
                let error = error.without_url();
                tracing::debug!(id = due.id, host = %due.host, error = &error as &dyn Error, "no answer");
                Answer::Failed(failure)
            }
            Ok(Ok(response)) => Answer::Status {
                code: response.status().as_u16(),
                body_excerpt: self.excerpt(response, deadline).await,
            },
        }
    }

    /// Reads the body to its end if it is short, for then its connection can be used again, and keeps the beginning. A
    /// body that is long, slow or broken off changes nothing about the status that came before it.
    async fn excerpt(&self, mut response: Response, deadline: Instant) -> String {
        let deadline = deadline.min(Instant::now() + BODY_PATIENCE);
        let mut kept = Vec::new();
        let mut read = 0;
        while let Ok(Ok(Some(chunk))) = timeout_at(deadline, response.chunk()).await {
            let room = self.excerpt_bytes - kept.len();
            kept.extend_from_slice(&chunk[..room.min(chunk.len())]);
            read += chunk.len();
            if read >= self.max_answer_bytes {
                break;
            }
        }
        String::from_utf8_lossy(&kept)
            .chars()
            .map(|c| match c {
                '\n' | '\t' => c,
                c if c.is_control() => char::REPLACEMENT_CHARACTER,
                c => c,
            })
            .collect()
    }
}

fn not_prepared(due: &Due, error: &PrepareError) -> SendFailure {
    tracing::warn!(id = due.id, sender = %due.sender, error = error as &dyn Error, "a message could not be prepared");
    SendFailure::NotPrepared
}

/// The headers of one attempt, with those of the Standard Webhooks convention: the id, and with a secret the time and
/// the signature over the whole body.
fn headers(due: &Due, parcel: &Parcel) -> Result<HeaderMap, SendFailure> {
    let value = |text: &str| HeaderValue::from_str(text).map_err(|_| unfit(due, "header"));
    let mut headers = HeaderMap::with_capacity(6);
    headers.insert(CONTENT_TYPE, value(parcel.content_type)?);
    headers.insert(USER_AGENT, value(&parcel.user_agent)?);
    headers.insert(HeaderName::from_static(HEADER_WEBHOOK_ID), value(&due.message_id)?);
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    headers.insert(HeaderName::from_static(HEADER_WEBHOOK_TIMESTAMP), HeaderValue::from(now_s));
    let sign = |secret: &SecretString| {
        // The error is dropped unseen: it would quote a byte of the secret.
        Webhook::new(secret.expose_secret())
            .and_then(|webhook| webhook.sign(&due.message_id, now_s.cast_signed(), parcel.body.as_bytes()))
            .map_err(|_| unfit(due, "webhook secret"))
    };
    let signatures = parcel.webhook_secrets.iter().map(sign).collect::<Result<Vec<String>, SendFailure>>()?;
    if !signatures.is_empty() {
        headers.insert(HeaderName::from_static(HEADER_WEBHOOK_SIGNATURE), value(&signatures.join(" "))?);
    }
    Ok(headers)
}

fn unfit(due: &Due, what: &str) -> SendFailure {
    tracing::warn!(id = due.id, sender = %due.sender, what, "a message could not be prepared");
    SendFailure::NotPrepared
}

/// Sorts what the client reports, from the particular to the general.
fn failure(error: &reqwest::Error) -> SendFailure {
    if let Some(blocked) = cause::<Blocked>(error) {
        SendFailure::Blocked(*blocked)
    } else if error.is_timeout() {
        SendFailure::TimedOut
    } else if cause::<rustls::Error>(error).is_some() {
        SendFailure::TlsFailed
    } else if error.is_dns() {
        SendFailure::NameNotResolved
    } else if error.is_connect() {
        SendFailure::NotConnected
    } else if error.is_builder() {
        SendFailure::BadAddress
    } else {
        SendFailure::Broken
    }
}

/// Looks for an error of type `E` among the causes. An `io::Error` hides the one it wraps from `source`, so it is opened.
fn cause<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner as &(dyn Error + 'static)),
            None => error.source(),
        };
    }
    None
}
