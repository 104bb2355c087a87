//! The grid of scores: a row for each time after the injection, a column for each side.

use super::clock;
use super::field::{Read, instant_value, number, numbers, put, typed};
use crate::app::FieldError;
use crate::http::query::Query;
use chrono::{DateTime, FixedOffset, NaiveTime, TimeDelta};
use chrono_tz::Tz;
use serde_json::{Map, Value};

/// Where the scores stand in the body.
pub(super) const AT: &str = "/scores";
/// The scale, for the whole grid.
pub(super) const SCALE: &str = "scale";
/// What the patient was doing, where a row does not say.
pub(super) const CONTEXT: &str = "context";
/// Who reported, for the whole grid.
pub(super) const REPORTED_BY: &str = "reported_by";

/// The columns of a row: what follows the name of the value, and the side that was rated.
pub(super) const COLUMNS: [(&str, Option<&str>); 3] = [
    ("", None),
    ("@left", Some("left")),
    ("@right", Some("right")),
];

/// The times of the pain log that patients are given (handbook, section 3): baseline, every 15 minutes for an hour,
/// hourly to 8 hours, then daily for two weeks.
pub(super) fn schedule() -> impl Iterator<Item = i64> {
    let quarters = [0, 15, 30, 45];
    let hours = (1..=8).map(|hour| hour * 60);
    let days = (1..=14).map(|day| day * 1440);
    quarters.into_iter().chain(hours).chain(days)
}

/// What a time is called in the grid.
pub(super) fn words(minutes: i64) -> String {
    match minutes {
        0 => "before".to_owned(),
        hours if hours % 1440 == 0 => format!("day {}", hours / 1440),
        hours if hours % 60 == 0 => format!("{} h", hours / 60),
        minutes => format!("{minutes} min"),
    }
}

/// The clock that times are read on: the clinic's, or that of the injection where it was recorded on another one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Base {
    pub(super) injection: DateTime<FixedOffset>,
    pub(super) zone: Tz,
}

impl Base {
    fn offset(self) -> String {
        clock::write(self.injection, self.zone).1
    }

    /// On the clock of the injection.
    fn shown(self, instant: DateTime<FixedOffset>) -> DateTime<FixedOffset> {
        if self.offset().is_empty() {
            instant.with_timezone(&self.zone).fixed_offset()
        } else {
            instant.with_timezone(self.injection.offset())
        }
    }

    /// The instant that a row names: minutes, hours or days after the injection, a time of its day, or a day and a time.
    fn instant(self, text: &str) -> Result<DateTime<FixedOffset>, (&'static str, String)> {
        if let Some(minutes) = minutes(text) {
            return self
                .injection
                .checked_add_signed(TimeDelta::minutes(minutes))
                .map(|instant| self.shown(instant))
                .ok_or_else(unreadable);
        }
        let time = ["%H:%M", "%H:%M:%S"]
            .into_iter()
            .find_map(|shape| NaiveTime::parse_from_str(text, shape).ok());
        let local = match time {
            Some(time) => self.injection.date_naive().and_time(time),
            None => clock::local(text).ok_or_else(unreadable)?,
        };
        let local = local.format("%Y-%m-%dT%H:%M:%S").to_string();
        clock::read(&local, &self.offset(), self.zone).map_err(|trouble| {
            let (code, detail) = trouble.words(self.zone);
            (
                code,
                format!("{detail} Or write the time since the injection."),
            )
        })
    }
}

fn unreadable() -> (&'static str, String) {
    let detail = "Expected a time since the injection as 90, 3 h or 2 d, a time of its day as 14:30, or a day and a time as 2025-09-09 08:00.";
    ("invalid_time", detail.to_owned())
}

/// Minutes in a text such as `90`, `90 min`, `3 h`, `2 d`.
pub(super) fn minutes(text: &str) -> Option<i64> {
    let text = text.trim();
    let end = text
        .find(|one: char| !one.is_ascii_digit() && one != '-')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number: i64 = number.parse().ok()?;
    let each = match unit.trim() {
        "" | "m" | "min" | "minutes" => 1,
        "h" | "hours" => 60,
        "d" | "days" => 1440,
        _ => return None,
    };
    number
        .checked_mul(each)
        .filter(|minutes| minutes.abs() < 10_000_000)
}

/// Reads the grid into the body; rows without anything in them are skipped.
pub(super) fn read(query: &Query, base: Option<Base>, read: &mut Read) {
    let mut list: Vec<Value> = Vec::new();
    for number in numbers(query, AT) {
        let row = Row { query, number };
        if row.is_empty() {
            continue;
        }
        let taken_at = row.taken_at(base, &mut read.errors);
        for (column, side) in row.columns() {
            let from = format!("{AT}/{}", list.len());
            let score = row.score(column, side, taken_at.clone(), &mut read.errors);
            read.rows.insert(from.clone(), format!("{AT}/{number}"));
            read.rows
                .insert(format!("{from}/value"), row.name(&format!("value{column}")));
            // A side is rated in its column.
            read.rows
                .insert(format!("{from}/side"), row.name(&format!("value{column}")));
            list.push(Value::Object(score));
        }
    }
    if !list.is_empty() {
        put(&mut read.body, AT, Value::Array(list));
    }
}

/// One row of the grid as it was typed.
struct Row<'q> {
    query: &'q Query,
    number: usize,
}

impl<'q> Row<'q> {
    fn name(&self, field: &str) -> String {
        format!("{AT}/{}/{field}", self.number)
    }

