//! `gerai exceptions`: what an operator must look at because cash and ledger may differ, and how it was settled.

use crate::Ended;
use crate::beside::{Asked, Beside};
use crate::listing::Listing;
use crate::operator::{Note, Operator};
use crate::payment::{self, Name};
use anyhow::bail;
use clap::{ArgGroup, Args, Subcommand};
use gerai_domain::{Command, EventKind, ExceptionKind, Payment, Refusal, wib};
use gerai_ledger::{Exception, ExceptionQuery, Executed, Execution, Ledger, Target};
use serde_json::{Value, json};
use std::fmt::Write;
use std::sync::Arc;

/// How many are read at a time.
const PAGE: usize = 500;

/// The options of `gerai exceptions`.
#[derive(Args)]
#[command(after_help = "Example:\n  gerai exceptions list --config gerai.toml\n  \
                        gerai exceptions resolve TOKOKOPI0103202611231959110042 T000815 \\\n    \
                        --note \"the store has given the cash back\" --by rini --config gerai.toml\n\n\
                        Exit status: 0 done, 1 nothing to resolve or failed, 2 wrong usage.")]
pub(crate) struct Options {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    asked: Asked,
}

#[derive(Subcommand)]
enum Action {
    /// List the open ones, oldest first.
    List {
        /// Also those that are settled.
        #[arg(long)]
        all: bool,
    },
    /// Settle one, with a note that stays in the payment's history.
    #[command(group = ArgGroup::new("which").required(true))]
    Resolve {
        /// The payment: its tXid, or its payment number.
        payment: Name,
        /// Which of its exceptions: the attempt's traceNo.
        #[arg(group = "which")]
        trace: Option<String>,
        /// Or the number that the list gives it.
        #[arg(long, group = "which")]
        number: Option<u32>,
        /// What was found and done.
        #[arg(long)]
        note: Note,
        /// Who; whoever is logged in unless it is said.
        #[arg(long)]
        by: Option<Operator>,
    },
}

/// Carries out one command.
pub(crate) async fn run(options: Options) -> anyhow::Result<Ended> {
    let Options { action, asked: Asked { place, json } } = options;
    match action {
        Action::List { all } => list(&place.open().await?, all, json).await,
        Action::Resolve { payment, trace, number, note, by } => {
            let by = Operator::or_user(by)?;
            let which = match (trace, number) {
                (_, Some(number)) => Which::Number(number),
                (trace, None) => Which::Trace(trace.unwrap_or_default()),
            };
            resolve(&place.open().await?, &payment, &which, &note, &by, json).await
        }
    }
}

async fn list(beside: &Beside, all: bool, json: bool) -> anyhow::Result<Ended> {
    let mut query = if all { ExceptionQuery::all(PAGE) } else { ExceptionQuery::open(PAGE) };
    let mut listing = Listing::start(json)?;
    loop {
        let page = beside.ledger.exceptions(query).await?;
        let Some(last) = page.last() else { break };
        query.after = Some(last.key);
        for exception in &page {
            listing.add(|| tell(exception), || lines(exception))?;
        }
    }
    listing.end(if all { "No exception was ever listed." } else { "No exception is open." })?;
    Ok(Ended::Done)
}

fn tell(exception: &Exception) -> Value {
    let Exception { key: _, tx_id, seq, merchant, chain, pay_no, amount, kind, trace_no, at, resolved } = exception;
    json!({
        "tXid": tx_id.as_str(),
        "number": seq,
        "kind": kind,
        "iMid": merchant,
        "mitraCd": chain,
        "payNo": pay_no,
        "amt": amount,
        "traceNo": trace_no,
        "at": wib::iso(*at),
        "resolved": resolved.as_ref().map(|resolution| json!({
            "at": wib::iso(resolution.at),
            "by": resolution.operator,
            "note": resolution.note,
        })),
    })
}

