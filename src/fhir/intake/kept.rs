//! What was sent against what is given back: all of it, or it is refused.

use super::element::wrong;
use crate::app::FieldError;
use chrono::DateTime;
use serde_json::{Map, Value};

/// Adds an error for everything in `sent` that `given` does not say; `translated` are the places of codes that are kept
/// as another code with the same meaning.
pub(in crate::fhir) fn compare(
    sent: &Map<String, Value>,
    given: &Map<String, Value>,
    translated: &[String],
    errors: &mut Vec<FieldError>,
) {
    let mut comparison = Comparison { translated, errors };
    for (name, value) in sent {
        if matches!(name.as_str(), "id" | "meta") {
            continue;
        }
        comparison.member(name, value, given, &format!("/{name}"));
    }
}

/// Adds an error for every profile that `sent` claims and `given` does not.
pub(in crate::fhir) fn profiles(
    sent: &Map<String, Value>,
    given: &Map<String, Value>,
    errors: &mut Vec<FieldError>,
) {
    fn claimed(resource: &Map<String, Value>) -> Vec<&str> {
        let profiles = resource.get("meta").and_then(|meta| meta.get("profile"));
        let list = profiles.and_then(Value::as_array);
        list.into_iter()
            .flatten()
            .map(|one| one.as_str().unwrap_or_default())
            .map(|url| url.split('|').next().unwrap_or_default())
            .collect()
    }
    let known = claimed(given);
    for (place, _) in claimed(sent)
        .iter()
        .enumerate()
        .filter(|(_, url)| !known.contains(url))
    {
        let detail = if known.is_empty() {
            "These resources claim no profile.".to_owned()
        } else {
            format!("These resources claim {}.", known.join(", "))
        };
        wrong(
            errors,
            format!("/meta/profile/{place}"),
            "unknown_value",
            detail,
        );
    }
}

struct Comparison<'c> {
    translated: &'c [String],
    errors: &'c mut Vec<FieldError>,
}

impl Comparison<'_> {
    fn member(&mut self, name: &str, sent: &Value, given: &Map<String, Value>, at: &str) {
        // Given names are one text, of which each word is given back by itself.
        let same_names = |given: &Value| name == "given" && words(sent) == words(given);
        match given.get(name) {
            Some(given) if same_names(given) => {}
            Some(given) => self.value(sent, given, at),
            None => self.lost(at),
        }
    }

    fn lost(&mut self, at: &str) {
        let detail = "This cannot be kept as it was sent, and would be lost.";
        wrong(self.errors, at, "not_kept", detail);
    }

    fn value(&mut self, sent: &Value, given: &Value, at: &str) {
        if self.translated.iter().any(|known| known == at) {
            return;
        }
        match (sent, given) {
            (Value::Object(sent), Value::Object(given)) => self.object(sent, given, at),
            (Value::Array(sent), Value::Array(given)) => self.array(sent, given, at),
            _ if says_the_same(sent, given) => {}
            _ => self.lost(at),
        }
    }

    fn object(&mut self, sent: &Map<String, Value>, given: &Map<String, Value>, at: &str) {
        // The words for a code, a unit or what is referred to are not what is recorded: ours are given back.
        let coded = sent.contains_key("code") && sent.contains_key("system");
        let refers = sent.contains_key("reference");
        for (name, value) in sent {
            let words = (coded && matches!(name.as_str(), "display" | "unit"))
                || (refers && matches!(name.as_str(), "display" | "type"));
            if !words {
                self.member(name, value, given, &format!("{at}/{name}"));
            }
        }
    }

    /// Each one that was sent is one of those given back, in whatever order.
    fn array(&mut self, sent: &[Value], given: &[Value], at: &str) {
        let mut rest: Vec<&Value> = given.iter().collect();
        for (place, one) in sent.iter().enumerate() {
            let at = format!("{at}/{place}");
            if self.translated.contains(&at) {
                continue;
            }
            let found = rest.iter().position(|other| self.holds(one, other, &at));
            match (found, rest.as_slice()) {
                (Some(found), _) => {
                    rest.remove(found);
                }
                (None, [other]) if sent.len() == 1 => self.value(one, other, &at),
                (None, _) => self.lost(&at),
            }
        }
    }

    fn holds(&self, sent: &Value, given: &Value, at: &str) -> bool {
        let mut errors = Vec::new();
        let mut trial = Comparison {
            translated: self.translated,
            errors: &mut errors,
        };
        trial.value(sent, given, at);
        errors.is_empty()
    }
}

/// Whether two plain values are the same number, instant or text.
fn says_the_same(sent: &Value, given: &Value) -> bool {
    match (sent, given) {
        (Value::Number(sent), Value::Number(given)) => plain(sent) == plain(given),
        (Value::String(sent), Value::String(given)) => {
            let instants = DateTime::parse_from_rfc3339(sent)
                .ok()
                .zip(DateTime::parse_from_rfc3339(given).ok());
            match instants {
                Some((sent, given)) => sent == given && sent.offset() == given.offset(),
                None => sent.trim() == given.trim(),
            }
        }
        (sent, given) => sent == given,
    }
}

/// The words of a list of texts.
fn words(texts: &Value) -> Vec<&str> {
    let list = texts.as_array().into_iter().flatten();
    list.filter_map(Value::as_str)
        .flat_map(str::split_whitespace)
        .collect()
}

/// A number without zeros that say nothing.
fn plain(number: &serde_json::Number) -> String {
    let text = number.to_string();
    if text.contains('.') && !text.contains(['e', 'E']) {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn lost(sent: &Value, given: &Value) -> Vec<String> {
        let mut errors = Vec::new();
        compare(
            sent.as_object().unwrap(),
            given.as_object().unwrap(),
            &["/translated".to_owned()],
            &mut errors,
        );
        errors.into_iter().map(|error| error.pointer).collect()
    }

    #[test]
    fn the_same_in_other_words_is_kept() {
        let sent = json!({
            "id": "mine", "value": 7.0, "at": "2025-09-08T09:00:00.000-05:00",
            "code": {"coding": [{"system": "b", "code": "2", "display": "any"}]},
            "subject": {"reference": "Patient/1", "type": "Patient"},
        });
        let given = json!({
            "id": "ours", "value": 7, "at": "2025-09-08T09:00:00-05:00", "more": true,
            "code": {"coding": [{"system": "a", "code": "1"}, {"system": "b", "code": "2"}]},
            "subject": {"reference": "Patient/1"},
        });
        assert_eq!(lost(&sent, &given), Vec::<String>::new());
    }

    #[test]
    fn what_would_be_lost_is_named() {
        let sent = json!({
            "translated": "not given back", "text": "words", "at": "2025-09-08T14:00:00Z",
            "code": {"text": "mine", "coding": [{"system": "b", "code": "2"}, {"system": "c", "code": "3"}]},
            "list": [{"a": 1}, {"a": 2}],
        });
        let given = json!({
            "translated": "as this", "at": "2025-09-08T09:00:00-05:00",
            "code": {"text": "ours", "coding": [{"system": "b", "code": "2"}]},
            "list": [{"a": 1}, {"a": 1}],
        });
        let mut found = lost(&sent, &given);
        found.sort();
        assert_eq!(
            found,
            ["/at", "/code/coding/1", "/code/text", "/list/1", "/text"]
        );
    }
}
