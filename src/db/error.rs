//! Why a query or a transaction did not happen.

use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind, Error as DieselError};
use std::fmt;

/// Why a query or a transaction did not happen. None of the texts repeats a value that is stored.
#[derive(Debug)]
pub enum DbError {
    /// There is no such row in this organization.
    NotFound,
    /// Another row has this key already.
    UniqueViolation {
        /// The table whose key it is.
        constraint: String,
    },
    /// The row it refers to does not exist in this organization.
    ForeignKeyViolation,
    /// Too much going on; the same work may succeed later.
    Busy,
    /// The row has another version by now.
    Stale,
    /// Anything else: a fault of ours or of the machine.
    Other(Box<dyn std::error::Error + Send + Sync>),
}

impl DbError {
    /// A fault, described for the log.
    pub fn other(message: impl Into<String>) -> DbError {
        DbError::Other(message.into().into())
    }
}

impl fmt::Display for DbError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DbError::NotFound => f.write_str("no such row"),
            DbError::UniqueViolation { constraint } => {
                write!(f, "a row of {constraint} has this key already")
            }
            DbError::ForeignKeyViolation => f.write_str("what the row refers to does not exist"),
            DbError::Busy => f.write_str("the database is busy"),
            DbError::Stale => f.write_str("the row has another version by now"),
            DbError::Other(source) => write!(f, "database: {source}"),
        }
    }
}

impl std::error::Error for DbError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            DbError::Other(source) => Some(source.as_ref()),
            _ => None,
        }
    }
}

impl From<DieselError> for DbError {
    fn from(error: DieselError) -> DbError {
        match error {
            DieselError::NotFound => DbError::NotFound,
            DieselError::DatabaseError(kind, ref information) => match kind {
                DatabaseErrorKind::UniqueViolation => DbError::UniqueViolation {
                    constraint: super::dialect::table_of(information.as_ref()),
                },
                DatabaseErrorKind::ForeignKeyViolation => DbError::ForeignKeyViolation,
                DatabaseErrorKind::SerializationFailure => DbError::Busy,
                _ if super::dialect::is_busy(information.as_ref()) => DbError::Busy,
                _ => DbError::Other(Box::new(error)),
            },
            _ => DbError::Other(Box::new(error)),
        }
    }
}

/// Whether the same work, run again from the start, may well succeed.
pub(super) fn is_transient(error: &DieselError) -> bool {
    match error {
        DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure, _) => true,
        DieselError::DatabaseError(_, information) => {
            super::dialect::is_deadlock(information.as_ref())
        }
        _ => false,
    }
}

/// Whether a connection that answered with `error` is of no more use.
pub(super) fn is_disconnected(error: &DieselError) -> bool {
    matches!(
        error,
        DieselError::DatabaseError(
            DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand,
            _
        ) | DieselError::BrokenTransactionManager
    )
}

/// What the database says, for tests of the texts.
pub(super) fn message(information: &(dyn DatabaseErrorInformation + Send + Sync)) -> &str {
    information.message()
}
