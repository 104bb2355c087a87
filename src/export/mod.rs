//! Records written out: one definition of each dataset's columns, and from it CSV, NDJSON and the data dictionary.
//!
//! Rows are read in chunks from one unchanging view of the database and written as they come, so that memory stays the
//! same whatever the size.

mod cell;
mod columns;
mod deidentify;
pub mod dictionary;
mod figures;
pub mod files;
mod write;

pub use cell::guarded;
pub use columns::{Column, Kind, Privacy, columns};
pub use figures::figure_csv;
pub use write::{Progress, media_type, write};
