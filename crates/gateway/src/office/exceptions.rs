//! What an operator must look at because cash and ledger may differ (rules 7, 9): listed oldest first, and settled with a
//! note that stays in the payment's history.

use super::figures::sentence;
use super::form::{Fields, Form, Typed, one_line};
use super::frame::{Frame, Moment, Section, page, page_with, see_other};
use super::in_time;
use super::problem::Problem;
use super::session::{Operator, SignedIn};
use crate::app::App;
use askama::Template;
use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use axum::routing::get;
use gerai_domain::{Command, EventKind, ExceptionKind, ListedException, Payment, Refusal, Resolution, TxId};
use gerai_ledger::{Exception, ExceptionKey, ExceptionQuery, Executed, Execution, Target};
use std::sync::Arc;

/// Where it is.
pub(super) const PATH: &str = "/office/exceptions";

/// How many a page lists.
const PAGE: usize = 50;

/// The longest note, in characters.
const NOTE_CHARS: usize = 500;

/// The routes.
pub(super) fn router() -> Router<Arc<App>> {
    Router::new().route(PATH, get(list)).route("/office/exceptions/{tx_id}/{seq}", get(show).post(resolve))
}

#[derive(Template)]
#[template(path = "office/exceptions.html")]
struct ExceptionsPage {
    frame: Frame,
    done: bool,
    /// Also those that are settled.
    all: bool,
    rows: Vec<Row>,
    /// The query of the page that follows.
    older: Option<String>,
    first: bool,
}

/// One exception in the list.
struct Row {
    href: String,
    kind: String,
    at: Moment,
    tx_id: String,
    merchant: String,
    chain: &'static str,
    pay_no: String,
    amount: String,
    trace_no: String,
    resolved: Option<Settled>,
}

/// How one was settled.
struct Settled {
    at: Moment,
    by: String,
    note: String,
}

impl From<&Resolution> for Settled {
    fn from(resolution: &Resolution) -> Self {
        let Resolution { at, operator, note } = resolution;
        Self { at: Moment::of(*at), by: operator.clone(), note: note.clone() }
    }
}

impl From<&Exception> for Row {
    fn from(exception: &Exception) -> Self {
        let Exception { key: _, tx_id, seq, merchant, chain, pay_no, amount, kind, trace_no, at, resolved } = exception;
        Self {
            href: format!("{PATH}/{tx_id}/{seq}"),
            kind: sentence(kind.words()),
            at: Moment::of(*at),
            tx_id: tx_id.to_string(),
            merchant: merchant.to_string(),
            chain: chain.map_or("", |chain| chain.name()),
            pay_no: pay_no.map(|number| number.to_string()).unwrap_or_default(),
            amount: amount.pretty(),
            trace_no: trace_no.clone(),
            resolved: resolved.as_ref().map(Settled::from),
        }
    }
}

/// `GET /office/exceptions`
async fn list(State(app): State<Arc<App>>, Operator(who): Operator, uri: Uri) -> Result<Response, Problem> {
    let fields = Fields::parse(uri.query().unwrap_or_default().as_bytes());
    let all = fields.text("show") == "all";
    let after = match fields.text("after") {
        "" => None,
        text => Some(text.parse::<ExceptionKey>().map_err(|_| Problem::NotFound)?),
    };
    let query = if all { ExceptionQuery::all(PAGE + 1) } else { ExceptionQuery::open(PAGE + 1) };
    let mut found = in_time(&app, app.ledger.exceptions(ExceptionQuery { after, ..query })).await?;
    let more = found.len() > PAGE;
    found.truncate(PAGE);
    let older = found.last().filter(|_| more).map(|last| {
        let show = if all { "show=all&" } else { "" };
        format!("{show}after={}", last.key)
    });
    page(&ExceptionsPage {
        frame: Frame::of(&app, &who, Section::Exceptions, "Exceptions"),
        done: fields.text("done") == "resolved",
        all,
        rows: found.iter().map(Row::from).collect(),
        older,
        first: after.is_none(),
    })
}

#[derive(Template)]
#[template(path = "office/exception.html")]
struct ExceptionPage {
    frame: Frame,
    kind: ExceptionKind,
    tx_id: String,
    seq: u32,
    merchant: String,
    chain: &'static str,
    pay_no: String,
    amount: String,
    reference_no: String,
    trace_no: String,
    listed: Moment,
    resolved: Option<Settled>,
    note: Typed,
}

impl ExceptionPage {
    const fn possibly_taken(&self) -> bool {
        matches!(self.kind, ExceptionKind::CashPossiblyTaken)
    }
}

