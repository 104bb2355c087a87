//! People who sign in, and their sessions. Who signs in has no organization yet: they are found by their login or by
//! the secret of their session, and these two queries alone do not begin with one.

use crate::db::dialect::query;
use crate::db::rows::{SessionRecord, SessionRow, User, UserRow, micros};
use crate::db::schema::{sessions, users};
use crate::db::{DbError, Result, Tx};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use uuid::Uuid;

/// Who signs in with `login`.
///
/// # Errors
/// When the database fails.
pub fn by_login(tx: &mut Tx<'_>, login: &str) -> Result<Option<User>> {
    let found = query!(tx, conn => users::table
        .filter(users::login.eq(login))
        .select(UserRow::as_select())
        .first::<UserRow>(conn)
        .optional())?;
    found.map(TryInto::try_into).transpose()
}

/// The session with this hash of its secret, and whose it is.
///
/// # Errors
/// When the database fails.
pub fn by_secret(tx: &mut Tx<'_>, secret_hash: &str) -> Result<Option<(SessionRecord, User)>> {
    let own = sessions::organization_id
        .eq(users::organization_id)
        .and(sessions::user_id.eq(users::id));
    let found = query!(tx, conn => sessions::table
        .inner_join(users::table.on(own))
        .filter(sessions::secret_hash.eq(secret_hash))
        .select((SessionRow::as_select(), UserRow::as_select()))
        .first::<(SessionRow, UserRow)>(conn)
        .optional())?;
    let Some((session, user)) = found else {
        return Ok(None);
    };
    Ok(Some((session.try_into()?, user.try_into()?)))
}

/// Adds somebody.
///
/// # Errors
/// [`UniqueViolation`](crate::db::DbError::UniqueViolation) when the login is taken.
pub fn insert(tx: &mut Tx<'_>, organization: &str, user: &User) -> Result<()> {
    same(organization, &user.organization)?;
    let row = UserRow::from(user);
    query!(tx, conn => diesel::insert_into(users::table).values(&row).execute(conn))?;
    Ok(())
}

/// Replaces everything about somebody but the identity.
///
/// # Errors
/// [`NotFound`](crate::db::DbError::NotFound).
pub fn update(tx: &mut Tx<'_>, organization: &str, user: &User) -> Result<()> {
    same(organization, &user.organization)?;
    let row = UserRow::from(user);
    let changed = query!(tx, conn => diesel::update(users::table
        .filter(users::organization_id.eq(organization))
        .filter(users::id.eq(user.id.to_string())))
        .set(&row)
        .execute(conn))?;
    if changed == 0 {
        return Err(DbError::NotFound);
    }
    Ok(())
}

/// Everybody of an organization, by login.
///
/// # Errors
/// When the database fails.
pub fn of_organization(tx: &mut Tx<'_>, organization: &str) -> Result<Vec<User>> {
    let found = query!(tx, conn => users::table
        .filter(users::organization_id.eq(organization))
        .order(users::login)
        .select(UserRow::as_select())
        .load::<UserRow>(conn))?;
    found.into_iter().map(TryInto::try_into).collect()
}

/// Adds a session.
///
/// # Errors
/// When the database fails.
pub fn begin_session(tx: &mut Tx<'_>, organization: &str, session: &SessionRecord) -> Result<()> {
    same(organization, &session.organization)?;
    let row = SessionRow::from(session);
    query!(tx, conn => diesel::insert_into(sessions::table).values(&row).execute(conn))?;
    Ok(())
}

/// Notes that a session was used.
///
/// # Errors
/// When the database fails.
pub fn touch_session(
    tx: &mut Tx<'_>,
    organization: &str,
    secret_hash: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    query!(tx, conn => diesel::update(sessions::table
        .filter(sessions::organization_id.eq(organization))
        .filter(sessions::secret_hash.eq(secret_hash)))
        .set(sessions::last_seen_at.eq(micros(now)))
        .execute(conn))?;
    Ok(())
}

/// Ends a session; whether there was one.
///
/// # Errors
/// When the database fails.
pub fn end_session(tx: &mut Tx<'_>, organization: &str, secret_hash: &str) -> Result<bool> {
    let ended = query!(tx, conn => diesel::delete(sessions::table
        .filter(sessions::organization_id.eq(organization))
        .filter(sessions::secret_hash.eq(secret_hash)))
        .execute(conn))?;
    Ok(ended > 0)
}

/// Ends every session of somebody.
///
/// # Errors
/// When the database fails.
pub fn end_sessions_of(tx: &mut Tx<'_>, organization: &str, user: Uuid) -> Result<usize> {
    query!(tx, conn => diesel::delete(sessions::table
        .filter(sessions::organization_id.eq(organization))
        .filter(sessions::user_id.eq(user.to_string())))
        .execute(conn))
}

/// Forgets the sessions of every organization that have ended, or were not used since `unused_since`; how many.
///
/// # Errors
/// When the database fails.
pub fn forget_ended(
    tx: &mut Tx<'_>,
    now: DateTime<Utc>,
    unused_since: DateTime<Utc>,
) -> Result<usize> {
    query!(tx, conn => diesel::delete(sessions::table
        .filter(sessions::expires_at.le(micros(now)).or(sessions::last_seen_at.lt(micros(unused_since)))))
        .execute(conn))
}

fn same(organization: &str, of_record: &str) -> Result<()> {
    if organization == of_record {
        return Ok(());
    }
    Err(DbError::other("a record of another organization"))
}
