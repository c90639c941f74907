//! Faults on demand, so that a merchant, a till or a test can see what they do when something goes wrong (S19, S27):
//! calls that are late, lost or refused, and notifications that are lost, repeated, swapped or forged.

mod alter;
mod armed;
mod calls;
mod fault;
mod forge;
mod outbox;
mod read;

pub(crate) use armed::{Extra, Faults, Struck};
pub(crate) use calls::{Severed, meet, reject_simulated};
pub(super) use forge::send as forge;
pub(crate) use outbox::FaultyOutbox;

use super::given::Given;
use super::{Refused, done};
use crate::app::App;
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::post;
use fault::Fault;
use serde_json::json;
use std::sync::Arc;

const CALL: &str = "sandbox_faults";

/// The routes below `/sandbox/v1`.
pub(super) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/faults", post(arm).get(list).delete(disarm_all))
        .route("/faults/{id}", axum::routing::get(show).delete(disarm))
        .route("/faults/{id}/release", post(release))
}

async fn arm(State(app): State<Arc<App>>, body: Body) -> Result<Response, Refused> {
    let fault = Fault::read(Given::read(&app, CALL, body).await?)?;
    let armed = app.sandbox(CALL)?.faults.arm(fault).map_err(|_| {
        let message = "100 faults are armed already; disarm some with DELETE /sandbox/v1/faults.";
        Refused::new(CALL, StatusCode::CONFLICT, message)
    })?;
    Ok(done(CALL, &armed))
}

async fn list(State(app): State<Arc<App>>) -> Result<Response, Refused> {
    Ok(done(CALL, &json!({ "faults": app.sandbox(CALL)?.faults.list() })))
}

fn unknown() -> Refused {
    Refused::new(CALL, StatusCode::NOT_FOUND, "No fault has this id; GET /sandbox/v1/faults lists them.")
}

/// The id of a fault that is listed.
fn known(app: &App, id: &str) -> Result<u64, Refused> {
    let id: u64 = id.parse().map_err(|_| unknown())?;
    if app.sandbox(CALL)?.faults.is_listed(id) { Ok(id) } else { Err(unknown()) }
}

async fn show(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Response, Refused> {
    let id: Option<u64> = id.parse().ok();
    let found = app.sandbox(CALL)?.faults.list().into_iter().find(|fault| fault["id"].as_u64() == id);
    Ok(done(CALL, &found.ok_or_else(unknown)?))
}

async fn disarm_all(State(app): State<Arc<App>>) -> Result<Response, Refused> {
    let disarmed = app.sandbox(CALL)?.faults.disarm(None);
    let released = let_go(&app, None).await?;
    Ok(done(CALL, &json!({ "disarmed": disarmed, "released": released })))
}

async fn disarm(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Response, Refused> {
    let id = known(&app, &id)?;
    let disarmed = app.sandbox(CALL)?.faults.disarm(Some(id));
    let released = let_go(&app, Some(id)).await?;
    Ok(done(CALL, &json!({ "disarmed": disarmed, "released": released })))
}

async fn release(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Response, Refused> {
    let id = known(&app, &id)?;
    Ok(done(CALL, &json!({ "released": let_go(&app, Some(id)).await? })))
}

/// Sends what a fault, or any, has kept back; how many notifications it was.
async fn let_go(app: &App, which: Option<u64>) -> Result<usize, Refused> {
    let messages = app.sandbox(CALL)?.faults.let_go(which);
    app.ledger.release(&messages).await.map_err(|error| Refused::busy(CALL, &error))?;
    app.courier.wake();
    Ok(messages.len())
}
