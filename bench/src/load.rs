//! The load generator: keep-alive connections in a closed loop, each with one request under way, every request
//! different and prepared beforehand.

use crate::server::Server;
use anyhow::{Context, bail};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What a measurement saw.
#[derive(Default)]
pub(crate) struct Measured {
    /// From the first request to the last answer.
    pub(crate) took: Duration,
    /// Processor time that the server used meanwhile.
    pub(crate) server_cpu: Duration,
    /// Of each answer.
    pub(crate) latencies_us: Vec<u32>,
    /// The first answers' `tXid`s, with the index of their request.
    pub(crate) answers: Vec<(usize, String)>,
}

impl Measured {
    /// Answers a second.
    #[allow(clippy::cast_precision_loss)] // Counts far below 2^52.
    pub(crate) fn per_second(&self) -> f64 {
        self.latencies_us.len() as f64 / self.took.as_secs_f64()
    }

    /// Microseconds of the server's processor time for each answer.
    #[allow(clippy::cast_precision_loss)] // Counts far below 2^52.
    pub(crate) fn server_cpu_us(&self) -> f64 {
        self.server_cpu.as_secs_f64() * 1e6 / self.latencies_us.len() as f64
    }

    /// The latency that this part of the answers stayed within.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub(crate) fn percentile_ms(&self, part: f64) -> f64 {
        let mut sorted = self.latencies_us.clone();
        sorted.sort_unstable();
        let index = ((sorted.len() as f64 * part) as usize).min(sorted.len().saturating_sub(1));
        sorted.get(index).map_or(0.0, |us| f64::from(*us) / 1000.0)
    }
}

/// How many answers are kept to ask about afterwards.
const KEPT: usize = 20_000;

/// What a merchant API's answer to what is right holds.
pub(crate) const ACCEPTED: &str = "\"resultCd\":\"0000\"";

/// Sends `requests` over `connections`, until all are answered or the time is up. Each answer must hold `right`.
pub(crate) async fn run(
    server: &Server,
    connections: usize,
    requests: Vec<Vec<u8>>,
    right: &'static str,
    limit: Duration,
) -> anyhow::Result<Measured> {
    let requests = Arc::new(requests);
    let next = Arc::new(AtomicUsize::new(0));
    let mut streams = Vec::with_capacity(connections);
    for _ in 0..connections {
        streams.push(connect(server.address).await?);
    }
    let (begun, cpu) = (Instant::now(), server.cpu());
    let workers: Vec<_> = streams
        .into_iter()
        .map(|stream| tokio::spawn(talk(stream, Arc::clone(&requests), Arc::clone(&next), right, begun + limit)))
        .collect();
    let mut measured = Measured::default();
    for worker in workers {
        let (latencies, answers) = worker.await??;
        measured.latencies_us.extend(latencies);
        measured.answers.extend(answers);
    }
    measured.took = begun.elapsed();
    measured.server_cpu = server.cpu().saturating_sub(cpu);
    Ok(measured)
}

type Seen = (Vec<u32>, Vec<(usize, String)>);

async fn talk(
    mut stream: TcpStream,
    requests: Arc<Vec<Vec<u8>>>,
    next: Arc<AtomicUsize>,
    right: &'static str,
    until: Instant,
) -> anyhow::Result<Seen> {
    let mut latencies = Vec::with_capacity(16_384);
    let mut answers = Vec::new();
    let mut buffer = Vec::with_capacity(4096);
    loop {
        let index = next.fetch_add(1, Ordering::Relaxed);
        let sent = Instant::now();
        let Some(request) = requests.get(index).filter(|_| sent < until) else { return Ok((latencies, answers)) };
        let text = ask(&mut stream, request, &mut buffer).await?;
        latencies.push(u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX));
        if !text.contains(right) {
            bail!("request {index} was answered with {text}");
        }
        if index < KEPT
            && let Some(at) = text.find("\"tXid\":\"")
            && let Some(id) = text.get(at + 8..at + 38)
        {
            answers.push((index, id.to_owned()));
        }
    }
}

/// A connection as a client keeps it.
pub(crate) async fn connect(address: SocketAddr) -> anyhow::Result<TcpStream> {
    let stream = TcpStream::connect(address).await.context("connecting")?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Sends one request and waits for its answer's body.
pub(crate) async fn ask<'a>(
    stream: &mut TcpStream,
    request: &[u8],
    buffer: &'a mut Vec<u8>,
) -> anyhow::Result<&'a str> {
    stream.write_all(request).await?;
    buffer.clear();
    loop {
        if stream.read_buf(buffer).await? == 0 {
            bail!("the server closed the connection");
        }
        if whole(buffer)?.is_some() {
            break;
        }
    }
    let body = whole(buffer)?.context("it was whole")?;
    Ok(std::str::from_utf8(body)?)
}

/// The body, once the whole answer has come.
fn whole(buffer: &[u8]) -> anyhow::Result<Option<&[u8]>> {
    let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&buffer[..end])?;
    let length = head
        .split("\r\n")
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse::<usize>().ok())
        .context("an answer without a length")?;
    let body = &buffer[end + 4..];
    if body.len() < length { Ok(None) } else { Ok(Some(&body[..length])) }
}
