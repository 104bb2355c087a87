//! References as clients write them become references to records: absolute ones, those to other entries of a bundle, and
//! those that name a record by a search.

use super::intake::wrong;
use super::resource::ResourceType;
use super::search::matching;
use crate::app::{Error, FieldError, Result, Unit};
use serde_json::Value;
use std::collections::BTreeMap;

/// What addresses mean here.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    /// Where the client reaches FHIR, as `https://host/fhir/R4`.
    pub base: String,
    /// The entries of a bundle by their `fullUrl`, as far as they are recorded: `Patient/{id}`.
    pub entries: BTreeMap<String, String>,
}

impl Addresses {
    /// Those of a request on its own.
    pub(super) fn of(base: &str) -> Addresses {
        Addresses {
            base: base.to_owned(),
            entries: BTreeMap::new(),
        }
    }

    /// An address below our base, without the base.
    pub(super) fn local<'a>(&self, url: &'a str) -> &'a str {
        url.strip_prefix(&self.base)
            .and_then(|rest| rest.strip_prefix('/'))
            .unwrap_or(url)
    }
}

/// Turns every reference within `value` into the form `Type/id`.
///
/// # Errors
/// Those of the database. What refers to nothing is added to `errors`.
pub(super) fn resolve(
    unit: &mut Unit<'_, '_>,
    value: &mut Value,
    at: &str,
    addresses: &Addresses,
    errors: &mut Vec<FieldError>,
) -> Result<()> {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields.iter_mut() {
                let at = format!("{at}/{name}");
                match value {
                    Value::String(text) if name == "reference" => {
                        match target(unit, text, addresses)? {
                            Ok(target) => *text = target,
                            Err(detail) => wrong(errors, at, "not_found", detail),
                        }
                    }
                    value => resolve(unit, value, &at, addresses, errors)?,
                }
            }
        }
        Value::Array(values) => {
            for (place, value) in values.iter_mut().enumerate() {
                resolve(unit, value, &format!("{at}/{place}"), addresses, errors)?;
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    Ok(())
}

/// What a reference refers to, as `Type/id`, or why it refers to nothing.
fn target(
    unit: &mut Unit<'_, '_>,
    text: &str,
    addresses: &Addresses,
) -> Result<std::result::Result<String, String>> {
    if let Some(entry) = addresses.entries.get(text) {
        return Ok(Ok(entry.clone()));
    }
    if text.starts_with("urn:") {
        let detail =
            "No entry of this bundle has this address, or it is not recorded before this one.";
        return Ok(Err(detail.to_owned()));
    }
    let local = addresses.local(text);
    if local.contains("://") {
        return Ok(Err("This refers to another server.".to_owned()));
    }
    let Some((kind, criteria)) = local.split_once('?') else {
        return Ok(Ok(local.to_owned()));
    };
    let Some(kind) = ResourceType::from_code(kind) else {
        return Ok(Err("There are no such resources here.".to_owned()));
    };
    let found = match matching(unit, kind, criteria, &addresses.base, 2) {
        Ok(found) => found,
        Err(error @ (Error::Malformed { .. } | Error::InvalidParameters(_))) => {
            return Ok(Err(error.to_string()));
        }
        Err(other) => return Err(other),
    };
    let mut found = found.into_iter();
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(Ok(format!("{}/{}", kind.code(), one.id))),
        (None, _) => Ok(Err("Nothing recorded here fits this search.".to_owned())),
        (Some(_), Some(_)) => Ok(Err("More than one record fits this search.".to_owned())),
    }
}
