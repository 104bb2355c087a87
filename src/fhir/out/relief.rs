//! Relief after a block, as an observation that is derived from the scores.

use super::Elements;
use super::observation::{category, component, stated_relief};
use crate::app::{Stored, recorded};
use crate::domain::block::Block;
use crate::domain::pain::{RecordedScore, ScoreRow, Threshold};
use crate::domain::relief::{BASELINE_MAX_AGE_DAYS, BlockRelief, Series};
use crate::fhir::ids::ObservationId;
use crate::fhir::resource::{Head, Resource, ResourceType, instant};
use crate::fhir::terms;
use chrono::{NaiveDate, TimeDelta};
use serde_json::{Value, json};

/// Relief on each treated side at each of `thresholds`, as far as recorded by `as_of`.
#[must_use]
pub fn of_block(
    block: &Stored<Block>,
    scores: &[Stored<ScoreRow>],
    thresholds: &[Threshold],
    as_of: NaiveDate,
) -> Vec<Resource> {
    let counted: Vec<RecordedScore> = scores.iter().map(recorded).collect();
    let newest = scores.iter().map(|score| score.updated_at).max();
    let updated = newest.map_or(block.updated_at, |newest| newest.max(block.updated_at));
    BlockRelief::of(&block.value, &counted, as_of, thresholds)
        .iter()
        .map(|relief| {
            let id = ObservationId::Relief {
                block: block.id,
                side: relief.side,
                threshold: relief.threshold,
            };
            let used = used(&block.value, &counted, relief, as_of);
            let mut elements = elements(block, relief, used);
            elements.put("issued", instant(updated));
            Head {
                kind: ResourceType::Observation,
                id: id.to_string(),
                version: None,
                updated,
                patient: Some(block.patient),
                profiles: &[],
            }
            .with(elements.done())
        })
        .collect()
}

/// The scores that the relief was read from, as references.
fn used(
    block: &Block,
    scores: &[RecordedScore],
    relief: &BlockRelief,
    as_of: NaiveDate,
) -> Vec<Value> {
    let age = TimeDelta::days(BASELINE_MAX_AGE_DAYS);
    let Some(series) = Series::of(block, scores, relief.side, as_of, age) else {
        return Vec::new();
    };
    let rows = series.rows.iter().map(|reading| reading.recorded.id);
    std::iter::once(series.baseline.id)
        .chain(rows)
        .map(|id| terms::reference("Observation", id))
        .collect()
}

fn elements(block: &Stored<Block>, relief: &BlockRelief, used: Vec<Value>) -> Elements {
    let mut elements = Elements::default();
    elements.put("partOf", json!([terms::reference("Procedure", block.id)]));
    elements.put("status", "final");
    elements.put("category", category("procedure"));
    elements.put(
        "code",
        terms::concept(terms::OBSERVATION, "relief", "Relief after a block"),
    );
    elements.put("subject", terms::reference("Patient", block.patient));
    elements.put(
        "effectiveDateTime",
        terms::local_instant(block.value.performed_at),
    );
    elements.put(
        "bodySite",
        terms::concept(terms::SIDE, relief.side.code(), relief.side.label()),
    );
    elements.list("derivedFrom", used);
    elements.list("component", components(relief));
    elements
}

fn components(relief: &BlockRelief) -> Vec<Value> {
    let threshold = i32::from(relief.threshold.percent()).saturating_mul(10);
    let mut components = vec![quantity(
        "threshold",
        "Threshold",
        terms::percent_quantity(threshold),
    )];
    components.push(match relief.best_floor_tenths {
        Some(tenths) => quantity(
            "peak-relief",
            "Greatest relief",
            terms::percent_quantity(tenths),
        ),
        None => component(
            "peak-relief",
            "Greatest relief",
            "dataAbsentReason",
            terms::plain_concept(terms::ABSENT_CODES, "unknown"),
        ),
    });
    components.extend(relief.baseline.map(|score| {
        let value = terms::score_quantity(i32::from(score.tenths()));
        quantity("baseline", "Score before the block", value)
    }));
    components.extend(relief.context.map(|context| {
        let context = terms::concept(terms::CONTEXT, context.code(), context.label());
        component(
            "context",
            "Context of the scores",
            "valueCodeableConcept",
            context,
        )
    }));
    components.extend(relief.response.map(|response| {
        let response = terms::concept(terms::RESPONSE, response.code(), response.label());
        component(
            "response",
            "Response to the block",
            "valueCodeableConcept",
            response,
        )
    }));
    let interval = relief.interval;
    let minutes = [
        ("onset", "Onset of relief", interval.map(|it| it.onset)),
        (
            "least-duration",
            "Relief lasted at least",
            interval.map(|it| it.min),
        ),
        (
            "greatest-duration",
            "Relief lasted at most",
            interval.and_then(|it| it.max),
        ),
        (
            "largest-gap",
            "Largest gap between scores",
            interval.map(|it| it.largest_gap),
        ),
    ];
    components.extend(minutes.into_iter().filter_map(|(code, words, time)| {
        Some(quantity(
            code,
            words,
            terms::minutes_quantity(time?.num_minutes()),
        ))
    }));
    components.extend(relief.duration_class.map(|class| {
        let class = terms::concept(terms::DURATION_CLASS, class.code(), class.label());
        component(
            "duration-class",
            "Relief against what the agent lets expect",
            "valueCodeableConcept",
            class,
        )
    }));
    components.extend(relief.stated.map(|percent| stated_relief(percent.tenths())));
    components.push(component(
        "cut-by-analgesic",
        "An analgesic ended what can be known",
        "valueBoolean",
        relief.cut_by_analgesic,
    ));
    components
}

fn quantity(code: &str, words: &str, value: Value) -> Value {
    component(code, words, "valueQuantity", value)
}
