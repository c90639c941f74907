//! Attempts to pay: which refusal wins, retries, commits in time and late (rules 5 to 8).

mod support;

use gerai_domain::{
    AttemptState, Brand, Chain, Command, EventKind, ExceptionKind, MAX_ATTEMPTS, Outcome, Partner, Phase, Refusal,
    StoreVisit, Taken, TakenStatus, look_up,
};
use support::{Life, OWED, later, names, partner, pay_command, taken, visit, wib};

/// After Alfamart and Indomaret have closed.
const NIGHT: &str = "2026-03-02 23:30:00";

fn off(chain: Chain) -> Partner {
    Partner { chain, enabled: false }
}

#[test]
fn other_chain_wins_over_switched_off_over_closed_over_the_state() {
    let paid = {
        let mut life = Life::alma().paid("first");
        life.until(wib(NIGHT));
        life
    };
    let foreign = StoreVisit { partner: off(Chain::Indo), ..visit(Brand::Indomaret) };
    let switched_off = StoreVisit { partner: off(Chain::Alma), ..visit(Brand::Alfamart) };
    let rows = [
        (foreign, Refusal::OtherChain),
        (switched_off, Refusal::SwitchedOff),
        (visit(Brand::Alfamart), Refusal::Closed),
        (visit(Brand::DanDan), Refusal::AlreadyPaid),
    ];
    for (visit, refusal) in rows {
        assert_eq!(look_up(&paid.payment, &visit, &paid.rules, paid.now), Err(refusal));
        let decision = paid.would(&pay_command(visit.clone(), OWED, "second"));
        assert_eq!((decision.verdict, decision.events), (Err(refusal), vec![]), "{visit:?}");
        // A wrong amount is looked at last of all.
        assert_eq!(paid.would(&pay_command(visit, 1, "second")).verdict, Err(refusal));
    }
}

#[test]
fn s8_rule_5_a_number_is_payable_at_every_brand_of_its_chain_and_at_no_other() {
    for chain in Chain::ALL {
        for brand in Brand::ALL {
            let life = Life::direct(chain);
            let told = look_up(&life.payment, &visit(brand), &life.rules, life.now);
            let paid = life.would(&pay_command(visit(brand), OWED, "a"));
            if brand.chain() == chain {
                assert_eq!(told, Ok(()));
                taken(&paid);
            } else {
                assert_eq!(told, Err(Refusal::OtherChain));
                assert_eq!(paid.verdict, Err(Refusal::OtherChain));
                assert!(paid.events.is_empty());
            }
        }
    }
}

#[test]
fn rule_5_the_other_chain_can_neither_commit_nor_reverse() {
    let mut life = Life::alma();
    taken(&life.pay("a"));
    let partner = partner(Chain::Indo);
    for command in [
        Command::Commit { partner, trace_no: "a".into() },
        Command::Reverse { partner, trace_no: "a".into(), reason: "mistake".into() },
        Command::Reverse { partner, trace_no: "unknown".into(), reason: "mistake".into() },
        pay_command(visit(Brand::Indomaret), OWED, "a"),
    ] {
        let decision = life.would(&command);
        assert_eq!((decision.verdict, decision.events), (Err(Refusal::OtherChain), vec![]), "{command:?}");
    }
}

#[test]
fn s10_the_store_pays_exactly_what_is_owed() {
    for amount in [0, 1, OWED - 1, OWED + 1, OWED * 10, 999_999_999_999] {
        let decision = Life::alma().run(&pay_command(visit(Brand::Alfamart), amount, "a"));
        assert_eq!((decision.verdict, decision.events), (Err(Refusal::InvalidAmount), vec![]), "{amount}");
    }
}

#[test]
fn rule_8_a_refused_attempt_is_judged_anew() {
    let mut life = Life::alma();
    assert_eq!(life.run(&pay_command(visit(Brand::Alfamart), 1, "a")).verdict, Err(Refusal::InvalidAmount));
    life.until(wib(NIGHT));
    assert_eq!(life.pay("a").verdict, Err(Refusal::Closed));
    life.until(wib("2026-03-03 01:00:00"));
    assert_eq!(taken(&life.pay("a")).status, TakenStatus::ReadyToCommit);
}

