//! Clinicians' decisions about candidates.

use super::texts;
use crate::db::dialect::query;
use crate::db::rows::{Review, ReviewRow, micros};
use crate::db::schema::reviews;
use crate::db::{DbError, Result, Tx};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use std::collections::HashMap;
use uuid::Uuid;

/// Adds a decision; from now on it is the one in force.
///
/// # Errors
/// [`ForeignKeyViolation`](crate::db::DbError::ForeignKeyViolation) when the organization has no such episode.
pub fn insert(tx: &mut Tx<'_>, organization: &str, review: &Review) -> Result<()> {
    let row = ReviewRow::of(organization, review);
    query!(tx, conn => diesel::insert_into(reviews::table).values(&row).execute(conn))?;
    Ok(())
}

/// The decision in force for each of the episodes that has one: the latest that is not undone.
///
/// # Errors
/// When the database fails.
pub fn in_force(
    tx: &mut Tx<'_>,
    organization: &str,
    episodes: &[Uuid],
) -> Result<HashMap<Uuid, Review>> {
    let of = texts(episodes);
    let found = query!(tx, conn => reviews::table
        .filter(reviews::organization_id.eq(organization))
        .filter(reviews::episode_id.eq_any(&of))
        .filter(reviews::undone_at.is_null())
        .order((reviews::episode_id, reviews::id))
        .select(ReviewRow::as_select())
        .load::<ReviewRow>(conn))?;
    // In their order a later one takes the place of an earlier one.
    found
        .into_iter()
        .map(|row| Review::try_from(row).map(|review| (review.episode, review)))
        .collect()
}

/// Takes the decision in force for an episode back; the one before it is in force again.
///
/// # Errors
/// [`NotFound`](crate::db::DbError::NotFound) when none is in force.
pub fn undo(
    tx: &mut Tx<'_>,
    organization: &str,
    episode: Uuid,
    now: DateTime<Utc>,
) -> Result<Review> {
    let mut review = in_force(tx, organization, &[episode])?
        .remove(&episode)
        .ok_or(DbError::NotFound)?;
    query!(tx, conn => diesel::update(
        reviews::table.filter(reviews::organization_id.eq(organization)).filter(reviews::id.eq(review.id.to_string())),
    )
    .set(reviews::undone_at.eq(Some(micros(now))))
    .execute(conn))?;
    review.undone_at = Some(now);
    Ok(review)
}
