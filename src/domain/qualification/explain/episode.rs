//! What the rules about the pain, its care and its causes saw.

use super::blocks::no_block;
use super::words::{days, join};
use super::{Evidence, Seen};
use crate::domain::episode::CareOutcome;
use crate::domain::pain::{Score, Tenths};
use crate::domain::qualification::evaluate::Case;

pub(super) fn pain_floor(case: &Case<'_>) -> Seen {
    let Some(first) = case.counted.first() else {
        return no_block();
    };
    let baseline: Option<Score> = case.baseline(first);
    let observed = match baseline {
        Some(score) => format!("{score} before the block of {}", first.date),
        None => format!("no baseline at the block of {}", first.date),
    };
    let missing = format!("a score before the block of {}", first.date);
    Seen::new(observed, missing, vec![Evidence::Block(first.recorded.id)])
}

pub(super) fn pain_duration(case: &Case<'_>) -> Seen {
    let recorded = case.records.onset().map(|onset| {
        let first_day = case.first_day();
        format!(
            "{} from {onset} to {first_day}",
            days((first_day - onset).num_days())
        )
    });
    episode_fact("onset_date", "the day the pain began", recorded)
}

pub(super) fn conservative_care(case: &Case<'_>) -> Seen {
    let evidence: Vec<Evidence> = case
        .records
        .care()
        .map(|(place, _)| Evidence::Care(place))
        .collect();
    if evidence.is_empty() {
        return Seen::new(
            "not recorded",
            "the conservative care that was tried",
            evidence,
        );
    }
    let outcome_of = |wanted: CareOutcome| {
        case.records
            .care()
            .any(|(_, entry)| entry.outcome == Some(wanted))
    };
    if outcome_of(CareOutcome::Contraindicated) {
        return Seen::new("contraindicated", "", evidence);
    }
    if !outcome_of(CareOutcome::Failed) {
        return Seen::new("none that failed", "", evidence);
    }
    let first_day = case.first_day();
    let failed = days(case.failed_care_days(first_day));
    Seen::new(
        format!("{failed} of failed care up to {first_day}"),
        "",
        evidence,
    )
}

pub(super) fn fusion(case: &Case<'_>) -> Seen {
    let joint = case.target.target.joint;
    let recorded = case.records.episode.fused_joints.as_ref().map(|fused| {
        if fused.contains(&joint) {
            format!("{joint} is fused")
        } else {
            format!("{joint} is not fused")
        }
    });
    episode_fact("fused_joints", "which joints are fused, if any", recorded)
}

pub(super) fn disability_recorded(case: &Case<'_>) -> Seen {
    let first_day = case.first_day();
    let scores: Vec<(usize, String)> = case
        .records
        .disability_by(first_day)
        .map(|(place, score)| {
            let (raw, maximum) = (Tenths(score.score_tenths), Tenths(score.maximum_tenths));
            (
                place,
                format!("{} {raw}/{maximum} on {}", score.instrument, score.taken_on),
            )
        })
        .collect();
    let evidence = scores
        .iter()
        .map(|(place, _)| Evidence::Disability(*place))
        .collect();
    let observed = if scores.is_empty() {
        format!("none up to {first_day}")
    } else {
        join(scores.into_iter().map(|(_, words)| words), ", ")
    };
    Seen::new(observed, "", evidence)
}

pub(super) fn episode_fact(field: &'static str, missing: &str, recorded: Option<String>) -> Seen {
    let observed = recorded.unwrap_or_else(|| "not recorded".to_owned());
    Seen::new(observed, missing, vec![Evidence::Episode(field)])
}
