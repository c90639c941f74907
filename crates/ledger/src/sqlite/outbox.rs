//! The outbox in SQLite: one row a message, at most one of each payment due at a time.

use crate::ledger::{
    Backlog, ClaimRequest, Claimed, DeliveryAnswer, DeliveryRecord, NotificationRecord, NotificationState, Settlement,
};
use crate::sqlite::writer::{Desk, Trouble};
use crate::sqlite::{exceptions, instant, millis};
use gerai_domain::Notice;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::HashSet;
use std::time::Duration;

const WAITING: i64 = 0;
const PENDING: i64 = 1;
const DELIVERED: i64 = 2;
const FAILED: i64 = 3;

/// In `next_at` of a message that is on its way: should this attempt fail, the next one follows at once, since another
/// event has come meanwhile.
const AT_ONCE: i64 = 0;

/// How many hosts one claim looks at in their turn.
const HOSTS: usize = 64;

/// How many of the messages that fell due last a claim looks at beyond them.
const NEWEST: i64 = 64;

/// What isolation goes by: scheme, host and port of an address, in lower case.
fn host_of(url: &str) -> String {
    let after = url.find("://").map_or(0, |at| at + 3);
    let end = url[after..].find(['/', '?', '#', '\\']).map_or(url.len(), |at| after + at);
    url[..end].to_ascii_lowercase()
}

/// Writes a message, in the transaction of its event. One that has another before it waits, and makes that one due
/// at once (rule 13).
pub(crate) fn enqueue(
    conn: &Connection,
    payment: i64,
    seq: u32,
    url: &str,
    notice: &Notice,
    now: Timestamp,
) -> Result<(), Trouble> {
    let head: Option<i64> = conn
        .prepare_cached("SELECT id FROM outbox WHERE payment = ?1 AND state = 1 LIMIT 1")?
        .query_row([payment], |row| row.get(0))
        .optional()?;
    if let Some(head) = head {
        conn.prepare_cached(
            "UPDATE outbox SET next_at = CASE WHEN leased_until > 0 THEN ?3 ELSE min(next_at, ?2) END WHERE id = ?1",
        )?
        .execute(params![head, millis(now), AT_ONCE])?;
    }
    let text = serde_json::to_string(notice).map_err(|error| Trouble::Corrupt(error.to_string()))?;
    conn.prepare_cached(
        "INSERT INTO outbox (payment, event_seq, message_id, url, host, notice, state, next_at, leased_until, attempts)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, 0)",
    )?
    .execute(params![
        payment,
        seq,
        format!("{}-{seq}", notice.tx_id),
        url,
        host_of(url),
        text,
        if head.is_some() { WAITING } else { PENDING },
        millis(now),
    ])?;
    Ok(())
}

/// Walks from host to host and takes what is due of each, as far as its free slots go. One claim walks past a bounded
/// number of hosts, and the next goes on from there; so that a fresh message does not wait until its turn behind
/// thousands of dead hosts, it then looks at what fell due last.
pub(crate) fn claim(desk: &mut Desk<'_>, request: &ClaimRequest) -> Result<Vec<Claimed>, Trouble> {
    let mut claim = Claim::new(desk.conn, request);
    if !claim.anything_due()? {
        return Ok(Vec::new());
    }
    let mut next_host =
        desk.conn.prepare_cached("SELECT host FROM outbox WHERE state = 1 AND host > ?1 ORDER BY host LIMIT 1")?;
    let mut first_host = desk.conn.prepare_cached("SELECT host FROM outbox WHERE state = 1 ORDER BY host LIMIT 1")?;
    // Each pass goes on behind the host at which the one before it ended, so that none is always the last when there
    // are more than the limit lets in.
    let start: Option<String> = match next_host.query_row([&*desk.last_host], |row| row.get(0)).optional()? {
        Some(next) => Some(next),
        None => first_host.query_row([], |row| row.get(0)).optional()?,
    };
    let Some(start) = start else { return Ok(Vec::new()) };
    let mut host = start.clone();
    let mut wrapped = false;
    let mut all_seen = false;
    for _ in 0..HOSTS {
        if claim.is_full() {
            break;
        }
        claim.take(&host)?;
        desk.last_host.clone_from(&host);
        let following: Option<String> = match next_host.query_row([&host], |row| row.get(0)).optional()? {
            Some(next) => Some(next),
            None if wrapped => None,
            None => {
                wrapped = true;
                first_host.query_row([], |row| row.get(0)).optional()?
            }
        };
        match following {
            Some(next) if !(wrapped && next >= start) => host = next,
            Some(_) | None => {
                all_seen = true;
                break;
            }
        }
    }
    if !all_seen {
        for host in claim.newest_hosts()? {
            if claim.is_full() {
                break;
            }
            claim.take(&host)?;
        }
    }
    Ok(claim.claimed)
}

