-- One-time codes: budgets that hold over any number of processes, ways to confirm besides a text message, and keys that
-- only their signer's PIN opens.

-- Registered destination of codes by e-mail.
ALTER TABLE signers ADD COLUMN email TEXT;

-- What opens the key: 'code' or 'code+pin'. With a PIN the wrapped key does not open without it.
ALTER TABLE credentials ADD COLUMN factors TEXT NOT NULL DEFAULT 'code';

-- How the challenge is answered: a message by 'sms' or 'email', 'totp', 'passkey'.
ALTER TABLE challenges ADD COLUMN method TEXT NOT NULL DEFAULT 'sms';

-- What the PIN was stretched to, sealed under a key that only the SAD gives; gone with the SAD.
ALTER TABLE transactions ADD COLUMN sad_sealed BLOB;

-- Codes sent that have not confirmed anything. The rows of a transaction go when it is confirmed.
CREATE TABLE sendings (
    transaction_id TEXT NOT NULL REFERENCES transactions (id),
    sequence       INTEGER NOT NULL,
    signer         TEXT NOT NULL REFERENCES signers (id),
    portal         TEXT NOT NULL REFERENCES portals (id),
    -- 'code', or 'sign-in' for one that signs nothing.
    factor         TEXT NOT NULL,
    at             INTEGER NOT NULL,
    PRIMARY KEY (transaction_id, sequence)
) STRICT, WITHOUT ROWID;

CREATE INDEX sendings_of_signer ON sendings (signer, factor, at);

-- Wrong entries, and PINs that are being compared. A right entry afterwards does not give the day's budget back.
CREATE TABLE guesses (
    id       INTEGER PRIMARY KEY,
    signer   TEXT NOT NULL REFERENCES signers (id),
    portal   TEXT NOT NULL REFERENCES portals (id),
    -- 'code', 'sign-in' or 'pin'.
    factor   TEXT NOT NULL,
    at       INTEGER NOT NULL,
    -- 1 until a right entry follows.
    in_a_row INTEGER NOT NULL DEFAULT 1
) STRICT;

CREATE INDEX guesses_of_signer ON guesses (signer, factor, at);

-- Counters of messages a day and of entries a minute.
CREATE TABLE tallies (
    scope  TEXT NOT NULL,
    bucket INTEGER NOT NULL,
    count  INTEGER NOT NULL,
    PRIMARY KEY (scope, bucket)
) STRICT, WITHOUT ROWID;

-- What signers have registered to confirm with: 'totp' with a sealed secret, 'passkey' with its credential and public key.
CREATE TABLE authenticators (
    id         TEXT PRIMARY KEY,
    signer     TEXT NOT NULL REFERENCES signers (id),
    method     TEXT NOT NULL,
    name       TEXT NOT NULL,
    sealed     BLOB,
    credential BLOB UNIQUE,
    spki       BLOB,
    -- Last time step used, or signature counter.
    counter    INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX authenticators_of_signer ON authenticators (signer);

-- Links by which a signer registers one authenticator, once. Only the hash of the link's token stands here.
CREATE TABLE enrolments (
    sha256     BLOB PRIMARY KEY,
    signer     TEXT NOT NULL REFERENCES signers (id),
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
