//! Overlaps of replaced secrets, and the master keys that seal them.

use super::*;
use gerai_domain::Brand;
use gerai_ledger::{MasterKey, PartnerAccount, RetiredKey, Sealing};
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeMap;

const NEXT: [u8; 32] = [9; 32];

fn texts<'a>(secrets: impl Iterator<Item = &'a SecretString>) -> Vec<&'a str> {
    secrets.map(ExposeSecret::expose_secret).collect()
}

fn last_moment_of(second: Timestamp) -> Timestamp {
    second.checked_add(SignedDuration::from_millis(999)).unwrap()
}

pub(crate) async fn a_retired_webhook_secret_signs_before_the_new_one_through_its_last_second<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    ledger.add_merchant(account(&sinta(), "k"), deed()).await.unwrap();
    let mut rotated = account(&sinta(), "k");
    rotated.webhook_secret = "whsec_bmV3".into();
    rotated.retired_webhook_secret = Some(RetiredKey { key: "whsec_b2xk".into(), until: noon() });
    assert!(put_merchant(&*ledger, rotated.clone()).await);
    let read = ledger.merchant("GERAITEST1").await.unwrap().unwrap();
    for during in [noon_and(-1), noon(), last_moment_of(noon())] {
        assert_eq!(texts(read.webhook_secrets(during)), ["whsec_b2xk", "whsec_bmV3"]);
    }
    assert_eq!(texts(read.webhook_secrets(noon_and(1))), ["whsec_bmV3"]);
    // It is no matter of the merchant key.
    assert_eq!(texts(read.keys(noon())), ["k"]);
    rotated.retired_webhook_secret = None;
    put_merchant(&*ledger, rotated).await;
    let read = ledger.merchant("GERAITEST1").await.unwrap().unwrap();
    assert_eq!(texts(read.webhook_secrets(noon())), ["whsec_bmV3"]);
}

fn indomaret(secret: &str, retired: Option<&str>) -> PartnerAccount {
    let retired_secret = retired.map(|old| RetiredKey { key: old.into(), until: noon() });
    PartnerAccount { chain: Brand::Indomaret.chain(), enabled: true, secret: secret.into(), retired_secret }
}

pub(crate) async fn a_retired_partner_secret_counts_through_its_last_second<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    put_partner(&*ledger, indomaret("new", Some("old"))).await;
    let read = ledger.partner(Chain::Indo).await.unwrap().unwrap();
    for during in [noon_and(-1), noon(), last_moment_of(noon())] {
        assert_eq!(texts(read.secrets(during)), ["new", "old"]);
    }
    assert_eq!(texts(read.secrets(noon_and(1))), ["new"]);
    put_partner(&*ledger, indomaret("new", None)).await;
    let read = ledger.partner(Chain::Indo).await.unwrap().unwrap();
    assert_eq!(texts(read.secrets(noon())), ["new"]);
}

pub(crate) async fn retired_secrets_are_kept_sealed<E: Engine>() {
    let engine = E::fresh().await;
    let mut ledger = engine.open().await;
    let mut mine = account(&sinta(), "k");
    mine.retired_webhook_secret = Some(RetiredKey { key: "whsec_UkVUSVJFRC1XRUJIT09L".into(), until: noon() });
    ledger.add_merchant(mine, deed()).await.unwrap();
    put_partner(&*ledger, indomaret("new", Some("the-retired-secret"))).await;
    let shown = format!("{:?} {:?}", ledger.merchants().await.unwrap(), ledger.partner(Chain::Indo).await.unwrap());
    for round in 0..2 {
        let bytes = engine.bytes().await;
        for secret in ["UkVUSVJFRC1XRUJIT09L", "the-retired-secret"] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{round}: {secret}");
            assert!(!shown.contains(secret), "{shown}");
        }
        drop(ledger);
        ledger = engine.open().await;
        let read = ledger.merchant("GERAITEST1").await.unwrap().unwrap();
        assert_eq!(texts(read.webhook_secrets(noon())), ["whsec_UkVUSVJFRC1XRUJIT09L", "whsec_c2VjcmV0"]);
        let read = ledger.partner(Chain::Indo).await.unwrap().unwrap();
        assert_eq!(texts(read.secrets(noon())), ["new", "the-retired-secret"]);
    }
}

/// A merchant and a chain with everything that can be sealed: six secrets.
async fn all_kinds(ledger: &dyn Ledger) {
    let mut mine = account(&sinta(), "key-1");
    mine.retired_key = Some(RetiredKey { key: "key-0".into(), until: noon() });
    mine.retired_webhook_secret = Some(RetiredKey { key: "whsec_MA==".into(), until: noon() });
    ledger.add_merchant(mine, deed()).await.unwrap();
    put_partner(ledger, indomaret("new", Some("old"))).await;
}

