//! Payments and events in SQLite: the row's mapping, registration, and the transaction around a decision.

use crate::ledger::{Executed, Execution, Idempotency, Opened, Origin, Target};
use crate::numbering::{BLOCK, BLOCKS, Numbering, Second};
use crate::sqlite::writer::{Desk, Trouble};
use crate::sqlite::{accounts, deeds, exceptions, instant, millis, outbox};
use gerai_domain::{
    Actor, Chain, Command, Decision, Draw, Event, EventKind, Kind, MerchantId, NewPayment, Outcome, PayNo, Payment,
    PaymentTerms, Phase, Rules, Rupiah, Standing, TxId, TxIdParts, decide,
};
use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, ErrorCode, OptionalExtension, Row, params};
use std::collections::HashMap;

/// How often a cancellation's id is drawn anew.
const CANCEL_DRAWS: u32 = 64;

/// How many ids of one second are drawn for a cancellation before a later second is taken.
const BLIND_DRAWS: u32 = 8;

macro_rules! columns {
    () => {
        "id, merchant, tx_id, kind, reference_no, amount, registered_at, deadline, goods_nm, billing_nm, description,
         db_process_url, call_back_url, fingerprint, details, chain, pay_no, standing, auto_pay_at, last_seq"
    };
}

/// The columns that [`read`] takes a payment from, in its order.
pub(crate) const COLUMNS: &str = columns!();

/// A payment with what its row adds for the writer.
pub(crate) struct Stored {
    pub(crate) id: i64,
    pub(crate) last_seq: u32,
    pub(crate) payment: Payment,
}

fn corrupt(what: &str) -> Trouble {
    Trouble::Corrupt(what.into())
}

/// A payment from a row of [`COLUMNS`].
pub(crate) fn read(row: &Row<'_>) -> Result<Stored, Trouble> {
    let text = |index: usize| row.get_ref(index)?.as_str().map_err(|_| corrupt("text"));
    let chain: Option<Chain> = match row.get_ref(15)?.as_str_or_null().map_err(|_| corrupt("chain"))? {
        Some(code) => Some(code.parse().map_err(|_| corrupt("chain"))?),
        None => None,
    };
    let pay_no: Option<i64> = row.get(16)?;
    let pay_no = pay_no
        .map(|number| u64::try_from(number).ok().and_then(|number| PayNo::new(number).ok()).ok_or(corrupt("pay_no")))
        .transpose()?;
    let standing = match row.get_ref(17)?.as_str_or_null().map_err(|_| corrupt("standing"))? {
        Some(json) => serde_json::from_str(json).map_err(|error| Trouble::Corrupt(format!("standing: {error}")))?,
        None => {
            let auto_pay_at: Option<i64> = row.get(18)?;
            Standing::fresh(chain, pay_no, auto_pay_at.map(instant).transpose()?)
        }
    };
    let amount: i64 = row.get(5)?;
    let kind: i64 = row.get(3)?;
    Ok(Stored {
        id: row.get(0)?,
        last_seq: row.get(19)?,
        payment: Payment {
            terms: PaymentTerms {
                merchant: text(1)?.parse().map_err(|_| corrupt("merchant"))?,
                tx_id: text(2)?.parse().map_err(|_| corrupt("tx_id"))?,
                kind: if kind == 0 { Kind::Direct } else { Kind::Redirect },
                reference_no: row.get(4)?,
                amount: u64::try_from(amount)
                    .ok()
                    .and_then(|amount| Rupiah::new(amount).ok())
                    .ok_or(corrupt("amount"))?,
                registered_at: instant(row.get(6)?)?,
                deadline: instant(row.get(7)?)?,
                goods_nm: row.get(8)?,
                billing_nm: row.get(9)?,
                description: row.get(10)?,
                db_process_url: row.get(11)?,
                call_back_url: row.get(12)?,
                fingerprint: row.get(13)?,
                details: row.get(14)?,
            },
            standing,
        },
    })
}

fn one(conn: &Connection, sql: &str, arguments: impl rusqlite::Params) -> Result<Option<Stored>, Trouble> {
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query(arguments)?;
    rows.next()?.map(read).transpose()
}

