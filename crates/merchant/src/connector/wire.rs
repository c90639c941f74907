//! The connector's JSON: what a shop sends and what it is told.

use crate::answers::Cancelled;
use crate::book::{ListedExchange, ListedOrder};
use crate::order::{Order, Transition};
use crate::registration::{Buyer, DirectRegistration, RedirectRegistration};
use gerai_domain::wib;
use gerai_protocol::{Kind, MitraCd};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An order to place. The same order again is answered with what there is; another one under a used number is refused.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PlaceOrder {
    /// The order's number, at most 40 characters, unique.
    #[schema(example = "ORD-1", max_length = 40)]
    reference_no: String,
    /// `direct`: answered with the payment number. `redirect`: answered with the payment page's address.
    kind: OrderKind,
    /// Whole rupiah.
    #[schema(example = 25_000, maximum = 999_999_999_999_i64)]
    amount: u64,
    /// What is bought, at most 100 characters.
    #[schema(example = "Kopi", max_length = 100)]
    goods_nm: String,
    /// The store chain: needed for `direct`; for `redirect` the page then skips the choice.
    #[serde(default)]
    mitra_cd: Option<Chain>,
    /// Who buys.
    buyer: BuyerFields,
    /// The cart. Its lines must add up to the amount.
    #[serde(default)]
    items: Vec<Item>,
    /// Until when it may be paid, to the second. Without it the gateway's own period counts.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime, example = "2026-02-01T21:59:59+07:00")]
    payable_until: Option<Timestamp>,
    /// How long it may be paid, in place of `payableUntil`.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "PT24H")]
    payable_for: Option<SignedDuration>,
    /// At most 1000 characters.
    #[serde(default)]
    description: Option<String>,
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum OrderKind {
    Direct,
    Redirect,
}

/// `ALMA`: Alfamart, Alfamidi, Dan+Dan, Lawson. `INDO`: Indomaret.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
enum Chain {
    Alma,
    Indo,
}

/// What is left out is sent as `-`, the country as `Indonesia`.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct BuyerFields {
    #[schema(example = "Sinta Amalina", max_length = 100)]
    name: String,
    #[schema(example = "0812-3456", max_length = 15)]
    phone: String,
    #[schema(example = "sinta@example.com", max_length = 40)]
    email: String,
    #[serde(default)]
    address: Option<String>,
    #[serde(default)]
    city: Option<String>,
    #[serde(default)]
    state: Option<String>,
    #[serde(default)]
    post_code: Option<String>,
    #[serde(default)]
    country: Option<String>,
}

/// One line of a cart.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Item {
    name: String,
    /// The price of one, whole rupiah.
    amount: u64,
    #[serde(default = "one")]
    quantity: u32,
}

const fn one() -> u32 {
    1
}

/// An order that is ready to be registered.
pub(crate) enum Placed {
    Direct(DirectRegistration),
    Redirect(RedirectRegistration),
}

impl PlaceOrder {
    /// Makes a registration of it.
    ///
    /// # Errors
    /// The sentence that names what is wrong.
    pub(crate) fn registration(self) -> Result<Placed, &'static str> {
        let Self {
            reference_no,
            kind,
            amount,
            goods_nm,
            mitra_cd,
            buyer,
            items,
            payable_until,
            payable_for,
            description,
        } = self;
        if payable_until.is_some() && payable_for.is_some() {
            return Err("`payableUntil` and `payableFor` say the same thing twice; send one of them.");
        }
        let buyer = buyer.buyer();
        let mitra_cd = mitra_cd.map(|chain| match chain {
            Chain::Alma => MitraCd::Alma,
            Chain::Indo => MitraCd::Indo,
        });
        macro_rules! filled {
            ($registration:expr) => {{
                let mut registration = $registration;
                for Item { name, amount, quantity } in items {
                    registration = registration.item(name, amount, quantity);
                }
                if let Some(until) = payable_until {
                    registration = registration.valid_until(until);
                }
                if let Some(period) = payable_for {
                    registration = registration.valid_for(period);
                }
                if let Some(description) = description {
                    registration = registration.description(description);
                }
                registration
            }};
        }
        match kind {
            OrderKind::Direct => {
                let mitra_cd = mitra_cd.ok_or("`mitraCd` is missing; send ALMA or INDO, or `kind` redirect.")?;
                let order = DirectRegistration::new(reference_no, amount, mitra_cd, goods_nm, buyer);
                Ok(Placed::Direct(filled!(order)))
            }
            OrderKind::Redirect => {
                let order = RedirectRegistration::new(reference_no, amount, goods_nm, buyer);
                let order = match mitra_cd {
                    Some(mitra_cd) => order.at_store(mitra_cd),
                    None => order,
                };
                Ok(Placed::Redirect(filled!(order)))
            }
        }
    }
}

impl BuyerFields {
    fn buyer(self) -> Buyer {
        let Self { name, phone, email, address, city, state, post_code, country } = self;
        let usual = Buyer::new(name, phone, email);
        Buyer {
            address: address.unwrap_or(usual.address),
            city: city.unwrap_or(usual.city),
            state: state.unwrap_or(usual.state),
            post_code: post_code.unwrap_or(usual.post_code),
            country: country.unwrap_or(usual.country),
            ..usual
        }
    }
}

