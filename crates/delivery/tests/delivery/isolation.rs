//! One slow or dead merchant delays nobody else (rule 13). What hangs here hangs for 25 s; the others have to be through
//! long before.

use std::sync::Arc;
use std::time::{Duration, Instant};

use gerai_delivery::Settings;

use crate::outbox::{MemoryOutbox, State};
use crate::receiver::{Receiver, Reply};
use crate::{Running, settings, until};

/// Much less than the time-out of what hangs.
const LONG_BEFORE: Duration = Duration::from_secs(10);

fn patient() -> Settings {
    Settings { timeout: Duration::from_secs(25), lease: Duration::from_secs(40), ..settings() }
}

/// Adds `each` messages for each of `hosts` healthy ones, and has them through.
async fn healthy_get_through(running: &Running, outbox: &MemoryOutbox, receiver: &Receiver, hosts: usize, each: usize) {
    let began = Instant::now();
    let ids: Vec<_> =
        (0..hosts * each).map(|n| outbox.add(&format!("healthy-{}", n % hosts), &receiver.url(), None)).collect();
    running.handle.wake();
    until("the healthy get theirs", || outbox.accepted(&ids) == ids.len()).await;
    assert!(began.elapsed() < LONG_BEFORE, "{:?}", began.elapsed());
}

#[tokio::test]
async fn one_hanging_host_with_10_000_waiting_delays_nobody() {
    let hanging = Receiver::start(Reply::Hang).await;
    let healthy = Receiver::start(Reply::Status(200)).await;
    let outbox = Arc::new(MemoryOutbox::default());
    for _ in 0..10_000 {
        outbox.add("hanging", &hanging.url(), None);
    }
    let running = Running::start(&outbox, patient());
    until("it hangs", || hanging.open() > 0).await;
    healthy_get_through(&running, &outbox, &healthy, 1, 300).await;
    assert_eq!(hanging.open(), 1, "a host that never answered has one slot");
    running.task.abort();
}

#[tokio::test]
async fn five_hundred_hanging_hosts_delay_nobody() {
    let hanging = Receiver::start(Reply::Hang).await;
    let healthy = Receiver::start(Reply::Status(200)).await;
    let outbox = Arc::new(MemoryOutbox::default());
    for n in 0..2_500 {
        outbox.add(&format!("hanging-{}", n % 500), &hanging.url(), None);
    }
    let running = Running::start(&outbox, patient());
    until("they hang", || hanging.open() >= 200).await;
    healthy_get_through(&running, &outbox, &healthy, 20, 20).await;
    assert!(running.handle.stats().in_flight <= 1024);
    running.task.abort();
}

#[tokio::test]
async fn two_hundred_hosts_that_answered_and_then_hang_delay_nobody() {
    let turning = Receiver::start(Reply::Status(200)).await;
    let healthy = Receiver::start(Reply::Status(200)).await;
    let outbox = Arc::new(MemoryOutbox::default());
    let add = |each: usize| {
        for n in 0..200 * each {
            outbox.add(&format!("turning-{}", n % 200), &turning.url(), None);
        }
    };
    add(3);
    let running = Running::start(&outbox, patient());
    running.settled().await;
    turning.set(Reply::Hang);
    add(50);
    running.handle.wake();
    until("they hang", || turning.open() >= 200).await;
    healthy_get_through(&running, &outbox, &healthy, 10, 20).await;
    // Also one that was never heard of gets its turn, and nobody takes everything.
    assert!(running.handle.stats().in_flight < 1024);
    running.task.abort();
}

#[tokio::test]
async fn a_dead_host_is_tried_again_one_at_a_time_until_it_answers() {
    let receiver = Receiver::start(Reply::Slow(10)).await;
    let outbox = Arc::new(MemoryOutbox::default());
    for _ in 0..200 {
        outbox.add("host", &receiver.url(), None);
    }
    let settings = Settings { timeout: Duration::from_secs(5), ..settings() };
    let running = Running::start(&outbox, settings);
    running.settled().await;
    let most = receiver.most_open();
    assert!((2..=16).contains(&most), "{most} at one time");

    receiver.set(Reply::Status(503));
    let ids: Vec<_> = (0..50).map(|_| outbox.add("host", &receiver.url(), None)).collect();
    running.settled().await;
    assert_eq!(running.handle.stats().failing_hosts, 1);

    receiver.forget_most_open();
    outbox.advance(Duration::from_secs(10));
    running.settled().await;
    assert_eq!(receiver.most_open(), 1, "while it fails");

    receiver.set(Reply::Slow(10));
    outbox.advance(Duration::from_secs(30));
    running.settled().await;
    assert_eq!(outbox.accepted(&ids), 50);
    let most = receiver.most_open();
    assert!((2..=16).contains(&most), "{most} once it answers");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn neither_the_limit_per_host_nor_the_global_one_is_ever_passed() {
    let slow = Receiver::start(Reply::Slow(3)).await;
    let fast = Receiver::start(Reply::Status(200)).await;
    let outbox = Arc::new(MemoryOutbox::default());
    let settings = Settings { per_host: 4, global: 6, ..settings() };
    for _ in 0..300 {
        outbox.add("slow", &slow.url(), None);
        outbox.add("fast", &fast.url(), None);
    }
    let running = Running::start(&outbox, settings);
    until("all through", || {
        let stats = running.handle.stats();
        assert!(stats.in_flight + stats.held <= 6, "{stats:?}");
        stats.accepted == 600
    })
    .await;
    assert!((2..=4).contains(&slow.most_open()), "{}", slow.most_open());
    assert!(fast.most_open() <= 4);
    assert_eq!((slow.requests(), fast.requests()), (300, 300));
    running.stop().await;
}

#[tokio::test]
async fn what_is_held_for_a_host_that_turns_slow_goes_back() {
    let receiver = Receiver::start(Reply::Status(200)).await;
    let outbox = Arc::new(MemoryOutbox::default());
    for _ in 0..50 {
        outbox.add("host", &receiver.url(), None);
    }
    let running = Running::start(&outbox, patient());
    running.settled().await;
    receiver.set(Reply::Hang);
    for _ in 0..300 {
        outbox.add("host", &receiver.url(), None);
    }
    running.handle.wake();
    until("some are held", || running.handle.stats().held > 0).await;
    until("none is held", || running.handle.stats().held == 0).await;
    until("given back", || outbox.count(&State::Leased) == receiver.open()).await;
    assert!((2..=16).contains(&receiver.open()));
    running.task.abort();
}
