//! What the gateway does without being asked: it writes down what the clock has changed, and in a sandbox lets the
//! simulated store pay for AutoPaid merchants (rule 12).

use crate::app::App;
use crate::store::{Caller, Counter, StoreAnswer};
use gerai_domain::{Actor, Command, Payment};
use gerai_ledger::{Execution, LedgerError, Origin, Target};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::MutexGuard;
use tokio_util::sync::CancellationToken;

/// How often the clock's work is looked for, in real time. It is also looked for whenever a sandbox's clock is moved.
const TICK: Duration = Duration::from_millis(250);

/// How many payments one pass takes.
const PASS: usize = 200;

/// The turn to do the clock's work, or to move the clock between two such works. Two at once would be two simulated
/// stores at one payment, of which the second is told that another counter is at it, and gives the payment up.
pub(crate) type Turn<'a> = MutexGuard<'a, ()>;

/// Does the clock's work until the shutdown.
pub(crate) async fn run(app: Arc<App>, shutdown: CancellationToken) {
    loop {
        let worked = work_due(&app, &app.clockwork.lock().await).await;
        if let Err(error) = worked {
            tracing::warn!(%error, "the clock's work could not be done; it is tried again");
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(TICK) => {}
        }
    }
}

/// Does all that is due by now.
pub(crate) async fn work_due(app: &App, _turn: &Turn<'_>) -> Result<(), LedgerError> {
    // A simulated payment that falls due in the second of its deadline comes first: that second still counts.
    if app.sandbox.is_some() {
        auto_pay(app).await?;
    }
    while app.ledger.sweep(Arc::clone(&app.rules), app.clock.now(), PASS).await? == PASS {}
    Ok(())
}

async fn auto_pay(app: &App) -> Result<(), LedgerError> {
    loop {
        let due = app.ledger.auto_pay_due(app.clock.now(), PASS).await?;
        let full = due.len() == PASS;
        for payment in due {
            pay_by_itself(app, &payment).await?;
        }
        if !full {
            return Ok(());
        }
    }
}

fn origin() -> Origin {
    Origin { actor: Actor::SimulatedStore, request_id: None }
}

/// The simulated store's visit: inquiry, payment, commit, as at any counter.
async fn pay_by_itself(app: &App, payment: &Payment) -> Result<(), LedgerError> {
    let refused = match visit(app, payment).await? {
        Ok(()) => return Ok(()),
        Err(answer) if answer.status.is_server_error() => {
            let why = answer
                .aside
                .trouble()
                .unwrap_or_else(|| "the simulated store was told that the gateway is busy".into());
            return Err(LedgerError::Unavailable(why));
        }
        Err(answer) => answer,
    };
    tracing::warn!(tx_id = %payment.terms.tx_id, code = refused.code, "the simulated store could not pay");
    let execution = Execution {
        target: Target::TxId(payment.terms.tx_id.clone()),
        command: Command::GiveUpAutoPay { reason: refused.code },
        rules: Arc::clone(&app.rules),
        now: app.clock.now(),
        origin: origin(),
        idempotency: None,
    };
    app.ledger.execute(execution).await.map(|_| ())
}

async fn visit(app: &App, payment: &Payment) -> Result<Result<(), Box<StoreAnswer>>, LedgerError> {
    let (Some(chain), Some(pay_no)) = (payment.standing.chain, payment.standing.pay_no) else { return Ok(Ok(())) };
    let (Some(partner), Some(brand)) = (app.ledger.partner(chain).await?, chain.brands().first()) else {
        return Ok(Ok(()));
    };
    let caller = Caller { partner, origin: origin(), idempotency: None, simulated: true };
    let counter = Counter { brand: *brand, store_code: "AUTOPAID".into(), terminal_id: "1".into() };
    let number = pay_no.to_string();
    // The same trace each time: a visit that was cut off is taken up where it stopped.
    let trace_no = format!("AUTO{number}");
    let begun = payment.standing.standing_attempt().is_some_and(|attempt| attempt.trace_no == trace_no);
    if !begun {
        let answer = app.store_inquiry(&caller, &counter, &number).await;
        if !answer.status.is_success() {
            return Ok(Err(Box::new(answer)));
        }
    }
    let answer = app.store_payment(&caller, &counter, &number, payment.terms.amount, &trace_no).await;
    if !answer.status.is_success() {
        return Ok(Err(Box::new(answer)));
    }
    if chain.two_steps() {
        let answer = app.store_commit(&caller, &number, &trace_no).await;
        if !answer.status.is_success() {
            return Ok(Err(Box::new(answer)));
        }
    }
    Ok(Ok(()))
}
