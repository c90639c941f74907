//! Merchants, partners and settings in SQLite. All accounts are held in memory, opened, and replaced as a whole when
//! the file changes.

use crate::accounts::{Change, Changed, MerchantAccount, PartnerAccount, RetiredKey};
use crate::deeds::Deed;
use crate::numbering::Numbering;
use crate::seal::{self, MasterKey, MasterKeys};
use crate::sqlite::master_key::{key_in_force, opened};
use crate::sqlite::writer::{Desk, Trouble};
use crate::sqlite::{deeds, instant, millis};
use gerai_domain::{Chain, MerchantId, MerchantTerms};
use rusqlite::{Connection, OptionalExtension, Row, params};
use secrecy::SecretString;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

macro_rules! merchant_columns {
    () => {
        "id, terms, key, retired_key, retired_key_until, webhook_secret, retired_webhook_secret,
         retired_webhook_secret_until"
    };
}

macro_rules! partner_columns {
    () => {
        "chain, enabled, secret, retired_secret, retired_secret_until"
    };
}

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
    let mut accounts = Accounts::default();
    let mut statement = conn.prepare_cached(concat!("SELECT ", merchant_columns!(), " FROM merchants"))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let account = read_merchant(row, keys)?;
        accounts.merchants.insert(account.terms.id.to_string(), Arc::new(account));
    }
    let mut statement = conn.prepare_cached(concat!("SELECT ", partner_columns!(), " FROM partners"))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let account = read_partner(row, keys)?;
        accounts.partners.insert(account.chain, Arc::new(account));
    }
    Ok(accounts)
}

fn open(keys: &[MasterKey], owner: &str, sealed: &[u8]) -> Result<SecretString, Trouble> {
    let opened = seal::open(keys, owner, sealed);
    opened.map(|(_, secret)| secret).map_err(|error| Trouble::Corrupt(format!("{owner}: {error}")))
}

/// A retired secret and, in the column behind it, until when it counts.
fn retired(row: &Row<'_>, column: usize, keys: &[MasterKey], owner: &str) -> Result<Option<RetiredKey>, Trouble> {
    let (sealed, until): (Option<Vec<u8>>, Option<i64>) = (row.get(column)?, row.get(column + 1)?);
    let both = sealed.zip(until);
    both.map(|(sealed, until)| Ok(RetiredKey { key: open(keys, owner, &sealed)?, until: instant(until)? })).transpose()
}

/// A merchant from a row of `merchant_columns`.
fn read_merchant(row: &Row<'_>, keys: &[MasterKey]) -> Result<MerchantAccount, Trouble> {
    let id: String = row.get(0)?;
    let terms: String = row.get(1)?;
    let terms: MerchantTerms =
        serde_json::from_str(&terms).map_err(|error| Trouble::Corrupt(format!("merchant {id}: {error}")))?;
    let key: Vec<u8> = row.get(2)?;
    let webhook: Vec<u8> = row.get(5)?;
    Ok(MerchantAccount {
        terms,
        key: open(keys, &owner_of_key(&id), &key)?,
        retired_key: retired(row, 3, keys, &owner_of_key(&id))?,
        webhook_secret: open(keys, &owner_of_webhook_secret(&id), &webhook)?,
        retired_webhook_secret: retired(row, 6, keys, &owner_of_webhook_secret(&id))?,
    })
}

/// A partner from a row of `partner_columns`.
fn read_partner(row: &Row<'_>, keys: &[MasterKey]) -> Result<PartnerAccount, Trouble> {
    let code: String = row.get(0)?;
    let chain: Chain = code.parse().map_err(|_| Trouble::Corrupt(format!("partner {code}")))?;
    let sealed: Vec<u8> = row.get(2)?;
    let owner = owner_of_partner_secret(chain.code());
    Ok(PartnerAccount {
        chain,
        enabled: row.get(1)?,
        secret: open(keys, &owner, &sealed)?,
        retired_secret: retired(row, 3, keys, &owner)?,
    })
}

