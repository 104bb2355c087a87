//! Resources with some of their elements only.

use crate::fhir::resource::{Resource, ResourceType};
use serde_json::{Value, json};

/// What every resource keeps.
const ALWAYS: [&str; 3] = ["resourceType", "id", "meta"];

/// Elements whose name in JSON ends with the type of their value.
const CHOICES: [&str; 8] = [
    "effective",
    "medication",
    "module",
    "occurrence",
    "onset",
    "performed",
    "reason",
    "value",
];

/// The elements without which a resource of a type is none (FHIR R4, least cardinality 1).
const fn mandatory(kind: ResourceType) -> &'static [&'static str] {
    match kind {
        ResourceType::Patient => &[],
        ResourceType::Condition => &["subject"],
        ResourceType::Procedure => &["status", "subject"],
        ResourceType::MedicationAdministration => &["status", "medication", "subject", "effective"],
        ResourceType::Observation => &["status", "code"],
        ResourceType::GuidanceResponse => &["module", "status"],
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

/// Whether a text names an element at the root of a resource: `birthDate`, or `Patient.birthDate`.
pub(super) fn is_one(text: &str) -> bool {
    let (kind, element) = parts(text);
    kind.is_none_or(|kind| ResourceType::from_code(kind).is_some())
        && element.starts_with(|first: char| first.is_ascii_lowercase())
        && element.chars().all(|one| one.is_ascii_alphanumeric())
}

fn parts(text: &str) -> (Option<&str>, &str) {
    match text.split_once('.') {
        Some((kind, element)) => (Some(kind), element),
        None => (None, text),
    }
}

/// Takes from a resource what is neither asked for nor demanded, and marks it as a part. Nothing where nothing is asked for.
pub(super) fn only(resource: &mut Resource, wanted: &[String]) {
    if wanted.is_empty() {
        return;
    }
    let code = resource.kind.code();
    let named: Vec<&str> = wanted
        .iter()
        .map(|text| parts(text))
        .filter(|(kind, _)| kind.is_none_or(|kind| kind == code))
        .map(|(_, element)| element)
        .chain(mandatory(resource.kind).iter().copied())
        .collect();
    let keeps = |name: &str| {
        let name = name.strip_prefix('_').unwrap_or(name);
        named.iter().any(|one| is_named(one, name))
            // What is contained is there for what refers to it.
            || (name == "contained" && named.contains(&"outputParameters"))
    };
    resource
        .body
        .retain(|name, _| ALWAYS.contains(&name.as_str()) || keeps(name));
    if let Some(Value::Object(meta)) = resource.body.get_mut("meta") {
        let tag = json!([{
            "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
            "code": "SUBSETTED",
        }]);
        meta.insert("tag".to_owned(), tag);
    }
}

/// Whether an element is the one that is named; a choice is named without the type of its value, or with it.
fn is_named(named: &str, element: &str) -> bool {
    if named == element {
        return true;
    }
    CHOICES.contains(&named)
        && element
            .strip_prefix(named)
            .is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_uppercase()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    fn observation() -> Resource {
        let body = json!({
            "resourceType": "Observation", "id": "1", "meta": {"versionId": "1"}, "status": "final",
            "category": [], "code": {}, "subject": {}, "effectiveDateTime": "2026", "_issued": {}, "valueQuantity": {},
        });
        Resource {
            kind: ResourceType::Observation,
            id: "1".to_owned(),
            version: 1,
            updated: DateTime::UNIX_EPOCH,
            patient: None,
            body: body.as_object().unwrap().clone(),
        }
    }

    fn kept(wanted: &[&str]) -> Vec<String> {
        let mut resource = observation();
        let wanted: Vec<String> = wanted.iter().map(|one| (*one).to_owned()).collect();
        only(&mut resource, &wanted);
        let tagged = resource.body["meta"]["tag"][0]["code"] == "SUBSETTED";
        assert_eq!(tagged, !wanted.is_empty());
        let elements = resource.body.keys().skip(3).cloned();
        elements.collect()
    }

    #[test]
    fn what_is_demanded_stays_and_the_rest_only_where_it_is_named() {
        assert_eq!(kept(&["id"]), ["status", "code"]);
        assert_eq!(
            kept(&["Observation.value", "issued", "Patient.subject"]),
            ["status", "code", "_issued", "valueQuantity"]
        );
        assert_eq!(
            kept(&["effectiveDateTime"]),
            ["status", "code", "effectiveDateTime"]
        );
        assert_eq!(kept(&[]).len(), 7);
    }

    #[test]
    fn only_elements_at_the_root_are_named() {
        for good in ["id", "Patient.birthDate"] {
            assert!(is_one(good), "{good}");
        }
        for bad in [
            "",
            "Patient",
            "Patient.name.family",
            "Encounter.id",
            "a b",
            "Patient.",
        ] {
            assert!(!is_one(bad), "{bad}");
        }
    }
}
