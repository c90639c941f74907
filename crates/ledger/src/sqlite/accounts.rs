//! Merchants, partners and settings in SQLite. All accounts are held in memory, opened, and replaced as a whole when
//! the file changes.

use crate::accounts::{MerchantAccount, PartnerAccount, RetiredKey};
use crate::numbering::Numbering;
use crate::seal::MasterKey;
use crate::sqlite::writer::{Desk, Trouble};
use crate::sqlite::{instant, millis};
use gerai_domain::{Chain, MerchantTerms};
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// All accounts, opened.
#[derive(Debug, Default)]
pub(crate) struct Accounts {
    pub(crate) merchants: BTreeMap<String, Arc<MerchantAccount>>,
    pub(crate) partners: HashMap<Chain, Arc<PartnerAccount>>,
}

fn owner_of_key(id: &str) -> String {
    format!("merchant/{id}/key")
}

fn owner_of_webhook_secret(id: &str) -> String {
    format!("merchant/{id}/webhook-secret")
}

fn owner_of_partner_secret(chain: Chain) -> String {
    format!("partner/{chain}/secret")
}

/// Reads and opens all accounts.
pub(crate) fn load(conn: &Connection, master: &MasterKey) -> Result<Accounts, Trouble> {
    let open = |owner: &str, sealed: &[u8]| {
        master.open(owner, sealed).map_err(|error| Trouble::Corrupt(format!("{owner}: {error}")))
    };
    let mut accounts = Accounts::default();
    let mut statement =
        conn.prepare_cached("SELECT id, terms, key, retired_key, retired_key_until, webhook_secret FROM merchants")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let id: String = row.get(0)?;
        let terms: String = row.get(1)?;
        let terms: MerchantTerms =
            serde_json::from_str(&terms).map_err(|error| Trouble::Corrupt(format!("merchant {id}: {error}")))?;
        let key: Vec<u8> = row.get(2)?;
        let retired: Option<Vec<u8>> = row.get(3)?;
        let until: Option<i64> = row.get(4)?;
        let webhook: Vec<u8> = row.get(5)?;
        let retired_key = match (retired, until) {
            (Some(sealed), Some(until)) => {
                Some(RetiredKey { key: open(&owner_of_key(&id), &sealed)?, until: instant(until)? })
            }
            _ => None,
        };
        let account = MerchantAccount {
            terms,
            key: open(&owner_of_key(&id), &key)?,
            retired_key,
            webhook_secret: open(&owner_of_webhook_secret(&id), &webhook)?,
        };
        accounts.merchants.insert(id, Arc::new(account));
    }
    let mut statement = conn.prepare_cached("SELECT chain, enabled, secret FROM partners")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let code: String = row.get(0)?;
        let chain: Chain = code.parse().map_err(|_| Trouble::Corrupt(format!("partner {code}")))?;
        let sealed: Vec<u8> = row.get(2)?;
        let secret = open(&owner_of_partner_secret(chain), &sealed)?;
        accounts.partners.insert(chain, Arc::new(PartnerAccount { chain, enabled: row.get(1)?, secret }));
    }
    Ok(accounts)
}

/// Writes a merchant: a new one, or in place of the one with its id. `false` when it is there, or is not.
pub(crate) fn write_merchant(desk: &Desk<'_>, account: &MerchantAccount, new: bool) -> Result<bool, Trouble> {
    let MerchantAccount { terms, key, retired_key, webhook_secret } = account;
    let id = terms.id.as_str();
    let sql = if new {
        "INSERT INTO merchants (id, terms, key, retired_key, retired_key_until, webhook_secret)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (id) DO NOTHING"
    } else {
        "UPDATE merchants SET terms = ?2, key = ?3, retired_key = ?4, retired_key_until = ?5, webhook_secret = ?6
         WHERE id = ?1"
    };
    let terms_text = serde_json::to_string(terms).map_err(|error| Trouble::Corrupt(error.to_string()))?;
    let retired = retired_key.as_ref().map(|retired| desk.master.seal(&owner_of_key(id), &retired.key));
    let changed = desk.conn.prepare_cached(sql)?.execute(params![
        id,
        terms_text,
        desk.master.seal(&owner_of_key(id), key),
        retired,
        retired_key.as_ref().map(|retired| millis(retired.until)),
        desk.master.seal(&owner_of_webhook_secret(id), webhook_secret),
    ])?;
    Ok(changed == 1)
}

/// Writes a partner, in place of the one before it.
pub(crate) fn write_partner(desk: &Desk<'_>, account: &PartnerAccount) -> Result<(), Trouble> {
    let PartnerAccount { chain, enabled, secret } = account;
    desk.conn
        .prepare_cached("INSERT OR REPLACE INTO partners (chain, enabled, secret) VALUES (?1, ?2, ?3)")?
        .execute(params![chain.code(), enabled, desk.master.seal(&owner_of_partner_secret(*chain), secret)])?;
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

const MASTER_KEY_CHECK: &str = "master-key-check";

/// Makes sure that this master key is the one the file was sealed with; a new file is marked with it.
pub(crate) fn check_master_key(conn: &Connection, master: &MasterKey) -> Result<bool, rusqlite::Error> {
    match read_setting(conn, MASTER_KEY_CHECK)? {
        Some(text) => Ok(hex::decode(text).is_ok_and(|sealed| master.open(MASTER_KEY_CHECK, &sealed).is_ok())),
        None => {
            let sealed = master.seal(MASTER_KEY_CHECK, &"gerai".into());
            write_setting(conn, MASTER_KEY_CHECK, &hex::encode(sealed))?;
            Ok(true)
        }
    }
}

const NUMBERING: &str = "numbering/key";

/// The key that numbers and ids are made with; a new file draws its own.
pub(crate) fn numbering(conn: &Connection, master: &MasterKey) -> Result<Numbering, Trouble> {
    let stored = || conn.query_row("SELECT key FROM numbering", [], |row| row.get::<_, Vec<u8>>(0)).optional();
    let sealed = match stored()? {
        Some(sealed) => sealed,
        None => {
            let drawn = master.seal(NUMBERING, &Numbering::generate().to_text());
            // Of two that open a new file at once, the first has drawn it.
            conn.execute("INSERT INTO numbering (only, key) VALUES (1, ?1) ON CONFLICT (only) DO NOTHING", [drawn])?;
            stored()?.ok_or_else(|| Trouble::Corrupt(format!("{NUMBERING} is missing")))?
        }
    };
    let text = master.open(NUMBERING, &sealed).map_err(|error| Trouble::Corrupt(format!("{NUMBERING}: {error}")))?;
    Numbering::parse(&text).ok_or_else(|| Trouble::Corrupt(format!("{NUMBERING} is no key")))
}
