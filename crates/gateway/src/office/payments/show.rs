//! One payment's page: its fields, what has happened to it, what its merchant was told, and what can be done about it.

use super::words::{
    Badge, actor_words, answer_words, attempt_words, event_words, kind_name, notice_name, notification_badge,
    phase_badge, till_words,
};
use super::{find, path_of};
use crate::app::App;
use crate::office::form::{Fields, Typed};
use crate::office::frame::{Frame, Moment, Section, page_with};
use crate::office::in_time;
use crate::office::problem::Problem;
use crate::office::session::SignedIn;
use askama::Template;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use gerai_domain::{Attempt, Chain, Event, ListedException, Payment, PaymentTerms, Phase, Standing, wib};
use gerai_ledger::{DeliveryAnswer, DeliveryRecord, NotificationRecord, NotificationState, Role};
use jiff::Timestamp;
use serde_json::{Map, Value};
use std::sync::Arc;

/// How many attempts of a notification are shown: the last ones.
const ATTEMPTS: usize = 20;

/// How much of a token or signature is shown: enough to compare, too little to use.
const SHOWN: usize = 12;

#[derive(Template)]
#[template(path = "office/payment.html")]
struct PaymentPage {
    frame: Frame,
    /// The page's address.
    here: String,
    /// Changes when the payment does.
    version: String,
    done: Option<&'static str>,
    /// Why a form was not obeyed.
    refused: Option<String>,
    reference_no: String,
    badge: Badge,
    amount: String,
    facts: Vec<Fact>,
    /// The other fields of the registration.
    details: Vec<Fact>,
    attempts: Vec<AttemptRow>,
    exceptions: Vec<ExceptionRow>,
    events: Vec<EventRow>,
    notifications: Vec<NotificationView>,
    act: Act,
    /// What was typed into the form that was not obeyed.
    typed: Typed,
}

/// A field with its value.
struct Fact {
    name: String,
    value: String,
    /// The value's own text, where there is a button to copy it.
    copy: Option<String>,
}

struct AttemptRow {
    trace_no: String,
    till: String,
    taken: Moment,
    receipt_code: String,
    state: String,
}

struct ExceptionRow {
    kind: &'static str,
    trace_no: String,
    how: String,
}

struct EventRow {
    at: Moment,
    what: &'static str,
    text: String,
    who: String,
    request_id: Option<String>,
}

struct NotificationView {
    id: i64,
    what: &'static str,
    badge: Badge,
    url: String,
    message_id: String,
    next: Option<Moment>,
    failed: bool,
    /// Earlier attempts that are not shown.
    earlier: usize,
    attempts: Vec<DeliveryView>,
}

struct DeliveryView {
    number: usize,
    at: Moment,
    answer: String,
    took: String,
    headers: Vec<(String, String)>,
    body: Vec<(String, String)>,
    excerpt: Option<String>,
}

/// What whoever looks can do about it.
enum Act {
    Cancel,
    Return,
    /// Nothing; why.
    Nothing(String),
}

/// What came of the form that led here.
fn done(uri: &Uri) -> Option<&'static str> {
    match Fields::parse(uri.query().unwrap_or_default().as_bytes()).text("done") {
        "cancelled" => Some("The payment is cancelled. Its number cannot be paid any more."),
        "returned" => Some("The return is noted, and the merchant is being told (status 1)."),
        "replayed" => Some("The notification is in the queue again; its schedule begins anew."),
        _ => None,
    }
}

/// `GET /office/payments/{tXid}`
pub(super) async fn show(
    State(app): State<Arc<App>>,
    who: SignedIn,
    Path(tx_id): Path<String>,
    uri: Uri,
) -> Result<Response, Problem> {
    let payment = find(&app, &who, &tx_id).await?;
    let said = Said { done: done(&uri), ..Said::default() };
    answer(&app, &who, &payment, StatusCode::OK, said).await
}

/// What the page says about a form.
#[derive(Default)]
pub(super) struct Said {
    pub(super) done: Option<&'static str>,
    /// Why it was not obeyed.
    pub(super) refused: Option<String>,
    /// What was typed into it.
    pub(super) typed: Typed,
}

