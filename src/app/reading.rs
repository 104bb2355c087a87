//! Who read what: noted at once, written to the audit trail within a moment, in batches.
//!
//! A change and its audit entry share a transaction. A read must not wait for a write of its own, so what a crash can
//! lose is the entries of the reads of the last moment, never those of a change.

use super::core::{App, Unit};
use super::error::Result;
use crate::auth::Action;
use crate::db::queries;
use crate::db::rows::NewAuditEntry;
use std::sync::{Arc, Mutex, PoisonError};
use uuid::Uuid;

/// So many entries are written in one transaction.
const BATCH: usize = 500;

/// Entries that wait to be written.
#[derive(Debug, Default)]
pub(super) struct ReadTrail {
    waiting: Mutex<Vec<(String, NewAuditEntry)>>,
}

impl ReadTrail {
    pub(super) fn note(
        &self,
        unit: &Unit<'_, '_>,
        action: Action,
        kind: &'static str,
        id: Option<Uuid>,
        patient: Option<Uuid>,
    ) {
        let entry = NewAuditEntry {
            id: unit.new_id(),
            at: unit.now,
            principal: unit.principal.subject.clone(),
            role: unit.principal.role.code().to_owned(),
            action: action.code().to_owned(),
            resource_kind: kind.to_owned(),
            resource_id: id,
            patient,
            outcome: "read".to_owned(),
            detail: None,
        };
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push((unit.principal.organization.clone(), entry));
    }

    fn take(&self) -> Vec<(String, NewAuditEntry)> {
        std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn put_back(&self, entries: &[(String, NewAuditEntry)]) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.splice(0..0, entries.iter().cloned());
    }
}

impl App {
    /// Writes down the reads that were noted; how many there were.
    ///
    /// # Errors
    /// Those of the database; what could not be written is kept for the next time.
    pub fn write_down_reads(self: &Arc<Self>) -> Result<usize> {
        let entries = Arc::new(self.trail.take());
        for (place, batch) in entries.chunks(BATCH).enumerate() {
            let (shared, first) = (Arc::clone(&entries), place * BATCH);
            let now = self.seam.now();
            let written: Result<()> = self.db.write(move |tx| {
                for (organization, entry) in shared.iter().skip(first).take(BATCH) {
                    queries::organizations::ensure(tx, organization, now)?;
                    queries::audit::append(tx, organization, entry)?;
                }
                Ok(())
            });
            if let Err(error) = written {
                self.trail.put_back(entries.get(first..).unwrap_or(batch));
                return Err(error);
            }
        }
        Ok(entries.len())
    }
}
