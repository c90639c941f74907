//! `gerai connect` as a process: from its example configuration to a paid order and the shop's webhook, through a kill, and
//! the look from outside.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what it expects by failing")]

mod support;

use serde_json::{Value, json};
use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};
use support::receiver::Receiver;
use support::{PATIENCE, Said, Server, gerai, http, run};
use tempfile::TempDir;

const TOKEN: &str = "a-token-of-the-shops-own";
const SECRET: &str = "c2hvcHMtb3duLXNlY3JldC1zaG9wcy1vd24=";

/// A folder with the example's configuration, for a connector at a sandbox.
struct Connected {
    folder: TempDir,
    sandbox: Server,
}

impl Connected {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sandbox = Server::sandbox(&folder.path().join("sandbox"));
        // A port that was free a moment ago: the gateway has to know it before the connector is there.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let example = run(["connect", "--example"]).done().out;
        let config = example
            .replace("127.0.0.1:8090", &format!("127.0.0.1:{port}"))
            .replace("https://pay.toko.example", &format!("http://127.0.0.1:{port}"))
            .replace("http://127.0.0.1:8080", &sandbox.url)
            .replace("orders.db", &folder.path().join("orders.db").display().to_string());
        std::fs::write(folder.path().join("connect.toml"), config).unwrap();
        std::fs::write(folder.path().join("merchant.key"), "gerai-sandbox-key\n").unwrap();
        Self { folder, sandbox }
    }

    fn command(&self) -> Command {
        let mut command = gerai();
        command.args(["connect", "--config"]).arg(self.folder.path().join("connect.toml"));
        command
            .env("GERAI_CONNECT_MERCHANT_KEY_FILE", self.folder.path().join("merchant.key"))
            .env("GERAI_CONNECT_API_TOKEN", TOKEN)
            .env("GERAI_CONNECT_WEBHOOK_SECRET", SECRET);
        command
    }

    fn start(&self, webhook: &str) -> Server {
        let mut command = self.command();
        command.env("GERAI_CONNECT_WEBHOOK__URL", webhook);
        Server::start_connector(command)
    }

    fn doctor(&self, key: &str) -> Said {
        let mut command = gerai();
        command.args(["connect", "doctor", "--json", "--config"]).arg(self.folder.path().join("connect.toml"));
        Said::of(command.env("GERAI_CONNECT_MERCHANT_KEY", key))
    }
}

async fn ask(server: &Server, method: reqwest::Method, path: &str, body: String) -> (u16, Value) {
    let request = http().request(method, format!("{}{path}", server.url)).bearer_auth(TOKEN).body(body);
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap())
}

async fn place(server: &Server, reference: &str) -> Value {
    let order = json!({
        "referenceNo": reference, "kind": "direct", "amount": 25_000, "goodsNm": "Kopi", "mitraCd": "INDO",
        "buyer": { "name": "Sinta Amalina", "phone": "0812-3456", "email": "sinta@example.com" },
    });
    let (status, placed) = ask(server, reqwest::Method::POST, "/orders", order.to_string()).await;
    assert_eq!(status, 201, "{placed}");
    placed
}

async fn pay(connected: &Connected, placed: &Value) {
    let path = format!("/sandbox/v1/payments/{}/pay", placed["payNo"].as_str().unwrap());
    let (status, answer) = connected.sandbox.post(&path, json!({ "storeBrand": "INDOMARET" }).to_string()).await;
    assert_eq!(status, 200, "{answer}");
}

async fn until_paid(server: &Server, reference: &str) {
    let begun = Instant::now();
    while ask(server, reqwest::Method::GET, &format!("/orders/{reference}"), String::new()).await.1["state"] != "paid" {
        assert!(begun.elapsed() < PATIENCE, "it is not paid\n{}", server.err());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_paid_order_survives_a_kill_before_the_shop_has_heard_of_it() {
    let connected = Connected::new();
    // A shop that takes connections and says nothing: its webhooks are under way when the connector dies.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = format!("http://{}/hook", silent.local_addr().unwrap());
    let server = connected.start(&silent);
    let placed = place(&server, "ORD-1").await;
    pay(&connected, &placed).await;
    until_paid(&server, "ORD-1").await;
    server.kill();

    let shop = Receiver::start(|_| 200).await;
    let server = connected.start(&shop.url);
    let begun = Instant::now();
    while shop.came().len() < 2 {
        assert!(begun.elapsed() < PATIENCE, "the shop does not hear of it\n{}", server.err());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let told: Vec<Value> = shop.came().iter().map(|came| serde_json::from_str(&came.body).unwrap()).collect();
    let types: Vec<&str> = told.iter().map(|one| one["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["order.unpaid", "order.paid"]);
    assert!(shop.came().iter().all(|came| came.webhook_signature.starts_with("v1,")));
    let log = server.stop();
    for secret in [TOKEN, "gerai-sandbox-key", &SECRET[..20], "sinta@example.com"] {
        assert!(!log.contains(secret), "{log}");
    }
}

#[test]
fn the_doctor_says_what_is_wrong_and_ends_accordingly_s23_s24() {
    let connected = Connected::new();
    let findings =
        |said: &Said| -> Vec<Value> { said.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect() };
    // Nobody listens yet, and loopback is not public.
    let said = connected.doctor("gerai-sandbox-key").refused();
    let found = findings(&said);
    assert_eq!((&found[0]["what"], &found[0]["verdict"]), (&json!("gateway"), &json!("good")), "{said:?}");
    assert!(found.iter().any(|one| one["what"] == "connection" && one["verdict"] == "bad"), "{said:?}");
    let wrong = connected.doctor("another-key").refused();
    assert!(findings(&wrong)[0]["says"].as_str().unwrap().contains("merchant key is wrong"), "{wrong:?}");
    assert!(!wrong.out.contains("another-key"));
    let server = connected.start("http://127.0.0.1:9/hook");
    let said = connected.doctor("gerai-sandbox-key").refused();
    let found = findings(&said);
    assert!(found.iter().any(|one| one["what"] == "answer" && one["verdict"] == "good"), "{said:?}");
    server.stop();
}

#[test]
fn what_is_missing_or_unknown_is_named() {
    let connected = Connected::new();
    let refused = |change: &dyn Fn(&mut Command), named: &str| {
        let mut command = connected.command();
        change(&mut command);
        let said = Said::of(&mut command).refused();
        assert!(said.err.contains(named), "{named} in {said:?}");
    };
    refused(&|command| _ = command.env("GERAI_CONNECT_PUBIC_URL", "x"), "pubic_url");
    refused(&|command| _ = command.env_remove("GERAI_CONNECT_API_TOKEN"), "GERAI_CONNECT_API_TOKEN");
    refused(&|command| _ = command.env("GERAI_CONNECT_API_TOKEN", "1234"), "16 characters");
    refused(&|command| _ = command.env("GERAI_CONNECT_GATEWAY", "nicepay"), "gateway");
    refused(&|command| _ = command.env("GERAI_CONNECT_REQUIRE_SIGNATURE", "true"), "GATEWAY_WEBHOOK_SECRET");
    refused(&|command| _ = command.env("GERAI_CONNECT_MERCHANT_KEY_FILE", "/nowhere/key"), "/nowhere/key");
}

#[test]
fn the_gateway_does_not_mind_the_connectors_variables() {
    let place = support::place::Place::new();
    let mut command = place.command();
    command.env("GERAI_CONNECT_API_TOKEN", TOKEN);
    Server::start_gateway(command).stop();
}
