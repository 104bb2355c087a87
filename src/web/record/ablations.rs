//! Ablations and their follow-ups: recorded and corrected.

use super::field::{Placed, put, top, typed};
use super::{
    Draft, Loaded, Subject, answered, body, both, checked, complaints, filled, id_in, latest,
    of_record, once, only_shown, specs, zone,
};
use crate::app::{Error, Result, ablations, episodes, patients};
use crate::auth::Action;
use crate::http::{Call, Endpoint, Reply, State};
use crate::wire::ablation::{AblationBody, AblationFields, FollowUpBody, FollowUpFields};
use crate::wire::parse;
use actix_web::http::StatusCode;
use serde_json::Value;
use uuid::Uuid;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let [show_new, create] = both(
        "/ablations/new",
        ["page_new_ablation", "form_new_ablation"],
        Action::WriteAblation,
        [show_new, create],
    );
    let pairs = [
        both(
            "/ablations/{id}/edit",
            ["page_correct_ablation", "form_correct_ablation"],
            Action::CorrectAblation,
            [show, correct],
        ),
        both(
            "/ablations/{id}/follow-ups/new",
            ["page_new_follow_up", "form_new_follow_up"],
            Action::WriteAblation,
            [show_new_follow_up, create_follow_up],
        ),
        both(
            "/ablations/{id}/follow-ups/{follow_up_id}/edit",
            ["page_correct_follow_up", "form_correct_follow_up"],
            Action::CorrectAblation,
            [show_follow_up, correct_follow_up],
        ),
    ];
    let show_new = show_new.query(of_record("episode", "The pain that is treated.").required());
    [show_new, create]
        .into_iter()
        .chain(pairs.into_iter().flatten())
        .collect()
}

fn form() -> Vec<Placed> {
    let mut form = top(specs::TREATED);
    form.extend(top(specs::ABLATION));
    form
}

fn draft(state: &State, call: &Call, episode: Uuid) -> Result<Draft> {
    let (patient, region) = state.app.read(call.principal()?, |unit| {
        let stored = episodes::get(unit, episode)?;
        Ok((patients::get(unit, stored.patient)?, stored.value.region))
    })?;
    let mut draft = Draft::new("New ablation", "/ablations/new".to_owned(), form())
        .of_patient(&patient, state.app.today());
    draft.about = format!("{} · {region} episode", draft.about);
    draft.hidden.push(("/episode_id", episode.to_string()));
    draft.submit = "Record the ablation";
    Ok(draft)
}

fn show_new(state: &State, call: &Call) -> Result<Reply> {
    let episode = call.query_id("episode");
    let episode = episode.ok_or(Error::NotFound { what: "episode" })?;
    let mut draft = draft(state, call, episode)?;
    let today = state.app.today().to_string();
    draft.query = filled(&[("/performed_on", &today), ("/pre_score/scale", "nrs")]);
    draft.reply(state, call, StatusCode::OK)
}

