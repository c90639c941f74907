//! The operators' list: what is open, what was settled and how, page by page (rules 7, 9, 16).

use super::*;
use gerai_domain::{ExceptionKind, Resolution};
use gerai_ledger::{Exception, ExceptionQuery};

const LATE: ExceptionKind = ExceptionKind::TooLateToReverse;

fn resolve(kind: ExceptionKind, trace_no: &str, note: &str) -> Command {
    Command::ResolveException { kind, trace_no: trace_no.into(), operator: "rini".into(), note: note.into() }
}

/// A payment whose reversal came too late, `seconds` after noon.
async fn too_late(ledger: &dyn Ledger, reference: &str, seconds: i64) -> Payment {
    let payment = paid(ledger, indo(reference)).await;
    let refused = command(ledger, &payment, reverse(Chain::Indo, "t1"), noon_and(seconds)).await;
    assert_eq!(refused, Err(Refusal::TooLateToReverse));
    payment
}

async fn references(ledger: &dyn Ledger, query: ExceptionQuery) -> Vec<String> {
    let mut references = Vec::new();
    for exception in ledger.exceptions(query).await.unwrap() {
        let payment = ledger.find_by_tx_id(&exception.tx_id).await.unwrap().expect("its payment");
        references.push(payment.terms.reference_no);
    }
    references
}

pub(crate) async fn rules_7_and_9_an_exception_says_what_it_is_about<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let payment = too_late(&*ledger, "A", 901).await;
    let listed = ledger.exceptions(ExceptionQuery::open(10)).await.unwrap();
    let [Exception { key: _, tx_id, seq, merchant, chain, pay_no, amount, kind, trace_no, at, resolved }] = &listed[..]
    else {
        panic!("{listed:?}")
    };
    assert_eq!((tx_id, merchant), (&payment.terms.tx_id, &payment.terms.merchant));
    assert_eq!((*chain, *pay_no, *amount), (Some(Chain::Indo), payment.standing.pay_no, payment.terms.amount));
    assert_eq!((*kind, trace_no.as_str(), *at, resolved), (LATE, "t1", noon_and(901), &None));
    let event = history(&*ledger, &payment).await.into_iter().find(|event| event.seq == *seq).unwrap();
    assert!(matches!(event.kind, EventKind::ExceptionListed { .. }), "{event:?}");
}

pub(crate) async fn rule_16_a_resolved_exception_says_who_when_and_how_and_is_open_no_more<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    assert_eq!(ledger.open_exceptions().await.unwrap(), 0);
    let payment = too_late(&*ledger, "A", 901).await;
    let other = too_late(&*ledger, "B", 902).await;
    assert_eq!(ledger.open_exceptions().await.unwrap(), 2);

    let mut execution = execution(&payment, resolve(LATE, "t1", "cash is back"), noon_and(5_000));
    execution.origin = origin_of(Actor::Operator("rini".into()));
    let (after, verdict) = judge(&*ledger, execution.clone()).await;
    assert_eq!(verdict, Ok(Outcome::Done));
    assert_eq!(found(&*ledger, &payment).await, after);
    assert_eq!(fold(&history(&*ledger, &payment).await), after.standing);
    assert_eq!(names(&*ledger, &payment).await, ["registered", "taken", "exception_listed", "exception_resolved"]);
    assert_eq!(history(&*ledger, &payment).await.last().unwrap().actor, "operator:rini");

    assert_eq!(ledger.open_exceptions().await.unwrap(), 1);
    assert_eq!(references(&*ledger, ExceptionQuery::open(10)).await, ["B"]);
    let all = ledger.exceptions(ExceptionQuery::all(10)).await.unwrap();
    let expected = Resolution { at: noon_and(5_000), operator: "rini".into(), note: "cash is back".into() };
    assert_eq!(all.iter().map(|listed| listed.resolved.clone()).collect::<Vec<_>>(), [Some(expected.clone()), None]);

    // A second one hears that it was done before, and changes nothing.
    execution.command = resolve(LATE, "t1", "another note");
    execution.now = noon_and(6_000);
    assert_eq!(judge(&*ledger, execution).await.1, Err(Refusal::AlreadyResolved));
    assert_eq!(ledger.exceptions(ExceptionQuery::all(10)).await.unwrap(), all);
    assert_eq!(command(&*ledger, &other, resolve(LATE, "t9", "n"), noon()).await, Err(Refusal::NoSuchException));
    assert_eq!(ledger.notifications(&payment.terms.tx_id).await.unwrap().len(), 1, "the deposit alone");
}

