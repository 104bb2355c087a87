//! The native API, one file to a noun. Each has `endpoints()`, and here they come together.

use super::registry::Endpoint;

/// Every endpoint of the native API, in the order of the document.
#[must_use]
pub fn endpoints() -> Vec<Endpoint> {
    let nouns: [Vec<Endpoint>; 0] = [];
    nouns.into_iter().flatten().collect()
}
