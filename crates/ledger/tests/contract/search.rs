//! Finding payments as people look for them, against a filter over all there are.

use super::*;
use gerai_domain::{Phase, TxId};
use gerai_ledger::{Found, NoSearchKey, PaymentSearch, SearchKey};
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::test_runner::{Config, TestRunner};
use std::collections::HashSet;
use std::fmt::Write;

const PHASES: [Phase; 7] = [
    Phase::AwaitingStore,
    Phase::Unpaid,
    Phase::ReadyToCommit,
    Phase::Paid,
    Phase::Expired,
    Phase::Cancelled,
    Phase::Returned,
];

/// What a page asks for at most, and a search that looks at all there is.
fn all() -> PaymentSearch {
    PaymentSearch {
        merchant: None,
        from: None,
        until: None,
        phase: None,
        chain: None,
        reference_no: None,
        tx_id: None,
        pay_no: None,
        amount: None,
        now: noon_and(100),
        after: None,
        limit: 1_000_000,
        effort: 1_000_000_000,
    }
}

/// Whether a payment is what is looked for, said as plainly as can be.
fn is_looked_for(payment: &Payment, search: &PaymentSearch) -> bool {
    let (terms, standing) = (&payment.terms, &payment.standing);
    [
        search.merchant.as_ref().is_none_or(|merchant| terms.merchant == *merchant),
        search.from.is_none_or(|from| from <= terms.registered_at),
        search.until.is_none_or(|until| terms.registered_at < until),
        search.phase.is_none_or(|phase| payment.phase(search.now) == phase),
        search.chain.is_none_or(|chain| standing.chain == Some(chain)),
        search.reference_no.as_ref().is_none_or(|beginning| terms.reference_no.find(beginning.as_str()) == Some(0)),
        search.tx_id.as_ref().is_none_or(|tx_id| terms.tx_id == *tx_id),
        search.pay_no.is_none_or(|number| standing.pay_no == Some(number)),
        search.amount.is_none_or(|amount| terms.amount == amount),
    ]
    .into_iter()
    .all(|holds| holds)
}

async fn find(ledger: &dyn Ledger, search: &PaymentSearch) -> Found {
    let found = ledger.search(search.clone()).await.unwrap();
    assert!(found.payments.len() <= search.limit);
    assert!(found.looked_back_to.is_none() || found.next.is_some(), "what has stopped early goes on");
    found
}

/// Reads every page, each from where the one before has ended.
async fn pages(ledger: &dyn Ledger, search: &PaymentSearch) -> Vec<Payment> {
    let mut search = search.clone();
    let mut payments = Vec::new();
    let mut steps = 0;
    loop {
        let found = find(ledger, &search).await;
        if let Some(back_to) = found.looked_back_to {
            // All that is not looked at yet was registered before.
            let rest = PaymentSearch { after: found.next.clone(), ..all() };
            let rest = PaymentSearch { merchant: search.merchant.clone(), ..rest };
            if steps < 3 {
                let rest = find(ledger, &rest).await;
                assert!(rest.payments.iter().all(|payment| payment.terms.registered_at < back_to));
            }
        }
        payments.extend(found.payments);
        let Some(next) = found.next else { return payments };
        steps += 1;
        assert!(steps < 20_000, "the search does not get on: {search:?}");
        // As it comes back in an address.
        search.after = Some(next.to_string().parse().unwrap());
    }
}

/// All payments as they are now, newest first.
async fn in_order(ledger: &dyn Ledger, payments: &[Payment]) -> Vec<Payment> {
    let found = find(ledger, &all()).await;
    assert_eq!((found.next, found.looked_back_to), (None, None));
    let second = |payment: &Payment| payment.terms.tx_id.parts().unwrap().second;
    assert!(found.payments.is_sorted_by(|newer, older| second(newer) >= second(older)), "newest first");
    let ids = |payments: &[Payment]| payments.iter().map(|payment| payment.terms.tx_id.clone()).collect::<HashSet<_>>();
    assert_eq!((found.payments.len(), ids(&found.payments)), (payments.len(), ids(payments)));
    for payment in found.payments.iter().step_by(17) {
        assert_eq!(&self::found(ledger, payment).await, payment);
    }
    found.payments
}

