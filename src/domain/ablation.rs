//! Radiofrequency ablation and what follows it.

use super::anatomy::{Joint, Target, TreatedSide};
use super::block::targets;
use super::pain::{Percent, Relief, Score};
use super::vocabulary::vocabulary;
use chrono::NaiveDate;

/// One radiofrequency ablation session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ablation {
    /// The day, by the local calendar.
    pub performed_on: NaiveDate,
    /// The joints treated; at least one, each once.
    pub joints: Vec<Joint>,
    /// The side or sides treated.
    pub side: TreatedSide,
    /// How the lesion was made.
    pub technique: Option<AblationTechnique>,
    /// The lesion's temperature, in tenths of a degree Celsius.
    pub temperature_tenths_c: Option<i32>,
    /// The score before the procedure, against which follow-ups are compared.
    pub pre_score: Option<Score>,
    /// Who performed it.
    pub operator: Option<String>,
    /// Where it was performed.
    pub site: Option<String>,
}

impl Ablation {
    /// The (joint, side) pairs treated.
    pub fn targets(&self) -> impl Iterator<Item = Target> + '_ {
        targets(&self.joints, self.side)
    }

    /// Whether `target` was treated.
    #[must_use]
    pub fn covers(&self, target: Target) -> bool {
        self.side.covers(target.side) && self.joints.contains(&target.joint)
    }
}

vocabulary! {
    /// How the lesion was made.
    AblationTechnique {
        /// Thermal.
        Thermal = "thermal", "thermal";
        /// Cooled.
        Cooled = "cooled", "cooled";
        /// Pulsed.
        Pulsed = "pulsed", "pulsed";
        /// Another way.
        Other = "other", "other";
    }
}

/// One follow-up after an ablation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowUp {
    /// The day.
    pub taken_on: NaiveDate,
    /// The score.
    pub score: Option<Score>,
    /// Relief as the patient states it.
    pub stated_relief: Option<Percent>,
    /// Stated improvement of painful movements or daily activities.
    pub function_improvement: Option<Percent>,
    /// Patient global impression of change, 1 (very much improved) to 7 (very much worse).
    pub pgic: Option<u8>,
}

/// Relief at a follow-up: computed from scores where that is possible, else as stated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FollowUpRelief {
    /// From the follow-up's score against the score before the ablation.
    Scored(Relief),
    /// As the patient states it.
    Stated(Percent),
}

impl FollowUp {
    /// Its relief against `pre_score`; `None` where neither scores of one scale nor a statement are there.
    #[must_use]
    pub fn relief(&self, pre_score: Option<Score>) -> Option<FollowUpRelief> {
        let scored = pre_score
            .zip(self.score)
            .and_then(|(before, after)| Relief::between(before, after));
        scored
            .map(FollowUpRelief::Scored)
            .or(self.stated_relief.map(FollowUpRelief::Stated))
    }
}

impl FollowUpRelief {
    /// Whether it is at least `threshold`.
    #[must_use]
    pub fn reaches(self, threshold: super::pain::Threshold) -> bool {
        match self {
            FollowUpRelief::Scored(relief) => relief.reaches(threshold),
            FollowUpRelief::Stated(percent) => percent.reaches(threshold),
        }
    }

    /// In tenths of a percent, rounded down, for showing only.
    #[must_use]
    pub fn floor_tenths(self) -> i32 {
        match self {
            FollowUpRelief::Scored(relief) => relief.floor_tenths(),
            FollowUpRelief::Stated(percent) => i32::from(percent.tenths()),
        }
    }
}
