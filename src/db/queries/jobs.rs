//! When the background jobs last ran.

use crate::db::dialect::query;
use crate::db::rows::{JobRun, JobRunRow};
use crate::db::schema::job_runs;
use crate::db::{Result, Tx};
use diesel::prelude::*;

/// The last run of a job.
///
/// # Errors
/// When the database fails.
pub fn get(tx: &mut Tx<'_>, name: &str) -> Result<Option<JobRun>> {
    let found = query!(tx, conn => job_runs::table
        .filter(job_runs::name.eq(name))
        .select(JobRunRow::as_select())
        .first::<JobRunRow>(conn)
        .optional())?;
    found.map(TryInto::try_into).transpose()
}

/// Sets the last run of a job.
///
/// # Errors
/// When the database fails.
pub fn put(tx: &mut Tx<'_>, run: &JobRun) -> Result<()> {
    let row = JobRunRow::of(run);
    query!(tx, conn => diesel::insert_into(job_runs::table)
        .values(&row)
        .on_conflict(job_runs::name)
        .do_update()
        .set(&row)
        .execute(conn))?;
    Ok(())
}
