//! An outbox in memory, with a business clock that only moves when told to. It is also the auditor: it panics when a
//! claim returns what the courier may not have, and records everything that is settled.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use gerai_delivery::{Attempt, ClaimRequest, Due, Outbox, OutboxError, Verdict};
use parking_lot::Mutex;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    Waiting,
    Leased,
    Accepted,
    Exhausted,
}

pub(crate) struct Message {
    pub(crate) due: Due,
    queue: u64,
    due_at: Duration,
    leased_until: Option<Instant>,
    pub(crate) state: State,
    pub(crate) settled: Vec<(Attempt, Verdict)>,
}

#[derive(Default)]
struct Inner {
    now: Duration,
    messages: BTreeMap<i64, Message>,
    waiting: HashSet<i64>,
    claims: Vec<ClaimRequest>,
}

#[derive(Default)]
pub(crate) struct MemoryOutbox {
    inner: Mutex<Inner>,
    /// The next calls of each kind that fail, every second of them with a panic.
    pub(crate) failing_claims: AtomicU32,
    pub(crate) failing_settles: AtomicU32,
    pub(crate) failing_looks: AtomicU32,
    /// How long the answer to a settling takes once it is written down, in milliseconds.
    pub(crate) late_settles_ms: AtomicU64,
}

impl MemoryOutbox {
    /// Adds a message for `url` that is due now; `host` is what it is isolated by, `queue` what it keeps its order in.
    pub(crate) fn add(&self, host: &str, url: &str, queue: Option<u64>) -> i64 {
        let mut inner = self.inner.lock();
        let id = i64::try_from(inner.messages.len()).unwrap() + 1;
        let message = Message {
            due: Due {
                id,
                message_id: format!("msg_{id}"),
                sender: "TESTMERCH1".to_owned(),
                url: url.to_owned(),
                host: host.to_owned(),
                attempts_made: 0,
                payload: format!("tXid=T{id}&status=0"),
            },
            queue: queue.unwrap_or(1_000_000 + id.unsigned_abs()),
            due_at: inner.now,
            leased_until: None,
            state: State::Waiting,
            settled: Vec::new(),
        };
        inner.waiting.insert(id);
        inner.messages.insert(id, message);
        id
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.inner.lock().now += by;
    }

    pub(crate) fn with<T>(&self, id: i64, read: impl FnOnce(&Message) -> T) -> T {
        read(&self.inner.lock().messages[&id])
    }

    pub(crate) fn count(&self, state: &State) -> usize {
        let inner = self.inner.lock();
        inner.messages.values().filter(|m| m.state == *state).count()
    }

    pub(crate) fn accepted(&self, ids: &[i64]) -> usize {
        let inner = self.inner.lock();
        ids.iter().filter(|id| inner.messages[id].state == State::Accepted).count()
    }

    pub(crate) fn claims(&self) -> Vec<ClaimRequest> {
        self.inner.lock().claims.clone()
    }

    fn fail(counter: &AtomicU32) -> Result<(), OutboxError> {
        let left = counter.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        match left {
            Err(_) => Ok(()),
            Ok(n) if n % 2 == 0 => panic!("the outbox panics, as asked"),
            Ok(_) => Err(OutboxError::new("the outbox fails, as asked")),
        }
    }
}

#[async_trait::async_trait]
impl Outbox for MemoryOutbox {
    async fn claim(&self, request: ClaimRequest) -> Result<Vec<Due>, OutboxError> {
        Self::fail(&self.failing_claims)?;
        let now = Instant::now();
        let mut inner = self.inner.lock();
        let inner = &mut *inner;
        // Of each queue, the first message that is neither accepted nor given up.
        let mut heads = HashSet::new();
        let mut taken: HashMap<String, usize> = HashMap::new();
        let mut claimed = Vec::new();
        let mut ids: Vec<_> = inner.waiting.iter().copied().collect();
        ids.sort_unstable();
        for id in ids {
            let message = inner.messages.get_mut(&id).unwrap();
            if !heads.insert(message.queue) || claimed.len() == request.limit {
                continue;
            }
            let free = message.leased_until.is_none_or(|until| until <= now);
            let room = taken.get(&message.due.host).copied().unwrap_or_default() < request.allowed(&message.due.host);
            if message.due_at <= inner.now && free && room {
                *taken.entry(message.due.host.clone()).or_default() += 1;
                message.leased_until = Some(now + request.lease);
                message.state = State::Leased;
                claimed.push(message.due.clone());
            }
        }
        inner.claims.push(request);
        Ok(claimed)
    }

    async fn settle(&self, id: i64, attempt: Attempt, verdict: Verdict) -> Result<(), OutboxError> {
        Self::fail(&self.failing_settles)?;
        self.write_down(id, attempt, verdict);
        tokio::time::sleep(Duration::from_millis(self.late_settles_ms.load(Ordering::SeqCst))).await;
        Ok(())
    }

    async fn next_due_in(&self) -> Result<Option<Duration>, OutboxError> {
        Self::fail(&self.failing_looks)?;
        let inner = self.inner.lock();
        Ok(inner
            .waiting
            .iter()
            .map(|id| &inner.messages[id])
            .filter(|m| m.state == State::Waiting)
            .map(|m| m.due_at.saturating_sub(inner.now))
            .min())
    }

    async fn release(&self, ids: &[i64]) -> Result<(), OutboxError> {
        let mut inner = self.inner.lock();
        for id in ids {
            let message = inner.messages.get_mut(id).unwrap();
            assert_eq!(message.state, State::Leased, "given back without a lease");
            message.leased_until = None;
            message.state = State::Waiting;
        }
        Ok(())
    }
}

impl MemoryOutbox {
    fn write_down(&self, id: i64, attempt: Attempt, verdict: Verdict) {
        let mut inner = self.inner.lock();
        let inner = &mut *inner;
        let message = inner.messages.get_mut(&id).unwrap();
        assert_eq!(message.state, State::Leased, "settled without a lease");
        message.leased_until = None;
        message.settled.push((attempt, verdict));
        match verdict {
            Verdict::Accepted => message.state = State::Accepted,
            Verdict::Exhausted => message.state = State::Exhausted,
            Verdict::Retry { after } => {
                message.state = State::Waiting;
                message.due.attempts_made += 1;
                message.due_at = inner.now + after;
            }
        }
        if message.state != State::Waiting {
            inner.waiting.remove(&id);
        }
    }
}
