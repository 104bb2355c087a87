//! Everything recorded about a patient, in time order.

use super::ablations::{AblationView, FollowUpView};
use super::adverse_events::AdverseEventView;
use super::blocks::BlockView;
use super::candidates::ReviewView;
use super::episodes::EpisodeView;
use super::patients::PatientView;
use super::scores::ScoreView;
use crate::app::timeline::Timeline;
use crate::app::{Error, Result, Stored};
use crate::domain::ablation::{Ablation, FollowUp};
use crate::wire::scalar::{Date, Id, Instant};
use chrono::{DateTime, FixedOffset, NaiveDate};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

/// Everything recorded about a patient.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Timeline")]
pub(super) struct TimelineView {
    /// The patient.
    patient: PatientView,
    /// What happened, the earliest first; what has no date comes before all that has.
    items: Vec<EntryView>,
}

/// Something that happened.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "TimelineEntry")]
struct EntryView {
    /// The day, by the local calendar; null where it is not recorded.
    on: Option<Date>,
    /// The instant, where it is known.
    at: Option<Instant>,
    /// `episode`, `block`, `score`, `ablation`, `follow_up`, `adverse_event` or `review`.
    kind: &'static str,
    /// The record's id.
    id: Id,
    /// The record, as its own endpoint answers it.
    record: Value,
}

impl EntryView {
    fn on_day(
        day: Option<NaiveDate>,
        kind: &'static str,
        id: Uuid,
        record: &impl Serialize,
    ) -> Result<EntryView> {
        Ok(EntryView {
            on: day.map(Date),
            at: None,
            kind,
            id: Id(id),
            record: serde_json::to_value(record).map_err(|error| Error::Internal(error.into()))?,
        })
    }

    fn at_instant(
        at: DateTime<FixedOffset>,
        kind: &'static str,
        id: Uuid,
        record: &impl Serialize,
    ) -> Result<EntryView> {
        let entry = EntryView::on_day(Some(at.date_naive()), kind, id, record)?;
        Ok(EntryView {
            at: Some(Instant(at)),
            ..entry
        })
    }

    /// By day; within one day what has no instant first, then by instant, then by record.
    fn place(&self) -> (Option<Date>, Option<Instant>, Uuid) {
        (self.on, self.at, self.id.0)
    }
}

impl TimelineView {
    /// Everything in its order.
    pub(super) fn of(timeline: &Timeline) -> Result<TimelineView> {
        let mut items = Vec::new();
        for episode in &timeline.episodes {
            let view = EpisodeView::from(episode);
            items.push(EntryView::on_day(
                episode.value.onset_date,
                "episode",
                episode.id,
                &view,
            )?);
        }
        for block in &timeline.blocks {
            let view = BlockView::from(block);
            items.push(EntryView::at_instant(
                block.value.performed_at,
                "block",
                block.id,
                &view,
            )?);
        }
        for score in &timeline.scores {
            let view = ScoreView::from(score);
            items.push(EntryView::at_instant(
                score.value.taken_at,
                "score",
                score.id,
                &view,
            )?);
        }
        for ablation in &timeline.ablations {
            let day = Some(ablation.value.performed_on);
            let view = AblationView::from(ablation);
            items.push(EntryView::on_day(day, "ablation", ablation.id, &view)?);
        }
        for follow_up in &timeline.follow_ups {
            let day = Some(follow_up.value.taken_on);
            let view = FollowUpView::of(follow_up, ablation_of(timeline, follow_up));
            items.push(EntryView::on_day(day, "follow_up", follow_up.id, &view)?);
        }
        for (event, after) in &timeline.events {
            let day = Some(event.value.onset_on);
            let view = AdverseEventView::of(event, *after);
            items.push(EntryView::on_day(day, "adverse_event", event.id, &view)?);
        }
        for review in &timeline.reviews {
            let at = review.decided_at.fixed_offset();
            items.push(EntryView::at_instant(
                at,
                "review",
                review.id,
                &ReviewView::from(review),
            )?);
        }
        items.sort_by_key(EntryView::place);
        Ok(TimelineView {
            patient: PatientView::from(&timeline.patient),
            items,
        })
    }
}

fn ablation_of<'a>(timeline: &'a Timeline, follow_up: &Stored<FollowUp>) -> Option<&'a Ablation> {
    timeline
        .ablations
        .iter()
        .find(|ablation| ablation.id == follow_up.parent)
        .map(|ablation| &ablation.value)
}
