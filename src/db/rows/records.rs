//! The records around the clinical ones: versions, reviews, profiles, audit, exports, jobs.

use super::{date, date_text, id, instant, maybe_date, maybe_instant, micros};
use crate::db::error::DbError;
use crate::db::schema::{
    audit_entries, export_files, exports, idempotency_keys, job_runs, profile_activations,
    profile_versions, resource_versions, reviews,
};
use crate::domain::UnknownCode;
use chrono::{DateTime, NaiveDate, Utc};
use diesel::{AsChangeset, Identifiable, Insertable, Queryable, Selectable};
use uuid::Uuid;

macro_rules! codes {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $code:literal;)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$vmeta])* $variant,)+ }

        impl $name {
            /// Every code.
            pub const CODES: &'static [&'static str] = &[$($code,)+];

            /// Stable code.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $($name::$variant => $code,)+ }
            }

            /// Reads a code back.
            ///
            /// # Errors
            /// [`UnknownCode`] when there is none such.
            pub fn from_code(code: &str) -> Result<Self, UnknownCode> {
                match code {
                    $($code => Ok($name::$variant),)+
                    _ => Err(UnknownCode { given: code.to_owned(), accepted: Self::CODES.to_vec() }),
                }
            }
        }
    };
}

/// What a record said before a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptVersion {
    /// The kind of record, as `block`.
    pub kind: String,
    /// The record.
    pub id: Uuid,
    /// The version it had.
    pub version: i32,
    /// The earlier state, as JSON; opaque here.
    pub body: String,
    /// From when it was the current one.
    pub valid_from: DateTime<Utc>,
    /// Until when.
    pub valid_to: DateTime<Utc>,
    /// Who changed it.
    pub changed_by: String,
    /// Why.
    pub reason: Option<String>,
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = resource_versions, treat_none_as_default_value = false)]
pub(in crate::db) struct ResourceVersionRow {
    organization_id: String,
    kind: String,
    id: String,
    version: i32,
    body: String,
    valid_from: i64,
    valid_to: i64,
    changed_by: String,
    reason: Option<String>,
}

impl ResourceVersionRow {
    pub(in crate::db) fn of(organization: &str, kept: &KeptVersion) -> ResourceVersionRow {
        ResourceVersionRow {
            organization_id: organization.to_owned(),
            kind: kept.kind.clone(),
            id: kept.id.to_string(),
            version: kept.version,
            body: kept.body.clone(),
            valid_from: micros(kept.valid_from),
            valid_to: micros(kept.valid_to),
            changed_by: kept.changed_by.clone(),
            reason: kept.reason.clone(),
        }
    }
}

impl TryFrom<ResourceVersionRow> for KeptVersion {
    type Error = DbError;

    fn try_from(row: ResourceVersionRow) -> Result<KeptVersion, DbError> {
        Ok(KeptVersion {
            kind: row.kind,
            id: id(&row.id)?,
            version: row.version,
            body: row.body,
            valid_from: instant(row.valid_from)?,
            valid_to: instant(row.valid_to)?,
            changed_by: row.changed_by,
            reason: row.reason,
        })
    }
}

codes! {
    /// What a clinician decided about a candidate.
    ReviewDecision {
        /// Referred for ablation.
        Referred = "referred";
        /// Declined.
        Declined = "declined";
        /// Put off until a day.
        Deferred = "deferred";
    }
}

/// A clinician's decision about an episode's candidacy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// Its identity; ids ascend in time, so the greatest one that is not undone is in force.
    pub id: Uuid,
    /// The episode.
    pub episode: Uuid,
    /// The decision.
    pub decision: ReviewDecision,
    /// The day from which a deferred candidate is listed again.
    pub deferred_until: Option<NaiveDate>,
    /// A note.
    pub note: Option<String>,
    /// Who decided.
    pub decided_by: String,
    /// When.
    pub decided_at: DateTime<Utc>,
    /// When it was taken back.
    pub undone_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = reviews, treat_none_as_default_value = false)]
pub(in crate::db) struct ReviewRow {
    organization_id: String,
    id: String,
    episode_id: String,
    decision: String,
    deferred_until: Option<String>,
    note: Option<String>,
    decided_by: String,
    decided_at: i64,
    undone_at: Option<i64>,
}

impl ReviewRow {
    pub(in crate::db) fn of(organization: &str, review: &Review) -> ReviewRow {
        ReviewRow {
            organization_id: organization.to_owned(),
            id: review.id.to_string(),
            episode_id: review.episode.to_string(),
            decision: review.decision.code().to_owned(),
            deferred_until: review.deferred_until.map(date_text),
            note: review.note.clone(),
            decided_by: review.decided_by.clone(),
            decided_at: micros(review.decided_at),
            undone_at: review.undone_at.map(micros),
        }
    }
}

