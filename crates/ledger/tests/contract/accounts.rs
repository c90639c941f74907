//! Merchants, partners, settings, and the reset of a sandbox.

use super::*;
use gerai_ledger::{Changed, ExceptionQuery, PartnerAccount, RetiredKey};
use secrecy::ExposeSecret;
use std::collections::HashSet;

fn key_of(account: &MerchantAccount) -> &str {
    account.key.expose_secret()
}

pub(crate) async fn a_merchant_is_added_once_and_read_back<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    assert!(ledger.merchant("GERAITEST1").await.unwrap().is_none());
    let mut terms = MerchantTerms::usual(sinta(), "Toko \u{1f33a}");
    terms.chains = vec![Chain::Indo];
    terms.redirect = false;
    terms.auto_paid = true;
    terms.receipt_lines = vec!["Terima kasih".into()];
    let mut mine = account(&sinta(), "first-key");
    mine.terms = terms.clone();
    assert!(ledger.add_merchant(mine, deed()).await.unwrap());
    // The id is taken; nothing of the second comes in.
    assert!(!ledger.add_merchant(account(&sinta(), "second-key"), deed()).await.unwrap());
    assert!(ledger.add_merchant(account(&budi(), "key of budi"), deed()).await.unwrap());

    let read = ledger.merchant("GERAITEST1").await.unwrap().unwrap();
    assert_eq!((&read.terms, key_of(&read)), (&terms, "first-key"));
    assert_eq!(read.webhook_secret.expose_secret(), "whsec_c2VjcmV0");
    assert!(read.retired_key.is_none());
    let all = ledger.merchants().await.unwrap();
    assert_eq!(all.iter().map(|m| m.terms.id.as_str()).collect::<Vec<_>>(), ["GERAITEST1", "GERAITEST2"]);
    for unknown in ["geraitest1", "GERAITEST", "", "' OR 1=1 --"] {
        assert!(ledger.merchant(unknown).await.unwrap().is_none(), "{unknown}");
    }
}

pub(crate) async fn a_merchant_is_updated_and_an_unknown_one_is_not<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    assert!(!put_merchant(&*ledger, account(&sinta(), "k")).await);
    assert!(ledger.merchants().await.unwrap().is_empty());
    ledger.add_merchant(account(&sinta(), "old"), deed()).await.unwrap();
    ledger.add_merchant(account(&budi(), "other"), deed()).await.unwrap();
    let mut new = account(&sinta(), "new");
    new.terms.name = "Toko Baru".into();
    new.webhook_secret = "whsec_bmV3".into();
    new.retired_key = Some(RetiredKey { key: "old".into(), until: noon_and(DAY) });
    assert!(put_merchant(&*ledger, new.clone()).await);
    let read = ledger.merchant("GERAITEST1").await.unwrap().unwrap();
    assert_eq!((&read.terms, key_of(&read)), (&new.terms, "new"));
    assert_eq!(read.webhook_secret.expose_secret(), "whsec_bmV3");
    let retired = read.retired_key.as_ref().unwrap();
    assert_eq!((retired.key.expose_secret(), retired.until), ("old", noon_and(DAY)));
    assert_eq!(key_of(&ledger.merchant("GERAITEST2").await.unwrap().unwrap()), "other");
    // The overlap can be ended again.
    new.retired_key = None;
    put_merchant(&*ledger, new).await;
    assert!(ledger.merchant("GERAITEST1").await.unwrap().unwrap().retired_key.is_none());
}

pub(crate) async fn many_merchants_updated_at_once_are_all_seen<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let ids: Vec<MerchantId> = (0..24).map(|i| merchant(&format!("MERCHANT{i:02}"))).collect();
    for id in &ids {
        ledger.add_merchant(account(id, "round-0"), deed()).await.unwrap();
    }
    for round in 1..=6 {
        let key = format!("round-{round}");
        let mut crowd = JoinSet::new();
        for id in &ids {
            // Each in a thread of its own, so that any of them may be overtaken anywhere.
            let (ledger, account) = (Arc::clone(&ledger), account(id, &key));
            let runtime = tokio::runtime::Handle::current();
            crowd.spawn_blocking(move || assert!(runtime.block_on(put_merchant(&*ledger, account))));
        }
        crowd.join_all().await;
        for id in &ids {
            let read = ledger.merchant(id.as_str()).await.unwrap().unwrap();
            assert_eq!(key_of(&read), key, "{id}");
        }
    }
}

