-- Receipts: what a signer confirmed and when, sealed by the service.

-- When a transaction was confirmed, and by what: the state's own time moves on. NULL for those confirmed before.
ALTER TABLE transactions ADD COLUMN confirmed_at INTEGER;
ALTER TABLE transactions ADD COLUMN confirmed_by TEXT;

-- The intent to seal a receipt, then its result. One receipt a transaction, and never another.
CREATE TABLE receipts (
    transaction_id   TEXT PRIMARY KEY REFERENCES transactions (id),
    -- The seal.
    credential       TEXT NOT NULL REFERENCES credentials (id),
    -- The PDF before it is sealed.
    document         BLOB NOT NULL,
    digest_algorithm TEXT NOT NULL,
    digest           BLOB NOT NULL,
    prepared         BLOB NOT NULL,
    -- What follows the document; NULL until it is sealed.
    sealed           BLOB
) STRICT, WITHOUT ROWID;
