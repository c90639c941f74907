//! Finding payments as people look for them. What is looked for by id, number or reference is looked up. What a small
//! index leaves few of is read whole and put in order. Everything else is read in the order of time, newest first, off
//! the index of ids alone, and a row is looked at only where the index cannot tell; after so much effort the search says
//! how far it came. No index is kept for it that a registration would have to write to at a random place.

use crate::numbering::Numbering;
use crate::search::{Found, PaymentSearch, SearchKey};
use crate::sqlite::payments::{self, COLUMNS, Stored, read};
use crate::sqlite::writer::Trouble;
use gerai_domain::{Chain, MerchantId, Payment, Phase, Rupiah, TxId};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

/// Up to how many payments are read whole and put in order.
const FEW: usize = 1_000;

/// One more than are few, as SQLite takes a limit.
const MANY: u32 = 1_001;

/// What looking at a row costs beside looking at an entry of the index.
const ROW: usize = 8;

/// How many entries of the index are read at a time.
const STRIDE: usize = 4_096;

pub(super) const RETURNED: &str = "SELECT id FROM payments WHERE returned_at IS NOT NULL LIMIT ?1";
pub(super) const CANCELLED: &str = "SELECT id FROM payments WHERE cancel_tx_id IS NOT NULL LIMIT ?1";
pub(super) const OF_MERCHANT: &str =
    "SELECT id FROM payments INDEXED BY payments_reference WHERE merchant = ?2 LIMIT ?1";
pub(super) const BEGINNING: &str =
    "SELECT id FROM payments WHERE merchant = ?1 AND reference_no >= ?2 AND reference_no < CAST(?3 AS TEXT) LIMIT ?4";
pub(super) const NEXT_MERCHANT: &str =
    "SELECT merchant FROM payments INDEXED BY payments_reference WHERE merchant > ?1 ORDER BY merchant LIMIT 1";

// One bound at each end: with a second one above, SQLite would walk to it through all that is later.
pub(super) const BY_TIME: &str =
    "SELECT tx_second, tx_count, merchant, kind, id FROM payments INDEXED BY payments_tx_id
     WHERE (tx_second, tx_count, merchant, kind) < (?1, ?2, ?3, ?4) AND tx_second >= ?5
     ORDER BY tx_second DESC, tx_count DESC, merchant DESC, kind DESC LIMIT ?6";

/// A payment with its place.
struct Placed {
    place: (i64, i64, String, i64),
    payment: Payment,
}

/// Finds payments, newest first.
pub(crate) fn find(conn: &Connection, numbering: &Numbering, search: &PaymentSearch) -> Result<Found, Trouble> {
    if search.tx_id.is_some() || search.pay_no.is_some() {
        return one(conn, numbering, search);
    }
    match few(conn, search)? {
        Some(rows) => in_order(conn, rows, search),
        None => by_time(conn, search),
    }
}

/// By id or number.
fn one(conn: &Connection, numbering: &Numbering, search: &PaymentSearch) -> Result<Found, Trouble> {
    let stored = match (&search.tx_id, search.pay_no) {
        (Some(tx_id), _) => payments::by_tx_id(conn, numbering, tx_id)?,
        (None, Some(pay_no)) => payments::by_pay_no(conn, numbering, pay_no)?,
        (None, None) => None,
    };
    // There is one at most: nothing comes behind it.
    let payments = stored.into_iter().filter(|_| search.after.is_none() && search.limit > 0);
    let payments = payments.map(|stored| stored.payment).filter(|payment| fits(payment, search)).collect();
    Ok(Found { payments, next: None, looked_back_to: None })
}

/// Whether a payment is what is looked for.
fn fits(payment: &Payment, search: &PaymentSearch) -> bool {
    let PaymentSearch {
        merchant,
        from,
        until,
        phase,
        chain,
        reference_no,
        tx_id,
        pay_no,
        amount,
        now,
        after: _,
        limit: _,
        effort: _,
    } = search;
    let (terms, standing) = (&payment.terms, &payment.standing);
    merchant.as_ref().is_none_or(|merchant| terms.merchant == *merchant)
        && from.is_none_or(|from| terms.registered_at >= from)
        && until.is_none_or(|until| terms.registered_at < until)
        && phase.is_none_or(|phase: Phase| payment.phase(*now) == phase)
        && chain.is_none_or(|chain: Chain| standing.chain == Some(chain))
        && reference_no.as_ref().is_none_or(|beginning| terms.reference_no.starts_with(beginning.as_str()))
        && tx_id.as_ref().is_none_or(|tx_id: &TxId| terms.tx_id == *tx_id)
        && pay_no.is_none_or(|pay_no| standing.pay_no == Some(pay_no))
        && amount.is_none_or(|amount: Rupiah| terms.amount == amount)
}

