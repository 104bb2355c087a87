//! Pain scores, as observations.

use super::Elements;
use super::procedure::scale_code;
use crate::app::Stored;
use crate::domain::pain::ScoreRow;
use crate::fhir::resource::{Head, Resource, ResourceType, instant};
use crate::fhir::terms;
use serde_json::{Value, json};

/// A pain score.
#[must_use]
pub fn of_score(stored: &Stored<ScoreRow>) -> Resource {
    let row = &stored.value;
    let mut elements = Elements::default();
    elements.list("extension", score_extensions(stored));
    elements.put(
        "partOf",
        json!([terms::reference("Procedure", stored.parent)]),
    );
    let status = if stored.withdrawn.is_some() {
        "entered-in-error"
    } else {
        "final"
    };
    elements.put("status", status);
    elements.put("category", category("survey"));
    let (code, words) = scale_code(row.score.scale());
    elements.put("code", terms::concept(terms::LOINC, code, words));
    elements.put("subject", terms::reference("Patient", stored.patient));
    elements.put("effectiveDateTime", terms::local_instant(row.taken_at));
    elements.put("issued", instant(stored.recorded_at));
    elements.put(
        "valueQuantity",
        terms::score_quantity(i32::from(row.score.tenths())),
    );
    elements.maybe(
        "bodySite",
        row.side
            .map(|side| terms::concept(terms::SIDE, side.code(), side.label())),
    );
    elements.list("component", score_components(row));
    head(stored).with(elements.done())
}

/// What is kept beside its elements of a record that is an observation.
pub(super) fn head<T>(stored: &Stored<T>) -> Head {
    Head {
        kind: ResourceType::Observation,
        id: stored.id.to_string(),
        version: Some(stored.version),
        updated: stored.updated_at,
        patient: Some(stored.patient),
        profiles: &[terms::US_CORE_SURVEY],
    }
}

/// The category of an observation.
pub(super) fn category(code: &str) -> Value {
    json!([terms::plain_concept(terms::OBSERVATION_CATEGORY, code)])
}

/// A component with a code of ours.
pub(super) fn component(code: &str, words: &str, name: &str, value: impl Into<Value>) -> Value {
    let mut component = Elements::default();
    component.put("code", terms::concept(terms::OBSERVATION, code, words));
    component.put(name, value);
    Value::Object(component.done())
}

/// Relief as the patient states it.
pub(super) fn stated_relief(tenths: i16) -> Value {
    let percent = terms::percent_quantity(i32::from(tenths));
    component("stated-relief", "Stated relief", "valueQuantity", percent)
}

fn score_components(row: &ScoreRow) -> Vec<Value> {
    let stated = row
        .stated_relief
        .map(|percent| stated_relief(percent.tenths()));
    let analgesic = component(
        "analgesic-taken",
        "Analgesic taken after the score",
        "valueBoolean",
        row.analgesic_taken,
    );
    stated.into_iter().chain([analgesic]).collect()
}

fn score_extensions(stored: &Stored<ScoreRow>) -> Vec<Value> {
    let row = &stored.value;
    let mut extensions = vec![terms::coding_extension(
        terms::EXT_CONTEXT,
        terms::CONTEXT,
        row.context.code(),
        row.context.label(),
    )];
    extensions.extend(row.reported_by.map(|one| {
        terms::coding_extension(
            terms::EXT_REPORTED_BY,
            terms::REPORTED_BY,
            one.code(),
            one.label(),
        )
    }));
    extensions.extend(
        row.answered_at
            .map(|at| terms::extension(terms::EXT_ANSWERED_AT, "valueDateTime", instant(at))),
    );
    extensions.extend(stored.withdrawn.as_ref().map(|withdrawal| {
        terms::extension(
            terms::EXT_WITHDRAWN,
            "valueString",
            withdrawal.reason.clone(),
        )
    }));
    extensions
}
