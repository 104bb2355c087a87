//! What the charts show is what the domain says, in the drawing and in words.

use super::*;
use crate::domain::ablation::{Ablation, FollowUp};
use crate::domain::anatomy::{Joint, Side, TreatedSide};
use crate::domain::block::{Agent, Block, BlockKind, BlockTechnique};
use crate::domain::ids::ScoreId;
use crate::domain::pain::{Context, Percent, RecordedScore, Scale, Score, ScoreRow, Threshold};
use chrono::{DateTime, FixedOffset, NaiveDate, TimeDelta};
use uuid::Uuid;

fn injected() -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339("2025-09-08T09:00:00-05:00").unwrap()
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn eighty() -> Threshold {
    Threshold::new(80).unwrap()
}

fn block(side: TreatedSide) -> Block {
    Block {
        performed_at: injected(),
        kind: BlockKind::Diagnostic,
        technique: BlockTechnique::MedialBranch,
        joints: vec![Joint::from_code("L4-5").unwrap()],
        side,
        agent: Some(Agent::Lidocaine),
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

/// Scores with movement: minutes since the injection and whole NRS points.
fn scores(rows: &[(i64, i16)], side: Option<Side>) -> Vec<RecordedScore> {
    let row = |(minutes, points): &(i64, i16)| RecordedScore {
        id: ScoreId(Uuid::from_u64_pair(
            u64::try_from(minutes + 10_000).unwrap(),
            side.map_or(0, |side| if side == Side::Left { 1 } else { 2 }),
        )),
        sequence: 0,
        row: ScoreRow {
            taken_at: injected() + TimeDelta::minutes(*minutes),
            score: Score::new(Scale::Nrs, points * 10).unwrap(),
            context: Context::Movement,
            side,
            stated_relief: None,
            analgesic_taken: false,
            reported_by: None,
            answered_at: None,
        },
    };
    rows.iter().map(row).collect()
}

const TWO_HOURS: [(i64, i16); 7] = [
    (-30, 8),
    (15, 4),
    (30, 1),
    (60, 1),
    (120, 1),
    (180, 3),
    (240, 7),
];

fn curve_of(rows: &[RecordedScore], side: TreatedSide) -> PainCurve {
    PainCurve {
        id: "c".to_owned(),
        blocks: vec![CurveBlock::of(
            &block(side),
            rows,
            eighty(),
            day("2025-10-01"),
        )],
    }
}

/// The values of `attribute` of every element `name` that holds `with`.
fn attributes(svg: &str, name: &str, with: &str, attribute: &str) -> Vec<String> {
    svg.split('<')
        .filter(|element| element.starts_with(&format!("{name} ")) && element.contains(with))
        .filter_map(|element| {
            let (_, rest) = element.split_once(&format!(" {attribute}=\""))?;
            rest.split_once('"').map(|(value, _)| value.to_owned())
        })
        .collect()
}

fn numbers(svg: &str, name: &str, with: &str, attribute: &str) -> Vec<i32> {
    let values = attributes(svg, name, with, attribute);
    values.iter().map(|value| value.parse().unwrap()).collect()
}

/// Where the labels of the axes stand: the place of a text with exactly these words.
fn text_at(svg: &str, words: &str, attribute: &str) -> i32 {
    let (before, _) = svg.split_once(&format!(">{words}</text>")).unwrap();
    let element = before.rsplit_once("<text").unwrap().1;
    let (_, rest) = element.split_once(&format!(" {attribute}=\"")).unwrap();
    rest.split_once('"').unwrap().0.parse().unwrap()
}

#[test]
fn the_known_relief_is_shaded_from_its_first_score_to_its_last_and_the_possible_around_it() {
    let svg = pain_curve(&curve_of(&scores(&TWO_HOURS, None), TreatedSide::Right));
    let known = &format!("fill=\"{}\"", palette::KNOWN);
    let possible = &format!("fill=\"{}\"", palette::POSSIBLE);
    let at = |minutes_label: &str| text_at(&svg, minutes_label, "x");
    let x = numbers(&svg, "rect", known, "x")[0];
    let width = numbers(&svg, "rect", known, "width")[0];
    assert_eq!((x, x + width), (at("30 min"), at("2 h")));
    let x = numbers(&svg, "rect", possible, "x")[0];
    let width = numbers(&svg, "rect", possible, "width")[0];
    assert!((at("15") - x).abs() <= 1, "from the row before onset");
    assert_eq!(x + width, at("3 h"), "to the first row below");
}

#[test]
fn the_threshold_is_drawn_where_relief_reaches_it() {
    let svg = pain_curve(&curve_of(&scores(&TWO_HOURS, None), TreatedSide::Right));
    let line = attributes(&svg, "polyline", palette::THRESHOLD, "points");
    let y: i32 = line[0].rsplit_once(',').unwrap().1.parse().unwrap();
    let (zero, two) = (text_at(&svg, "0", "y"), text_at(&svg, "2", "y"));
    // Both the axis of scores and that of time have a 0; the former comes first.
    assert_eq!(y, zero - (zero - two) * 16 / 20, "80 % below 8 is 1.6");
    assert!(svg.contains(">80 % relief</text>"));
    assert!(svg.contains("stroke-dasharray"));
}

#[test]
fn an_open_end_is_shaded_to_the_edge_and_called_open() {
    let rows = scores(&[(-30, 8), (30, 1), (120, 1)], None);
    let curve = curve_of(&rows, TreatedSide::Right);
    let svg = pain_curve(&curve);
    let possible = &format!("fill=\"{}\"", palette::POSSIBLE);
    let (x, width) = (
        numbers(&svg, "rect", possible, "x")[0],
        numbers(&svg, "rect", possible, "width")[0],
    );
    assert_eq!(x + width, 622, "the right edge of the plot");
    assert!(svg.contains(">open</text>"));
    assert!(pain_curve_words(&curve).contains("for at least 1 h 30 min, its end not recorded"));
}

#[test]
fn the_axis_is_as_long_as_the_diary_and_labels_never_meet() {
    let fortnight: Vec<(i64, i16)> = std::iter::once((-30, 8))
        .chain((0..14).map(|day| (day * 1_440 + 60, 2)))
        .collect();
    let short = pain_curve(&curve_of(&scores(&TWO_HOURS, None), TreatedSide::Left));
    let long = pain_curve(&curve_of(&scores(&fortnight, None), TreatedSide::Left));
    assert!(short.contains(">4 h</text>") && !short.contains(">8 h</text>"));
    assert!(long.contains(">14 d</text>") && long.contains(">1 h</text>"));
    assert!(long.contains("the scale changes at 1 h, 8 h and 1 day"));
    let row = text_at(&long, "14 d", "y");
    let mut places = numbers(&long, "text", &format!(" y=\"{row}\""), "x");
    places.sort_unstable();
    assert!(places.len() > 6);
    assert!(places.windows(2).all(|pair| pair[1] - pair[0] >= 20));
}

#[test]
fn the_words_say_the_same_as_the_drawing() {
    let curve = curve_of(&scores(&TWO_HOURS, None), TreatedSide::Right);
    let words = pain_curve_words(&curve);
    assert!(words.contains("baseline NRS 8/10"), "{words}");
    assert!(words.contains("relief of at least 80 % for 1 h 30 min to 2 h 45 min"));
    assert!(words.contains("before 8, 15 min 4, 30 min 1"));
    assert!(words.contains("Expected of lidocaine: 1 h to 3 h 30 min (advisory)."));
    let svg = pain_curve(&curve);
    assert!(svg.contains(&format!("<desc id=\"c-d\">{words}</desc>")));
    assert!(svg.contains("role=\"img\" aria-labelledby=\"c-t c-d\""));
    assert!(svg.contains("<title id=\"c-t\">Pain after the block of 8 Sep 2025</title>"));
}

#[test]
fn what_comes_after_an_analgesic_is_drawn_and_does_not_count() {
    let mut rows = scores(&TWO_HOURS, None);
    rows[3].row.analgesic_taken = true;
    let curve = curve_of(&rows, TreatedSide::Right);
    let svg = pain_curve(&curve);
    assert!(svg.contains(">analgesic taken</text>"));
    let discs = |colour: &str| numbers(&svg, "circle", &format!("fill=\"{colour}\""), "cx").len();
    // One more of each stands in the legend or not: the baseline and three rows count, three do not.
    assert_eq!(discs(palette::NOT_COUNTED), 3);
    assert_eq!(discs(palette::NEWEST), 4 + 1);
    assert!(pain_curve_words(&curve).contains("1 h 1 (analgesic taken)"));
    assert!(pain_curve_words(&curve).contains("Scores after an analgesic do not count."));
}

#[test]
fn sides_are_one_line_where_nobody_told_them_apart_and_two_where_somebody_did() {
    let together = curve_of(&scores(&TWO_HOURS, None), TreatedSide::Bilateral);
    assert!(pain_curve(&together).contains(">Both sides, with movement</text>"));
    let mut rows = scores(&TWO_HOURS, Some(Side::Left));
    rows.extend(scores(&[(-30, 6), (30, 6), (60, 5)], Some(Side::Right)));
    let apart = pain_curve(&curve_of(&rows, TreatedSide::Bilateral));
    assert!(apart.contains(">Left, with movement</text>"));
    assert!(apart.contains(">Right, with movement</text>"));
    assert!(apart.contains(">Right: no score shows relief of 80 %</text>"));
    assert!(apart.contains(palette::NEWEST_SECOND_SIDE), "a second look");
}

#[test]
fn two_blocks_are_laid_over_each_other() {
    let rows = scores(&TWO_HOURS, None);
    let one = CurveBlock::of(
        &block(TreatedSide::Left),
        &rows,
        eighty(),
        day("2025-10-01"),
    );
    let curve = PainCurve {
        id: "two".to_owned(),
        blocks: vec![
            one.clone().labelled("First block"),
            one.labelled("Second block"),
        ],
    };
    let svg = pain_curve(&curve);
    assert!(svg.contains(">First block, left, with movement</text>"));
    assert!(
        svg.contains(">Second block: relief of at least 80 % for 1 h 30 min to 2 h 45 min</text>")
    );
    assert!(svg.contains(palette::EARLIER) && svg.contains(palette::NEWEST));
    assert_eq!(
        attributes(&svg, "polyline", palette::THRESHOLD, "points").len(),
        1
    );
}

#[test]
fn markup_in_a_label_is_shown_as_text() {
    let rows = scores(&TWO_HOURS, None);
    let one = CurveBlock::of(
        &block(TreatedSide::Left),
        &rows,
        eighty(),
        day("2025-10-01"),
    );
    let label = "<script>alert('x')</script> & \u{1}";
    let curve = PainCurve {
        id: "\"><script>".to_owned(),
        blocks: vec![one.clone().labelled(label), one.labelled(label)],
    };
    let svg = pain_curve(&curve);
    assert!(!svg.contains("<script"));
    assert!(svg.contains("&lt;script&gt;"));
    assert!(!svg.contains('\u{1}'));
}

#[test]
fn nothing_recorded_is_said_and_a_baseline_of_0_too() {
    let nothing = curve_of(&[], TreatedSide::Left);
    assert!(nothing.blocks[0].is_empty());
    assert!(pain_curve(&nothing).contains("Relief is not known: a baseline or a score"));
    let zero = curve_of(&scores(&[(-30, 0), (30, 0)], None), TreatedSide::Left);
    assert!(pain_curve(&zero).contains(">The baseline is 0, relief cannot be computed</text>"));
    assert!(
        pain_curve_words(&PainCurve {
            id: String::new(),
            blocks: Vec::new()
        })
        .contains("No scores")
    );
}

#[test]
fn a_small_curve_is_small() {
    let mut fortnight: Vec<(i64, i16)> = vec![(-30, 8), (15, 1), (30, 1), (45, 1), (60, 1)];
    fortnight.extend((2..=8).map(|hour| (hour * 60, 2)));
    fortnight.extend((1..=14).map(|day| (day * 1_440, 7)));
    let rows = scores(&fortnight, None);
    let of = |side| {
        Sparkline::of(
            "s",
            &block(TreatedSide::Left),
            &rows,
            side,
            eighty(),
            day("2025-10-01"),
        )
    };
    let svg = sparkline(&of(Side::Left));
    assert!(svg.len() < 900, "{} bytes: {svg}", svg.len());
    assert!(svg.contains("<title id=\"s-t\">Relief of at least 80 % for 45 min to 2 h</title>"));
    assert!(svg.contains(palette::KNOWN) && svg.contains(palette::NEWEST));
    let nothing = Sparkline::of(
        "s",
        &block(TreatedSide::Left),
        &[],
        Side::Left,
        eighty(),
        day("2025-10-01"),
    );
    assert!(sparkline(&nothing).contains("Relief is not known"));
}

#[test]
fn a_follow_up_curve_tells_scores_from_statements_and_when_relief_fell_below_half() {
    let ablation = Ablation {
        performed_on: day("2025-01-10"),
        joints: vec![Joint::from_code("L4-5").unwrap()],
        side: TreatedSide::Left,
        technique: None,
        temperature_tenths_c: None,
        pre_score: Score::new(Scale::Nrs, 80).ok(),
        operator: None,
        site: None,
    };
    let follow_up = |date: &str, score: Option<i16>, stated: Option<i16>| FollowUp {
        taken_on: day(date),
        score: score.and_then(|tenths| Score::new(Scale::Nrs, tenths).ok()),
        stated_relief: stated.and_then(Percent::from_tenths),
        function_improvement: None,
        pgic: None,
    };
    let follow_ups = [
        follow_up("2025-07-12", Some(60), None),
        follow_up("2025-02-21", Some(20), None),
        follow_up("2025-04-11", None, Some(600)),
        follow_up("2026-01-01", Some(0), None),
    ];
    let curve = FollowUpCurve::of("f", &ablation, &follow_ups, day("2025-08-01"));
    let words = follow_up_curve_words(&curve);
    assert_eq!(
        words,
        "Relief by days since the ablation: 42 d 75 %, 91 d 60 % (stated), 183 d 25 %. It was below 50 % on day 183."
    );
    let svg = follow_up_curve(&curve);
    assert!(svg.contains(">50 % relief</text>") && svg.contains(">6 wk</text>"));
    assert!(svg.contains(">from scores</text>") && svg.contains(">as stated</text>"));
    let visit = text_at(&svg, "6 wk", "x");
    assert!(numbers(&svg, "circle", palette::NEWEST, "cx").contains(&visit));
}