/// The page of a payment that whoever asks may see.
pub(super) async fn answer(
    app: &App,
    who: &SignedIn,
    payment: &Payment,
    status: StatusCode,
    said: Said,
) -> Result<Response, Problem> {
    let tx_id = &payment.terms.tx_id;
    let history = in_time(app, app.ledger.history(tx_id)).await?;
    let notifications = in_time(app, app.ledger.notifications(tx_id)).await?;
    let now = app.clock.now();
    let phase = payment.phase(now);
    let tried: usize = notifications.iter().map(|notification| notification.attempts.len()).sum();
    let Said { done, refused, typed } = said;
    let page = PaymentPage {
        frame: Frame::of(app, who, Section::Payments, format!("Payment {}", payment.terms.reference_no)),
        here: format!("{}{}", app.office.base, path_of(tx_id)),
        version: format!("{phase:?}-{}-{tried}", history.len()),
        done,
        refused,
        reference_no: payment.terms.reference_no.clone(),
        badge: phase_badge(phase),
        amount: payment.terms.amount.pretty(),
        facts: facts(payment),
        details: details(&payment.terms),
        attempts: payment.standing.attempts.iter().map(AttemptRow::of).collect(),
        exceptions: payment.standing.exceptions.iter().map(ExceptionRow::of).collect(),
        events: history.iter().map(EventRow::of).collect(),
        notifications: notifications.into_iter().map(NotificationView::of).collect(),
        act: Act::of(&who.role, payment, now),
        typed,
    };
    page_with(status, &page)
}

impl Act {
    fn of(role: &Role, payment: &Payment, now: Timestamp) -> Self {
        let merchant = &payment.terms.merchant;
        let text = match (payment.phase(now), role) {
            (Phase::Paid, Role::Operator) => return Self::Return,
            (Phase::AwaitingStore | Phase::Unpaid, Role::Merchant(_)) => return Self::Cancel,
            (Phase::AwaitingStore | Phase::Unpaid, Role::Operator) => format!(
                "Only its merchant can cancel it: {merchant} over its API, or one of its users here. Unpaid, it expires by \
                 itself at its deadline."
            ),
            (Phase::Paid, Role::Merchant(_)) => {
                "A paid payment is not cancelled. Whoever runs the gateway can note its return by hand, with a reason.".into()
            }
            (Phase::ReadyToCommit, _) => {
                "A store is taking the money right now: nothing can be done until it has confirmed, or its time is over."
                    .into()
            }
            (Phase::Expired, _) => "It has expired and was never paid, so there is nothing to cancel or to return.".into(),
            (Phase::Cancelled, _) => "It is cancelled, for good.".into(),
            (Phase::Returned, _) => "It was returned by hand, for good.".into(),
        };
        Self::Nothing(text)
    }
}

fn fact(name: &str, value: impl Into<String>) -> Fact {
    Fact { name: name.into(), value: value.into(), copy: None }
}

fn copied(name: &str, value: impl Into<String>, copy: impl Into<String>) -> Fact {
    Fact { copy: Some(copy.into()), ..fact(name, value) }
}

fn facts(payment: &Payment) -> Vec<Fact> {
    let PaymentTerms {
        merchant,
        tx_id,
        kind,
        reference_no,
        amount: _,
        registered_at,
        deadline,
        goods_nm,
        billing_nm,
        description,
        db_process_url,
        call_back_url,
        fingerprint: _,
        details: _,
    } = &payment.terms;
    let Standing {
        state: _,
        chain,
        pay_no,
        attempts: _,
        marks,
        expiry_noted: _,
        auto_pay_at,
        cancelled,
        returned,
        exceptions: _,
    } = &payment.standing;
    let mut facts = vec![
        copied("tXid", tx_id.as_str(), tx_id.as_str()),
        copied("Order (referenceNo)", reference_no, reference_no),
        fact("Merchant (iMid)", merchant.as_str()),
    ];
    if let Some(pay_no) = pay_no {
        facts.push(copied("Payment number (payNo)", pay_no.grouped(), pay_no.to_string()));
    }
    if let Some(chain) = chain {
        facts.push(fact("Chain (mitraCd)", format!("{} ({})", Chain::name(*chain), chain.code())));
    }
    facts.push(fact("Registered", format!("{}, {}", wib::human(*registered_at), kind_name(*kind))));
    facts.push(fact("Payable until", wib::human(*deadline)));
    facts.push(fact("Goods (goodsNm)", goods_nm));
    facts.push(fact("Buyer (billingNm)", billing_nm));
    if let Some(description) = description {
        facts.push(fact("Description", description));
    }
    facts.push(fact("Notified at (dbProcessUrl)", db_process_url));
    if let Some(url) = call_back_url {
        facts.push(fact("Back to (callBackUrl)", url));
    }
    if let Some(at) = auto_pay_at {
        facts.push(fact("Simulated store", format!("pays {}", wib::human(*at))));
    }
    if !marks.is_empty() {
        facts.push(fact("Traces reversed beforehand", marks.join(", ")));
    }
    if let Some(cancelled) = cancelled {
        let message = cancelled.message.as_deref().unwrap_or("no reason given");
        facts.push(fact("Cancelled", format!("{}: {message}", wib::human(cancelled.at))));
    }
    if let Some(returned) = returned {
        let text = format!("{} by {}: {}", wib::human(returned.at), returned.operator, returned.reason);
        facts.push(fact("Returned", text));
    }
    facts
}

