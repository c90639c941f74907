//! The people of the back office, their sessions, and the audit log.

use super::*;
use gerai_domain::ExceptionKind;
use gerai_ledger::{DeedQuery, Role, Session, TokenHash, UserAccount, UserName};
use secrecy::ExposeSecret;

const MINUTE: i64 = 60;

fn name(text: &str) -> UserName {
    text.parse().unwrap()
}

fn user(text: &str) -> UserAccount {
    UserAccount {
        name: name(text),
        role: Role::Operator,
        password_hash: "$argon2id$the-hash".into(),
        disabled: false,
        failures: 0,
        locked_until: None,
        added_at: real(0),
    }
}

/// What can be told of an account.
fn told(account: &UserAccount) -> (&str, &Role, &str, bool, u32, Option<Timestamp>, Timestamp) {
    let UserAccount { name, role, password_hash, disabled, failures, locked_until, added_at } = account;
    (name.as_str(), role, password_hash.expose_secret(), *disabled, *failures, *locked_until, *added_at)
}

fn what(deed: &str) -> Deed {
    Deed { what: deed.into(), ..super::deed() }
}

/// What the log says was done, oldest first.
async fn log(ledger: &dyn Ledger) -> Vec<String> {
    let all = ledger.deeds(DeedQuery { limit: 1_000, ..DeedQuery::default() }).await.unwrap();
    all.into_iter().rev().map(|logged| logged.deed.what).collect()
}

async fn change(
    ledger: &dyn Ledger,
    who: &str,
    deed: Option<Deed>,
    change: impl FnOnce(&mut UserAccount) + Send + 'static,
) -> Changed<UserAccount> {
    let change = Box::new(|account: &mut UserAccount| {
        change(account);
        Ok(())
    });
    ledger.change_user(&name(who), change, deed).await.unwrap()
}

pub(crate) async fn a_user_is_added_once_and_read_back<E: Engine>() {
    let engine = E::fresh().await;
    let mut ledger = engine.open().await;
    assert!(ledger.user(&name("rini")).await.unwrap().is_none());
    let mine = UserAccount {
        role: Role::Merchant(sinta()),
        disabled: true,
        failures: 3,
        locked_until: Some(real(90)),
        ..user("rini")
    };
    assert!(ledger.add_user(mine.clone(), what("user-added")).await.unwrap());
    // The name is taken; nothing of the second comes in, and nothing was done.
    assert!(!ledger.add_user(user("rini"), what("again")).await.unwrap());
    assert!(ledger.add_user(user("agus"), what("user-added")).await.unwrap());
    for _ in 0..2 {
        let read = ledger.user(&name("rini")).await.unwrap().unwrap();
        assert_eq!(told(&read), told(&mine));
        assert!(!format!("{read:?}").contains("the-hash"));
        let all = ledger.users().await.unwrap();
        assert_eq!(all.iter().map(|user| user.name.as_str()).collect::<Vec<_>>(), ["agus", "rini"]);
        assert_eq!(log(&*ledger).await, ["user-added", "user-added"]);
        drop(ledger);
        ledger = engine.open().await;
    }
}

pub(crate) async fn a_user_is_changed_as_it_stands_at_that_moment<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    assert!(matches!(change(&*ledger, "rini", Some(what("a")), |_| {}).await, Changed::Unknown));
    ledger.add_user(user("rini"), what("user-added")).await.unwrap();
    let refuse = |account: &mut UserAccount| {
        account.failures = 99;
        Err("not now".into())
    };
    let refused = ledger.change_user(&name("rini"), Box::new(refuse), Some(what("b"))).await.unwrap();
    let Changed::Refused(error) = refused else { panic!("not refused") };
    assert_eq!(error.to_string(), "not now");

    let mut crowd = JoinSet::new();
    for _ in 0..32 {
        let ledger = Arc::clone(&ledger);
        crowd.spawn(async move { change(&*ledger, "rini", None, |account| account.failures += 1).await });
    }
    crowd.join_all().await;
    assert_eq!(ledger.user(&name("rini")).await.unwrap().unwrap().failures, 32);
    assert_eq!(log(&*ledger).await, ["user-added"], "only what was done, and was to be told");

    let changed = change(&*ledger, "rini", Some(what("user-changed")), |account| {
        account.name = name("somebody-else");
        account.role = Role::Merchant(budi());
        account.password_hash = "$argon2id$another".into();
        account.failures = 0;
        account.locked_until = Some(real(7));
    });
    let Changed::Done(changed) = changed.await else { panic!("not done") };
    let expected = UserAccount {
        role: Role::Merchant(budi()),
        password_hash: "$argon2id$another".into(),
        locked_until: Some(real(7)),
        ..user("rini")
    };
    assert_eq!(told(&changed), told(&expected), "the name stays");
    assert_eq!(told(&ledger.user(&name("rini")).await.unwrap().unwrap()), told(&expected));
    assert_eq!(log(&*ledger).await, ["user-added", "user-changed"]);
}

