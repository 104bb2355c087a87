//! One request, as a handler sees it: read, checked, and known to be allowed.

use super::authenticate::{Principal, Session};
use super::cursor::{CursorKey, Cursors};
use super::query::{self, Query};
use super::registry::{DEFAULT_LIMIT, MAX_LIMIT, Method};
use super::reply::Reply;
use crate::app::error::{Error, FieldError};
use crate::wire::errors::{self, FieldErrors};
use actix_web::http::header;
use chrono::NaiveDate;
use deserr::Deserr;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fmt::Write;
use uuid::Uuid;

/// The key by which a client makes sure that a request sent twice is done once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// As the client drew it.
    pub key: String,
    /// SHA-256 of the method, the path, the query and the body: what the key stands for.
    pub fingerprint: String,
}

/// Parameters that do not change what a list holds: a cursor is good with others of them.
const UNBOUND: [&str; 5] = ["cursor", "limit", "count", "seen", "done"];

/// One request.
#[derive(Debug)]
pub struct Call {
    pub(super) principal: Option<Principal>,
    pub(super) operation_id: &'static str,
    pub(super) request_id: Uuid,
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) parameters: Vec<(&'static str, String)>,
    pub(super) query: Query,
    pub(super) version: Option<i32>,
    pub(super) idempotency_key: Option<String>,
    pub(super) fingerprint: Option<String>,
    pub(super) accept: Option<String>,
    pub(super) accept_language: Option<String>,
    pub(super) body: CallBody,
    pub(super) cursor_key: CursorKey,
    pub(super) session: Option<Session>,
    pub(super) cookies: Vec<(String, String)>,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) origin: String,
}

/// What a request carried.
#[derive(Debug, Default)]
pub(super) enum CallBody {
    /// Nothing.
    #[default]
    Empty,
    /// JSON.
    Json(Value),
    /// A text in UTF-8.
    Text(String),
}

impl CallBody {
    /// The same body gives the same bytes, however its keys are ordered and its white space is set.
    fn canonical(&self) -> Vec<u8> {
        match self {
            CallBody::Empty => Vec::new(),
            CallBody::Json(value) => {
                let mut sorted = value.clone();
                sorted.sort_all_objects();
                sorted.to_string().into_bytes()
            }
            CallBody::Text(text) => text.clone().into_bytes(),
        }
    }
}

/// A page of a list.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "{T}Page")]
pub struct Page<T> {
    /// What is on this page.
    pub items: Vec<T>,
    /// The cursor of the next page; null on the last one.
    pub next: Option<String>,
    /// How many there are on all pages, when `count=true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
}

impl Call {
    /// Who is calling.
    ///
    /// # Errors
    /// An internal one, at an endpoint that is open to everybody.
    pub fn principal(&self) -> Result<&Principal, Error> {
        self.principal.as_ref().ok_or_else(|| {
            Error::internal(format!(
                "{} is public and has no principal",
                self.operation_id
            ))
        })
    }

    /// The organization of who is calling.
    ///
    /// # Errors
    /// An internal one, at an endpoint that is open to everybody.
    pub fn organization(&self) -> Result<&str, Error> {
        Ok(&self.principal()?.organization)
    }

    /// The id of this request, as in the log and in `X-Request-Id`.
    #[must_use]
    pub fn request_id(&self) -> Uuid {
        self.request_id
    }

    /// A parameter of the path, percent-decoded; empty when the path has none such.
    #[must_use]
    pub fn path(&self, name: &str) -> &str {
        self.parameters
            .iter()
            .find(|(known, _)| *known == name)
            .map_or("", |(_, value)| value)
    }

    /// An id in the path.
    ///
    /// # Errors
    /// That there is no such `what`, when it is not an id at all.
    pub fn path_id(&self, name: &str, what: &'static str) -> Result<Uuid, Error> {
        id_of(self.path(name)).ok_or(Error::NotFound { what })
    }

