//! Blocks and scores.

use super::episode::EpisodeBody;
use super::errors::FieldError;
use super::errors::{FieldErrors, parse};
use super::patient::PatientBody;
use super::scalar::{Code, Date, Decimal, Id, Instant, Percentage, Terms, Text, Whole, Within};
use crate::domain::anatomy::{Joint, Nerve, Region, Side, TreatedSide};
use crate::domain::block::{Agent, Block, BlockKind, BlockTechnique, Guidance, Sedation};
use crate::domain::pain::{Context, ReportedBy, Scale, Score, ScoreError, ScoreRow};
use chrono::{DateTime, FixedOffset, NaiveDate, TimeDelta, Utc};
use deserr::Deserr;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// How far a clock may run ahead of ours before a time counts as lying in the future.
pub const CLOCK_TOLERANCE: TimeDelta = TimeDelta::minutes(5);

/// The most scores that one request may carry; a full diary of two weeks has under 40 for each side.
pub const MOST_SCORES: usize = 1000;

/// A score as sent.
#[derive(Debug, Clone, Deserr, JsonSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields, validate = score_on_scale -> FieldErrors)]
pub struct ScoreBody {
    /// When it was taken, with the offset from UTC.
    pub taken_at: Instant,
    /// The scale: NRS 0 to 10, VAS 0 to 100 mm.
    pub scale: Code<Scale>,
    /// One number, at most to the tenth.
    pub value: Decimal<1>,
    /// What the patient was doing; `current` where it is not specified.
    #[deserr(default)]
    pub context: Option<Code<Context>>,
    /// The side that was rated, where the sides are told apart.
    #[deserr(default)]
    pub side: Option<Code<Side>>,
    /// Relief as the patient states it, in percent.
    #[deserr(default)]
    pub stated_relief_percent: Option<Percentage>,
    /// Whether an analgesic was taken at this time, after the score.
    #[deserr(default)]
    pub analgesic_taken: Option<bool>,
    /// Who reported it.
    #[deserr(default)]
    pub reported_by: Option<Code<ReportedBy>>,
}

fn score_on_scale(
    body: ScoreBody,
    location: deserr::ValuePointerRef,
) -> Result<ScoreBody, FieldErrors> {
    match read_score(body.scale.0, body.value) {
        Ok(_) => Ok(body),
        Err((code, detail)) => Err(FieldErrors::at(location.push_key("value"), code, detail)),
    }
}

/// A score on its scale.
pub(super) fn read_score(scale: Scale, value: Decimal<1>) -> Result<Score, (&'static str, String)> {
    let highest = scale.maximum_tenths() / 10;
    let expected = format!("Expected {scale} from 0 to {highest}.");
    let tenths = i16::try_from(value.0).map_err(|_| ("out_of_range", expected.clone()))?;
    Score::new(scale, tenths).map_err(|error| match error {
        ScoreError::Negative => ("negative", expected),
        ScoreError::AboveScale => ("above_scale", expected),
    })
}

impl ScoreBody {
    /// As the domain knows it; `None` where the value is not on the scale, which parsing has refused before.
    #[must_use]
    pub fn into_domain(self) -> Option<ScoreRow> {
        Some(ScoreRow {
            taken_at: self.taken_at.0,
            score: read_score(self.scale.0, self.value).ok()?,
            context: self.context.map_or(Context::Current, |code| code.0),
            side: self.side.map(|code| code.0),
            stated_relief: self.stated_relief_percent.map(|percent| percent.0),
            analgesic_taken: self.analgesic_taken.unwrap_or(false),
            reported_by: self.reported_by.map(|code| code.0),
            answered_at: None,
        })
    }
}

