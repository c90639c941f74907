//! Random lives of a payment: many counters, retries, time-outs and clocks that only move forward. An auditor that
//! reads nothing but the calls and their answers, and knows nothing of how they come about, says what must hold.

mod support;

use gerai_domain::{
    AttemptState, Brand, Cancellation, Chain, Command, Decision, EventKind, ExceptionKind, Kind, MerchantTerms,
    NoticeStatus, Outcome, Partner, Refusal, Rules, State, StoreVisit, Taken, TakenStatus, look_up,
};
use jiff::{SignedDuration, Timestamp};
use proptest::collection::vec;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};
use std::collections::{BTreeMap, BTreeSet};
use support::{Life, OWED, ask, cancel_command, later, merchant, pay_command, return_command, wib};

/// A call, with what the caller may get wrong about it.
#[derive(Debug, Clone)]
enum Call {
    Pay { trace: u8, brand: Brand, store: u8, amount: u64, enabled: bool, simulated: bool },
    Commit { trace: u8, chain: Chain },
    Reverse { trace: u8, chain: Chain },
    Cancel { amount: u64 },
    Return,
    ChooseStore { chain: Chain, auto_paid: bool },
    Resolve { trace: u8, late: bool },
    GiveUpAutoPay,
    Sweep,
}

#[derive(Debug, Clone)]
struct Plan {
    chain: Option<Chain>,
    auto_paid: bool,
    start: Timestamp,
    period_secs: u32,
    steps: Vec<(u32, Call)>,
}

fn chain() -> impl Strategy<Value = Chain> {
    prop_oneof![5 => Just(Chain::Alma), 2 => Just(Chain::Indo)]
}

fn amount() -> impl Strategy<Value = u64> {
    prop_oneof![12 => Just(OWED), 1 => Just(OWED - 1), 1 => Just(0)]
}

fn brand() -> impl Strategy<Value = Brand> {
    prop_oneof![
        6 => Just(Brand::Alfamart),
        1 => Just(Brand::Alfamidi),
        2 => Just(Brand::DanDan),
        4 => Just(Brand::Indomaret),
    ]
}

fn call() -> impl Strategy<Value = Call> {
    // Few traces and stores, so that they meet.
    let trace = 0_u8..4;
    let rarely = |usual: bool| prop_oneof![9 => Just(usual), 1 => Just(!usual)];
    prop_oneof![
        8 => (trace.clone(), brand(), prop_oneof![6 => Just(0_u8), 1 => Just(1)], amount(), rarely(true), rarely(false))
            .prop_map(|(trace, brand, store, amount, enabled, simulated)| Call::Pay {
                trace, brand, store, amount, enabled, simulated
            }),
        6 => (trace.clone(), chain()).prop_map(|(trace, chain)| Call::Commit { trace, chain }),
        4 => (trace.clone(), chain()).prop_map(|(trace, chain)| Call::Reverse { trace, chain }),
        2 => (trace, any::<bool>()).prop_map(|(trace, late)| Call::Resolve { trace, late }),
        1 => amount().prop_map(|amount| Call::Cancel { amount }),
        1 => Just(Call::Return),
        2 => (chain(), any::<bool>()).prop_map(|(chain, auto_paid)| Call::ChooseStore { chain, auto_paid }),
        1 => Just(Call::GiveUpAutoPay),
        2 => Just(Call::Sweep),
    ]
}

fn wait() -> impl Strategy<Value = u32> {
    prop_oneof![
        10 => Just(0_u32),
        6 => 1_u32..120,
        3 => 298_u32..=302,
        2 => 598_u32..=602,
        2 => 898_u32..=902,
        1 => 3_600_u32..40_000,
    ]
}