pub(crate) async fn a_resolution_settles_its_own_attempt_and_kind_alone<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    // Two attempts lapse while a third one is paid; both commits come too late, and then a reversal does.
    let payment = open(&*ledger, alma("A")).await;
    for (trace, seconds) in [("t1", 0), ("t2", 301), ("t3", 602)] {
        done(&*ledger, &payment, pay(Chain::Alma, trace), noon_and(seconds)).await;
    }
    done(&*ledger, &payment, commit("t3"), noon_and(603)).await;
    for late in [commit("t1"), commit("t2"), reverse(Chain::Alma, "t3")] {
        command(&*ledger, &payment, late, noon_and(2_000)).await.unwrap_err();
    }
    let open = async || {
        let listed = ledger.exceptions(ExceptionQuery::open(10)).await.unwrap();
        listed.into_iter().map(|listed| listed.trace_no).collect::<Vec<_>>()
    };
    assert_eq!(open().await, ["t1", "t2", "t3"]);
    done(&*ledger, &payment, resolve(ExceptionKind::CashPossiblyTaken, "t2", "n"), noon_and(3_000)).await;
    assert_eq!(open().await, ["t1", "t3"]);
    done(&*ledger, &payment, resolve(LATE, "t3", "n"), noon_and(3_000)).await;
    assert_eq!(open().await, ["t1"]);
}

pub(crate) async fn of_many_that_resolve_an_exception_at_once_one_does<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let payment = too_late(&*ledger, "A", 901).await;
    let mut crowd = JoinSet::new();
    for i in 0..32 {
        let ledger = Arc::clone(&ledger);
        let execution = execution(&payment, resolve(LATE, "t1", &format!("note {i}")), noon_and(1_000));
        crowd.spawn(async move { judge(&*ledger, execution).await.1 });
    }
    let verdicts = crowd.join_all().await;
    assert_eq!(verdicts.iter().filter(|verdict| verdict.is_ok()).count(), 1);
    assert_eq!(verdicts.iter().filter(|verdict| **verdict == Err(Refusal::AlreadyResolved)).count(), 31);
    assert_eq!(names(&*ledger, &payment).await.iter().filter(|name| *name == "exception_resolved").count(), 1);
}

pub(crate) async fn exceptions_are_read_page_by_page<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    // Several at the same moment, which a page may end between.
    let moments = [2_000, 1_000, 1_000, 1_000, 3_000, 2_000, 1_000];
    for (i, seconds) in moments.into_iter().enumerate() {
        let payment = too_late(&*ledger, &format!("R{i}"), seconds).await;
        if i % 3 == 0 {
            done(&*ledger, &payment, resolve(LATE, "t1", "n"), noon_and(9_000)).await;
        }
    }
    for first in [ExceptionQuery::open(usize::MAX), ExceptionQuery::all(usize::MAX)] {
        let whole = ledger.exceptions(first).await.unwrap();
        assert_eq!(whole.len(), if first.resolved_too { 7 } else { 4 });
        assert!(whole.windows(2).all(|pair| pair[0].at <= pair[1].at));
        for limit in [1, 2, 3, 7] {
            let mut pages = Vec::new();
            let mut query = ExceptionQuery { limit, ..first };
            loop {
                let page = ledger.exceptions(query).await.unwrap();
                assert!(page.len() <= limit);
                let Some(last) = page.last() else { break };
                query.after = Some(last.key);
                pages.extend(page);
            }
            assert_eq!(pages, whole, "pages of {limit}");
        }
    }
    // What is resolved while somebody reads neither hides nor repeats another.
    let first = ledger.exceptions(ExceptionQuery::open(2)).await.unwrap();
    let payment = ledger.find_by_tx_id(&first[0].tx_id).await.unwrap().unwrap();
    done(&*ledger, &payment, resolve(LATE, "t1", "n"), noon_and(9_000)).await;
    let rest = ExceptionQuery { after: Some(first[1].key), ..ExceptionQuery::open(10) };
    assert_eq!(ledger.exceptions(rest).await.unwrap().len(), 2);
}

pub(crate) async fn a_resolution_is_there_after_a_restart<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let payment = too_late(&*ledger, "A", 901).await;
    too_late(&*ledger, "B", 902).await;
    done(&*ledger, &payment, resolve(LATE, "t1", "n"), noon_and(1_000)).await;
    let before = ledger.exceptions(ExceptionQuery::all(10)).await.unwrap();
    drop(ledger);
    let ledger = engine.open().await;
    assert_eq!(ledger.exceptions(ExceptionQuery::all(10)).await.unwrap(), before);
    assert_eq!(ledger.open_exceptions().await.unwrap(), 1);
    let again = command(&*ledger, &payment, resolve(LATE, "t1", "n"), noon_and(2_000)).await;
    assert_eq!(again, Err(Refusal::AlreadyResolved));
    // Nothing of it is left after a reset.
    ledger.forget_payments().await.unwrap();
    assert_eq!(ledger.exceptions(ExceptionQuery::all(10)).await.unwrap(), []);
    assert_eq!(ledger.open_exceptions().await.unwrap(), 0);
}
