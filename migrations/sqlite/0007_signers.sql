-- Requests with several signers. Each signature is a transaction of its own; the first signer's gives the request its id.

CREATE TABLE joint_requests (
    id       TEXT PRIMARY KEY REFERENCES transactions (id),
    -- Where the request as a whole stands; written in the commits that move its parts.
    state    TEXT NOT NULL,
    state_at INTEGER,
    failure  TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE joint_parts (
    transaction_id TEXT PRIMARY KEY REFERENCES transactions (id),
    request        TEXT NOT NULL REFERENCES joint_requests (id),
    -- In the portal's order, from 0.
    position       INTEGER NOT NULL,
    -- A signer may confirm once everybody of a lower turn has signed.
    turn           INTEGER NOT NULL,
    -- Which signature of the documents this became, from 1.
    signed_as      INTEGER,
    -- Octets of the others' updates it is to sign on top of: what its intent is held to.
    base           INTEGER,
    UNIQUE (request, position)
) STRICT, WITHOUT ROWID;

-- For a portal's list of its requests.
CREATE INDEX transactions_of_portal ON transactions (portal, created_at, id);
