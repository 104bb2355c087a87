//! The resources of one patient, from what is recorded.

use crate::app::compartments::{Compartment, Part};
use crate::app::determinations::thresholds;
use crate::app::{Result, Stored};
use crate::domain::pain::{ScoreRow, Threshold};
use crate::domain::qualification::Profile;
use crate::fhir::out;
use crate::fhir::out::guidance::decided;
use crate::fhir::resource::{Resource, ResourceType};
use crate::fhir::source::reliefs;
use chrono::NaiveDate;
use std::collections::HashMap;
use std::sync::Arc;
use uuid::Uuid;

/// What is the same for every patient of an export.
#[derive(Debug)]
pub(super) struct Scene {
    kinds: Vec<ResourceType>,
    profiles: Vec<Arc<Profile>>,
    thresholds: Vec<Threshold>,
    today: NaiveDate,
}

/// Takes each resource as it is made.
pub(super) type Give<'g> = &'g mut dyn FnMut(Resource) -> Result<()>;

impl Scene {
    pub(super) fn new(
        kinds: Vec<ResourceType>,
        profiles: Vec<Arc<Profile>>,
        today: NaiveDate,
    ) -> Scene {
        Scene {
            thresholds: thresholds(&profiles),
            kinds,
            profiles,
            today,
        }
    }

    fn has(&self, kind: ResourceType) -> bool {
        self.kinds.contains(&kind)
    }

    /// Whether any of the resources follows from a determination.
    fn judges(&self) -> bool {
        let mut kinds = self.kinds.iter();
        kinds.any(|kind| made_of(*kind).contains(&Part::Determinations))
    }

    /// The kinds of records that the resources are made of.
    pub(super) fn parts(&self) -> Vec<Part> {
        let mut parts: Vec<Part> = self
            .kinds
            .iter()
            .flat_map(|kind| made_of(*kind).iter().copied())
            .collect();
        parts.sort_unstable();
        parts.dedup();
        parts
    }

    /// Gives out the resources of a patient: who recorded what after what was recorded.
    ///
    /// # Errors
    /// Those of `give`.
    pub(super) fn give_all(&self, mut of: Compartment, give: Give<'_>) -> Result<()> {
        if self.has(ResourceType::Patient) {
            give(out::patient::resource(&of.patient))?;
        }
        if self.has(ResourceType::Condition) {
            each(of.episodes.iter().map(out::condition::resource), give)?;
        }
        if self.has(ResourceType::Procedure) {
            each(of.blocks.iter().map(out::procedure::of_block), give)?;
            each(of.ablations.iter().map(out::procedure::of_ablation), give)?;
        }
        if self.has(ResourceType::MedicationAdministration) {
            each(of.blocks.iter().filter_map(out::medication::resource), give)?;
        }
        if self.has(ResourceType::Observation) {
            self.give_observations(&of, give)?;
        }
        if self.has(ResourceType::AdverseEvent) {
            each(of.events.iter().map(out::event::adverse), give)?;
        }
        let (patient, changes) = (of.patient.id, std::mem::take(&mut of.changes));
        if self.judges() {
            self.give_determined(of, give)?;
        }
        if self.has(ResourceType::Provenance) {
            each(out::event::provenances(patient, &changes).into_iter(), give)?;
        }
        Ok(())
    }

    fn give_observations(&self, of: &Compartment, give: Give<'_>) -> Result<()> {
        each(of.scores.iter().map(out::observation::of_score), give)?;
        let mut of_block: HashMap<Uuid, Vec<Stored<ScoreRow>>> = HashMap::new();
        for score in &of.scores {
            of_block
                .entry(score.parent)
                .or_default()
                .push(score.clone());
        }
        for block in &of.blocks {
            let scores = of_block.remove(&block.id).unwrap_or_default();
            let reliefs = reliefs(self.today, block, &scores, &self.thresholds);
            each(reliefs.into_iter(), give)?;
        }
        let disability = of.episodes.iter().flat_map(out::observation::of_disability);
        each(disability, give)?;
        each(
            of.follow_ups.iter().map(out::observation::of_follow_up),
            give,
        )
    }

    /// Judged once for all that follows from it.
    fn give_determined(&self, of: Compartment, give: Give<'_>) -> Result<()> {
        let judged = of.judged(self.profiles.clone(), self.today);
        for one in decided(&judged) {
            if self.has(ResourceType::GuidanceResponse) {
                give(one.guidance())?;
            }
            if self.has(ResourceType::Task) {
                each(one.task().into_iter(), give)?;
            }
            if self.has(ResourceType::ServiceRequest) {
                each(one.request().into_iter(), give)?;
            }
        }
        Ok(())
    }
}

fn each(resources: impl Iterator<Item = Resource>, give: Give<'_>) -> Result<()> {
    for resource in resources {
        give(resource)?;
    }
    Ok(())
}

/// The kinds of records that resources of a type are made of, the patient apart.
const fn made_of(kind: ResourceType) -> &'static [Part] {
    match kind {
        ResourceType::Condition => &[Part::Episodes],
        ResourceType::Procedure => &[Part::Blocks, Part::Ablations],
        ResourceType::MedicationAdministration => &[Part::Blocks],
        ResourceType::Observation => &[Part::Episodes, Part::Scores, Part::FollowUps],
        ResourceType::GuidanceResponse | ResourceType::Task | ResourceType::ServiceRequest => {
            &[Part::Determinations]
        }
        ResourceType::AdverseEvent => &[Part::Events],
        ResourceType::Provenance => &[Part::Changes],
        ResourceType::Patient
        | ResourceType::AuditEvent
        | ResourceType::PlanDefinition
        | ResourceType::Group
        | ResourceType::CodeSystem
        | ResourceType::StructureDefinition => &[],
    }
}

/// Whether a resource follows from several records, so that it may be another one although it was not decided anew.
pub(super) fn is_derived(resource: &Resource) -> bool {
    match resource.kind {
        ResourceType::GuidanceResponse | ResourceType::Task | ResourceType::ServiceRequest => true,
        ResourceType::Observation => resource.id.contains(".relief."),
        _ => false,
    }
}
