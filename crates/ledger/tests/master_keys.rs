//! A new master key while a server runs on the same file: the server finds it, and nobody ever seals with a key that is
//! on its way out.

// A test stops where something is not as it claims.
#![allow(clippy::unwrap_used, clippy::panic)]

use gerai_domain::{Actor, MerchantTerms};
use gerai_ledger::{Deed, Ledger, MasterKey, MasterKeys, MerchantAccount, SqliteLedger, SqliteSettings};
use jiff::Timestamp;
use rusqlite::Connection;
use secrecy::ExposeSecret;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const OLD: u8 = 1;
const NEW: u8 = 2;

/// A file of master keys, and a database.
struct Place {
    folder: TempDir,
    keys: Arc<Mutex<Vec<u8>>>,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), keys: Arc::new(Mutex::new(vec![OLD])) }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("gerai.db")
    }

    /// Puts these keys into the file.
    fn write(&self, keys: &[u8]) {
        *self.keys.lock().unwrap() = keys.to_vec();
    }

    /// Keys that are read from the file, again and again.
    fn file(&self) -> MasterKeys {
        let keys = Arc::clone(&self.keys);
        let read = move || Ok(keys.lock().unwrap().iter().map(|byte| MasterKey::new([*byte; 32])).collect());
        MasterKeys::read_from(read).unwrap()
    }

    fn serve(&self, keys: MasterKeys) -> SqliteLedger {
        SqliteLedger::open(SqliteSettings::serving(self.path()), keys).unwrap()
    }

    fn beside(&self) -> SqliteLedger {
        SqliteLedger::open(SqliteSettings::beside(self.path()), self.file()).unwrap()
    }
}

/// What the tests do, as the audit log has it.
fn deed() -> Deed {
    Deed::new(&Actor::Operator("test".into()), Timestamp::UNIX_EPOCH, "tested", "everything")
}

fn merchant(id: &str, key: &str) -> MerchantAccount {
    MerchantAccount {
        terms: MerchantTerms::usual(id.parse().unwrap(), "Toko"),
        key: key.into(),
        retired_key: None,
        webhook_secret: "whsec_c2VjcmV0".into(),
        retired_webhook_secret: None,
    }
}

async fn key_of(ledger: &SqliteLedger, id: &str) -> String {
    ledger.merchant(id).await.unwrap().unwrap().key.expose_secret().to_owned()
}

