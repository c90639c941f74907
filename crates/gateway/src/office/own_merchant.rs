//! What was agreed with a merchant, for its own users: to read, and without keys.

use super::figures::{length, rupiah};
use super::frame::{Frame, Moment, Section, page};
use super::in_time;
use super::merchants::methods;
use super::problem::Problem;
use super::session::MerchantUser;
use crate::app::App;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use gerai_domain::Chain;
use gerai_ledger::{MerchantAccount, RetiredKey};
use std::sync::Arc;

/// Where it is.
pub(super) const PATH: &str = "/office/merchant";

#[derive(Template)]
#[template(path = "office/own_merchant.html")]
struct OwnMerchantPage {
    frame: Frame,
    imid: String,
    name: String,
    period: String,
    methods: String,
    chains: Vec<OwnChain>,
    receipt_lines: Vec<String>,
    auto_paid: bool,
    old_key_until: Option<Moment>,
    old_webhook_secret_until: Option<Moment>,
}

/// A chain, and whether the merchant's customers may pay there.
struct OwnChain {
    name: &'static str,
    open: bool,
    limits: String,
}

/// `GET /office/merchant`
pub(super) async fn show(State(app): State<Arc<App>>, user: MerchantUser) -> Result<Response, Problem> {
    let MerchantUser { who, merchant } = user;
    let account = in_time(&app, app.ledger.merchant(merchant.as_str())).await?.ok_or(Problem::NotFound)?;
    let MerchantAccount { terms, key: _, retired_key, webhook_secret: _, retired_webhook_secret } = account.as_ref();
    let now = app.clock.now();
    let until =
        |retired: &Option<RetiredKey>| retired.as_ref().filter(|old| old.counts(now)).map(|old| Moment::of(old.until));
    let chains = Chain::ALL.map(|chain| {
        let limits = app.rules.limits(chain);
        OwnChain {
            name: chain.name(),
            open: terms.chains.contains(&chain),
            limits: format!("{} to {}", rupiah(limits.min.get()), rupiah(limits.max.get())),
        }
    });
    page(&OwnMerchantPage {
        frame: Frame::of(&app, &who, Section::OwnMerchant, "Your merchant"),
        imid: terms.id.to_string(),
        name: terms.name.clone(),
        period: length(terms.period()),
        methods: methods(terms),
        chains: chains.into(),
        receipt_lines: terms.receipt_lines.clone(),
        auto_paid: terms.auto_paid && app.sandbox.is_some(),
        old_key_until: until(retired_key),
        old_webhook_secret_until: until(retired_webhook_secret),
    })
}
