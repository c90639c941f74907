//! Moving the sandbox's clock: forward only, and through every moment at which something falls due, so that a jump of
//! a week does what a week would have done, in the same order.

use super::{Refused, done, read_json, to_its_end};
use crate::app::{App, Sandbox};
use crate::clock::{Clock, Shift};
use crate::workers::{Turn, work_due};
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use gerai_domain::wib;
use gerai_ledger::{Ledger, LedgerError};
use jiff::{Span, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::OwnedMutexGuard;
use tokio::time::{Instant, timeout_at};

const CALL: &str = "sandbox_clock";
const SETTING: &str = "sandbox-clock";

/// No clock goes beyond this: a `tXid` has four digits for the year.
const LAST_YEAR: i16 = 2999;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    advance: Option<String>,
    set: Option<String>,
    freeze: Option<bool>,
}

pub(super) fn tell(clock: &Clock) -> Value {
    json!({ "now": wib::iso(clock.now()), "frozen": clock.frozen() })
}

pub(super) async fn show(State(app): State<Arc<App>>) -> Response {
    done(CALL, &tell(&app.clock))
}

pub(super) async fn change(State(app): State<Arc<App>>, body: Body) -> Result<Response, Refused> {
    let Change { advance, set, freeze } = read_json(&app, CALL, body).await?;
    let target = |now| match (advance, set) {
        (Some(_), Some(_)) => Err(Refused::new(CALL, StatusCode::BAD_REQUEST, "Give either advance or set, not both.")),
        (Some(by), None) => Ok(Some(later(now, &by)?)),
        (None, Some(to)) => Ok(Some(parse_moment(CALL, &to)?)),
        (None, None) if freeze.is_none() => {
            let message = "Say what to do: {\"advance\":\"PT3H\"}, {\"set\":\"2026-01-01T21:59:50+07:00\"} or \
                           {\"freeze\":true}.";
            Err(Refused::new(CALL, StatusCode::BAD_REQUEST, message))
        }
        (None, None) => Ok(None),
    };
    alter(&app, freeze, target).await?;
    Ok(done(CALL, &tell(&app.clock)))
}

/// Moves the clock on to a moment, through all that falls due; where that has passed, it stays as it is.
pub(crate) async fn move_on_to(app: &Arc<App>, moment: Timestamp) -> Result<(), Refused> {
    alter(app, None, |now| Ok(Some(moment.max(now)))).await
}

/// Freezes the clock or lets it go, and moves it to where `target` says, of what it shows now.
async fn alter(
    app: &Arc<App>,
    freeze: Option<bool>,
    target: impl FnOnce(Timestamp) -> Result<Option<Timestamp>, Refused>,
) -> Result<(), Refused> {
    let sandbox = app.sandbox(CALL)?;
    let begun = Instant::now();
    let answer_by = begun + sandbox.move_patience;
    // Receivers have most of that time; the rest is for the way that is left once nobody waits for them.
    let receivers_until = begun + sandbox.move_patience * 4 / 5;
    let moving = hold(sandbox, CALL, answer_by).await?;
    // Read once: on a running clock, no time at all would otherwise lie in the past.
    let now = app.clock.now();
    let target = target(now)?;
    if target.is_some_and(|target| target < now) {
        let message = "The clock moves forward only; POST /sandbox/v1/reset can set it to any time.";
        return Err(Refused::new(CALL, StatusCode::CONFLICT, message));
    }
    let mover = Arc::clone(app);
    let work = async move {
        let _moving = moving;
        let moved = carry_out(&mover, freeze, target, receivers_until).await;
        moved.map_err(|error| Refused::busy(CALL, &error))
    };
    // What takes longer goes on behind the answer, which then tells how far the clock has come.
    timeout_at(answer_by, to_its_end(app, CALL, work)).await.unwrap_or(Ok(()))
}

/// Waits for a move that is under way; at most until `deadline`.
pub(super) async fn hold(
    sandbox: &Sandbox,
    call: &'static str,
    deadline: Instant,
) -> Result<OwnedMutexGuard<()>, Refused> {
    timeout_at(deadline, Arc::clone(&sandbox.moving).lock_owned()).await.map_err(|_| {
        let message = "The clock is still on its way from an earlier move; try again, or POST /sandbox/v1/reset.";
        Refused::new(call, StatusCode::SERVICE_UNAVAILABLE, message)
    })
}

