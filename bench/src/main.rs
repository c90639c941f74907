//! Measures the gateway beside its ceiling. Everything runs on one machine: the load generator, and in turn a bare
//! HTTP server (the ceiling) and `gerai serve`, each in a process of its own. What counts is the ratio.

mod ceiling;
mod generate;
mod load;
mod receiver;
mod report;
mod requests;
mod server;
mod stock;
mod visits;

use anyhow::{Context, bail};
use clap::Parser;
use gerai_domain::Payment;
use load::Measured;
use receiver::{Hanging, Receiver};
use report::{Line, Report, Target};
use server::Server;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use stock::Stock;

/// The same as the gateway's, so that the ceiling is of the same build.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures registrations (B1), inquiries (B2), store visits (B3) and notifications (B4, B5) and
/// the payment page (B9) beside the HTTP ceiling.
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
    /// Only these lines (B1 to B5, B9), beside the ceiling where they have one; B1, B2 and B9 are measured together.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// A few requests, to see that it runs; the figures mean nothing.
    #[arg(long)]
    smoke: bool,
    /// Measure nothing: write a sandbox's data folder with so many payments.
    #[arg(long, value_name = "COUNT", requires = "into")]
    generate: Option<usize>,
    /// The folder to write it into.
    #[arg(long, requires = "generate")]
    into: Option<PathBuf>,
    /// Be the ceiling's server (started by the bench itself).
    #[arg(long, hide = true)]
    ceiling: bool,
}

impl Options {
    /// Whether any of these lines is asked for.
    fn wants(&self, lines: &[&str]) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| lines.contains(&only.as_str()))
    }
}

fn main() -> anyhow::Result<()> {
    let mut options = Options::parse();
    if options.ceiling {
        return tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(ceiling::serve());
    }
    if let (Some(count), Some(into)) = (options.generate, &options.into) {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        return runtime.block_on(generate::generate(count, into));
    }
    if options.smoke {
        options.seconds = 2;
        options.requests = 2_000;
        options.rounds = 1;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure(&options))
}

/// What was measured, round by round.
#[derive(Default)]
struct Rounds {
    ceilings: Vec<Measured>,
    registrations: Vec<Measured>,
    inquiries: Vec<Measured>,
    pages: Vec<Measured>,
    visits: Vec<Measured>,
    backlogs: Vec<Measured>,
    /// From a commit to its notification, at half load.
    told: Vec<Measured>,
    /// The same, while one merchant in ten hangs.
    told_beside_hanging: Vec<Measured>,
}

async fn measure(options: &Options) -> anyhow::Result<()> {
    let mut seen = Rounds::default();
    for round in 0..options.rounds {
        eprintln!("round {} of {}", round + 1, options.rounds);
        requests_alone(options, round, &mut seen).await?;
        if !options.wants(&["B3", "B4", "B5"]) {
            continue;
        }
        let rate = visits(options, &mut seen).await?;
        if options.wants(&["B4"]) {
            seen.backlogs.push(said("B4 backlog", backlog(options).await?));
        }
        if options.wants(&["B4", "B5"]) {
            seen.told.push(said("B4 at half load", delays(options, rate / 2.0, false).await?));
        }
        if options.wants(&["B5"]) {
            seen.told_beside_hanging.push(said("B5 others hang", delays(options, rate / 2.0, true).await?));
        }
    }
    let ceiling = report::median(&seen.ceilings);
    let at_most = |ratio: f64| Target::P99Ratio { at_most: ratio, of: report::p99(&seen.told) };
    let report = Report {
        connections: options.connections,
        rounds: options.rounds,
        smoke: options.smoke,
        machine: report::machine(),
        lines: [
            Line::of("–", "HTTP ceiling", None, &[], &seen.ceilings),
            Line::of(
                "B1",
                "registrations, SQLite, synchronous=FULL",
                Some(ceiling),
                &[Target::Ratio(0.50), Target::P99(20.0)],
                &seen.registrations,
            ),
            Line::of("B2", "inquiries", Some(ceiling), &[Target::Ratio(0.60)], &seen.inquiries),
            Line::of("B3", "store visits, told meanwhile", Some(ceiling), &[Target::Ratio(0.06)], &seen.visits),
            Line::of("B4", "notifications from a backlog", Some(ceiling), &[Target::Ratio(0.10)], &seen.backlogs),
            Line::of("B4", "commit to arrival at half load", None, &[Target::P99(20.0)], &seen.told),
            Line::of("B5", "the same, one in ten hangs", None, &[at_most(1.2)], &seen.told_beside_hanging),
            Line::of("B9", "payment page", Some(ceiling), &[Target::Ratio(0.40)], &seen.pages),
        ]
        .into_iter()
        .flatten()
        .collect(),
    };
    println!("{}", report.table());
    if let Some(folder) = options.out.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(&options.out, serde_json::to_vec_pretty(&report)?)?;
    Ok(())
}

