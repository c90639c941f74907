//! The book against arbitrary answers in arbitrary order, and over a crash.

use super::{BookError, ExchangeQuery, NewOrder, Opened, OrderBook, OrderQuery, SqliteBook, SqliteBookSettings};
use crate::answers::{Registered, Status};
use crate::confirm::{Confirmed, Ticket};
use crate::exchange::{Call, Exchange, Journal};
use crate::order::{OrderState, Transition};
use gerai_protocol::{Kind, MitraCd, StatusWords};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::{Strategy, prop_assert, prop_assert_eq, proptest};
use proptest::sample::select;
use proptest::test_runner::Config;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

const T_XID: &str = "GERAITEST103203105051000001234";

fn now() -> Timestamp {
    "2031-05-05T03:00:00Z".parse().unwrap()
}

fn open(dir: &Path) -> SqliteBook {
    SqliteBook::open(SqliteBookSettings { keep_strangers: 5, ..SqliteBookSettings::at(dir.join("orders.db")) }).unwrap()
}

fn new_order(reference_no: &str) -> NewOrder {
    NewOrder {
        reference_no: reference_no.into(),
        kind: Kind::Direct,
        amount: 10_000,
        goods_nm: "Kopi".into(),
        request: "{}".into(),
        fingerprint: [1; 32],
        at: now(),
        next_check: None,
    }
}

fn registered(reference_no: &str, t_xid: &str) -> Registered {
    Registered {
        reference_no: reference_no.into(),
        t_xid: t_xid.into(),
        amount: 10_000,
        mitra_cd: Some(MitraCd::Alma),
        pay_no: Some("123456789012".into()),
        payment_url: None,
        payable_until: Some(now() + SignedDuration::from_hours(24)),
    }
}

fn said(state: StatusWords, ticket: u64) -> Confirmed {
    let status = Status {
        reference_no: "ORD-1".into(),
        t_xid: T_XID.into(),
        amount: 10_000,
        state,
        mitra_cd: Some(MitraCd::Alma),
        pay_no: Some("123456789012".into()),
        payable_until: None,
        paid_at: Some(now()),
        receipt_code: Some("2BDQ72T08BY3".into()),
    };
    Confirmed::said(status, Ticket::new(ticket))
}

async fn with_order(dir: &Path) -> SqliteBook {
    let book = open(dir);
    assert!(matches!(OrderBook::open(&book, new_order("ORD-1")).await.unwrap(), Opened::New(_)));
    book.registered(&registered("ORD-1", T_XID), now(), None).await.unwrap();
    book
}

/// The transitions of the one order.
async fn changes(book: &SqliteBook) -> Vec<(OrderState, OrderState)> {
    let transitions = book.transitions("ORD-1").await.unwrap();
    transitions.iter().map(|(transition, _)| (transition.from, transition.to)).collect()
}

async fn claim(book: &SqliteBook) -> Vec<Transition> {
    book.claim(now(), 10, Duration::from_secs(60)).await.unwrap()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

proptest! {
    #![proptest_config(Config { cases: 24, failure_persistence: None, ..Config::default() })]

    /// M06, M08: whatever was confirmed, in whatever order and how often the answers come in, the order ends where the last
    /// question found it; each change is written once, and each begins where the one before it ended.
    #[test]
    fn any_order_of_answers_ends_where_the_gateway_says(
        (truth, arrivals) in proptest::collection::vec(select(StatusWords::ALL), 1..8).prop_flat_map(|truth| {
            let tickets = 0..truth.len();
            (proptest::strategy::Just(truth), proptest::collection::vec(tickets, 1..24))
        }),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let (order, transitions) = runtime().block_on(async {
            let book = with_order(dir.path()).await;
            let mut order = None;
            for index in &arrivals {
                let ticket = u64::try_from(*index).unwrap() + 1;
                order = Some(book.apply(&said(truth[*index], ticket), now(), None).await.unwrap());
            }
            (order.unwrap(), book.transitions("ORD-1").await.unwrap())
        });
        let last = arrivals.iter().copied().max().unwrap();
        prop_assert_eq!(order.state, OrderState::from(truth[last]));
        prop_assert_eq!(order.paid_at.is_some(), order.state.is_paid());
        // Each answer counts when it is the latest so far; a change is one whose state differs from the one before.
        let mut state = OrderState::Unpaid;
        let mut expected = vec![(OrderState::Registering, OrderState::Unpaid)];
        let mut latest = None;
        for index in arrivals {
            if latest.is_none_or(|latest| index > latest) {
                latest = Some(index);
                let next = OrderState::from(truth[index]);
                if next != state {
                    expected.push((state, next));
                    state = next;
                }
            }
        }
        let written: Vec<_> = transitions.iter().map(|(change, _)| (change.from, change.to)).collect();
        prop_assert_eq!(written, expected);
        let mut ids: Vec<_> = transitions.iter().map(|(change, _)| change.id.clone()).collect();
        ids.sort();
        ids.dedup();
        prop_assert!(ids.len() == transitions.len());
    }
}

#[tokio::test]
async fn tickets_rise_whoever_draws_them() {
    let dir = tempfile::tempdir().unwrap();
    let book = with_order(dir.path()).await;
    let mut drawn = Vec::new();
    for _ in 0..3 {
        drawn.push(book.begin_check("ORD-1").await.unwrap().number());
    }
    assert_eq!(drawn, [1, 2, 3]);
    assert!(matches!(book.begin_check("ORD-2").await, Err(BookError::NoSuchOrder(_))));
}

#[tokio::test]
async fn a_crash_between_change_and_handler_runs_the_handler_after_the_restart() {
    let dir = tempfile::tempdir().unwrap();
    let book = with_order(dir.path()).await;
    let registered = claim(&book).await;
    book.handled(&registered[0].id, now()).await.unwrap();
    book.apply(&said(StatusWords::Paid, 1), now(), None).await.unwrap();
    let before = claim(&book).await;
    assert_eq!(before.len(), 1);
    assert!(claim(&book).await.is_empty(), "it is leased");
    // The program dies with the handler half done: nothing more is written. What is on disk is all that there is.
    let copy = copied(dir.path());
    drop(book);
    let after = open(copy.path());
    let again = claim(&after).await;
    assert_eq!(again, before, "the same change under the same id");
    after.handled(&again[0].id, now()).await.unwrap();
    drop(after);
    let later = open(copy.path());
    assert!(claim(&later).await.is_empty(), "and never again");
    assert_eq!(OrderBook::find(&later, "ORD-1").await.unwrap().unwrap().state, OrderState::Paid);
}

/// The files as they stand on the disk while the book is still open, as a kill leaves them.
fn copied(dir: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        if !entry.file_name().to_string_lossy().ends_with(".lock") {
            std::fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
        }
    }
    copy
}

