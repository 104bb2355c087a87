//! How much of each resource is shown: `_summary` and `_elements`.

use crate::fhir::resource::{Resource, ResourceType};
use serde_json::{Map, Value, json};

/// What `_summary` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Summary {
    /// Everything.
    False,
    /// What tells one resource from another at a glance: the elements that the standard marks.
    True,
    /// The narrative with what must be there.
    Text,
    /// All but the narrative.
    Data,
    /// How many there are.
    Count,
}

impl Summary {
    /// Reads its word.
    pub(super) fn read(text: &str) -> Option<Summary> {
        Some(match text {
            "true" => Summary::True,
            "false" => Summary::False,
            "text" => Summary::Text,
            "data" => Summary::Data,
            "count" => Summary::Count,
            _ => return None,
        })
    }
}

/// What of each resource is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::fhir) struct Shape {
    /// As `_summary` has it.
    pub(super) summary: Summary,
    /// As `_elements` has it; nothing for all of them.
    pub(super) elements: Vec<String>,
}

impl Shape {
    /// Everything of each resource.
    pub(super) const WHOLE: Shape = Shape {
        summary: Summary::False,
        elements: Vec::new(),
    };

    /// Some elements of each resource; all of them where none is named.
    pub(in crate::fhir) fn of_elements(elements: Vec<String>) -> Shape {
        Shape {
            elements,
            ..Shape::WHOLE
        }
    }

    /// A resource as it is shown. One that is not all there says so with a tag.
    pub(in crate::fhir) fn shown(&self, resource: &Resource) -> Value {
        let kind = resource.kind;
        let shown = |name: &str| -> bool {
            let plain = name.strip_prefix('_').unwrap_or(name);
            if matches!(plain, "resourceType" | "id" | "meta") {
                return true;
            }
            if !self.elements.is_empty() {
                return self.asks_for(kind, plain) || mandatory(kind).contains(&plain);
            }
            match self.summary {
                // Nothing that is given out has a narrative.
                Summary::False | Summary::Data | Summary::Count => true,
                Summary::Text => mandatory(kind).contains(&plain),
                Summary::True => summarized(kind).contains(&plain),
            }
        };
        let whole = resource.body.keys().all(|name| shown(name));
        if whole {
            return Value::Object(resource.body.clone());
        }
        let kept = resource.body.iter().filter(|(name, _)| shown(name));
        let mut body: Map<String, Value> = kept
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        if let Some(meta) = body.get_mut("meta").and_then(Value::as_object_mut) {
            let tag = json!([{
                "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
                "code": "SUBSETTED",
            }]);
            meta.insert("tag".to_owned(), tag);
        }
        Value::Object(body)
    }

    /// `code` and `Observation.code`; of what is within an element all of the element is shown.
    fn asks_for(&self, kind: ResourceType, name: &str) -> bool {
        // What is contained is there for what refers to it.
        let name = if name == "contained" {
            "outputParameters"
        } else {
            name
        };
        self.elements.iter().any(|asked| {
            let own = asked
                .strip_prefix(kind.code())
                .and_then(|rest| rest.strip_prefix('.'));
            let first = own.unwrap_or(asked).split('.').next().unwrap_or_default();
            // `value` stands for whatever type it has.
            first == name || is_choice(first, name)
        })
    }
}

/// Whether an element is a value of several types, asked for without its type.
fn is_choice(asked: &str, name: &str) -> bool {
    const CHOICES: [&str; 7] = [
        "value",
        "effective",
        "performed",
        "onset",
        "medication",
        "module",
        "occurrence",
    ];
    let rest = name.strip_prefix(asked).unwrap_or_default();
    CHOICES.contains(&asked) && rest.starts_with(|first: char| first.is_ascii_uppercase())
}

/// The elements that a resource must have.
const fn mandatory(kind: ResourceType) -> &'static [&'static str] {
    match kind {
        ResourceType::Patient => &[],
        ResourceType::Condition => &["subject"],
        ResourceType::Procedure => &["status", "subject"],
        ResourceType::MedicationAdministration => &[
            "status",
            "medicationCodeableConcept",
            "subject",
            "effectiveDateTime",
        ],
        ResourceType::Observation => &["status", "code"],
        ResourceType::GuidanceResponse => &["moduleCanonical", "status"],
        ResourceType::Task => &["status", "intent"],
        ResourceType::ServiceRequest => &["status", "intent", "subject"],
        ResourceType::AdverseEvent => &["actuality", "subject"],
        ResourceType::AuditEvent => &["type", "recorded", "agent", "source"],
        ResourceType::Provenance => &["target", "recorded", "agent"],
        ResourceType::PlanDefinition => &["status"],
        ResourceType::Group => &["type", "actual"],
        ResourceType::CodeSystem => &["status", "content"],
        ResourceType::StructureDefinition => &["url", "name", "status", "kind", "abstract", "type"],
    }
}

/// The elements that the standard marks for a summary, of those that are given out.
const fn summarized(kind: ResourceType) -> &'static [&'static str] {
    match kind {
        ResourceType::Patient => &["identifier", "active", "name", "gender", "birthDate"],
        ResourceType::Condition => &[
            "clinicalStatus",
            "verificationStatus",
            "code",
            "subject",
            "onsetDateTime",
            "recordedDate",
        ],
        ResourceType::Procedure => &[
            "status",
            "category",
            "code",
            "subject",
            "performedDateTime",
            "performedPeriod",
            "performer",
            "location",
            "reasonReference",
            "bodySite",
        ],
        ResourceType::MedicationAdministration => &[
            "partOf",
            "status",
            "medicationCodeableConcept",
            "subject",
            "effectiveDateTime",
        ],
        ResourceType::Observation => &[
            "partOf",
            "status",
            "code",
            "subject",
            "focus",
            "effectiveDateTime",
            "issued",
            "valueQuantity",
            "derivedFrom",
            "component",
        ],
        ResourceType::GuidanceResponse => &["moduleCanonical", "status"],
        ResourceType::Task => &[
            "basedOn",
            "status",
            "intent",
            "code",
            "description",
            "focus",
            "for",
            "lastModified",
        ],
        ResourceType::ServiceRequest => &[
            "status",
            "intent",
            "code",
            "subject",
            "authoredOn",
            "reasonReference",
            "bodySite",
        ],
        ResourceType::AdverseEvent => &[
            "actuality",
            "event",
            "subject",
            "date",
            "recordedDate",
            "seriousness",
            "outcome",
            "suspectEntity",
        ],
        ResourceType::AuditEvent => &[
            "type", "subtype", "action", "recorded", "outcome", "agent", "source", "entity",
        ],
        ResourceType::Provenance => &["target", "recorded", "agent"],
        ResourceType::PlanDefinition => &[
            "url",
            "version",
            "name",
            "title",
            "type",
            "status",
            "publisher",
            "description",
            "effectivePeriod",
        ],
        ResourceType::Group => &["active", "type", "actual", "code", "name", "quantity"],
        ResourceType::CodeSystem => &[
            "url",
            "version",
            "name",
            "title",
            "status",
            "experimental",
            "date",
            "publisher",
            "caseSensitive",
            "content",
            "count",
        ],
        ResourceType::StructureDefinition => &[
            "url",
            "version",
            "name",
            "title",
            "status",
            "experimental",
            "date",
            "publisher",
            "fhirVersion",
            "kind",
            "abstract",
            "type",
            "baseDefinition",
            "derivation",
        ],
    }
}
