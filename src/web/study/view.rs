//! Tables as they are read.

use crate::domain::qualification::explain::duration_words;
use crate::domain::study::table::Row;
use crate::domain::study::{Cell, Column, Figure, Report, Table, Unit};
use crate::http::query::Query;
use chrono::TimeDelta;

/// So many rows of a table are shown; its CSV has all.
const ROWS: usize = 300;

/// A table on a page.
pub(super) struct TableView {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) denominator_is: &'static str,
    pub(super) headings: Vec<Heading>,
    pub(super) rows: Vec<Vec<CellView>>,
    pub(super) more: usize,
    pub(super) left_out: Vec<(&'static str, String)>,
    pub(super) csv: String,
    pub(super) is_main: bool,
}

/// The head of a column.
pub(super) struct Heading {
    pub(super) label: &'static str,
    pub(super) about: &'static str,
    pub(super) is_number: bool,
}

/// A value.
pub(super) struct CellView {
    pub(super) text: String,
    pub(super) note: String,
    pub(super) is_number: bool,
}

/// The tables of a report; with the figure and the query that their CSV is asked for with, where there is one.
pub(super) fn tables_of(report: &Report, of: Option<(Figure, &Query)>) -> Vec<TableView> {
    let view = |(place, table): (usize, &Table)| TableView {
        name: table.name,
        title: table.title,
        denominator_is: table.denominator_is,
        headings: table.columns.iter().map(heading).collect(),
        rows: table
            .rows
            .iter()
            .take(ROWS)
            .map(|row| cells(table, row))
            .collect(),
        more: table.rows.len().saturating_sub(ROWS),
        left_out: table
            .left_out
            .iter()
            .map(|(reason, count)| (*reason, counted(*count)))
            .collect(),
        csv: of.map_or_else(String::new, |(figure, chosen)| csv(figure, chosen, table)),
        is_main: place == 0,
    };
    report.tables.iter().enumerate().map(view).collect()
}

fn counted(count: Option<u64>) -> String {
    count.map_or_else(|| "few, kept back".to_owned(), |count| count.to_string())
}

fn csv(figure: Figure, chosen: &Query, table: &Table) -> String {
    let mut query = chosen.without(&["figure", "table"]);
    query.push("figure", figure.code());
    query.push("table", table.name);
    format!("/study/table.csv?{}", query.encoded())
}

fn heading(column: &Column) -> Heading {
    Heading {
        label: column.label,
        about: column.about,
        is_number: column.unit != Unit::Key,
    }
}

fn cells(table: &Table, row: &Row) -> Vec<CellView> {
    let pairs = table.columns.iter().zip(&row.cells);
    pairs
        .map(|(column, cell)| CellView {
            text: shown(column, cell),
            note: match cell {
                Cell::Missing => row.note.clone().unwrap_or_else(|| "none".to_owned()),
                _ => String::new(),
            },
            is_number: column.unit != Unit::Key,
        })
        .collect()
}

/// A value as it is read: percentages with both of their digits, for rounding them again would not be rounding, durations
/// as everywhere in hours and minutes, or in days.
fn shown(column: &Column, cell: &Cell) -> String {
    let Some(number) = cell.number() else {
        return cell
            .word()
            .map_or_else(String::new, |word| word.replace('_', " "));
    };
    let rounded = |parts: i64| (number + parts / 2).div_euclid(parts);
    match column.unit {
        Unit::Percent => {
            let sign = if number < 0 { "-" } else { "" };
            format!(
                "{sign}{}.{:02}\u{a0}%",
                number.abs() / 100,
                number.abs() % 100
            )
        }
        Unit::Ratio => {
            let hundredths = rounded(100);
            let sign = if hundredths < 0 { "-" } else { "" };
            format!(
                "{sign}{}.{:02}",
                hundredths.abs() / 100,
                hundredths.abs() % 100
            )
        }
        Unit::Minutes => duration_words(TimeDelta::minutes(number)).replace(' ', "\u{a0}"),
        Unit::Key if column.name.ends_with("_percent") => format!("{number}\u{a0}%"),
        Unit::Key
        | Unit::Count
        | Unit::Numerator
        | Unit::Denominator
        | Unit::Detail
        | Unit::Days => number.to_string(),
    }
}
