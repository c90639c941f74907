//! The read connections beside the writer. A connection keeps its snapshot of the database from one look-up to the
//! next for as long as nothing has been committed since: beginning and ending a read transaction costs as much as the
//! look-up itself.

use crate::ledger::LedgerError;
use crate::sqlite::writer::Trouble;
use crate::sqlite::{connect, error_of, unavailable};
use parking_lot::Mutex;
use rusqlite::Connection;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// How many idle connections are kept.
const KEPT: usize = 8;

/// Counts what has been committed: the writer moves it on after each commit and before its answers leave, so that
/// whoever was told of something also reads it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Generation(Arc<AtomicU64>);

impl Generation {
    /// Something was committed.
    pub(crate) fn advance(&self) {
        self.0.fetch_add(1, Ordering::Release);
    }

    fn now(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

struct Reader {
    conn: Connection,
    /// The generation that the open transaction shows at least; `None` when none is open.
    snapshot: Option<u64>,
}

impl Reader {
    fn look(&mut self, generation: u64) -> Result<(), rusqlite::Error> {
        if self.snapshot != Some(generation) {
            self.rest()?;
            self.conn.prepare_cached("BEGIN")?.execute([])?;
            self.snapshot = Some(generation);
        }
        Ok(())
    }

    fn rest(&mut self) -> Result<(), rusqlite::Error> {
        if self.snapshot.take().is_some() {
            self.conn.prepare_cached("COMMIT")?.execute([])?;
        }
        Ok(())
    }
}

/// All read connections of a ledger.
pub(crate) struct Readers {
    path: PathBuf,
    busy: Duration,
    generation: Generation,
    /// Whether a connection keeps its snapshot after a look-up. Read and written under the lock on `idle`.
    keeping: AtomicBool,
    idle: Mutex<Vec<Reader>>,
}

impl Readers {
    pub(crate) fn new(path: PathBuf, busy: Duration, generation: Generation) -> Self {
        Self { path, busy, generation, keeping: AtomicBool::new(true), idle: Mutex::new(Vec::new()) }
    }

    /// Runs a read that sees everything this process has been told of.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&Connection) -> Result<T, Trouble>) -> Result<T, LedgerError> {
        let idle = self.idle.lock().pop();
        let mut reader = match idle {
            Some(reader) => reader,
            None => {
                let conn = connect(&self.path, self.busy, true).map_err(|error| unavailable(&error))?;
                Reader { conn, snapshot: None }
            }
        };
        reader.look(self.generation.now()).map_err(|error| unavailable(&error))?;
        let result = work(&reader.conn);
        // A connection that has failed is not kept.
        if result.is_ok() {
            let mut idle = self.idle.lock();
            if idle.len() < KEPT && (self.keeping.load(Ordering::Relaxed) || reader.rest().is_ok()) {
                idle.push(reader);
            }
        }
        result.map_err(error_of)
    }

    /// Runs a read that also sees what other processes have just written.
    pub(crate) fn with_newest<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Trouble>,
    ) -> Result<T, LedgerError> {
        self.generation.advance();
        self.with(work)
    }

    /// Lets go of the snapshots that idle connections keep: what they may still read cannot be moved out of the log.
    pub(crate) fn rest(&self) {
        // One whose transaction does not end is closed.
        self.idle.lock().retain_mut(|reader| reader.rest().is_ok());
    }

    /// Closes the idle connections.
    pub(crate) fn close(&self) {
        self.idle.lock().clear();
    }

    /// From now on a connection lets go of its snapshot after each look-up, and those that are kept are let go: the
    /// write-ahead log cannot start over while one is open that was begun before all of it had been moved.
    pub(crate) fn keep_none(&self) {
        let mut idle = self.idle.lock();
        self.keeping.store(false, Ordering::Relaxed);
        idle.retain_mut(|reader| reader.rest().is_ok());
    }

    /// Snapshots are kept again.
    pub(crate) fn keep(&self) {
        let _idle = self.idle.lock();
        self.keeping.store(true, Ordering::Relaxed);
    }
}
