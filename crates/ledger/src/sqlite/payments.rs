//! Payments and events in SQLite: the row's mapping, registration, and the transaction around a decision.

use crate::ledger::{Exception, Executed, Execution, Idempotency, Opened, Origin, Target};
use crate::sqlite::writer::{Desk, Trouble};
use crate::sqlite::{instant, millis, outbox};
use gerai_domain::{
    Chain, Command, Decision, Draw, Event, EventKind, ExceptionKind, Kind, NewPayment, Outcome, PayNo, Payment,
    PaymentTerms, Phase, Rules, Rupiah, Standing, TxId, decide,
};
use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, ErrorCode, OptionalExtension, Row, params};

/// How often a number is drawn anew before the registration is refused (9503): with a space of ten thousand million
/// this many misses in a row mean that something else is wrong.
const NUMBER_DRAWS: u32 = 64;

/// How many serials of one second are tried blindly before the free ones are looked up.
const BLIND_SERIALS: u32 = 8;

macro_rules! columns {
    () => {
        "id, merchant, tx_id, kind, reference_no, amount, registered_at, deadline, goods_nm, billing_nm, description,
         db_process_url, call_back_url, fingerprint, details, chain, pay_no, standing, auto_pay_at, last_seq"
    };
}

/// A payment with what its row adds for the writer.
pub(crate) struct Stored {
    pub(crate) id: i64,
    pub(crate) last_seq: u32,
    pub(crate) payment: Payment,
}

fn corrupt(what: &str) -> Trouble {
    Trouble::Corrupt(what.into())
}

