//! `Patient/{id}/$everything`: all that is recorded about a patient and follows from it, type by type, a page at a time.

use super::answer::{Links, entry, searchset};
use super::date::{Lasting, WantedTime};
use super::find::no_such_place;
use super::operation::{self, passed_over};
use super::parameters::{self, SearchParameter};
use super::request::OF_EVERY_REQUEST;
use super::shape::Shape;
use crate::app::{Error, FieldError, Result, Unit, compartment};
use crate::auth::{Operation, Reach, allows};
use crate::fhir::answer::body_reply;
use crate::fhir::reach;
use crate::fhir::read::base;
use crate::fhir::resource::{Resource, ResourceType, reading};
use crate::fhir::source::{self, Observed};
use crate::http::call::Call;
use crate::http::query::Query;
use crate::http::registry::{Access, Endpoint, MAX_LIMIT, Method};
use crate::http::reply::Reply;
use crate::http::state::State;
use actix_web::http::StatusCode;
use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

const PATH: &str = "/fhir/R4/Patient/{id}/$everything";

/// The types, in the order in which they come: what is referred to before what refers to it.
const KINDS: [ResourceType; 10] = [
    ResourceType::Patient,
    ResourceType::Condition,
    ResourceType::Procedure,
    ResourceType::MedicationAdministration,
    ResourceType::Observation,
    ResourceType::GuidanceResponse,
    ResourceType::ServiceRequest,
    ResourceType::Task,
    ResourceType::AdverseEvent,
    ResourceType::Provenance,
];

/// The endpoints: by GET, and by POST with Parameters.
pub(in crate::fhir) fn endpoints() -> [Endpoint; 2] {
    let one = |method, operation_id| {
        let access = Access::Needs(reading(ResourceType::Patient));
        Endpoint::fhir(method, PATH, operation_id, access, everything)
            .scoped(ResourceType::Patient.code(), Operation::Read)
            .titled("fhir", "Everything about a patient")
    };
    [
        one(Method::Get, "fhir_everything_patient"),
        one(Method::Post, "fhir_everything_patient_by_post")
            .takes_fhir()
            .optional_body(),
    ]
}

/// What is asked for.
struct Asked {
    kinds: Vec<ResourceType>,
    since: Option<WantedTime>,
    start: Option<WantedTime>,
    end: Option<WantedTime>,
    count: u16,
    used: Query,
    ignored: Vec<String>,
}

/// After which type and id a page begins: the place of the type in [`KINDS`].
type Position = (usize, String);

impl Asked {
    fn read(query: &Query, strict: bool, now: DateTime<Utc>) -> Result<Asked> {
        let mut errors: Vec<FieldError> = Vec::new();
        let mut wrong = |name: &str, code, detail: &str| {
            errors.push(FieldError::new(format!("?{name}"), code, detail));
        };
        let mut asked = Asked {
            kinds: Vec::new(),
            since: None,
            start: None,
            end: None,
            count: MAX_LIMIT,
            used: Query::default(),
            ignored: Vec::new(),
        };
        for (name, value) in query.without(&OF_EVERY_REQUEST).pairs() {
            let (place, prefix) = match name {
                "_cursor" => continue,
                "_count" if !value.is_empty() => continue,
                "_since" => (&mut asked.since, "ge"),
                "start" => (&mut asked.start, "ge"),
                "end" => (&mut asked.end, "le"),
                "_type" if !value.is_empty() => {
                    for one in value.split(',') {
                        match ResourceType::from_code(one).filter(|kind| KINDS.contains(kind)) {
                            Some(kind) => asked.kinds.push(kind),
                            None => wrong(name, "invalid_parameter", &accepted()),
                        }
                    }
                    asked.used.push(name, value);
                    continue;
                }
                _ if strict => {
                    let detail = "Accepted are _since, _type, _count, start, end.";
                    wrong(name, "unknown_parameter", detail);
                    continue;
                }
                _ => {
                    asked.ignored.push(name.to_owned());
                    continue;
                }
            };
            *place = WantedTime::read(&format!("{prefix}{value}"), now);
            if place.is_none() {
                let detail = "Expected a date or an instant as 2025-09-08 or 2025-09-08T09:00:00Z.";
                wrong(name, "invalid_parameter", detail);
            }
            asked.used.push(name, value);
        }
        if let Some(count) = operation::number(query, "_count", MAX_LIMIT, &mut errors) {
            asked.count = count;
        }
        asked.used.push("_count", &asked.count.to_string());
        if errors.is_empty() {
            Ok(asked)
        } else {
            Err(Error::InvalidParameters(errors))
        }
    }

