//! `Observation/$lastn`: of each code the newest observations of a patient.

use super::answer::{Links, entry, searchset};
use super::conditions::{Conditions, Reading};
use super::date::Lasting;
use super::find::{self, refused};
use super::operation::{self, passed_over};
use super::parameters;
use super::request::OF_EVERY_REQUEST;
use super::shape::Shape;
use crate::app::{Error, Result, Unit};
use crate::auth::Operation;
use crate::fhir::answer::body_reply;
use crate::fhir::read::base;
use crate::fhir::resource::{Resource, ResourceType, reading};
use crate::http::call::Call;
use crate::http::query::Query;
use crate::http::registry::{Access, Endpoint, MAX_LIMIT, Method};
use crate::http::reply::Reply;
use crate::http::state::State;
use actix_web::http::StatusCode;
use serde_json::{Map, Value};
use std::cmp::Reverse;
use std::collections::BTreeMap;

const KIND: ResourceType = ResourceType::Observation;
const PATH: &str = "/fhir/R4/Observation/$lastn";

/// The endpoints: by GET, and by POST with Parameters.
pub(in crate::fhir) fn endpoints() -> [Endpoint; 2] {
    let one = |method, operation_id| {
        let access = Access::Needs(reading(KIND));
        Endpoint::fhir(method, PATH, operation_id, access, lastn)
            .scoped(KIND.code(), Operation::Search)
            .titled("fhir", "The newest observations of each code")
    };
    [
        one(Method::Get, "fhir_lastn_observation"),
        one(Method::Post, "fhir_lastn_observation_by_post")
            .takes_fhir()
            .optional_body(),
    ]
}

fn lastn(state: &State, call: &Call) -> Result<Reply> {
    let query = operation::parameters(call)?;
    let base = base(call);
    let strict = call.prefers("handling") == Some("strict");
    let bundle = state.app.read(call.principal()?, |unit| {
        newest(unit, &query, &base, strict)
    })?;
    body_reply(StatusCode::OK, &bundle)
}

fn newest(
    unit: &mut Unit<'_, '_>,
    query: &Query,
    base: &str,
    strict: bool,
) -> Result<Map<String, Value>> {
    let how = Reading {
        base,
        now: unit.now,
        strict,
        linked: true,
    };
    let plain = query.without(&OF_EVERY_REQUEST).without(&["max"]);
    let read = Conditions::read(KIND, &plain, &how);
    let mut errors = Vec::new();
    let max = operation::number(query, "max", MAX_LIMIT, &mut errors);
    let conditions = match read {
        Ok(conditions) if errors.is_empty() => conditions,
        Ok(_) => return Err(Error::InvalidParameters(errors)),
        Err(more) => {
            errors.extend(more);
            return Err(Error::InvalidParameters(errors));
        }
    };
    demand(&conditions)?;
    let max = max.unwrap_or(1);
    let found = find::all(unit, &conditions, usize::MAX)?.unwrap_or_default();
    let shown = newest_of_each(found, usize::from(max));
    let mut used = conditions.used().clone();
    used.push("max", &max.to_string());
    let links = Links {
        address: format!("{base}/Observation/$lastn"),
        used,
        cursor: None,
        next: None,
    };
    let entries = shown.iter();
    let mut entries: Vec<Value> = entries
        .map(|one| entry(base, one, &Shape::WHOLE, "match"))
        .collect();
    entries.extend(passed_over(conditions.ignored()));
    Ok(searchset(Some(shown.len()), &links, entries))
}

/// The operation is about one patient, and about a category or codes.
fn demand(conditions: &Conditions) -> Result<()> {
    let has = |names: &[&str]| {
        let mut all = conditions.all().iter();
        all.any(|one| names.contains(&one.parameter.name))
    };
    if !has(&["patient", "subject"]) {
        return Err(refused("patient", "required", "Name the patient."));
    }
    if !has(&["category", "code"]) {
        return Err(refused("code", "required", "Name codes or a category."));
    }
    Ok(())
}

/// The newest `max` of each code, the newest first.
fn newest_of_each(found: Vec<Resource>, max: usize) -> Vec<Resource> {
    let mut of_code: BTreeMap<String, Vec<(i64, Resource)>> = BTreeMap::new();
    for one in found {
        let at = parameters::named(KIND, "date").and_then(|date| {
            let values = date.values(&one);
            values.into_iter().find_map(Lasting::of)
        });
        let at = at.map_or(i64::MIN, Lasting::began);
        of_code.entry(code(&one)).or_default().push((at, one));
    }
    let mut newest = Vec::new();
    for mut of_one in of_code.into_values() {
        of_one.sort_by(|(at, one), (other_at, other)| {
            (Reverse(at), &one.id).cmp(&(Reverse(other_at), &other.id))
        });
        of_one.truncate(max);
        newest.extend(of_one.into_iter().map(|(_, one)| one));
    }
    newest
}

/// What an observation is of: its first coding.
fn code(resource: &Resource) -> String {
    let code = resource.body.get("code");
    let codings = code.and_then(|code| code.get("coding")?.as_array());
    let first = codings.and_then(|codings| codings.first());
    let text = |name: &str| {
        let text = first.and_then(|coding| coding.get(name)?.as_str());
        text.unwrap_or_default()
    };
    format!("{}|{}", text("system"), text("code"))
}