fn create(state: &State, call: &Call) -> Result<Reply> {
    let query = call.form()?;
    let episode = id_in(&query, "/episode_id", "episode")?;
    let mut draft = draft(state, call, episode)?;
    draft.query = query;
    if only_shown(&draft.query) {
        return draft.reply(state, call, StatusCode::OK);
    }
    let mut read = super::field::read(&draft.form, &draft.query, zone(state));
    put(
        &mut read.body,
        "/episode_id",
        Value::from(episode.to_string()),
    );
    let latest = latest(state);
    let parsed = body(&read, |value| {
        parse::<AblationBody>(value)
            .and_then(|body| checked(body, |body, errors| body.check("", latest, errors)))
    });
    let outcome = parsed.and_then(|body| {
        let (ablation, follow_ups) = body.into_domain();
        let key = once(call, &draft.query);
        state.app.write_once(call.principal()?, key, move |unit| {
            let (stored, _) = ablations::record(unit, episode, &ablation, &follow_ups)?;
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
    let id = call.path_id("id", "ablation")?;
    let latest = latest(state);
    work(&Subject {
        title: "Correct the ablation",
        kind: "ablation",
        reading: Action::ReadAblation,
        id,
        form: form(),
        load: &|unit| {
            let (stored, _) = ablations::get(unit, id)?;
            Loaded::of(unit, &stored, &AblationFields::from(&stored.value))
        },
        check: &|value| {
            complaints(parse::<AblationBody>(value), |body, errors| {
                body.check("", latest, errors);
            })
        },
        earlier: std::convert::identity,
    })
}

fn show(state: &State, call: &Call) -> Result<Reply> {
    with_subject(state, call, |subject| {
        let mut draft = subject.shown(state, call)?;
        if typed(&draft.query, "/pre_score/scale").is_empty() {
            draft.query.push("/pre_score/scale", "nrs");
        }
        draft.reply(state, call, StatusCode::OK)
    })
}

fn correct(state: &State, call: &Call) -> Result<Reply> {
    with_subject(state, call, |subject| {
        let id = subject.id;
        subject.correct(state, call, move |unit, value, version, reason| {
            let body: AblationBody = parse(value).map_err(Error::Invalid)?;
            let (ablation, _) = body.into_domain();
            ablations::correct(unit, id, version, &ablation, Some(reason))?;
            Ok(())
        })
    })
}

fn follow_up_draft(state: &State, call: &Call, ablation: Uuid) -> Result<Draft> {
    let (stored, patient) = state.app.read(call.principal()?, |unit| {
        let (stored, _) = ablations::get(unit, ablation)?;
        let patient = patients::get(unit, stored.patient)?;
        Ok((stored, patient))
    })?;
    let path = call.url_path().to_owned();
    let mut draft = Draft::new("New follow-up", path, top(specs::FOLLOW_UP))
        .of_patient(&patient, state.app.today());
    let treated = crate::web::words::treated(&stored.value.joints, stored.value.side);
    let day = stored.value.performed_on;
    draft.about = format!("{} · ablation of {day}, {treated}", draft.about);
    draft.submit = "Record the follow-up";
    let scale = stored
        .value
        .pre_score
        .map_or("nrs", |score| score.scale().code());
    draft.query = filled(&[
        ("/taken_on", &state.app.today().to_string()),
        ("/score/scale", scale),
    ]);
    Ok(draft)
}

fn show_new_follow_up(state: &State, call: &Call) -> Result<Reply> {
    let draft = follow_up_draft(state, call, call.path_id("id", "ablation")?)?;
    draft.reply(state, call, StatusCode::OK)
}

fn create_follow_up(state: &State, call: &Call) -> Result<Reply> {
    let ablation = call.path_id("id", "ablation")?;
    let mut draft = follow_up_draft(state, call, ablation)?;
    draft.query = call.form()?;
    let read = super::field::read(&draft.form, &draft.query, zone(state));
    let latest = latest(state);
    let parsed = body(&read, |value| {
        parse::<FollowUpBody>(value)
            .and_then(|body| checked(body, |body, errors| body.check("", None, latest, errors)))
    });
    let outcome = parsed.and_then(|body| {
        let follow_up = body.into_domain();
        let key = once(call, &draft.query);
        state.app.write_once(call.principal()?, key, move |unit| {
            let stored = ablations::add_follow_up(unit, ablation, &follow_up)?;
            Reply::see_other(&format!("/patients/{}", stored.patient))
        })
    });
    answered(state, call, draft, &read, outcome)
}

fn with_follow_up<T>(
    state: &State,
    call: &Call,
    work: impl FnOnce(Uuid, &Subject<'_>) -> Result<T>,
) -> Result<T> {
    let ablation = call.path_id("id", "ablation")?;
    let id = call.path_id("follow_up_id", "follow-up")?;
    let latest = latest(state);
    let subject = Subject {
        title: "Correct the follow-up",
        kind: "follow_up",
        reading: Action::ReadAblation,
        id,
        form: top(specs::FOLLOW_UP),
        load: &|unit| {
            let stored = ablations::follow_up(unit, ablation, id)?;
            Loaded::of(unit, &stored, &FollowUpFields::from(&stored.value))
        },
        check: &|value| {
            complaints(parse::<FollowUpBody>(value), |body, errors| {
                body.check("", None, latest, errors);
            })
        },
        earlier: std::convert::identity,
    };
    work(ablation, &subject)
}

fn show_follow_up(state: &State, call: &Call) -> Result<Reply> {
    with_follow_up(state, call, |_, subject| {
        let mut draft = subject.shown(state, call)?;
        if typed(&draft.query, "/score/scale").is_empty() {
            draft.query.push("/score/scale", "nrs");
        }
        draft.reply(state, call, StatusCode::OK)
    })
}

fn correct_follow_up(state: &State, call: &Call) -> Result<Reply> {
    with_follow_up(state, call, |ablation, subject| {
        let id = subject.id;
        subject.correct(state, call, move |unit, value, version, reason| {
            let body: FollowUpBody = parse(value).map_err(Error::Invalid)?;
            let follow_up = body.into_domain();
            ablations::correct_follow_up(unit, ablation, id, version, &follow_up, Some(reason))?;
            Ok(())
        })
    })
}
