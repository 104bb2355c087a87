//! What the worklist shows beside the candidates: how many each tab holds, and the blocks behind a row.

use super::core::Unit;
use super::error::Result;
use crate::auth::Action;
use crate::db::queries;
use crate::db::queries::candidates::{Filter, Group};
use crate::db::rows::recorded;
use crate::domain::ids::BlockId;
use crate::domain::qualification::RecordedBlock;
use std::collections::HashMap;
use uuid::Uuid;

/// Nobody works through more than this: a tab that holds as many says so, and is not counted further.
pub const MOST_COUNTED: u32 = 500;

/// How many episodes each filter leads through, in their order, at most [`MOST_COUNTED`].
///
/// # Errors
/// Those of the database.
pub fn counts(unit: &mut Unit<'_, '_>, filters: &[Filter]) -> Result<Vec<i64>> {
    unit.require(Action::ReadCandidate)?;
    let organization = &unit.principal.organization;
    let mut counts = Vec::with_capacity(filters.len());
    for filter in filters {
        counts.push(queries::candidates::count_up_to(
            unit.tx,
            organization,
            filter,
            MOST_COUNTED,
        )?);
    }
    Ok(counts)
}

/// The newest two diagnostic medial branch blocks of each group that cover one of its listed targets, the earlier one
/// first, by episode.
///
/// # Errors
/// Those of the database.
pub fn newest_blocks(
    unit: &mut Unit<'_, '_>,
    groups: &[Group],
) -> Result<HashMap<Uuid, Vec<RecordedBlock>>> {
    unit.require(Action::ReadBlock)?;
    unit.require(Action::ReadScore)?;
    let organization = &unit.principal.organization;
    let episodes: Vec<Uuid> = groups.iter().map(|group| group.place.episode).collect();
    let mut chosen: HashMap<Uuid, Vec<RecordedBlock>> = HashMap::new();
    for stored in queries::blocks::for_episodes(unit.tx, organization, &episodes)? {
        let group = groups
            .iter()
            .find(|group| group.place.episode == stored.parent);
        let listed = group.is_some_and(|group| {
            let mut targets = group.determinations.iter().map(|one| one.judgement.target);
            targets.any(|target| stored.value.covers(target))
        });
        if listed && stored.value.is_diagnostic_mbb() {
            chosen
                .entry(stored.parent)
                .or_default()
                .push(RecordedBlock {
                    id: BlockId(stored.id),
                    block: stored.value,
                    scores: Vec::new(),
                });
        }
    }
    for blocks in chosen.values_mut() {
        blocks.sort_by_key(|one| one.block.performed_at);
        let older = blocks.len().saturating_sub(2);
        blocks.drain(..older);
    }
    let of: Vec<Uuid> = chosen.values().flatten().map(|one| one.id.0).collect();
    let scores = queries::scores::for_blocks(unit.tx, organization, &of)?;
    let mut by_block: HashMap<Uuid, Vec<_>> = HashMap::new();
    for score in &scores {
        by_block
            .entry(score.parent)
            .or_default()
            .push(recorded(score));
    }
    for block in chosen.values_mut().flatten() {
        block.scores = by_block.remove(&block.id.0).unwrap_or_default();
    }
    Ok(chosen)
}
