//! Organizations: whoever a token names.

use crate::db::dialect::query;
use crate::db::rows::micros;
use crate::db::schema::organizations;
use crate::db::{Result, Tx};
use chrono::{DateTime, Utc};
use diesel::prelude::*;

/// Sees to it that the organization is there, which every record refers to.
///
/// # Errors
/// When the database fails.
pub fn ensure(tx: &mut Tx<'_>, organization: &str, now: DateTime<Utc>) -> Result<()> {
    let there = query!(tx, conn => diesel::select(diesel::dsl::exists(
        organizations::table.filter(organizations::id.eq(organization)),
    ))
    .get_result::<bool>(conn))?;
    if there {
        return Ok(());
    }
    let values = (
        organizations::id.eq(organization),
        organizations::created_at.eq(micros(now)),
    );
    query!(tx, conn => diesel::insert_into(organizations::table).values(values).on_conflict_do_nothing().execute(conn))?;
    Ok(())
}

/// Every organization, by name.
///
/// # Errors
/// When the database fails.
pub fn all(tx: &mut Tx<'_>) -> Result<Vec<String>> {
    query!(tx, conn => organizations::table.order(organizations::id).select(organizations::id).load(conn))
}
