//! The words of the charts: legends, findings and the text alternatives.

use crate::domain::anatomy::Side;
use crate::domain::pain::{Context, Threshold};
use crate::domain::qualification::explain::duration_words;
use crate::domain::relief::ReliefFinding;
use chrono::{NaiveDate, TimeDelta};

/// A date as charts and papers show it: `8 Sep 2025`.
#[must_use]
pub fn date(date: NaiveDate) -> String {
    date.format("%-d %b %Y").to_string()
}

/// A time since the injection: as the rules say it, in days from two days on.
pub(super) fn time(time: TimeDelta) -> String {
    let (days, hours) = (time.num_days(), time.num_hours() % 24);
    match (days, hours) {
        (..2, _) => duration_words(time),
        (days, 0) => format!("{days} d"),
        (days, hours) => format!("{days} d {hours} h"),
    }
}

/// A context as part of a label.
pub(super) const fn context(context: Context) -> &'static str {
    match context {
        Context::Movement => "with movement",
        Context::Current => "current pain",
        Context::Rest => "at rest",
    }
}

/// A side as part of a label.
pub(super) const fn side(side: Option<Side>) -> &'static str {
    match side {
        Some(Side::Left) => "left",
        Some(Side::Right) => "right",
        None => "both sides",
    }
}

/// What scores say about relief of at least `threshold`.
pub(super) fn finding(finding: Option<ReliefFinding>, threshold: Threshold) -> String {
    match finding {
        None => {
            "relief is not known: a baseline or a score after the injection is missing".to_owned()
        }
        Some(ReliefFinding::Undefined) => "the baseline is 0, relief cannot be computed".to_owned(),
        Some(ReliefFinding::NotReached) => format!("no score shows relief of {threshold}"),
        Some(ReliefFinding::Reached(interval)) => {
            let least = time(interval.min);
            match interval.max {
                Some(most) => format!(
                    "relief of at least {threshold} for {least} to {}",
                    time(most)
                ),
                None => format!(
                    "relief of at least {threshold} for at least {least}, its end not recorded"
                ),
            }
        }
    }
}

/// `words` with a capital at its beginning.
pub(super) fn capital(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}
