//! `gerai store`: be the cashier. It speaks the store API like any chain, with the chain's signature.

use crate::invocation::program;
use crate::till::{self, Line};
use crate::{Ended, client};
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use gerai_domain::{Brand, Chain, Rupiah, wib};
use gerai_gateway::sign_store_request;
use jiff::Timestamp;
use reqwest::header::{HeaderMap, HeaderValue};
use secrecy::SecretString;
use serde_json::{Value, json};
use std::path::PathBuf;

/// The options of `gerai store`.
#[derive(Args)]
#[command(
    after_help = "Example:\n  gerai store inquiry 112345678905\n  gerai store pay 112345678905 --brand ALFAMIDI\n  \
                        gerai store commit 112345678905\n  gerai store reverse 112345678905 --reason \"wrong order\""
)]
pub(crate) struct Options {
    #[command(subcommand)]
    action: Action,
    /// The brand over the door: ALFAMART, ALFAMIDI, DANDAN, LAWSON, INDOMARET. For commit and reverse the brand of the
    /// payment, unless given.
    #[arg(long, global = true)]
    brand: Option<Brand>,
    /// The store.
    #[arg(long, global = true, default_value = "CLI1")]
    store_code: String,
    /// The till.
    #[arg(long, global = true, default_value = "1")]
    terminal: String,
    /// The attempt's name; drawn for a payment, and remembered for its commit and reversal.
    #[arg(long, global = true)]
    trace: Option<String>,
    /// The gateway.
    #[arg(long, global = true, env = "GERAI_URL", default_value = "http://127.0.0.1:8080")]
    url: String,
    /// The till's journal, which remembers trace numbers.
    #[arg(long, global = true)]
    journal: Option<PathBuf>,
    /// Answer in JSON.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Action {
    /// Look up what is owed.
    Inquiry {
        /// The payment number, as the customer reads it out.
        #[arg(value_name = "payNo", num_args = 1.., required = true)]
        number: Vec<String>,
    },
    /// Take the money. The Alfa group needs a commit after it.
    Pay {
        /// The payment number, as the customer reads it out.
        #[arg(value_name = "payNo", num_args = 1.., required = true)]
        number: Vec<String>,
        /// Rupiah; what the inquiry says, unless given.
        #[arg(long)]
        amount: Option<String>,
    },
    /// Confirm what was taken (Alfa group).
    Commit {
        /// The payment number.
        #[arg(value_name = "payNo", num_args = 1.., required = true)]
        number: Vec<String>,
    },
    /// Take a payment back.
    Reverse {
        /// The payment number.
        #[arg(value_name = "payNo", num_args = 1.., required = true)]
        number: Vec<String>,
        /// Why.
        #[arg(long, default_value = "cashier's mistake")]
        reason: String,
    },
}

/// The variable with the partner's secret, for a gateway that is no sandbox.
const SECRET_VARIABLE: &str = "GERAI_PARTNER_SECRET";

struct Till {
    url: String,
    brand: Brand,
    store_code: String,
    terminal: String,
    secret: SecretString,
}

impl Till {
    async fn ask(&self, call: &str, body: Value) -> anyhow::Result<client::Answer> {
        let path = format!("/store/v1/{call}");
        let body = body.to_string().into_bytes();
        let timestamp = wib::iso(Timestamp::now());
        let signature = sign_store_request(&self.secret, &path, &body, &timestamp);
        let external_id = format!("{:032x}", rand::random::<u128>());
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("x-partner-id", self.brand.chain().code()),
            ("x-timestamp", &timestamp),
            ("x-external-id", &external_id),
            ("x-signature", &signature),
        ] {
            headers.insert(name, HeaderValue::from_str(value)?);
        }
        client::post(&format!("{}{path}", self.url), headers, body).await
    }

    async fn inquire(&self, number: &str) -> anyhow::Result<client::Answer> {
        let body = json!({
            "payNo": number, "storeBrand": self.brand, "storeCode": self.store_code, "terminalId": self.terminal,
        });
        self.ask("inquiry", body).await
    }
}

fn secret(chain: Chain) -> SecretString {
    std::env::var(SECRET_VARIABLE).map_or_else(
        |_| match chain {
            Chain::Alma => "alma-sandbox-secret".into(),
            Chain::Indo => "indo-sandbox-secret".into(),
        },
        SecretString::from,
    )
}

