//! The threshold sweep: what each cut-off of relief, after one block or two, would have meant for the same cohort.

use super::cohort::{CohortPatient, TargetView, readings, targets};
use super::table::{Cell, Column, LeftOut, Table, Unit, share};
use super::visits::Visit;
use super::{Options, Selection};
use crate::domain::pain::Threshold;
use crate::domain::statistics::Proportion;
use chrono::NaiveDate;

/// The visits at which success is looked at.
const VISITS: [Visit; 3] = [Visit::ThreeMonths, Visit::SixMonths, Visit::TwelveMonths];

/// The lowest cut-off and the highest, in percent.
const CUT_OFFS: (u8, u8) = (30, 100);

/// What is counted at one cut-off.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    candidates: u64,
    ablated: u64,
    successes: [Proportion; VISITS.len()],
}

/// After so many blocks.
#[derive(Debug, Default)]
struct AfterBlocks {
    judged: u64,
    at: Vec<Counts>,
}

/// What is counted so far.
#[derive(Debug)]
pub struct Sweep {
    cut_offs: Vec<Threshold>,
    after_one: AfterBlocks,
    after_two: AfterBlocks,
    left_out: LeftOut,
}

/// A target after one block or two.
struct Outcome {
    ablated: bool,
    /// Whether relief was at least 50 % at each visit; `None` where that is not known.
    successes: [Option<bool>; VISITS.len()],
}

impl Sweep {
    /// Nothing counted yet.
    #[must_use]
    pub fn new(options: Options) -> Sweep {
        let (lowest, highest) = CUT_OFFS;
        let step = usize::from(options.step.max(1));
        let mut cut_offs: Vec<Threshold> = (lowest..=highest)
            .step_by(step)
            .filter_map(Threshold::new)
            .collect();
        // Complete relief is a cut-off of its own, whatever the step.
        if cut_offs.last() != Some(&Threshold::HUNDRED) {
            cut_offs.push(Threshold::HUNDRED);
        }
        let after_blocks = || AfterBlocks {
            judged: 0,
            at: vec![Counts::default(); cut_offs.len()],
        };
        Sweep {
            after_one: after_blocks(),
            after_two: after_blocks(),
            cut_offs,
            left_out: LeftOut::default(),
        }
    }

    /// Adds one patient.
    pub fn add(&mut self, patient: &CohortPatient, selection: &Selection, as_of: NaiveDate) {
        for episode in &patient.episodes {
            let readings = readings(&episode.history, as_of);
            for view in targets(&episode.history, &readings, as_of) {
                if !view.blocks.is_empty() && selection.view(episode, &view) {
                    self.add_target(&view, as_of);
                }
            }
        }
    }

    fn add_target(&mut self, view: &TargetView<'_, '_>, as_of: NaiveDate) {
        let best = |place: usize| {
            view.side_of(place)
                .and_then(super::cohort::SideReading::best)
        };
        let Some(first) = best(0) else {
            self.left_out.one("relief of the first block is not known");
            return;
        };
        let outcome = |place: usize| outcome(view, place, as_of);
        self.after_one
            .count(&self.cut_offs, &outcome(0), |cut_off| {
                first.reaches(cut_off)
            });
        match best(1) {
            Some(second) => {
                let both = |cut_off: Threshold| first.reaches(cut_off) && second.reaches(cut_off);
                self.after_two.count(&self.cut_offs, &outcome(1), both);
            }
            None if view.blocks.len() > 1 => {
                self.left_out
                    .one("two blocks: relief of the second block is not known");
            }
            None => self.left_out.one("two blocks: there is no second block"),
        }
    }

