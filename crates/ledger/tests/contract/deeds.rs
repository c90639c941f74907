//! The audit log: what was done by hand, written with it and never without.

use super::users::{session, token, user};
use super::*;
use gerai_domain::ExceptionKind;
use gerai_ledger::{DeedQuery, LoggedDeed, Role};

fn newest(limit: usize) -> DeedQuery {
    DeedQuery { limit, ..DeedQuery::default() }
}

async fn log(ledger: &dyn Ledger, query: DeedQuery) -> Vec<LoggedDeed> {
    ledger.deeds(query).await.unwrap()
}

/// What the log tells, oldest first.
async fn whats(ledger: &dyn Ledger) -> Vec<String> {
    let mut log = log(ledger, newest(1_000)).await;
    log.reverse();
    log.into_iter().map(|logged| logged.deed.what).collect()
}

fn named(what: &str) -> Deed {
    Deed::new(&Actor::Operator("rini".into()), noon(), what, "everything")
}

/// A change that is refused.
fn refused<A: 'static>() -> gerai_ledger::Change<A> {
    Box::new(|_| Err("not now".into()))
}

/// A change that changes nothing.
fn kept<A: 'static>() -> gerai_ledger::Change<A> {
    Box::new(|_| Ok(()))
}

/// A notification whose schedule is used up.
async fn a_failed_notification(ledger: &dyn Ledger, reference: &str) -> i64 {
    let payment = paid(ledger, indo(reference)).await;
    let claimed = claim(ledger, noon(), real(0)).await;
    let id = claimed.iter().find(|message| message.message_id.starts_with(payment.terms.tx_id.as_str())).unwrap().id;
    ledger.settle(id, answered(noon(), 500), Settlement::Exhausted).await.unwrap();
    id
}

pub(crate) async fn rule_16_what_is_done_is_logged_once_and_what_is_not_done_is_not<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let mut expected: Vec<String> = Vec::new();

    let partner = PartnerAccount { chain: Chain::Alma, enabled: true, secret: "s".into(), retired_secret: None };
    let (chain, id, rini) = (Chain::Alma, sinta(), "rini".parse().unwrap());
    ledger.change_merchant(&id, kept(), named("unknown")).await.unwrap();
    ledger.change_partner(chain, kept(), named("unknown")).await.unwrap();
    ledger.change_user(&rini, kept(), Some(named("unknown"))).await.unwrap();
    ledger.begin_session(session(1, "rini", 0), named("unknown")).await.unwrap();
    ledger.end_session(token(1), named("unknown")).await.unwrap();
    assert!(!ledger.replay(1, noon(), named("unknown")).await.unwrap());
    assert_eq!(ledger.replay_failed(0, 10, noon(), named("none")).await.unwrap(), [0; 0]);
    assert_eq!(whats(&*ledger).await, expected);

    ledger.add_merchant(account(&id, "k"), named("merchant-added")).await.unwrap();
    ledger.add_partner(partner.clone(), named("partner-added")).await.unwrap();
    ledger.add_user(user("rini", Role::Operator), named("user-added")).await.unwrap();
    expected.extend(["merchant-added", "partner-added", "user-added"].map(String::from));
    assert_eq!(whats(&*ledger).await, expected);

    ledger.add_merchant(account(&id, "k2"), named("taken")).await.unwrap();
    ledger.add_partner(partner, named("taken")).await.unwrap();
    ledger.add_user(user("rini", Role::Operator), named("taken")).await.unwrap();
    ledger.change_merchant(&id, refused(), named("refused")).await.unwrap();
    ledger.change_partner(chain, refused(), named("refused")).await.unwrap();
    ledger.change_user(&rini, refused(), Some(named("refused"))).await.unwrap();
    assert_eq!(whats(&*ledger).await, expected);

    ledger.change_merchant(&id, kept(), named("merchant-changed")).await.unwrap();
    ledger.change_partner(chain, kept(), named("partner-changed")).await.unwrap();
    ledger.change_user(&rini, kept(), Some(named("user-changed"))).await.unwrap();
    ledger.change_user(&rini, kept(), None).await.unwrap();
    ledger.begin_session(session(1, "rini", 0), named("user-signed-in")).await.unwrap();
    ledger.end_session(token(1), named("user-signed-out")).await.unwrap();
    ledger.end_session(token(1), named("twice")).await.unwrap();
    ledger.log_deed(named("exported")).await.unwrap();
    let first = a_failed_notification(&*ledger, "A").await;
    assert!(ledger.replay(first, noon(), named("notification-replayed")).await.unwrap());
    assert!(!ledger.replay(first, noon(), named("twice")).await.unwrap());
    let second = a_failed_notification(&*ledger, "B").await;
    let third = a_failed_notification(&*ledger, "C").await;
    let replayed = ledger.replay_failed(0, 10, noon(), named("notifications-replayed")).await.unwrap();
    assert_eq!(replayed, [second, third]);
    expected.extend(
        [
            "merchant-changed",
            "partner-changed",
            "user-changed",
            "user-signed-in",
            "user-signed-out",
            "exported",
            "notification-replayed",
            "notifications-replayed",
        ]
        .map(String::from),
    );
    assert_eq!(whats(&*ledger).await, expected);

    // It outlives what it tells of, and a restart.
    ledger.forget_payments().await.unwrap();
    drop(ledger);
    assert_eq!(whats(&*engine.open().await).await, expected);
}

