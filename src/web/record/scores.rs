//! Scores: added to a block, corrected and withdrawn.

use super::field::{Read, top, typed};
use super::grid::{self, Base};
use super::{
    Draft, Loaded, REASON, Subject, answered, both, complaints, filled, once, only_shown, specs,
    zone,
};
use crate::app::{Error, FieldError, Result, blocks, patients};
use crate::auth::Action;
use crate::domain::anatomy::TreatedSide;
use crate::domain::pain::ScoreRow;
use crate::http::query::Query;
use crate::http::{Access, Call, Endpoint, Reply, State};
use crate::wire::block::{MOST_SCORES, ScoreBody, ScoreFields, score_times};
use crate::wire::parse;
use actix_web::http::StatusCode;
use serde_json::Value;
use uuid::Uuid;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let new = both(
        "/blocks/{id}/scores/new",
        ["page_new_scores", "form_new_scores"],
        Action::WriteScore,
        [show_new, create],
    );
    let edit = both(
        "/scores/{id}/edit",
        ["page_correct_score", "form_correct_score"],
        Action::CorrectScore,
        [show, correct],
    );
    let withdrawing = Endpoint::form(
        "/scores/{id}/withdraw",
        "form_withdraw_score",
        Access::SignedIn(Action::WithdrawScore),
        withdraw,
    );
    let mut all: Vec<Endpoint> = new.into_iter().chain(edit).collect();
    all.push(withdrawing);
    all
}

/// What a grid begins with.
pub(super) fn preset() -> [(&'static str, &'static str); 3] {
    [
        (grid::SCALE, "nrs"),
        (grid::CONTEXT, "movement"),
        (grid::REPORTED_BY, "patient"),
    ]
}

/// The scores of a body, with the pointers that a block gives them.
fn rows(read: &Read, now: chrono::DateTime<chrono::Utc>) -> Result<Vec<ScoreRow>> {
    let list = read.body.get("scores").and_then(Value::as_array);
    let list = list.cloned().unwrap_or_default();
    if list.is_empty() {
        let detail = "There is no score in any of the rows.";
        return Err(Error::field(grid::AT, "too_few", detail));
    }
    if list.len() > MOST_SCORES {
        let detail = "Expected at most 1000 scores at once.";
        return Err(Error::field(grid::AT, "too_many", detail));
    }
    let mut errors = Vec::new();
    let mut rows = Vec::new();
    for (place, value) in list.into_iter().enumerate() {
        let at = format!("{}/{place}", grid::AT);
        match parse::<ScoreBody>(value) {
            Ok(body) => {
                score_times(&body, &at, now, &mut errors);
                rows.extend(body.into_domain());
            }
            Err(wrong) => errors.extend(crate::http::call::under(&at, wrong)),
        }
    }
    if errors.is_empty() && read.errors.is_empty() {
        Ok(rows)
    } else {
        Err(Error::Invalid(errors))
    }
}

fn sides(side: TreatedSide) -> &'static str {
    side.code()
}

fn draft(state: &State, call: &Call, id: Uuid) -> Result<(Draft, Base)> {
    let (block, patient) = state.app.read(call.principal()?, |unit| {
        let (block, _) = blocks::get(unit, id)?;
        let patient = patients::get(unit, block.patient)?;
        Ok((block, patient))
    })?;
    let base = Base {
        injection: block.value.performed_at,
        zone: zone(state),
    };
    let mut draft = Draft::new("Add scores", call.url_path().to_owned(), Vec::new())
        .of_patient(&patient, state.app.today());
    let treated = crate::web::words::treated(&block.value.joints, block.value.side);
    draft.about = format!(
        "{} · block of {}, {treated}",
        draft.about,
        block.value.performed_at.format("%Y-%m-%d %H:%M")
    );
    draft.submit = "Add the scores";
    draft.grid = Some(sides(block.value.side));
    Ok((draft, base))
}

fn show_new(state: &State, call: &Call) -> Result<Reply> {
    let (mut draft, _) = draft(state, call, call.path_id("id", "block")?)?;
    draft.query = filled(&preset());
    draft.reply(state, call, StatusCode::OK)
}

