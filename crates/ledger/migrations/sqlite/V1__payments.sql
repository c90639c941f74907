-- Times are milliseconds since 1970 (UTC), amounts whole rupiah.

-- Secrets are sealed blobs; terms are one JSON text, since no statement looks inside.
CREATE TABLE merchants (
    id                TEXT    NOT NULL PRIMARY KEY,
    terms             TEXT    NOT NULL,
    key               BLOB    NOT NULL,
    retired_key       BLOB,
    retired_key_until INTEGER,
    webhook_secret    BLOB    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE partners (
    chain   TEXT    NOT NULL PRIMARY KEY,
    enabled INTEGER NOT NULL,
    secret  BLOB    NOT NULL
) STRICT, WITHOUT ROWID;

-- The key of the permutations that payment numbers and ids are made with, sealed. One row, drawn with the database: with
-- another key no number would be found any more.
CREATE TABLE numbering (
    only INTEGER NOT NULL PRIMARY KEY CHECK (only = 1),
    key  BLOB    NOT NULL
) STRICT;

CREATE TABLE settings (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- One row a payment. Rows are found by `id`, which counts up: the payment number is a secret permutation of it, and so
-- needs no index. The tXid's place in its second (`tx_count`) counts up too, and its last four digits are a permutation
-- of that. So rows, events and indexes are all written at their end, whatever numbers they carry and however many there
-- are: an index on what looks random would touch a page of its own for nearly each registration.
CREATE TABLE payments (
    id             INTEGER PRIMARY KEY,
    merchant       TEXT    NOT NULL,
    tx_id          TEXT    NOT NULL,
    kind           INTEGER NOT NULL, -- 0 Direct, 1 Redirect
    reference_no   TEXT    NOT NULL,
    amount         INTEGER NOT NULL,
    registered_at  INTEGER NOT NULL,
    deadline       INTEGER NOT NULL,
    goods_nm       TEXT    NOT NULL,
    billing_nm     TEXT    NOT NULL,
    description    TEXT,
    db_process_url TEXT    NOT NULL,
    call_back_url  TEXT,
    fingerprint    BLOB    NOT NULL,
    details        TEXT    NOT NULL,
    -- What follows is the fold of the events. `standing` is NULL while the payment is as it was registered.
    chain          TEXT,
    pay_no         INTEGER,
    standing       TEXT,
    auto_pay_at    INTEGER,
    due_at         INTEGER,
    cancel_tx_id   TEXT,
    last_seq       INTEGER NOT NULL,
    -- What `tx_id` is found by: the second that it carries (since 1970), and which of its merchant's and method's
    -- in that second it is.
    tx_second      INTEGER NOT NULL,
    tx_count       INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX payments_tx_id ON payments (tx_second, tx_count, merchant, kind);
CREATE UNIQUE INDEX payments_reference ON payments (merchant, reference_no);
CREATE UNIQUE INDEX payments_cancel_tx_id ON payments (cancel_tx_id) WHERE cancel_tx_id IS NOT NULL;
-- What the clock will change by itself, and what the simulated store will pay: both are read from their small end.
CREATE INDEX payments_due_at ON payments (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX payments_auto_pay_at ON payments (auto_pay_at) WHERE auto_pay_at IS NOT NULL;

CREATE TABLE events (
    payment    INTEGER NOT NULL,
    seq        INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    actor      TEXT    NOT NULL,
    request_id TEXT,
    event      TEXT    NOT NULL,
    PRIMARY KEY (payment, seq)
) STRICT, WITHOUT ROWID;

-- Events are only ever added. A sandbox's reset says so in `settings` for as long as it takes.
CREATE TRIGGER events_are_never_changed BEFORE UPDATE ON events
BEGIN
    SELECT RAISE(ABORT, 'events are only ever added');
END;
CREATE TRIGGER events_are_never_deleted BEFORE DELETE ON events
WHEN NOT EXISTS (SELECT 1 FROM settings WHERE name = 'forgetting')
BEGIN
    SELECT RAISE(ABORT, 'events are only ever added');
END;

-- One row an event that the merchant is told of. AUTOINCREMENT, so that an id is never given to a second message:
-- an attempt may still be on its way when a sandbox forgets its payments.
CREATE TABLE outbox (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    payment      INTEGER NOT NULL,
    event_seq    INTEGER NOT NULL,
    message_id   TEXT    NOT NULL,
    url          TEXT    NOT NULL,
    host         TEXT    NOT NULL,
    notice       TEXT    NOT NULL,
    state        INTEGER NOT NULL, -- 0 waits behind another of its payment, 1 pending, 2 delivered, 3 failed
    next_at      INTEGER NOT NULL,
    leased_until INTEGER NOT NULL,
    attempts     INTEGER NOT NULL, -- since it was due or replayed: what the schedule goes by
    recorded     INTEGER NOT NULL DEFAULT 0 -- in all: how many rows `deliveries` has of it
) STRICT;

CREATE UNIQUE INDEX outbox_event ON outbox (payment, event_seq);
-- Claims walk from host to host and take each one's earliest, so that one host's backlog hides nobody else's.
CREATE INDEX outbox_pending ON outbox (host, next_at) WHERE state = 1;
CREATE INDEX outbox_next ON outbox (next_at) WHERE state = 1;

CREATE TABLE deliveries (
    message INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    headers TEXT    NOT NULL,
    body    TEXT    NOT NULL,
    status  INTEGER,
    answer  TEXT    NOT NULL,
    took_ms INTEGER NOT NULL,
    PRIMARY KEY (message, attempt)
) STRICT, WITHOUT ROWID;

-- What a chain has asked for by a name of its own, kept for a day, in the transaction that did it.
CREATE TABLE store_requests (
    chain       TEXT    NOT NULL,
    external_id TEXT    NOT NULL,
    fingerprint BLOB    NOT NULL,
    outcome     TEXT    NOT NULL,
    at          INTEGER NOT NULL,
    PRIMARY KEY (chain, external_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX store_requests_at ON store_requests (at);

-- A projection of the events that list an exception, so that an operator's list need not read every history.
CREATE TABLE exceptions (
    payment  INTEGER NOT NULL,
    seq      INTEGER NOT NULL,
    kind     TEXT    NOT NULL,
    trace_no TEXT    NOT NULL,
    at       INTEGER NOT NULL,
    PRIMARY KEY (payment, seq)
) STRICT, WITHOUT ROWID;
