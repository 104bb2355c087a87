//! The anesthetic of a block, as a medication that was given.

use super::Elements;
use crate::app::Stored;
use crate::domain::block::Block;
use crate::fhir::resource::{Head, Resource, ResourceType};
use crate::fhir::terms;
use crate::wire::scalar::Decimal;
use serde_json::{Value, json};

/// The anesthetic; none where none is recorded.
#[must_use]
pub fn resource(stored: &Stored<Block>) -> Option<Resource> {
    let block = &stored.value;
    let agent = block.agent?;
    let mut elements = Elements::default();
    let concentration = block.concentration_thousandths.map(|thousandths| {
        let percent = terms::quantity(Decimal::<3>(i64::from(thousandths)), "%", "%");
        terms::extension(terms::EXT_CONCENTRATION, "valueQuantity", percent)
    });
    elements.list("extension", concentration.into_iter().collect());
    elements.put("partOf", json!([terms::reference("Procedure", stored.id)]));
    let status = if stored.withdrawn.is_some() {
        "entered-in-error"
    } else {
        "completed"
    };
    elements.put("status", status);
    elements.put(
        "medicationCodeableConcept",
        terms::concept(terms::AGENT, agent.code(), agent.label()),
    );
    elements.put("subject", terms::reference("Patient", stored.patient));
    elements.put(
        "effectiveDateTime",
        terms::local_instant(block.performed_at),
    );
    elements.put(
        "reasonReference",
        json!([terms::reference("Condition", stored.parent)]),
    );
    elements.maybe("dosage", block.volume_microlitres_per_nerve.map(dosage));
    let head = Head {
        kind: ResourceType::MedicationAdministration,
        id: stored.id.to_string(),
        version: Some(stored.version),
        updated: stored.updated_at,
        patient: Some(stored.patient),
        profiles: &[],
    };
    Some(head.with(elements.done()))
}

fn dosage(microlitres: i32) -> Value {
    let volume = Decimal::<3>(i64::from(microlitres));
    json!({"text": "at each nerve", "dose": terms::quantity(volume, "mL", "mL")})
}
