//! The anesthetic of a block, as a medication that was given.

use super::condition::subject;
use super::datatypes::{Extensions, code_in, quantity, reference};
use super::draft::Draft;
use super::element::{Element, wrong};
use super::procedure::{completed, put_quantity};
use super::{Anesthetic, Intake, Reference, Sent};
use crate::app::FieldError;
use crate::domain::block::Agent;
use crate::fhir::resource::ResourceType;
use crate::fhir::terms;
use crate::wire::errors::FieldErrors;
use crate::wire::scalar::{Code, Within};
use deserr::Deserr;

/// The fields of a block that an anesthetic fills, in the bounds of the block.
#[derive(Debug, Deserr)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
struct Given {
    agent: Code<Agent>,
    #[deserr(default)]
    concentration_percent: Option<Within<3, 1, 100_000>>,
    #[deserr(default)]
    volume_ml_per_nerve: Option<Within<3, 1, 50_000>>,
}

/// Reads a MedicationAdministration.
pub(super) fn read(mut element: Element<'_>, errors: &mut Vec<FieldError>) -> Option<Intake> {
    let mut draft = Draft::default();
    let mut extensions = Extensions::of(&mut element, errors);
    let concentration = (terms::EXT_CONCENTRATION, "%");
    put_quantity(
        &mut extensions,
        concentration,
        "concentration_percent",
        &mut draft,
        errors,
    );
    extensions.finish(errors);
    completed(&mut element, errors);
    draft.comes_from("/agent", "/medicationCodeableConcept");
    if let Some(coding) = element
        .object("medicationCodeableConcept", errors)
        .and_then(|one| code_in(one, terms::AGENT, errors))
    {
        draft.put("agent", coding.code, &format!("{}/code", coding.at));
    }
    let block = part_of(&mut element, errors);
    let patient = subject(&mut element, errors);
    // When and why are those of the procedure, and are compared with them.
    let when = element.text("effectiveDateTime", errors);
    if when.is_none() {
        let detail = "Say when: the instant of the procedure.";
        wrong(errors, "/effectiveDateTime", "required", detail);
    }
    let _ = element.any("reasonReference");
    if let Some(mut dosage) = element.object("dosage", errors) {
        let _ = dosage.text("text", errors);
        let dose = dosage.any("dose");
        draft.put_leaf(
            "volume_ml_per_nerve",
            dose.and_then(|dose| quantity(&dose, "mL", errors)),
        );
        dosage.finish(errors);
    }
    element.finish(errors);
    let given = super::checked(&draft, draft.read::<Given>(), errors, |_, _| {})?;
    let sent = Sent::Anesthetic {
        patient: patient?,
        block: block?,
        anesthetic: Anesthetic {
            agent: given.agent.0,
            concentration_thousandths: given.concentration_percent.map(|percent| percent.0),
            volume_microlitres_per_nerve: given.volume_ml_per_nerve.map(|volume| volume.0),
        },
    };
    Some(Intake::of(
        ResourceType::MedicationAdministration,
        sent,
        draft,
    ))
}

/// The procedure that something is part of.
pub(super) fn part_of(
    element: &mut Element<'_>,
    errors: &mut Vec<FieldError>,
) -> Option<Reference> {
    let missing = !element.has("partOf");
    let Some(part_of) = element.only("partOf", errors) else {
        if missing {
            let detail = "Expected a reference to the Procedure that it is part of.";
            wrong(errors, element.place("partOf"), "required", detail);
        }
        return None;
    };
    reference(part_of, "Procedure", errors)
}
