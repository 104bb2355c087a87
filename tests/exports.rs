//! Exports through the router and as jobs, on both databases.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "only tests call these helpers: what cannot be set up fails the test"
)]

mod support;

use actix_web::http::{Method, StatusCode};
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use chrono::{DateTime, FixedOffset, NaiveDate, TimeDelta, Utc};
use medial::app::blocks::{self, Belongs};
use medial::app::exports::{Dataset, ExportFilter, Format, Wanted};
use medial::app::judging::service_principal;
use medial::app::{App, AppSettings, Stored, Unit, ablations, episodes, patients, profiles};
use medial::auth::{Principal, Role};
use medial::db::{Database, DatabaseKind, queries};
use medial::domain::Vocabulary;
use medial::domain::ablation::{Ablation, FollowUp};
use medial::domain::adverse_event::{AdverseEvent, AdverseEventCategory, Grade};
use medial::domain::anatomy::{Joint, TreatedSide};
use medial::domain::block::{Agent, Block, BlockKind, BlockTechnique};
use medial::domain::codes::DiagnosisCode;
use medial::domain::episode::{CareEntry, CareOutcome, Episode};
use medial::domain::pain::{Context, Percent, Scale, Score, ScoreRow};
use medial::domain::patient::{Identifier, Patient, Sex};
use medial::http::{AuthFailure, Authenticate, CursorKey, HttpSettings, State, configure};
use medial::jobs::exports as jobs;
use medial::seam::{Fixed, Seam};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use support::databases::{OnDatabase, TestDatabase, on_each_database};
use support::program::Directory;
use uuid::Uuid;

/// What identifies the synthetic patient: none of it may be in a de-identified export.
const IDENTIFYING: [&str; 9] = [
    "Familyname",
    "Givenname",
    "RECORD-0042",
    "urn:example:records",
    "Operatorname",
    "Sitename",
    "typed assessment",
    "typed note",
    "typed kind of care",
];

const DATASETS: [Dataset; 9] = [
    Dataset::Blocks,
    Dataset::Scores,
    Dataset::Relief,
    Dataset::Determinations,
    Dataset::Ablations,
    Dataset::FollowUps,
    Dataset::AdverseEvents,
    Dataset::Episodes,
    Dataset::Patients,
];

/// The service on a database of its own, with its own directory.
struct Practice {
    app: Arc<App>,
    clock: Arc<Fixed>,
    directory: Directory,
    /// Last, so that it is removed after the service is gone.
    database: TestDatabase,
}

impl OnDatabase for Practice {
    fn on(kind: DatabaseKind) -> Option<Practice> {
        let database = TestDatabase::migrated(kind)?;
        let directory = Directory::new();
        let clock = Fixed::at("2026-02-01T12:00:00Z".parse().unwrap());
        let seam: Seam = clock.clone();
        let settings = AppSettings {
            callers: std::sync::Arc::default(),
            subscriptions: medial::app::subscriptions::SubscriptionSettings::default(),
            time_zone: chrono_tz::UTC,
            active_profiles: None,
            export_directory: directory.path().join("exports"),
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
        let app = App::new(own, seam, settings, profiles::built_in().unwrap());
        Some(Practice {
            app,
            clock,
            directory,
            database,
        })
    }
}

impl Practice {
    fn state(&self) -> State {
        let ready = |app: &App| app.db.ping().map_err(|error| error.to_string());
        State::new(
            self.app.clone(),
            Arc::new(Names),
            self.clock.clone(),
            HttpSettings::new(CursorKey::new(b"a secret for cursors")),
            ready,
            medial::http::v1::endpoints(),
        )
    }

    /// A request by `who`, as `clinician@north`.
    fn ask(&self, method: Method, path: &str, who: &str, body: Option<&Value>) -> Answer {
        let state = self.state();
        actix_web::rt::System::new().block_on(async move {
            let service =
                init_service(actix_web::App::new().configure(|config| configure(config, &state)))
                    .await;
            let mut request = TestRequest::default()
                .method(method)
                .uri(path)
                .insert_header(("authorization", format!("Bearer {who}")));
            if let Some(body) = body {
                request = request
                    .insert_header(("content-type", "application/json"))
                    .set_payload(body.to_string());
            }
            let response = call_service(&service, request.to_request()).await;
            let status = response.status();
            let headers = response
                .headers()
                .iter()
                .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
                .collect();
            let body = read_body(response).await.to_vec();
            Answer {
                status,
                headers,
                body,
            }
        })
    }

    fn get(&self, path: &str, who: &str) -> Answer {
        self.ask(Method::GET, path, who, None)
    }

    /// Asks for an export and gives its path.
    fn request(&self, body: &Value, who: &str) -> String {
        let answer = self.ask(Method::POST, "/v1/exports", who, Some(body));
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text());
        let location = answer.headers["location"].clone();
        assert_eq!(
            location,
            format!("/v1/exports/{}", answer.json()["id"].as_str().unwrap())
        );
        location
    }

