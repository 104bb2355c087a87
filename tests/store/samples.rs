//! Synthetic records with random values, the same in every run.

use chrono::{DateTime, Days, FixedOffset, NaiveDate, TimeDelta, Utc};
use medial::auth::{Principal, Role};
use medial::db::queries::{self, adverse_events::After};
use medial::db::rows::{Judgement, Review, ReviewDecision};
use medial::db::{DbError, Stored, Tx};
use medial::domain::ablation::{Ablation, AblationTechnique, FollowUp};
use medial::domain::adverse_event::{AdverseEvent, AdverseEventCategory, Grade, Relation};
use medial::domain::anatomy::{Joint, Nerve, Region, Side, Target, TreatedSide};
use medial::domain::block::{Agent, Block, BlockKind, BlockTechnique, Guidance, Sedation};
use medial::domain::codes::DiagnosisCode;
use medial::domain::episode::{
    CareEntry, CareOutcome, Cause, DisabilityScore, Episode, Instrument, Radiculopathy,
};
use medial::domain::pain::{Context, Percent, ReportedBy, Scale, Score, ScoreRow};
use medial::domain::patient::{Identifier, Patient, Sex};
use medial::seam::{Outside, System};
use std::sync::OnceLock;
use uuid::Uuid;

/// The organization whose records are looked at.
pub const OURS: &str = "clinic-ours";
/// Another one in the same database.
pub const THEIRS: &str = "clinic-theirs";

/// A result in a closure given to the store.
pub type DbResult<T> = Result<T, DbError>;

/// Ids that ascend.
pub fn new_id() -> Uuid {
    static SYSTEM: OnceLock<System> = OnceLock::new();
    SYSTEM.get_or_init(System::default).new_id()
}

/// An instant with every digit of its microseconds in use.
pub fn instant() -> DateTime<Utc> {
    DateTime::from_timestamp_micros(1_764_000_000_123_457).unwrap()
}

pub fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

pub fn principal(organization: &str, role: Role) -> Principal {
    Principal {
        organization: organization.to_owned(),
        subject: "tester".to_owned(),
        role,
        scopes: None,
    }
}

