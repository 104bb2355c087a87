//! The schema's history: embedded in the program, run by it.

use super::dialect::{self, Migration};
use super::error::DbError;
use super::pool::Database;

impl Database {
    /// Brings the schema up to date; several processes may do so at once. The migrations that were run.
    ///
    /// # Errors
    /// When a migration fails: then none of them was run.
    pub fn migrate(&self) -> Result<Vec<String>, DbError> {
        dialect::migrate(&mut self.writing()?, Migration::Run)
    }

    /// The migrations that have not been run.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub fn pending_migrations(&self) -> Result<Vec<String>, DbError> {
        dialect::migrate(&mut self.writing()?, Migration::Pending)
    }

    /// The migrations that were run on this database and that this program does not know: a newer one ran them.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub fn unknown_migrations(&self) -> Result<Vec<String>, DbError> {
        dialect::migrate(&mut self.writing()?, Migration::Unknown)
    }

    /// Takes every migration back, and every record with them. For tests.
    ///
    /// # Errors
    /// When a migration cannot be taken back: then none was.
    pub fn revert_all(&self) -> Result<Vec<String>, DbError> {
        dialect::migrate(&mut self.writing()?, Migration::Revert)
    }
}
