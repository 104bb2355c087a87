//! Reading JSON field by field, with every mistake told at its place.

use crate::app::FieldError;
use serde_json::{Map, Value};
use uuid::Uuid;

/// A JSON object that is being read. What is not known is passed over: the standard lets anybody add `extension`, and later
/// versions add fields. A field that is `null` counts as left out.
pub(super) struct Fields<'v> {
    object: Option<&'v Map<String, Value>>,
    at: String,
}

/// The mistakes that were found.
pub(super) type Mistakes = Vec<FieldError>;

impl<'v> Fields<'v> {
    /// An object at a pointer.
    pub(super) fn of(
        value: &'v Value,
        at: impl Into<String>,
        mistakes: &mut Mistakes,
    ) -> Fields<'v> {
        let at = at.into();
        if value.as_object().is_none() {
            wrong(mistakes, &at, "Expected an object.");
        }
        Fields {
            object: value.as_object(),
            at,
        }
    }

    /// The pointer of a field.
    pub(super) fn at(&self, name: &str) -> String {
        format!("{}/{name}", self.at)
    }

    /// A field as it is.
    pub(super) fn get(&self, name: &str) -> Option<&'v Value> {
        self.object?.get(name).filter(|value| !value.is_null())
    }

    /// A field that must be there.
    pub(super) fn needed(&self, name: &str, mistakes: &mut Mistakes) -> Option<&'v Value> {
        let found = self.get(name);
        if found.is_none() && self.object.is_some() {
            mistakes.push(FieldError::new(
                self.at(name),
                "required",
                "This field is required.",
            ));
        }
        found
    }

    /// A text that is not empty.
    pub(super) fn text(&self, name: &str, mistakes: &mut Mistakes) -> Option<&'v str> {
        let value = self.get(name)?;
        let text = value.as_str().filter(|text| !text.is_empty());
        if text.is_none() {
            wrong(
                mistakes,
                &self.at(name),
                "Expected a text that is not empty.",
            );
        }
        text
    }

    /// A text that must be there.
    pub(super) fn needed_text(&self, name: &str, mistakes: &mut Mistakes) -> Option<&'v str> {
        self.needed(name, mistakes)?;
        self.text(name, mistakes)
    }

    /// A UUID that must be there.
    pub(super) fn needed_id(&self, name: &str, mistakes: &mut Mistakes) -> Option<Uuid> {
        let text = self.needed_text(name, mistakes)?;
        let id = Uuid::try_parse(text).ok();
        if id.is_none() {
            invalid(mistakes, self.at(name), "invalid_uuid", "Expected a UUID.");
        }
        id
    }

    /// A list.
    pub(super) fn list(&self, name: &str, mistakes: &mut Mistakes) -> Option<&'v [Value]> {
        let value = self.get(name)?;
        let list = value.as_array().map(Vec::as_slice);
        if list.is_none() {
            wrong(mistakes, &self.at(name), "Expected an array.");
        }
        list
    }

    /// An object within, where it is there.
    pub(super) fn object(&self, name: &str, mistakes: &mut Mistakes) -> Option<Fields<'v>> {
        let value = self.get(name)?;
        Some(Fields::of(value, self.at(name), mistakes))
    }
}

/// That a field has a value of another type.
pub(super) fn wrong(mistakes: &mut Mistakes, at: &str, detail: &str) {
    invalid(mistakes, at, "wrong_type", detail);
}

/// That a field has a value that cannot be used.
pub(super) fn invalid(
    mistakes: &mut Mistakes,
    at: impl Into<String>,
    code: &'static str,
    detail: &str,
) {
    mistakes.push(FieldError::new(at, code, detail));
}
