//! One job in its thread: when it runs, and what is said of how it ended.

use super::{Job, Stop};
use crate::app::{App, Error, Result};
use chrono::NaiveDate;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The first wait after a failure; each further one is twice as long.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest wait after a failure.
const LONGEST_WAIT: Duration = Duration::from_secs(5 * 60);
/// How often a waiting job looks whether another day has begun.
const LOOK: Duration = if cfg!(test) {
    Duration::from_millis(20)
} else {
    Duration::from_secs(10)
};
/// A job that ticks each second is noted this often, because each note is a write.
const BETWEEN_NOTES: Duration = Duration::from_secs(60);

pub(super) struct Runner {
    job: Job,
    app: Arc<App>,
    stop: Stop,
    failures: u32,
    noted: Option<Instant>,
}

impl Runner {
    pub(super) fn new(job: Job, app: Arc<App>, stop: Stop) -> Runner {
        Runner {
            job,
            app,
            stop,
            failures: 0,
            noted: None,
        }
    }

    pub(super) fn run_until_stopped(&mut self) {
        while !self.stop.is_asked() {
            let day = self.app.today();
            let outcome = self.run_once();
            self.tell(&outcome);
            self.note(day, &outcome);
            if self.rest(day, &outcome) {
                return;
            }
        }
    }

    fn run_once(&self) -> Result<usize> {
        unless_it_panics(|| (self.job.run)(&self.app, &self.stop))
    }

    /// Into the log: the first failure of a row, and its end.
    fn tell(&mut self, outcome: &Result<usize>) {
        let job = self.job.name;
        match outcome {
            Ok(done) => {
                if self.failures > 0 {
                    tracing::info!(job, failures = self.failures, "the job works again");
                    // So that what is noted does not say "failed" for another minute.
                    self.noted = None;
                }
                self.failures = 0;
                if *done > 0 {
                    tracing::debug!(job, done, "the job ran");
                }
            }
            Err(error) => {
                if self.failures == 0 {
                    tracing::error!(job, %error, "the job failed and is tried again");
                    self.noted = None;
                }
                self.failures = self.failures.saturating_add(1);
            }
        }
    }

    /// Into the database: when it last ran.
    fn note(&mut self, day: NaiveDate, outcome: &Result<usize>) {
        let is_fresh = |noted: Instant| noted.elapsed() < BETWEEN_NOTES;
        if self.noted.is_some_and(is_fresh) {
            return;
        }
        let detail = match outcome {
            Ok(done) => format!("done: {done}"),
            Err(_) => "failed".to_owned(),
        };
        let as_of = (self.job.daily && outcome.is_ok()).then_some(day);
        match self.app.note_job_run(self.job.name, as_of, Some(detail)) {
            Ok(()) => self.noted = Some(Instant::now()),
            // Whatever is in its way is in the way of the job also, and was told there.
            Err(error) => tracing::debug!(job = self.job.name, %error, "the run was not noted"),
        }
    }

    /// Waits until the next run; whether it is time to stop.
    fn rest(&self, day: NaiveDate, outcome: &Result<usize>) -> bool {
        let mut left = match outcome {
            Ok(_) => self.job.every,
            Err(_) => back_off(self.failures),
        };
        while !left.is_zero() {
            let step = left.min(LOOK);
            if self.stop.within(step) {
                return true;
            }
            if self.job.daily && outcome.is_ok() && self.app.today() != day {
                return false;
            }
            left = left.saturating_sub(step);
        }
        false
    }
}

/// How long to wait after so many failures in a row.
fn back_off(failures: u32) -> Duration {
    let doubled = FIRST_WAIT.saturating_mul(1 << failures.saturating_sub(1).min(16));
    doubled.min(LONGEST_WAIT)
}

/// Does `work`; a panic is an error like any other, so that what caused it can be marked as failed and the rest goes on.
///
/// # Errors
/// Those of `work`, and one for a panic.
pub(super) fn unless_it_panics<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(Error::internal("it panicked")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_five_minutes() {
        let seconds: Vec<u64> = [1, 2, 3, 9, 10, 1000]
            .map(|failures| back_off(failures).as_secs())
            .into();
        assert_eq!(seconds, [1, 2, 4, 256, 300, 300]);
    }

    #[test]
    fn a_panic_is_an_error_and_all_else_stays_as_it_is() {
        let panicked = unless_it_panics(|| -> Result<usize> { panic!("for real") });
        assert!(matches!(panicked, Err(Error::Internal(_))));
        let failed = unless_it_panics(|| Err::<usize, Error>(Error::NotFound { what: "block" }));
        assert!(matches!(failed, Err(Error::NotFound { .. })));
        assert_eq!(unless_it_panics(|| Ok(3)).unwrap(), 3);
    }
}
