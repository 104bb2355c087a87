//! Patients and their identifiers.

use super::{Stored, code, date_text, id, instant, maybe_date, micros};
use crate::db::error::DbError;
use crate::db::schema::{patient_identifiers, patients};
use crate::domain::patient::{Identifier, Patient, Sex};
use diesel::{AsChangeset, Identifiable, Insertable, Queryable, Selectable};

#[derive(Debug, Clone, Queryable, Selectable, Insertable, Identifiable, AsChangeset)]
#[diesel(table_name = patients, primary_key(organization_id, id), treat_none_as_default_value = false, treat_none_as_null = true)]
pub(in crate::db) struct PatientRow {
    pub(in crate::db) organization_id: String,
    pub(in crate::db) id: String,
    pub(in crate::db) version: i32,
    pub(in crate::db) family_name: Option<String>,
    pub(in crate::db) given_name: Option<String>,
    pub(in crate::db) birth_date: Option<String>,
    pub(in crate::db) sex: Option<String>,
    pub(in crate::db) sort_name: String,
    pub(in crate::db) recorded_at: i64,
    pub(in crate::db) updated_at: i64,
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = patient_identifiers, treat_none_as_default_value = false)]
pub(in crate::db) struct IdentifierRow {
    pub(in crate::db) organization_id: String,
    pub(in crate::db) system: String,
    pub(in crate::db) value: String,
    pub(in crate::db) value_folded: String,
    pub(in crate::db) patient_id: String,
    pub(in crate::db) position: i32,
}

/// "family given" in lower case, for sorting and searching.
fn sort_name(patient: &Patient) -> String {
    let names = [&patient.family_name, &patient.given_name];
    let present: Vec<&str> = names
        .into_iter()
        .flatten()
        .map(|name| name.trim())
        .filter(|name| !name.is_empty())
        .collect();
    present.join(" ").to_lowercase()
}

pub(in crate::db) fn patient_row(
    organization: &str,
    record: &Stored<Patient>,
    version: i32,
) -> PatientRow {
    let patient = &record.value;
    PatientRow {
        organization_id: organization.to_owned(),
        id: record.id.to_string(),
        version,
        family_name: patient.family_name.clone(),
        given_name: patient.given_name.clone(),
        birth_date: patient.birth_date.map(date_text),
        sex: patient.sex.map(|sex| sex.code().to_owned()),
        sort_name: sort_name(patient),
        recorded_at: micros(record.recorded_at),
        updated_at: micros(record.updated_at),
    }
}

pub(in crate::db) fn identifier_rows(
    organization: &str,
    record: &Stored<Patient>,
) -> Vec<IdentifierRow> {
    let row = |(position, identifier): (i32, &Identifier)| IdentifierRow {
        organization_id: organization.to_owned(),
        system: identifier.system.clone(),
        value: identifier.value.clone(),
        value_folded: identifier.value.to_lowercase(),
        patient_id: record.id.to_string(),
        position,
    };
    (0..).zip(&record.value.identifiers).map(row).collect()
}

/// `identifiers` are the patient's own, in their order.
pub(in crate::db) fn stored_patient(
    row: PatientRow,
    identifiers: Vec<IdentifierRow>,
) -> Result<Stored<Patient>, DbError> {
    let patient_id = id(&row.id)?;
    let identifier = |row: IdentifierRow| Identifier {
        system: row.system,
        value: row.value,
    };
    Ok(Stored {
        id: patient_id,
        organization: row.organization_id,
        patient: patient_id,
        parent: patient_id,
        version: row.version,
        recorded_at: instant(row.recorded_at)?,
        updated_at: instant(row.updated_at)?,
        withdrawn: None,
        value: Patient {
            identifiers: identifiers.into_iter().map(identifier).collect(),
            family_name: row.family_name,
            given_name: row.given_name,
            birth_date: maybe_date(row.birth_date.as_deref())?,
            sex: row
                .sex
                .as_deref()
                .map(|text| code(text, Sex::from_code))
                .transpose()?,
        },
    })
}
