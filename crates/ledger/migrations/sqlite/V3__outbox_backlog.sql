-- Messages that wait behind another and those that were given up are few, and counted at each scrape of the metrics;
-- the many that are pending for a moment and then delivered never enter this index.
CREATE INDEX outbox_backlog ON outbox (state) WHERE state IN (0, 3);
