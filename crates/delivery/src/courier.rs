//! The loop between outbox and receivers. One claim is under way at a time and everything else goes on beside it: each
//! message has a task of its own, which sends, lets the next one for its host go, and then settles. Panics, a failing
//! outbox and a moved business clock are part of what it expects.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::hosts::{Claim, Hosts, Leased, Limits, More, Moves, Sign};
use crate::outbox::{Answer, Attempt, Due, Outbox, OutboxError, SendFailure, Verdict};
use crate::parcel::Prepare;
use crate::schedule::Schedule;
use crate::send::Sender;
use crate::settings::{CourierError, Settings};
use crate::unwind::caught;

/// The longest sleep: a sandbox's clock may be moved at any time.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);
/// The longest while something is held, which may have to be given back.
const LONGEST_SLEEP_HOLDING: Duration = Duration::from_millis(100);
/// Claims begin at least this far apart, so that what comes in meanwhile is claimed together.
const CLAIM_PACE: Duration = Duration::from_millis(2);
/// After a failure of the outbox, doubled up to the longest.
const FIRST_BACKOFF: Duration = Duration::from_millis(200);
const LONGEST_BACKOFF: Duration = Duration::from_secs(2);
/// Something is due that no claim gives us, for its host is busy or another courier has it. It hides when the next one
/// for somebody else falls due, so we look again, after waits that double up to the longest.
const FIRST_DOUBT: Duration = Duration::from_millis(5);
const LONGEST_DOUBT: Duration = Duration::from_millis(50);
/// At the end, what is sent may take its time-out, and this to be settled.
const SETTLE_GRACE: Duration = Duration::from_secs(2);
/// Between tries to settle, doubled up to the longest back-off while the lease lasts.
const FIRST_SETTLE_RETRY: Duration = Duration::from_millis(50);

/// Carries messages from an outbox to their receivers, until it is told to stop.
pub struct Courier {
    shared: Arc<Shared>,
}

impl Courier {
    /// Makes a courier; nothing happens before [`run`](Self::run).
    ///
    /// # Errors
    /// When a setting cannot work or the HTTP client cannot be built.
    pub fn new(outbox: Arc<dyn Outbox>, prepare: Arc<dyn Prepare>, settings: Settings) -> Result<Self, CourierError> {
        settings.check()?;
        let sender = Sender::new(&settings)?;
        let limits = Limits::from(&settings);
        let schedule = Schedule::new(settings.schedule, settings.jitter)?;
        Ok(Self {
            shared: Arc::new(Shared {
                outbox,
                prepare,
                sender,
                schedule,
                limits,
                desk: Mutex::new(Desk {
                    hosts: Hosts::new(limits),
                    look: true,
                    look_when_one_ends: false,
                    passes: 0,
                    give_back: Vec::new(),
                }),
                wake: Notify::new(),
                quiet_pass: watch::Sender::new(0),
                tasks: TaskTracker::new(),
                counts: Counts::default(),
            }),
        })
    }

    /// A handle to wake, wait for and watch this courier.
    pub fn handle(&self) -> CourierHandle {
        CourierHandle { shared: Arc::clone(&self.shared) }
    }

    /// Carries messages until `shutdown`; then claims no more, gives back what it has not sent, and lets what is under
    /// way finish: at most the time-out of an attempt and 2 s. The caller may bound it closer by dropping the future.
    pub async fn run(self, shutdown: CancellationToken) {
        let shared = &self.shared;
        let mut backoff = Backoff::new(FIRST_BACKOFF, LONGEST_BACKOFF);
        let mut doubt = Backoff::new(FIRST_DOUBT, LONGEST_DOUBT);
        while !shutdown.is_cancelled() {
            shared.give_back().await;
            let turned = match shared.pass(&shutdown).await {
                Ok(found) => {
                    if found {
                        doubt.reset();
                    }
                    shared.rest(&mut doubt, &shutdown).await
                }
                Err(error) => Err(error),
            };
            match turned {
                Ok(()) => backoff.reset(),
                Err(error) => {
                    shared.counts.outbox_errors.fetch_add(1, Ordering::Relaxed);
                    tracing::warn!(error = &error as &dyn Error, "the outbox failed: trying again");
                    shared.desk.lock().look = true;
                    // Not to be cut short by a wake.
                    stopped_within(backoff.next(), &shutdown).await;
                }
            }
        }
        shared.close().await;
    }
}

