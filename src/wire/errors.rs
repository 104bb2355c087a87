//! Reads a JSON value into a type and, when it does not fit, says everything that is wrong with it at once.

use crate::domain::UnknownCode;
use deserr::{
    DeserializeError, Deserr, ErrorKind, IntoValue, MergeWithError, Sequence, ValueKind,
    ValuePointerRef, take_cf_content,
};
use std::convert::Infallible;
use std::ops::ControlFlow;

/// One thing wrong with one field of what was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// JSON pointer (RFC 6901) to the field, as `/scores/3/value`.
    pub pointer: String,
    /// Stable machine-readable code, lower snake case.
    pub code: &'static str,
    /// What is wrong and what would be accepted. Never repeats personal content.
    pub detail: String,
}

impl FieldError {
    /// An error at `pointer`.
    pub fn new(
        pointer: impl Into<String>,
        code: &'static str,
        detail: impl Into<String>,
    ) -> FieldError {
        FieldError {
            pointer: pointer.into(),
            code,
            detail: detail.into(),
        }
    }
}

/// So many errors are told one by one. A body of a megabyte can hold millions, and an answer that lists them all would be a weapon.
const MOST_ERRORS: usize = 1000;

/// Reads `value` as a `T`.
///
/// # Errors
/// Every field that is wrong, in the order of its pointer.
pub fn parse<T: Deserr<FieldErrors>>(value: serde_json::Value) -> Result<T, Vec<FieldError>> {
    deserr::deserialize::<T, _, FieldErrors>(value).map_err(FieldErrors::into_vec)
}

/// The JSON pointer (RFC 6901) of a place in a body.
#[must_use]
pub fn pointer(location: ValuePointerRef) -> String {
    match location {
        ValuePointerRef::Origin => String::new(),
        ValuePointerRef::Key { key, prev } => format!("{}/{}", pointer(*prev), escaped(key)),
        ValuePointerRef::Index { index, prev } => format!("{}/{index}", pointer(*prev)),
    }
}

fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// What a conversion of one field says when it refuses: the place is added by whoever called it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeAndDetail {
    /// Stable machine-readable code, lower snake case.
    pub code: &'static str,
    /// What is wrong and what would be accepted.
    pub detail: String,
}

impl CodeAndDetail {
    /// A refusal.
    pub fn new(code: &'static str, detail: impl Into<String>) -> CodeAndDetail {
        CodeAndDetail {
            code,
            detail: detail.into(),
        }
    }
}

impl From<UnknownCode> for CodeAndDetail {
    fn from(error: UnknownCode) -> CodeAndDetail {
        CodeAndDetail::new("unknown_value", one_of(&error.accepted))
    }
}

/// Everything that is wrong with a body.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct FieldErrors(Vec<FieldError>);

impl FieldErrors {
    /// One error at `location`.
    pub fn at(
        location: ValuePointerRef,
        code: &'static str,
        detail: impl Into<String>,
    ) -> FieldErrors {
        FieldErrors(vec![FieldError::new(pointer(location), code, detail)])
    }

    /// Adds one more, if there is room for it.
    pub fn push(&mut self, error: FieldError) {
        if self.0.len() < MOST_ERRORS {
            self.0.push(error);
        }
    }

