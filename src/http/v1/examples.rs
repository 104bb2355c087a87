//! The examples of the document. A test sends each of them, in an order in which they work.

use crate::http::registry::Example;
use serde_json::{Value, json};

/// The id that stands for one that was given out before.
pub(super) const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

/// A named body.
pub(super) fn request(name: &'static str, summary: &'static str, value: Value) -> Example {
    Example {
        name,
        summary,
        value,
    }
}

fn with(mut body: Value, more: Value) -> Value {
    if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
        body.extend(more);
    }
    body
}

fn answered(body: Value) -> Value {
    let kept = json!({
        "id": ID, "version": 1, "recorded_at": "2025-09-08T14:05:00Z", "updated_at": "2025-09-08T14:05:00Z",
    });
    with(body, kept)
}

pub(super) fn patient() -> Value {
    json!({
        "identifiers": [{"system": "urn:example:mrn", "value": "12345"}],
        "family_name": "Example", "given_name": "Robin", "birth_date": "1961-04-02", "sex": "female",
    })
}

pub(super) fn patient_answer() -> Value {
    answered(patient())
}

pub(super) fn episode() -> Value {
    json!({
        "region": "lumbar", "diagnosis": "M47.816", "onset_date": "2025-03-01", "causes": ["degeneration"], "axial": true, "radiculopathy": "none",
        "other_causes_excluded": true, "worse_with_extension_or_rotation": true, "imaging_suggests_facet": true, "fused_joints": [],
        "conservative_care": [{"kind": "physical_therapy", "start": "2025-04-01", "end": "2025-08-01", "outcome": "failed"}],
        "disability": [{"instrument": "odi", "score": 42, "maximum": 100, "taken_on": "2025-09-01"}],
    })
}

pub(super) fn episode_of_patient() -> Value {
    with(episode(), json!({"patient_id": ID}))
}

pub(super) fn episode_answer() -> Value {
    with(answered(episode_of_patient()), json!({"assessment": null}))
}

pub(super) fn block() -> Value {
    json!({
        "performed_at": "2025-09-08T09:00:00-05:00", "kind": "diagnostic", "technique": "medial_branch",
        "joints": ["L4-5", "L5-S1"], "side": "right",
        "agent": "lidocaine", "concentration_percent": 2, "volume_ml_per_nerve": 0.5,
        "steroid": false, "guidance": "fluoroscopy", "sedation": "none", "duration_minutes": 20,
        "operator": "operator-1", "site": "site-a", "same_day_return": true,
    })
}

pub(super) fn score() -> Value {
    json!({"taken_at": "2025-09-08T08:30:00-05:00", "scale": "nrs", "value": 10, "context": "movement"})
}

pub(super) fn later_score() -> Value {
    json!({"taken_at": "2025-09-08T09:30:00-05:00", "scale": "nrs", "value": 2, "context": "movement"})
}

fn scores() -> Value {
    json!([
        score(),
        later_score(),
        {"taken_at": "2025-09-08T11:00:00-05:00", "scale": "nrs", "value": 2, "context": "movement"},
        {"taken_at": "2025-09-08T13:00:00-05:00", "scale": "nrs", "value": 8, "context": "movement"},
    ])
}

pub(super) fn inline_block() -> Value {
    with(
        block(),
        json!({"patient": patient(), "episode": episode(), "scores": scores()}),
    )
}

pub(super) fn score_answer() -> Value {
    with(
        answered(score()),
        json!({
            "patient_id": ID, "block_id": ID, "side": null, "stated_relief_percent": null, "analgesic_taken": false,
            "reported_by": null, "answered_at": null, "retrospective": false, "withdrawn": null,
        }),
    )
}

pub(super) fn ablation() -> Value {
    json!({
        "performed_on": "2025-10-20", "joints": ["L4-5", "L5-S1"], "side": "right", "technique": "thermal", "temperature_c": 80,
        "pre_score": {"scale": "nrs", "value": 7},
    })
}

pub(super) fn ablation_of_episode() -> Value {
    with(ablation(), json!({"episode_id": ID}))
}

pub(super) fn follow_up() -> Value {
    json!({
        "taken_on": "2025-12-01", "score": {"scale": "nrs", "value": 2}, "stated_relief_percent": 70,
        "function_improvement_percent": 60, "pgic": 2,
    })
}

pub(super) fn adverse_event_of_block() -> Value {
    json!({"block_id": ID, "category": "soreness", "grade": "minor", "onset_on": "2025-09-09", "relation": "related", "resolved_on": "2025-09-11"})
}

pub(super) fn case() -> Value {
    json!({"as_of": "2025-09-20", "episode": episode(), "blocks": [with(block(), json!({"scores": scores()}))]})
}

/// A profile that differs from the built-in ones by its name.
pub(super) const PROFILE: &str = r#"id = "one-block"
version = 1
title = "One positive block"
region = "any"
trust = "unverified"
source = "an example"

[criteria]
relief_percent = { value = 50, trust = "unverified", source = "an example" }
blocks = { value = 1, trust = "unverified", source = "an example" }
"#;
