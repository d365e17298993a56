-- CSC calls whose answer is fetched later: signatures of hashes that are being made, and documents signed under a SAD.
CREATE TABLE operations (
    id         TEXT PRIMARY KEY,
    portal     TEXT NOT NULL REFERENCES portals (id),
    -- The transaction whose SAD was redeemed.
    sad_of     TEXT NOT NULL REFERENCES transactions (id),
    -- JSON of the algorithm the hashes are signed with; NULL for documents, whose own transactions say it.
    algorithm  TEXT,
    -- JSON: transaction and position of each result, in the caller's order.
    parts      TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    -- Why hashes were not signed.
    failure    TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX operations_of_sad ON operations (sad_of);
CREATE INDEX operations_by_end ON operations (expires_at);
