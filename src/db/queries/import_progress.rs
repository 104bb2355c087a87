//! How far an import has come; written in the same transaction as the records.

use crate::db::dialect::query;
use crate::db::rows::micros;
use crate::db::schema::import_progress;
use crate::db::{Result, Tx};
use chrono::{DateTime, Utc};
use diesel::prelude::*;

/// The last line of the source that was dealt with; `source` is the SHA-256 of the file.
///
/// # Errors
/// When the database fails.
pub fn get(tx: &mut Tx<'_>, organization: &str, source: &str) -> Result<Option<i64>> {
    query!(tx, conn => import_progress::table
        .filter(import_progress::organization_id.eq(organization))
        .filter(import_progress::source.eq(source))
        .select(import_progress::line)
        .first(conn)
        .optional())
}

/// Sets the last line that was dealt with.
///
/// # Errors
/// When the database fails.
pub fn put(
    tx: &mut Tx<'_>,
    organization: &str,
    source: &str,
    line: i64,
    now: DateTime<Utc>,
) -> Result<()> {
    let progress = (
        import_progress::line.eq(line),
        import_progress::updated_at.eq(micros(now)),
    );
    let of = (
        import_progress::organization_id.eq(organization),
        import_progress::source.eq(source),
    );
    query!(tx, conn => diesel::insert_into(import_progress::table)
        .values((of, progress))
        .on_conflict((import_progress::organization_id, import_progress::source))
        .do_update()
        .set(progress)
        .execute(conn))?;
    Ok(())
}
