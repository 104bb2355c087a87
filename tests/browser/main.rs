//! The pages as a person meets them: the real program, in a real browser.
//!
//! Needs Chromium with its driver, and axe-core: `scripts/test --test browser` sees to both. Pictures of the pages are
//! written to `target/screenshots`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests: what does not work fails the test"
)]

#[path = "../support/mod.rs"]
mod support;

mod detectors;
mod diary;
mod driver;
mod every_page;
mod journeys;
mod paper;
mod recording;
mod service;
