//! Corrections keep what was there.

use super::core::Unit;
use super::error::{Error, Result};
use crate::auth::Action;
use crate::db::rows::KeptVersion;
use crate::db::{Stored, queries};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

/// Refuses another version than the current one.
pub(super) fn check_version<T>(stored: &Stored<T>, version: i32) -> Result<()> {
    if stored.version == version {
        Ok(())
    } else {
        Err(Error::PreconditionFailed {
            current: stored.version,
        })
    }
}

/// Keeps the present state of a record before it is corrected or withdrawn.
pub(super) fn keep_version<T>(
    unit: &mut Unit<'_, '_>,
    kind: &'static str,
    stored: &Stored<T>,
    fields: &impl Serialize,
    reason: Option<&str>,
) -> Result<()> {
    let body = serde_json::to_string(fields).map_err(|error| Error::Internal(error.into()))?;
    let kept = KeptVersion {
        kind: kind.to_owned(),
        id: stored.id,
        version: stored.version,
        body,
        valid_from: stored.updated_at,
        valid_to: unit.now,
        changed_by: unit.principal.subject.clone(),
        reason: reason.map(ToOwned::to_owned),
    };
    queries::versions::keep(unit.tx, &unit.principal.organization, &kept)?;
    Ok(())
}

/// What a record said in an earlier version, in the shape in which it is answered; none where that version was not kept.
///
/// # Errors
/// Those of the database; [`Error::Forbidden`] for whoever may not read such records, which `reading` is.
pub fn earlier(
    unit: &mut Unit<'_, '_>,
    reading: Action,
    kind: &str,
    id: Uuid,
    version: i32,
) -> Result<Option<Value>> {
    unit.require(reading)?;
    let kept = queries::versions::list(unit.tx, &unit.principal.organization, kind, id)?;
    let found = kept.into_iter().find(|one| one.version == version);
    let body = found.map(|one| serde_json::from_str(&one.body)).transpose();
    body.map_err(|error| Error::Internal(error.into()))
}

/// What a record said in each version before the current one, the oldest first.
///
/// # Errors
/// Those of the database; [`Error::Forbidden`] for whoever may not read such records, which `reading` is.
pub fn all_earlier(
    unit: &mut Unit<'_, '_>,
    reading: Action,
    kind: &str,
    id: Uuid,
) -> Result<Vec<Earlier>> {
    unit.require(reading)?;
    let kept = queries::versions::list(unit.tx, &unit.principal.organization, kind, id)?;
    let earlier = |one: KeptVersion| {
        let fields = serde_json::from_str(&one.body);
        Ok(Earlier {
            version: one.version,
            since: one.valid_from,
            fields: fields.map_err(|error| Error::Internal(error.into()))?,
        })
    };
    kept.into_iter().map(earlier).collect()
}

/// What a record said in an earlier version.
#[derive(Debug, Clone, PartialEq)]
pub struct Earlier {
    /// The version.
    pub version: i32,
    /// Since when it said so.
    pub since: DateTime<Utc>,
    /// The fields, in the shape in which they are answered.
    pub fields: Value,
}

impl<T> Stored<T> {
    /// The next version of this record with another value.
    #[must_use]
    pub fn next(self, now: DateTime<Utc>, value: T) -> Stored<T> {
        Stored {
            version: self.version + 1,
            updated_at: now,
            value,
            ..self
        }
    }
}