fn references(payments: &[Payment]) -> Vec<&str> {
    payments.iter().map(|payment| payment.terms.reference_no.as_str()).collect()
}

fn expected(ordered: &[Payment], search: &PaymentSearch) -> Vec<Payment> {
    ordered.iter().filter(|payment| is_looked_for(payment, search)).cloned().collect()
}

async fn check(ledger: &dyn Ledger, ordered: &[Payment], search: &PaymentSearch) {
    let expected = expected(ordered, search);
    let found = pages(ledger, search).await;
    assert_eq!(references(&found), references(&expected), "{search:?}");
    assert!(found == expected, "{search:?}");
}

/// Beginnings that are no patterns, and what would be behind them.
const BEGINNINGS: [&str; 12] =
    ["", "A", "AB", "ab", "A%", "A_", "Ä", "A\u{10FFFF}", "A\u{10FFFF}B", "\u{10FFFF}", "'; --", "A\u{0}"];

fn amount(rupiah: u64) -> Rupiah {
    Rupiah::new(rupiah).unwrap()
}

fn pay_of(payment: &Payment, chain: Chain, trace_no: &str) -> Command {
    match pay(chain, trace_no) {
        Command::Pay { visit, trace_no, biller, own_lines, .. } => {
            Command::Pay { visit, amount: payment.terms.amount, trace_no, biller, own_lines }
        }
        other => other,
    }
}

/// Brings a payment to one of the phases, as far as its chain allows.
async fn live(ledger: &dyn Ledger, payment: &Payment, life: u8, now: Timestamp) {
    let chain = payment.standing.chain;
    match (life, chain) {
        (1, _) => {
            let cancel = Command::Cancel { amount: payment.terms.amount, message: None };
            let _ = command(ledger, payment, cancel, now).await;
        }
        (2, None) => drop(command(ledger, payment, choose(Chain::Alma), now).await),
        (3.., Some(chain)) => {
            let _ = command(ledger, payment, pay_of(payment, chain, "t1"), now).await;
            if life > 3 {
                let _ = command(ledger, payment, commit("t1"), now).await;
            }
            if life > 4 {
                let _ = command(ledger, payment, give_back(), now).await;
            }
        }
        (_, _) => {}
    }
}

#[derive(Debug, Clone)]
struct Made {
    merchant: usize,
    chain: Option<Chain>,
    reference: &'static str,
    rupiah: u64,
    clock: i64,
    days: i64,
    life: u8,
}

fn made() -> impl Strategy<Value = Made> {
    let chain = prop_oneof![Just(None), Just(Some(Chain::Alma)), Just(Some(Chain::Indo))];
    let clock = prop_oneof![6 => Just(0), 4 => Just(400), 2 => Just(1_000), 1 => Just(90_000), 2 => Just(-700),
        1 => Just(-100_000)];
    let days = prop_oneof![4 => Just(7), 1 => Just(0)];
    (0..3_usize, chain, 0..BEGINNINGS.len(), 0..3_u64, clock, days, 0..6_u8).prop_map(
        |(merchant, chain, reference, more, clock, days, life)| Made {
            merchant,
            chain,
            reference: BEGINNINGS[reference],
            rupiah: OWED + more,
            clock,
            days,
            life,
        },
    )
}

/// A search in which each of the filters may be; what is picked is picked from the payments there are.
#[derive(Debug, Clone)]
struct Asked {
    filters: u16,
    pick: usize,
    other: usize,
    millis: i64,
    limit: usize,
    effort: usize,
    late: bool,
}

