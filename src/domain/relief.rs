//! From diary rows to the interval in which relief ended (handbook, section 3; "The series that is read" of the rules).
//!
//! Between two diary rows nobody knows, so the duration of relief is an interval: at least `min`, at most `max`.

use super::anatomy::{Side, Target};
use super::block::{Agent, Block};
use super::pain::{Context, Percent, RecordedScore, Relief, Scale, Score, Threshold};
use super::vocabulary::vocabulary;
use chrono::{DateTime, FixedOffset, NaiveDate, TimeDelta};

/// How old a baseline may be, unless a profile says otherwise (handbook, section 3).
pub const BASELINE_MAX_AGE_DAYS: i64 = 7;

/// Relief longer than this is therapeutic, unless configured otherwise (handbook, section 3).
pub const PROLONGED_AFTER: TimeDelta = TimeDelta::hours(24);

/// The rows of one block and side that are read: one scale, one context, a baseline and what followed it.
#[derive(Debug, Clone)]
pub struct Series<'a> {
    /// The scale of every row.
    pub scale: Scale,
    /// The context of every row.
    pub context: Context,
    /// The last row at or before the injection.
    pub baseline: &'a RecordedScore,
    /// The rows after the injection in time order, one for each instant, up to the first analgesic.
    pub rows: Vec<Reading<'a>>,
    /// Whether an analgesic ended the series before the diary did.
    pub cut_by_analgesic: bool,
}

/// One row after the injection.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    /// Time since the injection.
    pub since_injection: TimeDelta,
    /// The row it was read from.
    pub recorded: &'a RecordedScore,
}

/// The order in which a (context, scale) pair is looked for.
const CONTEXTS: [Context; 3] = [Context::Movement, Context::Current, Context::Rest];
const SCALES: [Scale; 2] = [Scale::Nrs, Scale::Vas];

impl<'a> Series<'a> {
    /// The series of `block` for `side` as far as it was recorded by the local date `as_of`; `None` where no scale
    /// and context has both a baseline, at most `baseline_max_age` old, and a row after the injection.
    #[must_use]
    pub fn of(
        block: &Block,
        scores: &'a [RecordedScore],
        side: Side,
        as_of: NaiveDate,
        baseline_max_age: TimeDelta,
    ) -> Option<Series<'a>> {
        let readable = |context, scale| {
            scores.iter().filter(move |score| {
                score.row.context == context
                    && score.row.score.scale() == scale
                    && score.row.side.is_none_or(|rated| rated == side)
                    && score.row.local_date() <= as_of
            })
        };
        CONTEXTS.into_iter().find_map(|context| {
            SCALES.into_iter().find_map(|scale| {
                let baseline = baseline(block, readable(context, scale), baseline_max_age)?;
                let (rows, cut_by_analgesic) = readings(block, readable(context, scale));
                (!rows.is_empty()).then_some(Series {
                    scale,
                    context,
                    baseline,
                    rows,
                    cut_by_analgesic,
                })
            })
        })
    }

    /// Relief at one reading; `None` from a baseline of 0.
    #[must_use]
    pub fn relief_at(&self, reading: &Reading<'_>) -> Option<Relief> {
        Relief::between(self.baseline.row.score, reading.recorded.row.score)
    }

    /// The reading with the greatest relief, the earliest of equals; `None` from a baseline of 0.
    #[must_use]
    pub fn best(&self) -> Option<(Reading<'a>, Relief)> {
        let lowest = self
            .rows
            .iter()
            .min_by_key(|reading| reading.recorded.row.score.tenths())?;
        self.relief_at(lowest).map(|relief| (*lowest, relief))
    }

    /// What the series says about relief of at least `threshold`.
    #[must_use]
    pub fn at(&self, threshold: Threshold) -> ReliefFinding {
        if self.baseline.row.score.tenths() == 0 {
            return ReliefFinding::Undefined;
        }
        let reaches = |reading: &Reading<'_>| {
            self.relief_at(reading)
                .is_some_and(|relief| relief.reaches(threshold))
        };
        let mut before_onset = TimeDelta::zero();
        let mut rows = self.rows.iter();
        let onset = loop {
            match rows.next() {
                None => return ReliefFinding::NotReached,
                Some(reading) if reaches(reading) => break reading.since_injection,
                Some(reading) => before_onset = reading.since_injection,
            }
        };
        let mut last = onset;
        let mut largest_gap = TimeDelta::zero();
        let mut ended = None;
        for reading in rows {
            if !reaches(reading) {
                ended = Some(reading.since_injection);
                break;
            }
            largest_gap = largest_gap.max(reading.since_injection - last);
            last = reading.since_injection;
        }
        ReliefFinding::Reached(ReliefInterval {
            onset,
            min: last - onset,
            max: ended.map(|end| end - before_onset),
            largest_gap,
        })
    }
}

