-- The people who use the back office. Passwords are argon2 hashes, sessions the SHA-256 of their token. Their times are
-- real time, which a sandbox's clock does not move.
CREATE TABLE users (
    name          TEXT    NOT NULL PRIMARY KEY,
    merchant      TEXT, -- NULL for an operator
    password_hash TEXT    NOT NULL,
    disabled      INTEGER NOT NULL,
    failures      INTEGER NOT NULL,
    locked_until  INTEGER,
    added_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
    token_hash BLOB    NOT NULL PRIMARY KEY,
    user       TEXT    NOT NULL,
    began_at   INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL,
    ends_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_ends_at ON sessions (ends_at);
CREATE INDEX sessions_user ON sessions (user);

-- The audit log. AUTOINCREMENT, so that what is read page by page keeps its order whatever becomes of the file.
CREATE TABLE deeds (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    at         INTEGER NOT NULL,
    by         TEXT    NOT NULL,
    what       TEXT    NOT NULL,
    subject    TEXT    NOT NULL,
    merchant   TEXT,
    detail     TEXT    NOT NULL,
    request_id TEXT
) STRICT;
CREATE INDEX deeds_merchant ON deeds (merchant, id) WHERE merchant IS NOT NULL;
CREATE INDEX deeds_by ON deeds (by, id);
CREATE INDEX deeds_subject ON deeds (subject, id);

CREATE TRIGGER deeds_are_never_changed BEFORE UPDATE ON deeds
BEGIN
    SELECT RAISE(ABORT, 'the audit log is only ever added to');
END;
-- Replacing a row deletes it without a word to the trigger below.
CREATE TRIGGER deeds_are_never_replaced BEFORE INSERT ON deeds
WHEN EXISTS (SELECT 1 FROM deeds WHERE id = NEW.id)
BEGIN
    SELECT RAISE(ABORT, 'the audit log is only ever added to');
END;
CREATE TRIGGER deeds_are_never_deleted BEFORE DELETE ON deeds
BEGIN
    SELECT RAISE(ABORT, 'the audit log is only ever added to');
END;

-- A day's totals are read off these two indexes alone. The first one's beginning is also a chain's day, in order.
DROP INDEX payments_paid_at;
CREATE INDEX payments_paid_at ON payments (chain, paid_at, id, merchant, amount) WHERE paid_at IS NOT NULL;

-- When the money was given back by hand; NULL unless it was.
ALTER TABLE payments ADD COLUMN returned_at INTEGER;
UPDATE payments
SET returned_at =
    CAST(round(unixepoch(json_extract(standing, '$.returned.at'), 'subsec') * 1000) AS INTEGER)
WHERE CASE WHEN json_valid(standing) THEN json_extract(standing, '$.state') END = 'Returned';
CREATE INDEX payments_returned_at ON payments (returned_at, chain, merchant, amount) WHERE returned_at IS NOT NULL;

-- A search by the time of registration reads ids in order, whose second is that of the registration, or a few later where
-- all ids of one were used up. Only where the clock was set back are they far ahead: these few are found here.
CREATE INDEX payments_ahead ON payments (tx_second, tx_count, merchant, kind)
WHERE tx_second * 1000 - registered_at > 60000;
