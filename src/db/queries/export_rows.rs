//! The records of a dataset in chunks, each beginning after the last key of the one before: constant memory.

use super::{blocks as block_queries, stored, texts};
use crate::db::dialect::query;
use crate::db::rows::{
    self, AblationRow, AdverseEventRow, BlockRow, Determination, DeterminationRow, EpisodeRow,
    FollowUpRow, ScoreDataRow, Stored, date_text,
};
use crate::db::schema::{
    ablations, adverse_events, blocks, determinations, episodes, follow_ups, patients, scores,
};
use crate::db::{DbError, Result, Tx};
use crate::domain::Vocabulary;
use crate::domain::ablation::{Ablation, FollowUp};
use crate::domain::adverse_event::AdverseEvent;
use crate::domain::anatomy::Region;
use crate::domain::block::Block;
use crate::domain::episode::Episode;
use crate::domain::pain::ScoreRow;
use crate::domain::patient::Patient;
use diesel::prelude::*;
use uuid::Uuid;

pub use super::adverse_events::After;
pub use super::blocks::Filter as Procedures;

/// Which records. What does not apply to a dataset does not restrict it: a score and a relief are chosen by their
/// block, a follow-up by its ablation. `None` does not restrict.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of such procedures.
    pub procedures: Procedures,
    /// Of episodes of this region.
    pub region: Option<Region>,
    /// Determinations by this profile.
    pub profile: Option<String>,
    /// Determinations with this verdict.
    pub verdict: Option<&'static str>,
}

impl From<Procedures> for Filter {
    fn from(procedures: Procedures) -> Filter {
        Filter {
            procedures,
            ..Filter::default()
        }
    }
}

/// The records of some parents: the scores of blocks, the follow-ups of ablations, the determinations of episodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk<T> {
    /// Parent by parent, in the order of their ids; there may be none although more follow.
    pub records: Vec<T>,
    /// The parent after which the next chunk begins; `None` after the last.
    pub next: Option<Uuid>,
}

impl<T> Chunk<Stored<T>> {
    /// The records that `rows` are, of `parents` in the order of their ids.
    fn of_parents<R>(parents: &[String], rows: Vec<R>) -> Result<Chunk<Stored<T>>>
    where
        Stored<T>: TryFrom<R, Error = DbError>,
    {
        let mut records = stored(rows)?;
        records.sort_unstable_by_key(|record| (record.parent, record.id));
        let next = parents.last().map(|last| rows::id(last)).transpose()?;
        Ok(Chunk { records, next })
    }
}

/// The episodes of an organization that are of one region.
macro_rules! episodes_of {
    ($organization:expr, $region:expr) => {
        episodes::table
            .filter(episodes::organization_id.eq($organization))
            .filter(episodes::region.eq($region.code_of()))
            .select(episodes::id)
    };
}

/// Restricts a boxed query on blocks.
macro_rules! filtered_blocks {
    ($query:expr, $organization:expr, $filter:expr) => {{
        let filter: &Filter = $filter;
        let mut query = block_queries::filtered!($query, &filter.procedures);
        if let Some(region) = filter.region {
            query = query.filter(blocks::episode_id.eq_any(episodes_of!($organization, region)));
        }
        query
    }};
}

/// Patients.
///
/// # Errors
/// When the database fails.
pub fn patients(
    tx: &mut Tx<'_>,
    organization: &str,
    filter: &Filter,
    after: Option<Uuid>,
    limit: u32,
) -> Result<Vec<Stored<Patient>>> {
    match filter.procedures.patient {
        None => Ok(super::patients::page(tx, organization, None, after, limit)?.items),
        Some(_) if after.is_some() => Ok(Vec::new()),
        Some(patient) => Ok(super::patients::by_ids(tx, organization, &[patient])?
            .into_values()
            .collect()),
    }
}

