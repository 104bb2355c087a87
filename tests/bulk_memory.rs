//! A bulk export takes the same memory whatever its size. One test in a process of its own: it measures the process.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "only the test calls these helpers"
)]

mod support;

use actix_web::test::{TestRequest, call_service, init_service};
use medial::app::App;
use medial::app::judging::service_principal;
use medial::auth::Principal;
use medial::http::{AuthFailure, Authenticate, CursorKey, HttpSettings, State, configure};
use medial::jobs::bulk::run_waiting_while;
use std::path::Path;
use std::sync::Arc;
use support::measured::{self, MOST_GROWTH, Measured, ORGANIZATION, record_block, record_patient};

/// What follows from determinations takes its time in a build without optimization, and goes the same way.
const KICK_OFF: &str = "/fhir/R4/Patient/$export?_type=Patient,Condition,Procedure,Observation";

/// Adds so many patients, each with a block and ten scores, without judging them.
fn add(app: &Arc<App>, patients: usize) {
    for _ in 0..patients.div_ceil(50) {
        app.write(&service_principal(ORGANIZATION), |unit| {
            for _ in 0..50 {
                let (patient, episode) = record_patient(unit)?;
                let minutes = (0..10).map(|place| place * 15 - 30);
                record_block(unit, patient, episode, minutes)?;
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
    measured::grown(|look| {
        let before = bytes(&app.settings.export_directory);
        let go_on = || {
            look();
            true
        };
        assert_eq!(run_waiting_while(app, &go_on).unwrap(), 1);
        bytes(&app.settings.export_directory) - before
    })
}

#[test]
fn ten_times_the_patients_take_the_same_memory() {
    let measured = Measured::new();
    let app = &measured.app;
    add(app, 100);
    let small = grown(app);
    add(app, 900);
    let large = grown(app);
    println!(
        "{} bytes, grew by {} KiB; {} bytes, grew by {} KiB",
        small.1, small.0, large.1, large.0
    );
    assert!(large.1 > small.1 * 9);
    assert!(large.1 > 2 * MOST_GROWTH * 1024, "{large:?} proves nothing");
    assert!(large.0 < MOST_GROWTH, "{small:?}, {large:?}");
}
