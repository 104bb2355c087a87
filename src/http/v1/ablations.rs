//! Ablations and their follow-ups.

use super::stored::{Kept, correction};
use super::{change, checked, examples, latest_day, look, once, required};
use crate::app::{Error, Result, Stored, ablations};
use crate::auth::Action;
use crate::domain::ablation::{Ablation, FollowUp};
use crate::http::call::{Call, Page};
use crate::http::problem::Kind;
use crate::http::registry::{Endpoint, Parameter, ParameterKind};
use crate::http::reply::Reply;
use crate::http::state::State;
use crate::wire::ablation::{AblationBody, AblationFields, FollowUpBody, FollowUpFields};
use crate::wire::parse;
use crate::wire::scalar::{Decimal, Id};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

/// An ablation as answered.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Ablation")]
pub(super) struct AblationView {
    #[serde(flatten)]
    kept: Kept,
    /// The patient.
    patient_id: Id,
    /// The episode.
    episode_id: Id,
    #[serde(flatten)]
    fields: AblationFields,
}

impl From<&Stored<Ablation>> for AblationView {
    fn from(stored: &Stored<Ablation>) -> AblationView {
        AblationView {
            kept: stored.into(),
            patient_id: Id(stored.patient),
            episode_id: Id(stored.parent),
            fields: AblationFields::from(&stored.value),
        }
    }
}

/// An ablation with its follow-ups.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AblationWithFollowUps")]
struct AblationWithFollowUps {
    #[serde(flatten)]
    ablation: AblationView,
    /// By day.
    follow_ups: Vec<FollowUpView>,
}

impl AblationWithFollowUps {
    fn of(ablation: &Stored<Ablation>, follow_ups: &[Stored<FollowUp>]) -> AblationWithFollowUps {
        AblationWithFollowUps {
            ablation: ablation.into(),
            follow_ups: follow_ups
                .iter()
                .map(|one| FollowUpView::of(one, Some(&ablation.value)))
                .collect(),
        }
    }
}

/// A follow-up as answered.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "FollowUp")]
pub(super) struct FollowUpView {
    #[serde(flatten)]
    kept: Kept,
    /// The patient.
    patient_id: Id,
    /// The ablation.
    ablation_id: Id,
    #[serde(flatten)]
    fields: FollowUpFields,
    /// Relief against the ablation's `pre_score`, in percent rounded down to the tenth; null where the two scores do
    /// not compare.
    relief_percent: Option<Decimal<1>>,
}

impl FollowUpView {
    pub(super) fn of(stored: &Stored<FollowUp>, ablation: Option<&Ablation>) -> FollowUpView {
        let before = ablation.and_then(|ablation| ablation.pre_score);
        let relief = before
            .zip(stored.value.score)
            .and_then(|(before, score)| crate::domain::pain::Relief::between(before, score));
        FollowUpView {
            kept: stored.into(),
            patient_id: Id(stored.patient),
            ablation_id: Id(stored.parent),
            fields: FollowUpFields::from(&stored.value),
            relief_percent: relief.map(|relief| Decimal(i64::from(relief.floor_tenths()))),
        }
    }
}

const READ_ONLY: [&str; 7] = [
    "id",
    "version",
    "recorded_at",
    "updated_at",
    "patient_id",
    "episode_id",
    "follow_ups",
];

const FOLLOW_UP_READ_ONLY: [&str; 7] = [
    "id",
    "version",
    "recorded_at",
    "updated_at",
    "patient_id",
    "ablation_id",
    "relief_percent",
];

/// What there is about ablations and follow-ups.
pub(super) fn endpoints() -> Vec<Endpoint> {
    let mut endpoints = of_ablations();
    endpoints.extend(of_follow_ups());
    endpoints
}

