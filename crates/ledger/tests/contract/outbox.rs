//! The outbox: order, leases, isolation of hosts, replay (rules 13 and 15, invariant 3).

use super::*;
use gerai_domain::NoticeStatus;
use gerai_ledger::NotificationState::{Delivered, Failed, Pending, Waiting};
use gerai_ledger::{NotificationRecord, NotificationState};
use std::collections::{BTreeMap, HashSet};

async fn messages(ledger: &dyn Ledger, payment: &Payment) -> Vec<NotificationRecord> {
    ledger.notifications(&payment.terms.tx_id).await.unwrap()
}

async fn states(ledger: &dyn Ledger, payment: &Payment) -> Vec<NotificationState> {
    messages(ledger, payment).await.iter().map(|message| message.state).collect()
}

async fn retry(ledger: &dyn Ledger, id: i64, at: Timestamp, seconds: i64) {
    let again = Settlement::Retry(SignedDuration::from_secs(seconds));
    ledger.settle(id, answered(at, 500), again).await.unwrap();
}

async fn exhaust(ledger: &dyn Ledger, id: i64, at: Timestamp) {
    ledger.settle(id, answered(at, 500), Settlement::Exhausted).await.unwrap();
}

/// A payment that was paid at noon, and reversed and paid anew after it: three messages.
async fn told_three_times(ledger: &dyn Ledger, reference: &str) -> Payment {
    let payment = paid(ledger, indo(reference)).await;
    done(ledger, &payment, reverse(Chain::Indo, "t1"), noon_and(1)).await;
    done(ledger, &payment, pay(Chain::Indo, "t2"), noon_and(2)).await;
    payment
}

pub(crate) async fn invariant_3_each_notifying_event_has_one_message<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let payment = open(&*ledger, to(alma("A"), "https://Shop.example:8443/notify?a=1")).await;
    done(&*ledger, &payment, pay(Chain::Alma, "t1"), noon_and(10)).await;
    assert_eq!(messages(&*ledger, &payment).await, []);
    done(&*ledger, &payment, commit("t1"), noon_and(20)).await;
    // Retries, refusals and repeats tell nothing anew.
    done(&*ledger, &payment, commit("t1"), noon_and(21)).await;
    done(&*ledger, &payment, pay(Chain::Alma, "t1"), noon_and(22)).await;
    assert!(command(&*ledger, &payment, cancel(), noon_and(23)).await.is_err());
    done(&*ledger, &payment, give_back(), noon_and(30)).await;

    let told = messages(&*ledger, &payment).await;
    assert_eq!(told.iter().map(|message| message.event_seq).collect::<Vec<_>>(), [3, 4]);
    assert_ne!(told[0].message_id, told[1].message_id);
    let [deposit, reversal] = [&told[0].notice, &told[1].notice];
    let receipt_code = &found(&*ledger, &payment).await.paid_attempt().unwrap().receipt_code.clone();
    for (notice, status, trans_at) in
        [(deposit, NoticeStatus::Deposit, noon_and(10)), (reversal, NoticeStatus::Reversal, noon_and(30))]
    {
        assert_eq!((notice.status, notice.trans_at, notice.deposit_at), (status, trans_at, noon_and(10)));
        assert_eq!((&notice.merchant, &notice.tx_id), (&sinta(), &payment.terms.tx_id));
        assert_eq!((&notice.reference_no, notice.amount), (&"A".to_owned(), payment.terms.amount));
        assert_eq!((notice.chain, notice.pay_no), (Some(Chain::Alma), payment.standing.pay_no));
        assert_eq!(&notice.receipt_code, receipt_code);
    }
    let due = claim(&*ledger, noon_and(30), real(0)).await;
    assert_eq!(due.len(), 1);
    assert_eq!((due[0].id, &due[0].message_id, &due[0].notice), (told[0].id, &told[0].message_id, deposit));
    assert_eq!((due[0].url.as_str(), due[0].attempts_made), ("https://Shop.example:8443/notify?a=1", 0));
    assert_eq!(due[0].host, "https://shop.example:8443");
}

