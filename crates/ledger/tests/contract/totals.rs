//! What each day took, in WIB days: what was paid and what was given back by hand.

use super::*;
use gerai_domain::wib;
use gerai_ledger::{DayTotal, Sum, TotalsQuery};
use jiff::civil::{Date, date};
use std::collections::BTreeMap;

const MONDAY: Date = date(2026, 3, 2);
const TUESDAY: Date = date(2026, 3, 3);
const WEDNESDAY: Date = date(2026, 3, 4);

/// All merchants' at all chains, from the day before until long after.
fn all() -> TotalsQuery {
    TotalsQuery { merchant: None, chain: None, first: date(2026, 3, 1), last: date(2026, 5, 31) }
}

fn sum(count: u64, rupiah: u64) -> Sum {
    Sum { count, rupiah }
}

fn line(day: Date, chain: Chain, merchant: MerchantId, paid: Sum, returned: Sum) -> DayTotal {
    DayTotal { day, chain, merchant, paid, returned }
}

/// The moment at which Jakarta's clocks show this.
fn jakarta(wall: &str) -> Timestamp {
    format!("{wall}+07:00").parse().unwrap()
}

/// Paid at Indomaret at this moment.
async fn paid_at(ledger: &dyn Ledger, reference: &str, merchant: MerchantId, at: Timestamp) -> Payment {
    let payment = open(ledger, by(indo(reference), merchant)).await;
    done(ledger, &payment, simulated(Chain::Indo), at).await;
    payment
}

/// A payment that no store's hours bind.
fn simulated(chain: Chain) -> Command {
    match pay(chain, "t1") {
        Command::Pay { visit, amount, trace_no, biller, own_lines } => {
            Command::Pay { visit: StoreVisit { simulated: true, ..visit }, amount, trace_no, biller, own_lines }
        }
        other => other,
    }
}

async fn totals(ledger: &dyn Ledger, query: &TotalsQuery) -> Vec<DayTotal> {
    ledger.totals(query.clone()).await.unwrap()
}

pub(crate) async fn a_day_begins_and_ends_at_jakartas_midnight<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    assert_eq!(totals(&*ledger, &all()).await, []);
    for (reference, at) in [
        ("noon", "2026-03-02T12:00:00"),
        ("last", "2026-03-02T23:59:59.999"),
        ("first", "2026-03-03T00:00:00"),
        ("utc midnight", "2026-03-03T07:00:00"),
        ("last too", "2026-03-03T23:59:59.999"),
        ("the day after", "2026-03-04T00:00:00"),
    ] {
        paid_at(&*ledger, reference, sinta(), jakarta(at)).await;
    }
    let day = |day, count| line(day, Chain::Indo, sinta(), sum(count, count * OWED), sum(0, 0));
    assert_eq!(totals(&*ledger, &all()).await, [day(WEDNESDAY, 1), day(TUESDAY, 3), day(MONDAY, 2)]);
    let one = TotalsQuery { first: TUESDAY, last: TUESDAY, ..all() };
    assert_eq!(totals(&*ledger, &one).await, [day(TUESDAY, 3)]);
    let none = TotalsQuery { first: TUESDAY, last: MONDAY, ..all() };
    assert_eq!(totals(&*ledger, &none).await, []);
}

pub(crate) async fn a_days_total_is_what_was_taken_and_not_reversed_by_chain_and_merchant<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    paid_at(&*ledger, "A", sinta(), noon()).await;
    paid_at(&*ledger, "B", sinta(), noon_and(1)).await;
    paid_at(&*ledger, "A", budi(), noon()).await;
    let at_alma = open(&*ledger, alma("C")).await;
    done(&*ledger, &at_alma, simulated(Chain::Alma), noon()).await;
    let monday = |chain, merchant, count| line(MONDAY, chain, merchant, sum(count, count * OWED), sum(0, 0));
    let indomarets = [monday(Chain::Indo, sinta(), 2), monday(Chain::Indo, budi(), 1)];
    assert_eq!(totals(&*ledger, &all()).await, indomarets, "not before its commit");

    // Committed late, on the next day: it counts for the day on which the cash was taken.
    done(&*ledger, &at_alma, commit("t1"), noon_and(DAY)).await;
    let whole = [monday(Chain::Alma, sinta(), 1), indomarets[0].clone(), indomarets[1].clone()];
    assert_eq!(totals(&*ledger, &all()).await, whole);
    let of = |merchant, chain| TotalsQuery { merchant, chain, ..all() };
    assert_eq!(totals(&*ledger, &of(None, Some(Chain::Alma))).await, whole[..1]);
    assert_eq!(totals(&*ledger, &of(None, Some(Chain::Indo))).await, indomarets);
    assert_eq!(totals(&*ledger, &of(Some(sinta()), None)).await, whole[..2]);
    assert_eq!(totals(&*ledger, &of(Some(budi()), Some(Chain::Indo))).await, whole[2..]);
    assert_eq!(totals(&*ledger, &of(Some(budi()), Some(Chain::Alma))).await, []);

    // What the chain takes back was never taken; paid anew it counts for the new day.
    let payment = paid_at(&*ledger, "D", budi(), noon_and(2)).await;
    done(&*ledger, &payment, reverse(Chain::Indo, "t1"), noon_and(3)).await;
    assert_eq!(totals(&*ledger, &all()).await, whole);
    done(&*ledger, &payment, pay(Chain::Indo, "t2"), noon_and(2 * DAY)).await;
    let anew = line(WEDNESDAY, Chain::Indo, budi(), sum(1, OWED), sum(0, 0));
    assert_eq!(totals(&*ledger, &all()).await.first(), Some(&anew));
}

