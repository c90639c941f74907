//! Commands: what a transaction writes, races, and requests under a name of their own (rules 3, 7 to 10, 16).

use super::*;
use gerai_domain::{ExceptionKind, Phase, TakenStatus};
use gerai_ledger::ExceptionQuery;
use proptest::prelude::{Just, Strategy, prop_oneof};
use proptest::test_runner::{Config, TestRunner};
use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};

fn wrong_amount() -> Command {
    Command::Cancel { amount: Rupiah::new(OWED + 1).unwrap(), message: None }
}

pub(crate) async fn a_command_for_an_unknown_payment_finds_nothing<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let payment = open(&*ledger, indo("A")).await;
    let free = gerai_domain::PayNo::draw(1, payment.standing.pay_no.unwrap().get() / 10 + 1);
    let unknown: gerai_domain::TxId = "GERAITEST103202603021200000000".parse().unwrap();
    assert_ne!(unknown, payment.terms.tx_id, "one draw in ten thousand");
    for target in [Target::PayNo(free), Target::TxId(unknown.clone()), Target::OfMerchant(sinta(), unknown.clone())] {
        for idempotency in [None, named(Chain::Indo, "X1", 1)] {
            let execution = Execution {
                target: target.clone(),
                idempotency,
                ..execution(&payment, pay(Chain::Indo, "t1"), noon())
            };
            assert_eq!(ledger.execute(execution).await.unwrap(), Executed::NotFound);
        }
    }
    assert_eq!(ledger.find_by_pay_no(free).await.unwrap(), None);
    assert_eq!(ledger.find_by_tx_id(&unknown).await.unwrap(), None);
    assert_eq!(ledger.history(&unknown).await.unwrap(), []);
    assert_eq!(ledger.notifications(&unknown).await.unwrap(), []);
    assert_eq!(found(&*ledger, &payment).await, payment);
}

pub(crate) async fn a_refusal_changes_nothing<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let unpaid = open(&*ledger, indo("unpaid")).await;
    let paid = paid(&*ledger, indo("paid")).await;
    let ready = open(&*ledger, alma("ready")).await;
    done(&*ledger, &ready, pay(Chain::Alma, "t1"), noon()).await;
    let awaiting = open(&*ledger, registration("awaiting", None)).await;
    let cancelled = open(&*ledger, indo("cancelled")).await;
    done(&*ledger, &cancelled, cancel(), noon()).await;
    let too_much = Command::Pay {
        visit: visit(Brand::Indomaret),
        amount: Rupiah::new(OWED + 1).unwrap(),
        trace_no: "t9".into(),
        biller: "x".into(),
        own_lines: Vec::new(),
    };
    let closed = Command::ChooseStore { chain: Chain::Indo, open_to_merchant: false, auto_paid: false };
    let rows = [
        (&unpaid, pay(Chain::Alma, "t9"), Refusal::OtherChain),
        (&unpaid, too_much, Refusal::InvalidAmount),
        (&unpaid, wrong_amount(), Refusal::AmountMismatch),
        (&unpaid, give_back(), Refusal::NotPaid),
        (&unpaid, choose(Chain::Alma), Refusal::NothingToChoose),
        (&unpaid, Command::GiveUpAutoPay { reason: "x".into() }, Refusal::NoAutoPay),
        (&paid, pay(Chain::Indo, "t9"), Refusal::AlreadyPaid),
        (&paid, cancel(), Refusal::NotCancellable),
        (&ready, pay(Chain::Alma, "t9"), Refusal::UnderWay),
        (&ready, commit("t9"), Refusal::NoSuchAttempt),
        (&ready, cancel(), Refusal::NotCancellable),
        (&awaiting, pay(Chain::Indo, "t9"), Refusal::OtherChain),
        (&awaiting, closed, Refusal::ChainNotOpen),
        (&cancelled, pay(Chain::Indo, "t9"), Refusal::InvalidNumber),
    ];
    for (payment, command, refusal) in rows {
        let before = (found(&*ledger, payment).await, history(&*ledger, payment).await);
        let (answered, verdict) = judge(&*ledger, execution(payment, command.clone(), noon_and(1))).await;
        assert_eq!(verdict, Err(refusal), "{command:?}");
        assert_eq!(answered, before.0);
        assert_eq!((found(&*ledger, payment).await, history(&*ledger, payment).await), before, "{command:?}");
    }
}