/// Nobody waits for a courier that is gone, whether it ended, was dropped or never ran.
impl Drop for Courier {
    fn drop(&mut self) {
        self.shared.quiet_pass.send_replace(u64::MAX);
    }
}

/// Speaks to a running courier. Cheap to clone; it does not keep the courier running.
#[derive(Clone)]
pub struct CourierHandle {
    shared: Arc<Shared>,
}

impl CourierHandle {
    /// Says that something may have become due.
    pub fn wake(&self) {
        self.shared.desk.lock().look = true;
        self.shared.wake.notify_one();
    }

    /// Resolves once a look into the outbox that began after this call found nothing due while nothing was in hand; at
    /// once when the courier is gone. While receivers hang or the outbox fails, that can take long: bound it.
    pub async fn settled(&self) {
        let mut quiet = self.shared.quiet_pass.subscribe();
        let awaited = {
            let mut desk = self.shared.desk.lock();
            desk.look = true;
            desk.passes + 1
        };
        self.shared.wake.notify_one();
        // The sender lives in what this handle holds.
        let _ = quiet.wait_for(|pass| *pass >= awaited).await;
    }

    /// How things stand, and what has been counted since the start.
    pub fn stats(&self) -> Stats {
        let counts = &self.shared.counts;
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let desk = self.shared.desk.lock();
        let (hosts, failing_hosts) = desk.hosts.counts();
        Stats {
            in_flight: desk.hosts.going(),
            held: desk.hosts.held(),
            hosts,
            failing_hosts,
            accepted: read(&counts.accepted),
            refused: read(&counts.refused),
            failed: read(&counts.failed),
            exhausted: read(&counts.exhausted),
            outbox_errors: read(&counts.outbox_errors),
        }
    }
}

/// How a courier stands, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Messages being sent or settled now.
    pub in_flight: usize,
    /// Messages claimed and waiting for their host now.
    pub held: usize,
    /// Hosts remembered now.
    pub hosts: usize,
    /// Those of them that failed last.
    pub failing_hosts: usize,
    /// Attempts that were answered with 2xx.
    pub accepted: u64,
    /// Attempts that were answered with anything else.
    pub refused: u64,
    /// Attempts that brought no answer.
    pub failed: u64,
    /// Messages whose schedule was used up.
    pub exhausted: u64,
    /// Calls to the outbox that failed.
    pub outbox_errors: u64,
}

#[derive(Default)]
struct Counts {
    accepted: AtomicU64,
    refused: AtomicU64,
    failed: AtomicU64,
    exhausted: AtomicU64,
    outbox_errors: AtomicU64,
}

struct Shared {
    outbox: Arc<dyn Outbox>,
    prepare: Arc<dyn Prepare>,
    sender: Sender,
    schedule: Schedule,
    limits: Limits,
    desk: Mutex<Desk>,
    wake: Notify,
    /// The number of the last pass that found nothing while nothing was in hand.
    quiet_pass: watch::Sender<u64>,
    tasks: TaskTracker,
    counts: Counts,
}

/// What the loop and the messages' tasks change together.
struct Desk {
    hosts: Hosts,
    /// A claim might find something.
    look: bool,
    /// The last claim left something behind for a host that had no slot free.
    look_when_one_ends: bool,
    /// Passes begun.
    passes: u64,
    /// Claimed, not sent, and to go back to the outbox.
    give_back: Vec<i64>,
}

impl Shared {
    /// Looks into the outbox once, if there is a reason and room. True if it found something.
    async fn pass(self: &Arc<Self>, shutdown: &CancellationToken) -> Result<bool, OutboxError> {
        let since = Instant::now();
        let (claim, pass, idle) = {
            let mut desk = self.desk.lock();
            let desk = &mut *desk;
            if !desk.look {
                return Ok(false);
            }
            let Some(claim) = desk.hosts.claim(since) else {
                return Ok(false);
            };
            desk.look = false;
            desk.passes += 1;
            let idle = desk.hosts.going() + desk.hosts.held() + desk.give_back.len() == 0;
            (claim, desk.passes, idle)
        };
        let mut claiming = Box::pin(asked(self.outbox.claim(claim.request.clone())));
        let dues = tokio::select! {
            dues = &mut claiming => dues?,
            () = shutdown.cancelled() => {
                // It may be about to take a lease: wait for it, to give that back.
                if let Ok(Ok(dues)) = timeout(SETTLE_GRACE, claiming).await {
                    self.desk.lock().give_back.extend(dues.iter().map(|due| due.id));
                }
                return Ok(false);
            }
        };
        let found = !dues.is_empty();
        if idle && !found {
            self.quiet_pass.send_replace(pass);
        }
        self.admit(&claim, dues, since);
        Ok(found)
    }

