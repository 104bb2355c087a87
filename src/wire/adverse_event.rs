//! Adverse events.

use super::errors::FieldError;
use super::errors::FieldErrors;
use super::scalar::{Code, Date, Id, Text};
use crate::domain::adverse_event::{AdverseEvent, AdverseEventCategory, Grade, Relation};
use chrono::NaiveDate;
use deserr::Deserr;
use schemars::JsonSchema;
use serde::Serialize;

/// An adverse event as sent: on a block or on an ablation.
#[derive(Debug, Clone, Deserr, JsonSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
pub struct AdverseEventBody {
    /// The block after which it happened.
    #[deserr(default)]
    pub block_id: Option<Id>,
    /// The ablation after which it happened.
    #[deserr(default)]
    pub ablation_id: Option<Id>,
    /// What happened.
    pub category: Code<AdverseEventCategory>,
    /// How grave it was.
    pub grade: Code<Grade>,
    /// The day it began.
    pub onset_on: Date,
    /// Whether the procedure caused it.
    #[deserr(default)]
    pub relation: Option<Code<Relation>>,
    /// The day it was over.
    #[deserr(default)]
    pub resolved_on: Option<Date>,
    /// Free text.
    #[deserr(default)]
    pub note: Option<Text<4000>>,
}

impl AdverseEventBody {
    /// What is wrong across fields.
    pub fn check(&self, today: NaiveDate, errors: &mut Vec<FieldError>) {
        if self.block_id.is_some() == self.ablation_id.is_some() {
            let detail = "Name either the block or the ablation after which it happened.";
            errors.push(FieldError::new("/block_id", "exactly_one", detail));
        }
        if self.onset_on.0 > today {
            errors.push(FieldError::new(
                "/onset_on",
                "in_future",
                "The event lies in the future.",
            ));
        }
        if self
            .resolved_on
            .is_some_and(|resolved_on| resolved_on < self.onset_on)
        {
            errors.push(FieldError::new(
                "/resolved_on",
                "before_onset",
                "It cannot be over before it began.",
            ));
        }
        if self
            .resolved_on
            .is_some_and(|resolved_on| resolved_on.0 > today)
        {
            errors.push(FieldError::new(
                "/resolved_on",
                "in_future",
                "The day lies in the future.",
            ));
        }
    }

    /// As the domain knows it.
    #[must_use]
    pub fn into_domain(self) -> AdverseEvent {
        AdverseEvent {
            category: self.category.0,
            grade: self.grade.0,
            onset_on: self.onset_on.0,
            relation: self.relation.map(|code| code.0),
            resolved_on: self.resolved_on.map(|date| date.0),
            note: self.note.map(|text| text.0),
        }
    }
}

/// An adverse event as answered.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AdverseEventFields {
    /// What happened.
    pub category: Code<AdverseEventCategory>,
    /// How grave it was.
    pub grade: Code<Grade>,
    /// The day it began.
    pub onset_on: Date,
    /// Whether the procedure caused it.
    pub relation: Option<Code<Relation>>,
    /// The day it was over.
    pub resolved_on: Option<Date>,
    /// Free text.
    pub note: Option<String>,
}

impl From<&AdverseEvent> for AdverseEventFields {
    fn from(event: &AdverseEvent) -> AdverseEventFields {
        AdverseEventFields {
            category: Code(event.category),
            grade: Code(event.grade),
            onset_on: Date(event.onset_on),
            relation: event.relation.map(Code),
            resolved_on: event.resolved_on.map(Date),
            note: event.note.clone(),
        }
    }
}
