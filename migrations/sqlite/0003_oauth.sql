-- OAuth 2.0: how portals prove who they are, where citizens are sent back to, and what citizens let portals do.

-- The secret before the current one, while a portal changes over.
ALTER TABLE portals ADD COLUMN previous_secret_sha256 BLOB;

-- JSON: the one way this client authenticates, with its public keys or certificates.
ALTER TABLE portals ADD COLUMN client_auth TEXT NOT NULL DEFAULT '{"method":"secret"}';

CREATE TABLE redirect_uris (
    portal TEXT NOT NULL REFERENCES portals (id),
    uri    TEXT NOT NULL,
    PRIMARY KEY (portal, uri)
) STRICT, WITHOUT ROWID;

-- One authorisation from its request to its tokens.
CREATE TABLE authorizations (
    id             TEXT PRIMARY KEY,
    portal         TEXT NOT NULL REFERENCES portals (id),
    request        TEXT NOT NULL,
    stage          TEXT NOT NULL,
    -- SHA-256 of what leads on from here: the request_uri, then the page's address, then the code.
    key_sha256     BLOB NOT NULL UNIQUE,
    arrival        TEXT NOT NULL,
    signer         TEXT REFERENCES signers (id),
    transaction_id TEXT UNIQUE REFERENCES transactions (id),
    -- The SAD, encrypted under the code.
    sealed_sad     BLOB,
    created_at     INTEGER NOT NULL,
    expires_at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX authorizations_by_end ON authorizations (expires_at);
CREATE INDEX authorizations_open ON authorizations (portal, arrival, expires_at) WHERE stage IN ('pushed', 'open');

-- For whom a token speaks: the portal alone, for one signer, or for one confirmation of one credential.
ALTER TABLE access_tokens ADD COLUMN signer TEXT REFERENCES signers (id);
ALTER TABLE access_tokens ADD COLUMN credential TEXT REFERENCES credentials (id);
ALTER TABLE access_tokens ADD COLUMN transaction_id TEXT REFERENCES transactions (id);
-- Its family: the authorisation it came of.
ALTER TABLE access_tokens ADD COLUMN authorization_id TEXT;
-- The certificate it is bound to, hex SHA-256.
ALTER TABLE access_tokens ADD COLUMN certificate TEXT;

CREATE INDEX access_tokens_of_family ON access_tokens (authorization_id) WHERE authorization_id IS NOT NULL;

CREATE TABLE refresh_tokens (
    sha256           BLOB PRIMARY KEY,
    authorization_id TEXT NOT NULL,
    portal           TEXT NOT NULL REFERENCES portals (id),
    signer           TEXT NOT NULL REFERENCES signers (id),
    -- Kept after its use: whoever shows it again has stolen it, or was stolen from.
    used             INTEGER NOT NULL DEFAULT 0,
    expires_at       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX refresh_tokens_of_family ON refresh_tokens (authorization_id);
CREATE INDEX refresh_tokens_by_end ON refresh_tokens (expires_at);

-- Identifiers of signed assertions, each good for one use.
CREATE TABLE assertions (
    portal     TEXT NOT NULL REFERENCES portals (id),
    jti_sha256 BLOB NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (portal, jti_sha256)
) STRICT, WITHOUT ROWID;

CREATE INDEX assertions_by_end ON assertions (expires_at);

-- Which signer a portal's account is: decided by the first confirmation.
CREATE TABLE accounts (
    portal         TEXT NOT NULL REFERENCES portals (id),
    account_sha256 BLOB NOT NULL,
    signer         TEXT NOT NULL REFERENCES signers (id),
    PRIMARY KEY (portal, account_sha256)
) STRICT, WITHOUT ROWID;

-- Which signer a person of an identity provider is. The person's number is kept as a MAC: it may be a national one.
CREATE TABLE identities (
    mac    BLOB PRIMARY KEY,
    signer TEXT NOT NULL REFERENCES signers (id)
) STRICT, WITHOUT ROWID;

CREATE INDEX signers_by_phone ON signers (phone);

-- Citizens on their way to the identity provider and back.
CREATE TABLE sign_ins (
    state_sha256   BLOB PRIMARY KEY,
    browser_sha256 BLOB NOT NULL,
    expires_at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Citizens who signed in, by the cookie of their browser.
CREATE TABLE sessions (
    sha256     BLOB PRIMARY KEY,
    signer     TEXT NOT NULL REFERENCES signers (id),
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
