//! The book's transitions as an outbox, carried to the shop by the courier that carries a gateway's notifications too: at
//! least once, in order for each order, signed.

use crate::book::OrderBook;
use crate::clock::Clock;
use crate::connector::wire::Changed;
use crate::order::TransitionId;
use crate::shop::Shop;
use async_trait::async_trait;
use gerai_delivery::{
    Attempt, ClaimRequest, Due, EgressGuard, Outbox, OutboxError, Parcel, Prepare, PrepareError, Settings, Verdict,
};
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use secrecy::SecretString;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// How long the shop is left alone once the schedule has ended. Nothing is ever given up: the goods were paid for.
const AFTER_THE_SCHEDULE: Duration = Duration::from_secs(3600);

/// Transitions on their way to the shop.
pub(crate) struct Hooks {
    book: Arc<dyn OrderBook>,
    clock: Clock,
    url: String,
    host: String,
    secret: SecretString,
    in_hand: Mutex<InHand>,
}

/// The courier names messages by numbers, a book names transitions by texts.
#[derive(Default)]
struct InHand {
    last: i64,
    names: HashMap<i64, TransitionId>,
}

impl InHand {
    fn number(&mut self, id: &TransitionId) -> i64 {
        // One that is leased again is no longer under way under its earlier number.
        self.names.retain(|_, other| other != id);
        self.last += 1;
        self.names.insert(self.last, id.clone());
        self.last
    }
}

/// The courier's settings: waits of up to an hour, so that a shop that comes back hears soon what it has missed.
pub(crate) fn settings() -> Settings {
    let schedule = [10, 30, 120, 600, 1_800, 3_600].map(Duration::from_secs).to_vec();
    // The address comes from the connector's own configuration, and is often an internal one.
    Settings { schedule, guard: EgressGuard::Off, ..Settings::default() }
}

impl Hooks {
    pub(crate) fn new(shop: &Shop, url: &Url, secret: SecretString) -> Self {
        Self {
            book: shop.shared_book(),
            clock: shop.client().clock().clone(),
            host: url[..url::Position::BeforePath].to_owned(),
            url: url.to_string(),
            secret,
            in_hand: Mutex::default(),
        }
    }

    fn later(&self, wait: Duration) -> Timestamp {
        let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
        self.clock.now().saturating_add(wait).unwrap_or(Timestamp::MAX)
    }
}

#[async_trait]
impl Outbox for Hooks {
    async fn claim(&self, request: ClaimRequest) -> Result<Vec<Due>, OutboxError> {
        let limit = request.limit.min(request.allowed(&self.host));
        if limit == 0 {
            return Ok(Vec::new());
        }
        let claimed = self.book.claim(self.clock.now(), limit, request.lease).await.map_err(OutboxError::new)?;
        let mut due = Vec::with_capacity(claimed.len());
        for transition in claimed {
            due.push(Due {
                id: self.in_hand.lock().number(&transition.id),
                message_id: transition.id.to_string(),
                sender: "connector".to_owned(),
                url: self.url.clone(),
                host: self.host.clone(),
                attempts_made: transition.failures,
                payload: serde_json::to_string(&Changed::from(&transition)).map_err(OutboxError::new)?,
            });
        }
        Ok(due)
    }

    async fn settle(&self, id: i64, attempt: Attempt, verdict: Verdict) -> Result<(), OutboxError> {
        let Some(name) = self.in_hand.lock().names.get(&id).cloned() else { return Ok(()) };
        let settled = match verdict {
            Verdict::Accepted => self.book.handled(&name, self.clock.now()).await,
            Verdict::Retry { after } => self.book.not_handled(&name, self.later(after), &why(&attempt)).await,
            Verdict::Exhausted => self.book.not_handled(&name, self.later(AFTER_THE_SCHEDULE), &why(&attempt)).await,
        };
        settled.map_err(OutboxError::new)?;
        self.in_hand.lock().names.remove(&id);
        Ok(())
    }

    async fn next_due_in(&self) -> Result<Option<Duration>, OutboxError> {
        // The courier looks once a second anyway, and is woken when something has changed.
        Ok(None)
    }
}

fn why(attempt: &Attempt) -> String {
    match &attempt.answer {
        gerai_delivery::Answer::Status { code, body_excerpt: _ } => format!("the shop answered HTTP {code}"),
        gerai_delivery::Answer::Failed(failure) => failure.to_string(),
    }
}

impl Prepare for Hooks {
    fn prepare(&self, due: &Due) -> Result<Parcel, PrepareError> {
        Ok(Parcel {
            body: due.payload.clone(),
            content_type: "application/json",
            user_agent: concat!("gerai-connect/", env!("CARGO_PKG_VERSION")).to_owned(),
            webhook_secrets: vec![self.secret.clone()],
        })
    }
}