pub(crate) async fn a_retired_key_counts_through_its_last_second<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let mut rotated = account(&sinta(), "new");
    rotated.retired_key = Some(RetiredKey { key: "old".into(), until: noon() });
    ledger.add_merchant(rotated, deed()).await.unwrap();
    let read = ledger.merchant("GERAITEST1").await.unwrap().unwrap();
    let keys = |at| read.keys(at).map(|key| key.expose_secret().to_owned()).collect::<Vec<_>>();
    let last = noon().checked_add(SignedDuration::from_millis(999)).unwrap();
    for during in [noon_and(-1), noon(), last] {
        assert_eq!(keys(during), ["new", "old"]);
        assert_eq!(read.signing_key(during).expose_secret(), "old");
    }
    assert_eq!(keys(noon_and(1)), ["new"]);
    assert_eq!(read.signing_key(noon_and(1)).expose_secret(), "new");
}

pub(crate) async fn a_partner_is_put_and_replaced<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    assert!(ledger.partner(Chain::Alma).await.unwrap().is_none());
    let put = async |chain, enabled, secret: &str| {
        put_partner(&*ledger, PartnerAccount { chain, enabled, secret: secret.into(), retired_secret: None }).await;
    };
    put(Chain::Alma, true, "alma-1").await;
    put(Chain::Indo, true, "indo-1").await;
    put(Chain::Alma, false, "alma-2").await;
    let alma = ledger.partner(Chain::Alma).await.unwrap().unwrap();
    assert_eq!(
        (alma.partner(), alma.secret.expose_secret()),
        (Partner { chain: Chain::Alma, enabled: false }, "alma-2")
    );
    let indo = ledger.partner(Chain::Indo).await.unwrap().unwrap();
    assert_eq!((indo.partner(), indo.secret.expose_secret()), (partner(Chain::Indo), "indo-1"));
}

fn alma(secret: &str) -> PartnerAccount {
    PartnerAccount { chain: Chain::Alma, enabled: true, secret: secret.into(), retired_secret: None }
}

pub(crate) async fn a_partner_is_added_once<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    assert!(ledger.add_partner(alma("first"), deed()).await.unwrap());
    assert!(!ledger.add_partner(PartnerAccount { enabled: false, ..alma("second") }, deed()).await.unwrap());
    let read = ledger.partner(Chain::Alma).await.unwrap().unwrap();
    assert_eq!((read.enabled, read.secret.expose_secret()), (true, "first"));
    assert!(ledger.partner(Chain::Indo).await.unwrap().is_none());
}

pub(crate) async fn of_many_changes_at_once_none_undoes_another<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    ledger.add_partner(alma("s"), deed()).await.unwrap();
    ledger.add_merchant(account(&sinta(), "k"), deed()).await.unwrap();
    let mut crowd = JoinSet::new();
    for i in 0..32 {
        let ledger = Arc::clone(&ledger);
        crowd.spawn(async move {
            let switched = ledger.change_partner(
                Chain::Alma,
                Box::new(move |account| {
                    if i == 7 {
                        account.enabled = false;
                    } else {
                        account.secret = format!("{}+{i}", account.secret.expose_secret()).into();
                    }
                    Ok(())
                }),
                deed(),
            );
            assert!(matches!(switched.await.unwrap(), Changed::Done(_)));
            let id = sinta();
            let renamed = ledger.change_merchant(
                &id,
                Box::new(move |account| {
                    if i == 7 {
                        account.key = "new".into();
                    } else {
                        account.terms.name.push('+');
                    }
                    Ok(())
                }),
                deed(),
            );
            assert!(matches!(renamed.await.unwrap(), Changed::Done(_)));
        });
    }
    crowd.join_all().await;
    let read = ledger.partner(Chain::Alma).await.unwrap().unwrap();
    assert!(!read.enabled, "who was switched off stays off");
    assert_eq!(read.secret.expose_secret().split('+').count(), 32, "every change is there");
    let read = ledger.merchant("GERAITEST1").await.unwrap().unwrap();
    assert_eq!((key_of(&read), read.terms.name.matches('+').count()), ("new", 31));
}

