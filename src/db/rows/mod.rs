//! Table rows, and the domain values they stand for.
//!
//! What a column holds that the code does not know is an error, never a panic: the database may be newer.

mod ablation;
mod adverse_event;
mod block;
mod bulk;
mod cds;
mod client;
mod columns;
mod determination;
mod diary;
mod episode;
mod patient;
mod person;
mod records;
mod score;
mod subscription;

pub use bulk::{BulkExport, BulkFile, BulkPart, BulkState};
pub use cds::{Card, CardFeedback, CardOutcome, CardReason, FeedbackCount};
pub use client::{Client, KeysOfClient};
pub use determination::{Determination, DeterminationVersion, Judgement};
pub use diary::{DiaryEntry, DiaryLink, NextReminder, Revocation};
pub use person::{SessionRecord, User};
pub use records::{
    AuditEntry, AuditSeal, Export, ExportFile, ExportState, IdempotentAnswer, JobRun, KeptVersion,
    NewAuditEntry, ProfileActivation, ProfileVersion, Review, ReviewDecision,
};
pub use score::recorded;
pub use subscription::{
    Delivery, DeliveryState, Event, Subscription, SubscriptionKind, SubscriptionReason,
    SubscriptionStatus,
};

pub(super) use ablation::{AblationRow, FollowUpRow};
pub(super) use adverse_event::AdverseEventRow;
pub(super) use block::BlockRow;
pub(super) use bulk::{BulkExportRow, BulkFileRow};
pub(super) use cds::{CardRow, FeedbackCountRow, FeedbackRow};
pub(super) use client::ClientRow;
pub(super) use columns::{Key, Term};
pub(super) use determination::{DeterminationHistoryRow, DeterminationRow};
pub(super) use diary::{DiaryEntryRow, DiaryLinkRow};
pub(super) use episode::EpisodeRow;
pub(super) use patient::{IdentifierRow, PatientRow, identifier_rows, patient_row, stored_patient};
pub(super) use person::{SessionRow, UserRow};
pub(super) use records::{
    ActivationRow, AuditRow, ExportFileRow, ExportRow, IdempotencyRow, JobRunRow,
    ProfileVersionRow, ResourceVersionRow, ReviewRow,
};
pub(super) use score::ScoreDataRow;
pub(super) use subscription::{DeliveryRow, EventRow, SubscriptionRow, TopicRow};

use super::error::DbError;
use crate::domain::UnknownCode;
use crate::domain::anatomy::{Joint, Nerve};
use crate::domain::pain::{Percent, Scale, Score};
use chrono::{DateTime, FixedOffset, NaiveDate, Utc};
use uuid::Uuid;

/// A domain value with what the store knows about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored<T> {
    /// Its identity.
    pub id: Uuid,
    /// Whose it is.
    pub organization: String,
    /// The patient it is about; a patient's own id.
    pub patient: Uuid,
    /// What it belongs to: a block's and an ablation's episode, a score's block, a follow-up's ablation, an adverse
    /// event's block or ablation; else the patient.
    pub parent: Uuid,
    /// 1, and one more with every correction.
    pub version: i32,
    /// When it was first recorded.
    pub recorded_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
    /// Set when it was withdrawn: it is kept but no longer counts.
    pub withdrawn: Option<Withdrawal>,
    /// The value.
    pub value: T,
}

/// That a record was withdrawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withdrawal {
    /// When.
    pub at: DateTime<Utc>,
    /// Why.
    pub reason: String,
}

impl<T> Stored<T> {
    /// A new record's first version.
    pub fn new(
        id: Uuid,
        organization: impl Into<String>,
        patient: Uuid,
        parent: Uuid,
        now: DateTime<Utc>,
        value: T,
    ) -> Stored<T> {
        let now = whole_micros(now);
        Stored {
            id,
            organization: organization.into(),
            patient,
            parent,
            version: 1,
            recorded_at: now,
            updated_at: now,
            withdrawn: None,
            value,
        }
    }
}

/// The instant as the database keeps it.
fn whole_micros(at: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(at.timestamp_micros()).unwrap_or(at)
}

pub(super) fn micros(at: DateTime<Utc>) -> i64 {
    at.timestamp_micros()
}

pub(super) fn instant(micros: i64) -> Result<DateTime<Utc>, DbError> {
    DateTime::from_timestamp_micros(micros).ok_or_else(|| corrupt("an instant"))
}

pub(super) fn maybe_instant(micros: Option<i64>) -> Result<Option<DateTime<Utc>>, DbError> {
    micros.map(instant).transpose()
}

/// An instant and its offset in minutes.
pub(super) fn local_parts(at: DateTime<FixedOffset>) -> (i64, i32) {
    (at.timestamp_micros(), at.offset().local_minus_utc() / 60)
}

