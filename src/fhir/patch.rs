//! JSON Patch (RFC 6902): the resource as it is, changed, goes the way of one that was sent whole.

use super::interactions::Change;
use super::resource::{Resource, ResourceType};
use super::write;
use crate::app::{Error, Result, Unit};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// Changes a part of a resource.
///
/// # Errors
/// [`Error::Malformed`] for what is no patch, [`Error::Invalid`] where it does not fit, and as [`write::update`].
pub(super) fn apply(
    unit: &mut Unit<'_, '_>,
    kind: ResourceType,
    id: &str,
    version: Option<i32>,
    patch: &Value,
) -> Result<Resource> {
    let (_, current) = write::changeable(unit, kind, id, Change::Patch)?;
    let patch: json_patch::Patch =
        serde_json::from_value(patch.clone()).map_err(|_| Error::Malformed {
            code: "invalid_patch",
            detail: "Expected a JSON Patch (RFC 6902): a list of operations.".to_owned(),
        })?;
    let mut value = Value::Object(current.body);
    json_patch::patch(&mut value, &patch).map_err(|error| {
        let place = format!("operation {}", error.operation);
        let detail = format!(
            "The patch does not fit the resource as it is: {place} cannot be done at {}.",
            error.path
        );
        Error::field("", "patch_does_not_fit", detail)
    })?;
    write::update(unit, kind, id, version, &value)
}

/// The patch that an entry of a bundle carries as a Binary.
///
/// # Errors
/// [`Error::Invalid`] for anything else.
pub(super) fn carried(resource: &Value) -> Result<Value> {
    let text = |name: &str| resource.get(name).and_then(Value::as_str);
    let is_patch = text("resourceType") == Some("Binary")
        && text("contentType") == Some(crate::http::dialect::JSON_PATCH);
    let data = text("data").filter(|_| is_patch);
    let bytes = data.and_then(|data| STANDARD.decode(data).ok());
    let patch = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    patch.ok_or_else(|| {
        let detail = "Expected a Binary with a JSON Patch as application/json-patch+json.";
        Error::field("", "invalid_patch", detail)
    })
}
