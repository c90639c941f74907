//! The command line of Gerai: the sandbox, the gateway, its merchants, a cashier, the sandbox's clock.

mod address;
mod banner;
mod client;
mod clock;
mod config;
mod data;
mod edge;
mod json_lines;
mod logging;
mod merchant;
mod sandbox;
mod serve;
mod shutdown;
mod store;
mod till;
mod traces;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Requests are many small allocations; this allocator makes them cheaper than the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Cash payment at Indonesian convenience stores, from registration to receipt.
#[derive(Parser)]
#[command(name = "gerai", version, about, arg_required_else_help = true)]
#[command(after_help = "Begin with:  gerai sandbox\n\
                        Exit status: 0 done, 1 refused or failed, 2 wrong usage, 3 nobody answers at the address.")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// The whole thing, to try: a gateway as a sandbox, with merchants, chains and a clock that can be moved.
    Sandbox(sandbox::Options),
    /// The gateway, for real.
    Serve(serve::Options),
    /// The merchants of a gateway: add, list, show, set, rotate-key.
    Merchant(merchant::Options),
    /// Be the cashier: inquiry, pay, commit, reverse.
    Store(store::Options),
    /// A sandbox's clock: show, advance, set, freeze, unfreeze.
    Clock(clock::Options),
}

/// How a command that did its work ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// Done.
    Done,
    /// The other side refused; it has been said why.
    Refused,
}

fn main() -> ExitCode {
    match shutdown::run_to_end(carry_out()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("gerai: cannot start: {error}");
            ExitCode::from(1)
        }
    }
}

async fn carry_out() -> ExitCode {
    // Only the first call counts; whoever came before set the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let ended = match Cli::parse().command {
        Command::Sandbox(options) => sandbox::run(options).await,
        Command::Serve(options) => serve::run(options).await,
        Command::Merchant(options) => merchant::run(options).await,
        Command::Store(options) => store::run(options).await,
        Command::Clock(options) => clock::run(options).await,
    };
    match ended {
        Ok(Ended::Done) => ExitCode::SUCCESS,
        Ok(Ended::Refused) => ExitCode::from(1),
        Err(error) => {
            eprintln!("gerai: {error:#}");
            ExitCode::from(if error.is::<client::Unreachable>() { 3 } else { 1 })
        }
    }
}
