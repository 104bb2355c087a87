-- Kept in step with the migration of the same name for SQLite.

-- Systems that fetch tokens with a private key of theirs.
CREATE TABLE clients (
    organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
    -- An assertion names a client and nothing else: one client in all organizations.
    id TEXT COLLATE "C" NOT NULL UNIQUE CHECK (length(id) BETWEEN 1 AND 100),
    name TEXT COLLATE "C" NOT NULL,
    role TEXT COLLATE "C" NOT NULL,
    -- SMART scopes, a space between each two.
    scopes TEXT COLLATE "C" NOT NULL CHECK (scopes <> ''),
    -- The public keys, or where they are.
    jwks TEXT COLLATE "C",
    jwks_url TEXT COLLATE "C",
    disabled_at BIGINT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (organization_id, id),
    CHECK ((jwks IS NULL) <> (jwks_url IS NULL))
);

-- The assertions that were taken, until they end by themselves: none is taken twice. They outlive their client, which
-- may be added again.
CREATE TABLE client_assertions (
    organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
    client_id TEXT COLLATE "C" NOT NULL,
    -- SHA-256 of the jti.
    jti_hash TEXT COLLATE "C" NOT NULL CHECK (length(jti_hash) = 64),
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (organization_id, client_id, jti_hash)
);
CREATE INDEX client_assertions_by_end ON client_assertions (expires_at);
