//! A declared list of fields: from what was typed to the body that the API takes, and back.
//!
//! The name of a field is the JSON pointer of what it fills, so that every error of the API lands where it belongs.

use super::clock;
use crate::app::FieldError;
use crate::http::query::Query;
use chrono_tz::Tz;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The codes of a closed list, each with its words.
pub(super) type Terms = fn() -> Vec<(&'static str, &'static str)>;

/// What a field holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// A short text.
    Text,
    /// A text of several lines.
    Long,
    /// A number, and its unit.
    Number(&'static str),
    /// A day.
    Date,
    /// A day and a time on the clock of the clinic.
    Moment,
    /// One of a closed list.
    One(Terms),
    /// One of a closed list whose codes are numbers.
    OneNumber(Terms),
    /// Any of a closed list.
    Many(Terms),
    /// Any of a closed list, or a statement that there is none.
    ManyOrNone(Terms),
    /// Yes, no, or not recorded.
    Flag,
    /// So, or not.
    Check,
    /// A score on a scale.
    Score,
    /// Joints with their sides: fills `/joints` and `/side`.
    Targets,
}

/// One field of a form.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    /// Its JSON pointer, without what the whole form stands under.
    pub(super) at: &'static str,
    pub(super) label: &'static str,
    pub(super) kind: Kind,
    pub(super) hint: &'static str,
    /// Whether nothing can be recorded without it.
    pub(super) required: bool,
}

impl Field {
    /// A field that may be left open.
    pub(super) const fn new(at: &'static str, label: &'static str, kind: Kind) -> Field {
        Field {
            at,
            label,
            kind,
            hint: "",
            required: false,
        }
    }

    pub(super) const fn hint(mut self, hint: &'static str) -> Field {
        self.hint = hint;
        self
    }

    pub(super) const fn required(mut self) -> Field {
        self.required = true;
        self
    }
}

/// A table in a form: a list of objects in the body.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows {
    pub(super) at: &'static str,
    pub(super) label: &'static str,
    pub(super) fields: &'static [Field],
}

/// What a section is made of.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    Field(Field),
    Rows(Rows),
}

/// Fields that belong together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Section {
    pub(super) title: &'static str,
    pub(super) hint: &'static str,
    pub(super) parts: &'static [Part],
}

/// A section and the JSON pointer that its fields stand under.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placed {
    pub(super) under: &'static str,
    pub(super) section: &'static Section,
}

/// Sections at the top of a body.
pub(super) fn top(sections: &'static [Section]) -> Vec<Placed> {
    under("", sections)
}

/// Sections whose fields stand under a pointer.
pub(super) fn under(under: &'static str, sections: &'static [Section]) -> Vec<Placed> {
    sections
        .iter()
        .map(|section| Placed { under, section })
        .collect()
}

/// The second field of a time: the offset from UTC where the clock alone does not tell.
pub(super) const OFFSET: &str = "~offset";

/// Says that there is none, in a field of [`Kind::ManyOrNone`].
pub(super) const NONE: &str = "none";

/// Where the errors of joints and sides are shown.
pub(super) const TARGETS: &str = "/targets";

/// What a form comes to.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// The body that the API takes.
    pub(super) body: Map<String, Value>,
    /// What is wrong already, by the names of the fields.
    pub(super) errors: Vec<FieldError>,
    /// Rows of the body, by the rows of the form that they come from.
    pub(super) rows: BTreeMap<String, String>,
}

/// What was typed into a field, without the blanks around it.
pub(super) fn typed<'q>(query: &'q Query, name: &str) -> &'q str {
    query.get(name).unwrap_or_default().trim()
}

/// Reads a form.
pub(super) fn read(form: &[Placed], query: &Query, zone: Tz) -> Read {
    let mut read = Read::default();
    for placed in form {
        for part in placed.section.parts {
            match part {
                Part::Field(field) => {
                    let name = format!("{}{}", placed.under, field.at);
                    if matches!(field.kind, Kind::Targets) {
                        targets(&name, query, &mut read);
                    } else if let Some(value) = value(field, &name, query, zone, &mut read.errors) {
                        put(&mut read.body, &name, value);
                    }
                }
                Part::Rows(rows) => rows_of(placed.under, rows, query, zone, &mut read),
            }
        }
    }
    read
}

