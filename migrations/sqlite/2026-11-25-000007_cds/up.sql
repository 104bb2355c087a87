-- Calls of CDS Hooks clients by the id of the token that signed them: none is taken twice.
CREATE TABLE cds_calls (
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    issuer TEXT NOT NULL,
    token_id TEXT NOT NULL CHECK (length(token_id) BETWEEN 1 AND 255),
    -- From then on the token is refused for its age, and need not be remembered.
    forget_at INTEGER NOT NULL,
    PRIMARY KEY (organization_id, issuer, token_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX cds_calls_by_end ON cds_calls (forget_at);

-- Cards that were answered, for as long as feedback about them is taken.
CREATE TABLE cds_cards (
    organization_id TEXT NOT NULL,
    id TEXT NOT NULL CHECK (length(id) = 36),
    service TEXT NOT NULL,
    hook_instance TEXT NOT NULL CHECK (length(hook_instance) = 36),
    issuer TEXT NOT NULL,
    patient_id TEXT NOT NULL,
    -- SHA-256 of what the card said and rested on: with other facts it is another.
    decision TEXT NOT NULL CHECK (length(decision) = 64),
    -- The ids of its suggestions, separated by commas.
    suggestions TEXT NOT NULL,
    answered_at INTEGER NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, patient_id) REFERENCES patients (organization_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX cds_cards_by_age ON cds_cards (answered_at);

-- What was done with cards. It outlives them.
CREATE TABLE cds_feedback (
    organization_id TEXT NOT NULL,
    id TEXT NOT NULL CHECK (length(id) = 36),
    card_id TEXT NOT NULL CHECK (length(card_id) = 36),
    service TEXT NOT NULL,
    patient_id TEXT NOT NULL,
    decision TEXT NOT NULL CHECK (length(decision) = 64),
    outcome TEXT NOT NULL CHECK (outcome IN ('accepted', 'overridden')),
    -- The accepted suggestions, separated by commas.
    suggestions TEXT NOT NULL,
    reason_system TEXT,
    reason_code TEXT,
    -- What a clinician wrote beside it.
    comment TEXT,
    acted_at INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    PRIMARY KEY (organization_id, id),
    -- What is sent twice is kept once.
    UNIQUE (organization_id, card_id, outcome, acted_at),
    FOREIGN KEY (organization_id, patient_id) REFERENCES patients (organization_id, id),
    CHECK ((reason_system IS NULL) = (reason_code IS NULL)),
    CHECK ((outcome = 'accepted') = (suggestions <> '')),
    CHECK (outcome = 'overridden' OR (reason_code IS NULL AND comment IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX cds_feedback_by_patient ON cds_feedback (organization_id, patient_id, acted_at);
CREATE INDEX cds_feedback_by_day ON cds_feedback (organization_id, acted_at);
