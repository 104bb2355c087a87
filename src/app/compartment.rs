//! What is recorded about one patient, noun by noun, each under its own permission: for edges that show one kind at a time.
//! They note what was read with [`note`], once for all that they showed.

use super::core::Unit;
use super::error::Result;
use super::{judging, patients};
use crate::auth::Action;
use crate::db::queries::adverse_events::After;
use crate::db::rows::{Determination, NewAuditEntry};
use crate::db::{DbError, Page, Stored, queries};
use crate::domain::ablation::{Ablation, FollowUp};
use crate::domain::adverse_event::AdverseEvent;
use crate::domain::block::Block;
use crate::domain::episode::Episode;
use crate::domain::pain::ScoreRow;
use crate::domain::patient::{Identifier, Patient};
use crate::domain::qualification::{History, Profile};
use chrono::NaiveDate;
use std::sync::Arc;
use uuid::Uuid;

/// Notes that the principal read a kind of record of a patient, or of many where none is given.
pub fn note(unit: &Unit<'_, '_>, action: Action, kind: &'static str, patient: Option<Uuid>) {
    unit.note_read(action, kind, patient, patient);
}

/// Refuses a patient who is not there.
///
/// # Errors
/// [`NotFound`](super::Error::NotFound).
pub fn check(unit: &mut Unit<'_, '_>, patient: Uuid) -> Result<()> {
    patients::find(unit, patient).map(|_| ())
}

/// The patient.
///
/// # Errors
/// [`NotFound`](super::Error::NotFound).
pub fn patient(unit: &mut Unit<'_, '_>, patient: Uuid) -> Result<Stored<Patient>> {
    unit.require(Action::ReadPatient)?;
    patients::find(unit, patient)
}

/// Whose an episode is, permission left aside.
///
/// # Errors
/// [`NotFound`](super::Error::NotFound) where there is no such episode.
pub fn patient_of_episode(unit: &mut Unit<'_, '_>, episode: Uuid) -> Result<Uuid> {
    super::episodes::find(unit, episode).map(|episode| episode.patient)
}

/// Whose a record is, of whatever kind, permission left aside; none where there is no such record.
///
/// # Errors
/// Those of the database.
pub fn patient_of_record(unit: &mut Unit<'_, '_>, record: Uuid) -> Result<Option<Uuid>> {
    let organization = &unit.principal.organization;
    let tx = &mut *unit.tx;
    let owners = [
        queries::patients::get(tx, organization, record).map(|one| one.patient),
        queries::episodes::get(tx, organization, record).map(|one| one.patient),
        queries::blocks::get(tx, organization, record).map(|one| one.patient),
        queries::scores::get(tx, organization, record).map(|one| one.patient),
        queries::ablations::get(tx, organization, record).map(|one| one.patient),
        queries::follow_ups::get(tx, organization, record).map(|one| one.patient),
        queries::adverse_events::get(tx, organization, record).map(|(one, _)| one.patient),
    ];
    for owner in owners {
        match owner {
            Ok(patient) => return Ok(Some(patient)),
            Err(DbError::NotFound) => {}
            Err(other) => return Err(other.into()),
        }
    }
    Ok(None)
}

/// Some of the patients in the order of their recording, for who may do `reading`, and whether there are more.
///
/// # Errors
/// Those of the database.
pub fn patients(
    unit: &mut Unit<'_, '_>,
    reading: Action,
    after: Option<Uuid>,
    limit: u32,
) -> Result<(Vec<Uuid>, bool)> {
    unit.require(reading)?;
    let organization = &unit.principal.organization;
    let page = queries::patients::page(unit.tx, organization, None, after, limit)?;
    let ids = page.items.iter().map(|patient| patient.id).collect();
    Ok((ids, page.more))
}

/// A page of the patients themselves, in the order of their recording.
///
/// # Errors
/// Those of the database.
pub fn page(
    unit: &mut Unit<'_, '_>,
    after: Option<Uuid>,
    limit: u32,
) -> Result<Page<Stored<Patient>>> {
    unit.require(Action::ReadPatient)?;
    let organization = &unit.principal.organization;
    Ok(queries::patients::page(
        unit.tx,
        organization,
        None,
        after,
        limit,
    )?)
}

/// The names of patients, family name first and in lower case, with their ids: in this order, after one of them.
///
/// # Errors
/// Those of the database.
pub fn names(
    unit: &mut Unit<'_, '_>,
    after: Option<&(String, Uuid)>,
    limit: u32,
) -> Result<Page<(String, Uuid)>> {
    unit.require(Action::ReadPatient)?;
    let organization = &unit.principal.organization;
    Ok(queries::patients::names(
        unit.tx,
        organization,
        after,
        limit,
    )?)
}

/// The patients with these ids, in their order; those that are not there are left out.
///
/// # Errors
/// Those of the database.
pub fn known(unit: &mut Unit<'_, '_>, ids: &[Uuid]) -> Result<Vec<Stored<Patient>>> {
    unit.require(Action::ReadPatient)?;
    let organization = &unit.principal.organization;
    let mut found = queries::patients::by_ids(unit.tx, organization, ids)?;
    Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
}

