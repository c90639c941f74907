//! `gerai notifications`: what no merchant has accepted, and how to send it again (rule 13).

use crate::Ended;
use crate::beside::{Asked, Beside};
use crate::listing::Listing;
use crate::operator::Operator;
use crate::payment::{self, Name};
use anyhow::bail;
use clap::{ArgGroup, Args, Subcommand};
use gerai_domain::{NoticeStatus, wib};
use gerai_ledger::{Deed, DeliveryAnswer, FailedNotification, Ledger};
use serde_json::{Value, json};

/// How many are read or put back at a time.
const PAGE: usize = 500;

/// The options of `gerai notifications`.
#[derive(Args)]
#[command(after_help = "Example:\n  gerai notifications list --failed --config gerai.toml\n  \
                        gerai notifications replay 4711 4712 --config gerai.toml\n  \
                        gerai notifications replay --all-failed --config gerai.toml\n\n\
                        The running server sends them within a second.\n\n\
                        Exit status: 0 done, 1 one of them is no failed one, or it failed, 2 wrong usage.")]
pub(crate) struct Options {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    asked: Asked,
}

#[derive(Subcommand)]
enum Action {
    /// List those that have failed, or all of one payment.
    #[command(group = ArgGroup::new("which").required(true))]
    List {
        /// Those that no merchant accepted before the schedule ended.
        #[arg(long, group = "which")]
        failed: bool,
        /// All of this payment: its tXid, or its payment number.
        #[arg(long, group = "which")]
        payment: Option<Name>,
    },
    /// Put failed ones back in the queue; their schedule begins anew.
    #[command(arg_required_else_help = true)]
    Replay {
        /// The numbers in front of the list's lines.
        #[arg(required_unless_present = "all_failed")]
        ids: Vec<i64>,
        /// All that have failed.
        #[arg(long, conflicts_with = "ids")]
        all_failed: bool,
    },
}

/// Carries out one command.
pub(crate) async fn run(options: Options) -> anyhow::Result<Ended> {
    let Options { action, asked: Asked { place, json } } = options;
    let beside = place.open().await?;
    match action {
        Action::List { payment: Some(payment), .. } => list_of(&beside, &payment, json).await,
        Action::List { payment: None, .. } => list(&beside, json).await,
        Action::Replay { ids, all_failed } => {
            if all_failed {
                replay_all(&beside, json).await
            } else {
                replay(&beside, &ids, json).await
            }
        }
    }
}

/// In the words of the wire and of people: 0 deposit, 1 reversal.
pub(crate) const fn words(status: NoticeStatus) -> &'static str {
    match status {
        NoticeStatus::Deposit => "deposit",
        NoticeStatus::Reversal => "reversal",
    }
}

/// What an attempt was answered, on one line.
pub(crate) fn answer_words(answer: &DeliveryAnswer) -> String {
    match answer {
        DeliveryAnswer::Status { code, excerpt } if excerpt.trim().is_empty() => format!("HTTP {code}"),
        DeliveryAnswer::Status { code, excerpt } => {
            let excerpt: String = gerai_domain::printable(excerpt.trim()).chars().take(80).collect();
            format!("HTTP {code}: {excerpt}")
        }
        DeliveryAnswer::Failed(why) => why.clone(),
    }
}

async fn list(beside: &Beside, json: bool) -> anyhow::Result<Ended> {
    let mut listing = Listing::start(json)?;
    let mut after = 0;
    loop {
        let page = beside.ledger.failed_notifications(after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.id;
        for message in &page {
            listing.add(|| tell(message), || line(message))?;
        }
    }
    listing.end("No notification has failed.")?;
    Ok(Ended::Done)
}

async fn list_of(beside: &Beside, name: &Name, json: bool) -> anyhow::Result<Ended> {
    let payment = payment::find(beside, name).await?;
    let mut listing = Listing::start(json)?;
    for record in beside.ledger.notifications(&payment.terms.tx_id).await? {
        listing.add(|| payment::tell_notification(&record), || payment::notification_lines(&record).join("\n"))?;
    }
    listing.end("Its merchant was not told anything.")?;
    Ok(Ended::Done)
}

fn tell(message: &FailedNotification) -> Value {
    let FailedNotification { id, message_id, url, notice, failed_at, attempts_made, last_answer } = message;
    json!({
        "id": id,
        "webhookId": message_id,
        "tXid": notice.tx_id.as_str(),
        "iMid": notice.merchant,
        "referenceNo": notice.reference_no,
        "amt": notice.amount,
        "status": words(notice.status),
        "url": url,
        "failedAt": wib::iso(*failed_at),
        "attempts": attempts_made,
        "lastAnswer": last_answer.as_ref().map(answer_words),
    })
}

fn line(message: &FailedNotification) -> String {
    let FailedNotification { id, message_id: _, url, notice, failed_at, attempts_made, last_answer } = message;
    let answer = last_answer.as_ref().map_or_else(|| "not attempted".into(), answer_words);
    format!(
        "{id:>8}  {}  {:<8}  {}  {}  {attempts_made} attempts, last: {answer}  {url}",
        wib::human(*failed_at),
        words(notice.status),
        notice.tx_id,
        notice.amount.pretty(),
    )
}

fn said(count: usize, json: bool) {
    if json {
        println!("{}", json!({ "replayed": count }));
    } else {
        println!("{count} put back in the queue");
    }
}

async fn replay(beside: &Beside, ids: &[i64], json: bool) -> anyhow::Result<Ended> {
    let mut missed = Vec::new();
    for id in ids {
        let now = beside.clock.now();
        // Whose it is, if it is there.
        let failed = beside.ledger.failed_notifications(id.saturating_sub(1), 1).await?;
        let replayed = match failed.first().filter(|message| message.id == *id) {
            Some(FailedNotification { notice, .. }) => {
                let deed = Deed {
                    merchant: Some(notice.merchant.clone()),
                    detail: format!("notification {id}"),
                    ..Operator::here().deed(now, "notification-replayed", notice.tx_id.as_str())
                };
                beside.ledger.replay(*id, now, deed).await?
            }
            None => false,
        };
        if !replayed {
            missed.push(id.to_string());
        }
    }
    said(ids.len() - missed.len(), json);
    if !missed.is_empty() {
        bail!("no failed notification has the number {}; see `gerai notifications list --failed`", missed.join(", "));
    }
    Ok(Ended::Done)
}

async fn replay_all(beside: &Beside, json: bool) -> anyhow::Result<Ended> {
    let mut count = 0;
    let mut after = 0;
    loop {
        let now = beside.clock.now();
        let deed = Operator::here().deed(now, "notifications-replayed", "all");
        let page = beside.ledger.replay_failed(after, PAGE, now, deed).await?;
        let Some(last) = page.last() else { break };
        after = *last;
        count += page.len();
    }
    said(count, json);
    Ok(Ended::Done)
}