    /// A parameter of the query. It was checked against its kind already.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.get(name)
    }

    /// Every value of a parameter that may be repeated.
    pub fn query_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.query.all(name)
    }

    /// A parameter of the query, turned into something else.
    ///
    /// # Errors
    /// That the parameter is malformed, with the words of `read`.
    pub fn query_as<T, E: std::fmt::Display>(
        &self,
        name: &'static str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, Error> {
        let Some(value) = self.query(name) else {
            return Ok(None);
        };
        read(value).map(Some).map_err(|error| Error::Malformed {
            code: "invalid_parameter",
            detail: format!("{name}: {error}"),
        })
    }

    /// A parameter that is a list with commas; empty when it is not there.
    #[must_use]
    pub fn query_list(&self, name: &str) -> Vec<&str> {
        self.query(name)
            .map(|value| value.split(',').collect())
            .unwrap_or_default()
    }

    /// A parameter that is `true` or `false`; `false` when it is not there.
    #[must_use]
    pub fn query_flag(&self, name: &str) -> bool {
        self.query(name) == Some("true")
    }

    /// A parameter that is a date.
    #[must_use]
    pub fn query_date(&self, name: &str) -> Option<NaiveDate> {
        self.query(name).and_then(|value| value.parse().ok())
    }

    /// A parameter that is an id.
    #[must_use]
    pub fn query_id(&self, name: &str) -> Option<Uuid> {
        self.query(name).and_then(id_of)
    }

    /// A parameter that is a whole number.
    #[must_use]
    pub fn query_integer(&self, name: &str) -> Option<i64> {
        self.query(name).and_then(|value| value.parse().ok())
    }

    /// How many to a page.
    #[must_use]
    pub fn limit(&self) -> u16 {
        self.query("limit")
            .and_then(|value| value.parse().ok())
            .unwrap_or(DEFAULT_LIMIT)
            .clamp(1, MAX_LIMIT)
    }

    /// Whether to count all that there are.
    #[must_use]
    pub fn count(&self) -> bool {
        self.query_flag("count")
    }

    /// Where the page begins; none at the first page.
    ///
    /// # Errors
    /// That the cursor is malformed, when it was not given out by this service for this list with these filters.
    pub fn cursor<T: DeserializeOwned>(&self) -> Result<Option<T>, Error> {
        let Some(cursor) = self.query("cursor") else {
            return Ok(None);
        };
        let (organization, filters) = self.cursor_context();
        let context = [
            self.operation_id,
            self.path.as_str(),
            organization,
            filters.as_str(),
        ];
        let position = self.cursor_key.open(&context, cursor).ok_or_else(|| Error::Malformed {
            code: "invalid_cursor",
            detail: "This cursor was not given out for this list with these filters. Take `next` of the page before as it is, or begin without a cursor."
                .to_owned(),
        })?;
        Ok(Some(position))
    }

    /// What a cursor is bound to beside the operation and the path.
    fn cursor_context(&self) -> (&str, String) {
        let organization = self
            .principal
            .as_ref()
            .map_or("", |principal| principal.organization.as_str());
        (organization, self.query.without(&UNBOUND).sorted())
    }

    /// A page of a list: `next` is the position after its last item, if more follow.
    ///
    /// # Errors
    /// An internal one when something does not serialize.
    pub fn page_reply<T: Serialize>(
        &self,
        items: Vec<T>,
        next: Option<&impl Serialize>,
        count: Option<u64>,
    ) -> Result<Reply, Error> {
        let next = next
            .map(|position| self.cursor_after(position))
            .transpose()?;
        let link = next.as_ref().map(|cursor| {
            let mut query = self.query.without(&["cursor"]);
            query.push("cursor", cursor);
            format!("<{}?{}>; rel=\"next\"", self.path, query.encoded())
        });
        let reply = Reply::json(&Page { items, next, count })?;
        match link {
            Some(link) => reply.header(header::LINK, &link),
            None => Ok(reply),
        }
    }

    /// The cursor of what follows a position, for an answer that is more than a page.
    ///
    /// # Errors
    /// An internal one when the position does not serialize.
    pub fn cursor_after(&self, position: &impl Serialize) -> Result<String, Error> {
        let (organization, filters) = self.cursor_context();
        let context = [
            self.operation_id,
            self.path.as_str(),
            organization,
            filters.as_str(),
        ];
        self.cursor_key
            .seal(&context, position)
            .map_err(|error| Error::Internal(error.into()))
    }

    /// Seals positions in lists that know their own filters.
    ///
    /// # Errors
    /// An internal one, at an endpoint that is open to everybody.
    pub fn cursors(&self) -> Result<Cursors, Error> {
        Ok(Cursors::new(self.cursor_key.clone(), self.organization()?))
    }

    /// The version in `If-Match`.
    #[must_use]
    pub fn version(&self) -> Option<i32> {
        self.version
    }

    /// The version in `If-Match`, which must be there.
    ///
    /// # Errors
    /// That it is not.
    pub fn required_version(&self) -> Result<i32, Error> {
        self.version.ok_or(Error::PreconditionRequired)
    }

    /// The `Idempotency-Key` and what it stands for, if there is one.
    #[must_use]
    pub fn idempotency(&self) -> Option<Idempotency> {
        let key = self.idempotency_key.clone()?;
        let fingerprint = self.fingerprint.clone()?;
        Some(Idempotency { key, fingerprint })
    }

    /// The `Accept` header.
    #[must_use]
    pub fn accept(&self) -> Option<&str> {
        self.accept.as_deref()
    }

    /// The `Accept-Language` header.
    #[must_use]
    pub fn accept_language(&self) -> Option<&str> {
        self.accept_language.as_deref()
    }

    /// The JSON body; null when there is none.
    #[must_use]
    pub fn json(&self) -> &Value {
        match &self.body {
            CallBody::Json(value) => value,
            CallBody::Empty | CallBody::Text(_) => &Value::Null,
        }
    }

    /// The JSON body as a `T`.
    ///
    /// # Errors
    /// Every field that is wrong.
    pub fn parse<T: Deserr<FieldErrors>>(&self) -> Result<T, Error> {
        errors::parse(self.json().clone()).map_err(Error::Invalid)
    }

    /// The JSON body as a `T`; none when the body was left out.
    ///
    /// # Errors
    /// Every field that is wrong.
    pub fn parse_if_any<T: Deserr<FieldErrors>>(&self) -> Result<Option<T>, Error> {
        match &self.body {
            CallBody::Json(_) => self.parse().map(Some),
            CallBody::Empty | CallBody::Text(_) => Ok(None),
        }
    }

    /// Who has signed in, at a page.
    ///
    /// # Errors
    /// An internal one, at an endpoint that nobody signs in to.
    pub fn session(&self) -> Result<&Session, Error> {
        self.session
            .as_ref()
            .ok_or_else(|| Error::internal(format!("{} is open to everybody", self.operation_id)))
    }

    /// A cookie that came with the request.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// A header that only some endpoints read, such as `prefer`; none where it is not one of those that are kept.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value.as_str())
    }

    /// What the client would rather have (RFC 7240): the value of a preference, empty where it has none.
    #[must_use]
    pub fn prefers(&self, preference: &str) -> Option<&str> {
        let mut preferences = self.header("prefer")?.split([',', ';']);
        preferences.find_map(|one| {
            let (name, value) = one.split_once('=').unwrap_or((one, ""));
            let same = name.trim().eq_ignore_ascii_case(preference);
            same.then(|| value.trim().trim_matches('"'))
        })
    }

    /// Where the client reaches this service: scheme, host and perhaps a path, without a slash at the end.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Who is calling, where anybody has to say so.
    #[must_use]
    pub fn maybe_principal(&self) -> Option<&Principal> {
        self.principal.as_ref()
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> Method {
        self.method
    }

    /// The path of the request as it came, without its query.
    #[must_use]
    pub fn url_path(&self) -> &str {
        &self.path
    }

    /// All parameters of the query.
    #[must_use]
    pub fn whole_query(&self) -> &Query {
        &self.query
    }

    /// The fields of a form, in the order in which they came; empty for any other body.
    ///
    /// # Errors
    /// That it is not percent-encoded UTF-8.
    pub fn form(&self) -> Result<Query, Error> {
        Query::read(self.text()).map_err(|problem| Error::Malformed {
            code: "malformed_form",
            detail: problem.detail,
        })
    }

    /// The body of an endpoint that takes a text.
    #[must_use]
    pub fn text(&self) -> &str {
        match &self.body {
            CallBody::Text(text) => text,
            CallBody::Empty | CallBody::Json(_) => "",
        }
    }

    /// An error about a parameter of the query, for what only the handler can check.
    #[must_use]
    pub fn invalid_parameter(name: &str, detail: &str) -> Error {
        Error::Malformed {
            code: "invalid_parameter",
            detail: format!("{name}: {detail}"),
        }
    }

    pub(super) fn with_body(mut self, body: CallBody) -> Call {
        if self.idempotency_key.is_some() {
            self.fingerprint = Some(fingerprint(self.method, &self.path, &self.query, &body));
        }
        self.body = body;
        self
    }
}

