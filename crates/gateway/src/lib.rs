//! The gateway's server: the merchant API (NICEPAY V2), the store API (SNAP-style), and in a sandbox its controls.
//!
//! [`run`] takes a listener, a ledger and settings, and serves until it is told to stop; everything else is inside.
//! A sandbox is seeded with its merchants and chains by [`seed`].

mod app;
mod clock;
mod docs;
mod http;
mod merchant_api;
mod metrics;
mod notifications;
mod sandbox;
mod server;
mod store;
mod store_api;
mod workers;

pub use app::Settings;
pub use clock::Clock;
pub use gerai_delivery::{EgressGuard, Settings as DeliverySettings};
pub use sandbox::{SandboxMerchant, restore_clock, seed};
pub use server::{RunError, run};
pub use store_api::sign_store_request;