fn create(state: &State, call: &Call) -> Result<Reply> {
    let block = call.path_id("id", "block")?;
    let (mut draft, base) = draft(state, call, block)?;
    draft.query = call.form()?;
    if only_shown(&draft.query) {
        return draft.reply(state, call, StatusCode::OK);
    }
    let mut read = Read::default();
    grid::read(&draft.query, Some(base), &mut read);
    let outcome = rows(&read, state.seam.now()).and_then(|rows| {
        let key = once(call, &draft.query);
        let on = draft.back.clone();
        state.app.write_once(call.principal()?, key, move |unit| {
            blocks::add_scores(unit, block, &rows, |place| format!("{}/{place}", grid::AT))?;
            Reply::see_other(&on)
        })
    });
    answered(state, call, draft, &read, outcome)
}

fn with_subject<T>(
    state: &State,
    call: &Call,
    work: impl FnOnce(&Subject<'_>) -> Result<T>,
) -> Result<T> {
    let id = call.path_id("id", "score")?;
    let now = state.seam.now();
    work(&Subject {
        title: "Correct the score",
        kind: "score",
        reading: Action::ReadScore,
        id,
        form: top(specs::SCORE),
        load: &|unit| {
            let stored = blocks::score(unit, id)?;
            if stored.withdrawn.is_some() {
                return Err(withdrawn());
            }
            Loaded::of(unit, &stored, &ScoreFields::from(&stored.value))
        },
        check: &|value| {
            complaints(parse::<ScoreBody>(value), |body, errors| {
                score_times(body, "", now, errors);
            })
        },
        earlier: std::convert::identity,
    })
}

fn withdrawn() -> Error {
    Error::Conflict {
        code: "withdrawn",
        detail: "This score was withdrawn: it is kept, and no longer counts.".to_owned(),
    }
}

fn show(state: &State, call: &Call) -> Result<Reply> {
    with_subject(state, call, |subject| {
        let draft = subject.shown(state, call)?;
        with_withdrawal(draft, subject.id).reply(state, call, StatusCode::OK)
    })
}

/// With the form to withdraw the score beneath.
fn with_withdrawal(mut draft: Draft, id: Uuid) -> Draft {
    let version = draft.hidden.iter().find(|(name, _)| *name == "version");
    let version = version.and_then(|(_, version)| version.parse().ok());
    draft.withdraw = version.map(|version| (format!("/scores/{id}/withdraw"), version));
    draft
}

fn correct(state: &State, call: &Call) -> Result<Reply> {
    with_subject(state, call, |subject| {
        let id = subject.id;
        subject.correct(state, call, move |unit, value, version, reason| {
            let body: ScoreBody = parse(value).map_err(Error::Invalid)?;
            let row = body
                .into_domain()
                .ok_or_else(|| Error::internal("a score that was read is not on its scale"))?;
            blocks::correct_score(unit, id, version, &row, Some(reason))?;
            Ok(())
        })
    })
}

fn withdraw(state: &State, call: &Call) -> Result<Reply> {
    let id = call.path_id("id", "score")?;
    let query = call.form()?;
    let version: i32 = typed(&query, "version").parse().unwrap_or(0);
    let reason = typed(&query, REASON).to_owned();
    if !(1..=500).contains(&reason.chars().count()) {
        return refused_withdrawal(state, call, query);
    }
    let key = once(call, &query);
    let outcome = state.app.write_once(call.principal()?, key, move |unit| {
        let patient = blocks::score(unit, id)?.patient;
        blocks::withdraw_score(unit, id, Some(version), &reason)?;
        Reply::see_other(&format!("/patients/{patient}"))
    });
    match outcome {
        Err(Error::PreconditionFailed { .. }) => with_subject(state, call, |subject| {
            // What was about to be withdrawn is no longer what it was: it is shown as it stands now.
            let mut draft = with_withdrawal(subject.shown(state, call)?, id);
            draft.action = format!("/scores/{id}/edit");
            let detail = "Somebody corrected this score while you had it open. It is shown as it is stored now; withdraw it \
                          if that is still right.";
            draft.errors = vec![FieldError::new("", "stale_version", detail)];
            draft.reply(state, call, StatusCode::PRECONDITION_FAILED)
        }),
        other => other,
    }
}

/// Without a reason nothing is withdrawn.
fn refused_withdrawal(state: &State, call: &Call, query: Query) -> Result<Reply> {
    with_subject(state, call, |subject| {
        let mut draft = with_withdrawal(subject.shown(state, call)?, subject.id);
        draft.action = format!("/scores/{}/edit", subject.id);
        draft.query.push(REASON, typed(&query, REASON));
        let detail = "Say why it is withdrawn in 1 to 500 characters.";
        draft.errors = vec![FieldError::new("", "required", detail)];
        draft.reply(state, call, StatusCode::UNPROCESSABLE_ENTITY)
    })
}
