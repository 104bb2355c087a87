//! The audit trail: read, sealed into its chain, verified.

use super::core::{App, Unit};
use super::error::{Error, Result};
use crate::audit::{Chain, Entry, Hash, Head, Sealed};
use crate::auth::Action;
use crate::db::queries;
use crate::db::queries::audit::Filter;
use crate::db::rows::{AuditEntry, AuditSeal};
use crate::db::{DbError, Page};
use std::collections::HashMap;
use std::sync::Arc;
use uuid::Uuid;

/// So many entries are sealed in one transaction.
const BATCH: u32 = 1000;

/// A page of the trail, newest first.
///
/// # Errors
/// Those of the database.
pub fn page(
    unit: &mut Unit<'_, '_>,
    filter: &Filter,
    before: Option<Uuid>,
    limit: u16,
) -> Result<Page<AuditEntry>> {
    unit.require(Action::ReadAudit)?;
    Ok(queries::audit::page(
        unit.tx,
        &unit.principal.organization,
        filter,
        before,
        u32::from(limit),
    )?)
}

/// One entry.
///
/// # Errors
/// [`Error::NotFound`].
pub fn entry(unit: &mut Unit<'_, '_>, id: Uuid) -> Result<AuditEntry> {
    unit.require(Action::ReadAudit)?;
    let organization = &unit.principal.organization;
    queries::audit::get(unit.tx, organization, id).map_err(|error| match error {
        DbError::NotFound => Error::NotFound {
            what: "audit entry",
        },
        other => other.into(),
    })
}

/// How many entries [`page`] leads through.
///
/// # Errors
/// Those of the database.
pub fn count(unit: &mut Unit<'_, '_>, filter: &Filter) -> Result<i64> {
    unit.require(Action::ReadAudit)?;
    Ok(queries::audit::count(
        unit.tx,
        &unit.principal.organization,
        filter,
    )?)
}

/// Whether the chain of an organization holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verified {
    /// It does, over so many entries.
    Holds(u64),
    /// It does not: the first place where, and why.
    Broken(i64, String),
}

/// Checks the chain of the organization from its beginning.
///
/// # Errors
/// Those of the database.
pub fn verify(unit: &mut Unit<'_, '_>) -> Result<Verified> {
    unit.require(Action::ReadAudit)?;
    let organization = unit.principal.organization.clone();
    let mut chain = Chain::new(&organization);
    let mut from = crate::audit::FIRST_SEQUENCE;
    loop {
        let entries = queries::audit::all_in_sequence(unit.tx, &organization, from, BATCH)?;
        let Some(last) = entries.last().and_then(|entry| entry.seal.as_ref()) else {
            break;
        };
        from = last.sequence + 1;
        for entry in &entries {
            let Some(sealed) = sealed(entry) else {
                continue;
            };
            if let Err(broken) = chain.push(&sealed) {
                return Ok(Verified::Broken(broken.sequence, broken.why.to_string()));
            }
        }
    }
    match chain.finish() {
        Ok(count) => Ok(Verified::Holds(count)),
        Err(broken) => Ok(Verified::Broken(broken.sequence, broken.why.to_string())),
    }
}

fn sealed(entry: &AuditEntry) -> Option<Sealed> {
    let seal = entry.seal.as_ref()?;
    let genesis = || Hash::genesis(&entry.organization).to_string();
    Some(Sealed {
        sequence: seal.sequence,
        previous_hash: seal.previous_hash.clone().unwrap_or_else(genesis),
        hash: seal.hash.clone(),
        entry: chained(entry),
    })
}

/// The entry as the chain knows it.
fn chained(entry: &AuditEntry) -> Entry {
    let of = &entry.entry;
    Entry {
        id: of.id.to_string(),
        organization: entry.organization.clone(),
        at: of.at.timestamp_micros(),
        principal: of.principal.clone(),
        role: of.role.clone(),
        action: of.action.clone(),
        resource_kind: of.resource_kind.clone(),
        resource_id: of.resource_id.map(|id| id.to_string()),
        patient_id: of.patient.map(|id| id.to_string()),
        outcome: of.outcome.clone(),
        detail: of.detail.clone(),
    }
}

impl App {
    /// Seals what has been written to the trail since the last time; how many entries that were.
    ///
    /// # Errors
    /// Those of the database; what was sealed so far stays sealed.
    pub fn seal_audit(self: &Arc<Self>) -> Result<usize> {
        let mut total = 0;
        loop {
            let sealed: usize = self.db.write(seal_batch)?;
            total += sealed;
            if sealed < usize::try_from(BATCH).unwrap_or(usize::MAX) {
                return Ok(total);
            }
        }
    }
}

fn seal_batch(tx: &mut crate::db::Tx<'_>) -> Result<usize> {
    let entries = queries::audit::unsealed(tx, BATCH)?;
    let mut heads: HashMap<String, Head> = HashMap::new();
    for entry in &entries {
        let organization = &entry.organization;
        let head = match heads.remove(organization) {
            Some(head) => head,
            None => last_head(tx, organization)?,
        };
        let (next, sealed) = head.append(chained(entry));
        let seal = AuditSeal {
            sequence: sealed.sequence,
            previous_hash: Some(sealed.previous_hash),
            hash: sealed.hash,
        };
        queries::audit::seal(tx, organization, entry.entry.id, &seal)?;
        heads.insert(organization.clone(), next);
    }
    Ok(entries.len())
}

fn last_head(tx: &mut crate::db::Tx<'_>, organization: &str) -> Result<Head> {
    let Some(last) = queries::audit::last_seal(tx, organization)? else {
        return Ok(Head::genesis(organization));
    };
    let hash = Hash::parse(&last.hash).ok_or_else(|| {
        Error::from(DbError::other(
            "the last seal of the audit trail is not a hash",
        ))
    })?;
    Ok(Head {
        sequence: last.sequence,
        hash,
    })
}
