-- Kept in step with the migration of the same name for PostgreSQL; a test compares the two with src/db/schema.rs.
-- Every record is clustered by (organization_id, id): ids are time-ordered, so writing appends, and a page of a list
-- reads neighbours.

CREATE TABLE organizations (
    -- The name in the token.
    id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (id)
) STRICT, WITHOUT ROWID;

CREATE TABLE patients (
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    id TEXT NOT NULL CHECK (length(id) = 36),
    version INTEGER NOT NULL CHECK (version >= 1),
    family_name TEXT,
    given_name TEXT,
    birth_date TEXT CHECK (length(birth_date) = 10),
    sex TEXT CHECK (sex IN ('female', 'male', 'other', 'unknown')),
    -- Family and given name in lower case: what lists are sorted by and searched in.
    sort_name TEXT NOT NULL,
    recorded_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (organization_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX patients_by_name ON patients (organization_id, sort_name, id);

CREATE TABLE patient_identifiers (
    organization_id TEXT NOT NULL,
    system TEXT NOT NULL,
    value TEXT NOT NULL,
    -- The value in lower case: what a search compares.
    value_folded TEXT NOT NULL,
    patient_id TEXT NOT NULL,
    -- Its place in the patient's list.
    position INTEGER NOT NULL,
    PRIMARY KEY (organization_id, system, value),
    FOREIGN KEY (organization_id, patient_id) REFERENCES patients (organization_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX patient_identifiers_by_patient ON patient_identifiers (organization_id, patient_id, position);
CREATE INDEX patient_identifiers_by_value ON patient_identifiers (organization_id, value_folded, patient_id);

CREATE TABLE episodes (
    organization_id TEXT NOT NULL,
    id TEXT NOT NULL CHECK (length(id) = 36),
    patient_id TEXT NOT NULL,
    version INTEGER NOT NULL CHECK (version >= 1),
    region TEXT NOT NULL CHECK (region IN ('cervical', 'thoracic', 'lumbar')),
    onset_date TEXT CHECK (length(onset_date) = 10),
    axial INTEGER CHECK (axial IN (0, 1)),
    radiculopathy TEXT CHECK (radiculopathy IN ('none', 'treated', 'untreated', 'facet_cyst')),
    other_causes_excluded INTEGER CHECK (other_causes_excluded IN (0, 1)),
    worse_with_extension_or_rotation INTEGER CHECK (worse_with_extension_or_rotation IN (0, 1)),
    imaging_suggests_facet INTEGER CHECK (imaging_suggests_facet IN (0, 1)),
    -- Lists of value objects are JSON.
    causes TEXT NOT NULL,
    -- Joints in a row, separated by commas; null: not recorded, empty: none.
    fused_joints TEXT,
    conservative_care TEXT NOT NULL,
    disability TEXT NOT NULL,
    assessment TEXT,
    recorded_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (organization_id, id),
    -- What children refer to, so that none can point to another patient or organization; and a patient's episodes.
    UNIQUE (organization_id, patient_id, id),
    FOREIGN KEY (organization_id, patient_id) REFERENCES patients (organization_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE blocks (
    organization_id TEXT NOT NULL,
    id TEXT NOT NULL CHECK (length(id) = 36),
    patient_id TEXT NOT NULL,
    episode_id TEXT NOT NULL,
    version INTEGER NOT NULL CHECK (version >= 1),
    -- Microseconds since 1970 in UTC, with the minutes east of it that were recorded.
    performed_at INTEGER NOT NULL,
    performed_offset INTEGER NOT NULL CHECK (performed_offset BETWEEN -1439 AND 1439),
    -- The local calendar date.
    performed_on TEXT NOT NULL CHECK (length(performed_on) = 10),
    kind TEXT NOT NULL CHECK (kind IN ('diagnostic', 'therapeutic')),
    technique TEXT NOT NULL CHECK (technique IN ('medial_branch', 'intra_articular')),
    joints TEXT NOT NULL CHECK (joints <> ''),
    side TEXT NOT NULL CHECK (side IN ('left', 'right', 'bilateral')),
    agent TEXT CHECK (agent IN ('lidocaine', 'mepivacaine', 'bupivacaine', 'levobupivacaine', 'ropivacaine', 'prilocaine', 'procaine', 'chloroprocaine', 'tetracaine', 'articaine', 'saline', 'other')),
    concentration_thousandths INTEGER CHECK (concentration_thousandths >= 0),
    volume_microlitres INTEGER CHECK (volume_microlitres >= 0),
    steroid INTEGER CHECK (steroid IN (0, 1)),
    guidance TEXT CHECK (guidance IN ('fluoroscopy', 'ct', 'ultrasound', 'mri', 'none')),
    sedation TEXT CHECK (sedation IN ('none', 'minimal', 'moderate', 'deep', 'general')),
    stated_relief_tenths INTEGER CHECK (stated_relief_tenths BETWEEN -1000 AND 1000),
    stated_relief_minutes INTEGER CHECK (stated_relief_minutes >= 0),
    duration_minutes INTEGER CHECK (duration_minutes >= 0),
    operator TEXT,
    site TEXT,
    corrected_nerves TEXT,
    same_day_return INTEGER CHECK (same_day_return IN (0, 1)),
    recorded_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    withdrawn_at INTEGER,
    withdrawn_reason TEXT,
    PRIMARY KEY (organization_id, id),
    UNIQUE (organization_id, patient_id, id),
    FOREIGN KEY (organization_id, patient_id, episode_id) REFERENCES episodes (organization_id, patient_id, id),
    CHECK ((withdrawn_at IS NULL) = (withdrawn_reason IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX blocks_by_episode ON blocks (organization_id, episode_id, id);
CREATE INDEX blocks_by_operator ON blocks (organization_id, operator, id) WHERE operator IS NOT NULL;
CREATE INDEX blocks_by_day ON blocks (organization_id, performed_on, id);

CREATE TABLE scores (
    organization_id TEXT NOT NULL,
    id TEXT NOT NULL CHECK (length(id) = 36),
    patient_id TEXT NOT NULL,
    block_id TEXT NOT NULL,
    version INTEGER NOT NULL CHECK (version >= 1),
    taken_at INTEGER NOT NULL,
    taken_offset INTEGER NOT NULL CHECK (taken_offset BETWEEN -1439 AND 1439),
    scale TEXT NOT NULL CHECK (scale IN ('nrs', 'vas')),
    value_tenths INTEGER NOT NULL CHECK (value_tenths BETWEEN 0 AND CASE scale WHEN 'nrs' THEN 100 ELSE 1000 END),
    context TEXT NOT NULL CHECK (context IN ('movement', 'current', 'rest')),
    side TEXT CHECK (side IN ('left', 'right')),
    stated_relief_tenths INTEGER CHECK (stated_relief_tenths BETWEEN -1000 AND 1000),
    analgesic_taken INTEGER NOT NULL CHECK (analgesic_taken IN (0, 1)),
    reported_by TEXT CHECK (reported_by IN ('patient', 'clinician', 'system')),
    recorded_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    withdrawn_at INTEGER,
    withdrawn_reason TEXT,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, patient_id, block_id) REFERENCES blocks (organization_id, patient_id, id),
    CHECK ((withdrawn_at IS NULL) = (withdrawn_reason IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX scores_by_block ON scores (organization_id, block_id, id);

CREATE TABLE ablations (
    organization_id TEXT NOT NULL,
    id TEXT NOT NULL CHECK (length(id) = 36),
    patient_id TEXT NOT NULL,
    episode_id TEXT NOT NULL,
    version INTEGER NOT NULL CHECK (version >= 1),
    performed_on TEXT NOT NULL CHECK (length(performed_on) = 10),
    joints TEXT NOT NULL CHECK (joints <> ''),
    side TEXT NOT NULL CHECK (side IN ('left', 'right', 'bilateral')),
    technique TEXT CHECK (technique IN ('thermal', 'cooled', 'pulsed', 'other')),
    temperature_tenths_c INTEGER,
    pre_score_scale TEXT CHECK (pre_score_scale IN ('nrs', 'vas')),
    pre_score_tenths INTEGER CHECK (pre_score_tenths BETWEEN 0 AND CASE pre_score_scale WHEN 'nrs' THEN 100 ELSE 1000 END),
    operator TEXT,
    site TEXT,
    recorded_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    withdrawn_at INTEGER,
    withdrawn_reason TEXT,
    PRIMARY KEY (organization_id, id),
    UNIQUE (organization_id, patient_id, id),
    FOREIGN KEY (organization_id, patient_id, episode_id) REFERENCES episodes (organization_id, patient_id, id),
    CHECK ((pre_score_scale IS NULL) = (pre_score_tenths IS NULL)),
    CHECK ((withdrawn_at IS NULL) = (withdrawn_reason IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX ablations_by_episode ON ablations (organization_id, episode_id, id);

CREATE TABLE follow_ups (
    organization_id TEXT NOT NULL,
    id TEXT NOT NULL CHECK (length(id) = 36),
    patient_id TEXT NOT NULL,
    ablation_id TEXT NOT NULL,
    version INTEGER NOT NULL CHECK (version >= 1),
    taken_on TEXT NOT NULL CHECK (length(taken_on) = 10),
    score_scale TEXT CHECK (score_scale IN ('nrs', 'vas')),
    score_tenths INTEGER CHECK (score_tenths BETWEEN 0 AND CASE score_scale WHEN 'nrs' THEN 100 ELSE 1000 END),
    stated_relief_tenths INTEGER CHECK (stated_relief_tenths BETWEEN -1000 AND 1000),
    function_improvement_tenths INTEGER CHECK (function_improvement_tenths BETWEEN -1000 AND 1000),
    pgic INTEGER CHECK (pgic BETWEEN 1 AND 7),
    recorded_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    withdrawn_at INTEGER,
    withdrawn_reason TEXT,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, patient_id, ablation_id) REFERENCES ablations (organization_id, patient_id, id),
    CHECK ((score_scale IS NULL) = (score_tenths IS NULL)),
    CHECK ((withdrawn_at IS NULL) = (withdrawn_reason IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX follow_ups_by_ablation ON follow_ups (organization_id, ablation_id, id);

CREATE TABLE adverse_events (
    organization_id TEXT NOT NULL,
    id TEXT NOT NULL CHECK (length(id) = 36),
    patient_id TEXT NOT NULL,
    block_id TEXT,
    ablation_id TEXT,
    version INTEGER NOT NULL CHECK (version >= 1),
    category TEXT NOT NULL CHECK (category IN ('soreness', 'bleeding', 'allergic_reaction', 'infection', 'vasovagal_reaction', 'nausea', 'rash', 'numbness', 'neuritis', 'motor_weakness', 'worsening_pain', 'dural_puncture', 'intravascular_injection', 'systemic_toxicity', 'skin_burn', 'pneumothorax', 'wrong_side_or_level', 'device_interaction', 'other')),
    grade TEXT NOT NULL CHECK (grade IN ('minor', 'serious')),
    onset_on TEXT NOT NULL CHECK (length(onset_on) = 10),
    relation TEXT CHECK (relation IN ('related', 'possible', 'unrelated', 'unknown')),
    resolved_on TEXT CHECK (length(resolved_on) = 10),
    note TEXT,
    recorded_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, patient_id, block_id) REFERENCES blocks (organization_id, patient_id, id),
    FOREIGN KEY (organization_id, patient_id, ablation_id) REFERENCES ablations (organization_id, patient_id, id),
    CHECK ((block_id IS NULL) <> (ablation_id IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX adverse_events_by_patient ON adverse_events (organization_id, patient_id, id);
CREATE INDEX adverse_events_by_block ON adverse_events (organization_id, block_id, id) WHERE block_id IS NOT NULL;
CREATE INDEX adverse_events_by_ablation ON adverse_events (organization_id, ablation_id, id) WHERE ablation_id IS NOT NULL;

-- What a record said before it was corrected or withdrawn.
CREATE TABLE resource_versions (
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    kind TEXT NOT NULL,
    id TEXT NOT NULL CHECK (length(id) = 36),
    version INTEGER NOT NULL CHECK (version >= 1),
    -- The earlier state, as JSON.
    body TEXT NOT NULL,
    valid_from INTEGER NOT NULL,
    valid_to INTEGER NOT NULL,
    changed_by TEXT NOT NULL,
    reason TEXT,
    PRIMARY KEY (organization_id, kind, id, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE determinations (
    organization_id TEXT NOT NULL,
    episode_id TEXT NOT NULL,
    joint TEXT NOT NULL,
    side TEXT NOT NULL CHECK (side IN ('left', 'right')),
    profile TEXT NOT NULL,
    patient_id TEXT NOT NULL,
    profile_version INTEGER NOT NULL CHECK (profile_version >= 1),
    purpose TEXT NOT NULL CHECK (purpose IN ('initial', 'repeat')),
    verdict TEXT NOT NULL CHECK (verdict IN ('meets', 'needs_review', 'insufficient_data', 'does_not_meet')),
    next_step TEXT NOT NULL CHECK (next_step IN ('refer_for_ablation', 'repeat_ablation', 'follow_up', 'none', 'diagnostic_block', 'record_scores', 'confirmatory_block', 'complete_record')),
    earliest TEXT CHECK (length(earliest) = 10),
    changes_on TEXT CHECK (length(changes_on) = 10),
    -- Two bits a rule.
    statuses INTEGER NOT NULL,
    rediagnosed INTEGER NOT NULL CHECK (rediagnosed IN (0, 1)),
    evaluated_as_of TEXT NOT NULL CHECK (length(evaluated_as_of) = 10),
    -- The day the present next step began.
    since TEXT NOT NULL CHECK (length(since) = 10),
    -- The lowest of the counted blocks' best reliefs.
    relief_tenths INTEGER,
    -- Minus relief_tenths, and after all others where there is none: ascending is best relief first.
    relief_order INTEGER NOT NULL,
    operator TEXT,
    last_block_on TEXT CHECK (length(last_block_on) = 10),
    region TEXT NOT NULL CHECK (region IN ('cervical', 'thoracic', 'lumbar')),
    -- The patient's, repeated here so that one index gives the list in its order.
    sort_name TEXT NOT NULL,
    decided_at INTEGER NOT NULL,
    PRIMARY KEY (organization_id, episode_id, joint, side, profile),
    FOREIGN KEY (organization_id, patient_id, episode_id) REFERENCES episodes (organization_id, patient_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX determinations_by_waiting ON determinations (organization_id, next_step, since, episode_id, joint, side, profile);
CREATE INDEX determinations_by_relief ON determinations (organization_id, next_step, relief_order, episode_id, joint, side, profile);
CREATE INDEX determinations_by_name ON determinations (organization_id, next_step, sort_name, episode_id, joint, side, profile);
CREATE INDEX determinations_due ON determinations (changes_on, organization_id, patient_id) WHERE changes_on IS NOT NULL;

CREATE TABLE determination_history (
    organization_id TEXT NOT NULL,
    id TEXT NOT NULL CHECK (length(id) = 36),
    patient_id TEXT NOT NULL,
    episode_id TEXT NOT NULL,
    joint TEXT NOT NULL,
    side TEXT NOT NULL,
    profile TEXT NOT NULL,
    profile_version INTEGER NOT NULL,
    purpose TEXT NOT NULL,
    verdict TEXT NOT NULL,
    next_step TEXT NOT NULL,
    earliest TEXT,
    changes_on TEXT,
    statuses INTEGER NOT NULL,
    rediagnosed INTEGER NOT NULL CHECK (rediagnosed IN (0, 1)),
    evaluated_as_of TEXT NOT NULL,
    since TEXT NOT NULL,
    decided_at INTEGER NOT NULL,
    replaced_at INTEGER NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, patient_id, episode_id) REFERENCES episodes (organization_id, patient_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX determination_history_by_episode ON determination_history (organization_id, episode_id, id);

CREATE TABLE reviews (
    organization_id TEXT NOT NULL,
    id TEXT NOT NULL CHECK (length(id) = 36),
    episode_id TEXT NOT NULL,
    decision TEXT NOT NULL CHECK (decision IN ('referred', 'declined', 'deferred')),
    deferred_until TEXT CHECK (length(deferred_until) = 10),
    note TEXT,
    decided_by TEXT NOT NULL,
    decided_at INTEGER NOT NULL,
    undone_at INTEGER,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, episode_id) REFERENCES episodes (organization_id, id),
    CHECK ((decision = 'deferred') = (deferred_until IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX reviews_by_episode ON reviews (organization_id, episode_id, id) WHERE undone_at IS NULL;

CREATE TABLE profile_versions (
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    id TEXT NOT NULL,
    version INTEGER NOT NULL CHECK (version >= 1),
    -- TOML.
    document TEXT NOT NULL,
    loaded_at INTEGER NOT NULL,
    loaded_by TEXT NOT NULL,
    PRIMARY KEY (organization_id, id, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE profile_activations (
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    id TEXT NOT NULL,
    version INTEGER NOT NULL CHECK (version >= 1),
    active INTEGER NOT NULL CHECK (active IN (0, 1)),
    changed_at INTEGER NOT NULL,
    changed_by TEXT NOT NULL,
    PRIMARY KEY (organization_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE idempotency_keys (
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    principal TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    status INTEGER NOT NULL,
    headers TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (organization_id, principal, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

CREATE TABLE audit_entries (
    organization_id TEXT NOT NULL,
    id TEXT NOT NULL CHECK (length(id) = 36),
    -- Given when the entry is sealed into the chain.
    sequence INTEGER CHECK (sequence >= 1),
    at INTEGER NOT NULL,
    principal TEXT NOT NULL,
    role TEXT NOT NULL,
    action TEXT NOT NULL,
    resource_kind TEXT NOT NULL,
    resource_id TEXT,
    patient_id TEXT,
    outcome TEXT NOT NULL,
    detail TEXT,
    previous_hash TEXT,
    hash TEXT,
    PRIMARY KEY (organization_id, id),
    CHECK ((sequence IS NULL) = (hash IS NULL))
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX audit_entries_by_sequence ON audit_entries (organization_id, sequence) WHERE sequence IS NOT NULL;
CREATE INDEX audit_entries_unsealed ON audit_entries (organization_id, id) WHERE sequence IS NULL;
CREATE INDEX audit_entries_by_patient ON audit_entries (organization_id, patient_id, id) WHERE patient_id IS NOT NULL;
-- Entries are only ever added, and sealed once.
CREATE TRIGGER audit_entries_no_delete BEFORE DELETE ON audit_entries
BEGIN
    SELECT RAISE(ABORT, 'audit entries are kept');
END;
CREATE TRIGGER audit_entries_no_change BEFORE UPDATE ON audit_entries
WHEN OLD.sequence IS NOT NULL
    OR (NEW.organization_id, NEW.id, NEW.at, NEW.principal, NEW.role, NEW.action, NEW.resource_kind, NEW.resource_id, NEW.patient_id, NEW.outcome, NEW.detail)
    IS NOT (OLD.organization_id, OLD.id, OLD.at, OLD.principal, OLD.role, OLD.action, OLD.resource_kind, OLD.resource_id, OLD.patient_id, OLD.outcome, OLD.detail)
BEGIN
    SELECT RAISE(ABORT, 'audit entries are kept');
END;

CREATE TABLE exports (
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    id TEXT NOT NULL CHECK (length(id) = 36),
    dataset TEXT NOT NULL,
    format TEXT NOT NULL,
    filters TEXT NOT NULL,
    deidentify INTEGER NOT NULL CHECK (deidentify IN (0, 1)),
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
    row_count INTEGER,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    finished_at INTEGER,
    failure TEXT,
    PRIMARY KEY (organization_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX exports_open ON exports (state, id) WHERE state IN ('queued', 'running');

CREATE TABLE export_files (
    organization_id TEXT NOT NULL,
    export_id TEXT NOT NULL,
    name TEXT NOT NULL,
    media_type TEXT NOT NULL,
    content_path TEXT NOT NULL,
    bytes INTEGER NOT NULL CHECK (bytes >= 0),
    -- In hexadecimal digits.
    sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
    row_count INTEGER CHECK (row_count >= 0),
    PRIMARY KEY (organization_id, export_id, name),
    FOREIGN KEY (organization_id, export_id) REFERENCES exports (organization_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE import_progress (
    organization_id TEXT NOT NULL,
    -- SHA-256 of the file.
    source TEXT NOT NULL,
    line INTEGER NOT NULL CHECK (line >= 0),
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (organization_id, source)
) STRICT, WITHOUT ROWID;

CREATE TABLE job_runs (
    name TEXT NOT NULL,
    last_run_at INTEGER NOT NULL,
    last_as_of TEXT,
    detail TEXT,
    PRIMARY KEY (name)
) STRICT, WITHOUT ROWID;

-- What the planner is to assume. Without this it takes ten rows for an organization's share of a table, and so reads
-- all of them to find those of one patient. Each row: how many rows there are, then how many share the first column of
-- the index, the first two, and so on. ANALYZE, should somebody run it, puts what it counts in its place.
ANALYZE;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('episodes', 'episodes', '100000 100000 1'),
    ('episodes', 'sqlite_autoindex_episodes_2', '100000 100000 2 1'),
    ('blocks', 'blocks', '200000 200000 1'),
    ('blocks', 'sqlite_autoindex_blocks_2', '200000 200000 3 1'),
    ('blocks', 'blocks_by_episode', '200000 200000 2 1'),
    ('blocks', 'blocks_by_day', '200000 200000 50 1'),
    ('scores', 'scores', '3000000 3000000 1'),
    ('scores', 'scores_by_block', '3000000 3000000 15 1'),
    ('ablations', 'ablations', '50000 50000 1'),
    ('ablations', 'sqlite_autoindex_ablations_2', '50000 50000 2 1'),
    ('ablations', 'ablations_by_episode', '50000 50000 2 1'),
    ('follow_ups', 'follow_ups', '100000 100000 1'),
    ('follow_ups', 'follow_ups_by_ablation', '100000 100000 3 1');
