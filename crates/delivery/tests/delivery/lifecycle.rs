//! Waking, waiting until all is settled, stopping.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use gerai_delivery::{Courier, CourierError, Settings, SettingsError};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::outbox::{MemoryOutbox, State};
use crate::receiver::{Receiver, Reply};
use crate::{AsIs, PATIENCE, Running, settings, until};

#[tokio::test]
async fn settled_waits_for_what_is_due_and_not_for_what_is_not() {
    let receiver = Receiver::start(Reply::Status(500)).await;
    let outbox = Arc::new(MemoryOutbox::default());
    let running = Running::start(&outbox, settings());
    running.settled().await;

    let id = outbox.add("host", &receiver.url(), None);
    running.settled().await;
    assert_eq!(receiver.requests(), 1);
    assert_eq!(outbox.with(id, |m| m.state.clone()), State::Waiting);

    receiver.set(Reply::Status(200));
    outbox.advance(Duration::from_secs(10));
    running.settled().await;
    assert_eq!(outbox.accepted(&[id]), 1);
    running.stop().await;
}

#[tokio::test]
async fn settled_does_not_resolve_while_something_is_in_flight_or_the_outbox_fails() {
    let receiver = Receiver::start(Reply::Hang).await;
    let outbox = Arc::new(MemoryOutbox::default());
    outbox.add("host", &receiver.url(), None);
    let running = Running::start(&outbox, settings());
    until("in flight", || receiver.open() == 1).await;
    let mut settled = Box::pin(running.handle.settled());
    assert!(timeout(Duration::from_millis(300), &mut settled).await.is_err());
    receiver.free();
    timeout(PATIENCE, settled).await.unwrap();
    assert_eq!(outbox.count(&State::Accepted), 1);

    outbox.failing_claims.store(1_000, Ordering::SeqCst);
    let mut settled = Box::pin(running.handle.settled());
    assert!(timeout(Duration::from_millis(300), &mut settled).await.is_err());
    outbox.failing_claims.store(0, Ordering::SeqCst);
    timeout(PATIENCE, settled).await.unwrap();
    running.stop().await;
}

#[tokio::test]
async fn nobody_waits_for_a_courier_that_is_gone() {
    let outbox = Arc::new(MemoryOutbox::default());
    let courier = Courier::new(outbox.clone(), Arc::new(AsIs), settings()).unwrap();
    let never_ran = courier.handle();
    drop(courier);
    timeout(PATIENCE, never_ran.settled()).await.unwrap();

    let running = Running::start(&outbox, settings());
    let handle = running.handle.clone();
    running.settled().await;
    running.stop().await;
    timeout(PATIENCE, handle.settled()).await.unwrap();
}

#[tokio::test]
async fn what_becomes_due_is_found_without_a_wake() {
    let receiver = Receiver::start(Reply::Status(200)).await;
    let outbox = Arc::new(MemoryOutbox::default());
    let running = Running::start(&outbox, settings());
    running.settled().await;
    outbox.add("host", &receiver.url(), None);
    until("found", || outbox.count(&State::Accepted) == 1).await;
    running.stop().await;
}

#[tokio::test]
async fn shutdown_finishes_what_is_in_flight_and_starts_nothing() {
    let receiver = Receiver::start(Reply::Status(200)).await;
    let outbox = Arc::new(MemoryOutbox::default());
    for _ in 0..20 {
        outbox.add("host", &receiver.url(), None);
    }
    let running = Running::start(&outbox, settings());
    running.settled().await;
    receiver.set(Reply::Hang);
    for _ in 0..300 {
        outbox.add("host", &receiver.url(), None);
    }
    running.handle.wake();
    until("in flight", || receiver.open() >= 2 && running.handle.stats().held > 0).await;
    running.shutdown.cancel();
    // What was claimed and not sent goes back at once, for others to send.
    until("given back", || running.handle.stats().held == 0 && outbox.count(&State::Leased) == receiver.open()).await;
    let in_flight = receiver.open();
    assert!(!running.task.is_finished());
    receiver.free();
    running.stop().await;
    assert_eq!(outbox.count(&State::Leased), 0);
    assert_eq!(outbox.count(&State::Accepted), 20 + in_flight);
    assert_eq!(receiver.requests(), 20 + in_flight);
}

#[tokio::test]
async fn shutdown_waits_no_longer_than_a_time_out() {
    let receiver = Receiver::start(Reply::Hang).await;
    let outbox = Arc::new(MemoryOutbox::default());
    let id = outbox.add("host", &receiver.url(), None);
    let settings = Settings { timeout: Duration::from_millis(500), ..settings() };
    let running = Running::start(&outbox, settings);
    until("in flight", || receiver.open() == 1).await;
    running.stop().await;
    assert_eq!(outbox.with(id, |m| m.settled.len()), 1);
}

#[tokio::test]
async fn a_cancelled_courier_claims_nothing() {
    let outbox = Arc::new(MemoryOutbox::default());
    outbox.add("host", "http://127.0.0.1:1/", None);
    let courier = Courier::new(outbox.clone(), Arc::new(AsIs), settings()).unwrap();
    let shutdown = CancellationToken::new();
    shutdown.cancel();
    timeout(PATIENCE, courier.run(shutdown)).await.unwrap();
    assert!(outbox.claims().is_empty());
}

#[tokio::test]
async fn an_idle_courier_leaves_the_outbox_alone() {
    let outbox = Arc::new(MemoryOutbox::default());
    let running = Running::start(&outbox, settings());
    running.settled().await;
    let before = outbox.claims().len();
    assert!(timeout(Duration::from_millis(1500), std::future::pending::<()>()).await.is_err());
    let looked = outbox.claims().len() - before;
    assert!((1..=3).contains(&looked), "{looked} looks in 1.5 s");
    running.stop().await;
}

#[test]
fn settings_that_cannot_work_are_refused_by_name() {
    type Change = fn(&mut Settings);
    let table: [(Change, SettingsError); 8] = [
        (|s| s.jitter = 1.0, SettingsError::Jitter),
        (|s| s.schedule = vec![Duration::MAX], SettingsError::Schedule),
        (|s| s.timeout = Duration::ZERO, SettingsError::Timeout),
        (|s| s.connect_timeout = Duration::ZERO, SettingsError::Timeout),
        (|s| s.per_host = 0, SettingsError::Limit),
        (|s| s.global = 0, SettingsError::Limit),
        (|s| s.per_failing_host = 17, SettingsError::FailingLimit),
        (|s| s.lease = s.timeout, SettingsError::Lease),
    ];
    for (change, expected) in table {
        let mut settings = Settings::default();
        change(&mut settings);
        let made = Courier::new(Arc::new(MemoryOutbox::default()), Arc::new(AsIs), settings);
        match made.err() {
            Some(CourierError::Settings(error)) => assert_eq!(error, expected),
            other => panic!("{expected:?}: {other:?}"),
        }
    }
}