/// The patients who have an identifier: of a system, or with this value of any system.
///
/// # Errors
/// Those of the database.
pub fn identified(unit: &mut Unit<'_, '_>, system: Option<&str>, value: &str) -> Result<Vec<Uuid>> {
    unit.require(Action::ReadPatient)?;
    let organization = &unit.principal.organization;
    let Some(system) = system else {
        return Ok(queries::patients::with_identifier_value(
            unit.tx,
            organization,
            value,
        )?);
    };
    let identifier = Identifier {
        system: system.to_owned(),
        value: value.to_owned(),
    };
    let found = queries::patients::find_by_identifier(unit.tx, organization, &identifier)?;
    Ok(found.into_iter().collect())
}

/// How many patients there are.
///
/// # Errors
/// Those of the database.
pub fn count(unit: &mut Unit<'_, '_>) -> Result<i64> {
    unit.require(Action::ReadPatient)?;
    let organization = &unit.principal.organization;
    Ok(queries::patients::count(unit.tx, organization)?)
}

/// The episodes.
///
/// # Errors
/// Those of the database.
pub fn episodes(unit: &mut Unit<'_, '_>, patient: Uuid) -> Result<Vec<Stored<Episode>>> {
    unit.require(Action::ReadEpisode)?;
    let organization = &unit.principal.organization;
    Ok(queries::episodes::for_patient(
        unit.tx,
        organization,
        patient,
    )?)
}

/// The blocks.
///
/// # Errors
/// Those of the database.
pub fn blocks(unit: &mut Unit<'_, '_>, patient: Uuid) -> Result<Vec<Stored<Block>>> {
    unit.require(Action::ReadBlock)?;
    let organization = &unit.principal.organization;
    Ok(queries::blocks::for_patient(
        unit.tx,
        organization,
        patient,
    )?)
}

/// The scores, block by block.
///
/// # Errors
/// Those of the database.
pub fn scores(unit: &mut Unit<'_, '_>, patient: Uuid) -> Result<Vec<Stored<ScoreRow>>> {
    unit.require(Action::ReadScore)?;
    let organization = &unit.principal.organization;
    Ok(queries::scores::for_patient(
        unit.tx,
        organization,
        patient,
    )?)
}

/// The ablations.
///
/// # Errors
/// Those of the database.
pub fn ablations(unit: &mut Unit<'_, '_>, patient: Uuid) -> Result<Vec<Stored<Ablation>>> {
    unit.require(Action::ReadAblation)?;
    let organization = &unit.principal.organization;
    Ok(queries::ablations::for_patient(
        unit.tx,
        organization,
        patient,
    )?)
}

/// The follow-ups, ablation by ablation.
///
/// # Errors
/// Those of the database.
pub fn follow_ups(unit: &mut Unit<'_, '_>, patient: Uuid) -> Result<Vec<Stored<FollowUp>>> {
    unit.require(Action::ReadAblation)?;
    let organization = &unit.principal.organization;
    Ok(queries::follow_ups::for_patient(
        unit.tx,
        organization,
        patient,
    )?)
}

/// The adverse events, each with what it came after.
///
/// # Errors
/// Those of the database.
pub fn events(
    unit: &mut Unit<'_, '_>,
    patient: Uuid,
) -> Result<Vec<(Stored<AdverseEvent>, After)>> {
    unit.require(Action::ReadAdverseEvent)?;
    let organization = &unit.principal.organization;
    Ok(queries::adverse_events::for_patient(
        unit.tx,
        organization,
        patient,
    )?)
}

/// What tells who recorded, corrected or withdrew something about the patient, in the order in which it was done.
///
/// # Errors
/// Those of the database.
pub fn changes(unit: &mut Unit<'_, '_>, patient: Uuid) -> Result<Vec<NewAuditEntry>> {
    unit.require(Action::ReadPatient)?;
    let organization = &unit.principal.organization;
    Ok(queries::audit::changes_about(
        unit.tx,
        organization,
        patient,
    )?)
}

/// Everything that the active profiles say about a patient.
#[derive(Debug)]
pub struct Judged {
    /// The active profiles.
    pub profiles: Vec<Arc<Profile>>,
    /// Each episode with its history.
    pub histories: Vec<(Stored<Episode>, History)>,
    /// The day that it is judged as of.
    pub as_of: NaiveDate,
    /// What is stored of it: when each was decided.
    pub stored: Vec<Determination>,
}

/// What the active profiles say about each episode of the patient.
///
/// # Errors
/// Those of the database.
pub fn determinations(unit: &mut Unit<'_, '_>, patient: Uuid) -> Result<Judged> {
    unit.require(Action::ReadDetermination)?;
    let profiles = unit.active_profiles()?;
    let records = judging::load(unit, patient)?;
    let as_of = records.day(unit.today());
    let organization = &unit.principal.organization;
    let stored = queries::determinations::for_patient(unit.tx, organization, patient)?;
    let episodes = queries::episodes::for_patient(unit.tx, organization, patient)?;
    let mut histories: Vec<(Stored<Episode>, History)> = Vec::with_capacity(episodes.len());
    for (id, history) in records.episodes {
        let episode = episodes.iter().find(|episode| episode.id == id);
        histories.extend(episode.map(|episode| (episode.clone(), history)));
    }
    Ok(Judged {
        profiles,
        histories,
        as_of,
        stored,
    })
}
