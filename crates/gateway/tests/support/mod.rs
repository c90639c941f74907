//! A gateway of its own for each test: a ledger in a folder that goes away, a port that the system picks, a clock that
//! the test moves. Requests are written byte by byte, so that a test sends what a real client would, no more.

// Each binary of tests takes what it needs.
#![allow(dead_code)]

pub(crate) mod client;
pub(crate) mod faults;
pub(crate) mod merchant;
pub(crate) mod office;
pub(crate) mod receiver;
pub(crate) mod store;

use client::{Answer, Request, send};
use gerai_delivery::EgressGuard;
use gerai_domain::{EventKind, PayNo, Rules, TxId};
use gerai_gateway::{DeliverySettings, RunError, Settings, run, seed};
use gerai_ledger::{ExceptionQuery, Execution, Ledger, MasterKey, Origin, SqliteLedger, SqliteSettings, Target};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Far beyond what anything here takes; a wait that is longer has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

const DATABASE: &str = "gerai.db";

/// A running gateway.
pub(crate) struct Gateway {
    pub(crate) addr: SocketAddr,
    pub(crate) ledger: Arc<SqliteLedger>,
    shutdown: DropGuard,
    task: JoinHandle<Result<(), RunError>>,
    dir: TempDir,
}

/// A sandbox whose notifications may go to this machine, with waits that do not vary.
pub(crate) fn sandbox_settings() -> Settings {
    let delivery = DeliverySettings { guard: EgressGuard::Off, jitter: 0.0, ..DeliverySettings::default() };
    Settings {
        sandbox: true,
        delivery,
        public_url: "https://pay.example".into(),
        shutdown_grace: Duration::from_millis(200),
        ..Settings::default()
    }
}

/// How a test's ledger differs from the usual.
type LedgerChange = fn(SqliteSettings) -> SqliteSettings;