pub(crate) async fn a_refusal_writes_what_the_clock_has_changed<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let payment = open(&*ledger, alma("A")).await;
    done(&*ledger, &payment, pay(Chain::Alma, "t1"), noon()).await;
    let late = noon_and(8 * DAY);
    for _ in 0..2 {
        let (answered, verdict) = judge(&*ledger, execution(&payment, pay(Chain::Alma, "t2"), late)).await;
        assert_eq!(verdict, Err(Refusal::Expired));
        assert_eq!(answered.phase(late), Phase::Expired);
        assert_eq!(found(&*ledger, &payment).await, answered);
        assert_eq!(names(&*ledger, &payment).await, ["registered", "taken", "commit_lapsed", "expired"]);
    }
}

pub(crate) async fn rule_16_every_event_says_who_did_it_in_which_request<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let payment = open(&*ledger, registration("A", None)).await;
    let steps = [
        (choose(Chain::Indo), Actor::Customer, Some("web-1"), "customer"),
        (pay(Chain::Indo, "t1"), Actor::Partner(Chain::Indo), Some("till-1"), "chain:INDO"),
        (reverse(Chain::Indo, "t1"), Actor::Partner(Chain::Indo), Some("till-2"), "chain:INDO"),
        (pay(Chain::Indo, "t2"), Actor::SimulatedStore, None, "simulated-store"),
        (give_back(), Actor::Operator("wati".into()), Some("desk-1"), "operator:wati"),
    ];
    let mut expected = vec![(1, noon(), "merchant:GERAITEST1".to_owned(), Some("request-1".to_owned()))];
    for (i, (command, actor, request_id, name)) in steps.into_iter().enumerate() {
        let now = noon_and(i64::try_from(i).unwrap() * 10);
        let origin = Origin { actor, request_id: request_id.map(str::to_owned) };
        judge(&*ledger, Execution { origin, ..execution(&payment, command, now) }).await.1.unwrap();
        expected.push((u32::try_from(i).unwrap() + 2, now, name.to_owned(), request_id.map(str::to_owned)));
    }
    let events = history(&*ledger, &payment).await;
    let who: Vec<_> = events.into_iter().map(|e| (e.seq, e.at, e.actor, e.request_id)).collect();
    assert_eq!(who, expected);
}

pub(crate) async fn rule_16_what_the_clock_did_is_the_clocks_in_anothers_request_too<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let till = Actor::Partner(Chain::Alma);
    // (payable for, command, by whom, its name, events that the command writes itself)
    let rows: [(i64, Command, Actor, &str, &[&str]); 6] = [
        (3_600, pay(Chain::Alma, "t2"), till.clone(), "chain:ALMA", &["taken"]),
        (3_600, cancel(), Actor::Merchant(sinta()), "merchant:GERAITEST1", &["cancelled"]),
        (60, commit("t1"), till.clone(), "chain:ALMA", &["committed"]),
        (60, reverse(Chain::Alma, "t1"), till, "chain:ALMA", &["reversed"]),
        // Refused, and the clock's part is written all the same.
        (60, cancel(), Actor::Merchant(sinta()), "merchant:GERAITEST1", &[]),
        (3_600, give_back(), Actor::Operator("wati".into()), "operator:wati", &[]),
    ];
    for (i, (payable_for, command, actor, name, own)) in rows.into_iter().enumerate() {
        let mut new = alma(&format!("R{i}"));
        new.deadline = noon_and(payable_for);
        let payment = open(&*ledger, new).await;
        done(&*ledger, &payment, pay(Chain::Alma, "t1"), noon()).await;
        let request = format!("request-{i}");
        let origin = Origin { actor, request_id: Some(request.clone()) };
        let late = Execution { origin, ..execution(&payment, command, noon_and(301)) };
        assert_eq!(judge(&*ledger, late).await.1.is_ok(), !own.is_empty());

        let by_clock: &[&str] = if payable_for < 301 { &["commit_lapsed", "expired"] } else { &["commit_lapsed"] };
        let expected = by_clock.iter().map(|event| (*event, "clock")).chain(own.iter().map(|event| (*event, name)));
        let names = names(&*ledger, &payment).await;
        let events = history(&*ledger, &payment).await;
        let written = names.iter().zip(&events).skip(2);
        let told: Vec<_> = written.clone().map(|(event, written)| (event.as_str(), written.actor.as_str())).collect();
        assert_eq!(told, expected.collect::<Vec<_>>(), "{request}");
        for (_, event) in written {
            assert_eq!((event.at, event.request_id.as_ref()), (noon_and(301), Some(&request)));
        }
    }
}