/// Carries out a command as somebody; whether it was done.
async fn by_hand(ledger: &dyn Ledger, payment: &Payment, command: Command, actor: Actor, now: Timestamp) -> bool {
    let execution = Execution { origin: origin_of(actor), ..execution(payment, command, now) };
    judge(ledger, execution).await.1.is_ok()
}

pub(crate) async fn rule_16_what_people_do_to_a_payment_by_hand_is_logged<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let rini = || Actor::Operator("rini".into());
    let ani = || Actor::User { merchant: sinta(), name: "ani".into() };

    // Whoever is no person has no deed, whatever is done.
    let cancelled = open(&*ledger, indo("cancelled by the merchant")).await;
    assert!(by_hand(&*ledger, &cancelled, cancel(), Actor::Merchant(sinta()), noon()).await);
    let settled = paid(&*ledger, indo("paid")).await;
    let chosen = open(&*ledger, registration("chosen", None)).await;
    assert!(by_hand(&*ledger, &chosen, choose(Chain::Indo), Actor::Customer, noon()).await);
    let late = reverse(Chain::Indo, "t1");
    assert!(!by_hand(&*ledger, &settled, late, Actor::Partner(Chain::Indo), noon_and(DAY)).await);
    // What is refused was not done.
    assert!(!by_hand(&*ledger, &settled, cancel(), rini(), noon()).await);
    assert!(!by_hand(&*ledger, &chosen, give_back(), rini(), noon()).await);
    let expired = open(&*ledger, NewPayment { deadline: noon_and(1), ..indo("expired") }).await;
    assert!(!by_hand(&*ledger, &expired, cancel(), ani(), noon_and(60)).await);
    assert_eq!(names(&*ledger, &expired).await, ["registered", "expired"]);
    assert_eq!(whats(&*ledger).await, [""; 0]);

    let mine = open(&*ledger, indo("mine")).await;
    assert!(by_hand(&*ledger, &mine, cancel(), ani(), noon_and(1)).await);
    let theirs = open(&*ledger, by(indo("theirs"), budi())).await;
    let without_reason = Command::Cancel { amount: Rupiah::new(OWED).unwrap(), message: None };
    assert!(by_hand(&*ledger, &theirs, without_reason, rini(), noon_and(2)).await);
    let resolve = Command::ResolveException {
        kind: ExceptionKind::TooLateToReverse,
        trace_no: "t1".into(),
        operator: "rini".into(),
        note: "the store keeps it".into(),
    };
    assert!(by_hand(&*ledger, &settled, resolve.clone(), rini(), noon_and(3)).await);
    assert!(by_hand(&*ledger, &settled, give_back(), rini(), noon_and(4)).await);
    // Once more changes nothing.
    by_hand(&*ledger, &settled, give_back(), rini(), noon_and(5)).await;
    by_hand(&*ledger, &settled, resolve, rini(), noon_and(5)).await;
    by_hand(&*ledger, &mine, cancel(), ani(), noon_and(5)).await;

    let mut log = log(&*ledger, newest(100)).await;
    log.reverse();
    let deed = |by: Actor, seconds, what: &str, payment: &Payment, detail: &str| Deed {
        merchant: Some(payment.terms.merchant.clone()),
        detail: detail.into(),
        request_id: Some("request-1".into()),
        ..Deed::new(&by, noon_and(seconds), what, payment.terms.tx_id.as_str())
    };
    let expected = [
        deed(ani(), 1, "payment-cancelled", &mine, "out of stock"),
        deed(rini(), 2, "payment-cancelled", &theirs, ""),
        deed(rini(), 3, "exception-resolved", &settled, "attempt t1: the store keeps it"),
        deed(rini(), 4, "payment-returned", &settled, "goods came back"),
    ];
    assert_eq!(log.into_iter().map(|logged| logged.deed).collect::<Vec<_>>(), expected);
    assert_eq!((expected[0].by.as_str(), expected[1].by.as_str()), ("user:ani@GERAITEST1", "operator:rini"));
}

