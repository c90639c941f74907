//! Between the ledger's outbox and the courier of a sandbox: what the faults make of a notification. Only what the
//! ledger offers anyway is used (leases, settlements, replay), so a payment's queue stays right whatever strikes.

use super::alter::{Ready, altered};
use super::armed::{Extra, Faults, Met, Struck};
use super::fault::{Content, Subject};
use crate::notifications::{LedgerOutbox, record, settlement};
use async_trait::async_trait;
use gerai_delivery::{
    Attempt, ClaimRequest, CourierError, Due, Outbox, OutboxError, Parcel, Prepare, PrepareError, Schedule, Sender,
    Verdict,
};
use gerai_domain::{Actor, Notice, TxId};
use gerai_ledger::{Deed, DeliveryAnswer, DeliveryRecord, LedgerError, NotificationState, Settlement};
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// The most copies that are on their way, or wait for their turn, at one time.
const COPIES: usize = 256;

/// An outbox whose messages meet faults.
pub(crate) struct FaultyOutbox {
    pub(super) inner: LedgerOutbox,
    faults: Arc<Faults>,
    schedule: Schedule,
    pub(super) sender: Arc<Sender>,
    copies: Arc<Semaphore>,
}

impl FaultyOutbox {
    /// `delivery` is what the courier works by: its schedule and its egress guard hold here too.
    pub(crate) fn new(
        inner: LedgerOutbox,
        faults: Arc<Faults>,
        delivery: &gerai_delivery::Settings,
    ) -> Result<Self, CourierError> {
        Ok(Self {
            inner,
            faults,
            schedule: Schedule::new(delivery.schedule.clone(), delivery.jitter)?,
            sender: Arc::new(Sender::new(delivery)?),
            copies: Arc::new(Semaphore::new(COPIES)),
        })
    }

    /// Whether a message that is due goes to the courier.
    async fn may_go(&self, due: &Due) -> Result<bool, OutboxError> {
        let notice: Notice = serde_json::from_str(&due.payload).map_err(OutboxError::new)?;
        let (by, what, settlement) = match self.faults.meet_due(due.id, &Subject::notification(&notice), Instant::now())
        {
            Met::Nothing => return Ok(true),
            Met::Kept => return Ok(false),
            Met::Lost(by) => (by, "counts as delivered", Settlement::Accepted),
            Met::Dropped(by) => {
                let failures = due.attempts_made.saturating_add(1);
                (by, "counts as failed", settlement(self.schedule.after_failures(failures, rand::random())))
            }
        };
        self.not_sent(due.id, &notice.tx_id, by, what, settlement).await.map_err(OutboxError::new)?;
        Ok(false)
    }

    /// Settles a message that was not sent, and says so in its record.
    async fn not_sent(
        &self,
        id: i64,
        tx_id: &TxId,
        by: Struck,
        what: &str,
        settlement: Settlement,
    ) -> Result<(), LedgerError> {
        let record = DeliveryRecord {
            at: self.inner.clock.now(),
            headers: Vec::new(),
            body: String::new(),
            answer: DeliveryAnswer::Failed(format!("not sent, by the fault {} ({}): {what}", by.id, by.name)),
            took: Duration::ZERO,
        };
        self.inner.ledger.settle(id, record, settlement).await?;
        self.mark(id, tx_id, &[by]).await;
        Ok(())
    }

    /// Remembers under which faults the last attempt of a message was made. What cannot be remembered is not shown.
    async fn mark(&self, id: i64, tx_id: &TxId, by: &[Struck]) {
        match self.inner.ledger.notifications(tx_id).await {
            Ok(list) => {
                if let Some(message) = list.iter().find(|message| message.id == id) {
                    self.faults.mark_attempt(id, message.attempts.len(), by);
                }
            }
            Err(error) => tracing::warn!(id, %error, "an attempt's faults could not be noted"),
        }
    }

