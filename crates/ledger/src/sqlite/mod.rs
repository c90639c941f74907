//! The embedded engine: one SQLite file in WAL mode with `synchronous=FULL`, one writer with group commit, a few read
//! connections beside it.
//!
//! Point look-ups run on the caller's own thread: they take microseconds out of SQLite's or the system's page cache,
//! less than handing them to another thread would.

mod accounts;
mod deeds;
mod deposits;
mod exceptions;
mod failed;
mod master_key;
mod outbox;
mod payments;
mod readers;
mod search;
mod totals;
mod users;
mod writer;

use crate::accounts::{Change, Changed, MerchantAccount, PartnerAccount};
use crate::deeds::{Deed, DeedQuery, LoggedDeed};
use crate::ledger::{
    Backlog, ClaimRequest, Claimed, DeliveryRecord, DepositQuery, Deposits, Exception, ExceptionQuery, Executed,
    Execution, FailedNotification, Ledger, LedgerError, LedgerStats, NotificationRecord, Opened, Origin, Sealing,
    Settlement,
};
use crate::numbering::Numbering;
use crate::seal::MasterKeys;
use crate::search::{DayTotal, Found, PaymentSearch, TotalsQuery};
use crate::users::{Session, TokenHash, UserAccount, UserName};
use accounts::Accounts;
use arc_swap::ArcSwap;
use async_trait::async_trait;
use gerai_domain::{Chain, Event, MerchantId, NewPayment, PayNo, Payment, Rules, TxId};
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use readers::{Generation, Readers};
use rusqlite::{Connection, OpenFlags};
use secrecy::SecretBox;
use std::fs::{File, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use writer::{Draws, Queue, Trouble, Writer};

mod migrations {
    refinery::embed_migrations!("migrations/sqlite");
}

/// How large the write-ahead log grows before it is moved into the database, in bytes.
const CHECKPOINT_BYTES: u64 = 16 << 20;

/// How often the log's size is looked at.
const CHECKPOINT_TICK: Duration = Duration::from_millis(100);

/// How long a session may have been used before that is noted again.
const SEEN_EVERY: SignedDuration = SignedDuration::from_secs(60);

/// How to open a file.
pub struct SqliteSettings {
    /// The database file; made when it is not there.
    pub path: PathBuf,
    /// How many commands may wait. One more is refused at once.
    pub queue: usize,
    /// How long to wait for another process that writes.
    pub busy: Duration,
    /// Whether this process serves: then no other may, and leases that an earlier one left are ended.
    pub serving: bool,
    /// Where receipt codes and the ids of cancellations come from; `None` for the operating system's generator.
    pub draws: Option<Box<dyn FnMut() -> u64 + Send>>,
}

impl SqliteSettings {
    /// The usual settings for a file that a server serves from.
    #[must_use]
    pub fn serving(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), queue: 4096, busy: Duration::from_secs(5), serving: true, draws: None }
    }

    /// The usual settings for a command line that reads or writes beside a server.
    #[must_use]
    pub fn beside(path: impl Into<PathBuf>) -> Self {
        Self { serving: false, ..Self::serving(path) }
    }
}

/// Why a ledger cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another server holds the file.
    #[error("{} is in use by another server; stop it, or name another data folder", .0.display())]
    InUse(PathBuf),
    /// The database file, or the lock file beside it, cannot be made.
    #[error("{} cannot be made: {error}", path.display())]
    Lock {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// SQLite cannot use the file.
    #[error("{} cannot be opened: {error}", path.display())]
    Sqlite {
        /// The database file.
        path: PathBuf,
        /// Why.
        error: rusqlite::Error,
    },
    /// The schema cannot be brought up to date.
    #[error("{} cannot be migrated: {error}", path.display())]
    Migration {
        /// The database file.
        path: PathBuf,
        /// Why.
        error: Box<refinery::Error>,
    },
    /// The schema must be brought up to date, but a server that may not know the new one runs on the file.
    #[error(
        "{} was last used by an earlier version, and a server still runs on it: restart the server with this version \
         first, which brings the database up to date",
        .0.display()
    )]
    ServedUnmigrated(PathBuf),
    /// The file's secrets were sealed with another master key.
    #[error("the master key is not the one that {} was sealed with", .0.display())]
    WrongMasterKey(PathBuf),
    /// What is stored cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// The embedded ledger.
