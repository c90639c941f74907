//! Visits to the store: inquiry, payment, commit, each signed as a chain signs it, one after the other on a connection.
//! Either as fast as they go, or at a given rate, whatever the answers do.

use crate::load::{self, Measured};
use crate::server::Server;
use anyhow::bail;
use gerai_domain::Payment;
use gerai_gateway::sign_store_request;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

/// One visit, ready to be sent.
pub(crate) struct Visit {
    tx_id: String,
    /// Each with the code of its success.
    requests: [(Vec<u8>, &'static str); 3],
}

/// What visits came to.
pub(crate) struct Visited {
    /// A line of it for each visit.
    pub(crate) measured: Measured,
    /// When the commit of each payment was sent.
    pub(crate) committed: HashMap<String, Instant>,
}

/// Prepares one visit for each payment, which must be payable at the Alfa group.
pub(crate) fn prepare(payments: &[Payment], secret: &str) -> Vec<Visit> {
    let timestamp = jiff::Timestamp::now().to_string();
    payments
        .iter()
        .enumerate()
        .filter_map(|(n, payment)| {
            let number = payment.standing.pay_no?;
            let amount = payment.terms.amount;
            let counter = format!("\"storeBrand\":\"ALFAMART\",\"storeCode\":\"A{:03}\",\"terminalId\":\"{}\"", n % 500, n % 4);
            let request = |path: &str, external: &str, fields: &str| {
                let body = format!("{{\"payNo\":\"{number}\",{fields}}}");
                let signature = sign_store_request(&secret.to_owned().into(), path, body.as_bytes(), &timestamp);
                format!(
                    "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\nx-partner-id: ALMA\r\n\
                     x-timestamp: {timestamp}\r\nx-external-id: {external}{number}\r\nx-signature: {signature}\r\n\
                     content-length: {}\r\n\r\n{body}",
                    body.len()
                )
                .into_bytes()
            };
            let pay = format!("{counter},\"amount\":{{\"value\":\"{amount}.00\",\"currency\":\"IDR\"}},\"traceNo\":\"T1\"");
            Some(Visit {
                tx_id: payment.terms.tx_id.to_string(),
                requests: [
                    (request("/store/v1/inquiry", "I", &counter), "2002400"),
                    (request("/store/v1/payment", "P", &pay), "2002500"),
                    (request("/store/v1/commit", "C", "\"traceNo\":\"T1\""), "2002600"),
                ],
            })
        })
        .collect()
}

/// Makes the visits over `connections`, until all are made or the time is up; at `per_second` where it is given.
pub(crate) async fn run(
    server: &Server,
    connections: usize,
    visits: Vec<Visit>,
    per_second: Option<f64>,
    limit: Duration,
) -> anyhow::Result<Visited> {
    let visits = Arc::new(visits);
    let next = Arc::new(AtomicUsize::new(0));
    let mut streams = Vec::with_capacity(connections);
    for _ in 0..connections {
        streams.push(load::connect(server.address).await?);
    }
    let (begun, cpu) = (Instant::now(), server.cpu());
    let workers: Vec<_> = streams
        .into_iter()
        .map(|stream| {
            let pace = Pace { begun, per_second, until: begun + limit };
            tokio::spawn(go(stream, Arc::clone(&visits), Arc::clone(&next), pace))
        })
        .collect();
    let mut visited = Visited { measured: Measured::default(), committed: HashMap::new() };
    for worker in workers {
        let (latencies, committed) = worker.await??;
        visited.measured.latencies_us.extend(latencies);
        visited.committed.extend(committed);
    }
    visited.measured.took = begun.elapsed();
    visited.measured.server_cpu = server.cpu().saturating_sub(cpu);
    Ok(visited)
}

#[derive(Clone, Copy)]
struct Pace {
    begun: Instant,
    per_second: Option<f64>,
    until: Instant,
}

impl Pace {
    /// Waits for the turn of the n-th visit; `false` when the time is up before.
    async fn turn(self, n: usize) -> bool {
        if let Some(rate) = self.per_second {
            #[allow(clippy::cast_precision_loss)] // Counts far below 2^52.
            let at = self.begun + Duration::from_secs_f64(n as f64 / rate);
            if at >= self.until {
                return false;
            }
            tokio::time::sleep_until(at.into()).await;
        }
        Instant::now() < self.until
    }
}

type Seen = (Vec<u32>, Vec<(String, Instant)>);

async fn go(
    mut stream: TcpStream,
    visits: Arc<Vec<Visit>>,
    next: Arc<AtomicUsize>,
    pace: Pace,
) -> anyhow::Result<Seen> {
    let (mut latencies, mut committed) = (Vec::new(), Vec::new());
    let mut buffer = Vec::with_capacity(4096);
    loop {
        let index = next.fetch_add(1, Ordering::Relaxed);
        let Some(visit) = visits.get(index) else { return Ok((latencies, committed)) };
        if !pace.turn(index).await {
            return Ok((latencies, committed));
        }
        let begun = Instant::now();
        let mut sent = begun;
        for (request, code) in &visit.requests {
            sent = Instant::now();
            let body = load::ask(&mut stream, request, &mut buffer).await?;
            if !body.contains(&format!("\"responseCode\":\"{code}\"")) {
                bail!("a visit was answered with {body}");
            }
        }
        latencies.push(u32::try_from(begun.elapsed().as_micros()).unwrap_or(u32::MAX));
        committed.push((visit.tx_id.clone(), sent));
    }
}
