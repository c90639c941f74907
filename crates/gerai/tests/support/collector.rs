//! A collector of traces on a port of its own: it keeps what it is sent, as it came.

use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// One batch of spans.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    /// The request's headers, in lower case.
    pub(crate) head: String,
    /// OTLP in protobuf: texts stand in it as they are.
    pub(crate) body: Vec<u8>,
}

/// Whether `bytes` hold `part`.
pub(crate) fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// The server.
pub(crate) struct Collector {
    pub(crate) endpoint: String,
    answers: bool,
    batches: Mutex<Vec<Batch>>,
}

impl Collector {
    /// One that takes all it is sent.
    pub(crate) async fn start() -> Arc<Self> {
        Self::with(true).await
    }

    /// One that reads and never answers.
    pub(crate) async fn hanging() -> Arc<Self> {
        Self::with(false).await
    }

    async fn with(answers: bool) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let collector = Arc::new(Self { endpoint, answers, batches: Mutex::default() });
        let serving = Arc::clone(&collector);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let serving = Arc::clone(&serving);
                tokio::spawn(async move { serving.serve(stream).await });
            }
        });
        collector
    }

    pub(crate) fn batches(&self) -> Vec<Batch> {
        self.batches.lock().expect("no one panics there").clone()
    }

    /// All that came, one behind the other.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.batches().into_iter().flat_map(|batch| batch.body).collect()
    }

    async fn serve(&self, mut stream: TcpStream) -> Option<()> {
        let mut bytes = Vec::new();
        loop {
            let head_ends = loop {
                if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                    break at;
                }
                if stream.read_buf(&mut bytes).await.ok()? == 0 {
                    return None;
                }
            };
            let head = String::from_utf8_lossy(&bytes[..head_ends]).to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?;
            let whole = head_ends + 4 + length.trim().parse::<usize>().ok()?;
            while bytes.len() < whole {
                if stream.read_buf(&mut bytes).await.ok()? == 0 {
                    return None;
                }
            }
            let body = bytes[head_ends + 4..whole].to_vec();
            self.batches.lock().expect("no one panics there").push(Batch { head, body });
            bytes.drain(..whole);
            if !self.answers {
                std::future::pending::<()>().await;
            }
            let answer = "HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n";
            stream.write_all(answer.as_bytes()).await.ok()?;
        }
    }
}