pub struct SqliteLedger {
    queue: Queue,
    readers: Arc<Readers>,
    accounts: Arc<ArcSwap<Accounts>>,
    reloading: Arc<Mutex<()>>,
    master: Arc<MasterKeys>,
    numbering: Numbering,
    path: PathBuf,
    stats: Arc<LedgerStats>,
    closed: Arc<AtomicBool>,
    writer: Option<JoinHandle<()>>,
    _lock: Option<File>,
}

pub(crate) fn millis(at: Timestamp) -> i64 {
    at.as_millisecond()
}

pub(crate) fn instant(millis: i64) -> Result<Timestamp, rusqlite::Error> {
    Timestamp::from_millisecond(millis).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

pub(crate) fn unavailable(error: &rusqlite::Error) -> LedgerError {
    LedgerError::Unavailable(error.to_string().into())
}

/// Opens a connection as every one of ours is set up.
pub(crate) fn connect(path: &Path, busy: Duration, read_only: bool) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(busy)?;
    conn.pragma_update(None, "journal_mode", "WAL")?;
    conn.pragma_update(None, "synchronous", "FULL")?;
    conn.pragma_update(None, "wal_autocheckpoint", 0)?;
    conn.pragma_update(None, "temp_store", "MEMORY")?;
    conn.pragma_update(None, "cache_size", if read_only { -8_000 } else { -16_000 })?;
    if read_only {
        conn.pragma_update(None, "query_only", true)?;
    }
    conn.set_prepared_statement_cache_capacity(64);
    Ok(conn)
}

impl SqliteLedger {
    /// Opens the file, brings its schema up to date, and starts the writer.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(settings: SqliteSettings, master: impl Into<MasterKeys>) -> Result<Self, OpenError> {
        let master = master.into();
        let SqliteSettings { path, queue, busy, serving, draws } = settings;
        let lock = if serving { Some(lock(&path)?) } else { None };
        // It holds buyers' names and addresses. SQLite gives its other files the same rights.
        let made = File::options().create(true).truncate(false).write(true).mode(0o600).open(&path);
        if let Err(error) = made {
            // One that cannot be written may still be read.
            if !path.exists() {
                return Err(OpenError::Lock { path, error });
            }
        }
        let sqlite = |error| OpenError::Sqlite { path: path.clone(), error };
        let mut conn = connect(&path, busy, false).map_err(sqlite)?;
        let migration = |error| OpenError::Migration { path: path.clone(), error: Box::new(error) };
        // A server of an earlier version would go on with statements that the new schema does not fit.
        let _no_server = if !serving && migrations_pending(&mut conn).map_err(migration)? {
            match served(&path) {
                Ok(Served::No(kept_away)) => kept_away,
                Ok(Served::Yes) => return Err(OpenError::ServedUnmigrated(path)),
                Err(error) => return Err(OpenError::Lock { path: lock_path(&path), error }),
            }
        } else {
            None
        };
        migrations::migrations::runner().run(&mut conn).map_err(migration)?;
        if !master_key::check(&conn, &master).map_err(sqlite)? {
            return Err(OpenError::WrongMasterKey(path));
        }
        if serving {
            outbox::end_leases(&conn).map_err(sqlite)?;
        }
        let numbering = accounts::numbering(&conn, &master).map_err(error_of)?;
        let master = Arc::new(master);
        let loaded = accounts::load(&conn, &master).map_err(error_of)?;
        let accounts = Arc::new(ArcSwap::from_pointee(loaded));
        let reloading = Arc::new(Mutex::new(()));
        let stats = Arc::new(LedgerStats::default());
        let checkpoint_wanted = Arc::new(AtomicBool::new(false));
        let closed = Arc::new(AtomicBool::new(false));
        let thread = |error: std::io::Error| OpenError::Lock { path: path.clone(), error };
        let generation = Generation::default();
        let readers = Arc::new(Readers::new(path.clone(), busy, generation.clone()));
        let checkpointer = Checkpointer {
            path: path.clone(),
            busy,
            wanted: Arc::clone(&checkpoint_wanted),
            closed: Arc::clone(&closed),
            readers: Arc::clone(&readers),
        };
        checkpointer.start().map_err(thread)?;
        let draws: Draws = draws.unwrap_or_else(|| Box::new(rand::random::<u64>));
        let writer = Writer {
            path: path.clone(),
            busy,
            conn: Some(conn),
            data_version: None,
            draws,
            numbering: numbering.clone(),
            master: Arc::clone(&master),
            accounts: Arc::clone(&accounts),
            reloading: Arc::clone(&reloading),
            stats: Arc::clone(&stats),
            checkpoint_wanted,
            closed: Arc::clone(&closed),
            serving,
            generation,
            readers: Arc::clone(&readers),
        };
        let (queue, writer) = writer.start(queue).map_err(thread)?;
        Ok(Self {
            queue,
            readers,
            accounts,
            reloading,
            master,
            numbering,
            path,
            stats,
            closed,
            writer: Some(writer),
            _lock: lock,
        })
    }

    /// Runs a point look-up right here.
    fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T, Trouble>) -> Result<T, LedgerError> {
        self.readers.with(work)
    }

    /// Runs a longer read beside the server's own threads.
    async fn read_aside<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Trouble> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let readers = Arc::clone(&self.readers);
        tokio::task::spawn_blocking(move || readers.with(work))
            .await
            .map_err(|error| LedgerError::Unavailable(error.to_string().into()))?
    }

    /// Reads the accounts again; used after a write of our own, and when one is missed.
    fn reload(&self) -> Result<(), LedgerError> {
        // One at a time, or what was read earlier might be stored later.
        let _turn = self.reloading.lock();
        let loaded = self.readers.with_newest(|conn| accounts::load(conn, &self.master))?;
        self.accounts.store(Arc::new(loaded));
        Ok(())
    }
}

