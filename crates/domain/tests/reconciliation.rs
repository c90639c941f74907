//! A chain's end-of-day file against what was paid here (rules 5, 7 to 11).

mod support;

use gerai_domain::{
    BusinessDay, CashClass, CashLine, Chain, PayNo, Payment, PaymentClass, Reconciliation, Sum, WhyNoPayment,
};
use jiff::civil::{date, time};
use proptest::collection::vec;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};
use std::collections::{BTreeMap, BTreeSet};
use support::{Life, OWED, rupiah, taken, wib};

/// The whole of the tests' Monday.
fn monday() -> BusinessDay {
    BusinessDay::of(date(2026, 3, 2), time(0, 0, 0, 0)).expect("a day")
}

fn begun(chain: Chain, traced: bool) -> Reconciliation {
    Reconciliation::new(chain, monday(), traced, wib("2026-03-03 08:00:00"))
}

fn number(payment: &Payment) -> String {
    payment.standing.pay_no.expect("a number").to_string()
}

fn line(line: u32, number: &str, amount: u64, trace_no: Option<&str>) -> CashLine {
    CashLine { line, number: number.into(), amount: rupiah(amount), trace_no: trace_no.map(str::to_owned) }
}

const fn without(why: WhyNoPayment) -> CashClass {
    CashClass::WithoutPayment(why)
}

#[test]
fn each_line_is_judged_by_what_became_of_its_payment() {
    let expired = {
        let mut life = Life::short(Chain::Alma, 60);
        life.wait(61).sweep();
        life
    };
    let cancelled = {
        let mut life = Life::alma();
        life.cancel().verdict.unwrap();
        life
    };
    let cancelled_after_a_lapse = {
        let mut life = Life::alma().lapsed("a");
        life.cancel().verdict.unwrap();
        life
    };
    let reversed = {
        let mut life = Life::alma().paid("a");
        life.reverse("a").verdict.unwrap();
        life
    };
    let reversed_beforehand = {
        let mut life = Life::alma();
        life.reverse("a").verdict.unwrap();
        life
    };
    let paid_again = {
        let mut life = reversed.clone();
        taken(&life.pay("b"));
        taken(&life.commit("b"));
        life
    };
    let returned = {
        let mut life = Life::alma().paid("a");
        life.give_back().verdict.unwrap();
        life
    };
    let late = {
        let mut life = Life::alma().lapsed("a");
        life.until(wib("2026-03-03 03:00:00"));
        taken(&life.commit("a"));
        life
    };
    let the_day_before = {
        let mut life = Life::alma();
        life.until(wib("2026-03-03 12:00:00"));
        life.paid("a")
    };
    // Ready to commit when the day's file is read.
    let ready = {
        let mut life = Life::alma();
        life.until(wib("2026-03-03 07:59:00"));
        taken(&life.pay("a"));
        life
    };
    for (name, life, amount, trace_no, expected) in [
        ("paid", Life::alma().paid("a"), OWED, Some("a"), CashClass::Matched),
        ("paid, the file without traces", Life::alma().paid("a"), OWED, None, CashClass::Matched),
        ("returned: the chain has the cash", returned, OWED, Some("a"), CashClass::Matched),
        ("committed late, taken that day", late, OWED, Some("a"), CashClass::Matched),
        ("less", Life::alma().paid("a"), OWED - 1, Some("a"), CashClass::AmountDiffers),
        ("more", Life::alma().paid("a"), OWED + 1, None, CashClass::AmountDiffers),
        ("another trace", Life::alma().paid("a"), OWED, Some("b"), without(WhyNoPayment::OtherTrace)),
        (
            "lapsed, and another one paid",
            Life::alma().lapsed("a").paid("b"),
            OWED,
            Some("a"),
            without(WhyNoPayment::OtherTrace),
        ),
        ("reversed, and another one paid", paid_again.clone(), OWED, Some("a"), without(WhyNoPayment::Reversed)),
        ("the other one", paid_again, OWED, Some("b"), CashClass::Matched),
        ("another day", the_day_before, OWED, Some("a"), without(WhyNoPayment::OtherDay)),
        ("unpaid", Life::alma(), OWED, Some("a"), without(WhyNoPayment::Unpaid)),
        ("unpaid, the file without traces", Life::alma(), OWED, None, without(WhyNoPayment::Unpaid)),
        ("lapsed", Life::alma().lapsed("a"), OWED, Some("a"), without(WhyNoPayment::Unpaid)),
        ("not committed", ready, OWED, Some("a"), without(WhyNoPayment::NotCommitted)),
        ("expired", expired, OWED, Some("a"), without(WhyNoPayment::Expired)),
        ("cancelled", cancelled, OWED, None, without(WhyNoPayment::Cancelled)),
        ("cancelled after a lapse", cancelled_after_a_lapse, OWED, Some("a"), without(WhyNoPayment::Cancelled)),
        ("reversed", reversed.clone(), OWED, Some("a"), without(WhyNoPayment::Reversed)),
        ("reversed, the file without traces", reversed, OWED, None, without(WhyNoPayment::Reversed)),
        ("reversed beforehand", reversed_beforehand, OWED, Some("a"), without(WhyNoPayment::Reversed)),
        ("another chain's", Life::indo().paid("a"), OWED, Some("a"), without(WhyNoPayment::OtherChain)),
    ] {
        let mut reconciliation = begun(Chain::Alma, trace_no.is_some());
        let cash = line(1, &number(&life.payment), amount, trace_no);
        assert_eq!(reconciliation.cash(&cash, Some(&life.payment)), (expected, None), "{name}");
        let totals = reconciliation.totals();
        assert_eq!(totals.file, BTreeMap::from([(expected, Sum { count: 1, rupiah: amount })]), "{name}");
        assert_eq!(totals.all_matched(), expected == CashClass::Matched, "{name}");
    }
}

