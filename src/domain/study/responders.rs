//! Responders: after which share of blocks relief reached a threshold.

use super::cohort::{BlockReading, CohortPatient, SideReading, readings};
use super::table::{Cell, Column, LeftOut, SHARE, Table, Unit, share};
use super::{Options, Selection, THRESHOLDS};
use crate::domain::block::regions;
use crate::domain::statistics::Proportion;
use chrono::NaiveDate;
use std::collections::BTreeMap;

/// By what the ratings are told apart, and the group.
type Group = (Dimension, String);

/// The dimensions, in the order of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Dimension {
    All,
    Region,
    Level,
    Agent,
    Guidance,
    Site,
    Operator,
}

impl Dimension {
    const fn code(self) -> &'static str {
        match self {
            Dimension::All => "all",
            Dimension::Region => "region",
            Dimension::Level => "level",
            Dimension::Agent => "agent",
            Dimension::Guidance => "guidance",
            Dimension::Site => "site",
            Dimension::Operator => "operator",
        }
    }
}

/// One count for each threshold.
type Counts = [Proportion; THRESHOLDS.len()];

/// What is counted so far.
#[derive(Debug, Default)]
pub struct Responders {
    by_scores: BTreeMap<Group, Counts>,
    by_statement: BTreeMap<Group, Counts>,
    left_out: LeftOut,
}

impl Responders {
    /// Adds one patient.
    pub fn add(&mut self, patient: &CohortPatient, selection: &Selection, as_of: NaiveDate) {
        for episode in &patient.episodes {
            for reading in &readings(&episode.history, as_of) {
                if selection.block(episode.id, reading.block()) {
                    self.add_block(reading, selection);
                }
            }
        }
    }

    fn add_block(&mut self, reading: &BlockReading<'_>, selection: &Selection) {
        let groups = groups(reading, selection);
        for rating in reading.ratings() {
            self.add_rating(rating, &groups);
        }
    }

    fn add_rating(&mut self, rating: &SideReading<'_>, groups: &[Group]) {
        match rating.best() {
            Some(best) => count(&mut self.by_scores, groups, |threshold| {
                best.reaches(threshold)
            }),
            None if rating.series.is_some() => {
                self.left_out.one("by scores: the baseline is 0");
            }
            None => self
                .left_out
                .one("by scores: no baseline, or no later score in the same scale and context"),
        }
        match rating.stated {
            Some(stated) => {
                count(&mut self.by_statement, groups, |threshold| {
                    stated.reaches(threshold)
                });
            }
            None => self.left_out.one("as stated: no percentage was stated"),
        }
    }

    /// The tables.
    #[must_use]
    pub fn tables(self, options: Options) -> Vec<Table> {
        let mut columns = vec![
            Column::new("by", "By", Unit::Key, "By what the ratings are told apart."),
            Column::new(
                "group",
                "Group",
                Unit::Key,
                "Which of them; a block of several joints counts at each of its levels.",
            ),
            Column::new(
                "measure",
                "Relief",
                Unit::Key,
                "`scores`: computed from serial scores; `stated`: the percentage that the patient states.",
            ),
            Column::new(
                "threshold_percent",
                "Reached",
                Unit::Key,
                "The relief that was to be reached.",
            ),
        ];
        columns.extend(SHARE);
        let mut table = Table::new(
            "responders",
            "Share of ratings that reached the threshold",
            "ratings: diagnostic medial branch blocks, or each side of one where its sides were rated by themselves, whose relief is known by the measure",
            columns,
        )
        .parts_of(&["by", "measure", "threshold_percent"])
        .leaving_out(&self.left_out);
        let measures = [("scores", self.by_scores), ("stated", self.by_statement)];
        let mut rows = Vec::new();
        for (measure, counted) in measures {
            for ((dimension, group), counts) in counted {
                for (threshold, proportion) in THRESHOLDS.into_iter().zip(counts) {
                    rows.push((dimension, group.clone(), measure, threshold, proportion));
                }
            }
        }
        rows.sort_by(|one, other| {
            let key = |row: &(Dimension, String, &'static str, _, _)| (row.0, row.1.clone(), row.2);
            key(one).cmp(&key(other))
        });
        for (dimension, group, measure, threshold, proportion) in rows {
            let mut cells = vec![
                Cell::text(dimension.code()),
                Cell::text(group),
                Cell::text(measure),
                Cell::Whole(i64::from(threshold.percent())),
            ];
            cells.extend(share(proportion, options.interval));
            table.push(cells);
        }
        vec![table]
    }
}

fn count(
    counted: &mut BTreeMap<Group, Counts>,
    groups: &[Group],
    reaches: impl Fn(crate::domain::pain::Threshold) -> bool,
) {
    let reached = THRESHOLDS.map(reaches);
    for group in groups {
        let counts = match counted.get_mut(group) {
            Some(counts) => counts,
            None => counted.entry(group.clone()).or_default(),
        };
        for (count, reached) in counts.iter_mut().zip(reached) {
            count.count(reached);
        }
    }
}

/// The groups that a block is in. Where the figure is limited to a level or region, only that one is told.
fn groups(reading: &BlockReading<'_>, selection: &Selection) -> Vec<Group> {
    const NOT_RECORDED: &str = "not recorded";
    let block = reading.block();
    let mut groups = vec![(Dimension::All, "all".to_owned())];
    let in_region = |region: &crate::domain::anatomy::Region| {
        selection.region.is_none_or(|wanted| wanted == *region)
    };
    for region in regions(&block.joints).filter(in_region) {
        groups.push((Dimension::Region, region.code().to_owned()));
    }
    for joint in &block.joints {
        let wanted = selection.level.is_none_or(|level| level == *joint);
        if wanted && in_region(&joint.region()) {
            groups.push((Dimension::Level, joint.code().to_owned()));
        }
    }
    let word = |code: Option<&str>| code.unwrap_or(NOT_RECORDED).to_owned();
    groups.push((
        Dimension::Agent,
        word(block.agent.map(|agent| agent.code())),
    ));
    groups.push((
        Dimension::Guidance,
        word(block.guidance.map(|guidance| guidance.code())),
    ));
    groups.push((Dimension::Site, word(block.site.as_deref())));
    groups.push((Dimension::Operator, word(block.operator.as_deref())));
    groups
}
