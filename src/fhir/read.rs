//! Reading one resource: as it is, as it was, and all that it was.

use super::answer::{body_reply, resource_reply};
use super::resource::{Resource, ResourceType, instant};
use super::source;
use crate::app::{Error, Result};
use crate::http::call::Call;
use crate::http::reply::Reply;
use crate::http::state::State;
use actix_web::http::StatusCode;
use serde_json::{Value, json};

/// The type that a path below the base names.
///
/// # Errors
/// That there is no such type.
pub(super) fn kind_of(call: &Call) -> Result<ResourceType> {
    let name = call.url_path().split('/').nth(3).unwrap_or_default();
    ResourceType::from_code(name).ok_or(Error::NotFound {
        what: "resource type",
    })
}

/// Where the FHIR endpoints are, as the client reaches them.
pub(super) fn base(call: &Call) -> String {
    format!("{}{}", call.origin(), crate::http::dialect::FHIR_BASE)
}

pub(super) fn read(state: &State, call: &Call) -> Result<Reply> {
    let kind = kind_of(call)?;
    let resource = state.app.read(call.principal()?, |unit| {
        source::one(unit, kind, call.path("id"))
    })?;
    resource_reply(call, &resource)
}

pub(super) fn vread(state: &State, call: &Call) -> Result<Reply> {
    let kind = kind_of(call)?;
    let wanted = call.path("version");
    let versions = state.app.read(call.principal()?, |unit| {
        source::versions(unit, kind, call.path("id"))
    })?;
    let found = versions
        .iter()
        .find(|one| one.version.to_string() == wanted)
        .ok_or(Error::NotFound { what: "version" })?;
    resource_reply(call, found)
}

pub(super) fn history(state: &State, call: &Call) -> Result<Reply> {
    let kind = kind_of(call)?;
    let versions = state.app.read(call.principal()?, |unit| {
        source::versions(unit, kind, call.path("id"))
    })?;
    let base = base(call);
    let entries: Vec<Value> = versions
        .iter()
        .map(|version| history_entry(&base, version))
        .collect();
    let id = call.request_id().to_string();
    let link = format!("{base}/{}/{}/_history", kind.code(), call.path("id"));
    body_reply(
        StatusCode::OK,
        &json!({
            "resourceType": "Bundle",
            "id": id,
            "type": "history",
            "total": entries.len(),
            "link": [{"relation": "self", "url": link}],
            "entry": entries,
        }),
    )
}

/// One version within a history.
fn history_entry(base: &str, version: &Resource) -> Value {
    let (method, url, status) = if version.version == 1 {
        ("POST", version.kind.code().to_owned(), "201")
    } else {
        ("PUT", version.reference(), "200")
    };
    json!({
        "fullUrl": format!("{base}/{}", version.reference()),
        "resource": version.body,
        "request": {"method": method, "url": url},
        "response": {
            "status": status,
            "etag": format!("W/\"{}\"", version.version),
            "lastModified": instant(version.updated),
        },
    })
}
