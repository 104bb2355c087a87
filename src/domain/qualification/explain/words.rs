//! Numbers, durations and lists in words.

use chrono::TimeDelta;

pub(super) fn yes(this: &'static str, that: &'static str) -> impl Fn(bool) -> String {
    move |fact| {
        if fact {
            this.to_owned()
        } else {
            that.to_owned()
        }
    }
}

pub(super) fn join(words: impl Iterator<Item = String>, separator: &str) -> String {
    words.collect::<Vec<_>>().join(separator)
}

pub(super) fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

pub(super) fn sessions(number: u32, kind: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {kind} session{plural}")
}

pub(super) fn days(number: impl Into<i64>) -> String {
    let number: i64 = number.into();
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} day{plural}")
}

pub(super) fn minutes(number: impl Into<i64>) -> String {
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

pub(super) fn interval_words(min: TimeDelta, max: Option<TimeDelta>) -> String {
    let least = duration_words(min);
    max.map_or_else(
        || format!("relief for at least {least}, its end not recorded"),
        |max| format!("relief for {least} to {}", duration_words(max)),
    )
}

pub(super) fn millilitres(microlitres: i32) -> String {
    let (whole, rest) = (microlitres / 1000, microlitres % 1000);
    let decimals = format!("{rest:03}");
    let decimals = decimals.trim_end_matches('0');
    if decimals.is_empty() {
        format!("{whole} mL")
    } else {
        format!("{whole}.{decimals} mL")
    }
}
