//! What a card says: one line that fits, and the reasons behind it.
//!
//! A profile is met or not met. Nothing here says what anybody ought to do.

use crate::app::cds::{Finding, Ordered, Standing, Statement};
use crate::domain::anatomy::{CoveredRegion, Joint};
use crate::domain::qualification::explain::duration_words;
use crate::domain::qualification::{
    BlockRead, Decision, Determination, NextStep, Profile, Rule, Status, Verdict,
};
use crate::wire::profile::CONTESTED;
use chrono::{Datelike, NaiveDate};
use std::fmt::Write;

/// A summary is shorter than this, in characters.
pub const SUMMARY_LIMIT: usize = 140;

/// The one line of a card.
#[must_use]
pub fn summary(finding: &Finding<'_>, first: Option<&Profile>, today: NaiveDate) -> String {
    match finding {
        Finding::Recorded {
            decision,
            statement,
            ..
        } => recorded(decision, *statement, today),
        Finding::Unrecorded(ordered) => unrecorded(ordered, first),
    }
}

/// The first of the texts that is short enough; each begins with where it is.
fn fit(place: &str, texts: &[String]) -> String {
    let mut last = String::new();
    for text in texts {
        last = format!("{place}: {text}");
        if last.chars().count() < SUMMARY_LIMIT {
            return last;
        }
    }
    let mut short: String = last.chars().take(SUMMARY_LIMIT - 2).collect();
    short.push('…');
    short
}

fn recorded(decision: &Decision<'_>, statement: Statement, today: NaiveDate) -> String {
    let place = place(decision);
    let headline = decision.headline();
    let lead = &decision.lead;
    match statement {
        Statement::Next(step) => fit(&place, &next(decision, headline, step, today)),
        Statement::Ablation(standing) => fit(&place, &ablation(decision, lead, standing)),
        Statement::Block { step, too_early } => {
            let id = &lead.profile.id;
            let texts = match (step, lead.earliest) {
                (NextStep::ConfirmatoryBlock, Some(from)) => {
                    let from = day_words(from, today);
                    let text = if too_early {
                        format!(
                            "the day is before {from}, from which a confirmatory block counts for {id}"
                        )
                    } else {
                        format!("a confirmatory block counts for {id} from {from}")
                    };
                    with_and_without(&text, newest_words(decision))
                }
                (NextStep::RecordScores, _) => next(decision, lead, step, today),
                (step, _) if step.is_candidate() => vec![
                    format!("meets {id} for ablation already, without a further block"),
                    "meets the leading profile already, without a further block".to_owned(),
                ],
                _ => judged(lead, "a further block"),
            };
            fit(&place, &texts)
        }
    }
}

/// What comes next, from the longest wording to the shortest.
fn next(
    decision: &Decision<'_>,
    told: &Determination<'_>,
    step: NextStep,
    today: NaiveDate,
) -> Vec<String> {
    match step {
        NextStep::ReferForAblation | NextStep::RepeatAblation => {
            let what = if step == NextStep::RepeatAblation {
                "another ablation"
            } else {
                "ablation"
            };
            let mut texts = meeting(decision, told, what)
                .into_iter()
                .flat_map(|text| with_and_without(&text, blocks_words(decision)))
                .collect::<Vec<_>>();
            texts.push(format!("meets a profile for {what}"));
            texts
        }
        NextStep::ConfirmatoryBlock => {
            let when = match told.earliest {
                Some(from) if from > today => format!(" from {}", day_words(from, today)),
                Some(from) => format!(" since {}", day_words(from, today)),
                None => String::new(),
            };
            let text = format!("confirmatory block possible{when}");
            with_and_without(&text, newest_words(decision))
        }
        NextStep::RecordScores => {
            let of = decision.blocks.iter().enumerate().rev();
            let open = of
                .filter(|(_, block)| block.lasted.is_none_or(|(_, most)| most.is_none()))
                .map(|(place, block)| {
                    format!(
                        "scores are missing after block {} of {}",
                        place + 1,
                        day_words(block.date, today)
                    )
                })
                .next();
            let text = open.unwrap_or_else(|| "scores are missing after a block".to_owned());
            vec![
                format!("{text}; {} cannot be judged yet", told.profile.id),
                text,
            ]
        }
        NextStep::CompleteRecord
        | NextStep::DiagnosticBlock
        | NextStep::FollowUp
        | NextStep::None => judged(told, "ablation"),
    }
}

fn ablation(decision: &Decision<'_>, lead: &Determination<'_>, standing: Standing) -> Vec<String> {
    match standing {
        Standing::Meets => meeting(decision, lead, "ablation"),
        Standing::DoesNotMeet | Standing::DataMissing => judged(lead, "ablation"),
    }
}

