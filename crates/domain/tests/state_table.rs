//! The table of states and calls, one test per column, one row per state. The codes are those that the caller reads.

mod support;

use gerai_domain::{Brand, Chain, Decision, OpeningHours, Outcome, Partner, Phase, Refusal, StoreVisit};
use support::{Life, OWED, later, names, pay_command, visit};

/// A state, and for those in which nothing stands also the one with an attempt behind it whose commit never came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Situation {
    AwaitingStore,
    Unpaid,
    UnpaidLapsed,
    ReadyToCommit,
    Paid,
    Expired,
    ExpiredLapsed,
    Cancelled,
    CancelledLapsed,
    Returned,
}

use Situation::{
    AwaitingStore, Cancelled, CancelledLapsed, Expired, ExpiredLapsed, Paid, ReadyToCommit, Returned, Unpaid,
    UnpaidLapsed,
};

const ALL: [Situation; 10] = [
    AwaitingStore,
    Unpaid,
    UnpaidLapsed,
    ReadyToCommit,
    Paid,
    Expired,
    ExpiredLapsed,
    Cancelled,
    CancelledLapsed,
    Returned,
];

/// Leads a payment there. The attempt that stands, or lapsed, is `own`.
fn lead(mut life: Life, situation: Situation) -> Life {
    match situation {
        AwaitingStore => return Life::awaiting(),
        Unpaid => {}
        UnpaidLapsed => life = life.lapsed("own"),
        ReadyToCommit => {
            support::taken(&life.pay("own"));
        }
        Paid => life = life.paid("own"),
        Expired | ExpiredLapsed => {
            if situation == ExpiredLapsed {
                life = life.lapsed("own");
            }
            life.until(later(life.deadline(), 1));
            assert_eq!(names(&life.sweep().events), ["expired"]);
        }
        Cancelled | CancelledLapsed => {
            if situation == CancelledLapsed {
                life = life.lapsed("own");
            }
            assert!(life.cancel().verdict.is_ok());
        }
        Returned => {
            life = life.paid("own");
            assert!(life.give_back().verdict.is_ok());
        }
    }
    life
}

/// The code of the store API: HTTP status, service, case.
fn code(service: u8, verdict: &Result<Outcome, Refusal>) -> String {
    let (status, case) = match verdict {
        Ok(_) => (200, 0),
        Err(Refusal::OtherChain | Refusal::SwitchedOff | Refusal::Closed) => (403, 15),
        Err(Refusal::TooLateToReverse) => (403, 18),
        Err(Refusal::InvalidNumber) => (404, 12),
        Err(Refusal::InvalidAmount) => (404, 13),
        Err(Refusal::AlreadyPaid) => (404, 14),
        Err(Refusal::NoSuchAttempt) => (404, 16),
        Err(Refusal::Expired) => (404, 19),
        Err(Refusal::Conflict) => (409, 0),
        Err(Refusal::UnderWay) => (409, 5),
        Err(
            other @ (Refusal::AmountMismatch
            | Refusal::NotCancellable
            | Refusal::NotPaid
            | Refusal::ChainNotOpen
            | Refusal::OutsideChainLimits
            | Refusal::NothingToChoose
            | Refusal::NoSuchException
            | Refusal::AlreadyResolved
            | Refusal::NoAutoPay),
        ) => return format!("no answer for a store: {other:?}"),
    };
    format!("{status}{service}{case:02}")
}

