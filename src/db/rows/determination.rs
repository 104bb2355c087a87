//! Determinations: the stored verdicts.

use super::{code, date, date_text, id, instant, maybe_date, micros};
use crate::db::error::DbError;
use crate::db::schema::{determination_history, determinations};
use crate::domain::anatomy::{Joint, Side, Target};
use chrono::{DateTime, NaiveDate, Utc};
use diesel::{Insertable, Queryable, QueryableByName, Selectable};
use uuid::Uuid;

/// What one profile says about one target, narrow: explanations are recomputed from the records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// The target.
    pub target: Target,
    /// The profile's id.
    pub profile: String,
    /// The profile's version.
    pub profile_version: i32,
    /// Code of the purpose: `initial`, `repeat`.
    pub purpose: String,
    /// Code of the verdict.
    pub verdict: String,
    /// Code of the next step.
    pub next_step: String,
    /// The first day on which the next step may be taken.
    pub earliest: Option<NaiveDate>,
    /// The first day on which verdict or next step differs with the same records.
    pub changes_on: Option<NaiveDate>,
    /// The rules' statuses, two bits each; opaque here.
    pub statuses: i64,
    /// Whether the block rules apply anew after an ablation long ago.
    pub rediagnosed: bool,
    /// The lowest of the counted blocks' best reliefs, in tenths of a percent.
    pub relief_tenths: Option<i32>,
    /// Who performed the newest counted block.
    pub operator: Option<String>,
    /// The day of the newest counted block.
    pub last_block_on: Option<NaiveDate>,
}

/// A judgement as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Determination {
    /// The patient.
    pub patient: Uuid,
    /// The episode.
    pub episode: Uuid,
    /// What is said.
    pub judgement: Judgement,
    /// The day as of which it was first said; it holds from then on, until `changes_on`.
    pub evaluated_as_of: NaiveDate,
    /// The day the present next step began.
    pub since: NaiveDate,
    /// When it was stored.
    pub decided_at: DateTime<Utc>,
}

/// A determination that another one replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeterminationVersion {
    /// Identity of the entry.
    pub id: Uuid,
    /// What was said; without relief, operator and last block, which only the lists need.
    pub determination: Determination,
    /// When it was replaced.
    pub replaced_at: DateTime<Utc>,
}

#[derive(Debug, Clone, Queryable, QueryableByName, Selectable, Insertable)]
#[diesel(table_name = determinations, treat_none_as_default_value = false)]
pub(in crate::db) struct DeterminationRow {
    pub(in crate::db) organization_id: String,
    pub(in crate::db) episode_id: String,
    pub(in crate::db) joint: String,
    pub(in crate::db) side: String,
    pub(in crate::db) profile: String,
    pub(in crate::db) patient_id: String,
    pub(in crate::db) profile_version: i32,
    pub(in crate::db) purpose: String,
    pub(in crate::db) verdict: String,
    pub(in crate::db) next_step: String,
    pub(in crate::db) earliest: Option<String>,
    pub(in crate::db) changes_on: Option<String>,
    pub(in crate::db) statuses: i64,
    pub(in crate::db) rediagnosed: bool,
    pub(in crate::db) evaluated_as_of: String,
    pub(in crate::db) since: String,
    pub(in crate::db) relief_tenths: Option<i32>,
    pub(in crate::db) relief_order: i32,
    pub(in crate::db) operator: Option<String>,
    pub(in crate::db) last_block_on: Option<String>,
    pub(in crate::db) region: String,
    pub(in crate::db) sort_name: String,
    pub(in crate::db) decided_at: i64,
}

impl DeterminationRow {
    pub(in crate::db) fn of(
        organization: &str,
        determination: &Determination,
        sort_name: &str,
    ) -> DeterminationRow {
        let judgement = &determination.judgement;
        DeterminationRow {
            organization_id: organization.to_owned(),
            episode_id: determination.episode.to_string(),
            joint: judgement.target.joint.code().to_owned(),
            side: judgement.target.side.code().to_owned(),
            profile: judgement.profile.clone(),
            patient_id: determination.patient.to_string(),
            profile_version: judgement.profile_version,
            purpose: judgement.purpose.clone(),
            verdict: judgement.verdict.clone(),
            next_step: judgement.next_step.clone(),
            earliest: judgement.earliest.map(date_text),
            changes_on: judgement.changes_on.map(date_text),
            statuses: judgement.statuses,
            rediagnosed: judgement.rediagnosed,
            evaluated_as_of: date_text(determination.evaluated_as_of),
            since: date_text(determination.since),
            relief_tenths: judgement.relief_tenths,
            relief_order: judgement
                .relief_tenths
                .map_or(i32::MAX, i32::saturating_neg),
            operator: judgement.operator.clone(),
            last_block_on: judgement.last_block_on.map(date_text),
            region: judgement.target.joint.region().code().to_owned(),
            sort_name: sort_name.to_owned(),
            decided_at: micros(determination.decided_at),
        }
    }
}