fn asked() -> impl Strategy<Value = Asked> {
    // One in four holds an id or a number, which leave nothing to page through.
    let filters = (any::<u16>(), 0..4_u8).prop_map(|(bits, some)| if some == 0 { bits } else { bits & !0b1_1000_0000 });
    // Few at a time rather than all.
    let filters = (filters, any::<u16>(), any::<u16>()).prop_map(|(a, b, c)| a & (b | c));
    let limit = prop_oneof![1..8_usize, Just(100)];
    let effort = prop_oneof![1..60_usize, Just(100_000)];
    (filters, 0..100_usize, 0..100_usize, -2_000..2_000_i64, limit, effort, any::<bool>()).prop_map(
        |(filters, pick, other, millis, limit, effort, late)| Asked {
            filters,
            pick,
            other,
            millis,
            limit,
            effort,
            late,
        },
    )
}

impl Asked {
    fn search(&self, payments: &[Payment]) -> PaymentSearch {
        let one = &payments[self.pick % payments.len()];
        let another = &payments[self.other % payments.len()];
        let is = |bit: u16| self.filters & (1 << bit) != 0;
        let near = |payment: &Payment, millis| {
            payment.terms.registered_at.checked_add(SignedDuration::from_millis(millis)).unwrap()
        };
        PaymentSearch {
            merchant: is(0).then(|| one.terms.merchant.clone()),
            from: is(1).then(|| near(one, -self.millis.abs())),
            until: is(2).then(|| near(another, self.millis)),
            phase: is(3).then(|| PHASES[self.other % PHASES.len()]),
            chain: is(4).then_some(if self.millis < 0 { Chain::Alma } else { Chain::Indo }),
            reference_no: is(5).then(|| BEGINNINGS[self.other % BEGINNINGS.len()].to_owned()),
            amount: is(6).then_some(one.terms.amount),
            tx_id: is(7).then(|| one.terms.tx_id.clone()),
            pay_no: is(8).then_some(one.standing.pay_no).flatten(),
            now: if self.late { noon_and(DAY) } else { noon_and(200) },
            after: None,
            limit: self.limit,
            effort: self.effort,
        }
    }
}

pub(crate) async fn whatever_is_searched_is_what_a_filter_over_all_payments_leaves<E: Engine>() {
    let runtime = tokio::runtime::Handle::current();
    let config = Config {
        // Each case opens a database and asks it 40 times.
        cases: 12 + Config::default().cases / 100,
        failure_persistence: None,
        max_shrink_iters: 200,
        ..Config::default()
    };
    let payments = proptest::collection::vec(made(), 1..45);
    let searches = proptest::collection::vec(asked(), 40);
    tokio::task::block_in_place(|| {
        TestRunner::new(config)
            .run(&(payments, searches), |(payments, searches)| {
                runtime.block_on(search_all::<E>(&payments, &searches));
                Ok(())
            })
            .unwrap();
    });
}

async fn search_all<E: Engine>(made: &[Made], searches: &[Asked]) {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let merchants = [sinta(), budi(), merchant("geraitest1")];
    let (mut now, mut payments) = (noon(), Vec::new());
    for (i, made) in made.iter().enumerate() {
        now = now.checked_add(SignedDuration::from_millis(made.clock)).unwrap();
        let new = registration(&format!("{}{i}", made.reference), made.chain);
        let mut new = by(new, merchants[made.merchant].clone());
        new.ask.amount = amount(made.rupiah);
        (new.registered_at, new.deadline) = (now, later(now, made.days * DAY + 60));
        let payment = open(&*ledger, new).await;
        live(&*ledger, &payment, made.life, now).await;
        payments.push(found(&*ledger, &payment).await);
    }
    let ordered = in_order(&*ledger, &payments).await;
    for asked in searches {
        check(&*ledger, &ordered, &asked.search(&payments)).await;
    }
}

