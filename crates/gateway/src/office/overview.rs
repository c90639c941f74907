//! The first page: what waits for somebody, what today has taken, which stores are open. A merchant's user sees the
//! merchant's own day.

use super::chains::{Store, stores};
use super::figures::count;
use super::frame::{Frame, Moment, Section, page};
use super::in_time;
use super::problem::Problem;
use super::session::SignedIn;
use super::totals::Sums;
use crate::app::App;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use gerai_domain::{Chain, wib};
use gerai_ledger::{Backlog, Role, TotalsQuery};
use std::sync::Arc;

#[derive(Template)]
#[template(path = "office/overview.html")]
struct OverviewPage {
    frame: Frame,
    operator: bool,
    day: String,
    taken: Sums,
    chains: Vec<ChainToday>,
    /// `None` for a merchant's user, whom it does not concern.
    waits: Option<Waits>,
    stores: Vec<Store>,
    clock: Option<SandboxClock>,
}

/// What a chain has taken today.
struct ChainToday {
    code: &'static str,
    name: &'static str,
    sums: Sums,
}

/// What waits for an operator.
struct Waits {
    exceptions: Number,
    failed: Number,
    undelivered: Number,
    oldest: Option<Moment>,
}

impl From<Backlog> for Waits {
    fn from(backlog: Backlog) -> Self {
        let Backlog { undelivered, oldest, failed, exceptions } = backlog;
        Self {
            exceptions: Number(exceptions),
            failed: Number(failed),
            undelivered: Number(undelivered),
            oldest: oldest.map(Moment::of),
        }
    }
}

/// How many there are.
struct Number(u64);

impl Number {
    fn text(&self) -> String {
        count(self.0)
    }

    const fn any(&self) -> bool {
        self.0 > 0
    }

    const fn one(&self) -> bool {
        self.0 == 1
    }
}

/// A sandbox's clock.
struct SandboxClock {
    now: Moment,
    frozen: bool,
}

/// `GET /office`
pub(super) async fn show(State(app): State<Arc<App>>, who: SignedIn) -> Result<Response, Problem> {
    let now = app.clock.now();
    let day = wib::wall(now).date();
    let query = TotalsQuery { merchant: who.merchant().cloned(), chain: None, first: day, last: day };
    let totals = in_time(&app, app.ledger.totals(query)).await?;
    let chains = Chain::ALL.map(|chain| ChainToday {
        code: chain.code(),
        name: chain.name(),
        sums: totals.iter().filter(|total| total.chain == chain).collect(),
    });
    let waits = match who.role {
        Role::Operator => Some(in_time(&app, app.ledger.backlog()).await?.into()),
        Role::Merchant(_) => None,
    };
    page(&OverviewPage {
        frame: Frame::of(&app, &who, Section::Overview, "Overview"),
        operator: waits.is_some(),
        day: day.to_string(),
        taken: totals.iter().collect(),
        chains: chains.into(),
        waits,
        stores: Chain::ALL.into_iter().flat_map(|chain| stores(&app.rules, chain, now)).collect(),
        clock: app.sandbox.as_ref().map(|_| SandboxClock { now: Moment::of(now), frozen: app.clock.frozen() }),
    })
}