pub(crate) async fn rule_13_what_the_merchant_never_heard_of_is_not_announced<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let lapsed = open(&*ledger, alma("A")).await;
    done(&*ledger, &lapsed, pay(Chain::Alma, "t1"), noon()).await;
    ledger.sweep(rules(), noon_and(301), 10).await.unwrap();
    let reversed = open(&*ledger, alma("B")).await;
    done(&*ledger, &reversed, pay(Chain::Alma, "t1"), noon()).await;
    done(&*ledger, &reversed, reverse(Chain::Alma, "t1"), noon_and(1)).await;
    let marked = open(&*ledger, indo("C")).await;
    done(&*ledger, &marked, reverse(Chain::Indo, "t9"), noon()).await;
    done(&*ledger, &marked, cancel(), noon()).await;
    for payment in [&lapsed, &reversed, &marked] {
        assert_eq!(messages(&*ledger, payment).await, []);
    }
    assert_eq!(claim(&*ledger, noon_and(DAY), real(0)).await, []);
}

pub(crate) async fn rule_13_a_message_waits_until_the_one_before_it_is_delivered<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let payment = told_three_times(&*ledger, "A").await;
    let ids: Vec<i64> = messages(&*ledger, &payment).await.iter().map(|message| message.id).collect();
    assert_eq!(states(&*ledger, &payment).await, [Pending, Waiting, Waiting]);
    let mut real_now = real(0);
    let mut now = noon_and(10);
    for (turn, id) in ids.iter().enumerate() {
        // Neither while it is on its way nor while it is to be tried again does another go out.
        assert_eq!(claim(&*ledger, now, real_now).await.iter().map(|due| due.id).collect::<Vec<_>>(), [*id]);
        assert_eq!(claim(&*ledger, now, real_now).await, []);
        retry(&*ledger, *id, now, 30).await;
        assert_eq!(claim(&*ledger, later(now, 29), real_now).await, []);
        now = later(now, 30);
        assert_eq!(claim(&*ledger, now, real_now).await.len(), 1);
        accept(&*ledger, *id, now).await;
        let expected = [[Delivered, Pending, Waiting], [Delivered, Delivered, Pending], [Delivered; 3]];
        assert_eq!(states(&*ledger, &payment).await, expected[turn]);
        real_now = later(real_now, 1);
    }
    assert_eq!(claim(&*ledger, noon_and(30 * DAY), real(DAY)).await, []);
}

pub(crate) async fn rule_13_an_exhausted_message_frees_the_next_and_can_be_replayed<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let payment = told_three_times(&*ledger, "A").await;
    let told = messages(&*ledger, &payment).await;
    claim(&*ledger, noon_and(10), real(0)).await;
    exhaust(&*ledger, told[0].id, noon_and(10)).await;
    assert_eq!(states(&*ledger, &payment).await, [Failed, Pending, Waiting]);
    assert_eq!(messages(&*ledger, &payment).await[0].next_at, None);
    let due = claim(&*ledger, noon_and(10), real(0)).await;
    assert_eq!((due.len(), due[0].id), (1, told[1].id));
    accept(&*ledger, told[1].id, noon_and(10)).await;
    let due = claim(&*ledger, noon_and(10), real(0)).await;
    accept(&*ledger, due[0].id, noon_and(10)).await;
    assert_eq!(states(&*ledger, &payment).await, [Failed, Delivered, Delivered]);

    // It never comes back by itself, only when it is replayed, and then at once and under its own name.
    assert_eq!(claim(&*ledger, noon_and(30 * DAY), real(DAY)).await, []);
    assert!(ledger.replay(told[0].id, noon_and(100), deed()).await.unwrap());
    let due = claim(&*ledger, noon_and(100), real(0)).await;
    assert_eq!((due.len(), &due[0].message_id), (1, &told[0].message_id));
    // Its schedule begins anew, its record does not.
    assert_eq!(due[0].attempts_made, 0);
    accept(&*ledger, due[0].id, noon_and(101)).await;
    let now = messages(&*ledger, &payment).await;
    assert_eq!((now[0].state, now[0].attempts.len()), (Delivered, 2));
}

