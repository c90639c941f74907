//! The courier against real sockets on loopback, an outbox in memory, and receivers that misbehave.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what it expects by failing")]

mod answers;
mod guard;
mod isolation;
mod lifecycle;
mod outbox;
mod proxy;
mod receiver;
mod retries;
mod secrets;
mod signature;

use std::sync::Arc;
use std::time::{Duration, Instant};

use gerai_delivery::{Courier, CourierHandle, Due, EgressGuard, Parcel, Prepare, PrepareError, Settings};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::outbox::MemoryOutbox;

/// Far beyond what anything here takes, and less than a test run has patience for.
const PATIENCE: Duration = Duration::from_secs(20);

/// Sends the payload as it is.
struct AsIs;

impl Prepare for AsIs {
    fn prepare(&self, due: &Due) -> Result<Parcel, PrepareError> {
        Ok(Parcel {
            body: due.payload.clone(),
            content_type: "application/x-www-form-urlencoded",
            user_agent: "Jakarta Commons-HttpClient/3.1".to_owned(),
            webhook_secrets: Vec::new(),
        })
    }
}

/// On loopback, with time-outs that are short where they are waited for.
fn settings() -> Settings {
    Settings { guard: EgressGuard::Off, jitter: 0.0, ..Settings::default() }
}

struct Running {
    handle: CourierHandle,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    fn start(outbox: &Arc<MemoryOutbox>, settings: Settings) -> Self {
        Self::start_with(outbox, Arc::new(AsIs), settings)
    }

    fn start_with(outbox: &Arc<MemoryOutbox>, prepare: Arc<dyn Prepare>, settings: Settings) -> Self {
        let courier = Courier::new(outbox.clone(), prepare, settings).unwrap();
        let handle = courier.handle();
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(courier.run(shutdown.clone()));
        Self { handle, shutdown, task }
    }

    async fn settled(&self) {
        tokio::time::timeout(PATIENCE, self.handle.settled()).await.expect("not settled");
    }

    async fn stop(self) {
        self.shutdown.cancel();
        tokio::time::timeout(PATIENCE, self.task).await.expect("did not stop").unwrap();
    }
}

/// Polls until `condition` holds.
async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < PATIENCE, "never: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
