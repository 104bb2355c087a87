//! The dataset that a paper is written from: one row a target, with its blocks, its verdicts, its ablation and what followed.

use super::chunks::{patients_by_id, scores_of_blocks};
use crate::app::core::Unit;
use crate::app::error::Result;
use crate::db::Stored;
use crate::db::queries::{self, export_rows};
use crate::db::rows::Determination;
use crate::domain::ablation::{Ablation, FollowUp, FollowUpRelief};
use crate::domain::anatomy::{Region, Target};
use crate::domain::block::{Block, BlockKind};
use crate::domain::episode::Episode;
use crate::domain::pain::{RecordedScore, Threshold};
use crate::domain::patient::{Patient, Sex};
use crate::domain::relief::{
    AgentWindow, BASELINE_MAX_AGE_DAYS, ComparativeClass, Compared, Series, comparative_class,
};
use crate::domain::study::visits::Visit;
use crate::wire::determination::ReliefFields;
use chrono::{NaiveDate, TimeDelta};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use uuid::Uuid;

/// The threshold of success after an ablation, and the lower one of the two at which a block is told, in percent.
const LOWER: u8 = 50;
/// The threshold that most bodies ask of a block, in percent.
const UPPER: u8 = 80;

/// What became of one target: a joint on one side of an episode.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The patient.
    pub patient: Uuid,
    /// The episode.
    pub episode: Uuid,
    /// Its region.
    pub region: Region,
    /// The joint and the side.
    pub target: Target,
    /// The patient's sex.
    pub sex: Option<Sex>,
    /// How many whole years old the patient was at the first of `blocks`, else at the ablation.
    pub age: Option<i64>,
    /// How many diagnostic blocks of the target there are.
    pub diagnostic_blocks: usize,
    /// The last two diagnostic blocks before the ablation, or of all where none was done, the earlier first.
    pub blocks: [Option<OutcomeBlock>; 2],
    /// Days between the two, by the local calendar.
    pub days_between: Option<i64>,
    /// The two held against each other at 80 %.
    pub comparative_class: Option<ComparativeClass>,
    /// What each profile says about the target.
    pub determinations: Vec<Determination>,
    /// How many ablations of the target there are.
    pub ablations: usize,
    /// The first of them.
    pub ablation: Option<Arc<Stored<Ablation>>>,
    /// The day of the second one.
    pub repeated_on: Option<NaiveDate>,
    /// How many follow-ups of the first ablation there are.
    pub follow_ups: usize,
    /// The day of the last of them.
    pub last_follow_up_on: Option<NaiveDate>,
    /// The greatest relief at 3, 6 and 12 months, in tenths of a percent, rounded down.
    pub relief: [Option<i32>; 3],
    /// The day of the first follow-up at which relief was below 50 %.
    pub below_half_on: Option<NaiveDate>,
}

/// One of the two blocks of an [`Outcome`], as its side tells it.
#[derive(Debug, Clone)]
pub struct OutcomeBlock {
    /// The block.
    pub block: Arc<Stored<Block>>,
    /// Relief at 50 %.
    pub at_lower: Option<ReliefFields>,
    /// Relief at 80 %.
    pub at_upper: Option<ReliefFields>,
}

/// Everything that was recorded about some episodes.
struct Recorded {
    patients: HashMap<Uuid, Stored<Patient>>,
    blocks: HashMap<Uuid, Vec<Arc<Stored<Block>>>>,
    scores: HashMap<Uuid, Vec<RecordedScore>>,
    ablations: HashMap<Uuid, Vec<Arc<Stored<Ablation>>>>,
    follow_ups: HashMap<Uuid, Vec<FollowUp>>,
    determinations: HashMap<Uuid, Vec<Determination>>,
}