pub(crate) async fn rule_13_failed_messages_are_listed_and_replayed_together_in_their_order<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let payment = told_three_times(&*ledger, "A").await;
    let other = paid(&*ledger, indo("B")).await;
    let fine = paid(&*ledger, indo("C")).await;
    assert_eq!(ledger.failed_notifications(0, 10).await.unwrap(), []);
    for message in messages(&*ledger, &payment).await.iter().chain(&messages(&*ledger, &other).await) {
        exhaust(&*ledger, message.id, noon_and(10)).await;
    }
    accept(&*ledger, messages(&*ledger, &fine).await[0].id, noon_and(10)).await;

    let failed = ledger.failed_notifications(0, 10).await.unwrap();
    let ids: Vec<i64> = failed.iter().map(|message| message.id).collect();
    assert_eq!(ids.len(), 4);
    assert!(ids.is_sorted());
    let first = &messages(&*ledger, &payment).await[0];
    let listed = &failed[0];
    assert_eq!((&listed.message_id, &listed.url, &listed.notice), (&first.message_id, &first.url, &first.notice));
    assert_eq!((listed.failed_at, listed.attempts_made), (noon_and(10), 1));
    assert_eq!(listed.last_answer, Some(first.attempts[0].answer.clone()));
    // Page by page.
    let page = |after| ledger.failed_notifications(after, 3);
    let mut pages = page(0).await.unwrap();
    pages.extend(page(pages[2].id).await.unwrap());
    assert_eq!(pages, failed);
    assert_eq!(page(ids[3]).await.unwrap(), []);

    // All again, and each payment's in the order in which they happened.
    let mut replayed = ledger.replay_failed(0, 3, noon_and(100), deed()).await.unwrap();
    replayed.extend(ledger.replay_failed(replayed[2], 3, noon_and(100), deed()).await.unwrap());
    assert_eq!(replayed, ids);
    assert_eq!(ledger.failed_notifications(0, 10).await.unwrap(), []);
    assert!(ledger.replay_failed(0, 10, noon_and(100), deed()).await.unwrap().is_empty());
    assert_eq!(states(&*ledger, &payment).await, [Pending, Waiting, Waiting]);
    assert_eq!(states(&*ledger, &fine).await, [Delivered]);
    let mut order = Vec::new();
    for _ in 0..3 {
        for due in claim(&*ledger, noon_and(101), real(0)).await {
            order.push(due.id);
            accept(&*ledger, due.id, noon_and(101)).await;
        }
    }
    order.retain(|id| ids_of(&failed, &payment).contains(id));
    assert_eq!(order, ids_of(&failed, &payment));
}

fn ids_of(failed: &[gerai_ledger::FailedNotification], payment: &Payment) -> Vec<i64> {
    failed.iter().filter(|message| message.notice.tx_id == payment.terms.tx_id).map(|message| message.id).collect()
}

pub(crate) async fn rule_13_a_replayed_message_waits_for_the_one_under_way<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let payment = told_three_times(&*ledger, "A").await;
    let told = messages(&*ledger, &payment).await;
    exhaust(&*ledger, told[0].id, noon_and(10)).await;
    let due = claim(&*ledger, noon_and(10), real(0)).await;
    assert_eq!(due[0].id, told[1].id);
    assert!(ledger.replay(told[0].id, noon_and(10), deed()).await.unwrap());
    assert_eq!(claim(&*ledger, noon_and(20), real(0)).await, [], "two of one payment would be under way");
    let mut order = vec![told[1].id];
    accept(&*ledger, told[1].id, noon_and(20)).await;
    for _ in 0..2 {
        let due = claim(&*ledger, noon_and(20), real(0)).await;
        assert_eq!(due.len(), 1);
        order.push(due[0].id);
        accept(&*ledger, due[0].id, noon_and(20)).await;
    }
    assert_eq!(order, [told[1].id, told[0].id, told[2].id]);
    assert_eq!(states(&*ledger, &payment).await, [Delivered; 3]);
}

pub(crate) async fn rule_13_a_new_event_tries_the_head_at_once<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let payment = paid(&*ledger, indo("A")).await;
    let other = paid(&*ledger, indo("B")).await;
    for due in claim(&*ledger, noon(), real(0)).await {
        retry(&*ledger, due.id, noon(), 3_600).await;
    }
    assert_eq!(claim(&*ledger, noon_and(60), real(0)).await, []);
    done(&*ledger, &payment, reverse(Chain::Indo, "t1"), noon_and(60)).await;
    let due = claim(&*ledger, noon_and(60), real(0)).await;
    assert_eq!(due.len(), 1, "the head, and nothing of the other payment");
    assert_eq!((&due[0].notice.tx_id, due[0].notice.status), (&payment.terms.tx_id, NoticeStatus::Deposit));
    assert_eq!(due[0].attempts_made, 1);
    assert_eq!(messages(&*ledger, &other).await[0].next_at, Some(noon_and(3_600)));
    // Something that is due already is not put off by it.
    retry(&*ledger, due[0].id, noon_and(60), 5).await;
    done(&*ledger, &payment, pay(Chain::Indo, "t2"), noon_and(600)).await;
    assert_eq!(messages(&*ledger, &payment).await[0].next_at, Some(noon_and(65)));
}

