//! One block's diary on the handbook's schedule (section 3): every 15 minutes for an hour, hourly to 8 hours, daily for
//! two weeks.

use super::dice::Dice;
use chrono::{DateTime, Duration, FixedOffset};
use serde_json::{Map, Value, json};

/// How a block acts on one side.
#[derive(Debug, Clone, Copy)]
pub(super) struct Effect {
    /// Pain before, in NRS points.
    pub baseline: i64,
    /// Pain while the anesthetic acts.
    pub lowest: i64,
    /// For how long it acts.
    pub minutes: i64,
}

impl Effect {
    /// The relief while it acts, in whole percent rounded down.
    pub(super) fn percent(self) -> i64 {
        (self.baseline - self.lowest) * 100 / self.baseline.max(1)
    }

    fn pain_after(self, minutes: i64, dice: &mut Dice) -> i64 {
        let wears_off = self.minutes + self.minutes / 4;
        if minutes <= self.minutes {
            return self.lowest;
        }
        if minutes <= wears_off {
            return self.lowest + (self.baseline - self.lowest) / 2;
        }
        (self.baseline - dice.between(0, 1)).max(0)
    }
}

/// How well a diary was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    /// To the end, with a gap here and there.
    Fully,
    /// Until so many minutes after the injection.
    Until(i64),
    /// Without a score before the injection.
    WithoutBaseline,
    /// Not at all after the injection.
    NotAfter,
}

/// What a diary is about.
pub(super) struct Diary<'d> {
    /// The instant of the injection.
    pub performed_at: DateTime<FixedOffset>,
    /// The sides that were rated, each by itself, or none where they were not told apart.
    pub sides: &'d [(Option<&'static str>, Effect)],
    /// `nrs`, or `vas` with ten times the points.
    pub scale: &'static str,
    /// How well it was kept.
    pub kept: Kept,
}

/// Minutes after the injection at which the handbook's diary asks.
fn schedule() -> impl Iterator<Item = i64> {
    let first_hour = (1..=4).map(|quarter| quarter * 15);
    let first_day = (2..=8).map(|hour| hour * 60);
    let two_weeks = (1..=14).map(|day| day * 24 * 60);
    first_hour.chain(first_day).chain(two_weeks)
}

impl Diary<'_> {
    /// The rows of the first day, and those of the two weeks after it.
    pub(super) fn rows(&self, dice: &mut Dice) -> (Vec<Value>, Vec<Value>) {
        let (mut first_day, mut later) = (Vec::new(), Vec::new());
        if self.kept != Kept::WithoutBaseline {
            for (side, effect) in self.sides {
                first_day.push(self.row(-30, *side, effect.baseline, None, false));
            }
        }
        // Who cannot bear it takes something late on the first day, and what follows tells nothing about the block.
        let analgesic = dice.chance(8).then(|| dice.between(5, 8) * 60);
        for minutes in schedule() {
            let over = match self.kept {
                Kept::NotAfter => true,
                Kept::Until(last) => minutes > last,
                Kept::Fully | Kept::WithoutBaseline => dice.chance(10),
            };
            if over {
                continue;
            }
            for (side, effect) in self.sides {
                let pain = effect.pain_after(minutes, dice);
                let stated = (minutes <= 60 && dice.chance(40)).then(|| effect.percent());
                let row = self.row(minutes, *side, pain, stated, analgesic == Some(minutes));
                if minutes <= 8 * 60 {
                    first_day.push(row);
                } else {
                    later.push(row);
                }
            }
        }
        (first_day, later)
    }

    fn row(
        &self,
        minutes: i64,
        side: Option<&str>,
        pain: i64,
        stated: Option<i64>,
        analgesic_taken: bool,
    ) -> Value {
        let taken_at = self.performed_at + Duration::minutes(minutes);
        let value = if self.scale == "vas" { pain * 10 } else { pain };
        let mut row = Map::new();
        row.insert("taken_at".to_owned(), json!(taken_at.to_rfc3339()));
        row.insert("scale".to_owned(), json!(self.scale));
        row.insert("value".to_owned(), json!(value));
        row.insert("context".to_owned(), json!("movement"));
        row.insert("reported_by".to_owned(), json!("patient"));
        if let Some(side) = side {
            row.insert("side".to_owned(), json!(side));
        }
        if let Some(stated) = stated {
            row.insert("stated_relief_percent".to_owned(), json!(stated));
        }
        if analgesic_taken {
            row.insert("analgesic_taken".to_owned(), json!(true));
        }
        Value::Object(row)
    }
}
