//! Who may be sent how much. This is what keeps a slow or dead receiver from delaying the others, and it is plain
//! bookkeeping: no I/O, no waiting, the time comes in as an argument.
//!
//! A host has to earn its share. One that we do not know, or that failed last, gets `per_failing_host` requests at a
//! time. Once it answers, each answer that comes while its window is used up widens that by one, up to `per_host`: so a
//! window is as wide as the traffic needs, and a host that turns dead leaves few requests hanging. Hosts of the first
//! kind together may fill only a part of the global limit, and as that fills up, the share of each of the second kind
//! shrinks. So there is room for a healthy host however many others hang.
//!
//! For a host that answers fast, more is claimed than can go at once, and held here: the next message is then ready the
//! moment a request ends, with no round trip to the outbox between. What does not go soon is given back.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::outbox::{Answer, ClaimRequest, Due, SendFailure};
use crate::settings::Settings;

/// The most messages of one claim.
const BATCH: usize = 256;
/// For a fast host, this many times its window is held in hand.
const HOLD_FACTOR: usize = 8;
/// A host is fast if it answers, smoothed, in less.
const FAST: Duration = Duration::from_millis(100);
/// What has been held for longer goes back to the outbox; sooner when less than this part of the global limit is free,
/// for then others need the room.
const HOLD_PATIENCE: Duration = Duration::from_secs(1);
const HOLD_PATIENCE_WHEN_FULL: Duration = FAST;
const FULL: usize = 16;
/// A host that was sent nothing for so long starts with a narrow window again.
const WINDOW_LASTS: Duration = Duration::from_secs(1);
/// How long an idle host is remembered, by what is known of it. Forgetting costs little: it then starts small.
const REMEMBER_NEW: Duration = Duration::from_secs(60);
const REMEMBER_ANSWERING: Duration = Duration::from_secs(3600);
const REMEMBER_FAILING: Duration = Duration::from_secs(24 * 3600);
/// The most idle hosts that are remembered.
const MAX_IDLE_HOSTS: usize = 4096;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) per_host: usize,
    pub(crate) per_failing_host: usize,
    pub(crate) global: usize,
    pub(crate) lease: Duration,
    pub(crate) timeout: Duration,
}

impl Limits {
    /// How many requests at a time any one host may have while `going` messages go altogether: `per_host` until half of
    /// the limit is used, then fewer and fewer, at least one.
    fn share(&self, going: usize) -> usize {
        let free = self.global.saturating_sub(going);
        (free * 2 * self.per_host / self.global).clamp(1, self.per_host)
    }
}

impl From<&Settings> for Limits {
    fn from(settings: &Settings) -> Self {
        Self {
            per_host: settings.per_host,
            per_failing_host: settings.per_failing_host,
            global: settings.global,
            lease: settings.lease,
            timeout: settings.timeout,
        }
    }
}

/// What an attempt says about its host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sign {
    /// It answered, whatever it said.
    Alive { took: Duration },
    /// It did not answer, or said that it cannot keep up.
    Failing,
    /// We never asked it.
    Nothing,
}