const HALF_A_DAY: i64 = 12 * 3_600;

/// The message that the queue of a payment begins with, and that it is never said to be tried before it came.
async fn head(ledger: &dyn Ledger, payment: &Payment) -> NotificationRecord {
    let messages = messages(ledger, payment).await;
    assert!(messages.iter().all(|message| message.next_at.is_none_or(|at| at >= noon())), "{messages:?}");
    messages.into_iter().find(|message| message.state == Pending).unwrap()
}

pub(crate) async fn rule_13_a_new_event_tries_a_head_that_is_on_its_way_at_once_and_once<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    for (reference, events) in [("one", 1), ("two", 2)] {
        let payment = paid(&*ledger, indo(reference)).await;
        let sent = claim(&*ledger, noon(), real(0)).await.remove(0);
        // The attempt does not tell what came after it had begun.
        done(&*ledger, &payment, reverse(Chain::Indo, "t1"), noon_and(5)).await;
        if events == 2 {
            done(&*ledger, &payment, pay(Chain::Indo, "t2"), noon_and(6)).await;
        }
        head(&*ledger, &payment).await;
        assert_eq!(claim(&*ledger, noon_and(7), real(0)).await, [], "one attempt at a time");
        retry(&*ledger, sent.id, noon_and(7), HALF_A_DAY).await;
        assert_eq!(head(&*ledger, &payment).await.next_at, Some(noon_and(7)));
        assert_eq!(ledger.next_delivery(real(0)).await.unwrap(), Some(noon_and(7)));

        // The clock stands; the next attempt fails, too, and the one after it has its usual delay.
        let again = claim(&*ledger, noon_and(7), real(0)).await;
        assert_eq!(again.iter().map(|due| (due.id, due.attempts_made)).collect::<Vec<_>>(), [(sent.id, 1)]);
        retry(&*ledger, sent.id, noon_and(7), HALF_A_DAY).await;
        assert_eq!(head(&*ledger, &payment).await.next_at, Some(noon_and(7 + HALF_A_DAY)));
        assert_eq!(claim(&*ledger, noon_and(7 + HALF_A_DAY - 1), real(0)).await, []);
        let due = claim(&*ledger, noon_and(7 + HALF_A_DAY), real(0)).await;
        assert_eq!((due.len(), due[0].id), (1, sent.id));
        // Accepted, what waits behind it goes on at once.
        accept(&*ledger, sent.id, noon_and(7 + HALF_A_DAY)).await;
        assert_eq!(head(&*ledger, &payment).await.next_at, Some(noon_and(7 + HALF_A_DAY)));
        for due in claim(&*ledger, noon_and(7 + HALF_A_DAY), real(0)).await {
            exhaust(&*ledger, due.id, noon_and(7 + HALF_A_DAY)).await;
        }
        for due in claim(&*ledger, noon_and(7 + HALF_A_DAY), real(0)).await {
            accept(&*ledger, due.id, noon_and(7 + HALF_A_DAY)).await;
        }
    }
}

pub(crate) async fn rule_13_a_head_that_is_claimed_after_the_new_event_is_not_hurried_again<E: Engine>() {
    let engine = E::fresh().await;
    let mut ledger = engine.open().await;
    let payment = paid(&*ledger, indo("A")).await;
    let mut real_now = real(0);
    let mut now = noon();
    for (end, command) in [
        ("given back", reverse(Chain::Indo, "t1")),
        ("run out", pay(Chain::Indo, "t2")),
        ("ended by a restart", reverse(Chain::Indo, "t2")),
    ] {
        let held = claim(&*ledger, now, real_now).await;
        assert_eq!(held.len(), 1, "{end}");
        now = later(now, 1);
        done(&*ledger, &payment, command, now).await;
        // Whoever held it did not send it: the attempt that follows tells whatever there is to tell.
        match end {
            "given back" => ledger.release(&[held[0].id]).await.unwrap(),
            "run out" => real_now = later(real_now, 60),
            _ => {
                drop(ledger);
                ledger = engine.open().await;
            }
        }
        head(&*ledger, &payment).await;
        let due = claim(&*ledger, now, real_now).await;
        assert_eq!(due.iter().map(|due| due.id).collect::<Vec<_>>(), [held[0].id], "{end}");
        retry(&*ledger, held[0].id, now, 300).await;
        now = later(now, 300);
        assert_eq!(head(&*ledger, &payment).await.next_at, Some(now), "{end}");
    }
}