fn plan() -> impl Strategy<Value = Plan> {
    let chain = prop_oneof![4 => Just(Some(Chain::Alma)), 2 => Just(Some(Chain::Indo)), 2 => Just(None)];
    let start = prop_oneof![
        4 => Just(wib("2026-03-02 12:00:00")),
        1 => Just(wib("2026-03-02 21:50:00")),
        1 => Just(wib("2026-12-31 22:50:00")),
        1 => Just(wib("2028-02-29 00:59:30")),
    ];
    let period = prop_oneof![1 => 300_u32..3_600, 2 => Just(24 * 3_600_u32), 2 => Just(7 * 24 * 3_600_u32)];
    (chain, any::<bool>(), start, 0_i64..1_000, period, vec((wait(), call()), 1..40)).prop_map(
        |(chain, auto_paid, start, millis, period_secs, steps)| Plan {
            chain,
            auto_paid,
            // Clocks do not tick in whole seconds.
            start: start.checked_add(SignedDuration::from_millis(millis)).expect("in range"),
            period_secs,
            steps,
        },
    )
}

fn begin(plan: &Plan) -> Life {
    let merchant = MerchantTerms { auto_paid: plan.auto_paid, period_secs: plan.period_secs, ..merchant() };
    let kind = if plan.chain.is_some() { Kind::Direct } else { Kind::Redirect };
    Life::of(ask(kind, plan.chain), &merchant, Rules::default(), plan.start)
}

fn command(call: &Call) -> Command {
    let name = |trace: u8| format!("trace{trace}");
    match *call {
        Call::Pay { trace, brand, store, amount, enabled, simulated } => {
            let visit = StoreVisit {
                partner: Partner { chain: brand.chain(), enabled },
                store_code: format!("S{store}"),
                simulated,
                ..support::visit(brand)
            };
            pay_command(visit, amount, &name(trace))
        }
        Call::Commit { trace, chain } => Command::Commit { partner: support::partner(chain), trace_no: name(trace) },
        Call::Reverse { trace, chain } => {
            Command::Reverse { partner: support::partner(chain), trace_no: name(trace), reason: "r".into() }
        }
        Call::Cancel { amount } => cancel_command(amount),
        Call::Return => return_command(),
        Call::ChooseStore { chain, auto_paid } => Command::ChooseStore { chain, open_to_merchant: true, auto_paid },
        Call::Resolve { trace, late } => Command::ResolveException {
            kind: if late { ExceptionKind::TooLateToReverse } else { ExceptionKind::CashPossiblyTaken },
            trace_no: name(trace),
            operator: "rini".into(),
            note: "n".into(),
        },
        Call::GiveUpAutoPay => Command::GiveUpAutoPay { reason: "r".into() },
        Call::Sweep => Command::Sweep,
    }
}

/// What the auditor remembers of an attempt whose money was taken, from what the counter was told.
#[derive(Debug, Clone)]
struct Told {
    brand: Brand,
    store: String,
    at: i64,
    receipt_code: String,
}

/// Reads calls and answers, like somebody with a pencil who knows the rules.
#[derive(Debug)]
struct Auditor {
    chain: Option<Chain>,
    deadline: i64,
    taken: BTreeMap<String, Told>,
    reversed: BTreeSet<String>,
    paid: Option<String>,
    waiting: Option<String>,
    cancelled: Option<Cancellation>,
    returned: bool,
    /// The operators' list, from what was written: by kind and trace, and whether it is still open.
    listed: BTreeMap<(bool, String), bool>,
}

impl Auditor {
    fn new(plan: &Plan) -> Self {
        Self {
            chain: plan.chain,
            deadline: plan.start.as_second() + i64::from(plan.period_secs),
            taken: BTreeMap::new(),
            reversed: BTreeSet::new(),
            paid: None,
            waiting: None,
            cancelled: None,
            returned: false,
            listed: BTreeMap::new(),
        }
    }

    /// Hours by the source: Alfamart and Alfamidi 22 to 1, Indomaret 23 to 1, the others none.
    fn open(brand: Brand, now: i64) -> bool {
        let second_of_day = (now + 7 * 3_600).rem_euclid(86_400);
        let closes = match brand {
            Brand::Alfamart | Brand::Alfamidi => 22,
            Brand::Indomaret => 23,
            Brand::DanDan | Brand::Lawson => return true,
        };
        (3_600..closes * 3_600).contains(&second_of_day)
    }