/// One step in a payment's life.
#[derive(Debug, Clone)]
enum Step {
    Run(Command),
    Wait(i64),
    Sweep,
}

fn a_step() -> impl Strategy<Value = Step> {
    let chain = prop_oneof![Just(Chain::Alma), Just(Chain::Indo)];
    let trace = prop_oneof![3 => Just("t1"), 1 => Just("t2"), 1 => Just("t3")];
    let run = prop_oneof![
        4 => (chain.clone(), trace.clone()).prop_map(|(chain, trace)| pay(chain, trace)),
        3 => trace.clone().prop_map(commit),
        3 => (chain.clone(), trace).prop_map(|(chain, trace)| reverse(chain, trace)),
        1 => Just(cancel()),
        1 => Just(wrong_amount()),
        1 => Just(give_back()),
        2 => chain.prop_map(choose),
        1 => Just(Command::GiveUpAutoPay { reason: "tired".into() }),
    ];
    prop_oneof![
        8 => run.prop_map(Step::Run),
        3 => prop_oneof![Just(1), Just(299), Just(301), Just(901), Just(4 * DAY)].prop_map(Step::Wait),
        1 => Just(Step::Sweep),
    ]
}

async fn check_invariants(ledger: &dyn Ledger, payment: &Payment) {
    let stored = found(ledger, payment).await;
    let events = history(ledger, payment).await;
    // 1. The row equals the fold of its events.
    assert_eq!(stored.standing, fold(&events));
    assert_eq!(stored.terms, payment.terms);
    assert!(events.iter().zip(1..).all(|(event, seq)| event.seq == seq), "{events:?}");
    assert!(events.is_sorted_by_key(|event| event.at));
    // 2. At most one attempt stands.
    let standing = |attempt: &&gerai_domain::Attempt| {
        !matches!(attempt.state, gerai_domain::AttemptState::Lapsed | gerai_domain::AttemptState::Reversed)
    };
    assert!(stored.standing.attempts.iter().filter(standing).count() <= 1);
    // 3. One message per notifying event, in their order.
    let messages = ledger.notifications(&payment.terms.tx_id).await.unwrap();
    let told: Vec<_> = messages.iter().map(|message| (message.event_seq, message.notice.status)).collect();
    let telling: Vec<_> =
        events.iter().filter_map(|event| event.kind.notifies().map(|status| (event.seq, status))).collect();
    assert_eq!(told, telling);
    // The finders know the same payment.
    let (merchant, reference) = (&payment.terms.merchant, &payment.terms.reference_no);
    assert_eq!(ledger.find_by_reference(merchant, reference).await.unwrap().as_ref(), Some(&stored));
    if let Some(pay_no) = stored.standing.pay_no {
        assert_eq!(ledger.find_by_pay_no(pay_no).await.unwrap().as_ref(), Some(&stored));
    }
    // What operators see is what the events list.
    let listed = ledger.exceptions(ExceptionQuery::open(usize::MAX)).await.unwrap();
    let listed: Vec<_> =
        listed.into_iter().filter(|e| e.tx_id == payment.terms.tx_id).map(|e| (e.kind, e.trace_no, e.at)).collect();
    let expected: Vec<_> = events
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::ExceptionListed { kind, trace_no } => Some((*kind, trace_no.clone(), event.at)),
            _ => None,
        })
        .collect();
    assert_eq!(listed, expected);
}

