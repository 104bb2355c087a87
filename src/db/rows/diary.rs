//! Links to a block's diary, and what came through them.

use super::{id, instant, maybe_code, maybe_instant, micros};
use crate::db::error::DbError;
use crate::db::schema::{diary_entries, diary_links};
use crate::domain::diary::{Language, RemindBy};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::{AsChangeset, Identifiable, Insertable, Queryable, Selectable};
use uuid::Uuid;

/// A link by which a patient keeps one block's diary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiaryLink {
    /// Its identity, which its token carries.
    pub id: Uuid,
    /// Whose it is.
    pub organization: String,
    /// The patient.
    pub patient: Uuid,
    /// The block.
    pub block: Uuid,
    /// The language of its page; `None`: as the phone asks.
    pub language: Option<Language>,
    /// How the patient is reminded; `None`: not at all.
    pub remind_by: Option<RemindBy>,
    /// The address of reminders by e-mail.
    pub remind_to: Option<String>,
    /// The next reminder.
    pub next_reminder: Option<NextReminder>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Who made it.
    pub created_by: String,
    /// From when on it no longer works.
    pub expires_at: DateTime<Utc>,
    /// Set when it was revoked.
    pub revoked: Option<Revocation>,
}

/// That a link was revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// When.
    pub at: DateTime<Utc>,
    /// Who revoked it.
    pub by: String,
}

/// A reminder that is to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NextReminder {
    /// When to send it.
    pub at: DateTime<Utc>,
    /// Of which time: minutes after the injection.
    pub minutes: i64,
    /// How often it was tried.
    pub attempts: i32,
}

impl DiaryLink {
    /// Whether it works at an instant.
    #[must_use]
    pub fn works_at(&self, now: DateTime<Utc>) -> bool {
        self.revoked.is_none() && now < self.expires_at
    }
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable, Identifiable, AsChangeset)]
#[diesel(table_name = diary_links, primary_key(organization_id, id), treat_none_as_default_value = false, treat_none_as_null = true)]
pub(in crate::db) struct DiaryLinkRow {
    organization_id: String,
    id: String,
    patient_id: String,
    block_id: String,
    language: Option<String>,
    remind_by: Option<String>,
    remind_to: Option<String>,
    remind_at: Option<i64>,
    remind_minutes: Option<i64>,
    remind_attempts: i32,
    created_at: i64,
    created_by: String,
    expires_at: i64,
    revoked_at: Option<i64>,
    revoked_by: Option<String>,
}

impl DiaryLinkRow {
    pub(in crate::db) fn of(organization: &str, link: &DiaryLink) -> DiaryLinkRow {
        DiaryLinkRow {
            organization_id: organization.to_owned(),
            id: link.id.to_string(),
            patient_id: link.patient.to_string(),
            block_id: link.block.to_string(),
            language: link.language.map(|language| language.code().to_owned()),
            remind_by: link.remind_by.map(|by| by.code().to_owned()),
            remind_to: link.remind_to.clone(),
            remind_at: link.next_reminder.map(|next| micros(next.at)),
            remind_minutes: link.next_reminder.map(|next| next.minutes),
            remind_attempts: link.next_reminder.map_or(0, |next| next.attempts),
            created_at: micros(link.created_at),
            created_by: link.created_by.clone(),
            expires_at: micros(link.expires_at),
            revoked_at: link.revoked.as_ref().map(|revoked| micros(revoked.at)),
            revoked_by: link.revoked.as_ref().map(|revoked| revoked.by.clone()),
        }
    }
}

impl TryFrom<DiaryLinkRow> for DiaryLink {
    type Error = DbError;

    fn try_from(row: DiaryLinkRow) -> Result<DiaryLink, DbError> {
        let next_reminder = match (row.remind_at, row.remind_minutes) {
            (Some(at), Some(minutes)) => Some(NextReminder {
                at: instant(at)?,
                minutes,
                attempts: row.remind_attempts,
            }),
            _ => None,
        };
        let revoked_at = maybe_instant(row.revoked_at)?;
        Ok(DiaryLink {
            id: id(&row.id)?,
            organization: row.organization_id,
            patient: id(&row.patient_id)?,
            block: id(&row.block_id)?,
            language: maybe_code(row.language.as_deref(), Language::from_code)?,
            remind_by: maybe_code(row.remind_by.as_deref(), RemindBy::from_code)?,
            remind_to: row.remind_to,
            next_reminder,
            created_at: instant(row.created_at)?,
            created_by: row.created_by,
            expires_at: instant(row.expires_at)?,
            revoked: revoked_at
                .zip(row.revoked_by)
                .map(|(at, by)| Revocation { at, by }),
        })
    }
}

/// An answer that came through a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiaryEntry {
    /// As the phone drew it.
    pub id: Uuid,
    /// The score that was made of it.
    pub score: Uuid,
    /// When it arrived.
    pub received_at: DateTime<Utc>,
    /// How far the phone's clock was ahead, where its times were moved by it.
    pub clock_ahead: Option<TimeDelta>,
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = diary_entries, treat_none_as_default_value = false)]
pub(in crate::db) struct DiaryEntryRow {
    organization_id: String,
    link_id: String,
    id: String,
    score_id: String,
    received_at: i64,
    clock_ahead: Option<i64>,
}

impl DiaryEntryRow {
    pub(in crate::db) fn of(organization: &str, link: Uuid, entry: &DiaryEntry) -> DiaryEntryRow {
        DiaryEntryRow {
            organization_id: organization.to_owned(),
            link_id: link.to_string(),
            id: entry.id.to_string(),
            score_id: entry.score.to_string(),
            received_at: micros(entry.received_at),
            // A difference of more than 292,000 years is kept as that.
            clock_ahead: entry
                .clock_ahead
                .map(|ahead| ahead.num_microseconds().unwrap_or(i64::MAX)),
        }
    }
}

impl TryFrom<DiaryEntryRow> for DiaryEntry {
    type Error = DbError;

    fn try_from(row: DiaryEntryRow) -> Result<DiaryEntry, DbError> {
        Ok(DiaryEntry {
            id: id(&row.id)?,
            score: id(&row.score_id)?,
            received_at: instant(row.received_at)?,
            clock_ahead: row.clock_ahead.map(TimeDelta::microseconds),
        })
    }
}
