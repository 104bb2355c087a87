//! Patients.

use super::errors::FieldError;
use super::errors::FieldErrors;
use super::scalar::{Code, Date, Text};
use crate::domain::patient::{Identifier, Patient, Sex};
use chrono::NaiveDate;
use deserr::Deserr;
use schemars::JsonSchema;
use serde::Serialize;

/// A patient as sent.
#[derive(Debug, Clone, Deserr, JsonSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
pub struct PatientBody {
    /// At least one business identifier, such as a medical record number; unique in the organization.
    #[schemars(length(min = 1, max = 20))]
    pub identifiers: Vec<IdentifierBody>,
    /// Family name.
    #[deserr(default)]
    pub family_name: Option<Text<200>>,
    /// Given name or names.
    #[deserr(default)]
    pub given_name: Option<Text<200>>,
    /// Date of birth.
    #[deserr(default)]
    pub birth_date: Option<Date>,
    /// Sex, with FHIR's administrative codes.
    #[deserr(default)]
    pub sex: Option<Code<Sex>>,
}

/// A business identifier.
#[derive(Debug, Clone, Deserr, JsonSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
pub struct IdentifierBody {
    /// Who issues it, usually a URI.
    pub system: Text<200>,
    /// The value within that system.
    pub value: Text<200>,
}

impl PatientBody {
    /// What is wrong across fields; pointers begin with `at`.
    pub fn check(&self, at: &str, today: NaiveDate, errors: &mut Vec<FieldError>) {
        if self.identifiers.is_empty() {
            errors.push(FieldError::new(
                format!("{at}/identifiers"),
                "too_few",
                "Expected at least one identifier.",
            ));
        }
        if self.identifiers.len() > 20 {
            errors.push(FieldError::new(
                format!("{at}/identifiers"),
                "too_many",
                "Expected at most 20 identifiers.",
            ));
        }
        for (place, identifier) in self.identifiers.iter().enumerate() {
            let same = |other: &IdentifierBody| {
                other.system == identifier.system && other.value == identifier.value
            };
            if self.identifiers.iter().take(place).any(same) {
                let pointer = format!("{at}/identifiers/{place}");
                errors.push(FieldError::new(
                    pointer,
                    "duplicate",
                    "This identifier is listed twice.",
                ));
            }
        }
        if self.birth_date.is_some_and(|date| date.0 > today) {
            errors.push(FieldError::new(
                format!("{at}/birth_date"),
                "in_future",
                "A birth date lies in the past.",
            ));
        }
    }

    /// As the domain knows it.
    #[must_use]
    pub fn into_domain(self) -> Patient {
        let identifiers = self.identifiers.into_iter();
        Patient {
            identifiers: identifiers
                .map(|one| Identifier {
                    system: one.system.0,
                    value: one.value.0,
                })
                .collect(),
            family_name: self.family_name.map(|name| name.0),
            given_name: self.given_name.map(|name| name.0),
            birth_date: self.birth_date.map(|date| date.0),
            sex: self.sex.map(|sex| sex.0),
        }
    }
}

/// A patient as answered.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct PatientFields {
    /// Business identifiers.
    pub identifiers: Vec<IdentifierFields>,
    /// Family name.
    pub family_name: Option<String>,
    /// Given name or names.
    pub given_name: Option<String>,
    /// Date of birth.
    pub birth_date: Option<Date>,
    /// Sex.
    pub sex: Option<Code<Sex>>,
}

/// A business identifier as answered.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct IdentifierFields {
    /// Who issues it.
    pub system: String,
    /// The value within that system.
    pub value: String,
}

impl From<&Patient> for PatientFields {
    fn from(patient: &Patient) -> PatientFields {
        let identifiers = patient.identifiers.iter();
        PatientFields {
            identifiers: identifiers
                .map(|one| IdentifierFields {
                    system: one.system.clone(),
                    value: one.value.clone(),
                })
                .collect(),
            family_name: patient.family_name.clone(),
            given_name: patient.given_name.clone(),
            birth_date: patient.birth_date.map(Date),
            sex: patient.sex.map(Code),
        }
    }
}
