//! A resource as an answer: its media type, its tag, and whether the client has it already.

use super::resource::Resource;
use crate::app::{Error, Result};
use crate::http::call::Call;
use crate::http::dialect::FHIR_JSON;
use crate::http::reply::Reply;
use actix_web::http::StatusCode;
use actix_web::http::header;
use chrono::{DateTime, SubsecRound, Utc};
use serde::Serialize;

/// Any FHIR body, with a status.
///
/// # Errors
/// An internal one when the body does not serialize.
pub fn body_reply(status: StatusCode, body: &impl Serialize) -> Result<Reply> {
    let text = serde_json::to_vec(body).map_err(|error| Error::Internal(error.into()))?;
    Ok(Reply::bytes(status, FHIR_JSON, text))
}

/// A resource that was read: 304 where the client has this version.
///
/// # Errors
/// An internal one when the body does not serialize.
pub fn resource_reply(call: &Call, resource: &Resource) -> Result<Reply> {
    let reply = if is_known(call, resource) {
        Reply::no_content().with_status(StatusCode::NOT_MODIFIED)
    } else {
        body_reply(StatusCode::OK, &resource.body)?
    };
    tagged(reply, resource)
}

/// The reply with the version of the resource and when it last changed.
///
/// # Errors
/// An internal one when a value cannot stand in a header.
pub fn tagged(reply: Reply, resource: &Resource) -> Result<Reply> {
    reply
        .header(header::ETAG, &format!("W/\"{}\"", resource.version))?
        .header(header::LAST_MODIFIED, &http_date(resource.updated))
}

/// As HTTP writes instants.
#[must_use]
pub fn http_date(at: DateTime<Utc>) -> String {
    at.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// Whether the client named this version, or an instant since which nothing changed.
fn is_known(call: &Call, resource: &Resource) -> bool {
    if let Some(tags) = call.header("if-none-match") {
        let own = resource.version.to_string();
        return tags.split(',').map(str::trim).any(|tag| {
            let tag = tag.strip_prefix("W/").unwrap_or(tag);
            tag == "*" || tag.trim_matches('"') == own
        });
    }
    let since = call
        .header("if-modified-since")
        .and_then(|text| DateTime::parse_from_rfc2822(text).ok());
    since.is_some_and(|since| resource.updated.trunc_subsecs(0) <= since)
}
