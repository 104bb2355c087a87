//! Several requests in one: a transaction, all of which is done or nothing, and a batch, each of whose requests stands
//! for itself.

mod perform;
mod request;

use super::answer::body_reply;
use super::outcome;
use super::read::base;
use super::references::Addresses;
use crate::app::{Error, Result};
use crate::http::call::Call;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::http::state::State;
use actix_web::http::StatusCode;
use perform::{Answered, Common, Transaction};
use request::{Request, Requests};
use serde_json::{Value, json};
use std::sync::Arc;

/// Does what a bundle asks for.
pub(super) fn post(state: &State, call: &Call) -> Result<Reply> {
    let addresses = Addresses::of(&base(call));
    let requests = request::read(call.json(), &addresses).map_err(Error::Invalid)?;
    let common = Common {
        base: addresses.base,
        represent: super::interactions::represents(call),
        strict: call.prefers("handling") == Some("strict"),
        cursors: call.cursors()?,
    };
    if requests.atomic {
        transaction(state, call, requests, common)
    } else {
        batch(state, call, requests, &Arc::new(common))
    }
}

fn transaction(state: &State, call: &Call, read: Requests, common: Common) -> Result<Reply> {
    let mut requests = Vec::new();
    let mut errors = Vec::new();
    for entry in read.entries {
        match entry {
            Ok(request) => requests.push(request),
            Err(more) => errors.extend(more),
        }
    }
    if !errors.is_empty() {
        return Err(Error::Invalid(errors));
    }
    let key = super::interactions::once_key(call);
    state.app.write_once(call.principal()?, key, move |unit| {
        let entries = Transaction::new(&common).perform(unit, &requests)?;
        answer("transaction-response", entries)
    })
}

fn batch(state: &State, call: &Call, read: Requests, common: &Arc<Common>) -> Result<Reply> {
    let mut entries = Vec::with_capacity(read.entries.len());
    for entry in read.entries {
        let answered = match entry {
            Ok(request) => alone(state, call, request, common),
            Err(errors) => Err(Error::Invalid(errors)),
        };
        entries.push(match answered {
            Ok(answered) => answered.entry(&common.base),
            Err(Error::Internal(source)) => return Err(Error::Internal(source)),
            Err(error) => refused(error, call),
        });
    }
    answer("batch-response", entries)
}

/// One request of a batch, in a transaction of its own.
fn alone(state: &State, call: &Call, request: Request, common: &Arc<Common>) -> Result<Answered> {
    let common = Arc::clone(common);
    state.app.write(call.principal()?, move |unit| {
        let mut one = Transaction::new(&common);
        one.perform_one(unit, &request)
    })
}

fn refused(error: Error, call: &Call) -> Value {
    let problem = Problem::from(error);
    let status = problem.kind.status();
    let id = call.request_id().to_string();
    let outcome = outcome::of_problem(&problem, Some("Bundle"), &id);
    json!({"response": {"status": status.to_string(), "outcome": outcome}})
}

fn answer(kind: &str, entries: Vec<Value>) -> Result<Reply> {
    let mut bundle = json!({"resourceType": "Bundle", "type": kind});
    if let Some(bundle) = bundle.as_object_mut().filter(|_| !entries.is_empty()) {
        bundle.insert("entry".to_owned(), Value::Array(entries));
    }
    body_reply(StatusCode::OK, &bundle)
}
