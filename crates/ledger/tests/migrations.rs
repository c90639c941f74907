//! A database of an earlier version is brought up to date when it is opened, with all that was in it.

// A test stops where something is not as it claims.
#![allow(clippy::unwrap_used, clippy::panic)]

use gerai_domain::{Actor, Chain, Command, ExceptionKind, Outcome, Rules, Standing};
use gerai_ledger::{
    DepositQuery, ExceptionQuery, Executed, Execution, Ledger, MasterKey, Origin, SqliteLedger, SqliteSettings, Target,
};
use jiff::Timestamp;
use refinery::{Migration, Runner};
use rusqlite::{Connection, params};
use std::path::Path;
use std::sync::Arc;

/// The first version's schema, and as many of the later ones as are named.
fn database(path: &Path, migrations: &[(&str, &str)]) -> Connection {
    let mut conn = Connection::open(path).unwrap();
    let migrations: Vec<Migration> =
        migrations.iter().map(|(name, sql)| Migration::unapplied(name, sql).unwrap()).collect();
    Runner::new(&migrations).run(&mut conn).unwrap();
    conn
}

const V1: (&str, &str) = ("V1__payments", include_str!("../migrations/sqlite/V1__payments.sql"));

fn opened(path: &Path) -> SqliteLedger {
    SqliteLedger::open(SqliteSettings::serving(path), MasterKey::new([3; 32])).unwrap()
}

fn millis(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().as_millisecond()
}

/// An attempt as the first version stored it.
fn attempt(trace_no: &str, taken_at: &str, state: &str, flagged: bool) -> String {
    format!(
        r#"{{"trace_no":"{trace_no}","brand":"INDOMARET","store_code":"S001","terminal_id":"T01","taken_at":"{taken_at}","receipt_code":"R{trace_no}","receipt":["one"],"state":"{state}","flagged":{flagged}}}"#
    )
}

/// A standing as the first version stored it.
fn standing(state: &str, pay_no: &str, attempts: &[String]) -> String {
    format!(
        r#"{{"state":"{state}","chain":"INDO","pay_no":"{pay_no}","attempts":[{}],"marks":[],"expiry_noted":false,"auto_pay_at":null,"cancelled":null,"returned":null}}"#,
        attempts.join(",")
    )
}

/// A payment as the first version stored it; gives its `tXid` and its number.
fn payment(conn: &Connection, id: u16, standing: impl FnOnce(&str) -> String) -> String {
    let tx_id = format!("GERAITEST10320260302120000{id:04}");
    let number = gerai_domain::PayNo::draw(1, id.into());
    conn.execute(
        "INSERT INTO payments (id, merchant, tx_id, kind, reference_no, amount, registered_at, deadline, goods_nm,
             billing_nm, db_process_url, fingerprint, details, chain, pay_no, standing, last_seq)
         VALUES (?1, 'GERAITEST1', ?2, 0, ?3, 10000, ?4, ?5, 'Kopi', 'Sinta', 'https://shop.example/n', ?6, '{}',
             'INDO', ?7, ?8, 3)",
        params![
            id,
            tx_id,
            format!("R{id}"),
            millis("2026-03-02T12:00:00+07:00"),
            millis("2026-03-09T12:00:00+07:00"),
            [7_u8; 32],
            i64::try_from(number.get()).unwrap(),
            standing(&number.to_string()),
        ],
    )
    .unwrap();
    tx_id
}

fn list(conn: &Connection, payment: u16, seq: u16, kind: &str, trace_no: &str) {
    conn.execute(
        "INSERT INTO exceptions (payment, seq, kind, trace_no, at) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![payment, seq, format!("\"{kind}\""), trace_no, millis("2026-03-02T13:00:00+07:00")],
    )
    .unwrap();
}

