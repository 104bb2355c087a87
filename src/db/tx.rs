//! A transaction, as the queries see it.

use super::dialect::{self, AnyConnection, DatabaseKind};
use super::error::{DbError, is_disconnected, is_transient};
use diesel::QueryResult;
use diesel::result::{DatabaseErrorKind, Error as DieselError};

/// A connection inside a transaction. Every query takes one.
///
/// A statement that failed has spoilt the transaction: nothing of it is kept, even where the work goes on and
/// returns `Ok`. (PostgreSQL would refuse every further statement; SQLite would not. They behave alike here.)
pub struct Tx<'a> {
    connection: &'a mut AnyConnection,
    failure: Option<Failure>,
}

/// How a statement failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// It met another transaction; the work may succeed when it is run again.
    Transient,
    /// A key was there already, perhaps through a transaction that this one could not see.
    Duplicate,
    /// The connection is gone.
    Disconnected,
    /// Another way.
    Final,
}

impl<'a> Tx<'a> {
    pub(super) fn new(connection: &'a mut AnyConnection) -> Tx<'a> {
        Tx {
            connection,
            failure: None,
        }
    }

    /// Which database it is in.
    #[must_use]
    pub fn kind(&self) -> DatabaseKind {
        dialect::kind(self.connection)
    }

    pub(super) fn connection(&mut self) -> &mut AnyConnection {
        self.connection
    }

    /// Takes note of how a statement ended.
    pub(super) fn settle<T>(&mut self, result: QueryResult<T>) -> Result<T, DbError> {
        match result {
            Ok(value) => Ok(value),
            Err(DieselError::NotFound) => Err(DbError::NotFound),
            Err(error) => {
                self.failure = Some(Failure::of(&error));
                Err(error.into())
            }
        }
    }

    pub(super) fn failure(&self) -> Option<Failure> {
        self.failure
    }
}

impl Failure {
    pub(super) fn of(error: &DieselError) -> Failure {
        if is_transient(error) {
            return Failure::Transient;
        }
        if is_disconnected(error) {
            return Failure::Disconnected;
        }
        match error {
            DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => Failure::Duplicate,
            _ => Failure::Final,
        }
    }
}

/// What to say where the work went on after a statement had failed.
pub(super) fn spoilt() -> DbError {
    DbError::other("a statement failed and the work went on; nothing of it was kept")
}

/// What to say where the work panicked.
pub(super) fn panicked() -> DbError {
    DbError::other("the work panicked; nothing of it was kept")
}