/// Restricts a boxed query on episodes.
macro_rules! filtered_episodes {
    ($query:expr, $filter:expr) => {{
        let filter: &Filter = $filter;
        let mut query = $query;
        if let Some(patient) = filter.procedures.patient {
            query = query.filter(episodes::patient_id.eq(patient.to_string()));
        }
        if let Some(episode) = filter.procedures.episode {
            query = query.filter(episodes::id.eq(episode.to_string()));
        }
        if let Some(region) = filter.region {
            query = query.filter(episodes::region.eq(region.code_of()));
        }
        query
    }};
}

/// Episodes.
///
/// # Errors
/// When the database fails.
pub fn episodes(
    tx: &mut Tx<'_>,
    organization: &str,
    filter: &Filter,
    after: Option<Uuid>,
    limit: u32,
) -> Result<Vec<Stored<Episode>>> {
    let found = query!(tx, conn => {
        let mut found = episodes::table.filter(episodes::organization_id.eq(organization)).into_boxed::<Db>();
        found = filtered_episodes!(found, filter);
        if let Some(after) = after {
            found = found.filter(episodes::id.gt(after.to_string()));
        }
        found.order(episodes::id).limit(i64::from(limit)).select(EpisodeRow::as_select()).load::<EpisodeRow>(conn)
    })?;
    stored(found)
}

/// Blocks. Their reliefs come with [`scores::for_blocks`](super::scores::for_blocks).
///
/// # Errors
/// When the database fails.
pub fn blocks(
    tx: &mut Tx<'_>,
    organization: &str,
    filter: &Filter,
    after: Option<Uuid>,
    limit: u32,
) -> Result<Vec<Stored<Block>>> {
    let found = query!(tx, conn => {
        let all = blocks::table
            .filter(blocks::organization_id.eq(organization))
            .filter(blocks::withdrawn_at.is_null())
            .into_boxed::<Db>();
        let mut found = filtered_blocks!(all, organization, filter);
        if let Some(after) = after {
            found = found.filter(blocks::id.gt(after.to_string()));
        }
        found.order(blocks::id).limit(i64::from(limit)).select(BlockRow::as_select()).load::<BlockRow>(conn)
    })?;
    stored(found)
}

/// The scores of the next `limit` blocks, block by block.
///
/// The blocks are chosen first, so that a rare choice of them does not walk every score; a join would leave it to the
/// planner where to begin, and with statistics SQLite begins so that every score is sorted for every chunk.
///
/// # Errors
/// When the database fails.
pub fn scores(
    tx: &mut Tx<'_>,
    organization: &str,
    filter: &Filter,
    after: Option<Uuid>,
    limit: u32,
) -> Result<Chunk<Stored<ScoreRow>>> {
    let of = query!(tx, conn => {
        let all = blocks::table
            .filter(blocks::organization_id.eq(organization))
            .filter(blocks::withdrawn_at.is_null())
            .into_boxed::<Db>();
        let mut chosen = filtered_blocks!(all, organization, filter);
        if let Some(after) = after {
            chosen = chosen.filter(blocks::id.gt(after.to_string()));
        }
        chosen.order(blocks::id).limit(i64::from(limit)).select(blocks::id).load::<String>(conn)
    })?;
    let found = query!(tx, conn => scores::table
        .filter(scores::organization_id.eq(organization))
        .filter(scores::block_id.eq_any(&of))
        .filter(scores::withdrawn_at.is_null())
        .select(ScoreDataRow::as_select())
        .load::<ScoreDataRow>(conn))?;
    Chunk::of_parents(&of, found)
}

