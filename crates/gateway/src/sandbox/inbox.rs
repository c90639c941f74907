//! A `dbProcessUrl` for whoever has none yet: keeps what comes, in memory, for the developer to look at.

use super::{Refused, done, in_path};
use crate::app::App;
use crate::http::read_body;
use axum::body::{Body, Bytes};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use gerai_domain::wib;
use jiff::Timestamp;
use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use std::collections::VecDeque;
use std::sync::Arc;

const CALL: &str = "sandbox_inbox";

/// How much is kept in all; the oldest goes first.
const MESSAGES: usize = 2_000;
const BYTES: usize = 16 << 20;

#[derive(Debug)]
struct Message {
    name: String,
    at: Timestamp,
    headers: Vec<(String, String)>,
    body: Bytes,
}

impl Message {
    fn bytes(&self) -> usize {
        let Self { name, at: _, headers, body } = self;
        let headers: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        name.len() + headers + body.len()
    }
}

#[derive(Debug, Default)]
struct Kept {
    messages: VecDeque<Arc<Message>>,
    bytes: usize,
}

/// All inboxes of a sandbox.
#[derive(Debug, Default)]
pub(crate) struct Inbox(Mutex<Kept>);

impl Inbox {
    pub(super) fn clear(&self) {
        *self.0.lock() = Kept::default();
    }

    fn put(&self, message: Message) {
        let mut kept = self.0.lock();
        kept.bytes += message.bytes();
        kept.messages.push_back(Arc::new(message));
        while kept.messages.len() > MESSAGES || kept.bytes > BYTES {
            match kept.messages.pop_front() {
                Some(oldest) => kept.bytes -= oldest.bytes(),
                None => break,
            }
        }
    }

    fn of(&self, name: &str) -> Vec<Arc<Message>> {
        self.0.lock().messages.iter().filter(|message| message.name == name).cloned().collect()
    }
}

fn tell(message: &Message) -> Value {
    let headers: Map<String, Value> =
        message.headers.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
    let body = String::from_utf8_lossy(&message.body);
    let form: Map<String, Value> = url::form_urlencoded::parse(&message.body)
        .map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())))
        .collect();
    let is_form = message
        .headers
        .iter()
        .any(|(name, value)| name == "content-type" && value.starts_with("application/x-www-form-urlencoded"));
    json!({
        "at": wib::iso(message.at),
        "headers": headers,
        "body": body,
        "fields": if is_form { Value::Object(form) } else { Value::Null },
    })
}

fn check_name(name: &str) -> Result<(), Refused> {
    let fits = (1..=40).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    if fits {
        Ok(())
    } else {
        let message = "An inbox's name has 1 to 40 letters, digits, dots, dashes and underscores.";
        Err(Refused::new(CALL, StatusCode::BAD_REQUEST, message))
    }
}

pub(super) async fn receive(
    State(app): State<Arc<App>>,
    name: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let name = in_path(name);
    check_name(&name)?;
    let body = read_body(&app, body).await.map_err(|error| Refused::new(CALL, error.status(), error.message()))?;
    let headers = headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    app.sandbox(CALL)?.inbox.put(Message { name, at: app.clock.now(), headers, body });
    Ok(done(CALL, &json!({ "received": true })))
}

pub(super) async fn show(
    State(app): State<Arc<App>>,
    name: Result<Path<String>, PathRejection>,
) -> Result<Response, Refused> {
    let name = in_path(name);
    check_name(&name)?;
    let messages: Vec<Value> = app.sandbox(CALL)?.inbox.of(&name).iter().map(|message| tell(message)).collect();
    Ok(done(CALL, &json!({ "name": name, "messages": messages })))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(name: &str, header: &str, body: &[u8]) -> Message {
        let headers = vec![("x-long".to_owned(), header.to_owned())];
        Message { name: name.into(), at: Timestamp::UNIX_EPOCH, headers, body: Bytes::copy_from_slice(body) }
    }

    #[test]
    fn headers_count_towards_what_is_kept_as_bodies_do() {
        let long = "x".repeat(60_000);
        for (header, body) in [(long.as_str(), ""), ("", long.as_str())] {
            let inbox = Inbox::default();
            for n in 0..400 {
                inbox.put(message(&format!("{}", n % 2), header, body.as_bytes()));
            }
            let kept = inbox.of("0").len() + inbox.of("1").len();
            assert_eq!(kept, BYTES / (60_000 + 1 + "x-long".len()));
            assert!(inbox.0.lock().bytes <= BYTES);
        }
        let inbox = Inbox::default();
        for _ in 0..MESSAGES + 5 {
            inbox.put(message("shop", "", b""));
        }
        assert_eq!(inbox.of("shop").len(), MESSAGES);
        inbox.clear();
        assert_eq!((inbox.of("shop").len(), inbox.0.lock().bytes), (0, 0));
    }
}