/// By number.
pub(crate) fn by_pay_no(conn: &Connection, numbering: &Numbering, pay_no: PayNo) -> Result<Option<Stored>, Trouble> {
    let number = i64::try_from(pay_no.get()).map_err(|_| corrupt("pay_no"))?;
    let slot = numbering.slot(pay_no);
    let block = slot / BLOCK;
    let first_row = match numbering.first_row(block) {
        Some(first_row) => Some(first_row),
        None => {
            let stored: Option<i64> = conn
                .prepare_cached("SELECT first_row FROM number_blocks WHERE block = ?1")?
                .query_row([integer(block)], |row| row.get(0))
                .optional()?;
            stored.inspect(|first_row| numbering.meet(block, *first_row))
        }
    };
    let Some(first_row) = first_row else { return Ok(None) };
    let row = first_row.saturating_add(integer(slot % BLOCK));
    one(conn, concat!("SELECT ", columns!(), " FROM payments WHERE id = ?1 AND pay_no = ?2"), [row, number])
}

/// The slot of a row's number, for a payment that was registered without one.
fn slot_of(conn: &Connection, row: i64) -> Result<u64, Trouble> {
    let (block, first_row): (i64, i64) = conn
        .prepare_cached(
            "SELECT block, first_row FROM number_blocks WHERE first_row <= ?1 ORDER BY first_row DESC LIMIT 1",
        )?
        .query_row([row], |row| Ok((row.get(0)?, row.get(1)?)))?;
    u64::try_from(block)
        .ok()
        .zip(u64::try_from(row - first_row).ok().filter(|place| *place < BLOCK))
        .map(|(block, place)| block * BLOCK + place)
        .ok_or_else(|| corrupt("a row has no block of numbers"))
}

/// By id.
pub(crate) fn by_tx_id(conn: &Connection, numbering: &Numbering, tx_id: &TxId) -> Result<Option<Stored>, Trouble> {
    let Some(TxIdParts { merchant, kind, second, serial }) = tx_id.parts() else { return Ok(None) };
    let count = numbering.count(Second { merchant, kind, second }, serial);
    one(
        conn,
        concat!(
            "SELECT ",
            columns!(),
            " FROM payments WHERE tx_second = ?1 AND tx_count = ?2 AND merchant = ?3 AND kind = ?4"
        ),
        params![second, count, merchant, kind_code(kind)],
    )
}

/// By id, among one merchant's.
pub(crate) fn of_merchant(
    conn: &Connection,
    numbering: &Numbering,
    merchant: &MerchantId,
    tx_id: &TxId,
) -> Result<Option<Stored>, Trouble> {
    match tx_id.parts() {
        Some(parts) if parts.merchant == merchant.as_str() => by_tx_id(conn, numbering, tx_id),
        Some(_) | None => Ok(None),
    }
}

/// The row of a payment, by its id.
pub(crate) fn row_of(conn: &Connection, numbering: &Numbering, tx_id: &TxId) -> Result<Option<i64>, Trouble> {
    let Some(TxIdParts { merchant, kind, second, serial }) = tx_id.parts() else { return Ok(None) };
    let count = numbering.count(Second { merchant, kind, second }, serial);
    Ok(conn
        .prepare_cached(
            "SELECT id FROM payments WHERE tx_second = ?1 AND tx_count = ?2 AND merchant = ?3 AND kind = ?4",
        )?
        .query_row(params![second, count, merchant, kind_code(kind)], |row| row.get(0))
        .optional()?)
}

const fn kind_code(kind: Kind) -> i64 {
    match kind {
        Kind::Direct => 0,
        Kind::Redirect => 1,
    }
}

/// By the merchant's own reference.
pub(crate) fn by_reference(conn: &Connection, merchant: &str, reference: &str) -> Result<Option<Stored>, Trouble> {
    one(
        conn,
        concat!("SELECT ", columns!(), " FROM payments WHERE merchant = ?1 AND reference_no = ?2"),
        [merchant, reference],
    )
}

/// Which named constraint a failed write ran into.
enum Taken {
    Row,
    TxId,
    Reference,
    CancelTxId,
}

fn taken(error: &rusqlite::Error) -> Option<Taken> {
    let rusqlite::Error::SqliteFailure(failure, Some(message)) = error else { return None };
    if failure.code != ErrorCode::ConstraintViolation {
        return None;
    }
    if message.contains("payments.tx_count") {
        Some(Taken::TxId)
    } else if message.contains("payments.reference_no") {
        Some(Taken::Reference)
    } else if message.contains("payments.cancel_tx_id") {
        Some(Taken::CancelTxId)
    } else if message.contains("payments.id") {
        Some(Taken::Row)
    } else {
        None
    }
}

