//! The native JSON shapes, to the domain and back. One definition of each, used by the API, the command line and imports.

pub mod ablation;
pub mod adverse_event;
pub mod block;
pub mod case;
pub mod determination;
pub mod episode;
pub mod errors;
pub mod figure;
pub mod import;
pub mod json;
pub mod patient;
pub mod profile;
pub mod scalar;

pub use errors::parse;
