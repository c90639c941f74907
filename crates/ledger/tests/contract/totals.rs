//! What each day took, against adding it up.

use super::*;
use gerai_domain::wib;
use gerai_ledger::{DayTotal, Sum, TotalsQuery};
use jiff::civil::Date;
use std::collections::BTreeMap;

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn between(first: &str, last: &str) -> TotalsQuery {
    TotalsQuery { merchant: None, chain: None, first: day(first), last: day(last) }
}

/// Everything that the tests do.
fn all_days() -> TotalsQuery {
    between("2026-01-01", "2026-12-31")
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A till that is open at any hour.
fn pay_at_any_hour(chain: Chain, trace_no: &str) -> Command {
    match pay(chain, trace_no) {
        Command::Pay { visit, amount, trace_no, biller, own_lines } => {
            Command::Pay { visit: StoreVisit { simulated: true, ..visit }, amount, trace_no, biller, own_lines }
        }
        other => other,
    }
}

fn sum(count: u64) -> Sum {
    Sum { count, rupiah: count * OWED }
}

/// As day, chain, merchant, paid, returned.
fn lines(totals: &[DayTotal]) -> Vec<(String, Chain, &str, u64, u64)> {
    let mut lines = Vec::new();
    for DayTotal { day, chain, merchant, paid, returned } in totals {
        for sum in [paid, returned] {
            assert_eq!(sum.rupiah, sum.count * OWED, "every payment owes the same");
        }
        lines.push((day.to_string(), *chain, merchant.as_str(), paid.count, returned.count));
    }
    lines.sort_by(|a, b| b.0.cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    lines
}

pub(crate) async fn a_days_totals_begin_and_end_at_midnight_in_jakarta<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    for (reference, taken_at) in [
        ("before", "2026-03-03T23:59:59.999+07:00"),
        ("first", "2026-03-04T00:00:00+07:00"),
        ("in UTC's day", "2026-03-04T06:59:59.999+07:00"),
        ("noon", "2026-03-04T07:00:00+07:00"),
        ("last", "2026-03-04T23:59:59.999+07:00"),
        ("after", "2026-03-05T00:00:00+07:00"),
    ] {
        let payment = open(&*ledger, indo(reference)).await;
        done(&*ledger, &payment, pay_at_any_hour(Chain::Indo, "t1"), at(taken_at)).await;
    }
    let line = |day: &str, count| (day.to_owned(), Chain::Indo, "GERAITEST1", count, 0);
    let totals = ledger.totals(all_days()).await.unwrap();
    assert_eq!(lines(&totals), [line("2026-03-05", 1), line("2026-03-04", 4), line("2026-03-03", 1)]);
    assert!(totals.is_sorted_by(|later, earlier| later.day >= earlier.day), "latest day first");
    let totals = ledger.totals(between("2026-03-04", "2026-03-04")).await.unwrap();
    assert_eq!(
        totals,
        [DayTotal {
            day: day("2026-03-04"),
            chain: Chain::Indo,
            merchant: sinta(),
            paid: sum(4),
            returned: Sum::default()
        }]
    );
    let totals = ledger.totals(between("2026-03-04", "2026-03-05")).await.unwrap();
    assert_eq!(lines(&totals), [line("2026-03-05", 1), line("2026-03-04", 4)]);
    // Days on which nothing happened, days in the wrong order, and the ends of time.
    for (first, last) in
        [("2026-03-06", "2026-04-06"), ("2026-03-05", "2026-03-03"), ("-009999-01-01", "-009999-01-02")]
    {
        assert_eq!(ledger.totals(between(first, last)).await.unwrap(), []);
    }
    let ever = TotalsQuery { first: Date::MIN, last: Date::MAX, ..all_days() };
    assert_eq!(ledger.totals(ever).await.unwrap().len(), 3);
}

pub(crate) async fn totals_are_of_the_day_on_which_the_money_moved<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    // Taken before midnight, committed after it: the cash is in the first day's till.
    let late = open(&*ledger, alma("late commit")).await;
    done(&*ledger, &late, pay_at_any_hour(Chain::Alma, "t1"), at("2026-03-02T23:59:00+07:00")).await;
    assert_eq!(ledger.totals(all_days()).await.unwrap(), [], "not paid before the commit");
    done(&*ledger, &late, commit("t1"), at("2026-03-03T00:01:00+07:00")).await;
    // Reversed: as if nothing had been.
    let reversed = open(&*ledger, indo("reversed")).await;
    done(&*ledger, &reversed, pay(Chain::Indo, "t1"), noon()).await;
    done(&*ledger, &reversed, reverse(Chain::Indo, "t1"), noon_and(10)).await;
    // Reversed and paid again on a later day.
    let again = open(&*ledger, indo("again")).await;
    done(&*ledger, &again, pay(Chain::Indo, "t1"), noon()).await;
    done(&*ledger, &again, reverse(Chain::Indo, "t1"), noon_and(10)).await;
    done(&*ledger, &again, pay(Chain::Indo, "t2"), noon_and(2 * DAY)).await;
    // Returned on the same day, on a later one, and at midnight.
    for (reference, returned_at) in
        [("same", noon_and(100)), ("later", noon_and(DAY)), ("midnight", at("2026-03-05T00:00:00+07:00"))]
    {
        let payment = open(&*ledger, indo(reference)).await;
        done(&*ledger, &payment, pay(Chain::Indo, "t1"), noon()).await;
        done(&*ledger, &payment, give_back(), returned_at).await;
    }
    // The other chain, and the other merchant.
    let theirs = open(&*ledger, by(alma("theirs"), budi())).await;
    done(&*ledger, &theirs, pay(Chain::Alma, "t1"), noon()).await;
    done(&*ledger, &theirs, commit("t1"), noon()).await;
    let chosen = open(&*ledger, registration("chosen", None)).await;
    done(&*ledger, &chosen, choose(Chain::Indo), noon()).await;
    done(&*ledger, &chosen, pay(Chain::Indo, "t1"), noon()).await;
    open(&*ledger, indo("unpaid")).await;
    let cancelled = open(&*ledger, indo("cancelled")).await;
    done(&*ledger, &cancelled, cancel(), noon()).await;

    let (mine, other) = ("GERAITEST1", "GERAITEST2");
    let line = |day: &str, chain, merchant, paid, returned| (day.to_owned(), chain, merchant, paid, returned);
    let expected = [
        line("2026-03-05", Chain::Indo, mine, 0, 1),
        line("2026-03-04", Chain::Indo, mine, 1, 0),
        line("2026-03-03", Chain::Indo, mine, 0, 1),
        line("2026-03-02", Chain::Alma, mine, 1, 0),
        line("2026-03-02", Chain::Alma, other, 1, 0),
        line("2026-03-02", Chain::Indo, mine, 4, 1),
    ];
    assert_eq!(lines(&ledger.totals(all_days()).await.unwrap()), expected);
    for chain in Chain::ALL {
        for merchant in [None, Some(sinta()), Some(budi()), Some(self::merchant("NOBODYATAL"))] {
            let query = TotalsQuery { chain: Some(chain), merchant: merchant.clone(), ..all_days() };
            let of_both = |line: &&(String, Chain, &str, u64, u64)| {
                line.1 == chain && merchant.as_ref().is_none_or(|merchant| merchant.as_str() == line.2)
            };
            let expected: Vec<_> = expected.iter().filter(of_both).cloned().collect();
            assert_eq!(lines(&ledger.totals(query).await.unwrap()), expected, "{chain:?} {merchant:?}");
        }
    }
    let of_budi = TotalsQuery { merchant: Some(budi()), ..all_days() };
    assert_eq!(lines(&ledger.totals(of_budi).await.unwrap()), [expected[4].clone()]);
    // The same after a restart; nothing after everything is forgotten.
    drop(ledger);
    let ledger = engine.open().await;
    assert_eq!(lines(&ledger.totals(all_days()).await.unwrap()), expected);
    ledger.forget_payments().await.unwrap();
    assert_eq!(ledger.totals(all_days()).await.unwrap(), []);
}