/// The outcomes of `episodes` that `filter` chooses, in the order of the episodes and of the targets down the spine.
///
/// # Errors
/// Those of the database.
pub(super) fn of_episodes(
    unit: &mut Unit<'_, '_>,
    episodes: &[Stored<Episode>],
    filter: &export_rows::Filter,
) -> Result<Vec<Outcome>> {
    if episodes.is_empty() {
        return Ok(Vec::new());
    }
    let recorded = Recorded::of(unit, episodes)?;
    let mut outcomes = Vec::new();
    for episode in episodes {
        for target in recorded.targets(episode.id) {
            let outcome = recorded.outcome(episode, target);
            if outcome.is_chosen(filter) {
                outcomes.push(outcome);
            }
        }
    }
    Ok(outcomes)
}

impl Recorded {
    fn of(unit: &mut Unit<'_, '_>, episodes: &[Stored<Episode>]) -> Result<Recorded> {
        let organization = &unit.principal.organization;
        let ids: Vec<Uuid> = episodes.iter().map(|episode| episode.id).collect();
        let blocks = queries::blocks::for_episodes(unit.tx, organization, &ids)?;
        let ablations = queries::ablations::for_episodes(unit.tx, organization, &ids)?;
        let ablation_ids: Vec<Uuid> = ablations.iter().map(|ablation| ablation.id).collect();
        let follow_ups = match ablation_ids.as_slice() {
            [] => Vec::new(),
            some => queries::follow_ups::for_ablations(unit.tx, organization, some)?,
        };
        let determinations = export_rows::determinations_of(unit.tx, organization, &ids)?;
        let scores = scores_of_blocks(unit, &blocks)?;
        let patients = patients_by_id(unit, episodes.iter().map(|episode| episode.patient))?;
        Ok(Recorded {
            patients,
            scores,
            blocks: grouped(blocks, |block| (block.parent, Arc::new(block))),
            ablations: grouped(ablations, |ablation| (ablation.parent, Arc::new(ablation))),
            follow_ups: grouped(follow_ups, |follow_up| (follow_up.parent, follow_up.value)),
            determinations: grouped(determinations, |of| (of.episode, of)),
        })
    }

    fn blocks(&self, episode: Uuid) -> &[Arc<Stored<Block>>] {
        self.blocks.get(&episode).map_or(&[], Vec::as_slice)
    }

    fn ablations(&self, episode: Uuid) -> &[Arc<Stored<Ablation>>] {
        self.ablations.get(&episode).map_or(&[], Vec::as_slice)
    }

    fn targets(&self, episode: Uuid) -> BTreeSet<Target> {
        let of_blocks = self.blocks(episode).iter();
        let of_ablations = self.ablations(episode).iter();
        of_blocks
            .flat_map(|block| block.value.targets())
            .chain(of_ablations.flat_map(|ablation| ablation.value.targets()))
            .collect()
    }

    fn outcome(&self, episode: &Stored<Episode>, target: Target) -> Outcome {
        let ablations = self.ablations_of(episode.id, target);
        let ablation = ablations.first().cloned();
        let diagnostic = self.diagnostic_blocks_of(episode.id, target);
        let blocks = self.told(&diagnostic, ablation.as_deref(), target);
        let day = |block: &Option<OutcomeBlock>| {
            block.as_ref().map(|block| block.block.value.local_date())
        };
        let [first, second] = &blocks;
        let followed = self.followed(ablation.as_deref());
        let patient = self.patients.get(&episode.patient);
        let first_day = day(first).or(ablation.as_ref().map(|of| of.value.performed_on));
        let born = patient.and_then(|patient| patient.value.birth_date);
        Outcome {
            patient: episode.patient,
            episode: episode.id,
            region: episode.value.region,
            target,
            sex: patient.and_then(|patient| patient.value.sex),
            age: first_day
                .zip(born)
                .and_then(|(day, born)| day.years_since(born))
                .map(i64::from),
            diagnostic_blocks: diagnostic.len(),
            days_between: day(first)
                .zip(day(second))
                .map(|(first, second)| second.signed_duration_since(first).num_days()),
            comparative_class: self.compared(first.as_ref(), second.as_ref(), target),
            determinations: self.determinations_of(episode.id, target),
            ablations: ablations.len(),
            repeated_on: ablations.get(1).map(|second| second.value.performed_on),
            follow_ups: followed.count,
            last_follow_up_on: followed.last_on,
            relief: followed.relief,
            below_half_on: followed.below_half_on,
            ablation,
            blocks,
        }
    }

