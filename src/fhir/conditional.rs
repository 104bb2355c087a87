//! What is done depending on what is recorded already. The search and the change are one transaction: SQLite has one
//! writer, and PostgreSQL runs one of two transactions again that each searched before the other recorded.

use super::resource::{Resource, ResourceType};
use super::search::matching;
use super::write;
use crate::app::{Error, Result, Unit};
use serde_json::Value;

/// A search that a change depends on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Criteria<'a> {
    /// Its parameters, as in an address.
    pub query: &'a str,
    /// Where the client reaches FHIR: references may be absolute.
    pub base: &'a str,
}

/// A resource that is there after a request.
#[derive(Debug)]
pub(super) struct Written {
    /// As it is now.
    pub resource: Resource,
    /// Whether it was recorded by this request.
    pub anew: bool,
    /// Whether the request was to change it.
    pub changed: bool,
}

impl Written {
    /// What was recorded by this request.
    pub(super) fn anew(resource: Resource) -> Written {
        Written {
            resource,
            anew: true,
            changed: true,
        }
    }
}

impl From<Resource> for Written {
    fn from(resource: Resource) -> Written {
        Written {
            resource,
            anew: false,
            changed: true,
        }
    }
}

/// The one resource that a search finds, if it finds any.
///
/// # Errors
/// [`Error::Ambiguous`] where it finds several; [`Error::Malformed`] where it says nothing.
pub(super) fn find(
    unit: &mut Unit<'_, '_>,
    kind: ResourceType,
    criteria: &Criteria<'_>,
) -> Result<Option<Resource>> {
    let found = matching(unit, kind, criteria.query, criteria.base, 2)?;
    let mut found = found.into_iter();
    match (found.next(), found.next()) {
        (one, None) => Ok(one),
        (_, Some(_)) => Err(Error::Ambiguous {
            detail: format!(
                "More than one {} fits this search; nothing was done.",
                kind.code()
            ),
        }),
    }
}

/// The one resource that a search finds.
///
/// # Errors
/// As [`find`], and that there is none.
pub(super) fn one(
    unit: &mut Unit<'_, '_>,
    kind: ResourceType,
    criteria: &Criteria<'_>,
) -> Result<Resource> {
    find(unit, kind, criteria)?.ok_or(Error::NotFound {
        what: "resource that fits this search",
    })
}

/// Records `value` unless `criteria` finds one such resource already, which is given back as it is.
///
/// # Errors
/// As [`find`] and [`write::create`].
pub(super) fn create(
    unit: &mut Unit<'_, '_>,
    kind: ResourceType,
    criteria: &Criteria<'_>,
    value: &Value,
) -> Result<Written> {
    match find(unit, kind, criteria)? {
        Some(resource) => Ok(Written {
            resource,
            anew: false,
            changed: false,
        }),
        None => Ok(Written::anew(write::create(unit, kind, value)?)),
    }
}

/// Puts `value` in the place of the one resource that `criteria` finds, else records it.
///
/// # Errors
/// As [`find`], [`write::create`] and [`write::update`].
pub(super) fn update(
    unit: &mut Unit<'_, '_>,
    kind: ResourceType,
    criteria: &Criteria<'_>,
    version: Option<i32>,
    value: &Value,
) -> Result<Written> {
    let Some(found) = find(unit, kind, criteria)? else {
        if value.get("id").is_some() {
            let detail =
                "Nothing fits this search, and ids are given by this service: leave it out.";
            return Err(Error::field("/id", "not_found", detail));
        }
        return Ok(Written::anew(write::create(unit, kind, value)?));
    };
    let mut value = value.clone();
    if let Some(fields) = value.as_object_mut() {
        fields
            .entry("id")
            .or_insert_with(|| Value::from(found.id.clone()));
    }
    Ok(write::update(unit, kind, &found.id, version, &value)?.into())
}
