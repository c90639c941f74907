-- Messages that wait behind another of their payment are few, and counted whenever somebody looks at the metrics; the many
-- that are pending for a moment and then delivered never enter this index.
CREATE INDEX outbox_waiting ON outbox (id) WHERE state = 0;
