//! Links to a block's diary, and what came through them.

use super::get;
use crate::db::dialect::{insert_all, query};
use crate::db::rows::{
    DiaryEntry, DiaryEntryRow, DiaryLink, DiaryLinkRow, NextReminder, Revocation, micros,
};
use crate::db::schema::{diary_entries, diary_links};
use crate::db::{DbError, Result, Tx};
use chrono::{DateTime, Utc};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use uuid::Uuid;

/// Adds a link.
///
/// # Errors
/// [`ForeignKeyViolation`](crate::db::DbError::ForeignKeyViolation) when the patient has no such block.
pub fn insert(tx: &mut Tx<'_>, organization: &str, link: &DiaryLink) -> Result<()> {
    let row = DiaryLinkRow::of(organization, link);
    query!(tx, conn => diesel::insert_into(diary_links::table).values(&row).execute(conn))?;
    Ok(())
}

/// The link with this id, whether it works or not.
///
/// # Errors
/// [`NotFound`](crate::db::DbError::NotFound) when the organization has none such.
pub fn get(tx: &mut Tx<'_>, organization: &str, link: Uuid) -> Result<DiaryLink> {
    get!(tx, diary_links, DiaryLinkRow, organization, link)?.try_into()
}

/// The link that a token names, of whichever organization: the token's signature says that it was given out.
///
/// # Errors
/// When the database fails.
pub fn by_token(tx: &mut Tx<'_>, link: Uuid) -> Result<Option<DiaryLink>> {
    let found = query!(tx, conn => diary_links::table
        .filter(diary_links::id.eq(link.to_string()))
        .select(DiaryLinkRow::as_select())
        .first::<DiaryLinkRow>(conn)
        .optional())?;
    found.map(TryInto::try_into).transpose()
}

/// The links of a block, the newest first.
///
/// # Errors
/// When the database fails.
pub fn for_block(tx: &mut Tx<'_>, organization: &str, block: Uuid) -> Result<Vec<DiaryLink>> {
    let found = query!(tx, conn => diary_links::table
        .filter(diary_links::organization_id.eq(organization))
        .filter(diary_links::block_id.eq(block.to_string()))
        .order(diary_links::id.desc())
        .select(DiaryLinkRow::as_select())
        .load::<DiaryLinkRow>(conn))?;
    found.into_iter().map(TryInto::try_into).collect()
}

/// How many answers came through a link.
///
/// # Errors
/// When the database fails.
pub fn count_entries(tx: &mut Tx<'_>, organization: &str, link: Uuid) -> Result<i64> {
    query!(tx, conn => diary_entries::table
        .filter(diary_entries::organization_id.eq(organization))
        .filter(diary_entries::link_id.eq(link.to_string()))
        .count()
        .get_result(conn))
}

/// Revokes a link that is not revoked: its address is forgotten, and nobody is reminded any more.
///
/// # Errors
/// [`Stale`](crate::db::DbError::Stale) when it was revoked before, or is not there.
pub fn revoke(
    tx: &mut Tx<'_>,
    organization: &str,
    link: Uuid,
    revocation: &Revocation,
) -> Result<()> {
    let nothing = None::<i64>;
    let changed = query!(tx, conn => diesel::update(
        diary_links::table
            .filter(diary_links::organization_id.eq(organization))
            .filter(diary_links::id.eq(link.to_string()))
            .filter(diary_links::revoked_at.is_null()),
    )
    .set((
        diary_links::revoked_at.eq(Some(micros(revocation.at))),
        diary_links::revoked_by.eq(Some(&revocation.by)),
        diary_links::remind_to.eq(None::<String>),
        diary_links::remind_at.eq(nothing),
        diary_links::remind_minutes.eq(nothing),
    ))
    .execute(conn))?;
    changed_one(changed)
}

/// The links of every organization whose next reminder is due by an instant, the longest due first.
///
/// # Errors
/// When the database fails.
pub fn to_remind(tx: &mut Tx<'_>, by: DateTime<Utc>, limit: u32) -> Result<Vec<DiaryLink>> {
    let found = query!(tx, conn => diary_links::table
        .filter(diary_links::remind_at.le(micros(by)))
        // In the words of the index: neither planner can tell from a parameter that the index holds the row.
        .filter(sql::<Bool>("remind_at IS NOT NULL"))
        .order(diary_links::remind_at)
        .limit(i64::from(limit))
        .select(DiaryLinkRow::as_select())
        .load::<DiaryLinkRow>(conn))?;
    found.into_iter().map(TryInto::try_into).collect()
}

/// Sets the next reminder of a link, if the present one is still `from`.
///
/// # Errors
/// [`Stale`](crate::db::DbError::Stale) when it is another one: somebody else has taken it.
pub fn set_reminder(
    tx: &mut Tx<'_>,
    organization: &str,
    link: Uuid,
    from: Option<NextReminder>,
    to: Option<NextReminder>,
) -> Result<()> {
    let found = get(tx, organization, link)?;
    if found.next_reminder != from || found.revoked.is_some() {
        return Err(DbError::Stale);
    }
    let changed = query!(tx, conn => diesel::update(
        diary_links::table
            .filter(diary_links::organization_id.eq(organization))
            .filter(diary_links::id.eq(link.to_string())),
    )
    .set((
        diary_links::remind_at.eq(to.map(|next| micros(next.at))),
        diary_links::remind_minutes.eq(to.map(|next| next.minutes)),
        diary_links::remind_attempts.eq(to.map_or(0, |next| next.attempts)),
    ))
    .execute(conn))?;
    changed_one(changed)
}

/// Forgets the addresses and the reminders of links that ended before an instant; how many there were.
///
/// # Errors
/// When the database fails.
pub fn forget_addresses(tx: &mut Tx<'_>, before: DateTime<Utc>) -> Result<usize> {
    let nothing = None::<i64>;
    query!(tx, conn => diesel::update(
        diary_links::table
            .filter(diary_links::expires_at.le(micros(before)))
            .filter(sql::<Bool>("remind_to IS NOT NULL")),
    )
    .set((
        diary_links::remind_to.eq(None::<String>),
        diary_links::remind_at.eq(nothing),
        diary_links::remind_minutes.eq(nothing),
    ))
    .execute(conn))
}

/// Adds answers that came through a link.
///
/// # Errors
/// [`ForeignKeyViolation`](crate::db::DbError::ForeignKeyViolation) when there is no such link or score.
pub fn add_entries(
    tx: &mut Tx<'_>,
    organization: &str,
    link: Uuid,
    entries: &[DiaryEntry],
) -> Result<()> {
    let rows: Vec<DiaryEntryRow> = entries
        .iter()
        .map(|entry| DiaryEntryRow::of(organization, link, entry))
        .collect();
    insert_all!(tx, diary_entries, rows.as_slice());
    Ok(())
}

/// Every answer that came through a link.
///
/// # Errors
/// When the database fails.
pub fn entries(tx: &mut Tx<'_>, organization: &str, link: Uuid) -> Result<Vec<DiaryEntry>> {
    let found = query!(tx, conn => diary_entries::table
        .filter(diary_entries::organization_id.eq(organization))
        .filter(diary_entries::link_id.eq(link.to_string()))
        .order(diary_entries::id)
        .select(DiaryEntryRow::as_select())
        .load::<DiaryEntryRow>(conn))?;
    found.into_iter().map(TryInto::try_into).collect()
}

fn changed_one(changed: usize) -> Result<()> {
    if changed == 1 {
        Ok(())
    } else {
        Err(DbError::Stale)
    }
}
