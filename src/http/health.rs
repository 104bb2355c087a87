//! Is it up, and can it work?

use super::call::Call;
use super::reply::Reply;
use super::state::State;
use crate::app::error::Error;
use actix_web::http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

/// How the service is.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Health {
    /// `ok`, or what is missing.
    pub status: &'static str,
    /// The version of the program.
    pub version: &'static str,
}

impl Health {
    fn new(status: &'static str) -> Health {
        Health {
            status,
            version: env!("CARGO_PKG_VERSION"),
        }
    }
}

/// The process answers.
pub(super) fn live<C>(_: &State<C>, _: &Call) -> Result<Reply, Error> {
    Reply::json(&Health::new("ok"))
}

/// The process can do its work.
pub(super) fn ready<C>(state: &State<C>, call: &Call) -> Result<Reply, Error> {
    match (state.readiness)(&state.app) {
        Ok(()) => Reply::json(&Health::new("ok")),
        Err(reason) => {
            tracing::warn!(request_id = %call.request_id(), reason, "not ready");
            Reply::json_with(StatusCode::SERVICE_UNAVAILABLE, &Health::new("not_ready"))
        }
    }
}
