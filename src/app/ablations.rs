//! Ablations, their follow-ups, and adverse events.

use super::core::Unit;
use super::error::{Error, FieldError, Result};
use super::versions::{check_version, keep_version};
use super::{blocks, episodes, judging};
use crate::auth::Action;
use crate::db::queries::adverse_events::{After, Filter};
use crate::db::{DbError, Page, Stored, queries};
use crate::domain::ablation::{Ablation, FollowUp};
use crate::domain::adverse_event::AdverseEvent;
use crate::domain::episode::Episode;
use crate::wire::ablation::{AblationFields, FollowUpFields};
use crate::wire::block::joints_in_region;
use uuid::Uuid;

/// Records an ablation with the follow-ups sent with it, and judges the patient anew.
///
/// # Errors
/// [`Error::Invalid`] where it does not fit its episode.
pub fn record(
    unit: &mut Unit<'_, '_>,
    episode: Uuid,
    ablation: &Ablation,
    follow_ups: &[FollowUp],
) -> Result<(Stored<Ablation>, Vec<Stored<FollowUp>>)> {
    let recorded = insert(unit, episode, ablation, follow_ups)?;
    judging::judge_patient(unit, recorded.0.patient)?;
    Ok(recorded)
}

/// Records an ablation with its follow-ups, judging left aside.
///
/// # Errors
/// As [`record`].
pub fn insert(
    unit: &mut Unit<'_, '_>,
    episode: Uuid,
    ablation: &Ablation,
    follow_ups: &[FollowUp],
) -> Result<(Stored<Ablation>, Vec<Stored<FollowUp>>)> {
    unit.require(Action::WriteAblation)?;
    let episode = episodes::find(unit, episode).map_err(|error| match error {
        Error::NotFound { .. } => {
            Error::field("/episode_id", "not_found", "There is no such episode.")
        }
        other => other,
    })?;
    fits_episode(&episode.value, ablation)?;
    let stored = Stored::new(
        unit.new_id(),
        unit.organization(),
        episode.patient,
        episode.id,
        unit.now,
        ablation.clone(),
    );
    queries::ablations::insert(unit.tx, &unit.principal.organization, &stored)?;
    unit.audit(
        Action::WriteAblation,
        "ablation",
        stored.id,
        Some(stored.patient),
    )?;
    let mut kept = Vec::with_capacity(follow_ups.len());
    for follow_up in follow_ups {
        kept.push(insert_follow_up(unit, &stored, follow_up)?);
    }
    Ok((stored, kept))
}

/// Refuses an ablation before the onset of its episode, and joints that its region does not hold.
pub(super) fn fits_episode(episode: &Episode, ablation: &Ablation) -> Result<()> {
    let mut errors = Vec::new();
    joints_in_region(&ablation.joints, episode.region, "/joints", &mut errors);
    if episode
        .onset_date
        .is_some_and(|onset| ablation.performed_on < onset)
    {
        let detail = "The ablation lies before the onset of its episode.";
        errors.push(FieldError::new("/performed_on", "before_episode", detail));
    }
    if errors.is_empty() {
        Ok(())
    } else {
        Err(Error::Invalid(errors))
    }
}

/// Records a follow-up, judging left aside.
pub(super) fn insert_follow_up(
    unit: &mut Unit<'_, '_>,
    ablation: &Stored<Ablation>,
    follow_up: &FollowUp,
) -> Result<Stored<FollowUp>> {
    let id = unit.new_id();
    let stored = Stored::new(
        id,
        unit.organization(),
        ablation.patient,
        ablation.id,
        unit.now,
        follow_up.clone(),
    );
    queries::follow_ups::insert(unit.tx, &unit.principal.organization, &stored)?;
    unit.audit(
        Action::WriteAblation,
        "follow_up",
        id,
        Some(ablation.patient),
    )?;
    Ok(stored)
}