pub(crate) async fn a_change_that_refuses_leaves_the_account_as_it_was<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let off = |account: &mut PartnerAccount| {
        account.enabled = false;
        Err("not now".into())
    };
    assert!(matches!(ledger.change_partner(Chain::Alma, Box::new(off), deed()).await.unwrap(), Changed::Unknown));
    ledger.add_partner(alma("s"), deed()).await.unwrap();
    let Changed::Refused(error) = ledger.change_partner(Chain::Alma, Box::new(off), deed()).await.unwrap() else {
        panic!("not refused")
    };
    assert_eq!(error.to_string(), "not now");
    assert!(ledger.partner(Chain::Alma).await.unwrap().unwrap().enabled);

    let rename = |account: &mut MerchantAccount| {
        account.terms.name = "Toko Baru".into();
        Err("not now".into())
    };
    assert!(matches!(ledger.change_merchant(&sinta(), Box::new(rename), deed()).await.unwrap(), Changed::Unknown));
    ledger.add_merchant(account(&sinta(), "k"), deed()).await.unwrap();
    assert!(matches!(ledger.change_merchant(&sinta(), Box::new(rename), deed()).await.unwrap(), Changed::Refused(_)));
    let read = ledger.merchant("GERAITEST1").await.unwrap().unwrap();
    assert_eq!(read.terms.name, account(&sinta(), "k").terms.name);
}

pub(crate) async fn secrets_are_never_stored_in_the_open<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let mut mine = account(&sinta(), "the-key-of-sinta");
    mine.retired_key = Some(RetiredKey { key: "the-retired-key".into(), until: noon() });
    mine.webhook_secret = "whsec_dGhlLXdlYmhvb2stc2VjcmV0".into();
    mine.terms.name = "a name in the open".into();
    ledger.add_merchant(mine.clone(), deed()).await.unwrap();
    put_merchant(&*ledger, mine).await;
    let secret = "the-secret-of-a-chain".into();
    put_partner(&*ledger, PartnerAccount { chain: Chain::Indo, enabled: true, secret, retired_secret: None }).await;
    let look = |bytes: &[u8], text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    let shown = format!("{:?}", ledger.merchants().await.unwrap());
    assert!(!shown.contains("the-key-of-sinta") && !shown.contains("the-retired-key"), "{shown}");
    let mut open = Some(ledger);
    for _ in 0..2 {
        let bytes = engine.bytes().await;
        assert!(look(&bytes, "a name in the open"), "the search finds what is there");
        for secret in [
            "the-key-of-sinta",
            "the-retired-key",
            "dGhlLXdlYmhvb2stc2VjcmV0",
            "the-webhook-secret",
            "the-secret-of-a-chain",
            &hex::encode("the-key-of-sinta"),
        ] {
            assert!(!look(&bytes, secret), "{secret}");
        }
        // Again after a restart, when all has moved to where it stays.
        drop(open.take());
        open = Some(engine.open().await);
    }
}

pub(crate) async fn another_master_key_is_refused<E: Engine>() {
    let engine = E::fresh().await;
    // Also before anything is sealed with it.
    drop(engine.open().await);
    let error = engine.open_with_another_master_key().await;
    assert!(error.contains("master key is not the one"), "{error}");
    let ledger = engine.open().await;
    ledger.add_merchant(account(&sinta(), "k"), deed()).await.unwrap();
    drop(ledger);
    engine.open_with_another_master_key().await;
    // The right one still opens it.
    let ledger = engine.open().await;
    assert_eq!(key_of(&ledger.merchant("GERAITEST1").await.unwrap().unwrap()), "k");
}

pub(crate) async fn accounts_and_settings_are_there_after_a_restart<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    ledger.add_merchant(account(&sinta(), "k1"), deed()).await.unwrap();
    put_merchant(&*ledger, account(&sinta(), "k2")).await;
    let secret = "s".into();
    put_partner(&*ledger, PartnerAccount { chain: Chain::Alma, enabled: false, secret, retired_secret: None }).await;
    ledger.put_setting("clock", "7").await.unwrap();
    drop(ledger);
    let ledger = engine.open().await;
    assert_eq!(key_of(&ledger.merchant("GERAITEST1").await.unwrap().unwrap()), "k2");
    let alma = ledger.partner(Chain::Alma).await.unwrap().unwrap();
    assert_eq!((alma.enabled, alma.secret.expose_secret()), (false, "s"));
    assert_eq!(ledger.setting("clock").await.unwrap().as_deref(), Some("7"));
}

