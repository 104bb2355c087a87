//! Every URI that our resources name: standard systems, profiles, and our own code systems and extensions.

use crate::wire::scalar::{Date, Decimal, Instant};
use chrono::{DateTime, FixedOffset, NaiveDate};
use serde_json::{Value, json};

/// When these terms were last changed.
pub const PUBLISHED: &str = "2026-11-27";

/// Joins a name to the base of our code systems.
macro_rules! own_system {
    ($name:literal) => {
        concat!("urn:medial:fhir:CodeSystem:", $name)
    };
}

/// Joins a name to the base of our extensions.
macro_rules! own_extension {
    ($name:literal) => {
        concat!("urn:medial:fhir:StructureDefinition:", $name)
    };
}

/// LOINC.
pub const LOINC: &str = "http://loinc.org";
/// CPT.
pub const CPT: &str = "http://www.ama-assn.org/go/cpt";
/// ICD-10-CM.
pub const ICD_10_CM: &str = "http://hl7.org/fhir/sid/icd-10-cm";
/// UCUM.
pub const UCUM: &str = "http://unitsofmeasure.org";
/// SNOMED CT.
pub const SNOMED: &str = "http://snomed.info/sct";
/// Categories of conditions.
pub const CONDITION_CATEGORY: &str = "http://terminology.hl7.org/CodeSystem/condition-category";
/// Clinical statuses of conditions.
pub const CONDITION_CLINICAL: &str = "http://terminology.hl7.org/CodeSystem/condition-clinical";
/// Verification statuses of conditions.
pub const CONDITION_VERIFICATION: &str =
    "http://terminology.hl7.org/CodeSystem/condition-ver-status";
/// Categories of observations.
pub const OBSERVATION_CATEGORY: &str = "http://terminology.hl7.org/CodeSystem/observation-category";
/// Genders.
pub const GENDER: &str = "http://hl7.org/fhir/administrative-gender";
/// Statuses of what was done.
pub const EVENT_STATUS: &str = "http://hl7.org/fhir/event-status";
/// Statuses of observations.
pub const OBSERVATION_STATUS: &str = "http://hl7.org/fhir/observation-status";
/// Statuses of medications that were given.
pub const MEDICATION_STATUS: &str = "http://terminology.hl7.org/CodeSystem/medication-admin-status";
/// Statuses of guidance.
pub const GUIDANCE_STATUS: &str = "http://hl7.org/fhir/guidance-response-status";
/// Statuses of tasks.
pub const TASK_STATUS: &str = "http://hl7.org/fhir/task-status";
/// Statuses of requests.
pub const REQUEST_STATUS: &str = "http://hl7.org/fhir/request-status";
/// Whether something is proposed, planned or ordered.
pub const REQUEST_INTENT: &str = "http://hl7.org/fhir/request-intent";
/// Whether an adverse event happened or nearly did.
pub const ACTUALITY: &str = "http://hl7.org/fhir/adverse-event-actuality";
/// What was done, in an audit event.
pub const AUDIT_ACTION: &str = "http://hl7.org/fhir/audit-event-action";
/// Whether it was done, in an audit event.
pub const AUDIT_OUTCOME: &str = "http://hl7.org/fhir/audit-event-outcome";
/// Statuses of what is published.
pub const PUBLICATION_STATUS: &str = "http://hl7.org/fhir/publication-status";
/// Of what a group is.
pub const GROUP_TYPE: &str = "http://hl7.org/fhir/group-type";

/// Why something is missing.
pub const DATA_ABSENT_REASON: &str = "http://hl7.org/fhir/StructureDefinition/data-absent-reason";
/// The codes of that.
pub const ABSENT_CODES: &str = "http://terminology.hl7.org/CodeSystem/data-absent-reason";

/// US Core's patient.
pub const US_CORE_PATIENT: &str = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient";
/// US Core's problem.
pub const US_CORE_CONDITION: &str =
    "http://hl7.org/fhir/us/core/StructureDefinition/us-core-condition-problems-health-concerns";
/// US Core's procedure.
pub const US_CORE_PROCEDURE: &str =
    "http://hl7.org/fhir/us/core/StructureDefinition/us-core-procedure";
/// US Core's answer to a questionnaire.
pub const US_CORE_SURVEY: &str =
    "http://hl7.org/fhir/us/core/StructureDefinition/us-core-observation-screening-assessment";

/// US Core's provenance.
pub const US_CORE_PROVENANCE: &str =
    "http://hl7.org/fhir/us/core/StructureDefinition/us-core-provenance";

/// NRS, a pain score from 0 to 10.
pub const LOINC_NRS: &str = "72514-3";
/// VAS, a pain score from 0 to 100 mm.
pub const LOINC_VAS: &str = "38214-3";
/// Pain severity as reported: taken for NRS where it is sent.
pub const LOINC_REPORTED: &str = "38208-5";