#[tokio::test]
async fn changes_of_one_order_are_handled_in_order_and_a_failure_holds_up_that_order_alone() {
    let dir = tempfile::tempdir().unwrap();
    let book = with_order(dir.path()).await;
    book.apply(&said(StatusWords::Paid, 1), now(), None).await.unwrap();
    OrderBook::open(&book, new_order("ORD-2")).await.unwrap();
    book.registered(&registered("ORD-2", "OTHER"), now(), None).await.unwrap();
    let heads = claim(&book).await;
    let heads: Vec<_> = heads.iter().map(|t| (t.reference_no.as_str(), t.seq, t.id.clone())).collect();
    assert_eq!(heads.len(), 2);
    assert!(heads.iter().all(|(_, seq, _)| *seq == 1), "{heads:?}");
    let (_, _, first) = heads.iter().find(|(reference, ..)| *reference == "ORD-1").unwrap();
    let later = now() + SignedDuration::from_secs(5);
    book.not_handled(first, later, "the warehouse is closed").await.unwrap();
    assert!(claim(&book).await.is_empty(), "one waits, one is leased");
    let again = book.claim(later, 10, Duration::from_secs(60)).await.unwrap();
    assert_eq!(again.iter().map(|t| (t.seq, t.failures)).collect::<Vec<_>>(), [(1, 1)]);
    book.handled(first, later).await.unwrap();
    let next = book.claim(later, 10, Duration::from_secs(60)).await.unwrap();
    assert_eq!(next.iter().map(|t| (t.seq, t.to)).collect::<Vec<_>>(), [(2, OrderState::Paid)]);
}

#[tokio::test]
async fn a_status_of_another_payment_is_not_written() {
    let dir = tempfile::tempdir().unwrap();
    let book = with_order(dir.path()).await;
    let other = |change: fn(&mut Status)| {
        let mut status = said(StatusWords::Paid, 1).status().clone();
        change(&mut status);
        Confirmed::said(status, Ticket::new(1))
    };
    for confirmed in [other(|status| status.t_xid = "OTHER".into()), other(|status| status.amount = 1)] {
        assert!(matches!(book.apply(&confirmed, now(), None).await, Err(BookError::OtherPayment(_))));
    }
    assert_eq!(changes(&book).await, [(OrderState::Registering, OrderState::Unpaid)]);
}

#[tokio::test]
async fn a_status_that_overtakes_the_registrations_answer_stays() {
    let dir = tempfile::tempdir().unwrap();
    let book = open(dir.path());
    OrderBook::open(&book, new_order("ORD-1")).await.unwrap();
    book.apply(&said(StatusWords::Paid, 1), now(), None).await.unwrap();
    let order = book.registered(&registered("ORD-1", T_XID), now(), None).await.unwrap();
    assert_eq!((order.state, order.payable_until.is_some()), (OrderState::Paid, true));
    assert_eq!(changes(&book).await, [(OrderState::Registering, OrderState::Paid)]);
}

