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
