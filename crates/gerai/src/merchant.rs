//! `gerai merchant`: the merchants of a gateway, written straight into its database, beside the server that may be
//! running on it.

use crate::Ended;
use crate::beside::{Asked, Beside};
use crate::config::Length;
use crate::operator::Operator;
use crate::rotation::{Overlap, draw_key, draw_webhook_secret, read_key};
use anyhow::{Context, bail};
use clap::{Args, Subcommand, ValueEnum};
use gerai_domain::{Chain, MerchantId, MerchantTerms, wib};
use gerai_ledger::{Change, Changed, Deed, Ledger, MerchantAccount, SqliteLedger};
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use std::path::PathBuf;

/// The options of `gerai merchant`.
#[derive(Args)]
#[command(after_help = "Example:\n  gerai merchant add TOKOKOPI01 --name \"Toko Kopi\" --period 24h\n  \
                        gerai merchant show IONPAYTEST --key\n  gerai merchant rotate-key TOKOKOPI01 --overlap 24h\n  \
                        gerai merchant rotate-webhook-secret TOKOKOPI01")]
pub(crate) struct Options {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    asked: Asked,
}

#[derive(Subcommand)]
enum Action {
    /// Add one. Its key and webhook secret are drawn and shown once, here.
    Add {
        /// The merchant id: ten letters and digits.
        imid: MerchantId,
        /// The name that customers and cashiers read.
        #[arg(long)]
        name: String,
        #[command(flatten)]
        terms: Terms,
        /// Take the merchant key from this file instead of drawing one; `-` for standard input.
        #[arg(long)]
        key_file: Option<PathBuf>,
    },
    /// List all.
    List,
    /// Show one.
    Show {
        /// The merchant id.
        imid: MerchantId,
        /// Also print its key and webhook secret.
        #[arg(long)]
        key: bool,
    },
    /// Change terms; what is not named stays.
    Set {
        /// The merchant id.
        imid: MerchantId,
        /// The name that customers and cashiers read.
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        terms: Terms,
    },
    /// Draw a new key. The old one still counts, and signs notifications, until the overlap ends.
    RotateKey {
        /// The merchant id.
        imid: MerchantId,
        #[command(flatten)]
        overlap: Overlap,
    },
    /// Draw a new webhook secret. Until the overlap ends both sign, so that either verifies a notification.
    RotateWebhookSecret {
        /// The merchant id.
        imid: MerchantId,
        #[command(flatten)]
        overlap: Overlap,
    },
}

#[derive(Args)]
struct Terms {
    /// How long a payment number is valid unless the request says otherwise: 24h, 3d, 7d.
    #[arg(long)]
    period: Option<Length>,
    /// Where its customers may pay, as ALMA,INDO.
    #[arg(long, value_delimiter = ',')]
    chains: Vec<Chain>,
    /// How it may register, as direct,redirect.
    #[arg(long, value_delimiter = ',')]
    methods: Vec<Method>,
    /// A line of its own on the receipt; up to two. An empty one removes them.
    #[arg(long = "receipt-line")]
    receipt_lines: Vec<String>,
    /// Whether a simulated store pays by itself (sandbox only).
    #[arg(long)]
    auto_paid: Option<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Method {
    Direct,
    Redirect,
}

impl Method {
    const fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Redirect => "redirect",
        }
    }
}

impl Terms {
    /// What is asked for, for the audit log.
    fn words(&self, name: Option<&str>) -> String {
        let Self { period, chains, methods, receipt_lines, auto_paid } = self;
        let mut words = Vec::new();
        words.extend(name.map(|name| format!("name {name:?}")));
        words.extend(period.map(|Length(length)| format!("period {}", self::period(length))));
        if !chains.is_empty() {
            words.push(format!("chains {}", chains.iter().map(|chain| chain.code()).collect::<Vec<_>>().join(", ")));
        }
        if !methods.is_empty() {
            let names: Vec<&str> = methods.iter().map(|method| method.name()).collect();
            words.push(format!("methods {}", names.join(", ")));
        }
        if !receipt_lines.is_empty() {
            words.push(format!("receipt lines {receipt_lines:?}"));
        }
        words.extend(auto_paid.map(|auto_paid| format!("AutoPaid {}", if auto_paid { "on" } else { "off" })));
        words.join("; ")
    }