#[test]
fn s19_a_number_that_names_no_payment_is_told_apart() {
    let known = PayNo::draw(1, 4_711).to_string();
    let mistyped = format!("{:012}", known.parse::<u64>().unwrap() + 1);
    for (number, why) in [
        (known.as_str(), WhyNoPayment::UnknownNumber),
        (&mistyped, WhyNoPayment::CheckDigit),
        ("", WhyNoPayment::NoNumber),
        ("1.23457E+11", WhyNoPayment::NoNumber),
        ("12345678901", WhyNoPayment::NoNumber),
        ("ORD-1", WhyNoPayment::NoNumber),
    ] {
        let mut reconciliation = begun(Chain::Alma, true);
        assert_eq!(reconciliation.cash(&line(7, number, OWED, Some("a")), None), (without(why), None), "{number}");
    }
}

#[test]
fn rule_8_the_same_attempt_twice_in_a_file_is_a_duplicate_of_the_first() {
    let life = Life::alma().paid("a");
    let number = number(&life.payment);
    let mut reconciliation = begun(Chain::Alma, true);
    let judge = |reconciliation: &mut Reconciliation, at, number: &str, amount, trace| {
        reconciliation.cash(&line(at, number, amount, trace), Some(&life.payment))
    };
    assert_eq!(judge(&mut reconciliation, 3, &number, OWED, Some("a")), (CashClass::Matched, None));
    // Another attempt is no duplicate: that cash came twice.
    let other = judge(&mut reconciliation, 4, &number, OWED, Some("b"));
    assert_eq!(other, (without(WhyNoPayment::OtherTrace), None));
    // Whatever it says of the amount.
    assert_eq!(judge(&mut reconciliation, 5, &number, OWED, Some("a")), (CashClass::Duplicate, Some(3)));
    assert_eq!(judge(&mut reconciliation, 9, &number, 1, Some("a")), (CashClass::Duplicate, Some(3)));
    assert_eq!(judge(&mut reconciliation, 10, &number, OWED, Some("b")), (CashClass::Duplicate, Some(4)));
    // Nor is it one less payment.
    assert_eq!(reconciliation.payment(&life.payment), PaymentClass::Matched);
    let totals = reconciliation.totals();
    assert_eq!(totals.file[&CashClass::Duplicate], Sum { count: 3, rupiah: 2 * OWED + 1 });
    assert_eq!(totals.whole_file(), Sum { count: 5, rupiah: 4 * OWED + 1 });
    assert_eq!(totals.all_payments(), Sum { count: 1, rupiah: OWED });
    assert!(!totals.all_matched());

    // In a file without traces a number can stand once.
    let mut reconciliation = begun(Chain::Alma, false);
    assert_eq!(judge(&mut reconciliation, 1, &number, OWED, None), (CashClass::Matched, None));
    assert_eq!(judge(&mut reconciliation, 2, &number, OWED, None), (CashClass::Duplicate, Some(1)));
    // And numbers that nobody knows are no different.
    let mut reconciliation = begun(Chain::Alma, true);
    assert_eq!(reconciliation.cash(&line(1, "x", 5, Some("a")), None), (without(WhyNoPayment::NoNumber), None));
    assert_eq!(reconciliation.cash(&line(2, "x", 5, Some("a")), None), (CashClass::Duplicate, Some(1)));
}