    fn text(&self, field: &str) -> &'q str {
        typed(self.query, &self.name(field))
    }

    fn is_empty(&self) -> bool {
        let told = ["stated_relief_percent", "analgesic_taken"];
        let valued = COLUMNS
            .iter()
            .any(|(column, _)| !self.text(&format!("value{column}")).is_empty());
        !valued && told.iter().all(|field| self.text(field).is_empty())
    }

    /// The columns that hold a score; the first where none does, so that its absence is told there.
    fn columns(&self) -> Vec<(&'static str, Option<&'static str>)> {
        let filled: Vec<_> = COLUMNS
            .into_iter()
            .filter(|(column, _)| !self.text(&format!("value{column}")).is_empty())
            .collect();
        if filled.is_empty() {
            return COLUMNS.into_iter().take(1).collect();
        }
        filled
    }

    fn taken_at(&self, base: Option<Base>, errors: &mut Vec<FieldError>) -> Option<Value> {
        let name = self.name("taken_at");
        let text = self.text("taken_at");
        let read = match base {
            _ if text.is_empty() => Err(("required", "Say when it was taken.".to_owned())),
            // The time of the injection is what has to be put right first.
            None => return None,
            Some(base) => base.instant(text),
        };
        match read {
            Ok(instant) => Some(instant_value(instant)),
            Err((code, detail)) => {
                errors.push(FieldError::new(name, code, detail));
                None
            }
        }
    }

    fn score(
        &self,
        column: &str,
        side: Option<&str>,
        taken_at: Option<Value>,
        errors: &mut Vec<FieldError>,
    ) -> Map<String, Value> {
        let mut score = Map::new();
        let mut set = |field: &str, value: Option<Value>| {
            if let Some(value) = value {
                score.insert(field.to_owned(), value);
            }
        };
        let text = |text: &str| (!text.is_empty()).then(|| Value::from(text));
        let mut counted = |field: String| {
            let text = self.text(&field);
            (!text.is_empty()).then(|| number(text, &self.name(&field), errors))
        };
        let own = self.text("context");
        let context = if own.is_empty() {
            typed(self.query, CONTEXT)
        } else {
            own
        };
        set("taken_at", taken_at);
        set("scale", text(typed(self.query, SCALE)));
        set("value", counted(format!("value{column}")));
        set("context", text(context));
        set("side", side.map(Value::from));
        set(
            "stated_relief_percent",
            counted("stated_relief_percent".to_owned()),
        );
        let taken = !self.text("analgesic_taken").is_empty();
        set("analgesic_taken", taken.then_some(Value::Bool(true)));
        set("reported_by", text(typed(self.query, REPORTED_BY)));
        score
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono_tz::{Europe, UTC};
    use serde_json::json;

    fn base(text: &str, zone: Tz) -> Option<Base> {
        Some(Base {
            injection: text.parse().unwrap(),
            zone,
        })
    }

    fn form(pairs: &[(&str, &str)]) -> Query {
        let mut query = Query::default();
        for (name, value) in pairs {
            query.push(name, value);
        }
        query
    }

    #[test]
    fn times_are_written_as_one_writes_them() {
        assert_eq!(
            ["90", "90 min", "3 h", "3h", "2 d", "-10"].map(minutes),
            [
                Some(90),
                Some(90),
                Some(180),
                Some(180),
                Some(2880),
                Some(-10)
            ]
        );
        assert_eq!(["", "h", "14:30", "1.5 h", "soon"].map(minutes), [None; 5]);
    }

    #[test]
    fn empty_rows_are_skipped_and_errors_find_their_way_back() {
        let query = form(&[
            ("scale", "nrs"),
            ("context", "movement"),
            ("/scores/0/taken_at", "0"),
            ("/scores/0/value", "8"),
            ("/scores/1/taken_at", "15"),
            ("/scores/1/value", ""),
            ("/scores/4/taken_at", "60"),
            ("/scores/4/value@left", "1.5"),
            ("/scores/4/value@right", "lots"),
            ("/scores/4/context", "rest"),
        ]);
        let mut found = Read::default();
        read(&query, base("2025-09-08T09:00:00-05:00", UTC), &mut found);
        let expected = json!({"scores": [
            {"taken_at": "2025-09-08T09:00:00-05:00", "scale": "nrs", "value": 8, "context": "movement"},
            {"taken_at": "2025-09-08T10:00:00-05:00", "scale": "nrs", "value": 1.5, "context": "rest", "side": "left"},
            {"taken_at": "2025-09-08T10:00:00-05:00", "scale": "nrs", "value": "lots", "context": "rest", "side": "right"},
        ]});
        assert_eq!(Value::Object(found.body.clone()), expected);
        assert_eq!(found.errors[0].pointer, "/scores/4/value@right");
        assert_eq!(found.rows["/scores/1"], "/scores/4");
        assert_eq!(found.rows["/scores/1/value"], "/scores/4/value@left");
    }

    #[test]
    fn hours_after_the_injection_pass_over_a_change_of_the_clock() {
        let at = |text| {
            base("2025-10-26T01:30:00+02:00", Europe::Berlin)
                .unwrap()
                .instant(text)
                .map(|instant| instant.to_rfc3339())
        };
        assert_eq!(at("2 h").unwrap(), "2025-10-26T02:30:00+01:00");
        assert_eq!(at("04:15").unwrap(), "2025-10-26T04:15:00+01:00");
        assert_eq!(at("02:15").unwrap_err().0, "doubled_time");
    }
}
