//! What may be written, and its endpoints: one line to a type.

use super::answer::{body_reply, tagged};
use super::conditional::{self, Criteria, Written};
use super::outcome::{self, Severity, issue, outcome};
use super::read::base;
use super::references::{Addresses, resolve};
use super::resource::ResourceType;
use super::{bundle, intake, patch, write};
use crate::app::{App, Error, OnceKey, Result, Unit};
use crate::auth::{Action, Operation};
use crate::http::call::Call;
use crate::http::dialect::{FHIR_BASE, JSON_PATCH};
use crate::http::problem::Problem;
use crate::http::registry::{Access, Body, Endpoint, Handler, Method};
use crate::http::reply::Reply;
use crate::http::state::State;
use actix_web::http::{StatusCode, header};
use serde_json::{Value, json};

/// A way to change what is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Record anew; with `If-None-Exist` unless it is there.
    Create,
    /// Put in the place of what is recorded.
    Update,
    /// Change a part.
    Patch,
    /// Withdraw.
    Delete,
    /// Put in the place of what a search finds, else record anew.
    ConditionalUpdate,
    /// Change a part of what a search finds.
    ConditionalPatch,
    /// Withdraw what a search finds.
    ConditionalDelete,
    /// Say what would be wrong with a new one.
    Validate,
    /// Say what would be wrong with another version.
    ValidateOne,
    /// Record the answers to a questionnaire, as an observation.
    CreateAnswers,
    /// Say what would be wrong with such answers.
    ValidateAnswers,
}

impl Change {
    /// As a CapabilityStatement names it; none for what it names in another way.
    #[must_use]
    pub const fn code(self) -> Option<&'static str> {
        match self {
            Change::Create => Some("create"),
            Change::Update => Some("update"),
            Change::Patch => Some("patch"),
            Change::Delete => Some("delete"),
            _ => None,
        }
    }

    const fn method(self) -> Method {
        match self {
            Change::Create
            | Change::Validate
            | Change::ValidateOne
            | Change::CreateAnswers
            | Change::ValidateAnswers => Method::Post,
            Change::Update | Change::ConditionalUpdate => Method::Put,
            Change::Patch | Change::ConditionalPatch => Method::Patch,
            Change::Delete | Change::ConditionalDelete => Method::Delete,
        }
    }

    fn handler(self) -> Handler<App> {
        match self {
            Change::Create | Change::CreateAnswers => create,
            Change::Update | Change::ConditionalUpdate => update,
            Change::Patch | Change::ConditionalPatch => patch,
            Change::Delete | Change::ConditionalDelete => delete,
            Change::Validate | Change::ValidateOne | Change::ValidateAnswers => validate,
        }
    }

    /// What a token must be scoped to.
    pub(super) const fn operation(self) -> Operation {
        match self {
            Change::Create | Change::Validate | Change::CreateAnswers | Change::ValidateAnswers => {
                Operation::Create
            }
            Change::Update
            | Change::Patch
            | Change::ConditionalUpdate
            | Change::ConditionalPatch
            | Change::ValidateOne => Operation::Update,
            Change::Delete | Change::ConditionalDelete => Operation::Delete,
        }
    }

    /// What a token must allow; the use case asks again, for what it really changes.
    pub(super) const fn action(self, kind: ResourceType) -> Action {
        if matches!(self, Change::CreateAnswers | Change::ValidateAnswers) {
            return Action::CorrectEpisode;
        }
        let anew = matches!(self, Change::Create | Change::Validate);
        let gone = matches!(self, Change::Delete | Change::ConditionalDelete);
        match kind {
            ResourceType::Patient if anew => Action::WritePatient,
            ResourceType::Patient => Action::CorrectPatient,
            ResourceType::Condition if anew => Action::WriteEpisode,
            ResourceType::Condition => Action::CorrectEpisode,
            ResourceType::Procedure if anew => Action::WriteBlock,
            ResourceType::Procedure | ResourceType::MedicationAdministration => {
                Action::CorrectBlock
            }
            ResourceType::AdverseEvent => Action::WriteAdverseEvent,
            _ if anew => Action::WriteScore,
            _ if gone => Action::WithdrawScore,
            _ => Action::CorrectScore,
        }
    }
}

