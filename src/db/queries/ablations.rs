//! Ablations.

use super::{get, stored, texts, update_if_version};
use crate::db::dialect::query;
use crate::db::page::one_more;
use crate::db::rows::{self, AblationRow, Stored, micros};
use crate::db::schema::ablations;
use crate::db::{Page, Result, Tx};
use crate::domain::ablation::Ablation;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use uuid::Uuid;

/// Adds an ablation.
///
/// # Errors
/// [`ForeignKeyViolation`](crate::db::DbError::ForeignKeyViolation) when the patient has no such episode.
pub fn insert(tx: &mut Tx<'_>, organization: &str, record: &Stored<Ablation>) -> Result<()> {
    rows::same_organization(organization, record)?;
    let row = AblationRow::of(organization, record, record.version);
    query!(tx, conn => diesel::insert_into(ablations::table).values(&row).execute(conn))?;
    Ok(())
}

/// The ablation with this id, withdrawn or not.
///
/// # Errors
/// [`NotFound`](crate::db::DbError::NotFound) when the organization has none such.
pub fn get(tx: &mut Tx<'_>, organization: &str, ablation: Uuid) -> Result<Stored<Ablation>> {
    get!(tx, ablations, AblationRow, organization, ablation)?.try_into()
}

/// Replaces the ablation if its version is `expected`; the new version.
///
/// # Errors
/// [`Stale`](crate::db::DbError::Stale), [`NotFound`](crate::db::DbError::NotFound).
pub fn update_if_version(
    tx: &mut Tx<'_>,
    organization: &str,
    record: &Stored<Ablation>,
    expected: i32,
) -> Result<i32> {
    let row = AblationRow::of(organization, record, expected.saturating_add(1));
    update_if_version!(tx, ablations, organization, record.id, expected, &row)
}

/// Withdraws the ablation if its version is `expected`; the new version.
///
/// # Errors
/// [`Stale`](crate::db::DbError::Stale), [`NotFound`](crate::db::DbError::NotFound).
pub fn withdraw(
    tx: &mut Tx<'_>,
    organization: &str,
    ablation: Uuid,
    expected: i32,
    at: DateTime<Utc>,
    reason: &str,
) -> Result<i32> {
    let changes = (
        ablations::version.eq(expected.saturating_add(1)),
        ablations::updated_at.eq(micros(at)),
        ablations::withdrawn_at.eq(Some(micros(at))),
        ablations::withdrawn_reason.eq(Some(reason)),
    );
    update_if_version!(tx, ablations, organization, ablation, expected, changes)
}

/// A page of the ablations that are not withdrawn, by id: of all, of a patient, of an episode.
///
/// # Errors
/// When the database fails.
pub fn page(
    tx: &mut Tx<'_>,
    organization: &str,
    patient: Option<Uuid>,
    episode: Option<Uuid>,
    after: Option<Uuid>,
    limit: u32,
) -> Result<Page<Stored<Ablation>>> {
    let found = query!(tx, conn => {
        let mut found = ablations::table
            .filter(ablations::organization_id.eq(organization))
            .filter(ablations::withdrawn_at.is_null())
            .into_boxed::<Db>();
        if let Some(patient) = patient {
            found = found.filter(ablations::patient_id.eq(patient.to_string()));
        }
        if let Some(episode) = episode {
            found = found.filter(ablations::episode_id.eq(episode.to_string()));
        }
        if let Some(after) = after {
            found = found.filter(ablations::id.gt(after.to_string()));
        }
        found.order(ablations::id).limit(one_more(limit)).select(AblationRow::as_select()).load::<AblationRow>(conn)
    })?;
    Page::of(found, limit).try_map(TryInto::try_into)
}

/// How many ablations [`page`] leads through.
///
/// # Errors
/// When the database fails.
pub fn count(
    tx: &mut Tx<'_>,
    organization: &str,
    patient: Option<Uuid>,
    episode: Option<Uuid>,
) -> Result<i64> {
    query!(tx, conn => {
        let mut found = ablations::table
            .filter(ablations::organization_id.eq(organization))
            .filter(ablations::withdrawn_at.is_null())
            .count()
            .into_boxed::<Db>();
        if let Some(patient) = patient {
            found = found.filter(ablations::patient_id.eq(patient.to_string()));
        }
        if let Some(episode) = episode {
            found = found.filter(ablations::episode_id.eq(episode.to_string()));
        }
        found.get_result(conn)
    })
}

/// Every ablation of a patient that is not withdrawn, in the order of recording.
///
/// # Errors
/// When the database fails.
pub fn for_patient(
    tx: &mut Tx<'_>,
    organization: &str,
    patient: Uuid,
) -> Result<Vec<Stored<Ablation>>> {
    let found = query!(tx, conn => ablations::table
        .filter(ablations::organization_id.eq(organization))
        .filter(ablations::patient_id.eq(patient.to_string()))
        .filter(ablations::withdrawn_at.is_null())
        .order(ablations::id)
        .select(AblationRow::as_select())
        .load::<AblationRow>(conn))?;
    stored(found)
}

/// Every ablation of these patients that is not withdrawn, patient by patient in the order of recording.
///
/// # Errors
/// When the database fails.
pub fn for_patients(
    tx: &mut Tx<'_>,
    organization: &str,
    patients: &[Uuid],
) -> Result<Vec<Stored<Ablation>>> {
    let of = texts(patients);
    let found = query!(tx, conn => ablations::table
        .filter(ablations::organization_id.eq(organization))
        .filter(ablations::patient_id.eq_any(&of))
        .filter(ablations::withdrawn_at.is_null())
        .order((ablations::patient_id, ablations::id))
        .select(AblationRow::as_select())
        .load::<AblationRow>(conn))?;
    stored(found)
}

/// Every ablation of `episodes` that is not withdrawn, in the order of recording.
///
/// # Errors
/// When the database fails.
pub fn for_episodes(
    tx: &mut Tx<'_>,
    organization: &str,
    episodes: &[Uuid],
) -> Result<Vec<Stored<Ablation>>> {
    let of = texts(episodes);
    let found = query!(tx, conn => ablations::table
        .filter(ablations::organization_id.eq(organization))
        .filter(ablations::episode_id.eq_any(&of))
        .filter(ablations::withdrawn_at.is_null())
        .order(ablations::id)
        .select(AblationRow::as_select())
        .load::<AblationRow>(conn))?;
    stored(found)
}
