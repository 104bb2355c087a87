//! Adverse events, the audit trail, and who recorded what.

use super::Elements;
use crate::app::{After, AuditEntry, NewAuditEntry, Stored};
use crate::auth::{Action, Role};
use crate::domain::adverse_event::AdverseEvent;
use crate::fhir::ids;
use crate::fhir::resource::{Head, Resource, ResourceType, instant};
use crate::fhir::terms;
use serde_json::{Value, json};
use uuid::Uuid;

const REST: &str = "http://terminology.hl7.org/CodeSystem/audit-event-type";
const INTERACTION: &str = "http://hl7.org/fhir/restful-interaction";
const DICOM: &str = "http://dicom.nema.org/resources/ontology/DCM";
const PARTICIPATION: &str = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType";
const ENTITY_TYPE: &str = "http://terminology.hl7.org/CodeSystem/audit-entity-type";
const OBJECT_ROLE: &str = "http://terminology.hl7.org/CodeSystem/object-role";
const SOURCE_TYPE: &str = "http://terminology.hl7.org/CodeSystem/security-source-type";
const OUTCOME: &str = "http://terminology.hl7.org/CodeSystem/adverse-event-outcome";
const OPERATION: &str = "http://terminology.hl7.org/CodeSystem/v3-DataOperation";
const PARTICIPANT: &str = "http://terminology.hl7.org/CodeSystem/provenance-participant-type";

/// An adverse event.
#[must_use]
pub fn adverse((stored, after): &(Stored<AdverseEvent>, After)) -> Resource {
    let event = &stored.value;
    let mut elements = Elements::default();
    let mut extensions = Vec::new();
    extensions.extend(
        event
            .resolved_on
            .map(|day| terms::extension(terms::EXT_RESOLVED_ON, "valueDate", terms::date(day))),
    );
    extensions.extend(
        event
            .note
            .clone()
            .map(|note| terms::extension(terms::EXT_NOTE, "valueString", note)),
    );
    elements.list("extension", extensions);
    elements.put("actuality", "actual");
    elements.put(
        "event",
        terms::concept(
            terms::ADVERSE_EVENT,
            event.category.code(),
            event.category.label(),
        ),
    );
    elements.put("subject", terms::reference("Patient", stored.patient));
    elements.put("date", terms::date(event.onset_on));
    elements.put("recordedDate", instant(stored.recorded_at));
    elements.put(
        "seriousness",
        terms::concept(terms::GRADE, event.grade.code(), event.grade.label()),
    );
    if event.resolved_on.is_some() {
        elements.put("outcome", terms::plain_concept(OUTCOME, "resolved"));
    }
    let mut suspect = Elements::default();
    suspect.put("instance", terms::reference("Procedure", after.id()));
    suspect.maybe(
        "causality",
        event.relation.map(|relation| {
            let relation = terms::concept(terms::RELATION, relation.code(), relation.label());
            json!([{ "assessment": relation }])
        }),
    );
    elements.put("suspectEntity", json!([suspect.done()]));
    Head {
        kind: ResourceType::AdverseEvent,
        id: stored.id.to_string(),
        version: Some(stored.version),
        updated: stored.updated_at,
        patient: Some(stored.patient),
        profiles: &[],
    }
    .with(elements.done())
}

/// What an action was to a FHIR server: the interaction, the code of AuditEvent.action, and the profile of IHE's BALP for it
/// with and without a patient.
fn kind_of(entry: &NewAuditEntry) -> (&'static str, &'static str, [&'static [&'static str]; 2]) {
    let action = entry.action.as_str();
    let is_read = ["read", "export"]
        .iter()
        .any(|verb| action.starts_with(verb));
    let is_change = ["correct", "revoke", "review", "change"]
        .iter()
        .any(|verb| action.starts_with(verb));
    if is_read && entry.resource_id.is_some() {
        const READ: &[&str] =
            &["https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.Read"];
        const OF_PATIENT: &[&str] =
            &["https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.PatientRead"];
        ("read", "R", [READ, OF_PATIENT])
    } else if is_read {
        // IHE's profile of queries wants the query itself, which the trail does not keep: it may be personal.
        ("search-type", "E", [&[], &[]])
    } else if ["withdraw", "delete"]
        .iter()
        .any(|verb| action.starts_with(verb))
    {
        const DELETE: &[&str] =
            &["https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.Delete"];
        const OF_PATIENT: &[&str] =
            &["https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.PatientDelete"];
        ("delete", "D", [DELETE, OF_PATIENT])
    } else if is_change {
        const UPDATE: &[&str] =
            &["https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.Update"];
        const OF_PATIENT: &[&str] =
            &["https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.PatientUpdate"];
        ("update", "U", [UPDATE, OF_PATIENT])
    } else {
        const CREATE: &[&str] =
            &["https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.Create"];
        const OF_PATIENT: &[&str] =
            &["https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.PatientCreate"];
        ("create", "C", [CREATE, OF_PATIENT])
    }
}

/// The resource that a kind of record is shown as.
fn shown_as(kind: &str) -> Option<&'static str> {
    match kind {
        "patient" => Some("Patient"),
        "episode" => Some("Condition"),
        "block" | "ablation" => Some("Procedure"),
        "score" | "follow_up" => Some("Observation"),
        "adverse_event" => Some("AdverseEvent"),
        _ => None,
    }
}

