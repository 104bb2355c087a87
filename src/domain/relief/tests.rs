//! Every class of relief at both sides of its boundary, and what a patient stated.

use super::*;
use crate::domain::anatomy::{Joint, TreatedSide};
use crate::domain::block::{BlockKind, BlockTechnique};
use crate::domain::ids::ScoreId;
use crate::domain::pain::ScoreRow;
use uuid::Uuid;

const ONE_TO_THREE_HOURS: AgentWindow = AgentWindow {
    from_minutes: 60,
    to_minutes: 180,
};

/// Relief for at least `min` and at most `max` minutes.
fn lasting(min: i64, max: Option<i64>) -> ReliefInterval {
    ReliefInterval {
        onset: TimeDelta::minutes(15),
        min: TimeDelta::minutes(min),
        max: max.map(TimeDelta::minutes),
        largest_gap: TimeDelta::zero(),
    }
}

fn class(min: i64, max: impl Into<Option<i64>>) -> DurationClass {
    lasting(min, max.into()).duration_class(ONE_TO_THREE_HOURS)
}

#[test]
fn relief_is_too_short_only_if_it_ended_before_the_window_for_certain() {
    assert_eq!(class(0, 59), DurationClass::TooShort);
    assert_eq!(class(0, 60), DurationClass::Unknown);
    assert_eq!(class(0, None), DurationClass::Unknown);
}

#[test]
fn relief_is_within_the_window_only_if_both_its_ends_are_and_they_count() {
    assert_eq!(class(60, 180), DurationClass::Within);
    assert_eq!(class(59, 180), DurationClass::Unknown);
    assert_eq!(class(60, 181), DurationClass::Unknown);
    assert_eq!(class(60, None), DurationClass::Unknown);
    assert_eq!(class(180, 180), DurationClass::Within);
}

#[test]
fn relief_is_prolonged_only_if_it_outlasted_the_window_for_certain() {
    assert_eq!(class(181, None), DurationClass::Prolonged);
    assert_eq!(class(181, 300), DurationClass::Prolonged);
    assert_eq!(class(180, None), DurationClass::Unknown);
    assert_eq!(class(180, 300), DurationClass::Unknown);
}

#[test]
fn seconds_decide_at_the_ends_of_a_window() {
    let mut interval = lasting(0, Some(60));
    interval.max = interval.max.map(|max| max - TimeDelta::seconds(1));
    let class = interval.duration_class(ONE_TO_THREE_HOURS);
    assert_eq!(class, DurationClass::TooShort);
    let mut interval = lasting(180, None);
    interval.min += TimeDelta::seconds(1);
    let class = interval.duration_class(ONE_TO_THREE_HOURS);
    assert_eq!(class, DurationClass::Prolonged);
}

#[test]
fn only_agents_with_a_source_have_a_window_and_it_is_in_order() {
    let with_window: Vec<&str> = Agent::ALL
        .iter()
        .filter(|agent| AgentWindow::default_of(**agent).is_some())
        .map(|agent| agent.code())
        .collect();
    assert_eq!(
        with_window,
        [
            "lidocaine",
            "mepivacaine",
            "bupivacaine",
            "levobupivacaine",
            "ropivacaine"
        ]
    );
    for agent in Agent::ALL {
        if let Some((window, _)) = AgentWindow::default_of(*agent) {
            assert!(window.from_minutes < window.to_minutes, "{agent}");
        }
    }
}

#[test]
fn a_block_without_relief_is_negative_and_one_from_a_baseline_of_0_is_not_classed() {
    let response = |finding: ReliefFinding| finding.response(PROLONGED_AFTER);
    assert_eq!(
        response(ReliefFinding::NotReached),
        Some(BlockResponse::Negative)
    );
    assert_eq!(response(ReliefFinding::Undefined), None);
}