/// Restricts a boxed query on ablations.
macro_rules! filtered_ablations {
    ($query:expr, $organization:expr, $filter:expr) => {{
        let filter: &Filter = $filter;
        let region = filter.region;
        let filter = &filter.procedures;
        let mut query = $query;
        if let Some(region) = region {
            query = query.filter(ablations::episode_id.eq_any(episodes_of!($organization, region)));
        }
        if let Some(patient) = filter.patient {
            query = query.filter(ablations::patient_id.eq(patient.to_string()));
        }
        if let Some(episode) = filter.episode {
            query = query.filter(ablations::episode_id.eq(episode.to_string()));
        }
        if let Some(operator) = &filter.operator {
            query = query.filter(ablations::operator.eq(operator));
        }
        if !filter.sites.are_any() {
            query = query.filter(ablations::site.eq_any(filter.sites.names()));
        }
        if let Some(from) = filter.from {
            query = query.filter(ablations::performed_on.ge(date_text(from)));
        }
        if let Some(to) = filter.to {
            query = query.filter(ablations::performed_on.le(date_text(to)));
        }
        query
    }};
}

/// Ablations.
///
/// # Errors
/// When the database fails.
pub fn ablations(
    tx: &mut Tx<'_>,
    organization: &str,
    filter: &Filter,
    after: Option<Uuid>,
    limit: u32,
) -> Result<Vec<Stored<Ablation>>> {
    let found = query!(tx, conn => {
        let all = ablations::table
            .filter(ablations::organization_id.eq(organization))
            .filter(ablations::withdrawn_at.is_null())
            .into_boxed::<Db>();
        let mut found = filtered_ablations!(all, organization, filter);
        if let Some(after) = after {
            found = found.filter(ablations::id.gt(after.to_string()));
        }
        found.order(ablations::id).limit(i64::from(limit)).select(AblationRow::as_select()).load::<AblationRow>(conn)
    })?;
    stored(found)
}

/// The follow-ups of the next `limit` ablations, ablation by ablation; these are chosen first, as with
/// [`scores`](self::scores()).
///
/// # Errors
/// When the database fails.
pub fn follow_ups(
    tx: &mut Tx<'_>,
    organization: &str,
    filter: &Filter,
    after: Option<Uuid>,
    limit: u32,
) -> Result<Chunk<Stored<FollowUp>>> {
    let of = query!(tx, conn => {
        let all = ablations::table
            .filter(ablations::organization_id.eq(organization))
            .filter(ablations::withdrawn_at.is_null())
            .into_boxed::<Db>();
        let mut chosen = filtered_ablations!(all, organization, filter);
        if let Some(after) = after {
            chosen = chosen.filter(ablations::id.gt(after.to_string()));
        }
        chosen.order(ablations::id).limit(i64::from(limit)).select(ablations::id).load::<String>(conn)
    })?;
    let found = query!(tx, conn => follow_ups::table
        .filter(follow_ups::organization_id.eq(organization))
        .filter(follow_ups::ablation_id.eq_any(&of))
        .filter(follow_ups::withdrawn_at.is_null())
        .select(FollowUpRow::as_select())
        .load::<FollowUpRow>(conn))?;
    Chunk::of_parents(&of, found)
}

/// Restricts a boxed query on adverse events.
macro_rules! filtered_events {
    ($query:expr, $filter:expr) => {{
        let filter: &Procedures = &$filter.procedures;
        let mut query = $query;
        if let Some(patient) = filter.patient {
            query = query.filter(adverse_events::patient_id.eq(patient.to_string()));
        }
        if let Some(from) = filter.from {
            query = query.filter(adverse_events::onset_on.ge(date_text(from)));
        }
        if let Some(to) = filter.to {
            query = query.filter(adverse_events::onset_on.le(date_text(to)));
        }
        query
    }};
}

/// Adverse events, each with what it came after; `from` and `to` are about the day it began.
///
/// # Errors
/// When the database fails.
pub fn adverse_events(
    tx: &mut Tx<'_>,
    organization: &str,
    filter: &Filter,
    after: Option<Uuid>,
    limit: u32,
) -> Result<Vec<(Stored<AdverseEvent>, After)>> {
    let found = query!(tx, conn => {
        let mut found = adverse_events::table.filter(adverse_events::organization_id.eq(organization)).into_boxed::<Db>();
        found = filtered_events!(found, filter);
        if let Some(after) = after {
            found = found.filter(adverse_events::id.gt(after.to_string()));
        }
        found
            .order(adverse_events::id)
            .limit(i64::from(limit))
            .select(AdverseEventRow::as_select())
            .load::<AdverseEventRow>(conn)
    })?;
    found.into_iter().map(AdverseEventRow::read).collect()
}

