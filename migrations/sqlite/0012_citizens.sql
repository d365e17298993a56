-- The citizen's own pages: what they signed and for whom, freezing their signature, and who may act for them.

-- Since when the signer's keys are frozen; NULL while they may be used.
ALTER TABLE signers ADD COLUMN frozen_at INTEGER;

-- The method that confirmed it: 'sms', 'email', 'totp', 'passkey'.
ALTER TABLE transactions ADD COLUMN confirmed_by TEXT;

CREATE INDEX transactions_of_signer ON transactions (signer, created_at, id);

-- This service itself, as the one who asks when citizens open their own page. No secret has this hash, so nobody can be it.
INSERT INTO portals (id, name, secret_sha256, created_at) VALUES ('kyso-me', 'KYSO', zeroblob(32), 0);

-- Browsers in which a citizen's own page is open, or waits for its code.
CREATE TABLE own_sessions (
    -- SHA-256 of the browser's cookie.
    sha256         BLOB PRIMARY KEY,
    signer         TEXT NOT NULL REFERENCES signers (id),
    -- Whose code opens it; NULL once it is open.
    transaction_id TEXT REFERENCES transactions (id),
    -- Moves on while the session is used, up to its last end.
    idle_at        INTEGER NOT NULL,
    expires_at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX own_sessions_by_end ON own_sessions (expires_at);
CREATE INDEX refresh_tokens_of_signer ON refresh_tokens (signer, portal);
CREATE INDEX access_tokens_of_signer ON access_tokens (signer, portal) WHERE signer IS NOT NULL;
