-- Signature levels, results of single documents, and the queue of signatures whose level is raised later.

-- Why this document of a signed request was left out; no signature of it exists.
ALTER TABLE items ADD COLUMN failure TEXT;

-- The level a released signature has: B-B, B-T, B-LT, B-LTA. NULL for bare hashes.
ALTER TABLE signatures ADD COLUMN level TEXT;

-- Signatures released below the level that was asked for. A row goes away in the commit that stores the raised document.
CREATE TABLE raises (
    transaction_id TEXT NOT NULL,
    ordinal        INTEGER NOT NULL,
    wanted         TEXT NOT NULL,
    attempts       INTEGER NOT NULL,
    next_at        INTEGER NOT NULL,
    last_error     TEXT NOT NULL,
    PRIMARY KEY (transaction_id, ordinal),
    FOREIGN KEY (transaction_id, ordinal) REFERENCES signatures (transaction_id, ordinal)
) STRICT, WITHOUT ROWID;

CREATE INDEX raises_due ON raises (next_at);
