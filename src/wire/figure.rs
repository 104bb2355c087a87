//! A figure as JSON: tables with named columns, each row an object by their names.

use super::scalar::{Date, Decimal};
use crate::domain::statistics::LEVEL_PERCENT;
use crate::domain::study::{Cell, Column, Report, Table, Unit};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A figure of the cohort.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Figure")]
pub struct FigureFields {
    /// Its name, as in the path.
    pub figure: &'static str,
    /// Its heading.
    pub title: &'static str,
    /// What it tells.
    pub about: &'static str,
    /// As of which day: nothing dated later exists for it.
    pub as_of: Date,
    /// How its intervals are computed.
    pub interval: IntervalFields,
    /// The filters and options that were chosen, by their names: one value, or a list where several were.
    pub chosen: BTreeMap<&'static str, Chosen>,
    /// Numbers from 1 up to below this are kept back; 0 for none.
    pub min_cell: u64,
    /// Whether names of people and places are numbers in it.
    pub deidentified: bool,
    /// Its tables, the main one first.
    pub tables: Vec<TableFields>,
    /// What has to be known to read it.
    pub notes: Vec<&'static str>,
}

/// What was chosen.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "FigureChosen")]
pub enum Chosen {
    /// One value.
    One(String),
    /// Several, any of which fits.
    Several(Vec<String>),
}

impl From<&[String]> for Chosen {
    fn from(values: &[String]) -> Chosen {
        match values {
            [one] => Chosen::One(one.clone()),
            several => Chosen::Several(several.to_vec()),
        }
    }
}

/// How intervals are computed.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "FigureInterval")]
pub struct IntervalFields {
    /// `wilson`, `wald` or `clopper_pearson`.
    pub method: &'static str,
    /// Their level in percent.
    pub level_percent: u8,
}

/// A table of a figure.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "FigureTable")]
pub struct TableFields {
    /// Its name.
    pub name: &'static str,
    /// Its heading.
    pub title: &'static str,
    /// What its denominators are.
    pub denominator_is: &'static str,
    /// Its columns.
    pub columns: Vec<ColumnFields>,
    /// Its rows: an object by the names of the columns, with `note` saying why something is null.
    pub rows: Vec<Map<String, Value>>,
    /// Who was left out.
    pub left_out: Vec<LeftOutFields>,
}

/// A column of a table.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "FigureColumn")]
pub struct ColumnFields {
    /// Its name.
    pub name: &'static str,
    /// Its heading.
    pub label: &'static str,
    /// What it holds.
    pub about: &'static str,
    /// `key`, `count`, `percent`, `ratio`, `minutes` or `days`.
    pub unit: &'static str,
}

/// Who was left out of a table.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "FigureLeftOut")]
pub struct LeftOutFields {
    /// Why.
    pub reason: &'static str,
    /// How many; null where so small a number is kept back.
    pub count: Option<u64>,
}

/// The code of a unit.
#[must_use]
pub const fn unit_code(unit: Unit) -> &'static str {
    match unit {
        Unit::Key => "key",
        Unit::Count | Unit::Numerator | Unit::Denominator | Unit::Detail => "count",
        Unit::Percent => "percent",
        Unit::Ratio => "ratio",
        Unit::Minutes => "minutes",
        Unit::Days => "days",
    }
}

/// The name of the column that every table has at its end.
pub const NOTE: &str = "note";

impl From<&Report> for FigureFields {
    fn from(report: &Report) -> FigureFields {
        FigureFields {
            figure: report.figure,
            title: report.title,
            about: report.about,
            as_of: Date(report.as_of),
            interval: IntervalFields {
                method: report.interval.code(),
                level_percent: LEVEL_PERCENT,
            },
            chosen: report
                .chosen
                .iter()
                .map(|(name, values)| (*name, Chosen::from(values.as_slice())))
                .collect(),
            min_cell: report.min_cell,
            deidentified: report.deidentified,
            tables: report.tables.iter().map(TableFields::from).collect(),
            notes: report.notes.clone(),
        }
    }
}

impl From<&Table> for TableFields {
    fn from(table: &Table) -> TableFields {
        let column = |column: &Column| ColumnFields {
            name: column.name,
            label: column.label,
            about: column.about,
            unit: unit_code(column.unit),
        };
        let row = |row: &crate::domain::study::table::Row| {
            let cells = table.columns.iter().zip(&row.cells);
            let mut fields: Map<String, Value> = cells
                .map(|(column, cell)| (column.name.to_owned(), value(cell)))
                .collect();
            fields.insert(NOTE.to_owned(), json!(row.note));
            fields
        };
        let left_out = |(reason, count): &(&'static str, Option<u64>)| LeftOutFields {
            reason,
            count: *count,
        };
        TableFields {
            name: table.name,
            title: table.title,
            denominator_is: table.denominator_is,
            columns: table.columns.iter().map(column).collect(),
            rows: table.rows.iter().map(row).collect(),
            left_out: table.left_out.iter().map(left_out).collect(),
        }
    }
}

fn value(cell: &Cell) -> Value {
    match cell {
        Cell::Missing => Value::Null,
        Cell::Text(text) => json!(text),
        Cell::Whole(number) => json!(number),
        Cell::Percent(hundredths) => json!(Decimal::<2>(*hundredths)),
        Cell::Ratio(ten_thousandths) => json!(Decimal::<4>(*ten_thousandths)),
    }
}

/// A value as text, with all of its digits: `26.67`, `0.4000`; empty where it is missing.
#[must_use]
pub fn written(cell: &Cell) -> String {
    let decimal = |number: i64, parts: u64, places: usize| {
        let sign = if number < 0 { "-" } else { "" };
        let (whole, rest) = (number.unsigned_abs() / parts, number.unsigned_abs() % parts);
        format!("{sign}{whole}.{rest:0places$}")
    };
    match cell {
        Cell::Missing => String::new(),
        Cell::Text(text) => text.clone(),
        Cell::Whole(number) => number.to_string(),
        Cell::Percent(hundredths) => decimal(*hundredths, 100, 2),
        Cell::Ratio(ten_thousandths) => decimal(*ten_thousandths, 10_000, 4),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_with_all_of_their_digits() {
        assert_eq!(written(&Cell::Percent(2667)), "26.67");
        assert_eq!(written(&Cell::Percent(-5)), "-0.05");
        assert_eq!(written(&Cell::Ratio(4000)), "0.4000");
        assert_eq!(written(&Cell::Missing), "");
        assert_eq!(value(&Cell::Percent(2650)), json!(26.5));
        assert_eq!(value(&Cell::Percent(10_000)), json!(100));
    }
}
