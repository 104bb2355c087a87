//! The query of a request: decoded, checked against what the endpoint takes, and written again.

use super::problem::{Kind, Problem};
use super::registry::Parameter;
use crate::app::error::FieldError;
use std::fmt::Write;

/// The parameters of a query, in the order in which they came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads a query.
    ///
    /// # Errors
    /// That it is not UTF-8 once decoded.
    pub fn read(text: &str) -> Result<Query, Problem> {
        let mut pairs = Vec::new();
        for part in text.split('&').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            pairs.push((decoded(name)?, decoded(value)?));
        }
        Ok(Query(pairs))
    }

    /// Compares it with what an endpoint takes.
    ///
    /// # Errors
    /// Every parameter that is unknown, repeated, missing or has a value that does not fit.
    pub fn check(&self, accepted: &[Parameter]) -> Result<(), Problem> {
        let mut errors: Vec<FieldError> = Vec::new();
        let error =
            |name: &str, code, detail: String| FieldError::new(format!("?{name}"), code, detail);
        for (index, (name, value)) in self.0.iter().enumerate() {
            let Some(parameter) = accepted.iter().find(|parameter| parameter.name == name) else {
                errors.push(error(
                    name,
                    "unknown_parameter",
                    "There is no such parameter here.".to_owned(),
                ));
                continue;
            };
            let mut earlier = self.0.iter().take(index);
            if !parameter.repeated && earlier.any(|(earlier, _)| earlier == name) {
                errors.push(error(
                    name,
                    "repeated_parameter",
                    "This parameter may be given once.".to_owned(),
                ));
                continue;
            }
            if let Some((code, detail)) = parameter.kind.refuses(value) {
                errors.push(error(name, code, detail));
            }
        }
        for parameter in accepted
            .iter()
            .filter(|parameter| parameter.required && self.get(parameter.name).is_none())
        {
            errors.push(error(
                parameter.name,
                "required",
                "This parameter is required.".to_owned(),
            ));
        }
        if errors.is_empty() {
            return Ok(());
        }
        let names: Vec<&str> = accepted.iter().map(|parameter| parameter.name).collect();
        let accepted = if names.is_empty() {
            "No parameter is accepted here.".to_owned()
        } else {
            format!("Accepted are {}.", names.join(", "))
        };
        let detail = format!("Some parameters of the query are wrong: see `errors`. {accepted}");
        Err(Problem::new(Kind::Malformed, "invalid_parameters", detail).with_errors(errors))
    }

    /// A parameter.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// Every value of a name, for a form in which it may come more than once.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// Names and values, in their order.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Those that have a value.
    #[must_use]
    pub fn without_empty(self) -> Query {
        Query(
            self.0
                .into_iter()
                .filter(|(_, value)| !value.is_empty())
                .collect(),
        )
    }

    /// All but some of them.
    #[must_use]
    pub fn without(&self, names: &[&str]) -> Query {
        Query(
            self.0
                .iter()
                .filter(|(name, _)| !names.contains(&name.as_str()))
                .cloned()
                .collect(),
        )
    }

    /// Adds a parameter.
    pub fn push(&mut self, name: &str, value: &str) {
        self.0.push((name.to_owned(), value.to_owned()));
    }

    /// As in a URL.
    #[must_use]
    pub fn encoded(&self) -> String {
        let pairs: Vec<String> = self
            .0
            .iter()
            .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
            .collect();
        pairs.join("&")
    }

    /// As in a URL, in an order that does not depend on how they came.
    #[must_use]
    pub fn sorted(&self) -> String {
        let mut sorted = self.clone();
        sorted.0.sort();
        sorted.encoded()
    }
}

fn decoded(text: &str) -> Result<String, Problem> {
    let malformed = || {
        Problem::new(
            Kind::Malformed,
            "malformed_query",
            "The query of the URL is not percent-encoded UTF-8.",
        )
    };
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let high = rest.next().and_then(nibble).ok_or_else(malformed)?;
                let low = rest.next().and_then(nibble).ok_or_else(malformed)?;
                bytes.push(high << 4 | low);
            }
            plain => bytes.push(plain),
        }
    }
    String::from_utf8(bytes).map_err(|_| malformed())
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::registry::ParameterKind;
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let mut query = Query::default();
        query.push("identifier", "urn:oid:1.2|ÄB 7+&=%");
        query.push("q", "");
        assert_eq!(
            query.encoded(),
            "identifier=urn%3Aoid%3A1.2%7C%C3%84B%207%2B%26%3D%25&q="
        );
        assert_eq!(Query::read(&query.encoded()), Ok(query));
    }

    #[test]
    fn what_is_not_percent_encoded_utf8_is_refused() {
        for text in ["q=%FF", "q=%4", "q=%zz", "%C3=1"] {
            assert_eq!(
                Query::read(text).unwrap_err().kind,
                Kind::Malformed,
                "{text}"
            );
        }
    }

    #[test]
    fn everything_wrong_is_told_at_once_with_what_is_accepted() {
        let accepted = [
            Parameter::new("limit", ParameterKind::Integer { min: 1, max: 500 }, ""),
            Parameter::new("site", ParameterKind::Text, "").repeated(),
            Parameter::new("side", ParameterKind::Choice(&["left", "right"]), "").required(),
        ];
        let problem = Query::read("limit=0&colour=red&limit=2&x&site=A&site=B&site=")
            .unwrap()
            .check(&accepted)
            .unwrap_err();
        let errors: Vec<(&str, &str)> = problem
            .errors
            .iter()
            .map(|error| (error.pointer.as_str(), error.code))
            .collect();
        let expected = [
            ("?limit", "invalid_parameter"),
            ("?colour", "unknown_parameter"),
            ("?limit", "repeated_parameter"),
            ("?x", "unknown_parameter"),
            ("?site", "invalid_parameter"),
            ("?side", "required"),
        ];
        assert_eq!(errors, expected);
        assert!(problem.detail.ends_with("Accepted are limit, site, side."));
    }
}
