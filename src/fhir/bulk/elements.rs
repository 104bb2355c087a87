//! The names of elements that are asked for.

use crate::fhir::resource::ResourceType;

/// Whether a text names an element at the root of a resource: `birthDate`, or `Patient.birthDate`.
pub(super) fn is_one(text: &str) -> bool {
    let (kind, element) = match text.split_once('.') {
        Some((kind, element)) => (ResourceType::from_code(kind).is_some(), element),
        None => (true, text),
    };
    kind && element.starts_with(|first: char| first.is_ascii_lowercase())
        && element.chars().all(|one| one.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_elements_at_the_root_are_named() {
        for good in ["id", "Patient.birthDate"] {
            assert!(is_one(good), "{good}");
        }
        for bad in [
            "",
            "Patient",
            "Patient.name.family",
            "Encounter.id",
            "a b",
            "Patient.",
        ] {
            assert!(!is_one(bad), "{bad}");
        }
    }
}
