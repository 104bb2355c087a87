//! Bars with intervals, one under the other.

use super::{percent, share};
use crate::chart::canvas::{Canvas, Drawn, Frame, Hold};
use crate::chart::palette;

/// One bar.
pub(super) struct Bar {
    /// What it is about.
    pub(super) label: String,
    /// The share in hundredths of a percent.
    pub(super) share: i64,
    /// Its interval.
    pub(super) interval: Option<(i64, i64)>,
    /// The counts, as `4 of 6`.
    pub(super) counts: String,
    /// Whether it begins a group.
    pub(super) begins: bool,
}

/// A chart of bars.
pub(super) struct Bars {
    /// What it shows.
    pub(super) title: String,
    /// The bars, from above.
    pub(super) bars: Vec<Bar>,
    /// The share at the right edge, in hundredths of a percent; at least the largest limit.
    pub(super) most: i64,
}

const LEFT: i32 = 240;
const RIGHT: i32 = 560;
const TOP: i32 = 40;
const ROW: i32 = 24;
const APART: i32 = 10;
const TEXT: u32 = 14;
/// Letters that fit before a bar.
const LABEL: usize = 28;

/// The chart as one `<svg>`.
pub(super) fn bars(id: &str, chart: &Bars) -> String {
    let groups = chart.bars.iter().filter(|bar| bar.begins).count();
    let rows = i32::try_from(chart.bars.len()).unwrap_or(0) * ROW;
    let gaps = i32::try_from(groups).unwrap_or(0) * APART;
    let height = TOP + rows + gaps + 34;
    let words = words(chart);
    let frame = Frame {
        size: (760, u32::try_from(height).unwrap_or(760)),
        id,
        class: "study",
        title: &chart.title,
        words: &words,
    };
    frame.around(|canvas| draw(chart, canvas, height))
}

fn draw(chart: &Bars, canvas: &Canvas<'_>, height: i32) -> Drawn {
    let most = i32::try_from(chart.most.max(1)).unwrap_or(10_000);
    let plot = canvas.plot((0..most, LEFT..RIGHT), (0..1, (1, 0)));
    let x = |share: i64| {
        plot.at((i32::try_from(share).unwrap_or(0).clamp(0, most), 0))
            .0
    };
    canvas.text((0, 12), Hold::Left, TEXT, palette::INK, &chart.title)?;
    let bottom = height - 30;
    for quarter in 0..=4 {
        let share = chart.most * quarter / 4;
        let at = x(share);
        canvas.line(vec![(at, TOP - 8), (at, bottom)], palette::GRID, 1)?;
        canvas.text(
            (at, bottom + 14),
            Hold::Middle,
            TEXT,
            palette::AXIS,
            &percent(share),
        )?;
    }
    let mut y = TOP;
    for bar in &chart.bars {
        if bar.begins && y > TOP {
            y += APART;
        }
        let middle = y + ROW / 2;
        let label = shortened(&bar.label);
        canvas.text((LEFT - 8, middle), Hold::Right, TEXT, palette::INK, &label)?;
        let end = x(bar.share).max(LEFT + 1);
        canvas.bar((LEFT, middle - 7), (end, middle + 7), palette::SHARE)?;
        if let Some((low, high)) = bar.interval {
            let (low, high) = (x(low), x(high));
            canvas.line(vec![(low, middle), (high, middle)], palette::INK, 1)?;
            canvas.line(vec![(low, middle - 4), (low, middle + 4)], palette::INK, 1)?;
            canvas.line(
                vec![(high, middle - 4), (high, middle + 4)],
                palette::INK,
                1,
            )?;
        }
        let said = format!("{} ({})", share(bar.share), bar.counts);
        canvas.text((RIGHT + 10, middle), Hold::Left, TEXT, palette::INK, &said)?;
        y += ROW;
    }
    canvas.line(vec![(LEFT, TOP - 8), (LEFT, bottom)], palette::AXIS, 1)
}

fn shortened(label: &str) -> String {
    if label.chars().count() <= LABEL {
        return label.to_owned();
    }
    let mut short: String = label.chars().take(LABEL - 1).collect();
    short.push('…');
    short
}

fn words(chart: &Bars) -> String {
    let bar = |bar: &Bar| {
        let interval = bar.interval.map_or_else(String::new, |(low, high)| {
            format!(", 95 % interval {} to {}", share(low), share(high))
        });
        format!(
            "{}: {} ({}){interval}",
            bar.label,
            share(bar.share),
            bar.counts
        )
    };
    let bars: Vec<String> = chart.bars.iter().map(bar).collect();
    format!("{}.", bars.join("; "))
}
