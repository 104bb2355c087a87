//! Every rule in a sentence that a clinician can read, with the values it saw and the records they came from.
//!
//! The sentence is made anew from the same case that the status was judged on; nothing of it is stored.

mod ablations;
mod blocks;
mod episode;
mod words;

use super::evaluate::Case;
use super::history::{History, Records};
use super::profile::{Care, Profile};
use super::rules::{MAX_VOLUME_MICROLITRES, Rule, Status};
use crate::domain::anatomy::Target;
use crate::domain::block::Sedation;
use crate::domain::ids::{AblationId, BlockId, FollowUpId, ScoreId};
use crate::domain::pain::Tenths;
use ablations::{ablation_cap, ablation_gap, pain_returned, repeat_relief};
use blocks::{
    agent_duration, block_age, block_count, block_interval, diagnostic_cap, each_block, relief,
    relief_duration, stated_agrees,
};
use chrono::NaiveDate;
use episode::{
    conservative_care, disability_recorded, episode_fact, fusion, pain_duration, pain_floor,
};
use words::{count, days, join, millilitres, minutes, sessions, yes};

pub use words::duration_words;

/// A record that a rule's value came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Evidence {
    /// A block.
    Block(BlockId),
    /// A score.
    Score(ScoreId),
    /// An ablation.
    Ablation(AblationId),
    /// A follow-up.
    FollowUp(FollowUpId),
    /// The course of conservative care at this place of the episode's list.
    Care(usize),
    /// The disability score at this place of the episode's list.
    Disability(usize),
    /// A field of the episode.
    Episode(&'static str),
}

/// One rule explained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleExplanation {
    /// The rule.
    pub rule: Rule,
    /// Its status.
    pub status: Status,
    /// What the records say.
    pub observed: String,
    /// What the profile asks for.
    pub demanded: String,
    /// The records it came from.
    pub evidence: Vec<Evidence>,
    /// One sentence: what was seen, what is asked for, and what is missing where data is missing.
    pub detail: String,
}

/// Explains every rule that `profile` asks about `target` as of `as_of`; empty where it does not judge the target.
#[must_use]
pub fn explain(
    profile: &Profile,
    history: &History,
    target: Target,
    as_of: NaiveDate,
) -> Vec<RuleExplanation> {
    if !profile.applies_to(target) {
        return Vec::new();
    }
    let records = Records::as_of(history, as_of);
    let target_records = records.of_target(target, profile.criteria.baseline_max_age);
    let case = Case::on(&profile.criteria, &records, &target_records, as_of);
    Rule::ALL
        .iter()
        .filter_map(|rule| {
            rule.status(&case)
                .map(|status| explain_rule(&case, *rule, status))
        })
        .collect()
}

fn explain_rule(case: &Case<'_>, rule: Rule, status: Status) -> RuleExplanation {
    let demanded = demanded(case, rule);
    let seen = seen(case, rule);
    let (name, observed) = (rule.label(), &seen.observed);
    let detail = match status {
        Status::Met => format!("{name}: {observed}; asked for is {demanded}: met."),
        Status::Unmet => format!("{name}: {observed}; asked for is {demanded}: not met."),
        Status::Unknown => format!(
            "{name}: {observed}; asked for is {demanded}. Data is missing: {}.",
            seen.missing
        ),
    };
    RuleExplanation {
        rule,
        status,
        observed: seen.observed,
        demanded,
        evidence: seen.evidence,
        detail,
    }
}

/// What a rule saw, and what would settle it.
struct Seen {
    observed: String,
    missing: String,
    evidence: Vec<Evidence>,
}

impl Seen {
    fn new(
        observed: impl Into<String>,
        missing: impl Into<String>,
        evidence: Vec<Evidence>,
    ) -> Seen {
        Seen {
            observed: observed.into(),
            missing: missing.into(),
            evidence,
        }
    }
}

