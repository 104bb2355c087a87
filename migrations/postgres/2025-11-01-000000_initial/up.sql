-- Kept in step with the migration of the same name for SQLite; a test compares the two with src/db/schema.rs.
-- Text is compared byte by byte (COLLATE "C"), as in SQLite, so that pages have one order on both.

CREATE TABLE organizations (
    -- The name in the token.
    id TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE patients (
    organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
    id TEXT COLLATE "C" NOT NULL CHECK (length(id) = 36),
    version INTEGER NOT NULL CHECK (version >= 1),
    family_name TEXT COLLATE "C",
    given_name TEXT COLLATE "C",
    birth_date TEXT COLLATE "C" CHECK (length(birth_date) = 10),
    sex TEXT COLLATE "C" CHECK (sex IN ('female', 'male', 'other', 'unknown')),
    -- Family and given name in lower case: what lists are sorted by and searched in.
    sort_name TEXT COLLATE "C" NOT NULL,
    recorded_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (organization_id, id)
);
CREATE INDEX patients_by_name ON patients (organization_id, sort_name, id);

CREATE TABLE patient_identifiers (
    organization_id TEXT COLLATE "C" NOT NULL,
    system TEXT COLLATE "C" NOT NULL,
    value TEXT COLLATE "C" NOT NULL,
    -- The value in lower case: what a search compares.
    value_folded TEXT COLLATE "C" NOT NULL,
    patient_id TEXT COLLATE "C" NOT NULL,
    -- Its place in the patient's list.
    position INTEGER NOT NULL,
    PRIMARY KEY (organization_id, system, value),
    FOREIGN KEY (organization_id, patient_id) REFERENCES patients (organization_id, id)
);
CREATE INDEX patient_identifiers_by_patient ON patient_identifiers (organization_id, patient_id, position);
CREATE INDEX patient_identifiers_by_value ON patient_identifiers (organization_id, value_folded, patient_id);

CREATE TABLE episodes (
    organization_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL CHECK (length(id) = 36),
    patient_id TEXT COLLATE "C" NOT NULL,
    version INTEGER NOT NULL CHECK (version >= 1),
    region TEXT COLLATE "C" NOT NULL CHECK (region IN ('cervical', 'thoracic', 'lumbar')),
    onset_date TEXT COLLATE "C" CHECK (length(onset_date) = 10),
    axial BOOLEAN,
    radiculopathy TEXT COLLATE "C" CHECK (radiculopathy IN ('none', 'treated', 'untreated', 'facet_cyst')),
    other_causes_excluded BOOLEAN,
    worse_with_extension_or_rotation BOOLEAN,
    imaging_suggests_facet BOOLEAN,
    -- Lists of value objects are JSON.
    causes TEXT COLLATE "C" NOT NULL,
    -- Joints in a row, separated by commas; null: not recorded, empty: none.
    fused_joints TEXT COLLATE "C",
    conservative_care TEXT COLLATE "C" NOT NULL,
    disability TEXT COLLATE "C" NOT NULL,
    assessment TEXT COLLATE "C",
    recorded_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (organization_id, id),
    -- What children refer to, so that none can point to another patient or organization; and a patient's episodes.
    UNIQUE (organization_id, patient_id, id),
    FOREIGN KEY (organization_id, patient_id) REFERENCES patients (organization_id, id)
);

CREATE TABLE blocks (
    organization_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL CHECK (length(id) = 36),
    patient_id TEXT COLLATE "C" NOT NULL,
    episode_id TEXT COLLATE "C" NOT NULL,
    version INTEGER NOT NULL CHECK (version >= 1),
    -- Microseconds since 1970 in UTC, with the minutes east of it that were recorded.
    performed_at BIGINT NOT NULL,
    performed_offset INTEGER NOT NULL CHECK (performed_offset BETWEEN -1439 AND 1439),
    -- The local calendar date.
    performed_on TEXT COLLATE "C" NOT NULL CHECK (length(performed_on) = 10),
    kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('diagnostic', 'therapeutic')),
    technique TEXT COLLATE "C" NOT NULL CHECK (technique IN ('medial_branch', 'intra_articular')),
    joints TEXT COLLATE "C" NOT NULL CHECK (joints <> ''),
    side TEXT COLLATE "C" NOT NULL CHECK (side IN ('left', 'right', 'bilateral')),
    agent TEXT COLLATE "C" CHECK (agent IN ('lidocaine', 'mepivacaine', 'bupivacaine', 'levobupivacaine', 'ropivacaine', 'prilocaine', 'procaine', 'chloroprocaine', 'tetracaine', 'articaine', 'saline', 'other')),
    concentration_thousandths INTEGER CHECK (concentration_thousandths >= 0),
    volume_microlitres INTEGER CHECK (volume_microlitres >= 0),
    steroid BOOLEAN,
    guidance TEXT COLLATE "C" CHECK (guidance IN ('fluoroscopy', 'ct', 'ultrasound', 'mri', 'none')),
    sedation TEXT COLLATE "C" CHECK (sedation IN ('none', 'minimal', 'moderate', 'deep', 'general')),
    stated_relief_tenths INTEGER CHECK (stated_relief_tenths BETWEEN -1000 AND 1000),
    stated_relief_minutes INTEGER CHECK (stated_relief_minutes >= 0),
    duration_minutes INTEGER CHECK (duration_minutes >= 0),
    operator TEXT COLLATE "C",
    site TEXT COLLATE "C",
    corrected_nerves TEXT COLLATE "C",
    same_day_return BOOLEAN,
    recorded_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    withdrawn_at BIGINT,
    withdrawn_reason TEXT COLLATE "C",
    PRIMARY KEY (organization_id, id),
    UNIQUE (organization_id, patient_id, id),
    FOREIGN KEY (organization_id, patient_id, episode_id) REFERENCES episodes (organization_id, patient_id, id),
    CHECK ((withdrawn_at IS NULL) = (withdrawn_reason IS NULL))
);
CREATE INDEX blocks_by_episode ON blocks (organization_id, episode_id, id);
CREATE INDEX blocks_by_operator ON blocks (organization_id, operator, id) WHERE operator IS NOT NULL;
CREATE INDEX blocks_by_day ON blocks (organization_id, performed_on, id);

