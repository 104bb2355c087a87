//! Pain scores, follow-ups and disability scores, as observations.

use super::condition::subject;
use super::datatypes::{Coding, Extensions, code_in, concept, quantity, reference};
use super::draft::Draft;
use super::element::{Element, wrong};
use super::medication::part_of;
use super::procedure::put_code;
use super::{Intake, Limits, Reference, Sent, checked, follow_up};
use crate::app::FieldError;
use crate::domain::episode::Instrument;
use crate::domain::pain::Scale;
use crate::fhir::out::observation::instrument_code;
use crate::fhir::out::procedure::scale_code;
use crate::fhir::resource::ResourceType;
use crate::fhir::terms;
use crate::wire::block::{ScoreBody, score_times};
use crate::wire::episode::DisabilityBody;

/// The scale that a LOINC code stands for; what is only said to be reported severity is taken for NRS.
pub(super) fn scale_of(code: &str) -> Option<&'static str> {
    if code == terms::LOINC_REPORTED {
        return Some(Scale::Nrs.code());
    }
    let scale = Scale::ALL
        .iter()
        .find(|scale| scale_code(**scale).0 == code);
    scale.map(|scale| scale.code())
}

/// Reads an Observation.
pub(super) fn read(
    mut element: Element<'_>,
    limits: Limits,
    errors: &mut Vec<FieldError>,
) -> Option<Intake> {
    let code = element.object("code", errors);
    if code.is_none() {
        wrong(
            errors,
            "/code",
            "required",
            "Say what was observed: a code of LOINC.",
        );
    }
    let codings = concept(code?, &[], errors);
    if codings.iter().any(|coding| is_ours(coding, FOLLOW_UP)) {
        return follow_up::read(element, &codings, limits, errors);
    }
    if let Some((coding, scale)) = scale_among(&codings) {
        return read_score(element, &codings, coding, scale, limits, errors);
    }
    let instrument = codings.iter().find_map(|coding| {
        let known = instrument_of(coding.code)?;
        (coding.system == instrument_code(known).0).then_some((coding, known))
    });
    if let Some((coding, instrument)) = instrument {
        return read_disability(element, coding, instrument, limits, errors);
    }
    let at = codings
        .first()
        .map_or("/code".to_owned(), |one| format!("{}/code", one.at));
    let detail = "Recorded are pain scores (LOINC 72514-3, 38214-3, 38208-5), disability scores and follow-ups; other observations follow from the records.";
    wrong(errors, at, "unknown_value", detail);
    None
}

/// The code of a follow-up of an ablation.
pub(super) const FOLLOW_UP: &str = "follow-up";

fn is_ours(coding: &Coding<'_>, code: &str) -> bool {
    coding.system == terms::OBSERVATION && coding.code == code
}

/// The code of a scale among `codings`, and the scale.
pub(super) fn scale_among<'c, 'v>(
    codings: &'c [Coding<'v>],
) -> Option<(&'c Coding<'v>, &'static str)> {
    codings.iter().find_map(|coding| {
        let scale = scale_of(coding.code).filter(|_| coding.system == terms::LOINC)?;
        Some((coding, scale))
    })
}

/// The instrument that a code stands for.
pub(super) fn instrument_of(code: &str) -> Option<Instrument> {
    let mut known = Instrument::ALL.iter().copied();
    known.find(|instrument| instrument_code(*instrument).1 == code)
}

/// Reads a disability score.
fn read_disability(
    mut element: Element<'_>,
    coding: &Coding<'_>,
    instrument: Instrument,
    limits: Limits,
    errors: &mut Vec<FieldError>,
) -> Option<Intake> {
    let mut draft = Draft::default();
    draft.put(
        "instrument",
        instrument.code(),
        &format!("{}/code", coding.at),
    );
    if status(&mut element, errors) {
        let detail = "A disability score is not withdrawn; correct it instead.";
        wrong(errors, "/status", "unknown_value", detail);
    }
    for compared in ["category", "issued"] {
        let _ = element.any(compared);
    }
    let patient = subject(&mut element, errors);
    let episode = focus(&mut element, errors);
    draft.comes_from("/taken_on", "/effectiveDateTime");
    draft.put_text("taken_on", element.text("effectiveDateTime", errors));
    put_score(&mut element, "score", &mut draft, errors);
    draft.comes_from("/maximum", "/component");
    for mut component in components_of(&mut element, errors) {
        match component_code(&mut component, errors) {
            Some("maximum") => put_score(&mut component, "maximum", &mut draft, errors),
            _ => refuse_component(&component, "maximum", errors),
        }
        component.finish(errors);
    }
    element.finish(errors);
    disability_of(draft, patient?, Some(episode?), limits, errors)
}

/// The disability score that a draft holds.
pub(super) fn disability_of(
    draft: Draft,
    patient: Reference,
    episode: Option<Reference>,
    limits: Limits,
    errors: &mut Vec<FieldError>,
) -> Option<Intake> {
    let read = draft.read::<DisabilityBody>();
    let body = checked(&draft, read, errors, |body, found| {
        if body.taken_on.0 > limits.latest {
            wrong(
                found,
                "/taken_on",
                "in_future",
                "The score lies in the future.",
            );
        }
    })?;
    let sent = Sent::Disability {
        patient,
        episode,
        score: body.into_domain(),
    };
    Some(Intake::of(ResourceType::Observation, sent, draft))
}

