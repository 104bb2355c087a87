//! What goes in and comes out: bodies, answers, and examples of them.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::Value;

/// Adds a type to the components of the document and refers to it.
pub type SchemaSource = fn(&mut SchemaGenerator) -> Schema;

/// The schema of `T`.
pub fn schema_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// A named example of a body.
#[derive(Debug, Clone)]
pub struct Example {
    /// Key, lower snake case.
    pub name: &'static str,
    /// What it shows.
    pub summary: &'static str,
    /// The body: a JSON text is a string here when the media type is not JSON.
    pub value: Value,
}

/// What a request carries.
#[derive(Clone)]
pub struct Body {
    /// Media type it must have.
    pub media_type: &'static str,
    /// Others that mean the same.
    pub also: &'static [&'static str],
    /// Its schema; none for a text.
    pub schema: Option<SchemaSource>,
    /// Whether it must be there.
    pub required: bool,
    /// Bodies that work.
    pub examples: Vec<Example>,
}

impl Body {
    /// Whether it is read as JSON.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.media_type.ends_with("json")
    }
}

/// An answer that is not an error.
#[derive(Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// When it comes.
    pub description: &'static str,
    /// Media type; none without a body.
    pub media_type: Option<&'static str>,
    /// Schema of a JSON body.
    pub schema: Option<SchemaSource>,
    /// A body as it comes.
    pub example: Option<Value>,
    /// Whether it is to be saved as a file.
    pub attached: bool,
}

/// Media type of JSON.
pub const JSON: &str = "application/json";

/// Media type of a form.
pub const FORM: &str = "application/x-www-form-urlencoded";
