//! Every answer of the API tests, held against the document: its status is named there, and its body has the shape.

use jsonschema::Validator;
use medial::http::openapi;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{LazyLock, OnceLock};

/// The document, read once.
static DESCRIBED: LazyLock<Described> = LazyLock::new(Described::read);

/// An answer's place in the document: method, path as it is written there, status, media type.
type Place = (String, String, String, String);

struct Described {
    document: Value,
    /// `None` where a status is named and no body is described.
    answers: BTreeMap<Place, Option<Shape>>,
}

/// A schema; its checker is made when it is first needed, which takes a while.
struct Shape {
    schema: Value,
    validator: OnceLock<Validator>,
}

/// A checker of one schema of the document.
fn validator(document: &Value, schema: &Value) -> Validator {
    let mut whole = schema.clone();
    whole["components"] = document["components"].clone();
    jsonschema::draft202012::options()
        .should_validate_formats(true)
        .build(&whole)
        .unwrap_or_else(|error| panic!("{error}: {schema}"))
}

/// What stands at `value`, or where its `$ref` points.
fn resolved<'d>(document: &'d Value, value: &'d Value) -> &'d Value {
    match value["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap(),
        None => value,
    }
}

/// Every operation of the document: method, path, and what is said of it.
pub fn operations(document: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    let methods = ["get", "put", "post", "delete", "patch", "head", "options"];
    document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(move |(path, operations)| {
            let operations = operations.as_object().unwrap().iter();
            operations
                .filter(move |(method, _)| methods.contains(&method.as_str()))
                .map(move |(method, operation)| (method.as_str(), path.as_str(), operation))
        })
}

impl Described {
    fn read() -> Described {
        let document = openapi::contract_json();
        let mut answers = BTreeMap::new();
        for (method, path, operation) in operations(&document) {
            for (status, response) in operation["responses"].as_object().unwrap() {
                let response = resolved(&document, response);
                let place = |kind: &str| {
                    (
                        method.to_uppercase(),
                        path.to_owned(),
                        status.clone(),
                        kind.to_owned(),
                    )
                };
                answers.insert(place(""), None);
                for (kind, content) in response["content"].as_object().into_iter().flatten() {
                    let schema = content.get("schema").filter(|_| kind.ends_with("json"));
                    answers.insert(
                        place(kind),
                        schema.map(|schema| Shape {
                            schema: schema.clone(),
                            validator: OnceLock::new(),
                        }),
                    );
                }
            }
        }
        Described { document, answers }
    }

    /// The path of the document that `path` is one of, the most literal one.
    fn path_of(&self, path: &str) -> Option<&str> {
        let asked: Vec<&str> = path.split('/').collect();
        let fits = |template: &&String| {
            let parts: Vec<&str> = template.split('/').collect();
            let same = |(part, segment): (&&str, &&str)| {
                part == segment || (part.contains('{') && !segment.is_empty())
            };
            parts.len() == asked.len() && parts.iter().zip(&asked).all(same)
        };
        let paths = self.document["paths"].as_object().unwrap().keys();
        paths
            .filter(fits)
            .min_by_key(|template| template.matches('{').count())
            .map(String::as_str)
    }
}

/// Panics where the document does not say that `method` on `path` may answer like this. What is asked of a path or with a
/// method that the document does not have is not looked at.
pub fn assert_described(method: &str, url: &str, status: u16, media_type: &str, body: &[u8]) {
    let path = url.split('?').next().unwrap_or_default();
    let Some(template) = DESCRIBED.path_of(path) else {
        return;
    };
    let kind = media_type.split(';').next().unwrap_or_default();
    if !DESCRIBED.document["paths"][template][method.to_lowercase()].is_object() {
        return;
    }
    let place = (
        method.to_owned(),
        template.to_owned(),
        status.to_string(),
        kind.to_owned(),
    );
    let described = DESCRIBED.answers.get(&place);
    let Some(shape) = described else {
        panic!(
            "{place:?} is not in the document: {}",
            String::from_utf8_lossy(body)
        );
    };
    let Some(shape) = shape else { return };
    let checker = || validator(&DESCRIBED.document, &shape.schema);
    let validator = shape.validator.get_or_init(checker);
    let answer: Value = serde_json::from_slice(body).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(&answer)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{place:?}: {errors:#?}\n{answer:#}");
}

/// The examples of the document that do not fit the schema beside them, with what is wrong.
pub fn unfit_examples() -> Vec<String> {
    let document = &DESCRIBED.document;
    let mut unfit = Vec::new();
    for (method, path, operation) in operations(document) {
        let request = operation.get("requestBody").map(|body| ("request", body));
        let responses = operation["responses"].as_object().unwrap().iter();
        let responses = responses.map(|(status, response)| (status.as_str(), response));
        for (part, described) in request.into_iter().chain(responses) {
            for (kind, content) in resolved(document, described)["content"]
                .as_object()
                .into_iter()
                .flatten()
            {
                if !kind.ends_with("json") {
                    continue;
                }
                let several = content["examples"].as_object().into_iter().flatten();
                let several = several.map(|(_, example)| &example["value"]);
                let fits = validator(document, content.get("schema").unwrap_or(&json!({})));
                for example in content.get("example").into_iter().chain(several) {
                    for error in fits.iter_errors(example) {
                        unfit.push(format!(
                            "{method} {path} {part} {}: {error}",
                            error.instance_path()
                        ));
                    }
                }
            }
        }
    }
    unfit
}