    fn write<T: Send + 'static>(
        &self,
        organization: &str,
        work: impl Fn(&mut Unit<'_, '_>) -> medial::app::Result<T> + Send + Sync + 'static,
    ) -> T {
        self.app.write(&clinician(organization), work).unwrap()
    }

    /// One synthetic patient with everything that there can be.
    fn record_patient(&self, organization: &str) -> Recorded {
        self.write(organization, |unit| {
            let patient = patients::record(unit, &patient())?.patient().id;
            let episode = episodes::record(unit, patient, &episode())?.id;
            let one = blocks::record(
                unit,
                &Belongs::To(episode),
                &block("2025-09-08T09:00:00-05:00"),
                &scores("2025-09-08T09:00:00-05:00"),
            )?;
            let two = blocks::record(
                unit,
                &Belongs::To(episode),
                &block("2025-09-22T10:30:00-05:00"),
                &scores("2025-09-22T10:30:00-05:00"),
            )?;
            let (ablation, _) = ablations::record(unit, episode, &ablation(), &[follow_up()])?;
            ablations::record_event(unit, medial::app::After::Block(one.block.id), &event())?;
            Ok(Recorded {
                patient,
                episode,
                blocks: [one.block, two.block],
                scores: [one.scores, two.scores].concat(),
                ablation: ablation.id,
            })
        })
    }

    fn export_files(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut left = vec![self.directory.path().join("exports")];
        while let Some(directory) = left.pop() {
            let Ok(entries) = std::fs::read_dir(directory) else {
                continue;
            };
            for entry in entries {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    left.push(path)
                } else {
                    found.push(path)
                }
            }
        }
        found.sort();
        found
    }

    fn audited(&self, organization: &str) -> Vec<(String, String, String)> {
        self.app.write_down_reads().unwrap();
        let admin = service_principal(organization);
        let filter = medial::app::AuditFilter::default();
        let page = self
            .app
            .read(&admin, |unit| {
                medial::app::audit::page(unit, &filter, None, 500)
            })
            .unwrap();
        let exports = page
            .items
            .into_iter()
            .rev()
            .filter(|entry| entry.entry.resource_kind.starts_with("export"));
        exports
            .map(|entry| {
                (
                    entry.entry.action,
                    entry.entry.outcome,
                    entry.entry.detail.unwrap_or_default(),
                )
            })
            .collect()
    }
}

struct Recorded {
    patient: Uuid,
    episode: Uuid,
    blocks: [Stored<Block>; 2],
    scores: Vec<Stored<ScoreRow>>,
    ablation: Uuid,
}

