//! `_typeFilter`: searches of which a resource of their type has to meet one.

use super::parameters::{Fault, Given};
use crate::app::{Error, Result};
use crate::fhir::resource::{Resource, ResourceType};
use crate::fhir::search::{Conditions, Reading};
use crate::http::query::Query;
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;

/// The searches of an export, by the types that they are about.
#[derive(Debug, Default)]
pub(super) struct Filters(BTreeMap<ResourceType, Vec<Conditions>>);

/// The searches in a value. Version 2 of the guide separates them by commas, which stand for "or" within a search: one that
/// separates has a type and a question mark behind it.
pub(super) fn separated(value: &str) -> Vec<&str> {
    let begins: Vec<usize> = value
        .match_indices(',')
        .map(|(place, _)| place + 1)
        .filter(|begin| value.get(*begin..).is_some_and(names_a_type))
        .collect();
    let mut all = Vec::new();
    let mut from = 0;
    for begin in begins {
        all.extend(value.get(from..begin - 1));
        from = begin;
    }
    all.extend(value.get(from..));
    all.retain(|one| !one.is_empty());
    all
}

fn names_a_type(text: &str) -> bool {
    text.split_once('?').is_some_and(|(name, _)| {
        name.starts_with(|first: char| first.is_ascii_uppercase())
            && name.chars().all(|one| one.is_ascii_alphanumeric())
    })
}

/// Reads one search, `Observation?status=final`. `base` is where the client reaches FHIR.
fn conditions(
    text: &str,
    base: &str,
    now: DateTime<Utc>,
) -> std::result::Result<Conditions, Vec<String>> {
    let one = |words: String| vec![words];
    let Some((name, query)) = text.split_once('?') else {
        return Err(one(format!(
            "{text} is no search as Observation?status=final."
        )));
    };
    let Some(kind) = ResourceType::from_code(name) else {
        return Err(one(format!(
            "{name} is no type of resource that there is here."
        )));
    };
    let query = Query::read(query).map_err(|problem| one(problem.detail))?;
    // How an answer is to look, what comes along with it, and what is asked of other resources has no place here.
    let how = Reading {
        base,
        now,
        strict: true,
        linked: false,
    };
    Conditions::read(kind, &query, &how).map_err(|errors| {
        let words = errors
            .into_iter()
            .map(|error| format!("{name}{}: {}", error.pointer, error.detail));
        words.collect()
    })
}

/// What is wrong with the search `text` of a parameter.
pub(super) fn faults(given: &Given, text: &str, base: &str, now: DateTime<Utc>) -> Vec<Fault> {
    match conditions(text, base, now) {
        Ok(_) => Vec::new(),
        Err(words) => words
            .into_iter()
            .map(|words| Fault::unsupported(given, words))
            .collect(),
    }
}

impl Filters {
    /// The searches that were asked for.
    ///
    /// # Errors
    /// An internal one when one of them cannot be read any more.
    pub(super) fn of(texts: &[String], base: &str, now: DateTime<Utc>) -> Result<Filters> {
        let mut filters = Filters::default();
        for text in texts {
            let read = conditions(text, base, now);
            let read = read.map_err(|words| Error::internal(words.join(" ")))?;
            filters.0.entry(read.kind()).or_default().push(read);
        }
        Ok(filters)
    }

    /// Whether a resource meets one of the searches of its type, or there is none.
    pub(super) fn hold(&self, resource: &Resource) -> bool {
        let of_type = self.0.get(&resource.kind);
        of_type.is_none_or(|searches| searches.iter().any(|one| one.hold(resource)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comma_separates_where_a_type_is_behind_it() {
        assert_eq!(
            separated("Observation?status=final,amended,Task?code=a,Patient?_id=1"),
            [
                "Observation?status=final,amended",
                "Task?code=a",
                "Patient?_id=1"
            ]
        );
        assert_eq!(separated("Task?code=Aa,B"), ["Task?code=Aa,B"]);
        assert_eq!(separated(""), Vec::<&str>::new());
    }

    #[test]
    fn a_search_is_of_one_type_and_about_its_resources_alone() {
        let read = |text: &str| conditions(text, "https://m.test/fhir/R4", DateTime::UNIX_EPOCH);
        assert!(read("Observation?status=final&category=survey%2Cprocedure").is_ok());
        for bad in [
            "status=final",
            "Encounter?status=final",
            "Observation",
            "Observation?_sort=date",
            "Observation?_include=Observation:subject",
            "Observation?colour=red",
            "Observation?patient.identifier=1",
            "Observation?status=%FF",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
