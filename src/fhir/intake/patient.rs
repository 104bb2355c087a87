//! Patients.

use super::draft::Draft;
use super::element::{Element, wrong};
use super::{Intake, Limits, Sent, checked};
use crate::app::FieldError;
use crate::fhir::resource::ResourceType;
use crate::fhir::terms::DATA_ABSENT_REASON;
use crate::wire::patient::PatientBody;
use serde_json::{Map, Value};

/// Reads a Patient.
pub(super) fn read(
    mut element: Element<'_>,
    limits: Limits,
    errors: &mut Vec<FieldError>,
) -> Option<Intake> {
    let mut draft = Draft::default();
    // Always true here, and compared with what is given back.
    let _ = element.any("active");
    identifiers(&mut element, &mut draft, errors);
    if let Some(name) = element.only("name", errors) {
        read_name(name, &mut draft, errors);
    }
    draft.put_text("sex", element.text("gender", errors));
    draft.put_text("birth_date", element.text("birthDate", errors));
    element.finish(errors);
    let body = checked(
        &draft,
        draft.read::<PatientBody>(),
        errors,
        |body, found| {
            body.check("", limits.latest, found);
        },
    )?;
    let sent = Sent::Patient(body.into_domain());
    Some(Intake::of(ResourceType::Patient, sent, draft))
}

fn identifiers(element: &mut Element<'_>, draft: &mut Draft, errors: &mut Vec<FieldError>) {
    let mut identifiers = Vec::new();
    for (place, mut identifier) in element
        .objects("identifier", errors)
        .into_iter()
        .enumerate()
    {
        let mut fields = Map::new();
        for name in ["system", "value"] {
            let pointer = format!("/identifiers/{place}/{name}");
            draft.comes_from(&pointer, &identifier.place(name));
            if let Some(leaf) = identifier.any(name) {
                fields.insert(name.to_owned(), leaf.value.clone());
            }
        }
        draft.comes_from(&format!("/identifiers/{place}"), identifier.at());
        identifier.finish(errors);
        identifiers.push(Value::Object(fields));
    }
    draft.put("identifiers", identifiers, "/identifier");
}

fn read_name(mut name: Element<'_>, draft: &mut Draft, errors: &mut Vec<FieldError>) {
    draft.put_text("family_name", name.text("family", errors));
    let given = name.texts("given", errors);
    if let Some(first) = given.first() {
        let whole: Vec<&str> = given.iter().map(|one| one.value.trim()).collect();
        draft.put("given_name", whole.join(" "), &first.at);
    }
    let unknown = !name.has("family") && !name.has("given");
    if unknown && name.has("extension") {
        let mut extensions = super::datatypes::Extensions::of(&mut name, errors);
        let _ = extensions.every(DATA_ABSENT_REASON);
        extensions.finish(errors);
    } else if unknown {
        let detail = "A name has a family name or a given one.";
        wrong(errors, name.at(), "required", detail);
    }
    name.finish(errors);
}
