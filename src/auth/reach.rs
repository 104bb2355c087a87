//! How far the scopes of a token reach: all resources of a type, none, or those that a filter lets through.

use std::fmt;
use uuid::Uuid;

/// Resource types that a scope can narrow by category: those of ours that have one.
const WITH_CATEGORY: [&str; 2] = ["Observation", "Condition"];

/// The search parameter that a scope can narrow by.
const CATEGORY: &str = "category";

/// The filter of a scope, as `?category=survey`: parameters of a FHIR search, all of which a resource must match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScopeFilter(Vec<String>);

impl ScopeFilter {
    /// Reads what stands behind the question mark, for a scope on this type of resource. `None` when it asks for
    /// anything but categories: dropping it would widen the scope.
    pub(super) fn parse(resource: &str, text: &str) -> Option<ScopeFilter> {
        if !WITH_CATEGORY.contains(&resource) {
            return None;
        }
        let values: Option<Vec<String>> = text
            .split('&')
            .map(|part| {
                let (name, value) = part.split_once('=')?;
                let value = decoded(value)?;
                (name == CATEGORY && !value.is_empty()).then_some(value)
            })
            .collect();
        values.map(ScopeFilter)
    }

    /// Whether it lets everything through.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.0.is_empty()
    }

    /// Names and values of the search parameters, decoded. Commas within a value stand for “or”.
    pub fn parameters(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|value| (CATEGORY, value.as_str()))
    }

    /// What passes both.
    pub(super) fn and(&self, other: &ScopeFilter) -> ScopeFilter {
        let mut both = self.clone();
        for value in &other.0 {
            if !both.0.contains(value) {
                both.0.push(value.clone());
            }
        }
        both
    }
}

impl fmt::Display for ScopeFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = '?';
        for (name, value) in self.parameters() {
            write!(f, "{separator}{name}={}", encoded(value))?;
            separator = '&';
        }
        Ok(())
    }
}

/// Part of what a token reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// Only what is recorded about this patient; `None`: about anybody.
    pub patient: Option<Uuid>,
    /// Only what matches this filter.
    pub filter: ScopeFilter,
}

impl Share {
    fn is_whole(&self) -> bool {
        self.patient.is_none() && self.filter.is_open()
    }
}

/// What of a resource type a token reaches by its scopes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// Nothing of it.
    Nothing,
    /// What lies in one of these shares.
    Within(Vec<Share>),
    /// All that the role may.
    All,
}

impl Reach {
    pub(super) fn of(shares: Vec<Share>) -> Reach {
        if shares.is_empty() {
            return Reach::Nothing;
        }
        if shares.iter().any(Share::is_whole) {
            return Reach::All;
        }
        Reach::Within(shares)
    }
}

/// Percent-decodes; `None` when it cannot be.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let (high, low) = (rest.next()?, rest.next()?);
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let value = digit(high)? * 16 + digit(low)?;
        bytes.push(u8::try_from(value).ok()?);
    }
    String::from_utf8(bytes).ok()
}

/// Percent-encodes what would end the value or the scope.
fn encoded(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    for byte in text.bytes() {
        let plain =
            byte.is_ascii_graphic() && !matches!(byte, b'%' | b'&' | b'"' | b'\\' | b'+' | b'#');
        if plain {
            written.push(char::from(byte));
        } else {
            written.push_str(&format!("%{byte:02X}"));
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<ScopeFilter> {
        ScopeFilter::parse("Observation", text)
    }

    #[test]
    fn a_filter_by_category_is_read_and_written_alike() {
        let text = "category=http://terminology.hl7.org/CodeSystem/observation-category|survey&category=a,b";
        let filter = read(text).unwrap();
        assert_eq!(filter.to_string(), format!("?{text}"));
        let parameters: Vec<_> = filter.parameters().collect();
        assert_eq!(parameters[1], ("category", "a,b"));
        assert_eq!(
            read("category=a%26b%20c").unwrap().to_string(),
            "?category=a%26b%20c"
        );
    }

    #[test]
    fn what_cannot_be_applied_is_not_read() {
        for odd in [
            "",
            "category",
            "category=",
            "code=1",
            "category=a&code=1",
            "category:not=a",
            "category=%",
            "category=%zz",
            "category=%ff",
            "&category=a",
        ] {
            assert_eq!(read(odd), None, "{odd}");
        }
        assert_eq!(ScopeFilter::parse("Patient", "category=a"), None);
        assert_eq!(ScopeFilter::parse("*", "category=a"), None);
    }
}