/// By how many seconds a clock may be set back before ids carry its time again: a clock that is only put right by the
/// network goes on in the second that it had come to.
const SET_BACK: i64 = 60;

/// What the writer knows of the counts that rows and ids are made of. All of it is a guess that the constraints check:
/// after a start, a failure, a reset or another writer it is found out anew.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    next: Option<Next>,
    /// For each merchant where its ids have come to, by method.
    runs: HashMap<MerchantId, [Run; 2]>,
    /// How often the payments were forgotten. Where they never were, nobody asks which ids went with them.
    resets: u64,
}

/// Ids that follow each other.
#[derive(Debug, Clone, Copy)]
struct Run {
    /// The second that the last one carries: of its registration, or a later one where that was used up.
    second: i64,
    /// The next count in it.
    next: u16,
    /// The latest second of a registration.
    asked: i64,
}

impl Run {
    const NONE: Self = Self { second: i64::MIN, next: 0, asked: i64::MIN };

    /// Whether a registration in `second` goes on with it.
    const fn goes_on_in(&self, second: i64) -> bool {
        self.second >= second && self.asked.saturating_sub(second) <= SET_BACK
    }
}

/// The next row, and the block of numbers that it is in.
#[derive(Debug, Clone, Copy)]
struct Next {
    row: i64,
    block: u64,
    first_row: i64,
}

impl Next {
    /// The slot of the row's number; `None` beyond the block's end.
    fn slot(self) -> Option<u64> {
        let place = u64::try_from(self.row - self.first_row).ok()?;
        (place < BLOCK).then_some(self.block * BLOCK + place)
    }
}

/// In `settings`: the last row that was given out before the payments were forgotten, so that no row comes twice.
const LAST_ROW: &str = "last-payment";

/// The last row that was given out, or with which a block was begun: a block that nothing came of is not gone on with,
/// since another copy of the database may have done so.
fn last_row(conn: &Connection) -> Result<i64, Trouble> {
    Ok(conn
        .prepare_cached(
            "SELECT max(coalesce((SELECT max(id) FROM payments), 0),
                        coalesce((SELECT CAST(value AS INTEGER) FROM settings WHERE name = ?1), 0),
                        coalesce((SELECT max(first_row) FROM number_blocks), 0))",
        )?
        .query_row([LAST_ROW], |row| row.get(0))?)
}

/// How often a block is drawn anew before the cell is taken for full (9503): with more than a million of them this
/// many misses in a row mean that hardly any is left.
const BLOCK_DRAWS: u32 = 64;

/// The next row and its number's slot, in a block that is drawn if need be; `None` when no block is free.
fn next_row(desk: &mut Desk<'_>) -> Result<Option<(i64, u64)>, Trouble> {
    if let Some(next) = desk.counts.next
        && let Some(slot) = next.slot()
    {
        return Ok(Some((next.row, slot)));
    }
    let row = last_row(desk.conn)? + 1;
    for _ in 0..BLOCK_DRAWS {
        let block = (desk.draws)() % BLOCKS;
        let taken = desk
            .conn
            .prepare_cached(
                "INSERT INTO number_blocks (block, first_row) VALUES (?1, ?2) ON CONFLICT (block) DO NOTHING",
            )?
            .execute(params![integer(block), row])?;
        if taken == 1 {
            desk.numbering.meet(block, row);
            desk.counts.next = Some(Next { row, block, first_row: row });
            return Ok(Some((row, block * BLOCK)));
        }
    }
    Ok(None)
}

impl Counts {
    /// Forgets what was counted before the payments were forgotten, when that has happened since.
    pub(crate) fn expect_resets(&mut self, resets: u64) {
        if self.resets != resets {
            *self = Self { resets, ..Self::default() };
        }
    }

    /// The second and the count of a merchant's next id: in this second, or in a later one that it has begun already.
    /// `None` in a second that nothing is known of.
    fn next_id(&self, merchant: &MerchantId, kind: Kind, second: i64) -> Option<(i64, u16)> {
        let run = self.runs.get(merchant)?[method(kind)];
        run.goes_on_in(second).then_some((run.second, run.next))
    }

