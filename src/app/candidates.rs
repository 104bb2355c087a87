//! The candidate list, the worklist, and what clinicians decide about them.

use super::core::Unit;
use super::error::{Error, Result};
use super::{episodes, patients};
use crate::auth::Action;
use crate::db::queries::candidates::{Cursor, Filter, Group, Sort};
use crate::db::rows::{Review, ReviewDecision};
use crate::db::{DbError, Page, Stored, queries};
use crate::domain::patient::Patient;
use chrono::NaiveDate;
use uuid::Uuid;

/// A page of the list, and how many there are in all where that is asked for.
///
/// # Errors
/// Those of the database.
pub fn page(
    unit: &mut Unit<'_, '_>,
    filter: &Filter,
    sort: Sort,
    after: Option<&Cursor>,
    limit: u16,
    count: bool,
) -> Result<(Page<Group>, Option<i64>)> {
    unit.require(Action::ReadCandidate)?;
    let organization = &unit.principal.organization;
    let page =
        queries::candidates::page(unit.tx, organization, filter, sort, after, u32::from(limit))?;
    let total = if count {
        Some(queries::candidates::count(unit.tx, organization, filter)?)
    } else {
        None
    };
    unit.note_read(Action::ReadCandidate, "candidates", None, None);
    Ok((page, total))
}

/// A clinician's decision, as asked for.
#[derive(Debug, Clone)]
pub struct Decision {
    /// What was decided.
    pub decision: ReviewDecision,
    /// The day from which a deferred candidate is listed again.
    pub deferred_until: Option<NaiveDate>,
    /// A note.
    pub note: Option<String>,
}

/// Records a decision about an episode's candidacy. The latest one that is not undone is in force.
///
/// # Errors
/// [`Error::NotFound`] where there is no such episode.
pub fn review(unit: &mut Unit<'_, '_>, episode: Uuid, decision: &Decision) -> Result<Review> {
    unit.require(Action::ReviewCandidate)?;
    let stored = find(unit, episode)?;
    let review = Review {
        id: unit.new_id(),
        episode,
        decision: decision.decision,
        deferred_until: decision.deferred_until,
        note: decision.note.clone(),
        decided_by: unit.principal.subject.clone(),
        decided_at: unit.now,
        undone_at: None,
    };
    queries::reviews::insert(unit.tx, &unit.principal.organization, &review)?;
    unit.audit(Action::ReviewCandidate, "review", review.id, Some(stored))?;
    Ok(review)
}

/// The decision in force about a candidate.
///
/// # Errors
/// [`Error::NotFound`] where there is no such episode, or no decision about it is in force.
pub fn review_in_force(unit: &mut Unit<'_, '_>, episode: Uuid) -> Result<Review> {
    unit.require(Action::ReadCandidate)?;
    let patient = find(unit, episode)?;
    let organization = &unit.principal.organization;
    let review = queries::reviews::in_force(unit.tx, organization, &[episode])?.remove(&episode);
    unit.note_read(
        Action::ReadCandidate,
        "review",
        Some(episode),
        Some(patient),
    );
    review.ok_or(Error::NotFound { what: "review" })
}

/// Takes the decision in force back.
///
/// # Errors
/// [`Error::NotFound`] where there is no such episode, [`Error::Conflict`] where no decision is in force.
pub fn undo_review(unit: &mut Unit<'_, '_>, episode: Uuid) -> Result<Review> {
    unit.require(Action::ReviewCandidate)?;
    let patient = find(unit, episode)?;
    let organization = &unit.principal.organization;
    let undone =
        queries::reviews::undo(unit.tx, organization, episode, unit.now).map_err(|error| {
            match error {
                DbError::NotFound => Error::Conflict {
                    code: "no_review",
                    detail: "No decision about this candidate is in force.".to_owned(),
                },
                other => other.into(),
            }
        })?;
    unit.audit(Action::ReviewCandidate, "review", undone.id, Some(patient))?;
    Ok(undone)
}

/// The patient of a candidate.
///
/// # Errors
/// [`Error::NotFound`] where there is no such episode.
pub fn patient_of(unit: &mut Unit<'_, '_>, episode: Uuid) -> Result<Stored<Patient>> {
    unit.require(Action::ReadPatient)?;
    let patient = find(unit, episode)?;
    patients::find(unit, patient)
}

/// The patient of the candidate's episode.
fn find(unit: &mut Unit<'_, '_>, episode: Uuid) -> Result<Uuid> {
    let stored = episodes::find(unit, episode).map_err(|error| match error {
        Error::NotFound { .. } => Error::NotFound { what: "candidate" },
        other => other,
    })?;
    Ok(stored.patient)
}
