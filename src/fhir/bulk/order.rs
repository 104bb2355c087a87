//! What an export is to hold, as it is written down when it is asked for.

use super::super::resource::{ResourceType, reading};
use crate::app::bulk::BulkExport;
use crate::app::{Error, Principal, Result};
use crate::auth::{Reach, Role, Scopes, allows};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What lies in the compartment of a patient.
pub(super) const COMPARTMENT: [ResourceType; 10] = [
    ResourceType::Patient,
    ResourceType::Condition,
    ResourceType::Procedure,
    ResourceType::MedicationAdministration,
    ResourceType::Observation,
    ResourceType::AdverseEvent,
    ResourceType::GuidanceResponse,
    ResourceType::Task,
    ResourceType::ServiceRequest,
    ResourceType::Provenance,
];

/// What is about no patient in particular.
const BESIDE: [ResourceType; 4] = [
    ResourceType::Group,
    ResourceType::PlanDefinition,
    ResourceType::CodeSystem,
    ResourceType::StructureDefinition,
];

/// Whose records an export holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Level {
    /// Everything.
    System,
    /// What is about patients.
    Patient,
    /// What is about the members of a group.
    Group(String),
}

impl Level {
    /// What it holds where nobody says otherwise. The audit trail is not part of it: every export adds to it.
    pub(super) fn usual(&self) -> Vec<ResourceType> {
        let mut kinds = COMPARTMENT.to_vec();
        if *self == Level::System {
            kinds.extend(BESIDE);
        }
        kinds
    }

    /// Whether it can hold resources of a type.
    pub(super) fn offers(&self, kind: ResourceType) -> bool {
        self.usual().contains(&kind) || (*self == Level::System && kind == ResourceType::AuditEvent)
    }

    /// In the audit trail.
    pub(super) fn noted(&self) -> String {
        match self {
            Level::System => "system".to_owned(),
            Level::Patient => "patient".to_owned(),
            Level::Group(id) => format!("group:{id}"),
        }
    }
}

/// What an export is to hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Order {
    /// Whose records.
    pub level: Level,
    /// Names of the resource types.
    pub types: Vec<String>,
    /// Only what changed after this.
    pub since: Option<DateTime<Utc>>,
    /// Only what changed before this.
    pub until: Option<DateTime<Utc>>,
    /// Only these elements, as `Patient.birthDate` or `id`; all of them where there are none.
    pub elements: Vec<String>,
    /// Only these patients.
    pub patients: Option<Vec<Uuid>>,
    /// Who recorded what is given out, and no other provenance.
    pub associated: bool,
    /// Searches of which a resource of their type has to meet one, as `Observation?status=final`.
    pub searches: Vec<String>,
    /// Where the client reaches FHIR, which references in searches are about.
    pub base: String,
    /// What was asked for and is passed over, in words for whoever asked.
    pub passed_over: Vec<String>,
    /// Whether the status of the export is told apart from that of the request for it.
    pub separate_status: bool,
    /// The role of who asked.
    pub role: String,
    /// The scopes of their token, if it has any.
    pub scopes: Option<String>,
}

impl Order {
    /// The order that was written down for an export.
    ///
    /// # Errors
    /// An internal one when it cannot be read.
    pub(super) fn of(export: &BulkExport) -> Result<Order> {
        serde_json::from_str(&export.wanted).map_err(|error| Error::Internal(error.into()))
    }

    /// As it is written down.
    ///
    /// # Errors
    /// An internal one when it does not serialize.
    pub(super) fn written(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|error| Error::Internal(error.into()))
    }

    /// As the audit trail says it: nothing of it names anybody.
    pub(super) fn noted(&self) -> String {
        let instant = |name: &str, at: Option<DateTime<Utc>>| {
            at.map(|at| format!("{name}={}", super::super::resource::instant(at)))
        };
        let patients = self.patients.as_ref();
        let parts = [
            Some(format!("level={}", self.level.noted())),
            Some(format!("types={}", self.types.join(","))),
            instant("since", self.since),
            instant("until", self.until),
            patients.map(|patients| format!("patients={}", patients.len())),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        parts.join(" ")
    }

    /// The resource types.
    pub(super) fn kinds(&self) -> Vec<ResourceType> {
        let kinds = self.types.iter();
        kinds
            .filter_map(|name| ResourceType::from_code(name))
            .collect()
    }

    /// Who asked, as their token was.
    ///
    /// # Errors
    /// An internal one when their role is not known.
    pub(super) fn principal(&self, export: &BulkExport) -> Result<Principal> {
        Ok(Principal {
            organization: export.organization.clone(),
            subject: export.created_by.clone(),
            role: Role::from_code(&self.role).map_err(|error| Error::Internal(error.into()))?,
            scopes: self.scopes.as_deref().map(Scopes::parse),
        })
    }
}

/// What of a type the principal may take away: nothing where the role may not read it.
pub(super) fn reach(principal: &Principal, kind: ResourceType) -> Reach {
    if allows(principal.role, reading(kind)) {
        principal.export_reach(kind.code())
    } else {
        Reach::Nothing
    }
}