    fn given(&mut self, row: i64, new: &NewPayment, (second, count): (i64, u16)) {
        self.next = self.next.map(|next| Next { row: row + 1, ..next });
        let asked = new.registered_at.as_second();
        let runs = match self.runs.get_mut(&new.merchant) {
            Some(runs) => runs,
            None => self.runs.entry(new.merchant.clone()).or_insert([Run::NONE; 2]),
        };
        let run = &mut runs[method(new.ask.kind)];
        let asked = if run.goes_on_in(asked) { run.asked.max(asked) } else { asked };
        *run = Run { second, next: count + 1, asked };
    }
}

const fn method(kind: Kind) -> usize {
    match kind {
        Kind::Direct => 0,
        Kind::Redirect => 1,
    }
}

/// The first count of a second that lies behind all that its payments have used up.
fn free_count(conn: &Connection, second: Second<'_>) -> Result<u16, Trouble> {
    let Second { merchant, kind, second } = second;
    Ok(conn
        .prepare_cached(
            "SELECT coalesce(max(tx_count) + 1, 0) FROM payments WHERE tx_second = ?1 AND merchant = ?2 AND kind = ?3",
        )?
        .query_row(params![second, merchant, kind_code(kind)], |row| row.get(0))?)
}

/// The first count of a second that lies behind all that went with forgotten payments.
fn first_count(desk: &Desk<'_>, second: Second<'_>) -> Result<u16, Trouble> {
    if desk.counts.resets == 0 {
        return Ok(0);
    }
    let Second { merchant, kind, second } = second;
    let used = desk
        .conn
        .prepare_cached("SELECT used FROM forgotten_ids WHERE second = ?1 AND merchant = ?2 AND kind = ?3")?
        .query_row(params![second, merchant, kind_code(kind)], |row| row.get(0))
        .optional()?;
    Ok(used.unwrap_or(0))
}

/// Whether a cancellation that was forgotten had this id.
fn is_forgotten_cancellation(desk: &Desk<'_>, cancel_tx_id: &TxId) -> Result<bool, Trouble> {
    if desk.counts.resets == 0 {
        return Ok(false);
    }
    Ok(desk
        .conn
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM forgotten_cancel_ids WHERE cancel_tx_id = ?1)")?
        .query_row([cancel_tx_id.as_str()], |row| row.get(0))?)
}

/// Stores a registration under numbers of its own.
pub(crate) fn open(desk: &mut Desk<'_>, new: NewPayment, cell: u8, origin: &Origin) -> Result<Opened, Trouble> {
    let numbering = desk.numbering;
    let Some((mut row, mut slot)) = next_row(desk)? else {
        return Ok(repeat(desk.conn, &new)?.unwrap_or(Opened::NoNumber));
    };
    let of = |second| Second { merchant: new.merchant.as_str(), kind: new.ask.kind, second };
    let asked = new.registered_at.as_second();
    let (mut second, mut count) = match desk.counts.next_id(&new.merchant, new.ask.kind, asked) {
        Some(next) => next,
        None => (asked, first_count(desk, of(asked))?),
    };
    let due_at = millis(Timestamp::from_second(new.deadline.as_second().saturating_add(1)).unwrap_or(Timestamp::MAX));
    loop {
        if count >= TxId::SERIALS_PER_SECOND {
            second += 1;
            count = first_count(desk, of(second))?;
            continue;
        }
        let pay_no = new.takes_number().then(|| numbering.pay_no(cell, slot));
        let of_second = of(second);
        let at = Timestamp::from_second(second).map_err(|_| corrupt("second"))?;
        let tx_id = TxId::new(&new.merchant, new.ask.kind, at, numbering.serial(of_second, count));
        let names = Names { row, tx_id: &tx_id, second, count, pay_no };
        match insert(desk.conn, &new, &names, due_at) {
            Ok(()) => {
                desk.counts.given(row, &new, (second, count));
                let event = new.registered_event(pay_no);
                append(desk.conn, row, 1, new.registered_at, origin, &event)?;
                desk.tally.registered(new.ask.kind);
                return Ok(Opened::New(Box::new(new.into_payment(tx_id, pay_no))));
            }
            Err(error) => match taken(&error) {
                Some(Taken::Reference) => {
                    return repeat(desk.conn, &new)?.ok_or_else(|| corrupt("a used reference has no payment"));
                }
                Some(Taken::TxId) => count = free_count(desk.conn, of_second)?.max(count + 1),
                Some(Taken::Row) => {
                    desk.counts.next = None;
                    let Some(next) = next_row(desk)? else {
                        return Ok(repeat(desk.conn, &new)?.unwrap_or(Opened::NoNumber));
                    };
                    (row, slot) = next;
                }
                Some(Taken::CancelTxId) | None => return Err(error.into()),
            },
        }
    }
}