struct Answer {
    status: StatusCode,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Answer {
    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn expect(self, status: u16) -> Answer {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        self
    }

    /// The rows of CSV, each by the names of its columns.
    fn csv(&self) -> Vec<BTreeMap<String, String>> {
        let mut reader = csv::Reader::from_reader(self.body.as_slice());
        reader.deserialize().map(|row| row.unwrap()).collect()
    }

    fn ndjson(&self) -> Vec<Value> {
        self.text()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

/// Takes `analyst@north` for an analyst of north.
struct Names;

impl Authenticate for Names {
    fn principal(&self, bearer: &str) -> Result<Principal, AuthFailure> {
        let (role, organization) = bearer
            .split_once('@')
            .ok_or_else(|| AuthFailure::Refused("no".into()))?;
        Ok(Principal {
            organization: organization.into(),
            subject: role.into(),
            role: Role::from_code(role.trim_end_matches(char::is_numeric)).unwrap(),
            scopes: None,
        })
    }
}

fn clinician(organization: &str) -> Principal {
    Names
        .principal(&format!("clinician@{organization}"))
        .unwrap()
}

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn instant(text: &str) -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339(text).unwrap()
}

fn patient() -> Patient {
    Patient {
        identifiers: vec![Identifier {
            system: "urn:example:records".into(),
            value: "RECORD-0042".into(),
        }],
        family_name: Some("=Familyname".into()),
        given_name: Some("＝Givenname".into()),
        birth_date: Some(date("1930-05-05")),
        sex: Some(Sex::Female),
    }
}

fn episode() -> Episode {
    let care = |kind: &str| CareEntry {
        kind: kind.into(),
        start: Some(date("2025-04-01")),
        end: Some(date("2025-08-01")),
        outcome: Some(CareOutcome::Failed),
    };
    Episode {
        region: medial::domain::anatomy::Region::from_code("lumbar").unwrap(),
        diagnosis: DiagnosisCode::read("M47.816").ok(),
        onset_date: Some(date("2025-03-01")),
        causes: Vec::new(),
        axial: Some(true),
        radiculopathy: None,
        other_causes_excluded: Some(true),
        worse_with_extension_or_rotation: None,
        imaging_suggests_facet: None,
        fused_joints: Some(Vec::new()),
        conservative_care: vec![care("physical_therapy"), care("typed kind of care")],
        disability: Vec::new(),
        assessment: Some("+typed assessment, with \"marks\"\nand lines".into()),
    }
}

fn joints() -> Vec<Joint> {
    ["L4-5", "L5-S1"]
        .map(|code| Joint::from_code(code).unwrap())
        .to_vec()
}

fn block(performed_at: &str) -> Block {
    Block {
        performed_at: instant(performed_at),
        kind: BlockKind::Diagnostic,
        technique: BlockTechnique::MedialBranch,
        joints: joints(),
        side: TreatedSide::from_code("right").unwrap(),
        agent: Some(Agent::Lidocaine),
        concentration_thousandths: Some(2000),
        volume_microlitres_per_nerve: Some(500),
        steroid: Some(false),
        guidance: None,
        sedation: None,
        stated_relief: Percent::from_tenths(-105),
        stated_relief_minutes: None,
        duration_minutes: Some(20),
        operator: Some("@Operatorname, Dr.".into()),
        site: Some("-Sitename".into()),
        corrected_nerves: None,
        same_day_return: None,
    }
}

fn scores(performed_at: &str) -> Vec<ScoreRow> {
    [(-30, 80), (15, 40), (60, 10), (300, 70)]
        .map(|(minutes, tenths)| ScoreRow {
            taken_at: instant(performed_at) + TimeDelta::minutes(minutes),
            score: Score::new(Scale::Nrs, tenths).unwrap(),
            context: Context::Current,
            side: None,
            stated_relief: None,
            analgesic_taken: false,
            reported_by: None,
            answered_at: None,
        })
        .to_vec()
}

fn ablation() -> Ablation {
    Ablation {
        performed_on: date("2025-11-03"),
        joints: joints(),
        side: TreatedSide::from_code("right").unwrap(),
        technique: None,
        temperature_tenths_c: Some(800),
        pre_score: Score::new(Scale::Nrs, 70).ok(),
        operator: Some("@Operatorname, Dr.".into()),
        site: Some("-Sitename".into()),
    }
}

fn follow_up() -> FollowUp {
    FollowUp {
        taken_on: date("2026-01-03"),
        score: Score::new(Scale::Nrs, 20).ok(),
        stated_relief: None,
        function_improvement: None,
        pgic: Some(2),
    }
}

fn event() -> AdverseEvent {
    AdverseEvent {
        category: AdverseEventCategory::Soreness,
        grade: Grade::Minor,
        onset_on: date("2025-09-09"),
        relation: None,
        resolved_on: Some(date("2025-09-12")),
        note: Some("\ttyped note".into()),
    }
}

fn stream(dataset: Dataset, format: &str) -> String {
    format!("/v1/exports/stream/{}.{format}", dataset.code())
}

on_each_database! {
    fn rows_are_those_that_were_recorded(practice: &Practice) {
        let recorded = practice.record_patient("north");
        let csv = practice.get("/v1/exports/stream/blocks.csv", "clinician@north").expect(200);
        assert_eq!(csv.headers["content-type"], "text/csv; charset=utf-8; header=present");
        assert_eq!(csv.headers["content-disposition"], "attachment; filename=\"blocks.csv\"");
        assert_eq!(csv.headers["medial-deidentified"], "false");
        let rows = csv.csv();
        assert_eq!(rows.len(), 2);
        for (row, block) in rows.iter().zip(&recorded.blocks) {
            assert_eq!(row["id"], block.id.to_string());
            assert_eq!(row["episode_id"], recorded.episode.to_string());
            assert_eq!(row["patient_id"], recorded.patient.to_string());
            assert_eq!(instant(&row["performed_at"]), block.value.performed_at);
            assert!(row["performed_at"].ends_with("-05:00"));
            assert_eq!(row["joints"], "L4-5|L5-S1");
            assert_eq!(row["concentration_percent"], "2");
            assert_eq!(row["volume_ml_per_nerve"], "0.5");
            assert_eq!(row["stated_relief_percent"], "-10.5");
            assert_eq!(row["steroid"], "false");
            assert_eq!(row["guidance"], "");
            assert_eq!(row["age_at_block"], "95");
        }
        let typed = practice.get("/v1/exports/stream/blocks.ndjson", "clinician@north").expect(200).ndjson();
        assert_eq!(typed.len(), 2);
        assert_eq!(typed[0]["joints"], json!(["L4-5", "L5-S1"]));
        assert_eq!(typed[0]["volume_ml_per_nerve"], json!(0.5));
        assert_eq!(typed[0]["stated_relief_percent"], json!(-10.5));
        assert_eq!(typed[0]["steroid"], json!(false));
        assert_eq!(typed[0]["guidance"], Value::Null);
        assert_eq!(typed[0]["operator"], "@Operatorname, Dr.");

        let scores = practice.get("/v1/exports/stream/scores.ndjson", "clinician@north").expect(200).ndjson();
        let ids: Vec<String> = recorded.scores.iter().map(|score| score.id.to_string()).collect();
        assert_eq!(scores.iter().map(|row| row["id"].as_str().unwrap()).collect::<Vec<_>>(), ids);
        assert_eq!(scores[0]["value"], json!(8));

        let relief = practice.get("/v1/exports/stream/relief.ndjson", "clinician@north").expect(200).ndjson();
        let at = |percent: i64| relief.iter().find(|row| row["threshold_percent"] == json!(percent)).unwrap();
        assert_eq!(relief.len() % 2, 0);
        assert_eq!(at(80)["response"], "temporary");
        assert_eq!((&at(80)["onset_minutes"], &at(80)["min_minutes"], &at(80)["max_minutes"]), (&json!(60), &json!(0), &json!(285)));
        assert_eq!(at(100)["response"], "negative");
        assert_eq!(at(80)["best_relief_percent"], json!(87.5));

        let determinations = practice.get("/v1/exports/stream/determinations.csv", "clinician@north").expect(200).csv();
        let stored = practice.write("north", {
            let episode = recorded.episode;
            move |unit| Ok(queries::determinations::for_episode(unit.tx, "north", episode)?)
        });
        assert_eq!(determinations.len(), stored.len());
        assert!(determinations.len() >= 10);
        for (row, stored) in determinations.iter().zip(&stored) {
            assert_eq!(row["verdict"], stored.judgement.verdict);
            assert_eq!(row["since"], stored.since.to_string());
            assert!(["met", "unmet", "unknown", ""].contains(&row["rule_radiculopathy"].as_str()));
        }
        let rules: Vec<&String> = determinations[0].keys().filter(|name| name.starts_with("rule_")).collect();
        assert_eq!(rules.len(), medial::domain::qualification::Rule::ALL.len());

        let episode = practice.get("/v1/exports/stream/episodes.csv", "clinician@north").expect(200).csv();
        assert_eq!(episode[0]["fused_joints"], "none");
        let follow_up = practice.get("/v1/exports/stream/follow_ups.ndjson", "clinician@north").expect(200).ndjson();
        assert_eq!(follow_up[0]["ablation_id"], recorded.ablation.to_string());
        assert_eq!(follow_up[0]["pgic"], json!(2));
    }

    fn csv_is_guarded_and_as_the_standard_has_it(practice: &Practice) {
        practice.record_patient("north");
        let blocks = practice.get("/v1/exports/stream/blocks.csv", "clinician@north").expect(200);
        assert_eq!(blocks.text().matches("\r\n").count(), 3, "{}", blocks.text());
        assert_eq!(blocks.csv()[0]["operator"], "'@Operatorname, Dr.");
        assert_eq!(blocks.csv()[0]["site"], "'-Sitename");
        let patients = practice.get("/v1/exports/stream/patients.csv", "clinician@north").expect(200).csv();
        assert_eq!(patients[0]["family_name"], "'=Familyname");
        assert_eq!(patients[0]["given_name"], "'＝Givenname");
        assert_eq!(patients[0]["identifiers"], r#"[{"system":"urn:example:records","value":"RECORD-0042"}]"#);
        let events = practice.get("/v1/exports/stream/adverse_events.csv", "clinician@north").expect(200).csv();
        assert_eq!(events[0]["note"], "'\ttyped note");
        let episodes = practice.get("/v1/exports/stream/episodes.csv", "clinician@north").expect(200).csv();
        assert_eq!(episodes[0]["assessment"], "'+typed assessment, with \"marks\"\nand lines");
    }

    fn an_export_sees_one_moment_while_others_write(practice: &Practice) {
        const ROWS: usize = 1200;
        let recorded = practice.record_patient("north");
        let (patient, block) = (recorded.patient, recorded.blocks[0].id);
        let add = move |unit: &mut Unit<'_, '_>, rows: usize| {
            let row = scores("2025-09-08T09:00:00-05:00").remove(0);
            let new = |_| Stored::new(unit.new_id(), "north", patient, block, unit.now, row.clone());
            let rows: Vec<Stored<ScoreRow>> = (0..rows).map(new).collect();
            Ok(queries::scores::insert_many(unit.tx, "north", &rows)?)
        };
        practice.write("north", move |unit| add(unit, ROWS - 8));
        let principal = clinician("north");
        let wanted = Wanted::by(&principal, Dataset::Scores, Format::Csv, ExportFilter::default(), None).unwrap();
        let mut told = Vec::new();
        let mut out = Vec::new();
        let mut progress = |rows| {
            if told.is_empty() {
                // Another thread, as another request would be: this one is in the middle of reading.
                std::thread::scope(|scope| {
                    scope.spawn(|| practice.write("north", move |unit| add(unit, 700))).join().unwrap();
                });
            }
            told.push(rows);
            Ok(())
        };
        let rows = medial::export::write(&practice.app, &principal, &wanted, None, &mut out, &mut progress).unwrap();
        assert_eq!(rows, 1200);
        assert!(told.len() >= 3, "it was not written in chunks: {told:?}");
        let rows = medial::export::write(&practice.app, &principal, &wanted, None, &mut Vec::new(), &mut |_| Ok(())).unwrap();
        assert_eq!(rows, 1900);
    }

    fn a_deidentified_export_names_nobody_and_keeps_intervals(practice: &Practice) {
        let recorded = practice.record_patient("north");
        let mut hidden: Vec<String> = IDENTIFYING.map(str::to_owned).to_vec();
        hidden.extend([recorded.patient, recorded.episode, recorded.ablation].map(|id| id.to_string()));
        hidden.extend(recorded.blocks.iter().map(|block| block.id.to_string()));
        hidden.extend(recorded.scores.iter().map(|score| score.id.to_string()));
        hidden.extend(["1930-05-05", "2025-09-08", "2025-09-22", "2025-11-03", "2026-01-03", "2025-03-01", "2025-04-01", "2026-02-01"].map(str::to_owned));
        for dataset in DATASETS {
            for format in ["csv", "ndjson"] {
                let answer = practice.get(&format!("{}?deidentify=true", stream(dataset, format)), "clinician@north").expect(200);
                assert_eq!(answer.headers["medial-deidentified"], "true");
                for word in &hidden {
                    assert!(!answer.text().contains(word.as_str()), "{} {format}: {word}", dataset.code());
                }
                assert!(answer.text().lines().count() > usize::from(format == "csv"), "{} is empty", dataset.code());
            }
        }
        let rows = |dataset| practice.get(&format!("{}?deidentify=true", stream(dataset, "ndjson")), "clinician@north").expect(200).ndjson();
        let (blocks, scores) = (rows(Dataset::Blocks), rows(Dataset::Scores));
        let at = |row: &Value, name: &str| instant(row[name].as_str().unwrap());
        let shift = recorded.blocks[0].value.performed_at - at(&blocks[0], "performed_at");
        assert!((1..=365).contains(&shift.num_days()));
        assert_eq!(shift, TimeDelta::days(shift.num_days()), "the time of day is kept");
        for (row, block) in blocks.iter().zip(&recorded.blocks) {
            assert_eq!(block.value.performed_at - at(row, "performed_at"), shift);
            assert!(row["performed_at"].as_str().unwrap().ends_with("-05:00"));
            assert_eq!(row["patient_id"], blocks[0]["patient_id"]);
            assert_eq!(row["age_at_block"], json!(90));
            assert!(row["operator"].as_str().unwrap().starts_with("operator-"));
            assert!(row.get("recorded_at").is_none());
        }
        for (row, score) in scores.iter().zip(&recorded.scores) {
            assert_eq!(score.value.taken_at - at(row, "taken_at"), shift);
        }
        assert_eq!(scores[0]["block_id"], blocks[0]["id"]);
        let patients = rows(Dataset::Patients);
        assert_eq!(patients[0]["id"], blocks[0]["patient_id"]);
        assert_eq!(patients[0].as_object().unwrap().keys().collect::<Vec<_>>(), ["id", "sex", "version"]);
        let care = &rows(Dataset::Episodes)[0]["conservative_care"];
        assert_eq!(date(care[0]["start"].as_str().unwrap()), date("2025-04-01") - shift);
        assert_eq!(care[1]["kind"], "other");
        let relief = rows(Dataset::Relief);
        assert_eq!(relief[0]["block_id"], blocks[0]["id"]);

        practice.record_patient("south");
        let south = practice.get("/v1/exports/stream/patients.ndjson?deidentify=true", "clinician@south").expect(200).ndjson();
        assert_ne!(south[0]["id"], patients[0]["id"]);
    }

    fn an_analyst_has_deidentified_exports_only(practice: &Practice) {
        let recorded = practice.record_patient("north");
        let answer = practice.get("/v1/exports/stream/blocks.csv", "analyst@north").expect(200);
        assert_eq!(answer.headers["medial-deidentified"], "true");
        assert!(!answer.text().contains("Operatorname"));
        practice.get("/v1/exports/stream/blocks.csv?deidentify=false", "analyst@north").expect(403);
        practice.get("/v1/exports/stream/blocks.csv", "auditor@north").expect(403);

        let body = json!({"dataset": "blocks", "format": "csv", "deidentify": false});
        practice.ask(Method::POST, "/v1/exports", "analyst@north", Some(&body)).expect(403);
        let identified = practice.request(&body, "clinician@north");
        let own = practice.request(&json!({"dataset": "blocks", "format": "csv"}), "analyst@north");
        let body = json!({"dataset": "blocks", "format": "csv", "deidentify": true, "patient_id": recorded.patient});
        let of_one = practice.request(&body, "clinician@north");
        assert_eq!(jobs::run_waiting(&practice.app).unwrap(), 3);
        for hidden in [&identified, &of_one] {
            practice.get(hidden, "analyst@north").expect(403);
            practice.get(&format!("{hidden}/files/blocks.csv"), "analyst@north").expect(403);
            practice.ask(Method::DELETE, hidden, "analyst@north", None).expect(403);
        }
        practice.ask(Method::DELETE, &own, "analyst2@north", None).expect(403);
        let file = practice.get(&format!("{own}/files/blocks.csv"), "analyst@north").expect(200);
        assert_eq!(file.text(), answer.text());
        let listed = practice.get("/v1/exports?count=true", "analyst@north").expect(200).json();
        assert_eq!(listed["items"].as_array().unwrap().len(), 1);
        assert_eq!(listed["count"], json!(1));
        assert_eq!(practice.get("/v1/exports?count=true", "clinician@north").expect(200).json()["count"], json!(3));
    }

    fn an_analyst_cannot_ask_whose_rows_they_are_or_on_which_day(practice: &Practice) {
        let recorded = practice.record_patient("north");
        let id = recorded.patient;
        for filter in [format!("patient_id={id}"), "operator=A".into(), "site=A".into(), "from=2025-09-08".into(), "to=2025-09-08".into()] {
            let path = format!("/v1/exports/stream/blocks.csv?{filter}");
            let answer = practice.get(&path, "analyst@north").expect(400);
            assert!(answer.text().contains("whole years"), "{}", answer.text());
            practice.get(&format!("{path}&deidentify=true"), "clinician@north").expect(200);
        }
        let years = "/v1/exports/stream/blocks.csv?from=2025-01-01&to=2025-12-31";
        assert_eq!(practice.get(years, "analyst@north").expect(200).csv().len(), 2);
        let body = json!({"dataset": "blocks", "format": "csv", "patient_id": id, "from": "2025-02-01"});
        let refused = practice.ask(Method::POST, "/v1/exports", "analyst@north", Some(&body)).expect(422).json();
        let pointers: Vec<&str> = refused["errors"].as_array().unwrap().iter().map(|error| error["pointer"].as_str().unwrap()).collect();
        assert_eq!(pointers, ["/patient_id", "/from"]);
    }

    fn another_organization_has_nothing_of_it(practice: &Practice) {
        practice.record_patient("north");
        let export = practice.request(&json!({"dataset": "blocks", "format": "csv"}), "clinician@north");
        jobs::run_waiting(&practice.app).unwrap();
        for dataset in DATASETS {
            let rows = practice.get(&stream(dataset, "ndjson"), "clinician@south").expect(200);
            assert_eq!(rows.text(), "", "{}", dataset.code());
        }
        practice.get(&export, "clinician@south").expect(404);
        practice.get(&format!("{export}/files/blocks.csv"), "clinician@south").expect(404);
        practice.ask(Method::DELETE, &export, "clinician@south", None).expect(404);
        assert_eq!(practice.get("/v1/exports", "clinician@south").expect(200).json()["items"], json!([]));
        practice.get(&format!("{export}/files/blocks.csv"), "clinician@north").expect(200);
    }

    fn filters_choose_and_what_does_not_apply_is_refused(practice: &Practice) {
        let recorded = practice.record_patient("north");
        let rows = |path: &str| practice.get(path, "clinician@north").expect(200).ndjson().len();
        let second = recorded.blocks[1].value.performed_at.date_naive();
        assert_eq!(rows(&format!("/v1/exports/stream/blocks.ndjson?from={second}")), 1);
        assert_eq!(rows("/v1/exports/stream/scores.ndjson?to=2025-09-08"), 4);
        assert_eq!(rows("/v1/exports/stream/blocks.ndjson?site=-Sitename"), 2);
        assert_eq!(rows("/v1/exports/stream/blocks.ndjson?site=Elsewhere"), 0);
        assert_eq!(rows("/v1/exports/stream/ablations.ndjson?site=-Sitename"), 1);
        assert_eq!(rows("/v1/exports/stream/ablations.ndjson?site=Elsewhere"), 0);
        assert_eq!(rows("/v1/exports/stream/follow_ups.ndjson?operator=Nobody"), 0);
        assert_eq!(rows(&format!("/v1/exports/stream/patients.ndjson?patient_id={}", recorded.patient)), 1);
        assert_eq!(rows(&format!("/v1/exports/stream/patients.ndjson?patient_id={}", recorded.episode)), 0);

        let refused = practice.get("/v1/exports/stream/patients.csv?site=A", "clinician@north").expect(400);
        assert!(refused.text().contains("site"), "{}", refused.text());
        practice.get("/v1/exports/stream/blocks.csv?colour=red", "clinician@north").expect(400);
        practice.get("/v1/exports/stream/blocks.csv?from=yesterday", "clinician@north").expect(400);
        for (path, accepted) in [("/v1/exports/stream/blocks.parquet", "csv, ndjson"), ("/v1/exports/stream/noses.csv", "blocks, scores")] {
            let refused = practice.get(path, "clinician@north").expect(400);
            assert!(refused.text().contains(accepted), "{}", refused.text());
        }
        let body = json!({"dataset": "blocks", "format": "parquet"});
        let refused = practice.ask(Method::POST, "/v1/exports", "clinician@north", Some(&body)).expect(422);
        assert!(refused.text().contains("csv, ndjson"), "{}", refused.text());
    }

    fn a_withdrawn_score_is_not_exported(practice: &Practice) {
        let recorded = practice.record_patient("north");
        let score = recorded.scores[3].id;
        practice.write("north", move |unit| blocks::withdraw_score(unit, score, None, "typed twice"));
        let rows = practice.get("/v1/exports/stream/scores.ndjson", "clinician@north").expect(200).ndjson();
        assert_eq!(rows.len(), 7);
        assert!(rows.iter().all(|row| row["id"] != json!(score)));
        let relief = practice.get("/v1/exports/stream/relief.ndjson", "clinician@north").expect(200).ndjson();
        assert_eq!(relief[0]["response"], "open");
    }

    fn an_export_is_made_in_the_background(practice: &Practice) {
        practice.record_patient("north");
        let export = practice.request(&json!({"dataset": "scores", "format": "ndjson"}), "clinician@north");
        let waiting = practice.get(&export, "clinician@north").expect(200).json();
        assert_eq!((&waiting["state"], &waiting["files"]), (&json!("queued"), &json!([])));
        assert_eq!(jobs::run_waiting(&practice.app).unwrap(), 1);
        assert_eq!(jobs::run_waiting(&practice.app).unwrap(), 0);

        let done = practice.get(&export, "clinician@north").expect(200).json();
        assert_eq!((&done["state"], &done["rows"]), (&json!("done"), &json!(8)));
        assert_eq!(done["expires_at"], "2026-02-08T12:00:00Z");
        let files = done["files"].as_array().unwrap();
        let names: Vec<&str> = files.iter().map(|file| file["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["manifest.json", "scores.ndjson"]);
        assert_eq!(files[1]["rows"], json!(8));
        for file in files {
            let name = file["name"].as_str().unwrap();
            let content = practice.get(&format!("{export}/files/{name}"), "clinician@north").expect(200);
            assert_eq!(json!(content.body.len()), file["bytes"]);
            let digest: String = Sha256::digest(&content.body).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(json!(digest), file["sha256"]);
            assert_eq!(content.headers["content-type"], file["media_type"].as_str().unwrap());
            assert_eq!(content.headers["content-disposition"], format!("attachment; filename=\"{name}\""));
        }
        let streamed = practice.get("/v1/exports/stream/scores.ndjson", "clinician@north").expect(200);
        let file = practice.get(&format!("{export}/files/scores.ndjson"), "clinician@north").expect(200);
        assert_eq!(file.text(), streamed.text());
        let manifest = practice.get(&format!("{export}/files/manifest.json"), "clinician@north").expect(200).json();
        let described: Vec<&Value> = manifest["columns"].as_array().unwrap().iter().map(|column| &column["name"]).collect();
        let row = &streamed.ndjson()[0];
        assert_eq!(described.len(), row.as_object().unwrap().len());
        assert!(described.iter().all(|name| row.get(name.as_str().unwrap()).is_some()));
    }

    fn an_export_that_was_broken_off_is_made_again(practice: &Practice) {
        practice.record_patient("north");
        let export = practice.request(&json!({"dataset": "scores", "format": "csv"}), "clinician@north");
        let taken = practice.app.take_waiting_export().unwrap().unwrap();
        let directory = practice.directory.path().join("exports").join(medial::export::files::directory("north", taken.id));
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(directory.join(".scores.csv.part"), "half").unwrap();
        std::fs::write(directory.join("scores.csv"), "of another attempt").unwrap();
        assert_eq!(practice.get(&export, "clinician@north").expect(200).json()["state"], "running");

        // Told to stop, it leaves it for the next time.
        let chunks = std::cell::Cell::new(0);
        let go_on = || { chunks.set(chunks.get() + 1); chunks.get() == 1 };
        assert_eq!(jobs::run_waiting_while(&practice.app, &go_on).unwrap(), 0);
        assert_eq!(practice.get(&export, "clinician@north").expect(200).json()["state"], "running");

        assert_eq!(jobs::run_waiting(&practice.app).unwrap(), 1);
        let file = practice.get(&format!("{export}/files/scores.csv"), "clinician@north").expect(200);
        assert_eq!(file.csv().len(), 8);
        let names: Vec<PathBuf> = practice.export_files().iter().map(|path| path.file_name().unwrap().into()).collect();
        assert_eq!(names, [Path::new("manifest.json"), Path::new("scores.csv")]);
    }

    fn a_deleted_export_is_gone_with_its_files(practice: &Practice) {
        practice.record_patient("north");
        let export = practice.request(&json!({"dataset": "blocks", "format": "csv"}), "clinician@north");
        jobs::run_waiting(&practice.app).unwrap();
        assert_eq!(practice.export_files().len(), 2);
        practice.ask(Method::DELETE, &export, "clinician@north", None).expect(204);
        assert_eq!(practice.export_files(), Vec::<PathBuf>::new());
        practice.get(&export, "clinician@north").expect(404);
        practice.get(&format!("{export}/files/blocks.csv"), "clinician@north").expect(404);
        practice.ask(Method::DELETE, &export, "clinician@north", None).expect(404);

        // Deleted while it is being made: what was made is removed.
        let export = practice.request(&json!({"dataset": "blocks", "format": "csv"}), "clinician@north");
        let asked = std::cell::Cell::new(0);
        let deleting = || {
            asked.set(asked.get() + 1);
            if asked.get() == 2 {
                practice.ask(Method::DELETE, &export, "clinician@north", None).expect(204);
            }
            true
        };
        jobs::run_waiting_while(&practice.app, &deleting).unwrap();
        assert!(asked.get() >= 2);
        assert_eq!(practice.export_files(), Vec::<PathBuf>::new());
        practice.get(&export, "clinician@north").expect(404);
    }

    fn exports_are_kept_for_a_week(practice: &Practice) {
        practice.record_patient("north");
        let old = practice.request(&json!({"dataset": "blocks", "format": "csv"}), "clinician@north");
        practice.clock.set("2026-02-07T12:00:00Z".parse::<DateTime<Utc>>().unwrap());
        let new = practice.request(&json!({"dataset": "blocks", "format": "csv"}), "clinician@north");
        jobs::run_waiting(&practice.app).unwrap();
        assert_eq!(jobs::clean_up(&practice.app).unwrap(), 0);
        practice.clock.set("2026-02-09T12:00:00Z".parse::<DateTime<Utc>>().unwrap());
        let orphan = practice.directory.path().join("exports").join(medial::export::files::directory("north", Uuid::from_u128(7)));
        std::fs::create_dir_all(&orphan).unwrap();
        let other = practice.directory.path().join("exports").join("not-ours");
        std::fs::create_dir_all(&other).unwrap();
        assert_eq!(jobs::clean_up(&practice.app).unwrap(), 2);
        practice.get(&old, "clinician@north").expect(404);
        practice.get(&format!("{new}/files/blocks.csv"), "clinician@north").expect(200);
        assert_eq!(practice.export_files().len(), 2);
        assert!(!orphan.exists() && other.exists());
    }

    fn an_export_that_cannot_be_written_says_so_and_the_next_is_made(practice: &Practice) {
        practice.record_patient("north");
        let export = practice.request(&json!({"dataset": "blocks", "format": "csv"}), "clinician@north");
        // A file where the directory should be.
        std::fs::write(practice.directory.path().join("exports"), "").unwrap();
        assert_eq!(jobs::run_waiting(&practice.app).unwrap(), 0);
        let failed = practice.get(&export, "clinician@north").expect(200).json();
        assert_eq!(failed["state"], "failed");
        assert!(failed["failure"].as_str().unwrap().ends_with("the log says why."));
        std::fs::remove_file(practice.directory.path().join("exports")).unwrap();
        let next = practice.request(&json!({"dataset": "blocks", "format": "csv"}), "clinician@north");
        assert_eq!(jobs::run_waiting(&practice.app).unwrap(), 1);
        assert_eq!(practice.get(&next, "clinician@north").expect(200).json()["state"], "done");
    }

    fn no_name_leads_out_of_the_directory(practice: &Practice) {
        practice.record_patient("north");
        std::fs::write(practice.directory.path().join("secret"), "secret").unwrap();
        let export = practice.request(&json!({"dataset": "blocks", "format": "csv"}), "clinician@north");
        jobs::run_waiting(&practice.app).unwrap();
        for name in ["..%2F..%2F..%2Fsecret", "%2e%2e%2fsecret", ".blocks.csv.part", "..", "blocks.csv%00"] {
            let answer = practice.get(&format!("{export}/files/{name}"), "clinician@north");
            assert!(answer.status.is_client_error(), "{name}: {}", answer.status);
            assert!(!answer.text().contains("secret\""), "{name}");
        }
    }

    fn every_export_is_in_the_audit_trail(practice: &Practice) {
        let recorded = practice.record_patient("north");
        practice.get(&format!("/v1/exports/stream/blocks.csv?patient_id={}&operator=@Operatorname,%20Dr.", recorded.patient), "clinician@north").expect(200);
        practice.get("/v1/exports/stream/scores.ndjson", "analyst@north").expect(200);
        let filters = format!("filters=patient_id={},operator", recorded.patient);
        let of = |action: &str, outcome: &str, detail: String| (action.to_owned(), outcome.to_owned(), detail);
        assert_eq!(practice.audited("north"), [
            of("export_identified", "begun", format!("dataset=blocks format=csv {filters}")),
            of("export_identified", "done", format!("dataset=blocks format=csv {filters} rows=2")),
            of("export_deidentified", "begun", "dataset=scores format=ndjson filters=none".into()),
            of("export_deidentified", "done", "dataset=scores format=ndjson filters=none rows=8".into()),
        ]);
        let principal = clinician("north");
        let wanted = Wanted::by(&principal, Dataset::Blocks, Format::Csv, ExportFilter::default(), None).unwrap();
        let mut gone = |_| Err(medial::app::Error::internal("the client is gone"));
        medial::export::write(&practice.app, &principal, &wanted, None, &mut Vec::new(), &mut gone).unwrap_err();
        let last = practice.audited("north").pop().unwrap();
        assert_eq!(last, of("export_identified", "broken_off", "dataset=blocks format=csv filters=none rows=2".into()));
    }

    fn the_command_writes_the_rows_of_the_service(practice: &Practice) {
        practice.record_patient("north");
        let run = |arguments: &[&str]| {
            let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_medial"));
            command.args(["export", "--database-url", practice.database.url()]).args(arguments).current_dir(practice.directory.path());
            command.output().unwrap()
        };
        let said = |output: &std::process::Output| String::from_utf8(output.stderr.clone()).unwrap();
        for dataset in DATASETS {
            for format in ["csv", "ndjson"] {
                let output = run(&[dataset.code(), "--format", format]);
                assert!(output.status.success(), "{}", said(&output));
                let streamed = practice.get(&stream(dataset, format), "clinician@north").expect(200);
                assert_eq!(String::from_utf8(output.stdout).unwrap(), streamed.text(), "{}", dataset.code());
            }
        }
        let output = run(&["scores", "--to", "2025-09-08", "--output", "scores.csv"]);
        assert!(output.status.success(), "{}", said(&output));
        assert!(said(&output).contains("4 rows"), "{}", said(&output));
        let path = practice.directory.path().join("scores.csv");
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 5);

        let refused = run(&["scores", "--output", "scores.csv"]);
        assert_eq!(refused.status.code(), Some(2));
        assert!(said(&refused).contains("--force"), "{}", said(&refused));
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 5);
        assert!(run(&["scores", "--output", "scores.csv", "--force"]).status.success());
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 9);

        let refused = run(&["patients", "--site", "A"]);
        assert!(said(&refused).contains("--site"), "{}", said(&refused));
        assert_eq!(refused.status.code(), Some(2));
        practice.record_patient("south");
        let refused = run(&["patients"]);
        assert!(said(&refused).contains("north, south"), "{}", said(&refused));
        assert!(run(&["patients", "--organization", "south"]).status.success());
        assert!(said(&run(&["patients", "--organization", "west"])).contains("no organization west"));
    }

    fn asking_twice_with_one_key_asks_once(practice: &Practice) {
        let state = practice.state();
        let ask = || {
            let state = state.clone();
            actix_web::rt::System::new().block_on(async move {
                let service = init_service(actix_web::App::new().configure(|config| configure(config, &state))).await;
                let request = TestRequest::post().uri("/v1/exports")
                    .insert_header(("authorization", "Bearer clinician@north"))
                    .insert_header(("idempotency-key", "key-1"))
                    .set_json(json!({"dataset": "blocks", "format": "csv"}));
                let response = call_service(&service, request.to_request()).await;
                serde_json::from_slice::<Value>(&read_body(response).await).unwrap()
            })
        };
        assert_eq!(ask()["id"], ask()["id"]);
        assert_eq!(practice.get("/v1/exports", "clinician@north").expect(200).json()["items"].as_array().unwrap().len(), 1);
    }
}