fn of_ablations() -> Vec<Endpoint> {
    vec![
        Endpoint::post("/v1/ablations", "create_ablation", Action::WriteAblation, create)
            .titled("ablations", "Record an ablation")
            .about("With the follow-ups that are known already, if there are any. From then on its targets are judged for a repeated ablation.")
            .takes::<AblationBody>(vec![examples::request("plain", "A thermal ablation.", examples::ablation_of_episode())])
            .answers::<AblationWithFollowUps>(201, "The ablation is recorded.", None)
            .tagged(),
        Endpoint::get("/v1/ablations", "list_ablations", Action::ReadAblation, list)
            .titled("ablations", "List ablations")
            .about("In the order in which they were recorded.")
            .query(Parameter::new("patient_id", ParameterKind::Id, "Those of one patient."))
            .query(Parameter::new("episode_id", ParameterKind::Id, "Those of one episode."))
            .paged()
            .answers::<Page<AblationView>>(200, "A page of ablations.", None),
        Endpoint::get("/v1/ablations/{id}", "read_ablation", Action::ReadAblation, read)
            .titled("ablations", "Read an ablation with its follow-ups")
            .answers::<AblationWithFollowUps>(200, "The ablation.", None)
            .tagged()
            .fails(&[Kind::NotFound]),
        Endpoint::put("/v1/ablations/{id}", "correct_ablation", Action::CorrectAblation, correct)
            .titled("ablations", "Correct an ablation")
            .about("The whole ablation is sent, without its follow-ups; the earlier version is kept, and every target is judged anew. `reason` says why, if it is given.")
            .takes::<AblationBody>(vec![examples::request("plain", "The ablation as it ought to read.", examples::ablation())])
            .answers::<AblationWithFollowUps>(200, "The ablation is corrected.", None)
            .fails(&[Kind::NotFound]),
    ]
}

fn of_follow_ups() -> Vec<Endpoint> {
    vec![
        Endpoint::post("/v1/ablations/{id}/follow-ups", "create_follow_up", Action::WriteAblation, create_follow_up)
            .titled("ablations", "Record a follow-up of an ablation")
            .takes::<FollowUpBody>(vec![examples::request("plain", "A score and a statement.", examples::follow_up())])
            .answers::<FollowUpView>(201, "The follow-up is recorded.", None)
            .tagged()
            .fails(&[Kind::NotFound]),
        Endpoint::get("/v1/ablations/{id}/follow-ups", "list_follow_ups", Action::ReadAblation, list_follow_ups)
            .titled("ablations", "List the follow-ups of an ablation")
            .about("In the order in which they were recorded.")
            .paged()
            .answers::<Page<FollowUpView>>(200, "A page of follow-ups.", None)
            .fails(&[Kind::NotFound]),
        Endpoint::get("/v1/ablations/{id}/follow-ups/{follow_up_id}", "read_follow_up", Action::ReadAblation, read_follow_up)
            .titled("ablations", "Read a follow-up")
            .answers::<FollowUpView>(200, "The follow-up.", None)
            .tagged()
            .fails(&[Kind::NotFound]),
        Endpoint::put("/v1/ablations/{id}/follow-ups/{follow_up_id}", "correct_follow_up", Action::CorrectAblation, correct_follow_up)
            .titled("ablations", "Correct a follow-up")
            .about("The whole follow-up is sent; the earlier version is kept, and every target is judged anew. `reason` says why, if it is given.")
            .takes::<FollowUpBody>(vec![examples::request("plain", "The follow-up as it ought to read.", examples::follow_up())])
            .answers::<FollowUpView>(200, "The follow-up is corrected.", None)
            .fails(&[Kind::NotFound]),
    ]
}

fn create(state: &State, call: &Call) -> Result<Reply> {
    let body: AblationBody = call.parse()?;
    checked(|errors| {
        body.check("", latest_day(state), errors);
        required(&body.episode_id, "/episode_id", errors);
    })?;
    let Some(Id(episode)) = body.episode_id else {
        return Err(Error::internal("an episode that is required is missing"));
    };
    let (ablation, follow_ups) = body.into_domain();
    once(state, call, move |unit| {
        let (stored, kept) = ablations::record(unit, episode, &ablation, &follow_ups)?;
        let location = format!("/v1/ablations/{}", stored.id);
        Reply::created(
            &location,
            stored.version,
            &AblationWithFollowUps::of(&stored, &kept),
        )
    })
}

fn list(state: &State, call: &Call) -> Result<Reply> {
    let (patient, episode) = (call.query_id("patient_id"), call.query_id("episode_id"));
    let after: Option<Uuid> = call.cursor()?;
    look(state, call, |unit| {
        let page = ablations::page(unit, patient, episode, after, call.limit())?;
        let count = call
            .count()
            .then(|| ablations::count(unit, patient, episode))
            .transpose()?;
        super::page(
            call,
            &page,
            |one| AblationView::from(one),
            |one| one.id,
            count,
        )
    })
}