/// Numbers that look random and are the same in every run (SplitMix64).
pub struct Dice(pub u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn within(&mut self, least: i64, most: i64) -> i64 {
        let width = u64::try_from(most - least + 1).unwrap();
        least + i64::try_from(self.next() % width).unwrap()
    }

    pub fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        let last = i64::try_from(of.len()).unwrap() - 1;
        of[usize::try_from(self.within(0, last)).unwrap()]
    }

    pub fn maybe<T>(&mut self, make: impl FnOnce(&mut Dice) -> T) -> Option<T> {
        (self.within(0, 2) > 0).then(|| make(self))
    }

    fn yes(&mut self) -> bool {
        self.within(0, 1) == 1
    }

    fn small(&mut self, most: i64) -> i32 {
        i32::try_from(self.within(0, most)).unwrap()
    }

    /// Texts that a careless store would change: of every script and plane, quoted, with blanks, empty.
    pub fn text(&mut self) -> String {
        let parts = [
            "Ärzte",
            "ИВАН",
            "中文",
            "😀",
            "e\u{301}",
            "'; --",
            "\"",
            "\\",
            "%_",
            " ",
            "\n",
            "ẞ",
            "İ",
            "",
            "\u{10ffff}",
            "?",
            "$1",
            "x",
        ];
        let many = self.within(1, 6);
        (0..many).map(|_| self.pick(&parts)).collect()
    }

    pub fn date(&mut self) -> NaiveDate {
        let days = u64::try_from(self.within(0, 60_000)).unwrap();
        day("1900-01-01") + Days::new(days)
    }

    pub fn at(&mut self) -> DateTime<Utc> {
        let micros = self.within(-2_000_000_000_000_000, 4_000_000_000_000_000);
        DateTime::from_timestamp_micros(micros).unwrap()
    }

    pub fn local(&mut self) -> DateTime<FixedOffset> {
        let minutes = i32::try_from(self.within(-1439, 1439)).unwrap();
        self.at()
            .with_timezone(&FixedOffset::east_opt(minutes * 60).unwrap())
    }

    fn joints(&mut self) -> Vec<Joint> {
        let all: Vec<Joint> = Joint::all().collect();
        let many = self.within(1, 4);
        (0..many).map(|_| self.pick(&all)).collect()
    }

    fn score(&mut self) -> Score {
        let scale = self.pick(Scale::ALL);
        let tenths = self.within(0, i64::from(scale.maximum_tenths()));
        Score::new(scale, i16::try_from(tenths).unwrap()).unwrap()
    }

    fn percent(&mut self) -> Percent {
        Percent::from_tenths(i16::try_from(self.within(-1000, 1000)).unwrap()).unwrap()
    }

    pub fn patient(&mut self) -> Patient {
        let many = self.within(0, 3);
        let identifiers = (0..many).map(|_| Identifier {
            system: "urn:medial:test".to_owned(),
            value: format!("{}{}", self.text(), new_id()),
        });
        Patient {
            identifiers: identifiers.collect(),
            family_name: self.maybe(Dice::text),
            given_name: self.maybe(Dice::text),
            birth_date: self.maybe(Dice::date),
            sex: self.maybe(|dice| dice.pick(Sex::ALL)),
        }
    }

    pub fn episode(&mut self) -> Episode {
        let care = |dice: &mut Dice| CareEntry {
            kind: dice.text(),
            start: dice.maybe(Dice::date),
            end: dice.maybe(Dice::date),
            outcome: dice.maybe(|dice| dice.pick(CareOutcome::ALL)),
        };
        let disability = |dice: &mut Dice| DisabilityScore {
            instrument: dice.pick(Instrument::ALL),
            score_tenths: dice.small(1000),
            maximum_tenths: dice.small(1000),
            taken_on: dice.date(),
        };
        Episode {
            region: self.pick(Region::ALL),
            diagnosis: self.maybe(|dice| dice.pick(DiagnosisCode::known())),
            onset_date: self.maybe(Dice::date),
            causes: (0..self.within(0, 3))
                .map(|_| self.pick(Cause::ALL))
                .collect(),
            axial: self.maybe(Dice::yes),
            radiculopathy: self.maybe(|dice| dice.pick(Radiculopathy::ALL)),
            other_causes_excluded: self.maybe(Dice::yes),
            worse_with_extension_or_rotation: self.maybe(Dice::yes),
            imaging_suggests_facet: self.maybe(Dice::yes),
            fused_joints: self.maybe(|dice| {
                if dice.yes() {
                    dice.joints()
                } else {
                    Vec::new()
                }
            }),
            conservative_care: (0..self.within(0, 3)).map(|_| care(self)).collect(),
            disability: (0..self.within(0, 3)).map(|_| disability(self)).collect(),
            assessment: self.maybe(Dice::text),
        }
    }

    pub fn block(&mut self) -> Block {
        let all_nerves: Vec<Nerve> = Nerve::all().collect();
        Block {
            performed_at: self.local(),
            kind: self.pick(BlockKind::ALL),
            technique: self.pick(BlockTechnique::ALL),
            joints: self.joints(),
            side: self.pick(TreatedSide::ALL),
            agent: self.maybe(|dice| dice.pick(Agent::ALL)),
            concentration_thousandths: self.maybe(|dice| dice.small(20_000)),
            volume_microlitres_per_nerve: self.maybe(|dice| dice.small(5_000)),
            steroid: self.maybe(Dice::yes),
            guidance: self.maybe(|dice| dice.pick(Guidance::ALL)),
            sedation: self.maybe(|dice| dice.pick(Sedation::ALL)),
            stated_relief: self.maybe(Dice::percent),
            stated_relief_minutes: self.maybe(|dice| dice.small(100_000)),
            duration_minutes: self.maybe(|dice| dice.small(100_000)),
            operator: self.maybe(Dice::text),
            site: self.maybe(Dice::text),
            corrected_nerves: self.maybe(|dice| {
                let many = dice.within(0, 3);
                (0..many).map(|_| dice.pick(&all_nerves)).collect()
            }),
            same_day_return: self.maybe(Dice::yes),
        }
    }

    pub fn score_row(&mut self) -> ScoreRow {
        ScoreRow {
            taken_at: self.local(),
            score: self.score(),
            context: self.pick(Context::ALL),
            side: self.maybe(|dice| dice.pick(Side::ALL)),
            stated_relief: self.maybe(Dice::percent),
            analgesic_taken: self.yes(),
            reported_by: self.maybe(|dice| dice.pick(ReportedBy::ALL)),
            answered_at: None,
        }
    }

    pub fn ablation(&mut self) -> Ablation {
        Ablation {
            performed_on: self.date(),
            joints: self.joints(),
            side: self.pick(TreatedSide::ALL),
            technique: self.maybe(|dice| dice.pick(AblationTechnique::ALL)),
            temperature_tenths_c: self.maybe(|dice| dice.small(1000)),
            pre_score: self.maybe(Dice::score),
            operator: self.maybe(Dice::text),
            site: self.maybe(Dice::text),
        }
    }

    pub fn follow_up(&mut self) -> FollowUp {
        FollowUp {
            taken_on: self.date(),
            score: self.maybe(Dice::score),
            stated_relief: self.maybe(Dice::percent),
            function_improvement: self.maybe(Dice::percent),
            pgic: self.maybe(|dice| u8::try_from(dice.within(1, 7)).unwrap()),
        }
    }

    pub fn event(&mut self) -> AdverseEvent {
        AdverseEvent {
            category: self.pick(AdverseEventCategory::ALL),
            grade: self.pick(Grade::ALL),
            onset_on: self.date(),
            relation: self.maybe(|dice| dice.pick(Relation::ALL)),
            resolved_on: self.maybe(Dice::date),
            note: self.maybe(Dice::text),
        }
    }

    pub fn judgement(&mut self, joint: &str, side: Side, profile: &str) -> Judgement {
        Judgement {
            target: Target {
                joint: Joint::from_code(joint).unwrap(),
                side,
            },
            profile: profile.to_owned(),
            profile_version: self.small(9) + 1,
            purpose: self.pick(&["initial", "repeat"]).to_owned(),
            verdict: self
                .pick(&[
                    "meets",
                    "needs_review",
                    "insufficient_data",
                    "does_not_meet",
                ])
                .to_owned(),
            next_step: self
                .pick(&[
                    "refer_for_ablation",
                    "record_scores",
                    "confirmatory_block",
                    "none",
                ])
                .to_owned(),
            earliest: self.maybe(Dice::date),
            changes_on: self.maybe(Dice::date),
            statuses: self.within(0, i64::MAX - 1),
            rediagnosed: self.yes(),
            relief_tenths: self.maybe(|dice| i32::try_from(dice.within(-500, 1000)).unwrap()),
            operator: self.maybe(Dice::text),
            last_block_on: self.maybe(Dice::date),
        }
    }

    pub fn review(&mut self, episode: Uuid) -> Review {
        let decision = self.pick(&[
            ReviewDecision::Referred,
            ReviewDecision::Declined,
            ReviewDecision::Deferred,
        ]);
        Review {
            id: new_id(),
            episode,
            decision,
            deferred_until: (decision == ReviewDecision::Deferred).then(|| self.date()),
            note: self.maybe(Dice::text),
            decided_by: self.text(),
            decided_at: self.at(),
            undone_at: None,
        }
    }
}