/// What a procedure was.
pub const PROCEDURE: &str = own_system!("procedure");
/// Joints with their sides, and joints alone.
pub const FACET_JOINT: &str = own_system!("facet-joint");
/// Regions of the spine.
pub const REGION: &str = own_system!("region");
/// Sides.
pub const SIDE: &str = own_system!("side");
/// Nerves.
pub const NERVE: &str = own_system!("nerve");
/// Local anesthetics.
pub const AGENT: &str = own_system!("agent");
/// What observations are about, and their components.
pub const OBSERVATION: &str = own_system!("observation");
/// What the patient was doing when a score was taken.
pub const CONTEXT: &str = own_system!("context");
/// Who reported a score.
pub const REPORTED_BY: &str = own_system!("reported-by");
/// Image guidance.
pub const GUIDANCE: &str = own_system!("guidance");
/// Sedation.
pub const SEDATION: &str = own_system!("sedation");
/// How a lesion was made.
pub const ABLATION_TECHNIQUE: &str = own_system!("ablation-technique");
/// Nerve root pain.
pub const RADICULOPATHY: &str = own_system!("radiculopathy");
/// Causes of the pain.
pub const CAUSE: &str = own_system!("cause");
/// How conservative care went.
pub const CARE_OUTCOME: &str = own_system!("care-outcome");
/// What a block did at a threshold.
pub const RESPONSE: &str = own_system!("response");
/// Relief held against what the agent lets expect.
pub const DURATION_CLASS: &str = own_system!("duration-class");
/// What a profile says about a target.
pub const VERDICT: &str = own_system!("verdict");
/// What would come next.
pub const NEXT_STEP: &str = own_system!("next-step");
/// For the first ablation or for another.
pub const PURPOSE: &str = own_system!("purpose");
/// The rules.
pub const RULE: &str = own_system!("rule");
/// The three values of a rule.
pub const STATUS: &str = own_system!("rule-status");
/// The criteria of a profile.
pub const CRITERION: &str = own_system!("criterion");
/// How far a number is verified.
pub const TRUST: &str = own_system!("trust");
/// What went wrong after a procedure.
pub const ADVERSE_EVENT: &str = own_system!("adverse-event");
/// How grave an adverse event was.
pub const GRADE: &str = own_system!("grade");
/// Whether the procedure caused it.
pub const RELATION: &str = own_system!("relation");
/// What was done, in the audit trail.
pub const ACTION: &str = own_system!("action");
/// Who somebody is to the service.
pub const ROLE: &str = own_system!("role");
/// What a card of decision support is about.
pub const CARD_TOPIC: &str = own_system!("card-topic");
/// Why a card of decision support is put aside.
pub const CARD_OVERRIDE_REASON: &str = own_system!("card-override-reason");
/// Codes of errors, as in the native API.
pub const ERROR: &str = own_system!("error");

