//! Records as they could be: what is typical, and often what lies on an edge of a rule.

use chrono::{DateTime, Days, FixedOffset, NaiveDate, TimeDelta};
use medial::domain::qualification::History;
use medial::wire::case::CaseBody;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, Value, json};

/// The day that is judged: nothing that [`history`] tells happens after it.
pub const TODAY: &str = "2026-06-10";

/// [`TODAY`].
pub fn today() -> NaiveDate {
    TODAY.parse().unwrap()
}

fn ago(days: u64) -> NaiveDate {
    today().checked_sub_days(Days::new(days)).unwrap()
}

/// A field that is left out now and then.
fn maybe(
    name: &'static str,
    values: impl Strategy<Value = Value>,
) -> impl Strategy<Value = Option<(&'static str, Value)>> {
    prop::option::weighted(0.95, values.prop_map(move |value| (name, value)))
}

fn object(fields: impl IntoIterator<Item = Option<(&'static str, Value)>>) -> Value {
    let given = fields.into_iter().flatten();
    Value::Object(
        given
            .map(|(name, value)| (name.to_owned(), value))
            .collect::<Map<_, _>>(),
    )
}

fn one_of(values: &[Value]) -> impl Strategy<Value = Value> + use<> {
    select(values.to_vec())
}

/// Mostly the first value.
fn mostly(usual: Value, others: &[Value]) -> impl Strategy<Value = Value> + use<> {
    prop_oneof![9 => Just(usual), 1 => select(others.to_vec())]
}

/// Days ago, often just at or beside a limit that some profile has.
fn days_ago() -> impl Strategy<Value = u64> {
    let edges = vec![
        0, 1, 13, 14, 15, 28, 50, 90, 181, 182, 183, 184, 364, 365, 366, 487, 729, 730, 731, 732,
    ];
    prop_oneof![3 => select(edges), 2 => 0..1100_u64]
}

fn joints() -> impl Strategy<Value = Vec<&'static str>> {
    let all = vec!["L3-4", "L4-5", "L5-S1"];
    prop_oneof![3 => Just(vec!["L4-5", "L5-S1"]), 1 => Just(vec!["L4-5"]), 1 => subsequence(all, 1..=3)]
}

fn side() -> impl Strategy<Value = &'static str> {
    prop_oneof![6 => Just("right"), 1 => Just("left"), 3 => Just("bilateral")]
}

fn scale() -> impl Strategy<Value = &'static str> {
    prop_oneof![5 => Just("nrs"), 1 => Just("vas")]
}

/// A score of the scale from tenths of an NRS point.
fn scored(scale: &str, tenths: i64) -> Value {
    let tenths = if scale == "vas" { tenths * 10 } else { tenths };
    if tenths % 10 == 0 {
        json!(tenths / 10)
    } else {
        serde_json::from_str(&format!("{}.{}", tenths / 10, tenths % 10)).unwrap()
    }
}

/// Minutes from the injection of a row and what it tells.
#[derive(Debug, Clone)]
struct Row {
    minutes: i64,
    tenths: i64,
    context: &'static str,
    side: Option<&'static str>,
    analgesic: bool,
    stated: Option<i32>,
    scale: &'static str,
}

fn row(scale: &'static str) -> impl Strategy<Value = Row> {
    let schedule = vec![
        -10_081, -10_080, -30, 0, 15, 30, 45, 60, 90, 119, 120, 121, 180, 181, 240, 300, 360, 480,
        1440, 2880,
    ];
    let tenths = prop_oneof![4 => select(vec![0, 10, 20, 21, 50, 100]), 1 => 0..=100_i64];
    let context = prop_oneof![8 => Just("movement"), 1 => Just("current"), 1 => Just("rest")];
    let side = prop_oneof![8 => Just(None), 1 => Just(Some("right")), 1 => Just(Some("left"))];
    let stated = prop::option::weighted(0.1, 0..=100_i32);
    let scale = prop_oneof![15 => Just(scale), 1 => self::scale()];
    (
        select(schedule),
        tenths,
        context,
        side,
        prop::bool::weighted(0.05),
        stated,
        scale,
    )
        .prop_map(
            |(minutes, tenths, context, side, analgesic, stated, scale)| Row {
                minutes,
                tenths,
                context,
                side,
                analgesic,
                stated,
                scale,
            },
        )
}

/// A diary: of a good block for the most part, with anything among it.
fn diary(scale: &'static str) -> impl Strategy<Value = Vec<Row>> {
    let lasting = select(vec![0_i64, 45, 60, 120, 180, 240, 480, 4000]);
    let low = select(vec![0_i64, 10, 20, 20, 50, 60]);
    let base = prop_oneof![1 => Just(0_i64), 12 => select(vec![50_i64, 70, 80, 100, 100])];
    let regular = (base, low, lasting, prop::bool::weighted(0.95)).prop_map(
        move |(base, low, lasting, with_baseline)| {
            let told = |minutes: i64| Row {
                minutes,
                tenths: if minutes > 0 && minutes <= lasting {
                    low.min(base)
                } else {
                    base
                },
                context: "movement",
                side: None,
                analgesic: false,
                stated: None,
                scale,
            };
            let first = with_baseline.then_some(-30);
            first
                .into_iter()
                .chain([15, 30, 60, 120, 180, 240, 480, 1440])
                .map(told)
                .collect::<Vec<_>>()
        },
    );
    (
        regular,
        1..=9_usize,
        prop::collection::vec(row(scale), 0..5),
    )
        .prop_map(|(mut rows, kept, others)| {
            rows.truncate(kept);
            rows.extend(others);
            rows
        })
}

