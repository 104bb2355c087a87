//! Where the resources come from: the use cases, with their permissions and their trail of reads.

use super::ids::{self, DeterminationId, ObservationId, record_id};
use super::out::guidance::{Decided, decided};
use super::resource::{Resource, ResourceType, reading};
use super::{out, reach, versions};
use crate::app::Stored;
use crate::app::determinations::thresholds;
use crate::app::{
    AuditFilter, Error, Result, Unit, ablations, audit, blocks, compartment, episodes, groups,
    patients, profiles,
};
use crate::auth::Operation;
use crate::domain::block::Block;
use crate::domain::pain::{ScoreRow, Threshold};
use chrono::NaiveDate;
use std::collections::HashMap;
use uuid::Uuid;

/// Some of the resources of a type, in their stable order.
#[derive(Debug)]
pub struct Batch {
    /// The resources. What follows from one patient is never split, so that they may be more than were asked for.
    pub resources: Vec<Resource>,
    /// Where the next batch begins; none after the last one.
    pub next: Option<String>,
}

/// Which sorts of observations are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observed {
    /// Pain scores.
    pub scores: bool,
    /// Reliefs, which are computed from the scores.
    pub reliefs: bool,
    /// Disability scores.
    pub disability: bool,
    /// Follow-ups of ablations.
    pub follow_ups: bool,
}

impl Observed {
    /// All of them.
    pub const ALL: Observed = Observed {
        scores: true,
        reliefs: true,
        disability: true,
        follow_ups: true,
    };
}

fn absent(kind: ResourceType) -> Error {
    Error::NotFound { what: kind.code() }
}

/// One resource.
///
/// # Errors
/// [`Error::NotFound`], also where it is beyond the reach of the token; [`Error::Forbidden`] where the token reaches none
/// of the type.
pub fn one(unit: &mut Unit<'_, '_>, kind: ResourceType, id: &str) -> Result<Resource> {
    let reach = reach::of(unit, kind, Operation::Read)?;
    let found = written(unit, kind, id)?;
    if reach::holds(&reach, &found) {
        Ok(found)
    } else {
        Err(absent(kind))
    }
}

/// One resource, as the answer to who has just written it: the scopes of the token are left aside, since writing is not
/// reading.
///
/// # Errors
/// [`Error::NotFound`].
pub fn written(unit: &mut Unit<'_, '_>, kind: ResourceType, id: &str) -> Result<Resource> {
    reach::by_role(unit, |unit| found(unit, kind, id))
}

/// One resource, by the role of the principal alone.
///
/// # Errors
/// [`Error::NotFound`].
pub(super) fn found(unit: &mut Unit<'_, '_>, kind: ResourceType, id: &str) -> Result<Resource> {
    let record = record_id(id).ok_or_else(|| absent(kind));
    match kind {
        ResourceType::Patient => Ok(out::patient::resource(&patients::get(unit, record?)?)),
        ResourceType::Condition => Ok(out::condition::resource(&episodes::get(unit, record?)?)),
        ResourceType::Procedure => procedure(unit, record?),
        ResourceType::MedicationAdministration => {
            let (block, _) = blocks::get(unit, record?)?;
            out::medication::resource(&block).ok_or_else(|| absent(kind))
        }
        ResourceType::Observation => observation(unit, id),
        ResourceType::GuidanceResponse | ResourceType::Task | ResourceType::ServiceRequest => {
            determination(unit, kind, id)
        }
        ResourceType::AdverseEvent => Ok(out::event::adverse(&ablations::event(unit, record?)?)),
        ResourceType::AuditEvent => Ok(out::event::audit(&audit::entry(unit, record?)?)),
        ResourceType::Provenance => provenance(unit, id),
        ResourceType::PlanDefinition => Ok(out::plan::resource(&profiles::get(unit, id)?)),
        ResourceType::Group => Ok(out::group::resource(&groups::get(unit, id)?)),
        ResourceType::CodeSystem | ResourceType::StructureDefinition => {
            let found = published(unit, kind)?.iter().find(|one| one.id == id);
            found.cloned().ok_or_else(|| absent(kind))
        }
    }
}

/// What the program itself publishes.
fn published(unit: &Unit<'_, '_>, kind: ResourceType) -> Result<&'static [Resource]> {
    unit.require(reading(kind))?;
    Ok(match kind {
        ResourceType::CodeSystem => &out::code_systems::ALL,
        ResourceType::StructureDefinition => &out::extensions::ALL,
        _ => &[],
    })
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

