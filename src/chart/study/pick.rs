//! Which rows of which table each figure draws.

use super::bars::{Bar, Bars};
use super::lines::{Curve, Lines};
use super::matrix::Matrix;
use super::{Drawing, share};
use crate::chart::{palette, words};
use crate::domain::study::table::Row;
use crate::domain::study::{Report, Table};
use chrono::TimeDelta;

/// Bars that a reader takes in at once.
const MOST_BARS: usize = 16;

/// A bar of a row that has a share.
fn bar(table: &Table, row: &Row, label: String, begins: bool) -> Option<Bar> {
    let counts = table
        .number(row, "numerator")
        .zip(table.number(row, "denominator"));
    let (numerator, denominator) = counts?;
    let low = table.number(row, "percent_low");
    Some(Bar {
        label,
        share: table.number(row, "percent")?,
        interval: low.zip(table.number(row, "percent_high")),
        counts: format!("{numerator} of {denominator}"),
        begins,
    })
}

/// Bars up to 100 %.
fn whole(title: String, bars: Vec<Bar>) -> Drawing {
    Drawing::Bars(Bars {
        title,
        bars,
        most: 10_000,
    })
}

/// Bars up to what the largest limit needs.
fn small(title: String, bars: Vec<Bar>) -> Drawing {
    let largest = bars
        .iter()
        .map(|bar| {
            bar.interval
                .map_or(bar.share, |(_, high)| high.max(bar.share))
        })
        .max()
        .unwrap_or(0);
    let ends = [200, 400, 1_000, 2_000, 4_000, 10_000];
    let most = ends
        .into_iter()
        .find(|end| *end >= largest)
        .unwrap_or(10_000);
    Drawing::Bars(Bars { title, bars, most })
}

pub(super) fn responders(report: &Report) -> Vec<Drawing> {
    let Some(table) = report.table("responders") else {
        return Vec::new();
    };
    let rows = |by: &[&str], threshold: Option<i64>, measure: Option<&str>| {
        let fits = |row: &&Row| {
            by.contains(&table.word(row, "by"))
                && threshold.is_none_or(|threshold| {
                    table.number(row, "threshold_percent") == Some(threshold)
                })
                && measure.is_none_or(|measure| table.word(row, "measure") == measure)
        };
        table.rows.iter().filter(fits).collect::<Vec<&Row>>()
    };
    let mut before = "";
    let overall = rows(&["all"], None, None).into_iter().filter_map(|row| {
        let measure = table.word(row, "measure");
        let begins = measure != before;
        before = measure;
        let threshold = table.number(row, "threshold_percent")?;
        let said = if measure == "scores" {
            "by scores"
        } else {
            "as stated"
        };
        bar(table, row, format!("≥{threshold} % {said}"), begins)
    });
    let overall = whole(
        "Share of ratings that reached the threshold".to_owned(),
        overall.collect(),
    );
    let mut before = "";
    let groups = rows(
        &["region", "level", "agent", "guidance", "site", "operator"],
        Some(80),
        Some("scores"),
    );
    let groups = groups.into_iter().filter_map(|row| {
        let by = table.word(row, "by");
        let begins = by != before;
        before = by;
        bar(
            table,
            row,
            format!("{by}: {}", table.word(row, "group")),
            begins,
        )
    });
    let groups = whole(
        "Share that reached 80 % by scores".to_owned(),
        groups.take(2 * MOST_BARS).collect(),
    );
    vec![overall, groups]
}

/// A survival curve from intervals: level, then falling across the stretch in which the ends lie.
fn falling(table: &Table, rows: &[&Row], label: String) -> Curve {
    let (mut points, mut bands) = (vec![(0, 10_000)], Vec::new());
    let mut before = 10_000;
    for row in rows {
        let from = table.number(row, "from_minutes").unwrap_or(0);
        let still = table.number(row, "still_percent").unwrap_or(0);
        let Some(to) = table.number(row, "to_minutes") else {
            points.push((from, before));
            continue;
        };
        points.extend([(from, before), (to, still)]);
        bands.push([from, to, still, before]);
        before = still;
    }
    let half = points.iter().find(|(_, still)| *still <= 5_000);
    let words = half.map_or_else(
        || "at least half were still in relief when their diaries ended".to_owned(),
        |(minutes, _)| {
            let by = words::time(TimeDelta::minutes(*minutes));
            format!("half had ended by {by}")
        },
    );
    Curve {
        label,
        points,
        bands,
        words,
    }
}

fn time(minutes: i64) -> String {
    match minutes {
        ..=119 => format!("{minutes} min"),
        120..=2_879 => format!("{} h", minutes / 60),
        _ => format!("{} d", minutes / 1_440),
    }
}

