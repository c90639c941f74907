//! A merchant's server: takes notifications, keeps them, and answers as the test has scripted.

use super::merchant::GERAITEST1;
use super::until;
use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use gerai_protocol::{MerchantKey, notification_token};
use parking_lot::Mutex;
use standardwebhooks::Webhook;
use std::collections::VecDeque;
use std::sync::Arc;

/// A notification as it came in.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Received {
    pub(crate) fn fields(&self) -> Vec<(String, String)> {
        url::form_urlencoded::parse(self.body.as_bytes()).into_owned().collect()
    }

    pub(crate) fn field(&self, name: &str) -> String {
        let found = self.fields().into_iter().find(|(given, _)| given == name);
        found.unwrap_or_else(|| panic!("no {name} in {}", self.body)).1
    }

    /// Whether its token is the one that GERAITEST1 computes over what it says.
    pub(crate) fn token_is_right(&self) -> bool {
        let key = MerchantKey::new(GERAITEST1.key.to_owned());
        let right = notification_token(GERAITEST1.imid, &self.field("tXid"), &self.field("amt"), &key);
        self.field("merchantToken") == right
    }

    /// What GERAITEST1's webhook secret says of its signature: `right`, `wrong`, or `none` when there is none.
    pub(crate) fn signature(&self) -> &'static str {
        let secret = "whsec_Z2VyYWktc2FuZGJveC1nZXJhaXRlc3QxLXNlY3JldDE=";
        if !self.headers.contains_key("webhook-signature") {
            return "none";
        }
        let verified = Webhook::new(secret).unwrap().verify(self.body.as_bytes(), &self.headers);
        if verified.is_ok() { "right" } else { "wrong" }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name} in {:?}", self.headers)).to_str().unwrap()
    }
}

#[derive(Default)]
struct State {
    /// The statuses of the next answers; after them, 200.
    script: VecDeque<u16>,
    received: Vec<Received>,
}

/// The server.
#[derive(Clone)]
pub(crate) struct Receiver {
    pub(crate) url: String,
    state: Arc<Mutex<State>>,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        Self::answering(&[]).await
    }

    /// Answers with these statuses first, then with 200. A 3xx points to `/elsewhere`.
    pub(crate) async fn answering(script: &[u16]) -> Self {
        let state = Arc::new(Mutex::new(State { script: script.iter().copied().collect(), ..State::default() }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/notify", listener.local_addr().unwrap());
        let shared = Arc::clone(&state);
        let router = Router::new().fallback(move |uri: Uri, headers: HeaderMap, body: Bytes| async move {
            let mut state = shared.lock();
            let body = String::from_utf8(body.to_vec()).unwrap();
            state.received.push(Received { path: uri.path().to_owned(), headers, body });
            let status = StatusCode::from_u16(state.script.pop_front().unwrap_or(200)).unwrap();
            let answer: Response = match status.is_redirection() {
                true => (status, [(header::LOCATION, "/elsewhere")]).into_response(),
                false => (status, "OK").into_response(),
            };
            answer
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, state }
    }

    /// Answers with these statuses from now on, then with 200.
    pub(crate) fn script(&self, statuses: &[u16]) {
        self.state.lock().script = statuses.iter().copied().collect();
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.state.lock().received.clone()
    }

    /// The notifications, once there are so many.
    pub(crate) async fn wait_for(&self, count: usize) -> Vec<Received> {
        until(&format!("{count} notifications arrive"), async || self.received().len() >= count).await;
        self.received()
    }
}
