//! Apache Parquet and Apache Arrow: rows gathered into typed batches of bounded size, with units and descriptions.

use super::batch::Batch;
use super::cell::Cell;
use super::column::{Heading, Kind};
use super::sheet::of_io;
use crate::app::{Error, Result};
use arrow_ipc::writer::FileWriter;
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;
use std::collections::HashMap;
use std::io::Write;
use std::sync::Arc;

/// Rows to a row group of Parquet at most: it is in memory, encoded, until it is written.
const ROW_GROUP: usize = 65_536;
/// Bytes to a row group at most.
const ROW_GROUP_BYTES: usize = 16 * 1024 * 1024;

/// What a file says of itself, as names and values.
pub(super) type Labels = Vec<(String, String)>;

/// A Parquet file on its way. Its library writes into memory; what is there goes on to `out` after each row group.
pub(super) struct ParquetFile<W> {
    batch: Batch,
    writer: ArrowWriter<Vec<u8>>,
    out: W,
}

impl<W: Write> ParquetFile<W> {
    pub(super) fn begin(headings: &[Heading], labels: &Labels, out: W) -> Result<ParquetFile<W>> {
        let schema = schema(headings, Terms::Dictionary);
        let writer = ArrowWriter::try_new(
            Vec::new(),
            Arc::clone(&schema),
            Some(properties(headings, labels)),
        );
        Ok(ParquetFile {
            batch: Batch::new(schema),
            writer: writer.map_err(of_parquet)?,
            out,
        })
    }

    pub(super) fn row(&mut self, cells: &[Cell]) -> Result<()> {
        self.batch.push(cells)?;
        if self.batch.is_full() {
            self.write_batch()?;
        }
        Ok(())
    }

    fn write_batch(&mut self) -> Result<()> {
        let batch = self.batch.take()?;
        self.writer.write(&batch).map_err(of_parquet)?;
        self.hand_on()
    }

    /// What the library has written so far goes out: nothing but the row group at hand stays in memory.
    fn hand_on(&mut self) -> Result<()> {
        let written = self.writer.inner_mut();
        self.out.write_all(written).map_err(of_io)?;
        written.clear();
        Ok(())
    }

    pub(super) fn end(mut self) -> Result<W> {
        if !self.batch.is_empty() {
            self.write_batch()?;
        }
        self.writer.finish().map_err(of_parquet)?;
        self.hand_on()?;
        Ok(self.out)
    }
}

/// An Arrow file on its way. It ends with a footer, without which no reader takes it for whole.
pub(super) struct ArrowFile<W: Write> {
    batch: Batch,
    writer: FileWriter<W>,
}

impl<W: Write> ArrowFile<W> {
    pub(super) fn begin(headings: &[Heading], labels: &Labels, out: W) -> Result<ArrowFile<W>> {
        // A file may not replace a dictionary that it began with, so terms are plain strings here.
        let schema = schema(headings, Terms::Strings);
        let mut writer = FileWriter::try_new(out, &schema).map_err(of_arrow)?;
        for (name, value) in labels {
            writer.write_metadata(name, value);
        }
        Ok(ArrowFile {
            batch: Batch::new(schema),
            writer,
        })
    }

    pub(super) fn row(&mut self, cells: &[Cell]) -> Result<()> {
        self.batch.push(cells)?;
        if self.batch.is_full() {
            self.write_batch()?;
        }
        Ok(())
    }

    fn write_batch(&mut self) -> Result<()> {
        let batch = self.batch.take()?;
        self.writer.write(&batch).map_err(of_arrow)
    }

    pub(super) fn end(mut self) -> Result<W> {
        if !self.batch.is_empty() {
            self.write_batch()?;
        }
        self.writer.into_inner().map_err(of_arrow)
    }
}

/// How terms of closed lists are held.
#[derive(Clone, Copy)]
enum Terms {
    Dictionary,
    Strings,
}

/// Every field may be empty: not recorded.
fn schema(headings: &[Heading], terms: Terms) -> SchemaRef {
    let fields: Vec<Field> = headings
        .iter()
        .map(|heading| {
            Field::new(heading.name.as_ref(), data_type(heading.kind, terms), true)
                .with_metadata(metadata(heading))
        })
        .collect();
    Arc::new(Schema::new(fields))
}

fn data_type(kind: Kind, terms: Terms) -> DataType {
    match kind {
        Kind::Id | Kind::Text | Kind::Objects => DataType::Utf8,
        Kind::Code => match terms {
            Terms::Dictionary => {
                DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
            }
            Terms::Strings => DataType::Utf8,
        },
        Kind::Codes => DataType::List(Arc::new(Field::new("item", DataType::Utf8, true))),
        Kind::Date => DataType::Date32,
        Kind::Instant => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        Kind::LocalTime => DataType::Timestamp(TimeUnit::Microsecond, None),
        Kind::Integer => DataType::Int64,
        Kind::Number => DataType::Float64,
        Kind::Boolean => DataType::Boolean,
    }
}

fn metadata(heading: &Heading) -> HashMap<String, String> {
    let unit = heading
        .unit
        .map(|unit| ("unit".to_owned(), unit.to_owned()));
    [
        ("description".to_owned(), heading.description.to_string()),
        ("kind".to_owned(), heading.kind.words().to_owned()),
    ]
    .into_iter()
    .chain(unit)
    .collect()
}

fn properties(headings: &[Heading], labels: &Labels) -> WriterProperties {
    let labels: Vec<KeyValue> = labels
        .iter()
        .map(|(name, value)| KeyValue::new(name.clone(), value.clone()))
        .collect();
    let mut properties = WriterProperties::builder()
        .set_created_by(concat!("medial ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(ROW_GROUP))
        .set_max_row_group_bytes(Some(ROW_GROUP_BYTES))
        .set_key_value_metadata(Some(labels));
    for heading in headings {
        // Hardly an id comes twice: a dictionary of them is work for nothing.
        if heading.kind == Kind::Id {
            let path = ColumnPath::from(heading.name.as_ref());
            properties = properties.set_column_dictionary_enabled(path, false);
        }
    }
    properties.build()
}

/// The plain error of the output, where it is one.
pub(super) fn of_arrow(error: ArrowError) -> Error {
    match error {
        ArrowError::IoError(_, error) => of_io(error),
        other => Error::Internal(other.into()),
    }
}

fn of_parquet(error: ParquetError) -> Error {
    Error::Internal(error.into())
}