impl Sign {
    pub(crate) fn of(answer: &Answer, took: Duration) -> Self {
        match answer {
            Answer::Status { code: 429 | 502..=504, .. } => Self::Failing,
            Answer::Status { .. } => Self::Alive { took },
            Answer::Failed(SendFailure::NotPrepared | SendFailure::Internal) => Self::Nothing,
            Answer::Failed(
                SendFailure::TimedOut
                | SendFailure::Blocked(_)
                | SendFailure::BadAddress
                | SendFailure::NameNotResolved
                | SendFailure::NotConnected
                | SendFailure::TlsFailed
                | SendFailure::Broken,
            ) => Self::Failing,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    New,
    Answering,
    Failing,
}

/// A message in hand, with the moment before which its lease began.
#[derive(Debug)]
pub(crate) struct Leased {
    pub(crate) due: Due,
    pub(crate) since: Instant,
}

#[derive(Debug)]
struct Host {
    standing: Standing,
    window: usize,
    sending: usize,
    held: VecDeque<Leased>,
    answers_in: Duration,
    used: Instant,
}

impl Host {
    fn new(window: usize, now: Instant) -> Self {
        Self { standing: Standing::New, window, sending: 0, held: VecDeque::new(), answers_in: FAST, used: now }
    }

    fn rested(&self, now: Instant) -> bool {
        self.in_hand() == 0 && now.duration_since(self.used) > WINDOW_LASTS
    }

    fn in_hand(&self) -> usize {
        self.sending + self.held.len()
    }

    /// Whether one more may go, where no host has more than `share`.
    fn may_send(&self, share: usize) -> bool {
        self.sending < self.window.min(share)
    }
}

/// The messages to send now and those to give back, after a request has ended.
#[derive(Debug, Default)]
pub(crate) struct Moves {
    pub(crate) send: Vec<Leased>,
    pub(crate) give_back: Vec<i64>,
}

/// A claim, and what is remembered of it until its result is there.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) request: ClaimRequest,
    /// Some host was allowed less than it might have taken.
    narrowed: bool,
}

/// All hosts that something is in hand for, or that are remembered.
#[derive(Debug)]
pub(crate) struct Hosts {
    limits: Limits,
    hosts: HashMap<Arc<str>, Host>,
    in_hand: HashSet<i64>,
    /// Those of them that a claim has leased again: what they were settled with was written down, and a new event has
    /// made them due at once, before their task was told.
    leased_again: HashSet<i64>,
    /// Sent or being settled: everything in hand that is not held.
    going: usize,
    held: usize,
    pruned: Option<Instant>,
}

impl Hosts {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            hosts: HashMap::new(),
            in_hand: HashSet::new(),
            leased_again: HashSet::new(),
            going: 0,
            held: 0,
            pruned: None,
        }
    }

    /// Messages being sent or settled.
    pub(crate) fn going(&self) -> usize {
        self.going
    }

    /// Messages held.
    pub(crate) fn held(&self) -> usize {
        self.held
    }

    /// Hosts remembered, and how many of them failed last.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let failing = |host: &&Host| host.standing == Standing::Failing;
        (self.hosts.len(), self.hosts.values().filter(failing).count())
    }

    /// What to ask the outbox for, or `None` when there is no room.
    pub(crate) fn claim(&self, now: Instant) -> Option<Claim> {
        let Limits { per_host: _, per_failing_host, global, lease, timeout: _ } = self.limits;
        let room = global.saturating_sub(self.going + self.held);
        if room == 0 {
            return None;
        }
        // Never all the room, whatever the outbox has: the next claim has to find some for others.
        let limit = room.div_ceil(2).min(BATCH).min(global.div_ceil(4));

        let (mut new, mut failing) = (0, 0);
        for host in self.hosts.values() {
            match host.standing {
                Standing::New => new += host.sending,
                Standing::Failing => failing += host.sending,
                Standing::Answering => {}
            }
        }
        // One claim may overshoot each mark by a quarter; the last quarter is for hosts that answer.
        let new_share = if new + failing < global.div_ceil(2) { per_failing_host } else { 0 };
        let failing_share = if failing < global.div_ceil(4) { new_share } else { 0 };
        let share = self.limits.share(self.going);
        // Nothing is held unless half of the limit is free, the messages held included.
        let to_hold = (global / 2).saturating_sub(self.going + self.held);

        let mut narrowed = new_share == 0;
        let mut named = HashMap::new();
        for (name, host) in &self.hosts {
            let window = host.window.min(share);
            let most = match host.standing {
                Standing::New => new_share,
                Standing::Failing => failing_share,
                Standing::Answering if host.rested(now) => per_failing_host,
                Standing::Answering if host.answers_in < FAST => window + (to_hold / 4).min(HOLD_FACTOR * window),
                Standing::Answering => window,
            };
            let allowed = most.saturating_sub(host.in_hand());
            narrowed |= allowed == 0;
            if allowed != new_share {
                named.insert(name.to_string(), allowed);
            }
        }
        Some(Claim { request: ClaimRequest { limit, per_host: named, default_per_host: new_share, lease }, narrowed })
    }

    /// Takes in the result of a claim. Says what goes now, and whether there may be more for a host that took all that
    /// it was allowed.
    pub(crate) fn admit(&mut self, claim: &Claim, dues: Vec<Due>, since: Instant) -> (Vec<Leased>, More) {
        let mut go = Vec::new();
        let mut taken: HashMap<Arc<str>, usize> = HashMap::new();
        let full = dues.len() >= claim.request.limit;
        for due in dues {
            if !self.in_hand.insert(due.id) {
                tracing::debug!(
                    id = due.id,
                    "claimed again while still in hand: it goes back when it has been settled"
                );
                self.leased_again.insert(due.id);
                continue;
            }
            let name: Arc<str> = match self.hosts.get_key_value(due.host.as_str()) {
                Some((name, _)) => Arc::clone(name),
                None => Arc::from(due.host.as_str()),
            };
            let host =
                self.hosts.entry(Arc::clone(&name)).or_insert_with(|| Host::new(self.limits.per_failing_host, since));
            if host.rested(since) {
                host.window = self.limits.per_failing_host;
            }
            host.used = since;
            *taken.entry(name).or_default() += 1;
            let leased = Leased { due, since };
            if host.may_send(self.limits.share(self.going)) {
                host.sending += 1;
                self.going += 1;
                go.push(leased);
            } else {
                self.held += 1;
                host.held.push_back(leased);
            }
        }
        let any_at_limit = || taken.iter().any(|(host, taken)| *taken >= claim.request.allowed(host));
        let more = if full {
            More::Now
        } else if claim.narrowed || any_at_limit() {
            More::WhenOneEnds
        } else {
            More::No
        };
        (go, more)
    }

    /// One request to `name` has ended. What is held for the host goes next, or goes back if the host has failed.
    pub(crate) fn ended(&mut self, name: &str, sign: Sign, now: Instant) -> Moves {
        let mut moves = Moves::default();
        let limits = self.limits;
        let Some(host) = self.hosts.get_mut(name) else {
            return moves;
        };
        let used_up = host.sending >= host.window;
        host.sending = host.sending.saturating_sub(1);
        host.used = now;
        match sign {
            Sign::Alive { took } => {
                host.answers_in = match host.standing {
                    Standing::Answering => (host.answers_in * 7 + took) / 8,
                    Standing::New | Standing::Failing => took,
                };
                host.standing = Standing::Answering;
                if used_up {
                    host.window = (host.window + 1).min(limits.per_host);
                }
            }
            Sign::Failing => {
                host.standing = Standing::Failing;
                host.window = limits.per_failing_host;
            }
            Sign::Nothing => {}
        }
        if host.standing == Standing::Failing {
            self.held -= host.held.len();
            moves.give_back.extend(host.held.drain(..).map(|l| l.due.id));
        }
        while host.may_send(limits.share(self.going)) {
            let Some(leased) = host.held.pop_front() else {
                break;
            };
            self.held -= 1;
            // An attempt that would outlast its lease could meet the next one.
            if now.duration_since(leased.since) + limits.timeout >= limits.lease {
                moves.give_back.push(leased.due.id);
                continue;
            }
            host.sending += 1;
            self.going += 1;
            moves.send.push(leased);
        }
        moves
    }

    /// A message that was sent has been settled. True if it was leased again meanwhile: then that lease is to be given
    /// back, or nobody would look at the message until it runs out.
    pub(crate) fn settled(&mut self, id: i64) -> bool {
        self.going = self.going.saturating_sub(1);
        self.in_hand.remove(&id);
        self.leased_again.remove(&id)
    }

    /// The outbox has these back.
    pub(crate) fn given_back(&mut self, ids: &[i64]) {
        for id in ids {
            self.in_hand.remove(id);
        }
    }

    /// Gives back what has been held too long, and forgets hosts.
    pub(crate) fn sweep(&mut self, now: Instant) -> Vec<i64> {
        let mut give_back = Vec::new();
        if self.held > 0 {
            let room = self.limits.global.saturating_sub(self.going + self.held);
            let patience = if room * FULL < self.limits.global { HOLD_PATIENCE_WHEN_FULL } else { HOLD_PATIENCE };
            for host in self.hosts.values_mut() {
                let waits = |leased: &Leased| now.duration_since(leased.since) > patience;
                if host.held.front().is_some_and(waits) {
                    host.answers_in = host.answers_in.max(HOLD_PATIENCE);
                    self.held -= host.held.len();
                    give_back.extend(host.held.drain(..).map(|l| l.due.id));
                }
            }
        }
        if self.pruned.is_none_or(|at| now.duration_since(at) > HOLD_PATIENCE) {
            self.pruned = Some(now);
            self.prune(now);
        }
        give_back
    }

    /// Gives back everything that is held.
    pub(crate) fn give_up_held(&mut self) -> Vec<i64> {
        self.held = 0;
        self.hosts.values_mut().flat_map(|host| host.held.drain(..)).map(|leased| leased.due.id).collect()
    }

    fn prune(&mut self, now: Instant) {
        let keep = |host: &Host, longest: Duration| {
            let remember = match host.standing {
                Standing::New => REMEMBER_NEW,
                Standing::Answering => REMEMBER_ANSWERING,
                Standing::Failing => REMEMBER_FAILING,
            };
            host.in_hand() > 0 || now.duration_since(host.used) <= remember.min(longest)
        };
        self.hosts.retain(|_, host| keep(host, Duration::MAX));
        if self.hosts.len() > MAX_IDLE_HOSTS {
            let mut ages: Vec<_> = self.hosts.values().map(|host| now.duration_since(host.used)).collect();
            let (_, longest, _) = ages.select_nth_unstable(MAX_IDLE_HOSTS);
            let longest = *longest;
            // Those of exactly that age go too.
            let longest = longest.saturating_sub(Duration::from_nanos(1));
            self.hosts.retain(|_, host| keep(host, longest));
        }
    }
}

/// Whether a claim has left something behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum More {
    /// It returned as many as it could: ask again.
    Now,
    /// For some host there may be more: ask again when a request ends.
    WhenOneEnds,
    /// No: until something new comes, or a settled message lets its successor go.
    No,
}

#[cfg(test)]
mod tests;
