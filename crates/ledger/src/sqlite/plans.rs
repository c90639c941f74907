//! How SQLite goes about the statements of the back office: however many payments there are, none of them is read whole.

use crate::seal::MasterKey;
use crate::sqlite::{SqliteLedger, SqliteSettings, search, totals};
use rusqlite::Connection;
use tempfile::TempDir;

/// A database as a ledger makes it.
fn database() -> (TempDir, Connection) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gerai.db");
    drop(SqliteLedger::open(SqliteSettings::serving(&path), MasterKey::new([3; 32])).unwrap());
    let conn = Connection::open(path).unwrap();
    (folder, conn)
}

fn plan(conn: &Connection, sql: &str) -> String {
    let mut statement = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    // Without its arguments, which no plan depends on.
    let mut rows = statement.raw_query();
    let mut steps = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        steps.push(row.get::<_, String>(3).unwrap());
    }
    steps.join("; ")
}

#[test]
fn a_search_looks_up_what_it_can_and_walks_along_an_index_where_it_cannot() {
    let (_folder, conn) = database();
    for (sql, expected) in [
        (search::BEGINNING, "SEARCH payments USING COVERING INDEX payments_reference (merchant=? AND reference_no>?"),
        (search::OF_MERCHANT, "SEARCH payments USING COVERING INDEX payments_reference (merchant=?)"),
        (search::NEXT_MERCHANT, "SEARCH payments USING COVERING INDEX payments_reference (merchant>?)"),
        // Partial indexes, which hold no others.
        (search::RETURNED, "USING COVERING INDEX payments_returned_at"),
        (search::CANCELLED, "USING COVERING INDEX payments_cancel_tx_id"),
        (
            search::BY_TIME,
            "SEARCH payments USING COVERING INDEX payments_tx_id (tx_second>? AND (tx_second,tx_count,merchant,kind)<(?,?,?,?))",
        ),
        ("SELECT * FROM payments WHERE id = ?1 AND pay_no = ?2", "USING INTEGER PRIMARY KEY (rowid=?)"),
        (
            "SELECT * FROM payments WHERE tx_second = ?1 AND tx_count = ?2 AND merchant = ?3 AND kind = ?4",
            "USING INDEX payments_tx_id (tx_second=? AND tx_count=? AND merchant=? AND kind=?)",
        ),
    ] {
        let plan = plan(&conn, sql);
        assert!(plan.contains(expected), "{sql}: {plan}");
        assert!(!plan.contains("TEMP B-TREE"), "nothing is put in order: {sql}: {plan}");
    }
}

#[test]
fn totals_are_read_off_their_indexes_alone() {
    let (_folder, conn) = database();
    for (sql, expected) in [
        (totals::PAID, "SEARCH payments USING COVERING INDEX payments_paid_at (chain=? AND paid_at>? AND paid_at<?)"),
        (
            totals::RETURNED,
            "SEARCH payments USING COVERING INDEX payments_returned_at (returned_at>? AND returned_at<?)",
        ),
    ] {
        let plan = plan(&conn, sql);
        assert!(plan.contains(expected) && !plan.contains("TEMP B-TREE"), "{sql}: {plan}");
    }
}
