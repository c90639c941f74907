//! Keeps payments, events and the outbox: one trait, and the engines behind it.
