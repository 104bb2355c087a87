//! Adverse events: recorded after a block or an ablation.

use super::field::{put, top, typed};
use super::{
    Draft, answered, body, checked, filled, id_in, latest, of_record, once, only_shown, specs, zone,
};
use crate::app::{After, Error, Result, ablations, blocks, patients};
use crate::auth::Action;
use crate::http::query::Query;
use crate::http::{Call, Endpoint, Reply, State};
use crate::wire::adverse_event::AdverseEventBody;
use crate::wire::parse;
use actix_web::http::StatusCode;
use serde_json::Value;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let [shown, sent] = super::both(
        "/adverse-events/new",
        ["page_new_adverse_event", "form_new_adverse_event"],
        Action::WriteAdverseEvent,
        [show, create],
    );
    let shown = shown
        .query(of_record("block", "The block after which it happened."))
        .query(of_record(
            "ablation",
            "The ablation after which it happened.",
        ));
    vec![shown, sent]
}

fn draft(state: &State, call: &Call, after: After) -> Result<Draft> {
    let (patient, what) = state.app.read(call.principal()?, |unit| {
        let words = crate::web::words::treated;
        let (patient, what) = match after {
            After::Block(id) => {
                let (stored, _) = blocks::get(unit, id)?;
                let treated = words(&stored.value.joints, stored.value.side);
                let day = stored.value.local_date();
                (
                    stored.patient,
                    format!("after the block of {day}, {treated}"),
                )
            }
            After::Ablation(id) => {
                let (stored, _) = ablations::get(unit, id)?;
                let treated = words(&stored.value.joints, stored.value.side);
                let day = stored.value.performed_on;
                (
                    stored.patient,
                    format!("after the ablation of {day}, {treated}"),
                )
            }
        };
        Ok((patients::get(unit, patient)?, what))
    })?;
    let path = "/adverse-events/new".to_owned();
    let mut draft = Draft::new("New adverse event", path, top(specs::EVENT))
        .of_patient(&patient, state.app.today());
    draft.about = format!("{} · {what}", draft.about);
    draft.submit = "Record the event";
    draft.hidden.push(match after {
        After::Block(id) => ("/block_id", id.to_string()),
        After::Ablation(id) => ("/ablation_id", id.to_string()),
    });
    Ok(draft)
}

fn show(state: &State, call: &Call) -> Result<Reply> {
    let after = match (call.query_id("block"), call.query_id("ablation")) {
        (Some(block), None) => After::Block(block),
        (None, Some(ablation)) => After::Ablation(ablation),
        _ => {
            let detail = "name either the block or the ablation after which it happened";
            return Err(Call::invalid_parameter("block", detail));
        }
    };
    let mut draft = draft(state, call, after)?;
    draft.query = filled(&[("/onset_on", &state.app.today().to_string())]);
    draft.reply(state, call, StatusCode::OK)
}

fn after(query: &Query) -> Result<After> {
    if typed(query, "/block_id").is_empty() {
        return id_in(query, "/ablation_id", "ablation").map(After::Ablation);
    }
    id_in(query, "/block_id", "block").map(After::Block)
}

fn create(state: &State, call: &Call) -> Result<Reply> {
    let query = call.form()?;
    let after = after(&query)?;
    let mut draft = draft(state, call, after)?;
    draft.query = query;
    if only_shown(&draft.query) {
        return draft.reply(state, call, StatusCode::OK);
    }
    let mut read = super::field::read(&draft.form, &draft.query, zone(state));
    let (name, id) = match after {
        After::Block(id) => ("/block_id", id),
        After::Ablation(id) => ("/ablation_id", id),
    };
    put(&mut read.body, name, Value::from(id.to_string()));
    let latest = latest(state);
    let parsed = body(&read, |value| {
        parse::<AdverseEventBody>(value)
            .and_then(|body| checked(body, |body, errors| body.check(latest, errors)))
    });
    let on = draft.back.clone();
    let outcome = parsed.and_then(|body| {
        let event = body.into_domain();
        let key = once(call, &draft.query);
        state.app.write_once(call.principal()?, key, move |unit| {
            ablations::record_event(unit, after, &event).map_err(|error| match error {
                Error::NotFound { .. } => Error::NotFound { what: "procedure" },
                other => other,
            })?;
            Reply::see_other(&on)
        })
    });
    answered(state, call, draft, &read, outcome)
}