/// The ceiling, B1, B2 and B9.
async fn requests_alone(options: &Options, round: usize, seen: &mut Rounds) -> anyhow::Result<()> {
    let limit = Duration::from_secs(options.seconds);
    let bodies = requests::registrations(round, options.requests);

    let server = Server::ceiling().await?;
    let asked = requests::prepare("/nicepay/direct/v2/registration", &bodies);
    seen.ceilings
        .push(said("HTTP ceiling", load::run(&server, options.connections, asked, load::ACCEPTED, limit).await?));
    server.stop()?;
    if !options.wants(&["B1", "B2", "B9"]) {
        return Ok(());
    }

    let server = Server::gateway(&options.gerai).await?;
    let asked = requests::prepare("/nicepay/direct/v2/registration", &bodies);
    let registered = load::run(&server, options.connections, asked, load::ACCEPTED, limit).await?;
    let bodies = requests::inquiries(&bodies, &registered.answers, options.requests)
        .context("registrations were answered, so there is something to ask for")?;
    let asked_pages = requests::pages(&registered.answers, options.requests)?;
    seen.registrations.push(said("B1 registrations", registered));
    let asked = requests::prepare("/nicepay/direct/v2/inquiry", &bodies);
    seen.inquiries
        .push(said("B2 inquiries", load::run(&server, options.connections, asked, load::ACCEPTED, limit).await?));
    // The number of each page is one that has been registered above.
    let pages = load::run(&server, options.connections, asked_pages, "<svg", limit).await?;
    seen.pages.push(said("B9 payment page", pages));
    server.stop()
}

fn folder_for_data(options: &Options) -> anyhow::Result<&Path> {
    options.gerai.parent().context("the binary's folder")
}

/// B3: visits as fast as they go; how many a second there were.
async fn visits(options: &Options, seen: &mut Rounds) -> anyhow::Result<f64> {
    let receiver = Receiver::start().await?;
    let mut stock = Stock::new(folder_for_data(options)?).await?;
    let payments = stock.register(options.requests / 4, &receiver.url()).await?;
    let server = Server::sandbox(&options.gerai, stock.into_folder()).await?;
    let prepared = visits::prepare(&payments, stock::PARTNER_SECRET);
    let limit = Duration::from_secs(options.seconds);
    let visited = visits::run(&server, options.connections, prepared, None, limit).await?;
    let made = visited.committed.len();
    let in_time = receiver.count();
    until_told(&receiver, made).await?;
    eprintln!("     {in_time} of {made} notifications had arrived when the last visit ended; all have since");
    server.stop()?;
    let measured = said("B3 store visits", visited.measured);
    let rate = measured.per_second();
    seen.visits.push(measured);
    Ok(rate)
}

/// B4: how fast what has piled up is delivered.
async fn backlog(options: &Options) -> anyhow::Result<Measured> {
    let receiver = Receiver::start().await?;
    let mut stock = Stock::new(folder_for_data(options)?).await?;
    let payments = stock.register(options.requests / 6, &receiver.url()).await?;
    let waiting = payments.len();
    stock.pay(payments).await?;
    let server = Server::sandbox(&options.gerai, stock.into_folder()).await?;
    until_told(&receiver, waiting).await?;
    let arrivals = receiver.take();
    let (first, last) = (arrivals.values().min(), arrivals.values().max());
    let measured = Measured {
        took: *last.context("they were told")? - *first.context("they were told")?,
        server_cpu: server.cpu(),
        // Each waited for its turn in the backlog; that says nothing of the gateway.
        latencies_us: vec![0; waiting],
        answers: Vec::new(),
    };
    server.stop()?;
    Ok(measured)
}

/// From the sending of each commit to its notification's arrival, at `per_second` visits; if asked for, while one
/// merchant in ten hangs with ten thousand notifications of its own.
async fn delays(options: &Options, per_second: f64, beside_hanging: bool) -> anyhow::Result<Measured> {
    let (receiver, hanging) = (Receiver::start().await?, Hanging::start().await?);
    let mut stock = Stock::new(folder_for_data(options)?).await?;
    let limit = Duration::from_secs(options.seconds);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // A rate above 0, some thousands.
    let wanted = (per_second * limit.as_secs_f64()) as usize + 1;
    let payments = stock.register(wanted, &receiver.url()).await?;
    let mut hung = Vec::new();
    if beside_hanging {
        let waiting = stock.register(if options.smoke { 100 } else { 10_000 }, &hanging.url()).await?;
        stock.pay(waiting).await?;
        // And of the visits under measurement, one in ten is to one of its payments.
        hung = stock.register(wanted / 9, &hanging.url()).await?;
    }
    let server = Server::sandbox(&options.gerai, stock.into_folder()).await?;
    let told: HashSet<String> = payments.iter().map(|payment| payment.terms.tx_id.to_string()).collect();
    let mixed = mix(payments, hung);
    let prepared = visits::prepare(&mixed, stock::PARTNER_SECRET);
    let visited = visits::run(&server, options.connections, prepared, Some(per_second), limit).await?;
    let sent: Vec<_> = visited.committed.iter().filter(|(id, _)| told.contains(*id)).collect();
    until_told(&receiver, sent.len()).await?;
    let arrivals = receiver.take();
    let latencies_us = sent
        .iter()
        .filter_map(|(id, sent)| Some(arrivals.get(*id)?.saturating_duration_since(**sent)))
        .map(|delay| u32::try_from(delay.as_micros()).unwrap_or(u32::MAX))
        .collect();
    server.stop()?;
    Ok(Measured { latencies_us, ..visited.measured })
}

/// One of the second after each nine of the first.
fn mix(first: Vec<Payment>, second: Vec<Payment>) -> Vec<Payment> {
    let mut second = second.into_iter();
    let mut mixed = Vec::with_capacity(first.len() + second.len());
    for (n, payment) in first.into_iter().enumerate() {
        mixed.push(payment);
        if n % 9 == 8 {
            mixed.extend(second.next());
        }
    }
    mixed
}

async fn until_told(receiver: &Receiver, count: usize) -> anyhow::Result<()> {
    let give_up = Instant::now() + Duration::from_secs(60);
    while receiver.count() < count {
        if Instant::now() > give_up {
            bail!("of {count} notifications {} arrived", receiver.count());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
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
