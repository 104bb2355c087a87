-- Bulk exports of FHIR resources: what was asked for, how far it is, and its files.
CREATE TABLE bulk_exports (
    organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
    id TEXT COLLATE "C" NOT NULL CHECK (length(id) = 36),
    -- The address by which it was asked for; its manifest repeats it.
    request TEXT COLLATE "C" NOT NULL,
    -- What it is to hold, as JSON.
    wanted TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed')),
    created_by TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    started_at BIGINT,
    -- The instant as of which it holds the records.
    transaction_time BIGINT,
    patients_done BIGINT NOT NULL CHECK (patients_done >= 0),
    patients_all BIGINT CHECK (patients_all >= 0),
    finished_at BIGINT,
    failure TEXT COLLATE "C",
    PRIMARY KEY (organization_id, id)
);
CREATE INDEX bulk_exports_open ON bulk_exports (state, id) WHERE state IN ('queued', 'running');

CREATE TABLE bulk_export_files (
    organization_id TEXT COLLATE "C" NOT NULL,
    export_id TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    -- In which list of the manifest it is.
    part TEXT COLLATE "C" NOT NULL CHECK (part IN ('output', 'deleted', 'error')),
    resource_type TEXT COLLATE "C" NOT NULL,
    content_path TEXT COLLATE "C" NOT NULL,
    bytes BIGINT NOT NULL CHECK (bytes >= 0),
    resources BIGINT NOT NULL CHECK (resources >= 0),
    PRIMARY KEY (organization_id, export_id, name),
    FOREIGN KEY (organization_id, export_id) REFERENCES bulk_exports (organization_id, id) ON DELETE CASCADE
);

-- What an export of what changed since says is no longer there.
CREATE INDEX scores_withdrawn ON scores (organization_id, withdrawn_at) WHERE withdrawn_at IS NOT NULL;
