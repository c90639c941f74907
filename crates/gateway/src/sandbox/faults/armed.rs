//! The faults that are armed, the notifications that they keep back, and what they have done. All in memory: a restart
//! disarms everything, and what was kept back goes out.

use super::fault::{CallFault, Content, Effect, Fault, On, Subject, Timing};
use gerai_ledger::DeliveryRecord;
use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// The most faults that may be armed, and how many are listed with those that have done their work.
const MOST_ARMED: usize = 100;
const MOST_LISTED: usize = 200;

/// How many attempts under a fault are remembered, and how many messages beside the outbox.
const ATTEMPTS: usize = 10_000;
const EXTRAS: usize = 500;

/// One strike, by the fault's id and name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Struck {
    pub(crate) id: u64,
    pub(crate) name: &'static str,
}

impl Struck {
    pub(crate) fn tell(self) -> Value {
        json!({ "id": self.id, "fault": self.name })
    }
}

struct Armed {
    id: u64,
    fault: Fault,
    matched: u64,
    struck: u64,
    /// The messages that it has kept waiting: each only once, or it would never go.
    met: HashSet<i64>,
}

impl Armed {
    fn is_spent(&self) -> bool {
        self.fault.odds.left() == Some(0)
    }
}

/// A notification that waits outside the courier's reach.
struct Held {
    by: Struck,
    tx_id: String,
    /// When it goes by itself.
    until: Option<Instant>,
    /// It goes once the payment's next one can go before it.
    lets_next_pass: bool,
}

/// What befalls a message that is due.
pub(crate) enum Met {
    /// Nothing: it goes.
    Nothing,
    /// It is kept.
    Kept,
    /// It is not sent, and counts as a failed attempt.
    Dropped(Struck),
    /// It is not sent, and counts as delivered.
    Lost(Struck),
}

/// A message that was sent beside the outbox: a copy, or one that was forged.
pub(crate) struct Extra {
    pub(crate) tx_id: String,
    /// The message that it is a copy of.
    pub(crate) copy_of: Option<i64>,
    pub(crate) by: Option<Struck>,
    pub(crate) record: DeliveryRecord,
}

struct MarkedAttempt {
    message: i64,
    number: usize,
    by: Struck,
}

#[derive(Default)]
struct State {
    last_id: u64,
    armed: Vec<Armed>,
    held: HashMap<i64, Held>,
    /// The payment of a message and the faults under which its present attempt is made.
    under: HashMap<i64, (String, Vec<Struck>)>,
    attempts: VecDeque<MarkedAttempt>,
    extras: VecDeque<Extra>,
}

/// All faults of a sandbox.
#[derive(Default)]
pub(crate) struct Faults {
    /// Whether a call, and whether a notification, may meet one: looked at before anything else is done.
    on_calls: AtomicBool,
    on_notifications: AtomicBool,
    state: Mutex<State>,
}

/// Why a fault was not armed.
pub(crate) struct TooMany;

