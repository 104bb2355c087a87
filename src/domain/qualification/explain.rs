//! Every rule in a sentence that a clinician can read, with the values it saw and the records they came from.
//!
//! The sentence is made anew from the same case that the status was judged on; nothing of it is stored.

use super::evaluate::{Case, Purpose};
use super::history::{History, Records, SessionKind, TargetBlock};
use super::profile::{Care, Profile};
use super::rules::{MAX_VOLUME_MICROLITRES, Rule, Status, holds, repeat_run};
use crate::domain::anatomy::Target;
use crate::domain::block::{Block, Sedation};
use crate::domain::episode::CareOutcome;
use crate::domain::ids::{AblationId, BlockId, FollowUpId, ScoreId};
use crate::domain::pain::{Score, Tenths};
use crate::domain::relief::{DurationClass, ReliefFinding, Series};
use chrono::{NaiveDate, TimeDelta};

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

fn block_count(case: &Case<'_>) -> Seen {
    let counted = case.counted.len();
    let since = match case.ablated_on().filter(|_| case.rediagnosed) {
        Some(performed_on) => format!(" after the ablation of {performed_on}"),
        None => String::new(),
    };
    let more = usize::from(case.criteria.blocks).saturating_sub(counted);
    let observed = format!("{}{since}", count(counted, "counted diagnostic block"));
    Seen::new(
        observed,
        format!("{} of this target", count(more, "further diagnostic block")),
        block_evidence(case),
    )
}

fn relief(case: &Case<'_>) -> Seen {
    let mut evidence = Vec::new();
    let mut missing = Vec::new();
    let mut observed = Vec::new();
    for block in case.counted {
        evidence.push(Evidence::Block(block.recorded.id));
        let Some(series) = &block.series else {
            observed.push(format!(
                "no comparable scores at the block of {}",
                block.date
            ));
            missing.push(missing_series(block));
            continue;
        };
        evidence.push(Evidence::Score(series.baseline.id));
        let Some((best, relief)) = series.best() else {
            observed.push(format!(
                "a baseline of 0 at the block of {}, from which no relief can be told",
                block.date
            ));
            missing.push(format!(
                "a baseline above 0 for the block of {}",
                block.date
            ));
            continue;
        };
        evidence.push(Evidence::Score(best.recorded.id));
        observed.push(format!(
            "{} % on {} ({} to {}, {})",
            Tenths(relief.floor_tenths()),
            block.date,
            series.baseline.row.score,
            best.recorded.row.score,
            series.context
        ));
    }
    no_block_or(case, observed, missing, evidence)
}

fn missing_series(block: &TargetBlock<'_>) -> String {
    format!(
        "scores of one scale and context both before and after the block of {}",
        block.date
    )
}

fn relief_duration(case: &Case<'_>) -> Seen {
    let mut evidence = Vec::new();
    let mut missing = Vec::new();
    let mut observed = Vec::new();
    for block in case.counted {
        evidence.push(Evidence::Block(block.recorded.id));
        match (case.finding(block), &block.series) {
            (Some(ReliefFinding::Reached(interval)), Some(series)) => {
                evidence.extend(
                    series
                        .rows
                        .iter()
                        .map(|reading| Evidence::Score(reading.recorded.id)),
                );
                observed.push(format!(
                    "{} on {}",
                    interval_words(interval.min, interval.max),
                    block.date
                ));
                missing.push(missing_rows(series, block, interval.max));
            }
            (Some(ReliefFinding::NotReached), _) => {
                observed.push(format!(
                    "no relief of {} on {}",
                    case.criteria.relief, block.date
                ));
            }
            (Some(ReliefFinding::Undefined) | None, _) | (_, None) => {
                observed.push(format!(
                    "no comparable scores at the block of {}",
                    block.date
                ));
                missing.push(missing_series(block));
            }
        }
    }
    no_block_or(case, observed, missing, evidence)
}

fn missing_rows(series: &Series<'_>, block: &TargetBlock<'_>, max: Option<TimeDelta>) -> String {
    if series.cut_by_analgesic {
        return format!(
            "scores of the block of {} free of an analgesic for long enough",
            block.date
        );
    }
    match max {
        Some(_) => format!("closer scores around the end of relief on {}", block.date),
        None => format!("scores up to the end of relief on {}", block.date),
    }
}

fn block_interval(case: &Case<'_>) -> Seen {
    let dates = case.counted.iter().map(|block| block.date);
    let gaps: Vec<String> = dates
        .clone()
        .zip(dates.skip(1))
        .map(|(earlier, later)| {
            format!(
                "{} ({earlier} to {later})",
                days((later - earlier).num_days())
            )
        })
        .collect();
    let observed = if gaps.is_empty() {
        "no two counted blocks".to_owned()
    } else {
        gaps.join(", ")
    };
    Seen::new(
        observed,
        "a further diagnostic block of this target",
        block_evidence(case),
    )
}