#[test]
fn relief_is_therapeutic_only_beyond_24_hours() {
    let day = PROLONGED_AFTER.num_minutes();
    let response = |min, max| {
        ReliefFinding::Reached(lasting(min, max))
            .response(PROLONGED_AFTER)
            .unwrap()
    };
    assert_eq!(response(day, Some(2 * day)), BlockResponse::Temporary);
    assert_eq!(response(day, None), BlockResponse::Open);
    assert_eq!(response(day + 1, Some(2 * day)), BlockResponse::Prolonged);
    assert_eq!(response(day + 1, None), BlockResponse::Prolonged);
    assert_eq!(response(0, Some(1)), BlockResponse::Temporary);
}

// --- Two blocks held against each other ---------------------------------------------------------------------------

fn after(agent: Agent, finding: ReliefFinding) -> Compared {
    Compared {
        window: AgentWindow::default_of(agent).unwrap().0,
        finding,
    }
}

fn reached(min: i64, max: impl Into<Option<i64>>) -> ReliefFinding {
    ReliefFinding::Reached(lasting(min, max.into()))
}

/// The class of relief after lidocaine (1 to 3.5 h) and after bupivacaine (3 to 10 h), whichever came first.
fn compared(lidocaine: ReliefFinding, bupivacaine: ReliefFinding) -> Option<ComparativeClass> {
    let short = after(Agent::Lidocaine, lidocaine);
    let long = after(Agent::Bupivacaine, bupivacaine);
    let class = comparative_class(short, long);
    assert_eq!(class, comparative_class(long, short));
    class
}

#[test]
fn two_blocks_are_concordant_if_the_longer_acting_agent_relieved_for_longer_for_certain() {
    use ComparativeClass::{Concordant, Indeterminate};
    assert_eq!(
        compared(reached(60, 120), reached(121, 300)),
        Some(Concordant)
    );
    assert_eq!(
        compared(reached(60, 120), reached(121, None)),
        Some(Concordant)
    );
    assert_eq!(
        compared(reached(60, 120), reached(120, 300)),
        Some(Indeterminate)
    );
}

#[test]
fn two_concordant_blocks_are_prolonged_if_one_outlasted_its_agent() {
    use ComparativeClass::{Concordant, ConcordantProlonged};
    assert_eq!(
        compared(reached(60, 120), reached(600, None)),
        Some(Concordant)
    );
    assert_eq!(
        compared(reached(60, 120), reached(601, None)),
        Some(ConcordantProlonged)
    );
    assert_eq!(
        compared(reached(210, 240), reached(300, 400)),
        Some(Concordant)
    );
    assert_eq!(
        compared(reached(211, 240), reached(300, 400)),
        Some(ConcordantProlonged)
    );
}

#[test]
fn two_blocks_are_discordant_if_the_shorter_acting_agent_relieved_for_as_long() {
    use ComparativeClass::{Discordant, Indeterminate};
    assert_eq!(
        compared(reached(120, 300), reached(60, 120)),
        Some(Discordant)
    );
    assert_eq!(
        compared(reached(121, None), reached(60, 120)),
        Some(Discordant)
    );
    assert_eq!(
        compared(reached(119, 300), reached(60, 120)),
        Some(Indeterminate)
    );
}

#[test]
fn two_blocks_are_discrepant_if_one_relieved_and_the_other_did_not() {
    let class = Some(ComparativeClass::Discrepant);
    assert_eq!(
        compared(ReliefFinding::NotReached, reached(200, 300)),
        class
    );
    assert_eq!(compared(reached(60, 120), ReliefFinding::NotReached), class);
}

#[test]
fn what_the_diaries_do_not_settle_is_indeterminate() {
    let class = Some(ComparativeClass::Indeterminate);
    assert_eq!(compared(reached(60, None), reached(300, None)), class);
    assert_eq!(compared(reached(60, 200), reached(180, 300)), class);
    let nothing = [ReliefFinding::NotReached, ReliefFinding::Undefined];
    for lidocaine in nothing {
        for bupivacaine in nothing {
            assert_eq!(compared(lidocaine, bupivacaine), class);
        }
    }
    assert_eq!(compared(ReliefFinding::Undefined, reached(0, 60)), class);
    assert_eq!(compared(reached(0, 60), ReliefFinding::Undefined), class);
}

