//! The jobs of the service on recorded cases: what came of age while nothing ran is judged at the next start.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must stop, wherever it is"
)]

mod support;

use medial::app::{App, AppSettings, blocks, episodes, patients, profiles};
use medial::auth::{Principal, Role};
use medial::db::rows::Determination;
use medial::db::{Database, DatabaseKind, queries};
use medial::domain::patient::Patient;
use medial::jobs::{JOBS, Jobs};
use medial::seam::Fixed;
use medial::wire::case::CaseBody;
use medial::wire::patient::PatientBody;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::databases::{OnDatabase, TestDatabase, on_each_database};
use uuid::Uuid;

const CASE: &str = include_str!("fixtures/cases/first-block-only.json");

fn patient() -> Patient {
    let body = json!({
        "identifiers": [{"system": "urn:example:synthetic", "value": "SYNTHETIC-1"}],
        "birth_date": "1970-01-01",
    });
    medial::wire::parse::<PatientBody>(body)
        .unwrap()
        .into_domain()
}

/// Records the case as an EHR would; its episode.
fn recorded(app: &Arc<App>, principal: &Principal) -> Uuid {
    let case: Value = serde_json::from_str(CASE).unwrap();
    let history = CaseBody::read(case).unwrap().into_history();
    let written = app.write(principal, move |unit| {
        let patient = patients::record(unit, &patient())?.patient().id;
        let episode = episodes::record(unit, patient, &history.episode)?.id;
        for block in &history.blocks {
            let rows: Vec<_> = block.scores.iter().map(|score| score.row.clone()).collect();
            blocks::record(unit, &blocks::Belongs::To(episode), &block.block, &rows)?;
        }
        Ok(episode)
    });
    written.unwrap()
}

/// The service on the day of the case, which one patient's records tell.
struct Practice {
    app: Arc<App>,
    clock: Arc<Fixed>,
    episode: Uuid,
    /// Last, so that it is removed after the service is gone.
    _database: TestDatabase,
}

fn noon(date: &str) -> chrono::DateTime<chrono::Utc> {
    format!("{date}T12:00:00Z").parse().unwrap()
}

fn principal(role: Role) -> Principal {
    Principal {
        organization: "north".to_owned(),
        subject: "test".to_owned(),
        role,
        scopes: None,
    }
}

impl OnDatabase for Practice {
    fn on(kind: DatabaseKind) -> Option<Practice> {
        let database = TestDatabase::migrated(kind)?;
        let case: Value = serde_json::from_str(CASE).unwrap();
        let clock = Fixed::at(noon(case["as_of"].as_str().unwrap()));
        let settings = AppSettings {
            callers: std::sync::Arc::default(),
            subscriptions: medial::app::subscriptions::SubscriptionSettings::default(),
            time_zone: chrono_tz::UTC,
            active_profiles: None,
            export_directory: std::env::temp_dir(),
            pseudonym_key: b"a key that only these tests know".to_vec(),
            sign_in: medial::app::people::SignInSettings::default(),
            diary: medial::app::diary::DiarySettings::new(
                medial::auth::DiaryKey::new(b"a key for links"),
                "http://medial.test",
            ),
            smart: medial::app::clients::SmartSettings::new(
                b"a secret that only these tests know of",
            ),
        };
        let own = Database::open(&database.settings).unwrap();
        let app = App::new(own, clock.clone(), settings, profiles::built_in().unwrap());
        let episode = recorded(&app, &principal(Role::EhrSystem));
        Some(Practice {
            app,
            clock,
            episode,
            _database: database,
        })
    }
}

impl Practice {
    fn stored(&self) -> Vec<Determination> {
        let read = self
            .app
            .db
            .read(|tx| queries::determinations::for_episode(tx, "north", self.episode));
        read.unwrap()
    }

    fn judged_by(&self, profile: &str) -> Vec<Determination> {
        let mut stored = self.stored();
        stored.retain(|one| one.judgement.profile == profile);
        stored
    }

    /// Runs the jobs until `done`, and stops them.
    fn run_jobs_until(&self, done: impl Fn() -> bool) {
        let jobs = Jobs::start(&self.app, JOBS).unwrap();
        let begun = Instant::now();
        while !done() {
            assert!(
                begun.elapsed() < Duration::from_secs(20),
                "nothing was judged"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
        jobs.stop();
    }

    fn activate(&self, profile: &str, active: bool) {
        let profile = profile.to_owned();
        let changed = self.app.write(&principal(Role::Admin), move |unit| {
            profiles::activate(unit, &profile, None, active).map(|_| ())
        });
        changed.unwrap();
    }
}

on_each_database! {
    fn the_next_start_catches_up_with_what_came_of_age(practice: &Practice) {
        let before = practice.stored();
        let first_change = before.iter().filter_map(|one| one.judgement.changes_on).min();
        let day = first_change.expect("the case has a date on which something changes");

        // The job that looks at profiles would judge everybody too, and could be the first.
        practice.app.judge_where_profiles_changed_while(|| true).unwrap();
        practice.clock.set(noon(&day.to_string()));
        let due = || {
            let read = practice.app.db.read(|tx| queries::determinations::due(tx, day, None, 10));
            read.unwrap().len()
        };
        assert_eq!(due(), 1);
        practice.run_jobs_until(|| due() == 0);
        assert_ne!(practice.stored(), before);
        let run = practice.app.last_job_run("judge_what_came_of_age").unwrap().unwrap();
        assert_eq!(
            (run.last_as_of, run.detail.as_deref()),
            (Some(day), Some("done: 1"))
        );
        // Stopping sealed what the recording wrote to the audit trail.
        let unsealed = practice.app.db.read(|tx| queries::audit::unsealed(tx, 10)).unwrap();
        assert_eq!(unsealed.len(), 0);
    }

    fn patients_are_judged_anew_where_the_profiles_changed(practice: &Practice) {
        let judged = |profile: &str| !practice.judged_by(profile).is_empty();
        let by_medicare = practice.judged_by("medicare-lcd");
        assert!(!by_medicare.is_empty() && judged("aetna-cpb-0016"));

        practice.activate("medicare-lcd", false);
        practice.run_jobs_until(|| !judged("medicare-lcd"));
        assert!(judged("aetna-cpb-0016"), "the others stay");

        practice.activate("medicare-lcd", true);
        practice.run_jobs_until(|| judged("medicare-lcd"));
        let verdicts = |of: &[Determination]| -> Vec<_> {
            of.iter().map(|one| (one.judgement.target, one.judgement.verdict.clone())).collect()
        };
        assert_eq!(verdicts(&practice.judged_by("medicare-lcd")), verdicts(&by_medicare));
        let read = practice.app.judge_where_profiles_changed_while(|| true).unwrap();
        assert_eq!(read, 0, "nothing is judged twice");
    }
}
