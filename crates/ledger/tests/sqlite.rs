//! The embedded engine: the contract of every ledger, and what holds for a file that several processes may open.

// A test stops where something is not as it claims.
#![allow(clippy::unwrap_used, clippy::panic, clippy::wildcard_imports)]

#[macro_use]
mod contract;

use async_trait::async_trait;
use contract::*;
use gerai_domain::{Actor, Chain, Outcome, PayNo, Refusal};
use gerai_ledger::{
    ClaimRequest, Executed, Execution, Ledger, LedgerError, MasterKey, OpenError, Opened, Origin, PartnerAccount,
    PaymentSearch, Role, Session, SqliteLedger, SqliteSettings, UserAccount,
};
use rusqlite::Connection;
use secrecy::ExposeSecret;
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::task::JoinSet;

/// A file in a folder of its own.
struct Sqlite {
    folder: TempDir,
}

impl Sqlite {
    fn path(&self) -> PathBuf {
        self.folder.path().join("gerai.db")
    }

    fn serving(&self) -> SqliteSettings {
        SqliteSettings::serving(self.path())
    }

    fn beside(&self) -> SqliteLedger {
        self.serve(SqliteSettings::beside(self.path()))
    }

    /// A connection of another program's.
    fn raw(&self) -> Connection {
        Connection::open(self.path()).unwrap()
    }

    /// The same, holding the right to write until it says `COMMIT` or goes.
    fn holding(&self) -> Connection {
        let conn = self.raw();
        conn.execute_batch("BEGIN IMMEDIATE").unwrap();
        conn
    }

    fn log_size(&self) -> u64 {
        std::fs::metadata(self.folder.path().join("gerai.db-wal")).map_or(0, |meta| meta.len())
    }

    fn serve(&self, settings: SqliteSettings) -> SqliteLedger {
        SqliteLedger::open(settings, MasterKey::new(MASTER)).unwrap()
    }
}

#[async_trait]
impl Engine for Sqlite {
    async fn fresh() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    async fn open_drawing(&self, draws: Option<Draws>) -> Arc<dyn Ledger> {
        Arc::new(self.serve(SqliteSettings { draws, ..self.serving() }))
    }

    async fn open_under(&self, keys: &[[u8; 32]]) -> Arc<dyn Ledger> {
        let keys: Vec<MasterKey> = keys.iter().map(|bytes| MasterKey::new(*bytes)).collect();
        Arc::new(SqliteLedger::open(self.serving(), keys).unwrap())
    }

    async fn open_with_another_master_key(&self) -> String {
        match SqliteLedger::open(self.serving(), MasterKey::new([4; 32])) {
            Ok(_) => panic!("opened under another master key"),
            Err(error) => error.to_string(),
        }
    }

    async fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for entry in std::fs::read_dir(self.folder.path()).unwrap() {
            bytes.extend(std::fs::read(entry.unwrap().path()).unwrap());
        }
        bytes
    }
}

contract_suite!(Sqlite);