fn block_age(case: &Case<'_>) -> Seen {
    let Some(newest) = case.counted.last() else {
        return no_block();
    };
    let age = days((case.day - newest.date).num_days());
    let observed = format!("{age} from {} to {}", newest.date, case.day);
    Seen::new(observed, "", vec![Evidence::Block(newest.recorded.id)])
}

fn each_block(case: &Case<'_>, what: &str, fact: impl Fn(&Block) -> Option<String>) -> Seen {
    let mut observed = Vec::new();
    let mut missing = Vec::new();
    for block in case.counted {
        let date = block.date;
        match fact(&block.recorded.block) {
            Some(value) => observed.push(format!("{value} on {date}")),
            None => {
                observed.push(format!("not recorded on {date}"));
                missing.push(format!("{what} at the block of {date}"));
            }
        }
    }
    no_block_or(case, observed, missing, block_evidence(case))
}

fn diagnostic_cap(case: &Case<'_>) -> Seen {
    let observed = case
        .counted
        .iter()
        .map(|block| {
            let held = case.sessions_in_year(SessionKind::Diagnostic, block.date);
            format!(
                "{} in the 12 months up to {}",
                count(held, "diagnostic session"),
                block.date
            )
        })
        .collect();
    no_block_or(case, observed, Vec::new(), block_evidence(case))
}