    /// Lets go what has waited long enough, and lets the next one pass where there is one.
    async fn move_on(&self) -> Result<(), LedgerError> {
        let over = self.faults.let_go_by(Instant::now());
        if !over.is_empty() {
            self.inner.ledger.release(&over).await?;
        }
        for (first, tx_id, by) in self.faults.letting_pass() {
            let Ok(tx_id) = tx_id.parse::<TxId>() else { continue };
            let list = self.inner.ledger.notifications(&tx_id).await?;
            let waits = |state| state == NotificationState::Waiting;
            if list.iter().any(|message| message.id != first && waits(message.state)) && self.faults.let_go_one(first) {
                // Given up, it makes room for the next one; replayed, it stands behind that one, as any would.
                let what = "the payment's next one goes first";
                self.not_sent(first, &tx_id, by, what, Settlement::Exhausted).await?;
                let now = self.inner.clock.now();
                let by = Actor::Operator("sandbox".into());
                let deed = Deed {
                    detail: format!("notification {first}"),
                    ..Deed::new(&by, now, "notification-replayed", tx_id.as_str())
                };
                self.inner.ledger.replay(first, now, deed).await?;
            }
        }
        Ok(())
    }

    /// Sends copies beside the message itself, the first of them `apart` after it. What is disarmed sends no more.
    fn send_copies(&self, due: &Due, tx_id: &TxId, parcel: &Parcel, by: Struck, times: u32, apart: Duration) {
        for number in 1..times {
            let Ok(place) = Arc::clone(&self.copies).try_acquire_owned() else {
                tracing::warn!(id = due.id, "too many copies are on their way: no more are sent");
                return;
            };
            let (sender, faults, clock) =
                (Arc::clone(&self.sender), Arc::clone(&self.faults), self.inner.clock.clone());
            let (due, parcel, tx_id) = (due.clone(), Ready(parcel.clone()), tx_id.to_string());
            tokio::spawn(async move {
                tokio::time::sleep(apart * number).await;
                if faults.is_listed(by.id) {
                    let record = record(sender.attempt(&parcel, &due).await, clock.now());
                    faults.note(Extra { tx_id, copy_of: Some(due.id), by: Some(by), record });
                }
                drop(place);
            });
        }
    }
}

#[async_trait]
impl Outbox for FaultyOutbox {
    async fn claim(&self, request: ClaimRequest) -> Result<Vec<Due>, OutboxError> {
        if !self.faults.on_notifications() {
            return self.inner.claim(request).await;
        }
        self.move_on().await.map_err(OutboxError::new)?;
        loop {
            let claimed = self.inner.claim(request.clone()).await?;
            if claimed.is_empty() {
                return Ok(claimed);
            }
            let mut going = Vec::with_capacity(claimed.len());
            for due in claimed {
                match self.may_go(&due).await {
                    Ok(true) => going.push(due),
                    Ok(false) => {}
                    // It is ours, so it comes again when the lease ends.
                    Err(error) => tracing::warn!(id = due.id, error = &error as &dyn Error, "a fault could not strike"),
                }
            }
            // What was kept may have stood before others.
            if !going.is_empty() {
                return Ok(going);
            }
        }
    }

    async fn settle(&self, id: i64, attempt: Attempt, verdict: Verdict) -> Result<(), OutboxError> {
        self.inner.settle(id, attempt, verdict).await?;
        if let Some((tx_id, by)) = self.faults.attempt_ended(id)
            && let Ok(tx_id) = tx_id.parse()
        {
            self.mark(id, &tx_id, &by).await;
        }
        Ok(())
    }

    async fn release(&self, ids: &[i64]) -> Result<(), OutboxError> {
        self.inner.release(ids).await
    }

    async fn next_due_in(&self) -> Result<Option<Duration>, OutboxError> {
        let next = self.inner.next_due_in().await?;
        let let_go = self.faults.next_let_go().map(|at| at.saturating_duration_since(Instant::now()));
        Ok(match (next, let_go) {
            (Some(next), Some(let_go)) => Some(next.min(let_go)),
            (next, let_go) => next.or(let_go),
        })
    }
}

impl Prepare for FaultyOutbox {
    fn prepare(&self, due: &Due) -> Result<Parcel, PrepareError> {
        let (account, notice) = self.inner.open(due)?;
        let parcel = self.inner.parcel(&account, &notice);
        if !self.faults.on_notifications() {
            return Ok(parcel);
        }
        match self.faults.strike_sent(due.id, &Subject::notification(&notice)) {
            None => Ok(parcel),
            Some((by, Content::Duplicate { times, apart })) => {
                self.send_copies(due, &notice.tx_id, &parcel, by, times, apart);
                Ok(parcel)
            }
            Some((_, Content::Alter(alteration))) => {
                let key = self.inner.key(&account);
                Ok(altered(parcel, notice.merchant.as_str(), &key, &alteration))
            }
        }
    }
}
