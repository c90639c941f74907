//! What all calls have in common: a body that is read within bounds, a request id, a log line with the outcome and no
//! secret (S22), and that whoever proves nobody counts against the address.

use crate::address::ClientAddress;
use crate::app::{App, RequestId};
use crate::spans::RequestSpan;
use crate::{merchant_api, store_api};
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
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
    /// Whether whoever asked has proved who they are. Everybody else counts against their address.
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
fn uncounted(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz" | "/metrics") || path.starts_with("/sandbox/")
}

/// Gives each request an id, counts it against its address unless it proves somebody, and writes its log line, metrics
/// and span when it is answered.
pub(crate) async fn observe(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let begun_at = app.spans.as_ref().map(|_| SystemTime::now());
    let id = RequestId::draw();
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let mut client = client_of(&request);
    if app.trusted_hops > 0 {
        client = client.behind(app.trusted_hops, request.headers());
        request.extensions_mut().insert(client);
    }
    let traceparent = app.spans.as_ref().and_then(|_| request.headers().get(TRACEPARENT).cloned());
    request.extensions_mut().insert(id.clone());
    let mut response = next.run(request).await;
    let mut told = response.extensions_mut().remove::<Told>().unwrap_or_default();
    if !told.proved
        && response.status() != StatusCode::TOO_MANY_REQUESTS
        && !uncounted(&path)
        && let Err(wait) = app.limits.addresses.take(&client.subnet())
    {
        response = if path.starts_with("/store/") {
            store_api::limited(&path, wait)
        } else {
            merchant_api::limited(told.call, wait)
        };
        told = response.extensions_mut().remove::<Told>().unwrap_or_default();
    }
    if let Ok(value) = HeaderValue::from_str(&id.0) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    let took = begun.elapsed();
    app.metrics.answered(&told, response.status(), took);
    if let (Some(spans), Some(begun)) = (&app.spans, begun_at) {
        spans.keep(&RequestSpan {
            traceparent: traceparent.as_ref().and_then(|value| value.to_str().ok()),
            begun,
            took,
            method: method.as_str(),
            call: told.call_or_other(),
            code: &told.code,
            status: response.status().as_u16(),
            request_id: &id.0,
            imid: told.imid.as_ref().map(MerchantId::as_str),
            tx_id: told.tx_id.as_ref().map(TxId::as_str),
        });
    }
    if let Some(error) = &told.trouble {
        tracing::warn!(target: "gerai::request", request_id = %id.0, call = told.call, error = &**error, "not carried out");
    }
    let path: String = path.chars().take(200).collect();
    tracing::info!(
        target: "gerai::request",
        request_id = %id.0,
        client = %client.0,
        %method,
        path,
        status = response.status().as_u16(),
        call = told.call,
        code = %told.code,
        imid = told.imid.as_ref().map(MerchantId::as_str),
        tx_id = told.tx_id.as_ref().map(TxId::as_str),
        pay_no = told.pay_no.map(tracing::field::display),
        took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        "answered"
    );
    response
}
