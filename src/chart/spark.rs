//! Small curves for the rows of a table.

use super::canvas::{Drawn, Frame};
use super::curve::{CurveBlock, CurvePoint};
use super::palette;
use super::time::TimeAxis;
use super::words;
use crate::domain::anatomy::Side;
use crate::domain::block::Block;
use crate::domain::pain::{RecordedScore, Threshold};
use crate::domain::relief::{ReliefFinding, ReliefInterval};
use chrono::{NaiveDate, TimeDelta};

/// What a table's row shows of one block on one side.
#[derive(Debug, Clone)]
pub struct Sparkline {
    /// The prefix of the markup's ids; unique on its page.
    pub id: String,
    points: Vec<CurvePoint>,
    threshold: Threshold,
    finding: Option<ReliefFinding>,
    before_onset: TimeDelta,
}

impl Sparkline {
    /// What `block` shows on `side` as far as it was recorded by `as_of`.
    #[must_use]
    pub fn of(
        id: impl Into<String>,
        block: &Block,
        scores: &[RecordedScore],
        side: Side,
        threshold: Threshold,
        as_of: NaiveDate,
    ) -> Sparkline {
        let read = CurveBlock::of(block, scores, threshold, as_of);
        let of_side = |rated: Option<Side>| rated.is_none_or(|rated| rated == side);
        let finding = read.findings.iter().find(|finding| of_side(finding.side));
        let line = read
            .lines
            .iter()
            .find(|line| line.counted && of_side(line.side));
        let counted = |point: &&CurvePoint| point.counted;
        Sparkline {
            id: id.into(),
            points: line
                .map(|line| line.points.iter().filter(counted).copied().collect())
                .unwrap_or_default(),
            threshold,
            finding: finding.and_then(|finding| finding.finding),
            before_onset: finding
                .map(|finding| finding.before_onset)
                .unwrap_or_default(),
        }
    }
}

/// How many points a small curve has at most: more cannot be told apart.
const MOST_POINTS: usize = 24;

const INJECTION: i32 = 16;
const RIGHT: i32 = 238;
const TOP: i32 = 4;
const BOTTOM: i32 = 52;

/// A block's curve small enough for a table's row, as one `<svg>` of less than 900 bytes.
#[must_use]
pub fn sparkline(spark: &Sparkline) -> String {
    let words = words::capital(&words::finding(spark.finding, spark.threshold));
    let frame = Frame {
        size: (240, 56),
        id: &spark.id,
        class: "spark",
        title: &words,
        words: "",
    };
    let baseline = spark.points.first().map(|point| point.score);
    let latest = spark.points.last().map(|point| point.since_injection);
    let axis = TimeAxis::up_to(latest.unwrap_or_default());
    frame.around(|canvas| -> Drawn {
        let Some(baseline) = baseline else {
            return Ok(());
        };
        let plot = canvas.plot(
            (0..axis.length(), INJECTION..RIGHT),
            (
                0..i32::from(baseline.scale().maximum_tenths()),
                (BOTTOM, TOP),
            ),
        );
        let x = |time: TimeDelta| plot.at((axis.place(time), 0)).0;
        if let Some(ReliefFinding::Reached(interval)) = spark.finding {
            let ReliefInterval {
                onset, min, max, ..
            } = interval;
            let end = max.map_or(RIGHT, |max| x(spark.before_onset + max));
            canvas.bar(
                (x(spark.before_onset), TOP),
                (end, BOTTOM),
                palette::POSSIBLE,
            )?;
            canvas.bar((x(onset), TOP), (x(onset + min), BOTTOM), palette::KNOWN)?;
        }
        let left = 100 - i32::from(spark.threshold.percent());
        let (_, y) = plot.at((0, i32::from(baseline.tenths()) * left / 100));
        canvas.line(vec![(INJECTION, y), (RIGHT, y)], palette::THRESHOLD, 1)?;
        let every = spark.points.len().div_ceil(MOST_POINTS).max(1);
        let last = spark.points.len().saturating_sub(1);
        let kept = spark.points.iter().enumerate();
        let kept = kept.filter(|(place, _)| place % every == 0 || *place == last);
        let line = kept.map(|(_, point)| {
            let (x, y) = plot.at((
                axis.place(point.since_injection),
                i32::from(point.score.tenths()),
            ));
            let x = if point.since_injection <= TimeDelta::zero() {
                2
            } else {
                x
            };
            (x, y)
        });
        canvas.line(line.collect(), palette::NEWEST, 3)
    })
}
