-- A sandbox's reset forgets the payments, and its clock may be set back to when they were registered: which ids there have
-- been in each second is kept, so that none is given to a second payment. Both tables stay empty where nothing was ever
-- forgotten.
CREATE TABLE forgotten_ids (
    second   INTEGER NOT NULL,
    merchant TEXT    NOT NULL,
    kind     INTEGER NOT NULL,
    used     INTEGER NOT NULL, -- how many ids of the second there have been
    PRIMARY KEY (second, merchant, kind)
) STRICT, WITHOUT ROWID;

CREATE TABLE forgotten_cancel_ids (
    cancel_tx_id TEXT NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- By how many seconds an id may be later than its registration: where a search by time has to begin.
INSERT INTO settings (name, value)
SELECT 'ids-lead', CAST(max(tx_second - registered_at / 1000) AS TEXT) FROM payments
HAVING max(tx_second - registered_at / 1000) > 0;