/// One record of every clinical kind, each belonging to the one before.
#[derive(Debug, Clone)]
pub struct Chart {
    pub patient: Stored<Patient>,
    pub episode: Stored<Episode>,
    pub block: Stored<Block>,
    pub scores: Vec<Stored<ScoreRow>>,
    pub ablation: Stored<Ablation>,
    pub follow_up: Stored<FollowUp>,
    pub after_block: Stored<AdverseEvent>,
    pub after_ablation: Stored<AdverseEvent>,
}

impl Chart {
    pub fn random(organization: &str, dice: &mut Dice) -> Chart {
        let now = instant();
        let id = new_id();
        let patient = Stored::new(id, organization, id, id, now, dice.patient());
        let of = |parent: Uuid| (new_id(), organization, id, parent, now);
        macro_rules! stored {
            ($parent:expr, $value:expr) => {{
                let (id, organization, patient, parent, now) = of($parent);
                Stored::new(id, organization, patient, parent, now, $value)
            }};
        }
        let episode = stored!(id, dice.episode());
        let block = stored!(episode.id, dice.block());
        let many = dice.within(1, 40);
        let scores = (0..many)
            .map(|_| stored!(block.id, dice.score_row()))
            .collect();
        let ablation = stored!(episode.id, dice.ablation());
        let follow_up = stored!(ablation.id, dice.follow_up());
        let after_block = stored!(block.id, dice.event());
        let after_ablation = stored!(ablation.id, dice.event());
        Chart {
            patient,
            episode,
            block,
            scores,
            ablation,
            follow_up,
            after_block,
            after_ablation,
        }
    }

    /// Stores all of it.
    pub fn insert(&self, tx: &mut Tx<'_>) -> DbResult<()> {
        let organization = self.patient.organization.as_str();
        queries::organizations::ensure(tx, organization, instant())?;
        queries::patients::insert(tx, organization, &self.patient)?;
        queries::episodes::insert(tx, organization, &self.episode)?;
        queries::blocks::insert(tx, organization, &self.block)?;
        queries::scores::insert_many(tx, organization, &self.scores)?;
        queries::ablations::insert(tx, organization, &self.ablation)?;
        queries::follow_ups::insert(tx, organization, &self.follow_up)?;
        let after = After::Block(self.block.id);
        queries::adverse_events::insert(tx, organization, &self.after_block, after)?;
        let after = After::Ablation(self.ablation.id);
        queries::adverse_events::insert(tx, organization, &self.after_ablation, after)
    }

    /// A stored chart.
    pub fn stored(database: &medial::db::Database, organization: &str, dice: &mut Dice) -> Chart {
        let chart = Chart::random(organization, dice);
        let inserted = chart.clone();
        database.write(move |tx| inserted.insert(tx)).unwrap();
        chart
    }
}

/// The instant so many seconds later.
pub fn later(seconds: i64) -> DateTime<Utc> {
    instant() + TimeDelta::seconds(seconds)
}
