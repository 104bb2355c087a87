//! Episodes, as conditions.

use super::Elements;
use crate::app::Stored;
use crate::domain::anatomy::Region;
use crate::domain::episode::{CareEntry, Episode};
use crate::fhir::resource::{Head, Resource, ResourceType, instant};
use crate::fhir::terms;
use serde_json::{Value, json};

/// An episode.
#[must_use]
pub fn resource(stored: &Stored<Episode>) -> Resource {
    let episode = &stored.value;
    let mut elements = Elements::default();
    elements.list("extension", extensions(episode));
    elements.put(
        "clinicalStatus",
        terms::plain_concept(terms::CONDITION_CLINICAL, "active"),
    );
    elements.put(
        "verificationStatus",
        terms::plain_concept(terms::CONDITION_VERIFICATION, "confirmed"),
    );
    elements.put(
        "category",
        json!([terms::plain_concept(
            terms::CONDITION_CATEGORY,
            "problem-list-item"
        )]),
    );
    elements.put("code", code(episode));
    elements.put("subject", terms::reference("Patient", stored.patient));
    elements.maybe("onsetDateTime", episode.onset_date.map(terms::date));
    elements.put("recordedDate", instant(stored.recorded_at));
    elements.maybe(
        "note",
        episode
            .assessment
            .as_ref()
            .map(|text| json!([{ "text": text }])),
    );
    Head {
        kind: ResourceType::Condition,
        id: stored.id.to_string(),
        version: Some(stored.version),
        updated: stored.updated_at,
        patient: Some(stored.patient),
        profiles: &[terms::US_CORE_CONDITION],
    }
    .with(elements.done())
}

/// The pain of a region in ICD-10-CM, where no diagnosis is recorded.
#[must_use]
pub const fn pain_code(region: Region) -> (&'static str, &'static str) {
    match region {
        Region::Cervical => ("M54.2", "Cervicalgia"),
        Region::Thoracic => ("M54.6", "Pain in thoracic spine"),
        Region::Lumbar => ("M54.50", "Low back pain, unspecified"),
    }
}

/// ICD-10-CM, and the region as the criteria know it.
fn code(episode: &Episode) -> Value {
    let (code, display) = episode
        .diagnosis
        .map_or(pain_code(episode.region), |one| (one.code, one.label));
    json!({"coding": [
        terms::coding(terms::ICD_10_CM, code, display),
        terms::coding(terms::REGION, episode.region.code(), episode.region.label()),
    ]})
}

fn extensions(episode: &Episode) -> Vec<Value> {
    let facts = [
        (terms::EXT_AXIAL, episode.axial),
        (terms::EXT_OTHER_CAUSES, episode.other_causes_excluded),
        (
            terms::EXT_WORSE_WITH,
            episode.worse_with_extension_or_rotation,
        ),
        (terms::EXT_IMAGING, episode.imaging_suggests_facet),
        (
            terms::EXT_NO_FUSED_JOINTS,
            episode
                .fused_joints
                .as_ref()
                .and_then(|joints| joints.is_empty().then_some(true)),
        ),
    ];
    let mut extensions: Vec<Value> = facts
        .into_iter()
        .filter_map(|(url, fact)| Some(terms::extension(url, "valueBoolean", fact?)))
        .collect();
    if let Some(radiculopathy) = episode.radiculopathy {
        extensions.push(terms::coding_extension(
            terms::EXT_RADICULOPATHY,
            terms::RADICULOPATHY,
            radiculopathy.code(),
            radiculopathy.label(),
        ));
    }
    extensions.extend(episode.causes.iter().map(|cause| {
        terms::coding_extension(terms::EXT_CAUSE, terms::CAUSE, cause.code(), cause.label())
    }));
    extensions.extend(episode.fused_joints.iter().flatten().map(|joint| {
        terms::coding_extension(
            terms::EXT_FUSED_JOINT,
            terms::FACET_JOINT,
            joint.code(),
            joint.code(),
        )
    }));
    extensions.extend(episode.conservative_care.iter().map(care));
    extensions
}

fn care(entry: &CareEntry) -> Value {
    let mut parts = vec![terms::extension("kind", "valueString", entry.kind.clone())];
    if entry.start.is_some() || entry.end.is_some() {
        let mut period = Elements::default();
        period.maybe("start", entry.start.map(terms::date));
        period.maybe("end", entry.end.map(terms::date));
        let period = Value::Object(period.done());
        parts.push(terms::extension("period", "valuePeriod", period));
    }
    if let Some(outcome) = entry.outcome {
        parts.push(terms::coding_extension(
            "outcome",
            terms::CARE_OUTCOME,
            outcome.code(),
            outcome.label(),
        ));
    }
    json!({"url": terms::EXT_CARE, "extension": parts})
}
