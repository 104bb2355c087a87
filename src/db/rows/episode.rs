//! Episodes.

use super::{
    Stored, code, date, date_text, from_json, id, instant, joints, joints_text, json, maybe_code,
    maybe_date, micros,
};
use crate::db::error::DbError;
use crate::db::schema::episodes;
use crate::domain::Vocabulary;
use crate::domain::anatomy::Region;
use crate::domain::codes::DiagnosisCode;
use crate::domain::episode::{
    CareEntry, CareOutcome, Cause, DisabilityScore, Episode, Instrument, Radiculopathy,
};
use diesel::{AsChangeset, Identifiable, Insertable, Queryable, Selectable};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Queryable, Selectable, Insertable, Identifiable, AsChangeset)]
#[diesel(table_name = episodes, primary_key(organization_id, id), treat_none_as_default_value = false, treat_none_as_null = true)]
pub(in crate::db) struct EpisodeRow {
    pub(in crate::db) organization_id: String,
    pub(in crate::db) id: String,
    pub(in crate::db) patient_id: String,
    pub(in crate::db) version: i32,
    pub(in crate::db) region: String,
    pub(in crate::db) onset_date: Option<String>,
    pub(in crate::db) axial: Option<bool>,
    pub(in crate::db) radiculopathy: Option<String>,
    pub(in crate::db) other_causes_excluded: Option<bool>,
    pub(in crate::db) worse_with_extension_or_rotation: Option<bool>,
    pub(in crate::db) imaging_suggests_facet: Option<bool>,
    pub(in crate::db) causes: String,
    pub(in crate::db) fused_joints: Option<String>,
    pub(in crate::db) conservative_care: String,
    pub(in crate::db) disability: String,
    pub(in crate::db) assessment: Option<String>,
    pub(in crate::db) recorded_at: i64,
    pub(in crate::db) updated_at: i64,
    pub(in crate::db) diagnosis: Option<String>,
}

/// A course of conservative care as the column holds it.
#[derive(Serialize, Deserialize)]
struct CareJson {
    kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    start: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    end: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    outcome: Option<String>,
}

impl CareJson {
    fn of(entry: &CareEntry) -> CareJson {
        CareJson {
            kind: entry.kind.clone(),
            start: entry.start.map(date_text),
            end: entry.end.map(date_text),
            outcome: entry.outcome.map(|outcome| outcome.code().to_owned()),
        }
    }

    fn read(self) -> Result<CareEntry, DbError> {
        Ok(CareEntry {
            kind: self.kind,
            start: maybe_date(self.start.as_deref())?,
            end: maybe_date(self.end.as_deref())?,
            outcome: maybe_code(self.outcome.as_deref(), CareOutcome::from_code)?,
        })
    }
}

/// A disability score as the column holds it.
#[derive(Serialize, Deserialize)]
struct DisabilityJson {
    instrument: String,
    score_tenths: i32,
    maximum_tenths: i32,
    taken_on: String,
}

impl DisabilityJson {
    fn of(score: &DisabilityScore) -> DisabilityJson {
        DisabilityJson {
            instrument: score.instrument.code().to_owned(),
            score_tenths: score.score_tenths,
            maximum_tenths: score.maximum_tenths,
            taken_on: date_text(score.taken_on),
        }
    }

    fn read(self) -> Result<DisabilityScore, DbError> {
        Ok(DisabilityScore {
            instrument: code(&self.instrument, Instrument::from_code)?,
            score_tenths: self.score_tenths,
            maximum_tenths: self.maximum_tenths,
            taken_on: date(&self.taken_on)?,
        })
    }
}

impl EpisodeRow {
    pub(in crate::db) fn of(
        organization: &str,
        record: &Stored<Episode>,
        version: i32,
    ) -> Result<EpisodeRow, DbError> {
        let episode = &record.value;
        let causes: Vec<&str> = episode.causes.iter().map(|cause| cause.code()).collect();
        let care: Vec<CareJson> = episode.conservative_care.iter().map(CareJson::of).collect();
        let disability: Vec<DisabilityJson> =
            episode.disability.iter().map(DisabilityJson::of).collect();
        Ok(EpisodeRow {
            organization_id: organization.to_owned(),
            id: record.id.to_string(),
            patient_id: record.patient.to_string(),
            version,
            region: episode.region.code().to_owned(),
            onset_date: episode.onset_date.map(date_text),
            axial: episode.axial,
            radiculopathy: episode.radiculopathy.map(|value| value.code().to_owned()),
            other_causes_excluded: episode.other_causes_excluded,
            worse_with_extension_or_rotation: episode.worse_with_extension_or_rotation,
            imaging_suggests_facet: episode.imaging_suggests_facet,
            causes: json(&causes)?,
            fused_joints: episode.fused_joints.as_deref().map(joints_text),
            conservative_care: json(&care)?,
            disability: json(&disability)?,
            assessment: episode.assessment.clone(),
            recorded_at: micros(record.recorded_at),
            updated_at: micros(record.updated_at),
            diagnosis: episode.diagnosis.map(|diagnosis| diagnosis.code.to_owned()),
        })
    }
}

impl TryFrom<EpisodeRow> for Stored<Episode> {
    type Error = DbError;

    fn try_from(row: EpisodeRow) -> Result<Stored<Episode>, DbError> {
        let causes: Vec<String> = from_json(&row.causes)?;
        let care: Vec<CareJson> = from_json(&row.conservative_care)?;
        let disability: Vec<DisabilityJson> = from_json(&row.disability)?;
        let patient = id(&row.patient_id)?;
        Ok(Stored {
            id: id(&row.id)?,
            organization: row.organization_id,
            patient,
            parent: patient,
            version: row.version,
            recorded_at: instant(row.recorded_at)?,
            updated_at: instant(row.updated_at)?,
            withdrawn: None,
            value: Episode {
                region: code(&row.region, Region::from_code)?,
                diagnosis: maybe_code(row.diagnosis.as_deref(), DiagnosisCode::read)?,
                onset_date: maybe_date(row.onset_date.as_deref())?,
                causes: causes
                    .iter()
                    .map(|text| code(text, Cause::from_code))
                    .collect::<Result<_, _>>()?,
                axial: row.axial,
                radiculopathy: maybe_code(row.radiculopathy.as_deref(), Radiculopathy::from_code)?,
                other_causes_excluded: row.other_causes_excluded,
                worse_with_extension_or_rotation: row.worse_with_extension_or_rotation,
                imaging_suggests_facet: row.imaging_suggests_facet,
                fused_joints: row.fused_joints.as_deref().map(joints).transpose()?,
                conservative_care: care
                    .into_iter()
                    .map(CareJson::read)
                    .collect::<Result<_, _>>()?,
                disability: disability
                    .into_iter()
                    .map(DisabilityJson::read)
                    .collect::<Result<_, _>>()?,
                assessment: row.assessment,
            },
        })
    }
}
