//! Scores: the rows of a diary.

use super::stored::{Kept, correction};
use super::{change, checked, examples, look, once, stored::utc};
use crate::app::{Error, FieldError, Result, Stored, blocks};
use crate::auth::Action;
use crate::domain::pain::ScoreRow;
use crate::http::call::{Call, Page};
use crate::http::problem::Kind;
use crate::http::registry::{Endpoint, Example, Parameter, ParameterKind};
use crate::http::reply::Reply;
use crate::http::state::State;
use crate::wire::block::{MOST_SCORES, ScoreBody, ScoreFields, score_times};
use crate::wire::errors::FieldErrors;
use crate::wire::parse;
use crate::wire::scalar::{Id, Instant, Text};
use chrono::{DateTime, FixedOffset};
use deserr::Deserr;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::borrow::Cow;
use uuid::Uuid;

/// A score as answered.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Score")]
pub(super) struct ScoreView {
    #[serde(flatten)]
    kept: Kept,
    /// The patient.
    patient_id: Id,
    /// The block.
    block_id: Id,
    #[serde(flatten)]
    fields: ScoreFields,
    /// When the patient answered, where that is known apart from `recorded_at`: a phone that was offline sends later.
    answered_at: Option<Instant>,
    /// Whether it was entered more than a day after it was taken or, where `answered_at` is known, answered more than an
    /// hour after.
    retrospective: bool,
    /// That it was withdrawn; null where it counts.
    withdrawn: Option<WithdrawalView>,
}

/// That a record was withdrawn: it is kept and no longer counts.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Withdrawal")]
struct WithdrawalView {
    /// When.
    at: Instant,
    /// Why.
    reason: String,
}

impl From<&Stored<ScoreRow>> for ScoreView {
    fn from(stored: &Stored<ScoreRow>) -> ScoreView {
        let withdrawn = stored.withdrawn.as_ref().map(|withdrawal| WithdrawalView {
            at: utc(withdrawal.at),
            reason: withdrawal.reason.clone(),
        });
        ScoreView {
            kept: stored.into(),
            patient_id: Id(stored.patient),
            block_id: Id(stored.parent),
            fields: ScoreFields::from(&stored.value),
            answered_at: stored.value.answered_at.map(utc),
            retrospective: stored.value.is_retrospective(stored.recorded_at),
            withdrawn,
        }
    }
}

const READ_ONLY: [&str; 9] = [
    "id",
    "version",
    "recorded_at",
    "updated_at",
    "patient_id",
    "block_id",
    "answered_at",
    "retrospective",
    "withdrawn",
];

/// One score, or an array of them.
struct Scores {
    rows: Vec<ScoreBody>,
    /// Whether it was an array: errors and answers are shaped alike.
    many: bool,
}

impl Scores {
    fn read(body: &Value) -> Result<Scores> {
        let Value::Array(rows) = body else {
            let row = parse(body.clone()).map_err(Error::Invalid)?;
            return Ok(Scores {
                rows: vec![row],
                many: false,
            });
        };
        if rows.is_empty() {
            return Err(Error::field("", "too_few", "Expected at least one score."));
        }
        if rows.len() > MOST_SCORES {
            let detail = format!(
                "Expected at most {MOST_SCORES} scores at once; send the others in another request."
            );
            return Err(Error::field("", "too_many", detail));
        }
        let rows = parse(body.clone()).map_err(Error::Invalid)?;
        Ok(Scores { rows, many: true })
    }

    fn pointer(many: bool, place: usize) -> String {
        if many {
            format!("/{place}")
        } else {
            String::new()
        }
    }
}

impl JsonSchema for Scores {
    fn schema_name() -> Cow<'static, str> {
        "ScoreOrScores".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<ScoreBody>();
        json_schema!({"oneOf": [one, {"type": "array", "items": one, "minItems": 1, "maxItems": MOST_SCORES}]})
    }
}

/// What was added, shaped as it was sent.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AddedScores")]
#[serde(untagged)]
enum AddedScores {
    /// One score.
    One(ScoreView),
    /// Several of them.
    Many {
        /// In the order in which they were sent.
        items: Vec<ScoreView>,
    },
}

/// Why a score is withdrawn.
#[derive(Debug, Deserr, JsonSchema)]
#[schemars(rename = "WithdrawalReason")]
#[deserr(error = FieldErrors, deny_unknown_fields)]
struct WithdrawalBody {
    /// The reason.
    reason: Text<500>,
}

