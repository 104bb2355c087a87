//! Scales, scores in integer tenths, percentages, and relief compared without rounding.

use super::anatomy::Side;
use super::ids::ScoreId;
use super::vocabulary::vocabulary;
use chrono::{DateTime, FixedOffset, NaiveDate, TimeDelta, Utc};
use std::fmt;

vocabulary! {
    /// A pain scale. Relief is only ever computed within one scale. Ordered as series are chosen: NRS first.
    Scale {
        /// Numeric rating scale, 0 to 10 (LOINC 72514-3).
        Nrs = "nrs", "NRS";
        /// Visual analogue scale, 0 to 100 mm (LOINC 38214-3).
        Vas = "vas", "VAS";
    }
}

impl Scale {
    /// The highest score, in tenths of the scale's unit.
    #[must_use]
    pub const fn maximum_tenths(self) -> i16 {
        match self {
            Scale::Nrs => 100,
            Scale::Vas => 1000,
        }
    }

    /// How many units of this scale one NRS point is worth.
    #[must_use]
    pub const fn per_nrs_point(self) -> i32 {
        match self {
            Scale::Nrs => 1,
            Scale::Vas => 10,
        }
    }
}

vocabulary! {
    /// What the patient was doing when the score was taken. Ordered as series are chosen: movement first.
    Context {
        /// During the movement that usually hurts.
        Movement = "movement", "with movement";
        /// Not specified.
        Current = "current", "current";
        /// At rest.
        Rest = "rest", "at rest";
    }
}

/// One score on one scale, in tenths of the scale's unit: NRS 7.5 is 75, VAS 42 mm is 420.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Score {
    scale: Scale,
    tenths: i16,
}

/// Why a number is no score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScoreError {
    /// Below 0.
    Negative,
    /// Above the scale's maximum.
    AboveScale,
}

impl Score {
    /// A score of `tenths` tenths on `scale`.
    ///
    /// # Errors
    /// [`ScoreError`] outside 0 to the scale's maximum.
    pub const fn new(scale: Scale, tenths: i16) -> Result<Score, ScoreError> {
        if tenths < 0 {
            return Err(ScoreError::Negative);
        }
        if tenths > scale.maximum_tenths() {
            return Err(ScoreError::AboveScale);
        }
        Ok(Score { scale, tenths })
    }

    /// The scale.
    #[must_use]
    pub const fn scale(self) -> Scale {
        self.scale
    }

    /// The value in tenths of the scale's unit.
    #[must_use]
    pub const fn tenths(self) -> i16 {
        self.tenths
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.scale {
            Scale::Nrs => "/10",
            Scale::Vas => " mm",
        };
        write!(
            f,
            "{} {}{}",
            self.scale,
            Tenths(i32::from(self.tenths)),
            unit
        )
    }
}

/// A number of tenths, shown without a trailing zero: 75 is `7.5`, 80 is `8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tenths(pub i32);

impl fmt::Display for Tenths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / 10, (self.0 % 10).abs());
        let sign = if self.0 < 0 && whole == 0 { "-" } else { "" };
        if rest == 0 {
            write!(f, "{sign}{whole}")
        } else {
            write!(f, "{sign}{whole}.{rest}")
        }
    }
}

/// A percentage somebody stated, in tenths of a percent; from -100 % (worse) to 100 %.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Percent(i16);

impl Percent {
    /// A percentage of `tenths` tenths of a percent; `None` outside -1000 to 1000.
    #[must_use]
    pub const fn from_tenths(tenths: i16) -> Option<Percent> {
        if tenths < -1000 || tenths > 1000 {
            None
        } else {
            Some(Percent(tenths))
        }
    }

    /// In tenths of a percent.
    #[must_use]
    pub const fn tenths(self) -> i16 {
        self.0
    }

    /// Whether it is at least `threshold`.
    #[must_use]
    pub const fn reaches(self, threshold: Threshold) -> bool {
        // Widening casts of small integers; `From` is not usable in a const function.
        #[allow(clippy::as_conversions)]
        let reached = self.0 as i32 >= threshold.percent() as i32 * 10;
        reached
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", Tenths(i32::from(self.0)))
    }
}

/// A relief threshold in whole percent, 1 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Threshold(u8);

impl Threshold {
    /// `percent` as a threshold; `None` outside 1 to 100.
    #[must_use]
    pub const fn new(percent: u8) -> Option<Threshold> {
        if percent == 0 || percent > 100 {
            None
        } else {
            Some(Threshold(percent))
        }
    }

    /// 50 %: what counts as returned pain, and as success of an ablation, where a profile gives no number.
    pub const FIFTY: Threshold = Threshold(50);
    /// 75 %.
    pub const SEVENTY_FIVE: Threshold = Threshold(75);
    /// 80 %: what most payers ask for.
    pub const EIGHTY: Threshold = Threshold(80);
    /// 100 %: complete relief.
    pub const HUNDRED: Threshold = Threshold(100);