pub(super) fn durations(report: &Report) -> Vec<Drawing> {
    let Some(table) = report.table("curve") else {
        return Vec::new();
    };
    let of = |agent: &str, threshold: i64| {
        let fits = |row: &&Row| {
            table.word(row, "agent") == agent
                && table.number(row, "threshold_percent") == Some(threshold)
                && table.number(row, "still_percent").is_some()
        };
        table.rows.iter().filter(fits).collect::<Vec<&Row>>()
    };
    let by_threshold = [50, 75, 80, 100].into_iter().filter_map(|threshold| {
        let rows = of("all", threshold);
        (!rows.is_empty()).then(|| falling(table, &rows, format!("≥{threshold} %")))
    });
    let by_threshold = by_threshold.collect();
    let mut agents: Vec<&str> = table
        .rows
        .iter()
        .map(|row| table.word(row, "agent"))
        .collect();
    agents.dedup();
    agents.sort_unstable();
    agents.dedup();
    let by_agent = agents
        .into_iter()
        .filter(|agent| *agent != "all")
        .filter_map(|agent| {
            let rows = of(agent, 80);
            (!rows.is_empty()).then(|| falling(table, &rows, agent.to_owned()))
        });
    let by_agent = by_agent.take(palette::SERIES.len()).collect();
    [
        ("Still in relief, by the relief that is meant", by_threshold),
        ("Still in relief of at least 80 %, by agent", by_agent),
    ]
    .into_iter()
    .map(|(title, curves)| Drawing::Lines(over_time(title, curves)))
    .collect()
}

/// Where few are left, hundredths of a percent: the axis need not go on for them.
const FEW: i64 = 1_000;

fn over_time(title: &str, mut curves: Vec<Curve>) -> Lines {
    let last_of = |curve: &Curve| {
        let few = curve.points.iter().find(|(_, still)| *still <= FEW);
        few.or(curve.points.last()).map_or(0, |(at, _)| *at)
    };
    let last = curves.iter().map(last_of).max().unwrap_or(0);
    let ends = [240, 480, 720, 1_440, 4_320, 10_080, 20_160];
    let end = ends.into_iter().find(|end| *end >= last).unwrap_or(last);
    for curve in curves.iter_mut().skip(1) {
        // What one curve leaves open is shown; several laid over each other could not be told apart.
        curve.bands.clear();
    }
    for curve in &mut curves {
        curve.points = up_to(&curve.points, end);
        curve.bands.retain(|[begin, ..]| *begin < end);
    }
    let marks = (0..=4)
        .map(|quarter| end * quarter / 4)
        .map(|at| (at, time(at)))
        .collect();
    Lines {
        title: title.to_owned(),
        axis: "time since relief began; shaded: where between two diary rows it ended".to_owned(),
        span: (0, end),
        marks,
        curves,
    }
}

/// The points up to the end of the axis: a line that goes on is cut there, one that ends earlier goes on level.
fn up_to(points: &[(i64, i64)], end: i64) -> Vec<(i64, i64)> {
    let mut within: Vec<(i64, i64)> = points
        .iter()
        .copied()
        .take_while(|(at, _)| *at <= end)
        .collect();
    let Some((at, still)) = within.last().copied().filter(|(at, _)| *at < end) else {
        return within;
    };
    let beyond = points.get(within.len());
    let there = beyond.map_or(still, |(next, then)| {
        still + (then - still) * (end - at) / (next - at).max(1)
    });
    within.push((end, there));
    within
}

pub(super) fn false_positives(report: &Report) -> Vec<Drawing> {
    let Some(table) = report.table("rates") else {
        return Vec::new();
    };
    let bars = table.rows.iter().filter_map(|row| {
        let threshold = table.number(row, "threshold_percent")?;
        let of = match table.word(row, "denominator_is") {
            "positive_on_first" => "of first positive",
            _ => "of not dual-positive",
        };
        bar(
            table,
            row,
            format!("≥{threshold} %, {of}"),
            of == "of first positive",
        )
    });
    vec![whole(
        "First blocks that the second did not confirm".to_owned(),
        bars.collect(),
    )]
}