/// Turns the errors of a body into the error of a use case.
impl From<FieldErrors> for Error {
    fn from(errors: FieldErrors) -> Error {
        Error::Invalid(errors.into_vec())
    }
}

/// Prefixes pointers, for a body that was taken apart.
#[must_use]
pub fn under(prefix: &str, errors: Vec<FieldError>) -> Vec<FieldError> {
    errors
        .into_iter()
        .map(|error| FieldError {
            pointer: format!("{prefix}{}", error.pointer),
            ..error
        })
        .collect()
}

fn fingerprint(method: Method, path: &str, query: &query::Query, body: &CallBody) -> String {
    let mut hash = Sha256::new();
    for part in [method.name(), path, &query.sorted()] {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    hash.update(body.canonical());
    hex(&hash.finalize())
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// Reads an id in its hyphenated form, which is the only one that is given out.
pub(super) fn id_of(text: &str) -> Option<Uuid> {
    if text.len() != uuid::fmt::Hyphenated::LENGTH {
        return None;
    }
    Uuid::try_parse(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_fingerprint_does_not_depend_on_the_order_of_keys() {
        let of = |value: Value| {
            fingerprint(
                Method::Post,
                "/v1/blocks",
                &Query::default(),
                &CallBody::Json(value),
            )
        };
        let text = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        assert_eq!(
            of(text(r#"{"a":1,"b":{"c":2,"d":3}}"#)),
            of(text(r#"{ "b": {"d":3,"c":2}, "a": 1}"#))
        );
        assert_ne!(of(json!([1, 2])), of(json!([2, 1])));
        assert_eq!(of(json!(1)).len(), 64);
    }

    #[test]
    fn only_the_hyphenated_form_is_an_id() {
        assert!(id_of("01890a5d-ac96-774b-bcce-b302099a8057").is_some());
        for text in [
            "",
            "01890a5dac96774bbcceb302099a8057",
            "{01890a5d-ac96-774b-bcce-b302099a8057}",
            "01890a5d-ac96-774b-bcce-b302099a805z",
        ] {
            assert!(id_of(text).is_none(), "{text}");
        }
    }
}
