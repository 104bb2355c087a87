//! What the service answers to: one list, from which the routes, the OpenAPI document and the authorization tests are made.

use super::call::Call;
use super::dialect::{ALSO_FHIR, Dialect, FHIR_JSON};
use super::problem::Kind;
use super::reply::Reply;
use super::state::State;
use crate::app::App;
use crate::app::error::Error;
use crate::auth::{Action, Operation};
use chrono::NaiveDate;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Value, json};
use std::fmt;

/// Does the work of an endpoint. It is synchronous and runs on a thread that may wait.
pub type Handler<C> = fn(&State<C>, &Call) -> Result<Reply, Error>;

/// Adds a type to the components of the document and refers to it.
pub type SchemaSource = fn(&mut SchemaGenerator) -> Schema;

/// The schema of `T`.
pub fn schema_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// The methods in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// Read. `HEAD` comes with it.
    Get,
    /// Record something new.
    Post,
    /// Correct.
    Put,
    /// Change a part.
    Patch,
    /// Withdraw.
    Delete,
}

impl Method {
    /// As in a request line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        }
    }
}

/// Who may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody.
    Public,
    /// Whose token allows this.
    Needs(Action),
    /// Whose token is good: a request of several parts, each of which needs what it needs on its own.
    Identified,
    /// A person who has signed in to the pages and is allowed this.
    SignedIn(Action),
}

/// Where the handler runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runs {
    /// At once, for what is in memory already: no permit, no other thread.
    Inline,
    /// On a thread that may wait, without a permit: for what must answer while the service is busy.
    Unbounded,
    /// On a thread that may wait, with a permit. This is the rule.
    Permitted,
}

/// What a parameter of the query may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterKind {
    /// Any text that is not empty.
    Text,
    /// A whole number between two bounds, both included.
    Integer {
        /// Least.
        min: i64,
        /// Most.
        max: i64,
    },
    /// A number between two whole bounds, both included, with a decimal point if need be.
    Decimal {
        /// Least.
        min: i32,
        /// Most.
        max: i32,
    },
    /// One of a closed list.
    Choice(&'static [&'static str]),
    /// Some of a closed list, separated by commas.
    Choices(&'static [&'static str]),
    /// Any texts, separated by commas.
    Texts,
    /// A date, as `2026-03-01`.
    Date,
    /// `true` or `false`.
    Flag,
    /// An id.
    Id,
}

impl ParameterKind {
    /// What is wrong with a value, if anything is: a code and what would be accepted.
    #[must_use]
    pub fn refuses(self, value: &str) -> Option<(&'static str, String)> {
        let fits = match self {
            ParameterKind::Text => !value.is_empty(),
            ParameterKind::Integer { min, max } => value
                .parse::<i64>()
                .is_ok_and(|number| (min..=max).contains(&number)),
            ParameterKind::Decimal { min, max } => value
                .parse::<f64>()
                .is_ok_and(|number| (f64::from(min)..=f64::from(max)).contains(&number)),
            ParameterKind::Choice(choices) => choices.contains(&value),
            ParameterKind::Choices(choices) => value.split(',').all(|one| choices.contains(&one)),
            ParameterKind::Texts => value.split(',').all(|one| !one.is_empty()),
            ParameterKind::Date => is_date(value),
            ParameterKind::Flag => matches!(value, "true" | "false"),
            ParameterKind::Id => super::call::id_of(value).is_some(),
        };
        if fits {
            return None;
        }
        Some(("invalid_parameter", self.accepts()))
    }

    fn accepts(self) -> String {
        match self {
            ParameterKind::Text => "A text that is not empty is accepted.".to_owned(),
            ParameterKind::Integer { min, max } => {
                format!("A whole number from {min} to {max} is accepted.")
            }
            ParameterKind::Decimal { min, max } => {
                format!("A number from {min} to {max} is accepted.")
            }
            ParameterKind::Choice(choices) => format!("Accepted are {}.", choices.join(", ")),
            ParameterKind::Choices(choices) => format!(
                "Accepted are {}, or several of them separated by commas.",
                choices.join(", ")
            ),
            ParameterKind::Texts => {
                "Texts separated by commas are accepted, none of them empty.".to_owned()
            }
            ParameterKind::Date => "A date as 2026-03-01 is accepted.".to_owned(),
            ParameterKind::Flag => "Accepted are true, false.".to_owned(),
            ParameterKind::Id => {
                "An id as 01890a5d-ac96-774b-bcce-b302099a8057 is accepted.".to_owned()
            }
        }
    }

