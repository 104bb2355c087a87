//! Does the requests of a bundle within one transaction.

use super::request::{Request, Verb};
use crate::app::{Error, FieldError, Result, Unit};
use crate::fhir::conditional::{self, Criteria};
use crate::fhir::references::{Addresses, resolve};
use crate::fhir::resource::{Resource, ResourceType, instant};
use crate::fhir::search::{self, Place};
use crate::fhir::{patch, source, write};
use crate::http::cursor::Cursors;
use crate::http::query::Query;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What the requests of a bundle have in common.
#[derive(Debug, Clone)]
pub(super) struct Common {
    /// Where the client reaches FHIR.
    pub base: String,
    /// Whether what was changed is shown.
    pub represent: bool,
    /// Whether search parameters that are not known are refused.
    pub strict: bool,
    /// Seals where pages begin.
    pub cursors: Cursors,
}

/// A transaction under way.
pub(super) struct Transaction<'c> {
    common: &'c Common,
    addresses: Addresses,
    /// What was changed already: nothing is changed twice.
    touched: BTreeSet<(ResourceType, String)>,
    /// The addresses of entries that could not be recorded.
    failed: Vec<String>,
}

/// What became of a request.
pub(super) enum Answered {
    /// There is such a resource now.
    Written {
        /// The resource.
        resource: Box<Resource>,
        /// Whether it is new.
        anew: bool,
        /// Whether it is shown.
        shown: bool,
    },
    /// It was withdrawn, or there was nothing to withdraw.
    Deleted,
    /// It was read.
    Read(Box<Resource>),
    /// A search was answered.
    Found(Value),
}

/// What became of a request, before all of them are done.
enum Done {
    Written {
        kind: ResourceType,
        id: String,
        anew: bool,
    },
    Final(Answered),
}

