//! False positives of a single block, with both denominators of the literature (handbook, section 7).

use super::cohort::{CohortPatient, TargetView, readings, targets};
use super::table::{Cell, Column, LeftOut, SHARE, Table, Unit, share};
use super::{Options, Selection, THRESHOLDS};
use crate::domain::pain::Threshold;
use crate::domain::statistics::Proportion;
use chrono::NaiveDate;

/// What two blocks of a target did at one threshold.
#[derive(Debug, Clone, Copy, Default)]
struct Pattern {
    /// Positive, and positive again.
    both: u64,
    /// Positive, then negative.
    first_only: u64,
    /// Negative at the first block.
    not_first: u64,
}

/// What is counted so far.
#[derive(Debug, Default)]
pub struct FalsePositives {
    patterns: [Pattern; THRESHOLDS.len()],
    left_out: LeftOut,
}

impl FalsePositives {
    /// Adds one patient.
    pub fn add(&mut self, patient: &CohortPatient, selection: &Selection, as_of: NaiveDate) {
        for episode in &patient.episodes {
            let readings = readings(&episode.history, as_of);
            for view in targets(&episode.history, &readings, as_of) {
                if !view.blocks.is_empty() && selection.view(episode, &view) {
                    self.add_target(&view);
                }
            }
        }
    }

    fn add_target(&mut self, view: &TargetView<'_, '_>) {
        let reached = |place: usize, threshold: Threshold| {
            view.side_of(place).and_then(|side| side.reached(threshold))
        };
        for (threshold, pattern) in THRESHOLDS.into_iter().zip(&mut self.patterns) {
            match (reached(0, threshold), reached(1, threshold)) {
                (Some(true), Some(true)) => pattern.both += 1,
                (Some(true), Some(false)) => pattern.first_only += 1,
                (Some(false), _) => pattern.not_first += 1,
                (None, _) => {
                    self.left_out.one("relief of the first block is not known");
                    return;
                }
                (Some(true), None) => self
                    .left_out
                    .one(unconfirmed(threshold, view.blocks.len() > 1)),
            }
        }
    }

    /// The tables.
    #[must_use]
    pub fn tables(self, options: Options) -> Vec<Table> {
        let mut columns = vec![
            Column::new(
                "threshold_percent",
                "Positive from",
                Unit::Key,
                "The relief from which on a block counts as positive, in percent.",
            ),
            Column::new(
                "denominator_is",
                "Denominator",
                Unit::Key,
                "`positive_on_first`: targets positive on the first block (as Barnsley 1993); `not_dual_positive`: all targets not positive on both (as Schwarzer 1994).",
            ),
        ];
        columns.extend(SHARE);
        let mut rates = Table::new(
            "rates",
            "First blocks that the second did not confirm",
            "targets by their first two diagnostic medial branch blocks before any ablation: those positive on the first and known on the second, or all that are not positive on both; which of the two is said in each row",
            columns,
        )
        .leaving_out(&self.left_out);
        let mut patterns = Table::new(
            "patterns",
            "What the two blocks did",
            "targets with two blocks whose relief is known, and those whose first block was negative",
            vec![
                Column::new(
                    "threshold_percent",
                    "Positive from",
                    Unit::Key,
                    "The relief from which on a block counts as positive, in percent.",
                ),
                Column::new(
                    "both_positive",
                    "Both positive",
                    Unit::Count,
                    "Targets positive on both blocks.",
                ),
                Column::new(
                    "first_only",
                    "Only the first",
                    Unit::Count,
                    "Targets positive on the first and negative on the second: the false positives.",
                ),
                Column::new(
                    "first_negative",
                    "First negative",
                    Unit::Count,
                    "Targets negative on the first block.",
                ),
            ],
        );
        for (threshold, pattern) in THRESHOLDS.into_iter().zip(self.patterns) {
            let percent = || Cell::Whole(i64::from(threshold.percent()));
            let denominators = [
                ("positive_on_first", pattern.both + pattern.first_only),
                ("not_dual_positive", pattern.not_first + pattern.first_only),
            ];
            for (name, denominator) in denominators {
                let mut cells = vec![percent(), Cell::text(name)];
                let proportion = Proportion::of(pattern.first_only, denominator);
                cells.extend(share(proportion, options.interval));
                rates.push(cells);
            }
            patterns.push(vec![
                percent(),
                Cell::count(pattern.both),
                Cell::count(pattern.first_only),
                Cell::count(pattern.not_first),
            ]);
        }
        vec![rates, patterns]
    }
}

fn unconfirmed(threshold: Threshold, has_second: bool) -> &'static str {
    match (threshold, has_second) {
        (Threshold::FIFTY, false) => "positive from 50 %, no second block yet",
        (Threshold::SEVENTY_FIVE, false) => "positive from 75 %, no second block yet",
        (Threshold::EIGHTY, false) => "positive from 80 %, no second block yet",
        (_, false) => "positive from 100 %, no second block yet",
        (Threshold::FIFTY, true) => "positive from 50 %, relief of the second block is not known",
        (Threshold::SEVENTY_FIVE, true) => {
            "positive from 75 %, relief of the second block is not known"
        }
        (Threshold::EIGHTY, true) => "positive from 80 %, relief of the second block is not known",
        (_, true) => "positive from 100 %, relief of the second block is not known",
    }
}