pub(super) fn sweep(report: &Report) -> Vec<Drawing> {
    let Some(table) = report.table("sweep") else {
        return Vec::new();
    };
    let curve = |blocks: i64, column: &str, label: &str, band: Option<(&str, &str)>| {
        let rows: Vec<&Row> = table
            .rows
            .iter()
            .filter(|row| table.number(row, "blocks") == Some(blocks))
            .collect();
        let at = |row: &&Row, column: &str| {
            table
                .number(row, "cut_off_percent")
                .zip(table.number(row, column))
        };
        let points: Vec<(i64, i64)> = rows.iter().filter_map(|row| at(row, column)).collect();
        // In tenths of a percent, so that the intervals of both stand beside each other.
        let (left, right) = if blocks == 1 { (-12, -2) } else { (2, 12) };
        let bands = band.map(|(low, high)| {
            let limits = rows.iter().filter_map(|row| {
                let (cut_off, low) = at(row, low)?;
                let (_, high) = at(row, high)?;
                Some([cut_off * 10 + left, cut_off * 10 + right, low, high])
            });
            limits.collect()
        });
        let said: Vec<String> = points
            .iter()
            .map(|(cut_off, reached)| format!("{} at ≥{cut_off} %", share(*reached)))
            .collect();
        Curve {
            label: label.to_owned(),
            points: points
                .iter()
                .map(|(cut_off, reached)| (cut_off * 10, *reached))
                .collect(),
            bands: bands.unwrap_or_default(),
            words: said.join(", "),
        }
    };
    let marks = || {
        (30..=100)
            .step_by(10)
            .map(|at| (at * 10, format!("{at} %")))
            .collect()
    };
    let chart = |title: &str, curves: Vec<Curve>| {
        Drawing::Lines(Lines {
            title: title.to_owned(),
            axis: "cut-off of relief".to_owned(),
            span: (280, 1_020),
            marks: marks(),
            curves,
        })
    };
    let ppv = |visit: &str, title: &str| {
        let column = |end: &str| format!("ppv_{visit}_months_{end}");
        let (percent, low, high) = (column("percent"), column("low"), column("high"));
        chart(
            title,
            vec![
                curve(1, &percent, "after one block", Some((&low, &high))),
                curve(2, &percent, "after two blocks", Some((&low, &high))),
            ],
        )
    };
    vec![
        chart(
            "Candidates, in percent of those judged",
            vec![
                curve(1, "candidates_percent", "after one block", None),
                curve(2, "candidates_percent", "after two blocks", None),
            ],
        ),
        ppv(
            "3",
            "Predictive value for ≥50 % relief at 3 months, with 95 % intervals",
        ),
        ppv(
            "6",
            "Predictive value for ≥50 % relief at 6 months, with 95 % intervals",
        ),
        ppv(
            "12",
            "Predictive value for ≥50 % relief at 12 months, with 95 % intervals",
        ),
    ]
}

