//! Adverse events.

use super::{Stored, code, corrupt, date, date_text, id, instant, maybe_code, maybe_date, micros};
use crate::db::error::DbError;
use crate::db::queries::adverse_events::After;
use crate::db::schema::adverse_events;
use crate::domain::adverse_event::{AdverseEvent, AdverseEventCategory, Grade, Relation};
use diesel::{Insertable, Queryable, Selectable};

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = adverse_events, treat_none_as_default_value = false)]
pub(in crate::db) struct AdverseEventRow {
    pub(in crate::db) organization_id: String,
    pub(in crate::db) id: String,
    pub(in crate::db) patient_id: String,
    pub(in crate::db) block_id: Option<String>,
    pub(in crate::db) ablation_id: Option<String>,
    pub(in crate::db) version: i32,
    pub(in crate::db) category: String,
    pub(in crate::db) grade: String,
    pub(in crate::db) onset_on: String,
    pub(in crate::db) relation: Option<String>,
    pub(in crate::db) resolved_on: Option<String>,
    pub(in crate::db) note: Option<String>,
    pub(in crate::db) recorded_at: i64,
    pub(in crate::db) updated_at: i64,
}

impl AdverseEventRow {
    /// `after` says what kind of record the parent is.
    pub(in crate::db) fn of(
        organization: &str,
        record: &Stored<AdverseEvent>,
        after: After,
    ) -> AdverseEventRow {
        let event = &record.value;
        let (block_id, ablation_id) = match after {
            After::Block(block) => (Some(block.to_string()), None),
            After::Ablation(ablation) => (None, Some(ablation.to_string())),
        };
        AdverseEventRow {
            organization_id: organization.to_owned(),
            id: record.id.to_string(),
            patient_id: record.patient.to_string(),
            block_id,
            ablation_id,
            version: record.version,
            category: event.category.code().to_owned(),
            grade: event.grade.code().to_owned(),
            onset_on: date_text(event.onset_on),
            relation: event.relation.map(|relation| relation.code().to_owned()),
            resolved_on: event.resolved_on.map(date_text),
            note: event.note.clone(),
            recorded_at: micros(record.recorded_at),
            updated_at: micros(record.updated_at),
        }
    }

    /// The event, and what it came after.
    pub(in crate::db) fn read(self) -> Result<(Stored<AdverseEvent>, After), DbError> {
        let after = match (&self.block_id, &self.ablation_id) {
            (Some(block), None) => After::Block(id(block)?),
            (None, Some(ablation)) => After::Ablation(id(ablation)?),
            (None, None) | (Some(_), Some(_)) => {
                return Err(corrupt("an adverse event of nothing"));
            }
        };
        let event = Stored {
            id: id(&self.id)?,
            organization: self.organization_id,
            patient: id(&self.patient_id)?,
            parent: after.id(),
            version: self.version,
            recorded_at: instant(self.recorded_at)?,
            updated_at: instant(self.updated_at)?,
            withdrawn: None,
            value: AdverseEvent {
                category: code(&self.category, AdverseEventCategory::from_code)?,
                grade: code(&self.grade, Grade::from_code)?,
                onset_on: date(&self.onset_on)?,
                relation: maybe_code(self.relation.as_deref(), Relation::from_code)?,
                resolved_on: maybe_date(self.resolved_on.as_deref())?,
                note: self.note,
            },
        };
        Ok((event, after))
    }
}