impl Faults {
    /// Changes the state, and what is looked at before it.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state.lock();
        let changed = change(&mut state);
        let may_strike = |calls: bool| {
            state.armed.iter().any(|armed| !armed.is_spent() && (armed.fault.aim.on != On::Notification) == calls)
        };
        self.on_calls.store(may_strike(true), Ordering::Release);
        self.on_notifications.store(may_strike(false) || !state.held.is_empty(), Ordering::Release);
        changed
    }

    /// Whether anything may befall a notification.
    pub(crate) fn on_notifications(&self) -> bool {
        self.on_notifications.load(Ordering::Acquire)
    }

    /// Arms a fault, and tells it.
    pub(crate) fn arm(&self, fault: Fault) -> Result<Value, TooMany> {
        self.change(|state| {
            if state.armed.iter().filter(|armed| !armed.is_spent()).count() >= MOST_ARMED {
                return Err(TooMany);
            }
            if state.armed.len() >= MOST_LISTED {
                let holding: HashSet<u64> = state.held.values().map(|held| held.by.id).collect();
                let oldest = state.armed.iter().position(|armed| armed.is_spent() && !holding.contains(&armed.id));
                oldest.map(|at| state.armed.remove(at));
            }
            state.last_id += 1;
            let armed = Armed { id: state.last_id, fault, matched: 0, struck: 0, met: HashSet::new() };
            let told = tell(&armed, &state.held);
            state.armed.push(armed);
            Ok(told)
        })
    }

    /// All that are armed, and those that were.
    pub(crate) fn list(&self) -> Vec<Value> {
        let state = self.state.lock();
        state.armed.iter().map(|armed| tell(armed, &state.held)).collect()
    }

    /// Whether one of them has this id.
    pub(crate) fn is_listed(&self, id: u64) -> bool {
        self.state.lock().armed.iter().any(|armed| armed.id == id)
    }

    /// Disarms one, or all; how many there were.
    pub(crate) fn disarm(&self, which: Option<u64>) -> usize {
        self.change(|state| {
            let before = state.armed.len();
            state.armed.retain(|armed| which.is_some_and(|id| id != armed.id));
            before - state.armed.len()
        })
    }

    /// The messages that a fault keeps, or all faults: from now on nobody keeps them.
    pub(crate) fn let_go(&self, which: Option<u64>) -> Vec<i64> {
        self.change(|state| {
            let ids: Vec<i64> = state
                .held
                .iter()
                .filter(|(_, held)| which.is_none_or(|id| id == held.by.id))
                .map(|(message, _)| *message)
                .collect();
            for id in &ids {
                state.held.remove(id);
            }
            ids
        })
    }

    /// Forgets everything; ids go on counting.
    pub(crate) fn clear(&self) {
        self.change(|state| *state = State { last_id: state.last_id, ..State::default() });
    }

    /// What befalls a call.
    pub(crate) fn strike_call(&self, seen: &Subject) -> Option<(Struck, CallFault)> {
        if !self.on_calls.load(Ordering::Acquire) {
            return None;
        }
        self.change(|state| {
            state.strike(seen, |armed| match &armed.fault.effect {
                Effect::Call(fault) => Some(fault.clone()),
                Effect::Timing(_) | Effect::Content(_) => None,
            })
        })
    }

    /// Whether a chain refuses a call of the simulated store.
    pub(crate) fn strike_simulated(&self, seen: &Subject) -> Option<(Struck, CallFault)> {
        if !self.on_calls.load(Ordering::Acquire) {
            return None;
        }
        self.change(|state| {
            state.strike(seen, |armed| match &armed.fault.effect {
                Effect::Call(fault @ CallFault::Reject(..)) => Some(fault.clone()),
                Effect::Call(
                    CallFault::Delay(..)
                    | CallFault::Drop(_)
                    | CallFault::Status(..)
                    | CallFault::BrokenJson
                    | CallFault::Answer(_),
                )
                | Effect::Timing(_)
                | Effect::Content(_) => None,
            })
        })
    }

    /// What befalls a message that is due, before it is sent.
    pub(crate) fn meet_due(&self, message: i64, seen: &Subject, now: Instant) -> Met {
        self.change(|state| {
            if state.held.contains_key(&message) {
                return Met::Kept;
            }
            let struck = state.strike(seen, |armed| match armed.fault.effect {
                Effect::Timing(timing) if !armed.met.contains(&message) => Some(timing),
                Effect::Timing(_) | Effect::Call(_) | Effect::Content(_) => None,
            });
            let Some((by, timing)) = struck else { return Met::Nothing };
            let (until, lets_next_pass) = match timing {
                Timing::Drop => return Met::Dropped(by),
                Timing::Lose => return Met::Lost(by),
                Timing::Delay(length) => (now.checked_add(length), false),
                Timing::HoldBack => (None, false),
                Timing::Reorder => (None, true),
            };
            state.armed.iter_mut().filter(|armed| armed.id == by.id).for_each(|armed| {
                armed.met.insert(message);
            });
            let tx_id = seen.tx_id.clone().unwrap_or_default();
            state.held.insert(message, Held { by, tx_id, until, lets_next_pass });
            state.attempt_under(message, seen, by);
            Met::Kept
        })
    }

    /// What befalls a message as it is sent.
    pub(crate) fn strike_sent(&self, message: i64, seen: &Subject) -> Option<(Struck, Content)> {
        self.change(|state| {
            let struck = state.strike(seen, |armed| match &armed.fault.effect {
                Effect::Content(content) => Some(content.clone()),
                Effect::Timing(_) | Effect::Call(_) => None,
            });
            if let Some((by, _)) = &struck {
                state.attempt_under(message, seen, *by);
            }
            struck
        })
    }

    /// The messages whose delay is over: from now on nobody keeps them.
    pub(crate) fn let_go_by(&self, now: Instant) -> Vec<i64> {
        self.change(|state| {
            let over = state.held.iter().filter(|(_, held)| held.until.is_some_and(|until| until <= now));
            let ids: Vec<i64> = over.map(|(id, _)| *id).collect();
            for id in &ids {
                state.held.remove(id);
            }
            ids
        })
    }

    /// When the next delay is over.
    pub(crate) fn next_let_go(&self) -> Option<Instant> {
        self.state.lock().held.values().filter_map(|held| held.until).min()
    }

    /// The messages that let their payment's next one pass: message, payment, fault.
    pub(crate) fn letting_pass(&self) -> Vec<(i64, String, Struck)> {
        let state = self.state.lock();
        let letting = state.held.iter().filter(|(_, held)| held.lets_next_pass);
        letting.map(|(id, held)| (*id, held.tx_id.clone(), held.by)).collect()
    }

    /// Keeps a message no longer; false when somebody else has let it go.
    pub(crate) fn let_go_one(&self, message: i64) -> bool {
        self.change(|state| state.held.remove(&message).is_some())
    }

    /// Of which payment, and under which faults, the attempt was that has just ended; `None` when under none.
    pub(crate) fn attempt_ended(&self, message: i64) -> Option<(String, Vec<Struck>)> {
        self.state.lock().under.remove(&message)
    }

    /// Remembers that a message's attempt of this number, from 1, was made under these faults.
    pub(crate) fn mark_attempt(&self, message: i64, number: usize, by: &[Struck]) {
        let mut state = self.state.lock();
        for by in by {
            state.attempts.push_back(MarkedAttempt { message, number, by: *by });
        }
        while state.attempts.len() > ATTEMPTS {
            state.attempts.pop_front();
        }
    }

    /// Remembers what was sent beside the outbox.
    pub(crate) fn note(&self, extra: Extra) {
        let mut state = self.state.lock();
        state.extras.push_back(extra);
        while state.extras.len() > EXTRAS {
            state.extras.pop_front();
        }
    }

    /// The faults of a message's attempt, numbered from 1.
    pub(crate) fn of_attempt(&self, message: i64, number: usize) -> Vec<Value> {
        let state = self.state.lock();
        let marked = state.attempts.iter().filter(|marked| marked.message == message && marked.number == number);
        marked.map(|marked| marked.by.tell()).collect()
    }

    /// Who keeps a message back.
    pub(crate) fn holder(&self, message: i64) -> Option<Value> {
        self.state.lock().held.get(&message).map(|held| held.by.tell())
    }

    /// What was sent of a payment beside the outbox: with the fault, and its record.
    pub(crate) fn extras<T>(&self, tx_id: &str, copy_of: Option<i64>, tell: impl Fn(&Extra) -> T) -> Vec<T> {
        let state = self.state.lock();
        state.extras.iter().filter(|extra| extra.tx_id == tx_id && extra.copy_of == copy_of).map(tell).collect()
    }
}

