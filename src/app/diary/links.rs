//! Links: made and revoked by the clinic, opened by whoever holds one.

use super::super::blocks;
use super::super::core::{App, Unit};
use super::super::error::{Error, Result};
use super::reminders;
use crate::auth::{Action, Principal, Role};
use crate::db::rows::{DiaryLink, Revocation};
use crate::db::{DbError, Stored, queries};
use crate::domain::block::Block;
use crate::domain::diary::{self, LINK_LIFETIME, Language, RemindBy, Slot};
use chrono::{DateTime, Utc};
use std::sync::Arc;
use uuid::Uuid;

/// A block has at most so many links that work.
const MOST_LINKS: usize = 20;

/// What a link is to be like.
#[derive(Debug, Clone, Default)]
pub struct NewLink {
    /// The language of its page; `None`: as the phone asks.
    pub language: Option<Language>,
    /// Reminders; `None`: none.
    pub reminders: Option<NewReminders>,
}

/// The reminders that a link is to have.
#[derive(Debug, Clone)]
pub struct NewReminders {
    /// How they are sent.
    pub by: RemindBy,
    /// The address, for e-mail.
    pub to: Option<String>,
}

/// A link with what a clinic wants to know of it.
#[derive(Debug)]
pub struct ListedLink {
    /// The link.
    pub link: DiaryLink,
    /// Its address, for those who may make one, as long as it works.
    pub url: Option<String>,
    /// Whether it works now.
    pub works: bool,
    /// How many answers came through it.
    pub entries: i64,
}

/// Makes a link to the diary of a block.
///
/// # Errors
/// [`Error::NotFound`] where there is no such block; [`Error::Conflict`] where its two weeks are over or it has too many
/// links; [`Error::Invalid`] where this service cannot remind in that way.
pub fn make(unit: &mut Unit<'_, '_>, block: Uuid, wanted: &NewLink) -> Result<ListedLink> {
    unit.require(Action::MakeDiaryLink)?;
    let stored = blocks::find(unit, block)?;
    refuse_ended(unit, &stored)?;
    check_reminders(unit, wanted.reminders.as_ref())?;
    let known = queries::diary::for_block(unit.tx, &unit.principal.organization, block)?;
    if known.iter().filter(|link| link.works_at(unit.now)).count() >= MOST_LINKS {
        return Err(Error::Conflict {
            code: "too_many_links",
            detail: format!("This block has {MOST_LINKS} links that work; revoke some first."),
        });
    }
    let now = whole_micros(unit.now);
    let reminders = wanted.reminders.as_ref();
    let link = DiaryLink {
        id: unit.new_id(),
        organization: unit.organization().to_owned(),
        patient: stored.patient,
        block,
        language: wanted.language,
        remind_by: reminders.map(|reminders| reminders.by),
        remind_to: reminders.and_then(|reminders| reminders.to.clone()),
        next_reminder: reminders.and_then(|_| reminders::first(&stored.value, now)),
        created_at: now,
        created_by: unit.principal.subject.clone(),
        expires_at: now + LINK_LIFETIME,
        revoked: None,
    };
    queries::diary::insert(unit.tx, &unit.principal.organization, &link)?;
    unit.audit(
        Action::MakeDiaryLink,
        "diary_link",
        link.id,
        Some(link.patient),
    )?;
    Ok(ListedLink {
        url: Some(unit.app.diary_url(link.id)),
        link,
        works: true,
        entries: 0,
    })
}

/// The links of a block, the newest first.
///
/// # Errors
/// [`Error::NotFound`] where there is no such block.
pub fn list(unit: &mut Unit<'_, '_>, block: Uuid) -> Result<Vec<ListedLink>> {
    unit.require(Action::ReadDiaryLink)?;
    let stored = blocks::find(unit, block)?;
    let organization = &unit.principal.organization;
    let mut listed = Vec::new();
    for link in queries::diary::for_block(unit.tx, organization, block)? {
        let works = link.works_at(unit.now) && stored.withdrawn.is_none();
        let shown = works && unit.principal.allows(Action::MakeDiaryLink);
        listed.push(ListedLink {
            url: shown.then(|| unit.app.diary_url(link.id)),
            works,
            entries: queries::diary::count_entries(unit.tx, organization, link.id)?,
            link,
        });
    }
    unit.note_read(
        Action::ReadDiaryLink,
        "diary_links",
        Some(block),
        Some(stored.patient),
    );
    Ok(listed)
}