impl TryFrom<ReviewRow> for Review {
    type Error = DbError;

    fn try_from(row: ReviewRow) -> Result<Review, DbError> {
        Ok(Review {
            id: id(&row.id)?,
            episode: id(&row.episode_id)?,
            decision: super::code(&row.decision, ReviewDecision::from_code)?,
            deferred_until: maybe_date(row.deferred_until.as_deref())?,
            note: row.note,
            decided_by: row.decided_by,
            decided_at: instant(row.decided_at)?,
            undone_at: maybe_instant(row.undone_at)?,
        })
    }
}

/// A version of a profile that an organization loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileVersion {
    /// The profile's id.
    pub id: String,
    /// The version.
    pub version: i32,
    /// The TOML text.
    pub document: String,
    /// When it was loaded.
    pub loaded_at: DateTime<Utc>,
    /// By whom.
    pub loaded_by: String,
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = profile_versions, treat_none_as_default_value = false)]
pub(in crate::db) struct ProfileVersionRow {
    organization_id: String,
    id: String,
    version: i32,
    document: String,
    loaded_at: i64,
    loaded_by: String,
}

impl ProfileVersionRow {
    pub(in crate::db) fn of(organization: &str, profile: &ProfileVersion) -> ProfileVersionRow {
        ProfileVersionRow {
            organization_id: organization.to_owned(),
            id: profile.id.clone(),
            version: profile.version,
            document: profile.document.clone(),
            loaded_at: micros(profile.loaded_at),
            loaded_by: profile.loaded_by.clone(),
        }
    }
}

impl TryFrom<ProfileVersionRow> for ProfileVersion {
    type Error = DbError;

    fn try_from(row: ProfileVersionRow) -> Result<ProfileVersion, DbError> {
        Ok(ProfileVersion {
            id: row.id,
            version: row.version,
            document: row.document,
            loaded_at: instant(row.loaded_at)?,
            loaded_by: row.loaded_by,
        })
    }
}

/// Whether an organization judges by a profile, and by which version of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileActivation {
    /// The profile's id.
    pub id: String,
    /// The version.
    pub version: i32,
    /// Whether it is judged by.
    pub active: bool,
    /// When this was set.
    pub changed_at: DateTime<Utc>,
    /// By whom.
    pub changed_by: String,
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = profile_activations, primary_key(organization_id, id), treat_none_as_default_value = false)]
pub(in crate::db) struct ActivationRow {
    organization_id: String,
    id: String,
    version: i32,
    active: bool,
    changed_at: i64,
    changed_by: String,
}

impl ActivationRow {
    pub(in crate::db) fn of(organization: &str, activation: &ProfileActivation) -> ActivationRow {
        ActivationRow {
            organization_id: organization.to_owned(),
            id: activation.id.clone(),
            version: activation.version,
            active: activation.active,
            changed_at: micros(activation.changed_at),
            changed_by: activation.changed_by.clone(),
        }
    }
}

impl TryFrom<ActivationRow> for ProfileActivation {
    type Error = DbError;

    fn try_from(row: ActivationRow) -> Result<ProfileActivation, DbError> {
        Ok(ProfileActivation {
            id: row.id,
            version: row.version,
            active: row.active,
            changed_at: instant(row.changed_at)?,
            changed_by: row.changed_by,
        })
    }
}

/// The answer that was given to a request with an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotentAnswer {
    /// SHA-256 of the request, in hexadecimal digits.
    pub fingerprint: String,
    /// The answer's status.
    pub status: i32,
    /// The answer's headers, as JSON; opaque here.
    pub headers: String,
    /// The answer's body.
    pub body: String,
    /// When it was given.
    pub created_at: DateTime<Utc>,
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = idempotency_keys, treat_none_as_default_value = false)]
pub(in crate::db) struct IdempotencyRow {
    organization_id: String,
    principal: String,
    key: String,
    fingerprint: String,
    status: i32,
    headers: String,
    body: String,
    created_at: i64,
}

impl IdempotencyRow {
    pub(in crate::db) fn of(
        organization: &str,
        principal: &str,
        key: &str,
        answer: &IdempotentAnswer,
    ) -> IdempotencyRow {
        IdempotencyRow {
            organization_id: organization.to_owned(),
            principal: principal.to_owned(),
            key: key.to_owned(),
            fingerprint: answer.fingerprint.clone(),
            status: answer.status,
            headers: answer.headers.clone(),
            body: answer.body.clone(),
            created_at: micros(answer.created_at),
        }
    }
}

