//! Who recorded what, and when.

use super::document::{RecordSummary, utc};
use crate::app::Stored;
use crate::app::evidence::EvidenceRecords;
use crate::chart;
use crate::wire::scalar::Id;

pub(super) fn recorded_by(records: &EvidenceRecords) -> Vec<RecordSummary> {
    let mut list = vec![
        record_summary(records, &records.patient, "patient".to_owned()),
        record_summary(records, &records.episode, "episode".to_owned()),
    ];
    for block in &records.blocks {
        let own = records
            .scores
            .iter()
            .filter(|score| score.parent == block.id);
        let scores: Vec<_> = own.collect();
        let late = scores
            .iter()
            .filter(|score| score.value.is_retrospective(score.recorded_at))
            .count();
        let late = match late {
            0 => String::new(),
            late => format!(", {late} of them recorded more than a day after they were taken"),
        };
        let date = chart::date_words(block.value.local_date());
        let what = format!("block of {date} with {} scores{late}", scores.len());
        list.push(record_summary(records, block, what));
    }
    for ablation in &records.ablations {
        let own = records.follow_ups.iter();
        let follow_ups = own.filter(|one| one.parent == ablation.id).count();
        let date = chart::date_words(ablation.value.performed_on);
        let what = format!("ablation of {date} with {follow_ups} follow-ups");
        list.push(record_summary(records, ablation, what));
    }
    list
}

fn record_summary<T>(records: &EvidenceRecords, stored: &Stored<T>, what: String) -> RecordSummary {
    let own = || {
        let changes = records.changes.iter();
        changes.filter(|change| change.resource_id == Some(stored.id))
    };
    let first = own().find(|change| change.action.starts_with("write"));
    let corrected = own().rfind(|change| change.action.starts_with("correct"));
    RecordSummary {
        what,
        id: Id(stored.id),
        version: stored.version,
        recorded_at: utc(stored.recorded_at),
        recorded_by: first.map(|change| format!("{} ({})", change.principal, change.role)),
        corrected: corrected.map(|change| {
            let date = chart::date_words(change.at.date_naive());
            format!("{date} by {} ({})", change.principal, change.role)
        }),
    }
}
