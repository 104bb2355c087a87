//! The document as a page to be read and printed.

use super::document::{EvidenceDocument, Fact};
use crate::app::{Error, Result};
use crate::chart;
use crate::wire::scalar::{Date, Instant};
use askama::Template;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// The page's own style sheet.
pub const STYLE: &str = include_str!("../../assets/evidence.css");

/// The name under which it is served among the assets.
pub const STYLE_NAME: &str = "evidence.css";

/// Where the style sheet is: an address that changes with its content, as that of every asset does.
#[must_use]
pub fn style_url() -> String {
    let digest = Sha256::digest(STYLE.as_bytes());
    let hash = digest
        .iter()
        .take(16)
        .fold(String::new(), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        });
    format!("/assets/{hash}/{STYLE_NAME}")
}

#[derive(Template)]
#[template(path = "evidence.html")]
struct Page<'d> {
    doc: &'d EvidenceDocument,
    style: String,
}

impl Page<'_> {
    fn day(&self, date: &Date) -> String {
        chart::date_words(date.0)
    }

    fn maybe_day(&self, date: &Option<Date>) -> String {
        date.map_or_else(
            || "not recorded".to_owned(),
            |date| chart::date_words(date.0),
        )
    }

    fn instant(&self, at: &Instant) -> String {
        at.0.format("%-d %b %Y, %H:%M %:z").to_string()
    }

    fn value<'f>(&self, fact: &'f Fact) -> &'f str {
        fact.value.as_deref().unwrap_or("not recorded")
    }

    fn or_dash<'t>(&self, text: &'t Option<String>) -> &'t str {
        text.as_deref().unwrap_or("–")
    }
}

/// The document as a page: one file of HTML that names one style sheet and nothing else.
///
/// # Errors
/// An internal one where the template cannot be filled in.
pub fn html(doc: &EvidenceDocument) -> Result<String> {
    let page = Page {
        doc,
        style: style_url(),
    };
    page.render().map_err(|error| Error::Internal(error.into()))
}
