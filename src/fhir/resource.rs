//! The resource types that are served, and one resource.

use crate::auth::Action;
use crate::http::registry::Method;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// What can be done with a type, by its FHIR code. Each one that the table names has an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Interaction {
    /// The current version.
    Read,
    /// One version.
    Vread,
    /// Every version of one resource.
    HistoryInstance,
    /// Those that meet conditions.
    SearchType,
}

impl Interaction {
    /// As a CapabilityStatement names it.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Interaction::Read => "read",
            Interaction::Vread => "vread",
            Interaction::HistoryInstance => "history-instance",
            Interaction::SearchType => "search-type",
        }
    }

    /// The method of its endpoint.
    #[must_use]
    pub const fn method(self) -> Method {
        match self {
            Interaction::Read
            | Interaction::Vread
            | Interaction::HistoryInstance
            | Interaction::SearchType => Method::Get,
        }
    }
}

macro_rules! types {
    ($($(#[$meta:meta])* $variant:ident = $name:literal, $snake:literal;)+) => {
        /// A type of resource that is served.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ResourceType { $($(#[$meta])* $variant,)+ }

        impl ResourceType {
            /// Every one.
            pub const ALL: &'static [ResourceType] = &[$(ResourceType::$variant,)+];

            /// Its name.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(ResourceType::$variant => $name,)+ }
            }

            /// Reads a name.
            #[must_use]
            pub fn from_code(code: &str) -> Option<ResourceType> {
                ResourceType::ALL.iter().copied().find(|kind| kind.code() == code)
            }

            /// The path of an interaction with it.
            #[must_use]
            pub const fn path(self, interaction: Interaction) -> &'static str {
                match self { $(ResourceType::$variant => match interaction {
                    Interaction::Read => concat!("/fhir/R4/", $name, "/{id}"),
                    Interaction::Vread => concat!("/fhir/R4/", $name, "/{id}/_history/{version}"),
                    Interaction::HistoryInstance => concat!("/fhir/R4/", $name, "/{id}/_history"),
                    Interaction::SearchType => concat!("/fhir/R4/", $name),
                },)+ }
            }

            /// The name of the operation that an interaction with it is.
            #[must_use]
            pub const fn operation_id(self, interaction: Interaction) -> &'static str {
                match self { $(ResourceType::$variant => match interaction {
                    Interaction::Read => concat!("fhir_read_", $snake),
                    Interaction::Vread => concat!("fhir_vread_", $snake),
                    Interaction::HistoryInstance => concat!("fhir_history_", $snake),
                    Interaction::SearchType => concat!("fhir_search_", $snake),
                },)+ }
            }

            /// The path of a search by POST, and the name of that operation.
            #[must_use]
            pub const fn posted_search(self) -> (&'static str, &'static str) {
                match self { $(ResourceType::$variant => (
                    concat!("/fhir/R4/", $name, "/_search"),
                    concat!("fhir_search_", $snake, "_by_post"),
                ),)+ }
            }
        }
    };
}

types! {
    /// A patient.
    Patient = "Patient", "patient";
    /// An episode.
    Condition = "Condition", "condition";
    /// A block or an ablation.
    Procedure = "Procedure", "procedure";
    /// The anesthetic of a block.
    MedicationAdministration = "MedicationAdministration", "medication_administration";
    /// A pain score, a relief, a disability score, or a follow-up.
    Observation = "Observation", "observation";
    /// A determination.
    GuidanceResponse = "GuidanceResponse", "guidance_response";
    /// The next step of a determination.
    Task = "Task", "task";
    /// The ablation that a determination makes a candidate for.
    ServiceRequest = "ServiceRequest", "service_request";
    /// An adverse event.
    AdverseEvent = "AdverseEvent", "adverse_event";
    /// An entry of the audit trail.
    AuditEvent = "AuditEvent", "audit_event";
    /// Who recorded the present version of a record.
    Provenance = "Provenance", "provenance";
    /// A profile.
    PlanDefinition = "PlanDefinition", "plan_definition";
    /// Patients who have a next step in common.
    Group = "Group", "group";
    /// A code system of ours.
    CodeSystem = "CodeSystem", "code_system";
    /// An extension of ours.
    StructureDefinition = "StructureDefinition", "structure_definition";
}