pub(crate) async fn invariants_1_2_3_hold_after_any_commands<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let runtime = tokio::runtime::Handle::current();
    let cases = AtomicU64::new(0);
    let life = |chain: Option<Chain>, steps: Vec<Step>| {
        let reference = format!("R{}", cases.fetch_add(1, Ordering::Relaxed));
        runtime.block_on(async {
            let mut new = registration(&reference, chain);
            new.auto_pay_at = chain.map(|_| noon_and(10));
            let payment = open(&*ledger, new).await;
            let mut now = noon();
            for step in steps {
                match step {
                    Step::Wait(seconds) => now = later(now, seconds),
                    Step::Sweep => {
                        ledger.sweep(rules(), now, 100).await.unwrap();
                    }
                    Step::Run(command) => {
                        let (answered, _) = judge(&*ledger, execution(&payment, command, now)).await;
                        assert_eq!(found(&*ledger, &payment).await, answered);
                    }
                }
            }
            check_invariants(&*ledger, &payment).await;
        });
    };
    let config = Config {
        cases: Config::default().cases / 2,
        failure_persistence: None,
        max_shrink_iters: 200,
        ..Config::default()
    };
    let chain = prop_oneof![Just(None), Just(Some(Chain::Alma)), Just(Some(Chain::Indo))];
    let lives = (chain, proptest::collection::vec(a_step(), 1..24));
    tokio::task::block_in_place(|| {
        TestRunner::new(config)
            .run(&lives, |(chain, steps)| {
                life(chain, steps);
                Ok(())
            })
            .unwrap();
    });
}

/// Sixty-four tills, each with a trace of its own, each trying three times: the answers, by trace.
async fn sixty_four_tills(ledger: &Arc<dyn Ledger>, payment: &Payment, chain: Chain) -> Vec<(String, Verdict)> {
    let mut crowd = JoinSet::new();
    for till in 0..64 {
        let (ledger, payment) = (Arc::clone(ledger), payment.clone());
        crowd.spawn(async move {
            let trace = format!("till-{till}");
            let mut answers = Vec::new();
            for _ in 0..3 {
                let target = Target::PayNo(payment.standing.pay_no.unwrap());
                let attempt = Execution { target, ..execution(&payment, pay(chain, &trace), noon()) };
                answers.push((trace.clone(), judge(&*ledger, attempt).await.1));
            }
            answers
        });
    }
    crowd.join_all().await.into_iter().flatten().collect()
}

async fn one_took_the_money(ledger: &dyn Ledger, payment: &Payment, answers: &[(String, Verdict)], others: Refusal) {
    let winners: HashSet<&String> =
        answers.iter().filter(|(_, verdict)| verdict.is_ok()).map(|(trace, _)| trace).collect();
    assert_eq!(winners.len(), 1, "{winners:?}");
    let winner = winners.into_iter().next().unwrap();
    let its: Vec<&Verdict> = answers.iter().filter(|(trace, _)| trace == winner).map(|(_, verdict)| verdict).collect();
    // Every retry of the one that did gets the same receipt.
    assert_eq!(its.len(), 3);
    assert!(its.iter().all(|verdict| taken(verdict) == taken(its[0])), "{its:?}");
    for (trace, verdict) in answers.iter().filter(|(trace, _)| trace != winner) {
        assert_eq!(*verdict, Err(others), "{trace}");
    }
    let events = history(ledger, payment).await;
    assert_eq!(count(&events, |event| matches!(event, EventKind::Taken { .. })), 1);
    check_invariants(ledger, payment).await;
}

pub(crate) async fn rule_8_of_sixty_four_tills_one_takes_the_money<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let payment = open(&*ledger, indo("A")).await;
    let answers = sixty_four_tills(&ledger, &payment, Chain::Indo).await;
    one_took_the_money(&*ledger, &payment, &answers, Refusal::AlreadyPaid).await;
    assert_eq!(ledger.notifications(&payment.terms.tx_id).await.unwrap().len(), 1);
}

pub(crate) async fn rule_8_of_sixty_four_two_step_tills_one_takes_the_money<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let payment = open(&*ledger, alma("A")).await;
    let answers = sixty_four_tills(&ledger, &payment, Chain::Alma).await;
    one_took_the_money(&*ledger, &payment, &answers, Refusal::UnderWay).await;
}