    /// JSON Schema of the value.
    #[must_use]
    pub fn schema(self) -> Value {
        match self {
            ParameterKind::Text => json!({"type": "string", "minLength": 1}),
            ParameterKind::Integer { min, max } => {
                json!({"type": "integer", "minimum": min, "maximum": max})
            }
            ParameterKind::Decimal { min, max } => {
                json!({"type": "number", "minimum": min, "maximum": max})
            }
            ParameterKind::Choice(choices) => json!({"type": "string", "enum": choices}),
            ParameterKind::Choices(choices) => {
                json!({"type": "array", "minItems": 1, "items": {"type": "string", "enum": choices}})
            }
            ParameterKind::Texts => {
                json!({"type": "array", "minItems": 1, "items": {"type": "string", "minLength": 1}})
            }
            ParameterKind::Date => json!({"type": "string", "format": "date"}),
            ParameterKind::Flag => json!({"type": "boolean"}),
            ParameterKind::Id => json!({"type": "string", "format": "uuid"}),
        }
    }

    /// Whether the value is a list with commas.
    #[must_use]
    pub const fn is_list(self) -> bool {
        matches!(self, ParameterKind::Choices(_) | ParameterKind::Texts)
    }
}

/// The library also takes `2026-3-1`, and years of any length.
fn is_date(value: &str) -> bool {
    value.len() == 10 && value.parse::<NaiveDate>().is_ok()
}

/// A parameter of the query.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// Name.
    pub name: &'static str,
    /// What it may be.
    pub kind: ParameterKind,
    /// Whether it must be there.
    pub required: bool,
    /// Whether it may be given more than once, with another value each time.
    pub repeated: bool,
    /// What it does.
    pub description: &'static str,
    /// What holds without it.
    pub default: Option<Value>,
    /// A value that works.
    pub example: Option<Value>,
}

impl Parameter {
    /// An optional parameter.
    #[must_use]
    pub fn new(name: &'static str, kind: ParameterKind, description: &'static str) -> Parameter {
        Parameter {
            name,
            kind,
            required: false,
            repeated: false,
            description,
            default: None,
            example: None,
        }
    }

    /// The same, and it must be there.
    #[must_use]
    pub fn required(mut self) -> Parameter {
        self.required = true;
        self
    }

    /// The same, and it may be given more than once.
    #[must_use]
    pub fn repeated(mut self) -> Parameter {
        self.repeated = true;
        self
    }

    /// The same, with what holds without it.
    #[must_use]
    pub fn or(mut self, default: impl Into<Value>) -> Parameter {
        self.default = Some(default.into());
        self
    }

    /// The same, with a value that works.
    #[must_use]
    pub fn like(mut self, example: impl Into<Value>) -> Parameter {
        self.example = Some(example.into());
        self
    }
}

/// A named example of a body.
#[derive(Debug, Clone)]
pub struct Example {
    /// Key, lower snake case.
    pub name: &'static str,
    /// What it shows.
    pub summary: &'static str,
    /// The body: a JSON text is a string here when the media type is not JSON.
    pub value: Value,
}

/// What a request carries.
#[derive(Clone)]
pub struct Body {
    /// Media type it must have.
    pub media_type: &'static str,
    /// Others that mean the same.
    pub also: &'static [&'static str],
    /// Its schema; none for a text.
    pub schema: Option<SchemaSource>,
    /// Whether it must be there.
    pub required: bool,
    /// Bodies that work.
    pub examples: Vec<Example>,
}

impl Body {
    /// Whether it is read as JSON.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.media_type.ends_with("json")
    }
}

/// An answer that is not an error.
#[derive(Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// When it comes.
    pub description: &'static str,
    /// Media type; none without a body.
    pub media_type: Option<&'static str>,
    /// Schema of a JSON body.
    pub schema: Option<SchemaSource>,
    /// A body as it comes.
    pub example: Option<Value>,
    /// Whether it is to be saved as a file.
    pub attached: bool,
}

/// Media type of JSON.
pub const JSON: &str = "application/json";

/// Media type of a form.
pub const FORM: &str = "application/x-www-form-urlencoded";

