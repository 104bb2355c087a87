//! A bulk export takes the same memory whatever its size. One test in a process of its own: it measures the process.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "only the test calls these helpers"
)]

use actix_web::test::{TestRequest, call_service, init_service};
use chrono::{DateTime, TimeDelta, Utc};
use medial::app::judging::service_principal;
use medial::app::{App, AppSettings, Stored, profiles};
use medial::auth::Principal;
use medial::db::{Database, DatabaseSettings, queries};
use medial::domain::anatomy::{Joint, Region, TreatedSide};
use medial::domain::block::{Block, BlockKind, BlockTechnique};
use medial::domain::episode::Episode;
use medial::domain::pain::{Context, Scale, Score, ScoreRow};
use medial::domain::patient::Patient;
use medial::http::{AuthFailure, Authenticate, CursorKey, HttpSettings, State, configure};
use medial::jobs::bulk::run_waiting_while;
use medial::seam::{Fixed, Outside, System};
use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;

const ORGANIZATION: &str = "north";

/// In KiB: a batch of patients, far less than all of them.
const MOST_GROWTH: u64 = 8 * 1024;

/// What follows from determinations takes its time in a build without optimization, and goes the same way.
const KICK_OFF: &str = "/fhir/R4/Patient/$export?_type=Patient,Condition,Procedure,Observation";

/// The memory that the process has of its own, in KiB: files that SQLite maps do not count.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"))
        .unwrap();
    line.trim().trim_end_matches(" kB").trim().parse().unwrap()
}

fn now() -> DateTime<Utc> {
    "2026-02-01T12:00:00Z".parse().unwrap()
}

fn block() -> Block {
    Block {
        performed_at: now().fixed_offset(),
        kind: BlockKind::Diagnostic,
        technique: BlockTechnique::MedialBranch,
        joints: vec![Joint::from_code("L4-5").unwrap()],
        side: TreatedSide::from_code("left").unwrap(),
        agent: None,
        concentration_thousandths: None,
        volume_microlitres_per_nerve: None,
        steroid: None,
        guidance: None,
        sedation: None,
        stated_relief: None,
        stated_relief_minutes: None,
        duration_minutes: None,
        operator: Some("A".repeat(1000)),
        site: Some("B".repeat(1000)),
        corrected_nerves: None,
        same_day_return: None,
    }
}

fn score(minutes: i64) -> ScoreRow {
    ScoreRow {
        taken_at: now().fixed_offset() + TimeDelta::minutes(minutes),
        score: Score::new(Scale::Nrs, 80).unwrap(),
        context: Context::Current,
        side: None,
        stated_relief: None,
        analgesic_taken: false,
        reported_by: None,
        answered_at: None,
    }
}

fn episode() -> Episode {
    Episode {
        region: Region::from_code("lumbar").unwrap(),
        diagnosis: None,
        onset_date: None,
        causes: Vec::new(),
        axial: None,
        radiculopathy: None,
        other_causes_excluded: None,
        worse_with_extension_or_rotation: None,
        imaging_suggests_facet: None,
        fused_joints: None,
        conservative_care: Vec::new(),
        disability: Vec::new(),
        assessment: None,
    }
}

/// Adds so many patients, each with a block and ten scores, without judging them.
fn add(app: &Arc<App>, patients: usize) {
    for _ in 0..patients.div_ceil(50) {
        app.write(&service_principal(ORGANIZATION), |unit| {
            for _ in 0..50 {
                let (id, now) = (unit.new_id(), unit.now);
                let nobody = Patient {
                    identifiers: Vec::new(),
                    family_name: None,
                    given_name: None,
                    birth_date: None,
                    sex: None,
                };
                let patient = Stored::new(id, ORGANIZATION, id, id, now, nobody);
                queries::patients::insert(unit.tx, ORGANIZATION, &patient)?;
                let episode = Stored::new(unit.new_id(), ORGANIZATION, id, id, now, episode());
                queries::episodes::insert(unit.tx, ORGANIZATION, &episode)?;
                let block = Stored::new(unit.new_id(), ORGANIZATION, id, episode.id, now, block());
                queries::blocks::insert(unit.tx, ORGANIZATION, &block)?;
                let scores: Vec<Stored<ScoreRow>> = (0..10)
                    .map(|place| {
                        let row = score(place * 15 - 30);
                        Stored::new(unit.new_id(), ORGANIZATION, id, block.id, now, row)
                    })
                    .collect();
                queries::scores::insert_many(unit.tx, ORGANIZATION, &scores)?;
            }
            Ok(())
        })
        .unwrap();
    }
}

