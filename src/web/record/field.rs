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
mod tests;
