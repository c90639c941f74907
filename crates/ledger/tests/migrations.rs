//! A database of an earlier version is brought up to date when it is opened, with all that was in it.

// A test stops where something is not as it claims.
#![allow(clippy::unwrap_used, clippy::panic)]

use gerai_domain::{
    Actor, Ask, Brand, Chain, Command, ExceptionKind, Kind, NewPayment, Outcome, Partner, Payment, Rules, Rupiah,
    StoreVisit,
};
use gerai_ledger::{
    DeedQuery, DepositQuery, ExceptionQuery, Executed, Execution, Ledger, MasterKey, OpenError, Opened, Origin,
    SqliteLedger, SqliteSettings, Sum, Target, TotalsQuery,
};
use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;

struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("gerai.db")
    }

    fn open(&self) -> SqliteLedger {
        SqliteLedger::open(SqliteSettings::serving(self.path()), MasterKey::new([3; 32])).unwrap()
    }

    /// Takes away everything that the back office brought.
    fn as_it_was_before_the_back_office(&self) -> Connection {
        let conn = Connection::open(self.path()).unwrap();
        conn.execute_batch(
            "DROP INDEX payments_ahead; DROP TABLE forgotten_ids; DROP TABLE forgotten_cancel_ids;
             DROP TABLE users; DROP TABLE sessions; DROP TABLE deeds;
             DROP INDEX payments_returned_at; ALTER TABLE payments DROP COLUMN returned_at;
             DROP INDEX payments_paid_at;
             CREATE INDEX payments_paid_at ON payments (chain, paid_at) WHERE paid_at IS NOT NULL;
             DELETE FROM refinery_schema_history WHERE version > 6;",
        )
        .unwrap();
        conn
    }

    /// Takes away everything that came after the first version.
    fn as_the_first_version_left_it(&self) -> Connection {
        let conn = self.as_it_was_before_the_back_office();
        conn.execute_batch(
            "DROP INDEX payments_paid_at; ALTER TABLE payments DROP COLUMN paid_at;
             ALTER TABLE partners DROP COLUMN retired_secret; ALTER TABLE partners DROP COLUMN retired_secret_until;
             ALTER TABLE merchants DROP COLUMN retired_webhook_secret;
             ALTER TABLE merchants DROP COLUMN retired_webhook_secret_until;
             DROP INDEX outbox_waiting; DROP INDEX outbox_failed; DROP INDEX exceptions_open; DROP INDEX exceptions_at;
             ALTER TABLE exceptions DROP COLUMN note; ALTER TABLE exceptions DROP COLUMN resolved_by;
             ALTER TABLE exceptions DROP COLUMN resolved_at;
             UPDATE payments SET standing = json_remove(standing, '$.exceptions');
             DELETE FROM refinery_schema_history WHERE version > 1;",
        )
        .unwrap();
        conn
    }
}

fn noon_and(millis: i64) -> Timestamp {
    let noon: Timestamp = "2026-03-02T12:00:00+07:00".parse().unwrap();
    noon.checked_add(SignedDuration::from_millis(millis)).unwrap()
}

fn origin() -> Origin {
    Origin { actor: Actor::Operator("rini".into()), request_id: None }
}

async fn register(ledger: &SqliteLedger, reference: &str, chain: Chain) -> Payment {
    let new = NewPayment {
        merchant: "GERAITEST1".parse().unwrap(),
        ask: Ask {
            kind: Kind::Direct,
            reference_no: reference.into(),
            amount: Rupiah::new(10_000).unwrap(),
            chain: Some(chain),
            valid_date: None,
            valid_time: None,
            goods_nm: "Kopi".into(),
            billing_nm: "Sinta Amalina".into(),
            description: None,
            db_process_url: "https://shop.example/notify".into(),
            call_back_url: None,
            fingerprint: [7; 32],
            details: "{}".into(),
        },
        deadline: noon_and(7 * 86_400_000),
        registered_at: noon_and(0),
        auto_pay_at: None,
    };
    match ledger.open(new, 1, origin()).await.unwrap() {
        Opened::New(payment) => *payment,
        other => panic!("not a new payment: {other:?}"),
    }
}

