//! Where the resources come from: the use cases, with their permissions and their trail of reads.

use super::out;
use super::resource::{Resource, ResourceType};
use crate::app::{Error, Result, Unit, ablations, blocks, episodes, patients, timeline};
use uuid::Uuid;

/// Some of the resources of a type, in their stable order.
#[derive(Debug)]
pub struct Batch {
    /// The resources. What follows from one record is never split, so that they may be more than were asked for.
    pub resources: Vec<Resource>,
    /// Where the next batch begins; none after the last one.
    pub next: Option<String>,
}

/// One resource.
///
/// # Errors
/// [`Error::NotFound`].
pub fn one(unit: &mut Unit<'_, '_>, kind: ResourceType, id: &str) -> Result<Resource> {
    let absent = || Error::NotFound { what: kind.code() };
    let uuid = record_id(id).ok_or_else(absent)?;
    let found = match kind {
        ResourceType::Patient => Some(out::patient::resource(&patients::get(unit, uuid)?)),
        ResourceType::Condition => Some(out::condition::resource(&episodes::get(unit, uuid)?)),
        ResourceType::Procedure => Some(procedure(unit, uuid)?),
        ResourceType::MedicationAdministration => {
            out::medication::resource(&blocks::get(unit, uuid)?.0)
        }
        ResourceType::Observation => Some(out::observation::of_score(&blocks::score(unit, uuid)?)),
        _ => None,
    };
    found.ok_or_else(absent)
}

/// The id of a record; only the hyphenated form is one.
fn record_id(id: &str) -> Option<Uuid> {
    Uuid::try_parse(id)
        .ok()
        .filter(|_| id.len() == uuid::fmt::Hyphenated::LENGTH)
}

fn procedure(unit: &mut Unit<'_, '_>, id: Uuid) -> Result<Resource> {
    match blocks::get(unit, id) {
        Ok((block, _)) => Ok(out::procedure::of_block(&block)),
        Err(Error::NotFound { .. }) => {
            let (ablation, _) = ablations::get(unit, id)?;
            Ok(out::procedure::of_ablation(&ablation))
        }
        Err(other) => Err(other),
    }
}

/// Every version of a resource, the newest first.
///
/// # Errors
/// [`Error::NotFound`].
pub fn versions(unit: &mut Unit<'_, '_>, kind: ResourceType, id: &str) -> Result<Vec<Resource>> {
    Ok(vec![one(unit, kind, id)?])
}

/// Everything of a type that is in a patient's compartment.
///
/// # Errors
/// [`Error::NotFound`] where there is no such patient.
pub fn of_patient(
    unit: &mut Unit<'_, '_>,
    kind: ResourceType,
    patient: Uuid,
) -> Result<Vec<Resource>> {
    let records = timeline::of_patient(unit, patient)?;
    Ok(match kind {
        ResourceType::Patient => vec![out::patient::resource(&records.patient)],
        ResourceType::Condition => records
            .episodes
            .iter()
            .map(out::condition::resource)
            .collect(),
        ResourceType::Procedure => records
            .blocks
            .iter()
            .map(out::procedure::of_block)
            .chain(records.ablations.iter().map(out::procedure::of_ablation))
            .collect(),
        ResourceType::MedicationAdministration => records
            .blocks
            .iter()
            .filter_map(out::medication::resource)
            .collect(),
        ResourceType::Observation => records
            .scores
            .iter()
            .map(out::observation::of_score)
            .collect(),
        _ => Vec::new(),
    })
}

/// A walk over all resources of a type in the organization: what comes after `after`, about `most` of them.
///
/// # Errors
/// [`Error::Malformed`] for a place that is none; those of the use cases.
pub fn after(
    unit: &mut Unit<'_, '_>,
    kind: ResourceType,
    after: Option<&str>,
    most: u32,
) -> Result<Batch> {
    let place = after.map(place).transpose()?;
    by_patient(unit, kind, place, most)
}

fn place(text: &str) -> Result<Uuid> {
    record_id(text).ok_or_else(|| Error::Malformed {
        code: "invalid_cursor",
        detail: "There is no such place in the walk.".to_owned(),
    })
}

/// A walk by patient, in the order of their recording.
fn by_patient(
    unit: &mut Unit<'_, '_>,
    kind: ResourceType,
    after: Option<Uuid>,
    most: u32,
) -> Result<Batch> {
    const AT_ONCE: u16 = 50;
    let wanted = usize::try_from(most).unwrap_or(usize::MAX);
    let mut resources = Vec::new();
    let mut place = after;
    loop {
        let page = patients::page(unit, None, place, AT_ONCE)?;
        let last = page.items.last().map(|patient| patient.id);
        for patient in &page.items {
            resources.extend(of_patient(unit, kind, patient.id)?);
            let is_last = !page.more && Some(patient.id) == last;
            if resources.len() >= wanted && !is_last {
                let next = Some(patient.id.to_string());
                return Ok(Batch { resources, next });
            }
        }
        if !page.more {
            let next = None;
            return Ok(Batch { resources, next });
        }
        place = last;
    }
}