/// One claim under way.
struct Claim<'a> {
    conn: &'a Connection,
    request: &'a ClaimRequest,
    now: i64,
    real_now: i64,
    leased_until: i64,
    claimed: Vec<Claimed>,
    /// The hosts that were looked at.
    seen: HashSet<String>,
}

impl<'a> Claim<'a> {
    fn new(conn: &'a Connection, request: &'a ClaimRequest) -> Self {
        let real_now = millis(request.real_now);
        let leased_until = real_now.saturating_add(milliseconds(request.lease));
        let now = millis(request.now);
        Self { conn, request, now, real_now, leased_until, claimed: Vec::new(), seen: HashSet::new() }
    }

    fn is_full(&self) -> bool {
        self.claimed.len() >= self.request.limit
    }

    fn anything_due(&self) -> Result<bool, Trouble> {
        let sql = "SELECT EXISTS (SELECT 1 FROM outbox WHERE state = 1 AND next_at <= ?1 AND leased_until <= ?2)";
        Ok(self.conn.prepare_cached(sql)?.query_row([self.now, self.real_now], |row| row.get(0))?)
    }

    /// The hosts of what fell due last, each once.
    fn newest_hosts(&self) -> Result<Vec<String>, Trouble> {
        let mut hosts = Vec::new();
        let mut statement = self.conn.prepare_cached(
            "SELECT host FROM outbox INDEXED BY outbox_next WHERE state = 1 AND next_at <= ?1
             ORDER BY next_at DESC LIMIT ?2",
        )?;
        let mut rows = statement.query([self.now, NEWEST])?;
        while let Some(row) = rows.next()? {
            let host: String = row.get(0)?;
            if !hosts.contains(&host) {
                hosts.push(host);
            }
        }
        Ok(hosts)
    }

