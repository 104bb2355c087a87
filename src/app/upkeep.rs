//! What the jobs do that is nobody's request: forgetting what is no longer needed, and noting when each job last ran.

use super::core::App;
use super::error::{Error, Result};
use crate::db::queries;
use crate::db::rows::JobRun;
use chrono::{NaiveDate, TimeDelta};
use std::sync::Arc;

/// The answer to a request with an idempotency key is kept for so long.
const KEPT_ANSWERS: TimeDelta = TimeDelta::hours(24);

impl App {
    /// Forgets the answers to idempotency keys that are older than a day; how many there were.
    ///
    /// # Errors
    /// Those of the database.
    pub fn forget_old_answers(self: &Arc<Self>) -> Result<usize> {
        let before = self.seam.now() - KEPT_ANSWERS;
        self.db
            .write(move |tx| Ok(queries::idempotency::delete_older_than(tx, before)?))
    }

    /// Notes that a job ran just now: the day it had come to, and how it ended.
    ///
    /// # Errors
    /// Those of the database.
    pub fn note_job_run(
        self: &Arc<Self>,
        name: &str,
        as_of: Option<NaiveDate>,
        detail: Option<String>,
    ) -> Result<()> {
        let run = JobRun {
            name: name.to_owned(),
            last_run_at: self.seam.now(),
            last_as_of: as_of,
            detail,
        };
        self.db
            .write(move |tx| queries::jobs::put(tx, &run).map_err(Error::from))
    }

    /// The last run of a job; `None` where it never ran.
    ///
    /// # Errors
    /// Those of the database.
    pub fn last_job_run(self: &Arc<Self>, name: &str) -> Result<Option<JobRun>> {
        self.db
            .read(|tx| queries::jobs::get(tx, name).map_err(Error::from))
    }
}
