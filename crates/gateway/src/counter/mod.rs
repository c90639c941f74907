//! The counter: a cashier's screen in a sandbox, for whoever would otherwise walk to a store to try a payment. It speaks
//! the store API like any chain, signed with the chain's secret and through the gateway's own router, so its requests
//! meet every rule, limit and fault that a chain's would. Written on the server; it works without JavaScript.

mod carried;
mod slips;
mod steps;
mod texts;
mod till;
mod view;
mod why;

use crate::app::App;
use crate::asset::{Assets, styled};
use crate::form_key::FormKey;
use crate::html;
use crate::http::Told;
use crate::language::Language;
use crate::merchant_api;
use axum::extract::{Extension, Path, Request, State};
use axum::http::{StatusCode, Uri, header};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Router, extract::rejection::PathRejection};
use carried::{Carried, Fields};
use gerai_domain::{Chain, PayNo};
use gerai_ledger::Ledger;
use slips::Slips;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

const CALL: &str = "counter";

const COUNTER: &str = "/counter";
const INQUIRY: &str = "/counter/inquiry";
const PAYMENT: &str = "/counter/payment";
const COMMIT: &str = "/counter/commit";
const REVERSAL: &str = "/counter/reversal";
const CLOCK: &str = "/counter/clock";
const SLIPS: &str = "/counter/slips";
const ASSETS_PATH: &str = "/counter/assets";

/// What the counter's pages share.
pub(crate) struct Counter {
    /// What stands before every path that a browser asks for.
    base: String,
    form_key: FormKey,
    slips: Slips,
    /// How long its till waits for an answer.
    patience: Duration,
}

impl Counter {
    /// For a gateway at this address, with a till that waits so long.
    pub(crate) fn new(public_url: &str, ledger: &dyn Ledger, patience: Duration) -> Self {
        let form_key = FormKey::of(ledger, "counter");
        Self { base: html::base_of(public_url), form_key, slips: Slips::default(), patience }
    }

    /// Throws all slips away.
    pub(crate) fn clear(&self) {
        self.slips.clear();
    }
}

/// The gateway as a chain sees it from outside, with everything that a request passes through.
#[derive(Clone)]
struct Gateway(Router);

static ASSETS: LazyLock<Assets> = LazyLock::new(|| {
    Assets::new(ASSETS_PATH, "counter", styled!("assets/counter.css", "cards.css"), include_bytes!("assets/counter.js"))
});

/// The routes of the counter, whose till asks this gateway.
pub(crate) fn router(gateway: Router) -> Router<Arc<App>> {
    Router::new()
        .route(COUNTER, get(start))
        .route(INQUIRY, post(steps::inquire))
        .route(PAYMENT, post(steps::pay))
        .route(COMMIT, post(steps::commit))
        .route(REVERSAL, post(steps::reverse))
        .route(CLOCK, post(steps::move_clock))
        .route(&format!("{SLIPS}/{{id}}"), get(slip))
        .route(&format!("{ASSETS_PATH}/{{name}}"), get(asset))
        .layer(Extension(Gateway(gateway)))
}

/// The counter with a number typed in, at a till of its chain.
pub(crate) fn address_for(app: &App, chain: Chain, pay_no: PayNo, language: Language) -> Option<String> {
    let counter = &app.sandbox.as_ref()?.counter;
    let carried = Carried::at_chain(chain, pay_no);
    Some(view::start_address(counter, &carried, Some(language)))
}

/// In which language a page is asked for, and what its address carries.
struct Visit {
    language: Language,
    /// The language was chosen on the page, so the page's own links keep it.
    chosen: Option<Language>,
    query: Fields,
}

impl Visit {
    fn of(request: &Request) -> Self {
        let query = Fields::read(request.uri().query().unwrap_or_default().as_bytes());
        let chosen = query.get("lang").and_then(Language::from_code);
        let asked = request.headers().get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        let language = chosen.unwrap_or_else(|| Language::accepted(asked.unwrap_or_default()));
        Self { language, chosen, query }
    }
}

/// The counter's pages are a sandbox's own, like its controls, and are not held back.
fn told(code: &'static str, pay_no: &str) -> Told {
    Told { call: CALL, code: code.into(), pay_no: pay_no.parse().ok(), proved: true, ..Told::default() }
}

fn not_here() -> Response {
    merchant_api::not_routed(StatusCode::NOT_FOUND)
}

/// The number field, with whatever the address says already in it.
async fn start(State(app): State<Arc<App>>, request: Request) -> Response {
    let Some(sandbox) = &app.sandbox else { return not_here() };
    let visit = Visit::of(&request);
    let carried = Carried::read(&visit.query);
    let text = view::start(&app, &sandbox.counter, &visit, &carried, None);
    html::page(StatusCode::OK, text, "'self'", told("start", &carried.pay_no))
}

/// What a step led to. It can be looked at again as often as one likes: nothing is sent for it.
async fn slip(State(app): State<Arc<App>>, id: Result<Path<String>, PathRejection>, request: Request) -> Response {
    let Some(sandbox) = &app.sandbox else { return not_here() };
    let visit = Visit::of(&request);
    let id = id.ok().and_then(|Path(text)| text.parse().ok());
    match id.and_then(|id| Some((id, sandbox.counter.slips.find(id)?))) {
        Some((id, slip)) => {
            let text = view::slip(&app, &sandbox.counter, &visit, id, &slip, None);
            html::page(StatusCode::OK, text, "'self'", told(slip.what.name(), &slip.carried.pay_no))
        }
        None => {
            let carried = Carried::read(&visit.query);
            let text = view::start(&app, &sandbox.counter, &visit, &carried, Some(view::Hint::SlipGone));
            html::page(StatusCode::NOT_FOUND, text, "'self'", told("slip_gone", ""))
        }
    }
}

async fn asset(uri: Uri) -> Response {
    match ASSETS.at(uri.path()) {
        Some(asset) => html::file(asset, CALL),
        None => not_here(),
    }
}
