//! Our extensions, as structure definitions: where each may stand and what it holds.

use super::Elements;
use super::code_systems::{computable, own_name, published};
use crate::fhir::resource::{Head, Resource, ResourceType};
use crate::fhir::terms;
use serde_json::{Value, json};
use std::sync::LazyLock;

/// Every extension.
pub static ALL: LazyLock<Vec<Resource>> =
    LazyLock::new(|| EXTENSIONS.iter().map(resource).collect());

/// What an extension holds.
enum Holds {
    /// A value of a type.
    Value(&'static str),
    /// Parts, each with its type.
    Parts(&'static [(&'static str, &'static str)]),
}

/// One extension.
struct Extension {
    url: &'static str,
    title: &'static str,
    /// Where it stands.
    on: &'static str,
    holds: Holds,
}

const fn simple(
    url: &'static str,
    on: &'static str,
    kind: &'static str,
    title: &'static str,
) -> Extension {
    Extension {
        url,
        title,
        on,
        holds: Holds::Value(kind),
    }
}

const EXTENSIONS: &[Extension] = &[
    simple(
        terms::EXT_AXIAL,
        "Condition",
        "boolean",
        "Whether the pain is predominantly axial",
    ),
    simple(
        terms::EXT_RADICULOPATHY,
        "Condition",
        "Coding",
        "Nerve root pain",
    ),
    simple(
        terms::EXT_OTHER_CAUSES,
        "Condition",
        "boolean",
        "Whether other causes were ruled out",
    ),
    simple(
        terms::EXT_WORSE_WITH,
        "Condition",
        "boolean",
        "Whether the pain is worse with extension or rotation",
    ),
    simple(
        terms::EXT_IMAGING,
        "Condition",
        "boolean",
        "Whether imaging suggests facet degeneration",
    ),
    simple(
        terms::EXT_CAUSE,
        "Condition",
        "Coding",
        "What may have caused the pain",
    ),
    simple(
        terms::EXT_FUSED_JOINT,
        "Condition",
        "Coding",
        "A joint whose segment is fused",
    ),
    simple(
        terms::EXT_NO_FUSED_JOINTS,
        "Condition",
        "boolean",
        "That no segment is fused",
    ),
    Extension {
        url: terms::EXT_CARE,
        title: "One course of conservative care",
        on: "Condition",
        holds: Holds::Parts(&[
            ("kind", "string"),
            ("period", "Period"),
            ("outcome", "Coding"),
        ]),
    },
    simple(
        terms::EXT_MODIFIER,
        "Coding",
        "code",
        "A modifier of a CPT code",
    ),
    simple(
        terms::EXT_UNITS,
        "Coding",
        "positiveInt",
        "How many units of a CPT code",
    ),
    simple(
        terms::EXT_GUIDANCE,
        "Procedure",
        "Coding",
        "The image guidance of a block",
    ),
    simple(
        terms::EXT_SEDATION,
        "Procedure",
        "Coding",
        "The sedation during a block",
    ),
    simple(
        terms::EXT_STEROID,
        "Procedure",
        "boolean",
        "Whether a corticosteroid was added",
    ),
    simple(
        terms::EXT_STATED_RELIEF,
        "Procedure",
        "Quantity",
        "Relief in percent as the patient states it",
    ),
    simple(
        terms::EXT_STATED_MINUTES,
        "Procedure",
        "Quantity",
        "How many minutes relief lasted as the patient states it",
    ),
    simple(
        terms::EXT_SAME_DAY_RETURN,
        "Procedure",
        "boolean",
        "Whether the patient returned to activity the same day",
    ),
    simple(
        terms::EXT_NERVE,
        "Procedure",
        "Coding",
        "A nerve as the operator corrected it",
    ),
    simple(
        terms::EXT_TECHNIQUE,
        "Procedure",
        "Coding",
        "How the lesion was made",
    ),
    simple(
        terms::EXT_TEMPERATURE,
        "Procedure",
        "Quantity",
        "The temperature of the lesion",
    ),
    Extension {
        url: terms::EXT_PRE_SCORE,
        title: "The score before an ablation",
        on: "Procedure",
        holds: Holds::Parts(&[("scale", "Coding"), ("value", "Quantity")]),
    },
    simple(
        terms::EXT_CONCENTRATION,
        "MedicationAdministration",
        "Quantity",
        "The concentration of the anesthetic in percent",
    ),
    simple(
        terms::EXT_CONTEXT,
        "Observation",
        "Coding",
        "What the patient was doing when the score was taken",
    ),
    simple(
        terms::EXT_REPORTED_BY,
        "Observation",
        "Coding",
        "Who reported the score",
    ),
    simple(
        terms::EXT_ANSWERED_AT,
        "Observation",
        "dateTime",
        "When the patient answered",
    ),
    simple(
        terms::EXT_WITHDRAWN,
        "Observation",
        "string",
        "Why the record was withdrawn",
    ),
    simple(
        terms::EXT_EPISODE,
        "QuestionnaireResponse",
        "Reference",
        "The episode that the answers are about, where the patient has several",
    ),
    simple(
        terms::EXT_RESOLVED_ON,
        "AdverseEvent",
        "date",
        "The day on which it was over",
    ),
    simple(terms::EXT_NOTE, "AdverseEvent", "string", "A note"),
    simple(
        terms::EXT_JUDGED_BY,
        "PlanDefinition",
        "boolean",
        "Whether the organization judges by it",
    ),
    simple(
        terms::EXT_TRUST,
        "PlanDefinition",
        "Coding",
        "How far it is verified",
    ),
    Extension {
        url: terms::EXT_CRITERION,
        title: "One number of a profile",
        on: "PlanDefinition",
        holds: Holds::Parts(&[
            ("criterion", "Coding"),
            ("value", ""),
            ("trust", "Coding"),
            ("source", "string"),
        ]),
    },
];

/// The types that a part without a type of its own may have.
const ANY_NUMBER: &[&str] = &["boolean", "integer", "decimal", "string"];

fn types(kind: &str) -> Value {
    let kinds = if kind.is_empty() {
        ANY_NUMBER.to_vec()
    } else {
        vec![kind]
    };
    kinds.iter().map(|kind| json!({ "code": kind })).collect()
}

fn resource(extension: &Extension) -> Resource {
    let name = own_name(extension.url);
    let mut elements = Elements::default();
    elements.put("url", extension.url);
    elements.put("version", env!("CARGO_PKG_VERSION"));
    elements.put("name", format!("Medial{}", computable(name)));
    elements.put("title", extension.title);
    elements.put("status", "active");
    elements.put("experimental", false);
    elements.put("date", terms::PUBLISHED);
    elements.put("publisher", "Medial");
    elements.put("description", format!("{}.", extension.title));
    elements.put("fhirVersion", "4.0.1");
    elements.put("kind", "complex-type");
    elements.put("abstract", false);
    elements.put(
        "context",
        json!([{"type": "element", "expression": extension.on}]),
    );
    elements.put("type", "Extension");
    elements.put(
        "baseDefinition",
        "http://hl7.org/fhir/StructureDefinition/Extension",
    );
    elements.put("derivation", "constraint");
    elements.put("differential", json!({"element": differential(extension)}));
    Head {
        kind: ResourceType::StructureDefinition,
        id: name.to_owned(),
        version: None,
        updated: published(),
        patient: None,
        profiles: &[],
    }
    .with(elements.done())
}

fn differential(extension: &Extension) -> Vec<Value> {
    let mut elements = vec![json!({
        "id": "Extension",
        "path": "Extension",
        "short": extension.title,
        "definition": format!("{}.", extension.title),
    })];
    match extension.holds {
        Holds::Value(kind) => {
            elements.push(
                json!({"id": "Extension.extension", "path": "Extension.extension", "max": "0"}),
            );
            elements.push(fixed_url("Extension.url", extension.url));
            elements.push(value("Extension.value[x]", kind));
        }
        Holds::Parts(parts) => {
            for (name, kind) in parts {
                let id = format!("Extension.extension:{name}");
                elements.push(json!({"id": id, "path": "Extension.extension", "sliceName": name}));
                elements.push(json!({
                    "id": format!("{id}.url"),
                    "path": "Extension.extension.url",
                    "fixedUri": name,
                }));
                elements.push(json!({
                    "id": format!("{id}.value[x]"),
                    "path": "Extension.extension.value[x]",
                    "type": types(kind),
                }));
            }
            elements.push(fixed_url("Extension.url", extension.url));
            elements.push(
                json!({"id": "Extension.value[x]", "path": "Extension.value[x]", "max": "0"}),
            );
        }
    }
    elements
}

fn fixed_url(id: &str, url: &str) -> Value {
    json!({"id": id, "path": id, "fixedUri": url})
}

fn value(id: &str, kind: &str) -> Value {
    json!({"id": id, "path": id, "type": types(kind)})
}
