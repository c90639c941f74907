//! The audit log in SQLite.

use crate::deeds::{Deed, DeedQuery, LoggedDeed};
use crate::ledger::Origin;
use crate::sqlite::writer::Trouble;
use crate::sqlite::{instant, millis};
use gerai_domain::{Actor, Command, MerchantId, Payment};
use jiff::Timestamp;
use rusqlite::{Connection, params};

/// Adds a deed, in the transaction of what it tells.
pub(crate) fn write(conn: &Connection, deed: &Deed) -> Result<(), Trouble> {
    let Deed { at, by, what, subject, merchant, detail, request_id } = deed;
    conn.prepare_cached(
        "INSERT INTO deeds (at, by, what, subject, merchant, detail, request_id) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        millis(*at),
        by,
        what,
        subject,
        merchant.as_ref().map(MerchantId::as_str),
        detail,
        request_id
    ])?;
    Ok(())
}

/// What somebody has done to a payment by hand; `None` where it was not by hand, or no deed of its own.
pub(crate) fn of_command(command: &Command, payment: &Payment, origin: &Origin, now: Timestamp) -> Option<Deed> {
    match &origin.actor {
        Actor::Operator(_) | Actor::User { .. } => {}
        Actor::Merchant(_) | Actor::Partner(_) | Actor::SimulatedStore | Actor::Customer | Actor::Clock => return None,
    }
    let (what, detail) = match command {
        Command::Cancel { message, .. } => ("payment-cancelled", message.clone().unwrap_or_default()),
        Command::Return { reason, .. } => ("payment-returned", reason.clone()),
        Command::ResolveException { trace_no, note, .. } => {
            ("exception-resolved", format!("attempt {trace_no}: {note}"))
        }
        Command::ChooseStore { .. }
        | Command::Pay { .. }
        | Command::Commit { .. }
        | Command::Reverse { .. }
        | Command::GiveUpAutoPay { .. }
        | Command::Sweep => return None,
    };
    Some(Deed {
        merchant: Some(payment.terms.merchant.clone()),
        detail,
        request_id: origin.request_id.clone(),
        ..Deed::new(&origin.actor, now, what, payment.terms.tx_id.as_str())
    })
}

/// A page of the log, newest first.
pub(crate) fn list(conn: &Connection, query: &DeedQuery) -> Result<Vec<LoggedDeed>, Trouble> {
    let DeedQuery { merchant, by, subject, before, limit } = query;
    // A statement for each set of filters, so that each can use its index.
    let mut sql = String::from(
        "SELECT id, at, by, what, subject, merchant, detail, request_id FROM deeds WHERE id < ?1 AND ?3 IS ?3 AND \
         ?4 IS ?4 AND ?5 IS ?5",
    );
    for (there, condition) in [
        (merchant.is_some(), " AND merchant = ?3"),
        (by.is_some(), " AND by = ?4"),
        (subject.is_some(), " AND subject = ?5"),
    ] {
        if there {
            sql.push_str(condition);
        }
    }
    sql.push_str(" ORDER BY id DESC LIMIT ?2");
    let mut statement = conn.prepare_cached(&sql)?;
    let limit = i64::try_from(*limit).unwrap_or(i64::MAX);
    let merchant = merchant.as_ref().map(MerchantId::as_str);
    let mut rows = statement.query(params![before.unwrap_or(i64::MAX), limit, merchant, by, subject])?;
    let mut page = Vec::new();
    while let Some(row) = rows.next()? {
        let merchant: Option<String> = row.get(5)?;
        let merchant = merchant
            .map(|id| id.parse().map_err(|_| Trouble::Corrupt(format!("deed of the merchant {id:?}"))))
            .transpose()?;
        page.push(LoggedDeed {
            id: row.get(0)?,
            deed: Deed {
                at: instant(row.get(1)?)?,
                by: row.get(2)?,
                what: row.get(3)?,
                subject: row.get(4)?,
                merchant,
                detail: row.get(6)?,
                request_id: row.get(7)?,
            },
        });
    }
    Ok(page)
}
