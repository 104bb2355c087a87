//! What the service answers to: one list, from which the routes, the OpenAPI document and the authorization tests are made.

mod content;
mod described;
mod endpoint;
mod parameter;

pub use content::{Answer, Body, Example, FORM, JSON, SchemaSource, schema_of};
pub use endpoint::{Access, DEFAULT_LIMIT, Endpoint, Handler, MAX_LIMIT, Method, Runs};
pub use parameter::{Parameter, ParameterKind};
