//! Blocks.

use super::{get, stored, texts, update_if_version};
use crate::db::dialect::query;
use crate::db::page::one_more;
use crate::db::rows::{self, BlockRow, Stored, micros};
use crate::db::schema::blocks;
use crate::db::{Page, Result, Tx};
use crate::domain::block::Block;
use crate::domain::sites::Sites;
use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use uuid::Uuid;

/// Which blocks. `None` does not restrict.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this patient.
    pub patient: Option<Uuid>,
    /// Of this episode.
    pub episode: Option<Uuid>,
    /// Performed by this operator.
    pub operator: Option<String>,
    /// Performed at these sites.
    pub sites: Sites,
    /// Performed on this day or later, by the local calendar.
    pub from: Option<NaiveDate>,
    /// Performed on this day or earlier.
    pub to: Option<NaiveDate>,
}

/// Restricts a boxed query on blocks.
macro_rules! filtered {
    ($query:expr, $filter:expr) => {{
        let filter: &$crate::db::queries::blocks::Filter = $filter;
        let mut query = $query;
        if let Some(patient) = filter.patient {
            query = query.filter(blocks::patient_id.eq(patient.to_string()));
        }
        if let Some(episode) = filter.episode {
            query = query.filter(blocks::episode_id.eq(episode.to_string()));
        }
        if let Some(operator) = &filter.operator {
            query = query.filter(blocks::operator.eq(operator));
        }
        if !filter.sites.are_any() {
            query = query.filter(blocks::site.eq_any(filter.sites.names()));
        }
        if let Some(from) = filter.from {
            query = query.filter(blocks::performed_on.ge($crate::db::rows::date_text(from)));
        }
        if let Some(to) = filter.to {
            query = query.filter(blocks::performed_on.le($crate::db::rows::date_text(to)));
        }
        query
    }};
}
pub(super) use filtered;

/// Adds a block.
///
/// # Errors
/// [`ForeignKeyViolation`](crate::db::DbError::ForeignKeyViolation) when the patient has no such episode.
pub fn insert(tx: &mut Tx<'_>, organization: &str, record: &Stored<Block>) -> Result<()> {
    rows::same_organization(organization, record)?;
    let row = BlockRow::of(organization, record, record.version);
    query!(tx, conn => diesel::insert_into(blocks::table).values(&row).execute(conn))?;
    Ok(())
}

/// The block with this id, withdrawn or not.
///
/// # Errors
/// [`NotFound`](crate::db::DbError::NotFound) when the organization has none such.
pub fn get(tx: &mut Tx<'_>, organization: &str, block: Uuid) -> Result<Stored<Block>> {
    get!(tx, blocks, BlockRow, organization, block)?.try_into()
}

/// Replaces the block if its version is `expected`; the new version.
///
/// # Errors
/// [`Stale`](crate::db::DbError::Stale), [`NotFound`](crate::db::DbError::NotFound).
pub fn update_if_version(
    tx: &mut Tx<'_>,
    organization: &str,
    record: &Stored<Block>,
    expected: i32,
) -> Result<i32> {
    let row = BlockRow::of(organization, record, expected.saturating_add(1));
    update_if_version!(tx, blocks, organization, record.id, expected, &row)
}

/// Withdraws the block if its version is `expected`; the new version.
///
/// # Errors
/// [`Stale`](crate::db::DbError::Stale), [`NotFound`](crate::db::DbError::NotFound).
pub fn withdraw(
    tx: &mut Tx<'_>,
    organization: &str,
    block: Uuid,
    expected: i32,
    at: DateTime<Utc>,
    reason: &str,
) -> Result<i32> {
    let changes = (
        blocks::version.eq(expected.saturating_add(1)),
        blocks::updated_at.eq(micros(at)),
        blocks::withdrawn_at.eq(Some(micros(at))),
        blocks::withdrawn_reason.eq(Some(reason)),
    );
    update_if_version!(tx, blocks, organization, block, expected, changes)
}

