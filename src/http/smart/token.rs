//! `POST /auth/token`: `client_credentials` with `private_key_jwt` (SMART Backend Services, RFC 6749, RFC 7523).

use super::super::call::Call;
use super::super::query::Query;
use super::super::reply::Reply;
use super::super::state::State;
use super::token_address;
use crate::app::clients::{TokenRefusal, TokenRequest};
use crate::app::{Error, Result};
use actix_web::http::StatusCode;
use actix_web::http::header;
use serde_json::json;

/// Largest request, in bytes: an assertion is of 8 KiB at most.
pub(super) const LARGEST_BODY: usize = 32 * 1024;

/// The one way to say who one is.
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Gives a token, or says why not.
pub(super) fn give(state: &State, call: &Call) -> Result<Reply> {
    let form = call
        .form()
        .map_err(|_| invalid("invalid_request", "the form is not percent-encoded UTF-8"))?;
    let request = read(&form, token_address(state))?;
    match state.app.give_token(request)? {
        Ok(given) => uncached(Reply::json(&json!({
            "access_token": given.token,
            "token_type": "bearer",
            "expires_in": given.expires_in,
            "scope": given.scope,
        }))?),
        Err(TokenRefusal::Client(why)) => refusal(StatusCode::UNAUTHORIZED, "invalid_client", &why),
        Err(TokenRefusal::Scope(why)) => refusal(StatusCode::BAD_REQUEST, "invalid_scope", why),
    }
}

/// The request in a form.
fn read(form: &Query, audience: String) -> Result<TokenRequest> {
    let mut names: Vec<&str> = form.pairs().map(|(name, _)| name).collect();
    names.sort_unstable();
    if names.windows(2).any(|pair| pair.first() == pair.last()) {
        return Err(invalid("invalid_request", "a parameter is repeated"));
    }
    // RFC 6749: a parameter without a value is one that was left out.
    let value = |name: &str| form.get(name).filter(|value| !value.is_empty());
    let needed = |name: &str| {
        value(name).ok_or_else(|| invalid("invalid_request", &format!("{name} is missing")))
    };
    if needed("grant_type")? != "client_credentials" {
        let what = "client_credentials is the only grant_type";
        return Err(invalid("unsupported_grant_type", what));
    }
    if needed("client_assertion_type")? != ASSERTION_TYPE {
        let what = format!("client_assertion_type must be {ASSERTION_TYPE}");
        return Err(invalid("invalid_request", &what));
    }
    let assertion = needed("client_assertion")?.to_owned();
    let scope = value("scope")
        .ok_or_else(|| {
            invalid(
                "invalid_scope",
                "scope is missing: ask for system/*.rs, for example",
            )
        })?
        .to_owned();
    Ok(TokenRequest {
        assertion,
        scope,
        client_id: value("client_id").map(str::to_owned),
        audience,
    })
}

fn invalid(code: &'static str, detail: &str) -> Error {
    Error::Malformed {
        code,
        detail: detail.to_owned(),
    }
}

fn refusal(status: StatusCode, error: &str, why: &str) -> Result<Reply> {
    let body = json!({"error": error, "error_description": why});
    uncached(Reply::json_with(status, &body)?)
}

/// RFC 6749, section 5.1, asks for both headers.
fn uncached(reply: Reply) -> Result<Reply> {
    reply
        .header(header::CACHE_CONTROL, "no-store")?
        .header(header::PRAGMA, "no-cache")
}
