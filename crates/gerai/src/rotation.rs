//! What a rotation of any key or secret has in common: how a new one is drawn or read, and how long the old one still
//! counts.

use crate::config::Length;
use anyhow::{Context, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use gerai_domain::wib;
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
        let Self { overlap: Length(overlap), no_overlap, force } = self;
        if *no_overlap {
            return Ok(None);
        }
        if let Some(earlier) = earlier.filter(|earlier| earlier.counts(now) && !force) {
            bail!(
                "the one before the last rotation still counts until {}, and would end at once: wait until then, or \
                 say --force",
                wib::human(earlier.until)
            );
        }
        Ok(Some(RetiredKey { key: old, until: now.checked_add(*overlap).unwrap_or(Timestamp::MAX) }))
    }
}

/// 64 random bytes in base64: as long as the keys that NICEPAY gives out.
pub(crate) fn draw_key() -> SecretString {
    let bytes: [u8; 64] = std::array::from_fn(|_| rand::random());
    STANDARD.encode(bytes).into()
}

/// A Standard Webhooks secret.
pub(crate) fn draw_webhook_secret() -> SecretString {
    let bytes: [u8; 32] = rand::random();
    format!("whsec_{}", STANDARD.encode(bytes)).into()
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
