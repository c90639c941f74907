//! `gerai reconcile`: a chain's end-of-day file against what was paid here. The file and the day's payments are both
//! read as they come; what is kept of them is a number and a trace a line.

mod amount;
mod layout;
mod lines;
mod report;

use crate::Ended;
use crate::beside::{Beside, Place};
use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use gerai_domain::{BusinessDay, Chain, Reconciliation};
use gerai_ledger::{DepositQuery, Deposits, Ledger};
use jiff::civil::Date;
use layout::Layout;
use lines::{Line, Lines};
use report::{Finding, Report, Subject};
use std::fs::File;
use std::io::{Read, stdin};
use std::path::{Path, PathBuf};

pub(crate) use layout::LayoutConfig;

/// How many payments are read at a time.
const PAGE: usize = 1_000;

/// The options of `gerai reconcile`.
#[derive(Args)]
#[command(after_help = "Example:\n  gerai reconcile --chain ALMA --file alma-20261123.csv --date 2026-11-23 --config \
                        gerai.toml\n  gerai reconcile --chain INDO --file day.csv --col-number 3 --col-amount 5 \
                        --header false \\\n    --amount-format 10.000,00 --format csv > differences.csv\n\n\
                        Exit status: 0 everything matches, 4 something does not, 1 it could not be done, 2 wrong \
                        usage.")]
pub(crate) struct Options {
    /// The chain whose file it is: ALMA or INDO.
    #[arg(long)]
    chain: Chain,
    /// Its file; `-` for standard input.
    #[arg(long)]
    file: PathBuf,
    /// The business day, as 2026-11-23; the last one that has ended unless it is said.
    #[arg(long)]
    date: Option<Date>,
    /// How the outcome looks.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// The same as --format json.
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Also what matches, not only what does not.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    layout: LayoutConfig,
    #[command(flatten)]
    place: Place,
}

/// How the outcome looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Table,
    /// One difference a line, for a spreadsheet.
    Csv,
    /// For scripts.
    Json,
}

/// Reconciles one day.
pub(crate) async fn run(options: Options) -> anyhow::Result<Ended> {
    let Options { chain, file, date, format, json, all, layout, place } = options;
    let format = if json { Format::Json } else { format };
    let Beside { ledger, clock, config, .. } = place.open().await?;
    let configured = config.and_then(|mut config| config.reconcile.remove(&chain)).unwrap_or_default();
    let layout = Layout::of(chain, layout, configured)?;
    let now = clock.now();
    let date = match date {
        Some(date) => date,
        None => BusinessDay::last_ended(now, layout.cut_off).context("no day has ended yet")?,
    };
    let day = BusinessDay::of(date, layout.cut_off).with_context(|| format!("--date {date} is beyond all time"))?;
    if day.until() > now {
        eprintln!("gerai: {date} has not ended yet; what is still paid today will be missing from this");
    }
    let mut lines = Lines::read(open(&file)?, &layout).with_context(|| format!("in {}", file.display()))?;
    let mut reconciliation = Reconciliation::new(chain, day, layout.trace.is_some(), now);
    let subject = Subject { chain, date, day, file: file.display().to_string() };
    let mut report = Report::start(format, all, subject)?;
    while let Some(line) = lines.next().with_context(|| format!("in {}", file.display()))? {
        match line {
            Line::Cash(cash) => {
                let payment = match cash.cash.pay_no() {
                    Ok(pay_no) => ledger.find_by_pay_no(pay_no).await?,
                    Err(_) => None,
                };
                let (class, first) = reconciliation.cash(&cash.cash, payment.as_ref());
                report.add(&Finding::of_line(&cash, class, first, payment.as_ref()))?;
            }
            Line::Unreadable { line, why } => {
                let class = reconciliation.unreadable();
                report.add(&Finding::unreadable(line, class, why))?;
            }
        }
    }
    let mut query = DepositQuery { chain, from: day.from(), until: day.until(), after: None, limit: PAGE };
    loop {
        let Deposits { payments, next } = ledger.deposits(query).await?;
        for payment in &payments {
            report.add_payment(reconciliation.payment(payment), payment)?;
        }
        if next.is_none() {
            break;
        }
        query.after = next;
    }
    let totals = reconciliation.totals();
    report.end(totals)?;
    Ok(if totals.all_matched() { Ended::Done } else { Ended::Differs })
}

fn open(path: &Path) -> anyhow::Result<Box<dyn Read>> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(stdin().lock()));
    }
    let file = File::open(path).with_context(|| format!("--file {}", path.display()))?;
    if file.metadata()?.is_dir() {
        bail!("--file {} is a folder", path.display());
    }
    Ok(Box::new(file))
}
