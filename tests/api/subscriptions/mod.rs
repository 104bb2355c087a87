//! Other systems are told of what happens: by webhooks and as FHIR subscriptions.

mod hook;
mod rest_hook;
mod webhooks;

use crate::service::Service;
use serde_json::{Value, json};

/// A block of the patient `number`, without any score.
fn block(number: u32) -> Value {
    json!({
        "patient": {"identifiers": [{"system": "urn:example:mrn", "value": number.to_string()}], "family_name": "Unshown"},
        "episode": {"region": "lumbar"}, "performed_at": "2025-10-01T09:00:00-05:00", "kind": "diagnostic",
        "technique": "medial_branch", "joints": ["L4-5"], "side": "left",
    })
}

/// Hands out what happened and tells whoever is to be told; how many requests that were.
fn tell(service: &Service) -> usize {
    service.app.hand_out_events_while(|| true).unwrap();
    medial::jobs::subscriptions::tell(&service.app, false, &|| true).unwrap()
}