fn read(row: &Row<'_>) -> Result<Stored, Trouble> {
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
pub(crate) fn by_pay_no(conn: &Connection, pay_no: PayNo) -> Result<Option<Stored>, Trouble> {
    let number = i64::try_from(pay_no.get()).map_err(|_| corrupt("pay_no"))?;
    one(conn, concat!("SELECT ", columns!(), " FROM payments WHERE pay_no = ?1"), [number])
}

/// By id.
pub(crate) fn by_tx_id(conn: &Connection, tx_id: &str) -> Result<Option<Stored>, Trouble> {
    one(conn, concat!("SELECT ", columns!(), " FROM payments WHERE tx_id = ?1"), [tx_id])
}

/// By id, among one merchant's.
pub(crate) fn of_merchant(conn: &Connection, merchant: &str, tx_id: &str) -> Result<Option<Stored>, Trouble> {
    one(conn, concat!("SELECT ", columns!(), " FROM payments WHERE tx_id = ?1 AND merchant = ?2"), [tx_id, merchant])
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
    TxId,
    PayNo,
    Reference,
    CancelTxId,
}

fn taken(error: &rusqlite::Error) -> Option<Taken> {
    let rusqlite::Error::SqliteFailure(failure, Some(message)) = error else { return None };
    if failure.code != ErrorCode::ConstraintViolation {
        return None;
    }
    if message.contains("payments.tx_id") {
        Some(Taken::TxId)
    } else if message.contains("payments.pay_no") {
        Some(Taken::PayNo)
    } else if message.contains("payments.reference_no") {
        Some(Taken::Reference)
    } else if message.contains("payments.cancel_tx_id") {
        Some(Taken::CancelTxId)
    } else {
        None
    }
}

/// Stores a registration under freshly drawn numbers.
pub(crate) fn open(desk: &mut Desk<'_>, new: NewPayment, cell: u8, origin: &Origin) -> Result<Opened, Trouble> {
    let family = format!("{}{}", new.merchant, new.ask.kind.method_code());
    let mut second = new.registered_at.as_second();
    if let Some(full) = desk.full_seconds.get(&family) {
        second = second.max(full + 1);
    }
    let mut serial = draw_serial(desk);
    let mut serial_misses = 0;
    let mut number_misses = 0;
    let mut pay_no = new.takes_number().then(|| PayNo::draw(cell, (desk.draws)()));
    let due_at = millis(Timestamp::from_second(new.deadline.as_second().saturating_add(1)).unwrap_or(Timestamp::MAX));
    loop {
        let at = Timestamp::from_second(second).map_err(|_| corrupt("second"))?;
        let tx_id = TxId::new(&new.merchant, new.ask.kind, at, serial);
        match insert(desk.conn, &new, &tx_id, pay_no, due_at) {
            Ok(id) => {
                let event = new.registered_event(pay_no);
                append(desk.conn, id, 1, new.registered_at, origin, &event)?;
                desk.tally.registered(new.ask.kind);
                return Ok(Opened::New(Box::new(new.into_payment(tx_id, pay_no))));
            }
            Err(error) => match taken(&error) {
                Some(Taken::Reference) => {
                    let merchant = new.merchant.as_str();
                    let stored = by_reference(desk.conn, merchant, &new.ask.reference_no)?
                        .ok_or_else(|| corrupt("a used reference has no payment"))?;
                    return Ok(if stored.payment.terms.fingerprint == new.ask.fingerprint {
                        Opened::Repeat(Box::new(stored.payment))
                    } else {
                        Opened::ReferenceUsed
                    });
                }
                Some(Taken::PayNo) => {
                    number_misses += 1;
                    if number_misses >= NUMBER_DRAWS {
                        return Ok(Opened::NoNumber);
                    }
                    pay_no = Some(PayNo::draw(cell, (desk.draws)()));
                }
                Some(Taken::TxId) => {
                    serial_misses += 1;
                    if serial_misses < BLIND_SERIALS {
                        serial = draw_serial(desk);
                        continue;
                    }
                    serial_misses = 0;
                    match free_serial(desk, &tx_id)? {
                        Some(free) => serial = free,
                        None => {
                            // This second is used up. Others may be too (a clock that stands still): go on from the
                            // latest one that has been touched.
                            let latest = latest_second(desk.conn, &family)?.unwrap_or(second);
                            let full = if latest > second { latest - 1 } else { second };
                            desk.full_seconds.insert(family.clone(), full);
                            second = full + 1;
                            serial = draw_serial(desk);
                        }
                    }
                }
                Some(Taken::CancelTxId) | None => return Err(error.into()),
            },
        }
    }
}

fn draw_serial(desk: &mut Desk<'_>) -> u16 {
    u16::try_from((desk.draws)() % u64::from(TxId::SERIALS_PER_SECOND)).unwrap_or(0)
}

/// A free serial in the second of `tx_id`: the first that is left from a drawn one on, around the end once.
fn free_serial(desk: &mut Desk<'_>, tx_id: &TxId) -> Result<Option<u16>, Trouble> {
    let prefix = tx_id.second_prefix();
    let start = draw_serial(desk);
    let sql = "SELECT tx_id FROM payments WHERE tx_id >= ?1 AND tx_id <= ?2 ORDER BY tx_id";
    let mut statement = desk.conn.prepare_cached(sql)?;
    for (from, to) in [(start, TxId::SERIALS_PER_SECOND), (0, start)] {
        let mut rows = statement.query([format!("{prefix}{from:04}"), format!("{prefix}9999")])?;
        for serial in from..to {
            let taken = match rows.next()? {
                Some(row) => row.get_ref(0)?.as_str().map_err(|_| corrupt("tx_id"))?.ends_with(&format!("{serial:04}")),
                None => false,
            };
            if !taken {
                return Ok(Some(serial));
            }
        }
    }
    Ok(None)
}

/// The latest second in which this merchant and method have an id.
fn latest_second(conn: &Connection, family: &str) -> Result<Option<i64>, Trouble> {
    let latest: Option<String> = conn
        .prepare_cached("SELECT max(tx_id) FROM payments WHERE tx_id >= ?1 AND tx_id <= ?2")?
        .query_row([format!("{family}00000000000000"), format!("{family}999999999999999999")], |row| row.get(0))?;
    let Some(latest) = latest else { return Ok(None) };
    let stamp = latest.get(12..26).ok_or_else(|| corrupt("tx_id"))?;
    let (date, time) = stamp.split_at(8);
    let wall = gerai_domain::wib::parse_date(date)
        .zip(gerai_domain::wib::parse_time(time))
        .map(|(date, time)| date.to_datetime(time))
        .ok_or_else(|| corrupt("tx_id"))?;
    Ok(gerai_domain::wib::instant(wall).map(Timestamp::as_second))
}

fn insert(
    conn: &Connection,
    new: &NewPayment,
    tx_id: &TxId,
    pay_no: Option<PayNo>,
    due_at: i64,
) -> Result<i64, rusqlite::Error> {
    let NewPayment { merchant, ask, deadline, registered_at, auto_pay_at } = new;
    conn.prepare_cached(
        "INSERT INTO payments (merchant, tx_id, kind, reference_no, amount, registered_at, deadline, goods_nm,
             billing_nm, description, db_process_url, call_back_url, fingerprint, details, chain, pay_no, auto_pay_at,
             due_at, last_seq)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, 1)",
    )?
    .insert(params![
        merchant.as_str(),
        tx_id.as_str(),
        match ask.kind {
            Kind::Direct => 0,
            Kind::Redirect => 1,
        },
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
    ])
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
        Target::PayNo(pay_no) => by_pay_no(desk.conn, *pay_no)?,
        Target::OfMerchant(merchant, tx_id) => of_merchant(desk.conn, merchant.as_str(), tx_id.as_str())?,
        Target::TxId(tx_id) => by_tx_id(desk.conn, tx_id.as_str())?,
    };
    let Some(stored) = stored else { return Ok(Executed::NotFound) };
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
        let draw = Draw { receipt: (desk.draws)(), pay_no: (desk.draws)(), cancel_serial: draw_serial(desk) };
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
        let added = u32::try_from(events.len()).map_err(|_| corrupt("events"))?;
        let last_seq = stored.last_seq + added;
        match update(desk.conn, stored.id, &payment, last_seq) {
            Ok(()) => {}
            Err(Trouble::Sql(error)) if misses < NUMBER_DRAWS => match taken(&error) {
                Some(Taken::PayNo | Taken::CancelTxId) => {
                    misses += 1;
                    continue;
                }
                Some(Taken::TxId | Taken::Reference) | None => return Err(error.into()),
            },
            Err(trouble) => return Err(trouble),
        }
        let mut told = stored.payment.clone();
        for (seq, event) in (stored.last_seq + 1..).zip(&events) {
            told.standing.apply(event, now);
            append(desk.conn, stored.id, seq, now, origin, event)?;
            if let EventKind::ExceptionListed { kind, trace_no } = event {
                note_exception(desk.conn, stored.id, seq, *kind, trace_no, now)?;
            }
            if let Some(notice) = gerai_domain::Notice::of(&told, event, now) {
                outbox::enqueue(desk.conn, stored.id, seq, &told.terms.db_process_url, &notice, now)?;
                desk.tally.told(&notice);
            }
        }
        return Ok((payment, verdict));
    }
}