#[test]
fn each_payment_of_the_day_is_in_the_file_or_it_is_not() {
    let life = Life::alma().paid("a");
    let number = number(&life.payment);
    for (name, lines, expected) in [
        ("no line", vec![], PaymentClass::WithoutCash),
        ("its line", vec![line(1, &number, OWED, Some("a"))], PaymentClass::Matched),
        ("its line with another amount", vec![line(1, &number, 1, Some("a"))], PaymentClass::AmountDiffers),
        ("a line of another attempt", vec![line(1, &number, OWED, Some("b"))], PaymentClass::WithoutCash),
    ] {
        let mut reconciliation = begun(Chain::Alma, true);
        for cash in &lines {
            reconciliation.cash(cash, Some(&life.payment));
        }
        assert_eq!(reconciliation.payment(&life.payment), expected, "{name}");
        let sums = BTreeMap::from([(expected, Sum { count: 1, rupiah: OWED })]);
        assert_eq!(reconciliation.totals().payments, sums, "{name}");
    }
}

#[test]
fn a_line_that_cannot_be_read_counts_and_keeps_the_file_from_matching() {
    let mut reconciliation = begun(Chain::Alma, true);
    assert!(reconciliation.totals().all_matched(), "nothing against nothing");
    assert_eq!(reconciliation.unreadable(), CashClass::Unreadable);
    assert_eq!(reconciliation.totals().whole_file(), Sum { count: 1, rupiah: 0 });
    assert!(!reconciliation.totals().all_matched());
}

#[test]
fn a_business_day_is_24_hours_in_wib_that_end_at_the_cut_off() {
    let day = date(2026, 11, 23);
    for (cut_off, from, until) in [
        (time(0, 0, 0, 0), "2026-11-23 00:00:00", "2026-11-24 00:00:00"),
        (time(23, 0, 0, 0), "2026-11-22 23:00:00", "2026-11-23 23:00:00"),
        (time(12, 0, 0, 0), "2026-11-22 12:00:00", "2026-11-23 12:00:00"),
        (time(2, 30, 0, 0), "2026-11-23 02:30:00", "2026-11-24 02:30:00"),
    ] {
        let day = BusinessDay::of(day, cut_off).unwrap();
        assert_eq!((day.from(), day.until()), (wib(from), wib(until)), "{cut_off}");
        assert!(day.contains(wib(from)) && !day.contains(wib(until)));
        let nanosecond = jiff::SignedDuration::from_nanos(1);
        assert!(!day.contains(wib(from).checked_sub(nanosecond).unwrap()));
        assert!(day.contains(wib(until).checked_sub(nanosecond).unwrap()));
    }
    for (now, cut_off, last) in [
        ("2026-11-24 00:00:00", time(0, 0, 0, 0), date(2026, 11, 23)),
        ("2026-11-23 23:59:59", time(0, 0, 0, 0), date(2026, 11, 22)),
        ("2026-11-23 23:00:00", time(23, 0, 0, 0), date(2026, 11, 23)),
        ("2026-11-23 22:59:59", time(23, 0, 0, 0), date(2026, 11, 22)),
        ("2026-11-24 02:29:59", time(2, 30, 0, 0), date(2026, 11, 22)),
        ("2026-11-24 02:30:00", time(2, 30, 0, 0), date(2026, 11, 23)),
    ] {
        assert_eq!(BusinessDay::last_ended(wib(now), cut_off), Some(last), "{now}");
    }
    assert_eq!(BusinessDay::of(date(9999, 12, 31), time(0, 0, 0, 0)), None);
}

/// What may become of a payment.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Unpaid,
    Paid,
    PaidAtTheOtherChain,
    Reversed,
    Returned,
    Lapsed,
    PaidAfterALapse,
    PaidLater,
}

