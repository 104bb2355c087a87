//! Imports: records from a file, matched with what is stored so that the same file twice changes nothing.
//!
//! Nothing that is stored is overwritten. What a file says otherwise than the store is refused, record by record; what
//! the store leaves open about a patient or an episode is filled in. `docs/import.md` names the keys.

mod known;
mod merge;
mod plan;

use super::core::{App, Unit};
use super::error::{Error, FieldError, Result};
use super::{ablations, blocks, episodes, judging, patients};
use crate::auth::{Action, Principal, Role};
use crate::db::queries;
use crate::domain::ablation::{Ablation, FollowUp};
use crate::domain::block::Block;
use crate::domain::episode::Episode;
use crate::domain::pain::ScoreRow;
use crate::domain::patient::Patient;
use crate::wire::ablation::AblationBody;
use crate::wire::block::BlockBody;
use crate::wire::case::CaseBody;
use plan::{BlockPlan, EpisodePlan, PatientPlan, Plan};
use std::collections::BTreeSet;
use std::sync::Arc;
use uuid::Uuid;

/// Who an import is to the audit trail: a connected system, since who runs the service may not write in the records.
#[must_use]
pub fn principal(organization: &str) -> Principal {
    Principal {
        organization: organization.to_owned(),
        subject: "import".to_owned(),
        role: Role::EhrSystem,
        scopes: None,
    }
}

/// One record of a file: an episode of a patient with its blocks and ablations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// The patient.
    pub patient: Patient,
    /// The episode.
    pub episode: Episode,
    /// Its blocks with their scores.
    pub blocks: Vec<(Block, Vec<ScoreRow>)>,
    /// Its ablations with their follow-ups.
    pub ablations: Vec<(Ablation, Vec<FollowUp>)>,
    /// Whether a score that cannot be kept is refused alone, because each came in a row of its own.
    pub score_by_score: bool,
}

impl Case {
    /// A case as it was sent; `None` where it names no patient.
    #[must_use]
    pub fn of(body: CaseBody) -> Option<Case> {
        let blocks = body.blocks.unwrap_or_default().into_iter();
        let ablations = body.ablations.unwrap_or_default().into_iter();
        Some(Case {
            patient: body.patient?.into_domain(),
            episode: body.episode.into_domain(),
            blocks: blocks.map(BlockBody::into_domain).collect(),
            ablations: ablations.map(AblationBody::into_domain).collect(),
            score_by_score: false,
        })
    }
}

/// How many records there were of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Patients.
    pub patients: u64,
    /// Episodes.
    pub episodes: u64,
    /// Blocks.
    pub blocks: u64,
    /// Scores.
    pub scores: u64,
    /// Ablations.
    pub ablations: u64,
    /// Follow-ups.
    pub follow_ups: u64,
}

/// What became of the records of a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Recorded anew.
    pub added: Counts,
    /// There already; what they left open was filled in.
    pub completed: Counts,
    /// There already.
    pub known: Counts,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Counts) {
        self.patients += other.patients;
        self.episodes += other.episodes;
        self.blocks += other.blocks;
        self.scores += other.scores;
        self.ablations += other.ablations;
        self.follow_ups += other.follow_ups;
    }
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        self.added += other.added;
        self.completed += other.completed;
        self.known += other.known;
    }
}

/// What became of one case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What was recorded, and what was there before.
    pub tally: Tally,
    /// What was refused, and why: the whole case, or of a case that came score by score those scores.
    pub refused: Vec<FieldError>,
}

/// Records cases, each whole or not at all, and judges each of their patients once.
///
/// A case that cannot be recorded is refused in its [`Outcome`], and nothing was written for it.
///
/// # Errors
/// What stops all of them: the database's, and what a case met after it had begun to write.
pub fn record(unit: &mut Unit<'_, '_>, cases: &[&Case]) -> Result<Vec<Outcome>> {
    let mut outcomes = Vec::with_capacity(cases.len());
    let mut changed = BTreeSet::new();
    for case in cases {
        let outcome = match plan::plan(unit, case) {
            Ok(plan) => {
                let refused = plan.refused.clone();
                let tally = apply(unit, case, plan, &mut changed)?;
                Outcome { tally, refused }
            }
            Err(Error::Invalid(refused)) => Outcome {
                tally: Tally::default(),
                refused,
            },
            Err(other) => return Err(other),
        };
        outcomes.push(outcome);
    }
    for patient in changed {
        judging::judge_patient(unit, patient)?;
    }
    Ok(outcomes)
}

