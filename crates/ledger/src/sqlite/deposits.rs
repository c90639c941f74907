//! What was paid at a chain between two instants, for its reconciliation: read in pages, through an index that holds
//! paid payments alone.

use crate::ledger::{DepositKey, DepositQuery, Deposits};
use crate::sqlite::millis;
use crate::sqlite::payments::{COLUMNS, read};
use crate::sqlite::writer::Trouble;
use rusqlite::{Connection, params};

/// A page of them, by the moment at which the money was taken.
pub(crate) fn page(conn: &Connection, query: &DepositQuery) -> Result<Deposits, Trouble> {
    let DepositQuery { chain, from, until, after, limit } = query;
    let limit = i64::try_from(*limit).unwrap_or(i64::MAX);
    let (at, row) = after.map_or((i64::MIN, 0), |key| (key.paid_at, key.row));
    // The index ends each entry with the row's id, so that the order is the index's own.
    let mut statement = conn.prepare_cached(&format!(
        "SELECT {COLUMNS}, paid_at FROM payments
         WHERE chain = ?1 AND paid_at >= ?2 AND paid_at < ?3 AND (paid_at, id) > (?4, ?5)
         ORDER BY paid_at, id LIMIT ?6"
    ))?;
    let mut rows = statement.query(params![chain.code(), millis(*from).max(at), millis(*until), at, row, limit])?;
    let mut deposits = Deposits { payments: Vec::new(), next: None };
    while let Some(row) = rows.next()? {
        let stored = read(row)?;
        deposits.next = Some(DepositKey { paid_at: row.get("paid_at")?, row: stored.id });
        deposits.payments.push(stored.payment);
    }
    Ok(deposits)
}
