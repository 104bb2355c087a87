//! One row of CSV as a case of one block with one score.

use super::columns::{COLUMNS, Cell, Column, SCORE};
use super::line::not_utf8;
use crate::wire::errors::FieldError;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// The columns of a file, in its order.
#[derive(Debug, Clone)]
pub struct Header {
    columns: Vec<&'static Column>,
}

impl Header {
    /// Reads the cells of a first row.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn read(cells: &[Vec<u8>]) -> Result<Header, String> {
        let names: Vec<String> = cells
            .iter()
            .map(|cell| String::from_utf8_lossy(cell).trim().to_ascii_lowercase())
            .collect();
        let named = |name: &String| COLUMNS.iter().find(|column| column.name == name);
        // A first row of records may hold personal content, so that nothing of it is repeated.
        if names.iter().all(|name| named(name).is_none()) {
            let known = |name: &str| COLUMNS.iter().any(|column| column.name == name.trim());
            let semicolons = names.iter().any(|name| name.split(';').any(known));
            return Err(if semicolons {
                "the first row holds none of the known columns: it seems to be separated by semicolons; save the file \
                 with commas"
                    .to_owned()
            } else {
                "the first row holds none of the known columns: the header is missing, or this is no CSV".to_owned()
            });
        }
        let mut wrong = Vec::new();
        let mut columns = Vec::new();
        let mut seen = BTreeSet::new();
        for (place, name) in names.iter().enumerate() {
            match named(name) {
                None => wrong.push(format!(
                    "column {} (“{}”) is not known",
                    place + 1,
                    shown(name)
                )),
                Some(column) if !seen.insert(column.name) => {
                    wrong.push(format!("column “{}” is there twice", column.name));
                }
                Some(column) => columns.push(column),
            }
        }
        for missing in COLUMNS
            .iter()
            .filter(|column| column.required && !seen.contains(column.name))
        {
            wrong.push(format!("the required column “{}” is missing", missing.name));
        }
        if wrong.is_empty() {
            Ok(Header { columns })
        } else {
            Err(wrong.join("; "))
        }
    }

    /// How many columns there are.
    #[must_use]
    pub fn width(&self) -> usize {
        self.columns.len()
    }

    /// The cells that every row of a block repeats: rows that agree in them can be recorded together.
    #[must_use]
    pub fn shared<'c>(&self, cells: &'c [Vec<u8>]) -> Vec<&'c [u8]> {
        let columns = self.columns.iter().zip(cells);
        columns
            .filter(|(column, _)| !column.pointer.starts_with(SCORE))
            .map(|(_, cell)| cell.as_slice())
            .collect()
    }

    /// A row as a case in JSON, to be read as any other; an empty cell says nothing.
    ///
    /// # Errors
    /// When the row has another number of cells than the header, or a cell is not UTF-8.
    pub fn case(&self, cells: &[Vec<u8>]) -> Result<Value, Vec<FieldError>> {
        if cells.len() != self.columns.len() {
            let (found, expected) = (cells.len(), self.columns.len());
            let detail = format!(
                "Expected {expected} cells as in the header, found {found}: a comma too many or too few, or the row is cut off."
            );
            return Err(vec![FieldError::new("", "wrong_width", detail)]);
        }
        // What a row must have is there from the start, so that it is missed where its cells are empty.
        let mut case = json!({"patient": {"identifiers": [{}]}, "episode": {}, "blocks": [{}]});
        for (column, cell) in self.columns.iter().zip(cells) {
            let text = std::str::from_utf8(cell).map_err(|error| {
                let mut errors = not_utf8(error.valid_up_to());
                for error in &mut errors {
                    column.pointer.clone_into(&mut error.pointer);
                    "This cell is not UTF-8; save the file as UTF-8.".clone_into(&mut error.detail);
                }
                errors
            })?;
            let text = text.trim();
            if !text.is_empty() {
                let place = column.pointer.split('/').skip(1);
                put(&mut case, place, value(column.cell, text));
            }
        }
        Ok(case)
    }
}

/// A column's name as it can be shown: it comes from the file.
fn shown(name: &str) -> String {
    let printable = name.chars().filter(|character| !character.is_control());
    printable.take(40).collect()
}

/// Puts `value` at a place of `tree`; a part that is a number is a place in an array, and here always 0.
fn put<'p>(tree: &mut Value, mut place: impl Iterator<Item = &'p str>, value: Value) {
    let Some(part) = place.next() else {
        *tree = value;
        return;
    };
    if part == "0" {
        if !tree.is_array() {
            *tree = json!([null]);
        }
        if let Some(first) = tree.get_mut(0) {
            put(first, place, value);
        }
        return;
    }
    if !tree.is_object() {
        *tree = Value::Object(Map::new());
    }
    if let Some(object) = tree.as_object_mut() {
        put(object.entry(part).or_insert(Value::Null), place, value);
    }
}

