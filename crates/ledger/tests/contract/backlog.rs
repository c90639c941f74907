//! What waits for somebody, and what an engine counts.

use super::*;
use gerai_ledger::{Backlog, Taking};

async fn backlog(ledger: &dyn Ledger) -> Backlog {
    ledger.backlog().await.unwrap()
}

pub(crate) async fn the_backlog_is_what_was_not_delivered_given_up_or_looked_at<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    assert_eq!(backlog(&*ledger).await, Backlog::default());
    // Paid at noon, reversed a second later: the second message waits behind the first.
    let first = paid(&*ledger, indo("A")).await;
    done(&*ledger, &first, reverse(Chain::Indo, "t1"), noon_and(1)).await;
    let second = open(&*ledger, indo("B")).await;
    done(&*ledger, &second, pay(Chain::Indo, "t1"), noon_and(5)).await;
    let whole = Backlog { undelivered: 3, oldest: Some(noon()), failed: 0, exceptions: 0 };
    assert_eq!(backlog(&*ledger).await, whole);

    let due = claim(&*ledger, noon_and(10), real(0)).await;
    let id_of = |payment: &Payment| {
        due.iter().find(|claimed| claimed.notice.tx_id == payment.terms.tx_id).map(|claimed| claimed.id).unwrap()
    };
    accept(&*ledger, id_of(&first), noon_and(10)).await;
    assert_eq!(backlog(&*ledger).await, Backlog { undelivered: 2, oldest: Some(noon_and(1)), ..whole });
    ledger.settle(id_of(&second), answered(noon_and(11), 500), Settlement::Exhausted).await.unwrap();
    assert_eq!(
        backlog(&*ledger).await,
        Backlog { undelivered: 1, oldest: Some(noon_and(1)), failed: 1, exceptions: 0 }
    );
    let due = claim(&*ledger, noon_and(12), real(0)).await;
    accept(&*ledger, due[0].id, noon_and(12)).await;
    assert_eq!(backlog(&*ledger).await, Backlog { failed: 1, ..Backlog::default() });
    assert!(ledger.replay(id_of(&second), noon_and(20), deed()).await.unwrap());
    assert_eq!(
        backlog(&*ledger).await,
        Backlog { undelivered: 1, oldest: Some(noon_and(5)), ..Backlog::default() },
        "as old as what it tells, not as its replay"
    );

    // A commit for a payment that its merchant has cancelled meanwhile: the cash may have been taken.
    let lapsed = open(&*ledger, alma("C")).await;
    done(&*ledger, &lapsed, pay(Chain::Alma, "t1"), noon()).await;
    done(&*ledger, &lapsed, cancel(), noon_and(400)).await;
    assert!(command(&*ledger, &lapsed, commit("t1"), noon_and(500)).await.is_err());
    assert_eq!(backlog(&*ledger).await.exceptions, 1);
}

pub(crate) async fn each_payment_is_counted_once<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let stats = ledger.stats();
    let first = open(&*ledger, alma("A")).await;
    assert!(matches!(try_open(&*ledger, alma("A")).await, Opened::Repeat(_)));
    let mut redirect = registration("B", None);
    redirect.ask.kind = Kind::Redirect;
    open(&*ledger, redirect).await;
    assert_eq!((stats.registered(Kind::Direct), stats.registered(Kind::Redirect)), (1, 1));

    done(&*ledger, &first, pay(Chain::Alma, "t1"), noon()).await;
    assert_eq!(stats.taken_at(Chain::Alma), Taking::default(), "not before its commit");
    for _ in 0..3 {
        done(&*ledger, &first, commit("t1"), noon_and(1)).await;
        done(&*ledger, &first, pay(Chain::Alma, "t1"), noon_and(1)).await;
    }
    let once = Taking { payments: 1, rupiah: OWED, reversals: 0 };
    assert_eq!(stats.taken_at(Chain::Alma), once);
    assert!(command(&*ledger, &first, cancel(), noon_and(2)).await.is_err());
    done(&*ledger, &first, reverse(Chain::Alma, "t1"), noon_and(2)).await;
    done(&*ledger, &first, reverse(Chain::Alma, "t1"), noon_and(2)).await;
    assert_eq!(stats.taken_at(Chain::Alma), Taking { reversals: 1, ..once });
    let second = paid(&*ledger, indo("C")).await;
    done(&*ledger, &second, give_back(), noon_and(60)).await;
    assert_eq!(stats.taken_at(Chain::Indo), Taking { payments: 1, rupiah: OWED, reversals: 1 });
    assert_eq!(stats.taken_at(Chain::Alma).payments, 1);

    let (commits, commands) = (stats.commits(), stats.commands());
    assert_eq!(stats.batch_sizes().iter().sum::<u64>(), commits);
    assert_eq!(stats.commit_times().iter().sum::<u64>(), commits);
    assert!(commands >= commits);
}
