//! The order book: the shop's orders, what has changed about them, and every exchange with the gateway. [`SqliteBook`] is
//! one in a file; a shop with a database of its own implements [`OrderBook`] over that.

mod sqlite;
#[cfg(test)]
mod tests;

pub use sqlite::{OpenBookError, SqliteBook, SqliteBookSettings};

use crate::answers::Registered;
use crate::confirm::{Confirmed, Ticket};
use crate::exchange::{Call, Exchange, Journal};
use crate::order::{Order, OrderState, Transition, TransitionId};
use async_trait::async_trait;
use gerai_protocol::Kind;
use jiff::Timestamp;
use std::error::Error;
use std::time::Duration;

/// Keeps orders.
///
/// An order's state is what the gateway confirmed last, and nothing else: it is changed by [`OrderBook::apply`], which
/// takes a [`Confirmed`], and, as long as there is no payment, by the registration's own outcome. Whoever changes a state
/// writes the [`Transition`] in the same transaction.
#[async_trait]
pub trait OrderBook: Journal {
    /// Writes down an order before the gateway is asked for it, so that a lost answer can be fetched (rule 14), in state
    /// [`OrderState::Registering`]. One that is there already stays as it is, unless it is [`OrderState::NotRegistered`]:
    /// then it begins anew with this request.
    async fn open(&self, order: NewOrder) -> Result<Opened, BookError>;

    /// The gateway has registered it. An order that had no payment so far becomes [`OrderState::AwaitingStore`] or [`OrderState::Unpaid`]; of one that a status has overtaken only what was not known
    /// yet is written. Gives the order as it stands then.
    async fn registered(
        &self,
        registered: &Registered,
        at: Timestamp,
        next_check: Option<Timestamp>,
    ) -> Result<Order, BookError>;

    /// There is no payment: refused, or never sent. Only an order that is [`OrderState::Registering`] changes.
    async fn not_registered(&self, reference_no: &str, reason: &str, at: Timestamp) -> Result<Order, BookError>;

    /// The order of this number.
    async fn find(&self, reference_no: &str) -> Result<Option<Order>, BookError>;

    /// The order of this payment.
    async fn find_by_t_xid(&self, t_xid: &str) -> Result<Option<Order>, BookError>;

    /// Orders, newest first.
    async fn orders(&self, query: &OrderQuery) -> Result<Vec<ListedOrder>, BookError>;

    /// Draws the ticket of a question that is about to be asked: higher than every one of this order before.
    async fn begin_check(&self, reference_no: &str) -> Result<Ticket, BookError>;

    /// Writes down a confirmed status and the transition, if it is one. A status whose ticket is not higher than that of
    /// the last one changes nothing. Gives the order as it stands then.
    async fn apply(
        &self,
        confirmed: &Confirmed,
        at: Timestamp,
        next_check: Option<Timestamp>,
    ) -> Result<Order, BookError>;

    /// The status could not be had: ask again at this time. The failure is counted until a status is confirmed.
    async fn check_failed(&self, reference_no: &str, next_check: Timestamp) -> Result<(), BookError>;

    /// Orders whose time has come, longest overdue first.
    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<Order>, BookError>;

    /// Leases transitions that have not been handled and whose time has come: the earliest unhandled one of each order, and
    /// none that is leased. A lease runs in real time; whoever has died is made up for when it ends.
    async fn claim(&self, now: Timestamp, limit: usize, lease: Duration) -> Result<Vec<Transition>, BookError>;

    /// The handler has done its work: never again.
    async fn handled(&self, id: &TransitionId, at: Timestamp) -> Result<(), BookError>;

    /// The handler has failed: again at this time.
    async fn not_handled(&self, id: &TransitionId, again: Timestamp, why: &str) -> Result<(), BookError>;

    /// The transitions of an order, oldest first, and whether each has been handled.
    async fn transitions(&self, reference_no: &str) -> Result<Vec<(Transition, bool)>, BookError>;

    /// Exchanges, newest first (S22).
    async fn exchanges(&self, query: &ExchangeQuery) -> Result<Vec<ListedExchange>, BookError>;

    /// How many orders are in each state, and how many transitions wait for their handler.
    async fn tally(&self) -> Result<Tally, BookError>;
}

/// An order that is about to be registered.
#[derive(Debug, Clone)]
pub struct NewOrder {
    /// `referenceNo`.
    pub reference_no: String,
    /// Which registration.
    pub kind: Kind,
    /// `amt`, rupiah.
    pub amount: u64,
    /// `goodsNm`.
    pub goods_nm: String,
    /// The request, to be sent again as it is, without its token. It holds the buyer's data; the order forgets it
    /// once it is answered.
    pub request: String,
    /// Tells one wish from another under the same number.
    pub fingerprint: [u8; 32],
    /// When, by the shop's clock.
    pub at: Timestamp,
    /// When to look at it again if no answer comes.
    pub next_check: Option<Timestamp>,
}

/// What came of opening an order.
#[derive(Debug, Clone)]
pub enum Opened {
    /// It is new, or begins anew.
    New(Order),
    /// It was there already.
    Known(Order),
}

/// Which orders.
#[derive(Debug, Clone)]
pub struct OrderQuery {
    /// In this state.
    pub state: Option<OrderState>,
    /// Older than the one at this place, for the next page.
    pub before: Option<i64>,
    /// At most so many.
    pub limit: usize,
}

/// An order and its place in the list.
#[derive(Debug, Clone)]
pub struct ListedOrder {
    /// Its place: the next page begins before the last one's.
    pub place: i64,
    /// The order.
    pub order: Order,
}

/// Which exchanges.
#[derive(Debug, Clone, Default)]
pub struct ExchangeQuery {
    /// Of this order.
    pub reference_no: Option<String>,
    /// Of this payment.
    pub t_xid: Option<String>,
    /// Of this call.
    pub call: Option<Call>,
    /// Older than the one at this place, for the next page.
    pub before: Option<i64>,
    /// At most so many; 0 stands for 100.
    pub limit: usize,
}

/// An exchange and its place in the log.
#[derive(Debug, Clone)]
pub struct ListedExchange {
    /// Its place: the next page begins before the last one's.
    pub place: i64,
    /// The exchange.
    pub exchange: Exchange,
}

/// How much there is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Orders by their state; states without one are left out.
    pub orders: Vec<(OrderState, u64)>,
    /// Transitions that have not been handled.
    pub unhandled: u64,
}

/// Why a book has not done what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum BookError {
    /// There is no such order.
    #[error("there is no order {0}")]
    NoSuchOrder(String),
    /// A status of another payment, or of another amount, was to be written for this order.
    #[error("the status is not about the payment of order {0}")]
    OtherPayment(String),
    /// The storage cannot be used now.
    #[error("the order book cannot be used now")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
}