/// Whether the pain is predominantly axial.
pub const EXT_AXIAL: &str = own_extension!("axial");
/// Nerve root pain.
pub const EXT_RADICULOPATHY: &str = own_extension!("radiculopathy");
/// Whether other causes were ruled out.
pub const EXT_OTHER_CAUSES: &str = own_extension!("other-causes-excluded");
/// Whether the pain is worse with extension or rotation.
pub const EXT_WORSE_WITH: &str = own_extension!("worse-with-extension-or-rotation");
/// Whether imaging suggests facet degeneration.
pub const EXT_IMAGING: &str = own_extension!("imaging-suggests-facet");
/// What may have caused the pain; one for each cause.
pub const EXT_CAUSE: &str = own_extension!("cause");
/// A joint whose segment is fused; one for each.
pub const EXT_FUSED_JOINT: &str = own_extension!("fused-joint");
/// That no segment is fused.
pub const EXT_NO_FUSED_JOINTS: &str = own_extension!("no-fused-joints");
/// One course of conservative care: `kind`, `period`, `outcome`.
pub const EXT_CARE: &str = own_extension!("conservative-care");
/// A modifier of a CPT code.
pub const EXT_MODIFIER: &str = own_extension!("modifier");
/// How many units of a CPT code.
pub const EXT_UNITS: &str = own_extension!("units");
/// The image guidance of a block.
pub const EXT_GUIDANCE: &str = own_extension!("guidance");
/// The sedation during a block.
pub const EXT_SEDATION: &str = own_extension!("sedation");
/// Whether a corticosteroid was added.
pub const EXT_STEROID: &str = own_extension!("steroid");
/// Relief in percent as the patient states it.
pub const EXT_STATED_RELIEF: &str = own_extension!("stated-relief");
/// How many minutes relief lasted as the patient states it.
pub const EXT_STATED_MINUTES: &str = own_extension!("stated-relief-duration");
/// Whether the patient returned to activity the same day.
pub const EXT_SAME_DAY_RETURN: &str = own_extension!("same-day-return");
/// A nerve as the operator corrected it; one for each.
pub const EXT_NERVE: &str = own_extension!("corrected-nerve");
/// The concentration of the anesthetic in percent.
pub const EXT_CONCENTRATION: &str = own_extension!("concentration");
/// How a lesion was made.
pub const EXT_TECHNIQUE: &str = own_extension!("ablation-technique");
/// The temperature of a lesion.
pub const EXT_TEMPERATURE: &str = own_extension!("temperature");
/// The score before an ablation.
pub const EXT_PRE_SCORE: &str = own_extension!("pre-score");
/// What the patient was doing when a score was taken.
pub const EXT_CONTEXT: &str = own_extension!("context");
/// Who reported a score.
pub const EXT_REPORTED_BY: &str = own_extension!("reported-by");
/// When the patient answered.
pub const EXT_ANSWERED_AT: &str = own_extension!("answered-at");
/// When an adverse event was over.
pub const EXT_RESOLVED_ON: &str = own_extension!("resolved-on");
/// A note on an adverse event.
pub const EXT_NOTE: &str = own_extension!("note");
/// One number of a profile: `criterion`, `value`, `trust`, `source`.
pub const EXT_CRITERION: &str = own_extension!("criterion");
/// Whether the organization judges by a profile.
pub const EXT_JUDGED_BY: &str = own_extension!("judged-by");
/// How far a profile is verified.
pub const EXT_TRUST: &str = own_extension!("trust");
/// The episode that the answers to a questionnaire are about.
pub const EXT_EPISODE: &str = own_extension!("episode");
/// Why a record was withdrawn.
pub const EXT_WITHDRAWN: &str = own_extension!("withdrawn");

/// The canonical URL of a profile, without its version.
#[must_use]
pub fn plan_url(profile: &str) -> String {
    format!("urn:medial:fhir:PlanDefinition:{profile}")
}

/// A concept of LOINC, in our words.
#[must_use]
pub fn loinc(code: &str, text: &str) -> Value {
    json!({"coding": [{"system": LOINC, "code": code}], "text": text})
}

/// A coding.
#[must_use]
pub fn coding(system: &str, code: &str, display: &str) -> Value {
    json!({"system": system, "code": code, "display": display})
}

/// A concept of one coding.
#[must_use]
pub fn concept(system: &str, code: &str, display: &str) -> Value {
    json!({"coding": [coding(system, code, display)]})
}

/// A concept of one coding without words of its own.
#[must_use]
pub fn plain_concept(system: &str, code: &str) -> Value {
    json!({"coding": [{"system": system, "code": code}]})
}

/// A quantity in a unit of UCUM; `value` is a JSON number.
#[must_use]
pub fn quantity(value: impl serde::Serialize, unit: &str, code: &str) -> Value {
    json!({"value": value, "unit": unit, "system": UCUM, "code": code})
}

/// A score, from tenths.
#[must_use]
pub fn score_quantity(tenths: i32) -> Value {
    quantity(Decimal::<1>(i64::from(tenths)), "{score}", "{score}")
}

/// A percentage, from tenths.
#[must_use]
pub fn percent_quantity(tenths: i32) -> Value {
    quantity(Decimal::<1>(i64::from(tenths)), "%", "%")
}

/// Minutes.
#[must_use]
pub fn minutes_quantity(minutes: i64) -> Value {
    quantity(minutes, "min", "min")
}

/// An extension with one value; `name` is as `valueBoolean`.
#[must_use]
pub fn extension(url: &str, name: &str, value: impl Into<Value>) -> Value {
    let mut extension = json!({ "url": url });
    if let Some(fields) = extension.as_object_mut() {
        fields.insert(name.to_owned(), value.into());
    }
    extension
}

/// An extension with a term.
#[must_use]
pub fn coding_extension(url: &str, system: &str, code: &str, display: &str) -> Value {
    extension(url, "valueCoding", coding(system, code, display))
}

/// A reference.
#[must_use]
pub fn reference(kind: &str, id: impl std::fmt::Display) -> Value {
    json!({"reference": format!("{kind}/{id}")})
}

/// A date as FHIR has it.
#[must_use]
pub fn date(date: NaiveDate) -> Value {
    json!(Date(date))
}

/// An instant with the offset that it was recorded with.
#[must_use]
pub fn local_instant(at: DateTime<FixedOffset>) -> Value {
    json!(Instant(at))
}

/// Says that an element which has to be there is not known.
#[must_use]
pub fn absent() -> Value {
    json!({"extension": [extension(DATA_ABSENT_REASON, "valueCode", "unknown")]})
}
