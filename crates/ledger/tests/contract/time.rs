//! What time does by itself: lapses, expiries, the simulated store (rules 1, 7, 12).

use super::*;
use gerai_domain::{Phase, State};

/// Payable until so many seconds after noon.
fn until(mut new: NewPayment, seconds: i64) -> NewPayment {
    new.deadline = noon_and(seconds);
    new
}

async fn sweep(ledger: &dyn Ledger, now: Timestamp, limit: usize) -> usize {
    ledger.sweep(rules(), now, limit).await.unwrap()
}

pub(crate) async fn a_sweep_writes_each_expiry_once<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let numbered = open(&*ledger, until(indo("A"), 60)).await;
    let awaiting = open(&*ledger, until(registration("B", None), 60)).await;
    let longer = open(&*ledger, indo("C")).await;

    // The deadline's second still counts.
    for early in [noon_and(60), later(noon_and(60), 0).checked_add(SignedDuration::from_millis(999)).unwrap()] {
        assert_eq!(sweep(&*ledger, early, 100).await, 0);
    }
    assert_eq!(sweep(&*ledger, noon_and(61), 100).await, 2);
    for _ in 0..2 {
        assert_eq!(sweep(&*ledger, noon_and(62), 100).await, 0);
    }
    for payment in [&numbered, &awaiting] {
        assert_eq!(names(&*ledger, payment).await, ["registered", "expired"]);
        let event = history(&*ledger, payment).await.pop().unwrap();
        assert_eq!((event.at, event.actor.as_str(), event.request_id), (noon_and(61), "clock", None));
        let payment = found(&*ledger, payment).await;
        assert_eq!(payment.phase(noon_and(61)), Phase::Expired);
        assert!(payment.standing.expiry_noted);
    }
    assert_eq!(names(&*ledger, &longer).await, ["registered"]);
}

pub(crate) async fn a_sweep_writes_each_lapse_once_and_the_expiry_behind_it<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let payment = open(&*ledger, until(alma("A"), 600)).await;
    done(&*ledger, &payment, pay(Chain::Alma, "t1"), noon()).await;
    // Five minutes for the commit, the last second included.
    assert_eq!(sweep(&*ledger, noon_and(300), 100).await, 0);
    assert_eq!(sweep(&*ledger, noon_and(301), 100).await, 1);
    assert_eq!(sweep(&*ledger, noon_and(301), 100).await, 0);
    assert_eq!(found(&*ledger, &payment).await.standing.state, State::Unpaid);
    assert_eq!(names(&*ledger, &payment).await, ["registered", "taken", "commit_lapsed"]);

    assert_eq!(sweep(&*ledger, noon_and(601), 100).await, 1);
    assert_eq!(sweep(&*ledger, noon_and(602), 100).await, 0);
    assert_eq!(names(&*ledger, &payment).await, ["registered", "taken", "commit_lapsed", "expired"]);

    // One sweep that comes late writes both.
    let payment = open(&*ledger, until(alma("B"), 100)).await;
    done(&*ledger, &payment, pay(Chain::Alma, "t1"), noon_and(90)).await;
    assert_eq!(sweep(&*ledger, noon_and(10_000), 100).await, 1);
    assert_eq!(sweep(&*ledger, noon_and(10_000), 100).await, 0);
    assert_eq!(names(&*ledger, &payment).await, ["registered", "taken", "commit_lapsed", "expired"]);
    // Neither is news to the merchant (rule 13).
    assert_eq!(ledger.notifications(&payment.terms.tx_id).await.unwrap(), []);
}

pub(crate) async fn a_sweep_takes_the_earliest_up_to_its_limit<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let mut payments = Vec::new();
    for i in 0..7 {
        // The later ones are registered first.
        payments.push(open(&*ledger, until(indo(&format!("R{i}")), 70 - i)).await);
    }
    let now = noon_and(1_000);
    let mut expired = 0;
    for expected in [3, 3, 1, 0] {
        assert_eq!(sweep(&*ledger, now, 3).await, expected);
        expired += expected;
        for (i, payment) in payments.iter().enumerate() {
            assert_eq!(found(&*ledger, payment).await.standing.expiry_noted, i >= 7 - expired, "{i} after {expired}");
        }
    }
    open(&*ledger, until(indo("R"), 80)).await;
    assert_eq!(sweep(&*ledger, now, 0).await, 0);
}

pub(crate) async fn a_sweep_leaves_alone_what_is_settled<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let paid = paid(&*ledger, until(indo("A"), 60)).await;
    let cancelled = open(&*ledger, until(indo("B"), 60)).await;
    done(&*ledger, &cancelled, cancel(), noon()).await;
    let committed = open(&*ledger, until(alma("C"), 60)).await;
    done(&*ledger, &committed, pay(Chain::Alma, "t1"), noon()).await;
    done(&*ledger, &committed, commit("t1"), noon()).await;
    assert_eq!(sweep(&*ledger, noon_and(30 * DAY), 100).await, 0);

    // A reversal makes the deadline count again.
    let late = noon_and(120);
    done(&*ledger, &paid, reverse(Chain::Indo, "t1"), late).await;
    assert_eq!(sweep(&*ledger, late, 100).await, 1);
    assert_eq!(names(&*ledger, &paid).await, ["registered", "taken", "reversed", "expired"]);
}