/// A session of this user's, from `began` seconds on, for ten hours.
fn session(token: u8, who: &str, began: i64) -> Session {
    Session {
        token_hash: [token; 32],
        user: name(who),
        began_at: real(began),
        seen_at: real(began),
        ends_at: real(began + 36_000),
    }
}

async fn seen(ledger: &dyn Ledger, token: u8, seconds: i64) -> Option<Session> {
    let found = ledger.session([token; 32], real(seconds)).await.unwrap();
    found.map(|(session, user)| {
        assert_eq!(session.user, user.name);
        session
    })
}

pub(crate) async fn a_session_is_found_by_its_token_until_it_ends<E: Engine>() {
    let engine = E::fresh().await;
    let mut ledger = engine.open().await;
    ledger.add_user(UserAccount { role: Role::Merchant(sinta()), ..user("rini") }, what("added")).await.unwrap();
    let mine = Session { ends_at: real(600), ..session(1, "rini", 0) };
    ledger.begin_session(mine.clone(), what("user-signed-in")).await.unwrap();
    for _ in 0..2 {
        let (found, account) = ledger.session([1; 32], real(30)).await.unwrap().unwrap();
        assert_eq!((&found, &account.role), (&mine, &Role::Merchant(sinta())));
        for unknown in [[0; 32], [2; 32]] {
            assert!(ledger.session(unknown, real(30)).await.unwrap().is_none());
        }
        drop(ledger);
        ledger = engine.open().await;
    }
    assert!(seen(&*ledger, 1, 599).await.is_some());
    assert!(seen(&*ledger, 1, 600).await.is_none());

    ledger.begin_session(session(2, "rini", 30), what("user-signed-in")).await.unwrap();
    ledger.end_session([2; 32], what("user-signed-out")).await.unwrap();
    assert!(seen(&*ledger, 2, 31).await.is_none());
    // There is nothing to end any more, and nothing to tell.
    for token in [2, 9] {
        ledger.end_session([token; 32], what("again")).await.unwrap();
    }
    assert_eq!(log(&*ledger).await, ["added", "user-signed-in", "user-signed-in", "user-signed-out"]);
}

pub(crate) async fn a_session_is_noted_as_seen_once_a_minute<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    ledger.add_user(user("rini"), what("added")).await.unwrap();
    ledger.begin_session(session(1, "rini", 0), what("signed-in")).await.unwrap();
    let commands = ledger.stats().commands();
    for seconds in [1, MINUTE - 1, 30] {
        assert_eq!(seen(&*ledger, 1, seconds).await.unwrap().seen_at, real(0));
    }
    assert_eq!(ledger.stats().commands(), commands, "a look writes nothing");
    seen(&*ledger, 1, MINUTE).await.unwrap();
    assert_eq!(seen(&*ledger, 1, MINUTE + 1).await.unwrap().seen_at, real(MINUTE));
    // Also by whoever has an earlier clock.
    assert_eq!(seen(&*ledger, 1, 0).await.unwrap().seen_at, real(MINUTE));
    seen(&*ledger, 1, 3 * MINUTE).await.unwrap();
    assert_eq!(seen(&*ledger, 1, 3 * MINUTE).await.unwrap().seen_at, real(3 * MINUTE));
    assert_eq!(ledger.stats().commands(), commands + 2);
}

pub(crate) async fn whoever_is_switched_off_is_signed_out_for_good<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    for (who, token) in [("rini", 1), ("rini", 2), ("agus", 3)] {
        ledger.add_user(user(who), what("added")).await.unwrap();
        ledger.begin_session(session(token, who, 0), what("signed-in")).await.unwrap();
    }
    change(&*ledger, "rini", None, |account| account.failures += 1).await;
    assert!(seen(&*ledger, 1, 1).await.is_some());
    change(&*ledger, "rini", Some(what("off")), |account| account.disabled = true).await;
    let still = async |token| seen(&*ledger, token, 2).await.is_some();
    assert_eq!((still(1).await, still(2).await, still(3).await), (false, false, true));
    change(&*ledger, "rini", Some(what("on")), |account| account.disabled = false).await;
    assert_eq!((still(1).await, still(2).await), (false, false));
}

