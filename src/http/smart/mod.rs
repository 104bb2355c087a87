//! SMART on FHIR as connected systems meet it: what is supported, and where tokens are given.

mod discovery;
mod token;

use super::dialect::Dialect;
use super::registry::{Access, Endpoint, FORM, Method, Runs};
use super::state::State;

/// The path of the token endpoint.
pub const TOKEN_PATH: &str = "/auth/token";

/// The endpoints.
#[must_use]
pub fn endpoints() -> Vec<Endpoint> {
    let discovery = |path, operation_id| {
        Endpoint::new(
            Method::Get,
            path,
            operation_id,
            Access::Public,
            discovery::show,
        )
        .titled("smart", "What of SMART on FHIR is supported")
        .runs(Runs::Inline)
        .lenient()
        .speaks(Dialect::OAuth)
    };
    vec![
        discovery("/.well-known/smart-configuration", "smart_configuration"),
        discovery(
            "/fhir/R4/.well-known/smart-configuration",
            "fhir_smart_configuration",
        ),
        Endpoint::new(
            Method::Post,
            TOKEN_PATH,
            "token",
            Access::Public,
            token::give,
        )
        .titled("smart", "Give a connected system a token")
        .takes_text(FORM, Vec::new())
        .at_most(token::LARGEST_BODY)
        .lenient()
        .speaks(Dialect::OAuth),
    ]
}

/// The address of the token endpoint. As configured and never as a request names it: an assertion that was meant for
/// another service would be good here otherwise.
pub fn token_address(state: &State) -> String {
    let public = state.app.settings.diary.public_url.trim_end_matches('/');
    format!("{public}{TOKEN_PATH}")
}
