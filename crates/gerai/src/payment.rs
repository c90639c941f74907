//! `gerai payment`: all that is known of one payment, and the manual return (rules 11, 16).

mod show;

use crate::Ended;
use crate::beside::{Asked, Beside};
use crate::operator::{Note, Operator};
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use gerai_domain::{Command, PayNo, Payment, Phase, Refusal, TxId, wib};
use gerai_ledger::{Executed, Execution, Ledger, Target};
use serde_json::json;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

pub(crate) use show::{notification_lines, tell_notification};

/// The options of `gerai payment`.
#[derive(Args)]
#[command(after_help = "Example:\n  gerai payment show TOKOKOPI0103202611231959110042 --config gerai.toml\n  \
                        gerai payment return TOKOKOPI0103202611231959110042 --reason \"goods came back\" --by rini \\\n    \
                        --config gerai.toml\n\n\
                        Exit status: 0 done, 1 refused or failed, 2 wrong usage.")]
pub(crate) struct Options {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    asked: Asked,
}

#[derive(Subcommand)]
enum Action {
    /// Show one: its fields, what has happened to it, and what its merchant was told.
    Show {
        /// Its tXid, or its payment number.
        payment: Name,
    },
    /// Note that a paid one was given back by hand. Its merchant is told (status 1); no cash is moved by this.
    Return {
        /// Its tXid, or its payment number.
        payment: Name,
        /// Why; it stays in the payment's history.
        #[arg(long)]
        reason: Note,
        /// Who has given it back.
        #[arg(long)]
        by: Operator,
    },
}

/// How a payment is named on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Name {
    /// By its id.
    TxId(TxId),
    /// By its number, as a store knows it.
    PayNo(PayNo),
}

impl FromStr for Name {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.replace([' ', '-'], "");
        if digits.len() == 12 && digits.bytes().all(|b| b.is_ascii_digit()) {
            return digits.parse().map(Self::PayNo).map_err(|error| error.to_string());
        }
        text.parse()
            .map(Self::TxId)
            .map_err(|_| "a payment is named by its tXid of 30 characters or its number of 12 digits".into())
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TxId(tx_id) => tx_id.fmt(f),
            Self::PayNo(pay_no) => pay_no.fmt(f),
        }
    }
}

/// The payment of this name.
pub(crate) async fn find(beside: &Beside, name: &Name) -> anyhow::Result<Payment> {
    let found = match name {
        Name::TxId(tx_id) => beside.ledger.find_by_tx_id(tx_id).await?,
        Name::PayNo(pay_no) => beside.ledger.find_by_pay_no(*pay_no).await?,
    };
    found.with_context(|| format!("there is no payment {name} in this database"))
}

/// Carries out one command.
pub(crate) async fn run(options: Options) -> anyhow::Result<Ended> {
    let Options { action, asked: Asked { place, json } } = options;
    let beside = place.open().await?;
    match action {
        Action::Show { payment } => {
            let payment = find(&beside, &payment).await?;
            show::show(&beside, &payment, json).await?;
            Ok(Ended::Done)
        }
        Action::Return { payment, reason, by } => give_back(&beside, &payment, &reason, &by, json).await,
    }
}

/// A phase in words.
pub(crate) const fn phase_words(phase: Phase) -> &'static str {
    match phase {
        Phase::AwaitingStore => "waits for the choice of a store",
        Phase::Unpaid => "unpaid",
        Phase::ReadyToCommit => "ready to commit",
        Phase::Paid => "paid",
        Phase::Expired => "expired",
        Phase::Cancelled => "cancelled",
        Phase::Returned => "returned",
    }
}

async fn give_back(beside: &Beside, name: &Name, reason: &Note, by: &Operator, json: bool) -> anyhow::Result<Ended> {
    let tx_id = find(beside, name).await?.terms.tx_id;
    let now = beside.clock.now();
    let execution = Execution {
        target: Target::TxId(tx_id.clone()),
        command: Command::Return { operator: by.0.clone(), reason: reason.0.clone() },
        rules: Arc::new(beside.rules.clone()),
        now,
        origin: by.origin(),
        idempotency: None,
    };
    let Executed::Judged { payment, verdict } = beside.ledger.execute(execution).await? else {
        bail!("{tx_id} is gone")
    };
    match (verdict, &payment.standing.returned) {
        (Ok(_), _) => {
            let amount = payment.terms.amount;
            if json {
                println!("{}", json!({ "tXid": tx_id.as_str(), "returned": wib::iso(now), "amt": amount }));
            } else {
                println!("returned: {tx_id}, {}; its merchant is told by the running server", amount.pretty());
            }
            Ok(Ended::Done)
        }
        (Err(Refusal::NotPaid), Some(earlier)) => {
            bail!("it was returned before, {} by {}: {}", wib::human(earlier.at), earlier.operator, earlier.reason)
        }
        (Err(Refusal::NotPaid), None) => {
            bail!("{}: this one is {}", Refusal::NotPaid, phase_words(payment.phase(now)))
        }
        (Err(refusal), _) => bail!("{refusal}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payment_is_named_by_its_id_or_by_its_number_as_it_stands_on_the_voucher() {
        let number = PayNo::draw(1, 42);
        assert_eq!(number.grouped().parse(), Ok(Name::PayNo(number)));
        let tx_id = "TOKOKOPI0103202611231959110042";
        assert_eq!(tx_id.parse(), Ok(Name::TxId(tx_id.parse().unwrap())));
        let mistyped = format!("{:012}", number.get() + 1);
        assert!(mistyped.parse::<Name>().unwrap_err().contains("mistyped"));
        assert!("ORD-1".parse::<Name>().unwrap_err().contains("30 characters"));
    }
}