/// What a registration under a used reference is answered with: the first payment, if it is the same request.
fn repeat(conn: &Connection, new: &NewPayment) -> Result<Option<Opened>, Trouble> {
    let stored = by_reference(conn, new.merchant.as_str(), &new.ask.reference_no)?;
    Ok(stored.map(|stored| {
        if stored.payment.terms.fingerprint == new.ask.fingerprint {
            Opened::Repeat(Box::new(stored.payment))
        } else {
            Opened::ReferenceUsed
        }
    }))
}

fn draw_serial(desk: &mut Desk<'_>) -> u16 {
    u16::try_from((desk.draws)() % u64::from(TxId::SERIALS_PER_SECOND)).unwrap_or(0)
}

/// Everything a new row is found by.
struct Names<'a> {
    row: i64,
    tx_id: &'a TxId,
    second: i64,
    count: u16,
    pay_no: Option<PayNo>,
}

fn insert(conn: &Connection, new: &NewPayment, names: &Names<'_>, due_at: i64) -> Result<(), rusqlite::Error> {
    let NewPayment { merchant, ask, deadline, registered_at, auto_pay_at } = new;
    let Names { row, tx_id, second, count, pay_no } = names;
    conn.prepare_cached(
        "INSERT INTO payments (id, merchant, tx_id, kind, reference_no, amount, registered_at, deadline, goods_nm,
             billing_nm, description, db_process_url, call_back_url, fingerprint, details, chain, pay_no, auto_pay_at,
             due_at, last_seq, tx_second, tx_count)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, 1, ?20, ?21)",
    )?
    .execute(params![
        row,
        merchant.as_str(),
        tx_id.as_str(),
        kind_code(ask.kind),
        ask.reference_no,
        integer(ask.amount.get()),
        millis(*registered_at),
        millis(*deadline),
        ask.goods_nm,
        ask.billing_nm,
        ask.description,
        ask.db_process_url,
        ask.call_back_url,
        ask.fingerprint,
        ask.details,
        ask.chain.map(Chain::code),
        pay_no.map(|number| integer(number.get())),
        auto_pay_at.map(millis),
        due_at,
        second,
        count,
    ])?;
    Ok(())
}

/// Amounts and numbers have at most twelve digits.
fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn json(value: &impl serde::Serialize) -> Result<String, Trouble> {
    serde_json::to_string(value).map_err(|error| Trouble::Corrupt(error.to_string()))
}

