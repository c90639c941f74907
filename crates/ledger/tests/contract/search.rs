//! Finding payments: every filter and any of them together, page by page, against a look at all that there are.

use super::*;
use gerai_domain::{PayNo, Phase, TxId};
use gerai_ledger::{Found, PaymentSearch, SearchKey};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

const NONE: PaymentSearch = PaymentSearch {
    merchant: None,
    from: None,
    until: None,
    phase: None,
    chain: None,
    reference_no: None,
    tx_id: None,
    pay_no: None,
    amount: None,
    now: Timestamp::UNIX_EPOCH,
    after: None,
    limit: 1_000,
    effort: 100_000,
};

/// Everything, as it reads at noon.
fn all() -> PaymentSearch {
    PaymentSearch { now: noon(), ..NONE }
}

async fn page(ledger: &dyn Ledger, search: &PaymentSearch) -> Found {
    let found = ledger.search(search.clone()).await.unwrap();
    assert!(found.payments.len() <= search.limit);
    found
}

/// All pages of a search, one behind the other.
async fn pages(ledger: &dyn Ledger, search: &PaymentSearch) -> Vec<Payment> {
    let mut search = search.clone();
    let mut payments = Vec::new();
    loop {
        let Found { payments: some, next, .. } = page(ledger, &search).await;
        payments.extend(some);
        if next.is_none() {
            return payments;
        }
        // A place survives an address.
        search.after = next.map(|key| key.to_string().parse().unwrap());
    }
}

async fn references(ledger: &dyn Ledger, search: &PaymentSearch) -> Vec<String> {
    pages(ledger, search).await.into_iter().map(|payment| payment.terms.reference_no).collect()
}

fn at(mut new: NewPayment, registered_at: Timestamp) -> NewPayment {
    new.registered_at = registered_at;
    new.deadline = later(registered_at, 7 * DAY);
    new
}

fn owing(mut new: NewPayment, amount: u64) -> NewPayment {
    new.ask.amount = Rupiah::new(amount).unwrap();
    new
}

/// What is asked for, read the long way: nothing of this is the engine's.
fn is_meant(payment: &Payment, search: &PaymentSearch) -> bool {
    let terms = &payment.terms;
    let wanted = [
        search.merchant.as_ref().map(|merchant| merchant == &terms.merchant),
        search.from.map(|from| from <= terms.registered_at),
        search.until.map(|until| terms.registered_at < until),
        search.phase.map(|phase| phase == payment.phase(search.now)),
        search.chain.map(|chain| payment.standing.chain == Some(chain)),
        search.reference_no.as_ref().map(|beginning| terms.reference_no.starts_with(beginning)),
        search.tx_id.as_ref().map(|tx_id| tx_id == &terms.tx_id),
        search.pay_no.map(|pay_no| payment.standing.pay_no == Some(pay_no)),
        search.amount.map(|amount| amount == terms.amount),
    ];
    wanted.into_iter().flatten().all(|holds| holds)
}

/// What has become of a payment before it is looked for.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Nothing,
    Paid,
    Ready,
    Reversed,
    Cancelled,
    Returned,
    Expired,
}

/// Texts whose order and beginnings are easily got wrong.
const REFERENCES: [&str; 8] = ["A", "AB", "ab", "A%", "A_1", "\u{c4}", "A\u{10ffff}Z", "B-1"];

#[derive(Debug, Clone)]
struct Sown {
    merchant: usize,
    chain: Option<Chain>,
    amount: u64,
    reference: usize,
    /// How far the clock moves before it, also back.
    moved_ms: i64,
    fate: Fate,
}

fn sown() -> impl Strategy<Value = Sown> {
    let fate = prop_oneof![
        3 => Just(Fate::Nothing),
        3 => Just(Fate::Paid),
        1 => Just(Fate::Ready),
        1 => Just(Fate::Reversed),
        1 => Just(Fate::Cancelled),
        1 => Just(Fate::Returned),
        1 => Just(Fate::Expired),
    ];
    let chain = prop_oneof![Just(None), Just(Some(Chain::Alma)), Just(Some(Chain::Indo))];
    let moved = prop_oneof![
        6 => 0..1_500_i64,
        2 => 1_500..200_000_i64,
        1 => -3_000..0_i64,
        1 => -2 * DAY * 1_000..2 * DAY * 1_000,
    ];
    (0..3_usize, chain, 1..=3_u64, 0..REFERENCES.len(), moved, fate).prop_map(
        |(merchant, chain, amount, reference, moved_ms, fate)| Sown {
            merchant,
            chain,
            amount: amount * OWED,
            reference,
            moved_ms,
            fate,
        },
    )
}

