//! The cohort against what it is said to be like.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must stop, wherever it is"
)]

use super::cohort::{Course, What, course};
use crate::app::profiles::built_in;
use crate::domain::pain::Threshold;
use crate::domain::qualification::{History, NextStep, Profile, Verdict, evaluate};
use crate::domain::relief::{BASELINE_MAX_AGE_DAYS, ReliefFinding, Series};
use crate::wire::case::CaseBody;
use chrono::{DateTime, NaiveDate, TimeDelta};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const SEEDS: [u64; 4] = [1, 2, 3, 4];
const DEFAULT_SIZE: u32 = 500;

fn today() -> NaiveDate {
    "2026-03-02".parse().unwrap()
}

fn cohort(seed: u64) -> impl Iterator<Item = Course> {
    (1..=DEFAULT_SIZE).map(move |number| course(seed, number, today()))
}

fn append(list: &mut Value, more: Vec<Value>) {
    list.as_array_mut().unwrap().extend(more);
}

/// The course as one case: scores copied later join their block, follow-ups their ablation.
fn case(course: &Course) -> Value {
    let (mut blocks, mut ablations): (Vec<Value>, Vec<Value>) = (Vec::new(), Vec::new());
    for step in &course.steps {
        match &step.what {
            What::Block(block) => blocks.push(block.clone()),
            What::Scores { block, rows } => append(&mut blocks[*block]["scores"], rows.clone()),
            What::Ablation(ablation) => {
                let mut ablation = ablation.clone();
                ablation["follow_ups"] = json!([]);
                ablations.push(ablation);
            }
            What::FollowUp(follow_up) => append(
                &mut ablations.last_mut().unwrap()["follow_ups"],
                vec![follow_up.clone()],
            ),
            What::BlockEvent(_) | What::AblationEvent(_) => {}
        }
    }
    json!({"episode": course.episode, "blocks": blocks, "ablations": ablations})
}

fn history(course: &Course) -> History {
    CaseBody::read(case(course)).unwrap().into_history()
}

/// Of each diagnostic block of a course, in their order: the finding at 80 % on the side that is named first.
fn findings(course: &Course) -> Vec<Option<ReliefFinding>> {
    let history = history(course);
    let eighty = Threshold::new(80).unwrap();
    let oldest = TimeDelta::days(BASELINE_MAX_AGE_DAYS);
    let finding = |recorded: &crate::domain::qualification::RecordedBlock| {
        let side = recorded.block.side.sides().first().copied().unwrap();
        Series::of(&recorded.block, &recorded.scores, side, today(), oldest)
            .map(|series| series.at(eighty))
    };
    let diagnostic = history
        .blocks
        .iter()
        .filter(|recorded| recorded.block.kind == crate::domain::block::BlockKind::Diagnostic);
    diagnostic.map(finding).collect()
}

/// Positive ones and all of those that can be told.
fn share(findings: &[ReliefFinding]) -> (usize, usize) {
    let positive = |finding: &&ReliefFinding| matches!(finding, ReliefFinding::Reached(_));
    (findings.iter().filter(positive).count(), findings.len())
}

/// Whether `positive` of `total` is what a share of `of_published` in `published` gives in all but one of 15,000 draws:
/// within four standard errors. In whole numbers: (x·m - k·n)² ≤ 16·n·k·(m - k).
fn is_near(positive: usize, total: usize, of_published: usize, published: usize) -> bool {
    let distance = (positive * published).abs_diff(of_published * total);
    distance * distance <= 16 * total * of_published * (published - of_published)
}

#[test]
fn positive_shares_lie_near_the_published_ones() {
    for seed in SEEDS {
        let courses: Vec<_> = cohort(seed).map(|course| findings(&course)).collect();
        let of_block = |place: usize| -> Vec<ReliefFinding> {
            let at_place = courses.iter().filter_map(|course| course.get(place));
            at_place.filter_map(|finding| *finding).collect()
        };
        let (first, firsts) = share(&of_block(0));
        assert!(firsts > 300, "seed {seed}: {firsts} first blocks");
        assert!(
            is_near(first, firsts, 90, 167),
            "seed {seed}: {first} of {firsts}"
        );
        let (second, seconds) = share(&of_block(1));
        assert!(seconds > 100, "seed {seed}: {seconds} second blocks");
        assert!(
            is_near(second, seconds, 66, 90),
            "seed {seed}: {second} of {seconds}"
        );
    }
}

#[test]
fn a_share_far_from_the_published_one_is_seen() {
    assert!(is_near(54, 100, 90, 167));
    assert!(!is_near(80, 100, 90, 167));
    assert!(!is_near(150, 500, 90, 167));
}

#[test]
fn every_verdict_and_every_next_step_occurs() {
    let profiles = built_in().unwrap();
    let profiles: Vec<&Profile> = profiles.iter().collect();
    for seed in SEEDS {
        let (mut verdicts, mut steps) = (BTreeSet::new(), BTreeSet::new());
        for course in cohort(seed) {
            for determination in evaluate(&profiles, &history(&course), today()) {
                verdicts.insert(determination.verdict.code());
                steps.insert(determination.next_step.code());
            }
        }
        assert_eq!(
            verdicts.len(),
            Verdict::ALL.len(),
            "seed {seed}: {verdicts:?}"
        );
        assert_eq!(steps.len(), NextStep::ALL.len(), "seed {seed}: {steps:?}");
    }
}

