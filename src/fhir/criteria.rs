//! The searches that a change depends on: `If-None-Exist`, an address with a search, a reference by a search. Nothing of
//! them is passed over, for then something else would be meant.

use super::ids::record_id;
use super::resource::{Resource, ResourceType};
use super::source;
use crate::app::{Error, Result, Unit, patients};
use crate::domain::patient::Identifier;
use crate::http::query::Query;
use chrono::DateTime;
use serde_json::Value;
use uuid::Uuid;

/// A condition that a resource meets by itself.
struct Condition<'q> {
    /// Where what it is about stands, as JSON pointers; `*` is each one of a list.
    places: &'static [&'static str],
    wanted: Wanted<'q>,
}

enum Wanted<'q> {
    /// A code, with its system where that is said.
    Token(Option<&'q str>, &'q str),
    /// A record.
    Reference(&'q str),
    /// An instant or a day.
    Date(String),
}

/// Where a parameter looks.
fn places(kind: ResourceType, name: &str) -> Option<&'static [&'static str]> {
    use ResourceType::{
        AdverseEvent, Condition, MedicationAdministration, Observation, Patient, Procedure,
    };
    Some(match (kind, name) {
        (_, "_id") => &["/id"],
        (Patient, "identifier") => &["/identifier/*"],
        (Patient, _) => return None,
        (_, "patient" | "subject") => &["/subject"],
        (Condition | Procedure | Observation, "code") => &["/code/coding/*"],
        (MedicationAdministration, "code") => &["/medicationCodeableConcept/coding/*"],
        (AdverseEvent, "event") => &["/event/coding/*"],
        (Procedure | Observation | MedicationAdministration, "status") => &["/status"],
        (Condition | Observation, "category") => &["/category/*/coding/*"],
        (Procedure, "date") => &["/performedDateTime", "/performedPeriod/start"],
        (Observation, "date") => &["/effectiveDateTime"],
        (MedicationAdministration, "effective-time") => &["/effectiveDateTime"],
        (AdverseEvent, "date") => &["/date"],
        (Condition, "onset-date") => &["/onsetDateTime"],
        (Observation, "part-of") => &["/partOf/*"],
        (Observation, "focus") => &["/focus/*"],
        _ => return None,
    })
}

fn malformed(detail: impl Into<String>) -> Error {
    Error::Malformed {
        code: "invalid_condition",
        detail: detail.into(),
    }
}

/// What meets every condition of a search: `cap` of them at most.
///
/// # Errors
/// [`Error::Malformed`] for a search that is not understood or names nothing in particular; those of the use cases.
pub(super) fn matches(
    unit: &mut Unit<'_, '_>,
    kind: ResourceType,
    query: &str,
    cap: usize,
) -> Result<Vec<Resource>> {
    let query = Query::read(query).map_err(|problem| malformed(problem.detail))?;
    let mut conditions = Vec::new();
    for (name, value) in query.pairs() {
        conditions.push(condition(kind, name, value)?);
    }
    let mut found = candidates(unit, kind, &query)?;
    found.retain(|resource| conditions.iter().all(|one| one.is_met(resource)));
    found.truncate(cap);
    Ok(found)
}

fn condition<'q>(kind: ResourceType, name: &str, value: &'q str) -> Result<Condition<'q>> {
    let places = places(kind, name).ok_or_else(|| {
        malformed(format!(
            "{name}: a change to a {} cannot depend on this.",
            kind.code()
        ))
    })?;
    let wanted = match name {
        "patient" | "subject" | "part-of" | "focus" => Wanted::Reference(value),
        // A plus sign that was not encoded is read as a space.
        "date" | "effective-time" | "onset-date" => Wanted::Date(value.replace(' ', "+")),
        _ => match value.split_once('|') {
            Some((system, code)) => Wanted::Token(Some(system), code),
            None => Wanted::Token(None, value),
        },
    };
    Ok(Condition { places, wanted })
}