/// The other fields of the registration, which are kept as one text.
fn details(terms: &PaymentTerms) -> Vec<Fact> {
    let fields: Map<String, Value> = serde_json::from_str(&terms.details).unwrap_or_default();
    let text = |value: Value| match value {
        Value::String(text) => text,
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            other.to_string()
        }
    };
    fields.into_iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| fact(&name, text(value))).collect()
}

impl AttemptRow {
    fn of(attempt: &Attempt) -> Self {
        Self {
            trace_no: attempt.trace_no.clone(),
            till: till_words(attempt),
            taken: Moment::of(attempt.taken_at),
            receipt_code: attempt.receipt_code.clone(),
            state: attempt_words(attempt.state),
        }
    }
}

impl ExceptionRow {
    fn of(exception: &ListedException) -> Self {
        let ListedException { kind, trace_no, resolved } = exception;
        let how = match resolved {
            Some(resolution) => {
                format!("settled {} by {}: {}", wib::human(resolution.at), resolution.operator, resolution.note)
            }
            None => "open".into(),
        };
        Self { kind: kind.words(), trace_no: trace_no.clone(), how }
    }
}

impl EventRow {
    fn of(event: &Event) -> Self {
        let Event { seq: _, at, actor, request_id, kind } = event;
        let (what, text) = event_words(kind);
        Self { at: Moment::of(*at), what, text, who: actor_words(actor), request_id: request_id.clone() }
    }
}

impl NotificationView {
    fn of(record: NotificationRecord) -> Self {
        let NotificationRecord { id, message_id, event_seq: _, url, state, next_at, notice, attempts } = record;
        let earlier = attempts.len().saturating_sub(ATTEMPTS);
        let shown = attempts.into_iter().enumerate().skip(earlier);
        Self {
            id,
            what: notice_name(notice.status),
            badge: notification_badge(state),
            url,
            message_id,
            next: next_at.map(Moment::of),
            failed: state == NotificationState::Failed,
            earlier,
            attempts: shown.map(|(place, record)| DeliveryView::of(place + 1, record)).collect(),
        }
    }
}

impl DeliveryView {
    fn of(number: usize, record: DeliveryRecord) -> Self {
        let DeliveryRecord { at, headers, body, answer, took } = record;
        let body = url::form_urlencoded::parse(body.as_bytes()).into_owned();
        Self {
            number,
            at: Moment::of(at),
            took: format!("{} ms", took.as_millis()),
            headers: headers.into_iter().map(masked).collect(),
            body: body.map(masked).collect(),
            excerpt: match &answer {
                DeliveryAnswer::Status { code: _, excerpt } if !excerpt.is_empty() => Some(excerpt.clone()),
                DeliveryAnswer::Status { .. } | DeliveryAnswer::Failed(_) => None,
            },
            answer: answer_words(&answer),
        }
    }
}

/// A token or signature with its end left out.
fn masked((name, value): (String, String)) -> (String, String) {
    let lower = name.to_ascii_lowercase();
    if !lower.contains("token") && !lower.contains("signature") {
        return (name, value);
    }
    let mut shown: String = value.chars().take(SHOWN).collect();
    if shown.len() < value.len() {
        shown.push('…');
    }
    (name, shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_and_signatures_are_shown_only_to_compare() {
        let shown = |name: &str| masked((name.into(), "0123456789abcdef".into())).1;
        for name in ["merchantToken", "webhook-signature", "X-Signature"] {
            assert_eq!(shown(name), "0123456789ab…", "{name}");
        }
        assert_eq!(shown("tXid"), "0123456789abcdef");
        assert_eq!(masked(("merchantToken".into(), "short".into())).1, "short");
    }
}