CREATE TABLE scores (
    organization_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL CHECK (length(id) = 36),
    patient_id TEXT COLLATE "C" NOT NULL,
    block_id TEXT COLLATE "C" NOT NULL,
    version INTEGER NOT NULL CHECK (version >= 1),
    taken_at BIGINT NOT NULL,
    taken_offset INTEGER NOT NULL CHECK (taken_offset BETWEEN -1439 AND 1439),
    scale TEXT COLLATE "C" NOT NULL CHECK (scale IN ('nrs', 'vas')),
    value_tenths INTEGER NOT NULL CHECK (value_tenths BETWEEN 0 AND CASE scale WHEN 'nrs' THEN 100 ELSE 1000 END),
    context TEXT COLLATE "C" NOT NULL CHECK (context IN ('movement', 'current', 'rest')),
    side TEXT COLLATE "C" CHECK (side IN ('left', 'right')),
    stated_relief_tenths INTEGER CHECK (stated_relief_tenths BETWEEN -1000 AND 1000),
    analgesic_taken BOOLEAN NOT NULL,
    reported_by TEXT COLLATE "C" CHECK (reported_by IN ('patient', 'clinician', 'system')),
    recorded_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    withdrawn_at BIGINT,
    withdrawn_reason TEXT COLLATE "C",
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, patient_id, block_id) REFERENCES blocks (organization_id, patient_id, id),
    CHECK ((withdrawn_at IS NULL) = (withdrawn_reason IS NULL))
);
CREATE INDEX scores_by_block ON scores (organization_id, block_id, id);

CREATE TABLE ablations (
    organization_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL CHECK (length(id) = 36),
    patient_id TEXT COLLATE "C" NOT NULL,
    episode_id TEXT COLLATE "C" NOT NULL,
    version INTEGER NOT NULL CHECK (version >= 1),
    performed_on TEXT COLLATE "C" NOT NULL CHECK (length(performed_on) = 10),
    joints TEXT COLLATE "C" NOT NULL CHECK (joints <> ''),
    side TEXT COLLATE "C" NOT NULL CHECK (side IN ('left', 'right', 'bilateral')),
    technique TEXT COLLATE "C" CHECK (technique IN ('thermal', 'cooled', 'pulsed', 'other')),
    temperature_tenths_c INTEGER,
    pre_score_scale TEXT COLLATE "C" CHECK (pre_score_scale IN ('nrs', 'vas')),
    pre_score_tenths INTEGER CHECK (pre_score_tenths BETWEEN 0 AND CASE pre_score_scale WHEN 'nrs' THEN 100 ELSE 1000 END),
    operator TEXT COLLATE "C",
    site TEXT COLLATE "C",
    recorded_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    withdrawn_at BIGINT,
    withdrawn_reason TEXT COLLATE "C",
    PRIMARY KEY (organization_id, id),
    UNIQUE (organization_id, patient_id, id),
    FOREIGN KEY (organization_id, patient_id, episode_id) REFERENCES episodes (organization_id, patient_id, id),
    CHECK ((pre_score_scale IS NULL) = (pre_score_tenths IS NULL)),
    CHECK ((withdrawn_at IS NULL) = (withdrawn_reason IS NULL))
);
CREATE INDEX ablations_by_episode ON ablations (organization_id, episode_id, id);

