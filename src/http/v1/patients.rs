//! Patients.

use super::stored::{Kept, correction};
use super::timeline::TimelineView;
use super::{change, checked, examples, latest_day, look, once};
use crate::app::patients::{self, Recorded};
use crate::app::{Error, Result, Stored, timeline};
use crate::auth::Action;
use crate::domain::patient::{Identifier, Patient};
use crate::http::call::{Call, Page};
use crate::http::problem::Kind;
use crate::http::registry::{Endpoint, Parameter, ParameterKind};
use crate::http::reply::Reply;
use crate::http::state::State;
use crate::wire::parse;
use crate::wire::patient::{PatientBody, PatientFields};
use actix_web::http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

/// A patient as answered.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Patient")]
pub(super) struct PatientView {
    #[serde(flatten)]
    kept: Kept,
    #[serde(flatten)]
    fields: PatientFields,
}

const READ_ONLY: [&str; 4] = ["id", "version", "recorded_at", "updated_at"];

impl From<&Stored<Patient>> for PatientView {
    fn from(stored: &Stored<Patient>) -> PatientView {
        PatientView {
            kept: stored.into(),
            fields: PatientFields::from(&stored.value),
        }
    }
}

/// What there is about patients.
pub(super) fn endpoints() -> Vec<Endpoint> {
    let identifier = Parameter::new(
        "identifier",
        ParameterKind::Text,
        "The patient with this identifier: system and value with `|` between them.",
    );
    vec![
        Endpoint::post("/v1/patients", "create_patient", Action::WritePatient, create)
            .titled("patients", "Record a patient")
            .about("An identifier belongs to one patient of an organization. Where it is recorded already, that patient is answered with 200 and nothing is changed; correct it with `PUT`.")
            .takes::<PatientBody>(vec![examples::request("plain", "A patient with one identifier.", examples::patient())])
            .answers::<PatientView>(201, "The patient is recorded.", Some(examples::patient_answer()))
            .answers::<PatientView>(200, "A patient with one of the identifiers was recorded before.", Some(examples::patient_answer()))
            .tagged()
            .fails(&[Kind::Conflict]),
        Endpoint::get("/v1/patients", "list_patients", Action::ReadPatient, list)
            .titled("patients", "List patients")
            .about("In the order in which they were recorded.")
            .query(identifier.like("urn:example:mrn|12345"))
            .paged()
            .answers::<Page<PatientView>>(200, "A page of patients.", None),
        Endpoint::get("/v1/patients/{id}", "read_patient", Action::ReadPatient, read)
            .titled("patients", "Read a patient")
            .answers::<PatientView>(200, "The patient.", Some(examples::patient_answer()))
            .tagged()
            .fails(&[Kind::NotFound]),
        Endpoint::put("/v1/patients/{id}", "correct_patient", Action::CorrectPatient, correct)
            .titled("patients", "Correct a patient")
            .about("The whole patient is sent; the earlier version is kept. `reason` says why, if it is given.")
            .takes::<PatientBody>(vec![examples::request("plain", "The patient as it ought to read.", examples::patient())])
            .answers::<PatientView>(200, "The patient is corrected.", Some(examples::patient_answer()))
            .fails(&[Kind::NotFound, Kind::Conflict]),
        Endpoint::get("/v1/patients/{id}/timeline", "read_timeline", Action::ReadPatient, read_timeline)
            .titled("patients", "Everything recorded about a patient, in time order")
            .about("Episodes by their onset, care and disability scores by their days, blocks and scores by their instants, ablations, follow-ups, adverse events and decisions. Withdrawn scores are marked.")
            .answers::<TimelineView>(200, "The timeline.", None)
            .fails(&[Kind::NotFound]),
    ]
}

fn create(state: &State, call: &Call) -> Result<Reply> {
    let body: PatientBody = call.parse()?;
    checked(|errors| body.check("", latest_day(state), errors))?;
    let patient = body.into_domain();
    once(state, call, move |unit| {
        let recorded = patients::record(unit, &patient)?;
        let stored = recorded.patient();
        let reply = Reply::created(
            &location(stored.id),
            stored.version,
            &PatientView::from(stored),
        )?;
        Ok(match recorded {
            Recorded::Anew(_) => reply,
            Recorded::Before(_) => reply.with_status(StatusCode::OK),
        })
    })
}

fn location(id: Uuid) -> String {
    format!("/v1/patients/{id}")
}

fn list(state: &State, call: &Call) -> Result<Reply> {
    let identifier = call.query_as("identifier", identifier_of)?;
    let after: Option<Uuid> = call.cursor()?;
    look(state, call, |unit| {
        let page = patients::page(unit, identifier.as_ref(), after, call.limit())?;
        let count = call
            .count()
            .then(|| patients::count(unit, identifier.as_ref()))
            .transpose()?;
        super::page(
            call,
            &page,
            |patient| PatientView::from(patient),
            |patient| patient.id,
            count,
        )
    })
}

fn identifier_of(text: &str) -> std::result::Result<Identifier, &'static str> {
    const SHAPE: &str = "write the system, `|` and the value, as urn:example:mrn|12345";
    let (system, value) = text.split_once('|').ok_or(SHAPE)?;
    if system.is_empty() || value.is_empty() {
        return Err(SHAPE);
    }
    Ok(Identifier {
        system: system.to_owned(),
        value: value.to_owned(),
    })
}

fn read(state: &State, call: &Call) -> Result<Reply> {
    let id = call.path_id("id", "patient")?;
    look(state, call, |unit| {
        let patient = patients::get(unit, id)?;
        Reply::ok(patient.version, &PatientView::from(&patient))
    })
}

fn correct(state: &State, call: &Call) -> Result<Reply> {
    let id = call.path_id("id", "patient")?;
    let version = call.required_version()?;
    let (sent, latest) = (call.json().clone(), latest_day(state));
    change(state, call, move |unit| {
        let stored = patients::get(unit, id)?;
        let view = PatientView::from(&stored);
        let correction = correction(&stored, version, &view, &sent, &READ_ONLY)?;
        let body: PatientBody = parse(correction.body).map_err(Error::Invalid)?;
        checked(|errors| body.check("", latest, errors))?;
        let reason = correction.reason.as_deref();
        let corrected = patients::correct(unit, id, version, &body.into_domain(), reason)?;
        Reply::ok(corrected.version, &PatientView::from(&corrected))
    })
}

fn read_timeline(state: &State, call: &Call) -> Result<Reply> {
    let id = call.path_id("id", "patient")?;
    look(state, call, |unit| {
        let records = timeline::of_patient(unit, id)?;
        Reply::json(&TimelineView::of(&records)?)
    })
}
