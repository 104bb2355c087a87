-- When the patient answered, where that is known apart from when the score was recorded.
ALTER TABLE scores ADD COLUMN answered_at BIGINT;

-- Links by which a patient keeps one block's diary on a phone. The link's token is not kept: it is signed.
CREATE TABLE diary_links (
    organization_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL CHECK (length(id) = 36),
    patient_id TEXT COLLATE "C" NOT NULL,
    block_id TEXT COLLATE "C" NOT NULL,
    -- Null: as the phone asks.
    language TEXT COLLATE "C" CHECK (language IN ('en', 'es')),
    remind_by TEXT COLLATE "C" CHECK (remind_by IN ('webhook', 'email')),
    -- The address of reminders by e-mail; forgotten when the link ends.
    remind_to TEXT COLLATE "C" CHECK (length(remind_to) <= 254),
    -- When a reminder is to be sent next, of which of the diary's times, and how often that was tried.
    remind_at BIGINT,
    remind_minutes BIGINT,
    remind_attempts INTEGER NOT NULL CHECK (remind_attempts >= 0),
    created_at BIGINT NOT NULL,
    created_by TEXT COLLATE "C" NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT,
    revoked_by TEXT COLLATE "C",
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, patient_id, block_id) REFERENCES blocks (organization_id, patient_id, id),
    CHECK (remind_to IS NULL OR remind_by = 'email'),
    CHECK ((remind_at IS NULL) = (remind_minutes IS NULL)),
    CHECK ((revoked_at IS NULL) = (revoked_by IS NULL))
);
-- A token names a link and nothing else.
CREATE UNIQUE INDEX diary_links_by_id ON diary_links (id);
CREATE INDEX diary_links_by_block ON diary_links (organization_id, block_id, id);
CREATE INDEX diary_links_to_remind ON diary_links (remind_at) WHERE remind_at IS NOT NULL;
CREATE INDEX diary_links_with_address ON diary_links (expires_at) WHERE remind_to IS NOT NULL;

-- The answers that came through a link, by the id that the phone drew: one sent twice is stored once.
CREATE TABLE diary_entries (
    organization_id TEXT COLLATE "C" NOT NULL,
    link_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL CHECK (length(id) = 36),
    score_id TEXT COLLATE "C" NOT NULL,
    received_at BIGINT NOT NULL,
    -- Microseconds by which the phone's clock was ahead, where the times were moved by it.
    clock_ahead BIGINT,
    PRIMARY KEY (organization_id, link_id, id),
    FOREIGN KEY (organization_id, link_id) REFERENCES diary_links (organization_id, id),
    FOREIGN KEY (organization_id, score_id) REFERENCES scores (organization_id, id)
);
