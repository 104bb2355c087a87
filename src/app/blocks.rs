//! Blocks and their scores: the one walk that matters.

use super::core::Unit;
use super::error::{Error, FieldError, Result};
use super::judging::{self, PatientRecords};
use super::versions::{check_version, keep_version};
use super::{episodes, patients, subscriptions};
use crate::auth::Action;
use crate::db::queries::blocks::Filter;
use crate::db::{DbError, Page, Stored, queries};
use crate::domain::block::Block;
use crate::domain::episode::Episode;
use crate::domain::pain::ScoreRow;
use crate::domain::patient::Patient;
use crate::wire::block::{BlockFields, ScoreFields, joints_in_region};
use uuid::Uuid;

/// What a new block belongs to.
#[derive(Debug, Clone)]
pub enum Belongs {
    /// An episode that is recorded.
    To(Uuid),
    /// A patient, matched by identifier or recorded anew, and an episode, brought up to date or recorded anew.
    Inline(Box<Patient>, Box<Episode>),
}

/// A block as it was recorded, with everything that follows from it.
#[derive(Debug)]
pub struct Recorded {
    /// The block.
    pub block: Stored<Block>,
    /// Its scores.
    pub scores: Vec<Stored<ScoreRow>>,
    /// Everything recorded about the patient, the block included.
    pub records: PatientRecords,
}

/// Records a block with its scores and judges the patient anew: all of it, or nothing.
///
/// # Errors
/// [`Error::Invalid`] where the block does not fit its episode.
pub fn record(
    unit: &mut Unit<'_, '_>,
    belongs: &Belongs,
    block: &Block,
    scores: &[ScoreRow],
) -> Result<Recorded> {
    let recorded = insert(unit, belongs, block, scores)?;
    let records = judging::judge_patient(unit, recorded.0.patient)?;
    Ok(Recorded {
        block: recorded.0,
        scores: recorded.1,
        records,
    })
}

/// Records a block with its scores, judging left aside.
///
/// # Errors
/// As [`record`].
pub fn insert(
    unit: &mut Unit<'_, '_>,
    belongs: &Belongs,
    block: &Block,
    scores: &[ScoreRow],
) -> Result<(Stored<Block>, Vec<Stored<ScoreRow>>)> {
    unit.require(Action::WriteBlock)?;
    if !scores.is_empty() {
        unit.require(Action::WriteScore)?;
    }
    let episode = match belongs {
        Belongs::To(id) => episodes::find(unit, *id).map_err(|error| match error {
            Error::NotFound { .. } => {
                Error::field("/episode_id", "not_found", "There is no such episode.")
            }
            other => other,
        })?,
        Belongs::Inline(patient, episode) => inline_episode(unit, patient, episode)?,
    };
    fits_episode(&episode.value, block, scores)?;
    let stored = Stored::new(
        unit.new_id(),
        unit.organization(),
        episode.patient,
        episode.id,
        unit.now,
        block.clone(),
    );
    queries::blocks::insert(unit.tx, &unit.principal.organization, &stored)?;
    unit.audit(Action::WriteBlock, "block", stored.id, Some(stored.patient))?;
    let scores = insert_scores(unit, &stored, scores)?;
    subscriptions::of_block(unit, &stored)?;
    Ok((stored, scores))
}

/// The episode that an inline one stands for: the newest of the patient that may be the same pain, else a new one.
fn inline_episode(
    unit: &mut Unit<'_, '_>,
    patient: &Patient,
    episode: &Episode,
) -> Result<Stored<Episode>> {
    unit.require(Action::WriteEpisode)?;
    let recorded = patients::record(unit, patient)?;
    let patient = recorded.patient().id;
    if matches!(recorded, patients::Recorded::Anew(_)) {
        return episodes::insert(unit, patient, episode);
    }
    let known = queries::episodes::for_patient(unit.tx, &unit.principal.organization, patient)?;
    let same = known
        .into_iter()
        .rev()
        .find(|stored| stored.value.may_be(episode));
    let Some(stored) = same else {
        return episodes::insert(unit, patient, episode);
    };
    let updated = stored.value.brought_up_to_date(episode);
    if updated == stored.value {
        return Ok(stored);
    }
    unit.require(Action::CorrectEpisode)?;
    episodes::replace(unit, stored, &updated, Some("sent with a block"))
}