#[test]
fn rule_6_a_commit_or_a_reversal_is_accepted_when_the_store_is_closed_or_switched_off() {
    for partner in [partner(Chain::Alma), off(Chain::Alma)] {
        let mut life = Life::alma();
        life.until(wib("2026-03-02 21:59:59"));
        taken(&life.pay("a"));
        life.wait(2);
        let commit = Command::Commit { partner, trace_no: "a".into() };
        let reverse = Command::Reverse { partner, trace_no: "a".into(), reason: "mistake".into() };
        assert_eq!(names(&life.clone().run(&reverse).events), ["reversed"], "while ready to commit");
        assert_eq!(taken(&life.run(&commit)).status, TakenStatus::Paid);
        assert_eq!(names(&life.run(&reverse).events), ["reversed"], "while paid");
        assert_eq!(life.look_up(), Err(Refusal::Closed));
    }
}

#[test]
fn rule_8_s11_every_retry_gets_the_same_receipt_and_the_present_status() {
    for chain in Chain::ALL {
        let mut life = Life::direct(chain);
        let first = taken(&life.pay("a")).clone();
        let after_one_step = if chain.two_steps() { TakenStatus::ReadyToCommit } else { TakenStatus::Paid };
        assert_eq!(first.status, after_one_step);
        assert_eq!(first.taken_at, life.now);
        assert!(first.receipt.iter().any(|line| line.contains(&first.receipt_code)));

        life.wait(10);
        assert_eq!(taken(&life.pay("a")), &first);
        let confirmed = Taken { status: TakenStatus::Paid, ..first };
        life.wait(10);
        assert_eq!(taken(&life.commit("a")), &confirmed);
        // Days later, after the deadline, however often: the answer stays.
        for wait in [0, 1, 3_600, 30 * 24 * 3_600] {
            life.wait(wait);
            for retry in [life.pay("a"), life.commit("a")] {
                assert_eq!(taken(&retry), &confirmed);
                assert!(retry.events.is_empty());
            }
        }
    }
}

#[test]
fn rule_8_a_retry_gets_its_receipt_also_when_the_store_has_closed_or_is_switched_off() {
    for brand in [Brand::Alfamart, Brand::Indomaret] {
        let mut life = Life::direct(brand.chain());
        life.until(wib("2026-03-02 21:59:59"));
        let first = taken(&life.pay("a")).clone();
        life.commit("a");
        life.until(wib(NIGHT));
        let confirmed = Taken { status: TakenStatus::Paid, ..first };
        let switched_off = StoreVisit { partner: off(brand.chain()), ..visit(brand) };
        for visit in [visit(brand), switched_off] {
            let retry = life.run(&pay_command(visit, OWED, "a"));
            assert_eq!(taken(&retry), &confirmed);
            assert!(retry.events.is_empty());
        }
        assert_eq!(life.pay("b").verdict, Err(Refusal::Closed));
    }
}

#[test]
fn rule_8_the_same_trace_with_another_amount_brand_or_store_is_a_conflict() {
    let here = visit(Brand::Alfamart);
    let other_store = StoreVisit { store_code: "S002".into(), ..here.clone() };
    let other_till = StoreVisit { terminal_id: "T02".into(), ..here.clone() };
    let changed = [
        pay_command(here, OWED + 1, "a"),
        pay_command(visit(Brand::Alfamidi), OWED, "a"),
        pay_command(other_store, OWED, "a"),
    ];
    let mut ready = Life::alma();
    taken(&ready.pay("a"));
    for life in [ready, Life::alma().paid("a"), Life::alma().lapsed("a")] {
        for command in &changed {
            let decision = life.would(command);
            assert_eq!((decision.verdict, decision.events), (Err(Refusal::Conflict), vec![]), "{command:?}");
        }
        // Another till of the same store may ask again.
        taken(&life.would(&pay_command(other_till.clone(), OWED, "a")));
    }
}

#[test]
fn rule_8_that_a_trace_stands_for_other_content_is_said_only_where_the_number_could_be_paid() {
    let at = |chain, time| {
        let mut life = Life::direct(chain);
        life.until(wib(time));
        life
    };
    let mut ready = at(Chain::Alma, "2026-03-02 21:59:59");
    taken(&ready.pay("a"));
    let paid = at(Chain::Alma, "2026-03-02 21:59:59").paid("a");
    let paid_in_one_step = at(Chain::Indo, "2026-03-02 22:59:59").paid("a");
    for mut life in [ready, paid, paid_in_one_step] {
        let here = visit(life.brand());
        let elsewhere = StoreVisit { store_code: "S002".into(), ..here.clone() };
        let changed = [(here, OWED + 1), (elsewhere.clone(), OWED), (elsewhere, OWED - 1)];
        let check = |life: &Life, when: &str, on, refused_off| {
            for (visit, amount) in &changed {
                let chain = visit.partner.chain;
                for (partner, refusal) in [(partner(chain), on), (off(chain), refused_off)] {
                    let visit = StoreVisit { partner, ..visit.clone() };
                    let decision = life.would(&pay_command(visit, *amount, "a"));
                    assert_eq!((decision.verdict, decision.events), (Err(refusal), vec![]), "{when}: {partner:?}");
                }
            }
        };
        check(&life, "open", Refusal::Conflict, Refusal::SwitchedOff);
        life.wait(2);
        check(&life, "closed", Refusal::Closed, Refusal::SwitchedOff);
        if life.brand() == Brand::Alfamart {
            // A brand of the chain that is open still: there it is another attempt's.
            let decision = life.would(&pay_command(visit(Brand::DanDan), OWED, "a"));
            assert_eq!(decision.verdict, Err(Refusal::Conflict));
        }
        life.until(wib("2026-03-03 01:00:00")).sweep();
        check(&life, "open again", Refusal::Conflict, Refusal::SwitchedOff);
    }
}

