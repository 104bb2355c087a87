//! Columns that are read as what they stand for, straight from the row.
//!
//! A text of its own for each id and each code of millions of rows takes longer than reading them; what is read by the
//! thousand has other types.

use super::id;
use crate::domain::Vocabulary;
use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::pg::{Pg, PgValue};
use diesel::sql_types::Text;
use diesel::sqlite::Sqlite;
use uuid::Uuid;

/// An id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromSqlRow)]
pub(in crate::db) struct Key(pub(in crate::db) Uuid);

/// A term of a closed list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromSqlRow)]
pub(in crate::db) struct Term<T>(pub(in crate::db) T);

impl FromSql<Text, Sqlite> for Key {
    fn from_sql(mut value: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Key> {
        Ok(Key(id(value.read_text())?))
    }
}

impl FromSql<Text, Pg> for Key {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Key> {
        Ok(Key(id(std::str::from_utf8(value.as_bytes())?)?))
    }
}

impl<T: Vocabulary> FromSql<Text, Sqlite> for Term<T> {
    fn from_sql(mut value: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Term<T>> {
        Ok(Term(T::read(value.read_text())?))
    }
}

impl<T: Vocabulary> FromSql<Text, Pg> for Term<T> {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Term<T>> {
        Ok(Term(T::read(std::str::from_utf8(value.as_bytes())?)?))
    }
}
