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

/// Signs with the key in force.
struct Keyed(Mutex<&'static str>);

impl Prepare for Keyed {
    fn prepare(&self, due: &Due) -> Result<Parcel, PrepareError> {
        let key = *self.0.lock();
        Ok(Parcel {
            body: format!("{}&referenceNo=é", due.payload),
            content_type: "application/x-www-form-urlencoded",
            user_agent: "test".to_owned(),
            webhook_secret: Some(SecretString::from(key)),
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
    let keyed = Arc::new(Keyed(Mutex::new(FIRST)));
    let running = Running::start_with(&outbox, keyed.clone(), settings());
    running.settled().await;

    *keyed.0.lock() = SECOND;
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
async fn a_secret_that_cannot_sign_sends_nothing_unsigned() {
    let receiver = Receiver::start(Reply::Status(200)).await;
    let outbox = Arc::new(MemoryOutbox::default());
    let id = outbox.add("host", &receiver.url(), None);
    let keyed = Arc::new(Keyed(Mutex::new("whsec_not base64!")));
    let running = Running::start_with(&outbox, keyed, settings());
    until("settled", || outbox.with(id, |m| !m.settled.is_empty())).await;
    let (attempt, _) = outbox.with(id, |m| m.settled[0].clone());
    assert_eq!(attempt.answer, Answer::Failed(SendFailure::NotPrepared));
    assert_eq!(receiver.connections(), 0);
    running.stop().await;
}
