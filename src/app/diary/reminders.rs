//! Reminders: which are due, each at most once.
//!
//! A reminder is taken before it is sent: what is taken is not sent by another machine, and not again after a crash in
//! between. Only where the sending is known to have failed is it put back, a few times, as long as its time lasts.

use super::super::core::App;
use super::super::error::{Error, Result};
use super::super::judging::service_principal;
use super::{Language, RemindBy};
use crate::db::rows::{DiaryLink, NextReminder};
use crate::db::{DbError, queries};
use crate::domain::block::Block;
use crate::domain::diary::{self, Slot};
use chrono::{DateTime, FixedOffset, TimeDelta, Utc};
use std::sync::Arc;
use uuid::Uuid;

/// So many are taken at once.
const BATCH: u32 = 100;

/// How often a reminder is tried.
const MOST_ATTEMPTS: i32 = 3;

/// A reminder to send. It holds nothing about the patient but the address.
#[derive(Clone)]
pub struct Reminder {
    /// Whose link.
    pub organization: String,
    /// The link.
    pub link: Uuid,
    /// Its address.
    pub url: String,
    /// The time that it reminds of.
    pub due_at: DateTime<FixedOffset>,
    /// The language of the diary.
    pub language: Language,
    /// How it is sent.
    pub by: RemindBy,
    /// The address, for e-mail.
    pub to: Option<String>,
    slot: Slot,
    ends_at: DateTime<FixedOffset>,
    attempts: i32,
    /// What was set as the next one when this was taken.
    after: Option<NextReminder>,
}

impl std::fmt::Debug for Reminder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reminder")
            .field("link", &self.link)
            .field("due_at", &self.due_at)
            .finish_non_exhaustive()
    }
}

impl Reminder {
    /// What tells it from every other one, so that whoever is told twice can know.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}-{}", self.link, self.slot.minutes)
    }
}

/// The first reminder of a link that is made at `now`.
pub(super) fn first(block: &Block, now: DateTime<Utc>) -> Option<NextReminder> {
    next_after(block, 0, now)
}

/// The reminder of the first time after `minutes` that is not over at `now`.
fn next_after(block: &Block, minutes: i64, now: DateTime<Utc>) -> Option<NextReminder> {
    let slot = diary::slots()
        .find(|slot| slot.minutes > minutes && slot.ends_at(block.performed_at) > now)?;
    Some(NextReminder {
        at: diary::remind_at(slot, block.performed_at).with_timezone(&Utc),
        minutes: slot.minutes,
        attempts: 0,
    })
}

impl App {
    /// Takes the reminders that are due, so that nobody else sends them. Those whose time is answered, or over, are left
    /// out.
    ///
    /// # Errors
    /// Those of the database.
    pub fn take_reminders(self: &Arc<Self>) -> Result<Vec<Reminder>> {
        let now = self.seam.now();
        let due = self
            .db
            .read(|tx| queries::diary::to_remind(tx, now, BATCH).map_err(Error::from))?;
        let mut taken = Vec::new();
        for link in due {
            let principal = service_principal(&link.organization);
            let outcome = self.write(&principal, move |unit| {
                let id = link.id;
                let link = queries::diary::get(unit.tx, &unit.principal.organization, id)?;
                let block = queries::blocks::get(unit.tx, &link.organization, link.block)?;
                let scores = queries::scores::for_block(unit.tx, &link.organization, link.block)?;
                let rows = scores.iter().map(|score| &score.value);
                let answered = diary::answered(&block.value, rows);
                let Some(next) = link.next_reminder.filter(|next| next.at <= unit.now) else {
                    return Ok(None);
                };
                let works = link.works_at(unit.now) && block.withdrawn.is_none();
                let after = next_after(&block.value, next.minutes, unit.now).filter(|_| works);
                queries::diary::set_reminder(
                    unit.tx,
                    &link.organization,
                    link.id,
                    Some(next),
                    after,
                )?;
                let wanted = diary::slots()
                    .find(|slot| slot.minutes == next.minutes)
                    .filter(|slot| works && !answered.contains(slot))
                    .filter(|slot| slot.ends_at(block.value.performed_at) > unit.now);
                Ok(wanted.and_then(|slot| {
                    let url = unit.app.diary_url(link.id);
                    reminder(&link, &block.value, slot, next, after, url)
                }))
            });
            taken.extend(outcome?);
        }
        Ok(taken)
    }

    /// Puts a reminder back whose sending failed, to be tried a little later; whether there will be another try.
    ///
    /// # Errors
    /// Those of the database.
    pub fn put_back_reminder(self: &Arc<Self>, reminder: &Reminder) -> Result<bool> {
        let attempts = reminder.attempts.saturating_add(1);
        let wait = TimeDelta::minutes(1 << u32::try_from(attempts).unwrap_or(0).min(8));
        let at = self.seam.now() + wait;
        if attempts >= MOST_ATTEMPTS || at >= reminder.ends_at {
            return Ok(false);
        }
        let again = NextReminder {
            at: DateTime::from_timestamp_micros(at.timestamp_micros()).unwrap_or(at),
            minutes: reminder.slot.minutes,
            attempts,
        };
        let principal = service_principal(&reminder.organization);
        let (link, after) = (reminder.link, reminder.after);
        self.write(&principal, move |unit| {
            let organization = &unit.principal.organization;
            match queries::diary::set_reminder(unit.tx, organization, link, after, Some(again)) {
                Ok(()) => Ok(true),
                // Revoked meanwhile, or the next one has come.
                Err(DbError::Stale) => Ok(false),
                Err(other) => Err(other.into()),
            }
        })
    }

    /// Forgets the addresses of links that no longer work; how many there were.
    ///
    /// # Errors
    /// Those of the database.
    pub fn forget_reminder_addresses(self: &Arc<Self>) -> Result<usize> {
        let now = self.seam.now();
        self.db
            .write(move |tx| queries::diary::forget_addresses(tx, now).map_err(Error::from))
    }
}

fn reminder(
    link: &DiaryLink,
    block: &Block,
    slot: Slot,
    taken: NextReminder,
    after: Option<NextReminder>,
    url: String,
) -> Option<Reminder> {
    Some(Reminder {
        organization: link.organization.clone(),
        link: link.id,
        url,
        due_at: slot.due_at(block.performed_at),
        language: link.language.unwrap_or(Language::English),
        by: link.remind_by?,
        to: link.remind_to.clone(),
        slot,
        ends_at: slot.ends_at(block.performed_at),
        attempts: taken.attempts,
        after,
    })
}
