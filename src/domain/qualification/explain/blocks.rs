//! What the rules about blocks saw.

use super::words::{count, days, interval_words, minutes};
use super::{Evidence, Seen};
use crate::domain::block::Block;
use crate::domain::pain::Tenths;
use crate::domain::qualification::evaluate::Case;
use crate::domain::qualification::history::{SessionKind, TargetBlock};
use crate::domain::relief::{DurationClass, ReliefFinding, Series};
use chrono::TimeDelta;

pub(super) fn block_count(case: &Case<'_>) -> Seen {
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

pub(super) fn relief(case: &Case<'_>) -> Seen {
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

pub(super) fn missing_series(block: &TargetBlock<'_>) -> String {
    format!(
        "scores of one scale and context both before and after the block of {}",
        block.date
    )
}

pub(super) fn relief_duration(case: &Case<'_>) -> Seen {
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

pub(super) fn missing_rows(
    series: &Series<'_>,
    block: &TargetBlock<'_>,
    max: Option<TimeDelta>,
) -> String {
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

pub(super) fn block_interval(case: &Case<'_>) -> Seen {
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

pub(super) fn block_age(case: &Case<'_>) -> Seen {
    let Some(newest) = case.counted.last() else {
        return no_block();
    };
    let age = days((case.day - newest.date).num_days());
    let observed = format!("{age} from {} to {}", newest.date, case.day);
    Seen::new(observed, "", vec![Evidence::Block(newest.recorded.id)])
}

pub(super) fn each_block(
    case: &Case<'_>,
    what: &str,
    fact: impl Fn(&Block) -> Option<String>,
) -> Seen {
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

pub(super) fn diagnostic_cap(case: &Case<'_>) -> Seen {
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

pub(super) fn agent_duration(case: &Case<'_>) -> Seen {
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

pub(super) fn stated_agrees(case: &Case<'_>) -> Seen {
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

pub(super) fn no_block() -> Seen {
    Seen::new(
        "no counted block",
        "a diagnostic block of this target",
        Vec::new(),
    )
}

pub(super) fn no_block_or(
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

pub(super) fn block_evidence(case: &Case<'_>) -> Vec<Evidence> {
    case.counted
        .iter()
        .map(|block| Evidence::Block(block.recorded.id))
        .collect()
}
