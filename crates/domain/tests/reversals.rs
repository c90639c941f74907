//! Reversals by the chain (rule 9): in time, too late, and of what never arrived.

mod support;

use gerai_domain::{Chain, EventKind, ExceptionKind, NoticeStatus, Outcome, Phase, Refusal, TakenStatus};
use support::{Life, names, taken};

#[test]
fn rule_9_a_payment_can_be_taken_back_through_the_fifteenth_minutes_last_second() {
    for chain in Chain::ALL {
        let mut life = Life::direct(chain).paid("a");
        life.wait(900);
        let in_time = life.clone().reverse("a");
        assert_eq!(in_time.verdict, Ok(Outcome::Reversed { trace_no: "a".into() }));
        assert!(matches!(&in_time.events[..], [EventKind::Reversed { was_paid: true, .. }]));

        life.wait(1);
        let too_late = life.reverse("a");
        assert_eq!(too_late.verdict, Err(Refusal::TooLateToReverse));
        let listed = EventKind::ExceptionListed { kind: ExceptionKind::TooLateToReverse, trace_no: "a".into() };
        assert_eq!(too_late.events, [listed]);
        assert_eq!(life.payment.phase(life.now), Phase::Paid);
        // Asked again: the same answer, and no second entry on the list.
        let again = life.wait(60).reverse("a");
        assert_eq!((again.verdict, again.events), (Err(Refusal::TooLateToReverse), vec![]));
    }
}

#[test]
fn rule_9_the_window_runs_from_the_payment_and_not_from_the_commit() {
    let mut life = Life::alma();
    taken(&life.pay("a"));
    taken(&life.wait(300).commit("a"));
    assert!(life.wait(600).clone().reverse("a").verdict.is_ok());
    assert_eq!(life.wait(1).reverse("a").verdict, Err(Refusal::TooLateToReverse));
}

#[test]
fn rule_9_the_window_is_configuration() {
    let mut life = Life::indo().paid("a");
    life.rules.reversal_window = jiff::SignedDuration::from_secs(60);
    assert!(life.wait(60).clone().reverse("a").verdict.is_ok());
    assert_eq!(life.wait(1).reverse("a").verdict, Err(Refusal::TooLateToReverse));
}

#[test]
fn rule_9_a_reversed_payment_is_unpaid_again_and_can_be_paid_anew() {
    let mut life = Life::alma().paid("a");
    life.reverse("a").verdict.unwrap();
    assert_eq!(life.payment.phase(life.now), Phase::Unpaid);
    assert_eq!(life.look_up(), Ok(()));
    let life = life.paid("b");
    assert_eq!(life.payment.paid_attempt().unwrap().trace_no, "b");
    let told: Vec<NoticeStatus> = life.notices.iter().map(|notice| notice.status).collect();
    assert_eq!(told, [NoticeStatus::Deposit, NoticeStatus::Reversal, NoticeStatus::Deposit]);
}

#[test]
fn rule_9_a_payment_reversed_after_its_deadline_is_expired() {
    let mut life = Life::short(Chain::Indo, 60).paid("a");
    life.wait(61);
    assert_eq!(life.payment.due_at(), None, "what is paid does not expire");
    assert!(life.sweep().events.is_empty());
    life.reverse("a").verdict.unwrap();
    assert_eq!(life.payment.phase(life.now), Phase::Expired);
    assert_eq!(life.pay("b").verdict, Err(Refusal::Expired));
    let expiries = life.history.iter().filter(|(event, _)| *event == EventKind::Expired).count();
    assert_eq!(expiries, 1);
}

#[test]
fn rule_9_a_payment_that_was_taken_after_an_expiry_expires_again_when_it_is_reversed() {
    let mut life = Life::short(Chain::Alma, 60);
    taken(&life.pay("a"));
    assert_eq!(names(&life.wait(301).sweep().events), ["commit_lapsed", "expired"]);
    taken(&life.commit("a"));
    life.reverse("a").verdict.unwrap();
    assert_eq!(life.payment.phase(life.now), Phase::Expired);
    assert_eq!(names(&life.sweep().events), ["expired"]);
    assert!(life.sweep().events.is_empty());
}

