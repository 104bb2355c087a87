//! A request for an export: checked as a whole, and written down.

use super::asked::{Asked, Reading};
use super::order::{Level, Order, reach};
use super::parameters::{self, Fault};
use crate::app::bulk;
use crate::app::{Principal, Result, Unit, groups};
use crate::auth::Reach;
use crate::fhir::answer::body_reply;
use crate::fhir::interactions::once_key;
use crate::fhir::outcome::{Severity, issue, outcome};
use crate::fhir::reach::by_role;
use crate::fhir::read::base;
use crate::fhir::resource::ResourceType;
use crate::http::call::Call;
use crate::http::registry::Method;
use crate::http::reply::Reply;
use crate::http::state::State;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName};
use serde_json::Value;
use std::collections::BTreeSet;
use uuid::Uuid;

/// Patients whose being there is looked up at once.
const LOOKED_UP: usize = 500;

/// The preference for the status of an export apart from that of the request for it.
const SEPARATE: &str = "separate-export-status";

/// Takes a request.
pub(super) fn kick_off(state: &State, call: &Call) -> Result<Reply> {
    if call.prefers("respond-async").is_none() {
        return refused(&[Fault {
            code: "required",
            text: "An export takes its time: send `Prefer: respond-async`.".to_owned(),
            place: "http.Prefer".to_owned(),
            can_be_passed_over: false,
        }]);
    }
    let level = level(call);
    let given = match parameters::given(call) {
        Ok(given) => given,
        Err(faults) => return refused(&faults),
    };
    let base = base(call);
    let how = Reading {
        level: &level,
        base: &base,
        now: state.seam.now(),
        in_body: call.method() == Method::Post,
    };
    let mut asked = Asked::of(given, &how);
    let principal = call.principal()?;
    state.app.read(principal, |unit| {
        by_role(unit, |unit| look_up_patients(unit, &level, &mut asked))
    })?;
    let types = reached(principal, &level, &mut asked);
    let lenient = call.prefers("handling") == Some("lenient");
    let (passed_over, in_the_way): (Vec<Fault>, Vec<Fault>) = std::mem::take(&mut asked.faults)
        .into_iter()
        .partition(|fault| lenient && fault.can_be_passed_over);
    if !in_the_way.is_empty() {
        return refused(&in_the_way);
    }
    let passed_over = passed_over.into_iter().map(|fault| fault.text).collect();
    let order = Order {
        level,
        types: types
            .into_iter()
            .map(|kind| kind.code().to_owned())
            .collect(),
        since: asked.since,
        until: asked.until,
        elements: asked.elements,
        patients: asked.patients.map(distinct),
        associated: asked.associated.is_some(),
        searches: asked.searches,
        base,
        passed_over,
        separate_status: call.prefers(SEPARATE).is_some(),
        role: principal.role.code().to_owned(),
        scopes: principal.scopes.as_ref().map(ToString::to_string),
    };
    let reply = write_down(state, call, &order)?;
    state.app.bulk_asked.ring();
    Ok(reply)
}

/// Whose records the address asks for.
fn level(call: &Call) -> Level {
    let id = call.path("id");
    if !id.is_empty() {
        Level::Group(id.to_owned())
    } else if call.url_path().contains("/Patient/") {
        Level::Patient
    } else {
        Level::System
    }
}

/// Patients who are named twice are one.
fn distinct<T>(named: Vec<(Uuid, T)>) -> Vec<Uuid> {
    let ids: BTreeSet<Uuid> = named.into_iter().map(|(id, _)| id).collect();
    ids.into_iter().collect()
}

/// Leaves of the patients who are named those who are there, and, of a group, belong to it.
fn look_up_patients(unit: &mut Unit<'_, '_>, level: &Level, asked: &mut Asked) -> Result<()> {
    let members = match level {
        Level::Group(id) => Some(groups::get(unit, id)?.members),
        Level::System | Level::Patient => None,
    };
    let Some(named) = asked.patients.take() else {
        return Ok(());
    };
    let known: BTreeSet<Uuid> = match members {
        Some(members) => members.into_iter().collect(),
        None => {
            let mut known = BTreeSet::new();
            for some in named.chunks(LOOKED_UP) {
                let ids: Vec<Uuid> = some.iter().map(|(id, _)| *id).collect();
                let found = bulk::patients_of(unit, &ids)?;
                known.extend(found.iter().map(|patient| patient.id));
            }
            known
        }
    };
    let (there, absent): (Vec<_>, Vec<_>) =
        named.into_iter().partition(|(id, _)| known.contains(id));
    asked.faults.extend(absent.iter().map(|(id, given)| {
        let text = format!("There is no patient {id} here, or in this group.");
        Fault::out_of_reach("not-found", given, text)
    }));
    asked.patients = Some(there);
    Ok(())
}

