//! The data dictionary: what each column of each dataset says, as Markdown and as JSON.

use super::columns::{Column, columns};
use super::write::written_columns;
use crate::app::exports::{Dataset, Wanted};
use serde_json::{Value, json};
use std::fmt::Write;

/// Every dataset's columns, for the documentation.
#[must_use]
pub fn markdown() -> String {
    let mut text = String::new();
    for dataset in Dataset::ALL {
        let filters = dataset.filters().join("`, `");
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "### `{}`\n\nFilters: `{filters}`.\n\n| Column | Type | Unit | De-identified | What it says |\n| --- | --- | --- | --- | --- |\n",
            dataset.code()
        );
        for column in columns(*dataset) {
            let _ = writeln!(
                text,
                "| `{}` | {} | {} | {} | {} |",
                column.name,
                column.kind.words(),
                column.unit.unwrap_or_default(),
                column.privacy.words(),
                column.description
            );
        }
        text.push('\n');
    }
    text
}

/// What goes with the file of an export: what it is and what its columns say.
#[must_use]
pub fn manifest(wanted: &Wanted, rows: u64, file: &Value) -> Value {
    let columns = written_columns(wanted);
    json!({
        "dataset": wanted.dataset.code(),
        "format": wanted.format.code(),
        "filters": serde_json::to_value(&wanted.filter).unwrap_or_default(),
        "deidentified": wanted.deidentify,
        "rows": rows,
        "file": file,
        "columns": columns.iter().map(|column| described(column, wanted.deidentify)).collect::<Vec<_>>(),
    })
}

fn described(column: &Column, deidentified: bool) -> Value {
    let mut description = json!({
        "name": column.name,
        "type": column.kind.words(),
        "unit": column.unit,
        "description": column.description,
    });
    if let (true, Some(map)) = (deidentified, description.as_object_mut()) {
        map.insert("deidentified".to_owned(), json!(column.privacy.words()));
    }
    description
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    const BEGIN: &str = "<!-- The columns, written by the test in src/export/dictionary.rs. -->\n";

    /// With `MEDIAL_UPDATE_DOCS=1` it writes what it would compare.
    #[test]
    fn the_documented_columns_are_those_that_there_are() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/exports.md");
        let text = std::fs::read_to_string(&path).unwrap();
        let (head, tail) = text.split_once(BEGIN).unwrap();
        let generated = format!("\n{}", markdown().trim_end()) + "\n";
        if std::env::var_os("MEDIAL_UPDATE_DOCS").is_some() {
            std::fs::write(&path, format!("{head}{BEGIN}{generated}")).unwrap();
            return;
        }
        assert!(
            tail == generated,
            "docs/exports.md is not what the columns are; run this test with MEDIAL_UPDATE_DOCS=1"
        );
    }

    #[test]
    fn names_are_plain_and_each_is_there_once() {
        for dataset in Dataset::ALL {
            let columns = columns(*dataset);
            let names: BTreeSet<&str> = columns.iter().map(|column| column.name.as_ref()).collect();
            assert_eq!(names.len(), columns.len(), "{}", dataset.code());
            for name in names {
                let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
                assert!(name.chars().all(plain), "{name}");
            }
        }
    }
}
