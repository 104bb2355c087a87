//! Determinations: made in the transaction that changed what they rest on.

use super::core::{App, Unit};
use super::error::Result;
use super::subscriptions;
use crate::db::rows::{Judgement, recorded};
use crate::db::{Stored, queries};
use crate::domain::ablation::{Ablation, FollowUp};
use crate::domain::block::Block;
use crate::domain::episode::Episode;
use crate::domain::ids::{AblationId, BlockId, FollowUpId};
use crate::domain::pain::ScoreRow;
use crate::domain::qualification::evaluate::Determination;
use crate::domain::qualification::{
    History, Profile, RecordedAblation, RecordedBlock, RecordedFollowUp, evaluate,
    tell_of_sessions_elsewhere,
};
use chrono::NaiveDate;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use uuid::Uuid;

/// Everything recorded about a patient, episode by episode in the order of their recording.
#[derive(Debug)]
pub struct PatientRecords {
    /// Each episode with its history; `elsewhere` holds the sessions of the others.
    pub episodes: Vec<(Uuid, History)>,
}

/// Loads everything recorded about a patient, withdrawn records left out.
///
/// # Errors
/// Those of the database.
pub fn load(unit: &mut Unit<'_, '_>, patient: Uuid) -> Result<PatientRecords> {
    let organization = &unit.principal.organization;
    let episodes = queries::episodes::for_patient(unit.tx, organization, patient)?;
    let blocks = queries::blocks::for_patient(unit.tx, organization, patient)?;
    let scores = if blocks.is_empty() {
        Vec::new()
    } else {
        queries::scores::for_patient(unit.tx, organization, patient)?
    };
    let ablations = queries::ablations::for_patient(unit.tx, organization, patient)?;
    let follow_ups = if ablations.is_empty() {
        Vec::new()
    } else {
        queries::follow_ups::for_patient(unit.tx, organization, patient)?
    };
    Ok(PatientRecords::of(PatientRows {
        episodes,
        blocks,
        scores,
        ablations,
        follow_ups,
    }))
}

/// The rows of one patient, each kind in the order of recording.
#[derive(Debug)]
pub(super) struct PatientRows {
    /// Episodes.
    pub episodes: Vec<Stored<Episode>>,
    /// Blocks.
    pub blocks: Vec<Stored<Block>>,
    /// Scores, block by block.
    pub scores: Vec<Stored<ScoreRow>>,
    /// Ablations.
    pub ablations: Vec<Stored<Ablation>>,
    /// Follow-ups, ablation by ablation.
    pub follow_ups: Vec<Stored<FollowUp>>,
}

/// Puts rows together, episode by episode.
fn histories(rows: PatientRows) -> Vec<(Uuid, History)> {
    let PatientRows {
        episodes,
        blocks,
        scores,
        ablations,
        follow_ups,
    } = rows;
    let mut scores_of = grouped(scores);
    let mut follow_ups_of = grouped(follow_ups);
    let mut blocks_of: HashMap<Uuid, Vec<RecordedBlock>> = HashMap::new();
    for stored in blocks {
        let scores = scores_of.remove(&stored.id).unwrap_or_default();
        let block = RecordedBlock {
            id: BlockId(stored.id),
            block: stored.value,
            scores: scores.iter().map(recorded).collect(),
        };
        blocks_of.entry(stored.parent).or_default().push(block);
    }
    let mut ablations_of: HashMap<Uuid, Vec<RecordedAblation>> = HashMap::new();
    for stored in ablations {
        let follow_ups = follow_ups_of
            .remove(&stored.id)
            .unwrap_or_default()
            .into_iter();
        let follow_up = |stored: Stored<_>| RecordedFollowUp {
            id: FollowUpId(stored.id),
            follow_up: stored.value,
        };
        let ablation = RecordedAblation {
            id: AblationId(stored.id),
            ablation: stored.value,
            follow_ups: follow_ups.map(follow_up).collect(),
        };
        ablations_of
            .entry(stored.parent)
            .or_default()
            .push(ablation);
    }
    let mut histories: Vec<(Uuid, History)> = episodes
        .into_iter()
        .map(|episode| {
            let history = History {
                blocks: blocks_of.remove(&episode.id).unwrap_or_default(),
                ablations: ablations_of.remove(&episode.id).unwrap_or_default(),
                episode: episode.value,
                elsewhere: Vec::new(),
            };
            (episode.id, history)
        })
        .collect();
    tell_of_sessions_elsewhere(histories.iter_mut().map(|(_, history)| history).collect());
    histories
}

