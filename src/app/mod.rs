//! Use cases by noun: check permission, one transaction, audit, answer.

pub mod error;
pub mod profiles;

pub use error::{Error, FieldError, Result};

/// The use cases and what they stand on.
#[derive(Debug)]
pub struct App;
