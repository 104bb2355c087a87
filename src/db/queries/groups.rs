//! Groups of patients that follow from their determinations.

use crate::db::dialect::query;
use crate::db::rows::{id, instant, maybe_instant};
use crate::db::schema::determinations;
use crate::db::{Result, Tx};
use chrono::{DateTime, Utc};
use diesel::dsl::max;
use diesel::prelude::*;
use uuid::Uuid;

/// The patients of whom a determination has one of these next steps, by one profile or by any, each with when that was
/// last decided, in the order of their ids.
///
/// # Errors
/// When the database fails.
pub fn members(
    tx: &mut Tx<'_>,
    organization: &str,
    profile: Option<&str>,
    next_steps: &[&str],
) -> Result<Vec<(Uuid, DateTime<Utc>)>> {
    let found: Vec<(String, Option<i64>)> = query!(tx, conn => {
        let mut found = determinations::table
            .filter(determinations::organization_id.eq(organization))
            .filter(determinations::next_step.eq_any(next_steps))
            .group_by(determinations::patient_id)
            .select((determinations::patient_id, max(determinations::decided_at)))
            .order(determinations::patient_id)
            .into_boxed::<Db>();
        if let Some(profile) = profile {
            found = found.filter(determinations::profile.eq(profile));
        }
        found.load(conn)
    })?;
    found
        .into_iter()
        .map(|(patient, decided)| Ok((id(&patient)?, instant(decided.unwrap_or_default())?)))
        .collect()
}

/// When anything was last decided about any patient of the organization.
///
/// # Errors
/// When the database fails.
pub fn last_decided(tx: &mut Tx<'_>, organization: &str) -> Result<Option<DateTime<Utc>>> {
    let found: Option<i64> = query!(tx, conn => determinations::table
        .filter(determinations::organization_id.eq(organization))
        .select(max(determinations::decided_at))
        .first(conn))?;
    maybe_instant(found)
}