pub(crate) fn error_of(trouble: Trouble) -> LedgerError {
    match trouble {
        Trouble::Sql(error) => unavailable(&error),
        Trouble::Corrupt(what) => LedgerError::Corrupt(what.into()),
    }
}

/// Whether the schema is older than the one that this version knows; also in a new file, which has none.
fn migrations_pending(conn: &mut Connection) -> Result<bool, refinery::Error> {
    let runner = migrations::migrations::runner();
    let newest = runner.get_migrations().iter().map(refinery::Migration::version).max();
    // There is no such table in a new file.
    let applied = match conn.table_exists(None, "refinery_schema_history") {
        Ok(true) => runner.get_last_applied_migration(conn)?.map(|last| last.version()),
        Ok(false) | Err(_) => None,
    };
    Ok(applied < newest)
}

/// Whether a server serves from a file.
pub(crate) enum Served {
    Yes,
    /// None does, and none starts as long as this is held. `None` where none ever has.
    No(Option<File>),
}

/// Looks whether a server serves from the file at `path`.
pub(crate) fn served(path: &Path) -> std::io::Result<Served> {
    match File::options().write(true).open(lock_path(path)) {
        Ok(file) => match file.try_lock_shared() {
            Ok(()) => Ok(Served::No(Some(file))),
            Err(TryLockError::WouldBlock) => Ok(Served::Yes),
            Err(TryLockError::Error(error)) => Err(error),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Served::No(None)),
        Err(error) => Err(error),
    }
}

/// The file that a server holds a lock on beside its database.
fn lock_path(path: &Path) -> PathBuf {
    let mut lock_path = path.as_os_str().to_owned();
    lock_path.push(".lock");
    PathBuf::from(lock_path)
}

fn lock(path: &Path) -> Result<File, OpenError> {
    let lock_path = lock_path(path);
    let file = File::options().create(true).truncate(false).write(true).open(&lock_path);
    let file = file.map_err(|error| OpenError::Lock { path: lock_path.clone(), error })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(path.to_owned())),
        Err(TryLockError::Error(error)) => Err(OpenError::Lock { path: lock_path, error }),
    }
}

/// Moves the write-ahead log into the database beside the writer, so that no commit waits for it.
struct Checkpointer {
    path: PathBuf,
    busy: Duration,
    wanted: Arc<AtomicBool>,
    closed: Arc<AtomicBool>,
    readers: Arc<Readers>,
}

impl Checkpointer {
    fn start(self) -> std::io::Result<()> {
        std::thread::Builder::new().name("ledger-checkpoint".into()).spawn(move || self.work())?;
        Ok(())
    }

