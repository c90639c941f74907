//! How fast messages go to a fast receiver in the same process: `cargo run --release -p gerai-delivery --example
//! throughput`. The outbox is a list in memory that takes a while for each call, as a database with group commit does.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::routing::post;
use gerai_delivery::{
    Attempt, ClaimRequest, Courier, Due, EgressGuard, Outbox, OutboxError, Parcel, Prepare, PrepareError, Settings,
    Verdict,
};
use parking_lot::Mutex;
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

const MESSAGES: usize = 100_000;
const HOSTS: usize = 16;

struct List {
    waiting: Mutex<Vec<Vec<Due>>>,
    call_takes: Duration,
    accepted: AtomicUsize,
}

#[async_trait::async_trait]
impl Outbox for List {
    async fn claim(&self, request: ClaimRequest) -> Result<Vec<Due>, OutboxError> {
        tokio::time::sleep(self.call_takes).await;
        let mut claimed = Vec::new();
        let mut taken: HashMap<String, usize> = HashMap::new();
        for host in self.waiting.lock().iter_mut() {
            let Some(last) = host.last() else { continue };
            let name = last.host.clone();
            let allowed = request.allowed(&name).min(request.limit - claimed.len()).min(host.len());
            claimed.extend(host.drain(host.len() - allowed..));
            *taken.entry(name).or_default() += allowed;
        }
        Ok(claimed)
    }

    async fn settle(&self, _: i64, _: Attempt, verdict: Verdict) -> Result<(), OutboxError> {
        tokio::time::sleep(self.call_takes).await;
        self.accepted.fetch_add(usize::from(verdict == Verdict::Accepted), Ordering::Relaxed);
        Ok(())
    }

    async fn next_due_in(&self) -> Result<Option<Duration>, OutboxError> {
        Ok(None)
    }
}

struct Signed;

impl Prepare for Signed {
    fn prepare(&self, due: &Due) -> Result<Parcel, PrepareError> {
        Ok(Parcel {
            body: due.payload.clone(),
            content_type: "application/x-www-form-urlencoded",
            user_agent: "Jakarta Commons-HttpClient/3.1".to_owned(),
            webhook_secrets: vec![SecretString::from("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")],
        })
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/notify", listener.local_addr()?);
    let receiver = axum::Router::new().route("/notify", post(|_: String| async { "OK" }));
    tokio::spawn(async { axum::serve(listener, receiver).await });

    for hosts in [1, HOSTS] {
        for call_takes_ms in [0, 5] {
            let mut waiting = vec![Vec::new(); hosts];
            for n in 0..MESSAGES {
                waiting[n % hosts].push(Due {
                    id: i64::try_from(n)?,
                    message_id: format!("msg_{n}"),
                    sender: String::new(),
                    url: url.clone(),
                    host: format!("host-{}", n % hosts),
                    attempts_made: 0,
                    payload: "tXid=TESTMERCH102201607291027025291&status=0".repeat(12),
                });
            }
            let outbox = Arc::new(List {
                waiting: Mutex::new(waiting),
                call_takes: Duration::from_millis(call_takes_ms),
                accepted: AtomicUsize::new(0),
            });
            let settings = Settings { guard: EgressGuard::Off, ..Settings::default() };
            let courier = Courier::new(outbox.clone(), Arc::new(Signed), settings)?;
            let handle = courier.handle();
            let shutdown = CancellationToken::new();
            let began = Instant::now();
            let running = tokio::spawn(courier.run(shutdown.clone()));
            handle.settled().await;
            let rate = MESSAGES as f64 / began.elapsed().as_secs_f64();
            assert_eq!(outbox.accepted.load(Ordering::Relaxed), MESSAGES);
            println!("{hosts:>2} hosts, each call of the outbox {call_takes_ms} ms: {rate:.0} messages/s");
            shutdown.cancel();
            running.await?;
        }
    }
    Ok(())
}
