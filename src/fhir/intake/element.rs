//! Reads the elements of a resource one by one, and says what is left over: nothing is passed over in silence.

use crate::app::FieldError;
use crate::fhir::terms::DATA_ABSENT_REASON;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// An object of a resource, and which of its elements were asked for.
#[derive(Debug)]
pub(in crate::fhir) struct Element<'v> {
    at: String,
    fields: &'v Map<String, Value>,
    taken: BTreeSet<String>,
}

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(in crate::fhir) struct Leaf<'v> {
    /// JSON pointer.
    pub at: String,
    /// The value.
    pub value: &'v Value,
}

/// A text and where it stands.
#[derive(Debug, Clone)]
pub(in crate::fhir) struct Text<'v> {
    /// JSON pointer.
    pub at: String,
    /// The text.
    pub value: &'v str,
}

/// One error at `at`.
pub(in crate::fhir) fn wrong(
    errors: &mut Vec<FieldError>,
    at: impl Into<String>,
    code: &'static str,
    detail: impl Into<String>,
) {
    errors.push(FieldError::new(at, code, detail));
}

impl<'v> Element<'v> {
    /// The object at `at`, if it is one.
    pub(in crate::fhir) fn read(
        value: &'v Value,
        at: impl Into<String>,
        errors: &mut Vec<FieldError>,
    ) -> Option<Element<'v>> {
        let at = at.into();
        let Some(fields) = value.as_object().filter(|fields| !fields.is_empty()) else {
            wrong(
                errors,
                at,
                "wrong_type",
                "Expected an object that is not empty.",
            );
            return None;
        };
        Some(Element {
            at,
            fields,
            taken: BTreeSet::new(),
        })
    }

    /// Where it stands.
    pub(in crate::fhir) fn at(&self) -> &str {
        &self.at
    }

    /// Where its element `name` stands, or would.
    pub(in crate::fhir) fn place(&self, name: &str) -> String {
        format!("{}/{name}", self.at)
    }

    /// Whether it has an element `name`.
    pub(in crate::fhir) fn has(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }

    /// The element `name`, whatever it is.
    pub(in crate::fhir) fn any(&mut self, name: &str) -> Option<Leaf<'v>> {
        self.taken.insert(name.to_owned());
        let value = self.fields.get(name)?;
        Some(Leaf {
            at: self.place(name),
            value,
        })
    }

    /// The text `name`.
    pub(in crate::fhir) fn text(
        &mut self,
        name: &str,
        errors: &mut Vec<FieldError>,
    ) -> Option<Text<'v>> {
        let leaf = self.any(name)?;
        let Some(value) = leaf.value.as_str().filter(|text| !text.trim().is_empty()) else {
            wrong(
                errors,
                leaf.at,
                "wrong_type",
                "Expected a text that is not empty.",
            );
            return None;
        };
        Some(Text { at: leaf.at, value })
    }

    /// The object `name`.
    pub(in crate::fhir) fn object(
        &mut self,
        name: &str,
        errors: &mut Vec<FieldError>,
    ) -> Option<Element<'v>> {
        let leaf = self.any(name)?;
        Element::read(leaf.value, leaf.at, errors)
    }

    /// The objects of the list `name`; none where there is no such list.
    pub(in crate::fhir) fn objects(
        &mut self,
        name: &str,
        errors: &mut Vec<FieldError>,
    ) -> Vec<Element<'v>> {
        let Some(leaf) = self.any(name) else {
            return Vec::new();
        };
        let Some(list) = leaf.value.as_array().filter(|list| !list.is_empty()) else {
            wrong(
                errors,
                leaf.at,
                "wrong_type",
                "Expected a list that is not empty.",
            );
            return Vec::new();
        };
        let read = |(place, value): (usize, &'v Value)| {
            Element::read(value, format!("{}/{place}", leaf.at), errors)
        };
        list.iter().enumerate().filter_map(read).collect()
    }

    /// The one object of the list `name`; a second one has no place.
    pub(in crate::fhir) fn only(
        &mut self,
        name: &str,
        errors: &mut Vec<FieldError>,
    ) -> Option<Element<'v>> {
        let mut objects = self.objects(name, errors).into_iter();
        let first = objects.next();
        for surplus in objects {
            wrong(errors, surplus.at, "too_many", "Only one of these is kept.");
        }
        first
    }

    /// The texts of the list `name`.
    pub(in crate::fhir) fn texts(
        &mut self,
        name: &str,
        errors: &mut Vec<FieldError>,
    ) -> Vec<Text<'v>> {
        let Some(leaf) = self.any(name) else {
            return Vec::new();
        };
        let Some(list) = leaf.value.as_array().filter(|list| !list.is_empty()) else {
            wrong(
                errors,
                leaf.at,
                "wrong_type",
                "Expected a list that is not empty.",
            );
            return Vec::new();
        };
        let mut texts = Vec::new();
        for (place, value) in list.iter().enumerate() {
            let at = format!("{}/{place}", leaf.at);
            match value.as_str().filter(|text| !text.trim().is_empty()) {
                Some(value) => texts.push(Text { at, value }),
                None => wrong(
                    errors,
                    at,
                    "wrong_type",
                    "Expected a text that is not empty.",
                ),
            }
        }
        texts
    }

    /// Says what is left over.
    pub(in crate::fhir) fn finish(self, errors: &mut Vec<FieldError>) {
        for (name, value) in self.fields {
            if self.taken.contains(name) {
                if value.is_null() {
                    let detail = "Leave an element out where it has no value.";
                    wrong(errors, self.place(name), "wrong_type", detail);
                }
                continue;
            }
            let stands_for = name.strip_prefix('_').filter(|base| {
                self.taken.contains(*base) && !self.fields.contains_key(*base) && is_absent(value)
            });
            if stands_for.is_none() {
                let detail = "There is no place for this element here: it would be lost.";
                wrong(errors, self.place(name), "unknown_field", detail);
            }
        }
    }
}

/// Whether this says that a value is not known, and no more.
fn is_absent(value: &Value) -> bool {
    let only = value.as_object().filter(|fields| fields.len() == 1);
    let extensions = only.and_then(|fields| fields.get("extension")?.as_array());
    extensions.is_some_and(|list| {
        list.len() == 1
            && list
                .iter()
                .all(|one| one.get("url").and_then(Value::as_str) == Some(DATA_ABSENT_REASON))
    })
}
