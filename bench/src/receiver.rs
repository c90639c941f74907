//! The merchants' side of a measurement: a server that accepts every notification at once and notes when it came, and
//! one that takes connections and never answers.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

type Arrivals = Arc<Mutex<HashMap<String, Instant>>>;

/// A merchant's server that is up to its work.
pub(crate) struct Receiver {
    address: SocketAddr,
    arrivals: Arrivals,
    task: JoinHandle<()>,
}

impl Receiver {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let arrivals = Arrivals::default();
        let router = Router::new().fallback(arrived).with_state(Arc::clone(&arrivals));
        let task = tokio::spawn(async move {
            // It ends when it is aborted.
            let _ = axum_server::from_tcp(listener.into_std().expect("a listener"))
                .expect("a listener")
                .serve(router.into_make_service())
                .await;
        });
        Ok(Self { address, arrivals, task })
    }

    /// Where merchants say that it is.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/notify", self.address)
    }

    /// How many different payments it has heard of.
    pub(crate) fn count(&self) -> usize {
        self.arrivals.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// When it first heard of each payment; forgets all.
    pub(crate) fn take(&self) -> HashMap<String, Instant> {
        std::mem::take(&mut *self.arrivals.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn arrived(State(arrivals): State<Arrivals>, body: Bytes) -> StatusCode {
    let now = Instant::now();
    let text = String::from_utf8_lossy(&body);
    let Some(id) = text.split('&').find_map(|field| field.strip_prefix("tXid=")) else {
        return StatusCode::BAD_REQUEST;
    };
    arrivals.lock().unwrap_or_else(PoisonError::into_inner).entry(id.to_owned()).or_insert(now);
    StatusCode::OK
}

/// A merchant's server that hangs.
pub(crate) struct Hanging {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Hanging {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_secs(60)).await;
                    drop(stream);
                });
            }
        });
        Ok(Self { address, task })
    }

    /// Where merchants say that it is.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/notify", self.address)
    }
}

impl Drop for Hanging {
    fn drop(&mut self) {
        self.task.abort();
    }
}
