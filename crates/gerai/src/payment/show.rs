//! Everything that is known of one payment, for people and for machines.

use super::phase_words;
use crate::beside::Beside;
use crate::notifications::{answer_words, words};
use gerai_domain::{
    Attempt, AttemptState, Event, EventKind, Kind, ListedException, Payment, PaymentTerms, Standing, printable, wib,
};
use gerai_ledger::{DeliveryRecord, Ledger, NotificationRecord, NotificationState};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use std::io::{self, Write};

/// Prints it.
pub(super) async fn show(beside: &Beside, payment: &Payment, as_json: bool) -> anyhow::Result<()> {
    let history = beside.ledger.history(&payment.terms.tx_id).await?;
    let notifications = beside.ledger.notifications(&payment.terms.tx_id).await?;
    let now = beside.clock.now();
    let mut out = io::stdout().lock();
    if as_json {
        let mut value = tell(payment, now);
        value.insert("history".into(), history.iter().map(tell_event).collect());
        value.insert("notifications".into(), notifications.iter().map(tell_notification).collect());
        writeln!(out, "{}", Value::Object(value))?;
        return Ok(());
    }
    for line in lines(payment, now) {
        writeln!(out, "{line}")?;
    }
    writeln!(out, "\nHistory")?;
    for event in &history {
        let request = event.request_id.as_ref().map_or(String::new(), |id| format!("  (request {})", printable(id)));
        let (at, actor) = (wib::human(event.at), printable(&event.actor));
        writeln!(out, "  {:>3}  {at}  {actor:<20}  {}{request}", event.seq, event_words(&event.kind))?;
    }
    if !notifications.is_empty() {
        writeln!(out, "\nNotifications")?;
        for line in notifications.iter().flat_map(notification_lines) {
            writeln!(out, "  {line}")?;
        }
    }
    Ok(())
}

const fn kind_words(kind: Kind) -> &'static str {
    match kind {
        Kind::Direct => "Direct",
        Kind::Redirect => "Redirect",
    }
}

fn attempt_words(state: AttemptState) -> String {
    match state {
        AttemptState::ReadyToCommit { commit_by } => format!("ready to commit until {}", wib::human(commit_by)),
        AttemptState::Paid => "paid".into(),
        AttemptState::Lapsed => "lapsed: no commit came in time".into(),
        AttemptState::Reversed => "reversed".into(),
    }
}

/// The other fields of the registration.
fn details(terms: &PaymentTerms) -> Map<String, Value> {
    serde_json::from_str(&terms.details).unwrap_or_default()
}

fn tell(payment: &Payment, now: Timestamp) -> Map<String, Value> {
    let Payment { terms, standing } = payment;
    let PaymentTerms {
        merchant,
        tx_id,
        kind,
        reference_no,
        amount,
        registered_at,
        deadline,
        goods_nm,
        billing_nm,
        description,
        db_process_url,
        call_back_url,
        fingerprint: _,
        details: _,
    } = terms;
    let Standing {
        state: _,
        chain,
        pay_no,
        attempts,
        marks,
        expiry_noted: _,
        auto_pay_at,
        cancelled,
        returned,
        exceptions,
    } = standing;
    let value = json!({
        "tXid": tx_id.as_str(),
        "iMid": merchant,
        "kind": kind_words(*kind),
        "referenceNo": reference_no,
        "amt": amount,
        "state": phase_words(payment.phase(now)),
        "mitraCd": chain,
        "payNo": pay_no,
        "registeredAt": wib::iso(*registered_at),
        "deadline": wib::iso(*deadline),
        "goodsNm": goods_nm,
        "billingNm": billing_nm,
        "description": description,
        "dbProcessUrl": db_process_url,
        "callBackUrl": call_back_url,
        "details": details(terms),
        "attempts": attempts.iter().map(tell_attempt).collect::<Vec<_>>(),
        "tracesReversedBeforehand": marks,
        "autoPayAt": auto_pay_at.map(wib::iso),
        "cancelled": cancelled.as_ref().map(|cancelled| json!({
            "at": wib::iso(cancelled.at), "canceltXid": cancelled.cancel_tx_id.as_str(), "message": cancelled.message,
        })),
        "returned": returned.as_ref().map(|returned| json!({
            "at": wib::iso(returned.at), "by": returned.operator, "reason": returned.reason,
        })),
        "exceptions": exceptions.iter().map(tell_exception).collect::<Vec<_>>(),
    });
    match value {
        Value::Object(fields) => fields,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    }
}

