//! What a pain curve shows, read from a block and its scores.

use super::words;
use crate::domain::anatomy::Side;
use crate::domain::block::{Agent, Block};
use crate::domain::pain::{Context, RecordedScore, Scale, Score, Threshold};
use crate::domain::relief::{AgentWindow, BASELINE_MAX_AGE_DAYS, ReliefFinding, Series};
use chrono::{NaiveDate, TimeDelta};

/// Score against time since the injection, for one block or several laid over each other.
#[derive(Debug, Clone)]
pub struct PainCurve {
    /// The prefix of the markup's ids; unique on its page.
    pub id: String,
    /// The blocks, earliest first.
    pub blocks: Vec<CurveBlock>,
}

/// One block of a pain curve.
#[derive(Debug, Clone)]
pub struct CurveBlock {
    pub(super) label: String,
    pub(super) agent: Option<Agent>,
    pub(super) window: Option<AgentWindow>,
    pub(super) threshold: Threshold,
    pub(super) lines: Vec<CurveLine>,
    pub(super) findings: Vec<CurveFinding>,
}

/// The scores of one scale, context and side in time order, the baseline first.
#[derive(Debug, Clone)]
pub(super) struct CurveLine {
    pub(super) scale: Scale,
    pub(super) context: Context,
    /// `None` where the sides were not told apart.
    pub(super) side: Option<Side>,
    /// Whether relief is read from this line.
    pub(super) counted: bool,
    pub(super) points: Vec<CurvePoint>,
}

/// One score of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CurvePoint {
    /// Negative or zero for the baseline.
    pub(super) since_injection: TimeDelta,
    pub(super) score: Score,
    pub(super) analgesic: bool,
    pub(super) counted: bool,
}

/// What the scores of one side say at the block's threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CurveFinding {
    /// `None` where both sides were treated and not told apart.
    pub(super) side: Option<Side>,
    pub(super) baseline: Option<Score>,
    pub(super) finding: Option<ReliefFinding>,
    /// From the injection to the row before onset.
    pub(super) before_onset: TimeDelta,
    pub(super) cut_by_analgesic: bool,
}

impl CurveBlock {
    /// What a curve shows of `block` as far as it was recorded by `as_of`, its label the date.
    #[must_use]
    pub fn of(
        block: &Block,
        scores: &[RecordedScore],
        threshold: Threshold,
        as_of: NaiveDate,
    ) -> CurveBlock {
        let max_age = TimeDelta::days(BASELINE_MAX_AGE_DAYS);
        CurveBlock::read_with(block, scores, threshold, as_of, max_age)
    }

    /// As [`Self::of`], with another age that a baseline may have.
    #[must_use]
    pub fn read_with(
        block: &Block,
        scores: &[RecordedScore],
        threshold: Threshold,
        as_of: NaiveDate,
        baseline_max_age: TimeDelta,
    ) -> CurveBlock {
        let reader = Reader {
            block,
            scores,
            as_of,
            baseline_max_age,
        };
        CurveBlock {
            label: words::date(block.local_date()),
            agent: block.agent,
            window: block
                .agent
                .and_then(AgentWindow::default_of)
                .map(|(window, _)| window),
            threshold,
            lines: reader.lines(),
            findings: reader.findings(threshold),
        }
    }

    /// The same under another label.
    #[must_use]
    pub fn labelled(mut self, label: &str) -> CurveBlock {
        label.clone_into(&mut self.label);
        self
    }

    /// The same with the window that a profile expects of the agent.
    #[must_use]
    pub fn expecting(mut self, window: Option<AgentWindow>) -> CurveBlock {
        self.window = window;
        self
    }

    /// Whether no score is there to be drawn.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }
}

/// One block with what its scores are read by.
struct Reader<'a> {
    block: &'a Block,
    scores: &'a [RecordedScore],
    as_of: NaiveDate,
    baseline_max_age: TimeDelta,
}

const CONTEXTS: [Context; 3] = [Context::Movement, Context::Current, Context::Rest];
const SCALES: [Scale; 2] = [Scale::Nrs, Scale::Vas];

