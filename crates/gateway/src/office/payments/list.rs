//! The list of payments, newest first, with its search.

use super::filter::{Filter, Wanted};
use super::words::{Badge, phase_badge, phase_name};
use super::{PATH, export, path_of};
use crate::app::App;
use crate::office::form::Fields;
use crate::office::frame::{Frame, Moment, Section, page, page_with};
use crate::office::in_time;
use crate::office::problem::Problem;
use crate::office::session::SignedIn;
use askama::Template;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use gerai_domain::Phase;
use gerai_domain::{Chain, Payment, wib};
use gerai_ledger::{Found, SearchKey};
use jiff::Timestamp;
use std::sync::Arc;

/// How many payments a page has.
const PAGE: usize = 50;

/// How many rows one search looks at before it asks whether to go on.
const EFFORT: usize = 20_000;

/// What stands between two places in an address; in none of them does it.
const BETWEEN: &str = "_";

/// How many pages back are remembered.
const TRAIL: usize = 40;

/// How many merchants are offered to choose from; beyond that, one is typed.
const OFFERED: usize = 200;

#[derive(Template)]
#[template(path = "office/payments.html")]
struct PaymentsPage {
    frame: Frame,
    filter: Filter,
    states: Vec<Choice>,
    chains: Vec<Choice>,
    /// For operators: whose payments there are.
    merchants: Option<Vec<Choice>>,
    /// Something is wrong with the address itself.
    wrong_place: bool,
    /// What was found; `None` when a field is wrong.
    found: Option<Page>,
    export: String,
}

/// One of several to choose from.
struct Choice {
    code: String,
    name: String,
    chosen: bool,
}

struct Page {
    rows: Vec<Row>,
    newer: Option<String>,
    older: Option<String>,
    /// The search has looked at everything after this, and would go on.
    looked_back_to: Option<Moment>,
    filtered: bool,
}

struct Row {
    href: String,
    registered: Moment,
    reference_no: String,
    merchant: String,
    amount: String,
    chain: &'static str,
    pay_no: String,
    badge: Badge,
}

impl Row {
    fn of(app: &App, payment: &Payment, now: Timestamp) -> Self {
        let (terms, standing) = (&payment.terms, &payment.standing);
        Self {
            href: format!("{}{}", app.office.base, path_of(&terms.tx_id)),
            registered: to_the_minute(terms.registered_at),
            reference_no: terms.reference_no.clone(),
            merchant: terms.merchant.to_string(),
            amount: terms.amount.pretty(),
            chain: standing.chain.map_or("", Chain::name),
            pay_no: standing.pay_no.map(|number| number.grouped()).unwrap_or_default(),
            badge: phase_badge(payment.phase(now)),
        }
    }
}

/// A moment in a column that says that it is WIB.
fn to_the_minute(at: Timestamp) -> Moment {
    let wall = wib::wall(at);
    Moment { iso: wib::iso(at), text: format!("{} {:02}:{:02}", wall.date(), wall.hour(), wall.minute()) }
}

/// The pages that were gone through on the way to this one, newest first: what `after` says.
struct Trail(Vec<SearchKey>);

impl Trail {
    fn read(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self(Vec::new()));
        }
        let keys: Option<Vec<_>> = text.split(BETWEEN).take(TRAIL + 1).map(|key| key.parse().ok()).collect();
        keys.filter(|keys| keys.len() <= TRAIL).map(Self)
    }

    fn written(keys: &[SearchKey]) -> String {
        keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(BETWEEN)
    }

    /// The way on to the next page. Of a long way the beginning is forgotten.
    fn on(&self, next: SearchKey) -> String {
        let from = (self.0.len() + 1).saturating_sub(TRAIL);
        let mut keys = self.0.get(from..).unwrap_or_default().to_vec();
        keys.push(next);
        Self::written(&keys)
    }

    /// The way back by one page; `None` on the first.
    fn back(&self) -> Option<String> {
        let (_, before) = self.0.split_last()?;
        Some(Self::written(before))
    }
}

