//! The data dictionary: what each column of each dataset says, as Markdown and as JSON.

use super::column::Column;
use super::columns::{DICTIONARY_VERSION, columns};
use crate::app::exports::Dataset;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// Every dataset's columns, for a reader.
#[must_use]
pub fn markdown() -> String {
    let mut text = format!(
        "# Data dictionary\n\nVersion {DICTIONARY_VERSION}. Made from the definitions that the exports are written by. The column\n\
         *De-identified* says what becomes of a value where what identifies patients is left out.\n\n"
    );
    for dataset in Dataset::ALL {
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "## `{}`\n\nFilters: `{}`.\n\n| Column | Type | Unit | De-identified | What it says |\n| --- | --- | --- | --- | --- |\n",
            dataset.code(),
            dataset.filters().join("`, `")
        );
        for column in columns(*dataset) {
            let _ = writeln!(
                text,
                "| `{}` | {} | {} | {} | {} |",
                column.name(),
                column.heading.kind.words(),
                column.heading.unit.unwrap_or_default(),
                column.privacy.words(),
                column.heading.description
            );
        }
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

/// The same for a program.
#[must_use]
pub fn document() -> Value {
    json!({
        "version": DICTIONARY_VERSION,
        "fingerprint": fingerprint(),
        "datasets": Dataset::ALL.iter().map(|dataset| of_dataset(*dataset)).collect::<Vec<_>>(),
    })
}

fn of_dataset(dataset: Dataset) -> Value {
    json!({
        "name": dataset.code(),
        "filters": dataset.filters(),
        "columns": columns(dataset).iter().map(described).collect::<Vec<_>>(),
    })
}

fn described(column: &Column) -> Value {
    let mut description = super::manifest::described(&column.heading);
    if let Some(fields) = description.as_object_mut() {
        fields.insert("deidentified".to_owned(), json!(column.privacy.words()));
    }
    description
}

/// Twelve hexadecimal digits that change with whatever a column is called, is, or says.
#[must_use]
pub fn fingerprint() -> String {
    let mut digest = Sha256::new();
    for dataset in Dataset::ALL {
        digest.update(of_dataset(*dataset).to_string().as_bytes());
    }
    let mut digits = String::new();
    for byte in digest.finalize().iter().take(6) {
        // Writing to a string cannot fail.
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::{Path, PathBuf};

    fn of_repository(path: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
    }

    /// With `MEDIAL_UPDATE_DOCS=1` it writes what it would compare.
    #[test]
    fn the_documented_columns_are_those_that_there_are() {
        let path = of_repository("docs/data-dictionary.md");
        if std::env::var_os("MEDIAL_UPDATE_DOCS").is_some() {
            std::fs::write(&path, markdown()).unwrap();
            return;
        }
        assert!(
            std::fs::read_to_string(&path).unwrap() == markdown(),
            "docs/data-dictionary.md is not what the columns are; run this test with MEDIAL_UPDATE_DOCS=1"
        );
    }

    #[test]
    fn no_column_changes_without_a_line_in_the_change_log() {
        let changes = std::fs::read_to_string(of_repository("CHANGELOG.md")).unwrap();
        let line = format!(
            "data dictionary version {DICTIONARY_VERSION} ({})",
            fingerprint()
        );
        let unwrapped = changes.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            unwrapped.contains(&line),
            "CHANGELOG.md does not say “{line}”: the columns have changed. Raise DICTIONARY_VERSION if a version with the one \
             before was released, and say in the change log what changed."
        );
    }

    #[test]
    fn names_are_plain_and_each_is_there_once() {
        for dataset in Dataset::ALL {
            let columns = columns(*dataset);
            let names: BTreeSet<&str> = columns.iter().map(Column::name).collect();
            assert_eq!(names.len(), columns.len(), "{}", dataset.code());
            for name in names {
                let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
                assert!(name.chars().all(plain), "{name}");
            }
        }
    }
}