pub(super) fn local_instant(micros: i64, offset: i32) -> Result<DateTime<FixedOffset>, DbError> {
    let offset = offset
        .checked_mul(60)
        .and_then(FixedOffset::east_opt)
        .ok_or_else(|| corrupt("an offset"))?;
    Ok(instant(micros)?.with_timezone(&offset))
}

pub(super) fn date_text(date: NaiveDate) -> String {
    date.format("%Y-%m-%d").to_string()
}

pub(super) fn date(text: &str) -> Result<NaiveDate, DbError> {
    text.parse().map_err(|_| corrupt("a date"))
}

pub(super) fn maybe_date(text: Option<&str>) -> Result<Option<NaiveDate>, DbError> {
    text.map(date).transpose()
}

pub(super) fn id(text: &str) -> Result<Uuid, DbError> {
    Uuid::try_parse(text).map_err(|_| corrupt("an id"))
}

pub(super) fn code<T>(
    text: &str,
    from_code: impl Fn(&str) -> Result<T, UnknownCode>,
) -> Result<T, DbError> {
    from_code(text).map_err(|unknown| DbError::Other(Box::new(unknown)))
}

pub(super) fn maybe_code<T>(
    text: Option<&str>,
    from_code: impl Fn(&str) -> Result<T, UnknownCode>,
) -> Result<Option<T>, DbError> {
    text.map(|text| code(text, from_code)).transpose()
}

/// Codes in a row, separated by commas.
pub(super) fn joined(codes: impl Iterator<Item = &'static str>) -> String {
    codes.collect::<Vec<_>>().join(",")
}

fn split<T>(
    text: &str,
    from_code: impl Fn(&str) -> Result<T, UnknownCode>,
) -> Result<Vec<T>, DbError> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    text.split(',').map(|one| code(one, &from_code)).collect()
}

pub(super) fn joints_text(joints: &[Joint]) -> String {
    joined(joints.iter().map(|joint| joint.code()))
}

pub(super) fn joints(text: &str) -> Result<Vec<Joint>, DbError> {
    split(text, Joint::from_code)
}

pub(super) fn nerves_text(nerves: &[Nerve]) -> String {
    joined(nerves.iter().map(|nerve| nerve.code()))
}

pub(super) fn nerves(text: &str) -> Result<Vec<Nerve>, DbError> {
    split(text, Nerve::from_code)
}

pub(super) fn percent(tenths: Option<i32>) -> Result<Option<Percent>, DbError> {
    let percent = |tenths: i32| {
        i16::try_from(tenths)
            .ok()
            .and_then(Percent::from_tenths)
            .ok_or_else(|| corrupt("a percentage"))
    };
    tenths.map(percent).transpose()
}

pub(super) fn percent_tenths(percent: Option<Percent>) -> Option<i32> {
    percent.map(|percent| i32::from(percent.tenths()))
}

pub(super) fn score(scale: &str, tenths: i32) -> Result<Score, DbError> {
    score_of(code(scale, Scale::from_code)?, tenths)
}

pub(super) fn score_of(scale: Scale, tenths: i32) -> Result<Score, DbError> {
    let tenths = i16::try_from(tenths).map_err(|_| corrupt("a score"))?;
    Score::new(scale, tenths).map_err(|_| corrupt("a score"))
}

pub(super) fn maybe_score(
    scale: Option<&str>,
    tenths: Option<i32>,
) -> Result<Option<Score>, DbError> {
    scale
        .zip(tenths)
        .map(|(scale, tenths)| score(scale, tenths))
        .transpose()
}

pub(super) fn withdrawal(
    at: Option<i64>,
    reason: Option<String>,
) -> Result<Option<Withdrawal>, DbError> {
    let Some(at) = at else { return Ok(None) };
    Ok(Some(Withdrawal {
        at: instant(at)?,
        reason: reason.unwrap_or_default(),
    }))
}

/// That a column holds what nobody put there. The value is not repeated: it may be personal.
pub(super) fn corrupt(what: &str) -> DbError {
    DbError::other(format!("a row holds {what} that cannot be read"))
}

/// Refuses a record that says it belongs to another organization than the one it is stored for.
pub(super) fn same_organization<T>(organization: &str, record: &Stored<T>) -> Result<(), DbError> {
    if record.organization == organization {
        return Ok(());
    }
    Err(DbError::other(
        "a record of one organization was to be stored for another",
    ))
}

pub(super) fn json<T: serde::Serialize>(value: &T) -> Result<String, DbError> {
    serde_json::to_string(value).map_err(|error| DbError::Other(Box::new(error)))
}

pub(super) fn from_json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, DbError> {
    // serde_json's own message may quote the text.
    serde_json::from_str(text).map_err(|_| corrupt("JSON"))
}
