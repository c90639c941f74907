//! What is not quite HTTP: an error of the client's, or the end of its connection, and nothing else.

use crate::support::Gateway;
use crate::support::client::Connection;
use crate::support::merchant::{DIRECT, direct};
use crate::{unharmed, watch_for_panics};

/// A connection's fate after these bytes: the status of each answer until the server hangs up or waits for more.
async fn fate(gateway: &Gateway, bytes: &[u8]) -> Vec<u16> {
    let mut connection = Connection::open(gateway.addr).await;
    connection.write(bytes).await;
    // No more will come, so that the server need not wait for it.
    let _ = tokio::io::AsyncWriteExt::shutdown(&mut connection.stream).await;
    let mut statuses = Vec::new();
    while let Some(answer) = connection.answer().await {
        statuses.push(answer.status);
    }
    statuses
}

#[tokio::test]
async fn broken_framing_is_the_clients_error() {
    watch_for_panics();
    let gateway = Gateway::sandbox().await;
    let body = direct("ORD1").to_json();
    let length = body.len();
    let post =
        |headers: &str, body: &str| format!("POST {DIRECT} HTTP/1.1\r\nHost: g\r\n{headers}\r\n{body}").into_bytes();
    let long = "x".repeat(100_000);
    let many: String = (0..300).map(|n| format!("X-{n}: 1\r\n")).collect();
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", Vec::new()),
        ("an empty line", b"\r\n\r\n".to_vec()),
        ("noise", (0..=255).collect()),
        ("a TLS hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec()),
        ("an HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec()),
        ("an unknown version", b"GET / HTTP/9.9\r\n\r\n".to_vec()),
        ("no version", b"GET /\r\n\r\n".to_vec()),
        ("no path", b"GET  HTTP/1.1\r\n\r\n".to_vec()),
        ("no colon", b"GET / HTTP/1.1\r\nHost g\r\n\r\n".to_vec()),
        ("a space before the colon", post("Content-Length : 5\r\n", "hello")),
        ("a folded header", post("X: a\r\n b\r\n", "")),
        ("a zero byte in a header", post("X: a\0b\r\n", "")),
        ("a bare carriage return", post("X: a\rb\r\n", "")),
        ("two lengths", post("Content-Length: 5\r\nContent-Length: 6\r\n", "hello")),
        ("a negative length", post("Content-Length: -1\r\n", "")),
        ("a length with a sign", post("Content-Length: +5\r\n", "hello")),
        ("a length in words", post("Content-Length: five\r\n", "hello")),
        ("a length beyond all numbers", post("Content-Length: 99999999999999999999999\r\n", "")),
        ("a body cut short", post(&format!("Content-Length: {}\r\n", length + 10), &body)),
        ("an unknown coding", post("Transfer-Encoding: gzip\r\n", "")),
        ("chunked twice", post("Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n")),
        ("a chunk size in words", post("Transfer-Encoding: chunked\r\n", "five\r\nhello\r\n0\r\n\r\n")),
        ("a chunk size beyond all numbers", post("Transfer-Encoding: chunked\r\n", "ffffffffffffffffff\r\n")),
        ("a chunk without its end", post("Transfer-Encoding: chunked\r\n", "5\r\nhelloXX0\r\n\r\n")),
        ("chunks cut short", post("Transfer-Encoding: chunked\r\n", "5\r\nhel")),
        ("a long path", format!("GET /{long} HTTP/1.1\r\nHost: g\r\n\r\n").into_bytes()),
        ("a long header", post(&format!("X: {long}\r\n"), "")),
        ("many headers", post(&many, "")),
        ("a long method", format!("{long} / HTTP/1.1\r\n\r\n").into_bytes()),
        ("bytes beyond ASCII in the path", b"GET /\xff\xfe HTTP/1.1\r\nHost: g\r\n\r\n".to_vec()),
        ("a proxy's request", b"CONNECT example.com:443 HTTP/1.1\r\nHost: g\r\n\r\n".to_vec()),
        ("a question about all", b"OPTIONS * HTTP/1.1\r\nHost: g\r\n\r\n".to_vec()),
        ("another host's address", b"GET http://other.example/x HTTP/1.1\r\nHost: g\r\n\r\n".to_vec()),
        ("no host", b"GET /nowhere HTTP/1.1\r\n\r\n".to_vec()),
        (
            "an upgrade",
            b"GET /nowhere HTTP/1.1\r\nHost: g\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n".to_vec(),
        ),
        ("a body where none belongs", b"GET /nowhere HTTP/1.1\r\nHost: g\r\nContent-Length: 3\r\n\r\nabc".to_vec()),
    ];
    for (what, bytes) in cases {
        let statuses = fate(&gateway, &bytes).await;
        assert!(statuses.iter().all(|status| (400..500).contains(status)), "{what}: {statuses:?}");
        assert!(statuses.len() <= 1, "{what}: {statuses:?}");
    }
    unharmed(&gateway, "STILL").await;
}

#[tokio::test]
async fn a_smuggled_request_is_not_served() {
    watch_for_panics();
    let gateway = Gateway::sandbox().await;
    let hidden = format!("POST {DIRECT} HTTP/1.1\r\nHost: g\r\nContent-Length: 0\r\n\r\n");
    for headers in [
        format!("Content-Length: {}\r\nTransfer-Encoding: chunked\r\n", hidden.len() + 5),
        format!("Transfer-Encoding: chunked\r\nContent-Length: {}\r\n", hidden.len() + 5),
    ] {
        let bytes = format!("GET /nowhere HTTP/1.1\r\nHost: g\r\n{headers}\r\n0\r\n\r\n{hidden}");
        let statuses = fate(&gateway, bytes.as_bytes()).await;
        // Either both readings are refused, or chunked wins and the connection's next request is what follows; never
        // a 2xx, and never a length that beats the chunks.
        assert!(statuses.iter().all(|status| (400..500).contains(status)), "{statuses:?}");
    }
    unharmed(&gateway, "STILL").await;
}

#[tokio::test]
async fn clients_that_hang_up_at_any_byte_are_no_harm() {
    watch_for_panics();
    let gateway = Gateway::sandbox().await;
    let request = crate::support::client::Request::post(DIRECT, direct("CUT").to_json()).bytes();
    for length in (0..request.len()).step_by(7) {
        let mut connection = Connection::open(gateway.addr).await;
        connection.write(&request[..length]).await;
    }
    for _ in 0..50 {
        // Whole, and gone before the answer.
        let mut connection = Connection::open(gateway.addr).await;
        connection.write(&request).await;
    }
    unharmed(&gateway, "STILL").await;
    gateway.ask_done(&direct("CUT")).await;
}