    fn ablations_of(&self, episode: Uuid, target: Target) -> Vec<Arc<Stored<Ablation>>> {
        let mut found: Vec<_> = self
            .ablations(episode)
            .iter()
            .filter(|ablation| ablation.value.covers(target))
            .cloned()
            .collect();
        found.sort_by_key(|ablation| (ablation.value.performed_on, ablation.id));
        found
    }

    fn diagnostic_blocks_of(&self, episode: Uuid, target: Target) -> Vec<Arc<Stored<Block>>> {
        let mut found: Vec<_> = self
            .blocks(episode)
            .iter()
            .filter(|block| block.value.kind == BlockKind::Diagnostic && block.value.covers(target))
            .cloned()
            .collect();
        found.sort_by_key(|block| (block.value.performed_at, block.id));
        found
    }

    /// The last two of `diagnostic` before `ablation`, the earlier first.
    fn told(
        &self,
        diagnostic: &[Arc<Stored<Block>>],
        ablation: Option<&Stored<Ablation>>,
        target: Target,
    ) -> [Option<OutcomeBlock>; 2] {
        let before = |block: &&Arc<Stored<Block>>| {
            ablation.is_none_or(|ablation| block.value.local_date() <= ablation.value.performed_on)
        };
        let told = |block: &Arc<Stored<Block>>| self.block(block, target);
        let mut newest_first = diagnostic.iter().filter(before).rev();
        let (newest, earlier) = (newest_first.next(), newest_first.next());
        match (earlier, newest) {
            (Some(earlier), Some(newest)) => [Some(told(earlier)), Some(told(newest))],
            (_, only) => [only.map(told), None],
        }
    }

    fn block(&self, block: &Arc<Stored<Block>>, target: Target) -> OutcomeBlock {
        let thresholds: Vec<Threshold> = [LOWER, UPPER]
            .into_iter()
            .filter_map(Threshold::new)
            .collect();
        let scores = self.scores(block.id);
        let mut of_side = ReliefFields::of_block(&block.value, scores, NaiveDate::MAX, &thresholds)
            .into_iter()
            .filter(|relief| relief.side.0 == target.side);
        OutcomeBlock {
            block: Arc::clone(block),
            at_lower: of_side.next(),
            at_upper: of_side.next(),
        }
    }

    fn scores(&self, block: Uuid) -> &[RecordedScore] {
        self.scores.get(&block).map_or(&[], Vec::as_slice)
    }

    fn compared(
        &self,
        first: Option<&OutcomeBlock>,
        second: Option<&OutcomeBlock>,
        target: Target,
    ) -> Option<ComparativeClass> {
        let threshold = Threshold::new(UPPER)?;
        let read = |block: &OutcomeBlock| {
            let (window, _) = AgentWindow::default_of(block.block.value.agent?)?;
            let series = Series::of(
                &block.block.value,
                self.scores(block.block.id),
                target.side,
                NaiveDate::MAX,
                TimeDelta::days(BASELINE_MAX_AGE_DAYS),
            )?;
            let finding = series.at(threshold);
            Some(Compared { window, finding })
        };
        comparative_class(read(first?)?, read(second?)?)
    }

    fn determinations_of(&self, episode: Uuid, target: Target) -> Vec<Determination> {
        let all = self.determinations.get(&episode);
        let of_target = all
            .into_iter()
            .flatten()
            .filter(|of| of.judgement.target == target);
        of_target.cloned().collect()
    }