pub(crate) async fn after_any_commands_the_totals_are_what_the_payments_add_up_to<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    // A random walk with a fixed seed, in which a step is some hours long.
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move |below: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % below
    };
    let merchants = [sinta(), budi(), merchant("geraitest1")];
    let mut expected: BTreeMap<(Date, Chain, MerchantId), (Sum, Sum)> = BTreeMap::new();
    let mut returned = 0;
    for i in 0..150 {
        let chain = Chain::ALL[usize::try_from(next(2)).unwrap()];
        let owner = merchants[usize::try_from(next(3)).unwrap()].clone();
        let owed = 10_000 + next(1_000_000);
        let mut new = by(registration(&format!("R{i}"), Some(chain)), owner.clone());
        new.ask.amount = Rupiah::new(owed).unwrap();
        new.deadline = noon_and(400 * DAY);
        let payment = open(&*ledger, new).await;
        let mut now = noon_and(i64::try_from(next(10 * 86_400)).unwrap());
        for _ in 0..7 {
            let trace_no = format!("t{}", next(2));
            let wanted = match next(8) {
                0..=2 => match pay_at_any_hour(chain, &trace_no) {
                    Command::Pay { visit, trace_no, biller, own_lines, .. } => {
                        Command::Pay { visit, amount: payment.terms.amount, trace_no, biller, own_lines }
                    }
                    other => other,
                },
                3 | 4 => commit(&trace_no),
                5 | 6 => reverse(chain, &trace_no),
                _ => give_back(),
            };
            // Refusals are part of it.
            let _ = command(&*ledger, &payment, wanted, now).await;
            now = later(now, [20, 200, 9_000, 40_000][usize::try_from(next(4)).unwrap()]);
        }
        let payment = found(&*ledger, &payment).await;
        let mut add = |at: Timestamp, is_return: bool| {
            let line = expected.entry((wib::wall(at).date(), chain, owner.clone())).or_default();
            let sum = if is_return { &mut line.1 } else { &mut line.0 };
            sum.count += 1;
            sum.rupiah += owed;
        };
        if let Some(attempt) = payment.paid_attempt() {
            add(attempt.taken_at, false);
        }
        if let Some(given_back) = &payment.standing.returned {
            add(given_back.at, true);
            returned += 1;
        }
    }
    assert!(expected.len() > 30 && returned > 10, "{} lines would prove little", expected.len());
    let totals = ledger.totals(all_days()).await.unwrap();
    assert_eq!(totals.len(), expected.len());
    for DayTotal { day, chain, merchant, paid, returned } in totals {
        assert_eq!(expected[&(day, chain, merchant.clone())], (paid, returned), "{day} {chain:?} {merchant}");
    }
}
