//! Scores.

use super::{
    Stored, code, id, instant, local_instant, local_parts, maybe_code, maybe_instant, micros,
    percent, percent_tenths, score, withdrawal,
};
use crate::db::error::DbError;
use crate::db::schema::scores;
use crate::domain::anatomy::Side;
use crate::domain::ids::ScoreId;
use crate::domain::pain::{Context, RecordedScore, ReportedBy, ScoreRow};
use diesel::{AsChangeset, Identifiable, Insertable, Queryable, Selectable};

#[derive(Debug, Clone, Queryable, Selectable, Insertable, Identifiable, AsChangeset)]
#[diesel(table_name = scores, primary_key(organization_id, id), treat_none_as_default_value = false, treat_none_as_null = true)]
pub(in crate::db) struct ScoreDataRow {
    pub(in crate::db) organization_id: String,
    pub(in crate::db) id: String,
    pub(in crate::db) patient_id: String,
    pub(in crate::db) block_id: String,
    pub(in crate::db) version: i32,
    pub(in crate::db) taken_at: i64,
    pub(in crate::db) taken_offset: i32,
    pub(in crate::db) scale: String,
    pub(in crate::db) value_tenths: i32,
    pub(in crate::db) context: String,
    pub(in crate::db) side: Option<String>,
    pub(in crate::db) stated_relief_tenths: Option<i32>,
    pub(in crate::db) analgesic_taken: bool,
    pub(in crate::db) reported_by: Option<String>,
    pub(in crate::db) recorded_at: i64,
    pub(in crate::db) updated_at: i64,
    pub(in crate::db) withdrawn_at: Option<i64>,
    pub(in crate::db) withdrawn_reason: Option<String>,
    pub(in crate::db) answered_at: Option<i64>,
}

impl ScoreDataRow {
    pub(in crate::db) fn of(
        organization: &str,
        record: &Stored<ScoreRow>,
        version: i32,
    ) -> ScoreDataRow {
        let row = &record.value;
        let (taken_at, taken_offset) = local_parts(row.taken_at);
        ScoreDataRow {
            organization_id: organization.to_owned(),
            id: record.id.to_string(),
            patient_id: record.patient.to_string(),
            block_id: record.parent.to_string(),
            version,
            taken_at,
            taken_offset,
            scale: row.score.scale().code().to_owned(),
            value_tenths: i32::from(row.score.tenths()),
            context: row.context.code().to_owned(),
            side: row.side.map(|side| side.code().to_owned()),
            stated_relief_tenths: percent_tenths(row.stated_relief),
            analgesic_taken: row.analgesic_taken,
            reported_by: row.reported_by.map(|by| by.code().to_owned()),
            recorded_at: micros(record.recorded_at),
            updated_at: micros(record.updated_at),
            withdrawn_at: record
                .withdrawn
                .as_ref()
                .map(|withdrawn| micros(withdrawn.at)),
            withdrawn_reason: record
                .withdrawn
                .as_ref()
                .map(|withdrawn| withdrawn.reason.clone()),
            answered_at: row.answered_at.map(micros),
        }
    }
}

impl TryFrom<ScoreDataRow> for Stored<ScoreRow> {
    type Error = DbError;

    fn try_from(row: ScoreDataRow) -> Result<Stored<ScoreRow>, DbError> {
        Ok(Stored {
            id: id(&row.id)?,
            organization: row.organization_id,
            patient: id(&row.patient_id)?,
            parent: id(&row.block_id)?,
            version: row.version,
            recorded_at: instant(row.recorded_at)?,
            updated_at: instant(row.updated_at)?,
            withdrawn: withdrawal(row.withdrawn_at, row.withdrawn_reason)?,
            value: ScoreRow {
                taken_at: local_instant(row.taken_at, row.taken_offset)?,
                score: score(&row.scale, row.value_tenths)?,
                context: code(&row.context, Context::from_code)?,
                side: maybe_code(row.side.as_deref(), Side::from_code)?,
                stated_relief: percent(row.stated_relief_tenths)?,
                analgesic_taken: row.analgesic_taken,
                reported_by: maybe_code(row.reported_by.as_deref(), ReportedBy::from_code)?,
                answered_at: maybe_instant(row.answered_at)?,
            },
        })
    }
}

/// A stored score as an evaluation reads it: ids ascend in time, so the id is its place in the order of recording.
#[must_use]
pub fn recorded(stored: &Stored<ScoreRow>) -> RecordedScore {
    RecordedScore {
        id: ScoreId(stored.id),
        sequence: stored.id.as_u128(),
        row: stored.value.clone(),
    }
}
