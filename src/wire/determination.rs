//! Determinations and relief, as answered.

use super::case::pointer_of;
use super::scalar::{Code, Date, Decimal, Id, Instant, Percentage};
use crate::domain::anatomy::{Joint, Side, Target};
use crate::domain::block::Block;
use crate::domain::pain::{Context, RecordedScore, Scale, Threshold};
use crate::domain::qualification::{
    Determination, Evidence, NextStep, Purpose, Rule, RuleExplanation, Status, Statuses, Verdict,
};
use crate::domain::relief::{
    BlockRelief, BlockResponse, ComparativeClass, Comparison, DurationClass,
};
use schemars::JsonSchema;
use serde::Serialize;

/// What one profile says about one target.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct DeterminationFields {
    /// The profile.
    pub profile: String,
    /// Its version.
    pub profile_version: i32,
    /// The joint.
    pub joint: Code<Joint>,
    /// The side.
    pub side: Code<Side>,
    /// For the first ablation or for another.
    pub purpose: Code<Purpose>,
    /// Whether the latest ablation is so long ago that the profile asks for diagnostic blocks again.
    pub rediagnosed: bool,
    /// The verdict.
    pub verdict: Code<Verdict>,
    /// What would come next; never advice to have a procedure.
    pub next_step: Code<NextStep>,
    /// The first day for a confirmatory block.
    pub earliest: Option<Date>,
    /// The first later day on which verdict or next step differs with the same records; null within three years.
    pub changes_on: Option<Date>,
    /// The required rules whose data is missing.
    pub missing: Vec<Code<Rule>>,
    /// One sentence: the verdict in words.
    pub summary: String,
    /// Every rule that the profile asks.
    pub rules: Vec<RuleFields>,
    /// The date it was judged as of.
    pub evaluated_as_of: Date,
}

/// One rule. Where the answer is a short one, a met rule comes without its words.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct RuleFields {
    /// The rule.
    pub rule: Code<Rule>,
    /// Met, unmet or unknown.
    pub status: Code<Status>,
    /// Whether the verdict depends on it.
    pub required: bool,
    /// What the records say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed: Option<String>,
    /// What the profile asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub demanded: Option<String>,
    /// The records it came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Vec<EvidenceFields>>,
    /// One sentence for a reader.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// A record, or a field of one, that a rule's value came from.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct EvidenceFields {
    /// `block`, `score`, `ablation`, `follow_up` or `episode`.
    pub kind: &'static str,
    /// The record's id, where it is stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Id>,
    /// JSON pointer to the field, or to the record within a case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
}

/// Where the records that an explanation names are to be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// In the database, by id.
    Stored,
    /// In a case document, by JSON pointer.
    InCase,
}

impl EvidenceFields {
    fn of(evidence: Evidence, naming: Naming) -> EvidenceFields {
        let (kind, id) = match evidence {
            Evidence::Block(id) => ("block", Some(id.0)),
            Evidence::Score(id) => ("score", Some(id.0)),
            Evidence::Ablation(id) => ("ablation", Some(id.0)),
            Evidence::FollowUp(id) => ("follow_up", Some(id.0)),
            Evidence::Care(_) | Evidence::Disability(_) | Evidence::Episode(_) => ("episode", None),
        };
        let pointer = pointer_of(evidence);
        match (naming, id) {
            (Naming::InCase, _) => EvidenceFields {
                kind,
                id: None,
                pointer: Some(pointer),
            },
            (Naming::Stored, Some(id)) => EvidenceFields {
                kind,
                id: Some(Id(id)),
                pointer: None,
            },
            (Naming::Stored, None) => {
                let pointer = pointer.strip_prefix("/episode").map(ToOwned::to_owned);
                EvidenceFields {
                    kind,
                    id: None,
                    pointer,
                }
            }
        }
    }
}

