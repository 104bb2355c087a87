//! Episodes, as conditions.

use super::datatypes::{
    Coding, Extension, Extensions, code_of, concept, extension_code, reference,
    refuse_other_systems,
};
use super::draft::Draft;
use super::element::{Element, wrong};
use super::{Intake, Limits, Sent, checked};
use crate::app::FieldError;
use crate::domain::Vocabulary;
use crate::domain::anatomy::Region;
use crate::domain::codes::DiagnosisCode;
use crate::fhir::resource::ResourceType;
use crate::fhir::terms;
use crate::wire::episode::EpisodeBody;
use serde_json::{Map, Value};

/// Facts that are true or false, and the fields that they fill.
const FACTS: [(&str, &str); 4] = [
    (terms::EXT_AXIAL, "axial"),
    (terms::EXT_OTHER_CAUSES, "other_causes_excluded"),
    (terms::EXT_WORSE_WITH, "worse_with_extension_or_rotation"),
    (terms::EXT_IMAGING, "imaging_suggests_facet"),
];

/// Reads a Condition.
pub(super) fn read(
    mut element: Element<'_>,
    limits: Limits,
    errors: &mut Vec<FieldError>,
) -> Option<Intake> {
    let mut draft = Draft::default();
    let mut extensions = Extensions::of(&mut element, errors);
    facts(&mut extensions, &mut draft, errors);
    extensions.finish(errors);
    // These say always the same here, and are compared with what is given back.
    for fixed in [
        "clinicalStatus",
        "verificationStatus",
        "category",
        "recordedDate",
    ] {
        let _ = element.any(fixed);
    }
    match element.object("code", errors) {
        Some(code) => read_code(code, &mut draft, errors),
        None => wrong(
            errors,
            "/code",
            "required",
            "Say where it hurts: a code of ICD-10-CM.",
        ),
    }
    let patient = subject(&mut element, errors);
    draft.comes_from("/patient_id", "/subject/reference");
    draft.put_text("onset_date", element.text("onsetDateTime", errors));
    if let Some(mut note) = element.only("note", errors) {
        draft.put_text("assessment", note.text("text", errors));
        note.finish(errors);
    }
    element.finish(errors);
    let body = checked(
        &draft,
        draft.read::<EpisodeBody>(),
        errors,
        |body, found| {
            body.check("", limits.latest, found);
        },
    )?;
    let sent = Sent::Episode {
        patient: patient?,
        episode: Box::new(body.into_domain()),
    };
    Some(Intake::of(ResourceType::Condition, sent, draft))
}

/// The patient that a resource is about.
pub(super) fn subject(
    element: &mut Element<'_>,
    errors: &mut Vec<FieldError>,
) -> Option<super::Reference> {
    let Some(subject) = element.object("subject", errors) else {
        if !element.has("subject") {
            let detail = "Expected a reference to a Patient.";
            wrong(errors, element.place("subject"), "required", detail);
        }
        return None;
    };
    reference(subject, "Patient", errors)
}

/// The diagnosis, and the region: as it is said, else as the diagnosis says it.
fn read_code(code: Element<'_>, draft: &mut Draft, errors: &mut Vec<FieldError>) {
    let at = code.at().to_owned();
    let codings = concept(code, &[], errors);
    refuse_other_systems(&codings, &[terms::ICD_10_CM, terms::REGION], errors);
    let diagnosis = code_of(&codings, terms::ICD_10_CM);
    if let Some(diagnosis) = diagnosis {
        draft.put("diagnosis", diagnosis.code, &code_at(diagnosis));
    }
    draft.comes_from("/region", &at);
    match (code_of(&codings, terms::REGION), diagnosis) {
        (Some(region), _) => draft.put("region", region.code, &code_at(region)),
        (None, Some(diagnosis)) => match only_region(diagnosis.code) {
            Some(region) => draft.put("region", region.code(), &code_at(diagnosis)),
            None => {
                let detail = format!(
                    "Say the region as well, as a code of {}: this code does not tell it.",
                    terms::REGION
                );
                wrong(errors, code_at(diagnosis), "required", detail);
            }
        },
        (None, None) => {}
    }
}