/// Which filters to set, and to which of the payments' values.
#[derive(Debug, Clone)]
struct Wanted {
    filters: u16,
    picks: [prop::sample::Index; 9],
    moved_ms: i64,
    beginning: usize,
    limit: usize,
    effort: usize,
}

fn wanted() -> impl Strategy<Value = Wanted> {
    let pair = (0..9_u16, 0..9_u16).prop_map(|(one, other)| 1 << one | 1 << other);
    let filters = prop_oneof![3 => pair, 1 => any::<u16>(), 1 => Just(0)];
    let effort = prop_oneof![Just(1), 2..40_usize, Just(100_000)];
    (filters, any::<[prop::sample::Index; 9]>(), -2..3_i64, 0..3_usize, 1..8_usize, effort).prop_map(
        |(filters, picks, moved_ms, beginning, limit, effort)| Wanted {
            filters,
            picks,
            moved_ms,
            beginning,
            limit,
            effort,
        },
    )
}

impl Wanted {
    fn search(&self, payments: &[Payment], now: Timestamp) -> PaymentSearch {
        let pick = |filter: usize| self.picks[filter].get(payments);
        let when = |filter: usize| {
            let moved = SignedDuration::from_millis(self.moved_ms);
            (self.filters & 1 << filter != 0).then(|| pick(filter).terms.registered_at.checked_add(moved).unwrap())
        };
        let set = |filter: usize| (self.filters & 1 << filter != 0).then(|| pick(filter));
        PaymentSearch {
            merchant: set(0).map(|payment| payment.terms.merchant.clone()),
            from: when(1),
            until: when(2),
            phase: set(3).map(|payment| payment.phase(now)),
            chain: set(4).and_then(|payment| payment.standing.chain),
            reference_no: set(5)
                .map(|payment| payment.terms.reference_no.chars().take(self.beginning).collect::<String>()),
            tx_id: set(6).map(|payment| payment.terms.tx_id.clone()),
            pay_no: set(7).and_then(|payment| payment.standing.pay_no),
            amount: set(8).map(|payment| payment.terms.amount),
            now,
            after: None,
            limit: self.limit,
            effort: self.effort,
        }
    }
}

pub(crate) async fn whatever_is_looked_for_is_found_whole_in_order_and_once<E: Engine>() {
    let runtime = tokio::runtime::Handle::current();
    let config = Config {
        // Each case has a database of its own, which is searched in many ways.
        cases: 12 + Config::default().cases / 100,
        failure_persistence: None,
        max_shrink_iters: 200,
        ..Config::default()
    };
    let cases = (prop::collection::vec(sown(), 1..40), prop::collection::vec(wanted(), 60), -DAY..9 * DAY);
    tokio::task::block_in_place(|| {
        TestRunner::new(config)
            .run(&cases, |(sown, wanted, moved)| {
                runtime.block_on(search_in::<E>(sown, &wanted, moved));
                Ok(())
            })
            .unwrap();
    });
}

async fn search_in<E: Engine>(sown: Vec<Sown>, wanted: &[Wanted], moved: i64) {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let mut now = noon();
    let mut payments = Vec::new();
    for (i, sown) in sown.into_iter().enumerate() {
        now = now.checked_add(SignedDuration::from_millis(sown.moved_ms)).unwrap();
        payments.push(sow(&*ledger, &sown, i, now).await);
    }
    let now = later(now, moved);
    let listing = pages(&*ledger, &PaymentSearch { now, ..NONE }).await;
    assert_eq!(listing.len(), payments.len());
    assert!(payments.iter().all(|payment| listing.contains(payment)));
    let seconds: Vec<i64> = listing.iter().map(|payment| payment.terms.tx_id.parts().unwrap().second).collect();
    assert!(seconds.is_sorted_by(|newer, older| newer >= older), "{seconds:?}");
    for wanted in wanted {
        let search = wanted.search(&payments, now);
        let expected: Vec<Payment> = listing.iter().filter(|payment| is_meant(payment, &search)).cloned().collect();
        let mut after = None;
        let mut found = Vec::new();
        let mut rounds = 0;
        loop {
            let Found { payments, next, looked_back_to } =
                page(&*ledger, &PaymentSearch { after, ..search.clone() }).await;
            found.extend(payments);
            // What it says of how far it came is so.
            if let Some(back_to) = looked_back_to {
                assert!(next.is_some());
                let of_then = expected.iter().filter(|payment| payment.terms.registered_at >= back_to);
                assert!(of_then.into_iter().all(|payment| found.contains(payment)), "{search:?}, {back_to}");
            }
            after = next;
            rounds += 1;
            assert!(rounds < 200, "it does not end: {search:?}");
            if after.is_none() {
                break;
            }
        }
        assert_eq!(found, expected, "{search:?}");
    }
}

