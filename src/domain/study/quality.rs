//! Quality of the records: what is missing, what was entered from memory, what looks impossible or suspicious, and
//! whether some digits are preferred.

use super::cohort::{BlockReading, CohortPatient, readings};
use super::table::{Cell, Column, SHARE, Table, Unit, share};
use super::{Options, Selection};
use crate::domain::ablation::{Ablation, FollowUp};
use crate::domain::block::Block;
use crate::domain::episode::Episode;
use crate::domain::pain::{RecordedScore, Scale, Threshold};
use crate::domain::statistics::digits::uneven;
use crate::domain::statistics::{Proportion, rounded};
use chrono::{NaiveDate, TimeDelta};
use std::collections::{BTreeMap, HashMap};

/// The site, or all of them; all come first.
type Site = Option<String>;

/// A field of an episode, a block, an ablation or a follow-up, and whether it is recorded.
type Field<T> = (&'static str, fn(&T) -> bool);

const OF_EPISODE: [Field<Episode>; 8] = [
    ("episode.onset_date", |episode| episode.onset_date.is_some()),
    ("episode.axial", |episode| episode.axial.is_some()),
    ("episode.radiculopathy", |episode| {
        episode.radiculopathy.is_some()
    }),
    ("episode.other_causes_excluded", |episode| {
        episode.other_causes_excluded.is_some()
    }),
    ("episode.fused_joints", |episode| {
        episode.fused_joints.is_some()
    }),
    ("episode.conservative_care", |episode| {
        !episode.conservative_care.is_empty()
    }),
    ("episode.disability", |episode| {
        !episode.disability.is_empty()
    }),
    ("episode.diagnosis", |episode| episode.diagnosis.is_some()),
];

const OF_BLOCK: [Field<Block>; 7] = [
    ("block.agent", |block| block.agent.is_some()),
    ("block.guidance", |block| block.guidance.is_some()),
    ("block.steroid", |block| block.steroid.is_some()),
    ("block.sedation", |block| block.sedation.is_some()),
    ("block.volume_ml_per_nerve", |block| {
        block.volume_microlitres_per_nerve.is_some()
    }),
    ("block.operator", |block| block.operator.is_some()),
    ("block.site", |block| block.site.is_some()),
];

const OF_ABLATION: [Field<Ablation>; 4] = [
    ("ablation.pre_score", |ablation| {
        ablation.pre_score.is_some()
    }),
    ("ablation.technique", |ablation| {
        ablation.technique.is_some()
    }),
    ("ablation.temperature_c", |ablation| {
        ablation.temperature_tenths_c.is_some()
    }),
    ("ablation.operator", |ablation| ablation.operator.is_some()),
];

const OF_FOLLOW_UP: [Field<FollowUp>; 3] = [
    ("follow_up.relief", |follow_up| {
        follow_up.score.is_some() || follow_up.stated_relief.is_some()
    }),
    ("follow_up.function_improvement_percent", |follow_up| {
        follow_up.function_improvement.is_some()
    }),
    ("follow_up.pgic", |follow_up| follow_up.pgic.is_some()),
];

/// A rating that does not move: so many scores after the injection, all equal to the baseline.
const FLAT_ROWS: usize = 4;

/// So far apart, in tenths of a percent, stated relief and the best by scores contradict each other.
const APART_TENTHS: i32 = 500;

/// What is counted so far of one site.
#[derive(Debug, Default)]
struct Counts {
    complete: BTreeMap<&'static str, Proportion>,
    retrospective: Proportion,
    suspicious: BTreeMap<&'static str, Proportion>,
    vas_digits: [u64; 10],
    nrs_whole: Proportion,
    nrs_fives: Proportion,
}

/// What is counted so far.
#[derive(Debug, Default)]
pub struct Quality {
    sites: BTreeMap<Site, Counts>,
}

impl Quality {
    /// Adds one patient.
    pub fn add(&mut self, patient: &CohortPatient, selection: &Selection, as_of: NaiveDate) {
        for episode in &patient.episodes {
            let readings = readings(&episode.history, as_of);
            let chosen: Vec<&BlockReading<'_>> = readings
                .iter()
                .filter(|reading| selection.block(episode.id, reading.block()))
                .collect();
            if let Some(first) = chosen.first() {
                self.of_sites(first.block().site.as_ref(), |counts| {
                    complete(counts, &OF_EPISODE, &episode.history.episode);
                });
            }
            for reading in chosen {
                let retrospective = patient
                    .retrospective
                    .get(&reading.recorded.id)
                    .copied()
                    .unwrap_or(0);
                self.of_sites(reading.block().site.as_ref(), |counts| {
                    complete(counts, &OF_BLOCK, reading.block());
                    of_scores(counts, reading, retrospective);
                });
            }
            for recorded in &episode.history.ablations {
                let ablation = &recorded.ablation;
                if ablation.performed_on > as_of || !selection.ablation(episode, ablation) {
                    continue;
                }
                self.of_sites(ablation.site.as_ref(), |counts| {
                    complete(counts, &OF_ABLATION, ablation);
                    for one in &recorded.follow_ups {
                        complete(counts, &OF_FOLLOW_UP, &one.follow_up);
                    }
                });
            }
        }
    }

    /// Counts for all sites together and for one.
    fn of_sites(&mut self, site: Option<&String>, mut count: impl FnMut(&mut Counts)) {
        count(self.sites.entry(None).or_default());
        let name = site.map_or("not recorded", String::as_str);
        match self.sites.get_mut(&Some(name.to_owned())) {
            Some(counts) => count(counts),
            None => count(self.sites.entry(Some(name.to_owned())).or_default()),
        }
    }

    /// The tables.
    #[must_use]
    pub fn tables(self, options: Options) -> Vec<Table> {
        let group = [
            Column::new("by", "By", Unit::Key, "`all` or `site`."),
            Column::new("group", "Group", Unit::Key, "Which site."),
        ];
        let with = |column: Column| {
            let mut columns = group.to_vec();
            columns.push(column);
            columns.extend(SHARE);
            columns
        };
        let mut fields = Table::new(
            "completeness",
            "What is recorded",
            "records that could hold the field: episodes with a selected block (at the site of the first), diagnostic medial branch blocks, ablations, follow-ups",
            with(Column::new("field", "Field", Unit::Key, "The field, by its name in the API.")),
        )
        .parts_of(&["by", "field"]);
        let mut series = Table::new(
            "series",
            "Impossible or suspicious",
            "ratings of diagnostic medial branch blocks; for retrospective entries, scores; for contradictions, ratings with both a stated and a scored relief; for conflicting rows, blocks",
            with(Column::new("finding", "Finding", Unit::Key, "What was found; docs/analytics.md says how.")),
        )
        .parts_of(&["by", "finding"]);
        let mut digits = Table::new(
            "digits",
            "Digit preference",
            "scores on the scale; VAS: the last digit in millimetres, of ten that would come equally often; NRS: whole numbers, and 0, 5 or 10",
            {
                let mut columns = with(Column::new("finding", "Digits", Unit::Key, "`vas_ends_in_0_or_5`, `nrs_whole`, `nrs_0_5_10`."));
                columns.push(Column::new("chi_square", "Chi-square", Unit::Ratio, "Of the ten last digits against equal ones, nine degrees of freedom; VAS only."));
                columns.push(Column::new("p", "p", Unit::Ratio, "How likely so uneven digits are by chance alone."));
                columns
            },
        )
        .parts_of(&["by", "finding"]);
        for (site, counts) in &self.sites {
            let key = |name: &str| match site {
                None => vec![Cell::text("all"), Cell::text("all"), Cell::text(name)],
                Some(site) => vec![
                    Cell::text("site"),
                    Cell::text(site.as_str()),
                    Cell::text(name),
                ],
            };
            let push = |table: &mut Table, name: &str, proportion: Proportion, more: Vec<Cell>| {
                let mut cells = key(name);
                cells.extend(share(proportion, options.interval));
                cells.extend(more);
                table.push(cells);
            };
            for (field, proportion) in &counts.complete {
                push(&mut fields, field, *proportion, Vec::new());
            }
            push(
                &mut series,
                "retrospective_entry",
                counts.retrospective,
                Vec::new(),
            );
            for (finding, proportion) in &counts.suspicious {
                push(&mut series, finding, *proportion, Vec::new());
            }
            let nothing = || vec![Cell::Missing, Cell::Missing];
            push(&mut digits, "nrs_whole", counts.nrs_whole, nothing());
            push(&mut digits, "nrs_0_5_10", counts.nrs_fives, nothing());
            let all = counts.vas_digits.iter().sum();
            let [zero, _, _, _, _, five, ..] = counts.vas_digits;
            let test = uneven(&counts.vas_digits).map_or_else(nothing, |test| {
                vec![
                    Cell::Ratio(rounded(test.statistic)),
                    Cell::Ratio(rounded(test.p)),
                ]
            });
            push(
                &mut digits,
                "vas_ends_in_0_or_5",
                Proportion::of(zero + five, all),
                test,
            );
        }
        vec![fields, series, digits]
    }
}

fn complete<T>(counts: &mut Counts, fields: &[Field<T>], record: &T) {
    for (name, is_recorded) in fields {
        counts
            .complete
            .entry(name)
            .or_default()
            .count(is_recorded(record));
    }
}

fn of_scores(counts: &mut Counts, reading: &BlockReading<'_>, retrospective: u64) {
    let scores = &reading.recorded.scores;
    counts.retrospective.numerator += retrospective;
    counts.retrospective.denominator += u64::try_from(scores.len()).unwrap_or(u64::MAX);
    let mut suspicious = |name: &'static str, found: bool| {
        counts.suspicious.entry(name).or_default().count(found);
    };
    suspicious("conflicting_rows", conflicting(scores));
    for rating in reading.ratings() {
        let before = |score: &&RecordedScore| score.row.taken_at <= reading.block().performed_at;
        let (baselines, later): (Vec<_>, Vec<_>) = scores.iter().partition(before);
        suspicious("no_baseline", baselines.is_empty());
        suspicious("no_later_score", later.is_empty());
        let Some(series) = &rating.series else {
            suspicious("not_comparable", !baselines.is_empty() && !later.is_empty());
            continue;
        };
        suspicious("not_comparable", false);
        let baseline = series.baseline.row.score;
        suspicious("baseline_0", baseline.tenths() == 0);
        let flat = series.rows.len() >= FLAT_ROWS
            && series
                .rows
                .iter()
                .all(|row| row.recorded.row.score == baseline);
        suspicious("flat", flat);
        let best = series.best().map(|(_, relief)| relief);
        // Relief before any anesthetic can act, all at once and from the first row on.
        let first = series.rows.first();
        let at_once = first.is_some_and(|row| {
            row.since_injection < TimeDelta::minutes(1)
                && series
                    .relief_at(row)
                    .is_some_and(|relief| relief.reaches(Threshold::FIFTY))
        });
        suspicious("relief_within_a_minute", at_once);
        if let (Some(best), Some(stated)) = (best, rating.stated) {
            let apart = (best.floor_tenths() - i32::from(stated.tenths())).abs();
            suspicious("stated_contradicts_scores", apart >= APART_TENTHS);
        }
    }
    for score in scores {
        let tenths = score.row.score.tenths();
        match score.row.score.scale() {
            Scale::Vas => {
                let digit = usize::try_from((tenths / 10) % 10).unwrap_or(0);
                if let Some(count) = counts.vas_digits.get_mut(digit) {
                    *count += 1;
                }
            }
            Scale::Nrs => {
                counts.nrs_whole.count(tenths % 10 == 0);
                counts.nrs_fives.count(tenths % 50 == 0);
            }
        }
    }
}

/// Whether two rows of one instant, scale, context and side say different things.
fn conflicting(scores: &[RecordedScore]) -> bool {
    let mut seen = HashMap::new();
    scores.iter().any(|score| {
        let row = &score.row;
        let key = (row.taken_at, row.score.scale(), row.context, row.side);
        let before = seen.insert(key, row.score);
        before.is_some_and(|before| before != row.score)
    })
}