impl TryFrom<DeterminationRow> for Determination {
    type Error = DbError;

    fn try_from(row: DeterminationRow) -> Result<Determination, DbError> {
        Ok(Determination {
            patient: id(&row.patient_id)?,
            episode: id(&row.episode_id)?,
            judgement: Judgement {
                target: Target {
                    joint: code(&row.joint, Joint::from_code)?,
                    side: code(&row.side, Side::from_code)?,
                },
                profile: row.profile,
                profile_version: row.profile_version,
                purpose: row.purpose,
                verdict: row.verdict,
                next_step: row.next_step,
                earliest: maybe_date(row.earliest.as_deref())?,
                changes_on: maybe_date(row.changes_on.as_deref())?,
                statuses: row.statuses,
                rediagnosed: row.rediagnosed,
                relief_tenths: row.relief_tenths,
                operator: row.operator,
                last_block_on: maybe_date(row.last_block_on.as_deref())?,
            },
            evaluated_as_of: date(&row.evaluated_as_of)?,
            since: date(&row.since)?,
            decided_at: instant(row.decided_at)?,
        })
    }
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = determination_history, treat_none_as_default_value = false)]
pub(in crate::db) struct DeterminationHistoryRow {
    pub(in crate::db) organization_id: String,
    pub(in crate::db) id: String,
    pub(in crate::db) patient_id: String,
    pub(in crate::db) episode_id: String,
    pub(in crate::db) joint: String,
    pub(in crate::db) side: String,
    pub(in crate::db) profile: String,
    pub(in crate::db) profile_version: i32,
    pub(in crate::db) purpose: String,
    pub(in crate::db) verdict: String,
    pub(in crate::db) next_step: String,
    pub(in crate::db) earliest: Option<String>,
    pub(in crate::db) changes_on: Option<String>,
    pub(in crate::db) statuses: i64,
    pub(in crate::db) rediagnosed: bool,
    pub(in crate::db) evaluated_as_of: String,
    pub(in crate::db) since: String,
    pub(in crate::db) decided_at: i64,
    pub(in crate::db) replaced_at: i64,
}

impl DeterminationHistoryRow {
    pub(in crate::db) fn of(
        organization: &str,
        entry: Uuid,
        replaced: &Determination,
        replaced_at: DateTime<Utc>,
    ) -> Self {
        let judgement = &replaced.judgement;
        DeterminationHistoryRow {
            organization_id: organization.to_owned(),
            id: entry.to_string(),
            patient_id: replaced.patient.to_string(),
            episode_id: replaced.episode.to_string(),
            joint: judgement.target.joint.code().to_owned(),
            side: judgement.target.side.code().to_owned(),
            profile: judgement.profile.clone(),
            profile_version: judgement.profile_version,
            purpose: judgement.purpose.clone(),
            verdict: judgement.verdict.clone(),
            next_step: judgement.next_step.clone(),
            earliest: judgement.earliest.map(date_text),
            changes_on: judgement.changes_on.map(date_text),
            statuses: judgement.statuses,
            rediagnosed: judgement.rediagnosed,
            evaluated_as_of: date_text(replaced.evaluated_as_of),
            since: date_text(replaced.since),
            decided_at: micros(replaced.decided_at),
            replaced_at: micros(replaced_at),
        }
    }
}

impl TryFrom<DeterminationHistoryRow> for DeterminationVersion {
    type Error = DbError;

    fn try_from(row: DeterminationHistoryRow) -> Result<DeterminationVersion, DbError> {
        Ok(DeterminationVersion {
            id: id(&row.id)?,
            determination: Determination {
                patient: id(&row.patient_id)?,
                episode: id(&row.episode_id)?,
                judgement: Judgement {
                    target: Target {
                        joint: code(&row.joint, Joint::from_code)?,
                        side: code(&row.side, Side::from_code)?,
                    },
                    profile: row.profile,
                    profile_version: row.profile_version,
                    purpose: row.purpose,
                    verdict: row.verdict,
                    next_step: row.next_step,
                    earliest: maybe_date(row.earliest.as_deref())?,
                    changes_on: maybe_date(row.changes_on.as_deref())?,
                    statuses: row.statuses,
                    rediagnosed: row.rediagnosed,
                    relief_tenths: None,
                    operator: None,
                    last_block_on: None,
                },
                evaluated_as_of: date(&row.evaluated_as_of)?,
                since: date(&row.since)?,
                decided_at: instant(row.decided_at)?,
            },
            replaced_at: instant(row.replaced_at)?,
        })
    }
}
