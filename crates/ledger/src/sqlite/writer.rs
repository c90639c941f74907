//! The one thread that writes. It takes whatever commands have queued up into one transaction, commits, and only then
//! answers each (group commit): a sync to disk is shared by all that came while the last one was under way.

use crate::ledger::{LedgerError, LedgerStats};
use crate::numbering::Numbering;
use crate::seal::MasterKeys;
use crate::sqlite::accounts::{self, Accounts};
use crate::sqlite::payments::Counts;
use crate::sqlite::readers::{Generation, Readers};
use crate::sqlite::{connect, master_key, unavailable};
use crate::tally::Tally;
use arc_swap::ArcSwap;
use parking_lot::Mutex;
use rusqlite::{Connection, ErrorCode};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// How many commands one transaction carries at most, so that the first of them does not wait for a crowd.
const BATCH: usize = 256;

/// How long the writer lets commands gather at most when the last transaction shows that many come at once: until
/// three quarters as many are there. Without it a transaction would often begin with the first of them and leave the
/// others to the next sync.
const GATHER: Duration = Duration::from_micros(100);

/// How often it looks meanwhile.
const GATHER_STEP: Duration = Duration::from_micros(20);

/// From how many commands in the last transaction on.
const GATHER_FROM: usize = 8;

/// How often an idle writer looks whether another process has written.
const TICK: Duration = Duration::from_millis(100);

/// How long the writer waits at most for look-ups under way to end, so that the write-ahead log can start over: longer
/// than a busy system lets a thread wait for its turn.
const LOOK_UPS_END: Duration = Duration::from_millis(50);

/// How often it waits in vain before it takes it that somebody reads for long, a backup may be.
const VAIN_WAITS: u32 = 3;

/// How long it leaves the log alone then.
const LONG_READ: Duration = Duration::from_secs(1);

/// Randomness for receipt codes and the ids of cancellations.
pub(crate) type Draws = Box<dyn FnMut() -> u64 + Send>;

/// What a command finds inside the transaction.
pub(crate) struct Desk<'a> {
    pub(crate) conn: &'a Connection,
    pub(crate) draws: &'a mut Draws,
    pub(crate) numbering: &'a Numbering,
    pub(crate) counts: &'a mut Counts,
    /// The host at which the last claim of notifications ended. A hint only.
    pub(crate) last_host: &'a mut String,
    /// What the transaction has brought so far.
    pub(crate) tally: &'a mut Tally,
    pub(crate) master: &'a MasterKeys,
}

/// How a command fails.
#[derive(Debug)]
pub(crate) enum Trouble {
    Sql(rusqlite::Error),
    Corrupt(String),
}

impl From<rusqlite::Error> for Trouble {
    /// An error that SQLite itself does not know is about what a row holds: a value of the wrong type or length.
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(_) => Self::Sql(error),
            None => Self::Corrupt(error.to_string()),
        }
    }
}

impl Trouble {
    /// Whether the whole transaction is lost with it: the disk is full, broken or read-only.
    fn is_fatal(&self) -> bool {
        match self {
            Self::Corrupt(_) => false,
            Self::Sql(error) => match error.sqlite_error_code() {
                Some(ErrorCode::ConstraintViolation) => false,
                Some(_) => true,
                None => false,
            },
        }
    }

    fn into_error(self) -> LedgerError {
        match self {
            Self::Sql(error) => unavailable(&error),
            Self::Corrupt(what) => LedgerError::Corrupt(what.into()),
        }
    }
}

