//! What recording a case would write, and everything that stands against it, before anything is written.

use super::super::core::Unit;
use super::super::error::{Error, FieldError, Result};
use super::super::{ablations, blocks, episodes};
use super::Case;
use super::known::{AblationKey, BlockKey, Known, ScoreKey};
use super::merge::{self, Differences};
use crate::db::Stored;
use crate::domain::ablation::{Ablation, FollowUp};
use crate::domain::block::Block;
use crate::domain::episode::Episode;
use crate::domain::pain::ScoreRow;
use crate::domain::patient::Patient;
use std::collections::BTreeSet;
use uuid::Uuid;

/// What recording a case would write.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) patient: PatientPlan,
    pub(super) episode: EpisodePlan,
    /// One for each block of the case.
    pub(super) blocks: Vec<BlockPlan>,
    /// One for each ablation of the case.
    pub(super) ablations: Vec<AblationPlan>,
    /// Scores that are left out, where a case came score by score.
    pub(super) refused: Vec<FieldError>,
}

#[derive(Debug)]
pub(super) enum PatientPlan {
    Anew,
    Complete(Box<Stored<Patient>>, Box<Patient>),
    Known(Uuid),
}

#[derive(Debug)]
pub(super) enum EpisodePlan {
    Anew,
    Complete(Box<Stored<Episode>>, Box<Episode>),
    Known(Uuid),
}

#[derive(Debug)]
pub(super) struct BlockPlan {
    pub(super) stored: Option<Stored<Block>>,
    /// Scores to be recorded.
    pub(super) missing: Vec<ScoreRow>,
    /// How many scores are there already.
    pub(super) known: u64,
}

#[derive(Debug)]
pub(super) struct AblationPlan {
    pub(super) stored: Option<Stored<Ablation>>,
    /// Follow-ups to be recorded.
    pub(super) missing: Vec<FollowUp>,
    /// How many follow-ups are there already.
    pub(super) known: u64,
}

/// Plans a case.
///
/// # Errors
/// [`Error::Invalid`] with everything that stands against it.
pub(super) fn plan(unit: &mut Unit<'_, '_>, case: &Case) -> Result<Plan> {
    let known = Known::load(unit, case)?;
    let mut errors = Vec::new();
    let patient = plan_patient(&known, case, &mut errors);
    let (episode, as_it_will_be) = plan_episode(unit, &known, case, &mut errors)?;
    let mut refused = Vec::new();
    let mut blocks = Vec::with_capacity(case.blocks.len());
    let mut seen = BTreeSet::new();
    for (place, (block, scores)) in case.blocks.iter().enumerate() {
        let at = format!("/blocks/{place}");
        if !seen.insert(BlockKey::of(block)) {
            let detail = "This block is listed twice in one record.";
            errors.push(FieldError::new(&at, "duplicate", detail));
        }
        let mut unfit = Vec::new();
        let planned = plan_block(
            &known,
            &as_it_will_be,
            (block, scores),
            &at,
            &mut errors,
            &mut unfit,
        )?;
        let nothing_left = planned.missing.is_empty() && planned.known == 0;
        if case.score_by_score && !nothing_left {
            refused.append(&mut unfit);
        } else {
            errors.append(&mut unfit);
        }
        blocks.push(planned);
    }
    let ablations = plan_ablations(&known, &as_it_will_be, case, &mut errors)?;
    if !errors.is_empty() {
        return Err(Error::Invalid(errors));
    }
    Ok(Plan {
        patient,
        episode,
        blocks,
        ablations,
        refused,
    })
}

fn plan_patient(known: &Known, case: &Case, errors: &mut Vec<FieldError>) -> PatientPlan {
    let Some(stored) = &known.patient else {
        return PatientPlan::Anew;
    };
    let fuller = merge::patient(&stored.value, &case.patient, errors);
    if fuller == stored.value {
        return PatientPlan::Known(stored.id);
    }
    PatientPlan::Complete(Box::new(stored.clone()), Box::new(fuller))
}