    /// A commit that is more than five minutes late leaves nothing standing.
    fn tick(&mut self, now: i64) {
        if self.waiting.as_ref().is_some_and(|trace| now > self.taken[trace].at + 300) {
            self.waiting = None;
        }
    }

    fn free(&self) -> bool {
        self.paid.is_none() && self.waiting.is_none() && self.cancelled.is_none() && !self.returned
    }

    fn stands(&self, trace: &str) -> bool {
        !self.returned && [&self.paid, &self.waiting].into_iter().flatten().any(|standing| standing == trace)
    }

    fn watch(&mut self, command: &Command, at: Timestamp, verdict: &Result<Outcome, Refusal>) {
        let now = at.as_second();
        self.tick(now);
        match command {
            Command::Pay { visit, amount, trace_no, .. } => self.watch_pay(visit, amount.get(), trace_no, at, verdict),
            Command::Commit { partner, trace_no } => {
                let confirmed_before = self.paid.as_deref() == Some(trace_no) && !self.returned;
                let allowed = Some(partner.chain) == self.chain
                    && self.taken.contains_key(trace_no)
                    && !self.reversed.contains(trace_no)
                    && (confirmed_before || self.waiting.as_deref() == Some(trace_no) || self.free());
                assert_eq!(verdict.is_ok(), allowed, "commit {trace_no}: {verdict:?}");
                if let Ok(outcome) = verdict {
                    self.check_receipt(trace_no, outcome, TakenStatus::Paid);
                    self.waiting = None;
                    self.paid = Some(trace_no.clone());
                }
            }
            Command::Reverse { partner, trace_no, .. } => {
                let was_paid = self.paid.as_deref() == Some(trace_no);
                let in_time = !was_paid || (!self.returned && now <= self.taken[trace_no].at + 900);
                let allowed = Some(partner.chain) == self.chain && in_time;
                assert_eq!(verdict.is_ok(), allowed, "reverse {trace_no}: {verdict:?}");
                if verdict.is_ok() {
                    self.reversed.insert(trace_no.clone());
                    self.paid.take_if(|standing| standing == trace_no);
                    self.waiting.take_if(|standing| standing == trace_no);
                }
            }
            Command::Cancel { amount, .. } => {
                let allowed =
                    amount.get() == OWED && (self.cancelled.is_some() || (self.free() && now <= self.deadline));
                assert_eq!(verdict.is_ok(), allowed, "cancel: {verdict:?}");
                if let Ok(Outcome::Cancelled(told)) = verdict {
                    assert_eq!(self.cancelled.get_or_insert_with(|| told.clone()), told, "the first answer again");
                }
            }
            Command::Return { .. } => {
                assert_eq!(verdict.is_ok(), self.paid.is_some() && !self.returned, "return: {verdict:?}");
                self.returned |= verdict.is_ok();
            }
            Command::ChooseStore { chain, .. } => {
                let allowed = self.free() && now <= self.deadline && self.chain.is_none_or(|chosen| chosen == *chain);
                assert_eq!(verdict.is_ok(), allowed, "choice: {verdict:?}");
                if allowed {
                    self.chain = Some(*chain);
                }
            }
            Command::ResolveException { kind, trace_no, .. } => {
                let key = (*kind == ExceptionKind::TooLateToReverse, trace_no.clone());
                let expected = match self.listed.get_mut(&key) {
                    None => Err(Refusal::NoSuchException),
                    Some(false) => Err(Refusal::AlreadyResolved),
                    Some(open) => {
                        *open = false;
                        Ok(Outcome::Done)
                    }
                };
                assert_eq!(verdict, &expected, "resolve {trace_no}");
            }
            Command::GiveUpAutoPay { .. } => {}
            Command::Sweep => assert_eq!(verdict, &Ok(Outcome::Done)),
        }
    }

