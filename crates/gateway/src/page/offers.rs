//! Where a payment can still be paid: which chains take it, until when at each brand, and when that will next be
//! otherwise.

use crate::app::App;
use gerai_domain::{Brand, Chain, Payment, last_moment};
use gerai_ledger::LedgerError;
use jiff::Timestamp;

/// A chain that takes a payment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Offer {
    pub(super) chain: Chain,
    /// When the first of its brands closes for good; `None` when none of them opens before the deadline any more.
    pub(super) last: Option<Timestamp>,
}

/// The chains that the merchant's terms, the amount and the gateway's own partners leave.
pub(super) async fn offers(
    app: &App,
    payment: &Payment,
    of_merchant: &[Chain],
    now: Timestamp,
) -> Result<Vec<Offer>, LedgerError> {
    let amount = payment.terms.amount;
    let mut offers = Vec::new();
    for chain in Chain::ALL {
        let limits = app.rules.limits(chain);
        if of_merchant.contains(&chain)
            && (limits.min..=limits.max).contains(&amount)
            && app.ledger.partner(chain).await?.is_some_and(|partner| partner.enabled)
        {
            offers.push(Offer { chain, last: first_last_moment(app, chain, payment.terms.deadline, now) });
        }
    }
    Ok(offers)
}

/// The real last moment to pay at a brand (rule 6).
pub(super) fn brand_last_moment(app: &App, brand: Brand, deadline: Timestamp, now: Timestamp) -> Option<Timestamp> {
    last_moment(now, deadline, app.rules.hours(brand))
}

/// The first of the last moments of a chain's brands: the safe one to tell.
pub(super) fn first_last_moment(app: &App, chain: Chain, deadline: Timestamp, now: Timestamp) -> Option<Timestamp> {
    chain.brands().iter().filter_map(|brand| brand_last_moment(app, *brand, deadline, now)).min()
}

/// When the first of the chains' brands closes or opens, or the deadline passes: what a page says of them is right
/// until then.
pub(super) fn changes_at(
    app: &App,
    chains: impl IntoIterator<Item = Chain>,
    deadline: Timestamp,
    now: Timestamp,
) -> Timestamp {
    let passes = Timestamp::from_second(deadline.as_second().saturating_add(1)).unwrap_or(Timestamp::MAX);
    let brands = chains.into_iter().flat_map(Chain::brands);
    brands.filter_map(|brand| app.rules.hours(*brand).changes_after(now)).fold(passes, Timestamp::min)
}
