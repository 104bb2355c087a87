//! Cards of CDS Hooks that were answered, and what was done with them.

use super::{code, id, instant, micros};
use crate::db::error::DbError;
use crate::db::schema::{cds_cards, cds_feedback};
use crate::domain::UnknownCode;
use chrono::{DateTime, Utc};
use diesel::{Insertable, Queryable, Selectable};
use uuid::Uuid;

/// What was done with a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CardOutcome {
    /// One or more of its suggestions were taken.
    Accepted,
    /// It was put aside.
    Overridden,
}

impl CardOutcome {
    /// Every code.
    pub const CODES: [&'static str; 2] = ["accepted", "overridden"];

    /// Stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            CardOutcome::Accepted => "accepted",
            CardOutcome::Overridden => "overridden",
        }
    }

    /// Reads a code back.
    ///
    /// # Errors
    /// [`UnknownCode`] when there is none such.
    pub fn from_code(code: &str) -> Result<CardOutcome, UnknownCode> {
        match code {
            "accepted" => Ok(CardOutcome::Accepted),
            "overridden" => Ok(CardOutcome::Overridden),
            _ => Err(UnknownCode {
                given: code.to_owned(),
                accepted: CardOutcome::CODES.to_vec(),
            }),
        }
    }
}

/// A card that was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// Its identity, by which feedback names it.
    pub id: Uuid,
    /// The service that answered it.
    pub service: String,
    /// The call that it answered.
    pub hook_instance: Uuid,
    /// Who called.
    pub issuer: String,
    /// The patient.
    pub patient: Uuid,
    /// SHA-256 of what it said and rested on, in hexadecimal.
    pub decision: String,
    /// The ids of its suggestions.
    pub suggestions: Vec<Uuid>,
    /// When.
    pub answered_at: DateTime<Utc>,
}

/// A reason for which a card was put aside, as a code.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CardReason {
    /// The code's system.
    pub system: String,
    /// The code.
    pub code: String,
}

/// What was done with one card at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardFeedback {
    /// Its identity.
    pub id: Uuid,
    /// The card.
    pub card: Uuid,
    /// The service that answered it.
    pub service: String,
    /// The patient.
    pub patient: Uuid,
    /// What the card said and rested on.
    pub decision: String,
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
    /// When it was told.
    pub received_at: DateTime<Utc>,
}

/// How often something was done with the cards of a service for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedbackCount {
    /// The service.
    pub service: String,
    /// What was done.
    pub outcome: CardOutcome,
    /// Why; `None` where no reason was given.
    pub reason: Option<CardReason>,
    /// How often.
    pub count: i64,
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = cds_cards, treat_none_as_default_value = false)]
pub(in crate::db) struct CardRow {
    organization_id: String,
    id: String,
    service: String,
    hook_instance: String,
    issuer: String,
    patient_id: String,
    decision: String,
    suggestions: String,
    answered_at: i64,
}

#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = cds_feedback, treat_none_as_default_value = false)]
pub(in crate::db) struct FeedbackRow {
    organization_id: String,
    id: String,
    card_id: String,
    service: String,
    patient_id: String,
    decision: String,
    outcome: String,
    suggestions: String,
    reason_system: Option<String>,
    reason_code: Option<String>,
    comment: Option<String>,
    acted_at: i64,
    received_at: i64,
}

/// Service, outcome, system and code of the reason, and how often.
pub(in crate::db) type FeedbackCountRow = (String, String, Option<String>, Option<String>, i64);

impl CardRow {
    pub(in crate::db) fn of(organization: &str, card: &Card) -> CardRow {
        CardRow {
            organization_id: organization.to_owned(),
            id: card.id.to_string(),
            service: card.service.clone(),
            hook_instance: card.hook_instance.to_string(),
            issuer: card.issuer.clone(),
            patient_id: card.patient.to_string(),
            decision: card.decision.clone(),
            suggestions: ids_text(&card.suggestions),
            answered_at: micros(card.answered_at),
        }
    }
}

impl TryFrom<CardRow> for Card {
    type Error = DbError;

    fn try_from(row: CardRow) -> Result<Card, DbError> {
        Ok(Card {
            id: id(&row.id)?,
            service: row.service,
            hook_instance: id(&row.hook_instance)?,
            issuer: row.issuer,
            patient: id(&row.patient_id)?,
            decision: row.decision,
            suggestions: ids(&row.suggestions)?,
            answered_at: instant(row.answered_at)?,
        })
    }
}

impl FeedbackRow {
    pub(in crate::db) fn of(organization: &str, feedback: &CardFeedback) -> FeedbackRow {
        let (reason_system, reason_code) = match &feedback.reason {
            Some(reason) => (Some(reason.system.clone()), Some(reason.code.clone())),
            None => (None, None),
        };
        FeedbackRow {
            organization_id: organization.to_owned(),
            id: feedback.id.to_string(),
            card_id: feedback.card.to_string(),
            service: feedback.service.clone(),
            patient_id: feedback.patient.to_string(),
            decision: feedback.decision.clone(),
            outcome: feedback.outcome.code().to_owned(),
            suggestions: ids_text(&feedback.suggestions),
            reason_system,
            reason_code,
            comment: feedback.comment.clone(),
            acted_at: micros(feedback.acted_at),
            received_at: micros(feedback.received_at),
        }
    }
}

impl TryFrom<FeedbackCountRow> for FeedbackCount {
    type Error = DbError;

    fn try_from(row: FeedbackCountRow) -> Result<FeedbackCount, DbError> {
        let (service, outcome, system, reason, count) = row;
        Ok(FeedbackCount {
            service,
            outcome: code(&outcome, CardOutcome::from_code)?,
            reason: system
                .zip(reason)
                .map(|(system, code)| CardReason { system, code }),
            count,
        })
    }
}

fn ids_text(ids: &[Uuid]) -> String {
    ids.iter()
        .map(Uuid::to_string)
        .collect::<Vec<_>>()
        .join(",")
}

fn ids(text: &str) -> Result<Vec<Uuid>, DbError> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    text.split(',').map(id).collect()
}
