//! Duration of relief: survival curves from intervals.

use super::cohort::{CohortPatient, SideReading, readings};
use super::table::{Cell, Column, LeftOut, Table, Unit};
use super::{Selection, THRESHOLDS};
use crate::domain::block::Block;
use crate::domain::pain::Threshold;
use crate::domain::relief::{ReliefFinding, ReliefInterval};
use crate::domain::statistics::{Observed, Turnbull, rounded};
use chrono::NaiveDate;
use std::collections::BTreeMap;

/// The agent's code, or `all`, and the threshold.
type Group = (Agent, Threshold);

/// All agents, or one; all of them come first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Agent {
    All,
    One(&'static str),
    NotRecorded,
}

impl Agent {
    fn of(block: &Block) -> Agent {
        block
            .agent
            .map_or(Agent::NotRecorded, |agent| Agent::One(agent.code()))
    }

    const fn code(&self) -> &'static str {
        match self {
            Agent::All => "all",
            Agent::One(code) => code,
            Agent::NotRecorded => "not recorded",
        }
    }
}

/// What was observed so far, in minutes.
#[derive(Debug, Default)]
pub struct Duration {
    observed: BTreeMap<Group, BTreeMap<Observed, u64>>,
    left_out: LeftOut,
}

impl Duration {
    /// Adds one patient.
    pub fn add(&mut self, patient: &CohortPatient, selection: &Selection, as_of: NaiveDate) {
        for episode in &patient.episodes {
            for reading in &readings(&episode.history, as_of) {
                if !selection.block(episode.id, reading.block()) {
                    continue;
                }
                for rating in reading.ratings() {
                    self.add_rating(reading.block(), rating);
                }
            }
        }
    }

    fn add_rating(&mut self, block: &Block, rating: &SideReading<'_>) {
        let Some(series) = &rating.series else {
            self.left_out
                .one("no baseline, or no later score in the same scale and context");
            return;
        };
        for threshold in THRESHOLDS {
            match series.at(threshold) {
                ReliefFinding::Reached(interval) => {
                    for agent in [Agent::All, Agent::of(block)] {
                        let group = self.observed.entry((agent, threshold)).or_default();
                        *group.entry(observed(interval)).or_default() += 1;
                    }
                }
                ReliefFinding::NotReached => self.left_out.one(not_reached(threshold)),
                ReliefFinding::Undefined => {
                    self.left_out.one("the baseline is 0");
                    return;
                }
            }
        }
    }

    /// The tables.
    #[must_use]
    pub fn tables(self) -> Vec<Table> {
        let key = |name, label, about| Column::new(name, label, Unit::Key, about);
        let group = [
            key("agent", "Agent", "The local anesthetic, or all of them."),
            key(
                "threshold_percent",
                "Relief of at least",
                "The relief whose duration is meant, in percent.",
            ),
        ];
        let denominator =
            "ratings that reached the threshold; a diary that ends in relief is censored";
        let mut summary = Table::new("durations", "How long relief lasted", denominator, {
            let mut columns = group.to_vec();
            columns.extend([
                Column::new("ratings", "Ratings", Unit::Count, "How many reached the threshold."),
                Column::new("ended", "End seen", Unit::Count, "Of how many the end was seen, between two diary rows."),
                Column::new("open", "Open", Unit::Count, "How many diaries end in relief: at least so long."),
                Column::new("median_from_minutes", "Median from", Unit::Minutes, "Half of all had ended not before this."),
                Column::new("median_to_minutes", "to", Unit::Minutes, "Half of all had ended by this; missing where that was not seen."),
            ]);
            for (name, label) in HOURS.map(|(_, name, label)| (name, label)) {
                columns.push(Column::new(name, label, Unit::Percent, "The share still in relief then: the middle of what the intervals leave possible."));
            }
            columns
        })
        .leaving_out(&self.left_out);
        let mut curve = Table::new("curve", "Survival of relief, step by step", denominator, {
            let mut columns = group.to_vec();
            columns.extend([
                Column::new(
                    "ratings",
                    "Ratings",
                    Unit::Count,
                    "How many reached the threshold.",
                ),
                Column::new(
                    "from_minutes",
                    "After",
                    Unit::Minutes,
                    "The share of this row ended after this time,",
                ),
                Column::new(
                    "to_minutes",
                    "and by",
                    Unit::Minutes,
                    "and by this one; where between them nobody can tell. Missing: not seen.",
                ),
                Column::new(
                    "ended_percent",
                    "Ended",
                    Unit::Percent,
                    "The share that ended within.",
                ),
                Column::new(
                    "still_percent",
                    "Still in relief",
                    Unit::Percent,
                    "The share that had not ended afterwards.",
                ),
            ]);
            columns
        });
        for ((agent, threshold), counts) in &self.observed {
            let estimate = Turnbull::of_counts(counts);
            let cells = || {
                vec![
                    Cell::text(agent.code()),
                    Cell::Whole(i64::from(threshold.percent())),
                ]
            };
            push_summary(&mut summary, cells(), &estimate);
            push_curve(&mut curve, &cells(), &estimate);
        }
        vec![summary, curve]
    }
}

/// Times at which the share still in relief is told: minutes, column and heading.
const HOURS: [(i64, &str, &str); 4] = [
    (60, "still_at_1_hour", "after 1 h"),
    (180, "still_at_3_hours", "after 3 h"),
    (480, "still_at_8_hours", "after 8 h"),
    (1440, "still_at_24_hours", "after 24 h"),
];

fn push_summary(table: &mut Table, mut cells: Vec<Cell>, estimate: &Turnbull) {
    let median = estimate.median();
    cells.extend([
        Cell::count(estimate.observed),
        Cell::count(estimate.observed - estimate.censored),
        Cell::count(estimate.censored),
        Cell::whole(median.map(|median| median.from)),
        Cell::whole(median.and_then(|median| median.to)),
    ]);
    for (minutes, _, _) in HOURS {
        let (least, most) = estimate.survival_at(minutes);
        cells.push(Cell::Percent(i64::midpoint(rounded(least), rounded(most))));
    }
    table.push(cells);
}

fn push_curve(table: &mut Table, key: &[Cell], estimate: &Turnbull) {
    for step in &estimate.steps {
        let mut cells = key.to_vec();
        cells.extend([
            Cell::count(estimate.observed),
            Cell::Whole(step.from),
            Cell::whole(step.to),
            if step.to.is_some() {
                Cell::Percent(rounded(step.mass))
            } else {
                Cell::Missing
            },
            Cell::Percent(if step.to.is_some() {
                rounded(step.survival)
            } else {
                rounded(step.mass)
            }),
        ]);
        table.push(cells);
    }
}

/// In whole minutes: the known part rounded down, the possible part up.
fn observed(interval: ReliefInterval) -> Observed {
    let up = |most: chrono::TimeDelta| (most + chrono::TimeDelta::seconds(59)).num_minutes();
    Observed {
        least: interval.min.num_minutes(),
        most: interval.max.map(up),
    }
}

fn not_reached(threshold: Threshold) -> &'static str {
    match threshold {
        Threshold::FIFTY => "relief did not reach 50 %",
        Threshold::SEVENTY_FIVE => "relief did not reach 75 %",
        Threshold::EIGHTY => "relief did not reach 80 %",
        _ => "relief did not reach 100 %",
    }
}
