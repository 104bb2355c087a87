//! What the profile says, in the words of the document: verdicts, rules, what is missing.

use super::document::{Judgement, Missing, RuleSummary};
use super::sources::{Sources, criterion_of};
use crate::app::evidence::EvidenceRecords;
use crate::chart;
use crate::domain::qualification::{Determination, Evidence, RuleExplanation, Status, Verdict};
use crate::wire::scalar::{Code, Date};
use chrono::NaiveDate;

pub(super) fn judgements(records: &EvidenceRecords, sources: &mut Sources) -> Vec<Judgement> {
    let mut judgements: Vec<Judgement> = Vec::new();
    for (determination, explanations) in records.determined.explained() {
        let one = judgement(records, &determination, &explanations, sources);
        let same = judgements.iter_mut().find(|other| {
            other.verdict.0 == one.verdict.0
                && other.next_step.0 == one.next_step.0
                && other.earliest == one.earliest
                && other.changes_on == one.changes_on
                && other.rules == one.rules
        });
        match same {
            Some(other) => other.targets.extend(one.targets),
            None => judgements.push(one),
        }
    }
    judgements
}

fn judgement(
    records: &EvidenceRecords,
    determination: &Determination<'_>,
    explanations: &[RuleExplanation],
    sources: &mut Sources,
) -> Judgement {
    Judgement {
        targets: vec![determination.target.to_string()],
        verdict: Code(determination.verdict),
        verdict_words: verdict_words(determination.verdict, &records.profile.title),
        next_step: Code(determination.next_step),
        earliest: determination.earliest.map(Date),
        changes_on: determination.changes_on.map(Date),
        rules: explanations
            .iter()
            .map(|explained| RuleSummary {
                rule: Code(explained.rule),
                label: explained.rule.label(),
                status: Code(explained.status),
                status_words: match explained.status {
                    Status::Met => "met",
                    Status::Unmet => "not met",
                    Status::Unknown => "data is missing",
                },
                required: explained.rule.required(),
                observed: explained.observed.clone(),
                demanded: explained.demanded.clone(),
                sentence: explained.detail.clone(),
                records: record_names(records, &explained.evidence),
                source: sources.number(criterion_of(explained.rule)),
            })
            .collect(),
    }
}

fn verdict_words(verdict: Verdict, title: &str) -> String {
    match verdict {
        Verdict::Meets => format!("meets {title}"),
        Verdict::NeedsReview => {
            format!("meets {title}; an advisory rule is not met and is to be reviewed")
        }
        Verdict::DoesNotMeet => format!("does not meet {title}"),
        Verdict::InsufficientData => format!("data is missing to judge by {title}"),
    }
}

pub(super) fn statements(records: &EvidenceRecords, judgements: &[Judgement]) -> Vec<String> {
    if judgements.is_empty() {
        return vec![format!(
            "No block or ablation is recorded that {} judges.",
            records.profile.title
        )];
    }
    judgements
        .iter()
        .map(|one| {
            let targets = one.targets.join(" and ");
            let mut letters = targets.chars();
            let first = letters.next().map(|first| first.to_uppercase().to_string());
            format!(
                "{}{}: {}.",
                first.unwrap_or_default(),
                letters.as_str(),
                one.verdict_words
            )
        })
        .collect()
}

/// The records by name, each once, in the order in which the rule names them.
fn record_names(records: &EvidenceRecords, evidence: &[Evidence]) -> Vec<String> {
    let on = |what: &str, date: NaiveDate| format!("{what} of {}", chart::date_words(date));
    let mut names: Vec<String> = Vec::new();
    for one in evidence {
        let name = match one {
            Evidence::Block(id) => records
                .blocks
                .iter()
                .find(|block| block.id == id.0)
                .map(|block| on("block", block.value.local_date())),
            Evidence::Score(id) => records
                .scores
                .iter()
                .find(|score| score.id == id.0)
                .map(|score| on("scores", score.value.local_date())),
            Evidence::Ablation(id) => records
                .ablations
                .iter()
                .find(|ablation| ablation.id == id.0)
                .map(|ablation| on("ablation", ablation.value.performed_on)),
            Evidence::FollowUp(id) => records
                .follow_ups
                .iter()
                .find(|follow_up| follow_up.id == id.0)
                .map(|follow_up| on("follow-up", follow_up.value.taken_on)),
            Evidence::Care(_) => Some("conservative care".to_owned()),
            Evidence::Disability(place) => {
                let scores = &records.episode.value.disability;
                scores
                    .get(*place)
                    .map(|score| on(score.instrument.label(), score.taken_on))
            }
            Evidence::Episode(_) => Some("episode".to_owned()),
        };
        names.extend(name.filter(|name| !names.contains(name)));
    }
    names
}

pub(super) fn missing(judgements: &[Judgement]) -> Vec<Missing> {
    let mut missing: Vec<Missing> = Vec::new();
    for judgement in judgements {
        for rule in &judgement.rules {
            if rule.status.0 != Status::Unknown {
                continue;
            }
            match missing
                .iter_mut()
                .find(|other| other.sentence == rule.sentence)
            {
                Some(same) => same.targets.extend(judgement.targets.iter().cloned()),
                None => missing.push(Missing {
                    targets: judgement.targets.clone(),
                    sentence: rule.sentence.clone(),
                }),
            }
        }
    }
    missing
}
