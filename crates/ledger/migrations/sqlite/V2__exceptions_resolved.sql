-- An operator settles an exception by an event; the projection shows how, so that the list of open ones need not read
-- histories. NULL while it is open.
ALTER TABLE exceptions ADD COLUMN resolved_at INTEGER;
ALTER TABLE exceptions ADD COLUMN resolved_by TEXT;
ALTER TABLE exceptions ADD COLUMN note TEXT;

-- The open ones stay few while all of them only grow; both are read oldest first, page by page.
CREATE INDEX exceptions_open ON exceptions (at, payment, seq) WHERE resolved_at IS NULL;
CREATE INDEX exceptions_at ON exceptions (at, payment, seq);

-- From now on a payment's standing says what was listed for it, since a resolution is judged by it. What was listed
-- before is still open.
UPDATE payments
SET standing = json_set(standing, '$.exceptions', json((
    SELECT json_group_array(
        json_object('kind', json(e.kind), 'trace_no', e.trace_no, 'resolved', NULL) ORDER BY e.seq
    )
    FROM exceptions e WHERE e.payment = payments.id
)))
WHERE id IN (SELECT payment FROM exceptions) AND CASE WHEN json_valid(standing) THEN 1 ELSE 0 END;
