//! Scores.

use super::{get, stored, texts, update_if_version};
use crate::db::dialect::{insert_all, query};
use crate::db::rows::{self, ScoreDataRow, Stored, micros};
use crate::db::schema::{blocks, scores};
use crate::db::{Result, Tx};
use crate::domain::pain::ScoreRow;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use uuid::Uuid;

/// Adds scores, many in one statement.
///
/// # Errors
/// [`ForeignKeyViolation`](crate::db::DbError::ForeignKeyViolation) when the patient has no such block.
pub fn insert_many(
    tx: &mut Tx<'_>,
    organization: &str,
    records: &[Stored<ScoreRow>],
) -> Result<()> {
    let mut rows = Vec::with_capacity(records.len());
    for record in records {
        rows::same_organization(organization, record)?;
        rows.push(ScoreDataRow::of(organization, record, record.version));
    }
    insert_all!(tx, scores, rows.as_slice());
    Ok(())
}

/// The score with this id, withdrawn or not.
///
/// # Errors
/// [`NotFound`](crate::db::DbError::NotFound) when the organization has none such.
pub fn get(tx: &mut Tx<'_>, organization: &str, score: Uuid) -> Result<Stored<ScoreRow>> {
    get!(tx, scores, ScoreDataRow, organization, score)?.try_into()
}

/// Replaces the score if its version is `expected`; the new version.
///
/// # Errors
/// [`Stale`](crate::db::DbError::Stale), [`NotFound`](crate::db::DbError::NotFound).
pub fn update_if_version(
    tx: &mut Tx<'_>,
    organization: &str,
    record: &Stored<ScoreRow>,
    expected: i32,
) -> Result<i32> {
    let row = ScoreDataRow::of(organization, record, expected.saturating_add(1));
    update_if_version!(tx, scores, organization, record.id, expected, &row)
}

/// Withdraws the score if its version is `expected`; the new version.
///
/// # Errors
/// [`Stale`](crate::db::DbError::Stale), [`NotFound`](crate::db::DbError::NotFound).
pub fn withdraw(
    tx: &mut Tx<'_>,
    organization: &str,
    score: Uuid,
    expected: i32,
    at: DateTime<Utc>,
    reason: &str,
) -> Result<i32> {
    let changes = (
        scores::version.eq(expected.saturating_add(1)),
        scores::updated_at.eq(micros(at)),
        scores::withdrawn_at.eq(Some(micros(at))),
        scores::withdrawn_reason.eq(Some(reason)),
    );
    update_if_version!(tx, scores, organization, score, expected, changes)
}

/// Every score of a block that is not withdrawn, in the order of recording.
///
/// # Errors
/// When the database fails.
pub fn for_block(
    tx: &mut Tx<'_>,
    organization: &str,
    block: Uuid,
) -> Result<Vec<Stored<ScoreRow>>> {
    let found = query!(tx, conn => scores::table
        .filter(scores::organization_id.eq(organization))
        .filter(scores::block_id.eq(block.to_string()))
        .filter(scores::withdrawn_at.is_null())
        .order(scores::id)
        .select(ScoreDataRow::as_select())
        .load::<ScoreDataRow>(conn))?;
    stored(found)
}

/// Every score of these blocks that is not withdrawn, block by block, in the order of recording.
///
/// # Errors
/// When the database fails.
pub fn for_blocks(
    tx: &mut Tx<'_>,
    organization: &str,
    of: &[Uuid],
) -> Result<Vec<Stored<ScoreRow>>> {
    let of = texts(of);
    let found = query!(tx, conn => scores::table
        .filter(scores::organization_id.eq(organization))
        .filter(scores::block_id.eq_any(&of))
        .filter(scores::withdrawn_at.is_null())
        .order((scores::block_id, scores::id))
        .select(ScoreDataRow::as_select())
        .load::<ScoreDataRow>(conn))?;
    stored(found)
}

/// Every score of these blocks, withdrawn ones too, block by block, in the order of recording.
///
/// # Errors
/// When the database fails.
pub fn for_blocks_with_withdrawn(
    tx: &mut Tx<'_>,
    organization: &str,
    of: &[Uuid],
) -> Result<Vec<Stored<ScoreRow>>> {
    let of = texts(of);
    let found = query!(tx, conn => scores::table
        .filter(scores::organization_id.eq(organization))
        .filter(scores::block_id.eq_any(&of))
        .order((scores::block_id, scores::id))
        .select(ScoreDataRow::as_select())
        .load::<ScoreDataRow>(conn))?;
    stored(found)
}

/// Every score of a patient that is not withdrawn, of blocks that are not, block by block in the order of recording.
///
/// # Errors
/// When the database fails.
pub fn for_patient(
    tx: &mut Tx<'_>,
    organization: &str,
    patient: Uuid,
) -> Result<Vec<Stored<ScoreRow>>> {
    let own = scores::organization_id
        .eq(blocks::organization_id)
        .and(scores::block_id.eq(blocks::id));
    let found = query!(tx, conn => blocks::table
        .inner_join(scores::table.on(own))
        .filter(blocks::organization_id.eq(organization))
        .filter(blocks::patient_id.eq(patient.to_string()))
        .filter(blocks::withdrawn_at.is_null())
        .filter(scores::withdrawn_at.is_null())
        .order((blocks::id, scores::id))
        .select(ScoreDataRow::as_select())
        .load::<ScoreDataRow>(conn))?;
    stored(found)
}

/// The scores that were withdrawn after an instant, the longest ago first: each with its patient.
///
/// # Errors
/// When the database fails.
pub fn withdrawn_since(
    tx: &mut Tx<'_>,
    organization: &str,
    since: DateTime<Utc>,
) -> Result<Vec<(Uuid, Uuid)>> {
    let found: Vec<(String, String)> = query!(tx, conn => scores::table
        .filter(scores::organization_id.eq(organization))
        .filter(scores::withdrawn_at.gt(micros(since)))
        .order(scores::withdrawn_at)
        .select((scores::id, scores::patient_id))
        .load(conn))?;
    found
        .into_iter()
        .map(|(score, patient)| Ok((rows::id(&score)?, rows::id(&patient)?)))
        .collect()
}