/// A block with its scores, and with whom and what it belongs to: either `episode_id`, or `patient` and `episode`.
#[derive(Debug, Clone, Deserr, JsonSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
pub struct BlockBody {
    /// The episode it belongs to, where that is known.
    #[deserr(default)]
    pub episode_id: Option<Id>,
    /// The patient, matched by identifier or recorded anew.
    #[deserr(default)]
    pub patient: Option<PatientBody>,
    /// The episode; the patient's latest of the same region is brought up to date, else a new one is recorded.
    #[deserr(default)]
    pub episode: Option<EpisodeBody>,
    /// The instant of the injection, with the offset from UTC.
    pub performed_at: Instant,
    /// What it was for.
    pub kind: Code<BlockKind>,
    /// What was injected into.
    pub technique: Code<BlockTechnique>,
    /// The joints treated, each once.
    pub joints: Terms<Joint, 1>,
    /// The side or sides treated.
    pub side: Code<TreatedSide>,
    /// The local anesthetic.
    #[deserr(default)]
    pub agent: Option<Code<Agent>>,
    /// Its concentration in percent.
    #[deserr(default)]
    pub concentration_percent: Option<Within<3, 1, 100_000>>,
    /// The volume at each nerve in mL.
    #[deserr(default)]
    pub volume_ml_per_nerve: Option<Within<3, 1, 50_000>>,
    /// Whether a corticosteroid was added.
    #[deserr(default)]
    pub steroid: Option<bool>,
    /// The image guidance.
    #[deserr(default)]
    pub guidance: Option<Code<Guidance>>,
    /// The sedation.
    #[deserr(default)]
    pub sedation: Option<Code<Sedation>>,
    /// Relief as the patient states it for the whole block, in percent.
    #[deserr(default)]
    pub stated_relief_percent: Option<Percentage>,
    /// How long relief lasted as the patient states it, in minutes.
    #[deserr(default)]
    pub stated_relief_minutes: Option<Whole<0, 5_256_000>>,
    /// How long the procedure took, in minutes.
    #[deserr(default)]
    pub duration_minutes: Option<Whole<0, 1440>>,
    /// Who performed it.
    #[deserr(default)]
    pub operator: Option<Text<200>>,
    /// Where it was performed.
    #[deserr(default)]
    pub site: Option<Text<200>>,
    /// The nerves as the operator corrects them; left out, they follow from the joints.
    #[deserr(default)]
    pub nerves: Option<Terms<Nerve, 1>>,
    /// Whether the patient returned to activity the same day.
    #[deserr(default)]
    pub same_day_return: Option<bool>,
    /// Scores before and after the injection; at most 1000.
    #[deserr(default)]
    #[schemars(length(max = 1000))]
    pub scores: Option<Vec<ScoreBody>>,
}

/// The latest day that it is anywhere on earth at `now`: a day beyond it lies in the future, whatever the sender's
/// calendar.
#[must_use]
pub fn latest_day(now: DateTime<Utc>) -> NaiveDate {
    let today = now.date_naive();
    today.succ_opt().unwrap_or(today)
}

impl BlockBody {
    /// Reads a block from the API: everything that is wrong with it at once.
    ///
    /// # Errors
    /// Every invalid field.
    pub fn read(value: Value, now: DateTime<Utc>) -> Result<BlockBody, Vec<FieldError>> {
        let times = Times::of_block(&value);
        let mut errors = Vec::new();
        times.check(now, &mut errors);
        // Where the whole cannot be read, its parts may still be: what is wrong with them is told as well.
        let latest = latest_day(now);
        let patient = value.get("patient").cloned().map(parse::<PatientBody>);
        let episode = value.get("episode").cloned().map(parse::<EpisodeBody>);
        match parse::<BlockBody>(value) {
            Err(mut malformed) => {
                malformed.extend(errors);
                if let Some(Ok(patient)) = patient {
                    patient.check("/patient", latest, &mut malformed);
                }
                if let Some(Ok(episode)) = episode {
                    episode.check("/episode", latest, &mut malformed);
                }
                Err(ordered(malformed))
            }
            Ok(body) => {
                body.check("", now, &mut errors);
                if errors.is_empty() {
                    Ok(body)
                } else {
                    Err(ordered(errors))
                }
            }
        }
    }

    /// What is wrong across fields, times left aside; pointers begin with `at`.
    pub fn check(&self, at: &str, now: DateTime<Utc>, errors: &mut Vec<FieldError>) {
        let latest = latest_day(now);
        if let Some(patient) = &self.patient {
            patient.check(&format!("{at}/patient"), latest, errors);
        }
        if let Some(episode) = &self.episode {
            episode.check(&format!("{at}/episode"), latest, errors);
        }
        self.check_parts(at, errors);
    }

    /// What is wrong with the block itself, whoever it belongs to.
    pub fn check_parts(&self, at: &str, errors: &mut Vec<FieldError>) {
        let mut say = |field: &str, code, detail: &str| {
            errors.push(FieldError::new(format!("{at}/{field}"), code, detail));
        };
        if self
            .scores
            .as_ref()
            .is_some_and(|scores| scores.len() > MOST_SCORES)
        {
            say(
                "scores",
                "too_many",
                "Expected at most 1000 scores; send the others to /v1/blocks/{id}/scores.",
            );
        }
        if let Some(episode) = &self.episode {
            joints_in_region(
                &self.joints.0,
                episode.region.0,
                &format!("{at}/joints"),
                errors,
            );
        }
        let scores = self.scores.iter().flatten().enumerate();
        for (place, score) in scores {
            let rated = score.side.map(|code| code.0);
            if rated.is_some_and(|rated| !self.side.0.covers(rated)) {
                let pointer = format!("{at}/scores/{place}/side");
                errors.push(FieldError::new(
                    pointer,
                    "side_not_treated",
                    "This side was not treated by the block.",
                ));
            }
        }
    }