impl<'c> Transaction<'c> {
    /// One that has not done anything yet.
    pub(super) fn new(common: &'c Common) -> Transaction<'c> {
        Transaction {
            common,
            addresses: Addresses::of(&common.base),
            touched: BTreeSet::new(),
            failed: Vec::new(),
        }
    }

    /// Does every request in the order that FHIR has for them, what is referred to before what refers to it; the
    /// answers stand in the places of the requests.
    ///
    /// # Errors
    /// Everything that is wrong with any of them.
    pub(super) fn perform(
        mut self,
        unit: &mut Unit<'_, '_>,
        requests: &[Request],
    ) -> Result<Vec<Value>> {
        self.learn_addresses(requests)?;
        let mut order = Vec::with_capacity(requests.len());
        for request in requests {
            order.push((self.turn(unit, request)?, request));
        }
        order.sort_by_key(|((verb, rank), request)| (*verb, *rank, request.place));
        let mut done: Vec<(usize, Done)> = Vec::with_capacity(order.len());
        let mut errors = Vec::new();
        for (_, request) in order {
            if self.depends_on_failed(request) {
                self.fail(request);
                continue;
            }
            match self.step(unit, request) {
                Ok(one) => done.push((request.place, one)),
                Err(error) => match in_entry(error, request.place) {
                    Error::Invalid(more) => {
                        self.fail(request);
                        errors.extend(more);
                    }
                    other => return Err(other),
                },
            }
        }
        if !errors.is_empty() {
            return Err(Error::Invalid(errors));
        }
        done.sort_by_key(|(place, _)| *place);
        let mut entries = Vec::with_capacity(done.len());
        for (_, one) in done {
            entries.push(self.answered(unit, one)?.entry(&self.addresses.base));
        }
        Ok(entries)
    }

    /// Does one request on its own.
    ///
    /// # Errors
    /// What is wrong with it, at its place in the bundle.
    pub(super) fn perform_one(
        &mut self,
        unit: &mut Unit<'_, '_>,
        request: &Request,
    ) -> Result<Answered> {
        let done = self.step(unit, request).map_err(|error| match error {
            // On its own it is as if it had been asked without a bundle.
            error @ (Error::NotFound { .. } | Error::InvalidParameters(_)) => error,
            other => in_entry(other, request.place),
        })?;
        self.answered(unit, done)
    }

    /// Learns by which addresses what is recorded already is referred to.
    fn learn_addresses(&mut self, requests: &[Request]) -> Result<()> {
        let mut seen = BTreeSet::new();
        let mut errors = Vec::new();
        for request in requests {
            let Some(url) = &request.full_url else {
                continue;
            };
            if request.verb != Verb::Get && !seen.insert(url) {
                let pointer = format!("/entry/{}/fullUrl", request.place);
                let detail = "Another entry of this bundle has the same address.";
                errors.push(FieldError::new(pointer, "duplicate", detail));
            }
            if let (Some(id), Verb::Put | Verb::Patch) = (&request.id, request.verb) {
                self.name(url, request.kind, id);
            }
        }
        if errors.is_empty() {
            Ok(())
        } else {
            Err(Error::Invalid(errors))
        }
    }

    fn name(&mut self, url: &str, kind: ResourceType, id: &str) {
        let reference = format!("{}/{id}", kind.code());
        self.addresses.entries.insert(url.to_owned(), reference);
    }

    fn fail(&mut self, request: &Request) {
        self.failed.extend(request.full_url.clone());
    }

    /// Whether a request refers to one that failed: what it says cannot be judged then.
    fn depends_on_failed(&self, request: &Request) -> bool {
        if self.failed.is_empty() {
            return false;
        }
        let text = request.resource.to_string();
        self.failed
            .iter()
            .any(|url| text.contains(&format!("\"{url}\"")))
    }

    /// When a request is done. What would be put where nothing is yet is recorded anew, with the others.
    fn turn(&mut self, unit: &mut Unit<'_, '_>, request: &Request) -> Result<(Verb, usize)> {
        let rank = rank(request.kind);
        let conditional = request.verb == Verb::Put && request.id.is_none();
        let Some(criteria) = request.criteria.as_deref().filter(|_| conditional) else {
            return Ok((request.verb, rank));
        };
        let found = conditional::find(unit, request.kind, &self.by(criteria))
            .map_err(|error| in_entry(error, request.place))?;
        match (found, &request.full_url) {
            (None, _) => Ok((Verb::Post, rank)),
            (Some(found), url) => {
                if let Some(url) = url {
                    self.name(url, request.kind, &found.id);
                }
                Ok((Verb::Put, rank))
            }
        }
    }

    fn step(&mut self, unit: &mut Unit<'_, '_>, request: &Request) -> Result<Done> {
        match request.verb {
            Verb::Get => return Ok(Done::Final(self.read(unit, request)?)),
            Verb::Delete => return self.delete(unit, request),
            Verb::Post | Verb::Put | Verb::Patch => {}
        }
        let mut resource = request.resource.clone();
        let mut errors = Vec::new();
        resolve(unit, &mut resource, "", &self.addresses, &mut errors)?;
        if !errors.is_empty() {
            return Err(Error::Invalid(errors));
        }
        let kind = request.kind;
        let criteria = request.criteria.as_deref().map(|text| self.addressed(text));
        let written = match (request.verb, &request.id, criteria) {
            (Verb::Post, _, Some(criteria)) => {
                conditional::create(unit, kind, &self.by(&criteria), &resource)?
            }
            (Verb::Put, None, Some(criteria)) => {
                conditional::update(unit, kind, &self.by(&criteria), request.version, &resource)?
            }
            (Verb::Patch, None, Some(criteria)) => {
                let found = conditional::one(unit, kind, &self.by(&criteria))?;
                patch::apply(
                    unit,
                    kind,
                    &found.id,
                    request.version,
                    &patch::carried(&resource)?,
                )?
                .into()
            }
            (Verb::Patch, Some(id), _) => {
                patch::apply(unit, kind, id, request.version, &patch::carried(&resource)?)?.into()
            }
            (Verb::Put, Some(id), _) => {
                write::update(unit, kind, id, request.version, &resource)?.into()
            }
            _ => conditional::Written::anew(write::create(unit, kind, &resource)?),
        };
        let resource = written.resource;
        if written.changed {
            self.touch(resource.kind, &resource.id)?;
        }
        if let Some(url) = &request.full_url {
            self.name(url, resource.kind, &resource.id);
        }
        Ok(Done::Written {
            kind: resource.kind,
            id: resource.id,
            anew: written.anew,
        })
    }

    fn by<'a>(&'a self, query: &'a str) -> Criteria<'a> {
        Criteria {
            query,
            base: &self.addresses.base,
        }
    }

    /// A search in which other entries may be named by their addresses.
    fn addressed(&self, criteria: &str) -> String {
        let mut criteria = criteria.to_owned();
        for (url, reference) in &self.addresses.entries {
            if criteria.contains(url.as_str()) {
                criteria = criteria.replace(url.as_str(), reference);
            }
        }
        criteria
    }

    fn touch(&mut self, kind: ResourceType, id: &str) -> Result<()> {
        if self.touched.insert((kind, id.to_owned())) {
            return Ok(());
        }
        let detail = "Another entry of this bundle is about the same record.";
        Err(Error::field("", "duplicate", detail))
    }

    fn delete(&mut self, unit: &mut Unit<'_, '_>, request: &Request) -> Result<Done> {
        let id = match (&request.id, &request.criteria) {
            (Some(id), _) => Some(id.clone()),
            (None, criteria) => {
                let criteria = criteria.as_deref().unwrap_or_default();
                conditional::find(unit, request.kind, &self.by(criteria))?.map(|found| found.id)
            }
        };
        if let Some(id) = id {
            write::delete(unit, request.kind, &id, request.version)?;
            self.touch(request.kind, &id)?;
        }
        Ok(Done::Final(Answered::Deleted))
    }

    fn read(&self, unit: &mut Unit<'_, '_>, request: &Request) -> Result<Answered> {
        if let Some(id) = &request.id {
            let resource = source::one(unit, request.kind, id)?;
            return Ok(Answered::Read(Box::new(resource)));
        }
        let criteria = self.addressed(request.criteria.as_deref().unwrap_or_default());
        let query = Query::read(&criteria).map_err(|problem| {
            let pointer = format!("/entry/{}/request/url", request.place);
            Error::field(pointer, problem.code, problem.detail)
        })?;
        let place = Place {
            base: &self.addresses.base,
            strict: self.common.strict,
            cursors: &self.common.cursors,
        };
        let found = search::search(unit, request.kind, &query, &place)?;
        Ok(Answered::Found(Value::Object(found)))
    }

    /// The resource as it is when everything is done.
    fn answered(&self, unit: &mut Unit<'_, '_>, done: Done) -> Result<Answered> {
        match done {
            Done::Final(answered) => Ok(answered),
            Done::Written { kind, id, anew } => Ok(Answered::Written {
                resource: Box::new(source::written(unit, kind, &id)?),
                anew,
                shown: self.common.represent,
            }),
        }
    }
}

/// What is referred to comes before what refers to it.
fn rank(kind: ResourceType) -> usize {
    match kind {
        ResourceType::Patient => 0,
        ResourceType::Condition => 1,
        ResourceType::Procedure => 2,
        ResourceType::MedicationAdministration => 3,
        _ => 4,
    }
}

/// The same error about an entry of the bundle.
fn in_entry(error: Error, place: usize) -> Error {
    match error {
        Error::Invalid(errors) => Error::Invalid(
            errors
                .into_iter()
                .map(|error| FieldError {
                    pointer: placed(&error.pointer, place),
                    ..error
                })
                .collect(),
        ),
        Error::InvalidParameters(errors) => {
            let at = format!("/entry/{place}/request/url");
            let named = |error: FieldError| {
                let name = error.pointer.trim_start_matches('?').to_owned();
                let detail = format!("{name}: {}", error.detail);
                FieldError::new(at.clone(), error.code, detail)
            };
            Error::Invalid(errors.into_iter().map(named).collect())
        }
        Error::NotFound { what } => Error::field(
            format!("/entry/{place}/request/url"),
            "not_found",
            format!("There is no such {what}."),
        ),
        Error::Conflict { code, detail } => Error::Conflict {
            code,
            detail: format!("Bundle.entry[{place}]: {detail}"),
        },
        Error::Ambiguous { detail } => Error::Ambiguous {
            detail: format!("Bundle.entry[{place}]: {detail}"),
        },
        other => other,
    }
}

fn placed(pointer: &str, place: usize) -> String {
    if pointer.starts_with("/entry/") {
        pointer.to_owned()
    } else {
        format!("/entry/{place}/resource{pointer}")
    }
}

impl Answered {
    /// As an entry of the answer.
    pub(super) fn entry(self, base: &str) -> Value {
        match self {
            Answered::Deleted => json!({"response": {"status": "204 No Content"}}),
            Answered::Found(bundle) => {
                json!({"resource": bundle, "response": {"status": "200 OK"}})
            }
            Answered::Read(resource) => entry(&resource, "200 OK", true, base),
            Answered::Written {
                resource,
                anew,
                shown,
            } => {
                let status = if anew { "201 Created" } else { "200 OK" };
                entry(&resource, status, shown, base)
            }
        }
    }
}

fn entry(resource: &Resource, status: &str, shown: bool, base: &str) -> Value {
    let reference = resource.reference();
    let version = resource.version;
    let response = json!({
        "status": status,
        "location": format!("{reference}/_history/{version}"),
        "etag": format!("W/\"{version}\""),
        "lastModified": instant(resource.updated),
    });
    let full_url = format!("{base}/{reference}");
    if shown {
        json!({"fullUrl": full_url, "resource": resource.body, "response": response})
    } else {
        json!({"fullUrl": full_url, "response": response})
    }
}
