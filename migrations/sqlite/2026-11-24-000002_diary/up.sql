-- When the patient answered, where that is known apart from when the score was recorded.
ALTER TABLE scores ADD COLUMN answered_at INTEGER;

-- Links by which a patient keeps one block's diary on a phone. The link's token is not kept: it is signed.
CREATE TABLE diary_links (
    organization_id TEXT NOT NULL,
    id TEXT NOT NULL CHECK (length(id) = 36),
    patient_id TEXT NOT NULL,
    block_id TEXT NOT NULL,
    -- Null: as the phone asks.
    language TEXT CHECK (language IN ('en', 'es')),
    remind_by TEXT CHECK (remind_by IN ('webhook', 'email')),
    -- The address of reminders by e-mail; forgotten when the link ends.
    remind_to TEXT CHECK (length(remind_to) <= 254),
    -- When a reminder is to be sent next, of which of the diary's times, and how often that was tried.
    remind_at INTEGER,
    remind_minutes INTEGER,
    remind_attempts INTEGER NOT NULL CHECK (remind_attempts >= 0),
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER,
    revoked_by TEXT,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, patient_id, block_id) REFERENCES blocks (organization_id, patient_id, id),
    CHECK (remind_to IS NULL OR remind_by = 'email'),
    CHECK ((remind_at IS NULL) = (remind_minutes IS NULL)),
    CHECK ((revoked_at IS NULL) = (revoked_by IS NULL))
) STRICT, WITHOUT ROWID;
-- A token names a link and nothing else.
CREATE UNIQUE INDEX diary_links_by_id ON diary_links (id);
CREATE INDEX diary_links_by_block ON diary_links (organization_id, block_id, id);
CREATE INDEX diary_links_to_remind ON diary_links (remind_at) WHERE remind_at IS NOT NULL;
CREATE INDEX diary_links_with_address ON diary_links (expires_at) WHERE remind_to IS NOT NULL;

-- The answers that came through a link, by the id that the phone drew: one sent twice is stored once.
CREATE TABLE diary_entries (
    organization_id TEXT NOT NULL,
    link_id TEXT NOT NULL,
    id TEXT NOT NULL CHECK (length(id) = 36),
    score_id TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    -- Microseconds by which the phone's clock was ahead, where the times were moved by it.
    clock_ahead INTEGER,
    PRIMARY KEY (organization_id, link_id, id),
    FOREIGN KEY (organization_id, link_id) REFERENCES diary_links (organization_id, id),
    FOREIGN KEY (organization_id, score_id) REFERENCES scores (organization_id, id)
) STRICT, WITHOUT ROWID;
