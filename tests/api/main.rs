//! The service as its users meet it: over HTTP, on SQLite and on PostgreSQL.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests: what does not work fails the test"
)]

#[path = "../support/mod.rs"]
mod support;

mod analytics;
mod authorization;
mod bad_input;
mod bulk;
mod cases;
mod cds;
mod concurrency;
mod contract;
mod corrections;
mod described;
mod diary;
mod evidence;
mod fhir;
mod fhir_search;
mod fhir_write;
mod launch;
mod lists;
mod oidc;
mod pages;
mod service;
mod smart;
mod subscriptions;