fn update(conn: &Connection, id: i64, payment: &Payment, last_seq: u32) -> Result<(), Trouble> {
    let standing = &payment.standing;
    conn.prepare_cached(
        "UPDATE payments SET chain = ?2, pay_no = ?3, standing = ?4, auto_pay_at = ?5, due_at = ?6, cancel_tx_id = ?7,
             last_seq = ?8
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
    ])?;
    Ok(())
}

fn note_exception(
    conn: &Connection,
    payment: i64,
    seq: u32,
    kind: ExceptionKind,
    trace_no: &str,
    now: Timestamp,
) -> Result<(), Trouble> {
    conn.prepare_cached("INSERT INTO exceptions (payment, seq, kind, trace_no, at) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![payment, seq, json(&kind)?, trace_no, millis(now)])?;
    Ok(())
}

/// What operators must look at.
pub(crate) fn exceptions(conn: &Connection, limit: usize) -> Result<Vec<Exception>, Trouble> {
    let mut statement = conn.prepare_cached(
        "SELECT p.tx_id, e.kind, e.trace_no, e.at FROM exceptions e JOIN payments p ON p.id = e.payment
         ORDER BY e.at, e.payment, e.seq LIMIT ?1",
    )?;
    let mut rows = statement.query([i64::try_from(limit).unwrap_or(i64::MAX)])?;
    let mut list = Vec::new();
    while let Some(row) = rows.next()? {
        let (tx_id, kind): (String, String) = (row.get(0)?, row.get(1)?);
        list.push(Exception {
            tx_id: tx_id.parse().map_err(|_| corrupt("tx_id"))?,
            kind: serde_json::from_str(&kind).map_err(|_| corrupt("exception"))?,
            trace_no: row.get(2)?,
            at: instant(row.get(3)?)?,
        });
    }
    Ok(list)
}

/// A payment's events.
pub(crate) fn history(conn: &Connection, tx_id: &str) -> Result<Vec<Event>, Trouble> {
    let mut statement = conn.prepare_cached(
        "SELECT e.seq, e.at, e.actor, e.request_id, e.event FROM events e JOIN payments p ON p.id = e.payment
         WHERE p.tx_id = ?1 ORDER BY e.seq",
    )?;
    let mut rows = statement.query([tx_id])?;
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

/// Writes what the clock has changed, and lets go of store requests that are more than a day old.
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
    desk.conn
        .prepare_cached(
            "DELETE FROM store_requests WHERE (chain, external_id) IN
                 (SELECT chain, external_id FROM store_requests WHERE at <= ?1 LIMIT ?2)",
        )?
        .execute(params![old, limit])?;
    Ok(due.len())
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

/// Forgets every payment and all that hangs on it.
pub(crate) fn forget(desk: &mut Desk<'_>) -> Result<(), Trouble> {
    desk.full_seconds.clear();
    crate::sqlite::accounts::write_setting(desk.conn, "forgetting", "1")?;
    for table in ["payments", "events", "outbox", "deliveries", "store_requests", "exceptions"] {
        desk.conn.execute(&format!("DELETE FROM {table}"), [])?;
    }
    desk.conn.execute("DELETE FROM settings WHERE name = ?1", [Value::from("forgetting".to_owned())])?;
    Ok(())
}