    /// Waits until there is a reason to look again: at least the pace, at most a second.
    async fn rest(&self, doubt: &mut Backoff, shutdown: &CancellationToken) -> Result<(), OutboxError> {
        if stopped_within(CLAIM_PACE, shutdown).await || self.has_work() {
            return Ok(());
        }
        // Only an idle courier asks this: a busy one looks again before the answer would matter.
        let next = tokio::select! {
            next = asked(self.outbox.next_due_in()) => next?,
            () = shutdown.cancelled() => return Ok(()),
        };
        let pause = match next {
            Some(Duration::ZERO) => doubt.next(),
            Some(next) => next.min(LONGEST_SLEEP),
            None => LONGEST_SLEEP,
        };
        let holds = self.desk.lock().hosts.held() > 0;
        let pause = if holds { pause.min(LONGEST_SLEEP_HOLDING) } else { pause };
        tokio::select! {
            () = self.work_to_do() => {}
            () = sleep(pause) => self.desk.lock().look = true,
            () = shutdown.cancelled() => {}
        }
        Ok(())
    }

    fn admit(self: &Arc<Self>, claim: &Claim, dues: Vec<Due>, since: Instant) {
        let go = {
            let mut desk = self.desk.lock();
            let (go, more) = desk.hosts.admit(claim, dues, since);
            desk.look |= more == More::Now;
            desk.look_when_one_ends = more != More::No;
            go
        };
        self.start(go);
    }

    fn start(self: &Arc<Self>, go: Vec<Leased>) {
        for leased in go {
            let slot = Slot {
                host: Arc::from(leased.due.host.as_str()),
                id: leased.due.id,
                sending: true,
                shared: Arc::clone(self),
            };
            let task: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(carry(slot, leased));
            self.tasks.spawn(task);
        }
    }

    fn has_work(&self) -> bool {
        let desk = self.desk.lock();
        let room = desk.hosts.going() + desk.hosts.held() < self.limits.global;
        (desk.look && room) || !desk.give_back.is_empty()
    }

    async fn work_to_do(&self) {
        while !self.has_work() {
            self.wake.notified().await;
        }
    }

    /// Gives back to the outbox what has been claimed and will not be sent.
    async fn give_back(&self) {
        let ids = {
            let mut desk = self.desk.lock();
            let desk = &mut *desk;
            desk.give_back.extend(desk.hosts.sweep(Instant::now()));
            std::mem::take(&mut desk.give_back)
        };
        if ids.is_empty() {
            return;
        }
        if let Err(error) = asked(self.outbox.release(&ids)).await {
            self.counts.outbox_errors.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(error = &error as &dyn Error, "could not give back: the leases will run out");
        }
        let mut desk = self.desk.lock();
        desk.hosts.given_back(&ids);
        desk.look = true;
    }

    /// The end: nothing new goes, what goes may finish.
    async fn close(&self) {
        {
            let mut desk = self.desk.lock();
            let desk = &mut *desk;
            desk.give_back.extend(desk.hosts.give_up_held());
        }
        self.tasks.close();
        let finish = async {
            self.give_back().await;
            self.tasks.wait().await;
        };
        if timeout(self.limits.timeout + SETTLE_GRACE, finish).await.is_err() {
            tracing::warn!(left = self.tasks.len(), "stopped before every message was settled");
        }
    }

    fn verdict(&self, due: &Due, answer: &Answer) -> Verdict {
        if answer.is_accepted() {
            return Verdict::Accepted;
        }
        self.schedule.after_failures(due.attempts_made.saturating_add(1), rand::random())
    }

    fn count(&self, answer: &Answer, verdict: Verdict) {
        let counts = &self.counts;
        let add = |count: &AtomicU64| count.fetch_add(1, Ordering::Relaxed);
        match answer {
            Answer::Status { .. } if answer.is_accepted() => add(&counts.accepted),
            Answer::Status { .. } => add(&counts.refused),
            Answer::Failed(_) => add(&counts.failed),
        };
        if verdict == Verdict::Exhausted {
            add(&counts.exhausted);
        }
    }