fn tell_attempt(attempt: &Attempt) -> Value {
    let Attempt { trace_no, brand, store_code, terminal_id, taken_at, receipt_code, receipt, state, flagged: _ } =
        attempt;
    json!({
        "traceNo": trace_no,
        "storeBrand": brand,
        "storeCode": store_code,
        "terminalId": terminal_id,
        "takenAt": wib::iso(*taken_at),
        "receiptCode": receipt_code,
        "receipt": receipt,
        "state": attempt_words(*state),
    })
}

fn tell_exception(exception: &ListedException) -> Value {
    let ListedException { kind, trace_no, resolved } = exception;
    json!({
        "kind": kind,
        "traceNo": trace_no,
        "resolved": resolved.as_ref().map(|resolution| json!({
            "at": wib::iso(resolution.at), "by": resolution.operator, "note": resolution.note,
        })),
    })
}

fn tell_event(event: &Event) -> Value {
    let Event { seq, at, actor, request_id, kind } = event;
    json!({ "seq": seq, "at": wib::iso(*at), "actor": actor, "requestId": request_id, "what": kind })
}

const fn state_words(state: NotificationState) -> &'static str {
    match state {
        NotificationState::Waiting => "waiting",
        NotificationState::Pending => "pending",
        NotificationState::Delivered => "delivered",
        NotificationState::Failed => "failed",
    }
}

/// A notification for machines. Bodies and headers stay in the ledger: they hold signatures.
pub(crate) fn tell_notification(record: &NotificationRecord) -> Value {
    let NotificationRecord { id, message_id, event_seq, url, state, next_at, notice, attempts } = record;
    json!({
        "id": id,
        "webhookId": message_id,
        "event": event_seq,
        "status": words(notice.status),
        "url": url,
        "state": state_words(*state),
        "nextAttemptAt": next_at.map(wib::iso),
        "attempts": attempts.iter().map(|attempt| json!({
            "at": wib::iso(attempt.at),
            "answer": answer_words(&attempt.answer),
            "tookMs": u64::try_from(attempt.took.as_millis()).unwrap_or(u64::MAX),
        })).collect::<Vec<_>>(),
    })
}

/// A notification for people.
pub(crate) fn notification_lines(record: &NotificationRecord) -> Vec<String> {
    let NotificationRecord { id, message_id: _, event_seq: _, url, state, next_at, notice, attempts } = record;
    let next = next_at.map_or(String::new(), |at| format!(", next attempt {}", wib::human(at)));
    let head = format!("{id:>8}  {:<8}  {}{next}  {url}", words(notice.status), state_words(*state));
    let attempts = attempts.iter().map(|attempt| {
        let DeliveryRecord { at, headers: _, body: _, answer, took } = attempt;
        format!("          {}  {} ({} ms)", wib::human(*at), answer_words(answer), took.as_millis())
    });
    std::iter::once(head).chain(attempts).collect()
}

