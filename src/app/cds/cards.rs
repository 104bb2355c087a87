//! What is said about a patient, that it was said, and what was done with it.

use super::findings::{Finding, Occasion, findings};
use crate::app::core::{App, Unit};
use crate::app::error::{Error, FieldError, Result};
use crate::app::{judging, patients};
use crate::auth::Action;
use crate::db::queries;
use crate::db::rows::{Card, CardFeedback, CardOutcome, CardReason, FeedbackCount, Review};
use crate::domain::patient::Identifier;
use crate::domain::qualification::{Decision, History, Profile};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use std::collections::BTreeSet;
use std::sync::Arc;
use uuid::Uuid;

/// Feedback about a card is taken for so long.
const KEPT_CARDS: TimeDelta = TimeDelta::days(90);

/// Everything that the decisions about one patient rest on.
#[derive(Debug)]
pub struct Consultation {
    /// The patient.
    pub patient: Uuid,
    /// The day as of which is judged.
    pub day: NaiveDate,
    /// The profiles in use.
    profiles: Vec<Arc<Profile>>,
    /// The episodes with their histories.
    episodes: Vec<(Uuid, History)>,
    /// Clinicians' decisions in force.
    reviews: Vec<Review>,
    /// What was put aside.
    settled: BTreeSet<String>,
}

/// What is known about the patient with one of the identifiers; `None` where nobody has any of them.
///
/// # Errors
/// [`Error::Conflict`] where the identifiers belong to different patients.
pub fn consult(
    unit: &mut Unit<'_, '_>,
    identifiers: &[Identifier],
) -> Result<Option<Consultation>> {
    unit.require(Action::ReadPatient)?;
    unit.require(Action::ReadDetermination)?;
    let Some(patient) = patients::matching(unit, identifiers)? else {
        return Ok(None);
    };
    let patient = patient.id;
    let profiles = unit.active_profiles()?;
    let records = judging::load(unit, patient)?;
    let organization = &unit.principal.organization;
    let of_patient: Vec<Uuid> = records.episodes.iter().map(|(id, _)| *id).collect();
    let reviews = queries::reviews::in_force(unit.tx, organization, &of_patient)?;
    let settled = queries::cds::settled(unit.tx, organization, patient)?;
    unit.note_read(Action::ReadDetermination, "cards", None, Some(patient));
    Ok(Some(Consultation {
        patient,
        day: records.day(unit.today()),
        profiles,
        episodes: records.episodes,
        reviews: reviews.into_values().collect(),
        settled,
    }))
}

impl Consultation {
    /// What matters on `occasion` and was not put aside since the facts are as they are.
    #[must_use]
    pub fn findings(&self, occasion: &Occasion) -> Vec<Finding<'_>> {
        let profiles: Vec<&Profile> = self.profiles.iter().map(Arc::as_ref).collect();
        let decisions: Vec<(Uuid, Vec<Decision<'_>>)> = self
            .episodes
            .iter()
            .map(|(id, history)| (*id, Decision::all(&profiles, history, self.day)))
            .collect();
        let mut found = findings(occasion, &decisions, &self.reviews, self.day);
        found.retain(|finding| !self.settled.contains(&finding.fingerprint()));
        found
    }

    /// The profile that is named first where none judges what is asked about.
    #[must_use]
    pub fn first_profile(&self) -> Option<&Profile> {
        self.profiles.first().map(Arc::as_ref)
    }
}

/// A card that is about to be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Its identity.
    pub id: Uuid,
    /// What it says and rests on.
    pub decision: String,
    /// The ids of its suggestions.
    pub suggestions: Vec<Uuid>,
}

/// Keeps the cards that answer one call, so that feedback about them can be taken.
///
/// # Errors
/// Those of the database.
pub fn keep_cards(
    unit: &mut Unit<'_, '_>,
    service: &str,
    hook_instance: Uuid,
    patient: Uuid,
    shown: &[Shown],
) -> Result<()> {
    unit.require(Action::ReadDetermination)?;
    let cards: Vec<Card> = shown
        .iter()
        .map(|card| Card {
            id: card.id,
            service: service.to_owned(),
            hook_instance,
            issuer: unit.principal.subject.clone(),
            patient,
            decision: card.decision.clone(),
            suggestions: card.suggestions.clone(),
            answered_at: unit.now,
        })
        .collect();
    queries::cds::insert_cards(unit.tx, &unit.principal.organization, &cards)?;
    Ok(())
}

