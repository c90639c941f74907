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

/// What a chain took between two instants and did not give back. It is added up here: SQL would sort all of it first.
const PAID: &str = "SELECT paid_at, amount, merchant FROM payments
     WHERE chain = ?1 AND paid_at >= ?2 AND paid_at < ?3 AND (?4 IS NULL OR merchant = ?4) ORDER BY paid_at";

/// What was given back by hand between them.
const RETURNED: &str = "SELECT returned_at, amount, merchant FROM payments
     WHERE returned_at >= ?2 AND returned_at < ?3 AND chain = ?1 AND (?4 IS NULL OR merchant = ?4)
     ORDER BY returned_at";

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
            let mut rows = statement.query(params![chain.code(), span.0, span.1, merchant])?;
            let mut today: (i64, HashMap<String, Sum>) = (0, HashMap::new());
            while let Some(row) = rows.next()? {
                let (at, amount): (i64, i64) = (row.get(0)?, row.get(1)?);
                let day = at.saturating_add(WIB_MS).div_euclid(DAY_MS);
                if day != today.0 {
                    end_day(&mut lines, &mut today, chain, returned);
                    today.0 = day;
                }
                let merchant = row.get_ref(2)?.as_str().map_err(|_| Trouble::Corrupt("a payment's merchant".into()))?;
                let sum = match today.1.get_mut(merchant) {
                    Some(sum) => sum,
                    None => today.1.entry(merchant.to_owned()).or_default(),
                };
                sum.count += 1;
                sum.rupiah = sum.rupiah.saturating_add(u64::try_from(amount).unwrap_or(0));
            }
            end_day(&mut lines, &mut today, chain, returned);
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

/// Moves what was added up of a day into the lines.
fn end_day(lines: &mut Lines, (day, sums): &mut (i64, HashMap<String, Sum>), chain: Chain, returned: bool) {
    for (merchant, sum) in sums.drain() {
        let (paid, given_back) = lines.entry((*day, chain, merchant)).or_default();
        *(if returned { given_back } else { paid }) = sum;
    }
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
            assert!(!plan.contains("SCAN") && !plan.contains("TEMP B-TREE"), "{plan}");
        }
    }
}