macro_rules! path {
    (CreateAnswers $name:literal) => {
        concat!("/fhir/R4/", $name)
    };
    (ValidateAnswers $name:literal) => {
        concat!("/fhir/R4/", $name, "/$validate")
    };
    (Create $name:literal) => {
        concat!("/fhir/R4/", $name)
    };
    (ConditionalUpdate $name:literal) => {
        concat!("/fhir/R4/", $name)
    };
    (ConditionalPatch $name:literal) => {
        concat!("/fhir/R4/", $name)
    };
    (ConditionalDelete $name:literal) => {
        concat!("/fhir/R4/", $name)
    };
    (Validate $name:literal) => {
        concat!("/fhir/R4/", $name, "/$validate")
    };
    (ValidateOne $name:literal) => {
        concat!("/fhir/R4/", $name, "/{id}/$validate")
    };
    ($change:ident $name:literal) => {
        concat!("/fhir/R4/", $name, "/{id}")
    };
}

macro_rules! operation {
    (CreateAnswers $snake:literal) => {
        concat!("fhir_create_", $snake)
    };
    (ValidateAnswers $snake:literal) => {
        concat!("fhir_validate_", $snake)
    };
    (Create $snake:literal) => {
        concat!("fhir_create_", $snake)
    };
    (Update $snake:literal) => {
        concat!("fhir_update_", $snake)
    };
    (Patch $snake:literal) => {
        concat!("fhir_patch_", $snake)
    };
    (Delete $snake:literal) => {
        concat!("fhir_delete_", $snake)
    };
    (ConditionalUpdate $snake:literal) => {
        concat!("fhir_update_found_", $snake)
    };
    (ConditionalPatch $snake:literal) => {
        concat!("fhir_patch_found_", $snake)
    };
    (ConditionalDelete $snake:literal) => {
        concat!("fhir_delete_found_", $snake)
    };
    (Validate $snake:literal) => {
        concat!("fhir_validate_", $snake)
    };
    (ValidateOne $snake:literal) => {
        concat!("fhir_validate_one_", $snake)
    };
}

/// A way to change resources of a type, and its endpoint.
#[derive(Debug, Clone, Copy)]
struct Writable {
    kind: ResourceType,
    /// The type as it is named where it is sent.
    name: &'static str,
    change: Change,
    path: &'static str,
    operation_id: &'static str,
}

macro_rules! writable {
    ($($variant:ident $name:literal $snake:literal: $($change:ident)+;)+) => {
        const WRITABLE: &[Writable] = &[$($(Writable {
            kind: ResourceType::$variant,
            name: $name,
            change: Change::$change,
            path: path!($change $name),
            operation_id: operation!($change $snake),
        },)+)+];
    };
}

writable! {
    Patient "Patient" "patient": Create Update Patch ConditionalUpdate ConditionalPatch Validate ValidateOne;
    Condition "Condition" "condition": Create Update Patch ConditionalUpdate ConditionalPatch Validate ValidateOne;
    Procedure "Procedure" "procedure": Create Update Patch ConditionalUpdate ConditionalPatch Validate ValidateOne;
    MedicationAdministration "MedicationAdministration" "medication_administration": Create Update Patch ConditionalUpdate ConditionalPatch Validate ValidateOne;
    Observation "Observation" "observation": Create Update Patch Delete ConditionalUpdate ConditionalPatch ConditionalDelete Validate ValidateOne;
    AdverseEvent "AdverseEvent" "adverse_event": Create Validate;
    Observation "QuestionnaireResponse" "questionnaire_response": CreateAnswers ValidateAnswers;
}

/// How resources of a type may be changed.
pub fn changes(kind: ResourceType) -> impl Iterator<Item = Change> {
    WRITABLE
        .iter()
        .filter(move |one| one.kind == kind)
        .map(|one| one.change)
}

/// The operations on a type, as a CapabilityStatement names them.
#[must_use]
pub(super) fn operations(kind: ResourceType) -> Vec<Value> {
    let mut operations = Vec::new();
    if changes(kind).any(|change| change == Change::Validate) {
        operations.push(json!({
            "name": "validate",
            "definition": "http://hl7.org/fhir/OperationDefinition/Resource-validate",
        }));
    }
    let of_search = match kind {
        ResourceType::Patient => Some(("everything", "Patient-everything")),
        ResourceType::Observation => Some(("lastn", "Observation-lastn")),
        _ => None,
    };
    operations.extend(of_search.map(|(name, definition)| {
        json!({
            "name": name,
            "definition": format!("http://hl7.org/fhir/OperationDefinition/{definition}"),
        })
    }));
    operations
}

/// What is taken and kept as another type, as a CapabilityStatement says it.
#[must_use]
pub(super) fn taken_only() -> Value {
    json!({
        "type": intake::QUESTIONNAIRE,
        "documentation": "The total of a disability questionnaire is kept as an Observation.",
        "interaction": [{"code": "create"}],
        "versioning": "no-version",
        "readHistory": false,
        "updateCreate": false,
        "conditionalCreate": false,
    })
}

