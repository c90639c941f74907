//! Notifications that no merchant has accepted: listed for operators, and put back in the queue.

use crate::deeds::Deed;
use crate::ledger::FailedNotification;
use crate::sqlite::outbox::{self, answer_of};
use crate::sqlite::writer::{Desk, Trouble};
use crate::sqlite::{deeds, instant};
use jiff::Timestamp;
use rusqlite::{Connection, params};

fn at_most(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// A page of them, by id.
pub(crate) fn list(conn: &Connection, after: i64, limit: usize) -> Result<Vec<FailedNotification>, Trouble> {
    let mut statement = conn.prepare_cached(
        "SELECT o.id, o.message_id, o.url, o.notice, o.next_at, o.attempts, d.status, d.answer
         FROM outbox o LEFT JOIN deliveries d ON d.message = o.id AND d.attempt = o.recorded
         WHERE o.state = 3 AND o.id > ?1 ORDER BY o.id LIMIT ?2",
    )?;
    let mut rows = statement.query(params![after, at_most(limit)])?;
    let mut page = Vec::new();
    while let Some(row) = rows.next()? {
        let notice: String = row.get(3)?;
        let answer: Option<String> = row.get(7)?;
        let status: Option<u16> = row.get(6)?;
        page.push(FailedNotification {
            id: row.get(0)?,
            message_id: row.get(1)?,
            url: row.get(2)?,
            notice: serde_json::from_str(&notice).map_err(|error| Trouble::Corrupt(format!("notice: {error}")))?,
            failed_at: instant(row.get(4)?)?,
            attempts_made: row.get(5)?,
            last_answer: answer.map(|answer| answer_of(status, answer)),
        });
    }
    Ok(page)
}

/// Puts one of them back.
pub(crate) fn replay_one(desk: &Desk<'_>, id: i64, now: Timestamp, deed: &Deed) -> Result<bool, Trouble> {
    let replayed = outbox::replay(desk, id, now)?;
    if replayed {
        deeds::write(desk.conn, deed)?;
    }
    Ok(replayed)
}

/// Puts a page of them back.
pub(crate) fn replay_page(
    desk: &Desk<'_>,
    after: i64,
    limit: usize,
    now: Timestamp,
    deed: &Deed,
) -> Result<Vec<i64>, Trouble> {
    let ids: Vec<i64> = desk
        .conn
        .prepare_cached("SELECT id FROM outbox WHERE state = 3 AND id > ?1 ORDER BY id LIMIT ?2")?
        .query_map(params![after, at_most(limit)], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for id in &ids {
        outbox::replay(desk, *id, now)?;
    }
    if !ids.is_empty() {
        deeds::write(desk.conn, deed)?;
    }
    Ok(ids)
}
