//! The audit trail: entries are added, and sealed into a chain, and never changed.

use super::texts;
use crate::db::dialect::query;
use crate::db::page::one_more;
use crate::db::rows::{AuditEntry, AuditRow, AuditSeal, NewAuditEntry, micros};
use crate::db::schema::audit_entries;
use crate::db::{DbError, Page, Result, Tx};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use uuid::Uuid;

/// Which entries. `None` does not restrict.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// By this principal.
    pub principal: Option<String>,
    /// This action.
    pub action: Option<String>,
    /// About this patient.
    pub patient: Option<Uuid>,
    /// About this record.
    pub resource_id: Option<Uuid>,
    /// At this instant or later.
    pub from: Option<DateTime<Utc>>,
    /// Before this instant.
    pub until: Option<DateTime<Utc>>,
}

/// Restricts a boxed query on entries.
macro_rules! filtered {
    ($query:expr, $filter:expr) => {{
        let filter: &Filter = $filter;
        let mut found = $query;
        if let Some(principal) = &filter.principal {
            found = found.filter(audit_entries::principal.eq(principal));
        }
        if let Some(action) = &filter.action {
            found = found.filter(audit_entries::action.eq(action));
        }
        if let Some(patient) = filter.patient {
            found = found.filter(audit_entries::patient_id.eq(patient.to_string()));
        }
        if let Some(resource) = filter.resource_id {
            found = found.filter(audit_entries::resource_id.eq(resource.to_string()));
        }
        if let Some(from) = filter.from {
            found = found.filter(audit_entries::at.ge(micros(from)));
        }
        if let Some(until) = filter.until {
            found = found.filter(audit_entries::at.lt(micros(until)));
        }
        found
    }};
}

/// Adds an entry, not yet sealed.
///
/// # Errors
/// When the database fails.
pub fn append(tx: &mut Tx<'_>, organization: &str, entry: &NewAuditEntry) -> Result<()> {
    let row = AuditRow::of(organization, entry);
    query!(tx, conn => diesel::insert_into(audit_entries::table).values(&row).execute(conn))?;
    Ok(())
}

/// The entries that tell who recorded, corrected or withdrew something about a patient, in the order in which it was done.
///
/// # Errors
/// When the database fails.
pub fn changes_about(
    tx: &mut Tx<'_>,
    organization: &str,
    patient: Uuid,
) -> Result<Vec<NewAuditEntry>> {
    let found = query!(tx, conn => audit_entries::table
        .filter(audit_entries::organization_id.eq(organization))
        .filter(audit_entries::patient_id.eq(patient.to_string()))
        .filter(audit_entries::action.like("write%")
            .or(audit_entries::action.like("correct%"))
            .or(audit_entries::action.like("withdraw%")))
        .order(audit_entries::id)
        .select(AuditRow::as_select())
        .load::<AuditRow>(conn))?;
    found
        .into_iter()
        .map(|row| AuditEntry::try_from(row).map(|entry| entry.entry))
        .collect()
}

/// As [`changes_about`], about several patients: patient by patient.
///
/// # Errors
/// When the database fails.
pub fn changes_about_all(
    tx: &mut Tx<'_>,
    organization: &str,
    patients: &[Uuid],
) -> Result<Vec<NewAuditEntry>> {
    let of = texts(patients);
    let found = query!(tx, conn => audit_entries::table
        .filter(audit_entries::organization_id.eq(organization))
        .filter(audit_entries::patient_id.eq_any(&of))
        .filter(audit_entries::action.like("write%")
            .or(audit_entries::action.like("correct%"))
            .or(audit_entries::action.like("withdraw%")))
        .order((audit_entries::patient_id, audit_entries::id))
        .select(AuditRow::as_select())
        .load::<AuditRow>(conn))?;
    found
        .into_iter()
        .map(|row| AuditEntry::try_from(row).map(|entry| entry.entry))
        .collect()
}

/// The entries of every organization that are not sealed yet, by organization and id.
///
/// # Errors
/// When the database fails.
pub fn unsealed(tx: &mut Tx<'_>, limit: u32) -> Result<Vec<AuditEntry>> {
    let found = query!(tx, conn => audit_entries::table
        .filter(audit_entries::sequence.is_null())
        .order((audit_entries::organization_id, audit_entries::id))
        .limit(i64::from(limit))
        .select(AuditRow::as_select())
        .load::<AuditRow>(conn))?;
    found.into_iter().map(TryInto::try_into).collect()
}