pub(crate) async fn the_log_is_read_by_whose_by_whom_on_what_and_page_by_page<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let people = [Actor::Operator("rini".into()), Actor::User { merchant: sinta(), name: "ani".into() }];
    let mut all: Vec<Deed> = Vec::new();
    for i in 0..60_i64 {
        let pick = |of: i64, below: i64| usize::try_from(i / of % below).unwrap();
        let deed = Deed {
            merchant: [None, Some(sinta()), Some(budi())][pick(1, 3)].clone(),
            detail: format!("{i}: 'quoted' \u{1f375}"),
            request_id: (i % 4 == 0).then(|| format!("request-{i}")),
            // The gateway's clock may go back; the log does not.
            ..Deed::new(&people[pick(2, 2)], noon_and(-i), "changed", ["one", "an%", "other"][pick(4, 3)])
        };
        ledger.log_deed(deed.clone()).await.unwrap();
        all.push(deed);
    }
    all.reverse();
    for merchant in [None, Some(sinta()), Some(budi()), Some(merchant("NOBODYATAL"))] {
        for by in [None, Some("operator:rini"), Some("user:ani@GERAITEST1"), Some("operator:rin")] {
            for subject in [None, Some("one"), Some("an%"), Some("%")] {
                let fits = |deed: &&Deed| {
                    merchant.as_ref().is_none_or(|merchant| deed.merchant.as_ref() == Some(merchant))
                        && by.is_none_or(|by| deed.by == by)
                        && subject.is_none_or(|subject| deed.subject == subject)
                };
                let expected: Vec<Deed> = all.iter().filter(fits).cloned().collect();
                for limit in [1, 7, 100] {
                    let (by, subject) = (by.map(String::from), subject.map(String::from));
                    let mut query = DeedQuery { merchant: merchant.clone(), by, subject, before: None, limit };
                    let mut read = Vec::new();
                    loop {
                        let page = log(&*ledger, query.clone()).await;
                        assert!(page.len() <= limit && page.is_sorted_by(|newer, older| newer.id > older.id));
                        let Some(last) = page.last() else { break };
                        query.before = Some(last.id);
                        read.extend(page.into_iter().map(|logged| logged.deed));
                    }
                    assert_eq!(read, expected, "{merchant:?} {query:?}");
                }
            }
        }
    }
    // What is done between two pages moves none of them.
    let first = log(&*ledger, newest(10)).await;
    ledger.log_deed(named("meanwhile")).await.unwrap();
    let second = log(&*ledger, DeedQuery { before: first.last().map(|logged| logged.id), ..newest(10) }).await;
    let read: Vec<Deed> = first.into_iter().chain(second).map(|logged| logged.deed).collect();
    assert_eq!(read, all[..20]);
    assert_eq!(log(&*ledger, newest(1)).await[0].deed.what, "meanwhile");
    assert_eq!(log(&*ledger, newest(0)).await, []);
}

pub(crate) async fn rule_16_what_fails_is_not_logged<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    ledger.add_user(user("rini", Role::Operator), named("user-added")).await.unwrap();
    ledger.begin_session(session(1, "rini", 0), named("user-signed-in")).await.unwrap();
    // The same token cannot be another's session: the whole command fails.
    ledger.begin_session(session(1, "rini", 1), named("again")).await.unwrap_err();
    assert_eq!(whats(&*ledger).await, ["user-added", "user-signed-in"]);
}
