//! What comes through a link.

use super::super::core::{App, Unit};
use super::super::error::{Error, Result};
use super::super::{blocks, episodes, judging};
use super::links::{find_working, keeper};
use crate::auth::Action;
use crate::db::queries;
use crate::db::rows::{DiaryEntry, DiaryLink};
use crate::domain::diary::{Answer, Refusal, hear};
use crate::domain::pain::ScoreRow;
use std::collections::HashSet;
use std::sync::Arc;
use uuid::Uuid;

/// So many answers may be sent at once.
pub const MOST_AT_ONCE: usize = 100;

/// So many answers a link takes in all: a full diary of both sides has 50.
const MOST_ENTRIES: usize = 400;

/// An answer with the id that the phone drew for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEntry {
    /// Its id: sent again, it is known by it.
    pub id: Uuid,
    /// The answer.
    pub answer: Answer,
}

/// What became of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// Its id.
    pub id: Uuid,
    /// Why it is not kept, where it is not.
    pub refused: Option<Refusal>,
}

/// Takes answers through a link and judges the patient anew; `None` where the link does not work. An answer that was
/// stored before is not stored again, and one that is refused is not in the way of the others.
///
/// # Errors
/// Those of the database: then nothing was stored, and the phone sends them once more.
pub fn accept(app: &Arc<App>, token: &str, entries: Vec<NewEntry>) -> Result<Option<Vec<Outcome>>> {
    let Some(link) = find_working(app, token)? else {
        return Ok(None);
    };
    app.write(&keeper(&link), move |unit| take(unit, link.id, &entries))
}

fn take(unit: &mut Unit<'_, '_>, link: Uuid, entries: &[NewEntry]) -> Result<Option<Vec<Outcome>>> {
    unit.require(Action::WriteDiary)?;
    // Read again: it may have been revoked while this waited for its turn.
    let link = queries::diary::get(unit.tx, &unit.principal.organization, link)?;
    let block = blocks::find(unit, link.block)?;
    if !link.works_at(unit.now) || block.withdrawn.is_some() {
        return Ok(None);
    }
    let episode = episodes::find(unit, block.parent)?;
    let known = queries::diary::entries(unit.tx, &unit.principal.organization, link.id)?;
    let mut known: HashSet<Uuid> = known.into_iter().map(|entry| entry.id).collect();
    let mut outcomes = Vec::with_capacity(entries.len());
    let mut heard = Vec::new();
    for entry in entries {
        let mut refused = None;
        if !known.contains(&entry.id) {
            let outcome = hear(&entry.answer, &block.value, link.created_at, unit.now)
                .and_then(|heard| {
                    let row = &heard.row;
                    let problems = blocks::score_problem(&episode.value, &block.value, row, "");
                    if problems.is_empty() {
                        Ok(heard)
                    } else {
                        Err(Refusal::BeforeEpisode)
                    }
                })
                .and_then(|heard| {
                    if known.len() < MOST_ENTRIES {
                        Ok(heard)
                    } else {
                        Err(Refusal::TooMany)
                    }
                });
            match outcome {
                Ok(new) => {
                    known.insert(entry.id);
                    heard.push((entry.id, new));
                }
                Err(refusal) => refused = Some(refusal),
            }
        }
        outcomes.push(Outcome {
            id: entry.id,
            refused,
        });
    }
    let rows: Vec<ScoreRow> = heard.iter().map(|(_, heard)| heard.row.clone()).collect();
    if rows.is_empty() {
        return Ok(Some(outcomes));
    }
    let scores = blocks::insert_scores(unit, &block, &rows)?;
    let stored: Vec<DiaryEntry> = heard
        .iter()
        .zip(&scores)
        .map(|((id, heard), score)| DiaryEntry {
            id: *id,
            score: score.id,
            received_at: unit.now,
            clock_ahead: heard.clock_ahead,
        })
        .collect();
    store(unit, &link, &stored)?;
    judging::judge_patient(unit, link.patient)?;
    Ok(Some(outcomes))
}

fn store(unit: &mut Unit<'_, '_>, link: &DiaryLink, entries: &[DiaryEntry]) -> Result<()> {
    let organization = &unit.principal.organization;
    queries::diary::add_entries(unit.tx, organization, link.id, entries)?;
    for entry in entries {
        unit.audit(Action::WriteDiary, "score", entry.score, Some(link.patient))?;
    }
    Ok::<(), Error>(())
}
