//! The gateway's server: the merchant API (NICEPAY V2), the store API (SNAP-style), the payment page, and in a sandbox its
//! controls and a counter to pay at.
//!
//! [`run`] takes a listener, a ledger and settings, and serves until it is told to stop; everything else is inside.
//! A sandbox is seeded with its merchants, chains and users by [`seed`].

mod address;
mod app;
mod asset;
mod clock;
mod connections;
mod counter;
mod docs;
mod form_key;
mod html;
mod http;
mod language;
mod limits;
mod merchant_api;
mod metrics;
mod notifications;
mod office;
mod one_look;
mod page;
pub mod password;
pub mod rotation;
mod sandbox;
mod scrape;
mod server;
mod spans;
mod store;
mod store_api;
mod tls;
mod unread;
mod workers;

pub use app::Settings;
pub use clock::Clock;
pub use connections::ConnectionLimits;
pub use gerai_delivery::{EgressGuard, Settings as DeliverySettings};
pub use limits::{Rate, Rates, Stopwatch};
pub use sandbox::{SandboxMerchant, SandboxUser, restore_clock, seed};
pub use server::{RunError, run};
pub use spans::{KeepSpans, RequestSpan};
pub use store_api::sign_store_request;
pub use tls::{TlsError, TlsFiles};