pub(crate) async fn all_sessions_of_a_user_are_ended_but_one<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let tokens: [(u8, &str); 4] = [(1, "rini"), (2, "rini"), (3, "rini"), (4, "agus")];
    for (token, who) in tokens {
        ledger.add_user(user(who), what("added")).await.unwrap();
        ledger.begin_session(session(token, who, 0), what("signed-in")).await.unwrap();
    }
    let left = async || {
        let mut left = Vec::new();
        for (token, _) in tokens {
            left.extend(seen(&*ledger, token, 1).await.map(|_| token));
        }
        left
    };
    let except: Option<TokenHash> = Some([2; 32]);
    assert_eq!(ledger.end_sessions_of(&name("rini"), except).await.unwrap(), 2);
    assert_eq!(left().await, [2, 4]);
    assert_eq!(ledger.end_sessions_of(&name("rini"), except).await.unwrap(), 0);
    assert_eq!(ledger.end_sessions_of(&name("rini"), None).await.unwrap(), 1);
    assert_eq!(left().await, [4]);
}

pub(crate) async fn the_audit_log_is_read_newest_first_page_by_page<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let mut expected = Vec::new();
    for i in 0..30_usize {
        let deed = Deed {
            at: noon_and(i64::try_from(i % 7).unwrap()),
            by: ["operator:rini", "user:agus@GERAITEST1", "operator:budi"][i % 3].into(),
            what: format!("deed-{i}"),
            subject: ["GERAITEST1", "ALMA"][i % 2].into(),
            merchant: [None, Some(sinta()), Some(budi())][i % 5 % 3].clone(),
            detail: format!("period {i} d \u{2192} 7 d"),
            request_id: (i % 2 == 0).then(|| format!("request-{i}")),
        };
        ledger.log_deed(deed.clone()).await.unwrap();
        expected.insert(0, deed);
    }
    let merchants = [None, Some(sinta()), Some(budi()), Some(merchant("GERAITEST9"))];
    for (merchant, by, subject) in merchants.into_iter().flat_map(|merchant| {
        [None, Some("operator:rini"), Some("user:agus@GERAITEST1"), Some("operator")]
            .into_iter()
            .flat_map(move |by| [None, Some("ALMA"), Some("alma")].map(|subject| (merchant.clone(), by, subject)))
    }) {
        let expected: Vec<&Deed> = expected
            .iter()
            .filter(|deed| merchant.is_none() || deed.merchant == merchant)
            .filter(|deed| by.is_none_or(|by| deed.by == by))
            .filter(|deed| subject.is_none_or(|subject| deed.subject == subject))
            .collect();
        for limit in [1, 4, 100] {
            let (by, subject) = (by.map(str::to_owned), subject.map(str::to_owned));
            let mut query = DeedQuery { merchant: merchant.clone(), by, subject, before: None, limit };
            let mut found = Vec::new();
            loop {
                let page = ledger.deeds(query.clone()).await.unwrap();
                assert!(page.len() <= limit);
                assert!(page.is_sorted_by(|newer, older| newer.id > older.id));
                let Some(last) = page.last() else { break };
                query.before = Some(last.id);
                found.extend(page.into_iter().map(|logged| logged.deed));
            }
            assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{query:?}");
        }
    }
}

pub(crate) async fn every_change_of_an_account_is_logged_once_it_is_done<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let alma = || PartnerAccount { chain: Chain::Alma, enabled: true, secret: "s".into(), retired_secret: None };
    for again in [false, true] {
        assert_eq!(ledger.add_merchant(account(&sinta(), "k"), what("merchant-added")).await.unwrap(), !again);
        assert_eq!(ledger.add_partner(alma(), what("chain-added")).await.unwrap(), !again);
    }
    for (refuse, deed) in [(true, "refused"), (false, "done")] {
        let say = move || if refuse { Err("not now".into()) } else { Ok(()) };
        ledger.change_merchant(&sinta(), Box::new(move |_| say()), what(deed)).await.unwrap();
        ledger.change_partner(Chain::Alma, Box::new(move |_| say()), what(deed)).await.unwrap();
    }
    // There are none.
    ledger.change_merchant(&budi(), Box::new(|_| Ok(())), what("unknown")).await.unwrap();
    ledger.change_partner(Chain::Indo, Box::new(|_| Ok(())), what("unknown")).await.unwrap();
    assert_eq!(log(&*ledger).await, ["merchant-added", "chain-added", "done", "done"]);
}

pub(crate) async fn a_replay_is_logged_when_something_was_put_back<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    for reference in ["A", "B", "C"] {
        paid(&*ledger, indo(reference)).await;
    }
    let due = claim(&*ledger, noon(), real(0)).await;
    for message in &due {
        ledger.settle(message.id, answered(noon(), 500), Settlement::Exhausted).await.unwrap();
    }
    assert!(ledger.replay(due[0].id, noon(), what("one")).await.unwrap());
    assert!(!ledger.replay(due[0].id, noon(), what("again")).await.unwrap());
    assert_eq!(ledger.replay_failed(0, 10, noon(), what("all")).await.unwrap().len(), 2);
    assert!(ledger.replay_failed(0, 10, noon(), what("all again")).await.unwrap().is_empty());
    assert_eq!(log(&*ledger).await, ["one", "all"]);
}