fn append(
    conn: &Connection,
    payment: i64,
    seq: u32,
    at: Timestamp,
    origin: &Origin,
    event: &EventKind,
) -> Result<(), Trouble> {
    conn.prepare_cached(
        "INSERT INTO events (payment, seq, at, actor, request_id, event) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![payment, seq, millis(at), origin.actor.to_string(), origin.request_id, json(event)?])?;
    Ok(())
}

/// How long a store request's own name is remembered.
const EXTERNAL_ID_DAYS: i64 = 1;

enum Remembered {
    Other,
    Same(Outcome),
}

fn remembered(conn: &Connection, key: &Idempotency, now: Timestamp) -> Result<Option<Remembered>, Trouble> {
    let since = millis(now).saturating_sub(EXTERNAL_ID_DAYS * 86_400_000);
    let row: Option<([u8; 32], String)> = conn
        .prepare_cached(
            "SELECT fingerprint, outcome FROM store_requests WHERE chain = ?1 AND external_id = ?2 AND at > ?3",
        )?
        .query_row(params![key.chain.code(), key.external_id, since], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    row.map(|(fingerprint, outcome)| {
        if fingerprint == key.fingerprint {
            serde_json::from_str(&outcome).map(Remembered::Same).map_err(|error| Trouble::Corrupt(error.to_string()))
        } else {
            Ok(Remembered::Other)
        }
    })
    .transpose()
}

/// Whether an answer given before may be given again: the attempt that it speaks of must still stand, so that a trace
/// that was reversed meanwhile is not answered as paid (rule 8).
fn still_true(outcome: &Outcome, payment: &Payment, now: Timestamp) -> bool {
    match outcome {
        Outcome::Taken(taken) => {
            // By the clock, as the lapse of a commit may not have been written yet.
            matches!(payment.phase(now), Phase::ReadyToCommit | Phase::Paid)
                && payment.standing.standing_attempt().is_some_and(|attempt| attempt.trace_no == taken.trace_no)
        }
        Outcome::Reversed { .. }
        | Outcome::StoreChosen { .. }
        | Outcome::Cancelled(_)
        | Outcome::Returned
        | Outcome::Done => true,
    }
}

/// A merchant's user has its merchant's payments alone, however they are named (invariant 6).
fn is_shown_to(actor: &Actor, payment: &Payment) -> bool {
    match actor {
        Actor::User { merchant, name: _ } => *merchant == payment.terms.merchant,
        Actor::Merchant(_)
        | Actor::Partner(_)
        | Actor::SimulatedStore
        | Actor::Customer
        | Actor::Operator(_)
        | Actor::Clock => true,
    }
}

/// Loads, decides, writes.
pub(crate) fn execute(desk: &mut Desk<'_>, execution: &Execution) -> Result<Executed, Trouble> {
    let Execution { target, command, rules, now, origin, idempotency } = execution;
    let before = match idempotency {
        Some(key) => remembered(desk.conn, key, *now)?,
        None => None,
    };
    if let Some(Remembered::Other) = before {
        return Ok(Executed::ExternalIdReused);
    }
    let stored = match target {
        Target::PayNo(pay_no) => by_pay_no(desk.conn, desk.numbering, *pay_no)?,
        Target::OfMerchant(merchant, tx_id) => of_merchant(desk.conn, desk.numbering, merchant, tx_id)?,
        Target::TxId(tx_id) => by_tx_id(desk.conn, desk.numbering, tx_id)?,
    };
    let Some(stored) = stored.filter(|stored| is_shown_to(&origin.actor, &stored.payment)) else {
        return Ok(Executed::NotFound);
    };
    if let Some(Remembered::Same(outcome)) = before
        && still_true(&outcome, &stored.payment, *now)
    {
        return Ok(Executed::Judged { payment: Box::new(stored.payment), verdict: Ok(outcome) });
    }
    let (payment, verdict) = decide_and_write(desk, stored, command, rules, *now, origin)?;
    if let (Some(key), Ok(outcome)) = (idempotency, &verdict) {
        desk.conn
            .prepare_cached(
                "INSERT OR REPLACE INTO store_requests (chain, external_id, fingerprint, outcome, at)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![key.chain.code(), key.external_id, key.fingerprint, json(outcome)?, millis(*now)])?;
    }
    Ok(Executed::Judged { payment: Box::new(payment), verdict })
}

type Judged = (Payment, Result<Outcome, gerai_domain::Refusal>);

fn decide_and_write(
    desk: &mut Desk<'_>,
    stored: Stored,
    command: &Command,
    rules: &Rules,
    now: Timestamp,
    origin: &Origin,
) -> Result<Judged, Trouble> {
    let mut misses = 0;
    loop {
        let draw = Draw {
            receipt: (desk.draws)(),
            pay_no: match command {
                Command::ChooseStore { .. } => desk.numbering.digits(slot_of(desk.conn, stored.id)?),
                _ => 0,
            },
            cancel_serial: draw_serial(desk),
            // A second whose ids are used up is left, ever faster.
            cancel_ahead_secs: (1 << (misses / BLIND_DRAWS)) - 1,
        };
        let Decision { events, verdict } = decide(&stored.payment, command, rules, now, draw);
        if events.is_empty() {
            return Ok((stored.payment, verdict));
        }
        let mut payment = stored.payment.clone();
        for event in &events {
            payment.standing.apply(event, now);
        }
        debug_assert!(
            payment
                .standing
                .attempts
                .iter()
                .filter(|attempt| payment.standing.standing_attempt().is_some_and(|standing| standing == *attempt))
                .count()
                <= 1,
            "at most one attempt stands"
        );
        if let Some(cancelled) = &payment.standing.cancelled
            && stored.payment.standing.cancelled.is_none()
            && misses < CANCEL_DRAWS
            && is_forgotten_cancellation(desk, &cancelled.cancel_tx_id)?
        {
            misses += 1;
            continue;
        }
        let added = u32::try_from(events.len()).map_err(|_| corrupt("events"))?;
        let last_seq = stored.last_seq + added;
        match update(desk.conn, stored.id, &payment, last_seq) {
            Ok(()) => {}
            Err(Trouble::Sql(error)) if misses < CANCEL_DRAWS => match taken(&error) {
                Some(Taken::CancelTxId) => {
                    misses += 1;
                    continue;
                }
                Some(Taken::Row | Taken::TxId | Taken::Reference) | None => return Err(error.into()),
            },
            Err(trouble) => return Err(trouble),
        }
        let mut told = stored.payment.clone();
        for (seq, event) in (stored.last_seq + 1..).zip(&events) {
            told.standing.apply(event, now);
            let by_clock;
            let who = if matches!(event, EventKind::CommitLapsed { .. } | EventKind::Expired) {
                // Whoever came next, it was the clock that did this (rule 16).
                by_clock = Origin { actor: Actor::Clock, request_id: origin.request_id.clone() };
                &by_clock
            } else {
                origin
            };
            append(desk.conn, stored.id, seq, now, who, event)?;
            exceptions::project(desk.conn, stored.id, seq, event, now)?;
            if let EventKind::ExceptionListed { kind, trace_no } = event {
                tracing::warn!(tx_id = %told.terms.tx_id, ?kind, trace_no, "this is for an operator to look at");
            }
            if let Some(notice) = gerai_domain::Notice::of(&told, event, now) {
                outbox::enqueue(desk.conn, stored.id, seq, &told.terms.db_process_url, &notice, now)?;
                desk.tally.told(&notice);
            }
        }
        if verdict.is_ok()
            && let Some(deed) = deeds::of_command(command, &payment, origin, now)
        {
            deeds::write(desk.conn, &deed)?;
        }
        return Ok((payment, verdict));
    }
}

fn update(conn: &Connection, id: i64, payment: &Payment, last_seq: u32) -> Result<(), Trouble> {
    let standing = &payment.standing;
    conn.prepare_cached(
        "UPDATE payments SET chain = ?2, pay_no = ?3, standing = ?4, auto_pay_at = ?5, due_at = ?6, cancel_tx_id = ?7,
             last_seq = ?8, paid_at = ?9, returned_at = ?10
         WHERE id = ?1",
    )?
    .execute(params![
        id,
        standing.chain.map(Chain::code),
        standing.pay_no.map(|number| integer(number.get())),
        json(standing)?,
        standing.auto_pay_at.map(millis),
        payment.due_at().map(millis),
        standing.cancelled.as_ref().map(|cancelled| cancelled.cancel_tx_id.as_str()),
        last_seq,
        payment.paid_attempt().map(|attempt| millis(attempt.taken_at)),
        standing.returned.as_ref().map(|returned| millis(returned.at)),
    ])?;
    Ok(())
}

/// A payment's events.
pub(crate) fn history(conn: &Connection, numbering: &Numbering, tx_id: &TxId) -> Result<Vec<Event>, Trouble> {
    let Some(row) = row_of(conn, numbering, tx_id)? else { return Ok(Vec::new()) };
    let mut statement =
        conn.prepare_cached("SELECT seq, at, actor, request_id, event FROM events WHERE payment = ?1 ORDER BY seq")?;
    let mut rows = statement.query([row])?;
    let mut events = Vec::new();
    while let Some(row) = rows.next()? {
        let event: String = row.get(4)?;
        events.push(Event {
            seq: row.get(0)?,
            at: instant(row.get(1)?)?,
            actor: row.get(2)?,
            request_id: row.get(3)?,
            kind: serde_json::from_str(&event).map_err(|error| Trouble::Corrupt(format!("event: {error}")))?,
        });
    }
    Ok(events)
}

/// Writes what the clock has changed, and lets go of store requests that are more than a day old; how many of either
/// there were, whichever were more.
pub(crate) fn sweep(desk: &mut Desk<'_>, rules: &Rules, now: Timestamp, limit: usize) -> Result<usize, Trouble> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let due: Vec<i64> = desk
        .conn
        .prepare_cached("SELECT id FROM payments WHERE due_at <= ?1 ORDER BY due_at LIMIT ?2")?
        .query_map(params![millis(now), limit], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let origin = Origin { actor: gerai_domain::Actor::Clock, request_id: None };
    for id in &due {
        let sql = concat!("SELECT ", columns!(), " FROM payments WHERE id = ?1");
        let stored = match one(desk.conn, sql, [id]) {
            Ok(stored) => stored.ok_or_else(|| corrupt("payment"))?,
            // One that cannot be read must not stop the clock for the others.
            Err(Trouble::Corrupt(what)) => {
                tracing::error!(payment = id, what, "a payment cannot be swept, and is left out from now on");
                desk.conn.prepare_cached("UPDATE payments SET due_at = NULL WHERE id = ?1")?.execute([id])?;
                continue;
            }
            Err(trouble) => return Err(trouble),
        };
        // A verdict on a sweep is always `Done`.
        let _ = decide_and_write(desk, stored, &Command::Sweep, rules, now, &origin)?;
    }
    let old = millis(now).saturating_sub(EXTERNAL_ID_DAYS * 86_400_000);
    let forgotten = desk
        .conn
        .prepare_cached(
            "DELETE FROM store_requests WHERE (chain, external_id) IN
                 (SELECT chain, external_id FROM store_requests WHERE at <= ?1 LIMIT ?2)",
        )?
        .execute(params![old, limit])?;
    Ok(due.len().max(forgotten))
}

/// Whom the simulated store should pay.
pub(crate) fn auto_pay_due(conn: &Connection, now: Timestamp, limit: usize) -> Result<Vec<Payment>, Trouble> {
    let mut statement = conn.prepare_cached(concat!(
        "SELECT ",
        columns!(),
        " FROM payments WHERE auto_pay_at <= ?1 ORDER BY auto_pay_at LIMIT ?2"
    ))?;
    let mut rows = statement.query(params![millis(now), i64::try_from(limit).unwrap_or(i64::MAX)])?;
    let mut payments = Vec::new();
    while let Some(row) = rows.next()? {
        match read(row) {
            Ok(stored) => payments.push(stored.payment),
            Err(Trouble::Corrupt(what)) => tracing::error!(what, "a simulated payment is left out"),
            Err(trouble) => return Err(trouble),
        }
    }
    Ok(payments)
}

/// The earliest moment later than `after` at which anything falls due.
pub(crate) fn next_moment(conn: &Connection, after: Timestamp) -> Result<Option<Timestamp>, Trouble> {
    let mut earliest: Option<i64> = None;
    for sql in [
        "SELECT min(due_at) FROM payments WHERE due_at > ?1",
        "SELECT min(auto_pay_at) FROM payments WHERE auto_pay_at > ?1",
        "SELECT min(next_at) FROM outbox WHERE state = 1 AND next_at > ?1",
    ] {
        let moment: Option<i64> = conn.prepare_cached(sql)?.query_row([millis(after)], |row| row.get(0))?;
        earliest = [earliest, moment].into_iter().flatten().min();
    }
    earliest.map(|at| instant(at).map_err(Trouble::from)).transpose()
}

/// Forgets every payment and all that hangs on it, but not which rows and ids there have been.
pub(crate) fn forget(desk: &mut Desk<'_>) -> Result<(), Trouble> {
    let resets = desk.counts.resets.saturating_add(1);
    accounts::write_resets(desk.conn, resets)?;
    desk.counts.expect_resets(resets);
    // The clock stands where the sandbox puts it: the same second may come again.
    desk.conn.execute(
        "INSERT INTO forgotten_ids (second, merchant, kind, used)
         SELECT tx_second, merchant, kind, max(tx_count) + 1 FROM payments WHERE true
         GROUP BY tx_second, merchant, kind
         ON CONFLICT (second, merchant, kind) DO UPDATE SET used = max(used, excluded.used)",
        [],
    )?;
    desk.conn.execute(
        "INSERT OR IGNORE INTO forgotten_cancel_ids (cancel_tx_id)
         SELECT cancel_tx_id FROM payments WHERE cancel_tx_id IS NOT NULL",
        [],
    )?;
    let last = last_row(desk.conn)?;
    accounts::write_setting(desk.conn, LAST_ROW, &last.to_string())?;
    accounts::write_setting(desk.conn, "forgetting", "1")?;
    for table in ["payments", "events", "outbox", "deliveries", "store_requests", "exceptions"] {
        desk.conn.execute(&format!("DELETE FROM {table}"), [])?;
    }
    desk.conn.execute("DELETE FROM settings WHERE name = ?1", [Value::from("forgetting".to_owned())])?;
    Ok(())
}
