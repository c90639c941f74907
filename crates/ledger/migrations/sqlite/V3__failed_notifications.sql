-- Operators list and replay what no merchant has accepted. It is a small part of an outbox that only grows; what is
-- delivered costs this index nothing.
CREATE INDEX outbox_failed ON outbox (id) WHERE state = 3;