#[test]
fn rule_9_rule_13_what_was_never_paid_is_taken_back_without_a_word_to_the_merchant() {
    let mut life = Life::alma();
    taken(&life.pay("a"));
    let reversed = life.reverse("a");
    assert!(matches!(&reversed.events[..], [EventKind::Reversed { was_paid: false, .. }]));
    assert_eq!(life.payment.phase(life.now), Phase::Unpaid);
    assert!(life.notices.is_empty());
}

#[test]
fn rule_9_taking_back_a_lapsed_attempt_does_not_touch_the_one_that_stands() {
    let mut life = Life::alma().lapsed("a");
    taken(&life.pay("b"));
    assert_eq!(names(&life.reverse("a").events), ["reversed"]);
    assert_eq!(life.payment.phase(life.now), Phase::ReadyToCommit);
    taken(&life.commit("b"));
    assert!(life.reverse("a").events.is_empty());
    assert_eq!(life.payment.phase(life.now), Phase::Paid);
    assert_eq!(life.notices.len(), 1);
}

#[test]
fn rule_9_a_commit_after_the_reversal_of_a_lapsed_attempt_is_refused() {
    let mut life = Life::alma().lapsed("a");
    life.reverse("a").verdict.unwrap();
    let late = life.commit("a");
    assert_eq!((late.verdict, late.events), (Err(Refusal::NoSuchAttempt), vec![]));
}

#[test]
fn rule_9_an_unknown_trace_leaves_a_mark_that_keeps_its_payment_out() {
    for chain in Chain::ALL {
        let mut life = Life::direct(chain);
        let first = life.reverse("a");
        assert_eq!(first.verdict, Ok(Outcome::Reversed { trace_no: "a".into() }));
        let marked = EventKind::ReversalMarked { trace_no: "a".into(), reason: "till crashed".into() };
        assert_eq!(first.events, [marked]);
        assert!(life.reverse("a").events.is_empty(), "one mark is enough");
        assert_eq!(life.payment.standing.marks, ["a"]);
        assert_eq!(life.pay("a").verdict, Err(Refusal::NoSuchAttempt));
        assert_eq!(life.commit("a").verdict, Err(Refusal::NoSuchAttempt));
        // Only this trace: another attempt pays.
        taken(&life.pay("b"));
    }
}

#[test]
fn rule_8_a_reversed_trace_is_never_answered_as_paid_again() {
    for chain in Chain::ALL {
        let mut life = Life::direct(chain).paid("a");
        life.reverse("a").verdict.unwrap();
        for _ in 0..3 {
            assert_eq!(life.pay("a").verdict, Err(Refusal::NoSuchAttempt));
            assert_eq!(life.commit("a").verdict, Err(Refusal::NoSuchAttempt));
            life.wait(400);
        }
        // Nor when another one pays.
        let mut life = life.paid("b");
        assert_eq!(life.pay("a").verdict, Err(Refusal::NoSuchAttempt));
        assert_eq!(life.commit("a").verdict, Err(Refusal::NoSuchAttempt));
        assert_eq!(taken(&life.pay("b")).status, TakenStatus::Paid);
    }
}

#[test]
fn rule_9_a_reversal_that_comes_too_late_is_listed_also_when_the_attempt_was_listed_for_its_cash_before() {
    // "a" lapses, "b" pays, so the commit of "a" is listed as cash; then "b" is taken back and "a" is confirmed.
    let mut life = Life::alma().lapsed("a").paid("b");
    assert_eq!(names(&life.commit("a").events), ["exception_listed"]);
    life.reverse("b").verdict.unwrap();
    taken(&life.commit("a"));
    let too_late = life.wait(901).reverse("a");
    assert_eq!(too_late.verdict, Err(Refusal::TooLateToReverse));
    let listed = EventKind::ExceptionListed { kind: ExceptionKind::TooLateToReverse, trace_no: "a".into() };
    assert_eq!(too_late.events, [listed]);
    assert!(life.reverse("a").events.is_empty());
}

#[test]
fn rule_11_a_returned_payment_cannot_be_taken_back_by_its_chain() {
    let mut life = Life::indo().paid("a");
    life.give_back().verdict.unwrap();
    assert_eq!(life.reverse("a").verdict, Err(Refusal::TooLateToReverse));
    assert_eq!(life.payment.phase(life.now), Phase::Returned);
    assert_eq!(life.notices.len(), 2, "the deposit and the return, and nothing for the reversal");
}
