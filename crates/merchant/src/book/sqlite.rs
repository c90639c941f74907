//! An order book in one SQLite file: WAL mode, `synchronous=FULL`, so that what was written is on the disk. One connection,
//! used away from the runtime's threads; a shop's orders are few beside what that can do.

use crate::answers::Registered;
use crate::book::{
    BookError, ExchangeQuery, ListedExchange, ListedOrder, NewOrder, Opened, OrderBook, OrderQuery, Tally,
};
use crate::confirm::{Confirmed, Ticket};
use crate::exchange::{Call, Exchange, Journal};
use crate::order::{Order, OrderState, Transition, TransitionId};
use async_trait::async_trait;
use gerai_protocol::{Kind, MitraCd};
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};
use std::error::Error;
use std::fs::{File, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

mod migrations {
    refinery::embed_migrations!("migrations");
}

/// How to keep a book.
#[derive(Debug, Clone)]
pub struct SqliteBookSettings {
    /// The file; made when it is not there.
    pub path: PathBuf,
    /// How long exchanges are kept. Default 400 days: a year's accounts and some more.
    pub keep_exchanges: SignedDuration,
    /// How many exchanges with strangers are kept: forged notifications, for example. Default 10,000.
    pub keep_strangers: u32,
}

impl SqliteBookSettings {
    /// The usual settings for a book in this file.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), keep_exchanges: SignedDuration::from_hours(400 * 24), keep_strangers: 10_000 }
    }
}

/// Why a book cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenBookError {
    /// Another program has it open.
    #[error("{} is in use by another program; stop it, or name another file", .0.display())]
    InUse(PathBuf),
    /// The file, or the lock file beside it, cannot be made.
    #[error("{} cannot be made: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// SQLite cannot use the file.
    #[error("{} cannot be opened: {error}", path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// Why.
        error: rusqlite::Error,
    },
    /// The schema cannot be brought up to date.
    #[error("{} cannot be migrated: {error}", path.display())]
    Migration {
        /// The file.
        path: PathBuf,
        /// Why.
        error: Box<refinery::Error>,
    },
}

/// An order book in a file.
///
/// ```
/// use gerai_merchant::{SqliteBook, SqliteBookSettings};
///
/// let dir = tempfile::tempdir()?;
/// let book = SqliteBook::open(SqliteBookSettings::at(dir.path().join("orders.db")))?;
/// # drop(book);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SqliteBook {
    desk: Arc<Desk>,
}

struct Desk {
    conn: Mutex<Connection>,
    settings: SqliteBookSettings,
    _lock: File,
}

/// What goes wrong at the desk.
enum Trouble {
    Sql(rusqlite::Error),
    Book(BookError),
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<Trouble> for BookError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Sql(error) => Self::Unavailable(error.into()),
            Trouble::Book(error) => error,
        }
    }
}

impl SqliteBook {
    /// Opens the file, brings its schema up to date, and ends the leases that an earlier run has left. One program at a
    /// time.
    ///
    /// # Errors
    /// See [`OpenBookError`].
    pub fn open(settings: SqliteBookSettings) -> Result<Self, OpenBookError> {
        let path = settings.path.clone();
        let lock = lock(&path)?;
        // It holds buyers' names and addresses. SQLite gives its other files the same rights.
        File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(|error| OpenBookError::File { path: path.clone(), error })?;
        let sqlite = |error| OpenBookError::Sqlite { path: path.clone(), error };
        let mut conn = connect(&path).map_err(sqlite)?;
        migrations::migrations::runner()
            .run(&mut conn)
            .map_err(|error| OpenBookError::Migration { path: path.clone(), error: Box::new(error) })?;
        conn.execute("UPDATE transitions SET leased_until = 0 WHERE handled_at IS NULL", []).map_err(sqlite)?;
        Ok(Self { desk: Arc::new(Desk { conn: Mutex::new(conn), settings, _lock: lock }) })
    }

    /// Runs one transaction away from the runtime's threads.
    async fn at_desk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>, &SqliteBookSettings) -> Result<T, Trouble> + Send + 'static,
    ) -> Result<T, BookError> {
        let desk = Arc::clone(&self.desk);
        let done = tokio::task::spawn_blocking(move || {
            let mut conn = desk.conn.lock();
            let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = work(&transaction, &desk.settings)?;
            transaction.commit()?;
            Ok::<T, Trouble>(value)
        });
        done.await.map_err(|error| BookError::Unavailable(error.into()))?.map_err(BookError::from)
    }
}