/// One operation: what it is called, what it takes, who may call it, what it answers and what does the work.
pub struct Endpoint<C = App> {
    /// Method.
    pub method: Method,
    /// Path with its parameters, as `/v1/blocks/{id}`.
    pub path: &'static str,
    /// Name of the operation, unique, lower snake case.
    pub operation_id: &'static str,
    /// Group in the document.
    pub tag: &'static str,
    /// One line.
    pub summary: &'static str,
    /// The whole story.
    pub description: &'static str,
    /// Who may call.
    pub access: Access,
    /// The resource type and the operation that the scopes of a token must speak of, where the handler holds all that it
    /// gives out against what they reach; none where they must allow the action.
    pub scope: Option<(&'static str, Operation)>,
    /// Where the handler runs.
    pub runs: Runs,
    /// Parameters of the query.
    pub query: Vec<Parameter>,
    /// What it takes.
    pub body: Option<Body>,
    /// Answers that are not errors.
    pub answers: Vec<Answer>,
    /// Errors beside those that follow from the rest.
    pub errors: Vec<Kind>,
    /// Whether the answer has the version of a record in `ETag`.
    pub tagged: bool,
    /// Whether the request must name the version that it changes in `If-Match`.
    pub needs_version: bool,
    /// Whether it lists pages.
    pub paged: bool,
    /// In whose words it speaks. The document has the native ones.
    pub dialect: Dialect,
    /// Whether parameters of the query that it does not know are passed over: an address that others hand on may come
    /// back with more than was in it.
    pub lenient: bool,
    /// What a query is told that holds a name or a value which there is not.
    pub refuses_query: Kind,
    /// The largest body in bytes, where that is less than for all.
    pub largest_body: Option<usize>,
    /// How many times as large as others its body may be: it carries as many records.
    pub body_times: usize,
    /// Does the work.
    pub handler: Handler<C>,
}

impl<C> fmt::Debug for Endpoint<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} ({})",
            self.method.name(),
            self.path,
            self.operation_id
        )
    }
}

/// The page size without `limit`.
pub const DEFAULT_LIMIT: u16 = 50;
/// The largest page.
pub const MAX_LIMIT: u16 = 500;

impl<C> Endpoint<C> {
    /// An operation. Everything else is added to it.
    #[must_use]
    pub fn new(
        method: Method,
        path: &'static str,
        operation_id: &'static str,
        access: Access,
        handler: Handler<C>,
    ) -> Endpoint<C> {
        Endpoint {
            method,
            path,
            operation_id,
            tag: "service",
            summary: "",
            description: "",
            access,
            scope: None,
            runs: Runs::Permitted,
            query: Vec::new(),
            body: None,
            answers: Vec::new(),
            errors: Vec::new(),
            tagged: false,
            needs_version: false,
            paged: false,
            dialect: Dialect::Native,
            lenient: false,
            refuses_query: Kind::Malformed,
            largest_body: None,
            body_times: 1,
            handler,
        }
    }

    /// A page for a browser.
    #[must_use]
    pub fn page(
        path: &'static str,
        operation_id: &'static str,
        access: Access,
        handler: Handler<C>,
    ) -> Endpoint<C> {
        let mut endpoint = Endpoint::new(Method::Get, path, operation_id, access, handler);
        endpoint.dialect = Dialect::Page;
        endpoint.tag = "pages";
        endpoint
    }

    /// An operation that speaks FHIR.
    #[must_use]
    pub fn fhir(
        method: Method,
        path: &'static str,
        operation_id: &'static str,
        access: Access,
        handler: Handler<C>,
    ) -> Endpoint<C> {
        let mut endpoint = Endpoint::new(method, path, operation_id, access, handler);
        endpoint.dialect = Dialect::Fhir;
        endpoint.tag = "fhir";
        endpoint
    }

    /// The same, for a handler that holds all that it gives out against what the scopes of a token reach.
    #[must_use]
    pub fn scoped(mut self, resource: &'static str, operation: Operation) -> Self {
        self.scope = Some((resource, operation));
        self
    }

    /// The same in other words.
    #[must_use]
    pub fn speaks(mut self, dialect: Dialect) -> Self {
        self.dialect = dialect;
        self
    }

    /// Takes a FHIR resource.
    #[must_use]
    pub fn takes_fhir(mut self) -> Self {
        self.body = Some(Body {
            media_type: FHIR_JSON,
            also: ALSO_FHIR,
            schema: None,
            required: true,
            examples: Vec::new(),
        });
        self
    }

    /// Takes a body so many times as large as others: it carries as many records.
    #[must_use]
    pub fn times_body(mut self, times: usize) -> Self {
        self.body_times = times;
        self
    }

    /// The largest body it takes, where others take `most`.
    #[must_use]
    pub(super) fn body_limit(&self, most: usize) -> usize {
        let most = most.saturating_mul(self.body_times);
        self.largest_body.map_or(most, |own| own.min(most))
    }