/// What there is about scores.
pub(super) fn endpoints() -> Vec<Endpoint> {
    let one_or_many: Vec<Example> = vec![
        examples::request("one", "One score.", examples::score()),
        examples::request(
            "many",
            "Several scores.",
            json!([examples::score(), examples::later_score()]),
        ),
    ];
    vec![
        Endpoint::post("/v1/blocks/{id}/scores", "add_scores", Action::WriteScore, add)
            .titled("scores", "Add scores to a block")
            .about("One score or an array of at most 1000, before or after the injection. All of them are stored, or none, and every target is judged anew.")
            .takes::<Scores>(one_or_many)
            .answers::<AddedScores>(201, "The scores are recorded. `Location` is the first one's, or that of the block's scores where an array was sent.", None)
            .tagged()
            .fails(&[Kind::NotFound]),
        Endpoint::get("/v1/blocks/{id}/scores", "list_scores", Action::ReadScore, list)
            .titled("scores", "List the scores of a block")
            .about("In time order, those that were withdrawn left out.")
            .paged()
            .answers::<Page<ScoreView>>(200, "A page of scores.", None)
            .fails(&[Kind::NotFound]),
        Endpoint::get("/v1/scores/{id}", "read_score", Action::ReadScore, read)
            .titled("scores", "Read a score, withdrawn or not")
            .answers::<ScoreView>(200, "The score.", Some(examples::score_answer()))
            .tagged()
            .fails(&[Kind::NotFound]),
        Endpoint::put("/v1/scores/{id}", "correct_score", Action::CorrectScore, correct)
            .titled("scores", "Correct a score")
            .about("The whole score is sent; the earlier version is kept, and every target is judged anew. `reason` says why, if it is given.")
            .takes::<ScoreBody>(vec![examples::request("plain", "The score as it ought to read.", examples::score())])
            .answers::<ScoreView>(200, "The score is corrected.", Some(examples::score_answer()))
            .fails(&[Kind::NotFound, Kind::Conflict]),
        Endpoint::delete("/v1/scores/{id}", "withdraw_score", Action::WithdrawScore, withdraw)
            .titled("scores", "Withdraw a score")
            .about("It is kept with the reason and no longer counts; every target is judged anew. The reason comes in the body or, for clients that cannot send one with `DELETE`, as a parameter. Where `If-Match` is sent, only that version is withdrawn.")
            .query(Parameter::new("reason", ParameterKind::Text, "The reason, where there is no body.").like("entered for the wrong patient"))
            .takes::<WithdrawalBody>(vec![examples::request("plain", "A reason.", json!({"reason": "entered for the wrong patient"}))])
            .optional_body()
            .answers_nothing("The score is withdrawn.")
            .fails(&[Kind::NotFound, Kind::Conflict, Kind::PreconditionFailed]),
    ]
}

fn add(state: &State, call: &Call) -> Result<Reply> {
    let block = call.path_id("id", "block")?;
    let scores = Scores::read(call.json())?;
    let many = scores.many;
    let now = state.seam.now();
    checked(|errors| {
        for (place, row) in scores.rows.iter().enumerate() {
            score_times(row, &Scores::pointer(many, place), now, errors);
        }
    })?;
    let rows: Vec<ScoreRow> = scores
        .rows
        .into_iter()
        .filter_map(ScoreBody::into_domain)
        .collect();
    once(state, call, move |unit| {
        let added = blocks::add_scores(unit, block, &rows, |place| Scores::pointer(many, place))?;
        match added.first() {
            Some(one) if !many => {
                let location = format!("/v1/scores/{}", one.id);
                Reply::created(&location, one.version, &AddedScores::One(one.into()))
            }
            _ => {
                let location = format!("/v1/blocks/{block}/scores");
                let items = added.iter().map(ScoreView::from).collect();
                Reply::created(&location, 1, &AddedScores::Many { items })
            }
        }
    })
}

/// A place in the time order of a block's scores.
#[derive(Debug, Serialize, Deserialize)]
struct Place {
    taken_at: DateTime<FixedOffset>,
    id: Uuid,
}

fn list(state: &State, call: &Call) -> Result<Reply> {
    let block = call.path_id("id", "block")?;
    let after: Option<Place> = call.cursor()?;
    let limit = usize::from(call.limit());
    look(state, call, |unit| {
        let scores = blocks::scores(unit, block)?;
        let count = call
            .count()
            .then(|| i64::try_from(scores.len()).unwrap_or(i64::MAX));
        let follows = |score: &&Stored<ScoreRow>| {
            let place = (score.value.taken_at, score.id);
            after
                .as_ref()
                .is_none_or(|after| place > (after.taken_at, after.id))
        };
        let rest: Vec<&Stored<ScoreRow>> = scores.iter().filter(follows).collect();
        let more = rest.len() > limit;
        let items: Vec<ScoreView> = rest
            .iter()
            .take(limit)
            .map(|one| ScoreView::from(*one))
            .collect();
        let next = rest
            .get(limit.saturating_sub(1))
            .filter(|_| more)
            .map(|last| Place {
                taken_at: last.value.taken_at,
                id: last.id,
            });
        call.page_reply(items, next.as_ref(), super::whole(count)?)
    })
}

fn read(state: &State, call: &Call) -> Result<Reply> {
    let id = call.path_id("id", "score")?;
    look(state, call, |unit| {
        let score = blocks::score(unit, id)?;
        Reply::ok(score.version, &ScoreView::from(&score))
    })
}

fn correct(state: &State, call: &Call) -> Result<Reply> {
    let id = call.path_id("id", "score")?;
    let version = call.required_version()?;
    let (sent, now) = (call.json().clone(), state.seam.now());
    change(state, call, move |unit| {
        let stored = blocks::score(unit, id)?;
        let view = ScoreView::from(&stored);
        let correction = correction(&stored, version, &view, &sent, &READ_ONLY)?;
        let body: ScoreBody = parse(correction.body).map_err(Error::Invalid)?;
        checked(|errors: &mut Vec<FieldError>| score_times(&body, "", now, errors))?;
        let row = body
            .into_domain()
            .ok_or_else(|| Error::internal("a score that was read is not on its scale"))?;
        let corrected =
            blocks::correct_score(unit, id, version, &row, correction.reason.as_deref())?;
        Reply::ok(corrected.version, &ScoreView::from(&corrected))
    })
}

fn withdraw(state: &State, call: &Call) -> Result<Reply> {
    let id = call.path_id("id", "score")?;
    let reason = match call.parse_if_any::<WithdrawalBody>()? {
        Some(body) => body.reason.0,
        None => {
            let parameter = json!({"reason": call.query("reason")});
            parse::<WithdrawalBody>(parameter)
                .map_err(|_| {
                    Error::field("/reason", "required", "Say why in 1 to 500 characters.")
                })?
                .reason
                .0
        }
    };
    let version = call.version();
    change(state, call, move |unit| {
        blocks::withdraw_score(unit, id, version, &reason)?;
        Ok(Reply::no_content())
    })
}
