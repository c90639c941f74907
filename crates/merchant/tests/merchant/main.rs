//! The merchant's side against a real gateway in the same process, with the sandbox's faults between them: the order ends
//! where the gateway says, acts once, and is never wrongly paid in between.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what it expects by failing")]

#[path = "../../../gateway/tests/support/mod.rs"]
mod support;

mod asking;
mod callbacks;
mod cancelling;
mod connector;
mod doctor;
mod handling;
mod limits;
mod log;
mod notifications;
mod registering;
mod shop;
mod time;