    fn apply(self, terms: &mut MerchantTerms) -> anyhow::Result<()> {
        let Self { period, chains, methods, receipt_lines, auto_paid } = self;
        if let Some(Length(period)) = period {
            terms.period_secs = u32::try_from(period.as_secs()).context("--period")?;
        }
        if !chains.is_empty() {
            terms.chains = Chain::ALL.into_iter().filter(|chain| chains.contains(chain)).collect();
        }
        if !methods.is_empty() {
            terms.direct = methods.contains(&Method::Direct);
            terms.redirect = methods.contains(&Method::Redirect);
        }
        if !receipt_lines.is_empty() {
            terms.receipt_lines = receipt_lines.into_iter().filter(|line| !line.is_empty()).collect();
        }
        if let Some(auto_paid) = auto_paid {
            terms.auto_paid = auto_paid;
        }
        Ok(())
    }
}

/// Carries out one command.
pub(crate) async fn run(options: Options) -> anyhow::Result<Ended> {
    let Options { action, asked: Asked { place, json } } = options;
    let Beside { ledger, rules, clock, sandbox, .. } = place.open().await?;
    let check = move |terms: &MerchantTerms, sandbox: bool| {
        if terms.auto_paid && !sandbox {
            bail!("AutoPaid is for sandboxes: in a real gateway only customers pay");
        }
        terms.check(rules.longest_period).map_err(anyhow::Error::from)
    };
    match action {
        Action::Add { imid, name, terms, key_file } => {
            let detail = terms.words(Some(&name));
            let mut wanted = MerchantTerms::usual(imid, &name);
            terms.apply(&mut wanted)?;
            check(&wanted, sandbox)?;
            let key = key_file.map_or_else(|| Ok(draw_key()), |path| read_key(&path))?;
            let account = MerchantAccount {
                terms: wanted,
                key,
                retired_key: None,
                webhook_secret: draw_webhook_secret(),
                retired_webhook_secret: None,
            };
            let deed = Deed { detail, ..deed(&account.terms.id, "merchant-added", clock.now()) };
            if !ledger.add_merchant(account.clone(), deed).await? {
                bail!("there is a merchant {} already; change it with `gerai merchant set`", account.terms.id);
            }
            show(&account, true, json);
        }
        Action::List => {
            let all = ledger.merchants().await?;
            if json {
                println!("{}", Value::Array(all.iter().map(|account| tell(account, false)).collect()));
            } else {
                for account in &all {
                    let MerchantTerms { id, name, chains, auto_paid, .. } = &account.terms;
                    let chains: Vec<&str> = chains.iter().map(|chain| chain.code()).collect();
                    println!(
                        "{id}  {:<10} {}  {name}",
                        chains.join(","),
                        if *auto_paid { "AutoPaid" } else { "        " }
                    );
                }
            }
        }
        Action::Show { imid, key } => {
            let account = ledger.merchant(imid.as_str()).await?.with_context(|| unknown(&imid))?;
            show(&account, key, json);
        }
        Action::Set { imid, name, terms } => {
            let detail = terms.words(name.as_deref());
            let deed = Deed { detail, ..deed(&imid, "merchant-changed", clock.now()) };
            let changed = change(&ledger, &imid, deed, move |account| {
                if let Some(name) = name {
                    account.terms.name = name;
                }
                terms.apply(&mut account.terms)?;
                check(&account.terms, sandbox)
            });
            show(&changed.await?, false, json);
        }
        Action::RotateKey { imid, overlap } => {
            let now = clock.now();
            let deed = deed(&imid, "merchant-key-rotated", now);
            let rotated = change(&ledger, &imid, deed, move |account| {
                let old = std::mem::replace(&mut account.key, draw_key());
                account.retired_key = overlap.retire(old, account.retired_key.as_ref(), now)?;
                Ok(())
            });
            show(&rotated.await?, true, json);
        }
        Action::RotateWebhookSecret { imid, overlap } => {
            let now = clock.now();
            let deed = deed(&imid, "webhook-secret-rotated", now);
            let rotated = change(&ledger, &imid, deed, move |account| {
                let old = std::mem::replace(&mut account.webhook_secret, draw_webhook_secret());
                account.retired_webhook_secret = overlap.retire(old, account.retired_webhook_secret.as_ref(), now)?;
                Ok(())
            });
            show(&rotated.await?, true, json);
        }
    }
    Ok(Ended::Done)
}

