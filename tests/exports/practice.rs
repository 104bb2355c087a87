//! A service with a database and a directory of its own, one synthetic patient, and requests to it.

use crate::support::databases::{OnDatabase, TestDatabase};
use crate::support::program::Directory;
use actix_web::http::{Method, StatusCode};
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use chrono::{DateTime, FixedOffset, NaiveDate, TimeDelta};
use medial::app::blocks::{self, Belongs};
use medial::app::exports::Dataset;
use medial::app::judging::service_principal;
use medial::app::{App, AppSettings, Stored, Unit, ablations, episodes, patients, profiles};
use medial::auth::{Principal, Role};
use medial::db::{Database, DatabaseKind};
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
use medial::seam::{Fixed, Seam};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use uuid::Uuid;

/// What identifies the synthetic patient: none of it may be in a de-identified export.
pub const IDENTIFYING: [&str; 9] = [
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

pub const DATASETS: [Dataset; 10] = [
    Dataset::Blocks,
    Dataset::Scores,
    Dataset::Relief,
    Dataset::Determinations,
    Dataset::Ablations,
    Dataset::FollowUps,
    Dataset::AdverseEvents,
    Dataset::Episodes,
    Dataset::Patients,
    Dataset::Outcomes,
];

/// The service on a database of its own, with its own directory.
pub struct Practice {
    pub app: Arc<App>,
    pub clock: Arc<Fixed>,
    pub directory: Directory,
    /// Last, so that it is removed after the service is gone.
    pub database: TestDatabase,
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
    pub fn state(&self) -> State {
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
    pub fn ask(&self, method: Method, path: &str, who: &str, body: Option<&Value>) -> Answer {
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

    pub fn get(&self, path: &str, who: &str) -> Answer {
        self.ask(Method::GET, path, who, None)
    }

    /// Asks for an export and gives its path.
    pub fn request(&self, body: &Value, who: &str) -> String {
        let answer = self.ask(Method::POST, "/v1/exports", who, Some(body));
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text());
        let location = answer.headers["location"].clone();
        assert_eq!(
            location,
            format!("/v1/exports/{}", answer.json()["id"].as_str().unwrap())
        );
        location
    }

    pub fn write<T: Send + 'static>(
        &self,
        organization: &str,
        work: impl Fn(&mut Unit<'_, '_>) -> medial::app::Result<T> + Send + Sync + 'static,
    ) -> T {
        self.app.write(&clinician(organization), work).unwrap()
    }

    /// One synthetic patient with everything that there can be.
    pub fn record_patient(&self, organization: &str) -> Recorded {
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

    pub fn export_files(&self) -> Vec<PathBuf> {
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

    pub fn audited(&self, organization: &str) -> Vec<(String, String, String)> {
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

pub struct Recorded {
    pub patient: Uuid,
    pub episode: Uuid,
    pub blocks: [Stored<Block>; 2],
    pub scores: Vec<Stored<ScoreRow>>,
    pub ablation: Uuid,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn expect(self, status: u16) -> Answer {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        self
    }

    /// The rows of CSV, each by the names of its columns.
    pub fn csv(&self) -> Vec<BTreeMap<String, String>> {
        let mut reader = csv::Reader::from_reader(self.body.as_slice());
        reader.deserialize().map(|row| row.unwrap()).collect()
    }

    pub fn ndjson(&self) -> Vec<Value> {
        self.text()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

/// Takes `analyst@north` for an analyst of north.
pub struct Names;

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

pub fn clinician(organization: &str) -> Principal {
    Names
        .principal(&format!("clinician@{organization}"))
        .unwrap()
}

pub fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

pub fn instant(text: &str) -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339(text).unwrap()
}

pub fn patient() -> Patient {
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

pub fn episode() -> Episode {
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

pub fn joints() -> Vec<Joint> {
    ["L4-5", "L5-S1"]
        .map(|code| Joint::from_code(code).unwrap())
        .to_vec()
}

pub fn block(performed_at: &str) -> Block {
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

pub fn scores(performed_at: &str) -> Vec<ScoreRow> {
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

pub fn ablation() -> Ablation {
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

pub fn follow_up() -> FollowUp {
    FollowUp {
        taken_on: date("2026-01-03"),
        score: Score::new(Scale::Nrs, 20).ok(),
        stated_relief: None,
        function_improvement: None,
        pgic: Some(2),
    }
}

pub fn event() -> AdverseEvent {
    AdverseEvent {
        category: AdverseEventCategory::Soreness,
        grade: Grade::Minor,
        onset_on: date("2025-09-09"),
        relation: None,
        resolved_on: Some(date("2025-09-12")),
        note: Some("\ttyped note".into()),
    }
}

pub fn stream(dataset: Dataset, format: &str) -> String {
    format!("/v1/exports/stream/{}.{format}", dataset.code())
}
