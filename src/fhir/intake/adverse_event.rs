//! Adverse events.

use super::condition::subject;
use super::datatypes::{Extensions, code_in, reference};
use super::draft::Draft;
use super::element::{Element, wrong};
use super::{Intake, Limits, Reference, Sent, checked};
use crate::app::FieldError;
use crate::fhir::resource::ResourceType;
use crate::fhir::terms;
use crate::wire::adverse_event::AdverseEventBody;

/// Reads an AdverseEvent.
pub(super) fn read(
    mut element: Element<'_>,
    limits: Limits,
    errors: &mut Vec<FieldError>,
) -> Option<Intake> {
    let mut draft = Draft::default();
    let mut extensions = Extensions::of(&mut element, errors);
    for (url, name, field) in [
        (terms::EXT_RESOLVED_ON, "valueDate", "resolved_on"),
        (terms::EXT_NOTE, "valueString", "note"),
    ] {
        draft.put_leaf(field, extensions.value(url, name, errors));
    }
    extensions.finish(errors);
    // These follow from the rest, and are compared with what is given back.
    for compared in ["actuality", "recordedDate", "outcome"] {
        let _ = element.any(compared);
    }
    for (name, system, field) in [
        ("event", terms::ADVERSE_EVENT, "category"),
        ("seriousness", terms::GRADE, "grade"),
    ] {
        draft.comes_from(&format!("/{field}"), &element.place(name));
        let coding = element
            .object(name, errors)
            .and_then(|one| code_in(one, system, errors));
        if let Some(coding) = coding {
            draft.put(field, coding.code, &format!("{}/code", coding.at));
        }
    }
    let patient = subject(&mut element, errors);
    draft.comes_from("/onset_on", "/date");
    draft.put_text("onset_on", element.text("date", errors));
    let after = suspect(&mut element, &mut draft, errors);
    element.finish(errors);
    if let Some(after) = &after {
        // Which of the two it is, is found out where the records are; the body wants one of them.
        draft.put("block_id", after.id.to_string(), &after.at);
        draft.comes_from("/ablation_id", &after.at);
    }
    let body = checked(
        &draft,
        draft.read::<AdverseEventBody>(),
        errors,
        |body, found| {
            let mut all = Vec::new();
            body.check(limits.latest, &mut all);
            // That the procedure is missing was said already.
            found.extend(all.into_iter().filter(|error| error.code != "exactly_one"));
        },
    )?;
    let sent = Sent::Event {
        patient: patient?,
        after: after?,
        event: body.into_domain(),
    };
    Some(Intake::of(ResourceType::AdverseEvent, sent, draft))
}

/// The procedure after which it happened, and whether that caused it.
fn suspect(
    element: &mut Element<'_>,
    draft: &mut Draft,
    errors: &mut Vec<FieldError>,
) -> Option<Reference> {
    let missing = !element.has("suspectEntity");
    let Some(mut suspect) = element.only("suspectEntity", errors) else {
        if missing {
            let detail = "Name the procedure after which it happened.";
            wrong(errors, "/suspectEntity", "required", detail);
        }
        return None;
    };
    if let Some(mut causality) = suspect.only("causality", errors) {
        let assessment = causality.object("assessment", errors);
        if let Some(coding) = assessment.and_then(|one| code_in(one, terms::RELATION, errors)) {
            draft.put("relation", coding.code, &format!("{}/code", coding.at));
        }
        causality.finish(errors);
    }
    let missing = !suspect.has("instance");
    if missing {
        let detail = "Expected a reference to a Procedure.";
        wrong(errors, suspect.place("instance"), "required", detail);
    }
    let instance = suspect.object("instance", errors);
    let after = instance.and_then(|one| reference(one, "Procedure", errors));
    suspect.finish(errors);
    after
}