/// The rows of all that may fit, where a small index shows that they are few.
fn few(conn: &Connection, search: &PaymentSearch) -> Result<Option<Vec<i64>>, Trouble> {
    if let Some(beginning) = &search.reference_no
        && let Some(rows) = few_references(conn, search.merchant.as_ref(), beginning)?
    {
        return Ok(Some(rows));
    }
    let settled = match search.phase {
        Some(Phase::Returned) => Some(RETURNED),
        Some(Phase::Cancelled) => Some(CANCELLED),
        Some(Phase::AwaitingStore | Phase::Unpaid | Phase::ReadyToCommit | Phase::Paid | Phase::Expired) | None => None,
    };
    if let Some(sql) = settled
        && let Some(rows) = at_most_few(conn, sql, params![MANY])?
    {
        return Ok(Some(rows));
    }
    match &search.merchant {
        Some(merchant) => at_most_few(conn, OF_MERCHANT, params![MANY, merchant.as_str()]),
        None => Ok(None),
    }
}

/// The rows that a statement gives, unless it reaches its limit.
fn at_most_few(conn: &Connection, sql: &str, arguments: impl rusqlite::Params) -> Result<Option<Vec<i64>>, Trouble> {
    let mut statement = conn.prepare_cached(sql)?;
    let rows = statement.query_map(arguments, |row| row.get(0))?.collect::<Result<Vec<i64>, _>>()?;
    Ok((rows.len() <= FEW).then_some(rows))
}

/// The rows of references that begin so, where they are few.
fn few_references(
    conn: &Connection,
    merchant: Option<&MerchantId>,
    beginning: &str,
) -> Result<Option<Vec<i64>>, Trouble> {
    // No text has such a byte: it is behind all that begins so.
    let end = [beginning.as_bytes(), &[0xFF]].concat();
    let of_merchant = |merchant: &str| at_most_few(conn, BEGINNING, params![merchant, beginning, end, MANY]);
    if let Some(merchant) = merchant {
        return of_merchant(merchant.as_str());
    }
    let mut after = conn.prepare_cached(NEXT_MERCHANT)?;
    let mut rows = Vec::new();
    let mut last = String::new();
    while let Some(merchant) = after.query_row([&last], |row| row.get::<_, String>(0)).optional()? {
        let Some(more) = of_merchant(&merchant)? else { return Ok(None) };
        rows.extend(more);
        if rows.len() > FEW {
            return Ok(None);
        }
        last = merchant;
    }
    Ok(Some(rows))
}

/// Reads a few rows whole and puts what fits in order.
fn in_order(conn: &Connection, rows: Vec<i64>, search: &PaymentSearch) -> Result<Found, Trouble> {
    let mut placed = Vec::new();
    for row in rows {
        if let Some(found) = look(conn, row, search)? {
            placed.push(found);
        }
    }
    placed.sort_by(|a, b| b.place.cmp(&a.place));
    if let Some(key) = &search.after {
        let after = (key.second, key.count, key.merchant.to_string(), key.kind);
        placed.retain(|found| found.place < after);
    }
    let more = placed.len() > search.limit;
    placed.truncate(search.limit);
    let next = if more { placed.last().map(key_of) } else { None };
    Ok(Found { payments: placed.into_iter().map(|found| found.payment).collect(), next, looked_back_to: None })
}

fn key_of(found: &Placed) -> SearchKey {
    let (second, count, _, kind) = &found.place;
    SearchKey { second: *second, count: *count, merchant: found.payment.terms.merchant.clone(), kind: *kind }
}

