-- Bulk exports of FHIR resources: what was asked for, how far it is, and its files.
CREATE TABLE bulk_exports (
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    id TEXT NOT NULL CHECK (length(id) = 36),
    -- The address by which it was asked for; its manifest repeats it.
    request TEXT NOT NULL,
    -- What it is to hold, as JSON.
    wanted TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed')),
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    -- The instant as of which it holds the records.
    transaction_time INTEGER,
    patients_done INTEGER NOT NULL CHECK (patients_done >= 0),
    patients_all INTEGER CHECK (patients_all >= 0),
    finished_at INTEGER,
    failure TEXT,
    PRIMARY KEY (organization_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX bulk_exports_open ON bulk_exports (state, id) WHERE state IN ('queued', 'running');

CREATE TABLE bulk_export_files (
    organization_id TEXT NOT NULL,
    export_id TEXT NOT NULL,
    name TEXT NOT NULL,
    -- In which list of the manifest it is.
    part TEXT NOT NULL CHECK (part IN ('output', 'deleted', 'error')),
    resource_type TEXT NOT NULL,
    content_path TEXT NOT NULL,
    bytes INTEGER NOT NULL CHECK (bytes >= 0),
    resources INTEGER NOT NULL CHECK (resources >= 0),
    PRIMARY KEY (organization_id, export_id, name),
    FOREIGN KEY (organization_id, export_id) REFERENCES bulk_exports (organization_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- What an export of what changed since says is no longer there.
CREATE INDEX scores_withdrawn ON scores (organization_id, withdrawn_at) WHERE withdrawn_at IS NOT NULL;