/// That a profile is met, and how many others are.
fn meeting(decision: &Decision<'_>, told: &Determination<'_>, what: &str) -> Vec<String> {
    let id = &told.profile.id;
    let all = decision.answers().count();
    let meeting = decision
        .answers()
        .filter(|answer| answer.next_step.is_candidate())
        .count();
    let review = if told.verdict == Verdict::NeedsReview {
        ", to be reviewed"
    } else {
        ""
    };
    vec![
        format!("meets profile {id} for {what}{review} ({meeting} of {all} profiles)"),
        format!("meets profile {id} for {what}"),
        format!("meets {meeting} of {all} profiles for {what}"),
    ]
}

/// What a profile lacks: rules that are not met, or data.
fn judged(told: &Determination<'_>, what: &str) -> Vec<String> {
    let id = &told.profile.id;
    match told.verdict {
        Verdict::Meets | Verdict::NeedsReview => vec![format!("meets profile {id} for {what}")],
        Verdict::DoesNotMeet => {
            let rules = rules_of(told, Status::Unmet);
            vec![
                format!(
                    "does not meet profile {id} for {what}: {}",
                    rules.join(", ")
                ),
                format!(
                    "does not meet profile {id}: {} and {} more",
                    rules.first().cloned().unwrap_or_default(),
                    rules.len().saturating_sub(1)
                ),
                format!("does not meet profile {id}"),
            ]
        }
        Verdict::InsufficientData => {
            let rules = rules_of(told, Status::Unknown);
            vec![
                format!("data is missing for profile {id}: {}", rules.join(", ")),
                format!(
                    "data is missing for profile {id}: {} and {} more",
                    rules.first().cloned().unwrap_or_default(),
                    rules.len().saturating_sub(1)
                ),
                format!("data is missing for profile {id}"),
            ]
        }
    }
}

/// The required rules of a status, in words.
fn rules_of(told: &Determination<'_>, status: Status) -> Vec<String> {
    told.statuses
        .iter()
        .filter(|(rule, found)| rule.required() && *found == status)
        .map(|(rule, _)| rule.label().to_lowercase())
        .collect()
}

fn unrecorded(ordered: &Ordered, first: Option<&Profile>) -> String {
    let side = ordered
        .side
        .map_or(String::new(), |side| format!("{} ", side.label()));
    let place = if ordered.joints.is_empty() {
        format!("{side}{} facet joints", region_words(ordered.region))
    } else {
        format!("{side}{}", joints_words(&ordered.joints))
    };
    let text = "no block is recorded before this ablation";
    let asked = first.map(|profile| {
        let (id, blocks) = (&profile.id, profile.criteria.blocks);
        format!("{text}; profile {id} asks for {blocks}")
    });
    let texts: Vec<String> = asked.into_iter().chain([text.to_owned()]).collect();
    fit(&capitalized(&place), &texts)
}

/// The side and the joints, as a sentence begins.
fn place(decision: &Decision<'_>) -> String {
    let joints = joints_words(&decision.joints);
    capitalized(&format!("{} {joints}", decision.side.label()))
}

fn joints_words(joints: &[Joint]) -> String {
    let codes: Vec<&str> = joints.iter().map(|joint| joint.code()).collect();
    codes.join(", ")
}

fn region_words(region: CoveredRegion) -> &'static str {
    region.label()
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}

fn with_and_without(text: &str, more: Option<String>) -> Vec<String> {
    let longer = more.map(|more| format!("{text}; {more}"));
    longer.into_iter().chain([text.to_owned()]).collect()
}

fn newest_words(decision: &Decision<'_>) -> Option<String> {
    let (number, block) = decision.newest_block()?;
    Some(format!("block {number} {}", gave(block)))
}

/// What the newest two blocks gave.
fn blocks_words(decision: &Decision<'_>) -> Option<String> {
    let first = decision.blocks.len().saturating_sub(2);
    let newest = decision.blocks.iter().enumerate().skip(first);
    let words: Vec<String> = newest
        .map(|(place, block)| format!("block {} {}", place + 1, gave(block)))
        .collect();
    (!words.is_empty()).then(|| words.join(", "))
}

/// `gave 87 % for at least 1 h 45 min`.
fn gave(block: &BlockRead) -> String {
    match (block.best_floor_tenths, block.lasted) {
        (Some(best), Some((least, _))) if least.num_minutes() > 0 => {
            let (best, least) = (percent(best), duration_words(least));
            format!("gave {best} for at least {least}")
        }
        (Some(best), _) if best <= 0 => "gave no relief".to_owned(),
        (Some(best), _) => format!("gave {}", percent(best)),
        (None, _) => "has no comparable scores".to_owned(),
    }
}