/// Revokes a link: it does not work any more. One that was revoked before stays so.
///
/// # Errors
/// [`Error::NotFound`] where there is no such link.
pub fn revoke(unit: &mut Unit<'_, '_>, link: Uuid) -> Result<DiaryLink> {
    unit.require(Action::RevokeDiaryLink)?;
    let organization = &unit.principal.organization;
    let found = queries::diary::get(unit.tx, organization, link).map_err(|error| match error {
        DbError::NotFound => Error::NotFound { what: "diary link" },
        other => other.into(),
    })?;
    if found.revoked.is_some() {
        return Ok(found);
    }
    let revocation = Revocation {
        at: unit.now,
        by: unit.principal.subject.clone(),
    };
    queries::diary::revoke(unit.tx, organization, link, &revocation)?;
    let patient = Some(found.patient);
    unit.audit(Action::RevokeDiaryLink, "diary_link", link, patient)?;
    Ok(found)
}

/// What the page of a diary shows: nothing about the patient but what was treated.
#[derive(Debug)]
pub struct Opened {
    /// The language of its page; `None`: as the phone asks.
    pub language: Option<Language>,
    /// The block.
    pub block: Block,
    /// The times that are answered on each treated side.
    pub answered: Vec<Slot>,
    /// From when on the link no longer works.
    pub expires_at: DateTime<Utc>,
}

/// Opens the diary that a token names. Nothing tells a token that was never given out from one that expired or was
/// revoked: each costs one look into the database and gives `None`.
///
/// # Errors
/// Those of the database.
pub fn open(app: &Arc<App>, token: &str) -> Result<Option<Opened>> {
    let Some(link) = find_working(app, token)? else {
        return Ok(None);
    };
    app.read(&keeper(&link), |unit| {
        unit.require(Action::WriteDiary)?;
        let block = blocks::find(unit, link.block)?;
        if block.withdrawn.is_some() {
            return Ok(None);
        }
        let scores = queries::scores::for_block(unit.tx, &link.organization, link.block)?;
        let rows = scores.iter().map(|score| &score.value);
        unit.note_read(
            Action::WriteDiary,
            "diary",
            Some(link.block),
            Some(link.patient),
        );
        Ok(Some(Opened {
            language: link.language,
            answered: diary::answered(&block.value, rows),
            block: block.value,
            expires_at: link.expires_at,
        }))
    })
}

/// The link that a token names, if it works now.
pub(super) fn find_working(app: &Arc<App>, token: &str) -> Result<Option<DiaryLink>> {
    let signed = app.settings.diary.key.open(token);
    let found = app
        .db
        .read(|tx| queries::diary::by_token(tx, signed.unwrap_or_default()).map_err(Error::from))?;
    let now = app.seam.now();
    Ok(found.filter(|link| signed.is_some() && link.works_at(now)))
}

/// Whoever holds a link, to the audit trail and to the queries.
pub(super) fn keeper(link: &DiaryLink) -> Principal {
    Principal {
        organization: link.organization.clone(),
        subject: format!("diary-link:{}", link.id),
        role: Role::Patient,
        scopes: None,
    }
}

impl App {
    /// The address of a link.
    pub(super) fn diary_url(&self, link: Uuid) -> String {
        let settings = &self.settings.diary;
        format!("{}/d/{}", settings.public_url, settings.key.token(link))
    }
}

fn refuse_ended(unit: &Unit<'_, '_>, block: &Stored<Block>) -> Result<()> {
    let conflict = |code, detail: &str| {
        Err(Error::Conflict {
            code,
            detail: detail.to_owned(),
        })
    };
    if block.withdrawn.is_some() {
        return conflict("withdrawn", "This block was withdrawn.");
    }
    let ends_at = diary::slots()
        .last()
        .map(|slot| slot.ends_at(block.value.performed_at));
    if ends_at.is_some_and(|ends_at| ends_at < unit.now) {
        let detail = "The two weeks of this block's diary are over. Add what was written down as scores of the block.";
        return conflict("diary_over", detail);
    }
    Ok(())
}

fn check_reminders(unit: &Unit<'_, '_>, wanted: Option<&NewReminders>) -> Result<()> {
    let Some(wanted) = wanted else { return Ok(()) };
    let configured = unit.app.settings.diary.reminders.as_ref();
    if configured.map(super::Delivery::by) != Some(wanted.by) {
        let detail = format!(
            "This service does not remind by {}; see the settings [reminders].",
            wanted.by.label()
        );
        return Err(Error::field("/reminders/by", "not_configured", detail));
    }
    match (wanted.by, &wanted.to) {
        (RemindBy::Email, None) => Err(Error::field(
            "/reminders/to",
            "required",
            "Say to which address.",
        )),
        (RemindBy::Webhook, Some(_)) => Err(Error::field(
            "/reminders/to",
            "not_here",
            "Only e-mail has an address; a webhook is told the id of the link.",
        )),
        _ => Ok(()),
    }
}

/// The instant as the database keeps it.
fn whole_micros(at: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(at.timestamp_micros()).unwrap_or(at)
}
