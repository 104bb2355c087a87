//! How the pages write what the domain holds.

use crate::app::{Result, Review, ReviewDecision};
use crate::domain::ablation::FollowUp;
use crate::domain::anatomy::{Joint, Side, Target, TreatedSide};
use crate::domain::block::Block;
use crate::domain::pain::Tenths;
use crate::domain::patient::Patient;
use crate::domain::qualification::Profile;
use crate::domain::relief::BlockRelief;
use crate::http::Call;
use chrono::{Datelike, NaiveDate};
use std::sync::Arc;

/// A patient's name, family name first, else an identifier.
pub(super) fn name_of(patient: &Patient) -> String {
    let names: Vec<&str> = [&patient.family_name, &patient.given_name]
        .into_iter()
        .filter_map(|name| name.as_deref())
        .collect();
    if !names.is_empty() {
        return names.join(", ");
    }
    patient
        .identifiers
        .first()
        .map_or_else(|| "without a name".to_owned(), |one| one.value.clone())
}

/// Whole years of age on `today`; empty where the birth date is not recorded.
pub(super) fn age_of(patient: &Patient, today: NaiveDate) -> String {
    let years = patient
        .birth_date
        .and_then(|birth| years_between(birth, today));
    years.map_or_else(String::new, |years| years.to_string())
}

/// Whole years from one day to another; `None` backwards.
fn years_between(from: NaiveDate, to: NaiveDate) -> Option<i32> {
    let reached = (to.month(), to.day()) >= (from.month(), from.day());
    let years = to.year() - from.year() - i32::from(!reached);
    (years >= 0).then_some(years)
}

/// Targets by side: `left L4-5, L5-S1 · right L4-5`.
pub(super) fn targets(targets: impl Iterator<Item = Target>) -> String {
    let all: Vec<Target> = targets.collect();
    let of_side = |side: Side| {
        let mut joints: Vec<Joint> = all
            .iter()
            .filter(|target| target.side == side)
            .map(|target| target.joint)
            .collect();
        joints.sort_unstable();
        joints.dedup();
        let codes: Vec<&str> = joints.iter().map(|joint| joint.code()).collect();
        (!codes.is_empty()).then(|| format!("{side} {}", codes.join(", ")))
    };
    let sides: Vec<String> = Side::ALL.iter().filter_map(|side| of_side(*side)).collect();
    sides.join(" · ")
}

/// Tenths of a percent, with a space that does not break before the sign.
pub(super) fn percent(tenths: i32) -> String {
    format!("{}\u{a0}%", Tenths(tenths))
}

/// A decision in words.
pub(super) const fn decision(decision: ReviewDecision) -> &'static str {
    match decision {
        ReviewDecision::Referred => "referred",
        ReviewDecision::Declined => "declined",
        ReviewDecision::Deferred => "deferred",
    }
}