async fn judge(ledger: &SqliteLedger, payment: &Payment, command: Command, millis: i64) -> bool {
    let execution = Execution {
        target: Target::TxId(payment.terms.tx_id.clone()),
        command,
        rules: Arc::new(Rules::default()),
        now: noon_and(millis),
        origin: origin(),
        idempotency: None,
    };
    match ledger.execute(execution).await.unwrap() {
        Executed::Judged { verdict, .. } => verdict.is_ok_and(|outcome| {
            matches!(outcome, Outcome::Taken(_) | Outcome::Reversed { .. } | Outcome::Returned | Outcome::Done)
        }),
        other => panic!("not judged: {other:?}"),
    }
}

fn pay(chain: Chain, trace_no: &str) -> Command {
    let brand = if chain == Chain::Alma { Brand::Alfamart } else { Brand::Indomaret };
    Command::Pay {
        visit: StoreVisit {
            partner: Partner { chain, enabled: true },
            brand,
            store_code: "S001".into(),
            terminal_id: "T01".into(),
            simulated: false,
        },
        amount: Rupiah::new(10_000).unwrap(),
        trace_no: trace_no.into(),
        biller: "NICEPAY - Toko".into(),
        own_lines: Vec::new(),
    }
}

fn commit(trace_no: &str) -> Command {
    Command::Commit { partner: Partner { chain: Chain::Alma, enabled: true }, trace_no: trace_no.into() }
}

fn reverse(chain: Chain, trace_no: &str) -> Command {
    Command::Reverse { partner: Partner { chain, enabled: true }, trace_no: trace_no.into(), reason: "r".into() }
}

fn resolve(kind: ExceptionKind, trace_no: &str) -> Command {
    Command::ResolveException { kind, trace_no: trace_no.into(), operator: "rini".into(), note: "n".into() }
}

#[tokio::test]
async fn what_the_first_version_has_listed_is_open_and_can_be_resolved_rule_16() {
    let place = Place::new();
    let ledger = place.open();
    // One attempt lapsed while another was paid, and both are complained of too late.
    let both = register(&ledger, "BOTH", Chain::Alma).await;
    assert!(judge(&ledger, &both, pay(Chain::Alma, "t1"), 0).await);
    assert!(judge(&ledger, &both, pay(Chain::Alma, "t2"), 400_000).await);
    assert!(judge(&ledger, &both, commit("t2"), 400_000).await);
    assert!(!judge(&ledger, &both, commit("t1"), 500_000).await);
    assert!(!judge(&ledger, &both, reverse(Chain::Alma, "t2"), 5_000_000).await);
    let spoilt = register(&ledger, "SPOILT", Chain::Indo).await;
    assert!(judge(&ledger, &spoilt, pay(Chain::Indo, "t1"), 0).await);
    assert!(!judge(&ledger, &spoilt, reverse(Chain::Indo, "t1"), 6_000_000).await);
    let well = register(&ledger, "WELL", Chain::Indo).await;
    assert!(judge(&ledger, &well, pay(Chain::Indo, "t1"), 0).await);
    let before = ledger.exceptions(ExceptionQuery::open(10)).await.unwrap();
    let standing = ledger.find_by_tx_id(&both.terms.tx_id).await.unwrap().unwrap().standing;
    drop(ledger);
    let first = place.as_the_first_version_left_it();
    // One that cannot be read must not stand in the way.
    let sql = "UPDATE payments SET standing = 'no JSON' WHERE reference_no = 'SPOILT'";
    assert_eq!(first.execute(sql, []).unwrap(), 1);
    drop(first);

    let ledger = place.open();
    assert_eq!(ledger.exceptions(ExceptionQuery::open(10)).await.unwrap(), before);
    assert_eq!(before.len(), 3);
    let read = ledger.find_by_tx_id(&both.terms.tx_id).await.unwrap().unwrap().standing;
    assert_eq!(read, standing, "as the events say");
    assert_eq!(read.exceptions.len(), 2);
    assert!(judge(&ledger, &both, resolve(ExceptionKind::CashPossiblyTaken, "t1"), 7_000_000).await);
    assert!(judge(&ledger, &both, resolve(ExceptionKind::TooLateToReverse, "t2"), 7_000_000).await);
    let open = ledger.exceptions(ExceptionQuery::open(10)).await.unwrap();
    assert_eq!(open.iter().map(|listed| &listed.tx_id).collect::<Vec<_>>(), [&spoilt.terms.tx_id]);
    let well = ledger.find_by_tx_id(&well.terms.tx_id).await.unwrap().unwrap();
    assert_eq!(well.standing.exceptions, []);
}

