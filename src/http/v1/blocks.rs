//! Blocks: the injection sessions.

use super::scores::ScoreView;
use super::stored::{Kept, correction};
use super::{change, checked, examples, look, once};
use crate::app::blocks::{self, Belongs};
use crate::app::determinations::{self, Determined};
use crate::app::profiles::WantedProfiles;
use crate::app::{BlockFilter, Error, Result, Stored, Unit, recorded};
use crate::auth::Action;
use crate::domain::block::Block;
use crate::domain::pain::{RecordedScore, ScoreRow, Threshold};
use crate::domain::sites::Sites;
use crate::http::call::{Call, Page};
use crate::http::problem::Kind;
use crate::http::registry::{Endpoint, Parameter, ParameterKind};
use crate::http::reply::Reply;
use crate::http::state::State;
use crate::wire::block::{BlockBody, BlockFields};
use crate::wire::determination::{DeterminationFields, ReliefFields};
use crate::wire::scalar::{Code, Id};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

/// A block as answered.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Block")]
pub(super) struct BlockView {
    #[serde(flatten)]
    kept: Kept,
    /// The patient.
    patient_id: Id,
    /// The episode.
    episode_id: Id,
    #[serde(flatten)]
    fields: BlockFields,
}

impl From<&Stored<Block>> for BlockView {
    fn from(stored: &Stored<Block>) -> BlockView {
        BlockView {
            kept: stored.into(),
            patient_id: Id(stored.patient),
            episode_id: Id(stored.parent),
            fields: BlockFields::from(&stored.value),
        }
    }
}

/// A block with its scores and the relief that they show.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "BlockWithRelief")]
struct BlockWithRelief {
    #[serde(flatten)]
    block: BlockView,
    /// Its scores in time order, those that were withdrawn left out.
    scores: Vec<ScoreView>,
    /// Relief on each treated side at each threshold that an active profile uses.
    relief: Vec<ReliefFields>,
}

/// A block as it was recorded, with everything that follows from it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "RecordedBlock")]
struct RecordedBlockView {
    #[serde(flatten)]
    block: BlockWithRelief,
    /// What each active profile says about each target of the episode now. A met rule comes without its words here;
    /// `/v1/episodes/{id}/determinations` gives them all.
    determinations: Vec<DeterminationFields>,
}

const READ_ONLY: [&str; 9] = [
    "id",
    "version",
    "recorded_at",
    "updated_at",
    "patient_id",
    "episode_id",
    "scores",
    "relief",
    "determinations",
];

/// What there is about blocks.
pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::post("/v1/blocks", "create_block", Action::WriteBlock, create)
            .titled("blocks", "Record a block with its scores")
            .about(
                "The call that a record system makes after a block: in one transaction the patient is matched by identifier or recorded, the episode brought up to date or recorded, \
                 the block and its scores are stored, and every target is judged by every active profile. Or `episode_id` names an episode that is there. \
                 An inline episode is taken to be the patient's newest of the same region whose day of onset is not another one; what it leaves out stays as it was.",
            )
            .takes::<BlockBody>(vec![
                examples::request("inline", "A block with its patient, episode and scores.", examples::inline_block()),
            ])
            .answers::<RecordedBlockView>(201, "The block is recorded and its targets are judged.", None)
            .tagged()
            .fails(&[Kind::Conflict]),
        Endpoint::get("/v1/blocks", "list_blocks", Action::ReadBlock, list)
            .titled("blocks", "List blocks")
            .about("In the order in which they were recorded.")
            .queries(vec![
                Parameter::new("patient_id", ParameterKind::Id, "Those of one patient."),
                Parameter::new("episode_id", ParameterKind::Id, "Those of one episode."),
                Parameter::new("operator", ParameterKind::Text, "Those that this operator performed."),
                Parameter::new("site", ParameterKind::Text, "Those that were performed there; repeated, at any of these sites.").repeated(),
                Parameter::new("from", ParameterKind::Date, "Performed on this day or later, by the local calendar of the block."),
                Parameter::new("to", ParameterKind::Date, "Performed on this day or earlier."),
            ])
            .paged()
            .answers::<Page<BlockView>>(200, "A page of blocks.", None),
        Endpoint::get("/v1/blocks/{id}", "read_block", Action::ReadBlock, read)
            .titled("blocks", "Read a block with its scores and relief")
            .answers::<BlockWithRelief>(200, "The block.", None)
            .tagged()
            .fails(&[Kind::NotFound]),
        Endpoint::put("/v1/blocks/{id}", "correct_block", Action::CorrectBlock, correct)
            .titled("blocks", "Correct a block")
            .about("The whole block is sent, without its scores; the earlier version is kept, and every target is judged anew. Left out, `nerves` follow from the joints. `reason` says why, if it is given.")
            .takes::<BlockBody>(vec![examples::request("plain", "The block as it ought to read.", examples::block())])
            .answers::<RecordedBlockView>(200, "The block is corrected and its targets are judged.", None)
            .fails(&[Kind::NotFound]),
    ]
}

fn create(state: &State, call: &Call) -> Result<Reply> {
    let body = BlockBody::read(call.json().clone(), state.seam.now()).map_err(Error::Invalid)?;
    let belongs = belongs(&body)?;
    let (block, scores) = body.into_domain();
    once(state, call, move |unit| {
        let recorded = blocks::record(unit, &belongs, &block, &scores)?;
        let id = recorded.block.id;
        let version = recorded.block.version;
        let view = recorded_view(unit, recorded)?;
        Reply::created(&format!("/v1/blocks/{id}"), version, &view)
    })
}