/// The plan, and the episode as it will be.
fn plan_episode(
    unit: &mut Unit<'_, '_>,
    known: &Known,
    case: &Case,
    errors: &mut Vec<FieldError>,
) -> Result<(EpisodePlan, Episode)> {
    let Some(stored) = meant(known, case, errors) else {
        return Ok((EpisodePlan::Anew, case.episode.clone()));
    };
    let fuller = merge::episode(&stored.value, &case.episode, errors);
    if fuller == stored.value {
        return Ok((EpisodePlan::Known(stored.id), fuller));
    }
    let fits = episodes::fits_its_records(unit, stored, &fuller);
    gather("/episode", fits, errors)?;
    let plan = EpisodePlan::Complete(Box::new(stored.clone()), Box::new(fuller.clone()));
    Ok((plan, fuller))
}

/// The stored episode that a case is about. Its blocks and ablations decide where they are stored already; else it is
/// one that may be the same pain, first of all one that holds everything the case says.
fn meant<'k>(
    known: &'k Known,
    case: &Case,
    errors: &mut Vec<FieldError>,
) -> Option<&'k Stored<Episode>> {
    let blocks = case.blocks.iter();
    let blocks = blocks.filter_map(|(block, _)| known.block(block).map(|stored| stored.parent));
    let ablations = case.ablations.iter().filter_map(|(ablation, _)| {
        let stored = known.ablation(ablation)?;
        Some(stored.parent)
    });
    let owners: BTreeSet<Uuid> = blocks.chain(ablations).collect();
    if owners.len() > 1 {
        let detail = "What this record holds together is stored under different episodes.";
        errors.push(FieldError::new("/episode", "of_different_episodes", detail));
    }
    if let Some(owner) = owners.first() {
        let owner = known.episodes.iter().find(|stored| stored.id == *owner);
        if owner.is_some_and(|owner| !owner.value.may_be(&case.episode)) {
            let detail = "A block or ablation of this record is stored under an episode of another region or onset.";
            errors.push(FieldError::new("/episode", "other_episode", detail));
        }
        return owner.filter(|owner| owner.value.may_be(&case.episode));
    }
    let mut newest_first = known.episodes.iter().rev();
    let may_be = |stored: &&Stored<Episode>| stored.value.may_be(&case.episode);
    let says_it_all = |stored: &&Stored<Episode>| {
        let mut differences = Vec::new();
        let fuller = merge::episode(&stored.value, &case.episode, &mut differences);
        may_be(stored) && differences.is_empty() && fuller == stored.value
    };
    newest_first
        .clone()
        .find(says_it_all)
        .or_else(|| newest_first.find(may_be))
}

/// Plans one block; what is wrong with single scores goes to `unfit`.
fn plan_block(
    known: &Known,
    episode: &Episode,
    (block, scores): (&Block, &[ScoreRow]),
    at: &str,
    errors: &mut Vec<FieldError>,
    unfit: &mut Vec<FieldError>,
) -> Result<BlockPlan> {
    let stored = known.block(block).cloned();
    if let Some(stored) = &stored {
        merge::block(&stored.value, block, &mut Differences::below(at, errors));
    }
    gather(at, blocks::fits_episode(episode, block, &[]), errors)?;
    let recorded: Vec<&Stored<ScoreRow>> = known
        .scores
        .iter()
        .filter(|score| Some(score.parent) == stored.as_ref().map(|stored| stored.id))
        .collect();
    let mut plan = BlockPlan {
        stored,
        missing: Vec::new(),
        known: 0,
    };
    for (place, row) in scores.iter().enumerate() {
        let at = format!("{at}/scores/{place}");
        let before = unfit.len();
        let is_known =
            is_recorded(&recorded, row, &at, unfit) || is_repeated(&plan.missing, row, &at, unfit);
        unfit.extend(blocks::score_problem(episode, block, row, &at));
        if unfit.len() > before {
            continue;
        }
        if is_known {
            plan.known += 1;
        } else {
            plan.missing.push(row.clone());
        }
    }
    Ok(plan)
}