pub(crate) async fn rule_11_a_return_counts_on_its_own_day_and_the_payment_on_its_day<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let first = paid_at(&*ledger, "A", sinta(), noon()).await;
    let second = paid_at(&*ledger, "B", sinta(), noon()).await;
    done(&*ledger, &first, give_back(), jakarta("2026-03-02T23:59:59.999")).await;
    done(&*ledger, &second, give_back(), jakarta("2026-03-04T00:00:00")).await;
    let monday = line(MONDAY, Chain::Indo, sinta(), sum(2, 2 * OWED), sum(1, OWED));
    let wednesday = line(WEDNESDAY, Chain::Indo, sinta(), sum(0, 0), sum(1, OWED));
    assert_eq!(totals(&*ledger, &all()).await, [wednesday.clone(), monday]);
    let later = TotalsQuery { first: TUESDAY, merchant: Some(sinta()), chain: Some(Chain::Indo), ..all() };
    assert_eq!(totals(&*ledger, &later).await, [wednesday]);
    assert_eq!(totals(&*ledger, &TotalsQuery { merchant: Some(budi()), ..later }).await, []);
}

pub(crate) async fn more_than_one_amount_can_be_is_added_up<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let most = Rupiah::new(999_999_999_999).unwrap();
    for i in 0..3 {
        let mut new = indo(&format!("R{i}"));
        new.ask.amount = most;
        let payment = open(&*ledger, new).await;
        let Command::Pay { visit, trace_no, biller, own_lines, .. } = pay(Chain::Indo, "t1") else { panic!() };
        done(&*ledger, &payment, Command::Pay { visit, amount: most, trace_no, biller, own_lines }, noon()).await;
    }
    let total = line(MONDAY, Chain::Indo, sinta(), sum(3, 2_999_999_999_997), sum(0, 0));
    assert_eq!(totals(&*ledger, &all()).await, [total]);
}

pub(crate) async fn after_any_commands_the_totals_are_those_of_the_payments<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    // A random walk with a fixed seed.
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move |below: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % below
    };
    let mut expected: BTreeMap<(Date, Chain, MerchantId), (Sum, Sum)> = BTreeMap::new();
    let add = |sum: &mut Sum, payment: &Payment| {
        sum.count += 1;
        sum.rupiah += payment.terms.amount.get();
    };
    for i in 0..60 {
        let whose = if next(2) == 0 { sinta() } else { budi() };
        let payment = open(&*ledger, by(alma(&format!("R{i}")), whose)).await;
        let mut at = noon_and(i64::try_from(next(4)).unwrap() * DAY);
        for _ in 0..8 {
            let trace = format!("t{}", next(3));
            let wanted = match next(6) {
                0 | 1 => pay(Chain::Alma, &trace),
                2 | 3 => commit(&trace),
                4 => reverse(Chain::Alma, &trace),
                _ => give_back(),
            };
            // Refusals are part of it.
            let _ = command(&*ledger, &payment, wanted, at).await;
            at = later(at, i64::try_from(next(2) * 200 + next(2) * 40_000).unwrap());
        }
        let payment = found(&*ledger, &payment).await;
        let mut of_day = |at: Timestamp, returned: bool| {
            let key = (wib::wall(at).date(), Chain::Alma, payment.terms.merchant.clone());
            let (paid, given_back) = expected.entry(key).or_default();
            add(if returned { given_back } else { paid }, &payment);
        };
        if let Some(attempt) = payment.paid_attempt() {
            of_day(attempt.taken_at, false);
        }
        if let Some(returned) = &payment.standing.returned {
            of_day(returned.at, true);
        }
    }
    assert!(expected.len() > 6, "{} lines would prove little", expected.len());
    let mut found = totals(&*ledger, &all()).await;
    assert!(found.is_sorted_by(|later, earlier| later.day >= earlier.day));
    found.sort_by(|a, b| (a.day, a.chain, &a.merchant).cmp(&(b.day, b.chain, &b.merchant)));
    let expected: Vec<DayTotal> = expected
        .into_iter()
        .map(|((day, chain, merchant), (paid, returned))| line(day, chain, merchant, paid, returned))
        .collect();
    assert_eq!(found, expected);
}