fn offset() -> impl Strategy<Value = FixedOffset> {
    prop_oneof![4 => Just(-5), 1 => -12..=14_i32]
        .prop_map(|hours| FixedOffset::east_opt(hours * 3600).unwrap())
}

fn block(scale: &'static str) -> impl Strategy<Value = Value> {
    let place = (days_ago(), 0..24_u32, offset(), joints(), side());
    let facts = (
        mostly(json!("diagnostic"), &[json!("therapeutic")]),
        mostly(json!("medial_branch"), &[json!("intra_articular")]),
        maybe(
            "agent",
            one_of(&[
                json!("lidocaine"),
                json!("bupivacaine"),
                json!("mepivacaine"),
                json!("saline"),
            ]),
        ),
        maybe("volume_ml_per_nerve", mostly(json!(0.5), &[json!(0.6)])),
        maybe("steroid", mostly(json!(false), &[json!(true)])),
        maybe(
            "guidance",
            mostly(
                json!("fluoroscopy"),
                &[json!("ct"), json!("ultrasound"), json!("none")],
            ),
        ),
        maybe("sedation", mostly(json!("none"), &[json!("minimal")])),
        prop::option::weighted(
            0.2,
            one_of(&[json!(80), json!(79.9), json!(10), json!(100)]),
        ),
    );
    (place, facts, diary(scale)).prop_map(|(place, facts, diary)| {
        let (days, hour, offset, joints, side) = place;
        let (kind, technique, agent, volume, steroid, guidance, sedation, stated) = facts;
        let injected = ago(days)
            .and_hms_opt(hour, 0, 0)
            .unwrap()
            .and_local_timezone(offset)
            .unwrap();
        let row = |row: &Row| told(row, injected, side);
        object([
            Some(("performed_at", json!(injected.to_rfc3339()))),
            Some(("kind", kind)),
            Some(("technique", technique)),
            Some(("joints", json!(joints))),
            Some(("side", json!(side))),
            agent,
            volume,
            steroid,
            guidance,
            sedation,
            stated.map(|stated| ("stated_relief_percent", stated)),
            Some(("scores", diary.iter().filter_map(row).collect())),
        ])
    })
}

/// The row as it is sent; `None` where it would lie after today or on a side that was not treated.
fn told(row: &Row, injected: DateTime<FixedOffset>, treated: &str) -> Option<Value> {
    let taken_at = injected + TimeDelta::minutes(row.minutes);
    let elsewhere = row
        .side
        .is_some_and(|side| treated != "bilateral" && treated != side);
    if taken_at.date_naive() > today() || elsewhere {
        return None;
    }
    Some(json!({
        "taken_at": taken_at.to_rfc3339(),
        "scale": row.scale,
        "value": scored(row.scale, row.tenths),
        "context": row.context,
        "side": row.side,
        "stated_relief_percent": row.stated,
        "analgesic_taken": row.analgesic,
    }))
}

fn follow_up(scale: &'static str) -> impl Strategy<Value = (u64, Value)> {
    let after = select(vec![28_u64, 60, 83, 84, 85, 182, 183, 184, 365, 400]);
    let tenths = select(vec![0_i64, 30, 40, 50, 80]);
    let stated = one_of(&[json!(0), json!(49.9), json!(50), json!(90)]);
    let function = one_of(&[json!(0), json!(50), json!(60)]);
    (
        after,
        tenths,
        prop::option::of(stated),
        prop::option::of(function),
    )
        .prop_map(move |(after, tenths, stated, function)| {
            let body = object([
                Some((
                    "score",
                    json!({"scale": scale, "value": scored(scale, tenths)}),
                )),
                stated.map(|stated| ("stated_relief_percent", stated)),
                function.map(|function| ("function_improvement_percent", function)),
            ]);
            (after, body)
        })
}

fn ablation(scale: &'static str) -> impl Strategy<Value = Value> {
    let before = select(vec![0_i64, 70, 80, 100, 100]);
    let follow_ups = prop::collection::vec(follow_up(scale), 0..4);
    (
        days_ago(),
        joints(),
        side(),
        prop::option::weighted(0.9, before),
        follow_ups,
    )
        .prop_map(move |(days, joints, side, before, follow_ups)| {
            let performed_on = ago(days);
            let follow_ups: Vec<Value> = follow_ups
                .into_iter()
                .map(|(after, mut body)| {
                    body["taken_on"] = json!(performed_on + Days::new(after));
                    body
                })
                .filter(|body| body["taken_on"].as_str() <= Some(TODAY))
                .collect();
            object([
                Some(("performed_on", json!(performed_on))),
                Some(("joints", json!(joints))),
                Some(("side", json!(side))),
                Some(("technique", json!("thermal"))),
                before.map(|tenths| {
                    (
                        "pre_score",
                        json!({"scale": scale, "value": scored(scale, tenths)}),
                    )
                }),
                Some(("follow_ups", json!(follow_ups))),
            ])
        })
}