#[test]
fn rule_7_a_commit_is_in_time_through_the_fifth_minutes_last_second() {
    let mut life = Life::alma();
    taken(&life.pay("a"));
    life.wait(300);
    assert_eq!(life.payment.phase(life.now), Phase::ReadyToCommit);
    assert!(life.would(&Command::Sweep).events.is_empty());
    assert_eq!(life.look_up(), Err(Refusal::UnderWay));
    let in_time = life.clone().commit("a");
    assert_eq!(in_time.events, [EventKind::Committed { trace_no: "a".into(), late: false }]);

    life.wait(1);
    assert_eq!(life.payment.phase(life.now), Phase::Unpaid);
    assert_eq!(life.look_up(), Ok(()));
    assert_eq!(life.payment.due_at(), Some(life.now));
    assert_eq!(names(&life.sweep().events), ["commit_lapsed"]);
    assert!(life.sweep().events.is_empty());
}

#[test]
fn rule_7_the_commit_time_is_configuration() {
    let mut life = Life::alma();
    life.rules.commit_timeout = jiff::SignedDuration::from_secs(30);
    taken(&life.pay("a"));
    assert!(life.wait(30).sweep().events.is_empty());
    assert_eq!(names(&life.wait(1).sweep().events), ["commit_lapsed"]);
}

#[test]
fn rule_1_rule_7_a_commit_after_the_deadline_is_in_time_when_the_payment_was() {
    let mut life = Life::short(Chain::Alma, 60);
    life.wait(60);
    taken(&life.pay("a"));
    life.wait(300);
    assert_eq!(life.payment.phase(life.now), Phase::ReadyToCommit, "taken before the deadline, which has passed");
    let decision = life.commit("a");
    assert_eq!(taken(&decision).status, TakenStatus::Paid);
    assert_eq!(decision.events, [EventKind::Committed { trace_no: "a".into(), late: false }]);
    assert_eq!(life.payment.due_at(), None);
}

#[test]
fn rule_7_what_lapses_after_the_deadline_lapses_into_expired() {
    let mut life = Life::short(Chain::Alma, 60);
    taken(&life.pay("a"));
    life.wait(301);
    assert_eq!(life.payment.phase(life.now), Phase::Expired);
    assert_eq!(life.look_up(), Err(Refusal::Expired));
    assert_eq!(names(&life.sweep().events), ["commit_lapsed", "expired"]);
    assert!(life.sweep().events.is_empty());
}

#[test]
fn rule_7_a_late_commit_is_taken_while_unpaid_or_expired_and_nothing_else_stands() {
    for period in [60, 7 * 24 * 3_600] {
        let mut life = Life::short(Chain::Alma, period);
        let first = taken(&life.pay("a")).clone();
        life.wait(24 * 3_600).sweep();
        let late = life.commit("a");
        assert_eq!(late.events, [EventKind::Committed { trace_no: "a".into(), late: true }]);
        assert_eq!(taken(&late), &Taken { status: TakenStatus::Paid, ..first });
        assert_eq!(life.payment.phase(life.now), Phase::Paid);
        assert_eq!(life.notices.len(), 1);
        // Told again, nothing more happens.
        assert!(life.commit("a").events.is_empty());
        assert_eq!(life.notices.len(), 1);
    }
}