    /// Takes over what was listed for the operators: nothing that is open already, and only with a refusal.
    fn read_list(&mut self, decision: &Decision) {
        for event in &decision.events {
            if let EventKind::ExceptionListed { kind, trace_no } = event {
                let late = *kind == ExceptionKind::TooLateToReverse;
                let refusal = if late { Refusal::TooLateToReverse } else { Refusal::NoSuchAttempt };
                assert_eq!(decision.verdict, Err(refusal));
                assert_ne!(self.listed.insert((late, trace_no.clone()), true), Some(true), "listed twice: {trace_no}");
            }
        }
    }

    fn watch_pay(
        &mut self,
        visit: &StoreVisit,
        amount: u64,
        trace_no: &str,
        at: Timestamp,
        verdict: &Result<Outcome, Refusal>,
    ) {
        let now = at.as_second();
        let same_place =
            self.taken.get(trace_no).is_none_or(|told| told.brand == visit.brand && told.store == visit.store_code);
        let of_chain = Some(visit.partner.chain) == self.chain;
        let retry = self.stands(trace_no);
        let admitted = visit.partner.enabled && (visit.simulated || Self::open(visit.brand, now));
        let payable = self.free() && now <= self.deadline && !self.reversed.contains(trace_no);
        let allowed = of_chain && amount == OWED && same_place && (retry || (admitted && payable));
        assert_eq!(verdict.is_ok(), allowed, "pay {trace_no}: {verdict:?}");
        let Ok(outcome) = verdict else { return };
        let two_steps = self.chain == Some(Chain::Alma);
        let confirmed = self.paid.as_deref() == Some(trace_no) || !two_steps;
        let status = if confirmed { TakenStatus::Paid } else { TakenStatus::ReadyToCommit };
        let Taken { receipt_code, taken_at, .. } = self.check_receipt(trace_no, outcome, status);
        if !retry {
            assert_eq!(taken_at, at);
            let told = Told { brand: visit.brand, store: visit.store_code.clone(), at: now, receipt_code };
            self.taken.insert(trace_no.to_owned(), told);
            let standing = if two_steps { &mut self.waiting } else { &mut self.paid };
            assert_eq!(standing.replace(trace_no.to_owned()), None, "never two that stand");
        }
    }

    fn check_receipt(&self, trace_no: &str, outcome: &Outcome, status: TakenStatus) -> Taken {
        assert!(!self.reversed.contains(trace_no), "a reversed trace is never answered as taken: {trace_no}");
        let Outcome::Taken(told) = outcome else { unreachable!("{outcome:?}") };
        assert_eq!((told.trace_no.as_str(), told.status), (trace_no, status));
        if let Some(before) = self.taken.get(trace_no) {
            assert_eq!(told.receipt_code, before.receipt_code, "the same receipt code through retries and commit");
        }
        assert!(told.receipt.iter().any(|line| line.contains(&told.receipt_code)));
        told.clone()
    }
}

/// What must hold of the payment itself after every step.
fn check_invariants(life: &Life, decision: &Decision) {
    assert_eq!(life.folded().as_ref(), Some(&life.payment.standing), "the standing is the fold of the events");

    let standing = &life.payment.standing;
    let live = |state| matches!(state, AttemptState::ReadyToCommit { .. } | AttemptState::Paid);
    let count = standing.attempts.iter().filter(|attempt| live(attempt.state)).count();
    let expected = usize::from(matches!(standing.state, State::ReadyToCommit | State::Paid | State::Returned));
    assert_eq!(count, expected, "at most one attempt stands, and one in these states: {:?}", standing.state);

    let told = |status| life.notices.iter().filter(|notice| notice.status == status).count();
    let (deposits, reversals) = (told(NoticeStatus::Deposit), told(NoticeStatus::Reversal));
    assert_eq!(deposits - reversals, usize::from(standing.state == State::Paid), "{deposits} - {reversals}");
    for pair in life.notices.windows(2) {
        assert_ne!(pair[0].status, pair[1].status, "deposits and reversals take turns");
    }

    for event in &decision.events {
        let json = serde_json::to_string(event).expect("an event");
        assert_eq!(serde_json::from_str::<EventKind>(&json).expect("the same event"), *event);
    }
    let json = serde_json::to_string(standing).expect("a standing");
    assert_eq!(serde_json::from_str::<gerai_domain::Standing>(&json).expect("the same standing"), *standing);
}

