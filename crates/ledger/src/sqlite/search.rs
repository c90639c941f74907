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
use rusqlite::{Connection, params, params_from_iter};

/// Up to how many payments are read whole and put in order.
const FEW: usize = 1_000;

/// What looking at a row costs beside looking at an entry of the index.
const ROW: usize = 8;

/// How many entries of the index are read at a time.
const STRIDE: usize = 4_096;

/// An id may carry a later second than its registration, when its merchant's ten thousand of a second were used up.
/// This many seconds are far beyond what can be used up.
const LATEST_SECOND: i64 = 3_600;

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
    let most = i64::try_from(FEW + 1).unwrap_or(i64::MAX);
    if let Some(beginning) = &search.reference_no {
        let merchants = match &search.merchant {
            Some(merchant) => vec![merchant.to_string()],
            None => conn
                .prepare_cached("SELECT id FROM merchants")?
                .query_map([], |row| row.get(0))?
                .collect::<Result<Vec<String>, _>>()?,
        };
        let end = format!("{beginning}{}", char::MAX);
        let mut statement = conn.prepare_cached(
            "SELECT id FROM payments WHERE merchant = ?1 AND reference_no >= ?2 AND reference_no < ?3 LIMIT ?4",
        )?;
        let mut rows = Vec::new();
        for merchant in merchants {
            for row in statement.query_map(params![merchant, beginning, end, most], |row| row.get::<_, i64>(0))? {
                rows.push(row?);
            }
            if rows.len() > FEW {
                break;
            }
        }
        if rows.len() <= FEW {
            return Ok(Some(rows));
        }
    }
    let (sql, of) = match (search.phase, &search.merchant) {
        (Some(Phase::Returned), _) => ("SELECT id FROM payments WHERE returned_at IS NOT NULL LIMIT ?1", None),
        (Some(Phase::Cancelled), _) => ("SELECT id FROM payments WHERE cancel_tx_id IS NOT NULL LIMIT ?1", None),
        (_, Some(merchant)) => {
            ("SELECT id FROM payments INDEXED BY payments_reference WHERE merchant = ?2 LIMIT ?1", Some(merchant))
        }
        (_, None) => return Ok(None),
    };
    let arguments = [Some(most.into()), of.map(|merchant: &MerchantId| merchant.to_string().into())];
    let arguments: Vec<rusqlite::types::Value> = arguments.into_iter().flatten().collect();
    let mut statement = conn.prepare_cached(sql)?;
    let rows = statement.query_map(params_from_iter(arguments), |row| row.get(0))?;
    let rows = rows.collect::<Result<Vec<i64>, _>>()?;
    Ok((rows.len() <= FEW).then_some(rows))
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
    let Stored { payment, .. } = read(row)?;
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
    let latest = search.until.map_or(i64::MAX, |until| until.as_second().saturating_add(LATEST_SECOND));
    let mut behind = match &search.after {
        Some(key) => {
            Entry { second: key.second, count: key.count, merchant: key.merchant.to_string(), kind: key.kind, row: 0 }
        }
        None => Entry { second: i64::MAX, count: i64::MAX, merchant: String::new(), kind: 0, row: 0 },
    };
    let mut found = Found { payments: Vec::new(), next: None, looked_back_to: None };
    let mut last = None;
    let mut effort = search.effort;
    // The row values keep to the index; `latest` only moves its beginning.
    let mut statement = conn.prepare_cached(
        "SELECT tx_second, tx_count, merchant, kind, id FROM payments INDEXED BY payments_tx_id
         WHERE (tx_second, tx_count, merchant, kind) < (?1, ?2, ?3, ?4) AND tx_second >= ?5 AND tx_second <= ?6
         ORDER BY tx_second DESC, tx_count DESC, merchant DESC, kind DESC LIMIT ?7",
    )?;
    loop {
        let stride = i64::try_from(STRIDE).unwrap_or(i64::MAX);
        let entries = statement
            .query_map(
                params![behind.second, behind.count, behind.merchant, behind.kind, earliest, latest, stride],
                |row| {
                    Ok(Entry {
                        second: row.get(0)?,
                        count: row.get(1)?,
                        merchant: row.get(2)?,
                        kind: row.get(3)?,
                        row: row.get(4)?,
                    })
                },
            )?
            .collect::<Result<Vec<_>, _>>()?;
        let at_the_end = entries.len() < STRIDE;
        for entry in entries {
            if found.payments.len() >= search.limit {
                // There is at least one more to look at.
                found.next = last;
                return Ok(found);
            }
            if effort == 0 {
                found.next = Some(stopped_at(&behind, search)?);
                found.looked_back_to = Timestamp::from_second(behind.second).ok();
                return Ok(found);
            }
            effort -= 1;
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

/// The place of the entry that was looked at last, told without another merchant's name in a merchant's search.
fn stopped_at(entry: &Entry, search: &PaymentSearch) -> Result<SearchKey, Trouble> {
    let named = || entry.merchant.parse().map_err(|_| Trouble::Corrupt("a payment's merchant".into()));
    let (merchant, kind) = match &search.merchant {
        None => (named()?, entry.kind),
        Some(own) if own.as_str() == entry.merchant => (own.clone(), entry.kind),
        // Its own entries of this count lie on one side of the other's, all of them.
        Some(own) if own.as_str() < entry.merchant.as_str() => (own.clone(), i64::MAX),
        Some(own) => (own.clone(), i64::MIN),
    };
    Ok(SearchKey { second: entry.second, count: entry.count, merchant, kind })
}
