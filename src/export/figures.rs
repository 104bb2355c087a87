//! A table of a figure as CSV.

use super::cell::guarded;
use crate::app::{Error, Result};
use crate::domain::study::{Cell, Table};
use crate::wire::figure::{NOTE, written};

/// The table with a header row (RFC 4180, UTF-8). A name that a spreadsheet would take for a formula gets an apostrophe.
///
/// # Errors
/// An internal one when it cannot be written.
pub fn figure_csv(table: &Table) -> Result<Vec<u8>> {
    let failed = |error: csv::Error| Error::Internal(error.into());
    let mut out = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    let names = table.columns.iter().map(|column| column.name);
    out.write_record(names.chain([NOTE])).map_err(failed)?;
    for row in &table.rows {
        let cells = row.cells.iter().map(|cell| match cell {
            Cell::Text(text) => guarded(text).into_owned(),
            number => written(number),
        });
        let note = row.note.clone().unwrap_or_default();
        out.write_record(cells.chain([note])).map_err(failed)?;
    }
    out.into_inner()
        .map_err(|error| Error::internal(error.to_string()))
}
