//! Writes the rows of an export, and writes down in the audit trail that it did.

use super::cell::Cell;
use super::columns::{Column, Privacy, columns};
use super::deidentify::Pseudonyms;
use crate::app::exports::{Chunks, Format, Record, Wanted};
use crate::app::{App, Error, Result};
use serde::{Serialize, Serializer};
use std::io::Write;
use std::sync::Arc;
use uuid::Uuid;

use crate::app::Principal;

/// Is told after each chunk how many rows there are so far; its error breaks the export off.
pub type Progress<'p> = &'p mut dyn FnMut(u64) -> Result<()>;

/// The media type of a format.
#[must_use]
pub const fn media_type(format: Format) -> &'static str {
    match format {
        Format::Csv => "text/csv; charset=utf-8; header=present",
        Format::Ndjson => "application/x-ndjson",
    }
}

/// Writes `wanted` as `principal` may have it; how many rows it has. `export` is its id where it is made in the background.
///
/// The audit trail has an entry before the first row and one after the last, or after the row where it broke off.
///
/// # Errors
/// [`Error::Forbidden`]; those of the database, of `out` and of `progress`.
pub fn write(
    app: &Arc<App>,
    principal: &Principal,
    wanted: &Wanted,
    export: Option<Uuid>,
    out: &mut dyn Write,
    progress: Progress<'_>,
) -> Result<u64> {
    let table = Table::of(app, principal, wanted)?;
    app.note_export(principal, wanted, export, "begun", None)?;
    let mut rows = 0;
    let written = app.read(principal, |unit| {
        let mut sheet = Sheet::begin(wanted.format, &table, out)?;
        let mut chunks = Chunks::of(unit, wanted)?;
        while let Some(records) = chunks.next(unit)? {
            for record in &records {
                sheet.row(&table, record)?;
                rows += 1;
            }
            progress(rows)?;
        }
        sheet.end()
    });
    let outcome = match written {
        Ok(()) => "done",
        Err(_) => "broken_off",
    };
    let noted = app.note_export(principal, wanted, export, outcome, Some(rows));
    written.and(noted).map(|()| rows)
}

/// The columns that are written, and what stands for their values.
struct Table {
    columns: Vec<Column>,
    pseudonyms: Option<Pseudonyms>,
}

impl Table {
    fn of(app: &App, principal: &Principal, wanted: &Wanted) -> Result<Table> {
        let key = &app.settings.pseudonym_key;
        let pseudonyms = wanted
            .deidentify
            .then(|| Pseudonyms::new(key, &principal.organization))
            .transpose()?;
        Ok(Table {
            columns: written_columns(wanted),
            pseudonyms,
        })
    }

    fn cell(&self, column: &Column, record: &Record) -> Cell {
        let cell = column.value(record);
        match &self.pseudonyms {
            Some(pseudonyms) => pseudonyms.cell(column, record.patient(), cell),
            None => cell,
        }
    }
}

/// The columns of an export, in their order.
pub(super) fn written_columns(wanted: &Wanted) -> Vec<Column> {
    let mut columns = columns(wanted.dataset);
    columns.retain(|column| !(wanted.deidentify && column.privacy == Privacy::LeftOut));
    columns
}

/// What is being written.
enum Sheet<'o> {
    Csv(Box<csv::Writer<&'o mut dyn Write>>),
    Ndjson(&'o mut dyn Write),
}

impl<'o> Sheet<'o> {
    fn begin(format: Format, table: &Table, out: &'o mut dyn Write) -> Result<Sheet<'o>> {
        match format {
            Format::Ndjson => Ok(Sheet::Ndjson(out)),
            Format::Csv => {
                // Line ends as RFC 4180 has them.
                let mut writer = csv::WriterBuilder::new()
                    .terminator(csv::Terminator::CRLF)
                    .from_writer(out);
                let names = table.columns.iter().map(|column| column.name.as_ref());
                writer.write_record(names).map_err(of_csv)?;
                Ok(Sheet::Csv(Box::new(writer)))
            }
        }
    }

    fn row(&mut self, table: &Table, record: &Record) -> Result<()> {
        match self {
            Sheet::Csv(writer) => {
                for column in &table.columns {
                    let cell = table.cell(column, record);
                    writer.write_field(cell.csv().as_bytes()).map_err(of_csv)?;
                }
                writer.write_record(None::<&[u8]>).map_err(of_csv)
            }
            Sheet::Ndjson(out) => {
                let mut line = serde_json::to_vec(&Row(table, record)).map_err(of_json)?;
                line.push(b'\n');
                out.write_all(&line).map_err(of_io)
            }
        }
    }

    fn end(self) -> Result<()> {
        match self {
            Sheet::Csv(mut writer) => writer.flush().map_err(of_io),
            Sheet::Ndjson(out) => out.flush().map_err(of_io),
        }
    }
}

/// A row as a JSON object, its keys in the order of the columns.
struct Row<'r>(&'r Table, &'r Record);

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let Row(table, record) = self;
        let columns = table.columns.iter();
        serializer.collect_map(columns.map(|column| (&column.name, table.cell(column, record))))
    }
}

fn of_io(error: std::io::Error) -> Error {
    Error::Internal(error.into())
}

fn of_json(error: serde_json::Error) -> Error {
    Error::Internal(error.into())
}

/// The plain error of the output, where it is one: who wrote to a pipe that was closed wants to know just that.
fn of_csv(error: csv::Error) -> Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => of_io(error),
        other => Error::internal(format!("{other:?}")),
    }
}
