//! Who may sign in, and who is signed in.

use super::*;
use gerai_ledger::{NoUserName, Role, Session, TokenHash, UserAccount, UserName};
use secrecy::ExposeSecret;

fn name(text: &str) -> UserName {
    text.parse().unwrap()
}

pub(crate) fn user(text: &str, role: Role) -> UserAccount {
    UserAccount {
        name: name(text),
        role,
        password_hash: format!("$argon2id$of-{text}").into(),
        disabled: false,
        failures: 0,
        locked_until: None,
        added_at: real(0),
    }
}

pub(crate) const fn token(n: u8) -> TokenHash {
    [n; 32]
}

/// A session of twelve hours that begins so many seconds into real time.
pub(crate) fn session(n: u8, of: &str, seconds: i64) -> Session {
    Session {
        token_hash: token(n),
        user: name(of),
        began_at: real(seconds),
        seen_at: real(seconds),
        ends_at: real(seconds + 43_200),
    }
}

/// All there is to an account.
fn told(account: &UserAccount) -> (String, Role, String, bool, u32, Option<Timestamp>, Timestamp) {
    let UserAccount { name, role, password_hash, disabled, failures, locked_until, added_at } = account.clone();
    (name.to_string(), role, password_hash.expose_secret().to_owned(), disabled, failures, locked_until, added_at)
}

async fn read(ledger: &dyn Ledger, of: &str) -> UserAccount {
    ledger.user(&name(of)).await.unwrap().expect("the user")
}

async fn change(
    ledger: &dyn Ledger,
    of: &str,
    change: impl FnOnce(&mut UserAccount) + Send + 'static,
) -> Changed<UserAccount> {
    let change = move |account: &mut UserAccount| {
        change(account);
        Ok(())
    };
    ledger.change_user(&name(of), Box::new(change), None).await.unwrap()
}

/// Who is signed in under a token, if anybody.
async fn signed_in(ledger: &dyn Ledger, n: u8, real_now: Timestamp) -> Option<String> {
    let found = ledger.session(token(n), real_now).await.unwrap();
    found.map(|(session, account)| {
        assert_eq!((session.user.clone(), session.token_hash), (account.name, token(n)));
        session.user.to_string()
    })
}

pub(crate) async fn a_user_is_added_once_and_read_back<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    assert!(ledger.user(&name("rini")).await.unwrap().is_none());
    assert!(ledger.users().await.unwrap().is_empty());
    let mut budi = user("budi@toko", Role::Merchant(sinta()));
    budi.disabled = true;
    budi.failures = 4;
    budi.locked_until = Some(real(900));
    for account in [&user("rini", Role::Operator), &budi, &user("ani-1._@", Role::Merchant(self::budi()))] {
        assert!(ledger.add_user(account.clone(), deed()).await.unwrap());
        assert_eq!(told(&read(&*ledger, account.name.as_str()).await), told(account));
    }
    // The name is taken; nothing of the second comes in.
    let mut second = user("rini", Role::Merchant(sinta()));
    second.password_hash = "other".into();
    assert!(!ledger.add_user(second, deed()).await.unwrap());
    assert_eq!(told(&read(&*ledger, "rini").await), told(&user("rini", Role::Operator)));
    let users = ledger.users().await.unwrap();
    assert_eq!(users.iter().map(|user| user.name.as_str()).collect::<Vec<_>>(), ["ani-1._@", "budi@toko", "rini"]);
    assert!(!format!("{users:?}").contains("argon2"), "a hash is not shown");

    for text in ["", "Rini", "ri ni", "rini\n", "riní", "a/b", "x'", &"a".repeat(41)] {
        assert_eq!(text.parse::<UserName>(), Err(NoUserName), "{text:?}");
    }
    assert!("a".repeat(40).parse::<UserName>().is_ok());
}