/// Some 60 payments of three merchants in about ten seconds, in all phases, with a clock that is put right.
async fn a_few(ledger: &Arc<dyn Ledger>) -> Vec<Payment> {
    let mut payments = Vec::new();
    for i in 0..66_u8 {
        let chain = [None, Some(Chain::Alma), Some(Chain::Indo)][usize::from(i % 3)];
        let reference = format!("{}{i:02}", BEGINNINGS[usize::from(i) % BEGINNINGS.len()]);
        let owner = [sinta(), budi(), merchant("geraitest1")][usize::from(i / 3 % 3)].clone();
        let mut new = by(registration(&reference, chain), owner);
        new.ask.amount = amount(OWED + u64::from(i % 5));
        let millis = i64::from(i) * 150 - if i % 7 == 3 { 1_200 } else { 0 };
        new.registered_at = noon().checked_add(SignedDuration::from_millis(millis)).unwrap();
        new.deadline = if i % 11 == 5 { noon_and(50) } else { noon_and(7 * DAY) };
        let payment = open(&**ledger, new.clone()).await;
        live(&**ledger, &payment, i / 9 % 6, new.registered_at).await;
        payments.push(found(&**ledger, &payment).await);
    }
    payments
}

type Filter = Box<dyn Fn(&mut PaymentSearch)>;

/// Each filter with values that leave some and values that leave none.
fn filters(payments: &[Payment]) -> Vec<(&'static str, Filter)> {
    let mut filters: Vec<(&'static str, Filter)> = Vec::new();
    for owner in [sinta(), budi(), merchant("NOBODYATAL")] {
        filters.push(("merchant", Box::new(move |search| search.merchant = Some(owner.clone()))));
    }
    for seconds in [0, 4, 30] {
        filters.push(("from", Box::new(move |search| search.from = Some(noon_and(seconds)))));
        filters.push(("until", Box::new(move |search| search.until = Some(noon_and(seconds)))));
    }
    for phase in PHASES {
        filters.push(("phase", Box::new(move |search| search.phase = Some(phase))));
    }
    for chain in Chain::ALL {
        filters.push(("chain", Box::new(move |search| search.chain = Some(chain))));
    }
    for beginning in ["", "A", "A%", "A\u{10FFFF}", "Z"] {
        filters.push(("reference", Box::new(move |search| search.reference_no = Some(beginning.into()))));
    }
    for more in [1, 90] {
        filters.push(("amount", Box::new(move |search| search.amount = Some(amount(OWED + more)))));
    }
    for payment in [payments[7].clone(), payments[20].clone()] {
        let number = payment.standing.pay_no;
        filters.push(("tx_id", Box::new(move |search| search.tx_id = Some(payment.terms.tx_id.clone()))));
        filters.push(("pay_no", Box::new(move |search| search.pay_no = number)));
    }
    filters
}

pub(crate) async fn each_filter_alone_and_with_each_other_leaves_what_fits<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let payments = a_few(&ledger).await;
    let ordered = in_order(&*ledger, &payments).await;
    for phase in PHASES {
        let search = PaymentSearch { phase: Some(phase), ..all() };
        assert!(!expected(&ordered, &search).is_empty(), "none is {phase:?}, which would prove little");
    }
    let filters = filters(&payments);
    for (i, (one, set)) in filters.iter().enumerate() {
        let mut search = all();
        set(&mut search);
        check(&*ledger, &ordered, &search).await;
        for (other, set_too) in &filters[i + 1..] {
            if one == other {
                continue;
            }
            let mut both = search.clone();
            set_too(&mut both);
            check(&*ledger, &ordered, &PaymentSearch { limit: 9, ..both }).await;
        }
    }
}