/// The last row at or before the injection that is not too old; of two at one instant the later recorded.
fn baseline<'a>(
    block: &Block,
    rows: impl Iterator<Item = &'a RecordedScore>,
    max_age: TimeDelta,
) -> Option<&'a RecordedScore> {
    rows.filter(|score| score.row.taken_at <= block.performed_at)
        .filter(|score| block.performed_at - score.row.taken_at <= max_age)
        .max_by_key(|score| (score.row.taken_at, score.sequence))
}

/// The rows after the injection up to the first analgesic, and whether one cut later rows off.
fn readings<'a>(
    block: &Block,
    rows: impl Iterator<Item = &'a RecordedScore>,
) -> (Vec<Reading<'a>>, bool) {
    let mut after: Vec<&RecordedScore> = rows
        .filter(|score| score.row.taken_at > block.performed_at)
        .collect();
    after.sort_unstable_by_key(|score| (score.row.taken_at, std::cmp::Reverse(score.sequence)));
    after.dedup_by_key(|score| score.row.taken_at);
    let recorded = after.len();
    let analgesic = after.iter().position(|score| score.row.analgesic_taken);
    let counted = analgesic.map_or(recorded, |position| position + 1);
    after.truncate(counted);
    let readings = after
        .into_iter()
        .map(|recorded| Reading {
            since_injection: recorded.row.taken_at - block.performed_at,
            recorded,
        })
        .collect();
    (readings, counted < recorded)
}

/// The baseline to show and to hold against a pain floor: that of the series, else the first that a scale and
/// context offers although no row follows it.
#[must_use]
pub fn baseline_score(
    block: &Block,
    scores: &[RecordedScore],
    side: Side,
    as_of: NaiveDate,
    max_age: TimeDelta,
) -> Option<Score> {
    if let Some(series) = Series::of(block, scores, side, as_of, max_age) {
        return Some(series.baseline.row.score);
    }
    let visible = |score: &&RecordedScore| {
        score.row.local_date() <= as_of && score.row.side.is_none_or(|rated| rated == side)
    };
    CONTEXTS.into_iter().find_map(|context| {
        SCALES.into_iter().find_map(|scale| {
            let of_pair = |score: &&RecordedScore| {
                score.row.context == context && score.row.score.scale() == scale
            };
            let found = baseline(
                block,
                scores.iter().filter(visible).filter(of_pair),
                max_age,
            );
            found.map(|score| score.row.score)
        })
    })
}

/// The relief that the patient stated for `block` on `side`: the block's own, else the highest of its rows after the
/// injection and up to an analgesic.
#[must_use]
pub fn stated_relief(
    block: &Block,
    scores: &[RecordedScore],
    side: Side,
    as_of: NaiveDate,
    series: Option<&Series<'_>>,
) -> Option<Percent> {
    if block.stated_relief.is_some() {
        return block.stated_relief;
    }
    // Not `cut_by_analgesic`: an analgesic on the last row of the series cuts no row of it off, but there may be later
    // rows on another scale or in another context.
    let last_counted = series
        .and_then(|series| series.rows.last())
        .map(|reading| &reading.recorded.row)
        .filter(|last| last.analgesic_taken)
        .map(|last| last.taken_at);
    scores
        .iter()
        .filter(|score| score.row.taken_at > block.performed_at && score.row.local_date() <= as_of)
        .filter(|score| score.row.side.is_none_or(|rated| rated == side))
        .filter(|score| last_counted.is_none_or(|last| score.row.taken_at <= last))
        .filter_map(|score| score.row.stated_relief)
        .max()
}

/// What a series says about one threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReliefFinding {
    /// The baseline is 0: no percentage exists, data is missing.
    Undefined,
    /// No row reaches the threshold.
    NotReached,
    /// Relief reached the threshold and lasted within this interval.
    Reached(ReliefInterval),
}

/// How long relief lasted: at least `min`, at most `max`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReliefInterval {
    /// From the injection to the first row in relief.
    pub onset: TimeDelta,
    /// From onset to the last row of the run.
    pub min: TimeDelta,
    /// From the row before onset (the injection, if none) to the first row below; `None` where the series ends in relief.
    pub max: Option<TimeDelta>,
    /// The largest gap between neighbouring rows of the run.
    pub largest_gap: TimeDelta,
}