fn rows_of(under: &str, rows: &Rows, query: &Query, zone: Tz, read: &mut Read) {
    let at = format!("{under}{}", rows.at);
    let mut list = Vec::new();
    for number in numbers(query, &at) {
        let mut row = Map::new();
        let from = format!("{at}/{number}");
        for field in rows.fields {
            let name = format!("{from}{}", field.at);
            if let Some(value) = value(field, &name, query, zone, &mut read.errors) {
                put(&mut row, field.at, value);
            }
        }
        if !row.is_empty() {
            read.rows.insert(format!("{at}/{}", list.len()), from);
            list.push(Value::Object(row));
        }
    }
    if !list.is_empty() {
        put(&mut read.body, &at, Value::Array(list));
    }
}

/// The numbers of the rows of a table that came with a form, ascending.
pub(super) fn numbers(query: &Query, at: &str) -> Vec<usize> {
    let number = |name: &str| {
        let rest = name.strip_prefix(at)?.strip_prefix('/')?;
        rest.split('/').next()?.parse().ok()
    };
    let mut numbers: Vec<usize> = query
        .pairs()
        .filter_map(|(name, _)| number(name))
        .filter(|number| *number < 2000)
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// What one field says; `None` where it was left open.
fn value(
    field: &Field,
    name: &str,
    query: &Query,
    zone: Tz,
    errors: &mut Vec<FieldError>,
) -> Option<Value> {
    let text = typed(query, name);
    match field.kind {
        Kind::Check => (!text.is_empty()).then_some(Value::Bool(true)),
        Kind::Many(_) => {
            let all = several(query, name);
            (!all.is_empty()).then(|| Value::from(all))
        }
        Kind::ManyOrNone(_) => {
            let all = several(query, name);
            if all.iter().any(|one| one == NONE) {
                if all.len() > 1 {
                    let detail = "Either none of them, or those that are chosen.";
                    errors.push(FieldError::new(name, "contradiction", detail));
                }
                return Some(Value::Array(Vec::new()));
            }
            (!all.is_empty()).then(|| Value::from(all))
        }
        Kind::Score => score(name, query, errors),
        _ if text.is_empty() => None,
        Kind::Number(_) => Some(number(text, name, errors)),
        Kind::OneNumber(_) => Some(plain_number(text).unwrap_or_else(|| Value::from(text))),
        Kind::Flag => Some(match text {
            "yes" => Value::Bool(true),
            "no" => Value::Bool(false),
            other => Value::from(other),
        }),
        Kind::Moment => {
            let with = typed(query, &format!("{name}{OFFSET}"));
            Some(match clock::read(text, with, zone) {
                Ok(instant) => instant_value(instant),
                Err(trouble) => {
                    let (code, detail) = trouble.words(zone);
                    errors.push(FieldError::new(name, code, detail));
                    Value::from(text)
                }
            })
        }
        Kind::Text | Kind::Long | Kind::Date | Kind::One(_) | Kind::Targets => {
            Some(Value::from(text))
        }
    }
}

/// An instant as the API takes it.
pub(super) fn instant_value(instant: chrono::DateTime<chrono::FixedOffset>) -> Value {
    Value::from(instant.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true))
}

fn several(query: &Query, name: &str) -> Vec<String> {
    query
        .all(name)
        .filter(|one| !one.is_empty())
        .map(str::to_owned)
        .collect()
}

fn score(name: &str, query: &Query, errors: &mut Vec<FieldError>) -> Option<Value> {
    let (of_value, of_scale) = (format!("{name}/value"), format!("{name}/scale"));
    let text = typed(query, &of_value);
    if text.is_empty() {
        return None;
    }
    let mut score = Map::new();
    score.insert("value".to_owned(), number(text, &of_value, errors));
    score.insert("scale".to_owned(), Value::from(typed(query, &of_scale)));
    Some(Value::Object(score))
}

/// A number, or the text as it stands, for the API to refuse in its own words.
pub(super) fn number(text: &str, name: &str, errors: &mut Vec<FieldError>) -> Value {
    plain_number(text).unwrap_or_else(|| {
        let detail = "Expected one number, with a point before the decimals, as 7.5.";
        errors.push(FieldError::new(name, "not_a_number", detail));
        Value::from(text)
    })
}