#[tokio::test]
async fn what_the_first_version_has_taken_is_among_the_deposits() {
    let place = Place::new();
    let ledger = place.open();
    for (reference, at) in [("LAST", 1_000), ("FIRST", 0), ("SECOND", 7), ("REVERSED", 5)] {
        let payment = register(&ledger, reference, Chain::Indo).await;
        assert!(judge(&ledger, &payment, pay(Chain::Indo, "t0"), 0).await);
        assert!(judge(&ledger, &payment, reverse(Chain::Indo, "t0"), 0).await);
        if reference != "REVERSED" {
            assert!(judge(&ledger, &payment, pay(Chain::Indo, "t1"), at).await);
        }
        if reference == "FIRST" {
            let give_back = Command::Return { operator: "rini".into(), reason: "r".into() };
            assert!(judge(&ledger, &payment, give_back, 500).await);
        }
    }
    register(&ledger, "UNPAID", Chain::Indo).await;
    let query = |from, until| DepositQuery {
        chain: Chain::Indo,
        from: noon_and(from),
        until: noon_and(until),
        after: None,
        limit: 10,
    };
    let whole = ledger.deposits(query(0, 1_001)).await.unwrap();
    let day = gerai_domain::wib::wall(noon_and(0)).date();
    let of_day = TotalsQuery { merchant: None, chain: None, first: day, last: day };
    let totals = ledger.totals(of_day.clone()).await.unwrap();
    drop(ledger);
    drop(place.as_the_first_version_left_it());

    let ledger = place.open();
    assert_eq!(ledger.deposits(query(0, 1_001)).await.unwrap(), whole);
    assert_eq!(ledger.totals(of_day).await.unwrap(), totals);
    assert_eq!((totals[0].paid.count, totals[0].returned.count), (3, 1));
    let references: Vec<_> = whole.payments.iter().map(|payment| payment.terms.reference_no.as_str()).collect();
    assert_eq!(references, ["FIRST", "SECOND", "LAST"]);
    // To the millisecond.
    let between = ledger.deposits(query(1, 1_000)).await.unwrap();
    assert_eq!(between.payments.len(), 1);
    // The read finds its index, and walks along it.
    let plan: Vec<String> = Connection::open(place.path())
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

#[tokio::test]
async fn what_was_paid_and_returned_before_the_back_office_is_in_its_totals() {
    let place = Place::new();
    let ledger = place.open();
    let day = 86_400_000;
    for (reference, taken_at, returned_at) in
        [("PAID", 7, None), ("RETURNED", 9, Some(11)), ("LATER", 12, Some(day + 13)), ("SPOILT", 20, Some(30))]
    {
        let payment = register(&ledger, reference, Chain::Indo).await;
        assert!(judge(&ledger, &payment, pay(Chain::Indo, "t1"), taken_at).await);
        if let Some(at) = returned_at {
            let give_back = Command::Return { operator: "rini".into(), reason: "r".into() };
            assert!(judge(&ledger, &payment, give_back, at).await);
        }
    }
    let reversed = register(&ledger, "REVERSED", Chain::Alma).await;
    assert!(judge(&ledger, &reversed, pay(Chain::Alma, "t1"), 0).await);
    assert!(judge(&ledger, &reversed, reverse(Chain::Alma, "t1"), 1).await);
    register(&ledger, "UNPAID", Chain::Alma).await;
    drop(ledger);
    let before = place.as_it_was_before_the_back_office();
    // One that cannot be read must not stand in the way.
    let sql = "UPDATE payments SET standing = 'no JSON' WHERE reference_no = 'SPOILT'";
    assert_eq!(before.execute(sql, []).unwrap(), 1);
    drop(before);

    let ledger = place.open();
    let first = "2026-03-02".parse().unwrap();
    let query = TotalsQuery { merchant: None, chain: None, first, last: "2026-03-03".parse().unwrap() };
    let totals = ledger.totals(query).await.unwrap();
    let sums = totals.iter().map(|total| (total.day.to_string(), total.chain, total.paid, total.returned));
    let sum = |count: u64| Sum { count, rupiah: count * 10_000 };
    assert_eq!(
        sums.collect::<Vec<_>>(),
        [("2026-03-03".into(), Chain::Indo, sum(0), sum(1)), ("2026-03-02".into(), Chain::Indo, sum(4), sum(1))]
    );
    // To the millisecond.
    let returned: Vec<(String, Option<i64>)> = Connection::open(place.path())
        .unwrap()
        .prepare("SELECT reference_no, returned_at FROM payments ORDER BY id")
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let at = |millis| Some(noon_and(millis).as_millisecond());
    let expected = [
        ("PAID", None),
        ("RETURNED", at(11)),
        ("LATER", at(day + 13)),
        ("SPOILT", None),
        ("REVERSED", None),
        ("UNPAID", None),
    ];
    assert_eq!(returned, expected.map(|(reference, at)| (reference.to_owned(), at)));
    // From now on it is written with the return.
    let payment = register(&ledger, "NEW", Chain::Indo).await;
    assert!(judge(&ledger, &payment, pay(Chain::Indo, "t1"), 40).await);
    let give_back = Command::Return { operator: "rini".into(), reason: "r".into() };
    assert!(judge(&ledger, &payment, give_back, 50).await);
    let query = TotalsQuery { merchant: None, chain: None, first, last: first };
    let totals = ledger.totals(query).await.unwrap();
    assert_eq!((totals[0].paid, totals[0].returned), (sum(5), sum(2)));
    // Who did it is in the log since.
    let deeds = ledger.deeds(DeedQuery { limit: 10, ..DeedQuery::default() }).await.unwrap();
    assert_eq!(deeds.iter().map(|logged| &logged.deed.what).collect::<Vec<_>>(), ["payment-returned"]);
}

#[tokio::test]
async fn a_command_line_leaves_the_schema_alone_that_a_running_server_works_with() {
    let place = Place::new();
    drop(place.open());
    drop(place.as_the_first_version_left_it());
    let versions = || -> i64 {
        let conn = Connection::open(place.path()).unwrap();
        conn.query_row("SELECT max(version) FROM refinery_schema_history", [], |row| row.get(0)).unwrap()
    };
    let beside = || SqliteLedger::open(SqliteSettings::beside(place.path()), MasterKey::new([3; 32]));
    // The server of the first version.
    let server = std::fs::File::open(place.folder.path().join("gerai.db.lock")).unwrap();
    server.try_lock().unwrap();
    let refused = beside().err().unwrap();
    assert!(matches!(refused, OpenError::ServedUnmigrated(_)), "{refused}");
    assert!(refused.to_string().contains("restart the server"), "{refused}");
    assert_eq!(versions(), 1);
    // Nobody serves: the command line may do it, and then beside a server again.
    drop(server);
    drop(beside().unwrap());
    assert!(versions() > 1);
    let server = place.open();
    drop(beside().unwrap());
    drop(server);
}