pub(crate) async fn rule_8_sixty_four_retries_of_one_attempt_are_one_payment<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let payment = open(&*ledger, indo("A")).await;
    let mut crowd = JoinSet::new();
    for _ in 0..64 {
        let (ledger, execution) = (Arc::clone(&ledger), execution(&payment, pay(Chain::Indo, "t1"), noon()));
        crowd.spawn(async move { judge(&*ledger, execution).await.1 });
    }
    let answers = crowd.join_all().await;
    assert!(answers.iter().all(|verdict| taken(verdict) == taken(&answers[0])));
    assert_eq!(names(&*ledger, &payment).await, ["registered", "taken"]);
    assert_eq!(ledger.notifications(&payment.terms.tx_id).await.unwrap().len(), 1);
}

pub(crate) async fn rule_10_cancel_and_pay_at_once_have_one_winner<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let mut races = JoinSet::new();
    for race in 0..32 {
        let ledger = Arc::clone(&ledger);
        races.spawn(async move {
            let payment = open(&*ledger, indo(&format!("R{race}"))).await;
            let mut sides = [pay(Chain::Indo, "t1"), cancel()];
            if race % 2 == 1 {
                sides.reverse();
            }
            let runs = sides.map(|side| {
                let (ledger, execution) = (Arc::clone(&ledger), execution(&payment, side, noon()));
                tokio::spawn(async move { judge(&*ledger, execution).await.1 })
            });
            let mut verdicts = Vec::new();
            for run in runs {
                verdicts.push(run.await.unwrap());
            }
            if race % 2 == 1 {
                verdicts.reverse();
            }
            match (&verdicts[0], &verdicts[1]) {
                (Ok(Outcome::Taken(_)), Err(Refusal::NotCancellable)) => {
                    assert_eq!(names(&*ledger, &payment).await, ["registered", "taken"]);
                }
                (Err(Refusal::InvalidNumber), Ok(Outcome::Cancelled(_))) => {
                    assert_eq!(names(&*ledger, &payment).await, ["registered", "cancelled"]);
                }
                other => panic!("{other:?}"),
            }
            check_invariants(&*ledger, &payment).await;
        });
    }
    races.join_all().await;
}

pub(crate) async fn choosing_the_store_issues_a_number<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let payment = open(&*ledger, registration("A", None)).await;
    let outcome = done(&*ledger, &payment, choose(Chain::Alma), noon()).await;
    let Outcome::StoreChosen { pay_no } = outcome else { panic!("{outcome:?}") };
    let stored = ledger.find_by_pay_no(pay_no).await.unwrap().unwrap();
    assert_eq!((stored.standing.chain, stored.standing.pay_no), (Some(Chain::Alma), Some(pay_no)));
    assert_eq!(stored.terms, payment.terms);
    // The same choice again is no second number, another one is refused.
    assert_eq!(done(&*ledger, &payment, choose(Chain::Alma), noon()).await, Outcome::StoreChosen { pay_no });
    assert_eq!(command(&*ledger, &payment, choose(Chain::Indo), noon()).await, Err(Refusal::NothingToChoose));
    assert_eq!(names(&*ledger, &payment).await, ["registered", "store_chosen"]);
    let target = Target::PayNo(pay_no);
    let attempt = Execution { target, ..execution(&payment, pay(Chain::Alma, "t1"), noon()) };
    assert_eq!(taken(&judge(&*ledger, attempt).await.1).status, TakenStatus::ReadyToCommit);
}

pub(crate) async fn rule_3_a_number_that_is_issued_at_the_choice_is_unique_too<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let mut numbers = HashSet::new();
    for i in 0..30 {
        let number = if i % 2 == 0 {
            let payment = open(&*ledger, registration(&format!("R{i}"), None)).await;
            let Outcome::StoreChosen { pay_no } = done(&*ledger, &payment, choose(Chain::Indo), noon()).await else {
                panic!("no store")
            };
            check_invariants(&*ledger, &payment).await;
            pay_no
        } else {
            open(&*ledger, indo(&format!("R{i}"))).await.standing.pay_no.unwrap()
        };
        assert!(numbers.insert(number), "{number} was given out twice");
    }
}

