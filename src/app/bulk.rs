//! Bulk exports of FHIR resources: asked for, made in the background, fetched and forgotten.
//!
//! What an export is to hold is the edge's to say and opaque here; who may ask, see and delete it is decided here.

use super::core::{App, Unit};
use super::error::{Error, Result};
use super::judging::service_principal;
use crate::auth::Action;
use crate::db::queries;
use crate::db::rows::NewAuditEntry;
use crate::db::{DbError, Stored, Tx};
use crate::domain::patient::Patient;
use chrono::{DateTime, TimeDelta, Utc};
use std::sync::Arc;
use uuid::Uuid;

pub use crate::db::queries::bulk::BulkProgress;
pub use crate::db::rows::{BulkExport, BulkFile, BulkPart, BulkState};

/// A bulk export is kept for so many hours.
pub const KEPT_HOURS: i64 = 24;
/// So many exports of one client may wait or be made.
pub const OPEN_PER_CLIENT: usize = 4;
/// So many exports of one organization may wait or be made.
pub const OPEN_PER_ORGANIZATION: usize = 8;
/// Seconds after which a client that has too many is to try again.
const TRY_AGAIN: u32 = 5;

/// What somebody asks for.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The address by which it is asked for.
    pub request: String,
    /// What it is to hold, as JSON.
    pub wanted: String,
    /// The same as the audit trail says it: nothing of it names anybody.
    pub noted: String,
}

/// A bulk export and its files, of which there are some once it is done.
pub type WithFiles = (BulkExport, Vec<BulkFile>);

/// Asks for an export to be made in the background.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::TooMany`] where too many are waiting already; those of the database.
pub fn request(unit: &mut Unit<'_, '_>, asked: &Asked) -> Result<BulkExport> {
    unit.require(Action::BulkExport)?;
    let organization = &unit.principal.organization;
    let open = queries::bulk::open(unit.tx, organization)?;
    let subject = &unit.principal.subject;
    let own = open.iter().filter(|one| one.created_by == *subject).count();
    if own >= OPEN_PER_CLIENT || open.len() >= OPEN_PER_ORGANIZATION {
        return Err(Error::TooMany {
            retry_after: TRY_AGAIN,
            detail: format!(
                "{OPEN_PER_CLIENT} exports of a client and {OPEN_PER_ORGANIZATION} of an organization may wait at once. \
                 Wait for one of them, or delete it."
            ),
        });
    }
    let export = BulkExport {
        organization: organization.clone(),
        id: unit.new_id(),
        request: asked.request.clone(),
        wanted: asked.wanted.clone(),
        state: BulkState::Queued,
        created_by: subject.clone(),
        created_at: unit.now,
        started_at: None,
        transaction_time: None,
        patients_done: 0,
        patients_all: None,
        finished_at: None,
        failure: None,
    };
    queries::bulk::insert(unit.tx, organization, &export)?;
    note(unit, export.id, "requested", Some(asked.noted.clone()))?;
    Ok(export)
}

/// An export that the principal asked for, and its files. What somebody else asked for is not there for them: it may
/// hold what their own scopes do not cover.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Forbidden`].
pub fn get(unit: &mut Unit<'_, '_>, id: Uuid) -> Result<WithFiles> {
    unit.require(Action::BulkExport)?;
    let organization = &unit.principal.organization;
    let export = queries::bulk::get(unit.tx, organization, id).map_err(no_such_export)?;
    if export.created_by != unit.principal.subject {
        return Err(Error::NotFound {
            what: "bulk export",
        });
    }
    let files = queries::bulk::files(unit.tx, organization, id)?;
    Ok((export, files))
}

/// The file `name` of an export, which is read now.
///
/// # Errors
/// As [`get`]; [`Error::NotFound`] where it has no such file.
pub fn file(unit: &mut Unit<'_, '_>, id: Uuid, name: &str) -> Result<BulkFile> {
    let (_, files) = get(unit, id)?;
    let file = files
        .into_iter()
        .find(|file| file.name == name)
        .ok_or(Error::NotFound { what: "file" })?;
    unit.note_read(Action::BulkExport, "bulk_export_file", Some(id), None);
    Ok(file)
}

/// Deletes an export; its files are to be removed once this is committed. One that is being made is broken off.
///
/// # Errors
/// As [`get`].
pub fn delete(unit: &mut Unit<'_, '_>, id: Uuid) -> Result<()> {
    get(unit, id)?;
    queries::bulk::delete(unit.tx, &unit.principal.organization, id).map_err(no_such_export)?;
    note(unit, id, "deleted", None)
}

/// When an export that was asked for at `created_at` is deleted.
#[must_use]
pub fn expires_at(created_at: DateTime<Utc>) -> DateTime<Utc> {
    created_at + TimeDelta::hours(KEPT_HOURS)
}

/// So many patients of the organization, in the order of their ids, after one of them.
///
/// # Errors
/// [`Error::Forbidden`]; those of the database.
pub fn patients(
    unit: &mut Unit<'_, '_>,
    after: Option<Uuid>,
    most: u32,
) -> Result<Vec<Stored<Patient>>> {
    unit.require(Action::ReadPatient)?;
    let organization = &unit.principal.organization;
    Ok(queries::patients::page(unit.tx, organization, None, after, most)?.items)
}

