//! The cohort as the figures read it: one patient at a time.

use crate::domain::adverse_event::AdverseEvent;
use crate::domain::anatomy::{Side, Target};
use crate::domain::block::Block;
use crate::domain::ids::{AblationId, BlockId, EpisodeId};
use crate::domain::pain::{Percent, Relief, Threshold};
use crate::domain::qualification::{History, RecordedAblation, RecordedBlock};
use crate::domain::relief::{BASELINE_MAX_AGE_DAYS, Series, stated_relief};
use chrono::{NaiveDate, TimeDelta};
use std::collections::HashMap;

/// One patient: withdrawn records are left out.
#[derive(Debug, Clone)]
pub struct CohortPatient {
    /// Their episodes.
    pub episodes: Vec<CohortEpisode>,
    /// Their adverse events.
    pub events: Vec<CohortEvent>,
    /// How many scores of each block were entered from memory.
    pub retrospective: HashMap<BlockId, u64>,
}

/// One pain that was investigated.
#[derive(Debug, Clone)]
pub struct CohortEpisode {
    /// Its identity.
    pub id: EpisodeId,
    /// The day on which it was recorded.
    pub recorded_on: NaiveDate,
    /// The day of the referral that is in force.
    pub referred_on: Option<NaiveDate>,
    /// What is recorded.
    pub history: History,
}

/// What an adverse event came after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Procedure {
    /// A block.
    Block(BlockId),
    /// An ablation.
    Ablation(AblationId),
}

/// An adverse event and what it came after.
#[derive(Debug, Clone)]
pub struct CohortEvent {
    /// The event.
    pub event: AdverseEvent,
    /// What it came after.
    pub after: Procedure,
}

/// A diagnostic medial branch block with the series that is read of each side.
#[derive(Debug)]
pub struct BlockReading<'a> {
    /// The local calendar date.
    pub date: NaiveDate,
    /// The block.
    pub recorded: &'a RecordedBlock,
    /// The treated sides with what was read of them.
    pub sides: Vec<SideReading<'a>>,
}

/// One side of a block.
#[derive(Debug)]
pub struct SideReading<'a> {
    /// The side.
    pub side: Side,
    /// The series; `None` without a baseline or a later row in one scale and context.
    pub series: Option<Series<'a>>,
    /// As the patient states it.
    pub stated: Option<Percent>,
}

impl SideReading<'_> {
    /// The greatest relief by scores; `None` without a series, and from a baseline of 0.
    #[must_use]
    pub fn best(&self) -> Option<Relief> {
        self.series
            .as_ref()
            .and_then(Series::best)
            .map(|(_, relief)| relief)
    }

    /// Whether relief reached `threshold` by scores; `None` where it is not known.
    #[must_use]
    pub fn reached(&self, threshold: Threshold) -> Option<bool> {
        self.best().map(|relief| relief.reaches(threshold))
    }
}

impl BlockReading<'_> {
    /// The block.
    #[must_use]
    pub fn block(&self) -> &Block {
        &self.recorded.block
    }

    /// Its ratings: one for the block, and one for each side where the sides were rated by themselves.
    #[must_use]
    pub fn ratings(&self) -> &[SideReading<'_>] {
        let told_apart = self
            .recorded
            .scores
            .iter()
            .any(|score| score.row.side.is_some());
        if told_apart {
            &self.sides
        } else {
            self.sides.get(..1).unwrap_or_default()
        }
    }

    /// What was read of one side.
    #[must_use]
    pub fn on(&self, side: Side) -> Option<&SideReading<'_>> {
        self.sides.iter().find(|reading| reading.side == side)
    }
}

/// An episode's diagnostic medial branch blocks as they are read, oldest first, up to a date.
#[must_use]
pub fn readings(history: &History, as_of: NaiveDate) -> Vec<BlockReading<'_>> {
    let max_age = TimeDelta::days(BASELINE_MAX_AGE_DAYS);
    let mut readings: Vec<BlockReading<'_>> = history
        .blocks
        .iter()
        .filter(|recorded| recorded.block.is_diagnostic_mbb())
        .filter(|recorded| recorded.block.local_date() <= as_of)
        .map(|recorded| BlockReading {
            date: recorded.block.local_date(),
            recorded,
            sides: sides(recorded, as_of, max_age),
        })
        .collect();
    readings.sort_by_key(|reading| {
        (
            reading.date,
            reading.block().performed_at,
            reading.recorded.id,
        )
    });
    readings
}

fn sides(recorded: &RecordedBlock, as_of: NaiveDate, max_age: TimeDelta) -> Vec<SideReading<'_>> {
    let (block, scores) = (&recorded.block, &recorded.scores);
    let read = |side: &Side| {
        let series = Series::of(block, scores, *side, as_of, max_age);
        let stated = stated_relief(block, scores, *side, as_of, series.as_ref());
        SideReading {
            side: *side,
            series,
            stated,
        }
    };
    block.sides().iter().map(read).collect()
}

/// One joint on one side with the diagnostic medial branch blocks and the ablations that covered it, oldest first.
#[derive(Debug)]
pub struct TargetView<'r, 'a> {
    /// The target.
    pub target: Target,
    /// Its blocks, the first of one day only.
    pub blocks: Vec<&'r BlockReading<'a>>,
    /// Its ablations.
    pub ablations: Vec<&'a RecordedAblation>,
}

impl TargetView<'_, '_> {
    /// What was read of one of its blocks on its side.
    #[must_use]
    pub fn side_of(&self, place: usize) -> Option<&SideReading<'_>> {
        self.blocks.get(place)?.on(self.target.side)
    }

    /// Its first ablation on a day or later.
    #[must_use]
    pub fn ablated_from(&self, day: NaiveDate) -> Option<&RecordedAblation> {
        let mut later = self
            .ablations
            .iter()
            .filter(|recorded| recorded.ablation.performed_on >= day);
        later.next().copied()
    }
}

/// The targets of an episode, down the spine. Blocks after the first ablation of a target are not among its blocks: they
/// are about another ablation.
#[must_use]
pub fn targets<'r, 'a>(
    history: &'a History,
    readings: &'r [BlockReading<'a>],
    as_of: NaiveDate,
) -> Vec<TargetView<'r, 'a>> {
    let mut ablations: Vec<&RecordedAblation> = history
        .ablations
        .iter()
        .filter(|recorded| recorded.ablation.performed_on <= as_of)
        .collect();
    ablations.sort_by_key(|recorded| (recorded.ablation.performed_on, recorded.id));
    let of_blocks = readings
        .iter()
        .flat_map(|reading| reading.block().targets());
    let of_ablations = ablations
        .iter()
        .flat_map(|recorded| recorded.ablation.targets());
    let mut targets: Vec<Target> = of_blocks.chain(of_ablations).collect();
    targets.sort_unstable();
    targets.dedup();
    let view = |target: Target| {
        let own = ablations
            .iter()
            .copied()
            .filter(|recorded| recorded.ablation.covers(target));
        let ablations: Vec<&RecordedAblation> = own.collect();
        let first = ablations
            .first()
            .map(|recorded| recorded.ablation.performed_on);
        let mut blocks: Vec<&BlockReading<'a>> = readings
            .iter()
            .filter(|reading| reading.block().covers(target))
            .filter(|reading| first.is_none_or(|ablated| reading.date <= ablated))
            .collect();
        blocks.dedup_by_key(|reading| reading.date);
        TargetView {
            target,
            blocks,
            ablations,
        }
    };
    targets.into_iter().map(view).collect()
}