/// In whole percent, rounded down.
fn percent(tenths: i32) -> String {
    format!("{} %", tenths.div_euclid(10))
}

/// `22 September`, with the year where it is another than today's.
fn day_words(day: NaiveDate, today: NaiveDate) -> String {
    if day.year() == today.year() {
        day.format("%-d %B").to_string()
    } else {
        day.format("%-d %B %Y").to_string()
    }
}

/// The reasons, in GitHub's Markdown; links begin with `base`.
#[must_use]
pub fn detail(
    finding: &Finding<'_>,
    first: Option<&Profile>,
    today: NaiveDate,
    base: &str,
) -> String {
    let mut text = match finding {
        Finding::Recorded { decision, .. } => reasons(decision, today),
        Finding::Unrecorded(_) => {
            let asked = first.map_or_else(String::new, |profile| {
                format!(
                    " {} (version {}) asks for at least {} relief at {} diagnostic block(s) of the same target.",
                    escaped(&profile.title),
                    profile.version,
                    profile.criteria.relief,
                    profile.criteria.blocks
                )
            });
            format!(
                "Nothing is recorded here about these joints and this side.{asked} Blocks that are recorded elsewhere are not known to this service.\n"
            )
        }
    };
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "\n> {CONTESTED} [Profiles and their sources]({base}/profiles#contested)\n"
    );
    text
}

fn reasons(decision: &Decision<'_>, today: NaiveDate) -> String {
    let mut text = format!("**{}**, as of {today}\n\n", place(decision));
    text.push_str("| Profile | Says | Next | Not met or missing |\n| --- | --- | --- | --- |\n");
    for answer in decision.answers() {
        let open = answer
            .statuses
            .iter()
            .filter(|(_, status)| *status != Status::Met)
            .filter(|(rule, status)| rule.required() || *status == Status::Unmet)
            .map(|(rule, status)| open_words(rule, status));
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| {} (version {}) | {} | {} | {} |",
            escaped(&answer.profile.id),
            answer.profile.version,
            answer.verdict.label(),
            step_words(answer),
            open.collect::<Vec<_>>().join(", ")
        );
    }
    let headline = decision.headline();
    let told = decision
        .rules
        .iter()
        .filter(|rule| rule.status != Status::Met);
    let told: Vec<String> = told
        .map(|rule| format!("- {}\n", escaped(&rule.detail)))
        .collect();
    if !told.is_empty() {
        let _ = write!(
            text,
            "\n{}:\n\n{}",
            escaped(&headline.profile.title),
            told.concat()
        );
    }
    if !decision.blocks.is_empty() {
        text.push_str("\nDiagnostic blocks:\n\n");
        for (place, block) in decision.blocks.iter().enumerate() {
            let _ = writeln!(
                text,
                "- Block {} of {}: {}",
                place + 1,
                block.date,
                gave(block)
            );
        }
    }
    if let Some(ablation) = &decision.ablation {
        let _ = writeln!(
            text,
            "\nThe latest ablation was on {}.",
            ablation.performed_on
        );
    }
    text
}

fn open_words(rule: Rule, status: Status) -> String {
    let name = rule.label().to_lowercase();
    match status {
        Status::Unknown => format!("{name} (missing)"),
        Status::Unmet if !rule.required() => format!("{name} (to be reviewed)"),
        Status::Unmet | Status::Met => name,
    }
}

fn step_words(answer: &Determination<'_>) -> String {
    match answer.earliest {
        Some(from) => format!("{} from {from}", answer.next_step.label()),
        None => answer.next_step.label().to_owned(),
    }
}

/// Without what Markdown or HTML would take for its own.
fn escaped(text: &str) -> String {
    text.replace(['|', '<', '>', '`', '*', '[', ']'], " ")
}

/// How urgent a card is, as CDS Hooks has it.
#[must_use]
pub fn indicator(finding: &Finding<'_>) -> &'static str {
    let Finding::Recorded { statement, .. } = finding else {
        return "warning";
    };
    match statement {
        Statement::Ablation(Standing::DoesNotMeet | Standing::DataMissing)
        | Statement::Block {
            too_early: true, ..
        }
        | Statement::Block {
            step: NextStep::RecordScores,
            ..
        } => "warning",
        Statement::Next(_) | Statement::Ablation(Standing::Meets) | Statement::Block { .. } => {
            "info"
        }
    }
}