/// Waits until it is so, at most ten seconds.
async fn until(what: &str, mut so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !so() {
        assert!(began.elapsed() < Duration::from_secs(10), "still not: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_server_is_refused_while_others_may_work_beside_the_first() {
    let engine = Sqlite::fresh().await;
    let first = engine.serve(engine.serving());
    let second = SqliteLedger::open(engine.serving(), MasterKey::new(MASTER));
    let Err(OpenError::InUse(path)) = second else { panic!("a second server on one file") };
    assert_eq!(path, engine.path());

    let beside = engine.beside();
    let another = engine.beside();
    let payment = open(&first, indo("A")).await;
    assert_eq!(found(&beside, &payment).await, payment);
    // Both write, and see what the other wrote.
    done(&beside, &payment, pay(Chain::Indo, "t1"), noon()).await;
    assert_eq!(command(&first, &payment, cancel(), noon()).await, Err(Refusal::NotCancellable));
    assert_eq!(names(&another, &payment).await, ["registered", "taken"]);
    // Whoever opens the file beside the server ends none of its leases.
    assert_eq!(claim(&first, noon(), real(0)).await.len(), 1);
    let third = engine.beside();
    assert_eq!(claim(&first, noon(), real(1)).await, []);

    // The file is held by the server alone, and free as soon as it goes.
    drop(first);
    engine.serve(engine.serving());
    drop((beside, another, third));
    engine.serve(engine.serving());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_notices_accounts_that_are_written_beside_it() {
    let engine = Sqlite::fresh().await;
    let server: Arc<dyn Ledger> = Arc::new(engine.serve(engine.serving()));
    let beside = engine.beside();
    let key = async |id: &str| {
        let account = server.merchant(id).await.unwrap();
        account.map(|account| account.key.expose_secret().to_owned())
    };
    assert_eq!(key("GERAITEST1").await, None);

    let busy = Arc::new(AtomicBool::new(false));
    let traffic = {
        let (server, busy) = (Arc::clone(&server), Arc::clone(&busy));
        tokio::spawn(async move {
            for i in 0.. {
                if Arc::strong_count(&busy) == 1 {
                    return i;
                }
                if busy.load(Ordering::Relaxed) {
                    open(&*server, indo(&format!("R{i}"))).await;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            0
        })
    };
    for (round, with_traffic) in [(1, false), (2, true)] {
        busy.store(with_traffic, Ordering::Relaxed);
        // A new merchant is known to its first request.
        let new = merchant(&format!("MERCHANT{round:02}"));
        assert!(beside.add_merchant(account(&new, "first"), deed()).await.unwrap());
        assert_eq!(key(new.as_str()).await.as_deref(), Some("first"), "with traffic: {with_traffic}");
        // A changed one within a moment, as is a chain's secret.
        assert!(put_merchant(&beside, account(&new, "second")).await);
        let secret = format!("secret-{round}");
        let partner =
            PartnerAccount { chain: Chain::Alma, enabled: true, secret: secret.as_str().into(), retired_secret: None };
        put_partner(&beside, partner).await;
        let began = Instant::now();
        loop {
            let alma = server.partner(Chain::Alma).await.unwrap();
            let alma = alma.map(|alma| alma.secret.expose_secret().to_owned());
            if key(new.as_str()).await.as_deref() == Some("second") && alma.as_ref() == Some(&secret) {
                break;
            }
            assert!(began.elapsed() < Duration::from_secs(3), "not noticed, with traffic: {with_traffic}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let all = server.merchants().await.unwrap();
        assert_eq!(all.iter().filter(|account| account.terms.id == new).count(), 1);
    }
    drop(busy);
    traffic.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_notices_accounts_that_were_written_while_its_connection_was_replaced() {
    let engine = Sqlite::fresh().await;
    let server = engine.serve(SqliteSettings { busy: Duration::from_millis(50), ..engine.serving() });
    let key = async || server.merchant("GERAITEST1").await.unwrap().unwrap().key.expose_secret().to_owned();
    server.add_merchant(account(&sinta(), "second"), deed()).await.unwrap();
    let sealed: Vec<u8> = engine.raw().query_row("SELECT key FROM merchants", [], |row| row.get(0)).unwrap();
    put_merchant(&server, account(&sinta(), "first")).await;
    // The writer has seen the file as it is now.
    tokio::time::sleep(Duration::from_millis(250)).await;

    let other = engine.holding();
    other.execute("UPDATE merchants SET key = ?1", [&sealed]).unwrap();
    // What fails takes the writer's connection with it; the next one has never known the file otherwise.
    let refused = server.ready().await;
    assert!(matches!(refused, Err(LedgerError::Unavailable(_))), "{refused:?}");
    assert_eq!(key().await, "first");
    other.execute_batch("COMMIT").unwrap();
    server.ready().await.unwrap();
    let began = Instant::now();
    while key().await != "second" {
        assert!(began.elapsed() < Duration::from_secs(3), "not noticed");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_soon_sees_a_payment_that_another_process_has_written() {
    let engine = Sqlite::fresh().await;
    let server = engine.serve(engine.serving());
    let beside = engine.beside();
    let mut waits = Vec::new();
    for round in 0..5 {
        let payment = open(&server, indo(&format!("R{round}"))).await;
        // From here on the server keeps a snapshot in which it is unpaid.
        assert_eq!(found(&server, &payment).await, payment);
        done(&beside, &payment, pay(Chain::Indo, "t1"), noon()).await;
        let paid = found(&beside, &payment).await;
        let began = Instant::now();
        while found(&server, &payment).await != paid {
            assert!(began.elapsed() < Duration::from_secs(10), "not seen");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        waits.push(began.elapsed());
        let number = payment.standing.pay_no.unwrap();
        assert_eq!(server.find_by_pay_no(number).await.unwrap(), Some(paid));
    }
    // The usual wait: a machine that is busy otherwise may once take longer.
    waits.sort();
    assert!(waits[2] < Duration::from_secs(1), "{waits:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_refuses_at_once_and_loses_nothing() {
    let engine = Sqlite::fresh().await;
    let settings = SqliteSettings { queue: 8, busy: Duration::from_secs(60), ..engine.serving() };
    let ledger: Arc<dyn Ledger> = Arc::new(engine.serve(settings));
    let stats = ledger.stats();
    let other = engine.holding();
    let mut waiting = JoinSet::new();
    let mut send = |reference: String| {
        let ledger = Arc::clone(&ledger);
        waiting.spawn(async move { open(&*ledger, indo(&reference)).await });
    };
    // The writer takes the first and waits with it; eight more fill the queue.
    send("first".into());
    tokio::time::sleep(Duration::from_millis(100)).await;
    until("the writer waits", || stats.queued() == 0).await;
    (0..8).for_each(|i| send(format!("R{i}")));
    until("the queue is full", || stats.queued() == 8).await;

    let began = Instant::now();
    for i in 0..50 {
        let refused = ledger.open(indo(&format!("B{i}")), 1, origin_of(Actor::Clock)).await;
        assert!(matches!(refused, Err(LedgerError::Busy)), "{refused:?}");
        assert!(matches!(ledger.ready().await, Err(LedgerError::Busy)));
    }
    assert!(began.elapsed() < Duration::from_secs(1), "refused only after {:?}", began.elapsed());
    assert_eq!(stats.queued(), 8);
    // Reading goes on meanwhile, and sees nothing that is not on disk.
    assert_eq!(ledger.find_by_reference(&sinta(), "first").await.unwrap(), None);

    other.execute_batch("COMMIT").unwrap();
    assert_eq!(waiting.join_all().await.len(), 9);
    for i in 0..50 {
        assert_eq!(ledger.find_by_reference(&sinta(), &format!("B{i}")).await.unwrap(), None);
    }
    ledger.ready().await.unwrap();
    open(&*ledger, indo("B0")).await;
    let events: i64 = engine.raw().query_row("SELECT count(*) FROM events", [], |row| row.get(0)).unwrap();
    assert_eq!((events, stats.queued(), stats.failed_commits()), (10, 0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_held_too_long_is_unavailable_and_comes_back() {
    let engine = Sqlite::fresh().await;
    let ledger = engine.serve(SqliteSettings { busy: Duration::from_millis(50), ..engine.serving() });
    let payment = open(&ledger, indo("A")).await;
    for round in 1..=3 {
        let other = engine.holding();
        let refused = ledger.open(indo(&format!("B{round}")), 1, origin_of(Actor::Clock)).await;
        assert!(matches!(refused, Err(LedgerError::Unavailable(_))), "{refused:?}");
        let refused = ledger.execute(execution(&payment, pay(Chain::Indo, "t1"), noon())).await;
        assert!(matches!(refused, Err(LedgerError::Unavailable(_))), "{refused:?}");
        assert!(matches!(ledger.ready().await, Err(LedgerError::Unavailable(_))));
        assert_eq!(found(&ledger, &payment).await, payment, "it can still be read");
        drop(other);
        ledger.ready().await.unwrap();
        assert_eq!(ledger.stats().failed_commits(), round * 3);
        assert_eq!(ledger.find_by_reference(&sinta(), &format!("B{round}")).await.unwrap(), None);
    }
    // The same calls again are safe.
    open(&ledger, indo("B1")).await;
    done(&ledger, &payment, pay(Chain::Indo, "t1"), noon()).await;
    assert_eq!(names(&ledger, &payment).await, ["registered", "taken"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_16_events_can_neither_be_changed_nor_deleted() {
    let engine = Sqlite::fresh().await;
    let ledger = engine.serve(engine.serving());
    let payment = paid(&ledger, indo("A")).await;
    let before = history(&ledger, &payment).await;
    let raw = engine.raw();
    for sql in [
        "DELETE FROM events",
        "DELETE FROM events WHERE seq = 2",
        "UPDATE events SET at = at + 1",
        "UPDATE events SET seq = seq + 1",
        "UPDATE OR REPLACE events SET actor = 'clock' WHERE seq = 1",
    ] {
        let error = raw.execute(sql, []).unwrap_err();
        assert!(error.to_string().contains("events are only ever added"), "{sql}: {error}");
    }
    // Nor after a reset, which may.
    ledger.forget_payments().await.unwrap();
    let payment = paid(&ledger, indo("A")).await;
    assert!(raw.execute("DELETE FROM events", []).is_err());
    assert_eq!(history(&ledger, &payment).await.len(), before.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_16_deeds_can_neither_be_changed_nor_deleted() {
    let engine = Sqlite::fresh().await;
    let ledger = engine.serve(engine.serving());
    for _ in 0..3 {
        ledger.log_deed(deed()).await.unwrap();
    }
    let query = gerai_ledger::DeedQuery { limit: 10, ..Default::default() };
    let before = ledger.deeds(query.clone()).await.unwrap();
    let raw = engine.raw();
    for sql in [
        "DELETE FROM deeds",
        "DELETE FROM deeds WHERE id = 2",
        "UPDATE deeds SET at = at + 1",
        "UPDATE deeds SET detail = '' WHERE id = 2",
        "UPDATE OR REPLACE deeds SET id = 1 WHERE id = 2",
        "INSERT OR REPLACE INTO deeds (id, at, by, what, subject, detail) VALUES (2, 0, 'b', 'w', 's', 'd')",
    ] {
        let error = raw.execute(sql, []).unwrap_err();
        assert!(error.to_string().contains("only ever added to"), "{sql}: {error}");
    }
    // Nor in or after a reset, which deletes the payments' events.
    raw.execute("INSERT INTO settings (name, value) VALUES ('forgetting', '1')", []).unwrap();
    raw.execute("DELETE FROM deeds", []).unwrap_err();
    ledger.forget_payments().await.unwrap();
    assert_eq!(ledger.deeds(query).await.unwrap(), before);
    assert_eq!(before.len(), 3);
}

/// Registers some 70 MB from many tasks at once; how large the log grew meanwhile.
async fn largest_log_under_load(engine: &Sqlite, ledger: &Arc<dyn Ledger>) -> u64 {
    let mut crowd = JoinSet::new();
    for task in 0..64 {
        let ledger = Arc::clone(ledger);
        crowd.spawn(async move {
            for i in 0..470 {
                let mut new = alma(&format!("{task}-{i}"));
                new.registered_at = noon_and(i);
                new.ask.details = "x".repeat(2_000);
                open(&*ledger, new).await;
            }
        });
    }
    let mut largest = 0;
    while crowd.try_join_next().is_some() || !crowd.is_empty() {
        largest = largest.max(engine.log_size());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let stored = std::fs::metadata(engine.path()).unwrap().len() + engine.log_size();
    assert!(stored > 64 << 20, "{stored} bytes in all would prove nothing");
    largest.max(engine.log_size())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_write_ahead_log_stays_bounded_under_load() {
    let engine = Sqlite::fresh().await;
    let ledger = engine.open().await;
    let largest = largest_log_under_load(&engine, &ledger).await;
    assert!(largest < 64 << 20, "the log grew to {largest} bytes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn the_write_ahead_log_stays_bounded_while_payments_are_looked_up() {
    let engine = Sqlite::fresh().await;
    let ledger = engine.open().await;
    let known = open_many(&ledger, (0..16).map(|i| indo(&format!("known-{i}")))).await;
    let over = Arc::new(AtomicBool::new(false));
    let mut lookers = JoinSet::new();
    for payment in known {
        let (ledger, over) = (Arc::clone(&ledger), Arc::clone(&over));
        lookers.spawn(async move {
            let (number, id) = (payment.standing.pay_no.unwrap(), &payment.terms.tx_id);
            let mut looks = 0;
            while !over.load(Ordering::Relaxed) {
                assert_eq!(ledger.find_by_pay_no(number).await.unwrap().as_ref(), Some(&payment));
                assert_eq!(ledger.find_of_merchant(&sinta(), id).await.unwrap().as_ref(), Some(&payment));
                looks += 1;
                tokio::task::yield_now().await;
            }
            looks
        });
    }
    let largest = largest_log_under_load(&engine, &ledger).await;
    over.store(true, Ordering::Relaxed);
    let looks: Vec<u64> = lookers.join_all().await;
    assert!(looks.iter().all(|looks| *looks > 100), "{looks:?}");
    // More than without them: they are waited for, and a busy machine lets them wait. In all it is 280 MB.
    assert!(largest < 128 << 20, "the log grew to {largest} bytes");
}

/// Lets these run while another program holds the file, so that all are waiting when the writer can go on.
async fn together<T: Send + 'static>(
    engine: &Sqlite,
    ledger: &Arc<dyn Ledger>,
    work: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    let other = engine.holding();
    let first = {
        let ledger = Arc::clone(ledger);
        tokio::spawn(async move { ledger.ready().await.unwrap() })
    };
    tokio::time::sleep(Duration::from_millis(50)).await;
    let tasks: Vec<_> = work.into_iter().map(tokio::spawn).collect();
    until("all are waiting", || ledger.stats().queued() >= tasks.len() as u64).await;
    drop(other);
    first.await.unwrap();
    let mut results = Vec::new();
    for task in tasks {
        results.push(task.await.unwrap());
    }
    results
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_that_come_together_share_a_commit() {
    let engine = Sqlite::fresh().await;
    let ledger = engine.open().await;
    let stats = ledger.stats();
    let (commits, commands) = (stats.commits(), stats.commands());
    let work = (0..64).map(|i| {
        let ledger = Arc::clone(&ledger);
        async move { open(&*ledger, indo(&format!("R{i}"))).await }
    });
    let payments = together(&engine, &ledger, work).await;
    let (commits, commands) = (stats.commits() - commits, stats.commands() - commands);
    assert_eq!(commands, 65);
    assert!(commits <= 3, "{commits} commits for 65 commands");
    for payment in &payments {
        assert_eq!(&found(&*ledger, payment).await, payment);
    }
    assert_eq!((stats.failed_commits(), stats.queued()), (0, 0));
}

/// Makes the row of this payment unreadable.
fn spoil(engine: &Sqlite, payment: &gerai_domain::Payment) {
    spoil_by(engine, payment, r#"standing = '{"state":"Gone"}'"#);
}

fn spoil_by(engine: &Sqlite, payment: &gerai_domain::Payment, change: &str) {
    let sql = format!("UPDATE payments SET {change} WHERE tx_id = ?1");
    assert_eq!(engine.raw().execute(&sql, [payment.terms.tx_id.as_str()]).unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_fails_does_not_touch_its_neighbours() {
    let engine = Sqlite::fresh().await;
    let ledger = engine.open().await;
    let payments = open_many(&ledger, (0..40).map(|i| indo(&format!("R{i}")))).await;
    spoil(&engine, &payments[17]);
    spoil(&engine, &payments[23]);
    let commits = ledger.stats().commits();
    let work = payments.iter().map(|payment| {
        let (ledger, execution) = (Arc::clone(&ledger), execution(payment, pay(Chain::Indo, "t1"), noon()));
        async move { ledger.execute(execution).await }
    });
    let answers = together(&engine, &ledger, work).await;
    assert!(ledger.stats().commits() - commits <= 3, "they were not in one transaction");
    for (i, (payment, answer)) in payments.iter().zip(answers).enumerate() {
        if [17, 23].contains(&i) {
            assert!(matches!(answer, Err(LedgerError::Corrupt(_))), "{answer:?}");
            assert_eq!(names(&*ledger, payment).await, ["registered"]);
            continue;
        }
        let Ok(Executed::Judged { verdict: Ok(Outcome::Taken(_)), .. }) = answer else { panic!("{i}: {answer:?}") };
        assert_eq!(names(&*ledger, payment).await, ["registered", "taken"]);
        assert_eq!(ledger.notifications(&payment.terms.tx_id).await.unwrap().len(), 1);
    }
    assert_eq!(ledger.stats().failed_commits(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registration_that_fails_does_not_touch_its_neighbours() {
    let engine = Sqlite::fresh().await;
    let ledger = engine.open().await;
    let spoilt = open(&*ledger, indo("spoilt")).await;
    spoil(&engine, &spoilt);
    let work = (0..40).map(|i| {
        let ledger = Arc::clone(&ledger);
        let reference = if i == 20 { "spoilt".to_owned() } else { format!("R{i}") };
        async move { ledger.open(indo(&reference), 1, origin_of(Actor::Clock)).await }
    });
    let answers = together(&engine, &ledger, work).await;
    for (i, answer) in answers.iter().enumerate() {
        match answer {
            Err(LedgerError::Corrupt(_)) => assert_eq!(i, 20),
            Ok(Opened::New(payment)) => assert_eq!(names(&*ledger, payment).await, ["registered"]),
            other => panic!("{i}: {other:?}"),
        }
    }
    assert!(answers[20].is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_that_cannot_be_read_holds_up_no_other() {
    for change in [
        r#"standing = '{"state":"Gone"}'"#,
        "fingerprint = x'00'",
        "goods_nm = CAST(x'ff' AS TEXT)",
        "description = CAST(x'6bff' AS TEXT)",
        "tx_id = CAST(x'ff' AS TEXT)",
        "registered_at = 9223372036854775807",
        "deadline = -9223372036854775808",
        "amount = -1",
        "chain = 'NONE'",
        "pay_no = 7",
        "last_seq = -1",
    ] {
        one_that_cannot_be_read_holds_up_no_other(change).await;
    }
}

async fn one_that_cannot_be_read_holds_up_no_other(change: &str) {
    let engine = Sqlite::fresh().await;
    let ledger = engine.open().await;
    let short = |reference: &str, seconds| {
        let mut new = indo(reference);
        new.deadline = noon_and(seconds);
        new.auto_pay_at = Some(noon_and(seconds));
        new
    };
    let spoilt = open(&*ledger, short("spoilt", 10)).await;
    let well = open(&*ledger, short("well", 20)).await;
    spoil_by(&engine, &spoilt, change);

    for refused in [ledger.find_by_tx_id(&spoilt.terms.tx_id).await, ledger.find_by_reference(&sinta(), "spoilt").await]
    {
        assert!(matches!(refused, Err(LedgerError::Corrupt(_))), "{change}: {refused:?}");
    }
    let refused = ledger.execute(execution(&spoilt, pay(Chain::Indo, "t1"), noon())).await;
    assert!(matches!(refused, Err(LedgerError::Corrupt(_))), "{change}: {refused:?}");
    assert_eq!(names(&*ledger, &spoilt).await, ["registered"]);

    assert_eq!(found(&*ledger, &well).await, well);
    assert_eq!(ledger.auto_pay_due(noon_and(60), 10).await.unwrap(), std::slice::from_ref(&well));
    // The clock goes on for the others, also when there is room for one at a time.
    let mut swept = 0;
    for _ in 0..3 {
        swept += usize::from(ledger.sweep(rules(), noon_and(60), 1).await.unwrap() > 0);
    }
    assert_eq!(swept, 2, "{change}");
    assert_eq!(names(&*ledger, &well).await, ["registered", "expired"]);
    assert_eq!(ledger.next_moment(noon()).await.unwrap(), Some(noon_and(10)), "the plan that cannot be read");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_notification_that_cannot_be_read_holds_up_no_other() {
    let engine = Sqlite::fresh().await;
    let ledger = engine.open().await;
    let spoilt = paid(&*ledger, indo("spoilt")).await;
    let well = paid(&*ledger, indo("well")).await;
    let sql = "UPDATE outbox SET notice = '{' WHERE message_id LIKE ?1";
    let raw = engine.raw();
    assert_eq!(raw.execute(sql, [format!("{}%", spoilt.terms.tx_id)]).unwrap(), 1);
    let one = || ClaimRequest { limit: 1, default_per_host: 1, ..claim_at(noon(), real(0)) };
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.extend(ledger.claim_due(one()).await.unwrap().into_iter().map(|due| due.notice.tx_id));
    }
    assert_eq!(seen, [well.terms.tx_id]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_that_cannot_be_read_hides_no_other_from_a_search() {
    let engine = Sqlite::fresh().await;
    let ledger = engine.open().await;
    for reference in ["A", "spoilt", "B"] {
        paid(&*ledger, indo(reference)).await;
    }
    let sql = "UPDATE payments SET standing = '{' WHERE reference_no = 'spoilt'";
    assert_eq!(engine.raw().execute(sql, []).unwrap(), 1);
    // The server looks anew after a commit of its own.
    ledger.ready().await.unwrap();
    // By time, and as one merchant's few.
    for merchant in [None, Some(sinta())] {
        let search = PaymentSearch {
            merchant,
            from: None,
            until: None,
            phase: None,
            chain: None,
            reference_no: None,
            tx_id: None,
            pay_no: None,
            amount: None,
            now: noon(),
            after: None,
            limit: 10,
            effort: 100,
        };
        let found = ledger.search(search).await.unwrap().payments;
        let references: Vec<_> = found.iter().map(|payment| payment.terms.reference_no.as_str()).collect();
        assert_eq!(references, ["B", "A"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_16_the_audit_log_can_neither_be_changed_nor_deleted() {
    let engine = Sqlite::fresh().await;
    let ledger = engine.serve(engine.serving());
    ledger.log_deed(deed()).await.unwrap();
    let raw = engine.raw();
    for round in ["before a reset", "after a reset"] {
        for sql in ["DELETE FROM deeds", "UPDATE deeds SET at = at + 1", "UPDATE deeds SET by = 'clock'"] {
            let error = raw.execute(sql, []).unwrap_err();
            assert!(error.to_string().contains("the audit log is only ever added to"), "{round}: {sql}: {error}");
        }
        ledger.forget_payments().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_may_look_still_looks_while_nothing_can_be_written() {
    let engine = Sqlite::fresh().await;
    let ledger = engine.serve(SqliteSettings { busy: Duration::from_millis(50), ..engine.serving() });
    let user = UserAccount {
        name: "rini".parse().unwrap(),
        role: Role::Operator,
        password_hash: "$argon2id$".into(),
        disabled: false,
        failures: 0,
        locked_until: None,
        added_at: real(0),
    };
    ledger.add_user(user.clone(), deed()).await.unwrap();
    let session =
        Session { token_hash: [1; 32], user: user.name, began_at: real(0), seen_at: real(0), ends_at: real(36_000) };
    ledger.begin_session(session, deed()).await.unwrap();
    let other = engine.holding();
    assert!(ledger.session([1; 32], real(120)).await.unwrap().is_some());
    drop(other);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sealed_secret_cannot_be_moved_to_another_merchant() {
    let engine = Sqlite::fresh().await;
    let ledger = engine.serve(engine.serving());
    ledger.add_merchant(account(&sinta(), "key of sinta"), deed()).await.unwrap();
    ledger.add_merchant(account(&budi(), "key of budi"), deed()).await.unwrap();
    let sql = "UPDATE merchants SET key = (SELECT key FROM merchants WHERE id = 'GERAITEST1') WHERE id = 'GERAITEST2'";
    engine.raw().execute(sql, []).unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    // What is in memory goes on; a server that is started finds out.
    assert_eq!(ledger.merchant("GERAITEST2").await.unwrap().unwrap().key.expose_secret(), "key of budi");
    drop(ledger);
    let error = SqliteLedger::open(engine.serving(), MasterKey::new(MASTER)).err().map(|error| error.to_string());
    let error = error.expect("opened with a key that belongs to another");
    assert!(error.contains("merchant/GERAITEST2/key") && !error.contains("key of"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_stops_waiting_leaves_the_others_to_be_answered() {
    let engine = Sqlite::fresh().await;
    let ledger = engine.open().await;
    let payment = open(&*ledger, indo("A")).await;
    let other = engine.holding();
    let gone = {
        let (ledger, execution): (_, Execution) =
            (Arc::clone(&ledger), execution(&payment, pay(Chain::Indo, "t1"), noon()));
        tokio::spawn(async move { ledger.execute(execution).await })
    };
    tokio::time::sleep(Duration::from_millis(50)).await;
    gone.abort();
    assert!(gone.await.unwrap_err().is_cancelled());
    drop(other);
    // What had been queued was done: the till's retry is told so.
    let verdict = command(&*ledger, &payment, pay(Chain::Indo, "t1"), noon()).await;
    assert!(matches!(verdict, Ok(Outcome::Taken(_))), "{verdict:?}");
    assert_eq!(names(&*ledger, &payment).await, ["registered", "taken"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_half_way_leaves_nothing_behind() {
    let engine = Sqlite::fresh().await;
    let ledger = engine.open().await;
    let payments = open_many(&ledger, (0..20).map(|i| indo(&format!("R{i}")))).await;
    // The last of three writes fails, for one payment.
    let refuse = |table: &str, when: &str| {
        let sql = format!(
            "CREATE TRIGGER refused_{table} BEFORE INSERT ON {table} WHEN {when}
             BEGIN SELECT RAISE(ABORT, 'refused by the test'); END"
        );
        engine.raw().execute_batch(&sql).unwrap();
    };
    refuse("outbox", &format!("NEW.message_id LIKE '{}%'", payments[7].terms.tx_id));
    let work = payments.iter().map(|payment| {
        let (ledger, execution) = (Arc::clone(&ledger), execution(payment, pay(Chain::Indo, "t1"), noon()));
        async move { ledger.execute(execution).await }
    });
    let answers = together(&engine, &ledger, work).await;
    for (i, (payment, answer)) in payments.iter().zip(answers).enumerate() {
        let stored = found(&*ledger, payment).await;
        assert_eq!(stored.standing, fold(&history(&*ledger, payment).await));
        assert_eq!((answer.is_ok(), stored == *payment), (i != 7, i == 7), "{i}: {answer:?}");
    }

    // The second of a registration's two.
    refuse("events", "NEW.seq = 1 AND NEW.request_id = 'refused'");
    let work = (0..20).map(|i| {
        let ledger = Arc::clone(&ledger);
        let request_id = Some(if i == 7 { "refused" } else { "taken" }.to_owned());
        let origin = Origin { actor: Actor::Clock, request_id };
        async move { ledger.open(indo(&format!("S{i}")), 1, origin).await }
    });
    let answers = together(&engine, &ledger, work).await;
    assert!(answers[7].is_err());
    for (i, answer) in answers.iter().enumerate() {
        let stored = ledger.find_by_reference(&sinta(), &format!("S{i}")).await.unwrap();
        match answer {
            Ok(Opened::New(payment)) => {
                assert_eq!(stored.as_ref(), Some(&**payment));
                assert_eq!(names(&*ledger, payment).await, ["registered"]);
            }
            Ok(other) => panic!("{other:?}"),
            Err(_) => assert_eq!(stored, None, "{i}"),
        }
    }
    // Either way the same call again is safe.
    open(&*ledger, indo("S7")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_database_is_one_whole_file_that_its_owner_alone_may_read() {
    use std::os::unix::fs::PermissionsExt;
    let engine = Sqlite::fresh().await;
    let ledger = engine.open().await;
    let payment = open(&*ledger, indo("A")).await;
    assert!(engine.log_size() > 0);
    let mode = std::fs::metadata(engine.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    drop(ledger);
    assert_eq!(engine.log_size(), 0);

    let copy = Sqlite::fresh().await;
    std::fs::copy(engine.path(), copy.path()).unwrap();
    assert_eq!(found(&*copy.open().await, &payment).await, payment);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_names_of_store_requests_are_let_go_after_a_day() {
    let engine = Sqlite::fresh().await;
    let ledger = engine.open().await;
    let payments = open_many(&ledger, (0..28).map(|i| indo(&format!("R{i}")))).await;
    for (i, payment) in payments.iter().enumerate() {
        // The last three come later.
        let now = noon_and(if i < 25 { 0 } else { 10 });
        let idempotency = named(Chain::Indo, &format!("X{i}"), 1);
        judge(&*ledger, Execution { idempotency, ..execution(payment, pay(Chain::Indo, "t1"), now) }).await.1.unwrap();
    }
    let raw = engine.raw();
    let kept = || raw.query_row("SELECT count(*) FROM store_requests", [], |row| row.get::<_, i64>(0)).unwrap();
    let sweep = async |seconds| ledger.sweep(rules(), noon_and(seconds), 10).await.unwrap();
    assert_eq!((sweep(DAY - 1).await, kept()), (0, 28));
    // Nothing else falls due: each pass that lets go of as many as it may says that there may be more.
    for (let_go, left) in [(10, 18), (10, 8), (5, 3), (0, 3)] {
        assert_eq!((sweep(DAY).await, kept()), (let_go, left));
    }
    assert_eq!((sweep(DAY + 10).await, kept()), (3, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_looks_at_a_bounded_number_of_hosts() {
    let engine = Sqlite::fresh().await;
    let ledger = engine.open().await;
    let last = "https://z.example";
    paid(&*ledger, to(indo("last"), last)).await;
    let hosts: Vec<String> = (0..3_000).map(|i| format!("https://h{i:04}.example")).collect();
    let news = hosts.iter().map(|host| to(indo(host), host));
    let payments = open_many(&ledger, news).await;
    pay_all(&ledger, &payments, noon_and(1)).await;
    // All others have no slot free, and what is due of the last is not what fell due last.
    let per_host = hosts.into_iter().map(|host| (host, 0)).collect();
    let request = ClaimRequest { per_host, ..claim_at(noon_and(1), real(0)) };
    let mut claims = 1;
    let claimed = loop {
        let claimed = ledger.claim_due(request.clone()).await.unwrap();
        if !claimed.is_empty() {
            break claimed;
        }
        claims += 1;
        assert!(claims < 100, "its turn does not come");
    };
    assert_eq!((claimed.len(), claimed[0].host.as_str()), (1, last));
    assert!(claims > 20, "{claims} claims looked at 3,001 hosts");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_3_a_cell_that_has_numbered_all_it_can_stops() {
    let engine = Sqlite::fresh().await;
    let ledger = engine.open().await;
    let last = open(&*ledger, indo("last")).await;
    drop(ledger);
    // All blocks of numbers but the one that has been begun, to rows that never were.
    let sql = "WITH RECURSIVE every(block) AS (SELECT 0 UNION ALL SELECT block + 1 FROM every WHERE block < 1220702)
               INSERT OR IGNORE INTO number_blocks (block, first_row) SELECT block, -1 - block FROM every";
    engine.raw().execute(sql, []).unwrap();
    let ledger = engine.open().await;
    let check = async |ledger: &dyn Ledger| {
        for more in [indo("more"), registration("without a number", None), by(alma("theirs"), budi())] {
            assert_eq!(try_open(ledger, more).await, Opened::NoNumber);
        }
        // What was taken before keeps its answer, and its life.
        let now = found(ledger, &last).await;
        assert_eq!(try_open(ledger, indo("last")).await, Opened::Repeat(Box::new(now)));
        let mut other = indo("last");
        other.ask.fingerprint = [8; 32];
        assert_eq!(try_open(ledger, other).await, Opened::ReferenceUsed);
    };
    check(&*ledger).await;
    done(&*ledger, &last, pay(Chain::Indo, "t1"), noon()).await;
    check(&*ledger).await;
    drop(ledger);
    let ledger = engine.open().await;
    check(&*ledger).await;
    assert_eq!(ledger.find_by_reference(&sinta(), "more").await.unwrap(), None);
    // A reset gives no number out anew.
    ledger.forget_payments().await.unwrap();
    assert_eq!(try_open(&*ledger, indo("last")).await, Opened::NoNumber);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_3_what_runs_on_a_restored_backup_does_not_give_out_the_lost_numbers_again() {
    let engine = Sqlite::fresh().await;
    drop(engine.open().await);
    let backup = std::fs::read(engine.path()).unwrap();
    let numbers = async |engine: &Sqlite| -> HashSet<PayNo> {
        let ledger = engine.open().await;
        let payments = open_many(&ledger, (0..500).map(|i| indo(&format!("R{i}")))).await;
        payments.iter().map(|payment| payment.standing.pay_no.unwrap()).collect()
    };
    let before = numbers(&engine).await;
    for round in 0..2 {
        // The same key of the numbers, the same rows as before.
        let restored = Sqlite::fresh().await;
        std::fs::write(restored.path(), &backup).unwrap();
        let again = numbers(&restored).await;
        assert_eq!((again.len(), again.intersection(&before).count()), (500, 0), "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_3_numbers_of_many_blocks_are_found_by_whoever_reads() {
    let engine = Sqlite::fresh().await;
    let ledger = engine.open().await;
    let beside = engine.beside();
    let awaiting = open(&*ledger, registration("awaiting", None)).await;
    let payments = open_many(&ledger, (0..9_000).map(|i| indo(&format!("R{i}")))).await;
    let blocks: i64 = engine.raw().query_row("SELECT count(*) FROM number_blocks", [], |row| row.get(0)).unwrap();
    assert_eq!(blocks, 2);
    // A number that is issued later belongs to its row's block, not to the present one.
    let outcome = done(&*ledger, &awaiting, choose(Chain::Indo), noon()).await;
    let Outcome::StoreChosen { pay_no } = outcome else { panic!("{outcome:?}") };
    drop(ledger);
    let restarted = engine.open().await;
    for reader in [&beside as &dyn Ledger, &*restarted] {
        assert_eq!(reader.find_by_pay_no(pay_no).await.unwrap().unwrap().terms, awaiting.terms);
        for payment in payments.iter().step_by(331).chain(payments.last()) {
            let number = payment.standing.pay_no.unwrap();
            assert_eq!(reader.find_by_pay_no(number).await.unwrap().as_ref(), Some(payment));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rules_3_and_4_two_processes_give_out_no_number_or_id_twice() {
    let engine = Sqlite::fresh().await;
    let server = engine.open().await;
    let beside: Arc<dyn Ledger> = Arc::new(engine.beside());
    let (mut numbers, mut ids) = (HashSet::new(), HashSet::new());
    for round in 0..4 {
        // Both in the same second of the same merchant; by turns, then at once.
        let mut payments = Vec::new();
        for i in 0..20 {
            payments.push(open(&*server, indo(&format!("{round}-server-{i}"))).await);
            payments.push(open(&*beside, indo(&format!("{round}-beside-{i}"))).await);
        }
        let mut crowd = JoinSet::new();
        for i in 20..80 {
            for (name, ledger) in [("server", &server), ("beside", &beside)] {
                let ledger = Arc::clone(ledger);
                crowd.spawn(async move { open(&*ledger, indo(&format!("{round}-{name}-{i}"))).await });
            }
        }
        payments.extend(crowd.join_all().await);
        for payment in &payments {
            assert!(numbers.insert(payment.standing.pay_no.unwrap()), "round {round}: a number was given out twice");
            assert!(ids.insert(payment.terms.tx_id.clone()), "round {round}: an id was given out twice");
            for ledger in [&server, &beside] {
                // Each is told of what it did itself at once, of the other's soon.
                let began = Instant::now();
                while ledger.find_by_tx_id(&payment.terms.tx_id).await.unwrap().as_ref() != Some(payment) {
                    assert!(began.elapsed() < Duration::from_secs(10), "not found");
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
        }
        // The last that were numbered are the other process's; after the reset it is again the one that did not reset
        // that numbers first.
        for i in 80..90 {
            let payment = open(&*beside, indo(&format!("{round}-beside-{i}"))).await;
            assert!(numbers.insert(payment.standing.pay_no.unwrap()) && ids.insert(payment.terms.tx_id));
        }
        let (resets, registers) = if round % 2 == 0 { (&server, &beside) } else { (&beside, &server) };
        resets.forget_payments().await.unwrap();
        for i in 0..10 {
            let payment = open(&**registers, indo(&format!("{round}-after-{i}"))).await;
            assert!(numbers.insert(payment.standing.pay_no.unwrap()), "round {round}: a number came again");
            assert!(ids.insert(payment.terms.tx_id), "round {round}: an id came again");
        }
    }
}