/// A payment with its fate.
async fn sow(ledger: &dyn Ledger, sown: &Sown, i: usize, now: Timestamp) -> Payment {
    let merchants = [sinta(), budi(), merchant("geraitest1")];
    let reference = format!("{}{i}", REFERENCES[sown.reference]);
    let new = owing(by(registration(&reference, sown.chain), merchants[sown.merchant].clone()), sown.amount);
    let mut new = at(new, now);
    if let Fate::Expired = sown.fate {
        new.deadline = later(now, 1);
    }
    let payment = open(ledger, new).await;
    let amount = Rupiah::new(sown.amount).unwrap();
    let mut run = Vec::new();
    match sown.fate {
        Fate::Nothing => {}
        Fate::Expired => run.push(Command::Sweep),
        Fate::Cancelled => run.push(Command::Cancel { amount, message: None }),
        Fate::Paid | Fate::Ready | Fate::Reversed | Fate::Returned => {
            let Some(chain) = sown.chain else { return payment };
            run.push(Command::Pay {
                visit: StoreVisit { simulated: true, ..visit(brand(chain)) },
                amount,
                trace_no: "t1".into(),
                biller: "NICEPAY - Toko Sinta".into(),
                own_lines: Vec::new(),
            });
            match sown.fate {
                Fate::Reversed => run.push(reverse(chain, "t1")),
                Fate::Paid | Fate::Returned if chain.two_steps() => run.push(commit("t1")),
                Fate::Paid | Fate::Returned | Fate::Nothing | Fate::Ready | Fate::Cancelled | Fate::Expired => {}
            }
            if let Fate::Returned = sown.fate {
                run.push(give_back());
            }
        }
    }
    for wanted in run {
        let when = if let Fate::Expired = sown.fate { later(now, 2) } else { now };
        done(ledger, &payment, wanted, when).await;
    }
    found(ledger, &payment).await
}

pub(crate) async fn invariant_6_a_merchants_search_finds_its_own_payments_alone<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let own = paid(&*ledger, indo("A-1")).await;
    let other = paid(&*ledger, by(indo("A-1"), budi())).await;
    let mine = || PaymentSearch { merchant: Some(sinta()), ..all() };
    for (what, search) in [
        ("all", mine()),
        ("phase", PaymentSearch { phase: Some(Phase::Paid), ..mine() }),
        ("chain", PaymentSearch { chain: Some(Chain::Indo), ..mine() }),
        ("reference", PaymentSearch { reference_no: Some("A-".into()), ..mine() }),
        ("amount", PaymentSearch { amount: Some(own.terms.amount), ..mine() }),
        ("time", PaymentSearch { from: Some(noon()), until: Some(noon_and(1)), ..mine() }),
        ("little effort", PaymentSearch { effort: 1, ..mine() }),
    ] {
        assert_eq!(pages(&*ledger, &search).await, std::slice::from_ref(&own), "{what}");
    }
    for search in [
        PaymentSearch { tx_id: Some(other.terms.tx_id.clone()), ..mine() },
        PaymentSearch { pay_no: other.standing.pay_no, ..mine() },
    ] {
        assert_eq!(pages(&*ledger, &search).await, [], "{search:?}");
        assert_eq!(pages(&*ledger, &PaymentSearch { merchant: None, ..search }).await, std::slice::from_ref(&other));
    }
    // Nor does a place in its list name another.
    let mut after: Option<SearchKey> = None;
    loop {
        let found = page(&*ledger, &PaymentSearch { after, effort: 1, limit: 1, ..mine() }).await;
        let Some(next) = found.next else { break };
        assert!(!next.to_string().contains(budi().as_str()), "{next}");
        after = Some(next);
    }
}

pub(crate) async fn what_names_nothing_finds_nothing<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    assert_eq!(page(&*ledger, &all()).await, Found { payments: Vec::new(), next: None, looked_back_to: None });
    let payment = open(&*ledger, indo("A")).await;
    let unknown: TxId = payment.terms.tx_id.as_str().replace("GERAITEST1", "GERAITEST9").parse().unwrap();
    let no_payments: TxId = "GERAITEST190202603021200000000".parse().unwrap();
    let unknown_number = PayNo::draw(1, 4_711);
    assert_ne!(payment.standing.pay_no, Some(unknown_number));
    for search in [
        PaymentSearch { tx_id: Some(unknown), ..all() },
        PaymentSearch { tx_id: Some(no_payments), ..all() },
        PaymentSearch { pay_no: Some(unknown_number), ..all() },
        PaymentSearch { reference_no: Some("a".into()), ..all() },
        PaymentSearch { merchant: Some(budi()), ..all() },
        PaymentSearch { amount: Some(Rupiah::new(OWED + 1).unwrap()), ..all() },
        PaymentSearch { from: Some(noon()), until: Some(noon()), ..all() },
        PaymentSearch { until: Some(noon()), ..all() },
        PaymentSearch { from: Some(noon_and(1)), ..all() },
    ] {
        assert_eq!(page(&*ledger, &search).await.payments, [], "{search:?}");
    }
    assert_eq!(references(&*ledger, &PaymentSearch { reference_no: Some(String::new()), ..all() }).await, ["A"]);
}

