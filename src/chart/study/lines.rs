//! Lines and steps over an axis: survival curves with bands, and what each cut-off would have meant.

use super::percent;
use crate::chart::canvas::{Canvas, Drawn, Frame, Hold, Plot};
use crate::chart::palette;

/// One line.
pub(super) struct Curve {
    /// What it is.
    pub(super) label: String,
    /// Its points: a place on the axis, and hundredths of a percent.
    pub(super) points: Vec<(i64, i64)>,
    /// Stretches around it: from and to on the axis, low and high in hundredths of a percent.
    pub(super) bands: Vec<[i64; 4]>,
    /// What it says in words.
    pub(super) words: String,
}

/// A chart of lines.
pub(super) struct Lines {
    /// What it shows.
    pub(super) title: String,
    /// What the axis is.
    pub(super) axis: String,
    /// Where the axis begins and ends.
    pub(super) span: (i64, i64),
    /// The marks on the axis.
    pub(super) marks: Vec<(i64, String)>,
    /// The lines, at most as many as there are colours.
    pub(super) curves: Vec<Curve>,
}

impl Lines {
    pub(super) fn has_points(&self) -> bool {
        self.curves.iter().any(|curve| !curve.points.is_empty())
    }
}

const LEFT: i32 = 58;
const RIGHT: i32 = 684;
const TEXT: u32 = 14;
const DEEP: i32 = 200;

/// The chart as one `<svg>`.
pub(super) fn lines(id: &str, chart: &Lines) -> String {
    let legend = legend(chart);
    let top = 34 + 20 * (1 + legend.iter().map(|(_, row, _)| *row).max().unwrap_or(0));
    let height = top + DEEP + 54;
    let said: Vec<String> = chart
        .curves
        .iter()
        .map(|curve| format!("{}: {}", curve.label, curve.words))
        .collect();
    let words = format!("{}.", said.join("; "));
    let frame = Frame {
        size: (720, u32::try_from(height).unwrap_or(360)),
        id,
        class: "study",
        title: &chart.title,
        words: &words,
    };
    frame.around(|canvas| draw(chart, &legend, canvas, top))
}

/// Where each label of the legend stands: from the left, in which row, of which curve.
fn legend(chart: &Lines) -> Vec<(i32, i32, usize)> {
    let (mut x, mut row) = (LEFT, 0);
    let mut places = Vec::new();
    for (place, curve) in chart.curves.iter().enumerate() {
        let width = 56 + 8 * i32::try_from(curve.label.chars().count()).unwrap_or(0);
        if x + width > RIGHT && x > LEFT {
            (x, row) = (LEFT, row + 1);
        }
        places.push((x, row, place));
        x += width;
    }
    places
}

fn draw(chart: &Lines, legend: &[(i32, i32, usize)], canvas: &Canvas<'_>, top: i32) -> Drawn {
    let bottom = top + DEEP;
    let whole = |number: i64| i32::try_from(number).unwrap_or(i32::MAX);
    let (from, to) = (
        whole(chart.span.0),
        whole(chart.span.1.max(chart.span.0 + 1)),
    );
    let plot = canvas.plot((from..to, LEFT..RIGHT), (0..10_000, (bottom, top)));
    canvas.text((0, 12), Hold::Left, TEXT, palette::INK, &chart.title)?;
    for (place, curve) in chart.curves.iter().enumerate() {
        for [begin, end, low, high] in &curve.bands {
            let corner = |x: i64, y: i64| plot.at((whole(x).clamp(from, to), whole(y)));
            canvas.bar(corner(*begin, *high), corner(*end, *low), band(place))?;
        }
    }
    for quarter in 0..=4 {
        let share = quarter * 2_500;
        let (_, y) = plot.at((from, share));
        canvas.line(vec![(LEFT, y), (RIGHT, y)], palette::GRID, 1)?;
        canvas.text(
            (LEFT - 8, y),
            Hold::Right,
            TEXT,
            palette::AXIS,
            &percent(share.into()),
        )?;
    }
    canvas.line(vec![(LEFT, bottom), (RIGHT, bottom)], palette::AXIS, 1)?;
    for (at, label) in &chart.marks {
        let (x, _) = plot.at((whole(*at), 0));
        canvas.line(vec![(x, bottom), (x, bottom + 5)], palette::AXIS, 1)?;
        canvas.text((x, bottom + 16), Hold::Middle, TEXT, palette::AXIS, label)?;
    }
    canvas.text(
        (LEFT, bottom + 38),
        Hold::Left,
        TEXT,
        palette::AXIS,
        &chart.axis,
    )?;
    for (place, curve) in chart.curves.iter().enumerate().rev() {
        draw_curve(canvas, &plot, (from, to), curve, place)?;
    }
    for (x, row, place) in legend {
        let y = 36 + 20 * row;
        canvas.line(vec![(*x, y), (x + 28, y)], colour(*place), 2)?;
        let label = chart
            .curves
            .get(*place)
            .map_or("", |curve| curve.label.as_str());
        canvas.text((x + 34, y), Hold::Left, TEXT, palette::INK, label)?;
    }
    Ok(())
}

fn draw_curve(
    canvas: &Canvas<'_>,
    plot: &Plot<'_>,
    (from, to): (i32, i32),
    curve: &Curve,
    place: usize,
) -> Drawn {
    let within = |(x, _): &&(i64, i64)| *x >= i64::from(from) && *x <= i64::from(to);
    let points = curve.points.iter().filter(within);
    let points = points.map(|(x, y)| {
        plot.at((
            i32::try_from(*x).unwrap_or(to),
            i32::try_from(*y).unwrap_or(0),
        ))
    });
    canvas.line(points.collect(), colour(place), 2)
}

fn colour(place: usize) -> &'static str {
    palette::SERIES
        .get(place)
        .copied()
        .unwrap_or(palette::EARLIER)
}

fn band(place: usize) -> &'static str {
    palette::BANDS.get(place).copied().unwrap_or(palette::GRID)
}
