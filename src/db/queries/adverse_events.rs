//! Adverse events.

use super::texts;
use crate::db::dialect::query;
use crate::db::page::one_more;
use crate::db::rows::{self, AdverseEventRow, Stored};
use crate::db::schema::adverse_events;
use crate::db::{DbError, Page, Result, Tx};
use crate::domain::adverse_event::AdverseEvent;
use diesel::prelude::*;
use uuid::Uuid;

/// What an adverse event came after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// A block.
    Block(Uuid),
    /// An ablation.
    Ablation(Uuid),
}

impl After {
    /// The block's or ablation's id.
    #[must_use]
    pub const fn id(self) -> Uuid {
        match self {
            After::Block(id) | After::Ablation(id) => id,
        }
    }
}

/// Which adverse events. `None` does not restrict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this patient.
    pub patient: Option<Uuid>,
    /// After this block or ablation.
    pub after: Option<After>,
}

/// Adds an adverse event; its parent is `after`.
///
/// # Errors
/// [`ForeignKeyViolation`](crate::db::DbError::ForeignKeyViolation) when the patient has no such block or ablation.
pub fn insert(
    tx: &mut Tx<'_>,
    organization: &str,
    record: &Stored<AdverseEvent>,
    after: After,
) -> Result<()> {
    rows::same_organization(organization, record)?;
    if record.parent != after.id() {
        return Err(DbError::other("an adverse event names two parents"));
    }
    let row = AdverseEventRow::of(organization, record, after);
    query!(tx, conn => diesel::insert_into(adverse_events::table).values(&row).execute(conn))?;
    Ok(())
}

/// The adverse event with this id, and what it came after.
///
/// # Errors
/// [`NotFound`](crate::db::DbError::NotFound) when the organization has none such.
pub fn get(
    tx: &mut Tx<'_>,
    organization: &str,
    event: Uuid,
) -> Result<(Stored<AdverseEvent>, After)> {
    super::get!(tx, adverse_events, AdverseEventRow, organization, event)?.read()
}

/// A page of adverse events by id, each with what it came after.
///
/// # Errors
/// When the database fails.
pub fn page(
    tx: &mut Tx<'_>,
    organization: &str,
    filter: &Filter,
    after: Option<Uuid>,
    limit: u32,
) -> Result<Page<(Stored<AdverseEvent>, After)>> {
    let found = query!(tx, conn => {
        let mut found = adverse_events::table.filter(adverse_events::organization_id.eq(organization)).into_boxed::<Db>();
        if let Some(patient) = filter.patient {
            found = found.filter(adverse_events::patient_id.eq(patient.to_string()));
        }
        found = match filter.after {
            Some(After::Block(block)) => found.filter(adverse_events::block_id.eq(block.to_string())),
            Some(After::Ablation(ablation)) => found.filter(adverse_events::ablation_id.eq(ablation.to_string())),
            None => found,
        };
        if let Some(after) = after {
            found = found.filter(adverse_events::id.gt(after.to_string()));
        }
        found
            .order(adverse_events::id)
            .limit(one_more(limit))
            .select(AdverseEventRow::as_select())
            .load::<AdverseEventRow>(conn)
    })?;
    Page::of(found, limit).try_map(AdverseEventRow::read)
}

/// How many adverse events [`page`] leads through.
///
/// # Errors
/// When the database fails.
pub fn count(tx: &mut Tx<'_>, organization: &str, filter: &Filter) -> Result<i64> {
    query!(tx, conn => {
        let mut found =
            adverse_events::table.filter(adverse_events::organization_id.eq(organization)).count().into_boxed::<Db>();
        if let Some(patient) = filter.patient {
            found = found.filter(adverse_events::patient_id.eq(patient.to_string()));
        }
        found = match filter.after {
            Some(After::Block(block)) => found.filter(adverse_events::block_id.eq(block.to_string())),
            Some(After::Ablation(ablation)) => found.filter(adverse_events::ablation_id.eq(ablation.to_string())),
            None => found,
        };
        found.get_result(conn)
    })
}

/// Every adverse event of a patient, in the order of recording.
///
/// # Errors
/// When the database fails.
pub fn for_patient(
    tx: &mut Tx<'_>,
    organization: &str,
    patient: Uuid,
) -> Result<Vec<(Stored<AdverseEvent>, After)>> {
    let found = query!(tx, conn => adverse_events::table
        .filter(adverse_events::organization_id.eq(organization))
        .filter(adverse_events::patient_id.eq(patient.to_string()))
        .order(adverse_events::id)
        .select(AdverseEventRow::as_select())
        .load::<AdverseEventRow>(conn))?;
    found.into_iter().map(AdverseEventRow::read).collect()
}

/// Every adverse event of these patients, patient by patient in the order of recording.
///
/// # Errors
/// When the database fails.
pub fn for_patients(
    tx: &mut Tx<'_>,
    organization: &str,
    patients: &[Uuid],
) -> Result<Vec<(Stored<AdverseEvent>, After)>> {
    let of = texts(patients);
    let found = query!(tx, conn => adverse_events::table
        .filter(adverse_events::organization_id.eq(organization))
        .filter(adverse_events::patient_id.eq_any(&of))
        .order((adverse_events::patient_id, adverse_events::id))
        .select(AdverseEventRow::as_select())
        .load::<AdverseEventRow>(conn))?;
    found.into_iter().map(AdverseEventRow::read).collect()
}
