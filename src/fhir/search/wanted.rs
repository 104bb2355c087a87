//! One value that is searched for, and whether a value of a resource is that.

use super::date::{Lasting, Prefix, WantedTime};
use super::parameters::{SearchParameter, SearchType};
use crate::fhir::resource::ResourceType;
use chrono::{DateTime, Utc};
use serde_json::Value;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// A value that is searched for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// A code or an identifier.
    Token(Token),
    /// A resource.
    Reference(Target),
    /// What refers to something by an identifier.
    ReferenceBy(Token),
    /// A time.
    Time(WantedTime),
    /// Words, folded unless they are compared exactly.
    Text(Words, String),
    /// A number with a unit.
    Quantity(Amount),
    /// An address.
    Uri(String),
}

/// How words are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Words {
    /// What begins so, in whatever case and with whatever accents.
    Begin,
    /// What holds them anywhere.
    Contain,
    /// What is just so.
    Exact,
}

/// A code or an identifier: `code`, `system|code`, `|code` and `system|`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    /// Its system; empty for none, absent for any.
    pub(super) system: Option<String>,
    /// The code; absent for any of the system.
    pub(super) code: Option<String>,
}

/// A resource that is referred to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// Its type, where that is said.
    pub(super) kind: Option<ResourceType>,
    /// Its id, or the whole of what is no reference to one of ours.
    pub(super) id: String,
}

/// A number that is searched for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Amount {
    prefix: Prefix,
    /// Millionths.
    value: i64,
    /// Half of its last digit, in millionths.
    half: i64,
    system: Option<String>,
    unit: Option<String>,
}

/// Cuts a text at each `separator` that has no backslash before it; the backslashes stay.
pub(super) fn cut(text: &str, separator: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut escaped) = (0, false);
    for (place, letter) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if letter == '\\' {
            escaped = true;
        } else if letter == separator {
            parts.extend(text.get(start..place));
            start = place + letter.len_utf8();
        }
    }
    parts.extend(text.get(start..));
    parts
}

/// A text without the backslashes that keep the next letter from being read.
pub(super) fn unescaped(text: &str) -> String {
    let mut letters = text.chars();
    let mut plain = String::with_capacity(text.len());
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => plain.extend(letters.next()),
            other => plain.push(other),
        }
    }
    plain
}

/// A text without case and accents.
pub(super) fn folded(text: &str) -> String {
    text.nfkd()
        .filter(|letter| !is_combining_mark(*letter))
        .flat_map(char::to_lowercase)
        .collect()
}

impl Token {
    /// Reads one, its letters still escaped.
    pub(super) fn read(text: &str) -> Option<Token> {
        let parts = cut(text, '|');
        let mut parts = parts.iter().map(|part| unescaped(part));
        let (first, second) = (parts.next()?, parts.next());
        if parts.next().is_some() {
            return None;
        }
        let (system, code) = match second {
            None => (None, first),
            Some(code) => (Some(first), code),
        };
        let code = Some(code).filter(|code| !code.is_empty());
        if code.is_none() && system.as_ref().is_none_or(String::is_empty) {
            return None;
        }
        Some(Token { system, code })
    }

    /// Whether it is this code of this system; empty for no system.
    pub(super) fn is(&self, system: &str, code: &str) -> bool {
        self.code.as_ref().is_none_or(|wanted| wanted == code)
            && self.system.as_ref().is_none_or(|wanted| wanted == system)
    }

    fn is_at(&self, value: &Value, own: Option<&str>) -> bool {
        match value {
            Value::Object(fields) => {
                let text = |name: &str| fields.get(name).and_then(Value::as_str);
                if let Some(codings) = fields.get("coding").and_then(Value::as_array) {
                    return codings.iter().any(|one| self.is_at(one, own));
                }
                let code = text("code").or_else(|| text("value"));
                code.is_some_and(|code| self.is(text("system").unwrap_or_default(), code))
            }
            Value::String(code) => self.is_plain(code, own),
            Value::Bool(flag) => self.is_plain(if *flag { "true" } else { "false" }, own),
            Value::Null | Value::Number(_) | Value::Array(_) => false,
        }
    }

    /// A code that stands without its system may be asked for with it and without.
    fn is_plain(&self, code: &str, own: Option<&str>) -> bool {
        let fits = self.code.as_ref().is_none_or(|wanted| wanted == code);
        let system = self.system.as_deref();
        fits && system.is_none_or(|wanted| wanted.is_empty() || Some(wanted) == own)
    }
}

impl Target {
    /// Reads `id`, `Type/id` or an address below `base`; a version in it is left aside.
    pub(super) fn read(text: &str, base: &str) -> Target {
        let text = unescaped(text);
        let local = text
            .strip_prefix(base)
            .and_then(|rest| rest.strip_prefix('/'))
            .unwrap_or(&text);
        let (kind, id) = match local.split_once('/') {
            None => (None, local),
            Some((kind, rest)) => {
                let id = rest.split_once("/_history/").map_or(rest, |(id, _)| id);
                match ResourceType::from_code(kind) {
                    Some(kind) => (Some(kind), id),
                    None => (None, local),
                }
            }
        };
        Target {
            kind,
            id: id.to_owned(),
        }
    }

