//! The Standard Webhooks headers, checked with the library that merchants use.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName};
use gerai_delivery::{Answer, Due, Parcel, Prepare, PrepareError, SendFailure};
use parking_lot::Mutex;
use secrecy::SecretString;
use standardwebhooks::Webhook;

use crate::outbox::MemoryOutbox;
use crate::receiver::{Received, Receiver, Reply};
use crate::{Running, settings, until};

const FIRST: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const SECOND: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Signs with the keys in force.
struct Keyed(Mutex<Vec<&'static str>>);

impl Prepare for Keyed {
    fn prepare(&self, due: &Due) -> Result<Parcel, PrepareError> {
        let keys = self.0.lock().clone();
        Ok(Parcel {
            body: format!("{}&referenceNo=é", due.payload),
            content_type: "application/x-www-form-urlencoded",
            user_agent: "test".to_owned(),
            webhook_secrets: keys.into_iter().map(SecretString::from).collect(),
        })
    }
}

fn verifies(received: &Received, key: &str) -> bool {
    let mut headers = HeaderMap::new();
    for (name, value) in &received.headers {
        headers.insert(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
    }
    Webhook::new(key).unwrap().verify(received.body.as_bytes(), &headers).is_ok()
}

#[tokio::test]
async fn s13_each_attempt_is_signed_with_the_key_in_force_under_the_same_id() {
    let receiver = Receiver::start(Reply::Status(500)).await;
    let outbox = Arc::new(MemoryOutbox::default());
    outbox.add("host", &receiver.url(), None);
    let keyed = Arc::new(Keyed(Mutex::new(vec![FIRST])));
    let running = Running::start_with(&outbox, keyed.clone(), settings());
    running.settled().await;

    *keyed.0.lock() = vec![SECOND];
    receiver.set(Reply::Status(200));
    outbox.advance(std::time::Duration::from_secs(10));
    running.settled().await;

    let received = receiver.received();
    assert_eq!(received.len(), 2);
    assert!(verifies(&received[0], FIRST) && !verifies(&received[0], SECOND));
    assert!(verifies(&received[1], SECOND) && !verifies(&received[1], FIRST));
    for attempt in &received {
        assert_eq!(attempt.header("webhook-id"), Some("msg_1"));
        let mut forged = attempt.clone();
        forged.body = forged.body.replace("status=0", "status=1");
        assert!(!verifies(&forged, FIRST) && !verifies(&forged, SECOND));
    }
    running.stop().await;
}

#[tokio::test]
async fn s13_during_a_rotation_each_of_two_secrets_verifies_the_same_attempt() {
    let receiver = Receiver::start(Reply::Status(200)).await;
    let outbox = Arc::new(MemoryOutbox::default());
    outbox.add("host", &receiver.url(), None);
    let running = Running::start_with(&outbox, Arc::new(Keyed(Mutex::new(vec![FIRST, SECOND]))), settings());
    running.settled().await;
    let received = receiver.received();
    let [attempt] = &received[..] else { panic!("{} attempts", received.len()) };
    assert!(verifies(attempt, FIRST) && verifies(attempt, SECOND));
    assert!(!verifies(attempt, "whsec_dGhpcmQtdGhpcmQtdGhpcmQtdGhpcmQ="));
    // Both are over the whole body; the first stands first, for receivers that read one alone.
    let signatures: Vec<&str> = attempt.header("webhook-signature").unwrap().split(' ').collect();
    assert_eq!(signatures.len(), 2);
    let mut first_alone = attempt.clone();
    for header in &mut first_alone.headers {
        if header.0 == "webhook-signature" {
            header.1 = signatures[0].to_owned();
        }
    }
    assert!(verifies(&first_alone, FIRST) && !verifies(&first_alone, SECOND));
    let mut forged = attempt.clone();
    forged.body = forged.body.replace("status=0", "status=1");
    assert!(!verifies(&forged, FIRST) && !verifies(&forged, SECOND));
    running.stop().await;
}

#[tokio::test]
async fn a_secret_that_cannot_sign_sends_nothing_unsigned() {
    let receiver = Receiver::start(Reply::Status(200)).await;
    let outbox = Arc::new(MemoryOutbox::default());
    let id = outbox.add("host", &receiver.url(), None);
    let keyed = Arc::new(Keyed(Mutex::new(vec![FIRST, "whsec_not base64!"])));
    let running = Running::start_with(&outbox, keyed, settings());
    until("settled", || outbox.with(id, |m| !m.settled.is_empty())).await;
    let (attempt, _) = outbox.with(id, |m| m.settled[0].clone());
    assert_eq!(attempt.answer, Answer::Failed(SendFailure::NotPrepared));
    assert_eq!(receiver.connections(), 0);
    running.stop().await;
}