CREATE TABLE follow_ups (
    organization_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL CHECK (length(id) = 36),
    patient_id TEXT COLLATE "C" NOT NULL,
    ablation_id TEXT COLLATE "C" NOT NULL,
    version INTEGER NOT NULL CHECK (version >= 1),
    taken_on TEXT COLLATE "C" NOT NULL CHECK (length(taken_on) = 10),
    score_scale TEXT COLLATE "C" CHECK (score_scale IN ('nrs', 'vas')),
    score_tenths INTEGER CHECK (score_tenths BETWEEN 0 AND CASE score_scale WHEN 'nrs' THEN 100 ELSE 1000 END),
    stated_relief_tenths INTEGER CHECK (stated_relief_tenths BETWEEN -1000 AND 1000),
    function_improvement_tenths INTEGER CHECK (function_improvement_tenths BETWEEN -1000 AND 1000),
    pgic INTEGER CHECK (pgic BETWEEN 1 AND 7),
    recorded_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    withdrawn_at BIGINT,
    withdrawn_reason TEXT COLLATE "C",
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, patient_id, ablation_id) REFERENCES ablations (organization_id, patient_id, id),
    CHECK ((score_scale IS NULL) = (score_tenths IS NULL)),
    CHECK ((withdrawn_at IS NULL) = (withdrawn_reason IS NULL))
);
CREATE INDEX follow_ups_by_ablation ON follow_ups (organization_id, ablation_id, id);

CREATE TABLE adverse_events (
    organization_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL CHECK (length(id) = 36),
    patient_id TEXT COLLATE "C" NOT NULL,
    block_id TEXT COLLATE "C",
    ablation_id TEXT COLLATE "C",
    version INTEGER NOT NULL CHECK (version >= 1),
    category TEXT COLLATE "C" NOT NULL CHECK (category IN ('soreness', 'bleeding', 'allergic_reaction', 'infection', 'vasovagal_reaction', 'nausea', 'rash', 'numbness', 'neuritis', 'motor_weakness', 'worsening_pain', 'dural_puncture', 'intravascular_injection', 'systemic_toxicity', 'skin_burn', 'pneumothorax', 'wrong_side_or_level', 'device_interaction', 'other')),
    grade TEXT COLLATE "C" NOT NULL CHECK (grade IN ('minor', 'serious')),
    onset_on TEXT COLLATE "C" NOT NULL CHECK (length(onset_on) = 10),
    relation TEXT COLLATE "C" CHECK (relation IN ('related', 'possible', 'unrelated', 'unknown')),
    resolved_on TEXT COLLATE "C" CHECK (length(resolved_on) = 10),
    note TEXT COLLATE "C",
    recorded_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, patient_id, block_id) REFERENCES blocks (organization_id, patient_id, id),
    FOREIGN KEY (organization_id, patient_id, ablation_id) REFERENCES ablations (organization_id, patient_id, id),
    CHECK ((block_id IS NULL) <> (ablation_id IS NULL))
);
CREATE INDEX adverse_events_by_patient ON adverse_events (organization_id, patient_id, id);
CREATE INDEX adverse_events_by_block ON adverse_events (organization_id, block_id, id) WHERE block_id IS NOT NULL;
CREATE INDEX adverse_events_by_ablation ON adverse_events (organization_id, ablation_id, id) WHERE ablation_id IS NOT NULL;

-- What a record said before it was corrected or withdrawn.
CREATE TABLE resource_versions (
    organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
    kind TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL CHECK (length(id) = 36),
    version INTEGER NOT NULL CHECK (version >= 1),
    -- The earlier state, as JSON.
    body TEXT COLLATE "C" NOT NULL,
    valid_from BIGINT NOT NULL,
    valid_to BIGINT NOT NULL,
    changed_by TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C",
    PRIMARY KEY (organization_id, kind, id, version)
);

