//! What stands in the way of a page: each is told on a page of its own, with a way back.

use super::frame::{Frame, guard, page_with, see_other, told};
use super::session::SignedIn;
use super::{HOME, next, sign_in};
use crate::app::App;
use crate::http::{BodyError, Told};
use crate::limits::Wait;
use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gerai_ledger::LedgerError;
use std::sync::Arc;

/// Why there is no page, or a form was not obeyed. As an answer it is put in words around the handlers, where the page's
/// frame is known.
#[derive(Debug, Clone)]
pub(super) enum Problem {
    /// Nobody is signed in; where to go afterwards.
    SignInFirst(Option<String>),
    /// There is no such page, or not for whoever asks.
    NotFound,
    /// The form does not carry its session's token, or comes from another site.
    NotOurForm,
    /// The form did not arrive.
    Unread(BodyError),
    /// Too many were tried from this address.
    Limited(Wait),
    /// The ledger does not answer, or too much is under way; why, for the log alone.
    Busy(Arc<str>),
    /// The page could not be written; why, for the log alone.
    Broken(Arc<str>),
}

impl From<LedgerError> for Problem {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Busy | LedgerError::Unavailable(_) => Self::Busy(error.to_string().into()),
            LedgerError::Corrupt(_) => Self::Broken(error.to_string().into()),
        }
    }
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Self {
        Self::Unread(error)
    }
}

impl From<askama::Error> for Problem {
    fn from(error: askama::Error) -> Self {
        Self::Broken(error.to_string().into())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

#[derive(Template)]
#[template(path = "office/problem.html")]
struct ProblemPage<'a> {
    frame: Frame,
    head: &'a str,
    text: &'a str,
    back: &'a str,
    back_name: &'a str,
}

impl Problem {
    fn status(&self) -> StatusCode {
        match self {
            Self::SignInFirst(_) => StatusCode::SEE_OTHER,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::NotOurForm => StatusCode::FORBIDDEN,
            Self::Unread(error) => error.status(),
            Self::Limited(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Broken(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    const fn code(&self) -> &'static str {
        match self {
            Self::SignInFirst(_) => "sign_in_first",
            Self::NotFound => "not_found",
            Self::NotOurForm => "not_our_form",
            Self::Unread(_) => "unread",
            Self::Limited(_) => "limited",
            Self::Busy(_) => "busy",
            Self::Broken(_) => "broken",
        }
    }

    fn words(&self) -> (&'static str, String) {
        match self {
            // It has no page: it sends the browser on.
            Self::SignInFirst(_) => ("Sign in first", String::new()),
            Self::NotFound => {
                ("There is no such page", "The address is wrong, or what it showed is not for you to see.".into())
            }
            Self::NotOurForm => (
                "This form cannot be used any more",
                "It was opened before you signed in, or comes from another site. Nothing was changed. Go back, load the \
                 page again and send the form from there."
                    .into(),
            ),
            Self::Unread(error) => ("The form did not arrive", format!("{} Nothing was changed.", error.message())),
            Self::Limited(wait) => (
                "Too many attempts",
                format!("Too many attempts came from your address. Wait {} s and try again.", wait.seconds()),
            ),
            Self::Busy(_) => (
                "The gateway is busy",
                "It could not do this now. If you sent a form, look whether it was done before you send it again.".into(),
            ),
            Self::Broken(_) => (
                "This page cannot be shown",
                "Something is wrong inside; the server's log says what. Tell whoever runs the gateway.".into(),
            ),
        }
    }
}

/// The answer to a problem.
pub(super) fn answer(app: &App, who: Option<&SignedIn>, problem: &Problem) -> Response {
    let mut told = told(problem.code(), who);
    match problem {
        Problem::SignInFirst(asked) => {
            let mut response = see_other(app, &sign_in_address(app, asked.as_deref()));
            response.extensions_mut().insert(told);
            return response;
        }
        Problem::Busy(why) | Problem::Broken(why) => {
            // The gateway's own trouble is nobody's fault.
            told = Told { proved: true, trouble: Some(Arc::clone(why)), ..told };
        }
        Problem::NotFound | Problem::NotOurForm | Problem::Unread(_) | Problem::Limited(_) => {}
    }
    let (head, text) = problem.words();
    let (back, back_name) =
        if who.is_some() { (HOME, "To the first page") } else { (sign_in::PATH, "To the sign-in page") };
    let frame = Frame::around(app, who, head);
    let page = ProblemPage { frame, head, text: &text, back, back_name };
    let mut response = page_with(problem.status(), &page).unwrap_or_else(|error| {
        tracing::error!(error = ?error, "the page of a problem cannot be written");
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    });
    if let Problem::Limited(wait) = problem {
        response = wait.onto(response);
    }
    response.extensions_mut().insert(told);
    response
}

/// The sign-in page that leads on to what was asked for.
fn sign_in_address(app: &App, asked: Option<&str>) -> String {
    let asked = asked.map(|asked| asked.strip_prefix(app.office.base.as_str()).unwrap_or(asked));
    match asked.map(next::way_on) {
        Some(way) if way != HOME => {
            let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("next", &way).finish();
            format!("{}?{query}", sign_in::PATH)
        }
        Some(_) | None => sign_in::PATH.into(),
    }
}

/// The answer to a request too many from one address.
pub(crate) fn limited(app: &App, wait: Wait) -> Response {
    let mut response = answer(app, None, &Problem::Limited(wait));
    guard(&mut response);
    response
}