pub(crate) async fn the_beginning_of_a_reference_is_no_pattern<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let all_references = [
        "INV",
        "INV-1",
        "INV-10",
        "INV%2",
        "INV_3",
        "inv-4",
        "Ünv-5",
        "Ü",
        "INV\u{10FFFF}",
        "INV\u{10FFFF}\u{10FFFF}6",
        "INX",
        "IN",
        "",
    ];
    for reference in all_references {
        open(&*ledger, indo(reference)).await;
        open(&*ledger, by(indo(reference), budi())).await;
    }
    for beginning in
        ["INV", "INV-", "INV-1", "INV-10", "INV-100", "INV%", "INV_", "i", "Ü", "INV\u{10FFFF}", "%", "\\", "I", ""]
    {
        let expected: HashSet<&str> =
            all_references.into_iter().filter(|reference| reference.starts_with(beginning)).collect();
        for owner in [Some(sinta()), None] {
            let times = if owner.is_some() { 1 } else { 2 };
            let search = PaymentSearch { merchant: owner, reference_no: Some(beginning.into()), ..all() };
            let found = find(&*ledger, &search).await.payments;
            assert_eq!(references(&found).into_iter().collect::<HashSet<_>>(), expected, "{beginning:?}");
            assert_eq!(found.len(), expected.len() * times, "{beginning:?}");
        }
    }
}

pub(crate) async fn an_id_or_a_number_finds_its_payment_alone<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let mine = open(&*ledger, indo("mine")).await;
    let theirs = open(&*ledger, by(alma("theirs"), budi())).await;
    let awaiting = open(&*ledger, registration("awaiting", None)).await;
    for payment in [&mine, &theirs, &awaiting] {
        let owner = payment.terms.merchant.clone();
        let by_id = PaymentSearch { tx_id: Some(payment.terms.tx_id.clone()), limit: 10, effort: 0, ..all() };
        let mut searches = vec![by_id.clone()];
        if payment.standing.pay_no.is_some() {
            searches.push(PaymentSearch { pay_no: payment.standing.pay_no, tx_id: None, ..by_id.clone() });
            searches.push(PaymentSearch { pay_no: payment.standing.pay_no, ..by_id });
        }
        for search in searches {
            let one = Found { payments: vec![payment.clone()], next: None, looked_back_to: None };
            let none = Found { payments: Vec::new(), ..one.clone() };
            assert_eq!(find(&*ledger, &search).await, one);
            assert_eq!(find(&*ledger, &PaymentSearch { merchant: Some(owner.clone()), ..search.clone() }).await, one);
            // Invariant 6.
            let other = if owner == sinta() { budi() } else { sinta() };
            assert_eq!(find(&*ledger, &PaymentSearch { merchant: Some(other), ..search.clone() }).await, none);
            assert_eq!(find(&*ledger, &PaymentSearch { amount: Some(amount(1)), ..search.clone() }).await, none);
            assert_eq!(find(&*ledger, &PaymentSearch { limit: 0, ..search.clone() }).await, none);
            let key: SearchKey = "1.2.GERAITEST1.0".parse().unwrap();
            assert_eq!(find(&*ledger, &PaymentSearch { after: Some(key), ..search.clone() }).await, none);
        }
    }
    let unlike = PaymentSearch { tx_id: Some(mine.terms.tx_id.clone()), pay_no: theirs.standing.pay_no, ..all() };
    assert_eq!(find(&*ledger, &unlike).await.payments, []);
    for unknown in
        ["GERAITEST103202603021200000000", "GERAITEST190202603021200000000", "000000000000000000000000000000"]
    {
        let tx_id: TxId = unknown.parse().unwrap();
        let expected: &[Payment] = if tx_id == mine.terms.tx_id { std::slice::from_ref(&mine) } else { &[] };
        assert_eq!(find(&*ledger, &PaymentSearch { tx_id: Some(tx_id), ..all() }).await.payments, expected);
    }
}

