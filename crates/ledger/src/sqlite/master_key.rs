//! The master key in SQLite: which one is in force is marked in the database itself, so that whoever writes a secret
//! finds out inside its own transaction. A rotation seals everything anew in one transaction and moves the mark with
//! it; nobody can seal with the key before it after that.

use crate::deeds::Deed;
use crate::ledger::{LedgerError, Sealing};
use crate::seal::{self, KeyId, MasterKey, MasterKeys};
use crate::sqlite::accounts::{
    NUMBERING, owner_of_key, owner_of_partner_secret, owner_of_webhook_secret, read_setting, write_setting,
};
use crate::sqlite::writer::{Desk, Trouble};
use crate::sqlite::{Served, SqliteLedger, deeds, served};
use rusqlite::{Connection, params};
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Something known, sealed with the key in force.
const MARK: &str = "master-key-check";

/// The same, sealed with the key that a rotation is about to bring in.
const NEXT: &str = "master-key-next";

/// What a running server writes when it can open that.
const NEXT_KNOWN: &str = "master-key-next-known";

/// Opens a secret; when it does not open, the master keys may have changed since they were read.
pub(crate) fn opened(master: &MasterKeys, owner: &str, sealed: &[u8]) -> Result<SecretString, Trouble> {
    let open = || seal::open(&master.now(), owner, sealed).map(|(_, secret)| secret);
    open()
        .or_else(|error| if master.reread() { open() } else { Err(error) })
        .map_err(|error| Trouble::Corrupt(format!("{owner}: {error}")))
}

/// One of the keys that are known.
pub(crate) struct Known {
    keys: Arc<Vec<MasterKey>>,
    at: usize,
}

impl std::ops::Deref for Known {
    type Target = MasterKey;
    fn deref(&self) -> &MasterKey {
        &self.keys[self.at]
    }
}

fn sealed_mark(key: &MasterKey, name: &str) -> String {
    hex::encode(key.seal(name, &"gerai".into()))
}

/// The key that a mark was sealed with; `None` when it is not known, also after a second look.
fn sealer_of(master: &MasterKeys, name: &str, mark: &str) -> Option<Known> {
    let sealed = hex::decode(mark).ok()?;
    let look = || {
        let keys = master.now();
        let at = keys.iter().position(|key| seal::open(std::slice::from_ref(key), name, &sealed).is_ok())?;
        Some(Known { keys, at })
    };
    look().or_else(|| if master.reread() { look() } else { None })
}

/// Makes sure that the key in force is known; a new file is marked with the first one.
pub(crate) fn check(conn: &Connection, master: &MasterKeys) -> Result<bool, rusqlite::Error> {
    match read_setting(conn, MARK)? {
        Some(mark) => Ok(sealer_of(master, MARK, &mark).is_some()),
        None => match master.now().first() {
            Some(first) => write_setting(conn, MARK, &sealed_mark(first, MARK)).map(|()| true),
            None => Ok(false),
        },
    }
}

/// The key that seals what is written in this transaction.
pub(crate) fn key_in_force(conn: &Connection, master: &MasterKeys) -> Result<Known, Trouble> {
    read_setting(conn, MARK)?
        .and_then(|mark| sealer_of(master, MARK, &mark))
        .ok_or_else(|| Trouble::Corrupt("the master key in force is none of those that are known here".into()))
}

/// Where secrets are kept.
struct Place {
    table: &'static str,
    /// The column that names the row.
    id: &'static str,
    column: &'static str,
    /// What the secret is sealed for, by the row's name.
    owner: fn(&str) -> String,
}

const fn of_merchants(column: &'static str, owner: fn(&str) -> String) -> Place {
    Place { table: "merchants", id: "id", column, owner }
}

const fn of_partners(column: &'static str) -> Place {
    Place { table: "partners", id: "chain", column, owner: owner_of_partner_secret }
}

/// Every column that holds a sealed secret.
const PLACES: [Place; 7] = [
    of_merchants("key", owner_of_key),
    of_merchants("retired_key", owner_of_key),
    of_merchants("webhook_secret", owner_of_webhook_secret),
    of_merchants("retired_webhook_secret", owner_of_webhook_secret),
    of_partners("secret"),
    of_partners("retired_secret"),
    Place { table: "numbering", id: "only", column: "key", owner: |_| NUMBERING.to_owned() },
];