fn care() -> impl Strategy<Value = Value> {
    let lasting = prop::option::weighted(0.8, select(vec![0_u64, 13, 27, 28, 41, 42, 90, 91, 400]));
    let outcome = mostly(
        json!("failed"),
        &[json!("partial"), json!("contraindicated")],
    );
    (days_ago(), 0..800_u64, lasting, outcome).prop_map(|(days, more, lasting, outcome)| {
        let start = ago(days + more);
        object([
            Some(("kind", json!("physical_therapy"))),
            Some(("start", json!(start))),
            lasting.map(|days| ("end", json!(start + Days::new(days)))),
            Some(("outcome", outcome)),
        ])
    })
}

fn episode() -> impl Strategy<Value = Value> {
    let onset = prop_oneof![2 => 600..1500_u64, 1 => days_ago()].prop_map(|days| json!(ago(days)));
    let disability = days_ago().prop_map(
        |days| json!([{"instrument": "odi", "score": 42, "maximum": 100, "taken_on": ago(days)}]),
    );
    let facts = (
        maybe("onset_date", onset),
        maybe("axial", mostly(json!(true), &[json!(false)])),
        maybe(
            "radiculopathy",
            mostly(
                json!("none"),
                &[json!("treated"), json!("facet_cyst"), json!("untreated")],
            ),
        ),
        maybe(
            "other_causes_excluded",
            mostly(json!(true), &[json!(false)]),
        ),
        maybe("fused_joints", mostly(json!([]), &[json!(["L4-5"])])),
        maybe(
            "conservative_care",
            prop::collection::vec(care(), 0..4).prop_map(|entries| json!(entries)),
        ),
        maybe("disability", disability),
    );
    facts.prop_map(
        |(onset, axial, radiculopathy, causes, fused, care, disability)| {
            let region = Some(("region", json!("lumbar")));
            object([
                region,
                onset,
                axial,
                radiculopathy,
                causes,
                fused,
                care,
                disability,
            ])
        },
    )
}

fn read(episode: &Value, blocks: &[Value], ablations: &[Value]) -> History {
    let case = json!({"episode": episode, "blocks": blocks, "ablations": ablations});
    CaseBody::read(case).unwrap().into_history()
}

fn history_of(scale: &'static str) -> impl Strategy<Value = History> {
    let blocks = prop::collection::vec(block(scale), 0..5);
    let ablations = prop_oneof![
        2 => Just(Vec::new()),
        1 => prop::collection::vec(ablation(scale), 1..3),
    ];
    (episode(), blocks, ablations)
        .prop_map(|(episode, blocks, ablations)| read(&episode, &blocks, &ablations))
}

/// One episode's records up to [`TODAY`].
pub fn history() -> impl Strategy<Value = History> {
    prop_oneof![4 => history_of("nrs"), 1 => history_of("vas")]
}

/// As [`history`], all of it on NRS.
pub fn nrs_only() -> impl Strategy<Value = History> {
    let is_nrs = |history: &History| {
        let of_rows = |score: &medial::domain::pain::RecordedScore| {
            score.row.score.scale() == medial::domain::pain::Scale::Nrs
        };
        history
            .blocks
            .iter()
            .flat_map(|block| &block.scores)
            .all(of_rows)
    };
    history_of("nrs").prop_filter("all on NRS", is_nrs)
}

/// Records on any day that the calendar has, in any order.
pub fn wild_history() -> impl Strategy<Value = History> {
    (history(), prop::collection::vec(-719_162..2_932_896_i32, 8)).prop_map(
        |(mut history, days)| {
            let day = |place: usize| {
                let from_1970 = days[place % days.len()];
                NaiveDate::from_num_days_from_ce_opt(719_163 + from_1970).unwrap_or(NaiveDate::MAX)
            };
            let instant = |place: usize| {
                day(place)
                    .and_hms_opt(12, 0, 0)
                    .unwrap()
                    .and_utc()
                    .fixed_offset()
            };
            for (place, recorded) in history.blocks.iter_mut().enumerate() {
                recorded.block.performed_at = instant(place);
                for (row_place, row) in recorded.scores.iter_mut().enumerate().step_by(3) {
                    row.row.taken_at = instant(place + row_place);
                }
            }
            for (place, recorded) in history.ablations.iter_mut().enumerate() {
                recorded.ablation.performed_on = day(place + 3);
                for (row_place, follow_up) in recorded.follow_ups.iter_mut().enumerate() {
                    follow_up.follow_up.taken_on = day(place + row_place + 4);
                }
            }
            history.episode.onset_date = history.episode.onset_date.map(|_| day(5));
            for (place, entry) in history.episode.conservative_care.iter_mut().enumerate() {
                entry.start = entry.start.map(|_| day(place + 6));
                entry.end = entry.end.map(|_| day(place + 7));
            }
            history
        },
    )
}