/// Writes what a plan says; patients for whom this changes a judgement go to `changed`.
fn apply(
    unit: &mut Unit<'_, '_>,
    case: &Case,
    plan: Plan,
    changed: &mut BTreeSet<Uuid>,
) -> Result<Tally> {
    let mut tally = Tally::default();
    let patient = apply_patient(unit, case, plan.patient, &mut tally)?;
    let before = tally.added;
    let (episode, completed) = apply_episode(unit, case, plan.episode, patient, &mut tally)?;
    for ((block, _), what) in case.blocks.iter().zip(plan.blocks) {
        apply_block(unit, episode, block, what, &mut tally)?;
    }
    for ((ablation, _), what) in case.ablations.iter().zip(plan.ablations) {
        tally.known.follow_ups += what.known;
        let missing = u64::try_from(what.missing.len()).unwrap_or(u64::MAX);
        match what.stored {
            Some(stored) => {
                tally.known.ablations += 1;
                unit.require(Action::WriteAblation)?;
                for follow_up in &what.missing {
                    ablations::insert_follow_up(unit, &stored, follow_up)?;
                }
            }
            None => {
                ablations::insert(unit, episode, ablation, &what.missing)?;
                tally.added.ablations += 1;
            }
        }
        tally.added.follow_ups += missing;
    }
    if completed || tally.added != before {
        changed.insert(patient);
    }
    Ok(tally)
}

fn apply_patient(
    unit: &mut Unit<'_, '_>,
    case: &Case,
    plan: PatientPlan,
    tally: &mut Tally,
) -> Result<Uuid> {
    match plan {
        PatientPlan::Anew => {
            tally.added.patients += 1;
            Ok(patients::record(unit, &case.patient)?.patient().id)
        }
        PatientPlan::Complete(stored, fuller) => {
            tally.completed.patients += 1;
            let reason = Some("completed by an import");
            patients::correct(unit, stored.id, stored.version, &fuller, reason)?;
            Ok(stored.id)
        }
        PatientPlan::Known(id) => {
            tally.known.patients += 1;
            Ok(id)
        }
    }
}

/// The episode's id, and whether it was filled in.
fn apply_episode(
    unit: &mut Unit<'_, '_>,
    case: &Case,
    plan: EpisodePlan,
    patient: Uuid,
    tally: &mut Tally,
) -> Result<(Uuid, bool)> {
    match plan {
        EpisodePlan::Anew => {
            unit.require(Action::WriteEpisode)?;
            tally.added.episodes += 1;
            let stored = episodes::insert(unit, patient, &case.episode)?;
            Ok((stored.id, false))
        }
        EpisodePlan::Complete(stored, fuller) => {
            unit.require(Action::CorrectEpisode)?;
            tally.completed.episodes += 1;
            let reason = Some("completed by an import");
            let stored = episodes::replace(unit, *stored, &fuller, reason)?;
            Ok((stored.id, true))
        }
        EpisodePlan::Known(id) => {
            tally.known.episodes += 1;
            Ok((id, false))
        }
    }
}

fn apply_block(
    unit: &mut Unit<'_, '_>,
    episode: Uuid,
    block: &Block,
    plan: BlockPlan,
    tally: &mut Tally,
) -> Result<()> {
    tally.known.scores += plan.known;
    tally.added.scores += u64::try_from(plan.missing.len()).unwrap_or(u64::MAX);
    let Some(stored) = plan.stored else {
        tally.added.blocks += 1;
        blocks::insert(unit, &blocks::Belongs::To(episode), block, &plan.missing)?;
        return Ok(());
    };
    tally.known.blocks += 1;
    if plan.missing.is_empty() {
        return Ok(());
    }
    unit.require(Action::WriteScore)?;
    for score in blocks::insert_scores(unit, &stored, &plan.missing)? {
        unit.audit(Action::WriteScore, "score", score.id, Some(score.patient))?;
    }
    Ok(())
}

/// The last line of a source that was dealt with; 0 where none was, or all of them were.
///
/// # Errors
/// Those of the database.
pub fn progress(app: &Arc<App>, principal: &Principal, source: &str) -> Result<u64> {
    let line = app.read(principal, |unit| {
        Ok(queries::import_progress::get(
            unit.tx,
            &unit.principal.organization,
            source,
        )?)
    })?;
    Ok(line.and_then(|line| u64::try_from(line).ok()).unwrap_or(0))
}

/// Notes, in this transaction, the last line of a source that was dealt with.
///
/// # Errors
/// Those of the database.
pub fn note_progress(unit: &mut Unit<'_, '_>, source: &str, line: u64) -> Result<()> {
    let line = i64::try_from(line).unwrap_or(i64::MAX);
    let organization = &unit.principal.organization;
    queries::import_progress::put(unit.tx, organization, source, line, unit.now)?;
    Ok(())
}
