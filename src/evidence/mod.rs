//! The summary for a payer: one document, as JSON, as a page and as a PDF.

mod coded;
mod document;
mod facts;
mod html;
mod judged;
mod pdf;
mod procedures;
mod recorded;
mod sources;

pub use document::*;
pub use html::{STYLE, STYLE_NAME, html, style_url};
pub use pdf::pdf;

#[cfg(test)]
mod tests;
