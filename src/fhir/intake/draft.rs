//! A body of the native API under construction, and where in the resource each part of it came from: what the native
//! rules say about a field is said about the element.

use super::element::{Leaf, Text};
use crate::app::FieldError;
use crate::wire::errors::{FieldErrors, parse};
use deserr::Deserr;
use serde_json::{Map, Value};

/// A native body and the origins of its parts.
#[derive(Debug, Default)]
pub(in crate::fhir) struct Draft {
    body: Map<String, Value>,
    /// Pointers into the body, with the pointers into the resource that they came from.
    origins: Vec<(String, String)>,
}

impl Draft {
    /// Puts `value`, which stands at `at`, into `field`.
    pub(in crate::fhir) fn put(&mut self, field: &str, value: impl Into<Value>, at: &str) {
        self.body.insert(field.to_owned(), value.into());
        self.comes_from(&format!("/{field}"), at);
    }

    /// Puts a value into `field`, if there is one.
    pub(in crate::fhir) fn put_leaf(&mut self, field: &str, leaf: Option<Leaf<'_>>) {
        if let Some(leaf) = leaf {
            self.put(field, leaf.value.clone(), &leaf.at);
        }
    }

    /// Puts a text into `field`, if there is one.
    pub(in crate::fhir) fn put_text(&mut self, field: &str, text: Option<Text<'_>>) {
        if let Some(text) = text {
            self.put(field, text.value, &text.at);
        }
    }

    /// Whether `field` was put.
    pub(in crate::fhir) fn has(&self, field: &str) -> bool {
        self.body.contains_key(field)
    }

    /// Says where a part of the body comes from, or would.
    pub(in crate::fhir) fn comes_from(&mut self, pointer: &str, at: &str) {
        self.origins.push((pointer.to_owned(), at.to_owned()));
    }

    /// The body as a `T`.
    ///
    /// # Errors
    /// Every field that is wrong, at its place in the resource.
    pub(in crate::fhir) fn read<T: Deserr<FieldErrors>>(&self) -> Result<T, Vec<FieldError>> {
        parse(Value::Object(self.body.clone())).map_err(|errors| self.in_resource(errors))
    }

    /// The body.
    pub(in crate::fhir) fn body(&self) -> Value {
        Value::Object(self.body.clone())
    }

    /// The same errors at their places in the resource.
    pub(in crate::fhir) fn in_resource(&self, errors: Vec<FieldError>) -> Vec<FieldError> {
        errors
            .into_iter()
            .map(|error| FieldError {
                pointer: self.origin(&error.pointer),
                ..error
            })
            .collect()
    }

    /// The place in the resource that the longest known beginning of `pointer` came from.
    fn origin(&self, pointer: &str) -> String {
        let begins = |known: &str| {
            pointer
                .strip_prefix(known)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let known = self.origins.iter().filter(|(known, _)| begins(known));
        known
            .max_by_key(|(known, _)| known.len())
            .map(|(_, at)| at.clone())
            .unwrap_or_default()
    }
}