/// What is done with more than one type.
pub const OF_ALL: [&str; 2] = ["transaction", "batch"];

/// So many times as large as another body may a bundle be.
const BUNDLE: usize = 8;

/// The endpoints by which records are changed.
#[must_use]
pub(super) fn endpoints() -> Vec<Endpoint> {
    let mut endpoints = vec![
        Endpoint::fhir(
            Method::Post,
            FHIR_BASE,
            "fhir_bundle",
            Access::Identified,
            bundle::post,
        )
        .titled("fhir", "Several requests in one: a transaction or a batch")
        .takes_fhir()
        .times_body(BUNDLE),
    ];
    for one in WRITABLE {
        let access = Access::Needs(one.change.action(one.kind));
        let (method, handler) = (one.change.method(), one.change.handler());
        let mut endpoint = Endpoint::fhir(method, one.path, one.operation_id, access, handler)
            .scoped(one.name, one.change.operation())
            .titled("fhir", one.kind.code());
        endpoint = match method {
            Method::Patch => with_patch(endpoint),
            Method::Delete => endpoint,
            _ => endpoint.takes_fhir(),
        };
        endpoints.push(endpoint);
    }
    endpoints
}

fn with_patch(mut endpoint: Endpoint) -> Endpoint {
    endpoint.body = Some(Body {
        media_type: JSON_PATCH,
        also: &[],
        schema: None,
        required: true,
        examples: Vec::new(),
    });
    endpoint
}

/// What a client would have in the answer to a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Nothing,
    Resource,
    Outcome,
}

impl Wanted {
    fn of(call: &Call) -> Wanted {
        match call.prefers("return") {
            Some("minimal") => Wanted::Nothing,
            Some("OperationOutcome") => Wanted::Outcome,
            _ => Wanted::Resource,
        }
    }
}

/// Whether a client asked to be shown what it changed.
pub(super) fn represents(call: &Call) -> bool {
    call.prefers("return") == Some("representation")
}

/// The key by which a client makes sure that something is done once.
pub(super) fn once_key(call: &Call) -> Option<OnceKey> {
    call.idempotency().map(|idempotency| OnceKey {
        key: idempotency.key,
        fingerprint: idempotency.fingerprint,
    })
}

/// The type that the path of a request names.
fn kind_of(call: &Call) -> Result<ResourceType> {
    let name = named(call);
    intake::kept_as(name).ok_or(Error::NotFound {
        what: "resource type",
    })
}

fn named(call: &Call) -> &str {
    call.url_path().split('/').nth(3).unwrap_or_default()
}

/// Refuses a resource of another type than the one that the address names.
pub(super) fn of_type(value: &Value, name: &str) -> Result<()> {
    if value.get("resourceType").and_then(Value::as_str) == Some(name) {
        return Ok(());
    }
    let detail = format!("Expected a {name} here.");
    Err(Error::field("/resourceType", "unknown_value", detail))
}

/// The resource that was sent, with its references resolved.
fn resolved(unit: &mut Unit<'_, '_>, value: &Value, base: &str) -> Result<Value> {
    let mut value = value.clone();
    let mut errors = Vec::new();
    resolve(unit, &mut value, "", &Addresses::of(base), &mut errors)?;
    if errors.is_empty() {
        Ok(value)
    } else {
        Err(Error::Invalid(errors))
    }
}

fn by<'a>(query: &'a str, base: &'a str) -> Criteria<'a> {
    Criteria { query, base }
}

/// The search in the address of a request.
fn criteria(call: &Call) -> String {
    call.whole_query()
        .without(&["_format", "_pretty"])
        .encoded()
}

