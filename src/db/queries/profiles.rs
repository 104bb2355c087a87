//! Profiles that an organization loaded, and which it judges by.

use crate::db::dialect::query;
use crate::db::rows::{ActivationRow, ProfileActivation, ProfileVersion, ProfileVersionRow};
use crate::db::schema::{profile_activations, profile_versions};
use crate::db::{Result, Tx};
use diesel::prelude::*;

/// Adds a version of a profile.
///
/// # Errors
/// [`UniqueViolation`](crate::db::DbError::UniqueViolation) when there is that version already.
pub fn insert_version(tx: &mut Tx<'_>, organization: &str, profile: &ProfileVersion) -> Result<()> {
    let row = ProfileVersionRow::of(organization, profile);
    query!(tx, conn => diesel::insert_into(profile_versions::table).values(&row).execute(conn))?;
    Ok(())
}

/// Every version of every profile that was loaded, by id and version.
///
/// # Errors
/// When the database fails.
pub fn versions(tx: &mut Tx<'_>, organization: &str) -> Result<Vec<ProfileVersion>> {
    let found = query!(tx, conn => profile_versions::table
        .filter(profile_versions::organization_id.eq(organization))
        .order((profile_versions::id, profile_versions::version))
        .select(ProfileVersionRow::as_select())
        .load::<ProfileVersionRow>(conn))?;
    found.into_iter().map(TryInto::try_into).collect()
}

/// Which profiles were activated or deactivated, by id. One that is not there is as it was built in.
///
/// # Errors
/// When the database fails.
pub fn activations(tx: &mut Tx<'_>, organization: &str) -> Result<Vec<ProfileActivation>> {
    let found = query!(tx, conn => profile_activations::table
        .filter(profile_activations::organization_id.eq(organization))
        .order(profile_activations::id)
        .select(ActivationRow::as_select())
        .load::<ActivationRow>(conn))?;
    found.into_iter().map(TryInto::try_into).collect()
}

/// Activates or deactivates a profile.
///
/// # Errors
/// When the database fails.
pub fn set_activation(
    tx: &mut Tx<'_>,
    organization: &str,
    activation: &ProfileActivation,
) -> Result<()> {
    let row = ActivationRow::of(organization, activation);
    query!(tx, conn => diesel::insert_into(profile_activations::table)
        .values(&row)
        .on_conflict((profile_activations::organization_id, profile_activations::id))
        .do_update()
        .set(&row)
        .execute(conn))?;
    Ok(())
}