fn read(state: &State, call: &Call) -> Result<Reply> {
    let id = call.path_id("id", "ablation")?;
    look(state, call, |unit| {
        let (ablation, follow_ups) = ablations::get(unit, id)?;
        let view = AblationWithFollowUps::of(&ablation, &follow_ups);
        Reply::ok(ablation.version, &view)
    })
}

fn correct(state: &State, call: &Call) -> Result<Reply> {
    let id = call.path_id("id", "ablation")?;
    let version = call.required_version()?;
    let (sent, latest) = (call.json().clone(), latest_day(state));
    change(state, call, move |unit| {
        let (stored, follow_ups) = ablations::get(unit, id)?;
        let view = AblationWithFollowUps::of(&stored, &follow_ups);
        let correction = correction(&stored, version, &view, &sent, &READ_ONLY)?;
        let body: AblationBody = parse(correction.body).map_err(Error::Invalid)?;
        checked(|errors| body.check("", latest, errors))?;
        let (ablation, _) = body.into_domain();
        let corrected =
            ablations::correct(unit, id, version, &ablation, correction.reason.as_deref())?;
        let view = AblationWithFollowUps::of(&corrected, &follow_ups);
        Reply::ok(corrected.version, &view)
    })
}

fn create_follow_up(state: &State, call: &Call) -> Result<Reply> {
    let ablation = call.path_id("id", "ablation")?;
    let body: FollowUpBody = call.parse()?;
    checked(|errors| body.check("", None, latest_day(state), errors))?;
    let follow_up = body.into_domain();
    once(state, call, move |unit| {
        let stored = ablations::add_follow_up(unit, ablation, &follow_up)?;
        let (of, _) = ablations::get(unit, ablation)?;
        let location = format!("/v1/ablations/{ablation}/follow-ups/{}", stored.id);
        Reply::created(
            &location,
            stored.version,
            &FollowUpView::of(&stored, Some(&of.value)),
        )
    })
}

fn list_follow_ups(state: &State, call: &Call) -> Result<Reply> {
    let id = call.path_id("id", "ablation")?;
    let after: Option<Uuid> = call.cursor()?;
    look(state, call, |unit| {
        let (of, _) = ablations::get(unit, id)?;
        let page = ablations::follow_ups(unit, id, after, call.limit())?;
        let count = call
            .count()
            .then(|| ablations::count_follow_ups(unit, id))
            .transpose()?;
        let view = |one: &Stored<FollowUp>| FollowUpView::of(one, Some(&of.value));
        super::page(call, &page, view, |one| one.id, count)
    })
}

fn read_follow_up(state: &State, call: &Call) -> Result<Reply> {
    let ablation = call.path_id("id", "ablation")?;
    let id = call.path_id("follow_up_id", "follow-up")?;
    look(state, call, |unit| {
        let (of, _) = ablations::get(unit, ablation)?;
        let stored = ablations::follow_up(unit, ablation, id)?;
        Reply::ok(stored.version, &FollowUpView::of(&stored, Some(&of.value)))
    })
}

fn correct_follow_up(state: &State, call: &Call) -> Result<Reply> {
    let ablation = call.path_id("id", "ablation")?;
    let id = call.path_id("follow_up_id", "follow-up")?;
    let version = call.required_version()?;
    let (sent, latest) = (call.json().clone(), latest_day(state));
    change(state, call, move |unit| {
        let (of, _) = ablations::get(unit, ablation)?;
        let stored = ablations::follow_up(unit, ablation, id)?;
        let view = FollowUpView::of(&stored, Some(&of.value));
        let correction = correction(&stored, version, &view, &sent, &FOLLOW_UP_READ_ONLY)?;
        let body: FollowUpBody = parse(correction.body).map_err(Error::Invalid)?;
        checked(|errors| body.check("", None, latest, errors))?;
        let reason = correction.reason.as_deref();
        let follow_up = body.into_domain();
        let corrected =
            ablations::correct_follow_up(unit, ablation, id, version, &follow_up, reason)?;
        Reply::ok(
            corrected.version,
            &FollowUpView::of(&corrected, Some(&of.value)),
        )
    })
}
