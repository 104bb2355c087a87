use super::super::specs;
use super::*;
use crate::domain::anatomy::{Joint, TreatedSide};
use crate::wire::ablation::{AblationBody, FollowUpBody};
use crate::wire::adverse_event::AdverseEventBody;
use crate::wire::block::{BlockBody, ScoreBody};
use crate::wire::episode::EpisodeBody;
use crate::wire::parse;
use crate::wire::patient::PatientBody;
use chrono_tz::{Europe, UTC};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::json;

/// Every form under its own name.
fn forms() -> Vec<(&'static str, Vec<Placed>)> {
    let mut block = top(specs::TREATED);
    block.extend(top(specs::BLOCK));
    block.extend(top(specs::NERVES));
    let mut ablation = top(specs::TREATED);
    ablation.extend(top(specs::ABLATION));
    vec![
        ("patient", top(specs::PATIENT)),
        ("episode", top(specs::EPISODE)),
        ("block", block),
        ("score", top(specs::SCORE)),
        ("ablation", ablation),
        ("follow-up", top(specs::FOLLOW_UP)),
        ("event", top(specs::EVENT)),
    ]
}

/// Values that the API may answer in a field; null where nothing is recorded.
fn values(kind: Kind) -> BoxedStrategy<Value> {
    let known = match kind {
        Kind::Text | Kind::Long => "[a-zA-Z<>&\"'ä+%=/~0-9][a-z <>&;+%=/~]{0,12}[a-z<>]"
            .prop_map(Value::from)
            .boxed(),
        Kind::Number(_) => (-999_999_i64..999_999, select(vec![1_i64, 10, 1000]))
            .prop_map(|(number, unit)| thousandths(number * (1000 / unit)))
            .boxed(),
        Kind::Date => (0_i64..40_000)
            .prop_map(|day| {
                let first = chrono::NaiveDate::from_ymd_opt(1950, 1, 1).unwrap();
                Value::from((first + chrono::TimeDelta::days(day)).to_string())
            })
            .boxed(),
        Kind::Moment => (0_i64..4_000_000_000, -56_i32..=56)
            .prop_map(|(second, quarters)| {
                let offset = chrono::FixedOffset::east_opt(quarters * 900).unwrap();
                let utc = chrono::DateTime::from_timestamp(second, 0).unwrap();
                instant_value(utc.with_timezone(&offset))
            })
            .boxed(),
        Kind::One(terms) => select(terms())
            .prop_map(|(code, _)| Value::from(code))
            .boxed(),
        Kind::OneNumber(terms) => select(terms())
            .prop_map(|(code, _)| Value::from(code.parse::<i64>().unwrap()))
            .boxed(),
        Kind::Many(terms) => some(terms(), 1).boxed(),
        Kind::ManyOrNone(terms) => some(terms(), 0).boxed(),
        Kind::Flag => any::<bool>().prop_map(Value::from).boxed(),
        Kind::Check => Just(Value::Bool(true)).boxed(),
        Kind::Score => (0_i64..=100, select(vec!["nrs", "vas"]))
            .prop_map(|(tenths, scale)| json!({"scale": scale, "value": thousandths(tenths * 100)}))
            .boxed(),
        Kind::Targets => Just(Value::Null).boxed(),
    };
    prop_oneof![2 => known, 1 => Just(Value::Null)].boxed()
}

/// A number of thousandths as the API writes it.
fn thousandths(number: i64) -> Value {
    serde_json::to_value(crate::wire::scalar::Decimal::<3>(number)).unwrap()
}

fn some(terms: Vec<(&'static str, &'static str)>, least: usize) -> impl Strategy<Value = Value> {
    let codes: Vec<&str> = terms.into_iter().map(|(code, _)| code).collect();
    let most = codes.len();
    subsequence(codes, least..=most).prop_map(Value::from)
}

fn targets_in_body() -> impl Strategy<Value = (Value, Value)> {
    (
        subsequence(Joint::codes().to_vec(), 1..=4).prop_map(Value::from),
        select(TreatedSide::CODES.to_vec()).prop_map(Value::from),
    )
}

/// A body with any of the fields of a form, as [`read`] gives it: nothing is null.
fn bodies(form: Vec<Placed>) -> impl Strategy<Value = Map<String, Value>> {
    let mut parts: Vec<BoxedStrategy<Vec<(String, Value)>>> = Vec::new();
    for part in form.iter().flat_map(|placed| placed.section.parts) {
        parts.push(match part {
            Part::Field(field) if matches!(field.kind, Kind::Targets) => targets_in_body()
                .prop_map(|(joints, side)| {
                    vec![("/joints".to_owned(), joints), ("/side".to_owned(), side)]
                })
                .boxed(),
            Part::Field(field) => {
                let at = field.at.to_owned();
                values(field.kind)
                    .prop_map(move |value| vec![(at.clone(), value)])
                    .boxed()
            }
            Part::Rows(rows) => {
                let at = rows.at.to_owned();
                let row: Vec<_> = rows
                    .fields
                    .iter()
                    .map(|field| values(field.kind).prop_map(|value| (field.at, value)))
                    .collect();
                prop::collection::vec(row, 0..4)
                    .prop_map(move |rows| vec![(at.clone(), filled_rows(rows))])
                    .boxed()
            }
        });
    }
    parts.prop_map(|parts| {
        let mut body = Map::new();
        for (at, value) in parts.into_iter().flatten() {
            if !value.is_null() {
                put(&mut body, &at, value);
            }
        }
        body
    })
}

