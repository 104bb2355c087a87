//! What records said before they were changed.

use crate::db::dialect::query;
use crate::db::rows::{KeptVersion, ResourceVersionRow};
use crate::db::schema::resource_versions;
use crate::db::{Result, Tx};
use diesel::prelude::*;
use uuid::Uuid;

/// Keeps what a record said.
///
/// # Errors
/// [`UniqueViolation`](crate::db::DbError::UniqueViolation) when that version is kept already.
pub fn keep(tx: &mut Tx<'_>, organization: &str, kept: &KeptVersion) -> Result<()> {
    let row = ResourceVersionRow::of(organization, kept);
    query!(tx, conn => diesel::insert_into(resource_versions::table).values(&row).execute(conn))?;
    Ok(())
}

/// The earlier versions of a record, the oldest first.
///
/// # Errors
/// When the database fails.
pub fn list(tx: &mut Tx<'_>, organization: &str, kind: &str, id: Uuid) -> Result<Vec<KeptVersion>> {
    let found = query!(tx, conn => resource_versions::table
        .filter(resource_versions::organization_id.eq(organization))
        .filter(resource_versions::kind.eq(kind))
        .filter(resource_versions::id.eq(id.to_string()))
        .order(resource_versions::version)
        .select(ResourceVersionRow::as_select())
        .load::<ResourceVersionRow>(conn))?;
    found.into_iter().map(TryInto::try_into).collect()
}
