//! Patients.

use super::{get, texts, update_if_version};
use crate::db::dialect::{insert_all, query};
use crate::db::page::one_more;
use crate::db::rows::{self, IdentifierRow, PatientRow, Stored};
use crate::db::schema::{determinations, episodes, patient_identifiers, patients};
use crate::db::{Page, Result, Tx};
use crate::domain::patient::{Identifier, Patient};
use diesel::prelude::*;
use std::collections::HashMap;
use uuid::Uuid;

/// Adds a patient.
///
/// # Errors
/// [`UniqueViolation`](crate::db::DbError::UniqueViolation) when an identifier belongs to another patient.
pub fn insert(tx: &mut Tx<'_>, organization: &str, record: &Stored<Patient>) -> Result<()> {
    rows::same_organization(organization, record)?;
    let row = rows::patient_row(organization, record, record.version);
    query!(tx, conn => diesel::insert_into(patients::table).values(&row).execute(conn))?;
    insert_identifiers(tx, organization, record)
}

fn insert_identifiers(tx: &mut Tx<'_>, organization: &str, record: &Stored<Patient>) -> Result<()> {
    let identifiers = rows::identifier_rows(organization, record);
    insert_all!(tx, patient_identifiers, identifiers.as_slice());
    Ok(())
}

/// The patient with this id.
///
/// # Errors
/// [`NotFound`](crate::db::DbError::NotFound) when the organization has none such.
pub fn get(tx: &mut Tx<'_>, organization: &str, patient: Uuid) -> Result<Stored<Patient>> {
    let row = get!(tx, patients, PatientRow, organization, patient)?;
    let id = row.id.clone();
    let identifiers = query!(tx, conn => patient_identifiers::table
        .filter(patient_identifiers::organization_id.eq(organization))
        .filter(patient_identifiers::patient_id.eq(&id))
        .order(patient_identifiers::position)
        .select(IdentifierRow::as_select())
        .load(conn))?;
    rows::stored_patient(row, identifiers)
}

/// The id of the patient with this identifier.
///
/// # Errors
/// When the database fails.
pub fn find_by_identifier(
    tx: &mut Tx<'_>,
    organization: &str,
    identifier: &Identifier,
) -> Result<Option<Uuid>> {
    let found = query!(tx, conn => patient_identifiers::table
        .filter(patient_identifiers::organization_id.eq(organization))
        .filter(patient_identifiers::system.eq(&identifier.system))
        .filter(patient_identifiers::value.eq(&identifier.value))
        .select(patient_identifiers::patient_id)
        .first::<String>(conn)
        .optional())?;
    found.as_deref().map(rows::id).transpose()
}

