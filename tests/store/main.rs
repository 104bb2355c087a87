//! The store, the same suite on SQLite and on PostgreSQL.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail the test, as the tests do"
)]
#![allow(
    clippy::cloned_ref_to_slice_refs,
    reason = "what a list is expected to hold is written as a list"
)]

#[path = "../support/mod.rs"]
mod support;

mod addresses;
mod candidates;
mod constraints;
mod diary;
mod due;
mod migrations;
mod plans;
mod round_trips;
mod samples;
mod tenancy;
mod transactions;
mod worklist_plans;