/// Records scores of a block, judging and the audit trail left aside.
pub(super) fn insert_scores(
    unit: &mut Unit<'_, '_>,
    block: &Stored<Block>,
    rows: &[ScoreRow],
) -> Result<Vec<Stored<ScoreRow>>> {
    let stored: Vec<Stored<ScoreRow>> = rows
        .iter()
        .map(|row| {
            Stored::new(
                unit.new_id(),
                unit.organization(),
                block.patient,
                block.id,
                unit.now,
                row.clone(),
            )
        })
        .collect();
    queries::scores::insert_many(unit.tx, &unit.principal.organization, &stored)?;
    Ok(stored)
}

/// What is wrong between a block, its scores and the episode it belongs to.
pub(super) fn fits_episode(episode: &Episode, block: &Block, scores: &[ScoreRow]) -> Result<()> {
    let mut errors = Vec::new();
    joints_in_region(&block.joints, episode.region, "/joints", &mut errors);
    if episode
        .onset_date
        .is_some_and(|onset| block.local_date() < onset)
    {
        let detail = "The block lies before the onset of its episode.";
        errors.push(FieldError::new("/performed_at", "before_episode", detail));
    }
    for (place, score) in scores.iter().enumerate() {
        errors.extend(score_problem(
            episode,
            block,
            score,
            &format!("/scores/{place}"),
        ));
    }
    if errors.is_empty() {
        Ok(())
    } else {
        Err(Error::Invalid(errors))
    }
}

/// What is wrong between one score, its block and its episode; pointers begin with `at`.
pub(super) fn score_problem(
    episode: &Episode,
    block: &Block,
    score: &ScoreRow,
    at: &str,
) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if episode
        .onset_date
        .is_some_and(|onset| score.local_date() < onset)
    {
        let detail = "The score lies before the onset of the episode.";
        errors.push(FieldError::new(
            format!("{at}/taken_at"),
            "before_episode",
            detail,
        ));
    }
    if score.side.is_some_and(|side| !block.side.covers(side)) {
        let detail = "This side was not treated by the block.";
        errors.push(FieldError::new(
            format!("{at}/side"),
            "side_not_treated",
            detail,
        ));
    }
    errors
}

/// The block with `id`, permission left aside.
pub(super) fn find(unit: &mut Unit<'_, '_>, id: Uuid) -> Result<Stored<Block>> {
    queries::blocks::get(unit.tx, &unit.principal.organization, id).map_err(|error| match error {
        DbError::NotFound => Error::NotFound { what: "block" },
        other => other.into(),
    })
}

/// One block with its scores.
///
/// # Errors
/// [`Error::NotFound`].
pub fn get(unit: &mut Unit<'_, '_>, id: Uuid) -> Result<(Stored<Block>, Vec<Stored<ScoreRow>>)> {
    unit.require(Action::ReadBlock)?;
    let block = find(unit, id)?;
    let scores = queries::scores::for_block(unit.tx, &unit.principal.organization, id)?;
    unit.note_read(Action::ReadBlock, "block", Some(id), Some(block.patient));
    Ok((block, scores))
}

/// The block that the organization recorded last: what the next one is likely to be done with.
///
/// # Errors
/// Those of the database.
pub fn newest(unit: &mut Unit<'_, '_>) -> Result<Option<Stored<Block>>> {
    unit.require(Action::ReadBlock)?;
    Ok(queries::blocks::newest(
        unit.tx,
        &unit.principal.organization,
    )?)
}

