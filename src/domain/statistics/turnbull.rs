//! Turnbull's estimate of survival where of each end only an interval is known (Turnbull 1976): the nonparametric
//! maximum of the likelihood, found by self-consistency over the innermost intervals.

use std::collections::BTreeMap;

/// What is known of one end: it lies after `least` and not after `most`, in whole units of the caller's choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Observed {
    /// It lasted so long for certain.
    pub least: i64,
    /// It had ended then; `None` where the end was not seen: censored.
    pub most: Option<i64>,
}

/// A stretch of time in which a share of all ends lies. Where within it nobody can tell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// After this time.
    pub from: i64,
    /// And not after this one; `None` for the share whose end was never seen.
    pub to: Option<i64>,
    /// The share of all ends that lies here.
    pub mass: f64,
    /// The share that has not ended after it.
    pub survival: f64,
}

/// A curve.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Turnbull {
    /// The innermost intervals that hold a share, in order.
    pub steps: Vec<Step>,
    /// How many ends were observed, censored ones included.
    pub observed: u64,
    /// How many of them were censored.
    pub censored: u64,
}

/// Half of all have ended after `from` and not after `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MedianWithin {
    /// After this time.
    pub from: i64,
    /// And not after this one; `None` where it was not seen.
    pub to: Option<i64>,
}

/// So often at most the shares are computed anew.
const ROUNDS: usize = 20_000;
/// The likelihood is at its maximum where no innermost interval would take more than its share; this much more is
/// passed over.
const TOLERANCE: f64 = 1e-5;
/// A share below this is too small to be shown: it is what the rounds have not yet taken from an interval that holds none.
const NOTHING: f64 = 5e-5;

impl Turnbull {
    /// The estimate from what was observed.
    #[must_use]
    pub fn of(observed: impl IntoIterator<Item = Observed>) -> Turnbull {
        let mut counts: BTreeMap<Observed, u64> = BTreeMap::new();
        for one in observed {
            *counts.entry(one).or_default() += 1;
        }
        Turnbull::of_counts(&counts)
    }

    /// The same where equal observations are counted already.
    #[must_use]
    pub fn of_counts(counts: &BTreeMap<Observed, u64>) -> Turnbull {
        let innermost = innermost(counts.keys().copied());
        let observed = counts.values().sum();
        let is_open = |one: &&Observed| one.most.is_none();
        let censored = counts.iter().filter(|(one, _)| is_open(one));
        let censored = censored.map(|(_, count)| count).sum();
        let groups: Vec<Group> = counts
            .iter()
            .map(|(one, count)| Group {
                first: innermost.partition_point(|(from, _)| *from < one.least),
                end: innermost.partition_point(|(_, to)| *to <= one.most.unwrap_or(i64::MAX)),
                weight: *count as f64,
            })
            .collect();
        let shares = shares(&groups, innermost.len(), observed as f64);
        Turnbull {
            steps: steps(&innermost, &shares),
            observed,
            censored,
        }
    }

    /// Where half of all have ended; `None` where nothing was observed.
    #[must_use]
    pub fn median(&self) -> Option<MedianWithin> {
        // The tolerance of the shares, so that exactly half is half.
        let reached = self
            .steps
            .iter()
            .find(|step| step.survival <= 0.5 + TOLERANCE);
        reached.map(|step| MedianWithin {
            from: step.from,
            to: step.to,
        })
    }

    /// The least and the greatest share that has not ended at `time`: within a step nobody can tell, nor after the last
    /// row of an open diary.
    #[must_use]
    pub fn survival_at(&self, time: i64) -> (f64, f64) {
        let ended_by = |ended: &dyn Fn(&Step) -> bool| {
            let ended: f64 = self
                .steps
                .iter()
                .filter(|step| ended(step))
                .map(|step| step.mass)
                .sum();
            (1.0 - ended).max(0.0)
        };
        let surely = ended_by(&|step| step.to.is_some_and(|to| to <= time));
        let perhaps = ended_by(&|step| step.from < time);
        (perhaps, surely)
    }
}

/// Observations that are alike, and the innermost intervals that each of them covers.
struct Group {
    first: usize,
    end: usize,
    weight: f64,
}

/// The innermost intervals, each after its first number and not after its second: the only places where the likelihood
/// puts a share. Censored observations end at [`i64::MAX`].
fn innermost(observed: impl Iterator<Item = Observed>) -> Vec<(i64, i64)> {
    // Of equal times an end comes before a beginning: (0, 15] and (15, 30] do not meet.
    let mut marks: Vec<(i64, bool)> = observed
        .flat_map(|one| [(one.least, true), (one.most.unwrap_or(i64::MAX), false)])
        .collect();
    marks.sort_unstable();
    marks.dedup();
    let pairs = marks.iter().zip(marks.iter().skip(1));
    pairs
        .filter(|((_, begins), (_, begins_next))| *begins && !*begins_next)
        .map(|((from, _), (to, _))| (*from, *to))
        .collect()
}

/// The share of each innermost interval: each observation gives its weight to those that it covers, in the proportion of
/// their shares, until nothing moves.
fn shares(groups: &[Group], places: usize, whole: f64) -> Vec<f64> {
    let mut shares = vec![1.0 / places as f64; places];
    let mut cumulated = vec![0.0; places + 1];
    let mut differences = vec![0.0; places + 1];
    for _ in 0..ROUNDS {
        let mut sum = 0.0;
        for (cumulated, share) in cumulated.iter_mut().skip(1).zip(&shares) {
            sum += share;
            *cumulated = sum;
        }
        differences.fill(0.0);
        for group in groups {
            let upto = |place: usize| cumulated.get(place).copied().unwrap_or(0.0);
            let covered = upto(group.end) - upto(group.first);
            let pull = group.weight / covered.max(f64::MIN_POSITIVE);
            if let Some(first) = differences.get_mut(group.first) {
                *first += pull;
            }
            if let Some(end) = differences.get_mut(group.end) {
                *end -= pull;
            }
        }
        let (mut pull, mut strongest) = (0.0, 0.0_f64);
        for (share, difference) in shares.iter_mut().zip(&differences) {
            pull += difference;
            strongest = strongest.max(pull / whole);
            *share *= pull / whole;
        }
        if strongest <= 1.0 + TOLERANCE {
            break;
        }
    }
    shares
}

fn steps(innermost: &[(i64, i64)], shares: &[f64]) -> Vec<Step> {
    let mut survival = 1.0_f64;
    let mut steps = Vec::new();
    for ((from, to), mass) in innermost.iter().zip(shares) {
        survival = (survival - mass).max(0.0);
        if *mass < NOTHING {
            continue;
        }
        let to = (*to != i64::MAX).then_some(*to);
        steps.push(Step {
            from: *from,
            to,
            mass: *mass,
            // Those whose end was never seen have not ended.
            survival: if to.is_none() { 0.0 } else { survival },
        });
    }
    steps
}
