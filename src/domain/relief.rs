//! Relief.
