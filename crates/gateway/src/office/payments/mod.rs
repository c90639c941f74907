//! Payments: the list with its search, one payment's page with what can be done about it, and the list as CSV.

mod act;
mod export;
mod filter;
mod list;
mod show;
pub(super) mod words;

pub(super) use export::Exports;

use super::in_time;
use super::problem::Problem;
use super::session::SignedIn;
use crate::app::App;
use axum::Router;
use axum::routing::{get, post};
use gerai_domain::{Payment, TxId};
use gerai_ledger::Role;
use std::sync::Arc;

/// Where the list is, and below it each payment.
pub(super) const PATH: &str = "/office/payments";

pub(super) fn router() -> Router<Arc<App>> {
    Router::new()
        .route(PATH, get(list::show))
        .route(export::PATH, get(export::send))
        .route("/office/payments/{tx_id}", get(show::show))
        .route("/office/payments/{tx_id}/cancel", post(act::cancel))
        .route("/office/payments/{tx_id}/return", post(act::give_back))
        .route("/office/payments/{tx_id}/notifications/{id}/replay", post(act::replay))
}

/// A payment's page, below the public address.
pub(super) fn path_of(tx_id: &TxId) -> String {
    format!("{PATH}/{tx_id}")
}

/// A payment that this one may see; another merchant's is as unknown as one that does not exist.
async fn find(app: &App, who: &SignedIn, tx_id: &str) -> Result<Payment, Problem> {
    let tx_id: TxId = tx_id.parse().map_err(|_| Problem::NotFound)?;
    let found = match &who.role {
        Role::Operator => in_time(app, app.ledger.find_by_tx_id(&tx_id)).await?,
        Role::Merchant(merchant) => in_time(app, app.ledger.find_of_merchant(merchant, &tx_id)).await?,
    };
    found.ok_or(Problem::NotFound)
}