fn find(unit: &mut Unit<'_, '_>, id: Uuid) -> Result<Stored<Ablation>> {
    queries::ablations::get(unit.tx, &unit.principal.organization, id).map_err(
        |error| match error {
            DbError::NotFound => Error::NotFound { what: "ablation" },
            other => other.into(),
        },
    )
}

/// One ablation with its follow-ups by day.
///
/// # Errors
/// [`Error::NotFound`].
pub fn get(unit: &mut Unit<'_, '_>, id: Uuid) -> Result<(Stored<Ablation>, Vec<Stored<FollowUp>>)> {
    unit.require(Action::ReadAblation)?;
    let ablation = find(unit, id)?;
    let mut follow_ups =
        queries::follow_ups::for_ablations(unit.tx, &unit.principal.organization, &[id])?;
    follow_ups.sort_by_key(|follow_up| (follow_up.value.taken_on, follow_up.id));
    unit.note_read(
        Action::ReadAblation,
        "ablation",
        Some(id),
        Some(ablation.patient),
    );
    Ok((ablation, follow_ups))
}

/// A page of ablations in the order in which they were recorded.
///
/// # Errors
/// Those of the database.
pub fn page(
    unit: &mut Unit<'_, '_>,
    patient: Option<Uuid>,
    episode: Option<Uuid>,
    after: Option<Uuid>,
    limit: u16,
) -> Result<Page<Stored<Ablation>>> {
    unit.require(Action::ReadAblation)?;
    let organization = &unit.principal.organization;
    let page = queries::ablations::page(
        unit.tx,
        organization,
        patient,
        episode,
        after,
        u32::from(limit),
    )?;
    unit.note_read(Action::ReadAblation, "ablations", None, patient);
    Ok(page)
}

/// Corrects an ablation, keeps the earlier version and judges the patient anew.
///
/// # Errors
/// [`Error::PreconditionFailed`]; [`Error::Invalid`] where it does not fit its episode or its follow-ups.
pub fn correct(
    unit: &mut Unit<'_, '_>,
    id: Uuid,
    version: i32,
    ablation: &Ablation,
    reason: Option<&str>,
) -> Result<Stored<Ablation>> {
    unit.require(Action::CorrectAblation)?;
    let stored = find(unit, id)?;
    check_version(&stored, version)?;
    let episode = episodes::find(unit, stored.parent)?;
    fits_episode(&episode.value, ablation)?;
    let follow_ups =
        queries::follow_ups::for_ablations(unit.tx, &unit.principal.organization, &[id])?;
    if follow_ups
        .iter()
        .any(|follow_up| follow_up.value.taken_on < ablation.performed_on)
    {
        let detail = "A follow-up of this ablation lies before that day.";
        return Err(Error::field("/performed_on", "after_follow_up", detail));
    }
    keep_version(
        unit,
        "ablation",
        &stored,
        &AblationFields::from(&stored.value),
        reason,
    )?;
    let corrected = stored.next(unit.now, ablation.clone());
    queries::ablations::update_if_version(
        unit.tx,
        &unit.principal.organization,
        &corrected,
        version,
    )?;
    unit.audit(
        Action::CorrectAblation,
        "ablation",
        id,
        Some(corrected.patient),
    )?;
    judging::judge_patient(unit, corrected.patient)?;
    Ok(corrected)
}

/// Adds a follow-up to an ablation and judges the patient anew.
///
/// # Errors
/// [`Error::NotFound`] where there is no such ablation; [`Error::Invalid`] for a day before it.
pub fn add_follow_up(
    unit: &mut Unit<'_, '_>,
    ablation: Uuid,
    follow_up: &FollowUp,
) -> Result<Stored<FollowUp>> {
    unit.require(Action::WriteAblation)?;
    let ablation = find(unit, ablation)?;
    if follow_up.taken_on < ablation.value.performed_on {
        let detail = "The follow-up lies before the ablation.";
        return Err(Error::field("/taken_on", "before_ablation", detail));
    }
    let stored = insert_follow_up(unit, &ablation, follow_up)?;
    judging::judge_patient(unit, stored.patient)?;
    Ok(stored)
}

