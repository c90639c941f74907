//! The merchant's web shop, to which the browser goes back.

use axum::Router;
use axum::http::Uri;
use axum::response::Html;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

/// What stands on its page.
pub(crate) const THANKS: &str = "Terima kasih";

/// A shop that runs as long as the test.
pub(crate) struct WebShop {
    /// Its address, without a path.
    pub(crate) url: String,
    visits: Arc<Mutex<Vec<String>>>,
}

impl WebShop {
    pub(crate) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let visits = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&visits);
        let answer = move |uri: Uri| async move {
            noted.lock().unwrap().push(uri.to_string());
            Html(format!("<!doctype html><html lang=id><title>Toko</title><h1>{THANKS}</h1>"))
        };
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
        Self { url, visits }
    }

    /// The query of the last visit to `path`.
    pub(crate) fn last_visit(&self, path: &str) -> String {
        let visits = self.visits.lock().unwrap();
        let query = visits.iter().rev().find_map(|visit| visit.strip_prefix(path)?.strip_prefix('?'));
        query.unwrap_or_else(|| panic!("nobody came to {path}: {visits:?}")).to_owned()
    }
}
