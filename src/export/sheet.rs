//! Rows in any format: a sheet is begun with its headings, takes rows, and is ended.

use super::cell::Cell;
use super::column::Heading;
use super::columnar::{ArrowFile, Labels, ParquetFile};
use crate::app::exports::Format;
use crate::app::{Error, Result};
use serde::{Serialize, Serializer};
use std::io::Write;

/// The media type of a format.
#[must_use]
pub const fn media_type(format: Format) -> &'static str {
    match format {
        Format::Csv => "text/csv; charset=utf-8; header=present",
        Format::Ndjson => "application/x-ndjson",
        Format::Parquet => "application/vnd.apache.parquet",
        Format::Arrow => "application/vnd.apache.arrow.file",
    }
}

/// Rows on their way to `W`.
pub(super) struct Sheet<W: Write> {
    headings: Vec<Heading>,
    form: Form<W>,
}

enum Form<W: Write> {
    Csv(Box<csv::Writer<W>>),
    Ndjson(W),
    Parquet(Box<ParquetFile<W>>),
    Arrow(Box<ArrowFile<W>>),
}

impl<W: Write> Sheet<W> {
    /// A sheet without rows. `labels` go with formats that have room for them.
    pub(super) fn begin(
        format: Format,
        headings: Vec<Heading>,
        labels: &Labels,
        out: W,
    ) -> Result<Sheet<W>> {
        let form = match format {
            Format::Csv => {
                // Line ends as RFC 4180 has them.
                let mut writer = csv::WriterBuilder::new()
                    .terminator(csv::Terminator::CRLF)
                    .from_writer(out);
                let names = headings.iter().map(|heading| heading.name.as_ref());
                writer.write_record(names).map_err(of_csv)?;
                Form::Csv(Box::new(writer))
            }
            Format::Ndjson => Form::Ndjson(out),
            Format::Parquet => Form::Parquet(Box::new(ParquetFile::begin(&headings, labels, out)?)),
            Format::Arrow => Form::Arrow(Box::new(ArrowFile::begin(&headings, labels, out)?)),
        };
        Ok(Sheet { headings, form })
    }

    /// Adds a row: a cell for each heading, in their order.
    pub(super) fn row(&mut self, cells: &[Cell]) -> Result<()> {
        if cells.len() != self.headings.len() {
            return Err(Error::internal("a row is not as long as its headings"));
        }
        match &mut self.form {
            Form::Csv(writer) => {
                for cell in cells {
                    writer.write_field(cell.csv().as_bytes()).map_err(of_csv)?;
                }
                writer.write_record(None::<&[u8]>).map_err(of_csv)
            }
            Form::Ndjson(out) => {
                let row = Row(&self.headings, cells);
                let mut line = serde_json::to_vec(&row).map_err(of_json)?;
                line.push(b'\n');
                out.write_all(&line).map_err(of_io)
            }
            Form::Parquet(file) => file.row(cells),
            Form::Arrow(file) => file.row(cells),
        }
    }

    /// Writes what is still to be written, and gives back what it wrote to.
    pub(super) fn end(self) -> Result<W> {
        let mut out = match self.form {
            Form::Csv(writer) => writer
                .into_inner()
                .map_err(|error| Error::Internal(error.into_error().into()))?,
            Form::Ndjson(out) => out,
            Form::Parquet(file) => file.end()?,
            Form::Arrow(file) => file.end()?,
        };
        out.flush().map_err(of_io)?;
        Ok(out)
    }
}

/// A row as a JSON object, its keys in the order of the columns.
struct Row<'r>(&'r [Heading], &'r [Cell]);

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let Row(headings, cells) = self;
        let names = headings.iter().map(|heading| &heading.name);
        serializer.collect_map(names.zip(cells.iter()))
    }
}

/// An error of the output.
pub(super) fn of_io(error: std::io::Error) -> Error {
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