pub(crate) async fn what_was_registered_after_the_clock_was_set_back_is_found_by_its_time<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    open(&*ledger, at(indo("future"), noon_and(3 * DAY))).await;
    // The ids of this merchant go on from the later second.
    for (reference, seconds) in [("A", 0), ("B", 1), ("C", DAY), ("D", 3 * DAY + 1)] {
        open(&*ledger, at(indo(reference), noon_and(seconds))).await;
        open(&*ledger, at(by(indo(reference), budi()), noon_and(seconds))).await;
    }
    for effort in [1, 3, 100] {
        let until = |seconds| PaymentSearch { until: Some(noon_and(seconds)), limit: 2, effort, ..all() };
        let mut both = references(&*ledger, &until(2)).await;
        both.sort();
        assert_eq!(both, ["A", "A", "B", "B"], "effort {effort}");
        let from = PaymentSearch { from: Some(noon_and(1)), merchant: Some(sinta()), ..until(3 * DAY) };
        let mut own = references(&*ledger, &from).await;
        own.sort();
        assert_eq!(own, ["B", "C"], "effort {effort}");
    }
}

pub(crate) async fn what_comes_between_two_pages_neither_hides_nor_repeats_another<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    for i in 0..10 {
        open(&*ledger, at(indo(&format!("R{i}")), noon_and(i / 3))).await;
        open(&*ledger, at(by(indo(&format!("R{i}")), budi()), noon_and(i / 3))).await;
    }
    // With this effort a merchant's own are few at first, and are not few any more when more have come.
    let cases = [(None, 1_000), (None, 3), (Some(sinta()), 1_000), (Some(budi()), 12)];
    for (case, (merchant, effort)) in cases.into_iter().enumerate() {
        let search = PaymentSearch { merchant, effort, limit: 3, ..all() };
        let before = pages(&*ledger, &search).await;
        let mut seen = Vec::new();
        let mut after = None;
        for turn in 0.. {
            let found = page(&*ledger, &PaymentSearch { after, ..search.clone() }).await;
            seen.extend(found.payments);
            after = found.next;
            if after.is_none() {
                break;
            }
            // Later than all of them, among them, and earlier.
            let third = self::merchant(&format!("EARLIER{case:03}"));
            for (whose, seconds) in [(sinta(), 10 + turn), (budi(), 4), (third, -5)] {
                let reference = format!("N{case}-{turn}");
                open(&*ledger, at(by(indo(&reference), whose), noon_and(seconds))).await;
            }
            assert!(turn < 500, "it does not end");
        }
        let ids: std::collections::HashSet<_> = seen.iter().map(|payment| &payment.terms.tx_id).collect();
        assert_eq!(ids.len(), seen.len(), "one came twice");
        seen.retain(|payment| before.contains(payment));
        assert_eq!(seen, before);
    }
}

pub(crate) async fn a_search_looks_at_no_more_than_its_effort_and_says_how_far_it_came<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    for i in 0..40 {
        open(&*ledger, at(indo(&format!("R{i:02}")), noon_and(i))).await;
    }
    let rare = |effort| PaymentSearch { amount: Some(Rupiah::new(1).unwrap()), effort, ..all() };
    for effort in [1, 7, 39] {
        let mut search = rare(effort);
        let mut back = noon_and(1_000);
        let mut turns = 1;
        loop {
            let Found { payments, next, looked_back_to } = page(&*ledger, &search).await;
            assert_eq!(payments, []);
            assert_eq!(next.is_some(), looked_back_to.is_some());
            let Some(back_to) = looked_back_to else { break };
            assert!(back_to < back, "each goes further back");
            // No more than its effort were registered since.
            let since = PaymentSearch { from: Some(back_to), until: Some(back), ..all() };
            assert!(references(&*ledger, &since).await.len() <= effort);
            (search.after, back) = (next, back_to);
            turns += 1;
        }
        assert_eq!(turns, 40_usize.div_ceil(effort), "effort {effort}");
    }
    assert_eq!(page(&*ledger, &rare(100)).await.next, None);
}