fn connect(path: &Path) -> Result<Connection, rusqlite::Error> {
    let conn = Connection::open(path)?;
    conn.busy_timeout(Duration::from_secs(5))?;
    conn.pragma_update(None, "journal_mode", "WAL")?;
    conn.pragma_update(None, "synchronous", "FULL")?;
    conn.pragma_update(None, "foreign_keys", true)?;
    conn.set_prepared_statement_cache_capacity(64);
    Ok(conn)
}

fn lock(path: &Path) -> Result<File, OpenBookError> {
    let mut lock_path = path.as_os_str().to_owned();
    lock_path.push(".lock");
    let lock_path = PathBuf::from(lock_path);
    let failed = |error| OpenBookError::File { path: lock_path.clone(), error };
    let file = File::options().create(true).truncate(false).write(true).mode(0o600).open(&lock_path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenBookError::InUse(path.to_owned())),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

const ORDER: &str = "SELECT id, reference_no, kind, amount, goods_nm, state, state_since, opened_at, t_xid, mitra_cd, pay_no, \
                     payment_url, payable_until, paid_at, receipt_code, refusal, checked_at, checks_failed, next_check, \
                     request, fingerprint, applied, changes FROM orders";

/// An order with what only the book knows of it.
struct Kept {
    id: i64,
    applied: u64,
    changes: u32,
    order: Order,
}

fn corrupt(what: &'static str) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(what.into())
}

fn millis(at: Timestamp) -> i64 {
    at.as_millisecond()
}

fn moment(millis: i64) -> Result<Timestamp, rusqlite::Error> {
    Timestamp::from_millisecond(millis).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

fn moment_of(row: &Row<'_>, column: &str) -> Result<Option<Timestamp>, rusqlite::Error> {
    row.get::<_, Option<i64>>(column)?.map(moment).transpose()
}

fn number_of<T: TryFrom<i64>>(row: &Row<'_>, column: &str) -> Result<T, rusqlite::Error> {
    T::try_from(row.get(column)?).map_err(|_| corrupt("a number is out of its range"))
}

fn state_of(row: &Row<'_>, column: &str) -> Result<OrderState, rusqlite::Error> {
    let text: String = row.get(column)?;
    OrderState::from_text(&text).ok_or_else(|| corrupt("a state has no such name"))
}

fn kind_text(kind: Kind) -> &'static str {
    match kind {
        Kind::Direct => "direct",
        Kind::Redirect => "redirect",
    }
}

fn kept(row: &Row<'_>) -> Result<Kept, rusqlite::Error> {
    let kind = match row.get::<_, String>("kind")?.as_str() {
        "direct" => Kind::Direct,
        "redirect" => Kind::Redirect,
        _ => return Err(corrupt("a kind has no such name")),
    };
    let mitra_cd = row
        .get::<_, Option<String>>("mitra_cd")?
        .map(|text| MitraCd::from_text(&text).ok_or_else(|| corrupt("a chain has no such name")))
        .transpose()?;
    let order = Order {
        reference_no: row.get("reference_no")?,
        kind,
        amount: number_of(row, "amount")?,
        goods_nm: row.get("goods_nm")?,
        state: state_of(row, "state")?,
        state_since: moment(row.get("state_since")?)?,
        opened_at: moment(row.get("opened_at")?)?,
        t_xid: row.get("t_xid")?,
        mitra_cd,
        pay_no: row.get("pay_no")?,
        payment_url: row.get("payment_url")?,
        payable_until: moment_of(row, "payable_until")?,
        paid_at: moment_of(row, "paid_at")?,
        receipt_code: row.get("receipt_code")?,
        refusal: row.get("refusal")?,
        checked_at: moment_of(row, "checked_at")?,
        checks_failed: number_of(row, "checks_failed")?,
        next_check: moment_of(row, "next_check")?,
        request: row.get("request")?,
        fingerprint: row.get("fingerprint")?,
    };
    Ok(Kept { id: row.get("id")?, applied: number_of(row, "applied")?, changes: number_of(row, "changes")?, order })
}

fn find(conn: &Connection, reference_no: &str) -> Result<Option<Kept>, rusqlite::Error> {
    conn.prepare_cached(&format!("{ORDER} WHERE reference_no = ?1"))?.query_row([reference_no], kept).optional()
}

fn found(conn: &Connection, reference_no: &str) -> Result<Kept, Trouble> {
    find(conn, reference_no)?.ok_or_else(|| Trouble::Book(BookError::NoSuchOrder(reference_no.to_owned())))
}

/// Writes the state and the transition to it, both or neither.
fn change(conn: &Connection, kept: &Kept, to: OrderState, at: Timestamp) -> Result<(), Trouble> {
    let from = kept.order.state;
    if from == to {
        return Ok(());
    }
    let seq = kept.changes + 1;
    let id = TransitionId::of(&kept.order.reference_no, seq, from, to);
    conn.prepare_cached("UPDATE orders SET state = ?2, state_since = ?3, changes = ?4 WHERE id = ?1")?
        .execute(params![kept.id, to.as_str(), millis(at), seq])?;
    conn.prepare_cached(
        "INSERT INTO transitions (id, order_id, seq, from_state, to_state, at, next_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)",
    )?
    .execute(params![id.as_str(), kept.id, seq, from.as_str(), to.as_str(), millis(at)])?;
    Ok(())
}

#[async_trait]
impl OrderBook for SqliteBook {
    async fn open(&self, order: NewOrder) -> Result<Opened, BookError> {
        self.at_desk(move |conn, _| {
            let NewOrder { reference_no, kind, amount, goods_nm, request, fingerprint, at, next_check } = order;
            let amount = i64::try_from(amount).map_err(|_| corrupt("an amount is out of its range"))?;
            let (at, next_check) = (millis(at), next_check.map(millis));
            let registering = OrderState::Registering.as_str();
            let made = conn
                .prepare_cached(
                    "INSERT INTO orders (reference_no, kind, amount, goods_nm, state, state_since, opened_at, next_check,
                                         request, fingerprint)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7, ?8, ?9)
                     ON CONFLICT (reference_no) DO UPDATE SET kind = ?2, amount = ?3, goods_nm = ?4, state = ?5,
                            state_since = ?6, opened_at = ?6, next_check = ?7, request = ?8, fingerprint = ?9,
                            refusal = NULL, checks_failed = 0
                     WHERE state = ?10",
                )?
                .execute(params![
                    reference_no,
                    kind_text(kind),
                    amount,
                    goods_nm,
                    registering,
                    at,
                    next_check,
                    request,
                    fingerprint,
                    OrderState::NotRegistered.as_str()
                ])?;
            let order = found(conn, &reference_no)?.order;
            Ok(if made == 1 { Opened::New(order) } else { Opened::Known(order) })
        })
        .await
    }

    async fn registered(
        &self,
        registered: &Registered,
        at: Timestamp,
        next_check: Option<Timestamp>,
    ) -> Result<Order, BookError> {
        let registered = registered.clone();
        self.at_desk(move |conn, _| {
            let kept = found(conn, &registered.reference_no)?;
            if kept.order.t_xid.as_ref().is_some_and(|t_xid| *t_xid != registered.t_xid) {
                return Err(Trouble::Book(BookError::OtherPayment(registered.reference_no)));
            }
            conn.prepare_cached(
                "UPDATE orders SET t_xid = ?2, mitra_cd = coalesce(mitra_cd, ?3), pay_no = coalesce(pay_no, ?4),
                        payment_url = coalesce(payment_url, ?5), payable_until = coalesce(payable_until, ?6), request = NULL,
                        refusal = NULL
                 WHERE id = ?1",
            )?
            .execute(params![
                kept.id,
                registered.t_xid,
                registered.mitra_cd.map(MitraCd::as_str),
                registered.pay_no,
                registered.payment_url,
                registered.payable_until.map(millis)
            ])?;
            if matches!(kept.order.state, OrderState::Registering | OrderState::NotRegistered) {
                change(conn, &kept, registered.state(kept.order.kind).into(), at)?;
                conn.prepare_cached("UPDATE orders SET next_check = ?2, checks_failed = 0 WHERE id = ?1")?
                    .execute(params![kept.id, next_check.map(millis)])?;
            }
            Ok(found(conn, &registered.reference_no)?.order)
        })
        .await
    }

    async fn not_registered(&self, reference_no: &str, reason: &str, at: Timestamp) -> Result<Order, BookError> {
        let (reference_no, reason) = (reference_no.to_owned(), reason.to_owned());
        self.at_desk(move |conn, _| {
            let kept = found(conn, &reference_no)?;
            if kept.order.state == OrderState::Registering {
                change(conn, &kept, OrderState::NotRegistered, at)?;
                conn.prepare_cached("UPDATE orders SET refusal = ?2, next_check = NULL, request = NULL WHERE id = ?1")?
                    .execute(params![kept.id, reason])?;
            }
            Ok(found(conn, &reference_no)?.order)
        })
        .await
    }

    async fn find(&self, reference_no: &str) -> Result<Option<Order>, BookError> {
        let reference_no = reference_no.to_owned();
        self.at_desk(move |conn, _| Ok(find(conn, &reference_no)?.map(|kept| kept.order))).await
    }

    async fn find_by_t_xid(&self, t_xid: &str) -> Result<Option<Order>, BookError> {
        let t_xid = t_xid.to_owned();
        self.at_desk(move |conn, _| {
            let mut statement = conn.prepare_cached(&format!("{ORDER} WHERE t_xid = ?1"))?;
            Ok(statement.query_row([t_xid], kept).optional()?.map(|kept| kept.order))
        })
        .await
    }

    async fn orders(&self, query: &OrderQuery) -> Result<Vec<ListedOrder>, BookError> {
        let OrderQuery { state, before, limit } = query.clone();
        self.at_desk(move |conn, _| {
            let mut statement = conn.prepare_cached(&format!(
                "{ORDER} WHERE (?1 IS NULL OR state = ?1) AND id < ?2 ORDER BY id DESC LIMIT ?3"
            ))?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let rows = statement
                .query_map(params![state.map(OrderState::as_str), before.unwrap_or(i64::MAX), limit], |row| {
                    let Kept { id, order, .. } = kept(row)?;
                    Ok(ListedOrder { place: id, order })
                })?
                .collect::<Result<_, _>>()?;
            Ok(rows)
        })
        .await
    }

    async fn begin_check(&self, reference_no: &str) -> Result<Ticket, BookError> {
        let reference_no = reference_no.to_owned();
        self.at_desk(move |conn, _| {
            let ticket: Option<i64> = conn
                .prepare_cached("UPDATE orders SET tickets = tickets + 1 WHERE reference_no = ?1 RETURNING tickets")?
                .query_row([&reference_no], |row| row.get(0))
                .optional()?;
            match ticket {
                Some(ticket) => {
                    Ok(Ticket::new(u64::try_from(ticket).map_err(|_| corrupt("a number is out of its range"))?))
                }
                None => Err(Trouble::Book(BookError::NoSuchOrder(reference_no))),
            }
        })
        .await
    }

    async fn apply(
        &self,
        confirmed: &Confirmed,
        at: Timestamp,
        next_check: Option<Timestamp>,
    ) -> Result<Order, BookError> {
        let confirmed = confirmed.clone();
        self.at_desk(move |conn, _| {
            let status = confirmed.status();
            let kept = found(conn, &status.reference_no)?;
            let other = kept.order.amount != status.amount
                || kept.order.t_xid.as_ref().is_some_and(|t_xid| *t_xid != status.t_xid);
            if other {
                return Err(Trouble::Book(BookError::OtherPayment(status.reference_no.clone())));
            }
            let ticket = confirmed.ticket().number();
            if ticket <= kept.applied {
                return Ok(kept.order);
            }
            let state = OrderState::from(status.state);
            change(conn, &kept, state, at)?;
            conn.prepare_cached(
                "UPDATE orders SET t_xid = ?2, mitra_cd = coalesce(?3, mitra_cd), pay_no = coalesce(?4, pay_no),
                        payable_until = coalesce(?5, payable_until), paid_at = ?6, receipt_code = ?7, refusal = NULL,
                        checked_at = ?8, checks_failed = 0, next_check = ?9, request = NULL, applied = ?10
                 WHERE id = ?1",
            )?
            .execute(params![
                kept.id,
                status.t_xid,
                status.mitra_cd.map(MitraCd::as_str),
                status.pay_no,
                status.payable_until.map(millis),
                status.paid_at.filter(|_| state.is_paid()).map(millis),
                status.receipt_code.as_ref().filter(|_| state.is_paid()),
                millis(at),
                next_check.map(millis),
                i64::try_from(ticket).map_err(|_| corrupt("a number is out of its range"))?
            ])?;
            Ok(found(conn, &status.reference_no)?.order)
        })
        .await
    }

    async fn check_failed(&self, reference_no: &str, next_check: Timestamp) -> Result<(), BookError> {
        let reference_no = reference_no.to_owned();
        self.at_desk(move |conn, _| {
            conn.prepare_cached(
                "UPDATE orders SET checks_failed = min(checks_failed + 1, 1000000), next_check = ?2 WHERE reference_no = ?1",
            )?
            .execute(params![reference_no, millis(next_check)])?;
            Ok(())
        })
        .await
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<Order>, BookError> {
        self.at_desk(move |conn, _| {
            let mut statement =
                conn.prepare_cached(&format!("{ORDER} WHERE next_check <= ?1 ORDER BY next_check LIMIT ?2"))?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let rows = statement
                .query_map(params![millis(now), limit], |row| Ok(kept(row)?.order))?
                .collect::<Result<_, _>>()?;
            Ok(rows)
        })
        .await
    }

    async fn claim(&self, now: Timestamp, limit: usize, lease: Duration) -> Result<Vec<Transition>, BookError> {
        self.at_desk(move |conn, _| {
            let real_now = Timestamp::now();
            let until = real_now.saturating_add(lease).unwrap_or(Timestamp::MAX);
            let mut statement = conn.prepare_cached(
                "SELECT t.id, o.reference_no, o.t_xid, o.amount, t.seq, t.from_state, t.to_state, t.at, t.failures
                 FROM transitions t JOIN orders o ON o.id = t.order_id
                 WHERE t.handled_at IS NULL AND t.next_at <= ?1 AND t.leased_until <= ?2
                   AND NOT EXISTS (SELECT 1 FROM transitions e
                                   WHERE e.order_id = t.order_id AND e.handled_at IS NULL AND e.seq < t.seq)
                 ORDER BY t.next_at LIMIT ?3",
            )?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let claimed: Vec<Transition> = statement
                .query_map(params![millis(now), millis(real_now), limit], transition)?
                .collect::<Result<_, _>>()?;
            for transition in &claimed {
                conn.prepare_cached("UPDATE transitions SET leased_until = ?2 WHERE id = ?1")?
                    .execute(params![transition.id.as_str(), millis(until)])?;
            }
            Ok(claimed)
        })
        .await
    }

    async fn handled(&self, id: &TransitionId, at: Timestamp) -> Result<(), BookError> {
        let id = id.clone();
        self.at_desk(move |conn, _| {
            conn.prepare_cached(
                "UPDATE transitions SET handled_at = ?2, leased_until = 0, failure = NULL WHERE id = ?1",
            )?
            .execute(params![id.as_str(), millis(at)])?;
            Ok(())
        })
        .await
    }

    async fn not_handled(&self, id: &TransitionId, again: Timestamp, why: &str) -> Result<(), BookError> {
        let (id, why) = (id.clone(), why.chars().take(500).collect::<String>());
        self.at_desk(move |conn, _| {
            conn.prepare_cached(
                "UPDATE transitions SET failures = min(failures + 1, 1000000), next_at = ?2, leased_until = 0, failure = ?3
                 WHERE id = ?1 AND handled_at IS NULL",
            )?
            .execute(params![id.as_str(), millis(again), why])?;
            Ok(())
        })
        .await
    }

    async fn transitions(&self, reference_no: &str) -> Result<Vec<(Transition, bool)>, BookError> {
        let reference_no = reference_no.to_owned();
        self.at_desk(move |conn, _| {
            let mut statement = conn.prepare_cached(
                "SELECT t.id, o.reference_no, o.t_xid, o.amount, t.seq, t.from_state, t.to_state, t.at, t.failures,
                        t.handled_at IS NOT NULL AS handled
                 FROM transitions t JOIN orders o ON o.id = t.order_id WHERE o.reference_no = ?1 ORDER BY t.seq",
            )?;
            let rows = statement
                .query_map([reference_no], |row| Ok((transition(row)?, row.get("handled")?)))?
                .collect::<Result<_, _>>()?;
            Ok(rows)
        })
        .await
    }

    async fn exchanges(&self, query: &ExchangeQuery) -> Result<Vec<ListedExchange>, BookError> {
        let ExchangeQuery { reference_no, t_xid, call, before, limit } = query.clone();
        self.at_desk(move |conn, _| {
            let mut statement = conn.prepare_cached(
                "SELECT id, at, took_us, call, reference_no, t_xid, message_id, outcome, http_status, authentic, sent, received
                 FROM exchanges
                 WHERE (?1 IS NULL OR reference_no = ?1) AND (?2 IS NULL OR t_xid = ?2) AND (?3 IS NULL OR call = ?3)
                   AND id < ?4
                 ORDER BY id DESC LIMIT ?5",
            )?;
            let limit = i64::try_from(if limit == 0 { 100 } else { limit }).unwrap_or(i64::MAX);
            let before = before.unwrap_or(i64::MAX);
            let rows = statement
                .query_map(params![reference_no, t_xid, call.map(Call::as_str), before, limit], |row| {
                    let call = Call::from_text(&row.get::<_, String>("call")?)
                        .ok_or_else(|| corrupt("a call has no such name"))?;
                    let exchange = Exchange {
                        at: moment(row.get("at")?)?,
                        took: Duration::from_micros(number_of(row, "took_us")?),
                        call,
                        reference_no: row.get("reference_no")?,
                        t_xid: row.get("t_xid")?,
                        message_id: row.get("message_id")?,
                        outcome: row.get("outcome")?,
                        http_status: row.get("http_status")?,
                        authentic: row.get("authentic")?,
                        sent: row.get("sent")?,
                        received: row.get("received")?,
                    };
                    Ok(ListedExchange { place: row.get("id")?, exchange })
                })?
                .collect::<Result<_, _>>()?;
            Ok(rows)
        })
        .await
    }

    async fn tally(&self) -> Result<Tally, BookError> {
        self.at_desk(|conn, _| {
            let mut statement = conn.prepare_cached("SELECT state, count(*) AS count FROM orders GROUP BY state")?;
            let orders = statement
                .query_map([], |row| Ok((state_of(row, "state")?, number_of(row, "count")?)))?
                .collect::<Result<_, _>>()?;
            let unhandled = conn
                .prepare_cached("SELECT count(*) AS count FROM transitions WHERE handled_at IS NULL")?
                .query_row([], |row| number_of(row, "count"))?;
            Ok(Tally { orders, unhandled })
        })
        .await
    }
}

