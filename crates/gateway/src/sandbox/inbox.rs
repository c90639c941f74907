//! A `dbProcessUrl` for whoever has none yet: keeps what comes, in memory, for the developer to look at.

use super::{Refused, done};
use crate::app::App;
use crate::http::read_body;
use axum::body::{Body, Bytes};
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

#[derive(Debug, Default)]
struct Kept {
    messages: VecDeque<Message>,
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
        kept.bytes += message.body.len();
        kept.messages.push_back(message);
        while kept.messages.len() > MESSAGES || kept.bytes > BYTES {
            match kept.messages.pop_front() {
                Some(oldest) => kept.bytes -= oldest.body.len(),
                None => break,
            }
        }
    }

    fn tell(&self, name: &str) -> Vec<Value> {
        let kept = self.0.lock();
        kept.messages.iter().filter(|message| message.name == name).map(tell).collect()
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
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    check_name(&name)?;
    let body = read_body(&app, body).await.map_err(|error| Refused::new(CALL, error.status(), error.message()))?;
    let headers = headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    app.sandbox(CALL)?.inbox.put(Message { name, at: app.clock.now(), headers, body });
    Ok(done(CALL, &json!({ "received": true })))
}

pub(super) async fn show(State(app): State<Arc<App>>, Path(name): Path<String>) -> Result<Response, Refused> {
    check_name(&name)?;
    let messages = app.sandbox(CALL)?.inbox.tell(&name);
    Ok(done(CALL, &json!({ "name": name, "messages": messages })))
}
