//! What a rotation of any key or secret has in common on the command line: its options, and how a new one is read.

use crate::config::Length;
use anyhow::{Context, anyhow, bail};
use clap::Args;
use gerai_gateway::rotation;
pub(crate) use gerai_gateway::rotation::{draw_key, draw_webhook_secret};
use gerai_ledger::RetiredKey;
use jiff::Timestamp;
use secrecy::SecretString;
use std::io::Read;
use std::path::Path;

/// How long both count.
#[derive(Args)]
pub(crate) struct Overlap {
    /// How long the old one still counts beside the new one.
    #[arg(long, default_value = "24h")]
    overlap: Length,
    /// End the old one at once: it has leaked.
    #[arg(long, conflicts_with = "overlap")]
    no_overlap: bool,
    /// Also while an earlier rotation's overlap lasts; what was replaced then ends at once.
    #[arg(long)]
    force: bool,
}

impl Overlap {
    /// What is kept of `old` when it is replaced at `now`; `earlier` is what a rotation before has left.
    pub(crate) fn retire(
        &self,
        old: SecretString,
        earlier: Option<&RetiredKey>,
        now: Timestamp,
    ) -> anyhow::Result<Option<RetiredKey>> {
        let Self { overlap: Length(length), no_overlap, force } = *self;
        let overlap = if no_overlap { rotation::Overlap::None } else { rotation::Overlap::Lasting { length, force } };
        let retired = overlap.retire(old, earlier, now);
        retired.map_err(|still| anyhow!("{still}: wait until then, or say --force"))
    }
}

/// Reads a key that somebody else has drawn: one line of a file, or of standard input for `-`.
pub(crate) fn read_key(path: &Path) -> anyhow::Result<SecretString> {
    let text = if path.as_os_str() == "-" {
        let mut text = String::new();
        std::io::stdin().lock().take(4096).read_to_string(&mut text)?;
        text
    } else {
        std::fs::read_to_string(path).with_context(|| format!("the key in {}", path.display()))?
    };
    let key = text.trim();
    if !(16..=1024).contains(&key.len()) || key.chars().any(char::is_control) {
        bail!("a key is one line of 16 to 1024 characters");
    }
    Ok(key.to_owned().into())
}