pub(crate) async fn a_user_is_changed_as_it_stands<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    assert!(matches!(change(&*ledger, "rini", |_| {}).await, Changed::Unknown));
    ledger.add_user(user("rini", Role::Operator), deed()).await.unwrap();
    ledger.add_user(user("other", Role::Operator), deed()).await.unwrap();
    // Of many at once none undoes another: each wrong password counts.
    let mut crowd = JoinSet::new();
    for i in 0..32 {
        let ledger = Arc::clone(&ledger);
        crowd.spawn(async move {
            let changed = change(&*ledger, "rini", move |account| {
                account.failures += 1;
                if i == 7 {
                    account.password_hash = "new".into();
                }
            });
            assert!(matches!(changed.await, Changed::Done(_)));
        });
    }
    crowd.join_all().await;
    let rini = read(&*ledger, "rini").await;
    assert_eq!((rini.failures, rini.password_hash.expose_secret()), (32, "new"));

    // Locked, and let in again.
    let Changed::Done(locked) = change(&*ledger, "rini", |account| account.locked_until = Some(real(900))).await else {
        panic!("not changed")
    };
    assert_eq!(locked.locked_until, Some(real(900)));
    assert_eq!(told(&read(&*ledger, "rini").await), told(&locked));
    let freed = |account: &mut UserAccount| (account.failures, account.locked_until) = (0, None);
    change(&*ledger, "rini", freed).await;
    let rini = read(&*ledger, "rini").await;
    assert_eq!((rini.failures, rini.locked_until), (0, None));

    // Another role; its name stays, whatever is said.
    let renamed = |account: &mut UserAccount| {
        account.name = "other".parse().unwrap();
        account.role = Role::Merchant(sinta());
    };
    let Changed::Done(changed) = change(&*ledger, "rini", renamed).await else { panic!("not changed") };
    assert_eq!((changed.name.as_str(), &changed.role), ("rini", &Role::Merchant(sinta())));
    assert_eq!(told(&read(&*ledger, "rini").await), told(&changed));
    assert_eq!(told(&read(&*ledger, "other").await), told(&user("other", Role::Operator)));

    // One that refuses changes nothing.
    let refuse = |account: &mut UserAccount| {
        account.disabled = true;
        Err("not now".into())
    };
    let refused = ledger.change_user(&name("rini"), Box::new(refuse), Some(deed())).await.unwrap();
    assert!(matches!(refused, Changed::Refused(error) if error.to_string() == "not now"));
    assert_eq!(told(&read(&*ledger, "rini").await), told(&changed));
}

pub(crate) async fn a_session_lasts_until_its_end<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    ledger.add_user(user("rini", Role::Operator), deed()).await.unwrap();
    let mut mine = session(1, "rini", 0);
    mine.ends_at = real(100);
    ledger.begin_session(mine.clone(), deed()).await.unwrap();
    let (found, account) = ledger.session(token(1), real(0)).await.unwrap().unwrap();
    assert_eq!((found, told(&account)), (mine, told(&user("rini", Role::Operator))));
    assert_eq!(signed_in(&*ledger, 1, real(99)).await.as_deref(), Some("rini"));
    assert_eq!(signed_in(&*ledger, 1, real(100)).await, None);
    assert_eq!(signed_in(&*ledger, 2, real(0)).await, None);
    // It says what its user may do now, not what it was when the session began.
    change(&*ledger, "rini", |account| account.role = Role::Merchant(sinta())).await;
    let (_, account) = ledger.session(token(1), real(1)).await.unwrap().unwrap();
    assert_eq!(account.role, Role::Merchant(sinta()));
}

pub(crate) async fn that_a_session_is_used_is_noted_about_once_a_minute<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    ledger.add_user(user("rini", Role::Operator), deed()).await.unwrap();
    ledger.begin_session(session(1, "rini", 0), deed()).await.unwrap();
    let seen = async |seconds| {
        let (session, _) = ledger.session(token(1), real(seconds)).await.unwrap().unwrap();
        session.seen_at
    };
    for (at, seen_at) in [(1, 0), (30, 0), (59, 0), (60, 0), (61, 60), (119, 60), (500, 60), (501, 500), (400, 500)] {
        assert_eq!(seen(at).await, real(seen_at), "{at} s");
    }
    let before = ledger.stats().commands();
    for _ in 0..20 {
        seen(502).await;
    }
    assert_eq!(ledger.stats().commands(), before, "a look at a session costs no write");
    // A clock that was put right does not move it back.
    assert_eq!(seen(3).await, real(500));
    assert_eq!(seen(503).await, real(500));
}

