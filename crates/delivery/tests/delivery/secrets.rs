//! What must not show in a log.

use std::time::Duration;

use gerai_delivery::{Answer, Attempt, Due, Parcel, Settings};
use secrecy::SecretString;

#[test]
fn debug_shows_no_secret_no_body_and_no_address() {
    let due = Due {
        id: 1,
        message_id: "msg_1".to_owned(),
        sender: "TESTMERCH1".to_owned(),
        url: "https://shop.example/?key=HIDDEN".to_owned(),
        host: "https://shop.example:443".to_owned(),
        attempts_made: 0,
        payload: "HIDDEN".to_owned(),
    };
    let parcel = Parcel {
        body: "HIDDEN".to_owned(),
        content_type: "text/plain",
        user_agent: "x".to_owned(),
        webhook_secrets: vec![SecretString::from("HIDDEN")],
    };
    let attempt = Attempt {
        sent_headers: vec![("webhook-signature".to_owned(), "HIDDEN".to_owned())],
        sent_body: "HIDDEN".to_owned(),
        answer: Answer::Status { code: 200, body_excerpt: String::new() },
        took: Duration::ZERO,
    };
    let shown = format!("{due:?} {parcel:?} {attempt:?} {:?}", Settings::default());
    assert!(!shown.contains("HIDDEN"), "{shown}");
    assert!(shown.contains("msg_1") && shown.contains("body_bytes: 6"));
}