/// Takes everybody for who runs the service.
struct Anybody;

impl Authenticate for Anybody {
    fn principal(&self, _: &str) -> Result<Principal, AuthFailure> {
        Ok(service_principal(ORGANIZATION))
    }
}

/// Asks for an export.
fn ask(app: &Arc<App>) {
    let ready = |app: &App| app.db.ping().map_err(|error| error.to_string());
    let http = HttpSettings::new(CursorKey::new(b"a secret for cursors"));
    let seam = app.seam.clone();
    let endpoints = medial::fhir::endpoints();
    let state = State::new(app.clone(), Arc::new(Anybody), seam, http, ready, endpoints);
    actix_web::rt::System::new().block_on(async move {
        let service =
            init_service(actix_web::App::new().configure(|config| configure(config, &state))).await;
        let request = TestRequest::get()
            .uri(KICK_OFF)
            .insert_header(("authorization", "Bearer anybody"))
            .insert_header(("prefer", "respond-async"));
        let response = call_service(&service, request.to_request()).await;
        assert_eq!(response.status().as_u16(), 202);
    });
}

/// How many bytes lie below a directory.
fn bytes(directory: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return 0;
    };
    entries
        .map(|entry| {
            let entry = entry.unwrap();
            let about = entry.metadata().unwrap();
            if about.is_dir() {
                bytes(&entry.path())
            } else {
                about.len()
            }
        })
        .sum()
}

/// By how much the process grew at most while it made an export, in KiB, and the bytes that were written.
fn grown(app: &Arc<App>) -> (u64, u64) {
    ask(app);
    let written = bytes(&app.settings.export_directory);
    let before = memory();
    let most = Cell::new(before);
    let go_on = || {
        most.set(most.get().max(memory()));
        true
    };
    assert_eq!(run_waiting_while(app, &go_on).unwrap(), 1);
    let written = bytes(&app.settings.export_directory) - written;
    (most.get() - before, written)
}

#[test]
fn ten_times_the_patients_take_the_same_memory() {
    let name = format!("medial-bulk-memory-{:032x}", System::default().random());
    let directory = std::env::temp_dir().join(name);
    std::fs::create_dir(&directory).unwrap();
    let url = format!("sqlite://{}/medial.db", directory.display());
    let database = Database::open(&DatabaseSettings::new(url)).unwrap();
    database.migrate().unwrap();
    let settings = AppSettings {
        callers: Arc::default(),
        subscriptions: medial::app::subscriptions::SubscriptionSettings::default(),
        time_zone: chrono_tz::UTC,
        active_profiles: None,
        export_directory: directory.join("exports"),
        pseudonym_key: b"a key that only these tests know".to_vec(),
        sign_in: medial::app::people::SignInSettings::default(),
        diary: medial::app::diary::DiarySettings::new(
            medial::auth::DiaryKey::new(b"a key for links"),
            "http://medial.test",
        ),
        smart: medial::app::clients::SmartSettings::new(b"a secret that only these tests know of"),
    };
    let app = App::new(
        database,
        Fixed::at(now()),
        settings,
        profiles::built_in().unwrap(),
    );
    add(&app, 100);
    let small = grown(&app);
    add(&app, 900);
    let large = grown(&app);
    println!(
        "{} bytes, grew by {} KiB; {} bytes, grew by {} KiB",
        small.1, small.0, large.1, large.0
    );
    assert!(large.1 > small.1 * 9);
    assert!(large.1 > 2 * MOST_GROWTH * 1024, "{large:?} proves nothing");
    assert!(large.0 < MOST_GROWTH, "{small:?}, {large:?}");
    drop(app);
    std::fs::remove_dir_all(directory).unwrap();
}