pub(crate) async fn what_is_no_place_in_the_list_is_refused<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    for text in [
        "",
        ".",
        "...",
        "1",
        "1.2.GERAITEST1",
        "1.2.GERAITEST1.",
        "1.2.GERAITEST1.0.0",
        "1.2.GERAITEST1.0.",
        "x.2.GERAITEST1.0",
        "1.2.GERAI TEST.0",
        "1.2.GERAITEST12.0",
        "1.2..0",
        " 1.2.GERAITEST1.0",
        "1.2.GERAITEST1.0x",
        "9223372036854775808.2.GERAITEST1.0",
        "1.2.\u{661}\u{662}.0",
    ] {
        assert_eq!(text.parse::<SearchKey>(), Err(NoSearchKey), "{text:?}");
    }
    // One that somebody made up is a place like any other.
    for i in 0..3 {
        open(&*ledger, indo(&format!("R{i}"))).await;
        open(&*ledger, by(indo(&format!("R{i}")), budi())).await;
    }
    let (low, high) = (i64::MIN, i64::MAX);
    for (second, count, name, found) in [
        (high, high, "ZZZZZZZZZZ", 3),
        (high, low, "GERAITEST2", 3),
        (low, low, "0000000000", 0),
        (low, high, "GERAITEST1", 0),
    ] {
        for kind in [low, 0, high] {
            let key: SearchKey = format!("{second}.{count}.{name}.{kind}").parse().unwrap();
            assert_eq!(key.to_string().parse(), Ok(key.clone()));
            let search = PaymentSearch { merchant: Some(sinta()), after: Some(key), ..all() };
            let payments = find(&*ledger, &search).await.payments;
            assert_eq!(payments.len(), found);
            assert!(payments.iter().all(|payment| payment.terms.merchant == sinta()));
            let search = PaymentSearch { merchant: None, ..search };
            assert_eq!(find(&*ledger, &search).await.payments.len(), found * 2);
        }
    }
}

pub(crate) async fn pages_lose_and_repeat_nothing_while_payments_are_added<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    // Many in a few seconds, so that pages end within them.
    let mut news = Vec::new();
    for i in 0..120 {
        let owner = if i % 3 == 0 { budi() } else { sinta() };
        news.push(NewPayment { registered_at: noon_and(i / 40), ..by(indo(&format!("R{i}")), owner) });
    }
    let payments = open_many(&ledger, news).await;
    let ordered = in_order(&*ledger, &payments).await;
    let mut added = 0_u32;
    for (owner, limit, effort) in
        [(None, 7, 1_000), (None, 1, 1_000), (Some(sinta()), 7, 1_000), (None, 50, 5), (None, 3, 40)]
    {
        let search = PaymentSearch { merchant: owner, limit, effort, ..all() };
        let expected = expected(&ordered, &search);
        let mut page = search.clone();
        let mut seen: Vec<Payment> = Vec::new();
        loop {
            let found = find(&*ledger, &page).await;
            seen.extend(found.payments);
            let Some(next) = found.next else { break };
            page.after = Some(next);
            // Now, and by a clock that was set back into the middle of what is read.
            for second in [5, 1] {
                added += 1;
                let new = indo(&format!("{}{added}", if second == 5 { "new" } else { "back" }));
                open(&*ledger, NewPayment { registered_at: noon_and(second), ..new }).await;
            }
        }
        let ids: HashSet<&TxId> = seen.iter().map(|payment| &payment.terms.tx_id).collect();
        assert_eq!(ids.len(), seen.len(), "nothing comes twice");
        let is_old = |payment: &&Payment| payment.terms.reference_no.starts_with('R');
        let old: Vec<Payment> = seen.iter().filter(is_old).cloned().collect();
        assert_eq!(references(&old), references(&expected));
    }
}

