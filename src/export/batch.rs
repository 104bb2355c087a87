//! Cells gathered into the typed columns of a record batch.

use super::cell::Cell;
use super::columnar::of_arrow;
use crate::app::{Error, Result};
use arrow_array::builder::{
    ArrayBuilder, BooleanBuilder, Date32Builder, Float64Builder, Int64Builder, ListBuilder,
    StringBuilder, StringDictionaryBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, SchemaRef};
use chrono::NaiveDate;

/// Rows to a batch at most.
const MOST_ROWS: usize = 4096;
/// Bytes of text to a batch, after which it is written although it has few rows.
const MOST_TEXT: usize = 1024 * 1024;

/// Rows that wait to be written together.
pub(super) struct Batch {
    schema: SchemaRef,
    columns: Vec<Growing>,
    rows: usize,
    text: usize,
}

impl Batch {
    pub(super) fn new(schema: SchemaRef) -> Batch {
        let columns = schema
            .fields()
            .iter()
            .map(|field| Growing::of(field.data_type()))
            .collect();
        Batch {
            schema,
            columns,
            rows: 0,
            text: 0,
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Whether it is to be written before it takes more.
    pub(super) const fn is_full(&self) -> bool {
        self.rows >= MOST_ROWS || self.text >= MOST_TEXT
    }

    /// Adds a row, whose cells are what their columns are.
    pub(super) fn push(&mut self, cells: &[Cell]) -> Result<()> {
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            if !column.push(cell) {
                return Err(Error::internal("a cell is not what its column is"));
            }
            self.text += match cell {
                Cell::Text(text) => text.len(),
                Cell::Id(_) => uuid::fmt::Hyphenated::LENGTH,
                _ => 0,
            };
        }
        self.rows += 1;
        Ok(())
    }

    /// The rows so far; it is empty then.
    pub(super) fn take(&mut self) -> Result<RecordBatch> {
        let arrays: Vec<ArrayRef> = self.columns.iter_mut().map(Growing::take).collect();
        (self.rows, self.text) = (0, 0);
        RecordBatch::try_new(SchemaRef::clone(&self.schema), arrays).map_err(of_arrow)
    }
}

/// One column of a batch.
enum Growing {
    Text(StringBuilder),
    Term(StringDictionaryBuilder<Int32Type>),
    Terms(ListBuilder<StringBuilder>),
    Date(Date32Builder),
    Time(TimestampMicrosecondBuilder),
    Whole(Int64Builder),
    Number(Float64Builder),
    Flag(BooleanBuilder),
}

impl Growing {
    fn of(data_type: &DataType) -> Growing {
        match data_type {
            DataType::Dictionary(_, _) => Growing::Term(StringDictionaryBuilder::new()),
            DataType::List(_) => Growing::Terms(ListBuilder::new(StringBuilder::new())),
            DataType::Date32 => Growing::Date(Date32Builder::new()),
            DataType::Timestamp(_, zone) => {
                Growing::Time(TimestampMicrosecondBuilder::new().with_timezone_opt(zone.clone()))
            }
            DataType::Int64 => Growing::Whole(Int64Builder::new()),
            DataType::Float64 => Growing::Number(Float64Builder::new()),
            DataType::Boolean => Growing::Flag(BooleanBuilder::new()),
            _ => Growing::Text(StringBuilder::new()),
        }
    }

    /// Adds a cell; `false` where it is not of the column's type.
    fn push(&mut self, cell: &Cell) -> bool {
        match (self, cell) {
            (column, Cell::Null) => column.push_null(),
            (Growing::Text(text), Cell::Id(id)) => {
                let mut buffer = uuid::Uuid::encode_buffer();
                text.append_value(id.hyphenated().encode_lower(&mut buffer));
            }
            (Growing::Text(text), Cell::Text(value)) => text.append_value(value),
            (Growing::Text(text), Cell::Code(value)) => text.append_value(value),
            (
                Growing::Text(text),
                Cell::Care(_) | Cell::Disability(_) | Cell::Identifiers(_) | Cell::Objects(_),
            ) => text.append_value(cell.as_json()),
            (Growing::Term(term), Cell::Text(value)) => term.append_value(value),
            (Growing::Term(term), Cell::Code(value)) => term.append_value(value),
            (Growing::Terms(terms), Cell::Codes(values)) => {
                for value in values {
                    terms.values().append_value(value);
                }
                terms.append(true);
            }
            (Growing::Date(date), Cell::Date(value)) => date.append_value(days(*value)),
            (Growing::Time(time), Cell::Instant(value)) => {
                time.append_value(value.timestamp_micros());
            }
            (Growing::Time(time), Cell::LocalTime(value)) => {
                time.append_value(value.and_utc().timestamp_micros());
            }
            (Growing::Whole(whole), Cell::Whole(value)) => whole.append_value(*value),
            (Growing::Number(number), Cell::Tenths(value)) => {
                number.append_value(fraction(*value, 10.0));
            }
            (Growing::Number(number), Cell::Thousandths(value)) => {
                number.append_value(fraction(*value, 1000.0));
            }
            (Growing::Number(number), Cell::Whole(value)) => {
                number.append_value(fraction(*value, 1.0));
            }
            (Growing::Flag(flag), Cell::Flag(value)) => flag.append_value(*value),
            _ => return false,
        }
        true
    }

    fn push_null(&mut self) {
        match self {
            Growing::Text(text) => text.append_null(),
            Growing::Term(term) => term.append_null(),
            Growing::Terms(terms) => terms.append(false),
            Growing::Date(date) => date.append_null(),
            Growing::Time(time) => time.append_null(),
            Growing::Whole(whole) => whole.append_null(),
            Growing::Number(number) => number.append_null(),
            Growing::Flag(flag) => flag.append_null(),
        }
    }

    fn take(&mut self) -> ArrayRef {
        match self {
            Growing::Text(text) => ArrayBuilder::finish(text),
            Growing::Term(term) => ArrayBuilder::finish(term),
            Growing::Terms(terms) => ArrayBuilder::finish(terms),
            Growing::Date(date) => ArrayBuilder::finish(date),
            Growing::Time(time) => ArrayBuilder::finish(time),
            Growing::Whole(whole) => ArrayBuilder::finish(whole),
            Growing::Number(number) => ArrayBuilder::finish(number),
            Growing::Flag(flag) => ArrayBuilder::finish(flag),
        }
    }
}

/// Days since 1970-01-01.
fn days(date: NaiveDate) -> i32 {
    let days = date.signed_duration_since(NaiveDate::default()).num_days();
    i32::try_from(days).unwrap_or(i32::MAX)
}

/// The double next to `number / parts`: what the same number in decimal digits is read as. Nothing is decided by it.
#[allow(
    clippy::float_arithmetic,
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "tools for analysis compute with doubles; an integer so small is one exactly"
)]
fn fraction(number: i64, parts: f64) -> f64 {
    number as f64 / parts
}
