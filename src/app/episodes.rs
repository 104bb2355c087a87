//! Episodes: the pain being investigated.

use super::core::Unit;
use super::error::{Error, FieldError, Result};
use super::judging;
use super::patients;
use super::versions::{check_version, keep_version};
use crate::auth::Action;
use crate::db::{DbError, Page, Stored, queries};
use crate::domain::episode::Episode;
use crate::wire::block::joints_in_region;
use crate::wire::episode::EpisodeFields;
use uuid::Uuid;

/// Records an episode of a patient.
///
/// # Errors
/// [`Error::Invalid`] at `/patient_id` where there is no such patient.
pub fn record(
    unit: &mut Unit<'_, '_>,
    patient: Uuid,
    episode: &Episode,
) -> Result<Stored<Episode>> {
    unit.require(Action::WriteEpisode)?;
    patients::find(unit, patient).map_err(|error| match error {
        Error::NotFound { .. } => {
            Error::field("/patient_id", "not_found", "There is no such patient.")
        }
        other => other,
    })?;
    insert(unit, patient, episode)
}

/// Records an episode of a patient who is known to be there.
pub(super) fn insert(
    unit: &mut Unit<'_, '_>,
    patient: Uuid,
    episode: &Episode,
) -> Result<Stored<Episode>> {
    let stored = Stored::new(
        unit.new_id(),
        unit.organization(),
        patient,
        patient,
        unit.now,
        episode.clone(),
    );
    queries::episodes::insert(unit.tx, &unit.principal.organization, &stored)?;
    unit.audit(Action::WriteEpisode, "episode", stored.id, Some(patient))?;
    Ok(stored)
}

/// One episode.
///
/// # Errors
/// [`Error::NotFound`].
pub fn get(unit: &mut Unit<'_, '_>, id: Uuid) -> Result<Stored<Episode>> {
    unit.require(Action::ReadEpisode)?;
    let episode = find(unit, id)?;
    unit.note_read(
        Action::ReadEpisode,
        "episode",
        Some(id),
        Some(episode.patient),
    );
    Ok(episode)
}

/// The episode with `id`, permission left aside.
pub(super) fn find(unit: &mut Unit<'_, '_>, id: Uuid) -> Result<Stored<Episode>> {
    queries::episodes::get(unit.tx, &unit.principal.organization, id).map_err(|error| match error {
        DbError::NotFound => Error::NotFound { what: "episode" },
        other => other.into(),
    })
}

/// Corrects an episode, keeps the earlier version and judges the patient anew.
///
/// # Errors
/// [`Error::PreconditionFailed`] for another version than the current one; [`Error::Invalid`] where what is recorded
/// under the episode contradicts it.
pub fn correct(
    unit: &mut Unit<'_, '_>,
    id: Uuid,
    version: i32,
    episode: &Episode,
    reason: Option<&str>,
) -> Result<Stored<Episode>> {
    unit.require(Action::CorrectEpisode)?;
    let stored = find(unit, id)?;
    check_version(&stored, version)?;
    fits_its_records(unit, &stored, episode)?;
    let corrected = replace(unit, stored, episode, reason)?;
    judging::judge_patient(unit, corrected.patient)?;
    Ok(corrected)
}

/// Puts `episode` in the place of `stored`, judging left aside.
pub(super) fn replace(
    unit: &mut Unit<'_, '_>,
    stored: Stored<Episode>,
    episode: &Episode,
    reason: Option<&str>,
) -> Result<Stored<Episode>> {
    keep_version(
        unit,
        "episode",
        &stored,
        &EpisodeFields::from(&stored.value),
        reason,
    )?;
    let version = stored.version;
    let corrected = stored.next(unit.now, episode.clone());
    queries::episodes::update_if_version(
        unit.tx,
        &unit.principal.organization,
        &corrected,
        version,
    )?;
    unit.audit(
        Action::CorrectEpisode,
        "episode",
        corrected.id,
        Some(corrected.patient),
    )?;
    Ok(corrected)
}

/// Refuses an onset after the first block, and a region that the recorded joints do not belong to.
pub(super) fn fits_its_records(
    unit: &mut Unit<'_, '_>,
    stored: &Stored<Episode>,
    episode: &Episode,
) -> Result<()> {
    let mut errors = Vec::new();
    let organization = &unit.principal.organization;
    let blocks = queries::blocks::for_patient(unit.tx, organization, stored.patient)?;
    let ablations = queries::ablations::for_patient(unit.tx, organization, stored.patient)?;
    let mut dates = Vec::new();
    for block in blocks.iter().filter(|block| block.parent == stored.id) {
        dates.push(block.value.local_date());
        joints_in_region(&block.value.joints, episode.region, "/region", &mut errors);
    }
    for ablation in ablations
        .iter()
        .filter(|ablation| ablation.parent == stored.id)
    {
        dates.push(ablation.value.performed_on);
        joints_in_region(
            &ablation.value.joints,
            episode.region,
            "/region",
            &mut errors,
        );
    }
    // The pointers name joints of other records; here the region is what does not fit.
    for error in &mut errors {
        "/region".clone_into(&mut error.pointer);
    }
    errors.dedup();
    let first = dates.into_iter().min();
    if episode
        .onset_date
        .zip(first)
        .is_some_and(|(onset, first)| onset > first)
    {
        let detail = "The onset of the pain lies after a block or ablation of this episode.";
        errors.push(FieldError::new("/onset_date", "after_block", detail));
    }
    if errors.is_empty() {
        Ok(())
    } else {
        Err(Error::Invalid(errors))
    }
}

/// A page of episodes in the order in which they were recorded.
///
/// # Errors
/// Those of the database.
pub fn page(
    unit: &mut Unit<'_, '_>,
    patient: Option<Uuid>,
    after: Option<Uuid>,
    limit: u16,
) -> Result<Page<Stored<Episode>>> {
    unit.require(Action::ReadEpisode)?;
    let page = queries::episodes::page(
        unit.tx,
        &unit.principal.organization,
        patient,
        after,
        u32::from(limit),
    )?;
    unit.note_read(Action::ReadEpisode, "episodes", None, patient);
    Ok(page)
}

/// How many episodes [`page`] leads through.
///
/// # Errors
/// Those of the database.
pub fn count(unit: &mut Unit<'_, '_>, patient: Option<Uuid>) -> Result<i64> {
    unit.require(Action::ReadEpisode)?;
    Ok(queries::episodes::count(
        unit.tx,
        &unit.principal.organization,
        patient,
    )?)
}