/// Restricts a boxed query on determinations.
macro_rules! filtered_determinations {
    ($query:expr, $filter:expr) => {{
        let filter: &Filter = $filter;
        let mut query = $query;
        if let Some(operator) = &filter.procedures.operator {
            query = query.filter(determinations::operator.eq(operator));
        }
        if let Some(from) = filter.procedures.from {
            query = query.filter(determinations::last_block_on.ge(date_text(from)));
        }
        if let Some(to) = filter.procedures.to {
            query = query.filter(determinations::last_block_on.le(date_text(to)));
        }
        if let Some(profile) = &filter.profile {
            query = query.filter(determinations::profile.eq(profile));
        }
        if let Some(verdict) = filter.verdict {
            query = query.filter(determinations::verdict.eq(verdict));
        }
        query
    }};
}

/// The determinations of the next `limit` episodes; operator, `from` and `to` are about the newest counted block.
///
/// # Errors
/// When the database fails.
pub fn determinations(
    tx: &mut Tx<'_>,
    organization: &str,
    filter: &Filter,
    after: Option<Uuid>,
    limit: u32,
) -> Result<Chunk<Determination>> {
    let chunk = self::episodes(tx, organization, filter, after, limit)?;
    let of: Vec<String> = chunk.iter().map(|episode| episode.id.to_string()).collect();
    let found = query!(tx, conn => {
        let all = determinations::table
            .filter(determinations::organization_id.eq(organization))
            .filter(determinations::episode_id.eq_any(&of))
            .into_boxed::<Db>();
        let found = filtered_determinations!(all, filter);
        found
            .order((determinations::episode_id, determinations::joint, determinations::side, determinations::profile))
            .select(DeterminationRow::as_select())
            .load::<DeterminationRow>(conn)
    })?;
    let records = found.into_iter().map(TryInto::try_into);
    Ok(Chunk {
        records: records.collect::<Result<_>>()?,
        next: chunk.last().map(|episode| episode.id),
    })
}

/// Every determination of some episodes.
///
/// # Errors
/// When the database fails.
pub fn determinations_of(
    tx: &mut Tx<'_>,
    organization: &str,
    episodes: &[Uuid],
) -> Result<Vec<Determination>> {
    let of = texts(episodes);
    let found = query!(tx, conn => determinations::table
        .filter(determinations::organization_id.eq(organization))
        .filter(determinations::episode_id.eq_any(&of))
        .order((determinations::episode_id, determinations::joint, determinations::side, determinations::profile))
        .select(DeterminationRow::as_select())
        .load::<DeterminationRow>(conn))?;
    found.into_iter().map(TryInto::try_into).collect()
}

/// How many patients [`patients`] leads through.
///
/// # Errors
/// When the database fails.
pub fn count_patients(tx: &mut Tx<'_>, organization: &str, filter: &Filter) -> Result<i64> {
    query!(tx, conn => {
        let mut all = patients::table
            .filter(patients::organization_id.eq(organization))
            .count()
            .into_boxed::<Db>();
        if let Some(patient) = filter.procedures.patient {
            all = all.filter(patients::id.eq(patient.to_string()));
        }
        all.get_result(conn)
    })
}

/// How many episodes [`episodes`](self::episodes()) leads through.
///
/// # Errors
/// When the database fails.
pub fn count_episodes(tx: &mut Tx<'_>, organization: &str, filter: &Filter) -> Result<i64> {
    query!(tx, conn => {
        let all = episodes::table
            .filter(episodes::organization_id.eq(organization))
            .count()
            .into_boxed::<Db>();
        filtered_episodes!(all, filter).get_result(conn)
    })
}