pub(crate) async fn a_retry_comes_after_its_delay_under_the_same_name<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let payment = paid(&*ledger, indo("A")).await;
    let mut now = noon();
    let mut names = HashSet::new();
    for attempt in 0..5 {
        let due = claim(&*ledger, now, real(0)).await;
        assert_eq!((due.len(), due[0].attempts_made), (1, attempt));
        names.insert((due[0].id, due[0].message_id.clone()));
        let delay = 10 << attempt;
        retry(&*ledger, due[0].id, now, delay).await;
        assert_eq!(messages(&*ledger, &payment).await[0].next_at, Some(later(now, delay)));
        assert_eq!(claim(&*ledger, later(now, delay - 1), real(0)).await, []);
        now = later(now, delay);
    }
    assert_eq!(names.len(), 1);
    assert_eq!(messages(&*ledger, &payment).await[0].attempts.len(), 5);
}

pub(crate) async fn a_lease_keeps_a_message_from_a_second_claim_until_it_runs_out<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    paid(&*ledger, indo("A")).await;
    let first = claim(&*ledger, noon(), real(0)).await;
    assert_eq!(first.len(), 1);
    for seconds in [0, 1, 59] {
        assert_eq!(claim(&*ledger, noon_and(DAY), real(seconds)).await, [], "{seconds}");
    }
    // Whoever held it is taken for dead: the same message again, and no attempt is counted.
    assert_eq!(claim(&*ledger, noon(), real(60)).await, first);
    assert_eq!(claim(&*ledger, noon(), real(61)).await, []);
    // Settling ends the lease.
    retry(&*ledger, first[0].id, noon(), 0).await;
    assert_eq!(claim(&*ledger, noon(), real(61)).await.len(), 1);
}

pub(crate) async fn sixty_four_claims_at_once_hand_out_each_message_once<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    paid_many(&ledger, (0..200).map(|i| to(indo(&format!("R{i}")), &format!("https://h{}.example/", i % 7)))).await;
    let mut crowd = JoinSet::new();
    for _ in 0..64 {
        let ledger = Arc::clone(&ledger);
        let request = ClaimRequest { limit: 5, ..claim_at(noon(), real(0)) };
        crowd.spawn(async move { ledger.claim_due(request).await.unwrap() });
    }
    let claims = crowd.join_all().await;
    assert!(claims.iter().all(|claim| claim.len() <= 5));
    let ids: Vec<i64> = claims.iter().flatten().map(|due| due.id).collect();
    assert_eq!(ids.len(), 200);
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 200);
}

pub(crate) async fn a_lease_runs_by_real_time_and_dueness_by_the_gateways<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let payment = paid(&*ledger, indo("A")).await;
    assert_eq!(claim(&*ledger, noon_and(-1), real(DAY)).await, [], "real time makes nothing due");
    let due = claim(&*ledger, noon(), real(0)).await;
    assert_eq!(due.len(), 1);
    assert_eq!(claim(&*ledger, noon_and(365 * DAY), real(59)).await, [], "the gateway's time ends no lease");
    retry(&*ledger, due[0].id, noon(), 100).await;
    assert_eq!(claim(&*ledger, noon_and(99), real(365 * DAY)).await, []);
    assert_eq!(claim(&*ledger, noon_and(100), real(0)).await.len(), 1);
    assert_eq!(states(&*ledger, &payment).await, [Pending]);
}

fn per_host(claimed: &[Claimed]) -> BTreeMap<&str, usize> {
    let mut hosts = BTreeMap::new();
    for due in claimed {
        *hosts.entry(due.host.as_str()).or_default() += 1;
    }
    hosts
}

