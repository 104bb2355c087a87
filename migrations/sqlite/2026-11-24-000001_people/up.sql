-- Kept in step with the migration of the same name for PostgreSQL.

CREATE TABLE users (
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    id TEXT NOT NULL CHECK (length(id) = 36),
    -- The name that one signs in with, in lower case: one person in all organizations.
    login TEXT NOT NULL UNIQUE,
    display_name TEXT NOT NULL,
    role TEXT NOT NULL,
    -- Argon2id in PHC form; null: signs in elsewhere.
    password_hash TEXT,
    -- What each form of theirs carries.
    form_token TEXT NOT NULL,
    failed_attempts INTEGER NOT NULL CHECK (failed_attempts >= 0),
    locked_until INTEGER,
    disabled_at INTEGER,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (organization_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
    -- SHA-256 of the secret in the cookie.
    secret_hash TEXT NOT NULL CHECK (length(secret_hash) = 64),
    organization_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (secret_hash),
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_user ON sessions (organization_id, user_id);
CREATE INDEX sessions_by_end ON sessions (expires_at);
