-- Kept in step with the migration of the same name for SQLite.

CREATE TABLE users (
    organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
    id TEXT COLLATE "C" NOT NULL CHECK (length(id) = 36),
    -- The name that one signs in with, in lower case: one person in all organizations.
    login TEXT COLLATE "C" NOT NULL UNIQUE,
    display_name TEXT COLLATE "C" NOT NULL,
    role TEXT COLLATE "C" NOT NULL,
    -- Argon2id in PHC form; null: signs in elsewhere.
    password_hash TEXT COLLATE "C",
    -- What each form of theirs carries.
    form_token TEXT COLLATE "C" NOT NULL,
    failed_attempts INTEGER NOT NULL CHECK (failed_attempts >= 0),
    locked_until BIGINT,
    disabled_at BIGINT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (organization_id, id)
);

CREATE TABLE sessions (
    -- SHA-256 of the secret in the cookie.
    secret_hash TEXT COLLATE "C" NOT NULL CHECK (length(secret_hash) = 64),
    organization_id TEXT COLLATE "C" NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (secret_hash),
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id)
);
CREATE INDEX sessions_by_user ON sessions (organization_id, user_id);
CREATE INDEX sessions_by_end ON sessions (expires_at);