pub(crate) async fn claims_keep_to_the_slots_of_each_host<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let news = (0..40).map(|i| to(indo(&format!("R{i}")), &format!("https://h{}.example/{i}", i % 4)));
    paid_many(&ledger, news).await;
    let slots = HashMap::from([("https://h0.example".to_owned(), 0), ("https://h1.example".to_owned(), 3)]);
    let request = ClaimRequest { per_host: slots, default_per_host: 2, ..claim_at(noon(), real(0)) };
    let expected = BTreeMap::from([("https://h1.example", 3), ("https://h2.example", 2), ("https://h3.example", 2)]);
    assert_eq!(per_host(&ledger.claim_due(request.clone()).await.unwrap()), expected);
    // The slots are what is free now, not what is free in all: the same again, of the rest.
    assert_eq!(per_host(&ledger.claim_due(request.clone()).await.unwrap()), expected);
    // The limit over all.
    let few = ClaimRequest { limit: 4, ..request.clone() };
    assert_eq!(ledger.claim_due(few).await.unwrap().len(), 4);
    for nothing in [
        ClaimRequest { limit: 0, ..request.clone() },
        ClaimRequest { default_per_host: 0, per_host: HashMap::new(), ..request },
    ] {
        assert_eq!(ledger.claim_due(nothing).await.unwrap(), []);
    }
    // One port is one host, one scheme another.
    let mut hosts = HashSet::new();
    for (i, url) in ["https://h9.example:8443/x", "http://h9.example/x", "https://h9.example/x"].iter().enumerate() {
        paid(&*ledger, to(indo(&format!("S{i}")), url)).await;
    }
    for due in claim(&*ledger, noon(), real(0)).await.into_iter().filter(|due| due.host.contains("h9")) {
        hosts.insert(due.host);
    }
    assert_eq!(hosts.len(), 3);
}

pub(crate) async fn a_host_with_ten_thousand_due_hides_no_other<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    paid_many(&ledger, (0..10_000).map(|i| to(indo(&format!("R{i}")), "https://crowd.example/"))).await;
    for (i, host) in ["a", "m", "z"].iter().enumerate() {
        paid(&*ledger, to(indo(&format!("S{i}")), &format!("https://{host}.example/"))).await;
    }
    let request = ClaimRequest { limit: 8, default_per_host: 4, ..claim_at(noon(), real(0)) };
    let began = std::time::Instant::now();
    let claimed = ledger.claim_due(request.clone()).await.unwrap();
    let took = began.elapsed();
    let expected =
        [("https://a.example", 1), ("https://crowd.example", 4), ("https://m.example", 1), ("https://z.example", 1)];
    assert_eq!(per_host(&claimed), expected.into());
    // Nor does a crowd that is under way, or one that is left alone.
    paid(&*ledger, to(indo("T"), "https://z.example/")).await;
    let slots = HashMap::from([("https://crowd.example".to_owned(), 0)]);
    let none_of_it = ClaimRequest { per_host: slots, ..request.clone() };
    assert_eq!(per_host(&ledger.claim_due(none_of_it).await.unwrap()), [("https://z.example", 1)].into());
    assert!(took < Duration::from_millis(500), "a claim took {took:?}");
    let all = ClaimRequest { limit: 20_000, default_per_host: 20_000, ..request.clone() };
    assert_eq!(ledger.claim_due(all).await.unwrap().len(), 9_996);
    paid(&*ledger, to(indo("U"), "https://z.example/")).await;
    assert_eq!(per_host(&ledger.claim_due(request).await.unwrap()), [("https://z.example", 1)].into());
}

/// Registers and pays so many for each of these hosts, host by host.
async fn backlogs(ledger: &Arc<dyn Ledger>, hosts: &[String], each: usize) {
    for host in hosts {
        let news = (0..each).map(|i| to(indo(&format!("{host}-{i}")), &format!("https://{host}.example/")));
        paid_many(ledger, news).await;
    }
}

pub(crate) async fn every_host_gets_its_turn_under_a_small_limit<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let hosts: Vec<String> = (0..12).map(|i| format!("h{i:02}")).collect();
    backlogs(&ledger, &hosts, 20).await;
    // Three at a time, each delivered at once: four claims are enough for twelve hosts, twice that is fair enough.
    let mut served: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..8 {
        let request = ClaimRequest { limit: 3, default_per_host: 1, ..claim_at(noon(), real(0)) };
        for due in ledger.claim_due(request).await.unwrap() {
            *served.entry(due.host.clone()).or_default() += 1;
            accept(&*ledger, due.id, noon()).await;
        }
    }
    assert_eq!(served.values().sum::<usize>(), 24);
    assert_eq!(served.len(), 12, "{served:?}");
}

