//! Why blocks were considered, as the episode has it: facts, conservative care, functional scores.

use super::document::{CareSummary, Fact, FunctionalScore};
use crate::app::evidence::EvidenceRecords;
use crate::chart;
use crate::domain::anatomy::Joint;
use crate::domain::episode::{CareOutcome, Radiculopathy};
use crate::domain::pain::Tenths;
use crate::wire::scalar::Date;

pub(super) fn indication(records: &EvidenceRecords) -> Vec<Fact> {
    let episode = &records.episode.value;
    let causes: Vec<&str> = episode.causes.iter().map(|cause| cause.label()).collect();
    let fused = episode
        .fused_joints
        .as_ref()
        .map(|fused| match fused.as_slice() {
            [] => "none".to_owned(),
            joints => joint_codes(joints).join(", "),
        });
    vec![
        fact("Region", Some(episode.region.label())),
        fact(
            "Onset of the pain",
            episode.onset_date.map(chart::date_words),
        ),
        fact(
            "May have been caused by",
            (!causes.is_empty()).then(|| causes.join(", ")),
        ),
        fact("Predominantly axial", yes_or_no(episode.axial)),
        fact(
            "Radiculopathy",
            episode.radiculopathy.map(Radiculopathy::label),
        ),
        fact(
            "Other causes ruled out",
            yes_or_no(episode.other_causes_excluded),
        ),
        fact(
            "Worse with extension or rotation",
            yes_or_no(episode.worse_with_extension_or_rotation),
        ),
        fact(
            "Imaging suggests facet degeneration",
            yes_or_no(episode.imaging_suggests_facet),
        ),
        fact("Fused segments", fused),
    ]
}

pub(super) fn care(records: &EvidenceRecords) -> Vec<CareSummary> {
    let as_of = records.determined.as_of;
    let courses = records.episode.value.conservative_care.iter();
    courses
        .filter(|entry| entry.start.is_none_or(|start| start <= as_of))
        .map(|entry| CareSummary {
            kind: entry.kind.replace('_', " "),
            start: entry.start.map(Date),
            end: entry.end.map(Date),
            outcome: entry.outcome.map(CareOutcome::label),
        })
        .collect()
}

pub(super) fn functional_scores(records: &EvidenceRecords) -> Vec<FunctionalScore> {
    let as_of = records.determined.as_of;
    let scores = records.episode.value.disability.iter();
    scores
        .filter(|score| score.taken_on <= as_of)
        .map(|score| FunctionalScore {
            instrument: score.instrument.label(),
            score: format!(
                "{} of {}",
                Tenths(score.score_tenths),
                Tenths(score.maximum_tenths)
            ),
            taken_on: Date(score.taken_on),
        })
        .collect()
}

pub(super) fn yes_or_no(value: Option<bool>) -> Option<String> {
    value.map(|value| if value { "yes" } else { "no" }.to_owned())
}

pub(super) fn fact(label: &'static str, value: Option<impl Into<String>>) -> Fact {
    Fact {
        label,
        value: value.map(Into::into),
    }
}

pub(super) fn joint_codes(joints: &[Joint]) -> Vec<&'static str> {
    joints.iter().map(|joint| joint.code()).collect()
}
