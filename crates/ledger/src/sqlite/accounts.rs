//! Merchants, partners and settings in SQLite. All accounts are held in memory, opened, and replaced as a whole when
//! the file changes.

use crate::accounts::{MerchantAccount, PartnerAccount, RetiredKey};
use crate::numbering::Numbering;
use crate::seal::{self, MasterKey, MasterKeys};
use crate::sqlite::master_key::{key_in_force, opened};
use crate::sqlite::writer::{Desk, Trouble};
use crate::sqlite::{instant, millis};
use gerai_domain::{Chain, MerchantTerms};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// All accounts, opened.
#[derive(Debug, Default)]
pub(crate) struct Accounts {
    pub(crate) merchants: BTreeMap<String, Arc<MerchantAccount>>,
    pub(crate) partners: HashMap<Chain, Arc<PartnerAccount>>,
}

pub(crate) fn owner_of_key(id: &str) -> String {
    format!("merchant/{id}/key")
}

pub(crate) fn owner_of_webhook_secret(id: &str) -> String {
    format!("merchant/{id}/webhook-secret")
}

pub(crate) fn owner_of_partner_secret(chain: &str) -> String {
    format!("partner/{chain}/secret")
}

/// Reads and opens all accounts. When one does not open, the master keys may have changed since they were read.
pub(crate) fn load(conn: &Connection, master: &MasterKeys) -> Result<Accounts, Trouble> {
    match load_with(conn, &master.now()) {
        Err(Trouble::Corrupt(_)) if master.reread() => load_with(conn, &master.now()),
        loaded => loaded,
    }
}

fn load_with(conn: &Connection, keys: &[MasterKey]) -> Result<Accounts, Trouble> {
    let open = |owner: &str, sealed: &[u8]| {
        let opened = seal::open(keys, owner, sealed);
        opened.map(|(_, secret)| secret).map_err(|error| Trouble::Corrupt(format!("{owner}: {error}")))
    };
    // A retired secret and, in the column behind it, until when it counts.
    let retired = |row: &Row<'_>, column: usize, owner: &str| {
        let (sealed, until): (Option<Vec<u8>>, Option<i64>) = (row.get(column)?, row.get(column + 1)?);
        sealed
            .zip(until)
            .map(|(sealed, until)| Ok::<_, Trouble>(RetiredKey { key: open(owner, &sealed)?, until: instant(until)? }))
            .transpose()
    };
    let mut accounts = Accounts::default();
    let mut statement = conn.prepare_cached(
        "SELECT id, terms, key, retired_key, retired_key_until, webhook_secret, retired_webhook_secret,
             retired_webhook_secret_until
         FROM merchants",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let id: String = row.get(0)?;
        let terms: String = row.get(1)?;
        let terms: MerchantTerms =
            serde_json::from_str(&terms).map_err(|error| Trouble::Corrupt(format!("merchant {id}: {error}")))?;
        let key: Vec<u8> = row.get(2)?;
        let webhook: Vec<u8> = row.get(5)?;
        let account = MerchantAccount {
            terms,
            key: open(&owner_of_key(&id), &key)?,
            retired_key: retired(row, 3, &owner_of_key(&id))?,
            webhook_secret: open(&owner_of_webhook_secret(&id), &webhook)?,
            retired_webhook_secret: retired(row, 6, &owner_of_webhook_secret(&id))?,
        };
        accounts.merchants.insert(id, Arc::new(account));
    }
    let mut statement =
        conn.prepare_cached("SELECT chain, enabled, secret, retired_secret, retired_secret_until FROM partners")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let code: String = row.get(0)?;
        let chain: Chain = code.parse().map_err(|_| Trouble::Corrupt(format!("partner {code}")))?;
        let sealed: Vec<u8> = row.get(2)?;
        let owner = owner_of_partner_secret(chain.code());
        let account = PartnerAccount {
            chain,
            enabled: row.get(1)?,
            secret: open(&owner, &sealed)?,
            retired_secret: retired(row, 3, &owner)?,
        };
        accounts.partners.insert(chain, Arc::new(account));
    }
    Ok(accounts)
}