pub(crate) async fn thousands_of_dead_hosts_delay_no_fresh_message_and_each_gets_its_turn<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let hosts = (0..3_000).map(|i| format!("https://h{i:04}.example"));
    let payments = open_many(&ledger, hosts.map(|host| to(indo(&host), &host))).await;
    // Due in an hour, as what has failed often.
    pay_all(&ledger, &payments, noon_and(3_600)).await;
    let fresh = paid(&*ledger, to(indo("fresh"), "https://shop.example/")).await;
    let claimed = claim(&*ledger, noon(), real(0)).await;
    let ids: Vec<_> = claimed.iter().map(|due| &due.notice.tx_id).collect();
    assert_eq!(ids, [&fresh.terms.tx_id]);
    accept(&*ledger, claimed[0].id, noon()).await;

    // When all of them are due at once, each has its turn.
    let now = noon_and(3_601);
    let mut served = HashSet::new();
    let mut claims = 0;
    while served.len() < 3_000 {
        let request = ClaimRequest { limit: 200, default_per_host: 1, ..claim_at(now, real(0)) };
        let claimed = ledger.claim_due(request).await.unwrap();
        claims += 1;
        assert!(claims <= 100, "{} hosts had their turn", served.len());
        let mut crowd = JoinSet::new();
        for due in claimed {
            assert!(served.insert(due.host));
            let ledger = Arc::clone(&ledger);
            crowd.spawn(async move { accept(&*ledger, due.id, now).await });
        }
        crowd.join_all().await;
    }
}

pub(crate) async fn a_host_without_free_slots_does_not_decide_whose_turn_it_is<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    // The oldest messages are a host's that answers nobody; behind it, one with a backlog and one with a single message.
    backlogs(&ledger, &["a".into()], 3).await;
    backlogs(&ledger, &["b".into()], 40).await;
    backlogs(&ledger, &["c".into()], 1).await;
    let slots = HashMap::from([("https://a.example".to_owned(), 0)]);
    let mut hosts = Vec::new();
    for _ in 0..6 {
        let request =
            ClaimRequest { limit: 2, per_host: slots.clone(), default_per_host: 2, ..claim_at(noon(), real(0)) };
        for due in ledger.claim_due(request).await.unwrap() {
            hosts.push(due.host.clone());
            accept(&*ledger, due.id, noon()).await;
        }
    }
    assert!(hosts.contains(&"https://c.example".to_owned()), "{hosts:?}");
}

pub(crate) async fn a_settled_message_only_gains_the_record<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let payment = told_three_times(&*ledger, "A").await;
    let id = messages(&*ledger, &payment).await[0].id;
    claim(&*ledger, noon_and(10), real(0)).await;
    accept(&*ledger, id, noon_and(10)).await;
    for again in [Settlement::Accepted, Settlement::Exhausted, Settlement::Retry(SignedDuration::from_secs(1))] {
        ledger.settle(id, answered(noon_and(11), 500), again).await.unwrap();
        assert_eq!(states(&*ledger, &payment).await, [Delivered, Pending, Waiting], "{again:?}");
    }
    let message = &messages(&*ledger, &payment).await[0];
    assert_eq!(message.attempts.len(), 4);
    assert_eq!(message.attempts[0], answered(noon_and(10), 200));
    assert_eq!(message.attempts[3], answered(noon_and(11), 500));
    // So does one that waits its turn, and one that has failed.
    let waiting = messages(&*ledger, &payment).await[2].id;
    accept(&*ledger, waiting, noon_and(12)).await;
    assert_eq!(states(&*ledger, &payment).await, [Delivered, Pending, Waiting]);
    let next = messages(&*ledger, &payment).await[1].id;
    exhaust(&*ledger, next, noon_and(13)).await;
    accept(&*ledger, next, noon_and(14)).await;
    assert_eq!(states(&*ledger, &payment).await, [Delivered, Failed, Pending]);
}

