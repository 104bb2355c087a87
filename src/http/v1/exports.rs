//! Exports.

use crate::http::registry::Endpoint;

/// What there is about exports.
pub(super) fn endpoints() -> Vec<Endpoint> {
    Vec::new()
}