    /// Adds what else is wrong, as far as there is room for it.
    pub fn add(&mut self, more: FieldErrors) {
        more.0.into_iter().for_each(|error| self.push(error));
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The errors as the use cases and the edges know them. They stand in the order in which the body was read: objects by key, arrays by index.
    #[must_use]
    pub fn into_vec(self) -> Vec<FieldError> {
        self.0
    }

    /// Says whether reading goes on to look for more errors.
    fn with(
        known: Option<FieldErrors>,
        more: Vec<FieldError>,
    ) -> ControlFlow<FieldErrors, FieldErrors> {
        let mut errors = known.unwrap_or_default().0;
        errors.extend(more);
        if errors.len() < MOST_ERRORS {
            return ControlFlow::Continue(FieldErrors(errors));
        }
        errors.truncate(MOST_ERRORS);
        errors.push(FieldError::new(
            "",
            "more_errors",
            format!("Only the first {MOST_ERRORS} errors are listed."),
        ));
        ControlFlow::Break(FieldErrors(errors))
    }
}

impl From<Vec<FieldError>> for FieldErrors {
    fn from(errors: Vec<FieldError>) -> FieldErrors {
        FieldErrors(errors)
    }
}

impl DeserializeError for FieldErrors {
    fn error<V: IntoValue>(
        known: Option<Self>,
        error: ErrorKind<V>,
        location: ValuePointerRef,
    ) -> ControlFlow<Self, Self> {
        let error = match error {
            ErrorKind::IncorrectValueKind { actual, accepted } => {
                let detail = format!(
                    "Expected {}, found {}.",
                    kinds(accepted),
                    article(actual.kind())
                );
                FieldError::new(pointer(location), "wrong_type", detail)
            }
            ErrorKind::MissingField { field } => FieldError::new(
                pointer(location.push_key(field)),
                "required",
                "This field is required.",
            ),
            ErrorKind::UnknownKey { key, accepted } => {
                let detail = format!(
                    "There is no such field here; accepted are {}.",
                    accepted.join(", ")
                );
                FieldError::new(pointer(location.push_key(key)), "unknown_field", detail)
            }
            ErrorKind::UnknownValue { accepted, .. } => {
                FieldError::new(pointer(location), "unknown_value", one_of(accepted))
            }
            ErrorKind::BadSequenceLen { actual, expected } => {
                let detail = format!(
                    "Expected an array of {expected}, found one of {}.",
                    actual.len()
                );
                FieldError::new(pointer(location), "wrong_length", detail)
            }
            ErrorKind::Unexpected { msg } => unexpected(&msg, location),
        };
        FieldErrors::with(known, vec![error])
    }
}

impl MergeWithError<FieldErrors> for FieldErrors {
    fn merge(
        known: Option<Self>,
        other: FieldErrors,
        _: ValuePointerRef,
    ) -> ControlFlow<Self, Self> {
        match known {
            // An error that already ends with "more_errors" must stay as it is.
            None if other.0.len() > MOST_ERRORS => ControlFlow::Break(other),
            known => FieldErrors::with(known, other.0),
        }
    }
}

impl MergeWithError<CodeAndDetail> for FieldErrors {
    fn merge(
        known: Option<Self>,
        other: CodeAndDetail,
        location: ValuePointerRef,
    ) -> ControlFlow<Self, Self> {
        FieldErrors::with(
            known,
            vec![FieldError::new(pointer(location), other.code, other.detail)],
        )
    }
}

impl MergeWithError<UnknownCode> for FieldErrors {
    fn merge(
        known: Option<Self>,
        other: UnknownCode,
        location: ValuePointerRef,
    ) -> ControlFlow<Self, Self> {
        FieldErrors::merge(known, CodeAndDetail::from(other), location)
    }
}

impl MergeWithError<Infallible> for FieldErrors {
    fn merge(_: Option<Self>, other: Infallible, _: ValuePointerRef) -> ControlFlow<Self, Self> {
        match other {}
    }
}

/// An error for a hand-written `deserialize_from_value` that met a value of the wrong kind.
pub fn wrong_type<V: IntoValue>(
    actual: deserr::Value<V>,
    accepted: &[ValueKind],
    location: ValuePointerRef,
) -> FieldErrors {
    take_cf_content(FieldErrors::error(
        None,
        ErrorKind::IncorrectValueKind { actual, accepted },
        location,
    ))
}

/// The library's own words repeat the value; ours say only what would fit.
fn unexpected(message: &str, location: ValuePointerRef) -> FieldError {
    for (marker, bound) in [
        ("maximum value authorized is `", "at most"),
        ("minimum value authorized is `", "at least"),
    ] {
        if let Some((_, limit)) = message.split_once(marker) {
            let detail = format!("Out of range: {bound} {}.", limit.trim_end_matches('`'));
            return FieldError::new(pointer(location), "out_of_range", detail);
        }
    }
    FieldError::new(pointer(location), "invalid", "This value cannot be read.")
}

fn one_of(accepted: &[&str]) -> String {
    format!("Accepted are {}.", accepted.join(", "))
}

fn article(kind: ValueKind) -> &'static str {
    match kind {
        ValueKind::Null => "null",
        ValueKind::Boolean => "a boolean",
        ValueKind::Integer => "an integer",
        ValueKind::NegativeInteger => "a negative integer",
        ValueKind::Float => "a number",
        ValueKind::String => "a string",
        ValueKind::Sequence => "an array",
        ValueKind::Map => "an object",
    }
}

