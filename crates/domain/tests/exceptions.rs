//! What is listed for operators, and how they settle it (rules 7, 9, 16).

mod support;

use gerai_domain::{Command, EventKind, ExceptionKind, ListedException, Outcome, Phase, Refusal, Resolution};
use support::{Life, names, taken};

const CASH: ExceptionKind = ExceptionKind::CashPossiblyTaken;
const LATE: ExceptionKind = ExceptionKind::TooLateToReverse;

fn resolve(kind: ExceptionKind, trace_no: &str) -> Command {
    Command::ResolveException {
        kind,
        trace_no: trace_no.into(),
        operator: "rini".into(),
        note: "the store has given the cash back".into(),
    }
}

/// Cancelled after its attempt lapsed, and then the commit came.
fn cash_possibly_taken() -> Life {
    let mut life = Life::alma().lapsed("a");
    life.cancel().verdict.expect("not paid yet");
    assert_eq!(names(&life.commit("a").events), ["exception_listed"]);
    life
}

/// Paid, and the reversal came too late.
fn too_late() -> Life {
    let mut life = Life::indo().paid("a");
    life.wait(901);
    assert_eq!(names(&life.reverse("a").events), ["exception_listed"]);
    life
}

#[test]
fn rules_7_and_9_each_state_judges_a_resolution_by_what_is_listed() {
    let listed_and_returned = {
        let mut life = too_late();
        life.give_back().verdict.unwrap();
        life
    };
    let resolved = {
        let mut life = too_late();
        life.run(&resolve(LATE, "a")).verdict.unwrap();
        life
    };
    let done = Ok(Outcome::Done);
    let none = || Err(Refusal::NoSuchException);
    for (name, life, command, expected) in [
        ("nothing was listed", Life::awaiting(), resolve(CASH, "a"), none()),
        ("an attempt that is well", Life::indo().paid("a"), resolve(LATE, "a"), none()),
        ("cash, cancelled", cash_possibly_taken(), resolve(CASH, "a"), done.clone()),
        ("too late, paid", too_late(), resolve(LATE, "a"), done.clone()),
        ("too late, returned", listed_and_returned, resolve(LATE, "a"), done),
        ("another kind", too_late(), resolve(CASH, "a"), none()),
        ("another attempt", too_late(), resolve(LATE, "b"), none()),
        ("resolved before", resolved, resolve(LATE, "a"), Err(Refusal::AlreadyResolved)),
    ] {
        let decision = life.would(&command);
        assert_eq!(decision.verdict, expected, "{name}");
        assert_eq!(decision.events.len(), usize::from(expected.is_ok()), "{name}");
    }
}

#[test]
fn rule_16_a_resolution_is_recorded_with_who_when_and_what_was_done() {
    let mut life = too_late();
    life.wait(3_600);
    let decision = life.run(&resolve(LATE, "a"));
    let note = "the store has given the cash back".to_owned();
    let expected =
        EventKind::ExceptionResolved { kind: LATE, trace_no: "a".into(), operator: "rini".into(), note: note.clone() };
    assert_eq!(decision.events, [expected]);
    let resolution = Resolution { at: life.now, operator: "rini".into(), note };
    let expected = ListedException { kind: LATE, trace_no: "a".into(), resolved: Some(resolution) };
    assert_eq!(life.payment.standing.exceptions, [expected]);
    assert_eq!(life.folded().as_ref(), Some(&life.payment.standing));
}

#[test]
fn rules_7_and_9_a_resolution_changes_nothing_else_and_tells_the_merchant_nothing() {
    for (life, kind) in [(cash_possibly_taken(), CASH), (too_late(), LATE)] {
        let mut resolved = life.clone();
        resolved.run(&resolve(kind, "a")).verdict.unwrap();
        assert_eq!(resolved.notices, life.notices);
        assert_eq!(resolved.payment.phase(life.now), life.payment.phase(life.now));
        let mut standing = resolved.payment.standing.clone();
        standing.exceptions.clone_from(&life.payment.standing.exceptions);
        assert_eq!(standing, life.payment.standing);
        // The chain's retry is refused as before, and is not news.
        let again = if kind == CASH { resolved.commit("a") } else { resolved.reverse("a") };
        assert!(again.verdict.is_err() && again.events.is_empty());
    }
}

#[test]
fn rule_16_what_the_clock_has_changed_is_written_with_a_resolution() {
    let mut life = Life::alma().lapsed("a");
    taken(&life.pay("b"));
    assert_eq!(names(&life.commit("a").events), ["exception_listed"]);
    life.wait(301);
    assert_eq!(names(&life.run(&resolve(CASH, "a")).events), ["commit_lapsed", "exception_resolved"]);
    assert_eq!(life.payment.phase(life.now), Phase::Unpaid);
}

#[test]
fn rule_7_an_attempt_that_is_made_anew_is_listed_again_only_once_the_first_is_settled() {
    let mut life = Life::alma().lapsed("a");
    // Again and again the same trace lapses while another one stands, and its commit comes too late.
    let commit_late = |life: &mut Life, other: &str| {
        taken(&life.pay(other));
        let events = life.commit("a").events;
        life.wait(301).sweep();
        taken(&life.pay("a"));
        life.wait(301).sweep();
        names(&events)
    };
    assert_eq!(commit_late(&mut life, "b"), ["exception_listed"]);
    for _ in 0..5 {
        assert_eq!(commit_late(&mut life, "b"), [""; 0], "a chain cannot make the list grow by itself");
    }
    assert_eq!(life.payment.standing.exceptions.len(), 1);
    life.run(&resolve(CASH, "a")).verdict.unwrap();
    assert_eq!(commit_late(&mut life, "b"), ["exception_listed"], "this cash has not been looked at");
    assert_eq!(life.run(&resolve(CASH, "a")).verdict, Ok(Outcome::Done));
    assert_eq!(life.run(&resolve(CASH, "a")).verdict, Err(Refusal::AlreadyResolved));
    assert_eq!(life.folded().as_ref(), Some(&life.payment.standing));
}

#[test]
fn rule_9_cash_that_came_to_be_committed_and_is_then_reversed_too_late_is_listed_for_each() {
    let mut life = Life::alma().lapsed("a");
    taken(&life.pay("b"));
    life.commit("a").verdict.unwrap_err();
    life.wait(301).sweep();
    taken(&life.commit("a"));
    life.wait(901);
    assert_eq!(life.reverse("a").verdict, Err(Refusal::TooLateToReverse));
    let listed: Vec<_> = life.payment.standing.exceptions.iter().map(|listed| listed.kind).collect();
    assert_eq!(listed, [CASH, LATE]);
    // One is settled without the other.
    assert_eq!(life.run(&resolve(LATE, "a")).verdict, Ok(Outcome::Done));
    let open: Vec<_> = life.payment.standing.exceptions.iter().map(|listed| listed.resolved.is_none()).collect();
    assert_eq!(open, [true, false]);
    assert_eq!(life.run(&resolve(CASH, "a")).verdict, Ok(Outcome::Done));
}
