//! A service on SQLite whose memory is measured, and records to fill it with that are all alike and long.

#![allow(dead_code, reason = "each test file uses its part of this")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "only tests call this: what cannot be set up fails the test"
)]

use super::program::Directory;
use chrono::{DateTime, TimeDelta, Utc};
use medial::app::clients::SmartSettings;
use medial::app::diary::DiarySettings;
use medial::app::people::SignInSettings;
use medial::app::subscriptions::SubscriptionSettings;
use medial::app::{App, AppSettings, Result, Stored, Unit, profiles};
use medial::auth::DiaryKey;
use medial::db::{Database, DatabaseSettings, queries};
use medial::domain::anatomy::{Joint, Region, TreatedSide};
use medial::domain::block::{Block, BlockKind, BlockTechnique};
use medial::domain::episode::Episode;
use medial::domain::pain::{Context, Scale, Score, ScoreRow};
use medial::domain::patient::Patient;
use medial::seam::Fixed;
use std::cell::Cell;
use std::sync::Arc;
use uuid::Uuid;

/// Whose records they are.
pub const ORGANIZATION: &str = "north";

/// By how much a process may grow that does not hold all records at once, in KiB: a few chunks, far less than all.
pub const MOST_GROWTH: u64 = 8 * 1024;

/// A service on a database of its own, which goes with it.
pub struct Measured {
    /// The service.
    pub app: Arc<App>,
    /// Last, so that it is removed after the database is closed.
    _directory: Directory,
}

impl Measured {
    /// One without any records.
    pub fn new() -> Measured {
        let directory = Directory::new();
        let url = format!("sqlite://{}/medial.db", directory.path().display());
        let database = Database::open(&DatabaseSettings::new(url)).unwrap();
        database.migrate().unwrap();
        let settings = AppSettings {
            callers: Arc::default(),
            subscriptions: SubscriptionSettings::default(),
            time_zone: chrono_tz::UTC,
            active_profiles: None,
            export_directory: directory.path().join("exports"),
            pseudonym_key: b"a key that only these tests know".to_vec(),
            sign_in: SignInSettings::default(),
            diary: DiarySettings::new(DiaryKey::new(b"a key for links"), "http://medial.test"),
            smart: SmartSettings::new(b"a secret that only these tests know of"),
        };
        let built_in = profiles::built_in().unwrap();
        Measured {
            app: App::new(database, Fixed::at(now()), settings, built_in),
            _directory: directory,
        }
    }
}

/// When everything happens.
pub fn now() -> DateTime<Utc> {
    "2026-02-01T12:00:00Z".parse().unwrap()
}

/// By how much the process grew at most while it did `work`, in KiB, as far as that looked, and what came of it.
pub fn grown<T>(work: impl FnOnce(&dyn Fn()) -> T) -> (u64, T) {
    let before = memory();
    let most = Cell::new(before);
    let done = work(&|| most.set(most.get().max(memory())));
    (most.get() - before, done)
}

/// The memory that the process has of its own, in KiB: files that SQLite maps do not count.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"))
        .unwrap();
    line.trim().trim_end_matches(" kB").trim().parse().unwrap()
}

/// Records a patient of whom nothing is known, and an episode.
pub fn record_patient(unit: &mut Unit<'_, '_>) -> Result<(Uuid, Uuid)> {
    let (id, now) = (unit.new_id(), unit.now);
    let patient = Stored::new(id, ORGANIZATION, id, id, now, nobody());
    queries::patients::insert(unit.tx, ORGANIZATION, &patient)?;
    let episode = Stored::new(unit.new_id(), ORGANIZATION, id, id, now, episode());
    queries::episodes::insert(unit.tx, ORGANIZATION, &episode)?;
    Ok((id, episode.id))
}

/// Records a block of an episode, with a score at each of `minutes` after it. Nothing is judged.
pub fn record_block(
    unit: &mut Unit<'_, '_>,
    patient: Uuid,
    episode: Uuid,
    minutes: impl IntoIterator<Item = i64>,
) -> Result<()> {
    let now = unit.now;
    let new = Stored::new(unit.new_id(), ORGANIZATION, patient, episode, now, block());
    queries::blocks::insert(unit.tx, ORGANIZATION, &new)?;
    let scores: Vec<Stored<ScoreRow>> = minutes
        .into_iter()
        .map(|minutes| {
            let row = score(minutes);
            Stored::new(unit.new_id(), ORGANIZATION, patient, new.id, now, row)
        })
        .collect();
    queries::scores::insert_many(unit.tx, ORGANIZATION, &scores)?;
    Ok(())
}

fn nobody() -> Patient {
    Patient {
        identifiers: Vec::new(),
        family_name: None,
        given_name: None,
        birth_date: None,
        sex: None,
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