fn grouped<T>(records: Vec<Stored<T>>) -> HashMap<Uuid, Vec<Stored<T>>> {
    let mut groups: HashMap<Uuid, Vec<Stored<T>>> = HashMap::new();
    for record in records {
        groups.entry(record.parent).or_default().push(record);
    }
    groups
}

impl PatientRecords {
    /// What the rows of a patient are together.
    pub(super) fn of(rows: PatientRows) -> PatientRecords {
        PatientRecords {
            episodes: histories(rows),
        }
    }

    /// The day to judge as of: today, or the day of the newest record where the patient's calendar is ahead of ours.
    #[must_use]
    pub fn day(&self, today: NaiveDate) -> NaiveDate {
        let newest = self
            .episodes
            .iter()
            .filter_map(|(_, history)| history.latest_date())
            .max();
        newest.map_or(today, |newest| newest.max(today))
    }

    /// The history of one episode.
    #[must_use]
    pub fn of_episode(&self, episode: Uuid) -> Option<&History> {
        self.episodes
            .iter()
            .find(|(id, _)| *id == episode)
            .map(|(_, history)| history)
    }
}

/// Judges every target of a patient anew and stores what changed.
///
/// # Errors
/// Those of the database.
pub fn judge_patient(unit: &mut Unit<'_, '_>, patient: Uuid) -> Result<PatientRecords> {
    let records = load(unit, patient)?;
    store_judgements(unit, patient, &records)?;
    Ok(records)
}

/// Judges `records` by every active profile and stores what changed.
pub(super) fn store_judgements(
    unit: &mut Unit<'_, '_>,
    patient: Uuid,
    records: &PatientRecords,
) -> Result<()> {
    let profiles = unit.active_profiles()?;
    let profiles: Vec<&Profile> = profiles.iter().map(Arc::as_ref).collect();
    let day = records.day(unit.today());
    let mut judged = Vec::new();
    for (episode, history) in &records.episodes {
        let determinations = evaluate(&profiles, history, day);
        judged.extend(
            determinations
                .iter()
                .map(|one| (*episode, judgement(one, history))),
        );
    }
    let seam = unit.app.seam.as_ref();
    let changes = queries::determinations::replace(
        unit.tx,
        &unit.principal.organization,
        seam,
        patient,
        day,
        judged,
    )?;
    subscriptions::of_changes(unit, patient, &changes)
}

fn judgement(determination: &Determination<'_>, history: &History) -> Judgement {
    let of_target = |recorded: &&RecordedBlock| {
        recorded.block.is_diagnostic_mbb() && recorded.block.covers(determination.target)
    };
    let newest = history
        .blocks
        .iter()
        .filter(of_target)
        .max_by_key(|recorded| recorded.block.performed_at);
    Judgement {
        target: determination.target,
        profile: determination.profile.id.clone(),
        profile_version: determination.profile.version,
        purpose: determination.purpose.code().to_owned(),
        verdict: determination.verdict.code().to_owned(),
        next_step: determination.next_step.code().to_owned(),
        earliest: determination.earliest,
        changes_on: determination.changes_on,
        statuses: determination.statuses.packed(),
        rediagnosed: determination.rediagnosed,
        relief_tenths: determination.relief_floor_tenths,
        operator: newest.and_then(|recorded| recorded.block.operator.clone()),
        last_block_on: newest.map(|recorded| recorded.block.local_date()),
    }
}

/// Who the jobs are to the audit trail and to the queries.
#[must_use]
pub fn service_principal(organization: &str) -> crate::auth::Principal {
    crate::auth::Principal {
        organization: organization.to_owned(),
        subject: "medial".to_owned(),
        role: crate::auth::Role::Admin,
        scopes: None,
    }
}

