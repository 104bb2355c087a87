//! The pages as a browser without scripts meets them: over HTTP, on SQLite and on PostgreSQL.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests: what does not work fails the test"
)]

#[path = "../support/mod.rs"]
mod support;

mod record;
mod service;
