//! The person, as far as a candidate list needs to know them.

use super::vocabulary::vocabulary;
use chrono::NaiveDate;

/// A patient of one organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patient {
    /// At least one; each (system, value) belongs to one patient of an organization.
    pub identifiers: Vec<Identifier>,
    /// Family name.
    pub family_name: Option<String>,
    /// Given name or names.
    pub given_name: Option<String>,
    /// Date of birth.
    pub birth_date: Option<NaiveDate>,
    /// Sex.
    pub sex: Option<Sex>,
}

/// A business identifier, such as a medical record number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identifier {
    /// Who issues it, usually a URI.
    pub system: String,
    /// The value within that system.
    pub value: String,
}

vocabulary! {
    /// Sex, with FHIR's administrative codes.
    Sex {
        /// Female.
        Female = "female", "female";
        /// Male.
        Male = "male", "male";
        /// Other.
        Other = "other", "other";
        /// Unknown.
        Unknown = "unknown", "unknown";
    }
}
