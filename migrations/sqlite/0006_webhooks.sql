-- What portals are told: events in the commit of the change they tell of, and their way to each address.

CREATE TABLE webhooks (
    id               TEXT PRIMARY KEY,
    portal           TEXT NOT NULL REFERENCES portals (id),
    url              TEXT NOT NULL,
    -- Names of events, separated by spaces; all when empty.
    events           TEXT NOT NULL,
    state            TEXT NOT NULL,
    -- Sealed by the service; the old one signs beside the new one until its end.
    secret           TEXT NOT NULL,
    old_secret       TEXT,
    old_secret_until INTEGER,
    created_at       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX webhooks_of_portal ON webhooks (portal, created_at);

-- Numbers are given in each portal's own order and never again, also when old events are forgotten.
CREATE TABLE event_counters (
    portal TEXT PRIMARY KEY REFERENCES portals (id),
    last   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
    id             TEXT PRIMARY KEY,
    portal         TEXT NOT NULL REFERENCES portals (id),
    sequence       INTEGER NOT NULL,
    kind           TEXT NOT NULL,
    -- The very text that is signed and sent, the same at each try.
    body           TEXT NOT NULL,
    created_at     INTEGER NOT NULL,
    UNIQUE (portal, sequence)
) STRICT, WITHOUT ROWID;

CREATE INDEX events_by_age ON events (created_at);

CREATE TABLE deliveries (
    webhook      TEXT NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    event        TEXT NOT NULL REFERENCES events (id) ON DELETE CASCADE,
    -- pending, delivered, dead
    state        TEXT NOT NULL,
    attempts     INTEGER NOT NULL,
    next_at      INTEGER NOT NULL,
    -- A process that works on it has it until then; one that was killed loses it then.
    leased_until INTEGER NOT NULL,
    last_at      INTEGER,
    last_status  INTEGER,
    last_error   TEXT,
    PRIMARY KEY (webhook, event)
) STRICT, WITHOUT ROWID;

CREATE INDEX deliveries_due ON deliveries (next_at) WHERE state = 'pending';
CREATE INDEX deliveries_of_event ON deliveries (event);
