//! Bulk exports of FHIR resources that were asked for, and their files.

use super::get;
use crate::db::dialect::{insert_all, query};
use crate::db::rows::{BulkExport, BulkExportRow, BulkFile, BulkFileRow, BulkState, micros};
use crate::db::schema::{bulk_export_files, bulk_exports};
use crate::db::{DbError, Result, Tx};
use chrono::{DateTime, Utc};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use uuid::Uuid;

/// The states that are not the last, in the words of the index: neither planner can tell from parameters that the index
/// holds the row.
const OPEN: &str = "state IN ('queued', 'running')";

/// Adds a bulk export.
///
/// # Errors
/// [`ForeignKeyViolation`](crate::db::DbError::ForeignKeyViolation) when there is no such organization.
pub fn insert(tx: &mut Tx<'_>, organization: &str, export: &BulkExport) -> Result<()> {
    let row = BulkExportRow::of(organization, export);
    query!(tx, conn => diesel::insert_into(bulk_exports::table).values(&row).execute(conn))?;
    Ok(())
}

/// The bulk export with this id.
///
/// # Errors
/// [`NotFound`](crate::db::DbError::NotFound) when the organization has none such.
pub fn get(tx: &mut Tx<'_>, organization: &str, export: Uuid) -> Result<BulkExport> {
    get!(tx, bulk_exports, BulkExportRow, organization, export)?.try_into()
}

/// The bulk exports of an organization that wait or are being made, the oldest first.
///
/// # Errors
/// When the database fails.
pub fn open(tx: &mut Tx<'_>, organization: &str) -> Result<Vec<BulkExport>> {
    let found = query!(tx, conn => bulk_exports::table
        .filter(bulk_exports::organization_id.eq(organization))
        .filter(sql::<Bool>(OPEN))
        .order(bulk_exports::id)
        .select(BulkExportRow::as_select())
        .load::<BulkExportRow>(conn))?;
    found.into_iter().map(TryInto::try_into).collect()
}

/// The bulk exports of every organization that are in a state which is not their last, the oldest first.
///
/// # Errors
/// When the database fails.
pub fn in_state(tx: &mut Tx<'_>, state: BulkState, limit: u32) -> Result<Vec<BulkExport>> {
    let found = query!(tx, conn => bulk_exports::table
        .filter(bulk_exports::state.eq(state.code()))
        .filter(sql::<Bool>(OPEN))
        .order(bulk_exports::id)
        .limit(i64::from(limit))
        .select(BulkExportRow::as_select())
        .load::<BulkExportRow>(conn))?;
    found.into_iter().map(TryInto::try_into).collect()
}

/// The bulk exports of every organization that were asked for before an instant, the oldest first.
///
/// # Errors
/// When the database fails.
pub fn created_before(tx: &mut Tx<'_>, at: DateTime<Utc>, limit: u32) -> Result<Vec<BulkExport>> {
    let found = query!(tx, conn => bulk_exports::table
        .filter(bulk_exports::created_at.lt(micros(at)))
        .order(bulk_exports::id)
        .limit(i64::from(limit))
        .select(BulkExportRow::as_select())
        .load::<BulkExportRow>(conn))?;
    found.into_iter().map(TryInto::try_into).collect()
}

/// Says that the making of a bulk export that waits, or was broken off, begins.
///
/// # Errors
/// [`Stale`](crate::db::DbError::Stale) when it is over, or not there.
pub fn start(tx: &mut Tx<'_>, organization: &str, export: Uuid, at: DateTime<Utc>) -> Result<()> {
    let changed = query!(tx, conn => diesel::update(
        bulk_exports::table
            .filter(bulk_exports::organization_id.eq(organization))
            .filter(bulk_exports::id.eq(export.to_string()))
            .filter(sql::<Bool>(OPEN)),
    )
    .set((
        bulk_exports::state.eq(BulkState::Running.code()),
        bulk_exports::started_at.eq(micros(at)),
        bulk_exports::patients_done.eq(0),
    ))
    .execute(conn))?;
    one_of(changed)
}

