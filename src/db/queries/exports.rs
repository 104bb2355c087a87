//! Exports that were asked for, and their files.

use super::get;
use crate::db::dialect::{insert_all, query};
use crate::db::page::one_more;
use crate::db::rows::{Export, ExportFile, ExportFileRow, ExportRow, ExportState, micros};
use crate::db::schema::{export_files, exports};
use crate::db::{DbError, Page, Result, Tx};
use chrono::{DateTime, Utc};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use uuid::Uuid;

/// Adds an export.
///
/// # Errors
/// [`ForeignKeyViolation`](crate::db::DbError::ForeignKeyViolation) when there is no such organization.
pub fn insert(tx: &mut Tx<'_>, organization: &str, export: &Export) -> Result<()> {
    let row = ExportRow::of(organization, export);
    query!(tx, conn => diesel::insert_into(exports::table).values(&row).execute(conn))?;
    Ok(())
}

/// The export with this id.
///
/// # Errors
/// [`NotFound`](crate::db::DbError::NotFound) when the organization has none such.
pub fn get(tx: &mut Tx<'_>, organization: &str, export: Uuid) -> Result<Export> {
    get!(tx, exports, ExportRow, organization, export)?.try_into()
}

/// A page of exports, the newest first; `before` is the last id of the page before.
///
/// # Errors
/// When the database fails.
pub fn page(
    tx: &mut Tx<'_>,
    organization: &str,
    before: Option<Uuid>,
    limit: u32,
) -> Result<Page<Export>> {
    let found = query!(tx, conn => {
        let mut found = exports::table.filter(exports::organization_id.eq(organization)).into_boxed::<Db>();
        if let Some(before) = before {
            found = found.filter(exports::id.lt(before.to_string()));
        }
        found.order(exports::id.desc()).limit(one_more(limit)).select(ExportRow::as_select()).load::<ExportRow>(conn)
    })?;
    Page::of(found, limit).try_map(TryInto::try_into)
}

/// The exports of every organization that are in a state which is not their last, the oldest first.
///
/// # Errors
/// When the database fails.
pub fn in_state(tx: &mut Tx<'_>, state: ExportState, limit: u32) -> Result<Vec<Export>> {
    let found = query!(tx, conn => exports::table
        .filter(exports::state.eq(state.code()))
        // In the words of the index: neither planner can tell from a parameter that the index holds the row.
        .filter(sql::<Bool>("state IN ('queued', 'running')"))
        .order(exports::id)
        .limit(i64::from(limit))
        .select(ExportRow::as_select())
        .load::<ExportRow>(conn))?;
    found.into_iter().map(TryInto::try_into).collect()
}

/// The exports of every organization that were asked for before an instant, the oldest first.
///
/// # Errors
/// When the database fails.
pub fn created_before(tx: &mut Tx<'_>, at: DateTime<Utc>, limit: u32) -> Result<Vec<Export>> {
    let found = query!(tx, conn => exports::table
        .filter(exports::created_at.lt(micros(at)))
        .order(exports::id)
        .limit(i64::from(limit))
        .select(ExportRow::as_select())
        .load::<ExportRow>(conn))?;
    found.into_iter().map(TryInto::try_into).collect()
}

/// What to set of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// How far it is.
    pub state: ExportState,
    /// How many rows it has.
    pub rows: Option<i64>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// Why it failed.
    pub failure: Option<String>,
}

/// Sets how far an export is, if it is in one of the states `from`.
///
/// # Errors
/// [`Stale`](crate::db::DbError::Stale) when it is in another state, or not there.
pub fn update_state(
    tx: &mut Tx<'_>,
    organization: &str,
    export: Uuid,
    from: &[ExportState],
    to: &Progress,
) -> Result<()> {
    let from: Vec<&str> = from.iter().map(|state| state.code()).collect();
    let changed = query!(tx, conn => diesel::update(
        exports::table
            .filter(exports::organization_id.eq(organization))
            .filter(exports::id.eq(export.to_string()))
            .filter(exports::state.eq_any(&from)),
    )
    .set((
        exports::state.eq(to.state.code()),
        exports::row_count.eq(to.rows),
        exports::finished_at.eq(to.finished_at.map(micros)),
        exports::failure.eq(to.failure.as_deref()),
    ))
    .execute(conn))?;
    if changed == 1 {
        Ok(())
    } else {
        Err(DbError::Stale)
    }
}

/// Sets how many rows an export that is being made has so far, and how many it will have at most.
///
/// # Errors
/// [`Stale`](crate::db::DbError::Stale) when it is in another state, or not there.
pub fn update_rows(
    tx: &mut Tx<'_>,
    organization: &str,
    export: Uuid,
    rows: i64,
    expected: Option<i64>,
) -> Result<()> {
    let changed = query!(tx, conn => diesel::update(
        exports::table
            .filter(exports::organization_id.eq(organization))
            .filter(exports::id.eq(export.to_string()))
            .filter(exports::state.eq(ExportState::Running.code())),
    )
    .set((exports::row_count.eq(Some(rows)), exports::expected_rows.eq(expected)))
    .execute(conn))?;
    if changed == 1 {
        Ok(())
    } else {
        Err(DbError::Stale)
    }
}

/// Adds files to an export.
///
/// # Errors
/// [`ForeignKeyViolation`](crate::db::DbError::ForeignKeyViolation) when the organization has no such export.
pub fn add_files(
    tx: &mut Tx<'_>,
    organization: &str,
    export: Uuid,
    files: &[ExportFile],
) -> Result<()> {
    let rows: Vec<ExportFileRow> = files
        .iter()
        .map(|file| ExportFileRow::of(organization, export, file))
        .collect();
    insert_all!(tx, export_files, rows.as_slice());
    Ok(())
}

/// The files of an export, by name.
///
/// # Errors
/// When the database fails.
pub fn files(tx: &mut Tx<'_>, organization: &str, export: Uuid) -> Result<Vec<ExportFile>> {
    let found = query!(tx, conn => export_files::table
        .filter(export_files::organization_id.eq(organization))
        .filter(export_files::export_id.eq(export.to_string()))
        .order(export_files::name)
        .select(ExportFileRow::as_select())
        .load::<ExportFileRow>(conn))?;
    Ok(found.into_iter().map(ExportFile::from).collect())
}

/// Deletes an export and the entries of its files; the files themselves are the caller's.
///
/// # Errors
/// [`NotFound`](crate::db::DbError::NotFound) when the organization has none such.
pub fn delete(tx: &mut Tx<'_>, organization: &str, export: Uuid) -> Result<()> {
    let deleted = query!(tx, conn => diesel::delete(
        exports::table.filter(exports::organization_id.eq(organization)).filter(exports::id.eq(export.to_string())),
    )
    .execute(conn))?;
    if deleted == 1 {
        Ok(())
    } else {
        Err(DbError::NotFound)
    }
}
