//! Signing in and out. There is no session yet that the form's token could be made of, so the browser's word on where the
//! form comes from guards it.

use super::form::{Fields, Form, Typed, came_from_elsewhere};
use super::frame::{Frame, page_with, see_other, told};
use super::passwords::{Proof, prove};
use super::problem::Problem;
use super::{next, session};
use crate::app::{App, RequestId};
use crate::http::{client_of, read_body};
use askama::Template;
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use jiff::Timestamp;
use std::sync::Arc;

/// Where the sign-in page is.
pub(super) const PATH: &str = "/office/sign-in";

/// What every wrong name and every wrong password is told.
const WRONG: &str = "The name or the password is wrong.";

#[derive(Template)]
#[template(path = "office/sign_in.html")]
struct SignInPage {
    frame: Frame,
    /// Why nobody was signed in.
    wrong: Option<String>,
    signed_out: bool,
    name: Typed,
    next: String,
    sandbox: bool,
}

fn answer(app: &App, status: StatusCode, fields: &Fields, wrong: Option<String>) -> Result<Response, Problem> {
    let page = SignInPage {
        frame: Frame::around(app, None, "Sign in"),
        wrong,
        signed_out: fields.text("signed-out") == "yes",
        name: Typed::of(fields.text("name")),
        next: next::way_on(fields.text("next")),
        sandbox: app.sandbox.is_some(),
    };
    page_with(status, &page)
}

/// `GET /office/sign-in`
pub(super) async fn show(State(app): State<Arc<App>>, request: Request) -> Result<Response, Problem> {
    let (parts, _) = request.into_parts();
    let fields = Fields::parse(parts.uri.query().unwrap_or_default().as_bytes());
    if session::look_up(&app, &parts).await?.is_some() {
        return Ok(see_other(&app, &next::way_on(fields.text("next"))));
    }
    answer(&app, StatusCode::OK, &fields, None)
}

/// `POST /office/sign-in`
pub(super) async fn sign_in(
    State(app): State<Arc<App>>,
    Extension(id): Extension<RequestId>,
    request: Request,
) -> Result<Response, Problem> {
    let subnet = client_of(&request).subnet();
    app.limits.address_misses.held(&subnet).map_err(Problem::Limited)?;
    let (parts, body) = request.into_parts();
    let fields = Fields::parse(&read_body(&app, body).await?);
    if came_from_elsewhere(&app, &parts.headers) {
        return Err(Problem::NotOurForm);
    }
    match prove(&app, &id, fields.text("name").parse().ok(), fields.secret("password")).await? {
        Proof::Right(account) => {
            // Whoever was signed in here is not any more.
            if let Some(before) = session::look_up(&app, &parts).await? {
                session::end(&app, &before).await?;
            }
            let token = session::begin(&app, &id, &account).await?;
            let mut response = see_other(&app, &next::way_on(fields.text("next")));
            set_cookie(&mut response, &app.office.signed_in_cookie(&token));
            let mut told = told("signed_in", None);
            told.proved = true;
            response.extensions_mut().insert(told);
            Ok(response)
        }
        Proof::Wrong => {
            app.limits.address_misses.missed(&subnet).map_err(Problem::Limited)?;
            let mut response = answer(&app, StatusCode::UNAUTHORIZED, &fields, Some(WRONG.into()))?;
            response.extensions_mut().insert(told("wrong_password", None));
            Ok(response)
        }
        Proof::Locked(until) => {
            app.limits.address_misses.missed(&subnet).map_err(Problem::Limited)?;
            let wait = seconds_until(until, app.office.real_now());
            let wrong = format!("Too many wrong passwords. Wait {} and try again.", waited(wait));
            let mut response = answer(&app, StatusCode::TOO_MANY_REQUESTS, &fields, Some(wrong))?;
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait));
            response.extensions_mut().insert(told("locked", None));
            Ok(response)
        }
    }
}

/// `POST /office/sign-out`
pub(super) async fn sign_out(State(app): State<Arc<App>>, form: Form) -> Result<Response, Problem> {
    session::end(&app, &form.who).await?;
    let mut response = see_other(&app, &format!("{PATH}?signed-out=yes"));
    set_cookie(&mut response, &app.office.signed_out_cookie());
    Ok(response)
}

fn set_cookie(response: &mut Response, cookie: &str) {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
}

/// Whole seconds, at least one.
pub(super) fn seconds_until(until: Timestamp, now: Timestamp) -> u64 {
    let wait = until.duration_since(now);
    let begun = i64::from(wait.subsec_nanos() > 0);
    u64::try_from(wait.as_secs().saturating_add(begun)).unwrap_or(0).max(1)
}

/// A wait in words.
pub(super) fn waited(seconds: u64) -> String {
    let unit = |number: u64, name: &str| format!("{number} {name}{}", if number == 1 { "" } else { "s" });
    match (seconds / 60, seconds % 60) {
        (0, seconds) => unit(seconds, "second"),
        (minutes, 0) => unit(minutes, "minute"),
        (minutes, seconds) => format!("{} and {}", unit(minutes, "minute"), unit(seconds, "second")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_told_in_whole_seconds_and_never_as_nothing() {
        let now: Timestamp = "2031-05-05T03:00:00Z".parse().unwrap();
        for (nanos, seconds) in [(-5, 1), (0, 1), (1, 1), (1_000_000_000, 1), (1_000_000_001, 2)] {
            assert_eq!(seconds_until(now + jiff::SignedDuration::from_nanos(nanos), now), seconds, "{nanos}");
        }
        for (seconds, words) in [
            (1, "1 second"),
            (59, "59 seconds"),
            (60, "1 minute"),
            (61, "1 minute and 1 second"),
            (150, "2 minutes and 30 seconds"),
            (3600, "60 minutes"),
        ] {
            assert_eq!(waited(seconds), words);
        }
    }
}