    /// The table.
    #[must_use]
    pub fn tables(self, options: Options) -> Vec<Table> {
        let mut columns = vec![
            Column::new(
                "blocks",
                "Blocks",
                Unit::Key,
                "After how many blocks, each of which must reach the cut-off.",
            ),
            Column::new(
                "cut_off_percent",
                "Cut-off",
                Unit::Key,
                "The relief that must be reached, in percent.",
            ),
            Column::new(
                "candidates",
                "Candidates",
                Unit::Numerator,
                "Targets that reached it.",
            ),
            Column::new(
                "judged",
                "Of",
                Unit::Denominator,
                "Targets whose relief is known after so many blocks.",
            ),
            Column::new(
                "candidates_percent",
                "Share",
                Unit::Percent,
                "Candidates in percent of those judged.",
            ),
            Column::new(
                "ablated",
                "Ablated",
                Unit::Count,
                "Candidates that were ablated on the day of the last of these blocks or later.",
            ),
        ];
        for visit in VISITS {
            columns.extend(visit_columns(visit));
        }
        let mut table = Table::new(
            "sweep",
            "What each cut-off would have meant",
            "candidates: of targets whose relief is known after one block, or after both; predictive value: of candidates that were ablated and whose relief is known at the visit",
            columns,
        )
        .leaving_out(&self.left_out);
        for (blocks, after) in [(1, &self.after_one), (2, &self.after_two)] {
            for (cut_off, counts) in self.cut_offs.iter().zip(&after.at) {
                let candidates = Proportion::of(counts.candidates, after.judged);
                let mut cells = vec![
                    Cell::Whole(blocks),
                    Cell::Whole(i64::from(cut_off.percent())),
                    Cell::count(candidates.numerator),
                    Cell::count(candidates.denominator),
                    Cell::percent(candidates.hundredths()),
                    Cell::count(counts.ablated),
                ];
                for success in counts.successes {
                    cells.extend(share(success, options.interval));
                }
                table.push(cells);
            }
        }
        vec![table]
    }
}

/// The columns of one visit.
fn visit_columns(visit: Visit) -> [Column; 5] {
    let names = match visit {
        Visit::ThreeMonths => [
            "success_3_months",
            "known_3_months",
            "ppv_3_months_percent",
            "ppv_3_months_low",
            "ppv_3_months_high",
        ],
        Visit::SixMonths => [
            "success_6_months",
            "known_6_months",
            "ppv_6_months_percent",
            "ppv_6_months_low",
            "ppv_6_months_high",
        ],
        Visit::SixWeeks | Visit::TwelveMonths | Visit::TwentyFourMonths => [
            "success_12_months",
            "known_12_months",
            "ppv_12_months_percent",
            "ppv_12_months_low",
            "ppv_12_months_high",
        ],
    };
    let [success, known, ppv, low, high] = names;
    let label = match visit {
        Visit::ThreeMonths => "≥50 % at 3 months",
        Visit::SixMonths => "≥50 % at 6 months",
        Visit::SixWeeks | Visit::TwelveMonths | Visit::TwentyFourMonths => "≥50 % at 12 months",
    };
    [
        Column::new(
            success,
            label,
            Unit::Numerator,
            "Ablated candidates with at least 50 % relief at the visit.",
        ),
        Column::new(
            known,
            "Of",
            Unit::Denominator,
            "Ablated candidates whose relief is known at the visit.",
        ),
        Column::new(
            ppv,
            "PPV",
            Unit::Percent,
            "Positive predictive value: the one in percent of the other.",
        ),
        Column::new(
            low,
            "95 % from",
            Unit::Percent,
            "The lower limit of the 95 % interval.",
        ),
        Column::new(
            high,
            "to",
            Unit::Percent,
            "The upper limit of the 95 % interval.",
        ),
    ]
}

fn outcome(view: &TargetView<'_, '_>, place: usize, as_of: NaiveDate) -> Outcome {
    let last = view.blocks.get(place).map(|reading| reading.date);
    let ablation = last.and_then(|day| view.ablated_from(day));
    let success = |visit: Visit| {
        let relief = visit.relief(ablation?, as_of)?;
        Some(relief.reaches(Threshold::FIFTY))
    };
    Outcome {
        ablated: ablation.is_some(),
        successes: VISITS.map(success),
    }
}

impl AfterBlocks {
    fn count(
        &mut self,
        cut_offs: &[Threshold],
        outcome: &Outcome,
        reached: impl Fn(Threshold) -> bool,
    ) {
        self.judged += 1;
        for (cut_off, counts) in cut_offs.iter().zip(&mut self.at) {
            if !reached(*cut_off) {
                continue;
            }
            counts.candidates += 1;
            counts.ablated += u64::from(outcome.ablated);
            for (count, success) in counts.successes.iter_mut().zip(outcome.successes) {
                if let Some(success) = success {
                    count.count(success);
                }
            }
        }
    }
}