/// Reads what may be there; when it does not open, the master keys may have changed since they were read.
fn find<A>(
    desk: &Desk<'_>,
    sql: &str,
    name: &str,
    read: impl Fn(&Row<'_>, &[MasterKey]) -> Result<A, Trouble>,
) -> Result<Option<A>, Trouble> {
    let look = || {
        let mut statement = desk.conn.prepare_cached(sql)?;
        let mut rows = statement.query([name])?;
        rows.next()?.map(|row| read(row, &desk.master.now())).transpose()
    };
    match look() {
        Err(Trouble::Corrupt(_)) if desk.master.reread() => look(),
        found => found,
    }
}

/// Changes a merchant as it stands in this transaction.
pub(crate) fn change_merchant(
    desk: &Desk<'_>,
    id: &MerchantId,
    change: Change<MerchantAccount>,
    deed: &Deed,
) -> Result<Changed<MerchantAccount>, Trouble> {
    let sql = concat!("SELECT ", merchant_columns!(), " FROM merchants WHERE id = ?1");
    let Some(mut account) = find(desk, sql, id.as_str(), read_merchant)? else { return Ok(Changed::Unknown) };
    if let Err(refused) = change(&mut account) {
        return Ok(Changed::Refused(refused));
    }
    account.terms.id = id.clone();
    write_merchant(desk, &account, false)?;
    deeds::write(desk.conn, deed)?;
    Ok(Changed::Done(account))
}

/// Changes a partner as it stands in this transaction.
pub(crate) fn change_partner(
    desk: &Desk<'_>,
    chain: Chain,
    change: Change<PartnerAccount>,
    deed: &Deed,
) -> Result<Changed<PartnerAccount>, Trouble> {
    let sql = concat!("SELECT ", partner_columns!(), " FROM partners WHERE chain = ?1");
    let Some(mut account) = find(desk, sql, chain.code(), read_partner)? else { return Ok(Changed::Unknown) };
    if let Err(refused) = change(&mut account) {
        return Ok(Changed::Refused(refused));
    }
    account.chain = chain;
    write_partner(desk, &account, OnConflict::Replace)?;
    deeds::write(desk.conn, deed)?;
    Ok(Changed::Done(account))
}

/// Adds a merchant; `false` when the id is taken.
pub(crate) fn add_merchant(desk: &Desk<'_>, account: &MerchantAccount, deed: &Deed) -> Result<bool, Trouble> {
    let added = write_merchant(desk, account, true)?;
    if added {
        deeds::write(desk.conn, deed)?;
    }
    Ok(added)
}

/// Adds a partner; `false` when there is one for its chain.
pub(crate) fn add_partner(desk: &Desk<'_>, account: &PartnerAccount, deed: &Deed) -> Result<bool, Trouble> {
    let added = write_partner(desk, account, OnConflict::Keep)?;
    if added {
        deeds::write(desk.conn, deed)?;
    }
    Ok(added)
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

/// What is done about a partner that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnConflict {
    Keep,
    Replace,
}

/// Writes a partner; `false` when one is there that is kept.
pub(crate) fn write_partner(
    desk: &Desk<'_>,
    account: &PartnerAccount,
    on_conflict: OnConflict,
) -> Result<bool, Trouble> {
    let PartnerAccount { chain, enabled, secret, retired_secret } = account;
    let sql = match on_conflict {
        OnConflict::Keep => {
            "INSERT INTO partners (chain, enabled, secret, retired_secret, retired_secret_until)
             VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (chain) DO NOTHING"
        }
        OnConflict::Replace => {
            "INSERT OR REPLACE INTO partners (chain, enabled, secret, retired_secret, retired_secret_until)
             VALUES (?1, ?2, ?3, ?4, ?5)"
        }
    };
    let owner = owner_of_partner_secret(chain.code());
    let master = key_in_force(desk.conn, desk.master)?;
    let changed = desk.conn.prepare_cached(sql)?.execute(params![
        chain.code(),
        enabled,
        master.seal(&owner, secret),
        retired_secret.as_ref().map(|retired| master.seal(&owner, &retired.key)),
        retired_secret.as_ref().map(|retired| millis(retired.until)),
    ])?;
    Ok(changed == 1)
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

/// In `settings`: how often the payments were forgotten.
const RESETS: &str = "resets";

/// How often the payments were forgotten.
pub(crate) fn read_resets(conn: &Connection) -> Result<u64, Trouble> {
    let Some(resets) = read_setting(conn, RESETS)? else { return Ok(0) };
    resets.parse().map_err(|_| Trouble::Corrupt(format!("{RESETS} is no number")))
}

/// Keeps how often the payments were forgotten.
pub(crate) fn write_resets(conn: &Connection, resets: u64) -> Result<(), Trouble> {
    Ok(write_setting(conn, RESETS, &resets.to_string())?)
}

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
