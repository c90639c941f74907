//! Events (rule 16): they are only ever added, so what is stored today must be read the same for good.

mod support;

use gerai_domain::{
    Actor, Attempt, AttemptState, Brand, Chain, EventKind, ExceptionKind, PayNo, Standing, State, TxId,
};
use serde_json::json;
use support::{later, merchant_id, noon, rupiah};

fn attempt(state: AttemptState) -> Attempt {
    Attempt {
        trace_no: "a".into(),
        brand: Brand::DanDan,
        store_code: "S001".into(),
        terminal_id: "T01".into(),
        taken_at: noon(),
        receipt_code: "ABCDEFGH1234".into(),
        receipt: vec!["one".into(), "two".into()],
        state,
        flagged: false,
    }
}

#[test]
fn rule_16_each_event_is_stored_in_this_form() {
    let number = PayNo::draw(1, 42);
    let cancel = TxId::of_cancel(&merchant_id(), noon(), 1);
    let attempt_json = |state: serde_json::Value| {
        json!({
            "trace_no": "a", "brand": "DANDAN", "store_code": "S001", "terminal_id": "T01",
            "taken_at": "2026-03-02T05:00:00Z", "receipt_code": "ABCDEFGH1234", "receipt": ["one", "two"],
            "state": state, "flagged": false,
        })
    };
    let rows = [
        (
            EventKind::Registered {
                amount: rupiah(10_000),
                deadline: noon(),
                chain: Some(Chain::Alma),
                pay_no: Some(number),
                auto_pay_at: Some(later(noon(), 10)),
            },
            json!({
                "event": "registered", "amount": 10_000, "deadline": "2026-03-02T05:00:00Z", "chain": "ALMA",
                "pay_no": number.to_string(), "auto_pay_at": "2026-03-02T05:00:10Z",
            }),
        ),
        (
            EventKind::Registered {
                amount: rupiah(10_000),
                deadline: noon(),
                chain: None,
                pay_no: None,
                auto_pay_at: None,
            },
            json!({ "event": "registered", "amount": 10_000, "deadline": "2026-03-02T05:00:00Z" }),
        ),
        (
            EventKind::StoreChosen { chain: Chain::Indo, pay_no: number, auto_pay_at: None },
            json!({ "event": "store_chosen", "chain": "INDO", "pay_no": number.to_string() }),
        ),
        (
            EventKind::Taken { attempt: attempt(AttemptState::Paid) },
            json!({ "event": "taken", "attempt": attempt_json(json!("Paid")) }),
        ),
        (
            EventKind::Taken { attempt: attempt(AttemptState::ReadyToCommit { commit_by: later(noon(), 300) }) },
            json!({
                "event": "taken",
                "attempt": attempt_json(json!({ "ReadyToCommit": { "commit_by": "2026-03-02T05:05:00Z" } })),
            }),
        ),
        (
            EventKind::Committed { trace_no: "a".into(), late: true },
            json!({ "event": "committed", "trace_no": "a", "late": true }),
        ),
        (EventKind::CommitLapsed { trace_no: "a".into() }, json!({ "event": "commit_lapsed", "trace_no": "a" })),
        (
            EventKind::Reversed { trace_no: "a".into(), was_paid: true, reason: "r".into() },
            json!({ "event": "reversed", "trace_no": "a", "was_paid": true, "reason": "r" }),
        ),
        (
            EventKind::ReversalMarked { trace_no: "a".into(), reason: "r".into() },
            json!({ "event": "reversal_marked", "trace_no": "a", "reason": "r" }),
        ),
        (
            EventKind::Cancelled { cancel_tx_id: cancel.clone(), message: None },
            json!({ "event": "cancelled", "cancel_tx_id": cancel.as_str(), "message": null }),
        ),
        (
            EventKind::Returned { operator: "budi".into(), reason: "r".into() },
            json!({ "event": "returned", "operator": "budi", "reason": "r" }),
        ),
        (EventKind::Expired, json!({ "event": "expired" })),
        (EventKind::AutoPayGivenUp { reason: "r".into() }, json!({ "event": "auto_pay_given_up", "reason": "r" })),
        (
            EventKind::ExceptionListed { kind: ExceptionKind::CashPossiblyTaken, trace_no: "a".into() },
            json!({ "event": "exception_listed", "kind": "CashPossiblyTaken", "trace_no": "a" }),
        ),
        (
            EventKind::ExceptionListed { kind: ExceptionKind::TooLateToReverse, trace_no: "a".into() },
            json!({ "event": "exception_listed", "kind": "TooLateToReverse", "trace_no": "a" }),
        ),
        (
            EventKind::ExceptionResolved {
                kind: ExceptionKind::TooLateToReverse,
                trace_no: "a".into(),
                operator: "rini".into(),
                note: "n".into(),
            },
            json!({
                "event": "exception_resolved", "kind": "TooLateToReverse", "trace_no": "a", "operator": "rini",
                "note": "n",
            }),
        ),
    ];
    for (event, stored) in rows {
        assert_eq!(serde_json::to_value(&event).unwrap(), stored);
        assert_eq!(serde_json::from_value::<EventKind>(stored).unwrap(), event);
    }
}

#[test]
fn rule_16_a_standing_is_the_fold_of_a_history_that_begins_with_the_registration() {
    let registered = EventKind::Registered {
        amount: rupiah(10_000),
        deadline: noon(),
        chain: Some(Chain::Alma),
        pay_no: Some(PayNo::draw(1, 42)),
        auto_pay_at: None,
    };
    assert_eq!(Standing::fold([]), None);
    assert_eq!(Standing::fold([(&EventKind::Expired, noon())]), None);
    assert_eq!(Standing::fold([(&EventKind::Expired, noon()), (&registered, noon())]), None);
    let fresh = Standing::fold([(&registered, noon())]).unwrap();
    assert_eq!(fresh, Standing::fresh(Some(Chain::Alma), Some(PayNo::draw(1, 42)), None));
    assert_eq!(fresh.state, State::Unpaid);
    assert_eq!(Standing::fresh(None, None, None).state, State::AwaitingStore);
}

#[test]
fn rule_16_an_event_about_an_unknown_attempt_does_no_harm() {
    let mut standing = Standing::fresh(Some(Chain::Alma), Some(PayNo::draw(1, 42)), None);
    let before = standing.clone();
    for event in [
        EventKind::Reversed { trace_no: "a".into(), was_paid: true, reason: "r".into() },
        EventKind::ExceptionListed { kind: ExceptionKind::CashPossiblyTaken, trace_no: "a".into() },
        EventKind::CommitLapsed { trace_no: "a".into() },
        EventKind::ExceptionResolved {
            kind: ExceptionKind::CashPossiblyTaken,
            trace_no: "a".into(),
            operator: "rini".into(),
            note: "n".into(),
        },
    ] {
        standing.apply(&event, noon());
        assert_eq!(standing, before, "{event:?}");
    }
}

#[test]
fn rule_16_every_event_says_who() {
    let rows = [
        (Actor::Merchant(merchant_id()), "merchant:GERAITEST1"),
        (Actor::Partner(Chain::Alma), "chain:ALMA"),
        (Actor::SimulatedStore, "simulated-store"),
        (Actor::Customer, "customer"),
        (Actor::Operator("budi".into()), "operator:budi"),
        (Actor::Clock, "clock"),
    ];
    for (actor, text) in rows {
        assert_eq!(actor.to_string(), text);
    }
}
