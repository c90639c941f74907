//! When the ledger's queue is full, merchants hear 9002 (with HTTP 200) and tills 500SS00, at once; what had a place in
//! the queue is carried out, and the rest succeeds when it is sent again. Here another process holds the database's
//! write lock meanwhile.

use crate::support::client::{Request, send};
use crate::support::merchant::{CANCEL, DIRECT, cancel, direct};
use crate::support::store::{COMMIT, INDO, PAY, REVERSE, commit_body, reverse_body};
use crate::support::{Gateway, PATIENCE, sandbox_settings};
use gerai_gateway::Settings;
use gerai_ledger::{Ledger, SqliteSettings};
use rusqlite::Connection;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

const QUEUE: usize = 8;
const REGISTRATIONS: usize = 40;

#[tokio::test]
async fn a_full_queue_refuses_at_once_and_everything_succeeds_once_it_empties() {
    // Whoever waits for the disk or for a place in the queue waits longer than this test.
    let settings = Settings { answer_timeout: PATIENCE, ..sandbox_settings() };
    let ledger = |usual| SqliteSettings { queue: QUEUE, busy: PATIENCE, ..usual };
    let gateway = Gateway::with_ledger(settings, ledger).await;
    gateway.freeze_at("2031-05-05T10:00:00").await;
    let payment = gateway.register("INDO", "PAYABLE").await;
    let disk = Connection::open(gateway.database()).unwrap();
    disk.busy_timeout(Duration::from_secs(5)).unwrap();
    disk.execute_batch("BEGIN IMMEDIATE").unwrap();
    let held = Instant::now();
    // The writer stands before the lock, and whatever comes now stays in the queue.
    assert!(tokio::time::timeout(Duration::from_millis(200), gateway.ledger.ready()).await.is_err());

    let mut asked = JoinSet::new();
    for n in 0..REGISTRATIONS {
        let (addr, request) = (gateway.addr, Request::post(DIRECT, direct(&format!("ORD{n}")).to_json()));
        asked.spawn(async move { (n, send(addr, &request).await) });
    }
    let mut refused = Vec::new();
    for _ in 0..REGISTRATIONS - QUEUE {
        let (n, answer) = asked.join_next().await.unwrap().unwrap();
        assert_eq!((answer.status, answer.code().as_str()), (200, "9002"), "{}", answer.text());
        assert_eq!(answer.keys().len(), 20, "with the keys of any other refusal");
        assert_eq!(answer.field("referenceNo"), format!("ORD{n}"));
        refused.push(n);
    }
    let answer = gateway.post(CANCEL, cancel(&payment.tx_id).to_json()).await;
    assert_eq!((answer.status, answer.code().as_str()), (200, "9002"));
    for (path, body, code) in [
        (PAY, INDO.pay_body(&payment.pay_no, "T1"), "5002500"),
        (COMMIT, commit_body(&payment.pay_no, "T1"), "5002600"),
        (REVERSE, reverse_body(&payment.pay_no, "T0"), "5002700"),
    ] {
        let answer = gateway.send(&INDO.request(path, &body)).await;
        assert_eq!((answer.status, answer.code().as_str()), (500, code));
    }
    assert_eq!(gateway.look(INDO, &payment.pay_no).await.code(), "2002400", "looking up goes on");
    assert_eq!(gateway.status(&payment).await.0, "3", "reading goes on");
    assert!(held.elapsed() < PATIENCE / 2, "nobody has waited: {:?}", held.elapsed());

    drop(disk);
    while let Some(answered) = asked.join_next().await {
        let (n, answer) = answered.unwrap();
        match (answer.status, answer.code().as_str()) {
            (200, "0000") => {}
            // The gateway's own work, a sweep or a claim, may have had a place in the queue.
            (200, "9002") if refused.len() < REGISTRATIONS - QUEUE + 3 => refused.push(n),
            other => panic!("ORD{n}: {other:?}"),
        }
    }
    for n in refused {
        gateway.ask_done(&direct(&format!("ORD{n}"))).await;
    }
    gateway.pay_whole(INDO, &payment.pay_no, "T1").await;
    assert_eq!(gateway.events(&payment.tx_id).await, ["registered", "taken"]);
}