impl DeterminationFields {
    /// In full: every rule explained.
    #[must_use]
    pub fn full(
        determination: &Determination<'_>,
        explanations: Vec<RuleExplanation>,
        naming: Naming,
    ) -> DeterminationFields {
        let rules = explanations
            .into_iter()
            .map(|explanation| RuleFields::explained(explanation, naming));
        DeterminationFields::with_rules(determination, rules.collect())
    }

    /// In short: every rule's status, and the words of those that are not met.
    #[must_use]
    pub fn short(
        determination: &Determination<'_>,
        explanations: Vec<RuleExplanation>,
    ) -> DeterminationFields {
        let rules = explanations
            .into_iter()
            .map(|explanation| match explanation.status {
                Status::Met => RuleFields::bare(explanation.rule, explanation.status),
                Status::Unmet | Status::Unknown => {
                    RuleFields::explained(explanation, Naming::Stored)
                }
            });
        DeterminationFields::with_rules(determination, rules.collect())
    }

    fn with_rules(
        determination: &Determination<'_>,
        rules: Vec<RuleFields>,
    ) -> DeterminationFields {
        let missing = determination
            .statuses
            .iter()
            .filter(|(rule, status)| rule.required() && *status == Status::Unknown)
            .map(|(rule, _)| Code(rule));
        DeterminationFields {
            profile: determination.profile.id.clone(),
            profile_version: determination.profile.version,
            joint: Code(determination.target.joint),
            side: Code(determination.target.side),
            purpose: Code(determination.purpose),
            rediagnosed: determination.rediagnosed,
            verdict: Code(determination.verdict),
            next_step: Code(determination.next_step),
            earliest: determination.earliest.map(Date),
            changes_on: determination.changes_on.map(Date),
            missing: missing.collect(),
            summary: summary(determination),
            rules,
            evaluated_as_of: Date(determination.evaluated_as_of),
        }
    }
}

impl RuleFields {
    /// The status alone.
    #[must_use]
    pub fn bare(rule: Rule, status: Status) -> RuleFields {
        let (rule, status, required) = (Code(rule), Code(status), rule.required());
        RuleFields {
            rule,
            status,
            required,
            observed: None,
            demanded: None,
            evidence: None,
            detail: None,
        }
    }

    fn explained(explanation: RuleExplanation, naming: Naming) -> RuleFields {
        let evidence = explanation
            .evidence
            .into_iter()
            .map(|one| EvidenceFields::of(one, naming))
            .collect();
        RuleFields {
            rule: Code(explanation.rule),
            status: Code(explanation.status),
            required: explanation.rule.required(),
            observed: Some(explanation.observed),
            demanded: Some(explanation.demanded),
            evidence: Some(evidence),
            detail: Some(explanation.detail),
        }
    }
}

/// The verdict in words: "The right L4-5 meets profile medicare-lcd (version 1)."
#[must_use]
pub fn summary(determination: &Determination<'_>) -> String {
    summary_of(
        determination.target,
        &determination.profile.id,
        determination.profile.version,
        determination.verdict,
        determination.statuses,
    )
}

/// As [`summary`], from what is stored of a determination.
#[must_use]
pub fn summary_of(
    target: Target,
    profile: &str,
    version: i32,
    verdict: Verdict,
    statuses: Statuses,
) -> String {
    let profile = format!("profile {profile} (version {version})");
    let target = format!("The {target}");
    let of_status = |required: bool, status: Status| -> String {
        let rules = statuses
            .iter()
            .filter(|(rule, found)| rule.required() == required && *found == status);
        rules
            .map(|(rule, _)| rule.label().to_lowercase())
            .collect::<Vec<_>>()
            .join(", ")
    };
    match verdict {
        Verdict::Meets => format!("{target} meets {profile}."),
        Verdict::NeedsReview => {
            format!(
                "{target} meets {profile}; to be reviewed: {}.",
                of_status(false, Status::Unmet)
            )
        }
        Verdict::DoesNotMeet => format!(
            "{target} does not meet {profile}: {}.",
            of_status(true, Status::Unmet)
        ),
        Verdict::InsufficientData => {
            format!(
                "{target}, {profile}: data is missing: {}.",
                of_status(true, Status::Unknown)
            )
        }
    }
}