/// By whom, in this request.
fn from(actor: Actor, execution: Execution) -> Execution {
    Execution { origin: Origin { actor, request_id: Some("request-7".into()) }, ..execution }
}

pub(crate) async fn rule_16_what_is_done_to_a_payment_by_hand_is_in_the_audit_log_too<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let rini = || Actor::Operator("rini".into());
    let agus = |merchant| Actor::User { merchant, name: "agus".into() };
    let returned = paid(&*ledger, indo("returned")).await;
    let cancelled = open(&*ledger, indo("cancelled")).await;
    let others = open(&*ledger, by(indo("others"), budi())).await;
    let complained = paid(&*ledger, indo("complained")).await;
    let refused = command(&*ledger, &complained, reverse(Chain::Indo, "t1"), noon_and(DAY)).await;
    assert_eq!(refused, Err(Refusal::TooLateToReverse));
    let resolve = Command::ResolveException {
        kind: ExceptionKind::TooLateToReverse,
        trace_no: "t1".into(),
        operator: "rini".into(),
        note: "cash is back".into(),
    };
    assert_eq!(log(&*ledger).await, [""; 0], "registrations and tills are in the events alone");
    // Each twice: a refusal, and a repeat that gets the first answer, are no deeds.
    for (payment, wanted, actor) in [
        (&returned, give_back(), rini()),
        (&cancelled, cancel(), agus(sinta())),
        (&complained, resolve, rini()),
        (&others, cancel(), Actor::Merchant(budi())),
    ] {
        for _ in 0..2 {
            let _ = judge(&*ledger, from(actor.clone(), execution(payment, wanted.clone(), noon_and(5)))).await;
        }
    }
    let logged = ledger.deeds(DeedQuery { limit: 10, ..DeedQuery::default() }).await.unwrap();
    let mut deeds: Vec<Deed> = logged.into_iter().rev().map(|logged| logged.deed).collect();
    let details: Vec<String> = deeds.iter_mut().map(|deed| std::mem::take(&mut deed.detail)).collect();
    let deed = |by: &str, what: &str, payment: &Payment| Deed {
        at: noon_and(5),
        by: by.into(),
        what: what.into(),
        subject: payment.terms.tx_id.to_string(),
        merchant: Some(sinta()),
        detail: String::new(),
        request_id: Some("request-7".into()),
    };
    assert_eq!(
        deeds,
        [
            deed("operator:rini", "payment-returned", &returned),
            deed("user:agus@GERAITEST1", "payment-cancelled", &cancelled),
            deed("operator:rini", "exception-resolved", &complained),
        ]
    );
    assert_eq!(details[..2], ["goods came back", "out of stock"]);
    assert!(details[2].contains("cash is back") && details[2].contains("t1"), "{details:?}");
    assert_eq!(history(&*ledger, &cancelled).await.last().unwrap().actor, "user:agus@GERAITEST1");
}

pub(crate) async fn invariant_6_a_merchants_user_reaches_its_merchants_payments_alone<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let payment = open(&*ledger, indo("A")).await;
    let targets = [
        Target::TxId(payment.terms.tx_id.clone()),
        Target::PayNo(payment.standing.pay_no.unwrap()),
        Target::OfMerchant(budi(), payment.terms.tx_id.clone()),
    ];
    for target in targets {
        let by_other = Actor::User { merchant: budi(), name: "agus".into() };
        let wanted = Execution { target, ..from(by_other, execution(&payment, cancel(), noon())) };
        assert_eq!(ledger.execute(wanted).await.unwrap(), Executed::NotFound);
    }
    assert_eq!(found(&*ledger, &payment).await, payment);
    assert_eq!(log(&*ledger).await, [""; 0]);
}

pub(crate) async fn forgetting_payments_leaves_users_sessions_and_the_audit_log<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    ledger.add_user(user("rini"), what("user-added")).await.unwrap();
    ledger.begin_session(session(1, "rini", 0), what("user-signed-in")).await.unwrap();
    paid(&*ledger, indo("A")).await;
    ledger.forget_payments().await.unwrap();
    assert!(ledger.user(&name("rini")).await.unwrap().is_some());
    assert!(seen(&*ledger, 1, 1).await.is_some());
    assert_eq!(log(&*ledger).await, ["user-added", "user-signed-in"]);
}
