//! What each type can be searched by, and where in a resource that stands. The CapabilityStatement is made from this table.

use crate::fhir::resource::ResourceType;
use crate::fhir::terms;

/// How the values of a parameter are written and compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchType {
    /// A code, perhaps with its system; an identifier.
    Token,
    /// A resource.
    Reference,
    /// A day or an instant, at any precision.
    Date,
    /// Words.
    Text,
    /// A number with a unit.
    Quantity,
    /// An address, compared as a whole.
    Uri,
}

impl SearchType {
    /// As a CapabilityStatement names it.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            SearchType::Token => "token",
            SearchType::Reference => "reference",
            SearchType::Date => "date",
            SearchType::Text => "string",
            SearchType::Quantity => "quantity",
            SearchType::Uri => "uri",
        }
    }
}

/// A search parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SearchParameter {
    /// Its name.
    pub name: &'static str,
    /// How its values are written.
    pub kind: SearchType,
    /// Where what it is about stands: names of elements with points between them, each one of a list. [`PATIENT`] is the
    /// patient in whose compartment a resource is.
    pub places: &'static [&'static str],
    /// The system of a code that stands without one.
    pub system: Option<&'static str>,
    /// The types that a reference can name.
    pub targets: &'static [ResourceType],
}

/// The place that stands for the patient in whose compartment a resource is.
pub(super) const PATIENT: &str = "@patient";

const fn plain(
    name: &'static str,
    kind: SearchType,
    places: &'static [&'static str],
) -> SearchParameter {
    SearchParameter {
        name,
        kind,
        places,
        system: None,
        targets: &[],
    }
}

const fn token(name: &'static str, places: &'static [&'static str]) -> SearchParameter {
    plain(name, SearchType::Token, places)
}

/// A code that stands without its system.
const fn code(
    name: &'static str,
    places: &'static [&'static str],
    system: &'static str,
) -> SearchParameter {
    SearchParameter {
        system: Some(system),
        ..token(name, places)
    }
}