    fn followed(&self, ablation: Option<&Stored<Ablation>>) -> Followed {
        let Some(ablation) = ablation else {
            return Followed::default();
        };
        let mut follow_ups: Vec<&FollowUp> = self
            .follow_ups
            .get(&ablation.id)
            .map_or_else(Vec::new, |all| all.iter().collect());
        follow_ups.sort_by_key(|follow_up| follow_up.taken_on);
        let best = |visit| best_relief(visit, &ablation.value, &follow_ups);
        let half = Threshold::new(LOWER);
        let below_half = |follow_up: &&&FollowUp| {
            let relief = follow_up.relief(ablation.value.pre_score);
            relief
                .zip(half)
                .is_some_and(|(relief, half)| !relief.reaches(half))
        };
        Followed {
            count: follow_ups.len(),
            last_on: follow_ups.last().map(|follow_up| follow_up.taken_on),
            relief: [
                best(Visit::ThreeMonths),
                best(Visit::SixMonths),
                best(Visit::TwelveMonths),
            ],
            below_half_on: follow_ups
                .iter()
                .find(below_half)
                .map(|follow_up| follow_up.taken_on),
        }
    }
}

/// The greatest relief at a visit, in tenths of a percent, rounded down; `None` where no follow-up within it tells one.
fn best_relief(visit: Visit, ablation: &Ablation, follow_ups: &[&FollowUp]) -> Option<i32> {
    let (first, _, last) = visit.days();
    let within = |follow_up: &&&FollowUp| {
        let after = follow_up
            .taken_on
            .signed_duration_since(ablation.performed_on);
        (first..=last).contains(&after.num_days())
    };
    follow_ups
        .iter()
        .filter(within)
        .filter_map(|follow_up| follow_up.relief(ablation.pre_score))
        .map(FollowUpRelief::floor_tenths)
        .max()
}

/// What the follow-ups of an ablation say.
#[derive(Default)]
struct Followed {
    count: usize,
    last_on: Option<NaiveDate>,
    relief: [Option<i32>; 3],
    below_half_on: Option<NaiveDate>,
}

impl Outcome {
    /// The newest of its two blocks.
    #[must_use]
    pub fn newest_block(&self) -> Option<&Stored<Block>> {
        let [first, second] = &self.blocks;
        let newest = second.as_ref().or(first.as_ref());
        newest.map(|block| block.block.as_ref())
    }

    /// Whether `filter` chooses it: by its newest block, where it is about a procedure.
    fn is_chosen(&self, filter: &export_rows::Filter) -> bool {
        let block = self.newest_block().map(|block| &block.value);
        let of = &filter.procedures;
        let day = block.map(Block::local_date);
        let operator = block.and_then(|block| block.operator.as_ref());
        let site = block.and_then(|block| block.site.as_deref());
        (of.operator.is_none() || of.operator.as_ref() == operator)
            && of.sites.admit(site)
            && of
                .from
                .is_none_or(|from| day.is_some_and(|day| day >= from))
            && of.to.is_none_or(|to| day.is_some_and(|day| day <= to))
            && self.is_judged(filter)
    }

    fn is_judged(&self, filter: &export_rows::Filter) -> bool {
        if filter.profile.is_none() && filter.verdict.is_none() {
            return true;
        }
        self.determinations.iter().any(|determination| {
            let judgement = &determination.judgement;
            let profile = filter.profile.as_ref();
            profile.is_none_or(|profile| judgement.profile == *profile)
                && filter
                    .verdict
                    .is_none_or(|verdict| judgement.verdict == verdict)
        })
    }
}

fn grouped<T, V>(all: Vec<T>, of: impl Fn(T) -> (Uuid, V)) -> HashMap<Uuid, Vec<V>> {
    let mut groups: HashMap<Uuid, Vec<V>> = HashMap::new();
    for one in all {
        let (key, value) = of(one);
        groups.entry(key).or_default().push(value);
    }
    groups
}
