//! Draws pain curves.

use super::canvas::{Canvas, Drawn, Frame, Hold, Marker, Place, Plot};
use super::curve::{CurveBlock, CurveFinding, CurveLine, CurvePoint, PainCurve};
use super::palette;
use super::time::TimeAxis;
use super::words;
use crate::domain::pain::{Scale, Score, Tenths};
use crate::domain::relief::{ReliefFinding, ReliefInterval};
use chrono::TimeDelta;

/// Units of the drawing from edge to edge, and where the axes lie in it.
const WIDTH: i32 = 720;
const LEFT: i32 = 40;
const INJECTION: i32 = 92;
const RIGHT: i32 = 622;
const PLOT_HEIGHT: i32 = 200;
const LEGEND_ROW: i32 = 22;
const LANE: i32 = 34;

/// The size of ordinary text, and how wide one letter of it is at most on average.
const TEXT: u32 = 14;
const LETTER: i32 = 8;

/// The top of the scale on the axis: hundredths of an NRS point, tenths of a millimetre.
const TOP: i32 = 10_000;

/// How a line is drawn.
#[derive(Debug, Clone, Copy)]
struct Look {
    colour: &'static str,
    marker: Marker,
}

/// What is written and drawn under the plot: a finding or an expectation.
struct Lane {
    words: String,
    /// From and to since the injection, and in which colour; the later over the earlier.
    bars: Vec<(TimeDelta, TimeDelta, &'static str)>,
    open: bool,
}

/// Score against time since the injection, as one `<svg>`.
#[must_use]
pub fn pain_curve(curve: &PainCurve) -> String {
    let drawing = Drawing::of(curve);
    let height = drawing.height();
    let frame = Frame {
        size: (720, u32::try_from(height).unwrap_or(0)),
        id: &curve.id,
        class: "curve",
        title: &title(curve),
        words: &pain_curve_words(curve),
    };
    frame.around(|canvas| drawing.draw(canvas))
}

fn title(curve: &PainCurve) -> String {
    let labels: Vec<&str> = curve
        .blocks
        .iter()
        .map(|block| block.label.as_str())
        .collect();
    match labels.as_slice() {
        [] => "No block to show".to_owned(),
        [one] => format!("Pain after the block of {one}"),
        several => format!("Pain after the blocks of {}", several.join(" and ")),
    }
}

/// What a pain curve shows, in words: its text alternative.
#[must_use]
pub fn pain_curve_words(curve: &PainCurve) -> String {
    let mut sentences = Vec::new();
    for block in &curve.blocks {
        for finding in &block.findings {
            sentences.push(finding_words(block, finding));
        }
        for line in &block.lines {
            sentences.push(line_words(block, line));
        }
        if let Some(expected) = expected_words(block) {
            sentences.push(format!("{expected}."));
        }
    }
    if sentences.is_empty() {
        sentences.push("No scores are recorded.".to_owned());
    }
    sentences.join(" ")
}

fn finding_words(block: &CurveBlock, finding: &CurveFinding) -> String {
    let found = words::finding(finding.finding, block.threshold);
    let baseline = finding
        .baseline
        .map(|baseline| format!("baseline {baseline}, "))
        .unwrap_or_default();
    let side = side_of(block, finding.side);
    let cut = if finding.cut_by_analgesic {
        " Scores after an analgesic do not count."
    } else {
        ""
    };
    format!("Block of {}{side}: {baseline}{found}.{cut}", block.label)
}

/// The side where the block's findings tell sides apart.
fn side_of(block: &CurveBlock, side: Option<crate::domain::anatomy::Side>) -> String {
    if block.findings.len() > 1 || side.is_none() {
        format!(", {}", words::side(side))
    } else {
        String::new()
    }
}

fn line_words(block: &CurveBlock, line: &CurveLine) -> String {
    let scores: Vec<String> = line.points.iter().map(point_words).collect();
    let uncounted = if line.counted { "" } else { ", not counted" };
    format!(
        "Scores of {}, {}, {}{uncounted} ({}): {}.",
        block.label,
        words::side(line.side),
        words::context(line.context),
        line.scale,
        scores.join(", ")
    )
}

fn point_words(point: &CurvePoint) -> String {
    let score = Tenths(i32::from(point.score.tenths()));
    let analgesic = if point.analgesic {
        " (analgesic taken)"
    } else {
        ""
    };
    if point.since_injection <= TimeDelta::zero() {
        format!("before {score}{analgesic}")
    } else {
        format!("{} {score}{analgesic}", words::time(point.since_injection))
    }
}

fn expected_words(block: &CurveBlock) -> Option<String> {
    let (agent, window) = block.agent.zip(block.window)?;
    let minutes = |minutes: u32| words::time(TimeDelta::minutes(minutes.into()));
    Some(format!(
        "Expected of {agent}: {} to {} (advisory)",
        minutes(window.from_minutes),
        minutes(window.to_minutes)
    ))
}

/// A pain curve with everything measured.
struct Drawing<'a> {
    curve: &'a PainCurve,
    axis: TimeAxis,
    legend: Vec<(String, Look)>,
    legend_rows: Vec<Vec<usize>>,
    lanes: Vec<Lane>,
    analgesic: bool,
}

