//! Copying and inspecting a SQLite database.

use super::conn::Url;
use super::dialect::{self, AnyConnection, Migration};
use super::error::DbError;
use super::pool::{Database, DatabaseSettings};
use std::path::Path;

/// What an inspection of a SQLite file found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// What is damaged, in SQLite's words; nothing of what is stored.
    pub faults: Vec<String>,
    /// Whether migrations of this program were run on it.
    pub is_ours: bool,
    /// Migrations that were run on it and that this program does not know.
    pub unknown_migrations: Vec<String>,
}

impl Database {
    /// Writes one state of a SQLite database to a new file, while others read and write.
    ///
    /// # Errors
    /// When the file is there already or cannot be written, or the database is none of SQLite.
    pub fn copy_to(&self, file: &Path) -> Result<(), DbError> {
        dialect::copy_to(&mut self.writing()?, file)
    }

    /// How SQLite keeps its journal, as `wal`; `None` on PostgreSQL.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub fn journal_mode(&self) -> Result<Option<String>, DbError> {
        let sql = "SELECT journal_mode AS detail FROM pragma_journal_mode";
        Ok(dialect::sqlite_words(&mut self.writing()?, sql)?
            .and_then(|words| words.into_iter().next()))
    }

    /// Inspects a SQLite file that nobody uses. It may be changed in its form, never in what it holds.
    ///
    /// # Errors
    /// When it cannot be read as a database.
    pub fn inspect(file: &Path) -> Result<Inspection, DbError> {
        let url = Url::Sqlite(file.to_owned());
        let settings = DatabaseSettings::new(String::new());
        let mut connection = AnyConnection::open(&url, &settings, false)?;
        let checked = "SELECT integrity_check AS detail FROM pragma_integrity_check";
        let mut faults = dialect::sqlite_words(&mut connection, checked)?.unwrap_or_default();
        faults.retain(|fault| fault != "ok");
        let ours = "SELECT name AS detail FROM sqlite_master WHERE name IN ('determinations', 'audit_entries', '__diesel_schema_migrations')";
        let tables = dialect::sqlite_words(&mut connection, ours)?.unwrap_or_default();
        Ok(Inspection {
            faults,
            is_ours: tables.len() == 3,
            unknown_migrations: dialect::migrate(&mut connection, Migration::Unknown)?,
        })
    }
}
