//! Follow-ups of ablations.

use super::condition::subject;
use super::datatypes::{Coding, quantity, refuse_other_systems};
use super::draft::Draft;
use super::element::{Element, wrong};
use super::medication::part_of;
use super::observation::{
    component_code, components_of, put_score, refuse_component, scale_among, status,
};
use super::{Intake, Limits, Sent, checked};
use crate::app::FieldError;
use crate::fhir::resource::ResourceType;
use crate::fhir::terms;
use crate::wire::ablation::FollowUpBody;
use serde_json::{Map, Value};

/// Reads a follow-up: a score whose scale a second code tells, what the patient states, or both.
pub(super) fn read(
    mut element: Element<'_>,
    codings: &[Coding<'_>],
    limits: Limits,
    errors: &mut Vec<FieldError>,
) -> Option<Intake> {
    let mut draft = Draft::default();
    refuse_other_systems(codings, &[terms::OBSERVATION, terms::LOINC], errors);
    if status(&mut element, errors) {
        let detail = "A follow-up is not withdrawn; correct it instead.";
        wrong(errors, "/status", "unknown_value", detail);
    }
    for compared in ["category", "issued"] {
        let _ = element.any(compared);
    }
    let patient = subject(&mut element, errors);
    let ablation = part_of(&mut element, errors);
    draft.comes_from("/taken_on", "/effectiveDateTime");
    draft.put_text("taken_on", element.text("effectiveDateTime", errors));
    score(&mut element, codings, &mut draft, errors);
    for mut component in components_of(&mut element, errors) {
        let percent = match component_code(&mut component, errors) {
            Some("stated-relief") => Some("stated_relief_percent"),
            Some("function-improvement") => Some("function_improvement_percent"),
            Some("pgic") => {
                draft.put_leaf("pgic", component.any("valueInteger"));
                None
            }
            _ => {
                let known = "stated-relief, function-improvement, pgic";
                refuse_component(&component, known, errors);
                None
            }
        };
        if let Some(field) = percent {
            let value = component.any("valueQuantity");
            draft.put_leaf(field, value.and_then(|leaf| quantity(&leaf, "%", errors)));
        }
        component.finish(errors);
    }
    element.finish(errors);
    let read = draft.read::<FollowUpBody>();
    let body = checked(&draft, read, errors, |body, found| {
        body.check("", None, limits.latest, found);
    })?;
    let sent = Sent::FollowUp {
        patient: patient?,
        ablation: ablation?,
        follow_up: body.into_domain(),
    };
    let mut intake = Intake::of(ResourceType::Observation, sent, draft);
    let reported = codings
        .iter()
        .filter(|one| one.code == terms::LOINC_REPORTED);
    intake.translated = reported.map(|one| one.at.clone()).collect();
    Some(intake)
}

/// The score and its scale: both, or neither.
fn score(
    element: &mut Element<'_>,
    codings: &[Coding<'_>],
    draft: &mut Draft,
    errors: &mut Vec<FieldError>,
) {
    let scale = scale_among(codings);
    match (scale, element.has("valueQuantity")) {
        (Some((coding, scale)), true) => {
            let mut value = Draft::default();
            put_score(element, "value", &mut value, errors);
            let mut fields = Map::new();
            fields.insert("scale".to_owned(), scale.into());
            if let Some(value) = value.body().get("value") {
                fields.insert("value".to_owned(), value.clone());
            }
            draft.comes_from("/score/scale", &format!("{}/code", coding.at));
            draft.put("score", Value::Object(fields), "/valueQuantity");
        }
        (None, false) => {}
        (Some((coding, _)), false) => {
            let detail = "This says on which scale the score is, and there is none.";
            wrong(errors, coding.at.clone(), "not_kept", detail);
        }
        (None, true) => {
            let detail = "Say on which scale the score is: LOINC 72514-3 or 38214-3.";
            wrong(errors, "/code/coding", "required", detail);
        }
    }
}
