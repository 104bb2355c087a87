//! Patients.

use super::core::Unit;
use super::error::{Error, Result};
use super::versions::{check_version, keep_version};
use crate::auth::Action;
use crate::db::queries;
use crate::db::{DbError, Stored};
use crate::domain::patient::{Identifier, Patient};
use std::collections::BTreeSet;
use uuid::Uuid;

/// A patient that was asked to be recorded.
#[derive(Debug, Clone)]
pub enum Recorded {
    /// It is new.
    Anew(Stored<Patient>),
    /// Somebody of the organization has one of its identifiers already; nothing was changed.
    Before(Stored<Patient>),
}

impl Recorded {
    /// The patient, new or not.
    #[must_use]
    pub fn patient(&self) -> &Stored<Patient> {
        match self {
            Recorded::Anew(patient) | Recorded::Before(patient) => patient,
        }
    }
}

/// Records a patient, unless one with the same identifier is there already.
///
/// # Errors
/// [`Error::Conflict`] where the identifiers belong to different patients.
pub fn record(unit: &mut Unit<'_, '_>, patient: &Patient) -> Result<Recorded> {
    unit.require(Action::WritePatient)?;
    if let Some(found) = matching(unit, &patient.identifiers)? {
        return Ok(Recorded::Before(found));
    }
    let id = unit.new_id();
    let stored = Stored::new(id, unit.organization(), id, id, unit.now, patient.clone());
    queries::patients::insert(unit.tx, &unit.principal.organization, &stored)?;
    unit.audit(Action::WritePatient, "patient", id, Some(id))?;
    Ok(Recorded::Anew(stored))
}

/// The patient to whom the identifiers belong, if they belong to anybody.
pub(super) fn matching(
    unit: &mut Unit<'_, '_>,
    identifiers: &[Identifier],
) -> Result<Option<Stored<Patient>>> {
    let mut owners = BTreeSet::new();
    for identifier in identifiers {
        let owner = queries::patients::find_by_identifier(
            unit.tx,
            &unit.principal.organization,
            identifier,
        )?;
        owners.extend(owner);
    }
    let mut owners = owners.into_iter();
    let Some(owner) = owners.next() else {
        return Ok(None);
    };
    if owners.next().is_some() {
        return Err(Error::Conflict {
            code: "identifiers_of_different_patients",
            detail: "These identifiers belong to different patients that are recorded already."
                .to_owned(),
        });
    }
    Ok(Some(queries::patients::get(
        unit.tx,
        &unit.principal.organization,
        owner,
    )?))
}

/// The patient to whom identifiers belong, as another system names them; `None` where they belong to nobody here.
///
/// # Errors
/// [`Error::Conflict`] where they belong to different patients.
pub fn find_by_identifiers(
    unit: &mut Unit<'_, '_>,
    identifiers: &[Identifier],
) -> Result<Option<Stored<Patient>>> {
    unit.require(Action::ReadPatient)?;
    let found = matching(unit, identifiers)?;
    if let Some(patient) = &found {
        unit.note_read(
            Action::ReadPatient,
            "patient",
            Some(patient.id),
            Some(patient.id),
        );
    }
    Ok(found)
}

/// One patient.
///
/// # Errors
/// [`Error::NotFound`].
pub fn get(unit: &mut Unit<'_, '_>, id: Uuid) -> Result<Stored<Patient>> {
    unit.require(Action::ReadPatient)?;
    let patient = find(unit, id)?;
    unit.note_read(Action::ReadPatient, "patient", Some(id), Some(id));
    Ok(patient)
}

/// The patient with `id`, permission left aside.
pub(super) fn find(unit: &mut Unit<'_, '_>, id: Uuid) -> Result<Stored<Patient>> {
    queries::patients::get(unit.tx, &unit.principal.organization, id).map_err(|error| match error {
        DbError::NotFound => Error::NotFound { what: "patient" },
        other => other.into(),
    })
}

/// Corrects a patient; the earlier version is kept.
///
/// # Errors
/// [`Error::PreconditionFailed`] for another version than the current one, [`Error::Conflict`] where an identifier
/// belongs to another patient.
pub fn correct(
    unit: &mut Unit<'_, '_>,
    id: Uuid,
    version: i32,
    patient: &Patient,
    reason: Option<&str>,
) -> Result<Stored<Patient>> {
    unit.require(Action::CorrectPatient)?;
    let stored = find(unit, id)?;
    check_version(&stored, version)?;
    for identifier in &patient.identifiers {
        let owner = queries::patients::find_by_identifier(
            unit.tx,
            &unit.principal.organization,
            identifier,
        )?;
        if owner.is_some_and(|owner| owner != id) {
            return Err(Error::Conflict {
                code: "identifier_taken",
                detail: "One of these identifiers belongs to another patient.".to_owned(),
            });
        }
    }
    keep_version(
        unit,
        "patient",
        &stored,
        &crate::wire::patient::PatientFields::from(&stored.value),
        reason,
    )?;
    let corrected = stored.next(unit.now, patient.clone());
    queries::patients::update_if_version(
        unit.tx,
        &unit.principal.organization,
        &corrected,
        version,
    )?;
    unit.audit(Action::CorrectPatient, "patient", id, Some(id))?;
    Ok(corrected)
}

/// A page of patients in the order in which they were recorded.
///
/// # Errors
/// Those of the database.
pub fn page(
    unit: &mut Unit<'_, '_>,
    identifier: Option<&Identifier>,
    after: Option<Uuid>,
    limit: u16,
) -> Result<crate::db::Page<Stored<Patient>>> {
    unit.require(Action::ReadPatient)?;
    let page = queries::patients::page(
        unit.tx,
        &unit.principal.organization,
        identifier,
        after,
        u32::from(limit),
    )?;
    unit.note_read(Action::ReadPatient, "patients", None, None);
    Ok(page)
}

/// The first few patients whose name, family name first, or identifier begins with `text`; nobody for an empty text.
///
/// # Errors
/// Those of the database.
pub fn find_by_words(unit: &mut Unit<'_, '_>, text: &str) -> Result<Vec<Stored<Patient>>> {
    const MOST: u32 = 12;
    unit.require(Action::ReadPatient)?;
    let text = text.trim();
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let found = queries::patients::search(unit.tx, &unit.principal.organization, text, MOST)?;
    unit.note_read(Action::ReadPatient, "patients", None, None);
    Ok(found)
}

/// Who issued the identifier of the patient that was recorded last: most likely that of the next one too.
///
/// # Errors
/// Those of the database.
pub fn newest_system(unit: &mut Unit<'_, '_>) -> Result<Option<String>> {
    unit.require(Action::ReadPatient)?;
    Ok(queries::patients::newest_system(
        unit.tx,
        &unit.principal.organization,
    )?)
}

/// How many patients [`page`] leads through.
///
/// # Errors
/// Those of the database.
pub fn count(unit: &mut Unit<'_, '_>, identifier: Option<&Identifier>) -> Result<i64> {
    unit.require(Action::ReadPatient)?;
    let organization = &unit.principal.organization;
    let Some(identifier) = identifier else {
        return Ok(queries::patients::count(unit.tx, organization)?);
    };
    let owner = queries::patients::find_by_identifier(unit.tx, organization, identifier)?;
    Ok(i64::from(owner.is_some()))
}
