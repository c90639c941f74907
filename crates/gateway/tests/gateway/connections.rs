//! How many connections are open at a time: one too many is closed at once, and the others are served.

use crate::support::client::{Connection, Request};
use crate::support::merchant::{DIRECT, direct};
use crate::support::{Gateway, PATIENCE, sandbox_settings, until};
use gerai_gateway::{ConnectionLimits, Settings};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

async fn healthy(connection: &mut Connection) {
    connection.write(&Request::new("GET", "/healthz").bytes()).await;
    assert_eq!(connection.answer().await.expect("an answer").status, 200);
}

async fn full(limits: ConnectionLimits, places: usize, reason: &str) {
    let gateway = Gateway::with(Settings { connections: limits, ..sandbox_settings() }).await;
    until("the connection that asked whether it is ready has gone", async || {
        gateway.get("/metrics").await.text().contains("gerai_connections_open 1\n")
    })
    .await;
    let mut open = Vec::new();
    while open.len() < places {
        let mut connection = Connection::open(gateway.addr).await;
        connection.write(&Request::new("GET", "/healthz").bytes()).await;
        // The one that looked at the metrics may not have gone yet.
        if connection.answer().await.is_some() {
            open.push(connection);
        }
    }
    for _ in 0..5 {
        let mut one_too_many = Connection::open(gateway.addr).await;
        one_too_many.write(&Request::post(DIRECT, direct("ORD1").to_json()).bytes()).await;
        assert!(one_too_many.answer().await.is_none(), "it is closed without an answer");
    }
    for connection in &mut open {
        healthy(connection).await;
    }
    open[0].write(&Request::new("GET", "/metrics").bytes()).await;
    let text = open[0].answer().await.unwrap().text();
    assert!(text.contains(&format!("gerai_connections_open {places}\n")), "{text}");
    let counted = format!("gerai_connections_refused_total{{reason=\"{reason}\"}} ");
    let refused: u32 = text.lines().find_map(|line| line.strip_prefix(&counted)).unwrap().parse().unwrap();
    assert!(refused >= 5, "{refused}");
    drop(open);
    until("there is room again", async || {
        let mut connection = Connection::open(gateway.addr).await;
        connection.write(&Request::post(DIRECT, direct("ORD1").to_json()).bytes()).await;
        connection.answer().await.is_some_and(|answer| answer.code() == "0000")
    })
    .await;
}

#[tokio::test]
async fn one_too_many_is_closed_at_once_and_the_others_are_served() {
    full(ConnectionLimits { overall: 4, per_address: None }, 4, "too_many").await;
}

#[tokio::test]
async fn one_address_does_not_take_all_the_places() {
    full(ConnectionLimits { overall: 100, per_address: Some(3) }, 3, "too_many_of_address").await;
}

/// The page that describes the APIs, so many times at once that no system's buffers hold all of it.
pub(crate) fn many_large_answers() -> Vec<u8> {
    Request::new("GET", "/docs/openapi.json").bytes().repeat(500)
}

/// A connection whose client takes little at a time.
pub(crate) async fn narrow(addr: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(addr).await.unwrap()
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_cut_off_and_gives_up_its_place() {
    let limits = ConnectionLimits { overall: 2, per_address: None };
    let patience = Duration::from_millis(300);
    let gateway = Gateway::with(Settings { connections: limits, write_timeout: patience, ..sandbox_settings() }).await;
    let size = gateway.get("/docs/openapi.json").await.body.len();
    assert!(size * 500 > 16 << 20, "{size}");
    let mut deaf = narrow(gateway.addr).await;
    deaf.write_all(&many_large_answers()).await.unwrap();
    until("its place is free again", async || {
        let mut connection = Connection::open(gateway.addr).await;
        connection.write(&Request::new("GET", "/metrics").bytes()).await;
        let answer = connection.answer().await;
        answer.is_some_and(|answer| answer.text().contains("gerai_connections_open 1\n"))
    })
    .await;
    let mut rest = Vec::new();
    let _ = timeout(PATIENCE, deaf.read_to_end(&mut rest)).await.expect("the end");
    assert!(rest.len() < size * 500, "what it did not read is not kept for it");
}

#[tokio::test]
async fn a_client_that_reads_slowly_is_not_cut_off() {
    let patience = Duration::from_secs(2);
    let gateway = Gateway::with(Settings { write_timeout: patience, ..sandbox_settings() }).await;
    let size = gateway.get("/docs/openapi.json").await.body.len();
    let mut slow = TcpStream::connect(gateway.addr).await.unwrap();
    slow.write_all(&many_large_answers()).await.unwrap();
    let (mut came, mut chunk, begun) = (0, vec![0; 256 * 1024], Instant::now());
    while came < size * 500 {
        let read = timeout(PATIENCE, slow.read(&mut chunk)).await.unwrap().unwrap();
        assert!(read > 0, "it is cut off after {came} bytes, {:?}", begun.elapsed());
        came += read;
        if begun.elapsed() < patience * 2 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    assert!(begun.elapsed() > patience, "it read too fast to show anything");
}
