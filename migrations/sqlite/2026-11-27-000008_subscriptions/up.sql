-- Systems that are told of what happens: by a signed webhook, or as a FHIR subscription.
CREATE TABLE subscriptions (
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    id TEXT NOT NULL CHECK (length(id) = 36),
    version INTEGER NOT NULL CHECK (version >= 1),
    kind TEXT NOT NULL CHECK (kind IN ('webhook', 'fhir')),
    status TEXT NOT NULL CHECK (status IN ('requested', 'active', 'error', 'off')),
    -- A code that says why it is neither waiting nor active.
    reason TEXT,
    url TEXT NOT NULL CHECK (length(url) BETWEEN 1 AND 2000),
    -- Codes, separated by commas.
    topics TEXT NOT NULL CHECK (topics <> ''),
    -- Only what this profile says, and only what is about this patient.
    profile TEXT,
    patient_id TEXT,
    -- What webhooks are signed with; base64.
    secret TEXT,
    -- The subscription as it was sent, as JSON.
    document TEXT,
    heartbeat_seconds INTEGER CHECK (heartbeat_seconds >= 1),
    timeout_seconds INTEGER CHECK (timeout_seconds >= 1),
    events_at_once INTEGER NOT NULL CHECK (events_at_once >= 1),
    -- Who is told, and what they could reach when they asked for it.
    created_by TEXT NOT NULL,
    role TEXT NOT NULL,
    scopes TEXT,
    scope_patient_id TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    ends_at INTEGER,
    -- How many events there were so far: the number of the newest.
    event_count INTEGER NOT NULL CHECK (event_count >= 0),
    -- Attempts that failed in a row.
    failures INTEGER NOT NULL CHECK (failures >= 0),
    -- When something was last taken at the other end.
    told_at INTEGER,
    -- When there is something to do next, and who is at it until then.
    due_at INTEGER,
    turn TEXT CHECK (length(turn) = 36),
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, patient_id) REFERENCES patients (organization_id, id),
    CHECK ((kind = 'webhook') = (secret IS NOT NULL)),
    CHECK ((kind = 'fhir') = (document IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX subscriptions_due ON subscriptions (due_at) WHERE due_at IS NOT NULL;

-- The topics that somebody waits to be told of. Apart from the subscriptions, which change with each delivery: who
-- records a block reads this, and must not meet that.
CREATE TABLE subscription_topics (
    organization_id TEXT NOT NULL,
    subscription_id TEXT NOT NULL,
    topic TEXT NOT NULL,
    PRIMARY KEY (organization_id, topic, subscription_id),
    FOREIGN KEY (organization_id, subscription_id) REFERENCES subscriptions (organization_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX subscription_topics_by_topic ON subscription_topics (topic, organization_id);

-- What happened, written with what made it happen, until it is handed to those who are to be told.
CREATE TABLE subscription_events (
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    id TEXT NOT NULL CHECK (length(id) = 36),
    topic TEXT NOT NULL,
    patient_id TEXT NOT NULL,
    episode_id TEXT NOT NULL,
    block_id TEXT,
    joint TEXT,
    side TEXT,
    profile TEXT,
    occurred_at INTEGER NOT NULL,
    PRIMARY KEY (organization_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX subscription_events_in_order ON subscription_events (id);

-- What one subscription is to be told, numbered from 1 without a gap.
CREATE TABLE deliveries (
    organization_id TEXT NOT NULL,
    subscription_id TEXT NOT NULL,
    number INTEGER NOT NULL CHECK (number >= 1),
    -- The same with every attempt.
    id TEXT NOT NULL CHECK (length(id) = 36),
    topic TEXT NOT NULL,
    patient_id TEXT NOT NULL,
    episode_id TEXT NOT NULL,
    block_id TEXT,
    joint TEXT,
    side TEXT,
    profile TEXT,
    occurred_at INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'delivered', 'dead')),
    attempts INTEGER NOT NULL CHECK (attempts >= 0),
    next_attempt_at INTEGER,
    attempted_at INTEGER,
    -- What went wrong the last time.
    failure TEXT,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (organization_id, subscription_id, number),
    FOREIGN KEY (organization_id, subscription_id) REFERENCES subscriptions (organization_id, id) ON DELETE CASCADE,
    CHECK ((state = 'waiting') = (next_attempt_at IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX deliveries_waiting ON deliveries (organization_id, subscription_id, number) WHERE state = 'waiting';
CREATE INDEX deliveries_next ON deliveries (organization_id, subscription_id, next_attempt_at) WHERE state = 'waiting';
CREATE INDEX deliveries_dead ON deliveries (organization_id, subscription_id, number) WHERE state = 'dead';
CREATE INDEX deliveries_by_age ON deliveries (created_at);

-- Blocks whose diary was told of as overdue: each is told of once.
CREATE TABLE overdue_diaries (
    organization_id TEXT NOT NULL,
    block_id TEXT NOT NULL,
    noted_at INTEGER NOT NULL,
    PRIMARY KEY (organization_id, block_id),
    FOREIGN KEY (organization_id, block_id) REFERENCES blocks (organization_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX diary_links_by_end ON diary_links (organization_id, expires_at) WHERE revoked_at IS NULL;