/// One exception with its payment.
struct Found {
    payment: Payment,
    seq: u32,
    kind: ExceptionKind,
    trace_no: String,
    listed: Moment,
}

/// Where an address points to: the payment's id and the event that listed the exception.
type Place = Result<Path<(TxId, u32)>, PathRejection>;

async fn find(app: &App, place: Place) -> Result<Found, Problem> {
    let Path((tx_id, seq)) = place.map_err(|_| Problem::NotFound)?;
    let payment = in_time(app, app.ledger.find_by_tx_id(&tx_id)).await?.ok_or(Problem::NotFound)?;
    let history = in_time(app, app.ledger.history(&tx_id)).await?;
    let listed = history.into_iter().find_map(|event| match event.kind {
        EventKind::ExceptionListed { kind, trace_no } if event.seq == seq => Some((kind, trace_no, event.at)),
        _ => None,
    });
    let (kind, trace_no, at) = listed.ok_or(Problem::NotFound)?;
    Ok(Found { payment, seq, kind, trace_no, listed: Moment::of(at) })
}

/// How the attempt's exception of this kind stands: the open one, or the one that was settled last.
fn standing<'a>(payment: &'a Payment, kind: ExceptionKind, trace_no: &str) -> Option<&'a ListedException> {
    let mut of_attempt =
        payment.standing.exceptions.iter().filter(|listed| listed.kind == kind && listed.trace_no == trace_no);
    of_attempt.clone().find(|listed| listed.resolved.is_none()).or_else(|| of_attempt.next_back())
}

fn answer(app: &App, who: &SignedIn, found: &Found, status: StatusCode, note: Typed) -> Result<Response, Problem> {
    let Found { payment, seq, kind, trace_no, listed } = found;
    let resolved = standing(payment, *kind, trace_no).and_then(|listed| listed.resolved.as_ref());
    let template = ExceptionPage {
        frame: Frame::of(app, who, Section::Exceptions, "Exception"),
        kind: *kind,
        tx_id: payment.terms.tx_id.to_string(),
        seq: *seq,
        merchant: payment.terms.merchant.to_string(),
        chain: payment.standing.chain.map_or("", |chain| chain.name()),
        pay_no: payment.standing.pay_no.map(|number| number.to_string()).unwrap_or_default(),
        amount: payment.terms.amount.pretty(),
        reference_no: payment.terms.reference_no.clone(),
        trace_no: trace_no.clone(),
        listed: listed.clone(),
        resolved: resolved.map(Settled::from),
        note,
    };
    page_with(status, &template)
}

/// `GET /office/exceptions/{tx_id}/{seq}`
async fn show(State(app): State<Arc<App>>, Operator(who): Operator, place: Place) -> Result<Response, Problem> {
    answer(&app, &who, &find(&app, place).await?, StatusCode::OK, Typed::default())
}

/// `POST /office/exceptions/{tx_id}/{seq}`
async fn resolve(
    State(app): State<Arc<App>>,
    Operator(who): Operator,
    place: Place,
    form: Form,
) -> Result<Response, Problem> {
    let mut found = find(&app, place).await?;
    let mut note = Typed::of(form.fields.text("note"));
    let written = match one_line(&note.text, NOTE_CHARS) {
        Ok(written) => written,
        Err(wrong) => {
            note.refuse(wrong);
            return answer(&app, &who, &found, StatusCode::BAD_REQUEST, note);
        }
    };
    let execution = Execution {
        target: Target::TxId(found.payment.terms.tx_id.clone()),
        command: Command::ResolveException {
            kind: found.kind,
            trace_no: found.trace_no.clone(),
            operator: who.name.to_string(),
            note: written,
        },
        rules: Arc::clone(&app.rules),
        now: app.clock.now(),
        origin: who.origin(),
        idempotency: None,
    };
    match in_time(&app, app.ledger.execute(execution)).await? {
        Executed::Judged { verdict: Ok(_), .. } => Ok(see_other(&app, &format!("{PATH}?done=resolved"))),
        Executed::Judged { payment, verdict: Err(Refusal::AlreadyResolved) } => {
            // The page says who was first, and keeps what was typed.
            found.payment = *payment;
            note.refuse("It was resolved meanwhile; this note was not kept.");
            answer(&app, &who, &found, StatusCode::CONFLICT, note)
        }
        Executed::Judged { verdict: Err(refusal), .. } => Err(Problem::Broken(refusal.to_string().into())),
        Executed::NotFound | Executed::ExternalIdReused => Err(Problem::NotFound),
    }
}
