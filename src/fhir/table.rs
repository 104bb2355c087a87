//! What is served of each type: the endpoints and the CapabilityStatement are both made from this table.

use super::resource::{Interaction, ResourceType};
use super::terms;

/// What is served of one type.
#[derive(Debug, Clone, Copy)]
pub struct Served {
    /// The type.
    pub kind: ResourceType,
    /// The profiles that its resources claim.
    pub profiles: &'static [&'static str],
    /// What can be done with it.
    pub interactions: &'static [Interaction],
}

/// A record of ours that keeps its earlier versions.
const RECORDED: &[Interaction] = &[
    Interaction::Read,
    Interaction::Vread,
    Interaction::HistoryInstance,
    Interaction::SearchType,
];

/// What follows from records, and is as they are now.
const DERIVED: &[Interaction] = &[Interaction::Read, Interaction::SearchType];

const fn served(
    kind: ResourceType,
    profiles: &'static [&'static str],
    interactions: &'static [Interaction],
) -> Served {
    Served {
        kind,
        profiles,
        interactions,
    }
}

/// What is served.
pub const TABLE: &[Served] = &[
    served(ResourceType::Patient, &[terms::US_CORE_PATIENT], RECORDED),
    served(
        ResourceType::Condition,
        &[terms::US_CORE_CONDITION],
        RECORDED,
    ),
    served(
        ResourceType::Procedure,
        &[terms::US_CORE_PROCEDURE],
        RECORDED,
    ),
    served(
        ResourceType::Observation,
        &[terms::US_CORE_SURVEY],
        RECORDED,
    ),
    served(ResourceType::MedicationAdministration, &[], RECORDED),
    served(ResourceType::GuidanceResponse, &[], DERIVED),
    served(ResourceType::Task, &[], DERIVED),
    served(ResourceType::ServiceRequest, &[], DERIVED),
    served(ResourceType::AdverseEvent, &[], DERIVED),
    served(ResourceType::AuditEvent, &[], DERIVED),
    served(
        ResourceType::Provenance,
        &[terms::US_CORE_PROVENANCE],
        DERIVED,
    ),
    served(ResourceType::PlanDefinition, &[], DERIVED),
    served(ResourceType::Group, &[], DERIVED),
    served(ResourceType::CodeSystem, &[], DERIVED),
    served(ResourceType::StructureDefinition, &[], DERIVED),
];
