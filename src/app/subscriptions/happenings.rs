//! What happens, written down in the transaction that makes it happen. Where nobody waits for it, nothing is written.

use super::{Happening, Topic};
use crate::app::core::{App, Unit};
use crate::app::error::Result;
use crate::app::judging::service_principal;
use crate::db::queries::determinations::Change;
use crate::db::rows::{Event, Judgement};
use crate::db::{Stored, queries};
use crate::domain::block::Block;
use crate::domain::diary::OVERDUE_MINUTES;
use crate::domain::qualification::NextStep;
use chrono::TimeDelta;
use std::sync::Arc;
use uuid::Uuid;

/// So many diaries are told of at once.
const BATCH: u32 = 200;

/// Writes down what follows from changed determinations of a patient.
pub(in crate::app) fn of_changes(
    unit: &mut Unit<'_, '_>,
    patient: Uuid,
    changes: &[Change],
) -> Result<()> {
    let happenings: Vec<Happening> = changes
        .iter()
        .flat_map(|change| of_change(patient, change))
        .collect();
    write(unit, happenings)
}

fn of_change(patient: Uuid, change: &Change) -> Vec<Happening> {
    let Some(after) = &change.after else {
        return Vec::new();
    };
    let before = change.before.as_ref();
    let happening = |topic| Happening {
        topic,
        patient,
        episode: change.episode,
        block: None,
        target: Some(after.target),
        profile: Some(after.profile.clone()),
    };
    let mut happenings = Vec::new();
    if is_candidate(after) && before.is_none_or(|before| before.next_step != after.next_step) {
        happenings.push(happening(Topic::CandidateFlagged));
    }
    if before.is_some_and(|before| before.verdict != after.verdict) {
        happenings.push(happening(Topic::VerdictChanged));
    }
    happenings
}

fn is_candidate(judgement: &Judgement) -> bool {
    NextStep::from_code(&judgement.next_step).is_ok_and(NextStep::is_candidate)
}

/// Writes down that a block was recorded.
pub(in crate::app) fn of_block(unit: &mut Unit<'_, '_>, block: &Stored<Block>) -> Result<()> {
    let happening = Happening {
        topic: Topic::BlockRecorded,
        patient: block.patient,
        episode: block.parent,
        block: Some(block.id),
        target: None,
        profile: None,
    };
    write(unit, vec![happening])
}

fn write(unit: &mut Unit<'_, '_>, happenings: Vec<Happening>) -> Result<()> {
    if happenings.is_empty() {
        return Ok(());
    }
    let mut topics: Vec<Topic> = happenings.iter().map(|one| one.topic).collect();
    topics.sort_unstable();
    topics.dedup();
    let organization = unit.principal.organization.clone();
    if !queries::subscriptions::wanted(unit.tx, &organization, &topics)? {
        return Ok(());
    }
    let events: Vec<Event> = happenings
        .into_iter()
        .map(|happening| Event {
            organization: organization.clone(),
            id: unit.new_id(),
            happening,
            occurred_at: unit.now,
        })
        .collect();
    queries::deliveries::add_events(unit.tx, &organization, &events)?;
    Ok(())
}

impl App {
    /// Writes down which diaries are overdue, each once: those with a link that works, whose first hour is over without an
    /// answer. How many there were.
    ///
    /// # Errors
    /// Those of the database.
    pub fn note_overdue_diaries(self: &Arc<Self>) -> Result<usize> {
        let wanting = |tx: &mut crate::db::Tx<'_>| {
            queries::subscriptions::organizations_that_want(tx, Topic::DiaryOverdue)
        };
        let organizations = self.db.read(wanting)?;
        let mut noted = 0;
        for organization in organizations {
            let principal = service_principal(&organization);
            loop {
                let batch = self.write(&principal, note_overdue)?;
                noted += batch;
                if batch == 0 {
                    break;
                }
            }
        }
        Ok(noted)
    }
}

fn note_overdue(unit: &mut Unit<'_, '_>) -> Result<usize> {
    let organization = unit.principal.organization.clone();
    let by = unit.now - TimeDelta::minutes(OVERDUE_MINUTES);
    let overdue =
        queries::deliveries::overdue_diaries(unit.tx, &organization, unit.now, by, BATCH)?;
    let mut happenings = Vec::new();
    for diary in &overdue {
        if queries::deliveries::note_overdue(unit.tx, &organization, diary.block, unit.now)? {
            happenings.push(Happening {
                topic: Topic::DiaryOverdue,
                patient: diary.patient,
                episode: diary.episode,
                block: Some(diary.block),
                target: None,
                profile: None,
            });
        }
    }
    write(unit, happenings)?;
    Ok(overdue.len())
}
