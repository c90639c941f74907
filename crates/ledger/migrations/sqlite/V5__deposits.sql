-- When the money of a paid payment was taken at the counter, also after a manual return; NULL while it is not paid. A
-- chain's day is read through the index, which holds what is paid alone and grows at its end.
ALTER TABLE payments ADD COLUMN paid_at INTEGER;

UPDATE payments
SET paid_at = (
    SELECT CAST(round(unixepoch(json_extract(a.value, '$.taken_at'), 'subsec') * 1000) AS INTEGER)
    FROM json_each(payments.standing, '$.attempts') a
    WHERE json_extract(a.value, '$.state') = 'Paid' LIMIT 1
)
WHERE CASE WHEN json_valid(standing) THEN json_extract(standing, '$.state') END IN ('Paid', 'Returned');

CREATE INDEX payments_paid_at ON payments (chain, paid_at) WHERE paid_at IS NOT NULL;
