//! The gateway for real, as a process: what it refuses to start with, what it does not have that a sandbox has, and how
//! it ends.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what it expects by failing")]

mod support;

use gerai_protocol::{Kind, MitraCd};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};
use support::place::{MASTER_KEY, OTHER_MASTER_KEY, Place, refuses};
use support::{Order, Said, Server, Shop, gerai, run, text};

#[test]
fn an_unknown_key_is_refused_by_its_name() {
    for (line, name) in [
        ("lisen = \"127.0.0.1:0\"\n", "lisen"),
        ("[rules]\ncommit_time_out = \"5m\"\n", "commit_time_out"),
        ("[notifications]\nuser_agnt = \"x\"\n", "user_agnt"),
        ("[limits.ALMA]\nleast = 1\n", "least"),
        ("[limits.KIOSK]\nmin = 1\nmax = 2\n", "KIOSK"),
        ("[hours]\nkiosk = \"always\"\n", "kiosk"),
        ("[sqlite]\nsynchronous = \"off\"\n", "sqlite"),
    ] {
        let place = Place::new().with(|config| {
            let (table, keys) = line.split_once('\n').unwrap();
            if !table.starts_with('[') {
                format!("{line}{config}")
            } else if config.contains(table) {
                config.replace(table, &format!("{table}\n{keys}"))
            } else {
                format!("{config}\n{line}")
            }
        });
        refuses(place.command(), &[name]);
    }
    for (variable, name) in
        [("GERAI_LISTN", "listn"), ("GERAI_RULES__CEL", "cel"), ("GERAI_NOTIFICATIONS__PERHOST", "perhost")]
    {
        let place = Place::new();
        let mut command = place.command();
        command.env(variable, "1");
        refuses(command, &[name]);
    }
}

#[test]
fn a_value_that_cannot_be_is_refused_by_its_name() {
    for (old, new, sentence) in [
        ("cell = 1", "cell = 0", "rules.cell"),
        ("commit_timeout = \"5m\"", "commit_timeout = \"5\"", "commit_timeout"),
        ("alfamart = \"22:00-01:00\"", "alfamart = \"late\"", "alfamart"),
        ("max = 5000000", "max = 0", "limits.ALMA"),
        ("https://pay.example.id", "ftp://pay.example.id", "public_url"),
        ("jitter = 0.1", "jitter = 2.0", "jitter"),
        ("per_host = 16", "per_host = 0", "host"),
        ("log = \"json\"", "log = \"xml\"", "log"),
    ] {
        refuses(Place::new().with(|config| config.replacen(old, new, 1)).command(), &[sentence]);
    }
}

#[test]
fn what_only_a_sandbox_has_is_refused_s5_rule_12() {
    for (line, name) in [
        ("sandbox = true\n", "sandbox"),
        ("auto_paid = true\n", "auto_paid"),
        ("auto_pay_delay = \"10s\"\n", "auto_pay_delay"),
        ("clock = \"2026-01-01T10:00:00+07:00\"\n", "clock"),
        ("ephemeral = true\n", "ephemeral"),
    ] {
        let place = Place::new().with(|config| format!("{line}{config}"));
        refuses(place.command(), &[name, "sandbox", "real money"]);
    }
    let place = Place::new().with(|config| config.replace("[rules]", "[rules]\nauto_pay_delay = \"10s\""));
    refuses(place.command(), &["auto_pay_delay", "sandbox"]);
    let place = Place::new();
    let mut command = place.command();
    command.env("GERAI_SANDBOX", "true");
    refuses(command, &["`sandbox`", "real money"]);
}

#[test]
fn without_the_master_key_it_does_not_start() {
    let without = |config: String| config.replace("master_key_file", "# master_key_file");
    refuses(Place::new().with(without).command(), &["no master key", "GERAI_MASTER_KEY", "openssl rand -base64 32"]);
    let place = Place::new();
    std::fs::remove_file(place.path("master.key")).unwrap();
    refuses(place.command(), &["master.key"]);
    let place = Place::new();
    std::fs::write(place.path("master.key"), "too short").unwrap();
    refuses(place.command(), &["master.key", "32 bytes"]);
    let place = Place::new();
    let mut command = place.command();
    command.env("GERAI_MASTER_KEY", "");
    refuses(command, &["GERAI_MASTER_KEY", "32 bytes"]);
}

#[test]
fn another_master_key_than_the_databases_is_refused() {
    let place = Place::new();
    place.add_shop();
    place.start().stop();
    std::fs::write(place.path("master.key"), OTHER_MASTER_KEY).unwrap();
    refuses(place.command(), &["the master key is not the one"]);
    let said = place.merchant("list").refused();
    assert!(said.err.contains("the master key is not the one"), "{said:?}");
    // The variable goes before the file.
    let mut command = place.command();
    command.env("GERAI_MASTER_KEY", MASTER_KEY);
    Server::start_gateway(command).stop();
}