/// A page of an ablation's follow-ups in the order in which they were recorded.
///
/// # Errors
/// [`Error::NotFound`] where there is no such ablation.
pub fn follow_ups(
    unit: &mut Unit<'_, '_>,
    ablation: Uuid,
    after: Option<Uuid>,
    limit: u16,
) -> Result<Page<Stored<FollowUp>>> {
    unit.require(Action::ReadAblation)?;
    let stored = find(unit, ablation)?;
    let organization = &unit.principal.organization;
    let page = queries::follow_ups::page(unit.tx, organization, ablation, after, u32::from(limit))?;
    unit.note_read(
        Action::ReadAblation,
        "follow_ups",
        Some(ablation),
        Some(stored.patient),
    );
    Ok(page)
}

/// Records an adverse event after a block or an ablation.
///
/// # Errors
/// [`Error::Invalid`] where there is no such procedure, or the event began before it.
pub fn record_event(
    unit: &mut Unit<'_, '_>,
    after: After,
    event: &AdverseEvent,
) -> Result<Stored<AdverseEvent>> {
    unit.require(Action::WriteAdverseEvent)?;
    let absent = |pointer: &'static str| {
        move |error| match error {
            Error::NotFound { what } => {
                Error::field(pointer, "not_found", format!("There is no such {what}."))
            }
            other => other,
        }
    };
    let (parent, patient, day) = match after {
        After::Block(id) => {
            let block = blocks::find(unit, id).map_err(absent("/block_id"))?;
            (block.id, block.patient, block.value.local_date())
        }
        After::Ablation(id) => {
            let ablation = find(unit, id).map_err(absent("/ablation_id"))?;
            (ablation.id, ablation.patient, ablation.value.performed_on)
        }
    };
    if event.onset_on < day {
        let detail = "The event began before the procedure.";
        return Err(Error::field("/onset_on", "before_procedure", detail));
    }
    let stored = Stored::new(
        unit.new_id(),
        unit.organization(),
        patient,
        parent,
        unit.now,
        event.clone(),
    );
    queries::adverse_events::insert(unit.tx, &unit.principal.organization, &stored, after)?;
    unit.audit(
        Action::WriteAdverseEvent,
        "adverse_event",
        stored.id,
        Some(patient),
    )?;
    Ok(stored)
}

/// One adverse event, with what it came after.
///
/// # Errors
/// [`Error::NotFound`].
pub fn event(unit: &mut Unit<'_, '_>, id: Uuid) -> Result<(Stored<AdverseEvent>, After)> {
    unit.require(Action::ReadAdverseEvent)?;
    let organization = &unit.principal.organization;
    let (event, after) =
        queries::adverse_events::get(unit.tx, organization, id).map_err(|error| match error {
            DbError::NotFound => Error::NotFound {
                what: "adverse event",
            },
            other => other.into(),
        })?;
    let patient = Some(event.patient);
    unit.note_read(Action::ReadAdverseEvent, "adverse_event", Some(id), patient);
    Ok((event, after))
}

/// A page of adverse events in the order in which they were recorded.
///
/// # Errors
/// Those of the database.
pub fn events(
    unit: &mut Unit<'_, '_>,
    filter: &Filter,
    after: Option<Uuid>,
    limit: u16,
) -> Result<Page<(Stored<AdverseEvent>, After)>> {
    unit.require(Action::ReadAdverseEvent)?;
    let organization = &unit.principal.organization;
    let page =
        queries::adverse_events::page(unit.tx, organization, filter, after, u32::from(limit))?;
    unit.note_read(
        Action::ReadAdverseEvent,
        "adverse_events",
        None,
        filter.patient,
    );
    Ok(page)
}

/// How many ablations [`page`] leads through.
///
/// # Errors
/// Those of the database.
pub fn count(unit: &mut Unit<'_, '_>, patient: Option<Uuid>, episode: Option<Uuid>) -> Result<i64> {
    unit.require(Action::ReadAblation)?;
    let organization = &unit.principal.organization;
    Ok(queries::ablations::count(
        unit.tx,
        organization,
        patient,
        episode,
    )?)
}