pub(super) fn agreement(report: &Report) -> Vec<Drawing> {
    let Some(pairs) = report.table("pairs") else {
        return Vec::new();
    };
    let mut names: Vec<String> = Vec::new();
    for row in &pairs.rows {
        for column in ["first", "second"] {
            let name = pairs.word(row, column).to_owned();
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    if let Some(profiles) = report.table("profiles") {
        let order: Vec<&str> = profiles
            .rows
            .iter()
            .map(|row| profiles.word(row, "profile"))
            .collect();
        names.sort_by_key(|name| order.iter().position(|known| known == name));
    }
    let place = |name: &str| names.iter().position(|known| known == name);
    let of_pairs = pairs.rows.iter().filter_map(|row| {
        let (one, other) = (
            place(pairs.word(row, "first"))?,
            place(pairs.word(row, "second"))?,
        );
        Some((one.min(other), one.max(other), pairs.number(row, "kappa")))
    });
    let of_pairs = of_pairs.collect();
    vec![Drawing::Matrix(Matrix {
        title: "Agreement beyond chance (Cohen's kappa)".to_owned(),
        names,
        pairs: of_pairs,
    })]
}

pub(super) fn funnel(report: &Report) -> Vec<Drawing> {
    let steps = report.table("steps").map(|table| {
        let bars = table.rows.iter().filter_map(|row| {
            let reached = table.number(row, "numerator")?;
            let lost = table.number(row, "lost").unwrap_or(0);
            let label = crate::domain::study::funnel::Stage::from_code(table.word(row, "step"));
            Some(Bar {
                label: label.map_or_else(|_| String::new(), |stage| stage.label().to_owned()),
                share: table.number(row, "of_all_percent")?,
                interval: None,
                counts: if lost > 0 {
                    format!("{reached}, {lost} lost")
                } else {
                    reached.to_string()
                },
                begins: false,
            })
        });
        whole(
            "Episodes at each step, in percent of those considered".to_owned(),
            bars.collect(),
        )
    });
    let visits = report.table("follow_up").map(|table| {
        let bars = table.rows.iter().filter_map(|row| {
            let visit =
                crate::domain::study::visits::Visit::from_code(table.word(row, "visit")).ok()?;
            bar(table, row, visit.label().to_owned(), false)
        });
        whole(
            "Followed up at each visit, of those due".to_owned(),
            bars.collect(),
        )
    });
    steps.into_iter().chain(visits).collect()
}

pub(super) fn outcomes(report: &Report) -> Vec<Drawing> {
    let Some(table) = report.table("curve") else {
        return Vec::new();
    };
    let mut groups: Vec<(&str, &str)> = Vec::new();
    for row in &table.rows {
        let group = (table.word(row, "by"), table.word(row, "group"));
        if matches!(group.0, "all" | "region") && !groups.contains(&group) {
            groups.push(group);
        }
    }
    let curve = |(by, group): &(&str, &str)| {
        let fits = |row: &&Row| table.word(row, "by") == *by && table.word(row, "group") == *group;
        let mut points = vec![(0, 10_000)];
        let mut bands = Vec::new();
        let mut limits: Option<(i64, i64, i64)> = None;
        for row in table.rows.iter().filter(fits) {
            let steps = table
                .number(row, "day")
                .zip(table.number(row, "relieved_percent"));
            let Some((day, relieved)) = steps else {
                continue;
            };
            let before = points.last().map_or(10_000, |(_, before)| *before);
            points.extend([(day, before), (day, relieved)]);
            if let Some((since, low, high)) = limits {
                bands.push([since, day, low, high]);
            }
            let low = table.number(row, "relieved_low");
            limits = low
                .zip(table.number(row, "relieved_high"))
                .map(|(low, high)| (day, low, high));
        }
        let half = points.iter().find(|(_, relieved)| *relieved <= 5_000);
        let words = half.map_or_else(
            || "more than half still had 50 % relief when they were last seen".to_owned(),
            |(day, _)| format!("half had less than 50 % relief by day {day}"),
        );
        Curve {
            label: (*group).to_owned(),
            points,
            bands: if *by == "all" { bands } else { Vec::new() },
            words,
        }
    };
    let curves: Vec<Curve> = groups
        .iter()
        .take(palette::SERIES.len())
        .map(curve)
        .collect();
    let visits = [
        (0, "0"),
        (91, "3 mo"),
        (183, "6 mo"),
        (365, "12 mo"),
        (730, "24 mo"),
    ];
    let last = curves
        .iter()
        .flat_map(|curve| &curve.points)
        .map(|(day, _)| *day)
        .max()
        .unwrap_or(0);
    let end = visits
        .iter()
        .map(|(day, _)| *day)
        .find(|day| *day >= last.max(365))
        .unwrap_or(last);
    let marks = visits
        .iter()
        .filter(|(day, _)| *day <= end)
        .map(|(day, label)| (*day, (*label).to_owned()));
    let lines = Lines {
        title: "Ablations with relief of 50 % or more, with the 95 % band of all".to_owned(),
        axis: "time since the ablation".to_owned(),
        span: (0, end),
        marks: marks.collect(),
        curves,
    };
    let repeats = report.table("repeats").map(|table| {
        let bars = table
            .rows
            .iter()
            .filter_map(|row| bar(table, row, table.word(row, "group").to_owned(), false));
        whole("Targets that were ablated again".to_owned(), bars.collect())
    });
    std::iter::once(Drawing::Lines(lines))
        .chain(repeats)
        .collect()
}

pub(super) fn quality(report: &Report) -> Vec<Drawing> {
    let of_all = |name: &str, key: &str| {
        let table = report.table(name)?;
        let rows = table
            .rows
            .iter()
            .filter(|row| table.word(row, "by") == "all");
        let bars = rows.filter_map(|row| {
            let label = table.word(row, key).replace('_', " ");
            bar(table, row, label, false)
        });
        Some(bars.collect::<Vec<Bar>>())
    };
    let fields = of_all("completeness", "field")
        .map(|bars| whole("Fields that are recorded".to_owned(), bars));
    let series =
        of_all("series", "finding").map(|bars| small("Impossible or suspicious".to_owned(), bars));
    let digits = of_all("digits", "finding").map(|bars| whole("Preferred digits".to_owned(), bars));
    fields.into_iter().chain(series).chain(digits).collect()
}

pub(super) fn adverse_events(report: &Report) -> Vec<Drawing> {
    let Some(table) = report.table("rates") else {
        return Vec::new();
    };
    let mut before = "";
    let rows = table
        .rows
        .iter()
        .filter(|row| table.word(row, "per") == "procedure");
    let bars = rows.filter_map(|row| {
        let procedure = table.word(row, "procedure");
        let begins = procedure != before;
        before = procedure;
        let label = format!(
            "{}: {}",
            procedure.replace('_', " "),
            table.word(row, "events").replace('_', " ")
        );
        bar(table, row, label, begins)
    });
    vec![small(
        "Procedures with at least one such event".to_owned(),
        bars.take(2 * MOST_BARS).collect(),
    )]
}

pub(super) fn what_if(report: &Report) -> Vec<Drawing> {
    let Some(table) = report.table("summary") else {
        return Vec::new();
    };
    let bars = table.rows.iter().filter_map(|row| {
        let label = table.word(row, "group").replace('_', " ");
        bar(table, row, label, false)
    });
    vec![whole(
        "Targets, in percent of those judged".to_owned(),
        bars.collect(),
    )]
}