impl State {
    fn attempt_under(&mut self, message: i64, seen: &Subject, by: Struck) {
        let tx_id = seen.tx_id.clone().unwrap_or_default();
        self.under.entry(message).or_insert_with(|| (tx_id, Vec::new())).1.push(by);
    }

    /// The first armed fault that meets this and strikes.
    fn strike<T>(&mut self, seen: &Subject, wanted: impl Fn(&Armed) -> Option<T>) -> Option<(Struck, T)> {
        for armed in &mut self.armed {
            if armed.is_spent() || !armed.fault.aim.covers(seen) {
                continue;
            }
            let Some(effect) = wanted(armed) else { continue };
            armed.matched += 1;
            if armed.fault.odds.strikes() {
                armed.struck += 1;
                let struck = Struck { id: armed.id, name: armed.fault.name };
                let Subject { path, tx_id, pay_no, .. } = seen;
                tracing::info!(
                    target: "gerai::fault",
                    fault = struck.id,
                    name = struck.name,
                    path,
                    tx_id,
                    pay_no,
                    "a fault strikes"
                );
                return Some((struck, effect));
            }
        }
        None
    }
}

fn tell(armed: &Armed, held: &HashMap<i64, Held>) -> Value {
    let mut told: Map<String, Value> = armed.fault.told.clone();
    told.insert("id".into(), json!(armed.id));
    told.insert("matched".into(), json!(armed.matched));
    told.insert("struck".into(), json!(armed.struck));
    told.insert("left".into(), json!(armed.fault.odds.left()));
    let mut holding: Vec<(i64, &str)> = held
        .iter()
        .filter(|(_, held)| held.by.id == armed.id)
        .map(|(message, held)| (*message, held.tx_id.as_str()))
        .collect();
    holding.sort_unstable();
    let holding: Vec<Value> =
        holding.into_iter().map(|(message, tx_id)| json!({ "notification": message, "tXid": tx_id })).collect();
    told.insert("holding".into(), json!(holding));
    Value::Object(told)
}

