//! What all calls have in common: a body that is read within bounds, a request id, a log line with the outcome and no
//! secret (S22), and that whoever proves nobody counts against the address.

use crate::address::ClientAddress;
use crate::app::{App, RequestId};
use crate::limits::Wait;
use crate::spans::RequestSpan;
use crate::store::Service;
use crate::{merchant_api, office, store_api};
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use gerai_domain::{MerchantId, PayNo, TxId};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

/// The greatest body that any call takes, in bytes.
pub(crate) const BODY_BYTES: usize = 64 * 1024;

/// What is told as the status of a request whose client did not wait for its answer, as web servers do.
const HUNG_UP: u16 = 499;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Why a body could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.message())]
pub(crate) enum BodyError {
    /// More than [`BODY_BYTES`].
    TooLarge,
    /// It did not come in time.
    TooSlow,
    /// The connection broke, or the framing is wrong.
    Broken,
}

impl BodyError {
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Broken => StatusCode::BAD_REQUEST,
        }
    }

    pub(crate) fn message(self) -> &'static str {
        match self {
            Self::TooLarge => "The body is larger than 64 KiB; send a smaller one.",
            Self::TooSlow => "The body did not arrive in time; send it at once.",
            Self::Broken => "The body could not be read; send it whole.",
        }
    }
}

/// Reads a body within its bounds of size and time.
pub(crate) async fn read_body(app: &App, body: Body) -> Result<Bytes, BodyError> {
    let collected = tokio::time::timeout(app.body_timeout, Limited::new(body, BODY_BYTES).collect()).await;
    match collected {
        Err(_) => Err(BodyError::TooSlow),
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(BodyError::TooLarge),
        Ok(Err(error)) => {
            Err(error.source().and_then(|source| source.downcast_ref()).copied().unwrap_or(BodyError::Broken))
        }
    }
}

/// A body that cannot be read a second time either, for the same reason: for whoever reads what was read before.
pub(crate) fn unread(error: BodyError) -> Body {
    let nothing = Empty::<Bytes>::new().map_err(|never| match never {});
    Body::new(nothing.with_trailers(std::future::ready(Some(Err(error)))))
}

/// What an answer says, for the log line and the metrics.
#[derive(Debug, Clone, Default)]
pub(crate) struct Told {
    /// The call.
    pub(crate) call: &'static str,
    /// The result or response code.
    pub(crate) code: Cow<'static, str>,
    /// Whose payment.
    pub(crate) imid: Option<MerchantId>,
    /// Which payment.
    pub(crate) tx_id: Option<TxId>,
    /// Which number.
    pub(crate) pay_no: Option<PayNo>,
    /// Whether whoever asked has proved who they are, or is counted otherwise. Everybody else counts against their
    /// address.
    pub(crate) proved: bool,
    /// What went wrong inside; for the log alone.
    pub(crate) trouble: Option<Arc<str>>,
}

impl Told {
    /// The call, or `other` for paths that are none.
    pub(crate) fn call_or_other(&self) -> &'static str {
        if self.call.is_empty() { "other" } else { self.call }
    }
}