fn live(fate: Fate, number: u64) -> Payment {
    let mut life = match fate {
        Fate::Unpaid => Life::alma(),
        Fate::Paid => Life::alma().paid("t0"),
        Fate::PaidAtTheOtherChain => Life::indo().paid("t0"),
        Fate::Reversed => {
            let mut life = Life::alma().paid("t0");
            life.reverse("t0").verdict.expect("in time");
            life
        }
        Fate::Returned => {
            let mut life = Life::alma().paid("t0");
            life.give_back().verdict.expect("paid");
            life
        }
        Fate::Lapsed => Life::alma().lapsed("t0"),
        Fate::PaidAfterALapse => Life::alma().lapsed("t0").paid("t1"),
        Fate::PaidLater => {
            let mut life = Life::alma();
            life.until(wib("2026-03-03 01:00:00"));
            life.paid("t0")
        }
    };
    life.payment.standing.pay_no = Some(PayNo::draw(1, number));
    life.payment
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        1 => Just(Fate::Unpaid),
        4 => Just(Fate::Paid),
        1 => Just(Fate::PaidAtTheOtherChain),
        1 => Just(Fate::Reversed),
        1 => Just(Fate::Returned),
        1 => Just(Fate::Lapsed),
        1 => Just(Fate::PaidAfterALapse),
        1 => Just(Fate::PaidLater),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn every_line_and_every_payment_lands_in_one_class_and_the_sums_add_up(
        fates in vec(fate(), 0..12),
        // Which payment (or none that is known), which of its traces, how much, and whether it can be read.
        lines in vec((0_usize..14, 0_u8..3, prop_oneof![5 => Just(OWED), 1 => 1_u64..20_000], any::<u8>()), 0..40),
        traced in any::<bool>(),
    ) {
        let payments: Vec<Payment> = (0..).zip(&fates).map(|(i, fate)| live(*fate, i * 7_919)).collect();
        let mut reconciliation = begun(Chain::Alma, traced);
        let (mut told, mut attempts) = (BTreeMap::<CashClass, Sum>::new(), BTreeSet::new());
        for (at, (which, trace, amount, luck)) in (1..).zip(&lines) {
            if *luck < 8 {
                reconciliation.unreadable();
                told.entry(CashClass::Unreadable).or_default().count += 1;
                continue;
            }
            let payment = payments.get(*which);
            let number = payment.map_or_else(|| PayNo::draw(2, *which as u64).to_string(), number);
            let trace = traced.then(|| format!("t{trace}"));
            let (class, first) = reconciliation.cash(&line(at, &number, *amount, trace.as_deref()), payment);
            // A duplicate is what stood there before, and nothing else is.
            assert_eq!(class == CashClass::Duplicate, !attempts.insert((number, trace)));
            assert_eq!(first.is_some(), class == CashClass::Duplicate);
            assert!(first.is_none_or(|first| first < at));
            let sum = told.entry(class).or_default();
            sum.count += 1;
            sum.rupiah += amount;
        }
        let of_the_day: Vec<&Payment> = payments
            .iter()
            .filter(|payment| payment.standing.chain == Some(Chain::Alma))
            .filter(|payment| payment.paid_attempt().is_some_and(|paid| monday().contains(paid.taken_at)))
            .collect();
        let mut paid = BTreeMap::<PaymentClass, Sum>::new();
        for payment in &of_the_day {
            let sum = paid.entry(reconciliation.payment(payment)).or_default();
            sum.count += 1;
            sum.rupiah += OWED;
        }
        let totals = reconciliation.totals();
        assert_eq!((&totals.file, &totals.payments), (&told, &paid));
        let readable: u64 = lines.iter().filter(|(_, _, _, luck)| *luck >= 8).map(|(_, _, amount, _)| amount).sum();
        assert_eq!(totals.whole_file(), Sum { count: lines.len() as u64, rupiah: readable });
        let count = of_the_day.len() as u64;
        assert_eq!(totals.all_payments(), Sum { count, rupiah: count * OWED });
        // What matches on one side matches on the other.
        let count = |sum: Option<&Sum>| sum.map_or(0, |sum| sum.count);
        assert_eq!(count(totals.file.get(&CashClass::Matched)), count(totals.payments.get(&PaymentClass::Matched)));
        let differing = count(totals.file.get(&CashClass::AmountDiffers));
        assert_eq!(differing, count(totals.payments.get(&PaymentClass::AmountDiffers)));
        // And all matches only where the file is the day's payments, no more and no less.
        let same = lines.len() == of_the_day.len() && told.keys().all(|class| *class == CashClass::Matched);
        assert_eq!(totals.all_matched(), same);
    }
}
