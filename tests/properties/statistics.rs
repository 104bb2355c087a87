//! Our statistics against those of `lifelines`, `statsmodels` and `scipy`, and what holds of them for all data.
#![allow(
    clippy::float_arithmetic,
    clippy::as_conversions,
    reason = "estimates are compared"
)]

use medial::domain::statistics::digits::uneven;
use medial::domain::statistics::*;
use proptest::prelude::*;
use serde_json::Value;

fn reference(of: &str) -> Vec<Value> {
    let text = include_str!("../fixtures/statistics/reference.json");
    let answers: Value = serde_json::from_str(text).unwrap();
    answers[of].as_array().unwrap().clone()
}

fn whole(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

#[track_caller]
fn assert_near(ours: f64, theirs: &Value, tolerance: f64, of: &Value) {
    let theirs = theirs.as_f64().unwrap();
    let near = (ours - theirs).abs() <= tolerance;
    assert!(near, "{ours} and {theirs} in {of}");
}

#[test]
fn intervals_of_proportions_are_those_of_statsmodels() {
    for row in reference("proportions") {
        let proportion = Proportion::of(whole(&row["numerator"]), whole(&row["denominator"]));
        let method = IntervalMethod::from_code(row["method"].as_str().unwrap()).unwrap();
        let interval = proportion.interval(method).unwrap();
        assert_near(interval.low, &row["low"], 1e-9, &row);
        assert_near(interval.high, &row["high"], 1e-9, &row);
    }
}

#[test]
fn survival_is_that_of_lifelines() {
    for row in reference("kaplan_meier") {
        let events = row["events"].as_array().unwrap().iter();
        let times = row["times"].as_array().unwrap().iter().zip(events);
        let curve = KaplanMeier::of(times.map(|(time, event)| Followed {
            time: time.as_i64().unwrap(),
            event: event == 1,
        }));
        let steps = row["steps"].as_array().unwrap();
        assert_eq!(curve.steps.len(), steps.len(), "{}", row["name"]);
        for (ours, theirs) in curve.steps.iter().zip(steps) {
            assert_eq!(ours.time, theirs["time"]);
            assert_near(ours.survival, &theirs["survival"], 1e-9, theirs);
            assert_eq!(ours.interval.is_none(), theirs["low"].is_null(), "{theirs}");
            if let Some(interval) = ours.interval {
                assert_near(interval.low, &theirs["low"], 1e-9, theirs);
                assert_near(interval.high, &theirs["high"], 1e-9, theirs);
            }
        }
        let median = row["median"].as_f64().map(|median| format!("{median}"));
        assert_eq!(curve.median().map(|median| median.to_string()), median);
    }
}

#[test]
fn the_median_is_the_time_at_which_half_had_the_event_whatever_rounding_leaves() {
    for half in 1..200 {
        let alone = |time| Followed { time, event: true };
        let curve = KaplanMeier::of((1..=2 * half).map(alone));
        assert_eq!(curve.median(), Some(half), "of {} events", 2 * half);
    }
}

#[test]
fn intervals_of_rates_are_those_of_r() {
    // qgamma(0.025, events) and qgamma(0.975, events + 1).
    let answers = [
        (0, 0.0, 3.688_879_454_113_9),
        (1, 0.025_317_807_984_29, 5.571_643_390_938_9),
        (5, 1.623_486_390_118_4, 11.668_332_079_323),
        (24, 15.377_252_854_686, 35.710_097_593_753),
        (310, 276.447_966_537_36, 346.501_530_298_42),
    ];
    for (events, low, high) in answers {
        let interval = Rate { events, over: 1 }.interval().unwrap();
        assert!(
            (interval.low - low).abs() < 1e-9 * (1.0 + low),
            "{interval:?} of {events}"
        );
        assert!(
            (interval.high - high).abs() < 1e-9 * high,
            "{interval:?} of {events}"
        );
        let over = Rate { events, over: 40 }.interval().unwrap();
        assert!((over.high - high / 40.0).abs() < 1e-9);
    }
    assert_eq!(Rate { events: 3, over: 0 }.interval(), None);
}

#[test]
fn interval_censored_survival_is_that_of_lifelines() {
    for row in reference("turnbull") {
        let intervals = row["intervals"].as_array().unwrap().iter();
        let curve = Turnbull::of(intervals.map(|interval| Observed {
            least: interval[0].as_i64().unwrap(),
            most: interval[1].as_i64(),
        }));
        let steps = row["steps"].as_array().unwrap();
        assert_eq!(curve.steps.len(), steps.len(), "{:?} {row}", curve.steps);
        for (ours, theirs) in curve.steps.iter().zip(steps) {
            assert_eq!(ours.from, theirs["from"]);
            assert_eq!(ours.to, theirs["to"].as_i64());
            assert_near(ours.mass, &theirs["mass"], 1e-4, theirs);
        }
    }
}

#[test]
fn a_median_of_durations_is_an_interval_and_may_not_be_reached() {
    let observed = |intervals: &[(i64, Option<i64>)]| {
        let observed = |(least, most): &(i64, Option<i64>)| Observed {
            least: *least,
            most: *most,
        };
        Turnbull::of(intervals.iter().map(observed))
    };
    let apart = observed(&[
        (0, Some(15)),
        (15, Some(30)),
        (30, Some(60)),
        (60, Some(120)),
    ]);
    let within = |from, to| Some(turnbull::MedianWithin { from, to });
    assert_eq!(apart.median(), within(15, Some(30)));
    let open = observed(&[(60, None), (60, None), (30, Some(60)), (120, None)]);
    assert_eq!(open.median(), within(120, None));
    assert_eq!((open.observed, open.censored), (4, 3));
    let (least, most) = apart.survival_at(20);
    assert!((least - 0.5).abs() < 1e-6 && (most - 0.75).abs() < 1e-6);
    assert_eq!(observed(&[]).median(), None);
}

#[test]
fn kappa_and_its_error_are_those_of_statsmodels() {
    for row in reference("kappa") {
        let agreement = Agreement {
            both: whole(&row["both"]),
            first_only: whole(&row["first_only"]),
            second_only: whole(&row["second_only"]),
            neither: whole(&row["neither"]),
        };
        assert_near(agreement.kappa().unwrap(), &row["kappa"], 1e-9, &row);
        let error = agreement.standard_error().unwrap();
        assert_near(error, &row["standard_error"], 1e-9, &row);
    }
}

#[test]
fn who_always_says_the_same_has_no_kappa() {
    let unanimous = Agreement {
        both: 7,
        ..Agreement::default()
    };
    assert_eq!(unanimous.kappa(), None);
    assert_eq!(Agreement::default().interval(), None);
}

#[test]
fn unevenness_of_digits_is_that_of_scipy() {
    for row in reference("digits") {
        let counts: Vec<u64> = row["counts"]
            .as_array()
            .unwrap()
            .iter()
            .map(whole)
            .collect();
        let found = uneven(&counts).unwrap();
        assert_near(found.statistic, &row["statistic"], 1e-6, &row);
        assert_near(found.p, &row["p"], 1e-9, &row);
    }
    assert_eq!(uneven(&[0; 10]), None);
}

#[test]
fn nothing_of_nothing_is_no_number() {
    let nothing = Proportion::default();
    assert_eq!(nothing.hundredths(), None);
    for method in IntervalMethod::ALL {
        assert_eq!(nothing.interval(*method), None);
        assert_eq!(Proportion::of(3, 2).interval(*method), None);
    }
    assert_eq!(Proportion::of(2, 3).hundredths(), Some(6667));
    assert_eq!(median(vec![]), None);
    assert_eq!(median(vec![5, 1, 3]), Some(3));
    assert_eq!(median(vec![1, 4]), Some(2));
}

proptest! {
    #[test]
    fn an_interval_holds_its_estimate_and_stays_within_the_whole(numerator in 0_u64..500, more in 0_u64..500) {
        let proportion = Proportion::of(numerator, numerator + more);
        for method in IntervalMethod::ALL {
            let Some(interval) = proportion.interval(*method) else {
                prop_assert_eq!(proportion.denominator, 0);
                continue;
            };
            let share = numerator as f64 / proportion.denominator as f64;
            prop_assert!(interval.low <= share + 1e-9 && share <= interval.high + 1e-9);
            prop_assert!((0.0..=1.0).contains(&interval.low) && (0.0..=1.0).contains(&interval.high));
        }
    }

    #[test]
    fn a_curve_only_ever_falls(times in prop::collection::vec((0_i64..60, any::<bool>()), 1..80)) {
        let curve = KaplanMeier::of(times.iter().map(|(time, event)| Followed { time: *time, event: *event }));
        let mut before = 1.0;
        for step in &curve.steps {
            prop_assert!(step.survival <= before && step.survival >= 0.0);
            if let Some(interval) = step.interval {
                prop_assert!(interval.low <= step.survival && step.survival <= interval.high);
            }
            before = step.survival;
        }
    }

    #[test]
    fn shares_of_ends_make_up_the_whole(ends in prop::collection::vec((0_i64..90, prop::option::of(1_i64..60)), 1..60)) {
        let curve = Turnbull::of(ends.iter().map(|(least, longer)| Observed { least: *least, most: longer.map(|longer| least + longer) }));
        let all: f64 = curve.steps.iter().map(|step| step.mass).sum();
        prop_assert!((all - 1.0).abs() < 1e-3, "{all}");
        prop_assert!(curve.steps.iter().zip(curve.steps.iter().skip(1)).all(|(one, next)| next.survival <= one.survival));
        prop_assert!(curve.median().is_some());
    }
}