impl TryFrom<IdempotencyRow> for IdempotentAnswer {
    type Error = DbError;

    fn try_from(row: IdempotencyRow) -> Result<IdempotentAnswer, DbError> {
        Ok(IdempotentAnswer {
            fingerprint: row.fingerprint,
            status: row.status,
            headers: row.headers,
            body: row.body,
            created_at: instant(row.created_at)?,
        })
    }
}

/// Who read or changed what, to be added to the trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAuditEntry {
    /// Its identity.
    pub id: Uuid,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// Who.
    pub principal: String,
    /// Code of the role.
    pub role: String,
    /// Code of the action.
    pub action: String,
    /// The kind of record.
    pub resource_kind: String,
    /// The record.
    pub resource_id: Option<Uuid>,
    /// The patient it is about.
    pub patient: Option<Uuid>,
    /// How it ended.
    pub outcome: String,
    /// More about it; never personal content.
    pub detail: Option<String>,
}

/// An entry's place in the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditSeal {
    /// 1, 2, 3 … within the organization.
    pub sequence: i64,
    /// The hash of the entry before it; `None` for the first.
    pub previous_hash: Option<String>,
    /// This entry's hash.
    pub hash: String,
}

/// An entry of the trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Whose trail it is in.
    pub organization: String,
    /// What happened.
    pub entry: NewAuditEntry,
    /// Its place in the chain, once it is sealed.
    pub seal: Option<AuditSeal>,
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = audit_entries, treat_none_as_default_value = false)]
pub(in crate::db) struct AuditRow {
    organization_id: String,
    id: String,
    sequence: Option<i64>,
    at: i64,
    principal: String,
    role: String,
    action: String,
    resource_kind: String,
    resource_id: Option<String>,
    patient_id: Option<String>,
    outcome: String,
    detail: Option<String>,
    previous_hash: Option<String>,
    hash: Option<String>,
}

impl AuditRow {
    pub(in crate::db) fn of(organization: &str, entry: &NewAuditEntry) -> AuditRow {
        AuditRow {
            organization_id: organization.to_owned(),
            id: entry.id.to_string(),
            sequence: None,
            at: micros(entry.at),
            principal: entry.principal.clone(),
            role: entry.role.clone(),
            action: entry.action.clone(),
            resource_kind: entry.resource_kind.clone(),
            resource_id: entry.resource_id.map(|id| id.to_string()),
            patient_id: entry.patient.map(|id| id.to_string()),
            outcome: entry.outcome.clone(),
            detail: entry.detail.clone(),
            previous_hash: None,
            hash: None,
        }
    }
}

impl TryFrom<AuditRow> for AuditEntry {
    type Error = DbError;

    fn try_from(row: AuditRow) -> Result<AuditEntry, DbError> {
        let previous_hash = row.previous_hash;
        let seal = row
            .sequence
            .zip(row.hash)
            .map(|(sequence, hash)| AuditSeal {
                sequence,
                previous_hash,
                hash,
            });
        Ok(AuditEntry {
            organization: row.organization_id,
            entry: NewAuditEntry {
                id: id(&row.id)?,
                at: instant(row.at)?,
                principal: row.principal,
                role: row.role,
                action: row.action,
                resource_kind: row.resource_kind,
                resource_id: row.resource_id.as_deref().map(id).transpose()?,
                patient: row.patient_id.as_deref().map(id).transpose()?,
                outcome: row.outcome,
                detail: row.detail,
            },
            seal,
        })
    }
}

codes! {
    /// How far an export is.
    ExportState {
        /// Waiting to be run.
        Queued = "queued";
        /// Being run.
        Running = "running";
        /// Its files are there.
        Done = "done";
        /// It could not be made.
        Failed = "failed";
        /// It was called off.
        Cancelled = "cancelled";
    }
}

/// An export that somebody asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    /// Whose records it holds.
    pub organization: String,
    /// Its identity.
    pub id: Uuid,
    /// Codes of the datasets, separated by commas, or of another content.
    pub dataset: String,
    /// Code of the format.
    pub format: String,
    /// The filters, as JSON; opaque here.
    pub filters: String,
    /// The names of the columns, separated by commas; `None` for all.
    pub columns: Option<String>,
    /// Whether what identifies the patient is left out.
    pub deidentify: bool,
    /// Code of what becomes of dates then.
    pub dates: Option<String>,
    /// How far it is.
    pub state: ExportState,
    /// How many rows it has so far, or in the end.
    pub rows: Option<i64>,
    /// How many rows it will have at most.
    pub expected_rows: Option<i64>,
    /// Who asked for it.
    pub created_by: String,
    /// When.
    pub created_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// Why it failed.
    pub failure: Option<String>,
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable, Identifiable, AsChangeset)]
#[diesel(table_name = exports, primary_key(organization_id, id), treat_none_as_default_value = false, treat_none_as_null = true)]
pub(in crate::db) struct ExportRow {
    organization_id: String,
    id: String,
    dataset: String,
    format: String,
    filters: String,
    deidentify: bool,
    state: String,
    row_count: Option<i64>,
    created_by: String,
    created_at: i64,
    finished_at: Option<i64>,
    failure: Option<String>,
    chosen_columns: Option<String>,
    dates: Option<String>,
    expected_rows: Option<i64>,
}

