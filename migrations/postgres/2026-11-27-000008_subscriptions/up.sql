-- Kept in step with the migration of the same name for SQLite.

-- Systems that are told of what happens: by a signed webhook, or as a FHIR subscription.
CREATE TABLE subscriptions (
    organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
    id TEXT COLLATE "C" NOT NULL CHECK (length(id) = 36),
    version INTEGER NOT NULL CHECK (version >= 1),
    kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('webhook', 'fhir')),
    status TEXT COLLATE "C" NOT NULL CHECK (status IN ('requested', 'active', 'error', 'off')),
    -- A code that says why it is neither waiting nor active.
    reason TEXT COLLATE "C",
    url TEXT COLLATE "C" NOT NULL CHECK (length(url) BETWEEN 1 AND 2000),
    -- Codes, separated by commas.
    topics TEXT COLLATE "C" NOT NULL CHECK (topics <> ''),
    -- Only what this profile says, and only what is about this patient.
    profile TEXT COLLATE "C",
    patient_id TEXT COLLATE "C",
    -- What webhooks are signed with; base64.
    secret TEXT COLLATE "C",
    -- The subscription as it was sent, as JSON.
    document TEXT COLLATE "C",
    heartbeat_seconds INTEGER CHECK (heartbeat_seconds >= 1),
    timeout_seconds INTEGER CHECK (timeout_seconds >= 1),
    events_at_once INTEGER NOT NULL CHECK (events_at_once >= 1),
    -- Who is told, and what they could reach when they asked for it.
    created_by TEXT COLLATE "C" NOT NULL,
    role TEXT COLLATE "C" NOT NULL,
    scopes TEXT COLLATE "C",
    scope_patient_id TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    ends_at BIGINT,
    -- How many events there were so far: the number of the newest.
    event_count BIGINT NOT NULL CHECK (event_count >= 0),
    -- Attempts that failed in a row.
    failures INTEGER NOT NULL CHECK (failures >= 0),
    -- When something was last taken at the other end.
    told_at BIGINT,
    -- When there is something to do next, and who is at it until then.
    due_at BIGINT,
    turn TEXT COLLATE "C" CHECK (length(turn) = 36),
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, patient_id) REFERENCES patients (organization_id, id),
    CHECK ((kind = 'webhook') = (secret IS NOT NULL)),
    CHECK ((kind = 'fhir') = (document IS NOT NULL))
);
CREATE INDEX subscriptions_due ON subscriptions (due_at) WHERE due_at IS NOT NULL;

-- The topics that somebody waits to be told of. Apart from the subscriptions, which change with each delivery: who
-- records a block reads this, and must not meet that.
CREATE TABLE subscription_topics (
    organization_id TEXT COLLATE "C" NOT NULL,
    subscription_id TEXT COLLATE "C" NOT NULL,
    topic TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (organization_id, topic, subscription_id),
    FOREIGN KEY (organization_id, subscription_id) REFERENCES subscriptions (organization_id, id) ON DELETE CASCADE
);
CREATE INDEX subscription_topics_by_topic ON subscription_topics (topic, organization_id);

-- What happened, written with what made it happen, until it is handed to those who are to be told.
CREATE TABLE subscription_events (
    organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
    id TEXT COLLATE "C" NOT NULL CHECK (length(id) = 36),
    topic TEXT COLLATE "C" NOT NULL,
    patient_id TEXT COLLATE "C" NOT NULL,
    episode_id TEXT COLLATE "C" NOT NULL,
    block_id TEXT COLLATE "C",
    joint TEXT COLLATE "C",
    side TEXT COLLATE "C",
    profile TEXT COLLATE "C",
    occurred_at BIGINT NOT NULL,
    PRIMARY KEY (organization_id, id)
);
CREATE INDEX subscription_events_in_order ON subscription_events (id);

-- What one subscription is to be told, numbered from 1 without a gap.
CREATE TABLE deliveries (
    organization_id TEXT COLLATE "C" NOT NULL,
    subscription_id TEXT COLLATE "C" NOT NULL,
    number BIGINT NOT NULL CHECK (number >= 1),
    -- The same with every attempt.
    id TEXT COLLATE "C" NOT NULL CHECK (length(id) = 36),
    topic TEXT COLLATE "C" NOT NULL,
    patient_id TEXT COLLATE "C" NOT NULL,
    episode_id TEXT COLLATE "C" NOT NULL,
    block_id TEXT COLLATE "C",
    joint TEXT COLLATE "C",
    side TEXT COLLATE "C",
    profile TEXT COLLATE "C",
    occurred_at BIGINT NOT NULL,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('waiting', 'delivered', 'dead')),
    attempts INTEGER NOT NULL CHECK (attempts >= 0),
    next_attempt_at BIGINT,
    attempted_at BIGINT,
    -- What went wrong the last time.
    failure TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    PRIMARY KEY (organization_id, subscription_id, number),
    FOREIGN KEY (organization_id, subscription_id) REFERENCES subscriptions (organization_id, id) ON DELETE CASCADE,
    CHECK ((state = 'waiting') = (next_attempt_at IS NOT NULL))
);
CREATE INDEX deliveries_waiting ON deliveries (organization_id, subscription_id, number) WHERE state = 'waiting';
CREATE INDEX deliveries_next ON deliveries (organization_id, subscription_id, next_attempt_at) WHERE state = 'waiting';
CREATE INDEX deliveries_dead ON deliveries (organization_id, subscription_id, number) WHERE state = 'dead';
CREATE INDEX deliveries_by_age ON deliveries (created_at);

-- Blocks whose diary was told of as overdue: each is told of once.
CREATE TABLE overdue_diaries (
    organization_id TEXT COLLATE "C" NOT NULL,
    block_id TEXT COLLATE "C" NOT NULL,
    noted_at BIGINT NOT NULL,
    PRIMARY KEY (organization_id, block_id),
    FOREIGN KEY (organization_id, block_id) REFERENCES blocks (organization_id, id)
);
CREATE INDEX diary_links_by_end ON diary_links (organization_id, expires_at) WHERE revoked_at IS NULL;