    fn wants(&self, kind: ResourceType) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&kind)
    }

    /// Whether a resource is of the time that is asked for. One that has no time of care is of every time.
    fn fits(&self, resource: &Resource) -> bool {
        let changed = resource
            .body
            .get("meta")
            .and_then(|it| it.get("lastUpdated"));
        let changed = changed.and_then(Lasting::of);
        let is_new = self
            .since
            .is_none_or(|since| changed.is_some_and(|at| since.fits(at)));
        let cared = care(resource.kind).and_then(|parameter| {
            let values = parameter.values(resource);
            values.into_iter().find_map(Lasting::of)
        });
        let is_within = cared.is_none_or(|cared| {
            let bounds = [self.start, self.end].into_iter().flatten();
            bounds.into_iter().all(|bound| bound.fits(cared))
        });
        is_new && is_within
    }
}

fn accepted() -> String {
    let names = KINDS.map(ResourceType::code);
    format!("Accepted are {}.", names.join(", "))
}

/// The parameter that tells when something was done for the patient.
fn care(kind: ResourceType) -> Option<&'static SearchParameter> {
    let name = match kind {
        ResourceType::Procedure | ResourceType::Observation | ResourceType::AdverseEvent => "date",
        ResourceType::MedicationAdministration => "effective-time",
        _ => return None,
    };
    parameters::named(kind, name)
}

fn everything(state: &State, call: &Call) -> Result<Reply> {
    let query = operation::parameters(call)?;
    let (base, cursors) = (base(call), call.cursors()?);
    let strict = call.prefers("handling") == Some("strict");
    let patient = call.path_id("id", "Patient")?;
    let bundle = state.app.read(call.principal()?, |unit| {
        let asked = Asked::read(&query, strict, unit.now)?;
        let address = format!("{base}/Patient/{patient}/$everything");
        let bound = asked.used.without(&["_count"]).sorted();
        let context = [address.as_str(), bound.as_str()];
        let cursor = query.get("_cursor");
        let after: Option<Position> = match cursor {
            Some(cursor) => Some(cursors.open(&context, cursor).ok_or_else(no_such_place)?),
            None => None,
        };
        let (found, next) = page(unit, patient, &asked, after.as_ref())?;
        let next = next
            .map(|position| cursors.seal(&context, &position))
            .transpose()?;
        let links = Links {
            address: address.clone(),
            used: asked.used.clone(),
            cursor: cursor.map(str::to_owned),
            next,
        };
        let shown = found.iter();
        let mut entries: Vec<Value> = shown
            .map(|one| entry(&base, one, &Shape::WHOLE, "match"))
            .collect();
        entries.extend(passed_over(&asked.ignored));
        Ok(searchset(None, &links, entries))
    })?;
    body_reply(StatusCode::OK, &bundle)
}

/// A page of what the token reaches, and where the next one begins.
fn page(
    unit: &mut Unit<'_, '_>,
    patient: Uuid,
    asked: &Asked,
    after: Option<&Position>,
) -> Result<(Vec<Resource>, Option<Position>)> {
    // Who may not read the patient does not learn that there is one.
    source::one(unit, ResourceType::Patient, &patient.to_string())?;
    let role = unit.principal.role;
    let reaches: Vec<Reach> = KINDS
        .iter()
        .map(|kind| match allows(role, reading(*kind)) {
            true => unit.principal.reach(kind.code(), Operation::Search),
            false => Reach::Nothing,
        })
        .collect();
    let most = usize::from(asked.count);
    reach::by_role(unit, |unit| {
        let mut found: Vec<(usize, Resource)> = Vec::new();
        let first = after.map_or(0, |(place, _)| *place);
        for ((place, kind), reach) in KINDS.iter().enumerate().zip(&reaches).skip(first) {
            if !asked.wants(*kind) || *reach == Reach::Nothing {
                continue;
            }
            compartment::note(unit, reading(*kind), source::noted_as(*kind), Some(patient));
            let mut there = source::in_compartment(unit, *kind, patient, Observed::ALL)?;
            there.retain(|one| reach::holds(reach, one) && asked.fits(one));
            there.sort_by(|one, other| one.id.cmp(&other.id));
            if let Some((_, id)) = after.filter(|(known, _)| *known == place) {
                there.retain(|one| one.id > *id);
            }
            found.extend(there.into_iter().map(|one| (place, one)));
            if found.len() > most {
                break;
            }
        }
        let more = found.len() > most;
        found.truncate(most);
        let last = found.last().filter(|_| more);
        let next = last.map(|(place, one)| (*place, one.id.clone()));
        Ok((found.into_iter().map(|(_, one)| one).collect(), next))
    })
}