fn observation(unit: &mut Unit<'_, '_>, id: &str) -> Result<Resource> {
    let kind = ResourceType::Observation;
    match ObservationId::read(id).ok_or_else(|| absent(kind))? {
        ObservationId::Record(id) => match blocks::score(unit, id) {
            Ok(score) => Ok(out::observation::of_score(&score)),
            Err(Error::NotFound { .. }) => {
                let follow_up = ablations::any_follow_up(unit, id)?;
                Ok(out::observation::of_follow_up(&follow_up))
            }
            Err(other) => Err(other),
        },
        ObservationId::Relief { block, .. } => {
            let (block, scores) = blocks::get(unit, block)?;
            let thresholds = thresholds(&unit.active_profiles()?);
            let all = reliefs(unit.today(), &block, &scores, &thresholds);
            let found = all.into_iter().find(|one| one.id == id);
            found.ok_or_else(|| absent(kind))
        }
        ObservationId::Disability { episode, .. } => {
            let episode = episodes::get(unit, episode)?;
            let found = out::observation::of_disability(&episode).find(|one| one.id == id);
            found.ok_or_else(|| absent(kind))
        }
    }
}

/// Relief after a block as of today, or of its newest score where the patient's calendar is ahead of ours.
pub(super) fn reliefs(
    today: NaiveDate,
    block: &Stored<Block>,
    scores: &[Stored<ScoreRow>],
    thresholds: &[Threshold],
) -> Vec<Resource> {
    let days = scores.iter().map(|score| score.value.local_date());
    let newest = days.chain([block.value.local_date()]).max();
    let as_of = newest.map_or(today, |newest| newest.max(today));
    out::relief::of_block(block, scores, thresholds, as_of)
}

fn determination(unit: &mut Unit<'_, '_>, kind: ResourceType, id: &str) -> Result<Resource> {
    let wanted = DeterminationId::read(id).ok_or_else(|| absent(kind))?;
    unit.require(reading(kind))?;
    let patient = compartment::patient_of_episode(unit, wanted.episode)?;
    let judged = compartment::determinations(unit, patient)?;
    let all = decided(&judged);
    let found = all.iter().find(|one| one.id() == wanted);
    let resource = found.and_then(|one| of_decided(kind, one));
    compartment::note(unit, reading(kind), "determinations", Some(patient));
    resource.ok_or_else(|| absent(kind))
}

fn of_decided(kind: ResourceType, decided: &Decided<'_>) -> Option<Resource> {
    match kind {
        ResourceType::GuidanceResponse => Some(decided.guidance()),
        ResourceType::Task => decided.task(),
        ResourceType::ServiceRequest => decided.request(),
        _ => None,
    }
}

fn provenance(unit: &mut Unit<'_, '_>, id: &str) -> Result<Resource> {
    let kind = ResourceType::Provenance;
    let record = ids::of_provenance(id).ok_or_else(|| absent(kind))?;
    let patient = compartment::patient_of_record(unit, record)?.ok_or_else(|| absent(kind))?;
    let changes = compartment::changes(unit, patient)?;
    compartment::note(unit, reading(kind), "provenance", Some(patient));
    let mut all = out::event::provenances(patient, &changes).into_iter();
    all.find(|one| one.id == id).ok_or_else(|| absent(kind))
}

/// Every version of a resource, the newest first. What follows from several records has but the present one.
///
/// # Errors
/// [`Error::NotFound`].
pub fn versions(unit: &mut Unit<'_, '_>, kind: ResourceType, id: &str) -> Result<Vec<Resource>> {
    let reach = reach::of(unit, kind, Operation::Read)?;
    let mut all = reach::by_role(unit, |unit| all_versions(unit, kind, id))?;
    all.retain(|one| reach::holds(&reach, one));
    if all.is_empty() {
        return Err(absent(kind));
    }
    Ok(all)
}

fn all_versions(unit: &mut Unit<'_, '_>, kind: ResourceType, id: &str) -> Result<Vec<Resource>> {
    let record = record_id(id);
    match (kind, record) {
        (ResourceType::Patient, Some(id)) => {
            let patient = patients::get(unit, id)?;
            versions::of_patient(unit, &patient)
        }
        (ResourceType::Condition, Some(id)) => {
            let episode = episodes::get(unit, id)?;
            versions::of_episode(unit, &episode)
        }
        (ResourceType::Procedure, Some(id)) => match blocks::get(unit, id) {
            Ok((block, _)) => {
                let all = versions::of_block(unit, &block)?;
                Ok(all.iter().map(out::procedure::of_block).collect())
            }
            Err(Error::NotFound { .. }) => {
                let (ablation, _) = ablations::get(unit, id)?;
                versions::of_ablation(unit, &ablation)
            }
            Err(other) => Err(other),
        },
        (ResourceType::MedicationAdministration, Some(id)) => {
            let (block, _) = blocks::get(unit, id)?;
            let all = versions::of_block(unit, &block)?;
            let all: Vec<Resource> = all.iter().filter_map(out::medication::resource).collect();
            if all.is_empty() {
                return Err(absent(kind));
            }
            Ok(all)
        }
        (ResourceType::Observation, Some(id)) => match blocks::score(unit, id) {
            Ok(score) => versions::of_score(unit, &score),
            Err(Error::NotFound { .. }) => {
                let follow_up = ablations::any_follow_up(unit, id)?;
                versions::of_follow_up(unit, &follow_up)
            }
            Err(other) => Err(other),
        },
        _ => Ok(vec![found(unit, kind, id)?]),
    }
}