fn transition(row: &Row<'_>) -> Result<Transition, rusqlite::Error> {
    let (from, to) = (state_of(row, "from_state")?, state_of(row, "to_state")?);
    let (reference_no, seq): (String, u32) = (row.get("reference_no")?, number_of(row, "seq")?);
    Ok(Transition {
        id: TransitionId::of(&reference_no, seq, from, to),
        reference_no,
        t_xid: row.get("t_xid")?,
        amount: number_of(row, "amount")?,
        seq,
        from,
        to,
        at: moment(row.get("at")?)?,
        failures: number_of(row, "failures")?,
    })
}

#[async_trait]
impl Journal for SqliteBook {
    async fn record(&self, exchange: Exchange) {
        let call = exchange.call.as_str();
        let recorded = self
            .at_desk(move |conn, settings| {
                conn.prepare_cached(
                    "INSERT INTO exchanges (at, took_us, call, reference_no, t_xid, message_id, outcome, http_status, authentic,
                                            sent, received)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
                )?
                .execute(params![
                    millis(exchange.at),
                    i64::try_from(exchange.took.as_micros()).unwrap_or(i64::MAX),
                    exchange.call.as_str(),
                    exchange.reference_no,
                    exchange.t_xid,
                    exchange.message_id,
                    exchange.outcome,
                    exchange.http_status,
                    exchange.authentic,
                    exchange.sent,
                    exchange.received
                ])?;
                if !exchange.authentic {
                    conn.prepare_cached(
                        "DELETE FROM exchanges WHERE authentic = 0 AND id <= (SELECT id FROM exchanges WHERE authentic = 0
                         ORDER BY id DESC LIMIT 1 OFFSET ?1)",
                    )?
                    .execute([settings.keep_strangers])?;
                }
                // A few at a time, so that no exchange waits for a year of old ones.
                let oldest = exchange.at.saturating_sub(settings.keep_exchanges).unwrap_or(Timestamp::MIN);
                conn.prepare_cached(
                    "DELETE FROM exchanges WHERE id IN (SELECT id FROM exchanges WHERE at < ?1 ORDER BY at LIMIT 10)",
                )?
                .execute([millis(oldest)])?;
                Ok(())
            })
            .await;
        if let Err(error) = recorded {
            tracing::error!(call, error = &error as &dyn Error, "an exchange could not be written down");
        }
    }
}

impl std::fmt::Debug for SqliteBook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteBook").field("path", &self.desk.settings.path).finish_non_exhaustive()
    }
}