/// What a token must allow for an interaction with a type; the use case below asks again, for its own record.
#[must_use]
pub const fn action(kind: ResourceType, interaction: Interaction) -> Action {
    match interaction {
        Interaction::Read
        | Interaction::Vread
        | Interaction::HistoryInstance
        | Interaction::SearchType => reading(kind),
    }
}

/// What a token must allow to read resources of a type.
#[must_use]
pub const fn reading(kind: ResourceType) -> Action {
    match kind {
        ResourceType::Patient | ResourceType::Provenance => Action::ReadPatient,
        ResourceType::Condition => Action::ReadEpisode,
        ResourceType::Procedure | ResourceType::MedicationAdministration => Action::ReadBlock,
        ResourceType::Observation => Action::ReadScore,
        ResourceType::GuidanceResponse | ResourceType::Task | ResourceType::ServiceRequest => {
            Action::ReadDetermination
        }
        ResourceType::AdverseEvent => Action::ReadAdverseEvent,
        ResourceType::AuditEvent => Action::ReadAudit,
        ResourceType::Group => Action::ReadGroup,
        ResourceType::PlanDefinition
        | ResourceType::CodeSystem
        | ResourceType::StructureDefinition => Action::ReadProfile,
    }
}

/// One resource.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    /// Its type.
    pub kind: ResourceType,
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: i32,
    /// When it last changed.
    pub updated: DateTime<Utc>,
    /// The patient in whose compartment it is.
    pub patient: Option<Uuid>,
    /// The whole of it, `resourceType`, `id` and `meta` first.
    pub body: Map<String, Value>,
}

/// What a resource is beside its own elements.
#[derive(Debug, Clone)]
pub(super) struct Head {
    pub kind: ResourceType,
    pub id: String,
    /// The version of the record; none for what follows from several records.
    pub version: Option<i32>,
    pub updated: DateTime<Utc>,
    pub patient: Option<Uuid>,
    /// The profiles that it claims.
    pub profiles: &'static [&'static str],
}

impl Head {
    /// The resource with `elements`. Without a version it gets one that is another whenever the elements are.
    pub(super) fn with(self, elements: Map<String, Value>) -> Resource {
        let version = self.version.unwrap_or_else(|| fingerprint(&elements));
        let mut meta = json!({
            "versionId": version.to_string(),
            "lastUpdated": instant(self.updated),
        });
        if let (Some(meta), false) = (meta.as_object_mut(), self.profiles.is_empty()) {
            meta.insert("profile".to_owned(), json!(self.profiles));
        }
        let mut body = Map::new();
        body.insert("resourceType".to_owned(), json!(self.kind.code()));
        body.insert("id".to_owned(), json!(self.id));
        body.insert("meta".to_owned(), meta);
        body.extend(elements);
        Resource {
            kind: self.kind,
            id: self.id,
            version,
            updated: self.updated,
            patient: self.patient,
            body,
        }
    }
}

/// A positive number that is another one whenever the elements are.
fn fingerprint(elements: &Map<String, Value>) -> i32 {
    // A tree of maps, texts and numbers always serializes.
    let text = serde_json::to_vec(elements).unwrap_or_default();
    let digest = Sha256::digest(&text);
    let first = digest.iter().take(4).fold(0_u32, |number, byte| {
        number.wrapping_shl(8) | u32::from(*byte)
    });
    i32::try_from(first >> 1).unwrap_or(i32::MAX).max(1)
}

/// An instant as FHIR writes it, in UTC.
#[must_use]
pub fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

impl Resource {
    /// `Type/id`.
    #[must_use]
    pub fn reference(&self) -> String {
        format!("{}/{}", self.kind.code(), self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_from_records_has_another_version_when_it_is_another() {
        let elements = |text: &str| {
            let mut elements = Map::new();
            elements.insert("a".to_owned(), json!(text));
            elements
        };
        assert_eq!(fingerprint(&elements("x")), fingerprint(&elements("x")));
        assert_ne!(fingerprint(&elements("x")), fingerprint(&elements("y")));
        assert!(fingerprint(&elements("x")) > 0);
    }

    #[test]
    fn names_read_back() {
        for kind in ResourceType::ALL {
            assert_eq!(ResourceType::from_code(kind.code()), Some(*kind));
        }
        assert_eq!(ResourceType::from_code("Nonsense"), None);
    }
}