impl Place {
    /// The secrets that are kept here, by the names of their rows.
    fn read(&self, conn: &Connection) -> Result<Vec<(String, Vec<u8>)>, rusqlite::Error> {
        let Self { table, id, column, owner: _ } = self;
        conn.prepare(&format!("SELECT CAST({id} AS TEXT), {column} FROM {table} WHERE {column} IS NOT NULL"))?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect()
    }

    fn write(&self, conn: &Connection, row: &str, sealed: &[u8]) -> Result<usize, rusqlite::Error> {
        let Self { table, id, column, owner: _ } = self;
        conn.prepare_cached(&format!("UPDATE {table} SET {column} = ?2 WHERE {id} = ?1"))?.execute(params![row, sealed])
    }
}

/// Which keys the secrets are sealed with.
pub(crate) fn sealing(conn: &Connection, master: &MasterKeys) -> Result<Sealing, Trouble> {
    let in_force = key_in_force(conn, master)?.id();
    let keys = master.now();
    let mut sealing = Sealing { in_force, secrets: BTreeMap::new(), unopened: 0 };
    for place in &PLACES {
        for (row, sealed) in place.read(conn)? {
            match seal::open(&keys, &(place.owner)(&row), &sealed) {
                Ok((key, _)) => *sealing.secrets.entry(key.id()).or_default() += 1,
                Err(_) => sealing.unopened += 1,
            }
        }
    }
    Ok(sealing)
}

/// Seals everything anew with the first key, and moves the mark.
pub(crate) fn reseal(desk: &Desk<'_>, deed: &Deed) -> Result<u64, Trouble> {
    // Whoever does not know the key in force cannot open what it has sealed.
    key_in_force(desk.conn, desk.master)?;
    let keys = desk.master.now();
    let first = keys.first().ok_or_else(|| Trouble::Corrupt("there is no master key".into()))?;
    let mut resealed = 0;
    for place in &PLACES {
        for (row, sealed) in place.read(desk.conn)? {
            let owner = (place.owner)(&row);
            let (_, secret) =
                seal::open(&keys, &owner, &sealed).map_err(|error| Trouble::Corrupt(format!("{owner}: {error}")))?;
            place.write(desk.conn, &row, &first.seal(&owner, &secret))?;
            resealed += 1;
        }
    }
    write_setting(desk.conn, MARK, &sealed_mark(first, MARK))?;
    deeds::write(desk.conn, deed)?;
    Ok(resealed)
}

/// Tells a rotation that waits for it that this server knows the key to come.
pub(crate) fn acknowledge(conn: &Connection, master: &MasterKeys) -> Result<(), Trouble> {
    let Some(next) = read_setting(conn, NEXT)? else { return Ok(()) };
    if read_setting(conn, NEXT_KNOWN)?.as_ref() != Some(&next) && sealer_of(master, NEXT, &next).is_some() {
        write_setting(conn, NEXT_KNOWN, &next)?;
    }
    Ok(())
}

impl SqliteLedger {
    /// The ids of the master keys that are known, in their order.
    #[must_use]
    pub fn master_key_ids(&self) -> Vec<KeyId> {
        self.master.ids()
    }

    /// Whether a server serves from this file now.
    ///
    /// # Errors
    /// When the lock file beside the database cannot be looked at.
    pub fn is_served(&self) -> std::io::Result<bool> {
        Ok(matches!(served(&self.path)?, Served::Yes))
    }

    /// Asks a running server whether it knows the first of our master keys; [`Self::key_is_known`] is the answer.
    ///
    /// # Errors
    /// When the ledger cannot write.
    pub async fn announce_key(&self) -> Result<(), LedgerError> {
        self.queue
            .run(|desk| {
                let keys = desk.master.now();
                let first = keys.first().ok_or_else(|| Trouble::Corrupt("there is no master key".into()))?;
                Ok(write_setting(desk.conn, NEXT, &sealed_mark(first, NEXT))?)
            })
            .await
    }

    /// Whether a running server has said that it knows the announced key. It looks ten times a second.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn key_is_known(&self) -> Result<bool, LedgerError> {
        self.readers.with_newest(|conn| {
            let next = read_setting(conn, NEXT)?;
            Ok(next.is_some() && next == read_setting(conn, NEXT_KNOWN)?)
        })
    }

    /// Ends an announcement.
    ///
    /// # Errors
    /// When the ledger cannot write.
    pub async fn end_announcement(&self) -> Result<(), LedgerError> {
        self.queue
            .run(|desk| {
                desk.conn.execute("DELETE FROM settings WHERE name IN (?1, ?2)", [NEXT, NEXT_KNOWN])?;
                Ok(())
            })
            .await
    }
}
