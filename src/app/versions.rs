//! Corrections keep what was there.

use super::core::Unit;
use super::error::{Error, Result};
use crate::db::rows::KeptVersion;
use crate::db::{Stored, queries};
use chrono::{DateTime, Utc};
use serde::Serialize;

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
