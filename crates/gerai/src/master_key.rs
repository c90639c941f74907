//! `gerai master-key`: a new master key takes the place of the old one while the server goes on. The file holds both
//! for as long as anything needs the old one, so that a crash at any moment leaves everything openable.

mod file;

use crate::Ended;
use crate::beside::{Asked, Beside, Place};
use crate::data;
use crate::operator::Operator;
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use file::KeyFile;
use gerai_ledger::{Ledger, MOST_KEYS, MasterKey, Sealing, SqliteLedger};
use serde_json::json;
use std::time::{Duration, Instant};

/// How long a running server may take to find the new key in the file; it looks ten times a second.
const PATIENCE: Duration = Duration::from_secs(10);

/// The options of `gerai master-key`.
#[derive(Args)]
#[command(after_help = "Example:\n  gerai master-key show --config gerai.toml\n  \
                        gerai master-key rotate --config gerai.toml\n\n\
                        Backups of the database open with the key that was in force when they were made: keep the old \
                        key with them.\n\n\
                        Exit status: 0 done, 1 refused or failed, 2 wrong usage.")]
pub(crate) struct Options {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    asked: Asked,
}

#[derive(Subcommand)]
enum Action {
    /// Show which keys are known, by their ids, and how many secrets each has sealed.
    Show,
    /// Draw a new key, seal everything anew with it, and take the old one out of the file. The server may run. A
    /// rotation that was cut off is taken up where it stopped.
    Rotate {
        /// Leave the old key in the file, behind the new one.
        #[arg(long)]
        keep_old: bool,
    },
    /// Seal everything anew with the first of the known keys; the file or variable stays as it is.
    Reseal,
}

/// Carries out one command.
pub(crate) async fn run(options: Options) -> anyhow::Result<Ended> {
    let Options { action, asked: Asked { place, json } } = options;
    match action {
        Action::Show => {
            let ledger = place.open().await?.ledger;
            show(&ledger, json).await?;
        }
        Action::Rotate { keep_old } => rotate(&place, keep_old, json).await?,
        Action::Reseal => {
            let beside = place.open().await?;
            until_server_knows(&beside.ledger).await?;
            let resealed = reseal(&beside, "master-key-resealed", json).await?;
            beside.ledger.end_announcement().await?;
            if json {
                let key = beside.ledger.sealing().await?.in_force.to_string();
                println!("{}", json!({ "key": key, "resealed": resealed }));
            }
        }
    }
    Ok(Ended::Done)
}

async fn show(ledger: &SqliteLedger, json: bool) -> anyhow::Result<()> {
    let Sealing { in_force, secrets, unopened } = ledger.sealing().await?;
    let keys = ledger.master_key_ids();
    let count = |id| secrets.get(id).copied().unwrap_or(0);
    if json {
        let keys: Vec<_> = keys
            .iter()
            .map(|id| json!({ "id": id.to_string(), "inForce": *id == in_force, "secrets": count(id) }))
            .collect();
        println!("{}", json!({ "keys": keys, "unopened": unopened }));
        return Ok(());
    }
    for id in &keys {
        let mark = if *id == in_force { "in force" } else { "        " };
        println!("{id}  {mark}  {} secrets", count(id));
    }
    if unopened > 0 {
        println!("{unopened} secrets open with none of these keys");
    }
    Ok(())
}

/// Says what has been done, one step a line.
fn step(json: bool, what: &str) {
    if !json {
        println!("{what}");
    }
}

/// The file that holds the key, unless it comes from the environment.
fn key_file(place: &Place) -> anyhow::Result<KeyFile> {
    let path = match &place.config {
        None => data::key_file(&place.data),
        Some(config) => {
            if std::env::var_os(data::MASTER_KEY_VARIABLE).is_some() {
                bail!("{IN_THE_ENVIRONMENT}");
            }
            let config = crate::config::Config::read(config)?;
            config.master_key_file().context("no master key: the configuration names no `master_key_file`")?.to_owned()
        }
    };
    KeyFile::hold(&path)
}