/// Relief after one block on one side at one threshold.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ReliefFields {
    /// The side.
    pub side: Code<Side>,
    /// The threshold, in percent.
    pub threshold_percent: u8,
    /// The scale that was read; null where no scale and context has scores both before and after.
    pub scale: Option<Code<Scale>>,
    /// The context that was read.
    pub context: Option<Code<Context>>,
    /// The baseline.
    pub baseline: Option<Decimal<1>>,
    /// The greatest relief, in percent, rounded down to the tenth.
    pub best_relief_percent: Option<Decimal<1>>,
    /// The block's response at this threshold; null where data is missing.
    pub response: Option<Code<BlockResponse>>,
    /// Minutes from the injection to the first score in relief.
    pub onset_minutes: Option<i64>,
    /// Relief lasted at least so many minutes.
    pub min_minutes: Option<i64>,
    /// Relief lasted at most so many minutes; null where it had not ended.
    pub max_minutes: Option<i64>,
    /// The largest gap between neighbouring scores in relief, in minutes.
    pub largest_gap_minutes: Option<i64>,
    /// Relief against what the agent lets expect: advisory.
    pub duration_class: Option<Code<DurationClass>>,
    /// Relief as the patient states it, in percent.
    pub stated_relief_percent: Option<Percentage>,
    /// Whether an analgesic ended what can be known.
    pub cut_by_analgesic: bool,
}

impl ReliefFields {
    /// Relief of `block` on each treated side at each of `thresholds`, as far as recorded by `as_of`.
    #[must_use]
    pub fn of_block(
        block: &Block,
        scores: &[RecordedScore],
        as_of: chrono::NaiveDate,
        thresholds: &[Threshold],
    ) -> Vec<ReliefFields> {
        BlockRelief::of(block, scores, as_of, thresholds)
            .into_iter()
            .map(ReliefFields::from)
            .collect()
    }
}

impl From<BlockRelief> for ReliefFields {
    fn from(relief: BlockRelief) -> ReliefFields {
        let minutes = |duration: chrono::TimeDelta| duration.num_minutes();
        ReliefFields {
            side: Code(relief.side),
            threshold_percent: relief.threshold.percent(),
            scale: relief.baseline.map(|score| Code(score.scale())),
            context: relief.context.map(Code),
            baseline: relief
                .baseline
                .map(|score| Decimal(i64::from(score.tenths()))),
            best_relief_percent: relief
                .best_floor_tenths
                .map(|tenths| Decimal(i64::from(tenths))),
            response: relief.response.map(Code),
            onset_minutes: relief.interval.map(|interval| minutes(interval.onset)),
            min_minutes: relief.interval.map(|interval| minutes(interval.min)),
            max_minutes: relief
                .interval
                .and_then(|interval| interval.max)
                .map(minutes),
            largest_gap_minutes: relief
                .interval
                .map(|interval| minutes(interval.largest_gap)),
            duration_class: relief.duration_class.map(Code),
            stated_relief_percent: relief.stated.map(Percentage),
            cut_by_analgesic: relief.cut_by_analgesic,
        }
    }
}

/// Two blocks of one target with agents that act differently long, held against each other: advisory.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ComparisonFields {
    /// The joint.
    pub joint: Code<Joint>,
    /// The side.
    pub side: Code<Side>,
    /// The threshold, in percent.
    pub threshold_percent: u8,
    /// The earlier block.
    pub earlier: Instant,
    /// The later block.
    pub later: Instant,
    /// How they compare.
    pub class: Code<ComparativeClass>,
}

impl From<Comparison> for ComparisonFields {
    fn from(comparison: Comparison) -> ComparisonFields {
        ComparisonFields {
            joint: Code(comparison.target.joint),
            side: Code(comparison.target.side),
            threshold_percent: comparison.threshold.percent(),
            earlier: Instant(comparison.earlier),
            later: Instant(comparison.later),
            class: Code(comparison.class),
        }
    }
}