    /// Leases what is due of one host, oldest first, as far as its free slots go.
    fn take(&mut self, host: &str) -> Result<(), Trouble> {
        if !self.seen.insert(host.to_owned()) {
            return Ok(());
        }
        let free = self.request.per_host.get(host).copied().unwrap_or(self.request.default_per_host);
        let take = free.min(self.request.limit - self.claimed.len());
        if take == 0 {
            return Ok(());
        }
        let mut due = self.conn.prepare_cached(
            "SELECT id, message_id, url, attempts, notice, next_at FROM outbox
             WHERE state = 1 AND host = ?1 AND next_at <= ?2 AND leased_until <= ?3 ORDER BY next_at",
        )?;
        let (mut leased, mut hurried) = (Vec::new(), Vec::new());
        let mut rows = due.query(params![host, self.now, self.real_now])?;
        while leased.len() < take
            && let Some(row) = rows.next()?
        {
            let (id, notice, next_at): (i64, String, i64) = (row.get(0)?, row.get(4)?, row.get(5)?);
            leased.push(id);
            if next_at == AT_ONCE {
                hurried.push(id);
            }
            // One that cannot be read is leased too, so that it does not stand before the others.
            let notice = match serde_json::from_str(&notice) {
                Ok(notice) => notice,
                Err(error) => {
                    tracing::error!(id, %error, "a notification cannot be read, and is left out");
                    continue;
                }
            };
            self.claimed.push(Claimed {
                id,
                message_id: row.get(1)?,
                url: row.get(2)?,
                host: host.to_owned(),
                attempts_made: row.get(3)?,
                notice,
            });
        }
        let mut lease = self.conn.prepare_cached("UPDATE outbox SET leased_until = ?2 WHERE id = ?1")?;
        for id in leased {
            lease.execute(params![id, self.leased_until])?;
        }
        for id in hurried {
            // Whoever held it has gone or given it back: this is the attempt that the event asked for.
            let mut begin = self.conn.prepare_cached("UPDATE outbox SET next_at = ?2 WHERE id = ?1")?;
            begin.execute(params![id, self.now])?;
        }
        Ok(())
    }
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Records an attempt and what follows from it.
pub(crate) fn settle(desk: &Desk<'_>, id: i64, record: &DeliveryRecord, settlement: Settlement) -> Result<(), Trouble> {
    let row: Option<(i64, i64, i64, i64, i64)> = desk
        .conn
        .prepare_cached(
            "UPDATE outbox SET recorded = recorded + 1 WHERE id = ?1
             RETURNING payment, state, attempts, next_at, recorded",
        )?
        .query_row([id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)))
        .optional()?;
    let Some((payment, state, attempts, next_at, recorded)) = row else { return Ok(()) };
    let DeliveryRecord { at, headers, body, answer, took } = record;
    let (status, answer) = match answer {
        DeliveryAnswer::Status { code, excerpt } => (Some(*code), excerpt),
        DeliveryAnswer::Failed(why) => (None, why),
    };
    let headers = serde_json::to_string(headers).map_err(|error| Trouble::Corrupt(error.to_string()))?;
    desk.conn
        .prepare_cached(
            "INSERT INTO deliveries (message, attempt, at, headers, body, status, answer, took_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![id, recorded, millis(*at), headers, body, status, answer, milliseconds(*took)])?;
    if state != PENDING {
        return Ok(());
    }
    let (state, next_at) = match settlement {
        Settlement::Accepted => (DELIVERED, millis(*at)),
        Settlement::Exhausted => (FAILED, millis(*at)),
        Settlement::Retry(_) if next_at == AT_ONCE => (PENDING, millis(*at)),
        Settlement::Retry(after) => (PENDING, millis(at.checked_add(after).unwrap_or(Timestamp::MAX))),
    };
    desk.conn
        .prepare_cached("UPDATE outbox SET state = ?2, next_at = ?3, leased_until = 0, attempts = ?4 WHERE id = ?1")?
        .execute(params![id, state, next_at, attempts + 1])?;
    if state != PENDING {
        promote(desk.conn, payment, *at)?;
    }
    Ok(())
}

/// Ends the leases of messages that were not sent after all.
pub(crate) fn release(desk: &Desk<'_>, ids: &[i64]) -> Result<(), Trouble> {
    let mut statement = desk.conn.prepare_cached("UPDATE outbox SET leased_until = 0 WHERE id = ?1 AND state = 1")?;
    for id in ids {
        statement.execute([id])?;
    }
    Ok(())
}

/// Lets the next message of a payment step up.
fn promote(conn: &Connection, payment: i64, now: Timestamp) -> Result<(), Trouble> {
    // Not sorted by SQL: a bound value beside an ORDER BY makes SQLite prepare the statement anew each time.
    let mut waiting = conn.prepare_cached("SELECT event_seq, id FROM outbox WHERE payment = ?1 AND state = 0")?;
    let mut first: Option<(i64, i64)> = None;
    let mut rows = waiting.query([payment])?;
    while let Some(row) = rows.next()? {
        let this = (row.get(0)?, row.get(1)?);
        first = Some(first.map_or(this, |first| first.min(this)));
    }
    if let Some((_, id)) = first {
        conn.prepare_cached("UPDATE outbox SET state = 1, next_at = ?2 WHERE id = ?1")?
            .execute(params![id, millis(now)])?;
    }
    Ok(())
}

/// Puts a failed message back. It does not step before one of its payment that is pending: it waits its turn.
pub(crate) fn replay(desk: &Desk<'_>, id: i64, now: Timestamp) -> Result<bool, Trouble> {
    let payment: Option<i64> = desk
        .conn
        .prepare_cached("SELECT payment FROM outbox WHERE id = ?1 AND state = ?2")?
        .query_row([id, FAILED], |row| row.get(0))
        .optional()?;
    let Some(payment) = payment else { return Ok(false) };
    let busy: bool = desk
        .conn
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM outbox WHERE payment = ?1 AND state = 1)")?
        .query_row([payment], |row| row.get(0))?;
    desk.conn
        .prepare_cached("UPDATE outbox SET state = ?2, next_at = ?3, leased_until = 0, attempts = 0 WHERE id = ?1")?
        .execute(params![id, if busy { WAITING } else { PENDING }, millis(now)])?;
    Ok(true)
}

/// When the next delivery falls due that is not under a lease.
pub(crate) fn next_delivery(conn: &Connection, real_now: Timestamp) -> Result<Option<Timestamp>, Trouble> {
    let next: Option<i64> = conn
        .prepare_cached("SELECT next_at FROM outbox WHERE state = 1 AND leased_until <= ?1 ORDER BY next_at LIMIT 1")?
        .query_row([millis(real_now)], |row| row.get(0))
        .optional()?;
    next.map(|at| instant(at).map_err(Trouble::from)).transpose()
}

/// What waits for somebody. Each number is read off an index that holds nothing else.
pub(crate) fn backlog(conn: &Connection) -> Result<Backlog, Trouble> {
    let count = |state: &str| -> Result<(u64, Option<i64>), Trouble> {
        let sql = format!("SELECT count(*), min(id) FROM outbox WHERE state = {state}");
        let (count, oldest): (i64, _) =
            conn.prepare_cached(&sql)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok((u64::try_from(count).unwrap_or(0), oldest))
    };
    let [(waiting, first_waiting), (pending, first_pending), (failed, _)] = [count("0")?, count("1")?, count("3")?];
    let oldest = [first_waiting, first_pending].into_iter().flatten().min();
    let at: Option<i64> = conn
        .prepare_cached(
            "SELECT e.at FROM outbox o JOIN events e ON e.payment = o.payment AND e.seq = o.event_seq WHERE o.id = ?1",
        )?
        .query_row([oldest], |row| row.get(0))
        .optional()?;
    Ok(Backlog {
        undelivered: waiting + pending,
        oldest: at.map(instant).transpose()?,
        failed,
        exceptions: exceptions::count_open(conn)?,
    })
}

