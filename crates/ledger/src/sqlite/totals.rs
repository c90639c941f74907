//! What each day took, read off two indexes that hold all it takes: no payment's row is looked at.

use crate::search::{DayTotal, Sum, TotalsQuery};
use crate::sqlite::millis;
use crate::sqlite::writer::Trouble;
use gerai_domain::{Chain, MerchantId, wib};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use rusqlite::{Connection, params};
use std::collections::BTreeMap;

const DAY_MS: i64 = 86_400_000;
/// Jakarta's midnight comes seven hours before UTC's.
const WIB_MS: i64 = 7 * 3_600_000;

/// What a chain took between two instants and did not give back, by day and merchant.
const PAID: &str = "SELECT (paid_at + ?5) / ?6 AS day, merchant, count(*), sum(amount) FROM payments
     WHERE chain = ?1 AND paid_at >= ?2 AND paid_at < ?3 AND (?4 IS NULL OR merchant = ?4)
     GROUP BY day, merchant";

/// What was given back by hand between them.
const RETURNED: &str = "SELECT (returned_at + ?5) / ?6 AS day, merchant, count(*), sum(amount) FROM payments
     WHERE returned_at >= ?2 AND returned_at < ?3 AND chain = ?1 AND (?4 IS NULL OR merchant = ?4)
     GROUP BY day, merchant";

/// Paid and returned, by day since 1970 in WIB, chain and merchant.
type Lines = BTreeMap<(i64, Chain, String), (Sum, Sum)>;

/// The totals, latest day first.
pub(crate) fn read(conn: &Connection, query: &TotalsQuery) -> Result<Vec<DayTotal>, Trouble> {
    let TotalsQuery { merchant, chain, first, last } = query;
    let after = last.checked_add(1.day()).unwrap_or(Date::MAX);
    let begins = |day: Date| wib::instant(day.at(0, 0, 0, 0)).unwrap_or(Timestamp::MAX);
    let span = (millis(begins(*first)), millis(begins(after)));
    let merchant = merchant.as_ref().map(MerchantId::as_str);
    let mut lines = Lines::new();
    for chain in Chain::ALL.into_iter().filter(|each| chain.is_none_or(|chain| chain == *each)) {
        for (sql, returned) in [(PAID, false), (RETURNED, true)] {
            let mut statement = conn.prepare_cached(sql)?;
            let mut rows = statement.query(params![chain.code(), span.0, span.1, merchant, WIB_MS, DAY_MS])?;
            while let Some(row) = rows.next()? {
                let (count, rupiah): (i64, i64) = (row.get(2)?, row.get(3)?);
                let unsigned = |number: i64| u64::try_from(number).unwrap_or(0);
                let sum = Sum { count: unsigned(count), rupiah: unsigned(rupiah) };
                let line = lines.entry((row.get(0)?, chain, row.get(1)?)).or_default();
                if returned { line.1 = sum } else { line.0 = sum }
            }
        }
    }
    let total = |((day, chain, merchant), (paid, returned)): ((i64, Chain, String), (Sum, Sum))| {
        let merchant: MerchantId = merchant.parse().map_err(|_| Trouble::Corrupt("a payment's merchant".into()))?;
        let day = Timestamp::from_millisecond(day * DAY_MS).map_err(|_| Trouble::Corrupt("a payment's day".into()))?;
        let day = jiff::tz::Offset::UTC.to_datetime(day).date();
        Ok(DayTotal { day, chain, merchant, paid, returned })
    };
    let mut totals: Vec<DayTotal> = lines.into_iter().map(total).collect::<Result<_, Trouble>>()?;
    totals.sort_by_key(|total| std::cmp::Reverse(total.day));
    Ok(totals)
}

#[cfg(test)]
mod tests {
    use super::{PAID, RETURNED};
    use crate::sqlite::search::tests::plan;

    #[test]
    fn a_days_total_is_read_off_indexes_alone() {
        for (sql, index) in [(PAID, "payments_paid_at (chain=? AND "), (RETURNED, "payments_returned_at (returned_at>")]
        {
            let plan = plan(sql);
            assert!(plan.contains(&format!("SEARCH payments USING COVERING INDEX {index}")), "{plan}");
            assert!(!plan.contains("SCAN"), "{plan}");
        }
    }
}