/// The expected duration of relief after an anesthetic, in minutes: advisory (handbook, section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AgentWindow {
    /// Shortest expected relief.
    pub from_minutes: u32,
    /// Longest expected relief.
    pub to_minutes: u32,
}

impl AgentWindow {
    /// The default window of `agent`, and how far it is verified; `None` where no source gives one.
    #[must_use]
    pub const fn default_of(agent: Agent) -> Option<(AgentWindow, &'static str)> {
        match agent {
            Agent::Lidocaine => Some((
                AgentWindow {
                    from_minutes: 60,
                    to_minutes: 210,
                },
                "secondary",
            )),
            Agent::Mepivacaine => Some((
                AgentWindow {
                    from_minutes: 90,
                    to_minutes: 180,
                },
                "unverified",
            )),
            Agent::Bupivacaine | Agent::Levobupivacaine | Agent::Ropivacaine => Some((
                AgentWindow {
                    from_minutes: 180,
                    to_minutes: 600,
                },
                "secondary",
            )),
            Agent::Prilocaine
            | Agent::Procaine
            | Agent::Chloroprocaine
            | Agent::Tetracaine
            | Agent::Articaine
            | Agent::Saline
            | Agent::Other => None,
        }
    }
}

vocabulary! {
    /// Relief held against what the anesthetic lets expect.
    DurationClass {
        /// Over before the window began, for certain.
        TooShort = "too_short", "too short for the agent";
        /// Within the window, for certain.
        Within = "within", "within the agent's window";
        /// Longer than the window, for certain.
        Prolonged = "prolonged", "longer than the agent's window";
        /// The diary does not settle it.
        Unknown = "unknown", "not settled by the diary";
    }
}

impl ReliefInterval {
    /// The class of this duration for an agent's `window`.
    #[must_use]
    pub fn duration_class(&self, window: AgentWindow) -> DurationClass {
        let (from, to) = (
            TimeDelta::minutes(window.from_minutes.into()),
            TimeDelta::minutes(window.to_minutes.into()),
        );
        if self.max.is_some_and(|max| max < from) {
            return DurationClass::TooShort;
        }
        if self.min > to {
            return DurationClass::Prolonged;
        }
        let within = self.min >= from && self.max.is_some_and(|max| max <= to);
        if within {
            DurationClass::Within
        } else {
            DurationClass::Unknown
        }
    }
}

vocabulary! {
    /// What one block did at one threshold.
    BlockResponse {
        /// No row reached the threshold.
        Negative = "negative", "no relief";
        /// Relief that ended.
        Temporary = "temporary", "temporary relief";
        /// Relief for longer than 24 hours: the therapeutic benefit.
        Prolonged = "prolonged", "prolonged relief";
        /// Relief that had not ended when the diary did.
        Open = "open", "relief, end not recorded";
    }
}

impl ReliefFinding {
    /// The block's response; `None` where the baseline is 0.
    #[must_use]
    pub fn response(&self, prolonged_after: TimeDelta) -> Option<BlockResponse> {
        match self {
            ReliefFinding::Undefined => None,
            ReliefFinding::NotReached => Some(BlockResponse::Negative),
            ReliefFinding::Reached(interval) if interval.min > prolonged_after => {
                Some(BlockResponse::Prolonged)
            }
            ReliefFinding::Reached(interval) if interval.max.is_some() => {
                Some(BlockResponse::Temporary)
            }
            ReliefFinding::Reached(_) => Some(BlockResponse::Open),
        }
    }
}

vocabulary! {
    /// Two blocks of one target with different agents, held against each other: advisory.
    ComparativeClass {
        /// Both relieve, the longer-acting agent for longer.
        Concordant = "concordant", "concordant";
        /// Likewise, at least one of them prolonged.
        ConcordantProlonged = "concordant_prolonged", "concordant, prolonged";
        /// Both relieve, the shorter-acting agent for as long or longer.
        Discordant = "discordant", "discordant";
        /// One relieves, the other does not.
        Discrepant = "discrepant", "discrepant";
        /// The diaries do not settle it.
        Indeterminate = "indeterminate", "indeterminate";
    }
}

/// One block as a comparison reads it.
#[derive(Debug, Clone, Copy)]
pub struct Compared {
    /// The expected window of its agent.
    pub window: AgentWindow,
    /// What its series says.
    pub finding: ReliefFinding,
}