async fn known(ledger: &SqliteLedger, within: Duration) -> bool {
    let asked = Instant::now();
    while asked.elapsed() < within {
        if ledger.key_is_known().await.unwrap() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    false
}

fn only(byte: u8) -> Vec<gerai_ledger::KeyId> {
    vec![MasterKey::new([byte; 32]).id()]
}

async fn sealed_with(ledger: &SqliteLedger) -> Vec<gerai_ledger::KeyId> {
    ledger.sealing().await.unwrap().secrets.into_keys().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_server_finds_the_new_key_and_needs_the_old_one_no_more() {
    let place = Place::new();
    let server = place.serve(place.file());
    server.add_merchant(merchant("MERCHANT01", "first"), deed()).await.unwrap();
    assert!(place.beside().is_served().unwrap());

    place.write(&[NEW, OLD]);
    let rotation = place.beside();
    rotation.announce_key().await.unwrap();
    assert!(known(&rotation, Duration::from_secs(5)).await, "the server did not look into the file");
    // The merchant's two, and the key of the numbers.
    assert_eq!(rotation.reseal(deed()).await.unwrap(), 3);
    assert_eq!(sealed_with(&rotation).await, only(NEW));
    place.write(&[NEW]);
    rotation.end_announcement().await.unwrap();

    // The server goes on, reads what others write, and seals with the new key.
    {
        let second = Box::new(|present: &mut MerchantAccount| {
            *present = merchant("MERCHANT01", "second");
            Ok(())
        });
        rotation.change_merchant(&"MERCHANT01".parse().unwrap(), second, deed()).await.unwrap()
    };
    let asked = Instant::now();
    while key_of(&server, "MERCHANT01").await != "second" {
        assert!(asked.elapsed() < Duration::from_secs(5), "the server reads no secrets any more");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    server.add_merchant(merchant("MERCHANT02", "third"), deed()).await.unwrap();
    assert_eq!(sealed_with(&rotation).await, only(NEW));
    drop((server, rotation));
    assert!(!place.beside().is_served().unwrap());
    let server = place.serve(place.file());
    assert_eq!(key_of(&server, "MERCHANT02").await, "third");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_cannot_find_the_new_key_is_not_taken_for_one_that_knows_it() {
    let place = Place::new();
    // As one whose keys came in a variable.
    let server = place.serve(MasterKey::new([OLD; 32]).into());
    server.add_merchant(merchant("MERCHANT01", "first"), deed()).await.unwrap();
    place.write(&[NEW, OLD]);
    let rotation = place.beside();
    rotation.announce_key().await.unwrap();
    // Nor is another command that happens to run beside it.
    let another = place.beside();
    assert!(!known(&rotation, Duration::from_millis(800)).await);
    rotation.end_announcement().await.unwrap();

    // Even if everything is sealed anew, the server never again seals with a key that is going.
    rotation.reseal(deed()).await.unwrap();
    let refused = server.add_merchant(merchant("MERCHANT02", "second"), deed()).await.unwrap_err();
    assert!(refused.to_string().contains("master key in force"), "{refused}");
    assert_eq!(key_of(&server, "MERCHANT01").await, "first", "what it has in memory goes on");
    assert_eq!(sealed_with(&rotation).await, only(NEW));
    assert_eq!(key_of(&another, "MERCHANT01").await, "first");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_announcement_is_answered_for_its_own_key_alone() {
    let place = Place::new();
    let server = place.serve(place.file());
    place.write(&[NEW, OLD]);
    let rotation = place.beside();
    rotation.announce_key().await.unwrap();
    assert!(known(&rotation, Duration::from_secs(5)).await);
    rotation.end_announcement().await.unwrap();
    assert!(!rotation.key_is_known().await.unwrap());
    // A next one, of a key that only the announcer knows.
    let stranger = SqliteLedger::open(
        SqliteSettings::beside(place.path()),
        vec![MasterKey::new([7; 32]), MasterKey::new([OLD; 32])],
    );
    let stranger = stranger.unwrap();
    stranger.announce_key().await.unwrap();
    assert!(!known(&stranger, Duration::from_millis(500)).await);
    assert!(server.ready().await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_sealed_before_keys_had_ids_opens_and_is_sealed_anew() {
    let place = Place::new();
    let ledger = place.serve(place.file());
    ledger.add_merchant(merchant("MERCHANT01", "first"), deed()).await.unwrap();
    drop(ledger);
    // The first format: a 1 in front, and no id behind it.
    let raw = Connection::open(place.path()).unwrap();
    raw.execute_batch(
        "UPDATE merchants SET key = unhex('01' || substr(hex(key), 19)),
             webhook_secret = unhex('01' || substr(hex(webhook_secret), 19));
         UPDATE numbering SET key = unhex('01' || substr(hex(key), 19));
         UPDATE settings SET value = '01' || substr(value, 19) WHERE name = 'master-key-check';",
    )
    .unwrap();
    drop(raw);
    place.write(&[NEW, OLD]);
    let ledger = place.serve(place.file());
    assert_eq!(key_of(&ledger, "MERCHANT01").await, "first");
    assert_eq!(sealed_with(&ledger).await, only(OLD));
    // What is written beside it is in the new format, and the mark alone is still in the old one.
    ledger.add_merchant(merchant("MERCHANT02", "second"), deed()).await.unwrap();
    assert_eq!(sealed_with(&ledger).await, only(OLD));
    assert_eq!(ledger.reseal(deed()).await.unwrap(), 5);
    drop(ledger);
    place.write(&[NEW]);
    let ledger = place.serve(place.file());
    assert_eq!(key_of(&ledger, "MERCHANT01").await, "first");
    assert_eq!(key_of(&ledger, "MERCHANT02").await, "second");
}
