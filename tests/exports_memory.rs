//! An export takes the same memory whatever its size. One test in a process of its own: it measures the process.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "only the test calls these helpers"
)]

use chrono::{DateTime, Utc};
use medial::app::exports::{Choice, Content, Dataset, Format, Wanted};
use medial::app::judging::service_principal;
use medial::app::{App, AppSettings, Stored, profiles};
use medial::db::{Database, DatabaseSettings, queries};
use medial::domain::anatomy::{Joint, Region, TreatedSide};
use medial::domain::block::{Block, BlockKind, BlockTechnique};
use medial::domain::episode::Episode;
use medial::domain::pain::{Context, Scale, Score, ScoreRow};
use medial::domain::patient::Patient;
use medial::seam::{Fixed, Outside, System};
use std::io::Write;
use std::sync::Arc;
use uuid::Uuid;

const ORGANIZATION: &str = "north";

/// In KiB: a few chunks, far less than all rows.
const MOST_GROWTH: u64 = 8 * 1024;

/// The memory that the process has of its own, in KiB: files that SQLite maps do not count.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"))
        .unwrap();
    line.trim().trim_end_matches(" kB").trim().parse().unwrap()
}

/// Counts what goes through it.
struct Nowhere(u64);

impl Write for Nowhere {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += u64::try_from(bytes.len()).unwrap();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
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

/// Adds so many blocks, each with a score, without judging them.
fn add(app: &Arc<App>, patient: Uuid, episode: Uuid, blocks: usize) {
    for _ in 0..blocks.div_ceil(500) {
        app.write(&service_principal(ORGANIZATION), move |unit| {
            for _ in 0..500 {
                let new = Stored::new(
                    unit.new_id(),
                    ORGANIZATION,
                    patient,
                    episode,
                    unit.now,
                    block(),
                );
                queries::blocks::insert(unit.tx, ORGANIZATION, &new)?;
                let row = ScoreRow {
                    taken_at: now().fixed_offset(),
                    score: Score::new(Scale::Nrs, 80).unwrap(),
                    context: Context::Current,
                    side: None,
                    stated_relief: None,
                    analgesic_taken: false,
                    reported_by: None,
                    answered_at: None,
                };
                let score =
                    Stored::new(unit.new_id(), ORGANIZATION, patient, new.id, unit.now, row);
                queries::scores::insert_many(unit.tx, ORGANIZATION, &[score])?;
            }
            Ok(())
        })
        .unwrap();
    }
}

/// By how much the process grew at most while it exported `dataset`, in KiB, and the bytes that were written.
fn grown(app: &Arc<App>, dataset: Dataset, format: Format, deidentify: bool) -> (u64, u64) {
    let principal = service_principal(ORGANIZATION);
    let choice = Choice {
        deidentify: Some(deidentify),
        ..Choice::all_of(Content::of(&[dataset]), format)
    };
    let wanted = Wanted::by(&principal, choice).unwrap();
    let mut out = Nowhere(0);
    let before = memory();
    let mut most = before;
    let mut progress = |_| {
        most = most.max(memory());
        Ok(())
    };
    medial::export::write(app, &principal, &wanted, &mut out, &mut progress).unwrap();
    (most - before, out.0)
}

#[test]
fn ten_times_the_rows_take_the_same_memory() {
    let name = format!("medial-memory-{:032x}", System::default().random());
    let directory = std::env::temp_dir().join(name);
    std::fs::create_dir(&directory).unwrap();
    let url = format!("sqlite://{}/medial.db", directory.display());
    let database = Database::open(&DatabaseSettings::new(url)).unwrap();
    database.migrate().unwrap();
    let settings = AppSettings {
        callers: std::sync::Arc::default(),
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
    let (patient, episode) = app
        .write(&service_principal(ORGANIZATION), |unit| {
            let id = unit.new_id();
            let nobody = Patient {
                identifiers: Vec::new(),
                family_name: None,
                given_name: None,
                birth_date: None,
                sex: None,
            };
            let patient = Stored::new(id, ORGANIZATION, id, id, unit.now, nobody);
            queries::patients::insert(unit.tx, ORGANIZATION, &patient)?;
            let value = Episode {
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
            };
            let episode = Stored::new(unit.new_id(), ORGANIZATION, id, id, unit.now, value);
            queries::episodes::insert(unit.tx, ORGANIZATION, &episode)?;
            Ok((id, episode.id))
        })
        .unwrap();
    let kinds = [
        (Dataset::Blocks, Format::Csv, false),
        (Dataset::Blocks, Format::Ndjson, true),
        (Dataset::Relief, Format::Ndjson, false),
        (Dataset::Scores, Format::Parquet, false),
        (Dataset::Blocks, Format::Arrow, false),
    ];
    add(&app, patient, episode, 2000);
    let small = kinds.map(|(dataset, format, deidentify)| grown(&app, dataset, format, deidentify));
    add(&app, patient, episode, 18_000);
    let large = kinds.map(|(dataset, format, deidentify)| grown(&app, dataset, format, deidentify));
    for ((kind, small), large) in kinds.iter().zip(small).zip(large) {
        println!(
            "{kind:?}: {} bytes, grew by {} KiB; {} bytes, grew by {} KiB",
            small.1, small.0, large.1, large.0
        );
        // Rows that are all alike take no room in Parquet.
        assert!(
            kind.1 == Format::Parquet || large.1 > small.1 * 9,
            "{kind:?}"
        );
        // All rows at once would be 40 MiB and more.
        assert!(large.0 < MOST_GROWTH, "{kind:?}: {small:?}, {large:?}");
    }
    drop(app);
    std::fs::remove_dir_all(directory).unwrap();
}