/// How many blocks [`blocks`](self::blocks()) leads through.
///
/// # Errors
/// When the database fails.
pub fn count_blocks(tx: &mut Tx<'_>, organization: &str, filter: &Filter) -> Result<i64> {
    query!(tx, conn => {
        let all = blocks::table
            .filter(blocks::organization_id.eq(organization))
            .filter(blocks::withdrawn_at.is_null())
            .count()
            .into_boxed::<Db>();
        filtered_blocks!(all, organization, filter).get_result(conn)
    })
}

/// How many scores [`scores`](self::scores()) leads through.
///
/// # Errors
/// When the database fails.
pub fn count_scores(tx: &mut Tx<'_>, organization: &str, filter: &Filter) -> Result<i64> {
    query!(tx, conn => {
        let of = blocks::organization_id.eq(scores::organization_id).and(blocks::id.eq(scores::block_id));
        let all = scores::table
            .inner_join(blocks::table.on(of))
            .filter(scores::organization_id.eq(organization))
            .filter(scores::withdrawn_at.is_null())
            .filter(blocks::withdrawn_at.is_null())
            .count()
            .into_boxed::<Db>();
        filtered_blocks!(all, organization, filter).get_result(conn)
    })
}

/// How many ablations [`ablations`](self::ablations()) leads through.
///
/// # Errors
/// When the database fails.
pub fn count_ablations(tx: &mut Tx<'_>, organization: &str, filter: &Filter) -> Result<i64> {
    query!(tx, conn => {
        let all = ablations::table
            .filter(ablations::organization_id.eq(organization))
            .filter(ablations::withdrawn_at.is_null())
            .count()
            .into_boxed::<Db>();
        filtered_ablations!(all, organization, filter).get_result(conn)
    })
}

/// How many follow-ups [`follow_ups`](self::follow_ups()) leads through.
///
/// # Errors
/// When the database fails.
pub fn count_follow_ups(tx: &mut Tx<'_>, organization: &str, filter: &Filter) -> Result<i64> {
    query!(tx, conn => {
        let of = ablations::organization_id.eq(follow_ups::organization_id).and(ablations::id.eq(follow_ups::ablation_id));
        let all = follow_ups::table
            .inner_join(ablations::table.on(of))
            .filter(follow_ups::organization_id.eq(organization))
            .filter(follow_ups::withdrawn_at.is_null())
            .filter(ablations::withdrawn_at.is_null())
            .count()
            .into_boxed::<Db>();
        filtered_ablations!(all, organization, filter).get_result(conn)
    })
}

/// How many adverse events [`adverse_events`](self::adverse_events()) leads through.
///
/// # Errors
/// When the database fails.
pub fn count_adverse_events(tx: &mut Tx<'_>, organization: &str, filter: &Filter) -> Result<i64> {
    query!(tx, conn => {
        let all = adverse_events::table
            .filter(adverse_events::organization_id.eq(organization))
            .count()
            .into_boxed::<Db>();
        filtered_events!(all, filter).get_result(conn)
    })
}

/// How many determinations there are, whatever their episode: at least as many as [`determinations`](self::determinations())
/// leads through.
///
/// # Errors
/// When the database fails.
pub fn count_determinations(tx: &mut Tx<'_>, organization: &str, filter: &Filter) -> Result<i64> {
    query!(tx, conn => {
        let mut all = determinations::table
            .filter(determinations::organization_id.eq(organization))
            .count()
            .into_boxed::<Db>();
        if let Some(patient) = filter.procedures.patient {
            all = all.filter(determinations::patient_id.eq(patient.to_string()));
        }
        if let Some(episode) = filter.procedures.episode {
            all = all.filter(determinations::episode_id.eq(episode.to_string()));
        }
        all.get_result(conn)
    })
}