pub(crate) async fn cancellations_take_the_ids_of_later_seconds_when_one_is_used_up<E: Engine>() {
    let engine = E::fresh().await;
    // Each draw comes to the same four digits.
    let ledger = engine.open_drawing(Some(Box::new(|| 42))).await;
    let mut ids = HashSet::new();
    for i in 0..5 {
        let payment = open(&*ledger, indo(&format!("R{i}"))).await;
        let Outcome::Cancelled(cancellation) = done(&*ledger, &payment, cancel(), noon()).await else {
            panic!("not cancelled")
        };
        assert_eq!(cancellation.at, noon());
        assert!(ids.insert(cancellation.cancel_tx_id.clone()), "{cancellation:?}");
        check_invariants(&*ledger, &payment).await;
    }
}

/// A chain's payment by number under a name of its own.
fn by_name(payment: &Payment, command: Command, idempotency: Option<Idempotency>, now: Timestamp) -> Execution {
    Execution { idempotency, ..execution(payment, command, now) }
}

pub(crate) async fn an_external_id_with_the_same_content_gets_the_same_answer<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let payment = open(&*ledger, indo("A")).await;
    let attempt = || by_name(&payment, pay(Chain::Indo, "t1"), named(Chain::Indo, "X1", 1), noon());
    let first = judge(&*ledger, attempt()).await.1;
    for _ in 0..3 {
        assert_eq!(judge(&*ledger, attempt()).await.1, first);
    }
    // A reversal under its name, also after the payment was paid anew.
    let mark = || by_name(&payment, reverse(Chain::Indo, "t1"), named(Chain::Indo, "X2", 2), noon_and(60));
    let reversed = judge(&*ledger, mark()).await.1;
    assert_eq!(reversed, Ok(Outcome::Reversed { trace_no: "t1".into() }));
    done(&*ledger, &payment, pay(Chain::Indo, "t2"), noon_and(90)).await;
    assert_eq!(judge(&*ledger, mark()).await.1, reversed);
    assert_eq!(names(&*ledger, &payment).await, ["registered", "taken", "reversed", "taken"]);
    // It is known after a restart, too (invariant 7).
    drop(ledger);
    let ledger = engine.open().await;
    let other = by_name(&payment, pay(Chain::Indo, "t1"), named(Chain::Indo, "X1", 9), noon());
    assert_eq!(ledger.execute(other).await.unwrap(), Executed::ExternalIdReused);
}

pub(crate) async fn an_external_id_with_other_content_is_refused<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let payment = open(&*ledger, indo("A")).await;
    let other = open(&*ledger, indo("B")).await;
    let named_x1 = named(Chain::Indo, "X1", 1);
    judge(&*ledger, by_name(&payment, pay(Chain::Indo, "t1"), named_x1, noon())).await.1.unwrap();
    for (on, command) in [(&payment, reverse(Chain::Indo, "t1")), (&other, pay(Chain::Indo, "t1"))] {
        let before = history(&*ledger, on).await;
        let again = by_name(on, command, named(Chain::Indo, "X1", 2), noon_and(1));
        assert_eq!(ledger.execute(again).await.unwrap(), Executed::ExternalIdReused);
        assert_eq!(history(&*ledger, on).await, before);
    }
    // Another name is another request.
    judge(&*ledger, by_name(&other, pay(Chain::Indo, "t1"), named(Chain::Indo, "x1", 2), noon())).await.1.unwrap();
}

pub(crate) async fn an_external_id_is_its_chains_own<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let one = open(&*ledger, indo("A")).await;
    let two = open(&*ledger, alma("B")).await;
    judge(&*ledger, by_name(&one, pay(Chain::Indo, "t1"), named(Chain::Indo, "X1", 1), noon())).await.1.unwrap();
    judge(&*ledger, by_name(&two, pay(Chain::Alma, "t1"), named(Chain::Alma, "X1", 2), noon())).await.1.unwrap();
}