/// The types that the export is to hold: those that are named, or all, as far as the token reaches.
fn reached(principal: &Principal, level: &Level, asked: &mut Asked) -> Vec<ResourceType> {
    let is_reached = |kind: ResourceType| reach(principal, kind) != Reach::Nothing;
    if let Some(given) = asked.associated.take() {
        if is_reached(ResourceType::Provenance) {
            asked.associated = Some(given);
        } else {
            let text = "The token does not reach Provenance.";
            asked
                .faults
                .push(Fault::out_of_reach("forbidden", &given, text));
        }
    }
    let Some(named) = asked.types.take() else {
        let mut usual = level.usual();
        usual.retain(|kind| is_reached(*kind));
        if usual.is_empty() {
            asked.faults.push(nothing_left(
                "forbidden",
                "The token reaches nothing of it.",
            ));
        }
        return usual;
    };
    let (within, beyond): (Vec<_>, Vec<_>) =
        named.into_iter().partition(|(kind, _)| is_reached(*kind));
    if within.is_empty() {
        let code = if beyond.is_empty() {
            "invalid"
        } else {
            "forbidden"
        };
        let text = "None of the types that are named can be given out.";
        asked.faults.push(nothing_left(code, text));
    }
    asked.faults.extend(beyond.into_iter().map(|(kind, given)| {
        let text = format!("The token does not reach {}.", kind.code());
        Fault::out_of_reach("forbidden", &given, text)
    }));
    within.into_iter().map(|(kind, _)| kind).collect()
}

fn nothing_left(code: &'static str, text: &str) -> Fault {
    Fault {
        code,
        text: text.to_owned(),
        place: "http._type".to_owned(),
        can_be_passed_over: false,
    }
}

/// Says everything that is wrong. Where nothing but rights or patients are missing, the status says so.
fn refused(faults: &[Fault]) -> Result<Reply> {
    let all = |code: &str| faults.iter().all(|fault| fault.code == code);
    let status = if all("forbidden") {
        StatusCode::FORBIDDEN
    } else if all("not-found") {
        StatusCode::NOT_FOUND
    } else {
        StatusCode::BAD_REQUEST
    };
    let issues: Vec<Value> = faults
        .iter()
        .map(|fault| issue(Severity::Error, fault.code, &fault.text, Some(&fault.place)))
        .collect();
    body_reply(status, &outcome(issues))
}

fn write_down(state: &State, call: &Call, order: &Order) -> Result<Reply> {
    let query = call.whole_query().encoded();
    let separator = if query.is_empty() { "" } else { "?" };
    let asked = bulk::Asked {
        request: format!("{}{}{separator}{query}", call.origin(), call.url_path()),
        wanted: order.written()?,
        noted: order.noted(),
    };
    let (base, separate) = (order.base.clone(), order.separate_status);
    let work = move |unit: &mut Unit<'_, '_>| {
        let export = bulk::request(unit, &asked)?;
        accepted(&base, export.id, separate)
    };
    state
        .app
        .write_once(call.principal()?, once_key(call), work)
}

fn accepted(base: &str, id: Uuid, separate: bool) -> Result<Reply> {
    let text = "The export is on its way; Content-Location says how far.";
    let body = outcome(vec![issue(
        Severity::Information,
        "informational",
        text,
        None,
    )]);
    let applied = if separate {
        "respond-async, separate-export-status"
    } else {
        "respond-async"
    };
    body_reply(StatusCode::ACCEPTED, &body)?
        .header(header::CONTENT_LOCATION, &format!("{base}/bulk/{id}"))?
        .header(HeaderName::from_static("preference-applied"), applied)
}
