//! What a chain has taken for paid payments, as its reconciliation reads it.

use super::*;
use gerai_ledger::{DepositQuery, Deposits};
use std::collections::BTreeSet;

fn all_of(chain: Chain) -> DepositQuery {
    DepositQuery { chain, from: noon_and(-DAY), until: noon_and(30 * DAY), after: None, limit: 1_000 }
}

async fn references(ledger: &dyn Ledger, query: DepositQuery) -> Vec<String> {
    let Deposits { payments, .. } = ledger.deposits(query).await.unwrap();
    payments.into_iter().map(|payment| payment.terms.reference_no).collect()
}

pub(crate) async fn the_deposits_of_a_chain_are_what_it_has_taken_and_not_given_back<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    open(&*ledger, alma("unpaid")).await;
    let ready = open(&*ledger, alma("ready")).await;
    done(&*ledger, &ready, pay(Chain::Alma, "t1"), noon()).await;
    let reversed = open(&*ledger, alma("reversed")).await;
    done(&*ledger, &reversed, pay(Chain::Alma, "t1"), noon()).await;
    done(&*ledger, &reversed, commit("t1"), noon()).await;
    assert_eq!(references(&*ledger, all_of(Chain::Alma)).await, ["reversed"]);
    done(&*ledger, &reversed, reverse(Chain::Alma, "t1"), noon_and(1)).await;
    assert_eq!(references(&*ledger, all_of(Chain::Alma)).await, [""; 0]);

    // Taken by a second attempt, at its moment; committed late, at the moment at which the cash was taken.
    done(&*ledger, &reversed, pay(Chain::Alma, "t2"), noon_and(100)).await;
    done(&*ledger, &reversed, commit("t2"), noon_and(110)).await;
    done(&*ledger, &ready, commit("t1"), noon_and(5_000)).await;
    // The chain still has the cash of what an operator gave back.
    let returned = open(&*ledger, alma("returned")).await;
    done(&*ledger, &returned, pay(Chain::Alma, "t1"), noon_and(50)).await;
    done(&*ledger, &returned, commit("t1"), noon_and(60)).await;
    done(&*ledger, &returned, give_back(), noon_and(70)).await;
    assert_eq!(references(&*ledger, all_of(Chain::Alma)).await, ["ready", "returned", "reversed"]);
    let Deposits { payments, .. } = ledger.deposits(all_of(Chain::Alma)).await.unwrap();
    let taken: Vec<_> = payments.iter().map(|payment| payment.paid_attempt().unwrap().taken_at).collect();
    assert_eq!(taken, [noon(), noon_and(50), noon_and(100)]);
    assert_eq!(payments[1], found(&*ledger, &returned).await);
}

pub(crate) async fn deposits_lie_between_two_instants_at_one_chain<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let millis = |at: Timestamp, millis| at.checked_add(SignedDuration::from_millis(millis)).unwrap();
    let (from, until) = (noon_and(10), noon_and(20));
    for (reference, at) in [
        ("before", millis(from, -1)),
        ("first", from),
        ("inside", millis(from, 1)),
        ("last", millis(until, -1)),
        ("after", until),
    ] {
        let payment = open(&*ledger, indo(reference)).await;
        done(&*ledger, &payment, pay(Chain::Indo, "t1"), at).await;
        let other = open(&*ledger, alma(&format!("alma-{reference}"))).await;
        done(&*ledger, &other, pay(Chain::Alma, "t1"), at).await;
        done(&*ledger, &other, commit("t1"), at).await;
    }
    let query = DepositQuery { from, until, ..all_of(Chain::Indo) };
    assert_eq!(references(&*ledger, query).await, ["first", "inside", "last"]);
    let alma = DepositQuery { chain: Chain::Alma, ..query };
    assert_eq!(references(&*ledger, alma).await, ["alma-first", "alma-inside", "alma-last"]);
    let nothing = DepositQuery { until: from, ..query };
    assert_eq!(ledger.deposits(nothing).await.unwrap(), Deposits { payments: Vec::new(), next: None });
}

pub(crate) async fn deposits_are_read_page_by_page<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    // Many at the same moment, which pages end between; and the one that was registered first is paid last.
    let first = open(&*ledger, indo("first")).await;
    let mut expected = Vec::new();
    for (i, seconds) in [5, 1, 1, 1, 3, 1, 5, 2].into_iter().enumerate() {
        let reference = format!("R{i}");
        let payment = open(&*ledger, indo(&reference)).await;
        done(&*ledger, &payment, pay(Chain::Indo, "t1"), noon_and(seconds)).await;
        expected.push((seconds, reference));
    }
    done(&*ledger, &first, pay(Chain::Indo, "t1"), noon_and(9)).await;
    expected.push((9, "first".into()));
    expected.sort_by_key(|(seconds, _)| *seconds);
    let expected: Vec<String> = expected.into_iter().map(|(_, reference)| reference).collect();
    for limit in [1, 2, 3, 9, 10] {
        let mut query = DepositQuery { limit, ..all_of(Chain::Indo) };
        let mut pages = Vec::new();
        loop {
            let Deposits { payments, next } = ledger.deposits(query).await.unwrap();
            assert!(payments.len() <= limit);
            assert_eq!(next.is_none(), payments.is_empty());
            if next.is_none() {
                break;
            }
            query.after = next;
            pages.extend(payments.into_iter().map(|payment| payment.terms.reference_no));
        }
        assert_eq!(pages, expected, "pages of {limit}");
    }
}

pub(crate) async fn after_any_commands_the_deposits_are_the_paid_payments<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let commands: [fn(u64) -> Command; 6] = [
        |n| pay(Chain::Alma, &format!("t{}", n % 3)),
        |n| commit(&format!("t{}", n % 3)),
        |n| reverse(Chain::Alma, &format!("t{}", n % 3)),
        |n| pay(Chain::Alma, &format!("t{}", n % 2)),
        |n| commit(&format!("t{}", n % 2)),
        |_| give_back(),
    ];
    let mut paid = BTreeSet::new();
    // A random walk with a fixed seed.
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    for i in 0..60 {
        let reference = format!("R{i:02}");
        let payment = open(&*ledger, alma(&reference)).await;
        for step in 0..8 {
            let wanted = commands[usize::try_from(next() % 6).unwrap()](next());
            // Refusals are part of it.
            let _ = command(&*ledger, &payment, wanted, noon_and(i * 3_000 + step * 200)).await;
        }
        if found(&*ledger, &payment).await.paid_attempt().is_some() {
            paid.insert(reference);
        }
    }
    let deposits = references(&*ledger, all_of(Chain::Alma)).await;
    assert!((10..60).contains(&paid.len()), "{} of 60 would prove little", paid.len());
    assert_eq!(deposits.into_iter().collect::<BTreeSet<_>>(), paid);
}
