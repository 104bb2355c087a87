//! CDS Hooks 2.0: decision support in the record system where a clinician works.
//!
//! A translation and nothing else: calls are read, the use cases of `app::cds` asked, and what they find put into cards.

pub mod cards;
mod feedback;
mod fetch;
mod orders;
mod reading;
mod request;
mod services;
mod suggestions;
pub mod words;

use crate::app::cds::{self, Called};
use crate::app::{Error, Result};
use crate::auth::{Caller, Principal};
use crate::http::dialect::CDS_BASE;
use crate::http::{Access, Call, Endpoint, Kind, Method, Problem, Reply, Runs, State};
use cards::{Card, Links};
use request::Hook;
use serde::Serialize;
use services::Service;

/// Where the services are, their discovery included.
#[must_use]
pub fn endpoints() -> Vec<Endpoint> {
    let public = |method, path, operation_id, handler| {
        let mut endpoint = Endpoint::new(method, path, operation_id, Access::Public, handler);
        endpoint.dialect = crate::http::Dialect::Cds;
        endpoint
    };
    vec![
        public(Method::Get, CDS_BASE, "cds_services", |_, _| {
            Ok(services::discovery())
        })
        .runs(Runs::Inline),
        public(
            Method::Post,
            "/cds-services/{service}",
            "cds_service",
            answer,
        )
        .takes::<serde_json::Value>(Vec::new()),
        public(
            Method::Post,
            "/cds-services/{service}/feedback",
            "cds_feedback",
            feedback::take,
        )
        .takes::<serde_json::Value>(Vec::new()),
    ]
}

/// The answer to a call.
#[derive(Debug, Serialize)]
struct Cards {
    cards: Vec<Card>,
}

/// A call that is somebody's, or the answer to one that is nobody's.
enum Visitor<'a> {
    Known(&'a Caller, Principal),
    Turned(Reply),
}

/// Who calls `service`, at its own address or that of its feedback.
fn visitor<'a>(
    state: &'a State,
    call: &Call,
    service: &Service,
    feedback: bool,
) -> Result<Visitor<'a>> {
    let base = base(state);
    let own = format!("{base}{CDS_BASE}/{}", service.id);
    let of_feedback = format!("{own}/feedback");
    let mut addresses = vec![own.as_str()];
    if feedback {
        addresses.push(&of_feedback);
    }
    let token = call
        .header("authorization")
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim());
    let Some(token) = token else {
        let detail =
            "Send `Authorization: Bearer <JWT>`, signed for this call by a registered client.";
        return turned(call, "missing_token", None, detail);
    };
    match state.app.called_by(token, &addresses)? {
        Called::By(caller, principal) => Ok(Visitor::Known(caller, principal)),
        Called::Refused(why) => turned(call, "invalid_token", Some("invalid_token"), &why),
        Called::Unknown => Err(Error::Busy {
            retry_after: state.settings.retry_after,
        }),
    }
}

fn turned<'a>(
    call: &Call,
    code: &'static str,
    error: Option<&str>,
    detail: &str,
) -> Result<Visitor<'a>> {
    let mut problem = Problem::new(Kind::Unauthorized, code, detail);
    problem.challenge = Some(match error {
        None => "Bearer realm=\"medial\"".into(),
        Some(error) => format!("Bearer realm=\"medial\", error=\"{error}\"").into(),
    });
    Reply::problem(&problem, call.request_id()).map(Visitor::Turned)
}

/// Where this service is reached, without a slash at the end. As configured: what a request says about it is not believed.
fn base(state: &State) -> &str {
    state.app.settings.diary.public_url.trim_end_matches('/')
}

fn answer(state: &State, call: &Call) -> Result<Reply> {
    let service = Service::find(call.path("service")).ok_or(Error::NotFound { what: "service" })?;
    let (caller, principal) = match visitor(state, call, service, false)? {
        Visitor::Known(caller, principal) => (caller, principal),
        Visitor::Turned(reply) => return Ok(reply),
    };
    let hook = request::read(service, call.json())?;
    let Some(identifiers) = fetch::identifiers(caller, &hook)? else {
        let problem = Problem::new(
            Kind::DataNotAvailable,
            "patient_not_available",
            "The patient was neither prefetched, nor could be fetched from a FHIR server that is registered for this client.",
        );
        return Reply::problem(&problem, call.request_id());
    };
    let app = &state.app;
    let consulted = app.read(&principal, |unit| cds::consult(unit, &identifiers))?;
    let Some(consultation) = consulted else {
        return Reply::json(&Cards { cards: Vec::new() });
    };
    let links = Links {
        base: base(state),
        patient: consultation.patient,
        subject: &hook.patient,
    };
    let found = consultation.findings(&hook.occasion);
    let first = consultation.first_profile();
    let cards: Vec<Card> = found
        .iter()
        .map(|finding| Card::of(finding, first, consultation.day, &links, &state.seam))
        .collect();
    keep(
        state,
        &principal,
        service,
        &hook,
        consultation.patient,
        &cards,
    )?;
    Reply::json(&Cards { cards })
}

fn keep(
    state: &State,
    principal: &Principal,
    service: &Service,
    hook: &Hook,
    patient: uuid::Uuid,
    cards: &[Card],
) -> Result<()> {
    if cards.is_empty() {
        return Ok(());
    }
    let shown: Vec<cds::Shown> = cards.iter().map(Card::shown).collect();
    let (id, instance) = (service.id, hook.instance);
    state.app.write(principal, move |unit| {
        cds::keep_cards(unit, id, instance, patient, &shown)
    })
}