CREATE TABLE determinations (
    organization_id TEXT COLLATE "C" NOT NULL,
    episode_id TEXT COLLATE "C" NOT NULL,
    joint TEXT COLLATE "C" NOT NULL,
    side TEXT COLLATE "C" NOT NULL CHECK (side IN ('left', 'right')),
    profile TEXT COLLATE "C" NOT NULL,
    patient_id TEXT COLLATE "C" NOT NULL,
    profile_version INTEGER NOT NULL CHECK (profile_version >= 1),
    purpose TEXT COLLATE "C" NOT NULL CHECK (purpose IN ('initial', 'repeat')),
    verdict TEXT COLLATE "C" NOT NULL CHECK (verdict IN ('meets', 'needs_review', 'insufficient_data', 'does_not_meet')),
    next_step TEXT COLLATE "C" NOT NULL CHECK (next_step IN ('refer_for_ablation', 'repeat_ablation', 'follow_up', 'none', 'diagnostic_block', 'record_scores', 'confirmatory_block', 'complete_record')),
    earliest TEXT COLLATE "C" CHECK (length(earliest) = 10),
    changes_on TEXT COLLATE "C" CHECK (length(changes_on) = 10),
    -- Two bits a rule.
    statuses BIGINT NOT NULL,
    rediagnosed BOOLEAN NOT NULL,
    evaluated_as_of TEXT COLLATE "C" NOT NULL CHECK (length(evaluated_as_of) = 10),
    -- The day the present next step began.
    since TEXT COLLATE "C" NOT NULL CHECK (length(since) = 10),
    -- The lowest of the counted blocks' best reliefs.
    relief_tenths INTEGER,
    -- Minus relief_tenths, and after all others where there is none: ascending is best relief first.
    relief_order INTEGER NOT NULL,
    operator TEXT COLLATE "C",
    last_block_on TEXT COLLATE "C" CHECK (length(last_block_on) = 10),
    region TEXT COLLATE "C" NOT NULL CHECK (region IN ('cervical', 'thoracic', 'lumbar')),
    -- The patient's, repeated here so that one index gives the list in its order.
    sort_name TEXT COLLATE "C" NOT NULL,
    decided_at BIGINT NOT NULL,
    PRIMARY KEY (organization_id, episode_id, joint, side, profile),
    FOREIGN KEY (organization_id, patient_id, episode_id) REFERENCES episodes (organization_id, patient_id, id)
);
CREATE INDEX determinations_by_waiting ON determinations (organization_id, next_step, since, episode_id, joint, side, profile);
CREATE INDEX determinations_by_relief ON determinations (organization_id, next_step, relief_order, episode_id, joint, side, profile);
CREATE INDEX determinations_by_name ON determinations (organization_id, next_step, sort_name, episode_id, joint, side, profile);
CREATE INDEX determinations_due ON determinations (changes_on, organization_id, patient_id) WHERE changes_on IS NOT NULL;

CREATE TABLE determination_history (
    organization_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL CHECK (length(id) = 36),
    patient_id TEXT COLLATE "C" NOT NULL,
    episode_id TEXT COLLATE "C" NOT NULL,
    joint TEXT COLLATE "C" NOT NULL,
    side TEXT COLLATE "C" NOT NULL,
    profile TEXT COLLATE "C" NOT NULL,
    profile_version INTEGER NOT NULL,
    purpose TEXT COLLATE "C" NOT NULL,
    verdict TEXT COLLATE "C" NOT NULL,
    next_step TEXT COLLATE "C" NOT NULL,
    earliest TEXT COLLATE "C",
    changes_on TEXT COLLATE "C",
    statuses BIGINT NOT NULL,
    rediagnosed BOOLEAN NOT NULL,
    evaluated_as_of TEXT COLLATE "C" NOT NULL,
    since TEXT COLLATE "C" NOT NULL,
    decided_at BIGINT NOT NULL,
    replaced_at BIGINT NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, patient_id, episode_id) REFERENCES episodes (organization_id, patient_id, id)
);
CREATE INDEX determination_history_by_episode ON determination_history (organization_id, episode_id, id);

CREATE TABLE reviews (
    organization_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL CHECK (length(id) = 36),
    episode_id TEXT COLLATE "C" NOT NULL,
    decision TEXT COLLATE "C" NOT NULL CHECK (decision IN ('referred', 'declined', 'deferred')),
    deferred_until TEXT COLLATE "C" CHECK (length(deferred_until) = 10),
    note TEXT COLLATE "C",
    decided_by TEXT COLLATE "C" NOT NULL,
    decided_at BIGINT NOT NULL,
    undone_at BIGINT,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, episode_id) REFERENCES episodes (organization_id, id),
    CHECK ((decision = 'deferred') = (deferred_until IS NOT NULL))
);
CREATE INDEX reviews_by_episode ON reviews (organization_id, episode_id, id) WHERE undone_at IS NULL;

CREATE TABLE profile_versions (
    organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
    id TEXT COLLATE "C" NOT NULL,
    version INTEGER NOT NULL CHECK (version >= 1),
    -- TOML.
    document TEXT COLLATE "C" NOT NULL,
    loaded_at BIGINT NOT NULL,
    loaded_by TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (organization_id, id, version)
);

