//! The store chains, for operators: switched on or off, when their stores are open, which amounts they take. Hours and
//! limits are configuration; they are shown, not changed.

use super::figures::{length, rupiah};
use super::form::{Fields, Form};
use super::frame::{Frame, Moment, Section, page, see_other};
use super::in_time;
use super::problem::Problem;
use super::session::Operator;
use crate::app::App;
use askama::Template;
use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::Response;
use axum::routing::{get, post};
use gerai_domain::{Brand, Chain, OpeningHours, Rules};
use gerai_ledger::{Changed, PartnerAccount};
use jiff::Timestamp;
use std::sync::Arc;

/// Where it is.
pub(super) const PATH: &str = "/office/chains";

/// The routes.
pub(super) fn router() -> Router<Arc<App>> {
    Router::new().route(PATH, get(show)).route("/office/chains/{chain}", post(switch))
}

/// A brand's stores, as they are now.
pub(super) struct Store {
    pub(super) name: &'static str,
    pub(super) open: bool,
    /// When that is so, in words.
    pub(super) hours: String,
    /// When a closed one opens.
    pub(super) opens: Option<Moment>,
}

/// The brands of a chain.
pub(super) fn stores(rules: &Rules, chain: Chain, now: Timestamp) -> impl Iterator<Item = Store> {
    chain.brands().iter().map(move |brand| store(rules, *brand, now))
}

fn store(rules: &Rules, brand: Brand, now: Timestamp) -> Store {
    let hours = rules.hours(brand);
    let open = hours.is_open(now);
    Store {
        name: brand.name(),
        open,
        hours: match hours {
            OpeningHours::Always => "around the clock".into(),
            OpeningHours::ClosedBetween { closes, opens } => {
                format!("{:02}:{:02} to {:02}:{:02} WIB", opens.hour(), opens.minute(), closes.hour(), closes.minute())
            }
        },
        opens: if open { None } else { hours.next_open(now).map(Moment::of) },
    }
}

#[derive(Template)]
#[template(path = "office/chains.html")]
struct ChainsPage {
    frame: Frame,
    done: Option<&'static str>,
    chains: Vec<ChainCard>,
}

/// One chain.
struct ChainCard {
    code: &'static str,
    name: &'static str,
    /// Whether it is switched on; `None` when it is no partner yet.
    enabled: Option<bool>,
    old_secret_until: Option<Moment>,
    min: String,
    max: String,
    commit_within: Option<String>,
    reversal_within: String,
    stores: Vec<Store>,
}

/// `GET /office/chains`
async fn show(State(app): State<Arc<App>>, Operator(who): Operator, uri: Uri) -> Result<Response, Problem> {
    let now = app.clock.now();
    let mut chains = Vec::new();
    for chain in Chain::ALL {
        let partner = in_time(&app, app.ledger.partner(chain)).await?;
        let limits = app.rules.limits(chain);
        let retired = partner.as_ref().and_then(|partner| partner.retired_secret.as_ref());
        chains.push(ChainCard {
            code: chain.code(),
            name: chain.name(),
            enabled: partner.as_ref().map(|partner| partner.enabled),
            old_secret_until: retired.filter(|retired| retired.counts(now)).map(|retired| Moment::of(retired.until)),
            min: rupiah(limits.min.get()),
            max: rupiah(limits.max.get()),
            commit_within: chain.two_steps().then(|| length(app.rules.commit_timeout)),
            reversal_within: length(app.rules.reversal_window),
            stores: stores(&app.rules, chain, now).collect(),
        });
    }
    let done = match Fields::parse(uri.query().unwrap_or_default().as_bytes()).text("done") {
        "on" => Some("The chain is switched on: its stores can take payments."),
        "off" => Some("The chain is switched off: its stores can look up and take nothing new."),
        _ => None,
    };
    page(&ChainsPage { frame: Frame::of(&app, &who, Section::Chains, "Store chains"), done, chains })
}

/// `POST /office/chains/{chain}`
async fn switch(
    State(app): State<Arc<App>>,
    Operator(who): Operator,
    code: Result<Path<Chain>, PathRejection>,
    form: Form,
) -> Result<Response, Problem> {
    let Path(chain) = code.map_err(|_| Problem::NotFound)?;
    let (enabled, what, done) = match form.fields.text("switch") {
        "on" => (true, "chain-switched-on", "on"),
        "off" => (false, "chain-switched-off", "off"),
        _ => return Err(Problem::NotFound),
    };
    let change = move |account: &mut PartnerAccount| {
        account.enabled = enabled;
        Ok(())
    };
    let deed = who.deed(&app, what, chain.code(), String::new());
    match in_time(&app, app.ledger.change_partner(chain, Box::new(change), deed)).await? {
        Changed::Done(_) => Ok(see_other(&app, &format!("{PATH}?done={done}"))),
        Changed::Refused(error) => Err(Problem::Broken(error.to_string().into())),
        Changed::Unknown => Err(Problem::NotFound),
    }
}