#[tokio::test]
async fn what_the_first_version_has_listed_is_open_and_can_be_resolved_rule_16() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gerai.db");
    let conn = database(&path, &[V1]);
    let at = "2026-03-02T05:00:00Z";
    let tx_id = payment(&conn, 1, |number| {
        standing("Paid", number, &[attempt("t1", at, "Reversed", true), attempt("t2", at, "Paid", true)])
    });
    // Noted by the fold in this order; one of them by a row that cannot be read, which must not stand in the way.
    list(&conn, 1, 2, "CashPossiblyTaken", "t1");
    list(&conn, 1, 3, "TooLateToReverse", "t2");
    payment(&conn, 2, |_| "no JSON".into());
    list(&conn, 2, 3, "TooLateToReverse", "t1");
    let well = payment(&conn, 3, |number| standing("Paid", number, &[attempt("t1", at, "Paid", false)]));
    drop(conn);

    let ledger = opened(&path);
    assert_eq!(ledger.open_exceptions().await.unwrap(), 3);
    let resolve = |kind, trace_no: &str| Execution {
        target: Target::TxId(tx_id.parse().unwrap()),
        command: Command::ResolveException {
            kind,
            trace_no: trace_no.into(),
            operator: "rini".into(),
            note: "n".into(),
        },
        rules: Arc::new(Rules::default()),
        now: "2026-03-03T05:00:00Z".parse().unwrap(),
        origin: Origin { actor: Actor::Operator("rini".into()), request_id: None },
        idempotency: None,
    };
    for (kind, trace_no) in [(ExceptionKind::CashPossiblyTaken, "t1"), (ExceptionKind::TooLateToReverse, "t2")] {
        let Executed::Judged { payment, verdict } = ledger.execute(resolve(kind, trace_no)).await.unwrap() else {
            panic!("not judged")
        };
        assert_eq!(verdict, Ok(Outcome::Done));
        let Standing { exceptions, .. } = payment.standing;
        assert_eq!(exceptions.len(), 2);
    }
    let open = ledger.exceptions(ExceptionQuery::open(10)).await.unwrap();
    assert_eq!(open.iter().map(|listed| listed.seq).collect::<Vec<_>>(), [3]);
    let well = ledger.find_by_tx_id(&well.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(well.standing.exceptions, []);
}

#[tokio::test]
async fn what_the_first_version_has_taken_is_among_the_deposits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gerai.db");
    let conn = database(&path, &[V1]);
    let at = |millis: i64| Timestamp::from_millisecond(millis).unwrap();
    let noon = millis("2026-03-02T12:00:00+07:00");
    // To the millisecond, in the texts that the first version wrote.
    let (first, second, third) = (at(noon), at(noon + 7), at(noon + 1_000));
    payment(&conn, 1, |number| {
        let before = attempt("t0", &at(noon - 5_000).to_string(), "Reversed", false);
        standing("Paid", number, &[before, attempt("t1", &third.to_string(), "Paid", false)])
    });
    payment(&conn, 2, |number| standing("Returned", number, &[attempt("t1", &first.to_string(), "Paid", false)]));
    payment(&conn, 3, |number| standing("Paid", number, &[attempt("t1", &second.to_string(), "Paid", false)]));
    payment(&conn, 4, |number| standing("Unpaid", number, &[attempt("t1", &first.to_string(), "Reversed", false)]));
    payment(&conn, 5, |_| "no JSON".into());
    payment(&conn, 6, |number| standing("Unpaid", number, &[]));
    drop(conn);

    let ledger = opened(&path);
    let query = |from, until| DepositQuery { chain: Chain::Indo, from, until, after: None, limit: 10 };
    let deposits = ledger.deposits(query(at(noon), at(noon + 1_001))).await.unwrap();
    let taken: Vec<_> = deposits
        .payments
        .iter()
        .map(|payment| (payment.terms.reference_no.as_str(), payment.paid_attempt().unwrap().taken_at))
        .collect();
    assert_eq!(taken, [("R2", first), ("R3", second), ("R1", third)]);
    let between = ledger.deposits(query(at(noon + 1), at(noon + 1_000))).await.unwrap();
    assert_eq!(between.payments.len(), 1);
    // The read finds its index, and walks along it.
    let plan: Vec<String> = Connection::open(&path)
        .unwrap()
        .prepare(
            "EXPLAIN QUERY PLAN SELECT id FROM payments
             WHERE chain = 'INDO' AND paid_at >= 1 AND paid_at < 2 AND (paid_at, id) > (1, 1)
             ORDER BY paid_at, id LIMIT 10",
        )
        .unwrap()
        .query_map([], |row| row.get(3))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(plan.len(), 1, "{plan:?}");
    assert!(plan[0].contains("payments_paid_at (chain=? AND paid_at>? AND paid_at<?)"), "{plan:?}");
}
