//! The notifications that no merchant has accepted before their schedule ended (rule 13), for operators: sent again one by
//! one, or all of them a batch at a time, so that no request takes long however many there are.

use super::figures::count;
use super::form::{Fields, Form};
use super::frame::{Frame, Moment, Section, page, see_other};
use super::in_time;
use super::payments::words::answer_words;
use super::problem::Problem;
use super::session::Operator;
use crate::app::App;
use askama::Template;
use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::Response;
use axum::routing::{get, post};
use gerai_domain::NoticeStatus;
use gerai_ledger::{Backlog, Deed, FailedNotification};
use std::sync::Arc;

/// Where it is.
pub(super) const PATH: &str = "/office/notifications";

/// How many a page lists.
const PAGE: usize = 50;

/// How many are put back at once.
const BATCH: usize = 500;

/// The routes.
pub(super) fn router() -> Router<Arc<App>> {
    Router::new()
        .route(PATH, get(list))
        .route("/office/notifications/replay", post(replay_all))
        .route("/office/notifications/{id}/replay", post(replay))
}

#[derive(Template)]
#[template(path = "office/notifications.html")]
struct FailedPage {
    frame: Frame,
    said: Option<String>,
    gone: bool,
    failed: u64,
    undelivered: u64,
    oldest: Option<Moment>,
    rows: Vec<Row>,
    /// The query of the page that follows.
    after: Option<String>,
    first: bool,
}

impl FailedPage {
    fn failed(&self) -> String {
        count(self.failed)
    }

    fn undelivered(&self) -> String {
        count(self.undelivered)
    }

    /// How many the next batch puts back.
    fn batch(&self) -> String {
        count(self.failed.min(u64::try_from(BATCH).unwrap_or(u64::MAX)))
    }

    fn all_at_once(&self) -> bool {
        u64::try_from(BATCH).is_ok_and(|batch| self.failed <= batch)
    }
}

/// One failed notification.
struct Row {
    id: i64,
    reversal: bool,
    what: &'static str,
    tx_id: String,
    merchant: String,
    reference_no: String,
    amount: String,
    url: String,
    failed_at: Moment,
    attempts: u32,
    last_answer: String,
}

impl From<&FailedNotification> for Row {
    fn from(failed: &FailedNotification) -> Self {
        let FailedNotification { id, message_id: _, url, notice, failed_at, attempts_made, last_answer } = failed;
        Self {
            id: *id,
            reversal: notice.status == NoticeStatus::Reversal,
            what: match notice.status {
                NoticeStatus::Deposit => "Deposit",
                NoticeStatus::Reversal => "Reversal",
            },
            tx_id: notice.tx_id.to_string(),
            merchant: notice.merchant.to_string(),
            reference_no: notice.reference_no.clone(),
            amount: notice.amount.pretty(),
            url: url.clone(),
            failed_at: Moment::of(*failed_at),
            attempts: *attempts_made,
            last_answer: last_answer.as_ref().map_or_else(|| "Not attempted".into(), answer_words),
        }
    }
}

/// `GET /office/notifications`
async fn list(State(app): State<Arc<App>>, Operator(who): Operator, uri: Uri) -> Result<Response, Problem> {
    let fields = Fields::parse(uri.query().unwrap_or_default().as_bytes());
    let after: Option<i64> = match fields.text("after") {
        "" => None,
        text => Some(text.parse().map_err(|_| Problem::NotFound)?),
    };
    let said = fields.text("replayed").parse::<u32>().ok().map(|replayed| match replayed {
        0 => "No notification had failed: nothing was put back.".into(),
        1 => "1 notification is put back in the queue; it is sent within a second.".into(),
        more => {
            format!("{} notifications are put back in the queue; they are sent within moments.", count(more.into()))
        }
    });
    let mut failed = in_time(&app, app.ledger.failed_notifications(after.unwrap_or_default(), PAGE + 1)).await?;
    let Backlog { undelivered, oldest, failed: in_all, exceptions: _ } = in_time(&app, app.ledger.backlog()).await?;
    let more = failed.len() > PAGE;
    failed.truncate(PAGE);
    page(&FailedPage {
        frame: Frame::of(&app, &who, Section::Notifications, "Notifications"),
        said,
        gone: fields.has("gone"),
        failed: in_all,
        undelivered,
        oldest: oldest.map(Moment::of),
        rows: failed.iter().map(Row::from).collect(),
        after: failed.last().filter(|_| more).map(|last| format!("after={}", last.id)),
        first: after.is_none(),
    })
}

/// `POST /office/notifications/{id}/replay`
async fn replay(
    State(app): State<Arc<App>>,
    Operator(who): Operator,
    id: Result<Path<i64>, PathRejection>,
    _form: Form,
) -> Result<Response, Problem> {
    let Path(id) = id.map_err(|_| Problem::NotFound)?;
    let behind = id.checked_sub(1).ok_or(Problem::NotFound)?;
    let found = in_time(&app, app.ledger.failed_notifications(behind, 1)).await?;
    let replayed = match found.first().filter(|failed| failed.id == id) {
        Some(failed) => {
            let notice = &failed.notice;
            let detail = format!("notification {id}");
            let deed = Deed {
                merchant: Some(notice.merchant.clone()),
                ..who.deed(&app, "notification-replayed", notice.tx_id.as_str(), detail)
            };
            in_time(&app, app.ledger.replay(id, app.clock.now(), deed)).await?
        }
        None => false,
    };
    app.courier.wake();
    Ok(see_other(&app, &format!("{PATH}?{}", if replayed { "replayed=1" } else { "gone" })))
}

/// `POST /office/notifications/replay`
async fn replay_all(State(app): State<Arc<App>>, Operator(who): Operator, _form: Form) -> Result<Response, Problem> {
    let deed = who.deed(&app, "notifications-replayed", "all", String::new());
    let replayed = in_time(&app, app.ledger.replay_failed(0, BATCH, app.clock.now(), deed)).await?;
    app.courier.wake();
    Ok(see_other(&app, &format!("{PATH}?replayed={}", replayed.len())))
}
