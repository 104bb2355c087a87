//! Patients.

use super::Elements;
use crate::app::Stored;
use crate::domain::patient::Patient;
use crate::fhir::resource::{Head, Resource, ResourceType};
use crate::fhir::terms;
use serde_json::{Value, json};

/// A patient. What US Core demands and nobody recorded is said to be unknown.
#[must_use]
pub fn resource(stored: &Stored<Patient>) -> Resource {
    let patient = &stored.value;
    let mut elements = Elements::default();
    let identifiers = patient
        .identifiers
        .iter()
        .map(|one| json!({"system": one.system, "value": one.value}));
    elements.list("identifier", identifiers.collect());
    // Records of patients are not put out of use.
    elements.put("active", true);
    elements.list("name", vec![name(patient)]);
    match patient.sex {
        Some(sex) => elements.put("gender", sex.code()),
        None => elements.put("_gender", terms::absent()),
    }
    elements.maybe("birthDate", patient.birth_date.map(terms::date));
    head(stored).with(elements.done())
}

fn head(stored: &Stored<Patient>) -> Head {
    Head {
        kind: ResourceType::Patient,
        id: stored.id.to_string(),
        version: Some(stored.version),
        updated: stored.updated_at,
        patient: Some(stored.id),
        profiles: &[terms::US_CORE_PATIENT],
    }
}

fn name(patient: &Patient) -> Value {
    let mut name = Elements::default();
    if patient.family_name.is_none() && patient.given_name.is_none() {
        return terms::absent();
    }
    name.maybe("family", patient.family_name.clone());
    name.maybe(
        "given",
        patient
            .given_name
            .as_ref()
            .map(|given| given.split_whitespace().collect::<Value>()),
    );
    Value::Object(name.done())
}
