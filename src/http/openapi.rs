//! The OpenAPI 3.1 document, made from the registry: what is not registered does not exist, and what is registered is documented.

use super::dialect::Dialect;
use super::problem::{self, Kind, Problem, ProblemBody};
use super::registry::{Access, Answer, Body, Endpoint, Parameter, Runs, SchemaSource};
use crate::app::error::FieldError;
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value as Json, json};
use serde_norway::{Mapping, Value};
use std::collections::BTreeSet;

/// Where the schemas are.
const SCHEMAS: &str = "#/components/schemas/";

/// The request whose problems are shown as examples.
const EXAMPLE_REQUEST: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

/// The document, the same for the same endpoints to the last byte.
#[must_use]
pub fn yaml<C>(endpoints: &[Endpoint<C>]) -> String {
    let document = Value::Mapping(document(endpoints));
    // A tree of maps, texts and numbers always serializes.
    serde_norway::to_string(&document).unwrap_or_default()
}

/// The document of the whole service, as `openapi.yaml` has it.
#[must_use]
pub fn contract() -> String {
    yaml(&every_endpoint())
}

/// [`contract`] as JSON.
#[must_use]
pub fn contract_json() -> Json {
    json(&every_endpoint())
}

fn every_endpoint() -> Vec<Endpoint> {
    let mut endpoints = super::v1::endpoints();
    endpoints.extend(super::service_endpoints());
    endpoints
}

/// The document as JSON, for whoever wants to look into it.
#[must_use]
pub fn json<C>(endpoints: &[Endpoint<C>]) -> Json {
    serde_norway::from_value(Value::Mapping(document(endpoints))).unwrap_or_default()
}

/// What the document has: FHIR and CDS Hooks describe themselves in their own ways, and pages are for people.
fn described<C>(endpoints: &[Endpoint<C>]) -> impl Iterator<Item = &Endpoint<C>> {
    endpoints
        .iter()
        .filter(|endpoint| endpoint.dialect == Dialect::Native)
}

fn document<C>(endpoints: &[Endpoint<C>]) -> Mapping {
    let mut schemas = Schemas::new();
    let mut paths = Mapping::new();
    let mut statuses = BTreeSet::new();
    for endpoint in described(endpoints) {
        let operation = operation(endpoint, &mut schemas);
        statuses.extend(errors(endpoint));
        let at = paths
            .entry(endpoint.path.into())
            .or_insert_with(|| Mapping::new().into());
        if let Value::Mapping(methods) = at {
            methods.insert(
                endpoint.method.name().to_ascii_lowercase().into(),
                operation.into(),
            );
        }
    }
    let problem = schemas.of_answer(super::registry::schema_of::<ProblemBody>);
    let mut responses = Mapping::new();
    for status in statuses {
        responses.insert(
            response_name(status).into(),
            error_response(status, &problem).into(),
        );
    }
    let (paths, responses, schemas) = schemas.named(paths, responses);
    map([
        ("openapi", "3.1.0".into()),
        ("info", info()),
        ("servers", yaml_of(&json!([{"url": "/"}]))),
        ("tags", tags(endpoints)),
        ("paths", paths),
        (
            "components",
            map([
                ("securitySchemes", security_schemes()),
                ("parameters", shared_parameters()),
                ("headers", shared_headers()),
                ("responses", responses),
                ("schemas", schemas),
            ])
            .into(),
        ),
    ])
}

fn info() -> Value {
    map([
        ("title", "Medial".into()),
        ("version", env!("CARGO_PKG_VERSION").into()),
        ("summary", env!("CARGO_PKG_DESCRIPTION").into()),
        ("description", include_str!("openapi.md").into()),
        (
            "license",
            yaml_of(&json!({"name": "Apache-2.0", "identifier": "Apache-2.0"})),
        ),
    ])
    .into()
}

fn tags<C>(endpoints: &[Endpoint<C>]) -> Value {
    let mut names: Vec<&str> = Vec::new();
    for endpoint in described(endpoints) {
        if !names.contains(&endpoint.tag) {
            names.push(endpoint.tag);
        }
    }
    names
        .into_iter()
        .map(|name| Value::Mapping(map([("name", name.into())])))
        .collect()
}

fn security_schemes() -> Value {
    yaml_of(&json!({"bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A signed token. It names the organization, the role and, if narrowed, SMART v2 scopes."
    }}))
}

