//! The native API, one file to a noun.

use super::registry::Endpoint;

/// Every endpoint of the native API.
#[must_use]
pub fn endpoints() -> Vec<Endpoint> {
    Vec::new()
}
