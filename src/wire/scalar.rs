//! Single values: codes, dates, instants, decimals and short texts.

use super::errors::{FieldErrors, wrong_type};
use crate::domain::Vocabulary;
use chrono::{DateTime, FixedOffset, NaiveDate, SecondsFormat};
use deserr::{Deserr, IntoValue, Sequence, Value, ValueKind, ValuePointerRef};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use std::borrow::Cow;
use uuid::Uuid;

/// A term of a closed list, as its code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code<T>(pub T);

impl<T: Vocabulary> Deserr<FieldErrors> for Code<T> {
    fn deserialize_from_value<V: IntoValue>(
        value: Value<V>,
        location: ValuePointerRef,
    ) -> Result<Self, FieldErrors> {
        let code = string(value, location)?;
        let unknown = |error: crate::domain::UnknownCode| {
            FieldErrors::at(
                location,
                "unknown_value",
                format!("Accepted values are {}.", error.accepted.join(", ")),
            )
        };
        T::read(&code).map(Code).map_err(unknown)
    }
}

impl<T: Vocabulary> Serialize for Code<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.code_of())
    }
}

impl<T: Vocabulary> JsonSchema for Code<T> {
    fn schema_name() -> Cow<'static, str> {
        T::NAME.into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": T::codes() })
    }
}

fn string<V: IntoValue>(value: Value<V>, location: ValuePointerRef) -> Result<String, FieldErrors> {
    match value {
        Value::String(text) => Ok(text),
        other => Err(wrong_type(other, &[ValueKind::String], location)),
    }
}

/// A calendar date, `YYYY-MM-DD`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date(pub NaiveDate);

/// The years that a date may lie in: anything else is a slip of the keyboard.
const YEARS: std::ops::RangeInclusive<i32> = 1880..=2200;

impl Date {
    /// Reads `YYYY-MM-DD`.
    #[must_use]
    pub fn read(text: &str) -> Option<Date> {
        let well_formed = text.len() == 10;
        let date = NaiveDate::parse_from_str(text, "%Y-%m-%d")
            .ok()
            .filter(|_| well_formed)?;
        YEARS
            .contains(&chrono::Datelike::year(&date))
            .then_some(Date(date))
    }
}

impl Deserr<FieldErrors> for Date {
    fn deserialize_from_value<V: IntoValue>(
        value: Value<V>,
        location: ValuePointerRef,
    ) -> Result<Self, FieldErrors> {
        let text = string(value, location)?;
        let invalid = || {
            FieldErrors::at(
                location,
                "invalid_date",
                "Expected a calendar date as 2025-09-08.",
            )
        };
        Date::read(&text).ok_or_else(invalid)
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl JsonSchema for Date {
    fn schema_name() -> Cow<'static, str> {
        "Date".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date", "examples": ["2025-09-08"] })
    }
}

/// An instant with the offset it was recorded with, RFC 3339.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(pub DateTime<FixedOffset>);

impl Instant {
    /// Reads RFC 3339 with an offset; finer than microseconds is cut off.
    ///
    /// # Errors
    /// A stable code and what is wrong.
    pub fn read(text: &str) -> Result<Instant, (&'static str, &'static str)> {
        const SHAPE: &str =
            "Expected a time with its offset from UTC as 2025-09-08T09:00:00-05:00.";
        const NO_OFFSET: &str =
            "The offset from UTC is missing: write 2025-09-08T09:00:00-05:00, or Z for UTC.";
        if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
            let plausible = YEARS.contains(&chrono::Datelike::year(&instant));
            let whole_minutes = instant.offset().local_minus_utc() % 60 == 0;
            let micros = DateTime::from_timestamp_micros(instant.timestamp_micros());
            let cut = micros.map(|utc| utc.with_timezone(instant.offset()));
            return cut
                .filter(|_| plausible && whole_minutes)
                .map(Instant)
                .ok_or(("invalid_time", SHAPE));
        }
        let without_offset = text.parse::<chrono::NaiveDateTime>().is_ok();
        Err(if without_offset {
            ("offset_missing", NO_OFFSET)
        } else {
            ("invalid_time", SHAPE)
        })
    }
}

impl Deserr<FieldErrors> for Instant {
    fn deserialize_from_value<V: IntoValue>(
        value: Value<V>,
        location: ValuePointerRef,
    ) -> Result<Self, FieldErrors> {
        let text = string(value, location)?;
        Instant::read(&text).map_err(|(code, detail)| FieldErrors::at(location, code, detail))
    }
}

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

impl JsonSchema for Instant {
    fn schema_name() -> Cow<'static, str> {
        "Instant".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time", "examples": ["2025-09-08T09:00:00-05:00"] })
    }
}

