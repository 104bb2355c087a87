//! People who sign in to the pages, and their sessions.

use super::{id, instant, maybe_instant, micros};
use crate::db::error::DbError;
use crate::db::schema::{sessions, users};
use chrono::{DateTime, Utc};
use diesel::{Insertable, Queryable, Selectable};
use uuid::Uuid;

/// Somebody who may sign in.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// Identity.
    pub id: Uuid,
    /// Whose records they see.
    pub organization: String,
    /// The name they sign in with, in lower case; one person in all organizations.
    pub login: String,
    /// The name that the pages greet them with.
    pub display_name: String,
    /// Code of the role.
    pub role: String,
    /// Argon2id in PHC form; `None` for who signs in elsewhere.
    pub password_hash: Option<String>,
    /// What each form of theirs carries.
    pub form_token: String,
    /// Wrong passwords in a row.
    pub failed_attempts: i32,
    /// Until then no password is right.
    pub locked_until: Option<DateTime<Utc>>,
    /// Since then they may not sign in.
    pub disabled_at: Option<DateTime<Utc>>,
    /// When they were added.
    pub created_at: DateTime<Utc>,
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User")
            .field("id", &self.id)
            .field("organization", &self.organization)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Queryable, Selectable, Insertable, diesel::AsChangeset)]
#[diesel(table_name = users, treat_none_as_default_value = false, treat_none_as_null = true)]
pub(in crate::db) struct UserRow {
    organization_id: String,
    id: String,
    login: String,
    display_name: String,
    role: String,
    password_hash: Option<String>,
    form_token: String,
    failed_attempts: i32,
    locked_until: Option<i64>,
    disabled_at: Option<i64>,
    created_at: i64,
}

impl From<&User> for UserRow {
    fn from(user: &User) -> UserRow {
        UserRow {
            organization_id: user.organization.clone(),
            id: user.id.to_string(),
            login: user.login.clone(),
            display_name: user.display_name.clone(),
            role: user.role.clone(),
            password_hash: user.password_hash.clone(),
            form_token: user.form_token.clone(),
            failed_attempts: user.failed_attempts,
            locked_until: user.locked_until.map(micros),
            disabled_at: user.disabled_at.map(micros),
            created_at: micros(user.created_at),
        }
    }
}

impl TryFrom<UserRow> for User {
    type Error = DbError;

    fn try_from(row: UserRow) -> Result<User, DbError> {
        Ok(User {
            id: id(&row.id)?,
            organization: row.organization_id,
            login: row.login,
            display_name: row.display_name,
            role: row.role,
            password_hash: row.password_hash,
            form_token: row.form_token,
            failed_attempts: row.failed_attempts,
            locked_until: maybe_instant(row.locked_until)?,
            disabled_at: maybe_instant(row.disabled_at)?,
            created_at: instant(row.created_at)?,
        })
    }
}

/// Somebody signed in at one browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRecord {
    /// SHA-256 of the secret in the cookie, in hexadecimal.
    pub secret_hash: String,
    /// Whose.
    pub organization: String,
    /// Whose.
    pub user: Uuid,
    /// When they signed in.
    pub created_at: DateTime<Utc>,
    /// When they last asked for something, to the minute.
    pub last_seen_at: DateTime<Utc>,
    /// When it ends at the latest.
    pub expires_at: DateTime<Utc>,
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = sessions)]
pub(in crate::db) struct SessionRow {
    secret_hash: String,
    organization_id: String,
    user_id: String,
    created_at: i64,
    last_seen_at: i64,
    expires_at: i64,
}

impl From<&SessionRecord> for SessionRow {
    fn from(session: &SessionRecord) -> SessionRow {
        SessionRow {
            secret_hash: session.secret_hash.clone(),
            organization_id: session.organization.clone(),
            user_id: session.user.to_string(),
            created_at: micros(session.created_at),
            last_seen_at: micros(session.last_seen_at),
            expires_at: micros(session.expires_at),
        }
    }
}

impl TryFrom<SessionRow> for SessionRecord {
    type Error = DbError;

    fn try_from(row: SessionRow) -> Result<SessionRecord, DbError> {
        Ok(SessionRecord {
            secret_hash: row.secret_hash,
            organization: row.organization_id,
            user: id(&row.user_id)?,
            created_at: instant(row.created_at)?,
            last_seen_at: instant(row.last_seen_at)?,
            expires_at: instant(row.expires_at)?,
        })
    }
}