fn written(written: &Written, wanted: Wanted, base: &str) -> Result<Reply> {
    let status = if written.anew {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    let resource = &written.resource;
    let reply = match wanted {
        Wanted::Resource => body_reply(status, &resource.body)?,
        Wanted::Nothing => Reply::no_content().with_status(status),
        Wanted::Outcome => {
            let text = format!("{} is recorded.", resource.reference());
            let done = issue(Severity::Information, "informational", &text, None);
            body_reply(status, &outcome(vec![done]))?
        }
    };
    let reply = tagged(reply, resource)?;
    let version = resource.version;
    let location = format!("{base}/{}/_history/{version}", resource.reference());
    let name = if written.anew {
        header::LOCATION
    } else {
        header::CONTENT_LOCATION
    };
    reply.header(name, &location)
}

fn create(state: &State, call: &Call) -> Result<Reply> {
    let (kind, base, wanted) = (kind_of(call)?, base(call), Wanted::of(call));
    let absent = call.header("if-none-exist").map(str::to_owned);
    let value = call.json().clone();
    of_type(&value, named(call))?;
    let work = move |unit: &mut Unit<'_, '_>| {
        let value = resolved(unit, &value, &base)?;
        let done = match &absent {
            Some(criteria) => {
                let query = criteria
                    .split_once('?')
                    .map_or(criteria.as_str(), |(_, rest)| rest);
                conditional::create(unit, kind, &by(query, &base), &value)?
            }
            None => Written::anew(write::create(unit, kind, &value)?),
        };
        written(&done, wanted, &base)
    };
    state
        .app
        .write_once(call.principal()?, once_key(call), work)
}

fn update(state: &State, call: &Call) -> Result<Reply> {
    let (kind, base, wanted) = (kind_of(call)?, base(call), Wanted::of(call));
    let (id, version) = (call.path("id").to_owned(), call.version());
    let (criteria, value) = (criteria(call), call.json().clone());
    let work = move |unit: &mut Unit<'_, '_>| {
        let value = resolved(unit, &value, &base)?;
        let done = if id.is_empty() {
            conditional::update(unit, kind, &by(&criteria, &base), version, &value)?
        } else {
            write::update(unit, kind, &id, version, &value)?.into()
        };
        written(&done, wanted, &base)
    };
    state
        .app
        .write_once(call.principal()?, once_key(call), work)
}

fn patch(state: &State, call: &Call) -> Result<Reply> {
    let (kind, base, wanted) = (kind_of(call)?, base(call), Wanted::of(call));
    let (id, version) = (call.path("id").to_owned(), call.version());
    let (criteria, operations) = (criteria(call), call.json().clone());
    let work = move |unit: &mut Unit<'_, '_>| {
        let id = if id.is_empty() {
            conditional::one(unit, kind, &by(&criteria, &base))?.id
        } else {
            id.clone()
        };
        let done = patch::apply(unit, kind, &id, version, &operations)?;
        written(&done.into(), wanted, &base)
    };
    state
        .app
        .write_once(call.principal()?, once_key(call), work)
}

fn delete(state: &State, call: &Call) -> Result<Reply> {
    let (kind, base) = (kind_of(call)?, base(call));
    let (id, version) = (call.path("id").to_owned(), call.version());
    let criteria = criteria(call);
    let work = move |unit: &mut Unit<'_, '_>| {
        let id = if id.is_empty() {
            conditional::find(unit, kind, &by(&criteria, &base))?.map(|found| found.id)
        } else {
            Some(id.clone())
        };
        if let Some(id) = id {
            write::delete(unit, kind, &id, version)?;
        }
        Ok(Reply::no_content())
    };
    state.app.write(call.principal()?, work)
}

/// What undoes a validation in which nothing was wrong.
const VALID: &str = "valid";

/// Writes what was sent, says what came of it, and undoes it.
fn validate(state: &State, call: &Call) -> Result<Reply> {
    let (kind, base) = (kind_of(call)?, base(call));
    let id = call.path("id").to_owned();
    let value = validated(call.json());
    let work = move |unit: &mut Unit<'_, '_>| -> Result<()> {
        let value = resolved(unit, &value, &base)?;
        let id = Some(id.as_str()).filter(|id| !id.is_empty());
        write::validate(unit, kind, id, &value)?;
        Err(Error::Conflict {
            code: VALID,
            detail: String::new(),
        })
    };
    let problem = match state.app.write(call.principal()?, work) {
        Ok(()) | Err(Error::Conflict { code: VALID, .. }) => {
            let fine = issue(
                Severity::Information,
                "informational",
                "Nothing is wrong with it.",
                None,
            );
            return body_reply(StatusCode::OK, &outcome(vec![fine]));
        }
        Err(error @ (Error::Invalid(_) | Error::Conflict { .. })) => Problem::from(error),
        Err(other) => return Err(other),
    };
    let request = call.request_id().to_string();
    let found = outcome::of_problem(&problem, Some(kind.code()), &request);
    body_reply(StatusCode::OK, &found)
}

/// The resource to validate: sent as it is, or as a parameter.
fn validated(sent: &Value) -> Value {
    if sent.get("resourceType").and_then(Value::as_str) != Some("Parameters") {
        return sent.clone();
    }
    let parameters = sent.get("parameter").and_then(Value::as_array);
    let resource = parameters.into_iter().flatten().find_map(|one| {
        let is_it = one.get("name").and_then(Value::as_str) == Some("resource");
        one.get("resource").filter(|_| is_it)
    });
    resource.cloned().unwrap_or(json!({}))
}