fn open_ledger(dir: &Path, change: LedgerChange) -> Arc<SqliteLedger> {
    let path = dir.join(DATABASE);
    let give_up = Instant::now() + PATIENCE;
    loop {
        match SqliteLedger::open(change(SqliteSettings::serving(&path)), MasterKey::new([7; 32])) {
            Ok(ledger) => return Arc::new(ledger),
            // The one before it lets go of the file when its last task has ended.
            Err(error) => assert!(Instant::now() < give_up, "the ledger does not open: {error}"),
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

impl Gateway {
    /// A seeded sandbox on the running clock.
    pub(crate) async fn sandbox() -> Self {
        Self::with(sandbox_settings()).await
    }

    /// A seeded sandbox whose clock stands still at this moment (WIB): `2031-05-05T10:00:00`.
    pub(crate) async fn at(moment: &str) -> Self {
        let gateway = Self::sandbox().await;
        gateway.freeze_at(moment).await;
        gateway
    }

    /// A seeded gateway with these settings.
    pub(crate) async fn with(settings: Settings) -> Self {
        Self::with_ledger(settings, |usual| usual).await
    }

    /// One whose ledger is opened with other settings too.
    pub(crate) async fn with_ledger(settings: Settings, change: LedgerChange) -> Self {
        Self::in_dir(tempfile::tempdir().unwrap(), settings, change).await
    }

    async fn in_dir(dir: TempDir, settings: Settings, change: LedgerChange) -> Self {
        let ledger = open_ledger(dir.path(), change);
        seed(ledger.as_ref()).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let addr = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(run(listener, Arc::clone(&ledger) as Arc<dyn Ledger>, settings, shutdown.clone()));
        let gateway = Self { addr, ledger, shutdown: shutdown.drop_guard(), task, dir };
        until("the gateway is ready", async || gateway.get("/readyz").await.status == 200).await;
        gateway
    }

    /// Stops it and starts another one on the same data.
    pub(crate) async fn restart(self, settings: Settings) -> Self {
        let Self { ledger, shutdown, task, dir, .. } = self;
        shutdown.disarm().cancel();
        task.await.unwrap().unwrap();
        drop(ledger);
        Self::in_dir(dir, settings, |usual| usual).await
    }

    /// The database file.
    pub(crate) fn database(&self) -> PathBuf {
        self.dir.path().join(DATABASE)
    }

    /// Sends a request on a connection of its own.
    pub(crate) async fn send(&self, request: &Request) -> Answer {
        send(self.addr, request).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(&Request::new("GET", path)).await
    }

    /// POSTs JSON, as a merchant or a developer would.
    pub(crate) async fn post(&self, path: &str, body: impl Into<Vec<u8>>) -> Answer {
        self.send(&Request::post(path, body)).await
    }

    /// Stops the clock at a moment in Jakarta, whatever it showed before. Forgets all payments.
    pub(crate) async fn freeze_at(&self, moment: &str) {
        let frozen = self.post("/sandbox/v1/clock", r#"{"freeze":true}"#).await;
        assert_eq!(frozen.status, 200, "{}", frozen.text());
        let set = self.post("/sandbox/v1/reset", json!({ "clock": format!("{moment}+07:00") }).to_string()).await;
        assert_eq!(set.status, 200, "{}", set.text());
    }

    /// Moves the clock forward to a moment in Jakarta.
    pub(crate) async fn move_to(&self, moment: &str) {
        let moved = self.post("/sandbox/v1/clock", json!({ "set": format!("{moment}+07:00") }).to_string()).await;
        assert_eq!(moved.status, 200, "{}", moved.text());
    }

    /// Moves the clock forward by a length of time: `PT10S`.
    pub(crate) async fn advance(&self, by: &str) -> Answer {
        let moved = self.post("/sandbox/v1/clock", json!({ "advance": by }).to_string()).await;
        assert_eq!(moved.status, 200, "{}", moved.text());
        moved
    }

    /// What the gateway's clock shows.
    pub(crate) async fn now(&self) -> Timestamp {
        self.get("/sandbox/v1/clock").await.json()["now"].as_str().unwrap().parse().unwrap()
    }

    /// The names of a payment's events, oldest first.
    pub(crate) async fn events(&self, tx_id: &str) -> Vec<String> {
        let tx_id: TxId = tx_id.parse().unwrap();
        self.ledger.history(&tx_id).await.unwrap().iter().map(|event| event_name(&event.kind)).collect()
    }

    /// What operators must look at, as text.
    pub(crate) async fn exceptions(&self) -> Vec<String> {
        let listed = self.ledger.exceptions(ExceptionQuery::open(100)).await.unwrap();
        listed.iter().map(|exception| format!("{:?} {}", exception.kind, exception.trace_no)).collect()
    }

    /// The notifications of a payment, as the sandbox shows them.
    pub(crate) async fn notifications(&self, tx_id: &str) -> Vec<Value> {
        let answer = self.get(&format!("/sandbox/v1/notifications?tXid={tx_id}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["notifications"].as_array().unwrap().clone()
    }

    /// An operator gives the money of a paid payment back.
    pub(crate) async fn give_back(&self, pay_no: &str) {
        let pay_no: PayNo = pay_no.parse().unwrap();
        let execution = Execution {
            target: Target::PayNo(pay_no),
            command: gerai_domain::Command::Return { operator: "Rini".into(), reason: "wrong order".into() },
            rules: Arc::new(Rules::default()),
            now: self.now().await,
            origin: Origin { actor: gerai_domain::Actor::Operator("Rini".into()), request_id: None },
            idempotency: None,
        };
        let executed = self.ledger.execute(execution).await.unwrap();
        assert!(matches!(&executed, gerai_ledger::Executed::Judged { verdict: Ok(_), .. }), "{executed:?}");
    }

    /// Fails unless the gateway still serves and still takes a registration.
    pub(crate) async fn still_works(&self, reference: &str) {
        assert!(!self.task.is_finished(), "the gateway has ended");
        let answer = self.post(merchant::DIRECT, merchant::direct(reference).to_json()).await;
        assert_eq!((answer.status, answer.code()), (200, "0000".to_owned()), "{}", answer.text());
    }
}

fn event_name(kind: &EventKind) -> String {
    let text = serde_json::to_value(kind).unwrap();
    text["event"].as_str().unwrap().to_owned()
}

/// Looks again and again until something holds; fails when it never does.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let give_up = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < give_up, "in vain: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
