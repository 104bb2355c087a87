//! Blocks.

use super::{
    Stored, code, date_text, id, instant, joints, joints_text, local_instant, local_parts,
    maybe_code, micros, nerves, nerves_text, percent, percent_tenths, withdrawal,
};
use crate::db::error::DbError;
use crate::db::schema::blocks;
use crate::domain::anatomy::TreatedSide;
use crate::domain::block::{Agent, Block, BlockKind, BlockTechnique, Guidance, Sedation};
use diesel::{AsChangeset, Identifiable, Insertable, Queryable, Selectable};

#[derive(Debug, Clone, Queryable, Selectable, Insertable, Identifiable, AsChangeset)]
#[diesel(table_name = blocks, primary_key(organization_id, id), treat_none_as_default_value = false, treat_none_as_null = true)]
pub(in crate::db) struct BlockRow {
    pub(in crate::db) organization_id: String,
    pub(in crate::db) id: String,
    pub(in crate::db) patient_id: String,
    pub(in crate::db) episode_id: String,
    pub(in crate::db) version: i32,
    pub(in crate::db) performed_at: i64,
    pub(in crate::db) performed_offset: i32,
    pub(in crate::db) performed_on: String,
    pub(in crate::db) kind: String,
    pub(in crate::db) technique: String,
    pub(in crate::db) joints: String,
    pub(in crate::db) side: String,
    pub(in crate::db) agent: Option<String>,
    pub(in crate::db) concentration_thousandths: Option<i32>,
    pub(in crate::db) volume_microlitres: Option<i32>,
    pub(in crate::db) steroid: Option<bool>,
    pub(in crate::db) guidance: Option<String>,
    pub(in crate::db) sedation: Option<String>,
    pub(in crate::db) stated_relief_tenths: Option<i32>,
    pub(in crate::db) stated_relief_minutes: Option<i32>,
    pub(in crate::db) duration_minutes: Option<i32>,
    pub(in crate::db) operator: Option<String>,
    pub(in crate::db) site: Option<String>,
    pub(in crate::db) corrected_nerves: Option<String>,
    pub(in crate::db) same_day_return: Option<bool>,
    pub(in crate::db) recorded_at: i64,
    pub(in crate::db) updated_at: i64,
    pub(in crate::db) withdrawn_at: Option<i64>,
    pub(in crate::db) withdrawn_reason: Option<String>,
}

impl BlockRow {
    pub(in crate::db) fn of(organization: &str, record: &Stored<Block>, version: i32) -> BlockRow {
        let block = &record.value;
        let (performed_at, performed_offset) = local_parts(block.performed_at);
        BlockRow {
            organization_id: organization.to_owned(),
            id: record.id.to_string(),
            patient_id: record.patient.to_string(),
            episode_id: record.parent.to_string(),
            version,
            performed_at,
            performed_offset,
            performed_on: date_text(block.local_date()),
            kind: block.kind.code().to_owned(),
            technique: block.technique.code().to_owned(),
            joints: joints_text(&block.joints),
            side: block.side.code().to_owned(),
            agent: block.agent.map(|agent| agent.code().to_owned()),
            concentration_thousandths: block.concentration_thousandths,
            volume_microlitres: block.volume_microlitres_per_nerve,
            steroid: block.steroid,
            guidance: block.guidance.map(|guidance| guidance.code().to_owned()),
            sedation: block.sedation.map(|sedation| sedation.code().to_owned()),
            stated_relief_tenths: percent_tenths(block.stated_relief),
            stated_relief_minutes: block.stated_relief_minutes,
            duration_minutes: block.duration_minutes,
            operator: block.operator.clone(),
            site: block.site.clone(),
            corrected_nerves: block.corrected_nerves.as_deref().map(nerves_text),
            same_day_return: block.same_day_return,
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

impl TryFrom<BlockRow> for Stored<Block> {
    type Error = DbError;

    fn try_from(row: BlockRow) -> Result<Stored<Block>, DbError> {
        Ok(Stored {
            id: id(&row.id)?,
            organization: row.organization_id,
            patient: id(&row.patient_id)?,
            parent: id(&row.episode_id)?,
            version: row.version,
            recorded_at: instant(row.recorded_at)?,
            updated_at: instant(row.updated_at)?,
            withdrawn: withdrawal(row.withdrawn_at, row.withdrawn_reason)?,
            value: Block {
                performed_at: local_instant(row.performed_at, row.performed_offset)?,
                kind: code(&row.kind, BlockKind::from_code)?,
                technique: code(&row.technique, BlockTechnique::from_code)?,
                joints: joints(&row.joints)?,
                side: code(&row.side, TreatedSide::from_code)?,
                agent: maybe_code(row.agent.as_deref(), Agent::from_code)?,
                concentration_thousandths: row.concentration_thousandths,
                volume_microlitres_per_nerve: row.volume_microlitres,
                steroid: row.steroid,
                guidance: maybe_code(row.guidance.as_deref(), Guidance::from_code)?,
                sedation: maybe_code(row.sedation.as_deref(), Sedation::from_code)?,
                stated_relief: percent(row.stated_relief_tenths)?,
                stated_relief_minutes: row.stated_relief_minutes,
                duration_minutes: row.duration_minutes,
                operator: row.operator,
                site: row.site,
                corrected_nerves: row.corrected_nerves.as_deref().map(nerves).transpose()?,
                same_day_return: row.same_day_return,
            },
        })
    }
}
