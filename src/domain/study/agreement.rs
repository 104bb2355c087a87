//! Agreement of profiles: who qualifies by one and not by another, and which rules make the difference.

use super::table::{Cell, Column, LeftOut, Table, Unit};
use crate::domain::qualification::{Rule, Status, Statuses, Verdict};
use crate::domain::statistics::{Agreement, Proportion, rounded};
use std::collections::BTreeMap;

/// What one profile says about one target.
#[derive(Debug, Clone, Copy)]
pub struct Judged {
    /// The place of the profile in the list.
    pub profile: usize,
    /// The verdict.
    pub verdict: Verdict,
    /// Every rule's status.
    pub statuses: Statuses,
}

impl Judged {
    /// Whether the target qualifies: it meets the profile, perhaps with something to be reviewed.
    #[must_use]
    pub fn qualifies(&self) -> bool {
        qualifies(self.verdict)
    }
}

/// Whether a verdict says that the target meets the profile.
#[must_use]
pub const fn qualifies(verdict: Verdict) -> bool {
    match verdict {
        Verdict::Meets | Verdict::NeedsReview => true,
        Verdict::DoesNotMeet | Verdict::InsufficientData => false,
    }
}

/// The required rules that keep a target from qualifying.
pub fn obstacles(statuses: Statuses) -> impl Iterator<Item = Rule> {
    statuses
        .iter()
        .filter(|(rule, status)| rule.required() && *status != Status::Met)
        .map(|(rule, _)| rule)
}

/// Two profiles and what they said of the same targets.
#[derive(Debug, Default)]
struct Pair {
    agreement: Agreement,
    /// How often each rule of the second kept out whom the first lets in.
    kept_out_by_second: BTreeMap<Rule, u64>,
    /// The other way round.
    kept_out_by_first: BTreeMap<Rule, u64>,
}

/// What is counted so far.
#[derive(Debug)]
pub struct ProfilesAgreement {
    profiles: Vec<String>,
    /// The profile that each pair has; `None` for all pairs.
    with: Option<usize>,
    qualifying: Vec<(u64, u64)>,
    pairs: BTreeMap<(usize, usize), Pair>,
    left_out: LeftOut,
}

impl ProfilesAgreement {
    /// Nothing counted yet of `profiles`; of all pairs, or of those with the profile at one place of the list.
    #[must_use]
    pub fn new(profiles: Vec<String>, with: Option<usize>) -> ProfilesAgreement {
        ProfilesAgreement {
            qualifying: vec![(0, 0); profiles.len()],
            profiles,
            with,
            pairs: BTreeMap::new(),
            left_out: LeftOut::default(),
        }
    }

    /// Adds what the profiles say about one target, in the order of the list.
    pub fn add(&mut self, judged: &[Judged]) {
        for one in judged {
            if let Some((qualifying, all)) = self.qualifying.get_mut(one.profile) {
                *qualifying += u64::from(one.qualifies());
                *all += 1;
            }
        }
        if judged.len() < 2 {
            self.left_out
                .one("judged by fewer than two of these profiles");
        }
        for (place, first) in judged.iter().enumerate() {
            for second in judged.iter().skip(place + 1) {
                let is_asked = |with: usize| with == first.profile || with == second.profile;
                if self.with.is_none_or(is_asked) {
                    self.add_pair(first, second);
                }
            }
        }
    }

    fn add_pair(&mut self, first: &Judged, second: &Judged) {
        let pair = self
            .pairs
            .entry((first.profile, second.profile))
            .or_default();
        let (one, other) = (first.qualifies(), second.qualifies());
        pair.agreement.count(one, other);
        let (counts, statuses) = match (one, other) {
            (true, false) => (&mut pair.kept_out_by_second, second.statuses),
            (false, true) => (&mut pair.kept_out_by_first, first.statuses),
            (true, true) | (false, false) => return,
        };
        for rule in obstacles(statuses) {
            *counts.entry(rule).or_default() += 1;
        }
    }

    fn name(&self, profile: usize) -> Cell {
        Cell::text(self.profiles.get(profile).map_or("", String::as_str))
    }

    /// The tables.
    #[must_use]
    pub fn tables(self) -> Vec<Table> {
        vec![
            self.agreement_table(),
            self.rules_table(),
            self.qualifying_table(),
        ]
    }

