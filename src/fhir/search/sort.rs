//! The order of what is found.

use super::date::Lasting;
use super::parameters::{self, PATIENT, SearchParameter, SearchType};
use super::wanted::folded;
use crate::fhir::resource::{Resource, ResourceType};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::cmp::Ordering;

/// A parameter that what is found is ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sort {
    pub(super) parameter: &'static SearchParameter,
    pub(super) descending: bool,
}

/// What a resource is ordered by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Key {
    /// An instant in microseconds, a number in millionths.
    Number(i64),
    /// A text, folded.
    Text(String),
}

/// The keys of a resource with its id, which settles what they leave open.
pub(super) type Place = (Vec<Option<Key>>, String);

impl Sort {
    /// Reads `date` and `-date`.
    pub(super) fn read(kind: ResourceType, text: &str) -> Option<Sort> {
        let (name, descending) = match text.strip_prefix('-') {
            Some(name) => (name, true),
            None => (text, false),
        };
        let parameter = parameters::named(kind, name)?;
        Some(Sort {
            parameter,
            descending,
        })
    }

    pub(super) fn is(&self, name: &str) -> bool {
        self.parameter.name == name
    }

    /// Of several values the first in this order counts.
    fn key(&self, resource: &Resource) -> Option<Key> {
        if self.parameter.places == [PATIENT] {
            return resource
                .patient
                .map(|patient| Key::Text(patient.to_string()));
        }
        let values = self.parameter.values(resource);
        let keys = values
            .into_iter()
            .filter_map(|value| key(self.parameter.kind, value));
        if self.descending {
            keys.max()
        } else {
            keys.min()
        }
    }
}

fn key(kind: SearchType, value: &Value) -> Option<Key> {
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    match kind {
        SearchType::Date => Lasting::of(value).map(|it| Key::Number(it.began())),
        SearchType::Quantity => {
            let number = value.get("value")?.to_string();
            super::wanted::millionths(&number).map(Key::Number)
        }
        SearchType::Token => {
            let first = value.get("coding").and_then(Value::as_array);
            let coded = first.and_then(|codings| codings.first()).unwrap_or(value);
            let code = coded.get("code").or_else(|| coded.get("value"));
            match code.unwrap_or(coded) {
                Value::String(code) => Some(Key::Text(code.clone())),
                Value::Bool(flag) => Some(Key::Number(i64::from(*flag))),
                _ => None,
            }
        }
        SearchType::Reference => text("reference").map(|it| Key::Text(it.to_owned())),
        SearchType::Uri => value.as_str().map(|it| Key::Text(it.to_owned())),
        SearchType::Text => match value {
            Value::String(text) => Some(Key::Text(folded(text))),
            Value::Object(name) => {
                let given = name.get("given").and_then(Value::as_array);
                let family = name.get("family").into_iter();
                let parts = family.chain(given.into_iter().flatten());
                let parts: Vec<&str> = parts.filter_map(Value::as_str).collect();
                (!parts.is_empty()).then(|| Key::Text(folded(&parts.join(" "))))
            }
            _ => None,
        },
    }
}

/// Where a resource stands in an order.
pub(super) fn place(sorts: &[Sort], resource: &Resource) -> Place {
    let keys = sorts.iter().map(|sort| sort.key(resource)).collect();
    (keys, resource.id.clone())
}

/// Compares two places; what has no value comes last. Without an order the ids decide, which ascend in the order of recording:
/// the newest first where that is so for the type.
pub(super) fn compare(
    kind: ResourceType,
    sorts: &[Sort],
    (keys, id): &Place,
    (other_keys, other_id): &Place,
) -> Ordering {
    for (place, sort) in sorts.iter().enumerate() {
        let pair = (keys.get(place), other_keys.get(place));
        let order = match pair {
            (Some(Some(one)), Some(Some(other))) if sort.descending => other.cmp(one),
            (Some(Some(one)), Some(Some(other))) => one.cmp(other),
            (Some(Some(_)), _) => Ordering::Less,
            (_, Some(Some(_))) => Ordering::Greater,
            _ => Ordering::Equal,
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    if kind == ResourceType::AuditEvent {
        other_id.cmp(id)
    } else {
        id.cmp(other_id)
    }
}
