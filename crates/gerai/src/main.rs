//! The command line of Gerai: the sandbox, the gateway, its merchants, a cashier, the sandbox's clock.

mod address;
mod banner;
mod beside;
mod client;
mod clock;
mod config;
mod connect;
mod data;
mod edge;
mod exceptions;
mod invocation;
mod json_lines;
mod listing;
mod logging;
mod master_key;
mod merchant;
mod notifications;
mod operator;
mod partner;
mod payment;
mod reconcile;
mod rotation;
mod sandbox;
mod serve;
mod shutdown;
mod store;
mod till;
mod traces;
mod user;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Requests are many small allocations; this allocator makes them cheaper than the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Cash payment at Indonesian convenience stores, from registration to receipt.
#[derive(Parser)]
#[command(name = "gerai", version, about, arg_required_else_help = true)]
#[command(after_help = "Begin with:  gerai sandbox\n\
                        Exit status: 0 done, 1 refused or failed, 2 wrong usage, 3 nobody answers at the address,\n\
                        4 compared, and it differs.")]
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
    /// The merchants of a gateway: add, list, show, set, rotate-key, rotate-webhook-secret.
    Merchant(merchant::Options),
    /// The store chains of a gateway: add, list, show, rotate-secret, enable, disable.
    Partner(partner::Options),
    /// Who may sign in to the back office: add, list, disable, enable, set-password.
    User(user::Options),
    /// The key that seals the others: show, rotate, reseal.
    MasterKey(master_key::Options),
    /// One payment: show, return.
    Payment(payment::Options),
    /// What an operator must look at because cash and ledger may differ: list, resolve.
    Exceptions(exceptions::Options),
    /// What no merchant has accepted: list, replay.
    Notifications(notifications::Options),
    /// A chain's end-of-day file against what was paid here.
    Reconcile(reconcile::Options),
    /// Be the cashier: inquiry, pay, commit, reverse.
    Store(store::Options),
    /// A sandbox's clock: show, advance, set, freeze, unfreeze.
    Clock(clock::Options),
    /// The merchant's connector: orders over JSON, webhooks back, and the gateway's side done.
    Connect(connect::Options),
}

/// How a command that did its work ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// Done.
    Done,
    /// The other side refused; it has been said why.
    Refused,
    /// What was compared differs; it has been said where.
    Differs,
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
        Command::Partner(options) => partner::run(options).await,
        Command::User(options) => user::run(options).await,
        Command::MasterKey(options) => master_key::run(options).await,
        Command::Payment(options) => payment::run(options).await,
        Command::Exceptions(options) => exceptions::run(options).await,
        Command::Notifications(options) => notifications::run(options).await,
        Command::Reconcile(options) => reconcile::run(options).await,
        Command::Store(options) => store::run(options).await,
        Command::Clock(options) => clock::run(options).await,
        Command::Connect(options) => connect::run(options).await,
    };
    match ended {
        Ok(Ended::Done) => ExitCode::SUCCESS,
        Ok(Ended::Refused) => ExitCode::from(1),
        Ok(Ended::Differs) => ExitCode::from(4),
        Err(error) => {
            eprintln!("gerai: {error:#}");
            ExitCode::from(if error.is::<client::Unreachable>() { 3 } else { 1 })
        }
    }
}
