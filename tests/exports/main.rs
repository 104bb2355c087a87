//! Exports through the router and as jobs, on both databases.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "only tests call these helpers: what cannot be set up fails the test"
)]

#[path = "../support/mod.rs"]
mod support;

mod files;
mod formats;
mod models;
mod practice;
mod rows;
mod views;
