//! The sandbox's controls: the clock, the simulated store, the inbox, the notifications, the reset. These paths exist
//! only where the gateway runs as a sandbox.

mod clock;
mod faults;
mod given;
mod inbox;
mod payments;
mod requests;
mod seed;
mod users;

pub(crate) use clock::move_on_to;
pub use clock::restore as restore_clock;
pub(crate) use faults::{Faults, FaultyOutbox, Severed, meet, reject_simulated};
pub(crate) use inbox::Inbox;
pub(crate) use requests::Requests;
pub use seed::{SandboxMerchant, seed};
pub use users::SandboxUser;

use crate::app::{App, Sandbox};
use crate::http::{Told, json, read_body};
use axum::Router;
use axum::body::Body;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use faults::{Extra, Struck};
use gerai_domain::TxId;
use gerai_ledger::{DeliveryAnswer, DeliveryRecord, LedgerError, NotificationRecord, NotificationState};
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json as object};
use std::sync::Arc;
use tokio::time::{Instant, timeout_at};

/// The routes below `/sandbox/v1`.
pub(crate) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/clock", get(clock::show).post(clock::change))
        .route("/payments/{pay_no}/pay", post(payments::pay))
        .route("/payments/{pay_no}/reverse", post(payments::reverse))
        .route("/notifications", get(notifications).post(faults::forge))
        .route("/requests", get(requests::show))
        .route("/inbox/{name}", post(inbox::receive).get(inbox::show))
        .route("/reset", post(reset))
        .merge(faults::router())
}

/// Why a control was refused: a status and a sentence.
pub(crate) struct Refused {
    call: &'static str,
    status: StatusCode,
    message: String,
    trouble: Option<Arc<str>>,
}

impl Refused {
    fn new(call: &'static str, status: StatusCode, message: impl Into<String>) -> Self {
        Self { call, status, message: message.into(), trouble: None }
    }

    fn busy(call: &'static str, error: &LedgerError) -> Self {
        let refused = Self::new(call, StatusCode::SERVICE_UNAVAILABLE, "The gateway is busy; try again.");
        Self { trouble: Some(error.to_string().into()), ..refused }
    }
}

impl Refused {
    /// What went wrong inside, if anything did.
    pub(crate) fn trouble(self) -> Option<Arc<str>> {
        self.trouble
    }
}

impl axum::response::IntoResponse for Refused {
    fn into_response(self) -> Response {
        let told = Told { call: self.call, trouble: self.trouble, ..Told::default() };
        json(self.status, &object!({ "error": self.message }), told)
    }
}

fn done(call: &'static str, value: &Value) -> Response {
    json(StatusCode::OK, value, Told { call, ..Told::default() })
}

impl App {
    /// Handlers of these routes run in a sandbox alone, so it is there.
    fn sandbox(&self, call: &'static str) -> Result<&Sandbox, Refused> {
        self.sandbox.as_ref().ok_or_else(|| Refused::new(call, StatusCode::NOT_FOUND, "This gateway is no sandbox."))
    }
}

/// A name or number in the path; one that cannot be read is as good as none, and refused as such.
fn in_path(path: Result<Path<String>, PathRejection>) -> String {
    path.map(|Path(text)| text).unwrap_or_default()
}

/// Reads a control's JSON; an empty body is an empty object.
async fn read_json<T: DeserializeOwned>(app: &App, call: &'static str, body: Body) -> Result<T, Refused> {
    let body = read_body(app, body).await.map_err(|error| Refused::new(call, error.status(), error.message()))?;
    let text: &[u8] = if body.is_empty() { b"{}" } else { &body };
    let refused = |why: &dyn std::fmt::Display| {
        Refused::new(call, StatusCode::BAD_REQUEST, format!("The body cannot be read: {why}."))
    };
    // A list of the values would be read as the object too.
    if text.trim_ascii_start().first() != Some(&b'{') {
        return Err(refused(&"it is no JSON object"));
    }
    serde_json::from_slice(text).map_err(|error| refused(&error))
}

