//! The back office: pages for operators and for merchants' users, below `/office`. Whoever is not signed in sees the
//! sign-in page alone; a merchant's user sees that merchant's payments and nothing else. The pages are written on the
//! server and work without JavaScript.
//!
//! A page is a file here with its handlers and a template beside the others in `templates/office`. A handler that asks
//! for [`SignedIn`](session::SignedIn), [`Operator`](session::Operator) or [`Form`](form::Form) is not reached by
//! anybody else, and a form that is none of our own does not reach it either.

mod audit;
mod chains;
mod exceptions;
mod failed;
mod figures;
mod form;
mod frame;
mod merchant_keys;
mod merchants;
mod next;
mod overview;
mod own_merchant;
mod own_password;
mod passwords;
mod payments;
mod problem;
mod secrets;
mod session;
mod sign_in;
mod terms;
mod totals;
mod users;

pub(crate) use problem::limited;

use crate::app::App;
use crate::asset::{Assets, styled};
use crate::limits::Stopwatch;
use crate::{html, merchant_api};
use axum::Router;
use axum::http::{StatusCode, Uri};
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{any, get, post};
use gerai_ledger::LedgerError;
use jiff::Timestamp;
use passwords::Passwords;
use problem::Problem;
use session::{Cookies, SignedIn};
use std::future::Future;
use std::sync::{Arc, LazyLock};
use tokio_util::sync::CancellationToken;
use url::Url;

const CALL: &str = "back_office";

/// Where all of it is.
pub(crate) const HOME: &str = "/office";
const ASSETS_PATH: &str = "/office/assets";

/// What the back office of one gateway shares.
pub(crate) struct Office {
    /// What stands before every path that a browser asks for: a public address may have a path of its own.
    base: String,
    /// The address that browsers reach it under.
    public_url: Option<Url>,
    cookies: Cookies,
    passwords: Passwords,
    exports: payments::Exports,
    stopwatch: Stopwatch,
    /// The server is about to end.
    closing: CancellationToken,
}

impl Office {
    /// For a gateway at this address, until it closes. Sessions and lockouts run by the stopwatch's real time.
    pub(crate) fn new(public_url: &str, stopwatch: Stopwatch, closing: CancellationToken) -> Self {
        let public_url = Url::parse(public_url).ok();
        let base = public_url.as_ref().map(|url| url.path().trim_end_matches('/').to_owned()).unwrap_or_default();
        let secure = public_url.as_ref().is_some_and(|url| url.scheme() == "https");
        Self {
            cookies: Cookies::new(secure, &base),
            base,
            public_url,
            passwords: Passwords::default(),
            exports: payments::Exports::default(),
            stopwatch,
            closing,
        }
    }

    /// Real time, which sessions and lockouts run by.
    fn real_now(&self) -> Timestamp {
        self.stopwatch.real_now()
    }
}

static ASSETS: LazyLock<Assets> = LazyLock::new(|| {
    Assets::new(ASSETS_PATH, "office", styled!("assets/office.css"), include_bytes!("assets/office.js"))
});

/// The routes of the back office.
pub(crate) fn router(app: &Arc<App>) -> Router<Arc<App>> {
    let pages = Router::new()
        .route(HOME, get(overview::show))
        .route("/office/", get(overview::show))
        .route(sign_in::PATH, get(sign_in::show).post(sign_in::sign_in))
        .route("/office/sign-out", post(sign_in::sign_out))
        .route(own_password::PATH, get(own_password::show).post(own_password::change))
        .merge(payments::router())
        .merge(totals::router())
        .merge(exceptions::router())
        .merge(failed::router())
        .merge(merchants::router())
        .route(own_merchant::PATH, get(own_merchant::show))
        .merge(chains::router())
        .merge(users::router())
        .route(audit::PATH, get(audit::show))
        .route("/office/{*rest}", any(nothing_here))
        .method_not_allowed_fallback(nothing_here)
        .layer(from_fn_with_state(Arc::clone(app), frame::dress));
    Router::new().route(&format!("{ASSETS_PATH}/{{name}}"), get(asset)).merge(pages)
}

/// Waits for the ledger no longer than an answer may take.
async fn in_time<T>(app: &App, asked: impl Future<Output = Result<T, LedgerError>>) -> Result<T, Problem> {
    match tokio::time::timeout(app.answer_timeout, asked).await {
        Ok(answered) => Ok(answered?),
        Err(_) => Err(Problem::Busy("the ledger did not answer in time".into())),
    }
}

async fn nothing_here(_who: SignedIn) -> Problem {
    Problem::NotFound
}

async fn asset(uri: Uri) -> Response {
    match ASSETS.at(uri.path()) {
        Some(asset) => html::file(asset, CALL),
        None => merchant_api::not_routed(StatusCode::NOT_FOUND),
    }
}