/// `GET /office/payments`
pub(super) async fn show(State(app): State<Arc<App>>, who: SignedIn, uri: Uri) -> Result<Response, Problem> {
    let fields = Fields::parse(uri.query().unwrap_or_default().as_bytes());
    let (filter, wanted) = Filter::read(&fields, &who);
    let trail = Trail::read(fields.text("after"));
    let found = match (&wanted, &trail) {
        (Some(wanted), Some(trail)) => Some(found(&app, &filter, wanted, trail).await?),
        (None, _) | (_, None) => None,
    };
    let merchants = match who.merchant() {
        None => Some(merchants(&app, &filter).await?),
        Some(_) => None,
    };
    let wrong = found.is_none();
    let states = Phase::ALL.map(|phase| Choice {
        chosen: filter.state.text == phase.code(),
        code: phase.code().into(),
        name: phase_name(phase).into(),
    });
    let chains = Chain::ALL.map(|chain| Choice {
        chosen: filter.chain.text == chain.code(),
        code: chain.code().into(),
        name: chain.name().into(),
    });
    let listed = PaymentsPage {
        frame: Frame::of(&app, &who, Section::Payments, "Payments"),
        states: states.into(),
        chains: chains.into(),
        merchants,
        wrong_place: trail.is_none(),
        found,
        export: address(&app, export::PATH, &filter.query(&[])),
        filter,
    };
    if wrong { page_with(StatusCode::BAD_REQUEST, &listed) } else { page(&listed) }
}

fn address(app: &App, path: &str, query: &str) -> String {
    let base = &app.office.base;
    if query.is_empty() { format!("{base}{path}") } else { format!("{base}{path}?{query}") }
}

async fn found(app: &App, filter: &Filter, wanted: &Wanted, trail: &Trail) -> Result<Page, Problem> {
    let now = app.clock.now();
    let search = wanted.search(now, trail.0.last().cloned(), PAGE, EFFORT);
    let Found { payments, next, looked_back_to } = in_time(app, app.ledger.search(search)).await?;
    let with = |after: String| {
        let more = [("after", after.as_str())];
        address(app, PATH, &filter.query(if after.is_empty() { &[] } else { &more }))
    };
    Ok(Page {
        rows: payments.iter().map(|payment| Row::of(app, payment, now)).collect(),
        newer: trail.back().map(with),
        older: next.map(|next| with(trail.on(next))),
        looked_back_to: looked_back_to.map(Moment::of),
        filtered: filter.given().next().is_some(),
    })
}

async fn merchants(app: &App, filter: &Filter) -> Result<Vec<Choice>, Problem> {
    let merchants = in_time(app, app.ledger.merchants()).await?;
    let choices = merchants.iter().take(OFFERED).map(|merchant| Choice {
        code: merchant.terms.id.to_string(),
        name: merchant.terms.name.clone(),
        chosen: filter.merchant.text == merchant.terms.id.as_str(),
    });
    Ok(choices.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: usize) -> SearchKey {
        format!("{n:x}-7-GERAITEST1-0").parse().unwrap()
    }

    #[test]
    fn the_way_through_the_pages_leads_back_page_by_page() {
        let first = Trail::read("").unwrap();
        assert_eq!(first.back(), None);
        let second = Trail::read(&first.on(key(9))).unwrap();
        assert_eq!(second.back().as_deref(), Some(""));
        let third = Trail::read(&second.on(key(5))).unwrap();
        assert_eq!(third.0, [key(9), key(5)]);
        assert_eq!(third.back(), Some(key(9).to_string()));
    }

    #[test]
    fn a_long_way_forgets_its_beginning_and_a_wrong_one_is_none() {
        let mut trail = Trail::read("").unwrap();
        for n in 1..=200 {
            trail = Trail::read(&trail.on(key(n))).unwrap();
        }
        assert_eq!((trail.0.len(), trail.0.first(), trail.0.last()), (TRAIL, Some(&key(161)), Some(&key(200))));
        let one = key(1).to_string();
        let endless = vec![one.as_str(); TRAIL + 1].join(BETWEEN);
        let broken = [format!("{one}_"), format!("_{one}"), format!("{one}__{one}"), endless];
        for wrong in ["x", "1", "_", "1-7-GERAITEST1"].into_iter().chain(broken.iter().map(String::as_str)) {
            assert!(Trail::read(wrong).is_none(), "{wrong}");
        }
    }
}
