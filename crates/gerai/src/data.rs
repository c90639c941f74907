//! The data folder of a sandbox, and the ledger in it.

use anyhow::{Context, bail};
use gerai_ledger::{Ledger, MasterKey, MasterKeys, SqliteLedger, SqliteSettings};
use secrecy::ExposeSecret;
use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The setting that tells a sandbox's ledger from a real one, so that neither is ever taken for the other.
pub(crate) const SANDBOX_MARK: &str = "sandbox";

/// The environment variable that holds the master key, or several with blanks between them.
pub(crate) const MASTER_KEY_VARIABLE: &str = "GERAI_MASTER_KEY";

/// The database file in a data folder.
pub(crate) fn database(data: &Path) -> PathBuf {
    data.join("gerai.db")
}

/// The file in a data folder that holds the master key.
pub(crate) fn key_file(data: &Path) -> PathBuf {
    data.join("master.key")
}

/// The master keys from the environment; `None` when the variable is not set.
pub(crate) fn master_keys_from_environment() -> anyhow::Result<Option<MasterKeys>> {
    match std::env::var(MASTER_KEY_VARIABLE) {
        Ok(text) => {
            let keys = MasterKey::parse_all(&text).with_context(|| format!("in {MASTER_KEY_VARIABLE}"))?;
            Ok(Some(keys.into()))
        }
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(error) => Err(error).context(MASTER_KEY_VARIABLE),
    }
}

/// Reads the master keys that a file holds, one a line.
pub(crate) fn read_key_file(path: &Path) -> anyhow::Result<Vec<MasterKey>> {
    let text = fs::read_to_string(path).with_context(|| format!("the master key in {}", path.display()))?;
    MasterKey::parse_all(&text).with_context(|| format!("in {}", path.display()))
}

/// The master keys of a file, which is read again when a secret opens with none of them.
pub(crate) fn master_keys_from_file(path: &Path) -> anyhow::Result<MasterKeys> {
    let path = path.to_owned();
    MasterKeys::read_from(move || read_key_file(&path).map_err(|error| format!("{error:#}")))
        .map_err(anyhow::Error::msg)
}

/// A sandbox's master key: the one in its folder, drawn and kept there the first time.
fn sandbox_master_keys(data: &Path) -> anyhow::Result<MasterKeys> {
    let path = key_file(data);
    if path.exists() {
        return master_keys_from_file(&path);
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
    master_keys_from_file(&path)
}

/// Opens a sandbox's ledger to serve from it, making the folder the first time.
pub(crate) async fn open_sandbox(data: &Path) -> anyhow::Result<SqliteLedger> {
    fs::create_dir_all(data).with_context(|| format!("the data folder {}", data.display()))?;
    let key = sandbox_master_keys(data)?;
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
    Ok(SqliteLedger::open(SqliteSettings::beside(database), master_keys_from_file(&key_file(data))?)?)
}