/// Whether a text has the shape of a mailbox's address. The server that takes the mail knows whether there is one.
#[must_use]
pub fn is_mail_address(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    let plain = |part: &str| {
        !part.is_empty()
            && part
                .chars()
                .all(|letter| letter.is_ascii_graphic() && !"<>()[],;:\\\"@".contains(letter))
    };
    let dots = |part: &str| !part.starts_with('.') && !part.ends_with('.') && !part.contains("..");
    let parts = plain(local) && plain(domain) && dots(local) && dots(domain);
    parts && text.len() <= 254 && domain.contains('.')
}

/// The address of a mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailAddress(pub String);

impl Deserr<FieldErrors> for MailAddress {
    fn deserialize_from_value<V: IntoValue>(
        value: Value<V>,
        location: ValuePointerRef,
    ) -> Result<Self, FieldErrors> {
        let text = string(value, location)?;
        if is_mail_address(&text) {
            return Ok(MailAddress(text));
        }
        let detail = "Expected an address as someone@example.org.";
        Err(FieldErrors::at(location, "invalid_address", detail))
    }
}

impl JsonSchema for MailAddress {
    fn schema_name() -> Cow<'static, str> {
        "MailAddress".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "email", "maxLength": 254, "examples": ["someone@example.org"] })
    }
}

/// The identifier of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Id(pub Uuid);

impl Deserr<FieldErrors> for Id {
    fn deserialize_from_value<V: IntoValue>(
        value: Value<V>,
        location: ValuePointerRef,
    ) -> Result<Self, FieldErrors> {
        let text = string(value, location)?;
        let hyphenated = text.len() == 36;
        let invalid = || {
            FieldErrors::at(
                location,
                "invalid_id",
                "Expected the id of a record: a hyphenated UUID.",
            )
        };
        Uuid::try_parse(&text)
            .ok()
            .filter(|_| hyphenated)
            .map(Id)
            .ok_or_else(invalid)
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl JsonSchema for Id {
    fn schema_name() -> Cow<'static, str> {
        "Id".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "uuid" })
    }
}

/// A decimal number with at most `PLACES` digits after the point, kept as an integer of its smallest unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Decimal<const PLACES: u32>(pub i64);

impl<const PLACES: u32> Decimal<PLACES> {
    /// Reads a plain decimal: digits, perhaps a sign, perhaps a point.
    ///
    /// # Errors
    /// A stable code and what is wrong.
    pub fn read(text: &str) -> Result<Self, (&'static str, String)> {
        let not_a_number = || ("not_a_number", "Expected one number.".to_owned());
        let (negative, digits) = text
            .strip_prefix('-')
            .map_or((false, text), |rest| (true, rest));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) {
            return Err(not_a_number());
        }
        let fraction = fraction.trim_end_matches('0');
        let places = usize::try_from(PLACES).unwrap_or(0);
        if fraction.len() > places {
            let finest = if PLACES == 1 {
                "tenths".to_owned()
            } else {
                format!("{PLACES} digits after the point")
            };
            return Err((
                "too_precise",
                format!("Expected a number with at most {finest}."),
            ));
        }
        let scaled = format!("{whole}{fraction:0<places$}");
        let magnitude = scaled
            .parse::<i64>()
            .map_err(|_| ("out_of_range", "The number is too large.".to_owned()))?;
        Ok(Decimal(if negative { -magnitude } else { magnitude }))
    }
}

impl<const PLACES: u32> Deserr<FieldErrors> for Decimal<PLACES> {
    fn deserialize_from_value<V: IntoValue>(
        value: Value<V>,
        location: ValuePointerRef,
    ) -> Result<Self, FieldErrors> {
        let text = match value {
            Value::Integer(number) => number.to_string(),
            Value::NegativeInteger(number) => number.to_string(),
            // The shortest decimal that reads back as this number: what was written, where it has few digits.
            Value::Float(number) => number.to_string(),
            Value::String(text) if is_range(&text) => {
                return Err(FieldErrors::at(
                    location,
                    "range_not_allowed",
                    "A range is no score: send one number.",
                ));
            }
            other => {
                return Err(wrong_type(
                    other,
                    &[ValueKind::Integer, ValueKind::Float],
                    location,
                ));
            }
        };
        Decimal::read(&text).map_err(|(code, detail)| FieldErrors::at(location, code, detail))
    }
}

/// Whether a text looks like "2-8/10" or "2 to 8".
fn is_range(text: &str) -> bool {
    let starts_with_digit = text
        .trim_start()
        .starts_with(|first: char| first.is_ascii_digit());
    starts_with_digit && (text.contains('-') || text.contains('–') || text.contains("to"))
}

