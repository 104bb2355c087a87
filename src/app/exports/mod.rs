//! Exports: who may have which records, read in chunks; and the exports that are made in the background.

mod choice;
mod chunks;
mod content;
mod filter;
mod orders;
mod outcomes;
mod people;

pub use crate::db::queries::adverse_events::After;
pub use crate::db::rows::{Determination, Export, ExportFile};
pub use choice::{Choice, Dates, Wanted};
pub use chunks::{Chunks, Record, expected_rows};
pub use content::{Content, Dataset, Format, Model};
pub use filter::ExportFilter;
pub use orders::{Done, KEPT_DAYS, WithFiles, count, delete, expires_at, file, get, page, request};
pub use outcomes::{Outcome, OutcomeBlock};
pub use people::{People, Person};
