//! What is no longer there: scores that were withdrawn, and what followed from a determination that is another one now.

use crate::app::DeterminationVersion;
use crate::app::compartments::Compartment;
use crate::domain::qualification::NextStep;
use crate::fhir::ids::DeterminationId;
use crate::fhir::out;
use crate::fhir::resource::{Resource, ResourceType};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

/// So many deletions to a bundle.
const TO_A_BUNDLE: usize = 500;

/// The scores of a patient that were withdrawn, as they are now.
pub(super) fn scores(of: &Compartment) -> Vec<Resource> {
    of.withdrawn
        .iter()
        .map(out::observation::of_score)
        .collect()
}

/// What followed from a determination that has been replaced, and is perhaps no longer there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Former {
    /// Its type.
    pub kind: ResourceType,
    /// Its id.
    pub id: String,
    /// When it was replaced.
    pub at: DateTime<Utc>,
}

/// What followed from the determinations of a patient that have been replaced.
pub(super) fn determined(of: &Compartment) -> Vec<Former> {
    of.replaced.iter().flat_map(followed).collect()
}

fn followed(before: &DeterminationVersion) -> Vec<Former> {
    let of = &before.determination;
    let id = DeterminationId::new(of.episode, of.judgement.target, &of.judgement.profile);
    let step = NextStep::from_code(&of.judgement.next_step).unwrap_or(NextStep::None);
    let former = |kind| Former {
        kind,
        id: id.to_string(),
        at: before.replaced_at,
    };
    let mut all = vec![former(ResourceType::GuidanceResponse)];
    if step != NextStep::None {
        all.push(former(ResourceType::Task));
    }
    if step.is_candidate() {
        all.push(former(ResourceType::ServiceRequest));
    }
    all
}

/// Deletions, in bundles of a few.
#[derive(Debug, Default)]
pub(super) struct Deletions(Vec<Value>);

impl Deletions {
    /// Adds one; the bundle that is full with it.
    pub(super) fn add(&mut self, kind: ResourceType, id: &str) -> Option<Value> {
        let url = format!("{}/{id}", kind.code());
        self.0
            .push(json!({"request": {"method": "DELETE", "url": url}}));
        if self.0.len() >= TO_A_BUNDLE {
            self.rest()
        } else {
            None
        }
    }

    /// The bundle of what is left.
    pub(super) fn rest(&mut self) -> Option<Value> {
        let entries = std::mem::take(&mut self.0);
        (!entries.is_empty()).then(|| {
            json!({
                "resourceType": "Bundle",
                "type": "transaction",
                "entry": entries,
            })
        })
    }
}