    fn work(self) {
        let mut log = self.path.clone().into_os_string();
        log.push("-wal");
        let mut conn = None;
        let mut last_written = None;
        while !self.closed.load(Ordering::Relaxed) {
            std::thread::sleep(CHECKPOINT_TICK);
            let Ok(meta) = std::fs::metadata(&log) else { continue };
            // The file keeps its size when the log starts over; what counts is that it has been written since.
            let written = meta.modified().ok();
            if meta.len() < CHECKPOINT_BYTES || written == last_written {
                continue;
            }
            if conn.is_none() {
                conn = connect(&self.path, self.busy, false).ok();
            }
            let Some(conn) = &conn else { continue };
            last_written = written;
            self.readers.rest();
            let pages = conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get::<_, i64>(1));
            match pages {
                Ok(pages) if pages.saturating_mul(4096) >= CHECKPOINT_BYTES.cast_signed() => {
                    self.wanted.store(true, Ordering::Relaxed);
                }
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "a checkpoint failed"),
            }
        }
    }
}

/// Waits until the writer has done what was queued, a tenth of a second at most where nothing was.
impl Drop for SqliteLedger {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::Relaxed);
        if let Some(writer) = self.writer.take() {
            // A writer that has panicked has done what it could.
            let _ = writer.join();
        }
    }
}

/// The ledger keeps milliseconds; what is decided with more would not be what is read back.
fn whole_millis(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}

#[async_trait]
impl Ledger for SqliteLedger {
    async fn open(&self, mut new: NewPayment, cell: u8, origin: Origin) -> Result<Opened, LedgerError> {
        new.registered_at = whole_millis(new.registered_at);
        new.auto_pay_at = new.auto_pay_at.map(whole_millis);
        self.queue.run_unguarded(move |desk| payments::open(desk, new, cell, &origin)).await
    }

    async fn execute(&self, mut execution: Execution) -> Result<Executed, LedgerError> {
        execution.now = whole_millis(execution.now);
        self.queue.run(move |desk| payments::execute(desk, &execution)).await
    }

    async fn find_by_pay_no(&self, pay_no: PayNo) -> Result<Option<Payment>, LedgerError> {
        self.read(|conn| Ok(payments::by_pay_no(conn, &self.numbering, pay_no)?.map(|stored| stored.payment)))
    }

    async fn find_of_merchant(&self, merchant: &MerchantId, tx_id: &TxId) -> Result<Option<Payment>, LedgerError> {
        self.read(
            |conn| Ok(payments::of_merchant(conn, &self.numbering, merchant, tx_id)?.map(|stored| stored.payment)),
        )
    }

    async fn find_by_reference(
        &self,
        merchant: &MerchantId,
        reference_no: &str,
    ) -> Result<Option<Payment>, LedgerError> {
        self.read(
            |conn| Ok(payments::by_reference(conn, merchant.as_str(), reference_no)?.map(|stored| stored.payment)),
        )
    }

    async fn find_by_tx_id(&self, tx_id: &TxId) -> Result<Option<Payment>, LedgerError> {
        self.read(|conn| Ok(payments::by_tx_id(conn, &self.numbering, tx_id)?.map(|stored| stored.payment)))
    }

    async fn history(&self, tx_id: &TxId) -> Result<Vec<Event>, LedgerError> {
        let (tx_id, numbering) = (tx_id.clone(), self.numbering.clone());
        self.read_aside(move |conn| payments::history(conn, &numbering, &tx_id)).await
    }

    async fn exceptions(&self, query: ExceptionQuery) -> Result<Vec<Exception>, LedgerError> {
        self.read_aside(move |conn| exceptions::list(conn, &query)).await
    }

    async fn open_exceptions(&self) -> Result<u64, LedgerError> {
        self.read(exceptions::count_open)
    }

    async fn deposits(&self, query: DepositQuery) -> Result<Deposits, LedgerError> {
        self.read_aside(move |conn| deposits::page(conn, &query)).await
    }

    async fn sweep(&self, rules: Arc<Rules>, now: Timestamp, limit: usize) -> Result<usize, LedgerError> {
        let now = whole_millis(now);
        self.queue.run(move |desk| payments::sweep(desk, &rules, now, limit)).await
    }

    async fn auto_pay_due(&self, now: Timestamp, limit: usize) -> Result<Vec<Payment>, LedgerError> {
        self.read_aside(move |conn| payments::auto_pay_due(conn, now, limit)).await
    }

    async fn next_moment(&self, after: Timestamp) -> Result<Option<Timestamp>, LedgerError> {
        self.read_aside(move |conn| payments::next_moment(conn, after)).await
    }