/// A cell as JSON. What does not fit stays a text, for the reader of cases to refuse in its words.
fn value(cell: Cell, text: &str) -> Value {
    match cell {
        Cell::Text => json!(text),
        Cell::Number => number(text),
        Cell::Truth => match text.to_ascii_lowercase().as_str() {
            "true" | "yes" => json!(true),
            "false" | "no" => json!(false),
            _ => json!(text),
        },
        Cell::Terms if text.eq_ignore_ascii_case("none") => json!([]),
        Cell::Terms => parts(text).map(|term| json!(term)).collect(),
        Cell::Care => parts(text)
            .map(|entry| {
                fields(
                    entry,
                    &[
                        ("kind", Cell::Text),
                        ("start", Cell::Text),
                        ("end", Cell::Text),
                        ("outcome", Cell::Text),
                    ],
                )
            })
            .collect(),
        Cell::Disability => parts(text)
            .map(|entry| {
                fields(
                    entry,
                    &[
                        ("instrument", Cell::Text),
                        ("score", Cell::Number),
                        ("maximum", Cell::Number),
                        ("taken_on", Cell::Text),
                    ],
                )
            })
            .collect(),
    }
}

fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(';')
        .map(str::trim)
        .filter(|part| !part.is_empty())
}

/// `a:b:c` as an object. A part too many makes it a text, which is refused.
fn fields(entry: &str, names: &[(&str, Cell)]) -> Value {
    let parts: Vec<&str> = entry.split(':').map(str::trim).collect();
    if parts.len() > names.len() {
        return json!(entry);
    }
    let named = names.iter().zip(parts);
    let filled = named.filter(|(_, part)| !part.is_empty());
    let object: Map<String, Value> = filled
        .map(|((name, cell), part)| ((*name).to_owned(), value(*cell, part)))
        .collect();
    Value::Object(object)
}

fn number(text: &str) -> Value {
    // JSON writes its numbers as people do, but refuses `+1` and `1,5`, and so do we.
    match serde_json::from_str::<Value>(text) {
        Ok(number) if number.is_number() => number,
        _ => json!(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(texts: &[&str]) -> Vec<Vec<u8>> {
        texts.iter().map(|text| text.as_bytes().to_vec()).collect()
    }

    fn all() -> Header {
        let names: Vec<&str> = COLUMNS.iter().map(|column| column.name).collect();
        Header::read(&cells(&names)).unwrap()
    }

    #[test]
    fn the_example_rows_are_cases() {
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        for row in 0..2 {
            let examples: Vec<&str> = COLUMNS.iter().map(|column| column.examples[row]).collect();
            let case = all().case(&cells(&examples)).unwrap();
            let body = super::super::read_case(case, now).unwrap();
            assert_eq!(body.blocks.unwrap()[0].scores.as_ref().unwrap().len(), 1);
            assert_eq!(body.episode.conservative_care.unwrap().len(), 2);
        }
    }

    #[test]
    fn a_header_is_refused_with_everything_that_is_wrong() {
        let error = Header::read(&cells(&["region", "Region", "shoe_size"])).unwrap_err();
        assert!(error.contains("column “region” is there twice"), "{error}");
        assert!(
            error.contains("column 3 (“shoe_size”) is not known"),
            "{error}"
        );
        assert!(
            error.contains("the required column “identifier_system” is missing"),
            "{error}"
        );
    }

    #[test]
    fn a_missing_header_is_told_without_repeating_the_row() {
        let error = Header::read(&cells(&["urn:x", "Roe"])).unwrap_err();
        assert!(
            error.contains("header is missing") && !error.contains("Roe"),
            "{error}"
        );
        let error = Header::read(&cells(&["region;side"])).unwrap_err();
        assert!(error.contains("semicolons"), "{error}");
    }

    #[test]
    fn cells_that_do_not_fit_stay_texts() {
        assert_eq!(value(Cell::Number, "2-8/10"), json!("2-8/10"));
        assert_eq!(value(Cell::Number, "NaN"), json!("NaN"));
        assert_eq!(value(Cell::Number, "7.5"), json!(7.5));
        assert_eq!(value(Cell::Truth, "maybe"), json!("maybe"));
        assert_eq!(value(Cell::Truth, "No"), json!(false));
        assert_eq!(value(Cell::Terms, "none"), json!([]));
        assert_eq!(value(Cell::Terms, "L4-5; L5-S1;"), json!(["L4-5", "L5-S1"]));
        assert_eq!(
            value(Cell::Care, "rest::2025-01-01:"),
            json!([{"kind": "rest", "end": "2025-01-01"}])
        );
        assert_eq!(value(Cell::Care, "a:b:c:d:e"), json!(["a:b:c:d:e"]));
    }
}