/// What the block belongs to: an episode that is there, or the one that came with it.
fn belongs(body: &BlockBody) -> Result<Belongs> {
    match (&body.episode_id, &body.patient, &body.episode) {
        (Some(Id(episode)), None, None) => Ok(Belongs::To(*episode)),
        (None, Some(patient), Some(episode)) => Ok(Belongs::Inline(
            Box::new(patient.clone().into_domain()),
            Box::new(episode.clone().into_domain()),
        )),
        (episode_id, patient, episode) => {
            let detail = "Send either `episode_id`, or `patient` and `episode` together.";
            let pointer = match (episode_id, patient, episode) {
                (None, None, Some(_)) => "/patient",
                (None, Some(_), None) => "/episode",
                _ => "/episode_id",
            };
            Err(Error::field(pointer, "exactly_one", detail))
        }
    }
}

/// The block with its relief, and what the active profiles say about its episode.
fn recorded_view(
    unit: &mut Unit<'_, '_>,
    mut recorded: blocks::Recorded,
) -> Result<RecordedBlockView> {
    let profiles = unit.active_profiles()?;
    let day = recorded.records.day(unit.today());
    let episode = recorded.block.parent;
    let place = recorded
        .records
        .episodes
        .iter()
        .position(|(id, _)| *id == episode)
        .ok_or_else(|| Error::internal("a block without its episode"))?;
    let (_, history) = recorded.records.episodes.swap_remove(place);
    let block = with_relief(
        &recorded.block,
        &recorded.scores,
        &determinations::thresholds(&profiles),
        day,
    );
    let determined = Determined {
        profiles,
        history,
        as_of: day,
    };
    let determinations = determined
        .explained()
        .map(|(determination, rules)| DeterminationFields::short(&determination, rules))
        .collect();
    Ok(RecordedBlockView {
        block,
        determinations,
    })
}

fn with_relief(
    block: &Stored<Block>,
    scores: &[Stored<ScoreRow>],
    thresholds: &[Threshold],
    as_of: chrono::NaiveDate,
) -> BlockWithRelief {
    let counted: Vec<RecordedScore> = scores.iter().map(recorded).collect();
    let mut in_time: Vec<&Stored<ScoreRow>> = scores.iter().collect();
    in_time.sort_by_key(|score| (score.value.taken_at, score.id));
    BlockWithRelief {
        block: block.into(),
        scores: in_time.into_iter().map(ScoreView::from).collect(),
        relief: ReliefFields::of_block(&block.value, &counted, as_of, thresholds),
    }
}

fn list(state: &State, call: &Call) -> Result<Reply> {
    let filter = BlockFilter {
        patient: call.query_id("patient_id"),
        episode: call.query_id("episode_id"),
        operator: call.query("operator").map(str::to_owned),
        sites: Sites::of(call.query_all("site")),
        from: call.query_date("from"),
        to: call.query_date("to"),
    };
    let after: Option<Uuid> = call.cursor()?;
    look(state, call, |unit| {
        let page = blocks::page(unit, &filter, after, call.limit())?;
        let count = call
            .count()
            .then(|| blocks::count(unit, &filter))
            .transpose()?;
        super::page(call, &page, |one| BlockView::from(one), |one| one.id, count)
    })
}

fn read(state: &State, call: &Call) -> Result<Reply> {
    let id = call.path_id("id", "block")?;
    look(state, call, |unit| {
        let (block, scores) = blocks::get(unit, id)?;
        let profiles = unit.chosen_profiles(&WantedProfiles::Active)?;
        let newest = scores.iter().map(|score| score.value.local_date()).max();
        let day = newest.map_or(unit.today(), |newest| newest.max(unit.today()));
        let thresholds = determinations::thresholds(&profiles);
        let view = with_relief(&block, &scores, &thresholds, day);
        Reply::ok(block.version, &view)
    })
}

fn correct(state: &State, call: &Call) -> Result<Reply> {
    let id = call.path_id("id", "block")?;
    let version = call.required_version()?;
    let (sent, now) = (call.json().clone(), state.seam.now());
    change(state, call, move |unit| {
        let (stored, scores) = blocks::get(unit, id)?;
        let thresholds = determinations::thresholds(&unit.active_profiles()?);
        let view = with_relief(&stored, &scores, &thresholds, unit.today());
        let mut correction = correction(&stored, version, &view, &sent, &READ_ONLY)?;
        derived_nerves_left_out(&mut correction.body, &stored.value);
        let body = BlockBody::read(correction.body, now).map_err(Error::Invalid)?;
        checked(|errors| body.alone("", errors))?;
        let (block, _) = body.into_domain();
        let corrected = blocks::correct(unit, id, version, &block, correction.reason.as_deref())?;
        let version = corrected.block.version;
        let view = recorded_view(unit, corrected)?;
        Reply::ok(version, &view)
    })
}

/// Nerves that come back as they were derived are derived again: they follow the joints where those are corrected.
fn derived_nerves_left_out(body: &mut serde_json::Value, stored: &Block) {
    if stored.corrected_nerves.is_some() {
        return;
    }
    let derived: Vec<_> = stored.nerves().into_iter().map(Code).collect();
    let same =
        serde_json::to_value(&derived).is_ok_and(|derived| body.get("nerves") == Some(&derived));
    if let Some(fields) = body.as_object_mut().filter(|_| same) {
        fields.remove("nerves");
    }
}