impl<'a> Drawing<'a> {
    fn of(curve: &'a PainCurve) -> Drawing<'a> {
        let axis = TimeAxis::up_to(latest(curve));
        let legend: Vec<(String, Look)> = lines(curve)
            .map(|(block, line, look)| (legend_words(curve, block, line), look))
            .collect();
        Drawing {
            curve,
            axis,
            legend_rows: rows(legend.iter().map(|(words, _)| words.as_str())),
            legend,
            lanes: lanes(curve),
            analgesic: points(curve).any(|point| point.analgesic),
        }
    }

    fn top(&self) -> i32 {
        let rows = i32::try_from(self.legend_rows.len()).unwrap_or(0);
        (rows + 1) * LEGEND_ROW + 14
    }

    fn bottom(&self) -> i32 {
        self.top() + PLOT_HEIGHT
    }

    fn lanes_from(&self) -> i32 {
        self.bottom() + 52
    }

    fn height(&self) -> i32 {
        let lanes = i32::try_from(self.lanes.len()).unwrap_or(0);
        self.lanes_from() + lanes * LANE + 4
    }

    fn draw(&self, canvas: &Canvas<'_>) -> Drawn {
        let plot = canvas.plot(
            (0..self.axis.length(), INJECTION..RIGHT),
            (0..TOP, (self.bottom(), self.top())),
        );
        self.draw_shades(canvas, &plot)?;
        self.draw_scale(canvas, &plot)?;
        self.draw_time(canvas, &plot)?;
        self.draw_thresholds(canvas, &plot)?;
        for (_, line, look) in lines(self.curve) {
            self.draw_line(canvas, &plot, line, look)?;
        }
        self.draw_legend(canvas)?;
        self.lanes
            .iter()
            .zip(0..)
            .try_for_each(|(lane, place)| self.draw_lane(canvas, &plot, lane, place))
    }

    /// Relief in the plot itself, where there is but one finding; several are told apart by their lanes.
    fn draw_shades(&self, canvas: &Canvas<'_>, plot: &Plot<'_>) -> Drawn {
        let mut findings = self.curve.blocks.iter().flat_map(|block| &block.findings);
        let (Some(finding), None) = (findings.next(), findings.next()) else {
            return Ok(());
        };
        let (bars, _) = relief_bars(finding);
        bars.into_iter().try_for_each(|(from, to, colour)| {
            canvas.bar(
                plot.at((self.axis.place(from), TOP)),
                plot.at((self.axis.place(to), 0)),
                colour,
            )
        })
    }

    fn draw_scale(&self, canvas: &Canvas<'_>, plot: &Plot<'_>) -> Drawn {
        let (labels, title) = scale_words(self.curve);
        for (label, height) in labels.into_iter().zip((0..=TOP).step_by(2_000)) {
            let (_, y) = plot.at((0, height));
            canvas.line(vec![(LEFT, y), (RIGHT, y)], palette::GRID, 1)?;
            canvas.text((LEFT - 8, y), Hold::Right, TEXT, palette::AXIS, label)?;
        }
        canvas.text((0, 11), Hold::Left, TEXT, palette::AXIS, title)
    }

    fn draw_time(&self, canvas: &Canvas<'_>, plot: &Plot<'_>) -> Drawn {
        let bottom = self.bottom();
        canvas.line(
            vec![(INJECTION, self.top()), (INJECTION, bottom)],
            palette::AXIS,
            1,
        )?;
        canvas.line(vec![(LEFT, bottom), (RIGHT, bottom)], palette::AXIS, 1)?;
        let mut taken: Vec<(i32, i32)> = Vec::new();
        let before = (LEFT + INJECTION) / 2;
        self.draw_time_label(canvas, before, "before", &mut taken)?;
        for (place, label) in self.axis.labels() {
            let (x, _) = plot.at((place, 0));
            canvas.line(vec![(x, bottom), (x, bottom + 5)], palette::AXIS, 1)?;
            self.draw_time_label(canvas, x, label, &mut taken)?;
        }
        let changes = self.axis.changes();
        let title = changes.map_or_else(
            || "time since the injection".to_owned(),
            |changes| format!("time since the injection; the scale changes at {changes}"),
        );
        canvas.text(
            (INJECTION, bottom + 36),
            Hold::Left,
            TEXT,
            palette::AXIS,
            &title,
        )
    }

    /// Writes a label where it meets no other.
    fn draw_time_label(
        &self,
        canvas: &Canvas<'_>,
        x: i32,
        label: &str,
        taken: &mut Vec<(i32, i32)>,
    ) -> Drawn {
        let half = width_of(label) / 2 + 4;
        let free = taken
            .iter()
            .all(|(from, to)| x + half < *from || x - half > *to);
        if !free {
            return Ok(());
        }
        taken.push((x - half, x + half));
        canvas.text(
            (x, self.bottom() + 16),
            Hold::Middle,
            TEXT,
            palette::AXIS,
            label,
        )
    }

    fn draw_thresholds(&self, canvas: &Canvas<'_>, plot: &Plot<'_>) -> Drawn {
        let mut heights: Vec<(i32, String)> = self
            .curve
            .blocks
            .iter()
            .flat_map(|block| {
                let baselines = block.findings.iter().filter_map(|finding| finding.baseline);
                baselines.map(|baseline| {
                    let left = 100 - i32::from(block.threshold.percent());
                    (
                        height(baseline) * left / 100,
                        format!("{} relief", block.threshold),
                    )
                })
            })
            .collect();
        heights.sort();
        heights.dedup();
        let mut labelled: Option<(i32, String)> = None;
        for (height, label) in heights {
            let (_, y) = plot.at((0, height));
            canvas.line(vec![(INJECTION, y), (RIGHT, y)], palette::THRESHOLD, 1)?;
            let place = match &labelled {
                // One label does for lines that lie close together and mean the same.
                Some((other, same)) if *same == label && other - y < 16 => continue,
                Some((other, _)) => y.min(other - 16),
                None => y,
            };
            canvas.text(
                (RIGHT + 8, place),
                Hold::Left,
                TEXT,
                palette::THRESHOLD,
                &label,
            )?;
            labelled = Some((place, label));
        }
        Ok(())
    }

    fn draw_line(
        &self,
        canvas: &Canvas<'_>,
        plot: &Plot<'_>,
        line: &CurveLine,
        look: Look,
    ) -> Drawn {
        let drawn: Vec<&CurvePoint> = line
            .points
            .iter()
            .filter(|point| self.axis.holds(point.since_injection))
            .collect();
        let place = |point: &CurvePoint| self.point(plot, point);
        let counted: Vec<&CurvePoint> = drawn
            .iter()
            .copied()
            .filter(|point| point.counted)
            .collect();
        // What does not count goes on from the last score that does.
        let rest = drawn.iter().copied().skip(counted.len().saturating_sub(1));
        let rest: Vec<Place> = rest.map(place).collect();
        if rest.len() > 1 {
            canvas.line(rest, palette::NOT_COUNTED, 2)?;
        }
        if counted.len() > 1 {
            canvas.line(counted.iter().copied().map(place).collect(), look.colour, 2)?;
        }
        for point in drawn {
            let (x, y) = place(point);
            if point.analgesic {
                canvas.marker((x, y - 13), Marker::Triangle, palette::ANALGESIC)?;
            }
            let colour = if point.counted {
                look.colour
            } else {
                palette::NOT_COUNTED
            };
            canvas.marker((x, y), look.marker, colour)?;
        }
        Ok(())
    }

    fn point(&self, plot: &Plot<'_>, point: &CurvePoint) -> Place {
        let (x, y) = plot.at((self.axis.place(point.since_injection), height(point.score)));
        if point.since_injection <= TimeDelta::zero() {
            ((LEFT + INJECTION) / 2, y)
        } else {
            (x, y)
        }
    }

    fn draw_legend(&self, canvas: &Canvas<'_>) -> Drawn {
        for (row, y) in self
            .legend_rows
            .iter()
            .zip((0..).map(|row| 11 + LEGEND_ROW * (row + 1)))
        {
            let mut x = 0;
            for (words, look) in row.iter().filter_map(|entry| self.legend.get(*entry)) {
                canvas.line(vec![(x, y), (x + 26, y)], look.colour, 2)?;
                canvas.marker((x + 13, y), look.marker, look.colour)?;
                canvas.text((x + 34, y), Hold::Left, TEXT, palette::INK, words)?;
                x += legend_width(words);
            }
        }
        if self.analgesic {
            let words = "analgesic taken";
            let x = WIDTH - width_of(words);
            canvas.marker((x - 14, 11), Marker::Triangle, palette::ANALGESIC)?;
            canvas.text((x, 11), Hold::Left, TEXT, palette::INK, words)?;
        }
        Ok(())
    }

    fn draw_lane(&self, canvas: &Canvas<'_>, plot: &Plot<'_>, lane: &Lane, place: i32) -> Drawn {
        let top = self.lanes_from() + place * LANE;
        canvas.text((LEFT, top + 8), Hold::Left, TEXT, palette::INK, &lane.words)?;
        for (from, to, colour) in &lane.bars {
            let (from, _) = plot.at((self.axis.place(*from), 0));
            let (to, _) = plot.at((self.axis.place(*to), 0));
            canvas.bar((from, top + 18), (to.max(from + 2), top + 25), colour)?;
        }
        if lane.open {
            canvas.text(
                (RIGHT + 8, top + 21),
                Hold::Left,
                TEXT,
                palette::AXIS,
                "open",
            )?;
        }
        Ok(())
    }
}

/// Every line of every block with its look, in the order in which they are drawn: what counts last, on top.
fn lines(curve: &PainCurve) -> impl Iterator<Item = (&CurveBlock, &CurveLine, Look)> {
    let newest = curve.blocks.len();
    let all = curve
        .blocks
        .iter()
        .zip(1..)
        .flat_map(move |(block, place)| {
            let counted = block.lines.iter().filter(|line| line.counted).zip(0..);
            let others = block.lines.iter().filter(|line| !line.counted);
            let others = others.map(move |line| (block, line, look_of_uncounted(line)));
            others.chain(counted.map(move |(line, nth)| (block, line, look(place == newest, nth))))
        });
    let mut all: Vec<_> = all.collect();
    all.sort_by_key(|(_, line, _)| line.counted);
    all.into_iter()
}

const fn look(newest: bool, nth: i32) -> Look {
    match (newest, nth) {
        (true, 0) => Look {
            colour: palette::NEWEST,
            marker: Marker::Disc,
        },
        (true, _) => Look {
            colour: palette::NEWEST_SECOND_SIDE,
            marker: Marker::Square,
        },
        (false, 0) => Look {
            colour: palette::EARLIER,
            marker: Marker::Ring,
        },
        (false, _) => Look {
            colour: palette::EARLIER_SECOND_SIDE,
            marker: Marker::OpenSquare,
        },
    }
}

fn look_of_uncounted(line: &CurveLine) -> Look {
    let marker = match line.context {
        crate::domain::pain::Context::Rest => Marker::Square,
        _ => Marker::Ring,
    };
    Look {
        colour: palette::NOT_COUNTED,
        marker,
    }
}

fn legend_words(curve: &PainCurve, block: &CurveBlock, line: &CurveLine) -> String {
    let mut parts = Vec::new();
    if curve.blocks.len() > 1 {
        parts.push(shortened(&block.label));
    }
    parts.push(words::side(line.side).to_owned());
    parts.push(words::context(line.context).to_owned());
    let scales_differ = points(curve).any(|point| point.score.scale() != line.scale);
    if scales_differ {
        parts.push(line.scale.to_string());
    }
    if !line.counted {
        parts.push("not counted".to_owned());
    }
    words::capital(&parts.join(", "))
}

/// A label as long as the drawing has room for.
fn shortened(label: &str) -> String {
    if label.chars().count() <= 30 {
        return label.to_owned();
    }
    let kept: String = label.chars().take(29).collect();
    format!("{kept}…")
}

fn points(curve: &PainCurve) -> impl Iterator<Item = &CurvePoint> {
    let lines = curve.blocks.iter().flat_map(|block| &block.lines);
    lines.flat_map(|line| &line.points)
}

/// The last time that the axis has to hold.
fn latest(curve: &PainCurve) -> TimeDelta {
    let scores = points(curve).map(|point| point.since_injection);
    let windows = curve.blocks.iter().filter_map(|block| block.window);
    let windows = windows.map(|window| TimeDelta::minutes(window.to_minutes.into()));
    scores.chain(windows).max().unwrap_or_default()
}

fn lanes(curve: &PainCurve) -> Vec<Lane> {
    let mut lanes = Vec::new();
    for block in &curve.blocks {
        for finding in &block.findings {
            let found = words::finding(finding.finding, block.threshold);
            let words = if curve.blocks.len() > 1 {
                format!(
                    "{}{}: {found}",
                    shortened(&block.label),
                    side_of(block, finding.side)
                )
            } else if block.findings.len() > 1 {
                format!("{}: {found}", words::capital(words::side(finding.side)))
            } else {
                words::capital(&found)
            };
            let (bars, open) = relief_bars(finding);
            lanes.push(Lane { words, bars, open });
        }
    }
    let mut expected: Vec<Lane> = Vec::new();
    for block in &curve.blocks {
        let Some((words, window)) = expected_words(block).zip(block.window) else {
            continue;
        };
        if expected.iter().all(|lane| lane.words != words) {
            let minutes = |minutes: u32| TimeDelta::minutes(minutes.into());
            let (from, to) = (minutes(window.from_minutes), minutes(window.to_minutes));
            expected.push(Lane {
                words,
                bars: vec![(from, to, palette::EXPECTED)],
                open: false,
            });
        }
    }
    lanes.extend(expected);
    lanes
}

/// The possible relief and over it the known one, and whether its end was not recorded.
fn relief_bars(finding: &CurveFinding) -> (Vec<(TimeDelta, TimeDelta, &'static str)>, bool) {
    let Some(ReliefFinding::Reached(interval)) = finding.finding else {
        return (Vec::new(), false);
    };
    let ReliefInterval {
        onset, min, max, ..
    } = interval;
    let begin = finding.before_onset;
    // An open end is put at the end of the axis, whichever that is.
    let end = max.map_or(TimeDelta::days(10_000), |max| begin + max);
    let bars = vec![
        (begin, end, palette::POSSIBLE),
        (onset, onset + min, palette::KNOWN),
    ];
    (bars, max.is_none())
}

/// A score's height on the axis.
fn height(score: Score) -> i32 {
    i32::from(score.tenths()) * (TOP / i32::from(score.scale().maximum_tenths()))
}

fn scale_words(curve: &PainCurve) -> ([&'static str; 6], &'static str) {
    let has = |scale: Scale| points(curve).any(|point| point.score.scale() == scale);
    const TO_TEN: [&str; 6] = ["0", "2", "4", "6", "8", "10"];
    match (has(Scale::Nrs), has(Scale::Vas)) {
        (false, true) => (
            ["0", "20", "40", "60", "80", "100"],
            "pain, VAS 0 to 100 mm",
        ),
        (true, true) => (TO_TEN, "pain, NRS 0 to 10 (VAS divided by 10)"),
        _ => (TO_TEN, "pain, NRS 0 to 10"),
    }
}

/// How wide a text is at most.
fn width_of(text: &str) -> i32 {
    i32::try_from(text.chars().count()).unwrap_or(0) * LETTER
}

fn legend_width(words: &str) -> i32 {
    width_of(words) + 34 + 22
}

/// The entries of a legend, by their places, broken into rows.
fn rows<'w>(entries: impl Iterator<Item = &'w str>) -> Vec<Vec<usize>> {
    let mut rows: Vec<Vec<usize>> = Vec::new();
    let mut filled = WIDTH;
    for (place, words) in entries.enumerate() {
        let width = legend_width(words);
        if filled + width > WIDTH + 22 {
            rows.push(Vec::new());
            filled = 0;
        }
        filled += width;
        if let Some(row) = rows.last_mut() {
            row.push(place);
        }
    }
    rows
}