/// Whether a score is stored, withdrawn ones included: what was withdrawn is not brought back by the file it came from.
fn is_recorded(
    recorded: &[&Stored<ScoreRow>],
    row: &ScoreRow,
    at: &str,
    unfit: &mut Vec<FieldError>,
) -> bool {
    let key = ScoreKey::of(row);
    let mut least: Option<Vec<FieldError>> = None;
    for stored in recorded
        .iter()
        .filter(|stored| ScoreKey::of(&stored.value) == key)
    {
        let mut found = Vec::new();
        merge::score(&stored.value, row, &mut Differences::below(at, &mut found));
        if found.is_empty() {
            return true;
        }
        if stored.withdrawn.is_none() {
            least = Some(found);
        }
    }
    unfit.extend(least.into_iter().flatten());
    false
}

/// Whether the same score came before in this record.
fn is_repeated(
    earlier: &[ScoreRow],
    row: &ScoreRow,
    at: &str,
    unfit: &mut Vec<FieldError>,
) -> bool {
    let key = ScoreKey::of(row);
    let Some(same_key) = earlier.iter().find(|other| ScoreKey::of(other) == key) else {
        return false;
    };
    if same_key != row {
        let detail = "This time is rated twice, with different values.";
        unfit.push(FieldError::new(format!("{at}/value"), "duplicate", detail));
    }
    true
}

fn plan_ablations(
    known: &Known,
    episode: &Episode,
    case: &Case,
    errors: &mut Vec<FieldError>,
) -> Result<Vec<AblationPlan>> {
    let mut plans = Vec::with_capacity(case.ablations.len());
    let mut seen = BTreeSet::new();
    for (place, (ablation, follow_ups)) in case.ablations.iter().enumerate() {
        let at = format!("/ablations/{place}");
        if !seen.insert(AblationKey::of(ablation)) {
            let detail = "This ablation is listed twice in one record.";
            errors.push(FieldError::new(&at, "duplicate", detail));
        }
        let stored = known.ablation(ablation).cloned();
        if let Some(stored) = &stored {
            let mut differences = Differences::below(&at, errors);
            merge::ablation(&stored.value, ablation, &mut differences);
        }
        gather(&at, ablations::fits_episode(episode, ablation), errors)?;
        let recorded = known
            .follow_ups
            .iter()
            .filter(|one| Some(one.parent) == stored.as_ref().map(|stored| stored.id))
            .map(|one| &one.value);
        let recorded: Vec<&FollowUp> = recorded.collect();
        let mut plan = AblationPlan {
            stored,
            missing: Vec::new(),
            known: 0,
        };
        for (place, follow_up) in follow_ups.iter().enumerate() {
            let at = format!("{at}/follow_ups/{place}");
            let others = recorded.iter().copied().chain(&plan.missing);
            if follow_up_is_known(others, follow_up, &at, errors) {
                plan.known += 1;
            } else {
                plan.missing.push(follow_up.clone());
            }
        }
        plans.push(plan);
    }
    Ok(plans)
}

fn follow_up_is_known<'f>(
    others: impl Iterator<Item = &'f FollowUp>,
    follow_up: &FollowUp,
    at: &str,
    errors: &mut Vec<FieldError>,
) -> bool {
    let mut differing = None;
    for other in others.filter(|other| other.taken_on == follow_up.taken_on) {
        let mut found = Vec::new();
        merge::follow_up(other, follow_up, &mut Differences::below(at, &mut found));
        if found.is_empty() {
            return true;
        }
        differing = Some(found);
    }
    let is_known = differing.is_some();
    errors.extend(differing.into_iter().flatten());
    is_known
}

/// Moves what is invalid to `errors`, its pointers below `at`.
fn gather(at: &str, result: Result<()>, errors: &mut Vec<FieldError>) -> Result<()> {
    match result {
        Err(Error::Invalid(found)) => {
            errors.extend(found.into_iter().map(|error| FieldError {
                pointer: format!("{at}{}", error.pointer),
                ..error
            }));
            Ok(())
        }
        other => other,
    }
}
