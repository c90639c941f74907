//! The audit log: who did what by hand, newest first. Operators see all of it, a merchant's users what concerns their
//! merchant.

use super::figures::sentence;
use super::form::Fields;
use super::frame::{Frame, Moment, Section, page};
use super::in_time;
use super::problem::Problem;
use super::session::SignedIn;
use crate::app::App;
use askama::Template;
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use gerai_domain::{Actor, MerchantId};
use gerai_ledger::{Deed, DeedQuery, LoggedDeed, Role, UserName};
use std::sync::Arc;

/// Where it is.
pub(super) const PATH: &str = "/office/audit";

/// How many a page lists.
const PAGE: usize = 50;

/// The longest that is looked for, in characters: longer than anything in the log.
const LONGEST: usize = 200;

#[derive(Template)]
#[template(path = "office/audit.html")]
struct AuditPage {
    frame: Frame,
    by: String,
    subject: String,
    rows: Vec<Row>,
    /// The query of the page with what is older.
    older: Option<String>,
    first: bool,
}

/// One line of the log.
struct Row {
    at: Moment,
    by: String,
    by_query: String,
    what: String,
    subject: String,
    subject_query: String,
    detail: String,
    request_id: String,
}

impl From<LoggedDeed> for Row {
    fn from(logged: LoggedDeed) -> Self {
        let LoggedDeed { id: _, deed } = logged;
        let Deed { at, by, what, subject, merchant: _, detail, request_id } = deed;
        Self {
            at: Moment::of(at),
            by_query: query(&by, "", None),
            by,
            what: sentence(&what.replace('-', " ")),
            subject_query: query("", &subject, None),
            subject,
            detail,
            request_id: request_id.unwrap_or_default(),
        }
    }
}

/// The address's query that asks for this.
fn query(by: &str, subject: &str, before: Option<i64>) -> String {
    let mut pairs = url::form_urlencoded::Serializer::new(String::new());
    if !by.is_empty() {
        pairs.append_pair("by", by);
    }
    if !subject.is_empty() {
        pairs.append_pair("subject", subject);
    }
    if let Some(before) = before {
        pairs.append_pair("before", &before.to_string());
    }
    pairs.finish()
}

/// Who is meant: as the log writes it, or a user by the bare name.
async fn meant(app: &App, typed: &str, own: Option<&MerchantId>) -> Result<String, Problem> {
    let Ok(name) = typed.parse::<UserName>() else { return Ok(typed.into()) };
    let user = in_time(app, app.ledger.user(&name)).await?;
    Ok(match user.map(|user| user.role) {
        Some(Role::Operator) => Actor::Operator(name.to_string()).to_string(),
        // Whoever looks through one merchant's log learns nothing of another one's users.
        Some(Role::Merchant(merchant)) if own.is_none_or(|own| *own == merchant) => {
            Actor::User { merchant, name: name.to_string() }.to_string()
        }
        Some(Role::Merchant(_)) | None => typed.into(),
    })
}

/// `GET /office/audit`
pub(super) async fn show(State(app): State<Arc<App>>, who: SignedIn, uri: Uri) -> Result<Response, Problem> {
    let fields = Fields::parse(uri.query().unwrap_or_default().as_bytes());
    let typed = |name| fields.text(name).chars().take(LONGEST).collect::<String>();
    let (by, subject) = (typed("by"), typed("subject"));
    let before: Option<i64> = match fields.text("before") {
        "" => None,
        text => Some(text.parse().map_err(|_| Problem::NotFound)?),
    };
    let wanted = DeedQuery {
        merchant: who.merchant().cloned(),
        by: if by.is_empty() { None } else { Some(meant(&app, &by, who.merchant()).await?) },
        subject: Some(subject.clone()).filter(|subject| !subject.is_empty()),
        before,
        limit: PAGE + 1,
    };
    let mut deeds = in_time(&app, app.ledger.deeds(wanted)).await?;
    let more = deeds.len() > PAGE;
    deeds.truncate(PAGE);
    let older = deeds.last().filter(|_| more).map(|last| query(&by, &subject, Some(last.id)));
    page(&AuditPage {
        frame: Frame::of(&app, &who, Section::Audit, "Audit log"),
        by,
        subject,
        rows: deeds.into_iter().map(Row::from).collect(),
        older,
        first: before.is_none(),
    })
}