fn lines(exception: &Exception) -> String {
    let Exception { key: _, tx_id, seq, merchant: _, chain, pay_no, amount, kind, trace_no, at, resolved } = exception;
    let mut text = format!("{}  {:<19}  {tx_id}  number {seq}  trace {trace_no}", wib::human(*at), kind.words());
    if let Some(chain) = chain {
        let _ = write!(text, "  {chain}");
    }
    if let Some(pay_no) = pay_no {
        let _ = write!(text, "  {pay_no}");
    }
    let _ = write!(text, "  {}", amount.pretty());
    if let Some(resolution) = resolved {
        let (at, by) = (wib::human(resolution.at), &resolution.operator);
        let _ = write!(text, "\n    resolved {at} by {by}: {}", resolution.note);
    }
    text
}

/// Which of a payment's exceptions.
enum Which {
    /// The one that is open of this attempt.
    Trace(String),
    /// The one that this event listed.
    Number(u32),
}

/// Which of a payment's exceptions is meant.
async fn meant(beside: &Beside, payment: &Payment, which: &Which) -> anyhow::Result<(ExceptionKind, String)> {
    let tx_id = &payment.terms.tx_id;
    let which = match which {
        Which::Trace(trace_no) => trace_no,
        Which::Number(number) => {
            for event in beside.ledger.history(tx_id).await? {
                if let EventKind::ExceptionListed { kind, trace_no } = event.kind
                    && event.seq == *number
                {
                    return Ok((kind, trace_no));
                }
            }
            bail!("{tx_id} has no exception of the number {number}; see `gerai exceptions list --all`");
        }
    };
    let mut of_trace = payment.standing.exceptions.iter().filter(|listed| listed.trace_no == *which);
    let open: Vec<ExceptionKind> =
        of_trace.clone().filter(|listed| listed.resolved.is_none()).map(|listed| listed.kind).collect();
    match (open.as_slice(), of_trace.next_back()) {
        ([kind], _) => Ok((*kind, which.clone())),
        ([], Some(last)) => Ok((last.kind, which.clone())),
        ([], None) => bail!("nothing is listed for the attempt {which} of {tx_id}; see `gerai exceptions list`"),
        ([_, _, ..], _) => {
            bail!("two exceptions of the attempt {which} are open; name one with --number, as the list gives it")
        }
    }
}

async fn resolve(
    beside: &Beside,
    name: &Name,
    which: &Which,
    note: &Note,
    by: &Operator,
    json: bool,
) -> anyhow::Result<Ended> {
    let payment = payment::find(beside, name).await?;
    let (kind, trace_no) = meant(beside, &payment, which).await?;
    let execution = Execution {
        target: Target::TxId(payment.terms.tx_id.clone()),
        command: Command::ResolveException {
            kind,
            trace_no: trace_no.clone(),
            operator: by.0.clone(),
            note: note.0.clone(),
        },
        rules: Arc::new(beside.rules.clone()),
        now: beside.clock.now(),
        origin: by.origin(),
        idempotency: None,
    };
    let Executed::Judged { payment, verdict } = beside.ledger.execute(execution).await? else {
        bail!("{} is gone", payment.terms.tx_id)
    };
    let listed = payment.standing.exceptions.iter().rev();
    let last =
        listed.filter(|listed| listed.kind == kind && listed.trace_no == trace_no).find_map(|l| l.resolved.as_ref());
    match (verdict, last) {
        (Ok(_), Some(resolution)) => {
            if json {
                let at = wib::iso(resolution.at);
                println!(
                    "{}",
                    json!({ "tXid": payment.terms.tx_id.as_str(), "kind": kind, "traceNo": trace_no, "resolved": at })
                );
            } else {
                println!("resolved: {}, trace {trace_no} of {}", kind.words(), payment.terms.tx_id);
            }
            Ok(Ended::Done)
        }
        (Err(Refusal::AlreadyResolved), Some(earlier)) => {
            bail!("it was resolved before, {} by {}: {}", wib::human(earlier.at), earlier.operator, earlier.note)
        }
        (Err(refusal), _) => bail!("{refusal}"),
        (Ok(_), None) => bail!("it was not resolved; look at `gerai payment show {}`", payment.terms.tx_id),
    }
}