    async fn claim_due(&self, request: ClaimRequest) -> Result<Vec<Claimed>, LedgerError> {
        self.queue.run(move |desk| outbox::claim(desk, &request)).await
    }

    async fn settle(&self, id: i64, record: DeliveryRecord, settlement: Settlement) -> Result<(), LedgerError> {
        self.queue.run(move |desk| outbox::settle(desk, id, &record, settlement)).await
    }

    async fn release(&self, ids: &[i64]) -> Result<(), LedgerError> {
        let ids = ids.to_vec();
        self.queue.run(move |desk| outbox::release(desk, &ids)).await
    }

    async fn next_delivery(&self, real_now: Timestamp) -> Result<Option<Timestamp>, LedgerError> {
        self.read(|conn| outbox::next_delivery(conn, real_now))
    }

    async fn notifications(&self, tx_id: &TxId) -> Result<Vec<NotificationRecord>, LedgerError> {
        let (tx_id, numbering) = (tx_id.clone(), self.numbering.clone());
        self.read_aside(move |conn| match payments::row_of(conn, &numbering, &tx_id)? {
            Some(payment) => outbox::notifications(conn, payment),
            None => Ok(Vec::new()),
        })
        .await
    }

    async fn failed_notifications(&self, after: i64, limit: usize) -> Result<Vec<FailedNotification>, LedgerError> {
        self.read_aside(move |conn| failed::list(conn, after, limit)).await
    }

    async fn replay_failed(
        &self,
        after: i64,
        limit: usize,
        now: Timestamp,
        deed: Deed,
    ) -> Result<Vec<i64>, LedgerError> {
        self.queue.run(move |desk| failed::replay_page(desk, after, limit, now, &deed)).await
    }

    async fn replay(&self, id: i64, now: Timestamp, deed: Deed) -> Result<bool, LedgerError> {
        self.queue.run(move |desk| failed::replay_one(desk, id, now, &deed)).await
    }

    async fn search(&self, search: PaymentSearch) -> Result<Found, LedgerError> {
        let numbering = self.numbering.clone();
        self.read_aside(move |conn| search::find(conn, &numbering, &search)).await
    }

    async fn totals(&self, query: TotalsQuery) -> Result<Vec<DayTotal>, LedgerError> {
        self.read_aside(move |conn| totals::read(conn, &query)).await
    }

    async fn user(&self, name: &UserName) -> Result<Option<UserAccount>, LedgerError> {
        self.readers.with_newest(|conn| users::user(conn, name))
    }

    async fn users(&self) -> Result<Vec<UserAccount>, LedgerError> {
        self.readers.with_newest(users::users)
    }

    async fn add_user(&self, account: UserAccount, deed: Deed) -> Result<bool, LedgerError> {
        self.queue.run(move |desk| users::add(desk, &account, &deed)).await
    }

    async fn change_user(
        &self,
        name: &UserName,
        change: Change<UserAccount>,
        deed: Option<Deed>,
    ) -> Result<Changed<UserAccount>, LedgerError> {
        let name = name.clone();
        self.queue.run(move |desk| users::change(desk, &name, change, deed.as_ref())).await
    }

    async fn begin_session(&self, session: Session, deed: Deed) -> Result<(), LedgerError> {
        self.queue.run(move |desk| users::begin_session(desk, &session, &deed)).await
    }

    async fn session(
        &self,
        token_hash: TokenHash,
        real_now: Timestamp,
    ) -> Result<Option<(Session, UserAccount)>, LedgerError> {
        // The command line may just have disabled its user.
        let found = self.readers.with_newest(|conn| users::session(conn, &token_hash, real_now))?;
        if let Some((session, _)) = &found
            && real_now.duration_since(session.seen_at) >= SEEN_EVERY
        {
            let noted = self.queue.run(move |desk| users::see_session(desk, &token_hash, real_now)).await;
            if let Err(error) = noted {
                // Whoever may look still looks while nothing can be written.
                tracing::warn!(%error, "a session could not be noted as seen");
            }
        }
        Ok(found)
    }

    async fn end_session(&self, token_hash: TokenHash, deed: Deed) -> Result<(), LedgerError> {
        self.queue.run(move |desk| users::end_session(desk, &token_hash, &deed)).await
    }

