//! The jobs of the service on recorded cases: what came of age while nothing ran is judged at the next start.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on must stop, wherever it is"
)]

use medial::app::{App, AppSettings, blocks, episodes, patients};
use medial::auth::{Principal, Role};
use medial::db::{Database, DatabaseSettings, queries};
use medial::domain::patient::Patient;
use medial::jobs::{JOBS, Jobs};
use medial::seam::Fixed;
use medial::wire::case::CaseBody;
use medial::wire::patient::PatientBody;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};
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

#[test]
fn the_next_start_catches_up_with_what_came_of_age() {
    let case: Value = serde_json::from_str(CASE).unwrap();
    let instant = |date: &str| format!("{date}T12:00:00Z").parse().unwrap();
    let clock = Fixed::at(instant(case["as_of"].as_str().unwrap()));
    let path = std::env::temp_dir().join(format!("medial-catch-up-{}.sqlite", std::process::id()));
    let database = Database::open(&DatabaseSettings::new(format!(
        "sqlite://{}",
        path.display()
    )))
    .unwrap();
    database.migrate().unwrap();
    let settings = AppSettings {
        time_zone: chrono_tz::UTC,
        active_profiles: None,
        export_directory: std::env::temp_dir(),
        pseudonym_key: b"a key that only these tests know".to_vec(),
    };
    let profiles = medial::app::profiles::built_in().unwrap();
    let app = App::new(database, clock.clone(), settings, profiles);
    let principal = Principal {
        organization: "north".to_owned(),
        subject: "test".to_owned(),
        role: Role::EhrSystem,
        scopes: None,
    };
    let episode = recorded(&app, &principal);
    let stored = || {
        let read = app
            .db
            .read(|tx| queries::determinations::for_episode(tx, "north", episode));
        read.unwrap()
    };
    let first_change = stored()
        .iter()
        .filter_map(|one| one.judgement.changes_on)
        .min();
    let day = first_change.expect("the case has a date on which something changes");

    clock.set(instant(&day.to_string()));
    let due = || {
        let read = app
            .db
            .read(|tx| queries::determinations::due(tx, day, None, 10));
        read.unwrap().len()
    };
    assert_eq!(due(), 1);
    let before = stored();
    let jobs = Jobs::start(&app, JOBS).unwrap();
    let begun = Instant::now();
    while due() > 0 {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "nothing was judged"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
    jobs.stop();
    assert_ne!(stored(), before);
    let run = app.last_job_run("judge_what_came_of_age").unwrap().unwrap();
    assert_eq!(
        (run.last_as_of, run.detail.as_deref()),
        (Some(day), Some("done: 1"))
    );
    // Stopping sealed what the recording wrote to the audit trail.
    let unsealed = app.db.read(|tx| queries::audit::unsealed(tx, 10)).unwrap();
    assert_eq!(unsealed.len(), 0);

    drop(app);
    for end in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{end}", path.display()));
    }
}
