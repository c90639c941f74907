//! `gerai user`: who may sign in to the back office, written beside a running server and without one.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what it expects by failing")]

mod support;

use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use support::place::Place;
use support::{Said, Server, gerai, run, text};
use tempfile::TempDir;

/// A sandbox's data with nothing running on it.
fn data() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    drop(Server::sandbox(folder.path()));
    folder
}

fn say(data: &Path, arguments: &[&str]) -> Said {
    let data = data.display().to_string();
    run(["user"].iter().chain(arguments).copied().chain(["--data", &data]))
}

/// The same, with something on standard input.
fn say_with(data: &Path, arguments: &[&str], input: &str) -> Said {
    let mut child = gerai()
        .arg("user")
        .args(arguments)
        .arg("--data")
        .arg(data)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let utf8 = |bytes| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code().unwrap_or(-1), out: utf8(output.stdout), err: utf8(output.stderr) }
}

/// Whether the running server lets somebody in.
async fn lets_in(server: &Server, name: &str, password: &str) -> bool {
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    let fields = [("name", name), ("password", password)];
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let request = client.build().unwrap().post(format!("{}/office/sign-in", server.url));
    let request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
    let status = request.send().await.unwrap().status().as_u16();
    assert!(matches!(status, 303 | 401 | 429), "{status}");
    status == 303
}

/// What the audit log holds, as the database keeps it.
fn audit_log(data: &Path) -> String {
    let database = rusqlite::Connection::open(data.join("gerai.db")).unwrap();
    let mut read = database.prepare("SELECT * FROM deeds ORDER BY id").unwrap();
    let columns = read.column_count();
    let rows = read.query_map([], |row| {
        let cells: Result<Vec<_>, _> = (0..columns).map(|i| row.get::<_, rusqlite::types::Value>(i)).collect();
        Ok(format!("{:?}", cells?))
    });
    rows.unwrap().collect::<Result<Vec<_>, _>>().unwrap().join("\n")
}

#[tokio::test]
async fn a_user_is_added_and_changed_beside_a_running_server() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::sandbox(folder.path());
    let added = say(folder.path(), &["add", "rini", "--generate", "--by", "siti", "--json"]).done().json();
    let password = text(&added, "password").to_owned();
    assert_eq!((text(&added, "name"), text(&added, "role")), ("rini", "operator"));
    assert_eq!(
        (&added["iMid"], &added["disabled"], &added["lockedUntil"]),
        (&Value::Null, &json!(false), &Value::Null)
    );
    assert!(lets_in(&server, "rini", &password).await);
    assert!(!lets_in(&server, "rini", "another password").await);

    say(folder.path(), &["disable", "rini", "--by", "siti"]).done();
    assert!(!lets_in(&server, "rini", &password).await);
    let enabled = say(folder.path(), &["enable", "rini", "--by", "siti"]).done();
    assert!(enabled.out.contains("may sign in"), "{enabled:?}");
    assert!(lets_in(&server, "rini", &password).await);

    // Five wrong ones lock; who runs the gateway can let them in again.
    for _ in 0..5 {
        lets_in(&server, "rini", "another password").await;
    }
    assert!(!lets_in(&server, "rini", &password).await);
    assert!(say(folder.path(), &["list"]).done().out.contains("locked until"));
    let set =
        say_with(folder.path(), &["set-password", "rini", "--password-stdin", "--by", "siti"], "kopi gayo 250 g\n");
    assert!(!set.done().out.contains("kopi gayo"), "what somebody typed is not shown");
    assert!(lets_in(&server, "rini", "kopi gayo 250 g").await);
    assert!(!lets_in(&server, "rini", &password).await);

    let log = audit_log(folder.path());
    for what in ["user-added", "user-disabled", "user-enabled", "password-set"] {
        assert!(log.lines().any(|line| line.contains("operator:siti") && line.contains(what)), "{what} in {log}");
    }
    for secret in [password.as_str(), "kopi gayo", "argon2"] {
        assert!(!log.contains(secret), "{log}");
    }
    let written = server.stop();
    for secret in [password.as_str(), "kopi", "argon2", "another"] {
        assert!(!written.contains(secret), "{written}");
    }
}

#[test]
fn users_are_listed_with_their_roles_and_without_a_server() {
    let folder = data();
    let data = folder.path();
    let arguments = ["add", "kasir@tokokopi", "--merchant", "GERAITEST1", "--password-stdin", "--json"];
    let added = say_with(data, &arguments, "ten chars!").done().json();
    assert_eq!((text(&added, "role"), text(&added, "iMid")), ("merchant", "GERAITEST1"));
    assert!(added.get("password").is_none(), "{added}");
    let listed = say(data, &["list", "--json"]).done().json();
    let names: Vec<&str> = listed.as_array().unwrap().iter().map(|user| text(user, "name")).collect();
    assert_eq!(names, ["geraitest1", "kasir@tokokopi", "operator"]);
    let listed = say(data, &["list"]).done().out;
    assert!(listed.lines().any(|line| line.starts_with("kasir@tokokopi ") && line.contains("merchant GERAITEST1")));
    assert!(!listed.contains("argon2"), "{listed}");
    let drawn = say(data, &["set-password", "kasir@tokokopi", "--generate"]).done().out;
    let password = drawn.lines().find_map(|line| line.strip_prefix("Password        ")).unwrap();
    assert_eq!(password.len(), 24, "{drawn}");
}