#[tokio::test]
async fn a_refused_order_begins_anew_and_any_other_stays() {
    let dir = tempfile::tempdir().unwrap();
    let book = open(dir.path());
    OrderBook::open(&book, new_order("ORD-1")).await.unwrap();
    let refused = book.not_registered("ORD-1", "9505: no", now()).await.unwrap();
    assert_eq!((refused.state, refused.request), (OrderState::NotRegistered, None));
    let again = NewOrder { amount: 20_000, ..new_order("ORD-1") };
    let Opened::New(order) = OrderBook::open(&book, again.clone()).await.unwrap() else { panic!("it is known") };
    assert_eq!((order.state, order.amount, order.refusal), (OrderState::Registering, 20_000, None));
    assert!(matches!(OrderBook::open(&book, again).await.unwrap(), Opened::Known(_)));
}

#[tokio::test]
async fn one_program_at_a_time_holds_a_book_and_its_files_are_its_own() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let book = with_order(dir.path()).await;
    let second = SqliteBook::open(SqliteBookSettings::at(dir.path().join("orders.db")));
    assert!(matches!(second, Err(super::OpenBookError::InUse(_))));
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let mode = entry.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "others may not read it");
    }
    drop(book);
    open(dir.path());
}

fn exchange(reference_no: Option<&str>, authentic: bool, at: Timestamp) -> Exchange {
    Exchange {
        at,
        took: Duration::from_millis(12),
        call: if authentic { Call::Inquiry } else { Call::Notification },
        reference_no: reference_no.map(str::to_owned),
        t_xid: reference_no.map(|_| T_XID.to_owned()),
        message_id: None,
        outcome: "0000".into(),
        http_status: Some(200),
        authentic,
        sent: "{}".into(),
        received: "{}".into(),
    }
}

#[tokio::test]
async fn exchanges_are_found_by_order_payment_and_call_s22() {
    let dir = tempfile::tempdir().unwrap();
    let book = open(dir.path());
    book.record(exchange(Some("ORD-1"), true, now())).await;
    book.record(exchange(Some("ORD-2"), true, now())).await;
    book.record(exchange(None, false, now())).await;
    let find = async |query: ExchangeQuery| book.exchanges(&query).await.unwrap();
    let all = find(ExchangeQuery::default()).await;
    assert_eq!(all.len(), 3);
    assert_eq!(all[2].exchange, exchange(Some("ORD-1"), true, now()));
    let of = |reference: &str| ExchangeQuery { reference_no: Some(reference.into()), ..ExchangeQuery::default() };
    assert_eq!(find(of("ORD-2")).await.len(), 1);
    assert_eq!(find(ExchangeQuery { t_xid: Some(T_XID.into()), ..ExchangeQuery::default() }).await.len(), 2);
    assert_eq!(find(ExchangeQuery { call: Some(Call::Notification), ..ExchangeQuery::default() }).await.len(), 1);
    let page = find(ExchangeQuery { before: Some(all[0].place), limit: 1, ..ExchangeQuery::default() }).await;
    assert_eq!(page.iter().map(|listed| listed.place).collect::<Vec<_>>(), [all[1].place]);
}

#[tokio::test]
async fn strangers_do_not_fill_the_log_and_old_entries_go() {
    let dir = tempfile::tempdir().unwrap();
    let book = open(dir.path());
    book.record(exchange(Some("ORD-1"), true, now())).await;
    for _ in 0..20 {
        book.record(exchange(None, false, now())).await;
    }
    let all = book.exchanges(&ExchangeQuery::default()).await.unwrap();
    assert_eq!(all.iter().filter(|listed| !listed.exchange.authentic).count(), 5);
    assert_eq!(all.iter().filter(|listed| listed.exchange.authentic).count(), 1);
    let next_year = now() + SignedDuration::from_hours(500 * 24);
    book.record(exchange(Some("ORD-2"), true, next_year)).await;
    assert_eq!(book.exchanges(&ExchangeQuery::default()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn orders_are_listed_newest_first_a_page_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let book = with_order(dir.path()).await;
    for number in 2..=4 {
        OrderBook::open(&book, new_order(&format!("ORD-{number}"))).await.unwrap();
    }
    let list = async |state, before| {
        let listed = book.orders(&OrderQuery { state, before, limit: 2 }).await.unwrap();
        let names: Vec<String> = listed.iter().map(|listed| listed.order.reference_no.clone()).collect();
        (names.join(" "), listed.last().map(|listed| listed.place))
    };
    let (first, place) = list(None, None).await;
    let (second, place) = (list(None, place).await.0, place);
    assert!(place.is_some());
    assert_eq!((first.as_str(), second.as_str()), ("ORD-4 ORD-3", "ORD-2 ORD-1"));
    assert_eq!(list(Some(OrderState::Unpaid), None).await.0, "ORD-1");
    let tally = book.tally().await.unwrap();
    assert_eq!(tally.unhandled, 1);
    assert!(tally.orders.contains(&(OrderState::Registering, 3)));
}