#[test]
fn rule_7_a_late_commit_that_cannot_be_taken_is_refused_and_listed_once() {
    let listed = [EventKind::ExceptionListed { kind: ExceptionKind::CashPossiblyTaken, trace_no: "a".into() }];
    let mut ready = Life::alma().lapsed("a");
    taken(&ready.pay("b"));
    let mut cancelled = Life::alma().lapsed("a");
    cancelled.cancel().verdict.unwrap();
    let mut returned = Life::alma().lapsed("a").paid("b");
    returned.give_back().verdict.unwrap();
    for mut life in [ready, Life::alma().lapsed("a").paid("b"), cancelled, returned] {
        let phase = life.payment.phase(life.now);
        let first = life.commit("a");
        assert_eq!(first.verdict, Err(Refusal::NoSuchAttempt), "{phase:?}");
        assert_eq!(first.events, listed, "{phase:?}");
        let again = life.commit("a");
        assert_eq!((again.verdict, again.events), (Err(Refusal::NoSuchAttempt), vec![]), "{phase:?}");
        assert_eq!(life.payment.phase(life.now), phase);
    }
}

#[test]
fn rule_8_only_one_of_two_counters_gets_the_payment() {
    let mut life = Life::alma();
    let first = taken(&life.pay("a")).clone();
    assert_eq!(life.pay("b").verdict, Err(Refusal::UnderWay));
    life.wait(301);
    let second = taken(&life.pay("b")).clone();
    assert_ne!(first.receipt_code, second.receipt_code);
    taken(&life.commit("b"));
    assert_eq!(life.pay("a").verdict, Err(Refusal::AlreadyPaid));
    assert_eq!(life.commit("a").verdict, Err(Refusal::NoSuchAttempt));
    assert_eq!(life.notices.len(), 1);
    assert_eq!(life.notices[0].receipt_code, second.receipt_code);
}

#[test]
fn rule_8_a_lapsed_trace_that_pays_again_keeps_its_receipt_code() {
    let mut life = Life::alma();
    let first = taken(&life.pay("a")).clone();
    life.wait(400);
    let again = life.pay("a");
    assert_eq!(names(&again.events), ["commit_lapsed", "taken"]);
    let again = taken(&again).clone();
    assert_eq!(again.receipt_code, first.receipt_code);
    assert_eq!(again.status, TakenStatus::ReadyToCommit);
    assert_eq!(again.taken_at, life.now, "the time to commit and to reverse begins anew");
    assert_eq!(life.payment.standing.attempts.len(), 1);
    life.wait(300);
    assert_eq!(life.payment.phase(life.now), Phase::ReadyToCommit);
    assert_eq!(taken(&life.commit("a")).receipt_code, first.receipt_code);
}

#[test]
fn rule_8_a_payment_remembers_a_bounded_number_of_attempts_and_marks() {
    let mut life = Life::alma();
    for i in 0..MAX_ATTEMPTS - 1 {
        assert_eq!(names(&life.reverse(&format!("mark{i}")).events), ["reversal_marked"]);
    }
    life = life.lapsed("last");
    let full = life.payment.standing.clone();
    assert_eq!(full.marks.len() + full.attempts.len(), MAX_ATTEMPTS);
    assert_eq!(life.pay("more").verdict, Err(Refusal::Conflict));
    assert_eq!(life.reverse("more").verdict, Err(Refusal::Conflict));
    assert_eq!(life.payment.standing, full, "nothing grew");
    // What is known is still answered as ever.
    assert!(life.reverse("mark0").verdict.is_ok());
    assert_eq!(life.pay("mark0").verdict, Err(Refusal::NoSuchAttempt));
    taken(&life.clone().pay("last"));
    taken(&life.commit("last"));
    assert!(life.reverse("last").verdict.is_ok());
}

#[test]
fn rule_8_an_attempt_is_kept_as_it_was_made() {
    let mut life = Life::alma();
    let told = taken(&life.pay("a")).clone();
    let kept = life.payment.standing.attempt("a").unwrap();
    assert_eq!((kept.brand, kept.store_code.as_str(), kept.terminal_id.as_str()), (Brand::Alfamart, "S001", "T01"));
    assert_eq!((&kept.receipt, &kept.receipt_code), (&told.receipt, &told.receipt_code));
    assert_eq!(kept.state, AttemptState::ReadyToCommit { commit_by: later(life.now, 300) });
    assert_eq!(life.payment.standing.standing_attempt(), Some(kept));
    assert_eq!(life.payment.paid_attempt(), None);
    life.commit("a");
    assert_eq!(life.payment.paid_attempt().unwrap().trace_no, "a");
}

#[test]
fn rule_8_the_verdict_can_be_kept_with_the_answer() {
    // What was answered under an external id is stored as JSON and answered again.
    for verdict in [Life::alma().pay("a"), Life::indo().pay("a"), Life::alma().reverse("a"), Life::alma().cancel()] {
        let outcome = verdict.verdict.unwrap();
        let json = serde_json::to_string(&outcome).unwrap();
        assert_eq!(serde_json::from_str::<Outcome>(&json).unwrap(), outcome);
    }
}
