//! A plainly synthetic cohort: nobody in it is, or resembles, a person.
//!
//! Shares lie near published ones where there are any: of first blocks 90 of 167 and of second ones 66 of 90 are
//! positive at 80 % (Sherwood 2022); adverse events as in the FACTS trial (handbook, section 6). The rest is made up so
//! that every verdict and every next step occurs.

use super::diary::{Diary, Effect, Kept};
use super::dice::Dice;
use chrono::{DateTime, Days, Duration, FixedOffset, NaiveDate, NaiveTime};
use serde_json::{Value, json};

/// What happened to one patient, in time order.
pub(super) struct Course {
    /// The patient, as the API takes one.
    pub patient: Value,
    /// The episode.
    pub episode: Value,
    /// What was recorded, and when.
    pub steps: Vec<Step>,
}

/// Something that was recorded.
pub(super) struct Step {
    /// The day and time of its recording.
    pub recorded_at: DateTime<FixedOffset>,
    /// What it was.
    pub what: What,
}

/// What was recorded, in the shapes of the API.
pub(super) enum What {
    /// A block with the scores of its first day.
    Block(Value),
    /// The rest of a block's diary, copied by the clinic.
    Scores {
        /// Whose: 0 is the course's first block.
        block: usize,
        /// The rows.
        rows: Vec<Value>,
    },
    /// An adverse event after the latest block.
    BlockEvent(Value),
    /// An ablation.
    Ablation(Value),
    /// A follow-up of the latest ablation.
    FollowUp(Value),
    /// An adverse event after the latest ablation.
    AblationEvent(Value),
}

/// The course of patient `number` (from 1), as seen on `today`.
pub(super) fn course(seed: u64, number: u32, today: NaiveDate) -> Course {
    let mut dice = Dice::of(seed, number);
    Teller::new(&mut dice, number, today).tell()
}

/// Where the pain is, and how it is treated.
struct Pain {
    region: &'static str,
    joints: &'static [&'static str],
    side: &'static str,
    instrument: &'static str,
}

impl Pain {
    fn of(dice: &mut Dice) -> Pain {
        let lumbar: [&[&str]; 3] = [&["L4-5", "L5-S1"], &["L4-5"], &["L3-4", "L4-5"]];
        let side = dice.pick("right", &["left", "left", "right", "bilateral"]);
        let place = dice.between(1, 100);
        let (region, instrument, joints) = match place {
            1..=72 => {
                let three_levels: &[&str] = &["L3-4", "L4-5", "L5-S1"];
                let [first, others @ ..] = lumbar;
                let joints = if dice.chance(5) {
                    three_levels
                } else {
                    dice.pick(first, &others)
                };
                ("lumbar", "odi", joints)
            }
            73..=95 => {
                let joints: &[&str] = if dice.chance(60) {
                    &["C4-5", "C5-6"]
                } else {
                    &["C2-3", "C3-4"]
                };
                ("cervical", "ndi", joints)
            }
            _ => ("thoracic", "pdi", &["T6-7", "T7-8"][..]),
        };
        Pain {
            region,
            joints,
            side,
            instrument,
        }
    }
}

struct Teller<'d> {
    dice: &'d mut Dice,
    number: u32,
    today: NaiveDate,
    pain: Pain,
    baseline: i64,
    scale: &'static str,
    /// Facts that this patient's record lacks.
    thin: bool,
    steps: Vec<Step>,
}