/// Rows with something in them; null where there is none.
fn filled_rows(rows: Vec<Vec<(&str, Value)>>) -> Value {
    let row = |fields: Vec<(&str, Value)>| {
        let mut row = Map::new();
        for (at, value) in fields.into_iter().filter(|(_, value)| !value.is_null()) {
            put(&mut row, at, value);
        }
        row
    };
    let rows: Vec<Value> = rows
        .into_iter()
        .map(row)
        .filter(|row| !row.is_empty())
        .map(Value::Object)
        .collect();
    if rows.is_empty() {
        Value::Null
    } else {
        Value::Array(rows)
    }
}

fn any_body() -> impl Strategy<Value = (usize, Map<String, Value>)> {
    (0..forms().len()).prop_flat_map(|which| {
        let (_, form) = forms().swap_remove(which);
        bodies(form).prop_map(move |body| (which, body))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_body_comes_back_from_its_form((which, body) in any_body()) {
        let (_, form) = forms().swap_remove(which);
        for zone in [UTC, Europe::Berlin] {
            let query = write(&form, &Value::Object(body.clone()), zone);
            // As a browser sends it.
            let sent = Query::read(&query.encoded()).unwrap();
            let again = read(&form, &sent, zone);
            prop_assert_eq!(&again.errors, &Vec::new());
            prop_assert_eq!(&again.body, &body);
            prop_assert_eq!(write(&form, &Value::Object(again.body), zone), query);
        }
    }

    #[test]
    fn whatever_is_typed_gives_a_body_and_not_a_panic(pairs in prop::collection::vec(("[/a-z0-9_~@]{0,30}", ".{0,20}"), 0..30)) {
        let mut query = Query::default();
        for (name, value) in &pairs {
            query.push(name, value);
        }
        for (_, form) in forms() {
            let found = read(&form, &query, Europe::Berlin);
            located(&form, &query, &found, found.errors.clone());
        }
    }
}

/// Every field leads to one that the API knows.
#[test]
fn the_api_knows_every_field() {
    let unknown = |name: &str, body: Value| {
        let errors = match name {
            "patient" => parse::<PatientBody>(body).err(),
            "episode" => parse::<EpisodeBody>(body).err(),
            "block" => parse::<BlockBody>(body).err(),
            "score" => parse::<ScoreBody>(body).err(),
            "ablation" => parse::<AblationBody>(body).err(),
            "follow-up" => parse::<FollowUpBody>(body).err(),
            _ => parse::<AdverseEventBody>(body).err(),
        };
        let errors = errors.unwrap_or_default();
        let strange = errors
            .into_iter()
            .filter(|error| error.code == "unknown_field");
        strange.map(|error| error.pointer).collect::<Vec<_>>()
    };
    for (name, form) in forms() {
        let mut query = Query::default();
        for part in form.iter().flat_map(|placed| placed.section.parts) {
            match part {
                Part::Field(field) => {
                    let typed = if matches!(field.kind, Kind::Targets) {
                        "left:L4-5"
                    } else {
                        "x"
                    };
                    query.push(field.at, typed);
                    query.push(&format!("{}/value", field.at), "1");
                }
                Part::Rows(rows) => {
                    for field in rows.fields {
                        query.push(&format!("{}/0{}", rows.at, field.at), "x");
                    }
                }
            }
        }
        let found = read(&form, &query, UTC);
        assert_eq!(
            unknown(name, Value::Object(found.body)),
            Vec::<String>::new(),
            "{name}"
        );
    }
}

#[test]
fn numbers_are_read_as_they_are_typed() {
    let read = |text| plain_number(text).map(|number| number.to_string());
    let typed = ["7.5", "08", ".5", "-0.50", "10.0", "99999999999999999999"];
    assert!(typed.iter().all(|text| read(text).is_some()));
    assert_eq!(
        typed.map(|text| read(text).unwrap())[..5],
        ["7.5", "8", "0.5", "-0.5", "10"]
    );
    assert_eq!(
        ["", "7,5", "1e3", "2-8", "+1", "1.", "٣"].map(read),
        [const { None }; 7]
    );
}