    /// Writes down what happened, again and again while the lease lasts: what is not written down is sent twice.
    async fn settle(&self, id: i64, attempt: Attempt, verdict: Verdict, until: Instant) {
        let mut backoff = Backoff::new(FIRST_SETTLE_RETRY, LONGEST_BACKOFF);
        loop {
            let Err(error) = asked(self.outbox.settle(id, attempt.clone(), verdict)).await else {
                return;
            };
            self.counts.outbox_errors.fetch_add(1, Ordering::Relaxed);
            let pause = backoff.next();
            if Instant::now() + pause >= until {
                tracing::error!(id, error = &error as &dyn Error, "could not be settled: it will be sent again");
                return;
            }
            tracing::debug!(id, error = &error as &dyn Error, "could not be settled: trying again");
            sleep(pause).await;
        }
    }
}

/// One message, from the first step to the last.
async fn carry(mut slot: Slot, leased: Leased) {
    let Leased { due, since } = leased;
    let shared = Arc::clone(&slot.shared);
    let began = Instant::now();
    let attempt = caught(shared.sender.attempt(&*shared.prepare, &due)).await.unwrap_or_else(|_| {
        tracing::error!(id = due.id, host = %due.host, "the attempt panicked");
        Attempt {
            sent_headers: Vec::new(),
            sent_body: String::new(),
            answer: Answer::Failed(SendFailure::Internal),
            took: began.elapsed(),
        }
    });
    slot.request_ended(Sign::of(&attempt.answer, attempt.took));
    let verdict = shared.verdict(&due, &attempt.answer);
    shared.count(&attempt.answer, verdict);
    let Due { id, message_id, host, .. } = &due;
    let answer = || attempt.answer_kind();
    match verdict {
        Verdict::Accepted => tracing::debug!(id, message_id, host, answer = answer(), "a message was accepted"),
        Verdict::Retry { after } => {
            tracing::info!(id, message_id, host, answer = answer(), ?after, "a message was not accepted");
        }
        Verdict::Exhausted => tracing::warn!(id, message_id, host, answer = answer(), "a message is given up"),
    }
    shared.settle(due.id, attempt, verdict, since + shared.limits.lease).await;
}

impl Attempt {
    /// For the log: what a receiver writes in its answers stays out of it.
    fn answer_kind(&self) -> String {
        match &self.answer {
            Answer::Status { code, .. } => code.to_string(),
            Answer::Failed(failure) => failure.code().to_owned(),
        }
    }
}

/// The place of a message in hand. Gives it up when dropped, so that nothing that happens to the task can lose it.
struct Slot {
    shared: Arc<Shared>,
    host: Arc<str>,
    id: i64,
    sending: bool,
}

impl Slot {
    /// Lets the next message for this host go; this one remains to be settled.
    fn request_ended(&mut self, sign: Sign) {
        if let Some(moves) = self.end(sign) {
            self.shared.start(moves.send);
        }
    }

    fn end(&mut self, sign: Sign) -> Option<Moves> {
        if !std::mem::replace(&mut self.sending, false) {
            return None;
        }
        let mut desk = self.shared.desk.lock();
        let desk = &mut *desk;
        let mut moves = desk.hosts.ended(&self.host, sign, Instant::now());
        desk.give_back.append(&mut moves.give_back);
        desk.look |= desk.look_when_one_ends;
        if desk.look || !desk.give_back.is_empty() {
            self.shared.wake.notify_one();
        }
        Some(moves)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        // Only if the task was cut off: it cannot start others from here, so the host's messages go back.
        if self.sending {
            self.end(Sign::Failing);
        }
        let mut desk = self.shared.desk.lock();
        if desk.hosts.settled(self.id) {
            desk.give_back.push(self.id);
        }
        desk.look = true;
        drop(desk);
        self.shared.wake.notify_one();
    }
}

/// An answer of the outbox, with a panic as an error like any other.
async fn asked<T>(call: impl Future<Output = Result<T, OutboxError>>) -> Result<T, OutboxError> {
    match caught(call).await {
        Ok(answer) => answer,
        Err(panicked) => Err(OutboxError::new(panicked)),
    }
}

/// Sleeps; true when shutdown came first.
async fn stopped_within(pause: Duration, shutdown: &CancellationToken) -> bool {
    timeout(pause, shutdown.cancelled()).await.is_ok()
}

/// Waits that double.
struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, next: first }
    }

    fn next(&mut self) -> Duration {
        let pause = self.next;
        self.next = (pause * 2).min(self.longest);
        pause
    }

    fn reset(&mut self) {
        self.next = self.first;
    }
}