pub(crate) async fn rule_12_auto_pay_falls_due_earliest_first_and_once<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let auto = |mut new: NewPayment, seconds| {
        new.auto_pay_at = Some(noon_and(seconds));
        new
    };
    let second = open(&*ledger, auto(indo("second"), 20)).await;
    let first = open(&*ledger, auto(indo("first"), 10)).await;
    let dropped = open(&*ledger, auto(indo("dropped"), 15)).await;
    open(&*ledger, indo("never")).await;
    let due = async |now, limit| ledger.auto_pay_due(now, limit).await.unwrap();

    assert_eq!(due(noon_and(9), 10).await, []);
    assert_eq!(due(noon_and(10), 10).await, std::slice::from_ref(&first));
    assert_eq!(due(noon_and(60), 10).await, [first.clone(), dropped.clone(), second.clone()]);
    assert_eq!(due(noon_and(60), 2).await, [first.clone(), dropped.clone()]);

    let give_up = Command::GiveUpAutoPay { reason: "closed".into() };
    done(&*ledger, &dropped, give_up, noon_and(15)).await;
    done(&*ledger, &first, pay(Chain::Indo, "t1"), noon_and(10)).await;
    assert_eq!(due(noon_and(60), 10).await, std::slice::from_ref(&second));
    // The store that is chosen later brings its plan with it.
    let chosen = open(&*ledger, registration("chosen", None)).await;
    let choice = Command::ChooseStore { chain: Chain::Indo, open_to_merchant: true, auto_paid: true };
    done(&*ledger, &chosen, choice, noon_and(30)).await;
    let ids: Vec<_> = due(noon_and(60), 10).await.into_iter().map(|payment| payment.terms.tx_id).collect();
    assert_eq!(ids, [second.terms.tx_id.clone(), chosen.terms.tx_id.clone()]);
    // What has expired is not paid any more.
    assert_eq!(sweep(&*ledger, noon_and(7 * DAY + 1), 10).await, 4);
    assert_eq!(due(noon_and(8 * DAY), 10).await, []);
}

pub(crate) async fn next_moment_is_the_earliest_after_the_given_one<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let next = async |after| ledger.next_moment(after).await.unwrap();
    assert_eq!(next(noon()).await, None);

    // An expiry: the first second after the deadline's.
    open(&*ledger, until(indo("expires"), 600)).await;
    assert_eq!(next(noon()).await, Some(noon_and(601)));
    // A lapse comes before it.
    let taken = open(&*ledger, until(alma("lapses"), 700)).await;
    done(&*ledger, &taken, pay(Chain::Alma, "t1"), noon_and(100)).await;
    assert_eq!(next(noon()).await, Some(noon_and(401)));
    // A simulated payment before that.
    let mut auto = until(indo("auto"), 800);
    auto.auto_pay_at = Some(noon_and(10));
    open(&*ledger, auto).await;
    assert_eq!(next(noon()).await, Some(noon_and(10)));
    // A delivery that is to be tried again, under a lease or not.
    let told = paid(&*ledger, indo("told")).await;
    let message = claim(&*ledger, noon(), real(0)).await.remove(0);
    ledger.settle(message.id, answered(noon(), 500), Settlement::Retry(SignedDuration::from_secs(5))).await.unwrap();
    assert_eq!(next(noon()).await, Some(noon_and(5)));
    assert_eq!(message.notice.tx_id, told.terms.tx_id);

    // Later than `after`, not at it; each in its turn.
    let mut moments = Vec::new();
    let mut at = noon();
    while let Some(moment) = next(at).await {
        moments.push(moment);
        at = moment;
    }
    assert_eq!(moments, [5, 10, 401, 601, 801].map(noon_and));
    accept(&*ledger, message.id, noon()).await;
    assert_eq!(next(noon()).await, Some(noon_and(10)));
}

pub(crate) async fn moments_are_kept_to_the_millisecond<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let fine = noon().checked_add(SignedDuration::from_nanos(1_234_567)).unwrap();
    let coarse = noon().checked_add(SignedDuration::from_millis(1)).unwrap();
    let mut new = alma("A");
    new.registered_at = fine;
    new.auto_pay_at = Some(fine);
    let payment = open(&*ledger, new).await;
    assert_eq!((payment.terms.registered_at, payment.standing.auto_pay_at), (coarse, Some(coarse)));
    assert_eq!(found(&*ledger, &payment).await, payment);

    // What a command answers is what is read back.
    let (answered, _) = judge(&*ledger, execution(&payment, pay(Chain::Alma, "t1"), fine)).await;
    assert_eq!(found(&*ledger, &payment).await, answered);
    assert_eq!(answered.standing.attempts[0].taken_at, coarse);
    assert_eq!(fold(&history(&*ledger, &payment).await), answered.standing);
}
