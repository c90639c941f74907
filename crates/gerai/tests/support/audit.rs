//! Reads a database that nobody serves any more and checks what must hold in every one of them. It folds the events by
//! itself, from the rules as they are written, and uses nothing of the code that wrote them.

use rusqlite::{Connection, OpenFlags};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

/// One payment as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) imid: String,
    pub(crate) reference_no: String,
    pub(crate) t_xid: String,
    pub(crate) pay_no: Option<String>,
    pub(crate) state: String,
    pub(crate) events: Vec<Value>,
}

impl Stored {
    pub(crate) fn count(&self, event: &str) -> usize {
        self.events.iter().filter(|told| told["event"] == event).count()
    }
}

/// What the events come to.
#[derive(Debug, Default)]
struct Fold {
    state: &'static str,
    pay_no: Option<String>,
    /// The trace of each attempt, and whether it stands.
    attempts: BTreeMap<String, bool>,
    notices: usize,
}

impl Fold {
    fn of(events: &[Value]) -> Self {
        let mut fold = Self::default();
        for event in events {
            fold.apply(event);
            let standing = fold.attempts.values().filter(|stands| **stands).count();
            assert!(standing <= 1, "two attempts stand: {events:?}");
        }
        fold
    }

    fn apply(&mut self, event: &Value) {
        let trace = || event["trace_no"].as_str().expect("a trace").to_owned();
        match event["event"].as_str().expect("what happened") {
            "registered" => {
                assert_eq!(self.state, "", "registered twice");
                self.pay_no = number(event);
                self.state = if self.pay_no.is_some() { "Unpaid" } else { "AwaitingStore" };
            }
            "store_chosen" => {
                self.pay_no = number(event);
                self.state = "Unpaid";
            }
            "taken" => {
                assert_eq!(self.state, "Unpaid", "taken");
                let attempt = &event["attempt"];
                let paid = attempt["state"] == "Paid";
                self.state = if paid { "Paid" } else { "ReadyToCommit" };
                self.notices += usize::from(paid);
                let trace = attempt["trace_no"].as_str().expect("a trace").to_owned();
                assert_eq!(self.attempts.insert(trace, true), None, "a trace was taken twice");
            }
            "committed" => {
                let before = self.attempts.insert(trace(), true);
                assert!(before.is_some(), "what was never taken was committed");
                self.state = "Paid";
                self.notices += 1;
            }
            "commit_lapsed" => {
                assert_eq!(self.attempts.insert(trace(), false), Some(true), "lapsed");
                self.state = "Unpaid";
            }
            "reversed" => {
                if self.attempts.insert(trace(), false) == Some(true) {
                    assert_eq!(event["was_paid"].as_bool(), Some(self.state == "Paid"));
                    self.state = "Unpaid";
                }
                self.notices += usize::from(event["was_paid"] == true);
            }
            "cancelled" => self.state = "Cancelled",
            "returned" => {
                self.state = "Returned";
                self.notices += 1;
            }
            "expired" | "reversal_marked" | "auto_pay_given_up" | "exception_listed" => {}
            other => panic!("an event that this audit does not know: {other}"),
        }
    }
}

fn number(event: &Value) -> Option<String> {
    match event.get("pay_no") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text.clone()),
        Some(other) => Some(other.to_string()),
    }
}

/// Checks the whole file, and gives what it holds.
pub(crate) fn audit(database: &Path) -> Vec<Stored> {
    let conn = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("the database opens");
    let sound: String = conn.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("a verdict");
    assert_eq!(sound, "ok");

    let mut events: HashMap<i64, Vec<Value>> = HashMap::new();
    let mut statement = conn.prepare("SELECT payment, seq, event FROM events ORDER BY payment, seq").expect("SQL");
    let mut rows = statement.query([]).expect("rows");
    while let Some(row) = rows.next().expect("a row") {
        let (payment, seq, event): (i64, u32, String) =
            (row.get(0).expect("an id"), row.get(1).expect("a number"), row.get(2).expect("a text"));
        let history = events.entry(payment).or_default();
        history.push(serde_json::from_str(&event).expect("JSON"));
        assert_eq!(Ok(seq), u32::try_from(history.len()), "payment {payment}: a gap or a double");
    }

    let mut outbox: HashMap<i64, Vec<i64>> = HashMap::new();
    let mut statement = conn.prepare("SELECT payment, event_seq FROM outbox ORDER BY id").expect("SQL");
    let mut rows = statement.query([]).expect("rows");
    while let Some(row) = rows.next().expect("a row") {
        outbox.entry(row.get(0).expect("an id")).or_default().push(row.get(1).expect("a number"));
    }

    let mut all = Vec::new();
    let (mut t_xids, mut numbers, mut references) = (HashSet::new(), HashSet::new(), HashSet::new());
    let columns = "SELECT id, merchant, reference_no, tx_id, pay_no, standing, last_seq FROM payments ORDER BY id";
    let mut statement = conn.prepare(columns).expect("SQL");
    let mut rows = statement.query([]).expect("rows");
    while let Some(row) = rows.next().expect("a row") {
        let id: i64 = row.get(0).expect("an id");
        let pay_no: Option<i64> = row.get(4).expect("a number");
        let standing: Option<String> = row.get(5).expect("a text");
        let last_seq: u32 = row.get(6).expect("a number");
        let history = events.remove(&id).unwrap_or_default();
        let stored = Stored {
            imid: row.get(1).expect("a text"),
            reference_no: row.get(2).expect("a text"),
            t_xid: row.get(3).expect("a text"),
            pay_no: pay_no.map(|number| number.to_string()),
            state: String::new(),
            events: history,
        };
        assert!(t_xids.insert(stored.t_xid.clone()), "a tXid twice: {stored:?}");
        assert!(stored.pay_no.iter().all(|number| numbers.insert(number.clone())), "a payNo twice: {stored:?}");
        assert!(references.insert((stored.imid.clone(), stored.reference_no.clone())), "a reference twice: {stored:?}");
        assert_eq!(u32::try_from(stored.events.len()), Ok(last_seq), "{stored:?}");
        assert_eq!(stored.count("registered"), 1, "{stored:?}");
        assert_eq!(stored.events[0]["event"], "registered", "{stored:?}");

        let fold = Fold::of(&stored.events);
        let standing: Option<Value> = standing.map(|text| serde_json::from_str(&text).expect("JSON"));
        let state = match &standing {
            Some(standing) => standing["state"].as_str().expect("a state").to_owned(),
            None if stored.pay_no.is_some() => "Unpaid".into(),
            None => "AwaitingStore".into(),
        };
        assert_eq!(state, fold.state, "the row is not the fold of its events: {stored:?}");
        assert_eq!(stored.pay_no, fold.pay_no, "{stored:?}");
        assert_eq!(outbox.remove(&id).unwrap_or_default().len(), fold.notices, "messages: {stored:?}");
        all.push(Stored { state, ..stored });
    }
    assert!(events.is_empty(), "events without a payment: {events:?}");
    assert!(outbox.is_empty(), "messages without a payment: {outbox:?}");
    all
}