fn demanded(case: &Case<'_>, rule: Rule) -> String {
    let criteria = case.criteria;
    let number = |value: Option<u32>| value.unwrap_or(0);
    match rule {
        Rule::BlockCount => count(
            usize::from(criteria.blocks),
            "diagnostic medial branch block",
        ),
        Rule::Relief => format!("at least {} relief at every counted block", criteria.relief),
        Rule::ReliefDuration => {
            format!(
                "relief of at least {} for at least {}",
                criteria.relief,
                minutes(number(criteria.relief_minutes))
            )
        }
        Rule::BlockInterval => format!(
            "at least {} between neighbouring blocks",
            days(number(criteria.interval_days))
        ),
        Rule::BlockAge => format!(
            "a newest block at most {} old",
            days(number(criteria.block_max_age_days))
        ),
        Rule::Levels => {
            format!(
                "at most {} in a session",
                count(usize::from(criteria.max_levels.unwrap_or(0)), "joint")
            )
        }
        Rule::Guidance => {
            let listed = criteria.guidance.as_deref().unwrap_or_default();
            join(
                listed.iter().map(|guidance| guidance.label().to_owned()),
                " or ",
            )
        }
        Rule::DiagnosticCap => {
            format!(
                "at most {} in the region in 12 months",
                sessions(number(criteria.diagnostic_cap), "diagnostic")
            )
        }
        Rule::PainFloor => {
            let floor = Tenths(i32::from(criteria.pain_floor_tenths.unwrap_or(0)));
            format!("a baseline of at least NRS {floor}/10 (VAS ten times that)")
        }
        Rule::PainDuration => {
            format!(
                "at least {} of pain at the first counted block",
                days(number(criteria.pain_days))
            )
        }
        Rule::ConservativeCare => match criteria.care {
            Some(Care::Weeks(weeks)) => {
                format!(
                    "at least {weeks} weeks of conservative care that failed, or a contraindication"
                )
            }
            Some(Care::Documented) | None => {
                "conservative care that failed or is contraindicated".to_owned()
            }
        },
        Rule::Radiculopathy => {
            "no untreated radiculopathy, other than from a facet cyst".to_owned()
        }
        Rule::OtherCauses => "other causes ruled out".to_owned(),
        Rule::AxialPain => "predominantly axial pain".to_owned(),
        Rule::Fusion => "no fusion at the target".to_owned(),
        Rule::AblationCap => {
            let cap = sessions(number(criteria.ablation_cap), "ablation");
            format!("fewer than {cap} in the region in the 12 months before another")
        }
        Rule::AblationGap => {
            format!(
                "at least {} since the latest ablation of the target",
                days(number(criteria.ablation_gap_days))
            )
        }
        Rule::PainReturned => format!(
            "relief below {} at the latest follow-up",
            criteria.returned_below()
        ),
        Rule::RepeatRelief => {
            let relief = criteria.returned_below();
            let gain = if criteria.repeat_function {
                " or as much gain in function"
            } else {
                ""
            };
            let lasting = criteria.repeat_days.map_or(String::new(), |least| {
                format!(" for at least {}", days(least))
            });
            format!("at least {relief} relief{gain} from the earlier ablation{lasting}")
        }
        Rule::DisabilityRecorded => {
            "a disability score at or before the first counted block".to_owned()
        }
        Rule::NoSteroid => "diagnostic blocks without corticosteroid".to_owned(),
        Rule::NoSedation => "diagnostic blocks without sedation".to_owned(),
        Rule::Volume => format!(
            "at most {} at each nerve",
            millilitres(MAX_VOLUME_MICROLITRES)
        ),
        Rule::AgentDuration => "relief not shorter than the agent lets expect".to_owned(),
        Rule::StatedAgrees => {
            format!(
                "stated and scored relief on the same side of {}",
                criteria.relief
            )
        }
    }
}

fn seen(case: &Case<'_>, rule: Rule) -> Seen {
    match rule {
        Rule::BlockCount => block_count(case),
        Rule::Relief => relief(case),
        Rule::ReliefDuration => relief_duration(case),
        Rule::BlockInterval => block_interval(case),
        Rule::BlockAge => block_age(case),
        Rule::Levels => each_block(case, "the joints treated", |block| {
            Some(join(block.joints.iter().map(ToString::to_string), ", "))
        }),
        Rule::Guidance => each_block(case, "the image guidance", |block| {
            block.guidance.map(|guidance| guidance.to_string())
        }),
        Rule::DiagnosticCap => diagnostic_cap(case),
        Rule::PainFloor => pain_floor(case),
        Rule::PainDuration => pain_duration(case),
        Rule::ConservativeCare => conservative_care(case),
        Rule::Radiculopathy => {
            let recorded = case
                .records
                .episode
                .radiculopathy
                .map(|found| found.label().to_owned());
            episode_fact("radiculopathy", "whether there is radiculopathy", recorded)
        }
        Rule::OtherCauses => {
            let recorded = case
                .records
                .episode
                .other_causes_excluded
                .map(yes("excluded", "not excluded"));
            episode_fact(
                "other_causes_excluded",
                "whether other causes are ruled out",
                recorded,
            )
        }
        Rule::AxialPain => {
            let recorded = case.records.episode.axial.map(yes("axial", "not axial"));
            episode_fact("axial", "whether the pain is predominantly axial", recorded)
        }
        Rule::Fusion => fusion(case),
        Rule::AblationCap => ablation_cap(case),
        Rule::AblationGap => ablation_gap(case),
        Rule::PainReturned => pain_returned(case),
        Rule::RepeatRelief => repeat_relief(case),
        Rule::DisabilityRecorded => disability_recorded(case),
        Rule::NoSteroid => each_block(case, "whether a corticosteroid was added", |block| {
            block.steroid.map(yes("with corticosteroid", "without"))
        }),
        Rule::NoSedation => each_block(case, "the sedation", |block| {
            block.sedation.map(|sedation| match sedation {
                Sedation::None => "no sedation".to_owned(),
                other => format!("{other} sedation"),
            })
        }),
        Rule::Volume => each_block(case, "the volume at each nerve", |block| {
            block.volume_microlitres_per_nerve.map(millilitres)
        }),
        Rule::AgentDuration => agent_duration(case),
        Rule::StatedAgrees => stated_agrees(case),
    }
}