/// A number of thousandths without zeros at its end: 250 is `0.25`.
pub(super) fn thousandths(number: i32) -> String {
    let (whole, rest) = (number / 1000, number % 1000);
    let text = format!("{whole}.{:03}", rest.abs());
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A length of time as it is read: `45 min`, `3 h 15 min`, `2 d 4 h`.
pub(super) fn minutes(minutes: i64) -> String {
    let parts = [
        (minutes / 1440, "d"),
        (minutes / 60 % 24, "h"),
        (minutes % 60, "min"),
    ];
    let shown: Vec<String> = parts
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .take(2)
        .map(|(number, unit)| format!("{number}\u{a0}{unit}"))
        .collect();
    if shown.is_empty() {
        return "0\u{a0}min".to_owned();
    }
    shown.join(" ")
}

/// With its first letter as a capital.
pub(super) fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// What kind of block it was.
pub(super) fn block(block: &Block) -> String {
    capitalized(&format!(
        "{} {}",
        block.kind.label(),
        block.technique.label()
    ))
}

/// What was treated.
pub(super) fn treated(joints: &[Joint], side: TreatedSide) -> String {
    let codes: Vec<&str> = joints.iter().map(|joint| joint.code()).collect();
    format!("{} {}", side.label(), codes.join(", "))
}

/// The decision in force, in words.
pub(super) fn review(review: &Review) -> String {
    let until = review
        .deferred_until
        .map_or_else(String::new, |day| format!(" until {day}"));
    let note = review
        .note
        .as_ref()
        .map_or_else(String::new, |note| format!(": {note}"));
    format!(
        "{}{until} by {}{note}",
        capitalized(decision(review.decision)),
        review.decided_by
    )
}

/// What a follow-up found.
pub(super) fn follow_up(follow_up: &FollowUp) -> String {
    let mut parts = Vec::new();
    if let Some(score) = follow_up.score {
        parts.push(score.to_string());
    }
    if let Some(stated) = follow_up.stated_relief {
        parts.push(format!(
            "stated relief {}",
            percent(i32::from(stated.tenths()))
        ));
    }
    if let Some(gain) = follow_up.function_improvement {
        parts.push(format!(
            "gain in function {}",
            percent(i32::from(gain.tenths()))
        ));
    }
    if let Some(pgic) = follow_up.pgic {
        parts.push(format!("global change {pgic} of 7"));
    }
    if parts.is_empty() {
        return "nothing was recorded".to_owned();
    }
    parts.join(", ")
}

/// What one block gave on one side, in a sentence.
pub(super) fn relief(relief: &BlockRelief) -> String {
    let side = capitalized(relief.side.label());
    let threshold = relief.threshold.percent();
    let Some(baseline) = relief.baseline else {
        return format!("{side}: data is missing: a score before and one after, on one scale.");
    };
    let Some(response) = relief.response else {
        return format!(
            "{side}: the pain before was {baseline}, so that relief has no percentage."
        );
    };
    let best = relief.best_floor_tenths.map_or_else(String::new, |best| {
        format!(", best relief {}", percent(best))
    });
    let lasted = relief.interval.map_or_else(
        || format!("; {threshold}\u{a0}% was not reached"),
        |interval| {
            let least = minutes(interval.min.num_minutes());
            let most = interval.max.map_or_else(
                || "its end was not recorded".to_owned(),
                |max| format!("at most {}", minutes(max.num_minutes())),
            );
            format!("; relief of {threshold}\u{a0}% lasted at least {least}, {most}")
        },
    );
    let stated = relief.stated.map_or_else(String::new, |stated| {
        format!("; stated relief {}", percent(i32::from(stated.tenths())))
    });
    let analgesic = if relief.cut_by_analgesic {
        "; an analgesic ended what can be known"
    } else {
        ""
    };
    format!(
        "{side}: {} (from {baseline}{best}{lasted}{stated}{analgesic}).",
        response.label()
    )
}

/// The profile that the address names, else the first.
///
/// # Errors
/// That no active profile has this name.
pub(super) fn chosen_profile(call: &Call, profiles: &[Arc<Profile>]) -> Result<Arc<Profile>> {
    let found = match call.query("profile") {
        Some(id) => profiles.iter().find(|profile| profile.id == id),
        None => profiles.first(),
    };
    found.cloned().ok_or_else(|| {
        Call::invalid_parameter(
            "profile",
            "No active profile has this name; choose another.",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn a_year_is_over_on_the_birthday() {
        let years = |to| years_between(day("1960-05-17"), day(to));
        assert_eq!(years("2026-05-16"), Some(65));
        assert_eq!(years("2026-05-17"), Some(66));
        assert_eq!(years("1959-01-01"), None);
        assert_eq!(years_between(day("2000-02-29"), day("2001-02-28")), Some(0));
    }

    #[test]
    fn a_length_of_time_has_its_two_greatest_units() {
        let shown =
            [0, 45, 60, 195, 1440, 1500, 20_161].map(|it| minutes(it).replace('\u{a0}', " "));
        let expected = [
            "0 min",
            "45 min",
            "1 h",
            "3 h 15 min",
            "1 d",
            "1 d 1 h",
            "14 d 1 min",
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn thousandths_lose_their_zeros() {
        assert_eq!(
            [250, 500, 2000, 5, 0].map(thousandths),
            ["0.25", "0.5", "2", "0.005", "0"]
        );
    }

    #[test]
    fn targets_stand_by_side_down_the_spine() {
        let target = |joint: &str, side| Target {
            joint: Joint::from_code(joint).unwrap(),
            side,
        };
        let all = [
            target("L5-S1", Side::Right),
            target("L4-5", Side::Left),
            target("L4-5", Side::Right),
        ];
        assert_eq!(targets(all.into_iter()), "left L4-5 · right L4-5, L5-S1");
    }
}
