//! Systems that fetch tokens, and the assertions that were taken from them. Who sends an assertion has no organization
//! yet: a client is found by its id, and this query alone does not begin with one.

use crate::db::dialect::query;
use crate::db::rows::{Client, ClientRow, micros};
use crate::db::schema::{client_assertions, clients};
use crate::db::{DbError, Result, Tx};
use chrono::{DateTime, Utc};
use diesel::prelude::*;

/// The client that calls itself `id`.
///
/// # Errors
/// When the database fails.
pub fn by_id(tx: &mut Tx<'_>, id: &str) -> Result<Option<Client>> {
    let found = query!(tx, conn => clients::table
        .filter(clients::id.eq(id))
        .select(ClientRow::as_select())
        .first::<ClientRow>(conn)
        .optional())?;
    found.map(TryInto::try_into).transpose()
}

/// Adds a client.
///
/// # Errors
/// [`UniqueViolation`](crate::db::DbError::UniqueViolation) when the id is taken.
pub fn insert(tx: &mut Tx<'_>, organization: &str, client: &Client) -> Result<()> {
    if organization != client.organization {
        return Err(DbError::other("a record of another organization"));
    }
    let row = ClientRow::from(client);
    query!(tx, conn => diesel::insert_into(clients::table).values(&row).execute(conn))?;
    Ok(())
}

/// Every client of an organization, by id.
///
/// # Errors
/// When the database fails.
pub fn of_organization(tx: &mut Tx<'_>, organization: &str) -> Result<Vec<Client>> {
    let found = query!(tx, conn => clients::table
        .filter(clients::organization_id.eq(organization))
        .order(clients::id)
        .select(ClientRow::as_select())
        .load::<ClientRow>(conn))?;
    found.into_iter().map(TryInto::try_into).collect()
}

/// Sets since when a client gets no token.
///
/// # Errors
/// [`NotFound`](crate::db::DbError::NotFound).
pub fn set_disabled(
    tx: &mut Tx<'_>,
    organization: &str,
    id: &str,
    since: Option<DateTime<Utc>>,
) -> Result<()> {
    let changed = query!(tx, conn => diesel::update(clients::table
        .filter(clients::organization_id.eq(organization))
        .filter(clients::id.eq(id)))
        .set(clients::disabled_at.eq(since.map(micros)))
        .execute(conn))?;
    if changed == 0 {
        return Err(DbError::NotFound);
    }
    Ok(())
}

/// Forgets a client.
///
/// # Errors
/// [`NotFound`](crate::db::DbError::NotFound).
pub fn delete(tx: &mut Tx<'_>, organization: &str, id: &str) -> Result<()> {
    let gone = query!(tx, conn => diesel::delete(clients::table
        .filter(clients::organization_id.eq(organization))
        .filter(clients::id.eq(id)))
        .execute(conn))?;
    if gone == 0 {
        return Err(DbError::NotFound);
    }
    Ok(())
}

/// Takes an assertion; `false` where it was taken before.
///
/// # Errors
/// When the database fails.
pub fn take_assertion(
    tx: &mut Tx<'_>,
    organization: &str,
    client: &str,
    jti_hash: &str,
    expires_at: DateTime<Utc>,
) -> Result<bool> {
    let values = (
        client_assertions::organization_id.eq(organization),
        client_assertions::client_id.eq(client),
        client_assertions::jti_hash.eq(jti_hash),
        client_assertions::expires_at.eq(micros(expires_at)),
    );
    let added = query!(tx, conn => diesel::insert_into(client_assertions::table)
        .values(values)
        .on_conflict_do_nothing()
        .execute(conn))?;
    Ok(added == 1)
}

/// Forgets the assertions of every organization that have ended; how many.
///
/// # Errors
/// When the database fails.
pub fn forget_ended_assertions(tx: &mut Tx<'_>, now: DateTime<Utc>) -> Result<usize> {
    query!(tx, conn => diesel::delete(client_assertions::table
        .filter(client_assertions::expires_at.lt(micros(now))))
        .execute(conn))
}
