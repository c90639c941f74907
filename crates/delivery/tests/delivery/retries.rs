//! At least once: what was not accepted is tried again by the schedule, in order, and then stays visible (rule 13).

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use gerai_delivery::{Due, Parcel, Prepare, PrepareError, SendFailure, Settings, Verdict};

use crate::outbox::{MemoryOutbox, State};
use crate::receiver::{Receiver, Reply};
use crate::{AsIs, Running, settings, until};

#[tokio::test]
async fn rule_13_a_500_is_tried_again_after_each_wait_and_then_given_up() {
    let waits_s = [10, 30, 120, 600, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400];
    let receiver = Receiver::start(Reply::Status(500)).await;
    let outbox = Arc::new(MemoryOutbox::default());
    let id = outbox.add("host", &receiver.url(), None);
    let running = Running::start(&outbox, settings());
    for (attempts, wait_s) in (1..).zip(waits_s) {
        running.settled().await;
        let verdicts = outbox.with(id, |m| m.settled.iter().map(|s| s.1).collect::<Vec<_>>());
        assert_eq!(verdicts.len(), attempts, "one attempt for each wait");
        let after = Duration::from_secs(wait_s);
        assert_eq!(verdicts.last(), Some(&Verdict::Retry { after }));
        // A moment too early, nothing happens.
        outbox.advance(after - Duration::from_nanos(1));
        running.settled().await;
        assert_eq!(receiver.requests(), attempts);
        outbox.advance(Duration::from_nanos(1));
    }
    running.settled().await;
    assert_eq!(receiver.requests(), 11);
    assert_eq!(outbox.with(id, |m| m.state.clone()), State::Exhausted);
    let stats = running.handle.stats();
    assert_eq!((stats.refused, stats.accepted, stats.exhausted), (11, 0, 1));
    running.stop().await;
}

#[tokio::test]
async fn waits_carry_jitter() {
    let receiver = Receiver::start(Reply::Status(500)).await;
    let outbox = Arc::new(MemoryOutbox::default());
    let ids: Vec<_> = (0..50).map(|_| outbox.add("host", &receiver.url(), None)).collect();
    let settings = Settings { jitter: 0.1, ..settings() };
    let running = Running::start(&outbox, settings);
    running.settled().await;
    let mut waits: Vec<_> = ids
        .iter()
        .map(|id| match outbox.with(*id, |m| m.settled[0].1) {
            Verdict::Retry { after } => after,
            other => panic!("{other:?}"),
        })
        .collect();
    waits.sort_unstable();
    assert!(waits[0] >= Duration::from_secs(9) && waits[49] <= Duration::from_secs(11));
    assert!(waits[49] - waits[0] > Duration::from_millis(500), "{waits:?}");
    running.stop().await;
}

#[tokio::test]
async fn rule_13_in_order_per_payment_and_one_look_carries_the_whole_queue() {
    let receiver = Receiver::start(Reply::Status(200)).await;
    let outbox = Arc::new(MemoryOutbox::default());
    for n in 0..60 {
        outbox.add("host", &receiver.url(), Some(n % 3));
    }
    let running = Running::start(&outbox, settings());
    running.settled().await;
    let ids: Vec<u64> =
        receiver.received().iter().map(|r| r.header("webhook-id").unwrap()[4..].parse().unwrap()).collect();
    assert_eq!(ids.len(), 60);
    for queue in 0..3 {
        let of_queue: Vec<_> = ids.iter().filter(|id| *id % 3 == queue).collect();
        assert!(of_queue.is_sorted(), "{of_queue:?}");
    }
    running.stop().await;
}

#[tokio::test]
async fn an_outbox_that_fails_and_panics_is_asked_again_and_nothing_goes_twice() {
    let receiver = Receiver::start(Reply::Status(200)).await;
    let outbox = Arc::new(MemoryOutbox::default());
    outbox.add("host", &receiver.url(), None);
    outbox.failing_claims.store(2, Ordering::SeqCst);
    outbox.failing_settles.store(3, Ordering::SeqCst);
    outbox.failing_looks.store(2, Ordering::SeqCst);
    let running = Running::start(&outbox, settings());
    until("accepted", || outbox.count(&State::Accepted) == 1).await;
    running.settled().await;
    assert_eq!(receiver.requests(), 1);
    assert!(running.handle.stats().outbox_errors >= 5);
    running.stop().await;
}

/// Panics for messages to one path, refuses those to another.
struct Faulty;

impl Prepare for Faulty {
    fn prepare(&self, due: &Due) -> Result<Parcel, PrepareError> {
        if due.url.ends_with("/panic") {
            panic!("prepare panics, as asked");
        }
        if due.url.ends_with("/unknown") {
            return Err(PrepareError::UnknownSender);
        }
        AsIs.prepare(due)
    }
}

#[tokio::test]
async fn a_panic_costs_an_attempt_and_no_slot() {
    let receiver = Receiver::start(Reply::Status(200)).await;
    let outbox = Arc::new(MemoryOutbox::default());
    let base = format!("http://127.0.0.1:{}", receiver.port);
    let bad: Vec<_> = (0..20).map(|_| outbox.add("host", &format!("{base}/panic"), None)).collect();
    let unknown = outbox.add("host", &format!("{base}/unknown"), None);
    let good = outbox.add("host", &base, None);
    let running = Running::start_with(&outbox, Arc::new(Faulty), settings());
    running.settled().await;
    assert_eq!(outbox.accepted(&[good]), 1);
    let first_answer = |id| outbox.with(id, |m| m.settled[0].0.answer.clone());
    for id in bad {
        assert_eq!(first_answer(id), gerai_delivery::Answer::Failed(SendFailure::Internal));
    }
    assert_eq!(first_answer(unknown), gerai_delivery::Answer::Failed(SendFailure::NotPrepared));
    assert_eq!(running.handle.stats().in_flight, 0);
    running.stop().await;
}

/// A new event makes the head of its payment's queue due at once. That may happen between the moment at which an attempt
/// was written down and the one at which whoever made it is told.
#[tokio::test]
async fn rule_13_what_is_due_again_before_it_is_put_down_goes_at_once() {
    let receiver = Receiver::start(Reply::Status(500)).await;
    let outbox = Arc::new(MemoryOutbox::default());
    outbox.late_settles_ms.store(300, Ordering::SeqCst);
    let id = outbox.add("host", &receiver.url(), None);
    let running = Running::start(&outbox, settings());
    until("the refusal is written down", || outbox.with(id, |m| m.settled.len()) == 1).await;
    receiver.set(Reply::Status(200));
    outbox.advance(Duration::from_secs(10));
    running.handle.wake();
    // Far sooner than a lease would end.
    running.settled().await;
    assert_eq!(outbox.accepted(&[id]), 1);
    assert!(outbox.claims().len() > 2, "it was claimed while in hand, and again");
    running.stop().await;
}
