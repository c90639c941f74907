//! The page on which somebody changes the own password. The old one is asked for, counted as at signing in; every other
//! session of the user ends.

use super::figures::sentence;
use super::form::{Fields, Form, Typed};
use super::frame::{Frame, Section, page_with, see_other};
use super::in_time;
use super::passwords::{Proof, hash, prove};
use super::problem::Problem;
use super::session::SignedIn;
use super::sign_in::{seconds_until, waited};
use crate::app::App;
use crate::password;
use askama::Template;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use gerai_ledger::{Changed, UserAccount};
use secrecy::ExposeSecret;
use std::sync::Arc;

/// Where it is.
pub(super) const PATH: &str = "/office/password";

#[derive(Template)]
#[template(path = "office/own_password.html")]
struct OwnPasswordPage {
    frame: Frame,
    /// It was changed just now.
    changed: bool,
    asked: Asked,
}

/// What the form asks for. No password is ever written back.
#[derive(Default)]
struct Asked {
    old: Typed,
    new: Typed,
    again: Typed,
}

fn answer(app: &App, who: &SignedIn, status: StatusCode, changed: bool, asked: Asked) -> Result<Response, Problem> {
    let frame = Frame::of(app, who, Section::OwnPassword, "Change your password");
    page_with(status, &OwnPasswordPage { frame, changed, asked })
}

/// `GET /office/password`
pub(super) async fn show(State(app): State<Arc<App>>, who: SignedIn, uri: Uri) -> Result<Response, Problem> {
    let changed = Fields::parse(uri.query().unwrap_or_default().as_bytes()).text("done") == "changed";
    answer(&app, &who, StatusCode::OK, changed, Asked::default())
}

/// `POST /office/password`
pub(super) async fn change(State(app): State<Arc<App>>, form: Form) -> Result<Response, Problem> {
    let Form { who, fields } = form;
    let new = fields.secret("new");
    let mut asked = Asked::default();
    if let Err(error) = password::check(&new) {
        asked.new.refuse(format!("{}.", sentence(&error.to_string())));
    } else if new.expose_secret() == fields.secret("old").expose_secret() {
        asked.new.refuse("This is the password that you have already.");
    }
    if new.expose_secret() != fields.secret("again").expose_secret() {
        asked.again.refuse("This is not the same as the new password above.");
    }
    if asked.new.wrong.is_some() || asked.again.wrong.is_some() {
        return answer(&app, &who, StatusCode::BAD_REQUEST, false, asked);
    }
    match prove(&app, who.request_id(), Some(who.name.clone()), fields.secret("old")).await? {
        Proof::Right(_) => {}
        Proof::Wrong => {
            asked.old.refuse("This is not your present password.");
            return answer(&app, &who, StatusCode::BAD_REQUEST, false, asked);
        }
        Proof::Locked(until) => {
            let wait = waited(seconds_until(until, app.office.real_now()));
            asked.old.refuse(format!("Too many wrong passwords. Wait {wait} and try again."));
            return answer(&app, &who, StatusCode::TOO_MANY_REQUESTS, false, asked);
        }
    }
    let new = hash(&app, new).await?;
    let change = move |account: &mut UserAccount| {
        account.password_hash = new;
        Ok(())
    };
    let deed = who.deed(&app, "password-changed", who.name.as_str(), "by the user".into());
    match in_time(&app, app.ledger.change_user(&who.name, Box::new(change), Some(deed))).await? {
        Changed::Done(_) => {}
        Changed::Refused(_) | Changed::Unknown => return Err(Problem::NotFound),
    }
    in_time(&app, app.ledger.end_sessions_of(&who.name, Some(who.token_hash()))).await?;
    Ok(see_other(&app, &format!("{PATH}?done=changed")))
}
