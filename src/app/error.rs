//! The one error of the use cases. Each edge renders it in its own words; none of them shows what is inside.

use crate::auth::Action;
pub use crate::wire::errors::FieldError;
use std::fmt;

/// Why a use case did not happen. Nothing was stored in any of these cases.
#[derive(Debug)]
pub enum Error {
    /// The request could not be read at all (400): a stable code and what is wrong.
    Malformed {
        /// Stable code.
        code: &'static str,
        /// What is wrong and what to do.
        detail: String,
    },
    /// Parameters that are wrong (400): every one of them, each pointer a `?` and its name.
    InvalidParameters(Vec<FieldError>),
    /// Fields have values that cannot be stored (422): every one of them.
    Invalid(Vec<FieldError>),
    /// No such record, or one of another organization (404).
    NotFound {
        /// What was looked for, as `block`.
        what: &'static str,
    },
    /// It was there and has been deleted (410).
    Gone {
        /// What was looked for, as `score`.
        what: &'static str,
    },
    /// A condition that ought to name one record names several (412).
    Ambiguous {
        /// What it names, and what to do.
        detail: String,
    },
    /// Too much of it is under way already (429).
    TooMany {
        /// What there is too much of.
        detail: String,
        /// Seconds to wait.
        retry_after: u32,
    },
    /// The principal is known and may not do this (403).
    Forbidden {
        /// What was asked for.
        action: Action,
    },
    /// In conflict with what is stored (409).
    Conflict {
        /// Stable code.
        code: &'static str,
        /// What is in the way and what to do.
        detail: String,
    },
    /// There is no form of it that the client takes (406).
    NotAcceptable {
        /// The media types that there are.
        offered: &'static str,
    },
    /// `If-Match` is missing (428).
    PreconditionRequired,
    /// `If-Match` names a version that is no longer the current one (412).
    PreconditionFailed {
        /// The current version.
        current: i32,
    },
    /// The idempotency key was used for another request (422).
    IdempotencyKeyReused,
    /// Too busy; try again after so many seconds (503).
    Busy {
        /// Seconds to wait.
        retry_after: u32,
    },
    /// Another transaction wrote the same row at the same moment: the use case is run again and never answers this.
    Collision,
    /// A fault of ours (500). The source goes to the log once and never to the client.
    Internal(Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// A fault of ours, described for the log.
    pub fn internal(message: impl Into<String>) -> Error {
        Error::Internal(message.into().into())
    }

    /// A single invalid field.
    pub fn field(
        pointer: impl Into<String>,
        code: &'static str,
        detail: impl Into<String>,
    ) -> Error {
        Error::Invalid(vec![FieldError::new(pointer, code, detail)])
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Malformed { detail, .. } | Error::Conflict { detail, .. } => f.write_str(detail),
            Error::Invalid(errors) | Error::InvalidParameters(errors) => {
                let lines: Vec<String> = errors
                    .iter()
                    .map(|error| format!("{}: {}", error.pointer, error.detail))
                    .collect();
                f.write_str(&lines.join("; "))
            }
            Error::NotFound { what } => write!(f, "no such {what}"),
            Error::Gone { what } => write!(f, "the {what} was deleted"),
            Error::Ambiguous { detail } | Error::TooMany { detail, .. } => f.write_str(detail),
            Error::Forbidden { action } => write!(f, "not allowed: {}", action.code()),
            Error::NotAcceptable { offered } => write!(f, "there is {offered}"),
            Error::PreconditionRequired => f.write_str("If-Match is required"),
            Error::PreconditionFailed { current } => write!(f, "the current version is {current}"),
            Error::IdempotencyKeyReused => {
                f.write_str("the idempotency key was used for another request")
            }
            Error::Busy { .. } => f.write_str("too busy"),
            Error::Collision => f.write_str("met another transaction"),
            Error::Internal(source) => write!(f, "internal: {source}"),
        }
    }
}

impl std::error::Error for Error {}

/// The result of a use case.
pub type Result<T> = std::result::Result<T, Error>;
