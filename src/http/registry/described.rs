//! What is said of an operation beside its name: words, parameters, bodies, answers, errors.

use super::content::{Answer, Body, Example, JSON, schema_of};
use super::endpoint::{DEFAULT_LIMIT, Endpoint, MAX_LIMIT, Method, Runs};
use super::parameter::{Parameter, ParameterKind};
use crate::auth::Operation;
use crate::http::dialect::{ALSO_FHIR, Dialect, FHIR_JSON};
use crate::http::problem::Kind;
use schemars::JsonSchema;
use serde_json::Value;

impl<C> Endpoint<C> {
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

    /// The same in other words.
    #[must_use]
    pub fn speaks(mut self, dialect: Dialect) -> Self {
        self.dialect = dialect;
        self
    }

    /// The same with another method, for what the script of a page sends.
    #[must_use]
    pub fn sent_by(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    /// The same, for a handler that holds all that it gives out against what the scopes of a token reach.
    #[must_use]
    pub fn scoped(mut self, resource: &'static str, operation: Operation) -> Self {
        self.scope = Some((resource, operation));
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

    /// Its body may be left out.
    #[must_use]
    pub fn optional_body(mut self) -> Self {
        if let Some(body) = &mut self.body {
            body.required = false;
        }
        self
    }

    /// Takes no larger body than this, in bytes.
    #[must_use]
    pub fn at_most(mut self, bytes: usize) -> Self {
        self.largest_body = Some(bytes);
        self
    }

    /// Takes a body so many times as large as others: it carries as many records.
    #[must_use]
    pub fn times_body(mut self, times: usize) -> Self {
        self.body_times = times;
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
}
