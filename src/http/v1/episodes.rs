//! Episodes.

use super::stored::{Kept, correction};
use super::{change, checked, examples, latest_day, look, once, required};
use crate::app::{Error, Result, Stored, episodes};
use crate::auth::Action;
use crate::domain::episode::Episode;
use crate::http::call::{Call, Page};
use crate::http::problem::Kind;
use crate::http::registry::{Endpoint, Parameter, ParameterKind};
use crate::http::reply::Reply;
use crate::http::state::State;
use crate::wire::episode::{EpisodeBody, EpisodeFields};
use crate::wire::parse;
use crate::wire::scalar::Id;
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

/// An episode as answered.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Episode")]
pub(super) struct EpisodeView {
    #[serde(flatten)]
    kept: Kept,
    /// The patient.
    patient_id: Id,
    #[serde(flatten)]
    fields: EpisodeFields,
}

const READ_ONLY: [&str; 5] = ["id", "version", "recorded_at", "updated_at", "patient_id"];

impl From<&Stored<Episode>> for EpisodeView {
    fn from(stored: &Stored<Episode>) -> EpisodeView {
        EpisodeView {
            kept: stored.into(),
            patient_id: Id(stored.patient),
            fields: EpisodeFields::from(&stored.value),
        }
    }
}

/// What there is about episodes.
pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::post("/v1/episodes", "create_episode", Action::WriteEpisode, create)
            .titled("episodes", "Record an episode: the pain being investigated")
            .about("A fact that is left out, or null, is not recorded, and the rules that need it say so.")
            .takes::<EpisodeBody>(vec![examples::request("plain", "A lumbar episode with failed physical therapy.", examples::episode_of_patient())])
            .answers::<EpisodeView>(201, "The episode is recorded.", Some(examples::episode_answer()))
            .tagged(),
        Endpoint::get("/v1/episodes", "list_episodes", Action::ReadEpisode, list)
            .titled("episodes", "List episodes")
            .about("In the order in which they were recorded.")
            .query(Parameter::new("patient_id", ParameterKind::Id, "Those of one patient."))
            .paged()
            .answers::<Page<EpisodeView>>(200, "A page of episodes.", None),
        Endpoint::get("/v1/episodes/{id}", "read_episode", Action::ReadEpisode, read)
            .titled("episodes", "Read an episode")
            .answers::<EpisodeView>(200, "The episode.", Some(examples::episode_answer()))
            .tagged()
            .fails(&[Kind::NotFound]),
        Endpoint::put("/v1/episodes/{id}", "correct_episode", Action::CorrectEpisode, correct)
            .titled("episodes", "Correct an episode")
            .about("The whole episode is sent; the earlier version is kept, and every target is judged anew. `reason` says why, if it is given.")
            .takes::<EpisodeBody>(vec![examples::request("plain", "The episode as it ought to read.", examples::episode())])
            .answers::<EpisodeView>(200, "The episode is corrected.", Some(examples::episode_answer()))
            .fails(&[Kind::NotFound]),
    ]
}

fn create(state: &State, call: &Call) -> Result<Reply> {
    let body: EpisodeBody = call.parse()?;
    checked(|errors| {
        body.check("", latest_day(state), errors);
        required(&body.patient_id, "/patient_id", errors);
    })?;
    let Some(Id(patient)) = body.patient_id else {
        return Err(Error::internal("a patient that is required is missing"));
    };
    let episode = body.into_domain();
    once(state, call, move |unit| {
        let stored = episodes::record(unit, patient, &episode)?;
        Reply::created(
            &format!("/v1/episodes/{}", stored.id),
            stored.version,
            &EpisodeView::from(&stored),
        )
    })
}

fn list(state: &State, call: &Call) -> Result<Reply> {
    let patient = call.query_id("patient_id");
    let after: Option<Uuid> = call.cursor()?;
    look(state, call, |unit| {
        let page = episodes::page(unit, patient, after, call.limit())?;
        let count = call
            .count()
            .then(|| episodes::count(unit, patient))
            .transpose()?;
        super::page(
            call,
            &page,
            |one| EpisodeView::from(one),
            |one| one.id,
            count,
        )
    })
}

fn read(state: &State, call: &Call) -> Result<Reply> {
    let id = call.path_id("id", "episode")?;
    look(state, call, |unit| {
        let episode = episodes::get(unit, id)?;
        Reply::ok(episode.version, &EpisodeView::from(&episode))
    })
}

fn correct(state: &State, call: &Call) -> Result<Reply> {
    let id = call.path_id("id", "episode")?;
    let version = call.required_version()?;
    let (sent, latest) = (call.json().clone(), latest_day(state));
    change(state, call, move |unit| {
        let stored = episodes::get(unit, id)?;
        let view = EpisodeView::from(&stored);
        let correction = correction(&stored, version, &view, &sent, &READ_ONLY)?;
        let body: EpisodeBody = parse(correction.body).map_err(Error::Invalid)?;
        checked(|errors| body.check("", latest, errors))?;
        let reason = correction.reason.as_deref();
        let corrected = episodes::correct(unit, id, version, &body.into_domain(), reason)?;
        Reply::ok(corrected.version, &EpisodeView::from(&corrected))
    })
}