#[test]
fn a_seed_makes_the_same_cohort_and_another_seed_another_one() {
    let told = |seed| -> Vec<Value> { cohort(seed).take(50).map(|course| case(&course)).collect() };
    assert_eq!(told(7), told(7));
    assert_ne!(told(7), told(8));
}

#[test]
fn nothing_is_recorded_after_today_or_out_of_order() {
    for course in cohort(1) {
        assert!(course.steps.is_sorted_by_key(|step| step.recorded_at));
        let last = course
            .steps
            .last()
            .map(|step| step.recorded_at.date_naive());
        assert!(last.is_none_or(|day| day <= today()));
    }
}

#[test]
fn everybody_is_plainly_synthetic() {
    for course in cohort(1) {
        let family_name = course.patient["family_name"].as_str().unwrap();
        let identifier = &course.patient["identifiers"][0];
        assert!(family_name.starts_with("Synthetic-"), "{family_name}");
        assert!(identifier["value"].as_str().unwrap().starts_with("DEMO-"));
        assert!(
            identifier["system"]
                .as_str()
                .unwrap()
                .starts_with("urn:example:")
        );
    }
}

/// Minutes from the injection to every row after it, block by block.
fn diaries() -> Vec<Vec<i64>> {
    let mut diaries = Vec::new();
    for course in cohort(1) {
        for block in case(&course)["blocks"].as_array().unwrap() {
            let instant = |of: &Value| DateTime::parse_from_rfc3339(of.as_str().unwrap()).unwrap();
            let performed_at = instant(&block["performed_at"]);
            let rows = block["scores"].as_array().unwrap().iter();
            let minutes = rows.map(|row| (instant(&row["taken_at"]) - performed_at).num_minutes());
            let after: BTreeSet<i64> = minutes.filter(|minutes| *minutes > 0).collect();
            diaries.push(after.into_iter().collect());
        }
    }
    diaries
}

#[test]
fn diaries_follow_the_schedule_with_gaps_and_open_ends() {
    let quarters = [15, 30, 45, 60];
    let hours = [120, 180, 240, 300, 360, 420, 480];
    let days = (1..=14).map(|day| day * 24 * 60);
    let asked: BTreeSet<i64> = quarters.into_iter().chain(hours).chain(days).collect();
    let diaries = diaries();
    let kept: Vec<_> = diaries.iter().filter(|diary| !diary.is_empty()).collect();
    assert!(
        kept.iter()
            .all(|diary| diary.iter().all(|minutes| asked.contains(minutes)))
    );
    let of_first_day = |diary: &[i64]| diary.iter().filter(|minutes| **minutes <= 480).count();
    let with_gaps = kept
        .iter()
        .filter(|diary| of_first_day(diary) < 11 && diary.last() > Some(&480));
    let stopped_early = kept.iter().filter(|diary| diary.last() <= Some(&240));
    assert!(with_gaps.count() > 20);
    assert!(stopped_early.count() > 20);
    assert!(diaries.len() > kept.len(), "some are not kept at all");
    let open = cohort(1)
        .flat_map(|course| findings(&course))
        .flatten()
        .filter(
            |finding| matches!(finding, ReliefFinding::Reached(interval) if interval.max.is_none()),
        );
    assert!(open.count() > 5, "some end in relief");
}

#[test]
fn pairs_disagree_with_their_agents_now_and_then() {
    let discordant = cohort(1).filter(|course| {
        let case = case(course);
        let agents: Vec<_> = case["blocks"]
            .as_array()
            .unwrap()
            .iter()
            .map(|block| block["agent"].clone())
            .collect();
        let findings = findings(course);
        match (agents.as_slice(), findings.as_slice()) {
            (
                [first, second],
                [
                    Some(ReliefFinding::Reached(shorter)),
                    Some(ReliefFinding::Reached(longer)),
                ],
            ) => {
                first == "lidocaine"
                    && second == "bupivacaine"
                    && longer.max.is_some_and(|max| max <= shorter.min)
            }
            _ => false,
        }
    });
    assert!(discordant.count() >= 3);
}

#[test]
fn ablations_are_followed_up_and_some_records_are_thin() {
    let cases: Vec<Value> = cohort(1).map(|course| case(&course)).collect();
    let ablations: Vec<&Value> = cases
        .iter()
        .flat_map(|case| case["ablations"].as_array().unwrap())
        .collect();
    let followed_up = ablations
        .iter()
        .filter(|ablation| !ablation["follow_ups"].as_array().unwrap().is_empty());
    assert!(ablations.len() > 40);
    assert!(followed_up.count() > 30);
    let facts = [
        "onset_date",
        "conservative_care",
        "fused_joints",
        "radiculopathy",
        "other_causes_excluded",
    ];
    for fact in facts {
        let without = cases
            .iter()
            .filter(|case| case["episode"].get(fact).is_none());
        assert!(without.count() >= 2, "{fact} is never missing");
    }
}
