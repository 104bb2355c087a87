//! Parameters of a query: what they may be, and what is said of one that does not fit.

use crate::http::call;
use chrono::NaiveDate;
use serde_json::{Value, json};

/// What a parameter of the query may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterKind {
    /// Any text that is not empty.
    Text,
    /// A whole number between two bounds, both included.
    Integer {
        /// Least.
        min: i64,
        /// Most.
        max: i64,
    },
    /// A number between two whole bounds, both included, with a decimal point if need be.
    Decimal {
        /// Least.
        min: i32,
        /// Most.
        max: i32,
    },
    /// One of a closed list.
    Choice(&'static [&'static str]),
    /// Some of a closed list, separated by commas.
    Choices(&'static [&'static str]),
    /// Any texts, separated by commas.
    Texts,
    /// A date, as `2026-03-01`.
    Date,
    /// `true` or `false`.
    Flag,
    /// An id.
    Id,
}

impl ParameterKind {
    /// What is wrong with a value, if anything is: a code and what would be accepted.
    #[must_use]
    pub fn refuses(self, value: &str) -> Option<(&'static str, String)> {
        let fits = match self {
            ParameterKind::Text => !value.is_empty(),
            ParameterKind::Integer { min, max } => value
                .parse::<i64>()
                .is_ok_and(|number| (min..=max).contains(&number)),
            ParameterKind::Decimal { min, max } => value
                .parse::<f64>()
                .is_ok_and(|number| (f64::from(min)..=f64::from(max)).contains(&number)),
            ParameterKind::Choice(choices) => choices.contains(&value),
            ParameterKind::Choices(choices) => value.split(',').all(|one| choices.contains(&one)),
            ParameterKind::Texts => value.split(',').all(|one| !one.is_empty()),
            ParameterKind::Date => is_date(value),
            ParameterKind::Flag => matches!(value, "true" | "false"),
            ParameterKind::Id => call::id_of(value).is_some(),
        };
        if fits {
            return None;
        }
        Some(("invalid_parameter", self.accepts()))
    }

    fn accepts(self) -> String {
        match self {
            ParameterKind::Text => "A text that is not empty is accepted.".to_owned(),
            ParameterKind::Integer { min, max } => {
                format!("A whole number from {min} to {max} is accepted.")
            }
            ParameterKind::Decimal { min, max } => {
                format!("A number from {min} to {max} is accepted.")
            }
            ParameterKind::Choice(choices) => format!("Accepted are {}.", choices.join(", ")),
            ParameterKind::Choices(choices) => format!(
                "Accepted are {}, or several of them separated by commas.",
                choices.join(", ")
            ),
            ParameterKind::Texts => {
                "Texts separated by commas are accepted, none of them empty.".to_owned()
            }
            ParameterKind::Date => "A date as 2026-03-01 is accepted.".to_owned(),
            ParameterKind::Flag => "Accepted are true, false.".to_owned(),
            ParameterKind::Id => {
                "An id as 01890a5d-ac96-774b-bcce-b302099a8057 is accepted.".to_owned()
            }
        }
    }

    /// JSON Schema of the value.
    #[must_use]
    pub fn schema(self) -> Value {
        match self {
            ParameterKind::Text => json!({"type": "string", "minLength": 1}),
            ParameterKind::Integer { min, max } => {
                json!({"type": "integer", "minimum": min, "maximum": max})
            }
            ParameterKind::Decimal { min, max } => {
                json!({"type": "number", "minimum": min, "maximum": max})
            }
            ParameterKind::Choice(choices) => json!({"type": "string", "enum": choices}),
            ParameterKind::Choices(choices) => {
                json!({"type": "array", "minItems": 1, "items": {"type": "string", "enum": choices}})
            }
            ParameterKind::Texts => {
                json!({"type": "array", "minItems": 1, "items": {"type": "string", "minLength": 1}})
            }
            ParameterKind::Date => json!({"type": "string", "format": "date"}),
            ParameterKind::Flag => json!({"type": "boolean"}),
            ParameterKind::Id => json!({"type": "string", "format": "uuid"}),
        }
    }

    /// Whether the value is a list with commas.
    #[must_use]
    pub const fn is_list(self) -> bool {
        matches!(self, ParameterKind::Choices(_) | ParameterKind::Texts)
    }
}

/// The library also takes `2026-3-1`, and years of any length.
fn is_date(value: &str) -> bool {
    value.len() == 10 && value.parse::<NaiveDate>().is_ok()
}

/// A parameter of the query.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// Name.
    pub name: &'static str,
    /// What it may be.
    pub kind: ParameterKind,
    /// Whether it must be there.
    pub required: bool,
    /// Whether it may be given more than once, with another value each time.
    pub repeated: bool,
    /// What it does.
    pub description: &'static str,
    /// What holds without it.
    pub default: Option<Value>,
    /// A value that works.
    pub example: Option<Value>,
}

impl Parameter {
    /// An optional parameter.
    #[must_use]
    pub fn new(name: &'static str, kind: ParameterKind, description: &'static str) -> Parameter {
        Parameter {
            name,
            kind,
            required: false,
            repeated: false,
            description,
            default: None,
            example: None,
        }
    }

    /// The same, and it must be there.
    #[must_use]
    pub fn required(mut self) -> Parameter {
        self.required = true;
        self
    }

    /// The same, and it may be given more than once.
    #[must_use]
    pub fn repeated(mut self) -> Parameter {
        self.repeated = true;
        self
    }

    /// The same, with what holds without it.
    #[must_use]
    pub fn or(mut self, default: impl Into<Value>) -> Parameter {
        self.default = Some(default.into());
        self
    }

    /// The same, with a value that works.
    #[must_use]
    pub fn like(mut self, example: impl Into<Value>) -> Parameter {
        self.example = Some(example.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_refuse_what_does_not_fit() {
        let cases = [
            (ParameterKind::Text, "x", ""),
            (ParameterKind::Integer { min: 1, max: 500 }, "500", "501"),
            (ParameterKind::Integer { min: 1, max: 500 }, "1", "0"),
            (ParameterKind::Integer { min: 1, max: 500 }, "7", "7.0"),
            (ParameterKind::Decimal { min: 0, max: 100 }, "79.9", "NaN"),
            (ParameterKind::Decimal { min: 0, max: 100 }, "100", "inf"),
            (ParameterKind::Choice(&["left", "right"]), "left", "Left"),
            (
                ParameterKind::Choices(&["left", "right"]),
                "left,right",
                "left,",
            ),
            (ParameterKind::Texts, "a,b", "a,,b"),
            (ParameterKind::Date, "2024-02-29", "2023-02-29"),
            (ParameterKind::Date, "2024-03-01", "2024-3-1"),
            (ParameterKind::Flag, "true", "1"),
            (
                ParameterKind::Id,
                "01890a5d-ac96-774b-bcce-b302099a8057",
                "01890a5dac96774bbcceb302099a8057",
            ),
        ];
        for (kind, good, bad) in cases {
            assert_eq!(kind.refuses(good), None, "{good}");
            assert!(kind.refuses(bad).is_some(), "{bad}");
        }
    }
}
