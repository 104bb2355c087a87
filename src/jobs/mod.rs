//! What the service does by itself: each job in a thread of its own that ticks, and stops at once when it is told to.
//!
//! A job that fails says so once, tries again ever more rarely, and says when it works again. It never ends the process.

pub mod bulk;
pub mod exports;
pub mod reminders;
mod run;
mod stop;
pub mod subscriptions;

pub use stop::Stop;

use crate::app::{App, Result};
use run::Runner;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// Something that the service does by itself.
#[derive(Clone, Copy)]
pub struct Job {
    /// Its name: in the log, and where its last run is noted.
    pub name: &'static str,
    /// From the end of one run to the beginning of the next.
    pub every: Duration,
    /// Whether it also runs as soon as another day begins in the configured time zone.
    pub daily: bool,
    /// Does what there is to do; how much that was. A run that may take long asks [`Stop::is_asked`] in between.
    pub run: fn(&Arc<App>, &Stop) -> Result<usize>,
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Job")
            .field("name", &self.name)
            .field("every", &self.every)
            .finish_non_exhaustive()
    }
}

/// Every job of the service. A new one is a line here.
pub const JOBS: &[Job] = &[
    // At the start this catches up with the days on which the service did not run.
    Job {
        name: "judge_what_came_of_age",
        every: Duration::from_secs(60 * 60),
        daily: true,
        run: |app, stop| app.judge_what_came_of_age_while(|| !stop.is_asked()),
    },
    Job {
        name: "write_down_reads",
        every: Duration::from_secs(1),
        daily: false,
        run: |app, _| app.write_down_reads(),
    },
    Job {
        name: "seal_audit",
        every: Duration::from_secs(5),
        daily: false,
        run: |app, _| app.seal_audit(),
    },
    // What an activated, a loaded or a new built-in profile changes.
    Job {
        name: "judge_where_profiles_changed",
        every: Duration::from_secs(1),
        daily: false,
        run: |app, stop| app.judge_where_profiles_changed_while(|| !stop.is_asked()),
    },
    Job {
        name: "make_exports",
        every: Duration::from_secs(1),
        daily: false,
        run: |app, stop| exports::run_waiting_while(app, &|| !stop.is_asked()),
    },
    Job {
        name: "clean_up_exports",
        every: Duration::from_secs(60 * 60),
        daily: false,
        run: |app, _| exports::clean_up(app),
    },
    // It waits by itself for the next one that is asked for.
    Job {
        name: "make_bulk_exports",
        every: Duration::ZERO,
        daily: false,
        run: bulk::run,
    },
    Job {
        name: "clean_up_bulk_exports",
        every: Duration::from_secs(60 * 60),
        daily: false,
        run: |app, _| bulk::clean_up(app),
    },
    // Of the diaries whose link asks for it; their times are a quarter of an hour apart at the closest.
    Job {
        name: "remind_diaries",
        every: Duration::from_secs(20),
        daily: false,
        run: reminders::run,
    },
    // What happened, to those who wait for it; and then they are told. One that never answers holds up one thread for as
    // long as it may take: there are several, and some stay away from such.
    Job {
        name: "hand_out_events",
        every: Duration::from_millis(500),
        daily: false,
        run: |app, stop| app.hand_out_events_while(|| !stop.is_asked()),
    },
    Job {
        name: "tell_subscribers",
        every: Duration::from_millis(500),
        daily: false,
        run: subscriptions::run,
    },
    Job {
        name: "tell_subscribers_2",
        every: Duration::from_millis(500),
        daily: false,
        run: subscriptions::run,
    },
    Job {
        name: "tell_sound_subscribers",
        every: Duration::from_millis(500),
        daily: false,
        run: subscriptions::run_sound,
    },
    Job {
        name: "tell_sound_subscribers_2",
        every: Duration::from_millis(500),
        daily: false,
        run: subscriptions::run_sound,
    },
    Job {
        name: "note_overdue_diaries",
        every: Duration::from_secs(60),
        daily: false,
        run: |app, _| app.note_overdue_diaries(),
    },
    Job {
        name: "forget_old_deliveries",
        every: Duration::from_secs(60 * 60),
        daily: false,
        run: |app, _| app.forget_old_deliveries(),
    },
    Job {
        name: "forget_old_answers",
        every: Duration::from_secs(60 * 60),
        daily: false,
        run: |app, _| app.forget_old_answers(),
    },
    Job {
        name: "forget_old_cards",
        every: Duration::from_secs(60 * 60),
        daily: false,
        run: |app, _| app.forget_old_cards(),
    },
    Job {
        name: "forget_ended_sessions",
        every: Duration::from_secs(60 * 60),
        daily: false,
        run: |app, _| app.forget_ended_sessions(),
    },
    Job {
        name: "forget_ended_assertions",
        every: Duration::from_secs(10 * 60),
        daily: false,
        run: |app, _| app.forget_ended_assertions(),
    },
];

/// The jobs while they run. Dropping this stops them.
#[derive(Debug)]
pub struct Jobs {
    app: Arc<App>,
    /// Held for its end: when it is dropped, every [`Stop`] knows.
    sender: Option<crossbeam_channel::Sender<std::convert::Infallible>>,
    threads: Vec<JoinHandle<()>>,
}

impl Jobs {
    /// Starts `jobs`, each in a thread of its own.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(app: &Arc<App>, jobs: &[Job]) -> std::io::Result<Jobs> {
        let (sender, receiver) = crossbeam_channel::bounded(0);
        let mut started = Jobs {
            app: Arc::clone(app),
            sender: Some(sender),
            threads: Vec::new(),
        };
        for job in jobs {
            let mut runner = Runner::new(*job, Arc::clone(app), Stop::new(receiver.clone()));
            let thread = std::thread::Builder::new()
                .name(job.name.to_owned())
                .spawn(move || runner.run_until_stopped())?;
            started.threads.push(thread);
        }
        Ok(started)
    }

    /// Stops them, waits for what they are at, and then writes down and seals what the audit trail still waits for.
    pub fn stop(mut self) {
        self.end();
        let rest = self
            .app
            .write_down_reads()
            .and_then(|_| self.app.seal_audit());
        if let Err(error) = rest {
            tracing::error!(%error, "the audit trail was not sealed to its end; the next start goes on with it");
        }
    }

    fn end(&mut self) {
        self.sender = None;
        for thread in self.threads.drain(..) {
            // A runner catches the panics of its job, so there is nothing to be told here.
            let _ = thread.join();
        }
    }
}

impl Drop for Jobs {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests;