    /// As the domain knows it, with its scores; what it belongs to is left aside.
    #[must_use]
    pub fn into_domain(self) -> (Block, Vec<ScoreRow>) {
        let block = Block {
            performed_at: self.performed_at.0,
            kind: self.kind.0,
            technique: self.technique.0,
            joints: self.joints.0,
            side: self.side.0,
            agent: self.agent.map(|code| code.0),
            concentration_thousandths: self.concentration_percent.map(|percent| percent.0),
            volume_microlitres_per_nerve: self.volume_ml_per_nerve.map(|volume| volume.0),
            steroid: self.steroid,
            guidance: self.guidance.map(|code| code.0),
            sedation: self.sedation.map(|code| code.0),
            stated_relief: self.stated_relief_percent.map(|percent| percent.0),
            stated_relief_minutes: self.stated_relief_minutes.map(|minutes| minutes.0),
            duration_minutes: self.duration_minutes.map(|minutes| minutes.0),
            operator: self.operator.map(|text| text.0),
            site: self.site.map(|text| text.0),
            corrected_nerves: self.nerves.map(|nerves| nerves.0),
            same_day_return: self.same_day_return,
        };
        let scores = self
            .scores
            .unwrap_or_default()
            .into_iter()
            .filter_map(ScoreBody::into_domain)
            .collect();
        (block, scores)
    }
}

impl BlockBody {
    /// Adds an error for everything that does not belong to a block which is corrected: it stays in its episode, and
    /// its scores are corrected one by one.
    pub fn alone(&self, at: &str, errors: &mut Vec<FieldError>) {
        let elsewhere = [
            ("patient", self.patient.is_some(), "/v1/patients/{id}"),
            ("episode", self.episode.is_some(), "/v1/episodes/{id}"),
            ("scores", self.scores.is_some(), "/v1/scores/{id}"),
        ];
        for (field, _, path) in elsewhere.into_iter().filter(|(_, given, _)| *given) {
            let detail = format!("This is corrected at {path}.");
            errors.push(FieldError::new(format!("{at}/{field}"), "not_here", detail));
        }
    }
}

/// Adds an error where a score sent on its own lies in the future as of `now`.
pub fn score_times(score: &ScoreBody, at: &str, now: DateTime<Utc>, errors: &mut Vec<FieldError>) {
    if score.taken_at.0 > now + CLOCK_TOLERANCE {
        errors.push(FieldError::new(
            format!("{at}/taken_at"),
            "in_future",
            "The score lies in the future.",
        ));
    }
}

/// Adds an error for every joint that an episode in `region` cannot hold.
pub fn joints_in_region(joints: &[Joint], region: Region, at: &str, errors: &mut Vec<FieldError>) {
    for (place, joint) in joints
        .iter()
        .enumerate()
        .filter(|(_, joint)| !joint.borders(region))
    {
        let detail = format!(
            "{joint} is a {} joint; the episode is {region}.",
            joint.region()
        );
        errors.push(FieldError::new(
            format!("{at}/{place}"),
            "out_of_region",
            detail,
        ));
    }
}

/// In the order of the pointers, each (pointer, code) once.
pub fn ordered(mut errors: Vec<FieldError>) -> Vec<FieldError> {
    let mut seen = std::collections::BTreeSet::new();
    errors.retain(|error| seen.insert((error.pointer.clone(), error.code)));
    errors
}

/// The times of a body, read leniently so that what is wrong between them is told beside what is wrong within.
#[derive(Debug, Default)]
pub struct Times {
    /// The onset of the pain.
    pub onset: Option<Date>,
    /// The injection.
    pub performed_at: Option<DateTime<FixedOffset>>,
    /// The scores, with their pointers.
    pub taken_at: Vec<(String, DateTime<FixedOffset>)>,
}

impl Times {
    fn of_block(value: &Value) -> Times {
        let instant = |value: Option<&Value>| {
            value
                .and_then(Value::as_str)
                .and_then(|text| Instant::read(text).ok())
                .map(|instant| instant.0)
        };
        let scores = value
            .get("scores")
            .and_then(Value::as_array)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let taken_at = scores.iter().enumerate().filter_map(|(place, score)| {
            instant(score.get("taken_at"))
                .map(|taken_at| (format!("/scores/{place}/taken_at"), taken_at))
        });
        let onset = value
            .pointer("/episode/onset_date")
            .and_then(Value::as_str)
            .and_then(Date::read);
        Times {
            onset,
            performed_at: instant(value.get("performed_at")),
            taken_at: taken_at.collect(),
        }
    }

