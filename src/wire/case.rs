//! A case: one episode with its blocks and ablations in one document, to be judged or imported.

use super::ablation::AblationBody;
use super::block::{BlockBody, ordered};
use super::episode::EpisodeBody;
use super::errors::FieldError;
use super::errors::{FieldErrors, parse};
use super::patient::PatientBody;
use super::scalar::Date;
use crate::domain::ids::{AblationId, BlockId, FollowUpId, ScoreId};
use crate::domain::pain::RecordedScore;
use crate::domain::qualification::{
    Evidence, History, RecordedAblation, RecordedBlock, RecordedFollowUp,
};
use chrono::NaiveDate;
use deserr::{Deserr, IntoValue, ValuePointerRef};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;
use std::borrow::Cow;
use uuid::Uuid;

/// A case as sent.
#[derive(Debug, Clone, Deserr, JsonSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
pub struct CaseBody {
    /// A name; ignored.
    #[deserr(default)]
    pub name: Option<Ignored>,
    /// A description; ignored.
    #[deserr(default)]
    pub about: Option<Ignored>,
    /// The date to judge as of; today where it is left out.
    #[deserr(default)]
    pub as_of: Option<Date>,
    /// The patient; needed for an import only.
    #[deserr(default)]
    pub patient: Option<PatientBody>,
    /// The episode.
    pub episode: EpisodeBody,
    /// Its blocks with their scores.
    #[deserr(default)]
    #[schemars(length(max = 200))]
    pub blocks: Option<Vec<BlockBody>>,
    /// Its ablations with their follow-ups.
    #[deserr(default)]
    #[schemars(length(max = 200))]
    pub ablations: Option<Vec<AblationBody>>,
    /// What somebody expects; ignored.
    #[deserr(default)]
    pub expect: Option<Ignored>,
}

/// A value that is accepted and not read.
#[derive(Debug, Clone, Copy)]
pub struct Ignored;

impl Deserr<FieldErrors> for Ignored {
    fn deserialize_from_value<V: IntoValue>(
        _: deserr::Value<V>,
        _: ValuePointerRef,
    ) -> Result<Self, FieldErrors> {
        Ok(Ignored)
    }
}

impl JsonSchema for Ignored {
    fn schema_name() -> Cow<'static, str> {
        "Ignored".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({})
    }
}

impl CaseBody {
    /// Reads a case and checks it for what no record may say. Dates may lie in the future: a case is a what-if.
    ///
    /// # Errors
    /// Every invalid field.
    pub fn read(value: Value) -> Result<CaseBody, Vec<FieldError>> {
        let body = parse::<CaseBody>(value)?;
        let mut errors = Vec::new();
        let far_future = NaiveDate::MAX;
        body.episode.check("/episode", far_future, &mut errors);
        for (place, block) in body.blocks.iter().flatten().enumerate() {
            let at = format!("/blocks/{place}");
            block.check_parts(&at, &mut errors);
            for (field, given) in [
                ("episode_id", block.episode_id.is_some()),
                ("episode", block.episode.is_some()),
                ("patient", block.patient.is_some()),
            ] {
                if given {
                    let detail =
                        "Within a case a block belongs to the case's own episode and patient.";
                    errors.push(FieldError::new(format!("{at}/{field}"), "not_here", detail));
                }
            }
        }
        for (place, ablation) in body.ablations.iter().flatten().enumerate() {
            ablation.check(&format!("/ablations/{place}"), far_future, &mut errors);
        }
        let lengths = [
            ("/blocks", body.blocks.as_ref().map_or(0, Vec::len)),
            ("/ablations", body.ablations.as_ref().map_or(0, Vec::len)),
        ];
        for (pointer, _) in lengths.into_iter().filter(|(_, length)| *length > 200) {
            errors.push(FieldError::new(
                pointer,
                "too_many",
                "Expected at most 200.",
            ));
        }
        if errors.is_empty() {
            Ok(body)
        } else {
            Err(ordered(errors))
        }
    }

    /// The history to judge. Records are numbered by their place, so that [`pointer_of`] finds them again.
    #[must_use]
    pub fn into_history(self) -> History {
        let blocks =
            self.blocks
                .unwrap_or_default()
                .into_iter()
                .enumerate()
                .map(|(place, body)| {
                    let (block, rows) = body.into_domain();
                    let scores = rows.into_iter().enumerate().map(|(row_place, row)| {
                        let id = Place::Row(place, row_place).number();
                        RecordedScore {
                            id: ScoreId(id),
                            sequence: id.as_u128(),
                            row,
                        }
                    });
                    let id = BlockId(Place::Whole(place).number());
                    RecordedBlock {
                        id,
                        block,
                        scores: scores.collect(),
                    }
                });
        let ablations = self
            .ablations
            .unwrap_or_default()
            .into_iter()
            .enumerate()
            .map(|(place, body)| {
                let (ablation, rows) = body.into_domain();
                let follow_ups = rows.into_iter().enumerate().map(|(row_place, follow_up)| {
                    let id = FollowUpId(Place::Row(place, row_place).number());
                    RecordedFollowUp { id, follow_up }
                });
                let id = AblationId(Place::Whole(place).number());
                RecordedAblation {
                    id,
                    ablation,
                    follow_ups: follow_ups.collect(),
                }
            });
        History {
            blocks: blocks.collect(),
            ablations: ablations.collect(),
            episode: self.episode.into_domain(),
            elsewhere: Vec::new(),
        }
    }
}

/// Where a record stands in a case.
#[derive(Clone, Copy)]
enum Place {
    Whole(usize),
    Row(usize, usize),
}

impl Place {
    fn number(self) -> Uuid {
        let wide = |place: usize| u64::try_from(place).unwrap_or(u64::MAX - 1) + 1;
        match self {
            Place::Whole(place) => Uuid::from_u64_pair(wide(place), 0),
            Place::Row(place, row) => Uuid::from_u64_pair(wide(place), wide(row)),
        }
    }
}

/// The JSON pointer into the case of a record that an explanation names.
#[must_use]
pub fn pointer_of(evidence: Evidence) -> String {
    let whole = |id: Uuid| id.as_u64_pair().0.saturating_sub(1);
    let row = |id: Uuid| id.as_u64_pair().1.saturating_sub(1);
    match evidence {
        Evidence::Block(BlockId(id)) => format!("/blocks/{}", whole(id)),
        Evidence::Score(ScoreId(id)) => format!("/blocks/{}/scores/{}", whole(id), row(id)),
        Evidence::Ablation(AblationId(id)) => format!("/ablations/{}", whole(id)),
        Evidence::FollowUp(FollowUpId(id)) => {
            format!("/ablations/{}/follow_ups/{}", whole(id), row(id))
        }
        Evidence::Care(place) => format!("/episode/conservative_care/{place}"),
        Evidence::Disability(place) => format!("/episode/disability/{place}"),
        Evidence::Episode(field) => format!("/episode/{field}"),
    }
}
