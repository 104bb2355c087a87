//! RFC 9457: every answer that is an error has this shape.

use crate::app::error::{Error, FieldError};
use crate::auth::Action;
use actix_web::http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

/// Media type of a problem.
pub const MEDIA_TYPE: &str = "application/problem+json";

macro_rules! kinds {
    ($($(#[$meta:meta])* $variant:ident = $status:literal, $slug:literal, $title:literal, $about:literal;)+) => {
        /// The closed list of what can go wrong. Each has one status and one page under `/problems/`; the finer `code` is open-ended.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind { $($(#[$meta])* $variant,)+ }

        impl Kind {
            /// Every kind.
            pub const ALL: &'static [Kind] = &[$(Kind::$variant,)+];

            /// HTTP status.
            #[must_use]
            pub const fn status(self) -> u16 { match self { $(Kind::$variant => $status,)+ } }
            /// Last part of the `type` URI.
            #[must_use]
            pub const fn slug(self) -> &'static str { match self { $(Kind::$variant => $slug,)+ } }
            /// Short title, the same each time.
            #[must_use]
            pub const fn title(self) -> &'static str { match self { $(Kind::$variant => $title,)+ } }
            /// What it means and what to do about it.
            #[must_use]
            pub const fn about(self) -> &'static str { match self { $(Kind::$variant => $about,)+ } }
        }
    };
}

kinds! {
    /// Could not be read.
    Malformed = 400, "malformed-request", "The request cannot be read", "The body, a header or a parameter is not in the form it must have. Change the request before sending it again.";
    /// No token, or one that is not good.
    Unauthorized = 401, "unauthorized", "A valid token is needed", "Send `Authorization: Bearer <token>` with a token that is signed by a known key, meant for this service and not expired.";
    /// Known, and may not.
    Forbidden = 403, "forbidden", "Not allowed", "The token is good, but its role or its scopes do not allow this.";
    /// Absent, or of another organization.
    NotFound = 404, "not-found", "Not found", "There is no such path or record, or the record belongs to another organization.";
    /// The path knows other methods.
    MethodNotAllowed = 405, "method-not-allowed", "Method not allowed", "The `Allow` header lists the methods of this path.";
    /// No form that the client takes.
    NotAcceptable = 406, "not-acceptable", "Not available in this form", "`Accept` names no media type that this path answers with. The detail names those that there are.";
    /// The request took too long to arrive.
    RequestTimeout = 408, "request-timeout", "The request took too long to arrive", "The whole request, its body included, must arrive before the deadline.";
    /// In conflict with what is stored.
    Conflict = 409, "conflict", "In conflict with what is stored", "What was asked for contradicts a stored record. Read it, then decide.";
    /// It was there once.
    Gone = 410, "gone", "No longer there", "The record was there and has been deleted. Its history still has it.";
    /// The version is stale.
    PreconditionFailed = 412, "precondition-failed", "Somebody changed the record in between", "`If-Match` names a version that is no longer the current one. Read the record again and repeat the change on it.";
    /// What an answer rests on cannot be had.
    DataNotAvailable = 412, "data-not-available", "What the answer rests on cannot be had", "It was not sent along, and could not be fetched from where it is said to be.";
    /// Larger than the limit.
    BodyTooLarge = 413, "body-too-large", "The body is too large", "Send less at once.";
    /// Another media type.
    UnsupportedMediaType = 415, "unsupported-media-type", "This media type is not understood", "The detail names the media types that are.";
    /// Fields have values that cannot be stored.
    InvalidFields = 422, "invalid-fields", "Some fields have values that cannot be stored", "`errors` lists every one of them. Nothing was stored.";
    /// The key belongs to another request.
    IdempotencyKeyReused = 422, "idempotency-key-reused", "The idempotency key was used for another request", "A key stands for one request with one body. Draw a new key for a new request.";
    /// `If-Match` is missing.
    PreconditionRequired = 428, "precondition-required", "If-Match is required", "Send the `ETag` of the version that you change in `If-Match`.";
    /// Too many requests.
    TooManyRequests = 429, "too-many-requests", "Too many requests", "Wait for the seconds in `Retry-After`.";
    /// A fault of ours.
    Internal = 500, "internal-error", "Something went wrong on our side", "It is in the log under the request id in `instance`.";
    /// Busy.
    Unavailable = 503, "unavailable", "Not available at the moment", "Wait for the seconds in `Retry-After` and send the request again. With an `Idempotency-Key` it is not done twice.";
}

impl Kind {
    /// The status as the server library knows it.
    #[must_use]
    pub fn status_code(self) -> StatusCode {
        StatusCode::from_u16(self.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The kinds that share a status.
    pub fn of_status(status: u16) -> impl Iterator<Item = Kind> {
        Kind::ALL
            .iter()
            .copied()
            .filter(move |kind| kind.status() == status)
    }
}

/// Something that went wrong, ready to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Which of the closed list.
    pub kind: Kind,
    /// Stable finer code, lower snake case.
    pub code: &'static str,
    /// What is wrong this time and what to do.
    pub detail: String,
    /// Every field or parameter that is wrong.
    pub errors: Vec<FieldError>,
    /// Seconds to wait.
    pub retry_after: Option<u32>,
    /// Value of `WWW-Authenticate`.
    pub challenge: Option<Box<str>>,
    /// Value of `Allow`.
    pub allow: Option<Box<str>>,
    /// Whether the connection must end, because part of the request is still on its way.
    pub close: bool,
}

impl Problem {
    /// A problem of a kind.
    pub fn new(kind: Kind, code: &'static str, detail: impl Into<String>) -> Problem {
        Problem {
            kind,
            code,
            detail: detail.into(),
            errors: Vec::new(),
            retry_after: None,
            challenge: None,
            allow: None,
            close: false,
        }
    }

    /// The same, with the fields or parameters that are wrong.
    #[must_use]
    pub fn with_errors(mut self, errors: Vec<FieldError>) -> Problem {
        self.errors = errors;
        self
    }

    /// The same, after which the connection ends.
    #[must_use]
    pub fn closing(mut self) -> Problem {
        self.close = true;
        self
    }

    /// 503: nothing was done, try again in so many seconds.
    #[must_use]
    pub fn busy(retry_after: u32) -> Problem {
        let mut problem = Problem::new(
            Kind::Unavailable,
            "busy",
            "The service has as much to do as it can. Nothing was done; try again soon.",
        );
        problem.retry_after = Some(retry_after);
        problem
    }

    /// A bare 500.
    #[must_use]
    pub fn internal() -> Problem {
        Problem::new(Kind::Internal, "internal", "")
    }

    /// 403 for an action.
    #[must_use]
    pub fn forbidden(action: Action) -> Problem {
        let mut problem = Problem::new(
            Kind::Forbidden,
            "forbidden",
            format!("This token does not allow “{}”.", action.code()),
        );
        problem.challenge = Some("Bearer realm=\"medial\", error=\"insufficient_scope\"".into());
        problem
    }

    /// The body of the answer, for a request.
    #[must_use]
    pub fn body(&self, request_id: &str) -> ProblemBody {
        ProblemBody {
            r#type: format!("/problems/{}", self.kind.slug()),
            title: self.kind.title().to_owned(),
            status: self.kind.status(),
            code: self.code.to_owned(),
            detail: (!self.detail.is_empty()).then(|| self.detail.clone()),
            instance: format!("urn:uuid:{request_id}"),
            errors: self.errors.iter().map(FieldProblem::from).collect(),
        }
    }
}

impl From<Error> for Problem {
    /// How each error of the use cases is shown. What is inside an internal one is not; it is the caller who logs it.
    fn from(error: Error) -> Problem {
        match error {
            Error::Malformed { code, detail } => Problem::new(Kind::Malformed, code, detail),
            Error::InvalidParameters(errors) => {
                let detail = "Some parameters are wrong: see `errors`.";
                Problem::new(Kind::Malformed, "invalid_parameters", detail).with_errors(errors)
            }
            Error::Invalid(errors) => {
                let detail = match errors.len() {
                    1 => "1 field is wrong.".to_owned(),
                    count => format!("{count} fields are wrong."),
                };
                Problem::new(Kind::InvalidFields, "invalid_fields", detail).with_errors(errors)
            }
            Error::NotFound { what } => Problem::new(
                Kind::NotFound,
                "not_found",
                format!("There is no such {what}."),
            ),
            Error::Forbidden { action } => Problem::forbidden(action),
            Error::Conflict { code, detail } => Problem::new(Kind::Conflict, code, detail),
            Error::NotAcceptable { offered } => Problem::new(
                Kind::NotAcceptable,
                "not_acceptable",
                format!("This path answers with {offered}."),
            ),
            Error::Gone { what } => {
                Problem::new(Kind::Gone, "gone", format!("This {what} has been deleted."))
            }
            Error::Ambiguous { detail } => {
                Problem::new(Kind::PreconditionFailed, "several_matches", detail)
            }
            Error::TooMany {
                detail,
                retry_after,
            } => {
                let mut problem = Problem::new(Kind::TooManyRequests, "too_many", detail);
                problem.retry_after = Some(retry_after);
                problem
            }
            Error::PreconditionRequired => Problem::new(
                Kind::PreconditionRequired,
                "if_match_required",
                "Send the version that you change, as in `If-Match: \"3\"`: it is the `ETag` of the record.",
            ),
            Error::PreconditionFailed { current } => Problem::new(
                Kind::PreconditionFailed,
                "stale_version",
                format!("The current version is \"{current}\"."),
            ),
            Error::IdempotencyKeyReused => Problem::new(
                Kind::IdempotencyKeyReused,
                "idempotency_key_reused",
                "This key was used for a request with another body. Nothing was done.",
            ),
            Error::Busy { retry_after } => Problem::busy(retry_after),
            // The use case is run again on a collision; one that comes through is answered as too busy.
            Error::Collision => Problem::busy(1),
            Error::Internal(_) => Problem::internal(),
        }
    }
}

/// A problem as RFC 9457 writes it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub struct ProblemBody {
    /// Reference to the page that explains this kind of problem.
    pub r#type: String,
    /// Short title, the same for each problem of this kind.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// Stable machine-readable code, finer than `type`.
    pub code: String,
    /// What is wrong this time and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The request, as in the `X-Request-Id` header and in the log of the service.
    pub instance: String,
    /// Every field or parameter that is wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldProblem>,
}

/// One field or parameter that is wrong.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct FieldProblem {
    /// JSON pointer (RFC 6901) to the field of the body; `?name` for a parameter of the query.
    pub pointer: String,
    /// Stable machine-readable code.
    pub code: String,
    /// What is wrong and what would be accepted.
    pub detail: String,
}

impl From<&FieldError> for FieldProblem {
    fn from(error: &FieldError) -> FieldProblem {
        FieldProblem {
            pointer: error.pointer.clone(),
            code: error.code.to_owned(),
            detail: error.detail.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_error() -> Vec<(Error, u16)> {
        vec![
            (
                Error::Malformed {
                    code: "bad",
                    detail: "Bad.".into(),
                },
                400,
            ),
            (Error::Invalid(vec![FieldError::new("/a", "x", "X.")]), 422),
            (
                Error::InvalidParameters(vec![FieldError::new("?a", "x", "X.")]),
                400,
            ),
            (Error::NotFound { what: "block" }, 404),
            (
                Error::Forbidden {
                    action: Action::WriteBlock,
                },
                403,
            ),
            (
                Error::Conflict {
                    code: "exists",
                    detail: "There.".into(),
                },
                409,
            ),
            (
                Error::NotAcceptable {
                    offered: "application/pdf",
                },
                406,
            ),
            (Error::Gone { what: "score" }, 410),
            (
                Error::Ambiguous {
                    detail: "Two.".into(),
                },
                412,
            ),
            (
                Error::TooMany {
                    detail: "Wait.".into(),
                    retry_after: 3,
                },
                429,
            ),
            (Error::PreconditionRequired, 428),
            (Error::PreconditionFailed { current: 4 }, 412),
            (Error::IdempotencyKeyReused, 422),
            (Error::Busy { retry_after: 2 }, 503),
            (Error::internal("password=hunter2"), 500),
        ]
    }

    #[test]
    fn each_error_has_its_status_and_shows_nothing_from_inside() {
        for (error, status) in every_error() {
            let problem = Problem::from(error);
            let text = serde_json::to_string(&problem.body("id")).unwrap();
            assert_eq!(problem.kind.status(), status);
            assert!(!text.contains("hunter2"));
        }
    }

    #[test]
    fn slugs_are_unique() {
        let mut slugs: Vec<&str> = Kind::ALL.iter().map(|kind| kind.slug()).collect();
        slugs.sort_unstable();
        slugs.dedup();
        assert_eq!(slugs.len(), Kind::ALL.len());
    }
}
