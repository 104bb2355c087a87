//! The edge that speaks HTTP: one registry of endpoints, and one way for a request through it.

pub mod authenticate;
pub mod call;
pub mod cursor;
mod health;
mod json;
pub mod metrics;
pub mod openapi;
pub mod problem;
pub mod query;
pub mod registry;
pub mod reply;
pub mod state;
pub mod stream;
pub mod v1;

pub use authenticate::{AuthFailure, Authenticate, Principal};
pub use call::{Call, Idempotency, Page};
pub use cursor::CursorKey;
pub use problem::{Kind, Problem};
pub use registry::{Access, Endpoint, Example, Method, Parameter, ParameterKind, Runs};
pub use reply::{KeptReply, Reply};
pub use state::{HttpSettings, State};

/// What the service says about itself.
fn service_endpoints<C>() -> Vec<Endpoint<C>> {
    vec![]
}