/// How many follow-ups [`follow_ups`] leads through.
///
/// # Errors
/// Those of the database.
pub fn count_follow_ups(unit: &mut Unit<'_, '_>, ablation: Uuid) -> Result<i64> {
    unit.require(Action::ReadAblation)?;
    Ok(queries::follow_ups::count(
        unit.tx,
        &unit.principal.organization,
        ablation,
    )?)
}

/// How many adverse events [`events`] leads through.
///
/// # Errors
/// Those of the database.
pub fn count_events(unit: &mut Unit<'_, '_>, filter: &Filter) -> Result<i64> {
    unit.require(Action::ReadAdverseEvent)?;
    Ok(queries::adverse_events::count(
        unit.tx,
        &unit.principal.organization,
        filter,
    )?)
}

fn find_follow_up(unit: &mut Unit<'_, '_>, ablation: Uuid, id: Uuid) -> Result<Stored<FollowUp>> {
    let absent = || Error::NotFound { what: "follow-up" };
    let organization = &unit.principal.organization;
    let stored =
        queries::follow_ups::get(unit.tx, organization, id).map_err(|error| match error {
            DbError::NotFound => absent(),
            other => other.into(),
        })?;
    if stored.parent == ablation {
        Ok(stored)
    } else {
        Err(absent())
    }
}

/// One follow-up of an ablation.
///
/// # Errors
/// [`Error::NotFound`] where the ablation has none such.
pub fn follow_up(unit: &mut Unit<'_, '_>, ablation: Uuid, id: Uuid) -> Result<Stored<FollowUp>> {
    unit.require(Action::ReadAblation)?;
    let stored = find_follow_up(unit, ablation, id)?;
    unit.note_read(
        Action::ReadAblation,
        "follow_up",
        Some(id),
        Some(stored.patient),
    );
    Ok(stored)
}

/// One follow-up, whichever ablation it belongs to.
///
/// # Errors
/// [`Error::NotFound`].
pub fn any_follow_up(unit: &mut Unit<'_, '_>, id: Uuid) -> Result<Stored<FollowUp>> {
    unit.require(Action::ReadAblation)?;
    let organization = &unit.principal.organization;
    let stored =
        queries::follow_ups::get(unit.tx, organization, id).map_err(|error| match error {
            DbError::NotFound => Error::NotFound { what: "follow-up" },
            other => other.into(),
        })?;
    let patient = Some(stored.patient);
    unit.note_read(Action::ReadAblation, "follow_up", Some(id), patient);
    Ok(stored)
}

/// Corrects a follow-up, keeps the earlier version and judges the patient anew.
///
/// # Errors
/// [`Error::PreconditionFailed`]; [`Error::Invalid`] for a day before the ablation.
pub fn correct_follow_up(
    unit: &mut Unit<'_, '_>,
    ablation: Uuid,
    id: Uuid,
    version: i32,
    follow_up: &FollowUp,
    reason: Option<&str>,
) -> Result<Stored<FollowUp>> {
    unit.require(Action::CorrectAblation)?;
    let stored = find_follow_up(unit, ablation, id)?;
    check_version(&stored, version)?;
    let ablation = find(unit, ablation)?;
    if follow_up.taken_on < ablation.value.performed_on {
        let detail = "The follow-up lies before the ablation.";
        return Err(Error::field("/taken_on", "before_ablation", detail));
    }
    keep_version(
        unit,
        "follow_up",
        &stored,
        &FollowUpFields::from(&stored.value),
        reason,
    )?;
    let corrected = stored.next(unit.now, follow_up.clone());
    let organization = &unit.principal.organization;
    queries::follow_ups::update_if_version(unit.tx, organization, &corrected, version)?;
    unit.audit(
        Action::CorrectAblation,
        "follow_up",
        id,
        Some(corrected.patient),
    )?;
    judging::judge_patient(unit, corrected.patient)?;
    Ok(corrected)
}