impl App {
    /// Judges anew the patients whose determinations have come of age by today; how many there were.
    ///
    /// # Errors
    /// Those of the database; what was done so far stays done.
    pub fn judge_what_came_of_age(self: &Arc<Self>) -> Result<usize> {
        self.judge_what_came_of_age_while(|| true)
    }

    /// As [`Self::judge_what_came_of_age`], as long as `go_on` says so before each patient.
    ///
    /// # Errors
    /// The first one that a patient met, after all others were judged.
    pub fn judge_what_came_of_age_while(
        self: &Arc<Self>,
        go_on: impl Fn() -> bool,
    ) -> Result<usize> {
        const BATCH: u32 = 200;
        let mut judged = HashSet::new();
        // Going on behind the last one, and not from the beginning, ends even where a judgement does not move a date.
        let mut after = None;
        let mut failure = None;
        loop {
            let today = self.today();
            let due = self
                .db
                .read(|tx| queries::determinations::due(tx, today, after.as_ref(), BATCH))
                .map_err(super::error::Error::from)?;
            let Some(last) = due.last().cloned() else {
                return failure.map_or(Ok(judged.len()), Err);
            };
            after = Some(last);
            for one in due {
                if !go_on() {
                    return Ok(judged.len());
                }
                let patient = one.patient;
                if !judged.insert((one.organization.clone(), patient)) {
                    continue;
                }
                let principal = service_principal(&one.organization);
                let outcome = self.write(&principal, move |unit| {
                    judge_patient(unit, patient).map(|_| ())
                });
                // One record that cannot be judged must not keep those behind it from being judged.
                if let Err(error) = outcome {
                    failure.get_or_insert(error);
                }
            }
        }
    }

    /// Judges every patient of an organization anew, as after a change of its profiles, as long as `go_on` says so before
    /// each; how many there were, or `None` where it was stopped.
    ///
    /// # Errors
    /// Those of the database; what was done so far stays done.
    pub fn judge_everybody_while(
        self: &Arc<Self>,
        organization: &str,
        go_on: impl Fn() -> bool,
    ) -> Result<Option<usize>> {
        const BATCH: u32 = 200;
        let principal = service_principal(organization);
        let mut after = None;
        let mut judged = 0;
        loop {
            let page = self.read(&principal, |unit| {
                Ok(queries::patients::page(
                    unit.tx,
                    &unit.principal.organization,
                    None,
                    after,
                    BATCH,
                )?)
            })?;
            for patient in &page.items {
                if !go_on() {
                    return Ok(None);
                }
                let id = patient.id;
                self.write(&principal, move |unit| judge_patient(unit, id).map(|_| ()))?;
                judged += 1;
            }
            after = page.items.last().map(|patient| patient.id);
            if !page.more {
                return Ok(Some(judged));
            }
        }
    }
}

impl App {
    /// Judges the patients of every organization anew that is not judged by the profiles now in use; how many there
    /// were. What the organizations were last judged by is noted, so that this finds an activated profile as well as
    /// one that a new version of the program, or of the configuration, brought.
    ///
    /// # Errors
    /// Those of the database; an organization that was not finished is judged from the beginning the next time.
    pub fn judge_where_profiles_changed_while(
        self: &Arc<Self>,
        go_on: impl Fn() -> bool,
    ) -> Result<usize> {
        let organizations = self
            .db
            .read(queries::organizations::all)
            .map_err(super::error::Error::from)?;
        let mut judged = 0;
        for organization in organizations {
            let principal = service_principal(&organization);
            let in_use = self.read(&principal, |unit| Ok(judged_by(&unit.active_profiles()?)))?;
            let note = format!("judged_by:{organization}");
            let noted = self.last_job_run(&note)?.and_then(|run| run.detail);
            if noted.as_ref() == Some(&in_use) {
                continue;
            }
            let Some(patients) = self.judge_everybody_while(&organization, &go_on)? else {
                return Ok(judged);
            };
            judged += patients;
            self.note_job_run(&note, Some(self.today()), Some(in_use))?;
        }
        Ok(judged)
    }
}

/// Which profiles are judged by, each at its version.
fn judged_by(profiles: &[Arc<Profile>]) -> String {
    let versions: Vec<String> = profiles
        .iter()
        .map(|profile| format!("{}@{}", profile.id, profile.version))
        .collect();
    versions.join(",")
}
