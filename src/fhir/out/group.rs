//! Groups of patients that follow from what is recorded.

use super::Elements;
use crate::app::groups::PatientGroup;
use crate::fhir::resource::{Head, Resource, ResourceType};
use crate::fhir::terms;
use serde_json::{Value, json};

/// A group of patients.
#[must_use]
pub fn resource(group: &PatientGroup) -> Resource {
    let mut elements = Elements::default();
    elements.put("active", true);
    elements.put("type", "person");
    elements.put("actual", true);
    elements.put("code", code(group));
    elements.put("name", group.name.as_str());
    elements.put("quantity", group.members.len());
    elements.list("characteristic", characteristics(group));
    let members = group.members.iter();
    let members: Vec<Value> = members
        .map(|patient| json!({"entity": terms::reference("Patient", *patient)}))
        .collect();
    elements.list("member", members);
    Head {
        kind: ResourceType::Group,
        id: group.id.clone(),
        version: None,
        updated: group.updated,
        patient: None,
        profiles: &[],
    }
    .with(elements.done())
}

/// The next steps that its members have in common.
fn code(group: &PatientGroup) -> Value {
    let codings: Vec<Value> = group
        .next_steps
        .iter()
        .map(|step| {
            json!({"system": terms::NEXT_STEP, "code": step.code(), "display": step.label()})
        })
        .collect();
    json!({"coding": codings, "text": group.name})
}

/// By whose criteria.
fn characteristics(group: &PatientGroup) -> Vec<Value> {
    let of_profile = |profile: &String| {
        json!({
            "code": {"text": "Profile"},
            "valueReference": {"reference": format!("PlanDefinition/{profile}")},
            "exclude": false,
        })
    };
    group.profile.iter().map(of_profile).collect()
}