    /// Whether it is this resource.
    pub(super) fn is(&self, kind: ResourceType, id: &str) -> bool {
        self.id == id && self.kind.is_none_or(|wanted| wanted == kind)
    }

    fn is_at(&self, value: &Value) -> bool {
        let Some(reference) = value.get("reference").and_then(Value::as_str) else {
            return false;
        };
        let known = reference.split_once('/');
        known.is_some_and(|(kind, id)| {
            self.id == id && self.kind.is_none_or(|wanted| wanted.code() == kind)
        })
    }
}

/// Millionths of a decimal number, and half a unit of its last digit in millionths.
fn decimal(text: &str) -> Option<(i64, i64)> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !are_digits(whole) || !are_digits(fraction) || fraction.len() > 5 {
        return None;
    }
    if digits.ends_with('.') {
        return None;
    }
    let places = u32::try_from(fraction.len()).ok()?;
    let unit = 10_i64.checked_pow(6 - places)?;
    let number: i64 = format!("{whole}{fraction}").parse().ok()?;
    let value = number.checked_mul(unit)?.checked_mul(sign)?;
    Some((value, unit / 2))
}

/// A decimal number in millionths.
pub(super) fn millionths(text: &str) -> Option<i64> {
    decimal(text).map(|(value, _)| value)
}

impl Amount {
    /// Reads `ge3.5`, `3.5||%` or `3.5|http://unitsofmeasure.org|%`.
    pub(super) fn read(text: &str) -> Option<Amount> {
        let (prefix, text) = Prefix::split(text);
        let parts = cut(text, '|');
        let (number, system, unit) = match parts.as_slice() {
            [number] => (number, None, None),
            [number, system, unit] => {
                let given = |text: &str| Some(unescaped(text)).filter(|text| !text.is_empty());
                (number, given(system), given(unit))
            }
            _ => return None,
        };
        let (value, half) = decimal(number)?;
        Some(Amount {
            prefix,
            value,
            half,
            system,
            unit,
        })
    }

    fn is_at(&self, value: &Value) -> bool {
        let text = |name: &str| value.get(name).and_then(Value::as_str);
        let fits = |wanted: &Option<String>, names: &[&str]| match wanted {
            None => true,
            Some(wanted) => names.iter().any(|name| text(name) == Some(wanted)),
        };
        let number = value.get("value").filter(|number| number.is_number());
        let Some((number, _)) = number.and_then(|number| decimal(&number.to_string())) else {
            return false;
        };
        // A number stands for all that is rounded to it, a number of a resource for itself.
        let wanted = match self.prefix {
            Prefix::Equal | Prefix::Other => {
                (self.value - self.half, self.value + (self.half - 1).max(0))
            }
            _ => (self.value, self.value),
        };
        let near = (self.value / 10).abs();
        fits(&self.system, &["system"])
            && fits(&self.unit, &["code", "unit"])
            && self.prefix.compares((number, number), wanted, near)
    }
}

impl Wanted {
    /// Whether a value of a resource is what is searched for.
    pub(super) fn is_at(&self, parameter: &SearchParameter, value: &Value) -> bool {
        match self {
            Wanted::Token(token) => token.is_at(value, parameter.system),
            Wanted::Reference(target) => target.is_at(value),
            Wanted::ReferenceBy(token) => value
                .get("identifier")
                .is_some_and(|identifier| token.is_at(identifier, None)),
            Wanted::Time(time) => Lasting::of(value).is_some_and(|value| time.fits(value)),
            Wanted::Text(how, wanted) => is_said(*how, wanted, value),
            Wanted::Quantity(amount) => amount.is_at(value),
            Wanted::Uri(wanted) => value.as_str().is_some_and(|known| {
                // An address that is asked for without its version is one of any version.
                let plain = known.split('|').next().unwrap_or(known);
                known == wanted || plain == wanted
            }),
        }
    }

    /// Reads a value as `kind` has it; what is accepted where it is none.
    pub(super) fn read(
        kind: SearchType,
        text: &str,
        base: &str,
        now: DateTime<Utc>,
    ) -> Result<Wanted, &'static str> {
        match kind {
            SearchType::Token => Token::read(text)
                .map(Wanted::Token)
                .ok_or("Expected a code, or system|code, |code or system|."),
            SearchType::Reference => Ok(Wanted::Reference(Target::read(text, base))),
            SearchType::Date => WantedTime::read(text, now).map(Wanted::Time).ok_or(
                "Expected a date as 2025, 2025-09, 2025-09-08 or 2025-09-08T09:00:00Z, perhaps after eq, ne, gt, lt, ge, le, sa, eb or ap.",
            ),
            SearchType::Text => Ok(Wanted::Text(Words::Begin, folded(&unescaped(text)))),
            SearchType::Quantity => Amount::read(text).map(Wanted::Quantity).ok_or(
                "Expected a number as 3.5 or 3.5|system|unit, perhaps after eq, ne, gt, lt, ge, le, sa, eb or ap.",
            ),
            SearchType::Uri => Ok(Wanted::Uri(unescaped(text))),
        }
    }
}