/// An entry of the audit trail.
#[must_use]
pub fn audit(entry: &AuditEntry) -> Resource {
    let of = &entry.entry;
    let (interaction, action, profiles) = kind_of(of);
    let [general, of_patient] = profiles;
    let is_of_the_trail = of.outcome == "done" || of.outcome == "read";
    let claimed: &[&str] = match (of.patient, of.resource_id) {
        _ if !is_of_the_trail => &[],
        (Some(_), Some(_)) => of_patient,
        _ => general,
    };
    let mut elements = Elements::default();
    elements.put("type", coding(REST, "rest", "Restful Operation"));
    let own_words = Action::from_code(&of.action).map_or("", |known| known.code());
    let mut subtypes =
        vec![json!({"system": INTERACTION, "code": interaction, "display": interaction})];
    if !own_words.is_empty() {
        subtypes.push(json!({"system": terms::ACTION, "code": own_words}));
    }
    elements.put("subtype", subtypes);
    elements.put("action", action);
    elements.put("recorded", instant(of.at));
    elements.put("outcome", if is_of_the_trail { "0" } else { "4" });
    elements.put("agent", agents(of, action));
    elements.put(
        "source",
        json!({
            "observer": {"display": "Medial"},
            "type": [coding(SOURCE_TYPE, "4", "Application Server")],
        }),
    );
    elements.put("entity", entities(of));
    Head {
        kind: ResourceType::AuditEvent,
        id: of.id.to_string(),
        version: Some(1),
        updated: of.at,
        patient: of.patient,
        profiles: claimed,
    }
    .with(elements.done())
}

fn coding(system: &str, code: &str, display: &str) -> Value {
    terms::coding(system, code, display)
}

/// Who asked, with what, and who answered. Addresses are not kept in the trail.
fn agents(of: &NewAuditEntry, action: &str) -> Vec<Value> {
    let concept = |system, code, words| terms::concept(system, code, words);
    // Data flows from the server to the client where it is read, the other way where it is written or asked for.
    let (client, server) = if action == "R" {
        (
            concept(DICOM, "110152", "Destination Role ID"),
            concept(DICOM, "110153", "Source Role ID"),
        )
    } else {
        (
            concept(DICOM, "110153", "Source Role ID"),
            concept(DICOM, "110152", "Destination Role ID"),
        )
    };
    let user = if matches!(action, "R" | "E") {
        concept(PARTICIPATION, "IRCP", "information recipient")
    } else {
        concept(PARTICIPATION, "AUT", "author (originator)")
    };
    let role = Role::from_code(&of.role).ok();
    let roles = role.map(|role| json!([terms::plain_concept(terms::ROLE, role.code())]));
    let mut person = Elements::default();
    person.put("type", user);
    person.maybe("role", roles);
    person.put("who", json!({"identifier": {"value": of.principal}}));
    person.put("requestor", true);
    vec![
        json!({
            "type": client,
            "who": {"identifier": {"value": of.principal}},
            "requestor": false,
            "network": terms::absent(),
        }),
        json!({
            "type": server,
            "who": {"display": "Medial"},
            "requestor": false,
            "network": terms::absent(),
        }),
        Value::Object(person.done()),
    ]
}

fn entities(of: &NewAuditEntry) -> Vec<Value> {
    let what = match (shown_as(&of.resource_kind), of.resource_id) {
        (Some(kind), Some(id)) => terms::reference(kind, id),
        (_, Some(id)) => json!({
            "identifier": {"value": id.to_string()},
            "display": of.resource_kind,
        }),
        (_, None) => json!({"display": of.resource_kind}),
    };
    let data = json!({
        "what": what,
        "type": coding(ENTITY_TYPE, "2", "System Object"),
        "role": coding(OBJECT_ROLE, "4", "Domain Resource"),
    });
    let patient = of.patient.map(|patient| {
        json!({
            "what": terms::reference("Patient", patient),
            "type": coding(ENTITY_TYPE, "1", "Person"),
            "role": coding(OBJECT_ROLE, "1", "Patient"),
        })
    });
    std::iter::once(data).chain(patient).collect()
}

/// Who recorded the present version of each record of a patient, from what was done, oldest first.
#[must_use]
pub fn provenances(patient: Uuid, changes: &[NewAuditEntry]) -> Vec<Resource> {
    let mut latest: Vec<(Uuid, &'static str, &NewAuditEntry)> = Vec::new();
    for change in changes {
        let (Some(kind), Some(id)) = (shown_as(&change.resource_kind), change.resource_id) else {
            continue;
        };
        match latest.iter_mut().find(|(known, ..)| *known == id) {
            Some((_, _, entry)) => *entry = change,
            None => latest.push((id, kind, change)),
        }
    }
    latest
        .into_iter()
        .map(|(id, kind, change)| provenance(patient, id, kind, change))
        .collect()
}

fn provenance(patient: Uuid, id: Uuid, kind: &str, change: &NewAuditEntry) -> Resource {
    let (interaction, ..) = kind_of(change);
    let (activity, words) = match interaction {
        "delete" => ("NULLIFY", "nullify"),
        "update" => ("UPDATE", "revise"),
        _ => ("CREATE", "create"),
    };
    let mut elements = Elements::default();
    elements.put("target", json!([terms::reference(kind, id)]));
    elements.put("recorded", instant(change.at));
    elements.put("activity", terms::concept(OPERATION, activity, words));
    elements.put(
        "agent",
        json!([{
            "type": terms::concept(PARTICIPANT, "author", "Author"),
            "role": [terms::plain_concept(terms::ROLE, &change.role)],
            "who": {"identifier": {"value": change.principal}},
        }]),
    );
    Head {
        kind: ResourceType::Provenance,
        id: ids::provenance(id),
        version: None,
        updated: change.at,
        patient: Some(patient),
        profiles: &[terms::US_CORE_PROVENANCE],
    }
    .with(elements.done())
}
