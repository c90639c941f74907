//! Whatever the command line changes of merchants, chains and keys is in the audit log: by whom, and what (rule 16).

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what it expects by failing")]

mod support;

use rusqlite::Connection;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use support::place::Place;
use support::{Said, gerai};

/// One line of the log: who, what, to what, whose, and what there is to say beside.
type Line = (String, String, String, Option<String>, String);

fn log(place: &Place) -> Vec<Line> {
    let conn = Connection::open(place.path("gerai.db")).unwrap();
    let mut statement = conn.prepare("SELECT by, what, subject, merchant, detail FROM deeds ORDER BY id").unwrap();
    let lines = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)))
        .unwrap()
        .collect::<Result<_, _>>();
    lines.unwrap()
}

/// A command on this place by whoever is logged in under this name, if anybody is.
fn say(place: &Place, user: Option<&str>, arguments: &[&str]) -> Said {
    let mut command = gerai();
    command.env_remove("USER").env_remove("LOGNAME");
    if let Some(user) = user {
        command.env("USER", user);
    }
    Said::of(command.args(arguments).arg("--config").arg(place.path("gerai.toml")))
}

#[test]
fn rule_16_what_the_command_line_changes_is_in_the_audit_log() {
    let place = Place::new();
    // A key that everybody may read is not rotated.
    std::fs::set_permissions(place.path("master.key"), Permissions::from_mode(0o600)).unwrap();
    let rini = |arguments: &[&str]| say(&place, Some("rini"), arguments);
    rini(&["merchant", "add", "TOKOKOPI01", "--name", "Toko Kopi", "--period", "24h"]).done();
    rini(&["merchant", "set", "TOKOKOPI01", "--name", "Toko Teh", "--chains", "INDO", "--methods", "direct"]).done();
    rini(&["merchant", "rotate-key", "TOKOKOPI01"]).done();
    rini(&["merchant", "rotate-webhook-secret", "TOKOKOPI01"]).done();
    rini(&["partner", "add", "ALMA"]).done();
    rini(&["partner", "rotate-secret", "ALMA"]).done();
    rini(&["partner", "disable", "ALMA"]).done();
    rini(&["partner", "enable", "ALMA"]).done();
    rini(&["master-key", "rotate"]).done();
    // Nobody is known by name.
    say(&place, None, &["master-key", "reseal"]).done();
    // What is refused, or only looked at, is no deed.
    rini(&["merchant", "add", "TOKOKOPI01", "--name", "Again"]).refused();
    rini(&["merchant", "set", "TOKOKOPI01", "--auto-paid", "true"]).refused();
    rini(&["merchant", "rotate-key", "TOKOKOPI01"]).refused();
    rini(&["partner", "add", "ALMA"]).refused();
    rini(&["notifications", "replay", "4711"]).refused();
    rini(&["notifications", "replay", "--all-failed"]).done();
    rini(&["merchant", "show", "TOKOKOPI01", "--key"]).done();

    let lines = log(&place);
    let shop = Some("TOKOKOPI01".to_owned());
    let key = lines.last().map(|(_, _, key, _, _)| key.clone()).unwrap();
    let of_shop = |what: &str, detail: &str| {
        ("operator:rini".to_owned(), what.to_owned(), "TOKOKOPI01".to_owned(), shop.clone(), detail.to_owned())
    };
    let line =
        |by: &str, what: &str, subject: &str| (by.to_owned(), what.to_owned(), subject.to_owned(), None, String::new());
    assert_eq!(
        lines,
        [
            of_shop("merchant-added", "name \"Toko Kopi\"; period 1 day"),
            of_shop("merchant-changed", "name \"Toko Teh\"; chains INDO; methods direct"),
            of_shop("merchant-key-rotated", ""),
            of_shop("webhook-secret-rotated", ""),
            line("operator:rini", "chain-added", "ALMA"),
            line("operator:rini", "chain-secret-rotated", "ALMA"),
            line("operator:rini", "chain-switched-off", "ALMA"),
            line("operator:rini", "chain-switched-on", "ALMA"),
            line("operator:rini", "master-key-rotated", &key),
            line("operator:command-line", "master-key-resealed", &key),
        ]
    );
}