/// A page of blocks in the order in which they were recorded.
///
/// # Errors
/// Those of the database.
pub fn page(
    unit: &mut Unit<'_, '_>,
    filter: &Filter,
    after: Option<Uuid>,
    limit: u16,
) -> Result<Page<Stored<Block>>> {
    unit.require(Action::ReadBlock)?;
    let page = queries::blocks::page(
        unit.tx,
        &unit.principal.organization,
        filter,
        after,
        u32::from(limit),
    )?;
    unit.note_read(Action::ReadBlock, "blocks", None, filter.patient);
    Ok(page)
}

/// Corrects a block, keeps the earlier version and judges the patient anew.
///
/// # Errors
/// [`Error::PreconditionFailed`] for another version than the current one; [`Error::Invalid`] where it does not fit its
/// episode or its scores.
pub fn correct(
    unit: &mut Unit<'_, '_>,
    id: Uuid,
    version: i32,
    block: &Block,
    reason: Option<&str>,
) -> Result<Recorded> {
    unit.require(Action::CorrectBlock)?;
    let stored = find(unit, id)?;
    check_version(&stored, version)?;
    let episode = episodes::find(unit, stored.parent)?;
    fits_episode(&episode.value, block, &[])?;
    let scores = queries::scores::for_block(unit.tx, &unit.principal.organization, id)?;
    if scores.iter().any(|score| {
        score
            .value
            .side
            .is_some_and(|side| !block.side.covers(side))
    }) {
        let detail = "Scores of this block rate a side that would no longer be treated; withdraw them first.";
        return Err(Error::field("/side", "side_has_scores", detail));
    }
    keep_version(
        unit,
        "block",
        &stored,
        &BlockFields::from(&stored.value),
        reason,
    )?;
    let corrected = stored.next(unit.now, block.clone());
    queries::blocks::update_if_version(unit.tx, &unit.principal.organization, &corrected, version)?;
    unit.audit(Action::CorrectBlock, "block", id, Some(corrected.patient))?;
    let records = judging::judge_patient(unit, corrected.patient)?;
    Ok(Recorded {
        block: corrected,
        scores,
        records,
    })
}

/// Adds scores to a block and judges the patient anew.
///
/// # Errors
/// [`Error::Invalid`] with pointers below `at` of each score, where one does not fit.
pub fn add_scores(
    unit: &mut Unit<'_, '_>,
    block: Uuid,
    rows: &[ScoreRow],
    pointer: impl Fn(usize) -> String,
) -> Result<Vec<Stored<ScoreRow>>> {
    unit.require(Action::WriteScore)?;
    let stored = find(unit, block)?;
    let episode = episodes::find(unit, stored.parent)?;
    let errors: Vec<FieldError> = rows
        .iter()
        .enumerate()
        .flat_map(|(place, row)| score_problem(&episode.value, &stored.value, row, &pointer(place)))
        .collect();
    if !errors.is_empty() {
        return Err(Error::Invalid(errors));
    }
    let scores = insert_scores(unit, &stored, rows)?;
    for score in &scores {
        unit.audit(Action::WriteScore, "score", score.id, Some(score.patient))?;
    }
    judging::judge_patient(unit, stored.patient)?;
    Ok(scores)
}

/// The scores of a block in time order.
///
/// # Errors
/// [`Error::NotFound`] where there is no such block.
pub fn scores(unit: &mut Unit<'_, '_>, block: Uuid) -> Result<Vec<Stored<ScoreRow>>> {
    unit.require(Action::ReadScore)?;
    let stored = find(unit, block)?;
    let mut scores = queries::scores::for_block(unit.tx, &unit.principal.organization, block)?;
    scores.sort_by_key(|score| (score.value.taken_at, score.id));
    unit.note_read(
        Action::ReadScore,
        "scores",
        Some(block),
        Some(stored.patient),
    );
    Ok(scores)
}

