//! What is observed: pain scores, disability scores, and follow-ups of ablations.

use super::Elements;
use super::procedure::scale_code;
use crate::app::Stored;
use crate::domain::ablation::FollowUp;
use crate::domain::episode::{DisabilityScore, Episode, Instrument};
use crate::domain::pain::ScoreRow;
use crate::fhir::ids::ObservationId;
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
    elements.put("code", terms::loinc(code, words));
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

/// The code of an instrument: LOINC's where it has one, else ours.
#[must_use]
pub fn instrument_code(instrument: Instrument) -> (&'static str, &'static str) {
    match instrument {
        Instrument::Odi => (terms::LOINC, "97908-8"),
        Instrument::Ndi => (terms::LOINC, "82237-9"),
        Instrument::Rmdq => (terms::OBSERVATION, "rmdq"),
        Instrument::Pdi => (terms::OBSERVATION, "pdi"),
        Instrument::PromisPf => (terms::LOINC, "76804-4"),
        Instrument::PromisPi => (terms::LOINC, "77865-4"),
    }
}

/// The disability scores of an episode.
pub fn of_disability(stored: &Stored<Episode>) -> impl Iterator<Item = Resource> {
    let scores = stored.value.disability.iter().enumerate();
    scores.map(|(place, score)| disability(stored, place, score))
}

fn disability(stored: &Stored<Episode>, place: usize, score: &DisabilityScore) -> Resource {
    let mut elements = Elements::default();
    elements.put("status", "final");
    elements.put("category", category("survey"));
    let (system, code) = instrument_code(score.instrument);
    elements.put(
        "code",
        json!({
            "coding": [{"system": system, "code": code}],
            "text": score.instrument.label(),
        }),
    );
    elements.put("subject", terms::reference("Patient", stored.patient));
    elements.put("focus", json!([terms::reference("Condition", stored.id)]));
    elements.put("effectiveDateTime", terms::date(score.taken_on));
    elements.put("issued", instant(stored.updated_at));
    elements.put("valueQuantity", terms::score_quantity(score.score_tenths));
    let maximum = terms::score_quantity(score.maximum_tenths);
    elements.list(
        "component",
        vec![component(
            "maximum",
            "Highest possible score",
            "valueQuantity",
            maximum,
        )],
    );
    let id = ObservationId::Disability {
        episode: stored.id,
        place,
    };
    Head {
        id: id.to_string(),
        version: None,
        ..head(stored)
    }
    .with(elements.done())
}

/// A follow-up of an ablation.
#[must_use]
pub fn of_follow_up(stored: &Stored<FollowUp>) -> Resource {
    let follow_up = &stored.value;
    let mut elements = Elements::default();
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
    let words = "Follow-up of an ablation";
    let mut codings = vec![terms::coding(terms::OBSERVATION, "follow-up", words)];
    if let Some(score) = follow_up.score {
        let (code, _) = scale_code(score.scale());
        codings.push(json!({"system": terms::LOINC, "code": code}));
    }
    elements.put("code", json!({"coding": codings, "text": words}));
    elements.put("subject", terms::reference("Patient", stored.patient));
    elements.put("effectiveDateTime", terms::date(follow_up.taken_on));
    elements.put("issued", instant(stored.recorded_at));
    elements.maybe(
        "valueQuantity",
        follow_up
            .score
            .map(|score| terms::score_quantity(i32::from(score.tenths()))),
    );
    elements.list("component", follow_up_components(follow_up));
    head(stored).with(elements.done())
}

fn follow_up_components(follow_up: &FollowUp) -> Vec<Value> {
    let mut components = Vec::new();
    components.extend(
        follow_up
            .stated_relief
            .map(|percent| stated_relief(percent.tenths())),
    );
    components.extend(follow_up.function_improvement.map(|percent| {
        let percent = terms::percent_quantity(i32::from(percent.tenths()));
        let words = "Improvement of movements or daily activities";
        component("function-improvement", words, "valueQuantity", percent)
    }));
    components.extend(follow_up.pgic.map(|impression| {
        let words = "Patient global impression of change, 1 to 7";
        component("pgic", words, "valueInteger", impression)
    }));
    components
}