pub(crate) async fn a_setting_is_kept_and_replaced<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    assert_eq!(ledger.setting("clock").await.unwrap(), None);
    for value in ["{\"offset\":5}", "", "'; DROP TABLE settings; --"] {
        ledger.put_setting("clock", value).await.unwrap();
        assert_eq!(ledger.setting("clock").await.unwrap().as_deref(), Some(value));
    }
    assert_eq!(ledger.setting("Clock").await.unwrap(), None);
}

pub(crate) async fn a_key_for_a_purpose_is_the_ledgers_own_and_stays<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let key = *ledger.key_for("forms").expose_secret();
    assert_eq!(*ledger.key_for("forms").expose_secret(), key);
    assert_ne!(*ledger.key_for("form").expose_secret(), key);
    ledger.forget_payments().await.unwrap();
    drop(ledger);
    let ledger = engine.open().await;
    assert_eq!(*ledger.key_for("forms").expose_secret(), key, "after a restart");
    let other = E::fresh().await;
    assert_ne!(*other.open().await.key_for("forms").expose_secret(), key, "another ledger's");
}

pub(crate) async fn forgetting_payments_leaves_merchants_partners_and_settings<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    ledger.add_merchant(account(&sinta(), "k"), deed()).await.unwrap();
    let secret = "s".into();
    put_partner(&*ledger, PartnerAccount { chain: Chain::Alma, enabled: true, secret, retired_secret: None }).await;
    ledger.put_setting("clock", "7").await.unwrap();
    let payment = paid(&*ledger, indo("A")).await;
    let named =
        Execution { idempotency: named(Chain::Indo, "X1", 1), ..execution(&payment, pay(Chain::Indo, "t1"), noon()) };
    judge(&*ledger, named.clone()).await.1.unwrap();
    let refused = command(&*ledger, &payment, reverse(Chain::Indo, "t1"), noon_and(DAY)).await;
    assert_eq!(refused, Err(Refusal::TooLateToReverse));
    let mut auto = indo("auto");
    auto.auto_pay_at = Some(noon());
    open(&*ledger, auto).await;

    ledger.forget_payments().await.unwrap();
    let tx_id = &payment.terms.tx_id;
    assert_eq!(ledger.find_by_tx_id(tx_id).await.unwrap(), None);
    assert_eq!(ledger.find_by_reference(&sinta(), "A").await.unwrap(), None);
    assert_eq!(ledger.find_by_pay_no(payment.standing.pay_no.unwrap()).await.unwrap(), None);
    assert_eq!(ledger.history(tx_id).await.unwrap(), []);
    assert_eq!(ledger.notifications(tx_id).await.unwrap(), []);
    assert_eq!(ledger.exceptions(ExceptionQuery::open(10)).await.unwrap(), []);
    assert_eq!(claim(&*ledger, noon_and(DAY), real(0)).await, []);
    assert_eq!(ledger.next_moment(later(noon(), -DAY)).await.unwrap(), None);
    assert_eq!(ledger.next_delivery(real(0)).await.unwrap(), None);
    assert_eq!(ledger.auto_pay_due(noon_and(DAY), 10).await.unwrap(), []);

    assert!(ledger.merchant("GERAITEST1").await.unwrap().is_some());
    assert!(ledger.partner(Chain::Alma).await.unwrap().is_some());
    assert_eq!(ledger.setting("clock").await.unwrap().as_deref(), Some("7"));
    // Reference and name are free again, and the new payment has its own history from the beginning.
    let anew = open(&*ledger, indo("A")).await;
    let mut other = named;
    other.target = Target::TxId(anew.terms.tx_id.clone());
    other.idempotency = self::named(Chain::Indo, "X1", 2);
    judge(&*ledger, other).await.1.unwrap();
    assert_eq!(names(&*ledger, &anew).await, ["registered", "taken"]);
    assert_eq!(ledger.notifications(&anew.terms.tx_id).await.unwrap().len(), 1);
    assert_eq!(ledger.notifications(&anew.terms.tx_id).await.unwrap()[0].attempts, []);
}