#[test]
fn a_sandboxs_database_is_refused_and_a_sandbox_refuses_a_gateways() {
    let place = Place::new();
    let data = place.path("sandbox");
    Server::sandbox(&data).stop();
    let database = place.path("gerai.db").display().to_string();
    let sandboxes = data.join("gerai.db").display().to_string();
    let place = place.with(|config| config.replace(&database, &sandboxes));
    std::fs::copy(data.join("master.key"), place.path("master.key")).unwrap();
    refuses(place.command(), &["is a sandbox's database"]);

    let place = Place::new();
    place.add_shop();
    // A data folder has its database and its key under these very names.
    let mut command = gerai();
    command.args(["sandbox", "--listen", "127.0.0.1:0", "--data"]).arg(place.folder.path());
    refuses(command, &["holds a real gateway's data", "--data"]);
}

#[test]
fn an_address_that_cannot_be_listened_on_is_refused() {
    for wrong in ["127.0.0.1:99999", "127.0.0.1", "8080", "localhost:8080"] {
        let place = Place::new().with(|config| config.replace("127.0.0.1:0", wrong));
        refuses(place.command(), &["listen"]);
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let place = Place::new().with(|config| config.replace("127.0.0.1:0", &address));
    refuses(place.command(), &["listening on", &address]);
}

#[test]
fn a_missing_configuration_and_a_second_server_on_its_database_are_refused() {
    let place = Place::new();
    let mut command = gerai();
    command.args(["serve", "--config"]).arg(place.path("none.toml"));
    refuses(command, &["none.toml"]);
    let first = place.start();
    refuses(place.command(), &["in use by another server"]);
    first.stop();
}

#[tokio::test]
async fn the_example_runs_and_serves_a_merchant_that_the_command_line_adds() {
    let place = Place::new();
    let server = place.start();
    assert_eq!(server.get("/readyz").await.0, 200);
    assert_eq!(server.get("/healthz").await, (200, "ok\n".into()));
    let shop = place.add_shop();
    let order = Order::at(MitraCd::Alma, "ORD-1", "https://shop.example.com/n");
    let registered = shop.register(&server, &order).await;
    assert_eq!(shop.status(&server, &order, &registered).await, "3");
    // An address inside the house is none that it sends to.
    let inside = Order::at(MitraCd::Alma, "ORD-2", "http://127.0.0.1:1/n");
    let (_, answer) = server.post(inside.path(), shop.registration(&inside)).await;
    assert_eq!(text(&answer, "resultCd"), "9020", "{answer}");
    let log = server.stop();
    for line in log.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"));
        assert!(line.get("level").is_some(), "{line}");
    }
    assert!(log.contains("direct_registration"), "{log}");
    // What was registered is there after a restart.
    let server = place.start();
    assert_eq!(shop.register(&server, &order).await, registered);
    server.stop();
}

#[tokio::test]
async fn a_gateway_has_no_sandbox_controls_and_pays_nothing_by_itself_s5_rule_12() {
    let place = Place::new();
    let refused = place.merchant("add AUTOPAID01 --name Auto --auto-paid true").refused();
    assert!(refused.err.contains("AutoPaid is for sandboxes"), "{refused:?}");
    let shop = place.add_shop();
    let refused = place.merchant("set TOKOKOPI01 --auto-paid true").refused();
    assert!(refused.err.contains("AutoPaid is for sandboxes"), "{refused:?}");
    // As if somebody had written it into the database by hand.
    let database = rusqlite::Connection::open(place.path("gerai.db")).unwrap();
    let forced = "UPDATE merchants SET terms = json_set(terms, '$.auto_paid', json('true'))";
    assert_eq!(database.execute(forced, []).unwrap(), 1);
    assert!(place.merchant("show TOKOKOPI01").done().out.contains("AutoPaid        yes"));

    let server = place.start();
    let order = Order::at(MitraCd::Alma, "ORD-1", "https://shop.example.com/n");
    let registered = shop.register(&server, &order).await;
    for path in ["/clock", "/notifications", "/inbox/shop", "/requests", "/faults", "/"] {
        let (status, answer) = server.get(&format!("/sandbox/v1{path}")).await;
        assert_eq!(status, 404, "{path}: {answer}");
    }
    for path in [
        "/sandbox/v1/clock".to_owned(),
        "/sandbox/v1/reset".into(),
        "/sandbox/v1/inbox/shop".into(),
        format!("/sandbox/v1/payments/{}/pay", registered.pay_no),
        format!("/sandbox/v1/payments/{}/reverse", registered.pay_no),
    ] {
        let (status, answer) = server.post(&path, "{}".into()).await;
        assert_eq!((status, text(&answer, "resultCd")), (404, "9001"), "{path}: {answer}");
    }
    let said = run(["clock", "advance", "8h", "--url", &server.url]).refused();
    assert!(!said.err.is_empty(), "{said:?}");
    let due: Option<i64> = database.query_row("SELECT auto_pay_at FROM payments", [], |row| row.get(0)).unwrap();
    assert_eq!(due, None);
    server.stop();
}