impl<const PLACES: u32> Serialize for Decimal<PLACES> {
    #[allow(
        clippy::float_arithmetic,
        clippy::as_conversions,
        reason = "shown, never compared; exact for so few digits"
    )]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let unit = 10_i64.pow(PLACES);
        if self.0 % unit == 0 {
            return serializer.serialize_i64(self.0 / unit);
        }
        serializer.serialize_f64(self.0 as f64 / unit as f64)
    }
}

impl<const PLACES: u32> JsonSchema for Decimal<PLACES> {
    fn schema_name() -> Cow<'static, str> {
        match PLACES {
            1 => "Tenths".into(),
            places => format!("Decimal{places}").into(),
        }
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number" })
    }
}

/// A [`Decimal`] from `LEAST` to `MOST`, both in its smallest unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Within<const PLACES: u32, const LEAST: i32, const MOST: i32>(pub i32);

impl<const PLACES: u32, const LEAST: i32, const MOST: i32> Within<PLACES, LEAST, MOST> {
    /// The bounds as they are written in JSON.
    fn bounds() -> [serde_json::Value; 2] {
        [LEAST, MOST].map(|bound| serde_json::json!(Decimal::<PLACES>(i64::from(bound))))
    }
}

impl<const PLACES: u32, const LEAST: i32, const MOST: i32> Deserr<FieldErrors>
    for Within<PLACES, LEAST, MOST>
{
    fn deserialize_from_value<V: IntoValue>(
        value: Value<V>,
        location: ValuePointerRef,
    ) -> Result<Self, FieldErrors> {
        let Decimal::<PLACES>(number) = Decimal::deserialize_from_value(value, location)?;
        let out_of_range = || {
            let [least, most] = Self::bounds();
            let detail = format!("Expected a number from {least} to {most}.");
            FieldErrors::at(location, "out_of_range", detail)
        };
        i32::try_from(number)
            .ok()
            .filter(|number| (LEAST..=MOST).contains(number))
            .map(Within)
            .ok_or_else(out_of_range)
    }
}

impl<const PLACES: u32, const LEAST: i32, const MOST: i32> JsonSchema
    for Within<PLACES, LEAST, MOST>
{
    fn schema_name() -> Cow<'static, str> {
        format!("Decimal{PLACES}From{LEAST}To{MOST}").into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let [least, most] = Self::bounds();
        json_schema!({ "type": "number", "minimum": least, "maximum": most })
    }
}

/// At least `LEAST` terms of a closed list, each once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms<T, const LEAST: usize>(pub Vec<T>);

impl<T: Vocabulary + PartialEq, const LEAST: usize> Deserr<FieldErrors> for Terms<T, LEAST> {
    fn deserialize_from_value<V: IntoValue>(
        value: Value<V>,
        location: ValuePointerRef,
    ) -> Result<Self, FieldErrors> {
        let Value::Sequence(sequence) = value else {
            return Err(wrong_type(value, &[ValueKind::Sequence], location));
        };
        let mut errors = FieldErrors::default();
        let mut terms: Vec<T> = Vec::new();
        let mut listed = 0;
        for (place, term) in sequence.into_iter().enumerate() {
            listed += 1;
            let at = location.push_index(place);
            match Code::<T>::deserialize_from_value(term.into_value(), at) {
                Ok(Code(term)) if terms.contains(&term) => {
                    errors.add(FieldErrors::at(at, "duplicate", "This is listed twice."));
                }
                Ok(Code(term)) => terms.push(term),
                Err(error) => errors.add(error),
            }
        }
        if listed < LEAST {
            let detail = format!("Expected at least {LEAST}.");
            errors.add(FieldErrors::at(location, "too_few", detail));
        }
        if errors.is_empty() {
            Ok(Terms(terms))
        } else {
            Err(errors)
        }
    }
}

impl<T: Vocabulary, const LEAST: usize> JsonSchema for Terms<T, LEAST> {
    fn schema_name() -> Cow<'static, str> {
        format!("{}List{LEAST}", T::NAME).into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let term = generator.subschema_for::<Code<T>>();
        json_schema!({ "type": "array", "items": term, "minItems": LEAST, "uniqueItems": true })
    }
}

/// A text of 1 to `MOST` characters without control characters other than line breaks, blanks around it removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text<const MOST: usize>(pub String);

