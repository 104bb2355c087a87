//! Exports that are made in the background: asked for, listed, taken, ended, deleted.

use super::choice::Wanted;
use crate::app::core::{App, Unit};
use crate::app::error::{Error, Result};
use crate::auth::{Action, Principal};
use crate::db::DbError;
use crate::db::queries;
use crate::db::queries::exports::Progress;
use crate::db::rows::{Export, ExportFile, ExportState, NewAuditEntry};
use crate::domain::Vocabulary;
use chrono::{DateTime, TimeDelta, Utc};
use std::sync::Arc;
use uuid::Uuid;

/// Exports are kept for so many days.
pub const KEPT_DAYS: i64 = 7;

/// How far an export is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Done {
    /// Rows that are written.
    pub rows: u64,
    /// Rows that there will be at most.
    pub expected: u64,
}

/// Asks for an export to be made in the background.
///
/// # Errors
/// [`Error::Forbidden`]; those of the database.
pub fn request(unit: &mut Unit<'_, '_>, wanted: &Wanted) -> Result<Export> {
    wanted.allowed_to(unit.principal)?;
    let filters =
        serde_json::to_string(&wanted.filter).map_err(|error| Error::Internal(error.into()))?;
    let export = Export {
        organization: unit.principal.organization.clone(),
        id: unit.new_id(),
        dataset: wanted.content.code(),
        format: wanted.format.code().to_owned(),
        filters,
        columns: (!wanted.columns.is_empty()).then(|| wanted.columns.join(",")),
        deidentify: wanted.deidentify,
        dates: wanted.deidentify.then(|| wanted.dates.code_of().to_owned()),
        state: ExportState::Queued,
        rows: None,
        expected_rows: None,
        created_by: unit.principal.subject.clone(),
        created_at: unit.now,
        finished_at: None,
        failure: None,
    };
    queries::exports::insert(unit.tx, &unit.principal.organization, &export)?;
    note(unit, wanted, Some(export.id), "requested", None)?;
    Ok(export)
}

/// An export and its files, of which there are some once it is done.
pub type WithFiles = (Export, Vec<ExportFile>);

/// The exports of a page that the principal may have, newest first, and after which one the next page begins.
///
/// # Errors
/// Those of the database.
pub fn page(
    unit: &mut Unit<'_, '_>,
    before: Option<Uuid>,
    limit: u16,
) -> Result<(Vec<WithFiles>, Option<Uuid>)> {
    unit.require(Action::ExportDeidentified)?;
    let organization = &unit.principal.organization;
    let page = queries::exports::page(unit.tx, organization, before, u32::from(limit))?;
    let last = page.items.last().map(|export| export.id);
    let next = last.filter(|_| page.more);
    let mut exports = Vec::new();
    for export in page.items {
        if !Wanted::stored(&export)?.open_to(unit.principal) {
            continue;
        }
        let files = queries::exports::files(unit.tx, organization, export.id)?;
        exports.push((export, files));
    }
    Ok((exports, next))
}

/// How many exports [`page`] leads through.
///
/// # Errors
/// Those of the database.
pub fn count(unit: &mut Unit<'_, '_>) -> Result<u64> {
    const PAGE: u32 = 500;
    let (mut before, mut count) = (None, 0);
    // What was asked for in a week; whether somebody may have an export is in its filters, which the database cannot read.
    loop {
        let page = queries::exports::page(unit.tx, &unit.principal.organization, before, PAGE)?;
        for export in &page.items {
            if Wanted::stored(export)?.open_to(unit.principal) {
                count += 1;
            }
        }
        before = page.items.last().map(|export| export.id);
        if !page.more {
            return Ok(count);
        }
    }
}

/// One export and its files.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Forbidden`] for an identified one, where the principal may only have de-identified ones.
pub fn get(unit: &mut Unit<'_, '_>, id: Uuid) -> Result<WithFiles> {
    unit.require(Action::ExportDeidentified)?;
    let organization = &unit.principal.organization;
    let export = queries::exports::get(unit.tx, organization, id).map_err(no_such_export)?;
    if !Wanted::stored(&export)?.open_to(unit.principal) {
        return Err(Error::Forbidden {
            action: Action::ExportIdentified,
        });
    }
    let files = queries::exports::files(unit.tx, organization, id)?;
    Ok((export, files))
}