const fn date(name: &'static str, places: &'static [&'static str]) -> SearchParameter {
    plain(name, SearchType::Date, places)
}

const fn words(name: &'static str, places: &'static [&'static str]) -> SearchParameter {
    plain(name, SearchType::Text, places)
}

const fn uri(name: &'static str, places: &'static [&'static str]) -> SearchParameter {
    plain(name, SearchType::Uri, places)
}

const fn reference(
    name: &'static str,
    places: &'static [&'static str],
    targets: &'static [ResourceType],
) -> SearchParameter {
    SearchParameter {
        targets,
        ..plain(name, SearchType::Reference, places)
    }
}

const OF_PATIENT: SearchParameter = reference("patient", &[PATIENT], &[ResourceType::Patient]);
const SUBJECT: SearchParameter = reference("subject", &[PATIENT], &[ResourceType::Patient]);

/// What every type can be searched by.
pub const COMMON: &[SearchParameter] = &[
    token("_id", &["id"]),
    date("_lastUpdated", &["meta.lastUpdated"]),
];

const PATIENTS: &[SearchParameter] = &[
    token("identifier", &["identifier"]),
    words("name", &["name"]),
    words("family", &["name.family"]),
    words("given", &["name.given"]),
    date("birthdate", &["birthDate"]),
    code("gender", &["gender"], terms::GENDER),
    token("active", &["active"]),
];

const CONDITIONS: &[SearchParameter] = &[
    OF_PATIENT,
    SUBJECT,
    token("category", &["category"]),
    token("clinical-status", &["clinicalStatus"]),
    token("verification-status", &["verificationStatus"]),
    token("code", &["code"]),
    date("onset-date", &["onsetDateTime"]),
    date("recorded-date", &["recordedDate"]),
];

const PROCEDURES: &[SearchParameter] = &[
    OF_PATIENT,
    SUBJECT,
    code("status", &["status"], terms::EVENT_STATUS),
    date("date", &["performedDateTime", "performedPeriod"]),
    token("code", &["code"]),
    token("category", &["category"]),
    token("body-site", &["bodySite"]),
    reference(
        "reason-reference",
        &["reasonReference"],
        &[ResourceType::Condition],
    ),
];

const OBSERVATIONS: &[SearchParameter] = &[
    OF_PATIENT,
    SUBJECT,
    token("category", &["category"]),
    token("code", &["code"]),
    date("date", &["effectiveDateTime"]),
    code("status", &["status"], terms::OBSERVATION_STATUS),
    reference("part-of", &["partOf"], &[ResourceType::Procedure]),
    reference("focus", &["focus"], &[ResourceType::Condition]),
    reference(
        "derived-from",
        &["derivedFrom"],
        &[ResourceType::Observation],
    ),
    plain("value-quantity", SearchType::Quantity, &["valueQuantity"]),
    token("component-code", &["component.code"]),
    token("body-site", &["bodySite"]),
];

const ADMINISTRATIONS: &[SearchParameter] = &[
    OF_PATIENT,
    SUBJECT,
    code("status", &["status"], terms::MEDICATION_STATUS),
    date("effective-time", &["effectiveDateTime"]),
    token("code", &["medicationCodeableConcept"]),
    reference("part-of", &["partOf"], &[ResourceType::Procedure]),
];

const GUIDANCE: &[SearchParameter] = &[
    OF_PATIENT,
    SUBJECT,
    code("status", &["status"], terms::GUIDANCE_STATUS),
    uri("module", &["moduleCanonical"]),
    date("date", &["occurrenceDateTime"]),
    token("reason-code", &["reasonCode"]),
    reference(
        "reason-reference",
        &["reasonReference"],
        &[ResourceType::Condition, ResourceType::Observation],
    ),
];

const TASKS: &[SearchParameter] = &[
    OF_PATIENT,
    SUBJECT,
    code("status", &["status"], terms::TASK_STATUS),
    code("intent", &["intent"], terms::REQUEST_INTENT),
    token("code", &["code"]),
    date("authored-on", &["authoredOn"]),
    date("modified", &["lastModified"]),
    date("period", &["restriction.period"]),
    reference("focus", &["focus"], &[ResourceType::GuidanceResponse]),
    reference("based-on", &["basedOn"], &[ResourceType::ServiceRequest]),
];

const REQUESTS: &[SearchParameter] = &[
    OF_PATIENT,
    SUBJECT,
    code("status", &["status"], terms::REQUEST_STATUS),
    code("intent", &["intent"], terms::REQUEST_INTENT),
    token("code", &["code"]),
    date("authored", &["authoredOn"]),
    token("body-site", &["bodySite"]),
];

const EVENTS: &[SearchParameter] = &[
    OF_PATIENT,
    SUBJECT,
    token("event", &["event"]),
    token("seriousness", &["seriousness"]),
    code("actuality", &["actuality"], terms::ACTUALITY),
    date("date", &["date"]),
    reference(
        "substance",
        &["suspectEntity.instance"],
        &[ResourceType::Procedure],
    ),
];

const TRAIL: &[SearchParameter] = &[
    OF_PATIENT,
    date("date", &["recorded"]),
    code("action", &["action"], terms::AUDIT_ACTION),
    token("type", &["type"]),
    token("subtype", &["subtype"]),
    code("outcome", &["outcome"], terms::AUDIT_OUTCOME),
    reference("agent", &["agent.who"], &[]),
    token("agent-role", &["agent.role"]),
    reference(
        "entity",
        &["entity.what"],
        &[
            ResourceType::Patient,
            ResourceType::Condition,
            ResourceType::Procedure,
            ResourceType::Observation,
            ResourceType::AdverseEvent,
        ],
    ),
];

const PROVENANCES: &[SearchParameter] = &[
    OF_PATIENT,
    // What follows from records has no provenance of its own, and may be asked with it all the same.
    reference(
        "target",
        &["target"],
        &[
            ResourceType::Patient,
            ResourceType::Condition,
            ResourceType::Procedure,
            ResourceType::Observation,
            ResourceType::AdverseEvent,
            ResourceType::MedicationAdministration,
            ResourceType::GuidanceResponse,
            ResourceType::Task,
            ResourceType::ServiceRequest,
        ],
    ),
    date("recorded", &["recorded"]),
    reference("agent", &["agent.who"], &[]),
    token("agent-role", &["agent.role"]),
];

const PLANS: &[SearchParameter] = &[
    uri("url", &["url"]),
    token("version", &["version"]),
    words("name", &["name"]),
    words("title", &["title"]),
    code("status", &["status"], terms::PUBLICATION_STATUS),
    token("type", &["type"]),
    date("effective", &["effectivePeriod"]),
];

const GROUPS: &[SearchParameter] = &[
    token("actual", &["actual"]),
    code("type", &["type"], terms::GROUP_TYPE),
    token("code", &["code"]),
    words("name", &["name"]),
    reference("member", &["member.entity"], &[ResourceType::Patient]),
];

const CODE_SYSTEMS: &[SearchParameter] = &[
    uri("url", &["url"]),
    token("version", &["version"]),
    words("name", &["name"]),
    words("title", &["title"]),
    code("status", &["status"], terms::PUBLICATION_STATUS),
    date("date", &["date"]),
    token("code", &["concept.code"]),
];

const STRUCTURES: &[SearchParameter] = &[
    uri("url", &["url"]),
    token("version", &["version"]),
    words("name", &["name"]),
    words("title", &["title"]),
    code("status", &["status"], terms::PUBLICATION_STATUS),
    date("date", &["date"]),
    uri("type", &["type"]),
];

/// What a type can be searched by beside [`COMMON`].
#[must_use]
pub const fn of(kind: ResourceType) -> &'static [SearchParameter] {
    match kind {
        ResourceType::Patient => PATIENTS,
        ResourceType::Condition => CONDITIONS,
        ResourceType::Procedure => PROCEDURES,
        ResourceType::MedicationAdministration => ADMINISTRATIONS,
        ResourceType::Observation => OBSERVATIONS,
        ResourceType::GuidanceResponse => GUIDANCE,
        ResourceType::Task => TASKS,
        ResourceType::ServiceRequest => REQUESTS,
        ResourceType::AdverseEvent => EVENTS,
        ResourceType::AuditEvent => TRAIL,
        ResourceType::Provenance => PROVENANCES,
        ResourceType::PlanDefinition => PLANS,
        ResourceType::Group => GROUPS,
        ResourceType::CodeSystem => CODE_SYSTEMS,
        ResourceType::StructureDefinition => STRUCTURES,
    }
}

/// Everything that a type can be searched by.
pub fn all(kind: ResourceType) -> impl Iterator<Item = &'static SearchParameter> {
    COMMON.iter().chain(of(kind))
}

/// A parameter by its name.
#[must_use]
pub fn named(kind: ResourceType, name: &str) -> Option<&'static SearchParameter> {
    all(kind).find(|one| one.name == name)
}