    /// What is wrong between the times of a block, as of `now`.
    pub fn check(&self, now: DateTime<Utc>, errors: &mut Vec<FieldError>) {
        let latest = now + CLOCK_TOLERANCE;
        if self
            .performed_at
            .is_some_and(|performed_at| performed_at > latest)
        {
            errors.push(FieldError::new(
                "/performed_at",
                "in_future",
                "The block lies in the future.",
            ));
        }
        let onset_after_block = self
            .onset
            .zip(self.performed_at)
            .is_some_and(|(onset, at)| onset.0 > at.date_naive());
        if onset_after_block {
            let detail = "The onset of the pain lies after the block.";
            errors.push(FieldError::new(
                "/episode/onset_date",
                "after_block",
                detail,
            ));
        }
        for (pointer, taken_at) in &self.taken_at {
            if *taken_at > latest {
                errors.push(FieldError::new(
                    pointer.clone(),
                    "in_future",
                    "The score lies in the future.",
                ));
            }
            if self
                .onset
                .is_some_and(|onset| taken_at.date_naive() < onset.0)
            {
                let detail = "The score lies before the onset of the episode.";
                errors.push(FieldError::new(pointer.clone(), "before_episode", detail));
            }
        }
    }
}

/// A block as answered.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct BlockFields {
    /// The instant of the injection.
    pub performed_at: Instant,
    /// What it was for.
    pub kind: Code<BlockKind>,
    /// What was injected into.
    pub technique: Code<BlockTechnique>,
    /// The joints treated.
    pub joints: Vec<Code<Joint>>,
    /// The side or sides treated.
    pub side: Code<TreatedSide>,
    /// The nerves blocked on each treated side: as corrected, else as they follow from the joints.
    pub nerves: Vec<Code<Nerve>>,
    /// The local anesthetic.
    pub agent: Option<Code<Agent>>,
    /// Its concentration in percent.
    pub concentration_percent: Option<Decimal<3>>,
    /// The volume at each nerve in mL.
    pub volume_ml_per_nerve: Option<Decimal<3>>,
    /// Whether a corticosteroid was added.
    pub steroid: Option<bool>,
    /// The image guidance.
    pub guidance: Option<Code<Guidance>>,
    /// The sedation.
    pub sedation: Option<Code<Sedation>>,
    /// Relief as the patient states it, in percent.
    pub stated_relief_percent: Option<Percentage>,
    /// How long relief lasted as the patient states it, in minutes.
    pub stated_relief_minutes: Option<i32>,
    /// How long the procedure took, in minutes.
    pub duration_minutes: Option<i32>,
    /// Who performed it.
    pub operator: Option<String>,
    /// Where it was performed.
    pub site: Option<String>,
    /// Whether the patient returned to activity the same day.
    pub same_day_return: Option<bool>,
}

impl From<&Block> for BlockFields {
    fn from(block: &Block) -> BlockFields {
        let thousandths = |number: i32| Decimal(i64::from(number));
        BlockFields {
            performed_at: Instant(block.performed_at),
            kind: Code(block.kind),
            technique: Code(block.technique),
            joints: block.joints.iter().copied().map(Code).collect(),
            side: Code(block.side),
            nerves: block.nerves().into_iter().map(Code).collect(),
            agent: block.agent.map(Code),
            concentration_percent: block.concentration_thousandths.map(thousandths),
            volume_ml_per_nerve: block.volume_microlitres_per_nerve.map(thousandths),
            steroid: block.steroid,
            guidance: block.guidance.map(Code),
            sedation: block.sedation.map(Code),
            stated_relief_percent: block.stated_relief.map(Percentage),
            stated_relief_minutes: block.stated_relief_minutes,
            duration_minutes: block.duration_minutes,
            operator: block.operator.clone(),
            site: block.site.clone(),
            same_day_return: block.same_day_return,
        }
    }
}

/// A score as answered.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ScoreFields {
    /// When it was taken.
    pub taken_at: Instant,
    /// The scale.
    pub scale: Code<Scale>,
    /// The value.
    pub value: Decimal<1>,
    /// What the patient was doing.
    pub context: Code<Context>,
    /// The side that was rated.
    pub side: Option<Code<Side>>,
    /// Relief as the patient states it, in percent.
    pub stated_relief_percent: Option<Percentage>,
    /// Whether an analgesic was taken at this time, after the score.
    pub analgesic_taken: bool,
    /// Who reported it.
    pub reported_by: Option<Code<ReportedBy>>,
}

impl From<&ScoreRow> for ScoreFields {
    fn from(row: &ScoreRow) -> ScoreFields {
        ScoreFields {
            taken_at: Instant(row.taken_at),
            scale: Code(row.score.scale()),
            value: Decimal(i64::from(row.score.tenths())),
            context: Code(row.context),
            side: row.side.map(Code),
            stated_relief_percent: row.stated_relief.map(Percentage),
            analgesic_taken: row.analgesic_taken,
            reported_by: row.reported_by.map(Code),
        }
    }
}
