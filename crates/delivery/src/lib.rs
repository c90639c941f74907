//! Carries outbox messages to http(s) addresses, at least once: schedule, isolation per host, egress guard.
//!
//! The crate knows nothing of what it carries. It works between two traits that its user implements: an [`Outbox`]
//! leases out the messages that are due and writes down what became of them, a [`Prepare`] makes the body of each
//! attempt and names the secret that signs it. The [`Courier`] stands between them.
//!
//! It has no business clock. How long to wait before the next attempt is handed to the outbox as a duration, which
//! adds it to its own time; time-outs and the `webhook-timestamp` header go by the machine's clock.

mod courier;
mod guard;
mod hosts;
mod lookup;
mod outbox;
mod parcel;
mod resolve;
mod schedule;
mod send;
mod settings;
mod unwind;

pub use courier::{Courier, CourierHandle, Stats};
pub use guard::{Blocked, EgressGuard, check_url, is_public};
pub use lookup::{Lookup, SystemLookup};
pub use outbox::{Answer, Attempt, ClaimRequest, Due, Outbox, OutboxError, SendFailure, Verdict};
pub use parcel::{Parcel, Prepare, PrepareError};
pub use schedule::Schedule;
pub use send::Sender;
pub use settings::{CourierError, Settings, SettingsError};
