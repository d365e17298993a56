-- The portal's desk: its staff's sessions, the age and use of client secrets, and what its lists and counts look for.

CREATE TABLE desk_sessions (
    -- SHA-256 of the browser's cookie.
    sha256        BLOB PRIMARY KEY,
    portal        TEXT NOT NULL REFERENCES portals (id),
    -- The client secret that opened it: a session does not outlive its secret.
    secret_sha256 BLOB NOT NULL,
    -- Moves on while the session is used, up to its last end.
    idle_at       INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Since when each live client secret is there (NULL: since its portal is), and when it was last used, to the hour.
ALTER TABLE portals ADD COLUMN secret_at INTEGER;
ALTER TABLE portals ADD COLUMN secret_used_at INTEGER;
ALTER TABLE portals ADD COLUMN previous_secret_at INTEGER;
ALTER TABLE portals ADD COLUMN previous_secret_used_at INTEGER;

-- The request an event tells of.
ALTER TABLE events ADD COLUMN request TEXT GENERATED ALWAYS AS (json_extract(body, '$.data.request_id')) VIRTUAL;
CREATE INDEX events_of_request ON events (request, sequence) WHERE request IS NOT NULL;

-- For counts by day.
CREATE INDEX transactions_by_end ON transactions (portal, state_at) WHERE state_at IS NOT NULL;