pub(crate) async fn settling_an_unknown_message_does_nothing<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let payment = paid(&*ledger, indo("A")).await;
    let before = messages(&*ledger, &payment).await;
    for id in [before[0].id + 1, -1, i64::MAX] {
        accept(&*ledger, id, noon()).await;
        assert!(!ledger.replay(id, noon(), deed()).await.unwrap());
    }
    assert_eq!(messages(&*ledger, &payment).await, before);
}

pub(crate) async fn attempts_are_kept_as_they_were<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let payment = paid(&*ledger, indo("A")).await;
    let id = messages(&*ledger, &payment).await[0].id;
    let mut expected = Vec::new();
    for (i, answer) in [
        DeliveryAnswer::Failed("connection refused".into()),
        DeliveryAnswer::Status { code: 503, excerpt: "<h1>\u{fffd} 'so' \"sad\"</h1>".into() },
        DeliveryAnswer::Status { code: 200, excerpt: String::new() },
    ]
    .into_iter()
    .enumerate()
    {
        expected.push(DeliveryRecord {
            at: noon_and(i64::try_from(i).unwrap()),
            headers: vec![("webhook-id".into(), format!("m{i}")), ("webhook-id".into(), "twice".into())],
            body: "goodsNm=Kopi&billingNm=\u{fc}".into(),
            answer,
            took: Duration::from_millis(1_500),
        });
    }
    for (record, settlement) in expected.iter().zip([
        Settlement::Retry(SignedDuration::from_secs(1)),
        Settlement::Retry(SignedDuration::from_secs(1)),
        Settlement::Accepted,
    ]) {
        ledger.settle(id, record.clone(), settlement).await.unwrap();
    }
    assert_eq!(messages(&*ledger, &payment).await[0].attempts, expected);
}

pub(crate) async fn only_a_failed_message_is_replayed<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let payment = told_three_times(&*ledger, "A").await;
    let told = messages(&*ledger, &payment).await;
    for message in &told {
        assert!(!ledger.replay(message.id, noon_and(10), deed()).await.unwrap());
    }
    accept(&*ledger, told[0].id, noon_and(10)).await;
    assert!(!ledger.replay(told[0].id, noon_and(10), deed()).await.unwrap());
    exhaust(&*ledger, told[1].id, noon_and(10)).await;
    assert!(ledger.replay(told[1].id, noon_and(10), deed()).await.unwrap());
    assert!(!ledger.replay(told[1].id, noon_and(10), deed()).await.unwrap());
    assert_eq!(states(&*ledger, &payment).await, [Delivered, Waiting, Pending]);
}

pub(crate) async fn next_delivery_is_the_earliest_that_nobody_holds<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let next = async |seconds| ledger.next_delivery(real(seconds)).await.unwrap();
    assert_eq!(next(0).await, None);
    let early = told_three_times(&*ledger, "A").await;
    let late = open(&*ledger, indo("B")).await;
    done(&*ledger, &late, pay(Chain::Indo, "t1"), noon_and(50)).await;
    assert_eq!(next(0).await, Some(noon()));
    let due = claim(&*ledger, noon(), real(0)).await;
    assert_eq!((due.len(), &due[0].notice.tx_id), (1, &early.terms.tx_id));
    assert_eq!(next(0).await, Some(noon_and(50)));
    // Its lease runs out.
    assert_eq!(next(60).await, Some(noon()));
    retry(&*ledger, due[0].id, noon(), 500).await;
    assert_eq!(next(0).await, Some(noon_and(50)));
    let due = claim(&*ledger, noon_and(50), real(0)).await;
    accept(&*ledger, due[0].id, noon_and(50)).await;
    assert_eq!(next(0).await, Some(noon_and(500)));
}

pub(crate) async fn rule_15_a_restart_ends_leases_and_keeps_the_outbox<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let payment = told_three_times(&*ledger, "A").await;
    let held = claim(&*ledger, noon_and(10), real(0)).await;
    assert_eq!(held.len(), 1);
    let before = messages(&*ledger, &payment).await;
    drop(ledger);
    let ledger = engine.open().await;
    assert_eq!(messages(&*ledger, &payment).await, before);
    assert_eq!(claim(&*ledger, noon_and(10), real(0)).await, held);
    assert_eq!(claim(&*ledger, noon_and(10), real(0)).await, []);
}
