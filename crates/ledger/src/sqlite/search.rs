//! Finding payments as people look for them. What is looked for by id or number is looked up. What an index leaves few of
//! is put in order. Everything else is read in the order of time, newest first, off the index of
//! ids, and a row is looked at only where the index cannot tell; after so much effort the search says how far it came.
//! No index is kept for it that a registration would have to write to at a random place.

use crate::numbering::Numbering;
use crate::search::{Found, PaymentSearch, SearchKey};
use crate::sqlite::payments::{self, COLUMNS, Stored, read};
use crate::sqlite::writer::Trouble;
use gerai_domain::{Chain, MerchantId, Payment, Phase, Rupiah, TxId};
use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, Params, Row, params, params_from_iter};

/// Up to how many payments are put in order, rather than read in it.
const FEW: usize = 5_000;

/// How many entries of an index are passed by at the cost of looking at one payment.
const ENTRIES_A_LOOK: usize = 16;

/// How far the second in an id may lie behind its registration before `payments_ahead` holds it.
const AHEAD_SECS: i64 = 60;

/// By the beginning of the reference, of one merchant. No text that goes on has a byte of 0xff in it.
const OF_REFERENCE: &str = "SELECT id FROM payments
     WHERE merchant = ?2 AND reference_no >= ?3 AND reference_no < ?3 || CAST(x'ff' AS TEXT) LIMIT ?1";

/// By the beginning of the reference, from merchant to merchant.
const OF_ANY_REFERENCE: &str = "WITH RECURSIVE merchant_of (id) AS (
         SELECT min(merchant) FROM payments
         UNION ALL
         SELECT (SELECT min(p.merchant) FROM payments p WHERE p.merchant > merchant_of.id)
         FROM merchant_of WHERE merchant_of.id IS NOT NULL
     )
     SELECT p.id FROM merchant_of CROSS JOIN payments p
     WHERE p.merchant = merchant_of.id AND p.reference_no >= ?2 AND p.reference_no < ?2 || CAST(x'ff' AS TEXT)
     LIMIT ?1";

/// All that were returned.
const RETURNED: &str = "SELECT id FROM payments WHERE returned_at IS NOT NULL LIMIT ?1";

/// All that were cancelled.
const CANCELLED: &str = "SELECT id FROM payments WHERE cancel_tx_id IS NOT NULL LIMIT ?1";

/// All of one merchant.
const OF_MERCHANT: &str = "SELECT id FROM payments INDEXED BY payments_reference WHERE merchant = ?2 LIMIT ?1";

/// Everything behind a place, in order.
const BEHIND: &str = "SELECT tx_second, tx_count, merchant, kind, id FROM payments INDEXED BY payments_tx_id
     WHERE (tx_second, tx_count, merchant, kind) < (?1, ?2, ?3, ?4) AND tx_second >= ?5
     ORDER BY tx_second DESC, tx_count DESC, merchant DESC, kind DESC";

/// The same, of those whose id is far ahead of their registration.
const AHEAD: &str = "SELECT tx_second, tx_count, merchant, kind, id FROM payments INDEXED BY payments_ahead
     WHERE tx_second * 1000 - registered_at > 60000
         AND (tx_second, tx_count, merchant, kind) < (?1, ?2, ?3, ?4) AND tx_second >= ?5
     ORDER BY tx_second DESC, tx_count DESC, merchant DESC, kind DESC";

/// The row that is asked for, unless its columns tell that it does not fit.
macro_rules! may_fit {
    () => {
        "id = ?1 AND (?2 IS NULL OR amount = ?2) AND (?3 IS NULL OR chain = ?3)
             AND (?4 IS NULL OR (paid_at IS NOT NULL) = ?4) AND (?5 IS NULL OR (cancel_tx_id IS NOT NULL) = ?5)
             AND (?6 IS NULL OR (returned_at IS NOT NULL) = ?6)"
    };
}

/// Where a row has its place.
const PLACE: &str = concat!("SELECT tx_second, tx_count, merchant, kind FROM payments WHERE ", may_fit!());