fn shared_parameters() -> Value {
    yaml_of(&json!({
        "IfMatch": {
            "name": "If-Match", "in": "header", "required": true,
            "description": "The `ETag` of the version that is changed. Without it 428, and 412 when somebody changed the record in between.",
            "schema": {"type": "string", "pattern": "^\"[0-9]+\"$"}, "example": "\"3\""
        },
        "IdempotencyKey": {
            "name": "Idempotency-Key", "in": "header", "required": false,
            "description": "Any text of 1 to 255 visible ASCII characters that stands for this one request. Sent again with the same key, the request is not done again and gets the first answer; with another body it gets 422.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
            "example": "8e03978e-40d5-43dd-bc93-6894a57f9324"
        }
    }))
}

fn shared_headers() -> Value {
    let text = json!({"type": "string"});
    yaml_of(&json!({
        "Allow": {"description": "The methods of the path.", "schema": text},
        "ContentDisposition": {"description": "The name to save the file under.", "schema": text},
        "ETag": {"description": "The version of the record, for `If-Match`.", "schema": text, "example": "\"3\""},
        "IdempotentReplayed": {"description": "`true` when this is the answer to an earlier request with the same `Idempotency-Key`.", "schema": {"type": "string", "const": "true"}},
        "Link": {"description": "The next page, with `rel=\"next\"`; absent on the last one.", "schema": text, "example": "</v1/blocks?cursor=…>; rel=\"next\""},
        "Location": {"description": "Where the new record is.", "schema": {"type": "string", "format": "uri-reference"}},
        "RequestId": {"description": "The id of the request, as in the log of the service. A UUID sent in the same header is taken over.", "schema": {"type": "string", "format": "uuid"}},
        "RetryAfter": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 0}},
        "WWWAuthenticate": {"description": "What is wrong with the token, as RFC 6750 says it.", "schema": text}
    }))
}

fn operation<C>(endpoint: &Endpoint<C>, schemas: &mut Schemas) -> Mapping {
    let mut operation = map([
        ("tags", Value::Sequence(vec![endpoint.tag.into()])),
        ("operationId", endpoint.operation_id.into()),
        ("summary", endpoint.summary.into()),
    ]);
    if !endpoint.description.is_empty() {
        operation.insert("description".into(), endpoint.description.into());
    }
    let security = match endpoint.access {
        Access::Public => Value::Sequence(Vec::new()),
        Access::Needs(_) | Access::Identified | Access::SignedIn(_) => {
            yaml_of(&json!([{"bearer": []}]))
        }
    };
    operation.insert("security".into(), security);
    if let Access::Needs(action) = endpoint.access {
        operation.insert("x-permission".into(), action.code().into());
    }
    let parameters = parameters(endpoint);
    if !parameters.is_empty() {
        operation.insert("parameters".into(), Value::Sequence(parameters));
    }
    if let Some(body) = &endpoint.body {
        operation.insert("requestBody".into(), request_body(body, schemas).into());
    }
    operation.insert("responses".into(), responses(endpoint, schemas).into());
    operation
}

fn parameters<C>(endpoint: &Endpoint<C>) -> Vec<Value> {
    let mut parameters: Vec<Value> = endpoint.path_parameters().map(path_parameter).collect();
    parameters.extend(endpoint.query.iter().map(query_parameter));
    if endpoint.needs_version {
        parameters.push(yaml_of(&json!({"$ref": "#/components/parameters/IfMatch"})));
    }
    if endpoint.takes_idempotency_key() {
        parameters.push(yaml_of(
            &json!({"$ref": "#/components/parameters/IdempotencyKey"}),
        ));
    }
    parameters
}

/// What is called an id is one; everything else in a path is a text.
fn path_parameter(name: &'static str) -> Value {
    let is_id = name == "id" || name.ends_with("_id");
    let schema = if is_id {
        json!({"type": "string", "format": "uuid"})
    } else {
        json!({"type": "string"})
    };
    yaml_of(&json!({"name": name, "in": "path", "required": true, "schema": schema}))
}

fn query_parameter(parameter: &Parameter) -> Value {
    let mut schema = parameter.kind.schema();
    if parameter.repeated {
        schema = json!({"type": "array", "minItems": 1, "items": schema});
    }
    if let (Some(default), Json::Object(schema)) = (&parameter.default, &mut schema) {
        schema.insert("default".to_owned(), default.clone());
    }
    let mut entry = json!({
        "name": parameter.name,
        "in": "query",
        "required": parameter.required,
        "description": parameter.description,
        "schema": schema,
    });
    if let Json::Object(entry) = &mut entry {
        if parameter.kind.is_list() {
            entry.insert("style".to_owned(), "form".into());
            entry.insert("explode".to_owned(), false.into());
        }
        if parameter.repeated {
            entry.insert("style".to_owned(), "form".into());
            entry.insert("explode".to_owned(), true.into());
        }
        if let Some(example) = &parameter.example {
            entry.insert("example".to_owned(), example.clone());
        }
    }
    yaml_of(&entry)
}

