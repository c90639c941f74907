//! The back office's users and their sessions in SQLite.

use crate::accounts::{Change, Changed};
use crate::deeds::Deed;
use crate::sqlite::writer::{Desk, Trouble};
use crate::sqlite::{deeds, instant, millis};
use crate::users::{Role, Session, TokenHash, UserAccount, UserName};
use jiff::Timestamp;
use rusqlite::{Connection, Row, params};
use secrecy::ExposeSecret;

macro_rules! user_columns {
    () => {
        "name, merchant, password_hash, disabled, failures, locked_until, added_at"
    };
}

/// A user from the columns that begin at `first`.
fn read(row: &Row<'_>, first: usize) -> Result<UserAccount, Trouble> {
    let name: String = row.get(first)?;
    let merchant: Option<String> = row.get(first + 1)?;
    let hash: String = row.get(first + 2)?;
    let corrupt = || Trouble::Corrupt(format!("user {name:?}"));
    let role = match merchant {
        None => Role::Operator,
        Some(id) => Role::Merchant(id.parse().map_err(|_| corrupt())?),
    };
    let locked_until: Option<i64> = row.get(first + 5)?;
    Ok(UserAccount {
        name: name.parse().map_err(|_| corrupt())?,
        role,
        password_hash: hash.into(),
        disabled: row.get(first + 3)?,
        failures: row.get(first + 4)?,
        locked_until: locked_until.map(instant).transpose()?,
        added_at: instant(row.get(first + 6)?)?,
    })
}

/// One user.
pub(crate) fn user(conn: &Connection, name: &UserName) -> Result<Option<UserAccount>, Trouble> {
    let mut statement = conn.prepare_cached(concat!("SELECT ", user_columns!(), " FROM users WHERE name = ?1"))?;
    let mut rows = statement.query([name.as_str()])?;
    rows.next()?.map(|row| read(row, 0)).transpose()
}

/// All users, by name.
pub(crate) fn users(conn: &Connection) -> Result<Vec<UserAccount>, Trouble> {
    let mut statement = conn.prepare_cached(concat!("SELECT ", user_columns!(), " FROM users ORDER BY name"))?;
    let mut rows = statement.query([])?;
    let mut users = Vec::new();
    while let Some(row) = rows.next()? {
        users.push(read(row, 0)?);
    }
    Ok(users)
}

/// Adds a user; `false` when the name is taken.
pub(crate) fn add(desk: &Desk<'_>, account: &UserAccount, deed: &Deed) -> Result<bool, Trouble> {
    let added = write(
        desk.conn,
        account,
        "INSERT INTO users (name, merchant, password_hash, disabled, failures, locked_until, added_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (name) DO NOTHING",
    )?;
    if added {
        deeds::write(desk.conn, deed)?;
    }
    Ok(added)
}

/// Changes a user as it stands in this transaction.
pub(crate) fn change(
    desk: &Desk<'_>,
    name: &UserName,
    change: Change<UserAccount>,
    deed: Option<&Deed>,
) -> Result<Changed<UserAccount>, Trouble> {
    let Some(mut account) = user(desk.conn, name)? else { return Ok(Changed::Unknown) };
    if let Err(refused) = change(&mut account) {
        return Ok(Changed::Refused(refused));
    }
    account.name = name.clone();
    write(
        desk.conn,
        &account,
        "UPDATE users SET merchant = ?2, password_hash = ?3, disabled = ?4, failures = ?5, locked_until = ?6,
             added_at = ?7
         WHERE name = ?1",
    )?;
    if account.disabled {
        // Or whoever was signed in would be so again as soon as the user is switched on.
        end_sessions_of(desk, name, None)?;
    }
    if let Some(deed) = deed {
        deeds::write(desk.conn, deed)?;
    }
    Ok(Changed::Done(account))
}