/// A queued command with its way back to whoever waits.
trait Job: Send {
    /// Whether it writes more than one row before it can still fail, so that it needs a savepoint of its own.
    fn needs_savepoint(&self) -> bool;
    fn run(&mut self, desk: &mut Desk<'_>) -> Result<(), Trouble>;
    /// Sends the answer: what `run` found, or why nothing came of it.
    fn answer(self: Box<Self>, failure: Option<LedgerError>);
}

struct Command<T, F> {
    savepoint: bool,
    work: Option<F>,
    result: Option<T>,
    reply: oneshot::Sender<Result<T, LedgerError>>,
}

impl<T: Send, F: FnOnce(&mut Desk<'_>) -> Result<T, Trouble> + Send> Job for Command<T, F> {
    fn needs_savepoint(&self) -> bool {
        self.savepoint
    }

    fn run(&mut self, desk: &mut Desk<'_>) -> Result<(), Trouble> {
        if let Some(work) = self.work.take() {
            self.result = Some(work(desk)?);
        }
        Ok(())
    }

    fn answer(self: Box<Self>, failure: Option<LedgerError>) {
        let answer = match (failure, self.result) {
            (Some(error), _) => Err(error),
            (None, Some(result)) => Ok(result),
            (None, None) => Err(LedgerError::Unavailable("the command was not run".into())),
        };
        // Whoever asked may have gone; what was done stays done.
        let _ = self.reply.send(answer);
    }
}

/// The way to the writer.
#[derive(Clone)]
pub(crate) struct Queue {
    jobs: SyncSender<Box<dyn Job>>,
    stats: Arc<LedgerStats>,
}

impl Queue {
    /// Puts a command into the queue and waits until it is on disk. If it fails, what it wrote is undone and its
    /// neighbours are not touched.
    pub(crate) async fn run<T, F>(&self, work: F) -> Result<T, LedgerError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Desk<'_>) -> Result<T, Trouble> + Send + 'static,
    {
        self.enqueue(work, true).await
    }

    /// The same without a savepoint, for a command whose refusals all come before it has written anything: a failure
    /// after that takes the whole transaction with it.
    pub(crate) async fn run_unguarded<T, F>(&self, work: F) -> Result<T, LedgerError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Desk<'_>) -> Result<T, Trouble> + Send + 'static,
    {
        self.enqueue(work, false).await
    }

    async fn enqueue<T, F>(&self, work: F, savepoint: bool) -> Result<T, LedgerError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Desk<'_>) -> Result<T, Trouble> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.stats.enqueued();
        let job = Box::new(Command { savepoint, work: Some(work), result: None, reply });
        if let Err(error) = self.jobs.try_send(job) {
            self.stats.dequeued();
            return Err(match error {
                TrySendError::Full(_) => LedgerError::Busy,
                TrySendError::Disconnected(_) => LedgerError::Unavailable("the writer has ended".into()),
            });
        }
        answer.await.unwrap_or_else(|_| Err(LedgerError::Unavailable("the writer has ended".into())))
    }
}

/// Sends the answers of a transaction. From a task of the server's own runtime where there is one: waking its tasks
/// from a foreign thread costs a system call for nearly each.
#[derive(Clone)]
enum Answers {
    Here,
    Task(tokio::sync::mpsc::UnboundedSender<Answered>),
}

type Answered = Vec<(Box<dyn Job>, Option<LedgerError>)>;

impl Answers {
    fn start() -> Self {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return Self::Here };
        // Never more in it than the queue and the tasks that wait for an answer.
        let (send, mut receive) = tokio::sync::mpsc::unbounded_channel::<Answered>();
        runtime.spawn(async move {
            while let Some(answered) = receive.recv().await {
                answered.into_iter().for_each(|(job, failure)| job.answer(failure));
            }
        });
        Self::Task(send)
    }

    fn give(&self, answered: Answered) {
        let left = match self {
            Self::Here => answered,
            // The runtime may have ended; then nobody waits any more.
            Self::Task(send) => send.send(answered).err().map(|error| error.0).unwrap_or_default(),
        };
        left.into_iter().for_each(|(job, failure)| job.answer(failure));
    }
}

/// Everything that the writer's thread owns.
pub(crate) struct Writer {
    pub(crate) path: PathBuf,
    pub(crate) busy: Duration,
    pub(crate) conn: Option<Connection>,
    /// What the connection said of other processes' writes when the accounts were last read. It can only be compared
    /// with what the same connection says later.
    pub(crate) data_version: Option<i64>,
    pub(crate) draws: Draws,
    pub(crate) numbering: Numbering,
    pub(crate) master: Arc<MasterKeys>,
    pub(crate) accounts: Arc<ArcSwap<Accounts>>,
    pub(crate) reloading: Arc<Mutex<()>>,
    pub(crate) stats: Arc<LedgerStats>,
    pub(crate) checkpoint_wanted: Arc<AtomicBool>,
    pub(crate) closed: Arc<AtomicBool>,
    /// Whether no other process serves from the file.
    pub(crate) serving: bool,
    pub(crate) generation: Generation,
    pub(crate) readers: Arc<Readers>,
}