fn request_body(body: &Body, schemas: &mut Schemas) -> Mapping {
    let schema = match body.schema {
        Some(source) => schemas.of_request(source),
        None => json!({"type": "string"}),
    };
    let mut content = map([("schema", yaml_of(&schema))]);
    if !body.examples.is_empty() {
        let mut examples = Mapping::new();
        for example in &body.examples {
            let value = map([
                ("summary", example.summary.into()),
                ("value", yaml_of(&example.value)),
            ]);
            examples.insert(example.name.into(), value.into());
        }
        content.insert("examples".into(), examples.into());
    }
    map([
        ("required", body.required.into()),
        ("content", map([(body.media_type, content.into())]).into()),
    ])
}

fn responses<C>(endpoint: &Endpoint<C>, schemas: &mut Schemas) -> Mapping {
    let mut responses = Mapping::new();
    for answer in &endpoint.answers {
        let status = Value::from(answer.status.to_string());
        let mut described = response(endpoint, answer, schemas);
        // One status with several media types is one response.
        if let Some(Value::Mapping(before)) = responses.get_mut(&status) {
            let more = described.remove("content");
            if let (Some(Value::Mapping(content)), Some(Value::Mapping(more))) =
                (before.get_mut("content"), more)
            {
                content.extend(more);
            }
            continue;
        }
        responses.insert(status, described.into());
    }
    for status in errors(endpoint) {
        // An answer that was described by hand, as the 503 of a health check, is not described again.
        let reference = format!("#/components/responses/{}", response_name(status));
        let entry = responses.entry(status.to_string().into());
        entry.or_insert_with(|| yaml_of(&json!({"$ref": reference})));
    }
    responses
}

fn response<C>(endpoint: &Endpoint<C>, answer: &Answer, schemas: &mut Schemas) -> Mapping {
    let mut headers = vec!["RequestId"];
    if endpoint.tagged && answer.status < 300 && answer.status != 204 {
        headers.push("ETag");
    }
    if matches!(answer.status, 201 | 202) {
        headers.push("Location");
    }
    if endpoint.paged {
        headers.push("Link");
    }
    if endpoint.takes_idempotency_key() {
        headers.push("IdempotentReplayed");
    }
    if answer.attached {
        headers.push("ContentDisposition");
    }
    let mut response = map([
        ("description", answer.description.into()),
        ("headers", header_references(&headers)),
    ]);
    if let Some(media_type) = answer.media_type {
        let schema = match answer.schema {
            Some(source) => schemas.of_answer(source),
            None => json!({"type": "string"}),
        };
        let mut content = map([("schema", yaml_of(&schema))]);
        if let Some(example) = &answer.example {
            content.insert("example".into(), yaml_of(example));
        }
        response.insert("content".into(), map([(media_type, content.into())]).into());
    }
    response
}

