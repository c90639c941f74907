//! What goes on by itself: the reconciler, which asks for the status of orders whose time has come, and the handlers, which
//! are run for what has changed.

use crate::book::BookError;
use crate::client::CallError;
use crate::order::Transition;
use crate::shop::{CheckError, Shop};
use jiff::{SignedDuration, Timestamp};
use std::error::Error;
use std::time::Duration;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

/// Orders and transitions in hand at one time.
const AT_ONE_TIME: usize = 8;

/// Orders that are looked up at one time.
const ROUND: usize = 256;

/// How much longer than a handler may take its change is leased: its failure must be written down before another run.
const LEASE_MARGIN: Duration = Duration::from_secs(60);

/// How long a stop waits for handlers that have begun.
const GRACE: Duration = Duration::from_secs(10);

/// How often the clock is looked at.
const TICK: Duration = Duration::from_millis(500);

impl Shop {
    /// Does what falls due until `stop`: asks for the status of orders, and runs the handler for what has changed. One
    /// program at a time is enough. Handlers that have begun are given 10 s after `stop`; one that takes longer is cut off,
    /// and run again after the next start.
    ///
    /// ```no_run
    /// # async fn example(shop: gerai_merchant::Shop) {
    /// let stop = tokio_util::sync::CancellationToken::new();
    /// let working = tokio::spawn(shop.clone().run(stop.clone()));
    /// // … serve …
    /// stop.cancel();
    /// let _ = working.await;
    /// # }
    /// ```
    pub async fn run(self, stop: CancellationToken) {
        tokio::join!(self.keep_reconciling(&stop), self.keep_handling(&stop));
    }

    /// Waits until an order may have changed since the last call.
    pub(crate) async fn changed(&self) {
        self.inner.changed.notified().await;
    }

