//! What each day took, read off two indexes that hold all it takes: no payment's row is looked at.

use crate::search::{DayTotal, Sum, TotalsQuery};
use crate::sqlite::millis;
use crate::sqlite::writer::Trouble;
use gerai_domain::{Chain, MerchantId, wib};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use rusqlite::{Connection, params};
use std::collections::{BTreeMap, HashMap};

const DAY_MS: i64 = 86_400_000;
/// Jakarta's midnight comes seven hours before UTC's.
const WIB_MS: i64 = 7 * 3_600_000;

// In the order of the index: to have SQLite group them, it would put them all in order first.
pub(super) const PAID: &str = "SELECT (paid_at + ?5) / ?6, merchant, amount FROM payments
     WHERE chain = ?1 AND paid_at >= ?2 AND paid_at < ?3 AND (?4 IS NULL OR merchant = ?4) ORDER BY paid_at";
pub(super) const RETURNED: &str = "SELECT (returned_at + ?5) / ?6, merchant, amount FROM payments
     WHERE returned_at >= ?2 AND returned_at < ?3 AND chain = ?1 AND (?4 IS NULL OR merchant = ?4)
     ORDER BY returned_at";

/// Paid and returned, by day since 1970 in WIB, chain and merchant.
type Lines = BTreeMap<(i64, Chain, String), (Sum, Sum)>;

/// The totals, latest day first.
pub(crate) fn read(conn: &Connection, query: &TotalsQuery) -> Result<Vec<DayTotal>, Trouble> {
    let TotalsQuery { merchant, chain, first, last } = query;
    let after = last.checked_add(1.day()).unwrap_or(Date::MAX);
    let begins = |day: Date| wib::instant(day.at(0, 0, 0, 0));
    let span = (millis(begins(*first).unwrap_or(Timestamp::MIN)), millis(begins(after).unwrap_or(Timestamp::MAX)));
    let merchant = merchant.as_ref().map(MerchantId::as_str);
    let mut lines = Lines::new();
    for chain in Chain::ALL.into_iter().filter(|each| chain.is_none_or(|chain| chain == *each)) {
        for (sql, returned) in [(PAID, false), (RETURNED, true)] {
            let mut statement = conn.prepare_cached(sql)?;
            let mut rows = statement.query(params![chain.code(), span.0, span.1, merchant, WIB_MS, DAY_MS])?;
            let mut note = |day, of_day: &mut HashMap<String, Sum>| {
                for (merchant, sum) in of_day.drain() {
                    let line = lines.entry((day, chain, merchant)).or_default();
                    if returned { line.1 = sum } else { line.0 = sum }
                }
            };
            let (mut day, mut of_day) = (i64::MIN, HashMap::new());
            while let Some(row) = rows.next()? {
                let paid_on: i64 = row.get(0)?;
                if paid_on != day {
                    note(day, &mut of_day);
                    day = paid_on;
                }
                let merchant = row.get_ref(1)?.as_str().map_err(|_| Trouble::Corrupt("a payment's merchant".into()))?;
                let sum = match of_day.get_mut(merchant) {
                    Some(sum) => sum,
                    None => of_day.entry(merchant.to_owned()).or_default(),
                };
                sum.count += 1;
                sum.rupiah = sum.rupiah.saturating_add(u64::try_from(row.get::<_, i64>(2)?).unwrap_or(0));
            }
            note(day, &mut of_day);
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