/// How many patients the organization has.
///
/// # Errors
/// Those of the database.
pub fn count_patients(unit: &mut Unit<'_, '_>) -> Result<i64> {
    unit.require(Action::ReadPatient)?;
    Ok(queries::patients::count(
        unit.tx,
        &unit.principal.organization,
    )?)
}

/// Those of some patients that the organization has, in the order in which they are named.
///
/// # Errors
/// Those of the database.
pub fn patients_of(unit: &mut Unit<'_, '_>, ids: &[Uuid]) -> Result<Vec<Stored<Patient>>> {
    unit.require(Action::ReadPatient)?;
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut found = queries::patients::by_ids(unit.tx, &unit.principal.organization, ids)?;
    Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
}

fn no_such_export(error: DbError) -> Error {
    match error {
        DbError::NotFound => Error::NotFound {
            what: "bulk export",
        },
        other => other.into(),
    }
}

fn note(
    unit: &mut Unit<'_, '_>,
    export: Uuid,
    outcome: &str,
    detail: Option<String>,
) -> Result<()> {
    let entry = NewAuditEntry {
        id: unit.new_id(),
        at: unit.now,
        principal: unit.principal.subject.clone(),
        role: unit.principal.role.code().to_owned(),
        action: Action::BulkExport.code().to_owned(),
        resource_kind: "bulk_export".to_owned(),
        resource_id: Some(export),
        patient: None,
        outcome: outcome.to_owned(),
        detail,
    };
    queries::audit::append(unit.tx, &unit.principal.organization, &entry)?;
    Ok(())
}

impl App {
    /// Takes the bulk export that is to be made next: one that was being made when the service ended, else the oldest
    /// that waits.
    ///
    /// # Errors
    /// Those of the database.
    pub fn take_waiting_bulk(self: &Arc<Self>) -> Result<Option<BulkExport>> {
        let app = Arc::clone(self);
        self.db.write(move |tx| {
            let mut found = queries::bulk::in_state(tx, BulkState::Running, 1)?;
            found.extend(queries::bulk::in_state(tx, BulkState::Queued, 1)?);
            let Some(export) = found.into_iter().next() else {
                return Ok(None);
            };
            queries::bulk::start(tx, &export.organization, export.id, app.seam.now())?;
            Ok(Some(export))
        })
    }

    /// Notes how far a bulk export is; `false` where it was deleted meanwhile.
    ///
    /// # Errors
    /// Those of the database.
    pub fn note_bulk_progress(
        self: &Arc<Self>,
        export: &BulkExport,
        progress: BulkProgress,
    ) -> Result<bool> {
        let (organization, id) = (export.organization.clone(), export.id);
        self.db.write(move |tx| {
            if_there(queries::bulk::note_progress(
                tx,
                &organization,
                id,
                &progress,
            ))
        })
    }

    /// Puts the files of a bulk export down; `false` where it was deleted meanwhile.
    ///
    /// # Errors
    /// Those of the database.
    pub fn finish_bulk(
        self: &Arc<Self>,
        export: &BulkExport,
        progress: BulkProgress,
        files: Vec<BulkFile>,
    ) -> Result<bool> {
        let (organization, id) = (export.organization.clone(), export.id);
        self.end_bulk(export, "done", None, move |tx| {
            queries::bulk::note_progress(tx, &organization, id, &progress)?;
            queries::bulk::add_files(tx, &organization, id, &files)
        })
    }

    /// Says that a bulk export could not be made, and why in words that may be shown; `false` where it was deleted
    /// meanwhile.
    ///
    /// # Errors
    /// Those of the database.
    pub fn fail_bulk(self: &Arc<Self>, export: &BulkExport, why: &str) -> Result<bool> {
        self.end_bulk(export, "broken_off", Some(why.to_owned()), |_| Ok(()))
    }

    fn end_bulk(
        self: &Arc<Self>,
        export: &BulkExport,
        outcome: &'static str,
        failure: Option<String>,
        first: impl Fn(&mut Tx<'_>) -> std::result::Result<(), DbError> + Send + Sync + 'static,
    ) -> Result<bool> {
        let (organization, id) = (export.organization.clone(), export.id);
        let principal = service_principal(&organization);
        self.write(&principal, move |unit| {
            let ended = first(unit.tx).and_then(|()| {
                queries::bulk::finish(unit.tx, &organization, id, unit.now, failure.as_deref())
            });
            let there = if_there(ended)?;
            if there {
                note(unit, id, outcome, None)?;
            }
            Ok(there)
        })
    }

    /// Deletes the bulk exports that were asked for more than [`KEPT_HOURS`] hours ago, and names them.
    ///
    /// # Errors
    /// Those of the database.
    pub fn forget_old_bulk(self: &Arc<Self>) -> Result<Vec<BulkExport>> {
        const BATCH: u32 = 200;
        let oldest = self.seam.now() - TimeDelta::hours(KEPT_HOURS);
        let mut forgotten = Vec::new();
        loop {
            let batch: Vec<BulkExport> = self.db.write(move |tx| {
                let old = queries::bulk::created_before(tx, oldest, BATCH)?;
                for export in &old {
                    queries::bulk::delete(tx, &export.organization, export.id)?;
                }
                Ok::<_, Error>(old)
            })?;
            if batch.is_empty() {
                return Ok(forgotten);
            }
            forgotten.extend(batch);
        }
    }
}

/// Whether what was to be changed was there.
fn if_there(outcome: std::result::Result<(), DbError>) -> Result<bool> {
    match outcome {
        Ok(()) => Ok(true),
        Err(DbError::Stale) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