pub(crate) async fn a_disabled_user_has_no_session_even_when_enabled_again<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    for of in ["rini", "other"] {
        ledger.add_user(user(of, Role::Operator), deed()).await.unwrap();
    }
    ledger.begin_session(session(1, "rini", 0), deed()).await.unwrap();
    ledger.begin_session(session(2, "other", 0), deed()).await.unwrap();
    change(&*ledger, "rini", |account| account.disabled = true).await;
    assert_eq!(signed_in(&*ledger, 1, real(1)).await, None);
    // One that was about to begin.
    ledger.begin_session(session(3, "rini", 1), deed()).await.unwrap();
    ledger.begin_session(session(4, "nobody", 1), deed()).await.unwrap();
    change(&*ledger, "rini", |account| account.disabled = false).await;
    for n in [1, 3, 4] {
        assert_eq!(signed_in(&*ledger, n, real(2)).await, None);
    }
    assert_eq!(signed_in(&*ledger, 2, real(2)).await.as_deref(), Some("other"));
    ledger.begin_session(session(5, "rini", 3), deed()).await.unwrap();
    assert_eq!(signed_in(&*ledger, 5, real(4)).await.as_deref(), Some("rini"));
}

pub(crate) async fn sessions_are_ended_one_by_one_and_all_of_a_user<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    for of in ["rini", "other"] {
        ledger.add_user(user(of, Role::Operator), deed()).await.unwrap();
    }
    for n in 1..=5 {
        ledger.begin_session(session(n, "rini", 0), deed()).await.unwrap();
    }
    ledger.begin_session(session(9, "other", 0), deed()).await.unwrap();
    let there = async || {
        let mut there = Vec::new();
        for n in 1..=9 {
            if signed_in(&*ledger, n, real(1)).await.is_some() {
                there.push(n);
            }
        }
        there
    };
    ledger.end_session(token(2), deed()).await.unwrap();
    ledger.end_session(token(2), deed()).await.unwrap();
    assert_eq!(there().await, [1, 3, 4, 5, 9]);
    // All but the one in which the password was changed.
    assert_eq!(ledger.end_sessions_of(&name("rini"), Some(token(4))).await.unwrap(), 3);
    assert_eq!(there().await, [4, 9]);
    assert_eq!(ledger.end_sessions_of(&name("rini"), Some(token(7))).await.unwrap(), 1);
    assert_eq!(ledger.end_sessions_of(&name("rini"), None).await.unwrap(), 0);
    assert_eq!(there().await, [9]);
    assert_eq!(ledger.end_sessions_of(&name("other"), None).await.unwrap(), 1);
    assert_eq!(there().await, [0; 0]);
}

pub(crate) async fn sessions_that_have_ended_are_forgotten_when_one_begins<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    ledger.add_user(user("rini", Role::Operator), deed()).await.unwrap();
    for (n, seconds) in [(1, 0), (2, 100)] {
        ledger.begin_session(session(n, "rini", seconds), deed()).await.unwrap();
    }
    // The first ends at this moment.
    ledger.begin_session(session(3, "rini", 43_200), deed()).await.unwrap();
    // However the clock is set: it is not there any more, and nothing is left to end but the other two.
    assert_eq!(signed_in(&*ledger, 1, real(1)).await, None);
    assert_eq!(signed_in(&*ledger, 2, real(101)).await.as_deref(), Some("rini"));
    assert_eq!(ledger.end_sessions_of(&name("rini"), None).await.unwrap(), 2);
}

pub(crate) async fn users_and_sessions_outlive_a_restart_and_a_reset<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let mut locked = user("budi", Role::Merchant(sinta()));
    (locked.failures, locked.locked_until) = (5, Some(real(60)));
    ledger.add_user(locked.clone(), deed()).await.unwrap();
    ledger.begin_session(session(1, "budi", 0), deed()).await.unwrap();
    open(&*ledger, indo("A")).await;
    ledger.forget_payments().await.unwrap();
    let check = async |ledger: &dyn Ledger| {
        assert_eq!(told(&read(ledger, "budi").await), told(&locked));
        assert_eq!(ledger.users().await.unwrap().len(), 1);
        assert_eq!(signed_in(ledger, 1, real(1)).await.as_deref(), Some("budi"));
    };
    check(&*ledger).await;
    drop(ledger);
    check(&*engine.open().await).await;
}