pub(crate) async fn an_external_id_is_forgotten_after_a_day<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let payment = open(&*ledger, indo("A")).await;
    let other = open(&*ledger, indo("B")).await;
    judge(&*ledger, by_name(&payment, pay(Chain::Indo, "t1"), named(Chain::Indo, "X1", 1), noon())).await.1.unwrap();
    let reuse = |seconds| by_name(&other, pay(Chain::Indo, "t1"), named(Chain::Indo, "X1", 2), noon_and(seconds));
    for seconds in [0, DAY - 1] {
        // A sweep lets go of no name before its day is over.
        ledger.sweep(rules(), noon_and(seconds), 100).await.unwrap();
        assert_eq!(ledger.execute(reuse(seconds)).await.unwrap(), Executed::ExternalIdReused, "{seconds}");
    }
    judge(&*ledger, reuse(DAY)).await.1.unwrap();
    // The name is the new request's from then on, with and without a sweep.
    for seconds in [DAY + 1, 2 * DAY - 1] {
        ledger.sweep(rules(), noon_and(seconds), 100).await.unwrap();
        let old = by_name(&payment, pay(Chain::Indo, "t1"), named(Chain::Indo, "X1", 1), noon_and(seconds));
        assert_eq!(ledger.execute(old).await.unwrap(), Executed::ExternalIdReused, "{seconds}");
    }
}

pub(crate) async fn an_external_id_of_a_refused_attempt_is_not_remembered<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let payment = open(&*ledger, indo("A")).await;
    let other = open(&*ledger, indo("B")).await;
    let night = "2026-03-02T23:30:00+07:00".parse().unwrap();
    let attempt = |now| by_name(&payment, pay(Chain::Indo, "t1"), named(Chain::Indo, "X1", 1), now);
    assert_eq!(judge(&*ledger, attempt(night)).await.1, Err(Refusal::Closed));
    // The same request is judged anew in the morning; before that, the name was free for another.
    let morning = later(night, 2 * 3_600);
    judge(&*ledger, by_name(&other, pay(Chain::Indo, "t1"), named(Chain::Indo, "X1", 2), morning)).await.1.unwrap();
    assert_eq!(ledger.execute(attempt(morning)).await.unwrap(), Executed::ExternalIdReused);

    let third = open(&*ledger, indo("C")).await;
    let attempt = |now| by_name(&third, pay(Chain::Indo, "t1"), named(Chain::Indo, "X3", 1), now);
    assert_eq!(judge(&*ledger, attempt(night)).await.1, Err(Refusal::Closed));
    taken(&judge(&*ledger, attempt(morning)).await.1);
}

pub(crate) async fn an_external_id_used_by_many_at_once_does_its_work_once<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let payments = open_many(&ledger, (0..64).map(|i| indo(&format!("R{i}")))).await;
    let mut crowd = JoinSet::new();
    for (content, payment) in (0..).zip(&payments) {
        // One name, sixty-four different requests.
        let execution = by_name(payment, pay(Chain::Indo, "t1"), named(Chain::Indo, "X1", content), noon());
        let ledger = Arc::clone(&ledger);
        crowd.spawn(async move { ledger.execute(execution).await.unwrap() });
    }
    let answers = crowd.join_all().await;
    let reused = answers.iter().filter(|answer| **answer == Executed::ExternalIdReused).count();
    assert_eq!(reused, 63);
    let mut paid = 0;
    for payment in &payments {
        paid += usize::from(found(&*ledger, payment).await.paid_attempt().is_some());
    }
    assert_eq!(paid, 1);
}

pub(crate) async fn rule_8_a_reversed_trace_is_not_answered_as_paid_under_its_external_id<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    // One step: paid, reversed; two steps: committed, reversed; and returned by an operator.
    let one = open(&*ledger, indo("A")).await;
    let pay_one = || by_name(&one, pay(Chain::Indo, "t1"), named(Chain::Indo, "X1", 1), noon_and(2));
    taken(&judge(&*ledger, pay_one()).await.1);
    done(&*ledger, &one, reverse(Chain::Indo, "t1"), noon_and(1)).await;
    assert_eq!(judge(&*ledger, pay_one()).await.1, Err(Refusal::NoSuchAttempt));
    done(&*ledger, &one, pay(Chain::Indo, "t2"), noon_and(3)).await;
    assert!(judge(&*ledger, pay_one()).await.1.is_err(), "another attempt stands");

    let two = open(&*ledger, alma("B")).await;
    let commit_two = || by_name(&two, commit("t1"), named(Chain::Alma, "X2", 2), noon_and(2));
    done(&*ledger, &two, pay(Chain::Alma, "t1"), noon()).await;
    assert_eq!(taken(&judge(&*ledger, commit_two()).await.1).status, TakenStatus::Paid);
    done(&*ledger, &two, reverse(Chain::Alma, "t1"), noon_and(1)).await;
    assert_eq!(judge(&*ledger, commit_two()).await.1, Err(Refusal::NoSuchAttempt));

    let three = open(&*ledger, indo("C")).await;
    let pay_three = || by_name(&three, pay(Chain::Indo, "t1"), named(Chain::Indo, "X3", 3), noon());
    taken(&judge(&*ledger, pay_three()).await.1);
    done(&*ledger, &three, give_back(), noon_and(1)).await;
    assert_eq!(judge(&*ledger, pay_three()).await.1, Err(Refusal::InvalidNumber));
}