CREATE TABLE profile_activations (
    organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
    id TEXT COLLATE "C" NOT NULL,
    version INTEGER NOT NULL CHECK (version >= 1),
    active BOOLEAN NOT NULL,
    changed_at BIGINT NOT NULL,
    changed_by TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (organization_id, id)
);

CREATE TABLE idempotency_keys (
    organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
    principal TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    fingerprint TEXT COLLATE "C" NOT NULL,
    status INTEGER NOT NULL,
    headers TEXT COLLATE "C" NOT NULL,
    body TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (organization_id, principal, key)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

CREATE TABLE audit_entries (
    organization_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL CHECK (length(id) = 36),
    -- Given when the entry is sealed into the chain.
    sequence BIGINT CHECK (sequence >= 1),
    at BIGINT NOT NULL,
    principal TEXT COLLATE "C" NOT NULL,
    role TEXT COLLATE "C" NOT NULL,
    action TEXT COLLATE "C" NOT NULL,
    resource_kind TEXT COLLATE "C" NOT NULL,
    resource_id TEXT COLLATE "C",
    patient_id TEXT COLLATE "C",
    outcome TEXT COLLATE "C" NOT NULL,
    detail TEXT COLLATE "C",
    previous_hash TEXT COLLATE "C",
    hash TEXT COLLATE "C",
    PRIMARY KEY (organization_id, id),
    CHECK ((sequence IS NULL) = (hash IS NULL))
);
CREATE UNIQUE INDEX audit_entries_by_sequence ON audit_entries (organization_id, sequence) WHERE sequence IS NOT NULL;
CREATE INDEX audit_entries_unsealed ON audit_entries (organization_id, id) WHERE sequence IS NULL;
CREATE INDEX audit_entries_by_patient ON audit_entries (organization_id, patient_id, id) WHERE patient_id IS NOT NULL;
-- Entries are only ever added, and sealed once.
CREATE FUNCTION audit_entries_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.sequence IS NULL
        AND (NEW.organization_id, NEW.id, NEW.at, NEW.principal, NEW.role, NEW.action, NEW.resource_kind, NEW.resource_id, NEW.patient_id, NEW.outcome, NEW.detail)
        IS NOT DISTINCT FROM (OLD.organization_id, OLD.id, OLD.at, OLD.principal, OLD.role, OLD.action, OLD.resource_kind, OLD.resource_id, OLD.patient_id, OLD.outcome, OLD.detail)
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'audit entries are kept';
END;
$$;
CREATE TRIGGER audit_entries_keep BEFORE UPDATE OR DELETE ON audit_entries
    FOR EACH ROW EXECUTE FUNCTION audit_entries_keep();

CREATE TABLE exports (
    organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
    id TEXT COLLATE "C" NOT NULL CHECK (length(id) = 36),
    dataset TEXT COLLATE "C" NOT NULL,
    format TEXT COLLATE "C" NOT NULL,
    filters TEXT COLLATE "C" NOT NULL,
    deidentify BOOLEAN NOT NULL,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
    row_count BIGINT,
    created_by TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    finished_at BIGINT,
    failure TEXT COLLATE "C",
    PRIMARY KEY (organization_id, id)
);
CREATE INDEX exports_open ON exports (state, id) WHERE state IN ('queued', 'running');

CREATE TABLE export_files (
    organization_id TEXT COLLATE "C" NOT NULL,
    export_id TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    media_type TEXT COLLATE "C" NOT NULL,
    content_path TEXT COLLATE "C" NOT NULL,
    bytes BIGINT NOT NULL CHECK (bytes >= 0),
    -- In hexadecimal digits.
    sha256 TEXT COLLATE "C" NOT NULL CHECK (length(sha256) = 64),
    row_count BIGINT CHECK (row_count >= 0),
    PRIMARY KEY (organization_id, export_id, name),
    FOREIGN KEY (organization_id, export_id) REFERENCES exports (organization_id, id) ON DELETE CASCADE
);

CREATE TABLE import_progress (
    organization_id TEXT COLLATE "C" NOT NULL,
    -- SHA-256 of the file.
    source TEXT COLLATE "C" NOT NULL,
    line BIGINT NOT NULL CHECK (line >= 0),
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (organization_id, source)
);

CREATE TABLE job_runs (
    name TEXT COLLATE "C" NOT NULL,
    last_run_at BIGINT NOT NULL,
    last_as_of TEXT COLLATE "C",
    detail TEXT COLLATE "C",
    PRIMARY KEY (name)
);