/// `a number or null`: an accepted float makes the integers among the accepted kinds needless to say.
fn kinds(accepted: &[ValueKind]) -> String {
    let any_number = accepted.contains(&ValueKind::Float);
    let is_integer =
        |kind: &ValueKind| matches!(kind, ValueKind::Integer | ValueKind::NegativeInteger);
    let mut words: Vec<&str> = Vec::new();
    for kind in accepted {
        let word = match kind {
            kind if any_number && is_integer(kind) => continue,
            ValueKind::Integer if accepted.contains(&ValueKind::NegativeInteger) => "an integer",
            ValueKind::Integer => "an integer of zero or more",
            ValueKind::NegativeInteger if accepted.contains(&ValueKind::Integer) => continue,
            kind => article(*kind),
        };
        words.push(word);
    }
    words.join(" or ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use deserr::Deserr;
    use serde_json::json;

    #[derive(Debug, Deserr, PartialEq)]
    #[deserr(error = FieldErrors, rename_all = lowercase)]
    enum Side {
        Left,
        Right,
    }

    fn even(value: u8) -> Result<u8, CodeAndDetail> {
        if value.is_multiple_of(2) {
            Ok(value)
        } else {
            Err(CodeAndDetail::new("odd", "Must be even."))
        }
    }

    #[derive(Debug, Deserr, PartialEq)]
    #[deserr(error = FieldErrors, deny_unknown_fields)]
    struct Score {
        taken_at: String,
        value: f64,
        #[deserr(default, try_from(u8) = even -> CodeAndDetail)]
        count: u8,
    }

    #[derive(Debug, Deserr, PartialEq)]
    #[deserr(error = FieldErrors, deny_unknown_fields)]
    struct Block {
        side: Side,
        joints: Vec<String>,
        #[deserr(default)]
        note: Option<String>,
        scores: Vec<Score>,
    }

    fn found(value: serde_json::Value) -> Vec<(String, &'static str, String)> {
        let errors = parse::<Block>(value).expect_err("is refused");
        errors
            .into_iter()
            .map(|error| (error.pointer, error.code, error.detail))
            .collect()
    }

    fn pairs(value: serde_json::Value) -> Vec<(String, &'static str)> {
        found(value)
            .into_iter()
            .map(|(pointer, code, _)| (pointer, code))
            .collect()
    }

    #[test]
    fn what_fits_is_read() {
        let block = parse::<Block>(
            json!({"side": "left", "joints": ["L4-5"], "scores": [{"taken_at": "now", "value": 7, "count": 4}]}),
        );
        assert_eq!(
            block.expect("fits").scores,
            vec![Score {
                taken_at: "now".into(),
                value: 7.0,
                count: 4
            }]
        );
    }

    #[test]
    fn every_error_is_told_with_its_pointer() {
        let errors = pairs(json!({
            "side": "middle",
            "joints": ["L4-5", 7, null],
            "a/b~c": 1,
            "scores": [
                {"taken_at": "now", "value": "2-8/10", "count": 3},
                {"value": 3.5, "count": 300, "scale": "nrs"},
                [],
                {"taken_at": "now", "value": null, "count": -1}
            ]
        }));
        let expected = [
            ("/a~1b~0c", "unknown_field"),
            ("/joints/1", "wrong_type"),
            ("/joints/2", "wrong_type"),
            ("/scores/0/count", "odd"),
            ("/scores/0/value", "wrong_type"),
            ("/scores/1/count", "out_of_range"),
            ("/scores/1/scale", "unknown_field"),
            ("/scores/1/taken_at", "required"),
            ("/scores/2", "wrong_type"),
            ("/scores/3/count", "wrong_type"),
            ("/scores/3/value", "wrong_type"),
            ("/side", "unknown_value"),
        ];
        // They come in the order in which the fields were sent.
        let mut errors = errors;
        errors.sort();
        assert_eq!(
            errors,
            expected.map(|(pointer, code)| (pointer.to_owned(), code))
        );
    }

    #[test]
    fn details_say_what_is_accepted_and_never_repeat_the_value() {
        let errors = found(
            json!({"side": "Jane Doe", "joints": "Jane Doe", "Jane": 1, "scores": [{"taken_at": "x", "value": "Jane Doe", "count": 999}]}),
        );
        for (_, _, detail) in &errors {
            assert!(
                !detail.contains("Jane Doe") && !detail.contains("999"),
                "{detail}"
            );
        }
        let detail = |pointer: &str| {
            errors
                .iter()
                .find(|error| error.0 == pointer)
                .map(|error| error.2.as_str())
        };
        assert_eq!(
            detail("/Jane"),
            Some("There is no such field here; accepted are side, joints, note, scores.")
        );
        assert_eq!(detail("/side"), Some("Accepted are left, right."));
        assert_eq!(
            detail("/joints"),
            Some("Expected an array, found a string.")
        );
        assert_eq!(
            detail("/scores/0/value"),
            Some("Expected a number, found a string.")
        );
        assert_eq!(
            detail("/scores/0/count"),
            Some("Out of range: at most 255.")
        );
    }

    #[test]
    fn a_body_of_the_wrong_kind_is_told_at_the_root() {
        assert_eq!(pairs(json!([1, 2])), [(String::new(), "wrong_type")]);
    }

    #[test]
    fn a_flood_of_errors_is_cut_off() {
        let scores: Vec<_> = (0..50_000).map(|_| json!({})).collect();
        let errors = pairs(json!({"side": "left", "joints": [], "scores": scores}));
        assert_eq!(errors.len(), MOST_ERRORS + 1);
        assert_eq!(errors.last(), Some(&(String::new(), "more_errors")));
    }
}