/// Ends every lease: whoever held one has ended with the process before.
pub(crate) fn end_leases(conn: &Connection) -> Result<(), rusqlite::Error> {
    conn.execute("UPDATE outbox SET leased_until = 0 WHERE state = 1 AND leased_until > 0", [])?;
    Ok(())
}

/// A payment's notifications with their attempts.
pub(crate) fn notifications(conn: &Connection, payment: i64) -> Result<Vec<NotificationRecord>, Trouble> {
    let mut statement = conn.prepare_cached(
        "SELECT id, message_id, event_seq, url, state, next_at, notice FROM outbox WHERE payment = ?1 ORDER BY event_seq",
    )?;
    let mut rows = statement.query([payment])?;
    let mut list = Vec::new();
    while let Some(row) = rows.next()? {
        let (state, next_at): (i64, i64) = (row.get(4)?, row.get(5)?);
        let state = match state {
            WAITING => NotificationState::Waiting,
            PENDING => NotificationState::Pending,
            DELIVERED => NotificationState::Delivered,
            _ => NotificationState::Failed,
        };
        let notice: String = row.get(6)?;
        let id: i64 = row.get(0)?;
        list.push(NotificationRecord {
            id,
            message_id: row.get(1)?,
            event_seq: row.get(2)?,
            url: row.get(3)?,
            state,
            next_at: (state == NotificationState::Pending && next_at != AT_ONCE)
                .then(|| instant(next_at))
                .transpose()?,
            notice: serde_json::from_str(&notice).map_err(|error| Trouble::Corrupt(format!("notice: {error}")))?,
            attempts: attempts(conn, id)?,
        });
    }
    Ok(list)
}

/// What an attempt was answered, as it was written down.
pub(crate) fn answer_of(status: Option<u16>, answer: String) -> DeliveryAnswer {
    match status {
        Some(code) => DeliveryAnswer::Status { code, excerpt: answer },
        None => DeliveryAnswer::Failed(answer),
    }
}

fn attempts(conn: &Connection, message: i64) -> Result<Vec<DeliveryRecord>, Trouble> {
    let mut statement = conn.prepare_cached(
        "SELECT at, headers, body, status, answer, took_ms FROM deliveries WHERE message = ?1 ORDER BY attempt",
    )?;
    let mut rows = statement.query([message])?;
    let mut list = Vec::new();
    while let Some(row) = rows.next()? {
        let headers: String = row.get(1)?;
        let status: Option<u16> = row.get(3)?;
        let answer: String = row.get(4)?;
        let took_ms: i64 = row.get(5)?;
        list.push(DeliveryRecord {
            at: instant(row.get(0)?)?,
            headers: serde_json::from_str(&headers).map_err(|error| Trouble::Corrupt(format!("headers: {error}")))?,
            body: row.get(2)?,
            answer: answer_of(status, answer),
            took: Duration::from_millis(u64::try_from(took_ms).unwrap_or(0)),
        });
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::{backlog, host_of};
    use rusqlite::Connection;

    #[test]
    fn isolation_goes_by_scheme_host_and_port() {
        for (url, host) in [
            ("http://shop.example/notify", "http://shop.example"),
            ("https://Shop.Example:8443?x=1", "https://shop.example:8443"),
            ("http://[::1]:80/a/b", "http://[::1]:80"),
            ("https://shop.example#f", "https://shop.example"),
        ] {
            assert_eq!(host_of(url), host);
        }
    }

    #[test]
    fn the_backlog_is_read_off_indexes_that_hold_nothing_else() {
        let mut conn = Connection::open_in_memory().unwrap();
        crate::sqlite::migrations::migrations::runner().run(&mut conn).unwrap();
        assert!(backlog(&conn).is_ok());
        for (state, index) in [(0, "waiting"), (1, ""), (3, "failed")] {
            let sql = format!("EXPLAIN QUERY PLAN SELECT count(*), min(id) FROM outbox WHERE state = {state}");
            let plan: String = conn.query_row(&sql, [], |row| row.get(3)).unwrap();
            assert!(plan.contains(&format!("USING COVERING INDEX outbox_{index}")), "{plan}");
        }
    }
}
