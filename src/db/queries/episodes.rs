//! Episodes.

use super::{get, stored, texts, update_if_version};
use crate::db::dialect::query;
use crate::db::page::one_more;
use crate::db::rows::{self, EpisodeRow, Stored};
use crate::db::schema::episodes;
use crate::db::{Page, Result, Tx};
use crate::domain::episode::Episode;
use diesel::prelude::*;
use uuid::Uuid;

/// Adds an episode.
///
/// # Errors
/// [`ForeignKeyViolation`](crate::db::DbError::ForeignKeyViolation) when the organization has no such patient.
pub fn insert(tx: &mut Tx<'_>, organization: &str, record: &Stored<Episode>) -> Result<()> {
    rows::same_organization(organization, record)?;
    let row = EpisodeRow::of(organization, record, record.version)?;
    query!(tx, conn => diesel::insert_into(episodes::table).values(&row).execute(conn))?;
    Ok(())
}

/// The episode with this id.
///
/// # Errors
/// [`NotFound`](crate::db::DbError::NotFound) when the organization has none such.
pub fn get(tx: &mut Tx<'_>, organization: &str, episode: Uuid) -> Result<Stored<Episode>> {
    get!(tx, episodes, EpisodeRow, organization, episode)?.try_into()
}

/// Replaces the episode if its version is `expected`; the new version.
///
/// # Errors
/// [`Stale`](crate::db::DbError::Stale), [`NotFound`](crate::db::DbError::NotFound).
pub fn update_if_version(
    tx: &mut Tx<'_>,
    organization: &str,
    record: &Stored<Episode>,
    expected: i32,
) -> Result<i32> {
    let row = EpisodeRow::of(organization, record, expected.saturating_add(1))?;
    update_if_version!(tx, episodes, organization, record.id, expected, &row)
}

/// A page of episodes by id, of all patients or of one.
///
/// # Errors
/// When the database fails.
pub fn page(
    tx: &mut Tx<'_>,
    organization: &str,
    patient: Option<Uuid>,
    after: Option<Uuid>,
    limit: u32,
) -> Result<Page<Stored<Episode>>> {
    let (patient, after) = (
        patient.map(|id| id.to_string()),
        after.map(|id| id.to_string()),
    );
    let found = query!(tx, conn => {
        let mut found = episodes::table.filter(episodes::organization_id.eq(organization)).into_boxed::<Db>();
        if let Some(patient) = &patient {
            found = found.filter(episodes::patient_id.eq(patient));
        }
        if let Some(after) = &after {
            found = found.filter(episodes::id.gt(after));
        }
        found.order(episodes::id).limit(one_more(limit)).select(EpisodeRow::as_select()).load::<EpisodeRow>(conn)
    })?;
    Page::of(found, limit).try_map(TryInto::try_into)
}

/// How many episodes there are, of all patients or of one.
///
/// # Errors
/// When the database fails.
pub fn count(tx: &mut Tx<'_>, organization: &str, patient: Option<Uuid>) -> Result<i64> {
    let patient = patient.map(|id| id.to_string());
    query!(tx, conn => {
        let mut found = episodes::table.filter(episodes::organization_id.eq(organization)).count().into_boxed::<Db>();
        if let Some(patient) = &patient {
            found = found.filter(episodes::patient_id.eq(patient));
        }
        found.get_result(conn)
    })
}

/// Every episode of a patient, in the order of recording.
///
/// # Errors
/// When the database fails.
pub fn for_patient(
    tx: &mut Tx<'_>,
    organization: &str,
    patient: Uuid,
) -> Result<Vec<Stored<Episode>>> {
    let found = query!(tx, conn => episodes::table
        .filter(episodes::organization_id.eq(organization))
        .filter(episodes::patient_id.eq(patient.to_string()))
        .order(episodes::id)
        .select(EpisodeRow::as_select())
        .load::<EpisodeRow>(conn))?;
    stored(found)
}

/// Every episode of these patients, patient by patient in the order of recording.
///
/// # Errors
/// When the database fails.
pub fn for_patients(
    tx: &mut Tx<'_>,
    organization: &str,
    patients: &[Uuid],
) -> Result<Vec<Stored<Episode>>> {
    let of = texts(patients);
    let found = query!(tx, conn => episodes::table
        .filter(episodes::organization_id.eq(organization))
        .filter(episodes::patient_id.eq_any(&of))
        .order((episodes::patient_id, episodes::id))
        .select(EpisodeRow::as_select())
        .load::<EpisodeRow>(conn))?;
    stored(found)
}