/// What may meet the conditions, by the one that narrows most.
fn candidates(unit: &mut Unit<'_, '_>, kind: ResourceType, query: &Query) -> Result<Vec<Resource>> {
    if let Some(id) = query.get("_id") {
        return Ok(one_if_any(source::one(unit, kind, id))?
            .into_iter()
            .collect());
    }
    if let Some(token) = query.get("identifier") {
        let Some((system, value)) = token
            .split_once('|')
            .filter(|(system, _)| !system.is_empty())
        else {
            return Err(malformed(
                "identifier: say its system as well, as system|value.",
            ));
        };
        let identifier = Identifier {
            system: system.to_owned(),
            value: value.to_owned(),
        };
        let page = patients::page(unit, Some(&identifier), None, 2)?;
        return Ok(page
            .items
            .iter()
            .map(super::out::patient::resource)
            .collect());
    }
    let patient = query.get("patient").or_else(|| query.get("subject"));
    let Some(patient) = patient.and_then(patient_id) else {
        return Err(malformed(
            "Name what it is about: identifier, patient as Patient/id, or _id.",
        ));
    };
    match source::of_patient(unit, kind, patient) {
        Err(Error::NotFound { .. }) => Ok(Vec::new()),
        found => found,
    }
}

fn one_if_any(found: Result<Resource>) -> Result<Option<Resource>> {
    match found {
        Ok(one) => Ok(Some(one)),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(other) => Err(other),
    }
}

fn patient_id(text: &str) -> Option<Uuid> {
    record_id(text.strip_prefix("Patient/").unwrap_or(text))
}

impl Condition<'_> {
    fn is_met(&self, resource: &Resource) -> bool {
        self.places.iter().any(|place| {
            let mut steps = place.split('/').skip(1);
            let first = steps.next().and_then(|name| resource.body.get(name));
            let steps: Vec<&str> = steps.collect();
            first.is_some_and(|value| self.is_met_at(value, &steps))
        })
    }

    fn is_met_at(&self, value: &Value, steps: &[&str]) -> bool {
        match steps.split_first() {
            None => self.wanted.is(value),
            Some((&"*", rest)) => value
                .as_array()
                .is_some_and(|list| list.iter().any(|one| self.is_met_at(one, rest))),
            Some((name, rest)) => value
                .get(*name)
                .is_some_and(|inner| self.is_met_at(inner, rest)),
        }
    }
}

impl Wanted<'_> {
    fn is(&self, value: &Value) -> bool {
        let text = |name: &str| value.get(name).and_then(Value::as_str);
        match self {
            Wanted::Token(system, code) => match value.as_str() {
                Some(plain) => system.is_none_or(str::is_empty) && plain == *code,
                None => {
                    let known = text("code").or_else(|| text("value"));
                    known == Some(code)
                        && system.is_none_or(|system| text("system") == Some(system))
                }
            },
            Wanted::Reference(wanted) => text("reference").is_some_and(|known| {
                known == *wanted || known.split_once('/').is_some_and(|(_, id)| id == *wanted)
            }),
            Wanted::Date(wanted) => value.as_str().is_some_and(|known| same_time(known, wanted)),
        }
    }
}

/// Whether two texts are the same instant or day.
fn same_time(one: &str, other: &str) -> bool {
    let instant = |text: &str| DateTime::parse_from_rfc3339(text).ok();
    match (instant(one), instant(other)) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_the_same_in_another_zone_and_no_day() {
        assert!(same_time(
            "2025-09-08T09:00:00-05:00",
            "2025-09-08T14:00:00Z"
        ));
        assert!(!same_time("2025-09-08T09:00:00-05:00", "2025-09-08"));
        assert!(same_time("2025-09-08", "2025-09-08"));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        assert!(condition(ResourceType::Observation, "code", "a|b").is_ok());
        assert!(condition(ResourceType::Observation, "_lastUpdated", "gt2025").is_err());
    }
}
