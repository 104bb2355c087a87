//! One value of an export, and how it is written.

use crate::domain::Vocabulary;
use crate::domain::episode::{CareEntry, DisabilityScore};
use crate::domain::patient::Identifier;
use crate::wire::episode::{CareFields, DisabilityFields};
use crate::wire::patient::IdentifierFields;
use crate::wire::scalar::{Code, Date, Decimal, Instant};
use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, Utc};
use serde::{Serialize, Serializer};
use std::borrow::Cow;
use uuid::Uuid;

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Not recorded.
    Null,
    /// The id of a record, or a pseudonym of one.
    Id(Uuid),
    /// What somebody typed.
    Text(String),
    /// A term of a closed list.
    Code(&'static str),
    /// Terms of a closed list.
    Codes(Vec<&'static str>),
    /// A calendar date.
    Date(NaiveDate),
    /// An instant with the offset it was recorded with.
    Instant(DateTime<FixedOffset>),
    /// A date and time of day without an offset.
    LocalTime(NaiveDateTime),
    /// A whole number.
    Whole(i64),
    /// A number in tenths.
    Tenths(i64),
    /// A number in thousandths.
    Thousandths(i64),
    /// Yes or no.
    Flag(bool),
    /// Courses of conservative care.
    Care(Vec<CareEntry>),
    /// Disability scores.
    Disability(Vec<DisabilityScore>),
    /// Business identifiers.
    Identifiers(Vec<Identifier>),
    /// Other objects.
    Objects(Vec<serde_json::Value>),
}

/// Between the terms of a list in a CSV cell.
const BETWEEN: &str = "|";
/// An empty list in a CSV cell: it says that there is none, while an empty cell says that nobody recorded it.
const NONE: &str = "none";
/// A date and time of day without an offset, as text.
const LOCAL_TIME: &str = "%Y-%m-%d %H:%M:%S";

impl Cell {
    /// A term.
    pub fn code<T: Vocabulary>(term: T) -> Cell {
        Cell::Code(term.code_of())
    }

    /// A term, if there is one.
    pub fn maybe_code<T: Vocabulary>(term: Option<T>) -> Cell {
        term.map_or(Cell::Null, Cell::code)
    }

    /// Terms.
    pub fn codes<T: Vocabulary>(terms: &[T]) -> Cell {
        Cell::Codes(terms.iter().map(|term| term.code_of()).collect())
    }

    /// A number in tenths, if there is one.
    pub fn tenths(number: Option<impl Into<i64>>) -> Cell {
        number.map_or(Cell::Null, |number| Cell::Tenths(number.into()))
    }

    /// A number in thousandths, if there is one.
    pub fn thousandths(number: Option<i32>) -> Cell {
        number.map_or(Cell::Null, |number| Cell::Thousandths(number.into()))
    }

    /// As a field of CSV: no formula, and no two values that look the same.
    pub fn csv(&self) -> Cow<'_, str> {
        match self {
            Cell::Null => Cow::Borrowed(""),
            Cell::Id(id) => Cow::Owned(id.to_string()),
            Cell::Text(text) => guarded(text),
            Cell::Code(code) => Cow::Borrowed(code),
            Cell::Codes(codes) if codes.is_empty() => Cow::Borrowed(NONE),
            Cell::Codes(codes) => Cow::Owned(codes.join(BETWEEN)),
            Cell::Date(date) => Cow::Owned(date.to_string()),
            Cell::Whole(number) => Cow::Owned(number.to_string()),
            Cell::Flag(flag) => Cow::Borrowed(if *flag { "true" } else { "false" }),
            Cell::Tenths(number) => Cow::Owned(decimal(*number, 10)),
            Cell::Thousandths(number) => Cow::Owned(decimal(*number, 1000)),
            Cell::LocalTime(time) => Cow::Owned(time.format(LOCAL_TIME).to_string()),
            Cell::Instant(_)
            | Cell::Care(_)
            | Cell::Disability(_)
            | Cell::Identifiers(_)
            | Cell::Objects(_) => self.as_json(),
        }
    }

    /// As JSON; a string without its quotation marks. A list begins with `[`, which is no formula.
    pub(super) fn as_json(&self) -> Cow<'static, str> {
        // Lists of strings, numbers and dates always serialize.
        match serde_json::to_value(self).unwrap_or_default() {
            serde_json::Value::String(text) => Cow::Owned(text),
            other => Cow::Owned(other.to_string()),
        }
    }
}

/// The text with an apostrophe in front where a spreadsheet would take it for a formula.
#[must_use]
pub fn guarded(text: &str) -> Cow<'_, str> {
    const FORMULA: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
    if text.starts_with(FORMULA) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// `number` of the unit's parts, exactly and without zeros at the end: 75 tenths are `7.5`.
