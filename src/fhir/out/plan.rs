//! Profiles, as plan definitions.

use super::Elements;
use super::code_systems::{computable, published};
use crate::app::profiles::Shelved;
use crate::domain::Vocabulary;
use crate::domain::qualification::Profile;
use crate::fhir::resource::{Head, Resource, ResourceType};
use crate::fhir::terms;
use crate::wire::profile::{CONTESTED, CriterionFields, ProfileFields};
use chrono::NaiveTime;
use serde_json::{Value, json};

/// A profile at the version in use.
#[must_use]
pub fn resource(shelved: &Shelved) -> Resource {
    let profile: &Profile = &shelved.profile;
    let fields = ProfileFields::from(profile);
    let mut elements = Elements::default();
    let mut extensions = vec![
        terms::extension(terms::EXT_JUDGED_BY, "valueBoolean", shelved.active),
        trust(terms::EXT_TRUST, fields.trust.0),
    ];
    extensions.extend(fields.criteria.iter().map(criterion));
    elements.list("extension", extensions);
    elements.put("url", terms::plan_url(&profile.id));
    elements.put("version", profile.version.to_string());
    elements.put("name", computable_name(&profile.id));
    elements.put("title", profile.title.clone());
    elements.put(
        "type",
        terms::concept(
            "http://terminology.hl7.org/CodeSystem/plan-definition-type",
            "eca-rule",
            "ECA Rule",
        ),
    );
    elements.put("status", "active");
    elements.put("publisher", "Medial");
    elements.put("description", profile.provenance.source.clone());
    elements.put("usage", CONTESTED);
    elements.maybe(
        "effectivePeriod",
        profile
            .effective
            .map(|day| json!({"start": terms::date(day)})),
    );
    elements.put(
        "relatedArtifact",
        json!([{"type": "citation", "citation": profile.provenance.source}]),
    );
    let effective = profile.effective.map(|day| day.and_time(NaiveTime::MIN));
    Head {
        kind: ResourceType::PlanDefinition,
        id: profile.id.clone(),
        version: None,
        updated: effective.map_or_else(published, |day| day.and_utc()),
        patient: None,
        profiles: &[],
    }
    .with(elements.done())
}

/// `medicare-lcd` as `MedicareLcd`: a name that a program can take.
fn computable_name(id: &str) -> String {
    let name = computable(id);
    if name.starts_with(|first: char| first.is_ascii_uppercase()) {
        name
    } else {
        format!("Profile{name}")
    }
}

fn trust<T: Vocabulary + std::fmt::Display>(url: &str, trust: T) -> Value {
    terms::coding_extension(url, terms::TRUST, trust.code_of(), &trust.to_string())
}

fn criterion(criterion: &CriterionFields) -> Value {
    let (name, value) = match &criterion.value {
        Value::Bool(flag) => ("valueBoolean", json!(flag)),
        Value::Number(number) if number.is_f64() => ("valueDecimal", json!(number)),
        Value::Number(number) => ("valueInteger", json!(number)),
        Value::String(text) => ("valueString", json!(text)),
        Value::Array(list) => {
            let words: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
            ("valueString", json!(words.join(", ")))
        }
        Value::Null | Value::Object(_) => ("valueString", json!("-")),
    };
    json!({"url": terms::EXT_CRITERION, "extension": [
        terms::coding_extension(
            "criterion",
            terms::CRITERION,
            criterion.criterion.0.code(),
            criterion.label,
        ),
        terms::extension("value", name, value),
        trust("trust", criterion.trust.0),
        terms::extension("source", "valueString", criterion.source.clone()),
    ]})
}