/// `due_at` is when the clock alone changes the phase next: not before, then, and written once.
fn check_due(life: &Life) {
    let mut life = life.clone();
    // A commit that lapses may leave a deadline that is still to come: two dues at most.
    for _ in 0..2 {
        let Some(due) = life.payment.due_at() else { break };
        if due > life.now {
            let before = life.payment.phase(life.now);
            life.until(due.checked_sub(SignedDuration::from_nanos(1)).expect("in range"));
            assert_eq!(life.payment.phase(life.now), before, "nothing changes before it is due");
            assert!(life.would(&Command::Sweep).events.is_empty());
            life.until(due);
            assert_ne!(life.payment.phase(due), before, "it changes when it is due");
        }
        let phase = life.payment.phase(life.now);
        assert!(!life.sweep().events.is_empty(), "a sweep writes what is due");
        assert_eq!(life.payment.phase(life.now), phase, "writing changes nothing");
        assert!(life.sweep().events.is_empty(), "and writes it once");
        assert_ne!(life.payment.due_at(), Some(due));
    }
    assert_eq!(life.payment.due_at(), None);
    let phase = life.payment.phase(life.now);
    life.until(later(life.now, 10 * 366 * 24 * 3_600));
    assert_eq!(life.payment.phase(life.now), phase, "what is not due never changes by itself");
    assert!(life.sweep().events.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_500) })]

    #[test]
    fn rule_8_rule_13_rule_16_whatever_counters_do_one_payment_succeeds_and_the_books_agree(plan in plan()) {
        let mut life = begin(&plan);
        let mut auditor = Auditor::new(&plan);
        for (wait, call) in &plan.steps {
            life.wait(i64::from(*wait));
            let command = command(call);
            // What a counter is told beforehand is what its payment meets.
            let payable = match &command {
                Command::Pay { visit, .. } => Some(look_up(&life.payment, visit, &life.rules, life.now)),
                _ => None,
            };
            let untold = auditor.taken.clone();
            let decision = life.run(&command);
            auditor.watch(&command, life.now, &decision.verdict);
            auditor.read_list(&decision);
            if let (Some(Err(refusal)), Command::Pay { trace_no, .. }) = (payable, &command)
                && !untold.contains_key(trace_no) && !auditor.reversed.contains(trace_no)
            {
                assert_eq!(decision.verdict, Err(refusal));
            }
            check_invariants(&life, &decision);
            let paid = auditor.paid.is_some() && !auditor.returned;
            assert_eq!(life.payment.standing.state == State::Paid, paid, "the auditor agrees");
        }
    }

    #[test]
    fn rule_16_the_clocks_own_changes_are_due_when_they_happen(plan in plan()) {
        let mut life = begin(&plan);
        check_due(&life);
        for (wait, call) in plan.steps.iter().take(15) {
            life.wait(i64::from(*wait));
            life.run(&command(call));
            check_due(&life);
        }
    }

    #[test]
    fn rule_16_a_sweep_in_between_changes_no_answer(plan in plan()) {
        // A gateway that sweeps at every step and one that never does are told apart by nobody.
        let mut lazy = begin(&plan);
        let mut eager = begin(&plan);
        for (wait, call) in &plan.steps {
            let command = command(call);
            lazy.wait(i64::from(*wait));
            eager.wait(i64::from(*wait)).sweep();
            // Sweeps draw nothing, so that both draw the same.
            let [lazy_told, eager_told] = [&mut lazy, &mut eager].map(|life| life.run(&command).verdict);
            assert_eq!(lazy_told, eager_told);
            eager.sweep();
            assert_eq!(lazy.payment.phase(lazy.now), eager.payment.phase(eager.now));
            assert_eq!(lazy.notices, eager.notices);
        }
    }
}
