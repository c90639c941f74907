//! What can be done about a payment by hand: its merchant's users cancel it (rule 10), operators note its return (rule 11),
//! both send a failed notification again (rule 13).

use super::show::{Said, answer};
use super::{find, path_of};
use crate::app::App;
use crate::office::form::{Form, Typed, one_line};
use crate::office::frame::see_other;
use crate::office::in_time;
use crate::office::problem::Problem;
use crate::office::session::{MerchantUser, Operator, SignedIn};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use gerai_domain::{Command, Payment, Refusal};
use gerai_ledger::{Deed, Executed, Execution, NotificationState, Target};
use std::sync::Arc;

/// How long a reason may be, in characters.
const REASON_CHARS: usize = 500;

/// How long a cancellation's message may be, in characters, as over the API.
const MESSAGE_CHARS: usize = 255;

/// `POST /office/payments/{tXid}/cancel`
pub(super) async fn cancel(
    State(app): State<Arc<App>>,
    MerchantUser { who, merchant }: MerchantUser,
    Path(tx_id): Path<String>,
    form: Form,
) -> Result<Response, Problem> {
    let payment = find(&app, &who, &tx_id).await?;
    let mut typed = Typed::of(form.fields.text("reason"));
    let message = if typed.text.is_empty() { Ok(None) } else { one_line(&typed.text, MESSAGE_CHARS).map(Some) };
    let message = match message {
        Ok(message) => message,
        Err(wrong) => {
            typed.refuse(wrong);
            return answer(&app, &who, &payment, StatusCode::BAD_REQUEST, Said { typed, ..Said::default() }).await;
        }
    };
    let target = Target::OfMerchant(merchant, payment.terms.tx_id.clone());
    let command = Command::Cancel { amount: payment.terms.amount, message };
    execute(&app, &who, target, command, "cancelled").await
}

/// `POST /office/payments/{tXid}/return`
pub(super) async fn give_back(
    State(app): State<Arc<App>>,
    Operator(who): Operator,
    Path(tx_id): Path<String>,
    form: Form,
) -> Result<Response, Problem> {
    let payment = find(&app, &who, &tx_id).await?;
    let mut typed = Typed::of(form.fields.text("reason"));
    let reason = match one_line(&typed.text, REASON_CHARS) {
        Ok(reason) => reason,
        Err(wrong) => {
            typed.refuse(wrong);
            return answer(&app, &who, &payment, StatusCode::BAD_REQUEST, Said { typed, ..Said::default() }).await;
        }
    };
    let target = Target::TxId(payment.terms.tx_id.clone());
    let command = Command::Return { operator: who.name.to_string(), reason };
    execute(&app, &who, target, command, "returned").await
}

/// `POST /office/payments/{tXid}/notifications/{id}/replay`
pub(super) async fn replay(
    State(app): State<Arc<App>>,
    who: SignedIn,
    Path((tx_id, id)): Path<(String, String)>,
    _form: Form,
) -> Result<Response, Problem> {
    let payment = find(&app, &who, &tx_id).await?;
    let id: i64 = id.parse().map_err(|_| Problem::NotFound)?;
    let tx_id = &payment.terms.tx_id;
    let notifications = in_time(&app, app.ledger.notifications(tx_id)).await?;
    let of_payment = notifications.iter().find(|notification| notification.id == id).ok_or(Problem::NotFound)?;
    let deed = Deed {
        merchant: Some(payment.terms.merchant.clone()),
        ..who.deed(&app, "notification-replayed", tx_id.as_str(), format!("notification {id}"))
    };
    if of_payment.state == NotificationState::Failed
        && in_time(&app, app.ledger.replay(id, app.clock.now(), deed)).await?
    {
        app.courier.wake();
        return Ok(see_other(&app, &format!("{}?done=replayed", path_of(tx_id))));
    }
    let refused = Some("This notification has not failed, so there is nothing to send again.".into());
    answer(&app, &who, &payment, StatusCode::CONFLICT, Said { refused, ..Said::default() }).await
}

async fn execute(app: &App, who: &SignedIn, target: Target, command: Command, done: &str) -> Result<Response, Problem> {
    let execution = Execution {
        target,
        command,
        rules: Arc::clone(&app.rules),
        now: app.clock.now(),
        origin: who.origin(),
        idempotency: None,
    };
    match in_time(app, app.ledger.execute(execution)).await? {
        Executed::NotFound => Err(Problem::NotFound),
        Executed::ExternalIdReused => Err(Problem::Broken("a form has no name to be used twice".into())),
        Executed::Judged { payment, verdict: Ok(_) } => {
            app.courier.wake();
            Ok(see_other(app, &format!("{}?done={done}", path_of(&payment.terms.tx_id))))
        }
        Executed::Judged { payment, verdict: Err(refusal) } => {
            let refused = Some(why_not(&payment, refusal));
            answer(app, who, &payment, StatusCode::CONFLICT, Said { refused, ..Said::default() }).await
        }
    }
}

/// Why it was refused, in words: most often because something else happened to the payment meanwhile.
fn why_not(payment: &Payment, refusal: Refusal) -> String {
    match (refusal, &payment.standing.returned) {
        (Refusal::NotPaid, Some(_)) => {
            "It was not returned again: it had been returned before, as you see below.".into()
        }
        (refusal, _) => format!("Nothing was changed: {refusal}."),
    }
}
