//! The pages in a real browser: what a person sees and does there, on a phone and on a desktop, with and without
//! JavaScript. Debian's Chromium, driven over WebDriver, looks at a sandbox that is a process of its own; `cargo xtask ci`
//! brings what this needs. The numbers of the source's statements (S1 …) stand beside what they ask for.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what it expects by failing")]

#[path = "../support/mod.rs"]
mod support;

mod accessibility;
mod browser;
mod chromedriver;
mod counter;
mod office;
mod paper;
mod payment_page;
mod pictures;
mod sandbox;
mod shop;
mod symbols;

use std::process::{Command, Output};

/// Runs a program of the system. One that is not there fails the test.
fn program(name: &str, arguments: &[&str]) -> Output {
    Command::new(name).args(arguments).output().unwrap_or_else(|error| missing(name, &error))
}

fn missing(what: &str, error: &std::io::Error) -> ! {
    panic!("{what}: {error}; `cargo xtask ci` brings what the browser tests need")
}