impl ExportRow {
    pub(in crate::db) fn of(organization: &str, export: &Export) -> ExportRow {
        ExportRow {
            organization_id: organization.to_owned(),
            id: export.id.to_string(),
            dataset: export.dataset.clone(),
            format: export.format.clone(),
            filters: export.filters.clone(),
            deidentify: export.deidentify,
            state: export.state.code().to_owned(),
            row_count: export.rows,
            created_by: export.created_by.clone(),
            created_at: micros(export.created_at),
            finished_at: export.finished_at.map(micros),
            failure: export.failure.clone(),
            chosen_columns: export.columns.clone(),
            dates: export.dates.clone(),
            expected_rows: export.expected_rows,
        }
    }
}

impl TryFrom<ExportRow> for Export {
    type Error = DbError;

    fn try_from(row: ExportRow) -> Result<Export, DbError> {
        Ok(Export {
            organization: row.organization_id,
            id: id(&row.id)?,
            dataset: row.dataset,
            format: row.format,
            filters: row.filters,
            deidentify: row.deidentify,
            state: super::code(&row.state, ExportState::from_code)?,
            rows: row.row_count,
            created_by: row.created_by,
            created_at: instant(row.created_at)?,
            finished_at: maybe_instant(row.finished_at)?,
            failure: row.failure,
            columns: row.chosen_columns,
            dates: row.dates,
            expected_rows: row.expected_rows,
        })
    }
}

/// A file of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportFile {
    /// Its name.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// Where its content is, below the directory of exports.
    pub content_path: String,
    /// How long it is.
    pub bytes: i64,
    /// SHA-256 of its content, in hexadecimal digits.
    pub sha256: String,
    /// How many rows it has, where it has rows.
    pub rows: Option<i64>,
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = export_files, treat_none_as_default_value = false)]
pub(in crate::db) struct ExportFileRow {
    organization_id: String,
    export_id: String,
    name: String,
    media_type: String,
    content_path: String,
    bytes: i64,
    sha256: String,
    row_count: Option<i64>,
}

impl ExportFileRow {
    pub(in crate::db) fn of(organization: &str, export: Uuid, file: &ExportFile) -> ExportFileRow {
        ExportFileRow {
            organization_id: organization.to_owned(),
            export_id: export.to_string(),
            name: file.name.clone(),
            media_type: file.media_type.clone(),
            content_path: file.content_path.clone(),
            bytes: file.bytes,
            sha256: file.sha256.clone(),
            row_count: file.rows,
        }
    }
}

impl From<ExportFileRow> for ExportFile {
    fn from(row: ExportFileRow) -> ExportFile {
        ExportFile {
            name: row.name,
            media_type: row.media_type,
            content_path: row.content_path,
            bytes: row.bytes,
            sha256: row.sha256,
            rows: row.row_count,
        }
    }
}

/// When a background job last ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRun {
    /// Its name.
    pub name: String,
    /// When it last ran.
    pub last_run_at: DateTime<Utc>,
    /// The day it had come to.
    pub last_as_of: Option<NaiveDate>,
    /// How it ended.
    pub detail: Option<String>,
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = job_runs, primary_key(name), treat_none_as_default_value = false, treat_none_as_null = true)]
pub(in crate::db) struct JobRunRow {
    name: String,
    last_run_at: i64,
    last_as_of: Option<String>,
    detail: Option<String>,
}

impl JobRunRow {
    pub(in crate::db) fn of(run: &JobRun) -> JobRunRow {
        JobRunRow {
            name: run.name.clone(),
            last_run_at: micros(run.last_run_at),
            last_as_of: run.last_as_of.map(date_text),
            detail: run.detail.clone(),
        }
    }
}

impl TryFrom<JobRunRow> for JobRun {
    type Error = DbError;

    fn try_from(row: JobRunRow) -> Result<JobRun, DbError> {
        Ok(JobRun {
            name: row.name,
            last_run_at: instant(row.last_run_at)?,
            last_as_of: row.last_as_of.as_deref().map(date).transpose()?,
            detail: row.detail,
        })
    }
}