/// The end of an organization's chain.
///
/// # Errors
/// When the database fails.
pub fn last_seal(tx: &mut Tx<'_>, organization: &str) -> Result<Option<AuditSeal>> {
    let found = query!(tx, conn => audit_entries::table
        .filter(audit_entries::organization_id.eq(organization))
        .filter(audit_entries::sequence.is_not_null())
        .order(audit_entries::sequence.desc())
        .select(AuditRow::as_select())
        .first::<AuditRow>(conn)
        .optional())?;
    Ok(found
        .map(AuditEntry::try_from)
        .transpose()?
        .and_then(|entry| entry.seal))
}

/// Seals an entry into the chain.
///
/// # Errors
/// [`NotFound`](crate::db::DbError::NotFound) when it is not there or sealed already,
/// [`UniqueViolation`](crate::db::DbError::UniqueViolation) when the place is taken.
pub fn seal(tx: &mut Tx<'_>, organization: &str, entry: Uuid, seal: &AuditSeal) -> Result<()> {
    let changed = query!(tx, conn => diesel::update(
        audit_entries::table
            .filter(audit_entries::organization_id.eq(organization))
            .filter(audit_entries::id.eq(entry.to_string()))
            .filter(audit_entries::sequence.is_null()),
    )
    .set((
        audit_entries::sequence.eq(Some(seal.sequence)),
        audit_entries::previous_hash.eq(seal.previous_hash.as_deref()),
        audit_entries::hash.eq(Some(&seal.hash)),
    ))
    .execute(conn))?;
    if changed == 1 {
        Ok(())
    } else {
        Err(DbError::NotFound)
    }
}

/// A page of the trail, the newest entries first; `before` is the last id of the page before.
///
/// # Errors
/// When the database fails.
pub fn page(
    tx: &mut Tx<'_>,
    organization: &str,
    filter: &Filter,
    before: Option<Uuid>,
    limit: u32,
) -> Result<Page<AuditEntry>> {
    let found = query!(tx, conn => {
        let all = audit_entries::table.filter(audit_entries::organization_id.eq(organization)).into_boxed::<Db>();
        let mut found = filtered!(all, filter);
        if let Some(before) = before {
            found = found.filter(audit_entries::id.lt(before.to_string()));
        }
        found.order(audit_entries::id.desc()).limit(one_more(limit)).select(AuditRow::as_select()).load::<AuditRow>(conn)
    })?;
    Page::of(found, limit).try_map(TryInto::try_into)
}

/// The entry with this id.
///
/// # Errors
/// [`NotFound`](crate::db::DbError::NotFound) when the organization has none such.
pub fn get(tx: &mut Tx<'_>, organization: &str, entry: Uuid) -> Result<AuditEntry> {
    super::get!(tx, audit_entries, AuditRow, organization, entry)?.try_into()
}

/// How many entries [`page`] leads through.
///
/// # Errors
/// When the database fails.
pub fn count(tx: &mut Tx<'_>, organization: &str, filter: &Filter) -> Result<i64> {
    query!(tx, conn => {
        let all = audit_entries::table
            .filter(audit_entries::organization_id.eq(organization))
            .count()
            .into_boxed::<Db>();
        filtered!(all, filter).get_result(conn)
    })
}

/// The sealed entries in the order of the chain, from the place `from` on, to be checked.
///
/// # Errors
/// When the database fails.
pub fn all_in_sequence(
    tx: &mut Tx<'_>,
    organization: &str,
    from: i64,
    limit: u32,
) -> Result<Vec<AuditEntry>> {
    let found = query!(tx, conn => audit_entries::table
        .filter(audit_entries::organization_id.eq(organization))
        .filter(audit_entries::sequence.ge(from))
        .order(audit_entries::sequence)
        .limit(i64::from(limit))
        .select(AuditRow::as_select())
        .load::<AuditRow>(conn))?;
    found.into_iter().map(TryInto::try_into).collect()
}