fn code_at(coding: &Coding<'_>) -> String {
    format!("{}/code", coding.at)
}

/// The region that a diagnosis is of, if it is of only one. An unknown code is told by the field that it fills.
fn only_region(code: &str) -> Option<Region> {
    let Ok(diagnosis) = DiagnosisCode::read(code) else {
        return Some(Region::Lumbar);
    };
    let mut regions = Region::ALL
        .iter()
        .copied()
        .filter(|one| diagnosis.fits(*one));
    let first = regions.next();
    first.filter(|_| regions.next().is_none())
}

fn facts(extensions: &mut Extensions<'_>, draft: &mut Draft, errors: &mut Vec<FieldError>) {
    for (url, field) in FACTS {
        draft.put_leaf(field, extensions.value(url, "valueBoolean", errors));
    }
    let radiculopathy = extensions.only(terms::EXT_RADICULOPATHY, errors);
    if let Some(coding) =
        radiculopathy.and_then(|one| extension_code(&one, terms::RADICULOPATHY, errors))
    {
        draft.put("radiculopathy", coding.code, &code_at(&coding));
    }
    let causes = extensions.every(terms::EXT_CAUSE);
    codes("causes", &causes, terms::CAUSE, draft, errors);
    let fused = extensions.every(terms::EXT_FUSED_JOINT);
    codes("fused_joints", &fused, terms::FACET_JOINT, draft, errors);
    let none = extensions.only(terms::EXT_NO_FUSED_JOINTS, errors);
    if let Some(none) = none {
        let says = none.value("valueBoolean", errors);
        if says.is_some_and(|says| says.value != &Value::Bool(true)) || !fused.is_empty() {
            let detail =
                "This says that no segment is fused: it is true, and stands without fused joints.";
            wrong(errors, none.at(), "invalid", detail);
        }
        draft.put("fused_joints", Vec::<Value>::new(), none.at());
    }
    let care = extensions.every(terms::EXT_CARE);
    let care: Vec<Value> = care
        .iter()
        .enumerate()
        .map(|(place, one)| read_care(place, one, draft, errors))
        .collect();
    if !care.is_empty() {
        draft.put("conservative_care", care, "/extension");
    }
}

/// The codes of several extensions, as a list.
pub(super) fn codes(
    field: &str,
    extensions: &[Extension<'_>],
    system: &str,
    draft: &mut Draft,
    errors: &mut Vec<FieldError>,
) {
    let mut codes = Vec::new();
    for extension in extensions {
        if let Some(coding) = extension_code(extension, system, errors) {
            draft.comes_from(&format!("/{field}/{}", codes.len()), &code_at(&coding));
            codes.push(Value::from(coding.code));
        }
    }
    if !codes.is_empty() {
        draft.put(field, codes, "/extension");
    }
}

fn read_care(
    place: usize,
    extension: &Extension<'_>,
    draft: &mut Draft,
    errors: &mut Vec<FieldError>,
) -> Value {
    let at = format!("/conservative_care/{place}");
    draft.comes_from(&at, extension.at());
    let mut care = Map::new();
    let mut put = |field: &str, value: Value, origin: &str| {
        draft.comes_from(&format!("{at}/{field}"), origin);
        care.insert(field.to_owned(), value);
    };
    let mut parts = extension.parts(errors);
    if let Some(kind) = parts.value("kind", "valueString", errors) {
        put("kind", kind.value.clone(), &kind.at);
    }
    if let Some(period) = parts.value("period", "valuePeriod", errors)
        && let Some(mut period) = Element::read(period.value, period.at, errors)
    {
        for name in ["start", "end"] {
            if let Some(day) = period.any(name) {
                put(name, day.value.clone(), &day.at);
            }
        }
        period.finish(errors);
    }
    let outcome = parts.only("outcome", errors);
    if let Some(coding) = outcome.and_then(|one| extension_code(&one, terms::CARE_OUTCOME, errors))
    {
        put("outcome", coding.code.into(), &code_at(&coding));
    }
    parts.finish(errors);
    Value::Object(care)
}