pub(crate) async fn a_payment_whose_second_was_used_up_is_found_by_when_it_was_registered<E: Engine>() {
    let engine = E::fresh().await;
    let mut ledger = engine.open().await;
    // The last id is of the next second, and the clock is put right by some before the other is registered.
    let mut payments = open_many(&ledger, (0..10_003).map(|i| indo(&format!("R{i}")))).await;
    payments.push(open(&*ledger, NewPayment { registered_at: noon_and(-40), ..indo("put right") }).await);
    payments.push(open(&*ledger, NewPayment { registered_at: noon_and(7), ..indo("later") }).await);
    for restarted in [false, true] {
        if restarted {
            drop(ledger);
            ledger = engine.open().await;
        }
        for owner in [None, Some(sinta())] {
            let put_right = PaymentSearch { merchant: owner, until: Some(noon()), ..all() };
            assert_eq!(references(&pages(&*ledger, &put_right).await), ["put right"]);
            let at_noon = PaymentSearch { from: Some(noon()), until: Some(noon_and(1)), ..put_right };
            assert_eq!(pages(&*ledger, &at_noon).await.len(), 10_003);
        }
    }
    // What is far later costs a search nothing.
    let search = PaymentSearch { until: Some(noon_and(-3)), effort: 1, ..all() };
    open_many(&ledger, (0..50).map(|i| NewPayment { registered_at: noon_and(DAY + i), ..alma(&format!("L{i}")) }))
        .await;
    let found = find(&*ledger, &search).await;
    assert!(found.looked_back_to.unwrap() < noon_and(120), "{:?}", found.looked_back_to);
}

/// More than a thousand payments of each of two merchants and a few of a third, in a second or two each.
async fn a_crowd(ledger: &Arc<dyn Ledger>) -> Vec<Payment> {
    let mut news = Vec::new();
    for i in 0..2_400_u64 {
        let owner =
            if i % 60 == 7 { merchant("geraitest1") } else { [sinta(), budi()][usize::from(i % 2 == 0)].clone() };
        let chain = [None, Some(Chain::Alma), Some(Chain::Indo)][usize::try_from(i % 3).unwrap()];
        let mut new =
            by(registration(&format!("{}{i:04}", ["INV-", "INV-", "X"][usize::from(i % 9 == 1)]), chain), owner);
        new.ask.amount = amount(OWED + u64::from(i % 400 == 1));
        // Now many in a second, now one.
        new.registered_at = noon_and(i64::try_from(i / 300 + i % 300 / 290 * (i % 10)).unwrap());
        news.push(new);
    }
    let payments = open_many(ledger, news).await;
    for (i, payment) in payments.iter().enumerate().step_by(40) {
        let life = u8::try_from(i / 40 % 6).unwrap();
        live(&**ledger, payment, life, noon_and(30)).await;
    }
    payments
}