/// An answer in JSON.
pub(crate) fn json(status: StatusCode, value: &impl serde::Serialize, told: Told) -> Response {
    let (status, body) = match serde_json::to_vec(value) {
        Ok(body) => (status, body),
        Err(error) => {
            tracing::error!(%error, "an answer could not be written");
            (StatusCode::INTERNAL_SERVER_ERROR, b"{}".to_vec())
        }
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.extensions_mut().insert(told);
    response
}

/// Where a request came from. Without a connection there is none: then it is nowhere, as `0.0.0.0`.
pub(crate) fn client_of(request: &Request) -> ClientAddress {
    request.extensions().get().copied().unwrap_or(ClientAddress(IpAddr::V4(Ipv4Addr::UNSPECIFIED)))
}

/// Whether a path is open to everybody without being counted: whoever looks whether the gateway lives, or how it does,
/// must not be told to come back later, and a sandbox's controls are its developer's own.
fn uncounted(app: &App, path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz" | "/metrics") || (app.sandbox.is_some() && path.starts_with("/sandbox/"))
}

/// The call of a path, with the path as it is written here; `None` for one that does not exist.
pub(crate) fn call_of(path: &str) -> Option<(&'static str, &'static str)> {
    let merchant = merchant_api::CALLS.into_iter();
    let store = Service::ALL.map(|service| (service.path(), service.call())).into_iter();
    merchant.chain(store).find(|(known, _)| *known == path)
}

/// A method's name for log lines and spans. One that HTTP does not know is as long as its client pleases; all of those
/// are `_OTHER`, as OpenTelemetry calls them.
fn method_name(method: &Method) -> &'static str {
    const KNOWN: [&str; 9] = ["GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("_OTHER")
}

/// A request that is not answered yet. When it is dropped before that, its client has hung up, or the gateway stops:
/// it is told of all the same, and counts against the address, since it has proved nobody.
struct Open {
    app: Arc<App>,
    id: RequestId,
    begun: Instant,
    begun_at: Option<SystemTime>,
    method: &'static str,
    path: String,
    client: ClientAddress,
    traceparent: Option<HeaderValue>,
    answered: bool,
}

impl Open {
    /// Writes metrics, span and log line.
    fn tell(&self, told: &Told, status: u16, outcome: &str) {
        let took = self.begun.elapsed();
        self.app.metrics.answered(told, status, took);
        if let (Some(spans), Some(begun)) = (&self.app.spans, self.begun_at) {
            spans.keep(&RequestSpan {
                traceparent: self.traceparent.as_ref().and_then(|value| value.to_str().ok()),
                begun,
                took,
                method: self.method,
                call: told.call_or_other(),
                code: &told.code,
                status,
                request_id: &self.id.0,
                imid: told.imid.as_ref().map(MerchantId::as_str),
                tx_id: told.tx_id.as_ref().map(TxId::as_str),
            });
        }
        if let Some(error) = &told.trouble {
            tracing::warn!(target: "gerai::request", request_id = %self.id.0, call = told.call, error = &**error, "not carried out");
        }
        let path: String = self.path.chars().take(200).collect();
        tracing::info!(
            target: "gerai::request",
            request_id = %self.id.0,
            client = %self.client.0,
            method = self.method,
            path,
            status,
            call = told.call,
            code = %told.code,
            imid = told.imid.as_ref().map(MerchantId::as_str),
            tx_id = told.tx_id.as_ref().map(TxId::as_str),
            pay_no = told.pay_no.map(tracing::field::display),
            took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            "{outcome}"
        );
    }

    /// Counts a request that has proved nobody.
    fn count(&self) -> Result<(), Wait> {
        if uncounted(&self.app, &self.path) { Ok(()) } else { self.app.limits.addresses.take(&self.client.subnet()) }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if !self.answered {
            // Nobody is there to be told to wait.
            let _ = self.count();
            let call = call_of(&self.path).map_or("", |(_, call)| call);
            self.tell(&Told { call, ..Told::default() }, HUNG_UP, "not answered");
        }
    }
}

/// Gives each request an id, counts it against its address unless it proves somebody, and writes its log line, metrics
/// and span when it is answered, or when nobody waits for the answer any more.
pub(crate) async fn observe(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let mut client = client_of(&request);
    if app.trusted_hops > 0 {
        client = client.behind(app.trusted_hops, request.headers());
        request.extensions_mut().insert(client);
    }
    let id = RequestId::draw();
    request.extensions_mut().insert(id.clone());
    let mut open = Open {
        begun: Instant::now(),
        begun_at: app.spans.as_ref().map(|_| SystemTime::now()),
        method: method_name(request.method()),
        path: request.uri().path().to_owned(),
        client,
        traceparent: app.spans.as_ref().and_then(|_| request.headers().get(TRACEPARENT).cloned()),
        answered: false,
        id,
        app,
    };
    let mut response = next.run(request).await;
    open.answered = true;
    let mut told = response.extensions_mut().remove::<Told>().unwrap_or_default();
    if !told.proved
        && response.status() != StatusCode::TOO_MANY_REQUESTS
        && let Err(wait) = open.count()
    {
        response = if open.path.starts_with("/store/") {
            store_api::limited(&open.path, wait)
        } else if open.path.starts_with(office::HOME) {
            office::limited(&open.app, wait)
        } else {
            merchant_api::limited(told.call, wait)
        };
        told = response.extensions_mut().remove::<Told>().unwrap_or_default();
    }
    if let Ok(value) = HeaderValue::from_str(&open.id.0) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    open.tell(&told, response.status().as_u16(), "answered");
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_has_a_name_of_bounded_length() {
        for name in ["GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT"] {
            assert_eq!(method_name(&Method::from_bytes(name.as_bytes()).unwrap()), name);
        }
        for name in ["get", "PROPFIND", &"X".repeat(5000)] {
            assert_eq!(method_name(&Method::from_bytes(name.as_bytes()).unwrap()), "_OTHER", "{name}");
        }
    }
}
