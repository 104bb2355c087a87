//! Ablations and their follow-ups.

use super::{
    Stored, code, corrupt, date, date_text, id, instant, joints, joints_text, maybe_code,
    maybe_score, micros, percent, percent_tenths, withdrawal,
};
use crate::db::error::DbError;
use crate::db::schema::{ablations, follow_ups};
use crate::domain::ablation::{Ablation, AblationTechnique, FollowUp};
use crate::domain::anatomy::TreatedSide;
use diesel::{AsChangeset, Identifiable, Insertable, Queryable, Selectable};

#[derive(Debug, Clone, Queryable, Selectable, Insertable, Identifiable, AsChangeset)]
#[diesel(table_name = ablations, primary_key(organization_id, id), treat_none_as_default_value = false, treat_none_as_null = true)]
pub(in crate::db) struct AblationRow {
    pub(in crate::db) organization_id: String,
    pub(in crate::db) id: String,
    pub(in crate::db) patient_id: String,
    pub(in crate::db) episode_id: String,
    pub(in crate::db) version: i32,
    pub(in crate::db) performed_on: String,
    pub(in crate::db) joints: String,
    pub(in crate::db) side: String,
    pub(in crate::db) technique: Option<String>,
    pub(in crate::db) temperature_tenths_c: Option<i32>,
    pub(in crate::db) pre_score_scale: Option<String>,
    pub(in crate::db) pre_score_tenths: Option<i32>,
    pub(in crate::db) operator: Option<String>,
    pub(in crate::db) site: Option<String>,
    pub(in crate::db) recorded_at: i64,
    pub(in crate::db) updated_at: i64,
    pub(in crate::db) withdrawn_at: Option<i64>,
    pub(in crate::db) withdrawn_reason: Option<String>,
}

impl AblationRow {
    pub(in crate::db) fn of(
        organization: &str,
        record: &Stored<Ablation>,
        version: i32,
    ) -> AblationRow {
        let ablation = &record.value;
        AblationRow {
            organization_id: organization.to_owned(),
            id: record.id.to_string(),
            patient_id: record.patient.to_string(),
            episode_id: record.parent.to_string(),
            version,
            performed_on: date_text(ablation.performed_on),
            joints: joints_text(&ablation.joints),
            side: ablation.side.code().to_owned(),
            technique: ablation
                .technique
                .map(|technique| technique.code().to_owned()),
            temperature_tenths_c: ablation.temperature_tenths_c,
            pre_score_scale: ablation
                .pre_score
                .map(|score| score.scale().code().to_owned()),
            pre_score_tenths: ablation.pre_score.map(|score| i32::from(score.tenths())),
            operator: ablation.operator.clone(),
            site: ablation.site.clone(),
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
        }
    }
}

impl TryFrom<AblationRow> for Stored<Ablation> {
    type Error = DbError;

    fn try_from(row: AblationRow) -> Result<Stored<Ablation>, DbError> {
        Ok(Stored {
            id: id(&row.id)?,
            organization: row.organization_id,
            patient: id(&row.patient_id)?,
            parent: id(&row.episode_id)?,
            version: row.version,
            recorded_at: instant(row.recorded_at)?,
            updated_at: instant(row.updated_at)?,
            withdrawn: withdrawal(row.withdrawn_at, row.withdrawn_reason)?,
            value: Ablation {
                performed_on: date(&row.performed_on)?,
                joints: joints(&row.joints)?,
                side: code(&row.side, TreatedSide::from_code)?,
                technique: maybe_code(row.technique.as_deref(), AblationTechnique::from_code)?,
                temperature_tenths_c: row.temperature_tenths_c,
                pre_score: maybe_score(row.pre_score_scale.as_deref(), row.pre_score_tenths)?,
                operator: row.operator,
                site: row.site,
            },
        })
    }
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable, Identifiable, AsChangeset)]
#[diesel(table_name = follow_ups, primary_key(organization_id, id), treat_none_as_default_value = false, treat_none_as_null = true)]
pub(in crate::db) struct FollowUpRow {
    pub(in crate::db) organization_id: String,
    pub(in crate::db) id: String,
    pub(in crate::db) patient_id: String,
    pub(in crate::db) ablation_id: String,
    pub(in crate::db) version: i32,
    pub(in crate::db) taken_on: String,
    pub(in crate::db) score_scale: Option<String>,
    pub(in crate::db) score_tenths: Option<i32>,
    pub(in crate::db) stated_relief_tenths: Option<i32>,
    pub(in crate::db) function_improvement_tenths: Option<i32>,
    pub(in crate::db) pgic: Option<i32>,
    pub(in crate::db) recorded_at: i64,
    pub(in crate::db) updated_at: i64,
    pub(in crate::db) withdrawn_at: Option<i64>,
    pub(in crate::db) withdrawn_reason: Option<String>,
}

impl FollowUpRow {
    pub(in crate::db) fn of(
        organization: &str,
        record: &Stored<FollowUp>,
        version: i32,
    ) -> FollowUpRow {
        let follow_up = &record.value;
        FollowUpRow {
            organization_id: organization.to_owned(),
            id: record.id.to_string(),
            patient_id: record.patient.to_string(),
            ablation_id: record.parent.to_string(),
            version,
            taken_on: date_text(follow_up.taken_on),
            score_scale: follow_up.score.map(|score| score.scale().code().to_owned()),
            score_tenths: follow_up.score.map(|score| i32::from(score.tenths())),
            stated_relief_tenths: percent_tenths(follow_up.stated_relief),
            function_improvement_tenths: percent_tenths(follow_up.function_improvement),
            pgic: follow_up.pgic.map(i32::from),
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
        }
    }
}

impl TryFrom<FollowUpRow> for Stored<FollowUp> {
    type Error = DbError;

    fn try_from(row: FollowUpRow) -> Result<Stored<FollowUp>, DbError> {
        let pgic = row
            .pgic
            .map(|pgic| u8::try_from(pgic).map_err(|_| corrupt("an impression of change")))
            .transpose()?;
        Ok(Stored {
            id: id(&row.id)?,
            organization: row.organization_id,
            patient: id(&row.patient_id)?,
            parent: id(&row.ablation_id)?,
            version: row.version,
            recorded_at: instant(row.recorded_at)?,
            updated_at: instant(row.updated_at)?,
            withdrawn: withdrawal(row.withdrawn_at, row.withdrawn_reason)?,
            value: FollowUp {
                taken_on: date(&row.taken_on)?,
                score: maybe_score(row.score_scale.as_deref(), row.score_tenths)?,
                stated_relief: percent(row.stated_relief_tenths)?,
                function_improvement: percent(row.function_improvement_tenths)?,
                pgic,
            },
        })
    }
}