/// Finds payments, newest first.
pub(crate) fn find(conn: &Connection, numbering: &Numbering, search: &PaymentSearch) -> Result<Found, Trouble> {
    if search.tx_id.is_some() || search.pay_no.is_some() {
        return one(conn, numbering, search);
    }
    match few(conn, search)? {
        Some(rows) => in_order(conn, &rows, search),
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
    let payments = stored.into_iter().filter(|_| search.after.is_none());
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

/// The rows of all that may fit, where an index shows that they are few.
fn few(conn: &Connection, search: &PaymentSearch) -> Result<Option<Vec<i64>>, Trouble> {
    let text = |text: &str| Value::from(text.to_owned());
    let merchant = search.merchant.as_ref().map(|merchant| text(merchant.as_str()));
    let by_reference = search.reference_no.as_deref().map(|beginning| match &merchant {
        Some(merchant) => (OF_REFERENCE, vec![merchant.clone(), text(beginning)]),
        None => (OF_ANY_REFERENCE, vec![text(beginning)]),
    });
    let by_phase = match search.phase {
        Some(Phase::Returned) => Some((RETURNED, Vec::new())),
        Some(Phase::Cancelled) => Some((CANCELLED, Vec::new())),
        Some(Phase::AwaitingStore | Phase::Unpaid | Phase::ReadyToCommit | Phase::Paid | Phase::Expired) | None => None,
    };
    let by_merchant = merchant.map(|merchant| (OF_MERCHANT, vec![merchant]));
    let few = FEW.min(search.effort);
    let most = Value::from(i64::try_from(few.saturating_add(1)).unwrap_or(i64::MAX));
    for (sql, arguments) in [by_reference, by_phase, by_merchant].into_iter().flatten() {
        let arguments = std::iter::once(most.clone()).chain(arguments);
        let mut statement = conn.prepare_cached(sql)?;
        let rows = statement.query_map(params_from_iter(arguments), |row| row.get(0))?;
        let rows = rows.collect::<Result<Vec<i64>, _>>()?;
        if rows.len() <= few {
            return Ok(Some(rows));
        }
    }
    Ok(None)
}

/// Puts a few rows in order, and reads them until the page is full.
fn in_order(conn: &Connection, rows: &[i64], search: &PaymentSearch) -> Result<Found, Trouble> {
    let columns = Columns::of(search);
    let mut statement = conn.prepare_cached(PLACE)?;
    let mut places = Vec::new();
    for row in rows {
        let mut found = statement.query(columns.params(*row))?;
        if let Some(found) = found.next()? {
            places.push((Place::read(found, 0)?, *row));
        }
    }
    if let Some(key) = search.after {
        let after = Place::of(key);
        places.retain(|(place, _)| place.order() < after.order());
    }
    places.sort_by(|(a, _), (b, _)| b.order().cmp(&a.order()));
    let mut page = Found { payments: Vec::new(), next: None, looked_back_to: None };
    let mut last = None;
    for (_, row) in places {
        let Some(Placed { place, payment }) = look(conn, row, search, &columns)? else { continue };
        if page.payments.len() >= search.limit {
            page.next = last;
            break;
        }
        last = Some(place.key()?);
        page.payments.push(payment);
    }
    Ok(page)
}

/// What a row's columns tell before all of it is read.
struct Columns {
    amount: Option<i64>,
    chain: Option<&'static str>,
    paid: Option<bool>,
    cancelled: Option<bool>,
    returned: Option<bool>,
}

impl Columns {
    fn of(search: &PaymentSearch) -> Self {
        let (paid, cancelled, returned) = match search.phase {
            None => (None, None, None),
            Some(Phase::Paid) => (Some(true), Some(false), Some(false)),
            Some(Phase::Cancelled) => (Some(false), Some(true), Some(false)),
            Some(Phase::Returned) => (Some(true), Some(false), Some(true)),
            Some(Phase::AwaitingStore | Phase::Unpaid | Phase::ReadyToCommit | Phase::Expired) => {
                (Some(false), Some(false), Some(false))
            }
        };
        let amount = search.amount.map(|amount| i64::try_from(amount.get()).unwrap_or(i64::MAX));
        Self { amount, chain: search.chain.map(Chain::code), paid, cancelled, returned }
    }

    /// What `may_fit` asks for, with a row.
    fn params(&self, row: i64) -> impl Params + '_ {
        let Self { amount, chain, paid, cancelled, returned } = self;
        (row, amount, chain, paid, cancelled, returned)
    }
}

/// A payment with its place.
struct Placed {
    place: Place,
    payment: Payment,
}

/// A place in the order of time.
struct Place {
    second: i64,
    count: i64,
    merchant: String,
    kind: i64,
}

impl Place {
    /// Before everything that carries this second or an earlier one.
    const fn before(second: i64) -> Self {
        Self { second, count: i64::MAX, merchant: String::new(), kind: 0 }
    }

    fn of(key: SearchKey) -> Self {
        let (second, count, kind) = (key.second, key.count.into(), key.kind.into());
        Self { second, count, merchant: key.merchant().to_owned(), kind }
    }

    /// From the columns that begin at `first`.
    fn read(row: &Row<'_>, first: usize) -> Result<Self, rusqlite::Error> {
        Ok(Self {
            second: row.get(first)?,
            count: row.get(first + 1)?,
            merchant: row.get(first + 2)?,
            kind: row.get(first + 3)?,
        })
    }

    /// What SQL sorts by.
    fn order(&self) -> (i64, i64, &str, i64) {
        (self.second, self.count, &self.merchant, self.kind)
    }

    fn key(&self) -> Result<SearchKey, Trouble> {
        let corrupt = || Trouble::Corrupt("a payment's place in time".into());
        Ok(SearchKey {
            second: self.second,
            count: u32::try_from(self.count).map_err(|_| corrupt())?,
            merchant: self.merchant.as_bytes().try_into().map_err(|_| corrupt())?,
            kind: u8::try_from(self.kind).map_err(|_| corrupt())?,
        })
    }

    /// The same for who sees one merchant's payments alone, without another's name: of what has the same second and
    /// count, all of its own come before the other's or all behind.
    fn among(self, merchant: Option<&MerchantId>) -> Self {
        match merchant.map(MerchantId::as_str) {
            Some(own) if own < self.merchant.as_str() => {
                Self { merchant: own.to_owned(), kind: u8::MAX.into(), ..self }
            }
            Some(own) if own > self.merchant.as_str() => Self { merchant: own.to_owned(), kind: 0, ..self },
            Some(_) | None => self,
        }
    }
}

/// A payment by its row, if it fits.
fn look(conn: &Connection, row: i64, search: &PaymentSearch, columns: &Columns) -> Result<Option<Placed>, Trouble> {
    let mut statement = conn.prepare_cached(&format!(
        concat!("SELECT {}, tx_second, tx_count, merchant, kind FROM payments WHERE ", may_fit!()),
        COLUMNS
    ))?;
    let mut rows = statement.query(columns.params(row))?;
    let Some(found) = rows.next()? else { return Ok(None) };
    match read(found) {
        Ok(Stored { payment, .. }) if fits(&payment, search) => {
            let place = Place::read(found, found.as_ref().column_index("tx_second")?)?;
            Ok(Some(Placed { place, payment }))
        }
        Ok(_) => Ok(None),
        // One that cannot be read must not hide the others.
        Err(Trouble::Corrupt(what)) => {
            tracing::error!(payment = row, what, "a payment cannot be read, and is left out of a search");
            Ok(None)
        }
        Err(trouble) => Err(trouble),
    }
}

/// Reads in the order of time, until the page is full, the beginning is reached or the effort is used up.
fn by_time(conn: &Connection, search: &PaymentSearch) -> Result<Found, Trouble> {
    // An id carries the second of its registration or a later one, never an earlier one.
    let earliest = search.from.map_or(i64::MIN, Timestamp::as_second);
    let latest = search.until.map_or(i64::MAX, |until| until.as_second().saturating_add(AHEAD_SECS));
    let begin = search.after.map_or(Place::before(i64::MAX), Place::of);
    let mut walk = Walk {
        conn,
        search,
        columns: Columns::of(search),
        found: Found { payments: Vec::new(), next: None, looked_back_to: None },
        last: None,
        behind: None,
        left: search.effort.max(1).saturating_mul(ENTRIES_A_LOOK),
    };
    if begin.second > latest {
        // All of these come before all of the others.
        let ended = walk.through(AHEAD, &begin, earliest.max(latest.saturating_add(1)))?;
        if !ended {
            walk.through(BEHIND, &Place::before(latest), earliest)?;
        }
    } else {
        walk.through(BEHIND, &begin, earliest)?;
    }
    Ok(walk.found)
}

/// A search under way.
struct Walk<'a> {
    conn: &'a Connection,
    search: &'a PaymentSearch,
    columns: Columns,
    found: Found,
    /// The place of what was found last.
    last: Option<SearchKey>,
    /// The place of what was passed by or looked at last.
    behind: Option<Place>,
    /// What is left of the effort, in entries.
    left: usize,
}

