//! A merchant's `dbProcessUrl` on a port of its own. It notes what comes, in the order in which it comes.

use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// One notification as it came.
#[derive(Debug, Clone)]
pub(crate) struct Came {
    pub(crate) webhook_id: String,
    pub(crate) webhook_timestamp: String,
    pub(crate) webhook_signature: String,
    /// The body as it came.
    pub(crate) body: String,
    pub(crate) form: Vec<(String, String)>,
    /// What it was answered.
    pub(crate) answered: u16,
}

impl Came {
    pub(crate) fn field(&self, name: &str) -> &str {
        self.form.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value)
    }
}

type Judge = Box<dyn Fn(usize) -> u16 + Send + Sync>;

/// Answers the n-th request with whatever status `judge` says.
pub(crate) struct Receiver {
    pub(crate) url: String,
    came: Mutex<Vec<Came>>,
    judge: Judge,
}

impl Receiver {
    pub(crate) async fn start(judge: impl Fn(usize) -> u16 + Send + Sync + 'static) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let url = format!("http://{address}/notify");
        let receiver = Arc::new(Self { url, came: Mutex::default(), judge: Box::new(judge) });
        let serving = Arc::clone(&receiver);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let serving = Arc::clone(&serving);
                tokio::spawn(async move { serving.serve(stream).await });
            }
        });
        receiver
    }

    pub(crate) fn came(&self) -> Vec<Came> {
        self.came.lock().expect("no one panics there").clone()
    }

    /// Requests one after the other, until the other side hangs up.
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
            let head = String::from_utf8_lossy(&bytes[..head_ends]).into_owned();
            let header = |name: &str| {
                let mut lines = head.lines().filter_map(|line| line.split_once(':'));
                lines.find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
            };
            let length: usize = header("content-length")?.parse().ok()?;
            let whole = head_ends + 4 + length;
            while bytes.len() < whole {
                if stream.read_buf(&mut bytes).await.ok()? == 0 {
                    return None;
                }
            }
            let body = &bytes[head_ends + 4..whole];
            let form = url::form_urlencoded::parse(body).into_owned().collect();
            let body = String::from_utf8_lossy(body).into_owned();
            let answered = {
                let mut came = self.came.lock().expect("no one panics there");
                let answered = (self.judge)(came.len());
                let webhook = |name: &str| header(&format!("webhook-{name}")).unwrap_or_default();
                came.push(Came {
                    webhook_id: webhook("id"),
                    webhook_timestamp: webhook("timestamp"),
                    webhook_signature: webhook("signature"),
                    body,
                    form,
                    answered,
                });
                answered
            };
            bytes.drain(..whole);
            let answer = format!("HTTP/1.1 {answered} .\r\ncontent-length: 0\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.ok()?;
        }
    }
}
