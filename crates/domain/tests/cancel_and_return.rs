//! Cancel by the merchant (rule 10) and manual return by an operator (rule 11).

mod support;

use gerai_domain::{Cancellation, Chain, Command, Kind, NoticeStatus, Outcome, Phase, Refusal, Return};
use support::{Life, OWED, cancel_command, later, names, noon, taken};

#[test]
fn s4_a_cancel_is_answered_with_its_own_id_and_is_final() {
    for mut life in [Life::awaiting(), Life::alma(), Life::indo()] {
        life.wait(60);
        let decision = life.cancel();
        let Ok(Outcome::Cancelled(Cancellation { at, cancel_tx_id, message })) = decision.verdict else {
            unreachable!("not cancelled")
        };
        assert_eq!(at, life.now);
        assert_eq!(cancel_tx_id.second_prefix(), "GERAITEST19020260302120100");
        assert_eq!(message.as_deref(), Some("out of stock"));
        assert_eq!(life.payment.phase(life.now), Phase::Cancelled);
        assert_eq!(life.payment.due_at(), None);
        assert!(life.notices.is_empty(), "the merchant did it itself");
        life.until(later(life.deadline(), 1));
        assert!(life.sweep().events.is_empty(), "what is cancelled does not expire");
    }
}

#[test]
fn s10_rule_10_a_cancelled_number_cannot_be_paid() {
    let mut life = Life::alma();
    life.cancel().verdict.unwrap();
    assert_eq!(life.look_up(), Err(Refusal::InvalidNumber));
    assert_eq!(life.pay("a").verdict, Err(Refusal::InvalidNumber));
}

#[test]
fn rule_10_every_later_cancel_gets_the_first_ones_answer() {
    let mut life = Life::alma();
    let first = life.cancel().verdict;
    for wait in [0, 1, 3_600, 30 * 24 * 3_600] {
        life.wait(wait);
        let again = life.run(&Command::Cancel { amount: support::rupiah(OWED), message: Some("other words".into()) });
        assert_eq!(again.verdict, first);
        assert!(again.events.is_empty());
    }
}

#[test]
fn rule_10_a_cancel_names_the_payments_amount() {
    for amount in [0, OWED - 1, OWED + 1] {
        for mut life in [Life::awaiting(), Life::alma(), Life::alma().paid("a")] {
            let decision = life.run(&cancel_command(amount));
            assert_eq!((decision.verdict, decision.events), (Err(Refusal::AmountMismatch), vec![]));
        }
        let mut cancelled = Life::alma();
        cancelled.cancel().verdict.unwrap();
        assert_eq!(cancelled.run(&cancel_command(amount)).verdict, Err(Refusal::AmountMismatch));
    }
}

#[test]
fn s15_a_payment_can_be_cancelled_through_its_deadlines_second_and_never_after() {
    let mut life = Life::alma();
    life.until(life.deadline());
    assert!(life.clone().cancel().verdict.is_ok());
    life.wait(1);
    assert_eq!(life.cancel().verdict, Err(Refusal::NotCancellable));
}

#[test]
fn s15_what_was_paid_is_never_cancelled_through_the_api() {
    let mut life = Life::alma();
    taken(&life.pay("a"));
    assert_eq!(life.cancel().verdict, Err(Refusal::NotCancellable), "ready to commit");
    taken(&life.commit("a"));
    assert_eq!(life.cancel().verdict, Err(Refusal::NotCancellable), "paid");
    life.give_back().verdict.unwrap();
    assert_eq!(life.cancel().verdict, Err(Refusal::NotCancellable), "returned");
    assert!(life.payment.standing.cancelled.is_none());
    // Once the chain has taken it back, it is unpaid like any other.
    let mut life = Life::alma().paid("a");
    life.reverse("a").verdict.unwrap();
    assert!(life.cancel().verdict.is_ok());
}

#[test]
fn rule_11_a_return_is_recorded_with_who_when_and_why_and_told_to_the_merchant() {
    let mut life = Life::indo().paid("a");
    life.wait(3 * 24 * 3_600);
    let decision = life.give_back();
    assert_eq!(decision.verdict, Ok(Outcome::Returned));
    let expected = Return { at: life.now, operator: "budi".into(), reason: "goods came back".into() };
    assert_eq!(life.payment.standing.returned, Some(expected));
    assert_eq!(life.notices.last().unwrap().status, NoticeStatus::Reversal);
    assert_eq!(life.payment.paid_attempt().unwrap().trace_no, "a", "what was paid stays on record");
}

#[test]
fn rule_11_only_a_paid_payment_can_be_returned_and_only_once() {
    let mut ready = Life::alma();
    taken(&ready.pay("a"));
    let mut cancelled = Life::alma();
    cancelled.cancel().verdict.unwrap();
    let mut expired = Life::short(Chain::Alma, 60);
    expired.wait(61).sweep();
    let mut returned = Life::indo().paid("a");
    returned.give_back().verdict.unwrap();
    for mut life in [Life::awaiting(), Life::alma(), ready, cancelled, expired, returned] {
        let standing = life.payment.standing.clone();
        assert_eq!(life.give_back().verdict, Err(Refusal::NotPaid));
        assert_eq!(life.payment.standing, standing);
    }
}

#[test]
fn rule_11_a_return_needs_neither_an_open_store_nor_a_deadline_ahead() {
    let mut life = Life::short(Chain::Alma, 60).paid("a");
    life.until(support::wib("2026-03-02 23:30:00"));
    assert_eq!(names(&life.give_back().events), ["returned"]);
    assert_eq!(life.payment.terms.kind, Kind::Direct);
    assert_eq!(life.payment.terms.registered_at, noon());
}
