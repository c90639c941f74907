-- A replaced webhook secret, and a chain's, count for a while beside the new one, as a merchant key does: neither side
-- can change at the same instant as the other.
ALTER TABLE merchants ADD COLUMN retired_webhook_secret BLOB;
ALTER TABLE merchants ADD COLUMN retired_webhook_secret_until INTEGER;
ALTER TABLE partners ADD COLUMN retired_secret BLOB;
ALTER TABLE partners ADD COLUMN retired_secret_until INTEGER;
