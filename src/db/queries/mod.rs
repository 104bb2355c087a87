//! The queries, one module for each noun. The transaction comes first, then the organization.

pub mod ablations;
pub mod adverse_events;
pub mod analytics;
pub mod audit;
pub mod blocks;
pub mod bulk;
pub mod candidates;
pub mod cds;
pub mod clients;
pub mod deliveries;
pub mod determinations;
pub mod diary;
pub mod episodes;
pub mod export_rows;
pub mod exports;
pub mod follow_ups;
pub mod groups;
pub mod idempotency;
pub mod import_progress;
pub mod jobs;
pub mod organizations;
pub mod patients;
pub mod people;
pub mod profiles;
pub mod reviews;
pub mod scores;
pub mod subscriptions;
pub mod versions;

use super::Result;
use super::rows::Stored;
use uuid::Uuid;

/// Every row as a domain value.
fn stored<R, T>(rows: Vec<R>) -> Result<Vec<Stored<T>>>
where
    Stored<T>: TryFrom<R, Error = super::DbError>,
{
    rows.into_iter().map(Stored::<T>::try_from).collect()
}

/// The ids as the columns hold them.
fn texts(ids: &[Uuid]) -> Vec<String> {
    ids.iter().map(Uuid::to_string).collect()
}

/// Replaces the row with `$id` if its version is `$expected`; the new version.
macro_rules! update_if_version {
    ($tx:ident, $table:ident, $organization:expr, $id:expr, $expected:expr, $changes:expr) => {{
        let id = $id.to_string();
        let changed = $crate::db::dialect::query!($tx, conn => diesel::update(
            $table::table
                .filter($table::organization_id.eq($organization))
                .filter($table::id.eq(&id))
                .filter($table::version.eq($expected)),
        )
        .set($changes)
        .execute(conn))?;
        if changed == 1 {
            return Ok($expected.saturating_add(1));
        }
        let there = $crate::db::dialect::query!($tx, conn => diesel::select(diesel::dsl::exists(
            $table::table.filter($table::organization_id.eq($organization)).filter($table::id.eq(&id)),
        ))
        .get_result::<bool>(conn))?;
        Err(if there { $crate::db::DbError::Stale } else { $crate::db::DbError::NotFound })
    }};
}
use update_if_version;

/// The row with `$id`.
macro_rules! get {
    ($tx:ident, $table:ident, $row:ty, $organization:expr, $id:expr) => {
        $crate::db::dialect::query!($tx, conn => $table::table
            .filter($table::organization_id.eq($organization))
            .filter($table::id.eq($id.to_string()))
            .select(<$row>::as_select())
            .first::<$row>(conn))
    };
}
use get;