/// The file `name` of an export, which is read now.
///
/// # Errors
/// As [`get`]; [`Error::NotFound`] where it has no such file.
pub fn file(unit: &mut Unit<'_, '_>, id: Uuid, name: &str) -> Result<ExportFile> {
    let (export, files) = get(unit, id)?;
    let file = files
        .into_iter()
        .find(|file| file.name == name)
        .ok_or(Error::NotFound { what: "file" })?;
    let wanted = Wanted::stored(&export)?;
    let patient = wanted.filter.patient_id;
    unit.note_read(wanted.action(), "export_file", Some(id), patient);
    Ok(file)
}

/// Deletes an export; its files are to be removed once this is committed.
///
/// # Errors
/// As [`get`]; [`Error::Forbidden`] where somebody else asked for it and the principal may only have de-identified ones.
pub fn delete(unit: &mut Unit<'_, '_>, id: Uuid) -> Result<()> {
    let (export, _) = get(unit, id)?;
    if export.created_by != unit.principal.subject {
        unit.require(Action::ExportIdentified)?;
    }
    queries::exports::delete(unit.tx, &unit.principal.organization, id).map_err(no_such_export)?;
    note(unit, &Wanted::stored(&export)?, Some(id), "deleted", None)
}

fn no_such_export(error: DbError) -> Error {
    match error {
        DbError::NotFound => Error::NotFound { what: "export" },
        other => other.into(),
    }
}

/// Writes down what became of an export.
fn note(
    unit: &mut Unit<'_, '_>,
    wanted: &Wanted,
    export: Option<Uuid>,
    outcome: &str,
    rows: Option<u64>,
) -> Result<()> {
    let mut detail = format!(
        "dataset={} format={} filters={}",
        wanted.content.code(),
        wanted.format.code(),
        wanted.filter.noted()
    );
    if !wanted.columns.is_empty() {
        detail.push_str(&format!(" columns={}", wanted.columns.join(",")));
    }
    if let Some(rows) = rows {
        detail.push_str(&format!(" rows={rows}"));
    }
    let entry = NewAuditEntry {
        id: unit.new_id(),
        at: unit.now,
        principal: unit.principal.subject.clone(),
        role: unit.principal.role.code().to_owned(),
        action: wanted.action().code().to_owned(),
        resource_kind: "export".to_owned(),
        resource_id: export,
        patient: wanted.filter.patient_id,
        outcome: outcome.to_owned(),
        detail: Some(detail),
    };
    queries::audit::append(unit.tx, &unit.principal.organization, &entry)?;
    Ok(())
}

impl App {
    /// Writes in the audit trail what became of an export: `begun`, `done` or `broken_off`, after so many rows.
    ///
    /// # Errors
    /// Those of the database.
    pub fn note_export(
        self: &Arc<Self>,
        principal: &Principal,
        wanted: &Wanted,
        export: Option<Uuid>,
        outcome: &'static str,
        rows: Option<u64>,
    ) -> Result<()> {
        let wanted = wanted.clone();
        self.write(principal, move |unit| {
            note(unit, &wanted, export, outcome, rows)
        })
    }

    /// Takes the export that is to be made next: one that was being made when the service ended, else the oldest that waits.
    ///
    /// # Errors
    /// Those of the database.
    pub fn take_waiting_export(self: &Arc<Self>) -> Result<Option<Export>> {
        self.db.write(|tx| {
            let mut found = queries::exports::in_state(tx, ExportState::Running, 1)?;
            found.extend(queries::exports::in_state(tx, ExportState::Queued, 1)?);
            let Some(export) = found.into_iter().next() else {
                return Ok(None);
            };
            let from = [ExportState::Running, ExportState::Queued];
            let running = progress(ExportState::Running);
            queries::exports::update_state(tx, &export.organization, export.id, &from, &running)?;
            Ok(Some(export))
        })
    }