impl<'d> Teller<'d> {
    fn new(dice: &'d mut Dice, number: u32, today: NaiveDate) -> Teller<'d> {
        let pain = Pain::of(dice);
        let baseline = dice.between(5, 9);
        let scale = if dice.chance(10) { "vas" } else { "nrs" };
        let thin = dice.chance(12);
        Teller {
            dice,
            number,
            today,
            pain,
            baseline,
            scale,
            thin,
            steps: Vec::new(),
        }
    }

    fn tell(mut self) -> Course {
        let long_ago = self.dice.chance(12);
        let ago = if long_ago {
            self.dice.between(820, 1100)
        } else {
            self.dice.between(3, 420)
        };
        let first_day = before(self.today, ago);
        let episode = self.episode(first_day);
        if self.dice.chance(5) {
            self.therapeutic(first_day);
        } else {
            self.diagnostic(first_day);
        }
        let today = self.today;
        self.steps
            .retain(|step| step.recorded_at.date_naive() <= today);
        self.steps.sort_by_key(|step| step.recorded_at);
        Course {
            patient: self.patient(),
            episode,
            steps: self.steps,
        }
    }

    fn patient(&mut self) -> Value {
        let born = before(self.today, self.dice.between(35 * 365, 88 * 365));
        json!({
            "identifiers": [{"system": "urn:example:mrn", "value": format!("DEMO-{:05}", self.number)}],
            "family_name": format!("Synthetic-{:05}", self.number),
            "given_name": "Demo",
            "birth_date": born,
            "sex": self.dice.pick("female", &["female", "male"]),
        })
    }

    fn episode(&mut self, first_day: NaiveDate) -> Value {
        let onset = before(first_day, self.dice.between(60, 900));
        let care_from = before(first_day, self.dice.between(40, 200)).max(onset);
        let care_weeks = self.dice.between(3, 20);
        let care_to = after(care_from, care_weeks * 7).min(first_day);
        let taken_on = before(first_day, self.dice.between(1, 14));
        let mut episode = json!({
            "region": self.pain.region,
            "onset_date": onset,
            "causes": [self.dice.pick("degeneration", &["degeneration", "injury", "strain"])],
            "axial": !self.dice.chance(3),
            "radiculopathy": if self.dice.chance(3) { "untreated" } else { "none" },
            "other_causes_excluded": true,
            "worse_with_extension_or_rotation": true,
            "imaging_suggests_facet": self.dice.chance(80),
            "fused_joints": if self.dice.chance(3) { self.pain.joints } else { &[] },
            "conservative_care": [
                {"kind": "physical_therapy", "start": care_from, "end": care_to, "outcome": "failed"},
                {"kind": "medication", "start": care_from, "outcome": if self.dice.chance(70) { "failed" } else { "partial" }},
            ],
            "disability": [
                {"instrument": self.pain.instrument, "score": self.dice.between(20, 60), "maximum": if self.pain.instrument == "pdi" { 70 } else { 100 }, "taken_on": taken_on},
            ],
        });
        let missing = if self.thin {
            self.dice.pick(
                &["onset_date"][..],
                &[
                    &["conservative_care"][..],
                    &["fused_joints", "axial"],
                    &["radiculopathy"],
                    &["other_causes_excluded", "disability"],
                ],
            )
        } else {
            &[][..]
        };
        if let Some(facts) = episode.as_object_mut() {
            facts.retain(|name, _| !missing.contains(&name.as_str()));
        }
        episode
    }

    /// A first block; where it relieves, a second; where that does too, often an ablation.
    fn diagnostic(&mut self, first_day: NaiveDate) {
        let first_positive = self.dice.share(90, 167);
        let first = self.block(first_day, "lidocaine", first_positive);
        let lost = self.dice.chance(12);
        if !first_positive || lost || !first {
            return;
        }
        let too_early = self.dice.chance(5);
        let interval = if too_early {
            self.dice.between(7, 13)
        } else {
            self.dice.between(14, 60)
        };
        let second_day = after(first_day, interval);
        let second_positive = self.dice.share(66, 90);
        let agent = if self.dice.chance(75) {
            "bupivacaine"
        } else {
            "lidocaine"
        };
        self.block(second_day, agent, second_positive);
        let goes_on = second_positive && !too_early && self.dice.chance(75);
        if goes_on {
            let waiting = self.dice.between(14, 120);
            self.ablation(after(second_day, waiting));
        }
    }

    /// Whether the diary reaches far enough to tell what the block did.
    fn block(&mut self, day: NaiveDate, agent: &'static str, positive: bool) -> bool {
        let performed_at = self.morning(day);
        let kept = match self.dice.between(1, 100) {
            1..=12 => Kept::Until(self.dice.between(2, 4) * 60),
            13..=15 => Kept::WithoutBaseline,
            16..=18 => Kept::NotAfter,
            _ => Kept::Fully,
        };
        let sides = self.effects(agent, positive);
        let (first_day, later) = Diary {
            performed_at,
            sides: &sides,
            scale: self.scale,
            kept,
        }
        .rows(self.dice);
        let effect = sides.first().map(|(_, effect)| *effect);
        let block = self.session(performed_at, agent, effect, &first_day);
        self.note(performed_at + Duration::hours(9), What::Block(block));
        if !later.is_empty() {
            // The next block may come before the diary's two weeks are over.
            let blocks = self
                .steps
                .iter()
                .filter(|step| matches!(step.what, What::Block(_)));
            let diary = What::Scores {
                block: blocks.count() - 1,
                rows: later,
            };
            self.note(performed_at + Duration::days(15), diary);
        }
        if self.dice.share(8, 92) {
            let category = self
                .dice
                .pick("soreness", &["soreness", "vasovagal_reaction", "numbness"]);
            let event = minor(category, after(day, 1), after(day, 4));
            self.note(performed_at + Duration::days(5), What::BlockEvent(event));
        }
        matches!(kept, Kept::Fully | Kept::Until(_))
    }

    /// What the block does on each side that is rated by itself.
    fn effects(&mut self, agent: &str, positive: bool) -> Vec<(Option<&'static str>, Effect)> {
        let sides: &[Option<&str>] = if self.pain.side == "bilateral" {
            &[Some("left"), Some("right")]
        } else {
            &[None]
        };
        let minutes = match agent {
            "lidocaine" => self.dice.between(75, 260),
            // A pair is discordant where the longer-acting agent relieves for less time than the shorter-acting one.
            _ if self.dice.chance(15) => self.dice.between(45, 90),
            _ => self.dice.between(180, 480),
        };
        let minutes = if self.dice.chance(7) {
            self.dice.between(2, 9) * 24 * 60
        } else {
            minutes
        };
        let baseline = self.baseline;
        sides
            .iter()
            .map(|side| {
                let lowest = if positive {
                    self.dice.between(0, baseline / 5)
                } else if self.dice.chance(50) {
                    self.dice.between(baseline / 4 + 1, baseline / 2)
                } else {
                    self.dice.between(baseline - 2, baseline)
                };
                let effect = Effect {
                    baseline,
                    lowest,
                    minutes,
                };
                (*side, effect)
            })
            .collect()
    }

    fn session(
        &mut self,
        performed_at: DateTime<FixedOffset>,
        agent: &str,
        effect: Option<Effect>,
        scores: &[Value],
    ) -> Value {
        let concentration = match agent {
            "lidocaine" => json!(2),
            _ => json!(0.5),
        };
        let mut block = json!({
            "performed_at": performed_at.to_rfc3339(),
            "kind": "diagnostic", "technique": "medial_branch",
            "joints": self.pain.joints, "side": self.pain.side,
            "agent": agent, "concentration_percent": concentration,
            "volume_ml_per_nerve": if self.dice.chance(6) { json!(0.8) } else { json!(0.5) },
            "steroid": self.dice.chance(7),
            "guidance": if self.dice.chance(6) { "ultrasound" } else { "fluoroscopy" },
            "sedation": if self.dice.chance(7) { "minimal" } else { "none" },
            "duration_minutes": self.dice.between(12, 30),
            "operator": format!("operator-{}", self.dice.between(1, 4)),
            "site": self.dice.pick("site-a", &["site-b"]),
            "same_day_return": self.dice.chance(80),
            "scores": scores,
        });
        let stated = effect.filter(|_| self.dice.chance(60)).map(|effect| {
            // What patients state is at times higher than what their scores say.
            let more = if self.dice.chance(18) { 25 } else { 0 };
            (effect.percent() + more).clamp(0, 100)
        });
        if let Some(fields) = block.as_object_mut() {
            if let Some(stated) = stated {
                fields.insert("stated_relief_percent".to_owned(), json!(stated));
            }
            if self.thin && self.dice.chance(40) {
                fields.remove("guidance");
            }
        }
        block
    }

    /// An injection that is no diagnostic block, with nothing after it.
    fn therapeutic(&mut self, day: NaiveDate) {
        let performed_at = self.morning(day);
        let mut block = self.session(performed_at, "bupivacaine", None, &[]);
        if let Some(fields) = block.as_object_mut() {
            fields.insert("kind".to_owned(), json!("therapeutic"));
            fields.insert("technique".to_owned(), json!("intra_articular"));
            fields.insert("steroid".to_owned(), json!(true));
        }
        self.note(performed_at + Duration::hours(9), What::Block(block));
    }

    fn ablation(&mut self, day: NaiveDate) {
        let performed_at = self.morning(day);
        let before_it = self.baseline;
        let scored = |points: i64, scale: &str| {
            let value = if scale == "vas" { points * 10 } else { points };
            json!({"scale": scale, "value": value})
        };
        let ablation = json!({
            "performed_on": day, "joints": self.pain.joints, "side": self.pain.side,
            "technique": self.dice.pick("thermal", &["thermal", "cooled"]),
            "temperature_c": 80,
            "pre_score": scored(before_it, self.scale),
            "operator": format!("operator-{}", self.dice.between(1, 4)),
            "site": "site-a",
        });
        self.note(performed_at + Duration::hours(9), What::Ablation(ablation));
        if self.dice.share(7, 136) {
            let category = if self.dice.share(3, 7) {
                "neuritis"
            } else {
                "soreness"
            };
            let event = minor(category, after(day, 3), after(day, 20));
            self.note(
                performed_at + Duration::days(21),
                What::AblationEvent(event),
            );
        }
        let helps = self.dice.chance(75);
        let fades_after = self.dice.between(150, 420);
        for (days, spread) in [(42, 10), (91, 10), (183, 14), (365, 20), (730, 20)] {
            if self.dice.chance(15) {
                continue;
            }
            let taken_after = days + self.dice.between(0, spread);
            let in_relief = helps && taken_after < fades_after;
            let pain = if in_relief {
                self.dice.between(0, before_it / 3)
            } else {
                self.dice.between(before_it * 2 / 3, before_it)
            };
            let percent = (before_it - pain) * 100 / before_it.max(1);
            let follow_up = json!({
                "taken_on": after(day, taken_after),
                "score": scored(pain, self.scale),
                "stated_relief_percent": percent,
                "function_improvement_percent": (percent - 10).max(0),
                "pgic": if in_relief { 2 } else { 4 },
            });
            let recorded_at = self.morning(after(day, taken_after)) + Duration::hours(1);
            self.note(recorded_at, What::FollowUp(follow_up));
        }
    }

    fn note(&mut self, recorded_at: DateTime<FixedOffset>, what: What) {
        self.steps.push(Step { recorded_at, what });
    }

    /// Nine in the morning and some minutes, five hours west of Greenwich.
    fn morning(&mut self, day: NaiveDate) -> DateTime<FixedOffset> {
        let minutes = self.dice.between(0, 150);
        let midnight = day.and_time(NaiveTime::MIN).and_utc();
        let west = FixedOffset::west_opt(5 * 3600).unwrap_or(chrono::Offset::fix(&chrono::Utc));
        (midnight + Duration::hours(14) + Duration::minutes(minutes)).with_timezone(&west)
    }
}

fn minor(category: &str, onset_on: NaiveDate, resolved_on: NaiveDate) -> Value {
    json!({"category": category, "grade": "minor", "onset_on": onset_on, "relation": "related", "resolved_on": resolved_on})
}

fn before(day: NaiveDate, days: i64) -> NaiveDate {
    u64::try_from(days)
        .ok()
        .and_then(|days| day.checked_sub_days(Days::new(days)))
        .unwrap_or(day)
}

fn after(day: NaiveDate, days: i64) -> NaiveDate {
    u64::try_from(days)
        .ok()
        .and_then(|days| day.checked_add_days(Days::new(days)))
        .unwrap_or(day)
}
