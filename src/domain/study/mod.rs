//! The figures of the field from a clinic's own records: responders, duration of relief, false positives, cut-offs,
//! agreement of profiles, the way through the clinic, outcomes, quality of the records, adverse events.
//!
//! Each figure is given the cohort patient by patient, in one pass, and ends in tables that name numerator, denominator,
//! what the denominator is, and who was left out and why. What each figure is, with its formula and source, is in
//! `docs/analytics.md`.

pub mod adverse_events;
pub mod agreement;
pub mod cohort;
pub mod duration;
pub mod false_positives;
pub mod funnel;
pub mod outcomes;
pub mod quality;
pub mod report;
pub mod responders;
pub mod selection;
pub mod sweep;
pub mod table;
pub mod visits;
pub mod what_if;

pub use cohort::{CohortEpisode, CohortEvent, CohortPatient, Procedure};
pub use report::Report;
pub use selection::Selection;
pub use table::{Cell, Column, Table, Unit};

use super::pain::Threshold;
use super::statistics::IntervalMethod;
use super::vocabulary::vocabulary;

vocabulary! {
    /// The figures.
    Figure {
        /// Who reached how much relief.
        Responders = "responders", "Responders";
        /// How long relief lasted.
        ReliefDuration = "relief-duration", "Duration of relief";
        /// First blocks that a second one did not confirm.
        FalsePositives = "false-positives", "False positives of a single block";
        /// What each cut-off of relief would have meant.
        ThresholdSweep = "threshold-sweep", "Threshold sweep";
        /// Who qualifies by one profile and not by another.
        Agreement = "agreement", "Agreement of profiles";
        /// From being considered to the last follow-up.
        Funnel = "funnel", "Funnel";
        /// How long ablations help.
        AblationOutcomes = "ablation-outcomes", "Ablation outcomes";
        /// How complete and how plausible the records are.
        Quality = "quality", "Quality of the records";
        /// What went wrong.
        AdverseEvents = "adverse-events", "Adverse events";
    }
}

impl Figure {
    /// What it tells, in a sentence.
    #[must_use]
    pub const fn about(self) -> &'static str {
        match self {
            Figure::Responders => {
                "The share of diagnostic medial branch blocks after which relief reached 50, 75, 80 and 100 %, by scores and as patients state it."
            }
            Figure::ReliefDuration => {
                "How long relief lasted once it was reached. Between two diary rows nobody knows, so each duration is an interval; a diary that ends in relief is censored and not dropped."
            }
            Figure::FalsePositives => {
                "Targets whose first block was positive and whose second was not. The literature has two denominators, and both are here."
            }
            Figure::ThresholdSweep => {
                "For every cut-off of relief, after one block and after two: how many targets would be candidates, how many were ablated, and how many of those had at least 50 % relief later."
            }
            Figure::Agreement => {
                "Pairs of profiles held against each other: who qualifies by one and not by the other, agreement beyond chance, and the rules that make the difference."
            }
            Figure::Funnel => {
                "From the pain being considered to the last follow-up: how many came how far, how long it took, and where they were lost."
            }
            Figure::AblationOutcomes => {
                "The time from an ablation to the first follow-up with relief below 50 %, and how often ablations were repeated."
            }
            Figure::Quality => {
                "What is missing in the records, what was entered from memory, and what looks impossible or suspicious."
            }
            Figure::AdverseEvents => {
                "Adverse events after blocks and ablations, per procedure, per lesion or injected nerve, and per patient."
            }
        }
    }
}

impl Figure {
    /// The names of its tables, the main one first.
    #[must_use]
    pub const fn tables(self) -> &'static [&'static str] {
        match self {
            Figure::Responders => &["responders"],
            Figure::ReliefDuration => &["durations", "curve"],
            Figure::FalsePositives => &["rates", "patterns"],
            Figure::ThresholdSweep => &["sweep"],
            Figure::Agreement => &["pairs", "rules", "profiles"],
            Figure::Funnel => &["steps", "follow_up"],
            Figure::AblationOutcomes => &["durations", "curve", "repeats"],
            Figure::Quality => &["completeness", "series", "digits"],
            Figure::AdverseEvents => &["rates"],
        }
    }

    /// What has to be known to read it.
    #[must_use]
    pub const fn notes(self) -> &'static [&'static str] {
        match self {
            Figure::Responders => &[RATINGS, CLUSTERED],
            Figure::ReliefDuration => &[
                RATINGS,
                "A duration is known as an interval after its least and not after its greatest length (half-open); the curve is Turnbull's estimate and has no interval of its own: the stretch within a step is what the diaries leave open.",
            ],
            Figure::FalsePositives => &[TARGETS, CLUSTERED],
            Figure::ThresholdSweep => &[
                TARGETS,
                "Outcomes are known only of those who were ablated, and who was ablated was chosen by the blocks: a predictive value here says nothing about those who were not.",
                CLUSTERED,
            ],
            Figure::Agreement => &[
                "Verdicts are those stored, as they stand today. A target that lacks data does not qualify.",
            ],
            Figure::Funnel => &[
                "An ablation counts as a referral where nobody recorded one. Visits are windows: 4 to 8 weeks, and from 3 months on half way to the neighbouring visit.",
            ],
            Figure::AblationOutcomes => &[
                "The event is dated by the follow-up that found it; the pain may have returned earlier.",
            ],
            Figure::Quality => &[],
            Figure::AdverseEvents => &[
                "Events that the procedure did not cause are left out; events whose relation is not recorded count.",
            ],
        }
    }
}

const RATINGS: &str = "A block counts once, or once for each side where its sides were rated by themselves. Only diagnostic medial branch blocks count.";
const TARGETS: &str = "A target is one joint on one side. Its blocks are diagnostic medial branch blocks up to its first ablation, the first of a day.";
const CLUSTERED: &str =
    "Intervals take the counted as independent; targets and blocks of one patient are not quite.";

/// The thresholds that are always looked at, in percent.
pub const THRESHOLDS: [Threshold; 4] = [
    Threshold::FIFTY,
    Threshold::SEVENTY_FIVE,
    Threshold::EIGHTY,
    Threshold::HUNDRED,
];

/// What can be chosen about a figure beside who is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// How intervals are computed.
    pub interval: IntervalMethod,
    /// From which relief on a block counts as positive, where a figure needs one number.
    pub threshold: Threshold,
    /// From one cut-off of the sweep to the next, in percent.
    pub step: u8,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            interval: IntervalMethod::Wilson,
            threshold: Threshold::EIGHTY,
            step: 5,
        }
    }
}
