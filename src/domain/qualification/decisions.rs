//! What the profiles say, gathered for a reader: joints of one side about which every profile says the same are one
//! decision.

use super::evaluate::{Case, Determination, NextStep, evaluate_today_only};
use super::explain::{RuleExplanation, explain};
use super::history::{History, Records, TargetRecords};
use super::profile::Profile;
use crate::domain::anatomy::{Joint, Side, Target};
use crate::domain::ids::{AblationId, BlockId, FollowUpId};
use crate::domain::relief::ReliefFinding;
use chrono::{NaiveDate, TimeDelta};

/// What the profiles say about some joints of one side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision<'p> {
    /// The side.
    pub side: Side,
    /// The joints, down the spine.
    pub joints: Vec<Joint>,
    /// What the first profile says that judges these joints.
    pub lead: Determination<'p>,
    /// What the others say, in the order in which the profiles were given.
    pub others: Vec<Determination<'p>>,
    /// Which of the others a reader is told first, where that is not the lead.
    told_first: Option<usize>,
    /// The diagnostic medial branch blocks, oldest first, read by the headline's criteria.
    pub blocks: Vec<BlockRead>,
    /// The latest ablation with its follow-ups.
    pub ablation: Option<AblationRead>,
    /// Every rule of the headline's profile explained.
    pub rules: Vec<RuleExplanation>,
}

/// One block as a decision reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockRead {
    /// Its identity.
    pub id: BlockId,
    /// Its local date.
    pub date: NaiveDate,
    /// The best relief in tenths of a percent, rounded down; `None` without comparable scores.
    pub best_floor_tenths: Option<i32>,
    /// How long relief lasted at the least and at the most, where it reached the threshold; no end where it is not recorded.
    pub lasted: Option<(TimeDelta, Option<TimeDelta>)>,
}

/// The latest ablation as a decision reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AblationRead {
    /// Its identity.
    pub id: AblationId,
    /// Its date.
    pub performed_on: NaiveDate,
    /// Its follow-ups.
    pub follow_ups: Vec<FollowUpId>,
}

impl NextStep {
    /// How much it matters to somebody who looks at the patient: 0 where there is nothing to decide.
    #[must_use]
    pub const fn weight(self) -> u8 {
        match self {
            NextStep::ReferForAblation | NextStep::RepeatAblation => 4,
            NextStep::ConfirmatoryBlock => 3,
            NextStep::RecordScores => 2,
            NextStep::CompleteRecord => 1,
            NextStep::DiagnosticBlock | NextStep::FollowUp | NextStep::None => 0,
        }
    }
}

impl<'p> Decision<'p> {
    /// Every decision about `history` as of a day, down the spine.
    #[must_use]
    pub fn all(profiles: &[&'p Profile], history: &History, as_of: NaiveDate) -> Vec<Decision<'p>> {
        let records = Records::as_of(history, as_of);
        let mut answers = evaluate_today_only(profiles, history, as_of);
        // Stable: of one target the profiles stay in their order.
        answers.sort_by_key(|answer| answer.target);
        let mut decisions: Vec<Decision<'p>> = Vec::new();
        for of_target in answers.chunk_by(|one, other| one.target == other.target) {
            let Some(decision) = Decision::about(of_target, &records) else {
                continue;
            };
            match decisions
                .iter_mut()
                .find(|one| one.says_the_same(&decision))
            {
                Some(same) => same.joints.extend(decision.joints),
                None => decisions.push(decision),
            }
        }
        for decision in &mut decisions {
            let profile = decision.headline().profile;
            decision.rules = explain(profile, history, decision.target(), as_of);
        }
        decisions
    }

    fn about(answers: &[Determination<'p>], records: &Records<'_>) -> Option<Decision<'p>> {
        let (lead, others) = answers.split_first()?;
        let told_first = told_first(lead, others);
        let headline = told_first.and_then(|place| others.get(place));
        let criteria = &headline.unwrap_or(lead).profile.criteria;
        let target = records.of_target(lead.target, criteria.baseline_max_age);
        let case = Case::on(criteria, records, &target, records.as_of);
        Some(Decision {
            side: lead.target.side,
            joints: vec![lead.target.joint],
            lead: lead.clone(),
            others: others.to_vec(),
            told_first,
            blocks: read_blocks(&case, &target),
            ablation: target.ablation.map(|recorded| AblationRead {
                id: recorded.id,
                performed_on: recorded.ablation.performed_on,
                follow_ups: target.follow_ups.iter().map(|one| one.id).collect(),
            }),
            rules: Vec::new(),
        })
    }

    fn says_the_same(&self, other: &Decision<'_>) -> bool {
        let same_answer = |(one, other): (&Determination<'_>, &Determination<'_>)| {
            (one.profile.id == other.profile.id)
                && (one.purpose, one.rediagnosed, one.verdict, one.next_step)
                    == (
                        other.purpose,
                        other.rediagnosed,
                        other.verdict,
                        other.next_step,
                    )
                && (one.earliest, one.statuses) == (other.earliest, other.statuses)
        };
        self.side == other.side
            && self.blocks == other.blocks
            && self.ablation == other.ablation
            && self.others.len() == other.others.len()
            && self.answers().zip(other.answers()).all(same_answer)
    }

    /// What each profile says, the leading one first.
    pub fn answers(&self) -> impl Iterator<Item = &Determination<'p>> {
        std::iter::once(&self.lead).chain(&self.others)
    }

    /// What a reader is told first: the leading profile's answer where there is something to decide by it, else the
    /// answer by which there is most.
    #[must_use]
    pub fn headline(&self) -> &Determination<'p> {
        let other = self.told_first.and_then(|place| self.others.get(place));
        other.unwrap_or(&self.lead)
    }

    /// The first of its joints on its side.
    #[must_use]
    pub fn target(&self) -> Target {
        self.lead.target
    }

    /// The newest block with its number, from 1.
    #[must_use]
    pub fn newest_block(&self) -> Option<(usize, &BlockRead)> {
        self.blocks.last().map(|block| (self.blocks.len(), block))
    }
}

/// The place of the other answer that is told first: where the lead has nothing to decide, the one that has most.
fn told_first(lead: &Determination<'_>, others: &[Determination<'_>]) -> Option<usize> {
    if lead.next_step.weight() > 0 {
        return None;
    }
    let weights = others.iter().map(|answer| answer.next_step.weight());
    let deciding = weights.enumerate().filter(|(_, weight)| *weight > 0);
    // Of several that weigh the same the first: the order of the profiles is a choice too.
    let most = deciding.max_by_key(|(place, weight)| (*weight, std::cmp::Reverse(*place)));
    most.map(|(place, _)| place)
}

fn read_blocks(case: &Case<'_>, target: &TargetRecords<'_>) -> Vec<BlockRead> {
    let blocks = target.blocks.iter();
    blocks
        .map(|block| BlockRead {
            id: block.recorded.id,
            date: block.date,
            best_floor_tenths: block
                .series
                .as_ref()
                .and_then(|series| series.best())
                .map(|(_, relief)| relief.floor_tenths()),
            lasted: match case.finding(block) {
                Some(ReliefFinding::Reached(interval)) => Some((interval.min, interval.max)),
                Some(ReliefFinding::NotReached | ReliefFinding::Undefined) | None => None,
            },
        })
        .collect()
}
