//! Follow-ups after ablations.

use super::{get, stored, texts, update_if_version};
use crate::db::dialect::query;
use crate::db::page::one_more;
use crate::db::rows::{self, FollowUpRow, Stored, micros};
use crate::db::schema::{ablations, follow_ups};
use crate::db::{Page, Result, Tx};
use crate::domain::ablation::FollowUp;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use uuid::Uuid;

/// Adds a follow-up.
///
/// # Errors
/// [`ForeignKeyViolation`](crate::db::DbError::ForeignKeyViolation) when the patient has no such ablation.
pub fn insert(tx: &mut Tx<'_>, organization: &str, record: &Stored<FollowUp>) -> Result<()> {
    rows::same_organization(organization, record)?;
    let row = FollowUpRow::of(organization, record, record.version);
    query!(tx, conn => diesel::insert_into(follow_ups::table).values(&row).execute(conn))?;
    Ok(())
}

/// The follow-up with this id, withdrawn or not.
///
/// # Errors
/// [`NotFound`](crate::db::DbError::NotFound) when the organization has none such.
pub fn get(tx: &mut Tx<'_>, organization: &str, follow_up: Uuid) -> Result<Stored<FollowUp>> {
    get!(tx, follow_ups, FollowUpRow, organization, follow_up)?.try_into()
}

/// Replaces the follow-up if its version is `expected`; the new version.
///
/// # Errors
/// [`Stale`](crate::db::DbError::Stale), [`NotFound`](crate::db::DbError::NotFound).
pub fn update_if_version(
    tx: &mut Tx<'_>,
    organization: &str,
    record: &Stored<FollowUp>,
    expected: i32,
) -> Result<i32> {
    let row = FollowUpRow::of(organization, record, expected.saturating_add(1));
    update_if_version!(tx, follow_ups, organization, record.id, expected, &row)
}

/// Withdraws the follow-up if its version is `expected`; the new version.
///
/// # Errors
/// [`Stale`](crate::db::DbError::Stale), [`NotFound`](crate::db::DbError::NotFound).
pub fn withdraw(
    tx: &mut Tx<'_>,
    organization: &str,
    follow_up: Uuid,
    expected: i32,
    at: DateTime<Utc>,
    reason: &str,
) -> Result<i32> {
    let changes = (
        follow_ups::version.eq(expected.saturating_add(1)),
        follow_ups::updated_at.eq(micros(at)),
        follow_ups::withdrawn_at.eq(Some(micros(at))),
        follow_ups::withdrawn_reason.eq(Some(reason)),
    );
    update_if_version!(tx, follow_ups, organization, follow_up, expected, changes)
}

/// A page of an ablation's follow-ups that are not withdrawn, by id.
///
/// # Errors
/// When the database fails.
pub fn page(
    tx: &mut Tx<'_>,
    organization: &str,
    ablation: Uuid,
    after: Option<Uuid>,
    limit: u32,
) -> Result<Page<Stored<FollowUp>>> {
    let found = query!(tx, conn => {
        let mut found = follow_ups::table
            .filter(follow_ups::organization_id.eq(organization))
            .filter(follow_ups::ablation_id.eq(ablation.to_string()))
            .filter(follow_ups::withdrawn_at.is_null())
            .into_boxed::<Db>();
        if let Some(after) = after {
            found = found.filter(follow_ups::id.gt(after.to_string()));
        }
        found.order(follow_ups::id).limit(one_more(limit)).select(FollowUpRow::as_select()).load::<FollowUpRow>(conn)
    })?;
    Page::of(found, limit).try_map(TryInto::try_into)
}

/// How many follow-ups [`page`] leads through.
///
/// # Errors
/// When the database fails.
pub fn count(tx: &mut Tx<'_>, organization: &str, ablation: Uuid) -> Result<i64> {
    query!(tx, conn => follow_ups::table
        .filter(follow_ups::organization_id.eq(organization))
        .filter(follow_ups::ablation_id.eq(ablation.to_string()))
        .filter(follow_ups::withdrawn_at.is_null())
        .count()
        .get_result(conn))
}

/// Every follow-up of these ablations that is not withdrawn, ablation by ablation.
///
/// # Errors
/// When the database fails.
pub fn for_ablations(
    tx: &mut Tx<'_>,
    organization: &str,
    of: &[Uuid],
) -> Result<Vec<Stored<FollowUp>>> {
    let of = texts(of);
    let found = query!(tx, conn => follow_ups::table
        .filter(follow_ups::organization_id.eq(organization))
        .filter(follow_ups::ablation_id.eq_any(&of))
        .filter(follow_ups::withdrawn_at.is_null())
        .order((follow_ups::ablation_id, follow_ups::id))
        .select(FollowUpRow::as_select())
        .load::<FollowUpRow>(conn))?;
    stored(found)
}

/// Every follow-up of a patient that is not withdrawn, of ablations that are not, ablation by ablation.
///
/// # Errors
/// When the database fails.
pub fn for_patient(
    tx: &mut Tx<'_>,
    organization: &str,
    patient: Uuid,
) -> Result<Vec<Stored<FollowUp>>> {
    let own = follow_ups::organization_id
        .eq(ablations::organization_id)
        .and(follow_ups::ablation_id.eq(ablations::id));
    let found = query!(tx, conn => ablations::table
        .inner_join(follow_ups::table.on(own))
        .filter(ablations::organization_id.eq(organization))
        .filter(ablations::patient_id.eq(patient.to_string()))
        .filter(ablations::withdrawn_at.is_null())
        .filter(follow_ups::withdrawn_at.is_null())
        .order((ablations::id, follow_ups::id))
        .select(FollowUpRow::as_select())
        .load::<FollowUpRow>(conn))?;
    stored(found)
}
