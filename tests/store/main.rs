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

mod addresses;
mod candidates;
mod constraints;
mod due;
mod migrations;
mod plans;
mod round_trips;
mod samples;
mod tenancy;
mod transactions;
