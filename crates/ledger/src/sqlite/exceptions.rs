//! The operators' list in SQLite: a projection of the events that list an exception and of those that resolve one,
//! written in their transaction.

use crate::ledger::{Exception, ExceptionKey, ExceptionQuery};
use crate::sqlite::writer::Trouble;
use crate::sqlite::{instant, millis};
use gerai_domain::{EventKind, ExceptionKind, PayNo, Resolution, Rupiah};
use jiff::Timestamp;
use rusqlite::{Connection, Row, params};

/// Takes over what `event` says about exceptions; most say nothing.
pub(crate) fn project(
    conn: &Connection,
    payment: i64,
    seq: u32,
    event: &EventKind,
    now: Timestamp,
) -> Result<(), Trouble> {
    match event {
        EventKind::ExceptionListed { kind, trace_no } => {
            conn.prepare_cached(
                "INSERT INTO exceptions (payment, seq, kind, trace_no, at) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![payment, seq, text_of(*kind)?, trace_no, millis(now)])?;
        }
        EventKind::ExceptionResolved { kind, trace_no, operator, note } => {
            conn.prepare_cached(
                "UPDATE exceptions SET resolved_at = ?4, resolved_by = ?5, note = ?6
                 WHERE payment = ?1 AND kind = ?2 AND trace_no = ?3 AND resolved_at IS NULL",
            )?
            .execute(params![payment, text_of(*kind)?, trace_no, millis(now), operator, note])?;
        }
        EventKind::Registered { .. }
        | EventKind::StoreChosen { .. }
        | EventKind::Taken { .. }
        | EventKind::Committed { .. }
        | EventKind::CommitLapsed { .. }
        | EventKind::Reversed { .. }
        | EventKind::ReversalMarked { .. }
        | EventKind::Cancelled { .. }
        | EventKind::Returned { .. }
        | EventKind::Expired
        | EventKind::AutoPayGivenUp { .. } => {}
    }
    Ok(())
}

fn text_of(kind: ExceptionKind) -> Result<String, Trouble> {
    serde_json::to_string(&kind).map_err(|error| Trouble::Corrupt(error.to_string()))
}

/// A page of the list, oldest first.
pub(crate) fn list(conn: &Connection, query: &ExceptionQuery) -> Result<Vec<Exception>, Trouble> {
    let ExceptionQuery { resolved_too, after, limit } = query;
    // Two statements, so that each finds its index.
    let open = "WHERE e.resolved_at IS NULL AND (e.at, e.payment, e.seq) > (?1, ?2, ?3)";
    let all = "WHERE (e.at, e.payment, e.seq) > (?1, ?2, ?3)";
    let mut statement = conn.prepare_cached(&format!(
        "SELECT e.payment, e.seq, e.kind, e.trace_no, e.at, e.resolved_at, e.resolved_by, e.note,
             p.tx_id, p.merchant, p.chain, p.pay_no, p.amount
         FROM exceptions e JOIN payments p ON p.id = e.payment
         {} ORDER BY e.at, e.payment, e.seq LIMIT ?4",
        if *resolved_too { all } else { open }
    ))?;
    let (at, payment, seq) = after.map_or((i64::MIN, 0, 0), |key| (millis(key.at), key.row, key.seq));
    let mut rows = statement.query(params![at, payment, seq, i64::try_from(*limit).unwrap_or(i64::MAX)])?;
    let mut page = Vec::new();
    while let Some(row) = rows.next()? {
        page.push(read(row)?);
    }
    Ok(page)
}

fn corrupt(what: &str) -> Trouble {
    Trouble::Corrupt(format!("exception: {what}"))
}

fn number(stored: i64) -> Result<u64, Trouble> {
    u64::try_from(stored).map_err(|_| corrupt("number"))
}

fn read(row: &Row<'_>) -> Result<Exception, Trouble> {
    let at = instant(row.get(4)?)?;
    let (kind, tx_id, merchant): (String, String, String) = (row.get(2)?, row.get(8)?, row.get(9)?);
    let (chain, pay_no, amount): (Option<String>, Option<i64>, i64) = (row.get(10)?, row.get(11)?, row.get(12)?);
    let resolved: Option<i64> = row.get(5)?;
    Ok(Exception {
        key: ExceptionKey { at, row: row.get(0)?, seq: row.get(1)? },
        tx_id: tx_id.parse().map_err(|_| corrupt("tx_id"))?,
        seq: row.get(1)?,
        merchant: merchant.parse().map_err(|_| corrupt("merchant"))?,
        chain: chain.map(|code| code.parse()).transpose().map_err(|_| corrupt("chain"))?,
        pay_no: pay_no.map(number).transpose()?.map(PayNo::new).transpose().map_err(|_| corrupt("pay_no"))?,
        amount: Rupiah::new(number(amount)?).map_err(|_| corrupt("amount"))?,
        kind: serde_json::from_str(&kind).map_err(|_| corrupt("kind"))?,
        trace_no: row.get(3)?,
        at,
        resolved: match resolved {
            Some(at) => Some(Resolution { at: instant(at)?, operator: row.get(6)?, note: row.get(7)? }),
            None => None,
        },
    })
}

/// How many are open.
pub(crate) fn count_open(conn: &Connection) -> Result<u64, Trouble> {
    let sql = "SELECT count(*) FROM exceptions WHERE resolved_at IS NULL";
    number(conn.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
}