/// Carries out what must not stop half way, also when the client hangs up meanwhile. Only the end of the server ends it.
async fn to_its_end(
    app: &App,
    call: &'static str,
    work: impl Future<Output = Result<(), Refused>> + Send + 'static,
) -> Result<(), Refused> {
    let ended = app.sandbox(call)?.ended.clone();
    let task = tokio::spawn(async move { ended.run_until_cancelled_owned(work).await.unwrap_or(Ok(())) });
    // A panic has been logged where it happened.
    let failed = |_| Err(Refused::new(call, StatusCode::INTERNAL_SERVER_ERROR, "The gateway failed; see its log."));
    task.await.unwrap_or_else(failed)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reset {
    clock: Option<String>,
}

async fn reset(State(app): State<Arc<App>>, body: Body) -> Result<Response, Refused> {
    const CALL: &str = "sandbox_reset";
    let Reset { clock: to } = read_json(&app, CALL, body).await?;
    let to = to.map(|text| clock::parse_moment(CALL, &text)).transpose()?;
    let resetting = Arc::clone(&app);
    to_its_end(&app, CALL, async move { forget(&resetting, CALL, to).await }).await?;
    Ok(done(CALL, &clock::tell(&app.clock)))
}

async fn forget(app: &App, call: &'static str, clock: Option<Timestamp>) -> Result<(), Refused> {
    let busy = |error: LedgerError| Refused::busy(call, &error);
    let sandbox = app.sandbox(call)?;
    let patience = Instant::now() + sandbox.move_patience;
    // First, so that a move under way has nothing left to pass through.
    app.ledger.forget_payments().await.map_err(busy)?;
    // Nothing is delayed or held back any more.
    sandbox.faults.clear();
    let _moving = clock::hold(sandbox, call, patience).await?;
    // What the courier had in hand may be on its way to an inbox.
    let _ = timeout_at(patience, app.courier.settled()).await;
    sandbox.inbox.clear();
    sandbox.requests.clear();
    sandbox.counter.clear();
    match clock {
        Some(to) => clock::set(app, to).await.map_err(busy),
        None => Ok(()),
    }
}

#[derive(Deserialize)]
struct OfPayment {
    #[serde(rename = "tXid")]
    tx_id: Option<String>,
}

async fn notifications(
    State(app): State<Arc<App>>,
    query: Result<Query<OfPayment>, QueryRejection>,
) -> Result<Response, Refused> {
    const CALL: &str = "sandbox_notifications";
    let asked = query.ok().and_then(|Query(OfPayment { tx_id })| tx_id);
    let tx_id: TxId = asked.and_then(|text| text.parse().ok()).ok_or_else(|| {
        Refused::new(CALL, StatusCode::BAD_REQUEST, "Say whose notifications: ?tXid= and the 30 characters of a tXid.")
    })?;
    let list = app.ledger.notifications(&tx_id).await.map_err(|error| Refused::busy(CALL, &error))?;
    let faults = &app.sandbox(CALL)?.faults;
    let forged = faults.extras(tx_id.as_str(), None, tell_extra);
    let list: Vec<Value> = list.into_iter().map(|record| tell_notification(record, faults)).collect();
    Ok(done(CALL, &object!({ "tXid": tx_id, "notifications": list, "forged": forged })))
}

fn tell_extra(extra: &Extra) -> Value {
    let by: Vec<Value> = extra.by.into_iter().map(Struck::tell).collect();
    tell_attempt(&extra.record, &by)
}

fn tell_notification(record: NotificationRecord, faults: &Faults) -> Value {
    let NotificationRecord { id, message_id, event_seq, url, state, next_at, notice, attempts } = record;
    let copies = faults.extras(notice.tx_id.as_str(), Some(id), tell_extra);
    let tell_numbered = |(record, number)| tell_attempt(record, &faults.of_attempt(id, number));
    let state = match state {
        NotificationState::Waiting => "waiting",
        NotificationState::Pending => "pending",
        NotificationState::Delivered => "delivered",
        NotificationState::Failed => "failed",
    };
    object!({
        "id": id,
        "webhookId": message_id,
        "event": event_seq,
        "url": url,
        "state": state,
        "nextAttemptAt": next_at.map(gerai_domain::wib::iso),
        "heldBackBy": faults.holder(id),
        "attempts": attempts.iter().zip(1..).map(tell_numbered).collect::<Vec<_>>(),
        "copies": copies,
    })
}

/// One attempt, with the faults under which it was made.
fn tell_attempt(record: &DeliveryRecord, faults: &[Value]) -> Value {
    let DeliveryRecord { at, headers, body, answer, took } = record;
    let headers: serde_json::Map<String, Value> =
        headers.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
    let answer = match answer {
        DeliveryAnswer::Status { code, excerpt } => object!({ "status": code, "body": excerpt }),
        DeliveryAnswer::Failed(why) => object!({ "failure": why }),
    };
    object!({
        "at": gerai_domain::wib::iso(*at),
        "headers": headers,
        "body": body,
        "faults": faults,
        "answer": answer,
        "tookMs": u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
    })
}