impl Walk<'_> {
    /// Goes through what is behind a place; whether the search has ended before all of it was looked at.
    fn through(&mut self, sql: &str, begin: &Place, earliest: i64) -> Result<bool, Trouble> {
        let own = self.search.merchant.as_ref();
        let mut statement = self.conn.prepare_cached(sql)?;
        let mut rows = statement.query(params![begin.second, begin.count, begin.merchant, begin.kind, earliest])?;
        while let Some(row) = rows.next()? {
            if self.found.payments.len() >= self.search.limit {
                // There is at least one more to look at.
                self.found.next = self.last;
                return Ok(true);
            }
            if self.left == 0
                && let Some(behind) = self.behind.take()
            {
                // Some of its second may not have been looked at yet.
                let back_to = Timestamp::from_second(behind.second.saturating_add(1)).unwrap_or(Timestamp::MAX);
                self.found.looked_back_to = Some(self.search.until.map_or(back_to, |until| back_to.min(until)));
                self.found.next = Some(behind.among(own).key()?);
                return Ok(true);
            }
            let place = Place::read(row, 0)?;
            if own.is_none_or(|own| own.as_str() == place.merchant) {
                self.left = self.left.saturating_sub(ENTRIES_A_LOOK);
                if let Some(placed) = look(self.conn, row.get(4)?, self.search, &self.columns)? {
                    self.last = Some(placed.place.key()?);
                    self.found.payments.push(placed.payment);
                }
            } else {
                self.left -= 1;
            }
            self.behind = Some(place);
        }
        Ok(false)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// How SQLite goes about a statement.
    pub(crate) fn plan(sql: &str) -> String {
        let mut conn = Connection::open_in_memory().unwrap();
        crate::sqlite::migrations::migrations::runner().run(&mut conn).unwrap();
        let mut statement = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let mut rows = statement.raw_query();
        let mut lines = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            lines.push(row.get::<_, String>(3).unwrap());
        }
        lines.join("\n")
    }

    #[test]
    fn no_search_goes_through_all_payments() {
        for (sql, uses) in [
            (OF_REFERENCE, "COVERING INDEX payments_reference (merchant=? AND reference_no>? AND reference_no<?)"),
            (OF_ANY_REFERENCE, "COVERING INDEX payments_reference (merchant=? AND reference_no>? AND reference_no<?)"),
            (OF_MERCHANT, "COVERING INDEX payments_reference (merchant=?)"),
            (RETURNED, "COVERING INDEX payments_returned_at"),
            (CANCELLED, "COVERING INDEX payments_cancel_tx_id"),
            (BEHIND, "COVERING INDEX payments_tx_id (tx_second>? AND (tx_second,tx_count,merchant,kind)<"),
            (AHEAD, "INDEX payments_ahead (tx_second>? AND (tx_second,tx_count,merchant,kind)<"),
        ] {
            let plan = plan(sql);
            assert!(plan.contains(uses), "{plan}");
            assert!(!plan.contains("SCAN p") && !plan.contains("TEMP B-TREE"), "{plan}");
        }
    }
}
