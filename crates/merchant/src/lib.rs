//! The merchant's side of cash payments at convenience stores (NICEPAY V2 wire format), against a gateway of this project or
//! NICEPAY's own: what the integration checklist asks of a shop (S1–S4, S20–S24, S27–S30) is the easy way here.
//!
//! - [`Client`] registers, asks for the status, and cancels. It sends again only what can do no harm.
//! - [`Verifier`] tells the gateway's notifications from forged ones, and [`Client::confirm`] asks whether they are true.
//! - [`OrderBook`] keeps the orders, what has changed, and every exchange; [`SqliteBook`] does so in a file.
//! - [`Shop`] puts them together, asks by itself for what it was not told, and runs the shop's [`Handler`] for each change.
//! - [`Routes`] is `dbProcessUrl` and `callBackUrl` for an axum server.
//! - [`Connector`] is all of it as a server of its own, for shops that are not written in Rust; [`Doctor`] looks at a
//!   `dbProcessUrl` from outside.
//!
//! Nothing that was not confirmed by the gateway can change an order: the types do not let it.
//!
//! ```compile_fail
//! // A notification is a claim; a book takes confirmed statuses alone.
//! async fn believe(
//!     book: &gerai_merchant::SqliteBook,
//!     notification: gerai_merchant::Notification,
//!     now: gerai_merchant::Timestamp,
//! ) {
//!     let _ = gerai_merchant::OrderBook::apply(book, &notification, now, None).await;
//! }
//! ```
//!
//! ```compile_fail
//! // So is a callback.
//! async fn believe(
//!     book: &gerai_merchant::SqliteBook,
//!     callback: gerai_merchant::Callback,
//!     now: gerai_merchant::Timestamp,
//! ) {
//!     let _ = gerai_merchant::OrderBook::apply(book, &callback, now, None).await;
//! }
//! ```
//!
//! The same with what the gateway has confirmed is taken:
//!
//! ```no_run
//! async fn believe(
//!     book: &gerai_merchant::SqliteBook,
//!     confirmed: gerai_merchant::Confirmed,
//!     now: gerai_merchant::Timestamp,
//! ) {
//!     let _ = gerai_merchant::OrderBook::apply(book, &confirmed, now, None).await;
//! }
//! ```

mod answers;
mod book;
mod client;
mod clock;
mod confirm;
mod connector;
mod credentials;
mod doctor;
mod exchange;
mod gateway;
mod handler;
mod order;
mod pace;
mod registration;
mod router;
mod shop;
mod verify;

pub use answers::{Cancelled, PayCode, PaymentPage, Registered, Status};
pub use book::{
    BookError, ExchangeQuery, ListedExchange, ListedOrder, NewOrder, OpenBookError, Opened, OrderBook, OrderQuery,
    SqliteBook, SqliteBookSettings, Tally,
};
pub use client::{CallError, Client, ClientBuilder, ClientError, Refusal};
pub use clock::Clock;
pub use confirm::{Confirmed, Ticket};
pub use connector::{Connector, ConnectorError, ShopWebhook, openapi, run as run_connector};
pub use credentials::{Credentials, CredentialsError};
pub use doctor::{Doctor, Finding, Verdict};
pub use exchange::{Call, Exchange, Journal};
pub use gateway::{Gateway, GatewayError, Resends, Senders};
pub use gerai_protocol::{Callback, Failure, Kind, MitraCd, Notification, ResultCode, StatusWords};
pub use handler::{Handler, HandlerError};
pub use ipnet::IpNet;
pub use jiff::{SignedDuration, Timestamp};
pub use order::{Order, OrderState, Transition, TransitionId};
pub use pace::Pace;
pub use registration::{Buyer, DirectRegistration, RedirectRegistration};
pub use router::Routes;
pub use shop::{CancelError, CheckError, HintError, RegisterError, Shop, ShopBuilder};
pub use verify::{Notice, Received, Rejected, Verifier};
