//! Bulk exports of FHIR resources.

use super::{id, instant, maybe_instant, micros};
use crate::db::error::DbError;
use crate::db::schema::{bulk_export_files, bulk_exports};
use crate::domain::vocabulary;
use chrono::{DateTime, Utc};
use diesel::{Insertable, Queryable, Selectable};
use uuid::Uuid;

vocabulary! {
    /// How far a bulk export is.
    BulkState {
        /// Waiting to be made.
        Queued = "queued", "queued";
        /// Being made.
        Running = "running", "running";
        /// Its files are there.
        Done = "done", "done";
        /// It could not be made.
        Failed = "failed", "failed";
    }
}

vocabulary! {
    /// In which list of the manifest a file is.
    BulkPart {
        /// Resources.
        Output = "output", "output";
        /// Bundles of deletions.
        Deleted = "deleted", "deleted";
        /// Outcomes that say what was left out.
        Error = "error", "error";
    }
}

/// A bulk export that somebody asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BulkExport {
    /// Whose records it holds.
    pub organization: String,
    /// Its identity.
    pub id: Uuid,
    /// The address by which it was asked for.
    pub request: String,
    /// What it is to hold, as JSON; opaque here.
    pub wanted: String,
    /// How far it is.
    pub state: BulkState,
    /// Who asked for it.
    pub created_by: String,
    /// When.
    pub created_at: DateTime<Utc>,
    /// When its making was begun, the last time.
    pub started_at: Option<DateTime<Utc>>,
    /// The instant as of which it holds the records.
    pub transaction_time: Option<DateTime<Utc>>,
    /// Of how many patients it has the records so far.
    pub patients_done: i64,
    /// Of how many patients it is to have them.
    pub patients_all: Option<i64>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// Why it could not be made.
    pub failure: Option<String>,
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = bulk_exports, treat_none_as_default_value = false)]
pub(in crate::db) struct BulkExportRow {
    organization_id: String,
    id: String,
    request: String,
    wanted: String,
    state: String,
    created_by: String,
    created_at: i64,
    started_at: Option<i64>,
    transaction_time: Option<i64>,
    patients_done: i64,
    patients_all: Option<i64>,
    finished_at: Option<i64>,
    failure: Option<String>,
}

impl BulkExportRow {
    pub(in crate::db) fn of(organization: &str, export: &BulkExport) -> BulkExportRow {
        BulkExportRow {
            organization_id: organization.to_owned(),
            id: export.id.to_string(),
            request: export.request.clone(),
            wanted: export.wanted.clone(),
            state: export.state.code().to_owned(),
            created_by: export.created_by.clone(),
            created_at: micros(export.created_at),
            started_at: export.started_at.map(micros),
            transaction_time: export.transaction_time.map(micros),
            patients_done: export.patients_done,
            patients_all: export.patients_all,
            finished_at: export.finished_at.map(micros),
            failure: export.failure.clone(),
        }
    }
}

impl TryFrom<BulkExportRow> for BulkExport {
    type Error = DbError;

    fn try_from(row: BulkExportRow) -> Result<BulkExport, DbError> {
        Ok(BulkExport {
            organization: row.organization_id,
            id: id(&row.id)?,
            request: row.request,
            wanted: row.wanted,
            state: super::code(&row.state, BulkState::from_code)?,
            created_by: row.created_by,
            created_at: instant(row.created_at)?,
            started_at: maybe_instant(row.started_at)?,
            transaction_time: maybe_instant(row.transaction_time)?,
            patients_done: row.patients_done,
            patients_all: row.patients_all,
            finished_at: maybe_instant(row.finished_at)?,
            failure: row.failure,
        })
    }
}

/// A file of a bulk export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BulkFile {
    /// Its name.
    pub name: String,
    /// In which list of the manifest it is.
    pub part: BulkPart,
    /// What kind of resources it holds.
    pub resource_type: String,
    /// Where its content is, below the directory of exports.
    pub content_path: String,
    /// How long it is.
    pub bytes: i64,
    /// How many resources it holds.
    pub resources: i64,
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = bulk_export_files, treat_none_as_default_value = false)]
pub(in crate::db) struct BulkFileRow {
    organization_id: String,
    export_id: String,
    name: String,
    part: String,
    resource_type: String,
    content_path: String,
    bytes: i64,
    resources: i64,
}

impl BulkFileRow {
    pub(in crate::db) fn of(organization: &str, export: Uuid, file: &BulkFile) -> BulkFileRow {
        BulkFileRow {
            organization_id: organization.to_owned(),
            export_id: export.to_string(),
            name: file.name.clone(),
            part: file.part.code().to_owned(),
            resource_type: file.resource_type.clone(),
            content_path: file.content_path.clone(),
            bytes: file.bytes,
            resources: file.resources,
        }
    }
}

impl TryFrom<BulkFileRow> for BulkFile {
    type Error = DbError;

    fn try_from(row: BulkFileRow) -> Result<BulkFile, DbError> {
        Ok(BulkFile {
            name: row.name,
            part: super::code(&row.part, BulkPart::from_code)?,
            resource_type: row.resource_type,
            content_path: row.content_path,
            bytes: row.bytes,
            resources: row.resources,
        })
    }
}