/// What was done with one card, as told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feedback {
    /// The card.
    pub card: Uuid,
    /// What was done.
    pub outcome: CardOutcome,
    /// The suggestions that were taken.
    pub suggestions: Vec<Uuid>,
    /// Why it was put aside.
    pub reason: Option<CardReason>,
    /// What a clinician wrote beside it.
    pub comment: Option<String>,
    /// When it was done.
    pub acted_at: DateTime<Utc>,
}

/// Keeps what was done with cards of `service`: all of it or nothing. What was told before is not kept again.
///
/// # Errors
/// [`Error::Invalid`] for each card that this client was not given by this service, or whose suggestion it does not have.
pub fn keep_feedback(
    unit: &mut Unit<'_, '_>,
    service: &str,
    feedback: &[Feedback],
) -> Result<usize> {
    unit.require(Action::GiveFeedback)?;
    let ids: Vec<Uuid> = feedback.iter().map(|one| one.card).collect();
    let cards = queries::cds::cards(unit.tx, &unit.principal.organization, &ids)?;
    let mut errors = Vec::new();
    let mut told = Vec::new();
    for (place, one) in feedback.iter().enumerate() {
        let own = |card: &&Card| card.service == service && card.issuer == unit.principal.subject;
        let Some(card) = cards.get(&one.card).filter(own) else {
            errors.push(FieldError::new(
                format!("/feedback/{place}/card"),
                "unknown_card",
                "This service has given you no such card, or it was so long ago that it is forgotten.",
            ));
            continue;
        };
        for (at, suggestion) in one.suggestions.iter().enumerate() {
            if !card.suggestions.contains(suggestion) {
                errors.push(FieldError::new(
                    format!("/feedback/{place}/acceptedSuggestions/{at}/id"),
                    "unknown_suggestion",
                    "The card has no such suggestion.",
                ));
            }
        }
        told.push(CardFeedback {
            id: unit.new_id(),
            card: one.card,
            service: card.service.clone(),
            patient: card.patient,
            decision: card.decision.clone(),
            outcome: one.outcome,
            suggestions: one.suggestions.clone(),
            reason: one.reason.clone(),
            comment: one.comment.clone(),
            acted_at: one.acted_at,
            received_at: unit.now,
        });
    }
    if !errors.is_empty() {
        return Err(Error::Invalid(errors));
    }
    let mut kept = 0;
    for one in &told {
        if queries::cds::insert_feedback(unit.tx, &unit.principal.organization, one)? {
            unit.audit(
                Action::GiveFeedback,
                "card_feedback",
                one.id,
                Some(one.patient),
            )?;
            kept += 1;
        }
    }
    Ok(kept)
}

/// How often what was done with the cards of each service, and why, of what was done from `from` up to and not at `until`.
///
/// # Errors
/// Those of the database.
pub fn counts(
    unit: &mut Unit<'_, '_>,
    from: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
) -> Result<Vec<FeedbackCount>> {
    unit.require(Action::ReadFeedback)?;
    let organization = &unit.principal.organization;
    let counts = queries::cds::count_feedback(unit.tx, organization, from, until)?;
    unit.note_read(Action::ReadFeedback, "card_feedback", None, None);
    Ok(counts)
}

impl App {
    /// Forgets cards that are so old that no feedback is taken, and calls that can no longer be repeated; how many.
    ///
    /// # Errors
    /// Those of the database.
    pub fn forget_old_cards(self: &Arc<Self>) -> Result<usize> {
        let now = self.seam.now();
        self.db
            .write(move |tx| Ok(queries::cds::forget(tx, now, now - KEPT_CARDS)?))
    }
}
