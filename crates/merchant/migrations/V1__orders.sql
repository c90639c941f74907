-- Times are milliseconds since 1970 (UTC), amounts whole rupiah.

-- One row an order. `request` is the registration without its token, until it is answered: sent again it is the same bytes.
-- `tickets` counts the questions that were begun; `applied` is the one whose answer the state comes from.
CREATE TABLE orders (
    id            INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    reference_no  TEXT    NOT NULL CONSTRAINT reference_no_once UNIQUE,
    kind          TEXT    NOT NULL,
    amount        INTEGER NOT NULL,
    goods_nm      TEXT    NOT NULL,
    state         TEXT    NOT NULL,
    state_since   INTEGER NOT NULL,
    opened_at     INTEGER NOT NULL,
    t_xid         TEXT,
    mitra_cd      TEXT,
    pay_no        TEXT,
    payment_url   TEXT,
    payable_until INTEGER,
    paid_at       INTEGER,
    receipt_code  TEXT,
    refusal       TEXT,
    checked_at    INTEGER,
    checks_failed INTEGER NOT NULL DEFAULT 0,
    next_check    INTEGER,
    request       TEXT,
    fingerprint   BLOB    NOT NULL,
    tickets       INTEGER NOT NULL DEFAULT 0,
    applied       INTEGER NOT NULL DEFAULT 0,
    changes       INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX orders_t_xid ON orders (t_xid) WHERE t_xid IS NOT NULL;
CREATE INDEX orders_next_check ON orders (next_check) WHERE next_check IS NOT NULL;
CREATE INDEX orders_state ON orders (state, id);

-- One row a change of state, written in the change's own transaction. `handled_at` is empty until the shop's handler has
-- done its work, so that a crash in between loses nothing.
CREATE TABLE transitions (
    id           TEXT    NOT NULL PRIMARY KEY,
    order_id     INTEGER NOT NULL REFERENCES orders (id),
    seq          INTEGER NOT NULL,
    from_state   TEXT    NOT NULL,
    to_state     TEXT    NOT NULL,
    at           INTEGER NOT NULL,
    handled_at   INTEGER,
    next_at      INTEGER NOT NULL,
    leased_until INTEGER NOT NULL DEFAULT 0,
    failures     INTEGER NOT NULL DEFAULT 0,
    failure      TEXT,
    CONSTRAINT seq_once UNIQUE (order_id, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX transitions_unhandled ON transitions (order_id, seq) WHERE handled_at IS NULL;

-- The log. What strangers send (`authentic` = 0) is kept in a bounded number, or anybody could fill the disk.
CREATE TABLE exchanges (
    id           INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    at           INTEGER NOT NULL,
    took_us      INTEGER NOT NULL,
    call         TEXT    NOT NULL,
    reference_no TEXT,
    t_xid        TEXT,
    message_id   TEXT,
    outcome      TEXT    NOT NULL,
    http_status  INTEGER,
    authentic    INTEGER NOT NULL,
    sent         TEXT    NOT NULL,
    received     TEXT    NOT NULL
) STRICT;
CREATE INDEX exchanges_reference_no ON exchanges (reference_no, id) WHERE reference_no IS NOT NULL;
CREATE INDEX exchanges_t_xid ON exchanges (t_xid, id) WHERE t_xid IS NOT NULL;
CREATE INDEX exchanges_strangers ON exchanges (id) WHERE authentic = 0;
CREATE INDEX exchanges_at ON exchanges (at);