pub(crate) async fn among_thousands_a_search_finds_the_same_however_it_stops<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let payments = a_crowd(&ledger).await;
    let ordered = in_order(&*ledger, &payments).await;
    let mine = PaymentSearch { merchant: Some(sinta()), ..all() };
    let few = PaymentSearch { merchant: Some(merchant("geraitest1")), ..all() };
    let rare = Some(amount(OWED + 1));
    for search in [
        PaymentSearch { limit: 700, ..all() },
        PaymentSearch { limit: 500, ..mine.clone() },
        few.clone(),
        PaymentSearch { amount: rare, effort: 999, ..all() },
        PaymentSearch { amount: rare, effort: 700, ..mine.clone() },
        PaymentSearch { amount: rare, limit: 1, ..mine.clone() },
        PaymentSearch { amount: rare, effort: 1, ..few },
        PaymentSearch { reference_no: Some("INV-".into()), effort: 3_000, ..all() },
        PaymentSearch { reference_no: Some("INV-".into()), limit: 200, ..mine.clone() },
        PaymentSearch { reference_no: Some("INV-12".into()), limit: 11, ..mine.clone() },
        PaymentSearch { reference_no: Some("X".into()), limit: 100, ..all() },
        PaymentSearch { phase: Some(Phase::Returned), limit: 3, ..all() },
        PaymentSearch { phase: Some(Phase::Cancelled), limit: 3, ..mine.clone() },
        PaymentSearch { phase: Some(Phase::Paid), effort: 2_000, ..all() },
        PaymentSearch { phase: Some(Phase::AwaitingStore), limit: 300, ..mine.clone() },
        PaymentSearch { from: Some(noon_and(2)), until: Some(noon_and(4)), limit: 99, ..all() },
        PaymentSearch { from: Some(noon_and(2)), until: Some(noon_and(4)), limit: 99, ..mine.clone() },
        PaymentSearch { chain: Some(Chain::Indo), until: Some(noon_and(6)), limit: 250, ..mine.clone() },
    ] {
        check(&*ledger, &ordered, &search).await;
    }

    // It looks at no more than its effort, and says how far it came.
    let nowhere = PaymentSearch { amount: Some(amount(77_777)), effort: 400, ..all() };
    let found = find(&*ledger, &nowhere).await;
    assert!(found.payments.is_empty() && found.next.is_some());
    assert!(found.looked_back_to.unwrap() > noon_and(6), "{found:?}");
    let found = find(&*ledger, &PaymentSearch { effort: 1_000_000, ..nowhere }).await;
    assert_eq!((found.next, found.looked_back_to), (None, None));
}

pub(crate) async fn invariant_6_a_merchants_search_says_nothing_of_another<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let payments = a_crowd(&ledger).await;
    // The places of its own payments.
    let mut own = HashSet::new();
    let mut page = PaymentSearch { merchant: Some(sinta()), limit: 25, ..all() };
    let mut listed = Vec::new();
    loop {
        let found = find(&*ledger, &page).await;
        listed.extend(found.payments);
        let Some(next) = found.next else { break };
        page.after = Some(next);
    }
    let theirs = payments.iter().filter(|payment| payment.terms.merchant == sinta()).count();
    assert!(listed.len() == theirs && listed.iter().all(|payment| payment.terms.merchant == sinta()));
    let mut page = PaymentSearch { merchant: Some(sinta()), limit: 1, ..all() };
    while let Some(next) = find(&*ledger, &page).await.next {
        own.insert(next.to_string());
        page.after = Some(next);
    }
    assert!(own.len() > 1_000);
    let mut ends = String::new();
    for effort in (1..60).chain([100, 300, 1_000]) {
        let search = PaymentSearch { merchant: Some(sinta()), amount: Some(amount(77_777)), effort, ..all() };
        let mut page = search.clone();
        for _ in 0..4 {
            let found = find(&*ledger, &page).await;
            let Some(next) = found.next else { break };
            let text = next.to_string();
            let end = text.strip_suffix(".-1.GERAITEST1.0").and_then(|second| second.parse::<i64>().ok());
            assert!(own.contains(&text) || end.is_some(), "{text} is no place of its own payments");
            writeln!(ends, "{text}").unwrap();
            page.after = Some(next);
        }
    }
    assert!(!ends.contains("GERAITEST2") && !ends.contains("geraitest1"));
    // Whatever else is asked for, nothing of another's is found.
    let other = payments.iter().find(|payment| payment.terms.merchant == budi()).unwrap();
    for search in [
        PaymentSearch { reference_no: Some(other.terms.reference_no.clone()), ..all() },
        PaymentSearch { reference_no: Some("INV-".into()), ..all() },
        PaymentSearch { phase: Some(Phase::Returned), ..all() },
        PaymentSearch { tx_id: Some(other.terms.tx_id.clone()), ..all() },
        PaymentSearch { chain: Some(Chain::Alma), effort: 50, ..all() },
    ] {
        let found = pages(&*ledger, &PaymentSearch { merchant: Some(sinta()), ..search }).await;
        assert!(found.iter().all(|payment| payment.terms.merchant == sinta()));
    }
}