fn decimal(number: i64, parts: u64) -> String {
    let (whole, rest) = (number.unsigned_abs() / parts, number.unsigned_abs() % parts);
    let sign = if number < 0 { "-" } else { "" };
    if rest == 0 {
        return format!("{sign}{whole}");
    }
    let places = usize::try_from(parts.ilog10()).unwrap_or(0);
    let digits = format!("{rest:0>places$}");
    format!("{sign}{whole}.{}", digits.trim_end_matches('0'))
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Cell::Null => serializer.serialize_none(),
            Cell::Id(id) => serializer.collect_str(id),
            Cell::Text(text) => serializer.serialize_str(text),
            Cell::Code(code) => serializer.serialize_str(code),
            Cell::Codes(codes) => codes.serialize(serializer),
            Cell::Date(date) => serializer.collect_str(date),
            Cell::Instant(instant) => Instant(*instant).serialize(serializer),
            Cell::LocalTime(time) => serializer.collect_str(&time.format(LOCAL_TIME)),
            Cell::Whole(number) => serializer.serialize_i64(*number),
            Cell::Tenths(number) => Decimal::<1>(*number).serialize(serializer),
            Cell::Thousandths(number) => Decimal::<3>(*number).serialize(serializer),
            Cell::Flag(flag) => serializer.serialize_bool(*flag),
            Cell::Care(care) => serializer.collect_seq(care.iter().map(care_fields)),
            Cell::Disability(scores) => {
                serializer.collect_seq(scores.iter().map(disability_fields))
            }
            Cell::Identifiers(identifiers) => {
                serializer.collect_seq(identifiers.iter().map(identifier_fields))
            }
            Cell::Objects(objects) => objects.serialize(serializer),
        }
    }
}

fn care_fields(care: &CareEntry) -> CareFields {
    CareFields {
        kind: care.kind.clone(),
        start: care.start.map(Date),
        end: care.end.map(Date),
        outcome: care.outcome.map(Code),
    }
}

fn disability_fields(score: &DisabilityScore) -> DisabilityFields {
    DisabilityFields {
        instrument: Code(score.instrument),
        score: Decimal(score.score_tenths.into()),
        maximum: Decimal(score.maximum_tenths.into()),
        taken_on: Date(score.taken_on),
    }
}

fn identifier_fields(identifier: &Identifier) -> IdentifierFields {
    IdentifierFields {
        system: identifier.system.clone(),
        value: identifier.value.clone(),
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Cell {
        value.map_or(Cell::Null, Into::into)
    }
}

impl From<&String> for Cell {
    fn from(text: &String) -> Cell {
        Cell::Text(text.clone())
    }
}

impl From<Uuid> for Cell {
    fn from(id: Uuid) -> Cell {
        Cell::Id(id)
    }
}

impl From<NaiveDate> for Cell {
    fn from(date: NaiveDate) -> Cell {
        Cell::Date(date)
    }
}

impl From<DateTime<FixedOffset>> for Cell {
    fn from(instant: DateTime<FixedOffset>) -> Cell {
        Cell::Instant(instant)
    }
}

impl From<DateTime<Utc>> for Cell {
    fn from(instant: DateTime<Utc>) -> Cell {
        Cell::Instant(instant.fixed_offset())
    }
}

impl From<NaiveDateTime> for Cell {
    fn from(time: NaiveDateTime) -> Cell {
        Cell::LocalTime(time)
    }
}

impl From<usize> for Cell {
    fn from(number: usize) -> Cell {
        i64::try_from(number).map_or(Cell::Null, Cell::Whole)
    }
}

impl From<i32> for Cell {
    fn from(number: i32) -> Cell {
        Cell::Whole(number.into())
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Cell {
        Cell::Whole(number)
    }
}

impl From<bool> for Cell {
    fn from(flag: bool) -> Cell {
        Cell::Flag(flag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_spreadsheet_would_run_gets_an_apostrophe() {
        for formula in [
            "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠x",
        ] {
            let cell = Cell::Text(formula.to_owned());
            assert_eq!(cell.csv(), format!("'{formula}"));
            assert_eq!(serde_json::to_value(&cell).unwrap(), formula);
        }
        for plain in ["a=1", "'=1", "", "L4-5", "ä"] {
            assert_eq!(Cell::Text(plain.to_owned()).csv(), plain);
        }
    }

    #[test]
    fn numbers_are_written_exactly_and_never_guarded() {
        assert_eq!(Cell::Tenths(-105).csv(), "-10.5");
        assert_eq!(Cell::Tenths(-5).csv(), "-0.5");
        assert_eq!(Cell::Tenths(80).csv(), "8");
        assert_eq!(Cell::Thousandths(50).csv(), "0.05");
        assert_eq!(Cell::Thousandths(500).csv(), "0.5");
        assert_eq!(Cell::Whole(-3).csv(), "-3");
        assert_eq!(serde_json::to_string(&Cell::Tenths(75)).unwrap(), "7.5");
        assert_eq!(
            serde_json::to_string(&Cell::Thousandths(500)).unwrap(),
            "0.5"
        );
    }

    #[test]
    fn no_joint_is_not_the_same_as_nobody_knows() {
        assert_eq!(Cell::Codes(Vec::new()).csv(), "none");
        assert_eq!(Cell::Null.csv(), "");
        assert_eq!(Cell::Codes(vec!["L4-5", "L5-S1"]).csv(), "L4-5|L5-S1");
    }
}
