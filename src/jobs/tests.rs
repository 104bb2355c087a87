use super::*;
use crate::app::{AppSettings, Error};
use crate::db::rows::IdempotentAnswer;
use crate::db::{Database, DatabaseSettings, queries};
use crate::seam::{Fixed, Outside};
use chrono::{DateTime, TimeDelta};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// A program on an empty database, which goes with it.
struct Empty {
    app: Arc<App>,
    clock: Arc<Fixed>,
    path: PathBuf,
}

impl Empty {
    fn new(name: &str) -> Empty {
        let file = format!("medial-jobs-{}-{name}.sqlite", std::process::id());
        let path = std::env::temp_dir().join(file);
        let database = Database::open(&DatabaseSettings::new(format!(
            "sqlite://{}",
            path.display()
        )));
        let database = database.unwrap();
        database.migrate().unwrap();
        let settings = AppSettings {
            callers: std::sync::Arc::default(),
            subscriptions: crate::app::subscriptions::SubscriptionSettings::default(),
            time_zone: chrono_tz::America::Chicago,
            active_profiles: None,
            export_directory: std::env::temp_dir(),
            pseudonym_key: b"a key that only these tests know".to_vec(),
            sign_in: crate::app::people::SignInSettings::default(),
            diary: crate::app::diary::DiarySettings::new(
                crate::auth::DiaryKey::new(b"a key for links"),
                "http://medial.test",
            ),
            smart: crate::app::clients::SmartSettings::new(
                b"a secret that only these tests know of",
            ),
        };
        // 22:00 on the first of March in Chicago.
        let clock = Fixed::at(
            DateTime::parse_from_rfc3339("2026-03-02T04:00:00Z")
                .unwrap()
                .into(),
        );
        let app = App::new(database, clock.clone(), settings, Vec::new());
        Empty { app, clock, path }
    }
}

impl Drop for Empty {
    fn drop(&mut self) {
        for end in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{end}", self.path.display()));
        }
    }
}

fn within_ten_seconds(mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "it did not happen"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_job_that_fails_and_panics_is_tried_again_and_ends_nothing() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    let empty = Empty::new("fails");
    let job = Job {
        name: "stumbles",
        every: Duration::from_millis(1),
        daily: false,
        run: |_, _| match RUNS.fetch_add(1, Ordering::SeqCst) {
            0 => Err(Error::internal("no luck")),
            1 => panic!("worse"),
            _ => Ok(1),
        },
    };
    let jobs = Jobs::start(&empty.app, &[job]).unwrap();
    let noted = || {
        empty
            .app
            .last_job_run("stumbles")
            .unwrap()
            .and_then(|run| run.detail)
    };
    within_ten_seconds(|| noted().as_deref() == Some("failed"));
    within_ten_seconds(|| noted().as_deref() == Some("done: 1"));
    jobs.stop();
    assert!(RUNS.load(Ordering::SeqCst) >= 3);
}

#[test]
fn another_day_begins_in_the_configured_zone() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    let empty = Empty::new("daily");
    let job = Job {
        name: "each_day",
        every: Duration::from_secs(3600),
        daily: true,
        run: |_, _| Ok(RUNS.fetch_add(1, Ordering::SeqCst)),
    };
    let jobs = Jobs::start(&empty.app, &[job]).unwrap();
    within_ten_seconds(|| RUNS.load(Ordering::SeqCst) == 1);
    // Midnight in Greenwich is long past, and in Chicago it is not yet.
    empty.clock.set(
        DateTime::parse_from_rfc3339("2026-03-02T05:59:00Z")
            .unwrap()
            .into(),
    );
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(RUNS.load(Ordering::SeqCst), 1);
    empty.clock.set(
        DateTime::parse_from_rfc3339("2026-03-02T06:01:00Z")
            .unwrap()
            .into(),
    );
    within_ten_seconds(|| RUNS.load(Ordering::SeqCst) == 2);
    jobs.stop();
}

#[test]
fn stopping_does_not_wait_for_the_next_tick_and_a_long_run_hears_it() {
    static BEGUN: AtomicUsize = AtomicUsize::new(0);
    let empty = Empty::new("stops");
    let sleeping = Job {
        name: "sleeps",
        every: Duration::from_secs(3600),
        daily: false,
        run: |_, _| Ok(0),
    };
    let long = Job {
        name: "works_on",
        run: |_, stop| {
            BEGUN.store(1, Ordering::SeqCst);
            while !stop.is_asked() {
                std::thread::sleep(Duration::from_millis(1));
            }
            Ok(0)
        },
        ..sleeping
    };
    let jobs = Jobs::start(&empty.app, &[sleeping, long]).unwrap();
    within_ten_seconds(|| BEGUN.load(Ordering::SeqCst) == 1);
    let asked = Instant::now();
    jobs.stop();
    assert!(asked.elapsed() < Duration::from_secs(2));
}

#[test]
fn answers_are_forgotten_after_a_day() {
    let empty = Empty::new("forgets");
    let put = |key: &'static str| {
        let now = empty.clock.now();
        let written = empty.app.db.write(move |tx| {
            queries::organizations::ensure(tx, "north", now)?;
            let answer = IdempotentAnswer {
                fingerprint: String::new(),
                status: 201,
                headers: "[]".to_owned(),
                body: String::new(),
                created_at: now,
            };
            queries::idempotency::put(tx, "north", "me", key, &answer)
        });
        written.unwrap();
    };
    put("old");
    empty.clock.set(empty.clock.now() + TimeDelta::hours(23));
    put("new");
    assert_eq!(empty.app.forget_old_answers().unwrap(), 0);
    empty.clock.set(empty.clock.now() + TimeDelta::hours(2));
    assert_eq!(empty.app.forget_old_answers().unwrap(), 1);
    let left = empty
        .app
        .db
        .read(|tx| queries::idempotency::get(tx, "north", "me", "new"));
    assert!(left.unwrap().is_some());
}