/// Everything of a type that is in a patient's compartment; what was withdrawn is left out.
///
/// # Errors
/// [`Error::NotFound`] where there is no such patient.
pub fn of_patient(
    unit: &mut Unit<'_, '_>,
    kind: ResourceType,
    patient: Uuid,
) -> Result<Vec<Resource>> {
    let reach = reach::of(unit, kind, Operation::Search)?;
    let mut resources = reach::by_role(unit, |unit| {
        unit.require(reading(kind))?;
        compartment::check(unit, patient)?;
        compartment::note(unit, reading(kind), noted_as(kind), Some(patient));
        gathered(unit, kind, patient, Observed::ALL)
    })?;
    resources.retain(|one| reach::holds(&reach, one));
    Ok(resources)
}

/// What the trail says was read.
pub(super) const fn noted_as(kind: ResourceType) -> &'static str {
    match kind {
        ResourceType::Patient => "patient",
        ResourceType::Condition => "episodes",
        ResourceType::Procedure | ResourceType::MedicationAdministration => "blocks",
        ResourceType::Observation => "scores",
        ResourceType::GuidanceResponse | ResourceType::Task | ResourceType::ServiceRequest => {
            "determinations"
        }
        ResourceType::AdverseEvent => "adverse_events",
        ResourceType::AuditEvent => "audit",
        ResourceType::Provenance => "provenance",
        ResourceType::Group => "groups",
        ResourceType::PlanDefinition
        | ResourceType::CodeSystem
        | ResourceType::StructureDefinition => "profiles",
    }
}

/// Everything of a type that is in a patient's compartment, by the role of the principal alone and without a note in the
/// trail; nothing where there is no such patient. Of observations only those that are wanted.
///
/// # Errors
/// Those of the use cases.
pub(super) fn in_compartment(
    unit: &mut Unit<'_, '_>,
    kind: ResourceType,
    patient: Uuid,
    wanted: Observed,
) -> Result<Vec<Resource>> {
    match gathered(unit, kind, patient, wanted) {
        Err(Error::NotFound { .. }) => Ok(Vec::new()),
        gathered => gathered,
    }
}

fn gathered(
    unit: &mut Unit<'_, '_>,
    kind: ResourceType,
    patient: Uuid,
    wanted: Observed,
) -> Result<Vec<Resource>> {
    Ok(match kind {
        ResourceType::Patient => vec![out::patient::resource(&compartment::patient(
            unit, patient,
        )?)],
        ResourceType::Condition => compartment::episodes(unit, patient)?
            .iter()
            .map(out::condition::resource)
            .collect(),
        ResourceType::Procedure => {
            let blocks = compartment::blocks(unit, patient)?;
            let ablations = compartment::ablations(unit, patient)?;
            let blocks = blocks.iter().map(out::procedure::of_block);
            blocks
                .chain(ablations.iter().map(out::procedure::of_ablation))
                .collect()
        }
        ResourceType::MedicationAdministration => compartment::blocks(unit, patient)?
            .iter()
            .filter_map(out::medication::resource)
            .collect(),
        ResourceType::Observation => observations(unit, patient, wanted)?,
        ResourceType::GuidanceResponse | ResourceType::Task | ResourceType::ServiceRequest => {
            let judged = compartment::determinations(unit, patient)?;
            let all = decided(&judged);
            all.iter().filter_map(|one| of_decided(kind, one)).collect()
        }
        ResourceType::AdverseEvent => compartment::events(unit, patient)?
            .iter()
            .map(out::event::adverse)
            .collect(),
        ResourceType::Provenance => {
            let changes = compartment::changes(unit, patient)?;
            out::event::provenances(patient, &changes)
        }
        ResourceType::AuditEvent => trail(unit, Some(patient), None, u16::MAX)?.resources,
        ResourceType::PlanDefinition
        | ResourceType::Group
        | ResourceType::CodeSystem
        | ResourceType::StructureDefinition => Vec::new(),
    })
}