fn find_score(unit: &mut Unit<'_, '_>, id: Uuid) -> Result<Stored<ScoreRow>> {
    queries::scores::get(unit.tx, &unit.principal.organization, id).map_err(|error| match error {
        DbError::NotFound => Error::NotFound { what: "score" },
        other => other.into(),
    })
}

/// One score, withdrawn or not.
///
/// # Errors
/// [`Error::NotFound`].
pub fn score(unit: &mut Unit<'_, '_>, id: Uuid) -> Result<Stored<ScoreRow>> {
    unit.require(Action::ReadScore)?;
    let score = find_score(unit, id)?;
    unit.note_read(Action::ReadScore, "score", Some(id), Some(score.patient));
    Ok(score)
}

/// Corrects a score, keeps the earlier version and judges the patient anew.
///
/// # Errors
/// [`Error::PreconditionFailed`], [`Error::Conflict`] where it was withdrawn, [`Error::Invalid`] where it does not fit.
pub fn correct_score(
    unit: &mut Unit<'_, '_>,
    id: Uuid,
    version: i32,
    row: &ScoreRow,
    reason: Option<&str>,
) -> Result<Stored<ScoreRow>> {
    unit.require(Action::CorrectScore)?;
    let stored = find_score(unit, id)?;
    check_version(&stored, version)?;
    refuse_withdrawn(&stored)?;
    let block = find(unit, stored.parent)?;
    let episode = episodes::find(unit, block.parent)?;
    let errors = score_problem(&episode.value, &block.value, row, "");
    if !errors.is_empty() {
        return Err(Error::Invalid(errors));
    }
    keep_version(
        unit,
        "score",
        &stored,
        &ScoreFields::from(&stored.value),
        reason,
    )?;
    let row = ScoreRow {
        answered_at: stored.value.answered_at,
        ..row.clone()
    };
    let corrected = stored.next(unit.now, row);
    queries::scores::update_if_version(unit.tx, &unit.principal.organization, &corrected, version)?;
    unit.audit(Action::CorrectScore, "score", id, Some(corrected.patient))?;
    judging::judge_patient(unit, corrected.patient)?;
    Ok(corrected)
}

/// Withdraws a score with a reason: it is kept, and no longer counts.
///
/// # Errors
/// [`Error::PreconditionFailed`] where a version is given and is not the current one, [`Error::Conflict`] where it was
/// withdrawn before.
pub fn withdraw_score(
    unit: &mut Unit<'_, '_>,
    id: Uuid,
    version: Option<i32>,
    reason: &str,
) -> Result<()> {
    unit.require(Action::WithdrawScore)?;
    let stored = find_score(unit, id)?;
    if let Some(version) = version {
        check_version(&stored, version)?;
    }
    refuse_withdrawn(&stored)?;
    keep_version(
        unit,
        "score",
        &stored,
        &ScoreFields::from(&stored.value),
        Some(reason),
    )?;
    let organization = &unit.principal.organization;
    queries::scores::withdraw(unit.tx, organization, id, stored.version, unit.now, reason)?;
    unit.audit(Action::WithdrawScore, "score", id, Some(stored.patient))?;
    judging::judge_patient(unit, stored.patient)?;
    Ok(())
}

fn refuse_withdrawn(stored: &Stored<ScoreRow>) -> Result<()> {
    if stored.withdrawn.is_none() {
        return Ok(());
    }
    Err(Error::Conflict {
        code: "withdrawn",
        detail: "This score was withdrawn.".to_owned(),
    })
}

/// How many blocks [`page`] leads through.
///
/// # Errors
/// Those of the database.
pub fn count(unit: &mut Unit<'_, '_>, filter: &Filter) -> Result<i64> {
    unit.require(Action::ReadBlock)?;
    Ok(queries::blocks::count(
        unit.tx,
        &unit.principal.organization,
        filter,
    )?)
}