/// Whether a text, or any text of a name, says `wanted`.
fn is_said(how: Words, wanted: &str, value: &Value) -> bool {
    match value {
        Value::String(text) => match how {
            Words::Begin => folded(text).starts_with(wanted),
            Words::Contain => folded(text).contains(wanted),
            Words::Exact => text == wanted,
        },
        Value::Array(values) => values.iter().any(|one| is_said(how, wanted, one)),
        Value::Object(fields) => ["text", "family", "given", "prefix", "suffix"]
            .iter()
            .filter_map(|name| fields.get(*name))
            .any(|one| is_said(how, wanted, one)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fhir::search::parameters::named;
    use serde_json::json;

    fn is(kind: ResourceType, name: &str, wanted: &str, value: &Value) -> bool {
        let parameter = named(kind, name).unwrap();
        let base = "https://here.example/fhir/R4";
        let wanted = Wanted::read(parameter.kind, wanted, base, DateTime::UNIX_EPOCH).unwrap();
        wanted.is_at(parameter, value)
    }

    #[test]
    fn a_token_has_its_forms() {
        let concept = json!({"coding": [{"system": "urn:s", "code": "a,b|c"}, {"code": "bare"}]});
        for yes in ["a\\,b\\|c", "urn:s|a\\,b\\|c", "urn:s|", "bare", "|bare"] {
            assert!(
                is(ResourceType::Observation, "code", yes, &concept),
                "{yes}"
            );
        }
        for no in ["a", "urn:t|bare", "|a\\,b\\|c", "urn:t|"] {
            assert!(!is(ResourceType::Observation, "code", no, &concept), "{no}");
        }
        for text in ["", "|", "a|b|c"] {
            assert_eq!(Token::read(text), None, "{text}");
        }
        let gender = json!("female");
        for yes in ["female", "http://hl7.org/fhir/administrative-gender|female"] {
            assert!(is(ResourceType::Patient, "gender", yes, &gender), "{yes}");
        }
        assert!(!is(
            ResourceType::Patient,
            "gender",
            "urn:s|female",
            &gender
        ));
        assert!(is(ResourceType::Group, "actual", "true", &json!(true)));
    }

    #[test]
    fn a_reference_has_its_forms() {
        let procedure = json!({"reference": "Procedure/1"});
        for yes in [
            "1",
            "Procedure/1",
            "https://here.example/fhir/R4/Procedure/1",
            "Procedure/1/_history/2",
        ] {
            assert!(
                is(ResourceType::Observation, "part-of", yes, &procedure),
                "{yes}"
            );
        }
        for no in [
            "2",
            "Condition/1",
            "https://elsewhere.example/fhir/R4/Procedure/1",
            "Nonsense/1",
        ] {
            assert!(
                !is(ResourceType::Observation, "part-of", no, &procedure),
                "{no}"
            );
        }
    }

    #[test]
    fn words_begin_without_case_and_accents() {
        let name = json!({"family": "Müller-Ost", "given": ["Änne", "Kim"]});
        for yes in ["mull", "MÜLLER", "anne", "ki"] {
            assert!(is(ResourceType::Patient, "name", yes, &name), "{yes}");
        }
        assert!(!is(ResourceType::Patient, "name", "ost", &name));
        assert!(is_said(Words::Contain, "ost", &name));
        assert!(is_said(Words::Exact, "Kim", &name));
        assert!(!is_said(Words::Exact, "kim", &name));
    }

    #[test]
    fn a_quantity_is_rounded_as_it_is_written() {
        let score = json!({"value": 3.5, "unit": "{score}", "system": "http://unitsofmeasure.org", "code": "{score}"});
        for yes in [
            "3.5",
            "4",
            "gt3",
            "le3.5",
            "3.5||{score}",
            "3.5|http://unitsofmeasure.org|{score}",
            "ap3.6",
            "ne3",
        ] {
            assert!(
                is(ResourceType::Observation, "value-quantity", yes, &score),
                "{yes}"
            );
        }
        for no in ["3", "3.6", "gt3.5", "lt3.5", "3.5||%", "sa3.5", "ap7"] {
            assert!(
                !is(ResourceType::Observation, "value-quantity", no, &score),
                "{no}"
            );
        }
        for text in ["", "x", "3.", "1|2", "--1", "99999999999999999999"] {
            assert_eq!(Amount::read(text), None, "{text}");
        }
    }
}