impl Writer {
    /// Starts the thread; it ends once the ledger is closed and what had been queued is done.
    pub(crate) fn start(self, capacity: usize) -> std::io::Result<(Queue, JoinHandle<()>)> {
        let (jobs, inbox) = std::sync::mpsc::sync_channel(capacity);
        let stats = Arc::clone(&self.stats);
        let answers = Answers::start();
        let thread = std::thread::Builder::new().name("ledger-writer".into());
        let thread = thread.spawn(move || self.work(&inbox, &answers))?;
        Ok((Queue { jobs, stats }, thread))
    }

    fn work(mut self, inbox: &Receiver<Box<dyn Job>>, answers: &Answers) {
        let mut counts = Counts::default();
        let mut last_host = String::new();
        let mut move_log_from = Instant::now();
        let mut vain_waits = 0;
        let mut batch: Vec<Box<dyn Job>> = Vec::with_capacity(BATCH);
        let mut last = 0;
        loop {
            match inbox.recv_timeout(TICK) {
                Ok(job) => {
                    batch.push(job);
                    if last >= GATHER_FROM {
                        self.gather(last * 3 / 4);
                    }
                }
                Err(RecvTimeoutError::Timeout) if self.closed.load(Ordering::Relaxed) => return self.finish(),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.finish(),
            }
            while batch.len() < BATCH
                && let Ok(job) = inbox.try_recv()
            {
                batch.push(job);
            }
            batch.iter().for_each(|_| self.stats.dequeued());
            self.notice_other_writers();
            last = batch.len();
            if !batch.is_empty() {
                self.carry_out(&mut batch, &mut counts, &mut last_host, answers);
            }
            if Instant::now() >= move_log_from
                && self.checkpoint_wanted.swap(false, Ordering::Relaxed)
                && let Some(conn) = &self.conn
            {
                vain_waits = if self.start_log_over(conn) { 0 } else { vain_waits + 1 };
                if vain_waits >= VAIN_WAITS {
                    move_log_from = Instant::now() + LONG_READ;
                }
            }
        }
    }

    /// Leaves everything in the database file itself, so that a copy of it alone is whole.
    fn finish(self) {
        self.readers.close();
        if self.serving
            && let Some(conn) = &self.conn
            && let Err(error) = conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        {
            // What stays in the log is read from there at the next start.
            tracing::warn!(%error, "the write-ahead log could not be emptied");
        }
    }

    fn gather(&self, enough: usize) {
        let begun = Instant::now();
        while self.stats.queued() < u64::try_from(enough).unwrap_or(u64::MAX) && begun.elapsed() < GATHER {
            std::thread::sleep(GATHER_STEP);
        }
    }

    /// Moves the rest of the write-ahead log, so that the next commit starts it over; whether that could be done.
    fn start_log_over(&self, conn: &Connection) -> bool {
        // The checkpointer has moved nearly all of it. Where there are many look-ups, one that began before the last
        // commit is always under way: they are waited for.
        self.readers.keep_none();
        let moved = conn
            .busy_timeout(LOOK_UPS_END)
            .and_then(|()| conn.query_row("PRAGMA wal_checkpoint(RESTART)", [], |row| Ok(!row.get::<_, bool>(0)?)));
        let _ = conn.busy_timeout(self.busy);
        self.readers.keep();
        moved.unwrap_or(false)
    }

