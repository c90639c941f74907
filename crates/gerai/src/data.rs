//! The data folder of a sandbox, and the ledger in it.

use anyhow::{Context, bail};
use gerai_ledger::{Ledger, MasterKey, SqliteLedger, SqliteSettings};
use secrecy::ExposeSecret;
use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The setting that tells a sandbox's ledger from a real one, so that neither is ever taken for the other.
pub(crate) const SANDBOX_MARK: &str = "sandbox";

/// The environment variable that holds the master key.
pub(crate) const MASTER_KEY_VARIABLE: &str = "GERAI_MASTER_KEY";

/// The database file in a data folder.
pub(crate) fn database(data: &Path) -> PathBuf {
    data.join("gerai.db")
}

fn key_file(data: &Path) -> PathBuf {
    data.join("master.key")
}

/// The master key from the environment; `None` when the variable is not set.
pub(crate) fn master_key_from_environment() -> anyhow::Result<Option<MasterKey>> {
    match std::env::var(MASTER_KEY_VARIABLE) {
        Ok(text) => MasterKey::parse(&text).map(Some).with_context(|| format!("in {MASTER_KEY_VARIABLE}")),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(error) => Err(error).context(MASTER_KEY_VARIABLE),
    }
}

/// Reads a master key from its file.
pub(crate) fn master_key_from_file(path: &Path) -> anyhow::Result<MasterKey> {
    let text = fs::read_to_string(path).with_context(|| format!("the master key in {}", path.display()))?;
    MasterKey::parse(&text).with_context(|| format!("in {}", path.display()))
}

/// A sandbox's master key: the one in its folder, drawn and kept there the first time.
fn sandbox_master_key(data: &Path) -> anyhow::Result<MasterKey> {
    let path = key_file(data);
    if path.exists() {
        return master_key_from_file(&path);
    }
    if database(data).exists() {
        bail!(
            "{} holds a database but its master.key is gone; bring it back, or begin with another folder",
            data.display()
        );
    }
    let key = MasterKey::generate();
    let mut file = fs::File::options().write(true).create_new(true).mode(0o600).open(&path)?;
    writeln!(file, "{}", key.to_base64().expose_secret())?;
    file.sync_all()?;
    Ok(key)
}

/// Opens a sandbox's ledger to serve from it, making the folder the first time.
pub(crate) async fn open_sandbox(data: &Path) -> anyhow::Result<SqliteLedger> {
    fs::create_dir_all(data).with_context(|| format!("the data folder {}", data.display()))?;
    let key = sandbox_master_key(data)?;
    let ledger = SqliteLedger::open(SqliteSettings::serving(database(data)), key)?;
    if ledger.setting(SANDBOX_MARK).await?.is_none() {
        if !ledger.merchants().await?.is_empty() {
            bail!("{} holds a real gateway's data; a sandbox takes a folder of its own (--data)", data.display());
        }
        ledger.put_setting(SANDBOX_MARK, "1").await?;
    }
    Ok(ledger)
}

/// Opens a sandbox's ledger beside the server that may be running on it.
pub(crate) fn open_beside_sandbox(data: &Path) -> anyhow::Result<SqliteLedger> {
    let database = database(data);
    if !database.exists() {
        bail!(
            "{} holds no gateway's data; start `gerai sandbox --data {0}` first, or name a folder with --data or a \
             configuration with --config",
            data.display()
        );
    }
    Ok(SqliteLedger::open(SqliteSettings::beside(database), master_key_from_file(&key_file(data))?)?)
}