fn write(conn: &Connection, account: &UserAccount, sql: &str) -> Result<bool, Trouble> {
    let UserAccount { name, role, password_hash, disabled, failures, locked_until, added_at } = account;
    let merchant = match role {
        Role::Operator => None,
        Role::Merchant(id) => Some(id.as_str()),
    };
    let written = conn.prepare_cached(sql)?.execute(params![
        name.as_str(),
        merchant,
        password_hash.expose_secret(),
        disabled,
        failures,
        locked_until.map(millis),
        millis(*added_at),
    ])?;
    Ok(written == 1)
}

/// Keeps a new session, unless its user has been disabled meanwhile, and forgets those that have ended.
pub(crate) fn begin_session(desk: &Desk<'_>, session: &Session, deed: &Deed) -> Result<(), Trouble> {
    let Session { token_hash, user, began_at, seen_at, ends_at } = session;
    desk.conn.prepare_cached("DELETE FROM sessions WHERE ends_at <= ?1")?.execute([millis(*began_at)])?;
    let begun = desk
        .conn
        .prepare_cached(
            "INSERT INTO sessions (token_hash, user, began_at, seen_at, ends_at)
             SELECT ?1, name, ?3, ?4, ?5 FROM users WHERE name = ?2 AND disabled = 0",
        )?
        .execute(params![token_hash, user.as_str(), millis(*began_at), millis(*seen_at), millis(*ends_at)])?;
    if begun == 1 {
        deeds::write(desk.conn, deed)?;
    }
    Ok(())
}

/// A session that has not ended, with its user, who may sign in.
pub(crate) fn session(
    conn: &Connection,
    token_hash: &TokenHash,
    real_now: Timestamp,
) -> Result<Option<(Session, UserAccount)>, Trouble> {
    let mut statement = conn.prepare_cached(concat!(
        "SELECT s.began_at, s.seen_at, s.ends_at, ",
        user_columns!(),
        " FROM sessions s JOIN users u ON u.name = s.user
         WHERE s.token_hash = ?1 AND s.ends_at > ?2 AND s.seen_at > ?3 AND u.disabled = 0"
    ))?;
    let used_since = millis(real_now).saturating_sub(i64::try_from(Session::IDLE.as_millis()).unwrap_or(i64::MAX));
    let mut rows = statement.query(params![token_hash, millis(real_now), used_since])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let account = read(row, 3)?;
    let session = Session {
        token_hash: *token_hash,
        user: account.name.clone(),
        began_at: instant(row.get(0)?)?,
        seen_at: instant(row.get(1)?)?,
        ends_at: instant(row.get(2)?)?,
    };
    Ok(Some((session, account)))
}

/// Notes that a session was used.
pub(crate) fn see_session(desk: &Desk<'_>, token_hash: &TokenHash, real_now: Timestamp) -> Result<(), Trouble> {
    desk.conn
        .prepare_cached("UPDATE sessions SET seen_at = ?2 WHERE token_hash = ?1 AND seen_at < ?2")?
        .execute(params![token_hash, millis(real_now)])?;
    Ok(())
}

/// Ends a session.
pub(crate) fn end_session(desk: &Desk<'_>, token_hash: &TokenHash, deed: &Deed) -> Result<(), Trouble> {
    let ended = desk.conn.prepare_cached("DELETE FROM sessions WHERE token_hash = ?1")?.execute([token_hash])?;
    if ended > 0 {
        deeds::write(desk.conn, deed)?;
    }
    Ok(())
}

/// Ends all sessions of a user but one; how many there were.
pub(crate) fn end_sessions_of(desk: &Desk<'_>, name: &UserName, except: Option<&TokenHash>) -> Result<u64, Trouble> {
    let ended = desk
        .conn
        .prepare_cached("DELETE FROM sessions WHERE user = ?1 AND token_hash IS NOT ?2")?
        .execute(params![name.as_str(), except])?;
    Ok(u64::try_from(ended).unwrap_or(u64::MAX))
}
