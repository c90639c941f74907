//! Measures the gateway beside its ceiling. Everything runs on one machine: the load generator, and in turn a bare
//! HTTP server (the ceiling) and `gerai serve`, each in a process of its own. What counts is the ratio.

mod ceiling;
mod load;
mod report;
mod requests;
mod server;

use anyhow::Context;
use clap::Parser;
use load::Measured;
use report::{Line, Report};
use server::Server;
use std::path::PathBuf;
use std::time::Duration;

/// The same as the gateway's, so that the ceiling is of the same build.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures registrations (B1) and inquiries (B2) beside the HTTP ceiling.
#[derive(Parser)]
#[command(about, after_help = "Example:\n  cargo xtask bench")]
struct Options {
    /// The `gerai` binary to measure.
    #[arg(long, default_value = "target/release/gerai")]
    gerai: PathBuf,
    /// Where the figures go.
    #[arg(long, default_value = "target/bench.json")]
    out: PathBuf,
    /// Keep-alive connections, each with one request under way.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Seconds a measurement takes at most.
    #[arg(long, default_value_t = 6)]
    seconds: u64,
    /// Requests that a measurement has at most; each is different and prepared beforehand.
    #[arg(long, default_value_t = 300_000)]
    requests: usize,
    /// How often each line is measured, in turn with its ceiling; medians are reported.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// A few requests, to see that it runs; the figures mean nothing.
    #[arg(long)]
    smoke: bool,
    /// Be the ceiling's server (started by the bench itself).
    #[arg(long, hide = true)]
    ceiling: bool,
}

fn main() -> anyhow::Result<()> {
    let mut options = Options::parse();
    if options.ceiling {
        return tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(ceiling::serve());
    }
    if options.smoke {
        options.seconds = 2;
        options.requests = 2_000;
        options.rounds = 1;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure(&options))
}

async fn measure(options: &Options) -> anyhow::Result<()> {
    let limit = Duration::from_secs(options.seconds);
    let mut ceilings = Vec::new();
    let mut registrations = Vec::new();
    let mut inquiries = Vec::new();
    for round in 0..options.rounds {
        eprintln!("round {} of {}", round + 1, options.rounds);
        let bodies = requests::registrations(round, options.requests);
        let prepared = |path: &str, bodies: &[String]| requests::prepare(path, bodies);

        let server = Server::ceiling().await?;
        let asked = prepared("/nicepay/direct/v2/registration", &bodies);
        ceilings.push(said("HTTP ceiling", load::run(&server, options.connections, asked, limit).await?));
        server.stop()?;

        let server = Server::gateway(&options.gerai).await?;
        let asked = prepared("/nicepay/direct/v2/registration", &bodies);
        let registered = load::run(&server, options.connections, asked, limit).await?;
        let bodies = requests::inquiries(&bodies, &registered.answers, options.requests)
            .context("registrations were answered, so there is something to ask for")?;
        registrations.push(said("B1 registrations", registered));
        let asked = prepared("/nicepay/direct/v2/inquiry", &bodies);
        inquiries.push(said("B2 inquiries", load::run(&server, options.connections, asked, limit).await?));
        server.stop()?;
    }
    let ceiling = report::median(&ceilings);
    let report = Report {
        connections: options.connections,
        rounds: options.rounds,
        smoke: options.smoke,
        machine: report::machine(),
        lines: vec![
            Line::ceiling(&ceilings),
            Line::of("B1", "registrations, SQLite, synchronous=FULL", 0.50, Some(20.0), ceiling, &registrations),
            Line::of("B2", "inquiries", 0.60, None, ceiling, &inquiries),
        ],
    };
    println!("{}", report.table());
    if let Some(folder) = options.out.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(&options.out, serde_json::to_vec_pretty(&report)?)?;
    Ok(())
}

fn said(what: &str, measured: Measured) -> Measured {
    eprintln!(
        "  {what:<18} {:>9.0}/s   p50 {:>7.2} ms   p99 {:>7.2} ms   {:>5.1} µs of the server's cpu each   {} answers",
        measured.per_second(),
        measured.percentile_ms(0.50),
        measured.percentile_ms(0.99),
        measured.server_cpu_us(),
        measured.latencies_us.len(),
    );
    measured
}