/// The fields, one a line.
fn lines(payment: &Payment, now: Timestamp) -> Vec<String> {
    let Payment { terms, standing } = payment;
    let mut lines = Vec::new();
    let mut line = |name: &str, value: &str| lines.push(format!("{name:<16}{}", printable(value)));
    line("tXid", terms.tx_id.as_str());
    line("Merchant", terms.merchant.as_str());
    line("Order", &terms.reference_no);
    line("Amount", &terms.amount.pretty());
    line("State", phase_words(payment.phase(now)));
    if let Some(pay_no) = standing.pay_no {
        line("Payment number", &pay_no.grouped());
    }
    if let Some(chain) = standing.chain {
        line("Chain", &format!("{chain} ({})", chain.name()));
    }
    line("Registered", &format!("{} ({})", wib::human(terms.registered_at), kind_words(terms.kind)));
    line("Payable until", &wib::human(terms.deadline));
    line("Goods", &terms.goods_nm);
    line("Buyer", &terms.billing_nm);
    if let Some(description) = &terms.description {
        line("Description", description);
    }
    line("Notified at", &terms.db_process_url);
    if let Some(url) = &terms.call_back_url {
        line("Back to", url);
    }
    for (name, value) in details(terms) {
        line(&name, value.as_str().unwrap_or(&value.to_string()));
    }
    for attempt in &standing.attempts {
        let Attempt { trace_no, brand, store_code, terminal_id, taken_at, receipt_code, state, .. } = attempt;
        let (at, state) = (wib::human(*taken_at), attempt_words(*state));
        let place = format!("{} {store_code} till {terminal_id}", brand.name());
        line("Attempt", &format!("trace {trace_no}, {place}, {at}, receipt {receipt_code}: {state}"));
    }
    for trace_no in &standing.marks {
        line("Refused trace", &format!("{trace_no}, reversed before its payment came"));
    }
    if let Some(at) = standing.auto_pay_at {
        line("Simulated store", &format!("pays {}", wib::human(at)));
    }
    if let Some(cancelled) = &standing.cancelled {
        let message = cancelled.message.as_deref().unwrap_or("no reason given");
        line("Cancelled", &format!("{} under {}: {message}", wib::human(cancelled.at), cancelled.cancel_tx_id));
    }
    if let Some(returned) = &standing.returned {
        line("Returned", &format!("{} by {}: {}", wib::human(returned.at), returned.operator, returned.reason));
    }
    for ListedException { kind, trace_no, resolved } in &standing.exceptions {
        let how = match resolved {
            Some(resolution) => {
                format!("resolved {} by {}: {}", wib::human(resolution.at), resolution.operator, resolution.note)
            }
            None => "open".into(),
        };
        line("Exception", &format!("{}, trace {trace_no}: {how}", kind.words()));
    }
    lines
}

fn event_words(kind: &EventKind) -> String {
    let text = match kind {
        EventKind::Registered { amount, deadline, chain: _, pay_no: _, auto_pay_at: _ } => {
            format!("registered for {}, payable until {}", amount.pretty(), wib::human(*deadline))
        }
        EventKind::StoreChosen { chain, pay_no, auto_pay_at: _ } => format!("store chosen: {chain}, number {pay_no}"),
        EventKind::Taken { attempt } => {
            let Attempt { trace_no, brand, store_code, terminal_id, state, .. } = attempt;
            let place = format!("{} {store_code} till {terminal_id}", brand.name());
            format!("money taken: trace {trace_no} at {place}: {}", attempt_words(*state))
        }
        EventKind::Committed { trace_no, late } => {
            format!("committed{}: trace {trace_no}", if *late { " late" } else { "" })
        }
        EventKind::CommitLapsed { trace_no } => format!("no commit came in time: trace {trace_no}"),
        EventKind::Reversed { trace_no, was_paid, reason } => {
            let was = if *was_paid { " a paid one" } else { "" };
            format!("reversed{was}: trace {trace_no}: {reason}")
        }
        EventKind::ReversalMarked { trace_no, reason } => {
            format!("a reversal came for the unknown trace {trace_no}: {reason}")
        }
        EventKind::Cancelled { cancel_tx_id, message } => {
            format!("cancelled under {cancel_tx_id}: {}", message.as_deref().unwrap_or("no reason given"))
        }
        EventKind::Returned { operator, reason } => format!("returned by {operator}: {reason}"),
        EventKind::Expired => "expired".into(),
        EventKind::AutoPayGivenUp { reason } => format!("the simulated store gave up: {reason}"),
        EventKind::ExceptionListed { kind, trace_no } => format!("listed: {}, trace {trace_no}", kind.words()),
        EventKind::ExceptionResolved { kind, trace_no, operator, note } => {
            format!("resolved by {operator}: {}, trace {trace_no}: {note}", kind.words())
        }
    };
    printable(&text)
}
