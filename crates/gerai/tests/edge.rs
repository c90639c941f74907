//! The gateway's outside, as a process: limits that are on unless switched off, connections beyond what the system has
//! files for, TLS, a proxy in front, and an end that gives what has begun a moment.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what it expects by failing")]

mod support;

use gerai_protocol::MitraCd;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};
use support::place::{Place, refuses};
use support::receiver::Receiver;
use support::{INDOMARET, Order, PATIENCE, Server, Shop, gerai, http, text};

fn order(reference: &str) -> Order {
    Order::at(MitraCd::Indo, reference, "https://shop.example.com/n")
}

/// Sends a registration; the status, `Retry-After` and code of its answer.
async fn try_register(server: &Server, shop: &Shop, reference: &str) -> (u16, Option<String>, String) {
    let order = order(reference);
    let request = http().post(format!("{}{}", server.url, order.path())).body(shop.registration(&order));
    let response = request.send().await.unwrap();
    let wait = response.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
    let status = response.status().as_u16();
    let answer: serde_json::Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
    (status, wait, text(&answer, "resultCd").to_owned())
}

#[tokio::test]
async fn a_rate_is_configured_in_the_file_or_by_a_variable_and_can_be_switched_off() {
    let rate = |new: &'static str| {
        move |config: String| config.replace("merchant = { per_minute = 12000, burst = 1000 }", new)
    };
    let place = Place::new().with(rate("merchant = { per_minute = 1, burst = 3 }"));
    let (server, shop) = (place.start(), place.add_shop());
    for n in 0..3 {
        assert_eq!(try_register(&server, &shop, &format!("ORD-{n}")).await, (200, None, "0000".into()));
    }
    let (status, wait, code) = try_register(&server, &shop, "ORD-3").await;
    assert_eq!((status, code.as_str()), (429, "9002"));
    let wait: u64 = wait.unwrap().parse().unwrap();
    assert!((50..=60).contains(&wait), "{wait}");
    server.stop();

    for (variable, value) in [("GERAI_RATES__MERCHANT__PER_MINUTE", "0"), ("GERAI_RATES__MERCHANT__BURST", "100")] {
        let mut command = place.command();
        command.env(variable, value);
        let server = Server::start_gateway(command);
        for n in 0..20 {
            assert_eq!(try_register(&server, &shop, &format!("{variable}-{n}")).await.0, 200, "{variable}");
        }
        server.stop();
    }
}

#[tokio::test]
async fn a_sandbox_limits_when_it_is_asked_to() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = gerai();
    command.args(["sandbox", "--listen", "127.0.0.1:0", "--limits", "--log-level", "warn", "--data"]);
    command.arg(folder.path());
    let server = Server::start_sandbox(command);
    let mut asked = 0;
    while server.get("/nowhere").await.0 == 404 {
        asked += 1;
        assert!(asked < 2_000, "it limits nothing");
    }
    assert!(asked >= 500, "{asked}");
    assert_eq!(server.get("/sandbox/v1/clock").await.0, 200, "its controls are its developer's own");
    server.stop();
}

#[test]
fn what_cannot_be_is_refused_by_its_name() {
    let after = |table: &'static str, line: &'static str| {
        move |config: String| config.replace(table, &format!("{table}\n{line}"))
    };
    for (table, line, sentence) in [
        ("[rates]", "merchants = { burst = 1 }", "merchants"),
        ("[connections]", "all = 3", "all"),
        ("trusted_hops = 0", "trusted_proxies = 1", "trusted_proxies"),
        ("per_host = 16", "[tls]\ncertificate = \"a\"\ncert = \"b\"", "cert"),
        ("per_host = 16", "[tls]\ncertificate = \"none.pem\"\nkey = \"none.pem\"", "none.pem cannot be read"),
        ("per_host = 16", "[traces]\nendpoint = \"ftp://127.0.0.1\"", "traces.endpoint"),
        ("per_host = 16", "[traces]\nendpoint = \"http://127.0.0.1\"\nsample = 2.0", "traces.sample"),
    ] {
        refuses(Place::new().with(after(table, line)).command(), &[sentence]);
    }
    for (old, new, sentence) in [
        ("trusted_hops = 0", "trusted_hops = 99", "trusted_hops"),
        ("overall = 10000", "overall = 0", "connections.overall"),
        ("burst = 5000", "burst = 0", "rates.partner.burst"),
        ("per_minute = 12000", "per_hour = 3", "per_hour"),
        ("idle = \"30s\"", "idle = \"soon\"", "idle"),
    ] {
        refuses(Place::new().with(|config| config.replacen(old, new, 1)).command(), &[sentence]);
    }
}

