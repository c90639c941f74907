//! `gerai partner`: the store chains of a gateway, their secrets, and whether they are switched on.

use crate::Ended;
use crate::beside::{Asked, Beside};
use crate::operator::Operator;
use crate::rotation::{Overlap, draw_key, read_key};
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use gerai_domain::{Chain, wib};
use gerai_ledger::{Change, Changed, Deed, Ledger, PartnerAccount, SqliteLedger};
use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use std::path::PathBuf;

/// The options of `gerai partner`.
#[derive(Args)]
#[command(after_help = "Example:\n  gerai partner add ALMA --config gerai.toml\n  \
                        gerai partner rotate-secret ALMA --overlap 3d --config gerai.toml\n  \
                        gerai partner disable INDO --config gerai.toml\n\n\
                        Exit status: 0 done, 1 refused or failed, 2 wrong usage.")]
pub(crate) struct Options {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    asked: Asked,
}

#[derive(Subcommand)]
enum Action {
    /// Add one. Its secret is drawn and shown once, here.
    Add {
        /// The chain: ALMA or INDO.
        chain: Chain,
        /// Take the secret from this file instead of drawing one; `-` for standard input.
        #[arg(long)]
        secret_file: Option<PathBuf>,
    },
    /// List all.
    List,
    /// Show one, without its secret.
    Show {
        /// The chain.
        chain: Chain,
    },
    /// Draw a new secret, shown once, here. Requests signed with the old one are accepted until the overlap ends.
    RotateSecret {
        /// The chain.
        chain: Chain,
        #[command(flatten)]
        overlap: Overlap,
        /// Take the secret from this file instead of drawing one; `-` for standard input.
        #[arg(long)]
        secret_file: Option<PathBuf>,
    },
    /// Switch it on.
    Enable {
        /// The chain.
        chain: Chain,
    },
    /// Switch it off: it can look up and take nothing new. What it took before can still be committed or reversed.
    Disable {
        /// The chain.
        chain: Chain,
    },
}

/// Carries out one command.
pub(crate) async fn run(options: Options) -> anyhow::Result<Ended> {
    let Options { action, asked: Asked { place, json } } = options;
    let Beside { ledger, clock, .. } = place.open().await?;
    match action {
        Action::Add { chain, secret_file } => {
            let secret = secret_file.map_or_else(|| Ok(draw_key()), |path| read_key(&path))?;
            let account = PartnerAccount { chain, enabled: true, secret, retired_secret: None };
            let deed = Operator::here().deed(clock.now(), "chain-added", chain.code());
            if !ledger.add_partner(account.clone(), deed).await? {
                bail!("{chain} is a partner already; a new secret is made by `gerai partner rotate-secret {chain}`");
            }
            show(&account, true, json);
        }
        Action::List => {
            let mut all = Vec::new();
            for chain in Chain::ALL {
                all.extend(ledger.partner(chain).await?);
            }
            if json {
                println!("{}", Value::Array(all.iter().map(|account| tell(account, false)).collect()));
            } else if all.is_empty() {
                println!("No chain can call yet: gerai partner add ALMA");
            } else {
                for PartnerAccount { chain, enabled, .. } in all.iter().map(AsRef::as_ref) {
                    println!("{chain}  {:<3}  {}", on_or_off(*enabled), chain.name());
                }
            }
        }
        Action::Show { chain } => {
            let account = ledger.partner(chain).await?.with_context(|| unknown(chain))?;
            show(&account, false, json);
        }
        Action::RotateSecret { chain, overlap, secret_file } => {
            // Whoever brings the secret may be waited for: before anything is read that it replaces.
            let drawn = secret_file.map_or_else(|| Ok(draw_key()), |path| read_key(&path))?;
            let now = clock.now();
            let deed = Operator::here().deed(now, "chain-secret-rotated", chain.code());
            let rotated = change(&ledger, chain, deed, move |account| {
                let old = std::mem::replace(&mut account.secret, drawn);
                account.retired_secret = overlap.retire(old, account.retired_secret.as_ref(), now)?;
                Ok(())
            });
            show(&rotated.await?, true, json);
        }
        Action::Enable { chain } => show(&switch(&ledger, chain, true, clock.now()).await?, false, json),
        Action::Disable { chain } => show(&switch(&ledger, chain, false, clock.now()).await?, false, json),
    }
    Ok(Ended::Done)
}

fn unknown(chain: Chain) -> String {
    format!("{chain} is no partner of this gateway yet: gerai partner add")
}

/// Changes a partner as it stands when its turn has come; gives it as it is then.
async fn change(
    ledger: &SqliteLedger,
    chain: Chain,
    deed: Deed,
    change: impl FnOnce(&mut PartnerAccount) -> anyhow::Result<()> + Send + 'static,
) -> anyhow::Result<PartnerAccount> {
    let change: Change<PartnerAccount> = Box::new(|account| Ok(change(account)?));
    match ledger.change_partner(chain, change, deed).await? {
        Changed::Done(account) => Ok(account),
        Changed::Refused(error) => Err(anyhow::Error::from_boxed(error)),
        Changed::Unknown => bail!(unknown(chain)),
    }
}

async fn switch(ledger: &SqliteLedger, chain: Chain, enabled: bool, now: Timestamp) -> anyhow::Result<PartnerAccount> {
    let what = if enabled { "chain-switched-on" } else { "chain-switched-off" };
    change(ledger, chain, Operator::here().deed(now, what, chain.code()), move |account| {
        account.enabled = enabled;
        Ok(())
    })
    .await
}

const fn on_or_off(enabled: bool) -> &'static str {
    if enabled { "on" } else { "off" }
}

fn tell(account: &PartnerAccount, with_secret: bool) -> Value {
    let PartnerAccount { chain, enabled, secret, retired_secret } = account;
    let mut value = json!({
        "mitraCd": chain,
        "name": chain.name(),
        "enabled": enabled,
        "oldSecretCountsUntil": retired_secret.as_ref().map(|retired| wib::iso(retired.until)),
    });
    if with_secret && let Value::Object(fields) = &mut value {
        fields.insert("secret".into(), secret.expose_secret().into());
    }
    value
}

fn show(account: &PartnerAccount, with_secret: bool, as_json: bool) {
    if as_json {
        println!("{}", tell(account, with_secret));
        return;
    }
    let PartnerAccount { chain, enabled, secret, retired_secret } = account;
    println!("Chain              {chain} ({})", chain.name());
    println!("Switched           {}", on_or_off(*enabled));
    if let Some(retired) = retired_secret {
        println!("Old secret counts  until {}", wib::human(retired.until));
    }
    if with_secret {
        println!("Secret             {}", secret.expose_secret());
    }
}