#[tokio::test]
async fn a_variable_goes_before_the_file() {
    let place = Place::new().with(|config| config.replace("master_key_file", "# master_key_file"));
    let (elsewhere, mut add) = (place.path("elsewhere.db"), gerai());
    let variables = [
        ("GERAI_MASTER_KEY", OTHER_MASTER_KEY),
        ("GERAI_PUBLIC_URL", "https://other.example.id/shop/"),
        ("GERAI_DATABASE", elsewhere.to_str().unwrap()),
        ("GERAI_RULES__CELL", "7"),
        ("GERAI_LOG_LEVEL", "info"),
        // Of the other commands, and no setting of this one.
        ("GERAI_URL", "http://127.0.0.1:1"),
        ("GERAI_DATA", "/nowhere"),
        ("GERAI_PARTNER_SECRET", "none"),
    ];
    let mut command = place.command();
    command.envs(variables);
    let server = Server::start_gateway(command);
    add.args(["merchant", "add", "TOKOKOPI01", "--name", "Kopi", "--json", "--config"]).arg(place.path("gerai.toml"));
    let added = Said::of(add.envs(variables)).done().json();
    let shop = Shop::new("TOKOKOPI01", text(&added, "merchantKey"));
    let order = Order::at(MitraCd::Alma, "ORD-1", "https://shop.example.com/n");
    assert!(shop.register(&server, &order).await.pay_no.starts_with('7'));
    let redirect = Order { reference_no: "ORD-2".into(), kind: Kind::Redirect, ..order };
    let (_, answer) = server.post(redirect.path(), shop.registration(&redirect)).await;
    let page = text(&answer, "paymentURL");
    assert_eq!(page, "https://other.example.id/shop/nicepay/redirect/v2/payment", "{answer}");
    assert!(elsewhere.exists() && !place.path("gerai.db").exists());
    server.stop();
}

/// The beginning of a registration: everything but the body's second half.
fn begin(server: &Server, body: &str) -> TcpStream {
    let address = server.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
    let path = "/nicepay/direct/v2/registration";
    let head = format!("POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&body.as_bytes()[..body.len() / 2]).unwrap();
    stream
}

/// All that is answered, until the other side hangs up.
fn rest(stream: TcpStream) -> String {
    let mut answer = String::new();
    BufReader::new(stream).read_to_string(&mut answer).unwrap();
    answer
}

#[tokio::test]
async fn on_sigterm_it_takes_nothing_new_and_finishes_what_has_begun() {
    let place = Place::new();
    let mut server = place.start();
    let shop = place.add_shop();
    let order = Order::at(MitraCd::Alma, "IN-FLIGHT", "https://shop.example.com/n");
    let body = shop.registration(&order);
    let address = server.url.strip_prefix("http://").unwrap().to_owned();
    let mut in_flight = begin(&server, &body);
    // One that rests between two requests hinders nothing.
    let mut idle = TcpStream::connect(&address).unwrap();
    idle.write_all(format!("GET /healthz HTTP/1.1\r\nhost: {address}\r\n\r\n").as_bytes()).unwrap();
    let mut line = String::new();
    BufReader::new(idle.try_clone().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("HTTP/1.1 200"), "{line}");

    let stopped_at = Instant::now();
    server.terminate();
    while TcpStream::connect(&address).is_ok() {
        assert!(stopped_at.elapsed() < Duration::from_secs(2), "new connections are still taken");
        std::thread::sleep(Duration::from_millis(10));
    }
    // It is still there for the one that has begun.
    std::thread::sleep(Duration::from_millis(300));
    in_flight.write_all(&body.as_bytes()[body.len() / 2..]).unwrap();
    let answer = rest(in_flight);
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"resultCd\":\"0000\""), "{answer}");
    let status = server.ended_within(Duration::from_secs(10).saturating_sub(stopped_at.elapsed()));
    assert_eq!(status.code(), Some(0), "{}", server.err());
    drop(idle);

    // And what it answered last is there.
    let server = place.start();
    let registered = shop.register(&server, &order).await;
    assert!(answer.contains(&registered.t_xid), "{answer}");
    server.stop();
}

#[test]
fn on_sigterm_a_client_that_never_finishes_is_left_behind_within_ten_seconds() {
    let place = Place::new();
    let mut server = place.start();
    let shop = place.add_shop();
    let body = shop.registration(&Order::at(MitraCd::Alma, "STALLED", "https://shop.example.com/n"));
    let _stalled = begin(&server, &body);
    std::thread::sleep(Duration::from_millis(100));
    server.terminate();
    // Sooner than the ten seconds that a body may take, which would end it as well.
    let status = server.ended_within(Duration::from_millis(9_700));
    assert_eq!(status.code(), Some(0), "{}", server.err());
}

#[test]
fn at_rest_it_ends_at_once() {
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    for mut server in [place.start(), Server::sandbox(folder.path())] {
        server.terminate();
        let status = server.ended_within(Duration::from_secs(3));
        assert_eq!(status.code(), Some(0), "{}", server.err());
    }
}