/// The comparative class of two blocks of one target; `None` where their agents act equally long.
#[must_use]
pub fn comparative_class(one: Compared, other: Compared) -> Option<ComparativeClass> {
    let acting = |compared: &Compared| {
        u64::from(compared.window.from_minutes) + u64::from(compared.window.to_minutes)
    };
    let (shorter, longer) = match acting(&one).cmp(&acting(&other)) {
        std::cmp::Ordering::Equal => return None,
        std::cmp::Ordering::Less => (one, other),
        std::cmp::Ordering::Greater => (other, one),
    };
    let (short, long) = match (shorter.finding, longer.finding) {
        (ReliefFinding::Reached(short), ReliefFinding::Reached(long)) => (short, long),
        (ReliefFinding::Reached(_), ReliefFinding::NotReached)
        | (ReliefFinding::NotReached, ReliefFinding::Reached(_)) => {
            return Some(ComparativeClass::Discrepant);
        }
        _ => return Some(ComparativeClass::Indeterminate),
    };
    if short.max.is_some_and(|max| long.min > max) {
        let prolonged = short.duration_class(shorter.window) == DurationClass::Prolonged
            || long.duration_class(longer.window) == DurationClass::Prolonged;
        let class = if prolonged {
            ComparativeClass::ConcordantProlonged
        } else {
            ComparativeClass::Concordant
        };
        return Some(class);
    }
    if long.max.is_some_and(|max| short.min >= max) {
        return Some(ComparativeClass::Discordant);
    }
    Some(ComparativeClass::Indeterminate)
}

/// Relief after one block on one side at one threshold: everything a reader is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockRelief {
    /// The side.
    pub side: Side,
    /// The threshold.
    pub threshold: Threshold,
    /// The baseline of the series that was read.
    pub baseline: Option<Score>,
    /// The context of that series.
    pub context: Option<Context>,
    /// The greatest relief in tenths of a percent, rounded down.
    pub best_floor_tenths: Option<i32>,
    /// The block's response.
    pub response: Option<BlockResponse>,
    /// How long relief lasted.
    pub interval: Option<ReliefInterval>,
    /// Relief against the agent's default window.
    pub duration_class: Option<DurationClass>,
    /// Relief as the patient states it.
    pub stated: Option<Percent>,
    /// Whether an analgesic ended what can be known.
    pub cut_by_analgesic: bool,
}

impl BlockRelief {
    /// Relief of `block` on each treated side at each of `thresholds`, as far as recorded by `as_of`.
    #[must_use]
    pub fn of(
        block: &Block,
        scores: &[RecordedScore],
        as_of: NaiveDate,
        thresholds: &[Threshold],
    ) -> Vec<BlockRelief> {
        let window = block
            .agent
            .and_then(AgentWindow::default_of)
            .map(|(window, _)| window);
        let mut all = Vec::with_capacity(thresholds.len() * 2);
        for side in block.sides() {
            let series = Series::of(
                block,
                scores,
                *side,
                as_of,
                TimeDelta::days(BASELINE_MAX_AGE_DAYS),
            );
            let stated = stated_relief(block, scores, *side, as_of, series.as_ref());
            for threshold in thresholds {
                let finding = series.as_ref().map(|series| series.at(*threshold));
                let interval = match finding {
                    Some(ReliefFinding::Reached(interval)) => Some(interval),
                    Some(ReliefFinding::NotReached | ReliefFinding::Undefined) | None => None,
                };
                all.push(BlockRelief {
                    side: *side,
                    threshold: *threshold,
                    baseline: series.as_ref().map(|series| series.baseline.row.score),
                    context: series.as_ref().map(|series| series.context),
                    best_floor_tenths: series
                        .as_ref()
                        .and_then(Series::best)
                        .map(|(_, relief)| relief.floor_tenths()),
                    response: finding.and_then(|finding| finding.response(PROLONGED_AFTER)),
                    interval,
                    duration_class: interval
                        .zip(window)
                        .map(|(interval, window)| interval.duration_class(window)),
                    stated,
                    cut_by_analgesic: series
                        .as_ref()
                        .is_some_and(|series| series.cut_by_analgesic),
                });
            }
        }
        all
    }
}

/// Two blocks of one target held against each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Comparison {
    /// The target.
    pub target: Target,
    /// The threshold.
    pub threshold: Threshold,
    /// When the earlier block was performed.
    pub earlier: DateTime<FixedOffset>,
    /// When the later one was.
    pub later: DateTime<FixedOffset>,
    /// How they compare.
    pub class: ComparativeClass,
}

#[cfg(test)]
mod tests;