pub(crate) async fn rule_4_after_forgetting_no_id_of_a_second_comes_again<E: Engine>() {
    let engine = E::fresh().await;
    let mut ledger = engine.open().await;
    // 30 rounds in the same second: the clock was set back. Some end in the next one, which is used before as well.
    let (mut seen, mut before) = (HashSet::new(), Vec::new());
    for round in 0..30 {
        let many = if round % 10 == 3 { 5_001 } else { 40 };
        let mut news: Vec<NewPayment> = (0..many).map(|i| indo(&format!("R-{i}"))).collect();
        news.extend((0..20).map(|i| registration(&format!("W-{i}"), None)));
        news.extend((0..20).map(|i| by(indo(&format!("R-{i}")), budi())));
        news.extend((0..3).map(|i| NewPayment { registered_at: noon_and(1), ..indo(&format!("L-{i}")) }));
        let payments = open_many(&ledger, news).await;
        for payment in &payments {
            let tx_id = &payment.terms.tx_id;
            assert!(seen.insert(tx_id.clone()), "round {round}: {tx_id} comes again");
        }
        for gone in &before {
            assert_eq!(ledger.find_by_tx_id(gone).await.unwrap(), None, "round {round}");
            assert_eq!(ledger.history(gone).await.unwrap(), []);
        }
        if round % 7 == 2 {
            drop(ledger);
            ledger = engine.open().await;
        }
        for payment in payments.iter().take(5) {
            assert_eq!(&found(&*ledger, payment).await, payment, "round {round}");
            assert_eq!(names(&*ledger, payment).await, ["registered"]);
        }
        before = payments.into_iter().map(|payment| payment.terms.tx_id).take(5).collect();
        ledger.forget_payments().await.unwrap();
        if round % 7 == 4 {
            // Nothing was registered between two resets, and a start.
            ledger.forget_payments().await.unwrap();
            drop(ledger);
            ledger = engine.open().await;
        }
    }
}

pub(crate) async fn rule_4_after_forgetting_no_id_of_a_cancellation_comes_again<E: Engine>() {
    let engine = E::fresh().await;
    // Few draws, so that the ids of a second are soon drawn again.
    let mut next = 0;
    let draws = Box::new(move || {
        next = (next + 1) % 13;
        next
    });
    let ledger = engine.open_drawing(Some(draws)).await;
    let mut seen = HashSet::new();
    for round in 0..6 {
        for i in 0..5 {
            let payment = open(&*ledger, indo(&format!("R-{i}"))).await;
            done(&*ledger, &payment, cancel(), noon()).await;
            let cancelled = found(&*ledger, &payment).await.standing.cancelled.unwrap().cancel_tx_id;
            assert!(seen.insert(cancelled.clone()), "round {round}: {cancelled} comes again");
        }
        ledger.forget_payments().await.unwrap();
    }
}

pub(crate) async fn a_forgotten_message_never_lends_its_id_to_another<E: Engine>() {
    let engine = E::fresh().await;
    let mut ledger = engine.open().await;
    let mut seen = HashSet::new();
    for round in 0..4 {
        for reference in ["A", "B"] {
            paid(&*ledger, indo(reference)).await;
        }
        let claimed = claim(&*ledger, noon(), real(0)).await;
        assert_eq!(claimed.len(), 2);
        for message in &claimed {
            assert!(seen.insert(message.id), "{} was used before", message.id);
        }
        ledger.forget_payments().await.unwrap();
        if round == 2 {
            drop(ledger);
            ledger = engine.open().await;
        }
        // An attempt that was on its way settles nothing of what comes now.
        let after = paid(&*ledger, indo("C")).await;
        accept(&*ledger, claimed[0].id, noon()).await;
        let told = ledger.notifications(&after.terms.tx_id).await.unwrap();
        assert!(told[0].attempts.is_empty() && seen.insert(told[0].id));
        ledger.forget_payments().await.unwrap();
    }
}

pub(crate) async fn a_ledger_that_can_write_is_ready<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    ledger.ready().await.unwrap();
    let before = ledger.stats().commands();
    open(&*ledger, indo("A")).await;
    assert!(ledger.stats().commands() > before && ledger.stats().commits() > 0);
    assert_eq!((ledger.stats().failed_commits(), ledger.stats().queued()), (0, 0));
}