/// The same command, with at most so many open files.
fn with_open_files(command: &Command, files: u32) -> Command {
    let mut limited = Command::new("sh");
    limited.arg("-c").arg(format!("ulimit -n {files} && exec \"$0\" \"$@\"")).arg(command.get_program());
    limited.args(command.get_args()).stdin(std::process::Stdio::null());
    limited
}

#[tokio::test]
async fn where_files_are_few_it_takes_fewer_connections_and_serves_those() {
    let place = Place::new();
    let server = Server::start_gateway(with_open_files(&place.command(), 200));
    let shop = place.add_shop();
    assert!(server.err().contains("fewer connections are taken than configured"), "{}", server.err());
    let address = server.url.strip_prefix("http://").unwrap().to_owned();
    let mut open = Vec::new();
    for _ in 0..300 {
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let request = format!("GET /healthz HTTP/1.1\r\nhost: {address}\r\n\r\n");
        let mut answer = [0; 12];
        if stream.write_all(request.as_bytes()).is_ok() && stream.read_exact(&mut answer).is_ok() {
            assert_eq!(&answer, b"HTTP/1.1 200");
            open.push(stream);
        }
    }
    assert!((50..=100).contains(&open.len()), "{}", open.len());
    // One of those that are in can still have something written.
    let order = order("ORD-1");
    let body = shop.registration(&order);
    let mut stream = open.swap_remove(0);
    let (path, length) = (order.path(), body.len());
    let head =
        format!("POST {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("\"resultCd\":\"0000\""), "{answer}");
    drop(open);
    server.stop();
}