fn unknown(imid: &MerchantId) -> String {
    format!("there is no merchant {imid}; see `gerai merchant list`")
}

/// What whoever is logged in here does to a merchant.
fn deed(imid: &MerchantId, what: &str, now: Timestamp) -> Deed {
    Deed { merchant: Some(imid.clone()), ..Operator::here().deed(now, what, imid.as_str()) }
}

/// Changes a merchant as it stands when its turn has come; gives it as it is then.
async fn change(
    ledger: &SqliteLedger,
    imid: &MerchantId,
    deed: Deed,
    change: impl FnOnce(&mut MerchantAccount) -> anyhow::Result<()> + Send + 'static,
) -> anyhow::Result<MerchantAccount> {
    let change: Change<MerchantAccount> = Box::new(|account| Ok(change(account)?));
    match ledger.change_merchant(imid, change, deed).await? {
        Changed::Done(account) => Ok(account),
        Changed::Refused(error) => Err(anyhow::Error::from_boxed(error)),
        Changed::Unknown => bail!(unknown(imid)),
    }
}

fn tell(account: &MerchantAccount, with_key: bool) -> Value {
    let MerchantAccount { terms, key, retired_key, webhook_secret, retired_webhook_secret } = account;
    let mut value = json!({
        "iMid": terms.id,
        "name": terms.name,
        "periodSeconds": terms.period_secs,
        "direct": terms.direct,
        "redirect": terms.redirect,
        "chains": terms.chains,
        "autoPaid": terms.auto_paid,
        "receiptLines": terms.receipt_lines,
        "oldKeyCountsUntil": retired_key.as_ref().map(|retired| wib::iso(retired.until)),
        "oldWebhookSecretSignsUntil": retired_webhook_secret.as_ref().map(|retired| wib::iso(retired.until)),
    });
    if with_key && let Value::Object(fields) = &mut value {
        fields.insert("merchantKey".into(), key.expose_secret().into());
        fields.insert("webhookSecret".into(), webhook_secret.expose_secret().into());
    }
    value
}

/// Days where it is whole ones, as people say it.
fn period(length: SignedDuration) -> String {
    match (length.as_hours() / 24, length.as_secs() % 86_400) {
        (1, 0) => "1 day".into(),
        (days, 0) => format!("{days} days"),
        _ => format!("{length:#}"),
    }
}

fn show(account: &MerchantAccount, with_key: bool, as_json: bool) {
    if as_json {
        println!("{}", tell(account, with_key));
        return;
    }
    let MerchantAccount { terms, key, retired_key, webhook_secret, retired_webhook_secret } = account;
    let methods = [(terms.direct, "direct"), (terms.redirect, "redirect")];
    let methods: Vec<&str> = methods.into_iter().filter(|(open, _)| *open).map(|(_, name)| name).collect();
    let chains: Vec<&str> = terms.chains.iter().map(|chain| chain.code()).collect();
    println!("iMid            {}", terms.id);
    println!("Name            {}", terms.name);
    println!("Period          {}", period(terms.period()));
    println!("Methods         {}", methods.join(", "));
    println!("Chains          {}", chains.join(", "));
    println!("AutoPaid        {}", if terms.auto_paid { "yes" } else { "no" });
    for line in &terms.receipt_lines {
        println!("Receipt line    {line}");
    }
    if let Some(retired) = retired_key {
        println!("Old key counts  until {}", wib::human(retired.until));
    }
    if let Some(retired) = retired_webhook_secret {
        println!("Old webhook secret signs until {}", wib::human(retired.until));
    }
    if with_key {
        println!("Merchant key    {}", key.expose_secret());
        println!("Webhook secret  {}", webhook_secret.expose_secret());
    }
}