/// Carries out one command.
pub(crate) async fn run(options: Options) -> anyhow::Result<Ended> {
    let journal = options.journal.unwrap_or_else(till::usual_path);
    let number = match &options.action {
        Action::Inquiry { number }
        | Action::Pay { number, .. }
        | Action::Commit { number }
        | Action::Reverse { number, .. } => {
            // "1234 5678 9012", as it stands on the voucher.
            number.concat().replace([' ', '-'], "")
        }
    };
    let known = match options.action {
        Action::Commit { .. } | Action::Reverse { .. } => till::last(&journal, &number)?,
        Action::Inquiry { .. } | Action::Pay { .. } => None,
    };
    let brand = options.brand.or(known.as_ref().and_then(|line| line.brand.parse().ok())).unwrap_or(Brand::Alfamart);
    let till = Till {
        url: options.url.trim_end_matches('/').to_owned(),
        brand,
        store_code: options.store_code,
        terminal: options.terminal,
        secret: secret(brand.chain()),
    };
    let trace = || {
        options
            .trace
            .clone()
            .or(known.as_ref().map(|line| line.trace_no.clone()))
            .context("this till has taken nothing for that number; name the attempt with --trace")
    };
    let answer = match options.action {
        Action::Inquiry { .. } => till.inquire(&number).await?,
        Action::Commit { .. } => till.ask("commit", json!({ "payNo": number, "traceNo": trace()? })).await?,
        Action::Reverse { reason, .. } => {
            till.ask("reversal", json!({ "payNo": number, "traceNo": trace()?, "reason": reason })).await?
        }
        Action::Pay { amount, .. } => {
            let value = match amount {
                Some(amount) => match Rupiah::parse(&amount) {
                    Ok(amount) => format!("{amount}.00"),
                    Err(error) => bail!("--amount {amount}: {error}"),
                },
                None => {
                    let looked = till.inquire(&number).await?;
                    match looked.body.pointer("/amount/value").and_then(Value::as_str) {
                        Some(value) => value.to_owned(),
                        None => return Ok(show(&till, &looked, options.json)),
                    }
                }
            };
            let trace_no = options.trace.clone().unwrap_or_else(|| format!("CLI{:016x}", rand::random::<u64>()));
            let before = till::last(&journal, &number)?;
            let line = Line { pay_no: number.clone(), trace_no: trace_no.clone(), brand: brand.code().into() };
            till::note(&journal, line)?;
            let body = json!({
                "payNo": number,
                "storeBrand": till.brand,
                "storeCode": till.store_code,
                "terminalId": till.terminal,
                "amount": { "value": value, "currency": "IDR" },
                "traceNo": trace_no,
            });
            let answer = till.ask("payment", body).await?;
            if (400..500).contains(&answer.status)
                && let Some(before) = before
            {
                // It was refused for good, so what the till took before is what its commit and reversal are for.
                till::note(&journal, before)?;
            }
            answer
        }
    };
    Ok(show(&till, &answer, options.json))
}

fn show(till: &Till, answer: &client::Answer, as_json: bool) -> Ended {
    let text = |name: &str| answer.body.get(name).and_then(Value::as_str).unwrap_or_default();
    let done = answer.status == 200;
    if as_json {
        println!("{}", answer.body);
        return if done { Ended::Done } else { Ended::Refused };
    }
    if !done {
        eprintln!("gerai: {} {}", text("responseCode"), text("responseMessage"));
        if text("responseCode").ends_with("15") {
            let program = program();
            if text("responseMessage").contains("no payments now") {
                eprintln!("       In a sandbox: {program} clock advance 8h --url {}", till.url);
            } else {
                let other = match till.brand.chain() {
                    Chain::Alma => Brand::Indomaret,
                    Chain::Indo => Brand::Alfamart,
                };
                eprintln!("       This till is an {}; at the other chain: --brand {other}", till.brand.name());
            }
        }
        return Ended::Refused;
    }
    for (label, name) in [
        ("Biller", "billerName"),
        ("Customer", "customerName"),
        ("Goods", "goodsNm"),
        ("Payable until", "payableUntil"),
        ("Status", "status"),
        ("Trace", "traceNo"),
    ] {
        if !text(name).is_empty() {
            println!("{label:<14} {}", text(name));
        }
    }
    if let Some(value) = answer.body.pointer("/amount/value").and_then(Value::as_str) {
        let shown = value.strip_suffix(".00").and_then(|whole| Rupiah::parse(whole).ok());
        println!("{:<14} {}", "Amount", shown.map_or_else(|| format!("Rp {value}"), Rupiah::pretty));
    }
    if let Some(lines) = answer.body.get("receipt").and_then(Value::as_array) {
        println!("\n+{}+", "-".repeat(42));
        for line in lines {
            println!("| {:<40} |", line.as_str().unwrap_or_default());
        }
        println!("+{}+", "-".repeat(42));
    }
    if text("status") == "READY_TO_COMMIT" {
        println!("\nNot paid yet: {} store commit {} --url {}", program(), text("payNo"), till.url);
    }
    Ended::Done
}
