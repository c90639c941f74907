//! What goes on by itself: the reconciler, which asks for the status of orders whose time has come, and the handlers, which
//! are run for what has changed.

use crate::book::BookError;
use crate::client::CallError;
use crate::order::Transition;
use crate::shop::{CheckError, Shop};
use jiff::{SignedDuration, Timestamp};
use std::error::Error;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Orders and transitions in hand at one time.
const AT_ONE_TIME: usize = 8;

/// Orders that are looked up at one time.
const ROUND: usize = 256;

/// How long a handler may take before another run of it may begin.
const LEASE: Duration = Duration::from_secs(300);

/// How often the clock is looked at.
const TICK: Duration = Duration::from_millis(500);

impl Shop {
    /// Does what falls due until `stop`: asks for the status of orders, and runs the handler for what has changed. One
    /// program at a time is enough; handlers that have begun are finished.
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
        loop {
            match self.handle_due().await {
                // There may be more behind those.
                Ok(1..) if !stop.is_cancelled() => continue,
                Ok(_) => {}
                Err(error) => tracing::warn!(error = &error as &dyn Error, "changes could not be handled"),
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.inner.changed.notified() => {}
                () = tokio::time::sleep(TICK) => {}
            }
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
        let mut handled = 0;
        let mut running = JoinSet::new();
        for transition in self.inner.book.claim(self.inner.client.clock().now(), AT_ONE_TIME, LEASE).await? {
            let shop = self.clone();
            running.spawn(async move { shop.handle(transition).await });
        }
        while let Some(done) = running.join_next().await {
            handled += usize::from(done.map_err(|error| BookError::Unavailable(error.into()))??);
        }
        Ok(handled)
    }

    async fn handle(&self, transition: Transition) -> Result<bool, BookError> {
        let (id, failures) = (transition.id.clone(), transition.failures);
        let handler = std::sync::Arc::clone(&self.inner.handler);
        // In a task of its own, so that a handler that panics has failed and no more.
        let done = tokio::spawn(async move { handler.handle(transition).await }).await;
        let why = match done {
            Ok(Ok(())) => {
                self.inner.book.handled(&id, self.inner.client.clock().now()).await?;
                return Ok(true);
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the handler has panicked".to_owned(),
        };
        tracing::warn!(transition = %id, failures = failures + 1, why, "a change was not handled; it is tried again");
        let again = after_failures(failures.saturating_add(1), self.inner.client.clock().now());
        self.inner.book.not_handled(&id, again, &why).await?;
        Ok(false)
    }
}

/// 5 s, doubled each time, an hour at most: without an end, since the goods were paid for.
fn after_failures(failures: u32, now: Timestamp) -> Timestamp {
    let wait = SignedDuration::from_secs(5 << failures.saturating_sub(1).min(12)).min(SignedDuration::from_hours(1));
    now.saturating_add(wait).unwrap_or(Timestamp::MAX)
}
