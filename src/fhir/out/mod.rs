//! Each resource, made from the records. One file to a type.

pub mod code_systems;
pub mod condition;
pub mod event;
pub mod extensions;
pub mod group;
pub mod guidance;
pub mod medication;
pub mod observation;
pub mod patient;
pub mod plan;
pub mod procedure;
pub mod relief;

use serde_json::{Map, Value};

/// The elements of a resource under construction.
#[derive(Debug, Default)]
pub(super) struct Elements(Map<String, Value>);

impl Elements {
    pub(super) fn put(&mut self, name: &str, value: impl Into<Value>) {
        self.0.insert(name.to_owned(), value.into());
    }

    pub(super) fn maybe(&mut self, name: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.put(name, value);
        }
    }

    /// A list; an empty one is left out.
    pub(super) fn list(&mut self, name: &str, values: Vec<Value>) {
        if !values.is_empty() {
            self.put(name, values);
        }
    }

    pub(super) fn done(self) -> Map<String, Value> {
        self.0
    }
}