/// Writes a merchant: a new one, or in place of the one with its id. `false` when it is there, or is not.
pub(crate) fn write_merchant(desk: &Desk<'_>, account: &MerchantAccount, new: bool) -> Result<bool, Trouble> {
    let MerchantAccount { terms, key, retired_key, webhook_secret, retired_webhook_secret } = account;
    let id = terms.id.as_str();
    let sql = if new {
        "INSERT INTO merchants (id, terms, key, retired_key, retired_key_until, webhook_secret,
             retired_webhook_secret, retired_webhook_secret_until)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (id) DO NOTHING"
    } else {
        "UPDATE merchants SET terms = ?2, key = ?3, retired_key = ?4, retired_key_until = ?5, webhook_secret = ?6,
             retired_webhook_secret = ?7, retired_webhook_secret_until = ?8
         WHERE id = ?1"
    };
    let master = key_in_force(desk.conn, desk.master)?;
    let terms_text = serde_json::to_string(terms).map_err(|error| Trouble::Corrupt(error.to_string()))?;
    let changed = desk.conn.prepare_cached(sql)?.execute(params![
        id,
        terms_text,
        master.seal(&owner_of_key(id), key),
        retired_key.as_ref().map(|retired| master.seal(&owner_of_key(id), &retired.key)),
        retired_key.as_ref().map(|retired| millis(retired.until)),
        master.seal(&owner_of_webhook_secret(id), webhook_secret),
        retired_webhook_secret.as_ref().map(|retired| master.seal(&owner_of_webhook_secret(id), &retired.key)),
        retired_webhook_secret.as_ref().map(|retired| millis(retired.until)),
    ])?;
    Ok(changed == 1)
}

/// Writes a partner, in place of the one before it.
pub(crate) fn write_partner(desk: &Desk<'_>, account: &PartnerAccount) -> Result<(), Trouble> {
    let PartnerAccount { chain, enabled, secret, retired_secret } = account;
    let owner = owner_of_partner_secret(chain.code());
    let master = key_in_force(desk.conn, desk.master)?;
    desk.conn
        .prepare_cached(
            "INSERT OR REPLACE INTO partners (chain, enabled, secret, retired_secret, retired_secret_until)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            chain.code(),
            enabled,
            master.seal(&owner, secret),
            retired_secret.as_ref().map(|retired| master.seal(&owner, &retired.key)),
            retired_secret.as_ref().map(|retired| millis(retired.until)),
        ])?;
    Ok(())
}

/// Reads a setting.
pub(crate) fn read_setting(conn: &Connection, name: &str) -> Result<Option<String>, rusqlite::Error> {
    conn.prepare_cached("SELECT value FROM settings WHERE name = ?1")?.query_row([name], |row| row.get(0)).optional()
}

/// Writes a setting.
pub(crate) fn write_setting(conn: &Connection, name: &str, value: &str) -> Result<(), rusqlite::Error> {
    conn.prepare_cached("INSERT OR REPLACE INTO settings (name, value) VALUES (?1, ?2)")?.execute([name, value])?;
    Ok(())
}

/// What the numbering's key is sealed for.
pub(crate) const NUMBERING: &str = "numbering/key";

/// The key that numbers and ids are made with; a new file draws its own.
pub(crate) fn numbering(conn: &Connection, master: &MasterKeys) -> Result<Numbering, Trouble> {
    let stored = || conn.query_row("SELECT key FROM numbering", [], |row| row.get::<_, Vec<u8>>(0)).optional();
    let sealed = match stored()? {
        Some(sealed) => sealed,
        None => {
            let drawn = key_in_force(conn, master)?.seal(NUMBERING, &Numbering::generate().to_text());
            // Of two that open a new file at once, the first has drawn it.
            conn.execute("INSERT INTO numbering (only, key) VALUES (1, ?1) ON CONFLICT (only) DO NOTHING", [drawn])?;
            stored()?.ok_or_else(|| Trouble::Corrupt(format!("{NUMBERING} is missing")))?
        }
    };
    let text = opened(master, NUMBERING, &sealed)?;
    Numbering::parse(&text).ok_or_else(|| Trouble::Corrupt(format!("{NUMBERING} is no key")))
}