    fn agreement_table(&self) -> Table {
        let mut table = Table::new(
            "pairs",
            "Two profiles held against each other",
            "targets that both profiles judge, as their verdicts stand today; a target qualifies where it meets the profile, perhaps with something to be reviewed",
            vec![
                Column::new("first", "First profile", Unit::Key, "One profile."),
                Column::new("second", "Second profile", Unit::Key, "The other."),
                Column::new("judged", "Targets", Unit::Count, "Targets that both judge."),
                Column::new("both", "Both", Unit::Count, "Targets that qualify by both."),
                Column::new("first_only", "First only", Unit::Count, "Targets that qualify by the first and not by the second."),
                Column::new("second_only", "Second only", Unit::Count, "Targets that qualify by the second and not by the first."),
                Column::new("neither", "Neither", Unit::Count, "Targets that qualify by neither."),
                Column::new("agree_percent", "Agree", Unit::Percent, "Targets about which both say the same, in percent."),
                Column::new("kappa", "Kappa", Unit::Ratio, "Cohen's kappa: agreement beyond chance. Missing where chance alone has them agree about all."),
                Column::new("kappa_low", "95 % from", Unit::Ratio, "The lower limit of its 95 % interval (Fleiss, Cohen and Everitt 1969)."),
                Column::new("kappa_high", "to", Unit::Ratio, "The upper limit."),
            ],
        )
        .leaving_out(&self.left_out);
        for ((first, second), pair) in &self.pairs {
            let counts = pair.agreement;
            let same = Proportion::of(counts.both + counts.neither, counts.judged());
            let ratio = |value: Option<f64>| {
                value.map_or(Cell::Missing, |value| Cell::Ratio(rounded(value)))
            };
            let interval = counts.interval();
            table.push(vec![
                self.name(*first),
                self.name(*second),
                Cell::count(counts.judged()),
                Cell::count(counts.both),
                Cell::count(counts.first_only),
                Cell::count(counts.second_only),
                Cell::count(counts.neither),
                Cell::percent(same.hundredths()),
                ratio(counts.kappa()),
                ratio(interval.map(|interval| interval.low)),
                ratio(interval.map(|interval| interval.high)),
            ]);
        }
        table
    }

    fn rules_table(&self) -> Table {
        let mut table = Table::new(
            "rules",
            "Which rules make the difference",
            "targets that qualify by the one profile and not by the other; several rules of the other may keep one target out",
            vec![
                Column::new(
                    "qualifies_by",
                    "Qualifies by",
                    Unit::Key,
                    "The profile by which they qualify.",
                ),
                Column::new(
                    "not_by",
                    "Not by",
                    Unit::Key,
                    "The profile by which they do not.",
                ),
                Column::new(
                    "rule",
                    "Rule",
                    Unit::Key,
                    "A required rule of the latter that is unmet or unknown.",
                ),
                Column::new(
                    "targets",
                    "Targets",
                    Unit::Numerator,
                    "How many it keeps out.",
                ),
                Column::new(
                    "of",
                    "Of",
                    Unit::Denominator,
                    "How many qualify by the one and not by the other.",
                ),
                Column::new(
                    "percent",
                    "Share",
                    Unit::Percent,
                    "The one in percent of the other.",
                ),
            ],
        );
        for ((first, second), pair) in &self.pairs {
            let ways = [
                (
                    *first,
                    *second,
                    &pair.kept_out_by_second,
                    pair.agreement.first_only,
                ),
                (
                    *second,
                    *first,
                    &pair.kept_out_by_first,
                    pair.agreement.second_only,
                ),
            ];
            for (by, not_by, rules, all) in ways {
                let mut rules: Vec<(&Rule, &u64)> = rules.iter().collect();
                rules.sort_by_key(|(rule, count)| (std::cmp::Reverse(**count), **rule));
                for (rule, count) in rules {
                    let share = Proportion::of(*count, all);
                    table.push(vec![
                        self.name(by),
                        self.name(not_by),
                        Cell::text(rule.code()),
                        Cell::count(*count),
                        Cell::count(all),
                        Cell::percent(share.hundredths()),
                    ]);
                }
            }
        }
        table
    }

    fn qualifying_table(&self) -> Table {
        let mut table = Table::new(
            "profiles",
            "Who qualifies by each profile",
            "targets that the profile judges",
            vec![
                Column::new("profile", "Profile", Unit::Key, "The profile."),
                Column::new(
                    "qualifying",
                    "Qualify",
                    Unit::Numerator,
                    "Targets that meet it.",
                ),
                Column::new("judged", "Of", Unit::Denominator, "Targets that it judges."),
                Column::new(
                    "percent",
                    "Share",
                    Unit::Percent,
                    "The one in percent of the other.",
                ),
            ],
        );
        for (place, (qualifying, judged)) in self.qualifying.iter().enumerate() {
            let share = Proportion::of(*qualifying, *judged);
            table.push(vec![
                self.name(place),
                Cell::count(*qualifying),
                Cell::count(*judged),
                Cell::percent(share.hundredths()),
            ]);
        }
        table
    }
}
