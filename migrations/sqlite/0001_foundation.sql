-- Times are nanoseconds since 1970-01-01 UTC. Secrets never stand here in clear: only their hashes or MACs.

CREATE TABLE portals (
    id            TEXT PRIMARY KEY,
    name          TEXT NOT NULL,
    host          TEXT,
    support_phone TEXT,
    secret_sha256 BLOB NOT NULL,
    created_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE signers (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    phone      TEXT NOT NULL,
    pin_hash   TEXT,
    -- Wrong PINs in a row, and when the last one was entered.
    pin_failures  INTEGER NOT NULL DEFAULT 0,
    pin_failed_at INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Which portals may ask which signers.
CREATE TABLE grants (
    portal TEXT NOT NULL REFERENCES portals (id),
    signer TEXT NOT NULL REFERENCES signers (id),
    PRIMARY KEY (portal, signer)
) STRICT, WITHOUT ROWID;

CREATE TABLE credentials (
    id          TEXT PRIMARY KEY,
    signer      TEXT NOT NULL REFERENCES signers (id),
    algorithm   TEXT NOT NULL,
    auth        TEXT NOT NULL,
    status      TEXT NOT NULL,
    purpose     TEXT NOT NULL,
    wrapped_key BLOB NOT NULL,
    spki        BLOB NOT NULL,
    multisign   INTEGER NOT NULL,
    created_at  INTEGER NOT NULL
) STRICT;

CREATE INDEX credentials_of_signer ON credentials (signer, id);

-- DER certificates, the signer's at position 0.
CREATE TABLE certificates (
    credential TEXT NOT NULL REFERENCES credentials (id),
    position   INTEGER NOT NULL,
    der        BLOB NOT NULL,
    PRIMARY KEY (credential, position)
) STRICT;

CREATE TABLE access_tokens (
    sha256     BLOB PRIMARY KEY,
    portal     TEXT NOT NULL REFERENCES portals (id),
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX access_tokens_by_end ON access_tokens (expires_at);

CREATE TABLE transactions (
    id             TEXT PRIMARY KEY,
    portal         TEXT NOT NULL REFERENCES portals (id),
    signer         TEXT NOT NULL REFERENCES signers (id),
    credential     TEXT NOT NULL REFERENCES credentials (id),
    origin         TEXT NOT NULL,
    return_url     TEXT,
    settings       TEXT,
    description    TEXT NOT NULL,
    created_at     INTEGER NOT NULL,
    expires_at     INTEGER NOT NULL,
    state          TEXT NOT NULL,
    state_at       INTEGER,
    failure        TEXT,
    codes_sent     INTEGER NOT NULL DEFAULT 0,
    sad_sha256     BLOB UNIQUE,
    sad_expires_at INTEGER
) STRICT;

CREATE INDEX transactions_open ON transactions (state, expires_at)
    WHERE state IN ('waiting', 'confirmed', 'signing');
CREATE INDEX transactions_waiting ON transactions (portal, credential, created_at) WHERE state = 'waiting';

-- What is authorised: one hash each.
CREATE TABLE items (
    transaction_id   TEXT NOT NULL REFERENCES transactions (id),
    ordinal          INTEGER NOT NULL,
    label            TEXT NOT NULL,
    digest_algorithm TEXT NOT NULL,
    digest           BLOB NOT NULL,
    len              INTEGER NOT NULL,
    PRIMARY KEY (transaction_id, ordinal)
) STRICT;

-- One-time codes. At most one of a transaction is live.
CREATE TABLE challenges (
    id             TEXT PRIMARY KEY,
    transaction_id TEXT NOT NULL REFERENCES transactions (id),
    -- Which code of its transaction, from 1.
    sequence       INTEGER NOT NULL,
    mac            BLOB NOT NULL,
    tries_left     INTEGER NOT NULL,
    created_at     INTEGER NOT NULL,
    expires_at     INTEGER NOT NULL,
    live           INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX challenges_live ON challenges (transaction_id) WHERE live = 1;

-- The intent to sign an item, then its result. The primary key is why no item is signed twice.
CREATE TABLE signatures (
    transaction_id   TEXT NOT NULL,
    ordinal          INTEGER NOT NULL,
    digest_algorithm TEXT NOT NULL,
    digest           BLOB NOT NULL,
    prepared         BLOB,
    signature        BLOB,
    output           BLOB,
    PRIMARY KEY (transaction_id, ordinal),
    FOREIGN KEY (transaction_id, ordinal) REFERENCES items (transaction_id, ordinal)
) STRICT;

CREATE TABLE idempotency_keys (
    portal         TEXT NOT NULL REFERENCES portals (id),
    key            TEXT NOT NULL,
    body_sha256    BLOB NOT NULL,
    transaction_id TEXT NOT NULL REFERENCES transactions (id),
    created_at     INTEGER NOT NULL,
    PRIMARY KEY (portal, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
    sequence INTEGER PRIMARY KEY,
    at       INTEGER NOT NULL,
    event    TEXT NOT NULL,
    hash     TEXT NOT NULL
) STRICT;