/// An order as the book knows it. Goods may be handed over while `state` is `paid`, and in no other.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OrderAnswer {
    reference_no: String,
    /// `registering`, `not-registered`, `awaiting-store`, `unpaid`, `ready-to-commit`, `paid`, `expired`, `cancelled` or
    /// `returned`.
    state: &'static str,
    state_since: String,
    kind: &'static str,
    /// Whole rupiah.
    amount: u64,
    goods_nm: String,
    opened_at: String,
    t_xid: Option<String>,
    mitra_cd: Option<&'static str>,
    /// The number that is read out at the counter.
    pay_no: Option<String>,
    /// Where the customer's browser goes, for `redirect`.
    payment_url: Option<String>,
    payable_until: Option<String>,
    paid_at: Option<String>,
    receipt_code: Option<String>,
    /// Why it is not registered.
    refusal: Option<String>,
    /// When the gateway last confirmed the state.
    checked_at: Option<String>,
}

impl From<&Order> for OrderAnswer {
    fn from(order: &Order) -> Self {
        Self {
            reference_no: order.reference_no.clone(),
            state: order.state.as_str(),
            state_since: wib::iso(order.state_since),
            kind: match order.kind {
                Kind::Direct => "direct",
                Kind::Redirect => "redirect",
            },
            amount: order.amount,
            goods_nm: order.goods_nm.clone(),
            opened_at: wib::iso(order.opened_at),
            t_xid: order.t_xid.clone(),
            mitra_cd: order.mitra_cd.map(MitraCd::as_str),
            pay_no: order.pay_no.clone(),
            payment_url: order.payment_url.clone(),
            payable_until: order.payable_until.map(wib::iso),
            paid_at: order.paid_at.map(wib::iso),
            receipt_code: order.receipt_code.clone(),
            refusal: order.refusal.clone(),
            checked_at: order.checked_at.map(wib::iso),
        }
    }
}

/// A page of orders, newest first.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OrdersAnswer {
    orders: Vec<OrderAnswer>,
    /// Send it as `before` for the next page; `null` on the last one.
    next: Option<i64>,
}

impl OrdersAnswer {
    pub(crate) fn of(listed: &[ListedOrder], limit: usize) -> Self {
        let orders = listed.iter().map(|listed| OrderAnswer::from(&listed.order)).collect();
        Self { orders, next: listed.last().filter(|_| listed.len() == limit).map(|last| last.place) }
    }
}

/// A cancelled order.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CancelledAnswer {
    order: OrderAnswer,
    /// The cancel's own number.
    cancel_t_xid: Option<String>,
}

impl CancelledAnswer {
    pub(crate) fn of(cancelled: Cancelled, order: &Order) -> Self {
        Self { order: order.into(), cancel_t_xid: cancelled.cancel_t_xid }
    }
}

/// One exchange between connector and gateway, without secrets.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ExchangeAnswer {
    at: String,
    took_ms: u64,
    /// `direct`, `redirect`, `inquiry`, `cancel`, `notification` or `callback`.
    call: &'static str,
    reference_no: Option<String>,
    t_xid: Option<String>,
    /// `webhook-id`: the same each time that a notification is sent again.
    message_id: Option<String>,
    /// The result code, or what happened in place of an answer.
    outcome: String,
    http_status: Option<u16>,
    sent: String,
    received: String,
}

/// A page of exchanges, newest first.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ExchangesAnswer {
    exchanges: Vec<ExchangeAnswer>,
    /// Send it as `before` for the next page; `null` on the last one.
    next: Option<i64>,
}

impl ExchangesAnswer {
    pub(crate) fn of(listed: Vec<ListedExchange>, limit: usize) -> Self {
        let next = listed.last().filter(|_| listed.len() == limit).map(|last| last.place);
        let exchanges = listed.into_iter().map(|ListedExchange { place: _, exchange }| ExchangeAnswer {
            at: wib::iso(exchange.at),
            took_ms: u64::try_from(exchange.took.as_millis()).unwrap_or(u64::MAX),
            call: exchange.call.as_str(),
            reference_no: exchange.reference_no,
            t_xid: exchange.t_xid,
            message_id: exchange.message_id,
            outcome: exchange.outcome,
            http_status: exchange.http_status,
            sent: exchange.sent,
            received: exchange.received,
        });
        Self { exchanges: exchanges.collect(), next }
    }
}

/// Why something was not done.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ErrorAnswer {
    /// A word that stays the same.
    pub(crate) error: &'static str,
    /// A sentence that says what to do.
    pub(crate) message: String,
    /// The gateway's result code, where it has given one.
    pub(crate) result_cd: Option<String>,
    /// The order as it stands, where there is one to show.
    pub(crate) order: Option<OrderAnswer>,
}

/// What a webhook says: an order has changed. It comes at least once, in order for each order; `id` tells a repeat. It is
/// signed by the Standard Webhooks convention.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Changed {
    /// The same each time that this change is sent.
    id: String,
    /// `order.` and the state that it has come to.
    #[serde(rename = "type")]
    kind: String,
    /// When the change was written down.
    timestamp: String,
    data: ChangedOrder,
}

/// The change.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ChangedOrder {
    reference_no: String,
    t_xid: Option<String>,
    /// Whole rupiah.
    amount: u64,
    from: &'static str,
    to: &'static str,
    /// Which change of this order, from 1.
    seq: u32,
}

impl From<&Transition> for Changed {
    fn from(transition: &Transition) -> Self {
        Self {
            id: transition.id.to_string(),
            kind: format!("order.{}", transition.to),
            timestamp: wib::iso(transition.at),
            data: ChangedOrder {
                reference_no: transition.reference_no.clone(),
                t_xid: transition.t_xid.clone(),
                amount: transition.amount,
                from: transition.from.as_str(),
                to: transition.to.as_str(),
                seq: transition.seq,
            },
        }
    }
}
