//! Episodes: recorded and corrected.

use super::field::top;
use super::{
    Draft, Loaded, Subject, answered, body, both, checked, complaints, latest, of_record, once,
    only_shown, specs, zone,
};
use crate::app::{Error, Result, episodes, patients};
use crate::auth::Action;
use crate::http::{Call, Endpoint, Reply, State};
use crate::wire::episode::{EpisodeBody, EpisodeFields};
use crate::wire::parse;
use actix_web::http::StatusCode;
use uuid::Uuid;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let [show_new, create] = both(
        "/episodes/new",
        ["page_new_episode", "form_new_episode"],
        Action::WriteEpisode,
        [show_new, create],
    );
    let edit = both(
        "/episodes/{id}/edit",
        ["page_correct_episode", "form_correct_episode"],
        Action::CorrectEpisode,
        [show, correct],
    );
    let show_new = show_new.query(of_record("patient", "Whose pain it is.").required());
    [show_new, create].into_iter().chain(edit).collect()
}

fn draft(state: &State, call: &Call, patient: Uuid) -> Result<Draft> {
    let stored = state
        .app
        .read(call.principal()?, |unit| patients::get(unit, patient))?;
    let mut draft = Draft::new(
        "New episode",
        "/episodes/new".to_owned(),
        top(specs::EPISODE),
    )
    .of_patient(&stored, state.app.today());
    draft.hidden.push(("patient", patient.to_string()));
    draft.submit = "Record the episode";
    Ok(draft)
}

fn show_new(state: &State, call: &Call) -> Result<Reply> {
    let patient = call.query_id("patient");
    let patient = patient.ok_or(Error::NotFound { what: "patient" })?;
    draft(state, call, patient)?.reply(state, call, StatusCode::OK)
}

fn create(state: &State, call: &Call) -> Result<Reply> {
    let query = call.form()?;
    let patient: Uuid = super::id_in(&query, "patient", "patient")?;
    let mut draft = draft(state, call, patient)?;
    draft.query = query;
    if only_shown(&draft.query) {
        return draft.reply(state, call, StatusCode::OK);
    }
    let read = super::field::read(&draft.form, &draft.query, zone(state));
    let latest = latest(state);
    let parsed = body(&read, |value| {
        parse::<EpisodeBody>(value)
            .and_then(|body| checked(body, |body, errors| body.check("", latest, errors)))
    });
    let outcome = parsed.and_then(|body| {
        let episode = body.into_domain();
        let key = once(call, &draft.query);
        state.app.write_once(call.principal()?, key, move |unit| {
            let stored = episodes::record(unit, patient, &episode)?;
            Reply::see_other(&format!("/patients/{}", stored.patient))
        })
    });
    answered(state, call, draft, &read, outcome)
}

fn with_subject<T>(
    state: &State,
    call: &Call,
    work: impl FnOnce(&Subject<'_>) -> Result<T>,
) -> Result<T> {
    let id = call.path_id("id", "episode")?;
    let latest = latest(state);
    work(&Subject {
        title: "Correct the episode",
        kind: "episode",
        reading: Action::ReadEpisode,
        id,
        form: top(specs::EPISODE),
        load: &|unit| {
            let stored = episodes::get(unit, id)?;
            Loaded::of(unit, &stored, &EpisodeFields::from(&stored.value))
        },
        check: &|value| {
            complaints(parse::<EpisodeBody>(value), |body, errors| {
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
            let body: EpisodeBody = parse(value).map_err(Error::Invalid)?;
            episodes::correct(unit, id, version, &body.into_domain(), Some(reason))?;
            Ok(())
        })
    })
}