impl<'a> Reader<'a> {
    fn series(&self, side: Side) -> Option<Series<'a>> {
        Series::of(
            self.block,
            self.scores,
            side,
            self.as_of,
            self.baseline_max_age,
        )
    }

    fn lines(&self) -> Vec<CurveLine> {
        let mut lines: Vec<CurveLine> = Vec::new();
        for side in self.block.sides() {
            let series = self.series(*side);
            for context in CONTEXTS {
                for scale in SCALES {
                    let Some(line) = self.line(*side, context, scale, series.as_ref()) else {
                        continue;
                    };
                    // Scores that tell no sides apart are one line for both.
                    match lines
                        .iter_mut()
                        .find(|other| other.points == line.points && other.same_scores(&line))
                    {
                        Some(both) => both.side = None,
                        None => lines.push(line),
                    }
                }
            }
        }
        lines
    }

    fn line(
        &self,
        side: Side,
        context: Context,
        scale: Scale,
        series: Option<&Series<'_>>,
    ) -> Option<CurveLine> {
        let counted =
            series.is_some_and(|series| series.context == context && series.scale == scale);
        let mut rows: Vec<&RecordedScore> = self
            .scores
            .iter()
            .filter(|score| score.row.context == context && score.row.score.scale() == scale)
            .filter(|score| score.row.side.is_none_or(|rated| rated == side))
            .filter(|score| score.row.local_date() <= self.as_of)
            .filter(|score| self.block.performed_at - score.row.taken_at <= self.baseline_max_age)
            .collect();
        rows.sort_unstable_by_key(|score| (score.row.taken_at, std::cmp::Reverse(score.sequence)));
        rows.dedup_by_key(|score| score.row.taken_at);
        let after = rows.partition_point(|score| score.row.taken_at <= self.block.performed_at);
        let rows = rows.get(after.saturating_sub(1)..)?;
        let last_counted = series
            .filter(|_| counted)
            .and_then(|series| series.rows.last())
            .map(|reading| reading.since_injection);
        let points: Vec<CurvePoint> = rows
            .iter()
            .map(|score| {
                let since_injection = score.row.taken_at - self.block.performed_at;
                CurvePoint {
                    since_injection,
                    score: score.row.score,
                    analgesic: score.row.analgesic_taken,
                    counted: last_counted.is_some_and(|last| since_injection <= last),
                }
            })
            .collect();
        (!points.is_empty()).then_some(CurveLine {
            scale,
            context,
            side: Some(side),
            counted,
            points,
        })
    }

    fn findings(&self, threshold: Threshold) -> Vec<CurveFinding> {
        let mut findings: Vec<CurveFinding> = Vec::new();
        let mut read: Vec<Vec<uuid::Uuid>> = Vec::new();
        for side in self.block.sides() {
            let series = self.series(*side);
            let ids: Vec<uuid::Uuid> = series
                .iter()
                .flat_map(|series| {
                    let rows = series.rows.iter().map(|reading| reading.recorded.id.0);
                    std::iter::once(series.baseline.id.0).chain(rows)
                })
                .collect();
            if read.contains(&ids) {
                for finding in &mut findings {
                    finding.side = None;
                }
                continue;
            }
            read.push(ids);
            findings.push(finding(*side, series.as_ref(), threshold));
        }
        findings
    }
}

fn finding(side: Side, series: Option<&Series<'_>>, threshold: Threshold) -> CurveFinding {
    let found = series.map(|series| series.at(threshold));
    let before_onset = match (series, found) {
        (Some(series), Some(ReliefFinding::Reached(interval))) => series
            .rows
            .iter()
            .map(|reading| reading.since_injection)
            .take_while(|time| *time < interval.onset)
            .last(),
        _ => None,
    };
    CurveFinding {
        side: Some(side),
        baseline: series.map(|series| series.baseline.row.score),
        finding: found,
        before_onset: before_onset.unwrap_or_default(),
        cut_by_analgesic: series.is_some_and(|series| series.cut_by_analgesic),
    }
}

impl CurveLine {
    fn same_scores(&self, other: &CurveLine) -> bool {
        self.scale == other.scale && self.context == other.context && self.counted == other.counted
    }
}
