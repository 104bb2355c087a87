//! The native JSON shapes, to the domain and back.

pub mod errors;
