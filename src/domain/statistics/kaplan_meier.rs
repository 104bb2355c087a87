//! Kaplan and Meier's estimate of survival, with Greenwood's variance and log-log intervals.

use super::normal_quantile;
use super::proportion::Interval;
use std::collections::BTreeMap;

/// What the rounding of many factors may add up to.
const ROUNDING: f64 = 1e-9;

/// One that was followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Followed {
    /// For how long, in whole units of the caller's choice.
    pub time: i64,
    /// Whether the event happened then; if not, nothing is known afterwards.
    pub event: bool,
}

/// The estimate after the events of one time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// When.
    pub time: i64,
    /// How many were followed up to then.
    pub at_risk: u64,
    /// How many events there were then.
    pub events: u64,
    /// The share without the event after it.
    pub survival: f64,
    /// Its interval; `None` at 0 and 100 %, where the log-log transformation does not exist.
    pub interval: Option<Interval>,
}

/// A curve.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct KaplanMeier {
    /// One step for each time with an event, in order.
    pub steps: Vec<Step>,
    /// How many were followed.
    pub followed: u64,
    /// How many of them had the event.
    pub events: u64,
    /// The longest time that anybody was followed.
    pub longest: i64,
}

impl KaplanMeier {
    /// The estimate from those that were followed. Who is censored at a time counts as at risk at that time.
    #[must_use]
    pub fn of(followed: impl IntoIterator<Item = Followed>) -> KaplanMeier {
        let mut at: BTreeMap<i64, (u64, u64)> = BTreeMap::new();
        let mut curve = KaplanMeier::default();
        for one in followed {
            let (events, censored) = at.entry(one.time).or_default();
            *(if one.event { events } else { censored }) += 1;
            curve.followed += 1;
            curve.events += u64::from(one.event);
            curve.longest = curve.longest.max(one.time);
        }
        let mut at_risk = curve.followed;
        let (mut survival, mut greenwood) = (1.0_f64, 0.0_f64);
        for (time, (events, censored)) in at {
            if events > 0 {
                let (lost, there) = (events as f64, at_risk as f64);
                survival *= 1.0 - lost / there;
                greenwood += lost / (there * (there - lost));
                // What rounding leaves where nobody is left.
                if events == at_risk {
                    survival = 0.0;
                }
                curve.steps.push(Step {
                    time,
                    at_risk,
                    events,
                    survival,
                    interval: log_log(survival, greenwood),
                });
            }
            at_risk -= events + censored;
        }
        curve
    }

    /// The first time at which at most half are without the event; `None` where that is never reached. A half is a half
    /// also where the rounding of many factors leaves a little more.
    #[must_use]
    pub fn median(&self) -> Option<i64> {
        let reached = self
            .steps
            .iter()
            .find(|step| step.survival <= 0.5 + ROUNDING);
        reached.map(|step| step.time)
    }

    /// The share without the event at `time`; `None` where nobody was followed that long and some were left.
    #[must_use]
    pub fn survival_at(&self, time: i64) -> Option<f64> {
        let passed = self.steps.iter().take_while(|step| step.time <= time);
        let survival = passed.last().map_or(1.0, |step| step.survival);
        (time <= self.longest || survival <= 0.0).then_some(survival)
    }
}

fn log_log(survival: f64, greenwood: f64) -> Option<Interval> {
    if survival <= 0.0 || survival >= 1.0 {
        return None;
    }
    let log = survival.ln();
    let half = normal_quantile() * greenwood.sqrt() / log;
    let limit = |exponent: f64| (-(exponent.exp())).exp();
    let middle = (-log).ln();
    let (one, other) = (limit(middle + half), limit(middle - half));
    Some(Interval {
        low: one.min(other),
        high: one.max(other),
    })
}
