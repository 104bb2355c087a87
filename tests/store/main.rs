//! The store, the same suite on SQLite and on PostgreSQL.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail the test, as the tests do"
)]

#[path = "../support/mod.rs"]
mod support;

use support::databases::on_each_database;

on_each_database! {
    fn a_fresh_database_answers_and_nothing_is_pending(test: &TestDatabase) {
        test.database.ping().unwrap();
        assert_eq!(test.database.pending_migrations().unwrap(), Vec::<String>::new());
    }
}
