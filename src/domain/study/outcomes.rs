//! What becomes of ablations: the time to relief below 50 %, and repeats.

use super::cohort::{CohortEpisode, CohortPatient};
use super::table::{Cell, Column, LeftOut, SHARE, Table, Unit, share};
use super::{Options, Selection};
use crate::domain::anatomy::Target;
use crate::domain::block::regions;
use crate::domain::pain::Threshold;
use crate::domain::qualification::RecordedAblation;
use crate::domain::statistics::{Followed, KaplanMeier, Proportion, median, rounded};
use chrono::NaiveDate;
use std::collections::BTreeMap;

/// By what the ablations are told apart, and the group.
type Group = (&'static str, String);

/// What is counted so far.
#[derive(Debug, Default)]
pub struct Outcomes {
    followed: BTreeMap<Group, Vec<Followed>>,
    repeats: BTreeMap<Group, Proportion>,
    days_between: BTreeMap<Group, Vec<i64>>,
    left_out: LeftOut,
}

impl Outcomes {
    /// Adds one patient.
    pub fn add(&mut self, patient: &CohortPatient, selection: &Selection, as_of: NaiveDate) {
        for episode in &patient.episodes {
            let mut chosen: Vec<&RecordedAblation> = episode
                .history
                .ablations
                .iter()
                .filter(|recorded| recorded.ablation.performed_on <= as_of)
                .collect();
            chosen.sort_by_key(|recorded| (recorded.ablation.performed_on, recorded.id));
            for recorded in &chosen {
                if selection.ablation(episode, &recorded.ablation) {
                    self.add_ablation(recorded, &chosen, as_of);
                }
            }
            self.add_repeats(episode, &chosen, selection);
        }
    }

    fn add_ablation(
        &mut self,
        recorded: &RecordedAblation,
        all: &[&RecordedAblation],
        as_of: NaiveDate,
    ) {
        let performed_on = recorded.ablation.performed_on;
        // What is felt after a repeat of one of its targets is the repeat's.
        let repeated = all
            .iter()
            .filter(|other| other.ablation.performed_on > performed_on)
            .find(|other| {
                other
                    .ablation
                    .targets()
                    .any(|target| recorded.ablation.covers(target))
            })
            .map(|other| other.ablation.performed_on);
        let mut told: Vec<(NaiveDate, bool)> = recorded
            .follow_ups
            .iter()
            .map(|one| &one.follow_up)
            .filter(|follow_up| follow_up.taken_on > performed_on && follow_up.taken_on <= as_of)
            .filter(|follow_up| repeated.is_none_or(|repeated| follow_up.taken_on <= repeated))
            .filter_map(|follow_up| {
                let relief = follow_up.relief(recorded.ablation.pre_score)?;
                Some((follow_up.taken_on, relief.reaches(Threshold::FIFTY)))
            })
            .collect();
        told.sort_unstable();
        let below = told.iter().find(|(_, relieved)| !relieved);
        let Some((day, relieved)) = below.or(told.last()) else {
            self.left_out.one("no follow-up that tells relief");
            return;
        };
        let followed = Followed {
            time: (*day - performed_on).num_days(),
            event: !relieved,
        };
        for group in groups(recorded) {
            self.followed.entry(group).or_default().push(followed);
        }
    }

    fn add_repeats(
        &mut self,
        episode: &CohortEpisode,
        chosen: &[&RecordedAblation],
        selection: &Selection,
    ) {
        let mut by_target: BTreeMap<Target, Vec<&RecordedAblation>> = BTreeMap::new();
        for recorded in chosen {
            for target in recorded.ablation.targets() {
                by_target.entry(target).or_default().push(recorded);
            }
        }
        for (target, ablations) in by_target {
            let Some(first) = ablations.first() else {
                continue;
            };
            if !selection.target(episode.id, target)
                || !selection.ablation(episode, &first.ablation)
            {
                continue;
            }
            let second = ablations
                .iter()
                .find(|other| other.ablation.performed_on > first.ablation.performed_on);
            let groups = [
                ("all", "all".to_owned()),
                ("region", target.joint.region().code().to_owned()),
            ];
            for group in groups {
                self.repeats
                    .entry(group.clone())
                    .or_default()
                    .count(second.is_some());
                if let Some(second) = second {
                    let days =
                        (second.ablation.performed_on - first.ablation.performed_on).num_days();
                    self.days_between.entry(group).or_default().push(days);
                }
            }
        }
    }

    /// The tables.
    #[must_use]
    pub fn tables(self, options: Options) -> Vec<Table> {
        let key = |name, label, about| Column::new(name, label, Unit::Key, about);
        let group = [
            key("by", "By", "By what the ablations are told apart."),
            key("group", "Group", "Which of them."),
        ];
        let denominator = "ablations with at least one follow-up that tells relief; the event is the first follow-up with relief below 50 %, and who had none is censored at the last follow-up, or at a repeat of the same target";
        let mut summary = Table::new("durations", "Time to relief below 50 %", denominator, {
            let mut columns = group.to_vec();
            columns.extend([
                Column::new(
                    "ablations",
                    "Ablations",
                    Unit::Count,
                    "How many were followed.",
                ),
                Column::new(
                    "events",
                    "Below 50 %",
                    Unit::Detail,
                    "How many had relief below 50 % at a follow-up.",
                ),
                Column::new(
                    "median_days",
                    "Median (days)",
                    Unit::Days,
                    "The day by which half had; missing where it was not reached.",
                ),
                Column::new(
                    "relieved_at_183_days",
                    "after 6 months",
                    Unit::Percent,
                    "The share with relief of 50 % or more then.",
                ),
                Column::new(
                    "relieved_at_365_days",
                    "after 12 months",
                    Unit::Percent,
                    "The share with relief of 50 % or more then.",
                ),
            ]);
            columns
        })
        .parts_of(&["by"])
        .leaving_out(&self.left_out);
        let mut curve = Table::new(
            "curve",
            "Relief of 50 % or more, step by step",
            denominator,
            {
                let mut columns = group.to_vec();
                columns.extend([
                Column::new("ablations", "Ablations", Unit::Count, "How many were followed."),
                Column::new("day", "Day", Unit::Days, "Days after the ablation."),
                Column::new("at_risk", "At risk", Unit::Count, "How many were followed until then without the event."),
                Column::new("events", "Events", Unit::Detail, "How many had the event then."),
                Column::new("relieved_percent", "Relieved", Unit::Percent, "The share without the event afterwards (Kaplan-Meier)."),
                Column::new("relieved_low", "95 % from", Unit::Percent, "The lower limit of its 95 % interval (Greenwood, log-log); missing at 0 and 100 %."),
                Column::new("relieved_high", "to", Unit::Percent, "The upper limit."),
            ]);
                columns
            },
        );
        for ((by, group), followed) in self.followed {
            let estimate = KaplanMeier::of(followed);
            let cells = vec![
                Cell::text(by),
                Cell::text(group),
                Cell::count(estimate.followed),
            ];
            let mut row = cells.clone();
            row.extend([
                Cell::count(estimate.events),
                Cell::whole(estimate.median()),
                Cell::percent(estimate.survival_at(183).map(rounded)),
                Cell::percent(estimate.survival_at(365).map(rounded)),
            ]);
            summary.push(row);
            if estimate.survival_at(365).is_none() {
                summary.note_last("nobody was followed so long");
            }
            for step in &estimate.steps {
                let mut row = cells.clone();
                row.extend([
                    Cell::Whole(step.time),
                    Cell::count(step.at_risk),
                    Cell::count(step.events),
                    Cell::Percent(rounded(step.survival)),
                    Cell::percent(step.interval.map(|interval| rounded(interval.low))),
                    Cell::percent(step.interval.map(|interval| rounded(interval.high))),
                ]);
                curve.push(row);
            }
        }
        let mut columns = group.to_vec();
        columns.extend(SHARE);
        columns.push(Column::new(
            "median_days_between",
            "Days between",
            Unit::Days,
            "The median of the days between the two.",
        ));
        let mut repeats = Table::new(
            "repeats",
            "Repeated ablations",
            "targets that were ablated at least once",
            columns,
        )
        .parts_of(&["by"]);
        for ((by, group), repeated) in self.repeats {
            let days = self
                .days_between
                .get(&(by, group.clone()))
                .cloned()
                .unwrap_or_default();
            let mut row = vec![Cell::text(by), Cell::text(group)];
            row.extend(share(repeated, options.interval));
            row.push(Cell::whole(median(days)));
            repeats.push(row);
        }
        vec![summary, curve, repeats]
    }
}

fn groups(recorded: &RecordedAblation) -> Vec<Group> {
    let mut groups = vec![("all", "all".to_owned())];
    for region in regions(&recorded.ablation.joints) {
        groups.push(("region", region.code().to_owned()));
    }
    let technique = recorded
        .ablation
        .technique
        .map_or("not recorded", |technique| technique.code());
    groups.push(("technique", technique.to_owned()));
    groups
}