/// The patients with these ids.
///
/// # Errors
/// When the database fails.
pub fn by_ids(
    tx: &mut Tx<'_>,
    organization: &str,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, Stored<Patient>>> {
    let ids = texts(ids);
    let found = query!(tx, conn => patients::table
        .filter(patients::organization_id.eq(organization))
        .filter(patients::id.eq_any(&ids))
        .select(PatientRow::as_select())
        .load(conn))?;
    Ok(with_identifiers(tx, organization, found)?
        .into_iter()
        .map(|patient| (patient.id, patient))
        .collect())
}

fn with_identifiers(
    tx: &mut Tx<'_>,
    organization: &str,
    found: Vec<PatientRow>,
) -> Result<Vec<Stored<Patient>>> {
    let ids: Vec<&str> = found.iter().map(|row| row.id.as_str()).collect();
    let identifiers = query!(tx, conn => patient_identifiers::table
        .filter(patient_identifiers::organization_id.eq(organization))
        .filter(patient_identifiers::patient_id.eq_any(&ids))
        .order((patient_identifiers::patient_id, patient_identifiers::position))
        .select(IdentifierRow::as_select())
        .load(conn))?;
    let mut by_patient: HashMap<String, Vec<IdentifierRow>> = HashMap::new();
    for identifier in identifiers {
        by_patient
            .entry(identifier.patient_id.clone())
            .or_default()
            .push(identifier);
    }
    found
        .into_iter()
        .map(|row| {
            let identifiers = by_patient.remove(&row.id).unwrap_or_default();
            rows::stored_patient(row, identifiers)
        })
        .collect()
}

/// Replaces the patient and its identifiers if its version is `expected`; the new version.
///
/// # Errors
/// [`Stale`](crate::db::DbError::Stale), [`NotFound`](crate::db::DbError::NotFound), and
/// [`UniqueViolation`](crate::db::DbError::UniqueViolation) when an identifier belongs to another patient.
pub fn update_if_version(
    tx: &mut Tx<'_>,
    organization: &str,
    record: &Stored<Patient>,
    expected: i32,
) -> Result<i32> {
    let row = rows::patient_row(organization, record, expected.saturating_add(1));
    let version = update_row(tx, organization, record.id, expected, &row)?;
    let id = record.id.to_string();
    query!(tx, conn => diesel::delete(
        patient_identifiers::table
            .filter(patient_identifiers::organization_id.eq(organization))
            .filter(patient_identifiers::patient_id.eq(&id)),
    )
    .execute(conn))?;
    insert_identifiers(tx, organization, record)?;
    // The lists are sorted by the name they repeat.
    let own = episodes::table
        .filter(episodes::organization_id.eq(organization))
        .filter(episodes::patient_id.eq(&id))
        .select(episodes::id);
    query!(tx, conn => diesel::update(
        determinations::table
            .filter(determinations::organization_id.eq(organization))
            .filter(determinations::episode_id.eq_any(own))
            .filter(determinations::sort_name.ne(&row.sort_name)),
    )
    .set(determinations::sort_name.eq(&row.sort_name))
    .execute(conn))?;
    Ok(version)
}

fn update_row(
    tx: &mut Tx<'_>,
    organization: &str,
    id: Uuid,
    expected: i32,
    row: &PatientRow,
) -> Result<i32> {
    update_if_version!(tx, patients, organization, id, expected, row)
}

/// A page of patients by id, of all or of the one with this identifier.
///
/// # Errors
/// When the database fails.
pub fn page(
    tx: &mut Tx<'_>,
    organization: &str,
    identifier: Option<&Identifier>,
    after: Option<Uuid>,
    limit: u32,
) -> Result<Page<Stored<Patient>>> {
    let only = match identifier {
        Some(identifier) => match find_by_identifier(tx, organization, identifier)? {
            Some(patient) => Some(patient.to_string()),
            None => {
                return Ok(Page {
                    items: Vec::new(),
                    more: false,
                });
            }
        },
        None => None,
    };
    let after = after.map(|id| id.to_string());
    let found = query!(tx, conn => {
        let mut found = patients::table.filter(patients::organization_id.eq(organization)).into_boxed::<Db>();
        if let Some(only) = &only {
            found = found.filter(patients::id.eq(only));
        }
        if let Some(after) = &after {
            found = found.filter(patients::id.gt(after));
        }
        found.order(patients::id).limit(one_more(limit)).select(PatientRow::as_select()).load::<PatientRow>(conn)
    })?;
    let page = Page::of(found, limit);
    Ok(Page {
        items: with_identifiers(tx, organization, page.items)?,
        more: page.more,
    })
}

/// The first `limit` patients whose name, family name first, begins with `text`, and as many of whom an identifier does;
/// by name.
///
/// # Errors
/// When the database fails.
pub fn search(
    tx: &mut Tx<'_>,
    organization: &str,
    text: &str,
    limit: u32,
) -> Result<Vec<Stored<Patient>>> {
    let first = text.to_lowercase();
    let last = format!("{first}{}", char::MAX);
    let named = query!(tx, conn => patients::table
        .filter(patients::organization_id.eq(organization))
        .filter(patients::sort_name.ge(&first))
        .filter(patients::sort_name.lt(&last))
        .order((patients::sort_name, patients::id))
        .limit(i64::from(limit))
        .select(patients::id)
        .load::<String>(conn))?;
    let identified = query!(tx, conn => patient_identifiers::table
        .filter(patient_identifiers::organization_id.eq(organization))
        .filter(patient_identifiers::value_folded.ge(&first))
        .filter(patient_identifiers::value_folded.lt(&last))
        .order((patient_identifiers::value_folded, patient_identifiers::patient_id))
        .limit(i64::from(limit))
        .select(patient_identifiers::patient_id)
        .load::<String>(conn))?;
    let mut ids: Vec<String> = named.into_iter().chain(identified).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut rows = query!(tx, conn => patients::table
        .filter(patients::organization_id.eq(organization))
        .filter(patients::id.eq_any(&ids))
        .select(PatientRow::as_select())
        .load::<PatientRow>(conn))?;
    rows.sort_by(|one, other| (&one.sort_name, &one.id).cmp(&(&other.sort_name, &other.id)));
    with_identifiers(tx, organization, rows)
}

/// Names as the lists are sorted by them, with their patients: in that order, after one of them. Read from the index alone.
///
/// # Errors
/// When the database fails.
pub fn names(
    tx: &mut Tx<'_>,
    organization: &str,
    after: Option<&(String, Uuid)>,
    limit: u32,
) -> Result<Page<(String, Uuid)>> {
    let found = query!(tx, conn => {
        let mut found = patients::table
            .filter(patients::organization_id.eq(organization))
            .select((patients::sort_name, patients::id))
            .order((patients::sort_name, patients::id))
            .limit(one_more(limit))
            .into_boxed::<Db>();
        if let Some((name, id)) = after {
            // The first condition is what the index begins at.
            found = found
                .filter(patients::sort_name.ge(name))
                .filter(patients::sort_name.gt(name).or(patients::id.gt(id.to_string())));
        }
        found.load::<(String, String)>(conn)
    })?;
    Page::of(found, limit).try_map(|(name, id)| Ok((name, rows::id(&id)?)))
}

/// The patients who have an identifier with this value, of whatever system.
///
/// # Errors
/// When the database fails.
pub fn with_identifier_value(
    tx: &mut Tx<'_>,
    organization: &str,
    value: &str,
) -> Result<Vec<Uuid>> {
    let found = query!(tx, conn => patient_identifiers::table
        .filter(patient_identifiers::organization_id.eq(organization))
        .filter(patient_identifiers::value_folded.eq(value.to_lowercase()))
        .filter(patient_identifiers::value.eq(value))
        .order(patient_identifiers::patient_id)
        .select(patient_identifiers::patient_id)
        .load::<String>(conn))?;
    let mut ids = found
        .iter()
        .map(|id| rows::id(id))
        .collect::<Result<Vec<Uuid>>>()?;
    ids.dedup();
    Ok(ids)
}

/// Who issued the first identifier of the patient that was recorded last.
///
/// # Errors
/// When the database fails.
pub fn newest_system(tx: &mut Tx<'_>, organization: &str) -> Result<Option<String>> {
    let newest = query!(tx, conn => patients::table
        .filter(patients::organization_id.eq(organization))
        .order(patients::id.desc())
        .select(patients::id)
        .first::<String>(conn)
        .optional())?;
    let Some(newest) = newest else {
        return Ok(None);
    };
    query!(tx, conn => patient_identifiers::table
        .filter(patient_identifiers::organization_id.eq(organization))
        .filter(patient_identifiers::patient_id.eq(&newest))
        .order(patient_identifiers::position)
        .select(patient_identifiers::system)
        .first::<String>(conn)
        .optional())
}

/// How many patients the organization has.
///
/// # Errors
/// When the database fails.
pub fn count(tx: &mut Tx<'_>, organization: &str) -> Result<i64> {
    query!(tx, conn => patients::table.filter(patients::organization_id.eq(organization)).count().get_result(conn))
}