/// How far the making of a bulk export is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BulkProgress {
    /// The instant as of which it holds the records.
    pub transaction_time: DateTime<Utc>,
    /// Of how many patients it has the records.
    pub patients_done: i64,
    /// Of how many it is to have them.
    pub patients_all: i64,
}

/// Notes how far a bulk export that is being made is.
///
/// # Errors
/// [`Stale`](crate::db::DbError::Stale) when it is not being made, or not there.
pub fn note_progress(
    tx: &mut Tx<'_>,
    organization: &str,
    export: Uuid,
    progress: &BulkProgress,
) -> Result<()> {
    let changed = query!(tx, conn => diesel::update(
        bulk_exports::table
            .filter(bulk_exports::organization_id.eq(organization))
            .filter(bulk_exports::id.eq(export.to_string()))
            .filter(bulk_exports::state.eq(BulkState::Running.code())),
    )
    .set((
        bulk_exports::transaction_time.eq(micros(progress.transaction_time)),
        bulk_exports::patients_done.eq(progress.patients_done),
        bulk_exports::patients_all.eq(progress.patients_all),
    ))
    .execute(conn))?;
    one_of(changed)
}

/// Ends a bulk export that is being made: it is done, or failed for a reason.
///
/// # Errors
/// [`Stale`](crate::db::DbError::Stale) when it is not being made, or not there.
pub fn finish(
    tx: &mut Tx<'_>,
    organization: &str,
    export: Uuid,
    at: DateTime<Utc>,
    failure: Option<&str>,
) -> Result<()> {
    let state = if failure.is_some() {
        BulkState::Failed
    } else {
        BulkState::Done
    };
    let changed = query!(tx, conn => diesel::update(
        bulk_exports::table
            .filter(bulk_exports::organization_id.eq(organization))
            .filter(bulk_exports::id.eq(export.to_string()))
            .filter(bulk_exports::state.eq(BulkState::Running.code())),
    )
    .set((
        bulk_exports::state.eq(state.code()),
        bulk_exports::finished_at.eq(micros(at)),
        bulk_exports::failure.eq(failure),
    ))
    .execute(conn))?;
    one_of(changed)
}

/// Adds files to a bulk export.
///
/// # Errors
/// [`ForeignKeyViolation`](crate::db::DbError::ForeignKeyViolation) when the organization has no such export.
pub fn add_files(
    tx: &mut Tx<'_>,
    organization: &str,
    export: Uuid,
    files: &[BulkFile],
) -> Result<()> {
    let rows: Vec<BulkFileRow> = files
        .iter()
        .map(|file| BulkFileRow::of(organization, export, file))
        .collect();
    insert_all!(tx, bulk_export_files, rows.as_slice());
    Ok(())
}

/// The files of a bulk export, by name.
///
/// # Errors
/// When the database fails.
pub fn files(tx: &mut Tx<'_>, organization: &str, export: Uuid) -> Result<Vec<BulkFile>> {
    let found = query!(tx, conn => bulk_export_files::table
        .filter(bulk_export_files::organization_id.eq(organization))
        .filter(bulk_export_files::export_id.eq(export.to_string()))
        .order(bulk_export_files::name)
        .select(BulkFileRow::as_select())
        .load::<BulkFileRow>(conn))?;
    found.into_iter().map(TryInto::try_into).collect()
}

/// Deletes a bulk export and the entries of its files; the files themselves are the caller's.
///
/// # Errors
/// [`NotFound`](crate::db::DbError::NotFound) when the organization has none such.
pub fn delete(tx: &mut Tx<'_>, organization: &str, export: Uuid) -> Result<()> {
    let deleted = query!(tx, conn => diesel::delete(
        bulk_exports::table
            .filter(bulk_exports::organization_id.eq(organization))
            .filter(bulk_exports::id.eq(export.to_string())),
    )
    .execute(conn))?;
    if deleted == 1 {
        Ok(())
    } else {
        Err(DbError::NotFound)
    }
}

fn one_of(changed: usize) -> Result<()> {
    if changed == 1 {
        Ok(())
    } else {
        Err(DbError::Stale)
    }
}