fn focus(element: &mut Element<'_>, errors: &mut Vec<FieldError>) -> Option<Reference> {
    let missing = !element.has("focus");
    let Some(focus) = element.only("focus", errors) else {
        if missing {
            let detail = "Expected a reference to the Condition that it is about.";
            wrong(errors, "/focus", "required", detail);
        }
        return None;
    };
    reference(focus, "Condition", errors)
}

/// Puts the score of an element into a field.
pub(super) fn put_score(
    element: &mut Element<'_>,
    field: &str,
    draft: &mut Draft,
    errors: &mut Vec<FieldError>,
) {
    draft.comes_from(&format!("/{field}"), &element.place("valueQuantity"));
    let value = element.any("valueQuantity");
    draft.put_leaf(
        field,
        value.and_then(|leaf| quantity(&leaf, "{score}", errors)),
    );
}

/// The components of an observation.
pub(super) fn components_of<'v>(
    element: &mut Element<'v>,
    errors: &mut Vec<FieldError>,
) -> Vec<Element<'v>> {
    if element.has("component") {
        element.objects("component", errors)
    } else {
        Vec::new()
    }
}

/// The code of a component.
pub(super) fn component_code<'v>(
    component: &mut Element<'v>,
    errors: &mut Vec<FieldError>,
) -> Option<&'v str> {
    let code = component.object("code", errors)?;
    code_in(code, terms::OBSERVATION, errors).map(|coding| coding.code)
}

/// Says which components there may be.
pub(super) fn refuse_component(component: &Element<'_>, known: &str, errors: &mut Vec<FieldError>) {
    let detail = format!("Accepted are {known} of {}.", terms::OBSERVATION);
    wrong(errors, component.place("code"), "unknown_value", detail);
}

/// What the patient says a score is, and what is kept of it.
fn read_score(
    mut element: Element<'_>,
    codings: &[Coding<'_>],
    coding: &Coding<'_>,
    scale: &str,
    limits: Limits,
    errors: &mut Vec<FieldError>,
) -> Option<Intake> {
    let mut draft = Draft::default();
    draft.put("scale", scale, &format!("{}/code", coding.at));
    let mut extensions = Extensions::of(&mut element, errors);
    let context = (terms::EXT_CONTEXT, terms::CONTEXT);
    put_code(&mut extensions, context, "context", &mut draft, errors);
    let reported = (terms::EXT_REPORTED_BY, terms::REPORTED_BY);
    put_code(&mut extensions, reported, "reported_by", &mut draft, errors);
    // When the patient answered is known from the diary alone, and is compared with what is given back.
    let _ = extensions.every(terms::EXT_ANSWERED_AT);
    let reason = extensions.value(terms::EXT_WITHDRAWN, "valueString", errors);
    extensions.finish(errors);
    let withdrawn = status(&mut element, errors)
        .then(|| reason.and_then(|leaf| leaf.value.as_str().map(str::to_owned)));
    for compared in ["category", "issued"] {
        let _ = element.any(compared);
    }
    let patient = subject(&mut element, errors);
    let block = part_of(&mut element, errors);
    draft.comes_from("/taken_at", "/effectiveDateTime");
    draft.put_text("taken_at", element.text("effectiveDateTime", errors));
    put_score(&mut element, "value", &mut draft, errors);
    if let Some(side) = element
        .object("bodySite", errors)
        .and_then(|one| code_in(one, terms::SIDE, errors))
    {
        draft.put("side", side.code, &format!("{}/code", side.at));
    }
    components(&mut element, &mut draft, errors);
    element.finish(errors);
    let body = checked(&draft, draft.read::<ScoreBody>(), errors, |body, found| {
        score_times(body, "", limits.now, found);
    })?;
    let sent = Sent::Score {
        patient: patient?,
        block: block?,
        row: Box::new(body.into_domain()?),
        withdrawn,
    };
    let mut intake = Intake::of(ResourceType::Observation, sent, draft);
    // Reported severity is kept as NRS, beside which it may stand as well.
    let reported = codings
        .iter()
        .filter(|one| one.code == terms::LOINC_REPORTED);
    intake.translated = reported.map(|one| one.at.clone()).collect();
    Some(intake)
}

/// Whether it says that it was entered in error; anything but that or final has no place.
pub(super) fn status(element: &mut Element<'_>, errors: &mut Vec<FieldError>) -> bool {
    let status = element.text("status", errors).map(|status| status.value);
    if !matches!(status, Some("final" | "entered-in-error")) {
        let detail = "Accepted are final, and entered-in-error to withdraw it.";
        wrong(errors, element.place("status"), "unknown_value", detail);
    }
    status == Some("entered-in-error")
}

fn components(element: &mut Element<'_>, draft: &mut Draft, errors: &mut Vec<FieldError>) {
    for mut component in components_of(element, errors) {
        match component_code(&mut component, errors) {
            Some("stated-relief") => {
                let value = component.any("valueQuantity");
                let percent = value.and_then(|leaf| quantity(&leaf, "%", errors));
                draft.put_leaf("stated_relief_percent", percent);
            }
            Some("analgesic-taken") => {
                draft.put_leaf("analgesic_taken", component.any("valueBoolean"));
            }
            _ => refuse_component(&component, "stated-relief, analgesic-taken", errors),
        }
        component.finish(errors);
    }
}