#[test]
fn agents_that_act_equally_long_are_not_compared() {
    let bupivacaine = after(Agent::Bupivacaine, reached(60, 120));
    let ropivacaine = after(Agent::Ropivacaine, reached(200, 300));
    assert_eq!(comparative_class(bupivacaine, ropivacaine), None);
    assert_eq!(comparative_class(bupivacaine, bupivacaine), None);
}

const INJECTION: &str = "2025-09-08T09:00:00-05:00";

fn minutes_after_injection(minutes: i64) -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339(INJECTION).unwrap() + TimeDelta::minutes(minutes)
}

fn block() -> Block {
    Block {
        performed_at: minutes_after_injection(0),
        kind: BlockKind::Diagnostic,
        technique: BlockTechnique::MedialBranch,
        joints: vec![Joint::from_code("L4-5").unwrap()],
        side: TreatedSide::Right,
        agent: None,
        concentration_thousandths: None,
        volume_microlitres_per_nerve: None,
        steroid: None,
        guidance: None,
        sedation: None,
        stated_relief: None,
        stated_relief_minutes: None,
        duration_minutes: None,
        operator: None,
        site: None,
        corrected_nerves: None,
        same_day_return: None,
    }
}

/// A row `minutes` after the injection, with what the patient states in whole percent.
fn row(minutes: i64, scale: Scale, tenths: i16, stated: Option<i16>) -> ScoreRow {
    ScoreRow {
        taken_at: minutes_after_injection(minutes),
        score: Score::new(scale, tenths).unwrap(),
        context: Context::Current,
        side: None,
        stated_relief: stated.map(|percent| Percent::from_tenths(percent * 10).unwrap()),
        analgesic_taken: false,
        reported_by: None,
        answered_at: None,
    }
}

fn with_analgesic(row: ScoreRow) -> ScoreRow {
    ScoreRow {
        analgesic_taken: true,
        ..row
    }
}

fn recorded(rows: Vec<ScoreRow>) -> Vec<RecordedScore> {
    let numbered = (1u128..).zip(rows);
    numbered
        .map(|(sequence, row)| RecordedScore {
            id: ScoreId(Uuid::from_u128(sequence)),
            sequence,
            row,
        })
        .collect()
}

fn stated_percent(rows: Vec<ScoreRow>) -> Option<i16> {
    let (block, scores) = (block(), recorded(rows));
    let as_of = block.local_date();
    let max_age = TimeDelta::days(BASELINE_MAX_AGE_DAYS);
    let series = Series::of(&block, &scores, Side::Right, as_of, max_age);
    stated_relief(&block, &scores, Side::Right, as_of, series.as_ref())
        .map(|percent| percent.tenths() / 10)
}

#[test]
fn what_is_stated_after_an_analgesic_does_not_count_whether_or_not_the_series_goes_on() {
    let series_ends_with_analgesic = vec![
        row(-30, Scale::Nrs, 80, None),
        with_analgesic(row(60, Scale::Nrs, 10, Some(40))),
        row(120, Scale::Vas, 100, Some(95)),
    ];
    let mut series_goes_on = series_ends_with_analgesic.clone();
    series_goes_on.push(row(90, Scale::Nrs, 10, None));
    assert_eq!(stated_percent(series_ends_with_analgesic), Some(40));
    assert_eq!(stated_percent(series_goes_on), Some(40));
}

#[test]
fn the_highest_statement_up_to_the_analgesic_counts_the_analgesic_row_included() {
    let rows = vec![
        row(-30, Scale::Nrs, 80, None),
        row(30, Scale::Nrs, 20, Some(70)),
        with_analgesic(row(60, Scale::Nrs, 10, Some(85))),
    ];
    assert_eq!(stated_percent(rows), Some(85));
}