/// Scores, reliefs, disability scores, follow-ups: those that are wanted, and nothing is read for the others.
fn observations(unit: &mut Unit<'_, '_>, patient: Uuid, wanted: Observed) -> Result<Vec<Resource>> {
    let mut all = Vec::new();
    if wanted.scores || wanted.reliefs {
        let scores = compartment::scores(unit, patient)?;
        if wanted.scores {
            all.extend(scores.iter().map(out::observation::of_score));
        }
        if wanted.reliefs {
            all.extend(reliefs_of_patient(unit, patient, scores)?);
        }
    }
    if wanted.disability {
        let episodes = compartment::episodes(unit, patient)?;
        all.extend(episodes.iter().flat_map(out::observation::of_disability));
    }
    if wanted.follow_ups {
        let follow_ups = compartment::follow_ups(unit, patient)?;
        all.extend(follow_ups.iter().map(out::observation::of_follow_up));
    }
    Ok(all)
}

fn reliefs_of_patient(
    unit: &mut Unit<'_, '_>,
    patient: Uuid,
    scores: Vec<Stored<ScoreRow>>,
) -> Result<Vec<Resource>> {
    let mut of_block: HashMap<Uuid, Vec<Stored<ScoreRow>>> = HashMap::new();
    for score in scores {
        of_block.entry(score.parent).or_default().push(score);
    }
    let thresholds = thresholds(&unit.active_profiles()?);
    let mut all = Vec::new();
    for block in compartment::blocks(unit, patient)? {
        let scores = of_block.remove(&block.id).unwrap_or_default();
        all.extend(reliefs(unit.today(), &block, &scores, &thresholds));
    }
    Ok(all)
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
    let reach = reach::of(unit, kind, Operation::Search)?;
    let place = after.map(place).transpose()?;
    let mut batch = reach::by_role(unit, |unit| walk(unit, kind, place, most))?;
    batch.resources.retain(|one| reach::holds(&reach, one));
    Ok(batch)
}

fn walk(
    unit: &mut Unit<'_, '_>,
    kind: ResourceType,
    place: Option<Uuid>,
    most: u32,
) -> Result<Batch> {
    match kind {
        ResourceType::PlanDefinition => {
            let shelved = profiles::list(unit)?;
            Ok(whole(shelved.iter().map(out::plan::resource).collect()))
        }
        ResourceType::Group => {
            let groups = groups::all(unit)?;
            Ok(whole(groups.iter().map(out::group::resource).collect()))
        }
        ResourceType::CodeSystem | ResourceType::StructureDefinition => {
            Ok(whole(published(unit, kind)?.to_vec()))
        }
        ResourceType::AuditEvent => {
            let most = u16::try_from(most).unwrap_or(u16::MAX);
            trail(unit, None, place, most)
        }
        _ => by_patient(unit, kind, place, most),
    }
}

/// All of a type of which there are few: profiles, groups, what the program publishes.
///
/// # Errors
/// Those of the use cases.
pub(super) fn few(unit: &mut Unit<'_, '_>, kind: ResourceType) -> Result<Vec<Resource>> {
    walk(unit, kind, None, u32::MAX).map(|batch| batch.resources)
}

/// All that there is, at once.
const fn whole(resources: Vec<Resource>) -> Batch {
    Batch {
        resources,
        next: None,
    }
}

fn place(text: &str) -> Result<Uuid> {
    record_id(text).ok_or_else(|| Error::Malformed {
        code: "invalid_cursor",
        detail: "There is no such place in the walk.".to_owned(),
    })
}

/// The audit trail, the newest entries first.
fn trail(
    unit: &mut Unit<'_, '_>,
    patient: Option<Uuid>,
    before: Option<Uuid>,
    most: u16,
) -> Result<Batch> {
    let filter = AuditFilter {
        patient,
        ..AuditFilter::default()
    };
    let page = audit::page(unit, &filter, before, most)?;
    let last = page.items.last().filter(|_| page.more);
    Ok(Batch {
        next: last.map(|last| last.entry.id.to_string()),
        resources: page.items.iter().map(out::event::audit).collect(),
    })
}

/// A walk by patient, in the order of their recording.
fn by_patient(
    unit: &mut Unit<'_, '_>,
    kind: ResourceType,
    after: Option<Uuid>,
    most: u32,
) -> Result<Batch> {
    const AT_ONCE: u32 = 50;
    let wanted = usize::try_from(most).unwrap_or(usize::MAX);
    let mut resources = Vec::new();
    let mut place = after;
    compartment::note(unit, reading(kind), noted_as(kind), None);
    loop {
        let (patients, more) = compartment::patients(unit, reading(kind), place, AT_ONCE)?;
        let last = patients.last().copied();
        for patient in patients {
            resources.extend(gathered(unit, kind, patient, Observed::ALL)?);
            let is_last = !more && Some(patient) == last;
            if resources.len() >= wanted && !is_last {
                let next = Some(patient.to_string());
                return Ok(Batch { resources, next });
            }
        }
        if !more {
            return Ok(whole(resources));
        }
        place = last;
    }
}
