//! The total of a disability questionnaire: kept as a disability score, and given back as an Observation.

use super::condition::subject;
use super::datatypes::{Extensions, reference};
use super::draft::Draft;
use super::element::{Element, wrong};
use super::observation::{disability_of, instrument_of};
use super::procedure::completed;
use super::{Intake, Limits, Reference};
use crate::app::FieldError;
use crate::domain::episode::Instrument;
use crate::fhir::terms;
use serde_json::Value;

/// The `linkId` of the highest possible total.
const MAXIMUM: &str = "maximum";

/// Reads a QuestionnaireResponse that has the total of one instrument, and perhaps what it could be at most.
pub(super) fn read(
    mut element: Element<'_>,
    limits: Limits,
    errors: &mut Vec<FieldError>,
) -> Option<Intake> {
    let mut draft = Draft::default();
    let mut extensions = Extensions::of(&mut element, errors);
    let episode = episode(&mut extensions, errors);
    extensions.finish(errors);
    completed(&mut element, errors);
    let patient = subject(&mut element, errors);
    draft.comes_from("/taken_on", "/authored");
    draft.put_text("taken_on", element.text("authored", errors));
    draft.comes_from("/score", "/item");
    draft.comes_from("/maximum", "/item");
    let mut instrument = None;
    for mut item in element.objects("item", errors) {
        let named = item.text("linkId", errors).map(|link| link.value);
        let known = named.and_then(instrument_of);
        let answer = answer(&mut item, errors);
        match (known, named) {
            (Some(known), _) if instrument.is_none() => {
                instrument = Some(known);
                draft.put("instrument", known.code(), &item.place("linkId"));
                put(&mut draft, "score", answer);
            }
            (None, Some(MAXIMUM)) => put(&mut draft, "maximum", answer),
            _ => {
                let detail = "Kept are the total of one instrument, by its code (97908-8, 82237-9, 76804-4, 77865-4, rmdq, pdi), and its maximum.";
                wrong(errors, item.place("linkId"), "unknown_value", detail);
            }
        }
        item.finish(errors);
    }
    element.finish(errors);
    if let Some(highest) = instrument
        .and_then(highest)
        .filter(|_| !draft.has("maximum"))
    {
        draft.put("maximum", highest, "/item");
    }
    let mut intake = disability_of(draft, patient?, episode, limits, errors)?;
    intake.restated = true;
    Some(intake)
}

/// The highest total of an instrument that has only one way to be scored.
fn highest(instrument: Instrument) -> Option<u16> {
    match instrument {
        Instrument::Odi | Instrument::PromisPf | Instrument::PromisPi => Some(100),
        Instrument::Rmdq => Some(24),
        Instrument::Pdi => Some(70),
        Instrument::Ndi => None,
    }
}

fn put(draft: &mut Draft, field: &str, answer: Option<(Value, String)>) {
    if let Some((value, at)) = answer {
        draft.put(field, value, &at);
    }
}

/// The one number that answers an item.
fn answer(item: &mut Element<'_>, errors: &mut Vec<FieldError>) -> Option<(Value, String)> {
    let mut answer = item.only("answer", errors)?;
    let leaf = ["valueDecimal", "valueInteger"]
        .into_iter()
        .find_map(|name| answer.any(name));
    if leaf.is_none() {
        let detail = "Expected a number as valueDecimal or valueInteger.";
        wrong(errors, answer.at(), "required", detail);
    }
    answer.finish(errors);
    leaf.map(|leaf| (leaf.value.clone(), leaf.at))
}

/// The episode that it is about, where the patient has several.
fn episode(extensions: &mut Extensions<'_>, errors: &mut Vec<FieldError>) -> Option<Reference> {
    let leaf = extensions.value(terms::EXT_EPISODE, "valueReference", errors)?;
    let element = Element::read(leaf.value, leaf.at, errors)?;
    reference(element, "Condition", errors)
}