    /// Reloads merchants and partners when another process (the command line) has written the file.
    fn notice_other_writers(&mut self) {
        let Some(conn) = &self.conn else { return };
        let version: Option<i64> =
            conn.prepare_cached("PRAGMA data_version").and_then(|mut s| s.query_row([], |row| row.get(0))).ok();
        if version.is_none() || version == self.data_version {
            return;
        }
        self.generation.advance();
        let _turn = self.reloading.lock();
        match accounts::load(conn, &self.master) {
            Ok(accounts) => {
                self.accounts.store(Arc::new(accounts));
                self.data_version = version;
            }
            Err(trouble) => {
                // What cannot be read is not read again until it changes; what could not be reached is.
                if matches!(trouble, Trouble::Corrupt(_)) {
                    self.data_version = version;
                }
                tracing::error!(error = %trouble.into_error(), "merchants could not be reloaded");
            }
        }
        if self.serving
            && let Err(trouble) = master_key::acknowledge(conn, &self.master)
        {
            tracing::warn!(error = %trouble.into_error(), "a new master key could not be acknowledged");
        }
    }

    fn carry_out(
        &mut self,
        batch: &mut Vec<Box<dyn Job>>,
        counts: &mut Counts,
        last_host: &mut String,
        answers: &Answers,
    ) {
        let begun = Instant::now();
        if self.conn.is_none() {
            self.conn = connect(&self.path, self.busy, false)
                .inspect_err(|error| tracing::error!(%error, "the database could not be reopened"))
                .ok();
            self.data_version = None;
        }
        let Some(conn) = self.conn.take() else {
            self.stats.failed();
            let error = LedgerError::Unavailable("the database could not be reopened".into());
            answers.give(batch.drain(..).map(|job| (job, Some(error.clone()))).collect());
            return;
        };
        let mut failures: Vec<Option<LedgerError>> = Vec::with_capacity(batch.len());
        let mut tally = Tally::default();
        let lost = (|| {
            execute(&conn, "BEGIN IMMEDIATE")?;
            // Another process may have forgotten the payments a moment ago: what was counted up to then is checked by
            // no constraint any more.
            counts.expect_resets(accounts::read_resets(&conn)?);
            for job in batch.iter_mut() {
                let tally_before = tally;
                let mut desk = Desk {
                    conn: &conn,
                    draws: &mut self.draws,
                    numbering: &self.numbering,
                    counts,
                    last_host,
                    tally: &mut tally,
                    master: self.master.as_ref(),
                };
                let guarded = job.needs_savepoint();
                let written = conn.total_changes();
                if guarded {
                    execute(&conn, "SAVEPOINT command")?;
                }
                match job.run(&mut desk) {
                    Ok(()) => {
                        if guarded {
                            execute(&conn, "RELEASE command")?;
                        }
                        failures.push(None);
                    }
                    Err(trouble) if trouble.is_fatal() || conn.is_autocommit() => return Err(trouble),
                    Err(trouble) if !guarded && conn.total_changes() != written => return Err(trouble),
                    Err(trouble) => {
                        if guarded {
                            execute(&conn, "ROLLBACK TO command")?;
                            execute(&conn, "RELEASE command")?;
                        }
                        tally = tally_before;
                        let error = trouble.into_error();
                        tracing::error!(%error, "a command failed");
                        failures.push(Some(error));
                    }
                }
            }
            execute(&conn, "COMMIT")?;
            Ok(())
        })();
        match lost {
            Ok(()) => {
                self.conn = Some(conn);
                self.generation.advance();
                self.stats.committed(u64::try_from(batch.len()).unwrap_or(0), begun.elapsed());
                self.stats.wrote(&tally);
                answers.give(batch.drain(..).zip(failures).collect());
            }
            Err(trouble) => {
                let error = trouble.into_error();
                tracing::error!(%error, commands = batch.len(), "a transaction failed");
                self.stats.failed();
                *counts = Counts::default();
                // Nobody knows what a failed commit has left; whoever looks, looks anew.
                self.generation.advance();
                // A connection that has failed is not trusted again. Dropping it rolls back what is left.
                drop(conn);
                answers.give(batch.drain(..).map(|job| (job, Some(error.clone()))).collect());
            }
        }
    }
}

fn execute(conn: &Connection, sql: &str) -> Result<(), Trouble> {
    conn.prepare_cached(sql)?.execute([])?;
    Ok(())
}