#[tokio::test]
async fn when_the_system_hands_over_no_more_connections_it_goes_on_once_it_does() {
    let place = Place::new();
    let mut server = None;
    // How many files a start takes differs from system to system: the fewest with which it starts.
    for files in (24..120).step_by(4) {
        let mut child = with_open_files(&place.command(), files);
        child.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        let mut child = child.spawn().unwrap();
        std::thread::sleep(Duration::from_millis(400));
        let ended = child.try_wait().unwrap();
        let _ = child.kill();
        child.wait().unwrap();
        if ended.is_none() {
            server = Some(Server::start_gateway(with_open_files(&place.command(), files + 8)));
            break;
        }
    }
    let server = server.expect("it starts with few files");
    let shop = place.add_shop();
    let address = server.url.strip_prefix("http://").unwrap().to_owned();
    // They are taken up by the system; the gateway cannot take them over.
    let waiting: Vec<TcpStream> = (0..100).map(|_| TcpStream::connect(&address).unwrap()).collect();
    std::thread::sleep(Duration::from_millis(300));
    drop(waiting);
    let begun = Instant::now();
    loop {
        let order = order("ORD-1");
        let answer = support::post(&http(), &server.url, order.path(), shop.registration(&order)).await;
        if answer.is_ok_and(|(_, answer)| text(&answer, "resultCd") == "0000") {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "it does not come back: {}", server.err());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let refused = server.metric("gerai_connections_refused_total{reason=\"not_accepted\"}").await;
    assert!(refused > 0, "the system was never out of files");
    let log = server.stop();
    assert!(log.contains("connections are not taken"), "{log}");
}

#[tokio::test]
async fn it_speaks_tls_and_takes_a_renewed_certificate_over() {
    let make = || rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (first, second) = (make(), make());
    let place = Place::new();
    let (certificate, key) = (place.path("fullchain.pem"), place.path("privkey.pem"));
    let write = |made: &rcgen::CertifiedKey<rcgen::KeyPair>| {
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        std::fs::write(&certificate, made.cert.pem()).unwrap();
    };
    write(&first);
    let tls = format!("[tls]\ncertificate = {certificate:?}\nkey = {key:?}\nlook_every = \"50ms\"\n");
    let place = place.with(|config| format!("{config}\n{tls}"));
    let server = place.start();
    let url = server.url.replace("http://127.0.0.1", "https://localhost");
    let get = async |trusted: &rcgen::CertifiedKey<rcgen::KeyPair>| {
        let root = reqwest::Certificate::from_pem(trusted.cert.pem().as_bytes()).unwrap();
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).tls_certs_only([root]).build().unwrap();
        client.get(format!("{url}/readyz")).send().await.map(|response| response.status().as_u16())
    };
    http();
    assert_eq!(get(&first).await.unwrap(), 200);
    assert!(get(&second).await.is_err());
    write(&second);
    let begun = Instant::now();
    while get(&second).await.is_err() {
        assert!(begun.elapsed() < PATIENCE, "{}", server.err());
    }
    assert!(get(&first).await.is_err());
    let log = server.stop();
    assert!(log.contains("the certificate was renewed"), "{log}");
}

#[tokio::test]
async fn behind_a_proxy_the_log_names_the_client() {
    let place = Place::new();
    for (hops, seen) in [("0", "127.0.0.1"), ("1", "203.0.113.7")] {
        let mut command = place.command();
        command.env("GERAI_TRUSTED_HOPS", hops);
        let server = Server::start_gateway(command);
        let request = http().get(format!("{}/nowhere", server.url));
        request.header("x-forwarded-for", "198.51.100.1, 203.0.113.7").send().await.unwrap();
        let log = server.stop();
        assert!(log.contains(&format!("\"client\":\"{seen}\"")), "{hops}: {log}");
        assert!(!log.contains("198.51.100.1"), "{hops}: {log}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_delivery_on_its_way_is_given_a_moment_when_the_gateway_stops() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(|_| {
        std::thread::sleep(Duration::from_millis(600));
        200
    })
    .await;
    let server = Server::sandbox(folder.path());
    let (client, shop) = (http(), Shop::geraitest1());
    server.clock(serde_json::json!({ "set": support::tomorrow_at("10:00:00") })).await;
    let registered = shop.register(&server, &Order::at(MitraCd::Indo, "ORD-1", &receiver.url)).await;
    INDOMARET.payment(&registered.pay_no, 10_000, "T").must(&client, &server.url, "2002500").await;
    let begun = Instant::now();
    while server.metric("gerai_notifications_in_flight").await != 1 {
        assert!(begun.elapsed() < PATIENCE, "the notification does not leave");
    }
    // A client that stalls is no reason to cut it off, nor to wait longer.
    let address = server.url.strip_prefix("http://").unwrap().to_owned();
    let _silent = TcpStream::connect(&address).unwrap();
    server.stop();
    let server = Server::sandbox(folder.path());
    let (_, answer) = server.get(&format!("/sandbox/v1/notifications?tXid={}", registered.t_xid)).await;
    let told: serde_json::Value = serde_json::from_str(&answer).unwrap();
    let notification = &told["notifications"][0];
    assert_eq!(notification["state"], "delivered", "{told}");
    assert_eq!(notification["attempts"].as_array().map(Vec::len), Some(1), "{told}");
    assert_eq!(receiver.came().len(), 1);
    server.stop();
}
