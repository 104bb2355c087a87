//! What-if: a profile that nobody stored, held against one that is in use, over the whole cohort.

use super::agreement::{obstacles, qualifies};
use super::cohort::{CohortPatient, readings, targets};
use super::table::{Cell, Column, LeftOut, SHARE, Table, Unit, share};
use super::{Options, Selection};
use crate::domain::anatomy::Target;
use crate::domain::ids::EpisodeId;
use crate::domain::qualification::evaluate::evaluate_today_only;
use crate::domain::qualification::{Determination, Profile, Rule};
use crate::domain::statistics::Proportion;
use chrono::NaiveDate;
use std::collections::{BTreeMap, HashMap, HashSet};

/// So many targets are named each way; all are counted.
pub const NAMED: usize = 200;

/// A target that comes in or goes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// The episode.
    pub episode: EpisodeId,
    /// The target.
    pub target: Target,
    /// The rules that make it so.
    pub rules: Vec<Rule>,
}

/// One way to go.
#[derive(Debug, Default)]
pub struct Way {
    /// How many.
    pub count: u64,
    /// By which rules, one target by several.
    pub rules: BTreeMap<Rule, u64>,
    /// The first of them.
    pub named: Vec<Moved>,
}

/// What is counted so far.
#[derive(Debug, Default)]
pub struct WhatIf {
    judged: u64,
    before: u64,
    after: u64,
    candidates: (u64, u64),
    /// Those that qualify by the new profile and not by the one in use.
    pub entering: Way,
    /// Those that qualify by the one in use and not by the new one.
    pub leaving: Way,
    left_out: LeftOut,
}

impl WhatIf {
    /// Adds one patient, judged by the profile in use and by the new one.
    pub fn add(
        &mut self,
        patient: &CohortPatient,
        selection: &Selection,
        (in_use, new): (&Profile, &Profile),
        as_of: NaiveDate,
    ) {
        for episode in &patient.episodes {
            let history = &episode.history;
            let readings = readings(history, as_of);
            // A target is in by its first block; one without a block by being there.
            let selected: HashSet<Target> = targets(history, &readings, as_of)
                .into_iter()
                .filter(|view| selection.view(episode, view))
                .map(|view| view.target)
                .collect();
            if selected.is_empty() {
                continue;
            }
            let of = |profile| -> HashMap<Target, Determination<'_>> {
                let judged = evaluate_today_only(&[profile], history, as_of);
                judged.into_iter().map(|one| (one.target, one)).collect()
            };
            let (before, after) = (of(in_use), of(new));
            let mut selected: Vec<Target> = selected.into_iter().collect();
            selected.sort_unstable();
            for target in selected {
                self.add_target(episode.id, target, before.get(&target), after.get(&target));
            }
        }
    }

    fn add_target(
        &mut self,
        episode: EpisodeId,
        target: Target,
        before: Option<&Determination<'_>>,
        after: Option<&Determination<'_>>,
    ) {
        if before.is_none() && after.is_none() {
            self.left_out
                .one("judged by neither of the two profiles: another region");
            return;
        }
        let is_in = |one: Option<&Determination<'_>>| one.is_some_and(|one| qualifies(one.verdict));
        let is_candidate =
            |one: Option<&Determination<'_>>| one.is_some_and(|one| one.next_step.is_candidate());
        self.judged += 1;
        self.before += u64::from(is_in(before));
        self.after += u64::from(is_in(after));
        self.candidates.0 += u64::from(is_candidate(before));
        self.candidates.1 += u64::from(is_candidate(after));
        // Who comes in was kept out by rules of the profile in use; who goes out, by rules of the new one.
        let (way, by) = match (is_in(before), is_in(after)) {
            (false, true) => (&mut self.entering, before),
            (true, false) => (&mut self.leaving, after),
            (true, true) | (false, false) => return,
        };
        way.count += 1;
        let rules: Vec<Rule> = by
            .map(|one| obstacles(one.statuses).collect())
            .unwrap_or_default();
        for rule in &rules {
            *way.rules.entry(*rule).or_default() += 1;
        }
        if way.named.len() < NAMED {
            way.named.push(Moved {
                episode,
                target,
                rules,
            });
        }
    }

    /// The tables.
    #[must_use]
    pub fn tables(&self, options: Options) -> Vec<Table> {
        let mut columns = vec![Column::new(
            "group",
            "Targets",
            Unit::Key,
            "Who is counted.",
        )];
        columns.extend(SHARE);
        let mut summary = Table::new(
            "summary",
            "Before and after",
            "targets that at least one of the two profiles judges, as of today",
            columns,
        )
        .leaving_out(&self.left_out);
        let counts = [
            ("qualify_by_profile_in_use", self.before),
            ("qualify_by_new_profile", self.after),
            ("candidates_by_profile_in_use", self.candidates.0),
            ("candidates_by_new_profile", self.candidates.1),
            ("entering", self.entering.count),
            ("leaving", self.leaving.count),
        ];
        for (name, count) in counts {
            let mut cells = vec![Cell::text(name)];
            cells.extend(share(Proportion::of(count, self.judged), options.interval));
            summary.push(cells);
        }
        let mut rules = Table::new(
            "rules",
            "By which rules",
            "targets that come in, or go out; several rules may keep one target out",
            vec![
                Column::new(
                    "way",
                    "Way",
                    Unit::Key,
                    "`entering`: kept out by a rule of the profile in use; `leaving`: kept out by a rule of the new one.",
                ),
                Column::new(
                    "rule",
                    "Rule",
                    Unit::Key,
                    "A required rule that is unmet or unknown.",
                ),
                Column::new(
                    "targets",
                    "Targets",
                    Unit::Numerator,
                    "How many it keeps out.",
                ),
                Column::new("of", "Of", Unit::Denominator, "How many go this way."),
                Column::new(
                    "percent",
                    "Share",
                    Unit::Percent,
                    "The one in percent of the other.",
                ),
            ],
        );
        for (name, way) in [("entering", &self.entering), ("leaving", &self.leaving)] {
            for (rule, count) in &way.rules {
                rules.push(vec![
                    Cell::text(name),
                    Cell::text(rule.code()),
                    Cell::count(*count),
                    Cell::count(way.count),
                    Cell::percent(Proportion::of(*count, way.count).hundredths()),
                ]);
            }
        }
        vec![summary, rules]
    }
}