fn header_references(names: &[&'static str]) -> Value {
    let mut headers = Mapping::new();
    for name in names {
        let header = match *name {
            "ContentDisposition" => "Content-Disposition",
            "IdempotentReplayed" => "Idempotent-Replayed",
            "RequestId" => "X-Request-Id",
            "RetryAfter" => "Retry-After",
            "WWWAuthenticate" => "WWW-Authenticate",
            same => same,
        };
        let reference = format!("#/components/headers/{name}");
        headers.insert(header.into(), yaml_of(&json!({"$ref": reference})));
    }
    headers.into()
}

/// Every error status that an endpoint can answer with.
#[must_use]
pub fn errors<C>(endpoint: &Endpoint<C>) -> BTreeSet<u16> {
    let mut kinds = vec![Kind::Malformed, Kind::Internal];
    if endpoint.access != Access::Public {
        kinds.extend([Kind::Unauthorized, Kind::Forbidden]);
    }
    if endpoint.path_parameters().next().is_some() {
        kinds.push(Kind::NotFound);
    }
    if endpoint.body.is_some() {
        kinds.extend([
            Kind::RequestTimeout,
            Kind::BodyTooLarge,
            Kind::UnsupportedMediaType,
            Kind::InvalidFields,
        ]);
    }
    if endpoint.takes_idempotency_key() {
        kinds.push(Kind::IdempotencyKeyReused);
    }
    if endpoint.needs_version {
        kinds.extend([Kind::PreconditionFailed, Kind::PreconditionRequired]);
    }
    if endpoint.runs != Runs::Inline {
        kinds.push(Kind::Unavailable);
    }
    kinds.extend(&endpoint.errors);
    kinds.into_iter().map(Kind::status).collect()
}

fn response_name(status: u16) -> String {
    format!("Error{status}")
}

fn error_response(status: u16, problem: &Json) -> Mapping {
    let titles: Vec<&str> = Kind::of_status(status).map(Kind::title).collect();
    let about: Vec<&str> = Kind::of_status(status).map(Kind::about).collect();
    let mut headers = vec!["RequestId"];
    match status {
        401 | 403 => headers.push("WWWAuthenticate"),
        405 => headers.push("Allow"),
        429 | 503 => headers.push("RetryAfter"),
        _ => {}
    }
    let mut examples = Mapping::new();
    for kind in Kind::of_status(status) {
        let value = serde_json::to_value(example(kind).body(EXAMPLE_REQUEST)).unwrap_or_default();
        examples.insert(
            kind.slug().replace('-', "_").into(),
            map([("value", yaml_of(&value))]).into(),
        );
    }
    let content = map([("schema", yaml_of(problem)), ("examples", examples.into())]);
    map([
        (
            "description",
            format!("{}. {}", titles.join(", or "), about.join(" ")).into(),
        ),
        ("headers", header_references(&headers)),
        (
            "content",
            map([(problem::MEDIA_TYPE, content.into())]).into(),
        ),
    ])
}

/// A problem as it comes.
fn example(kind: Kind) -> Problem {
    let (code, detail) = match kind {
        Kind::Malformed => (
            "invalid_json",
            "The body is not JSON: expected `,` or `}` at line 3 column 5.",
        ),
        Kind::Unauthorized => ("invalid_token", "token expired"),
        Kind::Forbidden => ("forbidden", "This token does not allow “write_block”."),
        Kind::NotFound => ("not_found", "There is no such block."),
        Kind::MethodNotAllowed => ("method_not_allowed", "This path has GET, HEAD, POST."),
        Kind::NotAcceptable => (
            "not_acceptable",
            "This path answers with application/json, text/html, application/pdf.",
        ),
        Kind::RequestTimeout => (
            "request_timeout",
            "The request did not arrive as a whole within 30 seconds.",
        ),
        Kind::Conflict => ("conflict", "The record contradicts one that is stored."),
        Kind::Gone => ("gone", "This score has been deleted."),
        Kind::PreconditionFailed => ("stale_version", "The current version is \"4\"."),
        Kind::DataNotAvailable => ("patient_not_available", "The patient could not be fetched."),
        Kind::BodyTooLarge => ("body_too_large", "A body may have 1048576 bytes."),
        Kind::UnsupportedMediaType => (
            "unsupported_media_type",
            "Send `Content-Type: application/json`; the text is in UTF-8.",
        ),
        Kind::InvalidFields => ("invalid_fields", "1 field is wrong."),
        Kind::IdempotencyKeyReused => (
            "idempotency_key_reused",
            "This key was used for a request with another body. Nothing was done.",
        ),
        Kind::PreconditionRequired => (
            "if_match_required",
            "Send the version that you change, as in `If-Match: \"3\"`: it is the `ETag` of the record.",
        ),
        Kind::TooManyRequests => ("too_many_requests", "Wait a little."),
        Kind::Internal => ("internal", ""),
        Kind::Unavailable => (
            "busy",
            "The service has as much to do as it can. Nothing was done; try again soon.",
        ),
    };
    let problem = Problem::new(kind, code, detail);
    if kind == Kind::InvalidFields {
        let error = FieldError::new(
            "/scores/3/value",
            "wrong_type",
            "Expected a number, found a string.",
        );
        return problem.with_errors(vec![error]);
    }
    problem
}

/// The schemas that requests and answers refer to. A type can look different in the two: in an answer every field is there,
/// in a request those with a default need not be.
struct Schemas {
    requests: SchemaGenerator,
    answers: SchemaGenerator,
}

/// Marks the schemas of answers until it is known which of them differ from those of requests.
const ANSWER_MARK: &str = "#answer";

impl Schemas {
    fn new() -> Schemas {
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        });
        Schemas {
            requests: settings.clone().for_deserialize().into_generator(),
            answers: settings.for_serialize().into_generator(),
        }
    }

    fn of_request(&mut self, source: SchemaSource) -> Json {
        source(&mut self.requests).to_value()
    }

    fn of_answer(&mut self, source: SchemaSource) -> Json {
        let mut schema = source(&mut self.answers).to_value();
        for_each_reference(&mut schema, &|name| format!("{name}{ANSWER_MARK}"));
        schema
    }

    /// Gives every schema its last name: one that looks the same on both sides has one name, one that does not is an `…Answer` on the other.
    fn named(mut self, paths: Mapping, responses: Mapping) -> (Value, Value, Value) {
        let mut schemas: Map<String, Json> = self.requests.take_definitions(true);
        let answers: Map<String, Json> = self.answers.take_definitions(true);
        let differs = differing(&schemas, &answers);
        let last_name = |name: &str| {
            if differs.contains(name) {
                format!("{name}Answer")
            } else {
                name.to_owned()
            }
        };
        for (name, mut schema) in answers {
            for_each_reference(&mut schema, &last_name);
            schemas.insert(last_name(&name), schema);
        }
        let unmark = |name: &str| match name.strip_suffix(ANSWER_MARK) {
            Some(name) => last_name(name),
            None => name.to_owned(),
        };
        let (mut paths, mut responses) = (Value::Mapping(paths), Value::Mapping(responses));
        for_each_yaml_reference(&mut paths, &unmark);
        for_each_yaml_reference(&mut responses, &unmark);
        (paths, responses, yaml_of(&Json::Object(schemas)))
    }
}