/// A payment by its row, if it fits.
fn look(conn: &Connection, row: i64, search: &PaymentSearch) -> Result<Option<Placed>, Trouble> {
    let mut statement = conn.prepare_cached(&format!(
        "SELECT {COLUMNS}, tx_second, tx_count FROM payments
         WHERE id = ?1 AND (?2 IS NULL OR amount = ?2) AND (?3 IS NULL OR chain = ?3)"
    ))?;
    let amount = search.amount.map(|amount| i64::try_from(amount.get()).unwrap_or(i64::MAX));
    let mut rows = statement.query(params![row, amount, search.chain.map(Chain::code)])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let (second, count, kind): (i64, i64, i64) = (row.get("tx_second")?, row.get("tx_count")?, row.get("kind")?);
    let Stored { payment, .. } = match read(row) {
        Ok(stored) => stored,
        // One that cannot be read must not hide the others.
        Err(Trouble::Corrupt(what)) => {
            tracing::error!(what, "a payment is left out of what was searched");
            return Ok(None);
        }
        Err(trouble) => return Err(trouble),
    };
    let place = (second, count, payment.terms.merchant.to_string(), kind);
    Ok(fits(&payment, search).then_some(Placed { place, payment }))
}

/// An entry of the index of ids.
struct Entry {
    second: i64,
    count: i64,
    merchant: String,
    kind: i64,
    row: i64,
}

/// Reads in the order of time, until the page is full, the beginning is reached or the effort is used up.
fn by_time(conn: &Connection, search: &PaymentSearch) -> Result<Found, Trouble> {
    let earliest = search.from.map_or(i64::MIN, Timestamp::as_second);
    let latest = match search.until {
        Some(until) => until.as_second().saturating_add(payments::lead(conn)?),
        None => i64::MAX,
    };
    let mut behind = match &search.after {
        Some(key) if key.second <= latest => {
            Entry { second: key.second, count: key.count, merchant: key.merchant.to_string(), kind: key.kind, row: 0 }
        }
        Some(_) | None => Entry { second: latest, count: i64::MAX, merchant: String::new(), kind: 0, row: 0 },
    };
    let mut found = Found { payments: Vec::new(), next: None, looked_back_to: None };
    let mut last = None;
    // Each call gets on by one at least.
    let mut effort = search.effort.max(1);
    let mut statement = conn.prepare_cached(BY_TIME)?;
    loop {
        let stride = i64::try_from(STRIDE).unwrap_or(i64::MAX);
        let entries = statement
            .query_map(params![behind.second, behind.count, behind.merchant, behind.kind, earliest, stride], |row| {
                Ok(Entry {
                    second: row.get(0)?,
                    count: row.get(1)?,
                    merchant: row.get(2)?,
                    kind: row.get(3)?,
                    row: row.get(4)?,
                })
            })?
            .collect::<Result<Vec<_>, _>>()?;
        let at_the_end = entries.len() < STRIDE;
        for entry in entries {
            if found.payments.len() >= search.limit {
                // There is at least one more to look at.
                found.next = last;
                return Ok(found);
            }
            if effort == 0
                && let Some(place) = stopping_place(&behind, &entry, search)?
            {
                found.next = Some(place);
                found.looked_back_to = Timestamp::from_second(behind.second.saturating_add(1)).ok();
                return Ok(found);
            }
            effort = effort.saturating_sub(1);
            if search.merchant.as_ref().is_none_or(|merchant| merchant.as_str() == entry.merchant) {
                effort = effort.saturating_sub(ROW);
                if let Some(placed) = look(conn, entry.row, search)? {
                    last = Some(key_of(&placed));
                    found.payments.push(placed.payment);
                }
            }
            behind = entry;
        }
        if at_the_end {
            return Ok(found);
        }
    }
}

/// The place of the entry that was looked at last, before the next one; `None` where it would say something of another
/// merchant in a merchant's search. There the search goes on to an entry of its own, or to the end of the second.
fn stopping_place(last: &Entry, next: &Entry, search: &PaymentSearch) -> Result<Option<SearchKey>, Trouble> {
    let Entry { second, count, merchant, kind, row: _ } = last;
    let at = |merchant: MerchantId| SearchKey { second: *second, count: *count, merchant, kind: *kind };
    match &search.merchant {
        None => Ok(Some(at(merchant.parse().map_err(|_| Trouble::Corrupt("a payment's merchant".into()))?))),
        Some(own) if own.as_str() == merchant => Ok(Some(at(own.clone()))),
        // Behind everything of this second.
        Some(own) => Ok((next.second != *second).then(|| SearchKey {
            second: *second,
            count: -1,
            merchant: own.clone(),
            kind: 0,
        })),
    }
}