#[cfg(test)]
mod tests {
    use super::super::fault::Odds;
    use super::*;
    use std::time::Duration;

    fn seen() -> Subject {
        Subject { tx_id: Some("T1".into()), ..Subject::any(On::Notification) }
    }

    fn twice(timing: Timing) -> Fault {
        Fault {
            name: "kept",
            aim: Subject::any(On::Notification),
            odds: Odds::counted(2),
            effect: Effect::Timing(timing),
            told: Map::new(),
        }
    }

    #[test]
    fn a_message_is_kept_however_often_it_falls_due_and_only_once_by_one_fault() {
        let faults = Faults::default();
        assert!(!faults.on_notifications());
        faults.arm(twice(Timing::HoldBack)).ok().expect("there is room");
        let now = Instant::now();
        for _ in 0..3 {
            assert!(matches!(faults.meet_due(7, &seen(), now), Met::Kept));
        }
        assert_eq!(faults.let_go(Some(1)), [7]);
        assert!(matches!(faults.meet_due(7, &seen(), now), Met::Nothing), "it has had its turn");
        assert!(matches!(faults.meet_due(8, &seen(), now), Met::Kept), "another has not");
        assert!(faults.on_notifications(), "the fault is spent, but keeps one");
        assert_eq!(faults.let_go(None), [8]);
        assert!(!faults.on_notifications());
    }

    #[test]
    fn a_delay_ends_by_itself() {
        let faults = Faults::default();
        faults.arm(twice(Timing::Delay(Duration::from_secs(5)))).ok().expect("there is room");
        let now = Instant::now();
        assert!(matches!(faults.meet_due(7, &seen(), now), Met::Kept));
        assert_eq!(faults.next_let_go(), Some(now + Duration::from_secs(5)));
        assert_eq!(faults.let_go_by(now + Duration::from_millis(4_999)), [0_i64; 0]);
        assert_eq!(faults.let_go_by(now + Duration::from_secs(5)), [7]);
        assert!(matches!(faults.meet_due(7, &seen(), now), Met::Nothing));
    }
}
