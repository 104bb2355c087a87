//! Patients: recorded and corrected.

use super::field::top;
use super::{
    Draft, Loaded, Subject, answered, body, both, checked, complaints, latest, once, only_shown,
    specs, zone,
};
use crate::app::patients::{self, Recorded};
use crate::app::{Error, Result};
use crate::auth::Action;
use crate::http::{Call, Endpoint, Reply, State};
use crate::wire::parse;
use crate::wire::patient::{PatientBody, PatientFields};
use actix_web::http::StatusCode;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let new = both(
        "/patients/new",
        ["page_new_patient", "form_new_patient"],
        Action::WritePatient,
        [show_new, create],
    );
    let edit = both(
        "/patients/{id}/edit",
        ["page_correct_patient", "form_correct_patient"],
        Action::CorrectPatient,
        [show, correct],
    );
    new.into_iter().chain(edit).collect()
}

/// The error of an identifier that somebody has already.
pub(super) fn known(pointer: &str) -> Error {
    let detail = "Somebody with this identifier is recorded already: look for them instead.";
    Error::field(pointer, "identifier_taken", detail)
}

fn draft() -> Draft {
    let mut draft = Draft::new(
        "New patient",
        "/patients/new".to_owned(),
        top(specs::PATIENT),
    );
    draft.submit = "Record the patient";
    draft
}

fn show_new(state: &State, call: &Call) -> Result<Reply> {
    let mut draft = draft();
    let system = state.app.read(call.principal()?, patients::newest_system)?;
    if let Some(system) = system {
        draft.query.push("/identifiers/0/system", &system);
    }
    draft.reply(state, call, StatusCode::OK)
}

fn create(state: &State, call: &Call) -> Result<Reply> {
    let mut draft = draft();
    draft.query = call.form()?;
    if only_shown(&draft.query) {
        return draft.reply(state, call, StatusCode::OK);
    }
    let read = super::field::read(&draft.form, &draft.query, zone(state));
    let latest = latest(state);
    let parsed = body(&read, |value| {
        parse::<PatientBody>(value)
            .and_then(|body| checked(body, |body, errors| body.check("", latest, errors)))
    });
    let outcome =
        parsed.and_then(|body| {
            let patient = body.into_domain();
            let key = once(call, &draft.query);
            state
                .app
                .write_once(call.principal()?, key, move |unit| match patients::record(
                    unit, &patient,
                )? {
                    Recorded::Anew(stored) => Reply::see_other(&format!("/patients/{}", stored.id)),
                    Recorded::Before(_) => Err(known("/identifiers/0/value")),
                })
        });
    answered(state, call, draft, &read, outcome)
}

fn with_subject<T>(
    state: &State,
    call: &Call,
    work: impl FnOnce(&Subject<'_>) -> Result<T>,
) -> Result<T> {
    let id = call.path_id("id", "patient")?;
    let latest = latest(state);
    work(&Subject {
        title: "Correct the patient",
        kind: "patient",
        reading: Action::ReadPatient,
        id,
        form: top(specs::PATIENT),
        load: &|unit| {
            let stored = patients::get(unit, id)?;
            Loaded::of(unit, &stored, &PatientFields::from(&stored.value))
        },
        check: &|value| {
            complaints(parse::<PatientBody>(value), |body, errors| {
                body.check("", latest, errors);
            })
        },
        earlier: std::convert::identity,
    })
}

fn show(state: &State, call: &Call) -> Result<Reply> {
    with_subject(state, call, |subject| subject.show(state, call))
}

fn correct(state: &State, call: &Call) -> Result<Reply> {
    with_subject(state, call, |subject| {
        let id = subject.id;
        subject.correct(state, call, move |unit, value, version, reason| {
            let body: PatientBody = parse(value).map_err(Error::Invalid)?;
            patients::correct(unit, id, version, &body.into_domain(), Some(reason))?;
            Ok(())
        })
    })
}