impl<const MOST: usize> Deserr<FieldErrors> for Text<MOST> {
    fn deserialize_from_value<V: IntoValue>(
        value: Value<V>,
        location: ValuePointerRef,
    ) -> Result<Self, FieldErrors> {
        let text = string(value, location)?;
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return Err(FieldErrors::at(
                location,
                "empty",
                "Expected some text; leave the field out where there is none.",
            ));
        }
        if trimmed.chars().count() > MOST {
            return Err(FieldErrors::at(
                location,
                "too_long",
                format!("Expected at most {MOST} characters."),
            ));
        }
        if trimmed
            .chars()
            .any(|character| character.is_control() && !matches!(character, '\n' | '\r' | '\t'))
        {
            return Err(FieldErrors::at(
                location,
                "control_character",
                "Control characters are not accepted.",
            ));
        }
        Ok(Text(trimmed.to_owned()))
    }
}

impl<const MOST: usize> JsonSchema for Text<MOST> {
    fn schema_name() -> Cow<'static, str> {
        format!("Text{MOST}").into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "minLength": 1, "maxLength": MOST })
    }
}

/// A whole number from `LEAST` to `MOST`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Whole<const LEAST: i32, const MOST: i32>(pub i32);

impl<const LEAST: i32, const MOST: i32> Deserr<FieldErrors> for Whole<LEAST, MOST> {
    fn deserialize_from_value<V: IntoValue>(
        value: Value<V>,
        location: ValuePointerRef,
    ) -> Result<Self, FieldErrors> {
        let Decimal::<0>(number) = Decimal::deserialize_from_value(value, location)?;
        let fits = i32::try_from(number)
            .ok()
            .filter(|number| (LEAST..=MOST).contains(number));
        let out_of_range = || {
            FieldErrors::at(
                location,
                "out_of_range",
                format!("Expected {LEAST} to {MOST}."),
            )
        };
        fits.map(Whole).ok_or_else(out_of_range)
    }
}

impl<const LEAST: i32, const MOST: i32> JsonSchema for Whole<LEAST, MOST> {
    fn schema_name() -> Cow<'static, str> {
        format!("Whole{LEAST}To{MOST}").into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": LEAST, "maximum": MOST })
    }
}

/// A percentage in tenths, -100 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Percentage(pub crate::domain::pain::Percent);

impl Deserr<FieldErrors> for Percentage {
    fn deserialize_from_value<V: IntoValue>(
        value: Value<V>,
        location: ValuePointerRef,
    ) -> Result<Self, FieldErrors> {
        let Decimal::<1>(tenths) = Decimal::deserialize_from_value(value, location)?;
        let percent = i16::try_from(tenths)
            .ok()
            .and_then(crate::domain::pain::Percent::from_tenths);
        let out_of_range = || {
            FieldErrors::at(
                location,
                "out_of_range",
                "Expected a percentage from -100 to 100.",
            )
        };
        percent.map(Percentage).ok_or_else(out_of_range)
    }
}

impl Serialize for Percentage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Decimal::<1>(i64::from(self.0.tenths())).serialize(serializer)
    }
}

impl JsonSchema for Percentage {
    fn schema_name() -> Cow<'static, str> {
        "Percentage".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number", "minimum": -100, "maximum": 100 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_read_to_the_digit() {
        assert_eq!(Decimal::<1>::read("7.5").unwrap().0, 75);
        assert_eq!(Decimal::<1>::read("10").unwrap().0, 100);
        assert_eq!(Decimal::<1>::read("-0.5").unwrap().0, -5);
        assert_eq!(Decimal::<1>::read("7.50").unwrap().0, 75);
        assert_eq!(Decimal::<1>::read("7.55").unwrap_err().0, "too_precise");
        assert_eq!(Decimal::<3>::read("0.75").unwrap().0, 750);
        assert_eq!(
            Decimal::<1>::read("99999999999999999999").unwrap_err().0,
            "out_of_range"
        );
        for rubbish in ["", ".", "NaN", "1e3", "+1", "--1", "1.2.3"] {
            assert_eq!(
                Decimal::<1>::read(rubbish).unwrap_err().0,
                "not_a_number",
                "{rubbish}"
            );
        }
    }

    #[test]
    fn a_missing_offset_is_told_apart_from_rubbish() {
        assert!(Instant::read("2025-09-08T09:00:00-05:00").is_ok());
        assert_eq!(
            Instant::read("2025-09-08T09:00:00").unwrap_err().0,
            "offset_missing"
        );
        assert_eq!(Instant::read("yesterday").unwrap_err().0, "invalid_time");
    }

    #[test]
    fn ranges_are_recognised() {
        assert!(["2-8/10", "2 to 8", "2–8"].into_iter().all(is_range));
        assert!(!is_range("eight"));
    }
}
