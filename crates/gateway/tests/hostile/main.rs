//! Clients that send nonsense, too much, or nothing more: none of them gets a 5xx, ends the server, or keeps it from
//! serving the others.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what it expects by failing")]

mod bodies;
mod framing;
mod random;
mod stalled;
#[path = "../support/mod.rs"]
mod support;

use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};

static PANICS: AtomicUsize = AtomicUsize::new(0);
static HOOK: Once = Once::new();

/// Counts the panics of everything but these tests themselves.
fn watch_for_panics() {
    HOOK.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if info.location().is_none_or(|at| !at.file().contains("tests/")) {
                PANICS.fetch_add(1, Ordering::SeqCst);
            }
            usual(info);
        }));
    });
}

/// Fails if the gateway panicked, has ended, or no longer takes a registration.
async fn unharmed(gateway: &support::Gateway, reference: &str) {
    gateway.still_works(reference).await;
    assert_eq!(PANICS.load(Ordering::SeqCst), 0, "something panicked");
}
