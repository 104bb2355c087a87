//! Who is in a figure: the filters that all of them share.

use super::cohort::{CohortEpisode, TargetView};
use crate::domain::ablation::Ablation;
use crate::domain::anatomy::{Joint, Region, Target};
use crate::domain::block::{Agent, Block, Guidance};
use crate::domain::ids::EpisodeId;
use crate::domain::sites::Sites;
use chrono::NaiveDate;
use std::collections::HashSet;
use std::sync::Arc;

/// The filters. `None` does not restrict.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Procedures on this day or later.
    pub from: Option<NaiveDate>,
    /// Procedures on this day or earlier.
    pub to: Option<NaiveDate>,
    /// Procedures at these sites.
    pub sites: Sites,
    /// Procedures by this operator.
    pub operator: Option<String>,
    /// In this region.
    pub region: Option<Region>,
    /// At this joint.
    pub level: Option<Joint>,
    /// Blocks with this agent.
    pub agent: Option<Agent>,
    /// Blocks under this guidance.
    pub guidance: Option<Guidance>,
    /// Targets that meet a profile.
    pub meeting: Option<Arc<HashSet<(EpisodeId, Target)>>>,
}

impl Selection {
    fn day(&self, day: NaiveDate) -> bool {
        self.from.is_none_or(|from| from <= day) && self.to.is_none_or(|to| day <= to)
    }

    fn place(&self, site: Option<&String>, operator: Option<&String>) -> bool {
        self.sites.admit(site.map(String::as_str))
            && self
                .operator
                .as_ref()
                .is_none_or(|wanted| operator == Some(wanted))
    }

    fn technique(&self, block: &Block) -> bool {
        self.agent.is_none_or(|agent| block.agent == Some(agent))
            && self
                .guidance
                .is_none_or(|guidance| block.guidance == Some(guidance))
    }

    /// Whether a target fits, whatever was done to it.
    #[must_use]
    pub fn target(&self, episode: EpisodeId, target: Target) -> bool {
        self.region
            .is_none_or(|region| target.joint.region() == region)
            && self.level.is_none_or(|level| target.joint == level)
            && self
                .meeting
                .as_ref()
                .is_none_or(|meeting| meeting.contains(&(episode, target)))
    }

    /// Whether a block is selected: by itself, and by one of its targets.
    #[must_use]
    pub fn block(&self, episode: EpisodeId, block: &Block) -> bool {
        self.of_block(block) && block.targets().any(|target| self.target(episode, target))
    }

    /// Whether a block fits, whatever its targets are.
    #[must_use]
    pub fn of_block(&self, block: &Block) -> bool {
        self.day(block.local_date())
            && self.place(block.site.as_ref(), block.operator.as_ref())
            && self.technique(block)
    }

    /// Whether an ablation is selected. Agent and guidance are about the blocks before it that covered the same.
    #[must_use]
    pub fn ablation(&self, episode: &CohortEpisode, ablation: &Ablation) -> bool {
        let of_blocks = self.agent.is_some() || self.guidance.is_some();
        let before = |block: &Block| {
            block.is_diagnostic_mbb()
                && block.local_date() <= ablation.performed_on
                && self.technique(block)
                && ablation.targets().any(|target| block.covers(target))
        };
        self.day(ablation.performed_on)
            && self.place(ablation.site.as_ref(), ablation.operator.as_ref())
            && ablation
                .targets()
                .any(|target| self.target(episode.id, target))
            && (!of_blocks
                || episode
                    .history
                    .blocks
                    .iter()
                    .any(|recorded| before(&recorded.block)))
    }

    /// Whether a target is selected: by itself, and by its first block, or its first ablation where there is no block.
    #[must_use]
    pub fn view(&self, episode: &CohortEpisode, view: &TargetView<'_, '_>) -> bool {
        if !self.target(episode.id, view.target) {
            return false;
        }
        match (view.blocks.first(), view.ablations.first()) {
            (Some(first), _) => self.of_block(first.block()),
            (None, Some(recorded)) => self.ablation(episode, &recorded.ablation),
            (None, None) => false,
        }
    }

    /// Whether an episode without a block is selected: there is nothing yet that the other filters could be about.
    #[must_use]
    pub fn episode_without_block(&self, episode: &CohortEpisode) -> bool {
        let of_procedures = !self.sites.are_any()
            || self.operator.is_some()
            || self.level.is_some()
            || self.agent.is_some()
            || self.guidance.is_some()
            || self.meeting.is_some();
        let region = episode.history.episode.region;
        !of_procedures
            && self.day(episode.recorded_on)
            && self.region.is_none_or(|wanted| wanted == region)
    }
}
