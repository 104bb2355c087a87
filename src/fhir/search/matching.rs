//! The searches that a change depends on: `If-None-Exist`, an address with a search, a reference by a search. Nothing of
//! them is passed over, for then something else would be meant.

use super::conditions::{Conditions, Reading};
use super::find;
use super::request::OF_EVERY_REQUEST;
use crate::app::{Error, Result, Unit};
use crate::fhir::resource::{Resource, ResourceType};
use crate::http::query::Query;

/// What meets every condition of a search, `cap` of them at most. `base` is where the client reaches FHIR.
///
/// # Errors
/// [`Error::InvalidParameters`] for a search that is not understood, [`Error::Malformed`] for one that names nothing in
/// particular; those of the use cases.
pub(in crate::fhir) fn matching(
    unit: &mut Unit<'_, '_>,
    kind: ResourceType,
    criteria: &str,
    base: &str,
    cap: usize,
) -> Result<Vec<Resource>> {
    let query = Query::read(criteria).map_err(|problem| malformed(problem.detail))?;
    let how = Reading {
        base,
        now: unit.now,
        strict: true,
        linked: true,
    };
    let read = Conditions::read(kind, &query.without(&OF_EVERY_REQUEST), &how);
    let conditions = read.map_err(Error::InvalidParameters)?;
    let nothing = || malformed("Name what it is about: identifier, patient as Patient/id, or _id.");
    if conditions.is_empty() {
        return Err(nothing());
    }
    find::all(unit, &conditions, cap)?.ok_or_else(nothing)
}

fn malformed(detail: impl Into<String>) -> Error {
    Error::Malformed {
        code: "invalid_condition",
        detail: detail.into(),
    }
}
