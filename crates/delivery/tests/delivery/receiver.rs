//! A receiver on a port of its own that answers byte for byte what a test wants, and notes what it was sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What a receiver does with a request.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// A proper answer; the connection stays open.
    Status(u16),
    /// These bytes, and then it hangs up.
    Bytes(Vec<u8>),
    /// A 200 whose body never ends.
    Endless,
    /// A 200 whose body comes a byte at a time and never ends.
    Drip,
    /// Header bytes that never end.
    EndlessHeader,
    /// Nothing, ever.
    Hang,
    /// A 204, after so many milliseconds.
    Slow(u64),
}

#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) request_line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

pub(crate) struct Receiver {
    pub(crate) port: u16,
    reply: Mutex<Reply>,
    received: Mutex<Vec<Received>>,
    connections: AtomicUsize,
    open: AtomicUsize,
    most_open: AtomicUsize,
    /// Set free what hangs.
    freed: tokio::sync::watch::Sender<bool>,
}

impl Receiver {
    pub(crate) async fn start(reply: Reply) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Arc::new(Self {
            port: listener.local_addr().unwrap().port(),
            reply: Mutex::new(reply),
            received: Mutex::new(Vec::new()),
            connections: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            most_open: AtomicUsize::new(0),
            freed: tokio::sync::watch::Sender::new(false),
        });
        let accepting = Arc::clone(&receiver);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                accepting.connections.fetch_add(1, Ordering::SeqCst);
                let serving = Arc::clone(&accepting);
                tokio::spawn(async move { serving.serve(stream).await });
            }
        });
        receiver
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/notify?shop=1", self.port)
    }

    pub(crate) fn set(&self, reply: Reply) {
        *self.reply.lock() = reply;
    }

    /// Answers what hangs, now and from now on, with 200.
    pub(crate) fn free(&self) {
        self.freed.send_replace(true);
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().clone()
    }

    pub(crate) fn requests(&self) -> usize {
        self.received.lock().len()
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Requests that wait for their answer now.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    /// The most requests that ever waited at one time.
    pub(crate) fn most_open(&self) -> usize {
        self.most_open.load(Ordering::SeqCst)
    }

    pub(crate) fn forget_most_open(&self) {
        self.most_open.store(0, Ordering::SeqCst);
    }

    async fn serve(&self, mut stream: TcpStream) {
        while let Some(received) = read(&mut stream).await {
            self.received.lock().push(received);
            let open = self.open.fetch_add(1, Ordering::SeqCst) + 1;
            self.most_open.fetch_max(open, Ordering::SeqCst);
            let reply = self.reply.lock().clone();
            let stays = self.answer(&mut stream, reply).await;
            if !stays {
                return;
            }
        }
    }

    /// Counts the request as over before the last byte that tells the sender so.
    async fn answer(&self, stream: &mut TcpStream, reply: Reply) -> bool {
        let over = || self.open.fetch_sub(1, Ordering::SeqCst);
        match reply {
            Reply::Status(code) => {
                over();
                let answer = format!("HTTP/1.1 {code} X\r\ncontent-length: 2\r\n\r\nok");
                stream.write_all(answer.as_bytes()).await.is_ok()
            }
            Reply::Slow(ms) => {
                tokio::time::sleep(std::time::Duration::from_millis(ms)).await;
                over();
                stream.write_all(b"HTTP/1.1 204 X\r\n\r\n").await.is_ok()
            }
            Reply::Bytes(bytes) => {
                over();
                let _ = stream.write_all(&bytes).await;
                let _ = stream.shutdown().await;
                false
            }
            Reply::Endless => {
                over();
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n").await;
                while stream.write_all(&[b'x'; 8192]).await.is_ok() {}
                false
            }
            Reply::Drip => {
                over();
                let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
                let _ = stream.write_all(head).await;
                while stream.write_all(b"1\r\nx\r\n").await.is_ok() {
                    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                }
                false
            }
            Reply::EndlessHeader => {
                over();
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nx-long: ").await;
                while stream.write_all(&[b'x'; 8192]).await.is_ok() {}
                false
            }
            Reply::Hang => {
                let mut freed = self.freed.subscribe();
                let mut byte = [0];
                tokio::select! {
                    _ = freed.wait_for(|freed| *freed) => {}
                    _ = stream.read(&mut byte) => { over(); return false }
                }
                over();
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.is_ok()
            }
        }
    }
}

async fn read(stream: &mut TcpStream) -> Option<Received> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let text = String::from_utf8(bytes[..head].to_vec()).unwrap();
    let mut lines = text.split("\r\n");
    let request_line = lines.next().unwrap().to_owned();
    let headers: Vec<_> = lines
        .map(|line| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_ascii_lowercase(), value.to_owned())
        })
        .collect();
    let length: usize =
        headers.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = bytes.split_off(head + 4);
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    Some(Received { request_line, headers, body: String::from_utf8(body).unwrap() })
}
