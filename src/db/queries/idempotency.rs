//! Answers to requests with an idempotency key.

use crate::db::dialect::query;
use crate::db::rows::{IdempotencyRow, IdempotentAnswer, micros};
use crate::db::schema::idempotency_keys;
use crate::db::{Result, Tx};
use chrono::{DateTime, Utc};
use diesel::prelude::*;

/// The answer that was given to this key.
///
/// # Errors
/// When the database fails.
pub fn get(
    tx: &mut Tx<'_>,
    organization: &str,
    principal: &str,
    key: &str,
) -> Result<Option<IdempotentAnswer>> {
    let found = query!(tx, conn => idempotency_keys::table
        .filter(idempotency_keys::organization_id.eq(organization))
        .filter(idempotency_keys::principal.eq(principal))
        .filter(idempotency_keys::key.eq(key))
        .select(IdempotencyRow::as_select())
        .first::<IdempotencyRow>(conn)
        .optional())?;
    found.map(TryInto::try_into).transpose()
}

/// Keeps the answer to this key.
///
/// # Errors
/// [`UniqueViolation`](crate::db::DbError::UniqueViolation) when one is kept already.
pub fn put(
    tx: &mut Tx<'_>,
    organization: &str,
    principal: &str,
    key: &str,
    answer: &IdempotentAnswer,
) -> Result<()> {
    let row = IdempotencyRow::of(organization, principal, key, answer);
    query!(tx, conn => diesel::insert_into(idempotency_keys::table).values(&row).execute(conn))?;
    Ok(())
}

/// Forgets the answers of every organization that are older than `before`; how many.
///
/// # Errors
/// When the database fails.
pub fn delete_older_than(tx: &mut Tx<'_>, before: DateTime<Utc>) -> Result<usize> {
    query!(tx, conn => diesel::delete(idempotency_keys::table.filter(idempotency_keys::created_at.lt(micros(before)))).execute(conn))
}