    /// Says how far an export is that is being made; `false` where it was deleted meanwhile.
    ///
    /// # Errors
    /// Those of the database.
    pub fn note_progress(self: &Arc<Self>, export: &Export, done: Done) -> Result<bool> {
        let (organization, id) = (export.organization.clone(), export.id);
        let rows = |rows: u64| i64::try_from(rows).unwrap_or(i64::MAX);
        self.db.write(move |tx| {
            let (so_far, expected) = (rows(done.rows), Some(rows(done.expected)));
            match queries::exports::update_rows(tx, &organization, id, so_far, expected) {
                Ok(()) => Ok(true),
                Err(DbError::Stale) => Ok(false),
                Err(error) => Err(Error::from(error)),
            }
        })
    }

    /// Puts the files of an export down; `false` where it was deleted meanwhile.
    ///
    /// # Errors
    /// Those of the database.
    pub fn finish_export(
        self: &Arc<Self>,
        export: &Export,
        rows: u64,
        files: Vec<ExportFile>,
    ) -> Result<bool> {
        let to = Progress {
            state: ExportState::Done,
            rows: i64::try_from(rows).ok(),
            finished_at: Some(self.seam.now()),
            failure: None,
        };
        self.end_export(export, to, files)
    }

    /// Says that an export could not be made, and why in words that may be shown; `false` where it was deleted meanwhile.
    ///
    /// # Errors
    /// Those of the database.
    pub fn fail_export(self: &Arc<Self>, export: &Export, why: &str) -> Result<bool> {
        let to = Progress {
            state: ExportState::Failed,
            rows: None,
            finished_at: Some(self.seam.now()),
            failure: Some(why.to_owned()),
        };
        self.end_export(export, to, Vec::new())
    }

    fn end_export(
        self: &Arc<Self>,
        export: &Export,
        to: Progress,
        files: Vec<ExportFile>,
    ) -> Result<bool> {
        let (organization, id) = (export.organization.clone(), export.id);
        self.db.write(move |tx| {
            let running = [ExportState::Running];
            match queries::exports::update_state(tx, &organization, id, &running, &to) {
                Ok(()) => {}
                Err(DbError::Stale) => return Ok(false),
                Err(error) => return Err(Error::from(error)),
            }
            queries::exports::add_files(tx, &organization, id, &files)?;
            Ok(true)
        })
    }

    /// Deletes the exports that were asked for more than [`KEPT_DAYS`] days ago, and names them.
    ///
    /// # Errors
    /// Those of the database.
    pub fn forget_old_exports(self: &Arc<Self>) -> Result<Vec<Export>> {
        const BATCH: u32 = 200;
        let oldest = self.seam.now() - TimeDelta::days(KEPT_DAYS);
        let mut forgotten = Vec::new();
        loop {
            let batch: Vec<Export> = self.db.write(move |tx| {
                let old = queries::exports::created_before(tx, oldest, BATCH)?;
                for export in &old {
                    queries::exports::delete(tx, &export.organization, export.id)?;
                }
                Ok::<_, Error>(old)
            })?;
            if batch.is_empty() {
                return Ok(forgotten);
            }
            forgotten.extend(batch);
        }
    }

    /// Whether the organization has an export with this id, a bulk export included: their files lie side by side.
    ///
    /// # Errors
    /// Those of the database.
    pub fn has_export(self: &Arc<Self>, organization: &str, id: Uuid) -> Result<bool> {
        self.db
            .read(|tx| match queries::exports::get(tx, organization, id) {
                Ok(_) => Ok(true),
                Err(DbError::NotFound) => match queries::bulk::get(tx, organization, id) {
                    Ok(_) => Ok(true),
                    Err(DbError::NotFound) => Ok(false),
                    Err(error) => Err(Error::from(error)),
                },
                Err(error) => Err(Error::from(error)),
            })
    }

    /// Every organization, by name.
    ///
    /// # Errors
    /// Those of the database.
    pub fn organizations(self: &Arc<Self>) -> Result<Vec<String>> {
        self.db
            .read(|tx| queries::organizations::all(tx).map_err(Error::from))
    }
}

fn progress(state: ExportState) -> Progress {
    Progress {
        state,
        rows: None,
        finished_at: None,
        failure: None,
    }
}

/// When an export that was asked for at `created_at` is deleted.
#[must_use]
pub fn expires_at(created_at: DateTime<Utc>) -> DateTime<Utc> {
    created_at + TimeDelta::days(KEPT_DAYS)
}