fn pain_floor(case: &Case<'_>) -> Seen {
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

fn pain_duration(case: &Case<'_>) -> Seen {
    let recorded = case.records.onset().map(|onset| {
        let first_day = case.first_day();
        format!(
            "{} from {onset} to {first_day}",
            days((first_day - onset).num_days())
        )
    });
    episode_fact("onset_date", "the day the pain began", recorded)
}

fn conservative_care(case: &Case<'_>) -> Seen {
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

fn fusion(case: &Case<'_>) -> Seen {
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

fn ablation_cap(case: &Case<'_>) -> Seen {
    let held = case.sessions_in_year(SessionKind::Ablation, case.day);
    let observed = format!(
        "{} in the 12 months up to {}",
        count(held, "ablation session"),
        case.day
    );
    Seen::new(observed, "", ablation_evidence(case))
}

fn ablation_gap(case: &Case<'_>) -> Seen {
    let observed = case.ablated_on().map_or_else(
        || "no ablation".to_owned(),
        |performed_on| {
            format!(
                "{} from {performed_on} to {}",
                days((case.day - performed_on).num_days()),
                case.day
            )
        },
    );
    Seen::new(observed, "", ablation_evidence(case))
}

fn pain_returned(case: &Case<'_>) -> Seen {
    let mut evidence = ablation_evidence(case);
    let latest = case.latest_follow_up_relief();
    evidence.extend(latest.map(|(id, _)| Evidence::FollowUp(id)));
    let dated = latest.and_then(|(id, relief)| {
        let follow_up = case
            .target
            .follow_ups
            .iter()
            .find(|recorded| recorded.id == id)?;
        Some(format!(
            "{} % relief on {}",
            Tenths(relief.floor_tenths()),
            follow_up.follow_up.taken_on
        ))
    });
    let observed = dated.unwrap_or_else(|| "no follow-up that tells relief".to_owned());
    Seen::new(
        observed,
        "a follow-up with a score or a stated relief",
        evidence,
    )
}

fn repeat_relief(case: &Case<'_>) -> Seen {
    let threshold = case.criteria.returned_below();
    let mut evidence = ablation_evidence(case);
    let told = |recorded: &&&super::history::RecordedFollowUp| {
        holds(case, &recorded.follow_up, threshold).is_some()
    };
    evidence.extend(
        case.target
            .follow_ups
            .iter()
            .filter(told)
            .map(|recorded| Evidence::FollowUp(recorded.id)),
    );
    let after = |day: NaiveDate| {
        case.ablated_on()
            .map_or(0, |performed_on| (day - performed_on).num_days())
    };
    let observed = match repeat_run(case, threshold) {
        (Some(last), Some(below)) => {
            format!(
                "in relief to {} after it, no longer at {}",
                days(after(last)),
                days(after(below))
            )
        }
        (Some(last), None) => format!("in relief to {} after it so far", days(after(last))),
        (None, Some(below)) => format!(
            "not in relief at the first follow-up, {} after it",
            days(after(below))
        ),
        (None, None) => "no follow-up that tells relief".to_owned(),
    };
    Seen::new(
        observed,
        "a follow-up that tells how long relief lasted",
        evidence,
    )
}

fn disability_recorded(case: &Case<'_>) -> Seen {
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

fn agent_duration(case: &Case<'_>) -> Seen {
    let mut observed = Vec::new();
    let mut missing = Vec::new();
    for block in case.counted {
        let date = block.date;
        let Some(agent) = block.recorded.block.agent else {
            observed.push(format!("no agent recorded on {date}"));
            missing.push(format!("the agent of the block of {date}"));
            continue;
        };
        let Some(window) = case.criteria.window(agent) else {
            observed.push(format!("no expected duration for {agent} on {date}"));
            missing.push(format!("an expected duration for {agent}"));
            continue;
        };
        let expected = format!(
            "{} to {}",
            minutes(window.from_minutes),
            minutes(window.to_minutes)
        );
        match (case.finding(block), case.duration_class(block)) {
            (Some(ReliefFinding::Reached(interval)), Some(class)) => {
                let lasted = interval_words(interval.min, interval.max);
                observed.push(format!(
                    "{lasted} after {agent} on {date} (expected {expected}: {class})"
                ));
                if class == DurationClass::Unknown {
                    missing.push(format!("closer scores around the end of relief on {date}"));
                }
            }
            (_, _) => {
                observed.push(format!(
                    "no relief of {} to hold against {agent} on {date}",
                    case.criteria.relief
                ));
                missing.push(format!("relief of {} on {date}", case.criteria.relief));
            }
        }
    }
    no_block_or(case, observed, missing, block_evidence(case))
}

fn stated_agrees(case: &Case<'_>) -> Seen {
    let mut observed = Vec::new();
    let mut missing = Vec::new();
    for block in case.counted {
        let date = block.date;
        let scored = block
            .series
            .as_ref()
            .and_then(Series::best)
            .map(|(_, relief)| relief.floor_tenths());
        let stated = case.stated(block);
        let words = |relief: Option<String>| relief.unwrap_or_else(|| "nothing".to_owned());
        observed.push(format!(
            "stated {}, scored {} on {date}",
            words(stated.map(|percent| percent.to_string())),
            words(scored.map(|tenths| format!("{} %", Tenths(tenths)))),
        ));
        if stated.is_none() {
            missing.push(format!(
                "the relief that the patient states for the block of {date}"
            ));
        }
        if scored.is_none() {
            missing.push(missing_series(block));
        }
    }
    no_block_or(case, observed, missing, block_evidence(case))
}

fn episode_fact(field: &'static str, missing: &str, recorded: Option<String>) -> Seen {
    let observed = recorded.unwrap_or_else(|| "not recorded".to_owned());
    Seen::new(observed, missing, vec![Evidence::Episode(field)])
}

fn no_block() -> Seen {
    Seen::new(
        "no counted block",
        "a diagnostic block of this target",
        Vec::new(),
    )
}

fn no_block_or(
    case: &Case<'_>,
    observed: Vec<String>,
    missing: Vec<String>,
    evidence: Vec<Evidence>,
) -> Seen {
    if case.counted.is_empty() {
        return no_block();
    }
    Seen::new(observed.join(", "), missing.join("; "), evidence)
}

fn block_evidence(case: &Case<'_>) -> Vec<Evidence> {
    case.counted
        .iter()
        .map(|block| Evidence::Block(block.recorded.id))
        .collect()
}

fn ablation_evidence(case: &Case<'_>) -> Vec<Evidence> {
    let of_target = case.purpose == Purpose::Repeat;
    case.target
        .ablation
        .filter(|_| of_target)
        .map(|recorded| Evidence::Ablation(recorded.id))
        .into_iter()
        .collect()
}

fn yes(this: &'static str, that: &'static str) -> impl Fn(bool) -> String {
    move |fact| {
        if fact {
            this.to_owned()
        } else {
            that.to_owned()
        }
    }
}

fn join(words: impl Iterator<Item = String>, separator: &str) -> String {
    words.collect::<Vec<_>>().join(separator)
}

fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

fn sessions(number: u32, kind: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {kind} session{plural}")
}

fn days(number: impl Into<i64>) -> String {
    let number: i64 = number.into();
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} day{plural}")
}

fn minutes(number: impl Into<i64>) -> String {
    duration_words(TimeDelta::minutes(number.into()))
}

/// A duration in words, to the minute: `45 min`, `2 h`, `2 h 15 min`.
#[must_use]
pub fn duration_words(duration: TimeDelta) -> String {
    let total = duration.num_minutes();
    match (total / 60, total % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

fn interval_words(min: TimeDelta, max: Option<TimeDelta>) -> String {
    let least = duration_words(min);
    max.map_or_else(
        || format!("relief for at least {least}, its end not recorded"),
        |max| format!("relief for {least} to {}", duration_words(max)),
    )
}

fn millilitres(microlitres: i32) -> String {
    let (whole, rest) = (microlitres / 1000, microlitres % 1000);
    let decimals = format!("{rest:03}");
    let decimals = decimals.trim_end_matches('0');
    if decimals.is_empty() {
        format!("{whole} mL")
    } else {
        format!("{whole}.{decimals} mL")
    }
}