/// The names that mean different things in requests and in answers, or refer to one that does.
fn differing(requests: &Map<String, Json>, answers: &Map<String, Json>) -> BTreeSet<String> {
    let mut differs: BTreeSet<String> = BTreeSet::new();
    for (name, schema) in answers {
        if requests.get(name).is_some_and(|other| other != schema) {
            differs.insert(name.clone());
        }
    }
    loop {
        let before = differs.len();
        for (name, schema) in answers {
            let refers = differs.iter().any(|other| refers_to(schema, other));
            if requests.contains_key(name) && refers {
                differs.insert(name.clone());
            }
        }
        if differs.len() == before {
            return differs;
        }
    }
}

fn refers_to(schema: &Json, name: &str) -> bool {
    match schema {
        Json::Object(map) => map.iter().any(|(key, value)| {
            let is_it = key == "$ref"
                && value.as_str().and_then(|text| text.strip_prefix(SCHEMAS)) == Some(name);
            is_it || refers_to(value, name)
        }),
        Json::Array(values) => values.iter().any(|value| refers_to(value, name)),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => false,
    }
}

fn for_each_reference(schema: &mut Json, rename: &impl Fn(&str) -> String) {
    match schema {
        Json::Object(map) => {
            for (key, value) in map {
                match value {
                    Json::String(text) if key == "$ref" => renamed(text, rename),
                    other => for_each_reference(other, rename),
                }
            }
        }
        Json::Array(values) => values
            .iter_mut()
            .for_each(|value| for_each_reference(value, rename)),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}

fn for_each_yaml_reference(node: &mut Value, rename: &impl Fn(&str) -> String) {
    match node {
        Value::Mapping(map) => {
            for (key, value) in map {
                match value {
                    Value::String(text) if key.as_str() == Some("$ref") => renamed(text, rename),
                    other => for_each_yaml_reference(other, rename),
                }
            }
        }
        Value::Sequence(values) => values
            .iter_mut()
            .for_each(|value| for_each_yaml_reference(value, rename)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Tagged(_) => {}
    }
}

fn renamed(reference: &mut String, rename: &impl Fn(&str) -> String) {
    if let Some(name) = reference.strip_prefix(SCHEMAS) {
        *reference = format!("{SCHEMAS}{}", rename(name));
    }
}

fn map<const N: usize>(entries: [(&str, Value); N]) -> Mapping {
    entries
        .into_iter()
        .map(|(key, value)| (key.into(), value))
        .collect()
}

/// A JSON tree as a YAML one. It keeps the order of the JSON, which is that of the alphabet, and so is the same each time.
fn yaml_of(value: &Json) -> Value {
    // In the order of the alphabet, however a value was put together: the document changes where the contract does.
    let mut sorted = value.clone();
    sorted.sort_all_objects();
    serde_norway::to_value(&sorted).unwrap_or_default()
}