/// Sets the clock without passing through anything; for a reset, when nothing is left that could fall due.
pub(super) async fn set(app: &App, to: Timestamp) -> Result<(), LedgerError> {
    let _turn = app.clockwork.lock().await;
    app.clock.jump(to);
    keep(app).await
}

async fn keep(app: &App) -> Result<(), LedgerError> {
    let shift =
        serde_json::to_string(&app.clock.shift()).map_err(|error| LedgerError::Corrupt(error.to_string().into()))?;
    app.ledger.put_setting(SETTING, &shift).await
}

/// Takes up the offset and the freeze that an earlier run of a sandbox left in its ledger.
///
/// # Errors
/// When the ledger cannot be read.
pub async fn restore(ledger: &dyn Ledger, clock: &Clock) -> Result<(), LedgerError> {
    if let Some(text) = ledger.setting(SETTING).await? {
        let shift: Shift =
            serde_json::from_str(&text).map_err(|error| LedgerError::Corrupt(error.to_string().into()))?;
        clock.restore(shift);
    }
    Ok(())
}

async fn carry_out(
    app: &App,
    freeze: Option<bool>,
    target: Option<Timestamp>,
    receivers_until: Instant,
) -> Result<(), LedgerError> {
    if let Some(freeze) = freeze {
        app.clock.freeze(freeze);
    }
    let passed = match target {
        Some(target) => pass_to(app, target, receivers_until).await,
        None => Ok(()),
    };
    // Also when the move stopped on the way: the clock stands where it stands.
    keep(app).await.and(passed)
}

async fn pass_to(app: &App, target: Timestamp, receivers_until: Instant) -> Result<(), LedgerError> {
    // What is due already is attempted at the time that it is due.
    attempt_due(app, app.clockwork.lock().await, receivers_until).await?;
    loop {
        let moment = app.ledger.next_moment(app.clock.now()).await?.filter(|moment| *moment < target);
        // Nobody is in the middle of a simulated visit while the clock moves.
        let turn = app.clockwork.lock().await;
        app.clock.forward(moment.unwrap_or(target));
        // Before anything is done at that time, so that a clock that comes back after a crash never shows a time
        // before it.
        keep(app).await?;
        attempt_due(app, turn, receivers_until).await?;
        if moment.is_none() {
            return Ok(());
        }
    }
}

/// Does the clock's own work, then waits until every delivery that is due has been attempted, or patience ends.
async fn attempt_due(app: &App, turn: Turn<'_>, receivers_until: Instant) -> Result<(), LedgerError> {
    work_due(app, &turn).await?;
    drop(turn);
    app.courier.wake();
    // What receivers have not answered by then goes on by itself.
    let _ = timeout_at(receivers_until, app.courier.settled()).await;
    Ok(())
}

/// Reads a moment with its offset.
pub(super) fn parse_moment(call: &'static str, text: &str) -> Result<Timestamp, Refused> {
    let moment: Option<Timestamp> = text.parse().ok();
    moment.filter(|at| (1970..=LAST_YEAR).contains(&wib::wall(*at).year())).ok_or_else(|| {
        let message = format!("A time is written with its offset, as 2026-01-01T21:59:50+07:00, up to {LAST_YEAR}.");
        Refused::new(call, StatusCode::BAD_REQUEST, message)
    })
}

fn later(now: Timestamp, by: &str) -> Result<Timestamp, Refused> {
    let wrong = || {
        let message = "advance is a length of time, as PT3H, P7D, 90m or 8h, and leads to a year up to 2999.";
        Refused::new(CALL, StatusCode::BAD_REQUEST, message)
    };
    let span: Span = by.parse().map_err(|_| wrong())?;
    let wall = wib::wall(now).checked_add(span).map_err(|_| wrong())?;
    wib::instant(wall).filter(|_| wall.year() <= LAST_YEAR).ok_or_else(wrong)
}
