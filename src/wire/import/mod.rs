//! Records of an import file: a case with its patient as JSON, or one score as a row of CSV.

pub mod columns;
mod line;
pub mod row;

pub use line::{LineError, read_case, read_line};