    pub(crate) async fn keep_reconciling(&self, stop: &CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(TICK)).await.is_some() {
            // A question that is cut off is asked again after the next start.
            if let Some(Err(error)) = stop.run_until_cancelled(self.reconcile()).await {
                tracing::warn!(error = &error as &dyn Error, "orders could not be reconciled");
            }
        }
    }

    async fn keep_handling(&self, stop: &CancellationToken) {
        // Kept from claim to claim, so that a slow handler holds up its own order alone.
        let mut running = JoinSet::new();
        while !stop.is_cancelled() {
            if let Err(error) = self.begin_handling(&mut running).await {
                tracing::warn!(error = &error as &dyn Error, "changes could not be handled");
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.inner.changed.notified() => {}
                Some(done) = running.join_next() => {
                    // There may be more behind that; after a failure the book is given a moment.
                    if let Err(error) = handled(done) {
                        tracing::warn!(error = &error as &dyn Error, "changes could not be handled");
                        let _ = stop.run_until_cancelled(tokio::time::sleep(TICK)).await;
                    }
                }
                () = tokio::time::sleep(TICK) => {}
            }
        }
        let finishing = async { while running.join_next().await.is_some() {} };
        if tokio::time::timeout(GRACE, finishing).await.is_err() {
            tracing::warn!(changes = running.len(), "handlers were cut off; they are run again after the next start");
        }
    }

    /// Asks for the status of every order whose time has come, now, and gives how many could be confirmed. [`Shop::run`]
    /// does this by itself; a program without it calls this from a timer.
    ///
    /// # Errors
    /// [`BookError`]; what the gateway does not answer is asked again later.
    pub async fn reconcile(&self) -> Result<usize, BookError> {
        let due = self.inner.book.due(self.inner.client.clock().now(), ROUND).await?;
        let mut confirmed = 0;
        let mut asked = JoinSet::new();
        for order in due {
            if asked.len() >= AT_ONE_TIME
                && let Some(done) = asked.join_next().await
            {
                confirmed += usize::from(done.unwrap_or(false));
            }
            let shop = self.clone();
            asked.spawn(async move {
                let reference_no = order.reference_no.clone();
                match shop.check_order(&order, None, None).await {
                    Ok(_) => true,
                    Err(error) => {
                        shop.not_reconciled(&reference_no, &error).await;
                        false
                    }
                }
            });
        }
        while let Some(done) = asked.join_next().await {
            confirmed += usize::from(done.unwrap_or(false));
        }
        Ok(confirmed)
    }

    async fn not_reconciled(&self, reference_no: &str, error: &CheckError) {
        tracing::warn!(reference_no, error = error as &dyn Error, "an order's status could not be had");
        // What cannot be asked at all is not asked again at once.
        let unasked = matches!(error, CheckError::NoPayment(_) | CheckError::Call(CallError::NotSent(_)));
        let later = self.inner.client.clock().now().saturating_add(SignedDuration::from_hours(1));
        if unasked
            && let Ok(later) = later
            && let Err(error) = self.inner.book.check_failed(reference_no, later).await
        {
            tracing::warn!(reference_no, error = &error as &dyn Error, "an order could not be put off");
        }
    }

    /// Runs the handler for every change whose time has come, and gives how many were handled. [`Shop::run`] does this by
    /// itself.
    ///
    /// # Errors
    /// [`BookError`]; what was leased then is run again when its lease ends.
    pub async fn handle_due(&self) -> Result<usize, BookError> {
        let mut running = JoinSet::new();
        self.begin_handling(&mut running).await?;
        let (mut count, mut failed) = (0, None);
        while let Some(done) = running.join_next().await {
            match handled(done) {
                Ok(done) => count += usize::from(done),
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(count), Err)
    }

    /// Begins to handle what is due, as far as there is room.
    async fn begin_handling(&self, running: &mut JoinSet<Result<bool, BookError>>) -> Result<(), BookError> {
        let room = AT_ONE_TIME.saturating_sub(running.len());
        if room == 0 {
            return Ok(());
        }
        let lease = self.inner.handler_patience.saturating_add(LEASE_MARGIN);
        for transition in self.inner.book.claim(self.inner.client.clock().now(), room, lease).await? {
            let shop = self.clone();
            running.spawn(async move { shop.handle(transition).await });
        }
        Ok(())
    }

    async fn handle(&self, transition: Transition) -> Result<bool, BookError> {
        let (id, failures) = (transition.id.clone(), transition.failures);
        let handler = std::sync::Arc::clone(&self.inner.handler);
        // In a task of its own, so that a handler that panics has failed and no more. It ends with its set.
        let mut task = JoinSet::new();
        task.spawn(async move { handler.handle(transition).await });
        let done = tokio::time::timeout(self.inner.handler_patience, task.join_next()).await;
        drop(task);
        let why = match done {
            Ok(Some(Ok(Ok(())))) => {
                self.inner.book.handled(&id, self.inner.client.clock().now()).await?;
                return Ok(true);
            }
            Ok(Some(Ok(Err(error)))) => error.to_string(),
            Ok(Some(Err(_)) | None) => "the handler has panicked".to_owned(),
            Err(_) => "the handler took too long, and was cut off".to_owned(),
        };
        tracing::warn!(transition = %id, failures = failures + 1, why, "a change was not handled; it is tried again");
        let again = after_failures(failures.saturating_add(1), self.inner.client.clock().now());
        self.inner.book.not_handled(&id, again, &why).await?;
        Ok(false)
    }
}

/// What came of a handler's run: whether the change is done with.
fn handled(done: Result<Result<bool, BookError>, JoinError>) -> Result<bool, BookError> {
    done.unwrap_or_else(|error| Err(BookError::Unavailable(error.into())))
}

/// 5 s, doubled each time, an hour at most: without an end, since the goods were paid for.
fn after_failures(failures: u32, now: Timestamp) -> Timestamp {
    let wait = SignedDuration::from_secs(5 << failures.saturating_sub(1).min(12)).min(SignedDuration::from_hours(1));
    now.saturating_add(wait).unwrap_or(Timestamp::MAX)
}