#[test]
fn what_cannot_be_done_is_refused_with_the_way_out() {
    let folder = data();
    let data = folder.path();
    for (arguments, input, sentence) in [
        (&["add", "operator", "--generate"][..], "", "there is a user operator already"),
        (&["add", "rini", "--merchant", "NOSUCHSHOP", "--generate"], "", "there is no merchant NOSUCHSHOP"),
        (&["add", "rini", "--password-stdin"], "ninechars", "at least 10 characters"),
        (&["add", "rini", "--password-stdin"], "", "at least 10 characters"),
        (&["add", "rini", "--password-stdin"], &"x".repeat(201), "at most 200 characters"),
        (&["add", "rini", "--password-stdin"], "tab\tin between", "no control characters"),
        (&["add", "rini"], "", "--password-stdin"),
        (&["disable", "nobody"], "", "there is no user nobody; see `gerai user list`"),
        (&["enable", "nobody"], "", "there is no user nobody"),
        (&["set-password", "nobody", "--generate"], "", "there is no user nobody"),
    ] {
        let refused = say_in_no_terminal(data, arguments, input).refused();
        assert!(refused.err.contains(sentence), "{arguments:?}: {refused:?}");
    }
    for arguments in [
        &["add", "Rini"][..],
        &["add", ""],
        &["add", "rini", "--merchant", "SHORT"],
        &["add", "rini", "--generate", "--password-stdin"],
        &["add"],
        &["remove", "rini"],
    ] {
        assert_eq!(say(data, arguments).code, 2, "{arguments:?}");
    }
    assert_eq!(say(data, &["list", "--json"]).done().json().as_array().unwrap().len(), 2, "nobody was added");
}

/// In a session of its own, which has no terminal even where the tests run in one.
fn say_in_no_terminal(data: &Path, arguments: &[&str], input: &str) -> Said {
    let mut child = Command::new("setsid")
        .arg("--wait")
        .arg(env!("CARGO_BIN_EXE_gerai"))
        .arg("user")
        .args(arguments)
        .arg("--data")
        .arg(data)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // One that refuses before it reads has hung up.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let utf8 = |bytes| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code().unwrap_or(-1), out: utf8(output.stdout), err: utf8(output.stderr) }
}

#[test]
fn on_a_terminal_the_password_is_asked_for_twice_and_not_shown() {
    let folder = data();
    // `script` gives a terminal to what it runs, and what is typed to it.
    let typed = |name: &str, input: &str| {
        let command = format!("'{}' user add {name} --data '{}'", env!("CARGO_BIN_EXE_gerai"), folder.path().display());
        let mut child = Command::new("script")
            .args(["--quiet", "--return", "--command", &command, "/dev/null"])
            .env_remove("GERAI_DATA")
            .env_remove("GERAI_MASTER_KEY")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, shown) = typed("rini", "kopi gayo 250 g\nkopi gayo 250 g\n");
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("Password for rini:") && shown.contains("The same again:"), "{shown}");
    let (code, shown) = typed("budi", "kopi gayo 250 g\nkopi gayo 250 h\n");
    assert_eq!(code, Some(1), "{shown}");
    assert!(shown.contains("the two are not the same"), "{shown}");
    let listed = say(folder.path(), &["list"]).done().out;
    assert!(listed.contains("rini") && !listed.contains("budi"), "{listed}");
}

#[tokio::test]
async fn a_sandbox_says_who_can_sign_in_as_long_as_everybody_knows_the_password() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::sandbox(folder.path());
    let out = server.out();
    let line = out.lines().find(|line| line.contains("Back office")).unwrap();
    let url = &server.url;
    assert_eq!(
        line,
        format!("  Back office    {url}/office   (operator / operator; for GERAITEST1: geraitest1 / geraitest1)")
    );
    assert!(lets_in(&server, "operator", "operator").await);
    say(folder.path(), &["set-password", "operator", "--generate"]).done();
    drop(server);
    let server = Server::sandbox(folder.path());
    let out = server.out();
    assert!(!out.contains("operator / operator") && out.contains("(for GERAITEST1: geraitest1 / geraitest1)"), "{out}");
    assert!(!lets_in(&server, "operator", "operator").await, "a start brings no old password back");
}

#[tokio::test]
async fn a_gateway_says_how_to_add_the_first_user_until_there_is_one() {
    let place = Place::new();
    let config = place.path("gerai.toml").display().to_string();
    let server = place.start();
    assert_eq!(server.get("/readyz").await.0, 200);
    let log = server.stop();
    let line = log.lines().find(|line| line.contains("nobody can sign in")).unwrap_or_else(|| panic!("{log}"));
    assert!(line.contains(&format!("user add NAME --config {config}")), "{line}");
    run(["user", "add", "rini", "--generate", "--config", &config]).done();
    let server = place.start();
    assert!(!lets_in(&server, "operator", "operator").await, "it has no users of its own");
    assert!(!server.stop().contains("nobody can sign in"));
}