async fn assert_all_kinds_are_open(ledger: &dyn Ledger) {
    let read = ledger.merchant("GERAITEST1").await.unwrap().unwrap();
    assert_eq!(texts(read.keys(noon())), ["key-1", "key-0"]);
    assert_eq!(texts(read.webhook_secrets(noon())), ["whsec_MA==", "whsec_c2VjcmV0"]);
    let read = ledger.partner(Chain::Indo).await.unwrap().unwrap();
    assert_eq!(texts(read.secrets(noon())), ["new", "old"]);
}

/// All secrets sealed with one key, `count` of them beside those that an engine keeps for itself.
struct Sealed {
    own: u64,
}

impl Sealed {
    async fn fresh(ledger: &dyn Ledger) -> Self {
        let Sealing { in_force, secrets, unopened } = ledger.sealing().await.unwrap();
        let id = MasterKey::new(MASTER).id();
        assert_eq!((in_force, unopened), (id, 0));
        assert!(secrets.keys().all(|key| *key == id));
        Self { own: secrets.values().sum() }
    }

    fn with(&self, key: [u8; 32], count: u64) -> Sealing {
        let id = MasterKey::new(key).id();
        Sealing { in_force: id, secrets: BTreeMap::from([(id, self.own + count)]), unopened: 0 }
    }
}

pub(crate) async fn what_is_sealed_says_with_which_key<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let sealed = Sealed::fresh(&*ledger).await;
    all_kinds(&*ledger).await;
    assert_eq!(ledger.sealing().await.unwrap(), sealed.with(MASTER, 6));
}

pub(crate) async fn resealing_moves_every_secret_to_the_first_key_at_once<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let sealed = Sealed::fresh(&*ledger).await;
    all_kinds(&*ledger).await;
    // A merchant with no more than it must have, and one payment, which is nothing of this matter's.
    ledger.add_merchant(account(&budi(), "k"), deed()).await.unwrap();
    let payment = paid(&*ledger, indo("A")).await;
    drop(ledger);

    // To know a new key changes nothing yet.
    let ledger = engine.open_under(&[NEXT, MASTER]).await;
    assert_all_kinds_are_open(&*ledger).await;
    assert_eq!(ledger.sealing().await.unwrap(), sealed.with(MASTER, 8));
    drop(ledger);
    let ledger = engine.open_under(&[NEXT, MASTER]).await;
    assert_eq!(ledger.reseal(deed()).await.unwrap(), sealed.own + 8);
    assert_eq!(ledger.sealing().await.unwrap(), sealed.with(NEXT, 8));
    assert_all_kinds_are_open(&*ledger).await;
    // Again does the same again.
    assert_eq!(ledger.reseal(deed()).await.unwrap(), sealed.own + 8);
    drop(ledger);

    // From now on the new key is enough, and the old one is not.
    let ledger = engine.open_under(&[NEXT]).await;
    assert_all_kinds_are_open(&*ledger).await;
    assert_eq!(found(&*ledger, &payment).await, payment);
    // Numbers go on as they began.
    let number = payment.standing.pay_no.unwrap();
    assert_eq!(ledger.find_by_pay_no(number).await.unwrap().as_ref(), Some(&payment));
    open(&*ledger, indo("B")).await;
    drop(ledger);
    let error = engine.open_with_another_master_key().await;
    assert!(error.contains("master key is not the one"), "{error}");
}

pub(crate) async fn a_ledger_that_knows_both_keys_seals_with_the_one_in_force<E: Engine>() {
    let engine = E::fresh().await;
    let sealed = Sealed::fresh(&*engine.open().await).await;
    let ledger = engine.open_under(&[NEXT, MASTER]).await;
    all_kinds(&*ledger).await;
    assert_eq!(ledger.sealing().await.unwrap(), sealed.with(MASTER, 6));
    // So whoever knows the old one alone still reads all.
    drop(ledger);
    let ledger = engine.open().await;
    assert_all_kinds_are_open(&*ledger).await;
    drop(ledger);
    let ledger = engine.open_under(&[NEXT, MASTER]).await;
    ledger.reseal(deed()).await.unwrap();
    drop(ledger);
    let ledger = engine.open_under(&[MASTER, NEXT]).await;
    ledger.add_merchant(account(&budi(), "k"), deed()).await.unwrap();
    assert_eq!(ledger.sealing().await.unwrap(), sealed.with(NEXT, 8));
}