    /// The same with another method, for what the script of a page sends.
    #[must_use]
    pub fn sent_by(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    /// Passes over what it does not know in the query.
    #[must_use]
    pub fn lenient(mut self) -> Self {
        self.lenient = true;
        self
    }

    /// Refuses a filter or a form that there is not as a value that does not fit (422), with the list of what there is.
    #[must_use]
    pub fn refusing_unknown_values(mut self) -> Self {
        self.refuses_query = Kind::InvalidFields;
        self.fails(&[Kind::InvalidFields])
    }

    /// Takes no larger body than this, in bytes.
    #[must_use]
    pub fn at_most(mut self, bytes: usize) -> Self {
        self.largest_body = Some(bytes);
        self
    }

    /// What a form of a page is sent to.
    #[must_use]
    pub fn form(
        path: &'static str,
        operation_id: &'static str,
        access: Access,
        handler: Handler<C>,
    ) -> Endpoint<C> {
        let mut endpoint = Endpoint::page(path, operation_id, access, handler);
        endpoint.method = Method::Post;
        endpoint.takes_text(FORM, Vec::new()).optional_body()
    }

    /// A `GET` for whose token allows `action`.
    #[must_use]
    pub fn get(
        path: &'static str,
        operation_id: &'static str,
        action: Action,
        handler: Handler<C>,
    ) -> Endpoint<C> {
        Endpoint::new(
            Method::Get,
            path,
            operation_id,
            Access::Needs(action),
            handler,
        )
    }

    /// A `POST` for whose token allows `action`. It takes an `Idempotency-Key`.
    #[must_use]
    pub fn post(
        path: &'static str,
        operation_id: &'static str,
        action: Action,
        handler: Handler<C>,
    ) -> Endpoint<C> {
        Endpoint::new(
            Method::Post,
            path,
            operation_id,
            Access::Needs(action),
            handler,
        )
    }

    /// A `PUT` for whose token allows `action`. It needs `If-Match`.
    #[must_use]
    pub fn put(
        path: &'static str,
        operation_id: &'static str,
        action: Action,
        handler: Handler<C>,
    ) -> Endpoint<C> {
        Endpoint::new(
            Method::Put,
            path,
            operation_id,
            Access::Needs(action),
            handler,
        )
        .needs_version()
    }

    /// A `DELETE` for whose token allows `action`.
    #[must_use]
    pub fn delete(
        path: &'static str,
        operation_id: &'static str,
        action: Action,
        handler: Handler<C>,
    ) -> Endpoint<C> {
        Endpoint::new(
            Method::Delete,
            path,
            operation_id,
            Access::Needs(action),
            handler,
        )
    }

    /// Its group and its one line.
    #[must_use]
    pub fn titled(mut self, tag: &'static str, summary: &'static str) -> Self {
        self.tag = tag;
        self.summary = summary;
        self
    }

    /// Its whole story.
    #[must_use]
    pub fn about(mut self, description: &'static str) -> Self {
        self.description = description;
        self
    }

    /// Where it runs, when that is not the rule.
    #[must_use]
    pub fn runs(mut self, runs: Runs) -> Self {
        self.runs = runs;
        self
    }

    /// Takes a parameter.
    #[must_use]
    pub fn query(mut self, parameter: Parameter) -> Self {
        self.query.push(parameter);
        self
    }

    /// Takes several parameters.
    #[must_use]
    pub fn queries(mut self, parameters: Vec<Parameter>) -> Self {
        self.query.extend(parameters);
        self
    }

    /// Lists pages: takes `limit`, `cursor` and `count`.
    #[must_use]
    pub fn paged(mut self) -> Self {
        self.paged = true;
        let size = ParameterKind::Integer {
            min: 1,
            max: i64::from(MAX_LIMIT),
        };
        self.query(Parameter::new("limit", size, "How many to a page.").or(DEFAULT_LIMIT))
            .query(Parameter::new(
                "cursor",
                ParameterKind::Text,
                "Where the page begins: `next` of the page before, with the same filters and sort.",
            ))
            .query(
                Parameter::new(
                    "count",
                    ParameterKind::Flag,
                    "Whether to count all that there are, which takes time.",
                )
                .or(false),
            )
    }

    /// Takes a JSON body.
    #[must_use]
    pub fn takes<T: JsonSchema>(mut self, examples: Vec<Example>) -> Self {
        self.body = Some(Body {
            media_type: JSON,
            also: &[],
            schema: Some(schema_of::<T>),
            required: true,
            examples,
        });
        self
    }

    /// Takes a text in UTF-8 of a media type.
    #[must_use]
    pub fn takes_text(mut self, media_type: &'static str, examples: Vec<Example>) -> Self {
        self.body = Some(Body {
            media_type,
            also: &[],
            schema: None,
            required: true,
            examples,
        });
        self
    }

    /// Its body may be left out.
    #[must_use]
    pub fn optional_body(mut self) -> Self {
        if let Some(body) = &mut self.body {
            body.required = false;
        }
        self
    }

    /// Answers with JSON.
    #[must_use]
    pub fn answers<T: JsonSchema>(
        mut self,
        status: u16,
        description: &'static str,
        example: Option<Value>,
    ) -> Self {
        self.answers.push(Answer {
            status,
            description,
            media_type: Some(JSON),
            schema: Some(schema_of::<T>),
            example,
            attached: false,
        });
        self
    }

    /// Answers with something else.
    #[must_use]
    pub fn answers_as(
        mut self,
        status: u16,
        media_type: &'static str,
        description: &'static str,
    ) -> Self {
        self.answers.push(Answer {
            status,
            description,
            media_type: Some(media_type),
            schema: None,
            example: None,
            attached: false,
        });
        self
    }

    /// Its last answer is to be saved as a file.
    #[must_use]
    pub fn attached(mut self) -> Self {
        if let Some(answer) = self.answers.last_mut() {
            answer.attached = true;
        }
        self
    }

    /// Answers with 204 and nothing else.
    #[must_use]
    pub fn answers_nothing(mut self, description: &'static str) -> Self {
        self.answers.push(Answer {
            status: 204,
            description,
            media_type: None,
            schema: None,
            example: None,
            attached: false,
        });
        self
    }

    /// Answers with the version of a record in `ETag`.
    #[must_use]
    pub fn tagged(mut self) -> Self {
        self.tagged = true;
        self
    }

    /// The request must name the version that it changes in `If-Match`; the answer has the new one in `ETag`.
    #[must_use]
    pub fn needs_version(mut self) -> Self {
        self.needs_version = true;
        self.tagged()
    }

    /// Can also fail in these ways. What follows from the rest (401, 403, a body that is wrong, …) need not be said.
    #[must_use]
    pub fn fails(mut self, kinds: &[Kind]) -> Self {
        self.errors.extend_from_slice(kinds);
        self
    }

    /// Whether an `Idempotency-Key` is taken.
    #[must_use]
    pub fn takes_idempotency_key(&self) -> bool {
        self.method == Method::Post && matches!(self.access, Access::Needs(_))
    }

    /// The parameters in the path, in order.
    pub fn path_parameters(&self) -> impl Iterator<Item = &'static str> {
        self.path
            .split('{')
            .skip(1)
            .filter_map(|rest| rest.split_once('}'))
            .map(|(name, _)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_refuse_what_does_not_fit() {
        let cases = [
            (ParameterKind::Text, "x", ""),
            (ParameterKind::Integer { min: 1, max: 500 }, "500", "501"),
            (ParameterKind::Integer { min: 1, max: 500 }, "1", "0"),
            (ParameterKind::Integer { min: 1, max: 500 }, "7", "7.0"),
            (ParameterKind::Decimal { min: 0, max: 100 }, "79.9", "NaN"),
            (ParameterKind::Decimal { min: 0, max: 100 }, "100", "inf"),
            (ParameterKind::Choice(&["left", "right"]), "left", "Left"),
            (
                ParameterKind::Choices(&["left", "right"]),
                "left,right",
                "left,",
            ),
            (ParameterKind::Texts, "a,b", "a,,b"),
            (ParameterKind::Date, "2024-02-29", "2023-02-29"),
            (ParameterKind::Date, "2024-03-01", "2024-3-1"),
            (ParameterKind::Flag, "true", "1"),
            (
                ParameterKind::Id,
                "01890a5d-ac96-774b-bcce-b302099a8057",
                "01890a5dac96774bbcceb302099a8057",
            ),
        ];
        for (kind, good, bad) in cases {
            assert_eq!(kind.refuses(good), None, "{good}");
            assert!(kind.refuses(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn parameters_of_a_path_are_found() {
        let endpoint = Endpoint::<()>::new(
            Method::Get,
            "/v1/exports/stream/{dataset}.{format}",
            "x",
            Access::Public,
            |_, _| Ok(Reply::no_content()),
        );
        assert_eq!(
            endpoint.path_parameters().collect::<Vec<_>>(),
            ["dataset", "format"]
        );
    }
}
