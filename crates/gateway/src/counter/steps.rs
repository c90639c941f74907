//! What the counter's forms do. Each step is a request to the store API (two where a payment is committed in the same
//! go) and ends in a slip.

use super::carried::{Carried, Fields};
use super::slips::{Refused, Slip, SlipId, What};
use super::till::{Heard, Till};
use super::view::{self, Hint};
use super::why::Why;
use super::{CALL, Counter, Gateway, Visit, not_here, told};
use crate::address::ClientAddress;
use crate::app::App;
use crate::form_key::{TOKEN, from_elsewhere};
use crate::html::{self, see_other};
use crate::http::{Told, client_of, read_body};
use crate::sandbox::move_on_to;
use crate::store::Service;
use axum::extract::{Extension, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;
use std::sync::Arc;

/// A form that is ours.
struct Desk<'a> {
    app: &'a Arc<App>,
    counter: &'a Counter,
    gateway: &'a Gateway,
    client: ClientAddress,
    visit: Visit,
    form: Fields,
    carried: Carried,
}

/// Reads a form; one that is not ours is answered with the reason and does nothing.
async fn desk<'a>(
    app: &'a Arc<App>,
    gateway: &'a Gateway,
    service: Option<Service>,
    request: Request,
) -> Result<Desk<'a>, Response> {
    let Some(sandbox) = &app.sandbox else { return Err(not_here()) };
    let (counter, visit, client) = (&sandbox.counter, Visit::of(&request), client_of(&request));
    let (parts, body) = request.into_parts();
    let refused = |status, hint, code| {
        let text = view::start(app, counter, &visit, &Carried::read(&Fields::read(b"")), Some(hint));
        html::page(status, text, "'self'", told(code, ""))
    };
    let body = read_body(app, body).await.map_err(|error| refused(error.status(), Hint::Unread, "unread"))?;
    let form = Fields::read(&body);
    let carried = Carried::read(&form);
    if !counter.form_key.is_own(CALL, form.get(TOKEN), &parts.headers) {
        // What another site made up is not even shown.
        return Err(match service.filter(|_| !from_elsewhere(&parts.headers)) {
            Some(service) => {
                let refused = Refused { service, why: Why::FormTooOld, code: None, message: None, opens: None };
                let told = told("form_too_old", &carried.pay_no);
                let slip = Slip { carried, what: What::Refused(refused) };
                html::page(StatusCode::FORBIDDEN, view::unkept(app, counter, &visit, &slip), "'self'", told)
            }
            None => refused(StatusCode::FORBIDDEN, Hint::FormTooOld, "form_too_old"),
        });
    }
    Ok(Desk { app, counter, gateway, client, visit, form, carried })
}

impl Desk<'_> {
    fn till(&self) -> Till<'_> {
        Till { app: self.app, gateway: self.gateway, client: self.client, patience: self.counter.patience }
    }

    /// Writes a slip, and sends the browser to it.
    fn slip(&self, carried: Carried, what: What) -> Response {
        let told = told(what.name(), &carried.pay_no);
        let id = self.counter.slips.keep(Slip { carried, what });
        see_other(&view::slip_address(self.counter, id, self.visit.chosen), told)
    }

    fn refused(&self, service: Service, why: Why, code: Option<String>, message: Option<String>) -> Response {
        let now = self.app.clock.now();
        let hours = self.app.rules.hours(self.carried.brand);
        let opens = if why == Why::Closed { hours.next_open(now) } else { None };
        let refused = Refused { service, why, code, message, opens };
        self.slip(self.carried.clone(), What::Refused(refused))
    }

    /// The number field again, with what is wrong.
    fn back(&self, hint: Hint) -> Response {
        let text = view::start(self.app, self.counter, &self.visit, &self.carried, Some(hint));
        html::page(StatusCode::BAD_REQUEST, text, "'self'", told("start", &self.carried.pay_no))
    }

    /// The slip that says what is owed, again, with what is wrong.
    fn back_to_bill(&self, hint: Hint) -> Response {
        let found: Option<(SlipId, Arc<Slip>)> =
            self.carried.bill.and_then(|id| Some((id, self.counter.slips.find(id)?)));
        match found {
            Some((id, slip)) => {
                let text = view::slip(self.app, self.counter, &self.visit, id, &slip, Some((hint, &self.form)));
                html::page(StatusCode::BAD_REQUEST, text, "'self'", told("bill", &self.carried.pay_no))
            }
            None => self.back(hint),
        }
    }
}

/// A name for an attempt that nobody has used: 15 characters of at most 20.
fn draw_trace() -> String {
    format!("K{:014}", rand::random_range(0..100_000_000_000_000_u64))
}

/// Looks a number up (S9).
pub(super) async fn inquire(
    State(app): State<Arc<App>>,
    Extension(gateway): Extension<Gateway>,
    request: Request,
) -> Response {
    const SERVICE: Service = Service::Inquiry;
    let desk = match desk(&app, &gateway, Some(SERVICE), request).await {
        Ok(desk) => desk,
        Err(response) => return response,
    };
    if desk.carried.pay_no.is_empty() {
        return desk.back(Hint::NumberMissing);
    }
    match desk.till().inquire(&desk.carried).await {
        Heard::Done((amount, bill)) => {
            let carried = Carried { amount: Some(amount), trace_no: Some(draw_trace()), ..desk.carried.clone() };
            desk.slip(carried, What::Bill(bill))
        }
        Heard::Not { why, code, message } => desk.refused(SERVICE, why, code, message),
    }
}