    async fn end_sessions_of(&self, name: &UserName, except: Option<TokenHash>) -> Result<u64, LedgerError> {
        let name = name.clone();
        self.queue.run(move |desk| users::end_sessions_of(desk, &name, except.as_ref())).await
    }

    async fn log_deed(&self, deed: Deed) -> Result<(), LedgerError> {
        self.queue.run(move |desk| deeds::write(desk.conn, &deed)).await
    }

    async fn deeds(&self, query: DeedQuery) -> Result<Vec<LoggedDeed>, LedgerError> {
        self.read_aside(move |conn| deeds::list(conn, &query)).await
    }

    async fn merchant(&self, id: &str) -> Result<Option<Arc<MerchantAccount>>, LedgerError> {
        if let Some(account) = self.accounts.load().merchants.get(id) {
            return Ok(Some(Arc::clone(account)));
        }
        // One that the command line has just added is not in memory yet.
        let there = self.readers.with_newest(|conn| {
            Ok(conn
                .prepare_cached("SELECT EXISTS (SELECT 1 FROM merchants WHERE id = ?1)")?
                .query_row([id], |row| row.get::<_, bool>(0))?)
        })?;
        if there {
            self.reload()?;
        }
        Ok(self.accounts.load().merchants.get(id).cloned())
    }

    async fn backlog(&self) -> Result<Backlog, LedgerError> {
        self.read_aside(outbox::backlog).await
    }

    async fn merchants(&self) -> Result<Vec<Arc<MerchantAccount>>, LedgerError> {
        Ok(self.accounts.load().merchants.values().cloned().collect())
    }

    async fn add_merchant(&self, account: MerchantAccount, deed: Deed) -> Result<bool, LedgerError> {
        let added = self.queue.run(move |desk| accounts::add_merchant(desk, &account, &deed)).await?;
        self.reload()?;
        Ok(added)
    }

    async fn change_merchant(
        &self,
        id: &MerchantId,
        change: Change<MerchantAccount>,
        deed: Deed,
    ) -> Result<Changed<MerchantAccount>, LedgerError> {
        let id = id.clone();
        let changed = self.queue.run(move |desk| accounts::change_merchant(desk, &id, change, &deed)).await?;
        self.reload()?;
        Ok(changed)
    }

    async fn partner(&self, chain: Chain) -> Result<Option<Arc<PartnerAccount>>, LedgerError> {
        Ok(self.accounts.load().partners.get(&chain).cloned())
    }

    async fn add_partner(&self, account: PartnerAccount, deed: Deed) -> Result<bool, LedgerError> {
        let added = self.queue.run(move |desk| accounts::add_partner(desk, &account, &deed)).await?;
        self.reload()?;
        Ok(added)
    }

    async fn change_partner(
        &self,
        chain: Chain,
        change: Change<PartnerAccount>,
        deed: Deed,
    ) -> Result<Changed<PartnerAccount>, LedgerError> {
        let changed = self.queue.run(move |desk| accounts::change_partner(desk, chain, change, &deed)).await?;
        self.reload()?;
        Ok(changed)
    }

    async fn sealing(&self) -> Result<Sealing, LedgerError> {
        let master = Arc::clone(&self.master);
        self.read_aside(move |conn| master_key::sealing(conn, &master)).await
    }

    async fn reseal(&self, deed: Deed) -> Result<u64, LedgerError> {
        let resealed = self.queue.run(move |desk| master_key::reseal(desk, &deed)).await?;
        self.reload()?;
        Ok(resealed)
    }

    async fn setting(&self, name: &str) -> Result<Option<String>, LedgerError> {
        self.read(|conn| Ok(accounts::read_setting(conn, name)?))
    }

    async fn put_setting(&self, name: &str, value: &str) -> Result<(), LedgerError> {
        let (name, value) = (name.to_owned(), value.to_owned());
        self.queue.run(move |desk| Ok(accounts::write_setting(desk.conn, &name, &value)?)).await
    }

    fn key_for(&self, purpose: &str) -> SecretBox<[u8; 32]> {
        self.numbering.key_for(purpose)
    }

    async fn forget_payments(&self) -> Result<(), LedgerError> {
        self.queue.run(payments::forget).await
    }

    async fn ready(&self) -> Result<(), LedgerError> {
        // An empty transaction would not touch the disk.
        self.put_setting("ready", "1").await
    }

    fn stats(&self) -> Arc<LedgerStats> {
        Arc::clone(&self.stats)
    }
}