/// What to do when no file can be changed.
const IN_THE_ENVIRONMENT: &str = "GERAI_MASTER_KEY holds the master key, and nobody can change a variable of a server \
that runs.\n\
Either move the key into a file: name it as `master_key_file` in the configuration, take GERAI_MASTER_KEY away from \
the server and from this shell, restart the server, and run this again.\n\
Or rotate with two restarts:\n  \
1. make a key:                          openssl rand -base64 32\n  \
2. restart the server with both, new first:  GERAI_MASTER_KEY=\"<new> <old>\"\n  \
3. with the same variable here:         gerai master-key reseal --config gerai.toml\n  \
4. restart the server with the new one: GERAI_MASTER_KEY=\"<new>\"";

async fn rotate(place: &Place, keep_old: bool, json: bool) -> anyhow::Result<()> {
    let file = key_file(place)?;
    let contents = file.contents()?;
    let before = file.read()?;
    let in_force = place.open().await?.ledger.sealing().await?.in_force;
    let unfinished = before.first().is_some_and(|first| first.id() != in_force);
    if unfinished {
        step(json, "a rotation that was cut off is taken up");
    } else {
        if before.len() >= MOST_KEYS {
            bail!(
                "{} holds {MOST_KEYS} keys, and a file with more is not read: take the lines out that nothing is sealed \
                 with any more (all but the first, unless `gerai master-key show` counts secrets behind a key), and run \
                 this again",
                file.path().display()
            );
        }
        let drawn = MasterKey::generate();
        let keys: Vec<&MasterKey> = std::iter::once(&drawn).chain(&before).collect();
        file.replace(&keys)?;
        step(json, &format!("new key {} added to {}", drawn.id(), file.path().display()));
    }
    let beside = match known_everywhere(place).await {
        Ok(beside) => beside,
        Err(error) => {
            // Nothing is sealed with the new key yet.
            if !unfinished {
                file.restore(&contents).with_context(|| format!("after this: {error:#}"))?;
                step(json, "the new key was taken out of the file again");
            }
            return Err(error);
        }
    };
    let resealed = reseal(&beside, "master-key-rotated", json).await?;
    let keys = file.read()?;
    let Some((first, old)) = keys.split_first() else { bail!("{} is empty", file.path().display()) };
    if !keep_old && !old.is_empty() {
        file.replace(&[first])?;
        step(json, &format!("old key taken out of {}", file.path().display()));
    }
    beside.ledger.end_announcement().await?;
    if json {
        let old: Vec<String> = old.iter().map(|key| key.id().to_string()).collect();
        println!("{}", json!({ "key": first.id().to_string(), "resealed": resealed, "old": old, "oldKept": keep_old }));
    }
    Ok(())
}

/// The ledger, opened anew with the new key first, once the running server knows that key too.
async fn known_everywhere(place: &Place) -> anyhow::Result<Beside> {
    let beside = place.open().await?;
    until_server_knows(&beside.ledger).await?;
    Ok(beside)
}

/// Waits until the server that runs on this database, if one does, knows the first key too: once everything is sealed
/// with that, whoever does not know it can read nothing any more.
async fn until_server_knows(ledger: &SqliteLedger) -> anyhow::Result<()> {
    if !ledger.is_served()? {
        return Ok(());
    }
    ledger.announce_key().await?;
    let asked = Instant::now();
    while !ledger.key_is_known().await? {
        if asked.elapsed() > PATIENCE {
            ledger.end_announcement().await?;
            bail!(
                "the running server does not find the new key, so nothing was sealed with it: was it started with \
                 {} or another configuration, or may it not read the file? Its log says more",
                data::MASTER_KEY_VARIABLE
            );
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// Seals everything anew, and makes sure of it.
async fn reseal(beside: &Beside, what: &str, json: bool) -> anyhow::Result<u64> {
    let ledger = &beside.ledger;
    let key = ledger.master_key_ids().first().map(ToString::to_string).unwrap_or_default();
    let resealed = ledger.reseal(Operator::here().deed(beside.clock.now(), what, &key)).await?;
    let Sealing { in_force, secrets, unopened } = ledger.sealing().await?;
    if unopened > 0 || secrets.keys().any(|key| *key != in_force) || ledger.master_key_ids().first() != Some(&in_force)
    {
        bail!("not every secret is sealed with the new key; run this again, and look at `gerai master-key show`");
    }
    step(json, &format!("{resealed} secrets sealed anew with {in_force}"));
    Ok(resealed)
}
