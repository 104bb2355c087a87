//! Records written out: one definition of each dataset's columns, and from it every format and the data dictionary.
//!
//! Rows are read in chunks from one unchanging view of the database and written as they come, so that memory stays the
//! same whatever the size.

mod batch;
mod cell;
mod column;
mod columnar;
mod columns;
mod datapackage;
mod deidentify;
pub mod dictionary;
mod figures;
pub mod files;
mod manifest;
mod omop;
mod outcome_columns;
mod room;
mod sheet;
mod table;
mod write;

pub use cell::guarded;
pub use column::{Column, Heading, Kind, Privacy};
pub use columns::{DICTIONARY_VERSION, columns};
pub use figures::figure_csv;
pub use sheet::media_type;
pub use table::check;
pub use write::{Progress, Written, write, write_files};