fn plain_number(text: &str) -> Option<Value> {
    let (sign, digits) = text
        .strip_prefix('-')
        .map_or(("", text), |rest| ("-", rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let whole = if whole.is_empty() && digits.len() > 1 {
        "0"
    } else {
        whole
    };
    if !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let fraction = fraction.trim_end_matches('0');
    let plain = if fraction.is_empty() {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}.{fraction}")
    };
    serde_json::from_str(&plain).ok()
}

/// Joints and sides from the picture. A session covers the same joints on each of its sides.
fn targets(name: &str, query: &Query, read: &mut Read) {
    let of_side = |side: &str| -> Vec<&str> {
        let mut joints: Vec<&str> = query
            .all(name)
            .filter_map(|one| one.split_once(':'))
            .filter(|(known, _)| *known == side)
            .map(|(_, joint)| joint)
            .collect();
        joints.dedup();
        joints
    };
    let (left, right) = (of_side("left"), of_side("right"));
    let under = name.strip_suffix(TARGETS).unwrap_or_default();
    let (joints, side) = match (left.is_empty(), right.is_empty()) {
        (true, true) => {
            let detail = "Choose at least one joint, on the side where it was treated.";
            read.errors.push(FieldError::new(name, "required", detail));
            return;
        }
        (false, true) => (left, "left"),
        (true, false) => (right, "right"),
        (false, false) => {
            if left != right {
                let detail = "A record holds the same joints on both sides: choose them on both, or record each side by itself.";
                read.errors
                    .push(FieldError::new(name, "sides_differ", detail));
            }
            (left, "bilateral")
        }
    };
    put(
        &mut read.body,
        &format!("{under}/joints"),
        Value::from(joints),
    );
    put(&mut read.body, &format!("{under}/side"), Value::from(side));
}

/// Puts a value where a pointer to keys of objects leads.
pub(super) fn put(body: &mut Map<String, Value>, pointer: &str, value: Value) {
    let path = pointer.trim_start_matches('/');
    match path.split_once('/') {
        None => {
            body.insert(path.to_owned(), value);
        }
        Some((first, rest)) => {
            let inner = body
                .entry(first.to_owned())
                .or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

/// What a body looks like in the fields of a form: the way back from [`read`].
pub(super) fn write(form: &[Placed], body: &Value, zone: Tz) -> Query {
    let mut query = Query::default();
    for placed in form {
        for part in placed.section.parts {
            match part {
                Part::Field(field) => {
                    let name = format!("{}{}", placed.under, field.at);
                    write_field(field, &name, body, &name, zone, &mut query);
                }
                Part::Rows(rows) => {
                    let at = format!("{}{}", placed.under, rows.at);
                    let list = body.pointer(&at).and_then(Value::as_array);
                    for (number, row) in list.into_iter().flatten().enumerate() {
                        for field in rows.fields {
                            let name = format!("{at}/{number}{}", field.at);
                            write_field(field, &name, row, field.at, zone, &mut query);
                        }
                    }
                }
            }
        }
    }
    query
}

fn write_field(
    field: &Field,
    name: &str,
    body: &Value,
    pointer: &str,
    zone: Tz,
    query: &mut Query,
) {
    if matches!(field.kind, Kind::Targets) {
        let under = pointer.strip_suffix(TARGETS).unwrap_or_default();
        for one in targets_of(body, under) {
            query.push(name, &one);
        }
        return;
    }
    let Some(value) = body.pointer(pointer).filter(|value| !value.is_null()) else {
        return;
    };
    match (field.kind, value) {
        (Kind::Flag, Value::Bool(flag)) => query.push(name, if *flag { "yes" } else { "no" }),
        (Kind::Check, Value::Bool(true)) => query.push(name, "yes"),
        (Kind::Check, _) => {}
        (Kind::Moment, Value::String(text)) => {
            let Ok(instant) = chrono::DateTime::parse_from_rfc3339(text) else {
                return;
            };
            let (local, offset) = clock::write(instant, zone);
            query.push(name, &local);
            if !offset.is_empty() {
                query.push(&format!("{name}{OFFSET}"), &offset);
            }
        }
        (Kind::ManyOrNone(_), Value::Array(all)) if all.is_empty() => query.push(name, NONE),
        (_, Value::Array(all)) => {
            for one in all.iter().filter_map(Value::as_str) {
                query.push(name, one);
            }
        }
        (Kind::Score, Value::Object(score)) => {
            for part in ["value", "scale"] {
                let text = score.get(part).map_or_else(String::new, plain);
                query.push(&format!("{name}/{part}"), &text);
            }
        }
        (_, value) => query.push(name, &plain(value)),
    }
}

/// A value as it is typed.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn targets_of(body: &Value, under: &str) -> Vec<String> {
    let sides: &[&str] = match body
        .pointer(&format!("{under}/side"))
        .and_then(Value::as_str)
    {
        Some("left") => &["left"],
        Some("right") => &["right"],
        Some("bilateral") => &["left", "right"],
        _ => &[],
    };
    let joints = body.pointer(&format!("{under}/joints"));
    let joints: Vec<&str> = joints
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    sides
        .iter()
        .flat_map(|side| joints.iter().map(move |joint| format!("{side}:{joint}")))
        .collect()
}

/// The names of the fields that errors are shown at.
fn names(form: &[Placed], query: &Query) -> Vec<String> {
    let mut names = Vec::new();
    for placed in form {
        for part in placed.section.parts {
            match part {
                Part::Field(field) => names.push(format!("{}{}", placed.under, field.at)),
                Part::Rows(rows) => {
                    let at = format!("{}{}", placed.under, rows.at);
                    for number in numbers(query, &at) {
                        let name = |field: &Field| format!("{at}/{number}{}", field.at);
                        names.extend(rows.fields.iter().map(name));
                    }
                    names.push(at);
                }
            }
        }
    }
    names
}

/// The errors of the API by the names of the fields that they belong to, those of the form itself put before them.
pub(super) fn located(
    form: &[Placed],
    query: &Query,
    read: &Read,
    api: Vec<FieldError>,
) -> Vec<FieldError> {
    let names = names(form, query);
    let mut own: Vec<FieldError> = read.errors.clone();
    let mut others = Vec::new();
    for error in api {
        let pointer = in_form(&names, &read.rows, &error.pointer);
        if error.code == "range_not_allowed" {
            own.retain(|known| known.pointer != pointer);
        }
        if !own.iter().any(|known| known.pointer == pointer) {
            others.push(FieldError { pointer, ..error });
        }
    }
    own.extend(others);
    let mut seen = std::collections::BTreeSet::new();
    own.retain(|error| seen.insert((error.pointer.clone(), error.detail.clone())));
    own
}

/// The name of the field that a pointer into the body leads to; the pointer itself where there is none.
fn in_form(names: &[String], rows: &BTreeMap<String, String>, pointer: &str) -> String {
    let of_row = rows
        .iter()
        .filter_map(|(body, form)| Some((below(pointer, body)?, body, form)))
        .max_by_key(|(_, body, _)| body.len())
        .map(|(rest, _, form)| format!("{form}{rest}"));
    let pointer = of_row.unwrap_or_else(|| pointer.to_owned());
    for part in ["/joints", "/side"] {
        let Some(place) = pointer.find(part) else {
            continue;
        };
        let (under, rest) = pointer.split_at(place);
        let name = format!("{under}{TARGETS}");
        if below(rest, part).is_some() && names.contains(&name) {
            return name;
        }
    }
    let longest = names
        .iter()
        .filter(|name| below(&pointer, name).is_some())
        .max_by_key(|name| name.len());
    longest.cloned().unwrap_or(pointer)
}

/// What of a pointer follows another one that it is, or lies under.
fn below<'p>(pointer: &'p str, of: &str) -> Option<&'p str> {
    let rest = pointer.strip_prefix(of)?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

#[cfg(test)]
mod tests {
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
                .prop_map(
                    |(tenths, scale)| json!({"scale": scale, "value": thousandths(tenths * 100)}),
                )
                .boxed(),
            Kind::Targets => Just(Value::Null).boxed(),
        };
        prop_oneof![2 => known, 1 => Just(Value::Null)].boxed()
    }

    /// A number of thousandths as the API writes it.
    fn thousandths(number: i64) -> Value {
        serde_json::to_value(crate::wire::scalar::Decimal::<3>(number)).unwrap()
    }

    fn some(
        terms: Vec<(&'static str, &'static str)>,
        least: usize,
    ) -> impl Strategy<Value = Value> {
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
}