/// A page of the blocks that are not withdrawn, by id.
///
/// # Errors
/// When the database fails.
pub fn page(
    tx: &mut Tx<'_>,
    organization: &str,
    filter: &Filter,
    after: Option<Uuid>,
    limit: u32,
) -> Result<Page<Stored<Block>>> {
    let after = after.map(|id| id.to_string());
    let found = query!(tx, conn => {
        let all = blocks::table
            .filter(blocks::organization_id.eq(organization))
            .filter(blocks::withdrawn_at.is_null())
            .into_boxed::<Db>();
        let mut found = filtered!(all, filter);
        if let Some(after) = &after {
            found = found.filter(blocks::id.gt(after));
        }
        found.order(blocks::id).limit(one_more(limit)).select(BlockRow::as_select()).load::<BlockRow>(conn)
    })?;
    Page::of(found, limit).try_map(TryInto::try_into)
}

/// How many blocks [`page`] leads through.
///
/// # Errors
/// When the database fails.
pub fn count(tx: &mut Tx<'_>, organization: &str, filter: &Filter) -> Result<i64> {
    query!(tx, conn => {
        let all = blocks::table
            .filter(blocks::organization_id.eq(organization))
            .filter(blocks::withdrawn_at.is_null())
            .count()
            .into_boxed::<Db>();
        filtered!(all, filter).get_result(conn)
    })
}

/// The block that was recorded last, withdrawn ones left out.
///
/// # Errors
/// When the database fails.
pub fn newest(tx: &mut Tx<'_>, organization: &str) -> Result<Option<Stored<Block>>> {
    let found = query!(tx, conn => blocks::table
        .filter(blocks::organization_id.eq(organization))
        .filter(blocks::withdrawn_at.is_null())
        .order(blocks::id.desc())
        .select(BlockRow::as_select())
        .first::<BlockRow>(conn)
        .optional())?;
    found.map(TryInto::try_into).transpose()
}

/// Every block of a patient that is not withdrawn, in the order of recording.
///
/// # Errors
/// When the database fails.
pub fn for_patient(
    tx: &mut Tx<'_>,
    organization: &str,
    patient: Uuid,
) -> Result<Vec<Stored<Block>>> {
    let found = query!(tx, conn => blocks::table
        .filter(blocks::organization_id.eq(organization))
        .filter(blocks::patient_id.eq(patient.to_string()))
        .filter(blocks::withdrawn_at.is_null())
        .order(blocks::id)
        .select(BlockRow::as_select())
        .load::<BlockRow>(conn))?;
    stored(found)
}

/// Every block of `episodes` that is not withdrawn, in the order of recording.
///
/// # Errors
/// When the database fails.
pub fn for_episodes(
    tx: &mut Tx<'_>,
    organization: &str,
    episodes: &[Uuid],
) -> Result<Vec<Stored<Block>>> {
    let of = texts(episodes);
    let found = query!(tx, conn => blocks::table
        .filter(blocks::organization_id.eq(organization))
        .filter(blocks::episode_id.eq_any(&of))
        .filter(blocks::withdrawn_at.is_null())
        .order(blocks::id)
        .select(BlockRow::as_select())
        .load::<BlockRow>(conn))?;
    stored(found)
}

/// Every block of these patients that is not withdrawn, patient by patient in the order of recording.
///
/// # Errors
/// When the database fails.
pub fn for_patients(
    tx: &mut Tx<'_>,
    organization: &str,
    patients: &[Uuid],
) -> Result<Vec<Stored<Block>>> {
    let of = texts(patients);
    let found = query!(tx, conn => blocks::table
        .filter(blocks::organization_id.eq(organization))
        .filter(blocks::patient_id.eq_any(&of))
        .filter(blocks::withdrawn_at.is_null())
        .order((blocks::patient_id, blocks::id))
        .select(BlockRow::as_select())
        .load::<BlockRow>(conn))?;
    stored(found)
}