    /// In whole percent.
    #[must_use]
    pub const fn percent(self) -> u8 {
        self.0
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.0)
    }
}

/// Relief between two scores of one scale, kept as the two integers it is made of so that no comparison rounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Relief {
    baseline: i16,
    later: i16,
}

impl Relief {
    /// Relief from `baseline` to `later`; `None` where it is undefined: on different scales or from a baseline of 0.
    #[must_use]
    pub fn between(baseline: Score, later: Score) -> Option<Relief> {
        let comparable = baseline.scale == later.scale && baseline.tenths > 0;
        comparable.then_some(Relief {
            baseline: baseline.tenths,
            later: later.tenths,
        })
    }

    /// Whether (baseline - score) / baseline × 100 is at least `threshold`: exact, no rounding up.
    #[must_use]
    pub fn reaches(self, threshold: Threshold) -> bool {
        let gained = (i32::from(self.baseline) - i32::from(self.later)) * 100;
        gained >= i32::from(threshold.percent()) * i32::from(self.baseline)
    }

    /// In tenths of a percent, rounded down, for showing and sorting only.
    #[must_use]
    pub fn floor_tenths(self) -> i32 {
        let gained = (i32::from(self.baseline) - i32::from(self.later)) * 1000;
        gained.div_euclid(i32::from(self.baseline))
    }
}

/// One diary row: a score at a time, with what was recorded beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScoreRow {
    /// When it was taken, in the offset it was recorded with.
    pub taken_at: DateTime<FixedOffset>,
    /// The score.
    pub score: Score,
    /// What the patient was doing.
    pub context: Context,
    /// The side that was rated; `None` where the sides were not told apart.
    pub side: Option<Side>,
    /// Relief as the patient states it.
    pub stated_relief: Option<Percent>,
    /// Whether an analgesic was taken at this time, after the score.
    pub analgesic_taken: bool,
    /// Who reported it.
    pub reported_by: Option<ReportedBy>,
    /// When the patient answered, where that is known apart from when the score was recorded: a phone that was offline
    /// sends later.
    pub answered_at: Option<DateTime<Utc>>,
}

impl ScoreRow {
    /// The local calendar date, in the offset it was recorded with.
    #[must_use]
    pub fn local_date(&self) -> NaiveDate {
        self.taken_at.date_naive()
    }

    /// Whether it was entered so long after it was taken that it rests on memory.
    #[must_use]
    pub fn is_retrospective(&self, recorded_at: DateTime<Utc>) -> bool {
        match self.answered_at {
            Some(answered_at) => {
                answered_at.signed_duration_since(self.taken_at) > ANSWERED_LATE_AFTER
            }
            None => recorded_at.signed_duration_since(self.taken_at) > RETROSPECTIVE_AFTER,
        }
    }
}

/// A score entered later than this after it was taken is marked as retrospective. No source gives a number: a diary
/// that a clinic copies the next morning is still a diary.
pub const RETROSPECTIVE_AFTER: TimeDelta = TimeDelta::hours(24);

/// The same where it is known when the patient answered: then nothing has to be allowed for copying. No source gives a
/// number here either; an hour is the diary's own step through the day.
pub const ANSWERED_LATE_AFTER: TimeDelta = TimeDelta::hours(1);

/// A diary row as an evaluation reads it: with its identity and its place in the order of recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedScore {
    /// Its identity.
    pub id: ScoreId,
    /// Its place in the order of recording: of two rows at one instant the higher one stands.
    pub sequence: u128,
    /// The row.
    pub row: ScoreRow,
}

vocabulary! {
    /// Who reported a score.
    ReportedBy {
        /// The patient.
        Patient = "patient", "patient";
        /// Clinic staff.
        Clinician = "clinician", "clinician";
        /// A device or another system.
        System = "system", "system";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relief(before: i16, after: i16) -> Relief {
        let score = |tenths| Score::new(Scale::Nrs, tenths).unwrap();
        Relief::between(score(before), score(after)).unwrap()
    }

    #[test]
    fn relief_is_never_rounded_up() {
        let eighty = Threshold::new(80).unwrap();
        assert!(!relief(80, 20).reaches(eighty));
        assert!(!relief(90, 20).reaches(eighty));
        assert!(relief(100, 20).reaches(eighty));
        assert_eq!(relief(90, 20).floor_tenths(), 777);
        assert_eq!(relief(40, 60).floor_tenths(), -500);
    }

    #[test]
    fn relief_from_zero_is_undefined() {
        let zero = Score::new(Scale::Nrs, 0).unwrap();
        assert_eq!(Relief::between(zero, zero), None);
    }

    #[test]
    fn scores_outside_the_scale_are_refused() {
        assert_eq!(Score::new(Scale::Nrs, -1), Err(ScoreError::Negative));
        assert_eq!(Score::new(Scale::Nrs, 101), Err(ScoreError::AboveScale));
        assert_eq!(
            Score::new(Scale::Vas, 1000).unwrap().to_string(),
            "VAS 100 mm"
        );
    }
}