type Row = (Situation, &'static str, &'static [&'static str]);

/// Goes through a column: what is answered, what is written, and that nothing else changes.
fn column(title: &str, rows: [Row; 10], ask: impl Fn(&mut Life) -> Decision, read: impl Fn(&Decision) -> String) {
    assert_eq!(rows.map(|(situation, _, _)| situation), ALL, "a row for each state, in order");
    for (situation, answer, events) in rows {
        let mut life = lead(Life::alma(), situation);
        let before = life.payment.clone();
        let decision = ask(&mut life);
        assert_eq!(read(&decision), answer, "{title} while {situation:?}");
        assert_eq!(names(&decision.events), events, "{title} while {situation:?}");
        if events.is_empty() {
            assert_eq!(life.payment, before, "{title} while {situation:?} changes nothing");
        }
        assert_eq!(life.folded().as_ref(), Some(&life.payment.standing));
    }
}

#[test]
fn rule_8_a_state_is_read_as_what_it_is_called() {
    let phases = ALL.map(|situation| {
        let life = lead(Life::alma(), situation);
        life.payment.phase(life.now)
    });
    assert_eq!(
        phases,
        [
            Phase::AwaitingStore,
            Phase::Unpaid,
            Phase::Unpaid,
            Phase::ReadyToCommit,
            Phase::Paid,
            Phase::Expired,
            Phase::Expired,
            Phase::Cancelled,
            Phase::Cancelled,
            Phase::Returned
        ]
    );
}

#[test]
fn s9_s19_the_column_inquiry() {
    let rows = [
        (AwaitingStore, "4032415"),
        (Unpaid, "2002400"),
        (UnpaidLapsed, "2002400"),
        (ReadyToCommit, "4092405"),
        (Paid, "4042414"),
        (Expired, "4042419"),
        (ExpiredLapsed, "4042419"),
        (Cancelled, "4042412"),
        (CancelledLapsed, "4042412"),
        (Returned, "4042412"),
    ];
    assert_eq!(rows.map(|(situation, _)| situation), ALL);
    for (situation, answer) in rows {
        let told = lead(Life::alma(), situation).look_up().map(|()| Outcome::Done);
        assert_eq!(code(24, &told), answer, "inquiry while {situation:?}");
    }
}

#[test]
fn s10_s19_rule_8_the_column_pay_with_a_new_trace() {
    column(
        "pay, new trace",
        [
            (AwaitingStore, "4032515", &[]),
            (Unpaid, "2002500", &["taken"]),
            (UnpaidLapsed, "2002500", &["taken"]),
            (ReadyToCommit, "4092505", &[]),
            (Paid, "4042514", &[]),
            (Expired, "4042519", &[]),
            (ExpiredLapsed, "4042519", &[]),
            (Cancelled, "4042512", &[]),
            (CancelledLapsed, "4042512", &[]),
            (Returned, "4042512", &[]),
        ],
        |life| life.pay("new"),
        |decision| code(25, &decision.verdict),
    );
}

#[test]
fn rule_8_the_column_pay_with_the_trace_that_stands() {
    column(
        "pay, own trace",
        [
            (AwaitingStore, "4032515", &[]),
            // Nothing stands: a first attempt, or one more after a time-out.
            (Unpaid, "2002500", &["taken"]),
            (UnpaidLapsed, "2002500", &["taken"]),
            (ReadyToCommit, "2002500", &[]),
            (Paid, "2002500", &[]),
            (Expired, "4042519", &[]),
            (ExpiredLapsed, "4042519", &[]),
            (Cancelled, "4042512", &[]),
            (CancelledLapsed, "4042512", &[]),
            (Returned, "4042512", &[]),
        ],
        |life| life.pay("own"),
        |decision| code(25, &decision.verdict),
    );
}

/// The own trace with another store than it was made in.
fn pay_elsewhere(life: &mut Life, enabled: bool) -> Decision {
    let here = visit(Brand::Alfamart);
    let partner = Partner { enabled, ..here.partner };
    life.run(&pay_command(StoreVisit { store_code: "S002".into(), partner, ..here }, OWED, "own"))
}

#[test]
fn rule_8_the_column_pay_with_the_trace_that_stands_and_other_content() {
    column(
        "pay elsewhere, own trace",
        [
            (AwaitingStore, "4032515", &[]),
            (Unpaid, "2002500", &["taken"]),
            (UnpaidLapsed, "4092500", &[]),
            (ReadyToCommit, "4092500", &[]),
            (Paid, "4092500", &[]),
            (Expired, "4042519", &[]),
            (ExpiredLapsed, "4042519", &[]),
            (Cancelled, "4042512", &[]),
            (CancelledLapsed, "4042512", &[]),
            (Returned, "4042512", &[]),
        ],
        |life| pay_elsewhere(life, true),
        |decision| code(25, &decision.verdict),
    );
}

#[test]
fn s17_rule_6_that_column_while_the_store_is_closed_or_the_chain_switched_off() {
    let refused: [Row; 10] = ALL.map(|situation| (situation, "4032515", &[][..]));
    column(
        "pay elsewhere, own trace, closed",
        refused,
        |life| {
            life.rules.alfamart_hours = OpeningHours::closed_between(2, 1);
            pay_elsewhere(life, true)
        },
        |decision| code(25, &decision.verdict),
    );
    column(
        "pay elsewhere, own trace, switched off",
        refused,
        |life| pay_elsewhere(life, false),
        |decision| code(25, &decision.verdict),
    );
}

#[test]
fn rule_7_the_column_commit_with_its_own_trace() {
    column(
        "commit, own trace",
        [
            (AwaitingStore, "4032615", &[]),
            (Unpaid, "4042616", &[]),
            (UnpaidLapsed, "2002600", &["committed"]),
            (ReadyToCommit, "2002600", &["committed"]),
            (Paid, "2002600", &[]),
            (Expired, "4042616", &[]),
            (ExpiredLapsed, "2002600", &["committed"]),
            (Cancelled, "4042616", &[]),
            (CancelledLapsed, "4042616", &["exception_listed"]),
            (Returned, "4042616", &[]),
        ],
        |life| life.commit("own"),
        |decision| code(26, &decision.verdict),
    );
}

#[test]
fn rule_7_the_column_commit_with_another_trace() {
    column(
        "commit, other trace",
        ALL.map(|situation| (situation, if situation == AwaitingStore { "4032615" } else { "4042616" }, &[][..])),
        |life| life.commit("other"),
        |decision| code(26, &decision.verdict),
    );
}

#[test]
fn rule_9_the_column_reverse_with_its_own_trace() {
    column(
        "reverse, own trace",
        [
            (AwaitingStore, "4032715", &[]),
            (Unpaid, "2002700", &["reversal_marked"]),
            (UnpaidLapsed, "2002700", &["reversed"]),
            (ReadyToCommit, "2002700", &["reversed"]),
            (Paid, "2002700", &["reversed"]),
            (Expired, "2002700", &["reversal_marked"]),
            (ExpiredLapsed, "2002700", &["reversed"]),
            (Cancelled, "2002700", &["reversal_marked"]),
            (CancelledLapsed, "2002700", &["reversed"]),
            (Returned, "4032718", &["exception_listed"]),
        ],
        |life| life.reverse("own"),
        |decision| code(27, &decision.verdict),
    );
}

#[test]
fn rule_9_the_column_reverse_with_an_unknown_trace() {
    column(
        "reverse, unknown trace",
        ALL.map(|situation| match situation {
            AwaitingStore => (situation, "4032715", &[][..]),
            _ => (situation, "2002700", &["reversal_marked"][..]),
        }),
        |life| life.reverse("unknown"),
        |decision| code(27, &decision.verdict),
    );
}

#[test]
fn s15_rule_10_the_column_cancel() {
    column(
        "cancel",
        [
            (AwaitingStore, "0000", &["cancelled"]),
            (Unpaid, "0000", &["cancelled"]),
            (UnpaidLapsed, "0000", &["cancelled"]),
            (ReadyToCommit, "9314", &[]),
            (Paid, "9314", &[]),
            (Expired, "9314", &[]),
            (ExpiredLapsed, "9314", &[]),
            (Cancelled, "0000", &[]),
            (CancelledLapsed, "0000", &[]),
            (Returned, "9314", &[]),
        ],
        Life::cancel,
        |decision| match &decision.verdict {
            Ok(Outcome::Cancelled(_)) => "0000".into(),
            Err(Refusal::NotCancellable) => "9314".into(),
            other => format!("{other:?}"),
        },
    );
}

#[test]
fn s15_rule_11_the_column_return() {
    column(
        "return",
        ALL.map(|situation| match situation {
            Paid => (situation, "yes", &["returned"][..]),
            _ => (situation, "no", &[][..]),
        }),
        Life::give_back,
        |decision| match &decision.verdict {
            Ok(Outcome::Returned) => "yes".into(),
            Err(Refusal::NotPaid) => "no".into(),
            other => format!("{other:?}"),
        },
    );
}

#[test]
fn rule_8_rule_9_a_reversed_trace_is_answered_alike_in_every_state() {
    for situation in ALL.into_iter().filter(|situation| *situation != AwaitingStore) {
        let mut taken_back = Life::alma();
        support::taken(&taken_back.pay("gone"));
        assert!(taken_back.reverse("gone").verdict.is_ok());
        let mut marked = Life::alma();
        assert_eq!(names(&marked.reverse("gone").events), ["reversal_marked"]);

        for life in [taken_back, marked] {
            let mut life = lead(life, situation);
            let before = life.payment.clone();
            assert_eq!(code(25, &life.pay("gone").verdict), "4042516", "{situation:?}");
            assert_eq!(code(26, &life.commit("gone").verdict), "4042616", "{situation:?}");
            assert_eq!(code(27, &life.reverse("gone").verdict), "2002700", "{situation:?}");
            assert_eq!(life.payment, before, "{situation:?}: nothing is written");
        }
    }
}

#[test]
fn rule_7_at_indomaret_the_table_holds_without_the_second_step() {
    // (state, inquiry, pay new, pay own, commit own, commit other, reverse own)
    let rows = [
        (Unpaid, ["2002400", "2002500", "2002500", "4042616", "4042616", "2002700"]),
        (Paid, ["4042414", "4042514", "2002500", "2002600", "4042616", "2002700"]),
        (Expired, ["4042419", "4042519", "4042519", "4042616", "4042616", "2002700"]),
        (Cancelled, ["4042412", "4042512", "4042512", "4042616", "4042616", "2002700"]),
        (Returned, ["4042412", "4042512", "4042512", "4042616", "4042616", "4032718"]),
    ];
    for (situation, answers) in rows {
        let life = lead(Life::indo(), situation);
        let found = [
            code(24, &life.look_up().map(|()| Outcome::Done)),
            code(25, &life.clone().pay("new").verdict),
            code(25, &life.clone().pay("own").verdict),
            code(26, &life.clone().commit("own").verdict),
            code(26, &life.clone().commit("other").verdict),
            code(27, &life.clone().reverse("own").verdict),
        ];
        assert_eq!(found, answers, "{situation:?}");
    }
    assert_eq!(Life::indo().brand().chain(), Chain::Indo);
}

#[test]
fn rule_16_the_next_command_first_writes_what_the_clock_has_changed() {
    type Step = fn(&mut Life) -> Decision;
    let rows: [(&str, Step, &[&str], &[&str]); 8] = [
        // (command, events after the commit's time alone, events after the deadline too)
        ("pay new", |l| l.pay("new"), &["commit_lapsed", "taken"], &["commit_lapsed", "expired"]),
        ("pay own", |l| l.pay("own"), &["commit_lapsed", "taken"], &["commit_lapsed", "expired"]),
        (
            "commit own",
            |l| l.commit("own"),
            &["commit_lapsed", "committed"],
            &["commit_lapsed", "expired", "committed"],
        ),
        ("commit other", |l| l.commit("other"), &["commit_lapsed"], &["commit_lapsed", "expired"]),
        (
            "reverse own",
            |l| l.reverse("own"),
            &["commit_lapsed", "reversed"],
            &["commit_lapsed", "expired", "reversed"],
        ),
        ("cancel", Life::cancel, &["commit_lapsed", "cancelled"], &["commit_lapsed", "expired"]),
        ("return", Life::give_back, &["commit_lapsed"], &["commit_lapsed", "expired"]),
        ("sweep", Life::sweep, &["commit_lapsed"], &["commit_lapsed", "expired"]),
    ];
    for (title, step, lapsed, expired) in rows {
        for (period, events) in [(3_600, lapsed), (100, expired)] {
            let mut life = Life::short(Chain::Alma, period);
            support::taken(&life.pay("own"));
            let decision = step(life.wait(301));
            assert_eq!(names(&decision.events), events, "{title}, payable for {period} s");
            assert_eq!(life.folded().as_ref(), Some(&life.payment.standing));
        }
    }
}