/// Takes the money (S10), and unless it is to wait confirms it (rule 7).
pub(super) async fn pay(
    State(app): State<Arc<App>>,
    Extension(gateway): Extension<Gateway>,
    request: Request,
) -> Response {
    const SERVICE: Service = Service::Payment;
    let desk = match desk(&app, &gateway, Some(SERVICE), request).await {
        Ok(desk) => desk,
        Err(response) => return response,
    };
    let carried = &desk.carried;
    let (Some(amount), Some(trace_no)) = (carried.amount, carried.trace_no.as_deref()) else {
        return desk.back(Hint::Unread);
    };
    if carried.given.is_none() {
        return desk.back_to_bill(Hint::CashUnread);
    }
    if carried.change().is_none() {
        return desk.back_to_bill(Hint::CashShort);
    }
    let till = desk.till();
    let taken = match till.pay(carried, amount, trace_no).await {
        Heard::Done(taken) => taken,
        Heard::Not { why, code, message } => return desk.refused(SERVICE, why, code, message),
    };
    if taken.paid || !carried.commit {
        return desk.slip(carried.clone(), What::Taken(taken));
    }
    match till.commit(carried, trace_no).await {
        Heard::Done(taken) => desk.slip(carried.clone(), What::Taken(taken)),
        Heard::Not { why, code, message } => desk.refused(Service::Commit, why, code, message),
    }
}

/// Confirms what was taken before.
pub(super) async fn commit(
    State(app): State<Arc<App>>,
    Extension(gateway): Extension<Gateway>,
    request: Request,
) -> Response {
    const SERVICE: Service = Service::Commit;
    let desk = match desk(&app, &gateway, Some(SERVICE), request).await {
        Ok(desk) => desk,
        Err(response) => return response,
    };
    let Some(trace_no) = desk.carried.trace_no.as_deref() else { return desk.back(Hint::Unread) };
    match desk.till().commit(&desk.carried, trace_no).await {
        Heard::Done(taken) => desk.slip(desk.carried.clone(), What::Taken(taken)),
        Heard::Not { why, code, message } => desk.refused(SERVICE, why, code, message),
    }
}

/// Takes back what was taken (rule 9).
pub(super) async fn reverse(
    State(app): State<Arc<App>>,
    Extension(gateway): Extension<Gateway>,
    request: Request,
) -> Response {
    const SERVICE: Service = Service::Reversal;
    let desk = match desk(&app, &gateway, Some(SERVICE), request).await {
        Ok(desk) => desk,
        Err(response) => return response,
    };
    let Some(trace_no) = desk.carried.trace_no.as_deref() else { return desk.back(Hint::Unread) };
    // Left empty, it is said to be missing by the store API itself.
    let reason = desk.carried.reason.as_deref().unwrap_or_default();
    match desk.till().reverse(&desk.carried, trace_no, reason).await {
        Heard::Done(()) => desk.slip(desk.carried.clone(), What::Reversed),
        Heard::Not { why, code, message } => desk.refused(SERVICE, why, code, message),
    }
}

/// Moves the sandbox's clock on, and leads back to the number, or to the slip that the form stood on.
pub(super) async fn move_clock(
    State(app): State<Arc<App>>,
    Extension(gateway): Extension<Gateway>,
    request: Request,
) -> Response {
    let desk = match desk(&app, &gateway, None, request).await {
        Ok(desk) => desk,
        Err(response) => return response,
    };
    let until: Option<Timestamp> = desk.form.get("until").and_then(|text| text.parse().ok());
    let Some(until) = until else { return desk.back(Hint::Unread) };
    // A form leads as far as its page says, to the next opening or the end of a commit's time, never further.
    let farthest = app.clock.now().saturating_add(FARTHEST_MOVE).unwrap_or(Timestamp::MAX);
    if until > farthest {
        return desk.back(Hint::Unread);
    }
    match move_on_to(desk.app, until).await {
        Ok(()) => {
            let back = desk.form.get("slip").and_then(|id| id.parse().ok());
            let address = match back.filter(|id| desk.counter.slips.find(*id).is_some()) {
                Some(slip) => view::slip_address(desk.counter, slip, desk.visit.chosen),
                None => view::start_address(desk.counter, &desk.carried, desk.visit.chosen),
            };
            see_other(&address, told("clock", &desk.carried.pay_no))
        }
        Err(refused) => {
            let text = view::start(&app, desk.counter, &desk.visit, &desk.carried, Some(Hint::ClockBusy));
            let told = Told { trouble: refused.trouble(), ..told("clock_busy", &desk.carried.pay_no) };
            html::page(StatusCode::SERVICE_UNAVAILABLE, text, "'self'", told)
        }
    }
}

/// How far one click moves the clock.
const FARTHEST_MOVE: jiff::SignedDuration = jiff::SignedDuration::from_hours(48);