pub(crate) async fn an_external_id_answers_the_same_whether_a_lapse_has_been_swept_or_not<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let mut answers = Vec::new();
    for (reference, swept) in [("A", true), ("B", false)] {
        let payment = open(&*ledger, alma(reference)).await;
        let attempt =
            |seconds| by_name(&payment, pay(Chain::Alma, "t1"), named(Chain::Alma, reference, 1), noon_and(seconds));
        let first = taken(&judge(&*ledger, attempt(0)).await.1).clone();
        assert_eq!(taken(&judge(&*ledger, attempt(300)).await.1), &first, "through the commit's last second");
        if swept {
            ledger.sweep(rules(), noon_and(301), 100).await.unwrap();
        }
        let again = taken(&judge(&*ledger, attempt(301)).await.1).clone();
        assert_eq!(again.receipt_code, first.receipt_code);
        let stored = found(&*ledger, &payment).await;
        answers.push((again.status, again.taken_at, stored.phase(noon_and(301)), names(&*ledger, &payment).await));
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0].2, Phase::ReadyToCommit);
}

pub(crate) async fn rules_7_and_9_an_exception_is_listed_once<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    // A commit that comes when the payment was cancelled meanwhile.
    let cash = open(&*ledger, alma("A")).await;
    done(&*ledger, &cash, pay(Chain::Alma, "t1"), noon()).await;
    done(&*ledger, &cash, cancel(), noon_and(400)).await;
    // A reversal that comes too late.
    let late = paid(&*ledger, indo("B")).await;
    for again in 0..3 {
        let verdict = command(&*ledger, &cash, commit("t1"), noon_and(500 + again)).await;
        assert_eq!(verdict, Err(Refusal::NoSuchAttempt));
        let verdict = command(&*ledger, &late, reverse(Chain::Indo, "t1"), noon_and(901 + again)).await;
        assert_eq!(verdict, Err(Refusal::TooLateToReverse));
    }
    let expected = [
        (cash.terms.tx_id.clone(), ExceptionKind::CashPossiblyTaken, noon_and(500)),
        (late.terms.tx_id.clone(), ExceptionKind::TooLateToReverse, noon_and(901)),
    ];
    let listed = ledger.exceptions(ExceptionQuery::open(10)).await.unwrap();
    assert!(listed.iter().all(|exception| exception.trace_no == "t1"));
    let listed: Vec<_> = listed.into_iter().map(|exception| (exception.tx_id, exception.kind, exception.at)).collect();
    assert_eq!(listed, expected);
    assert_eq!(names(&*ledger, &late).await, ["registered", "taken", "exception_listed"]);
}

pub(crate) async fn exceptions_are_listed_oldest_first_up_to_the_limit<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let mut expected = Vec::new();
    for i in 0..5 {
        let payment = paid(&*ledger, indo(&format!("R{i}"))).await;
        // The later ones are found out first.
        let refused = command(&*ledger, &payment, reverse(Chain::Indo, "t1"), noon_and(2_000 - i)).await;
        assert_eq!(refused, Err(Refusal::TooLateToReverse));
        expected.insert(0, payment.terms.tx_id);
    }
    for limit in [0, 1, 3, 5, 100] {
        let listed: Vec<_> =
            ledger.exceptions(ExceptionQuery::open(limit)).await.unwrap().into_iter().map(|e| e.tx_id).collect();
        assert_eq!(listed, expected[..limit.min(5)]);
    }
}
